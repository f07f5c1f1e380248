//! All cameras' sightings at one instant: people on the floor, their hands, and what is in them.

use crate::calibration::{CalibrationMonitor, MonitorSettings};
use crate::floor::{
    CameraFrame, FloorCounters, FloorSettings, FloorTracker, HandDetection, PersonDetection,
    PixelPoint, Swap,
};
use walkout_model::{
    CalibrationFault, CameraIx, ItemLook, Layout, Obstacles, Pixel, SeenHand, SeenItem, SeenPerson,
    Shop, Sighting, StoreTime, TrackPoint, View,
};

/// How sightings become tracks.
#[derive(Clone, Debug)]
pub struct WatchSettings {
    /// The tracker's.
    pub floor: FloorSettings,
    /// When a camera's calibration counts as wrong.
    pub monitor: MonitorSettings,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            floor: FloorSettings {
                // What one camera alone takes for somebody is often nobody.
                birth_score_single: 0.8,
                ..FloorSettings::default()
            },
            monitor: MonitorSettings::default(),
        }
    }
}

/// What became of an instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    /// One point a person.
    pub points: Vec<TrackPoint>,
    /// What their hands hold.
    pub looks: Vec<ItemLook>,
    /// Pairs that may have exchanged people.
    pub swaps: Vec<Swap>,
    /// Cameras whose rays began to miss, or again meet, what the others see.
    pub calibration: Vec<CalibrationFault>,
}

/// What was taken in and refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchCounters {
    /// Looks at hands that belong to nobody's wrist.
    pub looks_astray: u64,
    /// The tracker's.
    pub floor: FloorCounters,
}

/// A look at a hand belongs to a wrist that falls so near to it, metres at the hand.
const SAME_HAND_M: f64 = 0.15;

/// The shop's share of seeing.
#[derive(Clone, Debug)]
pub struct Watch {
    tracker: FloorTracker,
    monitor: CalibrationMonitor,
    views: Vec<View>,
    looks_astray: u64,
}

impl Watch {
    /// A watch over a shop's floor with all its cameras.
    pub fn new(shop: &Shop, settings: WatchSettings) -> Self {
        Self::over(&shop.layout, settings)
    }

    fn over(layout: &Layout, settings: WatchSettings) -> Self {
        let gates = layout.gates.iter().map(|g| (g.a, g.b)).collect();
        Self {
            tracker: FloorTracker::new(
                &layout.cameras,
                layout.floor.clone(),
                gates,
                settings.floor,
            )
            .among(Obstacles::new(layout)),
            monitor: CalibrationMonitor::new(&layout.cameras, settings.monitor),
            views: layout.cameras.iter().map(View::new).collect(),
            looks_astray: 0,
        }
    }

    /// What was refused so far.
    pub fn counters(&self) -> WatchCounters {
        WatchCounters {
            looks_astray: self.looks_astray,
            floor: self.tracker.counters(),
        }
    }

    /// Takes in what the cameras saw at `t`. Cameras that saw nobody must be among them, those that are
    /// down must not.
    pub fn update(&mut self, t: StoreTime, sightings: &[Sighting]) -> Watched {
        let frames: Vec<CameraFrame> = sightings
            .iter()
            .map(|s| CameraFrame {
                camera: s.camera,
                detections: s.people.iter().map(person).collect(),
                hands: s.hands.iter().map(hand).collect(),
            })
            .collect();
        let report = self.tracker.update(t, &frames);
        let looks = self.looks(t, sightings, &report.points);
        let calibration = self.monitor.update(t, &frames, &report.points);
        Watched {
            calibration,
            points: report.points,
            looks,
            swaps: report.swaps,
        }
    }

    /// Gives each look at a hand to the wrist that it shows; of several looks at one wrist the largest stays.
    fn looks(
        &mut self,
        t: StoreTime,
        sightings: &[Sighting],
        points: &[TrackPoint],
    ) -> Vec<ItemLook> {
        let mut best: Vec<((usize, usize), &SeenItem)> = Vec::new();
        for sighting in sightings {
            for held in &sighting.held {
                match self.wrist_of(sighting.camera, held, points) {
                    Some(key) => match best.iter_mut().find(|(k, _)| *k == key) {
                        Some((_, old)) if old.px_per_m >= held.px_per_m => {}
                        Some((_, old)) => *old = held,
                        None => best.push((key, held)),
                    },
                    None => self.looks_astray += 1,
                }
            }
        }
        best.sort_by_key(|(key, _)| *key);
        best.into_iter()
            .filter_map(|((p, w), held)| {
                let point = points.get(p)?;
                Some(ItemLook {
                    t,
                    track: point.track,
                    hand: point.wrists.get(w)?.position,
                    posterior: held.skus.clone(),
                    foreign: None,
                })
            })
            .collect()
    }

    fn wrist_of(
        &self,
        camera: CameraIx,
        held: &SeenItem,
        points: &[TrackPoint],
    ) -> Option<(usize, usize)> {
        let view = self.views.get(camera.usize())?;
        let wrists = points.iter().enumerate().flat_map(|(i, p)| {
            let of_one = p.wrists.iter().enumerate();
            of_one.map(move |(j, w)| ((i, j), w.position))
        });
        wrists
            .filter_map(|(key, at)| {
                let Pixel { u, v } = view.project(at)?;
                let away = (u - held.at.u).hypot(v - held.at.v);
                let limit = SAME_HAND_M * f64::from(held.px_per_m);
                (away <= limit).then_some((key, away))
            })
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(key, _)| key)
    }
}

fn person(p: &SeenPerson) -> PersonDetection {
    PersonDetection {
        head: Some(PixelPoint::new(p.head, p.head_sigma_px)),
        foot: p.foot.map(|foot| PixelPoint::new(foot, p.foot_sigma_px)),
        score: p.score,
        appearance: p.look.clone(),
    }
}

fn hand(h: &SeenHand) -> HandDetection {
    HandDetection {
        pixel: h.at,
        sigma_px: h.sigma_px,
        owner: h.owner,
        owner_sigma_px: h.owner_radius_px,
        score: h.score,
    }
}
