//! `walkout bench identities`.

use super::played::Which;
use anyhow::Result;
use std::process::ExitCode;
use walkout_bench::identities::measure;
use walkout_model::Who;

/// Arguments of `walkout bench identities`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// List each track that was taken for another's, and when
    #[arg(long, conflicts_with = "json")]
    errors: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    if !args.which.json {
        let heads = ["seconds", "wrong", "surely", "mistakes"];
        println!("{:<14}{}", "", heads.map(|h| format!("{h:>10}")).concat());
    }
    for (preset, seeds, receipts) in args.which.days() {
        let told = measure(preset, seeds, receipts)?;
        if args.which.json {
            let line = serde_json::json!({
                "preset": preset.to_string(),
                "seconds": told.seconds,
                "wrong": told.wrong,
                "surely_wrong": told.surely_wrong,
                "mistakes": told.mistakes.len(),
            });
            println!("{line}");
        } else {
            let share = |n: usize| 100.0 * n as f64 / told.seconds.max(1) as f64;
            println!(
                "{:<14}{:>10}{:>9.2}%{:>9.2}%{:>10}",
                preset.to_string(),
                told.seconds,
                share(told.wrong),
                share(told.surely_wrong),
                told.mistakes.len(),
            );
        }
        if args.errors {
            for m in &told.mistakes {
                let taken_for = match m.taken_for {
                    Who::Session(s) => format!("party {}", s.0),
                    Who::Unknown => "nobody known".to_owned(),
                };
                println!(
                    "{preset} seed {}: track {} of party {} taken for {taken_for} with {:.3} at most, {:.0} to {:.0} s",
                    m.seed, m.track.0, m.of.0, m.most, m.seconds.0, m.seconds.1,
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
