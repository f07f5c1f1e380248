//! `walkout bench speed`.

use anyhow::Result;
use std::process::ExitCode;
use walkout_bench::speed::{Options, measure};
use walkout_model::TimeDelta;

/// Arguments of `walkout bench speed`.
#[derive(clap::Args)]
pub struct Args {
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Time the busy `flash` shop only, not shops of other sizes
    #[arg(long)]
    quick: bool,
    /// Seed of the simulated shoppers
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

/// Runs the command.
pub fn run(args: Args) -> Result<ExitCode> {
    let speed = measure(&Options {
        seed: args.seed,
        warm_up: TimeDelta::from_secs(120),
        timed: TimeDelta::from_secs(240),
        scaling: !args.quick,
    })?;
    if args.json {
        println!("{}", serde_json::to_string(&speed)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "busy flash, {} plates at 60 Hz, {} people at most, one core:",
        speed.plates, speed.shoppers
    );
    println!(
        "  {:.0} × real time from samples to movements",
        speed.realtime_factor
    );
    println!(
        "  action to cart {:.0} ms in the middle, {:.0} ms for one in a hundred, of {} actions ({} without a movement)",
        speed.cart_latency_p50_ms,
        speed.cart_latency_p99_ms,
        speed.actions,
        speed.actions_without_movement
    );
    let [take, put] = [speed.take_latency_ms, speed.put_latency_ms];
    println!(
        "  taken {:.0} and {:.0} ms, put back {:.0} and {:.0} ms; {:.1} % of all within 700 ms",
        take[0],
        take[1],
        put[0],
        put[1],
        100.0 * speed.within_700_ms
    );
    println!(
        "  {} of {} first answers changed within 5 s",
        speed.first_answers_changed, speed.first_answers
    );
    if let Some(rss) = speed.rss_mb {
        println!("  {rss:.0} MB at most, simulator included");
    }
    if !speed.scaling.is_empty() {
        println!(
            "{:<14}{:>8}{:>9}{:>16}{:>13}{:>20}{:>20}",
            "shop",
            "plates",
            "people",
            "ms per second",
            "× real time",
            "perception/1k plates",
            "fusion/person"
        );
    }
    for cost in &speed.scaling {
        println!(
            "{:<14}{:>8}{:>9.1}{:>16.2}{:>13.0}{:>20.2}{:>20.2}",
            cost.shop,
            cost.plates,
            cost.shoppers,
            cost.ms_per_s,
            cost.realtime_factor,
            1e3 * cost.perception_ms_per_s / cost.plates.max(1) as f64,
            cost.fusion_ms_per_s / cost.shoppers.max(1.0)
        );
    }
    Ok(ExitCode::SUCCESS)
}
