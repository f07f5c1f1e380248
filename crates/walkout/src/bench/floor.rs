//! `walkout bench floor`.

use crate::networks::Runtime;
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::floor::sightings::Model;
use walkout_bench::floor::{boxes, made, seen, selection, shop, wildtrack};
use walkout_bench::pixels::{Networks, PixelOptions};
use walkout_model::files::{load_shop, locate};
use walkout_perception::eyes::PeopleNetworks;
use walkout_perception::floor::FloorSettings;

/// Arguments of `walkout bench floor`.
#[derive(clap::Args)]
pub struct Args {
    /// A data set in WILDTRACK's layout
    dir: Option<PathBuf>,
    /// Write a made data set into the folder instead of reading it
    #[arg(long, requires = "dir")]
    make: bool,
    /// Instead: a shop of the simulator, a folder or the name of one under shops/
    #[arg(long, conflicts_with = "dir", value_name = "S")]
    shop: Option<String>,
    /// Seed of all draws
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// People at once: 20 in a shop, about 30 in a made data set
    #[arg(long, value_name = "N")]
    people: Option<u32>,
    /// Frames a second: 10 in a shop, 2 in a data set
    #[arg(long, value_name = "N")]
    fps: Option<u32>,
    /// Frames of a made data set
    #[arg(long, default_value_t = 200, value_name = "N")]
    frames: usize,
    /// Seconds to score in a shop, after 90 in which it fills
    #[arg(long, default_value_t = 180.0, value_name = "N")]
    seconds: f64,
    /// Cameras of the shop to use, chosen to see every place thrice
    #[arg(long, default_value_t = 16, value_name = "N")]
    cameras: usize,
    /// Tell the tracker what people look like, too (a shop)
    #[arg(long)]
    looks: bool,
    /// Render the cameras' pictures (a shop) and see people in them, instead of simulating what networks say
    #[arg(long, requires = "shop")]
    from_pixels: bool,
    /// Width of these pictures, pixels
    #[arg(
        long,
        default_value_t = 320,
        value_parser = clap::value_parser!(u32).range(160..=1920),
        value_name = "PX",
        requires = "from_pixels"
    )]
    width: u32,
    /// Keep what is seen in these pictures in a file, with who was where
    #[arg(long, requires = "from_pixels", value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Track what was kept so, instead of drawing and seeing it again
    #[arg(
        long,
        requires = "shop",
        conflicts_with = "from_pixels",
        value_name = "FILE"
    )]
    kept: Option<PathBuf>,
    /// Say whose track changed, where and when, and which tracks were nobody's
    #[arg(long, requires = "kept", conflicts_with = "json")]
    errors: bool,
    /// The folder with person.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// Probability that a visible person's box is dropped (a data set)
    #[arg(long, default_value_t = 0.15, value_name = "P")]
    drop: f64,
    /// The same of a box that others cover by 70 % (a data set)
    #[arg(long, default_value_t = 0.6, value_name = "P")]
    drop_hidden: f64,
    /// Standard deviation of each side of a box, as a share of its size (a data set)
    #[arg(long, default_value_t = 0.04, value_name = "SHARE")]
    jitter: f64,
    /// Boxes of nobody, a view and frame (a data set)
    #[arg(long, default_value_t = 0.5, value_name = "N")]
    add: f64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Makes a data set, or tracks and scores.
pub fn run(args: Args) -> Result<ExitCode> {
    let shares = [args.drop, args.drop_hidden, args.jitter];
    ensure!(
        shares.iter().all(|p| (0.0..=1.0).contains(p)),
        "--drop, --drop-hidden and --jitter must be 0 to 1"
    );
    ensure!((0.0..=30.0).contains(&args.add), "--add must be 0 to 30");
    match (&args.dir, &args.shop) {
        (Some(dir), _) if args.make => {
            let options = made::Options {
                seed: args.seed,
                frames: args.frames.clamp(1, 10_000),
                people: args.people.unwrap_or(30).clamp(1, 200) as usize,
                fps: f64::from(args.fps.unwrap_or(2).clamp(1, 60)),
            };
            made::make(dir, &options).context("make a data set")?;
            println!("{} frames, 7 cameras: {}", options.frames, dir.display());
            Ok(ExitCode::SUCCESS)
        }
        (Some(dir), _) => {
            let data = wildtrack::read(dir)?;
            let model = boxes::DetectionModel {
                drop: args.drop,
                drop_hidden: args.drop_hidden,
                jitter: args.jitter,
                add: args.add,
                seed: args.seed,
            };
            let fps = f64::from(args.fps.unwrap_or(2).clamp(1, 60));
            print(
                &boxes::run(&data, &model, fps, &boxes::outdoors()),
                args.json,
            )
        }
        (None, Some(name)) => {
            let shop = Arc::new(load_shop(&locate(name)?)?);
            let fps = args.fps.unwrap_or(10);
            ensure!(
                (1..=60).contains(&fps) && 60 % fps == 0,
                "--fps must divide 60: the simulator ticks 60 times a second"
            );
            ensure!(
                (1.0..=36_000.0).contains(&args.seconds),
                "--seconds must be 1 to 36000"
            );
            let options = shop::Options {
                people: args.people.unwrap_or(20).clamp(1, 500),
                seed: args.seed,
                seconds: args.seconds,
                fill: 90.0,
                cameras: args.cameras,
                fps,
                model: Model {
                    looks: args.looks.then_some([0.6, 0.6]),
                    ..Model::default()
                },
                settings: FloorSettings::default(),
            };
            if args.from_pixels {
                let cameras = selection::choose(&shop.layout, args.cameras);
                let person = Runtime::Rten.load(&args.models.join("person.onnx"), 1)?;
                let networks = Networks {
                    people: PeopleNetworks {
                        person: Arc::from(person),
                        reach: None,
                    },
                    item: None,
                    gallery: None,
                };
                let pixels = PixelOptions {
                    width_px: args.width,
                    ..PixelOptions::new(cameras, args.seed)
                };
                let mut file = match &args.keep {
                    Some(path) => {
                        let file = File::create(path).with_context(|| at(path))?;
                        Some(BufWriter::new(file))
                    }
                    None => None,
                };
                let keep = file.as_mut().map(|f| f as &mut dyn Write);
                let row = seen::run(name, &shop, &options, networks, &pixels, keep)?;
                if let Some(mut file) = file {
                    file.flush().context("keep what was seen")?;
                }
                return print(&row, args.json);
            }
            if let Some(path) = &args.kept {
                let file = File::open(path).with_context(|| at(path))?;
                let seen = seen::again(name, &shop, &options, BufReader::new(file));
                let (row, changes) = seen.with_context(|| at(path))?;
                if args.errors {
                    print!("{changes}");
                }
                return print(&row, args.json);
            }
            let row = shop::run(name, &shop, &options)?;
            print(&row, args.json)
        }
        (None, None) => bail!("name a folder in WILDTRACK's layout, or a shop with --shop"),
    }
}

fn at(path: &Path) -> String {
    path.display().to_string()
}

fn print(row: &impl Serialize, json: bool) -> Result<ExitCode> {
    let value = serde_json::to_value(row)?;
    if json {
        println!("{value}");
        return Ok(ExitCode::SUCCESS);
    }
    if let serde_json::Value::Object(fields) = value {
        for (key, value) in fields {
            println!("{key:<16} {value}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
