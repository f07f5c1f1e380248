//! `walkout enrol`: shows a shop what its goods look like, without training.

use crate::items::{FILE, find_sku, named, network_of, read_gallery};
use crate::networks::{RuntimeArgs, read_picture};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use walkout_model::files::locate;
use walkout_model::{Gtin, Shop, SkuIx};
use walkout_perception::nets::{Area, EnrolledLook, GalleryFile, ItemNetwork, Network, RgbPicture};

/// Arguments of `walkout enrol`.
#[derive(clap::Args)]
pub struct Args {
    /// The product: its GTIN, or its name or a part of it
    #[arg(required_unless_present_any = ["from_catalogue", "list", "again"], value_name = "SKU")]
    sku: Option<String>,
    /// PNG or JPEG files that show one unit of it
    #[arg(value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// The shop's folder, or the name of one under shops/
    #[arg(long, value_name = "S")]
    shop: String,
    /// Take the catalogue's pictures instead: the files that begin with a GTIN in the shop's folder `pictures`. Of all products,
    /// or of the SKU
    #[arg(long, conflicts_with = "photos")]
    from_catalogue: bool,
    /// Another folder of the catalogue's pictures
    #[arg(long, value_name = "FOLDER", requires = "from_catalogue")]
    pictures: Option<PathBuf>,
    /// Look at the pictures of all that is enrolled anew, after the network became another
    #[arg(long, conflicts_with_all = ["sku", "photos", "from_catalogue"])]
    again: bool,
    /// Say what is enrolled
    #[arg(long, conflicts_with_all = ["sku", "photos", "from_catalogue", "again"])]
    list: bool,
    /// Forget what the SKU looked like before
    #[arg(long)]
    replace: bool,
    /// Share of the picture's longer side that the item takes, in the middle: 0.6 for photos and 1 for the
    /// catalogue's pictures by default
    #[arg(long, value_name = "SHARE")]
    fills: Option<f64>,
    /// The gallery's file; gallery.jsonl in the shop's folder by default
    #[arg(long, value_name = "FILE")]
    gallery: Option<PathBuf>,
    /// The folder with item.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// An item must have so many pixels each way.
const SIDE_MIN: f64 = 32.0;
/// Looks that the shop's eyes compare with, of one product.
const LOOKS_MAX: usize = 64;
/// What a photo and a picture of the catalogue are taken to show of the item.
const FILLS: [f64; 2] = [0.6, 1.0];
/// A product that is as like to another as this is hard to tell from it by its looks.
const TWINS: f32 = 0.9;

/// Enrols and says what came of it.
pub fn run(args: Args) -> Result<ExitCode> {
    crate::logging();
    let folder = locate(&args.shop)?;
    let shop = crate::serve::load(&args.shop)?;
    let path = args.gallery.clone().unwrap_or_else(|| folder.join(FILE));
    if args.list {
        ensure!(
            path.exists(),
            "{}: nothing is enrolled yet: `walkout enrol --shop {} SKU PHOTO…` shows the shop what a product looks like",
            path.display(),
            args.shop
        );
        list(&shop, &path)?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = args.models.join("item.onnx");
    let network = network_of(&file)?;
    let item: Arc<dyn Network> = Arc::from(args.runtime.open()?.load(&file, 1)?);
    let mut pupil = Pupil {
        shop: &shop,
        item: ItemNetwork::new(item),
        gallery: GalleryFile::new(network.clone()),
    };
    let old = path.exists().then(|| read_gallery(&path)).transpose()?;
    let mut learnt = BTreeMap::new();
    if args.again {
        let old = old.with_context(|| format!("{}: nothing is enrolled yet", path.display()))?;
        for (gtin, source, fills) in sources(&old)? {
            let sku = shop.catalogue.find(gtin);
            let Some(sku) = sku else {
                tracing::warn!("{gtin} is not sold any more and left out");
                continue;
            };
            pupil.learn(sku, Path::new(&source), fills)?;
            *learnt.entry(sku).or_insert(0) += 1;
        }
    } else {
        if let Some(old) = old {
            // Refuses what another network made.
            old.gallery(&network, &shop.catalogue)
                .with_context(|| path.display().to_string())?;
            pupil.gallery = old;
        }
        for (sku, photos) in wanted(&args, &shop, &folder)? {
            if args.replace {
                pupil.gallery.forget(shop.catalogue[sku].gtin);
            }
            let usual = FILLS[usize::from(args.from_catalogue)];
            let fills = args.fills.unwrap_or(usual);
            ensure!(
                (0.05..=1.0).contains(&fills),
                "--fills must be 0.05 to 1, not {fills}"
            );
            for photo in &photos {
                pupil.learn(sku, photo, fills)?;
            }
            *learnt.entry(sku).or_insert(0) += photos.len();
        }
    }
    write(&path, &pupil.gallery.text())?;
    pupil.report(&learnt, &path)?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be looked at.
fn wanted(args: &Args, shop: &Shop, folder: &Path) -> Result<Vec<(SkuIx, Vec<PathBuf>)>> {
    let sku = match &args.sku {
        Some(text) => Some(find_sku(shop, text)?),
        None => None,
    };
    if !args.from_catalogue {
        ensure!(
            !args.photos.is_empty(),
            "name the photos after the product, or add --from-catalogue"
        );
        let sku = sku.context("name a product")?;
        return Ok(vec![(sku, args.photos.clone())]);
    }
    let pictures = args.pictures.clone();
    let pictures = pictures.unwrap_or_else(|| folder.join("pictures"));
    let mut found = catalogue_pictures(shop, &pictures)?;
    if let Some(sku) = sku {
        found.retain(|s, _| *s == sku);
    }
    ensure!(
        !found.is_empty(),
        "{}: no picture of {}: name the files by the product's GTIN, as 2000000011011.png or 2000000011011-2.jpg",
        pictures.display(),
        sku.map_or("any product".to_owned(), |s| named(shop, s))
    );
    Ok(found.into_iter().collect())
}

/// The pictures of a folder by the GTIN that their names begin with. Other files are no concern.
fn catalogue_pictures(shop: &Shop, folder: &Path) -> Result<BTreeMap<SkuIx, Vec<PathBuf>>> {
    let at = || {
        format!(
            "{}: cannot be read: the catalogue's pictures lie in the shop's folder `pictures`, or name another with --pictures",
            folder.display()
        )
    };
    let mut found: BTreeMap<SkuIx, Vec<PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(at)? {
        let path = entry.with_context(at)?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let digits = stem.split(|c: char| !c.is_ascii_digit()).next();
        let kind = path.extension().unwrap_or_default().to_ascii_lowercase();
        let picture = ["png", "jpg", "jpeg"].iter().any(|k| kind == *k);
        let gtin: Option<Gtin> = digits.and_then(|d| d.parse().ok());
        if let Some(sku) = gtin
            .filter(|_| picture)
            .and_then(|g| shop.catalogue.find(g))
        {
            found.entry(sku).or_default().push(path);
        }
    }
    found.values_mut().for_each(|paths| paths.sort());
    Ok(found)
}

/// Each picture once, with the share that the item takes of it.
fn sources(gallery: &GalleryFile) -> Result<Vec<(Gtin, String, f64)>> {
    let mut all: Vec<(Gtin, String, f64)> = Vec::new();
    for look in gallery.looks() {
        let (path, fills) = look
            .source
            .rsplit_once('#')
            .and_then(|(path, fills)| Some((path, fills.parse().ok()?)))
            .unwrap_or((&look.source, FILLS[0]));
        let known = all.iter().any(|(g, p, _)| *g == look.gtin && p == path);
        if !known {
            all.push((look.gtin, path.to_owned(), fills));
        }
    }
    ensure!(!all.is_empty(), "nothing is enrolled yet");
    Ok(all)
}

/// Who learns what goods look like.
struct Pupil<'a> {
    shop: &'a Shop,
    item: ItemNetwork<Arc<dyn Network>>,
    gallery: GalleryFile,
}

impl Pupil<'_> {
    fn learn(&mut self, sku: SkuIx, photo: &Path, fills: f64) -> Result<()> {
        let name = photo.display();
        let picture = read_picture(photo)?;
        let [w, h] = picture.size;
        let area = middle(picture.size, fills);
        let side = (area[2] - area[0])
            .max(area[3] - area[1])
            .min(f64::from(w.min(h)));
        ensure!(
            side >= SIDE_MIN,
            "{name}: the item has {side:.0} pixels in a picture of {w} x {h}, and {SIDE_MIN} are needed: give a larger picture, or say with \
             --fills how much of it the item takes"
        );
        let rgb = RgbPicture::new(w, h, &picture.rgb).with_context(|| name.to_string())?;
        let looks = self.item.teach(&rgb, area).context(
            "item.onnx is no network of looks as docs/reference/networks.md describes them",
        )?;
        let gtin = self.shop.catalogue[sku].gtin;
        let there = self
            .gallery
            .looks()
            .iter()
            .filter(|l| l.gtin == gtin)
            .count();
        ensure!(
            there + looks.len() <= LOOKS_MAX,
            "{}: {there} looks are enrolled and {LOOKS_MAX} are used at most: begin anew with --replace",
            named(self.shop, sku)
        );
        // What --again needs to look in the same way.
        let absolute = std::path::absolute(photo).unwrap_or_else(|_| photo.to_owned());
        let source = format!("{}#{fills}", absolute.display());
        if self
            .gallery
            .looks()
            .iter()
            .any(|l| l.gtin == gtin && l.source == source)
        {
            bail!(
                "{name}: is enrolled as {} already: --replace looks at its pictures anew",
                named(self.shop, sku)
            );
        }
        for look in looks {
            self.gallery.add(EnrolledLook {
                gtin,
                source: source.clone(),
                vector: look.vector,
                colours: look.colours,
            })?;
        }
        Ok(())
    }

    fn report(&self, learnt: &BTreeMap<SkuIx, usize>, path: &Path) -> Result<()> {
        let network = self.gallery.network();
        let (gallery, _) = self.gallery.gallery(network, &self.shop.catalogue)?;
        let known: Vec<SkuIx> = gallery.skus().collect();
        for (&sku, pictures) in learnt {
            let others: Vec<SkuIx> = known.iter().copied().filter(|s| *s != sku).collect();
            let own = gallery.looks(sku);
            let alike = own
                .iter()
                .flat_map(|look| gallery.likenesses(look, &others));
            let nearest = alike.max_by(|a, b| gallery.joint(a).total_cmp(&gallery.joint(b)));
            let beside = match nearest {
                Some(n) if gallery.joint(&n) >= TWINS => format!(
                    "; hardly to be told from {} by its looks ({:.2})",
                    named(self.shop, n.sku),
                    gallery.joint(&n)
                ),
                Some(n) => format!(
                    "; most like {} ({:.2})",
                    named(self.shop, n.sku),
                    gallery.joint(&n)
                ),
                None => String::new(),
            };
            println!(
                "{}: {pictures} pictures, {} looks{beside}",
                named(self.shop, sku),
                own.len()
            );
        }
        println!(
            "{}: {} of {} products enrolled",
            path.display(),
            known.len(),
            self.shop.catalogue.len()
        );
        Ok(())
    }
}

/// The middle of a picture, as much of its longer side as asked for.
pub fn middle(size: [u32; 2], fills: f64) -> Area {
    let [w, h] = size.map(f64::from);
    let half = w.max(h) * fills / 2.0;
    let (x, y) = (w / 2.0, h / 2.0);
    [x - half, y - half, x + half, y + half]
}

fn list(shop: &Shop, path: &Path) -> Result<()> {
    let gallery = read_gallery(path)?;
    let network = gallery.network();
    println!(
        "{}: looks by {} ({})",
        path.display(),
        network.name,
        network.id
    );
    let mut looks: BTreeMap<Gtin, usize> = BTreeMap::new();
    for look in gallery.looks() {
        *looks.entry(look.gtin).or_default() += 1;
    }
    for (gtin, n) in &looks {
        let sku = shop.catalogue.find(*gtin);
        let name = sku.map_or_else(|| format!("{gtin} (not sold)"), |s| named(shop, s));
        println!("  {name}: {n} looks");
    }
    let products = shop.catalogue.products().iter();
    let absent = products.filter(|p| !looks.contains_key(&p.gtin)).count();
    println!("  {absent} products have none");
    Ok(())
}

/// Writes beside it and renames: a shop that reads it meanwhile sees the old or the new one.
fn write(path: &Path, text: &str) -> Result<()> {
    let at = || format!("write {}", path.display());
    let beside = path.with_extension("jsonl.new");
    std::fs::write(&beside, text).with_context(at)?;
    std::fs::rename(&beside, path).with_context(at)
}
