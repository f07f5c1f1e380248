//! Gaps and wrong items on rendered shelves: what `perception::eyes` says of single pictures against what stands there.
//!
//! A shop's fixtures are stocked at random, shelf cameras are hung before them, and each picture is scanned once. Racks, light,
//! sensors, how full the columns are and where cameras hang follow from the seed.

mod lessons;
mod stock;

pub use lessons::{Lesson, lessons};

use crate::calibration::expected_calibration_error;
use crate::draw::Draw;
use crate::pixels::PixelError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use stock::{Stand, Stock};
use walkout_model::layout::{Camera, Fixture};
use walkout_model::{CameraIx, LaneIx, Point2, Point3, Shop, SkuIx, StoreTime};
use walkout_perception::eyes::{EyeError, ScanNetworks, ScanSettings, ShelfScan, Verdict};
use walkout_perception::nets::{Gallery, ItemNetwork, Network, RgbPicture};
use walkout_simulator::render::{
    Frame, PackageShot, Packages, Picture, RenderConfig, Renderer, SensorConfig, Snapshot,
};

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

/// Size of a shelf camera's picture.
const SIZE: [u32; 2] = [1280, 960];
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
            let picture = RgbPicture::new(shot.width, shot.height, &shot.rgb)?;
            for look in item.teach(&picture, picture.area())? {
                gallery.enrol(SkuIx::from(i), look);
            }
        }
    }
    Ok(gallery)
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
        let (networks, settings) = (networks.clone(), options.scan.clone());
        let mut scan = ShelfScan::new(&scene.believed, &scene.cameras, networks, settings);
        scene.teach(seed, |camera, bare, stocked| {
            scan.learn(camera, bare, stocked)
        })?;
        let mut sights = Vec::new();
        for (camera, picture) in scene.pictures(&scene.stock, scene.config.sensor.clone(), 1) {
            let picture = RgbPicture::new(picture.width, picture.height, &picture.rgb)?;
            let begin = std::time::Instant::now();
            sights.extend(scan.look(camera, &picture, &[])?);
            tally.scan_ms += begin.elapsed().as_secs_f64() * 1e3;
            tally.pictures += 1;
        }
        tally.add(&scene, &scan.judge(&sights));
    }
    let first = options.seeds.first().copied().unwrap_or_default();
    Ok(tally.marks(&shop.name, [first, options.seeds.len() as u64]))
}

/// One stocking with its cameras.
struct Scene {
    real: Arc<Shop>,
    /// The same as the estimator believes it to be: cameras are calibrated as well as can be, no better.
    believed: Shop,
    cameras: Vec<CameraIx>,
    stock: Stock,
    config: RenderConfig,
}

impl Scene {
    fn new(shop: &Shop, seed: u64, fixtures_max: usize) -> Self {
        let mut draw = Draw::new(seed, 61);
        let stock = Stock::draw(shop, &mut Draw::new(seed, 62));
        let mut fixtures: Vec<(f64, usize)> = (0..shop.layout.fixtures.len())
            .map(|i| (draw.unit(), i))
            .collect();
        fixtures.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut real, mut believed) = (shop.clone(), shop.clone());
        let (mut cameras, mut taken) = (Vec::new(), 0);
        for (_, i) in fixtures {
            let fixture = &shop.layout.fixtures[i];
            let hung = hang(shop, i, fixture, &mut draw);
            if hung.is_empty() || taken >= fixtures_max {
                continue;
            }
            taken += 1;
            for camera in hung {
                cameras.push(CameraIx::from(real.layout.cameras.len()));
                believed
                    .layout
                    .cameras
                    .push(miscalibrated(&camera, &mut draw));
                real.layout.cameras.push(camera);
            }
        }
        let size_px = SIZE;
        Self {
            real: Arc::new(real),
            believed,
            cameras,
            stock,
            config: RenderConfig {
                size_px,
                oversampling: 2,
                sensor: sensor(&mut draw),
                shutter_s: 0.0,
                seed,
            },
        }
    }

    /// What its cameras see of a stocking, in some light.
    fn pictures(
        &self,
        stock: &Stock,
        sensor: SensorConfig,
        moment: u64,
    ) -> Vec<(CameraIx, Picture)> {
        let snapshot = Snapshot {
            goods: stock.goods.clone(),
            revision: moment,
            // Noise follows from the time.
            t: StoreTime(moment as i64),
            ..Snapshot::default()
        };
        let config = RenderConfig {
            sensor,
            ..self.config.clone()
        };
        let mut renderer = Renderer::new(Arc::clone(&self.real), config);
        let mut frame = Frame::default();
        let mut see = |&camera: &CameraIx| {
            renderer.render(camera, &snapshot, &mut frame);
            (camera, frame.picture.clone())
        };
        self.cameras.iter().map(&mut see).collect()
    }

    /// Shows what each camera sees when the shelves are bare and when they are stocked, each in other light.
    fn teach(
        &self,
        seed: u64,
        mut show: impl FnMut(CameraIx, &RgbPicture<'_>, &RgbPicture<'_>) -> Result<(), EyeError>,
    ) -> Result<(), PixelError> {
        if self.cameras.is_empty() {
            return Err(PixelError::NoCamera);
        }
        let stocked = Stock::full(&self.real, &mut Draw::new(seed, 63));
        let [bare, stocked] = [(64, &Stock::default()), (65, &stocked)].map(|(stream, stock)| {
            self.pictures(stock, sensor(&mut Draw::new(seed, stream)), stream)
        });
        for ((camera, bare), (_, stocked)) in bare.iter().zip(&stocked) {
            let bare = RgbPicture::new(bare.width, bare.height, &bare.rgb)?;
            let stocked = RgbPicture::new(stocked.width, stocked.height, &stocked.rgb)?;
            show(*camera, &bare, &stocked)?;
        }
        Ok(())
    }
}

/// Shelf cameras before a fixture: as many side by side as its width needs, for its upper and its lower half; none
/// where the aisle is too narrow.
fn hang(shop: &Shop, own: usize, fixture: &Fixture, draw: &mut Draw) -> Vec<Camera> {
    let columns = (fixture.width_m / 1.3).ceil().clamp(1.0, 8.0);
    let mut out = Vec::new();
    for c in 0..columns as usize {
        let x = (c as f64 + 0.5) * fixture.width_m / columns + draw.between(-0.12, 0.12);
        let away = free_before(shop, own, fixture, x).min(draw.between(1.0, 1.5));
        if away < 0.7 {
            return Vec::new();
        }
        for (half, aim) in [0.72, 0.28].into_iter().enumerate() {
            let up = (aim * fixture.height_m + draw.between(0.0, 0.35)).clamp(0.3, 2.3);
            let target = aim * fixture.height_m;
            let at = fixture.pose.floor_from_local(Point2::new(x, -away));
            let to = fixture
                .pose
                .floor_from_local(Point2::new(x + draw.between(-0.1, 0.1), 0.0));
            let way = to - at;
            // What the camera is for fills two thirds of the picture or more.
            let half_m = fixture.width_m / columns / 2.0 + draw.between(0.15, 0.4);
            let wide = 2.0 * half_m.max(0.45 * fixture.height_m).atan2(away);
            let focal = f64::from(SIZE[0]) / 2.0 / (wide / 2.0).tan();
            out.push(Camera {
                name: format!("{}-{c}-{half}", fixture.name),
                width_px: SIZE[0],
                height_px: SIZE[1],
                focal_px: [focal; 2],
                principal_px: SIZE.map(|s| f64::from(s) / 2.0),
                distortion: [draw.between(-0.12, 0.02), 0.01, 0.0, 0.0, 0.0],
                position: at.at_height(up),
                yaw: way.y.atan2(way.x),
                pitch: (up - target).atan2(away) + draw.normal() * 0.02,
                roll: draw.normal() * 0.03,
            });
        }
    }
    out
}

/// How far before a fixture the floor is free, metres.
fn free_before(shop: &Shop, own: usize, fixture: &Fixture, x: f64) -> f64 {
    let layout = &shop.layout;
    let mut away = 0.1;
    while away < 1.6 {
        let p = fixture.pose.floor_from_local(Point2::new(x, -away));
        let others = layout.fixtures.iter().enumerate();
        let blocked = others.filter(|(i, _)| *i != own).any(|(_, f)| {
            let q = f.pose.local_from_floor(p);
            (-0.03..f.width_m + 0.03).contains(&q.x) && (-0.03..f.depth_m + 0.03).contains(&q.y)
        });
        if blocked || !layout.floor.contains(p) {
            break;
        }
        away += 0.05;
    }
    away - 0.05
}

/// What a calibration makes of a camera.
fn miscalibrated(camera: &Camera, draw: &mut Draw) -> Camera {
    let mut off = |sigma: f64| draw.normal() * sigma;
    let p = camera.position;
    Camera {
        position: Point3::new(p.x + off(0.004), p.y + off(0.004), p.z + off(0.004)),
        yaw: camera.yaw + off(0.003),
        pitch: camera.pitch + off(0.003),
        roll: camera.roll + off(0.003),
        focal_px: camera.focal_px.map(|f| f * 1.001),
        ..camera.clone()
    }
}

fn sensor(draw: &mut Draw) -> SensorConfig {
    SensorConfig {
        exposure: draw.between(0.36, 0.58) as f32,
        auto_exposure: draw.between(0.7, 1.0) as f32,
        white_balance: [draw.between(0.9, 1.1) as f32, draw.between(0.9, 1.1) as f32],
        vignette: draw.between(0.0, 0.35) as f32,
        noise: draw.between(0.8, 5.0) as f32,
        blur_px: draw.between(0.1, 0.9) as f32,
        contrast: draw.between(0.9, 1.2) as f32,
        saturation: draw.between(0.6, 1.15) as f32,
        quality: draw.between(45.0, 95.0) as u8,
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
        let fixtures = scene.cameras.iter().filter_map(|c| {
            let camera = scene.real.layout.cameras.get(c.usize())?;
            camera.name.rsplitn(3, '-').nth(2)
        });
        let fixtures: Vec<&str> = fixtures.collect();
        let scanned = |lane: LaneIx| {
            let name = scene
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
