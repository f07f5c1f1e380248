//! What a movement or a verdict does to the accounts. Pure: state in, account movements out.

use crate::event::{Candidate, MovementRecorded, Outcome, Resolved};
use crate::review::{AnswerRefused, Review, ReviewReason, Verdict};
use crate::session::{Session, Stage};
use crate::state::{Recorded, Standing, State};
use std::collections::BTreeMap;
use walkout_ledger::{Account, Movement};
use walkout_model::{
    Alternative, AttributedMovement, Decision, Evidence, Gtin, PartyKind, Shop, SkuIx, Who,
};

/// Most units that one movement of a person can be of.
pub(crate) const UNITS_MAX: u32 = 1_000;

/// Parts of the evidence that are kept with the movement.
const EVIDENCE_PARTS_MAX: usize = 64;
/// Alternatives whose odds are kept by kind of evidence, and kinds, at most.
const AGAINST_MAX: usize = 16;

/// What to record for a movement: the record and the account movements, those that take back the
/// old one first.
pub(crate) fn plan_movement(
    state: &State,
    shop: &Shop,
    movement: &AttributedMovement,
) -> (MovementRecorded, Vec<Movement>) {
    let planner = Planner { state, shop };
    let mut record = planner.record(movement);
    let old = movement
        .supersedes
        .and_then(|old| state.movements.get(&old));
    if state.replaced_early.contains_key(&movement.id) {
        record.outcome = Outcome::Superseded;
        return (record, Vec::new());
    }
    let taken_back = match old.map(|old| planner.take_back(old)) {
        None => Vec::new(),
        Some(Ok(taken_back)) => {
            record.replaces = true;
            taken_back
        }
        Some(Err(TakeBack::VerdictStands)) => {
            record.outcome = Outcome::VerdictStands;
            return (record, Vec::new());
        }
        Some(Err(TakeBack::Refused(reason))) => {
            record.outcome = planner.review(reason);
            return (record, Vec::new());
        }
    };
    let (outcome, own) = planner.decide(&record, movement, &taken_back);
    let all: Vec<Movement> = taken_back.iter().cloned().chain(own).collect();
    if planner.overdraws(&all) {
        // Taking back would leave a cart with less than nothing: both stay as they are until a
        // person has looked.
        record.replaces = false;
        record.outcome = planner.review(ReviewReason::BeyondCart);
        return (record, Vec::new());
    }
    record.taken_back = taken_back.len();
    record.outcome = outcome;
    (record, all)
}

/// What a verdict comes to, and the account movements it makes.
pub(crate) fn plan_answer(
    state: &State,
    shop: &Shop,
    review: &Review,
    verdict: &Verdict,
) -> Result<(Option<Resolved>, Vec<Movement>), AnswerRefused> {
    let no_review = AnswerRefused::NoSuchReview(review.id);
    let recorded = state.movements.get(&review.movement).ok_or(no_review)?;
    let planner = Planner { state, shop };
    let resolved = planner.resolve(recorded, review, verdict)?;
    let movements = planner.answer(recorded, resolved)?;
    Ok((resolved, movements))
}

/// Why an old movement cannot be taken back.
enum TakeBack {
    VerdictStands,
    Refused(ReviewReason),
}

struct Planner<'a> {
    state: &'a State,
    shop: &'a Shop,
}

impl Planner<'_> {
    fn record(&self, movement: &AttributedMovement) -> MovementRecorded {
        let alternatives = movement.alternatives.iter().take(EVIDENCE_PARTS_MAX);
        let candidates = std::iter::once(&movement.best).chain(alternatives);
        let lane = movement.lane.and_then(|lane| self.shop.planogram.get(lane));
        let shelf = self.shop.layout.shelves.get(movement.shelf.usize());
        MovementRecorded {
            id: movement.id,
            t: movement.t,
            known_at: movement.known_at,
            shelf: shelf.map_or_else(
                || format!("unknown shelf {}", movement.shelf.0),
                |shelf| shelf.name.clone(),
            ),
            lane: lane.map(|lane| lane.name.clone()),
            candidates: candidates.map(|a| self.candidate(a)).collect(),
            decision: movement.decision,
            supersedes: movement.supersedes,
            evidence: bounded(&movement.evidence),
            outcome: Outcome::NoGoods,
            replaces: false,
            taken_back: 0,
        }
    }

    fn candidate(&self, alternative: &Alternative) -> Candidate {
        Candidate {
            who: alternative.who,
            sku: alternative.sku.and_then(|sku| self.gtin(sku)),
            quantity: alternative.quantity,
            probability: finite(alternative.probability).clamp(0.0, 1.0),
        }
    }

    fn gtin(&self, sku: SkuIx) -> Option<Gtin> {
        self.shop.catalogue.get(sku).map(|product| product.gtin)
    }

    fn review(&self, reason: ReviewReason) -> Outcome {
        let review = self.state.next_review();
        Outcome::Review { review, reason }
    }

    fn session(&self, who: Who) -> Option<&Session> {
        match who {
            Who::Session(id) => self.state.sessions.get(&id),
            Who::Unknown => None,
        }
    }

    /// The account movements that undo an old one.
    fn take_back(&self, old: &Recorded) -> Result<Vec<Movement>, TakeBack> {
        match old.standing {
            Standing::Answered => return Err(TakeBack::VerdictStands),
            Standing::Superseded => return Err(TakeBack::Refused(ReviewReason::Conflict)),
            Standing::Stands => {}
        }
        let of_final_receipt = |account: &Account| match account {
            Account::Cart(id) => {
                let session = self.state.sessions.get(id);
                !session.is_some_and(Session::is_chargeable)
            }
            _ => false,
        };
        let touches = |m: &Movement| of_final_receipt(&m.from) || of_final_receipt(&m.to);
        if old.movements.iter().any(touches) {
            return Err(TakeBack::Refused(ReviewReason::Late));
        }
        let back = old.movements.iter().rev().map(|m| Movement {
            from: m.to.clone(),
            to: m.from.clone(),
            ..m.clone()
        });
        Ok(back.collect())
    }

    fn decide(
        &self,
        record: &MovementRecorded,
        movement: &AttributedMovement,
        taken_back: &[Movement],
    ) -> (Outcome, Vec<Movement>) {
        let ask = |reason| (self.review(reason), Vec::new());
        if movement.decision == Decision::LeaveOff {
            return (Outcome::LeftOff, Vec::new());
        }
        let best = &record.candidates[0];
        if movement.best.sku.is_some() && best.sku.is_none() {
            return ask(ReviewReason::UnknownSku);
        }
        let Some(sku) = best.sku.filter(|_| best.quantity != 0) else {
            return match movement.decision {
                Decision::Review => ask(ReviewReason::Doubt),
                _ => (Outcome::NoGoods, Vec::new()),
            };
        };
        let units = best.quantity.unsigned_abs();
        if units > UNITS_MAX {
            return ask(ReviewReason::AbsurdQuantity);
        }
        if self
            .shop
            .layout
            .shelves
            .get(movement.shelf.usize())
            .is_none()
        {
            return ask(ReviewReason::UnknownShelf);
        }
        let taking = best.quantity > 0;
        let place = self.place(record, sku, taking.then_some(units), taken_back);
        let doubt = |reason| {
            // What is gone from the shelf is held in review; what may have come back to it is not
            // counted until somebody has said so.
            let held = taking.then(|| go(&place, &Account::Review, sku, units));
            (self.review(reason), held.into_iter().collect())
        };
        if movement.decision == Decision::Review {
            return doubt(match best.who {
                Who::Unknown => ReviewReason::UnknownPerson,
                Who::Session(_) => ReviewReason::Doubt,
            });
        }
        let session = match best.who {
            Who::Unknown => return doubt(ReviewReason::UnknownPerson),
            Who::Session(_) => match self.session(best.who) {
                Some(session) => session,
                None => return doubt(ReviewReason::UnknownSession),
            },
        };
        let other = match (session.stage, session.kind) {
            (Stage::Entering | Stage::Refused, _) => return doubt(ReviewReason::UnknownSession),
            (Stage::Open, PartyKind::Shopper) => Account::Cart(session.id),
            (Stage::Open, PartyKind::Staff) => Account::BackRoom,
            _ => return doubt(ReviewReason::Late),
        };
        if taking {
            return (Outcome::Accepted, vec![go(&place, &other, sku, units)]);
        }
        if matches!(other, Account::Cart(_))
            && self.balance(&other, sku, taken_back) < i64::from(units)
        {
            return ask(ReviewReason::BeyondCart);
        }
        (Outcome::Accepted, vec![go(&other, &place, sku, units)])
    }

    fn resolve(
        &self,
        recorded: &Recorded,
        review: &Review,
        verdict: &Verdict,
    ) -> Result<Option<Resolved>, AnswerRefused> {
        let candidates = &recorded.record.candidates;
        let (who, sku, quantity) = match verdict {
            Verdict::Nothing => return Ok(None),
            Verdict::Candidate { index } => {
                let candidate = candidates
                    .get(*index)
                    .ok_or(AnswerRefused::NoSuchCandidate {
                        id: review.id,
                        count: candidates.len(),
                    })?;
                match candidate.sku {
                    Some(sku) if candidate.quantity != 0 => {
                        (candidate.who, sku, candidate.quantity)
                    }
                    _ => return Ok(None),
                }
            }
            Verdict::Other {
                who,
                gtin,
                quantity,
            } => (*who, *gtin, *quantity),
        };
        if self.shop.catalogue.find(sku).is_none() {
            return Err(AnswerRefused::UnknownSku(sku));
        }
        if quantity == 0 || quantity.unsigned_abs() > UNITS_MAX {
            return Err(AnswerRefused::Quantity(quantity));
        }
        if let Who::Session(id) = who {
            let let_in = self
                .session(who)
                .is_some_and(|session| !matches!(session.stage, Stage::Entering | Stage::Refused));
            if !let_in {
                return Err(AnswerRefused::UnknownSession(id));
            }
        }
        Ok(Some(Resolved { who, sku, quantity }))
    }

    /// Where goods that a verdict gives to somebody go, or come from.
    fn other_side(&self, who: Who) -> Account {
        match self.session(who) {
            Some(session) if session.kind == PartyKind::Staff => Account::BackRoom,
            Some(session) if session.is_chargeable() => Account::Cart(session.id),
            // Nobody can be charged any more: gone without payment, or found.
            _ => Account::Shrink,
        }
    }

    fn answer(
        &self,
        recorded: &Recorded,
        resolved: Option<Resolved>,
    ) -> Result<Vec<Movement>, AnswerRefused> {
        let held = recorded.movements.first();
        let back = |held: &Movement, units| go(&Account::Review, &held.from, held.sku, units);
        let Some(Resolved { who, sku, quantity }) = resolved else {
            return Ok(held
                .map(|held| back(held, held.units))
                .into_iter()
                .collect());
        };
        let units = quantity.unsigned_abs();
        let other = self.other_side(who);
        let mut movements = Vec::new();
        let mut left = units;
        match held {
            Some(held) if held.sku == sku && quantity > 0 => {
                let from_review = units.min(held.units);
                movements.push(go(&Account::Review, &other, sku, from_review));
                left -= from_review;
                if held.units > from_review {
                    movements.push(back(held, held.units - from_review));
                }
            }
            Some(held) => movements.push(back(held, held.units)),
            None => {}
        }
        if left == 0 {
            return Ok(movements);
        }
        let taking = quantity > 0;
        let place = self.place(&recorded.record, sku, taking.then_some(left), &movements);
        if taking {
            movements.push(go(&place, &other, sku, left));
            return Ok(movements);
        }
        let has = self.balance(&other, sku, &movements);
        match other {
            Account::Cart(session) if has < i64::from(left) => {
                return Err(AnswerRefused::BeyondCart {
                    session,
                    gtin: sku,
                    has,
                    asked: left,
                });
            }
            _ => {}
        }
        movements.push(go(&other, &place, sku, left));
        Ok(movements)
    }

    /// The account of the place: the lane that fusion named, else the SKU's home on that shelf,
    /// else the shelf itself. Goods that lie in another SKU's lane are misplaced there, under that
    /// lane's name. Units are taken from the first account of the shelf that has enough of them,
    /// because they may have been recorded under another name than where they were seen now.
    fn place(
        &self,
        record: &MovementRecorded,
        sku: Gtin,
        take: Option<u32>,
        pending: &[Movement],
    ) -> Account {
        let lanes = || {
            let shelves = &self.shop.layout.shelves;
            let lanes = self.shop.planogram.lanes.iter();
            lanes.filter(|lane| shelves[lane.shelf.usize()].name == record.shelf)
        };
        let is_home = |lane: &&walkout_model::Lane| self.gtin(lane.sku) == Some(sku);
        let named = record.lane.clone();
        let home = || lanes().find(is_home).map(|lane| lane.name.clone());
        let first = Account::Lane(named.or_else(home).unwrap_or_else(|| record.shelf.clone()));
        let Some(units) = take else {
            return first;
        };
        let enough = |place: &Account| self.balance(place, sku, pending) >= i64::from(units);
        if enough(&first) {
            return first;
        }
        let homes = lanes().filter(is_home);
        let others = lanes().filter(|lane| !is_home(lane));
        let names = homes.chain(others).map(|lane| lane.name.clone());
        let mut places = names.chain([record.shelf.clone()]).map(Account::Lane);
        places.find(enough).unwrap_or(first)
    }

    /// The balance after some movements that are not recorded yet.
    fn balance(&self, account: &Account, sku: Gtin, pending: &[Movement]) -> i64 {
        let change = |m: &Movement| {
            let units = i64::from(m.units);
            let gains = if m.to == *account { units } else { 0 };
            let loses = if m.from == *account { units } else { 0 };
            gains - loses
        };
        let of_sku = pending.iter().filter(|m| m.sku == sku);
        self.state.balances.get(account, sku) + of_sku.map(change).sum::<i64>()
    }

    /// Whether a cart would hold less than nothing.
    fn overdraws(&self, movements: &[Movement]) -> bool {
        let carts: BTreeMap<(&Account, Gtin), ()> = movements
            .iter()
            .filter(|m| matches!(m.from, Account::Cart(_)))
            .map(|m| ((&m.from, m.sku), ()))
            .collect();
        carts
            .into_keys()
            .any(|(cart, sku)| self.balance(cart, sku, movements) < 0)
    }
}

fn go(from: &Account, to: &Account, sku: Gtin, units: u32) -> Movement {
    Movement {
        from: from.clone(),
        to: to.clone(),
        sku,
        units,
    }
}

/// JSON has no NaN and no infinity.
fn finite(x: f32) -> f32 {
    if x.is_finite() { x } else { 0.0 }
}

fn bounded(evidence: &Evidence) -> Evidence {
    let mut kept = evidence.clone();
    kept.steps.truncate(EVIDENCE_PARTS_MAX);
    kept.factors.truncate(EVIDENCE_PARTS_MAX);
    kept.curve = thinned(&kept.curve);
    kept.against.truncate(AGAINST_MAX);
    kept.handed.truncate(EVIDENCE_PARTS_MAX);
    kept.hands.truncate(EVIDENCE_PARTS_MAX);
    kept.looks.truncate(EVIDENCE_PARTS_MAX);
    for factors in &mut kept.against {
        factors.truncate(AGAINST_MAX);
    }
    for passed in &mut kept.handed {
        passed.probability = finite(passed.probability);
    }
    for hand in &mut kept.hands {
        hand.probability = finite(hand.probability);
        hand.body_m = finite(hand.body_m);
        hand.wrist_m = hand.wrist_m.map(finite);
    }
    for look in &mut kept.looks {
        look.guesses.truncate(EVIDENCE_PARTS_MAX);
        for (_, p) in &mut look.guesses {
            *p = finite(*p);
        }
    }
    for factor in kept
        .factors
        .iter_mut()
        .chain(kept.against.iter_mut().flatten())
    {
        factor.name = factor.name.chars().take(32).collect();
        factor.log_odds = finite(factor.log_odds);
    }
    for (_, grams) in &mut kept.curve {
        *grams = finite(*grams);
    }
    kept
}

/// A curve of at most [`EVIDENCE_PARTS_MAX`] points, its ends among them.
fn thinned(curve: &[(i32, f32)]) -> Vec<(i32, f32)> {
    let last = curve.len().saturating_sub(1);
    if last < EVIDENCE_PARTS_MAX {
        return curve.to_vec();
    }
    (0..EVIDENCE_PARTS_MAX)
        .filter_map(|i| curve.get(i * last / (EVIDENCE_PARTS_MAX - 1)).copied())
        .collect()
}
