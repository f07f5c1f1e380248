//! What a camera sees when nobody is there: a slow median of its pictures on a coarse grid.
//!
//! Each cell moves towards what is seen by a fixed step a second, whatever the difference (a sigma–delta median:
//! McFarlane and Schofield, *Segmentation and tracking of piglets in images*, 1995), but not where somebody was found.
//! Before the comparison the picture is brought to the backdrop's brightness, as auto-exposure moves all of it.

use super::colours::cells;
use crate::nets::RgbPicture;
use walkout_model::{Pixel, StoreTime};

/// Cells along a row.
const COLUMNS: usize = 96;
/// A cell that differs by more in any colour shows something, levels of 255.
const DIFFERS: f32 = 11.0;
/// Levels a second that the backdrop follows, where nobody was found and when nobody was found at all.
const FOLLOWS: [f32; 2] = [1.0, 4.0];
/// The cells that differ when somebody stands in the picture, at least.
const SOMEBODY_CELLS: usize = 3;

/// A camera's empty scene, and what is in front of it now.
#[derive(Clone, Debug, Default)]
pub struct Backdrop {
    columns: usize,
    rows: usize,
    /// Calibration pixels a cell.
    cell_px: [f64; 2],
    gain: f32,
    still: Vec<[f32; 3]>,
    now: Vec<[f32; 3]>,
    differs: Vec<bool>,
    last: Option<StoreTime>,
}

impl Backdrop {
    /// Compares a picture with what is known; `size_px` is the calibration's picture size. The first picture
    /// is taken to show nobody; if it does, they fade from the backdrop within a minute of leaving.
    pub fn compare(&mut self, picture: &RgbPicture<'_>, size_px: [f64; 2]) {
        let columns = COLUMNS.min(picture.width() as usize).max(1);
        let rows = (columns * picture.height() as usize / picture.width().max(1) as usize).max(1);
        let fresh = columns != self.columns || rows != self.rows;
        (self.columns, self.rows) = (columns, rows);
        self.cell_px = [size_px[0] / columns as f64, size_px[1] / rows as f64];
        cells(picture, [columns, rows], &mut self.now);
        if fresh {
            self.still.clone_from(&self.now);
            self.last = None;
        }
        let gain = self.ratio();
        self.gain = gain;
        for c in &mut self.now {
            *c = c.map(|v| v * gain);
        }
        self.differs.clear();
        let pairs = self.now.iter().zip(&self.still);
        self.differs
            .extend(pairs.map(|(a, b)| (0..3).any(|k| (a[k] - b[k]).abs() > DIFFERS)));
    }

    /// What brings the picture that was compared last to the backdrop's brightness, as a factor.
    pub fn brightness(&self) -> f32 {
        self.gain
    }

    /// Whether anything is there that is larger than a speck.
    pub fn shows_something(&self) -> bool {
        self.differs.iter().filter(|d| **d).count() >= SOMEBODY_CELLS
    }

    /// Share of the cells about a point (and one cell at least) that differ from the backdrop.
    pub fn share(&self, at: Pixel, radius_px: f64) -> f64 {
        let (mut all, mut some) = (0.0_f64, 0.0_f64);
        self.about(at, radius_px, |i| {
            all += 1.0;
            some += f64::from(u8::from(self.differs.get(i).copied().unwrap_or(false)));
        });
        if all > 0.0 { some / all } else { 0.0 }
    }

    /// The present colour about a point, of cells that differ from the backdrop: red, green, blue by 255, the
    /// picture brought to the backdrop's brightness.
    pub fn colour(&self, at: Pixel, radius_px: f64) -> Option<[f32; 3]> {
        let (mut sum, mut n) = ([0.0_f32; 3], 0.0_f32);
        self.about(at, radius_px, |i| {
            if self.differs.get(i).copied().unwrap_or(false)
                && let Some(c) = self.now.get(i)
            {
                for k in 0..3 {
                    sum[k] += c[k];
                }
                n += 1.0;
            }
        });
        (n > 0.0).then(|| sum.map(|s| s / n / 255.0))
    }

    /// Lets the backdrop follow what was compared last. `people`: spots (with radii) where somebody was found,
    /// which it does not take in.
    pub fn learn(&mut self, t: StoreTime, people: &[(Pixel, f64)]) {
        let dt = match self.last {
            Some(last) => t.since(last).as_secs_f64().clamp(0.0, 5.0) as f32,
            None => 0.0,
        };
        self.last = Some(t);
        let step = FOLLOWS[usize::from(people.is_empty())] * dt;
        let mut held = vec![false; self.still.len()];
        for (at, radius) in people {
            self.about(*at, *radius, |i| {
                if let Some(h) = held.get_mut(i) {
                    *h = true;
                }
            });
        }
        let free = self.still.iter_mut().zip(&self.now).zip(held);
        for ((still, now), _) in free.filter(|(_, held)| !held) {
            for k in 0..3 {
                still[k] += (now[k] - still[k]).clamp(-step, step);
            }
        }
    }

    /// What brings the picture to the backdrop's brightness: the median ratio of cells that are neither dark nor
    /// blown out.
    fn ratio(&self) -> f32 {
        let mut ratios: Vec<f32> = self
            .now
            .iter()
            .zip(&self.still)
            .filter(|(a, b)| a[1] > 20.0 && b[1] > 20.0 && a[1] < 240.0 && b[1] < 240.0)
            .map(|(a, b)| b[1] / a[1])
            .collect();
        if ratios.len() < 16 {
            return 1.0;
        }
        let middle = ratios.len() / 2;
        let (_, median, _) = ratios.select_nth_unstable_by(middle, f32::total_cmp);
        median.clamp(0.5, 2.0)
    }

    fn about(&self, at: Pixel, radius_px: f64, mut visit: impl FnMut(usize)) {
        let [cw, ch] = self.cell_px;
        let finite = at.u.is_finite() && at.v.is_finite() && radius_px.is_finite();
        if !finite || cw <= 0.0 || ch <= 0.0 {
            return;
        }
        let range = |x: f64, cell: f64, n: usize| {
            let lo = ((x - radius_px) / cell).floor().clamp(0.0, n as f64) as usize;
            let hi = ((x + radius_px) / cell).floor().clamp(-1.0, n as f64 - 1.0);
            lo..(hi + 1.0) as usize
        };
        for row in range(at.v, ch, self.rows) {
            for column in range(at.u, cw, self.columns) {
                let du = (column as f64 + 0.5) * cw - at.u;
                let dv = (row as f64 + 0.5) * ch - at.v;
                // The cell that holds the point counts however small the circle.
                if du.hypot(dv) <= radius_px.max(0.71 * cw.max(ch)) {
                    visit(row * self.columns + column);
                }
            }
        }
    }
}
