//! `walkout bench`.

use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

mod accuracy;
mod aim3s;
mod calibrate;
mod eyes;
mod floor;
mod handovers;
mod hands;
mod identities;
mod makers;
mod marks;
mod mot;
mod moves;
mod played;
mod render;
mod scenarios;
mod shelves;
mod speed;
mod steps;
mod vision;

/// Arguments of `walkout bench`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Receipts, carts and stock against the truth of simulated shops
    Accuracy(accuracy::Args),
    /// The published ablation of AIM3S, on the same rack in the simulator
    Aim3s(aim3s::Args),
    /// What the inference costs, how long carts wait, and how both grow with the shop
    Speed(speed::Args),
    /// Weight steps against what hands did at the shelves of simulated shops
    Steps(steps::Args),
    /// Scripted scenarios: whether each movement is right or in a review that offers the right answer
    Scenarios(scenarios::Args),
    /// Tracking in one camera's picture: MOTChallenge sequences, scored, beside other trackers
    Mot(mot::Args),
    /// People on the floor over many cameras: WILDTRACK's layout, or a simulated shop
    Floor(floor::Args),
    /// Whose hand it was: how surely the maker of each step is told; and the lessons that the network of hands learns
    Makers(played::Args),
    /// Hand-overs: how many are seen, and how surely it is told what passed; and the lessons that their network learns
    Handovers(played::Args),
    /// Who is who: how often a track is taken for another party's, and which and when
    Identities(identities::Args),
    /// Lenses, tags and poses from made pictures, beside OpenCV; and whether a turned camera is noticed
    Calibrate(calibrate::Args),
    /// Acknowledged ledger entries a second, beside plain SQLite commits
    Ledger(LedgerArgs),
    /// Frames a second that one core draws of a full shop
    Render(render::Args),
    /// What seeing costs: cores a camera, from one camera to sixty
    Eyes(eyes::Args),
    /// What the networks in models/ get right, on frames that training never saw
    Marks(marks::Args),
    /// Gaps and wrong items on rendered shelves, seen by shelf cameras
    Shelves(shelves::Args),
    /// What cameras see move on rendered shelves while people shop, without load cells
    Moves(moves::Args),
    /// What hands hold, in rendered pictures of ceiling cameras
    Hands(hands::Args),
    /// What networks cost in each runtime on one core, beside Python's onnxruntime
    Vision(vision::Args),
}

#[derive(clap::Args)]
struct LedgerArgs {
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// How long to measure
    #[arg(long, default_value_t = 14.0, value_name = "N")]
    seconds: f64,
    /// A folder on the disk to measure; the system's temporary one by default
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Measure a scratch PostgreSQL database too; ledger tables are left in it
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// Runs the command.
pub fn run(args: Args) -> Result<ExitCode> {
    match args.what {
        What::Accuracy(args) => accuracy::run(args),
        What::Aim3s(args) => aim3s::run(args),
        What::Speed(args) => speed::run(args),
        What::Steps(args) => steps::run(args),
        What::Scenarios(args) => scenarios::run(args),
        What::Mot(args) => mot::run(args),
        What::Floor(args) => floor::run(args),
        What::Makers(args) => makers::run(&args),
        What::Handovers(args) => handovers::run(&args),
        What::Identities(args) => identities::run(&args),
        What::Calibrate(args) => calibrate::run(args),
        What::Ledger(args) => ledger(args),
        What::Render(args) => render::run(args),
        What::Eyes(args) => eyes::run(args),
        What::Marks(args) => marks::run(args),
        What::Hands(args) => hands::run(args),
        What::Moves(args) => moves::run(&args),
        What::Shelves(args) => shelves::run(args),
        What::Vision(args) => vision::run(args),
    }
}

fn ledger(args: LedgerArgs) -> Result<ExitCode> {
    anyhow::ensure!(
        (0.5..=3600.0).contains(&args.seconds),
        "--seconds must be 0.5 to 3600"
    );
    let figures = walkout_bench::ledger::run(&walkout_bench::ledger::Plan {
        duration: Duration::from_secs_f64(args.seconds),
        folder: args.folder.unwrap_or_else(std::env::temp_dir),
        fill: walkout_bench::ledger::FILL,
        postgres: args.postgres,
    })?;
    if args.json {
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "acknowledged entries of one movement, median of {} rounds",
        figures.rounds
    );
    println!("{:<44}{:>10}{:>9}", "", "per second", "ratio");
    let row = |name: &str, rate: f64, ratio: Option<f64>| {
        let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        println!("{name:<44}{rate:>10.0}{ratio:>9}");
    };
    let plain = format!("plain SQLite {} rows, one commit each", figures.sqlite);
    row(&plain, figures.plain_per_s, Some(1.0));
    row(
        "ledger, 1 writer",
        figures.entries_per_s,
        Some(figures.ratio_single),
    );
    row(
        "ledger, 64 writers",
        figures.entries_per_s_64,
        Some(figures.ratio_64),
    );
    if let Some((alone, many)) = figures.postgres {
        row("ledger on PostgreSQL, 1 writer", alone, None);
        row("ledger on PostgreSQL, 64 writers", many, None);
    }
    Ok(ExitCode::SUCCESS)
}
