//! What cameras say of the thing in a hand, as a likelihood ratio against knowing nothing.

use crate::LookSight;
use crate::hands::belongs;
use crate::reach::Target;
use crate::tracks::Track;
use std::collections::{BTreeMap, VecDeque};
use walkout_model::{FOREIGN_SHARE, ItemLook, SkuIx, StoreTime, TimeDelta, TrackId};

const REMEMBER: TimeDelta = TimeDelta::from_secs(12);
const LOOKS_MAX: usize = 4_096;
/// Correlation of the errors of looks at one hold: a classifier repeats its mistakes, so `k` looks
/// count as k / (1 + (k − 1)ρ).
const CORRELATED: f64 = 0.85;
/// Share of looks that show something else than the goods in question.
const ASTRAY: f64 = 0.1;
/// Share of hands at a shelf that hold something, of those that did not make the step.
const HOLDING: f64 = 0.4;
/// Least likelihood that something held was never looked at.
const OVERLOOKED: f64 = 0.04;

/// What a hand had to hold for an explanation to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Goods.
    Sku(SkuIx),
    /// Something that the shop does not sell.
    Thing,
    /// Nothing: a hand that presses or leans.
    Nothing,
}

/// The looks of the last seconds in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct LookStore {
    looks: VecDeque<ItemLook>,
    sight: LookSight,
}

/// Likelihood ratios of what was seen in a hand, against a hand that had nothing to do with the step.
#[derive(Clone, Debug)]
pub(crate) struct LookRatio {
    by_sku: BTreeMap<SkuIx, f64>,
    other: f64,
    /// That it was nothing sold here, a thing of somebody's or an empty hand, beside that something was seen at all.
    strange: f64,
    thing: f64,
    nothing: f64,
    /// Looks there were, and how probably their hand was the body's own.
    looks: usize,
    own: f64,
}

impl Default for LookRatio {
    fn default() -> Self {
        Self {
            by_sku: BTreeMap::new(),
            other: 1.0,
            strange: 1.0,
            thing: 1.0,
            nothing: 1.0,
            looks: 0,
            own: 1.0,
        }
    }
}

/// How far the parts of a look's log ratio are believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LookWeights {
    /// Where a look speaks for the goods, and where it does so of a hand too far from its body.
    pub shows_it: f64,
    pub shows_it_astray: f64,
    /// Where it speaks against them.
    pub shows_another: f64,
    /// Where nothing was seen in a hand in sight.
    pub shows_none: f64,
    /// Natural log of what it says that something was seen in the hand at all, and with each look up to four.
    pub any: f64,
    pub each: f64,
}

impl LookRatio {
    /// What [`LookWeights`] weigh where the goods are known, in their order.
    pub(crate) fn features(&self, sku: SkuIx) -> [f64; 6] {
        if self.looks == 0 {
            return [0.0, 0.0, 0.0, self.thing.ln(), 0.0, 0.0];
        }
        let log = self.by_sku.get(&sku).copied().unwrap_or(self.other).ln();
        let (shows_it, shows_another) = (log.max(0.0), log.min(0.0));
        [
            shows_it * self.own,
            shows_it * (1.0 - self.own),
            shows_another,
            0.0,
            1.0,
            self.looks.min(4) as f64,
        ]
    }

    /// The same as far as it is believed.
    pub(crate) fn weighed(mut self, weights: &LookWeights) -> Self {
        if self.looks == 0 {
            self.thing = self.thing.powf(weights.shows_none);
            return self;
        }
        let shows_it = weights.shows_it * self.own + weights.shows_it_astray * (1.0 - self.own);
        let others = [&mut self.other, &mut self.strange];
        for ratio in self.by_sku.values_mut().chain(others) {
            let log = ratio.ln();
            *ratio = (log.max(0.0) * shows_it + log.min(0.0) * weights.shows_another).exp();
        }
        // The same was seen of a hand that may only have leaned there; that it held nothing is half believed.
        let empty = (self.nothing / self.thing).sqrt();
        self.thing = (weights.any + weights.each * self.looks.min(4) as f64).exp();
        self.nothing = self.thing * empty;
        self
    }

    /// That the hand held nothing, by how often hands are looked at alone: what hand-overs were learnt with.
    pub(crate) fn unheld(&self) -> f64 {
        self.nothing
    }

    pub(crate) fn of(&self, held: Held) -> f64 {
        match held {
            Held::Sku(sku) => {
                let ratio = self.by_sku.get(&sku).copied().unwrap_or(self.other);
                self.thing * ratio
            }
            Held::Thing => self.thing * self.strange,
            Held::Nothing => self.nothing * self.strange,
        }
    }
}

impl LookStore {
    /// Nothing yet, of a classifier like this.
    pub(crate) fn new(sight: LookSight) -> Self {
        Self {
            looks: VecDeque::new(),
            sight,
        }
    }

    /// Takes a look, in any order. `false` if malformed.
    pub(crate) fn push(&mut self, look: ItemLook) -> bool {
        let sane = look
            .posterior
            .iter()
            .map(|(_, p)| p)
            .chain(&look.foreign)
            .all(|p| p.is_finite() && (0.0..=1.0).contains(p))
            && look.posterior.len() <= 4_096
            && [look.hand.x, look.hand.y, look.hand.z]
                .iter()
                .all(|v| v.is_finite());
        if !sane {
            return false;
        }
        let at = self.looks.partition_point(|l| l.t <= look.t);
        self.looks.insert(at, look);
        if self.looks.len() > LOOKS_MAX {
            self.looks.pop_front();
        }
        true
    }

    pub(crate) fn advance(&mut self, now: StoreTime) {
        let horizon = StoreTime(now.0.saturating_sub(REMEMBER.0));
        while self.looks.front().is_some_and(|l| l.t < horizon) {
            self.looks.pop_front();
        }
    }

    /// The looks of a track between two instants.
    pub(crate) fn of_track(
        &self,
        track: TrackId,
        from: StoreTime,
        to: StoreTime,
    ) -> impl Iterator<Item = &ItemLook> {
        let start = self.looks.partition_point(|l| l.t < from);
        let found = self.looks.iter().skip(start).take_while(move |l| l.t <= to);
        found.filter(move |l| l.track == track)
    }

    /// What the looks of a track between two instants, near the target, say of what was in the hand,
    /// and what it says that there are none although the hand was in sight.
    pub(crate) fn ratio(
        &self,
        (id, track): (TrackId, &Track),
        target: &Target<'_>,
        from: StoreTime,
        to: StoreTime,
        skus: usize,
    ) -> LookRatio {
        let frames = track
            .between(from, to)
            .filter(|p| p.wrists.iter().any(|w| target.at(w)))
            .count();
        let near = |look: &ItemLook| look.track == id && target.near(look.hand);
        let mut told = self.held((from, to), near, frames as f64, skus);
        let own = self
            .of_track(id, from, to)
            .filter(|look| near(look))
            .filter_map(|look| Some(belongs(look.hand, track.nearest(look.t)?.position)));
        let (n, sum) = own.fold((0.0, 0.0), |(n, sum), p| (n + 1.0, sum + p));
        if n > 0.0 {
            told.own = sum / n;
        }
        told
    }

    /// The same of any looks of an interval, with the number of frames in which the hand was in sight.
    pub(crate) fn held(
        &self,
        (from, to): (StoreTime, StoreTime),
        of_the_hand: impl Fn(&ItemLook) -> bool,
        frames: f64,
        skus: usize,
    ) -> LookRatio {
        let start = self.looks.partition_point(|l| l.t < from);
        let seen: Vec<&ItemLook> = self
            .looks
            .iter()
            .skip(start)
            .take_while(|l| l.t <= to)
            .filter(|l| of_the_hand(l))
            .collect();
        if seen.is_empty() {
            let expected = self.sight.per_frame * frames;
            let unseen = OVERLOOKED + (1.0 - OVERLOOKED) * (-expected).exp();
            let base = HOLDING * unseen + (1.0 - HOLDING);
            return LookRatio {
                thing: unseen / base,
                nothing: 1.0 / base,
                ..LookRatio::default()
            };
        }
        let n = skus.max(2) as f64;
        let temper = 1.0 / (1.0 + CORRELATED * (seen.len() as f64 - 1.0));
        let in_empty = self.sight.in_empty;
        let base = HOLDING + (1.0 - HOLDING) * in_empty;
        let mut by_sku: BTreeMap<SkuIx, f64> = BTreeMap::new();
        for look in &seen {
            for (sku, _) in &look.posterior {
                by_sku.insert(*sku, 0.0);
            }
        }
        let (mut other, mut strange) = (0.0, 0.0);
        for look in &seen {
            let told: f64 = look.posterior.iter().map(|(_, p)| f64::from(*p)).sum();
            let foreign = look.foreign.map(f64::from);
            let left = (1.0 - told - foreign.unwrap_or(0.0)).max(0.01);
            let rest = left / (n - look.posterior.len() as f64).max(1.0);
            // Against what was expected beforehand.
            let against = |p: f64, share: f64| ((1.0 - ASTRAY) * p / share + ASTRAY).ln();
            let ratio = |p: f64| against(p, 1.0 / n);
            other += ratio(rest);
            strange += foreign.map_or(0.0, |p| against(p, FOREIGN_SHARE));
            for (sku, sum) in &mut by_sku {
                let p = look
                    .posterior
                    .iter()
                    .find(|(s, _)| s == sku)
                    .map_or(rest, |(_, p)| f64::from(*p).max(rest * 0.1));
                *sum += ratio(p);
            }
        }
        for sum in by_sku.values_mut() {
            *sum = (*sum * temper).exp();
        }
        LookRatio {
            by_sku,
            other: (other * temper).exp(),
            strange: (strange * temper).exp(),
            thing: 1.0 / base,
            nothing: in_empty / base,
            looks: seen.len(),
            own: 1.0,
        }
    }
}
