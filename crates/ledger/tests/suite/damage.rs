//! Bits flipped in what is stored: each is found, or changed nothing.

use crate::drafts::varied;
use crate::places::Place;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use walkout_ledger::Ledger;

const ENTRIES: u64 = 24;

/// A stored value: where it is and what it says.
struct Cell {
    table: &'static str,
    /// The row, by its primary key.
    row: Vec<(&'static str, i64)>,
    column: &'static str,
    value: Value,
}

#[derive(Clone, PartialEq)]
enum Value {
    Number(i64),
    Text(String),
}

/// Every table with the columns of its primary key and the others.
const TABLES: [(&str, &[&str], &[&str]); 3] = [
    (
        "ledger_entry",
        &["seq"],
        &["seq", "time_us", "key", "kind", "body", "evidence", "hash"],
    ),
    (
        "ledger_movement",
        &["seq", "line"],
        &["seq", "line", "from_account", "to_account", "gtin", "units"],
    ),
    ("ledger_head", &["id"], &["format", "seq", "hash"]),
];

async fn cells(connection: &mut AnyConnection) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (table, key, columns) in TABLES {
        for column in columns {
            let sql = format!(
                "SELECT {}, {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {}",
                key.join(", "),
                key.join(", ")
            );
            for row in sqlx::query(AssertSqlSafe(sql))
                .fetch_all(&mut *connection)
                .await
                .unwrap()
            {
                let at = key.len();
                let number = row.try_get::<i64, _>(at).map(Value::Number);
                let value = number.unwrap_or_else(|_| Value::Text(row.get(at)));
                let places = key.iter().enumerate().map(|(i, name)| (*name, row.get(i)));
                let row = places.collect();
                cells.push(Cell {
                    table,
                    row,
                    column,
                    value,
                });
            }
        }
    }
    cells
}

/// Bytes as text, whatever they are in SQLite; PostgreSQL keeps to UTF-8.
fn sql_bytes(bytes: &[u8], sqlite: bool) -> Option<String> {
    if sqlite {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        return Some(format!("CAST(x'{hex}' AS TEXT)"));
    }
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))?;
    Some(format!("'{}'", text.replace('\'', "''")))
}

/// Writes a value in place of the cell's; `None` where the database itself refuses it.
async fn put(
    connection: &mut AnyConnection,
    cell: &Cell,
    row: &[(&'static str, i64)],
    literal: &str,
) -> Option<()> {
    let place: Vec<String> = row
        .iter()
        .map(|(name, n)| format!("{name} = {n}"))
        .collect();
    let sql = format!(
        "UPDATE {} SET {} = {literal} WHERE {}",
        cell.table,
        cell.column,
        place.join(" AND ")
    );
    let done = sqlx::query(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .ok()?;
    assert_eq!(done.rows_affected(), 1);
    Some(())
}

/// Flips a bit of a random cell; gives the literal that mends it and the row it is in now.
async fn flip(
    connection: &mut AnyConnection,
    cell: &Cell,
    rng: &mut ChaCha8Rng,
    sqlite: bool,
) -> Option<(Vec<(&'static str, i64)>, String)> {
    let mut row = cell.row.clone();
    let (flipped, mended) = match &cell.value {
        Value::Number(n) => {
            let flipped = n ^ (1 << rng.random_range(0..64_u32));
            if let Some(part) = row.iter_mut().find(|(name, _)| *name == cell.column) {
                part.1 = flipped;
            }
            (flipped.to_string(), n.to_string())
        }
        Value::Text(text) => {
            let mut bytes = text.clone().into_bytes();
            let bit = rng.random_range(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            (
                sql_bytes(&bytes, sqlite)?,
                sql_bytes(text.as_bytes(), sqlite)?,
            )
        }
    };
    put(connection, cell, &cell.row, &flipped).await?;
    Some((row, mended))
}

/// Flips `flips` bits, one at a time, and expects each to be found.
async fn flips_are_found(place: &Place, flips: usize) {
    let sqlite = place.url.starts_with("sqlite:");
    let ledger = Ledger::open(&place.url).await.unwrap();
    for n in 0..ENTRIES {
        ledger.append(varied(n)).await.unwrap();
    }
    let sound = ledger.fsck(None).await.unwrap();
    assert!(sound.is_sound(), "{sound:?}");
    let mut connection = place.connect().await;
    let cells = cells(&mut connection).await;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut done = 0;
    while done < flips {
        let cell = &cells[rng.random_range(0..cells.len())];
        let Some((row, mended)) = flip(&mut connection, cell, &mut rng, sqlite).await else {
            continue;
        };
        let report = ledger.fsck(None).await.unwrap();
        let Some(fault) = report.fault else {
            unreachable!("{} of {:?} in {}", cell.column, cell.row, cell.table);
        };
        // A bad entry is named by its place; only a movement that went to another entry may be
        // missed first, or found first, elsewhere.
        if cell.table == "ledger_entry" && cell.column != "seq" {
            assert_eq!(fault.entry, Some(cell.row[0].1 as u64), "{fault:?}");
        }
        put(&mut connection, cell, &row, &mended).await.unwrap();
        done += 1;
    }
    assert_eq!(ledger.fsck(None).await.unwrap(), sound);
}

#[tokio::test]
async fn ten_thousand_bit_flips_are_all_found() {
    flips_are_found(&Place::sqlite(), 10_000).await;
}

#[tokio::test]
async fn a_thousand_bit_flips_in_postgres_are_all_found() {
    if let Some(place) = Place::postgres("a_thousand_bit_flips_in_postgres").await {
        flips_are_found(&place, 1_000).await;
    }
}

/// A bit of the file itself may lie in an unused byte: then everything reads as before. Otherwise
/// SQLite refuses the file or fsck finds it; never does another log pass for sound.
#[tokio::test]
async fn a_bit_flipped_in_the_file_never_passes_for_another_log() {
    let place = Place::sqlite();
    let ledger = Ledger::open(&place.url).await.unwrap();
    for n in 0..ENTRIES {
        ledger.append(varied(n)).await.unwrap();
    }
    let entries = ledger.entries(1, 1_000).await.unwrap();
    ledger.close().await;
    let file = place.file();
    let log = file.with_extension("db-wal");
    assert!(!log.exists(), "closing left entries in the write-ahead log");
    let sound = walkout_ledger::fsck(&place.url, None).await.unwrap();
    assert!(sound.is_sound());
    let bytes = std::fs::read(&file).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (mut harmless, mut found, mut refused) = (0, 0, 0);
    for _ in 0..2_000 {
        let mut flipped = bytes.clone();
        let bit = rng.random_range(0..bytes.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&file, &flipped).unwrap();
        match walkout_ledger::fsck(&place.url, None).await {
            Ok(report) if report.is_sound() => {
                assert_eq!(report, sound, "bit {bit}");
                harmless += 1;
            }
            Ok(_) => found += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(
        harmless > 0 && found > 0,
        "{harmless} harmless, {found} found, {refused} refused"
    );
    std::fs::write(&file, &bytes).unwrap();
    let ledger = Ledger::open(&place.url).await.unwrap();
    assert_eq!(ledger.entries(1, 1_000).await.unwrap(), entries);
}
