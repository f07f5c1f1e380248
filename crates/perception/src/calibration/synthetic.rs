//! Draws flat targets as a camera would see them: for tests, benchmarks and a look before printing.
//!
//! Each pixel's rays are followed back through the lens to the targets; then come blur (of light), the camera's gamma,
//! noise and the quantisation of JPEG's 8 × 8 blocks.

use super::checkerboard::Checkerboard;
use super::grey::GreyPicture;
use super::linear::{cross, dot, sub};
use super::tags::{TAG_CELLS, tag_is_white};
use walkout_model::layout::Camera;
use walkout_model::{Pixel, Point3, View};

/// What is printed on a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Print {
    /// A checkerboard with a white margin of half a square. Its origin is corner (0, 0).
    Board(Checkerboard),
    /// An AprilTag, its white rim one cell wide. Its origin is the upper left corner of the black square.
    Tag {
        /// Its number.
        id: u16,
        /// Side of its black square, metres.
        size_m: f64,
    },
}

impl Print {
    /// The paper at a place, x to the right and y down from its origin, metres: black, white, or beside it.
    pub fn is_white(&self, x: f64, y: f64) -> Option<bool> {
        match *self {
            Self::Board(board) => {
                let (x, y) = (x / board.square_m + 1.0, y / board.square_m + 1.0);
                let (w, h) = ((board.columns + 1) as f64, (board.rows + 1) as f64);
                let margin = 0.5;
                if x < -margin || y < -margin || x > w + margin || y > h + margin {
                    return None;
                }
                if x < 0.0 || y < 0.0 || x >= w || y >= h {
                    return Some(true);
                }
                Some((x as usize + y as usize) % 2 == 1)
            }
            Self::Tag { id, size_m } => {
                let cell = size_m / TAG_CELLS as f64;
                let (x, y) = (x / cell, y / cell);
                let n = TAG_CELLS as f64;
                if x < -1.0 || y < -1.0 || x > n + 1.0 || y > n + 1.0 {
                    return None;
                }
                if x < 0.0 || y < 0.0 || x >= n || y >= n {
                    return Some(true);
                }
                Some(tag_is_white(id, x as usize, y as usize))
            }
        }
    }
}

/// A target and where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// What is on it.
    pub print: Print,
    /// Its origin.
    pub origin: Point3,
    /// Unit vectors to its right and down.
    pub axes: [[f64; 3]; 2],
}

impl Target {
    /// One that lies on a level surface, its right side `yaw` radians from +x.
    pub fn level(print: Print, origin: Point3, yaw: f64) -> Self {
        let (s, c) = yaw.sin_cos();
        Self {
            print,
            origin,
            axes: [[c, s, 0.0], [s, -c, 0.0]],
        }
    }

    /// A place on it in the frame it lies in.
    pub fn at(&self, x: f64, y: f64) -> Point3 {
        let [a, b] = self.axes;
        let o = self.origin;
        Point3::new(
            o.x + x * a[0] + y * b[0],
            o.y + x * a[1] + y * b[1],
            o.z + x * a[2] + y * b[2],
        )
    }
}

/// What a camera does to the light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flaws {
    /// Standard deviation of the blur, pixels.
    pub blur_px: f64,
    /// Standard deviation of a pixel's noise, of 255.
    pub noise: f64,
    /// Quantisation of the 8 × 8 blocks as JPEG's quality, 1–100; none: uncompressed.
    pub jpeg: Option<u32>,
    /// Seed of noise and background.
    pub seed: u64,
}

/// A picture of targets before a floor of mottled grey.
pub fn draw(camera: &Camera, targets: &[Target], flaws: &Flaws) -> GreyPicture {
    let view = View::new(camera);
    let (w, h) = (camera.width_px as usize, camera.height_px as usize);
    const SUB: usize = 3;
    // Rays at the corners of pixels; between them the lens is as good as linear.
    let (gw, gh) = (w + 2, h + 2);
    let [right, down, forward] = *view.camera_from_floor();
    let direction = |gx: usize, gy: usize| {
        let pixel = Pixel {
            u: gx as f64,
            v: gy as f64,
        };
        view.undistort(pixel).map(|[x, y]| {
            let d: [f64; 3] = std::array::from_fn(|i| x * right[i] + y * down[i] + forward[i]);
            d
        })
    };
    let grid: Vec<Option<[f64; 3]>> = (0..gw * gh).map(|i| direction(i % gw, i / gw)).collect();
    let origin = [camera.position.x, camera.position.y, camera.position.z];
    let mottled = |u: f64, v: f64| {
        let wave = |a: f64, b: f64, c: f64| (u * a + v * b + c * flaws.seed as f64).sin();
        0.30 + 0.05 * wave(0.021, 0.013, 1.3) + 0.04 * wave(-0.011, 0.034, 2.1)
    };
    let colour = |u: f64, v: f64| -> f64 {
        let (ix, iy) = (u as usize, v as usize);
        let (fx, fy) = (u - ix as f64, v - iy as f64);
        let corner = |dx: usize, dy: usize| {
            grid.get((iy + dy) * gw + (ix + dx).min(gw - 1))
                .copied()
                .flatten()
        };
        let (Some(a), Some(b), Some(c), Some(d)) =
            (corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1))
        else {
            return mottled(u, v);
        };
        let ray: [f64; 3] = std::array::from_fn(|i| {
            let (top, low) = (a[i] + (b[i] - a[i]) * fx, c[i] + (d[i] - c[i]) * fx);
            top + (low - top) * fy
        });
        let mut nearest = f64::INFINITY;
        let mut out = None;
        for t in targets {
            let o = [t.origin.x, t.origin.y, t.origin.z];
            let normal = cross(t.axes[0], t.axes[1]);
            let along = dot(ray, normal);
            let depth = dot(sub(o, origin), normal) / along;
            if !depth.is_finite() || depth <= 0.0 || depth >= nearest {
                continue;
            }
            let hit: [f64; 3] = std::array::from_fn(|i| origin[i] + depth * ray[i] - o[i]);
            if let Some(white) = t.print.is_white(dot(hit, t.axes[0]), dot(hit, t.axes[1])) {
                nearest = depth;
                out = Some(if white { 0.80 } else { 0.04 });
            }
        }
        out.unwrap_or_else(|| mottled(u, v))
    };
    let light = GreyPicture::from_fn(w, h, |x, y| {
        let mut sum = 0.0;
        for j in 0..SUB {
            for i in 0..SUB {
                let at = |p: usize, s: usize| p as f64 + (s as f64 + 0.5) / SUB as f64;
                sum += colour(at(x, i), at(y, j));
            }
        }
        // Darker to the right: nothing is lit evenly.
        let lamp = 1.0 - 0.35 * x as f64 / w as f64;
        (lamp * sum / (SUB * SUB) as f64) as f32
    });
    let light = if flaws.blur_px > 0.05 {
        light.smoothed(flaws.blur_px)
    } else {
        light
    };
    let mut noise = Noise(flaws.seed ^ 0x9e37_79b9_7f4a_7c15);
    let mut data: Vec<f32> = light
        .rows()
        .flatten()
        .map(|l| 255.0 * l.max(0.0).powf(1.0 / 2.2) + (flaws.noise * noise.normal()) as f32)
        .collect();
    if let Some(quality) = flaws.jpeg {
        quantise(&mut data, w, h, quality);
    }
    GreyPicture::from_fn(w, h, |x, y| data[y * w + x].round().clamp(0.0, 255.0))
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
struct Noise(u64);

impl Noise {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Rounds the cosine transform of each block of 8 × 8 by about JPEG's table of brightness (ITU-T T.81, annex K,
/// whose steps grow from 16 to some 110 along the diagonal).
fn quantise(data: &mut [f32], w: usize, h: usize, quality: u32) {
    let quality = f64::from(quality.clamp(1, 100));
    let scale = if quality < 50.0 {
        50.0 / quality
    } else {
        2.0 - quality / 50.0
    };
    let basis: [[f64; 8]; 8] = std::array::from_fn(|k| {
        let norm = if k == 0 { 0.125_f64.sqrt() } else { 0.5 };
        std::array::from_fn(|x| {
            norm * ((2 * x + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos()
        })
    });
    for by in 0..h / 8 {
        for bx in 0..w / 8 {
            let at = |x: usize, y: usize| (by * 8 + y) * w + bx * 8 + x;
            let block: [[f64; 8]; 8] =
                std::array::from_fn(|y| std::array::from_fn(|x| f64::from(data[at(x, y)]) - 128.0));
            let rows = block.map(|row| basis.map(|b| (0..8).map(|i| b[i] * row[i]).sum::<f64>()));
            let mut coded = [[0.0; 8]; 8];
            for k in 0..8 {
                for l in 0..8 {
                    let c: f64 = (0..8).map(|y| basis[k][y] * rows[y][l]).sum();
                    let table = 12.0 + 5.0 * (k + l) as f64 + 0.4 * ((k + l) * (k + l)) as f64;
                    let step = (table * scale).max(1.0);
                    coded[k][l] = (c / step).round() * step;
                }
            }
            for y in 0..8 {
                let row: [f64; 8] =
                    std::array::from_fn(|l| (0..8).map(|k| basis[k][y] * coded[k][l]).sum());
                for x in 0..8 {
                    let v: f64 = (0..8).map(|l| basis[l][x] * row[l]).sum();
                    data[at(x, y)] = (v + 128.0) as f32;
                }
            }
        }
    }
}

/// Uniform draws of 0–1, for tests.
#[cfg(test)]
pub(super) fn tests_noise(seed: u64) -> impl FnMut() -> f64 {
    let mut noise = Noise(seed);
    move || noise.unit()
}
