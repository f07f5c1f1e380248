//! How much a camera's pictures should be scaled before a network sees them.

use walkout_model::camera::View;
use walkout_model::{Point2, Polygon};

/// Height of a person, metres.
const STATURE_M: f64 = 1.7;
/// Height of the point that must be in the picture, metres.
const CHEST_M: f64 = 1.2;
/// How tall people are in the pictures that the networks learnt from, pixels.
const TALL_PX: [f64; 2] = [40.0, 110.0];
/// The scale is one of these: more would only blur, less would lose everybody.
const SCALES: [f64; 2] = [0.1, 2.0];
/// How many scales are tried.
const SCALE_STEPS: usize = 120;
/// Distance of the points on the floor that are asked about, metres.
const STEP_M: f64 = 0.25;
/// Most points along an axis.
const STEPS_MAX: usize = 400;

/// The scale for a camera, and how it was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputScale {
    /// Pictures are scaled by this.
    pub scale: f64,
    /// How tall people are in the unscaled picture, pixels: 5 % are smaller than the first, 5 % taller
    /// than the second.
    pub tall_px: [f64; 2],
    /// Share of the floor seen on which people are 40 to 110 pixels tall after scaling.
    pub share: f64,
}

/// The scale at which people on most of the floor that a camera sees are 40 to 110 pixels tall; of equals
/// the smallest, which costs least. How tall somebody is means as seen from the side at that distance,
/// so that a camera overhead, which sees heads and shoulders, counts their size and not their
/// foreshortened length. `None`: the camera sees no floor.
pub fn input_scale(view: &View, floor: &Polygon) -> Option<InputScale> {
    let mut tall = heights(view, floor);
    tall.sort_by(f64::total_cmp);
    let n = tall.len();
    let at = |q: f64| tall.get(((n as f64 - 1.0) * q) as usize).copied();
    let tall_px = [at(0.05)?, at(0.95)?];
    let share = |scale: f64| {
        let low = tall.partition_point(|t| t * scale < TALL_PX[0]);
        let high = tall.partition_point(|t| t * scale <= TALL_PX[1]);
        high.saturating_sub(low) as f64 / n as f64
    };
    let scales = (0..=SCALE_STEPS)
        .map(|i| SCALES[0] * (SCALES[1] / SCALES[0]).powf(i as f64 / SCALE_STEPS as f64));
    let most = scales.clone().map(share).fold(0.0, f64::max);
    // A hundredth of the floor is not worth a larger picture.
    let scale = scales.into_iter().find(|s| share(*s) >= most - 0.01)?;
    Some(InputScale {
        scale,
        tall_px,
        share: share(scale),
    })
}

/// How tall people are on a grid of the floor where their chests are in the picture, pixels.
fn heights(view: &View, floor: &Polygon) -> Vec<f64> {
    let (low, high) = floor.bounds();
    let steps = |a: f64, b: f64| (((b - a) / STEP_M).ceil().max(0.0) as usize).min(STEPS_MAX);
    let [fx, fy] = view.camera().focal_px;
    let focal = (fx * fy).sqrt();
    let mut tall = Vec::new();
    for i in 0..steps(low.x, high.x) {
        for j in 0..steps(low.y, high.y) {
            let at = Point2::new(
                low.x + (i as f64 + 0.5) * STEP_M,
                low.y + (j as f64 + 0.5) * STEP_M,
            );
            let chest = at.at_height(CHEST_M);
            let seen = view.project(chest).is_some_and(|p| view.contains(p));
            if !seen || !floor.contains(at) {
                continue;
            }
            let [x, y, z] = view.to_camera(chest);
            let distance = (x * x + y * y + z * z).sqrt();
            let height = focal * STATURE_M / distance.max(0.1);
            if height.is_finite() && height > 0.0 {
                tall.push(height);
            }
        }
    }
    tall
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::Point3;
    use walkout_model::layout::Camera;

    fn camera(height_m: f64, pitch: f64, focal: f64) -> View {
        View::new(&Camera {
            name: "c".into(),
            width_px: 1280,
            height_px: 720,
            focal_px: [focal; 2],
            principal_px: [640.0, 360.0],
            distortion: [0.0; 5],
            position: Point3::new(2.5, 0.0, height_m),
            yaw: std::f64::consts::FRAC_PI_2,
            pitch,
            roll: 0.0,
        })
    }

    fn room(depth_m: f64) -> Polygon {
        let corner = |x, y| Point2::new(x, y);
        Polygon {
            corners: vec![
                corner(0.0, 0.0),
                corner(5.0, 0.0),
                corner(5.0, depth_m),
                corner(0.0, depth_m),
            ],
        }
    }

    #[test]
    fn people_become_as_tall_as_the_networks_know_them() {
        let near = input_scale(&camera(2.6, 0.6, 900.0), &room(5.0)).unwrap();
        assert!(near.scale < 0.5 && near.share > 0.9, "{near:?}");
        let [small, tall] = near.tall_px.map(|t| t * near.scale);
        assert!(small >= 38.0 && tall <= 115.0, "{near:?}");
        // Twice the focal length, half the scale.
        let long = input_scale(&camera(2.6, 0.6, 1800.0), &room(5.0)).unwrap();
        assert!(long.scale < 0.75 * near.scale, "{near:?} {long:?}");
        // A deep room: the far end needs more pixels than the near one alone would.
        let deep = input_scale(&camera(2.6, 0.2, 900.0), &room(30.0)).unwrap();
        assert!(deep.scale > near.scale, "{deep:?}");
        // Overhead, people are as large as their distance says.
        let overhead = input_scale(&camera(3.2, 1.57, 500.0), &room(5.0)).unwrap();
        assert!(overhead.share > 0.99, "{overhead:?}");
    }

    #[test]
    fn a_camera_that_sees_no_floor_has_no_scale() {
        assert_eq!(input_scale(&camera(2.6, -1.2, 900.0), &room(5.0)), None);
        assert_eq!(
            input_scale(&camera(2.6, 0.6, 900.0), &Polygon::default()),
            None
        );
    }
}
