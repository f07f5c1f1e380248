//! `walkout steps`.

use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::ExitCode;
use walkout_perception::csv_trace::Trace;

/// Longest file that is read.
const BYTES_MAX: u64 = 4 << 30;

/// Arguments of `walkout steps`.
#[derive(clap::Args)]
pub struct Args {
    /// CSV with the columns timestamp (seconds), grams, gondola, shelf, plate in any order
    file: PathBuf,
    /// Where the drawing goes; beside the CSV with the ending .svg by default
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Prints a trace's steps as JSON lines and draws them.
pub fn run(args: Args) -> Result<ExitCode> {
    let file = args.file.display().to_string();
    let bytes = std::fs::metadata(&args.file)
        .with_context(|| format!("read {file}"))?
        .len();
    anyhow::ensure!(
        bytes <= BYTES_MAX,
        "{file} has {bytes} bytes and {BYTES_MAX} are read at most; split it by gondola or time"
    );
    let raw = std::fs::read(&args.file).with_context(|| format!("read {file}"))?;
    let text = String::from_utf8(raw)
        .with_context(|| format!("{file} is not UTF-8 text; export it as CSV in UTF-8"))?;
    let trace = Trace::parse(&text).with_context(|| file.clone())?;
    for step in trace.steps() {
        println!("{}", serde_json::to_string(&step)?);
    }
    let svg = args.svg.unwrap_or_else(|| args.file.with_extension("svg"));
    std::fs::write(&svg, trace.svg()).with_context(|| format!("write {}", svg.display()))?;
    eprintln!("drawn: {}", svg.display());
    Ok(ExitCode::SUCCESS)
}
