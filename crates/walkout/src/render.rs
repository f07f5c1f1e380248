//! `walkout render`.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use walkout_model::files::{load_shop, locate};
use walkout_model::{CameraIx, Shop};
use walkout_simulator::render::{
    Coco, Frame, PackageShot, Packages, Picture, RenderConfig, Renderer, Snapshot,
};
use walkout_simulator::{Plan, Preset, Simulation, Tick};

pub mod film;
pub mod live;
mod studio;

/// Arguments of `walkout render`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/; the preset's own by default
    shop: Option<String>,
    /// quiet, busy, adversarial, cps2020 or aim3s
    #[arg(long, default_value = "busy", value_name = "P")]
    preset: Preset,
    /// Seed of shoppers, materials, light and noise
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// A camera's name, or "all"
    #[arg(long, default_value = "all", value_name = "C")]
    camera: String,
    /// The folder that the frames go to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Frames a second
    #[arg(long, default_value_t = 10.0, value_name = "N")]
    fps: f64,
    /// How long
    #[arg(long, default_value_t = 5.0, value_name = "T")]
    seconds: f64,
    /// Store time before the first frame, while the shop fills
    #[arg(long, default_value_t = 60.0, value_name = "T")]
    skip: f64,
    /// Width and height; the whole camera picture is scaled to it
    #[arg(long, default_value = "640x360", value_name = "WxH", value_parser = size)]
    size: [u32; 2],
    /// What is written. `training`: rooms drawn at random instead of the shop
    #[arg(long, value_enum, default_value = "png", value_name = "F")]
    format: Format,
    /// How many frames of `training`
    #[arg(long, default_value_t = 1000, value_name = "N")]
    frames: u64,
    /// Straight rows and no noise, blur or compression
    #[arg(long)]
    clean: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One PNG a frame, and labels.json
    Png,
    /// One JPEG a frame, and labels.json
    Jpeg,
    /// One H.264 video a camera in an MP4 file, and labels.json
    Mp4,
    /// images.u8 and labels.f32, records of one size
    Training,
    /// Four pictures of each of the shop's products alone, GTIN-1.png to GTIN-4.png, as a catalogue has them
    Catalogue,
}

/// Parses `320x240`.
pub fn size(text: &str) -> Result<[u32; 2], String> {
    let parsed = text
        .split_once('x')
        .and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
    match parsed {
        Some(size) if size.iter().all(|s: &u32| (32..=4096).contains(s)) => Ok(size),
        _ => Err(format!(
            "\"{text}\" is no size: write width x height, 32 to 4096 each, as 320x240"
        )),
    }
}

/// Draws the frames.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!((0.1..=60.0).contains(&args.fps), "--fps must be 0.1 to 60");
    ensure!(
        (0.0..=86_400.0).contains(&args.seconds),
        "--seconds must be 0 to 86400"
    );
    ensure!(
        (0.0..=86_400.0).contains(&args.skip),
        "--skip must be 0 to 86400"
    );
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("make the folder {}", args.out.display()))?;
    if args.format == Format::Training {
        return studio::run(&args.out, args.seed, args.frames, args.size);
    }
    let name = args.shop.as_deref().unwrap_or(args.preset.default_shop());
    let shop = Arc::new(load_shop(&locate(name)?)?);
    if args.format == Format::Catalogue {
        return catalogue(&shop, &args.out, args.seed);
    }
    let cameras = chosen(&shop, &args.camera)?;
    let count = (args.seconds * args.fps).round() as u64;
    let mut films = cameras
        .iter()
        .map(|&c| Film::new(&args, &shop, c))
        .collect::<Result<Vec<Film>>>()?;
    let mut config = RenderConfig {
        size_px: args.size,
        seed: args.seed,
        ..RenderConfig::default()
    };
    if args.clean {
        let sensor = &mut config.sensor;
        (sensor.noise, sensor.blur_px, sensor.quality) = (0.0, 0.0, 100);
        config.shutter_s = 0.0;
    }
    let mut renderer = Renderer::new(shop.clone(), config);
    let mut simulation = Simulation::new(shop.clone(), Plan::preset(args.preset, args.seed))?;
    let (mut tick, mut snapshot, mut frame) =
        (Tick::default(), Snapshot::default(), Frame::default());
    let mut coco = Coco::default();
    let mut ticks = 0_u64;
    for n in 0..count.max(1) {
        let t_s = n as f64 / args.fps;
        let until = ((args.skip + t_s) * 60.0).round() as u64;
        while ticks < until {
            simulation.step(&mut tick);
            ticks += 1;
            // Hands have a speed only between two looks of the same second.
            if until - ticks == 3 {
                simulation.snapshot(&mut snapshot);
            }
        }
        simulation.snapshot(&mut snapshot);
        for film in &mut films {
            renderer.render(film.camera, &snapshot, &mut frame);
            let file = film.add(n, &frame)?;
            let camera = &shop.layout.cameras[film.camera.usize()];
            coco.add(&file, camera, t_s, &frame, &shop.catalogue);
        }
    }
    for film in films {
        film.close()?;
    }
    let labels = args.out.join("labels.json");
    let text = serde_json::to_string(&coco.document())?;
    std::fs::write(&labels, text).with_context(|| format!("write {}", labels.display()))?;
    println!(
        "{} frames of {} cameras in {}",
        count.max(1),
        cameras.len(),
        args.out.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Pictures of each product alone.
fn catalogue(shop: &Shop, out: &Path, seed: u64) -> Result<ExitCode> {
    const SIDE: u32 = 160;
    const SHOTS: u64 = 4;
    let products = shop.catalogue.products();
    let mut packages = Packages::of(products, seed, SIDE);
    let mut picture = Picture::default();
    for (i, product) in products.iter().enumerate() {
        for n in 0..SHOTS {
            packages.shoot(i, PackageShot::Studio, n, &mut picture);
            let file = out.join(format!("{}-{}.png", product.gtin, n + 1));
            write(&file, &film::png(&picture)?)?;
        }
    }
    println!(
        "{SHOTS} pictures of each of {} products in {}",
        products.len(),
        out.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn chosen(shop: &Shop, name: &str) -> Result<Vec<CameraIx>> {
    let cameras = &shop.layout.cameras;
    if name == "all" {
        ensure!(
            !cameras.is_empty(),
            "shop {} has no camera: add a [[camera]] to its shop.toml",
            shop.name
        );
        return Ok((0..cameras.len()).map(CameraIx::from).collect());
    }
    Ok(vec![crate::serve::find_camera(shop, name)?])
}

/// One camera's output.
struct Film {
    camera: CameraIx,
    name: String,
    out: PathBuf,
    kind: Kind,
}

enum Kind {
    Png,
    Jpeg,
    Video(film::Video),
}

impl Film {
    fn new(args: &Args, shop: &Shop, camera: CameraIx) -> Result<Self> {
        let name = shop.layout.cameras[camera.usize()].name.clone();
        let kind = match args.format {
            Format::Png => Kind::Png,
            Format::Jpeg => Kind::Jpeg,
            Format::Mp4 => Kind::Video(film::Video::create(
                &args.out.join(format!("{name}.mp4")),
                args.size,
                args.fps,
            )?),
            Format::Training | Format::Catalogue => bail!("these pictures have no camera"),
        };
        Ok(Self {
            camera,
            name,
            out: args.out.clone(),
            kind,
        })
    }

    /// Writes a frame and gives its file's name.
    fn add(&mut self, n: u64, frame: &Frame) -> Result<String> {
        let picture = &frame.picture;
        let (file, bytes) = match &mut self.kind {
            Kind::Png => (format!("{}-{n:05}.png", self.name), film::png(picture)?),
            Kind::Jpeg => (format!("{}-{n:05}.jpg", self.name), film::jpeg(picture)?),
            Kind::Video(video) => {
                video.add(n, picture)?;
                return Ok(format!("{}.mp4#{n}", self.name));
            }
        };
        write(&self.out.join(&file), &bytes)?;
        Ok(file)
    }

    fn close(self) -> Result<()> {
        match self.kind {
            Kind::Video(video) => video.close(),
            Kind::Png | Kind::Jpeg => Ok(()),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed_or_refused_with_a_reason() {
        assert_eq!(size("320x240"), Ok([320, 240]));
        for wrong in ["320", "0x0", "x", "320x99999", "-3x4"] {
            let error = size(wrong).unwrap_err();
            assert!(
                error.contains(wrong) && error.contains("320x240"),
                "{error}"
            );
        }
    }

    #[test]
    fn pictures_come_back_from_their_files() {
        let picture = walkout_simulator::render::Picture {
            width: 40,
            height: 32,
            rgb: (0..40 * 32 * 3).map(|i| (i / 31) as u8).collect(),
        };
        let bytes = film::png(&picture).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut rgb).unwrap();
        assert_eq!(rgb, picture.rgb);
        let bytes = film::jpeg(&picture).unwrap();
        assert_eq!(bytes[..3], [0xff, 0xd8, 0xff]);
    }
}
