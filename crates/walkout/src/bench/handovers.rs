//! `walkout bench handovers`.

use super::played::Args;
use anyhow::Result;
use std::process::ExitCode;
use walkout_bench::handovers::{Told, measure};

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    if !args.which.json {
        println!(
            "{:<14}{:>11}{:>8}{:>8}{:>11}{:>10}{:>8}{:>12}",
            "", "hand-overs", "unseen", "missed", "meetings", "invented", "doubts", "mean -ln P"
        );
    }
    args.each(|days| {
        let told = measure(days.preset, days.seeds, days.receipts, days.lessons)?;
        print(args.which.json, &days.preset.to_string(), &told);
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn print(json: bool, preset: &str, told: &Told) {
    let surprise = told.surprise / told.meetings.max(1) as f64;
    if json {
        let line = serde_json::json!({
            "preset": preset,
            "hand_overs": told.hand_overs,
            "unseen": told.unseen,
            "missed": told.missed,
            "meetings": told.meetings,
            "invented": told.invented,
            "doubts": told.doubts,
            "surprise": surprise,
        });
        println!("{line}");
    } else {
        println!(
            "{preset:<14}{:>11}{:>8}{:>8}{:>11}{:>10}{:>8}{surprise:>12.4}",
            told.hand_overs, told.unseen, told.missed, told.meetings, told.invented, told.doubts,
        );
    }
}
