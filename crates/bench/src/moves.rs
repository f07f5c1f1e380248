//! What cameras see move on shelves, against what hands did: a preset played with rendered shelf cameras and simulated tracks, and
//! no load cell.

use crate::pixels::{PixelCost, PixelError, ShelfOptions, Shelves};
use crate::shelves::Hung;
use crate::truth::{Action, Truth, TruthError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use walkout_model::{
    CameraIx, Gtin, SeenColumn, Shop, StoreTime, TimeDelta, TrackPoint, WeightStep,
};
use walkout_perception::eyes::{MoveSettings, MoveWatch};
use walkout_simulator::render::{RenderConfig, Renderer};
use walkout_simulator::{Plan, Preset, Simulation, SimulationError};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who comes.
    pub preset: Preset,
    /// Seed of shoppers, racks, light and cameras.
    pub seed: u64,
    /// Receipts.
    pub receipts: u32,
    /// Ceiling cameras by their place in the layout, which look at shelves as well.
    pub ceiling: Vec<usize>,
    /// Shelf cameras and how they are looked through.
    pub shelves: ShelfOptions,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct MoveMarks {
    /// The shop.
    pub shop: String,
    /// The preset.
    pub preset: String,
    /// The seed.
    pub seed: u64,
    /// Shelf cameras.
    pub cameras: usize,
    /// Lanes of which cameras see a column well enough, of how many.
    pub lanes: [usize; 2],
    /// Units that were moved, those that were told, and those told rightly: shelf, product, way and time.
    pub units: [u32; 3],
    /// See `units`.
    pub recall: f64,
    /// See `units`.
    pub precision: f64,
    /// Half of the moves are told within so many seconds.
    pub delay_s: f64,
    /// Store time, seconds.
    pub store_s: f64,
    /// Wall time of looking, milliseconds a picture, and pictures.
    pub look_ms: f64,
    /// See `look_ms`.
    pub pictures: u64,
    /// What was missed or invented.
    pub errors: Vec<String>,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum MovesError {
    /// A picture or a network failed.
    #[error(transparent)]
    Pixels(#[from] PixelError),
    /// The shop cannot be simulated.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The simulator's truth is broken.
    #[error(transparent)]
    Truth(#[from] TruthError),
}

/// How far from a hand's work a move may be dated: it is dated within a visit, by where hands were seen.
const SLACK: TimeDelta = TimeDelta::from_secs(10);

/// All that was seen of a run, and its truth.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Film {
    shop: String,
    preset: String,
    seed: u64,
    /// Shelf cameras, and lanes seen of how many.
    cameras: usize,
    lanes: [usize; 2],
    hung: usize,
    start: StoreTime,
    end: StoreTime,
    truth: String,
    /// By the order in which it came.
    seen: Vec<Seen>,
    look_ms: f64,
    pictures: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Seen {
    People(Vec<TrackPoint>),
    Picture(CameraIx, StoreTime, Vec<SeenColumn>),
    /// Time has come so far.
    Now(StoreTime),
}

/// Plays a preset and keeps what is seen.
///
/// # Errors
/// See [`MovesError`].
pub fn film(shop: &Arc<Shop>, options: &Options) -> Result<Film, MovesError> {
    let mut plan = Plan::preset(options.preset, options.seed);
    plan.receipts = Some(options.receipts);
    let start = plan.start;
    let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
    let config = RenderConfig {
        size_px: FINE,
        oversampling: 1,
        seed: options.seed,
        ..RenderConfig::default()
    };
    let mut fine = Renderer::new(Arc::clone(shop), config);
    let drawn = (&mut fine, options.seed);
    let mut shelves = Shelves::new(shop, &options.ceiling, drawn, &options.shelves)?;
    let (mut tick, mut snapshot, mut frame) = Default::default();
    let (mut truth, mut cost, mut n) = (String::new(), PixelCost::default(), 0_u32);
    let mut seen = Vec::new();
    simulation.snapshot(&mut snapshot);
    let mut look = |snapshot: &_, seen: &mut Vec<Seen>| -> Result<(), MovesError> {
        for (camera, t, columns) in shelves.look(snapshot, &mut fine, &mut frame, &mut cost)? {
            seen.push(Seen::Picture(camera, t, columns));
        }
        Ok(())
    };
    look(&snapshot, &mut seen)?;
    while !simulation.is_over() {
        simulation.step(&mut tick);
        n += 1;
        if !tick.tracks.is_empty() {
            seen.push(Seen::People(tick.tracks.clone()));
        }
        if n.is_multiple_of(EVERY) {
            simulation.snapshot(&mut snapshot);
            look(&snapshot, &mut seen)?;
            seen.push(Seen::Now(tick.now));
        }
        truth += &simulation.drain_truth();
    }
    truth += &simulation.drain_truth();
    // What the last looks say.
    seen.push(Seen::Now(tick.now + TimeDelta::from_secs(60)));
    Ok(Film {
        shop: shop.name.clone(),
        preset: options.preset.to_string(),
        seed: options.seed,
        cameras: options.shelves.cameras,
        hung: shelves.hung(),
        lanes: shelves.lanes(),
        start,
        end: tick.now,
        truth,
        seen,
        look_ms: cost.seeing.as_secs_f64() * 1e3 / cost.drawn.max(1) as f64,
        pictures: cost.drawn,
    })
}

/// Tells what moved in a film and scores it.
///
/// # Errors
/// Its truth is broken.
pub fn score(shop: &Shop, film: &Film, settings: &MoveSettings) -> Result<MoveMarks, MovesError> {
    let believed = Hung::new(shop, film.seed, usize::MAX, film.cameras).believed;
    let mut watch = MoveWatch::new(&believed, settings.clone());
    let mut told = Vec::new();
    for seen in &film.seen {
        match seen {
            Seen::People(points) => points.iter().for_each(|p| watch.person(p)),
            Seen::Picture(camera, t, columns) => watch.push(*camera, *t, columns.clone()),
            Seen::Now(now) => told.extend(watch.advance(*now)),
        }
    }
    let truth = Truth::parse(&film.truth)?;
    let mut marks = MoveMarks {
        shop: film.shop.clone(),
        preset: film.preset.clone(),
        seed: film.seed,
        cameras: film.hung,
        lanes: film.lanes,
        units: [0; 3],
        recall: 0.0,
        precision: 0.0,
        delay_s: 0.0,
        store_s: film.end.since(film.start).as_secs_f64(),
        look_ms: film.look_ms,
        pictures: film.pictures,
        errors: Vec::new(),
    };
    compare(shop, &truth, &told, film.start, &mut marks);
    Ok(marks)
}

/// Pictures of ceiling cameras.
const FINE: [u32; 2] = [1280, 720];
/// Ticks between looks.
const EVERY: u32 = 60;

/// What a hand did, if it moved goods.
fn slot(a: &Action) -> Option<Slot<'_>> {
    Some(Slot {
        shelf: a.shelf.as_deref()?,
        gtin: a.gtin?,
        way: match a.kind.sign() {
            0 => return None,
            way => way,
        },
        from: a.t_start - SLACK,
        to: a.t_end + SLACK,
        left: a.units,
    })
}

/// Units that hands moved and nobody has told of yet.
struct Slot<'a> {
    shelf: &'a str,
    gtin: Gtin,
    way: i32,
    from: StoreTime,
    to: StoreTime,
    left: u32,
}

fn compare(
    shop: &Shop,
    truth: &Truth,
    told: &[WeightStep],
    start: StoreTime,
    marks: &mut MoveMarks,
) {
    let mut slots: Vec<Slot<'_>> = truth.actions.iter().filter_map(slot).collect();
    let at = |t: StoreTime| t.since(start).as_secs_f64();
    let mut delays = Vec::new();
    for step in told {
        let lane = step.seen.and_then(|s| shop.planogram.get(s.lane));
        let Some((lane, product)) = lane.and_then(|l| Some((l, shop.catalogue.get(l.sku)?))) else {
            continue;
        };
        let shelf = &shop.layout.shelves[step.shelf.usize()].name;
        let units = f64::from(step.delta_g).abs() / product.unit_mass.grams();
        let (units, way) = (
            units.round() as u32,
            if step.delta_g < 0.0 { 1 } else { -1 },
        );
        marks.units[1] += units;
        delays.push(step.known_at.since(step.t_change).as_secs_f64());
        let mut left = units;
        for slot in &mut slots {
            let own = slot.shelf == shelf && slot.gtin == product.gtin && slot.way == way;
            if own && (slot.from..=slot.to).contains(&step.t_change) {
                let both = left.min(slot.left);
                left -= both;
                slot.left -= both;
                marks.units[2] += both;
            }
        }
        if left > 0 {
            marks.errors.push(format!(
                "{:.0} s: told of {left} of {units} at {} that nobody {}",
                at(step.t_change),
                lane.name,
                if way > 0 { "took" } else { "put" }
            ));
        }
    }
    for a in truth.actions.iter().filter_map(slot) {
        marks.units[0] += a.left;
    }
    for slot in slots.iter().filter(|s| s.left > 0) {
        marks.errors.push(format!(
            "{:.0} s: missed {} of {} {} {}",
            at(slot.from + SLACK),
            slot.left,
            slot.gtin,
            if slot.way > 0 { "taken from" } else { "put on" },
            slot.shelf
        ));
    }
    let share = |of: u32| f64::from(marks.units[2]) / f64::from(of.max(1));
    (marks.recall, marks.precision) = (share(marks.units[0]), share(marks.units[1]));
    delays.sort_by(f64::total_cmp);
    marks.delay_s = delays.get(delays.len() / 2).copied().unwrap_or_default();
}
