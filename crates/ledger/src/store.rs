//! The tables, in SQLite and PostgreSQL. One text of SQL serves both; the few words that differ are
//! in [`Dialect`].

use crate::canonical::Sealed;
use crate::{Balances, EntryHash, Head, LedgerError, Movement};
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::{
    AnyConnection, AnyPool, Arguments as _, AssertSqlSafe, ConnectOptions as _, Executor as _,
    Row as _,
};
use std::str::FromStr as _;
use walkout_model::{Gtin, StoreTime};

/// The format that this program writes.
const FORMAT: i64 = 1;

/// Connections that read beside the writer.
const READERS_MAX: u32 = 4;

/// Most rows of one INSERT; larger batches take several.
const ROWS_MAX: usize = 64;

/// An entry of at most so many movements is written in one round trip.
const GLUED_MOVEMENTS_MAX: usize = 4;

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
    /// One connection.
    write: AnyPool,
    /// The same for a ledger in memory, where every connection is a database of its own.
    read: AnyPool,
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

    fn schema(self) -> [String; 4] {
        // In SQLite only INTEGER names the row's own number (64 bits), and STRICT and WITHOUT ROWID
        // save a column of the wrong type and a second tree.
        let (integer, strict, clustered) = match self {
            Self::Sqlite => ("INTEGER", " STRICT", " STRICT, WITHOUT ROWID"),
            Self::Postgres => ("BIGINT", "", ""),
        };
        [
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
        ]
    }

    /// Several statements as one transaction in one round trip.
    fn glued(self, statements: &[String]) -> String {
        match self {
            Self::Sqlite => format!("BEGIN IMMEDIATE; {}; COMMIT", statements.join("; ")),
            Self::Postgres => {
                let (last, first) = match statements.split_last() {
                    Some((last, first)) => (last.as_str(), first),
                    None => ("", [].as_slice()),
                };
                let parts: Vec<String> = first
                    .iter()
                    .enumerate()
                    .map(|(i, statement)| format!("part{i} AS ({statement})"))
                    .collect();
                format!("WITH {} {last}", parts.join(", "))
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
        let memory = dialect == Dialect::Sqlite && url.contains(":memory:");
        let target = match dialect {
            Dialect::Sqlite if !memory => sqlite_url(url, access),
            _ => url.to_owned(),
        };
        sqlx::any::install_default_drivers();
        let options = AnyConnectOptions::from_str(&target)
            .map_err(|_| LedgerError::Url(url.to_owned()))?
            .disable_statement_logging();
        let pool = |connections: u32| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
                .acquire_timeout(std::time::Duration::from_secs(30))
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        for setting in dialect.settings(access) {
                            connection.execute(*setting).await?;
                        }
                        Ok(())
                    })
                })
        };
        let failed = LedgerError::store("open it");
        let write = pool(1)
            .connect_with(options.clone())
            .await
            .map_err(&failed)?;
        let read = if memory || access == Access::Read {
            write.clone()
        } else {
            pool(READERS_MAX).connect_lazy_with(options)
        };
        let store = Self {
            dialect,
            write,
            read,
        };
        if access == Access::Create {
            let mut connection = store.write.acquire().await.map_err(&failed)?;
            for statement in dialect.schema() {
                connection
                    .execute(AssertSqlSafe(statement))
                    .await
                    .map_err(LedgerError::store("make its tables"))?;
            }
        }
        Ok(store)
    }

    /// A connection for reading.
    pub(crate) async fn reader(&self) -> Result<Reader, LedgerError> {
        let connection = self.read.acquire().await;
        let connection = connection.map_err(LedgerError::store("read"))?;
        Ok(Reader(Reading::Each(connection)))
    }

    /// A connection to which the log stands still.
    pub(crate) async fn snapshot(&self) -> Result<Reader, LedgerError> {
        let transaction = self.read.begin_with(self.dialect.begin_snapshot()).await;
        let transaction = transaction.map_err(LedgerError::store("read"))?;
        Ok(Reader(Reading::Snapshot(transaction)))
    }

    /// Writes entries in one transaction; when it returns they are on disk.
    pub(crate) async fn write(&self, entries: &[Linked<'_>]) -> Result<(), WriteError> {
        let mut connection = self
            .write
            .acquire()
            .await
            .map_err(|error| WriteError::Failed(LedgerError::store("connect")(error)))?;
        let written = write(self.dialect, &mut connection, entries).await;
        let Err(error) = written else {
            return Ok(());
        };
        // Whatever was begun ends here; a ROLLBACK with nothing begun fails, which is as well.
        let rolled_back = connection.execute("ROLLBACK").await;
        if error
            .as_database_error()
            .is_some_and(|e| e.is_unique_violation())
        {
            return Err(WriteError::Taken);
        }
        if self.dialect == Dialect::Postgres && rolled_back.is_err() {
            // The connection may be dead; the pool makes another.
            let _ = connection.close().await;
        }
        Err(WriteError::Failed(LedgerError::store("append")(error)))
    }

    /// Closes every connection, after the transactions under way.
    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
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
        && entry.sealed.draft.movements.len() <= GLUED_MOVEMENTS_MAX
    {
        return write_one(dialect, connection, entry).await;
    }
    connection.execute(dialect.begin()).await?;
    for chunk in powers_of_two(entries) {
        let mut arguments = AnyArguments::default();
        for entry in chunk {
            bind_entry(&mut arguments, entry)?;
        }
        let sql = insert_entries(chunk.len(), 0);
        execute(connection, sql, arguments).await?;
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
        let sql = insert_movements(chunk.len(), 0);
        execute(connection, sql, arguments).await?;
    }
    let mut arguments = AnyArguments::default();
    bind_head(&mut arguments, last)?;
    execute(connection, update_head(0), arguments).await?;
    connection.execute("COMMIT").await?;
    Ok(())
}

/// The common case of one small entry: a round trip to SQLite's thread or to the server costs about
/// as much as the rest of a commit, so all statements go in one.
async fn write_one(
    dialect: Dialect,
    connection: &mut AnyConnection,
    entry: &Linked<'_>,
) -> Result<(), sqlx::Error> {
    let movements = &entry.sealed.draft.movements;
    let mut arguments = AnyArguments::default();
    let mut statements = vec![insert_entries(1, 0)];
    bind_entry(&mut arguments, entry)?;
    if !movements.is_empty() {
        statements.push(insert_movements(movements.len(), arguments.len()));
        for (line, movement) in movements.iter().enumerate() {
            bind_movement(&mut arguments, entry.seq, line, movement)?;
        }
    }
    statements.push(update_head(arguments.len()));
    bind_head(&mut arguments, entry)?;
    execute(connection, dialect.glued(&statements), arguments).await
}

async fn execute(
    connection: &mut AnyConnection,
    sql: String,
    arguments: AnyArguments,
) -> Result<(), sqlx::Error> {
    connection
        .execute(sqlx::query_with(AssertSqlSafe(sql), arguments))
        .await?;
    Ok(())
}

/// Chunks of 64, 32, … 1: few texts of SQL, so that each stays prepared.
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

fn insert_entries(rows: usize, bound: usize) -> String {
    let into = "INSERT INTO ledger_entry (seq, time_us, key, kind, body, evidence, hash) VALUES ";
    values(into, rows, 7, bound)
}

fn insert_movements(rows: usize, bound: usize) -> String {
    let into =
        "INSERT INTO ledger_movement (seq, line, from_account, to_account, gtin, units) VALUES ";
    values(into, rows, 6, bound)
}

fn values(into: &str, rows: usize, columns: usize, bound: usize) -> String {
    let mut sql = into.to_owned();
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { "," };
            sql.push_str(&format!("{comma}${}", bound + row * columns + column + 1));
        }
        sql.push(')');
    }
    sql
}

fn update_head(bound: usize) -> String {
    format!(
        "UPDATE ledger_head SET seq = ${}, hash = ${} WHERE id = 1",
        bound + 1,
        bound + 2
    )
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
    Each(sqlx::pool::PoolConnection<sqlx::Any>),
    /// Rolled back when it is dropped, also half-way.
    Snapshot(sqlx::Transaction<'static, sqlx::Any>),
}

impl Reader {
    fn connection(&mut self) -> &mut AnyConnection {
        match &mut self.0 {
            Reading::Each(connection) => connection,
            Reading::Snapshot(transaction) => transaction,
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
