//! A camera's geometry: where a point of the shop falls on the picture.
//!
//! Pinhole with Brown–Conrady distortion in OpenCV's order and normalisation (Brown 1966; OpenCV,
//! "Camera Calibration and 3D Reconstruction"). Camera frame: x to the right of the picture, y down, z along the optical axis.

use super::space::{V3, v3};
use walkout_model::layout::Camera;

/// Nothing nearer than this is drawn, metres along the optical axis.
pub(crate) const NEAR_M: f32 = 0.06;

/// A camera made ready to project.
#[derive(Clone, Debug)]
pub(crate) struct Lens {
    pub eye: V3,
    right: V3,
    down: V3,
    pub forward: V3,
    focal: [f32; 2],
    principal: [f32; 2],
    k: [f32; 5],
    /// Up to this normalised radius the distortion grows; beyond it goes on in a straight line.
    r_max: f32,
    r_max_to: f32,
    r_max_slope: f32,
}

impl Lens {
    /// The camera as it sees at another picture size (the whole picture, scaled).
    pub fn new(camera: &Camera, width: u32, height: u32) -> Self {
        let (sy, cy) = (camera.yaw as f32).sin_cos();
        let (sp, cp) = (camera.pitch as f32).sin_cos();
        let (sr, cr) = (camera.roll as f32).sin_cos();
        let forward = v3(cy * cp, sy * cp, -sp);
        let level = v3(sy, -cy, 0.0);
        let below = forward.cross(level);
        let scale = [
            width as f32 / camera.width_px.max(1) as f32,
            height as f32 / camera.height_px.max(1) as f32,
        ];
        let k = camera.distortion.map(|k| k as f32);
        let mut lens = Self {
            eye: V3::of(camera.position),
            right: level * cr + below * sr,
            down: below * cr - level * sr,
            forward,
            focal: [0, 1].map(|i| camera.focal_px[i] as f32 * scale[i]),
            principal: [0, 1].map(|i| camera.principal_px[i] as f32 * scale[i]),
            k,
            r_max: 0.0,
            r_max_to: 0.0,
            r_max_slope: 1.0,
        };
        let slope = |r: f32| {
            let r2 = r * r;
            1.0 + r2 * (3.0 * k[0] + r2 * (5.0 * k[1] + r2 * 7.0 * k[4]))
        };
        let steps = (1..=80).map(|i| i as f32 * 0.05);
        lens.r_max = steps
            .take_while(|&r| slope(r) > 0.08)
            .last()
            .unwrap_or(0.05);
        lens.r_max_to = lens.r_max * lens.radial(lens.r_max * lens.r_max);
        lens.r_max_slope = slope(lens.r_max);
        lens
    }

    fn radial(&self, r2: f32) -> f32 {
        1.0 + r2 * (self.k[0] + r2 * (self.k[1] + r2 * self.k[4]))
    }

    /// A point of the shop in the camera frame.
    pub fn view(&self, p: V3) -> V3 {
        let d = p - self.eye;
        v3(d.dot(self.right), d.dot(self.down), d.dot(self.forward))
    }

    /// Where a point of the camera frame with z > 0 falls, pixels.
    pub fn project(&self, v: V3) -> [f32; 2] {
        let iz = 1.0 / v.z;
        let (x, y) = (v.x * iz, v.y * iz);
        let r2 = x * x + y * y;
        let (xd, yd) = if r2 <= self.r_max * self.r_max {
            let radial = self.radial(r2);
            let [p1, p2] = [self.k[2], self.k[3]];
            (
                x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
                y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
            )
        } else {
            let r = r2.sqrt();
            let to = self.r_max_to + (r - self.r_max) * self.r_max_slope;
            (x / r * to, y / r * to)
        };
        [
            self.focal[0] * xd + self.principal[0],
            self.focal[1] * yd + self.principal[1],
        ]
    }

    /// Where a point of the shop falls; `None` behind the camera.
    pub fn pixel(&self, p: V3) -> Option<[f32; 2]> {
        let v = self.view(p);
        (v.z > NEAR_M).then(|| self.project(v))
    }

    /// Pixels that a metre covers at this point, about.
    pub fn pixels_per_metre(&self, p: V3) -> f32 {
        self.focal[0] / (p - self.eye).norm().max(NEAR_M)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::Point3;

    fn camera(distortion: [f64; 5]) -> Camera {
        Camera {
            name: "C".into(),
            width_px: 1280,
            height_px: 720,
            focal_px: [620.0, 620.0],
            principal_px: [640.0, 360.0],
            distortion,
            position: Point3::new(1.0, 2.0, 3.0),
            yaw: 0.0,
            pitch: std::f64::consts::FRAC_PI_2,
            roll: 0.0,
        }
    }

    #[test]
    fn straight_down_the_axis_is_the_principal_point_and_right_is_right() {
        let lens = Lens::new(&camera([0.0; 5]), 320, 180);
        let at = lens.pixel(v3(1.0, 2.0, 0.0)).unwrap();
        assert!(
            (at[0] - 160.0).abs() < 1e-3 && (at[1] - 90.0).abs() < 1e-3,
            "{at:?}"
        );
        // Yaw 0 looks to +x: the right of the picture is -y, and the top is +x.
        let at = lens.pixel(v3(1.0, 1.0, 0.0)).unwrap();
        assert!((at[0] - (160.0 + 155.0 / 3.0)).abs() < 1e-2, "{at:?}");
        let at = lens.pixel(v3(2.0, 2.0, 0.0)).unwrap();
        assert!(at[1] < 90.0, "{at:?}");
        assert_eq!(lens.pixel(v3(1.0, 2.0, 4.0)), None);
    }

    #[test]
    fn distortion_follows_the_formula_and_never_folds_back() {
        let lens = Lens::new(&camera([-0.28, 0.07, 0.001, -0.002, 0.0]), 1280, 720);
        let (x, y, r2) = (-0.4_f32, -0.3_f32, 0.25_f32);
        let radial = 1.0 - 0.28 * r2 + 0.07 * r2 * r2;
        let xd = x * radial + 2.0 * 0.001 * x * y - 0.002 * (r2 + 2.0 * x * x);
        let at = lens.project(v3(x, y, 1.0));
        assert!((at[0] - (620.0 * xd + 640.0)).abs() < 1e-2, "{at:?}");
        let strong = Lens::new(&camera([-0.4, 0.0, 0.0, 0.0, 0.0]), 1280, 720);
        let mut last = 0.0;
        for i in 1..400 {
            let at = strong.project(v3(i as f32 * 0.02, 0.0, 1.0))[0];
            assert!(at > last, "folds at {i}");
            last = at;
        }
    }
}
