//! `walkout bench steps`.

use anyhow::Result;
use std::process::ExitCode;
use walkout_bench::steps::{Options, measure, table};
use walkout_simulator::Preset;

/// Arguments of `walkout bench steps`.
#[derive(clap::Args)]
pub struct Args {
    /// quiet, busy, adversarial or cps2020; may be given again; all of them by default
    #[arg(long, value_name = "P")]
    preset: Vec<Preset>,
    /// A shop for all presets, instead of each one's own
    #[arg(long)]
    shop: Option<String>,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Runs of each preset, with the seeds that follow the first
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// Less of everything
    #[arg(long)]
    quick: bool,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
    /// List each action that was missed and each step that nobody's action explains
    #[arg(long)]
    errors: bool,
}

/// Runs the presets through perception and prints its figures.
pub fn run(args: Args) -> Result<ExitCode> {
    anyhow::ensure!(args.seeds != Some(0), "--seeds must be at least 1");
    let measured = measure(&Options {
        presets: if args.preset.is_empty() {
            Preset::ALL.to_vec()
        } else {
            args.preset
        },
        shop: args.shop,
        seed: args.seed,
        seeds: args.seeds,
        quick: args.quick,
        errors: args.errors,
    })?;
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
    for m in &measured {
        let causes: Vec<_> = m.causes.iter().map(|(c, n)| format!("{c:?} {n}")).collect();
        println!(
            "{}: {:.0} min of store time, perception {:.0} times as fast as it passed; {}",
            m.row.preset,
            m.store.as_secs_f64() / 60.0,
            m.store.as_secs_f64() / m.spent.as_secs_f64().max(1e-9),
            causes.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}
