//! The equations in small turns of cameras that sightings of people make, each person's place eliminated.

use super::linear::{apply, cross, dot, inverse};
use crate::floor::PixelPoint;
use walkout_model::{Pixel, Point3, View};

/// Numbers of a camera's turn: about its right, down and forward.
pub(super) const TURN: usize = 3;
/// Squared standard deviations of a point in the picture (two numbers) at which it counts half.
const WILD2: f64 = 8.0;
/// What is known of a head's height beforehand, metres.
pub(super) const HEIGHT_M: [f64; 2] = [1.55, 0.3];

/// A point in a picture, linear in the person's place and the camera's turn; both coordinates of equal variance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub camera: usize,
    pub by_point: [[f64; 3]; 2],
    by_turn: [[f64; TURN]; 2],
    miss: [f64; 2],
    weight: f64,
}

impl Mark {
    /// `wobble`: how far the point itself may lie from where it should, metres.
    pub(super) fn new(
        camera: usize,
        view: &View,
        p: Point3,
        jacobian: [[f64; 3]; 2],
        is: PixelPoint,
        expected: Pixel,
        wobble: f64,
    ) -> Self {
        // A turn ω of the camera moves the point by ω × q in its axes: ∂pixel/∂q = J·Rᵀ.
        let r = view.camera_from_floor();
        let q = view.to_camera(p);
        let by_turn = jacobian.map(|row| {
            let by_q: [f64; 3] = std::array::from_fn(|i| dot(row, r[i]));
            cross(q, by_q)
        });
        let px2_per_m2 = jacobian.iter().map(|row| dot(*row, *row)).sum::<f64>() * 0.5;
        let variance = 0.5 * (is.cov[0] + is.cov[2]) + px2_per_m2 * wobble * wobble;
        Self {
            camera,
            by_point: jacobian,
            by_turn,
            miss: [is.pixel.u - expected.u, is.pixel.v - expected.v],
            weight: 1.0 / variance.max(1e-9),
        }
    }
}

/// A camera's part in a sighting's equations.
struct Part {
    /// Where its turn stands among the unknowns.
    first: usize,
    own: [[f64; TURN]; TURN],
    side: [f64; TURN],
    /// What ties the turn to the person's place.
    tie: [[f64; 3]; TURN],
}

/// A sighting's equations in the turns alone.
#[derive(Default)]
pub(super) struct Reduced {
    cameras: Vec<Part>,
    inverse: [[f64; 3]; 3],
    place: [f64; 3],
}

impl Reduced {
    /// Eliminates the person's place from a sighting's marks; `head_z_m` is how high the head was taken to be, `moved` is where the place was found to be, and becomes where it is now.
    pub(super) fn reduce(
        &mut self,
        marks: &[Mark],
        head_z_m: f64,
        turns: &[f64],
        at: &[usize],
        moved: &mut [f64; 3],
        mild: bool,
    ) -> bool {
        self.cameras.clear();
        let mut m = [[0.0; 3]; 3];
        let [height, sd] = HEIGHT_M;
        m[2][2] = 1.0 / (sd * sd);
        self.place = [0.0, 0.0, (height - head_z_m) / (sd * sd)];
        for mark in marks {
            let first = at[mark.camera];
            let turn: [f64; TURN] = std::array::from_fn(|i| turns[first + i]);
            let left: [f64; 2] = std::array::from_fn(|k| {
                mark.miss[k] - dot(mark.by_turn[k], turn) - dot(mark.by_point[k], *moved)
            });
            let wild = mark.weight * (left[0] * left[0] + left[1] * left[1]) / WILD2;
            let trust = 1.0 / (1.0 + wild);
            let w = mark.weight * if mild { trust.sqrt() } else { trust };
            if self.cameras.last().is_none_or(|c| c.first != first) {
                self.cameras.push(Part {
                    first,
                    own: [[0.0; TURN]; TURN],
                    side: [0.0; TURN],
                    tie: [[0.0; 3]; TURN],
                });
            }
            let Some(Part { own, side, tie, .. }) = self.cameras.last_mut() else {
                return false;
            };
            for k in 0..2 {
                let (p, t, miss) = (mark.by_point[k], mark.by_turn[k], mark.miss[k]);
                for i in 0..3 {
                    for j in 0..3 {
                        m[i][j] += w * p[i] * p[j];
                        own[i][j] += w * t[i] * t[j];
                        tie[i][j] += w * t[i] * p[j];
                    }
                    self.place[i] += w * p[i] * miss;
                    side[i] += w * t[i] * miss;
                }
            }
        }
        let Some(inverse) = inverse(&m) else {
            return false;
        };
        self.inverse = inverse;
        let mut e = self.place;
        for Part { first, tie, .. } in &self.cameras {
            for i in 0..TURN {
                for k in 0..3 {
                    e[k] -= tie[i][k] * turns[first + i];
                }
            }
        }
        *moved = apply(&inverse, e);
        true
    }

    pub(super) fn add(&self, matrix: &mut [f64], side: &mut [f64], size: usize) {
        let through = apply(&self.inverse, self.place);
        for part in &self.cameras {
            let (a, own, own_side, tie) = (part.first, &part.own, &part.side, &part.tie);
            for i in 0..TURN {
                side[a + i] += own_side[i] - dot(tie[i], through);
                let by = apply(&self.inverse, tie[i]);
                for j in 0..TURN {
                    matrix[(a + i) * size + a + j] += own[i][j];
                }
                for Part {
                    first: b,
                    tie: other,
                    ..
                } in &self.cameras
                {
                    for j in 0..TURN {
                        matrix[(a + i) * size + b + j] -= dot(by, other[j]);
                    }
                }
            }
        }
    }

    /// Adds what is left of the sides at these turns.
    pub(super) fn pull(&self, pull: &mut [f64], turns: &[f64]) {
        let mut e = self.place;
        for Part { first: b, tie, .. } in &self.cameras {
            for j in 0..TURN {
                for k in 0..3 {
                    e[k] -= tie[j][k] * turns[b + j];
                }
            }
        }
        let place = apply(&self.inverse, e);
        for part in &self.cameras {
            let (a, own, side, tie) = (part.first, &part.own, &part.side, &part.tie);
            for i in 0..TURN {
                let own: f64 = (0..TURN).map(|j| own[i][j] * turns[a + j]).sum();
                pull[a + i] += side[i] - own - dot(tie[i], place);
            }
        }
    }
}
