//! `walkout bench makers`.

use super::played::Args;
use anyhow::Result;
use std::process::ExitCode;
use walkout_bench::makers::{Told, measure};

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    if !args.which.json {
        println!(
            "{:<24}{:>8}{:>10}{:>10}{:>12}",
            "", "steps", "missed", "doubts", "mean -ln P"
        );
    }
    args.each(|days| {
        let measured = measure(days.preset, days.seeds, days.receipts, days.lessons)?;
        for (kind, told) in [
            ("falls", measured.falls),
            ("rises", measured.rises),
            ("two at once", measured.shared),
        ] {
            print(args.which.json, &days.preset.to_string(), kind, &told);
        }
        Ok(())
    })?;
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
