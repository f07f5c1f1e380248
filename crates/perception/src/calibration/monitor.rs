//! Notices at run time that a camera's calibration no longer holds.
//!
//! People's heads are seen by several cameras at once, and people stand on the floor. If one camera was knocked, its rays
//! miss what the others see, always in the same way. The monitor keeps the sightings of a while and solves for a small
//! turn of each camera about its centre: a sighting's head position and the person's place are unknown and are eliminated, as
//! in bundle adjustment (Triggs et al. 2000). All cameras' turns are solved together, with a prior that most are right
//! (a large turn costs little more than a small one: reweighted least squares), so that the one that is wrong is named and not its
//! neighbours. Points that fit nothing count ever less (Cauchy's weights). How sure a turn is follows from how much the
//! people disagree (a sandwich over people), for one person's errors hang together. A camera is told off when its turn is
//! above [`MonitorSettings::tolerance_deg`] by more than its uncertainty, twice in a row.

use super::linear::{Cholesky, apply, dot, inverse};
use super::turns::{HEIGHT_M, Mark, Reduced, TURN};
use crate::floor::{CameraFrame, PersonDetection, PixelPoint};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    /// And people of whom they are.
    pub people_min: u32,
    /// And sixteenths of the picture in which they were.
    pub parts_min: u32,
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
            people_min: 3,
            parts_min: 4,
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

/// What is older than the window goes only while so many glimpses a camera stay: an empty shop forgets slowly.
const KEPT_GLIMPSES: usize = 48;
/// Sightings kept, at most, a camera.
const SIGHTINGS_A_CAMERA: usize = 256;
/// Expected size of a right camera's error, degrees: the scale of the prior.
const PRIOR_DEG: f64 = 0.15;
/// Rounds of reweighting; in the first some wild points count by their size, later ever less.
const ROUNDS: usize = 14;
const FIRST_ROUNDS: usize = 5;
/// Heights between which heads are, metres: children below the first do not count.
const HEADS_M: [f64; 2] = [1.0, 2.1];
/// Tracks whose last sighting is remembered.
const TRACKS_MAX: usize = 2_000;
/// Parts of the picture, a side, for telling whether people were seen in several.
const PARTS: f64 = 4.0;

/// Watches the calibration of all cameras.
#[derive(Clone, Debug)]
pub struct CalibrationMonitor {
    settings: MonitorSettings,
    views: Vec<View>,
    sightings: VecDeque<Sighting>,
    glimpses: usize,
    counted: BTreeMap<TrackId, StoreTime>,
    judged: Option<StoreTime>,
    off: Vec<bool>,
    suspect: Vec<bool>,
}

/// A person seen by two cameras or more.
#[derive(Clone, Debug)]
struct Sighting {
    t: StoreTime,
    track: TrackId,
    head: Point3,
    marks: Vec<Mark>,
    looks: Vec<Look>,
}

/// That a camera saw a person: in which part of the picture, and from how far, metres.
#[derive(Clone, Copy, Debug)]
struct Look {
    camera: usize,
    part: u32,
    away_m: f64,
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
    /// People of whom they are.
    pub people: u32,
    /// Sixteenths of the picture in which they were.
    pub parts: u32,
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
            sightings: VecDeque::new(),
            glimpses: 0,
            counted: BTreeMap::new(),
            judged: None,
            off: vec![false; cameras.len()],
            suspect: vec![false; cameras.len()],
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
            let glimpses = self.glimpses(frames, person.position, people);
            let sighting = self.sighting(t, person.track, glimpses, person.position);
            if let Some(sighting) = sighting {
                self.glimpses += sighting.looks.len();
                self.sightings.push_back(sighting);
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

    /// Drops what is too old.
    fn roll(&mut self, t: StoreTime) {
        // A clock set back begins anew.
        if self.sightings.back().is_some_and(|s| s.t > t) {
            self.sightings.clear();
            self.glimpses = 0;
            self.counted.clear();
        }
        let n = self.views.len();
        while let Some(first) = self.sightings.front() {
            let age = t.since(first.t);
            let left = self.glimpses - first.looks.len();
            let old = age > self.settings.window && left >= KEPT_GLIMPSES * n;
            let over = self.sightings.len() > SIGHTINGS_A_CAMERA * n;
            if !(old || over || age > self.settings.forget) {
                break;
            }
            self.glimpses = left;
            self.sightings.pop_front();
        }
    }

    /// Each camera's one detection of somebody who stands there alone.
    fn glimpses(
        &self,
        frames: &[CameraFrame],
        place: Point2,
        people: &[TrackPoint],
    ) -> Vec<Glimpse> {
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
            // Two that could be the person: neither counts. Nor does one that could be somebody else, as the head of whoever
            // stands before the person and hides theirs.
            let (Some(d), None) = (near.next(), near.next()) else {
                continue;
            };
            let whose = people.iter().filter(|p| self.is_near(view, d, p.position));
            if whose.take(2).count() > 1 {
                continue;
            }
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

    /// What the glimpses say together; none if fewer than two meet.
    fn sighting(
        &self,
        t: StoreTime,
        track: TrackId,
        mut glimpses: Vec<Glimpse>,
        place: Point2,
    ) -> Option<Sighting> {
        let mut head = None;
        // Of those that pass where the others meet by too much the worst goes first.
        while glimpses.len() >= 2 {
            let p = self.triangulate(&glimpses, place)?;
            let by = |g: &Glimpse| {
                let Some((seen, jacobian)) = self.views[g.camera].project_with_jacobian(p) else {
                    return f64::INFINITY;
                };
                let px_per_m = (jacobian.iter().map(|r| dot(*r, *r)).sum::<f64>() * 0.5).sqrt();
                (g.head.pixel.u - seen.u).hypot(g.head.pixel.v - seen.v) / px_per_m.max(1e-9)
            };
            let misses = glimpses.iter().map(by).enumerate();
            let (worst, miss) = misses.max_by(|a, b| a.1.total_cmp(&b.1))?;
            if miss < self.settings.gate_m {
                head = Some(p);
                break;
            }
            glimpses.remove(worst);
        }
        let head = head?;
        let mut marks = Vec::new();
        let mut looks = Vec::new();
        for g in &glimpses {
            let view = &self.views[g.camera];
            let (seen, jacobian) = view.project_with_jacobian(head)?;
            marks.push(Mark::new(g.camera, view, head, jacobian, g.head, seen, 0.0));
            let below = Point3::new(head.x, head.y, 0.0);
            let foot = g
                .foot
                .and_then(|f| Some((f, view.project_with_jacobian(below)?)));
            if let Some((foot, (seen, jacobian))) = foot {
                let stride = self.settings.stride_m;
                let mut mark = Mark::new(g.camera, view, below, jacobian, foot, seen, stride);
                // The floor is where it is: only x and y of the person move it.
                for row in &mut mark.by_point {
                    row[2] = 0.0;
                }
                marks.push(mark);
            }
            let camera = view.camera();
            let part = |x: f64, size: u32| {
                (PARTS * x / f64::from(size.max(1))).clamp(0.0, PARTS - 1.0) as u32
            };
            let row = part(g.head.pixel.v, camera.height_px);
            looks.push(Look {
                camera: g.camera,
                part: row * PARTS as u32 + part(g.head.pixel.u, camera.width_px),
                away_m: camera.position.distance(head),
            });
        }
        Some(Sighting {
            t,
            track,
            head,
            marks,
            looks,
        })
    }

    /// Where the rays meet; each is trusted less the farther it passes.
    fn triangulate(&self, glimpses: &[Glimpse], place: Point2) -> Option<Point3> {
        let mut p = Point3::new(place.x, place.y, HEIGHT_M[0]);
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
            let [height, sd] = HEIGHT_M;
            m[2][2] += 1.0 / (sd * sd);
            e[2] += (height - p.z) / (sd * sd);
            let step = apply(&inverse(&m)?, e);
            p = Point3::new(p.x + step[0], p.y + step[1], p.z + step[2]);
        }
        let sane = p.x.is_finite() && p.floor().distance(place) < 1.5 * self.settings.gate_m;
        (sane && (HEADS_M[0]..HEADS_M[1]).contains(&p.z)).then_some(p)
    }

    /// How far each camera is turned, as all sightings in the window have it; none before it was seen at all.
    pub fn alignments(&self) -> Vec<Option<Alignment>> {
        let n = self.views.len();
        let mut notes = vec![Note::default(); n];
        for s in &self.sightings {
            for look in &s.looks {
                let note = &mut notes[look.camera];
                note.sightings += 1;
                note.parts |= 1 << look.part;
                note.tracks.insert(s.track);
                note.reach2 += look.away_m * look.away_m;
            }
        }
        let known: Vec<usize> = (0..n).filter(|i| notes[*i].sightings > 0).collect();
        let size = known.len() * TURN;
        let mut at = vec![usize::MAX; n];
        for (k, c) in known.iter().enumerate() {
            at[*c] = k * TURN;
        }
        let mut out = vec![None; n];
        let prior = PRIOR_DEG.to_radians();
        let mut turns = vec![0.0; size];
        let mut weights = vec![1.0 / (prior * prior); known.len()];
        let mut moved = vec![[0.0; 3]; self.sightings.len()];
        let mut reduced = Reduced::default();
        for round in 0..ROUNDS {
            let mut matrix = vec![0.0; size * size];
            let mut side = vec![0.0; size];
            // By person, how they pull at the turns as found so far.
            let mut pulls: BTreeMap<TrackId, Vec<f64>> = BTreeMap::new();
            let last = round + 1 == ROUNDS;
            for (s, moved) in self.sightings.iter().zip(&mut moved) {
                if !reduced.reduce(&s.marks, s.head.z, &turns, &at, moved, round < FIRST_ROUNDS) {
                    continue;
                }
                reduced.add(&mut matrix, &mut side, size);
                if last {
                    let pull = pulls.entry(s.track).or_insert_with(|| vec![0.0; size]);
                    reduced.pull(pull, &turns);
                }
            }
            for (k, w) in weights.iter().enumerate() {
                for d in k * TURN..(k + 1) * TURN {
                    matrix[d * size + d] += w;
                }
            }
            let Some(factor) = Cholesky::new(size, &matrix) else {
                return out;
            };
            if !last {
                turns = factor.solve(&side);
                for (w, turn) in weights.iter_mut().zip(turns.chunks_exact(TURN)) {
                    let length = turn.iter().map(|x| x * x).sum::<f64>().sqrt();
                    // By its size first, which has one best answer; then by its logarithm, which leaves a large one its size.
                    *w = if round < FIRST_ROUNDS {
                        1.0 / (prior * length.max(0.2 * prior))
                    } else {
                        2.0 / (prior * prior + length * length)
                    };
                }
                continue;
            }
            let covariance = factor.inverse();
            let shifts: Vec<Vec<f64>> = pulls.values().map(|p| factor.solve(p)).collect();
            for (k, &camera) in known.iter().enumerate() {
                let turn: [f64; TURN] = std::array::from_fn(|i| turns[k * TURN + i]);
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
                let note = &notes[camera];
                // As the people differ from each other, whatever their points' errors are said to be.
                let people = note.tracks.len() as f64;
                let spread: f64 = shifts
                    .iter()
                    .map(|s| (0..TURN).map(|i| along[i] * s[k * TURN + i]).sum::<f64>())
                    .map(|x| x * x)
                    .sum();
                let spread = spread * people / (people - 1.0).max(0.5);
                // A turn about the axis of sight moves what is in the middle of the picture not at all.
                let aside = turn[0].hypot(turn[1]);
                out[camera] = Some(Alignment {
                    turn_deg: turn.map(f64::to_degrees),
                    sd_deg: variance.max(spread).max(0.0).sqrt().to_degrees(),
                    sightings: note.sightings,
                    people: note.tracks.len() as u32,
                    parts: note.parts.count_ones(),
                    miss_m: aside.max(0.3 * turn[2].abs())
                        * (note.reach2 / f64::from(note.sightings)).sqrt(),
                });
            }
        }
        out
    }

    fn judge(&mut self, t: StoreTime) -> Vec<CalibrationFault> {
        let s = &self.settings;
        let mut out = Vec::new();
        for (i, alignment) in self.alignments().into_iter().enumerate() {
            let enough = |a: &Alignment| {
                a.sightings >= s.sightings_min && a.people >= s.people_min && a.parts >= s.parts_min
            };
            let Some(a) = alignment.filter(enough) else {
                self.suspect[i] = false;
                continue;
            };
            let beyond = a.size_deg() - s.tolerance_deg;
            let is_off = if self.off[i] {
                // What was off is right again well below the limit only.
                beyond > -0.25 * s.tolerance_deg
            } else {
                beyond > s.sigmas * a.sd_deg
            };
            // Twice in a row, or it was chance.
            let suspect = is_off != self.off[i];
            if suspect && self.suspect[i] {
                self.suspect[i] = false;
                self.off[i] = is_off;
                out.push(CalibrationFault {
                    t,
                    camera: CameraIx::from(i),
                    off: is_off,
                    angle_deg: a.size_deg() as f32,
                    miss_m: a.miss_m as f32,
                    sightings: a.sightings,
                });
            } else {
                self.suspect[i] = suspect;
            }
        }
        out
    }
}

/// What is noted of a camera.
#[derive(Clone, Debug, Default)]
struct Note {
    sightings: u32,
    parts: u32,
    tracks: BTreeSet<TrackId>,
    reach2: f64,
}
