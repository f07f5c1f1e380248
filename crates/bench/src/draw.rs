//! Seeded draws for the yardsticks' own data: SplitMix64 (Steele, Lea, Flood, 2014). The same seed gives
//! the same data on any machine.

use std::f64::consts::TAU;

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The stream of a seed; `stream` tells apart what is drawn for different things.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut draw = Self(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        draw.next();
        draw
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 ≤ x < 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// lo ≤ x < hi.
    pub fn between(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * self.unit()
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Standard normal (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// Poisson (Knuth), for means up to about 30.
    pub fn poisson(&mut self, mean: f64) -> usize {
        let limit = (-mean.clamp(0.0, 30.0)).exp();
        let mut product = self.unit();
        let mut n = 0;
        while product > limit && n < 200 {
            product *= self.unit();
            n += 1;
        }
        n
    }

    /// One step of a wandering value of standard deviation 1 that forgets at the rate `keep`.
    pub fn wander(&mut self, value: f64, keep: f64) -> f64 {
        keep * value + (1.0 - keep * keep).max(0.0).sqrt() * self.normal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_spread_as_they_should_be() {
        let mut draw = Draw::new(1, 2);
        let n = 20_000;
        let (mut sum, mut squares, mut events) = (0.0, 0.0, 0);
        for _ in 0..n {
            let x = draw.normal();
            sum += x;
            squares += x * x;
            events += draw.poisson(2.5);
        }
        let n = f64::from(n);
        assert!((sum / n).abs() < 0.03 && (squares / n - 1.0).abs() < 0.05);
        assert!((events as f64 / n - 2.5).abs() < 0.06);
        assert_ne!(Draw::new(1, 1).unit(), Draw::new(1, 2).unit());
    }
}
