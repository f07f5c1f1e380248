//! Driving a session from the exit to the money: one step at a time, each recorded before the next.
//! A step's idempotency key follows from the log, so a step that was interrupted is simply asked
//! again.

use crate::error::CheckoutError;
use crate::event::{Event, StepId};
use crate::inner::{Asking, Inner};
use crate::receipt::{Receipt, ReceiptStatus, cart_lines, taxes, total};
use crate::session::{Session, Stage, Step};
use walkout_ledger::{Account, Movement};
use walkout_model::{Money, SessionId, StoreTime};
use walkout_payment::{CaptureRequest, GatewayError, HoldRequest, IdempotencyKey};

/// Steps taken for one session at a time; a receipt takes at most a finalisation and three steps for
/// each of its holds.
const STEPS_MAX: usize = 16;

/// What the gateway answered to a step.
enum Answer {
    Event(Event),
    Failed(GatewayError),
}

impl Inner {
    /// Takes every step that is due.
    pub async fn drive(&self, session: SessionId, now: StoreTime) -> Result<(), CheckoutError> {
        let Some(_asking) = Asking::begin(self, session) else {
            // Somebody else is at it and goes on until nothing is due.
            return Ok(());
        };
        for _ in 0..STEPS_MAX {
            let Some((step, id)) = self.due(session, now) else {
                return Ok(());
            };
            if step == Step::Finalise {
                self.finalise(session, now).await?;
                continue;
            }
            let answer = self.ask(session, &step, id, now).await;
            let _command = self.command().await?;
            // While the gateway was thinking somebody may have changed what is due.
            if self.due(session, now) != Some((step, id)) {
                continue;
            }
            let StepId { leg, .. } = id;
            let (what, event) = match answer {
                Answer::Event(event) => (event.what(), event),
                Answer::Failed(error) => self.failure(id, error, now),
            };
            let key = format!("pay:{session}:{leg}:{what}");
            self.commit(&key, now, event, Vec::new()).await?;
        }
        Ok(())
    }

    /// An entry whose hold was never answered, because the program stopped: the party was not let
    /// in.
    pub async fn recover_entry(
        &self,
        session: SessionId,
        now: StoreTime,
    ) -> Result<(), CheckoutError> {
        let Some(_asking) = Asking::begin(self, session) else {
            return Ok(());
        };
        let _command = self.command().await?;
        if self.is_interrupted(session, now) {
            let event = Event::EntryRefused {
                session,
                error: GatewayError::Unreachable,
            };
            self.commit(&format!("entered:{session}"), now, event, Vec::new())
                .await?;
        }
        Ok(())
    }

    /// Whether an entry has waited too long for its hold.
    pub fn is_interrupted(&self, session: SessionId, now: StoreTime) -> bool {
        self.state().sessions.get(&session).is_some_and(|found| {
            let waited = now.since(found.entered);
            found.stage == Stage::Entering && waited >= self.config.entry_timeout
        })
    }

    /// Names a request for ever. The time of the scan tells it from a request of an earlier ledger
    /// of the same shop.
    pub fn payment_key(&self, session: &Session, what: &str, leg: u32) -> Option<IdempotencyKey> {
        let (shop, id, entered) = (&self.shop.name, session.id, session.entered.0);
        IdempotencyKey::new(format!("{shop}/{id}@{entered}/{what}/{leg}")).ok()
    }

    pub fn check_keys(&self) -> Result<(), CheckoutError> {
        let name = &self.shop.name;
        let longest = format!("{name}/s{0}@{0}/release/{0}", u64::MAX);
        IdempotencyKey::new(longest)
            .map(|_| ())
            .map_err(|source| CheckoutError::ShopName(name.clone(), source))
    }

    fn due(&self, session: SessionId, now: StoreTime) -> Option<(Step, StepId)> {
        let state = self.state();
        let found = state.sessions.get(&session)?;
        let step = found.step().filter(|_| found.payment.next_at <= now)?;
        let leg = found.payment.leg;
        Some((step, StepId { session, leg }))
    }

    async fn ask(&self, session: SessionId, step: &Step, id: StepId, now: StoreTime) -> Answer {
        let key = |what| {
            let state = self.state();
            let found = state.sessions.get(&session)?;
            Some((self.payment_key(found, what, id.leg)?, found.customer))
        };
        let gateway = &self.gateway;
        let result = match step {
            Step::Finalise => Err(GatewayError::KeyConflict),
            Step::Void => self.void(session, id, now).await,
            Step::Hold(amount) => match key("hold") {
                None => Err(GatewayError::KeyConflict),
                Some((key, customer)) => {
                    let amount = *amount;
                    let request = HoldRequest {
                        customer,
                        amount,
                        key,
                        now,
                    };
                    let held = gateway.hold(request).await;
                    held.map(|hold| Event::PaymentHeld { step: id, hold })
                }
            },
            Step::Capture(hold, amount) => match key("capture") {
                None => Err(GatewayError::KeyConflict),
                Some((key, _)) => {
                    let request = CaptureRequest {
                        hold: hold.id.clone(),
                        amount: *amount,
                        key,
                        now,
                    };
                    let captured = gateway.capture(request).await;
                    captured.map(|capture| Event::PaymentCaptured { step: id, capture })
                }
            },
            Step::Release(hold) => match key("release") {
                None => Err(GatewayError::KeyConflict),
                Some((key, _)) => {
                    let released = gateway.release(&hold.id, key).await;
                    released.map(|()| Event::PaymentReleased { step: id })
                }
            },
        };
        result.map_or_else(Answer::Failed, Answer::Event)
    }

    /// Finds the hold that may have been placed for a refused entry, and lets it go.
    async fn void(
        &self,
        session: SessionId,
        id: StepId,
        now: StoreTime,
    ) -> Result<Event, GatewayError> {
        let request = self.entry_hold_request(session, now);
        let released = Event::PaymentReleased { step: id };
        match self
            .gateway
            .hold(request.ok_or(GatewayError::KeyConflict)?)
            .await
        {
            Ok(hold) => {
                let key = self
                    .state()
                    .sessions
                    .get(&session)
                    .and_then(|found| self.payment_key(found, "release", id.leg));
                let key = key.ok_or(GatewayError::KeyConflict)?;
                self.gateway.release(&hold.id, key).await.map(|()| released)
            }
            Err(error) if error.is_transient() => Err(error),
            // It was declined, so there is nothing to let go.
            Err(_) => Ok(released),
        }
    }

    fn failure(&self, id: StepId, error: GatewayError, now: StoreTime) -> (String, Event) {
        let state = self.state();
        let payment = state.sessions.get(&id.session).map(|found| &found.payment);
        let tries = payment.map_or(0, |payment| payment.tries) + 1;
        if error.is_transient() && tries < self.config.retry.tries_max {
            let next_at = now + self.config.retry.wait_after(tries);
            let event = Event::PaymentPostponed {
                step: id,
                tries,
                next_at,
                error,
            };
            // The log's place tells the same try of two steps of one leg apart.
            return (format!("postponed:{}", state.seq), event);
        }
        (
            format!("failed:{}", state.seq),
            Event::PaymentFailed { step: id, error },
        )
    }

    async fn finalise(&self, session: SessionId, now: StoreTime) -> Result<(), CheckoutError> {
        let _command = self.command().await?;
        if !matches!(self.due(session, now), Some((Step::Finalise, _))) {
            return Ok(());
        }
        let mut receipt = self.draft_receipt(session)?;
        receipt.number = Some(self.state().next_receipt());
        receipt.status = ReceiptStatus::Final;
        receipt.finalised = Some(now);
        let sold = receipt.lines.iter().map(|line| Movement {
            from: Account::Cart(session),
            to: Account::Sold,
            sku: line.gtin,
            units: line.units,
        });
        let sold = sold.collect();
        let event = Event::ReceiptFinal(Box::new(receipt));
        self.commit(&format!("receipt:{session}"), now, event, sold)
            .await
    }

    /// The receipt as it stands.
    pub fn draft_receipt(&self, session: SessionId) -> Result<Receipt, CheckoutError> {
        let state = self.state();
        let error = |source| CheckoutError::Receipt { session, source };
        let shop = &self.shop;
        let lines = cart_lines(shop, &state.balances, session).map_err(error)?;
        let found = state.sessions.get(&session);
        Ok(Receipt {
            number: None,
            status: ReceiptStatus::Draft,
            session,
            customer: found.map_or(walkout_model::CustomerId(0), |s| s.customer),
            shop: shop.title.clone(),
            entered: found.map_or(StoreTime::default(), |s| s.entered),
            left: found.and_then(|s| s.left),
            finalised: None,
            time_zone: shop.time_zone.clone(),
            taxes: taxes(shop, &lines).map_err(error)?,
            total: total(shop, &lines).map_err(error)?,
            lines,
            held: found.map_or(Money::new(0, shop.currency), |s| s.payment.entry_hold),
            captured: Money::new(0, shop.currency),
        })
    }
}

impl Event {
    /// For the key of a payment's entry.
    fn what(&self) -> String {
        match self {
            Self::PaymentHeld { .. } => "held",
            Self::PaymentCaptured { .. } => "captured",
            Self::PaymentReleased { .. } => "released",
            _ => "other",
        }
        .to_owned()
    }
}
