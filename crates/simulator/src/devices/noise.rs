//! The devices' randomness: one seeded stream of 64-bit words (wyrand) and the draws made of it.

/// A seeded stream of draws.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    state: u64,
}

/// Standard deviation of the sum of eight independent uniform bytes: √(8·(256² − 1)/12).
const BYTE_SUM_SD: f32 = 209.020_73;

impl Noise {
    /// The stream of this seed; `stream` keeps the devices' streams apart.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut noise = Self {
            state: seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        };
        noise.word();
        noise.word();
        noise
    }

    /// 64 uniform bits (wyrand: an odd step and a folded 128-bit product).
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0xa076_1d64_78bd_642f);
        let wide = u128::from(self.state) * u128::from(self.state ^ 0xe703_7ed1_a0b4_28db);
        (wide >> 64) as u64 ^ wide as u64
    }

    /// Uniform in [0, 1).
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    #[inline]
    pub fn between(&mut self, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal to the eye of a weighing scale: the standardised sum of eight bytes, which
    /// ends at ±4.9 and has an excess kurtosis of −0.15. Chosen because it costs one word and six
    /// operations, and there are 120,000 a second.
    #[inline]
    pub fn normal32(&mut self) -> f32 {
        let word = self.word();
        let pairs = (word & 0x00ff_00ff_00ff_00ff) + ((word >> 8) & 0x00ff_00ff_00ff_00ff);
        let sum = pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48;
        (sum as f32 - 1020.0) / BYTE_SUM_SD
    }

    /// Standard normal (Marsaglia's polar method, one of the pair).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * s.ln() / s).sqrt();
            }
        }
    }

    /// Normal, cut at ±3 standard deviations: a device that fails its test is not sold.
    pub fn tested(&mut self, sd: f64) -> f64 {
        sd * self.normal().clamp(-3.0, 3.0)
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// How many trials pass before the next success of this probability.
    pub fn trials_until(&mut self, probability: f64) -> u64 {
        if probability <= 0.0 {
            return u64::MAX;
        }
        if probability >= 1.0 {
            return 0;
        }
        // The cast saturates, which is what "never within the run" needs.
        ((1.0 - self.unit()).ln() / (1.0 - probability).ln()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draw: impl FnMut() -> f64) -> (f64, f64, f64) {
        let values: Vec<f64> = std::iter::repeat_with(draw).take(200_000).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let var = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        let fourth = values.iter().map(|v| (v - mean).powi(4)).sum::<f64>() / n;
        (mean, var, fourth / (var * var))
    }

    #[test]
    fn both_normals_have_the_moments_of_a_normal() {
        let mut noise = Noise::new(1, 1);
        let (mean, var, kurtosis) = moments(|| f64::from(noise.normal32()));
        assert!(
            mean.abs() < 0.01 && (var - 1.0).abs() < 0.02,
            "{mean} {var}"
        );
        assert!((kurtosis - 2.85).abs() < 0.05, "{kurtosis}");
        let (mean, var, kurtosis) = moments(|| noise.normal());
        assert!(
            mean.abs() < 0.01 && (var - 1.0).abs() < 0.02,
            "{mean} {var}"
        );
        assert!((kurtosis - 3.0).abs() < 0.07, "{kurtosis}");
    }

    #[test]
    fn waiting_times_match_the_probability() {
        let mut noise = Noise::new(2, 1);
        let n = 20_000;
        let total: u64 = (0..n).map(|_| noise.trials_until(0.02) + 1).sum();
        let mean = total as f64 / f64::from(n);
        assert!((mean - 50.0).abs() < 1.5, "{mean}");
        assert_eq!(noise.trials_until(0.0), u64::MAX);
        assert_eq!(noise.trials_until(1.0), 0);
    }
}
