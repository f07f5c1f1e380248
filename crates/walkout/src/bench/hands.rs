//! `walkout bench hands`.

use crate::networks::RuntimeArgs;
use anyhow::{Result, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::hands::{HandMarks, Options, eye, fit, look, measure};
use walkout_bench::shelves::catalogue_gallery;
use walkout_model::files::{load_shop, locate};
use walkout_perception::eyes::HeldSettings;
use walkout_perception::nets::Network;

/// Arguments of `walkout bench hands`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/
    #[arg(long, default_value = "corner", value_name = "S")]
    shop: String,
    /// Seed of shoppers, light and noise; what ships was fitted to 1
    #[arg(long, default_value_t = 101, value_name = "S")]
    seed: u64,
    /// Instants, two seconds apart
    #[arg(long, default_value_t = 40, value_name = "N")]
    instants: u32,
    /// Cameras, at most
    #[arg(long, default_value_t = 4, value_name = "N")]
    cameras: usize,
    /// Width of the pictures, pixels
    #[arg(long, default_value_t = 1280, value_name = "PX")]
    width: u32,
    /// The folder with item.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Fit the posterior to this seed and print what it becomes
    #[arg(long)]
    fit: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!(
        (1..=10_000).contains(&args.instants),
        "--instants must be 1 to 10000"
    );
    ensure!(
        (160..=4_096).contains(&args.width),
        "--width must be 160 to 4096"
    );
    let shop = Arc::new(load_shop(&locate(&args.shop)?)?);
    let runtime = args.runtime.open()?;
    let network: Arc<dyn Network> = Arc::from(runtime.load(&args.models.join("item.onnx"), 1)?);
    let gallery = catalogue_gallery(&shop, &network)?;
    let settings = HeldSettings::default();
    let items = eye(&shop, &network, &gallery, settings.clone());
    let options = Options {
        seed: args.seed,
        cameras: args.cameras,
        instants: args.instants,
        width_px: args.width,
    };
    let looks = look(&shop, &items, &options)?;
    let mut marks = measure(&shop, &items, &looks, &options);
    if args.fit {
        let fitted = fit(&items, &looks, &settings);
        println!("{:?}, doubt {}", fitted.calibration, fitted.doubt);
        let items = eye(&shop, &network, &gallery, fitted);
        print(&marks);
        marks = measure(&shop, &items, &looks, &options);
    }
    if args.json {
        println!("{}", serde_json::to_string(&marks)?);
    } else {
        print(&marks);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(m: &HandMarks) {
    println!(
        "{}, seed {}: {} hands that hold one of {} products; told of {:.3}; right among 3, 5, 10 and all {:.3?}; calibration error {:.3}; sure (.8) of {:.3}, \
         {:.3} of them right; told of {:.3} of {} empty hands",
        m.shop,
        m.seed,
        m.hands,
        m.products,
        m.told,
        m.right_among,
        m.calibration_error,
        m.answered[0],
        m.answered[1],
        m.empty_told.1,
        m.empty_told.0
    );
}
