//! Whether a window of bins is at rest, and where: a level, or a level about which a board rings.

/// Time constant with which boards fade, in bins: 0.7 s.
pub(crate) const FADE_BINS: f32 = 14.0;

/// Time constants with which boards may fade, bins: 0.4 to 1.6 s.
const FADES: [f32; 2] = [8.0, 32.0];

/// Frequencies tried first for a ringing board, radians a bin of 50 ms: 2.75 to 7.25 Hz.
const PULSES: [f32; 7] = [0.864, 1.100, 1.335, 1.571, 1.806, 2.042, 2.278];

/// Steps in which they are looked for more finely: radians a bin, and the factor on the time constant.
const CLOSER: [(f32, f32); 4] = [(0.118, 1.5), (0.06, 1.3), (0.03, 1.15), (0.015, 1.07)];

/// What may be left of a movement that a window still shows the end of, bins.
const TAIL_BINS: f32 = 3.0;

/// Windows up to so many bins are short.
const SHORT: usize = 6;

/// A damped swing.
#[derive(Clone, Copy, Debug)]
struct Swing {
    /// Radians a bin.
    pulse: f32,
    /// Bins.
    fade: f32,
}

/// What a window says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    /// The level, grams.
    pub level: f32,
    /// Its standard deviation, grams.
    pub sigma: f32,
    /// Amplitude of the ringing at the newest bin, grams.
    pub ring: f32,
    /// Root mean square of what the fit leaves, grams.
    pub left_over: f32,
    /// How far the level may still go in the next tenths of a second, grams: by a slope that is there or hidden
    /// in the noise.
    pub tail: f32,
}

/// Fits the bins of a window, newest first, gaps as NaN. `noise` is the standard deviation of a bin
/// at rest, `slack` a factor on what is allowed of it.
///
/// Least squares with the bases level, slope, and for a ringing board the cosine and sine of one
/// frequency that fade by [`FADE_BINS`]; the frequency is the one that leaves least. The window is at rest if what is left
/// agrees with the noise (χ² within three standard deviations) and the slope is not significant.
pub(crate) fn fit(window: &[f32], noise: f32, slack: f32) -> Option<Fit> {
    let n = window.iter().filter(|v| v.is_finite()).count();
    if n + window.len() / 4 < window.len() || n < 4 {
        return None;
    }
    let origin = window.iter().copied().find(|v| v.is_finite())?;
    let still = Swing {
        pulse: 0.0,
        fade: FADE_BINS,
    };
    if let Some(fit) = judge::<2>(window, origin, still, noise, slack, n) {
        return Some(fit);
    }
    if window.len() < 8 {
        return None;
    }
    // Not worth a closer look if it is far from explaining the window.
    let total: f32 = window
        .iter()
        .filter(|v| v.is_finite())
        .map(|v| (v - origin).powi(2))
        .sum();
    let worth = 0.25 * total + 30.0 * noise * noise * n as f32;
    let best = best_swing::<4>(window, origin, worth)?;
    judge::<4>(window, origin, best, noise, slack, n)
}

/// How far the mean of a window that rests but for ringing lies off its level, grams, and the variance
/// of that. Zero where no ringing stands out of the noise.
pub(crate) fn ringing_bias(window: &[f32], noise: f32) -> (f32, f32) {
    let n = window.iter().filter(|v| v.is_finite()).count();
    let Some(origin) = window.iter().copied().find(|v| v.is_finite()) else {
        return (0.0, 0.0);
    };
    let of = |v: &f32| f64::from(v - origin);
    let sum: f64 = window.iter().filter(|v| v.is_finite()).map(of).sum();
    let mean = (sum / n.max(1) as f64) as f32;
    let still: f32 = window
        .iter()
        .filter(|v| v.is_finite())
        .map(|v| (v - origin - mean).powi(2))
        .sum();
    if n < 6 {
        // A part of a period: what swings by so much may lie off by half of it.
        let spread = still / n.max(1) as f32;
        return (0.0, (spread - noise * noise).max(0.0) / 4.0);
    }
    let best = best_swing::<3>(window, origin, f32::MAX);
    let Some(solved) = best.and_then(|swing| solve::<3>(window, origin, swing)) else {
        return (0.0, 0.0);
    };
    let left = solved.squares;
    // Four parameters more explain noise by chance: 18 is χ² of one in a thousand.
    if still - left < 18.0 * noise * noise {
        return (0.0, 0.0);
    }
    let free = (n as f32 - 4.0).max(1.0);
    let spread = noise.max((left / free).sqrt());
    let more = (solved.variances[0] - 1.0 / n as f32).max(0.0) * spread * spread;
    (mean - solved.coefficients[0], more)
}

/// The swing that leaves least, if the best of the coarse ones leaves less than `worth`: a grid of frequencies,
/// then steps that shrink, by turns in frequency and in fading.
fn best_swing<const K: usize>(window: &[f32], origin: f32, worth: f32) -> Option<Swing> {
    let left = |swing: Swing| solve::<K>(window, origin, swing).map_or(f32::MAX, |s| s.squares);
    let mut best = (
        f32::MAX,
        Swing {
            pulse: 0.0,
            fade: FADE_BINS,
        },
    );
    let attempt = |swing: Swing, best: &mut (f32, Swing)| {
        let squares = left(swing);
        if squares < best.0 {
            *best = (squares, swing);
        }
    };
    for pulse in PULSES {
        attempt(
            Swing {
                pulse,
                fade: FADE_BINS,
            },
            &mut best,
        );
    }
    if best.0 > worth {
        return None;
    }
    for (turn, stretch) in CLOSER {
        let at = best.1;
        for pulse in [at.pulse - turn, at.pulse + turn] {
            attempt(Swing { pulse, ..at }, &mut best);
        }
        let at = best.1;
        for fade in [at.fade / stretch, at.fade * stretch] {
            if (FADES[0]..=FADES[1]).contains(&fade) {
                attempt(Swing { fade, ..at }, &mut best);
            }
        }
    }
    Some(best.1)
}

struct Solved<const K: usize> {
    coefficients: [f32; K],
    /// Diagonal of the inverse normal matrix: variances for noise of 1.
    variances: [f32; K],
    /// Sum of squares left over.
    squares: f32,
}

fn judge<const K: usize>(
    window: &[f32],
    origin: f32,
    swing: Swing,
    noise: f32,
    slack: f32,
    n: usize,
) -> Option<Fit> {
    // The frequency was chosen too.
    let parameters = if K > 2 { K + 1 } else { K };
    let free = n.checked_sub(parameters).filter(|free| *free > 0)? as f32;
    let solved = solve::<K>(window, origin, swing)?;
    let left_over = (solved.squares / free).sqrt();
    let ring = match solved.coefficients.get(2..4) {
        Some(&[a, b]) => a.hypot(b),
        _ => 0.0,
    };
    // What a fit of one frequency and one fading time cannot follow of a true ringing.
    let noise = noise.hypot(0.03 * ring) * slack;
    if solved.squares > noise * noise * (free + 3.0 * (2.0 * free).sqrt()) {
        return None;
    }
    let half = (window.len() - 1) as f32 / 2.0;
    // A short window hides much: the tail of a slow movement looks level within it.
    let steep = if window.len() <= SHORT { 1.7 } else { 2.5 };
    let slope_sd = solved.variances[1].sqrt() * noise.max(left_over.min(noise * 1.5));
    let tilt = solved.coefficients[1] * half;
    if tilt.abs() > steep * slope_sd * half {
        return None;
    }
    let spread = noise.max(left_over);
    // A slope that is not significant may be there all the same: half a standard deviation of it counts.
    let doubt = 0.3 * tilt.abs();
    Some(Fit {
        level: origin + solved.coefficients[0],
        sigma: (solved.variances[0] * spread * spread + doubt * doubt).sqrt(),
        ring,
        left_over,
        // Beside a swing the slope says little, and the window is longer.
        tail: match K {
            2 => TAIL_BINS * solved.coefficients[1].hypot(slope_sd),
            _ => 0.0,
        },
    })
}

/// Least squares by the normal equations, in f64 with Cholesky's decomposition.
#[allow(
    clippy::needless_range_loop,
    reason = "matrices are read by rows and columns"
)]
fn solve<const K: usize>(window: &[f32], origin: f32, swing: Swing) -> Option<Solved<K>> {
    let middle = (window.len() - 1) as f32 / 2.0;
    // Older bins rang more: a phasor that turns and grows from bin to bin.
    let grow = f64::from(1.0 / swing.fade).exp();
    let (turn_sin, turn_cos) = f64::from(swing.pulse).sin_cos();
    let mut phasor = (1.0, 0.0);
    let mut normal = [[0.0_f64; K]; K];
    let mut right = [0.0_f64; K];
    let mut total = 0.0_f64;
    for (k, value) in window.iter().enumerate() {
        let (cos, sin) = phasor;
        phasor = (
            grow * (cos * turn_cos - sin * turn_sin),
            grow * (cos * turn_sin + sin * turn_cos),
        );
        if !value.is_finite() {
            continue;
        }
        let y = f64::from(value - origin);
        let slope = f64::from(middle - k as f32);
        // Three bases are those without a slope.
        let all = match K {
            3 => [1.0, cos, sin, 0.0],
            _ => [1.0, slope, cos, sin],
        };
        let mut row = [0.0; K];
        for (into, from) in row.iter_mut().zip(all) {
            *into = from;
        }
        for i in 0..K {
            for j in 0..=i {
                normal[i][j] += row[i] * row[j];
            }
            right[i] += row[i] * y;
        }
        total += y * y;
    }
    // normal = L Lᵀ, L kept in the lower half.
    for i in 0..K {
        for j in 0..=i {
            let mut sum = normal[i][j];
            for m in 0..j {
                sum -= normal[i][m] * normal[j][m];
            }
            if i == j {
                if sum <= 1e-9 {
                    return None;
                }
                normal[i][i] = sum.sqrt();
            } else {
                normal[i][j] = sum / normal[j][j];
            }
        }
    }
    // The inverse of L, column by column.
    let mut inverse = [[0.0_f64; K]; K];
    for c in 0..K {
        for i in c..K {
            let mut sum = if i == c { 1.0 } else { 0.0 };
            for m in c..i {
                sum -= normal[i][m] * inverse[m][c];
            }
            inverse[i][c] = sum / normal[i][i];
        }
    }
    let mut solved = Solved {
        coefficients: [0.0; K],
        variances: [0.0; K],
        squares: 0.0,
    };
    // z = L⁻¹ r; coefficients = L⁻ᵀ z; what is left is Σy² − Σz².
    let mut explained = 0.0;
    let mut z = [0.0_f64; K];
    for i in 0..K {
        z[i] = (0..=i).map(|m| inverse[i][m] * right[m]).sum();
        explained += z[i] * z[i];
    }
    for c in 0..K {
        let coefficient: f64 = (c..K).map(|i| inverse[i][c] * z[i]).sum();
        let variance: f64 = (c..K).map(|i| inverse[i][c] * inverse[i][c]).sum();
        solved.coefficients[c] = coefficient as f32;
        solved.variances[c] = variance as f32;
    }
    solved.squares = (total - explained).max(0.0) as f32;
    Some(solved)
}
