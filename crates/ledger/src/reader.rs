//! Reading what is stored.

use crate::dialect::FORMAT;
use crate::store::Writing;
use crate::{Balances, Head, LedgerError};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Executor as _, Row as _};
use tokio::sync::OwnedMappedMutexGuard;
use walkout_model::{Gtin, StoreTime};

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

/// A connection that reads.
pub(crate) struct Reader(pub(crate) Reading);

/// How it holds its connection.
pub(crate) enum Reading {
    Pooled(sqlx::pool::PoolConnection<sqlx::Any>),
    /// Rolled back when it is dropped, also half-way.
    Snapshot(sqlx::Transaction<'static, sqlx::Any>),
    Only(OwnedMappedMutexGuard<Option<Writing>, AnyConnection>),
}

impl Reader {
    fn connection(&mut self) -> &mut AnyConnection {
        match &mut self.0 {
            Reading::Pooled(connection) => connection,
            Reading::Snapshot(transaction) => transaction,
            Reading::Only(connection) => connection,
        }
    }

    /// Ends a snapshot now; one that is dropped ends when its connection is used again.
    pub(crate) async fn end(self) -> Result<(), LedgerError> {
        match self.0 {
            Reading::Snapshot(transaction) => transaction
                .rollback()
                .await
                .map_err(LedgerError::store("end its reading")),
            Reading::Pooled(_) | Reading::Only(_) => Ok(()),
        }
    }

    /// The recorded end of the log.
    pub(crate) async fn head(&mut self) -> Result<Head, LedgerError> {
        let damaged = |what: String| LedgerError::Damaged { seq: 0, what };
        let sql = "SELECT format, seq, hash FROM ledger_head WHERE id = 1";
        let row = self.connection().fetch_optional(sql).await;
        let row = row
            .map_err(LedgerError::store("read its head"))?
            .ok_or_else(|| damaged("the head is missing".into()))?;
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
