//! The shop's gallery: what its goods look like, as `walkout enrol` wrote it, and the SKUs that people name.

use crate::networks::{Runtime, read};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walkout_model::{Gtin, Shop, SkuIx};
use walkout_perception::eyes::{HeldSettings, ItemEye};
use walkout_perception::nets::{Gallery, GalleryFile, GalleryNetwork, ItemNetwork, Network};

/// The gallery's file in a shop's folder.
pub const FILE: &str = "gallery.jsonl";
/// Largest gallery that is read.
const GALLERY_BYTES_MAX: u64 = 1 << 30;
/// Products that are named where one is not found, at most.
const NEAR_MAX: usize = 4;

/// A shop's goods as its cameras know them.
#[derive(Clone)]
pub struct Items {
    /// Its gallery.
    pub gallery: Gallery,
    file: PathBuf,
}

impl Items {
    /// The gallery of a shop's folder, or of a file, for the `item.onnx` of a folder of networks. `None` if nothing was
    /// enrolled.
    pub fn read(shop: &Shop, gallery: &Path, models: &Path) -> Result<Option<Self>> {
        if !gallery.exists() {
            return Ok(None);
        }
        let file = models.join("item.onnx");
        let (known, unknown) = read_gallery(gallery)?
            .gallery(&network_of(&file)?, &shop.catalogue)
            .with_context(|| format!("{}: {}", shop.name, gallery.display()))?;
        if unknown > 0 {
            tracing::warn!(
                "{}: {unknown} looks of products that {} does not sell are left out",
                gallery.display(),
                shop.name
            );
        }
        Ok(Some(Self {
            gallery: known,
            file,
        }))
    }

    /// The network that the gallery is of.
    pub fn network(&self, runtime: &Runtime) -> Result<Arc<dyn Network>> {
        Ok(Arc::from(runtime.load(&self.file, 1)?))
    }

    /// An eye for what hands hold, with a network of its own.
    pub fn eye(&self, shop: &Shop, runtime: &Runtime) -> Result<ItemEye> {
        Ok(ItemEye::new(
            self.network(runtime)?,
            self.gallery.clone(),
            &shop.layout,
            HeldSettings::default(),
        ))
    }

    /// The network wrapped for looks of items.
    pub fn item_network(&self, runtime: &Runtime) -> Result<ItemNetwork<Arc<dyn Network>>> {
        Ok(ItemNetwork::new(self.network(runtime)?))
    }
}

/// Reads a gallery's file.
pub fn read_gallery(path: &Path) -> Result<GalleryFile> {
    let at = || format!("{}: not read", path.display());
    let text = String::from_utf8(read(path, GALLERY_BYTES_MAX)?)
        .context("it is no UTF-8 text")
        .with_context(at)?;
    GalleryFile::parse(&text).with_context(at)
}

/// What tells a network's file from others.
pub fn network_of(path: &Path) -> Result<GalleryNetwork> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(GalleryNetwork::of(&name, &read(path, 2 << 30)?))
}

/// The SKU that somebody means: a GTIN, a name in either language, or a part of one that only one product has.
pub fn find_sku(shop: &Shop, text: &str) -> Result<SkuIx> {
    let wanted = text.trim().to_lowercase();
    ensure!(
        !wanted.is_empty(),
        "name a product: its GTIN, or its name or a part of it"
    );
    let products = shop.catalogue.products();
    if let Some(sku) = text
        .parse::<Gtin>()
        .ok()
        .and_then(|g| shop.catalogue.find(g))
    {
        return Ok(sku);
    }
    let names = |i: usize| {
        let p = &products[i];
        [p.name_ko.to_lowercase(), p.name_en.to_lowercase()]
    };
    let all = 0..products.len();
    let exact: Vec<usize> = all
        .clone()
        .filter(|i| names(*i).contains(&wanted))
        .collect();
    let part = || {
        all.clone()
            .filter(|i| names(*i).iter().any(|n| n.contains(&wanted)))
    };
    let found = if exact.is_empty() {
        part().collect()
    } else {
        exact
    };
    match found.as_slice() {
        [one] => Ok(SkuIx::from(*one)),
        [] => {
            let mut near: Vec<(f64, usize)> = all
                .map(|i| {
                    let gtin = products[i].gtin.to_string();
                    let own = names(i);
                    let alike = own.iter().chain([&gtin]).map(|n| likeness(&wanted, n));
                    (alike.fold(0.0, f64::max), i)
                })
                .filter(|(alike, _)| *alike >= 0.25)
                .collect();
            near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let near: Vec<usize> = near.into_iter().map(|(_, i)| i).collect();
            let close = match near.as_slice() {
                [] => format!("its {} products are in catalogue.csv", products.len()),
                near => format!("the nearest are {}", listed(shop, near)),
            };
            bail!("{} sells no \"{text}\": {close}", shop.name)
        }
        many => bail!(
            "\"{text}\" may be any of {} products of {}: {}. Name one by its GTIN",
            many.len(),
            shop.name,
            listed(shop, many)
        ),
    }
}

/// A product as people read it.
pub fn named(shop: &Shop, sku: SkuIx) -> String {
    shop.catalogue
        .get(sku)
        .map_or_else(String::new, |p| format!("{} {}", p.gtin, p.name_en))
}

fn listed(shop: &Shop, some: &[usize]) -> String {
    let mut names: Vec<String> = some
        .iter()
        .take(NEAR_MAX)
        .map(|i| named(shop, SkuIx::from(*i)))
        .collect();
    if some.len() > NEAR_MAX {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// Dice's coefficient of the pairs of neighbouring characters (Dice 1945): 1 for equal texts, 0 for nothing in common.
fn likeness(a: &str, b: &str) -> f64 {
    let pairs = |s: &str| {
        let c: Vec<char> = s.chars().collect();
        let pairs: Vec<(char, char)> = c.windows(2).map(|w| (w[0], w[1])).collect();
        pairs
    };
    let (a, mut b) = (pairs(a), pairs(b));
    let all = a.len() + b.len();
    let mut shared = 0;
    for pair in a {
        if let Some(i) = b.iter().position(|p| *p == pair) {
            b.swap_remove(i);
            shared += 1;
        }
    }
    2.0 * f64::from(shared) / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::files::load_shop;

    #[test]
    fn a_product_is_found_by_number_name_or_part_and_the_nearest_are_named() {
        let shop = load_shop(&walkout_testkit::shop_dir("corner")).unwrap();
        let first = &shop.catalogue.products()[0];
        for text in [
            first.gtin.to_string(),
            first.name_en.clone(),
            first.name_ko.clone(),
            "TUNA MAYO RICE TRIANGLE".to_owned(),
        ] {
            assert_eq!(find_sku(&shop, &text).unwrap(), SkuIx(0), "{text}");
        }
        let said = |text: &str| find_sku(&shop, text).unwrap_err().to_string();
        let near = said("Saebyeok tuna mayo rice tirangle");
        assert!(near.contains(&first.gtin.to_string()), "{near}");
        assert!(said("rice triangle").contains("may be any of"));
        assert!(said("q").contains("catalogue.csv"), "{}", said("q"));
        assert!(said(" ").contains("name a product"));
    }
}
