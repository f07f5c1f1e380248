//! One run of the inference over one stream of observations: people and their tracks, and a log of
//! deeds that can be gone through again once more is known. Two of these make a [`crate::Fusion`].

mod again;
mod watching;

use crate::belief::Belief;
use crate::decide;
use crate::deeds::{
    Beside, Deed, Entry, LINKED_WITHIN, beside, deeds_of, made_about, nearby, revise, streak_about,
};
use crate::gates::{GateEvent, Gates};
use crate::handing::{self, Habit};
use crate::hypotheses::{
    self, Case, Hypothesis, are_entwined, entwined, instants, is_unread, may_yet_be_entwined,
};
use crate::identity::PersonIx;
use crate::looks::LookStore;
use crate::pairing;
use crate::people::Witness;
use crate::streak::{self, Streak, Took};
use crate::together::Made;
use crate::tracks::TrackStore;
use crate::{CLOCK_SET_BACK, FusionConfig};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use walkout_model::{
    AttributedMovement, Disturbance, GateCrossing, ItemLook, LaneIx, PlateFault, PlateHealth,
    SessionExit, SessionOpened, Shop, SkuIx, StoreTime, TimeDelta, TrackId, TrackPoint, WeightStep,
    Who,
};

/// Steps that wait for the tracks of their time, at most.
const STEPS_MAX: usize = 4_096;
/// Parts that a step can have: off the shelf, and onto it.
const PARTS_MAX: usize = 2;
/// Deeds remembered at most; the oldest are taken as they stand.
const DEEDS_MAX: usize = 4_096;
/// From this probability on it is no question whether somebody did it whom no code let in, only who that was.
const SURELY_A_STRANGER: f32 = 0.9;
/// A step waits no longer than this for others with which it may have to be explained.
const WAITS_FOR_OTHERS: TimeDelta = TimeDelta::from_secs(6);
/// So long before and after an instant the same people are inside unseen.
const MISSING_LASTS: TimeDelta = TimeDelta::from_millis(500);
/// How often identities are smoothed while it is undecided who went out.
const SMOOTH_AGAIN: TimeDelta = TimeDelta::from_secs(1);
/// From this probability on goods are said to come back before their mass is known.
const SEEN_COMING: f32 = 0.7;

/// What an engine concludes.
#[derive(Clone, Debug)]
pub(crate) enum EngineEvent {
    /// All that a part of a step comes to; it replaces what was said of it before.
    Explained {
        serial: u64,
        part: usize,
        movements: Vec<AttributedMovement>,
    },
    Gate(GateEvent),
}

impl EngineEvent {
    /// A part of a step of which nothing came, or comes any more.
    fn nothing(serial: u64, part: usize) -> Self {
        Self::Explained {
            serial,
            part,
            movements: Vec::new(),
        }
    }
}

/// Which of the two an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Explains at once, and never again.
    Prompt,
    /// Explains late, and again at each exit.
    Settled,
}

#[derive(Clone, Debug)]
pub(crate) struct Engine {
    role: Role,
    shop: Arc<Shop>,
    config: FusionConfig,
    tracks: TrackStore,
    looks: LookStore,
    gates: Gates,
    health: Arc<Vec<PlateHealth>>,
    /// The least that one unit of anything weighs, grams.
    lightest_g: f64,
    waiting: Vec<WeightStep>,
    /// Disturbances that wait for the looks of their time.
    disturbed: Vec<Disturbance>,
    log: Vec<Entry>,
    /// The steps that the settled engine's log holds deeds of.
    known: BTreeSet<u64>,
    /// Who is inside unseen, as it was at an instant: it takes going through all tracks, and lasts for a while.
    missing: Option<(StoreTime, Vec<(PersonIx, f64)>)>,
    /// What is believed before the log, and after it.
    base: Belief,
    belief: Belief,
    pub steps_too_light: u64,
    /// Up to when hands that met were looked for.
    met_until: Option<StoreTime>,
    /// How often something is passed on where hands meet.
    habit: Habit,
    /// When identities were smoothed last.
    smoothed: Option<StoreTime>,
    now: Option<StoreTime>,
}

impl Engine {
    pub(crate) fn new(shop: Arc<Shop>, config: FusionConfig, role: Role) -> Self {
        let belief = Belief::new(&shop);
        let lightest_g = shop
            .catalogue
            .products()
            .iter()
            .map(|p| p.unit_mass.grams() - 3.0 * p.unit_mass_sd.grams())
            .fold(f64::INFINITY, f64::min);
        Self {
            role,
            health: Arc::new(vec![PlateHealth::Good; shop.layout.plates.len()]),
            lightest_g: if lightest_g.is_finite() {
                lightest_g
            } else {
                0.0
            },
            looks: LookStore::new(config.looks),
            shop,
            config,
            tracks: TrackStore::default(),
            gates: Gates::default(),
            waiting: Vec::new(),
            disturbed: Vec::new(),
            log: Vec::new(),
            known: BTreeSet::new(),
            missing: None,
            base: belief.clone(),
            belief,
            steps_too_light: 0,
            met_until: None,
            habit: Habit::default(),
            smoothed: None,
            now: None,
        }
    }

    pub(crate) fn counted(&mut self, t: StoreTime, lane: LaneIx, units: u32) {
        let entry = Entry::Counted(t, lane, units);
        entry.learn(&mut self.belief);
        self.log.push(entry);
    }

    /// `false` if the queue is full.
    pub(crate) fn step(&mut self, step: WeightStep) -> bool {
        if self.waiting.len() >= STEPS_MAX {
            return false;
        }
        self.waiting.push(step);
        true
    }

    /// Something may have come and gone. `false` if the queue is full.
    pub(crate) fn disturbed(&mut self, disturbance: Disturbance) -> bool {
        if self.disturbed.len() >= STEPS_MAX {
            return false;
        }
        self.disturbed.push(disturbance);
        true
    }

    /// A step is taken back or about to be corrected. `false` if it is too late for that.
    pub(crate) fn withdraw(&mut self, serial: u64, out: &mut Vec<EngineEvent>) -> bool {
        let waited = self.waiting.len();
        self.waiting.retain(|s| s.serial != serial);
        if self.role == Role::Settled {
            return !self.knows(serial) || self.waiting.len() < waited;
        }
        let lineage = &mut self.tracks.lineage;
        self.log.retain_mut(|e| match e {
            Entry::Deed(d) if d.step.serial == serial => {
                d.witness.untell(lineage);
                false
            }
            _ => true,
        });
        out.extend((0..PARTS_MAX).map(|part| EngineEvent::nothing(serial, part)));
        true
    }

    /// A step that waits, taken out again.
    pub(crate) fn recall(&mut self, serial: u64) -> Option<WeightStep> {
        let at = self.waiting.iter().position(|s| s.serial == serial)?;
        Some(self.waiting.remove(at))
    }

    pub(crate) fn track(&mut self, point: TrackPoint) -> bool {
        self.tracks.push(point)
    }

    pub(crate) fn look(&mut self, look: ItemLook) -> bool {
        self.looks.push(look)
    }

    pub(crate) fn open(&mut self, opened: SessionOpened) -> bool {
        self.gates.open(opened)
    }

    /// A party was inside until `known`, before the engine began, with this in its hands. `false` if it was told before, or too many are.
    pub(crate) fn resume(
        &mut self,
        opened: SessionOpened,
        held: &[(SkuIx, u32)],
        known: StoreTime,
    ) -> bool {
        let fits = self.gates.resume(opened, known, &mut self.tracks);
        for (sku, units) in held.iter().filter(|_| fits) {
            for belief in [&mut self.base, &mut self.belief] {
                belief.add_to_cart(Who::Session(opened.session), *sku, f64::from(*units));
            }
        }
        fits
    }

    pub(crate) fn cross(&mut self, crossing: GateCrossing) -> bool {
        self.gates.cross(&self.shop, crossing)
    }

    pub(crate) fn fault(&mut self, fault: PlateFault) {
        if let Some(health) = Arc::make_mut(&mut self.health).get_mut(fault.plate.usize()) {
            *health = fault.health;
        }
    }

    /// A party has left, by the other engine, which knows better.
    pub(crate) fn has_left(&mut self, exit: &SessionExit) {
        self.gates.has_left(exit, &mut self.tracks);
    }

    /// Who a track most probably is.
    pub(crate) fn likely_party(&self, track: TrackId) -> Option<(Who, f64)> {
        self.tracks.tracks.get(&track)?;
        let who = self.tracks.identity(track);
        who.iter()
            .map(|(person, p)| (self.gates.people.who(person), p))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Whether the settled engine has explained the step and may still explain it otherwise.
    pub(crate) fn knows(&self, serial: u64) -> bool {
        self.known.contains(&serial)
    }

    /// Whether a step would be explained at `now`.
    pub(crate) fn is_due(&self, now: StoreTime) -> bool {
        self.waiting.iter().any(|s| self.ready(s, now))
    }

    /// Takes over another engine's belief and adds its own deeds that the other does not know of.
    pub(crate) fn rebase(&mut self, other: &Self) {
        let recent = self.now.unwrap_or_default() - TimeDelta::from_secs(60);
        self.log.retain(|e| match e {
            Entry::Deed(d) => d.step.t_change >= recent && !other.knows(d.step.serial),
            Entry::Handed(_) | Entry::Exchange(_) => false,
            Entry::Counted(t, ..) => other.now.is_none_or(|now| *t > now),
        });
        self.belief = other.belief.clone();
        for entry in &self.log {
            entry.learn(&mut self.belief);
        }
    }

    /// Forgets tracks and looks: the clock was set back, and those of a time to come would never be
    /// matched. Who is inside is still known.
    pub(crate) fn restart(&mut self) {
        self.tracks = TrackStore::default();
        for (person, _) in self.gates.people.inside(StoreTime(i64::MAX)) {
            self.tracks.lineage.unplaced(person);
        }
        self.looks = LookStore::new(self.config.looks);
        self.missing = None;
        self.now = None;
    }

    fn ready(&self, step: &WeightStep, now: StoreTime) -> bool {
        let settle = match self.role {
            Role::Prompt => self.config.settle,
            Role::Settled => self.config.settle_again,
        };
        let known_at = match self.role {
            Role::Prompt => step.known_at,
            // It came in order of time; when it was known does not matter.
            Role::Settled => step.t_change,
        };
        known_at.max(step.t_change + settle) <= now
    }

    /// Whether a step waits for others with which it may have to be explained: what is known of them is not all there yet.
    fn waits_for_others(&self, step: &WeightStep, now: StoreTime) -> bool {
        let may_come = |step: &WeightStep| may_yet_be_entwined(&self.shop, &self.belief, step, now);
        let mut others = self.waiting.iter();
        self.role == Role::Settled
            && now < step.t_change + WAITS_FOR_OTHERS
            && (may_come(step)
                || others.any(|s| are_entwined(step, s) && (!self.ready(s, now) || may_come(s))))
    }

    pub(crate) fn advance(&mut self, now: StoreTime, out: &mut Vec<EngineEvent>) {
        if self
            .now
            .is_some_and(|last| last.since(now) > CLOCK_SET_BACK)
        {
            self.restart();
        }
        let now = self.now.map_or(now, |last| last.max(now));
        self.now = Some(now);
        self.tracks
            .advance(now, self.config.swap_per_s, &self.gates.people);
        self.looks.advance(now);
        if self.role == Role::Settled && self.gates.are_undecided() {
            self.smooth(now, SMOOTH_AGAIN);
        }
        let busy_since = self.waiting.iter().map(|s| s.t_change).min();
        let mut gate_events = Vec::new();
        self.gates.advance(
            now,
            busy_since,
            &self.shop,
            &self.config,
            &mut self.tracks,
            &mut gate_events,
        );
        let is_due = |s: &WeightStep| self.ready(s, now) && !self.waits_for_others(s, now);
        let mut is_due = Vec::from_iter(self.waiting.iter().map(is_due)).into_iter();
        let (mut due, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|_| is_due.next() == Some(true));
        self.waiting = waiting;
        due.sort_by_key(|s| (s.t_change, s.serial));
        self.explain(&due, now, out);
        if self.role == Role::Settled {
            self.watch_plates(now, out);
            self.watch_hands(now, out);
        }
        let leaving: Vec<Who> = gate_events
            .iter()
            .filter_map(|e| match e {
                GateEvent::Exit(exit) => Some(Who::Session(exit.session)),
                GateEvent::Notice(_) => None,
            })
            .collect();
        if !leaving.is_empty() && self.role == Role::Settled {
            self.explain_again(&leaving, now, out);
        }
        out.extend(gate_events.into_iter().map(EngineEvent::Gate));
        self.forget(now);
    }

    fn explain(&mut self, due: &[WeightStep], now: StoreTime, out: &mut Vec<EngineEvent>) {
        let mut deeds = VecDeque::new();
        for step in due {
            let parts = decide::by_sign(step);
            // A step that corrects another may have fewer parts than that one had.
            for part in parts.len()..PARTS_MAX {
                out.push(EngineEvent::nothing(step.serial, part));
            }
            for (part, step) in parts.into_iter().enumerate() {
                if f64::from(step.delta_g.abs() + step.sigma_g) < 0.6 * self.lightest_g {
                    self.steps_too_light += 1;
                    out.push(EngineEvent::nothing(step.serial, part));
                } else {
                    deeds.push_back(self.deed(step, part));
                }
            }
        }
        while let Some(mut deed) = deeds.pop_front() {
            let others = made_about(&self.log, self.log.len(), &deed);
            let streak = streak_about(&self.log, &[], &deed);
            let told = deeds_of(nearby(&self.log, &[], deed.step.t_change, LINKED_WITHIN));
            let linked = beside(&deed, told, deeds.iter());
            self.weigh(&mut deed, &self.belief, others, streak, &linked);
            if !is_unread(&deed.step) {
                deed.witness.tell(
                    &decide::by_party(&deed.hypotheses),
                    &mut self.tracks.lineage,
                    &self.gates.people,
                );
            }
            out.push(self.answer(&deed, now));
            let revisions = pairing::revise(&mut self.belief, &deed.hypotheses);
            for at in revise(&mut self.log, revisions) {
                if let Some(Entry::Deed(earlier)) = self.log.get(at) {
                    out.push(self.answer(earlier, now));
                }
            }
            let serial = deed.step.serial;
            let entry = Entry::Deed(Box::new(deed));
            entry.learn(&mut self.belief);
            pairing::forget(&mut self.belief);
            self.log.push(entry);
            if self.role == Role::Settled {
                self.known.insert(serial);
            }
        }
    }

    /// A step, or a part of one, with all that was seen about it.
    fn deed(&mut self, step: WeightStep, part: usize) -> Deed {
        let missing = self.missing_at(step.t_change);
        let witness = |step: &WeightStep| {
            let (shop, config) = (&self.shop, &self.config);
            Witness::new(
                shop,
                step,
                config,
                &self.tracks,
                &self.looks,
                missing.clone(),
            )
        };
        let instants = match self.role {
            Role::Prompt => Vec::new(),
            Role::Settled => instants(&self.shop, &self.belief, &step),
        };
        let at = |t_change| {
            let step = WeightStep {
                t_change,
                ..step.clone()
            };
            witness(&step)
        };
        Deed {
            witness: witness(&step),
            instants: instants.into_iter().map(at).collect(),
            part,
            health: Arc::clone(&self.health),
            hypotheses: Vec::new(),
            x_m: 0.0,
            took: Took::new(),
            handed: Vec::new(),
            stands: false,
            step,
        }
    }

    /// Who is inside and not seen, about an instant.
    fn missing_at(&mut self, t: StoreTime) -> Vec<(PersonIx, f64)> {
        let lasts = |then: StoreTime| t.since(then).0.abs() <= MISSING_LASTS.0;
        match &self.missing {
            Some((then, missing)) if lasts(*then) => missing.clone(),
            _ => {
                let missing = self.tracks.missing(t, &self.gates.people);
                self.missing = Some((t, missing.clone()));
                missing
            }
        }
    }

    /// What a deed comes to, with all that became of it.
    fn answer(&self, deed: &Deed, now: StoreTime) -> EngineEvent {
        let mut said =
            decide::movements(&deed.step, &deed.hypotheses, &self.config, deed.part, now);
        if is_unread(&deed.step) {
            // A press is no news; goods that are seen coming back are.
            said.retain(|m| m.best.sku.is_some() && m.best.probability >= SEEN_COMING);
        }
        if !said.is_empty() {
            let (hands, looks) = deed.witness.seen(&self.tracks.lineage, &self.gates.people);
            for movement in &mut said {
                movement.evidence.hands.clone_from(&hands);
                movement.evidence.looks.clone_from(&looks);
                if movement.best.sku.is_some() && by_stranger(movement) >= SURELY_A_STRANGER {
                    let (lineage, people) = (&self.tracks.lineage, &self.gates.people);
                    movement.evidence.stranger = deed.witness.stranger(lineage, people);
                }
            }
        }
        let kind = |who: Who| self.gates.people.kind(who);
        let mut movements = Vec::new();
        for movement in said {
            let mut parts = vec![movement];
            for over in &deed.handed {
                if let Some(at) = parts.iter().position(|m| handing::concerns(m, over)) {
                    let mut changed = handing::reattribute(&parts.remove(at), over);
                    for m in &mut changed {
                        m.decision = decide::decide_again(m, kind, &self.config.costs);
                    }
                    parts.splice(at..at, changed);
                }
            }
            movements.extend(parts);
        }
        decide::ask_together(&mut movements);
        EngineEvent::Explained {
            serial: deed.step.serial,
            part: deed.part,
            movements,
        }
    }

    /// Smooths identities, if that was not done just now.
    fn smooth(&mut self, now: StoreTime, again: TimeDelta) {
        if self
            .smoothed
            .is_none_or(|t| now.since(t) >= again || now < t)
        {
            self.tracks.lineage.smooth();
            self.smoothed = Some(now);
        }
    }

    /// Explains a deed by what is believed before it; the others are what was made about that time, and `linked` are those with which
    /// it may have to be explained.
    fn weigh<'a>(
        &self,
        deed: &mut Deed,
        belief: &Belief,
        others: impl Iterator<Item = &'a Made>,
        streak: Streak,
        linked: &[Beside<'_>],
    ) {
        let free = deed.witness.free(others);
        let (lineage, people) = (&self.tracks.lineage, &self.gates.people);
        let candidates = deed
            .witness
            .candidates(lineage, people, &self.config, &free);
        let case = Case::new(
            &self.shop,
            &self.config,
            belief,
            &deed.health,
            candidates,
            streak,
            &deed.step,
        );
        for witness in &mut deed.instants {
            witness.said_as(&deed.witness);
        }
        let instants = deed.instants.iter();
        let case = case.at(instants
            .map(|w| w.candidates(lineage, people, &self.config, &[]))
            .collect());
        let mut hypotheses = case.posterior();
        if self.role == Role::Settled {
            self.entwine(&mut hypotheses, deed, linked, belief);
        }
        let makers = case.makers(&hypotheses);
        deed.x_m = case.seen.x_m;
        deed.witness.note(&makers, &free, decide::took(&hypotheses));
        deed.took = streak::alone(&hypotheses, self.config.temperature);
        deed.hypotheses = hypotheses;
    }

    /// Adds to the explanations of a deed those together with others.
    fn entwine(
        &self,
        alone: &mut Vec<Hypothesis>,
        deed: &Deed,
        others: &[Beside<'_>],
        belief: &Belief,
    ) {
        let mut deeds: Vec<&Deed> = others.iter().map(|b| b.deed).chain([deed]).collect();
        deeds.sort_by_key(|d| (d.step.t_change, d.step.serial, d.part));
        let Some(at) = deeds.iter().position(|d| std::ptr::eq(*d, deed)) else {
            return;
        };
        let steps: Vec<&WeightStep> = deeds.iter().map(|d| &d.step).collect();
        let runs = hypotheses::runs(&self.shop, belief, &steps, at);
        if runs.is_empty() {
            return;
        }
        // What is believed before all of them.
        let mut before = belief.clone();
        for told in others.iter().filter(|b| b.told) {
            pairing::unlearn(&mut before, &told.deed.hypotheses, 1.0);
            pairing::put_back(&mut before, told.deed.step.serial);
        }
        let (lineage, people) = (&self.tracks.lineage, &self.gates.people);
        let cases: Vec<Case<'_>> = deeds
            .iter()
            .map(|d| {
                let candidates = d.witness.candidates(lineage, people, &self.config, &[]);
                let (shop, config, streak) = (&self.shop, &self.config, Streak::default());
                Case::new(
                    shop, config, &before, &d.health, candidates, streak, &d.step,
                )
            })
            .collect();
        let (together, p) = entwined(&cases, &runs, at);
        for h in alone.iter_mut() {
            h.probability *= 1.0 - p;
        }
        alone.extend(together);
        alone.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    }

    /// Deeds that may still be explained otherwise.
    pub(crate) fn is_open(&self, serial: u64) -> bool {
        self.knows(serial) || self.waiting.iter().any(|s| s.serial == serial)
    }

    /// When the next step that waits will be explained.
    pub(crate) fn next_due(&self) -> Option<StoreTime> {
        let settle = self.config.settle_again;
        self.waiting.iter().map(|s| s.t_change + settle).min()
    }
}

/// How probably nobody known did it.
fn by_stranger(movement: &AttributedMovement) -> f32 {
    let all = [&movement.best].into_iter().chain(&movement.alternatives);
    let unknown = all.filter(|a| a.who == Who::Unknown);
    unknown.map(|a| a.probability).sum()
}
