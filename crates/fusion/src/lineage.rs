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
            let who = s.smoothed.as_ref().unwrap_or(&s.prior);
            for (person, p) in who.iter() {
                self.wardrobe.fold(person, &s.seen, p);
            }
        }
    }

    /// Runs the messages forwards and backwards over all that is remembered, so that what was seen
    /// later says who it was before.
    pub(crate) fn smooth(&mut self, people: &People) {
        let mut persons = vec![STRANGER];
        persons.extend(people.all());
        let mut pass = Pass::new(self, persons);
        for _ in 0..ROUNDS {
            pass.weigh_clothes();
            pass.forward();
            pass.backward();
            pass.forward();
            pass.conclude();
        }
        let Pass {
            persons,
            prior,
            marginal,
            ..
        } = pass;
        let n = persons.len();
        let identity =
            |row: &[f64]| Identity::from_weights(persons.iter().copied().zip(row.iter().copied()));
        let mut templates: BTreeMap<PersonIx, Template> = BTreeMap::new();
        for (i, s) in self.segments.iter_mut().enumerate() {
            let row = &marginal[i * n..(i + 1) * n];
            let who = identity(row);
            if !matches!(s.origin, Origin::Root) {
                s.prior = identity(&prior[i * n..(i + 1) * n]);
            }
            if !s.open {
                for (person, p) in who.iter() {
                    templates.entry(person).or_default().add(&s.seen, p);
                }
            }
            s.smoothed = Some(who);
        }
        self.wardrobe.replace(templates);
    }
}

fn told(s: &Segment, person: PersonIx) -> f64 {
    s.told
        .iter()
        .find(|(p, _)| *p == person)
        .map_or(0.0, |(_, l)| *l)
}

/// One run of the messages: tables of stretches × people.
struct Pass<'a> {
    lineage: &'a Lineage,
    persons: Vec<PersonIx>,
    prior: Vec<f64>,
    /// Log likelihoods of what was seen and told.
    local: Vec<f64>,
    /// Log likelihoods of what came later.
    later: Vec<f64>,
    marginal: Vec<f64>,
}

impl<'a> Pass<'a> {
    fn new(lineage: &'a Lineage, persons: Vec<PersonIx>) -> Self {
        let (rows, n) = (lineage.segments.len(), persons.len());
        let mut pass = Self {
            lineage,
            prior: vec![0.0; rows * n],
            local: vec![0.0; rows * n],
            later: vec![0.0; rows * n],
            marginal: vec![0.0; rows * n],
            persons,
        };
        for (i, s) in lineage.segments.iter().enumerate() {
            let filtered = lineage.filtered(SegmentIx(lineage.first + i as u64));
            for (j, person) in pass.persons.iter().enumerate() {
                pass.prior[i * n + j] = s.prior.of(*person);
                pass.marginal[i * n + j] = match &s.smoothed {
                    Some(who) if !s.open => who.of(*person),
                    _ => filtered.of(*person),
                };
            }
        }
        pass
    }

    fn row(&self, ix: SegmentIx) -> Option<usize> {
        let at = usize::try_from(ix.0.checked_sub(self.lineage.first)?).ok()?;
        (at < self.lineage.segments.len()).then_some(at)
    }

    /// Learns what everybody wears from whose the stretches are, and weighs each stretch by what is
    /// worn in all the others.
    fn weigh_clothes(&mut self) {
        let n = self.persons.len();
        let segments = &self.lineage.segments;
        let mut templates: Vec<Template> = self
            .persons
            .iter()
            .map(|p| self.lineage.wardrobe.folded(*p))
            .collect();
        for (i, s) in segments.iter().enumerate() {
            for (j, template) in templates.iter_mut().enumerate().skip(1) {
                template.add(&s.seen, self.marginal[i * n + j]);
            }
        }
        for (i, s) in segments.iter().enumerate() {
            for (j, template) in templates.iter().enumerate() {
                let own = self.marginal[i * n + j];
                // Where it cannot be them it does not matter what they wear.
                let worn = if j == 0 {
                    0.0
                } else {
                    template.log_likelihood(&s.seen, own)
                };
                self.local[i * n + j] = worn + told(s, self.persons[j]);
            }
        }
    }

    /// Whose a stretch is by what was before it and itself.
    fn filtered(&self, row: usize, out: &mut Vec<f64>) {
        let n = self.persons.len();
        self.product(row, &[&self.local], Some(&self.prior), out);
        let total: f64 = out.iter().sum();
        if total > 0.0 {
            out.iter_mut().for_each(|x| *x /= total);
        } else {
            out.clear();
            out.extend_from_slice(&self.prior[row * n..(row + 1) * n]);
        }
    }

    /// exp of the sum of log tables, times a linear one, scaled to a largest value of 1.
    fn product(
        &self,
        row: usize,
        logs: &[&Vec<f64>],
        linear: Option<&Vec<f64>>,
        out: &mut Vec<f64>,
    ) {
        let n = self.persons.len();
        out.clear();
        for j in 0..n {
            let log: f64 = logs.iter().map(|l| l[row * n + j]).sum();
            out.push(log);
        }
        let mut top = f64::NEG_INFINITY;
        for (j, log) in out.iter().enumerate() {
            if linear.is_none_or(|l| l[row * n + j] > 0.0) {
                top = top.max(*log);
            }
        }
        for (j, x) in out.iter_mut().enumerate() {
            *x = (*x - top).min(50.0).exp() * linear.map_or(1.0, |l| l[row * n + j]);
        }
    }

    fn forward(&mut self) {
        let n = self.persons.len();
        let (mut fa, mut fb, mut lam) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..self.lineage.segments.len() {
            let mut message = vec![0.0; n];
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
                    self.product(t, &[&self.local, &self.later], None, &mut lam);
                    let kept = (1.0 - swap) * dot(&fb, &lam);
                    let swapped = swap * dot(&fa, &lam);
                    for (x, (a, b)) in message.iter_mut().zip(fa.iter().zip(&fb)) {
                        *x = kept * a + swapped * b;
                    }
                }
                Origin::Heir { sources, others } => {
                    for (source, w) in sources {
                        let Some(a) = self.row(*source) else { continue };
                        self.filtered(a, &mut fa);
                        for (x, a) in message.iter_mut().zip(&fa) {
                            *x += w * a;
                        }
                    }
                    for (person, w) in others {
                        if let Ok(j) = self.persons.binary_search(person) {
                            message[j] += w;
                        }
                    }
                }
            }
            let total: f64 = message.iter().sum();
            if total > 0.0 && total.is_finite() {
                for (p, x) in self.prior[i * n..(i + 1) * n].iter_mut().zip(&message) {
                    *p = x / total;
                }
            }
        }
    }

    fn backward(&mut self) {
        let n = self.persons.len();
        self.later.iter_mut().for_each(|x| *x = 0.0);
        let (mut fa, mut fb) = (Vec::new(), Vec::new());
        let (mut la, mut lb) = (Vec::new(), Vec::new());
        for i in (0..self.lineage.segments.len()).rev() {
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
                    if t > i {
                        continue;
                    }
                    self.filtered(a, &mut fa);
                    self.filtered(b, &mut fb);
                    self.product(i, &[&self.local, &self.later], None, &mut la);
                    self.product(t, &[&self.local, &self.later], None, &mut lb);
                    let (a_by_a, a_by_b) = (dot(&fa, &la), dot(&fb, &la));
                    let (b_by_a, b_by_b) = (dot(&fa, &lb), dot(&fb, &lb));
                    for j in 0..n {
                        let to_a = (1.0 - swap) * la[j] * b_by_b + swap * lb[j] * a_by_b;
                        let to_b = (1.0 - swap) * lb[j] * a_by_a + swap * la[j] * b_by_a;
                        self.later[a * n + j] += to_a.max(1e-12).ln();
                        self.later[b * n + j] += to_b.max(1e-12).ln();
                    }
                }
                Origin::Heir { sources, others } => {
                    self.product(i, &[&self.local, &self.later], None, &mut la);
                    let mut each = Vec::new();
                    let (mut total, mut weight) = (0.0, 0.0);
                    for (source, w) in sources {
                        let Some(a) = self.row(*source) else { continue };
                        self.filtered(a, &mut fa);
                        let mean = dot(&fa, &la);
                        total += w * mean;
                        weight += w;
                        each.push((a, *w, mean));
                    }
                    for (person, w) in others {
                        if let Ok(j) = self.persons.binary_search(person) {
                            total += w * la[j];
                            weight += w;
                        }
                    }
                    if weight <= 0.0 {
                        continue;
                    }
                    for (a, w, mean) in each {
                        let rest = total - w * mean;
                        for (later, l) in self.later[a * n..(a + 1) * n].iter_mut().zip(&la) {
                            let to_a = (rest + w * l) / weight;
                            *later += to_a.max(1e-12).ln();
                        }
                    }
                }
            }
        }
    }

    fn conclude(&mut self) {
        let n = self.persons.len();
        let mut out = Vec::new();
        for i in 0..self.lineage.segments.len() {
            self.product(i, &[&self.local, &self.later], Some(&self.prior), &mut out);
            let total: f64 = out.iter().sum();
            if total > 0.0 && total.is_finite() {
                for (m, x) in self.marginal[i * n..(i + 1) * n].iter_mut().zip(&out) {
                    *m = x / total;
                }
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// How long stretches are remembered beyond the earliest entry of those inside.
pub(crate) const KEEP: TimeDelta = TimeDelta::from_secs(60);
