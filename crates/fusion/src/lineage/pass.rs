//! Messages forwards and backwards over all stretches, and what they come to.

use super::{Lineage, Origin, SegmentIx, told};
use crate::clothes::Template;
use crate::identity::{Identity, PersonIx, STRANGER};
use std::collections::BTreeMap;

/// One run of the messages. Rows are stretches; a row's entries are the people it may be of.
pub(super) struct Pass<'a> {
    lineage: &'a Lineage,
    /// Where each row begins in the tables, and where the last one ends.
    starts: Vec<usize>,
    persons: Vec<PersonIx>,
    pub prior: Vec<f64>,
    /// Log likelihoods of what was seen and told.
    local: Vec<f64>,
    /// Log likelihoods of what came later.
    later: Vec<f64>,
    pub marginal: Vec<f64>,
}

/// Likelihood, against the best, of somebody whom a row leaves out.
const LEFT_OUT: f64 = 1e-9;

impl<'a> Pass<'a> {
    pub fn new(lineage: &'a Lineage) -> Self {
        let mut pass = Self {
            lineage,
            starts: vec![0],
            persons: Vec::new(),
            prior: Vec::new(),
            local: Vec::new(),
            later: Vec::new(),
            marginal: Vec::new(),
        };
        for (i, s) in lineage.segments.iter().enumerate() {
            let filtered;
            let who = match &s.smoothed {
                Some(who) if !s.open => who,
                _ => {
                    filtered = lineage.filtered(SegmentIx(lineage.first + i as u64));
                    &filtered
                }
            };
            let prior = if s.stands { who } else { &s.prior };
            for (person, p) in prior.iter() {
                pass.persons.push(person);
                pass.prior.push(p);
                pass.marginal.push(who.of(person));
                // Whose it was is all that it has to say.
                pass.local.push(if s.stands { p.ln() } else { 0.0 });
            }
            pass.starts.push(pass.persons.len());
        }
        pass.later.resize(pass.persons.len(), 0.0);
        pass
    }

    /// The rows that are smoothed.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = usize> + use<'a> {
        let segments = &self.lineage.segments;
        (0..segments.len()).filter(|row| !segments[*row].stands)
    }

    fn stands(&self, row: usize) -> bool {
        self.lineage.segments[row].stands
    }

    fn row(&self, ix: SegmentIx) -> Option<usize> {
        let at = usize::try_from(ix.0.checked_sub(self.lineage.first)?).ok()?;
        (at < self.lineage.segments.len()).then_some(at)
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }

    /// The same where what comes later still matters; nothing of a row that stands.
    fn open_range(&self, row: usize) -> std::ops::Range<usize> {
        let range = self.range(row);
        if self.stands(row) { 0..0 } else { range }
    }

    /// A row of a linear table as a distribution.
    pub fn identity(&self, row: usize, table: &[f64]) -> Identity {
        let range = self.range(row);
        Identity::from_weights(
            self.persons[range.clone()]
                .iter()
                .copied()
                .zip(table[range].iter().copied()),
        )
    }

    /// Learns what everybody wears from whose the stretches are, and weighs each stretch by what is
    /// worn in all the others.
    pub fn weigh_clothes(&mut self) {
        let segments = &self.lineage.segments;
        let wardrobe = &self.lineage.wardrobe;
        let mut templates: BTreeMap<PersonIx, Template> = BTreeMap::new();
        for row in self.rows() {
            let s = &segments[row];
            for k in self.range(row) {
                if self.persons[k] != STRANGER && self.marginal[k] > 0.03 {
                    templates
                        .entry(self.persons[k])
                        .or_insert_with_key(|p| wardrobe.folded(*p).cloned().unwrap_or_default())
                        .add(&s.seen, wardrobe.taught(self.persons[k], self.marginal[k]));
                }
            }
        }
        for row in self.rows() {
            let s = &segments[row];
            for k in self.range(row) {
                let person = self.persons[k];
                let own = if self.marginal[k] > 0.03 {
                    wardrobe.taught(person, self.marginal[k])
                } else {
                    0.0
                };
                let worn = templates
                    .get(&person)
                    .or_else(|| wardrobe.folded(person))
                    .map_or(0.0, |t| t.log_likelihood(&s.seen, own));
                self.local[k] = worn + told(s, person);
            }
        }
    }

    /// Whose a stretch is by what was before it and itself.
    fn filtered(&self, row: usize, out: &mut Message) {
        out.fill(self, row, |k| self.local[k], Some(&self.prior));
        out.normalise();
    }

    /// How probable what was seen and told of a stretch, and what came later, is by who it was.
    fn evidence(&self, row: usize, out: &mut Message) {
        out.fill(self, row, |k| self.local[k] + self.later[k], None);
    }

    pub fn forward(&mut self) {
        let (mut fa, mut fb, mut lam) = Default::default();
        let mut message = Vec::new();
        for i in self.rows() {
            let range = self.range(i);
            message.clear();
            message.resize(range.len(), 0.0);
            match &self.lineage.segments[i].origin {
                Origin::Root => continue,
                Origin::Meeting {
                    own,
                    other,
                    twin,
                    swap,
                } => {
                    let (Some(a), Some(b), Some(t)) =
                        (self.row(*own), self.row(*other), self.row(*twin))
                    else {
                        continue;
                    };
                    self.filtered(a, &mut fa);
                    self.filtered(b, &mut fb);
                    self.evidence(t, &mut lam);
                    let kept = (1.0 - swap) * fb.dot(&lam);
                    let swapped = swap * fa.dot(&lam);
                    for (x, person) in message.iter_mut().zip(&self.persons[range.clone()]) {
                        *x = kept * fa.of(*person, 0.0) + swapped * fb.of(*person, 0.0);
                    }
                }
                Origin::Heir { sources, others } => {
                    for (source, w) in sources {
                        let Some(a) = self.row(*source) else { continue };
                        self.filtered(a, &mut fa);
                        for (x, person) in message.iter_mut().zip(&self.persons[range.clone()]) {
                            *x += w * fa.of(*person, 0.0);
                        }
                    }
                    for (x, person) in message.iter_mut().zip(&self.persons[range.clone()]) {
                        *x += weight_of(others, *person);
                    }
                }
            }
            let total: f64 = message.iter().sum();
            if total > 0.0 && total.is_finite() {
                for (p, x) in self.prior[range].iter_mut().zip(&message) {
                    *p = x / total;
                }
            }
        }
    }

    pub fn backward(&mut self) {
        self.later.iter_mut().for_each(|x| *x = 0.0);
        let (mut fa, mut fb): (Message, Message) = Default::default();
        let (mut la, mut lb): (Message, Message) = Default::default();
        for i in self.rows().rev() {
            match &self.lineage.segments[i].origin {
                Origin::Root => {}
                Origin::Meeting {
                    own,
                    other,
                    twin,
                    swap,
                } => {
                    let (Some(a), Some(b), Some(t)) =
                        (self.row(*own), self.row(*other), self.row(*twin))
                    else {
                        continue;
                    };
                    // The pair is told once, by its later half, when all that follows it has been.
                    if t > i || (self.stands(a) && self.stands(b)) {
                        continue;
                    }
                    self.filtered(a, &mut fa);
                    self.filtered(b, &mut fb);
                    self.evidence(i, &mut la);
                    self.evidence(t, &mut lb);
                    let (a_by_a, a_by_b) = (fa.dot(&la), fb.dot(&la));
                    let (b_by_a, b_by_b) = (fa.dot(&lb), fb.dot(&lb));
                    for k in self.open_range(a) {
                        let (x, y) = (
                            la.of(self.persons[k], LEFT_OUT),
                            lb.of(self.persons[k], LEFT_OUT),
                        );
                        let to_a = (1.0 - swap) * x * b_by_b + swap * y * a_by_b;
                        self.later[k] += to_a.max(1e-12).ln();
                    }
                    for k in self.open_range(b) {
                        let (x, y) = (
                            la.of(self.persons[k], LEFT_OUT),
                            lb.of(self.persons[k], LEFT_OUT),
                        );
                        let to_b = (1.0 - swap) * y * a_by_a + swap * x * b_by_a;
                        self.later[k] += to_b.max(1e-12).ln();
                    }
                }
                Origin::Heir { sources, others } => {
                    if sources
                        .iter()
                        .all(|(s, _)| self.row(*s).is_none_or(|a| self.stands(a)))
                    {
                        continue;
                    }
                    self.evidence(i, &mut la);
                    let mut each = Vec::new();
                    let (mut total, mut weight) = (0.0, 0.0);
                    for (source, w) in sources {
                        let Some(a) = self.row(*source) else { continue };
                        self.filtered(a, &mut fa);
                        let mean = fa.dot(&la);
                        total += w * mean;
                        weight += w;
                        each.push((a, *w, mean));
                    }
                    for (person, w) in others {
                        total += w * la.of(*person, LEFT_OUT);
                        weight += w;
                    }
                    if weight <= 0.0 {
                        continue;
                    }
                    for (a, w, mean) in each {
                        let rest = total - w * mean;
                        for k in self.open_range(a) {
                            let to_a = (rest + w * la.of(self.persons[k], LEFT_OUT)) / weight;
                            self.later[k] += to_a.max(1e-12).ln();
                        }
                    }
                }
            }
        }
    }

    pub fn conclude(&mut self) {
        let mut out = Message::default();
        for i in self.rows() {
            out.fill(
                self,
                i,
                |k| self.local[k] + self.later[k],
                Some(&self.prior),
            );
            if out.normalise() {
                let range = self.range(i);
                self.marginal[range].copy_from_slice(&out.values);
            }
        }
    }
}

fn weight_of(weights: &[(PersonIx, f64)], person: PersonIx) -> f64 {
    weights
        .iter()
        .filter(|(p, _)| *p == person)
        .map(|(_, w)| w)
        .sum()
}

/// Values by person, kept to be filled again.
#[derive(Default)]
struct Message {
    persons: Vec<PersonIx>,
    values: Vec<f64>,
}

impl Message {
    /// exp of a log table, times a linear one, scaled to a largest factor of 1.
    fn fill(
        &mut self,
        pass: &Pass<'_>,
        row: usize,
        log: impl Fn(usize) -> f64,
        linear: Option<&[f64]>,
    ) {
        let range = pass.range(row);
        self.persons.clear();
        self.persons.extend_from_slice(&pass.persons[range.clone()]);
        self.values.clear();
        self.values.extend(range.clone().map(log));
        let top = self
            .values
            .iter()
            .zip(range.clone())
            .filter(|(_, k)| linear.is_none_or(|l| l[*k] > 0.0))
            .map(|(v, _)| *v)
            .fold(f64::NEG_INFINITY, f64::max);
        for (v, k) in self.values.iter_mut().zip(range) {
            *v = (*v - top).min(50.0).exp() * linear.map_or(1.0, |l| l[k]);
        }
    }

    fn normalise(&mut self) -> bool {
        let total: f64 = self.values.iter().sum();
        let fine = total > 0.0 && total.is_finite();
        if fine {
            self.values.iter_mut().for_each(|v| *v /= total);
        }
        fine
    }

    fn of(&self, person: PersonIx, otherwise: f64) -> f64 {
        self.persons
            .binary_search(&person)
            .map_or(otherwise, |i| self.values[i])
    }

    fn dot(&self, other: &Self) -> f64 {
        self.persons
            .iter()
            .zip(&self.values)
            .map(|(p, v)| v * other.of(*p, LEFT_OUT))
            .sum()
    }
}
