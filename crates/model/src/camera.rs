//! Camera geometry: where a point of the shop falls in a picture, and what line in the shop a pixel is.
//!
//! The model is the pinhole with Brown–Conrady distortion in OpenCV's order (k1, k2, p1, p2, k3), after
//! Brown, "Close-range camera calibration" (1971) and OpenCV's "Camera Calibration and 3D Reconstruction".
//! Camera axes: x to the right of the picture, y down, z along the optical axis. Pixels: (0, 0) is the
//! picture's upper left corner.

use crate::layout::Camera;
use crate::{Point2, Point3};

/// A point of a picture, pixels from its upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Pixel {
    /// To the right.
    pub u: f64,
    /// Down.
    pub v: f64,
}

/// A half-line in the floor frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// Where it begins: the camera's optical centre.
    pub origin: Point3,
    /// Its direction, of length 1.
    pub direction: Point3,
}

/// A camera ready to project: its rotation, and how far its distortion may be believed.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    camera: Camera,
    /// `camera_from_floor`: rows are the picture's right, down and forward in the floor frame.
    camera_from_floor: [[f64; 3]; 3],
    /// Square of the largest undistorted radius at which the distortion still grows.
    radius2_max: f64,
}

/// Why a calibration makes no camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalibrationError {
    /// A number is infinite or not a number.
    #[error("a number of the calibration is not finite")]
    NotFinite,
    /// A focal length is not above 0.
    #[error("the focal lengths must be above 0")]
    Focal,
    /// The picture has no width or no height.
    #[error("the picture must be at least 1 × 1 pixels")]
    Size,
}

/// A calibration as OpenCV writes it: x_camera = R(rvec)·x_floor + tvec.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCvCalibration {
    /// Name of the camera.
    pub name: String,
    /// Picture width, pixels.
    pub width_px: u32,
    /// Picture height, pixels.
    pub height_px: u32,
    /// fx, fy, pixels.
    pub focal_px: [f64; 2],
    /// cx, cy, pixels.
    pub principal_px: [f64; 2],
    /// k1, k2, p1, p2, k3.
    pub distortion: [f64; 5],
    /// Rotation vector: axis times angle, radians.
    pub rvec: [f64; 3],
    /// Translation, metres.
    pub tvec_m: [f64; 3],
}

/// Beyond this tangent of the angle from the axis (84°) no polynomial is believed.
const TAN_MAX: f64 = 10.0;
/// Steps in which the fold of the distortion is looked for.
const FOLD_STEPS: usize = 400;
/// Newton steps to undo the distortion.
const UNDISTORT_STEPS: usize = 25;
/// Points nearer to the camera's plane than this are not projected, metres.
const DEPTH_MIN_M: f64 = 0.05;

impl View {
    /// Prepares a camera.
    pub fn new(camera: &Camera) -> Self {
        Self {
            camera_from_floor: rotation_of(camera),
            radius2_max: fold_radius2(&camera.distortion),
            camera: camera.clone(),
        }
    }

    /// The camera as the shop's folder describes it.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// Rows: the picture's right, down and forward as unit vectors of the floor frame.
    pub fn camera_from_floor(&self) -> &[[f64; 3]; 3] {
        &self.camera_from_floor
    }

    /// A point of the floor frame in the camera's own axes: right, down, forward, metres.
    #[inline]
    pub fn to_camera(&self, p: Point3) -> [f64; 3] {
        let c = self.camera.position;
        let d = [p.x - c.x, p.y - c.y, p.z - c.z];
        self.camera_from_floor.map(|row| dot(row, d))
    }

    /// Where a point falls, inside the picture or beside it. `None`: it lies behind the camera or so far
    /// off the axis that the distortion folds back.
    #[inline]
    pub fn project(&self, p: Point3) -> Option<Pixel> {
        let [x, y, depth] = self.to_camera(p);
        if depth.is_nan() || depth < DEPTH_MIN_M {
            return None;
        }
        let (x, y) = (x / depth, y / depth);
        if x * x + y * y > self.radius2_max {
            return None;
        }
        let (xd, yd) = distort(&self.camera.distortion, x, y);
        Some(self.pixel(xd, yd))
    }

    /// As [`View::project`], with the derivatives of (u, v) by the point's x, y and z, pixels per metre.
    pub fn project_with_jacobian(&self, p: Point3) -> Option<(Pixel, [[f64; 3]; 2])> {
        let [cx, cy, depth] = self.to_camera(p);
        if depth.is_nan() || depth < DEPTH_MIN_M {
            return None;
        }
        let (x, y) = (cx / depth, cy / depth);
        if x * x + y * y > self.radius2_max {
            return None;
        }
        let (xd, yd) = distort(&self.camera.distortion, x, y);
        let [[a, b], [c, d]] = distort_jacobian(&self.camera.distortion, x, y);
        let [right, down, forward] = self.camera_from_floor;
        let [fx, fy] = self.camera.focal_px;
        let mut jacobian = [[0.0; 3]; 2];
        for i in 0..3 {
            let dx = (right[i] - x * forward[i]) / depth;
            let dy = (down[i] - y * forward[i]) / depth;
            jacobian[0][i] = fx * (a * dx + b * dy);
            jacobian[1][i] = fy * (c * dx + d * dy);
        }
        Some((self.pixel(xd, yd), jacobian))
    }

    /// The half-line that a pixel sees. `None`: the distortion has no inverse there, or the pixel is not
    /// finite.
    pub fn ray(&self, pixel: Pixel) -> Option<Ray> {
        let [x, y] = self.undistort(pixel)?;
        let [right, down, forward] = self.camera_from_floor;
        let length = (x * x + y * y + 1.0).sqrt();
        let along = |i: usize| (x * right[i] + y * down[i] + forward[i]) / length;
        Some(Ray {
            origin: self.camera.position,
            direction: Point3::new(along(0), along(1), along(2)),
        })
    }

    /// The pixel's place on the plane at depth 1 of a camera without distortion.
    pub fn undistort(&self, pixel: Pixel) -> Option<[f64; 2]> {
        let xd = (pixel.u - self.camera.principal_px[0]) / self.camera.focal_px[0];
        let yd = (pixel.v - self.camera.principal_px[1]) / self.camera.focal_px[1];
        if !(xd.is_finite() && yd.is_finite()) {
            return None;
        }
        let k = &self.camera.distortion;
        if k.iter().all(|k| *k == 0.0) {
            return Some([xd, yd]);
        }
        let (mut x, mut y) = (xd, yd);
        let limit = self.radius2_max.sqrt();
        for _ in 0..UNDISTORT_STEPS {
            let (px, py) = distort(k, x, y);
            let (ex, ey) = (px - xd, py - yd);
            if ex * ex + ey * ey < 1e-20 {
                break;
            }
            let [[a, b], [c, d]] = distort_jacobian(k, x, y);
            let det = a * d - b * c;
            if det.is_nan() || det.abs() < 1e-9 {
                return None;
            }
            x -= (d * ex - b * ey) / det;
            y -= (a * ey - c * ex) / det;
            // A step beyond the fold would slide down its other side.
            let r = x.hypot(y);
            if !r.is_finite() {
                return None;
            }
            if r > limit {
                (x, y) = (x * limit / r, y * limit / r);
            }
        }
        let (px, py) = distort(k, x, y);
        ((px - xd).hypot(py - yd) < 1e-6).then_some([x, y])
    }

    /// Whether a pixel lies inside the picture.
    #[inline]
    pub fn contains(&self, pixel: Pixel) -> bool {
        (0.0..=f64::from(self.camera.width_px)).contains(&pixel.u)
            && (0.0..=f64::from(self.camera.height_px)).contains(&pixel.v)
    }

    fn pixel(&self, xd: f64, yd: f64) -> Pixel {
        Pixel {
            u: self.camera.focal_px[0] * xd + self.camera.principal_px[0],
            v: self.camera.focal_px[1] * yd + self.camera.principal_px[1],
        }
    }
}

impl Ray {
    /// Where it passes the height `z`, if it does so ahead of its origin.
    pub fn at_height(&self, z: f64) -> Option<Point2> {
        let t = (z - self.origin.z) / self.direction.z;
        (t.is_finite() && t > 0.0).then(|| self.at(t).floor())
    }

    /// The point that lies `t` metres along it.
    #[inline]
    pub fn at(&self, t: f64) -> Point3 {
        Point3::new(
            self.origin.x + t * self.direction.x,
            self.origin.y + t * self.direction.y,
            self.origin.z + t * self.direction.z,
        )
    }

    /// Distance of a point from the half-line, metres.
    pub fn distance_to(&self, p: Point3) -> f64 {
        let d = [
            p.x - self.origin.x,
            p.y - self.origin.y,
            p.z - self.origin.z,
        ];
        let w = [self.direction.x, self.direction.y, self.direction.z];
        let t = dot(d, w).max(0.0);
        self.at(t).distance(p)
    }
}

impl Camera {
    /// A camera from a calibration as OpenCV writes it. Heading, pitch and roll are recovered from the
    /// rotation; a camera that looks straight up or down gets roll 0.
    ///
    /// # Errors
    /// A number is not finite, a focal length is not positive, or the picture is empty.
    pub fn from_opencv(calibration: OpenCvCalibration) -> Result<Self, CalibrationError> {
        let c = calibration;
        let numbers = [&c.focal_px[..], &c.principal_px, &c.distortion];
        let poses = [&c.rvec[..], &c.tvec_m];
        if numbers
            .iter()
            .chain(&poses)
            .any(|n| n.iter().any(|x| !x.is_finite()))
        {
            return Err(CalibrationError::NotFinite);
        }
        if c.focal_px.iter().any(|f| *f <= 0.0) {
            return Err(CalibrationError::Focal);
        }
        if c.width_px == 0 || c.height_px == 0 {
            return Err(CalibrationError::Size);
        }
        let r = rodrigues(c.rvec);
        let t = c.tvec_m;
        // x_camera = R·x + t, so the centre is −Rᵀ·t.
        let centre = |i: usize| -(r[0][i] * t[0] + r[1][i] * t[1] + r[2][i] * t[2]);
        let (yaw, pitch, roll) = angles_of(&r);
        Ok(Self {
            name: c.name,
            width_px: c.width_px,
            height_px: c.height_px,
            focal_px: c.focal_px,
            principal_px: c.principal_px,
            distortion: c.distortion,
            position: Point3::new(centre(0), centre(1), centre(2)),
            yaw,
            pitch,
            roll,
        })
    }

    /// The same lens elsewhere. `camera_from_floor`: rows are the picture's right, down and forward in the floor
    /// frame; a camera that looks straight up or down gets roll 0.
    #[must_use]
    pub fn posed(mut self, camera_from_floor: &[[f64; 3]; 3], position: Point3) -> Self {
        (self.yaw, self.pitch, self.roll) = angles_of(camera_from_floor);
        self.position = position;
        self
    }

    /// Its pose as OpenCV writes it: rotation vector (radians) and translation (metres).
    pub fn to_opencv_pose(&self) -> ([f64; 3], [f64; 3]) {
        let r = rotation_of(self);
        let p = [self.position.x, self.position.y, self.position.z];
        (rotation_vector(&r), r.map(|row| -dot(row, p)))
    }
}

/// Rows: the picture's right, down and forward in the floor frame.
fn rotation_of(camera: &Camera) -> [[f64; 3]; 3] {
    let (sy, cy) = camera.yaw.sin_cos();
    let (sp, cp) = camera.pitch.sin_cos();
    let (sr, cr) = camera.roll.sin_cos();
    let forward = [cp * cy, cp * sy, -sp];
    let level_right = [sy, -cy, 0.0];
    let level_down = cross(forward, level_right);
    let turned = |k: f64, l: f64| std::array::from_fn(|i| k * level_right[i] + l * level_down[i]);
    [turned(cr, sr), turned(-sr, cr), forward]
}

/// Heading, pitch and roll of a rotation `camera_from_floor`.
fn angles_of(r: &[[f64; 3]; 3]) -> (f64, f64, f64) {
    let [right, _, forward] = *r;
    let pitch = (-forward[2]).clamp(-1.0, 1.0).asin();
    if forward[0].hypot(forward[1]) < 1e-9 {
        return (right[0].atan2(-right[1]), pitch, 0.0);
    }
    let yaw = forward[1].atan2(forward[0]);
    let level_right = [yaw.sin(), -yaw.cos(), 0.0];
    let level_down = cross(forward, level_right);
    let roll = dot(right, level_down).atan2(dot(right, level_right));
    (yaw, pitch, roll)
}

/// Rodrigues' formula: the rotation about an axis by the vector's length.
fn rodrigues(v: [f64; 3]) -> [[f64; 3]; 3] {
    let angle = dot(v, v).sqrt();
    if angle < 1e-12 {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    }
    let [x, y, z] = v.map(|x| x / angle);
    let (s, c) = angle.sin_cos();
    let k = 1.0 - c;
    [
        [c + k * x * x, k * x * y - s * z, k * x * z + s * y],
        [k * x * y + s * z, c + k * y * y, k * y * z - s * x],
        [k * x * z - s * y, k * y * z + s * x, c + k * z * z],
    ]
}

/// The inverse of [`rodrigues`].
fn rotation_vector(r: &[[f64; 3]; 3]) -> [f64; 3] {
    // R = cos·1 + (1 − cos)·aaᵀ + sin·[a]×: what is skew has the axis times 2 sin, the rest (1 − cos) of its square.
    let skew = [r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]];
    let sin = dot(skew, skew).sqrt() / 2.0;
    let cos = (r[0][0] + r[1][1] + r[2][2] - 1.0) / 2.0;
    let angle = sin.atan2(cos);
    if cos > 0.0 {
        let turn = if sin < 1e-12 { 1.0 } else { angle / sin };
        return skew.map(|s| s / 2.0 * turn);
    }
    // More than a quarter of a turn: the square is well known, also where the sine vanishes.
    let axis = (0..3).max_by(|a, b| r[*a][*a].total_cmp(&r[*b][*b]));
    let i = axis.unwrap_or(0);
    let column: [f64; 3] = std::array::from_fn(|j| {
        let whole = if i == j { cos } else { 0.0 };
        (r[j][i] + r[i][j]) / 2.0 - whole
    });
    let length = dot(column, column).sqrt().max(1e-12);
    let sign = if dot(skew, column) < 0.0 { -1.0 } else { 1.0 };
    column.map(|c| sign * angle * c / length)
}

/// Where the lens puts a point of the plane at depth 1; `k`: k1, k2, p1, p2, k3.
pub fn distort(k: &[f64; 5], x: f64, y: f64) -> (f64, f64) {
    let [k1, k2, p1, p2, k3] = *k;
    let r2 = x * x + y * y;
    let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
    (
        x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
        y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
    )
}

/// Derivatives of [`distort`] by x and y.
pub fn distort_jacobian(k: &[f64; 5], x: f64, y: f64) -> [[f64; 2]; 2] {
    let [k1, k2, p1, p2, k3] = *k;
    let r2 = x * x + y * y;
    let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
    // By r², then by x and y through r² = x² + y².
    let slope = k1 + r2 * (2.0 * k2 + 3.0 * k3 * r2);
    let mixed = 2.0 * x * y * slope + 2.0 * p1 * x + 2.0 * p2 * y;
    [
        [
            radial + 2.0 * x * x * slope + 2.0 * p1 * y + 6.0 * p2 * x,
            mixed,
        ],
        [
            mixed,
            radial + 2.0 * y * y * slope + 6.0 * p1 * y + 2.0 * p2 * x,
        ],
    ]
}

/// The undistorted radius, squared, at which r·(1 + k1·r² + k2·r⁴ + k3·r⁶) stops growing: beyond it two
/// lines would share a pixel.
fn fold_radius2(k: &[f64; 5]) -> f64 {
    let [k1, k2, _, _, k3] = *k;
    let growth = |r2: f64| 1.0 + r2 * (3.0 * k1 + r2 * (5.0 * k2 + 7.0 * k3 * r2));
    let step = TAN_MAX / FOLD_STEPS as f64;
    let mut inside = 0.0;
    for i in 1..=FOLD_STEPS {
        let r = i as f64 * step;
        if growth(r * r) <= 0.0 {
            break;
        }
        inside = r;
    }
    inside * inside
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn camera(yaw: f64, pitch: f64, roll: f64) -> Camera {
        Camera {
            name: "C".into(),
            width_px: 1280,
            height_px: 720,
            focal_px: [620.0, 615.0],
            principal_px: [640.0, 360.0],
            distortion: [-0.28, 0.07, 0.001, -0.002, 0.0],
            position: Point3::new(1.0, 2.0, 2.8),
            yaw,
            pitch,
            roll,
        }
    }

    #[test]
    fn a_level_camera_sees_left_to_the_left_and_up_above() {
        let view = View::new(&camera(0.0, 0.0, 0.0));
        let ahead = view.project(Point3::new(4.0, 2.0, 2.8)).unwrap();
        assert!((ahead.u - 640.0).abs() < 1e-9 && (ahead.v - 360.0).abs() < 1e-9);
        // Heading +x, so +y is to the left.
        assert!(view.project(Point3::new(4.0, 2.5, 2.8)).unwrap().u < 600.0);
        assert!(view.project(Point3::new(4.0, 2.0, 3.3)).unwrap().v < 320.0);
        assert_eq!(view.project(Point3::new(-4.0, 2.0, 2.8)), None);
    }

    #[test]
    fn what_opencv_projects_is_projected_the_same() {
        // cv2.projectPoints of OpenCV 5 for these arguments.
        let camera = Camera::from_opencv(OpenCvCalibration {
            name: "C".into(),
            width_px: 1920,
            height_px: 1080,
            focal_px: [1700.0, 1690.0],
            principal_px: [960.0, 540.0],
            distortion: [-0.2, 0.05, 0.001, -0.0005, 0.01],
            rvec: [1.7, 0.4, -0.3],
            tvec_m: [-0.5, 0.1, 8.0],
        })
        .unwrap();
        let view = View::new(&camera);
        for (p, (u, v)) in OPENCV {
            let seen = view.project(Point3::new(p[0], p[1], p[2])).unwrap();
            assert!(
                (seen.u - u).abs() < 1e-6 && (seen.v - v).abs() < 1e-6,
                "{seen:?}"
            );
        }
    }

    const OPENCV: [([f64; 3], (f64, f64)); 3] = [
        ([0.5, -0.3, 1.2], (926.7160707154542, 311.51886744954675)),
        ([-1.5, 1.0, 0.0], (705.5392208007491, 508.2834697089352)),
        ([2.0, 0.7, 1.75], (1327.5400916639526, 200.90157489111004)),
    ];

    #[test]
    fn beyond_the_fold_nothing_is_seen() {
        // 1 − 0.9·r² stops growing at r = 0.61.
        let mut folded = camera(0.0, 0.0, 0.0);
        folded.distortion = [-0.9, 0.0, 0.0, 0.0, 0.0];
        let view = View::new(&folded);
        assert!(view.project(Point3::new(2.0, 2.5, 2.8)).is_some());
        assert!(view.project(Point3::new(2.0, 3.0, 2.8)).is_none());
        assert!(
            view.ray(Pixel {
                u: 1270.0,
                v: 360.0
            })
            .is_none()
        );
        assert!(
            view.ray(Pixel {
                u: f64::NAN,
                v: 0.0
            })
            .is_none()
        );
    }

    #[test]
    fn a_calibration_that_cannot_be_is_refused() {
        let good = OpenCvCalibration {
            name: "C".into(),
            width_px: 10,
            height_px: 10,
            focal_px: [10.0; 2],
            principal_px: [5.0; 2],
            distortion: [0.0; 5],
            rvec: [0.0; 3],
            tvec_m: [0.0; 3],
        };
        let with = |f: &dyn Fn(&mut OpenCvCalibration)| {
            let mut c = good.clone();
            f(&mut c);
            Camera::from_opencv(c).unwrap_err()
        };
        assert_eq!(with(&|c| c.rvec[0] = f64::NAN), CalibrationError::NotFinite);
        assert_eq!(with(&|c| c.focal_px[1] = 0.0), CalibrationError::Focal);
        assert_eq!(with(&|c| c.width_px = 0), CalibrationError::Size);
    }

    proptest! {
        #[test]
        fn a_ray_leads_back_to_what_was_seen(
            yaw in -3.0..3.0f64, pitch in -1.5..1.57f64, roll in -3.0..3.0f64,
            x in -0.7..0.7f64, y in -0.5..0.5f64, depth in 0.5..9.0f64,
        ) {
            let view = View::new(&camera(yaw, pitch, roll));
            let [right, down, forward] = *view.camera_from_floor();
            let at = |i: usize| depth * (x * right[i] + y * down[i] + forward[i]);
            let c = view.camera().position;
            let p = Point3::new(c.x + at(0), c.y + at(1), c.z + at(2));
            let pixel = view.project(p).unwrap();
            let ray = view.ray(pixel).unwrap();
            prop_assert!(ray.distance_to(p) < 1e-6);
            if (p.z - c.z).abs() > 1e-3 {
                let back = ray.at_height(p.z).unwrap();
                prop_assert!(back.distance(p.floor()) < 1e-4);
            }
            // The derivatives are those of finite differences.
            let (_, jacobian) = view.project_with_jacobian(p).unwrap();
            let h = 1e-5;
            for i in 0..3 {
                let mut q = [p.x, p.y, p.z];
                q[i] += h;
                let moved = view.project(Point3::new(q[0], q[1], q[2])).unwrap();
                let scale = 1.0 + jacobian[0][i].abs() + jacobian[1][i].abs();
                prop_assert!(((moved.u - pixel.u) / h - jacobian[0][i]).abs() < 1e-2 * scale);
                prop_assert!(((moved.v - pixel.v) / h - jacobian[1][i]).abs() < 1e-2 * scale);
            }
        }

        #[test]
        fn a_pose_survives_opencv(
            yaw in -3.1..3.1f64, pitch in -1.57..1.57f64, roll in -3.1..3.1f64,
        ) {
            let camera = camera(yaw, pitch, roll);
            let (rvec, tvec_m) = camera.to_opencv_pose();
            let back = Camera::from_opencv(OpenCvCalibration {
                name: camera.name.clone(),
                width_px: camera.width_px,
                height_px: camera.height_px,
                focal_px: camera.focal_px,
                principal_px: camera.principal_px,
                distortion: camera.distortion,
                rvec,
                tvec_m,
            })
            .unwrap();
            prop_assert!(back.position.distance(camera.position) < 1e-6);
            let (a, b) = (View::new(&camera), View::new(&back));
            for i in 0..3 {
                for j in 0..3 {
                    let d = a.camera_from_floor()[i][j] - b.camera_from_floor()[i][j];
                    prop_assert!(d.abs() < 1e-6, "{i} {j} {d}");
                }
            }
        }
    }
}
