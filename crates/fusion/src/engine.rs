//! One run of the inference over one stream of observations: people and their tracks, and a log of
//! deeds that can be gone through again once more is known. Two of these make a [`crate::Fusion`].

use crate::belief::Belief;
use crate::decide;
use crate::exchange::{Exchange, Scene};
use crate::gates::{GateEvent, Gates};
use crate::handing::{self, Habit, HandOver, Meeting};
use crate::hypotheses::{
    self, Case, Hypothesis, OF_ONE_TIME, are_entwined, entwined, is_unread, may_yet_be_entwined,
};
use crate::identity::{PersonIx, STRANGER};
use crate::lineage::SegmentIx;
use crate::looks::LookStore;
use crate::meeting;
use crate::pairing::{self, Revision};
use crate::people::Witness;
use crate::streak::{self, Streak, Took};
use crate::together::{self, Made};
use crate::tracks::TrackStore;
use crate::{CLOCK_SET_BACK, FusionConfig};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use walkout_model::{
    AttributedMovement, Disturbance, GateCrossing, ItemLook, LaneIx, PlateFault, PlateHealth,
    SessionOpened, Shop, StoreTime, TimeDelta, TrackId, TrackPoint, WeightStep, Who,
};

/// Steps that wait for the tracks of their time, at most.
const STEPS_MAX: usize = 4_096;
/// Parts that a step can have: off the shelf, and onto it.
const PARTS_MAX: usize = 2;
/// Deeds remembered at most; the oldest are taken as they stand.
const DEEDS_MAX: usize = 4_096;
/// How probably a track that no gate saw come in is of somebody, and no double of whoever stands there, where hands meet.
const HARDLY_REAL: f64 = 0.2;
/// From this probability on it is no question whether somebody did it whom no code let in, only who that was.
const SURELY_A_STRANGER: f32 = 0.9;
/// How often hands that met are looked for.
const LOOK_FOR_HANDS: TimeDelta = TimeDelta::from_millis(200);
/// A step waits no longer than this for others with which it may have to be explained.
const WAITS_FOR_OTHERS: TimeDelta = TimeDelta::from_secs(6);
/// A hand-over less probable than this changes no answer.
const WORTH_TELLING: f64 = 0.05;
/// So long before and after an instant the same people are inside unseen.
const MISSING_LASTS: TimeDelta = TimeDelta::from_millis(500);
/// How often identities are smoothed while it is undecided who went out.
const SMOOTH_AGAIN: TimeDelta = TimeDelta::from_secs(1);
/// The same when somebody leaves: where people leave all the time, one smoothing does for several.
const SMOOTH_AT_EXIT: TimeDelta = TimeDelta::from_millis(300);
/// From this probability on goods are said to come back before their mass is known.
const SEEN_COMING: f32 = 0.7;
/// An exchange lasts no longer than this.
const EXCHANGE_LASTS: TimeDelta = TimeDelta::from_secs(8);
/// Deeds are gone through again for so long, even while somebody stays in the shop for ever.
const REMEMBER: TimeDelta = TimeDelta::from_secs(1_800);

/// What was done, as far as it was seen.
#[derive(Clone, Debug)]
struct Deed {
    step: WeightStep,
    /// Which part of a step whose plates moved both ways.
    part: usize,
    witness: Witness,
    health: Arc<Vec<PlateHealth>>,
    hypotheses: Vec<Hypothesis>,
    x_m: f64,
    /// Who took what by this deed alone.
    took: Took,
    /// What became of it afterwards.
    handed: Vec<HandOver>,
    /// Whether it was weighed with all that there will ever be to know of who was within reach.
    stands: bool,
}

/// A deed with which another may have to be explained.
#[derive(Clone, Copy, Debug)]
struct Beside<'a> {
    deed: &'a Deed,
    /// Whether it is part of what is believed.
    told: bool,
}

/// Hands that met, and what may have passed between them.
#[derive(Clone, Debug)]
struct Handed {
    meeting: Meeting,
    /// The stretches of the two tracks.
    segments: [SegmentIx; 2],
    overs: Vec<HandOver>,
}

/// Something that changes what is believed.
#[derive(Clone, Debug)]
enum Entry {
    Deed(Box<Deed>),
    Handed(Box<Handed>),
    Exchange(Box<Exchange>),
    Counted(StoreTime, LaneIx, u32),
}

impl Entry {
    fn t(&self) -> StoreTime {
        match self {
            Self::Deed(deed) => deed.step.t_change,
            Self::Handed(handed) => handed.meeting.t,
            Self::Exchange(exchange) => exchange.t(),
            Self::Counted(t, ..) => *t,
        }
    }

    fn learn(&self, belief: &mut Belief) {
        match self {
            Self::Deed(deed) => decide::learn(belief, &deed.hypotheses, &deed.step, deed.x_m),
            Self::Handed(handed) => handing::learn(belief, &handed.overs),
            Self::Exchange(exchange) => exchange.learn(belief),
            Self::Counted(_, lane, units) => belief.count(*lane, *units),
        }
    }
}

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

    /// Something may have come and gone.
    pub(crate) fn disturbed(&mut self, disturbance: Disturbance) {
        if self.disturbed.len() < STEPS_MAX {
            self.disturbed.push(disturbance);
        }
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

    pub(crate) fn cross(&mut self, crossing: GateCrossing) -> bool {
        self.gates.cross(&self.shop, crossing)
    }

    pub(crate) fn fault(&mut self, fault: PlateFault) {
        if let Some(health) = Arc::make_mut(&mut self.health).get_mut(fault.plate.usize()) {
            *health = fault.health;
        }
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
        let (mut due, waiting): (Vec<WeightStep>, Vec<WeightStep>) = self
            .waiting
            .iter()
            .cloned()
            .partition(|step| self.ready(step, now) && !self.waits_for_others(step, now));
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
            let told = deeds_of(nearby(&self.log, &[], deed.step.t_change));
            let beside = self.beside(&deed, told, deeds.iter());
            self.weigh(&mut deed, &self.belief, others, streak, &beside);
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
        Deed {
            witness: Witness::new(
                &self.shop,
                &step,
                &self.config,
                &self.tracks,
                &self.looks,
                missing,
            ),
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

    /// Weighs whether something came and went where plates were disturbed.
    fn watch_plates(&mut self, now: StoreTime, out: &mut Vec<EngineEvent>) {
        let settle = self.config.settle_again;
        while let Some(at) = self.disturbed.iter().position(|d| d.t_end + settle <= now) {
            let disturbance = self.disturbed.remove(at);
            let missing = self.missing_at(disturbance.t_end);
            let scene = Scene {
                shop: &self.shop,
                config: &self.config,
                tracks: &self.tracks,
                looks: &self.looks,
            };
            let Some(mut exchange) = Exchange::new(disturbance, &scene, &self.belief, &missing)
            else {
                continue;
            };
            let untold = untold(&self.log, &[], &exchange);
            self.weigh_exchange(&mut exchange, &self.belief, untold);
            self.known.insert(exchange.serial());
            out.push(self.answer_exchange(&exchange, now));
            let entry = Entry::Exchange(Box::new(exchange));
            entry.learn(&mut self.belief);
            self.log.push(entry);
        }
    }

    fn weigh_exchange(&self, exchange: &mut Exchange, belief: &Belief, untold: f64) {
        let known = (&self.tracks.lineage, &self.gates.people);
        exchange.weigh(&self.config, belief, known, untold);
    }

    fn answer_exchange(&self, exchange: &Exchange, now: StoreTime) -> EngineEvent {
        let (lineage, people) = (&self.tracks.lineage, &self.gates.people);
        EngineEvent::Explained {
            serial: exchange.serial(),
            part: 0,
            movements: exchange.movements(&self.config, lineage, people, now),
        }
    }

    /// Weighs what may have passed between hands that met.
    fn watch_hands(&mut self, now: StoreTime, out: &mut Vec<EngineEvent>) {
        let to = now - handing::WEIGHED_AFTER;
        let from = self.met_until.unwrap_or(to);
        if to.since(from) < LOOK_FOR_HANDS {
            self.met_until = Some(from);
            return;
        }
        self.met_until = Some(to);
        let skus = self.shop.catalogue.len();
        let met: Vec<Meeting> = meeting::meetings(&self.tracks, from, to)
            .iter()
            .map(|met| Meeting::new(met, &self.looks, skus))
            .collect();
        for meeting in met {
            let live = self.tracks.live(meeting.t);
            let segment = |id: TrackId| live.iter().find(|l| l.0 == id).map(|l| l.1);
            let (Some(a), Some(b)) = (segment(meeting.a), segment(meeting.b)) else {
                continue;
            };
            let mut handed = Handed {
                meeting,
                segments: [a, b],
                overs: Vec::new(),
            };
            self.weigh_meeting(&mut handed, &self.belief);
            self.habit.learn(&handed.overs);
            if handed.overs.is_empty() {
                continue;
            }
            for at in assign(&mut self.log, &handed) {
                if let Some(Entry::Deed(deed)) = self.log.get(at) {
                    out.push(self.answer(deed, now));
                }
            }
            let entry = Entry::Handed(Box::new(handed));
            entry.learn(&mut self.belief);
            self.log.push(entry);
        }
    }

    fn weigh_meeting(&self, handed: &mut Handed, belief: &Belief) {
        let [a, b] = handed.segments.map(|segment| {
            let mut parties: BTreeMap<Who, f64> = BTreeMap::new();
            for (person, p) in self.tracks.lineage.identity(segment).iter() {
                let real = if person == STRANGER { HARDLY_REAL } else { 1.0 };
                *parties.entry(self.gates.people.who(person)).or_default() += p * real;
            }
            parties.into_iter().collect::<Vec<_>>()
        });
        handed.overs = handed.meeting.weigh(&a, &b, belief, &self.habit);
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

    /// Explains a deed by what is believed before it; the others are what was made about that time, and `beside` are those with which
    /// it may have to be explained.
    fn weigh<'a>(
        &self,
        deed: &mut Deed,
        belief: &Belief,
        others: impl Iterator<Item = &'a Made>,
        streak: Streak,
        beside: &[Beside<'_>],
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
        let mut hypotheses = case.posterior();
        self.entwine(&mut hypotheses, deed, beside, belief);
        let makers = case.makers(&hypotheses);
        deed.x_m = case.seen.x_m;
        deed.witness.note(&makers, &free, decide::took(&hypotheses));
        deed.took = streak::alone(&hypotheses, self.config.temperature);
        deed.hypotheses = hypotheses;
    }

    /// The deeds with which this one may have to be explained, each linked to it by others or at once. Those that were
    /// told are part of what is believed.
    fn beside<'a>(
        &self,
        deed: &Deed,
        told: impl Iterator<Item = &'a Deed>,
        due: impl Iterator<Item = &'a Deed>,
    ) -> Vec<Beside<'a>> {
        if self.role == Role::Prompt {
            return Vec::new();
        }
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
            if linked.len() + 1 < OF_ONE_TIME
                && (links(deed) || linked.iter().any(|b| links(b.deed)))
            {
                linked.push(other);
            }
        }
        linked
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

    /// Goes through the log again with all that is known by now, and explains anew what those who
    /// leave may have done.
    fn explain_again(&mut self, leaving: &[Who], now: StoreTime, out: &mut Vec<EngineEvent>) {
        self.smooth(now, SMOOTH_AT_EXIT);
        let mut log = std::mem::take(&mut self.log);
        log.sort_by_key(Entry::t);
        let mut belief = self.base.clone();
        let mut changed = BTreeSet::new();
        for at in 0..log.len() {
            let (earlier, rest) = log.split_at_mut(at);
            let (this, later) = rest.split_at_mut(1);
            match this.first_mut() {
                Some(Entry::Deed(deed)) => {
                    let concerned = !deed.stands
                        && deed
                            .witness
                            .concerns(leaving, &self.tracks.lineage, &self.gates.people);
                    if concerned || !deed.handed.is_empty() {
                        changed.insert(at);
                    }
                    deed.handed.clear();
                    if concerned {
                        deed.stands = deed.witness.stands(&self.tracks.lineage);
                        let before = made_about(earlier, earlier.len(), deed);
                        let others = before.chain(made_about(later, 0, deed));
                        let streak = streak_about(earlier, later, deed);
                        let t = deed.step.t_change;
                        let told = deeds_of(nearby(earlier, &[], t));
                        let beside = self.beside(deed, told, deeds_of(nearby(&[], later, t)));
                        self.weigh(deed, &belief, others, streak, &beside);
                        deed.witness.tell(
                            &decide::by_party(&deed.hypotheses),
                            &mut self.tracks.lineage,
                            &self.gates.people,
                        );
                    }
                    let revisions = pairing::revise(&mut belief, &deed.hypotheses);
                    changed.extend(revise(earlier, revisions));
                }
                Some(Entry::Handed(handed)) => {
                    self.weigh_meeting(handed, &belief);
                    changed.extend(assign(earlier, handed));
                }
                Some(Entry::Exchange(exchange)) => {
                    let (lineage, people) = (&self.tracks.lineage, &self.gates.people);
                    if !exchange.stands && exchange.concerns(leaving, lineage, people) {
                        exchange.stands = exchange.is_settled(lineage);
                        let untold = untold(earlier, later, exchange);
                        self.weigh_exchange(exchange, &belief, untold);
                        changed.insert(at);
                    }
                }
                _ => {}
            }
            if let Some(entry) = this.first() {
                entry.learn(&mut belief);
            }
            pairing::forget(&mut belief);
        }
        for at in changed {
            match log.get(at) {
                Some(Entry::Deed(deed)) => out.push(self.answer(deed, now)),
                Some(Entry::Exchange(exchange)) => out.push(self.answer_exchange(exchange, now)),
                _ => {}
            }
        }
        self.log = log;
        self.belief = belief;
    }

    /// Takes deeds as they stand that nobody inside can have done.
    fn forget(&mut self, now: StoreTime) {
        if self.role == Role::Prompt {
            let recent = now - TimeDelta::from_secs(60);
            self.gates.people.forget(recent);
            if self.log.len() > DEEDS_MAX {
                self.log.clear();
            }
            return;
        }
        let inside = self.gates.people.earliest().unwrap_or(now);
        let horizon = inside
            .min(now - TimeDelta::from_secs(60))
            .max(now - REMEMBER);
        if self.log.first().is_none_or(|e| e.t() >= horizon) && self.log.len() <= DEEDS_MAX {
            return;
        }
        let mut n = 0;
        while n < self.log.len() && (self.log[n].t() < horizon || self.log.len() - n > DEEDS_MAX) {
            self.log[n].learn(&mut self.base);
            match &self.log[n] {
                Entry::Deed(deed) => self.known.remove(&deed.step.serial),
                Entry::Exchange(exchange) => self.known.remove(&exchange.serial()),
                _ => false,
            };
            n += 1;
        }
        self.log.drain(..n);
        self.gates.people.forget(horizon);
        let parties = &self.gates.people.parties;
        self.base.forget_carts(|s| parties.contains_key(&s));
        self.belief.forget_carts(|s| parties.contains_key(&s));
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

/// What was made about the time of a deed, by the entries of the log next to a place in it.
fn made_about<'a>(
    log: &'a [Entry],
    at: usize,
    deed: &Deed,
) -> impl Iterator<Item = &'a Made> + use<'a> {
    let t = deed.step.t_change;
    let serial = deed.step.serial;
    let (before, after) = log.split_at(at.min(log.len()));
    let near = move |e: &&Entry| e.t().since(t).0.saturating_abs() < 2 * together::WINDOW.0;
    let before = before.iter().rev().take_while(near);
    let after = after.iter().take_while(near);
    before.chain(after).filter_map(move |e| match e {
        Entry::Deed(d) if d.step.serial != serial => Some(&d.witness.made),
        _ => None,
    })
}

/// The deeds among entries.
fn deeds_of<'a>(entries: impl Iterator<Item = &'a Entry>) -> impl Iterator<Item = &'a Deed> {
    entries.filter_map(|entry| match entry {
        Entry::Deed(deed) => Some(&**deed),
        _ => None,
    })
}

/// The entries of the logs before and after an instant that are near to it.
fn nearby<'a>(
    before: &'a [Entry],
    after: &'a [Entry],
    t: StoreTime,
) -> impl Iterator<Item = &'a Entry> + use<'a> {
    let near = move |e: &&Entry| e.t().since(t).0.saturating_abs() <= 4 * together::WINDOW.0;
    let before = before.iter().rev().take_while(near);
    before.chain(after.iter().take_while(near))
}

/// What the takes of the same shelf in the logs before and after a deed say of it.
fn streak_about(before: &[Entry], after: &[Entry], deed: &Deed) -> Streak {
    let (t, shelf) = (deed.step.t_change, deed.step.shelf);
    let near = |e: &&Entry| e.t().since(t).0.saturating_abs() <= streak::TO.0;
    let before = before.iter().rev().take_while(near);
    let after = after.iter().take_while(near);
    let takes = before.chain(after).filter_map(|e| match e {
        Entry::Deed(d) if d.step.shelf == shelf && d.step.serial != deed.step.serial => {
            Some((d.step.t_change, &d.took))
        }
        _ => None,
    });
    Streak::about(t, takes)
}

/// How probably no step of the logs before and after an exchange tells of goods that moved in it.
fn untold(before: &[Entry], after: &[Entry], exchange: &Exchange) -> f64 {
    let near = |e: &&Entry| e.t().since(exchange.t()).0.saturating_abs() <= EXCHANGE_LASTS.0;
    let before = before.iter().rev().take_while(near);
    let after = after.iter().take_while(near);
    let steps = before.chain(after).filter_map(|e| match e {
        Entry::Deed(d) if exchange.includes(&d.step) => Some(decide::goods(&d.hypotheses)),
        _ => None,
    });
    steps.map(|p| 1.0 - p).product()
}

/// Puts revised explanations in their places, and says where that is.
fn revise(log: &mut [Entry], revisions: Vec<Revision>) -> Vec<usize> {
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
fn assign(log: &mut [Entry], handed: &Handed) -> Vec<usize> {
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
