//! Where one person is: an extended Kalman filter over (x, y, vx, vy, head height, lean x, lean y).
//!
//! Every camera measures it directly: the head's pixel is the projection of (x + lean x, y + lean y, height), the floor point's of
//! (x, y, 0). Whoever stoops has the head well before the feet, the farther the lower it is. Heads in two cameras or more therefore triangulate the person, and one camera with a remembered
//! height still does, less well; the covariance says how well. The pace is an Ornstein–Uhlenbeck process: people
//! in shops stop, so that a speed is believed for about a second.

use walkout_model::{Pixel, Point2, Point3, View};

/// Numbers of the state.
pub(super) const N: usize = 7;

/// Symmetric 2 × 2: xx, xy, yy.
pub(super) type Cov2 = [f64; 3];

/// How people move and are built.
#[derive(Clone, Copy, Debug)]
pub struct Motion {
    /// Standard deviation of the pace along each axis, m/s.
    pub pace: f64,
    /// Seconds for which a pace is kept.
    pub keeps_s: f64,
    /// Wobble of the body about its path, metres a root second.
    pub wobble: f64,
    /// Change of the head's height (bending), metres a root second.
    pub bend: f64,
    /// Standard deviation of the head's distance from where one stands, metres for each metre that it is lower than upright, along each axis.
    pub lean: f64,
    /// The same of whoever is upright, metres.
    pub upright: f64,
    /// Seconds for which a lean is kept.
    pub lean_s: f64,
}

impl Motion {
    /// Variance of the head's distance from where one stands.
    fn lean_var(&self, height: f64, tall: f64) -> f64 {
        (self.upright + self.lean * (tall - height).clamp(0.0, 1.2)).powi(2)
    }
}

/// The filter's state.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub x: [f64; N],
    pub p: [[f64; N]; N],
}

/// Which point of a person is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Head,
    Foot,
}

/// A measurement of a state: what was expected, how it depends on the state, its spread without the state's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub pixel: Pixel,
    pub h: [[f64; N]; 2],
    /// Pixel covariance of the body's own wobble.
    pub body: Cov2,
}

impl State {
    /// Somebody whose head is above a place; `tall`: how high it is when they stand upright.
    pub(super) fn at(
        position: Point2,
        cov: Cov2,
        (height, height_sd): (f64, f64),
        tall: f64,
        m: &Motion,
    ) -> Self {
        let pace = m.pace;
        let mut p = [[0.0; N]; N];
        p[0][0] = cov[0];
        p[0][1] = cov[1];
        p[1][0] = cov[1];
        p[1][1] = cov[2];
        p[2][2] = pace * pace;
        p[3][3] = pace * pace;
        p[4][4] = height_sd * height_sd;
        p[5][5] = m.lean_var(height, tall);
        p[6][6] = p[5][5];
        Self {
            x: [position.x, position.y, 0.0, 0.0, height, 0.0, 0.0],
            p,
        }
    }

    pub(super) fn position(&self) -> Point2 {
        Point2::new(self.x[0], self.x[1])
    }

    pub(super) fn head(&self) -> Point3 {
        Point3::new(self.x[0] + self.x[5], self.x[1] + self.x[6], self.x[4])
    }

    pub(super) fn cov(&self) -> Cov2 {
        [self.p[0][0], self.p[0][1], self.p[1][1]]
    }

    /// `tall`: how high the head is when they stand upright.
    pub(super) fn predict(&mut self, dt: f64, tall: f64, m: &Motion) {
        if dt <= 0.0 {
            return;
        }
        let keep = (-dt / m.keeps_s).exp();
        // Displacement by a speed that fades: ∫ e^(−s/τ) ds.
        let reach = m.keeps_s * (1.0 - keep);
        for i in 0..2 {
            self.x[i] += reach * self.x[i + 2];
            self.x[i + 2] *= keep;
        }
        let still = (-dt / m.lean_s).exp();
        let mut f = [[0.0; N]; N];
        for (i, row) in f.iter_mut().enumerate() {
            row[i] = match i {
                2 | 3 => keep,
                5 | 6 => still,
                _ => 1.0,
            };
        }
        self.x[5] *= still;
        self.x[6] *= still;
        f[0][2] = reach;
        f[1][3] = reach;
        let mut fp = [[0.0; N]; N];
        let mut out = [[0.0; N]; N];
        for (row, fi) in fp.iter_mut().zip(&f) {
            for (j, x) in row.iter_mut().enumerate() {
                *x = (0..N).map(|k| fi[k] * self.p[k][j]).sum();
            }
        }
        for (row, fpi) in out.iter_mut().zip(&fp) {
            for (x, fj) in row.iter_mut().zip(&f) {
                *x = (0..N).map(|k| fpi[k] * fj[k]).sum();
            }
        }
        // The exact noise of the integrated process: Gillespie, "Exact numerical simulation of the
        // Ornstein–Uhlenbeck process and its integral" (1996).
        let (tau, v) = (m.keeps_s, m.pace * m.pace);
        let vv = v * (1.0 - keep * keep);
        let xv = v * tau * (1.0 - keep) * (1.0 - keep);
        let xx = v * tau * (2.0 * dt - tau * (3.0 - 4.0 * keep + keep * keep));
        for i in 0..2 {
            out[i][i] += xx.max(0.0) + m.wobble * m.wobble * dt;
            out[i][i + 2] += xv;
            out[i + 2][i] += xv;
            out[i + 2][i + 2] += vv;
        }
        out[4][4] += m.bend * m.bend * dt;
        let lean = m.lean_var(self.x[4], tall) * (1.0 - still * still);
        out[5][5] += lean;
        out[6][6] += lean;
        self.p = out;
    }

    /// What a camera should see of it; `sway` is the body's own wobble about the point, metres.
    pub(super) fn expect(&self, view: &View, part: Part, sway: f64) -> Option<Expected> {
        let point = match part {
            Part::Head => self.head(),
            Part::Foot => self.position().at_height(0.0),
        };
        let (pixel, j) = view.project_with_jacobian(point)?;
        let rise = if part == Part::Head { 1.0 } else { 0.0 };
        let h = j.map(|r| [r[0], r[1], 0.0, 0.0, rise * r[2], rise * r[0], rise * r[1]]);
        let s2 = sway * sway;
        let body = [
            s2 * (j[0][0] * j[0][0] + j[0][1] * j[0][1]),
            s2 * (j[0][0] * j[1][0] + j[0][1] * j[1][1]),
            s2 * (j[1][0] * j[1][0] + j[1][1] * j[1][1]),
        ];
        Some(Expected { pixel, h, body })
    }

    /// Covariance of the difference between a measurement and what was expected.
    pub(super) fn spread(&self, e: &Expected, noise: Cov2) -> Cov2 {
        let hp = self.hp(&e.h);
        let s = |a: usize, b: usize| -> f64 { (0..N).map(|k| hp[a][k] * e.h[b][k]).sum() };
        [
            s(0, 0) + e.body[0] + noise[0],
            s(0, 1) + e.body[1] + noise[1],
            s(1, 1) + e.body[2] + noise[2],
        ]
    }

    /// Takes a measurement in.
    pub(super) fn update(&mut self, e: &Expected, seen: Pixel, noise: Cov2) {
        let hp = self.hp(&e.h);
        let Some(inverse) = inverse(self.spread(e, noise)) else {
            return;
        };
        let [a, b, c] = inverse;
        let r = [seen.u - e.pixel.u, seen.v - e.pixel.v];
        let mut gain = [[0.0; 2]; N];
        for (k, g) in gain.iter_mut().enumerate() {
            g[0] = hp[0][k] * a + hp[1][k] * b;
            g[1] = hp[0][k] * b + hp[1][k] * c;
        }
        for (x, g) in self.x.iter_mut().zip(&gain) {
            *x += g[0] * r[0] + g[1] * r[1];
        }
        let before = self.p;
        for (i, (row, g)) in self.p.iter_mut().zip(&gain).enumerate() {
            for (j, x) in row.iter_mut().enumerate() {
                // Of the two halves one is computed, so that it stays symmetric.
                let (a, b) = (i.max(j), i.min(j));
                let g = if a == i { g } else { &gain[a] };
                *x = before[a][b] - g[0] * hp[0][b] - g[1] * hp[1][b];
                if i == j {
                    *x = x.max(1e-8);
                }
            }
        }
    }

    fn hp(&self, h: &[[f64; N]; 2]) -> [[f64; N]; 2] {
        std::array::from_fn(|a| {
            std::array::from_fn(|j| (0..N).map(|k| h[a][k] * self.p[k][j]).sum())
        })
    }
}

/// Inverse of a covariance; `None` if it has none.
pub(super) fn inverse(c: Cov2) -> Option<Cov2> {
    let det = determinant(c);
    (det > 1e-18 && det.is_finite()).then(|| [c[2] / det, -c[1] / det, c[0] / det])
}

pub(super) fn determinant(c: Cov2) -> f64 {
    c[0] * c[2] - c[1] * c[1]
}

/// Square of the Mahalanobis distance; infinite if the covariance has no inverse.
pub(super) fn distance2(dx: f64, dy: f64, c: Cov2) -> f64 {
    inverse(c).map_or(f64::INFINITY, |[a, b, d]| {
        a * dx * dx + 2.0 * b * dx * dy + d * dy * dy
    })
}

pub(super) fn add(a: Cov2, b: Cov2) -> Cov2 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}
