//! What a detector of boxes would say of annotated boxes, and the floor tracker on it: `walkout bench floor DIR`.

use super::ground::{self, Placed};
use super::wildtrack::{self, SIZE_PX, WildTrack};
use crate::draw::Draw;
use crate::mot::score::Counts;
use serde::Serialize;
use std::time::Instant;
use walkout_model::{CameraIx, Pixel, StoreTime};
use walkout_perception::floor::{
    CameraFrame, FloorSettings, FloorTracker, PersonDetection, PixelPoint,
};
use walkout_perception::mot::Bounds;

/// How the detector errs. Each is drawn for each box by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectionModel {
    /// Probability that a box is not told.
    pub drop: f64,
    /// The same of a box of which nearer people's boxes cover 70 % or more.
    pub drop_hidden: f64,
    /// Standard deviation of each side, as a share of width and height.
    pub jitter: f64,
    /// Boxes of nobody, a view and frame.
    pub add: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for DetectionModel {
    fn default() -> Self {
        Self {
            drop: 0.15,
            drop_hidden: 0.6,
            jitter: 0.04,
            add: 0.5,
            seed: 1,
        }
    }
}

/// One line of the report. Scores in percent, within 0.5 m.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Multi-object detection accuracy.
    pub moda: f64,
    /// Multi-object detection precision.
    pub modp: f64,
    /// Multi-object tracking accuracy.
    pub mota: f64,
    /// Identification F1.
    pub idf1: f64,
    /// Higher-order tracking accuracy, on the floor plane.
    pub hota: f64,
    /// Frames scored.
    pub frames: u64,
    /// Cameras used.
    pub cameras: usize,
    /// Frames of all cameras together a second, tracking alone.
    pub fps: f64,
    /// People annotated and not found, percent.
    pub missed: f64,
    /// Found and not annotated, percent of the annotated.
    pub false_alarms: f64,
    /// Numbers that changed.
    pub switches: u64,
    /// Median distance, centimetres.
    pub median_cm: f64,
}

/// Settings for people who walk about a square, seen twice a second in boxes round whole people, hidden parts too: paces
/// are kept for longer than in a shop, nobody stoops, floor points are no guesses, and one frame is half a second.
pub fn outdoors() -> FloorSettings {
    let mut settings = FloorSettings {
        step_m: 0.06,
        confirm_many: 1.0,
        ..FloorSettings::default()
    };
    settings.motion.keeps_s = 2.0;
    settings.motion.bend = 0.05;
    settings.motion.lean = 0.0;
    settings.motion.upright = 0.01;
    settings
}

/// Detects by the model, tracks, and scores.
pub fn run(data: &WildTrack, model: &DetectionModel, fps: f64, settings: &FloorSettings) -> Row {
    let region = wildtrack::region();
    let settings = FloorSettings {
        // A box ends at the crown.
        usual_m: 1.72,
        usual_sd_m: 0.12,
        ..settings.clone()
    };
    let mut tracker = FloorTracker::new(&data.cameras, region.clone(), Vec::new(), settings);
    let mut draw = Draw::new(model.seed, 31);
    let mut frames = Vec::new();
    let mut seconds = 0.0;
    for (i, people) in data.frames.iter().enumerate() {
        let seen: Vec<CameraFrame> = (0..data.cameras.len())
            .map(|view| {
                let boxes: Vec<(i64, Bounds)> = people
                    .iter()
                    .filter_map(|p| Some((p.person, p.boxes.get(view).copied().flatten()?)))
                    .collect();
                CameraFrame {
                    camera: CameraIx(u32::try_from(view).unwrap_or(u32::MAX)),
                    detections: detect(&boxes, model, &mut draw),
                    hands: Vec::new(),
                }
            })
            .collect();
        let t = StoreTime::from_secs_f64(1.0 + i as f64 / fps);
        let start = Instant::now();
        let report = tracker.update(t, &seen);
        seconds += start.elapsed().as_secs_f64();
        let truth: Vec<Placed> = people
            .iter()
            .map(|p| Placed {
                id: p.person,
                position: p.position,
                counts: true,
            })
            .collect();
        let found: Vec<Placed> = report
            .points
            .iter()
            .map(|p| Placed {
                id: i64::try_from(p.track.0).unwrap_or(i64::MAX),
                position: p.position,
                counts: region.contains(p.position),
            })
            .collect();
        frames.push(ground::frame(&truth, &found));
    }
    let counts = Counts::of(&frames);
    let scores = counts.scores();
    let (missed, false_alarms) = counts.missed_and_false();
    let round = |x: f64| (x * 100.0).round() / 100.0;
    Row {
        moda: round(counts.moda()),
        modp: round(ground::modp(&counts)),
        mota: round(scores.mota),
        idf1: round(scores.idf1),
        hota: round(scores.hota),
        frames: counts.frames(),
        cameras: data.cameras.len(),
        fps: (data.frames.len() as f64 / seconds.max(1e-9)).round(),
        missed: round(missed),
        false_alarms: round(false_alarms),
        switches: counts.switches(),
        median_cm: round(ground::median_cm(&frames)),
    }
}

/// What the model's detector says of a view's boxes, in an order that tells nothing.
fn detect(
    boxes: &[(i64, Bounds)],
    model: &DetectionModel,
    draw: &mut Draw,
) -> Vec<PersonDetection> {
    let mut out: Vec<(f64, PersonDetection)> = Vec::new();
    for (person, b) in boxes {
        let foot = b.top + b.height;
        // Nearer people stand lower in the picture.
        let covered: f64 = boxes
            .iter()
            .filter(|(other, o)| other != person && o.top + o.height > foot)
            .map(|(_, o)| b.covered_by(o))
            .fold(0.0, f64::max);
        let drop = if covered >= 0.7 {
            model.drop.max(model.drop_hidden)
        } else {
            model.drop
        };
        let dropped = draw.chance(drop);
        let mut shift = || model.jitter * draw.normal();
        let (l, r, t, d) = (
            shift() * b.width,
            shift() * b.width,
            shift() * b.height,
            shift() * b.height,
        );
        let jittered = Bounds {
            left: b.left + l,
            top: b.top + t,
            width: b.width + r - l,
            height: b.height + d - t,
        };
        let score = draw.between(0.5, 1.0);
        if !dropped {
            out.extend(detection(b, &jittered, score).map(|d| (jittered.left, d)));
        }
    }
    for _ in 0..draw.poisson(model.add) {
        // As large as people are where it appears.
        let height = match boxes.get((draw.unit() * boxes.len() as f64) as usize) {
            Some((_, b)) => b.height * draw.between(0.7, 1.3),
            None => draw.between(100.0, 400.0),
        };
        let b = Bounds {
            left: draw.between(0.0, f64::from(SIZE_PX[0])),
            top: draw.between(0.1, 0.6) * f64::from(SIZE_PX[1]),
            width: 0.4 * height,
            height,
        };
        let score = draw.between(0.3, 0.9);
        out.extend(detection(&b, &b, score).map(|d| (b.left, d)));
    }
    out.sort_by(|a, b| a.0.total_cmp(&b.0));
    out.into_iter().map(|(_, d)| d).collect()
}

/// A box as the tracker hears it: the head at the middle of its upper side, the floor point at that of its
/// lower. A side that the picture's edge cuts (by the box before jitter) says nothing; one cut at the left or right
/// says less of where the middle is.
fn detection(told: &Bounds, b: &Bounds, score: f64) -> Option<PersonDetection> {
    const EDGE: f64 = 2.0;
    let [w, h] = SIZE_PX.map(f64::from);
    let cut = told.left < EDGE || told.left + told.width > w - EDGE;
    let across = if cut { 0.5 } else { 0.08 } * b.width + 0.01 * b.height;
    let up = 0.05 * b.height;
    let point = |v: f64| PixelPoint {
        pixel: Pixel {
            u: b.left + 0.5 * b.width,
            v,
        },
        cov: [across * across, 0.0, up * up],
    };
    let head = (told.top > EDGE).then(|| point(b.top));
    let foot = (told.top + told.height < h - EDGE).then(|| point(b.top + b.height));
    (head.is_some() || foot.is_some()).then(|| PersonDetection {
        head,
        foot,
        score: score as f32,
        appearance: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_boxes_say_what_they_can() {
        let whole = Bounds {
            left: 100.0,
            top: 200.0,
            width: 80.0,
            height: 200.0,
        };
        let d = detection(&whole, &whole, 0.9).unwrap();
        assert!(d.head.is_some() && d.foot.is_some());
        let legs = Bounds { top: 0.0, ..whole };
        assert!(detection(&legs, &legs, 0.9).unwrap().head.is_none());
        let side = Bounds { left: 0.0, ..whole };
        let cut = detection(&side, &side, 0.9).unwrap().head.unwrap();
        assert!(cut.cov[0] > 10.0 * d.head.unwrap().cov[0]);
    }
}
