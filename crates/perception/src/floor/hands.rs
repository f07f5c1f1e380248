//! Hands: rays of several cameras that meet within reach of their owner.

use super::birth::nearest;
use super::life::Track;
use super::{CameraFrame, FloorSettings};
use walkout_model::{Point3, Ray, StoreTime, TimeDelta, View, Wrist};

/// Rays of one person that are looked at, at most.
const RAYS_MAX: usize = 64;
/// A wrist is remembered for so long to place one that only one camera sees.
const REMEMBERED: TimeDelta = TimeDelta::from_millis(500);

/// Height of hands at rest or holding something, as a share of the head's height.
const REST: f64 = 0.58;

struct HandRay {
    frame: usize,
    ray: Ray,
    /// Metres at distance 1.
    angle: f64,
    score: f64,
    used: bool,
}

/// The hands of each track of `reported`, at most two each, as (index, wrists).
pub(super) fn wrists(
    tracks: &mut [Track],
    frames: &[CameraFrame],
    views: &[View],
    t: StoreTime,
    s: &FloorSettings,
) -> Vec<Vec<Wrist>> {
    let mut rays: Vec<Vec<HandRay>> = tracks.iter().map(|_| Vec::new()).collect();
    for (i, frame) in frames.iter().enumerate() {
        let view = &views[frame.camera.usize()];
        for hand in &frame.hands {
            let Some(ray) = view.ray(hand.pixel) else {
                continue;
            };
            let Some(owner) = owner(tracks, i, frame, hand, &ray, s) else {
                continue;
            };
            if rays[owner].len() < RAYS_MAX {
                let focal = view.camera().focal_px;
                rays[owner].push(HandRay {
                    frame: i,
                    ray,
                    angle: hand.sigma_px / (0.5 * (focal[0] + focal[1])),
                    score: f64::from(hand.score),
                    used: false,
                });
            }
        }
    }
    let each = tracks.iter_mut().zip(rays);
    each.map(|(track, mut rays)| {
        let mut out = Vec::new();
        while out.len() < 2 {
            let found = many(track, &mut rays, s).or_else(|| single(track, &mut rays, t, &out, s));
            match found {
                Some(wrist) => out.push(wrist),
                None => break,
            }
        }
        if !out.is_empty() {
            track.wrists = out.iter().map(|w| (t, w.position)).collect();
        }
        out
    })
    .collect()
}

/// Whose a hand is: of the track whose head the hand's own vector points at, else of the one within whose
/// reach its ray passes nearest to the body.
fn owner(
    tracks: &[Track],
    frame_ix: usize,
    frame: &CameraFrame,
    hand: &super::HandDetection,
    ray: &Ray,
    s: &FloorSettings,
) -> Option<usize> {
    if let Some(owner) = hand.owner {
        let heads = tracks.iter().enumerate().filter_map(|(i, t)| {
            let (_, d) = t.seen_by.iter().find(|(f, _)| *f == frame_ix)?;
            let head = frame.detections[*d].head?;
            let away = (head.pixel.u - owner.u).hypot(head.pixel.v - owner.v);
            let limit =
                s.owner_sigmas * (hand.owner_sigma_px + head.cov[0].max(head.cov[2]).sqrt());
            (away < limit).then_some((away, i))
        });
        let nearest = heads.min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, i)) = nearest
            && ray.distance_to(chest(&tracks[i])) < s.reach_m
        {
            return Some(i);
        }
    }
    let near = tracks.iter().enumerate().filter(|(_, t)| t.unseen == 0);
    near.map(|(i, t)| (ray.distance_to(chest(t)), i))
        .filter(|(d, _)| *d < s.reach_m)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, i)| i)
}

/// Where arms begin: about four fifths of the head's height.
fn chest(track: &Track) -> Point3 {
    let head = track.state.head();
    Point3::new(head.x, head.y, 0.82 * head.z)
}

/// The best meeting of rays of two cameras or more.
fn many(track: &Track, rays: &mut [HandRay], s: &FloorSettings) -> Option<Wrist> {
    let chest = chest(track);
    let mut best: Option<(f64, Point3)> = None;
    for (i, a) in rays.iter().enumerate().filter(|(_, r)| !r.used) {
        for b in rays
            .iter()
            .skip(i + 1)
            .filter(|r| !r.used && r.frame != a.frame)
        {
            let Some((point, gap)) = nearest(&a.ray, &b.ray) else {
                continue;
            };
            if gap > s.hand_meet_m || point.distance(chest) > s.reach_m || point.z < 0.0 {
                continue;
            }
            let close = rays.iter().filter(|r| !r.used);
            let support: f64 = close
                .map(|r| (1.0 - r.ray.distance_to(point) / s.hand_meet_m).max(0.0) * r.score)
                .sum();
            if best.is_none_or(|(w, _)| support > w) {
                best = Some((support, point));
            }
        }
    }
    let (_, start) = best?;
    let mut point = start;
    let mut members: Vec<usize> = Vec::new();
    let mut seen = Vec::new();
    for (i, r) in rays.iter().enumerate() {
        let near = r.ray.distance_to(point) < s.hand_meet_m;
        if !r.used && near && !seen.contains(&r.frame) {
            seen.push(r.frame);
            members.push(i);
        }
    }
    let (mut sigma2, mut misses) = (0.0, 1.0);
    if let Some((p, s2)) = least_squares(
        &members.iter().map(|i| &rays[*i]).collect::<Vec<_>>(),
        point,
    ) {
        point = p;
        sigma2 = s2;
    }
    for i in members {
        rays[i].used = true;
        misses *= 1.0 - rays[i].score.clamp(0.0, 0.99);
    }
    Some(Wrist {
        position: point,
        sigma_m: (sigma2 + s.hand_sway_m * s.hand_sway_m).sqrt() as f32,
        confidence: (1.0 - misses).clamp(0.0, 1.0) as f32,
    })
}

/// One camera alone: along its ray, where the hand last was or else nearest to where hands mostly are.
fn single(
    track: &Track,
    rays: &mut [HandRay],
    t: StoreTime,
    found: &[Wrist],
    s: &FloorSettings,
) -> Option<Wrist> {
    let chest = chest(track);
    let ray = rays
        .iter_mut()
        .filter(|r| !r.used && r.score >= s.hand_single_score)
        .max_by(|a, b| a.score.total_cmp(&b.score))?;
    ray.used = true;
    let last = track
        .wrists
        .iter()
        .filter(|(then, _)| t.since(*then) <= REMEMBERED)
        .map(|(_, p)| *p)
        .filter(|p| ray.ray.distance_to(*p) < 2.0 * s.hand_meet_m)
        .min_by(|a, b| ray.ray.distance_to(*a).total_cmp(&ray.ray.distance_to(*b)));
    // A wrist hangs at 0.49 of the stature, a bent elbow is at 0.63 (Drillis and Contini, 1966).
    let rest = Point3::new(chest.x, chest.y, REST * track.state.x[4]);
    let anchor = last.unwrap_or(rest);
    let point = foot_of(&ray.ray, anchor);
    let again = found
        .iter()
        .any(|w| w.position.distance(point) < s.hand_meet_m);
    if again || point.distance(chest) > s.reach_m {
        return None;
    }
    Some(Wrist {
        position: point,
        sigma_m: if last.is_some() { 0.12 } else { 0.25 },
        confidence: (0.7 * ray.score).clamp(0.0, 1.0) as f32,
    })
}

/// The point of a ray nearest to another point.
fn foot_of(ray: &Ray, p: Point3) -> Point3 {
    let (o, d) = (ray.origin, ray.direction);
    let t = (p.x - o.x) * d.x + (p.y - o.y) * d.y + (p.z - o.z) * d.z;
    ray.at(t.max(0.0))
}

/// The point nearest to several rays, each weighted by its error there, and its mean variance per axis:
/// Σ wᵢ (I − dᵢdᵢᵀ) p = Σ wᵢ (I − dᵢdᵢᵀ) oᵢ.
fn least_squares(rays: &[&HandRay], near: Point3) -> Option<(Point3, f64)> {
    let mut a = [[0.0; 3]; 3];
    let mut b = [0.0; 3];
    for r in rays {
        let away = r.ray.origin.distance(near);
        let w = 1.0 / (r.angle * away).powi(2).max(1e-6);
        let d = [r.ray.direction.x, r.ray.direction.y, r.ray.direction.z];
        let o = [r.ray.origin.x, r.ray.origin.y, r.ray.origin.z];
        for i in 0..3 {
            for j in 0..3 {
                let m = w * (f64::from(u8::from(i == j)) - d[i] * d[j]);
                a[i][j] += m;
                b[i] += m * o[j];
            }
        }
    }
    let minor = |i: usize, j: usize| {
        let (p, q) = ((i + 1) % 3, (i + 2) % 3);
        let (r, s) = ((j + 1) % 3, (j + 2) % 3);
        a[p][r] * a[q][s] - a[p][s] * a[q][r]
    };
    let det: f64 = (0..3).map(|j| a[0][j] * minor(0, j)).sum();
    if !det.is_finite() || det <= 1e-9 {
        return None;
    }
    let solve = |i: usize| (0..3).map(|j| minor(j, i) * b[j]).sum::<f64>() / det;
    let variance = (0..3).map(|i| minor(i, i) / det).sum::<f64>() / 3.0;
    let p = Point3::new(solve(0), solve(1), solve(2));
    (p.distance(near) < 0.5).then_some((p, variance.max(0.0)))
}
