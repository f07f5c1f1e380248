//! `walkout bench eyes`.

use crate::networks::Runtime;
use anyhow::{Result, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::eyes::{Options, measure};
use walkout_model::files::{load_shop, locate};
use walkout_perception::nets::Network;

/// Arguments of `walkout bench eyes`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/
    #[arg(long, default_value = "flash", value_name = "S")]
    shop: String,
    /// Numbers of cameras
    #[arg(long, default_values_t = [1, 4, 16, 60], value_delimiter = ',', value_name = "N,…")]
    cameras: Vec<usize>,
    /// People in the shop at once
    #[arg(long, default_value_t = 20, value_name = "N")]
    people: u32,
    /// Instants, a tenth of a second apart
    #[arg(long, default_value_t = 4, value_name = "N")]
    instants: u32,
    /// Width of the pictures that come from the cameras
    #[arg(long, default_value_t = 640, value_name = "PX")]
    width: u32,
    /// Seed
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// The folder with person.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!(
        args.cameras.iter().all(|n| (1..=1_000).contains(n)),
        "--cameras must be 1 to 1000 each"
    );
    ensure!(
        (2..=100).contains(&args.instants),
        "--instants must be 2 to 100"
    );
    ensure!(
        (64..=4_096).contains(&args.width),
        "--width must be 64 to 4096"
    );
    let shop = Arc::new(load_shop(&locate(&args.shop)?)?);
    let network: Arc<dyn Network> =
        Arc::from(Runtime::Rten.load(&args.models.join("person.onnx"), 1)?);
    let options = Options {
        cameras: args.cameras,
        people: args.people.clamp(1, 500),
        instants: args.instants,
        seed: args.seed,
        width_px: args.width,
    };
    let rows = measure(&shop, &network, &options)?;
    if args.json {
        for row in &rows {
            println!("{}", serde_json::to_string(row)?);
        }
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:>8}{:>8}{:>10}{:>13}{:>11}{:>18}{:>8}",
        "cameras", "people", "pictures", "ms a picture", "tracker ms", "cores a camera", "cores"
    );
    for r in &rows {
        println!(
            "{:>8}{:>8}{:>10}{:>13.1}{:>11.2}{:>18.3}{:>8.2}",
            r.cameras, r.people, r.pictures, r.picture_ms, r.watch_ms, r.cores_per_camera, r.cores
        );
    }
    println!("at 10 pictures a second of each camera; drawing them is not counted");
    Ok(ExitCode::SUCCESS)
}
