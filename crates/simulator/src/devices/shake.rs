//! What moves a rack: knocks that ring on its shelves, bumps, people who walk past, and the slow sway
//! of racks that people stand before.

use super::config::LoadConfig;
use super::noise::Noise;
use crate::scene::{Body, Impact, Scene};
use std::ops::Range;
use walkout_model::layout::Fixture;
use walkout_model::{Layout, Point2};

/// Seconds of a tick.
pub(super) const TICK_S: f64 = 1.0 / 60.0;

/// Ticks between two looks at who walks where.
const WALK_TICKS: u64 = 6;

/// Width of the band in which racks shake. Wide, so that a burst of a second or two shows its
/// correlation between shelves as the published one does.
const BAND_HZ: f64 = 6.0;

/// Shaking below this σ (grams on a shelf's sum) is lost in the cells' own noise.
const STILL_G: f32 = 0.05;

/// Band-limited noise of unit variance: white noise through a two-pole resonator.
#[derive(Clone, Debug)]
struct Wobble {
    a1: f32,
    a2: f32,
    gain: f32,
    y1: f32,
    y2: f32,
}

impl Wobble {
    /// Poles at radius e^(−π·B·Δt), a band of B about the middle frequency.
    fn new(hz: f64) -> Self {
        let radius = (-std::f64::consts::PI * BAND_HZ * TICK_S).exp();
        let angle = std::f64::consts::TAU * hz * TICK_S;
        let r2 = radius * radius;
        // Variance of the AR(2) process y = 2r·cosθ·y₁ − r²·y₂ + w for white w of unit variance.
        let variance = (1.0 + r2) / ((1.0 - r2) * (1.0 + r2 * r2 - 2.0 * r2 * (2.0 * angle).cos()));
        Self {
            a1: (2.0 * radius * angle.cos()) as f32,
            a2: -r2 as f32,
            gain: variance.sqrt().recip() as f32,
            y1: 0.0,
            y2: 0.0,
        }
    }

    fn next(&mut self, noise: &mut Noise) -> f32 {
        let y = self.a1 * self.y1 + self.a2 * self.y2 + self.gain * noise.normal32();
        self.y2 = self.y1;
        self.y1 = y;
        y
    }
}

/// A damped oscillation, as a phasor that turns and shrinks by one factor each tick.
struct Ring {
    shelf: usize,
    /// Where in the swings array of plates, and which share stays there.
    plate: usize,
    re: f32,
    im: f32,
}

struct Bumping {
    fixture: usize,
    sigma_g: f64,
    seconds: f64,
    age_s: f64,
}

impl Bumping {
    /// Rises within an eighth, then falls as e^(−2u); scaled to a root mean square of 1.
    fn envelope(&self) -> f64 {
        let u = self.age_s / self.seconds;
        let shape = if u < 0.125 {
            u / 0.125
        } else {
            (-2.0 * (u - 0.125)).exp()
        };
        // ∫₀^⅛ (8u)² du + ∫₀^⅞ e^(−4v) dv = 0.0417 + 0.2425
        shape / 0.2842_f64.sqrt()
    }
}

struct Rack {
    shelves: Range<usize>,
    /// Seen from above, for the distance of people to it.
    fixture: Fixture,
    common: Wobble,
    walk_g: f32,
    walk_target_g: f32,
    /// Its sway, of unit variance, and how strong sways of it are now and soon.
    sway: f32,
    sway_sigma_g: f32,
    sway_target_g: f32,
}

struct Board {
    plates: Range<usize>,
    own: Wobble,
    /// Its own sway, of unit variance.
    sway: f32,
    /// Correlation with the rack's common motion.
    follows: f32,
    /// How strongly it moves beside its neighbours.
    strength: f32,
    ring_cos: f32,
    ring_sin: f32,
}

/// All racks and their boards.
pub(super) struct Racks {
    config: LoadConfig,
    racks: Vec<Rack>,
    boards: Vec<Board>,
    rings: Vec<Ring>,
    bumps: Vec<Bumping>,
    ticks: u64,
    /// Common swing of each shelf this tick, grams on its sum.
    pub swing_g: Vec<f32>,
    /// Slow sway of each shelf this tick, grams on its sum.
    pub sway_g: Vec<f32>,
    /// Swing of single plates this tick: (plate, grams).
    pub knocks: Vec<(usize, f32)>,
}

impl Racks {
    pub fn new(layout: &Layout, config: &LoadConfig, noise: &mut Noise) -> Self {
        let racks = layout
            .fixtures
            .iter()
            .map(|fixture| Rack {
                shelves: fixture.shelves.start as usize..fixture.shelves.end as usize,
                fixture: fixture.clone(),
                common: Wobble::new(noise.between(config.shake_hz)),
                walk_g: 0.0,
                walk_target_g: 0.0,
                sway: noise.normal32(),
                sway_sigma_g: config.sway_rest_g as f32,
                sway_target_g: config.sway_rest_g as f32,
            })
            .collect();
        let boards = layout
            .shelves
            .iter()
            .map(|shelf| {
                let hz = noise.between(config.ring_hz);
                let fade = (-TICK_S / noise.between(config.ring_fade_s)).exp();
                let (sin, cos) = (std::f64::consts::TAU * hz * TICK_S).sin_cos();
                Board {
                    plates: shelf.plates.start as usize..shelf.plates.end as usize,
                    own: Wobble::new(noise.between(config.shake_hz)),
                    sway: noise.normal32(),
                    follows: noise.between(config.shake_coupling).sqrt() as f32,
                    strength: noise.between([0.75, 1.25]) as f32,
                    ring_cos: (fade * cos) as f32,
                    ring_sin: (fade * sin) as f32,
                }
            })
            .collect();
        Self {
            config: config.clone(),
            racks,
            boards,
            rings: Vec::new(),
            bumps: Vec::new(),
            ticks: 0,
            swing_g: vec![0.0; layout.shelves.len()],
            sway_g: vec![0.0; layout.shelves.len()],
            knocks: Vec::new(),
        }
    }

    /// Moves everything on by a tick and refills `swing_g` and `knocks`.
    pub fn step(&mut self, scene: &Scene, shelf_of: &[usize], noise: &mut Noise) {
        self.swing_g.fill(0.0);
        self.knocks.clear();
        for impact in &scene.impacts {
            self.knock(impact, shelf_of);
        }
        for bump in &scene.bumps {
            if bump.fixture.usize() < self.racks.len() && bump.seconds > 0.0 {
                self.bumps.push(Bumping {
                    fixture: bump.fixture.usize(),
                    sigma_g: bump.sigma_g,
                    seconds: bump.seconds,
                    age_s: 0.0,
                });
            }
        }
        self.ring(shelf_of);
        if self.ticks.is_multiple_of(WALK_TICKS) {
            for rack in &mut self.racks {
                let (walk, sway) = by_people(&rack.fixture, &scene.people, &self.config);
                rack.walk_target_g = walk as f32;
                rack.sway_target_g = sway as f32;
            }
        }
        self.ticks += 1;
        self.shake(noise);
        self.sway(noise);
    }

    fn knock(&mut self, impact: &Impact, shelf_of: &[usize]) {
        let plate = impact.plate.usize();
        let Some(&shelf) = shelf_of.get(plate) else {
            return;
        };
        self.rings.push(Ring {
            shelf,
            plate,
            re: impact.amplitude_g as f32,
            im: 0.0,
        });
    }

    fn ring(&mut self, shelf_of: &[usize]) {
        let local = self.config.ring_local as f32;
        let rack_share = self.config.ring_rack as f32;
        for ring in &mut self.rings {
            let board = &self.boards[ring.shelf];
            let re = ring.re * board.ring_cos - ring.im * board.ring_sin;
            ring.im = ring.re * board.ring_sin + ring.im * board.ring_cos;
            ring.re = re;
            self.knocks.push((ring.plate, local * ring.im));
            self.swing_g[ring.shelf] += (1.0 - local) * ring.im;
            let rack = self
                .racks
                .iter()
                .find(|rack| rack.shelves.contains(&ring.shelf));
            for shelf in rack.map(|rack| rack.shelves.clone()).unwrap_or_default() {
                if shelf != ring.shelf {
                    self.swing_g[shelf] += rack_share * ring.im;
                }
            }
        }
        debug_assert!(self.knocks.iter().all(|(plate, _)| *plate < shelf_of.len()));
        self.rings
            .retain(|ring| ring.re.abs().max(ring.im.abs()) > STILL_G);
    }

    fn shake(&mut self, noise: &mut Noise) {
        for (i, rack) in self.racks.iter_mut().enumerate() {
            // People come and go within a few tenths of a second.
            rack.walk_g += 0.08 * (rack.walk_target_g - rack.walk_g);
            let mut variance = rack.walk_g * rack.walk_g;
            for bump in self.bumps.iter().filter(|bump| bump.fixture == i) {
                variance += (bump.sigma_g * bump.envelope()).powi(2) as f32;
            }
            let sigma = variance.sqrt();
            if sigma < STILL_G {
                continue;
            }
            let common = rack.common.next(noise);
            for shelf in rack.shelves.clone() {
                let board = &mut self.boards[shelf];
                let own = board.own.next(noise);
                let rest = (1.0 - board.follows * board.follows).sqrt();
                self.swing_g[shelf] +=
                    sigma * board.strength * (board.follows * common + rest * own);
            }
        }
        for bump in &mut self.bumps {
            bump.age_s += TICK_S;
        }
        self.bumps.retain(|bump| bump.age_s < bump.seconds);
    }

    /// Ornstein–Uhlenbeck, in part the rack's and in part the board's own, as strong as those near make it.
    fn sway(&mut self, noise: &mut Noise) {
        if self.config.sway_rest_g <= 0.0 && self.config.sway_near_g <= 0.0 {
            return;
        }
        let keep = (-TICK_S / self.config.sway_s.max(TICK_S)).exp();
        let kick = (1.0 - keep * keep).sqrt() as f32;
        let keep = keep as f32;
        // Racks give and come back within a second.
        let follow = (1.0 - (-TICK_S).exp()) as f32;
        for rack in &mut self.racks {
            rack.sway_sigma_g += follow * (rack.sway_target_g - rack.sway_sigma_g);
            rack.sway = keep * rack.sway + kick * noise.normal32();
            for shelf in rack.shelves.clone() {
                let board = &mut self.boards[shelf];
                board.sway = keep * board.sway + kick * noise.normal32();
                let rest = (1.0 - board.follows * board.follows).sqrt();
                self.sway_g[shelf] =
                    rack.sway_sigma_g * (board.follows * rack.sway + rest * board.sway);
            }
        }
    }

    /// The plates of a shelf.
    pub fn plates_of(&self, shelf: usize) -> Range<usize> {
        self.boards[shelf].plates.clone()
    }

    /// How many shelves there are.
    pub fn shelf_count(&self) -> usize {
        self.boards.len()
    }
}

/// σ on a shelf's sum by those near, of the shaking and of the sway: the roots of the sums of squares over
/// people of `walk_sigma_g` · speed/1.2 m/s and of `sway_near_g`, each times e^(−(distance/fade)²); the
/// sway that is always there is added to the latter's squares.
fn by_people(fixture: &Fixture, people: &[Body], config: &LoadConfig) -> (f64, f64) {
    let reach = 2.5 * config.walk_fade_m;
    let (mut walk, mut sway) = (0.0, config.sway_rest_g.powi(2));
    for body in people {
        let local = fixture.pose.local_from_floor(body.position);
        let nearest = Point2::new(
            local.x.clamp(0.0, fixture.width_m),
            local.y.clamp(0.0, fixture.depth_m),
        );
        let distance = local.distance(nearest);
        if distance > reach {
            continue;
        }
        let fade = (-(distance / config.walk_fade_m).powi(2)).exp();
        walk += (config.walk_sigma_g * body.velocity.norm() / 1.2 * fade).powi(2);
        sway += (config.sway_near_g * fade).powi(2);
    }
    (walk.sqrt(), sway.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wobble_has_unit_variance_and_its_band() {
        let mut noise = Noise::new(3, 1);
        for hz in [3.0, 5.0, 7.0] {
            let mut wobble = Wobble::new(hz);
            let values: Vec<f32> = (0..60_000).map(|_| wobble.next(&mut noise)).collect();
            let variance =
                values.iter().map(|v| f64::from(v * v)).sum::<f64>() / values.len() as f64;
            assert!((variance - 1.0).abs() < 0.1, "{hz} Hz: {variance}");
            let crossings = values
                .windows(2)
                .filter(|w| w[0] <= 0.0 && w[1] > 0.0)
                .count();
            let rate = crossings as f64 / 1_000.0;
            assert!((rate / hz - 1.0).abs() < 0.5, "{hz} Hz crosses at {rate}");
        }
    }

    #[test]
    fn a_rack_sways_slowly_and_more_under_who_stands_before_it() {
        let shop = super::super::bed::rack();
        let config = LoadConfig::default();
        let sways = |people: Vec<Body>| {
            let mut noise = Noise::new(5, 1);
            let mut racks = Racks::new(&shop.layout, &config, &mut noise);
            let scene = Scene {
                people,
                ..Scene::default()
            };
            let mut sways = Vec::new();
            for tick in 0..60 * 900 {
                racks.step(&scene, &[], &mut noise);
                if tick > 600 {
                    sways.push(f64::from(racks.sway_g[2]));
                }
            }
            sways
        };
        let covariance = |sways: &[f64], lag: usize| {
            let pairs = sways.iter().zip(&sways[lag..]);
            pairs.map(|(a, b)| a * b).sum::<f64>() / (sways.len() - lag) as f64
        };
        let alone = sways(Vec::new());
        let sigma = covariance(&alone, 0).sqrt();
        assert!((sigma - 1.0).abs() < 0.15, "{sigma} g at rest");
        // 40 cm before the front: e^(−(0.4/0.8)²) of 6 g, and the rest's 1 g.
        let near = sways(vec![super::super::bed::body(1, Point2::new(2.0, 3.1))]);
        let sigma = covariance(&near, 0).sqrt();
        assert!((sigma / 4.78 - 1.0).abs() < 0.15, "{sigma} g near somebody");
        let after = covariance(&near, 90) / covariance(&near, 0);
        assert!(
            (after - (-1.0_f64).exp()).abs() < 0.12,
            "{after} after 1.5 s"
        );
    }

    #[test]
    fn a_bump_has_the_sigma_asked_for() {
        let mut bump = Bumping {
            fixture: 0,
            sigma_g: 1.0,
            seconds: 1.5,
            age_s: 0.0,
        };
        let mut sum = 0.0;
        for _ in 0..90 {
            sum += bump.envelope().powi(2);
            bump.age_s += TICK_S;
        }
        assert!((sum / 90.0 - 1.0).abs() < 0.05, "{}", sum / 90.0);
    }
}
