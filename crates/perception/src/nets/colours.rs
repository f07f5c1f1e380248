//! The colours of a picture as a vector, for what shape does not tell: produce, and varieties of one
//! brand.

/// Bins of brightness, of red against green, and of yellow against blue.
const BINS: [usize; 3] = [5, 8, 8];
/// Ranges of the three.
const RANGES: [(f32, f32); 3] = [(0.0, 1.0), (-0.35, 0.6), (-0.35, 0.6)];
/// Keeps the hue of what is nearly black from jumping about.
const DARK: f32 = 0.15;
/// How far from the middle colours count: standard deviation, sides of the picture.
const MIDDLE: f32 = 0.3;

/// Square roots of the shares of 5 × 8 × 8 colours, so that the vector has length 1 and the product
/// of two is Bhattacharyya's coefficient. The middle counts most; a pixel is shared among the bins
/// around it. `planes` are the red, the green and the blue values, 0–1, of a picture of width and
/// height `size`; nothing comes of anything else.
pub(super) fn colours(planes: &[f32], [w, h]: [usize; 2]) -> Vec<f32> {
    if planes.is_empty() || planes.len() != 3 * h * w {
        return Vec::new();
    }
    let (red, rest) = planes.split_at(h * w);
    let (green, blue) = rest.split_at(h * w);
    let from_middle = |i: usize, n: usize| (i as f32 + 0.5) / n as f32 - 0.5;
    let mut shares = vec![0.0_f32; BINS.iter().product()];
    let pixels = red.iter().zip(green).zip(blue);
    for (i, ((&r, &g), &b)) in pixels.enumerate() {
        let (x, y) = (from_middle(i % w, w), from_middle(i / w, h));
        let weight = (-(x * x + y * y) / (2.0 * MIDDLE * MIDDLE)).exp();
        let sum = r + g + b;
        let values = [
            (sum / 3.0).max(0.0).sqrt(),
            (r - g) / (sum + DARK),
            ((r + g) / 2.0 - b) / (sum + DARK),
        ];
        let place: [(usize, f32); 3] = std::array::from_fn(|k| {
            let (low, high) = RANGES[k];
            let last = BINS[k] - 1;
            let v = if values[k].is_finite() {
                values[k]
            } else {
                0.0
            };
            let at = ((v - low) / (high - low)).clamp(0.0, 1.0) * last as f32;
            let bin = (at as usize).min(last - 1);
            (bin, at - bin as f32)
        });
        for corner in 0..8_usize {
            let (mut bin, mut share) = (0, weight);
            for (k, (low, part)) in place.into_iter().enumerate() {
                let up = (corner >> k) & 1;
                bin = bin * BINS[k] + low + up;
                share *= if up == 1 { part } else { 1.0 - part };
            }
            shares[bin] += share;
        }
    }
    let all: f32 = shares.iter().sum();
    shares.iter().map(|s| (s / all.max(1e-9)).sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(rgb: [f32; 3]) -> Vec<f32> {
        let planes: Vec<f32> = rgb.iter().flat_map(|c| [*c; 256]).collect();
        colours(&planes, [16, 16])
    }

    fn alike(a: [f32; 3], b: [f32; 3]) -> f32 {
        plain(a).iter().zip(plain(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn like_colours_are_near_and_unlike_ones_far() {
        let red = [0.8, 0.1, 0.1];
        assert!((alike(red, red) - 1.0).abs() < 1e-4);
        assert!(alike(red, [0.75, 0.13, 0.1]) > 0.75);
        assert!(alike(red, [0.1, 0.7, 0.2]) < 0.3);
        assert!(alike([0.9; 3], [0.1; 3]) < 0.3, "white and black");
        assert_eq!(plain([0.5; 3]).len(), 320);
    }

    #[test]
    fn what_is_no_picture_has_no_colours() {
        assert!(colours(&[0.0; 5], [4, 4]).is_empty());
        assert!(plain([f32::NAN; 3]).iter().all(|v| v.is_finite()));
    }
}
