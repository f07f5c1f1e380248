//! The little linear algebra that calibration needs, dense and small.

/// A 3 × 3 matrix, by rows.
pub type Matrix3 = [[f64; 3]; 3];

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(super) fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn unit(a: [f64; 3]) -> Option<[f64; 3]> {
    let n = dot(a, a).sqrt();
    (n > 1e-12).then(|| a.map(|x| x / n))
}

pub(super) fn transpose(m: &Matrix3) -> Matrix3 {
    std::array::from_fn(|i| std::array::from_fn(|j| m[j][i]))
}

pub(super) fn mul(a: &Matrix3, b: &Matrix3) -> Matrix3 {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

pub(super) fn apply(m: &Matrix3, v: [f64; 3]) -> [f64; 3] {
    m.map(|row| dot(row, v))
}

pub(super) fn inverse(m: &Matrix3) -> Option<Matrix3> {
    let [a, b, c] = *m;
    let det = dot(a, cross(b, c));
    if det.is_nan() || det.abs() < 1e-300 {
        return None;
    }
    // The columns of the inverse are the cross products of rows.
    let columns = [cross(b, c), cross(c, a), cross(a, b)];
    Some(std::array::from_fn(|i| {
        std::array::from_fn(|j| columns[j][i] / det)
    }))
}

/// The rotation by a vector's length about it (Rodrigues).
pub(super) fn rotation(v: [f64; 3]) -> Matrix3 {
    let angle = dot(v, v).sqrt();
    let (a, b) = if angle < 1e-8 {
        (1.0, 0.5)
    } else {
        (angle.sin() / angle, (1.0 - angle.cos()) / (angle * angle))
    };
    let [x, y, z] = v;
    let k = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]];
    let kk = mul(&k, &k);
    std::array::from_fn(|i| {
        std::array::from_fn(|j| f64::from(u8::from(i == j)) + a * k[i][j] + b * kk[i][j])
    })
}

/// The nearest rotation to a matrix that nearly is one: rows made orthogonal in turn.
pub(super) fn orthonormal(m: &Matrix3) -> Option<Matrix3> {
    let z = unit(cross(m[0], m[1]))?;
    // The error is shared between the first two rows.
    let sum = unit(std::array::from_fn(|i| m[0][i] + m[1][i]))?;
    let difference = unit(cross(z, sum))?;
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let x = std::array::from_fn(|i| half * (sum[i] - difference[i]));
    let y = std::array::from_fn(|i| half * (sum[i] + difference[i]));
    Some([x, y, z])
}

/// A symmetric positive definite matrix, factored (Cholesky).
pub(super) struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// `None`: it is not positive definite.
    pub(super) fn new(n: usize, a: &[f64]) -> Option<Self> {
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
                let rest = a[i * n + j] - sum;
                if i == j {
                    if rest.is_nan() || rest <= 1e-14 * a[i * n + i].abs() {
                        return None;
                    }
                    lower[i * n + i] = rest.sqrt();
                } else {
                    lower[i * n + j] = rest / lower[j * n + j];
                }
            }
        }
        Some(Self { n, lower })
    }

    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (n, l) = (self.n, &self.lower);
        let mut x = b.to_vec();
        for i in 0..n {
            let sum: f64 = (0..i).map(|k| l[i * n + k] * x[k]).sum();
            x[i] = (x[i] - sum) / l[i * n + i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| l[k * n + i] * x[k]).sum();
            x[i] = (x[i] - sum) / l[i * n + i];
        }
        x
    }

    pub(super) fn inverse(&self) -> Vec<f64> {
        let n = self.n;
        let mut out = vec![0.0; n * n];
        for j in 0..n {
            let mut e = vec![0.0; n];
            e[j] = 1.0;
            for (i, x) in self.solve(&e).into_iter().enumerate() {
                out[i * n + j] = x;
            }
        }
        out
    }
}

/// Eigenvalues, rising, and their vectors of a symmetric matrix (Jacobi's rotations).
pub(super) fn eigen<const N: usize>(mut a: [[f64; N]; N]) -> [(f64, [f64; N]); N] {
    let mut v = [[0.0; N]; N];
    for (i, row) in v.iter_mut().enumerate() {
        row[i] = 1.0;
    }
    for _ in 0..60 {
        let off: f64 = (0..N)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i][j] * a[i][j])
            .sum();
        let scale: f64 = (0..N).map(|i| a[i][i] * a[i][i]).sum();
        if off <= 1e-30 * scale {
            break;
        }
        for p in 0..N {
            for q in p + 1..N {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..N {
                    let (x, y) = (a[k][p], a[k][q]);
                    (a[k][p], a[k][q]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..N {
                    let (x, y) = (a[p][k], a[q][k]);
                    (a[p][k], a[q][k]) = (c * x - s * y, s * x + c * y);
                }
                for row in &mut v {
                    let (x, y) = (row[p], row[q]);
                    (row[p], row[q]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    let mut out: [(f64, [f64; N]); N] =
        std::array::from_fn(|k| (a[k][k], std::array::from_fn(|i| v[i][k])));
    out.sort_by(|x, y| x.0.total_cmp(&y.0));
    out
}

/// The homography that takes `from` to `to`, by the normalised direct linear transform (Hartley and Zisserman,
/// "Multiple View Geometry", 2004, algorithm 4.2). `None`: fewer than four points, or they lie on a line.
pub(super) fn homography(from: &[[f64; 2]], to: &[[f64; 2]]) -> Option<Matrix3> {
    if from.len() < 4 || from.len() != to.len() {
        return None;
    }
    let (a, b) = (normalising(from)?, normalising(to)?);
    let mut m = [[0.0; 9]; 9];
    for (p, q) in from.iter().zip(to) {
        let [x, y, _] = apply(&a, [p[0], p[1], 1.0]);
        let [u, v, _] = apply(&b, [q[0], q[1], 1.0]);
        for row in [
            [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, -u],
            [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, -v],
        ] {
            for i in 0..9 {
                for j in 0..9 {
                    m[i][j] += row[i] * row[j];
                }
            }
        }
    }
    let values = eigen(m);
    // A second vector that fits as well: the points do not fix the homography.
    if values[1].0 <= 1e-9 * values[8].0 {
        return None;
    }
    let h = values[0].1;
    let h = [[h[0], h[1], h[2]], [h[3], h[4], h[5]], [h[6], h[7], h[8]]];
    let out = mul(&inverse(&b)?, &mul(&h, &a));
    let scale = out[2][2];
    (scale.abs() > 1e-12).then(|| out.map(|row| row.map(|x| x / scale)))
}

/// Moves points to their middle and scales them to a mean distance of √2.
fn normalising(points: &[[f64; 2]]) -> Option<Matrix3> {
    let n = points.len() as f64;
    let mean = [0, 1].map(|i| points.iter().map(|p| p[i]).sum::<f64>() / n);
    let spread = points
        .iter()
        .map(|p| (p[0] - mean[0]).hypot(p[1] - mean[1]))
        .sum::<f64>()
        / n;
    if spread.is_nan() || spread < 1e-12 {
        return None;
    }
    let s = std::f64::consts::SQRT_2 / spread;
    Some([
        [s, 0.0, -s * mean[0]],
        [0.0, s, -s * mean[1]],
        [0.0, 0.0, 1.0],
    ])
}

/// Where a homography takes a point.
pub(super) fn through(h: &Matrix3, p: [f64; 2]) -> [f64; 2] {
    let [x, y, w] = apply(h, [p[0], p[1], 1.0]);
    [x / w, y / w]
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_homography_is_found_again() {
        let h = [[1.2, 0.1, 30.0], [-0.2, 0.9, 10.0], [1e-3, -2e-3, 1.0]];
        let from: Vec<[f64; 2]> = (0..12)
            .map(|i| [f64::from(i % 4) * 20.0, f64::from(i / 4) * 25.0])
            .collect();
        let to: Vec<[f64; 2]> = from.iter().map(|p| through(&h, *p)).collect();
        let back = homography(&from, &to).unwrap();
        for i in 0..3 {
            for j in 0..3 {
                assert!((back[i][j] - h[i][j]).abs() < 1e-7, "{back:?}");
            }
        }
        let line: Vec<[f64; 2]> = (0..6).map(|i| [f64::from(i), 2.0 * f64::from(i)]).collect();
        assert_eq!(homography(&line, &to[..6]), None);
    }

    #[test]
    fn eigenvectors_are_those_of_the_matrix() {
        let a = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.7], [0.5, -0.7, 1.0]];
        for (value, vector) in eigen(a) {
            let out = apply(&a, vector);
            for i in 0..3 {
                assert!((out[i] - value * vector[i]).abs() < 1e-10);
            }
        }
        let flat: Vec<f64> = a.iter().flatten().copied().collect();
        let inverse = Cholesky::new(3, &flat).unwrap().inverse();
        let same = super::inverse(&a).unwrap();
        assert!((inverse[5] - same[1][2]).abs() < 1e-12);
        assert!(Cholesky::new(2, &[1.0, 2.0, 2.0, 1.0]).is_none());
    }
}
