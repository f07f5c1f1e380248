//! What can go wrong with a ledger.

use crate::DraftError;
use std::sync::Arc;

/// Why a ledger refused or failed. Unless it says otherwise nothing was recorded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// The draft breaks a limit.
    #[error("cannot record \"{key}\": {source}")]
    Invalid {
        /// The draft's key, shortened.
        key: String,
        /// What is wrong with it.
        source: DraftError,
    },
    /// The key names another event.
    #[error("\"{key}\" already names entry {seq}, which says something else: use another key")]
    KeyConflict {
        /// The key.
        key: String,
        /// The entry that has it.
        seq: u64,
    },
    /// The URL names no store that this program knows.
    #[error("\"{0}\" is no ledger: write sqlite:PATH, sqlite::memory: or postgres://…")]
    Url(String),
    /// The database failed. An append that ends so may have been recorded after all: append it
    /// again under the same key.
    #[error("the ledger's database failed to {what}: {source}")]
    Store {
        /// What was being done.
        what: &'static str,
        /// What the database said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The stored log is not what was recorded. Nothing can be appended to it.
    #[error("the ledger is damaged at entry {seq}: {what}; run `walkout fsck`")]
    Damaged {
        /// The first bad entry.
        seq: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The log was written by a program that this one does not understand.
    #[error("the ledger has format {found}, this program writes {known}: use a newer program")]
    Format {
        /// The log's format.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// The ledger no longer takes entries.
    #[error("the ledger is closed: {0}")]
    Closed(Arc<str>),
}

impl LedgerError {
    /// For `map_err` on a database call.
    pub(crate) fn store<E>(what: &'static str) -> impl Fn(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |source| Self::Store {
            what,
            source: Arc::new(source),
        }
    }
}
