//! Gaps and wrong items on rendered shelves: what `perception::eyes` says of single pictures against what stands there.
//!
//! A shop's fixtures are stocked at random, shelf cameras are hung before them, and each picture is scanned once. Racks, light,
//! sensors, how full the columns are and where cameras hang follow from the seed.

mod hung;
mod lessons;
mod stock;

pub use hung::{Hung, ShelfPictures};
pub use lessons::{Lesson, RowLesson, RowSeen, lessons, row_lessons};

use crate::calibration::expected_calibration_error;
use crate::draw::Draw;
use crate::pixels::{PixelError, rgb};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use stock::{Stand, Stock};
use walkout_model::{LaneIx, Shop, SkuIx, StoreTime};
use walkout_perception::eyes::{ScanNetworks, ScanSettings, ShelfScan, Verdict, judge};
use walkout_perception::nets::{Gallery, ItemNetwork, Network};
use walkout_simulator::render::{PackageShot, Packages, Picture, Stood};

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seeds: each is one stocking, one light, one set of cameras.
    pub seeds: Vec<u64>,
    /// Fixtures a seed, at most.
    pub fixtures: usize,
    /// How shelves are scanned.
    pub scan: ScanSettings,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct ShelfMarks {
    /// The shop.
    pub shop: String,
    /// The first seed, and how many.
    pub seeds: [u64; 2],
    /// Pictures scanned.
    pub pictures: usize,
    /// Facings of the scanned fixtures, and those of them that some camera faces well enough.
    pub facings: [usize; 2],
    /// Gaps among the facings that are seen: columns with nothing in the front half. Those whose foremost unit
    /// stands between .4 and .6 of the depth are not asked about.
    pub gap_recall: f64,
    /// See `gap_recall`.
    pub gap_precision: f64,
    /// Gaps there were, and gaps that were told.
    pub gaps: [usize; 2],
    /// The same of whole lanes that are empty and wholly seen.
    pub lane_recall: f64,
    /// See `lane_recall`.
    pub lane_precision: f64,
    /// Empty lanes there were, and those that were told.
    pub lanes: [usize; 2],
    /// Expected calibration error of a gap's probability.
    pub gap_calibration_error: f64,
    /// Of the gaps, those that are empty altogether, and the share of these that was told.
    pub empty: usize,
    /// See `empty`.
    pub empty_recall: f64,
    /// Facings with another lane's item in front that were told as such.
    pub wrong_recall: f64,
    /// See `wrong_recall`.
    pub wrong_precision: f64,
    /// Wrong items there were, and those that were told.
    pub wrongs: [usize; 2],
    /// Of the wrong items that were told rightly, the share whose own SKU was named.
    pub wrong_named: f64,
    /// Wall time of scanning a picture, milliseconds.
    pub scan_ms: f64,
}

/// Pictures of each SKU that the shop is shown.
const ENROLLED: u64 = 4;
/// The catalogue's pictures are not the shop's light and noise.
const CATALOGUE_SEED: u64 = 7_001;

/// What a shop's goods look like in its catalogue's pictures.
///
/// # Errors
/// The network is another one.
pub fn catalogue_gallery(shop: &Shop, network: &Arc<dyn Network>) -> Result<Gallery, PixelError> {
    let item = ItemNetwork::new(Arc::clone(network));
    let products = shop.catalogue.products();
    let mut gallery = Gallery::default();
    let mut shot = Picture::default();
    let mut packages = Packages::of(products, CATALOGUE_SEED, 96);
    for i in 0..products.len() {
        for n in 0..ENROLLED {
            packages.shoot(i, PackageShot::Studio, n, &mut shot);
            let picture = rgb(&shot)?;
            for look in item.teach(&picture, picture.area())? {
                gallery.enrol(SkuIx::from(i), look);
            }
        }
    }
    Ok(gallery)
}

/// A shop's goods as staff leave them: every column full.
pub(crate) fn full_stock(shop: &Shop, seed: u64) -> Vec<Stood> {
    Stock::full(shop, &mut Draw::new(seed, 63)).goods
}

/// Scans rendered shelves and scores what is told.
///
/// # Errors
/// A network fails, or the shop has no fixture that a camera could be hung before.
pub fn measure(
    shop: &Shop,
    networks: &ScanNetworks,
    options: &Options,
) -> Result<ShelfMarks, PixelError> {
    let mut tally = Tally::default();
    for &seed in &options.seeds {
        let scene = Scene::new(shop, seed, options.fixtures);
        let hung = &scene.hung;
        let believed = &hung.believed;
        let mut scan = ShelfScan::new(believed, &hung.cameras, networks.clone(), &options.scan);
        for (camera, bare, stocked) in hung.references(seed)? {
            scan.learn(camera, &rgb(&bare)?, &rgb(&stocked)?)?;
        }
        let mut sights = Vec::new();
        for (camera, picture) in hung.pictures(&scene.stock.goods, hung.sensor(), 1) {
            let picture = rgb(&picture)?;
            let begin = std::time::Instant::now();
            sights.push(scan.look(camera, StoreTime(0), &picture)?);
            tally.scan_ms += begin.elapsed().as_secs_f64() * 1e3;
            tally.pictures += 1;
        }
        tally.add(&scene, &judge(&believed.planogram, &sights, &options.scan));
    }
    let first = options.seeds.first().copied().unwrap_or_default();
    Ok(tally.marks(&shop.name, [first, options.seeds.len() as u64]))
}

/// One stocking with its cameras.
struct Scene {
    hung: Hung,
    stock: Stock,
}

impl Scene {
    fn new(shop: &Shop, seed: u64, fixtures_max: usize) -> Self {
        Self {
            hung: Hung::new(shop, seed, fixtures_max, usize::MAX),
            stock: Stock::draw(shop, &mut Draw::new(seed, 62)),
        }
    }
}

/// Counts of what there was and what was told.
#[derive(Default)]
struct Tally {
    pictures: usize,
    scan_ms: f64,
    facings: [usize; 2],
    /// There, told, both.
    gaps: [usize; 3],
    lanes: [usize; 3],
    wrongs: [usize; 3],
    named: usize,
    empty: [usize; 2],
    predictions: Vec<(f64, bool)>,
}

impl Tally {
    fn add(&mut self, scene: &Scene, states: &[walkout_perception::eyes::FacingState]) {
        let fixtures = scene.hung.cameras.iter().filter_map(|c| {
            let camera = scene.hung.real.layout.cameras.get(c.usize())?;
            camera.name.rsplitn(3, '-').nth(2)
        });
        let fixtures: Vec<&str> = fixtures.collect();
        let scanned = |lane: LaneIx| {
            let name = scene
                .hung
                .real
                .planogram
                .get(lane)
                .map_or("", |l| l.name.as_str());
            fixtures.contains(&name.split('/').next().unwrap_or_default())
        };
        self.facings[0] += scene
            .stock
            .stands
            .keys()
            .filter(|(l, _)| scanned(*l))
            .count();
        let count = |of: &mut [usize; 3], there: bool, told: bool| {
            of[0] += usize::from(there);
            of[1] += usize::from(told);
            of[2] += usize::from(there && told);
        };
        // Of each lane: facings seen, empty, told as gaps.
        let mut lanes: BTreeMap<LaneIx, [u32; 3]> = BTreeMap::new();
        // What a camera sees of fixtures that it does not hang before is another matter.
        for s in states.iter().filter(|s| scanned(s.lane)) {
            let Some(&stand) = scene.stock.stands.get(&(s.lane, s.facing)) else {
                continue;
            };
            self.facings[1] += 1;
            if stand == Stand::Between {
                continue;
            }
            let (empty, gap) = (stand.is_gap(), s.verdict == Verdict::Gap);
            count(&mut self.gaps, empty, gap);
            self.predictions.push((s.gap, empty));
            let lane = lanes.entry(s.lane).or_default();
            lane[0] += 1;
            lane[1] += u32::from(empty);
            lane[2] += u32::from(gap);
            if stand == Stand::Empty {
                self.empty[0] += 1;
                self.empty[1] += usize::from(gap);
            }
            let wrong = s.verdict == Verdict::Wrong;
            let other = match stand {
                Stand::Other(sku) => Some(sku),
                _ => None,
            };
            count(&mut self.wrongs, other.is_some(), wrong);
            self.named += usize::from(wrong && other.is_some() && other == s.seems);
        }
        for (lane, [seen, empty, gap]) in lanes {
            let all = scene
                .hung
                .real
                .planogram
                .get(lane)
                .map_or(0, |l| l.facings.max(1));
            if seen == all {
                count(&mut self.lanes, empty == all, gap == all);
            }
        }
    }

    fn marks(self, shop: &str, seeds: [u64; 2]) -> ShelfMarks {
        let share = |n: usize, of: usize| n as f64 / of.max(1) as f64;
        let rates = |t: &[usize; 3]| (share(t[2], t[0]), share(t[2], t[1]), [t[0], t[1]]);
        let (gap_recall, gap_precision, gaps) = rates(&self.gaps);
        let (lane_recall, lane_precision, lanes) = rates(&self.lanes);
        let (wrong_recall, wrong_precision, wrongs) = rates(&self.wrongs);
        ShelfMarks {
            shop: shop.to_owned(),
            seeds,
            pictures: self.pictures,
            facings: self.facings,
            gap_recall,
            gap_precision,
            gaps,
            lane_recall,
            lane_precision,
            lanes,
            gap_calibration_error: expected_calibration_error(&self.predictions),
            empty: self.empty[0],
            empty_recall: share(self.empty[1], self.empty[0]),
            wrong_recall,
            wrong_precision,
            wrongs,
            wrong_named: share(self.named, self.wrongs[2]),
            scan_ms: self.scan_ms / self.pictures.max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests;
