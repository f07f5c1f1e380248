//! The history of who is who: stretches of tracks between meetings, joined by what may have happened
//! where they meet, with what was seen and told of each. See `docs/fusion.md`, "Identity".
//!
//! Forward in time, a stretch has a prior from those before it; what people wear and what they do
//! weighs it. Once a session is over the messages also run backwards ([`Lineage::smooth`]): what came
//! later says who it was before.

use crate::clothes::{Seen, Template, Wardrobe};
use crate::identity::{Identity, People, PersonIx, STRANGER};
use std::collections::{BTreeMap, VecDeque};
use walkout_model::{StoreTime, TimeDelta};

/// Stretches kept at most; the oldest go first.
const SEGMENTS_MAX: usize = 20_000;
/// Rounds of smoothing; templates are learnt anew in each.
const ROUNDS: usize = 2;
/// A stretch that ended so long before the newest, and of which it is plain whose it was, is smoothed no more …
const PLAIN_AFTER: TimeDelta = TimeDelta::from_secs(45);
/// … from this probability on; …
const PLAIN: f64 = 0.999;
/// … and after so long in any case.
const STANDS_AFTER: TimeDelta = TimeDelta::from_secs(900);

/// A stretch, numbered in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentIx(u64);

/// A stretch of one track in which it is of one person.
#[derive(Clone, Debug)]
struct Segment {
    to: StoreTime,
    origin: Origin,
    open: bool,
    prior: Identity,
    /// Log likelihoods of what happened, by person; 0 for all others.
    told: Vec<(PersonIx, f64)>,
    seen: Seen,
    /// Whose it was, once smoothed.
    smoothed: Option<Identity>,
    /// Whether that stands: it and all before it are smoothed no more.
    stands: bool,
}

#[derive(Clone, Debug)]
enum Origin {
    /// Nothing before it matters.
    Root,
    /// Two tracks met and may have changed numbers; the next or previous one is the other's.
    Meeting {
        own: SegmentIx,
        other: SegmentIx,
        twin: SegmentIx,
        swap: f64,
    },
    /// It may go on where others ended.
    Heir {
        sources: Vec<(SegmentIx, f64)>,
        others: Vec<(PersonIx, f64)>,
    },
}

/// All stretches that are remembered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lineage {
    segments: VecDeque<Segment>,
    first: u64,
    wardrobe: Wardrobe,
}

impl Lineage {
    /// A track begins; nothing is known of it.
    pub(crate) fn begin(&mut self, t: StoreTime) -> SegmentIx {
        self.add(t, Origin::Root, Identity::stranger(), Seen::default())
    }

    fn add(&mut self, t: StoreTime, origin: Origin, prior: Identity, seen: Seen) -> SegmentIx {
        while self.segments.len() >= SEGMENTS_MAX {
            self.drop_oldest();
        }
        let ix = SegmentIx(self.first + self.segments.len() as u64);
        self.segments.push_back(Segment {
            to: t,
            origin,
            open: true,
            prior,
            told: Vec::new(),
            seen,
            smoothed: None,
            stands: false,
        });
        ix
    }

    fn get(&self, ix: SegmentIx) -> Option<&Segment> {
        let at = ix.0.checked_sub(self.first)?;
        self.segments.get(usize::try_from(at).ok()?)
    }

    fn get_mut(&mut self, ix: SegmentIx) -> Option<&mut Segment> {
        let at = ix.0.checked_sub(self.first)?;
        self.segments.get_mut(usize::try_from(at).ok()?)
    }

    /// It is still seen.
    pub(crate) fn touch(&mut self, ix: SegmentIx, t: StoreTime) {
        if let Some(s) = self.get_mut(ix) {
            s.to = s.to.max(t);
        }
    }

    /// What somebody wore.
    pub(crate) fn look(&mut self, ix: SegmentIx, t: StoreTime, look: &[f32]) {
        if let Some(s) = self.get_mut(ix) {
            s.seen.add(t, look);
        }
    }

    /// A gate says who it is.
    pub(crate) fn name(&mut self, ix: SegmentIx, who: Identity) {
        if let Some(s) = self.get_mut(ix) {
            s.origin = Origin::Root;
            s.prior = who;
        }
    }

    /// Something happened that is more or less probable by who it is: natural logs.
    pub(crate) fn tell(&mut self, ix: SegmentIx, person: PersonIx, log: f64) {
        if let Some(s) = self.get_mut(ix) {
            match s.told.iter_mut().find(|(p, _)| *p == person) {
                Some((_, sum)) => *sum += log,
                None => s.told.push((person, log)),
            }
        }
    }

    /// It goes on where one of the sources ended, or is one of the others, by weight.
    pub(crate) fn inherit(
        &mut self,
        ix: SegmentIx,
        sources: Vec<(SegmentIx, f64)>,
        others: Vec<(PersonIx, f64)>,
    ) {
        let mut weights = others.clone();
        for (source, w) in &sources {
            weights.extend(self.filtered(*source).iter().map(|(p, q)| (p, q * w)));
        }
        let prior = Identity::from_weights(weights);
        if let Some(s) = self.get_mut(ix) {
            s.prior = prior;
            s.origin = Origin::Heir { sources, others };
        }
    }

    /// Two tracks met and have changed numbers with this probability: both go on as new stretches.
    pub(crate) fn meet(
        &mut self,
        a: SegmentIx,
        b: SegmentIx,
        t: StoreTime,
        swap: f64,
    ) -> (SegmentIx, SegmentIx) {
        let (fa, fb) = (self.filtered(a), self.filtered(b));
        let blend = |x: &Identity, y: &Identity| {
            Identity::from_weights(
                x.iter()
                    .map(|(p, w)| (p, w * (1.0 - swap)))
                    .chain(y.iter().map(|(p, w)| (p, w * swap))),
            )
        };
        let (pa, pb) = (blend(&fa, &fb), blend(&fb, &fa));
        let seen = |s: Option<&Segment>| s.map_or_else(Seen::default, |s| s.seen.follow());
        let (sa, sb) = (seen(self.get(a)), seen(self.get(b)));
        self.close(a, &fa);
        self.close(b, &fb);
        let next = self.first + self.segments.len() as u64;
        let ib = SegmentIx(next + 1);
        let origin = |own, other, twin| Origin::Meeting {
            own,
            other,
            twin,
            swap,
        };
        let ia = self.add(t, origin(a, b, ib), pa, sa);
        let ib = self.add(t, origin(b, a, ia), pb, sb);
        (ia, ib)
    }

    /// Whether it is smoothed no more.
    pub(crate) fn stands(&self, ix: SegmentIx) -> bool {
        self.get(ix).is_none_or(|s| s.stands)
    }

    /// Whether it goes on.
    pub(crate) fn is_open(&self, ix: SegmentIx) -> bool {
        self.get(ix).is_some_and(|s| s.open)
    }

    /// Whether so much was seen of it that others had better learn of it.
    pub(crate) fn is_long(&self, ix: SegmentIx) -> bool {
        self.get(ix).is_some_and(|s| s.open && s.seen.is_much())
    }

    /// The same person as another stretch.
    pub(crate) fn go_on(&mut self, ix: SegmentIx, t: StoreTime) -> SegmentIx {
        let who = self.filtered(ix);
        let seen = self.get(ix).map_or_else(Seen::default, |s| s.seen.follow());
        self.close(ix, &who);
        let origin = Origin::Heir {
            sources: vec![(ix, 1.0)],
            others: Vec::new(),
        };
        self.add(t, origin, who, seen)
    }

    /// Its track has ended, or goes on as another stretch.
    pub(crate) fn end(&mut self, ix: SegmentIx) {
        let f = self.filtered(ix);
        self.close(ix, &f);
    }

    fn close(&mut self, ix: SegmentIx, who: &Identity) {
        let at = ix.0.checked_sub(self.first).map(|i| i as usize);
        if let Some(s) = at.and_then(|i| self.segments.get_mut(i))
            && s.open
        {
            s.open = false;
            // What was concluded while it went on is out of date.
            s.smoothed = None;
            for (person, p) in who.iter() {
                self.wardrobe.learn(person, &s.seen, p);
            }
        }
    }

    /// Who it is by all that was so up to now.
    pub(crate) fn filtered(&self, ix: SegmentIx) -> Identity {
        let Some(s) = self.get(ix) else {
            return Identity::stranger();
        };
        Identity::from_logs(s.prior.iter().map(|(person, p)| {
            let told = told(s, person);
            let worn = self.wardrobe.log_likelihood(person, &s.seen);
            (person, p.ln() + told + worn)
        }))
    }

    /// Who it was by all that is known: smoothed where that was done.
    pub(crate) fn identity(&self, ix: SegmentIx) -> Identity {
        match self.get(ix) {
            Some(Segment {
                open: false,
                smoothed: Some(who),
                ..
            }) => who.clone(),
            _ => self.filtered(ix),
        }
    }

    /// Forgets stretches that ended before `t`, and the clothes of people nobody knows any more.
    pub(crate) fn forget(&mut self, t: StoreTime, people: &People) {
        while self.segments.front().is_some_and(|s| !s.open && s.to < t) {
            self.drop_oldest();
        }
        self.wardrobe.keep(|person| people.get(person).is_some());
    }

    fn drop_oldest(&mut self) {
        if let Some(s) = self.segments.pop_front() {
            self.first += 1;
            if s.stands {
                return;
            }
            let who = s.smoothed.as_ref().unwrap_or(&s.prior);
            for (person, p) in who.iter() {
                self.wardrobe.fold(person, &s.seen, p);
            }
        }
    }

    /// Somebody is inside whom no gate saw come in.
    pub(crate) fn unplaced(&mut self, person: PersonIx) {
        self.wardrobe.unplaced(person);
    }

    /// Runs the messages forwards and backwards over all that is remembered, so that what was seen
    /// later says who it was before.
    pub(crate) fn smooth(&mut self) {
        let mut pass = Pass::new(self);
        for _ in 0..ROUNDS {
            pass.weigh_clothes();
            pass.forward();
            pass.backward();
            pass.forward();
            pass.conclude();
        }
        let concluded: Vec<(usize, Identity, Identity)> = pass
            .rows()
            .map(|row| {
                (
                    row,
                    pass.identity(row, &pass.prior),
                    pass.identity(row, &pass.marginal),
                )
            })
            .collect();
        let mut templates: BTreeMap<PersonIx, Template> = BTreeMap::new();
        for (row, prior, who) in concluded {
            let Some(s) = self.segments.get_mut(row) else {
                continue;
            };
            if !matches!(s.origin, Origin::Root) {
                s.prior = prior;
            }
            if !s.open {
                for (person, p) in who.iter() {
                    let p = self.wardrobe.taught(person, p);
                    templates.entry(person).or_default().add(&s.seen, p);
                }
            }
            s.smoothed = Some(who);
        }
        self.wardrobe.replace(templates);
        self.let_stand();
    }

    /// Ends the smoothing of stretches that nothing to come can change, so that it costs what is open and not all
    /// that is remembered.
    fn let_stand(&mut self) {
        let Some(newest) = self.segments.iter().map(|s| s.to).max() else {
            return;
        };
        for row in 0..self.segments.len() {
            let Some(s) = self.segments.get(row).filter(|s| !s.stands && !s.open) else {
                continue;
            };
            let age = newest.since(s.to);
            let plain = s.smoothed.as_ref().is_some_and(|who| {
                age > STANDS_AFTER || age > PLAIN_AFTER && who.iter().any(|(_, p)| p >= PLAIN)
            });
            let stands = |ix: &SegmentIx| self.get(*ix).is_none_or(|s| s.stands);
            let all_before = match &s.origin {
                Origin::Root => true,
                Origin::Meeting { own, other, .. } => stands(own) && stands(other),
                Origin::Heir { sources, .. } => sources.iter().all(|(source, _)| stands(source)),
            };
            if !plain || !all_before {
                continue;
            }
            if let Some(s) = self.segments.get_mut(row) {
                s.stands = true;
                for (person, p) in s.smoothed.iter().flat_map(Identity::iter) {
                    self.wardrobe.fold(person, &s.seen, p);
                }
            }
        }
    }
}

fn told(s: &Segment, person: PersonIx) -> f64 {
    s.told
        .iter()
        .find(|(p, _)| *p == person)
        .map_or(0.0, |(_, l)| *l)
}

/// One run of the messages. Rows are stretches; a row's entries are the people it may be of.
struct Pass<'a> {
    lineage: &'a Lineage,
    /// Where each row begins in the tables, and where the last one ends.
    starts: Vec<usize>,
    persons: Vec<PersonIx>,
    prior: Vec<f64>,
    /// Log likelihoods of what was seen and told.
    local: Vec<f64>,
    /// Log likelihoods of what came later.
    later: Vec<f64>,
    marginal: Vec<f64>,
}

/// Likelihood, against the best, of somebody whom a row leaves out.
const LEFT_OUT: f64 = 1e-9;

impl<'a> Pass<'a> {
    fn new(lineage: &'a Lineage) -> Self {
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
    fn rows(&self) -> impl DoubleEndedIterator<Item = usize> + use<'a> {
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
    fn identity(&self, row: usize, table: &[f64]) -> Identity {
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
    fn weigh_clothes(&mut self) {
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

    fn forward(&mut self) {
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

    fn backward(&mut self) {
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

    fn conclude(&mut self) {
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

/// How long stretches are remembered beyond the earliest entry of those inside.
pub(crate) const KEEP: TimeDelta = TimeDelta::from_secs(60);
