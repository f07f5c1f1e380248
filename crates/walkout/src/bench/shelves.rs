//! `walkout bench shelves`.

use crate::networks::RuntimeArgs;
use anyhow::{Result, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::shelves::{Options, ShelfMarks, catalogue_gallery, fit, measure, with_weights};
use walkout_model::files::{load_shop, locate};
use walkout_perception::eyes::ScanSettings;
use walkout_perception::nets::Network;

/// Arguments of `walkout bench shelves`.
#[derive(clap::Args)]
pub struct Args {
    /// Shops: folders, or names of folders under shops/
    #[arg(long, default_values = ["corner", "nano", "flash"], value_delimiter = ',', value_name = "S,…")]
    shop: Vec<String>,
    /// The first seed of stock, racks, light and cameras; the weights were fitted to 1 to 4 of corner
    #[arg(long, default_value_t = 101, value_name = "S")]
    seed: u64,
    /// How many seeds
    #[arg(long, default_value_t = 3, value_name = "N")]
    seeds: u64,
    /// Fixtures of a shop and seed, at most
    #[arg(long, default_value_t = 6, value_name = "N")]
    fixtures: usize,
    /// The folder with item.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Fit the clues' weights to these seeds and print them
    #[arg(long)]
    fit: bool,
    /// Print the clues of each facing instead, a JSON object a line
    #[arg(long)]
    clues: bool,
    /// Print one JSON object a shop
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!(
        (1..=1_000).contains(&args.seeds),
        "--seeds must be 1 to 1000"
    );
    ensure!(args.fixtures >= 1, "--fixtures must be 1 or more");
    let runtime = args.runtime.open()?;
    let network: Arc<dyn Network> = Arc::from(runtime.load(&args.models.join("item.onnx"), 1)?);
    let options = Options {
        seeds: (args.seed..args.seed + args.seeds).collect(),
        fixtures: args.fixtures,
        scan: ScanSettings::default(),
    };
    let mut examples = Vec::new();
    let mut galleries = Vec::new();
    for name in &args.shop {
        let shop = load_shop(&locate(name)?)?;
        let gallery = catalogue_gallery(&shop, &network)?;
        let (marks, own) = measure(&shop, &network, &gallery, &options)?;
        if args.clues {
            for e in &own {
                let clues = e.sight.clues.numbers();
                println!(
                    "{}",
                    serde_json::json!({ "shop": name, "stand": format!("{:?}", e.stand), "clues": clues, "px": e.sight.px })
                );
            }
        } else if args.json {
            println!("{}", serde_json::to_string(&marks)?);
        } else {
            print(&marks);
        }
        examples.extend(own);
        galleries.push((shop, gallery));
    }
    if args.fit {
        let weights = fit(&examples);
        println!("fitted to {} sights: {weights:?}", examples.len());
        let fitted = Options {
            scan: with_weights(&options.scan, weights),
            ..options
        };
        for (shop, gallery) in &galleries {
            print(&measure(shop, &network, gallery, &fitted)?.0);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(m: &ShelfMarks) {
    let [first, n] = m.seeds;
    println!(
        "{}, seeds {first} to {}, {} pictures, {} of {} facings seen, {:.0} ms a picture",
        m.shop,
        first + n - 1,
        m.pictures,
        m.facings[1],
        m.facings[0],
        m.scan_ms
    );
    println!(
        "{:<24}{:>8}{:>11}{:>8}{:>8}",
        "", "recall", "precision", "there", "told"
    );
    let row = |name: &str, recall: f64, precision: f64, [there, told]: [usize; 2]| {
        println!("{name:<24}{recall:>8.3}{precision:>11.3}{there:>8}{told:>8}");
    };
    row("gaps, facings", m.gap_recall, m.gap_precision, m.gaps);
    row(
        "gaps, whole lanes",
        m.lane_recall,
        m.lane_precision,
        m.lanes,
    );
    row("wrong items", m.wrong_recall, m.wrong_precision, m.wrongs);
    println!(
        "a gap's probability is off by {:.3}; {:.3} of the {} gaps that are empty to the back told; {:.3} of wrong items told are named rightly",
        m.gap_calibration_error, m.empty_recall, m.empty, m.wrong_named
    );
}
