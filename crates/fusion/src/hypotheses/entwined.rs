//! Steps of one shelf that came nearly at once, of which some weigh like nothing that is sold: two people put and took on plates that
//! they share, or one pressed while the other lifted. What each step weighs is not what was moved in it, but together the plates
//! bear what all of it comes to, so that such steps are explained together.

use super::{
    CART, Case, Factors, Hypothesis, LOOK, MASS, OFF, PLACE, PRIOR, Part, REACH, SHARED_MOST,
    STOCK, as_i32, foreign,
    goods::{STRAY, taken_by},
    is_unread, lanes_within,
    removals::{Removal, RemovalKind, owned},
    touched, units_prior, weighed, weighs_like,
};
use crate::belief::Belief;
use crate::looks::Held;
use crate::people::Candidate;
use crate::place::lane_shares;
use crate::reach::is_blind;
use walkout_model::{Lane, LaneIx, Shop, StoreTime, TimeDelta, WeightStep};

/// Steps farther apart in time have nothing to do with one another.
const SOON: TimeDelta = TimeDelta::from_millis(2_600);
/// So many steps are explained together at most, and so many of one time looked at.
const TOGETHER: usize = 3;
pub(crate) const OF_ONE_TIME: usize = 5;
/// A plate that shows this share of the most that one does is the step's own.
const OWN: f32 = 0.3;
/// So many plates may lie between those of two steps: what both load shows nothing.
const BETWEEN: u32 = 2;
/// How often a step that follows another so soon does not show what was moved in it.
const ENTWINED: f64 = 0.3;
/// How often one person does two of them.
const SAME_PERSON: f64 = 0.1;
/// More units at once are not asked for: to tell whether a step weighs like goods, and where three are explained together.
const FEW: u32 = 3;
/// So many places of each thing are tried at most where three are explained together.
const PLACES: usize = 16;
/// So many things that may have been taken up are thought of, the likeliest to be there.
const THINGS: usize = 3;
/// What one plate shows is not known better, grams.
const PLATE_G: f64 = 1.5;

/// What was moved in a step.
#[derive(Clone, Copy)]
struct Act<'a> {
    what: What<'a>,
    /// What it weighs, the same as the shelf gains it, and the variance of that.
    grams: f64,
    gained: f64,
    var: f64,
}

#[derive(Clone, Copy)]
enum What<'a> {
    /// Units of a lane.
    Goods(LaneIx, &'a Lane, u32),
    /// A thing that somebody had laid down, taken up again; or a hand that rested there.
    Thing(&'a Removal),
}

/// What was moved in each of some steps, none where a hand only pressed or let go, before asking who.
struct Story<'a> {
    acts: Vec<Option<Act<'a>>>,
    mass: f64,
    place: f64,
}

/// Some steps explained together.
struct Window {
    from: usize,
    to: usize,
    /// The odds to each by itself.
    odds: f64,
    stories: Vec<Hypothesis>,
}

/// Whether two steps may have to be explained together.
pub(crate) fn are_entwined(a: &WeightStep, b: &WeightStep) -> bool {
    let soon = a.t_change.since(b.t_change).0.saturating_abs() <= SOON.0;
    a.shelf == b.shelf
        && soon
        && is_read(a)
        && is_read(b)
        && apart(a, b).is_some_and(|n| n <= BETWEEN + 1)
}

/// Whether a step weighs like nothing that is sold here, and what it may have to be explained with may be yet to come.
pub(crate) fn may_yet_be_entwined(
    shop: &Shop,
    belief: &Belief,
    step: &WeightStep,
    now: StoreTime,
) -> bool {
    step.t_change + SOON > now && is_read(step) && !weighs_like_goods(shop, belief, step)
}

/// Whether it is known when and what a step weighs.
fn is_read(step: &WeightStep) -> bool {
    !is_blind(step) && !is_unread(step)
}

/// How many plates the nearest of two steps' own are apart.
fn apart(a: &WeightStep, b: &WeightStep) -> Option<u32> {
    let own = |step: &WeightStep| -> Vec<u32> {
        let most = step.plates.iter().map(|p| p.delta_g.abs());
        let most = most.fold(0.0, f32::max);
        let own = step.plates.iter().filter(|p| p.delta_g.abs() >= OWN * most);
        own.map(|p| p.plate.0).collect()
    };
    let (a, b) = (own(a), own(b));
    let all = a.iter().flat_map(|p| b.iter().map(|q| p.abs_diff(*q)));
    all.min()
}

/// Runs of these steps that may have to be explained together, of which one is the `at`-th: from and to. The steps are in
/// order of time. Empty if that one has to be in none of them.
pub(crate) fn runs(
    shop: &Shop,
    belief: &Belief,
    steps: &[&WeightStep],
    at: usize,
) -> Vec<(usize, usize)> {
    let all = (0..steps.len()).flat_map(|from| (2..=TOGETHER).map(move |n| (from, from + n)));
    let may_be = |run: &(usize, usize)| {
        let run = steps.get(run.0..run.1);
        run.is_some_and(|run| may_be_entwined(shop, belief, run))
    };
    let runs: Vec<_> = all.filter(may_be).collect();
    if runs.iter().any(|(from, to)| (*from..*to).contains(&at)) {
        runs
    } else {
        Vec::new()
    }
}

/// The explanations of one of these steps together with others of them, and how probable all of that is. Each is explained by
/// itself or in one of these runs.
pub(crate) fn entwined(
    cases: &[Case<'_>],
    runs: &[(usize, usize)],
    at: usize,
) -> (Vec<Hypothesis>, f64) {
    let temperature = cases.first().map_or(1.0, |case| case.config.temperature);
    let alone: Vec<f64> = cases
        .iter()
        .map(|case| weighed(case.explanations(), temperature).1)
        .collect();
    let mut windows = Vec::new();
    for &(from, to) in runs {
        let (stories, together) = weighed(stories(&cases[from..to]), temperature);
        let odds = (together - alone[from..to].iter().sum::<f64>())
            .clamp(-60.0, 60.0)
            .exp();
        if !stories.is_empty() && odds.is_finite() {
            windows.push(Window {
                from,
                to,
                odds,
                stories: by_what_was_done(stories),
            });
        }
    }
    // All ways to cut the steps into runs: what those before and after a place weigh.
    let n = cases.len();
    let (mut before, mut after) = (vec![1.0; n + 1], vec![1.0; n + 1]);
    for i in 1..=n {
        let of_windows = windows.iter().filter(|w| w.to == i);
        before[i] = before[i - 1] + of_windows.map(|w| before[w.from] * w.odds).sum::<f64>();
    }
    for i in (0..n).rev() {
        let of_windows = windows.iter().filter(|w| w.from == i);
        after[i] = after[i + 1] + of_windows.map(|w| after[w.to] * w.odds).sum::<f64>();
    }
    let (mut own, mut all) = (Vec::new(), 0.0);
    for w in windows.iter().filter(|w| (w.from..w.to).contains(&at)) {
        let p = before[w.from] * w.odds * after[w.to] / before[n];
        let others = (w.from..w.to).filter(|i| *i != at);
        let others: Vec<u64> = others.map(|i| cases[i].step.serial).collect();
        add_part(&mut own, &w.stories, at - w.from, &others, p);
        all += p;
    }
    (own, all)
}

/// Stories in which the same people moved the same goods, and the same thing was taken up, are one, told as in the likeliest: in
/// which step each was is no matter.
fn by_what_was_done(stories: Vec<Hypothesis>) -> Vec<Hypothesis> {
    let done = |story: &Hypothesis| {
        let goods = story.parts.iter().filter(|p| p.sku.is_some());
        let mut done: Vec<_> = goods.map(|p| (p.who, p.sku, p.quantity)).collect();
        done.sort_unstable();
        (done, story.removes.clone())
    };
    let mut told: Vec<((Vec<_>, Vec<u64>), Hypothesis)> = Vec::new();
    for story in stories {
        let done = done(&story);
        match told.iter_mut().find(|(same, _)| *same == done) {
            Some((_, first)) => first.probability += story.probability,
            None => told.push((done, story)),
        }
    }
    told.into_iter().map(|(_, story)| story).collect()
}

/// Adds what the stories say of one of their steps.
fn add_part(own: &mut Vec<Hypothesis>, stories: &[Hypothesis], i: usize, others: &[u64], p: f64) {
    for story in stories {
        let Some(part) = story.parts.get(i) else {
            continue;
        };
        let probability = p * story.probability;
        let removes = match part.sku {
            Some(_) => Vec::new(),
            None => story.removes.clone(),
        };
        let same = |o: &&mut Hypothesis| o.parts.first() == Some(part) && o.removes == removes;
        match own.iter_mut().find(same) {
            Some(same) => same.probability += probability,
            None => own.push(Hypothesis {
                parts: vec![*part],
                removes,
                entwined: others.to_vec(),
                taken_up_by: None,
                factors: story.factors,
                probability,
            }),
        }
    }
}

/// Whether these steps may have to be explained together: a rise and a fall side by side, or more than one of which some weigh like
/// nothing that is sold here and are not a hand that came and went.
fn may_be_entwined(shop: &Shop, belief: &Belief, steps: &[&WeightStep]) -> bool {
    let linked = steps.windows(2).all(|two| are_entwined(two[0], two[1]));
    if !linked {
        return false;
    }
    if let [a, b] = steps
        && a.delta_g * b.delta_g < 0.0
        && apart(a, b) > Some(0)
    {
        return true;
    }
    let came_and_went = |rise: &WeightStep, fall: &WeightStep| {
        let noise = rise.sigma_g.hypot(fall.sigma_g);
        let most = rise.delta_g.abs().max(fall.delta_g.abs());
        let left = (rise.delta_g + fall.delta_g).abs();
        rise.delta_g > 0.0
            && fall.delta_g < 0.0
            && apart(rise, fall) == Some(0)
            && left <= OFF as f32 * noise + 0.03 * most
    };
    (0..steps.len()).any(|i| {
        let (before, rest) = steps.split_at(i);
        let hand = before.iter().any(|rise| came_and_went(rise, steps[i]))
            || rest
                .iter()
                .skip(1)
                .any(|fall| came_and_went(steps[i], fall));
        !hand && !weighs_like_goods(shop, belief, steps[i])
    })
}

/// Whether a step weighs like a few units of a lane that it touches.
fn weighs_like_goods(shop: &Shop, belief: &Belief, step: &WeightStep) -> bool {
    let few = |lane: &Lane| (1..=FEW).any(|n| weighs_like(step, belief.masses.of(lane.sku, n)));
    touched(shop, step).any(few)
}

/// All that may have happened in these steps.
fn stories(cases: &[Case<'_>]) -> Vec<Hypothesis> {
    let mut all = Vec::new();
    let Some(scene) = Scene::new(cases) else {
        return all;
    };
    let acts: Vec<Vec<Option<Act<'_>>>> = cases.iter().map(|case| scene.acts(case)).collect();
    let mut chosen = vec![0; cases.len()];
    loop {
        let told: Option<Vec<_>> = acts
            .iter()
            .zip(&chosen)
            .map(|(a, i)| a.get(*i).copied())
            .collect();
        if let Some(told) = told
            && let Some(story) = scene.story(told)
        {
            scene.by_whom(&story, &mut all);
        }
        // The next choice, as one counts.
        let mut i = 0;
        loop {
            let (Some(at), Some(of)) = (chosen.get_mut(i), acts.get(i)) else {
                return all;
            };
            *at += 1;
            if *at < of.len() {
                break;
            }
            *at = 0;
            i += 1;
        }
    }
}

/// Steps with what the plates show of all of them.
struct Scene<'a, 'b> {
    cases: &'a [Case<'b>],
    /// What each plate of the shelf shows, grams, and its variance.
    grams: Vec<f64>,
    variances: Vec<f64>,
    /// The variance of what they show together.
    told: f64,
    /// Left and right end of the plates that changed.
    span: (f64, f64),
}

impl<'a, 'b> Scene<'a, 'b> {
    fn new(cases: &'a [Case<'b>]) -> Option<Self> {
        let first = cases.first()?;
        let shelf = first.shop.layout.shelves.get(first.step.shelf.usize())?;
        let mut grams = vec![0.0; first.edges.len()];
        let mut variances = vec![PLATE_G * PLATE_G; first.edges.len()];
        for delta in cases.iter().flat_map(|case| &case.step.plates) {
            let at = delta.plate.0.checked_sub(shelf.plates.start);
            if let Some(at) = at.map(|at| at as usize).filter(|at| *at < grams.len()) {
                grams[at] += f64::from(delta.delta_g);
                variances[at] += f64::from(delta.sigma_g).powi(2);
            }
        }
        let from = cases
            .iter()
            .map(|c| c.seen.span.0)
            .fold(f64::INFINITY, f64::min);
        let to = cases.iter().map(|c| c.seen.span.1).fold(0.0, f64::max);
        Some(Self {
            cases,
            grams,
            variances,
            told: cases.iter().map(|c| c.sigma_g.powi(2)).sum(),
            span: (from, to),
        })
    }

    /// What may have been moved in a step.
    fn acts(&self, case: &'a Case<'b>) -> Vec<Option<Act<'a>>> {
        let lanes = lanes_within(case.shop, case.step.shelf, self.span);
        let most = match (self.cases.len(), case.grams < 0.0) {
            (2, true) => SHARED_MOST,
            (2, false) => FEW,
            (_, true) => 2,
            _ => 1,
        };
        let sign = if case.grams < 0.0 { 1.0 } else { -1.0 };
        let mut acts = vec![None];
        // What a step of the run brought is no story of its own.
        let own = |r: &&Removal| {
            let mut steps = self.cases.iter().map(|c| c.step.serial);
            steps.any(|serial| r.serials.contains(&serial))
        };
        let things = case.removals.iter().filter(|r| r.kind != RemovalKind::Lift);
        let mut things: Vec<&Removal> = things.filter(|r| !own(r)).collect();
        things.sort_by(|a, b| b.there.total_cmp(&a.there));
        for thing in things.into_iter().take(THINGS) {
            acts.push(Some(Act {
                what: What::Thing(thing),
                grams: thing.grams,
                gained: -thing.grams,
                var: thing.var,
            }));
        }
        for (lane_ix, lane) in lanes {
            for units in 1..=most {
                let (grams, var) = case.belief.masses.of(lane.sku, units);
                acts.push(Some(Act {
                    what: What::Goods(lane_ix, lane, units),
                    grams,
                    gained: sign * grams,
                    var,
                }));
            }
        }
        acts
    }

    /// How well the plates agree, if at all.
    fn story(&self, acts: Vec<Option<Act<'a>>>) -> Option<Story<'a>> {
        let first = self.cases.first()?;
        let (mut expected, mut var, mut moved, mut squares) = (0.0, self.told, 0.0, 0.0);
        let mut all_ways: Vec<(f64, Vec<Vec<f64>>)> = Vec::new();
        let (mut goods, mut things) = (0, 0);
        for act in acts.iter().flatten() {
            expected += act.gained;
            var += act.var;
            moved += act.grams;
            squares += act.grams * act.grams;
            match act.what {
                What::Goods(..) => goods += 1,
                What::Thing(_) => things += 1,
            }
        }
        // A thing alone weighs what it weighs, and needs no story.
        if things > 1 || (things == 1 && goods + things < acts.len()) {
            return None;
        }
        var += first.config.mass_floor_g.powi(2) + (first.config.mass_gain * moved).powi(2);
        let gained: f64 = self.cases.iter().map(|case| -case.grams).sum();
        let error = gained - expected;
        if moved <= 0.0 || error * error > OFF * OFF * var {
            return None;
        }
        for (act, case) in acts.iter().zip(self.cases) {
            let Some(act) = act else { continue };
            let ways = match act.what {
                What::Goods(_, lane, units) => {
                    let product = case.shop.catalogue.get(lane.sku)?;
                    lane_shares(&case.edges, lane, product, units)
                }
                What::Thing(thing) => vec![thing.shares.clone()],
            };
            // Where three are explained together, fewer places each are tried.
            let every = match self.cases.len() {
                0..=2 => 1,
                _ => ways.len().div_ceil(PLACES),
            };
            let ways: Vec<_> = ways.into_iter().step_by(every).collect();
            all_ways.push((act.gained, ways));
        }
        let uneven = first.config.share_sigma.powi(2) * squares;
        let tau = std::f64::consts::TAU;
        let split = match self.cases {
            // What both load shows nothing: how much the others do is told by where things stand.
            [a, b] if a.grams * b.grams < 0.0 && apart(a.step, b.step) > Some(0) => {
                -0.5 * (tau * (uneven + self.told)).ln()
            }
            // What one presses while another lifts may leave anything.
            _ => {
                let each = self.cases.iter().map(|case| case.grams.abs());
                let most = each.clone().fold(0.0, f64::max);
                let any = |grams: f64| -(7.0 * grams.max(5.0)).ln();
                each.map(any).sum::<f64>() - any(most)
            }
        };
        Some(Story {
            acts,
            mass: -0.5 * error * error / var - 0.5 * (tau * var).ln() + split,
            place: self.agree(&all_ways, uneven),
        })
    }

    /// Log mean of how well the plates agree over all places where the goods may have stood.
    fn agree(&self, all_ways: &[(f64, Vec<Vec<f64>>)], uneven: f64) -> f64 {
        let inverse: Vec<f64> = self
            .variances
            .iter()
            .map(|var| 1.0 / (var + uneven))
            .collect();
        let mut sums = vec![self.grams.clone()];
        for (grams, ways) in all_ways {
            sums = sums
                .iter()
                .flat_map(|left| {
                    ways.iter().map(move |way| {
                        let rest = left.iter().zip(way);
                        rest.map(|(left, share)| left - grams * share).collect()
                    })
                })
                .collect();
        }
        let fits = sums.iter().map(|left: &Vec<f64>| {
            let z2: f64 = left.iter().zip(&inverse).map(|(g, i)| g * g * i).sum();
            (-0.5 * z2).max(-14.0).exp()
        });
        (fits.sum::<f64>() / sums.len().max(1) as f64).ln()
    }

    /// Everybody who may have done each part of a story.
    fn by_whom(&self, story: &Story<'_>, all: &mut Vec<Hypothesis>) {
        // With who acted so far, beside hands that only rested.
        let mut told: Vec<(Vec<Part>, Vec<&Candidate>, Factors)> =
            vec![(Vec::new(), Vec::new(), {
                let mut factors = Factors::default();
                factors[MASS] = story.mass;
                factors[PLACE] = story.place;
                factors[PRIOR] = (self.cases.len() as f64 - 1.0) * ENTWINED.ln();
                factors
            })];
        for (case, act) in self.cases.iter().zip(&story.acts) {
            let doings = match act {
                Some(act) => case.did(act),
                None => case.only_hands(),
            };
            let mut next = Vec::new();
            for (parts, people, factors) in &told {
                for (part, candidate, own) in &doings {
                    let mut factors = *factors;
                    for (sum, own) in factors.iter_mut().zip(own) {
                        *sum += own;
                    }
                    let mut people = people.clone();
                    if act.is_some() {
                        factors[REACH] += twice(candidate, &people);
                        people.push(*candidate);
                    }
                    let mut parts = parts.clone();
                    parts.push(*part);
                    next.push((parts, people, factors));
                }
            }
            told = next;
        }
        let thing = story.acts.iter().flatten().find_map(|act| match act.what {
            What::Thing(thing) => Some(thing.serials.clone()),
            What::Goods(..) => None,
        });
        let removes = thing.unwrap_or_default();
        all.extend(told.into_iter().map(|(parts, _, factors)| Hypothesis {
            parts,
            removes: removes.clone(),
            entwined: Vec::new(),
            taken_up_by: None,
            factors,
            probability: 0.0,
        }));
    }
}

/// What it weighs beside their reach that a party did something after others did what they did: two people are different tracks,
/// and one seldom does two things so soon.
fn twice(candidate: &Candidate, others: &[&Candidate]) -> f64 {
    others
        .iter()
        .map(|other| {
            if other.who == candidate.who {
                return SAME_PERSON.ln();
            }
            let (_, reach) = candidate.both(Held::Thing, other, Held::Thing);
            reach - candidate.reach() - other.reach()
        })
        .sum()
}

impl Case<'_> {
    /// Everybody who may have moved that in this step.
    fn did(&self, act: &Act<'_>) -> Vec<(Part, &Candidate, Factors)> {
        match act.what {
            What::Goods(lane_ix, lane, units) => self.moved(lane_ix, lane, units),
            What::Thing(thing) => self.took_up(thing),
        }
    }

    fn took_up(&self, thing: &Removal) -> Vec<(Part, &Candidate, Factors)> {
        let near = self.near.iter().map(|i| &self.people[*i]);
        near.map(|c| {
            let reach = c.reach();
            let mut factors = Factors::default();
            factors[REACH] = reach;
            factors[LOOK] = self.any_of(c, &thing.held) - reach;
            factors[PRIOR] = thing.there + foreign::REMOVED.ln() + owned(thing, c.who);
            let part = Part {
                who: c.who,
                kind: c.kind,
                sku: None,
                quantity: 1,
                lane: None,
            };
            (part, c, factors)
        })
        .collect()
    }

    fn moved(&self, lane_ix: LaneIx, lane: &Lane, units: u32) -> Vec<(Part, &Candidate, Factors)> {
        let lanes = self.shop.planogram.on_shelf(self.step.shelf).count().max(1) as f64;
        let held = Held::Sku(lane.sku);
        let mut all = Vec::new();
        for c in self.near.iter().map(|i| &self.people[*i]) {
            let reach = c.reach();
            let mut factors = Factors::default();
            factors[REACH] = reach;
            factors[LOOK] = c.with_look(held) - reach + self.shown(held);
            let mut part = Part {
                who: c.who,
                kind: c.kind,
                sku: Some(lane.sku),
                quantity: as_i32(units),
                lane: Some(lane_ix),
            };
            if self.grams > 0.0 {
                factors[STOCK] = self.stock(lane_ix, units);
                factors[PRIOR] =
                    units_prior(units) + ((1.0 - STRAY) / lanes).ln() + taken_by(c, Some(lane_ix));
                factors[super::AGAIN] = self.again(&[part]);
            } else {
                let Some(brings) = self.brings(c, (lane_ix, lane, units)) else {
                    continue;
                };
                factors[CART] = brings.cart;
                factors[PRIOR] = brings.prior;
                part.quantity = -part.quantity;
            }
            all.push((part, c, factors));
        }
        all
    }

    /// Everybody whose hand may have pressed there, or let go.
    fn only_hands(&self) -> Vec<(Part, &Candidate, Factors)> {
        let best = self.near.first().map(|i| &self.people[*i]);
        let sum: f64 = self
            .near
            .iter()
            .map(|i| self.people[*i].reach().exp())
            .sum();
        let Some(c) = best else { return Vec::new() };
        let mut factors = Factors::default();
        factors[REACH] = sum.max(1e-30).ln();
        factors[PRIOR] = foreign::HAND_PUT.ln();
        let part = Part {
            who: c.who,
            kind: c.kind,
            sku: None,
            quantity: if self.grams > 0.0 { 1 } else { -1 },
            lane: None,
        };
        vec![(part, c, factors)]
    }
}
