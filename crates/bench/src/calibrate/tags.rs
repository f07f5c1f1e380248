//! Tags found in made pictures of a shop's floor, and poses from them.

use super::peers::{PeerError, Scratch};
use super::{flaws, median, rms, round};
use crate::draw::Draw;
use crate::render::thread_seconds;
use serde::Serialize;
use std::collections::BTreeMap;
use walkout_model::layout::Camera;
use walkout_model::{Pixel, Point3, View};
use walkout_perception::calibration::synthetic::{Print, Target, draw};
use walkout_perception::calibration::{
    GreyPicture, Lens, Mark, PoseOptions, calibrate_pose, find_tags,
};

/// How well tags were found, and what poses they gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TagRow {
    /// Whose.
    pub who: String,
    /// Pictures looked at.
    pub pictures: usize,
    /// Tags wholly in sight whose sides are 8–16, 16–32, 32 and more pixels.
    pub tags: [usize; 3],
    /// Share of each that was found, percent.
    pub found: [f64; 3],
    /// Tags told that were not there.
    pub wrong: usize,
    /// Root mean square of the corners' distances from the truth, pixels.
    pub corner_rms_px: f64,
    /// Milliseconds a picture by the clock of the thread.
    pub ms: f64,
    /// Poses found, of how many pictures with two tags or more.
    pub poses: [usize; 2],
    /// Error of the place: median, largest, millimetres.
    pub place_mm: [f64; 2],
    /// Error of the direction: median, largest, degrees.
    pub turn_deg: [f64; 2],
    /// Root mean square of errors of place over their standard deviations.
    pub z_rms: f64,
}

struct Scene {
    name: String,
    camera: Camera,
    targets: BTreeMap<u16, (Target, f64)>,
    /// Corners of what is wholly in sight.
    truth: BTreeMap<u16, [[f64; 2]; 4]>,
    picture: GreyPicture,
}

/// A tag that somebody found.
type Found = (u16, [[f64; 2]; 4]);

/// Looks at `scenes` random floors; with `python`, OpenCV does, too.
///
/// # Errors
/// Python does not run.
pub fn tags(seed: u64, scenes: usize, python: Option<&str>) -> Result<Vec<TagRow>, PeerError> {
    let all: Vec<Scene> = (0..scenes).map(|i| scene(seed, i)).collect();
    let mut tally = Tally::default();
    for s in &all {
        let begin = thread_seconds();
        let found = find_tags(&s.picture);
        tally.seconds += thread_seconds() - begin;
        let found: Vec<Found> = found.iter().map(|t| (t.id, t.corners)).collect();
        tally.scene(s, &found);
    }
    let mut out = vec![tally.row("walkout")];
    if let Some(python) = python {
        let scratch = Scratch::new("tags")?;
        for s in &all {
            scratch.add(&s.name, &s.picture)?;
        }
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for line in scratch.ask(python, &["tags"])? {
            let Some(s) = all.iter().find(|s| s.name == line.file) else {
                continue;
            };
            let tally = tallies.entry(line.who.clone()).or_default();
            tally.seconds += line.seconds;
            let found: Vec<Found> = line.tags.iter().map(|t| (t.id, t.corners)).collect();
            tally.scene(s, &found);
        }
        out.extend(tallies.into_iter().map(|(who, t)| t.row(&who)));
    }
    Ok(out)
}

/// A camera under the ceiling and tags of 8 to 25 cm about the floor it sees.
fn scene(seed: u64, number: usize) -> Scene {
    let mut d = Draw::new(seed, 1900 + number as u64);
    let focal = d.between(560.0, 900.0);
    let lens = Lens {
        focal_px: [focal; 2],
        principal_px: [640.0 + 8.0 * d.normal(), 360.0 + 8.0 * d.normal()],
        distortion: [d.between(-0.3, 0.0), d.between(0.0, 0.07), 0.0, 0.0, 0.0],
    };
    let mut camera = lens.camera("C", [1280, 720]);
    camera.position = Point3::new(0.0, 0.0, d.between(2.4, 3.2));
    camera.yaw = d.between(-3.1, 3.1);
    camera.pitch = d.between(0.6, 1.57);
    camera.roll = d.between(-0.1, 0.1);
    let view = View::new(&camera);
    let mut targets: BTreeMap<u16, (Target, f64)> = BTreeMap::new();
    for _ in 0..200 {
        if targets.len() >= 12 {
            break;
        }
        let pixel = Pixel {
            u: d.between(40.0, 1240.0),
            v: d.between(40.0, 680.0),
        };
        let spot = view.ray(pixel).and_then(|r| r.at_height(0.0));
        let Some(p) = spot.filter(|p| p.norm() < 8.0) else {
            continue;
        };
        let side = d.between(0.08, 0.25);
        let apart = |(t, s): &(Target, f64)| t.origin.floor().distance(p) > 1.3 * (side + s);
        if !targets.values().all(apart) {
            continue;
        }
        let id = d.between(0.0, 587.0) as u16;
        let target = Target::level(
            Print::Tag { id, size_m: side },
            p.at_height(0.0),
            d.between(-3.1, 3.1),
        );
        targets.entry(id).or_insert((target, side));
    }
    let mut truth = BTreeMap::new();
    for (id, (target, side)) in &targets {
        let rim = side / 8.0;
        let seen = |x: f64, y: f64| view.project(target.at(x, y)).filter(|p| view.contains(*p));
        let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        let whole = corners.iter().all(|(x, y)| {
            let out = |v: &f64| side * v + rim * (2.0 * v - 1.0);
            seen(out(x), out(y)).is_some()
        });
        let spots = corners.map(|(x, y)| seen(side * x, side * y));
        if let ([Some(a), Some(b), Some(c), Some(e)], true) = (spots, whole) {
            truth.insert(*id, [a, b, c, e].map(|p| [p.u, p.v]));
        }
    }
    let all: Vec<Target> = targets.values().map(|(t, _)| *t).collect();
    let flaws = flaws(&mut d, seed * 1000 + number as u64);
    Scene {
        name: format!("{number:04}"),
        picture: draw(&camera, &all, &flaws),
        camera,
        targets,
        truth,
    }
}

#[derive(Default)]
struct Tally {
    pictures: usize,
    tags: [usize; 3],
    found: [usize; 3],
    wrong: usize,
    off: Vec<f64>,
    seconds: f64,
    posable: usize,
    place: Vec<f64>,
    turn: Vec<f64>,
    z: Vec<f64>,
}

/// Which of three sizes a tag has; `None` below 8 pixels.
fn size_of(corners: &[[f64; 2]; 4]) -> Option<usize> {
    let side = (0..4)
        .map(|i| {
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            (a[0] - b[0]).hypot(a[1] - b[1])
        })
        .fold(f64::INFINITY, f64::min);
    match side {
        s if s < 8.0 => None,
        s if s < 16.0 => Some(0),
        s if s < 32.0 => Some(1),
        _ => Some(2),
    }
}

impl Tally {
    fn scene(&mut self, s: &Scene, found: &[Found]) {
        self.pictures += 1;
        for (id, corners) in &s.truth {
            let Some(size) = size_of(corners) else {
                continue;
            };
            self.tags[size] += 1;
            let near = found.iter().find(|(i, c)| i == id && off(c, corners) < 5.0);
            if let Some((_, c)) = near {
                self.found[size] += 1;
                for (p, q) in c.iter().zip(corners) {
                    self.off.push((p[0] - q[0]).hypot(p[1] - q[1]));
                }
            }
        }
        self.wrong += found
            .iter()
            .filter(|(id, _)| !s.targets.contains_key(id))
            .count();
        self.pose(s, found);
    }

    fn pose(&mut self, s: &Scene, found: &[Found]) {
        let mut marks = Vec::new();
        for (id, corners) in found {
            let Some((target, side)) = s.targets.get(id) else {
                continue;
            };
            for (corner, (x, y)) in
                corners
                    .iter()
                    .zip([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
            {
                marks.push(Mark {
                    floor: target.at(side * x, side * y),
                    pixel: Pixel {
                        u: corner[0],
                        v: corner[1],
                    },
                });
            }
        }
        if s.truth.values().filter(|c| size_of(c).is_some()).count() < 2 {
            return;
        }
        self.posable += 1;
        let unposed = Lens::of(&s.camera).camera("C", [1280, 720]);
        let options = PoseOptions {
            sigma_px: 0.2,
            focal: false,
        };
        let Ok(fit) = calibrate_pose(&unposed, &marks, &options) else {
            return;
        };
        let (a, b) = (fit.camera.position, s.camera.position);
        self.place.push(1000.0 * a.distance(b));
        let (u, v) = (View::new(&fit.camera), View::new(&s.camera));
        let trace: f64 = (0..3)
            .flat_map(|i| (0..3).map(move |j| (i, j)))
            .map(|(i, j)| u.camera_from_floor()[i][j] * v.camera_from_floor()[i][j])
            .sum();
        self.turn
            .push((0.5 * (trace - 1.0)).clamp(-1.0, 1.0).acos().to_degrees());
        let d = [a.x - b.x, a.y - b.y, a.z - b.z];
        self.z
            .extend(d.iter().zip(fit.position_sd_m).map(|(d, s)| d / s));
    }

    fn row(&self, who: &str) -> TagRow {
        let most = |v: &[f64]| round(v.iter().copied().fold(0.0, f64::max));
        TagRow {
            who: who.to_owned(),
            pictures: self.pictures,
            tags: self.tags,
            found: std::array::from_fn(|i| {
                round(100.0 * self.found[i] as f64 / self.tags[i].max(1) as f64)
            }),
            wrong: self.wrong,
            corner_rms_px: round(rms(&self.off)),
            ms: round(1000.0 * self.seconds / self.pictures.max(1) as f64),
            poses: [self.place.len(), self.posable],
            place_mm: [round(median(&self.place)), most(&self.place)],
            turn_deg: [round(median(&self.turn)), most(&self.turn)],
            z_rms: round(rms(&self.z)),
        }
    }
}

/// The farthest of the four corners, pixels.
fn off(a: &[[f64; 2]; 4], b: &[[f64; 2]; 4]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(p, q)| (p[0] - q[0]).hypot(p[1] - q[1]))
        .fold(0.0, f64::max)
}
