//! `walkout bench makers`.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use walkout_bench::makers::{Told, measure};
use walkout_simulator::Preset;

/// Arguments of `walkout bench makers`.
#[derive(clap::Args)]
pub struct Args {
    /// busy, adversarial or another preset; may be given again; those two by default
    #[arg(long = "preset", value_name = "P")]
    presets: Vec<Preset>,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Runs of each preset, with the seeds that follow the first
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Receipts of each run
    #[arg(long, default_value_t = 40, value_name = "N")]
    receipts: u32,
    /// Write what the network learns from into this file
    #[arg(long, value_name = "FILE")]
    lessons: Option<PathBuf>,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> Result<ExitCode> {
    let presets = if args.presets.is_empty() {
        vec![Preset::Busy, Preset::Adversarial]
    } else {
        args.presets
    };
    let written = |path: &PathBuf| format!("write {}", path.display());
    let mut out = match &args.lessons {
        Some(path) => Some(BufWriter::new(
            File::create(path).with_context(|| written(path))?,
        )),
        None => None,
    };
    if !args.json {
        println!(
            "{:<24}{:>8}{:>10}{:>10}{:>12}",
            "", "steps", "missed", "doubts", "mean -ln P"
        );
    }
    for preset in presets {
        let seeds = args.seed..args.seed.saturating_add(args.seeds);
        let writer = out.as_mut().map(|out| out as &mut dyn Write);
        let measured = measure(preset, seeds, args.receipts, writer)?;
        for (kind, told) in [
            ("falls", measured.falls),
            ("rises", measured.rises),
            ("two at once", measured.shared),
        ] {
            print(args.json, &preset.to_string(), kind, &told);
        }
    }
    if let (Some(mut out), Some(path)) = (out, &args.lessons) {
        out.flush().with_context(|| written(path))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(json: bool, preset: &str, kind: &str, told: &Told) {
    let n = told.steps.max(1) as f64;
    let share = |k: usize| k as f64 / n;
    let surprise = told.surprise / n;
    if json {
        let line = serde_json::json!({
            "preset": preset,
            "steps": told.steps,
            "kind": kind,
            "missed": share(told.missed),
            "doubts": share(told.doubts),
            "surprise": surprise,
        });
        println!("{line}");
    } else {
        println!(
            "{:<24}{:>8}{:>9.2}%{:>9.2}%{surprise:>12.4}",
            format!("{preset}, {kind}"),
            told.steps,
            100.0 * share(told.missed),
            100.0 * share(told.doubts),
        );
    }
}
