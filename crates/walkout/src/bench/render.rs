//! `walkout bench render`.

use anyhow::Result;
use std::process::ExitCode;
use walkout_bench::render::{Options, measure};

/// Arguments of `walkout bench render`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/
    #[arg(default_value = "flash")]
    shop: String,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Frames to time of each kind
    #[arg(long, default_value_t = 400, value_name = "N")]
    frames: u32,
    /// Width and height of the pictures
    #[arg(long, default_value = "320x240", value_name = "WxH", value_parser = crate::render::size)]
    size: [u32; 2],
    /// Seed of shoppers, materials and light
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
}

/// Runs the command.
pub fn run(args: Args) -> Result<ExitCode> {
    anyhow::ensure!(
        (8..=100_000).contains(&args.frames),
        "--frames must be 8 to 100000"
    );
    let speed = measure(&Options {
        shop: args.shop,
        seed: args.seed,
        size_px: args.size,
        frames: args.frames,
        warm_up_s: 90.0,
    })?;
    if args.json {
        println!("{}", serde_json::to_string(&speed)?);
        return Ok(ExitCode::SUCCESS);
    }
    let [w, h] = speed.size_px;
    println!(
        "{} at {w} × {h}: {} units on the shelves, {:.1} people, {:.1} of them in the picture; one core:",
        speed.shop, speed.goods, speed.people, speed.people_seen
    );
    println!(
        "  {:.0} frames a second, labels included",
        speed.frames_per_s
    );
    println!(
        "  {:.0} with every shelf drawn anew in each frame",
        speed.frames_per_s_uncached
    );
    println!(
        "  {:.0} of rooms drawn at random",
        speed.studio_frames_per_s
    );
    Ok(ExitCode::SUCCESS)
}
