//! Who stood where, lately: who hid a shelf from a camera, and whose hand was at it.

use std::collections::VecDeque;
use walkout_model::{CameraIx, Point2, Point3, StoreTime, TimeDelta, TrackPoint};

/// Whoever was before a facing so shortly before or after a picture hid it.
pub(super) const ABOUT: TimeDelta = TimeDelta::from_millis(600);
/// Where nobody is told of for so long after a picture, nobody was there: longer than a device's clock may be ahead.
const NOBODY_AFTER: TimeDelta = TimeDelta::from_secs(6);
/// Points of people that are remembered.
const POINTS_MAX: usize = 60_000;

/// What is remembered of people.
#[derive(Clone, Debug)]
pub(super) struct Bystanders {
    lasts: TimeDelta,
    /// In order of time.
    points: VecDeque<Bystander>,
    /// The newest of their times.
    newest: Option<StoreTime>,
    /// Points that went because too many were remembered.
    pub crowded: u64,
}

/// Somebody at an instant.
#[derive(Clone, Debug)]
pub(super) struct Bystander {
    pub t: StoreTime,
    pub at: Point2,
    pub wrists: Vec<Point3>,
}

impl Bystanders {
    /// Nobody yet; everybody is forgotten after a while.
    pub fn new(lasts: TimeDelta) -> Self {
        Self {
            lasts,
            points: VecDeque::new(),
            newest: None,
            crowded: 0,
        }
    }

    /// Somebody was seen somewhere.
    pub fn push(&mut self, point: &TrackPoint) {
        self.newest = self.newest.max(Some(point.t));
        let seen = Bystander {
            t: point.t,
            at: point.position,
            wrists: point.wrists.iter().map(|w| w.position).collect(),
        };
        let at = self.points.partition_point(|p| p.t <= seen.t);
        self.points.insert(at, seen);
        let newest = self.newest.unwrap_or(point.t);
        let old = |p: &Bystander| newest.since(p.t) > self.lasts;
        while self.points.front().is_some_and(old) {
            self.points.pop_front();
        }
        if self.points.len() > POINTS_MAX {
            self.points.pop_front();
            self.crowded += 1;
        }
    }

    /// Whether everybody is remembered who was there since then.
    pub fn remembers(&self, since: StoreTime) -> bool {
        let forgotten = self.newest.is_some_and(|at| at.since(since) > self.lasts);
        let overrun = self.crowded > 0 && self.points.front().is_none_or(|p| p.t > since);
        !forgotten && !overrun
    }

    /// Forgets everybody: the clock was set back.
    pub fn clear(&mut self) {
        self.points.clear();
        self.newest = None;
    }

    /// When somebody was seen last.
    pub fn newest(&self) -> Option<StoreTime> {
        self.newest
    }

    /// Until when it is known at `now` who was where.
    pub fn known_until(&self, now: StoreTime) -> StoreTime {
        let silent = now - NOBODY_AFTER;
        self.newest.map_or(silent, |at| silent.max(at - ABOUT))
    }

    /// Where people were about the time of a picture.
    pub fn about(&self, t: StoreTime) -> Vec<Point2> {
        self.between(t - ABOUT, t + ABOUT).map(|p| p.at).collect()
    }

    /// Everybody between two instants.
    pub fn between(&self, from: StoreTime, to: StoreTime) -> impl Iterator<Item = &Bystander> {
        let first = self.points.partition_point(|p| p.t < from);
        let points = self.points.iter().skip(first);
        points.take_while(move |p| p.t <= to)
    }
}

/// What cameras tell, until it is known who was where when they took the picture.
#[derive(Clone, Debug)]
pub(super) struct Waiting<T> {
    most: usize,
    /// In order of time and camera.
    told: VecDeque<(StoreTime, CameraIx, T)>,
    /// What went because too much of one camera waited.
    pub crowded: u64,
}

impl<T> Waiting<T> {
    /// A queue for so many words of each camera at most; the oldest go.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            told: VecDeque::new(),
            crowded: 0,
        }
    }

    pub fn push(&mut self, camera: CameraIx, t: StoreTime, word: T) {
        let own = |w: &(StoreTime, CameraIx, T)| w.1 == camera;
        if self.told.iter().filter(|w| own(w)).count() == self.most
            && let Some(oldest) = self.told.iter().position(own)
        {
            self.told.remove(oldest);
            self.crowded += 1;
        }
        let key = (t, camera);
        let at = self.told.partition_point(|w| (w.0, w.1) <= key);
        self.told.insert(at, (t, camera, word));
    }

    /// The first word, if it is of a time that is known.
    pub fn pop(&mut self, known: StoreTime) -> Option<(StoreTime, CameraIx, T)> {
        let ripe = self.told.front().is_some_and(|w| w.0 <= known);
        ripe.then(|| self.told.pop_front()).flatten()
    }

    pub fn clear(&mut self) {
        self.told.clear();
    }
}

/// Whether a body stands in the line of sight, or so near to its end that an arm may.
pub(super) fn hides(body: Point2, from: Point3, to: Point3, clear_m: f64) -> bool {
    if body.distance(to.floor()) < 0.6 {
        return true;
    }
    // Above heads the line is free.
    let high = 1.9;
    let k = if from.z > high && from.z > to.z {
        ((from.z - high) / (from.z - to.z)).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let low = from.floor() + (to.floor() - from.floor()) * k;
    body.distance_to_segment(low, to.floor()) < clear_m
}
