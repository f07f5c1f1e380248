//! `walkout shelves`: gaps and wrong items in pictures of shelf cameras.

use crate::items::{FILE, Items, named};
use crate::networks::{Picture, RuntimeArgs, read_picture};
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use walkout_model::files::locate;
use walkout_model::{CameraIx, Shop};
use walkout_perception::eyes::{FacingState, ScanNetworks, ScanSettings, ShelfScan, Verdict};
use walkout_perception::nets::RgbPicture;

/// Arguments of `walkout shelves`.
#[derive(clap::Args)]
pub struct Args {
    /// The shop's folder, or the name of one under shops/
    shop: String,
    /// Pictures of one moment: a camera of the shop's shop.toml, and a PNG or JPEG that it took while nobody stood before it
    #[arg(required = true, value_name = "CAMERA=PICTURE")]
    pictures: Vec<String>,
    /// Where each camera's shelves are shown bare and stocked: CAMERA-bare.png and CAMERA-stocked.png, or .jpg; the folder `shelves` in
    /// the shop's folder by default
    #[arg(long, value_name = "FOLDER")]
    references: Option<PathBuf>,
    /// What goods look like; gallery.jsonl in the shop's folder by default
    #[arg(long, value_name = "FILE")]
    gallery: Option<PathBuf>,
    /// The folder with facing.onnx and item.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Tell of filled facings, too
    #[arg(long)]
    all: bool,
    /// Print one JSON object a facing
    #[arg(long)]
    json: bool,
}

/// Scans and prints.
pub fn run(args: Args) -> Result<ExitCode> {
    crate::logging();
    let shop = crate::serve::load(&args.shop)?;
    let file = match &args.gallery {
        Some(file) => file.clone(),
        None => locate(&args.shop)?.join(FILE),
    };
    let items = Items::read(&shop, &file, &args.models)?.with_context(|| {
        format!(
            "{}: there is none: show the shop its goods with `walkout enrol`",
            file.display()
        )
    })?;
    let mut pictures = Vec::new();
    for text in &args.pictures {
        let (name, path) = text
            .split_once('=')
            .with_context(|| format!("\"{text}\": write CAMERA=PICTURE, as S1=shelf.jpg"))?;
        pictures.push((crate::serve::find_camera(&shop, name)?, PathBuf::from(path)));
    }
    let cameras: Vec<CameraIx> = pictures.iter().map(|(c, _)| *c).collect();
    let runtime = args.runtime.open()?;
    let facing = runtime.load(&args.models.join("facing.onnx"), 1)?;
    let item = items.network(&runtime)?;
    let networks = ScanNetworks::new(Arc::from(facing), item, items.gallery)?;
    let mut scan = ShelfScan::new(&shop, &cameras, networks, ScanSettings::default());
    ensure!(
        !scan.watched().is_empty(),
        "{} faces no shelf: a shelf camera hangs before a fixture and sees its fronts",
        args.pictures.join(", ")
    );
    let references = match &args.references {
        Some(folder) => folder.clone(),
        None => locate(&args.shop)?.join("shelves"),
    };
    for &ix in &cameras {
        let name = &shop.layout.cameras[ix.usize()].name;
        let [bare, stocked] = ["bare", "stocked"].map(|how| reference(&references, name, how));
        let (bare, stocked) = (bare?, stocked?);
        let at = || format!("{}: the pictures of camera {name}", references.display());
        scan.learn(ix, &rgb(&bare)?, &rgb(&stocked)?)
            .with_context(at)?;
    }
    let mut sights = Vec::new();
    for (camera, path) in &pictures {
        let picture = read_picture(path)?;
        let at = || path.display().to_string();
        let rgb = rgb(&picture).with_context(at)?;
        sights.extend(scan.look(*camera, &rgb, &[]).with_context(at)?);
    }
    let states = scan.judge(&sights);
    for state in &states {
        if args.all || state.verdict != Verdict::Filled {
            print(&shop, state, args.json);
        }
    }
    if !args.json {
        let count = |v: Verdict| states.iter().filter(|s| s.verdict == v).count();
        println!(
            "{} facings seen: {} filled, {} gaps, {} with another product",
            states.len(),
            count(Verdict::Filled),
            count(Verdict::Gap),
            count(Verdict::Wrong)
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What a camera sees when its shelves are bare, or stocked.
fn reference(folder: &Path, camera: &str, how: &str) -> Result<Picture> {
    let files = ["png", "jpg", "jpeg"].map(|kind| folder.join(format!("{camera}-{how}.{kind}")));
    match files.iter().find(|f| f.exists()) {
        Some(file) => read_picture(file),
        None => bail!(
            "{}: there is none: keep a picture of what camera {camera} sees when its shelves are {how} there",
            files[0].display()
        ),
    }
}

fn rgb(picture: &Picture) -> Result<RgbPicture<'_>> {
    let [w, h] = picture.size;
    Ok(RgbPicture::new(w, h, &picture.rgb)?)
}

fn print(shop: &Shop, s: &FacingState, as_json: bool) {
    let lane = shop.planogram.get(s.lane).map_or("", |l| l.name.as_str());
    let gtin = |sku| shop.catalogue.get(sku).map(|p| p.gtin.to_string());
    let verdict = match s.verdict {
        Verdict::Filled => "filled",
        Verdict::Gap => "gap",
        Verdict::Wrong => "wrong",
    };
    let seems = s.seems.filter(|_| s.verdict == Verdict::Wrong);
    if as_json {
        println!(
            "{}",
            json!({
                "lane": lane, "facing": s.facing + 1, "gtin": gtin(s.sku), "verdict": verdict,
                "gap": s.gap, "wrong": s.wrong, "seems": seems.and_then(gtin),
            })
        );
        return;
    }
    let told = match (s.verdict, seems) {
        (Verdict::Gap, _) => format!("empty ({:.2})", s.gap),
        (Verdict::Wrong, Some(sku)) => {
            format!("seems to hold {} ({:.2})", named(shop, sku), s.wrong)
        }
        _ => format!("filled ({:.2})", 1.0 - s.gap),
    };
    println!(
        "{lane} facing {}, {}: {told}",
        s.facing + 1,
        named(shop, s.sku)
    );
}
