//! What yardsticks of played days share: which days, and where their lessons go.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::PathBuf;
use walkout_simulator::Preset;

/// Which days are played.
#[derive(clap::Args)]
pub struct Which {
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
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `walkout bench makers` and `walkout bench handovers`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub which: Which,
    /// Write what the network learns from into this file
    #[arg(long, value_name = "FILE")]
    lessons: Option<PathBuf>,
}

/// The days of one preset, and where what is learnt from them goes.
pub struct Days<'a> {
    pub preset: Preset,
    pub seeds: Range<u64>,
    pub receipts: u32,
    pub lessons: Option<&'a mut dyn Write>,
}

impl Which {
    /// The presets that are asked for, with the seeds of each.
    pub fn days(&self) -> impl Iterator<Item = (Preset, Range<u64>, u32)> + '_ {
        let presets = match self.presets.as_slice() {
            [] => &[Preset::Busy, Preset::Adversarial],
            named => named,
        };
        let seeds = self.seed..self.seed.saturating_add(self.seeds);
        let of = move |preset: &Preset| (*preset, seeds.clone(), self.receipts);
        presets.iter().map(of)
    }
}

impl Args {
    /// Goes through the presets that are asked for.
    pub fn each(&self, mut measure: impl FnMut(Days<'_>) -> Result<()>) -> Result<()> {
        let written = |path: &PathBuf| format!("write {}", path.display());
        let create = |path: &PathBuf| File::create(path).with_context(|| written(path));
        let mut out = self.lessons.as_ref().map(create).transpose()?;
        let mut out = out.as_mut().map(BufWriter::new);
        for (preset, seeds, receipts) in self.which.days() {
            measure(Days {
                preset,
                seeds,
                receipts,
                lessons: out.as_mut().map(|out| out as &mut dyn Write),
            })?;
        }
        if let (Some(mut out), Some(path)) = (out, &self.lessons) {
            out.flush().with_context(|| written(path))?;
        }
        Ok(())
    }
}
