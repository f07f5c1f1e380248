//! A lens and a pose as calibration varies them, with derivatives.

use super::linear::{Matrix3, apply, mul, rotation, transpose};
use walkout_model::Point3;
use walkout_model::camera::{distort, distort_jacobian};
use walkout_model::layout::Camera;

/// The inner parameters of a camera: pinhole with Brown–Conrady distortion.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Lens {
    /// fx, fy, pixels.
    pub focal_px: [f64; 2],
    /// cx, cy, pixels from the picture's upper left corner.
    pub principal_px: [f64; 2],
    /// k1, k2, p1, p2, k3.
    pub distortion: [f64; 5],
}

/// Numbers of a lens: fx, fy, cx, cy, k1, k2, p1, p2, k3.
pub const LENS_PARAMETERS: usize = 9;

impl Lens {
    /// The lens of a camera.
    pub fn of(camera: &Camera) -> Self {
        Self {
            focal_px: camera.focal_px,
            principal_px: camera.principal_px,
            distortion: camera.distortion,
        }
    }

    /// A camera with this lens at the origin of its own axes.
    pub fn camera(&self, name: &str, size_px: [u32; 2]) -> Camera {
        Camera {
            name: name.to_owned(),
            width_px: size_px[0],
            height_px: size_px[1],
            focal_px: self.focal_px,
            principal_px: self.principal_px,
            distortion: self.distortion,
            position: Point3::new(0.0, 0.0, 0.0),
            yaw: 0.0,
            pitch: 0.0,
            roll: 0.0,
        }
    }

    pub(super) fn numbers(&self) -> [f64; LENS_PARAMETERS] {
        let ([a, b], [c, d]) = (self.focal_px, self.principal_px);
        let [k1, k2, p1, p2, k3] = self.distortion;
        [a, b, c, d, k1, k2, p1, p2, k3]
    }

    pub(super) fn from_numbers(n: [f64; LENS_PARAMETERS]) -> Self {
        Self {
            focal_px: [n[0], n[1]],
            principal_px: [n[2], n[3]],
            distortion: [n[4], n[5], n[6], n[7], n[8]],
        }
    }

    /// Largest undistorted radius within the picture's corners, and whether distances from the middle grow
    /// up to there.
    pub(super) fn grows_to(&self, radius: f64) -> bool {
        let [k1, k2, _, _, k3] = self.distortion;
        (1..=60).all(|i| {
            let r2 = (radius * f64::from(i) / 60.0).powi(2);
            1.0 + r2 * (3.0 * k1 + r2 * (5.0 * k2 + 7.0 * k3 * r2)) > 0.05
        })
    }
}

/// Where a target lies before a camera: x_camera = R·x_target + t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetPose {
    /// R, `camera_from_target`, by rows.
    pub rotation: Matrix3,
    /// t, metres.
    pub translation: [f64; 3],
}

impl TargetPose {
    /// A camera's pose over the floor.
    pub fn of(camera: &Camera) -> Self {
        let view = walkout_model::View::new(camera);
        let rotation = *view.camera_from_floor();
        let p = camera.position;
        Self {
            rotation,
            translation: apply(&rotation, [p.x, p.y, p.z]).map(|x| -x),
        }
    }

    /// The camera's optical centre in the target's frame.
    pub fn centre(&self) -> Point3 {
        let [x, y, z] = apply(&transpose(&self.rotation), self.translation).map(|x| -x);
        Point3::new(x, y, z)
    }

    /// Turned by a small rotation in the camera's axes and moved.
    pub(super) fn moved(&self, step: [f64; 6]) -> Self {
        let [a, b, c, x, y, z] = step;
        let turn = rotation([a, b, c]);
        let [tx, ty, tz] = self.translation;
        Self {
            // The translation is not turned: the two parts of a step stay apart.
            rotation: mul(&turn, &self.rotation),
            translation: [tx + x, ty + y, tz + z],
        }
    }

    pub(super) fn to_camera(self, p: [f64; 3]) -> [f64; 3] {
        let q = apply(&self.rotation, p);
        std::array::from_fn(|i| q[i] + self.translation[i])
    }
}

/// A projection and its derivatives by the lens and by a step of [`TargetPose::moved`].
pub(super) struct Projected {
    pub pixel: [f64; 2],
    pub by_lens: [[f64; LENS_PARAMETERS]; 2],
    pub by_pose: [[f64; 6]; 2],
}

/// Where a point of the target falls; `None` behind the camera.
pub(super) fn project(lens: &Lens, pose: &TargetPose, p: [f64; 3]) -> Option<[f64; 2]> {
    let [x, y, z] = pose.to_camera(p);
    if z.is_nan() || z < 1e-3 {
        return None;
    }
    let (xd, yd) = distort(&lens.distortion, x / z, y / z);
    Some([
        lens.focal_px[0] * xd + lens.principal_px[0],
        lens.focal_px[1] * yd + lens.principal_px[1],
    ])
}

/// As [`project`], with derivatives.
pub(super) fn project_fully(lens: &Lens, pose: &TargetPose, p: [f64; 3]) -> Option<Projected> {
    let turned = apply(&pose.rotation, p);
    let [cx, cy, z] = pose.to_camera(p);
    if z.is_nan() || z < 1e-3 {
        return None;
    }
    let (x, y) = (cx / z, cy / z);
    let r2 = x * x + y * y;
    let (xd, yd) = distort(&lens.distortion, x, y);
    let [[a, b], [c, d]] = distort_jacobian(&lens.distortion, x, y);
    let [fx, fy] = lens.focal_px;
    let by_lens = [
        [
            xd,
            0.0,
            1.0,
            0.0,
            fx * x * r2,
            fx * x * r2 * r2,
            fx * 2.0 * x * y,
            fx * (r2 + 2.0 * x * x),
            fx * x * r2 * r2 * r2,
        ],
        [
            0.0,
            yd,
            0.0,
            1.0,
            fy * y * r2,
            fy * y * r2 * r2,
            fy * (r2 + 2.0 * y * y),
            fy * 2.0 * x * y,
            fy * y * r2 * r2 * r2,
        ],
    ];
    // By the point in the camera's axes, then by what moves it: ∂(ω × q)/∂ω and t.
    let by_point = [
        [fx * a / z, fx * b / z, -fx * (a * x + b * y) / z],
        [fy * c / z, fy * d / z, -fy * (c * x + d * y) / z],
    ];
    let by_pose = by_point.map(|g| {
        let w = super::linear::cross(turned, g);
        [w[0], w[1], w[2], g[0], g[1], g[2]]
    });
    Some(Projected {
        pixel: [
            fx * xd + lens.principal_px[0],
            fy * yd + lens.principal_px[1],
        ],
        by_lens,
        by_pose,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_those_of_finite_differences_and_of_the_model() {
        let lens = Lens {
            focal_px: [620.0, 610.0],
            principal_px: [640.0, 350.0],
            distortion: [-0.28, 0.07, 0.001, -0.002, 0.01],
        };
        let mut camera = lens.camera("C", [1280, 720]);
        camera.position = Point3::new(1.0, 2.0, 2.8);
        (camera.yaw, camera.pitch, camera.roll) = (0.4, 0.9, 0.1);
        let pose = TargetPose::of(&camera);
        assert!(pose.centre().distance(camera.position) < 1e-12);
        let p = [2.1, 2.6, 0.3];
        let full = project_fully(&lens, &pose, p).unwrap();
        let seen = walkout_model::View::new(&camera)
            .project(Point3::new(p[0], p[1], p[2]))
            .unwrap();
        assert!((seen.u - full.pixel[0]).hypot(seen.v - full.pixel[1]) < 1e-9);
        let h = 1e-6;
        for k in 0..LENS_PARAMETERS {
            let mut n = lens.numbers();
            n[k] += h;
            let q = project(&Lens::from_numbers(n), &pose, p).unwrap();
            for i in 0..2 {
                let slope = (q[i] - full.pixel[i]) / h;
                assert!((slope - full.by_lens[i][k]).abs() < 1e-3, "{k} {i}");
            }
        }
        for k in 0..6 {
            let mut step = [0.0; 6];
            step[k] = h;
            let q = project(&lens, &pose.moved(step), p).unwrap();
            for i in 0..2 {
                let slope = (q[i] - full.pixel[i]) / h;
                assert!((slope - full.by_pose[i][k]).abs() < 1e-2, "{k} {i}");
            }
        }
    }
}
