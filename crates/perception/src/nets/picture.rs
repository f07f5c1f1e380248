//! Pictures made ready for a network.

use super::Tensor;

/// Longest side of a picture.
const SIDE_MAX: u32 = 16_384;

/// A picture: rows of red, green, blue. Borrowed, so that a frame is not copied on the way.
#[derive(Clone, Copy, Debug)]
pub struct RgbPicture<'a> {
    width: u32,
    height: u32,
    rgb: &'a [u8],
}

/// Why bytes are no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a picture of {width} x {height} needs {needed} bytes of RGB, and {found} were given")]
pub struct PictureError {
    width: u32,
    height: u32,
    needed: u64,
    found: usize,
}

impl<'a> RgbPicture<'a> {
    /// A picture of these bytes.
    ///
    /// # Errors
    /// Their number does not fit the size, or a side is 0 or longer than 16,384 pixels.
    pub fn new(width: u32, height: u32, rgb: &'a [u8]) -> Result<Self, PictureError> {
        let needed = u64::from(width) * u64::from(height) * 3;
        let sane = (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height);
        if !sane || needed != rgb.len() as u64 {
            return Err(PictureError {
                width,
                height,
                needed,
                found: rgb.len(),
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// Pixels along a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The network's input: scaled by `scale`, padded with mid grey on the right and below to
    /// multiples of 32. Scaling down averages, scaling up interpolates.
    pub fn scaled(&self, scale: f64) -> Tensor {
        let size = [self.width, self.height]
            .map(|s| ((f64::from(s) * scale).round() as usize).clamp(1, 16_384));
        let [w, h] = size;
        let (pw, ph) = (w.div_ceil(32) * 32, h.div_ceil(32) * 32);
        let mut data = vec![0.45; 3 * pw * ph];
        let same = (w, h) == (self.width as usize, self.height as usize);
        for y in 0..h {
            for x in 0..w {
                let c = if same {
                    let i = (y * w + x) * 3;
                    [0, 1, 2].map(|c| f32::from(self.rgb[i + c]))
                } else {
                    self.sample(x, y, [w, h])
                };
                for (k, v) in c.into_iter().enumerate() {
                    data[(k * ph + y) * pw + x] = v / 255.0;
                }
            }
        }
        Tensor {
            shape: [1, 3, ph, pw],
            data,
        }
    }

    /// A box of the picture, left, top, right, bottom in pixels, as a square of this side; what
    /// lies outside the picture is mid grey.
    pub fn square(&self, [left, top, right, bottom]: [f64; 4], side: usize) -> Tensor {
        let half = ((right - left).max(bottom - top) / 2.0).max(0.5);
        let (cx, cy) = ((left + right) / 2.0, (top + bottom) / 2.0);
        let mut data = vec![0.45; 3 * side * side];
        let step = 2.0 * half / side as f64;
        for y in 0..side {
            for x in 0..side {
                let px = cx - half + (x as f64 + 0.5) * step;
                let py = cy - half + (y as f64 + 0.5) * step;
                if let Some(c) = self.between(px, py) {
                    for (k, v) in c.into_iter().enumerate() {
                        data[(k * side + y) * side + x] = v / 255.0;
                    }
                }
            }
        }
        Tensor {
            shape: [1, 3, side, side],
            data,
        }
    }

    fn pixel(&self, x: usize, y: usize) -> [f32; 3] {
        let i = (y.min(self.height as usize - 1) * self.width as usize
            + x.min(self.width as usize - 1))
            * 3;
        [0, 1, 2].map(|c| f32::from(self.rgb[i + c]))
    }

    /// Between the four pixels around a point; `None` outside.
    fn between(&self, x: f64, y: f64) -> Option<[f32; 3]> {
        if x < 0.0 || y < 0.0 || x >= f64::from(self.width) || y >= f64::from(self.height) {
            return None;
        }
        let (x, y) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
        let (ix, iy) = (x as usize, y as usize);
        let (fx, fy) = ((x - ix as f64) as f32, (y - iy as f64) as f32);
        let (a, b) = (self.pixel(ix, iy), self.pixel(ix + 1, iy));
        let (c, d) = (self.pixel(ix, iy + 1), self.pixel(ix + 1, iy + 1));
        Some([0, 1, 2].map(|k| {
            let (top, low) = (a[k] + (b[k] - a[k]) * fx, c[k] + (d[k] - c[k]) * fx);
            top + (low - top) * fy
        }))
    }

    /// The mean of what an output pixel covers, or between neighbours where that is less than one.
    fn sample(&self, x: usize, y: usize, [w, h]: [usize; 2]) -> [f32; 3] {
        let (sx, sy) = (
            f64::from(self.width) / w as f64,
            f64::from(self.height) / h as f64,
        );
        if sx <= 1.0 || sy <= 1.0 {
            let at = self.between((x as f64 + 0.5) * sx, (y as f64 + 0.5) * sy);
            return at.unwrap_or([115.0; 3]);
        }
        let range = |i: usize, s: f64| {
            let from = (i as f64 * s) as usize;
            from..(((i + 1) as f64 * s) as usize).max(from + 1)
        };
        let (mut sum, mut n) = ([0.0; 3], 0.0);
        for py in range(y, sy) {
            for px in range(x, sx) {
                let c = self.pixel(px, py);
                for k in 0..3 {
                    sum[k] += c[k];
                }
                n += 1.0;
            }
        }
        sum.map(|s| s / n)
    }
}
