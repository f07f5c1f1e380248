//! `walkout bench calibrate`.

use anyhow::{Result, ensure};
use serde::Serialize;
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::calibrate::{lenses, tags, watch};
use walkout_model::files::{load_shop, locate};

/// Arguments of `walkout bench calibrate`.
#[derive(clap::Args)]
pub struct Args {
    /// Seed of cameras, boards, floors and flaws
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// Cameras whose lens is sought
    #[arg(long, default_value_t = 10, value_name = "N")]
    lenses: usize,
    /// Pictures of a board for each
    #[arg(long, default_value_t = 12, value_name = "N")]
    pictures: usize,
    /// Floors with tags
    #[arg(long, default_value_t = 40, value_name = "N")]
    floors: usize,
    /// OpenCV on the same pictures, through this Python
    #[arg(long, value_name = "PROGRAM")]
    python: Option<String>,
    /// A shop whose cameras are watched, too: once right and once with one turned, for each seed from --seed on
    #[arg(long, value_name = "S")]
    watch: Option<String>,
    /// How many seeds are watched
    #[arg(long, default_value_t = 5, value_name = "N")]
    seeds: u64,
    /// People in the watched shop
    #[arg(long, default_value_t = 20, value_name = "N")]
    people: u32,
    /// Its cameras that are used
    #[arg(long, default_value_t = 16, value_name = "N")]
    cameras: usize,
    /// Degrees by which the one is turned
    #[arg(long, default_value_t = 1.0, value_name = "DEG")]
    turn: f64,
    /// Seconds that are watched
    #[arg(long, default_value_t = 60.0, value_name = "N")]
    seconds: f64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!(args.lenses <= 1000, "--lenses must be 0 to 1000");
    ensure!(
        (3..=100).contains(&args.pictures),
        "--pictures must be 3 to 100"
    );
    ensure!(args.floors <= 10_000, "--floors must be 0 to 10000");
    ensure!((0.0..=30.0).contains(&args.turn), "--turn must be 0 to 30");
    ensure!(
        (1.0..=36_000.0).contains(&args.seconds),
        "--seconds must be 1 to 36000"
    );
    let python = args.python.as_deref();
    let lenses = match args.lenses {
        0 => Vec::new(),
        n => lenses(args.seed, n, args.pictures, python)?,
    };
    let tags = match args.floors {
        0 => Vec::new(),
        n => tags(args.seed, n, python)?,
    };
    let mut watched = Vec::new();
    if let Some(name) = &args.watch {
        let shop = Arc::new(load_shop(&locate(name)?)?);
        for seed in args.seed..args.seed + args.seeds.min(1000) {
            for turn in [None, Some((seed as usize, args.turn))] {
                let people = args.people.clamp(1, 500);
                watched.push(watch(
                    &shop,
                    seed,
                    people,
                    args.cameras,
                    args.seconds,
                    turn,
                )?);
            }
        }
    }
    if args.json {
        println!(
            "{}",
            json!({ "lenses": lenses, "tags": tags, "watch": watched })
        );
        return Ok(ExitCode::SUCCESS);
    }
    print("lenses", &lenses)?;
    print("tags", &tags)?;
    print("watch", &watched)?;
    Ok(ExitCode::SUCCESS)
}

fn print(title: &str, rows: &[impl Serialize]) -> Result<()> {
    for row in rows {
        println!("{title}");
        if let serde_json::Value::Object(fields) = serde_json::to_value(row)? {
            for (key, value) in fields {
                println!("  {key:<18} {value}");
            }
        }
    }
    Ok(())
}
