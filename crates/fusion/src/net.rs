//! The small networks that read windows of frames: three convolutions over time and two layers on top.

/// Frames that one output frame of a convolution sees.
const KERNEL: usize = 5;
const STRIDES: [usize; 3] = [1, 2, 2];

/// Cameras that give fewer pictures than there are frames in a window leave every other one of them empty, which networks that
/// learnt from ten pictures a second take for a track that is hardly seen: there, each frame stands for the next one, too.
pub(crate) fn held_on<T: Clone>(frames: &mut [Option<T>]) {
    let told = |f: &Option<T>| f.is_some();
    if frames.windows(2).any(|two| two.iter().all(told)) {
        return;
    }
    for i in (1..frames.len()).rev() {
        if frames[i].is_none() {
            frames[i] = frames[i - 1].clone();
        }
    }
}

/// How wide a network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Frames of a window, tenths of a second.
    pub slots: usize,
    /// Rows of a window.
    pub inputs: usize,
    /// Channels of the convolutions.
    pub width: usize,
    /// Numbers of the layer on top.
    pub top: usize,
}

impl Shape {
    /// Weights and biases.
    pub(crate) const fn numbers(self) -> usize {
        (self.inputs * KERNEL + 1) * self.width
            + 2 * (self.width * KERNEL + 1) * self.width
            + (self.width * self.last() + 1) * self.top
            + self.top
            + 1
    }

    /// Frames of the last convolution.
    const fn last(self) -> usize {
        self.slots.div_ceil(STRIDES[1] * STRIDES[2])
    }
}

/// A network that gives one number for a window.
#[derive(Debug)]
pub(crate) struct WindowNet {
    slots: usize,
    /// `width × inputs × KERNEL`.
    convolutions: [Layer; 3],
    /// `top × (width · frames of the last convolution)`.
    top: Layer,
    /// `1 × top`.
    out: Layer,
}

impl WindowNet {
    /// Takes [`Shape::numbers`] numbers, each layer's weights row by row, one row an output, and then its biases.
    pub(crate) fn read(shape: Shape, numbers: &mut impl Iterator<Item = f32>) -> Self {
        let mut take = |n: usize| numbers.by_ref().take(n).collect::<Vec<f32>>();
        let mut layer = |inputs: usize, outputs: usize| Layer {
            weights: take(inputs * outputs),
            biases: take(outputs),
        };
        let Shape {
            slots,
            inputs,
            width,
            top,
        } = shape;
        Self {
            slots,
            convolutions: [
                layer(inputs * KERNEL, width),
                layer(width * KERNEL, width),
                layer(width * KERNEL, width),
            ],
            top: layer(width * shape.last(), top),
            out: layer(top, 1),
        }
    }

    /// The score of a window: rows of as many frames as it reads.
    pub(crate) fn score(&self, window: Vec<f32>) -> f32 {
        let (mut x, mut slots) = (window, self.slots);
        for (layer, stride) in self.convolutions.iter().zip(STRIDES) {
            x = layer.convolve(&x, slots, stride);
            slots = slots.div_ceil(stride);
        }
        let top: Vec<f32> = self.top.apply(&x).map(|v| v.max(0.0)).collect();
        self.out.apply(&top).next().unwrap_or_default()
    }
}

/// A layer: weights and biases.
#[derive(Debug)]
struct Layer {
    weights: Vec<f32>,
    biases: Vec<f32>,
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

    #[test]
    fn frames_of_slow_cameras_stand_for_the_next_one_and_quick_ones_are_left_as_they_are() {
        let mut slow = [Some(1), None, Some(2), None, None, Some(3), None];
        held_on(&mut slow);
        assert_eq!(
            slow,
            [Some(1), Some(1), Some(2), Some(2), None, Some(3), Some(3)]
        );
        let mut quick = [None, Some(1), Some(2), None, Some(3), None];
        let before = quick;
        held_on(&mut quick);
        assert_eq!(quick, before);
    }

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
}
