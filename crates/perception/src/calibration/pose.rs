//! Where a camera hangs, from points of the shop whose places are known.
//!
//! Three points fix a pose up to four solutions (Grunert 1841, after Haralick et al., "Review and analysis of solutions of
//! the three point perspective pose estimation problem", 1994); the one that most points agree with is adjusted to these.
//! A point that does not agree was measured or typed wrongly, and is named.

use super::adjust::{Free, Sight, adjust};
use super::lens::{Lens, TargetPose, project};
use super::linear::{Matrix3, apply, cross, dot, eigen, mul, sub, transpose, unit};
use walkout_model::layout::Camera;
use walkout_model::{Pixel, Point3, View};

/// A point of the shop and where the picture shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// In the floor frame, metres.
    pub floor: Point3,
    /// In the picture.
    pub pixel: Pixel,
}

/// How the marks were made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseOptions {
    /// Standard deviation that a coordinate of a mark is expected to have, pixels.
    pub sigma_px: f64,
    /// Seek the focal length, too (one for both axes).
    pub focal: bool,
}

/// A camera's pose and how well it is known.
#[derive(Clone, Debug)]
pub struct PoseCalibration {
    /// The camera, as `shop.toml` describes it.
    pub camera: Camera,
    /// Standard deviation of its position along x, y, z, metres.
    pub position_sd_m: [f64; 3],
    /// Standard deviation of yaw, pitch, roll, radians.
    pub angle_sd: [f64; 3],
    /// The same of its direction however it turns about its own axes: right, down, forward, radians.
    pub turn_sd: [f64; 3],
    /// Standard deviation of the focal length, pixels; 0 if it was not sought.
    pub focal_sd_px: f64,
    /// For each mark how it fits.
    pub marks: Vec<MarkFit>,
    /// Root mean square of the distances of the marks that count, pixels.
    pub rms_px: f64,
    /// The same on the floor, metres; at the height of each mark.
    pub rms_floor_m: f64,
    /// Standard deviation of one coordinate of a mark, pixels.
    pub sigma_px: f64,
    /// There are enough marks for a wrong one to stand out.
    pub checked: bool,
}

/// How a mark fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkFit {
    /// Where the camera has it.
    pub projected: Pixel,
    /// Distance from where it was marked, pixels.
    pub off_px: f64,
    /// The same at the mark's height in the shop, metres; none if the camera looks along that plane.
    pub off_m: Option<f64>,
    /// It disagrees with the others and was left out.
    pub outlier: bool,
}

/// Why marks make no pose.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PoseError {
    /// Too few marks.
    #[error("{found} points, and {needed} are needed; 8 or more over the whole picture are better")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// They lie on a line, in the shop or in the picture.
    #[error("the points lie on a line {place}: add points beside it")]
    Collinear {
        /// "in the shop" or "in the picture".
        place: &'static str,
    },
    /// No pose agrees with enough of them.
    #[error(
        "no pose of the camera agrees with more than {agree} of {all} points: check the camera's lens (focal_px, distortion), and that pixels belong to their points"
    )]
    NoAgreement {
        /// How many agree at best.
        agree: usize,
        /// How many there are.
        all: usize,
    },
    /// The camera would hang below what it looks at.
    #[error(
        "the camera would hang {metres:.2} m below the points: x and y of the floor are exchanged or one is negated"
    )]
    Below {
        /// How far.
        metres: f64,
    },
    /// Focal length and height cannot be told apart.
    #[error(
        "the points do not fix the focal length (known to {percent:.0} % only): a camera that looks straight down at one plane needs points at other heights, or its lens from a checkerboard"
    )]
    FocalNotFixed {
        /// Standard deviation in percent.
        percent: f64,
    },
}

/// Marks that fix a pose.
pub const MARKS_MIN: usize = 4;
/// Marks from which on a wrong one stands out.
pub const MARKS_CHECKED: usize = 6;
/// Triples of marks that are tried, at most.
const TRIPLES_MAX: usize = 600;
/// A mark that is off by more sigmas than this (but by [`OUTLIER_PX`] at least) is wrong.
const OUTLIER_SIGMAS: f64 = 4.5;
const OUTLIER_PX: f64 = 2.0;
/// Weight, in residuals, of the sigma that was expected.
const PRIOR_RESIDUALS: f64 = 4.0;
/// A focal length known worse than this is not known.
const FOCAL_SD_MAX: f64 = 0.05;

/// Finds where a camera hangs; its lens is that of `camera`.
///
/// # Errors
/// The marks are too few, badly placed, or contradict each other.
pub fn calibrate_pose(
    camera: &Camera,
    marks: &[Mark],
    options: &PoseOptions,
) -> Result<PoseCalibration, PoseError> {
    let needed = if options.focal {
        MARKS_MIN + 1
    } else {
        MARKS_MIN
    };
    if marks.len() < needed {
        return Err(PoseError::TooFew {
            found: marks.len(),
            needed,
        });
    }
    let spots: Vec<[f64; 3]> = marks
        .iter()
        .map(|m| [m.floor.x, m.floor.y, m.floor.z])
        .collect();
    if thickness(&spots) < 0.02 {
        return Err(PoseError::Collinear {
            place: "in the shop",
        });
    }
    let pixels: Vec<[f64; 3]> = marks.iter().map(|m| [m.pixel.u, m.pixel.v, 0.0]).collect();
    if thickness(&pixels) < 0.01 {
        return Err(PoseError::Collinear {
            place: "in the picture",
        });
    }
    let width = f64::from(camera.width_px);
    let first = Lens::of(camera);
    let lenses: Vec<Lens> = if options.focal {
        let focal = |i: i32| 0.3 * width * 1.12_f64.powi(i);
        (0..22)
            .map(|i| Lens {
                focal_px: [focal(i); 2],
                ..first
            })
            .collect()
    } else {
        vec![first]
    };
    let limit = (OUTLIER_SIGMAS * options.sigma_px)
        .max(OUTLIER_PX)
        .max(0.006 * width);
    // With a focal length that is a guess every point is off.
    let limit = if options.focal { 3.0 * limit } else { limit };
    let mut best: Option<Candidate> = None;
    for lens in lenses {
        if let Some(c) = consensus(camera, lens, marks, limit)
            && best.as_ref().is_none_or(|b| c.cost < b.cost)
        {
            best = Some(c);
        }
    }
    let best = best
        .filter(|b| b.agree >= needed)
        .ok_or(PoseError::NoAgreement {
            agree: 0,
            all: marks.len(),
        })?;
    settle(camera, marks, options, best)
}

struct Candidate {
    lens: Lens,
    pose: TargetPose,
    cost: f64,
    agree: usize,
}

/// The pose of three marks that most others agree with.
fn consensus(camera: &Camera, lens: Lens, marks: &[Mark], limit: f64) -> Option<Candidate> {
    let size = [camera.width_px, camera.height_px];
    let view = View::new(&lens.camera("", size));
    let bearings: Vec<Option<[f64; 3]>> = marks
        .iter()
        .map(|m| {
            let [x, y] = view.undistort(m.pixel)?;
            unit([x, y, 1.0])
        })
        .collect();
    let mut best: Option<Candidate> = None;
    for [i, j, k] in triples(marks.len()) {
        let (Some(a), Some(b), Some(c)) = (bearings[i], bearings[j], bearings[k]) else {
            continue;
        };
        let spots = [i, j, k].map(|i| {
            let p = marks[i].floor;
            [p.x, p.y, p.z]
        });
        for pose in three_points(spots, [a, b, c]) {
            let (mut cost, mut agree) = (0.0, 0);
            for m in marks {
                let off = off_px(&lens, &pose, m);
                cost += (off * off).min(limit * limit);
                agree += usize::from(off < limit);
            }
            if best.as_ref().is_none_or(|b| cost < b.cost) {
                best = Some(Candidate {
                    lens,
                    pose,
                    cost,
                    agree,
                });
            }
        }
    }
    best
}

fn off_px(lens: &Lens, pose: &TargetPose, m: &Mark) -> f64 {
    project(lens, pose, [m.floor.x, m.floor.y, m.floor.z])
        .map_or(f64::INFINITY, |[u, v]| (u - m.pixel.u).hypot(v - m.pixel.v))
}

/// All triples of `n`, or a fixed draw of them.
fn triples(n: usize) -> Vec<[usize; 3]> {
    let all = n * n.saturating_sub(1) * n.saturating_sub(2) / 6;
    if all <= TRIPLES_MAX {
        let mut out = Vec::with_capacity(all);
        for i in 0..n {
            for j in i + 1..n {
                out.extend((j + 1..n).map(|k| [i, j, k]));
            }
        }
        return out;
    }
    let mut state = 0x9e37_79b9_u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % n
    };
    (0..TRIPLES_MAX)
        .map(|_| [draw(), draw(), draw()])
        .filter(|[i, j, k]| i != j && j != k && i != k)
        .collect()
}

/// Adjusts to the marks that agree, and looks again which do.
fn settle(
    camera: &Camera,
    marks: &[Mark],
    options: &PoseOptions,
    start: Candidate,
) -> Result<PoseCalibration, PoseError> {
    let needed = if options.focal {
        MARKS_MIN + 1
    } else {
        MARKS_MIN
    };
    let checked = marks.len() >= MARKS_CHECKED;
    let free = Free {
        focal_common: options.focal,
        ..Free::NONE
    };
    let (mut lens, mut pose) = (start.lens, start.pose);
    let mut limit = if options.focal { 60.0 } else { 8.0 } * options.sigma_px.max(1.0);
    limit = limit.max(0.012 * f64::from(camera.width_px));
    let mut last = None;
    for _ in 0..8 {
        let sights: Vec<Sight> = marks
            .iter()
            .map(|m| Sight {
                target: [m.floor.x, m.floor.y, m.floor.z],
                pixel: [m.pixel.u, m.pixel.v],
                weight: if !checked || off_px(&lens, &pose, m) < limit {
                    1.0
                } else {
                    0.0
                },
            })
            .collect();
        let agree = sights.iter().filter(|s| s.weight > 0.0).count();
        let no = PoseError::NoAgreement {
            agree,
            all: marks.len(),
        };
        if agree < needed {
            return Err(no);
        }
        let sights = vec![sights];
        let fit = adjust(lens, vec![pose], &sights, free).ok_or(no)?;
        (lens, pose) = (fit.lens, fit.poses[0]);
        let prior = PRIOR_RESIDUALS * options.sigma_px * options.sigma_px;
        let sigma = ((fit.squares + prior) / (fit.spare as f64 + PRIOR_RESIDUALS)).sqrt();
        // Two coordinates: a distance of 4.5 sigmas comes by chance once in 25,000 times.
        let next = (OUTLIER_SIGMAS * sigma).max(OUTLIER_PX);
        let weights: Vec<bool> = sights[0].iter().map(|s| s.weight > 0.0).collect();
        let same = marks
            .iter()
            .zip(&weights)
            .all(|(m, w)| (off_px(&lens, &pose, m) < next) == *w);
        limit = next;
        last = Some((fit, weights, sigma));
        if same || !checked {
            break;
        }
    }
    let Some((fit, weights, sigma)) = last else {
        return Err(PoseError::NoAgreement {
            agree: 0,
            all: marks.len(),
        });
    };
    let agree = weights.iter().filter(|w| **w).count();
    // Fewer than half is no majority that could call the others wrong.
    if 2 * agree <= marks.len() && checked {
        return Err(PoseError::NoAgreement {
            agree,
            all: marks.len(),
        });
    }
    let centre = pose.centre();
    let lowest = marks
        .iter()
        .map(|m| m.floor.z)
        .fold(f64::INFINITY, f64::min);
    if centre.z < lowest {
        return Err(PoseError::Below {
            metres: lowest - centre.z,
        });
    }
    let variance = sigma * sigma;
    let focal_sd_px = fit.lens_sd(variance)[0];
    let share = focal_sd_px / lens.focal_px[0];
    if options.focal && (share.is_nan() || share > FOCAL_SD_MAX) {
        return Err(PoseError::FocalNotFixed {
            percent: 100.0 * share,
        });
    }
    let posed = Camera {
        focal_px: lens.focal_px,
        ..camera.clone()
    }
    .posed(&pose.rotation, centre);
    let spread = Spread::new(&pose, &posed, &fit.pose_covariance(0, variance));
    let view = View::new(&posed);
    let fits: Vec<MarkFit> = marks
        .iter()
        .zip(&weights)
        .map(|(m, w)| {
            let projected = view.project(m.floor).unwrap_or(Pixel {
                u: f64::NAN,
                v: f64::NAN,
            });
            let off_m = view
                .ray(m.pixel)
                .and_then(|r| r.at_height(m.floor.z))
                .map(|p| p.distance(m.floor.floor()));
            MarkFit {
                projected,
                off_px: (projected.u - m.pixel.u).hypot(projected.v - m.pixel.v),
                off_m,
                outlier: !w,
            }
        })
        .collect();
    let rms = |f: &dyn Fn(&MarkFit) -> Option<f64>| {
        let good: Vec<f64> = fits.iter().filter(|m| !m.outlier).filter_map(f).collect();
        (good.iter().map(|x| x * x).sum::<f64>() / good.len().max(1) as f64).sqrt()
    };
    Ok(PoseCalibration {
        camera: posed,
        position_sd_m: spread.position,
        angle_sd: spread.angles,
        turn_sd: spread.turn,
        focal_sd_px,
        rms_px: rms(&|m| Some(m.off_px)),
        rms_floor_m: rms(&|m| m.off_m),
        marks: fits,
        sigma_px: sigma,
        checked,
    })
}

struct Spread {
    position: [f64; 3],
    angles: [f64; 3],
    turn: [f64; 3],
}

impl Spread {
    fn new(pose: &TargetPose, camera: &Camera, covariance: &[[f64; 6]; 6]) -> Self {
        let along = |row: [f64; 6]| -> f64 {
            let sum: f64 = (0..6)
                .flat_map(|i| (0..6).map(move |j| (i, j)))
                .map(|(i, j)| row[i] * covariance[i][j] * row[j])
                .sum();
            sum.max(0.0).sqrt()
        };
        // The derivatives by finite steps of the pose.
        let h = 1e-6;
        let mut position = [[0.0; 6]; 3];
        let mut angles = [[0.0; 6]; 3];
        let wrap = |a: f64| a.sin().atan2(a.cos());
        for k in 0..6 {
            let mut step = [0.0; 6];
            step[k] = h;
            let moved = pose.moved(step);
            let c = moved.centre();
            let there = camera.clone().posed(&moved.rotation, c);
            let at = camera.position;
            for (i, d) in [c.x - at.x, c.y - at.y, c.z - at.z].into_iter().enumerate() {
                position[i][k] = d / h;
            }
            let turned = [
                there.yaw - camera.yaw,
                there.pitch - camera.pitch,
                there.roll - camera.roll,
            ];
            for (i, d) in turned.into_iter().enumerate() {
                angles[i][k] = wrap(d) / h;
            }
        }
        Self {
            position: position.map(along),
            angles: angles.map(along),
            turn: [0, 1, 2].map(|i| covariance[i][i].max(0.0).sqrt()),
        }
    }
}

/// The smaller extent of a cloud of points across as a share of the larger.
fn thickness(points: &[[f64; 3]]) -> f64 {
    let n = points.len() as f64;
    let mean: [f64; 3] = std::array::from_fn(|i| points.iter().map(|p| p[i]).sum::<f64>() / n);
    let mut m = [[0.0; 3]; 3];
    for p in points {
        let d = sub(*p, mean);
        for i in 0..3 {
            for j in 0..3 {
                m[i][j] += d[i] * d[j];
            }
        }
    }
    let values = eigen(m);
    (values[1].0.max(0.0) / values[2].0.max(1e-300)).sqrt()
}

/// The poses, up to four, in which a camera sees three points in three directions (unit vectors).
fn three_points(points: [[f64; 3]; 3], rays: [[f64; 3]; 3]) -> Vec<TargetPose> {
    let side2 = |i: usize, j: usize| {
        let d = sub(points[i], points[j]);
        dot(d, d)
    };
    let (a2, b2, c2) = (side2(1, 2), side2(0, 2), side2(0, 1));
    if a2.min(b2).min(c2) < 1e-12 {
        return Vec::new();
    }
    let (ca, cb, cg) = (
        dot(rays[1], rays[2]),
        dot(rays[0], rays[2]),
        dot(rays[0], rays[1]),
    );
    let (p, q, r) = ((a2 - c2) / b2, (a2 + c2) / b2, c2 / b2);
    let (s, t) = ((b2 - c2) / b2, (b2 - a2) / b2);
    let coefficients = [
        (1.0 + p).powi(2) - 4.0 * a2 / b2 * cg * cg,
        4.0 * (-p * (1.0 + p) * cb + 2.0 * a2 / b2 * cg * cg * cb - (1.0 - q) * ca * cg),
        2.0 * (p * p - 1.0 + 2.0 * p * p * cb * cb + 2.0 * s * ca * ca - 4.0 * q * ca * cb * cg
            + 2.0 * t * cg * cg),
        4.0 * (p * (1.0 - p) * cb - (1.0 - q) * ca * cg + 2.0 * r * ca * ca * cb),
        (p - 1.0).powi(2) - 4.0 * r * ca * ca,
    ];
    let mut out = Vec::new();
    for v in real_roots(coefficients) {
        let below = 2.0 * (cg - v * ca);
        if v <= 0.0 || below.abs() < 1e-12 {
            continue;
        }
        let u = ((p - 1.0) * v * v - 2.0 * p * cb * v + 1.0 + p) / below;
        let s1 = (b2 / (1.0 + v * v - 2.0 * v * cb)).sqrt();
        if u <= 0.0 || !s1.is_finite() {
            continue;
        }
        let seen = [s1, u * s1, v * s1];
        let camera: [[f64; 3]; 3] = std::array::from_fn(|i| rays[i].map(|x| x * seen[i]));
        if let Some(pose) = rigid(points, camera) {
            out.push(pose);
        }
    }
    out
}

/// The motion that takes one triangle to another.
fn rigid(from: [[f64; 3]; 3], to: [[f64; 3]; 3]) -> Option<TargetPose> {
    let frame = |p: [[f64; 3]; 3]| -> Option<Matrix3> {
        let x = unit(sub(p[1], p[0]))?;
        let z = unit(cross(x, sub(p[2], p[0])))?;
        Some([x, cross(z, x), z])
    };
    let rotation = mul(&transpose(&frame(to)?), &frame(from)?);
    let moved = apply(&rotation, from[0]);
    Some(TargetPose {
        rotation,
        translation: sub(to[0], moved),
    })
}

/// Real roots of c0 + c1·x + … + c4·x⁴ (Durand–Kerner).
fn real_roots(c: [f64; 5]) -> Vec<f64> {
    let lead = c[4];
    let scale = c.iter().map(|x| x.abs()).fold(0.0, f64::max);
    if !scale.is_finite() || lead.abs() < 1e-12 * scale {
        return Vec::new();
    }
    let monic = c.map(|x| x / lead);
    type Complex = (f64, f64);
    let times = |a: Complex, b: Complex| (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0);
    let mut z: [Complex; 4] = [(1.0, 0.0), (0.4, 0.9), (-0.65, 0.72), (-0.908, -0.297)];
    for _ in 0..80 {
        let mut moved = 0.0;
        for i in 0..4 {
            let mut value = (1.0, 0.0);
            for k in (0..4).rev() {
                value = times(value, z[i]);
                value.0 += monic[k];
            }
            let mut below = (1.0, 0.0);
            for (j, other) in z.iter().enumerate() {
                if j != i {
                    below = times(below, (z[i].0 - other.0, z[i].1 - other.1));
                }
            }
            let size = below.0 * below.0 + below.1 * below.1;
            if size < 1e-300 {
                continue;
            }
            let step = times(value, (below.0 / size, -below.1 / size));
            z[i] = (z[i].0 - step.0, z[i].1 - step.1);
            moved += step.0.abs() + step.1.abs();
        }
        if moved < 1e-14 {
            break;
        }
    }
    // Double roots come out a little off the real axis.
    z.iter()
        .filter(|r| r.1.abs() < 1e-4 * (1.0 + r.0.abs()))
        .map(|r| r.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_points_give_the_pose_among_others() {
        let lens = Lens {
            focal_px: [600.0; 2],
            principal_px: [640.0, 360.0],
            distortion: [0.0; 5],
        };
        let mut camera = lens.camera("C", [1280, 720]);
        camera.position = Point3::new(1.0, 2.0, 2.8);
        (camera.yaw, camera.pitch, camera.roll) = (0.4, 0.9, 0.1);
        let pose = TargetPose::of(&camera);
        let points = [[2.0, 2.0, 0.0], [3.0, 2.5, 0.0], [2.2, 3.6, 0.4]];
        let rays = points.map(|p| unit(pose.to_camera(p)).unwrap());
        let found = three_points(points, rays);
        let near = |p: &TargetPose| p.centre().distance(camera.position) < 1e-6;
        assert!(found.iter().any(near), "{found:?}");
    }
}
