//! One track.

use super::boxes::Bounds;
use super::filter::{Filter, Noise};
use super::{Detection, ratio};
use std::collections::VecDeque;

/// Seconds over which a direction is measured, as frames at 25 a second.
const DIRECTION_FRAMES: usize = 5;
/// A track unseen for more frames has its past made up anew when it is found again.
const GAP: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not reported yet.
    Tentative,
    /// Reported when seen.
    Confirmed,
}

#[derive(Clone, Debug)]
pub(super) struct Track {
    pub id: u64,
    pub state: State,
    /// Boxes taken in.
    pub hits: u32,
    /// Frames since the last one; 0 if it was in this frame.
    pub unseen: u32,
    /// Has found a box in this frame.
    pub taken: bool,
    /// The last box, moved with the camera.
    pub last_seen: Bounds,
    pub score: f64,
    filter: Filter,
    /// The filter as it was at the last box, for the past to be made up from.
    then: Filter,
    /// Middles of the last boxes, newest last.
    trail: VecDeque<(f64, f64)>,
}

impl Track {
    pub(super) fn new(id: u64, d: &Detection, noise: &Noise, step: f64, confirmed: bool) -> Self {
        let filter = Filter::new(&d.bounds, noise, step);
        Self {
            id,
            state: if confirmed {
                State::Confirmed
            } else {
                State::Tentative
            },
            hits: 1,
            unseen: 0,
            taken: true,
            last_seen: d.bounds,
            score: d.score,
            filter,
            then: filter,
            trail: VecDeque::from([d.bounds.centre()]),
        }
    }

    pub(super) fn predict(&mut self, noise: &Noise, damping: f64) {
        self.taken = false;
        self.unseen += 1;
        if self.unseen > 1 {
            self.filter.damp(damping);
        }
        self.filter.predict(noise);
    }

    pub(super) fn shift(&mut self, dx: f64, dy: f64) {
        self.filter.shift(dx, dy);
        self.then.shift(dx, dy);
        self.last_seen.left += dx;
        self.last_seen.top += dy;
        for (x, y) in &mut self.trail {
            *x += dx;
            *y += dy;
        }
    }

    pub(super) fn expected(&self) -> Bounds {
        self.filter.bounds()
    }

    pub(super) fn doubt(&self) -> f64 {
        self.filter.doubt()
    }

    /// Takes a box in.
    pub(super) fn see(&mut self, d: &Detection, noise: &Noise, confirm: u32) {
        // A box of low score is a person half hidden: it says less of where the whole is.
        let mut trust = 1.0 + 3.0 * (1.0 - d.score.clamp(0.0, 1.0)).powi(2);
        if ratio(self.expected().height, d.bounds.height) < 0.75 {
            trust *= 4.0;
        }
        if self.unseen > GAP {
            self.make_up(&d.bounds, noise);
        }
        self.filter.update(&d.bounds, noise, trust);
        self.then = self.filter;
        self.hits += 1;
        self.unseen = 0;
        self.taken = true;
        self.last_seen = d.bounds;
        self.score = d.score;
        self.trail.push_back(d.bounds.centre());
        if self.trail.len() > DIRECTION_FRAMES {
            self.trail.pop_front();
        }
        if self.hits >= confirm {
            self.state = State::Confirmed;
        }
    }

    /// OC-SORT's observation-centric re-update: between the last box and the one that was found again the
    /// person is taken to have moved evenly, and the filter is led along that line instead of its own error.
    fn make_up(&mut self, found: &Bounds, noise: &Noise) {
        let from = self.last_seen;
        let steps = self.unseen;
        let mut filter = self.then;
        for i in 1..=steps {
            filter.predict(noise);
            if i < steps {
                let u = f64::from(i) / f64::from(steps);
                let between = |a: f64, b: f64| a + u * (b - a);
                let virtual_box = Bounds {
                    left: between(from.left, found.left),
                    top: between(from.top, found.top),
                    width: between(from.width, found.width),
                    height: between(from.height, found.height),
                };
                filter.update(&virtual_box, noise, 4.0);
            }
        }
        self.filter = filter;
    }

    /// Cosine between where the track went and where the box would have it go, weighted by how far it
    /// went: −1 to 1. OC-SORT's observation-centric momentum.
    pub(super) fn agrees_with(&self, b: &Bounds) -> f64 {
        let (Some(first), Some(last)) = (self.trail.front(), self.trail.back()) else {
            return 0.0;
        };
        let went = (last.0 - first.0, last.1 - first.1);
        let (x, y) = b.centre();
        let would = (x - last.0, y - last.1);
        let (a, c) = (went.0.hypot(went.1), would.0.hypot(would.1));
        if a < 1e-6 || c < 1e-6 {
            return 0.0;
        }
        let cos = (went.0 * would.0 + went.1 * would.1) / (a * c);
        // Over less than a tenth of the height both are noise.
        let far = 0.1 * self.last_seen.height.max(1.0);
        cos * (a / (a + far)) * (c / (c + far))
    }
}
