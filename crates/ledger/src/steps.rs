//! What is to be run to append a batch: the same steps on every database.

use crate::canonical::Sealed;
use crate::dialect::{Dialect, INSERT_ENTRIES, INSERT_MOVEMENTS, ROWS_MAX};
use crate::{EntryHash, Movement};

/// An entry with its place in the chain, ready to be written.
pub(crate) struct Linked<'a> {
    pub seq: u64,
    pub hash: EntryHash,
    pub sealed: &'a Sealed,
}

/// A statement and what its parameters `$1`, `$2` … stand for.
pub(crate) struct Step {
    pub sql: &'static str,
    pub values: Vec<Value>,
}

/// The value of a parameter.
pub(crate) enum Value {
    Number(i64),
    Text(String),
    /// No text.
    Null,
}

/// The steps that append these entries in one transaction.
pub(crate) fn steps(dialect: Dialect, entries: &[Linked<'_>]) -> Vec<Step> {
    let Some(last) = entries.last() else {
        return Vec::new();
    };
    if let [entry] = entries
        && entry.sealed.draft.movements.len() <= 1
    {
        let mut values = Vec::with_capacity(12);
        entry_values(&mut values, entry);
        for movement in &entry.sealed.draft.movements {
            movement_values(&mut values, 0, movement);
        }
        let sql = dialect.append_one(entry.sealed.draft.movements.len());
        return vec![Step { sql, values }];
    }
    let plain = |sql| Step {
        sql,
        values: Vec::new(),
    };
    let mut steps = vec![plain(dialect.begin())];
    for chunk in powers_of_two(entries) {
        let mut values = Vec::new();
        for entry in chunk {
            entry_values(&mut values, entry);
        }
        let sql = INSERT_ENTRIES.of(chunk.len());
        steps.push(Step { sql, values });
    }
    let movements: Vec<(u64, usize, &Movement)> = entries
        .iter()
        .flat_map(|entry| {
            let lines = entry.sealed.draft.movements.iter().enumerate();
            lines.map(|(line, movement)| (entry.seq, line, movement))
        })
        .collect();
    for chunk in powers_of_two(&movements) {
        let mut values = Vec::new();
        for (seq, line, movement) in chunk {
            values.push(Value::Number(signed(*seq)));
            movement_values(&mut values, *line, movement);
        }
        let sql = INSERT_MOVEMENTS.of(chunk.len());
        steps.push(Step { sql, values });
    }
    steps.push(Step {
        sql: "UPDATE ledger_head SET seq = $1, hash = $2 WHERE id = 1",
        values: vec![
            Value::Number(signed(last.seq)),
            Value::Text(last.hash.to_string()),
        ],
    });
    steps.push(plain("COMMIT"));
    steps
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

fn entry_values(values: &mut Vec<Value>, entry: &Linked<'_>) {
    let draft = &entry.sealed.draft;
    values.extend([
        Value::Number(signed(entry.seq)),
        Value::Number(draft.time.0),
        Value::Text(draft.key.clone()),
        Value::Text(draft.cause.kind.clone()),
        Value::Text(entry.sealed.body.clone()),
        draft.evidence.clone().map_or(Value::Null, Value::Text),
        Value::Text(entry.hash.to_string()),
    ]);
}

fn movement_values(values: &mut Vec<Value>, line: usize, movement: &Movement) {
    values.extend([
        Value::Number(i64::try_from(line).unwrap_or(i64::MAX)),
        Value::Text(movement.from.to_string()),
        Value::Text(movement.to.to_string()),
        Value::Number(signed(movement.sku.number())),
        Value::Number(i64::from(movement.units)),
    ]);
}

/// Places in the log and GTINs stay far below 2⁶³.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
