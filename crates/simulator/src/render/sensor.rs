//! From light to a file: exposure, white balance, vignetting, blur, noise, and what a codec loses.

use super::dice::Dice;
use super::raster::{Canvas, ONE};

/// A finished picture, rows of red, green, blue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Pixels along a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width · height · 3` bytes.
    pub rgb: Vec<u8>,
}

/// What a camera's sensor and codec do to a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorConfig {
    /// Auto-exposure's aim: mean brightness 0–1 of the finished picture.
    pub exposure: f32,
    /// How far auto-exposure goes: 0 not at all, 1 all the way.
    pub auto_exposure: f32,
    /// Gain of red and blue against green.
    pub white_balance: [f32; 2],
    /// Darkening at the corners, 0–1.
    pub vignette: f32,
    /// Standard deviation of a pixel's noise at mid grey, levels of 255.
    pub noise: f32,
    /// Standard deviation of blur by the lens, pixels; at most about 2.
    pub blur_px: f32,
    /// Contrast about the middle; 1 leaves it.
    pub contrast: f32,
    /// Colourfulness; 1 leaves it, 0 is grey.
    pub saturation: f32,
    /// JPEG-like quality 1–100; 100 keeps everything.
    pub quality: u8,
}

impl Default for SensorConfig {
    fn default() -> Self {
        Self {
            exposure: 0.47,
            auto_exposure: 0.85,
            white_balance: [1.0, 1.0],
            vignette: 0.18,
            noise: 2.2,
            blur_px: 0.35,
            contrast: 1.05,
            saturation: 0.95,
            quality: 80,
        }
    }
}

/// Averages the canvas's samples to pixels, `by` each way, and adds them to `sum`.
pub(crate) fn gather(canvas: &Canvas, by: usize, sum: &mut Vec<f32>, first: bool) {
    let (w, h) = (canvas.width / by, canvas.height / by);
    if first {
        sum.clear();
        sum.resize(w * h * 3, 0.0);
    }
    let k = 1.0 / (ONE * (by * by) as f32);
    for y in 0..h {
        let out = &mut sum[y * w * 3..(y + 1) * w * 3];
        for dy in 0..by {
            let row = &canvas.samples[(y * by + dy) * canvas.width..][..w * by];
            for (pixel, block) in out.chunks_exact_mut(3).zip(row.chunks_exact(by)) {
                for s in block {
                    pixel[0] += f32::from(s[0]) * k;
                    pixel[1] += f32::from(s[1]) * k;
                    pixel[2] += f32::from(s[2]) * k;
                }
            }
        }
    }
}

/// Makes the picture of what was gathered. `gain` is the exposure's memory over frames: the last
/// frame's on the way in, this one's on the way out.
pub(crate) fn develop(
    light: &mut [f32],
    size: [usize; 2],
    config: &SensorConfig,
    gain: &mut Option<f32>,
    dice: &mut Dice,
    out: &mut Picture,
) {
    let [w, h] = size;
    let n = (w * h).max(1);
    let mean = light.iter().map(|c| c.min(1.6)).sum::<f32>() / (3 * n) as f32;
    let wanted = (config.exposure / mean.max(0.02))
        .powf(config.auto_exposure)
        .clamp(0.3, 4.0);
    let g = gain.map_or(wanted, |last| last + (wanted - last) * 0.2);
    *gain = Some(g);
    if config.blur_px > 0.05 {
        blur(light, w, h, config.blur_px);
    }
    let balance = [g * config.white_balance[0], g, g * config.white_balance[1]];
    let grain = Grain::new(dice);
    let mut at = dice.seed() as usize;
    out.width = w as u32;
    out.height = h as u32;
    out.rgb.resize(n * 3, 0);
    let (cx, cy) = (w as f32 / 2.0, h as f32 / 2.0);
    let far2 = 1.0 / (cx * cx + cy * cy).max(1.0);
    for y in 0..h {
        let dy = y as f32 + 0.5 - cy;
        let row = &mut light[y * w * 3..(y + 1) * w * 3];
        let bytes = &mut out.rgb[y * w * 3..(y + 1) * w * 3];
        at = at.wrapping_mul(1_664_525).wrapping_add(1_013_904_223 + y);
        for (x, (pixel, byte)) in row
            .chunks_exact(3)
            .zip(bytes.chunks_exact_mut(3))
            .enumerate()
        {
            let dx = x as f32 + 0.5 - cx;
            let dark = 1.0 - config.vignette * (dx * dx + dy * dy) * far2;
            let c = [0, 1, 2].map(|i| pixel[i] * balance[i] * dark);
            let grey = 0.3 * c[0] + 0.6 * c[1] + 0.1 * c[2];
            for i in 0..3 {
                let v = grey + (c[i] - grey) * config.saturation;
                let v = 0.5 + (v - 0.5) * config.contrast;
                // A shoulder instead of a hard clip.
                let v = if v > 0.85 {
                    0.85 + 0.15 * (1.0 - (-(v - 0.85) / 0.15).exp())
                } else {
                    v
                };
                let noise = grain.at(at.wrapping_add(x * 3 + i))
                    * config.noise
                    * (0.6 + 0.8 * v.max(0.0).sqrt());
                byte[i] = (v * 255.0 + noise + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
    }
    if config.quality < 100 {
        super::codec::degrade(out, config.quality);
    }
}

/// A table of normal draws, read at shifted places: cheap and repeatable.
struct Grain(Vec<f32>);

impl Grain {
    fn new(dice: &mut Dice) -> Self {
        let mut table: Vec<f32> = (0..1031).map(|_| dice.normal()).collect();
        table.resize(4096, 0.0);
        for i in 1031..4096 {
            table[i] = table[i % 1031] * 0.7 + table[(i * 7) % 1031] * 0.714;
        }
        Self(table)
    }

    fn at(&self, i: usize) -> f32 {
        self.0[(i ^ (i >> 11)) & 4095]
    }
}

/// A separable blur of three taps, as often as the standard deviation asks for.
fn blur(light: &mut [f32], w: usize, h: usize, sigma: f32) {
    // Taps (a, 1 − 2a, a) have the variance 2a.
    let passes = (sigma * sigma / 0.5).ceil().clamp(1.0, 8.0);
    let a = (sigma * sigma / passes / 2.0).min(0.25);
    let row = w * 3;
    let mut line = vec![0.0; row];
    for _ in 0..passes as usize {
        for y in 0..h {
            let r = &mut light[y * row..(y + 1) * row];
            line.copy_from_slice(r);
            for i in 3..row.saturating_sub(3) {
                r[i] = line[i] + a * (line[i - 3] + line[i + 3] - 2.0 * line[i]);
            }
        }
        let mut above: Vec<f32> = light[..row].to_vec();
        for y in 1..h.saturating_sub(1) {
            let (head, tail) = light.split_at_mut((y + 1) * row);
            let r = &mut head[y * row..];
            for i in 0..row {
                let own = r[i];
                r[i] = own + a * (above[i] + tail[i] - 2.0 * own);
                above[i] = own;
            }
        }
    }
}
