//! What the networks of hands and of hand-overs learn from: all that fusion sees of the tracks about a step or a meeting,
//! as it sees it.

use crate::FusionConfig;
use crate::handing;
use crate::hands::{self, Body, Near, body};
use crate::looks::{Held, LookStore};
use crate::meeting;
use crate::people::looked_at;
use crate::place::{SeenShares, edges_of};
use crate::reach::Target;
use crate::tracks::{Track, TrackStore};
use walkout_model::{ItemLook, Shop, SkuIx, StoreTime, TimeDelta, TrackId, TrackPoint, WeightStep};

/// Nobody farther from the goods is a case, metres.
const NEAR_M: f64 = 6.0;

/// One track about a step.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// Its number.
    pub track: TrackId,
    /// Natural log of how well its body is within reach.
    pub body: f64,
    /// 22 rows of 44 frames, the first 3 s before the change.
    pub window: Vec<f32>,
    /// What was seen in its hand, as far as it bears on these goods: for them in its own hand, for them in
    /// another's, against them, nothing although it was in sight, anything at all, how often up to four.
    pub looks: [f64; 6],
    /// Natural log of what all of it says by the network that is shipped, against somebody who only stood there.
    pub said: f64,
}

/// The tracks about a step, of goods that are known. `points` and `looks` are those of the seconds about it.
pub fn lessons(
    shop: &Shop,
    config: &FusionConfig,
    step: &WeightStep,
    sku: SkuIx,
    points: &[TrackPoint],
    looks: &[ItemLook],
) -> Vec<Lesson> {
    let (tracks, seen_in_hands) = stores(config, points, looks);
    let edges = edges_of(&shop.layout, step);
    let seen = SeenShares::new(shop, step, &edges, config.share_sigma);
    let target = Target::new(shop, step, &seen);
    let place = target.place();
    let near_by: Vec<_> = tracks
        .tracks
        .iter()
        .filter(|(_, track)| {
            track.nearest(step.t_change).is_some_and(|p| {
                let age = TimeDelta(p.t.since(step.t_change).0.saturating_abs());
                age < TimeDelta::from_secs(1) && p.position.distance(place) < NEAR_M
            })
        })
        .collect();
    let near = Near::new(&target, step, near_by.iter().map(|(_, track)| Some(*track)));
    let (from, to) = looked_at(step);
    let lesson = |(at, (id, track)): (usize, &(&TrackId, &Track))| {
        let Body::At(body) = body(&target, step, track) else {
            return None;
        };
        let skus = shop.catalogue.len();
        let told = seen_in_hands.ratio((**id, track), &target, from, to, skus);
        let reach = hands::ratio(&target, step, track, &near, at);
        let weighed = told.clone().weighed(&hands::look_weights(step));
        Some(Lesson {
            track: **id,
            body: body.ln(),
            window: near.window(at),
            looks: told.features(sku),
            said: reach.ln() + weighed.of(Held::Sku(sku)).ln(),
        })
    };
    near_by.iter().enumerate().filter_map(lesson).collect()
}

/// Two tracks whose hands met.
#[derive(Debug)]
pub struct MeetingLesson {
    /// When.
    pub t: StoreTime,
    /// The tracks' numbers.
    pub tracks: [TrackId; 2],
    /// The frames about it by who gives, 24 rows of 72, the first 5.3 s before.
    pub windows: [Vec<f32>; 2],
    met: handing::Meeting,
}

impl MeetingLesson {
    /// What looks say of a thing that this one of the two may have given.
    pub fn looks(&self, giver: usize, sku: SkuIx) -> [f64; 12] {
        self.met.looks(giver, sku)
    }

    /// Odds by the network that is shipped that this one of the two gave such a thing, to nothing having passed, where
    /// it was the only thing.
    pub fn odds(&self, giver: usize, sku: SkuIx) -> f64 {
        self.met.odds(giver, sku)
    }
}

/// The meetings of hands in (`from`, `to`]. `points` and `looks` are those from 8 s before to 3 s after.
pub fn meetings(
    shop: &Shop,
    config: &FusionConfig,
    points: &[TrackPoint],
    looks: &[ItemLook],
    from: StoreTime,
    to: StoreTime,
) -> Vec<MeetingLesson> {
    let (tracks, seen_in_hands) = stores(config, points, looks);
    let met = meeting::meetings(&tracks, from, to);
    let lesson = |met: &meeting::Met<'_>| MeetingLesson {
        t: met.t,
        tracks: [met.a.0, met.b.0],
        windows: met.windows.clone(),
        met: handing::Meeting::new(met, &seen_in_hands, shop.catalogue.len()),
    };
    met.iter().map(lesson).collect()
}

fn stores(
    config: &FusionConfig,
    points: &[TrackPoint],
    looks: &[ItemLook],
) -> (TrackStore, LookStore) {
    let mut tracks = TrackStore::default();
    let mut seen_in_hands = LookStore::new(config.looks);
    for point in points {
        tracks.push(point.clone());
    }
    for look in looks {
        seen_in_hands.push(look.clone());
    }
    (tracks, seen_in_hands)
}
