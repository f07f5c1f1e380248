//! The lens from several pictures of a flat board (Zhang, "A Flexible New Technique for Camera Calibration", 2000).
//!
//! Each picture's homography gives a first focal length, with the principal point in the middle of the picture; all
//! numbers and all boards' poses are then adjusted together (`adjust`). How many numbers the lens gets depends on what the
//! pictures fix.

use super::adjust::{Adjusted, Free, Sight, adjust};
use super::lens::{LENS_PARAMETERS, Lens, TargetPose, project};
use super::linear::{Matrix3, cross, dot, homography, median, orthonormal, transpose};

/// What one picture shows of a flat target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoardView {
    /// Places on the target, metres, and where the picture has them, pixels.
    pub points: Vec<([f64; 2], [f64; 2])>,
}

/// A lens and how well it is known.
#[derive(Clone, Debug)]
pub struct LensCalibration {
    /// The lens.
    pub lens: Lens,
    /// Standard deviations of fx, fy, cx, cy, k1, k2, p1, p2, k3; 0 for a number that was not sought.
    pub sd: [f64; LENS_PARAMETERS],
    /// Root mean square of the distances between corners found and corners projected, pixels.
    pub rms_px: f64,
    /// Standard deviation of one coordinate of a corner, pixels.
    pub sigma_px: f64,
    /// For each view what it says.
    pub views: Vec<ViewFit>,
    /// How far from the middle corners were seen, as a share of the way to the picture's corner.
    pub reach: f64,
    /// Numbers that were left at 0 or in the middle, and why.
    pub held: Vec<String>,
}

/// How one picture fits.
#[derive(Clone, Debug)]
pub struct ViewFit {
    /// Where the board lay before the camera.
    pub pose: TargetPose,
    /// Root mean square of its corners' distances, pixels, those left out included.
    pub rms_px: f64,
    /// The largest one.
    pub max_px: f64,
    /// Corners that were left out as wrong, by their place in [`BoardView::points`].
    pub outliers: Vec<usize>,
    /// Corners projected, in the order of [`BoardView::points`].
    pub projected: Vec<[f64; 2]>,
}

/// Why the pictures make no calibration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LensError {
    /// Too few pictures.
    #[error(
        "the board was found in {found} pictures, and {needed} are needed: take some ten, near and far, tilted to all sides, up to the corners"
    )]
    TooFewViews {
        /// How many show the board.
        found: usize,
        /// How many must.
        needed: usize,
    },
    /// The board was held the same way in all pictures.
    #[error(
        "in all pictures the board lies the same way (tilts differ by {degrees:.1} degrees at most): tilt it by 20 to 45 degrees to all sides"
    )]
    Parallel {
        /// The largest angle between two boards.
        degrees: f64,
    },
    /// A picture's points lie on a line.
    #[error("picture {view}: the corners lie on a line")]
    Collinear {
        /// Which, from 0.
        view: usize,
    },
    /// The equations have no sound solution.
    #[error(
        "the pictures do not fix the lens (focal length known to {percent:.0} % only): take more, tilted and nearer"
    )]
    NotFixed {
        /// Standard deviation of the focal length in percent of it.
        percent: f64,
    },
}

/// Least number of pictures.
pub const VIEWS_MIN: usize = 3;
/// Boards that differ by less do not fix a focal length.
const TILT_MIN_DEG: f64 = 5.0;
/// A focal length known worse than this is not known.
const FOCAL_SD_MAX: f64 = 0.03;
/// The principal point is taken in the middle if it would be known worse than this share of the width.
const PRINCIPAL_SD_MAX: f64 = 0.02;
/// Corners farther off than so many standard deviations are left out, but not below [`OUTLIER_PX`].
const OUTLIER_SIGMAS: f64 = 6.0;
const OUTLIER_PX: f64 = 0.5;
/// Squares of this side double the variance of their corners.
const SMALL_PX: f64 = 14.0;
/// First focal lengths that are tried, as shares of the picture's width.
const FOCALS: [f64; 5] = [0.35, 0.6, 0.95, 1.5, 2.6];

/// Finds the lens of a camera whose pictures have this size.
///
/// # Errors
/// Too few pictures, or pictures that do not fix a lens.
pub fn calibrate_lens(
    size_px: [u32; 2],
    views: &[BoardView],
) -> Result<LensCalibration, LensError> {
    if views.len() < VIEWS_MIN {
        return Err(LensError::TooFewViews {
            found: views.len(),
            needed: VIEWS_MIN,
        });
    }
    let mut homographies = Vec::with_capacity(views.len());
    for (view, v) in views.iter().enumerate() {
        let (from, to): (Vec<_>, Vec<_>) = v.points.iter().copied().unzip();
        homographies.push(homography(&from, &to).ok_or(LensError::Collinear { view })?);
    }
    let mut sights: Vec<Vec<Sight>> = views
        .iter()
        .map(|v| {
            let sight = |(t, p): &([f64; 2], [f64; 2])| Sight {
                target: [t[0], t[1], 0.0],
                pixel: *p,
                weight: trust(v, *p),
            };
            v.points.iter().map(sight).collect()
        })
        .collect();
    let unfixed = LensError::NotFixed { percent: 100.0 };
    let first = first_fit(size_px, &homographies, &sights).ok_or(unfixed.clone())?;
    let trusts: Vec<Vec<f64>> = sights
        .iter()
        .map(|v| v.iter().map(|s| s.weight).collect())
        .collect();
    let degrees = spread_of_tilts(&first.poses);
    if degrees < TILT_MIN_DEG {
        return Err(LensError::Parallel { degrees });
    }
    let mut held = Vec::new();
    let mut fit = ladder(size_px, &first, &sights, &mut held).ok_or(unfixed.clone())?;
    for _ in 0..3 {
        let sigma = robust_sigma(&fit, &sights);
        let limit = (OUTLIER_SIGMAS * sigma).max(OUTLIER_PX);
        let mut changed = false;
        for ((pose, sights), trusts) in fit.poses.iter().zip(&mut sights).zip(&trusts) {
            for (s, trust) in sights.iter_mut().zip(trusts) {
                let far = project(&fit.lens, pose, s.target)
                    .is_none_or(|p| away(p, s.pixel) * trust.sqrt() > limit);
                let weight = if far { 0.0 } else { *trust };
                changed |= weight != s.weight;
                s.weight = weight;
            }
        }
        if !changed || sights.iter().any(|v| weighed(v) < 6) {
            break;
        }
        held.clear();
        fit = ladder(size_px, &fit, &sights, &mut held).ok_or(unfixed.clone())?;
    }
    let variance = fit.squares / fit.spare.max(1) as f64;
    let sd = fit.lens_sd(variance);
    let share = (sd[0] / fit.lens.focal_px[0]).max(sd[1] / fit.lens.focal_px[1]);
    if share.is_nan() || share > FOCAL_SD_MAX {
        return Err(LensError::NotFixed {
            percent: 100.0 * share,
        });
    }
    Ok(report(size_px, &fit, &sights, sd, variance.sqrt(), held))
}

fn report(
    size_px: [u32; 2],
    fit: &Adjusted,
    sights: &[Vec<Sight>],
    sd: [f64; LENS_PARAMETERS],
    sigma_px: f64,
    held: Vec<String>,
) -> LensCalibration {
    let mut views = Vec::with_capacity(sights.len());
    let (mut squares, mut count) = (0.0, 0.0);
    for (pose, sights) in fit.poses.iter().zip(sights) {
        let projected: Vec<[f64; 2]> = sights
            .iter()
            .map(|s| project(&fit.lens, pose, s.target).unwrap_or([f64::NAN; 2]))
            .collect();
        let off: Vec<f64> = projected
            .iter()
            .zip(sights)
            .map(|(p, s)| away(*p, s.pixel))
            .collect();
        let of_view: f64 = off.iter().map(|d| d * d).sum();
        for (d, s) in off.iter().zip(sights) {
            if s.weight > 0.0 {
                squares += d * d;
                count += 1.0;
            }
        }
        views.push(ViewFit {
            pose: *pose,
            rms_px: (of_view / off.len().max(1) as f64).sqrt(),
            max_px: off.iter().copied().fold(0.0, f64::max),
            outliers: (0..sights.len())
                .filter(|i| sights[*i].weight == 0.0)
                .collect(),
            projected,
        });
    }
    let middle = fit.lens.principal_px;
    let reach = sights
        .iter()
        .flatten()
        .map(|s| away(s.pixel, middle))
        .fold(0.0, f64::max);
    LensCalibration {
        lens: fit.lens,
        sd,
        rms_px: (squares / f64::max(count, 1.0)).sqrt(),
        sigma_px,
        views,
        reach: reach / corner_px(size_px, middle),
        held,
    }
}

/// Weight of a corner: where squares are small, the window that its edges are seen in is, too.
fn trust(view: &BoardView, p: [f64; 2]) -> f64 {
    let near = view
        .points
        .iter()
        .map(|(_, q)| away(p, *q))
        .filter(|d| *d > 0.0)
        .fold(f64::INFINITY, f64::min);
    1.0 / (1.0 + (SMALL_PX / near).powi(4))
}

/// From the principal point to the farthest corner of the picture.
fn corner_px(size_px: [u32; 2], middle: [f64; 2]) -> f64 {
    let [w, h] = size_px.map(f64::from);
    [[0.0, 0.0], [w, 0.0], [0.0, h], [w, h]]
        .iter()
        .map(|c| away(*c, middle))
        .fold(1.0, f64::max)
}

fn away(p: [f64; 2], q: [f64; 2]) -> f64 {
    (p[0] - q[0]).hypot(p[1] - q[1])
}

fn weighed(sights: &[Sight]) -> usize {
    sights.iter().filter(|s| s.weight > 0.0).count()
}

/// Standard deviation of a coordinate by the median distance of the corners.
fn robust_sigma(fit: &Adjusted, sights: &[Vec<Sight>]) -> f64 {
    let mut off = Vec::new();
    for (pose, sights) in fit.poses.iter().zip(sights) {
        for s in sights.iter().filter(|s| s.weight > 0.0) {
            if let Some(p) = project(&fit.lens, pose, s.target) {
                off.push(away(p, s.pixel) * s.weight.sqrt());
            }
        }
    }
    // The median of a Rayleigh distribution is 1.1774 of its sigma.
    median(off) / 1.1774
}

/// One focal length and k1, from several first guesses.
fn first_fit(
    size_px: [u32; 2],
    homographies: &[Matrix3],
    sights: &[Vec<Sight>],
) -> Option<Adjusted> {
    let [w, h] = size_px.map(f64::from);
    let middle = [w / 2.0, h / 2.0];
    let mut guesses: Vec<f64> = focal_of(homographies, middle)
        .into_iter()
        .filter(|f| (0.1 * w..20.0 * w).contains(f))
        .collect();
    guesses.extend(FOCALS.map(|s| s * w));
    let free = Free {
        focal_common: true,
        radial: 1,
        ..Free::NONE
    };
    let mut best: Option<Adjusted> = None;
    for focal in guesses {
        let lens = Lens {
            focal_px: [focal; 2],
            principal_px: middle,
            distortion: [0.0; 5],
        };
        let poses: Option<Vec<TargetPose>> = homographies
            .iter()
            .map(|h| pose_of_homography(h, &lens))
            .collect();
        let fit = poses.and_then(|poses| adjust(lens, poses, sights, free));
        if let Some(fit) = fit
            && best.as_ref().is_none_or(|b| fit.squares < b.squares)
        {
            best = Some(fit);
        }
    }
    best
}

/// Zhang's two conditions on each homography, for square pixels and a known principal point: linear in 1/f².
fn focal_of(homographies: &[Matrix3], middle: [f64; 2]) -> Option<f64> {
    let (mut ab, mut aa) = (0.0, 0.0);
    for h in homographies {
        let [r1, r2, r3] = *h;
        // The picture's origin moves to the principal point.
        let r1: [f64; 3] = std::array::from_fn(|j| r1[j] - middle[0] * r3[j]);
        let r2: [f64; 3] = std::array::from_fn(|j| r2[j] - middle[1] * r3[j]);
        let scale = r1[0].hypot(r2[0]) * r1[1].hypot(r2[1]);
        let conditions = [
            (r1[0] * r1[1] + r2[0] * r2[1], r3[0] * r3[1]),
            (
                r1[0] * r1[0] + r2[0] * r2[0] - r1[1] * r1[1] - r2[1] * r2[1],
                r3[0] * r3[0] - r3[1] * r3[1],
            ),
        ];
        for (a, b) in conditions {
            let (a, b) = (a / scale, b / scale);
            aa += a * a;
            ab -= a * b;
        }
    }
    let q = ab / aa;
    (q > 0.0 && q.is_finite()).then(|| (1.0 / q).sqrt())
}

/// The pose of a plane from its homography.
pub(super) fn pose_of_homography(h: &Matrix3, lens: &Lens) -> Option<TargetPose> {
    let ([fx, fy], [cx, cy]) = (lens.focal_px, lens.principal_px);
    let column = |j: usize| {
        [
            (h[0][j] - cx * h[2][j]) / fx,
            (h[1][j] - cy * h[2][j]) / fy,
            h[2][j],
        ]
    };
    let [a, b, t] = [0, 1, 2].map(column);
    let scale = 2.0 / (dot(a, a).sqrt() + dot(b, b).sqrt());
    let scale = if t[2] < 0.0 { -scale } else { scale };
    let [a, b, t] = [a, b, t].map(|v| v.map(|x| x * scale));
    let rotation = transpose(&orthonormal(&[a, b, cross(a, b)])?);
    (t[2].is_finite() && t[2] > 0.0).then_some(TargetPose {
        rotation,
        translation: t,
    })
}

/// The largest angle between the planes of two targets, degrees.
fn spread_of_tilts(poses: &[TargetPose]) -> f64 {
    let normals: Vec<[f64; 3]> = poses.iter().map(|p| p.rotation.map(|row| row[2])).collect();
    let mut most = 0.0;
    for (i, a) in normals.iter().enumerate() {
        for b in &normals[..i] {
            most = f64::max(most, dot(*a, *b).abs().min(1.0).acos().to_degrees());
        }
    }
    most
}

/// The fullest lens that the pictures fix.
fn ladder(
    size_px: [u32; 2],
    first: &Adjusted,
    sights: &[Vec<Sight>],
    held: &mut Vec<String>,
) -> Option<Adjusted> {
    let full = Free {
        focal_common: false,
        focal_apart: true,
        principal: true,
        radial: 2,
        tangential: true,
    };
    let plain = Free {
        focal_common: true,
        focal_apart: false,
        radial: 1,
        tangential: false,
        ..full
    };
    let bare = Free {
        principal: false,
        ..plain
    };
    let run = |free: Free, from: &Adjusted| {
        // What this lens does not have goes back to 0 or the middle.
        let mut lens = from.lens;
        if !free.principal {
            lens.principal_px = size_px.map(|s| 0.5 * f64::from(s));
        }
        if !free.tangential {
            (lens.distortion[2], lens.distortion[3]) = (0.0, 0.0);
        }
        for (k, slot) in [0, 1, 4].into_iter().enumerate() {
            if k >= free.radial {
                lens.distortion[slot] = 0.0;
            }
        }
        adjust(lens, from.poses.clone(), sights, free).filter(|f| is_sound(f, size_px))
    };
    if let Some(fit) = run(full, first) {
        let more = run(Free { radial: 3, ..full }, &fit);
        let seen = reach_of(&fit, size_px, sights);
        match more {
            // Schwarz' criterion: one number more must be worth it.
            Some(more) if seen > 0.7 && bic(&more) < bic(&fit) - 6.0 => return Some(more),
            Some(_) if seen <= 0.7 => held.push(
                "k3: corners were not seen far enough from the middle of the picture".to_owned(),
            ),
            Some(_) => held.push("k3: the corners fit as well without it".to_owned()),
            None => held.push("k3: the pictures do not fix it".to_owned()),
        }
        return Some(fit);
    }
    held.push("k2, k3, p1, p2, fx apart from fy: the pictures do not fix them".to_owned());
    if let Some(fit) = run(plain, first) {
        return Some(fit);
    }
    held.push("cx, cy: the pictures do not fix the principal point, it is the middle".to_owned());
    adjust_bare(run(bare, first), first, size_px)
}

/// The last rung: whatever it is, its standard deviations say how good.
fn adjust_bare(fit: Option<Adjusted>, first: &Adjusted, size_px: [u32; 2]) -> Option<Adjusted> {
    fit.or_else(|| {
        let grows = first.lens.grows_to(corner_radius(&first.lens, size_px));
        grows.then(|| first.clone())
    })
}

fn bic(fit: &Adjusted) -> f64 {
    let numbers = fit.groups.len() + 6 * fit.poses.len();
    let n = (fit.spare + numbers) as f64;
    n * (fit.squares.max(1e-12) / n).ln() + numbers as f64 * n.ln()
}

fn is_sound(fit: &Adjusted, size_px: [u32; 2]) -> bool {
    let sd = fit.lens_sd(fit.squares / fit.spare.max(1) as f64);
    let [w, h] = size_px.map(f64::from);
    let [cx, cy] = fit.lens.principal_px;
    (0.2 * w..0.8 * w).contains(&cx)
        && (0.2 * h..0.8 * h).contains(&cy)
        && sd[2].max(sd[3]) < PRINCIPAL_SD_MAX * w
        && sd.iter().all(|s| s.is_finite())
        && fit.lens.grows_to(corner_radius(&fit.lens, size_px))
}

/// Undistorted radius of the picture's corner: where the distortion brings it there, or as a pinhole.
fn corner_radius(lens: &Lens, size_px: [u32; 2]) -> f64 {
    let target = corner_px(size_px, lens.principal_px) / lens.focal_px[0].min(lens.focal_px[1]);
    let [k1, k2, _, _, k3] = lens.distortion;
    let there = |r: f64| r * (1.0 + r * r * (k1 + r * r * (k2 + r * r * k3)));
    let mut r = 0.0;
    while r < 3.0 * target && there(r) < target {
        r += 0.01 * target;
    }
    r
}

fn reach_of(fit: &Adjusted, size_px: [u32; 2], sights: &[Vec<Sight>]) -> f64 {
    let middle = fit.lens.principal_px;
    let all = sights.iter().flatten().filter(|s| s.weight > 0.0);
    all.map(|s| away(s.pixel, middle)).fold(0.0, f64::max) / corner_px(size_px, middle)
}
