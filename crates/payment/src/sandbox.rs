//! A gateway that moves no money: deterministic, with cards for every way to fail, and a record of
//! its own against which the shop's can be reconciled.

use crate::{
    Capture, CaptureId, CaptureRequest, Gateway, GatewayError, Hold, HoldId, HoldRequest,
    IdempotencyKey, Refund, RefundId, RefundRequest,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
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

/// Why a sandbox's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It could not be opened, read or cut.
    #[error("cannot open the sandbox gateway's file {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not one of ours.
    #[error(
        "line {line} of the sandbox gateway's file {path} cannot be read: {source}; move the file away to start anew"
    )]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

#[derive(Debug, Default)]
struct Books {
    cards: BTreeMap<CustomerId, TestCard>,
    /// By number: hold `h3` is the third.
    holds: Vec<SandboxHold>,
    answers: BTreeMap<IdempotencyKey, (Request, Result<Answer, GatewayError>)>,
    refunds: u64,
    file: Option<File>,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    key: IdempotencyKey,
    request: Request,
    answer: Result<Answer, GatewayError>,
}

/// What a key was used for; the clock is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Hold(CustomerId, Money),
    Capture(HoldId, Money),
    Release(HoldId),
    Refund(CaptureId, Money),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

    /// A sandbox that keeps its record in a file, as a real gateway would, so that it still knows
    /// its holds when the shop is started again. A last line that a crash cut short is dropped: its
    /// request was never answered.
    ///
    /// # Errors
    /// If the file cannot be opened or holds something else.
    pub fn kept_in(path: &Path) -> Result<Self, SandboxError> {
        let failed = |source| SandboxError::File {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(failed)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed)?;
        }
        let mut books = Books::default();
        for (i, line) in text[..whole].lines().enumerate() {
            let line: Line = serde_json::from_str(line).map_err(|source| SandboxError::Line {
                path: path.to_owned(),
                line: i + 1,
                source,
            })?;
            books.absorb(line.key, line.request, line.answer);
        }
        books.file = Some(file);
        Ok(Self {
            books: Mutex::new(books),
        })
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
        now: StoreTime,
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
            None => books.decide_and_keep(key, request, now),
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

    fn decide_and_keep(
        &mut self,
        key: IdempotencyKey,
        request: Request,
        now: StoreTime,
    ) -> Result<Answer, GatewayError> {
        let answer = match &request {
            Request::Hold(customer, amount) => self.hold(*customer, *amount, now),
            Request::Capture(hold, amount) => self.capture(hold, *amount, now),
            Request::Release(hold) => self.release(hold),
            Request::Refund(capture, amount) => self.refund(capture, *amount),
        };
        let line = Line {
            key,
            request,
            answer,
        };
        if self.write(&line).is_err() {
            // Nothing happened that the file does not know of.
            return Err(GatewayError::Unreachable);
        }
        let answer = line.answer.clone();
        self.absorb(line.key, line.request, line.answer);
        answer
    }

    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }

    /// Takes an answer into the books. Holds and captures have the number of the hold.
    fn absorb(
        &mut self,
        key: IdempotencyKey,
        request: Request,
        answer: Result<Answer, GatewayError>,
    ) {
        let hold = match &request {
            Request::Hold(..) => None,
            Request::Capture(hold, _) | Request::Release(hold) => self.find(&hold.0, "h").ok(),
            Request::Refund(capture, _) => self.find(&capture.0, "c").ok(),
        };
        let hold = hold.and_then(|index| self.holds.get_mut(index));
        match (&request, &answer, hold) {
            (Request::Hold(customer, _), Ok(Answer::Hold(hold)), _) => {
                self.holds.push(SandboxHold {
                    customer: *customer,
                    amount: hold.amount,
                    expires: hold.expires,
                    captured: None,
                    refunded_minor: 0,
                    released: false,
                });
            }
            (_, Ok(Answer::Capture(capture)), Some(hold)) => hold.captured = Some(capture.amount),
            (_, Ok(Answer::Released), Some(hold)) => hold.released = true,
            (_, Ok(Answer::Refund(refund)), Some(hold)) => {
                hold.refunded_minor += refund.amount.minor;
                self.refunds += 1;
            }
            _ => {}
        }
        self.answers.insert(key, (request, answer));
    }

    fn hold(
        &self,
        customer: CustomerId,
        amount: Money,
        now: StoreTime,
    ) -> Result<Answer, GatewayError> {
        let lasts = match self.card(customer) {
            TestCard::DeclinesHolds => return Err(declined()),
            TestCard::AsksToConfirm => return Err(GatewayError::AuthenticationRequired),
            TestCard::HoldsLapseAfter(lasts) => lasts,
            _ => HOLD_LASTS,
        };
        Ok(Answer::Hold(Hold {
            id: HoldId(format!("h{}", self.holds.len() + 1)),
            amount,
            expires: now + lasts,
        }))
    }

    fn capture(&self, id: &HoldId, amount: Money, now: StoreTime) -> Result<Answer, GatewayError> {
        let index = self.find(&id.0, "h")?;
        let hold = &self.holds[index];
        if hold.captured.is_some() || hold.released {
            return Err(GatewayError::Unknown { id: id.0.clone() });
        }
        if now > hold.expires {
            return Err(GatewayError::HoldExpired);
        }
        let fits = amount.currency == hold.amount.currency
            && (1..=hold.amount.minor).contains(&amount.minor);
        if !fits {
            return Err(GatewayError::OverAmount {
                asked: amount,
                available: hold.amount,
            });
        }
        if self.card(hold.customer) == TestCard::DeclinesCaptures {
            return Err(declined());
        }
        Ok(Answer::Capture(Capture {
            id: CaptureId(format!("c{}", index + 1)),
            amount,
        }))
    }

    fn release(&self, id: &HoldId) -> Result<Answer, GatewayError> {
        let index = self.find(&id.0, "h")?;
        if self.holds[index].captured.is_some() {
            return Err(GatewayError::Unknown { id: id.0.clone() });
        }
        Ok(Answer::Released)
    }

    fn refund(&self, id: &CaptureId, amount: Money) -> Result<Answer, GatewayError> {
        let unknown = || GatewayError::Unknown { id: id.0.clone() };
        let hold = &self.holds[self.find(&id.0, "c")?];
        let captured = hold.captured.ok_or_else(unknown)?;
        let left = captured.minor - hold.refunded_minor;
        if amount.currency != captured.currency || !(1..=left).contains(&amount.minor) {
            return Err(GatewayError::OverAmount {
                asked: amount,
                available: Money::new(left, captured.currency),
            });
        }
        Ok(Answer::Refund(Refund {
            id: RefundId(format!("r{}", self.refunds + 1)),
            amount,
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
        match self.answer(request.key, content, request.now)? {
            Answer::Hold(hold) => Ok(hold),
            _ => Err(GatewayError::KeyConflict),
        }
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, GatewayError> {
        let content = Request::Capture(request.hold, request.amount);
        match self.answer(request.key, content, request.now)? {
            Answer::Capture(capture) => Ok(capture),
            _ => Err(GatewayError::KeyConflict),
        }
    }

    async fn release(&self, hold: &HoldId, key: IdempotencyKey) -> Result<(), GatewayError> {
        match self.answer(key, Request::Release(hold.clone()), StoreTime::default())? {
            Answer::Released => Ok(()),
            _ => Err(GatewayError::KeyConflict),
        }
    }

    async fn refund(&self, request: RefundRequest) -> Result<Refund, GatewayError> {
        let content = Request::Refund(request.capture, request.amount);
        match self.answer(request.key, content, StoreTime::default())? {
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

    #[tokio::test]
    async fn a_file_outlives_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandbox.jsonl");
        let (held, taken) = {
            let sandbox = Sandbox::kept_in(&path).unwrap();
            let held = hold(&sandbox, 1_000, "h1").await.unwrap();
            let other = hold(&sandbox, 2_000, "h2").await.unwrap();
            let over = capture(&sandbox, &other, 3_000, "over", NOW).await;
            assert!(over.is_err());
            let taken = capture(&sandbox, &other, 1_500, "c2", NOW).await.unwrap();
            (held, taken)
        };
        // The next line was being written when the power went.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"key\":\"c1\",\"requ").unwrap();
        drop(file);

        let sandbox = Sandbox::kept_in(&path).unwrap();
        assert_eq!(hold(&sandbox, 1_000, "h1").await, Ok(held.clone()));
        assert_eq!(
            capture(&sandbox, &held, 700, "c1", NOW)
                .await
                .unwrap()
                .amount,
            won(700)
        );
        let refund = RefundRequest {
            capture: taken.id,
            amount: won(500),
            key: key("r"),
        };
        assert!(sandbox.refund(refund).await.is_ok());
        let again = Sandbox::kept_in(&path).unwrap();
        assert_eq!(again.holds(), sandbox.holds());
        assert_eq!(again.taken_minor(Currency::KRW), 1_700);
    }

    #[test]
    fn a_file_of_something_else_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandbox.jsonl");
        std::fs::write(&path, "hello\n").unwrap();
        let refused = Sandbox::kept_in(&path).unwrap_err().to_string();
        assert!(
            refused.contains("line 1") && refused.contains("sandbox.jsonl"),
            "{refused}"
        );
    }
}
