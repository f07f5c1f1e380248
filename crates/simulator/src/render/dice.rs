//! Draws in single precision for pictures, each thing with a stream that follows from its name.

use super::space::Rgb;
use crate::draw::Draw;

/// Seeded draws.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Draw);

/// One number out of several (SplitMix64's finaliser, Steele et al. 2014).
pub(crate) fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |h, &p| {
        let mut z = (h ^ p).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// A number for a text.
pub(crate) fn hash_text(text: &str) -> u64 {
    text.bytes().fold(7, |h, b| hash(&[h, u64::from(b)]))
}

impl Dice {
    pub fn new(parts: &[u64]) -> Self {
        Self(Draw::new(hash(parts), 77))
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f32 {
        self.0.unit() as f32
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A whole number in `0..n`; 0 if `n` is.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f32) as usize).min(n.saturating_sub(1))
    }

    /// A whole number in `low..=high`.
    pub fn whole(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    pub fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f32 {
        self.0.normal() as f32
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// 64 bits for a stream of its own.
    pub fn seed(&mut self) -> u64 {
        (u64::from((self.unit() * 16_777_216.0) as u32) << 32)
            | u64::from((self.unit() * 16_777_216.0) as u32)
    }

    /// A colour near another.
    pub fn near(&mut self, c: Rgb, spread: f32) -> Rgb {
        let k = 1.0 + spread * self.between(-1.0, 1.0);
        c.map(|c| (c * k + 0.4 * spread * self.between(-1.0, 1.0)).clamp(0.0, 1.0))
    }
}
