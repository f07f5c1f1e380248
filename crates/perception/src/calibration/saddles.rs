//! Where four squares of a checkerboard meet: saddles of brightness.

use super::grey::GreyPicture;
use std::f64::consts::{PI, TAU};

/// A place where two edges cross.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saddle {
    pub at: [f64; 2],
    /// Angles of the two edges as lines. From the first, turning from +u to +v, it grows bright; from the
    /// second, dark.
    pub lines: [f64; 2],
}

/// Saddles that are looked at in one picture, strongest first.
const SADDLES_MAX: usize = 3_000;
/// Radius at which the edges are looked for, pixels.
const RADIUS: f64 = 4.5;
const SAMPLES: usize = 40;
/// Bright and dark must differ by so much of 255.
const CONTRAST_MIN: f64 = 12.0;

pub(super) fn saddles(picture: &GreyPicture) -> Vec<Saddle> {
    let (w, h) = (picture.width(), picture.height());
    if w < 20 || h < 20 {
        return Vec::new();
    }
    let smooth = picture.smoothed(1.5);
    let mut strength = vec![0.0_f32; w * h];
    let rows: Vec<&[f32]> = smooth.rows().collect();
    for y in 1..h - 1 {
        let (a, b, c) = (rows[y - 1], rows[y], rows[y + 1]);
        for x in 1..w - 1 {
            let xx = b[x - 1] - 2.0 * b[x] + b[x + 1];
            let yy = a[x] - 2.0 * b[x] + c[x];
            let xy = 0.25 * (a[x - 1] + c[x + 1] - a[x + 1] - c[x - 1]);
            strength[y * w + x] = xy * xy - xx * yy;
        }
    }
    let mut peaks = Vec::new();
    for y in 5..h - 5 {
        for x in 5..w - 5 {
            let s = strength[y * w + x];
            // A faint board on a grey day still has a curvature of some levels a square pixel.
            if s < 0.3 {
                continue;
            }
            let beaten = (y - 2..=y + 2).any(|j| {
                let row = &strength[j * w + x - 2..j * w + x + 3];
                row.iter()
                    .enumerate()
                    .any(|(i, o)| *o > s || (*o == s && (j, i) < (y, 2)))
            });
            if !beaten {
                peaks.push((s, x, y));
            }
        }
    }
    peaks.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.2, a.1).cmp(&(b.2, b.1))));
    peaks.truncate(4 * SADDLES_MAX);
    let softer = picture.smoothed(0.8);
    let mut out: Vec<Saddle> = peaks
        .iter()
        .filter_map(|(_, x, y)| saddle_at(&softer, [*x as f64 + 0.5, *y as f64 + 0.5]))
        .collect();
    out.truncate(SADDLES_MAX);
    out
}

/// The saddle at a place, if two edges cross there.
pub(super) fn saddle_at(picture: &GreyPicture, at: [f64; 2]) -> Option<Saddle> {
    let ring: [f64; SAMPLES] = std::array::from_fn(|i| {
        let (s, c) = (TAU * i as f64 / SAMPLES as f64).sin_cos();
        picture.between(at[0] + RADIUS * c, at[1] + RADIUS * s)
    });
    let lo = ring.iter().copied().fold(f64::INFINITY, f64::min);
    let hi = ring.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if hi - lo < CONTRAST_MIN {
        return None;
    }
    // The level of the crossing itself is the middle of a saddle, however bright the sides are.
    let middle = 0.5 * picture.between(at[0], at[1]) + 0.25 * (lo + hi);
    let mut rises = Vec::new();
    let mut falls = Vec::new();
    for i in 0..SAMPLES {
        let (a, b) = (ring[i] - middle, ring[(i + 1) % SAMPLES] - middle);
        let angle = TAU * (i as f64 + a / (a - b)) / SAMPLES as f64;
        if a < 0.0 && b >= 0.0 {
            rises.push(angle);
        } else if a >= 0.0 && b < 0.0 {
            falls.push(angle);
        }
    }
    let [rise, fall] = [as_line(&rises)?, as_line(&falls)?];
    // Two edges that nearly coincide are one thick line.
    if line_angle(rise, fall) < 20_f64.to_radians() {
        return None;
    }
    // Each side of the crossing is as bright as its opposite.
    let step = SAMPLES / 2;
    let unlike: f64 = (0..step).map(|i| (ring[i] - ring[i + step]).abs()).sum();
    let swing: f64 = ring.iter().map(|v| (v - middle).abs()).sum();
    (unlike < 0.9 * swing).then_some(Saddle {
        at,
        lines: [rise, fall],
    })
}

/// Two opposite angles as one line, 0 ≤ angle < π.
fn as_line(angles: &[f64]) -> Option<f64> {
    let [a, b] = angles else { return None };
    let bend = (b - a - PI).abs();
    if bend > 35_f64.to_radians() {
        return None;
    }
    Some((0.5 * (a + b - PI)).rem_euclid(PI))
}

/// The angle between two lines, 0 to π/2.
pub(super) fn line_angle(a: f64, b: f64) -> f64 {
    let d = (a - b).rem_euclid(PI);
    d.min(PI - d)
}

/// Moves a corner to where all brightness gradients around it point past it: the least-squares crossing of the
/// edges (Förstner and Gülch, 1987). `reach`: half the window's side.
pub(super) fn refine(picture: &GreyPicture, start: [f64; 2], reach: f64) -> Option<[f64; 2]> {
    let mut at = start;
    let steps = reach.ceil() as i32;
    let spread = 0.6 * reach;
    for _ in 0..30 {
        let (mut xx, mut xy, mut yy, mut bx, mut by) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for j in -steps..=steps {
            for i in -steps..=steps {
                let (dx, dy) = (f64::from(i), f64::from(j));
                let weight = (-0.5 * (dx * dx + dy * dy) / (spread * spread)).exp();
                let (u, v) = (at[0] + dx, at[1] + dy);
                let gx = picture.between(u + 1.0, v) - picture.between(u - 1.0, v);
                let gy = picture.between(u, v + 1.0) - picture.between(u, v - 1.0);
                let (a, b, c) = (weight * gx * gx, weight * gx * gy, weight * gy * gy);
                xx += a;
                xy += b;
                yy += c;
                bx += a * dx + b * dy;
                by += b * dx + c * dy;
            }
        }
        let det = xx * yy - xy * xy;
        if det.is_nan() || det < 1e-4 * (xx + yy) * (xx + yy) {
            return None;
        }
        let (sx, sy) = ((yy * bx - xy * by) / det, (xx * by - xy * bx) / det);
        at = [at[0] + sx, at[1] + sy];
        if (at[0] - start[0]).hypot(at[1] - start[1]) > reach.max(2.0) {
            return None;
        }
        if sx.hypot(sy) < 2e-3 {
            break;
        }
    }
    Some(at)
}
