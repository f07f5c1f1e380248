//! The state of the checkout: a fold over the ledger's entries and nothing else.

use crate::counters::{Counters, Notice, NoticeKind, Notices};
use crate::event::{EntryRequested, Event, MovementRecorded, Outcome, Resolved};
use crate::receipt::Receipt;
use crate::review::{Lease, Review, ReviewId, ReviewStatus, Verdict};
use crate::session::{Payment, Session, Stage};
use std::collections::{BTreeMap, BTreeSet};
use walkout_ledger::{Balances, Entry, Movement};
use walkout_model::{
    CustomerId, Money, MovementId, PartyKind, SessionId, Shop, StoreTime, TimeDelta, Who,
};
use walkout_payment::GatewayError;
use walkout_wire::entry::EntryCodeId;

/// How long a used code is remembered after it expired.
const CODES_KEPT: TimeDelta = TimeDelta::from_secs(3_600);

/// What became of a recorded movement since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its account movements stand as they are recorded.
    Stands,
    /// A later one took its place.
    Superseded,
    /// A person settled it.
    Answered,
}

/// A movement that was recorded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    pub record: MovementRecorded,
    /// The account movements that are its own.
    pub movements: Vec<Movement>,
    pub standing: Standing,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// The last entry folded.
    pub seq: u64,
    /// The latest time of any.
    pub latest: StoreTime,
    pub balances: Balances,
    pub sessions: BTreeMap<SessionId, Session>,
    /// Sessions in which something may still happen.
    pub live: BTreeSet<SessionId>,
    pub movements: BTreeMap<MovementId, Recorded>,
    /// Movements replaced before they came.
    pub replaced_early: BTreeMap<MovementId, MovementId>,
    pub reviews: BTreeMap<ReviewId, Review>,
    pub receipts: BTreeMap<SessionId, Receipt>,
    pub counters: Counters,
    pub notices: Notices,
    pub opening_parts: usize,
    pub opening_complete: bool,
    /// Used codes, until when each could still be shown.
    codes: BTreeMap<EntryCodeId, StoreTime>,
    /// A candidate below it keeps no receipt a draft.
    concern_probability: f32,
}

impl State {
    pub fn new(concern_probability: f32) -> Self {
        Self {
            seq: 0,
            latest: StoreTime::default(),
            balances: Balances::default(),
            sessions: BTreeMap::new(),
            live: BTreeSet::new(),
            movements: BTreeMap::new(),
            replaced_early: BTreeMap::new(),
            reviews: BTreeMap::new(),
            receipts: BTreeMap::new(),
            counters: Counters::default(),
            notices: Notices::default(),
            opening_parts: 0,
            opening_complete: false,
            codes: BTreeMap::new(),
            concern_probability,
        }
    }

    pub fn next_session(&self) -> SessionId {
        SessionId(self.sessions.last_key_value().map_or(1, |(id, _)| id.0 + 1))
    }

    pub fn next_review(&self) -> ReviewId {
        ReviewId(self.reviews.last_key_value().map_or(1, |(id, _)| id.0 + 1))
    }

    pub fn next_receipt(&self) -> u64 {
        self.receipts.len() as u64 + 1
    }

    pub fn is_used(&self, code: EntryCodeId) -> bool {
        self.codes.contains_key(&code)
    }

    pub fn debts_of(&self, customer: CustomerId) -> impl Iterator<Item = &Session> {
        let live = self.sessions.values();
        live.filter(move |session| session.stage == Stage::Debt && session.customer == customer)
    }

    /// Takes in the next entry of the log.
    pub fn fold(&mut self, shop: &Shop, entry: &Entry, event: Option<Event>) {
        self.seq = entry.seq;
        self.latest = self.latest.max(entry.draft.time);
        for movement in &entry.draft.movements {
            self.balances.apply(movement);
        }
        let Some(event) = event else {
            return;
        };
        let t = entry.draft.time;
        match event {
            Event::EntryRequested(request) => self.requested(t, request),
            Event::SessionOpened { session, hold } => {
                self.counters.sessions_opened += 1;
                self.change(session, |s| {
                    s.stage = Stage::Open;
                    s.payment.hold = hold;
                });
            }
            Event::EntryRefused { session, error } => {
                self.counters.holds_refused += 1;
                self.change(session, |s| {
                    s.stage = Stage::Refused;
                    // Unanswered, the hold may have been placed all the same.
                    s.payment.void_due = error.is_transient();
                    s.payment.trouble = Some(error);
                });
            }
            Event::Movement(record) => self.moved(shop, t, *record, &entry.draft.movements),
            Event::ReviewLeased {
                review,
                reviewer,
                until,
            } => {
                if let Some(review) = self.reviews.get_mut(&review) {
                    review.lease = Some(Lease { reviewer, until });
                }
            }
            Event::ReviewAnswered {
                review,
                reviewer,
                verdict,
                resolved,
            } => self.answered(t, review, (reviewer, verdict), resolved),
            Event::SessionExited { session, t, .. } => {
                self.counters.exits += 1;
                self.change(session, |s| {
                    s.left = Some(t);
                    s.stage = match s.kind {
                        PartyKind::Shopper => Stage::Review,
                        PartyKind::Staff => Stage::Settled,
                    };
                });
            }
            Event::StrayExit { session, t } => {
                self.counters.stray_exits += 1;
                self.notices.push(t, NoticeKind::StrayExit { session });
            }
            Event::ReceiptFinal(receipt) => self.finalised(t, *receipt),
            Event::PaymentHeld { step, hold } => self.change(step.session, |s| {
                s.payment.hold = Some(hold);
                s.payment.succeed();
            }),
            Event::PaymentCaptured { step, capture } => {
                self.counters.captures += 1;
                self.change(step.session, |s| {
                    s.payment.captures.push(capture);
                    s.payment.next_leg();
                    settle(s);
                });
            }
            Event::PaymentReleased { step } => self.change(step.session, |s| {
                s.payment.void_due = false;
                s.payment.next_leg();
                settle(s);
            }),
            Event::PaymentFailed { step, error } => self.failed(t, step.session, error),
            Event::PaymentPostponed {
                step,
                tries,
                next_at,
                error,
            } => {
                self.counters.payments_postponed += 1;
                self.change(step.session, |s| {
                    s.payment.tries = tries;
                    s.payment.next_at = next_at;
                    s.payment.trouble = Some(error);
                });
            }
            Event::DebtRetried { session, .. } => self.change(session, |s| {
                s.payment.retry();
                s.stage = Stage::Paying;
                settle(s);
            }),
            Event::OpeningStock { part, parts } => {
                self.opening_parts += 1;
                self.opening_complete = part + 1 >= parts;
            }
        }
    }

    fn change(&mut self, id: SessionId, change: impl FnOnce(&mut Session)) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        change(session);
        if session.is_done() {
            self.live.remove(&id);
        } else {
            self.live.insert(id);
        }
    }

    fn requested(&mut self, t: StoreTime, request: EntryRequested) {
        // A code that is too old for the gate need not be remembered; an hour longer, lest a clock
        // that is set back make it young again.
        self.codes.retain(|_, until| *until + CODES_KEPT >= t);
        let code = EntryCodeId {
            customer: request.customer,
            issued: request.code_issued,
            nonce: request.code_nonce,
        };
        self.codes.insert(code, request.code_until);
        let session = Session {
            id: request.session,
            customer: request.customer,
            people: request.people,
            kind: request.kind,
            gate: request.gate,
            entered: t,
            stage: Stage::Entering,
            left: None,
            reviews: BTreeSet::new(),
            payment: Payment::new(request.hold),
        };
        self.live.insert(session.id);
        self.sessions.insert(session.id, session);
    }

    fn moved(&mut self, shop: &Shop, t: StoreTime, record: MovementRecorded, all: &[Movement]) {
        if let Some(old) = record.supersedes {
            self.replace(old, &record);
        }
        match record.outcome {
            Outcome::Accepted => self.counters.movements_accepted += 1,
            Outcome::Review { review, reason } => {
                *self.counters.reviews_by_reason.entry(reason).or_insert(0) += 1;
                self.open_review(shop, t, review, &record);
            }
            Outcome::LeftOff => self.counters.movements_left_off += 1,
            Outcome::NoGoods => self.counters.movements_without_goods += 1,
            Outcome::VerdictStands => self.counters.verdicts_stood += 1,
            Outcome::Superseded => self.counters.movements_superseded += 1,
        }
        let own = all.get(record.taken_back..).unwrap_or_default().to_vec();
        let standing = match record.outcome {
            Outcome::Superseded | Outcome::VerdictStands => Standing::Superseded,
            _ => Standing::Stands,
        };
        let recorded = Recorded {
            record,
            movements: own,
            standing,
        };
        self.movements.insert(recorded.record.id, recorded);
    }

    fn replace(&mut self, old: MovementId, new: &MovementRecorded) {
        let by = new.id;
        let Some(recorded) = self.movements.get_mut(&old) else {
            self.replaced_early.insert(old, by);
            return;
        };
        if !new.replaces {
            return;
        }
        recorded.standing = Standing::Superseded;
        self.counters.movements_superseded += 1;
        if let Outcome::Review { review, .. } = recorded.record.outcome {
            self.close_review(review, ReviewStatus::Superseded { by }, None);
        }
    }

    fn open_review(&mut self, shop: &Shop, t: StoreTime, id: ReviewId, record: &MovementRecorded) {
        let Outcome::Review { reason, .. } = record.outcome else {
            return;
        };
        let concerned = record.candidates.iter().enumerate();
        let concerned = concerned
            .filter(|(i, candidate)| *i == 0 || candidate.probability >= self.concern_probability);
        let sessions: BTreeSet<SessionId> = concerned
            .filter_map(|(_, candidate)| match candidate.who {
                Who::Session(id) => Some(id),
                Who::Unknown => None,
            })
            .filter(|id| self.sessions.get(id).is_some_and(Session::is_chargeable))
            .collect();
        for session in &sessions {
            self.change(*session, |s| {
                s.reviews.insert(id);
            });
        }
        let at_risk = |candidate: &crate::event::Candidate| {
            let sku = shop.catalogue.find(candidate.sku?)?;
            let units = i64::from(candidate.quantity.unsigned_abs());
            shop.catalogue[sku].price.minor.checked_mul(units)
        };
        let minor = record.candidates.iter().filter_map(at_risk).max();
        let review = Review {
            id,
            movement: record.id,
            reason,
            created: t,
            money_at_risk: Money::new(minor.unwrap_or(0), shop.currency),
            sessions,
            lease: None,
            status: ReviewStatus::Open,
            resolved: None,
        };
        self.reviews.insert(id, review);
    }

    fn close_review(&mut self, id: ReviewId, status: ReviewStatus, resolved: Option<Resolved>) {
        let Some(review) = self.reviews.get_mut(&id) else {
            return;
        };
        review.status = status;
        review.lease = None;
        review.resolved = resolved;
        let sessions = review.sessions.clone();
        for session in sessions {
            self.change(session, |s| {
                s.reviews.remove(&id);
            });
        }
    }

    fn answered(
        &mut self,
        t: StoreTime,
        id: ReviewId,
        (reviewer, verdict): (String, Verdict),
        resolved: Option<Resolved>,
    ) {
        self.counters.reviews_answered += 1;
        if let Some(resolved) = resolved {
            self.note_uncharged(t, id, resolved);
        }
        let status = ReviewStatus::Answered {
            reviewer,
            verdict,
            at: t,
        };
        let movement = self.reviews.get(&id).map(|review| review.movement);
        self.close_review(id, status, resolved);
        if let Some(recorded) = movement.and_then(|id| self.movements.get_mut(&id)) {
            recorded.standing = Standing::Answered;
        }
    }

    /// A verdict against a party whose receipt is final changes no receipt; somebody must know.
    fn note_uncharged(&mut self, t: StoreTime, review: ReviewId, resolved: Resolved) {
        let Who::Session(id) = resolved.who else {
            return;
        };
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        if session.kind == PartyKind::Staff || session.is_chargeable() {
            return;
        }
        let session = id;
        let kind = if resolved.quantity > 0 {
            self.counters.late_takes += 1;
            NoticeKind::TakenAfterReceipt { session, review }
        } else {
            self.counters.late_put_backs += 1;
            NoticeKind::RefundDue { session, review }
        };
        self.notices.push(t, kind);
    }

    fn finalised(&mut self, t: StoreTime, receipt: Receipt) {
        self.counters.receipts += 1;
        let session = receipt.session;
        for line in &receipt.lines {
            if line.unit_price.minor == 0 {
                let gtin = line.gtin;
                self.notices.push(t, NoticeKind::Unpriced { session, gtin });
            }
        }
        self.change(session, |s| {
            s.stage = Stage::Paying;
            s.payment.due = receipt.total;
            s.payment.succeed();
            settle(s);
        });
        self.receipts.insert(session, receipt);
    }

    fn failed(&mut self, t: StoreTime, id: SessionId, error: GatewayError) {
        self.counters.payments_failed += 1;
        let mut debt = false;
        self.change(id, |s| {
            let payment = &mut s.payment;
            match (&error, s.stage) {
                (GatewayError::HoldExpired, Stage::Paying) if payment.legs_left > 0 => {
                    payment.next_leg();
                }
                (_, Stage::Paying) => {
                    debt = true;
                    s.stage = Stage::Debt;
                    // What is still held is let go; a hold that is gone has nothing to let go.
                    let gone = matches!(
                        error,
                        GatewayError::HoldExpired | GatewayError::Unknown { .. }
                    );
                    if gone {
                        payment.hold = None;
                    }
                    payment.tries = 0;
                    payment.next_at = StoreTime(i64::MIN);
                }
                // A hold that cannot be released lapses by itself.
                _ => {
                    payment.void_due = false;
                    payment.hold = None;
                }
            }
            s.payment.trouble = Some(error);
        });
        if debt {
            self.counters.debts += 1;
            self.notices.push(t, NoticeKind::Debt { session: id });
        }
    }
}

/// Paid in full and nothing held: done.
fn settle(session: &mut Session) {
    let payment = &session.payment;
    let paid = payment.owed().is_ok_and(|owed| owed.minor <= 0);
    if session.stage == Stage::Paying && paid && payment.hold.is_none() {
        session.stage = Stage::Settled;
    }
}

impl Notices {
    fn push(&mut self, t: StoreTime, kind: NoticeKind) {
        self.add(Notice { t, kind });
    }
}
