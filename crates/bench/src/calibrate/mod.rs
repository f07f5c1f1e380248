//! The yardstick of `walkout calibrate`: lenses from checkerboards, tags, and noticing a camera that was turned, all on made
//! pictures whose truth is known; beside OpenCV on the same pictures where Python has it. See `docs/reference/calibrate.md`.

mod lens;
mod peers;
mod tags;
mod watch;

pub use lens::{LensRow, lenses};
pub use peers::PeerError;
pub use tags::{TagRow, tags};
pub use watch::{WatchRow, watch};

use crate::draw::Draw;
use walkout_perception::calibration::synthetic::Flaws;

/// Flaws of a usual camera: blur 0.3–1.3 px, noise 1–6 levels, JPEG of quality 50–95.
fn flaws(draw: &mut Draw, seed: u64) -> Flaws {
    Flaws {
        blur_px: draw.between(0.3, 1.3),
        noise: draw.between(1.0, 6.0),
        jpeg: Some(draw.between(50.0, 95.0) as u32),
        seed,
    }
}

fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|x| x * x).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn round(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests;
