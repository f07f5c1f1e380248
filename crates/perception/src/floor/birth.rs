//! People whom no track accounts for: heads triangulated over cameras, else floor points and heads at a
//! usual height.

use super::state::{Cov2, Part, State, distance2};
use super::{CameraFrame, FloorSettings, PersonDetection};
use walkout_model::{Pixel, Point2, Point3, Polygon, Ray, View};

/// Detections without a track that are looked at, at most, and pairs of them.
const FREE_MAX: usize = 400;
const PAIRS_MAX: usize = 20_000;
/// Rays that meet at a smaller angle than this (sine) do not triangulate.
const ANGLE_MIN: f64 = 0.12;

/// Somebody new.
#[derive(Clone, Debug)]
pub(super) struct Newborn {
    pub state: State,
    /// (index into the frames, index of the detection).
    pub seen_by: Vec<(usize, usize)>,
}

/// A detection that no track took.
pub(super) struct Free {
    frame: usize,
    detection: usize,
    ray: Option<Ray>,
}

/// Detections of several cameras that may be one person.
struct Cluster {
    worth: f64,
    state: State,
    used: Vec<(usize, usize)>,
}

/// Where people can be, and what sees them.
pub(super) struct Place<'a> {
    pub views: &'a [View],
    pub floor: &'a Polygon,
    pub settings: &'a FloorSettings,
}

impl Place<'_> {
    /// Clusters of the free detections, the best supported first.
    pub(super) fn newborns(&self, frames: &[CameraFrame], taken: &[Vec<bool>]) -> Vec<Newborn> {
        let mut free = self.free(frames, taken);
        let mut found = Vec::new();
        while let Some(cluster) = self.best_cluster(frames, &free) {
            free.retain(|f| !cluster.used.contains(&(f.frame, f.detection)));
            found.push(Newborn {
                state: cluster.state,
                seen_by: cluster.used,
            });
        }
        for f in free {
            let d = &frames[f.frame].detections[f.detection];
            if f64::from(d.score) >= self.settings.birth_score_single
                && let Some(state) = self.alone(frames, &f)
            {
                found.push(Newborn {
                    state,
                    seen_by: vec![(f.frame, f.detection)],
                });
            }
        }
        found
    }

    fn free(&self, frames: &[CameraFrame], taken: &[Vec<bool>]) -> Vec<Free> {
        let mut free = Vec::new();
        for (frame, f) in frames.iter().enumerate() {
            for (detection, d) in f.detections.iter().enumerate() {
                let is_taken = taken[frame][detection];
                let weak = f64::from(d.score) < self.settings.birth_score;
                if is_taken || weak || free.len() >= FREE_MAX {
                    continue;
                }
                let view = &self.views[f.camera.usize()];
                free.push(Free {
                    frame,
                    detection,
                    ray: d.head.and_then(|h| view.ray(h.pixel)),
                });
            }
        }
        free
    }

    /// The candidate point that most cameras agree on; at least two.
    fn best_cluster(&self, frames: &[CameraFrame], free: &[Free]) -> Option<Cluster> {
        let mut best: Option<Cluster> = None;
        let mut pairs = 0;
        for (i, a) in free.iter().enumerate() {
            for b in free.iter().skip(i + 1).filter(|b| b.frame != a.frame) {
                pairs += 1;
                if pairs > PAIRS_MAX {
                    break;
                }
                let Some(point) = self.meet(a, b) else {
                    continue;
                };
                let Some(cluster) = self.support(frames, free, point) else {
                    continue;
                };
                if best.as_ref().is_none_or(|b| cluster.worth > b.worth) {
                    best = Some(cluster);
                }
            }
        }
        best
    }

    /// Where two head rays pass nearest to each other, if that can be a head.
    fn meet(&self, a: &Free, b: &Free) -> Option<Point3> {
        let (ra, rb) = (a.ray?, b.ray?);
        let (point, gap) = nearest(&ra, &rb)?;
        let s = self.settings;
        let fits = gap < s.meet_m
            && (s.head_m[0]..=s.head_m[1]).contains(&point.z)
            && self.is_floor(point.floor());
        fits.then_some(point)
    }

    fn is_floor(&self, p: Point2) -> bool {
        if self.floor.corners.is_empty() || self.floor.contains(p) {
            return true;
        }
        let margin = self.settings.margin_m;
        self.floor
            .edges()
            .any(|(a, b)| p.distance_to_segment(a, b) < margin)
    }

    /// Which detections, one a camera, agree with a head at `point`; the state they make together, and what
    /// it is worth.
    fn support(&self, frames: &[CameraFrame], free: &[Free], point: Point3) -> Option<Cluster> {
        let s = self.settings;
        let wide = State::at(
            point.floor(),
            [0.25, 0.0, 0.25],
            (point.z, 0.3),
            s.usual_m,
            &s.motion,
        );
        let mut state = wide;
        let mut used: Vec<(usize, usize)> = Vec::new();
        let mut worth = 0.0;
        for (frame, group) in group_by_frame(free) {
            let view = &self.views[frames[frame].camera.usize()];
            let near = group.iter().filter_map(|f| {
                let d = &frames[frame].detections[f.detection];
                let head = d.head?;
                let seen = view.project(point)?;
                let (_, j) = view.project_with_jacobian(point)?;
                let px_per_m = (j[0][0].hypot(j[1][0])).max(j[0][1].hypot(j[1][1]));
                let slack = s.sway_m * px_per_m;
                let c = [
                    head.cov[0] + slack * slack,
                    head.cov[1],
                    head.cov[2] + slack * slack,
                ];
                let d2 = distance2(head.pixel.u - seen.u, head.pixel.v - seen.v, c);
                (d2 < s.gate).then_some((d2, f.detection))
            });
            if let Some((d2, detection)) = near.min_by(|a, b| a.0.total_cmp(&b.0)) {
                let d = &frames[frame].detections[detection];
                take_in(&mut state, view, d, s);
                used.push((frame, detection));
                worth += f64::from(d.score) * (1.0 - 0.5 * d2 / s.gate);
            }
        }
        if used.len() < 2 {
            return None;
        }
        // Cameras that frame the place and see nobody there speak against it, mildly: things stand between.
        let framed = frames
            .iter()
            .filter(|f| {
                let view = &self.views[f.camera.usize()];
                view.project(point).is_some_and(|p| view.contains(p))
            })
            .count();
        let silent = framed.saturating_sub(used.len()) as f64;
        worth -= s.silence * silent;
        (worth > 0.0).then_some(Cluster { worth, state, used })
    }

    /// One camera: the floor point, or the head at a usual height.
    fn alone(&self, frames: &[CameraFrame], f: &Free) -> Option<State> {
        let d = &frames[f.frame].detections[f.detection];
        let view = &self.views[frames[f.frame].camera.usize()];
        let s = self.settings;
        let start = match (d.foot, f.ray) {
            (Some(foot), _) => view.ray(foot.pixel)?.at_height(0.0)?,
            (None, Some(ray)) => ray.at_height(s.usual_m)?,
            (None, None) => return None,
        };
        if !self.is_floor(start) {
            return None;
        }
        let mut state = State::at(
            start,
            [4.0, 0.0, 4.0],
            (s.usual_m, s.usual_sd_m),
            s.usual_m,
            &s.motion,
        );
        // Twice: the first step is long, and what is linear there is not here.
        for _ in 0..2 {
            let mut again = State::at(
                state.position(),
                [4.0, 0.0, 4.0],
                (s.usual_m, s.usual_sd_m),
                s.usual_m,
                &s.motion,
            );
            take_in(&mut again, view, d, s);
            state = again;
        }
        let near = distance2(state.x[0] - start.x, state.x[1] - start.y, [4.0, 0.0, 4.0]) < 4.0;
        (near && self.is_floor(state.position())).then_some(state)
    }
}

/// Takes both points of a detection in.
pub(super) fn take_in(state: &mut State, view: &View, d: &PersonDetection, s: &FloorSettings) {
    if let Some(head) = d.head
        && let Some(e) = state.expect(view, Part::Head, s.sway_m)
    {
        state.update(&e, head.pixel, head.cov);
    }
    if let Some(foot) = d.foot
        && let Some(e) = state.expect(view, Part::Foot, s.step_m)
    {
        let r = (foot.pixel, foot.cov);
        // Feet are often hidden, and then the point is a guess: what does not fit is not taken in.
        if miss(&e.pixel, &r.0, state.spread(&e, r.1)) < s.gate {
            state.update(&e, r.0, r.1);
        }
    }
}

fn miss(expected: &Pixel, seen: &Pixel, spread: Cov2) -> f64 {
    distance2(seen.u - expected.u, seen.v - expected.v, spread)
}

fn group_by_frame(free: &[Free]) -> impl Iterator<Item = (usize, &[Free])> {
    // `free` lies frame by frame.
    free.chunk_by(|a, b| a.frame == b.frame)
        .map(|group| (group[0].frame, group))
}

/// The middle of the shortest line between two rays, and its length.
pub(super) fn nearest(a: &Ray, b: &Ray) -> Option<(Point3, f64)> {
    let dot = |p: Point3, q: Point3| p.x * q.x + p.y * q.y + p.z * q.z;
    let (u, v) = (a.direction, b.direction);
    let w = Point3::new(
        a.origin.x - b.origin.x,
        a.origin.y - b.origin.y,
        a.origin.z - b.origin.z,
    );
    let c = dot(u, v);
    let sine2 = 1.0 - c * c;
    if sine2 < ANGLE_MIN * ANGLE_MIN {
        return None;
    }
    let (d, e) = (dot(u, w), dot(v, w));
    let (s, t) = ((c * e - d) / sine2, (e - c * d) / sine2);
    if s <= 0.0 || t <= 0.0 {
        return None;
    }
    let (p, q) = (a.at(s), b.at(t));
    let middle = Point3::new(0.5 * (p.x + q.x), 0.5 * (p.y + q.y), 0.5 * (p.z + q.z));
    Some((middle, p.distance(q)))
}
