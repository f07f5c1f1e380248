//! `walkout bench mot`.

use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::ExitCode;
use walkout_bench::mot::{race, synth};

/// Arguments of `walkout bench mot`.
#[derive(clap::Args)]
pub struct Args {
    /// A MOTChallenge sequence, or a folder of them (train/ is looked into)
    dir: PathBuf,
    /// Write made sequences into the folder instead of reading it
    #[arg(long)]
    make: bool,
    /// Seed of the made sequences
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Run other people's trackers on the same boxes: from PyPI, and trackforge if built with --features peers
    #[arg(long)]
    peers: bool,
    /// The Python that has them (pip install supervision trackers)
    #[arg(long, default_value = "python3", value_name = "PROGRAM")]
    python: String,
    /// Where results are written; DIR/walkout-results by default
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Go over each sequence so often to time it
    #[arg(long, default_value_t = 1, value_name = "N")]
    laps: u32,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

/// Makes sequences, or tracks and scores them.
pub fn run(args: Args) -> Result<ExitCode> {
    if args.make {
        for name in synth::make(&args.dir, args.seed).context("make sequences")? {
            println!("{name}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let report = race::run(&race::Options {
        out: args.out.unwrap_or_else(|| race::default_out(&args.dir)),
        dir: args.dir,
        settings: walkout_perception::mot::Settings::default(),
        python: args.peers.then_some(args.python),
        trackforge: args.peers,
        laps: args.laps,
    })?;
    for note in &report.notes {
        eprintln!("note: {note}");
    }
    if args.json {
        for row in &report.rows {
            println!("{}", serde_json::to_string(row)?);
        }
    } else {
        print!("{}", race::table(&report.rows, true));
    }
    Ok(ExitCode::SUCCESS)
}
