//! What happens while the gateway is thinking.

use crate::fixture::{at, open};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use tokio::sync::Notify;
use walkout_ledger::Ledger;
use walkout_model::{CustomerId, GateIx};
use walkout_payment::{
    Capture, CaptureRequest, Gateway, GatewayError, Hold, HoldId, HoldRequest, IdempotencyKey,
    Refund, RefundRequest, Sandbox,
};

/// A sandbox that places a hold only once it is told to.
#[derive(Debug, Default)]
struct Thinking {
    sandbox: Sandbox,
    asked: Notify,
    answer: Notify,
}

#[async_trait]
impl Gateway for Thinking {
    async fn hold(&self, request: HoldRequest) -> Result<Hold, GatewayError> {
        self.asked.notify_one();
        self.answer.notified().await;
        self.sandbox.hold(request).await
    }
    async fn capture(&self, request: CaptureRequest) -> Result<Capture, GatewayError> {
        self.sandbox.capture(request).await
    }
    async fn release(&self, hold: &HoldId, key: IdempotencyKey) -> Result<(), GatewayError> {
        self.sandbox.release(hold, key).await
    }
    async fn refund(&self, request: RefundRequest) -> Result<Refund, GatewayError> {
        self.sandbox.refund(request).await
    }
}

#[test]
fn a_tick_while_a_hold_is_being_placed_leaves_the_entry_alone() {
    let (tell, told) = sync_channel(1);
    // A thread of its own, because a deadlock would keep this one for ever.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let entered = runtime.block_on(async {
            let ledger = Ledger::open("sqlite::memory:").await.unwrap();
            let gateway = Arc::new(Thinking::default());
            let checkout = open(&ledger, gateway.clone()).await;
            let code = checkout.issue_code(CustomerId(1), 1, at(0)).unwrap();
            let scanned = checkout.scan(&code, GateIx(0), at(1));
            let meanwhile = async {
                gateway.asked.notified().await;
                checkout.tick(at(2)).await.unwrap();
                checkout.tick(at(100)).await.unwrap();
                gateway.answer.notify_one();
            };
            tokio::join!(scanned, meanwhile).0
        });
        tell.send(entered.is_ok()).unwrap();
    });
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(true));
}
