//! The floor tracker in a simulated shop: `walkout bench floor --shop S`.

use super::changes::Changes;
use super::ground::{self, Placed};
use super::selection::choose;
use super::sightings::{Model, Networks, PeopleLine};
use crate::mot::score::{Counts, Frame};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;
use walkout_model::{Obstacles, Shop, TimeDelta};
use walkout_perception::floor::{FloorSettings, FloorTracker};
use walkout_simulator::{Plan, Preset, Simulation, SimulationError, Tick};

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// People at once.
    pub people: u32,
    /// Seed of the shoppers and, apart, of the networks' errors.
    pub seed: u64,
    /// Seconds that are scored.
    pub seconds: f64,
    /// Seconds before, in which the shop fills.
    pub fill: f64,
    /// Cameras, chosen by [`choose`].
    pub cameras: usize,
    /// Frames a second: a divisor of 60.
    pub fps: u32,
    /// How good the networks are.
    pub model: Model,
    /// The tracker's settings.
    pub settings: FloorSettings,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The simulator's truth is not what is expected.
    #[error("people truth: {0}")]
    Truth(#[from] serde_json::Error),
    /// There is no camera to use.
    #[error("the shop has no camera: add [[camera]] to its shop.toml")]
    NoCamera,
}

/// The report. Scores in percent, on the floor plane, a match within 0.5 m.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The shop's name as asked for.
    pub shop: String,
    /// Seed.
    pub seed: u64,
    /// Most people at once that were in the shop.
    pub people: usize,
    /// Multi-object detection accuracy.
    pub moda: f64,
    /// Multi-object detection precision.
    pub modp: f64,
    /// Multi-object tracking accuracy.
    pub mota: f64,
    /// Identification F1.
    pub idf1: f64,
    /// Higher-order tracking accuracy.
    pub hota: f64,
    /// Detection accuracy.
    pub deta: f64,
    /// Association accuracy.
    pub assa: f64,
    /// Frames scored.
    pub frames: u64,
    /// Cameras used.
    pub cameras: usize,
    /// Their names.
    pub camera_names: Vec<String>,
    /// Frames of all cameras together a second, tracking alone, on one core.
    pub fps: f64,
    /// People missed, percent.
    pub missed: f64,
    /// Tracks of nobody, percent of the people.
    pub false_alarms: f64,
    /// Numbers that changed.
    pub switches: u64,
    /// Median distance from the truth, centimetres.
    pub median_cm: f64,
    /// Root mean square of the error over its own sigma, along each axis: 1 if the sigmas are honest.
    pub sigma_ratio: f64,
    /// Wrists within 15 cm of a true one of the same person, of all wrists told, percent.
    pub wrist_precision: f64,
    /// True wrists of people who were found that have one told within 15 cm, percent.
    pub wrist_recall: f64,
}

/// Runs it.
///
/// # Errors
/// The shop has no camera or cannot be simulated.
pub fn run(name: &str, shop: &Arc<Shop>, options: &Options) -> Result<Row, FloorError> {
    let layout = &shop.layout;
    let chosen = choose(layout, options.cameras);
    if chosen.is_empty() {
        return Err(FloorError::NoCamera);
    }
    let cameras: Vec<_> = chosen.iter().map(|i| layout.cameras[*i].clone()).collect();
    let gates = layout.gates.iter().map(|g| (g.a, g.b)).collect();
    let mut tracker = FloorTracker::new(
        &cameras,
        layout.floor.clone(),
        gates,
        options.settings.clone(),
    )
    .among(Obstacles::new(layout));
    let mut networks = Networks::new(layout, &cameras, options.model.clone(), options.seed);
    let mut plan = Plan::preset(Preset::Busy, options.seed);
    plan.people = Some(options.people);
    let start = plan.start;
    let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
    let mut tick = Tick::default();
    let ticks_a_frame = 60 / options.fps.clamp(1, 60);
    let dt = f64::from(ticks_a_frame) / 60.0;
    let scored_from = start + TimeDelta::from_secs_f64(options.fill);
    let mut tally = Tally::default();
    let total = ((options.fill + options.seconds) * 60.0).round() as u64;
    for i in 0..total {
        simulation.step(&mut tick);
        // What happened at the shelves is not asked for here, but it piles up.
        drop(simulation.drain_truth());
        if !i.is_multiple_of(u64::from(ticks_a_frame)) {
            continue;
        }
        let truth: PeopleLine = serde_json::from_str(&simulation.people_truth())?;
        let seen = networks.look(&truth.people, dt);
        let begin = Instant::now();
        let report = tracker.update(truth.t, &seen);
        tally.seconds += begin.elapsed().as_secs_f64();
        tally.updates += 1;
        if truth.t >= scored_from {
            tally.add(&truth, &report.points, |p| layout.floor.contains(p));
        }
    }
    Ok(tally.row(
        name,
        options,
        cameras.iter().map(|c| c.name.clone()).collect(),
    ))
}

#[derive(Default)]
pub(super) struct Tally {
    frames: Vec<Frame>,
    seconds: f64,
    updates: u64,
    most: usize,
    /// Sum of squared errors over sigmas, and how many.
    normalised: (f64, f64),
    wrists_told: u64,
    wrists_right: u64,
    wrists_true: u64,
    wrists_found: u64,
    pub(super) changes: Changes,
}

/// A wrist is right within this distance.
const WRIST_M: f64 = 0.15;

impl Tally {
    /// Tells how many updates took how long.
    pub(super) fn ran(&mut self, updates: u64, seconds: f64) {
        (self.updates, self.seconds) = (updates, seconds);
    }

    pub(super) fn add(
        &mut self,
        truth: &PeopleLine,
        points: &[walkout_model::TrackPoint],
        inside: impl Fn(walkout_model::Point2) -> bool,
    ) {
        let there: Vec<Placed> = truth
            .people
            .iter()
            .map(|p| Placed {
                id: p.person,
                position: p.position(),
                counts: inside(p.position()),
            })
            .collect();
        let found: Vec<Placed> = points
            .iter()
            .map(|p| Placed {
                id: i64::try_from(p.track.0).unwrap_or(i64::MAX),
                position: p.position,
                counts: inside(p.position),
            })
            .collect();
        self.most = self.most.max(there.iter().filter(|p| p.counts).count());
        self.frames.push(ground::frame(&there, &found));
        self.changes.add(truth.t, &there, &found);
        for p in points {
            let nearest = truth.people.iter().min_by(|a, b| {
                let d = |q: &super::sightings::Person| q.position().distance(p.position);
                d(a).total_cmp(&d(b))
            });
            self.wrists_told += p.wrists.len() as u64;
            let Some(person) = nearest else { continue };
            let away = person.position() - p.position;
            if away.norm() > 0.5 {
                continue;
            }
            let sigma = f64::from(p.sigma_m).max(1e-6);
            self.normalised.0 += away.dot(away) / (2.0 * sigma * sigma);
            self.normalised.1 += 1.0;
            let near = |w: &[f64; 3], told: &walkout_model::Wrist| {
                let at = walkout_model::Point3::new(w[0], w[1], w[2]);
                at.distance(told.position) < WRIST_M
            };
            let right = |told: &&walkout_model::Wrist| person.wrists.iter().any(|w| near(w, told));
            self.wrists_right += p.wrists.iter().filter(right).count() as u64;
            self.wrists_true += 2;
            let found = |w: &&[f64; 3]| p.wrists.iter().any(|told| near(w, told));
            self.wrists_found += person.wrists.iter().filter(found).count() as u64;
        }
    }

    pub(super) fn row(&self, name: &str, options: &Options, camera_names: Vec<String>) -> Row {
        let counts = Counts::of(&self.frames);
        let s = counts.scores();
        let (missed, false_alarms) = counts.missed_and_false();
        let round = |x: f64| (x * 100.0).round() / 100.0;
        let share = |a: u64, b: u64| round(100.0 * a as f64 / (b as f64).max(1.0));
        Row {
            shop: name.to_owned(),
            seed: options.seed,
            people: self.most,
            moda: round(counts.moda()),
            modp: round(ground::modp(&counts)),
            mota: round(s.mota),
            idf1: round(s.idf1),
            hota: round(s.hota),
            deta: round(s.deta),
            assa: round(s.assa),
            frames: counts.frames(),
            cameras: camera_names.len(),
            camera_names,
            fps: (self.updates as f64 / self.seconds.max(1e-9)).round(),
            missed: round(missed),
            false_alarms: round(false_alarms),
            switches: counts.switches(),
            median_cm: round(ground::median_cm(&self.frames)),
            sigma_ratio: round((self.normalised.0 / self.normalised.1.max(1.0)).sqrt()),
            wrist_precision: share(self.wrists_right, self.wrists_told),
            wrist_recall: share(self.wrists_found, self.wrists_true),
        }
    }
}
