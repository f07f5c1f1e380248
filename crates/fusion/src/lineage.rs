//! The history of who is who: stretches of tracks between meetings, joined by what may have happened
//! where they meet, with what was seen and told of each. See `docs/fusion.md`, "Identity".
//!
//! Forward in time, a stretch has a prior from those before it; what people wear and what they do
//! weighs it. Once a session is over the messages also run backwards ([`Lineage::smooth`]): what came
//! later says who it was before.

mod pass;

use crate::clothes::{Seen, Template, Wardrobe};
use crate::identity::{Identity, People, PersonIx};
use pass::Pass;
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

/// How long stretches are remembered beyond the earliest entry of those inside.
pub(crate) const KEEP: TimeDelta = TimeDelta::from_secs(60);

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
