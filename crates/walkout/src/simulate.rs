//! `walkout simulate`.

use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use walkout_model::files::{load_shop, locate};
use walkout_model::{Shop, TimeDelta};
use walkout_simulator::{Plan, Preset, Scenario};

mod day;
mod pixels;
mod report;
#[cfg(test)]
mod scenarios;

/// Arguments of `walkout simulate`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/; the preset's own by default
    shop: Option<String>,
    /// quiet, busy, adversarial or cps2020
    #[arg(long, default_value = "busy", value_name = "P")]
    preset: Preset,
    /// A scenario file instead of a preset
    #[arg(long, value_name = "FILE", conflicts_with_all = ["preset", "receipts", "minutes", "shop"])]
    scenario: Option<PathBuf>,
    /// Seed of every draw; the scenario's own, or 1
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Let so many parties in
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    receipts: Option<u32>,
    /// Let parties in for so long
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// The ledger, sqlite:PATH or postgres://…; a temporary one by default
    #[arg(long, value_name = "URL", conflicts_with = "from_pixels")]
    ledger: Option<String>,
    /// Write the figures and every receipt as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write what really happened as JSON lines
    #[arg(long, value_name = "FILE", conflicts_with = "from_pixels")]
    truth: Option<PathBuf>,
    #[command(flatten)]
    pixels: pixels::Args,
}

/// Runs the shop and prints what came of it: exit code 1 if the books do not add up.
pub fn run(args: Args) -> Result<ExitCode> {
    let (shop, plan) = args.plan()?;
    let scratch = Scratch::new()?;
    let url = args.ledger.clone().unwrap_or_else(|| scratch.url());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    if args.pixels.from_pixels {
        let ledger = |way: &str| pixels::ledger_in(&scratch.0, way);
        let name = args.shop.as_deref().unwrap_or(&shop.name);
        let gallery = locate(name).unwrap_or_default().join(crate::items::FILE);
        let shop = Arc::new(shop);
        let run = pixels::run(&shop, plan, &args.pixels, &gallery, ledger);
        let seen = runtime.block_on(run)?;
        pixels::print(&seen);
        if let Some(path) = &args.report {
            pixels::write(&seen, path)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let day = runtime.block_on(day::run(Arc::new(shop), plan, &url))?;
    print!("{}", day.report);
    if let Some(path) = &args.truth {
        std::fs::write(path, &day.truth).with_context(|| format!("write {}", path.display()))?;
    }
    if let Some(path) = &args.report {
        let text = serde_json::to_string_pretty(&day.report)?;
        std::fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))?;
    }
    Ok(ExitCode::from(u8::from(!day.report.books_add_up())))
}

impl Args {
    fn plan(&self) -> Result<(Shop, Plan)> {
        if let Some(path) = &self.scenario {
            let scenario = Scenario::load(path).with_context(|| path.display().to_string())?;
            let shop = scenario
                .fit(&load_shop(&locate(scenario.shop())?)?)
                .with_context(|| path.display().to_string())?;
            let mut plan = Plan::scenario(scenario);
            plan.seed = self.seed.unwrap_or(plan.seed);
            return Ok((shop, plan));
        }
        if let Some(minutes) = self.minutes {
            anyhow::ensure!(
                (0.1..=100_000.0).contains(&minutes),
                "--minutes must be 0.1 to 100000"
            );
        }
        let name = self.shop.as_deref();
        let shop = load_shop(&locate(name.unwrap_or(self.preset.default_shop()))?)?;
        let mut plan = Plan::preset(self.preset, self.seed.unwrap_or(1));
        plan.duration = self.minutes.map(|m| TimeDelta::from_secs_f64(m * 60.0));
        plan.receipts = match plan.duration {
            Some(_) => None,
            None => Some(self.receipts.unwrap_or(40)),
        };
        Ok((shop, plan))
    }
}

/// A folder for the ledger of one run.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let name = format!("walkout-simulate-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.join("ledger.db").display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: what stays is in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
