//! Heads and hands on rooms drawn at random.

use super::{MarksError, Rates, Tally, Target, matched, median};
use serde::Serialize;
use walkout_model::camera::View;
use walkout_model::layout::Camera;
use walkout_perception::eyes::EyeSettings;
use walkout_perception::nets::{
    HAND_TERMS, HandOdds, Network, PersonConfig, PersonNetwork, PersonView, ReachConfig,
    ReachNetwork, RgbPicture,
};
use walkout_simulator::render::{Domain, Frame, Studio, Viewpoint};

/// A head counts if this share of it shows and its radius is at least so much of the picture's width: 1.8 pixels of 320.
const HEAD_VISIBLE: f32 = 0.3;
const HEAD_RADIUS: f64 = 1.8 / 320.0;
/// A hand counts if this share of it shows.
const HAND_VISIBLE: f32 = 0.35;
/// A hand may be this far off, metres at its distance.
const HAND_WITHIN_M: f64 = 0.15;
/// Spots of the least size may be this many pixels of the person network's input off.
const LEAST_PX: f64 = 4.0;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct PeoplePlan {
    /// Least scores of the person network.
    pub config: PersonConfig,
    /// Those of the network that looks from closer by, and how many cuts are.
    pub reach: ReachConfig,
    /// Seed of the rooms.
    pub seed: u64,
    /// Frames of each viewpoint.
    pub frames: u64,
    /// Width and height of the frames, pixels; the person network sees them scaled by where people are on the floor, as
    /// the eyes of a shop do.
    pub size_px: [u32; 2],
    /// Height of somebody in its input, pixels, from the side and from straight above; the eyes' own if none.
    pub person_px: Option<[f64; 2]>,
}

/// The `person` network's marks.
#[derive(Clone, Debug, Serialize)]
pub struct PersonMarks {
    /// Least scores of heads and hands.
    pub thresholds: [f32; 2],
    /// Least score of hands from closer by.
    pub reach_threshold: f32,
    /// Seed of the rooms.
    pub seed: u64,
    /// Width and height of the frames, pixels.
    pub size_px: [u32; 2],
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
    /// Hands of the person network.
    pub hands: HandMarks,
    /// Hands with the network that looks from closer by.
    pub reached: HandMarks,
    /// Cuts that it looked at, a frame.
    pub cuts: f64,
    /// Width of what the person network was shown, pixels, on average.
    pub input_px: f64,
}

/// Hands found and missed.
#[derive(Clone, Debug, Serialize)]
pub struct HandMarks {
    /// Hands within 15 cm.
    pub rates: Rates,
    /// Median distance of the hands found, centimetres.
    pub median_cm: Option<f64>,
    /// Share of the hands found whose owner is right.
    pub owner_right: f64,
}

#[derive(Default)]
struct Sums {
    heads: Tally,
    hands: HandSums,
    reached: HandSums,
    cuts: u64,
    input_px: f64,
    frames: u64,
}

#[derive(Default)]
struct HandSums {
    tally: Tally,
    off_cm: Vec<f64>,
    owned: u32,
}

/// Looks at frames of each viewpoint, with and without the network that looks from closer by.
///
/// # Errors
/// A network fails.
pub fn measure(
    person: &dyn Network,
    reach: &dyn Network,
    plan: &PeoplePlan,
) -> Result<PersonMarks, MarksError> {
    let reach = ReachNetwork::new(reach.session()?, plan.reach.clone());
    let least = plan.config.hand;
    let mut by_view: [Sums; VIEWS.len()] = std::array::from_fn(|_| Sums::default());
    look(person, plan, |look| {
        let sums = &mut by_view[look.view];
        sums.input_px += look.scale * f64::from(plan.size_px[0]);
        let mut closer = look.seen.clone();
        sums.cuts += reach.reach(look.picture, &mut closer, look.usual_radius_px)? as u64;
        let mut seen = look.seen;
        seen.hands.retain(|h| h.at.score >= least);
        sums.add([&seen, &closer], look.frame, look.camera, look.scale);
        Ok(())
    })?;
    let mut all = Sums::default();
    let mut views = Vec::new();
    for (sums, (name, _)) in by_view.into_iter().zip(VIEWS) {
        all.merge(&sums);
        views.push(sums.marks(name));
    }
    views.push(all.marks("all"));
    Ok(PersonMarks {
        thresholds: [plan.config.head, plan.config.hand],
        reach_threshold: plan.reach.least,
        seed: plan.seed,
        size_px: plan.size_px,
        views,
    })
}

/// The odds by which spots on these rooms are hands most probably: maximum likelihood of which of them are, but for those at hands
/// that need not be found.
///
/// # Errors
/// A network fails.
pub fn fit_hands(
    person: &dyn Network,
    reach: &dyn Network,
    plan: &PeoplePlan,
) -> Result<HandOdds, MarksError> {
    let reach = ReachNetwork::new(reach.session()?, plan.reach.clone());
    let mut lessons: Vec<([f64; HAND_TERMS + 1], bool)> = Vec::new();
    look(person, plan, |look| {
        let (_, spots) = reach.spots(look.picture, &look.seen, look.usual_radius_px)?;
        let (targets, _) = hands(look.frame, look.camera);
        let found: Vec<(f64, f64)> = spots.iter().map(|s| (s.at.x, s.at.y)).collect();
        let (_, pairs) = matched(&targets, &found);
        for (spot, target) in spots.iter().zip(pairs) {
            if target.is_none_or(|i| targets[i].counts) {
                let mut x = [1.0; HAND_TERMS + 1];
                for (x, term) in x.iter_mut().skip(1).zip(spot.said.terms()) {
                    *x = f64::from(term);
                }
                lessons.push((x, target.is_some()));
            }
        }
        Ok(())
    })?;
    let [none, worth @ ..] = logistic(&lessons).map(|w| w as f32);
    Ok(HandOdds { none, worth })
}

/// Weights of most likelihood, by Newton's steps; a little ridge holds what the lessons leave open.
fn logistic<const N: usize>(lessons: &[([f64; N], bool)]) -> [f64; N] {
    const STEPS: usize = 30;
    const RIDGE: f64 = 0.05;
    let mut w = [0.0; N];
    for _ in 0..STEPS {
        let mut slope = w.map(|w| -RIDGE * w);
        let mut bend = [[0.0; N]; N];
        for (i, row) in bend.iter_mut().enumerate() {
            row[i] = RIDGE;
        }
        for (x, is) in lessons {
            let z: f64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
            let p = 1.0 / (1.0 + (-z).exp());
            for i in 0..N {
                slope[i] += x[i] * (f64::from(u8::from(*is)) - p);
                for j in 0..N {
                    bend[i][j] += x[i] * x[j] * p * (1.0 - p);
                }
            }
        }
        let step = solved(bend, slope);
        // Far from the answer a whole step may overshoot.
        let long = step.iter().map(|s| s.abs()).fold(0.0, f64::max);
        let part = (4.0 / long.max(1e-12)).min(1.0);
        for (w, s) in w.iter_mut().zip(step) {
            *w += part * s;
        }
    }
    w
}

/// `a x = b` for a symmetric positive definite `a`, by elimination.
fn solved<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> [f64; N] {
    for i in 0..N {
        let pivot = a[i];
        for j in i + 1..N {
            let by = a[j][i] / pivot[i];
            for (x, p) in a[j].iter_mut().zip(pivot).skip(i) {
                *x -= by * p;
            }
            b[j] -= by * b[i];
        }
    }
    for i in (0..N).rev() {
        let rest: f64 = (i + 1..N).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - rest) / a[i][i];
    }
    b
}

const VIEWS: [(&str, Viewpoint); 3] = [
    ("oblique", Viewpoint::Oblique),
    ("down", Viewpoint::Down),
    ("shelf", Viewpoint::Shelf),
];

/// A room as the person network saw it.
struct Look<'a> {
    /// Its place in [`VIEWS`].
    view: usize,
    frame: &'a Frame,
    camera: &'a Camera,
    picture: &'a RgbPicture<'a>,
    /// With doubtful hands, which are worth a look from closer by.
    seen: PersonView,
    /// Pixels of the network's input a pixel of the picture.
    scale: f64,
    usual_radius_px: f64,
}

/// Shows the person network the rooms of a plan.
fn look(
    person: &dyn Network,
    plan: &PeoplePlan,
    mut at: impl FnMut(Look<'_>) -> Result<(), MarksError>,
) -> Result<(), MarksError> {
    let mut eyes = EyeSettings::default();
    eyes.person_px = plan.person_px.unwrap_or(eyes.person_px);
    let doubtful = PersonConfig {
        hand: plan.config.hand.min(plan.reach.claim),
        ..plan.config.clone()
    };
    let mut person = PersonNetwork::new(person.session()?, doubtful);
    for (view, (_, viewpoint)) in VIEWS.into_iter().enumerate() {
        let domain = Domain {
            size_px: plan.size_px,
            ..Domain::only(viewpoint)
        };
        let mut studio = Studio::new(domain, plan.seed + viewpoint as u64, Vec::new());
        let mut frame = Frame::default();
        for n in 0..plan.frames {
            let camera = studio.frame(n, &mut frame);
            let picture = RgbPicture::new(
                frame.picture.width,
                frame.picture.height,
                &frame.picture.rgb,
            )?;
            let (scale, usual_radius_px) = eyes.scale(&View::new(&camera), &studio.watched());
            person.rescale(scale);
            at(Look {
                view,
                frame: &frame,
                camera: &camera,
                seen: person.look(&picture)?,
                picture: &picture,
                scale,
                usual_radius_px,
            })?;
        }
    }
    Ok(())
}

/// Whether a head of this radius is large enough to count.
fn is_large(radius_px: f32, frame: &Frame) -> bool {
    f64::from(radius_px) >= HEAD_RADIUS * f64::from(frame.picture.width)
}

/// The hands in a frame, two a person, and how many pixels a metre is there.
fn hands(frame: &Frame, camera: &Camera) -> (Vec<Target>, Vec<f64>) {
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
                counts: hand.visible >= HAND_VISIBLE && is_large(person.head_radius_px, frame),
            });
        }
    }
    (targets, px_per_m)
}

impl Sums {
    /// Adds a frame in which `seen` was seen without and with the look from closer by.
    fn add(&mut self, seen: [&PersonView; 2], frame: &Frame, camera: &Camera, scale: f64) {
        self.frames += 1;
        let targets: Vec<Target> = frame
            .people
            .iter()
            .map(|p| {
                let [x, y] = p.head.px.unwrap_or([-1e6; 2]).map(f64::from);
                Target {
                    x,
                    y,
                    within: f64::from(p.head_radius_px).max(LEAST_PX / scale),
                    counts: p.head.visible >= HEAD_VISIBLE && is_large(p.head_radius_px, frame),
                }
            })
            .collect();
        let found: Vec<(f64, f64)> = seen[0].heads.iter().map(|h| (h.at.x, h.at.y)).collect();
        let (tally, heads) = matched(&targets, &found);
        self.heads.add(tally);
        let (targets, px_per_m) = hands(frame, camera);
        for (sums, seen) in [&mut self.hands, &mut self.reached].into_iter().zip(seen) {
            sums.add(seen, &targets, &px_per_m, &heads);
        }
    }

    fn merge(&mut self, o: &Self) {
        self.heads.add(o.heads);
        self.hands.merge(&o.hands);
        self.reached.merge(&o.reached);
        self.cuts += o.cuts;
        self.input_px += o.input_px;
        self.frames += o.frames;
    }

    fn marks(self, view: &'static str) -> ViewMarks {
        ViewMarks {
            view,
            frames: self.frames,
            heads: self.heads.rates(),
            hands: self.hands.marks(),
            reached: self.reached.marks(),
            cuts: self.cuts as f64 / self.frames.max(1) as f64,
            input_px: self.input_px / self.frames.max(1) as f64,
        }
    }
}

impl HandSums {
    /// `heads` are the people whose heads were found, by the heads' places in `seen`.
    fn add(
        &mut self,
        seen: &PersonView,
        targets: &[Target],
        px_per_m: &[f64],
        heads: &[Option<usize>],
    ) {
        let found: Vec<(f64, f64)> = seen.hands.iter().map(|h| (h.at.x, h.at.y)).collect();
        let (tally, pairs) = matched(targets, &found);
        self.tally.add(tally);
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
        self.tally.add(o.tally);
        self.off_cm.extend(&o.off_cm);
        self.owned += o.owned;
    }

    fn marks(self) -> HandMarks {
        HandMarks {
            rates: self.tally.rates(),
            owner_right: f64::from(self.owned) / f64::from(self.tally.hit.max(1)),
            median_cm: median(self.off_cm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_perception::nets::RtenNetwork;

    #[test]
    fn the_fit_finds_the_odds_that_lessons_were_drawn_by() {
        // A chance of the logistic function of 3 x − 1, as so many of a thousand at each of some places.
        let mut lessons = Vec::new();
        for x in [0.0_f64, 0.2, 0.4, 0.6, 0.8, 1.0] {
            let p: f64 = 1.0 / (1.0 + (1.0 - 3.0 * x).exp());
            let hits = (1_000.0 * p).round() as u32;
            lessons.extend((0..1_000).map(|i| ([1.0, x], i < hits)));
        }
        let [none, worth] = logistic(&lessons);
        assert!(
            (none + 1.0).abs() < 0.01 && (worth - 3.0).abs() < 0.02,
            "{none} {worth}"
        );
    }

    fn shipped(file: &str) -> RtenNetwork {
        let path = walkout_testkit::root().join("models").join(file);
        RtenNetwork::from_bytes(file, std::fs::read(path).unwrap(), 1).unwrap()
    }

    /// Rooms of a seed of their own.
    #[test]
    fn hands_from_closer_by_are_found_and_always_the_same() {
        let (person, reach) = (shipped("person.onnx"), shipped("reach.onnx"));
        let plan = PeoplePlan {
            config: PersonConfig::default(),
            reach: ReachConfig::default(),
            seed: 9301,
            frames: 12,
            size_px: [640, 480],
            person_px: None,
        };
        let marks = measure(&person, &reach, &plan).unwrap();
        let oblique = &marks.views[0];
        let (before, closer) = (&oblique.hands.rates, &oblique.reached.rates);
        // From the least probability that ships a few hands fewer are told, and more of those are right.
        assert!(
            closer.precision > before.precision + 0.06 && closer.recall > before.recall - 0.06,
            "{oblique:?}"
        );
        let all = marks.views.last().unwrap();
        let closer = &all.reached.rates;
        assert!(closer.there >= 60 && all.cuts > 1.0, "{all:?}");
        assert!(closer.recall > 0.5 && closer.precision > 0.48, "{all:?}");
        let few = PeoplePlan { frames: 2, ..plan };
        let said = |marks: PersonMarks| format!("{marks:?}");
        let [a, b] = [(), ()].map(|()| said(measure(&person, &reach, &few).unwrap()));
        assert_eq!(a, b);
    }
}
