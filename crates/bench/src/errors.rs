//! What went wrong in a run, incident by incident, for whoever tunes the inference.

use crate::matching::{Matching, SLACK};
use crate::outcome::{Claim, Guess, Outcome, charges};
use crate::truth::{Action, ActionKind, Basket, Truth};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use walkout_model::{
    AttributedMovement, Decision, Gtin, MovementId, Question, ShelfTouch, Shop, StoreTime,
    TimeDelta, WeightStep,
};

/// A run with all that is needed to see why.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// When the run began; the listing counts seconds from here.
    pub start: StoreTime,
    /// Steps that perception found.
    pub steps: Vec<WeightStep>,
    /// Touches that perception found.
    pub touches: Vec<ShelfTouch>,
    /// Movements as fusion told them.
    pub movements: BTreeMap<MovementId, AttributedMovement>,
}

/// Why an incident went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Perception saw no step where goods moved.
    NoStep,
    /// There was a step, and fusion made no movement of it.
    NoMovement,
    /// Fusion left it off.
    LeftOff,
    /// Wrong party alone.
    WrongWho,
    /// Wrong product alone.
    WrongSku,
    /// Wrong number of units alone.
    WrongQuantity,
    /// More than one of the three.
    WrongMix,
    /// A movement where nothing moved.
    FalseMovement,
    /// Goods changed hands in the aisle.
    HandOver,
    /// A party's exit was not seen.
    NoExit,
}

/// One thing that went wrong.
#[derive(Clone, Debug)]
pub struct Incident {
    /// When, from the start of the run.
    pub at: TimeDelta,
    /// Why.
    pub cause: Cause,
    /// The story in lines.
    pub text: String,
}

/// All incidents of a run, in order of time.
pub fn incidents(
    shop: &Shop,
    truth: &Truth,
    outcome: &Outcome,
    matching: &Matching,
    trace: &Trace,
) -> Vec<Incident> {
    let teller = Teller::new(shop, truth, outcome, trace);
    let mut told: Vec<bool> = matching.right.clone();
    let mut found = Vec::new();
    for (i, action) in truth.actions.iter().enumerate() {
        if action.kind == ActionKind::HandOver {
            if matching.missed[i] > 0 {
                found.push(teller.hand_over(action, &mut told));
            }
        } else if matching.missed[i] > 0 && action.kind != ActionKind::Tidy {
            found.push(teller.missed(action, matching.missed[i], &mut told));
        }
    }
    for (i, guess) in outcome.guesses.iter().enumerate() {
        if !told[i] && guess.decision != Decision::LeaveOff {
            found.push(teller.invented(guess));
        }
    }
    for (phone, t_out) in truth.leavers() {
        if !outcome.exits.contains_key(&phone) {
            found.push(Incident {
                at: t_out - trace.start,
                cause: Cause::NoExit,
                text: format!("  truth    party {phone} left; no exit was concluded\n"),
            });
        }
    }
    found.sort_by_key(|incident| (incident.at, incident.cause));
    found
}

/// Receipts that are wrong after review, and what a person was asked.
pub fn receipts_and_questions(
    shop: &Shop,
    truth: &Truth,
    outcome: &Outcome,
    matching: &Matching,
    trace: &Trace,
) -> [String; 2] {
    let teller = Teller::new(shop, truth, outcome, trace);
    [teller.wrong_receipts(matching), teller.questions(matching)]
}

struct Teller<'a> {
    shop: &'a Shop,
    truth: &'a Truth,
    outcome: &'a Outcome,
    trace: &'a Trace,
}

impl<'a> Teller<'a> {
    fn new(shop: &'a Shop, truth: &'a Truth, outcome: &'a Outcome, trace: &'a Trace) -> Self {
        Self {
            shop,
            truth,
            outcome,
            trace,
        }
    }

    /// Goods that changed hands and whose movement does not say so.
    fn hand_over(&self, action: &Action, told: &mut [bool]) -> Incident {
        let mut text = self.tell_action(action, action.units);
        let giver = (0..self.outcome.guesses.len()).rev().find(|&i| {
            let guess = &self.outcome.guesses[i];
            let claim = guess.best;
            guess.t <= action.t_end
                && !told[i]
                && (claim.phone, claim.gtin) == (action.phone, action.gtin)
                && claim.quantity > 0
        });
        if let Some(i) = giver {
            told[i] = true;
            text += &self.tell_guess(&self.outcome.guesses[i]);
        }
        Incident {
            at: action.t_end - self.trace.start,
            cause: Cause::HandOver,
            text,
        }
    }

    /// A true action that no best explanation covers, with the wrong guesses around it.
    fn missed(&self, action: &Action, units: u32, told: &mut [bool]) -> Incident {
        let shelf = action.shelf.as_deref().unwrap_or("");
        let (from, to) = (action.t_start - SLACK, action.t_end + SLACK);
        let near: Vec<usize> = (0..self.outcome.guesses.len())
            .filter(|&i| {
                let guess = &self.outcome.guesses[i];
                guess.shelf == shelf && (from..=to).contains(&guess.t)
            })
            .collect();
        let mut text = self.tell_action(action, units);
        text += &self.tell_sensors(shelf, from, to);
        for &i in &near {
            text += &self.tell_guess(&self.outcome.guesses[i]);
        }
        let nearest = near
            .iter()
            .filter(|&&i| !told[i])
            .min_by_key(|&&i| (self.outcome.guesses[i].t - action.t_end).0.abs())
            .copied();
        let cause = match nearest {
            Some(i) => {
                told[i] = true;
                cause_of(action, &self.outcome.guesses[i])
            }
            None if units < action.units => Cause::WrongQuantity,
            None if self.steps(shelf, from, to).next().is_some() => Cause::NoMovement,
            None => Cause::NoStep,
        };
        Incident {
            at: action.t_end - self.trace.start,
            cause,
            text,
        }
    }

    /// Receipts that are wrong after review, in order of exits: what each charges too much and too little, with what was done to these
    /// products by that party and what the shop made of it.
    fn wrong_receipts(&self, matching: &Matching) -> String {
        let charged = charges(self.outcome, |i, _| matching.settled[i]);
        let nothing = Basket::new();
        let mut leavers: Vec<_> = self.truth.leavers().collect();
        leavers.sort_by_key(|&(phone, t_out)| (t_out, phone));
        let mut text = String::new();
        for (phone, t_out) in leavers {
            let had = self.truth.receipts.get(&phone).unwrap_or(&nothing);
            let charged = charged.get(&phone).unwrap_or(&nothing);
            let off = |gtin: Gtin| {
                let units = |basket: &Basket| i64::from(basket.get(&gtin).copied().unwrap_or(0));
                units(charged) - units(had)
            };
            let all: BTreeSet<Gtin> = charged.keys().chain(had.keys()).copied().collect();
            for (gtin, off) in all.into_iter().map(|g| (g, off(g))).filter(|o| o.1 != 0) {
                let _ = writeln!(
                    text,
                    "  receipt  of party {phone}, who left at {:.1} s: {off:+} × {}",
                    self.seconds(t_out),
                    self.product(gtin)
                );
                text += &self.done_to(phone, gtin);
            }
        }
        text
    }

    /// What a person was asked, question by question, with what is right where that was offered.
    fn questions(&self, matching: &Matching) -> String {
        let mut asked: BTreeMap<Question, Vec<usize>> = BTreeMap::new();
        for (i, guess) in self.outcome.guesses.iter().enumerate() {
            if guess.decision == Decision::Review {
                asked.entry(guess.question).or_default().push(i);
            }
        }
        let mut asked: Vec<Vec<usize>> = asked.into_values().collect();
        asked.sort_unstable();
        let mut text = String::new();
        for question in asked {
            text += "  question\n";
            for i in question {
                text += &self.tell_guess(&self.outcome.guesses[i]);
                let right = match &matching.settled[i] {
                    Some(claim) => self.tell_claim(claim),
                    None => "nothing, or not offered".to_owned(),
                };
                let _ = writeln!(text, "    right  {right}");
            }
        }
        text
    }

    /// What a party did to a product, and what the shop made of it, or of what it says that the party did.
    fn done_to(&self, phone: u32, gtin: Gtin) -> String {
        let theirs = |claim: &Claim| claim.phone == Some(phone) && claim.gtin == Some(gtin);
        let mut text = String::new();
        for action in &self.truth.actions {
            let of_party = action.phone == Some(phone) || action.to_phone == Some(phone);
            if of_party && action.gtin == Some(gtin) && action.units > 0 {
                text += &self.tell_action(action, action.units);
            }
        }
        for guess in &self.outcome.guesses {
            if theirs(&guess.best) || guess.others.iter().any(|(c, p)| *p >= 0.01 && theirs(c)) {
                text += &self.tell_guess(guess);
            }
        }
        text
    }

    /// A guess that nothing in the truth accounts for.
    fn invented(&self, guess: &Guess) -> Incident {
        let (from, to) = (guess.t - SLACK, guess.t + SLACK);
        let mut text = String::new();
        for action in self.truth.actions.iter().filter(|a| {
            a.shelf.as_deref() == Some(&guess.shelf) && a.t_end >= from && a.t_start <= to
        }) {
            text += &self.tell_action(action, action.units);
        }
        text += &self.tell_sensors(&guess.shelf, from, to);
        text += &self.tell_guess(guess);
        Incident {
            at: guess.t - self.trace.start,
            cause: Cause::FalseMovement,
            text,
        }
    }

    fn steps(
        &self,
        shelf: &str,
        from: StoreTime,
        to: StoreTime,
    ) -> impl Iterator<Item = &WeightStep> {
        self.trace.steps.iter().filter(move |step| {
            self.shop.layout.shelves[step.shelf.usize()].name == shelf
                && step.t_end >= from
                && step.t_start <= to
        })
    }

    fn tell_sensors(&self, shelf: &str, from: StoreTime, to: StoreTime) -> String {
        let mut text = String::new();
        for step in self.steps(shelf, from, to) {
            let plates: Vec<_> = step
                .plates
                .iter()
                .map(|p| {
                    let name = &self.shop.layout.plates[p.plate.usize()].name;
                    let short = name.rsplit('/').next().unwrap_or(name);
                    format!("{short} {:+.0}±{:.0}", p.delta_g, p.sigma_g)
                })
                .collect();
            let _ = writeln!(
                text,
                "  step     #{} {:+.1} ± {:.1} g, {:.2}–{:.2} s, changed {:.2}, known {:.2}; {}",
                step.serial,
                step.delta_g,
                step.sigma_g,
                self.seconds(step.t_start),
                self.seconds(step.t_end),
                self.seconds(step.t_change),
                self.seconds(step.known_at),
                plates.join(", "),
            );
        }
        for touch in self.trace.touches.iter().filter(|touch| {
            self.shop.layout.shelves[touch.shelf.usize()].name == shelf
                && touch.t_end >= from
                && touch.t_start <= to
        }) {
            let _ = writeln!(
                text,
                "  touch    {:.2}–{:.2} s, peak {:.0} g",
                self.seconds(touch.t_start),
                self.seconds(touch.t_end),
                touch.peak_g,
            );
        }
        text
    }

    fn tell_action(&self, action: &Action, units: u32) -> String {
        let what = action
            .gtin
            .map_or_else(|| "a thing not sold here".to_owned(), |g| self.product(g));
        let missed = if units == action.units {
            String::new()
        } else {
            format!(" ({units} of them not covered)")
        };
        let to = action
            .to_phone
            .map_or(String::new(), |phone| format!(" to party {phone}"));
        format!(
            "  truth    {:?} {} × {what}{missed} by person {} of {}{to} at {} [{}], {:.2}–{:.2} s{}{}\n",
            action.kind,
            action.units,
            action.person,
            party(action.phone),
            action.shelf.as_deref().unwrap_or("-"),
            action.plates.join(" "),
            self.seconds(action.t_start),
            self.seconds(action.t_end),
            if action.home || action.gtin.is_none() {
                ""
            } else {
                ", not its own lane"
            },
            if action.adversarial {
                ", adversarial"
            } else {
                ""
            },
        )
    }

    fn tell_guess(&self, guess: &Guess) -> String {
        let mut text = format!(
            "  movement {} {:.2} s, {:?} at {:.4}: {}\n",
            guess.id,
            self.seconds(guess.t),
            guess.decision,
            guess.probability,
            self.tell_claim(&guess.best),
        );
        for (claim, p) in &guess.others {
            let _ = writeln!(text, "    or     {p:.4}: {}", self.tell_claim(claim));
        }
        if let Some(movement) = self.trace.movements.get(&guess.id) {
            let evidence = &movement.evidence;
            let factors: Vec<_> = evidence
                .factors
                .iter()
                .map(|f| format!("{} {:+.2}", f.name, f.log_odds))
                .collect();
            let _ = writeln!(
                text,
                "    of     steps {:?}, {:+.1} ± {:.1} g; {}",
                evidence.steps,
                evidence.delta_mg as f64 / 1e3,
                evidence.sigma_mg as f64 / 1e3,
                factors.join(", "),
            );
        }
        text
    }

    fn tell_claim(&self, claim: &Claim) -> String {
        let what = claim
            .gtin
            .map_or_else(|| "nothing sold here".to_owned(), |g| self.product(g));
        format!("{} {:+} × {what}", party(claim.phone), claim.quantity)
    }

    fn product(&self, gtin: Gtin) -> String {
        match self.shop.catalogue.find(gtin) {
            Some(sku) => {
                let p = &self.shop.catalogue[sku];
                format!(
                    "{} ({:.1} ± {:.1} g)",
                    p.name_en,
                    p.unit_mass.grams(),
                    p.unit_mass_sd.grams()
                )
            }
            None => gtin.to_string(),
        }
    }

    fn seconds(&self, t: StoreTime) -> f64 {
        t.since(self.trace.start).as_secs_f64()
    }
}

fn party(phone: Option<u32>) -> String {
    phone.map_or_else(|| "nobody known".to_owned(), |p| format!("party {p}"))
}

fn cause_of(action: &Action, guess: &Guess) -> Cause {
    if guess.decision == Decision::LeaveOff {
        return Cause::LeftOff;
    }
    let who = guess.best.phone == action.phone;
    let sku = guess.best.gtin == action.gtin;
    let quantity =
        i64::from(guess.best.quantity) == i64::from(action.kind.sign()) * i64::from(action.units);
    match (who, sku, quantity) {
        (false, true, true) => Cause::WrongWho,
        (true, false, true) => Cause::WrongSku,
        (true, true, _) => Cause::WrongQuantity,
        _ => Cause::WrongMix,
    }
}
