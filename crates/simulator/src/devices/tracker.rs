//! A multi-camera tracker's reports: noisy, late, sometimes missing, sometimes of the wrong person.

use super::clothes::Clothes;
use super::config::TrackerConfig;
use super::noise::Noise;
use super::sight::{ENOUGH_VIEWS, Sight, Torso, Views};
use crate::Tick;
use crate::scene::{Body, Scene, TrackFault};
use std::collections::{BTreeMap, VecDeque};
use walkout_model::{Layout, Point2, Point3, StoreTime, TimeDelta, TrackId, TrackPoint, Wrist};

/// Ticks of 1/60 s between two frames.
pub(super) const FRAME_TICKS: u64 = 6;
/// Seconds between two frames.
const FRAME_S: f64 = FRAME_TICKS as f64 / 60.0;
/// Within this distance people crowd one another, metres.
const CROWD_M: f64 = 1.0;
/// How long a hand stays found, missed or given to the wrong person, seconds.
const HAND_LUCK_S: f64 = 0.4;
/// Frames between two looks at what somebody wears.
const LOOK_FRAMES: u64 = 5;
/// A track that finds itself on another body moves over to it with this time constant, seconds: a
/// tracker's filter does not jump.
const SLIDE_S: f64 = 0.35;

/// A hand that the tracker reported in the frame of this tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct HandSeen {
    /// Whose, as an index into the scene's people.
    pub body: usize,
    /// Which of the two.
    pub hand: usize,
    /// The track it was given to.
    pub track: TrackId,
    /// Where it was reported.
    pub position: Point3,
}

pub(super) struct Tracker {
    config: TrackerConfig,
    noise: Noise,
    sight: Sight,
    clothes: Clothes,
    /// Of this frame's people.
    torsos: Vec<Torso>,
    people: BTreeMap<u32, Seen>,
    ghosts: Vec<Ghost>,
    next_track: u64,
    ticks: u64,
    outbox: VecDeque<(StoreTime, TrackPoint)>,
    hands: Vec<HandSeen>,
}

/// What the tracker's imperfections know of one body.
struct Seen {
    track: Option<TrackId>,
    frames: u32,
    last_seen: StoreTime,
    lost_until: StoreTime,
    /// Persistent error, in units of its standard deviation.
    error: Point2,
    /// Where the track still is, beside the body, after it was another's. Metres.
    slide: Point2,
    /// Where the body was in the last frame.
    position: Point2,
    /// The last frame's views of the head, and people near.
    views: usize,
    near: usize,
    hands: [HandLuck; 2],
    in_scene: bool,
}

/// Uniform draws that last a while: below a probability, the thing is so.
struct HandLuck {
    found: f64,
    astray: f64,
    error: Point3,
}

/// A track of nobody: a person's double.
struct Ghost {
    track: TrackId,
    position: Point2,
    until: StoreTime,
}

impl Tracker {
    pub fn new(layout: &Layout, config: TrackerConfig, seed: u64) -> Self {
        Self {
            sight: Sight::new(layout, config.sees_all),
            torsos: Vec::new(),
            config,
            noise: Noise::new(seed, 2),
            clothes: Clothes::new(seed),
            people: BTreeMap::new(),
            ghosts: Vec::new(),
            next_track: 1,
            ticks: 0,
            outbox: VecDeque::new(),
            hands: Vec::new(),
        }
    }

    /// The hands of this tick's frame; empty between frames.
    pub fn hands(&self) -> &[HandSeen] {
        &self.hands
    }

    /// Which person each track is of.
    pub fn whose_tracks(&self) -> impl Iterator<Item = (TrackId, u32)> {
        let of = |(&person, seen): (&u32, &Seen)| Some((seen.track?, person));
        self.people.iter().filter_map(of)
    }

    pub fn observe(&mut self, scene: &Scene, tick: &mut Tick) {
        self.hands.clear();
        for fault in &scene.track_faults {
            self.fail(fault);
        }
        if self.ticks.is_multiple_of(FRAME_TICKS) {
            self.frame(scene);
        }
        self.ticks += 1;
        while let Some((due, _)) = self.outbox.front() {
            if *due > scene.t {
                break;
            }
            if let Some((_, point)) = self.outbox.pop_front() {
                tick.tracks.push(point);
            }
        }
    }

    fn frame(&mut self, scene: &Scene) {
        self.meet(scene);
        self.clothes.frame(scene, FRAME_S, &self.config);
        self.torsos.clear();
        self.torsos.extend(scene.people.iter().map(Torso::of));
        for (i, body) in scene.people.iter().enumerate() {
            self.detect(scene, i, body);
        }
        self.swap(scene);
        let mut points: Vec<(usize, TrackPoint)> = Vec::new();
        for (i, body) in scene.people.iter().enumerate() {
            if let Some(point) = self.report(scene, body) {
                points.push((i, point));
            }
        }
        self.wrists(scene, &mut points);
        let mut points: Vec<TrackPoint> = points.into_iter().map(|(_, point)| point).collect();
        self.haunt(scene, &mut points);
        // By number, so that the order tells nothing about who is who.
        points.sort_by_key(|point| point.track);
        let latency = TimeDelta::from_secs_f64(self.noise.between(self.config.latency_s));
        let earliest = self.outbox.back().map_or(scene.t, |(due, _)| *due);
        let due = (scene.t + latency).max(earliest);
        self.outbox.extend(points.into_iter().map(|p| (due, p)));
    }

    /// A mistake that a scenario asks for.
    fn fail(&mut self, fault: &TrackFault) {
        match *fault {
            TrackFault::Swap { a, b } => self.exchange(a, b),
            TrackFault::Lost { person, until } => {
                if let Some(seen) = self.people.get_mut(&person) {
                    seen.lost_until = until;
                    seen.track = None;
                }
            }
        }
    }

    /// Two people go on under one another's number, if both have one.
    fn exchange(&mut self, a: u32, b: u32) {
        let track = |person| self.people.get(&person).and_then(|seen| seen.track);
        let (Some(track_a), Some(track_b)) = (track(a), track(b)) else {
            return;
        };
        let place = |person| {
            let seen = self.people.get(&person)?;
            Some(seen.position + seen.slide)
        };
        let (place_a, place_b) = (place(a), place(b));
        for (person, track, place) in [(a, track_b, place_b), (b, track_a, place_a)] {
            if let Some(seen) = self.people.get_mut(&person) {
                seen.track = Some(track);
                seen.slide = place.map_or(Point2::default(), |p| p - seen.position);
            }
        }
    }

    /// Keeps one record a body; those who left are forgotten.
    fn meet(&mut self, scene: &Scene) {
        for seen in self.people.values_mut() {
            seen.in_scene = false;
        }
        for body in &scene.people {
            let noise = &mut self.noise;
            let seen = self
                .people
                .entry(body.person)
                .or_insert_with(|| Seen::new(scene.t, noise));
            seen.in_scene = true;
            seen.position = body.position;
            seen.slide = seen.slide * (-FRAME_S / SLIDE_S).exp();
        }
        self.people.retain(|_, seen| seen.in_scene);
    }

    /// Whether the body is detected in this frame, and under which number.
    fn detect(&mut self, scene: &Scene, i: usize, body: &Body) {
        let head = body.position.at_height(body.height_m - 0.1);
        let views = self.sight.views(head, 0.0, &self.torsos, i);
        let near = scene
            .people
            .iter()
            .enumerate()
            .filter(|(j, other)| *j != i && other.position.distance(body.position) < CROWD_M)
            .count();
        let keep = (-FRAME_S / self.config.error_s).exp();
        let kick = (1.0 - keep * keep).sqrt();
        let (dx, dy) = (self.noise.normal(), self.noise.normal());
        let Some(seen) = self.people.get_mut(&body.person) else {
            return;
        };
        seen.error = seen.error * keep + Point2::new(dx, dy) * kick;
        seen.views = views.count;
        seen.near = near;
        let single = if views.count < 2 { 2.0 } else { 1.0 };
        let hazard = self.config.lost_per_s * single * (1.0 + near as f64);
        if scene.t >= seen.lost_until && self.noise.chance(hazard * FRAME_S) {
            let length = self.noise.exponential(self.config.lost_s);
            seen.lost_until = scene.t + TimeDelta::from_secs_f64(length.min(30.0));
        }
        if views.count == 0 || scene.t < seen.lost_until {
            seen.frames = 0;
            return;
        }
        let gap = scene.t.since(seen.last_seen).as_secs_f64() - FRAME_S;
        if gap > 0.0 && seen.track.is_some() {
            // Short gaps are bridged by motion, long ones by luck.
            let remembered = 0.5_f64.powf((gap / self.config.forget_s).powi(2));
            if !self.noise.chance(remembered) {
                seen.track = None;
            }
        }
        seen.frames += 1;
        seen.last_seen = scene.t;
        if seen.track.is_none() && seen.frames >= self.config.confirm_frames {
            seen.track = Some(TrackId(self.next_track));
            self.next_track += 1;
        }
    }

    /// Two who are close may change numbers, and keep them so.
    fn swap(&mut self, scene: &Scene) {
        for (i, a) in scene.people.iter().enumerate() {
            for b in &scene.people[i + 1..] {
                if a.position.distance(b.position) > self.config.swap_range_m {
                    continue;
                }
                let weak = [a, b]
                    .iter()
                    .any(|p| self.people.get(&p.person).is_none_or(|seen| seen.views < 2));
                let hazard = self.config.swap_per_s * if weak { 3.0 } else { 1.0 };
                if self.noise.chance(hazard * FRAME_S) {
                    self.exchange(a.person, b.person);
                }
            }
        }
    }

    fn report(&mut self, scene: &Scene, body: &Body) -> Option<TrackPoint> {
        let now = scene.t;
        let seen = self.people.get(&body.person)?;
        let track = seen.track?;
        if seen.last_seen != now {
            return None;
        }
        let base = if seen.views < 2 {
            self.config.sigma_one_view_m
        } else {
            self.config.sigma_m
        };
        let sigma = base * (1.0 + self.config.crowding * seen.near.min(4) as f64);
        // Nine tenths of the variance persist, the rest is new in each frame.
        let fresh = Point2::new(self.noise.normal(), self.noise.normal());
        let error = (seen.error * 0.9_f64.sqrt() + fresh * 0.1_f64.sqrt()) * sigma;
        let position = body.position + seen.slide + error;
        // Each track has its turn, so that looks cost the same in each frame.
        let frame = self.ticks / FRAME_TICKS;
        let is_looked_at = (frame + track.0).is_multiple_of(LOOK_FRAMES) && seen.views > 0;
        Some(TrackPoint {
            t: now,
            track,
            position,
            sigma_m: sigma as f32,
            wrists: Vec::new(),
            appearance: if is_looked_at {
                self.clothes.look(scene, body, &self.config)
            } else {
                Vec::new()
            },
        })
    }

    fn wrists(&mut self, scene: &Scene, points: &mut [(usize, TrackPoint)]) {
        for (i, body) in scene.people.iter().enumerate() {
            for hand in 0..2 {
                self.wrist(i, body, hand, points);
            }
        }
        for (_, point) in points.iter_mut() {
            if self.noise.chance(self.config.wrist_false) {
                let d = |noise: &mut Noise| noise.between([-0.6, 0.6]);
                let (dx, dy) = (d(&mut self.noise), d(&mut self.noise));
                let z = self.noise.between([0.5, 1.6]);
                point.wrists.push(Wrist {
                    position: (point.position + Point2::new(dx, dy)).at_height(z),
                    sigma_m: (1.2 * self.config.wrist_sigma_m) as f32,
                    confidence: self.noise.between([0.3, 0.7]) as f32,
                });
            }
            if point.wrists.len() > 1 && self.noise.chance(0.5) {
                point.wrists.reverse();
            }
            point.wrists.truncate(2);
        }
    }

    fn wrist(&mut self, i: usize, body: &Body, hand: usize, points: &mut [(usize, TrackPoint)]) {
        let truth = body.hands[hand].wrist;
        let near_m = if body.hands[hand].at_shelf {
            0.45
        } else {
            0.15
        };
        let views = self.sight.views(truth, near_m, &self.torsos, i);
        let recall = match views.count {
            0 => self.config.wrist_recall_none,
            1 => self.config.wrist_recall_one,
            _ => self.config.wrist_recall_many,
        };
        let renew = FRAME_S / HAND_LUCK_S;
        let Some(luck) = self
            .people
            .get_mut(&body.person)
            .map(|seen| &mut seen.hands[hand])
        else {
            return;
        };
        if self.noise.chance(renew) {
            luck.found = self.noise.unit();
        }
        if self.noise.chance(renew) {
            luck.astray = self.noise.unit();
        }
        luck.error = mix(luck.error, unit_normal(&mut self.noise), 0.75);
        if luck.found >= recall {
            return;
        }
        let is_astray = luck.astray < self.config.wrist_wrong_owner;
        let (offset, sigma) = self.config.wrist_error(luck.error, truth, views);
        let position = Point3::new(truth.x + offset.x, truth.y + offset.y, truth.z + offset.z);
        let confident = match views.count {
            0 => [0.3, 0.6],
            1 => [0.45, 0.85],
            _ => [0.7, 0.98],
        };
        let wrist = Wrist {
            position,
            sigma_m: sigma as f32,
            confidence: self.noise.between(confident) as f32,
        };
        let owner = points
            .iter_mut()
            .filter(|(j, point)| {
                if is_astray {
                    *j != i && point.position.distance(truth.floor()) < CROWD_M
                } else {
                    *j == i
                }
            })
            .min_by(|(_, a), (_, b)| {
                let d = |p: &TrackPoint| p.position.distance(truth.floor());
                d(a).total_cmp(&d(b))
            });
        if let Some((_, point)) = owner {
            self.hands.push(HandSeen {
                body: i,
                hand,
                track: point.track,
                position,
            });
            point.wrists.push(wrist);
        }
    }

    /// Doubles of people come and go.
    fn haunt(&mut self, scene: &Scene, points: &mut Vec<TrackPoint>) {
        self.ghosts.retain(|ghost| ghost.until > scene.t);
        if !points.is_empty()
            && self
                .noise
                .chance(self.config.ghosts_per_min / 60.0 * FRAME_S)
        {
            let of = (self.noise.unit() * points.len() as f64) as usize;
            let angle = self.noise.between([0.0, std::f64::consts::TAU]);
            let away = self.noise.between([0.5, 1.0]);
            let (s, c) = angle.sin_cos();
            self.ghosts.push(Ghost {
                track: TrackId(self.next_track),
                position: points[of].position + Point2::new(c * away, s * away),
                until: scene.t + TimeDelta::from_secs_f64(self.noise.between([0.4, 2.0])),
            });
            self.next_track += 1;
        }
        for ghost in &self.ghosts {
            let d = Point2::new(self.noise.normal(), self.noise.normal());
            points.push(TrackPoint {
                t: scene.t,
                track: ghost.track,
                position: ghost.position + d * self.config.sigma_m,
                sigma_m: self.config.sigma_one_view_m as f32,
                wrists: Vec::new(),
                appearance: Vec::new(),
            });
        }
    }
}

impl TrackerConfig {
    /// Error of a wrist and its standard deviation along each axis, for a unit error.
    fn wrist_error(&self, unit: Point3, truth: Point3, views: Views) -> (Point3, f64) {
        let (mut offset, mut sigma) = (unit, 1.0);
        offset = scale(offset, self.wrist_sigma_m);
        sigma *= self.wrist_sigma_m;
        if views.count < ENOUGH_VIEWS.min(2) {
            let depth = self.wrist_depth_sigma_m;
            let along = match views.from {
                Some(eye) => {
                    let n = eye.distance(truth).max(1e-6);
                    // The ray's own share of the unit error, so that it lasts as long.
                    let ray = Point3::new(
                        (truth.x - eye.x) / n,
                        (truth.y - eye.y) / n,
                        (truth.z - eye.z) / n,
                    );
                    scale(ray, depth * (unit.x + unit.y + unit.z) / 3.0_f64.sqrt())
                }
                None => scale(unit, depth),
            };
            offset = Point3::new(offset.x + along.x, offset.y + along.y, offset.z + along.z);
            let spread = if views.from.is_some() { 3.0 } else { 1.0 };
            sigma = (sigma * sigma + depth * depth / spread).sqrt();
        }
        (offset, sigma)
    }
}

impl Seen {
    fn new(now: StoreTime, noise: &mut Noise) -> Self {
        let mut luck = || HandLuck {
            found: noise.unit(),
            astray: noise.unit(),
            error: unit_normal(noise),
        };
        let hands = [luck(), luck()];
        Self {
            track: None,
            frames: 0,
            last_seen: now,
            lost_until: now,
            error: Point2::new(noise.normal(), noise.normal()),
            slide: Point2::default(),
            position: Point2::default(),
            views: 0,
            near: 0,
            hands,
            in_scene: true,
        }
    }
}

fn unit_normal(noise: &mut Noise) -> Point3 {
    Point3::new(noise.normal(), noise.normal(), noise.normal())
}

/// Keeps this much of the old and fills up with the new, so that the variance stays.
fn mix(old: Point3, new: Point3, keep: f64) -> Point3 {
    let k = (1.0 - keep * keep).sqrt();
    Point3::new(
        keep * old.x + k * new.x,
        keep * old.y + k * new.y,
        keep * old.z + k * new.z,
    )
}

fn scale(p: Point3, k: f64) -> Point3 {
    Point3::new(p.x * k, p.y * k, p.z * k)
}
