//! Heads and hands on rooms drawn at random.

use super::{MarksError, Rates, Tally, Target, matched, median};
use serde::Serialize;
use walkout_perception::nets::{Network, PersonConfig, PersonNetwork, RgbPicture};
use walkout_simulator::render::{Domain, Frame, Studio, Viewpoint};

/// A head counts if this share of it shows and it is at least so large.
const HEAD_VISIBLE: f32 = 0.3;
const HEAD_RADIUS_PX: f32 = 1.8;
/// A hand counts if this share of it shows.
const HAND_VISIBLE: f32 = 0.35;
/// A hand may be this far off, metres at its distance.
const HAND_WITHIN_M: f64 = 0.15;
/// Spots of the least size may be this many pixels off.
const LEAST_PX: f64 = 4.0;

/// The `person` network's marks.
#[derive(Clone, Debug, Serialize)]
pub struct PersonMarks {
    /// Least scores of heads and hands.
    pub thresholds: [f32; 2],
    /// Seed of the rooms.
    pub seed: u64,
    /// By viewpoint, then all together.
    pub views: Vec<ViewMarks>,
}

/// One viewpoint's marks.
#[derive(Clone, Debug, Serialize)]
pub struct ViewMarks {
    /// `oblique`, `down`, `shelf` or `all`.
    pub view: &'static str,
    /// Frames.
    pub frames: u64,
    /// Heads, within their radius or 4 pixels.
    pub heads: Rates,
    /// Hands within 15 cm.
    pub hands: Rates,
    /// Median distance of the hands found, centimetres.
    pub hand_median_cm: Option<f64>,
    /// Share of the hands found whose owner is right.
    pub hand_owner_right: f64,
}

#[derive(Default)]
struct Sums {
    heads: Tally,
    hands: Tally,
    off_cm: Vec<f64>,
    owned: u32,
    frames: u64,
}

/// Looks at `frames` frames of each viewpoint.
///
/// # Errors
/// The network fails.
pub fn measure<N: Network>(
    network: &PersonNetwork<N>,
    config: &PersonConfig,
    seed: u64,
    frames: u64,
) -> Result<PersonMarks, MarksError> {
    let mut views = Vec::new();
    let mut all = Sums::default();
    for (name, view) in [
        ("oblique", Viewpoint::Oblique),
        ("down", Viewpoint::Down),
        ("shelf", Viewpoint::Shelf),
    ] {
        let mut studio = Studio::new(Domain::only(view), seed + view as u64, Vec::new());
        let mut sums = Sums::default();
        let mut frame = Frame::default();
        for n in 0..frames {
            let camera = studio.frame(n, &mut frame);
            let picture = RgbPicture::new(
                frame.picture.width,
                frame.picture.height,
                &frame.picture.rgb,
            )?;
            sums.add(&network.look(&picture)?, &frame, &camera);
        }
        all.merge(&sums);
        views.push(sums.marks(name));
    }
    views.push(all.marks("all"));
    Ok(PersonMarks {
        thresholds: [config.head, config.hand],
        seed,
        views,
    })
}

impl Sums {
    fn add(
        &mut self,
        seen: &walkout_perception::nets::PersonView,
        frame: &Frame,
        camera: &walkout_model::layout::Camera,
    ) {
        self.frames += 1;
        let targets: Vec<Target> = frame
            .people
            .iter()
            .map(|p| {
                let [x, y] = p.head.px.unwrap_or([-1e6; 2]).map(f64::from);
                Target {
                    x,
                    y,
                    within: f64::from(p.head_radius_px).max(LEAST_PX),
                    counts: p.head.visible >= HEAD_VISIBLE && p.head_radius_px >= HEAD_RADIUS_PX,
                }
            })
            .collect();
        let found: Vec<(f64, f64)> = seen.heads.iter().map(|h| (h.at.x, h.at.y)).collect();
        let (tally, heads) = matched(&targets, &found);
        self.heads.add(tally);
        let mut targets = Vec::new();
        let mut px_per_m = Vec::new();
        for person in &frame.people {
            for (hand, at) in person.hands.iter().zip(person.hands_at) {
                let [x, y] = hand.px.unwrap_or([-1e6; 2]).map(f64::from);
                let scale = camera.focal_px[0] / at.distance(camera.position).max(0.05);
                px_per_m.push(scale);
                targets.push(Target {
                    x,
                    y,
                    within: HAND_WITHIN_M * scale,
                    counts: hand.visible >= HAND_VISIBLE && person.head_radius_px >= HEAD_RADIUS_PX,
                });
            }
        }
        let found: Vec<(f64, f64)> = seen.hands.iter().map(|h| (h.at.x, h.at.y)).collect();
        let (tally, pairs) = matched(&targets, &found);
        self.hands.add(tally);
        for (hand, target) in seen.hands.iter().zip(pairs) {
            let Some(i) = target.filter(|&i| targets[i].counts) else {
                continue;
            };
            let off = (targets[i].x - hand.at.x).hypot(targets[i].y - hand.at.y);
            self.off_cm.push(off / px_per_m[i] * 100.0);
            // The owner is right if the head that the hand names is this person's.
            self.owned += u32::from(hand.owner.and_then(|h| heads[h]) == Some(i / 2));
        }
    }

    fn merge(&mut self, o: &Self) {
        self.heads.add(o.heads);
        self.hands.add(o.hands);
        self.off_cm.extend(&o.off_cm);
        self.owned += o.owned;
        self.frames += o.frames;
    }

    fn marks(self, view: &'static str) -> ViewMarks {
        ViewMarks {
            view,
            frames: self.frames,
            heads: self.heads.rates(),
            hands: self.hands.rates(),
            hand_owner_right: f64::from(self.owned) / f64::from(self.hands.hit.max(1)),
            hand_median_cm: median(self.off_cm),
        }
    }
}
