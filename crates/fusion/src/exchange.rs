//! Goods that came and went: somebody put something down, somebody else took it or one like it, and the plates bear what
//! they bore before. Plates see a disturbance only, as of a hand that pressed; hands, looks and carts tell the two apart.

use crate::FusionConfig;
use crate::belief::Belief;
use crate::decide;
use crate::hypotheses::{
    self, CART, Factors, Hypothesis, LOOK, MASS, PLACE, PRIOR, PUT_BACK, Part, REACH, SAME_LANE,
};
use crate::identity::{People, PersonIx};
use crate::lineage::Lineage;
use crate::looks::{Held, LookStore};
use crate::people::{Candidate, Witness};
use crate::place::{SeenShares, lane_shares, plate_edges};
use crate::tracks::TrackStore;
use walkout_model::{
    AttributedMovement, Disturbance, LaneIx, PartyKind, PlateDelta, Shop, SkuIx, StoreTime,
    TimeDelta, WeightStep, Who,
};

/// Whoever put something down did it at one of so many instants at most, evenly spread over the time in which it may
/// have been.
const PUT_INSTANTS: usize = 8;
/// A put and a take one after the other last so many points at least: 0.4 s.
const LEAST_POINTS: usize = 8;
/// Points at both ends of what stands on the plates in which it may still be on its way: 0.35 s.
const ON_ITS_WAY: usize = 7;
/// A single hand presses for so long, seconds, give or take so much; and how much it may speak for and against.
const PRESS_S: f64 = 1.1;
const PRESS_SPREAD_S: f64 = 0.3;
const LONG: f64 = 1.5;
const SHORT: f64 = -3.0;
/// Log ratio below which an instant is not tried.
const HOPELESS: f64 = -8.0;
/// What stands on a plate while a hand rests on it, too, shows at least this share of its mass.
const STANDS: f64 = 0.93;
/// How well plates tell what they bear more than before, grams.
const LEFT_SIGMA_G: f64 = 2.0;
/// How often it is the very unit that was put down, in front of the others, which is taken.
const SAME_UNIT: f64 = 0.5;
/// Prior odds of an exchange to a hand that only pressed, before asking who was there and what stands there.
const EXCHANGED: f64 = 0.1;
/// Weight of staff who put something down in another lane than that they were at last.
const ANY_LANE: f64 = 0.2;
/// Less than this in a cart is nothing to put back.
const HELD_LEAST: f64 = 0.05;
/// Less probable than this nothing is said.
const WORTH_SAYING: f64 = 0.05;

/// Something that may have come and gone, with who was there to put it down and to take it.
#[derive(Clone, Debug)]
struct Passage {
    lane: LaneIx,
    sku: SkuIx,
    /// The take as a step of its own.
    fall: WeightStep,
    taker: Witness,
    /// Who was there at each instant at which it may have been put down, and the log ratio of that instant.
    putters: Vec<(Witness, f64)>,
    /// Log ratio of the course to that of a hand alone, and how well the place fits.
    course: f64,
    place: f64,
}

/// A disturbance that may have been an exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    disturbance: Disturbance,
    passages: Vec<Passage>,
    hypotheses: Vec<Hypothesis>,
    /// Whether it was weighed with all that there will ever be to know.
    pub stands: bool,
}

/// What is seen of hands.
pub(crate) struct Scene<'a> {
    pub shop: &'a Shop,
    pub config: &'a FusionConfig,
    pub tracks: &'a TrackStore,
    pub looks: &'a LookStore,
}

impl Exchange {
    /// `None` if nothing that is sold here can have come and gone so.
    pub(crate) fn new(
        disturbance: Disturbance,
        scene: &Scene<'_>,
        belief: &Belief,
        untracked: &[(PersonIx, f64)],
    ) -> Option<Self> {
        let shop = scene.shop;
        let edges = plate_edges(&shop.layout, disturbance.shelf);
        let mut passages = Vec::new();
        for (lane_ix, lane) in shop.planogram.on_shelf(disturbance.shelf) {
            let Some(product) = shop.catalogue.get(lane.sku) else {
                continue;
            };
            let (grams, var) = belief.masses.of(lane.sku, 1);
            let Some(course) = Course::of(&disturbance.course, grams) else {
                continue;
            };
            let taken = at(&disturbance, course.taken);
            let fall = step(&disturbance, taken, -grams);
            let seen = SeenShares::new(shop, &fall, &edges, scene.config.share_sigma);
            let ways = lane_shares(&edges, lane, product, 1);
            let sum: f64 = ways.iter().map(|w| seen.agreement(w).exp()).sum();
            let place = (sum / ways.len().max(1) as f64).ln();
            if place < -8.0 {
                continue;
            }
            let witness = |step: &WeightStep| {
                let (tracks, looks) = (scene.tracks, scene.looks);
                Witness::new(shop, step, scene.config, tracks, looks, untracked.to_vec())
            };
            let putters = course
                .put
                .iter()
                .map(|(k, log)| {
                    (
                        witness(&step(&disturbance, at(&disturbance, *k), grams)),
                        *log,
                    )
                })
                .collect();
            passages.push(Passage {
                lane: lane_ix,
                sku: lane.sku,
                taker: witness(&fall),
                fall,
                putters,
                course: course.log_ratio + left(&disturbance, Some(var)),
                place,
            });
        }
        (!passages.is_empty()).then_some(Self {
            disturbance,
            passages,
            hypotheses: Vec::new(),
            stands: false,
        })
    }

    /// Its number among the shop's steps.
    pub(crate) fn serial(&self) -> u64 {
        self.disturbance.serial
    }

    /// When something was taken, if it was.
    pub(crate) fn t(&self) -> StoreTime {
        let first = self.passages.first();
        first.map_or(self.disturbance.t_end, |p| p.fall.t_change)
    }

    /// Whether a step is part of it.
    pub(crate) fn includes(&self, step: &WeightStep) -> bool {
        let own = &self.disturbance;
        let on = |p: &PlateDelta| own.plates.iter().any(|(plate, _)| *plate == p.plate);
        step.shelf == own.shelf
            && (own.t_start..=own.t_end).contains(&step.t_change)
            && step.plates.iter().any(on)
    }

    /// Weighs it by what is believed before it. `untold` is how probably no step tells of goods that moved in it.
    pub(crate) fn weigh(
        &mut self,
        config: &FusionConfig,
        belief: &Belief,
        (lineage, people): (&Lineage, &People),
        untold: f64,
    ) {
        let mut all = Vec::new();
        let each = 1.0 / self.passages.len().max(1) as f64;
        for passage in &self.passages {
            let takers = passage.taker.candidates(lineage, people, config, &[]);
            let instants: Vec<(Vec<Candidate>, f64)> = passage
                .putters
                .iter()
                .map(|(w, log)| (w.candidates(lineage, people, config, &[]), log.exp()))
                .collect();
            for taker in &takers {
                let mut factors = Factors::default();
                factors[REACH] = taker.reach();
                factors[LOOK] = taker.with_look(Held::Nothing) - factors[REACH];
                factors[MASS] = left(&self.disturbance, None);
                factors[PRIOR] = each.ln();
                all.push(Hypothesis {
                    parts: [1, -1].map(|n| nothing(taker, n)).into(),
                    removes: Vec::new(),
                    entwined: Vec::new(),
                    taken_up_by: None,
                    factors,
                    probability: 0.0,
                });
            }
            let held = Held::Sku(passage.sku);
            let mut putters: Vec<(Who, Option<PartyKind>)> = Vec::new();
            for candidate in instants.iter().flat_map(|i| &i.0) {
                if candidate.who != Who::Unknown && !putters.iter().any(|p| p.0 == candidate.who) {
                    putters.push((candidate.who, candidate.kind));
                }
            }
            for (putter, kind) in putters {
                let Some(cart) = self.brings(passage, putter, kind, belief) else {
                    continue;
                };
                for taker in takers.iter().filter(|t| t.who != putter) {
                    // The instant is not known: any of them, alike.
                    let (mut told, mut reach) = (0.0, 0.0);
                    for (candidates, fits) in &instants {
                        if let Some(c) = candidates.iter().find(|c| c.who == putter) {
                            let (t, r) = taker.both(held, c, held);
                            told += fits * t.exp();
                            reach += fits * r.exp();
                        }
                    }
                    let n = instants.len().max(1) as f64;
                    let (told, reach) = ((told / n).max(1e-30).ln(), (reach / n).max(1e-30).ln());
                    let mut factors = Factors::default();
                    factors[MASS] = passage.course;
                    factors[PLACE] = passage.place;
                    factors[REACH] = reach;
                    factors[LOOK] = told - reach;
                    factors[CART] = cart;
                    factors[PRIOR] = (EXCHANGED * untold.max(1e-6)).ln();
                    let part = |who: Who, kind: Option<PartyKind>, quantity: i32| Part {
                        who,
                        kind,
                        sku: Some(passage.sku),
                        quantity,
                        lane: Some(passage.lane),
                    };
                    all.push(Hypothesis {
                        parts: vec![part(taker.who, taker.kind, 1), part(putter, kind, -1)],
                        removes: Vec::new(),
                        entwined: Vec::new(),
                        taken_up_by: None,
                        factors,
                        probability: 0.0,
                    });
                }
            }
        }
        self.hypotheses = hypotheses::normalised(all, config.temperature);
    }

    /// Log weight of a party's bringing one.
    fn brings(
        &self,
        passage: &Passage,
        who: Who,
        kind: Option<PartyKind>,
        belief: &Belief,
    ) -> Option<f64> {
        if kind == Some(PartyKind::Staff) {
            let at = match who {
                Who::Session(s) => belief.filled.get(&(s, self.disturbance.shelf)),
                Who::Unknown => None,
            };
            let here = at == Some(&passage.lane);
            return Some(if here { SAME_LANE } else { ANY_LANE }.ln());
        }
        let held = belief.in_cart(who, passage.sku);
        (held >= HELD_LEAST).then(|| (PUT_BACK * held.min(1.0)).ln())
    }

    /// What was taken and what was put down, if either is worth saying.
    pub(crate) fn movements(
        &self,
        config: &FusionConfig,
        lineage: &Lineage,
        people: &People,
        now: StoreTime,
    ) -> Vec<AttributedMovement> {
        if decide::goods(&self.hypotheses) < WORTH_SAYING {
            return Vec::new();
        }
        let lane = self.hypotheses.iter().find_map(|h| h.parts.first()?.lane);
        let Some(passage) = self.passages.iter().find(|p| Some(p.lane) == lane) else {
            return Vec::new();
        };
        let mut told = decide::exchanged(&passage.fall, &self.hypotheses, config, now);
        let likeliest = passage.putters.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let witnesses = [Some(&passage.taker), likeliest.map(|p| &p.0)];
        for (movement, witness) in told.iter_mut().zip(witnesses) {
            let evidence = &mut movement.evidence;
            if let Some(witness) = witness {
                movement.t = witness.made.t;
                (evidence.hands, evidence.looks) = witness.seen(lineage, people);
            }
            evidence.came_and_went = Some((self.disturbance.t_start, self.disturbance.t_end));
        }
        told
    }

    /// What is believed of carts after it.
    pub(crate) fn learn(&self, belief: &mut Belief) {
        for h in self.hypotheses.iter().filter(|h| h.probability > 0.002) {
            for part in &h.parts {
                if let Some(sku) = part.sku {
                    belief.add_to_cart(part.who, sku, f64::from(part.quantity) * h.probability);
                }
            }
        }
    }

    /// Whether one of these parties may have had a part in it.
    pub(crate) fn concerns(&self, parties: &[Who], lineage: &Lineage, people: &People) -> bool {
        self.witnesses()
            .any(|w| w.concerns(parties, lineage, people))
    }

    /// Whether nothing to come can change who those within reach were.
    pub(crate) fn is_settled(&self, lineage: &Lineage) -> bool {
        self.witnesses().all(|w| w.stands(lineage))
    }

    fn witnesses(&self) -> impl Iterator<Item = &Witness> {
        self.passages
            .iter()
            .flat_map(|p| std::iter::once(&p.taker).chain(p.putters.iter().map(|w| &w.0)))
    }
}

fn nothing(c: &Candidate, quantity: i32) -> Part {
    Part {
        who: c.who,
        kind: c.kind,
        sku: None,
        quantity,
        lane: None,
    }
}

/// The middle of three points of the course, of which a [`Course`] tells the first.
fn at(disturbance: &Disturbance, first: usize) -> StoreTime {
    let middle = disturbance.course.get(first + 1);
    let ms = middle.map_or(0, |point| i64::from(point.0));
    disturbance.t_start + TimeDelta::from_millis(ms)
}

/// A change of so many grams in an instant of the disturbance, on its plates as they were disturbed.
fn step(disturbance: &Disturbance, t: StoreTime, grams: f64) -> WeightStep {
    let total: f32 = disturbance.plates.iter().map(|p| p.1).sum();
    let total = if total.abs() < 1.0 { 1.0 } else { total };
    WeightStep {
        serial: disturbance.serial,
        replaces: None,
        shelf: disturbance.shelf,
        t_start: disturbance.t_start,
        t_change: t,
        t_end: disturbance.t_end,
        known_at: disturbance.known_at,
        delta_g: grams as f32,
        sigma_g: (1.0 + 0.02 * grams.abs()) as f32,
        plates: disturbance
            .plates
            .iter()
            .map(|(plate, off)| PlateDelta {
                plate: *plate,
                delta_g: grams as f32 * off / total,
                // The hand that pressed shows, too.
                sigma_g: (0.2 * grams.abs()) as f32,
            })
            .collect(),
        curve: disturbance.course.iter().step_by(2).copied().collect(),
        seen: None,
    }
}

/// Log density of what the plates bear more than before: nothing where one unit came and went, or the difference of two of
/// this variance; where nothing did, next to nothing, or something else now and then.
fn left(disturbance: &Disturbance, unit_var: Option<f64>) -> f64 {
    let left = f64::from(disturbance.left_g);
    let normal = |var: f64| (-0.5 * left * left / var).exp() / (std::f64::consts::TAU * var).sqrt();
    let read = LEFT_SIGMA_G * LEFT_SIGMA_G;
    match unit_var {
        Some(var) => SAME_UNIT * normal(read) + (1.0 - SAME_UNIT) * normal(2.0 * var + read),
        None => 0.97 * normal(read) + 0.03 / (7.0 * left.abs().max(5.0)),
    }
    .max(1e-30)
    .ln()
}

/// When something of a mass may have come and gone, by the course of the plates it stood on.
#[derive(Clone, Debug)]
struct Course {
    /// The point at which it was taken.
    taken: usize,
    /// Points at which it may have been put down, each with how well what stood on the plates from then on agrees, as a log
    /// ratio.
    put: Vec<(usize, f64)>,
    /// Log ratio of the course to that of hands alone.
    log_ratio: f64,
}

impl Course {
    fn of(points: &[(i32, f32)], grams: f64) -> Option<Self> {
        let off: Vec<f64> = points
            .windows(3)
            .map(|w| w.iter().map(|p| f64::from(p.1)).sum::<f64>() / 3.0)
            .collect();
        let half = 0.5 * grams;
        let highest = off.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = off.iter().copied().fold(f64::INFINITY, f64::min);
        if lowest <= -0.7 * grams {
            // A press only adds: something was lifted off, and came back.
            let first = off.iter().position(|g| *g <= -half)?;
            let last = off.iter().rposition(|g| *g <= -half)?;
            return (last >= first + 3).then(|| Self {
                taken: first,
                put: vec![(last, 0.0)],
                log_ratio: 0.0,
            });
        }
        if highest < STANDS * grams {
            return None;
        }
        let first = off.iter().position(|g| *g >= half)?;
        let last = off.iter().rposition(|g| *g >= half)?;
        if last < first + LEAST_POINTS {
            return None;
        }
        let lasts_s = f64::from(points[last + 1].0.saturating_sub(points[first + 1].0)) / 1e3;
        let log_ratio = ((lasts_s - PRESS_S) / PRESS_SPREAD_S).clamp(SHORT, LONG);
        let until = last - (LEAST_POINTS - 2);
        let instants = PUT_INSTANTS.min(1 + (until - first) / 3);
        let put: Vec<(usize, f64)> = (0..instants)
            .map(|k| first + (until - first) * k / (instants - 1).max(1))
            .map(|k| (k, stands(&off, (k, last), grams)))
            .filter(|(_, log)| *log > HOPELESS)
            .collect();
        if put.is_empty() {
            return None;
        }
        Some(Self {
            taken: last,
            put,
            log_ratio,
        })
    }
}

/// While something stands on the plates nothing goes below its mass.
fn stands(off: &[f64], (put, taken): (usize, usize), grams: f64) -> f64 {
    let stood = off.get(put + ON_ITS_WAY..taken.saturating_sub(ON_ITS_WAY));
    let least = stood
        .unwrap_or_default()
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    if least.is_infinite() {
        return 0.0;
    }
    let missing = (STANDS * grams - 4.0 - least).max(0.0) / (3.0 + 0.05 * grams);
    -0.5 * missing * missing
}
