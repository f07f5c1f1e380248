//! The floor tracker in a simulated shop from rendered pictures: `walkout bench floor --shop S --from-pixels`.

use super::shop::{FloorError, Options, Row, Tally};
use super::sightings::PeopleLine;
use crate::pixels::{Networks, PixelError, PixelOptions, Pixels};
use serde::Serialize;
use std::sync::Arc;
use walkout_model::{Shop, TimeDelta};
use walkout_simulator::{Plan, Preset, Simulation, Tick};

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum SeenError {
    /// As with simulated networks.
    #[error(transparent)]
    Floor(#[from] FloorError),
    /// Nothing could be seen.
    #[error(transparent)]
    Pixels(#[from] PixelError),
}

/// The report: that of the tracker, and what seeing took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeenRow {
    /// Scores.
    #[serde(flatten)]
    pub row: Row,
    /// Pictures drawn, and those that the network looked at.
    pub pictures: [u64; 2],
    /// Wall time of drawing and of seeing, seconds.
    pub drawing_s: f64,
    /// See `drawing_s`.
    pub seeing_s: f64,
}

/// Runs it. `options.model` is not asked.
///
/// # Errors
/// The shop has no camera or cannot be simulated, or a network fails.
pub fn run(
    name: &str,
    shop: &Arc<Shop>,
    options: &Options,
    networks: Networks,
    pixel_options: &PixelOptions,
) -> Result<SeenRow, SeenError> {
    let mut plan = Plan::preset(Preset::Busy, options.seed);
    plan.people = Some(options.people);
    let start = plan.start;
    let mut simulation = Simulation::new(Arc::clone(shop), plan).map_err(FloorError::from)?;
    let mut pixels = Pixels::new(shop, &simulation, networks, pixel_options)?;
    let mut tick = Tick::default();
    let every = u64::from(60 / options.fps.clamp(1, 60));
    let scored_from = start + TimeDelta::from_secs_f64(options.fill);
    // While the shop fills nobody is scored; cameras watch from a few seconds before.
    let watched_from = scored_from - WARM_UP;
    let mut tally = Tally::default();
    let total = ((options.fill + options.seconds) * 60.0).round() as u64;
    for i in 1..=total {
        simulation.step(&mut tick);
        drop(simulation.drain_truth());
        if tick.now < watched_from {
            continue;
        }
        if (i + every.min(4)).is_multiple_of(every) {
            pixels.prepare(&simulation);
        }
        if !i.is_multiple_of(every) {
            continue;
        }
        let watched = pixels.look(&simulation)?;
        if tick.now >= scored_from {
            let truth: PeopleLine =
                serde_json::from_str(&simulation.people_truth()).map_err(FloorError::from)?;
            tally.add(&truth, &watched.points, |p| shop.layout.floor.contains(p));
        }
    }
    let cost = pixels.cost();
    tally.ran(cost.instants, cost.seeing.as_secs_f64());
    let names = pixel_options
        .cameras
        .iter()
        .filter_map(|&c| Some(shop.layout.cameras.get(c)?.name.clone()));
    Ok(SeenRow {
        row: tally.row(name, options, names.collect()),
        pictures: [cost.drawn, cost.looked],
        drawing_s: cost.drawing.as_secs_f64(),
        seeing_s: cost.seeing.as_secs_f64(),
    })
}

/// Cameras watch for so long before the first frame that is scored.
const WARM_UP: TimeDelta = TimeDelta::from_secs(10);
