//! The network of hands, as it was trained.

use super::window::{CHANNELS, SLOTS};
use crate::looks::LookWeights;
use crate::net::{Shape, WindowNet};

/// Rises and falls are told by two more rows.
const SHAPE: Shape = Shape {
    slots: SLOTS,
    inputs: CHANNELS + 2,
    width: 16,
    top: 24,
};

/// How far the scores are believed. All factors of a step are divided by 0.7 afterwards (`FusionConfig::temperature`), which is
/// meant for those that were guessed; what is left, a tenth more than they say, is as likely as they are and doubts less.
const TRUST: f64 = 0.77;

/// `models/hands.bin`: this many 32-bit numbers, little-endian, in the order of [`HandNet`]'s fields.
const NUMBERS: usize = SHAPE.numbers() + 2 + 12 + 1;
static SHIPPED: &[u8; 4 * NUMBERS] = include_bytes!("../../../../models/hands.bin");

#[derive(Debug)]
pub(super) struct HandNet {
    net: WindowNet,
    /// The score of nobody, by falls and rises.
    nobody: [f32; 2],
    /// What looks weigh, by falls and rises.
    looks: [LookWeights; 2],
    /// The score of two people having had a part in one fall, beside one.
    both: f32,
}

impl HandNet {
    pub(super) fn shipped() -> Self {
        let (numbers, _) = SHIPPED.as_chunks::<4>();
        Self::read(numbers.iter().map(|b| f32::from_le_bytes(*b)))
    }

    fn read(mut numbers: impl Iterator<Item = f32>) -> Self {
        let net = WindowNet::read(SHAPE, &mut numbers);
        let mut take = |n: usize| numbers.by_ref().take(n).collect::<Vec<f32>>();
        let (nobody, looks, both) = (take(2), take(12), take(1));
        let weights = |k: usize| {
            let of =
                |i: usize| TRUST * f64::from(looks.get(6 * k + i).copied().unwrap_or_default());
            LookWeights {
                shows_it: of(0),
                shows_it_astray: of(1),
                shows_another: of(2),
                shows_none: of(3),
                any: of(4),
                each: of(5),
            }
        };
        Self {
            net,
            nobody: [0, 1].map(|k| nobody.get(k).copied().unwrap_or_default()),
            looks: [weights(0), weights(1)],
            both: both.first().copied().unwrap_or_default(),
        }
    }

    /// Natural log of how often two people have a part in one fall, to one.
    pub(super) fn both(&self) -> f64 {
        TRUST * f64::from(self.both)
    }

    /// The score of a window against that of nobody, natural log.
    pub(super) fn log_ratio(&self, window: &[f32], is_rise: bool) -> f64 {
        let mut x = window.to_vec();
        for kind in [is_rise, !is_rise] {
            x.resize(x.len() + SLOTS, if kind { 1.0 } else { 0.0 });
        }
        TRUST * f64::from(self.net.score(x) - self.nobody[usize::from(is_rise)])
    }

    pub(super) fn look_weights(&self, is_rise: bool) -> LookWeights {
        self.looks[usize::from(is_rise)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a made window, as PyTorch computed it (`training/train_hands.py`).
    #[test]
    fn the_shipped_network_says_what_it_said_in_training() {
        let net = HandNet::shipped();
        let window: Vec<f32> = (0..CHANNELS * SLOTS)
            .map(|i| ((i * 37 % 101) as f32 / 101.0) - 0.3)
            .collect();
        let said = [false, true].map(|rise| net.log_ratio(&window, rise) / TRUST);
        let trained = include_str!("../../../../models/hands.example");
        let trained: Vec<f64> = trained
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect();
        for (a, b) in said.iter().zip(&trained) {
            assert!((a - b).abs() < 1e-3, "{said:?}, trained: {trained:?}");
        }
    }
}
