//! What hands hold, in rendered pictures of ceiling cameras: the item network's answers against what they hold.
//!
//! Hands are taken from the renderer's labels, off by as much as a good detector's, so that this is of looks alone.

use crate::calibration::expected_calibration_error;
use crate::draw::Draw;
use crate::marks::{candidates, likeliest};
use crate::pixels::{PixelError, rgb};
use serde::Serialize;
use std::sync::Arc;
use walkout_model::{CameraIx, Pixel, SeenHand, SeenPerson, Shop, Sighting, SkuIx, View};
use walkout_perception::eyes::{HeldSettings, ItemEye};
use walkout_perception::nets::{Gallery, Likeness, Look, Network};
use walkout_simulator::render::{Frame, Held, RenderConfig, Renderer, Snapshot};
use walkout_simulator::{Plan, Preset, Simulation, SimulationError, Tick};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of shoppers, light and noise.
    pub seed: u64,
    /// Cameras at most.
    pub cameras: usize,
    /// Instants, two seconds apart.
    pub instants: u32,
    /// Width of the pictures, pixels.
    pub width_px: u32,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct HandMarks {
    /// The shop.
    pub shop: String,
    /// Its seed.
    pub seed: u64,
    /// Hands with something in them that were looked at.
    pub hands: usize,
    /// Products in the gallery.
    pub products: usize,
    /// Share put right among 3, 5, 10 candidates and among all.
    pub right_among: [f64; 4],
    /// Expected calibration error of the best candidate's probability, over those same questions.
    pub calibration_error: f64,
    /// Share of hands of which something is told at all.
    pub told: f64,
    /// Share of questions whose best candidate has .8 or more, and share of those that are right.
    pub answered: [f64; 2],
    /// Looks at empty hands, and the share of them of which something is told.
    pub empty_told: (usize, f64),
}

/// A look at a hand with what it holds.
#[derive(Clone, Debug)]
pub struct HandLook {
    look: Look,
    holds: Option<SkuIx>,
}

/// Candidates that a question names.
const AMONG: [usize; 3] = [3, 5, 10];
/// Draws of candidates a hand.
const DRAWS: u64 = 6;
/// Store time before the first picture, and between two, ticks.
const FILL: u32 = 60 * 60;
const EVERY: u32 = 2 * 60;
/// A hand and what it holds must show as much as this.
const VISIBLE: f32 = 0.35;
/// A detector is off by this share of the head's radius.
const OFF: f64 = 0.35;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum HandsError {
    /// Nothing was seen.
    #[error(transparent)]
    Pixels(#[from] PixelError),
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

/// Looks at hands in a busy shop.
///
/// # Errors
/// The network fails, or the shop has no camera.
pub fn look(
    shop: &Arc<Shop>,
    items: &ItemEye,
    options: &Options,
) -> Result<Vec<HandLook>, HandsError> {
    let layout = &shop.layout;
    let first = layout.cameras.first().ok_or(PixelError::NoCamera)?;
    let mut simulation =
        Simulation::new(Arc::clone(shop), Plan::preset(Preset::Busy, options.seed))?;
    let config = RenderConfig {
        size_px: [
            options.width_px,
            options.width_px * first.height_px / first.width_px.max(1),
        ],
        oversampling: 1,
        seed: options.seed,
        ..RenderConfig::default()
    };
    let mut renderer = Renderer::new(Arc::clone(shop), config);
    let mut draw = Draw::new(options.seed, 71);
    let (mut tick, mut snapshot, mut frame) =
        (Tick::default(), Snapshot::default(), Frame::default());
    let mut looks = Vec::new();
    for n in 0..options.instants {
        let ticks = if n == 0 { FILL } else { EVERY };
        for _ in 0..ticks {
            simulation.step(&mut tick);
        }
        simulation.snapshot(&mut snapshot);
        let somebody_holds = snapshot.figures.iter().any(|f| {
            let mut hands = f.hands.iter();
            hands.any(|h| matches!(h.holds, Some(Held::Sku(_))))
        });
        if !somebody_holds {
            continue;
        }
        for i in 0..layout.cameras.len().min(options.cameras) {
            let camera = CameraIx::from(i);
            renderer.render(camera, &snapshot, &mut frame);
            let view = View::new(&layout.cameras[i]);
            let per_px = f64::from(view.camera().width_px) / f64::from(options.width_px);
            let (sighting, holds) = sighting(camera, &snapshot, &frame, per_px, &mut draw);
            let picture = rgb(&frame.picture)?;
            let seen = items.looks(&view, &sighting, &picture, per_px);
            for (at, _, look) in seen.map_err(PixelError::from)? {
                let hand = sighting.hands.iter().position(|h| h.at == at);
                let Some(holds) = hand.and_then(|h| holds.get(h).copied()) else {
                    continue;
                };
                looks.push(HandLook { look, holds });
            }
        }
    }
    Ok(looks)
}

/// What a good detector would tell of a frame, and what each hand holds.
fn sighting(
    camera: CameraIx,
    snapshot: &Snapshot,
    frame: &Frame,
    per_px: f64,
    draw: &mut Draw,
) -> (Sighting, Vec<Option<SkuIx>>) {
    let mut sighting = Sighting::empty(camera, snapshot.t);
    let mut holds = Vec::new();
    for person in &frame.people {
        let Some(head) = person.head.px.filter(|_| person.head.visible > 0.0) else {
            continue;
        };
        let pixel = |p: [f32; 2]| Pixel {
            u: f64::from(p[0]) * per_px,
            v: f64::from(p[1]) * per_px,
        };
        let radius = f64::from(person.head_radius_px) * per_px;
        sighting.people.push(SeenPerson {
            head: pixel(head),
            head_sigma_px: 0.3 * radius,
            foot: None,
            foot_sigma_px: radius,
            score: 0.9,
            look: Vec::new(),
        });
        for (k, hand) in person.hands.iter().enumerate() {
            let Some(px) = hand.px.filter(|_| hand.visible >= VISIBLE) else {
                continue;
            };
            let held = match person.holds[k] {
                Some(Held::Sku(sku)) if person.item_box[k].is_some() => Some(sku),
                None => None,
                _ => continue,
            };
            let at = pixel(px);
            sighting.hands.push(SeenHand {
                at: Pixel {
                    u: at.u + OFF * radius * draw.normal(),
                    v: at.v + OFF * radius * draw.normal(),
                },
                sigma_px: 0.5 * radius,
                owner: Some(pixel(head)),
                owner_radius_px: radius,
                score: 0.9,
            });
            holds.push(held);
        }
    }
    (sighting, holds)
}

/// Scores looks.
pub fn measure(shop: &Shop, items: &ItemEye, looks: &[HandLook], options: &Options) -> HandMarks {
    let all: Vec<SkuIx> = items.gallery().skus().collect();
    let (mut right, mut asked) = ([0_u32; 4], [0_u32; 4]);
    let mut predictions = Vec::new();
    let (mut told, mut held, mut empty, mut empty_told) = (0, 0, 0_usize, 0_u32);
    for (n, seen) in looks.iter().enumerate() {
        let posterior = items.posterior(&seen.look);
        let Some(truth) = seen.holds else {
            empty += 1;
            empty_told += u32::from(!posterior.is_empty());
            continue;
        };
        held += 1;
        told += u32::from(!posterior.is_empty());
        let mut ask = |k: usize, among: &[SkuIx]| {
            // As fusion does it: what is not told shares what is missing to 1.
            let sum: f32 = posterior.iter().map(|(_, p)| p).sum();
            let rest =
                (1.0 - sum).max(0.0) / (all.len() - posterior.len().min(all.len())).max(1) as f32;
            let of = |s: &SkuIx| {
                posterior
                    .iter()
                    .find(|(k, _)| k == s)
                    .map_or(rest, |(_, p)| *p)
            };
            let total: f32 = among.iter().map(of).sum();
            let best = among
                .iter()
                .max_by(|a, b| of(a).total_cmp(&of(b)).then(b.cmp(a)));
            let Some(&best) = best.filter(|_| total > 0.0) else {
                return;
            };
            asked[k] += 1;
            right[k] += u32::from(best == truth);
            predictions.push((f64::from(of(&best) / total), best == truth));
        };
        for (k, size) in AMONG.into_iter().enumerate() {
            for d in 0..DRAWS {
                ask(k, &candidates(truth.0, &all, size, n as u64 * DRAWS + d));
            }
        }
        ask(3, &all);
    }
    let sure: Vec<&(f64, bool)> = predictions.iter().filter(|(p, _)| *p >= 0.8).collect();
    let share = |n: f64, of: usize| n / of.max(1) as f64;
    HandMarks {
        shop: shop.name.clone(),
        seed: options.seed,
        hands: held,
        products: all.len(),
        right_among: [0, 1, 2, 3].map(|k| share(f64::from(right[k]), asked[k] as usize)),
        calibration_error: expected_calibration_error(&predictions),
        told: share(f64::from(told), held),
        answered: [
            share(sure.len() as f64, predictions.len()),
            share(sure.iter().filter(|(_, r)| *r).count() as f64, sure.len()),
        ],
        empty_told: (empty, share(f64::from(empty_told), empty)),
    }
}

/// The settings that make what hands hold likeliest: the weights of the likenesses first, then the doubt.
pub fn fit(items: &ItemEye, looks: &[HandLook], settings: &HeldSettings) -> HeldSettings {
    let all: Vec<SkuIx> = items.gallery().skus().collect();
    let mut questions: Vec<(SkuIx, Vec<Likeness>)> = Vec::new();
    for (n, seen) in looks.iter().enumerate() {
        let Some(truth) = seen.holds else { continue };
        for size in [3, 5, 10, all.len()] {
            let among = candidates(truth.0, &all, size, n as u64);
            questions.push((truth, items.gallery().likenesses(&seen.look, &among)));
        }
    }
    let calibration = likeliest(&questions);
    // Of each question: the best logit among all, and the softmax's share (over all) of the truth and of all that it names.
    let even = 1.0 / all.len().max(1) as f32;
    let mut asked: Vec<(f32, f32, f32, usize)> = Vec::new();
    for (n, seen) in looks.iter().enumerate() {
        let Some(truth) = seen.holds else { continue };
        let alike = items.gallery().likenesses(&seen.look, &all);
        let logits = alike.iter().map(|l| calibration.logit(l));
        let best = logits.fold(f32::NEG_INFINITY, f32::max);
        let ranked = calibration.posterior(&alike).ranked;
        let of = |s: &SkuIx| ranked.iter().find(|(k, _)| k == s).map_or(0.0, |(_, p)| *p);
        for size in [3, 5, 10, all.len()] {
            let among = candidates(truth.0, &all, size, n as u64);
            asked.push((best, of(&truth), among.iter().map(of).sum(), among.len()));
        }
    }
    let loss = |doubt: f32| -> f32 {
        let of = |(best, own, sum, n): &(f32, f32, f32, usize)| {
            let d = 1.0 / (1.0 + (best - doubt).exp());
            let own = (1.0 - d) * own + d * even;
            let sum = (1.0 - d) * sum + d * even * *n as f32;
            -(own / sum.max(1e-9)).max(1e-9).ln()
        };
        asked.iter().map(of).sum()
    };
    let top = calibration.cosine + calibration.colours;
    let doubt = (-40..=40)
        .map(|k| top * k as f32 / 40.0)
        .min_by(|a, b| loss(*a).total_cmp(&loss(*b)))
        .unwrap_or(settings.doubt);
    HeldSettings {
        calibration,
        doubt,
        ..settings.clone()
    }
}

/// An eye over a shop's goods.
pub fn eye(
    shop: &Shop,
    network: &Arc<dyn Network>,
    gallery: &Gallery,
    settings: HeldSettings,
) -> ItemEye {
    ItemEye::new(Arc::clone(network), gallery.clone(), &shop.layout, settings)
}
