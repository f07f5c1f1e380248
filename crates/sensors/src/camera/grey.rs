//! A picture reduced to what a watchdog needs.

/// Columns and rows of the reduced picture.
pub(super) const WIDTH: usize = 96;
/// See [`WIDTH`].
pub(super) const HEIGHT: usize = 54;
/// Pixels that are kept as they are, to see noise, which averaging would take away.
const SAMPLES: usize = 2_048;

/// A picture in grey, 96 × 54 means of what each cell covers, and 2,048 single pixels spread over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Grey {
    /// Pixels of the whole picture along a row, and its rows.
    pub(super) size: [u32; 2],
    /// Row by row, 0 to 255.
    pub(super) cells: Vec<f32>,
    /// Luma of single pixels, always the same ones for a size.
    pub(super) samples: Vec<u8>,
}

impl Grey {
    /// Of a picture of rows of RGB. Pixels that are missing count as black.
    pub fn of_rgb([width, height]: [u32; 2], rgb: &[u8]) -> Self {
        let (w, h) = (width.max(1) as usize, height.max(1) as usize);
        let luma = |x: usize, y: usize| -> u8 {
            let at = (y * w + x) * 3;
            match rgb.get(at..at + 3) {
                // BT.601, as the conversions to RGB that come before.
                Some(&[r, g, b]) => {
                    ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8) as u8
                }
                _ => 0,
            }
        };
        let mut cells = Vec::with_capacity(WIDTH * HEIGHT);
        for j in 0..HEIGHT {
            let rows = span(j, HEIGHT, h);
            for i in 0..WIDTH {
                let columns = span(i, WIDTH, w);
                let (mut sum, mut n) = (0_u32, 0_u32);
                for y in rows.clone() {
                    for x in columns.clone() {
                        sum += u32::from(luma(x, y));
                        n += 1;
                    }
                }
                cells.push(sum as f32 / n.max(1) as f32);
            }
        }
        // A step that shares no factor with the width spreads them over rows and columns.
        let step = ((w * h / SAMPLES).max(1)) | 1;
        let samples = (0..SAMPLES)
            .map(|k| (k * step) % (w * h))
            .map(|at| luma(at % w, at / w))
            .collect();
        Self {
            size: [width, height],
            cells,
            samples,
        }
    }

    /// Mean, 0 to 255.
    pub fn mean(&self) -> f32 {
        self.cells.iter().sum::<f32>() / self.cells.len().max(1) as f32
    }
}

/// The pixels of cell `i` of `cells` along a side of `pixels`; at least one.
fn span(i: usize, cells: usize, pixels: usize) -> std::ops::Range<usize> {
    let from = (i * pixels / cells).min(pixels - 1);
    from..((i + 1) * pixels / cells).max(from + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_any_size_are_reduced() {
        for size in [[1, 1], [7, 3], [96, 54], [640, 360], [333, 777]] {
            let rgb = vec![100; (size[0] * size[1] * 3) as usize];
            let grey = Grey::of_rgb(size, &rgb);
            assert_eq!(
                (grey.cells.len(), grey.samples.len()),
                (WIDTH * HEIGHT, SAMPLES)
            );
            assert!((grey.mean() - 100.0).abs() < 0.01, "{size:?}");
        }
    }
}
