//! `walkout bench aim3s`.

use anyhow::Result;
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::baselines::aim3s_table::{distance, measure, table};
use walkout_model::files::{load_shop, locate};
use walkout_simulator::Preset;

/// Arguments of `walkout bench aim3s`.
#[derive(clap::Args)]
pub struct Args {
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Runs of 176 events, with the seeds that follow the first
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// Print one JSON object a row instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs the experiment and prints it beside the published one.
pub fn run(args: Args) -> Result<ExitCode> {
    let shop = Arc::new(load_shop(&locate(Preset::Aim3s.default_shop())?)?);
    let rows = measure(&shop, args.seed, args.seeds)?;
    if args.json {
        for row in &rows {
            println!("{}", serde_json::to_string(row)?);
        }
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", table(&rows));
    let (mean, worst) = distance(&rows);
    let events = rows.first().map_or(0, |row| row.events);
    println!(
        "per cent of {events} events; {mean:.1} points from the published figures on average, {worst:.1} at most; \
         docs/reference/bench.md"
    );
    Ok(ExitCode::SUCCESS)
}
