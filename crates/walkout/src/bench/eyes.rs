//! `walkout bench eyes`.

use crate::networks::{Finders, RuntimeArgs, SizeArgs};
use anyhow::{Result, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use walkout_bench::eyes::{Options, draw, measure};
use walkout_model::files::{load_shop, locate};
use walkout_perception::eyes::Finder;

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
    #[arg(long, default_value_t = 6, value_name = "N")]
    instants: u32,
    /// Width of the pictures that come from the cameras
    #[arg(long, default_value_t = 640, value_name = "PX")]
    width: u32,
    /// Seed
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// The folder with person.onnx and reach.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// See with your own networks instead (docs/reference/networks.md)
    #[arg(long, value_name = "FILE.toml")]
    networks: Option<PathBuf>,
    /// Leave out reach.onnx: hands are those of person.onnx
    #[arg(long, conflicts_with = "networks")]
    no_reach: bool,
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    size: SizeArgs,
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
    let runtime = args.runtime.open()?;
    let share = Finders::load(&runtime, &args.models, args.networks.as_deref())?.share()?;
    let options = Options {
        cameras: args.cameras,
        people: args.people.clamp(1, 500),
        instants: args.instants,
        seed: args.seed,
        width_px: args.width,
        eye: args.size.settings()?,
    };
    let shots = draw(&shop, &options)?;
    let decode_s = decode::seconds_a_picture(&shots)?;
    if !args.json {
        println!(
            "{:>8}{:>8}{:>10}{:>11}{:>8}{:>8}{:>12}{:>16}{:>8}",
            "cameras",
            "people",
            "pictures",
            "decode ms",
            "see ms",
            "idle ms",
            "tracker ms",
            "cores a camera",
            "cores"
        );
    }
    for &n in &options.cameras {
        let cameras = 0..n.min(shop.layout.cameras.len());
        let mut finders = cameras
            .map(|_| share.finder())
            .collect::<Result<Vec<_>>>()?;
        for finder in &mut finders {
            if let Finder::Maps(networks) = finder
                && args.no_reach
            {
                networks.reach = None;
            }
        }
        let r = measure(&shop, &shots, n, decode_s, &options.eye, &mut finders)?;
        if args.json {
            println!("{}", serde_json::to_string(&r)?);
            continue;
        }
        println!(
            "{:>8}{:>8}{:>10}{:>11.2}{:>8.1}{:>8.2}{:>12.2}{:>16.3}{:>8.2}",
            r.cameras,
            r.people,
            r.pictures,
            r.decode_ms,
            r.picture_ms,
            r.still_ms,
            r.watch_ms,
            r.cores_per_camera,
            r.cores
        );
    }
    if !args.json {
        println!(
            "milliseconds of one core, a picture (tracker: an instant of all cameras); cores at 10 pictures a second of each camera, \
             somebody in every picture; drawing the pictures is not counted"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What decoding costs, with the decoder that cameras are decoded by.
#[cfg(feature = "h264")]
mod decode {
    use anyhow::{Context, Result};
    use openh264::OpenH264API;
    use openh264::encoder::{Encoder, EncoderConfig, FrameRate, IntraFramePeriod};
    use openh264::formats::{RgbSliceU8, YUVBuffer};
    use walkout_bench::eyes::{Shots, cpu_s};
    use walkout_sensors::camera::{AccessUnit, H264Decoder};

    /// The pictures are decoded so often: a key frame at the beginning of each time.
    const ROUNDS: i64 = 8;

    /// Seconds of one core a picture, to red, green and blue.
    pub fn seconds_a_picture(shots: &Shots) -> Result<f64> {
        let config = EncoderConfig::new()
            .max_frame_rate(FrameRate::from_hz(10.0))
            .skip_frames(false)
            .intra_frame_period(IntraFramePeriod::from_num_frames(0));
        let api = OpenH264API::from_source();
        let mut encoder = Encoder::with_api_config(api, config).context("start the encoder")?;
        let mut units = Vec::new();
        for picture in shots.of_camera(0) {
            let size = (picture.width as usize, picture.height as usize);
            let yuv = YUVBuffer::from_rgb8_source(RgbSliceU8::new(&picture.rgb, size));
            units.push(encoder.encode(&yuv).context("encode a picture")?.to_vec());
        }
        let mut decoder = H264Decoder::default();
        let (mut out, mut pictures) = (Vec::new(), 0_usize);
        let begin = cpu_s();
        for pts in 0..ROUNDS * units.len() as i64 {
            let annex_b = units[pts as usize % units.len()].clone();
            decoder.push(&AccessUnit { annex_b, pts }, &mut out)?;
            pictures += out.drain(..).count();
        }
        Ok((cpu_s() - begin) / pictures.max(1) as f64)
    }
}

#[cfg(not(feature = "h264"))]
mod decode {
    /// Not measured: there is no encoder to make pictures with.
    pub fn seconds_a_picture(_: &walkout_bench::eyes::Shots) -> anyhow::Result<f64> {
        Ok(0.0)
    }
}
