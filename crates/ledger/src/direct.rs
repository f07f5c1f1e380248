//! Writing to a SQLite file in the writer's own thread.
//!
//! sqlx gives SQLite a thread of its own; on an idle machine waking it and being woken by it takes
//! about 55 µs, as much as half the sync of a good disk, and a lone writer waits for both. Where
//! commits are known to be quick they are therefore made right here; slow ones go to tokio's
//! blocking threads, where a wake no longer matters.

use crate::LedgerError;
use crate::steps::{Step, Value};
use crate::store::WriteError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};
use std::path::Path;
use std::time::{Duration, Instant};

/// A thread of the runtime may be held so long by a usual commit.
const QUICK: Duration = Duration::from_millis(1);
/// A batch of more steps than a few single entries is not quick.
const QUICK_STEPS_MAX: usize = 6;
/// How long to wait while another process writes.
const BUSY: Duration = Duration::from_secs(10);
/// Prepared statements kept.
const STATEMENTS: usize = 32;

/// The one connection that writes to a SQLite file.
pub(crate) struct Direct {
    connection: Connection,
    /// A running mean of the time of quick batches; slow until known otherwise.
    usual: Duration,
}

impl Direct {
    /// Makes the file if it is not there.
    pub(crate) fn create(path: &Path) -> Result<(), rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        Connection::open_with_flags(path, flags).map(drop)
    }

    /// Opens the file, which must be there: one that vanished from under a running shop is not to
    /// be replaced by an empty one.
    pub(crate) fn open(path: &Path, settings: &[&str]) -> Result<Self, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let direct = Self {
            connection,
            usual: 2 * QUICK,
        };
        for setting in settings {
            direct.run_plain(setting)?;
        }
        Ok(direct)
    }

    /// Runs a statement without parameters.
    pub(crate) fn run_plain(&self, sql: &str) -> Result<(), rusqlite::Error> {
        self.connection.execute_batch(sql)
    }

    /// Runs a transaction. Gives the connection back unless it was lost.
    pub(crate) async fn run(mut self, steps: Vec<Step>) -> (Option<Self>, Result<(), WriteError>) {
        if self.usual < QUICK && steps.len() <= QUICK_STEPS_MAX {
            // Nothing of the runtime may wait for another process.
            match self.attempt(&steps, Duration::ZERO) {
                Err(error) if is_busy(&error) => {}
                done => return self.outcome(done),
            }
        }
        let run = tokio::task::spawn_blocking(move || {
            let done = self.attempt(&steps, BUSY);
            self.outcome(done)
        });
        run.await.unwrap_or_else(|_| {
            let gone = LedgerError::Closed("the thread that wrote has died; append again".into());
            (None, Err(WriteError::Failed(gone)))
        })
    }

    fn attempt(&mut self, steps: &[Step], busy: Duration) -> Result<(), rusqlite::Error> {
        let begun = Instant::now();
        self.connection.busy_timeout(busy)?;
        let done = steps.iter().try_for_each(|step| {
            let mut statement = self.connection.prepare_cached(step.sql)?;
            statement
                .execute(rusqlite::params_from_iter(&step.values))
                .map(drop)
        });
        if done.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        if steps.len() <= QUICK_STEPS_MAX {
            self.usual = (self.usual * 7 + begun.elapsed()) / 8;
        }
        done
    }

    fn outcome(self, done: Result<(), rusqlite::Error>) -> (Option<Self>, Result<(), WriteError>) {
        match done {
            Ok(()) => (Some(self), Ok(())),
            Err(error) if is_taken(&error) => (Some(self), Err(WriteError::Taken)),
            // The next batch opens the file again.
            Err(error) => (
                None,
                Err(WriteError::Failed(LedgerError::store("append")(error))),
            ),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Whether a key or a place in the log is there already.
fn is_taken(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi;
    error.sqlite_error().is_some_and(|error| {
        [
            ffi::SQLITE_CONSTRAINT_UNIQUE,
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
            ffi::SQLITE_CONSTRAINT_ROWID,
        ]
        .contains(&error.extended_code)
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Null => ValueRef::Null,
        }))
    }
}
