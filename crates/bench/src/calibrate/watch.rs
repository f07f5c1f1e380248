//! Whether a camera that was turned is noticed in a peopled shop, and none else.

use crate::floor::selection::choose;
use crate::floor::shop::FloorError;
use crate::floor::sightings::{Model, Networks, PeopleLine};
use serde::Serialize;
use std::sync::Arc;
use walkout_model::layout::Camera;
use walkout_model::{Obstacles, Shop, View};
use walkout_perception::calibration::{CalibrationMonitor, MonitorSettings};
use walkout_perception::floor::{FloorSettings, FloorTracker};
use walkout_simulator::{Plan, Preset, Simulation, Tick};

/// What the monitor said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WatchRow {
    /// Seed of shoppers and networks.
    pub seed: u64,
    /// People at once.
    pub people: u32,
    /// Cameras.
    pub cameras: usize,
    /// The camera whose calibration was wrong, and by how many degrees.
    pub turned: Option<(String, f64)>,
    /// Seconds until it was named.
    pub noticed_s: Option<f64>,
    /// By how many degrees it was said to be off.
    pub said_deg: Option<f64>,
    /// Cameras named that were right.
    pub false_alarms: Vec<String>,
    /// The largest turn of a right camera at the end, degrees.
    pub largest_right_deg: f64,
    /// Standard deviation that the monitor gives a camera's turn at the end, degrees, median.
    pub sd_deg: f64,
}

/// Seconds in which the shop fills before the monitor begins.
const FILL_S: f64 = 60.0;
/// Frames a second.
const FPS: u32 = 10;

/// Runs a shop for `seconds` with `people` at once, seen by `cameras`; the one of this number is turned by `turn` degrees
/// against its calibration, alternately about its right and its down.
///
/// # Errors
/// The shop has no camera or cannot be simulated.
pub fn watch(
    shop: &Arc<Shop>,
    seed: u64,
    people: u32,
    cameras: usize,
    seconds: f64,
    turn: Option<(usize, f64)>,
) -> Result<WatchRow, FloorError> {
    let layout = &shop.layout;
    let chosen = choose(layout, cameras);
    if chosen.is_empty() {
        return Err(FloorError::NoCamera);
    }
    let right: Vec<Camera> = chosen.iter().map(|i| layout.cameras[*i].clone()).collect();
    let turn = turn.map(|(k, degrees)| (k % right.len(), degrees));
    let mut said = right.clone();
    if let Some((k, degrees)) = turn {
        said[k] = turned(&right[k], degrees, k % 2 == 0);
    }
    let gates = layout.gates.iter().map(|g| (g.a, g.b)).collect();
    let mut tracker =
        FloorTracker::new(&said, layout.floor.clone(), gates, FloorSettings::default())
            .among(Obstacles::new(layout));
    let mut monitor = CalibrationMonitor::new(&said, MonitorSettings::default());
    let mut networks = Networks::new(layout, &right, Model::default(), seed);
    let mut plan = Plan::preset(Preset::Busy, seed);
    plan.people = Some(people);
    let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
    let mut tick = Tick::default();
    let ticks_a_frame = u64::from(60 / FPS);
    let mut row = WatchRow {
        seed,
        people,
        cameras: right.len(),
        turned: turn.map(|(k, degrees)| (right[k].name.clone(), degrees)),
        noticed_s: None,
        said_deg: None,
        false_alarms: Vec::new(),
        largest_right_deg: 0.0,
        sd_deg: 0.0,
    };
    for i in 0..((FILL_S + seconds) * 60.0) as u64 {
        simulation.step(&mut tick);
        drop(simulation.drain_truth());
        let now_s = i as f64 / 60.0 - FILL_S;
        if !i.is_multiple_of(ticks_a_frame) || now_s < -10.0 {
            continue;
        }
        let truth: PeopleLine = serde_json::from_str(&simulation.people_truth())?;
        let seen = networks.look(&truth.people, f64::from(ticks_a_frame as u32) / 60.0);
        let report = tracker.update(truth.t, &seen);
        if now_s < 0.0 {
            continue;
        }
        for fault in monitor.update(truth.t, &seen, &report.points) {
            let k = fault.camera.usize();
            if !fault.off {
                continue;
            }
            if turn.is_some_and(|(t, _)| t == k) {
                row.noticed_s.get_or_insert(now_s);
                row.said_deg.get_or_insert(f64::from(fault.angle_deg));
            } else {
                row.false_alarms.push(right[k].name.clone());
            }
        }
    }
    let mut deviations = Vec::new();
    for (k, a) in monitor.alignments().into_iter().enumerate() {
        let Some(a) = a else { continue };
        deviations.push(a.sd_deg);
        if turn.is_none_or(|(t, _)| t != k) {
            row.largest_right_deg = row.largest_right_deg.max(a.size_deg());
        }
    }
    row.sd_deg = super::median(&deviations);
    Ok(row)
}

/// A camera turned about its right or its down.
fn turned(camera: &Camera, degrees: f64, about_right: bool) -> Camera {
    let (s, c) = degrees.to_radians().sin_cos();
    let [right, down, forward] = *View::new(camera).camera_from_floor();
    let mix =
        |a: [f64; 3], x: f64, b: [f64; 3], y: f64| std::array::from_fn(|i| x * a[i] + y * b[i]);
    let rotation = if about_right {
        [right, mix(down, c, forward, s), mix(forward, c, down, -s)]
    } else {
        [mix(right, c, forward, s), down, mix(forward, c, right, -s)]
    };
    camera.clone().posed(&rotation, camera.position)
}
