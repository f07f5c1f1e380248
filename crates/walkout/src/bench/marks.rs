//! `walkout bench marks`.

use crate::networks::RuntimeArgs;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use walkout_bench::marks::{
    FloorMarks, ItemMarks, PersonMarks, Photo, Rates, measure_floor, measure_items, measure_people,
};
use walkout_perception::nets::{ItemNetwork, Network, PersonConfig, PersonNetwork};

/// Arguments of `walkout bench marks`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder with person.onnx and item.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// Frames of each viewpoint
    #[arg(long, default_value_t = 300, value_name = "N")]
    frames: u64,
    /// Instants of the shop whose floor is watched
    #[arg(long, default_value_t = 60, value_name = "N")]
    instants: u32,
    /// Seed of rooms, materials and people; training used 101 and 102
    #[arg(long, default_value_t = 9101, value_name = "S")]
    seed: u64,
    /// Least score of a head
    #[arg(long, value_name = "P")]
    head: Option<f32>,
    /// Least score of a hand
    #[arg(long, value_name = "P")]
    hand: Option<f32>,
    /// The Grocery Store data set; its marks are left out without it
    #[arg(long, value_name = "FOLDER")]
    grocery: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Threads of a network's run
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Shop and cameras whose heads are triangulated: three corners of a room.
const FLOOR: (&str, [usize; 3]) = ("corner", [0, 1, 2]);
/// Photos of each class that the shop is shown beforehand.
const ENROLLED: usize = 5;

/// Measures and prints.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!(
        (1..=100_000).contains(&args.frames),
        "--frames must be 1 to 100000"
    );
    ensure!(args.instants <= 100_000, "--instants must be 0 to 100000");
    let mut config = PersonConfig::default();
    config.head = args.head.unwrap_or(config.head);
    config.hand = args.hand.unwrap_or(config.hand);
    let runtime = args.runtime.open()?;
    let load = |file: &str| runtime.load(&args.models.join(file), args.threads);
    let network = load("person.onnx")?;
    let person = PersonNetwork::new(network, config.clone());
    let people = measure_people(&person, &config, args.seed, args.frames)?;
    let (shop, cameras) = FLOOR;
    let floor = measure_floor(&person, shop, &cameras, args.seed, args.instants)?;
    let items = match &args.grocery {
        Some(folder) => Some(items(load("item.onnx")?, folder)?),
        None => None,
    };
    if args.json {
        println!(
            "{}",
            json!({ "people": people, "floor": floor, "items": items })
        );
        return Ok(ExitCode::SUCCESS);
    }
    table(&people, &floor, items.as_ref());
    Ok(ExitCode::SUCCESS)
}

fn table(people: &PersonMarks, floor: &FloorMarks, items: Option<&ItemMarks>) {
    let both = |r: &Rates| format!("{:>7.3}{:>7.3}{:>7}", r.recall, r.precision, r.there);
    let [head, hand] = people.thresholds;
    println!(
        "rooms drawn with seed {}, heads ≥ {head}, hands ≥ {hand}",
        people.seed
    );
    println!(
        "{:<9}{:>7}{:>21}{:>21}{:>9}{:>7}",
        "", "frames", "heads R, P, n", "hands R, P, n", "cm", "owner"
    );
    for v in &people.views {
        let cm = v.hand_median_cm.map_or("-".into(), |cm| format!("{cm:.1}"));
        println!(
            "{:<9}{:>7}{}{}{cm:>9}{:>7.3}",
            v.view,
            v.frames,
            both(&v.heads),
            both(&v.hands),
            v.hand_owner_right
        );
    }
    println!(
        "floor of {} from {}: R, P, n{}, median {} cm; of people seen by two cameras {:.3} found",
        floor.shop,
        floor.cameras.join(", "),
        both(&floor.people),
        floor.median_cm.map_or("-".into(), |cm| format!("{cm:.1}")),
        floor.recall_seen_twice
    );
    if let Some(items) = items {
        println!(
            "photos, {} enrolled a class: {} packages {:.3} (n {}), {} classes {:.3} (n {}); packages among 3, 5, 10, 20: {:.3?}",
            items.enrolled,
            items.classes[0],
            items.packages_top1,
            items.asked[0],
            items.classes[1],
            items.all_top1,
            items.asked[1],
            items.packages_among
        );
    }
}

fn items<N: Network>(network: N, folder: &Path) -> Result<ItemMarks> {
    let network = ItemNetwork::new(network);
    let (train, val) = (photos(folder, "train.txt")?, photos(folder, "val.txt")?);
    Ok(measure_items(&network, &train, &val, ENROLLED)?)
}

/// The photos of a list: path, fine class, coarse class a line.
fn photos(folder: &Path, list: &str) -> Result<Vec<Photo>> {
    let path = folder.join(list);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let mut photos = Vec::new();
    for (n, line) in text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty())
    {
        let at = || format!("{}:{}", path.display(), n + 1);
        let (name, rest) = line
            .split_once(',')
            .with_context(|| format!("{}: \"path, class, coarse class\" is expected", at()))?;
        let class = rest.split(',').next().unwrap_or_default().trim();
        let file = folder.join(name.trim());
        let bytes = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        let mut decoder = zune_jpeg::JpegDecoder::new(&bytes);
        let rgb = decoder
            .decode()
            .with_context(|| format!("{}: no JPEG", file.display()))?;
        let (w, h) = decoder
            .dimensions()
            .with_context(|| format!("{}: no size", file.display()))?;
        photos.push(Photo {
            size: [u32::try_from(w)?, u32::try_from(h)?],
            rgb,
            class: class
                .parse()
                .with_context(|| format!("{}: class \"{class}\"", at()))?,
            package: name.contains("/Packages/"),
        });
    }
    Ok(photos)
}
