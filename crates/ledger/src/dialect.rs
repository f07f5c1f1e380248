//! The few words of SQL in which SQLite and PostgreSQL differ, and the texts that both share.

use crate::EntryHash;
use crate::store::Access;
use std::sync::LazyLock;

/// The format that this program writes.
pub(crate) const FORMAT: i64 = 1;

/// Most rows of one INSERT, a power of two; larger batches take several. SQLite looks each parameter's
/// name up among all of the statement, so twice the rows take four times as long to bind.
pub(crate) const ROWS_MAX: usize = 16;

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

impl Dialect {
    pub(crate) fn of(url: &str) -> Option<Self> {
        if url.starts_with("sqlite:") {
            Some(Self::Sqlite)
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Some(Self::Postgres)
        } else {
            None
        }
    }

    /// Run on each new connection.
    pub(crate) fn settings(self, access: Access) -> &'static [&'static str] {
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

    pub(crate) fn schema(self) -> Vec<String> {
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
                "INSERT INTO ledger_head (id, format, seq, hash) SELECT 1, {FORMAT}, 0, '{}'
                 WHERE NOT EXISTS (SELECT 1 FROM ledger_entry) ON CONFLICT (id) DO NOTHING",
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
    pub(crate) fn append_one(self, movements: usize) -> &'static str {
        match (self, movements) {
            (Self::Sqlite, 0) => {
                "INSERT INTO ledger_append (seq, time_us, key, kind, body, evidence, hash)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)"
            }
            (Self::Sqlite, _) => {
                "INSERT INTO ledger_append (seq, time_us, key, kind, body, evidence, hash,
                     line, from_account, to_account, gtin, units)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
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
                     VALUES ($1, $8, $9, $10, $11, $12))
                 UPDATE ledger_head SET seq = $1, hash = $7 WHERE id = 1"
            }
        }
    }

    /// Begins a transaction that writes.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Begins a transaction that sees one state from its first to its last query.
    pub(crate) fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        }
    }
}

pub(crate) static INSERT_ENTRIES: LazyLock<Inserts> = LazyLock::new(|| {
    let into = "INSERT INTO ledger_entry (seq, time_us, key, kind, body, evidence, hash) VALUES ";
    Inserts::new(into, 7)
});
pub(crate) static INSERT_MOVEMENTS: LazyLock<Inserts> = LazyLock::new(|| {
    let into =
        "INSERT INTO ledger_movement (seq, line, from_account, to_account, gtin, units) VALUES ";
    Inserts::new(into, 6)
});

/// The texts of an INSERT of 1, 2, 4 … rows.
pub(crate) struct Inserts(Vec<String>);

impl Inserts {
    fn new(into: &str, columns: usize) -> Self {
        let sizes = (0..=ROWS_MAX.ilog2()).map(|log| 1 << log);
        Self(sizes.map(|rows| values(into, rows, columns)).collect())
    }

    /// The text for a power of two that is not above [`ROWS_MAX`].
    pub(crate) fn of(&'static self, rows: usize) -> &'static str {
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
