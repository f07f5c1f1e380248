//! `walkout shelves`: gaps and wrong items in pictures of shelf cameras.

use crate::items::{FILE, Items, named};
use crate::networks::{Picture, Runtime, RuntimeArgs, read_picture};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use walkout_model::files::locate;
use walkout_model::{CameraIx, Shop, StoreTime};
use walkout_perception::eyes::{
    FacingState, ScanNetworks, ScanSettings, ShelfScan, Verdict, judge,
};
use walkout_perception::nets::{Gallery, RgbPicture};

/// The folder in a shop's folder that shows shelves as they are bare and stocked.
const REFERENCES: &str = "shelves";
const HOW: [&str; 2] = ["bare", "stocked"];

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
    let networks = networks(&runtime, &args.models, Some(items))?;
    let settings = ScanSettings::default();
    let mut scan = ShelfScan::new(&shop, &cameras, networks, &settings);
    ensure!(
        !scan.watched().is_empty(),
        "{} faces no shelf: a shelf camera hangs before a fixture and sees its fronts",
        args.pictures.join(", ")
    );
    let references = match &args.references {
        Some(folder) => folder.clone(),
        None => locate(&args.shop)?.join(REFERENCES),
    };
    for &camera in &cameras {
        teach(&mut scan, &shop, camera, &references)?;
    }
    let mut sights = Vec::new();
    for (camera, path) in &pictures {
        let picture = read_picture(path)?;
        let at = || path.display().to_string();
        let rgb = rgb(&picture).with_context(at)?;
        sights.push(scan.look(*camera, StoreTime(0), &rgb).with_context(at)?);
    }
    let states = judge(&shop.planogram, &sights, &settings);
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

/// facing.onnx and item.onnx of a folder, with what the shop's goods look like; without that no wrong item is named.
fn networks(runtime: &Runtime, models: &Path, items: Option<Items>) -> Result<ScanNetworks> {
    let facing = runtime.load(&models.join("facing.onnx"), 1)?;
    let (item, gallery) = match items {
        Some(items) => (items.network(runtime)?, items.gallery),
        None => {
            let item = runtime.load(&models.join("item.onnx"), 1)?;
            (Arc::from(item), Gallery::default())
        }
    };
    Ok(ScanNetworks::new(Arc::from(facing), item, gallery)?)
}

/// Shows a scan what a camera's shelves look like when they are bare and stocked.
fn teach(scan: &mut ShelfScan, shop: &Shop, camera: CameraIx, references: &Path) -> Result<()> {
    let name = camera_name(shop, camera);
    let [bare, stocked] = HOW.map(|how| reference(references, name, how));
    let (bare, stocked) = (bare?, stocked?);
    let at = || format!("{}: the pictures of camera {name}", references.display());
    scan.learn(camera, &rgb(&bare)?, &rgb(&stocked)?)
        .with_context(at)
}

fn camera_name(shop: &Shop, camera: CameraIx) -> &str {
    let camera = shop.layout.cameras.get(camera.usize());
    camera.map_or("", |c| c.name.as_str())
}

/// What a camera sees when its shelves are bare, or stocked.
fn reference(folder: &Path, camera: &str, how: &str) -> Result<Picture> {
    match find_reference(folder, camera, how) {
        Some(file) => read_picture(&file),
        None => bail!(
            "{}: there is none: keep a picture of what camera {camera} sees when its shelves are {how} there",
            folder.join(format!("{camera}-{how}.png")).display()
        ),
    }
}

fn find_reference(folder: &Path, camera: &str, how: &str) -> Option<PathBuf> {
    let kinds = ["png", "jpg", "jpeg"].into_iter();
    let mut files = kinds.map(|kind| folder.join(format!("{camera}-{how}.{kind}")));
    files.find(|f| f.exists())
}

/// The cameras of an open shop that hang before shelves, and what they know of them.
pub struct ShelfEyes {
    scan: Arc<ShelfScan>,
    cameras: BTreeSet<CameraIx>,
}

impl ShelfEyes {
    /// Those of some cameras whose shelves were shown bare and stocked in a shop's folder; `None` if there are none. One that faces no
    /// shelf, or of which a picture cannot be used, or is there without the other, tells nothing; `fault` is asked what to do then.
    ///
    /// # Errors
    /// A network does not load, or `fault` says so.
    pub fn load(
        shop: &Shop,
        folder: &Path,
        cameras: impl Iterator<Item = CameraIx>,
        (runtime, models): (&Runtime, &Path),
        items: Option<Items>,
        mut fault: impl FnMut(anyhow::Error) -> Result<()>,
    ) -> Result<Option<Self>> {
        let references = folder.join(REFERENCES);
        let shown = |ix: &CameraIx| {
            let name = camera_name(shop, *ix);
            HOW.iter()
                .any(|how| find_reference(&references, name, how).is_some())
        };
        let cameras: Vec<CameraIx> = cameras.filter(shown).collect();
        if cameras.is_empty() {
            return Ok(None);
        }
        let networks = networks(runtime, models, items)?;
        let mut scan = ShelfScan::new(shop, &cameras, networks, &ScanSettings::default());
        for &camera in &cameras {
            let name = camera_name(shop, camera);
            if !scan.faces_any(camera) {
                fault(anyhow!(
                    "camera {name} faces no shelf, though {} shows its shelves: a shelf camera hangs before a fixture and sees its fronts",
                    references.display()
                ))?;
            } else if let Err(error) = teach(&mut scan, shop, camera, &references) {
                fault(error)?;
            }
        }
        Ok(Some(Self {
            scan: Arc::new(scan),
            cameras: cameras.into_iter().collect(),
        }))
    }

    /// What looks at a camera's pictures, if it is one of these.
    pub fn scan(&self, camera: CameraIx) -> Option<Arc<ShelfScan>> {
        let own = self.cameras.contains(&camera);
        own.then(|| Arc::clone(&self.scan))
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
