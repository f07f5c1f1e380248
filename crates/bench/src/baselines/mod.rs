//! The two published open systems, written anew after their reports, on the same streams as
//! Walkout. What each report leaves open and how it was decided is in `docs/reference/bench.md`.
//!
//! Both were made for recordings: they look back at an interval once it is over, name one product
//! for it, and never ask anybody. Neither is told the truth.

pub mod aim3s;
pub mod aim3s_table;
pub mod gauss;
pub mod grid;
pub mod mps;
pub mod people;

use crate::estimators::Arrivals;
use crate::outcome::{Claim, Guess, Outcome};
use grid::Grid;
use people::People;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use walkout_model::{
    Decision, MovementId, Question, SessionId, ShelfIx, Shop, SkuIx, StoreTime, TimeDelta, TrackId,
};

/// Whose inference is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Perception and fusion of this workspace.
    Walkout,
    /// The winner of the CPS-IoT Week 2020 competition.
    Mps,
    /// Ruiz et al., BuildSys 2019.
    Aim3s,
}

/// A text that names no engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown engine \"{0}\": use walkout, mps or aim3s")]
pub struct UnknownEngine(pub String);

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Walkout, Self::Mps, Self::Aim3s];

    /// Its name, as [`FromStr`] reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Walkout => "walkout",
            Self::Mps => "mps",
            Self::Aim3s => "aim3s",
        }
    }
}

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        Self::ALL
            .into_iter()
            .find(|engine| engine.name() == text)
            .ok_or_else(|| UnknownEngine(text.to_owned()))
    }
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A change of a shelf between two quiet moments, as a moving window sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The shelf.
    pub shelf: ShelfIx,
    /// When it became active.
    pub begin: StoreTime,
    /// When it scattered most.
    pub peak: StoreTime,
    /// When it was quiet again.
    pub end: StoreTime,
    /// Change of the shelf's sum, grams; negative when goods were taken.
    pub delta_g: f64,
    /// Change of each of its plates, left to right.
    pub plates_g: Vec<f64>,
}

impl Event {
    /// The plate, counted from the shelf's left, that changed most.
    pub fn main_plate(&self) -> usize {
        let change = |i: &usize| self.plates_g[*i].abs();
        (0..self.plates_g.len())
            .max_by(|a, b| change(a).total_cmp(&change(b)))
            .unwrap_or(0)
    }
}

/// What a baseline concludes of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The person's track; `None` if nobody was near.
    pub track: Option<TrackId>,
    /// The product.
    pub sku: SkuIx,
    /// Units to the person; negative when put back.
    pub quantity: i32,
    /// Its score, 0–1. Neither system calls it a probability.
    pub score: f64,
}

/// How a baseline detects and judges.
pub trait Rules {
    /// Looks at the newest window of every shelf and adds the events that are over.
    fn detect(&mut self, grid: &Grid, events: &mut Vec<Event>);
    /// How long after an event's end all that it needs has come.
    fn patience(&self) -> TimeDelta;
    /// Judges one event; a system may see several things in it or nothing.
    fn judge(&mut self, event: &Event, people: &People, verdicts: &mut Vec<Verdict>);
}

/// One baseline on one shop's streams.
pub struct Baseline {
    shop: Arc<Shop>,
    rules: Box<dyn Rules + Send>,
    /// Events that wait until all has come, in order of their end.
    waiting: Vec<Event>,
    guesses: Vec<(Option<SessionId>, Guess)>,
}

impl Baseline {
    /// A fresh one; `None` for [`Engine::Walkout`], which is none.
    pub fn new(engine: Engine, shop: &Arc<Shop>) -> Option<Self> {
        let rules: Box<dyn Rules + Send> = match engine {
            Engine::Walkout => return None,
            Engine::Mps => Box::new(mps::Mps::new(shop)),
            Engine::Aim3s => Box::new(aim3s::Aim3s::new(shop)),
        };
        Some(Self {
            shop: Arc::clone(shop),
            rules,
            waiting: Vec::new(),
            guesses: Vec::new(),
        })
    }

    fn advance(&mut self, now: StoreTime, grid: &Grid, people: &mut People) {
        self.rules.detect(grid, &mut self.waiting);
        self.settle(now, people);
    }

    /// Judges the events for which all has come.
    fn settle(&mut self, now: StoreTime, people: &mut People) {
        let patience = self.rules.patience();
        if !self.waiting.iter().any(|e| e.end + patience <= now) {
            return;
        }
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|e| e.end + patience <= now);
        self.waiting = waiting;
        let mut ready: Vec<Event> = ready;
        ready.sort_by_key(|e| (e.begin, e.shelf));
        let mut verdicts = Vec::new();
        for event in ready {
            verdicts.clear();
            self.rules.judge(&event, people, &mut verdicts);
            for verdict in &verdicts {
                let session = verdict.track.and_then(|track| people.session_of(track));
                let guess = self.guess(&event, verdict, now);
                self.guesses.push((session, guess));
            }
        }
    }

    fn guess(&self, event: &Event, verdict: &Verdict, now: StoreTime) -> Guess {
        let id = MovementId(self.guesses.len() as u64 + 1);
        Guess {
            id,
            t: event.peak,
            within: (event.peak, event.peak),
            known_at: now,
            shelf: self.shop.layout.shelves[event.shelf.usize()].name.clone(),
            best: Claim {
                phone: None,
                gtin: self.shop.catalogue.get(verdict.sku).map(|p| p.gtin),
                quantity: verdict.quantity,
            },
            probability: verdict.score.clamp(0.0, 1.0),
            others: Vec::new(),
            decision: Decision::Accept,
            question: Question::Movement(id),
        }
    }

    fn finish(
        mut self,
        people: &mut People,
        end: StoreTime,
        phones: &BTreeMap<SessionId, u32>,
    ) -> Outcome {
        self.settle(end + TimeDelta::from_secs(60), people);
        let mut guesses: Vec<Guess> = self
            .guesses
            .into_iter()
            .map(|(session, mut guess)| {
                guess.best.phone = session.and_then(|s| phones.get(&s).copied());
                guess
            })
            .collect();
        guesses.sort_by_key(|g| (g.t, g.id));
        Outcome {
            guesses,
            exits: people
                .exits()
                .filter_map(|(session, t)| Some((*phones.get(&session)?, t)))
                .collect(),
            late: 0,
        }
    }
}

/// All baselines that are asked for, on one common clock and one common notion of who is who.
pub struct Baselines {
    grid: Grid,
    people: People,
    engines: Vec<(Engine, Baseline)>,
}

impl Baselines {
    /// Fresh ones; [`Engine::Walkout`] among them is passed over.
    pub fn new(engines: &[Engine], shop: &Arc<Shop>) -> Self {
        Self {
            grid: Grid::new(shop),
            people: People::new(Arc::clone(shop)),
            engines: engines
                .iter()
                .filter_map(|&engine| Some((engine, Baseline::new(engine, shop)?)))
                .collect(),
        }
    }

    /// Takes what arrived at one instant.
    pub fn take(&mut self, arrivals: &Arrivals) {
        if self.engines.is_empty() {
            return;
        }
        self.people.take(arrivals);
        self.grid.take(arrivals.now, &arrivals.loads);
        for (_, engine) in &mut self.engines {
            engine.advance(arrivals.now, &self.grid, &mut self.people);
        }
    }

    /// Lets each decide what is still open.
    pub fn finish(
        self,
        end: StoreTime,
        phones: &BTreeMap<SessionId, u32>,
    ) -> Vec<(Engine, Outcome)> {
        let mut people = self.people;
        people.finish();
        self.engines
            .into_iter()
            .map(|(engine, baseline)| (engine, baseline.finish(&mut people, end, phones)))
            .collect()
    }
}
