//! Hand-overs: how many of them are seen, and how surely it is told what passed from whom to whom; and what the network of
//! hand-overs is trained on.
//!
//! A file of lessons holds one record a meeting of hands: the bytes `things` and `right` (the number of the thing that was
//! passed on, or `things` if nothing was), two windows of 24 rows of 72 little-endian 32-bit floats (the one
//! gives, the other gives: `walkout_fusion::lesson`), then for each thing that may have passed 14 floats: which of the two
//! would have given it (0 or 1), natural log of its share beforehand, and twelve numbers of looks.

use crate::makers::MakersError;
use crate::truth::{Action, ActionKind, Truth};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::Arc;
use walkout_fusion::FusionConfig;
use walkout_fusion::lesson::{MeetingLesson, meetings};
use walkout_model::files::{load_shop, locate};
use walkout_model::{Gtin, ItemLook, Shop, SkuIx, StoreTime, TimeDelta, TrackPoint};
use walkout_simulator::{Plan, Preset, Simulation, Tick};

/// How much is looked through at once, and what must have been seen before and after it.
const ONCE: TimeDelta = TimeDelta::from_secs(1);
const BEFORE: TimeDelta = TimeDelta::from_secs(8);
const AFTER: TimeDelta = TimeDelta::from_secs(3);
/// How far from the instant of a hand-over a meeting of hands may be told.
const SAME: TimeDelta = TimeDelta::from_millis(1_200);
/// From this probability on a hand-over is gone by; between these it is in doubt.
const TOLD: f64 = 0.5;
const DOUBT: std::ops::Range<f64> = 0.095..0.905;

/// How hand-overs are told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Hand-overs of goods between two parties.
    pub hand_overs: usize,
    /// Of which hands were not seen to meet.
    pub unseen: usize,
    /// Of which hands were, and something else or nothing is thought more probable than not.
    pub missed: usize,
    /// Meetings of hands.
    pub meetings: usize,
    /// Of which something is wrongly thought to have passed.
    pub invented: usize,
    /// Of which it is in doubt whether anything passed.
    pub doubts: usize,
    /// Σ −ln P of what is right.
    pub surprise: f64,
}

/// Something that may have passed.
struct Thing {
    giver: usize,
    sku: SkuIx,
    share: f64,
}

/// A meeting, what may have passed, and what did.
struct Case {
    lesson: MeetingLesson,
    things: Vec<Thing>,
    right: Option<usize>,
}

/// Runs a preset and tells how well the shipped network knows hand-overs. Each lesson is written to `out` if there is one.
///
/// # Errors
/// A shop that is not there, or a file that cannot be written.
pub fn measure(
    preset: Preset,
    seeds: impl Iterator<Item = u64>,
    receipts: u32,
    mut out: Option<&mut dyn Write>,
) -> Result<Told, MakersError> {
    let shop = Arc::new(load_shop(&locate(preset.default_shop())?)?);
    let mut told = Told::default();
    for seed in seeds {
        for plan in preset.plans(seed, receipts) {
            let day = Day::of(&shop, plan)?;
            let (cases, unseen) = day.cases(&shop);
            told.unseen += unseen;
            told.hand_overs += unseen;
            for case in cases {
                told.add(&case);
                if let Some(out) = &mut out {
                    case.write(out)?;
                }
            }
        }
    }
    Ok(told)
}

struct Day {
    met: Vec<(MeetingLesson, [Option<u32>; 2])>,
    truth: Truth,
}

impl Day {
    fn of(shop: &Arc<Shop>, plan: Plan) -> Result<Self, MakersError> {
        let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
        let config = FusionConfig::default();
        let mut tick = Tick::default();
        let mut truth = String::new();
        let mut points: VecDeque<TrackPoint> = VecDeque::new();
        let mut looks: VecDeque<ItemLook> = VecDeque::new();
        let mut whose = VecDeque::new();
        let mut done = None;
        let mut met = Vec::new();
        while !simulation.is_over() {
            simulation.step(&mut tick);
            points.extend(tick.tracks.drain(..));
            looks.extend(tick.looks.drain(..));
            whose.push_back((tick.now, simulation.whose_tracks()));
            let from = *done.get_or_insert(tick.now);
            let to = tick.now - AFTER;
            if to.since(from) >= ONCE {
                let (all, seen) = (points.make_contiguous(), looks.make_contiguous());
                for lesson in meetings(shop, &config, all, seen, from, to) {
                    let then = whose.iter().find(|w| w.0 >= lesson.t);
                    let person = |track| then?.1.iter().find(|w| w.0 == track).map(|w| w.1);
                    let people = lesson.tracks.map(person);
                    met.push((lesson, people));
                }
                done = Some(to);
                let old = to - BEFORE;
                points.retain(|p| p.t >= old);
                looks.retain(|l| l.t >= old);
                whose.retain(|w| w.0 >= old);
            }
            truth += &simulation.drain_truth();
        }
        truth += &simulation.drain_truth();
        Ok(Self {
            met,
            truth: Truth::parse(&truth)?,
        })
    }

    /// The meetings whose people are known, and how many hand-overs had none.
    fn cases(self, shop: &Shop) -> (Vec<Case>, usize) {
        let phones: BTreeMap<u32, Option<u32>> = self
            .truth
            .actions
            .iter()
            .map(|a| (a.person, a.phone))
            .collect();
        let hand_overs: Vec<&Action> = self
            .truth
            .actions
            .iter()
            .filter(|a| a.kind == ActionKind::HandOver && a.gtin.is_some() && a.phone != a.to_phone)
            .collect();
        // The meeting nearest to each hand-over is it; others of the same two about that time tell nothing.
        let mut is_it: BTreeMap<usize, &Action> = BTreeMap::new();
        let mut nothing_told = Vec::new();
        let mut unseen = 0;
        for action in &hand_overs {
            let mut about: Vec<(TimeDelta, usize)> = Vec::new();
            for (i, (lesson, people)) in self.met.iter().enumerate() {
                let off = TimeDelta(lesson.t.since(action.t_end).0.abs());
                let other = match people {
                    [Some(a), other] if *a == action.person => other,
                    [other, Some(b)] if *b == action.person => other,
                    _ => continue,
                };
                let phone = other.and_then(|p| phones.get(&p).copied().flatten());
                if off <= SAME && phone == action.to_phone {
                    about.push((off, i));
                }
            }
            about.sort();
            match about.first() {
                Some((_, first)) if !is_it.contains_key(first) => {
                    is_it.insert(*first, action);
                    nothing_told.extend(about.iter().skip(1).map(|a| a.1));
                }
                _ => unseen += 1,
            }
        }
        let mut cases = Vec::new();
        for (i, (lesson, people)) in self.met.into_iter().enumerate() {
            let [Some(a), Some(b)] = people else { continue };
            let of = |person: u32| phones.get(&person).copied().flatten();
            let parties = [of(a), of(b)];
            if nothing_told.contains(&i) && !is_it.contains_key(&i) || parties[0] == parties[1] {
                continue;
            }
            let things = things(&self.truth, shop, parties, lesson.t);
            let action = is_it.get(&i);
            let right = action.and_then(|action| {
                let giver = usize::from(action.person == b);
                let sku = shop.catalogue.find(action.gtin?);
                things
                    .iter()
                    .position(|t| t.giver == giver && Some(t.sku) == sku)
            });
            if action.is_some() && right.is_none() {
                unseen += 1;
                continue;
            }
            cases.push(Case {
                lesson,
                things,
                right,
            });
        }
        (cases, unseen)
    }
}

/// What two parties hold shortly before an instant, each a share of what its party does.
fn things(truth: &Truth, shop: &Shop, parties: [Option<u32>; 2], t: StoreTime) -> Vec<Thing> {
    let mut held: [BTreeMap<Gtin, i64>; 2] = Default::default();
    for action in truth.actions.iter().take_while(|a| a.t_end < t - SAME) {
        let Some(gtin) = action.gtin else { continue };
        let units = i64::from(action.units);
        for (party, held) in parties.iter().zip(&mut held) {
            let Some(phone) = party else { continue };
            let mut change = 0;
            match action.kind {
                ActionKind::Take if action.phone == Some(*phone) => change += units,
                ActionKind::Put if action.phone == Some(*phone) => change -= units,
                ActionKind::HandOver => {
                    change -= units * i64::from(action.phone == Some(*phone));
                    change += units * i64::from(action.to_phone == Some(*phone));
                }
                _ => {}
            }
            *held.entry(gtin).or_default() += change;
        }
    }
    let mut things = Vec::new();
    for (giver, held) in held.iter().enumerate() {
        let units = |n: i64| n.max(0) as f64;
        let all: f64 = held.values().map(|&n| units(n)).sum();
        for (gtin, &n) in held.iter().filter(|h| *h.1 > 0) {
            things.extend(shop.catalogue.find(*gtin).map(|sku| Thing {
                giver,
                sku,
                share: 0.5 * units(n).min(1.0) / all.max(1.0),
            }));
        }
    }
    things
}

impl Case {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Ok(n) = u8::try_from(self.things.len()) else {
            return Ok(());
        };
        let right = self.right.and_then(|r| u8::try_from(r).ok()).unwrap_or(n);
        out.write_all(&[n, right])?;
        for x in self.lesson.windows.iter().flatten() {
            out.write_all(&x.to_le_bytes())?;
        }
        for thing in &self.things {
            let looks = self.lesson.looks(thing.giver, thing.sku);
            let numbers = [thing.giver as f64, thing.share.ln()];
            for x in numbers.into_iter().chain(looks) {
                out.write_all(&(x as f32).to_le_bytes())?;
            }
        }
        Ok(())
    }
}

impl Told {
    fn add(&mut self, case: &Case) {
        let of = |t: &Thing| t.share * case.lesson.odds(t.giver, t.sku);
        let weights: Vec<f64> = case.things.iter().map(of).collect();
        let passed: f64 = weights.iter().sum();
        let right = case.right.map_or(1.0, |r| weights[r]) / (1.0 + passed);
        let passed = passed / (1.0 + passed);
        self.meetings += 1;
        self.hand_overs += usize::from(case.right.is_some());
        self.missed += usize::from(case.right.is_some() && right < TOLD);
        self.invented += usize::from(case.right.is_none() && passed >= TOLD);
        self.doubts += usize::from(DOUBT.contains(&passed));
        self.surprise -= right.max(1e-12).ln();
    }
}
