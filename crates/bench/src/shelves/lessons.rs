//! What the network of facings is trained on: cuts of rendered shelves with what stands there.

use super::hung::sensor;
use super::stock::{Stand, Stock};
use super::{Options, Scene};
use crate::draw::Draw;
use crate::pixels::{PixelError, rgb};
use walkout_model::{Catalogue, Gtin, Product, Shop};
use walkout_perception::eyes::ShelfCuts;

/// Stockings of a scene, each in light of its own: what the shelves look like bare and stocked is drawn once for all.
const STOCKINGS: u64 = 3;
/// Families of products, as the shipped catalogues number them.
const FAMILY: u64 = 1_000;

/// A cut with what stands there.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// As [`walkout_perception::eyes::FacingCut`] has them.
    pub planes: Vec<u8>,
    /// 0 filled, 1 a gap, 2 another product. What is neither in front nor at the back is no lesson.
    pub kind: u8,
}

/// Plays scenes of a shop whose packages are printed anew for every seed, so that nobody learns the prints of the shop itself.
///
/// # Errors
/// The shop has no fixture that a camera could be hung before.
pub fn lessons(
    shop: &Shop,
    options: &Options,
    mut each: impl FnMut(Lesson),
) -> Result<(), PixelError> {
    for &seed in &options.seeds {
        let shop = reprinted(shop, seed);
        let scene = Scene::new(&shop, seed, options.fixtures);
        let hung = &scene.hung;
        let mut cuts = ShelfCuts::new(&hung.believed, &hung.cameras, &options.scan);
        for (camera, bare, stocked) in hung.references(seed)? {
            cuts.learn(camera, &rgb(&bare)?, &rgb(&stocked)?)?;
        }
        for k in 0..STOCKINGS {
            let draw = |stream: u64| Draw::new(seed, stream + 100 * k);
            let stock = Stock::draw(&shop, &mut draw(162));
            let light = sensor(&mut draw(163));
            for (camera, picture) in hung.pictures(&stock.goods, light, 200 + k) {
                for cut in cuts.of(camera, &rgb(&picture)?)? {
                    let kind = match stock.stands.get(&(cut.lane, cut.facing)) {
                        None | Some(Stand::Between) => continue,
                        Some(Stand::Filled) => 0,
                        Some(Stand::Empty | Stand::RearOnly) => 1,
                        Some(Stand::Other(_)) => 2,
                    };
                    each(Lesson {
                        planes: cut.planes,
                        kind,
                    });
                }
            }
        }
    }
    Ok(())
}

/// The same goods in other packages: families stay together, as their prints follow from their numbers.
fn reprinted(shop: &Shop, seed: u64) -> Shop {
    let mut draw = Draw::new(seed, 161);
    let by = 1 + (draw.unit() * 1e8) as u64;
    let products = shop.catalogue.products().iter().map(|p| {
        let body = p.gtin.number() / 10;
        let (family, own) = (body * 10 / FAMILY, body % (FAMILY / 10));
        let family = (family + by) % 10_u64.pow(10);
        Product {
            gtin: Gtin::from_body(family * (FAMILY / 10) + own).unwrap_or(p.gtin),
            name_en: format!("{by}{}", p.name_en),
            ..p.clone()
        }
    });
    let mut out = shop.clone();
    out.catalogue = Catalogue::new(products.collect());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::SkuIx;

    #[test]
    fn packages_are_printed_anew_and_stay_what_they_are() {
        let shop = walkout_model::files::load_shop(&walkout_testkit::shop_dir("corner")).unwrap();
        let [a, b] = [1, 2].map(|seed| reprinted(&shop, seed));
        for i in 0..shop.catalogue.len() {
            let ix = SkuIx::from(i);
            let [own, a, b] = [&shop, &a, &b].map(|s| &s.catalogue[ix]);
            assert_eq!((own.size_mm, own.price), (a.size_mm, a.price));
            assert!(own.gtin != a.gtin && a.gtin != b.gtin, "{i}");
        }
    }
}
