//! What a step weighs: its plates after less before, and less what the rest of the board did meanwhile.
//!
//! Ringing, shaking and the slow sway of a board move all its plates at once, each in proportion to what it
//! carries. Means over the very same bins of plates that nobody touched tell how much that was; what is
//! taken off so needs no model of how boards move.

use crate::PerceptionConfig;
use crate::plate::PlateState;

/// Bins of a mean, at most: 0.7 s.
pub(crate) const MOST_BINS: i64 = 14;
/// Fewest bins of a mean before.
const BEFORE_LEAST: i64 = 4;
/// Share by which a plate's part in what its board does differs from its part of the mass.
const UNEVEN: f32 = 0.3;
/// How much a plate of usual load may sway unseen where there is no other to tell, grams …
const UNSEEN_G: f32 = 1.0;
/// … and that load.
const TYPICAL_LOAD_G: f32 = 1_000.0;

/// The windows compared: bins `before.0..before.1` and `after.0..after.1`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub before: (i64, i64),
    pub after: (i64, i64),
}

impl Windows {
    fn bins(self) -> (f32, f32) {
        (
            (self.before.1 - self.before.0) as f32,
            (self.after.1 - self.after.0) as f32,
        )
    }
}

/// What the board did between the windows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Board {
    /// Change for each gram carried.
    pub per_gram: f32,
    /// Its variance.
    pub variance: f32,
    /// How many plates say so.
    pub plates: usize,
}

/// What plates that nobody touched say of the board; `members` have no say.
pub(crate) fn board(
    plates: &[PlateState],
    members: &[usize],
    windows: Windows,
    config: &PerceptionConfig,
) -> Board {
    let (n0, n1) = windows.bins();
    let mut changes: Vec<(f32, f32, f32)> = Vec::with_capacity(plates.len());
    for (p, state) in plates.iter().enumerate() {
        // Boards bend: the plates beside a change show some of it.
        if members.iter().any(|m| m.abs_diff(p) <= 1) {
            continue;
        }
        if let Some((before, after)) = means(state, windows) {
            let weight = state.last_level().unwrap_or(0.0).max(0.0) + config.plate_g;
            let sigma = (state.noise() * (1.0 / n0 + 1.0 / n1).sqrt()).max(0.05);
            changes.push(((after - before) / weight, weight, sigma));
        }
    }
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The plates of a board may well move together by a gram.
    let unknown = Board {
        per_gram: 0.0,
        variance: (UNSEEN_G / (config.plate_g + TYPICAL_LOAD_G)).powi(2),
        plates: 0,
    };
    let Some(middle) = changes.get(changes.len() / 2).map(|c| c.0) else {
        return unknown;
    };
    let (mut sum, mut squares, mut spread, mut n) = (0.0, 0.0, 0.0, 0.0);
    for &(change, weight, sigma) in &changes {
        let off = (change - middle) * weight;
        let allowed = sigma.hypot(UNEVEN * middle * weight);
        // A hand, or somebody's goods in between.
        if off.abs() > 5.0 * allowed.max(0.3) {
            continue;
        }
        let precision = (weight / allowed).powi(2);
        sum += change * precision;
        squares += precision;
        spread += (off / allowed).powi(2);
        n += 1.0;
    }
    let per_gram = sum / squares;
    if n < 2.0 && (per_gram * per_gram) > 9.0 * unknown.variance {
        // One plate that moved: who knows by what.
        return unknown;
    }
    Board {
        per_gram,
        // They agree no better than they do.
        variance: (spread / n).max(1.0) / squares,
        plates: n as usize,
    }
}

/// A plate's change of mass and its standard deviation, grams; `None` where it was not remembered.
pub(crate) fn change(
    state: &PlateState,
    board: Board,
    windows: Windows,
    config: &PerceptionConfig,
) -> Option<(f32, f32)> {
    let (before, after) = means(state, windows)?;
    let (n0, n1) = windows.bins();
    let weight = before.max(after).max(0.0) + config.plate_g;
    let common = board.per_gram * weight;
    // Cells creep after every change; how much differs from cell to cell.
    let (ringing, ringing_var) = state.ringing_bias(windows.after.0, windows.after.1);
    let delta = (after - ringing - before - common) * (1.0 + config.creep);
    let slow = config.friction_g.hypot(0.5 * config.creep * delta);
    let variance = state.noise().powi(2) * (1.0 / n0 + 1.0 / n1)
        + board.variance * weight * weight
        + (UNEVEN * common).powi(2)
        + ringing_var
        + slow * slow;
    Some((delta, variance.sqrt()))
}

fn means(state: &PlateState, windows: Windows) -> Option<(f32, f32)> {
    let least = windows.before.1 - windows.before.0;
    if least < BEFORE_LEAST {
        return None;
    }
    Some((
        state.raw_mean(windows.before.0, windows.before.1)?,
        state.raw_mean(windows.after.0, windows.after.1)?,
    ))
}
