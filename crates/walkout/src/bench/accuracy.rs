//! `walkout bench accuracy`.

use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use walkout_bench::accuracy::{Measured, Options, Size, measure};
use walkout_bench::baselines::Engine;
use walkout_bench::table::table;
use walkout_simulator::{Preset, Sense};

/// Arguments of `walkout bench accuracy`.
#[derive(clap::Args)]
pub struct Args {
    /// quiet, busy, adversarial or cps2020; may be given again; all of them by default
    #[arg(long, value_name = "P")]
    preset: Vec<Preset>,
    /// A folder of scenario files, or one file; may be given again; alone, no preset is run
    #[arg(long, value_name = "DIR")]
    scenarios: Vec<PathBuf>,
    /// A shop for all presets, instead of each one's own
    #[arg(long)]
    shop: Option<String>,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Runs of each preset, with the seeds that follow the first
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// walkout, mps or aim3s; may be given again; all of them by default
    #[arg(long, value_name = "E")]
    engine: Vec<Engine>,
    /// Less of everything: all presets inside 40 s
    #[arg(long)]
    quick: bool,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// Draw a reliability diagram of each line into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// List what went wrong, with what the sensors and the inference said
    #[arg(long)]
    errors: bool,
    /// people, hands, looks or plates that do not err: what their errors cost; may be given again
    #[arg(long, value_name = "SENSE")]
    flawless: Vec<Sense>,
}

/// Runs the presets and prints their figures.
pub fn run(args: Args) -> Result<ExitCode> {
    anyhow::ensure!(args.seeds != Some(0), "--seeds must be at least 1");
    let begin = Instant::now();
    let measured = measure(&Options {
        presets: if args.preset.is_empty() && args.scenarios.is_empty() {
            Preset::ALL.to_vec()
        } else {
            args.preset
        },
        scenarios: args.scenarios,
        shop: args.shop,
        seed: args.seed,
        seeds: args.seeds,
        size: if args.quick { Size::Quick } else { Size::Full },
        engines: if args.engine.is_empty() {
            Engine::ALL.to_vec()
        } else {
            args.engine
        },
        errors: args.errors,
        flawless: args.flawless,
    })?;
    if let Some(file) = &args.svg {
        std::fs::write(file, walkout_bench::diagram::svg(&measured))
            .with_context(|| format!("write {}", file.display()))?;
    }
    if args.json {
        for m in &measured {
            println!("{}", serde_json::to_string(&m.row)?);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for m in &measured {
        print!("{}", m.listing);
    }
    let rows: Vec<_> = measured.iter().map(|m| m.row.clone()).collect();
    print!("{}", table(&rows));
    if let Some(row) = rows.first().filter(|row| !row.flawless.is_empty()) {
        println!("flawless: {}; no shop's figures", row.flawless.join(", "));
    }
    if args.errors {
        print_causes(&measured);
    }
    let store_s: f64 = measured.iter().map(|m| m.store_s).sum();
    let spent_s = begin.elapsed().as_secs_f64();
    println!(
        "{:.0} min of store time in {spent_s:.1} s; F1 without any human, perfect and money err \
         after review, unaided without; docs/reference/bench.md defines each",
        store_s / 60.0
    );
    Ok(ExitCode::SUCCESS)
}

fn print_causes(measured: &[Measured]) {
    for m in measured {
        let causes: Vec<_> = m
            .causes
            .iter()
            .map(|(cause, n)| format!("{cause:?} {n}"))
            .collect();
        println!("{}: {}", m.row.preset, causes.join(", "));
    }
}
