//! What the handlers share.

use crate::cameras::Cameras;
use crate::live::Live;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use tokio::sync::mpsc;
use walkout_checkout::Checkout;
use walkout_ledger::Ledger;
use walkout_model::{SessionOpened, Shop, StoreTime};

/// What the API tells the task that runs the estimators.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ToShop {
    /// A code was accepted over HTTP.
    Opened(SessionOpened),
    /// The books of the lanes were set: by the opening count or by a restock.
    Counted,
}

/// Tells store time.
pub type Clock = Arc<dyn Fn() -> StoreTime + Send + Sync>;

/// The server's parts.
#[derive(Clone)]
pub struct AppState {
    /// The shop's files.
    pub shop: Arc<Shop>,
    /// Entry, carts, receipts, reviews.
    pub checkout: Checkout,
    /// The log.
    pub ledger: Ledger,
    /// The event stream.
    pub live: Live,
    /// The newest pictures.
    pub cameras: Cameras,
    /// To the estimators; bounded.
    pub to_shop: mpsc::Sender<ToShop>,
    /// Store time.
    pub clock: Clock,
    /// How far the estimators are, as store time.
    pub concluded: Arc<AtomicI64>,
}

impl AppState {
    pub(crate) fn now(&self) -> StoreTime {
        (self.clock)()
    }
}
