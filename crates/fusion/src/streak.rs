//! Takes of one product that follow one another: who took one often comes back for the next, and somebody else who stands there
//! seldom wants just that one just then.

use crate::hypotheses::{AGAIN, Hypothesis};
use std::collections::BTreeMap;
use walkout_model::{SkuIx, StoreTime, TimeDelta, Who};

/// A hand is back for the next one so soon at the earliest, and so late at the latest.
const FROM: TimeDelta = TimeDelta::from_millis(2_000);
pub(crate) const TO: TimeDelta = TimeDelta::from_millis(10_000);
/// How much likelier somebody takes one more than somebody else takes one, less one, before the temperature: by maximum likelihood,
/// beside the network of hands, over the tracks near 12,758 takes of `busy` (seeds 901–950).
const MORE: f64 = 3.3;

/// Who took what, and how probably.
pub(crate) type Took = Vec<(Who, SkuIx, f64)>;

/// What takes before and after a step say of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streak(BTreeMap<(Who, SkuIx), f64>);

impl Streak {
    /// By the other takes of the shelf and when they were.
    pub(crate) fn about<'a>(
        t: StoreTime,
        others: impl Iterator<Item = (StoreTime, &'a Took)>,
    ) -> Self {
        let mut all = BTreeMap::new();
        for (then, took) in others {
            if !(FROM.0..=TO.0).contains(&t.since(then).0.saturating_abs()) {
                continue;
            }
            for &(who, sku, p) in took {
                *all.entry((who, sku)).or_default() += p;
            }
        }
        Self(all)
    }

    /// Log weight of a take by somebody of something.
    pub(crate) fn of(&self, who: Who, sku: SkuIx) -> f64 {
        let before = self.0.get(&(who, sku)).copied().unwrap_or_default();
        (MORE * before.min(1.0)).ln_1p()
    }
}

/// Who took what by the explanations of a step alone, without what other takes said of it: what two steps say of each other is said
/// once.
pub(crate) fn alone(hypotheses: &[Hypothesis], temperature: f64) -> Took {
    let weight = |h: &Hypothesis| h.probability * (-h.factors[AGAIN] / temperature).exp();
    let all: f64 = hypotheses.iter().map(weight).sum();
    let mut took: BTreeMap<(Who, SkuIx), f64> = BTreeMap::new();
    for h in hypotheses {
        for part in h.parts.iter().filter(|p| p.quantity > 0) {
            if let Some(sku) = part.sku {
                *took.entry((part.who, sku)).or_default() += weight(h) / all.max(1e-30);
            }
        }
    }
    let told = took.into_iter().filter(|(_, p)| *p > 0.01);
    told.map(|((who, sku), p)| (who, sku, p.min(1.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypotheses::{Factors, Part};
    use walkout_model::SessionId;

    #[test]
    fn what_other_takes_said_is_taken_out_of_what_a_take_says() {
        let take = |session: u64, again: f64, probability: f64| {
            let mut factors = Factors::default();
            factors[AGAIN] = again;
            Hypothesis {
                parts: vec![Part {
                    who: Who::Session(SessionId(session)),
                    kind: None,
                    sku: Some(SkuIx(3)),
                    quantity: 1,
                    lane: None,
                }],
                removes: Vec::new(),
                entwined: Vec::new(),
                taken_up_by: None,
                factors,
                probability,
            }
        };
        // Even alone, and four to one with a factor of four.
        let took = alone(&[take(1, 0.7 * 4.0_f64.ln(), 0.8), take(2, 0.0, 0.2)], 0.7);
        assert_eq!(took.len(), 2);
        assert!(
            took.iter().all(|(.., p)| (p - 0.5).abs() < 1e-9),
            "{took:?}"
        );
    }

    #[test]
    fn a_take_speaks_for_who_took_one_just_before_or_after() {
        let (a, b) = (Who::Session(SessionId(1)), Who::Session(SessionId(2)));
        let at = |s: i64| StoreTime::default() + TimeDelta::from_secs(s);
        let took = vec![(a, SkuIx(3), 0.9), (b, SkuIx(3), 0.1)];
        let says = |t| Streak::about(t, std::iter::once((at(100), &took)));
        for t in [at(104), at(96)] {
            let streak = says(t);
            assert!(streak.of(a, SkuIx(3)) > 0.9);
            assert!(streak.of(b, SkuIx(3)) < 0.3);
            assert!(streak.of(a, SkuIx(4)).abs() < 1e-12);
        }
        // One pair of hands takes no two in a second, and after half a minute it is anybody's turn.
        for t in [at(101), at(130)] {
            assert!(says(t).of(a, SkuIx(3)).abs() < 1e-12);
        }
    }
}
