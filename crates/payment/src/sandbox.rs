//! A gateway that moves no money: deterministic, with cards for every way to fail, and a record of
//! its own against which the shop's can be reconciled.

use crate::{
    Capture, CaptureId, CaptureRequest, Gateway, GatewayError, Hold, HoldId, HoldRequest,
    IdempotencyKey, Refund, RefundId, RefundRequest,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use walkout_model::{Currency, CustomerId, Money, StoreTime, TimeDelta};

/// How long the sandbox keeps a hold: seven days, as card networks do online.
const HOLD_LASTS: TimeDelta = TimeDelta::from_secs(7 * 24 * 3600);

/// How a test customer's card behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestCard {
    /// Pays.
    #[default]
    Good,
    /// Declines every hold.
    DeclinesHolds,
    /// Lets itself be held and declines the capture.
    DeclinesCaptures,
    /// Its bank asks for a confirmation at the hold.
    AsksToConfirm,
    /// The holds lapse after this long.
    HoldsLapseAfter(TimeDelta),
    /// The next so many requests get no answer and have no effect.
    Unreachable(u32),
    /// The next so many requests have their effect, but the answer is lost on the way.
    AnswersLost(u32),
}

/// A hold as the sandbox remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxHold {
    /// Whose.
    pub customer: CustomerId,
    /// What was set aside.
    pub amount: Money,
    /// When it lapses.
    pub expires: StoreTime,
    /// What was captured of it; a capture closes the hold.
    pub captured: Option<Money>,
    /// What was given back of the capture, minor units.
    pub refunded_minor: i64,
    /// Whether it was let go without a capture.
    pub released: bool,
}

/// The sandbox gateway. Customers pay with [`TestCard::Good`] unless told otherwise.
#[derive(Debug, Default)]
pub struct Sandbox {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    cards: BTreeMap<CustomerId, TestCard>,
    /// By number: hold `h3` is the third.
    holds: Vec<SandboxHold>,
    answers: BTreeMap<IdempotencyKey, (Request, Result<Answer, GatewayError>)>,
    refunds: u64,
}

/// What a key was used for; the clock is no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Request {
    Hold(CustomerId, Money),
    Capture(HoldId, Money),
    Release(HoldId),
    Refund(CaptureId, Money),
}

#[derive(Clone, Debug)]
enum Answer {
    Hold(Hold),
    Capture(Capture),
    Released,
    Refund(Refund),
}

impl Sandbox {
    /// A sandbox in which every card pays.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a customer another card.
    pub fn set_card(&self, customer: CustomerId, card: TestCard) {
        self.books().cards.insert(customer, card);
    }

    /// Every hold it ever placed, oldest first.
    pub fn holds(&self) -> Vec<SandboxHold> {
        self.books().holds.clone()
    }

    /// Everything captured less everything refunded, minor units of the one currency asked for.
    pub fn taken_minor(&self, currency: Currency) -> i64 {
        let books = self.books();
        let of_currency = books.holds.iter().filter_map(|hold| {
            let captured = hold.captured.filter(|money| money.currency == currency)?;
            Some(captured.minor - hold.refunded_minor)
        });
        of_currency.sum()
    }

    /// Holds neither captured nor released and not yet lapsed at `now`.
    pub fn open_holds(&self, now: StoreTime) -> usize {
        let books = self.books();
        let open =
            |hold: &&SandboxHold| hold.captured.is_none() && !hold.released && now <= hold.expires;
        books.holds.iter().filter(open).count()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Every change below is complete before anything can panic.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(
        &self,
        key: IdempotencyKey,
        request: Request,
        act: impl FnOnce(&mut Books) -> Result<Answer, GatewayError>,
    ) -> Result<Answer, GatewayError> {
        let mut books = self.books();
        let customer = books.customer_of(&request);
        let card = customer.and_then(|customer| books.cards.get_mut(&customer));
        let mut lost = false;
        match card {
            Some(TestCard::Unreachable(left)) if *left > 0 => {
                *left -= 1;
                return Err(GatewayError::Unreachable);
            }
            Some(TestCard::AnswersLost(left)) if *left > 0 => {
                *left -= 1;
                lost = true;
            }
            _ => {}
        }
        let answer = match books.answers.get(&key) {
            Some((before, answer)) if *before == request => answer.clone(),
            Some(_) => Err(GatewayError::KeyConflict),
            None => {
                let answer = act(&mut books);
                books.answers.insert(key, (request, answer.clone()));
                answer
            }
        };
        if lost {
            return Err(GatewayError::Unreachable);
        }
        answer
    }
}

impl Books {
    fn card(&self, customer: CustomerId) -> TestCard {
        self.cards.get(&customer).copied().unwrap_or_default()
    }

    fn customer_of(&self, request: &Request) -> Option<CustomerId> {
        let hold = match request {
            Request::Hold(customer, _) => return Some(*customer),
            Request::Capture(hold, _) | Request::Release(hold) => self.find(&hold.0, "h"),
            Request::Refund(capture, _) => self.find(&capture.0, "c"),
        };
        hold.ok().map(|index| self.holds[index].customer)
    }

    fn find(&self, id: &str, prefix: &str) -> Result<usize, GatewayError> {
        id.strip_prefix(prefix)
            .and_then(|number| number.parse::<usize>().ok())
            .and_then(|number| number.checked_sub(1))
            .filter(|&index| index < self.holds.len())
            .ok_or_else(|| GatewayError::Unknown { id: id.to_owned() })
    }

    fn hold(&mut self, request: &HoldRequest) -> Result<Answer, GatewayError> {
        let card = self.card(request.customer);
        let lasts = match card {
            TestCard::DeclinesHolds => return Err(declined()),
            TestCard::AsksToConfirm => return Err(GatewayError::AuthenticationRequired),
            TestCard::HoldsLapseAfter(lasts) => lasts,
            _ => HOLD_LASTS,
        };
        self.holds.push(SandboxHold {
            customer: request.customer,
            amount: request.amount,
            expires: request.now + lasts,
            captured: None,
            refunded_minor: 0,
            released: false,
        });
        Ok(Answer::Hold(Hold {
            id: HoldId(format!("h{}", self.holds.len())),
            amount: request.amount,
            expires: request.now + lasts,
        }))
    }

    fn capture(&mut self, request: &CaptureRequest) -> Result<Answer, GatewayError> {
        let index = self.find(&request.hold.0, "h")?;
        let card = self.card(self.holds[index].customer);
        let hold = &mut self.holds[index];
        if hold.captured.is_some() || hold.released {
            return Err(GatewayError::Unknown {
                id: request.hold.0.clone(),
            });
        }
        if request.now > hold.expires {
            return Err(GatewayError::HoldExpired);
        }
        let fits = request.amount.currency == hold.amount.currency
            && (1..=hold.amount.minor).contains(&request.amount.minor);
        if !fits {
            return Err(GatewayError::OverAmount {
                asked: request.amount,
                available: hold.amount,
            });
        }
        if card == TestCard::DeclinesCaptures {
            return Err(declined());
        }
        hold.captured = Some(request.amount);
        Ok(Answer::Capture(Capture {
            id: CaptureId(format!("c{}", index + 1)),
            amount: request.amount,
        }))
    }

    fn release(&mut self, id: &HoldId) -> Result<Answer, GatewayError> {
        let index = self.find(&id.0, "h")?;
        let hold = &mut self.holds[index];
        if hold.captured.is_some() {
            return Err(GatewayError::Unknown { id: id.0.clone() });
        }
        hold.released = true;
        Ok(Answer::Released)
    }

    fn refund(&mut self, request: &RefundRequest) -> Result<Answer, GatewayError> {
        let unknown = || GatewayError::Unknown {
            id: request.capture.0.clone(),
        };
        let index = self.find(&request.capture.0, "c")?;
        let hold = &mut self.holds[index];
        let captured = hold.captured.ok_or_else(unknown)?;
        let left = captured.minor - hold.refunded_minor;
        if request.amount.currency != captured.currency
            || !(1..=left).contains(&request.amount.minor)
        {
            return Err(GatewayError::OverAmount {
                asked: request.amount,
                available: Money::new(left, captured.currency),
            });
        }
        hold.refunded_minor += request.amount.minor;
        self.refunds += 1;
        Ok(Answer::Refund(Refund {
            id: RefundId(format!("r{}", self.refunds)),
            amount: request.amount,
        }))
    }
}

fn declined() -> GatewayError {
    GatewayError::Declined {
        reason: "sandbox_test_card".to_owned(),
    }
}

#[async_trait]
impl Gateway for Sandbox {
    async fn hold(&self, request: HoldRequest) -> Result<Hold, GatewayError> {
        let content = Request::Hold(request.customer, request.amount);
        match self.answer(request.key.clone(), content, |books| books.hold(&request))? {
            Answer::Hold(hold) => Ok(hold),
            _ => Err(GatewayError::KeyConflict),
        }
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, GatewayError> {
        let content = Request::Capture(request.hold.clone(), request.amount);
        match self.answer(request.key.clone(), content, |books| {
            books.capture(&request)
        })? {
            Answer::Capture(capture) => Ok(capture),
            _ => Err(GatewayError::KeyConflict),
        }
    }

    async fn release(&self, hold: &HoldId, key: IdempotencyKey) -> Result<(), GatewayError> {
        let content = Request::Release(hold.clone());
        match self.answer(key, content, |books| books.release(hold))? {
            Answer::Released => Ok(()),
            _ => Err(GatewayError::KeyConflict),
        }
    }

    async fn refund(&self, request: RefundRequest) -> Result<Refund, GatewayError> {
        let content = Request::Refund(request.capture.clone(), request.amount);
        match self.answer(request.key.clone(), content, |books| books.refund(&request))? {
            Answer::Refund(refund) => Ok(refund),
            _ => Err(GatewayError::KeyConflict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: StoreTime = StoreTime(1_790_000_000_000_000);
    const CUSTOMER: CustomerId = CustomerId(1);

    fn won(minor: i64) -> Money {
        Money::new(minor, Currency::KRW)
    }

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::new(text).unwrap()
    }

    async fn hold(sandbox: &Sandbox, minor: i64, name: &str) -> Result<Hold, GatewayError> {
        let request = HoldRequest {
            customer: CUSTOMER,
            amount: won(minor),
            key: key(name),
            now: NOW,
        };
        sandbox.hold(request).await
    }

    async fn capture(
        sandbox: &Sandbox,
        hold: &Hold,
        minor: i64,
        name: &str,
        now: StoreTime,
    ) -> Result<Capture, GatewayError> {
        let request = CaptureRequest {
            hold: hold.id.clone(),
            amount: won(minor),
            key: key(name),
            now,
        };
        sandbox.capture(request).await
    }

    #[tokio::test]
    async fn a_capture_takes_at_most_the_hold_and_only_once() {
        let sandbox = Sandbox::new();
        let held = hold(&sandbox, 50_000, "h").await.unwrap();
        assert_eq!(sandbox.open_holds(NOW), 1);
        let over = capture(&sandbox, &held, 50_001, "over", NOW).await;
        assert!(matches!(over, Err(GatewayError::OverAmount { .. })));
        let first = capture(&sandbox, &held, 12_300, "c", NOW).await.unwrap();
        assert_eq!(capture(&sandbox, &held, 12_300, "c", NOW).await, Ok(first));
        assert_eq!(
            capture(&sandbox, &held, 12_301, "c", NOW).await,
            Err(GatewayError::KeyConflict)
        );
        let second = capture(&sandbox, &held, 1, "c2", NOW).await;
        assert!(matches!(second, Err(GatewayError::Unknown { .. })));
        assert_eq!(sandbox.taken_minor(Currency::KRW), 12_300);
        assert_eq!(sandbox.open_holds(NOW), 0);
    }

    #[tokio::test]
    async fn the_same_key_holds_once() {
        let sandbox = Sandbox::new();
        let a = hold(&sandbox, 1_000, "h").await.unwrap();
        let b = hold(&sandbox, 1_000, "h").await.unwrap();
        assert_eq!(a, b);
        assert_eq!(sandbox.holds().len(), 1);
    }

    #[tokio::test]
    async fn a_lost_answer_is_found_again_under_its_key() {
        let sandbox = Sandbox::new();
        sandbox.set_card(CUSTOMER, TestCard::AnswersLost(1));
        assert_eq!(
            hold(&sandbox, 1_000, "h").await,
            Err(GatewayError::Unreachable)
        );
        assert!(hold(&sandbox, 1_000, "h").await.is_ok());
        assert_eq!(sandbox.holds().len(), 1);
    }

    #[tokio::test]
    async fn cards_fail_as_they_are_told() {
        let sandbox = Sandbox::new();
        sandbox.set_card(CUSTOMER, TestCard::DeclinesHolds);
        assert_eq!(hold(&sandbox, 1_000, "a").await, Err(declined()));
        sandbox.set_card(CUSTOMER, TestCard::AsksToConfirm);
        assert_eq!(
            hold(&sandbox, 1_000, "b").await,
            Err(GatewayError::AuthenticationRequired)
        );
        sandbox.set_card(CUSTOMER, TestCard::Unreachable(1));
        assert_eq!(
            hold(&sandbox, 1_000, "c").await,
            Err(GatewayError::Unreachable)
        );
        assert_eq!(sandbox.holds().len(), 0);
        sandbox.set_card(
            CUSTOMER,
            TestCard::HoldsLapseAfter(TimeDelta::from_secs(60)),
        );
        let held = hold(&sandbox, 1_000, "d").await.unwrap();
        let late = capture(&sandbox, &held, 500, "e", NOW + TimeDelta::from_secs(61)).await;
        assert_eq!(late, Err(GatewayError::HoldExpired));
        sandbox.set_card(CUSTOMER, TestCard::DeclinesCaptures);
        let held = hold(&sandbox, 1_000, "f").await.unwrap();
        assert_eq!(
            capture(&sandbox, &held, 500, "g", NOW).await,
            Err(declined())
        );
        assert_eq!(sandbox.taken_minor(Currency::KRW), 0);
    }

    #[tokio::test]
    async fn refunds_never_exceed_the_capture() {
        let sandbox = Sandbox::new();
        let held = hold(&sandbox, 1_000, "h").await.unwrap();
        let taken = capture(&sandbox, &held, 800, "c", NOW).await.unwrap();
        let refund = |minor, name: &str| {
            sandbox.refund(RefundRequest {
                capture: taken.id.clone(),
                amount: won(minor),
                key: key(name),
            })
        };
        assert!(refund(500, "r1").await.is_ok());
        assert!(refund(500, "r1").await.is_ok());
        assert!(matches!(
            refund(301, "r2").await,
            Err(GatewayError::OverAmount { available, .. }) if available == won(300)
        ));
        assert_eq!(sandbox.taken_minor(Currency::KRW), 300);
    }

    #[tokio::test]
    async fn a_release_closes_the_hold() {
        let sandbox = Sandbox::new();
        let held = hold(&sandbox, 1_000, "h").await.unwrap();
        assert_eq!(sandbox.release(&held.id, key("r")).await, Ok(()));
        assert_eq!(sandbox.release(&held.id, key("r2")).await, Ok(()));
        assert!(capture(&sandbox, &held, 1, "c", NOW).await.is_err());
    }
}
