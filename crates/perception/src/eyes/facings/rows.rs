//! Which row of a column its foremost unit stands in, read from one picture: how many units a column holds.
//!
//! The calibration says where a front would be in the picture for each row in which the foremost unit may stand, and which strips
//! of the board would lie bare before it. Each row is an explanation of the picture: the front there looks as the stocked one did,
//! the board before it as it does bare. How well each explains what is seen becomes a probability.

use super::geometry::{self, Scene, between_nodes, size_of};
use crate::eyes::colours::between;
use crate::nets::RgbPicture;
use walkout_model::{LaneIx, Pixel, Point3, Shop, View};

/// Cells across and down a front.
const CELLS: [usize; 2] = [8, 10];
/// Samples of a cell each way.
const FINE: usize = 2;
/// Samples across and down a front.
const ACROSS: usize = CELLS[0] * FINE;
const DOWN: usize = CELLS[1] * FINE;
/// How far a front is looked for beside its place, samples: units are not set down in the middle, nor was the one that was learnt.
const BESIDE_MAX: usize = 10;
/// Points across and along a strip of the board between two rows.
const STRIP: [usize; 2] = [6, 2];
/// Nodes each way between which pixels are interpolated.
const NODES: usize = 6;
/// Units that stand one upon another at most.
const LEVELS_MAX: u32 = 4;
/// Rows of a column at most; deeper ones count as the last.
pub(super) const ROWS_MAX: usize = 24;
/// Colours of one thing in two pictures differ by so much, levels of 255, and by this share of what they vary within a cell's reach.
const SIGMA: f32 = 9.0;
const SIGMA_SHARE: f32 = 0.4;
/// How probably a cell looks like anything.
const ANYTHING: f32 = 0.1;
/// Where anything may be, a colour is so many levels wide, each of three channels.
const ANY_WIDTH: f32 = 120.0;
/// Deep in a shelf it is darker: a front is as bright as the one learnt, times this.
const DARKER: [f32; 2] = [0.55, 1.25];

/// What evidence weighs: by itself, and as much more as the front is large, up to so many pixels; and what an empty column and deeper
/// rows weigh beside others. A conditional logit, fitted by `training/fit_rows.py`.
const LARGE_PX: f32 = 120.0;
const FRONT: [f32; 2] = [0.94, 6.15];
const BOARD: [f32; 2] = [-0.05, 5.15];
const BACK: [f32; 2] = [-0.14, 1.79];
const EMPTY: f32 = 1.28;
const DEEP: f32 = -0.81;

type Colour = [f32; 3];

/// A column's rows in one camera's picture.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub lane: LaneIx,
    pub facing: u32,
    /// How many units those that are asked about stand on.
    pub level: u32,
    /// Least of width and height of the foremost front, pixels.
    pub px: f64,
    fronts: Vec<Front>,
    /// The board under each row.
    strips: Vec<Strip>,
    /// How far units may stand beside their place, samples.
    beside: usize,
}

/// The front of a unit that would stand in a row.
#[derive(Clone, Debug)]
struct Front {
    nodes: Vec<Pixel>,
    /// Which cells nothing hides.
    open: Vec<bool>,
    /// How much of the picture it covers beside the foremost one.
    area: f32,
}

#[derive(Clone, Debug)]
struct Strip {
    /// What of it is seen.
    points: Vec<Pixel>,
    area: f32,
}

/// What a camera sees of a column when it is stocked and bare.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    /// The foremost front of the stocked shelf, and how sure its cells' colours are.
    front: Vec<Colour>,
    sigma: Vec<f32>,
    /// The foremost front's place, and the strips, when nothing stands there.
    back: Vec<Colour>,
    strips: Vec<Vec<Colour>>,
}

/// What a picture says of each row: see [`super::ColumnRows`].
#[derive(Clone, Debug)]
pub struct RowEvidence {
    /// How well the front that would stand there explains what is seen, natural log, by row; last what is seen through an empty column.
    pub front: Vec<f32>,
    /// The same of the board before it.
    pub board: Vec<f32>,
}

impl RowEvidence {
    /// The log weight of each row, and last of none, for a front of so many pixels.
    pub fn weights(&self, px: f64) -> Vec<f32> {
        let large = (px as f32).min(LARGE_PX) / LARGE_PX;
        let last = self.front.len().saturating_sub(1);
        let all = self.front.iter().zip(&self.board).enumerate();
        let weight = |(row, (front, board)): (usize, (&f32, &f32))| {
            let board = (BOARD[0] + BOARD[1] * large) * board;
            if row == last {
                return EMPTY + (BACK[0] + BACK[1] * large) * front + board;
            }
            let deep = row as f32 / last.max(1) as f32;
            (FRONT[0] + FRONT[1] * large) * front + board - DEEP * deep
        };
        all.map(weight).collect()
    }
}

impl Rows {
    /// The rows of a column that a camera sees well enough.
    pub fn new(
        shop: &Shop,
        view: &View,
        (lane, facing, level): (LaneIx, u32, u32),
        (px_min, seen_min): (f64, f64),
    ) -> Option<Self> {
        let layout = &shop.layout;
        let l = shop.planogram.get(lane)?;
        let shelf = layout.shelves.get(l.shelf.usize())?;
        let fixture = layout.fixtures.get(shelf.fixture.usize())?;
        let scene = Scene::new(shop, shelf, fixture, view);
        if !scene.is_before() {
            return None;
        }
        let size = size_of(shop.catalogue.get(l.sku)?);
        let pitch = l.width_m / f64::from(l.facings.max(1));
        let (width, depth, height) = (size[0].min(pitch), size[1].min(shelf.depth_m), size[2]);
        let x_m = l.x_m + (f64::from(facing) + 0.5) * pitch;
        let within = [x_m - pitch / 2.0, x_m + pitch / 2.0];
        let under = f64::from(level) * height;
        let at = |x: f64, y: f64, up: f64| layout.floor_from_shelf(l.shelf, x, y, under + up);
        let is_seen = |p: Point3| {
            view.project(p).is_some_and(|px| view.contains(px))
                && scene.is_open(p)
                && scene.enters(p, within)
        };
        let rows = rows_of(shelf.depth_m, size[1]);
        let slack = (pitch - width).max(0.0) / 2.0;
        let beside = (1.7 * slack / width * ACROSS as f64 + 1.0).ceil() as usize;
        let beside = beside.min(BESIDE_MAX);
        let margin = beside as f64 / ACROSS as f64 * width;
        let mut fronts = Vec::with_capacity(rows);
        let mut strips = Vec::with_capacity(rows);
        let mut whole = 0.0;
        let mut px = 0.0;
        for row in 0..rows {
            let y = row as f64 * depth;
            let project = |x: f64, up: f64| view.project(at(x, y, up));
            let (left, right) = (x_m - width / 2.0, x_m + width / 2.0);
            let corners = [
                project(left, 0.0)?,
                project(right, 0.0)?,
                project(left, height)?,
                project(right, height)?,
            ];
            let [a, b, c, d] = corners;
            let length = |p: Pixel, q: Pixel| (p.u - q.u).hypot(p.v - q.v);
            let across = length(a, b).min(length(c, d));
            let up = length(a, c).min(length(b, d));
            if row == 0 {
                px = across.min(up);
                whole = across * up;
                if px < px_min {
                    return None;
                }
            }
            let mut nodes = Vec::with_capacity(NODES * NODES);
            for j in 0..NODES {
                for i in 0..NODES {
                    let part = |k: usize| k as f64 / (NODES - 1) as f64;
                    let x = left - margin + part(i) * (width + 2.0 * margin);
                    nodes.push(project(x, height * (1.0 - part(j)))?);
                }
            }
            let open: Vec<bool> = (0..CELLS[0] * CELLS[1])
                .map(|k| {
                    let part = |i: usize, of: usize| (i as f64 + 0.5) / of as f64;
                    let x = left + part(k % CELLS[0], CELLS[0]) * width;
                    is_seen(at(x, y, height * (1.0 - part(k / CELLS[0], CELLS[1]))))
                })
                .collect();
            let seen = open.iter().filter(|o| **o).count() as f64 / open.len() as f64;
            if row == 0 && seen < seen_min {
                return None;
            }
            fronts.push(Front {
                nodes,
                open,
                area: (across * up / whole) as f32,
            });
            // Under what is stacked there is no board.
            let mut points = Vec::new();
            for k in (0..STRIP[0] * STRIP[1]).filter(|_| level == 0) {
                let part = |i: usize, of: usize| (i as f64 + 0.5) / of as f64;
                let x = x_m + (part(k % STRIP[0], STRIP[0]) - 0.5) * pitch;
                let p = at(x, y + part(k / STRIP[0], STRIP[1]) * depth, 0.003);
                if is_seen(p) {
                    points.extend(view.project(p));
                }
            }
            let near = project(x_m, 0.0)?;
            let far = view.project(at(x_m, y + depth, 0.0))?;
            let share = points.len() as f64 / (STRIP[0] * STRIP[1]) as f64;
            strips.push(Strip {
                points,
                area: (length(near, far) * across / whole * share) as f32,
            });
        }
        Some(Self {
            lane,
            facing,
            level,
            px,
            fronts,
            strips,
            beside,
        })
    }

    /// Units that may stand one upon another in a lane, as the planogram has it.
    pub fn levels(shop: &Shop, lane: LaneIx) -> u32 {
        let levels = || {
            let l = shop.planogram.get(lane)?;
            let shelf = shop.layout.shelves.get(l.shelf.usize())?;
            let deep = size_of(shop.catalogue.get(l.sku)?)[1];
            let levels = l
                .capacity
                .div_ceil(geometry::rows(shelf.depth_m, deep) * l.facings.max(1));
            // What is stacked stands higher in front.
            Some(levels + u32::from(levels > 1))
        };
        levels().unwrap_or(1).clamp(1, LEVELS_MAX)
    }

    /// How many weights every picture has of each column of a lane: one a row, and one of none.
    pub fn weights(shop: &Shop, lane: LaneIx) -> usize {
        let rows = || {
            let l = shop.planogram.get(lane)?;
            let depth_m = shop.layout.shelves.get(l.shelf.usize())?.depth_m;
            Some(rows_of(depth_m, size_of(shop.catalogue.get(l.sku)?)[1]))
        };
        rows().map_or(0, |n| n + 1)
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.fronts.len()
    }

    /// Learns what it looks like stocked and bare, the latter brought to the light of the former.
    pub fn ground(
        &self,
        below: Option<&Ground>,
        (stocked, stocked_per_px): (&RgbPicture<'_>, f64),
        (bare, bare_per_px): (&RgbPicture<'_>, f64),
        gain: Colour,
    ) -> Ground {
        let one = [1.0; 3];
        let front = match self.fronts.first() {
            // What stands upon others looks as they do.
            _ if below.is_some() => below.map_or_else(Vec::new, |b| b.front.clone()),
            Some(front) => {
                let sheet = self.sheet(front, (stocked, stocked_per_px), one);
                cells(&sheet, self.beside, 0)
            }
            None => Vec::new(),
        };
        let back = match self.fronts.first() {
            Some(front) => {
                let sheet = self.sheet(front, (bare, bare_per_px), gain);
                cells(&sheet, self.beside, 0)
            }
            None => Vec::new(),
        };
        let strips = self.strips.iter();
        Ground {
            sigma: sigmas(&front),
            front,
            back,
            strips: strips
                .map(|s| board(s, (bare, bare_per_px), gain))
                .collect(),
        }
    }

    /// What a picture says.
    pub fn read(
        &self,
        ground: &Ground,
        (picture, per_px): (&RgbPicture<'_>, f64),
        gain: Colour,
    ) -> RowEvidence {
        let mut front = Vec::with_capacity(self.len() + 1);
        for f in &self.fronts {
            let sheet = self.sheet(f, (picture, per_px), gain);
            let shifts = 2 * self.beside as isize + 1;
            let fit = |k: isize| {
                let cells = cells(&sheet, self.beside, k - self.beside as isize);
                likeness(&cells, &ground.front, &ground.sigma, &f.open, true)
            };
            let best = (0..shifts).map(fit).fold(f32::NEG_INFINITY, f32::max);
            front.push(f.area * best);
        }
        if let Some(f) = self.fronts.first() {
            let sheet = self.sheet(f, (picture, per_px), gain);
            let seen = cells(&sheet, self.beside, 0);
            let sigma = vec![SIGMA; seen.len()];
            let back = f.area * likeness(&seen, &ground.back, &sigma, &f.open, false);
            // Where nothing stands upon the others, their tops may be seen instead.
            front.push(if self.level == 0 { back } else { back.max(0.0) });
        }
        let mut board_of = vec![0.0];
        let mut sum = 0.0;
        for (strip, bare) in self.strips.iter().zip(&ground.strips) {
            let seen = board(strip, (picture, per_px), gain);
            let sigma = vec![SIGMA; seen.len()];
            let open = vec![true; seen.len()];
            if !seen.is_empty() {
                sum += strip.area * likeness(&seen, bare, &sigma, &open, false);
            }
            board_of.push(sum);
        }
        RowEvidence {
            front,
            board: board_of,
        }
    }

    /// A front and what is beside it, straightened out: rows from the top.
    fn sheet(
        &self,
        front: &Front,
        (picture, per_px): (&RgbPicture<'_>, f64),
        gain: Colour,
    ) -> Vec<Colour> {
        let wide = ACROSS + 2 * self.beside;
        let mut out = Vec::with_capacity(wide * DOWN);
        for j in 0..DOWN {
            for i in 0..wide {
                let part = |k: usize, of: usize| (k as f64 + 0.5) / of as f64;
                let p = between_nodes(&front.nodes, NODES, part(i, wide), part(j, DOWN));
                let c = between(picture, p.u / per_px, p.v / per_px);
                out.push([0, 1, 2].map(|k| c[k] * gain[k]));
            }
        }
        out
    }
}

/// Rows of units of a depth on a shelf that are told apart.
fn rows_of(shelf_m: f64, unit_m: f64) -> usize {
    (geometry::rows(shelf_m, unit_m) as usize).min(ROWS_MAX)
}

/// The cells of a front that stands so many samples beside its place.
fn cells(sheet: &[Colour], beside: usize, shift: isize) -> Vec<Colour> {
    let wide = ACROSS + 2 * beside;
    let first = beside.saturating_add_signed(shift);
    let mut out = Vec::with_capacity(CELLS[0] * CELLS[1]);
    for j in 0..CELLS[1] {
        for i in 0..CELLS[0] {
            let mut sum = [0.0; 3];
            for k in 0..FINE * FINE {
                let (x, y) = (i * FINE + k % FINE + first, j * FINE + k / FINE);
                let c = sheet.get(y * wide + x).copied().unwrap_or_default();
                (0..3).for_each(|k| sum[k] += c[k]);
            }
            out.push(sum.map(|v| v / (FINE * FINE) as f32));
        }
    }
    out
}

/// The colours of a strip of the board.
fn board(strip: &Strip, (picture, per_px): (&RgbPicture<'_>, f64), gain: Colour) -> Vec<Colour> {
    let colour = |p: &Pixel| {
        let c = between(picture, p.u / per_px, p.v / per_px);
        [0, 1, 2].map(|k| c[k] * gain[k])
    };
    strip.points.iter().map(colour).collect()
}

/// How sure the colours of a front's cells are: what is printed finely moves with the least displacement.
fn sigmas(front: &[Colour]) -> Vec<f32> {
    let get = |i: usize, j: usize| front.get(j * CELLS[0] + i);
    let mut out = Vec::with_capacity(front.len());
    for j in 0..CELLS[1] {
        for i in 0..CELLS[0] {
            let Some(own) = get(i, j) else { continue };
            let (mut sum, mut n) = (0.0, 0.0_f32);
            for (x, y) in [
                (i.wrapping_sub(1), j),
                (i + 1, j),
                (i, j.wrapping_sub(1)),
                (i, j + 1),
            ] {
                if x < CELLS[0]
                    && y < CELLS[1]
                    && let Some(other) = get(x, y)
                {
                    sum += (0..3).map(|k| (own[k] - other[k]).powi(2)).sum::<f32>() / 3.0;
                    n += 1.0;
                }
            }
            let varies = (sum / n.max(1.0)).sqrt();
            out.push(SIGMA.hypot(SIGMA_SHARE * varies));
        }
    }
    out
}

/// Mean over cells, those that are hidden counting nothing, of the log of how much more probable their colours are if it is this
/// thing than if it may be anything.
fn likeness(
    seen: &[Colour],
    known: &[Colour],
    sigma: &[f32],
    open: &[bool],
    may_darken: bool,
) -> f32 {
    let all = || seen.iter().zip(known).zip(sigma.iter().zip(open));
    let all = || all().filter(|(_, (_, open))| **open);
    let light = if may_darken {
        // The median ratio of the channels' sums: shade has one for all.
        let mut ratios: Vec<f32> = all()
            .map(|((s, k), _)| s.iter().sum::<f32>().max(1.0) / k.iter().sum::<f32>().max(1.0))
            .collect();
        if ratios.is_empty() {
            1.0
        } else {
            let middle = ratios.len() / 2;
            let (_, median, _) = ratios.select_nth_unstable_by(middle, f32::total_cmp);
            median.clamp(DARKER[0], DARKER[1])
        }
    } else {
        1.0
    };
    let sum: f32 = all()
        .map(|((seen, known), (sigma, _))| {
            let off: f32 = (0..3)
                .map(|k| (seen[k] - light * known[k]).powi(2))
                .sum::<f32>();
            let dense = (ANY_WIDTH / (sigma * 2.507)).powi(3);
            ((1.0 - ANYTHING) * dense * (-0.5 * off / sigma.powi(2)).exp() + ANYTHING).ln()
        })
        .sum();
    sum / seen.len().max(1) as f32
}
