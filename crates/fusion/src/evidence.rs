//! What the cameras saw around a step, kept with the movement so that it can be asked why.

use crate::identity::{Identity, People};
use crate::looks::LookStore;
use crate::reach::Target;
use crate::tracks::Track;
use std::collections::BTreeMap;
use walkout_model::{Gtin, Hand, Look, Shop, StoreTime, TimeDelta, TrackId, Who};

/// Hands and looks kept of a movement at most, the nearest hands and the first looks.
const HANDS_MAX: usize = 8;
const LOOKS_MAX: usize = 16;
/// Looks kept of one track at most.
const LOOKS_OF_TRACK_MAX: usize = 8;
/// Guesses kept of a look.
const GUESSES_MAX: usize = 3;
/// Nobody further than this from the shelf is told, metres.
const NEAR_M: f64 = 2.0;
/// How long before and after the change hands are looked for, and looks into hands.
const HANDS: TimeDelta = TimeDelta::from_millis(500);
const LOOKS: TimeDelta = TimeDelta::from_millis(1_500);

/// A track near a step. It does not change any more; who it was may.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    /// Place of the track among those that were seen.
    at: usize,
    t: StoreTime,
    wrist_m: Option<f64>,
    body_m: f64,
    looks: Vec<(StoreTime, Vec<(Gtin, f32)>)>,
}

impl Sighting {
    /// The track `at` that place, if it was near.
    pub(crate) fn new(
        at: usize,
        (id, track): (TrackId, &Track),
        target: &Target<'_>,
        looks: &LookStore,
        shop: &Shop,
    ) -> Option<Self> {
        let t = target.t();
        let point = track.nearest(t)?;
        let body_m = target.body_distance(point.position);
        if !body_m.is_finite() || body_m > NEAR_M {
            return None;
        }
        let wrists = track.between(t - HANDS, t + HANDS).flat_map(|p| {
            let t = p.t;
            p.wrists.iter().map(move |w| (t, w.position))
        });
        let nearest = wrists
            .map(|(t, wrist)| (t, target.hand_distance(wrist)))
            .filter(|(_, m)| m.is_finite())
            .min_by(|a, b| a.1.total_cmp(&b.1));
        let seen = looks.of_track(id, t - LOOKS, t + LOOKS);
        Some(Self {
            at,
            t: nearest.map_or(point.t, |(t, _)| t),
            wrist_m: nearest.map(|(_, m)| m),
            body_m,
            looks: seen
                .take(LOOKS_OF_TRACK_MAX)
                .map(|look| {
                    let guesses = look.posterior.iter().take(GUESSES_MAX);
                    let named = guesses.filter_map(|&(sku, p)| {
                        let product = shop.catalogue.get(sku)?;
                        Some((product.gtin, p))
                    });
                    (look.t, named.collect())
                })
                .collect(),
        })
    }
}

/// Hands and looks under the names that the tracks most probably bear.
pub(crate) fn told(
    sightings: &[Sighting],
    identities: &[Identity],
    people: &People,
) -> (Vec<Hand>, Vec<Look>) {
    let mut hands = Vec::new();
    let mut looks = Vec::new();
    for seen in sightings {
        let mut parties: BTreeMap<Who, f64> = BTreeMap::new();
        for (person, p) in identities.get(seen.at).iter().flat_map(|i| i.iter()) {
            *parties.entry(people.who(person)).or_default() += p;
        }
        let likeliest = parties.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let (who, probability) = likeliest.unwrap_or((Who::Unknown, 0.0));
        hands.push(Hand {
            who,
            probability: probability as f32,
            t: seen.t,
            wrist_m: seen.wrist_m.map(|m| m as f32),
            body_m: seen.body_m as f32,
        });
        looks.extend(seen.looks.iter().map(|(t, guesses)| Look {
            who,
            t: *t,
            guesses: guesses.clone(),
        }));
    }
    let far = |hand: &Hand| hand.wrist_m.unwrap_or(f32::INFINITY);
    hands.sort_by(|a, b| {
        let by_hand = far(a).total_cmp(&far(b));
        let by_body = a.body_m.total_cmp(&b.body_m);
        by_hand.then(by_body).then(a.who.cmp(&b.who))
    });
    hands.truncate(HANDS_MAX);
    looks.sort_by_key(|look| (look.t, look.who));
    looks.truncate(LOOKS_MAX);
    (hands, looks)
}
