//! Whether probabilities mean what they say.

/// Expected calibration error with 15 bins of equal width, Σ (nᵦ/n)·|share rightᵦ − mean
/// probabilityᵦ| (Naeini, Cooper & Hauskrecht, AAAI 2015; 15 bins as in Guo et al., ICML 2017).
/// Zero for no predictions.
pub fn expected_calibration_error(predictions: &[(f64, bool)]) -> f64 {
    let n = predictions.len().max(1) as f64;
    reliability(predictions)
        .iter()
        .map(|bin| bin.count as f64 / n * (bin.right - bin.probability).abs())
        .sum()
}

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// Predictions in it.
    pub count: usize,
    /// Their mean probability.
    pub probability: f64,
    /// The share of them that was right.
    pub right: f64,
}

const BINS: usize = 15;

impl Bin {
    /// Wilson's score interval at 95 % for the share that is right (E. B. Wilson, *Probable
    /// inference, the law of succession, and statistical inference*, J. Am. Stat. Assoc. 22, 1927).
    /// From 0 to 1 for an empty bin.
    pub fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.959_964;
        let n = self.count as f64;
        if self.count == 0 {
            return (0.0, 1.0);
        }
        let shrink = 1.0 + Z * Z / n;
        let middle = (self.right + Z * Z / (2.0 * n)) / shrink;
        let spread = self.right * (1.0 - self.right) / n + Z * Z / (4.0 * n * n);
        let half = Z * spread.sqrt() / shrink;
        ((middle - half).max(0.0), (middle + half).min(1.0))
    }
}

/// The 15 bins of the reliability diagram, empty ones too.
pub fn reliability(predictions: &[(f64, bool)]) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    for &(p, right) in predictions {
        let p = if p.is_finite() {
            p.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let bin = &mut bins[((p * BINS as f64) as usize).min(BINS - 1)];
        bin.count += 1;
        bin.probability += p;
        bin.right += f64::from(u8::from(right));
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        bin.probability /= bin.count as f64;
        bin.right /= bin.count as f64;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_shrinks_with_what_was_seen() {
        let bin = |count, right| Bin {
            count,
            right,
            probability: 0.9,
        };
        // 81 of 263 is Wilson's interval 0.2553–0.3662 (Newcombe, Stat. Med. 17, 1998).
        let (low, high) = bin(263, 81.0 / 263.0).interval();
        assert!((low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4);
        assert_eq!(bin(0, 0.0).interval(), (0.0, 1.0));
        let (low, high) = bin(20, 1.0).interval();
        assert!((low - 0.8389).abs() < 1e-3 && high == 1.0, "{low} {high}");
    }

    #[test]
    fn honest_probabilities_have_no_error() {
        let honest: Vec<_> = (0..100).map(|i| (0.9, i % 10 != 0)).collect();
        assert!(expected_calibration_error(&honest) < 1e-9);
        let boastful: Vec<_> = (0..100).map(|i| (0.99, i % 2 == 0)).collect();
        assert!((expected_calibration_error(&boastful) - 0.49).abs() < 1e-9);
        let mixed = [(1.0, true), (1.0, true), (0.1, true), (f64::NAN, false)];
        // 2/4 · 0 + 1/4 · 0.9 + the NaN, which counts as 0 and was wrong: 0.
        assert!((expected_calibration_error(&mixed) - 0.225).abs() < 1e-9);
        assert_eq!(expected_calibration_error(&[]), 0.0);
    }
}
