//! Goods that pass from one person's hand to another's: who leaves with them pays.
//!
//! Two people stand within arm's length away from any shelf, and their hands meet; before that the thing
//! is seen in the giver's hand, after it in the receiver's. What the looks say is weighed by Bayes' rule
//! over who gave what to whom and over nothing having passed at all.

use crate::belief::Belief;
use crate::looks::{Held, LookRatio, LookStore};
use crate::tracks::Track;
use std::collections::BTreeMap;
use walkout_model::{
    Alternative, AttributedMovement, ItemLook, Point2, Shop, SkuIx, StoreTime, TimeDelta, TrackId,
    TrackPoint, Who, Wrist,
};

/// Bodies within an arm's length of one another, metres.
const ARM_M: f64 = 1.0;
/// Hands that pass something meet about midway between the bodies and at the height of elbows, so far from
/// there at most, metres.
const MIDWAY_M: f64 = 0.22;
const ELBOWS_M: f64 = 1.05;
/// Two who stand nearer than this stand shoulder to shoulder: their hands are midway anyhow.
const APART_M: f64 = 0.3;
/// Who hands something over stands: their body moves less than this in the time before, metres.
const STANDS_M: f64 = 0.35;
/// Hands are together in the time before they part.
const TOGETHER: TimeDelta = TimeDelta::from_millis(1_200);
/// Hands apart for so long have parted.
const PARTED: TimeDelta = TimeDelta::from_millis(700);
/// A meeting is weighed so long after it: looks come 0.3 s late, and hands are watched for a while.
pub(crate) const WEIGHED_AFTER: TimeDelta = TimeDelta::from_millis(2_000);
/// How long before and after the hands part the thing is looked for in them.
const BEFORE: TimeDelta = TimeDelta::from_millis(1_600);
const AFTER: TimeDelta = TimeDelta::from_millis(1_600);
/// Natural log odds that something is passed on where both hands are seen together midway in one, two, three
/// frames or more, before any look; and how far the log ratios of looks are believed where they speak for it,
/// and against. Fitted to 428 meetings of hands, 27 of them hand-overs of goods known to be in the giver's
/// cart, of `busy` (seeds 41, 43) and `adversarial` (41–43); see `docs/fusion.md`, "Hand-overs".
const PASSES: [f64; 4] = [-0.56, -0.48, 0.71, 1.07];
const GIVER_HAD_IT: Believed = Believed(0.0, 0.90);
const GIVER_EMPTY_AFTER: Believed = Believed(0.11, 0.65);
const RECEIVER_EMPTY_BEFORE: Believed = Believed(0.0, 0.29);
const RECEIVER_HAS_IT: Believed = Believed(0.35, 2.05);
/// A hand-over below this probability is forgotten.
const NEGLIGIBLE: f64 = 0.02;

/// How far a log ratio is believed where it speaks for a hand-over, and where against.
struct Believed(f64, f64);

impl Believed {
    fn of(&self, ratio: f64) -> f64 {
        let log = ratio.ln();
        self.0 * log.max(0.0) + self.1 * log.min(0.0)
    }
}

/// Two people's hands met, and what was seen in them.
#[derive(Clone, Debug)]
pub(crate) struct Meeting {
    /// When the hands parted.
    pub t: StoreTime,
    /// Natural log odds that something is passed on so, before any look.
    passes: f64,
    pub a: TrackId,
    pub b: TrackId,
    /// Looks at each one's hand before and after.
    a_looks: [LookRatio; 2],
    b_looks: [LookRatio; 2],
}

/// Something passed from one party to another, with its probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HandOver {
    pub t: StoreTime,
    pub giver: Who,
    pub receiver: Who,
    pub sku: SkuIx,
    pub probability: f64,
}

/// The meetings whose hands parted in (`from`, `to`], in order of time; `to` should lie
/// [`WEIGHED_AFTER`] back.
pub(crate) fn meetings(
    shop: &Shop,
    tracks: &BTreeMap<TrackId, Track>,
    looks: &LookStore,
    (from, to): (StoreTime, StoreTime),
) -> Vec<Meeting> {
    let live: Vec<(TrackId, &Track, Point2)> = tracks
        .iter()
        .filter_map(|(id, t)| {
            let last = t.between(from - PARTED, to).last()?;
            Some((*id, t, last.position))
        })
        .collect();
    let mut found = Vec::new();
    for (i, (a, ta, pa)) in live.iter().enumerate() {
        for (b, tb, pb) in live.iter().skip(i + 1) {
            if pa.distance(*pb) > ARM_M + 0.5 {
                continue;
            }
            let parted = ta
                .between(from + TimeDelta(1), to)
                .filter(|p| hands_meet(shop, p, tb))
                .map(|p| p.t)
                .last();
            let Some(t) = parted else { continue };
            let Some(frames) = together(shop, ta, tb, t) else {
                continue;
            };
            let passes = PASSES[frames.min(PASSES.len()) - 1];
            found.push(Meeting {
                t,
                passes,
                a: *a,
                b: *b,
                a_looks: looks_about(looks, (*a, ta), t, shop),
                b_looks: looks_about(looks, (*b, tb), t, shop),
            });
        }
    }
    found.sort_by_key(|m| (m.t, m.a, m.b));
    found
}

/// In how many frames hands that are together at `t` have been so, if they part then and their people stand.
fn together(shop: &Shop, a: &Track, b: &Track, t: StoreTime) -> Option<usize> {
    let stands = |track: &Track| {
        let (Some(now), Some(then)) = (track.nearest(t), track.nearest(t - TOGETHER)) else {
            return false;
        };
        now.position.distance(then.position) < STANDS_M
    };
    let again = a
        .between(t + TimeDelta(1), t + PARTED)
        .any(|p| hands_meet(shop, p, b));
    let frames = a
        .between(t - TOGETHER, t)
        .filter(|p| hands_meet(shop, p, b))
        .count();
    (!again && frames > 0 && stands(a) && stands(b)).then_some(frames)
}

/// Whether a hand of the one and a hand of the other are midway between the two, in the aisle.
fn hands_meet(shop: &Shop, point: &TrackPoint, other: &Track) -> bool {
    let Some(there) = other
        .nearest(point.t)
        .filter(|p| (p.t - point.t).0.saturating_abs() <= 60_000)
    else {
        return false;
    };
    let (a, b) = (point.position, there.position);
    let midway = ((a + b) * 0.5).at_height(ELBOWS_M);
    let is_midway =
        |w: &Wrist| w.position.distance(midway) < MIDWAY_M && !in_fixture(shop, w.position.floor());
    (APART_M..ARM_M).contains(&a.distance(b))
        && point.wrists.iter().any(is_midway)
        && there.wrists.iter().any(is_midway)
}

fn in_fixture(shop: &Shop, place: Point2) -> bool {
    shop.layout.fixtures.iter().any(|f| {
        let local = f.pose.local_from_floor(place);
        (-0.05..f.width_m + 0.05).contains(&local.x) && (-0.05..f.depth_m + 0.05).contains(&local.y)
    })
}

fn looks_about(
    looks: &LookStore,
    (id, track): (TrackId, &Track),
    t: StoreTime,
    shop: &Shop,
) -> [LookRatio; 2] {
    let skus = shop.catalogue.len();
    let of_the_hand = |look: &ItemLook| look.track == id;
    let ratio = |from: StoreTime, to: StoreTime| {
        // One hand of two is the one that gives or is given.
        let frames: usize = track.between(from, to).map(|p| p.wrists.len()).sum();
        looks.held((from, to), of_the_hand, 0.5 * frames as f64, skus)
    };
    let apart = TimeDelta::from_millis(200);
    // A hand held out is watched only while the other is near: the time before tells less by silence.
    let mut before = ratio(t - BEFORE, t - apart);
    before.soften(0.5);
    [before, ratio(t - TimeDelta::from_millis(50), t + AFTER)]
}

impl Meeting {
    /// What may have passed. `who_a` and `who_b` are the distributions of the two tracks over parties.
    pub(crate) fn weigh(
        &self,
        who_a: &[(Who, f64)],
        who_b: &[(Who, f64)],
        belief: &Belief,
    ) -> Vec<HandOver> {
        let mut weights: Vec<(HandOver, f64)> = Vec::new();
        let sides = [
            (who_a, who_b, &self.a_looks, &self.b_looks),
            (who_b, who_a, &self.b_looks, &self.a_looks),
        ];
        for (givers, receivers, giving, getting) in sides {
            for (giver, p) in givers {
                let held = belief.held_by(*giver);
                let total: f64 = held.iter().map(|h| h.1).sum();
                for (receiver, q) in receivers.iter().filter(|r| r.0 != *giver) {
                    for (sku, units) in &held {
                        let thing = Held::Sku(*sku);
                        let seen = GIVER_HAD_IT.of(giving[0].of(thing))
                            + GIVER_EMPTY_AFTER.of(giving[1].of(Held::Nothing))
                            + RECEIVER_EMPTY_BEFORE.of(getting[0].of(Held::Nothing))
                            + RECEIVER_HAS_IT.of(getting[1].of(thing));
                        let weight = 0.5 * p * q * units.min(1.0) / total.max(1.0)
                            * (self.passes + seen).exp();
                        let over = HandOver {
                            t: self.t,
                            giver: *giver,
                            receiver: *receiver,
                            sku: *sku,
                            probability: 0.0,
                        };
                        weights.push((over, weight));
                    }
                }
            }
        }
        let total = 1.0 + weights.iter().map(|w| w.1).sum::<f64>();
        let mut overs: Vec<HandOver> = weights
            .into_iter()
            .map(|(over, w)| HandOver {
                probability: w / total,
                ..over
            })
            .filter(|o| o.probability > NEGLIGIBLE)
            .collect();
        overs.sort_by(|a, b| {
            b.probability
                .total_cmp(&a.probability)
                .then_with(|| (a.giver, a.receiver, a.sku).cmp(&(b.giver, b.receiver, b.sku)))
        });
        overs
    }
}

/// What is believed of carts after a hand-over.
pub(crate) fn learn(belief: &mut Belief, overs: &[HandOver]) {
    for over in overs {
        belief.add_to_cart(over.giver, over.sku, -over.probability);
        belief.add_to_cart(over.receiver, over.sku, over.probability);
    }
}

/// Whether a movement put into the giver's cart what was handed over.
pub(crate) fn concerns(movement: &AttributedMovement, over: &HandOver) -> bool {
    let best = &movement.best;
    movement.t < over.t && best.who == over.giver && best.sku == Some(over.sku) && best.quantity > 0
}

/// The movement as it is once one unit of it was handed over: the giver's explanations become the
/// receiver's with the hand-over's probability. Of several units one goes, as a movement of its own.
pub(crate) fn reattribute(
    movement: &AttributedMovement,
    over: &HandOver,
) -> Vec<AttributedMovement> {
    let p = over.probability as f32;
    let mut kept = movement.clone();
    let mut moved = movement.clone();
    let units = movement.best.quantity;
    if units > 1 {
        kept.best.quantity = units - 1;
        for a in kept.alternatives.iter_mut().chain([&mut moved.best]) {
            a.quantity = if a.sku == Some(over.sku) && a.quantity == units {
                units - 1
            } else {
                a.quantity
            };
        }
        moved.best.quantity = 1;
        moved.alternatives.retain(|a| a.quantity != units);
    }
    let mut all: Vec<Alternative> = Vec::new();
    let mut add = |a: Alternative| match all
        .iter_mut()
        .find(|b| (b.who, b.sku, b.quantity) == (a.who, a.sku, a.quantity))
    {
        Some(same) => same.probability += a.probability,
        None => all.push(a),
    };
    for a in [&moved.best].into_iter().chain(&moved.alternatives) {
        if a.who == over.giver && a.sku == Some(over.sku) && a.quantity > 0 {
            add(Alternative {
                probability: a.probability * (1.0 - p),
                ..a.clone()
            });
            add(Alternative {
                who: over.receiver,
                probability: a.probability * p,
                ..a.clone()
            });
        } else {
            add(a.clone());
        }
    }
    all.sort_by(|a, b| {
        b.probability
            .total_cmp(&a.probability)
            .then_with(|| (a.who, a.sku, a.quantity).cmp(&(b.who, b.sku, b.quantity)))
    });
    if !all.is_empty() {
        moved.best = all.remove(0);
    }
    moved.alternatives = all;
    if units > 1 {
        vec![kept, moved]
    } else {
        vec![moved]
    }
}
