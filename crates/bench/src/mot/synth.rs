//! Made MOTChallenge sequences: pedestrians before cameras of many kinds, and what a detector says of them.
//!
//! No MOTChallenge film may be copied here, so races are run on these. People walk on a plane with pauses,
//! groups and children; a camera hangs high or low, still, panning, shaken or carried; people and
//! posts hide one another. The detector's score is a logistic of how much is visible and how large it is, with an error
//! that lasts half a second and one that does not; below the detector's own floor nothing is said. Boxes are
//! noisy, partly for several frames on end; half-hidden people get boxes cut to what is visible; doubles, clutter that keeps
//! firing in one place, and random false alarms come in; boxes that overlap a better one are suppressed, as
//! all detectors do. None of it is fitted to a published film; the noise of boxes (3–4 % of the height) and the scores
//! crowded near 1 were read off published Faster R-CNN detections.

use super::files::{MotError, write};
use super::walkers::{Crowd, Square, Walker};
use crate::draw::Draw;
use std::fmt::Write as _;
use std::path::Path;
use walkout_model::layout::Camera;
use walkout_model::{Point3, View};
use walkout_perception::mot::{Bounds, Detection};

/// What a sequence is like.
#[derive(Clone, Copy, Debug)]
struct Kind {
    name: &'static str,
    fps: f64,
    seconds: f64,
    people: usize,
    camera_m: f64,
    pitch_deg: f64,
    focal: f64,
    far_m: f64,
    half_m: f64,
    posts: usize,
    motion: Motion,
    detector: Detector,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Motion {
    Still,
    Pans,
    Shakes,
    Carried,
}

#[derive(Clone, Copy, Debug)]
struct Detector {
    /// Raises or lowers every score.
    skill: f64,
    /// Boxes below this score are not told.
    floor: f64,
    /// Random false alarms a frame.
    alarms: f64,
    /// Places where clutter keeps firing.
    clutter: usize,
    /// Overlap from which the weaker of two boxes is suppressed.
    suppress: f64,
}

const GOOD: Detector = Detector {
    skill: 1.0,
    floor: 0.1,
    alarms: 0.4,
    clutter: 2,
    suppress: 0.6,
};
const CUT: Detector = Detector {
    skill: 0.6,
    floor: 0.5,
    alarms: 0.5,
    clutter: 3,
    suppress: 0.5,
};
const WEAK: Detector = Detector {
    skill: -0.4,
    floor: 0.1,
    alarms: 1.2,
    clutter: 5,
    suppress: 0.5,
};

#[rustfmt::skip]
const KINDS: [Kind; 8] = [
    Kind { name: "street", fps: 30.0, seconds: 18.0, people: 18, camera_m: 2.6, pitch_deg: 6.0, focal: 1.0, far_m: 28.0, half_m: 11.0, posts: 2, motion: Motion::Still, detector: GOOD },
    Kind { name: "square", fps: 25.0, seconds: 20.0, people: 34, camera_m: 6.0, pitch_deg: 20.0, focal: 0.9, far_m: 26.0, half_m: 12.0, posts: 1, motion: Motion::Still, detector: CUT },
    Kind { name: "pram", fps: 14.0, seconds: 24.0, people: 16, camera_m: 1.1, pitch_deg: 2.0, focal: 0.9, far_m: 22.0, half_m: 9.0, posts: 2, motion: Motion::Carried, detector: CUT },
    Kind { name: "hand", fps: 25.0, seconds: 16.0, people: 14, camera_m: 1.7, pitch_deg: 3.0, focal: 1.0, far_m: 20.0, half_m: 8.0, posts: 1, motion: Motion::Shakes, detector: GOOD },
    Kind { name: "mall", fps: 30.0, seconds: 15.0, people: 55, camera_m: 5.0, pitch_deg: 16.0, focal: 1.1, far_m: 30.0, half_m: 14.0, posts: 3, motion: Motion::Still, detector: WEAK },
    Kind { name: "tower", fps: 7.0, seconds: 50.0, people: 14, camera_m: 8.0, pitch_deg: 24.0, focal: 1.2, far_m: 28.0, half_m: 12.0, posts: 1, motion: Motion::Still, detector: GOOD },
    Kind { name: "sweep", fps: 20.0, seconds: 20.0, people: 20, camera_m: 3.0, pitch_deg: 8.0, focal: 1.1, far_m: 24.0, half_m: 12.0, posts: 2, motion: Motion::Pans, detector: GOOD },
    Kind { name: "dusk", fps: 15.0, seconds: 26.0, people: 12, camera_m: 2.2, pitch_deg: 5.0, focal: 1.0, far_m: 22.0, half_m: 9.0, posts: 3, motion: Motion::Still, detector: WEAK },
];

const WIDTH_PX: u32 = 1280;
const HEIGHT_PX: u32 = 720;

/// Writes eight sequences under `dir/train` and says their names.
///
/// # Errors
/// A file cannot be written.
pub fn make(dir: &Path, seed: u64) -> Result<Vec<String>, MotError> {
    let mut names = Vec::new();
    for (i, kind) in KINDS.iter().enumerate() {
        let name = format!("made-{seed:03}-{}", kind.name);
        let folder = dir.join("train").join(&name);
        let made = Film::new(kind, seed, i as u64).run();
        write(&folder.join("det").join("det.txt"), &made.det)?;
        write(&folder.join("gt").join("gt.txt"), &made.gt)?;
        let info = format!(
            "[Sequence]\nname={name}\nimDir=img1\nframeRate={}\nseqLength={}\nimWidth={WIDTH_PX}\nimHeight={HEIGHT_PX}\nimExt=.jpg\n",
            kind.fps, made.frames
        );
        write(&folder.join("seqinfo.ini"), &info)?;
        names.push(name);
    }
    Ok(names)
}

struct Made {
    det: String,
    gt: String,
    frames: usize,
}

/// One sequence as it is made.
struct Film<'a> {
    kind: &'a Kind,
    crowd: Crowd,
    camera: Camera,
    posts: Vec<Post>,
    clutter: Vec<Clutter>,
    wits: std::collections::BTreeMap<i64, Wits>,
    draw: Draw,
    shake: [f64; 3],
    t: f64,
}

/// A post that hides people: its place and width.
struct Post {
    x: f64,
    y: f64,
    half_m: f64,
    height_m: f64,
}

/// A thing that the detector takes for a person now and then.
struct Clutter {
    at: Point3,
    height_m: f64,
    score: f64,
    fires: bool,
}

/// The detector's lasting errors with one person.
#[derive(Clone, Copy)]
struct Wits {
    score: f64,
    shape: [f64; 4],
}

/// A person in the picture.
struct Shown {
    id: i64,
    bounds: Bounds,
    depth: f64,
    visible: f64,
    /// The lowest row that is visible, as a share of the height.
    bottom: f64,
}

impl<'a> Film<'a> {
    fn new(kind: &'a Kind, seed: u64, number: u64) -> Self {
        let mut draw = Draw::new(seed, 1_000 + number);
        let square = Square {
            near: 4.0,
            far: kind.far_m,
            half: kind.half_m,
        };
        let crowd = Crowd::new(square, kind.people, Draw::new(seed, 2_000 + number));
        let posts = (0..kind.posts)
            .map(|_| Post {
                x: draw.between(6.0, kind.far_m * 0.6),
                y: draw.between(-0.5, 0.5) * kind.half_m,
                half_m: draw.between(0.1, 0.35),
                height_m: draw.between(2.0, 4.0),
            })
            .collect();
        let clutter = (0..kind.detector.clutter)
            .map(|_| Clutter {
                at: Point3::new(
                    draw.between(6.0, kind.far_m),
                    draw.between(-1.0, 1.0) * kind.half_m,
                    draw.between(0.0, 0.8),
                ),
                height_m: draw.between(0.8, 2.0),
                score: draw.between(-1.5, 0.6),
                fires: false,
            })
            .collect();
        let focal = kind.focal * f64::from(WIDTH_PX);
        let camera = Camera {
            name: kind.name.into(),
            width_px: WIDTH_PX,
            height_px: HEIGHT_PX,
            focal_px: [focal, focal],
            principal_px: [f64::from(WIDTH_PX) / 2.0, f64::from(HEIGHT_PX) / 2.0],
            distortion: [0.0; 5],
            position: Point3::new(0.0, 0.0, kind.camera_m),
            yaw: 0.0,
            pitch: kind.pitch_deg.to_radians(),
            roll: 0.0,
        };
        Self {
            kind,
            crowd,
            camera,
            posts,
            clutter,
            wits: std::collections::BTreeMap::new(),
            draw,
            shake: [0.0; 3],
            t: 0.0,
        }
    }

    fn run(mut self) -> Made {
        let dt = 1.0 / self.kind.fps;
        // Let the crowd spread first.
        for _ in 0..200 {
            self.crowd.step(0.1);
        }
        let frames = (self.kind.seconds * self.kind.fps).round() as usize;
        let (mut det, mut gt) = (String::new(), String::new());
        for frame in 1..=frames {
            let steps = (dt / 0.04).ceil();
            for _ in 0..steps as usize {
                self.crowd.step(dt / steps);
            }
            self.t += dt;
            self.move_camera(dt);
            let view = View::new(&self.camera);
            let shown = self.shown(&view);
            for s in &shown {
                let b = s.bounds;
                let _ = writeln!(
                    gt,
                    "{frame},{},{:.2},{:.2},{:.2},{:.2},1,1,{:.3}",
                    s.id, b.left, b.top, b.width, b.height, s.visible
                );
            }
            for d in self.detect(&view, &shown, dt) {
                let b = d.bounds;
                let _ = writeln!(
                    det,
                    "{frame},-1,{:.2},{:.2},{:.2},{:.2},{:.4},-1,-1,-1",
                    b.left, b.top, b.width, b.height, d.score
                );
            }
        }
        Made { det, gt, frames }
    }

    fn move_camera(&mut self, dt: f64) {
        let keep = (-dt / 0.35).exp();
        for s in &mut self.shake {
            *s = self.draw.wander(*s, keep);
        }
        let pitch = self.kind.pitch_deg.to_radians();
        let [a, b, c] = self.shake;
        match self.kind.motion {
            Motion::Still => {}
            Motion::Pans => {
                self.camera.yaw = 0.35 * (self.t * 0.45).sin() + 0.001 * a;
                self.camera.pitch = pitch + 0.001 * b;
            }
            Motion::Shakes => {
                self.camera.yaw = 0.012 * a + 0.1 * (self.t * 0.3).sin();
                self.camera.pitch = pitch + 0.012 * b;
                self.camera.roll = 0.006 * c;
            }
            Motion::Carried => {
                // A step is a bob of the whole picture.
                self.camera.position.x = 0.25 * self.t;
                self.camera.yaw = 0.008 * a + 0.15 * (self.t * 0.35).sin();
                self.camera.pitch = pitch + 0.006 * b + 0.006 * (self.t * 11.0).sin();
                self.camera.position.z = self.kind.camera_m + 0.02 * (self.t * 11.0).sin();
            }
        }
    }

    /// Who is in the picture, nearest first, and how much of them is visible.
    fn shown(&self, view: &View) -> Vec<Shown> {
        let mut all: Vec<Shown> = Vec::new();
        for w in &self.crowd.people {
            let Some((bounds, depth)) =
                upright(view, w.position.at_height(0.0), w.height_m, girth(w))
            else {
                continue;
            };
            let picture = Bounds {
                left: 0.0,
                top: 0.0,
                width: f64::from(WIDTH_PX),
                height: f64::from(HEIGHT_PX),
            };
            if bounds.height < 24.0 || bounds.covered_by(&picture) < 0.35 {
                continue;
            }
            all.push(Shown {
                id: w.id,
                bounds,
                depth,
                visible: 1.0,
                bottom: 1.0,
            });
        }
        all.sort_by(|a, b| a.depth.total_cmp(&b.depth));
        let mut hiders: Vec<(f64, Bounds)> = self
            .posts
            .iter()
            .filter_map(|p| {
                let foot = Point3::new(p.x, p.y, 0.0);
                upright(view, foot, p.height_m, 2.0 * p.half_m / p.height_m).map(|(b, d)| (d, b))
            })
            .collect();
        hiders.extend(all.iter().map(|s| (s.depth, body_of(&s.bounds))));
        for s in &mut all {
            (s.visible, s.bottom) = visible(&s.bounds, s.depth, &hiders);
        }
        all
    }

    fn detect(&mut self, view: &View, shown: &[Shown], dt: f64) -> Vec<Detection> {
        let mut out = Vec::new();
        let ids: std::collections::BTreeSet<i64> = shown.iter().map(|s| s.id).collect();
        self.wits.retain(|id, _| ids.contains(id));
        let (slow, quick) = ((-dt / 0.5).exp(), (-dt / 0.15).exp());
        for s in shown {
            let draw = &mut self.draw;
            let fresh = Wits {
                score: draw.normal(),
                shape: std::array::from_fn(|_| draw.normal()),
            };
            let wits = self.wits.entry(s.id).or_insert(fresh);
            wits.score = draw.wander(wits.score, slow);
            for x in &mut wits.shape {
                *x = draw.wander(*x, quick);
            }
            let wits = *wits;
            let size = (s.bounds.height / 90.0).ln().clamp(-1.5, 0.6);
            let logit = self.kind.detector.skill + 3.2 + 2.0 * size
                - 9.0 * (1.0 - s.visible).powf(1.5)
                + 1.1 * wits.score
                + 0.9 * draw.normal();
            let score = 1.0 / (1.0 + (-1.3 * logit).exp());
            let bounds = noisy(s, &wits, draw);
            out.push(Detection { bounds, score });
            // A second box on the upper half, or on a leg.
            if draw.chance(0.03) {
                let cut = draw.between(0.35, 0.7);
                let double = Bounds {
                    top: bounds.top + draw.between(0.0, 1.0 - cut) * bounds.height,
                    height: cut * bounds.height,
                    ..bounds
                };
                out.push(Detection {
                    bounds: double,
                    score: score * draw.between(0.2, 0.8),
                });
            }
        }
        self.false_alarms(view, dt, &mut out);
        let d = self.kind.detector;
        out.retain(|x| x.score >= d.floor);
        suppress(out, d.suppress)
    }

    fn false_alarms(&mut self, view: &View, dt: f64, out: &mut Vec<Detection>) {
        let draw = &mut self.draw;
        for c in &mut self.clutter {
            if draw.chance(if c.fires { dt / 1.5 } else { dt / 4.0 }) {
                c.fires = !c.fires;
            }
            if !c.fires || draw.chance(0.3) {
                continue;
            }
            if let Some((b, _)) = upright(view, c.at, c.height_m, 0.4) {
                let logit = c.score + 0.8 * draw.normal();
                out.push(Detection {
                    bounds: Bounds {
                        left: b.left + 0.04 * b.width * draw.normal(),
                        top: b.top + 0.04 * b.height * draw.normal(),
                        ..b
                    },
                    score: 1.0 / (1.0 + (-logit).exp()),
                });
            }
        }
        for _ in 0..draw.poisson(self.kind.detector.alarms) {
            let height = draw.between(30.0, 260.0);
            out.push(Detection {
                bounds: Bounds {
                    left: draw.between(0.0, f64::from(WIDTH_PX)),
                    top: draw.between(0.1, 0.7) * f64::from(HEIGHT_PX),
                    width: height * draw.between(0.3, 0.5),
                    height,
                },
                score: draw.between(0.05, 0.95) * draw.between(0.4, 1.0),
            });
        }
    }
}

fn girth(w: &Walker) -> f64 {
    w.girth + 0.05 * w.stride.sin().abs()
}

/// The box of something upright, and its distance; `None` if it is not wholly before the camera.
fn upright(view: &View, foot: Point3, height_m: f64, girth: f64) -> Option<(Bounds, f64)> {
    let depth = view.to_camera(foot)[2];
    if depth < 1.5 {
        return None;
    }
    let low = view.project(foot)?;
    let high = view.project(Point3::new(foot.x, foot.y, foot.z + height_m))?;
    let height = low.v - high.v;
    if height <= 1.0 {
        return None;
    }
    let width = girth * height;
    let bounds = Bounds {
        left: 0.5 * (low.u + high.u) - 0.5 * width,
        top: high.v,
        width,
        height,
    };
    Some((bounds, depth))
}

/// What of a person's box is person.
fn body_of(b: &Bounds) -> Bounds {
    Bounds {
        left: b.left + 0.12 * b.width,
        width: 0.76 * b.width,
        top: b.top + 0.03 * b.height,
        ..*b
    }
}

/// Share of a box that nothing nearer hides and the picture holds, and the lowest visible row.
fn visible(b: &Bounds, depth: f64, hiders: &[(f64, Bounds)]) -> (f64, f64) {
    let near: Vec<&Bounds> = hiders
        .iter()
        .filter(|(d, h)| *d < depth - 1e-6 && h.intersection(b) > 0.0)
        .map(|(_, h)| h)
        .collect();
    let (mut seen, mut bottom) = (0, 0.0_f64);
    for row in 0..12 {
        let v = (f64::from(row) + 0.5) / 12.0;
        let y = b.top + v * b.height;
        let mut any = 0;
        for col in 0..6 {
            let x = b.left + (f64::from(col) + 0.5) / 6.0 * b.width;
            let inside = (0.0..=f64::from(WIDTH_PX)).contains(&x)
                && (0.0..=f64::from(HEIGHT_PX)).contains(&y);
            let hidden = near.iter().any(|h| {
                (h.left..=h.left + h.width).contains(&x) && (h.top..=h.top + h.height).contains(&y)
            });
            if inside && !hidden {
                seen += 1;
                any += 1;
            }
        }
        if any >= 2 {
            bottom = v + 0.5 / 12.0;
        }
    }
    (f64::from(seen) / 72.0, bottom)
}

fn noisy(s: &Shown, wits: &Wits, draw: &mut Draw) -> Bounds {
    let b = s.bounds;
    let worse = 1.0 + 1.5 * (1.0 - s.visible);
    let mut error = |i: usize| worse * (0.7 * wits.shape[i] + 0.7 * draw.normal());
    let (cx, cy) = b.centre();
    let x = cx + 0.015 * b.height * error(0);
    let y = cy + 0.020 * b.height * error(1);
    let width = b.width * (0.09 * error(2)).exp();
    let height = b.height * (0.035 * error(3)).exp();
    let mut out = Bounds {
        left: x - 0.5 * width,
        top: y - 0.5 * height,
        width,
        height,
    };
    // Cut to what is visible when the legs are hidden, by half of the detectors' habit.
    if s.bottom < 0.9 && s.bottom > 0.3 {
        out.height *= 1.0 - 0.5 * (1.0 - s.bottom);
    }
    out
}

/// Greedy non-maximum suppression.
fn suppress(mut all: Vec<Detection>, overlap: f64) -> Vec<Detection> {
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for d in all {
        if kept.iter().all(|k| k.bounds.iou(&d.bounds) < overlap) {
            kept.push(d);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_film_and_people_hide_one_another() {
        let a = Film::new(&KINDS[2], 7, 2).run();
        let b = Film::new(&KINDS[2], 7, 2).run();
        assert_eq!((a.det == b.det, a.gt == b.gt), (true, true));
        assert_eq!(a.frames, 336);
        let visible: Vec<f64> =
            a.gt.lines()
                .filter_map(|l| l.rsplit(',').next()?.parse().ok())
                .collect();
        let hidden = visible.iter().filter(|v| **v < 0.4).count() as f64;
        let share = hidden / visible.len() as f64;
        assert!((0.02..0.5).contains(&share), "{share}");
    }
}
