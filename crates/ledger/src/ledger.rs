//! The handle that the rest of the shop holds.

use crate::canonical::Sealed;
use crate::chain::decode;
use crate::fsck::{Fault, FsckReport, examine};
use crate::store::{Access, Store};
use crate::writer::{self, Request, Shared};
use crate::{Account, Appended, Balances, Draft, Entry, EntryHash, Head, LedgerError};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot};
use walkout_model::{Gtin, StoreTime};

/// Appends that wait for the writer; more wait in [`Ledger::append`] itself.
const QUEUE_MAX: usize = 1_024;
/// Committed entries that a slow subscriber may lag behind.
const LAG_MAX: usize = 4_096;
/// Most entries that [`Ledger::entries`] gives at once.
const PAGE_MAX: usize = 10_000;

/// One ledger. Cheap to clone; all clones share one writer and one view of the balances. Needs a
/// running tokio runtime.
#[derive(Clone, Debug)]
pub struct Ledger {
    queue: mpsc::Sender<Request>,
    shared: Arc<Shared>,
}

impl Ledger {
    /// Opens the ledger at `sqlite:PATH` (made if it is not there), `sqlite::memory:` or
    /// `postgres://…`, re-derives the whole chain and every balance, and starts the writer.
    ///
    /// # Errors
    /// A URL of another kind, a database that cannot be opened, a log that is damaged or newer than
    /// this program.
    pub async fn open(url: &str) -> Result<Self, LedgerError> {
        let store = Store::open(url, Access::Create).await?;
        let shared = Arc::new(Shared::new(store, LAG_MAX));
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        writer::start(Arc::clone(&shared), requests).await?;
        Ok(Self { queue, shared })
    }

    /// Records an entry. When this returns `Ok` it is on disk. Appending the same draft again gives
    /// the first one's place with `duplicate: true`, so that after any error, or when the future was
    /// dropped half-way, appending again is safe. Waits while the queue is full.
    ///
    /// # Errors
    /// [`LedgerError::Invalid`], [`LedgerError::KeyConflict`] where the key has other content, and
    /// what the database says.
    pub async fn append(&self, draft: Draft) -> Result<Appended, LedgerError> {
        let key: String = draft.key.chars().take(40).collect();
        let sealed = Sealed::new(draft).map_err(|source| LedgerError::Invalid { key, source })?;
        let (reply, answer) = oneshot::channel();
        let closed = |_| LedgerError::Closed("its writer has ended".into());
        let request = Request::Append { sealed, reply };
        self.queue.send(request).await.map_err(|_| closed(()))?;
        answer.await.map_err(|_| closed(()))?
    }

    /// Units of a SKU in an account, after the last committed entry.
    pub fn balance(&self, account: &Account, sku: Gtin) -> i64 {
        self.shared.view().balances.get(account, sku)
    }

    /// All balances after the last committed entry.
    pub fn balances(&self) -> Balances {
        self.shared.view().balances.clone()
    }

    /// All balances over the entries whose store time is not after `time`, wherever in the log they
    /// stand.
    ///
    /// # Errors
    /// What the database says.
    pub async fn balances_at(&self, time: StoreTime) -> Result<Balances, LedgerError> {
        self.shared.store.reader().await?.balances_at(time).await
    }

    /// The end of the log. Noted elsewhere, it proves later that nothing was cut off or rewritten.
    pub fn head(&self) -> Head {
        self.shared.view().head
    }

    /// Up to `limit` (at most 10,000) entries from place `from` on, in order.
    ///
    /// # Errors
    /// What the database says; [`LedgerError::Damaged`] for an entry that cannot be read.
    pub async fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, LedgerError> {
        let after = i64::try_from(from).unwrap_or(i64::MAX).saturating_sub(1);
        let mut reader = self.shared.store.reader().await?;
        let page = reader.page(after, limit.min(PAGE_MAX)).await?;
        page.iter()
            .map(|raw| checked(raw.seq, decode(raw)))
            .collect()
    }

    /// The entry of a key.
    ///
    /// # Errors
    /// As [`Ledger::entries`].
    pub async fn find(&self, key: &str) -> Result<Option<Entry>, LedgerError> {
        let raw = self.shared.store.reader().await?.find(key).await?;
        raw.map(|raw| checked(raw.seq, decode(&raw))).transpose()
    }

    /// Every entry committed from now on. A subscriber that lags more than 4,096 behind is told how
    /// many it missed and reads them with [`Ledger::entries`].
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.shared.committed.subscribe()
    }

    /// As [`crate::fsck`], and checks that the balances held in memory follow from the log.
    ///
    /// # Errors
    /// As [`crate::fsck`].
    pub async fn fsck(&self, noted: Option<EntryHash>) -> Result<FsckReport, LedgerError> {
        let mut reader = self.shared.store.snapshot().await?;
        let (mut report, balances) = examine(&mut reader, noted).await?;
        reader.end().await?;
        let view = self.shared.view();
        // Entries may have come since the log was read; then there is nothing to compare.
        if report.is_sound() && report.head.seq == view.head.seq {
            let same = report.head == view.head && balances == view.balances;
            report.fault = (!same).then(|| Fault {
                entry: None,
                what: "the balances in memory do not follow from the log".into(),
            });
        }
        Ok(report)
    }

    /// Writes what waits, then closes the database. Clones answer [`LedgerError::Closed`] afterwards.
    pub async fn close(self) {
        let (reply, done) = oneshot::channel();
        if self.queue.send(Request::Close { reply }).await.is_ok() {
            // The writer answers or is gone; both mean closed.
            let _ = done.await;
        }
    }
}

fn checked(seq: i64, decoded: Result<Entry, String>) -> Result<Entry, LedgerError> {
    decoded.map_err(|what| LedgerError::Damaged {
        seq: u64::try_from(seq).unwrap_or(0),
        what,
    })
}
