//! Who could have made a step: the tracks within reach, the parties they may be, and what was seen
//! in their hands.

use crate::FusionConfig;
use crate::gates::Gates;
use crate::looks::{LookRatio, LookStore};
use crate::place::{SeenShares, plate_edges};
use crate::reach::Target;
use crate::tracks::{Reaching, TrackStore};
use std::collections::BTreeMap;
use walkout_model::{PartyKind, Shop, SkuIx, TimeDelta, WeightStep, Who};

/// Reach below which a track is not a candidate.
const OUT_OF_REACH: f64 = 1e-5;

/// A party that may have made the step.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub who: Who,
    pub kind: Option<PartyKind>,
    /// Each track that may be of the party: its reach times the probability that it is, and its looks.
    tracks: Vec<(f64, LookRatio)>,
    /// Weight without any track.
    unseen: f64,
    /// Log odds that a hand still rests on the goods, of the likeliest track.
    pub lingers: f64,
}

impl Candidate {
    /// Log weight by reach alone.
    pub(crate) fn reach(&self) -> f64 {
        (self.unseen + self.tracks.iter().map(|(w, _)| w).sum::<f64>()).ln()
    }

    /// Log weight by reach and by looks at the SKU in hand.
    pub(crate) fn with_look(&self, sku: Option<SkuIx>) -> f64 {
        let Some(sku) = sku else {
            return self.reach();
        };
        let seen: f64 = self
            .tracks
            .iter()
            .map(|(w, looks)| w * looks.of(sku).exp())
            .sum();
        (self.unseen + seen).ln()
    }
}

/// All candidates, unknown included, in the order of [`Who`], and the reach of each track.
pub(crate) fn candidates(
    shop: &Shop,
    step: &WeightStep,
    config: &FusionConfig,
    tracks: &TrackStore,
    looks: &LookStore,
    gates: &Gates,
) -> (Vec<Candidate>, Vec<Reaching>) {
    let edges = plate_edges(&shop.layout, step.shelf);
    let seen = SeenShares::new(shop, step, &edges, config.share_sigma);
    let target = Target::new(shop, step, &seen);
    // What was taken is in the hand after the change, what was put back before it.
    let (from, to) = if step.delta_g < 0.0 {
        (TimeDelta::from_millis(-150), TimeDelta::from_millis(1_500))
    } else {
        (TimeDelta::from_millis(-1_500), TimeDelta::from_millis(150))
    };
    let exclusive = tracks.exclusive(step.t_change, &gates.inside());
    let mut reaches = Vec::new();
    let mut by_who: BTreeMap<Who, Vec<(f64, LookRatio)>> = BTreeMap::new();
    let mut lingering: BTreeMap<Who, (f64, f64)> = BTreeMap::new();
    for (id, track) in &tracks.tracks {
        let reach = target.reach(track);
        if reach < OUT_OF_REACH {
            continue;
        }
        let identity = exclusive.get(id).unwrap_or(&track.identity);
        reaches.push(Reaching {
            id: *id,
            reach,
            identity: identity.clone(),
        });
        let ratio = looks.ratio(
            *id,
            &target,
            target.t() + from,
            target.t() + to,
            shop.catalogue.len(),
        );
        let lingers = target.lingers(track);
        for (who, p) in identity.iter() {
            let gone = matches!(who, Who::Session(s) if gates.has_left(s, step.t_change));
            if !gone {
                let likeliest = lingering.entry(who).or_default();
                if reach * p > likeliest.0 {
                    *likeliest = (reach * p, lingers);
                }
                by_who
                    .entry(who)
                    .or_default()
                    .push((reach * p, ratio.clone()));
            }
        }
    }
    by_who.entry(Who::Unknown).or_default();
    let missing = gates.missing(step.t_change, tracks);
    for (who, _) in &missing {
        by_who.entry(*who).or_default();
    }
    let candidates = by_who
        .into_iter()
        .map(|(who, tracks)| Candidate {
            who,
            kind: gates.kind(who),
            lingers: lingering.get(&who).map_or(0.0, |l| l.1),
            tracks,
            unseen: if who == Who::Unknown {
                config.unseen
            } else {
                missing
                    .iter()
                    .find(|m| m.0 == who)
                    .map_or(0.0, |m| config.lost * m.1.min(2.0))
            },
        })
        .collect();
    (candidates, reaches)
}
