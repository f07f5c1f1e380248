//! Is the camera alive, and does it show the place it always showed? A watchdog over reduced pictures; it
//! reads no clock.

use super::grey::{Grey, HEIGHT, WIDTH};
use walkout_model::{CameraFault, CameraHealth, CameraIx, StoreTime, TimeDelta};

/// Tiles that the background is judged by, and the cells of one.
const TILE: [usize; 2] = [12, 9];
const TILES: [usize; 2] = [WIDTH / TILE[0], HEIGHT / TILE[1]];
/// Farthest shift that is looked for, cells.
const SHIFT_MAX: [i32; 2] = [8, 6];

/// When a fault is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WatchSettings {
    /// No picture for so long is silence.
    pub silent_after: TimeDelta,
    /// The same picture for so long is frozen.
    pub frozen_after: TimeDelta,
    /// Dark, bright, moved or misshapen for so long.
    pub fault_after: TimeDelta,
    /// Good again for so long.
    pub good_after: TimeDelta,
    /// Two pictures are the same if single pixels differ by less than this on average, levels of 255. A
    /// sensor's noise of 1 level makes 1.1.
    pub same_mean: f32,
    /// … and no cell of 96 × 54 by more than this: somebody's finger moves one by more.
    pub same_cell: f32,
    /// A cell below this is dark, above the next bright.
    pub dark_below: f32,
    /// See `dark_below`.
    pub bright_above: f32,
    /// The share of cells that must be dark, or bright.
    pub dark_share: f32,
    /// The share of tiles with edges that must have lost them for the camera to have moved. People hide
    /// edges too, but not as many at once.
    pub gone_share: f32,
    /// Of tiles that lost their edges, the share that must have them again at one common shift, for a
    /// camera that moved a little.
    pub shifted_share: f32,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            silent_after: TimeDelta::from_millis(1_500),
            frozen_after: TimeDelta::from_millis(1_600),
            fault_after: TimeDelta::from_millis(1_000),
            good_after: TimeDelta::from_millis(500),
            same_mean: 0.1,
            same_cell: 1.5,
            dark_below: 20.0,
            bright_above: 245.0,
            dark_share: 0.95,
            gone_share: 0.75,
            shifted_share: 0.6,
        }
    }
}

/// Watches one camera.
#[derive(Clone, Debug)]
pub struct CameraWatch {
    camera: CameraIx,
    /// Pixels along a row, and rows, that the calibration is for.
    expected: Option<[u32; 2]>,
    settings: WatchSettings,
    health: CameraHealth,
    /// What the pictures look like, and since when.
    candidate: Option<(CameraHealth, StoreTime)>,
    last: Option<StoreTime>,
    still: Option<Still>,
    background: Option<Background>,
}

/// A run of pictures that are the same.
#[derive(Clone, Debug)]
struct Still {
    first: Grey,
    since: StoreTime,
    pictures: u32,
}

/// What stays when people go: each cell's slow median.
#[derive(Clone, Debug)]
struct Background {
    cells: Vec<f32>,
    /// Whether a cell was seen at rest long enough.
    begun: StoreTime,
    updated: StoreTime,
}

impl CameraWatch {
    /// For a camera whose calibration is for pictures of `expected` pixels, or of any size.
    pub fn new(camera: CameraIx, expected: Option<[u32; 2]>, settings: WatchSettings) -> Self {
        Self {
            camera,
            expected,
            settings,
            health: CameraHealth::Good,
            candidate: None,
            last: None,
            still: None,
            background: None,
        }
    }

    /// How the camera fares.
    pub fn health(&self) -> CameraHealth {
        self.health
    }

    /// The camera was calibrated anew: what it shows now is the place.
    pub fn accept_view(&mut self) {
        self.background = None;
    }

    /// A picture came at `t`.
    pub fn observe(&mut self, t: StoreTime, picture: &Grey) -> Option<CameraFault> {
        self.last = Some(self.last.map_or(t, |last| last.max(t)));
        let look = self.look(t, picture);
        let since = match self.candidate {
            Some((same, since)) if same == look => since,
            _ => t,
        };
        self.candidate = Some((look, since));
        let held = t.since(since);
        let s = &self.settings;
        let due = match look {
            CameraHealth::Good => self.health == CameraHealth::Silent || held >= s.good_after,
            // The run of same pictures has lasted already.
            CameraHealth::Frozen => true,
            _ => held >= s.fault_after,
        };
        if due { self.becomes(look, t) } else { None }
    }

    /// Time goes on without a picture.
    pub fn tick(&mut self, now: StoreTime) -> Option<CameraFault> {
        let last = *self.last.get_or_insert(now);
        if now.since(last) < self.settings.silent_after {
            return None;
        }
        // What comes after silence is not the run that was before it.
        (self.still, self.candidate) = (None, None);
        self.becomes(CameraHealth::Silent, now)
    }

    fn becomes(&mut self, health: CameraHealth, t: StoreTime) -> Option<CameraFault> {
        (health != self.health).then(|| {
            self.health = health;
            CameraFault {
                t,
                camera: self.camera,
                health,
            }
        })
    }

    /// What this picture, after those before it, looks like.
    fn look(&mut self, t: StoreTime, picture: &Grey) -> CameraHealth {
        let frozen = self.is_frozen(t, picture);
        let misshapen = self.expected.is_some_and(|e| !same_shape(e, picture.size));
        let share = |is: &dyn Fn(f32) -> bool| {
            let n = picture.cells.iter().filter(|&&c| is(c)).count();
            n as f32 / picture.cells.len().max(1) as f32
        };
        let s = &self.settings;
        if misshapen {
            CameraHealth::Misshapen
        } else if share(&|c| c < s.dark_below) >= s.dark_share {
            CameraHealth::Dark
        } else if share(&|c| c > s.bright_above) >= s.dark_share {
            CameraHealth::Bright
        } else if frozen {
            CameraHealth::Frozen
        } else if self.has_moved(t, picture) {
            CameraHealth::Moved
        } else {
            CameraHealth::Good
        }
    }

    fn is_frozen(&mut self, t: StoreTime, picture: &Grey) -> bool {
        let s = self.settings;
        match &mut self.still {
            Some(still) if is_same(&still.first, picture, &s) => {
                still.pictures += 1;
                still.pictures >= 4 && t.since(still.since) >= s.frozen_after
            }
            still => {
                *still = Some(Still {
                    first: picture.clone(),
                    since: t,
                    pictures: 1,
                });
                false
            }
        }
    }

    fn has_moved(&mut self, t: StoreTime, picture: &Grey) -> bool {
        let Some(background) = &mut self.background else {
            self.background = Some(Background {
                cells: picture.cells.clone(),
                begun: t,
                updated: t,
            });
            return false;
        };
        let moved = background.is_elsewhere(&picture.cells, &self.settings);
        if !moved {
            background.learn(t, &picture.cells);
        }
        moved
    }
}

fn same_shape([w, h]: [u32; 2], [x, y]: [u32; 2]) -> bool {
    // Encoders round sides to multiples of 2, 8 or 16.
    let ratio = f64::from(w) * f64::from(y) / (f64::from(h) * f64::from(x)).max(1.0);
    (ratio - 1.0).abs() < 0.03
}

fn is_same(a: &Grey, b: &Grey, s: &WatchSettings) -> bool {
    if a.size != b.size {
        return false;
    }
    let pairs = a.samples.iter().zip(&b.samples);
    let sum: u32 = pairs.map(|(&x, &y)| u32::from(x.abs_diff(y))).sum();
    let mean = sum as f32 / a.samples.len().max(1) as f32;
    let mut cells = a.cells.iter().zip(&b.cells);
    mean < s.same_mean && cells.all(|(x, y)| (x - y).abs() <= s.same_cell)
}

impl Background {
    /// Each cell goes toward what is seen, by at most so many levels a second: whoever stays there for long
    /// becomes background, and whoever passes does not.
    fn learn(&mut self, t: StoreTime, cells: &[f32]) {
        let dt = t.since(self.updated).as_secs_f64().clamp(0.0, 1.0) as f32;
        // At first it is one picture with whoever was in it.
        let young = t.since(self.begun) < TimeDelta::from_secs(5);
        let step = dt * if young { 20.0 } else { 2.0 };
        self.updated = t;
        for (b, &c) in self.cells.iter_mut().zip(cells) {
            *b += (c - *b).clamp(-step, step);
        }
    }

    fn is_elsewhere(&self, cells: &[f32], s: &WatchSettings) -> bool {
        let (was, is) = (Edges::of(&self.cells), Edges::of(cells));
        let tiles: Vec<[usize; 2]> = (0..TILES[1])
            .flat_map(|j| (0..TILES[0]).map(move |i| [i * TILE[0], j * TILE[1]]))
            .filter(|&tile| was.has_edges(tile))
            .collect();
        // Bare walls tell nothing.
        if tiles.len() < 6 {
            return false;
        }
        let gone: Vec<[usize; 2]> = tiles
            .iter()
            .copied()
            .filter(|&tile| was.likeness(&is, tile, [0, 0]) < 0.5)
            .collect();
        let share = gone.len() as f32 / tiles.len() as f32;
        if share >= s.gone_share {
            return true;
        }
        // A small shift leaves long edges that lie along it in place.
        share >= 0.3 && shifted_share(&was, &is, &gone) >= s.shifted_share
    }
}

/// Of the tiles, the share that is found again at the one shift that suits most.
fn shifted_share(was: &Edges, is: &Edges, tiles: &[[usize; 2]]) -> f32 {
    let [sx, sy] = SHIFT_MAX;
    let shifts = (-sy..=sy).flat_map(|dy| (-sx..=sx).map(move |dx| [dx, dy]));
    let found = shifts.filter(|&s| s != [0, 0]).map(|shift| {
        let again = tiles
            .iter()
            .filter(|&&tile| was.likeness(is, tile, shift) > 0.7);
        again.count()
    });
    found.max().unwrap_or(0) as f32 / tiles.len().max(1) as f32
}

/// The slopes of a reduced picture: grey levels a cell, to the right and down.
struct Edges(Vec<[f32; 2]>);

impl Edges {
    fn of(cells: &[f32]) -> Self {
        let at = |x: usize, y: usize| {
            let (x, y) = (x.min(WIDTH - 1), y.min(HEIGHT - 1));
            cells.get(y * WIDTH + x).copied().unwrap_or(0.0)
        };
        let slopes = (0..WIDTH * HEIGHT).map(|i| {
            let (x, y) = (i % WIDTH, i / WIDTH);
            [
                at(x + 1, y) - at(x.saturating_sub(1), y),
                at(x, y + 1) - at(x, y.saturating_sub(1)),
            ]
        });
        Self(slopes.collect())
    }

    fn at(&self, x: i32, y: i32) -> [f32; 2] {
        let inside = (0..WIDTH as i32).contains(&x) && (0..HEIGHT as i32).contains(&y);
        let slope = inside.then(|| self.0.get(y as usize * WIDTH + x as usize));
        slope.flatten().copied().unwrap_or([0.0; 2])
    }

    fn cells_of([left, top]: [usize; 2]) -> impl Iterator<Item = (i32, i32)> {
        let columns = left as i32..(left + TILE[0]) as i32;
        (top as i32..(top + TILE[1]) as i32).flat_map(move |y| columns.clone().map(move |x| (x, y)))
    }

    fn has_edges(&self, tile: [usize; 2]) -> bool {
        let energy: f32 = Self::cells_of(tile)
            .map(|(x, y)| self.at(x, y))
            .map(|[a, b]| a * a + b * b)
            .sum();
        energy / (TILE[0] * TILE[1]) as f32 > 36.0
    }

    /// Normalised correlation of a tile's slopes with those of another picture, a shift away: 1 the same up
    /// to brightness and contrast, 0 nothing in common.
    fn likeness(&self, other: &Self, tile: [usize; 2], [dx, dy]: [i32; 2]) -> f32 {
        let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
        for (x, y) in Self::cells_of(tile) {
            let (a, b) = (self.at(x, y), other.at(x + dx, y + dy));
            ab += a[0] * b[0] + a[1] * b[1];
            aa += a[0] * a[0] + a[1] * a[1];
            bb += b[0] * b[0] + b[1] * b[1];
        }
        ab / (aa * bb).sqrt().max(1e-3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [u32; 2] = [192, 108];

    /// A picture of a checkered place at an offset, with noise.
    fn scene(n: u32, shift: u32, gain: f32, noise: bool) -> Grey {
        let [w, h] = SIZE;
        let mut state = n.wrapping_mul(2_654_435_761) | 1;
        let mut rgb = Vec::new();
        for y in 0..h {
            for x in 0..w {
                let (u, v) = ((x + shift) / 9, y / 7);
                let base = 60 + (u.wrapping_mul(7_919) ^ v.wrapping_mul(104_729)) % 120;
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let speck = if noise {
                    (state >> 30) as f32 - 1.5
                } else {
                    0.0
                };
                rgb.extend([((base as f32 + speck) * gain).clamp(0.0, 255.0) as u8; 3]);
            }
        }
        Grey::of_rgb(SIZE, &rgb)
    }

    fn watch() -> CameraWatch {
        CameraWatch::new(CameraIx(0), Some(SIZE), WatchSettings::default())
    }

    /// Pictures at 10 a second; what was noticed, and when after the first, in ms.
    fn run(
        watch: &mut CameraWatch,
        from_ms: i64,
        n: u32,
        picture: impl Fn(u32) -> Grey,
    ) -> Vec<(i64, CameraHealth)> {
        let mut out = Vec::new();
        for i in 0..n {
            let ms = from_ms + i64::from(i) * 100;
            let t = StoreTime(ms * 1_000);
            out.extend(watch.observe(t, &picture(i)).map(|f| (ms, f.health)));
            out.extend(watch.tick(t).map(|f| (ms, f.health)));
        }
        out
    }

    #[test]
    fn a_live_picture_is_good_whatever_the_light() {
        let mut watch = watch();
        let live = |i: u32| scene(i, 0, if i > 50 { 0.5 } else { 1.0 }, true);
        assert_eq!(run(&mut watch, 0, 120, live), []);
    }

    #[test]
    fn each_fault_is_noticed_within_two_seconds_and_so_is_its_end() {
        use CameraHealth::{Bright, Dark, Frozen, Good, Misshapen, Moved};
        type Fault = (CameraHealth, Box<dyn Fn(u32) -> Grey>);
        let faults: [Fault; 6] = [
            (Frozen, Box::new(|_| scene(7, 0, 1.0, true))),
            (Dark, Box::new(|i| scene(i, 0, 0.02, true))),
            (Bright, Box::new(|i| scene(i, 0, 9.0, true))),
            (Moved, Box::new(|i| scene(i, 60, 1.0, true))),
            (Moved, Box::new(|i| scene(i, 4, 1.0, true))),
            (
                Misshapen,
                Box::new(|_| Grey::of_rgb([64, 64], &[90; 64 * 64 * 3])),
            ),
        ];
        for (health, picture) in faults {
            let mut watch = watch();
            assert_eq!(run(&mut watch, 0, 30, |i| scene(i, 0, 1.0, true)), []);
            let noticed = run(&mut watch, 3_000, 20, picture);
            let &[(ms, seen)] = noticed.as_slice() else {
                panic!("{health:?}: {noticed:?}");
            };
            assert!(seen == health && ms <= 5_000, "{health:?}: {noticed:?}");
            let again = run(&mut watch, 5_000, 20, |i| scene(i + 99, 0, 1.0, true));
            assert!(
                matches!(again.as_slice(), [(5_000..=7_000, Good)]),
                "{health:?}: {again:?}"
            );
        }
    }

    #[test]
    fn silence_is_noticed_without_a_picture_and_ends_with_one() {
        let mut watch = watch();
        run(&mut watch, 0, 10, |i| scene(i, 0, 1.0, true));
        let at = (0..30).find_map(|i| watch.tick(StoreTime(900_000 + i * 100_000)));
        let fault = at.unwrap();
        assert_eq!(fault.health, CameraHealth::Silent);
        assert!(fault.t <= StoreTime(2_900_000), "{fault:?}");
        let back = watch.observe(StoreTime(9_000_000), &scene(3, 0, 1.0, true));
        assert_eq!(back.map(|f| f.health), Some(CameraHealth::Good));
    }

    #[test]
    fn a_camera_that_was_moved_while_it_was_away_is_told() {
        let mut watch = watch();
        run(&mut watch, 0, 30, |i| scene(i, 0, 1.0, true));
        watch.tick(StoreTime(60_000_000));
        let seen = run(&mut watch, 60_000, 20, |i| scene(i, 60, 1.0, true));
        assert!(seen.iter().any(|s| s.1 == CameraHealth::Moved), "{seen:?}");
        watch.accept_view();
        let seen = run(&mut watch, 63_000, 20, |i| scene(i, 60, 1.0, true));
        assert!(
            matches!(seen.as_slice(), [(_, CameraHealth::Good)]),
            "{seen:?}"
        );
    }
}
