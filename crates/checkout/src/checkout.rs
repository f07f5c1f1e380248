//! The commands: scan, apply, exit, answer.

use crate::error::{AnswerError, CheckoutError, EntryRefused};
use crate::event::{EntryRequested, Event, Outcome, Resolved};
use crate::inner::{Asking, Inner, lock};
use crate::plan::plan_movement;
use crate::review::{AnswerRefused, Lease, ReviewId, Verdict};
use crate::session::Stage;
use crate::{Config, ReceiptStatus};
use std::collections::BTreeSet;
use std::sync::Arc;
use walkout_ledger::Ledger;
use walkout_model::layout::GateKind;
use walkout_model::{
    AttributedMovement, CustomerId, GateIx, Money, PartyKind, SessionExit, SessionId,
    SessionOpened, Shop, StoreTime, Who,
};
use walkout_payment::Gateway;
use walkout_wire::entry::{EntryCode, EntryCodeError, Party};

/// The checkout of one shop. Cheap to clone; all clones share one state. One process at a time
/// runs the checkout of a ledger.
#[derive(Clone)]
pub struct Checkout {
    pub(crate) inner: Arc<Inner>,
}

/// What became of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Recorded now.
    Recorded(Outcome),
    /// It had been recorded before; nothing changed.
    Repeated,
}

/// What became of an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exited {
    /// Shoppers left; their receipt stands so.
    Receipt(ReceiptStatus),
    /// Staff left.
    Staff,
    /// They had left before; nothing changed.
    Repeated,
    /// No such party is in the shop: counted, and a notice given.
    Stray,
}

/// What became of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Recorded now; what it comes to, if anything moved.
    Recorded(Option<Resolved>),
    /// The same reviewer had given the same verdict before; nothing changed.
    Repeated,
}

impl Checkout {
    /// Opens the checkout over a ledger, rebuilding its state from the log. Call
    /// [`Checkout::tick`] afterwards and then regularly.
    ///
    /// # Errors
    /// A ledger that fails or holds what this program cannot read; a hold in another currency than
    /// the prices; a time zone that does not exist.
    pub async fn open(
        shop: Arc<Shop>,
        ledger: Ledger,
        gateway: Arc<dyn Gateway>,
        config: Config,
    ) -> Result<Self, CheckoutError> {
        let checkout = Self {
            inner: Arc::new(Inner::new(shop, ledger, gateway, config)?),
        };
        drop(checkout.inner.command().await?);
        Ok(checkout)
    }

    /// A code for a customer's phone, valid for 20 s from `now`.
    ///
    /// # Errors
    /// A party of none or of more than 127.
    pub fn issue_code(
        &self,
        customer: CustomerId,
        people: u8,
        now: StoreTime,
    ) -> Result<String, EntryCodeError> {
        let kind = PartyKind::Shopper;
        self.issue(
            Party {
                customer,
                people,
                kind,
            },
            now,
        )
    }

    /// A code for a member of staff, valid for 20 s from `now`. Whoever calls this has seen to it
    /// that the person is staff.
    ///
    /// # Errors
    /// As [`Checkout::issue_code`].
    pub fn issue_staff_code(
        &self,
        member: CustomerId,
        people: u8,
        now: StoreTime,
    ) -> Result<String, EntryCodeError> {
        let (customer, kind) = (member, PartyKind::Staff);
        self.issue(
            Party {
                customer,
                people,
                kind,
            },
            now,
        )
    }

    fn issue(&self, party: Party, now: StoreTime) -> Result<String, EntryCodeError> {
        let nonce = self.inner.nonce();
        self.inner.config.keys.issue(party, now, nonce)
    }

    /// Lets a party in under a code shown at a gate: uses the code up, holds an amount on a
    /// shopper's card, opens the session.
    ///
    /// # Errors
    /// A code that is wrong, late or used; an open debt; a card that cannot be held; a gate that
    /// lets nobody in; a ledger that fails.
    pub async fn scan(
        &self,
        code: &str,
        gate: GateIx,
        now: StoreTime,
    ) -> Result<SessionOpened, EntryRefused> {
        let inner = &self.inner;
        let read = EntryCode::read(code, &inner.config.keys, now);
        let code = read.inspect_err(|error| lock(&inner.refusals).count_code(error))?;
        let at_gate = inner.shop.layout.gates.get(gate.usize());
        let Some(at_gate) = at_gate.filter(|gate| gate.kind != GateKind::Exit) else {
            lock(&inner.refusals).wrong_gates += 1;
            return Err(EntryRefused::WrongGate);
        };
        let party = code.party();
        let command = inner.command().await?;
        let session = inner.admit(&code)?;
        let request = EntryRequested {
            session,
            customer: party.customer,
            people: party.people,
            kind: party.kind,
            gate: at_gate.name.clone(),
            hold: inner.config.hold,
            code_issued: code.issued(),
            code_nonce: code.id().nonce,
            code_until: code.last_accepted(),
        };
        let asking = Asking::begin(inner, session);
        let key = format!("entry:{session}");
        inner
            .commit(&key, now, Event::EntryRequested(request), Vec::new())
            .await?;
        drop(command);
        let hold = match party.kind {
            PartyKind::Staff => Ok(None),
            PartyKind::Shopper => inner.hold_at_entry(session, now).await.map(Some),
        };
        let command = inner.command().await?;
        let key = format!("entered:{session}");
        let opened = match hold {
            Ok(hold) => {
                let event = Event::SessionOpened { session, hold };
                inner.commit(&key, now, event, Vec::new()).await?;
                Ok(SessionOpened {
                    t: now,
                    gate,
                    session,
                    people: party.people,
                    kind: party.kind,
                })
            }
            Err(error) => {
                let event = Event::EntryRefused {
                    session,
                    error: error.clone(),
                };
                inner.commit(&key, now, event, Vec::new()).await?;
                Err(EntryRefused::Hold(error))
            }
        };
        drop((command, asking));
        if opened.is_err() {
            inner.drive(session, now).await?;
        }
        opened
    }

    /// Records what fusion concluded. Repeating a movement, by its id, changes nothing.
    ///
    /// # Errors
    /// If the ledger fails. Bad input is no error: it becomes a review or is counted.
    pub async fn apply(&self, movement: &AttributedMovement) -> Result<Applied, CheckoutError> {
        let inner = &self.inner;
        let command = inner.command().await?;
        if inner.state().movements.contains_key(&movement.id) {
            lock(&inner.refusals).movements_repeated += 1;
            return Ok(Applied::Repeated);
        }
        let (record, movements) = plan_movement(&inner.state(), &inner.shop, movement);
        let outcome = record.outcome;
        let key = format!("movement:{}", movement.id);
        let replaced = inner.sessions_of(movement.supersedes);
        let t = movement.known_at;
        inner
            .commit(&key, t, Event::Movement(Box::new(record)), movements)
            .await?;
        drop(command);
        // The movement that this one replaced may have been the last doubt about a party that left.
        for session in replaced {
            inner.drive(session, t).await?;
        }
        Ok(Applied::Recorded(outcome))
    }

    /// A party left. With no doubt open its receipt is final and its card charged before this
    /// returns, or the charge waits for [`Checkout::tick`] if the gateway does not answer.
    ///
    /// # Errors
    /// If the ledger fails. An exit of nobody is no error: it is counted and noticed.
    pub async fn exit(&self, exit: &SessionExit) -> Result<Exited, CheckoutError> {
        let inner = &self.inner;
        let session = exit.session;
        let command = inner.command().await?;
        let found = {
            let state = inner.state();
            let found = state.sessions.get(&session);
            found.map(|found| (found.stage, found.kind))
        };
        let kind = match found {
            Some((Stage::Open, kind)) => kind,
            None | Some((Stage::Entering | Stage::Refused, _)) => {
                let key = format!("stray-exit:{session}:{}", exit.t.0);
                let event = Event::StrayExit { session, t: exit.t };
                inner.commit(&key, exit.known_at, event, Vec::new()).await?;
                return Ok(Exited::Stray);
            }
            Some(_) => {
                lock(&inner.refusals).exits_repeated += 1;
                return Ok(Exited::Repeated);
            }
        };
        let probability = exit.probability;
        let event = Event::SessionExited {
            session,
            t: exit.t,
            probability: if probability.is_finite() {
                probability
            } else {
                0.0
            },
        };
        let key = format!("exit:{session}");
        inner.commit(&key, exit.known_at, event, Vec::new()).await?;
        drop(command);
        if kind == PartyKind::Staff {
            return Ok(Exited::Staff);
        }
        inner.drive(session, exit.known_at).await?;
        let status = match inner.state().receipts.contains_key(&session) {
            true => ReceiptStatus::Final,
            false => ReceiptStatus::Draft,
        };
        Ok(Exited::Receipt(status))
    }

    /// Gives a reviewer a task to themselves for a while; renews their own lease.
    ///
    /// # Errors
    /// If the task is settled or another reviewer has it, or the ledger fails.
    pub async fn lease_review(
        &self,
        id: ReviewId,
        reviewer: &str,
        now: StoreTime,
    ) -> Result<Lease, AnswerError> {
        let inner = &self.inner;
        let _command = inner.command().await?;
        inner
            .check_reviewer(id, reviewer, now)
            .inspect_err(|_| lock(&inner.refusals).answers_refused += 1)?;
        let until = now + inner.config.lease;
        let event = Event::ReviewLeased {
            review: id,
            reviewer: reviewer.to_owned(),
            until,
        };
        let key = format!("lease:{id}:{}", inner.state().seq);
        inner.commit(&key, now, event, Vec::new()).await?;
        Ok(Lease {
            reviewer: reviewer.to_owned(),
            until,
        })
    }

    /// Settles a task. The receipts that waited only for it become final and are charged before this
    /// returns, or wait for [`Checkout::tick`] if the gateway does not answer. Repeating one's own
    /// verdict changes nothing.
    ///
    /// # Errors
    /// If the task is unknown, settled or leased to another, if the verdict cannot be true, or the
    /// ledger fails.
    pub async fn answer_review(
        &self,
        id: ReviewId,
        verdict: &Verdict,
        reviewer: &str,
        now: StoreTime,
    ) -> Result<Answered, AnswerError> {
        let command = self.inner.command().await?;
        let (answered, sessions) = self.settle(id, verdict, reviewer, now).await?;
        drop(command);
        for session in sessions {
            self.inner.drive(session, now).await?;
        }
        Ok(answered)
    }

    /// Records a verdict, within a command. Gives whose receipts waited for it.
    pub(crate) async fn settle(
        &self,
        id: ReviewId,
        verdict: &Verdict,
        reviewer: &str,
        now: StoreTime,
    ) -> Result<(Answered, BTreeSet<SessionId>), AnswerError> {
        let inner = &self.inner;
        if inner.was_answered(id, verdict, reviewer) {
            return Ok((Answered::Repeated, BTreeSet::new()));
        }
        let planned = inner
            .check_reviewer(id, reviewer, now)
            .and_then(|()| inner.plan(id, verdict));
        let (sessions, resolved, movements) = planned.map_err(|refused| self.refused(refused))?;
        let event = Event::ReviewAnswered {
            review: id,
            reviewer: reviewer.to_owned(),
            verdict: verdict.clone(),
            resolved,
        };
        inner
            .commit(&format!("answer:{id}"), now, event, movements)
            .await?;
        Ok((Answered::Recorded(resolved), sessions))
    }

    /// Counts an answer that is not taken.
    pub(crate) fn refused(&self, refused: AnswerRefused) -> AnswerError {
        lock(&self.inner.refusals).answers_refused += 1;
        refused.into()
    }

    /// Says who it was that a code should have let in: settles every open task of the visit that this one is of, each with
    /// the goods that fusion thinks moved. Gives those that were settled.
    ///
    /// # Errors
    /// As [`Checkout::answer_review`], or if the task is of nobody whom the gate saw coming; what was settled before the
    /// first one that fails stays settled.
    pub async fn answer_visit(
        &self,
        id: ReviewId,
        who: Who,
        reviewer: &str,
        now: StoreTime,
    ) -> Result<Vec<ReviewId>, AnswerError> {
        if self.review(id, now).is_none() {
            return Err(AnswerRefused::NoSuchReview(id).into());
        }
        let visit = self.visit(id, now);
        if visit.is_empty() {
            return Err(self.refused(AnswerRefused::NoVisit(id)));
        }
        let mut settled = Vec::new();
        for view in visit {
            let verdict = view.best_of(who);
            self.answer_review(view.id, &verdict, reviewer, now).await?;
            settled.push(view.id);
        }
        Ok(settled)
    }

    /// Charges a debt once more, at the customer's or the staff's wish. Gives what is still owed.
    ///
    /// # Errors
    /// If the ledger fails.
    pub async fn retry_debt(
        &self,
        session: SessionId,
        now: StoreTime,
    ) -> Result<Money, CheckoutError> {
        let inner = &self.inner;
        let command = inner.command().await?;
        let leg = {
            let state = inner.state();
            let found = state.sessions.get(&session);
            found
                .filter(|s| s.stage == Stage::Debt && s.is_done())
                .map(|s| s.payment.leg)
        };
        if let Some(leg) = leg {
            let event = Event::DebtRetried { session, leg };
            inner
                .commit(&format!("debt:{session}:{leg}"), now, event, Vec::new())
                .await?;
        }
        drop(command);
        inner.drive(session, now).await?;
        let state = inner.state();
        let owed = state
            .sessions
            .get(&session)
            .and_then(|s| s.payment.owed().ok());
        Ok(owed.unwrap_or(Money::new(0, inner.shop.currency)))
    }

    /// Goes on with whatever waits: charges that the gateway did not answer, entries that were
    /// interrupted. Call it about once a second, and after [`Checkout::open`].
    ///
    /// # Errors
    /// If the ledger fails.
    pub async fn tick(&self, now: StoreTime) -> Result<(), CheckoutError> {
        let inner = &self.inner;
        let live: Vec<SessionId> = inner.state().live.iter().copied().collect();
        for session in live {
            if inner.is_interrupted(session, now) {
                inner.recover_entry(session, now).await?;
            }
            inner.drive(session, now).await?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Checkout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkout")
            .field("shop", &self.inner.shop.name)
            .field("seq", &self.inner.state().seq)
            .finish_non_exhaustive()
    }
}
