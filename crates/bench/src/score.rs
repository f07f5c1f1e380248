//! The figures of `walkout bench accuracy`. Each is defined in `docs/reference/bench.md`.

use crate::calibration::expected_calibration_error;
use crate::matching::{Matching, compare};
use crate::outcome::{Claim, Guess, Outcome, charges};
use crate::truth::{Basket, Truth};
use std::collections::{BTreeMap, BTreeSet};
use walkout_model::{Decision, Gtin, Question, StoreTime, TimeDelta};

/// What a case of the competition's metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseRule {
    /// A whole run: one recording, as in the competition.
    Run,
    /// Runs that go on all day are cut by the true exit of each party into slices of this length.
    Slice(TimeDelta),
}

/// One run, as the scorer sees it.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// What happened.
    pub truth: Truth,
    /// What the shop concluded.
    pub outcome: Outcome,
}

/// Units of all receipts of a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Charged to the right party.
    pub right: u32,
    /// Charged to a party that did not leave with them.
    pub extra: u32,
    /// Left with and not charged to that party.
    pub missing: u32,
}

impl Units {
    /// F1 = 2·right / (2·right + extra + missing). `None` where there is nothing to score.
    pub fn f1(self) -> Option<f64> {
        let all = 2 * self.right + self.extra + self.missing;
        (all > 0).then(|| f64::from(2 * self.right) / f64::from(all))
    }

    fn add(&mut self, charged: &Basket, left_with: &Basket) {
        for (gtin, &n) in charged {
            let had = left_with.get(gtin).copied().unwrap_or(0);
            self.right += n.min(had);
            self.extra += n.saturating_sub(had);
        }
        for (gtin, &n) in left_with {
            self.missing += n.saturating_sub(charged.get(gtin).copied().unwrap_or(0));
        }
    }
}

/// How the receipts came out under one way to settle doubts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Receipts {
    /// Receipts equal to the truth, line for line.
    pub perfect: usize,
    /// Receipts with a unit that the party did not leave with.
    pub false_charges: usize,
    /// Σ |charged − true| in minor units.
    pub money_off: i64,
    /// Σ (charged − true) in minor units; negative when the shop loses.
    pub money_signed: i64,
    /// Σ true in minor units.
    pub money_true: i64,
}

impl Receipts {
    /// Σ |charged − true| / Σ true.
    pub fn money_error(&self) -> f64 {
        self.money_off as f64 / self.money_true.max(1) as f64
    }

    /// Σ (charged − true) / Σ true.
    pub fn money_bias(&self) -> f64 {
        self.money_signed as f64 / self.money_true.max(1) as f64
    }
}

/// The score of a set of runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Cases with anything to score.
    pub cases: usize,
    /// Parties that left: each is due a receipt.
    pub receipts: usize,
    /// Sum over cases of their F1, without any human.
    pub f1_sum: f64,
    /// Units over all cases, without any human.
    pub units: Units,
    /// With the best guess wherever a review was asked for.
    pub unaided: Receipts,
    /// With every review answered by somebody who knows, from the candidates offered.
    pub reviewed: Receipts,
    /// Questions to a person: movements that asked for a review, those that one look settles together.
    pub reviews: usize,
    /// Movements that asked for a review.
    pub in_doubt: usize,
    /// Of those, the ones that offered the right answer to each of their movements.
    pub reviews_answerable: usize,
    /// (probability, right) of every accepted movement.
    pub predictions: Vec<(f64, bool)>,
    /// Σ |believed − true| units on the shelves at the end, without any human.
    pub stock_units_off: u64,
    /// Places (shelf, product) whose number of units is believed wrongly at the end.
    pub stock_places_off: usize,
    /// Places that saw any movement.
    pub stock_places: usize,
    /// Parties that left without their exit being seen.
    pub exits_missed: usize,
    /// Exits concluded for parties that were still inside.
    pub exits_invented: usize,
    /// Movements concluded after their party's exit.
    pub late: usize,
}

impl Score {
    /// Mean over cases of each case's F1: the competition's metric.
    pub fn f1(&self) -> f64 {
        self.f1_sum / self.cases.max(1) as f64
    }

    /// A count per 1,000 receipts.
    pub fn per_1000(&self, count: usize) -> f64 {
        1e3 * count as f64 / self.receipts.max(1) as f64
    }

    /// A count as a share of the receipts.
    pub fn share(&self, count: usize) -> f64 {
        count as f64 / self.receipts.max(1) as f64
    }

    /// Expected calibration error of the accepted movements.
    pub fn ece(&self) -> f64 {
        expected_calibration_error(&self.predictions)
    }

    /// Adds one run.
    pub fn add(&mut self, run: &Run, rule: CaseRule, prices: &BTreeMap<Gtin, i64>) {
        let Run { truth, outcome } = run;
        let matching = compare(truth, outcome);
        let unaided = charges(outcome, |_, guess| best_guess(guess));
        let reviewed = charges(outcome, |i, _| matching.settled[i]);

        let opening = truth.parties.values().map(|p| p.t_in).min();
        let mut cases: BTreeMap<i64, Units> = BTreeMap::new();
        let nothing = Basket::new();
        for (phone, t_out) in truth.leavers() {
            self.receipts += 1;
            let left_with = truth.receipts.get(&phone).unwrap_or(&nothing);
            let case = cases.entry(case_of(rule, opening, t_out)).or_default();
            case.add(unaided.get(&phone).unwrap_or(&nothing), left_with);
            self.unaided.add(unaided.get(&phone), left_with, prices);
            self.reviewed.add(reviewed.get(&phone), left_with, prices);
            self.exits_missed += usize::from(!outcome.exits.contains_key(&phone));
        }
        for units in cases.into_values() {
            self.units.merge(units);
            if let Some(f1) = units.f1() {
                self.cases += 1;
                self.f1_sum += f1;
            }
        }
        self.exits_invented += outcome
            .exits
            .keys()
            .filter(|phone| truth.parties.get(phone).is_none_or(|p| p.t_out.is_none()))
            .count();
        self.late += outcome.late;
        self.add_movements(outcome, &matching);
        self.add_stock(truth, outcome);
    }

    fn add_movements(&mut self, outcome: &Outcome, matching: &Matching) {
        let mut questions: BTreeMap<Question, bool> = BTreeMap::new();
        for (i, guess) in outcome.guesses.iter().enumerate() {
            match guess.decision {
                Decision::Accept => self
                    .predictions
                    .push((guess.probability, matching.right[i])),
                Decision::Review => {
                    *questions.entry(guess.question).or_insert(true) &=
                        matching.settled[i].is_some();
                    self.in_doubt += 1;
                }
                Decision::LeaveOff => {}
            }
        }
        self.reviews += questions.len();
        self.reviews_answerable += questions.values().filter(|&&answerable| answerable).count();
    }

    /// Stock is compared by its change over the run, which is the error at the end of a run whose
    /// opening count was right.
    fn add_stock(&mut self, truth: &Truth, outcome: &Outcome) {
        let mut off: BTreeMap<(&str, Gtin), i64> = BTreeMap::new();
        let (Some(opening), Some(closing)) = (&truth.opening, &truth.closing) else {
            return;
        };
        for (stock, sign) in [(opening, 1), (closing, -1)] {
            for ((shelf, gtin), &units) in stock {
                *off.entry((shelf, *gtin)).or_default() += sign * i64::from(units);
            }
        }
        let mut moved: BTreeSet<(&str, Gtin)> = off
            .iter()
            .filter_map(|(&place, &n)| (n != 0).then_some(place))
            .collect();
        for action in truth.actions.iter().filter(|a| a.units > 0) {
            moved.extend(action.shelf.as_deref().zip(action.gtin));
        }
        for guess in &outcome.guesses {
            if let Some(Claim {
                gtin: Some(gtin),
                quantity,
                ..
            }) = best_guess(guess)
            {
                *off.entry((&guess.shelf, gtin)).or_default() -= i64::from(quantity);
                moved.insert((&guess.shelf, gtin));
            }
        }
        self.stock_places += moved.len();
        self.stock_places_off += off.values().filter(|&&n| n != 0).count();
        self.stock_units_off += off.values().map(|n| n.unsigned_abs()).sum::<u64>();
    }

    /// Joins the score of other runs to this one.
    pub fn merge(&mut self, other: Self) {
        self.cases += other.cases;
        self.receipts += other.receipts;
        self.f1_sum += other.f1_sum;
        self.units.merge(other.units);
        self.unaided.merge(other.unaided);
        self.reviewed.merge(other.reviewed);
        self.reviews += other.reviews;
        self.in_doubt += other.in_doubt;
        self.reviews_answerable += other.reviews_answerable;
        self.predictions.extend(other.predictions);
        self.stock_units_off += other.stock_units_off;
        self.stock_places_off += other.stock_places_off;
        self.stock_places += other.stock_places;
        self.exits_missed += other.exits_missed;
        self.exits_invented += other.exits_invented;
        self.late += other.late;
    }
}

impl Units {
    fn merge(&mut self, other: Self) {
        self.right += other.right;
        self.extra += other.extra;
        self.missing += other.missing;
    }
}

impl Receipts {
    fn merge(&mut self, other: Self) {
        self.perfect += other.perfect;
        self.false_charges += other.false_charges;
        self.money_off += other.money_off;
        self.money_signed += other.money_signed;
        self.money_true += other.money_true;
    }
}

impl Receipts {
    fn add(&mut self, charged: Option<&Basket>, left_with: &Basket, prices: &BTreeMap<Gtin, i64>) {
        self.perfect += usize::from(charged == Some(left_with));
        let nothing = Basket::new();
        let charged = charged.unwrap_or(&nothing);
        let mut units = Units::default();
        units.add(charged, left_with);
        self.false_charges += usize::from(units.extra > 0);
        let difference = total(charged, prices) - total(left_with, prices);
        self.money_off += difference.abs();
        self.money_signed += difference;
        self.money_true += total(left_with, prices);
    }
}

/// What stands with no human: the most probable explanation of all that was not left off.
pub fn best_guess(guess: &Guess) -> Option<Claim> {
    (guess.decision != Decision::LeaveOff).then_some(guess.best)
}

fn case_of(rule: CaseRule, opening: Option<StoreTime>, t_out: StoreTime) -> i64 {
    match rule {
        CaseRule::Run => 0,
        CaseRule::Slice(length) => t_out.since(opening.unwrap_or(t_out)).0 / length.0.max(1),
    }
}

/// Price of a basket in minor units; a product without a price counts nothing.
pub fn total(basket: &Basket, prices: &BTreeMap<Gtin, i64>) -> i64 {
    basket
        .iter()
        .map(|(gtin, &n)| prices.get(gtin).copied().unwrap_or(0) * i64::from(n))
        .sum()
}
