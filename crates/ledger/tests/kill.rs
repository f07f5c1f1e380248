//! `kill -9` at random points, 200 times: every acknowledged entry is there, none half there.
//!
//! Run without arguments this program starts itself again with a ledger to append to, kills that
//! process after a random while, and looks at what is left; the next process goes on with the same
//! file.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that is a program of its own"
)]

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use walkout_ledger::{Account, Cause, Draft, EntryHash, Ledger, Movement};
use walkout_model::{Gtin, SessionId, StoreTime};

const KILLS: usize = 200;
/// A fresh file now and then keeps the test from spending its time on reading one long log.
const KILLS_PER_FILE: usize = 50;
/// Writers in the process that is killed.
const WRITERS: u64 = 8;
/// How the process that is killed is told that it is the one.
const APPEND: &str = "WALKOUT_TEST_APPEND_TO";

fn main() {
    match std::env::var(APPEND) {
        Ok(url) => append_until_killed(&url),
        Err(_) => kill_and_look(),
    }
}

/// The same for the same key, so that what is read back can be checked from the key alone.
fn draft(run: u64, writer: u64, n: u64) -> Draft {
    let movement = |i: u64| Movement {
        from: Account::Lane(format!("G1/S{i}/L{writer:02}")),
        to: Account::Cart(SessionId(n % 9)),
        sku: Gtin::from_body(880_100_000_000 + n % 50).unwrap(),
        units: 1 + (n % 4) as u32,
    };
    Draft {
        key: format!("{run}.{writer}.{n}"),
        time: StoreTime(n as i64),
        cause: Cause {
            kind: "take".into(),
            body: serde_json::json!({ "run": run, "text": "x".repeat(n as usize % 300) }),
        },
        evidence: Some(format!("rec:{run}")),
        movements: (0..n % 4).map(movement).collect(),
    }
}

/// Appends as fast as it can and says each acknowledged entry on its standard output.
fn append_until_killed(url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ledger = Ledger::open(url).await.unwrap();
        let run = ledger.head().seq;
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let ledger = ledger.clone();
            writers.spawn(async move {
                // Bounded, should nobody come to kill it.
                for n in 0..100_000 {
                    let draft = draft(run, writer, n);
                    let key = draft.key.clone();
                    let appended = ledger.append(draft).await.unwrap();
                    let line = format!("{key} {} {}\n", appended.seq, appended.hash);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        writers.join_all().await;
    });
}

/// Starts a process, kills it after `delay`, and gives the lines that it got out.
fn run_and_kill(url: &str, delay: Duration, from_first_entry: bool) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(APPEND, url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    if from_first_entry {
        let mut first = String::new();
        output.read_line(&mut first).unwrap();
        lines.push(first);
    }
    // A pipe holds 64 KiB: read on while it appends, or it would stand still.
    let reader = std::thread::spawn(move || {
        let mut rest = Vec::new();
        loop {
            let mut line = String::new();
            match output.read_line(&mut line) {
                Ok(0) | Err(_) => return rest,
                Ok(_) => rest.push(line),
            }
        }
    });
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    lines.extend(reader.join().unwrap());
    // What the kill cut in two was not said.
    lines.retain(|line| line.ends_with('\n'));
    lines
}

fn kill_and_look() {
    let begun = Instant::now();
    let seed = 20_261_123;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let folder = std::env::temp_dir().join(format!("walkout-kill-{}", std::process::id()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut acknowledged, mut unsaid) = (0, 0);
    let mut url = String::new();
    let mut last = 0;
    for kill in 0..KILLS {
        if kill % KILLS_PER_FILE == 0 {
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::create_dir_all(&folder).unwrap();
            url = format!("sqlite:{}", folder.join("ledger.db").display());
            last = 0;
        }
        // Most kills fall among appends, some while the process still opens the ledger.
        let opening = rng.random_range(0..5) == 0;
        let delay = Duration::from_micros(rng.random_range(0..30_000));
        let lines = run_and_kill(&url, delay, !opening);
        last = runtime.block_on(look(&url, last, &lines, &mut unsaid));
        acknowledged += lines.len();
    }
    let _ = std::fs::remove_dir_all(&folder);
    assert!(
        acknowledged > KILLS,
        "only {acknowledged} entries were acknowledged"
    );
    println!(
        "kill: {KILLS} kills (seed {seed}): {acknowledged} acknowledged entries all there, \
         {unsaid} more recorded whole, in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
}

/// Checks what a killed process left behind; gives the new end of the log.
async fn look(url: &str, last: u64, lines: &[String], unsaid: &mut usize) -> u64 {
    let ledger = Ledger::open(url).await.unwrap();
    let report = ledger.fsck(None).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    let head = ledger.head().seq;
    let mut entries = Vec::new();
    while (entries.len() as u64) < head - last {
        let from = last + 1 + entries.len() as u64;
        entries.extend(ledger.entries(from, 5_000).await.unwrap());
    }
    for entry in &entries {
        let parts: Vec<u64> = entry
            .draft
            .key
            .split('.')
            .map(|p| p.parse().unwrap())
            .collect();
        assert_eq!(
            entry.draft,
            draft(parts[0], parts[1], parts[2]),
            "entry {}",
            entry.seq
        );
    }
    for line in lines {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let seq: u64 = parts[1].parse().unwrap();
        let hash: EntryHash = parts[2].parse().unwrap();
        let entry = entries.get((seq - last - 1) as usize);
        let found = entry.map(|e| (e.draft.key.as_str(), e.seq, e.hash));
        assert_eq!(
            found,
            Some((parts[0], seq, hash)),
            "an acknowledged entry is gone"
        );
    }
    *unsaid += entries.len() - lines.len();
    ledger.close().await;
    head
}
