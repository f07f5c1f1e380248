//! One track: its state, what it was seen by, and how long it lives.

use super::FloorSettings;
use super::appearance::Appearance;
use super::evidence::Evidence;
use super::state::State;
use super::stature::Stature;
use std::collections::VecDeque;
use walkout_model::{Point3, StoreTime, TrackId};

/// Frames whose number of views is remembered.
const MEMORY: usize = 30;
/// Who was seen by more than this share of the cameras that framed them, over so many frames, is somebody of their own.
const WELL_SHARE: f64 = 0.5;
const WELL_FRAMES: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// May be nobody; not reported.
    Tentative,
    /// Reported.
    Confirmed,
    /// Unseen for a while, or hardly anybody; not reported, may be found again.
    Lost,
}

#[derive(Clone, Debug)]
pub(super) struct Track {
    pub id: TrackId,
    pub stage: Stage,
    /// As of the last frame.
    pub state: State,
    /// As foreseen for the last frame, before it was seen.
    pub prior: State,
    pub born: StoreTime,
    pub last_seen: StoreTime,
    /// Frames in which it was seen.
    pub hits: u32,
    /// Frames since it was seen, 0 if in the last.
    pub unseen: u32,
    /// Views of the last frames, newest last.
    pub views: VecDeque<u16>,
    /// Cameras that could see its head in these frames, whether they did or not.
    pub framed: VecDeque<u16>,
    /// Whether anybody is there, by the last second's views.
    pub evidence: Evidence,
    /// Index of the detection by camera in the last frame.
    pub seen_by: Vec<(usize, usize)>,
    pub appearance: Appearance,
    /// It stood beside another and may be either: what it looks like now is not remembered as its own.
    pub met: bool,
    /// It stands beside somebody whom far more cameras see: a second sight of them, most probably.
    pub shadow: bool,
    /// Most of the cameras that framed its head have seen it for a while: it is nobody's second sight.
    pub well_seen: bool,
    /// The last wrists and when.
    pub wrists: Vec<(StoreTime, Point3)>,
    /// How tall.
    pub stature: Stature,
    /// Where it was born no more than one camera looks.
    pub lonely: bool,
    /// Since when another track stands in the same place.
    pub beside_since: Option<(TrackId, StoreTime)>,
}

impl Track {
    pub(super) fn new(id: TrackId, t: StoreTime, state: State) -> Self {
        Self {
            id,
            stage: Stage::Tentative,
            state,
            prior: state,
            born: t,
            last_seen: t,
            hits: 0,
            unseen: 0,
            views: VecDeque::new(),
            framed: VecDeque::new(),
            evidence: Evidence::default(),
            seen_by: Vec::new(),
            appearance: Appearance::default(),
            met: false,
            shadow: false,
            well_seen: false,
            wrists: Vec::new(),
            stature: Stature::default(),
            lonely: false,
            beside_since: None,
        }
    }

    pub(super) fn predict(&mut self, dt: f64, s: &FloorSettings) {
        let tall = self.stature.known().unwrap_or(s.usual_m);
        self.state.predict(dt, tall, &s.motion);
        self.prior = self.state;
        self.seen_by.clear();
    }

    /// Ends a frame, in which so many cameras framed its head: counts.
    pub(super) fn count_frame(&mut self, t: StoreTime, framed: usize) {
        let views = self.seen_by.len();
        for (all, n) in [(&mut self.views, views), (&mut self.framed, framed)] {
            all.push_back(u16::try_from(n).unwrap_or(u16::MAX));
            if all.len() > MEMORY {
                all.pop_front();
            }
        }
        if views == 0 {
            self.unseen += 1;
        } else {
            self.unseen = 0;
            self.hits += 1;
            self.last_seen = t;
        }
        self.well_seen |= self.views.len() >= WELL_FRAMES && self.share() > WELL_SHARE;
    }

    /// What follows for the stage.
    pub(super) fn close_frame(&mut self, t: StoreTime, s: &FloorSettings) {
        let views = self.seen_by.len();
        let blind_s = t.since(self.last_seen).as_secs_f64();
        match self.stage {
            Stage::Tentative => {
                if self.is_convincing(s) && !self.is_contradicted(s) {
                    self.stage = Stage::Confirmed;
                }
            }
            Stage::Confirmed => {
                let unseen = self.unseen > 1 && blind_s > s.coast_s;
                if unseen || self.evidence.is_below(s.nobody, self.mean_framed()) {
                    self.stage = Stage::Lost;
                }
            }
            Stage::Lost if views > 0 => self.stage = Stage::Confirmed,
            Stage::Lost => {}
        }
    }

    /// Seen often enough to be somebody. One camera that others contradict needs longest: what a network
    /// takes for a head stays where it is, and in one picture.
    fn is_convincing(&self, s: &FloorSettings) -> bool {
        let alone = if self.lonely {
            s.confirm_single
        } else {
            s.confirm_contradicted
        };
        let worth = |v: &u16| match v {
            0 => -0.5,
            1 => 1.0 / alone,
            2 => 1.0 / s.confirm_many,
            // Three cameras do not err alike.
            _ => 1.0,
        };
        self.views.iter().map(worth).sum::<f64>() >= 1.0 - 1e-9
    }

    /// Whether most of the cameras that could see its head do not, or are not sure of it: two that err alike are found by chance where many look.
    fn is_contradicted(&self, s: &FloorSettings) -> bool {
        self.share() < s.seen_share || self.shadow || self.is_doubtful(s)
    }

    /// Whether those that see it are hardly sure of anybody.
    pub(super) fn is_doubtful(&self, s: &FloorSettings) -> bool {
        self.evidence.is_below(s.doubtful, self.mean_framed())
    }

    /// Share of the cameras that frame its head that see it, over the last frames.
    pub(super) fn share(&self) -> f64 {
        let sum = |all: &VecDeque<u16>| all.iter().map(|n| f64::from(*n)).sum::<f64>();
        sum(&self.views) / sum(&self.framed).max(1.0)
    }

    /// Whether it is reported: somebody, and seen by enough of those who look.
    pub(super) fn is_told(&self, s: &FloorSettings) -> bool {
        self.stage == Stage::Confirmed && !self.is_contradicted(s)
    }

    /// Whether it is over. `outside`: it stands outside the floor.
    pub(super) fn is_over(&self, t: StoreTime, outside: bool, s: &FloorSettings) -> bool {
        let blind_s = t.since(self.last_seen).as_secs_f64();
        match self.stage {
            // One frame may be missed; a film of two frames a second has no more time than that.
            Stage::Tentative => self.unseen > 1 && blind_s > s.tentative_s,
            _ if outside => self.unseen > 1 && blind_s > s.outside_s,
            _ => self.unseen > 2 && blind_s > s.keep_s,
        }
    }

    /// Mean views of the last frames.
    pub(super) fn mean_views(&self) -> f64 {
        mean(&self.views)
    }

    /// Cameras that could see its head in them, on average.
    fn mean_framed(&self) -> f64 {
        mean(&self.framed)
    }
}

fn mean(all: &VecDeque<u16>) -> f64 {
    all.iter().map(|n| f64::from(*n)).sum::<f64>() / all.len().max(1) as f64
}
