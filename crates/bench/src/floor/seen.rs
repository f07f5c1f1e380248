//! The floor tracker in a simulated shop from rendered pictures: `walkout bench floor --shop S --from-pixels`.

use super::shop::{FloorError, Options, Row, Tally};
use super::sightings::PeopleLine;
use crate::pixels::{Networks, PixelError, PixelOptions, Pixels};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::Instant;
use walkout_model::{Shop, Sighting, StoreTime, TimeDelta};
use walkout_perception::eyes::{Watch, WatchSettings};
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
    /// What was seen could not be kept, or read again.
    #[error("what was seen: {0}")]
    Keep(#[from] io::Error),
    /// A line of it is no such instant.
    #[error("line {line} of what was kept: {cause}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// There is none.
    #[error("nothing was kept: write it with --keep")]
    Empty,
}

/// An instant as it is kept: a line of JSON.
#[derive(Debug, Deserialize, Serialize)]
struct Kept {
    t: StoreTime,
    sightings: Vec<Sighting>,
    /// Where everybody was, of instants that are scored.
    truth: Option<PeopleLine>,
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

/// Runs it. `options.model` is not asked. What cameras saw, and who was where, is written to `keep`.
///
/// # Errors
/// The shop has no camera or cannot be simulated, or a network fails.
pub fn run(
    name: &str,
    shop: &Arc<Shop>,
    options: &Options,
    networks: Networks,
    pixel_options: &PixelOptions,
    mut keep: Option<&mut dyn Write>,
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
        let mut truth = None;
        if tick.now >= scored_from {
            let there: PeopleLine =
                serde_json::from_str(&simulation.people_truth()).map_err(FloorError::from)?;
            tally.add(&there, &watched.points, |p| shop.layout.floor.contains(p));
            truth = Some(there);
        }
        if let Some(keep) = &mut keep {
            let kept = Kept {
                t: tick.now,
                sightings: pixels.sightings().to_vec(),
                truth,
            };
            serde_json::to_writer(&mut *keep, &kept).map_err(io::Error::from)?;
            keep.write_all(b"\n")?;
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

/// Tracks and scores what was kept, in moments instead of minutes: of `options` only the tracker's settings and the seed's name count.
/// Says besides, in lines, whose track changed and which tracks were nobody's.
///
/// # Errors
/// A line is not what was kept.
pub fn again(
    name: &str,
    shop: &Arc<Shop>,
    options: &Options,
    kept: impl BufRead,
) -> Result<(Row, String), SeenError> {
    let settings = WatchSettings {
        floor: options.settings.clone(),
        ..WatchSettings::default()
    };
    let mut watch = Watch::new(shop, settings);
    let mut tally = Tally::default();
    let (mut cameras, mut instants, mut seconds) = (BTreeSet::new(), 0, 0.0);
    for (i, line) in kept.lines().enumerate() {
        let cause = |cause| SeenError::Line { line: i + 1, cause };
        let kept: Kept = serde_json::from_str(&line?).map_err(cause)?;
        cameras.extend(kept.sightings.iter().map(|s| s.camera));
        let begin = Instant::now();
        let watched = watch.update(kept.t, &kept.sightings);
        seconds += begin.elapsed().as_secs_f64();
        instants += 1;
        if let Some(truth) = &kept.truth {
            tally.add(truth, &watched.points, |p| shop.layout.floor.contains(p));
        }
    }
    if instants == 0 {
        return Err(SeenError::Empty);
    }
    tally.ran(instants, seconds);
    let named = cameras.iter().filter_map(|c| {
        let camera = shop.layout.cameras.get(c.usize())?;
        Some(camera.name.clone())
    });
    let row = tally.row(name, options, named.collect());
    Ok((row, tally.changes.text()))
}

/// Cameras watch for so long before the first frame that is scored.
const WARM_UP: TimeDelta = TimeDelta::from_secs(10);
