//! The tables, in SQLite and PostgreSQL. One text of SQL serves both; the few words that differ are
//! in [`Dialect`].

use crate::canonical::Sealed;
use crate::{Balances, EntryHash, Head, LedgerError, Movement};
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::{
    AnyConnection, AnyPool, Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _,
    Executor as _, Row as _,
};
use std::str::FromStr as _;
use std::sync::{Arc, LazyLock};
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
use walkout_model::{Gtin, StoreTime};

/// The format that this program writes.
const FORMAT: i64 = 1;

/// Connections that read beside the writer.
const READERS_MAX: u32 = 4;

/// Most rows of one INSERT, a power of two; larger batches take several. SQLite looks each parameter's
/// name up among all of the statement, so twice the rows take four times as long to bind.
const ROWS_MAX: usize = 16;

/// SQLite writes to several tables in one statement only through a trigger.
const APPEND_VIEW: &str = "CREATE VIEW IF NOT EXISTS ledger_append AS
    SELECT e.seq, time_us, key, kind, body, evidence, hash, line, from_account, to_account, gtin, units
    FROM ledger_entry e LEFT JOIN ledger_movement m ON m.seq = e.seq";
const APPEND_TRIGGER: &str = "CREATE TRIGGER IF NOT EXISTS ledger_append_one
    INSTEAD OF INSERT ON ledger_append BEGIN
        INSERT INTO ledger_entry (seq, time_us, key, kind, body, evidence, hash)
        VALUES (NEW.seq, NEW.time_us, NEW.key, NEW.kind, NEW.body, NEW.evidence, NEW.hash);
        INSERT INTO ledger_movement (seq, line, from_account, to_account, gtin, units)
        SELECT NEW.seq, NEW.line, NEW.from_account, NEW.to_account, NEW.gtin, NEW.units
        WHERE NEW.line IS NOT NULL;
        UPDATE ledger_head SET seq = NEW.seq, hash = NEW.hash WHERE id = 1;
    END";

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

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

/// An entry as it is stored: nothing checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawEntry {
    pub seq: i64,
    pub time_us: i64,
    pub key: String,
    pub kind: String,
    pub body: String,
    pub evidence: Option<String>,
    pub hash: String,
    pub movements: Vec<RawMovement>,
}

/// A movement as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawMovement {
    pub line: i64,
    pub from: String,
    pub to: String,
    pub gtin: i64,
    pub units: i64,
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

impl Dialect {
    fn of(url: &str) -> Option<Self> {
        if url.starts_with("sqlite:") {
            Some(Self::Sqlite)
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Some(Self::Postgres)
        } else {
            None
        }
    }

    /// Run on each new connection.
    fn settings(self, access: Access) -> &'static [&'static str] {
        match (self, access) {
            (Self::Sqlite, Access::Create) => &[
                "PRAGMA busy_timeout = 10000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA foreign_keys = ON",
                // Four pages a commit instead of one: as many commits between checkpoints as a
                // plain table has.
                "PRAGMA wal_autocheckpoint = 4000",
            ],
            (Self::Sqlite, Access::Read) => &["PRAGMA busy_timeout = 10000"],
            (Self::Postgres, _) => &["SET synchronous_commit = on"],
        }
    }

    fn schema(self) -> Vec<String> {
        // In SQLite only INTEGER names the row's own number (64 bits), and STRICT and WITHOUT ROWID
        // save a column of the wrong type and a second tree.
        let (integer, strict, clustered) = match self {
            Self::Sqlite => ("INTEGER", " STRICT", " STRICT, WITHOUT ROWID"),
            Self::Postgres => ("BIGINT", "", ""),
        };
        let mut schema = vec![
            format!(
                "CREATE TABLE IF NOT EXISTS ledger_entry (
                    seq {integer} PRIMARY KEY,
                    time_us {integer} NOT NULL,
                    key TEXT NOT NULL UNIQUE,
                    kind TEXT NOT NULL,
                    body TEXT NOT NULL,
                    evidence TEXT,
                    hash TEXT NOT NULL){strict}"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS ledger_movement (
                    seq {integer} NOT NULL REFERENCES ledger_entry (seq),
                    line {integer} NOT NULL,
                    from_account TEXT NOT NULL,
                    to_account TEXT NOT NULL,
                    gtin {integer} NOT NULL,
                    units {integer} NOT NULL,
                    PRIMARY KEY (seq, line)){clustered}"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS ledger_head (
                    id {integer} PRIMARY KEY CHECK (id = 1),
                    format {integer} NOT NULL,
                    seq {integer} NOT NULL,
                    hash TEXT NOT NULL){strict}"
            ),
            format!(
                "INSERT INTO ledger_head (id, format, seq, hash) VALUES (1, {FORMAT}, 0, '{}')
                 ON CONFLICT (id) DO NOTHING",
                EntryHash::default()
            ),
        ];
        if self == Self::Sqlite {
            schema.extend([APPEND_VIEW.to_owned(), APPEND_TRIGGER.to_owned()]);
        }
        schema
    }

    /// One entry with at most one movement, in one statement, which is one transaction and one round
    /// trip: to SQLite's thread or to the server, a round trip costs about as much as all the rest of
    /// a commit but its sync.
    fn append_one(self, movements: usize) -> &'static str {
        match (self, movements) {
            (Self::Sqlite, 0) => {
                "INSERT INTO ledger_append (seq, time_us, key, kind, body, evidence, hash)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)"
            }
            (Self::Sqlite, _) => {
                "INSERT INTO ledger_append (seq, time_us, key, kind, body, evidence, hash,
                     line, from_account, to_account, gtin, units)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $9, $10, $11, $12, $13)"
            }
            (Self::Postgres, 0) => {
                "WITH entry AS (
                     INSERT INTO ledger_entry (seq, time_us, key, kind, body, evidence, hash)
                     VALUES ($1, $2, $3, $4, $5, $6, $7))
                 UPDATE ledger_head SET seq = $1, hash = $7 WHERE id = 1"
            }
            (Self::Postgres, _) => {
                "WITH entry AS (
                     INSERT INTO ledger_entry (seq, time_us, key, kind, body, evidence, hash)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)),
                 movement AS (
                     INSERT INTO ledger_movement (seq, line, from_account, to_account, gtin, units)
                     VALUES ($8, $9, $10, $11, $12, $13))
                 UPDATE ledger_head SET seq = $1, hash = $7 WHERE id = 1"
            }
        }
    }

    /// Begins a transaction that writes.
    fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Begins a transaction that sees one state from its first to its last query.
    fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }
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

static INSERT_ENTRIES: LazyLock<Inserts> = LazyLock::new(|| {
    let into = "INSERT INTO ledger_entry (seq, time_us, key, kind, body, evidence, hash) VALUES ";
    Inserts::new(into, 7)
});
static INSERT_MOVEMENTS: LazyLock<Inserts> = LazyLock::new(|| {
    let into =
        "INSERT INTO ledger_movement (seq, line, from_account, to_account, gtin, units) VALUES ";
    Inserts::new(into, 6)
});

/// The texts of an INSERT of 1, 2, 4 … rows.
struct Inserts(Vec<String>);

impl Inserts {
    fn new(into: &str, columns: usize) -> Self {
        let sizes = (0..=ROWS_MAX.ilog2()).map(|log| 1 << log);
        Self(sizes.map(|rows| values(into, rows, columns)).collect())
    }

    /// The text for a power of two that is not above [`ROWS_MAX`].
    fn of(&'static self, rows: usize) -> &'static str {
        &self.0[rows.ilog2() as usize]
    }
}

fn values(into: &str, rows: usize, columns: usize) -> String {
    let mut sql = into.to_owned();
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { "," };
            sql.push_str(&format!("{comma}${}", row * columns + column + 1));
        }
        sql.push(')');
    }
    sql
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

/// A connection that reads.
pub(crate) struct Reader(Reading);

enum Reading {
    Pooled(sqlx::pool::PoolConnection<sqlx::Any>),
    /// Rolled back when it is dropped, also half-way.
    Snapshot(sqlx::Transaction<'static, sqlx::Any>),
    Only(OwnedMappedMutexGuard<Option<AnyConnection>, AnyConnection>),
}

impl Reader {
    fn connection(&mut self) -> &mut AnyConnection {
        match &mut self.0 {
            Reading::Pooled(connection) => connection,
            Reading::Snapshot(transaction) => transaction,
            Reading::Only(connection) => connection,
        }
    }

    /// The recorded end of the log.
    pub(crate) async fn head(&mut self) -> Result<Head, LedgerError> {
        let row = self
            .connection()
            .fetch_one("SELECT format, seq, hash FROM ledger_head WHERE id = 1")
            .await
            .map_err(LedgerError::store("read its head"))?;
        let read = || -> Result<(i64, i64, String), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        };
        let (format, seq, hash) = read().map_err(LedgerError::store("read its head"))?;
        if format != FORMAT {
            return Err(LedgerError::Format {
                found: format,
                known: FORMAT,
            });
        }
        let damaged = |what: String| LedgerError::Damaged { seq: 0, what };
        Ok(Head {
            seq: u64::try_from(seq).map_err(|_| damaged(format!("the head stands at {seq}")))?,
            hash: hash
                .parse()
                .map_err(|e| damaged(format!("the head: {e}")))?,
        })
    }

    /// Up to `limit` entries after a place, in order.
    pub(crate) async fn page(
        &mut self,
        after: i64,
        limit: usize,
    ) -> Result<Vec<RawEntry>, LedgerError> {
        let query = sqlx::query(
            "SELECT seq, time_us, key, kind, body, evidence, hash FROM ledger_entry
             WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.fetch_all(self.connection()).await;
        let entries = rows.and_then(|rows| rows.iter().map(raw_entry).collect());
        let entries: Vec<RawEntry> = entries.map_err(LedgerError::store("read entries"))?;
        self.with_movements(entries).await
    }

    /// The entry of a key.
    pub(crate) async fn find(&mut self, key: &str) -> Result<Option<RawEntry>, LedgerError> {
        let query = sqlx::query(
            "SELECT seq, time_us, key, kind, body, evidence, hash FROM ledger_entry WHERE key = $1",
        )
        .bind(key.to_owned());
        let row = query.fetch_optional(self.connection()).await;
        let entry = row.and_then(|row| row.as_ref().map(raw_entry).transpose());
        let entry = entry.map_err(LedgerError::store("find a key"))?;
        Ok(self
            .with_movements(entry.into_iter().collect())
            .await?
            .pop())
    }

    async fn with_movements(
        &mut self,
        mut entries: Vec<RawEntry>,
    ) -> Result<Vec<RawEntry>, LedgerError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(entries);
        };
        let query = sqlx::query(
            "SELECT seq, line, from_account, to_account, gtin, units FROM ledger_movement
             WHERE seq >= $1 AND seq <= $2 ORDER BY seq, line",
        )
        .bind(first.seq)
        .bind(last.seq);
        let failed = LedgerError::store("read movements");
        let rows = query.fetch_all(self.connection()).await.map_err(&failed)?;
        let mut i = 0;
        for row in &rows {
            let (seq, movement) = raw_movement(row).map_err(&failed)?;
            while i < entries.len() && entries[i].seq < seq {
                i += 1;
            }
            if i < entries.len() && entries[i].seq == seq {
                entries[i].movements.push(movement);
            }
        }
        Ok(entries)
    }

    /// How many movements are stored.
    pub(crate) async fn movement_count(&mut self) -> Result<i64, LedgerError> {
        let query = sqlx::query_scalar("SELECT COUNT(*) FROM ledger_movement");
        let count = query.fetch_one(self.connection()).await;
        count.map_err(LedgerError::store("count movements"))
    }

    /// What SQLite says of its file; `None` when it finds nothing wrong, and for PostgreSQL, which
    /// has checksums of its own.
    pub(crate) async fn integrity(&mut self) -> Result<Option<String>, LedgerError> {
        if self.connection().backend_name() != "SQLite" {
            return Ok(None);
        }
        let query = sqlx::query_scalar("PRAGMA integrity_check(1)");
        let verdict: Result<String, _> = query.fetch_one(self.connection()).await;
        let verdict = verdict.map_err(LedgerError::store("check its file"))?;
        Ok((verdict != "ok").then_some(verdict))
    }

    /// The balances of all entries up to an instant of the shop's clock.
    pub(crate) async fn balances_at(&mut self, time: StoreTime) -> Result<Balances, LedgerError> {
        let query = sqlx::query(
            "SELECT m.from_account, m.to_account, m.gtin, CAST(SUM(m.units) AS BIGINT), MIN(m.seq)
             FROM ledger_movement m JOIN ledger_entry e ON e.seq = m.seq
             WHERE e.time_us <= $1 GROUP BY m.from_account, m.to_account, m.gtin",
        )
        .bind(time.0);
        let failed = LedgerError::store("sum movements");
        let rows = query.fetch_all(self.connection()).await.map_err(&failed)?;
        let mut balances = Balances::default();
        for row in &rows {
            let read = || -> Result<(String, String, i64, i64, i64), sqlx::Error> {
                Ok((
                    row.try_get(0)?,
                    row.try_get(1)?,
                    row.try_get(2)?,
                    row.try_get(3)?,
                    row.try_get(4)?,
                ))
            };
            let (from, to, gtin, units, seq) = read().map_err(&failed)?;
            let damaged = |what: String| LedgerError::Damaged {
                seq: u64::try_from(seq).unwrap_or(0),
                what,
            };
            let sku = gtin_of(gtin).ok_or_else(|| damaged(format!("{gtin} is not a GTIN")))?;
            let from = from.parse().map_err(|e| damaged(format!("{e}")))?;
            let to = to.parse().map_err(|e| damaged(format!("{e}")))?;
            balances.add(&from, sku, -units);
            balances.add(&to, sku, units);
        }
        Ok(balances)
    }
}

/// A GTIN from its number, if the check digit is right.
pub(crate) fn gtin_of(number: i64) -> Option<Gtin> {
    let number = u64::try_from(number).ok()?;
    Gtin::from_body(number / 10).filter(|gtin| gtin.number() == number)
}

fn raw_entry(row: &AnyRow) -> Result<RawEntry, sqlx::Error> {
    Ok(RawEntry {
        seq: row.try_get(0)?,
        time_us: row.try_get(1)?,
        key: row.try_get(2)?,
        kind: row.try_get(3)?,
        body: row.try_get(4)?,
        evidence: row.try_get(5)?,
        hash: row.try_get(6)?,
        movements: Vec::new(),
    })
}

fn raw_movement(row: &AnyRow) -> Result<(i64, RawMovement), sqlx::Error> {
    let movement = RawMovement {
        line: row.try_get(1)?,
        from: row.try_get(2)?,
        to: row.try_get(3)?,
        gtin: row.try_get(4)?,
        units: row.try_get(5)?,
    };
    Ok((row.try_get(0)?, movement))
}
