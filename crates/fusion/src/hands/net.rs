//! The network that reads a window: three convolutions over time and two layers on top.

use super::window::{CHANNELS, SLOTS};
use crate::looks::LookWeights;

/// Channels of the convolutions, frames of the last one, and numbers of the layer on top.
const WIDTH: usize = 16;
const LAST: usize = 11;
const TOP: usize = 24;
/// Frames that one output frame of a convolution sees.
const KERNEL: usize = 5;
/// Rises and falls, told by two more rows.
const INPUTS: usize = CHANNELS + 2;

/// How far the scores are believed. They are probabilities as they are, and all factors of a step are divided by 0.7
/// afterwards (`FusionConfig::temperature`), which is meant for those that were guessed.
const TRUST: f64 = 0.7;

/// `models/hands.bin`: this many 32-bit numbers, little-endian, in the order of [`HandNet`]'s fields.
const NUMBERS: usize = (INPUTS * KERNEL + 1) * WIDTH
    + 2 * (WIDTH * KERNEL + 1) * WIDTH
    + (WIDTH * LAST + 1) * TOP
    + TOP
    + 1
    + 2
    + 12;
static SHIPPED: &[u8; 4 * NUMBERS] = include_bytes!("../../../../models/hands.bin");

/// A layer: weights row by row, one row an output, and biases.
#[derive(Debug)]
struct Layer {
    weights: Vec<f32>,
    biases: Vec<f32>,
}

#[derive(Debug)]
pub(super) struct HandNet {
    /// `WIDTH × inputs × KERNEL`, the second and third with a stride of 2.
    convolutions: [Layer; 3],
    /// `TOP × (WIDTH · LAST)`.
    top: Layer,
    /// `1 × TOP`.
    out: Layer,
    /// The score of nobody, by falls and rises.
    nobody: [f32; 2],
    /// What looks weigh, by falls and rises.
    looks: [LookWeights; 2],
}

impl HandNet {
    pub(super) fn shipped() -> Self {
        let (numbers, _) = SHIPPED.as_chunks::<4>();
        Self::read(numbers.iter().map(|b| f32::from_le_bytes(*b)))
    }

    fn read(mut numbers: impl Iterator<Item = f32>) -> Self {
        let mut take = |n: usize| numbers.by_ref().take(n).collect::<Vec<f32>>();
        let mut layer = |inputs: usize, outputs: usize| Layer {
            weights: take(inputs * outputs),
            biases: take(outputs),
        };
        let convolutions = [
            layer(INPUTS * KERNEL, WIDTH),
            layer(WIDTH * KERNEL, WIDTH),
            layer(WIDTH * KERNEL, WIDTH),
        ];
        let (top, out) = (layer(WIDTH * LAST, TOP), layer(TOP, 1));
        let rest = take(2 + 12);
        let (nobody, looks) = rest.split_at(rest.len().min(2));
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
            convolutions,
            top,
            out,
            nobody: [0, 1].map(|k| nobody.get(k).copied().unwrap_or_default()),
            looks: [weights(0), weights(1)],
        }
    }

    /// The score of a window against that of nobody, natural log.
    pub(super) fn log_ratio(&self, window: &[f32], is_rise: bool) -> f64 {
        let mut x = window.to_vec();
        for kind in [is_rise, !is_rise] {
            x.resize(x.len() + SLOTS, if kind { 1.0 } else { 0.0 });
        }
        let mut slots = SLOTS;
        for (layer, stride) in self.convolutions.iter().zip([1, 2, 2]) {
            x = layer.convolve(&x, slots, stride);
            slots = slots.div_ceil(stride);
        }
        let top = self.top.apply(&x).map(|v| v.max(0.0));
        let top: Vec<f32> = top.collect();
        let score = self.out.apply(&top).next().unwrap_or_default();
        TRUST * f64::from(score - self.nobody[usize::from(is_rise)])
    }

    pub(super) fn look_weights(&self, is_rise: bool) -> LookWeights {
        self.looks[usize::from(is_rise)]
    }
}

impl Layer {
    fn apply<'a>(&'a self, x: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        let rows = self.weights.chunks_exact(x.len().max(1));
        let dot =
            move |(b, row): (&f32, &[f32])| b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        self.biases.iter().zip(rows).map(dot)
    }

    /// A convolution with zeros beyond both ends, cut off at 0. Rows of `slots` in and out.
    fn convolve(&self, x: &[f32], slots: usize, stride: usize) -> Vec<f32> {
        let beyond = [0.0; KERNEL / 2];
        let padded: Vec<Vec<f32>> = x
            .chunks_exact(slots)
            .map(|row| [&beyond, row, &beyond].concat())
            .collect();
        let out_slots = slots.div_ceil(stride);
        let mut out = Vec::with_capacity(self.biases.len() * out_slots);
        let per_output = self.weights.chunks_exact(padded.len().max(1) * KERNEL);
        for (bias, kernels) in self.biases.iter().zip(per_output) {
            let begin = out.len();
            out.resize(begin + out_slots, *bias);
            let sums = &mut out[begin..];
            let (kernels, _) = kernels.as_chunks::<KERNEL>();
            for (row, kernel) in padded.iter().zip(kernels) {
                let frames = row.windows(KERNEL).step_by(stride);
                for (sum, frames) in sums.iter_mut().zip(frames) {
                    *sum += frames.iter().zip(kernel).map(|(x, w)| x * w).sum::<f32>();
                }
            }
            for sum in sums {
                *sum = sum.max(0.0);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A convolution by hand: one row, weights 1 to 5, every second frame.
    #[test]
    fn a_convolution_is_what_it_should_be() {
        let layer = Layer {
            weights: vec![1.0, 2.0, 3.0, 4.0, 5.0],
            biases: vec![0.5],
        };
        let x = [1.0, 0.0, 0.0, 10.0, 0.0, -100.0];
        assert_eq!(layer.convolve(&x, 6, 1), [3.5, 52.5, 41.5, 0.0, 0.0, 0.0]);
        assert_eq!(layer.convolve(&x, 6, 2), [3.5, 41.5, 0.0]);
    }

    /// What comes of a made window, as PyTorch computed it (`training/train_hands.py --example`).
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
