//! The Kalman filter of one box: middle, width and height, each with its own speed.
//!
//! As in BoT-SORT (Aharon, Orfaig, Bobrovsky, 2022) the state is (x, y, w, h) and its rates, and all noise is
//! a share of the box's size. Since the noise has no cross terms, the filter of eight numbers is four of two.

use super::boxes::Bounds;

/// A value and its rate, with their covariance.
#[derive(Clone, Copy, Debug)]
struct Axis {
    x: f64,
    v: f64,
    xx: f64,
    xv: f64,
    vv: f64,
}

/// Noise as shares of the box's size, a frame at 25 a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Process: of the middle.
    pub place: f64,
    /// Process: of the middle's speed.
    pub speed: f64,
    /// Process: of width and height.
    pub size: f64,
    /// Process: of width's and height's rates.
    pub growth: f64,
    /// Measurement: of the middle.
    pub seen_place: f64,
    /// Measurement: of width and height.
    pub seen_size: f64,
    /// First guess of the speed.
    pub first_speed: f64,
}

/// The filter of one box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    axes: [Axis; 4],
    /// Frames at 25 a second that one frame here takes, and the same to the power of 1.5.
    step: f64,
    slow: f64,
}

impl Filter {
    pub(super) fn new(seen: &Bounds, noise: &Noise, step: f64) -> Self {
        let z = measured(seen);
        let scale = scales(seen.width, seen.height);
        let axes = std::array::from_fn(|i| {
            let (r, v) = if i < 2 {
                (noise.seen_place, noise.first_speed * step)
            } else {
                (noise.seen_size, noise.growth * 4.0 * step)
            };
            Axis {
                x: z[i],
                v: 0.0,
                xx: (r * scale[i]).powi(2),
                xv: 0.0,
                vv: (v * scale[i]).powi(2),
            }
        });
        Self {
            axes,
            step,
            slow: step.powf(1.5),
        }
    }

    pub(super) fn predict(&mut self, noise: &Noise) {
        let scale = scales(self.axes[2].x, self.axes[3].x);
        // Accelerations that are white in time make speeds wander with the root of it; a speed is a
        // displacement a frame, so it carries another factor.
        let (dt, slow) = (self.step, self.slow);
        for (i, axis) in self.axes.iter_mut().enumerate() {
            let (place, speed) = if i < 2 {
                (noise.place, noise.speed)
            } else {
                (noise.size, noise.growth)
            };
            axis.x += axis.v;
            axis.xx += 2.0 * axis.xv + axis.vv + (place * dt * scale[i]).powi(2);
            axis.xv += axis.vv;
            axis.vv += (speed * slow * scale[i]).powi(2);
        }
        // A size that shrinks through nothing is no size.
        for i in 2..4 {
            let axis = &mut self.axes[i];
            if axis.x < 1.0 {
                axis.x = 1.0;
                axis.v = axis.v.max(0.0);
            }
        }
    }

    /// Takes a measurement in; `trust` scales the variance (1: as the noise says).
    pub(super) fn update(&mut self, seen: &Bounds, noise: &Noise, trust: f64) {
        let z = measured(seen);
        let scale = scales(self.axes[2].x, self.axes[3].x);
        for (i, axis) in self.axes.iter_mut().enumerate() {
            let r = if i < 2 {
                noise.seen_place
            } else {
                noise.seen_size
            };
            axis.update(z[i], (r * scale[i]).powi(2) * trust);
        }
    }

    /// Moves the whole picture's motion out of the box.
    pub(super) fn shift(&mut self, dx: f64, dy: f64) {
        self.axes[0].x += dx;
        self.axes[1].x += dy;
    }

    pub(super) fn bounds(&self) -> Bounds {
        let [x, y, w, h] = self.axes.map(|a| a.x);
        Bounds {
            left: x - 0.5 * w,
            top: y - 0.5 * h,
            width: w,
            height: h,
        }
    }

    /// Forgets a part of the speed: what is not seen tends to have stopped or turned.
    pub(super) fn damp(&mut self, keep: f64) {
        for (i, axis) in self.axes.iter_mut().enumerate() {
            axis.v *= if i < 2 { keep } else { keep * keep };
        }
    }

    /// Standard deviation of the middle as a share of the size, the larger axis.
    pub(super) fn doubt(&self) -> f64 {
        let share = |i: usize| self.axes[i].xx.max(0.0).sqrt() / self.axes[i + 2].x.max(1.0);
        share(0).max(share(1))
    }
}

impl Axis {
    fn update(&mut self, z: f64, r: f64) {
        let s = self.xx + r;
        let (kx, kv) = (self.xx / s, self.xv / s);
        let e = z - self.x;
        self.x += kx * e;
        self.v += kv * e;
        self.vv -= kv * self.xv;
        self.xv *= 1.0 - kx;
        self.xx *= 1.0 - kx;
    }
}

fn measured(b: &Bounds) -> [f64; 4] {
    let (x, y) = b.centre();
    [x, y, b.width, b.height]
}

/// What each axis's noise is a share of. A walker's width swings with the legs, so that the height tells
/// more of how large somebody is; the width counts a little.
fn scales(width: f64, height: f64) -> [f64; 4] {
    let across = 0.5 * width + 0.2 * height;
    [across, height, across, height]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOISE: Noise = Noise {
        place: 0.02,
        speed: 0.01,
        size: 0.01,
        growth: 0.002,
        seen_place: 0.05,
        seen_size: 0.08,
        first_speed: 0.1,
    };

    #[test]
    fn a_steady_walk_is_foreseen() {
        let at = |i: f64| Bounds {
            left: 100.0 + 3.0 * i,
            top: 50.0,
            width: 40.0,
            height: 100.0,
        };
        let mut filter = Filter::new(&at(0.0), &NOISE, 1.0);
        for i in 1..40 {
            filter.predict(&NOISE);
            filter.update(&at(f64::from(i)), &NOISE, 1.0);
        }
        assert!((filter.axes[0].v - 3.0).abs() < 0.1, "{:?}", filter.axes);
        let calm = filter.doubt();
        for _ in 0..10 {
            filter.predict(&NOISE);
        }
        assert!((filter.bounds().left - at(49.0).left).abs() < 2.0);
        assert!(filter.doubt() > 2.0 * calm);
    }
}
