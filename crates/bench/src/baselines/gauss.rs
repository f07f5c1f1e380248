//! The overlap of two normal densities, which both baselines take for the likeness of two masses.

/// Area under the smaller of two normal densities, 0–1: one minus half their total variation
/// distance. Masses and deviations in grams; deviations must be positive.
pub fn overlap(a: (f64, f64), b: (f64, f64)) -> f64 {
    let ((m1, s1), (m2, s2)) = if a.1 <= b.1 { (a, b) } else { (b, a) };
    if (s2 - s1).abs() < 1e-9 * s2 {
        return (2.0 * upper((m1 - m2).abs() / (2.0 * s1))).min(1.0);
    }
    // Where the densities meet: a quadratic in x, with the narrow one above between its roots.
    let (v1, v2) = (s1 * s1, s2 * s2);
    let half = s1 * s2 * ((m1 - m2).powi(2) + 2.0 * (v2 - v1) * (s2 / s1).ln()).sqrt();
    let middle = m1 * v2 - m2 * v1;
    let low = (middle - half) / (v2 - v1);
    let high = (middle + half) / (v2 - v1);
    let narrow = upper((m1 - low) / s1) + upper((high - m1) / s1);
    let wide = between((low - m2) / s2, (high - m2) / s2);
    (narrow + wide).clamp(0.0, 1.0)
}

/// Standard normal probability between two points, without loss in either tail.
fn between(low: f64, high: f64) -> f64 {
    if low > 0.0 {
        upper(low) - upper(high)
    } else if high < 0.0 {
        upper(-high) - upper(-low)
    } else {
        1.0 - upper(-low) - upper(high)
    }
}

/// Standard normal probability above `z`, with a relative error below 1.2e-7 in the far tail too
/// (the Chebyshev fit of erfc in Press et al., *Numerical Recipes*, 2nd ed., §6.2).
fn upper(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let series = FIT.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let erfc = t * (-x * x + series).exp();
    0.5 * if x >= 0.0 { erfc } else { 2.0 - erfc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_of_masses() {
        assert!((overlap((100.0, 10.0), (100.0, 10.0)) - 1.0).abs() < 1e-6);
        // Two normal densities two deviations apart share 2 Φ(−1) = 0.3173.
        assert!((overlap((100.0, 10.0), (120.0, 10.0)) - 0.317_31).abs() < 1e-4);
        assert!((overlap((0.0, 1.0), (0.0, 1.000_1)) - 1.0).abs() < 1e-3);
        // By numerical integration of the smaller density.
        for (a, b) in [
            ((100.0, 2.0), (101.0, 5.0)),
            ((100.0, 1.0), (110.0, 19.0)),
            ((300.0, 20.0), (310.0, 1.0)),
        ] {
            let density = |x: f64, (m, s): (f64, f64)| {
                (-0.5 * ((x - m) / s).powi(2)).exp() / (s * (2.0 * std::f64::consts::PI).sqrt())
            };
            let sum: f64 = (0..400_000)
                .map(|i| f64::from(i) * 1e-3)
                .map(|x| density(x, a).min(density(x, b)) * 1e-3)
                .sum();
            assert!((overlap(a, b) - sum).abs() < 1e-4, "{a:?} {b:?} {sum}");
            assert_eq!(overlap(a, b), overlap(b, a));
        }
        // Far apart the nearer is still the liker.
        let far = overlap((100.0, 1.0), (130.0, 1.0));
        assert!(far > 0.0 && far < overlap((100.0, 1.0), (128.0, 1.0)));
    }
}
