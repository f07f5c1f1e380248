//! Clues of a facing: how it differs from what it looked like when it was stocked, and whether it looks like a shelf or like goods.

use super::ClueWeights;
use super::geometry::{Behind, Front, NODES, PROBES};
use crate::eyes::colours::{at, cells};
use crate::nets::RgbPicture;
use walkout_model::Pixel;

/// Pixels a side of a patch: what the item network takes.
const SIDE: usize = 96;
/// Cells a side of a package that are compared.
const CELLS: usize = 16;
/// A unit stands so many cells beside its place, at most, across and down.
const ASTRAY: [usize; 2] = [3, 1];
/// Cells across and down by which light is compared.
const LIGHT: [usize; 2] = [48, 36];
/// Variance of levels that noise makes.
const NOISE: f32 = 25.0;
/// How many clues there are.
pub const CLUES: usize = 9;

/// What is to be seen of a facing. All are about 0 to a few.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clues {
    numbers: [f64; CLUES],
}

/// A front, straightened out.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    rgb: Vec<u8>,
    /// What the package covers: left, top, right, bottom, pixels.
    package: [f64; 4],
}

/// What a facing looked like when it was stocked.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    /// Of `CELLS` × `CELLS` cells.
    cells: Vec<[f32; 3]>,
}

/// How a front compares with a facing's template.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Match {
    /// Correlation of what varies, −1 to 1.
    pub correlation: f32,
    /// Difference of the mean colours, and mean difference of the cells, as shares of the brightness.
    pub colour: f32,
    pub difference: f32,
}

impl Patch {
    /// Cuts a front out of a picture, seen as if from straight before it.
    pub fn cut(picture: &RgbPicture<'_>, front: &Front, per_px: f64) -> Self {
        let mut rgb = Vec::with_capacity(SIDE * SIDE * 3);
        let last = (NODES - 1) as f64;
        for y in 0..SIDE {
            for x in 0..SIDE {
                let part = |k: usize| (k as f64 + 0.5) / SIDE as f64 * last;
                let (u, v) = (part(x), part(y));
                let (i, j) = (u as usize, v as usize);
                let (a, b) = (u - i as f64, v - j as f64);
                let node = |i: usize, j: usize| front.square.get(j * NODES + i).copied();
                let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(di, dj)| {
                    let weight =
                        (if di == 1 { a } else { 1.0 - a }) * (if dj == 1 { b } else { 1.0 - b });
                    (node(i + di, j + dj).unwrap_or_default(), weight)
                });
                let p = corners.iter().fold(Pixel::default(), |p, (c, w)| Pixel {
                    u: p.u + w * c.u,
                    v: p.v + w * c.v,
                });
                rgb.extend(between(picture, p.u / per_px, p.v / per_px).map(|c| c as u8));
            }
        }
        let package = front.package.map(|p| p * SIDE as f64);
        Self { rgb, package }
    }

    /// The patch as a picture.
    pub fn picture(&self) -> Option<RgbPicture<'_>> {
        let side = SIDE as u32;
        RgbPicture::new(side, side, &self.rgb).ok()
    }

    /// The package's cells with those about it where a unit may stand astray: rows from the top.
    fn cells(&self) -> Vec<[f32; 3]> {
        let [left, top, right, bottom] = self.package;
        let (w, h) = ((right - left) / CELLS as f64, (bottom - top) / CELLS as f64);
        let [ax, ay] = ASTRAY;
        let mut out = Vec::with_capacity((CELLS + 2 * ax) * (CELLS + 2 * ay));
        let range = |from: f64, step: f64| {
            let lo = from.clamp(0.0, SIDE as f64 - 1.0) as usize;
            let hi = (from + step).ceil().clamp(lo as f64 + 1.0, SIDE as f64) as usize;
            lo..hi
        };
        for j in 0..CELLS + 2 * ay {
            for i in 0..CELLS + 2 * ax {
                let (mut sum, mut n) = ([0.0_f32; 3], 0.0_f32);
                for y in range(top + (j as f64 - ay as f64) * h, h) {
                    for x in range(left + (i as f64 - ax as f64) * w, w) {
                        let k = (y * SIDE + x) * 3;
                        let pixel = self.rgb.get(k..k + 3).unwrap_or(&[0; 3]);
                        for (s, p) in sum.iter_mut().zip(pixel) {
                            *s += f32::from(*p);
                        }
                        n += 1.0;
                    }
                }
                out.push(sum.map(|s| s / n.max(1.0)));
            }
        }
        out
    }

    /// What the facing looks like when it is stocked, if this is it.
    pub fn template(&self) -> Template {
        let all = self.cells();
        let [ax, ay] = ASTRAY;
        let row = |j: usize| (j + ay) * (CELLS + 2 * ax) + ax;
        let cells =
            (0..CELLS).flat_map(|j| all.get(row(j)..row(j) + CELLS).unwrap_or_default().to_vec());
        Template {
            cells: cells.collect(),
        }
    }

    /// Compares what of a front is open with a template, as near as a unit may stand beside its place. `gain` brings this picture's
    /// colours to those of the template's.
    pub fn matched(&self, template: &Template, front: &Front, gain: [f32; 3]) -> Match {
        let all = self.cells();
        let [ax, ay] = ASTRAY;
        let open: Vec<usize> = (0..CELLS * CELLS)
            .filter(|k| {
                let part = |c: usize| c * PROBES / CELLS;
                let probe = (PROBES - 1 - part(k / CELLS)) * PROBES + part(k % CELLS);
                front.open.get(probe).copied().unwrap_or(false)
            })
            .collect();
        let mut best = Match {
            correlation: -1.0,
            ..Match::default()
        };
        for dy in 0..=2 * ay {
            for dx in 0..=2 * ax {
                let pairs = open.iter().filter_map(|k| {
                    let (i, j) = (k % CELLS + dx, k / CELLS + dy);
                    let now = all.get(j * (CELLS + 2 * ax) + i)?;
                    let was = template.cells.get(*k)?;
                    Some(([0, 1, 2].map(|c| now[c] * gain[c]), *was))
                });
                let found = compared(pairs);
                if found.correlation > best.correlation {
                    best = found;
                }
            }
        }
        best
    }

    /// Mean difference of brightness between neighbours within the package, as a share of its brightness.
    fn busy(&self) -> f64 {
        let [left, top, right, bottom] = self.package.map(|p| p as usize);
        let inset = |lo: usize, hi: usize| {
            let by = (hi - lo) / 7;
            (lo + by, hi.saturating_sub(by).max(lo + by + 3))
        };
        let ((x0, x1), (y0, y1)) = (inset(left, right), inset(top, bottom));
        let grey = |x: usize, y: usize| {
            let i = (y.min(SIDE - 1) * SIDE + x.min(SIDE - 1)) * 3;
            let c = |k: usize| self.rgb.get(i + k).copied().map_or(0.0, f64::from);
            0.3 * c(0) + 0.6 * c(1) + 0.1 * c(2)
        };
        let (mut sum, mut light, mut n) = (0.0, 0.0, 0.0);
        for y in y0..y1 {
            for x in x0..x1 {
                let here = grey(x, y);
                sum += (grey(x + 2, y) - here).abs() + (grey(x, y + 2) - here).abs();
                light += here;
                n += 1.0;
            }
        }
        sum / (light + 12.0 * n + 1e-9)
    }
}

/// Correlation over the channels' own means, and differences, of pairs of colours.
fn compared(pairs: impl Iterator<Item = ([f32; 3], [f32; 3])> + Clone) -> Match {
    let n = pairs.clone().count() as f32;
    if n < 8.0 {
        return Match {
            correlation: 0.0,
            ..Match::default()
        };
    }
    let (mut now, mut was, mut off) = ([0.0_f32; 3], [0.0_f32; 3], 0.0_f32);
    for (a, b) in pairs.clone() {
        for c in 0..3 {
            now[c] += a[c] / n;
            was[c] += b[c] / n;
            off += (a[c] - b[c]).abs() / n;
        }
    }
    let (mut both, mut spread) = (0.0_f32, 0.0_f32);
    for c in 0..3 {
        let (mut ab, mut aa, mut bb) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (a, b) in pairs.clone() {
            let (a, b) = (a[c] - now[c], b[c] - was[c]);
            ab += a * b / n;
            aa += a * a / n;
            bb += b * b / n;
        }
        both += ab;
        spread += ((aa + NOISE) * (bb + NOISE)).sqrt();
    }
    let light = was.iter().sum::<f32>() + 60.0;
    let colour = (0..3).map(|c| (now[c] - was[c]).abs()).sum::<f32>() / light;
    Match {
        correlation: both / spread.max(1e-6),
        colour,
        difference: off / light,
    }
}

/// A picture's colours on a grid, by which two of the same scene are brought to one light.
pub(super) fn light(picture: &RgbPicture<'_>) -> Vec<[f32; 3]> {
    let mut out = Vec::new();
    cells(picture, LIGHT, &mut out);
    out
}

/// Which cells of that grid show none of these boxes (left, top, right, bottom, parts of the picture).
pub(super) fn about(boxes: &[[f64; 4]]) -> Vec<bool> {
    let [columns, rows] = LIGHT;
    let free = |k: usize| {
        let x = ((k % columns) as f64 + 0.5) / columns as f64;
        let y = ((k / columns) as f64 + 0.5) / rows as f64;
        let within = |b: &[f64; 4]| b[0] < x && x < b[2] && b[1] < y && y < b[3];
        !boxes.iter().any(within)
    };
    (0..columns * rows).map(free).collect()
}

/// What brings a picture's colours to those of another of the same scene: of each channel the median ratio over what is about the
/// goods.
pub(super) fn gain(a: &[[f32; 3]], b: &[[f32; 3]], about: &[bool]) -> [f32; 3] {
    [0, 1, 2].map(|c| {
        let pairs = a.iter().zip(b).zip(about).filter(|(_, about)| **about);
        let pairs = pairs
            .map(|(pair, _)| pair)
            .filter(|(a, b)| a[c] > 12.0 && b[c] > 12.0);
        let mut ratios: Vec<f32> = pairs.map(|(a, b)| b[c] / a[c]).collect();
        if ratios.len() < 16 {
            return 1.0;
        }
        let middle = ratios.len() / 2;
        let (_, median, _) = ratios.select_nth_unstable_by(middle, f32::total_cmp);
        median.clamp(0.3, 3.0)
    })
}

impl Clues {
    /// From the front that matches best, how far the column is from bare (by what is seen through it, and by its front), how like it
    /// is to what belongs there and to what it is most like, and the foremost front.
    pub(super) fn of(best: Match, bare: [f64; 3], [own, any]: [f32; 2], first: &Patch) -> Self {
        Self {
            numbers: [
                f64::from(best.correlation),
                f64::from(best.colour),
                f64::from(best.difference),
                f64::from(own),
                f64::from(any - own),
                (first.busy() + 1e-3).ln(),
                bare[2],
                bare[0],
                bare[1],
            ],
        }
    }

    #[cfg(test)]
    pub(super) fn from_numbers(numbers: [f64; CLUES]) -> Self {
        Self { numbers }
    }

    /// The clues as numbers.
    pub fn numbers(&self) -> [f64; CLUES] {
        self.numbers
    }
}

/// The colours of what an empty column lets see.
pub(super) fn through(behind: &[Behind], picture: &RgbPicture<'_>, per_px: f64) -> Vec<[f32; 3]> {
    let colour = |b: &Behind| between(picture, b.at.u / per_px, b.at.v / per_px);
    behind.iter().map(colour).collect()
}

/// Logarithms of the difference of these colours from those of the bare column, as a share of its brightness, in the middle and for the most
/// unlike seventh: about −1 for goods and where nothing is to be said, −3 for a bare column. A unit that stands deeper covers only
/// some of what is seen through the front.
pub(super) fn unlike_bare(now: &[[f32; 3]], bare: &[[f32; 3]], gain: [f32; 3]) -> [f64; 2] {
    if now.len() < 4 || now.len() != bare.len() {
        return [-1.0; 2];
    }
    let mut offs: Vec<f32> = now
        .iter()
        .zip(bare)
        .map(|(a, b)| {
            let off = (0..3).map(|c| (a[c] * gain[c] - b[c]).abs()).sum::<f32>();
            off / (b.iter().sum::<f32>() + 30.0)
        })
        .collect();
    offs.sort_by(f32::total_cmp);
    [offs.len() / 2, offs.len() * 6 / 7].map(|k| {
        let off = offs.get(k).copied().unwrap_or_default();
        (f64::from(off) + 0.01).ln()
    })
}

/// The colour between four pixels.
fn between(picture: &RgbPicture<'_>, x: f64, y: f64) -> [f32; 3] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (i, j) = (x.floor(), y.floor());
    let (a, b) = ((x - i) as f32, (y - j) as f32);
    let [p, q, r, s] = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
        .map(|(di, dj)| at(picture, i + di, j + dj));
    [0, 1, 2].map(|k| {
        let top = p[k] + a * (q[k] - p[k]);
        let low = r[k] + a * (s[k] - r[k]);
        top + b * (low - top)
    })
}

/// Of a gap and of a wrong item: as `walkout bench shelves --shop corner --fixtures 5 --seed 1 --seeds 4 --fit` fits them. The last clue came later and
/// takes no part yet.
pub(super) fn fitted() -> [ClueWeights; 2] {
    let of = |bias, weights| ClueWeights { bias, weights };
    [
        of(
            -1.648,
            [
                -2.676, -0.588, 7.166, -4.097, 2.082, -0.434, -0.882, -0.388, 0.0,
            ],
        ),
        of(
            -0.457,
            [-2.168, -0.668, 2.424, 0.193, 6.859, 0.858, 0.355, 0.34, 0.0],
        ),
    ]
}
