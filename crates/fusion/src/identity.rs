//! Who a track may be: a distribution over parties, never a hard name.

use walkout_model::Who;

/// Probabilities of parties, sorted by [`Who`], summing to 1; what is missing is unknown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity(Vec<(Who, f64)>);

/// Below this a party is dropped from a distribution.
const NEGLIGIBLE: f64 = 2e-5;

impl Identity {
    pub(crate) fn unknown() -> Self {
        Self(vec![(Who::Unknown, 1.0)])
    }

    /// `who` with probability `p`, else unknown.
    pub(crate) fn mostly(who: Who, p: f64) -> Self {
        Self::from_weights([(who, p), (Who::Unknown, 1.0 - p)])
    }

    /// Normalises weights; no weight at all is unknown.
    pub(crate) fn from_weights(weights: impl IntoIterator<Item = (Who, f64)>) -> Self {
        let mut map = std::collections::BTreeMap::new();
        for (who, w) in weights {
            if w.is_finite() && w > 0.0 {
                *map.entry(who).or_insert(0.0) += w;
            }
        }
        let total: f64 = map.values().sum();
        if total <= 0.0 {
            return Self::unknown();
        }
        let kept: Vec<(Who, f64)> = map
            .into_iter()
            .map(|(who, w)| (who, w / total))
            .filter(|(_, p)| *p >= NEGLIGIBLE)
            .collect();
        let total: f64 = kept.iter().map(|(_, p)| p).sum();
        Self(kept.into_iter().map(|(who, p)| (who, p / total)).collect())
    }

    pub(crate) fn of(&self, who: Who) -> f64 {
        self.0
            .iter()
            .find(|(w, _)| *w == who)
            .map_or(0.0, |(_, p)| *p)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Who, f64)> + '_ {
        self.0.iter().copied()
    }

    /// A share `e` of each goes to the other.
    pub(crate) fn mix(a: &mut Self, b: &mut Self, e: f64) {
        let blend = |x: &Self, y: &Self| {
            Self::from_weights(
                x.iter()
                    .map(|(w, p)| (w, p * (1.0 - e)))
                    .chain(y.iter().map(|(w, p)| (w, p * e))),
            )
        };
        (*a, *b) = (blend(a, b), blend(b, a));
    }

    /// The party is gone, as far as is known: it keeps `share` of its weight.
    pub(crate) fn weaken(&mut self, who: Who, share: f64) {
        if self.of(who) > 0.0 {
            *self = Self::from_weights(self.iter().map(|(w, p)| {
                let kept = if w == who { share.clamp(0.0, 1.0) } else { 1.0 };
                (w, p * kept)
            }));
        }
    }
}
