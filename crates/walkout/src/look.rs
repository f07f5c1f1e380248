//! `walkout look`: what networks see in pictures.

use crate::enrol::middle;
use crate::items::{Items, find_sku, named};
use crate::networks::{Networks, Picture, Runtime, RuntimeArgs, read_picture, shipped};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use walkout_model::files::locate;
use walkout_model::{Shop, SkuIx};
use walkout_perception::nets::{
    Answer, Eyes, Gallery, ItemNetwork, ItemPosterior, Network, PersonConfig, ReachConfig,
    RgbPicture, Sight, Spot,
};

/// Arguments of `walkout look`.
#[derive(clap::Args)]
pub struct Args {
    /// PNG or JPEG files
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// Your own networks (docs/reference/networks.md); those that ship by default
    #[arg(long, value_name = "FILE.toml")]
    networks: Option<PathBuf>,
    /// The folder of the networks that ship
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// Pictures are scaled by this first, so that people are 40 to 110 pixels tall; networks of a fixed
    /// size scale for themselves
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    scale: f64,
    /// Say which of a shop's products each picture shows, by what `walkout enrol` has shown it: the shop's folder, or the
    /// name of one under shops/
    #[arg(long, value_name = "S")]
    shop: Option<String>,
    /// Its gallery; gallery.jsonl in the shop's folder by default
    #[arg(long, value_name = "FILE", requires = "shop")]
    gallery: Option<PathBuf>,
    /// The products that it may be, each a GTIN or a name or a part of one; all that are enrolled by default
    #[arg(long, value_name = "SKU", requires = "shop")]
    among: Vec<String>,
    /// Share of the picture's longer side that the item takes, in the middle
    #[arg(long, default_value_t = 0.6, value_name = "SHARE", requires = "shop")]
    fills: f64,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Write each picture with what was seen on it into this folder, as PNG
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one JSON object a picture
    #[arg(long)]
    json: bool,
}

/// Looks and prints.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!(
        (0.02..=8.0).contains(&args.scale),
        "--scale must be 0.02 to 8"
    );
    let runtime = args.runtime.open()?;
    let (eyes, items) = match &args.networks {
        Some(file) => {
            let networks = Networks::read(file)?;
            let eyes = networks.eyes(&runtime, 1, args.scale)?;
            (eyes, networks.items(&runtime, 1)?)
        }
        None => {
            let [person, reach] = shipped(&runtime, &args.models)?;
            let config = PersonConfig {
                scale: args.scale,
                ..PersonConfig::default()
            };
            let reach = Some((reach, ReachConfig::default()));
            (Some(Eyes::of_maps(person, config, reach)), None)
        }
    };
    let shelf = match &args.shop {
        Some(name) => Some(Goods::new(name, &args, &runtime)?),
        None => None,
    };
    for path in &args.pictures {
        let picture = read_picture(path)?;
        let [w, h] = picture.size;
        let rgb =
            RgbPicture::new(w, h, &picture.rgb).with_context(|| path.display().to_string())?;
        let sights = match &eyes {
            Some(eyes) => eyes.look(&[rgb])?,
            None => Vec::new(),
        };
        let sight = sights.into_iter().next().unwrap_or_default();
        let item = match &items {
            Some(items) => items.look(&[rgb])?.into_iter().next(),
            None => None,
        };
        let goods = shelf.as_ref().map(|g| g.look(&rgb)).transpose();
        let goods = goods.with_context(|| path.display().to_string())?;
        if let Some(folder) = &args.out {
            draw(folder, path, &picture, &sight)?;
        }
        if args.json {
            let mut said = report(path, &sight, item.as_ref());
            if let Some(goods) = &goods {
                said["item"] = goods.json();
            }
            println!("{said}");
            continue;
        }
        println!(
            "{}: {} people, {} hands, {} other things",
            path.display(),
            sight.view.heads.len(),
            sight.view.hands.len(),
            sight.others.len()
        );
        for head in &sight.view.heads {
            println!(
                "  head {:.0}, {:.0} ({:.2}), stands at {:.0}, {:.0}",
                head.at.x, head.at.y, head.at.score, head.foot.x, head.foot.y
            );
        }
        if let Some(goods) = &goods {
            goods.print();
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a shop was shown of its goods, and which of them are asked about.
struct Goods {
    shop: Arc<Shop>,
    item: ItemNetwork<Arc<dyn Network>>,
    gallery: Gallery,
    among: Vec<SkuIx>,
    fills: f64,
}

/// Which product a picture shows.
struct Guess<'a> {
    shop: &'a Shop,
    posterior: ItemPosterior,
}

/// Products that are told of a picture.
const TOLD: usize = 5;

impl Goods {
    fn new(name: &str, args: &Args, runtime: &Runtime) -> Result<Self> {
        ensure!(
            (0.05..=1.0).contains(&args.fills),
            "--fills must be 0.05 to 1, not {}",
            args.fills
        );
        let shop = crate::serve::load(name)?;
        let file = match &args.gallery {
            Some(file) => file.clone(),
            None => locate(name)?.join(crate::items::FILE),
        };
        let items = Items::read(&shop, &file, &args.models)?.with_context(|| {
            format!(
                "{}: there is none: show the shop its goods with `walkout enrol`",
                file.display()
            )
        })?;
        let mut among = Vec::new();
        for text in &args.among {
            let sku = find_sku(&shop, text)?;
            ensure!(
                !items.gallery.looks(sku).is_empty(),
                "{}: nothing is enrolled of it: add photos with `walkout enrol`",
                named(&shop, sku)
            );
            among.push(sku);
        }
        if among.is_empty() {
            among.extend(items.gallery.skus());
        }
        Ok(Self {
            item: items.item_network(runtime)?,
            gallery: items.gallery,
            shop,
            among,
            fills: args.fills,
        })
    }

    fn look(&self, picture: &RgbPicture<'_>) -> Result<Guess<'_>> {
        let area = middle([picture.width(), picture.height()], self.fills);
        let look = self.item.look(picture, area)?;
        Ok(Guess {
            shop: &self.shop,
            posterior: self.gallery.posterior(&look, &self.among),
        })
    }
}

impl Guess<'_> {
    fn json(&self) -> serde_json::Value {
        let gtin = |s: SkuIx| self.shop.catalogue.get(s).map(|p| p.gtin.to_string());
        let told = self.posterior.ranked.iter().take(TOLD);
        let told: Vec<_> = told
            .map(|(s, p)| json!({ "gtin": gtin(*s), "probability": p }))
            .collect();
        json!({ "answer": self.posterior.answer().and_then(gtin), "likeliest": told })
    }

    fn print(&self) {
        match self.posterior.answer() {
            Some(sku) => println!("  shows {}", named(self.shop, sku)),
            None => println!("  what it shows is not sure"),
        }
        for (sku, p) in self.posterior.ranked.iter().take(TOLD) {
            println!("    {p:.3} {}", named(self.shop, *sku));
        }
    }
}

fn report(path: &Path, sight: &Sight, item: Option<&Answer>) -> serde_json::Value {
    let spot = |s: &Spot| json!([s.x, s.y, s.score]);
    let people: Vec<_> = sight
        .people
        .iter()
        .zip(&sight.view.heads)
        .map(|(p, h)| {
            json!({
                "box": p.area,
                "head": spot(&h.at),
                "head_radius_px": h.radius_px,
                "foot": spot(&h.foot),
                "points": p.points.as_ref().map(|points| points.iter().map(spot).collect::<Vec<_>>()),
                "look": p.look,
            })
        })
        .collect();
    let hands = sight.view.hands.iter();
    let hands: Vec<_> = hands
        .map(|h| json!({ "at": spot(&h.at), "owner": h.owner }))
        .collect();
    let others: Vec<_> = sight
        .others
        .iter()
        .map(|b| json!({ "class": b.class, "score": b.score, "box": b.area }))
        .collect();
    json!({
        "picture": path.display().to_string(),
        "people": people,
        "floors": sight.view.floors.iter().map(spot).collect::<Vec<_>>(),
        "hands": hands,
        "others": others,
        "item_look": match item {
            Some(Answer::Vector(look)) => json!(look),
            _ => serde_json::Value::Null,
        },
    })
}

/// The picture with boxes (white), heads (green), feet (yellow) and hands (red).
fn draw(folder: &Path, path: &Path, picture: &Picture, sight: &Sight) -> Result<()> {
    let mut canvas = Canvas {
        size: picture.size.map(i64::from),
        rgb: picture.rgb.clone(),
    };
    for person in &sight.people {
        canvas.frame(person.area, [255, 255, 255]);
        for point in person.points.iter().flatten().filter(|p| p.score > 0.3) {
            canvas.dot(*point, 1, [90, 200, 255]);
        }
    }
    for head in &sight.view.heads {
        canvas.ring(head.at, head.radius_px, [60, 230, 60]);
        canvas.dot(head.foot, 2, [255, 230, 40]);
    }
    for hand in &sight.view.hands {
        canvas.dot(hand.at, 2, [255, 60, 60]);
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let out = folder.join(format!("{stem}-seen.png"));
    let at = || format!("write {}", out.display());
    std::fs::create_dir_all(folder).with_context(at)?;
    let file = std::fs::File::create(&out).with_context(at)?;
    let [w, h] = picture.size;
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), w, h);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().with_context(at)?;
    writer.write_image_data(&canvas.rgb).with_context(at)
}

struct Canvas {
    size: [i64; 2],
    rgb: Vec<u8>,
}

impl Canvas {
    fn set(&mut self, x: i64, y: i64, colour: [u8; 3]) {
        let [w, h] = self.size;
        if (0..w).contains(&x) && (0..h).contains(&y) {
            let start = ((y * w + x) * 3) as usize;
            if let Some(pixel) = self.rgb.get_mut(start..start + 3) {
                pixel.copy_from_slice(&colour);
            }
        }
    }

    fn frame(&mut self, area: [f64; 4], colour: [u8; 3]) {
        let [left, top, right, bottom] = area.map(|v| v.round() as i64);
        for x in left..=right {
            self.set(x, top, colour);
            self.set(x, bottom, colour);
        }
        for y in top..=bottom {
            self.set(left, y, colour);
            self.set(right, y, colour);
        }
    }

    fn ring(&mut self, at: Spot, radius: f64, colour: [u8; 3]) {
        for i in 0..120 {
            let (s, c) = (f64::from(i) / 120.0 * std::f64::consts::TAU).sin_cos();
            self.set(
                (at.x + c * radius) as i64,
                (at.y + s * radius) as i64,
                colour,
            );
        }
    }

    fn dot(&mut self, at: Spot, radius: i64, colour: [u8; 3]) {
        for y in -radius..=radius {
            for x in -radius..=radius {
                self.set(at.x as i64 + x, at.y as i64 + y, colour);
            }
        }
    }
}
