//! The commands: scan, apply, exit, answer.

use crate::counters::Refusals;
use crate::error::{AnswerError, CheckoutError, EntryRefused};
use crate::event::{EntryRequested, Event, Outcome, Resolved};
use crate::plan::{plan_answer, plan_movement};
use crate::review::{AnswerRefused, Lease, ReviewId, ReviewStatus, Verdict};
use crate::session::Stage;
use crate::state::State;
use crate::{Config, ReceiptStatus};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use walkout_ledger::{Draft, Entry, Ledger, Movement};
use walkout_model::layout::GateKind;
use walkout_model::{
    AttributedMovement, CustomerId, GateIx, Money, MovementId, PartyKind, SessionExit, SessionId,
    SessionOpened, Shop, StoreTime,
};
use walkout_payment::{Gateway, GatewayError, HoldRequest};
use walkout_wire::entry::{EntryCode, EntryCodeError, Party};

/// Entries read at once when the state is rebuilt.
const PAGE: usize = 1_000;

/// The checkout of one shop. Cheap to clone; all clones share one state. One process at a time
/// runs the checkout of a ledger.
#[derive(Clone)]
pub struct Checkout {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub shop: Arc<Shop>,
    pub ledger: Ledger,
    pub gateway: Arc<dyn Gateway>,
    pub config: Config,
    /// Held from reading the state for a decision until the decision is folded into it.
    pub commands: tokio::sync::Mutex<()>,
    state: RwLock<State>,
    /// Set while an append is under way: a command that was dropped half-way leaves it set, and the
    /// next one reads what became of it.
    behind: AtomicBool,
    /// Sessions for which the gateway is being asked right now.
    pub asking: Mutex<BTreeSet<SessionId>>,
    pub refusals: Mutex<Refusals>,
    nonces: Mutex<ChaCha12Rng>,
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
        if config.hold.currency != shop.currency {
            return Err(CheckoutError::HoldCurrency(config.hold));
        }
        if jiff::tz::TimeZone::get(&shop.time_zone).is_err() {
            return Err(CheckoutError::TimeZone(shop.time_zone.clone()));
        }
        let state = State::new(config.concern_probability);
        let nonces = ChaCha12Rng::from_seed(config.seed);
        let inner = Inner {
            shop,
            ledger,
            gateway,
            config,
            commands: tokio::sync::Mutex::new(()),
            state: RwLock::new(state),
            behind: AtomicBool::new(true),
            asking: Mutex::default(),
            refusals: Mutex::default(),
            nonces: Mutex::new(nonces),
        };
        inner.check_keys()?;
        let checkout = Self {
            inner: Arc::new(inner),
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
        let nonce = lock(&self.inner.nonces).next_u64();
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
        let inner = &self.inner;
        let command = inner.command().await?;
        if inner.was_answered(id, verdict, reviewer) {
            return Ok(Answered::Repeated);
        }
        let planned = inner
            .check_reviewer(id, reviewer, now)
            .and_then(|()| inner.plan(id, verdict));
        let planned = planned.inspect_err(|_| lock(&inner.refusals).answers_refused += 1);
        let (sessions, resolved, movements) = planned?;
        let event = Event::ReviewAnswered {
            review: id,
            reviewer: reviewer.to_owned(),
            verdict: verdict.clone(),
            resolved,
        };
        inner
            .commit(&format!("answer:{id}"), now, event, movements)
            .await?;
        drop(command);
        for session in sessions {
            inner.drive(session, now).await?;
        }
        Ok(Answered::Recorded(resolved))
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

impl Inner {
    /// Waits for one's turn to change the state, and sees to it that the state is the log's.
    pub async fn command(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, CheckoutError> {
        let guard = self.commands.lock().await;
        if self.behind.load(Ordering::Acquire) {
            self.catch_up().await?;
            self.behind.store(false, Ordering::Release);
        }
        Ok(guard)
    }

    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        // A fold that panicked half-way is found by the next catching up, not here.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an event and folds it. Only with the command guard held.
    pub async fn commit(
        &self,
        key: &str,
        time: StoreTime,
        event: Event,
        movements: Vec<Movement>,
    ) -> Result<(), CheckoutError> {
        let evidence = match &event {
            Event::Movement(record) if !record.evidence.steps.is_empty() => {
                let steps: Vec<String> = record.evidence.steps.iter().map(u64::to_string).collect();
                Some(format!("steps {}", steps.join(",")))
            }
            _ => None,
        };
        let draft = Draft {
            key: key.to_owned(),
            time,
            cause: event.to_cause().map_err(CheckoutError::Encode)?,
            evidence,
            movements,
        };
        self.append(draft, event).await
    }

    async fn append(&self, draft: Draft, event: Event) -> Result<(), CheckoutError> {
        self.behind.store(true, Ordering::Release);
        let appended = self.ledger.append(draft.clone()).await?;
        let expected = self.state().seq + 1;
        if appended.seq == expected {
            let entry = Entry {
                seq: appended.seq,
                draft,
                hash: appended.hash,
            };
            self.fold(&entry, Some(event));
        } else {
            // Another part of the shop wrote in between, or this was there before.
            self.catch_up().await?;
        }
        self.behind.store(false, Ordering::Release);
        Ok(())
    }

    async fn catch_up(&self) -> Result<(), CheckoutError> {
        loop {
            let from = self.state().seq + 1;
            let entries = self.ledger.entries(from, PAGE).await?;
            for entry in &entries {
                let seq = entry.seq;
                let event = Event::from_cause(&entry.draft.cause);
                let event = event.map_err(|source| CheckoutError::Log { seq, source })?;
                self.fold(entry, event);
            }
            if entries.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn fold(&self, entry: &Entry, event: Option<Event>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.fold(&self.shop, entry, event);
    }

    /// Whether the holder of a right code may enter, and under which session.
    fn admit(&self, code: &EntryCode) -> Result<SessionId, EntryRefused> {
        let state = self.state();
        if state.is_used(code.id()) {
            lock(&self.refusals).codes_replayed += 1;
            return Err(EntryRefused::Replayed);
        }
        let customer = code.party().customer;
        let mut debts = state.debts_of(customer).peekable();
        if let Some(session) = debts.peek().map(|session| session.id) {
            lock(&self.refusals).debtors += 1;
            let zero = Money::new(0, self.shop.currency);
            let owed = debts.try_fold(zero, |sum, s| sum.checked_add(s.payment.owed()?));
            return Err(EntryRefused::Debt {
                customer,
                owed: owed.unwrap_or(zero),
                session,
            });
        }
        Ok(state.next_session())
    }

    async fn hold_at_entry(
        &self,
        session: SessionId,
        now: StoreTime,
    ) -> Result<walkout_payment::Hold, GatewayError> {
        let request = self.entry_hold_request(session, now);
        match request {
            Some(request) => self.gateway.hold(request).await,
            None => Err(GatewayError::KeyConflict),
        }
    }

    pub fn entry_hold_request(&self, session: SessionId, now: StoreTime) -> Option<HoldRequest> {
        let state = self.state();
        let found = state.sessions.get(&session)?;
        Some(HoldRequest {
            customer: found.customer,
            amount: found.payment.entry_hold,
            key: self.payment_key(found, "hold", 0)?,
            now,
        })
    }

    fn sessions_of(&self, movement: Option<MovementId>) -> Vec<SessionId> {
        let state = self.state();
        let review = movement
            .and_then(|id| state.movements.get(&id))
            .and_then(|recorded| match recorded.record.outcome {
                Outcome::Review { review, .. } => state.reviews.get(&review),
                _ => None,
            });
        review.map_or_else(Vec::new, |review| review.sessions.iter().copied().collect())
    }

    fn was_answered(&self, id: ReviewId, verdict: &Verdict, reviewer: &str) -> bool {
        let state = self.state();
        let status = state.reviews.get(&id).map(|review| &review.status);
        matches!(status, Some(ReviewStatus::Answered { reviewer: by, verdict: before, .. })
            if by == reviewer && before == verdict)
    }

    fn check_reviewer(
        &self,
        id: ReviewId,
        reviewer: &str,
        now: StoreTime,
    ) -> Result<(), AnswerRefused> {
        let length = reviewer.chars().count();
        if !(1..=64).contains(&length) || reviewer.chars().any(char::is_control) {
            return Err(AnswerRefused::Reviewer);
        }
        let state = self.state();
        let review = state
            .reviews
            .get(&id)
            .ok_or(AnswerRefused::NoSuchReview(id))?;
        match &review.status {
            ReviewStatus::Open => {}
            ReviewStatus::Answered {
                reviewer, verdict, ..
            } => {
                return Err(AnswerRefused::AlreadyAnswered {
                    id,
                    reviewer: reviewer.clone(),
                    verdict: verdict.clone(),
                });
            }
            ReviewStatus::Superseded { by } => {
                return Err(AnswerRefused::Superseded { id, by: *by });
            }
        }
        match review.lease_at(now) {
            Some(lease) if lease.reviewer != reviewer => Err(AnswerRefused::Leased {
                id,
                reviewer: lease.reviewer.clone(),
                until: lease.until,
            }),
            _ => Ok(()),
        }
    }

    #[expect(clippy::type_complexity, reason = "used once, just above")]
    fn plan(
        &self,
        id: ReviewId,
        verdict: &Verdict,
    ) -> Result<(BTreeSet<SessionId>, Option<Resolved>, Vec<Movement>), AnswerRefused> {
        let state = self.state();
        let review = state
            .reviews
            .get(&id)
            .ok_or(AnswerRefused::NoSuchReview(id))?;
        let (resolved, movements) = plan_answer(&state, &self.shop, review, verdict)?;
        Ok((review.sessions.clone(), resolved, movements))
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

impl Refusals {
    fn count_code(&mut self, error: &EntryCodeError) {
        let counter = match error {
            EntryCodeError::Forged | EntryCodeError::UnknownKey(_) => &mut self.codes_forged,
            EntryCodeError::Expired { .. } => &mut self.codes_expired,
            EntryCodeError::FromTheFuture { .. } => &mut self.codes_from_the_future,
            EntryCodeError::Malformed(_) | EntryCodeError::People(_) | EntryCodeError::Issued => {
                &mut self.codes_malformed
            }
        };
        *counter += 1;
    }
}

/// Marks a session as being asked about at the gateway, until dropped.
pub(crate) struct Asking<'a> {
    inner: &'a Inner,
    session: SessionId,
}

impl<'a> Asking<'a> {
    pub fn begin(inner: &'a Inner, session: SessionId) -> Option<Self> {
        lock(&inner.asking)
            .insert(session)
            .then_some(Self { inner, session })
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        lock(&self.inner.asking).remove(&self.session);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these guard is changed in one step each.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
