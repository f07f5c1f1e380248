//! `walkout calibrate lens`.

use super::picture::{self, Rgb};
use super::table::{self, Part};
use super::{BoardSize, overlay, write};
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use walkout_model::files::{load_shop, locate};
use walkout_model::layout::Camera;
use walkout_perception::calibration::{
    BoardView, FoundBoard, LensCalibration, VIEWS_MIN, calibrate_lens,
};

/// Arguments of `walkout calibrate lens`.
#[derive(clap::Args)]
pub struct Args {
    /// Pictures, PNG or JPEG, or folders of such
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    #[command(flatten)]
    board: BoardSize,
    /// The camera's name
    #[arg(long, default_value = "C01", value_name = "C")]
    camera: String,
    /// A shop whose camera it is, for --write
    #[arg(long, value_name = "S")]
    shop: Option<String>,
    /// Put the lens into shop.toml instead of printing it
    #[arg(long, requires = "shop")]
    write: bool,
    /// A folder for PNG files: each picture with its corners as found and as the lens has them
    #[arg(long, value_name = "DIR")]
    overlay: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Residuals are drawn so many times as long.
const DRAWN_LONGER: f64 = 20.0;
/// Pictures of one run, at most.
const PICTURES_MAX: usize = 500;

/// A picture that shows the board.
struct Seen {
    path: PathBuf,
    found: FoundBoard,
}

/// Finds the lens and says it.
pub fn run(args: Args) -> Result<ExitCode> {
    let board = args.board.board()?;
    let files = files(&args.pictures)?;
    let mut seen: Vec<Seen> = Vec::new();
    let mut missed: Vec<String> = Vec::new();
    let mut size: Option<([u32; 2], PathBuf)> = None;
    for path in files {
        let picture = picture::read(&path)?;
        match &size {
            Some((first, _)) if *first == picture.size_px => {}
            Some((first, at)) => bail!(
                "{} is {} x {} pixels, and {} is {} x {}: all pictures must come from one stream",
                path.display(),
                picture.size_px[0],
                picture.size_px[1],
                at.display(),
                first[0],
                first[1]
            ),
            None => size = Some((picture.size_px, path.clone())),
        }
        match board.find(&picture.grey()?) {
            Ok(found) => seen.push(Seen { path, found }),
            Err(why) => missed.push(format!("{}: {why}", path.display())),
        }
    }
    let Some((size_px, _)) = size else {
        bail!("no picture was given");
    };
    if seen.len() < VIEWS_MIN && !missed.is_empty() {
        bail!(
            "the board was found in {} pictures, and {VIEWS_MIN} are needed\n{}",
            seen.len(),
            missed.join("\n")
        );
    }
    let views: Vec<BoardView> = seen
        .iter()
        .map(|s| BoardView {
            points: s
                .found
                .corners
                .iter()
                .map(|c| {
                    (
                        [c.column, c.row].map(|n| n as f64 * board.square_m),
                        c.pixel,
                    )
                })
                .collect(),
        })
        .collect();
    let names: Vec<String> = seen.iter().map(|s| s.path.display().to_string()).collect();
    let fit = calibrate_lens(size_px, &views).with_context(|| match names.as_slice() {
        [] => "no picture shows the board".to_owned(),
        names => format!("{} pictures ({}, …)", names.len(), names[0]),
    })?;
    if let Some(folder) = &args.overlay {
        draw(folder, &seen, &fit)?;
    }
    let camera = camera(&args, size_px, &fit)?;
    if args.json {
        println!("{}", as_json(&camera, &names, &missed, &fit));
    } else {
        print(&names, &missed, &views, &fit);
        if args.write {
            println!("written to shop.toml");
        } else {
            println!("\n{}", table::text(&camera, false));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The camera, in its shop if there is one.
fn camera(args: &Args, size_px: [u32; 2], fit: &LensCalibration) -> Result<Camera> {
    let fresh = fit.lens.camera(&args.camera, size_px);
    let Some(name) = &args.shop else {
        return Ok(fresh);
    };
    let dir = locate(name)?;
    let shop = load_shop(&dir)?;
    let known = shop.layout.cameras.iter().find(|c| c.name == args.camera);
    let placed = match known {
        Some(c) => Camera {
            position: c.position,
            yaw: c.yaw,
            pitch: c.pitch,
            roll: c.roll,
            ..fresh
        },
        None if args.write => bail!(
            "shop {} has no camera \"{}\": add a [[camera]] of that name first",
            shop.name,
            args.camera
        ),
        None => fresh,
    };
    if args.write {
        table::write(&dir, &placed, Part::Lens)?;
    }
    Ok(placed)
}

/// Pictures by name, folders opened.
fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for path in given {
        if !path.is_dir() {
            out.push(path.clone());
            continue;
        }
        let listed = std::fs::read_dir(path).with_context(|| format!("list {}", path.display()))?;
        let mut inside = Vec::new();
        for entry in listed {
            let file = entry
                .with_context(|| format!("list {}", path.display()))?
                .path();
            let kind = file
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or_default();
            if ["png", "jpg", "jpeg"].contains(&kind.to_ascii_lowercase().as_str()) {
                inside.push(file);
            }
        }
        ensure!(
            !inside.is_empty(),
            "{}: no PNG or JPEG file in it",
            path.display()
        );
        inside.sort();
        out.extend(inside);
    }
    ensure!(
        out.len() <= PICTURES_MAX,
        "more than {PICTURES_MAX} pictures"
    );
    Ok(out)
}

fn draw(folder: &Path, seen: &[Seen], fit: &LensCalibration) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("make the folder {}", folder.display()))?;
    for (n, (s, view)) in seen.iter().zip(&fit.views).enumerate() {
        let mut picture: Rgb = picture::read(&s.path)?;
        for (i, (corner, expected)) in s.found.corners.iter().zip(&view.projected).enumerate() {
            let wrong = view.outliers.contains(&i);
            overlay::residual(&mut picture, corner.pixel, *expected, wrong, DRAWN_LONGER);
        }
        let stem = s.path.file_stem().unwrap_or_default().to_string_lossy();
        write(&folder.join(format!("{n:02}-{stem}.png")), &picture.png()?)?;
    }
    Ok(())
}

const NAMES: [&str; 9] = ["fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3"];

fn numbers(fit: &LensCalibration) -> [f64; 9] {
    let l = &fit.lens;
    let [k1, k2, p1, p2, k3] = l.distortion;
    let ([a, b], [c, d]) = (l.focal_px, l.principal_px);
    [a, b, c, d, k1, k2, p1, p2, k3]
}

fn as_json(
    camera: &Camera,
    names: &[String],
    missed: &[String],
    fit: &LensCalibration,
) -> serde_json::Value {
    let pictures: Vec<serde_json::Value> = names
        .iter()
        .zip(&fit.views)
        .map(|(name, v)| {
            json!({
                "picture": name,
                "corners": v.projected.len(),
                "left_out": v.outliers.len(),
                "rms_px": v.rms_px,
                "max_px": v.max_px,
            })
        })
        .collect();
    json!({
        "camera": camera.name,
        "size_px": [camera.width_px, camera.height_px],
        "lens": fit.lens,
        "sd": NAMES.iter().zip(fit.sd).map(|(n, s)| ((*n).to_owned(), s)).collect::<std::collections::BTreeMap<_, _>>(),
        "rms_px": fit.rms_px,
        "reach": fit.reach,
        "held": fit.held,
        "pictures": pictures,
        "without_board": missed,
    })
}

fn print(names: &[String], missed: &[String], views: &[BoardView], fit: &LensCalibration) {
    println!(
        "{:<40} {:>7} {:>8} {:>8}",
        "picture", "corners", "rms px", "max px"
    );
    for ((name, view), v) in names.iter().zip(views).zip(&fit.views) {
        let left_out = match v.outliers.len() {
            0 => String::new(),
            n => format!("  {n} left out"),
        };
        println!(
            "{name:<40} {:>7} {:>8.3} {:>8.3}{left_out}",
            view.points.len(),
            v.rms_px,
            v.max_px
        );
    }
    for m in missed {
        println!("{m}");
    }
    println!("rms of all {:.3} px\n", fit.rms_px);
    println!("{:<4} {:>12} {:>12}", "", "value", "sd");
    for ((name, value), sd) in NAMES.iter().zip(numbers(fit)).zip(fit.sd) {
        let said = if sd > 0.0 {
            format!("{sd:.5}")
        } else {
            "held".to_owned()
        };
        println!("{name:<4} {value:>12.5} {said:>12}");
    }
    for h in &fit.held {
        println!("held: {h}");
    }
    if fit.reach < 0.75 {
        println!(
            "corners reach {:.0} % of the way to the picture's corners; beyond, the distortion is a guess: take pictures with the board there",
            100.0 * fit.reach
        );
    }
}
