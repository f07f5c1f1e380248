//! The log of what was done, as far as it was seen: an engine goes through it again once more is known.

use crate::belief::Belief;
use crate::decide;
use crate::exchange::Exchange;
use crate::handing::{self, HandOver, Meeting};
use crate::hypotheses::{Hypothesis, OF_ONE_TIME, are_entwined};
use crate::lineage::SegmentIx;
use crate::pairing::Revision;
use crate::people::Witness;
use crate::streak::{self, Streak, Took};
use crate::together::{self, Made};
use std::sync::Arc;
use walkout_model::{LaneIx, PlateHealth, StoreTime, TimeDelta, WeightStep};

/// A hand-over less probable than this changes no answer.
const WORTH_TELLING: f64 = 0.05;
/// What was made farther apart in time says nothing of a deed.
const MADE_ABOUT: TimeDelta = TimeDelta(2 * together::WINDOW.0);
/// Deeds that may have to be explained together, one linked to the next, lie no farther apart.
pub(crate) const LINKED_WITHIN: TimeDelta = TimeDelta::from_secs(8);
/// An exchange lasts no longer than this.
const EXCHANGE_LASTS: TimeDelta = TimeDelta::from_secs(8);

/// What was done, as far as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub step: WeightStep,
    /// Which part of a step whose plates moved both ways.
    pub part: usize,
    pub witness: Witness,
    /// The same at other instants at which a part of it may have been done.
    pub instants: Vec<Witness>,
    pub health: Arc<Vec<PlateHealth>>,
    pub hypotheses: Vec<Hypothesis>,
    pub x_m: f64,
    /// Who took what by this deed alone.
    pub took: Took,
    /// What became of it afterwards.
    pub handed: Vec<HandOver>,
    /// Whether it was weighed with all that there will ever be to know of who was within reach.
    pub stands: bool,
}

/// A deed with which another may have to be explained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside<'a> {
    pub deed: &'a Deed,
    /// Whether it is part of what is believed.
    pub told: bool,
}

/// Hands that met, and what may have passed between them.
#[derive(Clone, Debug)]
pub(crate) struct Handed {
    pub meeting: Meeting,
    /// The stretches of the two tracks.
    pub segments: [SegmentIx; 2],
    pub overs: Vec<HandOver>,
}

/// Something that changes what is believed.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Deed(Box<Deed>),
    Handed(Box<Handed>),
    Exchange(Box<Exchange>),
    Counted(StoreTime, LaneIx, u32),
}

impl Entry {
    pub(crate) fn t(&self) -> StoreTime {
        match self {
            Self::Deed(deed) => deed.step.t_change,
            Self::Handed(handed) => handed.meeting.t,
            Self::Exchange(exchange) => exchange.t(),
            Self::Counted(t, ..) => *t,
        }
    }

    pub(crate) fn learn(&self, belief: &mut Belief) {
        match self {
            Self::Deed(deed) => decide::learn(belief, &deed.hypotheses, &deed.step, deed.x_m),
            Self::Handed(handed) => handing::learn(belief, &handed.overs),
            Self::Exchange(exchange) => exchange.learn(belief),
            Self::Counted(_, lane, units) => belief.count(*lane, *units),
        }
    }
}

/// The deeds with which this one may have to be explained, each linked to it by others or at once. Those that were
/// told are part of what is believed.
pub(crate) fn beside<'a>(
    deed: &Deed,
    told: impl Iterator<Item = &'a Deed>,
    due: impl Iterator<Item = &'a Deed>,
) -> Vec<Beside<'a>> {
    let told = told.map(|deed| Beside { deed, told: true });
    let due = due.map(|deed| Beside { deed, told: false });
    let t = deed.step.t_change;
    let mut near: Vec<Beside<'_>> = told.chain(due).collect();
    near.sort_by_key(|b| {
        let step = &b.deed.step;
        (step.t_change.since(t).0.abs(), step.serial, b.deed.part)
    });
    let mut linked: Vec<Beside<'_>> = Vec::new();
    // The nearest ones first, so that each finds those that link it.
    for other in near {
        let links = |d: &Deed| are_entwined(&d.step, &other.deed.step);
        if linked.len() + 1 < OF_ONE_TIME && (links(deed) || linked.iter().any(|b| links(b.deed))) {
            linked.push(other);
        }
    }
    linked
}

/// What was made about the time of a deed, by the entries of the log next to a place in it.
pub(crate) fn made_about<'a>(
    log: &'a [Entry],
    at: usize,
    deed: &Deed,
) -> impl Iterator<Item = &'a Made> + use<'a> {
    let t = deed.step.t_change;
    let serial = deed.step.serial;
    let (before, after) = log.split_at(at.min(log.len()));
    deeds_of(nearby(before, after, t, MADE_ABOUT))
        .filter(move |d| d.step.serial != serial)
        .map(|d| &d.witness.made)
}

/// The deeds among entries.
pub(crate) fn deeds_of<'a>(
    entries: impl Iterator<Item = &'a Entry>,
) -> impl Iterator<Item = &'a Deed> {
    entries.filter_map(|entry| match entry {
        Entry::Deed(deed) => Some(&**deed),
        _ => None,
    })
}

/// The entries of the logs before and after an instant that are near to it.
pub(crate) fn nearby<'a>(
    before: &'a [Entry],
    after: &'a [Entry],
    t: StoreTime,
    within: TimeDelta,
) -> impl Iterator<Item = &'a Entry> + use<'a> {
    let near = move |e: &&Entry| e.t().since(t).0.saturating_abs() <= within.0;
    let before = before.iter().rev().take_while(near);
    before.chain(after.iter().take_while(near))
}

/// What the takes of the same shelf in the logs before and after a deed say of it.
pub(crate) fn streak_about(before: &[Entry], after: &[Entry], deed: &Deed) -> Streak {
    let (t, shelf) = (deed.step.t_change, deed.step.shelf);
    let others = deeds_of(nearby(before, after, t, streak::TO))
        .filter(|d| d.step.shelf == shelf && d.step.serial != deed.step.serial);
    Streak::about(t, others.map(|d| (d.step.t_change, &d.took)))
}

/// How probably no step of the logs before and after an exchange tells of goods that moved in it.
pub(crate) fn untold(before: &[Entry], after: &[Entry], exchange: &Exchange) -> f64 {
    deeds_of(nearby(before, after, exchange.t(), EXCHANGE_LASTS))
        .filter(|d| exchange.includes(&d.step))
        .map(|d| 1.0 - decide::goods(&d.hypotheses))
        .product()
}

/// Puts revised explanations in their places, and says where that is.
pub(crate) fn revise(log: &mut [Entry], revisions: Vec<Revision>) -> Vec<usize> {
    let mut places = Vec::new();
    for revision in revisions {
        let at = log.iter().rposition(|e| {
            matches!(e, Entry::Deed(d)
                if d.step.serial == revision.step.serial
                    && (d.step.delta_g > 0.0) == (revision.step.delta_g > 0.0))
        });
        if let Some(at) = at
            && let Some(Entry::Deed(deed)) = log.get_mut(at)
        {
            deed.hypotheses = Vec::clone(&revision.hypotheses);
            places.push(at);
        }
    }
    places
}

/// Tells the deeds that put into the givers' carts what may have been handed over, and says where they are.
pub(crate) fn assign(log: &mut [Entry], handed: &Handed) -> Vec<usize> {
    let mut places = Vec::new();
    for over in handed
        .overs
        .iter()
        .filter(|o| o.probability > WORTH_TELLING)
    {
        let at = log.iter().rposition(|e| match e {
            Entry::Deed(d) => d.step.t_change < over.t && gave(d, over),
            _ => false,
        });
        if let Some(at) = at
            && let Some(Entry::Deed(deed)) = log.get_mut(at)
        {
            deed.handed.push(*over);
            places.push(at);
        }
    }
    places
}

/// Whether the giver most probably had it from this deed, and still has.
fn gave(deed: &Deed, over: &HandOver) -> bool {
    let mut holder = None;
    if let Some(best) = deed.hypotheses.first() {
        for part in &best.parts {
            if part.sku == Some(over.sku) && part.quantity > 0 {
                holder = Some((part.who, part.quantity));
            }
        }
    }
    let Some((mut who, units)) = holder else {
        return false;
    };
    if units > 1 {
        let gone = deed.handed.iter().filter(|h| h.probability > 0.5).count();
        return who == over.giver && (gone as i32) < units;
    }
    for h in deed.handed.iter().filter(|h| h.probability > 0.5) {
        if h.giver == who {
            who = h.receiver;
        }
    }
    who == over.giver
}
