//! `walkout bench shelves`.

use crate::networks::RuntimeArgs;
use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::shelves::{
    Options, ShelfMarks, catalogue_gallery, lessons, measure, row_lessons,
};
use walkout_model::files::{load_shop, locate};
use walkout_perception::eyes::{ScanNetworks, ScanSettings};
use walkout_perception::nets::Network;

/// Arguments of `walkout bench shelves`.
#[derive(clap::Args)]
pub struct Args {
    /// Shops: folders, or names of folders under shops/
    #[arg(long, default_values = ["corner", "nano", "flash"], value_delimiter = ',', value_name = "S,…")]
    shop: Vec<String>,
    /// The first seed of stock, racks, light and cameras
    #[arg(long, default_value_t = 101, value_name = "S")]
    seed: u64,
    /// How many seeds
    #[arg(long, default_value_t = 3, value_name = "N")]
    seeds: u64,
    /// Fixtures of a shop and seed, at most
    #[arg(long, default_value_t = 6, value_name = "N")]
    fixtures: usize,
    /// The folder with facing.onnx and item.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Write what the network of facings is trained on to this folder instead, of shops with other prints
    #[arg(long, value_name = "FOLDER")]
    lessons: Option<PathBuf>,
    /// Write what the weights of rows are fitted to to this file instead, of the same shops: JSON lines
    #[arg(long, value_name = "FILE", conflicts_with = "lessons")]
    row_lessons: Option<PathBuf>,
    /// Print one JSON object a shop
    #[arg(long)]
    json: bool,
}

/// Measures and prints, or writes lessons.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!(
        (1..=1_000).contains(&args.seeds),
        "--seeds must be 1 to 1000"
    );
    ensure!(args.fixtures >= 1, "--fixtures must be 1 or more");
    let options = Options {
        seeds: (args.seed..args.seed + args.seeds).collect(),
        fixtures: args.fixtures,
        scan: ScanSettings::default(),
    };
    if let Some(folder) = &args.lessons {
        return write_lessons(&args, &options, folder);
    }
    if let Some(file) = &args.row_lessons {
        return write_row_lessons(&args, &options, file);
    }
    let runtime = args.runtime.open()?;
    let load = |file: &str| -> Result<Arc<dyn Network>> {
        Ok(Arc::from(runtime.load(&args.models.join(file), 1)?))
    };
    let (facing, item) = (load("facing.onnx")?, load("item.onnx")?);
    for name in &args.shop {
        let shop = load_shop(&locate(name)?)?;
        let gallery = catalogue_gallery(&shop, &item)?;
        let networks = ScanNetworks::new(Arc::clone(&facing), Arc::clone(&item), gallery)?;
        let marks = measure(&shop, &networks, &options)?;
        if args.json {
            println!("{}", serde_json::to_string(&marks)?);
        } else {
            print(&marks);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the network of facings is trained on: `cuts.u8`, planes of cuts one after another, and `kinds.u8`, a byte each.
fn write_lessons(args: &Args, options: &Options, folder: &Path) -> Result<ExitCode> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let create = |name: &str| {
        let path = folder.join(name);
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        anyhow::Ok(BufWriter::with_capacity(1 << 20, file))
    };
    let (mut cuts, mut kinds) = (create("cuts.u8")?, create("kinds.u8")?);
    let (mut failed, mut counts) = (None, [0_usize; 3]);
    for name in &args.shop {
        let shop = load_shop(&locate(name)?)?;
        lessons(&shop, options, |lesson| {
            let written = cuts
                .write_all(&lesson.planes)
                .and_then(|()| kinds.write_all(&[lesson.kind]));
            failed = failed.take().or(written.err());
            if let Some(n) = counts.get_mut(usize::from(lesson.kind)) {
                *n += 1;
            }
        })?;
    }
    cuts.flush()?;
    kinds.flush()?;
    if let Some(error) = failed {
        return Err(error).with_context(|| folder.display().to_string());
    }
    let [filled, gaps, others] = counts;
    println!(
        "{filled} filled, {gaps} gaps, {others} with another product: {}",
        folder.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// What the weights of rows are fitted to.
fn write_row_lessons(args: &Args, options: &Options, path: &Path) -> Result<ExitCode> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let (mut failed, mut count) = (None, 0_usize);
    for name in &args.shop {
        let shop = load_shop(&locate(name)?)?;
        row_lessons(&shop, options, |lesson| {
            let written = serde_json::to_string(&lesson).map(|line| writeln!(file, "{line}"));
            match written {
                Ok(Ok(())) => count += 1,
                Ok(Err(error)) => failed = failed.take().or(Some(error)),
                Err(error) => failed = failed.take().or(Some(error.into())),
            }
        })?;
    }
    file.flush()?;
    if let Some(error) = failed {
        return Err(error).with_context(|| path.display().to_string());
    }
    println!("{count} columns: {}", path.display());
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
