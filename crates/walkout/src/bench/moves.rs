//! `walkout bench moves`.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::floor::selection::choose;
use walkout_bench::moves::{Film, MoveMarks, Options, film, score};
use walkout_bench::pixels::{ShelfOptions, all_moves};
use walkout_model::Shop;
use walkout_model::files::{load_shop, locate};
use walkout_simulator::Preset;

/// Arguments of `walkout bench moves`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/
    #[arg(long, default_value = "corner", value_name = "S")]
    shop: String,
    /// Who comes
    #[arg(long, default_value = "quiet", value_name = "PRESET")]
    preset: Preset,
    /// Receipts a seed
    #[arg(long, default_value_t = 8, value_name = "N")]
    receipts: u32,
    /// The first seed of shoppers, racks, light and cameras
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// How many seeds
    #[arg(long, default_value_t = 1, value_name = "N")]
    seeds: u64,
    /// Shelf cameras, hung before the fixtures, at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    shelf_cameras: usize,
    /// How many of the shop's own cameras look at shelves as well
    #[arg(long, default_value_t = 0, value_name = "N")]
    cameras: usize,
    /// Keep what was seen of the first seed in this file
    #[arg(long, value_name = "FILE", conflicts_with = "kept")]
    keep: Option<PathBuf>,
    /// Tell again from what was kept in this file, in a moment
    #[arg(long, value_name = "FILE")]
    kept: Option<PathBuf>,
    /// List what was missed and invented
    #[arg(long)]
    errors: bool,
    /// Print one JSON object a seed
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!(args.receipts >= 1, "--receipts must be 1 or more");
    ensure!(
        (1..=1_000).contains(&args.seeds),
        "--seeds must be 1 to 1000"
    );
    let shop = Arc::new(load_shop(&locate(&args.shop)?)?);
    for seed in args.seed..args.seed + args.seeds {
        let film = match &args.kept {
            Some(path) => read(path)?,
            None => film(&shop, &options(args, &shop, seed))?,
        };
        if let Some(path) = &args.keep {
            let text = serde_json::to_string(&film)?;
            std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
        }
        let marks = score(&shop, &film, &all_moves())?;
        if args.json {
            println!("{}", serde_json::to_string(&marks)?);
        } else {
            print(&marks, args.errors);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &Args, shop: &Shop, seed: u64) -> Options {
    Options {
        preset: args.preset,
        seed,
        receipts: args.receipts,
        ceiling: match args.cameras {
            0 => Vec::new(),
            n => choose(&shop.layout, n),
        },
        shelves: ShelfOptions {
            cameras: args.shelf_cameras,
            ..ShelfOptions::default()
        },
    }
}

/// What was kept of a shop.
fn read(path: &Path) -> Result<Film> {
    let at = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(at)?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "{}: not what `walkout bench moves --keep` writes",
            path.display()
        )
    })
}

fn print(m: &MoveMarks, errors: bool) {
    let [there, told, right] = m.units;
    println!(
        "{} {} seed {}: {} shelf cameras, {} of {} lanes; {there} units moved, {told} told, {right} rightly: recall {:.3}, precision {:.3}; \
         {:.1} s until half is told; {} pictures, {:.0} ms each, {:.1} min of store time",
        m.shop,
        m.preset,
        m.seed,
        m.cameras,
        m.lanes[0],
        m.lanes[1],
        m.recall,
        m.precision,
        m.delay_s,
        m.pictures,
        m.look_ms,
        m.store_s / 60.0
    );
    if errors {
        m.errors.iter().for_each(|e| println!("  {e}"));
    }
}
