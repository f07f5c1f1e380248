//! Whose hand it was: the network of hands on simulated shops, where the truth is known; and what it is
//! trained on.
//!
//! A file of lessons holds one record a step: the bytes `rise` (0 or 1), `tracks`, `right` (the number of the
//! track whose person did it, or `tracks` if it was none of them) and `second` (the same of a second person who had a part
//! in it, or 255), then for each track 975 little-endian 32-bit floats: log of how near the body is, six numbers of looks, and
//! 22 rows of 44 frames (`walkout_fusion::lesson`).

use crate::truth::{Action, ActionKind, Truth, TruthError};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::Arc;
use walkout_fusion::FusionConfig;
use walkout_fusion::lesson::{Lesson, lessons};
use walkout_model::files::{ShopError, ShopNotFound, load_shop, locate};
use walkout_model::{ItemLook, Shop, SkuIx, StoreTime, TimeDelta, TrackId, TrackPoint, WeightStep};
use walkout_perception::{Perception, PerceptionConfig, PerceptionEvent};
use walkout_simulator::{Plan, Preset, Simulation, SimulationError, Tick};

/// What fusion has seen before and after a step's change when it settles it.
const BEFORE: TimeDelta = TimeDelta::from_secs(4);
const AFTER: TimeDelta = TimeDelta::from_millis(1_400);
/// A step whose change may lie anywhere in so long an interval is no lesson.
const BLIND: TimeDelta = TimeDelta::from_secs(20);
/// How far outside of an action its change of mass may be told.
const EARLY: TimeDelta = TimeDelta::from_millis(300);
const LATE: TimeDelta = TimeDelta::from_millis(500);
/// How long before an action's end its change of mass is mostly told, and how much nearer to that one action must be
/// than the next one so that it is it.
const LIFTED_BEFORE_END: TimeDelta = TimeDelta::from_millis(250);
const NEARER: TimeDelta = TimeDelta::from_millis(400);
/// Two people's actions so near to one another may be one step.
const AT_ONCE: TimeDelta = TimeDelta::from_millis(700);
/// `second` of a step that one person made.
const NO_SECOND: u8 = u8::MAX;
/// An answer of less is a doubt: about where a charge is worth the risk.
const DOUBT: f64 = 0.905;

/// Why there are no lessons.
#[derive(Debug, thiserror::Error)]
pub enum MakersError {
    /// A shop's folder would not load.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// There is no such shop.
    #[error(transparent)]
    NoShop(#[from] ShopNotFound),
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The simulator wrote truth that the scorer does not know.
    #[error(transparent)]
    Truth(#[from] TruthError),
    /// The file could not be written.
    #[error("write the lessons: {0}")]
    Write(#[from] io::Error),
}

/// How well the makers of steps are told, of falls or of rises.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Steps.
    pub steps: usize,
    /// Of which another track, or nobody, is thought the likeliest.
    pub missed: usize,
    /// Of which the right one has less than 0.905.
    pub doubts: usize,
    /// Σ −ln P of the right one.
    pub surprise: f64,
}

/// Falls and rises of one preset.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Things taken.
    pub falls: Told,
    /// Things put onto a shelf.
    pub rises: Told,
    /// Things that two people took in one step; right if they are the likeliest two.
    pub shared: Told,
}

/// Runs a preset and tells how well the shipped network, with looks, knows who made each step. Each lesson is
/// written to `out` if there is one.
///
/// # Errors
/// A shop that is not there, or a file that cannot be written.
pub fn measure(
    preset: Preset,
    seeds: impl Iterator<Item = u64>,
    receipts: u32,
    mut out: Option<&mut dyn Write>,
) -> Result<Measured, MakersError> {
    let shop = Arc::new(load_shop(&locate(preset.default_shop())?)?);
    let mut measured = Measured::default();
    for seed in seeds {
        for plan in preset.plans(seed, receipts) {
            let day = Day::of(&shop, plan)?;
            for case in day.cases(&shop) {
                measured.add(&case);
                if let Some(out) = &mut out {
                    case.write(out)?;
                }
            }
        }
    }
    Ok(measured)
}

/// A step of which it is known who made it.
struct Case {
    is_rise: bool,
    lessons: Vec<Lesson>,
    /// One person, or two; the places of their tracks.
    right: Vec<Option<usize>>,
}

/// What cameras saw about one step.
struct Scene {
    step: WeightStep,
    points: Vec<TrackPoint>,
    looks: Vec<ItemLook>,
    /// Which person each track was of.
    whose: Vec<(TrackId, u32)>,
}

struct Day {
    scenes: Vec<Scene>,
    truth: Truth,
}

impl Day {
    fn of(shop: &Arc<Shop>, plan: Plan) -> Result<Self, MakersError> {
        let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
        let mut perception = Perception::new(shop, PerceptionConfig::default());
        let mut tick = Tick::default();
        let mut truth = String::new();
        let mut events = Vec::new();
        let mut seen = Seen::default();
        let mut waiting: BTreeMap<u64, WeightStep> = BTreeMap::new();
        let mut scenes: BTreeMap<u64, Scene> = BTreeMap::new();
        while !simulation.is_over() {
            simulation.step(&mut tick);
            perception.push_loads(&tick.loads, &mut events);
            perception.advance(tick.now, &mut events);
            seen.take(&mut tick, simulation.whose_tracks());
            for event in events.drain(..) {
                if let PerceptionEvent::Step(step) = event {
                    // What corrects a step takes its place.
                    if let Some(wrong) = step.replaces {
                        waiting.remove(&wrong);
                        scenes.remove(&wrong);
                    }
                    waiting.insert(step.serial, step);
                }
            }
            let due = tick.now - AFTER - TimeDelta::from_millis(300);
            let is_due =
                |(serial, step): (&u64, &WeightStep)| (step.t_change <= due).then_some(*serial);
            let ready: Vec<u64> = waiting.iter().filter_map(is_due).collect();
            for serial in ready {
                scenes.extend(
                    waiting
                        .remove(&serial)
                        .map(|step| (serial, seen.about(step))),
                );
            }
            truth += &simulation.drain_truth();
        }
        truth += &simulation.drain_truth();
        Ok(Self {
            scenes: scenes.into_values().collect(),
            truth: Truth::parse(&truth)?,
        })
    }

    fn cases<'a>(&'a self, shop: &'a Shop) -> impl Iterator<Item = Case> + 'a {
        let config = FusionConfig::default();
        self.scenes.iter().filter_map(move |scene| {
            let (people, sku) = self.makers(shop, &scene.step)?;
            let lessons = lessons(shop, &config, &scene.step, sku, &scene.points, &scene.looks);
            let whose = |track: TrackId| scene.whose.iter().find(|w| w.0 == track).map(|w| w.1);
            let place = |person: &u32| lessons.iter().position(|l| whose(l.track) == Some(*person));
            let right = people.iter().map(place).collect();
            Some(Case {
                is_rise: scene.step.delta_g > 0.0,
                lessons,
                right,
            })
        })
    }

    /// Who made a step and of what, where one action alone can be meant, or two people's of one SKU at once.
    fn makers(&self, shop: &Shop, step: &WeightStep) -> Option<(Vec<u32>, SkuIx)> {
        let mass = f64::from(step.delta_g.abs());
        let sigma = f64::from(step.sigma_g);
        let both_ways = step.plates.iter().any(|p| p.delta_g > 8.0)
            && step.plates.iter().any(|p| p.delta_g < -8.0);
        if step.t_end.since(step.t_start) > BLIND || sigma > 0.25 * mass || both_ways {
            return None;
        }
        let shelf = &shop.layout.shelves.get(step.shelf.usize())?.name;
        let is_it = |a: &&Action| {
            let kind = match a.kind {
                ActionKind::Take | ActionKind::ForeignTake => step.delta_g < 0.0,
                ActionKind::Put | ActionKind::Restock | ActionKind::ForeignPut => {
                    step.delta_g > 0.0
                }
                _ => false,
            };
            kind && a.shelf.as_ref() == Some(shelf)
                && (a.t_start - EARLY..=a.t_end + LATE).contains(&step.t_change)
        };
        let of_the_time: Vec<&Action> = self.truth.actions.iter().filter(is_it).collect();
        let fits = |grams: f64| (grams - mass).abs() < (6.0 * sigma).max(0.06 * mass).max(5.0);
        let alone = of_the_time.iter().filter(|a| fits(a.mass_g.abs()));
        let alone: Vec<&Action> = alone.copied().collect();
        // Of a thing that is not sold here looks say nothing; any SKU will do for it.
        let sku = |a: &Action| {
            a.gtin
                .and_then(|g| shop.catalogue.find(g))
                .unwrap_or(SkuIx(0))
        };
        if alone.is_empty() && step.delta_g < 0.0 {
            let pairs = of_the_time.iter().enumerate().flat_map(|(i, a)| {
                let rest = of_the_time.iter().skip(i + 1);
                rest.map(move |b| (*a, *b))
            });
            let mut pairs = pairs.filter(|(a, b)| {
                a.person != b.person
                    && a.gtin.is_some()
                    && a.gtin == b.gtin
                    && a.t_end.since(b.t_end).0.abs() < AT_ONCE.0
                    && fits(a.mass_g.abs() + b.mass_g.abs())
            });
            let (a, b) = pairs.next()?;
            return Some((vec![a.person, b.person], sku(a)));
        }
        let off = |a: &Action| (a.t_end - LIFTED_BEFORE_END).since(step.t_change).0.abs();
        let it = alone.iter().min_by_key(|a| off(a))?;
        let is_plain =
            |other: &&Action| other.person == it.person || off(other) >= off(it) + NEARER.0;
        alone
            .iter()
            .all(is_plain)
            .then(|| (vec![it.person], sku(it)))
    }
}

/// What cameras reported of late.
#[derive(Default)]
struct Seen {
    points: VecDeque<TrackPoint>,
    looks: VecDeque<ItemLook>,
    whose: VecDeque<(StoreTime, Vec<(TrackId, u32)>)>,
}

impl Seen {
    fn take(&mut self, tick: &mut Tick, whose: Vec<(TrackId, u32)>) {
        self.points.extend(tick.tracks.drain(..));
        self.looks.extend(tick.looks.drain(..));
        self.whose.push_back((tick.now, whose));
        // A step may be known some seconds after its change.
        let old = tick.now - BEFORE - TimeDelta::from_secs(12);
        while self.points.front().is_some_and(|p| p.t < old) {
            self.points.pop_front();
        }
        while self.looks.front().is_some_and(|l| l.t < old) {
            self.looks.pop_front();
        }
        while self.whose.front().is_some_and(|w| w.0 < old) {
            self.whose.pop_front();
        }
    }

    fn about(&self, step: WeightStep) -> Scene {
        let interval = step.t_change - BEFORE..=step.t_change + AFTER;
        let whose = self.whose.iter().find(|w| w.0 >= step.t_change);
        let points = self.points.iter().filter(|p| interval.contains(&p.t));
        let looks = self.looks.iter().filter(|l| interval.contains(&l.t));
        Scene {
            points: points.cloned().collect(),
            looks: looks.cloned().collect(),
            whose: whose.map_or_else(Vec::new, |w| w.1.clone()),
            step,
        }
    }
}

impl Case {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Ok(n) = u8::try_from(self.lessons.len()) else {
            return Ok(());
        };
        let number = |place: &Option<usize>| place.and_then(|r| u8::try_from(r).ok()).unwrap_or(n);
        let right = self.right.first().map_or(n, number);
        let second = self.right.get(1).map_or(NO_SECOND, number);
        out.write_all(&[u8::from(self.is_rise), n, right, second])?;
        for lesson in &self.lessons {
            let numbers = [lesson.body as f32]
                .into_iter()
                .chain(lesson.looks.iter().map(|&x| x as f32))
                .chain(lesson.window.iter().copied());
            for x in numbers {
                out.write_all(&x.to_le_bytes())?;
            }
        }
        Ok(())
    }
}

impl Measured {
    fn add(&mut self, case: &Case) {
        let told = match (case.right.len(), case.is_rise) {
            (2, _) => &mut self.shared,
            (_, true) => &mut self.rises,
            (_, false) => &mut self.falls,
        };
        // As sharp as fusion has it in the end.
        let config = FusionConfig::default();
        let weight = |log: f64| (log / config.temperature).exp();
        let nobody = weight(config.unseen.ln());
        let weights: Vec<f64> = case.lessons.iter().map(|l| weight(l.said)).collect();
        let total = nobody + weights.iter().sum::<f64>();
        let of = |place: &Option<usize>| place.map_or(nobody, |r| weights[r]);
        let right: Vec<f64> = case.right.iter().map(of).collect();
        let least = right.iter().copied().fold(f64::INFINITY, f64::min);
        let surer = weights.iter().chain([&nobody]).filter(|w| **w > least);
        told.steps += 1;
        told.missed += usize::from(surer.count() >= right.len());
        let sum: f64 = right.iter().sum();
        told.doubts += usize::from(sum / total < DOUBT);
        told.surprise -= (sum / total).max(1e-12).ln();
    }
}
