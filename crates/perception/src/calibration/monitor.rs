//! Notices at run time that a camera's calibration no longer holds.
//!
//! People's heads are seen by several cameras at once, and people stand on the floor. If one camera was knocked, its rays
//! miss what the others see, always in the same way. The monitor keeps, over many sightings, the least-squares problem of a small
//! turn of each camera about its centre: a sighting's head position and the person's place are unknown and are eliminated, as
//! in bundle adjustment (Triggs et al. 2000). All cameras' turns are solved together, with a prior that most are right
//! (a turn costs by its size, not its square: reweighted least squares), so that the one that is wrong is named and not its
//! neighbours. A camera is told off when its turn is above [`MonitorSettings::tolerance_deg`] by more than its uncertainty.

use super::linear::{Cholesky, cross, dot, inverse};
use crate::floor::{CameraFrame, PersonDetection, PixelPoint};
use std::collections::{BTreeMap, VecDeque};
use walkout_model::layout::Camera;
use walkout_model::{
    CalibrationFault, CameraIx, Point2, Point3, StoreTime, TimeDelta, TrackId, TrackPoint, View,
};

/// What counts as wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorSettings {
    /// A camera that is off by less is right: what a good calibration leaves, degrees.
    pub tolerance_deg: f64,
    /// The turn must exceed the tolerance by so many of its standard deviations.
    pub sigmas: f64,
    /// Sightings of a camera before it is judged.
    pub sightings_min: u32,
    /// What was seen longer ago than this does not count, if enough was seen since.
    pub window: TimeDelta,
    /// What was seen longer ago than this never counts.
    pub forget: TimeDelta,
    /// How often judgement is passed.
    pub every: TimeDelta,
    /// A person counts again after this: a network errs the same way for a while.
    pub pause: TimeDelta,
    /// A person counts if nobody else is within this distance, metres.
    pub alone_m: f64,
    /// A detection is a person's if its ray passes them within this distance, metres.
    pub gate_m: f64,
    /// How far a foot point may lie from below the head, metres.
    pub stride_m: f64,
    /// Cameras farther than this from a person do not count, metres.
    pub far_m: f64,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self {
            tolerance_deg: 0.6,
            sigmas: 2.0,
            sightings_min: 25,
            window: TimeDelta::from_millis(60_000),
            forget: TimeDelta::from_millis(3_600_000),
            every: TimeDelta::from_millis(5_000),
            pause: TimeDelta::from_millis(1_000),
            alone_m: 1.0,
            gate_m: 0.6,
            stride_m: 0.25,
            far_m: 8.0,
        }
    }
}

/// Pieces into which the window is cut: the oldest is dropped as a new one begins.
const PIECES: usize = 6;
/// A piece ends no sooner than it has so many sightings a camera on average: an empty shop forgets slowly.
const PIECE_SIGHTINGS: u32 = 8;
/// Numbers of a camera's turn: about its right, down and forward.
const TURN: usize = 3;
/// Expected size of a right camera's error, degrees: the scale of the prior.
const PRIOR_DEG: f64 = 0.15;
/// Rounds of reweighting.
const ROUNDS: usize = 12;
/// Heights between which heads are, metres.
const HEADS_M: [f64; 2] = [0.5, 2.2];
/// Tracks whose last sighting is remembered.
const TRACKS_MAX: usize = 2_000;

/// Watches the calibration of all cameras.
#[derive(Clone, Debug)]
pub struct CalibrationMonitor {
    settings: MonitorSettings,
    views: Vec<View>,
    pieces: VecDeque<Piece>,
    counted: BTreeMap<TrackId, StoreTime>,
    judged: Option<StoreTime>,
    off: Vec<bool>,
}

/// The normal equations of some seconds.
#[derive(Clone, Debug)]
struct Piece {
    begun: StoreTime,
    /// By pairs of cameras, the first no greater than the second.
    blocks: BTreeMap<(usize, usize), [f64; TURN * TURN]>,
    sides: Vec<[f64; TURN]>,
    sightings: Vec<u32>,
    /// Sum of squared distances from the camera to people, for what a turn means in metres.
    reach2: Vec<f64>,
}

/// One camera's view of a person.
struct Glimpse {
    camera: usize,
    head: PixelPoint,
    foot: Option<PixelPoint>,
}

/// What the monitor thinks of a camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// How far it is turned from where its calibration says, about its right, down and forward, degrees.
    pub turn_deg: [f64; 3],
    /// Standard deviation of its size, degrees.
    pub sd_deg: f64,
    /// Sightings that say so.
    pub sightings: u32,
    /// What the turn means at people's usual distance, metres.
    pub miss_m: f64,
}

impl Alignment {
    /// Size of the turn, degrees.
    pub fn size_deg(&self) -> f64 {
        dot(self.turn_deg, self.turn_deg).sqrt()
    }
}

impl CalibrationMonitor {
    /// A monitor of these cameras.
    pub fn new(cameras: &[Camera], settings: MonitorSettings) -> Self {
        Self {
            settings,
            views: cameras.iter().map(View::new).collect(),
            pieces: VecDeque::new(),
            counted: BTreeMap::new(),
            judged: None,
            off: vec![false; cameras.len()],
        }
    }

    /// Takes in what the cameras found at `t` and where the tracker then has people. Says which cameras' calibrations
    /// stopped holding, or hold again.
    pub fn update(
        &mut self,
        t: StoreTime,
        frames: &[CameraFrame],
        people: &[TrackPoint],
    ) -> Vec<CalibrationFault> {
        self.roll(t);
        for person in people {
            let last = self.counted.get(&person.track);
            if last.is_some_and(|last| t.since(*last) < self.settings.pause && t >= *last) {
                continue;
            }
            let near = |o: &&TrackPoint| {
                o.track != person.track
                    && o.position.distance(person.position) < self.settings.alone_m
            };
            if people.iter().any(|o| near(&o)) {
                continue;
            }
            let glimpses = self.glimpses(frames, person.position);
            if glimpses.len() >= 2 && self.take(&glimpses, person.position) {
                if self.counted.len() >= TRACKS_MAX {
                    self.counted.clear();
                }
                self.counted.insert(person.track, t);
            }
        }
        let due = self
            .judged
            .is_none_or(|last| t < last || t.since(last) >= self.settings.every);
        if !due {
            return Vec::new();
        }
        self.judged = Some(t);
        self.judge(t)
    }

    /// Drops what is too old and begins a new piece when it is time.
    fn roll(&mut self, t: StoreTime) {
        let n = self.views.len();
        // A clock set back begins anew.
        if self.pieces.back().is_some_and(|p| p.begun > t) {
            self.pieces.clear();
            self.counted.clear();
        }
        let forget = self.settings.forget;
        self.pieces.retain(|p| t.since(p.begun) < forget);
        let length = TimeDelta(self.settings.window.0 / PIECES as i64);
        let full = |p: &Piece| {
            let seen: u32 = p.sightings.iter().sum();
            t.since(p.begun) >= length && seen >= PIECE_SIGHTINGS * n as u32
        };
        if self.pieces.back().is_none_or(full) {
            self.pieces.push_back(Piece {
                begun: t,
                blocks: BTreeMap::new(),
                sides: vec![[0.0; TURN]; n],
                sightings: vec![0; n],
                reach2: vec![0.0; n],
            });
            if self.pieces.len() > PIECES {
                self.pieces.pop_front();
            }
            self.counted
                .retain(|_, last| t.since(*last) < self.settings.pause);
        }
    }

    /// Each camera's one detection of somebody who stands there alone.
    fn glimpses(&self, frames: &[CameraFrame], place: Point2) -> Vec<Glimpse> {
        let mut out: Vec<Glimpse> = Vec::new();
        for frame in frames {
            let camera = frame.camera.usize();
            let Some(view) = self.views.get(camera) else {
                continue;
            };
            let at = view.camera().position;
            if at.floor().distance(place) > self.settings.far_m
                || out.iter().any(|g| g.camera == camera)
            {
                continue;
            }
            let mut near = frame
                .detections
                .iter()
                .filter(|d| self.is_near(view, d, place));
            // Two that could be the person: neither counts.
            let (Some(d), None) = (near.next(), near.next()) else {
                continue;
            };
            if let Some(head) = d.head {
                out.push(Glimpse {
                    camera,
                    head,
                    foot: d.foot,
                });
            }
        }
        out
    }

    fn is_near(&self, view: &View, d: &PersonDetection, place: Point2) -> bool {
        let ray = d.head.and_then(|h| view.ray(h.pixel));
        let Some(ray) = ray else { return false };
        // The ray between the heights of heads, held against the upright line at the place.
        let d = Point2::new(ray.direction.x, ray.direction.y);
        let o = ray.origin.floor();
        let to = place - o;
        let run = d.dot(d);
        let bounds = HEADS_M.map(|z| (z - ray.origin.z) / ray.direction.z);
        let (lo, hi) = (bounds[0].min(bounds[1]).max(0.0), bounds[0].max(bounds[1]));
        if !(lo.is_finite() && hi.is_finite()) || hi <= 0.0 {
            return false;
        }
        let s = if run > 1e-12 { to.dot(d) / run } else { lo };
        let s = s.clamp(lo, hi);
        let miss = Point2::new(to.x - s * d.x, to.y - s * d.y);
        miss.norm() < self.settings.gate_m
    }

    /// Adds a sighting to the equations. False: the views do not meet.
    fn take(&mut self, glimpses: &[Glimpse], place: Point2) -> bool {
        let Some(head) = self.triangulate(glimpses, place) else {
            return false;
        };
        // Measurements of (x, y, z): a head's two coordinates, a foot's two of (x, y) alone.
        let mut rows: Vec<Row> = Vec::new();
        for g in glimpses {
            let view = &self.views[g.camera];
            let Some((seen, jacobian)) = view.project_with_jacobian(head) else {
                return false;
            };
            let miss = [g.head.pixel.u - seen.u, g.head.pixel.v - seen.v];
            rows.extend(Row::pair(
                g.camera, view, head, jacobian, miss, g.head.cov, 0.0,
            ));
            let below = Point3::new(head.x, head.y, 0.0);
            let foot = g
                .foot
                .and_then(|f| Some((f, view.project_with_jacobian(below)?)));
            if let Some((foot, (seen, mut jacobian))) = foot {
                let miss = [foot.pixel.u - seen.u, foot.pixel.v - seen.v];
                let pairs = Row::pair(
                    g.camera,
                    view,
                    below,
                    jacobian,
                    miss,
                    foot.cov,
                    self.settings.stride_m,
                );
                for row in &mut jacobian {
                    row[2] = 0.0;
                }
                rows.extend(pairs.into_iter().map(|mut r| {
                    // The floor is where it is: only x and y of the person move it.
                    r.by_point[2] = 0.0;
                    r
                }));
            }
        }
        // The point is eliminated.
        let mut m = [[0.0; 3]; 3];
        let mut e = [0.0; 3];
        for r in &rows {
            for i in 0..3 {
                for j in 0..3 {
                    m[i][j] += r.weight * r.by_point[i] * r.by_point[j];
                }
                e[i] += r.weight * r.by_point[i] * r.miss;
            }
        }
        let Some(inverse) = inverse(&m) else {
            return false;
        };
        let Some(piece) = self.pieces.back_mut() else {
            return false;
        };
        // For each camera what its turn does to the point's equations.
        let mut hangs: BTreeMap<usize, [[f64; 3]; TURN]> = BTreeMap::new();
        for r in &rows {
            let h = hangs.entry(r.camera).or_default();
            let block = piece.blocks.entry((r.camera, r.camera)).or_default();
            let side = &mut piece.sides[r.camera];
            for i in 0..TURN {
                for k in 0..3 {
                    h[i][k] += r.weight * r.by_turn[i] * r.by_point[k];
                }
                for j in 0..TURN {
                    block[i * TURN + j] += r.weight * r.by_turn[i] * r.by_turn[j];
                }
                side[i] += r.weight * r.by_turn[i] * r.miss;
            }
        }
        let moved = super::linear::apply(&inverse, e);
        for (&a, ha) in &hangs {
            for i in 0..TURN {
                piece.sides[a][i] -= dot(ha[i], moved);
            }
            for (&b, hb) in hangs.range(a..) {
                let block = piece.blocks.entry((a, b)).or_default();
                for i in 0..TURN {
                    let through = super::linear::apply(&inverse, ha[i]);
                    for j in 0..TURN {
                        block[i * TURN + j] -= dot(through, hb[j]);
                    }
                }
            }
        }
        for g in glimpses {
            piece.sightings[g.camera] += 1;
            let d = self.views[g.camera].camera().position.distance(head);
            piece.reach2[g.camera] += d * d;
        }
        true
    }

    /// Where the rays meet; each is trusted less the farther it passes.
    fn triangulate(&self, glimpses: &[Glimpse], place: Point2) -> Option<Point3> {
        let mut p = Point3::new(place.x, place.y, 1.55);
        for round in 0..6 {
            let mut m = [[0.0; 3]; 3];
            let mut e = [0.0; 3];
            for g in glimpses {
                let view = &self.views[g.camera];
                let (seen, jacobian) = view.project_with_jacobian(p)?;
                let miss = [g.head.pixel.u - seen.u, g.head.pixel.v - seen.v];
                let px_per_m = jacobian.iter().map(|r| dot(*r, *r)).sum::<f64>().sqrt();
                // Metres by which the ray passes, roughly.
                let off = miss[0].hypot(miss[1]) / px_per_m.max(1e-9);
                let trust = if round < 2 {
                    1.0
                } else {
                    1.0 / (1.0 + (off / 0.15).powi(2))
                };
                for (row, miss) in jacobian.iter().zip(miss) {
                    let w = trust / (0.5 * (g.head.cov[0] + g.head.cov[2])).max(0.25);
                    for i in 0..3 {
                        for j in 0..3 {
                            m[i][j] += w * row[i] * row[j];
                        }
                        e[i] += w * row[i] * miss;
                    }
                }
            }
            // Where two rays are nearly one, people's usual height decides.
            m[2][2] += 1.0 / (0.3 * 0.3);
            e[2] += (1.55 - p.z) / (0.3 * 0.3);
            let step = super::linear::apply(&inverse(&m)?, e);
            p = Point3::new(p.x + step[0], p.y + step[1], p.z + step[2]);
        }
        let sane = p.x.is_finite() && p.floor().distance(place) < 1.5 * self.settings.gate_m;
        (sane && (HEADS_M[0]..HEADS_M[1]).contains(&p.z)).then_some(p)
    }

    /// How far each camera is turned, as all sightings in the window have it; none before it was seen at all.
    pub fn alignments(&self) -> Vec<Option<Alignment>> {
        let n = self.views.len();
        let mut sightings = vec![0_u32; n];
        let mut reach2 = vec![0.0; n];
        for piece in &self.pieces {
            for i in 0..n {
                sightings[i] += piece.sightings[i];
                reach2[i] += piece.reach2[i];
            }
        }
        let known: Vec<usize> = (0..n).filter(|i| sightings[*i] > 0).collect();
        let size = known.len() * TURN;
        let place: BTreeMap<usize, usize> =
            known.iter().enumerate().map(|(k, c)| (*c, k)).collect();
        let mut matrix = vec![0.0; size * size];
        let mut side = vec![0.0; size];
        for piece in &self.pieces {
            for ((a, b), block) in &piece.blocks {
                let (Some(a), Some(b)) = (place.get(a), place.get(b)) else {
                    continue;
                };
                for i in 0..TURN {
                    for j in 0..TURN {
                        let (r, c) = (a * TURN + i, b * TURN + j);
                        matrix[r * size + c] += block[i * TURN + j];
                        if a != b {
                            matrix[c * size + r] += block[i * TURN + j];
                        }
                    }
                }
            }
            for (c, k) in &place {
                for i in 0..TURN {
                    side[k * TURN + i] += piece.sides[*c][i];
                }
            }
        }
        let mut out = vec![None; n];
        let prior = PRIOR_DEG.to_radians();
        let mut turns = vec![[0.0; TURN]; known.len()];
        let mut weights = vec![1.0 / (prior * prior); known.len()];
        for round in 0..=ROUNDS {
            let mut m = matrix.clone();
            for (k, w) in weights.iter().enumerate() {
                for i in 0..TURN {
                    let d = k * TURN + i;
                    m[d * size + d] += w;
                }
            }
            let Some(factor) = Cholesky::new(size, &m) else {
                return out;
            };
            let solved = factor.solve(&side);
            for (k, turn) in turns.iter_mut().enumerate() {
                *turn = std::array::from_fn(|i| solved[k * TURN + i]);
            }
            if round < ROUNDS {
                for (w, turn) in weights.iter_mut().zip(&turns) {
                    *w = 1.0 / (prior * dot(*turn, *turn).sqrt().max(0.2 * prior));
                }
                continue;
            }
            let covariance = factor.inverse();
            for (k, &camera) in known.iter().enumerate() {
                let turn = turns[k];
                let length = dot(turn, turn).sqrt();
                let along = if length > 1e-12 {
                    turn.map(|x| x / length)
                } else {
                    [1.0, 0.0, 0.0]
                };
                let mut variance = 0.0;
                for i in 0..TURN {
                    for j in 0..TURN {
                        let c = covariance[(k * TURN + i) * size + k * TURN + j];
                        variance += along[i] * c * along[j];
                    }
                }
                // A turn about the axis of sight moves what is in the middle of the picture not at all.
                let aside = turn[0].hypot(turn[1]);
                out[camera] = Some(Alignment {
                    turn_deg: turn.map(f64::to_degrees),
                    sd_deg: variance.max(0.0).sqrt().to_degrees(),
                    sightings: sightings[camera],
                    miss_m: aside.max(0.3 * turn[2].abs())
                        * (reach2[camera] / f64::from(sightings[camera])).sqrt(),
                });
            }
        }
        out
    }

    fn judge(&mut self, t: StoreTime) -> Vec<CalibrationFault> {
        let s = &self.settings;
        let mut out = Vec::new();
        for (i, alignment) in self.alignments().into_iter().enumerate() {
            let Some(a) = alignment.filter(|a| a.sightings >= s.sightings_min) else {
                continue;
            };
            let beyond = a.size_deg() - s.tolerance_deg;
            let is_off = if self.off[i] {
                // What was off is right again well below the limit only.
                beyond > -0.25 * s.tolerance_deg
            } else {
                beyond > s.sigmas * a.sd_deg
            };
            if is_off != self.off[i] {
                self.off[i] = is_off;
                out.push(CalibrationFault {
                    t,
                    camera: CameraIx::from(i),
                    off: is_off,
                    angle_deg: a.size_deg() as f32,
                    miss_m: a.miss_m as f32,
                    sightings: a.sightings,
                });
            }
        }
        out
    }
}

/// One coordinate of a measurement.
struct Row {
    camera: usize,
    by_point: [f64; 3],
    by_turn: [f64; TURN],
    miss: f64,
    weight: f64,
}

impl Row {
    /// The two coordinates of a pixel, made independent. `wobble`: how far the point itself may lie from where it
    /// should, metres.
    fn pair(
        camera: usize,
        view: &View,
        p: Point3,
        jacobian: [[f64; 3]; 2],
        miss: [f64; 2],
        cov: [f64; 3],
        wobble: f64,
    ) -> [Self; 2] {
        // A turn ω of the camera moves the point by ω × q in its axes: ∂pixel/∂q = J·Rᵀ.
        let r = view.camera_from_floor();
        let q = view.to_camera(p);
        let by_turn = jacobian.map(|row| {
            let by_q: [f64; 3] = std::array::from_fn(|i| dot(row, r[i]));
            cross(q, by_q)
        });
        let px_per_m = jacobian.iter().map(|row| dot(*row, *row)).sum::<f64>() * 0.5;
        let extra = px_per_m * wobble * wobble;
        [0, 1].map(|k| {
            let variance = cov[2 * k] + extra;
            let sigmas = (miss[k] * miss[k] / variance.max(1e-9)).sqrt();
            // Huber: a wild one counts by its size, not its square.
            let trust = if sigmas > 3.0 { 3.0 / sigmas } else { 1.0 };
            Self {
                camera,
                by_point: jacobian[k],
                by_turn: by_turn[k],
                miss: miss[k],
                weight: trust / variance.max(1e-9),
            }
        })
    }
}
