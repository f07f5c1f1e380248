//! All cameras → people on the floor.
//!
//! What each camera's network found in one frame (heads, floor points, hands) goes in; [`TrackPoint`]s with their
//! hands and the swaps that the tracker thinks possible come out. Each person is a Kalman filter that every camera
//! measures directly in pixels (`state`); cameras are assigned to people optimally, one by one, and held
//! against one another (`associate`); whom no track accounts for is triangulated (`birth`). What people wear tells
//! those apart whom place and height leave in doubt (`appearance`), and is forgotten with the track. `docs/concepts/tracking.md` has the equations and where it fails.
//!
//! Sans-IO and deterministic. Bounded: [`TRACKS_MAX`] tracks, [`DETECTIONS_MAX`] detections a camera and frame.

mod appearance;
mod associate;
mod birth;
mod evidence;
mod hands;
mod life;
mod settings;
mod state;
mod stature;
mod swaps;

pub use settings::FloorSettings;
pub use state::Motion;
pub use swaps::Swap;

use crate::assignment::{Pair, assign};
use appearance::Appearance;
use birth::{Newborn, Place};
use life::{Stage, Track};
use state::{add, determinant, distance2};
use std::f64::consts::TAU;
use walkout_model::layout::Camera;
use walkout_model::{
    APPEARANCE_MAX, CameraIx, Obstacles, Pixel, Point2, Point3, Polygon, StoreTime, TrackId,
    TrackPoint, View,
};

/// Tracks at once, at most.
pub const TRACKS_MAX: usize = 1_000;
/// Detections, and hands, of one camera in one frame, at most; those of the least score are left out.
pub const DETECTIONS_MAX: usize = 200;
/// So near a head nothing hides it: it is inside of its own outline.
const HEAD_M: f64 = 0.15;
/// A pause longer than this is as long as this.
const PAUSE_MAX_S: f64 = 20.0;

/// A point in a picture and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelPoint {
    /// Where.
    pub pixel: Pixel,
    /// Covariance, square pixels: uu, uv, vv.
    pub cov: [f64; 3],
}

impl PixelPoint {
    /// A point with the same error along both axes, pixels.
    pub fn new(pixel: Pixel, sigma_px: f64) -> Self {
        let v = sigma_px * sigma_px;
        Self {
            pixel,
            cov: [v, 0.0, v],
        }
    }

    fn is_sound(&self) -> bool {
        let [a, b, c] = self.cov;
        let finite = [self.pixel.u, self.pixel.v, a, b, c]
            .iter()
            .all(|x| x.is_finite());
        finite && a > 1e-6 && c > 1e-6 && b * b < a * c && a < 1e8 && c < 1e8
    }
}

/// A person in one camera's picture. At least one of the two points must be there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersonDetection {
    /// The head's middle.
    pub head: Option<PixelPoint>,
    /// Where the person stands.
    pub foot: Option<PixelPoint>,
    /// How sure the network is, 0–1.
    pub score: f32,
    /// What the person looks like, whitened (see [`TrackPoint::appearance`]); may be empty.
    pub appearance: Vec<f32>,
}

/// A hand in one camera's picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HandDetection {
    /// The wrist.
    pub pixel: Pixel,
    /// Its standard deviation, pixels.
    pub sigma_px: f64,
    /// Where the network's vector says the owner's head is.
    pub owner: Option<Pixel>,
    /// Its standard deviation, pixels.
    pub owner_sigma_px: f64,
    /// How sure the network is, 0–1.
    pub score: f32,
}

/// What one camera's network found in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraFrame {
    /// Which camera; each at most once in an update.
    pub camera: CameraIx,
    /// People.
    pub detections: Vec<PersonDetection>,
    /// Hands.
    pub hands: Vec<HandDetection>,
}

/// Where everybody is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloorReport {
    /// One point a person, by track number.
    pub points: Vec<TrackPoint>,
    /// Pairs of them that may have exchanged people in this frame.
    pub swaps: Vec<Swap>,
}

/// What was refused, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FloorCounters {
    /// Frames of a camera that is not there, or of one that came twice.
    pub frames: u64,
    /// Detections and hands with numbers that cannot be, or more than fit.
    pub detections: u64,
    /// Updates that came before the last one.
    pub late: u64,
    /// People not tracked because there are [`TRACKS_MAX`].
    pub tracks: u64,
    /// Tracks dropped as doubles of another.
    pub doubles: u64,
}

/// The tracker of a shop.
#[derive(Clone, Debug)]
pub struct FloorTracker {
    settings: FloorSettings,
    views: Vec<View>,
    floor: Polygon,
    gates: Vec<(Point2, Point2)>,
    obstacles: Obstacles,
    tracks: Vec<Track>,
    next_id: u64,
    now: Option<StoreTime>,
    counters: FloorCounters,
    meetings: Vec<stature::Meeting>,
}

impl FloorTracker {
    /// A tracker for these cameras. `floor`: where people can be; without corners, anywhere. `gates`: where new
    /// people come from.
    pub fn new(
        cameras: &[Camera],
        floor: Polygon,
        gates: Vec<(Point2, Point2)>,
        settings: FloorSettings,
    ) -> Self {
        Self {
            settings,
            views: cameras.iter().map(View::new).collect(),
            floor,
            gates,
            obstacles: Obstacles::default(),
            tracks: Vec::new(),
            next_id: 1,
            now: None,
            counters: FloorCounters::default(),
            meetings: Vec::new(),
        }
    }

    /// The same among things that hide people from cameras: whoever is behind them need not be seen by these.
    pub fn among(self, obstacles: Obstacles) -> Self {
        Self { obstacles, ..self }
    }

    /// What was refused so far.
    pub fn counters(&self) -> FloorCounters {
        self.counters
    }

    /// Takes the frames in that the cameras took at `t`; cameras that saw nothing must be among them, those
    /// that are down must not.
    pub fn update(&mut self, t: StoreTime, frames: &[CameraFrame]) -> FloorReport {
        if self.now.is_some_and(|now| t <= now) {
            self.counters.late += 1;
            return FloorReport::default();
        }
        let dt = self.now.map_or(0.0, |now| t.since(now).as_secs_f64());
        self.now = Some(t);
        let frames = self.sound(frames);
        for track in &mut self.tracks {
            track.predict(dt.min(PAUSE_MAX_S), &self.settings);
        }
        let s = &self.settings;
        let taken = associate::associate(&mut self.tracks, &frames, &self.views, s);
        let newborns = Place {
            views: &self.views,
            floor: &self.floor,
            settings: s,
        }
        .newborns(&frames, &taken);
        for newborn in newborns {
            self.begin(t, newborn, &frames);
        }
        let before: Vec<Stage> = self.tracks.iter().map(|t| t.stage).collect();
        let could_see: Vec<Vec<usize>> = self
            .tracks
            .iter()
            .map(|track| match track.stage {
                Stage::Lost => Vec::new(),
                _ => self.could_see(track.state.head(), &frames),
            })
            .collect();
        let s = &self.settings;
        for (track, could_see) in self.tracks.iter_mut().zip(could_see) {
            track.count_frame(t, could_see.len());
            // Whom nobody sees is foreseen for a while, whatever the last views were worth.
            if !track.seen_by.is_empty() {
                let sees = |f: &&usize| track.seen_by.iter().any(|(g, _)| g == *f);
                let silent = could_see.iter().filter(|f| !sees(f)).count();
                let told = evidence::of_frame(&track.seen_by, silent, &frames, s);
                track.evidence.add(told, dt, s);
            }
        }
        self.find_shadows();
        for track in &mut self.tracks {
            track.close_frame(t, &self.settings);
        }
        let mut again = self.find_again(t, &before);
        again.extend(stature::compare(
            &mut self.meetings,
            &mut self.tracks,
            (t, dt),
        ));
        for id in swaps::doubles(&mut self.tracks, t, &self.settings) {
            self.tracks.retain(|t| t.id != id);
            self.counters.doubles += 1;
        }
        self.bury(t);
        self.report(t, &frames, again)
    }

    /// Frames and detections that can be worked with; the others are counted.
    fn sound(&mut self, frames: &[CameraFrame]) -> Vec<CameraFrame> {
        let mut out: Vec<CameraFrame> = Vec::with_capacity(frames.len());
        for frame in frames {
            let known = frame.camera.usize() < self.views.len();
            if !known || out.iter().any(|f| f.camera == frame.camera) {
                self.counters.frames += 1;
                continue;
            }
            let all = frame.detections.len() + frame.hands.len();
            let mut frame = frame.clone();
            frame.detections.retain(PersonDetection::is_sound);
            frame.hands.retain(HandDetection::is_sound);
            if frame.detections.len() > DETECTIONS_MAX {
                frame.detections.sort_by(|a, b| b.score.total_cmp(&a.score));
                frame.detections.truncate(DETECTIONS_MAX);
            }
            if frame.hands.len() > DETECTIONS_MAX {
                frame.hands.sort_by(|a, b| b.score.total_cmp(&a.score));
                frame.hands.truncate(DETECTIONS_MAX);
            }
            let kept = frame.detections.len() + frame.hands.len();
            self.counters.detections += (all - kept) as u64;
            out.push(frame);
        }
        out
    }

    fn begin(&mut self, t: StoreTime, newborn: Newborn, frames: &[CameraFrame]) {
        let place = newborn.state.position();
        let s = &self.settings;
        let crowded = self.tracks.iter().any(|track| {
            let seen = !track.seen_by.is_empty() && track.stage != Stage::Lost;
            if !seen || track.state.position().distance(place) > s.crowd_m {
                return false;
            }
            // One camera that sees both, apart, is proof of two.
            let both = |(f, _): &(usize, usize)| newborn.seen_by.iter().any(|(g, _)| f == g);
            !track.seen_by.iter().any(both)
        });
        if crowded {
            return;
        }
        if self.tracks.len() >= TRACKS_MAX {
            self.counters.tracks += 1;
            return;
        }
        let id = TrackId(self.next_id);
        self.next_id += 1;
        let mut track = Track::new(id, t, newborn.state);
        for &(f, d) in &newborn.seen_by {
            track.appearance.add(&frames[f].detections[d].appearance);
        }
        track.lonely = self.could_see(newborn.state.head(), frames).len() <= 1;
        track.seen_by = newborn.seen_by;
        self.tracks.push(track);
    }

    /// Who stands beside somebody whom far more cameras see.
    fn find_shadows(&mut self) {
        let s = &self.settings;
        let seen: Vec<(Point2, f64)> = self
            .tracks
            .iter()
            .filter(|t| t.stage == Stage::Confirmed && t.unseen == 0)
            .map(|t| (t.state.position(), t.share()))
            .collect();
        for track in &mut self.tracks {
            let (at, share) = (track.state.position(), track.share());
            track.shadow = !track.well_seen
                && share < s.shadow_share
                && seen
                    .iter()
                    .any(|(p, other)| share < s.shadow_ratio * other && p.distance(at) < s.crowd_m);
        }
    }

    /// Which frames are of cameras that look where a head is, from near enough to see it, with nothing of the shop between.
    fn could_see(&self, head: Point3, frames: &[CameraFrame]) -> Vec<usize> {
        let looks_there = |f: &CameraFrame| {
            let view = &self.views[f.camera.usize()];
            let near = view.camera().position.distance(head) < self.settings.far_m;
            near && view.project(head).is_some_and(|p| view.contains(p))
                && self
                    .obstacles
                    .is_clear(view.camera().position, head, HEAD_M)
        };
        let all = frames.iter().enumerate();
        all.filter(|(_, f)| looks_there(f))
            .map(|(i, _)| i)
            .collect()
    }

    /// Who has just become somebody may be somebody lost: by place, height and looks, against the density of
    /// people who are new.
    ///
    /// Says with whom each may have been mistaken.
    fn find_again(&mut self, t: StoreTime, before: &[Stage]) -> Vec<Swap> {
        let fresh: Vec<usize> = (0..self.tracks.len())
            .filter(|i| {
                let was = before.get(*i).copied().unwrap_or(Stage::Tentative);
                was == Stage::Tentative && self.tracks[*i].stage == Stage::Confirmed
            })
            .collect();
        let lost: Vec<usize> = (0..self.tracks.len())
            .filter(|i| {
                let track = &self.tracks[*i];
                let gone = track.unseen > 1 || track.is_doubtful(&self.settings);
                track.stage != Stage::Tentative && gone && !fresh.contains(i)
            })
            .collect();
        let mut pairs = Vec::new();
        for (row, f) in fresh.iter().enumerate() {
            for (col, l) in lost.iter().enumerate() {
                let (found, gone) = (&self.tracks[*f], &self.tracks[*l]);
                // Whom one camera sees apart are two.
                let apart = |(f, _): &(usize, usize)| gone.seen_by.iter().any(|(g, _)| f == g);
                if found.seen_by.iter().any(apart) {
                    continue;
                }
                let cost = self.cost_of_return(found, gone);
                if cost < 0.0 {
                    pairs.push(Pair { row, col, cost });
                }
            }
        }
        let matched = assign(fresh.len(), lost.len(), &pairs, 0.0);
        let mut swaps = Vec::new();
        for (row, col) in matched.iter().enumerate() {
            let of = |col: &usize| pairs.iter().find(|p| p.row == row && p.col == *col);
            let Some(made) = col.as_ref().and_then(of) else {
                continue;
            };
            for other in pairs.iter().filter(|p| p.row == row && p.col != made.col) {
                let (a, b) = (&self.tracks[lost[made.col]], &self.tracks[lost[other.col]]);
                swaps.extend(Swap::told(t, a.id, b.id, other.cost - made.cost));
            }
        }
        let mut drop = Vec::new();
        for (row, col) in matched.into_iter().enumerate() {
            let Some(col) = col else { continue };
            let found = self.tracks[fresh[row]].clone();
            let back = &mut self.tracks[lost[col]];
            drop.push(found.id);
            let foreseen = back.state;
            let appearance = std::mem::take(&mut back.appearance);
            *back = Track {
                id: back.id,
                born: back.born,
                hits: back.hits + found.hits,
                prior: foreseen,
                stature: back.stature,
                well_seen: back.well_seen || found.well_seen,
                appearance: appearance.joined(found.appearance.clone()),
                ..found
            };
        }
        self.tracks.retain(|t| !drop.contains(&t.id));
        swaps
    }

    fn cost_of_return(&self, found: &Track, gone: &Track) -> f64 {
        let s = &self.settings;
        let (p, q) = (&gone.state, &found.state);
        let spread = add(p.cov(), q.cov());
        let d2 = distance2(q.x[0] - p.x[0], q.x[1] - p.x[1], spread);
        if d2 > s.gate {
            return 1.0;
        }
        let tall = q.x[4] - p.x[4];
        let tall_var = p.p[4][4] + q.p[4][4] + 0.05 * 0.05;
        let there = -0.5 * d2 - (TAU * determinant(spread).max(1e-12).sqrt()).ln();
        // Against the spread of heights among people.
        let height = -0.5 * tall * tall / tall_var - 0.5 * (tall_var / 0.03).max(1e-6).ln();
        let looks = s.look_weight_again * gone.appearance.odds(&found.appearance);
        let new = if self.is_edge(q.position()) {
            s.new_at_edge_per_m2
        } else {
            s.new_per_m2
        };
        new.ln() - there - height.clamp(-4.0, 1.0) - looks
    }

    fn is_edge(&self, p: Point2) -> bool {
        let near_gate = self
            .gates
            .iter()
            .any(|(a, b)| p.distance_to_segment(*a, *b) < 1.0);
        // Without gates, people come in everywhere along the border.
        let border = self.gates.is_empty()
            && self
                .floor
                .edges()
                .any(|(a, b)| p.distance_to_segment(a, b) < 1.0);
        near_gate || border || !self.is_inside(p)
    }

    fn is_inside(&self, p: Point2) -> bool {
        self.floor.corners.is_empty() || self.floor.contains(p)
    }

    fn bury(&mut self, t: StoreTime) {
        let (floor, s) = (&self.floor, &self.settings);
        self.tracks.retain(|track| {
            let p = track.state.position();
            let outside = !floor.corners.is_empty() && !floor.contains(p);
            !track.is_over(t, outside, s)
        });
    }

    fn report(&mut self, t: StoreTime, frames: &[CameraFrame], again: Vec<Swap>) -> FloorReport {
        let swaps = swaps::swaps(&self.tracks, t, &self.settings, again);
        let wrists = hands::wrists(&mut self.tracks, frames, &self.views, t, &self.settings);
        let mut points: Vec<TrackPoint> = Vec::new();
        for (track, wrists) in self.tracks.iter().zip(wrists) {
            if !track.is_told(&self.settings) {
                continue;
            }
            let [xx, _, yy] = track.state.cov();
            points.push(TrackPoint {
                t,
                track: track.id,
                position: track.state.position(),
                sigma_m: (0.5 * (xx + yy)).sqrt() as f32,
                wrists,
                appearance: look_of(track, frames),
            });
        }
        points.sort_by_key(|p| p.track);
        FloorReport { points, swaps }
    }
}

/// Mean of this frame's looks at a track.
fn look_of(track: &Track, frames: &[CameraFrame]) -> Vec<f32> {
    let mut look = Appearance::default();
    for &(f, d) in &track.seen_by {
        if let Some(d) = frames.get(f).and_then(|f| f.detections.get(d)) {
            look.add(&d.appearance);
        }
    }
    look.into_mean()
}

impl PersonDetection {
    fn is_sound(&self) -> bool {
        let points = [self.head, self.foot];
        points.iter().flatten().count() > 0
            && points.iter().flatten().all(PixelPoint::is_sound)
            && self.score.is_finite()
            && self.appearance.len() <= APPEARANCE_MAX
            && self.appearance.iter().all(|x| x.is_finite())
    }
}

impl HandDetection {
    fn is_sound(&self) -> bool {
        let numbers = [
            self.pixel.u,
            self.pixel.v,
            self.sigma_px,
            self.owner_sigma_px,
            f64::from(self.score),
        ];
        let owner = self
            .owner
            .is_none_or(|o| o.u.is_finite() && o.v.is_finite());
        numbers.iter().all(|x| x.is_finite()) && owner && self.sigma_px > 0.0
    }
}

#[cfg(test)]
mod tests;
