//! What the network of facings is trained on: cuts of rendered shelves with what stands there.

use super::hung::sensor;
use super::stock::{Stand, Stock};
use super::{Options, Scene};
use crate::draw::Draw;
use crate::pixels::{PixelError, rgb};
use serde::Serialize;
use walkout_model::{CameraIx, Catalogue, Gtin, Product, Shop};
use walkout_perception::eyes::ShelfCuts;
use walkout_perception::nets::RgbPicture;

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
    play(
        shop,
        options,
        false,
        |cuts, [stock, _], camera, [picture, _]| {
            for cut in cuts.of(camera, picture)? {
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
            Ok(())
        },
    )
}

/// What two pictures say of a column's rows, one before some goods were sold and one after, with what stands there.
#[derive(Clone, Debug, Serialize)]
pub struct RowLesson {
    /// Size of the front in the pictures, pixels.
    pub px: f64,
    /// Before and after.
    pub seen: [RowSeen; 2],
}

/// One of the two.
#[derive(Clone, Debug, Serialize)]
pub struct RowSeen {
    /// The row of the foremost unit, as many as there are rows for none.
    pub row: u32,
    /// As [`walkout_perception::eyes::RowEvidence`] has them.
    pub front: Vec<f32>,
    /// See `front`.
    pub board: Vec<f32>,
}

/// As [`lessons`], for the rows of columns in which nothing else stands.
///
/// # Errors
/// The shop has no fixture that a camera could be hung before.
pub fn row_lessons(
    shop: &Shop,
    options: &Options,
    mut each: impl FnMut(RowLesson),
) -> Result<(), PixelError> {
    play(
        shop,
        options,
        true,
        |cuts, [stock, sold], camera, [before, after]| {
            let both = cuts
                .rows(camera, before)?
                .into_iter()
                .zip(cuts.rows(camera, after)?);
            for (before, after) in both {
                let at = (before.lane, before.facing);
                let own = !matches!(stock.stands.get(&at), None | Some(Stand::Other(_)));
                let rows = [stock, sold].map(|s| s.rows.get(&at).copied());
                if let [Some(first), Some(then)] = rows
                    && own
                    && before.level == 0
                {
                    let px = before.px;
                    let seen = [(first, before), (then, after)].map(|(row, read)| RowSeen {
                        row,
                        front: read.evidence.front,
                        board: read.evidence.board,
                    });
                    each(RowLesson { px, seen });
                }
            }
            Ok(())
        },
    )
}

/// Shows each picture of each scene to somebody, and if it `sells`, another that was taken after some goods were sold,
/// with what its shelves look like bare and stocked.
fn play(
    shop: &Shop,
    options: &Options,
    sells: bool,
    mut each: impl FnMut(
        &ShelfCuts,
        [&Stock; 2],
        CameraIx,
        [&RgbPicture<'_>; 2],
    ) -> Result<(), PixelError>,
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
            let mut sold = stock.clone();
            let before = hung.pictures(&stock.goods, light.clone(), 200 + k);
            let after = match sells {
                true => {
                    sold.sell(&shop, &mut draw(164));
                    hung.pictures(&sold.goods, light, 250 + k)
                }
                false => before.clone(),
            };
            for ((camera, before), (_, after)) in before.into_iter().zip(after) {
                let pictures = [&rgb(&before)?, &rgb(&after)?];
                each(&cuts, [&stock, &sold], camera, pictures)?;
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
