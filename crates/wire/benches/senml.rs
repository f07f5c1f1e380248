//! How many SenML records a second one core reads and writes: `cargo bench -p walkout-wire`.
//! A shop of 2,000 plates at 60 Hz sends 120,000 a second.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::time::{Duration, Instant};
use walkout_model::{StoreTime, TimeDelta};
use walkout_wire::senml::{Format, Limits, Record, SenmlError, decode, encode};

/// Plates of a fixture: 6 shelves of 8.
const PLATES: usize = 48;
/// Samples of each plate in a pack: a tenth of a second.
const SAMPLES: i64 = 6;

fn main() -> Result<(), SenmlError> {
    let start = StoreTime(1_790_000_000_000_000);
    let records: Vec<Record> = (0..SAMPLES)
        .flat_map(|sample| (0..PLATES).map(move |plate| (sample, plate)))
        .map(|(sample, plate)| {
            let name = format!("G1/S{}/P{:02}", plate / 8 + 1, plate % 8 + 1);
            let grams = 500.0 + (plate as f64) * 1.25 + (sample as f64) * 0.1;
            Record::number(name, "g", grams, start + TimeDelta(sample * 16_667))
        })
        .collect();
    println!(
        "{:<6} {:>7} {:>14} {:>14}",
        "format", "bytes", "read/s", "written/s"
    );
    for format in [Format::Json, Format::Cbor] {
        let pack = encode(&records, format)?;
        let limits = Limits::default();
        let read = rate(|| decode(&pack, start, &limits).map(|r| r.len()))?;
        let written = rate(|| encode(&records, format).map(|_| records.len()))?;
        println!(
            "{format:<6?} {:>7} {read:>14.0} {written:>14.0}",
            pack.len()
        );
    }
    Ok(())
}

/// Records a second over half a second.
fn rate(mut one: impl FnMut() -> Result<usize, SenmlError>) -> Result<f64, SenmlError> {
    let begin = Instant::now();
    let mut records = 0;
    while begin.elapsed() < Duration::from_millis(500) {
        records += black_box(one()?);
    }
    Ok(records as f64 / begin.elapsed().as_secs_f64())
}
