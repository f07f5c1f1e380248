//! `walkout bench scenarios`.

use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;
use walkout_bench::scripted::{Played, kinds, load, play_all};

/// Arguments of `walkout bench scenarios`.
#[derive(clap::Args)]
pub struct Args {
    /// A folder of scenario files, or one file
    #[arg(default_value = "scenarios", value_name = "PATH")]
    path: PathBuf,
    /// Plays of each scenario: its own seed and those that follow
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: u64,
    /// Print one JSON object a scenario
    #[arg(long)]
    json: bool,
}

/// Plays the scenarios and names each promise that was broken.
pub fn run(args: Args) -> Result<ExitCode> {
    let scripted = load(&args.path)?;
    let played = play_all(&scripted, args.seeds)?;
    for (i, one) in scripted.iter().enumerate() {
        let plays: Vec<&Played> = played.iter().filter(|p| p.scenario == i).collect();
        let kept = plays.iter().filter(|p| p.breaches.is_empty()).count();
        let kinds: Vec<String> = kinds(&played, i).iter().map(ToString::to_string).collect();
        if args.json {
            let line = serde_json::json!({
                "scenario": one.name,
                "plays": plays.len(),
                "kept": kept,
                "broken": kinds,
            });
            println!("{line}");
            continue;
        }
        println!(
            "{:<26}{kept:>4} of {:<4} {}",
            one.name,
            plays.len(),
            kinds.join(", ")
        );
        for play in plays {
            for breach in &play.breaches {
                println!(
                    "    seed {:<6}{}: {}",
                    play.seed, breach.broken, breach.text
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
