//! A part of a picture at another size, row by row: nothing but two rows lies between the picture
//! and the network's input.

use super::picture::RgbPicture;

/// What output pixel `i` is made of along one axis: picture pixels from `first` on, by weight.
#[derive(Clone, Debug, Default)]
pub(super) struct Taps {
    first: usize,
    /// Sum 1; empty if the output pixel's middle lies outside the picture.
    weights: Vec<f32>,
}

/// The taps of `n` output pixels that cover `from..to` of an axis of `length` pixels. Output pixels that
/// cover more than one pixel are means by area, smaller ones lie between neighbours.
pub(super) fn taps(from: f64, to: f64, n: usize, length: usize) -> Vec<Taps> {
    let step = (to - from) / n.max(1) as f64;
    let last = length.saturating_sub(1);
    (0..n)
        .map(|i| {
            let middle = from + (i as f64 + 0.5) * step;
            if !(0.0..length as f64).contains(&middle) {
                return Taps::default();
            }
            if step > 1.0 {
                let low = (middle - step / 2.0).max(0.0);
                let high = (middle + step / 2.0).min(length as f64);
                let first = (low as usize).min(last);
                let end = (high.ceil() as usize).clamp(first + 1, length);
                let weight = |p: usize| high.min(p as f64 + 1.0) - low.max(p as f64);
                let total = (high - low).max(1e-9);
                let weights = (first..end)
                    .map(|p| (weight(p).max(0.0) / total) as f32)
                    .collect();
                return Taps { first, weights };
            }
            let at = (middle - 0.5).max(0.0);
            let first = (at as usize).min(last);
            let part = (at - first as f64) as f32;
            let weights = if part > 1e-6 && first < last {
                vec![1.0 - part, part]
            } else {
                vec![1.0]
            };
            Taps { first, weights }
        })
        .collect()
}

/// Calls `row` for every output row with its number and its red, green and blue values, 0–255, side by
/// side; output pixels outside the picture get `pad`.
pub(super) fn resample(
    picture: &RgbPicture<'_>,
    across: &[Taps],
    down: &[Taps],
    pad: [f32; 3],
    mut row: impl FnMut(usize, &[f32]),
) {
    let stride = picture.width() as usize * 3;
    let inside = || across.iter().filter(|t| !t.weights.is_empty());
    // Columns of the picture that are needed at all.
    let begin = inside().map(|t| t.first).min().unwrap_or(0);
    let end = inside().map(|t| t.first + t.weights.len()).max();
    let end = end.unwrap_or(0).max(begin);
    let plain = across
        .iter()
        .enumerate()
        .all(|(i, t)| t.weights.len() == 1 && t.first == begin + i);
    let mut column = vec![0.0_f32; (end - begin) * 3];
    let mut out = vec![0.0_f32; across.len() * 3];
    for (y, vertical) in down.iter().enumerate() {
        if vertical.weights.is_empty() || begin == end {
            for pixel in out.chunks_exact_mut(3) {
                pixel.copy_from_slice(&pad);
            }
            row(y, &out);
            continue;
        }
        for (k, weight) in vertical.weights.iter().enumerate() {
            let start = (vertical.first + k) * stride;
            let source = picture
                .bytes()
                .get(start + begin * 3..start + end * 3)
                .unwrap_or_default();
            if k == 0 {
                for (c, s) in column.iter_mut().zip(source) {
                    *c = f32::from(*s) * weight;
                }
            } else {
                for (c, s) in column.iter_mut().zip(source) {
                    *c += f32::from(*s) * weight;
                }
            }
        }
        if plain {
            row(y, &column);
            continue;
        }
        for (pixel, horizontal) in out.chunks_exact_mut(3).zip(across) {
            let start = horizontal.first.saturating_sub(begin) * 3;
            let mut sum = [0.0_f32; 3];
            let Some(source) = column.get(start..start + horizontal.weights.len() * 3) else {
                continue;
            };
            for (s, w) in source.chunks_exact(3).zip(&horizontal.weights) {
                sum[0] += s[0] * w;
                sum[1] += s[1] * w;
                sum[2] += s[2] * w;
            }
            pixel.copy_from_slice(if horizontal.weights.is_empty() {
                &pad
            } else {
                &sum
            });
        }
        row(y, &out);
    }
}
