//! The load cells on one clock of 60 Hz, with moving sums over a shelf: what both baselines read.

use std::ops::Range;
use walkout_model::{LoadSample, PlateIx, ShelfIx, Shop, StoreTime, TimeDelta};

/// Ticks that are remembered: two seconds and a little, enough for a window of one second that
/// ends a second and a half ago.
pub const KEPT: usize = 192;
/// The moving window of both systems.
pub const WINDOW: usize = 60;

/// Readings of all plates over the last [`KEPT`] ticks; a lost sample repeats the one before.
pub struct Grid {
    shelves: Vec<Range<usize>>,
    plates: usize,
    held_g: Vec<f32>,
    held_t: Vec<StoreTime>,
    rings_g: Vec<f32>,
    sums_g: Vec<f64>,
    moving: Vec<Moving>,
    times: Vec<StoreTime>,
    ticks: usize,
}

/// Sums over the newest window of one shelf.
#[derive(Clone, Copy, Default)]
struct Moving {
    sum: f64,
    squares: f64,
    /// Subtracted from all values, so that squares stay small.
    origin: f64,
}

impl Grid {
    /// Empty.
    pub fn new(shop: &Shop) -> Self {
        let plates = shop.layout.plates.len();
        let shelves: Vec<Range<usize>> = shop
            .layout
            .shelves
            .iter()
            .map(|s| s.plates.start as usize..s.plates.end as usize)
            .collect();
        Self {
            plates,
            held_g: vec![0.0; plates],
            held_t: vec![StoreTime(i64::MIN); plates],
            rings_g: vec![0.0; plates * KEPT],
            sums_g: vec![0.0; shelves.len() * KEPT],
            moving: vec![Moving::default(); shelves.len()],
            times: vec![StoreTime::default(); KEPT],
            shelves,
            ticks: 0,
        }
    }

    /// One tick with the samples that came in it.
    pub fn take(&mut self, now: StoreTime, loads: &[LoadSample]) {
        for sample in loads {
            let i = sample.plate.usize();
            if sample.grams.is_finite() && self.held_t.get(i).is_some_and(|&t| t < sample.t) {
                self.held_t[i] = sample.t;
                self.held_g[i] = sample.grams;
            }
        }
        let row = self.ticks % KEPT;
        self.times[row] = now;
        self.rings_g[row * self.plates..(row + 1) * self.plates].copy_from_slice(&self.held_g);
        let leaving = (self.ticks + KEPT - WINDOW) % KEPT;
        let shelves = self.shelves.len();
        for (s, range) in self.shelves.iter().enumerate() {
            let sum: f64 = self.held_g[range.clone()]
                .iter()
                .map(|&g| f64::from(g))
                .sum();
            let moving = &mut self.moving[s];
            if self.ticks == 0 {
                moving.origin = sum;
            }
            let new = sum - moving.origin;
            moving.sum += new;
            moving.squares += new * new;
            if self.ticks >= WINDOW {
                let old = self.sums_g[leaving * shelves + s] - moving.origin;
                moving.sum -= old;
                moving.squares -= old * old;
            }
            self.sums_g[row * shelves + s] = sum;
        }
        self.ticks += 1;
    }

    /// Ticks so far.
    pub fn ticks(&self) -> usize {
        self.ticks
    }

    /// How many shelves there are.
    pub fn shelves(&self) -> usize {
        self.shelves.len()
    }

    /// When a tick was; it must be among the last [`KEPT`].
    pub fn time(&self, tick: usize) -> StoreTime {
        self.times[tick % KEPT]
    }

    /// Mean and standard deviation of a shelf over the newest window, grams.
    pub fn newest(&self, shelf: ShelfIx) -> (f64, f64) {
        let m = &self.moving[shelf.usize()];
        let n = WINDOW.min(self.ticks.max(1)) as f64;
        let mean = m.sum / n;
        (
            mean + m.origin,
            (m.squares / n - mean * mean).max(0.0).sqrt(),
        )
    }

    /// Mean of each plate of a shelf over the window that ends before tick `end`, grams.
    pub fn plates_g(&self, shelf: ShelfIx, end: usize) -> Vec<f64> {
        let range = self.shelves[shelf.usize()].clone();
        let first = end.saturating_sub(WINDOW);
        let mut means = vec![0.0; range.len()];
        for tick in first..end {
            let row = (tick % KEPT) * self.plates;
            let values = &self.rings_g[row + range.start..row + range.end];
            for (mean, &value) in means.iter_mut().zip(values) {
                *mean += f64::from(value);
            }
        }
        let n = (end - first).max(1) as f64;
        for mean in &mut means {
            *mean /= n;
        }
        means
    }

    /// The plates of a shelf.
    pub fn plates_of(&self, shelf: ShelfIx) -> impl Iterator<Item = PlateIx> + use<> {
        self.shelves[shelf.usize()].clone().map(PlateIx::from)
    }
}

/// So many ticks.
pub fn span(ticks: usize) -> TimeDelta {
    TimeDelta(ticks as i64 * 1_000_000 / 60)
}
