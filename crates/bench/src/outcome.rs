//! What the shop concluded, in the truth's own words (phones, GTINs, shelf names), so that the two
//! can be laid side by side.

use crate::truth::Basket;
use std::collections::BTreeMap;
use walkout_model::{
    Alternative, AttributedMovement, Decision, Gtin, MovementId, Question, SessionId, Shop,
    StoreTime, Who,
};

/// Who moved what, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The party's phone; `None` for somebody whom no code let in.
    pub phone: Option<u32>,
    /// The product; `None` for a thing that the shop does not sell.
    pub gtin: Option<Gtin>,
    /// Units to the person: positive when taken, negative when put back.
    pub quantity: i32,
}

/// One movement that the shop concluded and did not replace later.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    /// The movement.
    pub id: MovementId,
    /// When the goods moved.
    pub t: StoreTime,
    /// From when to when they may have moved: both `t` unless a plate was blind.
    pub within: (StoreTime, StoreTime),
    /// When it was concluded.
    pub known_at: StoreTime,
    /// The shelf's name.
    pub shelf: String,
    /// The most probable explanation.
    pub best: Claim,
    /// Its probability.
    pub probability: f64,
    /// The other explanations with their probabilities, most probable first.
    pub others: Vec<(Claim, f64)>,
    /// What the shop did with it.
    pub decision: Decision,
    /// What a person is asked if it is in doubt.
    pub question: Question,
}

/// All that the shop concluded in one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The movements that stand at the end, in order of time.
    pub guesses: Vec<Guess>,
    /// When each party's exit was seen, by phone.
    pub exits: BTreeMap<u32, StoreTime>,
    /// Movements of a party that were concluded after its exit was: they can no longer be charged.
    pub late: usize,
}

impl Outcome {
    /// Brings fusion's movements and exits into the truth's words. Of a chain of movements that
    /// replace one another the last one stands.
    pub fn new(
        shop: &Shop,
        phones: &BTreeMap<SessionId, u32>,
        movements: &[AttributedMovement],
        exits: &BTreeMap<u32, (StoreTime, StoreTime)>,
    ) -> Self {
        let replaced: std::collections::BTreeSet<MovementId> =
            movements.iter().filter_map(|m| m.supersedes).collect();
        let mut outcome = Self {
            exits: exits.iter().map(|(&phone, &(t, _))| (phone, t)).collect(),
            ..Self::default()
        };
        for m in movements.iter().filter(|m| !replaced.contains(&m.id)) {
            let best = claim(shop, phones, &m.best);
            let closed = best
                .phone
                .and_then(|phone| exits.get(&phone))
                .is_some_and(|&(_, known_at)| m.known_at > known_at);
            if closed && m.decision != Decision::LeaveOff {
                outcome.late += 1;
                continue;
            }
            outcome.guesses.push(Guess {
                id: m.id,
                t: m.t,
                within: m.evidence.unseen.unwrap_or((m.t, m.t)),
                known_at: m.known_at,
                shelf: shop.layout.shelves[m.shelf.usize()].name.clone(),
                best,
                probability: f64::from(m.best.probability),
                others: m
                    .alternatives
                    .iter()
                    .map(|a| (claim(shop, phones, a), f64::from(a.probability)))
                    .collect(),
                decision: m.decision,
                question: m.question(),
            });
        }
        outcome.guesses.sort_by_key(|g| (g.t, g.id));
        outcome
    }
}

/// What each party is charged when every movement counts as `verdict` says; a party that put back
/// more than it took is charged nothing for it. Only parties whose exit was seen are charged.
pub fn charges<'a>(
    outcome: &'a Outcome,
    verdict: impl Fn(usize, &'a Guess) -> Option<Claim>,
) -> BTreeMap<u32, Basket> {
    let mut carts: BTreeMap<u32, BTreeMap<Gtin, i64>> = BTreeMap::new();
    for (i, guess) in outcome.guesses.iter().enumerate() {
        let Some(claim) = verdict(i, guess) else {
            continue;
        };
        if let (Some(phone), Some(gtin)) = (claim.phone, claim.gtin) {
            *carts.entry(phone).or_default().entry(gtin).or_default() += i64::from(claim.quantity);
        }
    }
    let kept = |cart: BTreeMap<Gtin, i64>| {
        cart.into_iter()
            .filter_map(|(gtin, n)| Some((gtin, u32::try_from(n).ok().filter(|&n| n > 0)?)))
            .collect()
    };
    outcome
        .exits
        .keys()
        .map(|&phone| (phone, carts.remove(&phone).map(kept).unwrap_or_default()))
        .collect()
}

fn claim(shop: &Shop, phones: &BTreeMap<SessionId, u32>, a: &Alternative) -> Claim {
    Claim {
        phone: match a.who {
            Who::Session(session) => phones.get(&session).copied(),
            Who::Unknown => None,
        },
        gtin: a
            .sku
            .and_then(|sku| shop.catalogue.get(sku))
            .map(|product| product.gtin),
        quantity: a.quantity,
    }
}
