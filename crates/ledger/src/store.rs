//! The connections to a ledger, and writing to it.

use crate::LedgerError;
use crate::dialect::Dialect;
use crate::direct::Direct;
use crate::reader::{Reader, Reading};
use crate::steps::{Linked, Step, Value, steps};
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions};
use sqlx::{
    AnyConnection, AnyPool, Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _,
    Executor as _,
};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Connections that read beside the writer.
const READERS_MAX: u32 = 4;

/// What may happen to the place when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Made if it is not there, and written to.
    Create,
    /// Only read, and never made.
    Read,
}

/// The connections to one ledger.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    dialect: Dialect,
    options: AnyConnectOptions,
    /// The SQLite file, if it is one.
    path: Option<PathBuf>,
    /// The one connection that writes, held apart from any pool: a pool tests a connection each time
    /// it is given back, which costs as much as the commit itself. `None` when it was lost.
    write: Arc<Mutex<Option<Writing>>>,
    /// `None` for a ledger in memory, which lives in its one connection.
    read: Option<AnyPool>,
}

/// How the connection that writes is driven.
pub(crate) enum Writing {
    /// PostgreSQL, and SQLite in memory.
    Any(AnyConnection),
    /// A SQLite file.
    Direct(Direct),
}

impl std::fmt::Debug for Writing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writing")
    }
}

/// Why a batch was not written.
pub(crate) enum WriteError {
    /// A key or a place in the log is taken.
    Taken,
    /// Anything else.
    Failed(LedgerError),
}

impl Store {
    /// Opens the place that the URL names.
    pub(crate) async fn open(url: &str, access: Access) -> Result<Self, LedgerError> {
        let dialect = Dialect::of(url).ok_or_else(|| LedgerError::Url(url.to_owned()))?;
        let memory = dialect == Dialect::Sqlite && url.ends_with(":memory:");
        let path = (dialect == Dialect::Sqlite && !memory).then(|| sqlite_path(url));
        let target = path.map_or_else(|| url.to_owned(), |path| sqlx_url(path, access));
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str(&target)
            .map_err(|_| LedgerError::Url(url.to_owned()))?
            .disable_statement_logging();
        let path = path.map(PathBuf::from);
        let write = match access {
            Access::Create => Some(Writing::make(dialect, &options, path.as_deref()).await?),
            Access::Read => None,
        };
        let read = (!memory).then(|| {
            AnyPoolOptions::new()
                .max_connections(READERS_MAX)
                .after_connect(move |connection, _| {
                    Box::pin(settle(connection, dialect, Access::Read))
                })
                .connect_lazy_with(options.clone())
        });
        if let (Access::Read, Some(pool)) = (access, &read) {
            // Now rather than at the first question, so that the error says what failed.
            let opened = pool.acquire().await;
            opened.map_err(LedgerError::store("open it"))?;
        }
        Ok(Self {
            dialect,
            options,
            path,
            write: Arc::new(Mutex::new(write)),
            read,
        })
    }

    /// A connection for reading.
    pub(crate) async fn reader(&self) -> Result<Reader, LedgerError> {
        let Some(pool) = &self.read else {
            return self.only().await;
        };
        let connection = pool.acquire().await.map_err(LedgerError::store("read"))?;
        Ok(Reader(Reading::Pooled(connection)))
    }

    /// A connection to which the log stands still.
    pub(crate) async fn snapshot(&self) -> Result<Reader, LedgerError> {
        let Some(pool) = &self.read else {
            return self.only().await;
        };
        let transaction = pool.begin_with(self.dialect.begin_snapshot()).await;
        let transaction = transaction.map_err(LedgerError::store("read"))?;
        Ok(Reader(Reading::Snapshot(transaction)))
    }

    /// The connection of a ledger in memory; nothing is written while it is held.
    async fn only(&self) -> Result<Reader, LedgerError> {
        let guard = Arc::clone(&self.write).lock_owned().await;
        OwnedMutexGuard::try_map(guard, |slot| match slot {
            Some(Writing::Any(connection)) => Some(connection),
            _ => None,
        })
        .map(|connection| Reader(Reading::Only(connection)))
        .map_err(|_| LedgerError::Closed("it was closed".into()))
    }

    /// Writes entries in one transaction; when it returns they are on disk.
    pub(crate) async fn write(&self, entries: &[Linked<'_>]) -> Result<(), WriteError> {
        let steps = steps(self.dialect, entries);
        let mut slot = self.write.lock().await;
        let writing = match slot.take() {
            Some(writing) => writing,
            None if self.read.is_some() => {
                let opened = Writing::open(self.dialect, &self.options, self.path.as_deref());
                opened.await.map_err(WriteError::Failed)?
            }
            None => {
                return Err(WriteError::Failed(LedgerError::Closed(
                    "it was closed".into(),
                )));
            }
        };
        let mut connection = match writing {
            Writing::Direct(direct) => {
                let (direct, done) = direct.run(steps).await;
                *slot = direct.map(Writing::Direct);
                return done;
            }
            Writing::Any(connection) => connection,
        };
        let done = run(&mut connection, steps).await;
        let failed = done.as_ref().err().map(sqlx::Error::as_database_error);
        if failed.is_some() {
            // Whatever was begun ends here; a ROLLBACK with nothing begun fails, which is as well.
            let _ = connection.execute("ROLLBACK").await;
        }
        let taken = failed
            .flatten()
            .is_some_and(|error| error.is_unique_violation());
        // One that failed otherwise may be dead, and the next batch makes another; but a ledger in
        // memory lives in this one.
        if done.is_ok() || taken || self.read.is_none() {
            *slot = Some(Writing::Any(connection));
        }
        match done {
            Err(_) if taken => Err(WriteError::Taken),
            done => done.map_err(|e| WriteError::Failed(LedgerError::store("append")(e))),
        }
    }

    /// Closes every connection, after the transactions under way.
    pub(crate) async fn close(&self) {
        if let Some(pool) = &self.read {
            pool.close().await;
        }
        if let Some(Writing::Any(connection)) = self.write.lock().await.take() {
            // Everything acknowledged is on disk already.
            let _ = connection.close().await;
        }
    }
}

impl Writing {
    /// Connects, making the place and its tables where they are missing.
    async fn make(
        dialect: Dialect,
        options: &AnyConnectOptions,
        path: Option<&Path>,
    ) -> Result<Self, LedgerError> {
        if let Some(path) = path {
            Direct::create(path).map_err(LedgerError::store("open it"))?;
        }
        let mut made = Self::open(dialect, options, path).await?;
        for statement in dialect.schema() {
            let failed = "make its tables";
            match &mut made {
                Self::Direct(direct) => {
                    let done = direct.run_plain(&statement);
                    done.map_err(LedgerError::store(failed))?;
                }
                Self::Any(connection) => {
                    let done = connection.execute(AssertSqlSafe(statement)).await;
                    done.map_err(LedgerError::store(failed))?;
                }
            }
        }
        Ok(made)
    }

    /// Connects to what must be there.
    async fn open(
        dialect: Dialect,
        options: &AnyConnectOptions,
        path: Option<&Path>,
    ) -> Result<Self, LedgerError> {
        if let Some(path) = path {
            let direct = Direct::open(path, dialect.settings(Access::Create));
            return direct
                .map(Self::Direct)
                .map_err(LedgerError::store("open it"));
        }
        let connected = AnyConnection::connect_with(options).await;
        let mut connection = connected.map_err(LedgerError::store("open it"))?;
        let settled = settle(&mut connection, dialect, Access::Create).await;
        settled.map_err(LedgerError::store("open it"))?;
        Ok(Self::Any(connection))
    }
}

async fn settle(
    connection: &mut AnyConnection,
    dialect: Dialect,
    access: Access,
) -> Result<(), sqlx::Error> {
    for setting in dialect.settings(access) {
        connection.execute(*setting).await?;
    }
    Ok(())
}

/// The path in `sqlite:PATH`, taken as it is written.
fn sqlite_path(url: &str) -> &str {
    url.strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
        .unwrap_or(url)
}

/// A path as sqlx wants it: percent-encoded, and the access said.
fn sqlx_url(path: &str, access: Access) -> String {
    let mut target = String::from("sqlite:");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            target.push(char::from(byte));
        } else {
            target.push_str(&format!("%{byte:02X}"));
        }
    }
    target.push_str(match access {
        Access::Create => "?mode=rwc",
        Access::Read => "?mode=ro",
    });
    target
}

/// Runs a transaction through sqlx.
async fn run(connection: &mut AnyConnection, steps: Vec<Step>) -> Result<(), sqlx::Error> {
    for Step { sql, values } in steps {
        let mut arguments = AnyArguments::default();
        for value in values {
            match value {
                Value::Number(number) => arguments.add(number),
                Value::Text(text) => arguments.add(text),
                Value::Null => arguments.add(None::<String>),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        connection.execute(sqlx::query_with(sql, arguments)).await?;
    }
    Ok(())
}
