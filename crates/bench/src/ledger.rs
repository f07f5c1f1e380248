//! How fast the ledger acknowledges entries, beside plain single-row commits of the same durability
//! on the same disk.
//!
//! The plain side is as fast as SQLite lets one be: one connection, a prepared INSERT of one row that
//! holds the same bytes, one commit a row, nothing else; WAL and `synchronous=FULL` as the ledger
//! has. Rounds alternate the sides so that a busy disk slows both, and the ratio of one writer is the
//! median over rounds of rates measured one right after the other.

use rusqlite::Connection;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use walkout_ledger::{Account, Cause, Draft, Ledger, LedgerError, Movement};
use walkout_model::{Gtin, MovementId, SessionId, StoreTime};

/// Concurrent writers of the second figure.
pub const WRITERS: usize = 64;

/// The usual [`Plan::fill`].
pub const FILL: u64 = 60_000;

/// What is measured, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Wall-clock of the whole measurement.
    pub duration: Duration,
    /// A folder on the disk in question; three database files are made in it, and removed.
    pub folder: PathBuf,
    /// Rows on either side before anything is measured. [`FILL`] is enough for both write-ahead logs
    /// to have been checkpointed: a log that still grows makes the file system record its length
    /// with each commit, and a shop's has long stopped growing.
    pub fill: u64,
    /// A scratch PostgreSQL database to measure as well. Ledger tables are left in it.
    pub postgres: Option<String>,
}

/// Rates of acknowledged single-movement entries.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// One writer that awaits each entry, over plain commits.
    pub ratio_single: f64,
    /// 64 such writers at once, over `plain_per_s`.
    pub ratio_64: f64,
    /// Entries a second, one writer: median over rounds.
    pub entries_per_s: f64,
    /// Entries a second, 64 writers: median over rounds.
    pub entries_per_s_64: f64,
    /// Plain single-row commits a second: median over rounds, those beside one writer or those beside
    /// 64, whichever is faster.
    pub plain_per_s: f64,
    /// How many rounds.
    pub rounds: usize,
    /// SQLite's version, the same on both sides.
    pub sqlite: String,
    /// PostgreSQL's entries a second with one writer and with 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<(f64, f64)>,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The plain side failed.
    #[error("the plain SQLite side failed: {0}")]
    Plain(#[from] rusqlite::Error),
    /// No runtime or folder.
    #[error("cannot prepare {what}: {source}")]
    Io {
        /// What.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A writer ended early.
    #[error("a writer of the benchmark ended early")]
    Writer,
}

/// Rounds of one writer against plain commits.
const ROUNDS: usize = 9;
/// Rounds of 64 writers against plain commits, and on PostgreSQL.
const ROUNDS_MANY: usize = 5;

/// Measures.
///
/// # Errors
/// What a database or the system said.
pub fn run(plan: &Plan) -> Result<Figures, BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| BenchError::Io {
            what: "the runtime".into(),
            source,
        })?;
    let scratch = Scratch::new(&plan.folder)?;
    let mut slices = 2 * ROUNDS + 2 * ROUNDS_MANY;
    if plan.postgres.is_some() {
        slices += 2 * ROUNDS_MANY;
    }
    let slice = plan.duration / u32::try_from(slices).unwrap_or(u32::MAX);
    let mut plain = Plain::open(&scratch.0.join("plain.db"))?;
    let url = format!("sqlite:{}", scratch.0.join("ledger.db").display());
    let ledger = runtime.block_on(Ledger::open(&url))?;
    let keys = Keys::after(0);
    plain.fill(plan.fill, &keys)?;
    runtime.block_on(fill(&ledger, plan.fill, &keys))?;
    let ledger_rate = |writers| runtime.block_on(rate(&ledger, writers, slice, &keys));
    let mut plain_rate = || plain.rate(slice, &keys);
    let alone = rounds(ROUNDS, &mut plain_rate, || ledger_rate(1))?;
    // Apart, and after: the disk is still busy with what 64 writers wrote when they have stopped.
    let many = rounds(ROUNDS_MANY, &mut plain_rate, || ledger_rate(WRITERS))?;
    runtime.block_on(ledger.close());
    let postgres = match &plan.postgres {
        Some(url) => Some(runtime.block_on(measure_postgres(url, slice))?),
        None => None,
    };
    // Where the plain side suffered from its neighbour, its undisturbed rate is the fairer measure.
    let plain_per_s = alone.plain().max(many.plain());
    Ok(Figures {
        ratio_single: alone.ratio(),
        ratio_64: many.ledger() / plain_per_s,
        entries_per_s: alone.ledger(),
        entries_per_s_64: many.ledger(),
        plain_per_s,
        rounds: ROUNDS,
        sqlite: rusqlite::version().to_owned(),
        postgres,
    })
}

/// Rates of the two sides, round by round.
struct Rounds {
    plain: Vec<f64>,
    ledger: Vec<f64>,
}

impl Rounds {
    fn plain(&self) -> f64 {
        median(self.plain.iter().copied())
    }

    fn ledger(&self) -> f64 {
        median(self.ledger.iter().copied())
    }

    fn ratio(&self) -> f64 {
        median(
            self.ledger
                .iter()
                .zip(&self.plain)
                .map(|(ledger, plain)| ledger / plain),
        )
    }
}

/// Alternates the sides, and which of them is first.
fn rounds(
    count: usize,
    mut plain: impl FnMut() -> Result<f64, BenchError>,
    mut ledger: impl FnMut() -> Result<f64, BenchError>,
) -> Result<Rounds, BenchError> {
    let mut rounds = Rounds {
        plain: Vec::new(),
        ledger: Vec::new(),
    };
    for round in 0..count {
        if round % 2 == 0 {
            rounds.plain.push(plain()?);
            rounds.ledger.push(ledger()?);
        } else {
            rounds.ledger.push(ledger()?);
            rounds.plain.push(plain()?);
        }
    }
    Ok(rounds)
}

/// Entries a second with one writer and with 64.
async fn measure_postgres(url: &str, slice: Duration) -> Result<(f64, f64), BenchError> {
    let ledger = Ledger::open(url).await?;
    // Nothing of an earlier run may be taken for a duplicate.
    let keys = Keys::after(ledger.head().seq);
    let (mut alone, mut many) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS_MANY {
        alone.push(rate(&ledger, 1, slice, &keys).await?);
        many.push(rate(&ledger, WRITERS, slice, &keys).await?);
    }
    ledger.close().await;
    Ok((median(alone.into_iter()), median(many.into_iter())))
}

/// Fresh keys, as the shop makes them: the movements of a run are counted.
struct Keys(AtomicU64);

impl Keys {
    fn after(start: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(start)))
    }

    fn draft(&self) -> Draft {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        let lane = format!("G{}/S{}/L{:02}", n % 5, n % 6, n % 40);
        Draft {
            key: format!("movement:{}", MovementId(n << 8)),
            time: StoreTime(1_790_000_000_000_000 + n as i64 * 16_667),
            cause: Cause {
                kind: "take".into(),
                body: serde_json::json!({ "probability": 0.984, "shelf": "G1/S3" }),
            },
            evidence: Some(format!("run:7#{n}")),
            movements: vec![Movement {
                from: Account::Lane(lane),
                to: Account::Cart(SessionId(n % 20)),
                sku: Gtin::from_body(880_100_000_000 + n % 85).unwrap_or_else(|| {
                    unreachable!("twelve digits make a GTIN");
                }),
                units: 1 + (n % 3) as u32,
            }],
        }
    }
}

async fn fill(ledger: &Ledger, rows: u64, keys: &Arc<Keys>) -> Result<(), BenchError> {
    while ledger.head().seq < rows {
        rate(ledger, WRITERS, Duration::from_millis(100), keys).await?;
    }
    Ok(())
}

/// Entries a second that `writers` writers get acknowledged, each awaiting its last before its next.
async fn rate(
    ledger: &Ledger,
    writers: usize,
    slice: Duration,
    keys: &Arc<Keys>,
) -> Result<f64, BenchError> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (ledger, keys) = (ledger.clone(), Arc::clone(keys));
            tokio::spawn(async move {
                let mut count = 0_u64;
                while begun.elapsed() < slice {
                    let appended = ledger.append(keys.draft()).await?;
                    count += u64::from(!appended.duplicate);
                }
                Ok::<u64, LedgerError>(count)
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.map_err(|_| BenchError::Writer)??;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// As long as the ledger's.
const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The plain side.
struct Plain {
    connection: Connection,
}

impl Plain {
    fn open(path: &Path) -> Result<Self, BenchError> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
             CREATE TABLE plain (
                seq INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, key TEXT NOT NULL,
                kind TEXT NOT NULL, body TEXT NOT NULL, evidence TEXT, hash TEXT NOT NULL,
                from_account TEXT NOT NULL, to_account TEXT NOT NULL,
                gtin INTEGER NOT NULL, units INTEGER NOT NULL) STRICT",
        )?;
        Ok(Self { connection })
    }

    fn fill(&mut self, rows: u64, keys: &Keys) -> Result<(), BenchError> {
        self.connection.execute_batch("BEGIN")?;
        for _ in 0..rows {
            self.insert(&keys.draft())?;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }

    fn rate(&mut self, slice: Duration, keys: &Keys) -> Result<f64, BenchError> {
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < slice {
            count += self.insert(&keys.draft())?;
        }
        Ok(count as f64 / begun.elapsed().as_secs_f64())
    }

    fn insert(&mut self, draft: &Draft) -> Result<usize, BenchError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO plain (time_us, key, kind, body, evidence, hash, from_account, to_account,
             gtin, units) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let mut rows = 0;
        for movement in &draft.movements {
            rows += insert.execute(rusqlite::params![
                draft.time.0,
                draft.key,
                draft.cause.kind,
                draft.cause.body.to_string(),
                draft.evidence,
                HASH,
                movement.from.to_string(),
                movement.to.to_string(),
                movement.sku.number() as i64,
                movement.units,
            ])?;
        }
        Ok(rows)
    }
}

/// A folder that goes when the measurement ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(parent: &Path) -> Result<Self, BenchError> {
        let folder = parent.join(format!("walkout-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|source| BenchError::Io {
            what: folder.display().to_string(),
            source,
        })?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder left behind in the scratch place is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The middle value; of an even number the upper of the two. 0 of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_run_gives_figures_of_both_sides() {
        let figures = run(&Plan {
            duration: Duration::from_millis(600),
            folder: std::env::temp_dir(),
            fill: 500,
            postgres: None,
        })
        .unwrap();
        assert!(figures.plain_per_s > 0.0 && figures.entries_per_s > 0.0);
        assert!(figures.ratio_64 > 0.0 && figures.ratio_single > 0.0);
        assert_eq!(figures.rounds, ROUNDS);
    }
}
