//! `walkout simulate --from-pixels`: the same shoppers, seen by sensors as they are simulated, by rendered cameras with
//! plates, and by rendered cameras alone.

use super::day::{Open, name};
use super::report::accuracy;
use crate::items::Items;
use crate::networks::{Runtime, shipped};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use walkout_bench::floor::selection::choose;
use walkout_bench::pixels::{Networks, PixelOptions, Pixels, ShelfOptions};
use walkout_bench::score::Run;
use walkout_bench::table::{Row, table};
use walkout_bench::truth::Truth;
use walkout_fusion::{FusionConfig, LookSight};
use walkout_model::Shop;
use walkout_perception::eyes::{PeopleNetworks, Watched};
use walkout_simulator::{Plan, Simulation, Tick};

/// How the shop is seen.
#[derive(clap::Args)]
#[group(id = "pixels")]
#[command(next_help_heading = "Seeing the shop through rendered cameras")]
pub struct Args {
    /// See people and goods in rendered pictures, with no simulated track or look, and print the accuracy beside
    /// that of simulated sensors
    #[arg(long)]
    pub from_pixels: bool,
    /// How many of the shop's cameras, chosen to see every place thrice
    #[arg(long, default_value_t = 4, value_name = "N", requires = "from_pixels")]
    cameras: usize,
    /// How many shelf cameras beside them, hung before the fixtures: they see what moves where there are no plates
    #[arg(long, default_value_t = 0, value_name = "N", requires = "from_pixels")]
    shelf_cameras: usize,
    /// Pictures a second of each camera
    #[arg(long, default_value_t = 5, value_name = "N", requires = "from_pixels")]
    fps: u32,
    /// Width of their pictures, pixels
    #[arg(
        long,
        default_value_t = 320,
        value_parser = clap::value_parser!(u32).range(160..=1920),
        value_name = "PX",
        requires = "from_pixels"
    )]
    width: u32,
    /// Leave out the run with plates: cameras alone
    #[arg(long, requires = "from_pixels")]
    no_plates: bool,
    /// Do not look at what hands hold
    #[arg(long, requires = "from_pixels")]
    no_items: bool,
    /// The folder with person.onnx, reach.onnx and item.onnx
    #[arg(
        long,
        default_value = "models",
        value_name = "FOLDER",
        requires = "from_pixels"
    )]
    models: PathBuf,
}

/// What a run gave.
#[derive(Serialize)]
pub struct Seen {
    /// One row a way of sensing; `engine` names it.
    pub rows: Vec<Row>,
    /// The cameras used.
    pub cameras: Vec<String>,
    /// Pictures a second of each.
    pub fps: u32,
    /// Lanes whose fronts the cameras see well enough to watch, of how many.
    pub lanes: [usize; 2],
    /// Store time, seconds.
    pub store_s: f64,
    /// Wall time, seconds.
    pub run_s: f64,
    /// Pictures drawn, looked at by the person network, and hands looked at by the item network.
    pub pictures: [u64; 3],
    /// Wall time of drawing and of seeing, seconds.
    pub drawing_s: f64,
    /// See `drawing_s`.
    pub seeing_s: f64,
}

/// A way of sensing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Senses {
    /// Simulated tracks, looks and plates.
    Sensors,
    /// Rendered cameras and simulated plates.
    CamerasAndPlates,
    /// Rendered cameras.
    CamerasAlone,
}

impl Senses {
    fn name(self) -> &'static str {
        match self {
            Self::Sensors => "sensors",
            Self::CamerasAndPlates => "cameras+plates",
            Self::CamerasAlone => "cameras alone",
        }
    }
}

/// Runs a plan once and concludes from it in every way.
pub async fn run(
    shop: &Arc<Shop>,
    plan: Plan,
    args: &Args,
    gallery: &Path,
    ledger: impl Fn(&str) -> String,
) -> Result<Seen> {
    ensure!(
        (1..=60).contains(&args.fps) && 60 % args.fps == 0,
        "--fps must divide 60: the simulator ticks 60 times a second"
    );
    let begin = Instant::now();
    let (seed, start, label) = (plan.seed, plan.start, name(&plan.program));
    let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
    let chosen = choose(&shop.layout, args.cameras.max(1));
    let [person, reach] = shipped(&Runtime::Rten, &args.models)?;
    let networks = Networks {
        people: PeopleNetworks {
            person: Arc::from(person),
            reach: Some(Arc::from(reach)),
        },
        item: match args.no_items {
            true => None,
            false => Some(Arc::from(
                Runtime::Rten.load(&args.models.join("item.onnx"), 1)?,
            )),
        },
        gallery: match args.no_items {
            true => None,
            false => Items::read(shop, gallery, &args.models)?.map(|items| items.gallery),
        },
    };
    let options = PixelOptions {
        width_px: args.width,
        shelves: Some(ShelfOptions {
            cameras: args.shelf_cameras,
            ..ShelfOptions::default()
        }),
        ..PixelOptions::new(chosen.clone(), seed)
    };
    let mut pixels = Pixels::new(shop, &simulation, networks, &options)?;
    let mut ways = vec![Senses::Sensors];
    if !args.no_plates {
        ways.push(Senses::CamerasAndPlates);
    }
    ways.push(Senses::CamerasAlone);
    let mut floors = Vec::new();
    for way in ways {
        let mut fusion = FusionConfig::default();
        if way != Senses::Sensors {
            // The item network has a name for every hand, empty or not.
            fusion.looks = LookSight::BLIND_TO_EMPTY;
        }
        let url = ledger(way.name());
        let open = Open::at(shop, &url, &simulation, seed, start, fusion).await?;
        floors.push((way, open));
    }
    let mut truth = String::new();
    let mut tick = Tick::default();
    let every = 60 / args.fps;
    let mut n = 0_u32;
    while !simulation.is_over() {
        simulation.step(&mut tick);
        n = n.wrapping_add(1);
        let (mut watched, mut moved) = (Watched::default(), Vec::new());
        if n % every == every - every.min(4).min(every - 1) {
            pixels.prepare(&simulation);
        }
        if n.is_multiple_of(every) {
            watched = tokio::task::block_in_place(|| pixels.look(&simulation))?;
            moved = pixels.moved();
        }
        for (way, open) in &mut floors {
            let mut own = tick.clone();
            if *way != Senses::Sensors {
                own.tracks.clone_from(&watched.points);
                own.looks.clone_from(&watched.looks);
            }
            if *way == Senses::CamerasAlone {
                own.loads.clear();
                open.floor.moved(&moved);
            }
            open.floor.take(&mut own).await?;
        }
        truth += &simulation.drain_truth();
    }
    truth += &simulation.drain_truth();
    let mut rows = Vec::new();
    for (way, mut open) in floors {
        open.floor.close(tick.now).await?;
        let run = Run {
            truth: Truth::parse(&truth)?,
            outcome: open.floor.outcome(shop),
        };
        let mut row = accuracy(shop, &run, &label, seed);
        row.engine = way.name().to_owned();
        rows.push(row);
        open.ledger.close().await;
    }
    let cost = pixels.cost();
    Ok(Seen {
        rows,
        cameras: chosen
            .iter()
            .filter_map(|&i| Some(shop.layout.cameras.get(i)?.name.clone()))
            .collect(),
        fps: args.fps,
        lanes: pixels.watched_lanes(),
        store_s: tick.now.since(start).as_secs_f64(),
        run_s: begin.elapsed().as_secs_f64(),
        pictures: [cost.drawn, cost.looked, cost.held],
        drawing_s: cost.drawing.as_secs_f64(),
        seeing_s: cost.seeing.as_secs_f64(),
    })
}

/// Prints the table, and what it cost.
pub fn print(seen: &Seen) {
    print!("{}", table(&seen.rows));
    let [drawn, looked, held] = seen.pictures;
    println!(
        "cameras {} at {} pictures a second, {} of {} lanes watched; {:.1} min of store time in {:.0} s, of which {:.0} s drawing {drawn} pictures and \
         {:.0} s seeing ({looked} pictures, {held} hands)",
        seen.cameras.join(", "),
        seen.fps,
        seen.lanes[0],
        seen.lanes[1],
        seen.store_s / 60.0,
        seen.run_s,
        seen.drawing_s,
        seen.seeing_s
    );
}

/// A ledger of its own for each way of sensing, in a folder.
pub fn ledger_in(folder: &std::path::Path, way: &str) -> String {
    format!("sqlite:{}", folder.join(format!("{way}.db")).display())
}

/// Writes the figures as JSON.
pub fn write(seen: &Seen, path: &std::path::Path) -> Result<()> {
    let text = serde_json::to_string_pretty(seen)?;
    std::fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))
}
