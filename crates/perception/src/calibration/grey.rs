//! A picture's brightness, as floating point, with what finding targets needs.

use crate::nets::{PictureError, RgbPicture};

/// Brightness as the camera encoded it, 0–255, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct GreyPicture {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

impl GreyPicture {
    /// The brightness (Rec. 601) of rows of red, green, blue.
    ///
    /// # Errors
    /// The bytes do not fit the size, or a side is 0 or longer than 16,384 pixels.
    pub fn from_rgb(width: u32, height: u32, rgb: &[u8]) -> Result<Self, PictureError> {
        RgbPicture::new(width, height, rgb)?;
        let luma =
            |c: &[u8]| 0.299 * f32::from(c[0]) + 0.587 * f32::from(c[1]) + 0.114 * f32::from(c[2]);
        Ok(Self {
            width: width as usize,
            height: height as usize,
            data: rgb.chunks_exact(3).map(luma).collect(),
        })
    }

    /// A picture from a function of (column, row).
    pub(super) fn from_fn(width: usize, height: usize, f: impl Fn(usize, usize) -> f32) -> Self {
        let data = (0..width * height)
            .map(|i| f(i % width, i / width))
            .collect();
        Self {
            width,
            height,
            data,
        }
    }

    /// Width and height, pixels.
    pub fn size_px(&self) -> [u32; 2] {
        [self.width as u32, self.height as u32]
    }

    /// Brightness of a pixel, 0–255; beyond the border that of the nearest one.
    pub fn pixel(&self, x: u32, y: u32) -> f32 {
        self.at(x as usize, y as usize)
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.data.chunks_exact(self.width.max(1))
    }

    pub(super) fn at(&self, x: usize, y: usize) -> f32 {
        self.data[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }

    /// Between pixels; the middle of the first one is (0.5, 0.5). Beyond the border it goes on.
    pub(super) fn between(&self, u: f64, v: f64) -> f64 {
        let x = (u - 0.5).clamp(0.0, self.width as f64 - 1.0);
        let y = (v - 0.5).clamp(0.0, self.height as f64 - 1.0);
        let (ix, iy) = (x as usize, y as usize);
        let (fx, fy) = (x - ix as f64, y - iy as f64);
        let [a, b, c, d] =
            [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| f64::from(self.at(ix + dx, iy + dy)));
        let (top, low) = (a + (b - a) * fx, c + (d - c) * fx);
        top + (low - top) * fy
    }

    /// Half the size: each pixel the mean of four.
    pub(super) fn halved(&self) -> Self {
        let (w, h) = ((self.width / 2).max(1), (self.height / 2).max(1));
        Self::from_fn(w, h, |x, y| {
            let (x, y) = (2 * x, 2 * y);
            0.25 * (self.at(x, y) + self.at(x + 1, y) + self.at(x, y + 1) + self.at(x + 1, y + 1))
        })
    }

    /// Smoothed by a Gaussian of this standard deviation, pixels.
    pub(super) fn smoothed(&self, sigma: f64) -> Self {
        let reach = (3.0 * sigma).ceil() as usize;
        let weight = |i: usize| (-0.5 * (i as f64 / sigma).powi(2)).exp() as f32;
        let half: Vec<f32> = (0..=reach).map(weight).collect();
        let sum = half[0] + 2.0 * half[1..].iter().sum::<f32>();
        let half: Vec<f32> = half.iter().map(|w| w / sum).collect();
        let (w, h) = (self.width, self.height);
        let mut across = vec![0.0; w * h];
        let mut line = vec![0.0; w + 2 * reach];
        for (row, out) in self.rows().zip(across.chunks_exact_mut(w)) {
            for (i, x) in line.iter_mut().enumerate() {
                *x = row[i.saturating_sub(reach).min(w - 1)];
            }
            for (x, o) in out.iter_mut().enumerate() {
                let c = x + reach;
                *o = half[0] * line[c];
                for (k, f) in half.iter().enumerate().skip(1) {
                    *o += f * (line[c - k] + line[c + k]);
                }
            }
        }
        let mut data = vec![0.0; w * h];
        for (y, out) in data.chunks_exact_mut(w).enumerate() {
            for (k, f) in half.iter().enumerate() {
                let rows = [y.saturating_sub(k), (y + k).min(h - 1)];
                let rows = if k == 0 { &rows[..1] } else { &rows[..] };
                for r in rows {
                    let from = &across[r * w..r * w + w];
                    for (o, x) in out.iter_mut().zip(from) {
                        *o += f * x;
                    }
                }
            }
        }
        Self {
            width: w,
            height: h,
            data,
        }
    }

    /// Which pixels are darker than the middle between the darkest and the brightest around them, where
    /// these differ by `contrast`; elsewhere `None`. `tile`: side of the pieces whose extremes are
    /// gathered, each with its eight neighbours.
    pub(super) fn darker(&self, tile: usize, contrast: f32) -> Vec<Option<bool>> {
        let (w, h) = (self.width, self.height);
        let (tw, th) = (w.div_ceil(tile), h.div_ceil(tile));
        let mut extremes = vec![(f32::INFINITY, f32::NEG_INFINITY); tw * th];
        for (y, row) in self.rows().enumerate() {
            for (x, v) in row.iter().enumerate() {
                let e = &mut extremes[y / tile * tw + x / tile];
                *e = (e.0.min(*v), e.1.max(*v));
            }
        }
        let around = |tx: usize, ty: usize| {
            let mut e = (f32::INFINITY, f32::NEG_INFINITY);
            for y in ty.saturating_sub(1)..(ty + 2).min(th) {
                for x in tx.saturating_sub(1)..(tx + 2).min(tw) {
                    let o = extremes[y * tw + x];
                    e = (e.0.min(o.0), e.1.max(o.1));
                }
            }
            e
        };
        let wide: Vec<(f32, f32)> = (0..tw * th).map(|i| around(i % tw, i / tw)).collect();
        let mut out = Vec::with_capacity(w * h);
        for (y, row) in self.rows().enumerate() {
            for (x, v) in row.iter().enumerate() {
                let (lo, hi) = wide[y / tile * tw + x / tile];
                out.push((hi - lo >= contrast).then_some(*v < 0.5 * (lo + hi)));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_and_halving_keep_the_mean() {
        let picture = GreyPicture::from_fn(40, 30, |x, y| ((x * 7 + y * 13) % 50) as f32);
        let mean = |p: &GreyPicture| p.data.iter().sum::<f32>() / p.data.len() as f32;
        assert!((mean(&picture.smoothed(1.5)) - mean(&picture)).abs() < 0.5);
        assert!((mean(&picture.halved()) - mean(&picture)).abs() < 1e-3);
        assert_eq!(picture.halved().size_px(), [20, 15]);
        assert!((picture.between(0.5, 0.5) - f64::from(picture.at(0, 0))).abs() < 1e-9);
        assert!(GreyPicture::from_rgb(3, 3, &[0; 26]).is_err());
    }
}
