//! `walkout fsck`.

use anyhow::{Context as _, Result};
use std::process::ExitCode;
use walkout_ledger::EntryHash;

/// Arguments of `walkout fsck`.
#[derive(clap::Args)]
pub struct Args {
    /// The ledger: a path of a SQLite file, sqlite:PATH or postgres://…
    ledger: String,
    /// A head noted earlier (64 hexadecimal digits): it must still be in the log
    #[arg(long, value_name = "HASH")]
    head: Option<EntryHash>,
    /// Print one JSON object instead of words
    #[arg(long)]
    json: bool,
}

/// Runs the command: exit code 0 for a sound ledger, 1 for a damaged one, 2 for one that cannot be
/// read.
pub fn run(args: Args) -> Result<ExitCode> {
    let url = crate::open::ledger_url(&args.ledger);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let report = match runtime.block_on(walkout_ledger::fsck(&url, args.head)) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {}: {error}", args.ledger);
            return Ok(ExitCode::from(2));
        }
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        match &report.fault {
            None => println!(
                "sound: {} entries, {} movements, head {}",
                report.head.seq, report.movements, report.head.hash
            ),
            Some(fault) => {
                let place = match fault.entry {
                    Some(seq) => format!("entry {seq}"),
                    None => "the log".into(),
                };
                println!("{place} is bad: {}", fault.what);
                println!("good before it: {} entries", report.head.seq);
            }
        }
    }
    Ok(ExitCode::from(u8::from(!report.is_sound())))
}
