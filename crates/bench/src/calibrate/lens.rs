//! Lenses from made pictures of a checkerboard.

use super::peers::{PeerError, Scratch};
use super::{flaws, median, rms, round};
use crate::draw::Draw;
use crate::render::thread_seconds;
use serde::Serialize;
use std::collections::BTreeMap;
use walkout_model::{Point3, View};
use walkout_perception::calibration::synthetic::{Print, Target, draw};
use walkout_perception::calibration::{BoardView, Checkerboard, GreyPicture, Lens, calibrate_lens};

/// How well lenses came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LensRow {
    /// Whose.
    pub who: String,
    /// Pictures looked at.
    pub pictures: usize,
    /// Share of them in which the board, or a part of it, was found, percent.
    pub found: f64,
    /// Corners found, over all pictures.
    pub corners: usize,
    /// Root mean square of their distances from the truth, pixels.
    pub corner_rms_px: f64,
    /// Milliseconds a picture by the clock of the thread.
    pub ms: f64,
    /// Lenses calibrated, of how many.
    pub lenses: [usize; 2],
    /// Error of the focal lengths, percent: median, largest.
    pub focal_percent: [f64; 2],
    /// Error of the principal point, pixels: median, largest.
    pub principal_px: [f64; 2],
    /// Root mean square of errors over their standard deviations; none if no deviations are told.
    pub z_rms: Option<f64>,
}

const SIZE: [u32; 2] = [1280, 720];
const BOARD: Checkerboard = Checkerboard {
    columns: 9,
    rows: 6,
    square_m: 0.03,
};

struct Shot {
    name: String,
    /// Truth by row and column.
    corners: Vec<[f64; 2]>,
    picture: GreyPicture,
}

struct Set {
    lens: Lens,
    shots: Vec<Shot>,
}

/// Calibrates `sets` random cameras from `views` pictures each; with `python`, OpenCV does, too.
///
/// # Errors
/// Python does not run.
pub fn lenses(
    seed: u64,
    sets: usize,
    views: usize,
    python: Option<&str>,
) -> Result<Vec<LensRow>, PeerError> {
    let all: Vec<Set> = (0..sets).map(|i| set(seed, i, views)).collect();
    let mut out = vec![ours(&all)];
    if let Some(python) = python {
        out.extend(theirs(&all, python)?);
    }
    Ok(out)
}

/// A random lens and boards held before it, none of them wholly out of sight.
fn set(seed: u64, number: usize, views: usize) -> Set {
    let mut d = Draw::new(seed, 900 + number as u64);
    let [w, h] = SIZE.map(f64::from);
    let focal = w * d.between(0.45, 0.9);
    let lens = Lens {
        focal_px: [focal, focal * d.between(0.995, 1.005)],
        principal_px: [0.5 * w + 12.0 * d.normal(), 0.5 * h + 12.0 * d.normal()],
        distortion: [
            d.between(-0.32, -0.1),
            d.between(0.02, 0.08),
            0.0006 * d.normal(),
            0.0006 * d.normal(),
            0.0,
        ],
    };
    let camera = lens.camera("C", SIZE);
    let view = View::new(&camera);
    let mut shots = Vec::new();
    while shots.len() < views {
        // The camera looks along +x: right is -y, down is -z.
        let depth = focal / w * d.between(0.35, 0.8);
        let pixel = walkout_model::Pixel {
            u: d.between(0.15, 0.85) * w,
            v: d.between(0.15, 0.85) * h,
        };
        let Some([x, y]) = view.undistort(pixel) else {
            continue;
        };
        let middle = [depth, -x * depth, -y * depth];
        let turn = d.between(-3.2, 3.2);
        let (tilt, toward) = (d.between(0.0, 0.75), d.between(-3.2, 3.2));
        let axes = tilted(turn, tilt, toward);
        let half = [4.0 * 0.03, 2.5 * 0.03];
        let origin: [f64; 3] =
            std::array::from_fn(|i| middle[i] - half[0] * axes[0][i] - half[1] * axes[1][i]);
        let target = Target {
            print: Print::Board(BOARD),
            origin: Point3::new(origin[0], origin[1], origin[2]),
            axes,
        };
        let corners: Option<Vec<[f64; 2]>> = (0..6)
            .flat_map(|r| (0..9).map(move |c| (c, r)))
            .map(|(c, r)| {
                let p = target.at(0.03 * f64::from(c), 0.03 * f64::from(r));
                view.project(p).map(|q| [q.u, q.v])
            })
            .collect();
        let Some(corners) = corners else { continue };
        let name = format!("{number:03}-{:03}", shots.len());
        let flaws = flaws(&mut d, seed * 1000 + shots.len() as u64);
        shots.push(Shot {
            name,
            corners,
            picture: draw(&camera, &[target], &flaws),
        });
    }
    Set { lens, shots }
}

/// Right and down of a board turned in its plane and then tilted about a line of it, before a camera along +x.
fn tilted(turn: f64, tilt: f64, toward: f64) -> [[f64; 3]; 2] {
    let (st, ct) = turn.sin_cos();
    let (sa, ca) = toward.sin_cos();
    let (s, c) = tilt.sin_cos();
    let axis = [ca, sa, 0.0];
    // In the camera's axes, by Rodrigues' formula; then to the frame.
    [[ct, st, 0.0], [-st, ct, 0.0]].map(|v| {
        let along = v[0] * axis[0] + v[1] * axis[1];
        let up = axis[0] * v[1] - axis[1] * v[0];
        let q = [
            c * v[0] + (1.0 - c) * along * axis[0],
            c * v[1] + (1.0 - c) * along * axis[1],
            s * up,
        ];
        [q[2], -q[0], -q[1]]
    })
}

fn ours(sets: &[Set]) -> LensRow {
    let mut tally = Tally::default();
    let mut z = Vec::new();
    for set in sets {
        let mut views = Vec::new();
        for shot in &set.shots {
            let begin = thread_seconds();
            let found = BOARD.find(&shot.picture);
            tally.seconds += thread_seconds() - begin;
            let corners: Vec<[f64; 2]> = found
                .as_ref()
                .map(|f| f.corners.iter().map(|c| c.pixel).collect())
                .unwrap_or_default();
            tally.picture(shot, &corners);
            if let Ok(found) = found {
                views.push(BoardView {
                    points: found
                        .corners
                        .iter()
                        .map(|c| ([c.column, c.row].map(|n| 0.03 * n as f64), c.pixel))
                        .collect(),
                });
            }
        }
        tally.sets += 1;
        if let Ok(fit) = calibrate_lens(SIZE, &views) {
            tally.lens(&set.lens, &fit.lens);
            let numbers = |l: &Lens| {
                let [a, b, c, d, e] = l.distortion;
                let ([x, y], [u, v]) = (l.focal_px, l.principal_px);
                [x, y, u, v, a, b, c, d, e]
            };
            for ((x, t), sd) in numbers(&fit.lens)
                .iter()
                .zip(numbers(&set.lens))
                .zip(fit.sd)
            {
                if sd > 0.0 {
                    z.push((x - t) / sd);
                }
            }
        }
    }
    tally.row("walkout", Some(round(rms(&z))))
}

fn theirs(sets: &[Set], python: &str) -> Result<Vec<LensRow>, PeerError> {
    let scratch = Scratch::new("boards")?;
    for shot in sets.iter().flat_map(|s| &s.shots) {
        scratch.add(&shot.name, &shot.picture)?;
    }
    let said = scratch.ask(python, &["boards", "9", "6", "0.03"])?;
    let shots: BTreeMap<&str, &Shot> = sets
        .iter()
        .flat_map(|s| &s.shots)
        .map(|s| (s.name.as_str(), s))
        .collect();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for line in said {
        let tally = tallies.entry(line.who.clone()).or_default();
        tally.sets = sets.len();
        if let Some(shot) = shots.get(line.file.as_str()) {
            tally.seconds += line.seconds;
            tally.picture(shot, &line.corners);
        } else if let Some(set) = line.set.parse().ok().and_then(|i: usize| sets.get(i)) {
            let found = Lens {
                focal_px: line.focal,
                principal_px: line.principal,
                distortion: std::array::from_fn(|i| line.distortion.get(i).copied().unwrap_or(0.0)),
            };
            tally.lens(&set.lens, &found);
        }
    }
    Ok(tallies
        .into_iter()
        .map(|(who, t)| t.row(&who, None))
        .collect())
}

#[derive(Default)]
struct Tally {
    pictures: usize,
    found: usize,
    off: Vec<f64>,
    seconds: f64,
    sets: usize,
    focal: Vec<f64>,
    principal: Vec<f64>,
}

impl Tally {
    fn picture(&mut self, shot: &Shot, corners: &[[f64; 2]]) {
        self.pictures += 1;
        self.found += usize::from(!corners.is_empty());
        for c in corners {
            // Which corner is meant follows from which is near: a part of a board does not say.
            let nearest = shot
                .corners
                .iter()
                .map(|t| (t[0] - c[0]).hypot(t[1] - c[1]))
                .fold(f64::INFINITY, f64::min);
            self.off.push(nearest);
        }
    }

    fn lens(&mut self, truth: &Lens, found: &Lens) {
        let share = [0, 1].map(|i| (found.focal_px[i] / truth.focal_px[i] - 1.0).abs());
        self.focal.push(100.0 * share[0].max(share[1]));
        let [a, b] = [0, 1].map(|i| found.principal_px[i] - truth.principal_px[i]);
        self.principal.push(a.hypot(b));
    }

    fn row(&self, who: &str, z_rms: Option<f64>) -> LensRow {
        let most = |v: &[f64]| round(v.iter().copied().fold(0.0, f64::max));
        LensRow {
            who: who.to_owned(),
            pictures: self.pictures,
            found: round(100.0 * self.found as f64 / self.pictures.max(1) as f64),
            corners: self.off.len(),
            corner_rms_px: round(rms(&self.off)),
            ms: round(1000.0 * self.seconds / self.pictures.max(1) as f64),
            lenses: [self.focal.len(), self.sets],
            focal_percent: [round(median(&self.focal)), most(&self.focal)],
            principal_px: [round(median(&self.principal)), most(&self.principal)],
            z_rms,
        }
    }
}
