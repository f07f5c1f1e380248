//! What all commands share: one's turn, the log, the state.

use crate::Config;
use crate::counters::Refusals;
use crate::error::{CheckoutError, EntryRefused};
use crate::event::{Event, Outcome, Resolved};
use crate::plan::plan_answer;
use crate::review::{AnswerRefused, ReviewId, ReviewStatus, Verdict};
use crate::state::State;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use walkout_ledger::{Draft, Entry, Ledger, Movement};
use walkout_model::{Money, MovementId, SessionId, Shop, StoreTime};
use walkout_payment::{Gateway, GatewayError, HoldRequest};
use walkout_wire::entry::EntryCode;

/// Entries read at once when the state is rebuilt.
const PAGE: usize = 1_000;

/// What the clones of a checkout share.
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

impl Inner {
    /// Nothing folded yet; the first command reads the log.
    pub fn new(
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
        let inner = Self {
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
        Ok(inner)
    }

    pub fn nonce(&self) -> u64 {
        lock(&self.nonces).next_u64()
    }

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
    pub fn admit(&self, code: &EntryCode) -> Result<SessionId, EntryRefused> {
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

    pub async fn hold_at_entry(
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

    pub fn sessions_of(&self, movement: Option<MovementId>) -> Vec<SessionId> {
        let state = self.state();
        let review = movement
            .and_then(|id| state.movements.get(&id))
            .and_then(|recorded| match recorded.record.outcome {
                Outcome::Review { review, .. } => state.reviews.get(&review),
                _ => None,
            });
        review.map_or_else(Vec::new, |review| review.sessions.iter().copied().collect())
    }

    pub fn was_answered(&self, id: ReviewId, verdict: &Verdict, reviewer: &str) -> bool {
        let state = self.state();
        let status = state.reviews.get(&id).map(|review| &review.status);
        matches!(status, Some(ReviewStatus::Answered { reviewer: by, verdict: before, .. })
            if by == reviewer && before == verdict)
    }

    /// Whether a verdict could be taken as things stand.
    pub fn may_answer(
        &self,
        id: ReviewId,
        verdict: &Verdict,
        reviewer: &str,
        now: StoreTime,
    ) -> Result<(), AnswerRefused> {
        if self.was_answered(id, verdict, reviewer) {
            return Ok(());
        }
        self.check_reviewer(id, reviewer, now)?;
        self.plan(id, verdict).map(|_| ())
    }

    pub fn check_reviewer(
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

    #[expect(clippy::type_complexity, reason = "used once, by answer_review")]
    pub fn plan(
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

/// Marks a session as being asked about at the gateway, until dropped.
pub(crate) struct Asking<'a> {
    inner: &'a Inner,
    session: SessionId,
}

impl<'a> Asking<'a> {
    pub fn begin(inner: &'a Inner, session: SessionId) -> Option<Self> {
        // Not `then_some`: the mark it would make and drop takes the lock that is held here.
        let is_first = lock(&inner.asking).insert(session);
        is_first.then(|| Self { inner, session })
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
