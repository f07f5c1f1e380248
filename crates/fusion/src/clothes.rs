//! What people wear, as far as it tells who is who: session-long templates, forgotten at the exit.
//!
//! A person is a point in the tracker's space of appearance, a priori normal with a standard deviation of 1
//! along each axis. A stretch of a track shows that point with the error of its views (shared while
//! a view lasts) and of its looks. Both are normal, so templates are sums.

use crate::identity::{PersonIx, STRANGER};
use std::collections::{BTreeMap, BTreeSet};
use walkout_model::StoreTime;

/// Error of a view, where people differ by 1: which side is seen, in what light.
const VIEW_SD: f64 = 0.55;
/// How long a view lasts, seconds.
const VIEW_S: f64 = 4.0;
/// Error of each look beside that.
const LOOK_SD: f64 = 0.4;
/// A stretch says no more than this against anybody, natural log: who is half hidden looks odd.
const AGAINST: f64 = -9.0;
/// Whom no gate saw come in has nothing of their own to be known by: before it is so plain that a stretch is theirs, it does not
/// teach what they wear, or two who may each be either would wear the same.
const PLAINLY: f64 = 0.75;
/// Share of what looks say that is believed: they err together in ways that no model has.
const TRUST: f64 = 0.8;

/// The looks at one stretch of a track.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    sum: Vec<f64>,
    n: f64,
    first: Option<StoreTime>,
    last: Option<StoreTime>,
    /// The last look of the stretch before: its view goes on here.
    before: Option<StoreTime>,
}

impl Seen {
    pub(crate) fn add(&mut self, t: StoreTime, look: &[f32]) {
        if look.is_empty() {
            return;
        }
        if self.sum.len() != look.len() {
            // Another tracker, another space.
            *self = Self {
                sum: vec![0.0; look.len()],
                before: self.before,
                ..Self::default()
            };
        }
        for (sum, x) in self.sum.iter_mut().zip(look) {
            *sum += f64::from(x.clamp(-20.0, 20.0));
        }
        self.n += 1.0;
        self.first = Some(self.first.map_or(t, |f| f.min(t)));
        self.last = Some(self.last.map_or(t, |l| l.max(t)));
    }

    /// Whether there are looks enough to learn from.
    pub(crate) fn is_much(&self) -> bool {
        self.n >= 16.0
    }

    /// The record of the stretch that goes on from this one.
    pub(crate) fn follow(&self) -> Self {
        Self {
            before: self.last.or(self.before),
            ..Self::default()
        }
    }

    /// Variance of the mean look about the person's place; `None` without looks.
    fn variance(&self) -> Option<f64> {
        let (first, last) = (self.first?, self.last?);
        let seconds = last.since(first).as_secs_f64();
        // Stretches of one track share their view: what a stretch adds is the time since the last.
        let since = self
            .before
            .map_or(f64::INFINITY, |b| first.since(b).as_secs_f64().max(0.0));
        let views = ((seconds + since.min(2.0 * VIEW_S)) / (2.0 * VIEW_S)).max(0.1);
        Some(VIEW_SD * VIEW_SD / views + LOOK_SD * LOOK_SD / self.n)
    }
}

/// What somebody wears, as far as is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    precision: f64,
    sum: Vec<f64>,
}

impl Template {
    /// The stretch is theirs with this probability.
    pub(crate) fn add(&mut self, seen: &Seen, probability: f64) {
        // A stretch that is hardly theirs must not blur what they wear.
        let share = probability * probability;
        let Some(variance) = seen.variance().filter(|_| share > 1e-3) else {
            return;
        };
        if self.sum.len() != seen.sum.len() {
            self.sum = vec![0.0; seen.sum.len()];
            self.precision = 0.0;
        }
        let weight = share / variance;
        self.precision += weight;
        for (sum, x) in self.sum.iter_mut().zip(&seen.sum) {
            *sum += weight * x / seen.n;
        }
    }

    /// Natural log of how probable the looks are of this person, against anybody's. The template
    /// holds the stretch itself with probability `own`, which is taken out first.
    pub(crate) fn log_likelihood(&self, seen: &Seen, own: f64) -> f64 {
        let Some(variance) = seen.variance() else {
            return 0.0;
        };
        if self.sum.len() != seen.sum.len() {
            return 0.0;
        }
        let share = own * own;
        let out = if share > 1e-3 { share / variance } else { 0.0 };
        let precision = (self.precision - out).max(0.0) + 1.0;
        let theirs = variance + 1.0 / precision;
        let anybody = variance + 1.0;
        let mut log = 0.5 * seen.sum.len() as f64 * (anybody / theirs).ln();
        for (sum, x) in self.sum.iter().zip(&seen.sum) {
            let x = x / seen.n;
            let mean = (sum - out * x) / precision;
            log += 0.5 * (x * x / anybody - (x - mean).powi(2) / theirs);
        }
        TRUST * log.max(AGAINST)
    }
}

/// Everybody's templates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wardrobe {
    templates: BTreeMap<PersonIx, Template>,
    /// Of stretches that are no longer remembered or smoothed.
    folded: BTreeMap<PersonIx, Template>,
    /// People whom no gate saw come in.
    unplaced: BTreeSet<PersonIx>,
}

impl Wardrobe {
    /// Nobody saw them come in.
    pub(crate) fn unplaced(&mut self, person: PersonIx) {
        self.unplaced.insert(person);
    }

    /// With which weight a stretch that is theirs with this probability teaches what they wear.
    pub(crate) fn taught(&self, person: PersonIx, probability: f64) -> f64 {
        let idle = probability < PLAINLY && self.unplaced.contains(&person);
        if idle { 0.0 } else { probability }
    }

    /// A stretch that ended is this person's with this probability.
    pub(crate) fn learn(&mut self, person: PersonIx, seen: &Seen, probability: f64) {
        if person != STRANGER {
            let probability = self.taught(person, probability);
            self.templates
                .entry(person)
                .or_default()
                .add(seen, probability);
        }
    }

    /// The same for one that is forgotten.
    pub(crate) fn fold(&mut self, person: PersonIx, seen: &Seen, probability: f64) {
        if person != STRANGER {
            let probability = self.taught(person, probability);
            self.folded
                .entry(person)
                .or_default()
                .add(seen, probability);
        }
    }

    /// What stretches that are forgotten, or smoothed no more, say of somebody.
    pub(crate) fn folded(&self, person: PersonIx) -> Option<&Template> {
        self.folded.get(&person)
    }

    pub(crate) fn log_likelihood(&self, person: PersonIx, seen: &Seen) -> f64 {
        match self.templates.get(&person) {
            Some(template) if person != STRANGER => template.log_likelihood(seen, 0.0),
            _ => 0.0,
        }
    }

    /// Templates learnt anew from all stretches that are remembered; those of the others stay.
    pub(crate) fn replace(&mut self, mut templates: BTreeMap<PersonIx, Template>) {
        templates.remove(&STRANGER);
        for (person, folded) in &self.folded {
            templates.entry(*person).or_default().join(folded);
        }
        self.templates = templates;
    }

    pub(crate) fn keep(&mut self, known: impl Fn(PersonIx) -> bool) {
        self.templates.retain(|person, _| known(*person));
        self.folded.retain(|person, _| known(*person));
        self.unplaced.retain(|person| known(*person));
    }
}

impl Template {
    fn join(&mut self, other: &Self) {
        if other.sum.is_empty() {
            return;
        }
        if self.sum.len() != other.sum.len() {
            *self = other.clone();
            return;
        }
        self.precision += other.precision;
        for (a, b) in self.sum.iter_mut().zip(&other.sum) {
            *a += b;
        }
    }
}
