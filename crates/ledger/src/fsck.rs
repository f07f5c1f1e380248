//! Re-deriving a whole ledger and naming the first entry that is not what was recorded.

use crate::chain::follow;
use crate::reader::Reader;
use crate::store::{Access, Store};
use crate::{Balances, EntryHash, Head, LedgerError};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Entries read at once.
const PAGE: usize = 1_000;

/// What [`fsck`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FsckReport {
    /// The last good entry.
    pub head: Head,
    /// Movements of the good entries.
    pub movements: u64,
    /// The first thing wrong; `None` if the log is sound.
    pub fault: Option<Fault>,
}

/// The first thing wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The bad entry's place. `None` if every entry is good and something beside them is wrong.
    pub entry: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl FsckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.fault.is_none()
    }
}

/// Reads the ledger at `sqlite:PATH` or `postgres://…` as of one instant, changing nothing, and
/// checks that every entry decodes, stands in its place, keeps the limits and has the hash that
/// follows from its content and the entry before it; that no key is there twice; that every
/// movement belongs to an entry; that the head is the last entry; and, for SQLite, the file itself.
/// A head noted earlier must be one of the entries, or the log was cut off or rewritten since.
///
/// # Errors
/// A ledger that cannot be opened or read. What is wrong with one that can be is in the report.
pub async fn fsck(url: &str, noted: Option<EntryHash>) -> Result<FsckReport, LedgerError> {
    let store = Store::open(url, Access::Read).await?;
    let mut reader = store.snapshot().await?;
    let report = examine(&mut reader, noted).await.map(|(report, _)| report);
    let ended = reader.end().await;
    store.close().await;
    ended.and(report)
}

/// As [`fsck`] on a snapshot, with the balances that follow from the good entries.
pub(crate) async fn examine(
    reader: &mut Reader,
    noted: Option<EntryHash>,
) -> Result<(FsckReport, Balances), LedgerError> {
    let mut walk = Walk::default();
    let fault = match walk.whole(reader, noted).await {
        Ok(fault) => Ok(fault),
        // Past the opening, a database that finds its own file damaged is a finding.
        Err(error) if is_damage(&error) => Ok(Some(walk.next(error.to_string()))),
        Err(error) => Err(error),
    };
    let report = FsckReport {
        head: walk.head,
        movements: walk.movements,
        fault: fault?,
    };
    Ok((report, walk.balances))
}

/// How far the log was found good.
#[derive(Default)]
struct Walk {
    head: Head,
    movements: u64,
    balances: Balances,
    /// First half of the SHA-256 of each key: a quarter of the memory of the keys.
    keys: BTreeSet<[u8; 16]>,
    /// The noted head was met.
    met: bool,
}

impl Walk {
    /// The fault of the entry after the last good one.
    fn next(&self, what: String) -> Fault {
        Fault {
            entry: Some(self.head.seq + 1),
            what,
        }
    }

    async fn whole(
        &mut self,
        reader: &mut Reader,
        noted: Option<EntryHash>,
    ) -> Result<Option<Fault>, LedgerError> {
        let beside = |what: String| Ok(Some(Fault { entry: None, what }));
        let stored = match reader.head().await {
            Ok(head) => Ok(head),
            Err(error) if is_damage(&error) => Err(error.to_string()),
            Err(error) => return Err(error),
        };
        self.met = noted.is_none_or(|noted| noted == EntryHash::default());
        if let Some(fault) = self.entries(reader, noted).await? {
            return Ok(Some(fault));
        }
        let stored = match stored {
            Ok(stored) => stored,
            Err(what) => return beside(what),
        };
        if stored.seq > self.head.seq {
            return Ok(Some(self.next(format!(
                "it is missing: the log was cut off, its head says {} entries",
                stored.seq
            ))));
        }
        if stored != self.head {
            return beside(format!(
                "the head says entry {} with hash {}, the last entry is {} with hash {}",
                stored.seq, stored.hash, self.head.seq, self.head.hash
            ));
        }
        let movements = reader.movement_count().await?;
        if u64::try_from(movements) != Ok(self.movements) {
            return beside(format!(
                "{movements} movements are stored, the entries have {}",
                self.movements
            ));
        }
        if let Some(verdict) = reader.integrity().await? {
            return beside(format!("the database file is damaged: {verdict}"));
        }
        if let Some((sku, sum)) = self.balances.sums().iter().find(|(_, sum)| **sum != 0) {
            return beside(format!("the accounts hold {sum} of {sku} in all, not 0"));
        }
        match noted {
            Some(noted) if !self.met => beside(format!(
                "the noted head {noted} is none of the entries: the log was cut off or rewritten since"
            )),
            _ => Ok(None),
        }
    }

    async fn entries(
        &mut self,
        reader: &mut Reader,
        noted: Option<EntryHash>,
    ) -> Result<Option<Fault>, LedgerError> {
        // Even a place of 0 or below is a row to be found.
        let mut after = i64::MIN;
        let mut limit = PAGE;
        loop {
            let page = match reader.page(after, limit).await {
                Ok(page) => page,
                // One row of the page cannot be read: walk up to it.
                Err(error) if is_damage(&error) && limit > 1 => {
                    limit = 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            for raw in &page {
                let entry = match follow(&self.head, raw) {
                    Ok(entry) => entry,
                    Err(what) => return Ok(Some(self.next(what))),
                };
                let digest = Sha256::digest(entry.draft.key.as_bytes());
                let (half, _) = digest.split_at(16);
                let mut key = [0; 16];
                key.copy_from_slice(half);
                if !self.keys.insert(key) {
                    let what = format!("its key \"{}\" is an earlier entry's", entry.draft.key);
                    return Ok(Some(self.next(what)));
                }
                for movement in &entry.draft.movements {
                    self.balances.apply(movement);
                }
                self.movements += entry.draft.movements.len() as u64;
                self.met |= noted == Some(entry.hash);
                self.head = entry.head();
                after = raw.seq;
            }
            if page.len() < limit {
                return Ok(None);
            }
        }
    }
}

/// Whether an error says that what is stored is damaged, rather than that it cannot be reached.
fn is_damage(error: &LedgerError) -> bool {
    match error {
        LedgerError::Damaged { .. } | LedgerError::Format { .. } => true,
        LedgerError::Store { source, .. } => source.downcast_ref().is_some_and(is_sqlx_damage),
        _ => false,
    }
}

fn is_sqlx_damage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::AnyDriverError(_) => true,
        // SQLITE_CORRUPT and SQLITE_NOTADB with their extended codes; data_corrupted and
        // index_corrupted of PostgreSQL.
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            let sqlite = code
                .parse::<u32>()
                .is_ok_and(|code| matches!(code & 0xff, 11 | 26));
            sqlite || code == "XX001" || code == "XX002"
        }),
        _ => false,
    }
}
