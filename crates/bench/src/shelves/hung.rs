//! Shelf cameras before the fixtures of a shop that has none, and what they see.

use super::full_stock;
use crate::draw::Draw;
use crate::pixels::PixelError;
use std::sync::Arc;
use walkout_model::layout::{Camera, Fixture};
use walkout_model::{CameraIx, Point2, Point3, Shop, StoreTime};
use walkout_simulator::render::{
    Frame, Picture, RenderConfig, Renderer, SensorConfig, Snapshot, Stood,
};

/// Size of a shelf camera's picture.
const SIZE: [u32; 2] = [1280, 960];

/// What a camera sees of its shelves when they are bare, and when they are stocked.
pub type ShelfPictures = (CameraIx, Picture, Picture);

/// A shop with shelf cameras.
pub struct Hung {
    /// With the cameras as they hang.
    pub real: Arc<Shop>,
    /// The same as the estimator believes it to be: cameras are calibrated as well as can be, no better.
    pub believed: Shop,
    /// Those cameras.
    pub cameras: Vec<CameraIx>,
    /// How they take pictures.
    pub config: RenderConfig,
}

impl Hung {
    /// Hangs cameras before some fixtures, so many in all at most. Which, and where, follows from the seed.
    pub fn new(shop: &Shop, seed: u64, fixtures_max: usize, cameras_max: usize) -> Self {
        let mut draw = Draw::new(seed, 61);
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
                if cameras.len() >= cameras_max {
                    break;
                }
                cameras.push(CameraIx::from(real.layout.cameras.len()));
                believed
                    .layout
                    .cameras
                    .push(miscalibrated(&camera, &mut draw));
                real.layout.cameras.push(camera);
            }
        }
        Self {
            real: Arc::new(real),
            believed,
            cameras,
            config: RenderConfig {
                size_px: SIZE,
                oversampling: 2,
                sensor: sensor(&mut draw),
                shutter_s: 0.0,
                seed,
            },
        }
    }

    /// How the cameras' sensors are set.
    pub(super) fn sensor(&self) -> SensorConfig {
        self.config.sensor.clone()
    }

    /// What its cameras see of a stocking, in some light.
    pub(super) fn pictures(
        &self,
        goods: &[Stood],
        sensor: SensorConfig,
        moment: u64,
    ) -> Vec<(CameraIx, Picture)> {
        let snapshot = Snapshot {
            goods: goods.to_vec(),
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

    /// What each camera is shown of its shelves before the shop opens, bare and stocked, each in other light.
    ///
    /// # Errors
    /// No fixture has room before it for a camera.
    pub fn references(&self, seed: u64) -> Result<Vec<ShelfPictures>, PixelError> {
        if self.cameras.is_empty() {
            return Err(PixelError::NoCamera);
        }
        let [bare, stocked] =
            [(64, Vec::new()), (65, full_stock(&self.real, seed))].map(|(stream, goods)| {
                self.pictures(&goods, sensor(&mut Draw::new(seed, stream)), stream)
            });
        let both = bare.into_iter().zip(stocked);
        Ok(both
            .map(|((camera, bare), (_, stocked))| (camera, bare, stocked))
            .collect())
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

pub(super) fn sensor(draw: &mut Draw) -> SensorConfig {
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
