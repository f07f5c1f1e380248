//! Which conclusions agree with which true actions.
//!
//! Every true action puts its units into a pool under (shelf, party, product, direction), valid from
//! [`SLACK`] before the hand came to [`SLACK`] after the goods had moved. A movement is *right* when all its units are
//! found in the pool of its own key at its own time; they are taken out, so that nothing is
//! explained twice. Units, not actions, are matched: two units taken in one grab are rightly explained by one
//! movement of two or by two of one. Goods that changed hands are rightly explained by who held them last: each
//! hand-over moves its units from the giver's latest take of the product into the receiver's pool, along the
//! chain. The movement that is nearest to an action of its own is served first, and draws the nearest units.
//!
//! After review, what was accepted stands, and of what is asked about the candidates that are true, again the nearest in
//! time first: a reviewer sees what happened at that moment. The parts of one step are one question and are answered as one.

use crate::outcome::{Claim, Guess, Outcome};
use crate::truth::{Action, ActionKind, Truth};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use walkout_model::{Decision, Gtin, Question, StoreTime, TimeDelta};

/// How far a movement's time may lie outside the action that it explains. Detectors date a step by
/// the shelf's rest, which comes a second or two after the hand has gone.
pub const SLACK: TimeDelta = TimeDelta::from_secs(5);

/// What the comparison of one run found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// For each guess of the outcome, whether its best explanation is right.
    pub right: Vec<bool>,
    /// For each guess, what stands after review: the best explanation of an accepted one; of one
    /// under review the right explanation if it is among the candidates, else nothing.
    pub settled: Vec<Option<Claim>>,
    /// Units of each true action that no best explanation covers. Units that were handed over count
    /// with the last hand-over, not with the take.
    pub missed: Vec<u32>,
    /// Units of each true action that nothing covers after review.
    pub uncovered: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Slot<'a> {
    action: usize,
    shelf: &'a str,
    phone: Option<u32>,
    gtin: Option<Gtin>,
    sign: i32,
    from: StoreTime,
    to: StoreTime,
    left: u32,
}

/// Compares a run's outcome with its truth.
pub fn compare(truth: &Truth, outcome: &Outcome) -> Matching {
    let guesses = &outcome.guesses;
    let mut slots = slots(truth);
    let mut right = vec![false; guesses.len()];
    let nearest = |slots: &[Slot<'_>], i: usize| away(slots, &guesses[i], &[guesses[i].best]);
    nearest_first(&mut slots, guesses.len(), nearest, |slots, i| {
        right[i] = guesses[i].decision != Decision::LeaveOff
            && draw(slots, &guesses[i], guesses[i].best).is_some();
    });
    let missed = left_over(truth, &slots);
    let mut slots = self::slots(truth);
    let mut settled = vec![None; guesses.len()];
    let questions = questions(guesses);
    let nearest = |slots: &[Slot<'_>], q: usize| {
        let away = |&i: &usize| away(slots, &guesses[i], &candidates(&guesses[i]));
        questions[q].iter().map(away).min().unwrap_or(i64::MAX)
    };
    nearest_first(&mut slots, questions.len(), nearest, |slots, q| {
        let told = answered(slots, guesses, &questions[q]);
        for (&i, claim) in questions[q].iter().zip(told) {
            let is_true = claim.is_some_and(|claim| draw(slots, &guesses[i], claim).is_some());
            // What was accepted stands, true or not.
            settled[i] = match guesses[i].decision {
                Decision::Accept => Some(guesses[i].best),
                _ => claim.filter(|_| is_true),
            };
        }
    });
    let uncovered = left_over(truth, &slots);
    Matching {
        right,
        settled,
        missed,
        uncovered,
    }
}

/// Parts of one question that are answered as one, and candidates of each.
const PARTS_MAX: usize = 4;
const CANDIDATES_MAX: usize = 5;

/// Serves so many guesses or questions, whichever is nearest to an action that nothing has told yet first, so that none takes what
/// another one is about. `away` is how far one is as things stand; it only grows.
fn nearest_first<'a>(
    slots: &mut [Slot<'a>],
    count: usize,
    away: impl Fn(&[Slot<'a>], usize) -> i64,
    mut serve: impl FnMut(&mut [Slot<'a>], usize),
) {
    let mut waiting: BinaryHeap<Reverse<(i64, usize)>> =
        (0..count).map(|i| Reverse((away(slots, i), i))).collect();
    while let Some(Reverse((before, i))) = waiting.pop() {
        let now = away(slots, i);
        if now > before {
            waiting.push(Reverse((now, i)));
        } else {
            serve(slots, i);
        }
    }
}

/// How far a guess is from the nearest action that one of these explanations would tell, microseconds.
fn away(slots: &[Slot<'_>], guess: &Guess, claims: &[Claim]) -> i64 {
    let told = |slot: &&Slot<'_>| claims.iter().any(|&claim| slot.is_open(guess, claim));
    let of_it = slots.iter().filter(told);
    of_it.map(|slot| slot.away(guess)).min().unwrap_or(i64::MAX)
}

/// What was accepted, each alone, and what is asked about: the parts of one step together.
fn questions(guesses: &[Guess]) -> Vec<Vec<usize>> {
    let mut questions: Vec<Vec<usize>> = Vec::new();
    let mut of_step: BTreeMap<Question, usize> = BTreeMap::new();
    for (i, guess) in guesses.iter().enumerate() {
        let is_part = matches!(guess.question, Question::Step(_) | Question::Exchange(_));
        match guess.decision {
            Decision::LeaveOff => {}
            Decision::Review if is_part => {
                let at = of_step.get(&guess.question).copied();
                match at.filter(|&at| questions[at].len() < PARTS_MAX) {
                    Some(at) => questions[at].push(i),
                    None => {
                        of_step.insert(guess.question, questions.len());
                        questions.push(vec![i]);
                    }
                }
            }
            _ => questions.push(vec![i]),
        }
    }
    questions
}

/// What may be said of a guess: the one explanation that was accepted, or all that are offered.
fn candidates(guess: &Guess) -> Vec<Claim> {
    let others = guess.others.iter().map(|&(claim, _)| claim);
    match guess.decision {
        Decision::Review => std::iter::once(guess.best).chain(others).collect(),
        _ => vec![guess.best],
    }
}

/// What somebody who knows answers: of all ways to choose a candidate of each, or none, that move no more units together than
/// moved, the one that tells most of what happened; of equals what is nearest in time, then the first by the candidates' probability.
fn answered(slots: &[Slot<'_>], guesses: &[Guess], asked: &[usize]) -> Vec<Option<Claim>> {
    struct Way<'a> {
        slots: Vec<Slot<'a>>,
        units: u32,
        away: i64,
        told: Vec<Option<Claim>>,
    }
    let mut ways = vec![Way {
        slots: slots.to_vec(),
        units: 0,
        away: 0,
        told: Vec::new(),
    }];
    for &i in asked {
        let guess = &guesses[i];
        let mut claims = candidates(guess);
        if asked.len() > 1 {
            claims.truncate(CANDIDATES_MAX);
        }
        ways = ways
            .into_iter()
            .flat_map(|way| {
                let with = |claim: Claim| {
                    let mut slots = way.slots.clone();
                    let away = draw(&mut slots, guess, claim)?;
                    Some(Way {
                        slots,
                        units: way.units + claim.quantity.unsigned_abs(),
                        away: way.away + away,
                        told: [way.told.as_slice(), &[Some(claim)]].concat(),
                    })
                };
                let mut more: Vec<_> = claims.iter().filter_map(|&claim| with(claim)).collect();
                more.push(Way {
                    told: [way.told.as_slice(), &[None]].concat(),
                    ..way
                });
                more
            })
            .collect();
    }
    let moved: u32 = asked
        .iter()
        .map(|&i| guesses[i].best.quantity.unsigned_abs())
        .sum();
    ways.into_iter()
        .filter(|way| way.units <= moved || asked.len() == 1)
        .min_by_key(|way| (Reverse(way.units), way.away))
        .map_or_else(|| vec![None; asked.len()], |way| way.told)
}

/// Units of each action that are still in the pools.
fn left_over(truth: &Truth, slots: &[Slot<'_>]) -> Vec<u32> {
    let mut left = vec![0; truth.actions.len()];
    for slot in slots {
        left[slot.action] += slot.left;
    }
    left
}

fn slots(truth: &Truth) -> Vec<Slot<'_>> {
    let mut slots = Vec::new();
    for (i, action) in truth.actions.iter().enumerate() {
        if action.kind == ActionKind::HandOver {
            hand_over(&mut slots, i, action);
        }
        let Some(shelf) = action.shelf.as_deref() else {
            continue;
        };
        let sign = match action.kind {
            ActionKind::HandOver | ActionKind::Touch => continue,
            ActionKind::Take | ActionKind::ForeignTake => 1,
            ActionKind::Put | ActionKind::Restock | ActionKind::ForeignPut => -1,
            // Goods out of place are picked up to be tidied, and set down in their lane.
            ActionKind::Tidy if action.home => -1,
            ActionKind::Tidy => 1,
        };
        slots.push(Slot {
            action: i,
            shelf,
            phone: action.phone,
            gtin: action.gtin,
            sign,
            from: action.t_start - SLACK,
            to: action.t_end + SLACK,
            left: action.units.max(u32::from(action.gtin.is_none())),
        });
    }
    slots
}

/// Moves what was handed over from the giver's pool to the receiver's. Actions come in order of time, so
/// that all takes before it are there; units of a product differ in nothing, and the latest go first.
fn hand_over(slots: &mut Vec<Slot<'_>>, index: usize, action: &Action) {
    let mut units = action.units;
    for at in (0..slots.len()).rev() {
        let slot = &mut slots[at];
        if (slot.phone, slot.gtin, slot.sign) != (action.phone, action.gtin, 1) || units == 0 {
            continue;
        }
        let n = slot.left.min(units);
        slot.left -= n;
        units -= n;
        let handed = Slot {
            action: index,
            phone: action.to_phone,
            left: n,
            ..*slot
        };
        slots.push(handed);
    }
}

impl Slot<'_> {
    /// Whether some of a claim's units may be these.
    fn is_open(&self, guess: &Guess, claim: Claim) -> bool {
        self.left > 0
            && self.shelf == guess.shelf
            && self.phone == claim.phone
            && self.gtin == claim.gtin
            && self.sign == claim.quantity.signum()
            && self.from <= guess.within.1
            && guess.within.0 <= self.to
    }

    /// How far a movement is from when the goods moved, microseconds.
    fn away(&self, guess: &Guess) -> i64 {
        let moved = self.to - SLACK;
        let (first, last) = guess.within;
        if moved < first {
            first.since(moved).0
        } else {
            moved.since(last).0.max(0)
        }
    }
}

/// Takes a claim's units out of the pools, the nearest in time first, and gives how far away they were together, microseconds;
/// takes nothing where they are not all there.
fn draw(slots: &mut [Slot<'_>], guess: &Guess, claim: Claim) -> Option<i64> {
    let mut wanted = claim.quantity.unsigned_abs();
    let mut open: Vec<usize> = (0..slots.len())
        .filter(|&i| slots[i].is_open(guess, claim))
        .collect();
    let there: u32 = open.iter().map(|&i| slots[i].left).sum();
    if wanted == 0 || there < wanted {
        return None;
    }
    open.sort_by_key(|&i| slots[i].away(guess));
    let mut away = 0;
    for i in open {
        let n = slots[i].left.min(wanted);
        slots[i].left -= n;
        wanted -= n;
        away += i64::from(n) * slots[i].away(guess);
    }
    Some(away)
}
