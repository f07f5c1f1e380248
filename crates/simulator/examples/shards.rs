//! Writes training data without building the rest of the shop:
//! `cargo run --release -p walkout-simulator --example shards -- people OUT SEED COUNT`, or
//! `items OUT SEED CLASSES SHOTS`. The layout is described in `walkout_simulator::render::shards`.
#![allow(clippy::print_stderr, reason = "a command line talks to its terminal")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use walkout_simulator::render::{
    Domain, Frame, PackageShot, Packages, Photo, Picture, Studio, Viewpoint, shards,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["people", out, seed, count, rest @ ..] => people(Path::new(out), seed, count, rest),
        ["items", out, seed, classes, shots] => items(Path::new(out), seed, classes, shots),
        _ => Err("usage: shards people OUT SEED COUNT [oblique|down|shelf] [photos=FILE] [size=320x240] | shards items OUT SEED CLASSES SHOTS".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn create(folder: &Path, name: &str) -> Result<BufWriter<File>, Failure> {
    let path = folder.join(name);
    let file = File::create(&path).map_err(|e| format!("write {}: {e}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn people(out: &Path, seed: &str, count: &str, rest: &[&str]) -> Result<(), Failure> {
    let (seed, count): (u64, u64) = (seed.parse()?, count.parse()?);
    let mut domain = Domain::default();
    let mut photos = Vec::new();
    let mut size_px = domain.size_px;
    for word in rest {
        match *word {
            "oblique" => domain = Domain::only(Viewpoint::Oblique),
            "down" => domain = Domain::only(Viewpoint::Down),
            "shelf" => domain = Domain::only(Viewpoint::Shelf),
            other => match other.split_once('=') {
                // Squares of 64 × 64 pixels, one after another.
                Some(("photos", file)) => {
                    photos = std::fs::read(file)?
                        .chunks_exact(64 * 64 * 3)
                        .map(|c| Photo {
                            side: 64,
                            rgb: c.to_vec(),
                        })
                        .collect()
                }
                Some(("size", sides)) => {
                    let (width, height) = sides
                        .split_once('x')
                        .ok_or_else(|| format!("size={sides}: write size=640x480"))?;
                    size_px = [width.parse()?, height.parse()?];
                }
                _ => return Err(format!("unknown word \"{other}\"").into()),
            },
        }
    }
    let domain = Domain { size_px, ..domain };
    let mut studio = Studio::new(domain, seed, photos);
    std::fs::create_dir_all(out)?;
    let (mut pictures, mut labels) = (create(out, "images.u8")?, create(out, "labels.f32")?);
    let (mut frame, mut record) = (Frame::default(), Vec::new());
    for n in 0..count {
        let camera = studio.frame(n, &mut frame);
        pictures.write_all(&frame.picture.rgb)?;
        record.clear();
        shards::label_bytes(&frame, &camera, &mut record);
        labels.write_all(&record)?;
    }
    pictures.flush()?;
    labels.flush()?;
    Ok(())
}

/// Pictures of 96 × 96 pixels, package by package; each package's first quarter are studio shots.
fn items(out: &Path, seed: &str, classes: &str, shots: &str) -> Result<(), Failure> {
    let (seed, classes, shots): (u64, usize, u64) =
        (seed.parse()?, classes.parse()?, shots.parse()?);
    std::fs::create_dir_all(out)?;
    let mut pictures = create(out, "images.u8")?;
    let mut packages = Packages::invented(seed, classes, (classes / 12).max(2), 96);
    let mut picture = Picture::default();
    for package in 0..packages.len() {
        for n in 0..shots {
            let shot = if n * 4 < shots {
                PackageShot::Studio
            } else {
                PackageShot::Shop
            };
            packages.shoot(package, shot, n, &mut picture);
            pictures.write_all(&picture.rgb)?;
        }
    }
    pictures.flush()?;
    Ok(())
}
