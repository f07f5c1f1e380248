//! What others may see.

use crate::checkout::Checkout;
use crate::counters::{Counters, Notice, Refusals};
use crate::error::CheckoutError;
use crate::event::{MovementRecorded, Outcome};
use crate::inner::{Inner, lock};
use crate::receipt::{Receipt, cart_lines, total};
use crate::review::{Review, ReviewId, ReviewView};
use crate::session::{CartLine, Session, SessionView, Stage};
use crate::state::{Recorded, Standing, State};
use walkout_ledger::{Account, Balances};
use walkout_model::money::MoneyError;
use walkout_model::{CustomerId, Evidence, Gtin, Money, MovementId, SessionId, StoreTime, Who};

impl Checkout {
    /// The sessions in which something may still happen, oldest first.
    pub fn sessions(&self) -> Vec<SessionView> {
        let state = self.inner.state();
        let live = state.live.iter().filter_map(|id| state.sessions.get(id));
        live.map(|session| self.inner.session_view(&state, session))
            .collect()
    }

    /// One session, however old.
    pub fn session(&self, id: SessionId) -> Option<SessionView> {
        let state = self.inner.state();
        let session = state.sessions.get(&id)?;
        Some(self.inner.session_view(&state, session))
    }

    /// A session's cart as it stands.
    pub fn cart(&self, id: SessionId) -> Vec<CartLine> {
        self.session(id)
            .map_or_else(Vec::new, |session| session.cart)
    }

    /// A party's receipt: final, or a draft of what it has now. `None` for staff and for whom no
    /// code let in.
    ///
    /// # Errors
    /// Prices that cannot be summed.
    pub fn receipt(&self, id: SessionId) -> Result<Option<Receipt>, CheckoutError> {
        let stage = {
            let state = self.inner.state();
            if let Some(receipt) = state.receipts.get(&id) {
                let mut receipt = receipt.clone();
                if let Some(session) = state.sessions.get(&id) {
                    let captured = session.payment.captured();
                    let error = |source| CheckoutError::Receipt {
                        session: id,
                        source,
                    };
                    receipt.captured = captured.map_err(error)?;
                }
                return Ok(Some(receipt));
            }
            let shopper = state.sessions.get(&id).filter(|s| s.is_chargeable());
            shopper.map(|session| session.stage)
        };
        match stage {
            Some(Stage::Open | Stage::Review) => self.inner.draft_receipt(id).map(Some),
            _ => Ok(None),
        }
    }

    /// The receipts of those who left, drafts included, the last `limit` by session, newest first.
    ///
    /// # Errors
    /// Prices that cannot be summed.
    pub fn receipts(&self, limit: usize) -> Result<Vec<Receipt>, CheckoutError> {
        let left: Vec<SessionId> = {
            let state = self.inner.state();
            let sessions = state.sessions.values().rev();
            let left = sessions
                .filter(|s| s.left.is_some() && s.kind == walkout_model::PartyKind::Shopper);
            left.take(limit).map(|session| session.id).collect()
        };
        let receipts = left.into_iter().map(|id| self.receipt(id));
        receipts.filter_map(Result::transpose).collect()
    }

    /// The open tasks at `now`, what to look at first first.
    pub fn reviews(&self, now: StoreTime) -> Vec<ReviewView> {
        let state = self.inner.state();
        let open = state.reviews.values().filter(|review| review.is_open());
        let mut views: Vec<_> = open
            .map(|review| review_view(&state, review, now))
            .collect();
        views.sort_by(|a, b| b.priority.total_cmp(&a.priority).then(a.id.cmp(&b.id)));
        views
    }

    /// One task, settled or not.
    pub fn review(&self, id: ReviewId, now: StoreTime) -> Option<ReviewView> {
        let state = self.inner.state();
        let review = state.reviews.get(&id)?;
        Some(review_view(&state, review, now))
    }

    /// The open tasks of the visit that one is of, in order of time: of somebody whom a gate saw come in without a code.
    /// Empty if it is of none.
    pub fn visit(&self, id: ReviewId, now: StoreTime) -> Vec<ReviewView> {
        let state = self.inner.state();
        let came = |review: &Review| {
            let recorded = state.movements.get(&review.movement)?;
            recorded.record.evidence.stranger
        };
        let Some(visit) = state.reviews.get(&id).and_then(came) else {
            return Vec::new();
        };
        let open = state.reviews.values().filter(|review| review.is_open());
        let mut views: Vec<_> = open
            .filter(|review| came(review) == Some(visit))
            .map(|review| review_view(&state, review, now))
            .collect();
        views.sort_by_key(|view| (view.t, view.id));
        views
    }

    /// The latest time of anything that was recorded.
    pub fn last_recorded(&self) -> StoreTime {
        self.inner.state().latest
    }

    /// The recorded movement with the greatest id below a bound.
    pub fn last_movement(&self, below: MovementId) -> Option<MovementId> {
        let state = self.inner.state();
        let last = state.movements.range(..below).next_back();
        last.map(|(id, _)| *id)
    }

    /// A movement as it was recorded.
    pub fn movement(&self, id: MovementId) -> Option<MovementRecorded> {
        let state = self.inner.state();
        state
            .movements
            .get(&id)
            .map(|recorded| recorded.record.clone())
    }

    /// The movements behind a line of a party's cart or receipt, in order of time: those that changed
    /// it, and those in doubt that may have.
    pub fn behind(&self, session: SessionId, gtin: Gtin) -> Vec<MovementRecorded> {
        let state = self.inner.state();
        let cart = Account::Cart(session);
        let moved = |r: &&Recorded| {
            let mut own = r.movements.iter().filter(|m| m.sku == gtin);
            own.any(|m| m.from == cart || m.to == cart)
        };
        let doubted = |r: &&Recorded| {
            matches!(r.record.outcome, Outcome::Review { .. })
                && r.record
                    .candidates
                    .iter()
                    .any(|c| c.who == Who::Session(session) && c.sku == Some(gtin))
        };
        let standing = state
            .movements
            .values()
            .filter(|r| r.standing != Standing::Superseded);
        let found = standing.filter(|r| moved(r) || doubted(r));
        let mut found: Vec<_> = found.map(|r| r.record.clone()).collect();
        found.sort_by_key(|record| (record.t, record.id));
        found
    }

    /// What each customer in debt owes, by session.
    pub fn debts(&self) -> Vec<(CustomerId, SessionId, Money)> {
        let state = self.inner.state();
        let debts = state.sessions.values().filter(|s| s.stage == Stage::Debt);
        debts
            .filter_map(|s| Some((s.customer, s.id, s.payment.owed().ok()?)))
            .collect()
    }

    /// The balances of all accounts after the last entry that checkout has taken in.
    pub fn balances(&self) -> Balances {
        self.inner.state().balances.clone()
    }

    /// What the log says happened.
    pub fn counters(&self) -> Counters {
        self.inner.state().counters.clone()
    }

    /// What was refused or ignored since the start.
    pub fn refusals(&self) -> Refusals {
        lock(&self.inner.refusals).clone()
    }

    /// The last 256 notices, oldest first.
    pub fn notices(&self) -> Vec<Notice> {
        self.inner.state().notices.last.iter().cloned().collect()
    }

    /// How many older notices were let go.
    pub fn notices_dropped(&self) -> u64 {
        self.inner.state().notices.dropped
    }
}

impl Inner {
    fn session_view(&self, state: &State, session: &Session) -> SessionView {
        let shop = &self.shop;
        let lines = cart_lines(shop, &state.balances, session.id);
        let cart_total = |cart: &[CartLine]| total(shop, cart);
        // A cart that cannot be summed is shown without its sum; it cannot become a receipt either.
        let zero = Money::new(0, shop.currency);
        let or_zero = |money: Result<Money, MoneyError>| money.unwrap_or(zero);
        let cart = lines.unwrap_or_default();
        SessionView {
            id: session.id,
            customer: session.customer,
            people: session.people,
            kind: session.kind,
            gate: session.gate.clone(),
            stage: session.stage,
            entered: session.entered,
            left: session.left,
            cart_total: or_zero(cart_total(&cart)),
            cart,
            open_reviews: session.reviews.iter().copied().collect(),
            captured: or_zero(session.payment.captured()),
            owed: or_zero(session.payment.owed()),
            tries: session.payment.tries,
            trouble: session.payment.trouble.clone(),
        }
    }
}

fn review_view(state: &State, review: &Review, now: StoreTime) -> ReviewView {
    let record = state
        .movements
        .get(&review.movement)
        .map(|recorded| &recorded.record);
    let candidates = record.map_or_else(Vec::new, |record| record.candidates.clone());
    let best = candidates.first().map_or(0.0, |best| best.probability);
    ReviewView {
        id: review.id,
        movement: review.movement,
        reason: review.reason,
        t: record.map_or(review.created, |record| record.t),
        created: review.created,
        shelf: record.map_or_else(String::new, |record| record.shelf.clone()),
        lane: record.and_then(|record| record.lane.clone()),
        candidates,
        evidence: record.map_or_else(Evidence::default, |record| record.evidence.clone()),
        money_at_risk: review.money_at_risk,
        sessions: review.sessions.iter().copied().collect(),
        lease: review.lease_at(now).cloned(),
        status: review.status.clone(),
        priority: review.priority(best, now),
    }
}
