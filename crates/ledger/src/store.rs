//! The connections to a ledger, and writing to it.

use crate::canonical::Sealed;
use crate::dialect::{Dialect, INSERT_ENTRIES, INSERT_MOVEMENTS, ROWS_MAX};
use crate::reader::{Reader, Reading};
use crate::{EntryHash, LedgerError, Movement};
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions};
use sqlx::{
    AnyConnection, AnyPool, Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _,
    Executor as _,
};
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
    /// The one connection that writes, held apart from any pool: a pool tests a connection each time
    /// it is given back, which costs as much as the commit itself. `None` when it was lost.
    write: Arc<Mutex<Option<AnyConnection>>>,
    /// `None` for a ledger in memory, which lives in its one connection.
    read: Option<AnyPool>,
}

/// An entry with its place in the chain, ready to be written.
pub(crate) struct Linked<'a> {
    pub seq: u64,
    pub hash: EntryHash,
    pub sealed: &'a Sealed,
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
        let target = match dialect {
            Dialect::Sqlite if !memory => sqlite_url(url, access),
            _ => url.to_owned(),
        };
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str(&target)
            .map_err(|_| LedgerError::Url(url.to_owned()))?
            .disable_statement_logging();
        let failed = LedgerError::store("open it");
        let mut first = connect(&options, dialect, access).await.map_err(&failed)?;
        if access == Access::Create {
            for statement in dialect.schema() {
                let made = first.execute(AssertSqlSafe(statement)).await;
                made.map_err(LedgerError::store("make its tables"))?;
            }
        }
        let read = (!memory).then(|| {
            AnyPoolOptions::new()
                .max_connections(READERS_MAX)
                .after_connect(move |connection, _| {
                    Box::pin(settle(connection, dialect, Access::Read))
                })
                .connect_lazy_with(options.clone())
        });
        Ok(Self {
            dialect,
            options,
            write: Arc::new(Mutex::new(Some(first))),
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
        OwnedMutexGuard::try_map(guard, Option::as_mut)
            .map(|connection| Reader(Reading::Only(connection)))
            .map_err(|_| LedgerError::Closed("it was closed".into()))
    }

    /// Writes entries in one transaction; when it returns they are on disk.
    pub(crate) async fn write(&self, entries: &[Linked<'_>]) -> Result<(), WriteError> {
        let mut slot = self.write.lock().await;
        if slot.is_none() && self.read.is_some() {
            let made = connect(&self.options, self.dialect, Access::Create).await;
            *slot = Some(made.map_err(|e| WriteError::Failed(LedgerError::store("connect")(e)))?);
        }
        let Some(connection) = slot.as_mut() else {
            return Err(WriteError::Failed(LedgerError::Closed(
                "it was closed".into(),
            )));
        };
        let Err(error) = write(self.dialect, connection, entries).await else {
            return Ok(());
        };
        // Whatever was begun ends here; a ROLLBACK with nothing begun fails, which is as well.
        let _ = connection.execute("ROLLBACK").await;
        match &error {
            sqlx::Error::Database(database) if database.is_unique_violation() => {
                return Err(WriteError::Taken);
            }
            sqlx::Error::Database(_) => {}
            // The connection itself failed; the next batch makes another.
            _ if self.read.is_some() => *slot = None,
            _ => {}
        }
        Err(WriteError::Failed(LedgerError::store("append")(error)))
    }

    /// Closes every connection, after the transactions under way.
    pub(crate) async fn close(&self) {
        if let Some(pool) = &self.read {
            pool.close().await;
        }
        if let Some(connection) = self.write.lock().await.take() {
            // Everything acknowledged is on disk already.
            let _ = connection.close().await;
        }
    }
}

async fn connect(
    options: &AnyConnectOptions,
    dialect: Dialect,
    access: Access,
) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    settle(&mut connection, dialect, access).await?;
    Ok(connection)
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

/// `sqlite:PATH` as sqlx wants it: percent-encoded, and the access said.
fn sqlite_url(url: &str, access: Access) -> String {
    let path = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
        .unwrap_or(url);
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

async fn write(
    dialect: Dialect,
    connection: &mut AnyConnection,
    entries: &[Linked<'_>],
) -> Result<(), sqlx::Error> {
    let Some(last) = entries.last() else {
        return Ok(());
    };
    if let [entry] = entries
        && entry.sealed.draft.movements.len() <= 1
    {
        let mut arguments = AnyArguments::default();
        bind_entry(&mut arguments, entry)?;
        for movement in &entry.sealed.draft.movements {
            bind_movement(&mut arguments, entry.seq, 0, movement)?;
        }
        let sql = dialect.append_one(entry.sealed.draft.movements.len());
        connection.execute(sqlx::query_with(sql, arguments)).await?;
        return Ok(());
    }
    connection.execute(dialect.begin()).await?;
    for chunk in powers_of_two(entries) {
        let mut arguments = AnyArguments::default();
        for entry in chunk {
            bind_entry(&mut arguments, entry)?;
        }
        let sql = INSERT_ENTRIES.of(chunk.len());
        connection.execute(sqlx::query_with(sql, arguments)).await?;
    }
    let movements: Vec<(u64, usize, &Movement)> = entries
        .iter()
        .flat_map(|entry| {
            let lines = entry.sealed.draft.movements.iter().enumerate();
            lines.map(|(line, movement)| (entry.seq, line, movement))
        })
        .collect();
    for chunk in powers_of_two(&movements) {
        let mut arguments = AnyArguments::default();
        for (seq, line, movement) in chunk {
            bind_movement(&mut arguments, *seq, *line, movement)?;
        }
        let sql = INSERT_MOVEMENTS.of(chunk.len());
        connection.execute(sqlx::query_with(sql, arguments)).await?;
    }
    let mut arguments = AnyArguments::default();
    bind_head(&mut arguments, last)?;
    let update = "UPDATE ledger_head SET seq = $1, hash = $2 WHERE id = 1";
    connection
        .execute(sqlx::query_with(update, arguments))
        .await?;
    connection.execute("COMMIT").await?;
    Ok(())
}

/// Chunks of 16, 8, … 1: few texts of SQL, so that each stays prepared.
fn powers_of_two<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    let mut size = ROWS_MAX;
    std::iter::from_fn(move || {
        while size > rest.len() {
            size /= 2;
        }
        if size == 0 {
            return None;
        }
        let (chunk, tail) = rest.split_at(size);
        rest = tail;
        Some(chunk)
    })
}

fn bind_entry(arguments: &mut AnyArguments, entry: &Linked<'_>) -> Result<(), sqlx::Error> {
    let draft = &entry.sealed.draft;
    (|| {
        arguments.add(signed(entry.seq))?;
        arguments.add(draft.time.0)?;
        arguments.add(draft.key.clone())?;
        arguments.add(draft.cause.kind.clone())?;
        arguments.add(entry.sealed.body.clone())?;
        arguments.add(draft.evidence.clone())?;
        arguments.add(entry.hash.to_string())
    })()
    .map_err(sqlx::Error::Encode)
}

fn bind_movement(
    arguments: &mut AnyArguments,
    seq: u64,
    line: usize,
    movement: &Movement,
) -> Result<(), sqlx::Error> {
    (|| {
        arguments.add(signed(seq))?;
        arguments.add(i64::try_from(line).unwrap_or(i64::MAX))?;
        arguments.add(movement.from.to_string())?;
        arguments.add(movement.to.to_string())?;
        arguments.add(signed(movement.sku.number()))?;
        arguments.add(i64::from(movement.units))
    })()
    .map_err(sqlx::Error::Encode)
}

fn bind_head(arguments: &mut AnyArguments, last: &Linked<'_>) -> Result<(), sqlx::Error> {
    (|| {
        arguments.add(signed(last.seq))?;
        arguments.add(last.hash.to_string())
    })()
    .map_err(sqlx::Error::Encode)
}

/// Places in the log and GTINs stay far below 2⁶³.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
