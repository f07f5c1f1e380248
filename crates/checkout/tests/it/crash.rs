//! The program is killed between any two steps; the card is charged once.

use crate::fixture::*;
use async_trait::async_trait;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use walkout_checkout::{Checkout, ReceiptStatus, Stage, Verdict};
use walkout_ledger::Ledger;
use walkout_model::{CustomerId, SessionId, Who};
use walkout_payment::{
    Capture, CaptureRequest, Gateway, GatewayError, Hold, HoldId, HoldRequest, IdempotencyKey,
    Refund, RefundRequest, Sandbox,
};

/// The sandbox, with a moment before and after each request in which the caller can die.
#[derive(Debug)]
struct Slow(Arc<Sandbox>);

async fn slowly<T>(request: impl Future<Output = T>) -> T {
    tokio::task::yield_now().await;
    let answer = request.await;
    tokio::task::yield_now().await;
    answer
}

#[async_trait]
impl Gateway for Slow {
    async fn hold(&self, request: HoldRequest) -> Result<Hold, GatewayError> {
        slowly(self.0.hold(request)).await
    }
    async fn capture(&self, request: CaptureRequest) -> Result<Capture, GatewayError> {
        slowly(self.0.capture(request)).await
    }
    async fn release(&self, hold: &HoldId, key: IdempotencyKey) -> Result<(), GatewayError> {
        slowly(self.0.release(hold, key)).await
    }
    async fn refund(&self, request: RefundRequest) -> Result<Refund, GatewayError> {
        slowly(self.0.refund(request)).await
    }
}

/// One visit that needs a second hold and a verdict. Each step may be told again.
async fn visit(checkout: &Checkout, code: &str) {
    let session = match checkout.scan(code, DOOR, at(1)).await {
        Ok(opened) => opened.session,
        Err(_) => SessionId(1),
    };
    if checkout
        .session(session)
        .is_none_or(|s| s.stage == Stage::Refused)
    {
        return;
    }
    let who = Who::Session(session);
    checkout
        .apply(&moved(1, who, MILK, 30, at(10)))
        .await
        .unwrap();
    let doubt = doubted(moved(2, who, WATER, 1, at(20)), None);
    checkout.apply(&doubt).await.unwrap();
    checkout.exit(&left(session, at(30))).await.unwrap();
    for review in checkout.reviews(at(40)) {
        let yes = Verdict::Candidate { index: 0 };
        checkout
            .answer_review(review.id, &yes, "mina", at(40))
            .await
            .unwrap();
    }
}

/// Polls a future so many times, then drops it. Says whether it ended before.
async fn polled(times: usize, future: impl Future<Output = ()>) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(context).map(|()| true)
    })
    .await
}

#[tokio::test]
async fn killed_anywhere_it_charges_once() {
    let mut outcomes = [0_u32; 2];
    for times in 1..200 {
        let ledger = Ledger::open("sqlite::memory:").await.unwrap();
        let sandbox = Arc::new(Sandbox::new());
        let gateway = Arc::new(Slow(sandbox.clone()));
        let first = open(&ledger, gateway.clone()).await;
        let code = first.issue_code(CustomerId(1), 1, at(0)).unwrap();
        let ended = polled(times, visit(&first, &code)).await;
        drop(first);

        let second = open(&ledger, gateway.clone()).await;
        second.tick(at(120)).await.unwrap();
        visit(&second, &code).await;
        for minute in 3..9 {
            second.tick(at(60 * minute)).await.unwrap();
        }
        assert!(
            second.sessions().is_empty(),
            "{times}: {:#?}",
            second.sessions()
        );
        let receipts = second.receipts(10).unwrap();
        assert!(
            receipts
                .iter()
                .all(|receipt| receipt.status == ReceiptStatus::Final)
        );
        let owed: i64 = receipts.iter().map(|receipt| receipt.total.minor).sum();
        assert_eq!(sandbox.taken_minor(won(0).currency), owed, "{times}");
        assert!(owed == 0 || owed == 86_600, "{times}: {owed}");
        assert_eq!(sandbox.open_holds(at(600)), 0, "{times}");
        outcomes[usize::from(owed > 0)] += 1;
        if ended {
            break;
        }
    }
    // Killed before the session was open nobody came in; after that the visit was paid.
    assert!(outcomes.iter().all(|&n| n > 0), "{outcomes:?}");
}
