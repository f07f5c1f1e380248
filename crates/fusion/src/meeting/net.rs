//! The network of hand-overs, as it was trained.

use super::window::{CHANNELS, SLOTS};
use crate::net::{Shape, WindowNet};
use std::sync::LazyLock;

/// Numbers of looks that bear on a hand-over.
pub(crate) const LOOKS: usize = 12;

const SHAPE: Shape = Shape {
    slots: SLOTS,
    inputs: CHANNELS,
    width: 16,
    top: 24,
};
/// Networks that were trained on the same lessons from other beginnings; their mean errs less than any of them.
const NETS: usize = 3;
/// `models/handing.bin`: this many 32-bit numbers, little-endian, in the order of [`HandingNet`]'s fields.
const NUMBERS: usize = NETS * SHAPE.numbers() + LOOKS + 1;
static SHIPPED: &[u8; 4 * NUMBERS] = include_bytes!("../../../../models/handing.bin");

static NET: LazyLock<HandingNet> = LazyLock::new(HandingNet::shipped);

#[derive(Debug)]
struct HandingNet {
    nets: [WindowNet; NETS],
    /// How far the log ratios of looks are believed.
    looks: [f64; LOOKS],
    /// Share of meetings in which something was passed, of those it was trained on.
    passed: f64,
}

impl HandingNet {
    fn shipped() -> Self {
        let (numbers, _) = SHIPPED.as_chunks::<4>();
        let mut numbers = numbers.iter().map(|b| f32::from_le_bytes(*b));
        let nets = std::array::from_fn(|_| WindowNet::read(SHAPE, &mut numbers));
        let mut rest = numbers.map(f64::from);
        Self {
            nets,
            looks: std::array::from_fn(|_| rest.next().unwrap_or_default()),
            passed: rest.next().unwrap_or_default(),
        }
    }
}

/// Natural log odds that something is passed on so, before any look.
pub(super) fn log_odds(window: Vec<f32>) -> f64 {
    let scores = NET.nets.iter().map(|net| net.score(window.clone()));
    f64::from(scores.sum::<f32>()) / NETS as f64
}

/// What looks at both people's hands say of a thing having passed.
pub(crate) fn looks(features: &[f64; LOOKS]) -> f64 {
    features.iter().zip(&NET.looks).map(|(x, w)| x * w).sum()
}

/// Share of meetings in which something was passed, of those the network was trained on.
pub(crate) fn passed_in_training() -> f64 {
    NET.passed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a made window, as PyTorch computed it (`training/train_handing.py`).
    #[test]
    fn the_shipped_network_says_what_it_said_in_training() {
        let window = (0..CHANNELS * SLOTS).map(|i| ((i * 37 % 101) as f32 / 101.0) - 0.3);
        let said = log_odds(window.collect());
        let trained: f64 = include_str!("../../../../models/handing.example")
            .trim()
            .parse()
            .unwrap();
        assert!((said - trained).abs() < 1e-3, "{said}, trained: {trained}");
        assert!((0.001..0.5).contains(&passed_in_training()));
    }
}
