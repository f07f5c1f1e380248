//! `walkout bench aim3s`: the published ablation of AIM3S, evidence by evidence and bin by bin, on
//! the same rack in the simulator.
//!
//! As in the publication the times of the events are given (from the truth), there is one shopper,
//! and every event is of one item; the product is what has to be named, among all 33.

use super::aim3s::{Prior, best, watched};
use super::grid::{WINDOW, span};
use crate::truth::{ActionKind, Truth, TruthError};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use walkout_model::{ItemLook, ShelfIx, Shop, SkuIx, StoreTime};
use walkout_simulator::{Plan, Preset, Simulation, SimulationError, Tick};

/// Plates joined into one bin.
pub const PER_BIN: [usize; 6] = [1, 2, 3, 4, 6, 12];
/// Events of one run, as published.
pub const EVENTS: usize = 176;
/// Quiet time on either side of an event, in ticks.
const MARGIN: usize = 30;

/// What a row of the table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Which plates changed.
    Location,
    /// By how much the shelf changed.
    Weight,
    /// Both.
    WeightAndLocation,
    /// And what the cameras saw in the hand.
    Fused,
}

impl Evidence {
    /// In the order of the publication.
    pub const ALL: [Self; 4] = [
        Self::Location,
        Self::Weight,
        Self::WeightAndLocation,
        Self::Fused,
    ];

    /// As the table calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Location => "location only",
            Self::Weight => "weight only",
            Self::WeightAndLocation => "weight × location",
            Self::Fused => "+ shelf vision",
        }
    }

    /// Identified events of 176, per cent, by [`PER_BIN`] (Ruiz et al., BuildSys 2019).
    pub const fn published(self) -> [f64; 6] {
        match self {
            Self::Location => [76.1, 65.3, 48.9, 39.8, 26.1, 11.9],
            Self::Weight => [68.2; 6],
            Self::WeightAndLocation => [91.5, 91.5, 92.0, 86.5, 90.3, 79.0],
            Self::Fused => [92.0, 92.0, 93.2, 88.6, 90.3, 80.1],
        }
    }
}

/// One row, measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What it knows.
    pub evidence: &'static str,
    /// Plates joined into one bin.
    pub plates_per_bin: [usize; 6],
    /// Events whose product was named, per cent, mean over the seeds.
    pub identified: [f64; 6],
    /// The published figures.
    pub published: [f64; 6],
    /// Events in all.
    pub events: usize,
    /// The first seed.
    pub seed: u64,
    /// Seeds, each with 176 events.
    pub seeds: u32,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The simulator wrote truth that the scorer does not know.
    #[error(transparent)]
    Truth(#[from] TruthError),
}

/// Identified events by evidence and bin.
type Counts = [[usize; 6]; 4];

/// Runs the experiment for so many seeds, two visits at a time.
///
/// # Errors
/// A shop that cannot be shopped in.
pub fn measure(shop: &Arc<Shop>, seed: u64, seeds: u32) -> Result<Vec<Row>, TableError> {
    let prior = Prior::new(shop);
    let all: Vec<u64> = (seed..seed.saturating_add(u64::from(seeds))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(&seed) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(experiment(shop, &prior, seed));
        }
        done
    };
    let done: Vec<_> = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let join = |thread: std::thread::ScopedJoinHandle<'_, Vec<_>>| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().flat_map(join).collect()
    });
    let mut counts = Counts::default();
    let mut events = 0;
    for one in done {
        let (of, here): (usize, Counts) = one?;
        events += of;
        for (sum, add) in counts.iter_mut().flatten().zip(here.iter().flatten()) {
            *sum += add;
        }
    }
    let rows = Evidence::ALL
        .iter()
        .zip(counts)
        .map(|(evidence, counts)| Row {
            evidence: evidence.name(),
            plates_per_bin: PER_BIN,
            identified: counts.map(|n| round(100.0 * n as f64 / events.max(1) as f64)),
            published: evidence.published(),
            events,
            seed,
            seeds,
        });
    Ok(rows.collect())
}

/// The first 176 events of one seed's visits.
fn experiment(shop: &Arc<Shop>, prior: &Prior, seed: u64) -> Result<(usize, Counts), TableError> {
    let mut counts = Counts::default();
    let mut events = 0;
    // Far more visits than are needed: a visit has some seven events.
    for plan in Preset::Aim3s.plans(seed, EVENTS as u32) {
        let visit = Visit::record(shop, plan)?;
        for (t_start, t_end, sku) in visit.single_items(shop) {
            if events == EVENTS {
                return Ok((events, counts));
            }
            if let Some(named) = visit.name(shop, prior, t_start, t_end) {
                events += 1;
                for (row, named) in counts.iter_mut().zip(named) {
                    for (count, named) in row.iter_mut().zip(named) {
                        *count += usize::from(named == Some(sku));
                    }
                }
            }
        }
    }
    Ok((events, counts))
}

/// One visit, recorded whole.
struct Visit {
    truth: Truth,
    times: Vec<StoreTime>,
    /// Readings of all plates, tick by tick; a lost sample repeats the one before.
    readings_g: Vec<Vec<f32>>,
    looks: Vec<ItemLook>,
}

impl Visit {
    fn record(shop: &Arc<Shop>, plan: Plan) -> Result<Self, TableError> {
        let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
        let mut tick = Tick::default();
        let mut held = vec![(StoreTime(i64::MIN), 0.0_f32); shop.layout.plates.len()];
        let mut text = String::new();
        let (mut times, mut readings_g, mut looks) = (Vec::new(), Vec::new(), Vec::new());
        while !simulation.is_over() {
            simulation.step(&mut tick);
            for sample in tick.loads.drain(..) {
                let held = &mut held[sample.plate.usize()];
                if sample.t > held.0 {
                    *held = (sample.t, sample.grams);
                }
            }
            times.push(tick.now);
            readings_g.push(held.iter().map(|(_, g)| *g).collect());
            looks.append(&mut tick.looks);
            tick.tracks.clear();
            tick.crossings.clear();
            tick.scans.clear();
            text += &simulation.drain_truth();
        }
        text += &simulation.drain_truth();
        Ok(Self {
            truth: Truth::parse(&text)?,
            times,
            readings_g,
            looks,
        })
    }

    /// When each item was picked up or put back, and which.
    fn single_items(&self, shop: &Shop) -> Vec<(StoreTime, StoreTime, SkuIx)> {
        let kinds = [ActionKind::Take, ActionKind::Put];
        self.truth
            .actions
            .iter()
            .filter(|a| kinds.contains(&a.kind) && a.units == 1)
            .filter_map(|a| Some((a.t_start, a.t_end, shop.catalogue.find(a.gtin?)?)))
            .collect()
    }

    /// What each evidence makes of the event at each width of bins; `None` if the recording ends
    /// too early to tell.
    fn name(
        &self,
        shop: &Shop,
        prior: &Prior,
        t_start: StoreTime,
        t_end: StoreTime,
    ) -> Option<[[Option<SkuIx>; 6]; 4]> {
        // The window's half, and the margin beyond it, lie between the event and the middle of
        // the window.
        let away = span(WINDOW / 2 + MARGIN);
        let (begin, end) = (t_start - away, t_end + away);
        let before = self.means_g(begin)?;
        let after = self.means_g(end)?;
        let change: Vec<f64> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
        // The shelf is not given: it is the one that changed most.
        let shelves = shop.layout.shelves.iter().enumerate();
        let (shelf, plates_g, delta_g) = shelves
            .map(|(s, shelf)| {
                let plates = &change[shelf.plates.start as usize..shelf.plates.end as usize];
                (ShelfIx::from(s), plates, plates.iter().sum::<f64>())
            })
            .max_by(|a, b| a.2.abs().total_cmp(&b.2.abs()))?;
        let (from, to) = watched(delta_g, begin, end);
        let seen = self.looks.iter().filter(|l| (from..=to).contains(&l.t));
        let vision = prior.vision(seen);
        let weight = prior.weight(delta_g);
        let mut named = [[None; 6]; 4];
        for (i, per_bin) in PER_BIN.into_iter().enumerate() {
            let location = prior.location(shelf, plates_g, per_bin);
            let both = prior.weight_and_location(&weight, &location);
            let fused = prior.fuse(&both, &vision);
            for (row, p) in named.iter_mut().zip([&location, &weight, &both, &fused]) {
                row[i] = best(p).map(|(sku, _)| sku);
            }
        }
        Some(named)
    }

    /// Mean of every plate over the window about an instant.
    fn means_g(&self, t: StoreTime) -> Option<Vec<f64>> {
        let middle = self.times.partition_point(|&at| at < t);
        let first = middle.checked_sub(WINDOW / 2)?;
        let rows = self.readings_g.get(first..first + WINDOW)?;
        let mut means = vec![0.0; rows.first()?.len()];
        for row in rows {
            for (mean, &g) in means.iter_mut().zip(row) {
                *mean += f64::from(g) / WINDOW as f64;
            }
        }
        Some(means)
    }
}

/// To a tenth of a per cent.
fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// The rows as a table, each beside the published one.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<20}{:<12}", "plates per bin", "");
    for per_bin in PER_BIN {
        text += &format!("{per_bin:>7}");
    }
    text.push('\n');
    for row in rows {
        let lines = [
            ("simulated", &row.identified),
            ("published", &row.published),
        ];
        for (i, (label, figures)) in lines.into_iter().enumerate() {
            let name = if i == 0 { row.evidence } else { "" };
            text += &format!("{name:<20}{label:<12}");
            for figure in figures {
                text += &format!("{figure:>7.1}");
            }
            text.push('\n');
        }
    }
    text
}

/// How far the simulated figures lie from the published ones, in points: (mean, worst) of the
/// absolute differences.
pub fn distance(rows: &[Row]) -> (f64, f64) {
    let mut off = Vec::new();
    for row in rows {
        let pairs = row.identified.iter().zip(row.published);
        off.extend(pairs.map(|(a, b)| (a - b).abs()));
    }
    let mean = off.iter().sum::<f64>() / off.len().max(1) as f64;
    (mean, off.into_iter().fold(0.0, f64::max))
}
