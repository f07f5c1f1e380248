//! Heat maps at a quarter of an input's size, and the spots in them.

use super::person::Spot;

/// Input pixels per cell of the maps.
pub(super) const STRIDE: f64 = 4.0;
/// No picture of a shop shows more.
const SPOTS_MAX: usize = 256;

/// The maps of one input, channel by channel.
pub(super) struct Maps<'a> {
    pub data: &'a [f32],
    /// Width and height, cells.
    pub size: [usize; 2],
}

impl Maps<'_> {
    pub fn size(&self) -> (usize, usize) {
        (self.size[0], self.size[1])
    }

    pub fn at(&self, channel: usize, x: usize, y: usize) -> f32 {
        let (w, h) = self.size();
        let i = (channel * h + y.min(h - 1)) * w + x.min(w - 1);
        self.data.get(i).copied().unwrap_or(f32::NAN)
    }

    /// Local maxima of a map, the surest first, with their cells; `x` and `y` are input pixels.
    pub fn peaks(&self, channel: usize, least: f32) -> Vec<(Spot, usize, usize)> {
        let (w, h) = self.size();
        let mut found = Vec::new();
        for y in 0..h {
            for x in 0..w {
                let v = self.at(channel, x, y);
                // Not a number is never a peak.
                if v.is_nan() || v < least {
                    continue;
                }
                let around = [
                    (-1, -1),
                    (0, -1),
                    (1, -1),
                    (-1, 0),
                    (1, 0),
                    (-1, 1),
                    (0, 1),
                    (1, 1),
                ];
                let neighbour = |(dx, dy): (isize, isize)| {
                    let (nx, ny) = (x.checked_add_signed(dx)?, y.checked_add_signed(dy)?);
                    (nx < w && ny < h)
                        .then(|| (self.at(channel, nx, ny), dy < 0 || (dy == 0 && dx < 0)))
                };
                // Of equal neighbours the first in reading order is the peak.
                if around
                    .into_iter()
                    .filter_map(neighbour)
                    .any(|(n, before)| n > v || (before && n == v))
                {
                    continue;
                }
                let shift = |a: f32, b: f32| {
                    let curve = f64::from(2.0 * v - a - b);
                    if curve > 1e-6 {
                        (f64::from(b - a) / (2.0 * curve)).clamp(-0.5, 0.5)
                    } else {
                        0.0
                    }
                };
                let left = if x > 0 { self.at(channel, x - 1, y) } else { v };
                let above = if y > 0 { self.at(channel, x, y - 1) } else { v };
                let right = if x + 1 < w {
                    self.at(channel, x + 1, y)
                } else {
                    v
                };
                let below = if y + 1 < h {
                    self.at(channel, x, y + 1)
                } else {
                    v
                };
                let spot = Spot {
                    x: (x as f64 + 0.5 + shift(left, right)) * STRIDE,
                    y: (y as f64 + 0.5 + shift(above, below)) * STRIDE,
                    score: v.min(1.0),
                };
                found.push((spot, x, y));
            }
        }
        found.sort_by(|a, b| b.0.score.total_cmp(&a.0.score));
        found.truncate(SPOTS_MAX);
        found
    }
}
