//! `walkout bench marks`.

use crate::networks::RuntimeArgs;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use walkout_bench::marks::{
    Clip, FloorMarks, HandMarks, ItemMarks, PeoplePlan, PersonMarks, Photo, Rates, VideoMarks,
    clips, fit, fit_hands, measure_floor, measure_items, measure_people, measure_video, see,
    see_drawn, spread,
};
use walkout_perception::nets::{
    Calibration, ItemNetwork, Network, PersonConfig, PersonNetwork, ReachConfig,
};

/// Arguments of `walkout bench marks`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder with person.onnx, reach.onnx and item.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// Frames of each viewpoint
    #[arg(long, default_value_t = 300, value_name = "N")]
    frames: u64,
    /// Instants of the shop whose floor is watched
    #[arg(long, default_value_t = 60, value_name = "N")]
    instants: u32,
    /// Seed of rooms, materials and people; training uses others
    #[arg(long, default_value_t = 9101, value_name = "S")]
    seed: u64,
    /// Least score of a head
    #[arg(long, value_name = "P")]
    head: Option<f32>,
    /// Least score of a hand of person.onnx
    #[arg(long, value_name = "P")]
    hand: Option<f32>,
    /// Least score of a hand of reach.onnx, which looks at cuts of the frames
    #[arg(long, value_name = "P")]
    reach: Option<f32>,
    /// The frames' size; person.onnx sees them scaled by where people are on the floor
    #[arg(long, default_value = "640x480", value_name = "WxH", value_parser = crate::render::size)]
    size: [u32; 2],
    /// People alone: no floor, no items
    #[arg(long)]
    people: bool,
    /// Fit how scores of hands count to these rooms, and say so; the marks are then theirs
    #[arg(long, requires = "people")]
    fit_hands: bool,
    /// The Grocery Store data set; its marks are left out without it
    #[arg(long, value_name = "FOLDER")]
    grocery: Option<PathBuf>,
    /// Photos of the data set's training split that training left out, one a line: fit the
    /// posterior's weights to them first, and say which
    #[arg(long, value_name = "FILE", requires = "grocery")]
    fit: Option<PathBuf>,
    /// Frames of the clips that were marked by hand, a folder a clip (crates/bench/data/README.md)
    #[arg(long, value_name = "FOLDER")]
    video: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Threads of a network's run
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,
    /// How tall somebody is in the person network's input in rooms, pixels, from the side and from straight above; what
    /// the eyes of a shop ask for if not given
    #[arg(long, value_name = "PX", num_args = 2)]
    person_px: Option<Vec<f64>>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Shop and cameras whose heads are triangulated: three corners of a room.
const FLOOR: (&str, [usize; 3]) = ("corner", [0, 1, 2]);
/// Sizes of its cameras' pictures, pixels.
const FLOOR_PX: [[u32; 2]; 2] = [[320, 180], [640, 360]];
/// Photos of each class that the shop is shown beforehand.
const ENROLLED: usize = 5;
/// Drawn packages that are enrolled.
const DRAWN: usize = 48;

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
    let video = match &args.video {
        Some(folder) => video(&*network, &config, folder)?,
        None => Vec::new(),
    };
    let mut reach = ReachConfig::default();
    reach.least = args.reach.unwrap_or(reach.least);
    let mut plan = PeoplePlan {
        config: config.clone(),
        reach,
        seed: args.seed,
        frames: args.frames,
        size_px: args.size,
        person_px: args.person_px.as_deref().and_then(|px| px.try_into().ok()),
    };
    let closer = load("reach.onnx")?;
    if args.fit_hands {
        plan.reach.odds = fit_hands(&*network, &*closer, &plan)?;
        if !args.json {
            let odds = &plan.reach.odds;
            println!("odds of hands {:.2}, terms {:.2?}", odds.none, odds.worth);
        }
    }
    let people = measure_people(&*network, &*closer, &plan)?;
    if args.people {
        if args.json {
            let odds = args.fit_hands.then_some(plan.reach.odds);
            let fitted = odds.map(|o| json!({ "none": o.none, "worth": o.worth }));
            println!("{}", json!({ "people": people, "hand_odds": fitted }));
        } else {
            people_table(&people);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (shop, cameras) = FLOOR;
    let doubtful = PersonConfig {
        head: config.head / 2.0,
        ..config.clone()
    };
    let person = PersonNetwork::new(network, doubtful);
    let floor = FLOOR_PX
        .into_iter()
        .map(|size| {
            let when = (args.seed, args.instants);
            measure_floor(&person, shop, &cameras, config.head, size, when)
        })
        .collect::<Result<Vec<FloorMarks>, _>>()?;
    let item = ItemNetwork::new(load("item.onnx")?);
    let mut calibration = Calibration::default();
    let photos = match &args.grocery {
        Some(folder) => Some(photo_marks(
            &item,
            folder,
            args.fit.as_deref(),
            &mut calibration,
        )?),
        None => None,
    };
    let [shown, asked] = see_drawn(&item, args.seed, DRAWN, ENROLLED as u64)?;
    let drawn = measure_items(&shown, &asked, calibration);
    if args.json {
        println!(
            "{}",
            json!({ "people": people, "floor": floor, "video": video, "items": photos, "drawn": drawn })
        );
        return Ok(ExitCode::SUCCESS);
    }
    table(&people, &floor, &video);
    items("drawn packages", &drawn);
    if let Some(photos) = &photos {
        items("photos", photos);
    }
    Ok(ExitCode::SUCCESS)
}

fn both(r: &Rates) -> String {
    format!("{:>7.3}{:>7.3}{:>7}", r.recall, r.precision, r.there)
}

fn people_table(people: &PersonMarks) {
    let ([head, hand], [w, h]) = (people.thresholds, people.size_px);
    println!(
        "rooms drawn with seed {} at {w} x {h}, heads ≥ {head}, hands ≥ {hand}, from closer by ≥ {}",
        people.seed, people.reach_threshold
    );
    println!(
        "{:<9}{:>7}{:>7}{:>21}{:>21}{:>7}{:>7}{:>21}{:>7}{:>7}{:>7}",
        "",
        "frames",
        "input",
        "heads R, P, n",
        "hands R, P, n",
        "cm",
        "owner",
        "closer R, P, n",
        "cm",
        "owner",
        "cuts"
    );
    let hands = |m: &HandMarks| {
        let cm = m.median_cm.map_or("-".into(), |cm| format!("{cm:.1}"));
        format!("{}{cm:>7}{:>7.3}", both(&m.rates), m.owner_right)
    };
    for v in &people.views {
        println!(
            "{:<9}{:>7}{:>7.0}{}{}{}{:>7.2}",
            v.view,
            v.frames,
            v.input_px,
            both(&v.heads),
            hands(&v.hands),
            hands(&v.reached),
            v.cuts
        );
    }
}

fn table(people: &PersonMarks, floors: &[FloorMarks], video: &[VideoMarks]) {
    people_table(people);
    for floor in floors {
        let [w, h] = floor.size_px;
        println!(
            "floor of {} from {}, {w} x {h}: R, P, n{}, median {} cm; of people seen by two cameras {:.3} found",
            floor.shop,
            floor.cameras.join(", "),
            both(&floor.people),
            floor.median_cm.map_or("-".into(), |cm| format!("{cm:.1}")),
            floor.recall_seen_twice
        );
    }
    for v in video {
        println!(
            "{}, {} frames at scale {:.2}: heads R, P, n{}, hands{}; {} floor points, median {} head radii",
            v.clip,
            v.frames,
            v.scale,
            both(&v.heads),
            both(&v.hands),
            v.floor.0,
            v.floor.1.map_or("-".into(), |r| format!("{r:.2}"))
        );
    }
}

fn items(what: &str, m: &ItemMarks) {
    println!(
        "{what}, {} enrolled a class: {} packages {:.3} (n {}), {} classes {:.3} (n {}); packages among 3, 5, 10, 20: {:.3?}; calibration error {:.3}; answers {:.3} of them, {:.3} right",
        m.enrolled,
        m.classes[0],
        m.packages_top1,
        m.asked[0],
        m.classes[1],
        m.all_top1,
        m.asked[1],
        m.packages_among,
        m.calibration_error,
        m.answered[0],
        m.answered[1]
    );
}

fn photo_marks<N: Network>(
    network: &ItemNetwork<N>,
    folder: &Path,
    held_out: Option<&Path>,
    calibration: &mut Calibration,
) -> Result<ItemMarks> {
    let (train, val) = (photos(folder, "train.txt")?, photos(folder, "val.txt")?);
    if let Some(list) = held_out {
        let names = std::fs::read_to_string(list)
            .with_context(|| format!("read {}: the photos left out of training", list.display()))?;
        let names: std::collections::BTreeSet<&str> = names.lines().map(str::trim).collect();
        let (out, rest): (Vec<&Photo>, Vec<&Photo>) =
            train.iter().partition(|p| names.contains(p.name.as_str()));
        ensure!(
            !out.is_empty(),
            "{}: names no photo of {}",
            list.display(),
            folder.display()
        );
        let enrolled = see(network, &spread(&rest, ENROLLED))?;
        let asked = see(network, &out)?;
        *calibration = fit(&enrolled, &asked);
        eprintln!(
            "fitted to {} photos: {calibration:?}; there, {:?}",
            out.len(),
            measure_items(&enrolled, &asked, *calibration)
        );
    }
    let all: Vec<&Photo> = train.iter().collect();
    let enrolled = see(network, &spread(&all, ENROLLED))?;
    let asked = see(network, &val.iter().collect::<Vec<_>>())?;
    Ok(measure_items(&enrolled, &asked, *calibration))
}

/// Marks of the clips whose frames are there.
fn video(network: &dyn Network, config: &PersonConfig, folder: &Path) -> Result<Vec<VideoMarks>> {
    let mut marks = Vec::new();
    for clip in clips() {
        let frames = folder.join(Path::new(&clip.file).with_extension(""));
        if !frames.is_dir() {
            eprintln!(
                "skipped: {}: no folder {}: ffmpeg makes it, see crates/bench/data/README.md",
                clip.file,
                frames.display()
            );
            continue;
        }
        marks.push(measure_video(network.session()?, config, &clip, |n| {
            frame(&frames, n, &clip)
        })?);
    }
    Ok(marks)
}

fn frame(frames: &Path, number: u32, clip: &Clip) -> Result<Vec<u8>> {
    let file = frames.join(format!("{number:06}.jpg"));
    let (size, rgb) = jpeg(&file)?;
    ensure!(
        size == clip.size,
        "{}: {size:?} pixels, and {} has {:?}",
        file.display(),
        clip.file,
        clip.size
    );
    Ok(rgb)
}

fn jpeg(file: &Path) -> Result<([u32; 2], Vec<u8>)> {
    let bytes = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let mut decoder = zune_jpeg::JpegDecoder::new(&bytes);
    let rgb = decoder
        .decode()
        .with_context(|| format!("{}: no JPEG", file.display()))?;
    let (w, h) = decoder
        .dimensions()
        .with_context(|| format!("{}: no size", file.display()))?;
    Ok(([u32::try_from(w)?, u32::try_from(h)?], rgb))
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
        let (size, rgb) = jpeg(&file)?;
        photos.push(Photo {
            name: name.trim().to_owned(),
            size,
            rgb,
            class: class
                .parse()
                .with_context(|| format!("{}: class \"{class}\"", at()))?,
            package: name.contains("/Packages/"),
        });
    }
    Ok(photos)
}
