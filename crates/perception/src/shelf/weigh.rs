//! What the plates of a step weigh: its own, and those beside them that show a share of it.

use super::ShelfState;
use crate::PerceptionConfig;
use crate::measure;
use crate::plate::{PlateState, Rested};
use walkout_model::{PlateDelta, PlateIx};

/// How often goods that stand on a plate stand on the one beside, too, on a given side.
const STRADDLES: f32 = 0.35;

/// A plate beside those of a step: how much of the goods may have stood on it, grams, …
struct Beside {
    most: f32,
    /// … how much it shows by leakage alone, give or take as much, …
    leak: f32,
    /// … and how often goods stand on such a plate.
    prior: f32,
}

impl Beside {
    /// Its part of the goods, the standard deviation of that, and how probable it is that any of them stood there:
    /// a share that may be anything up to the most, or leakage, seen with an error of `sigma`.
    fn share(&self, delta: f32, sigma: f32) -> (f32, f32, f32) {
        let (noise, spread) = (sigma * sigma, self.leak * self.leak + 1e-3);
        let leak_var = noise + spread;
        let off = delta - self.leak;
        let leak_density =
            (-0.5 * off * off / leak_var).exp() / (std::f32::consts::TAU * leak_var).sqrt();
        let goods_density = if delta > -2.0 * sigma {
            1.0 / (self.most + 2.0 * sigma)
        } else {
            0.0
        };
        let goods = self.prior * goods_density;
        let goods = goods / (goods + (1.0 - self.prior) * leak_density).max(1e-12);
        let leaked = self.leak + off * spread / leak_var;
        let leaked_var = noise * spread / leak_var;
        let share = goods * delta + (1.0 - goods) * leaked;
        let variance = goods * noise
            + (1.0 - goods) * leaked_var
            + goods * (1.0 - goods) * (delta - leaked).powi(2);
        (share, variance.sqrt(), goods)
    }
}

/// Fewest bins of a mean after a step.
const AFTER_LEAST: i64 = 4;

impl ShelfState {
    /// What the plates of a step weigh by the bins `from..=bin`; `None` if they have not rested for long enough in
    /// these.
    pub(super) fn measure(
        &self,
        group: &[(usize, Rested)],
        from: i64,
        bin: i64,
        config: &PerceptionConfig,
        plates: &[PlateState],
    ) -> Option<Vec<PlateDelta>> {
        let onset = group.iter().map(|(_, r)| r.onset).min()?;
        let settled = group.iter().map(|(_, r)| r.settled).max()?;
        let (first, last) = (group.first()?.0, group.last()?.0);
        // Until one of them moves on.
        let mut end = bin + 1;
        for (p, r) in group {
            if let Some(left) = plates.get(*p)?.left(r.found) {
                end = end.min(left - 1);
            }
        }
        let after = (from.max(settled).max(end - measure::MOST_BINS), end);
        if after.1 - after.0 < AFTER_LEAST {
            return None;
        }
        let mut shares: Vec<(usize, f32, f32)> = Vec::new();
        let mut unread = 0.0_f32;
        let own: Vec<usize> = group.iter().map(|(p, _)| *p).collect();
        let weigh = |p: usize| {
            let state = plates.get(p)?;
            let before = state.calm_before(onset, measure::MOST_BINS);
            let windows = measure::Windows { before, after };
            let board = measure::board(plates, &own, windows, config);
            measure::change(state, board, windows, config)
        };
        for (p, r) in group {
            let (delta, sigma) = match weigh(*p) {
                Some(change) => change,
                None => {
                    let level = plates.get(*p)?.mean(after.0, after.1)?;
                    (level - r.level + r.delta, r.sigma)
                }
            };
            shares.push((*p, delta, sigma));
        }
        let sign = shares.iter().map(|s| s.1).sum::<f32>().signum();
        // Outwards, as long as the plates beside show a share of it.
        for side in [-1_isize, 1] {
            let mut at = if side < 0 { first } else { last };
            while let Some(p) = at.checked_add_signed(side).filter(|p| *p < plates.len()) {
                let next = shares.iter().find(|s| s.0 == at).map_or(0.0, |s| s.1.abs());
                let beside = Beside {
                    most: next.max(config.share_g),
                    leak: 0.25 * config.leak * next,
                    prior: if at == first || at == last {
                        STRADDLES
                    } else {
                        STRADDLES * STRADDLES
                    },
                };
                let rests = || plates.get(p).is_some_and(|s| s.rested_in(after.0, after.1));
                let seen = weigh(p).filter(|(delta, sigma)| {
                    !self.is_spoken_for(p, onset, &own)
                        && delta.abs() <= beside.most + 3.0 * sigma
                        && rests()
                });
                let Some((delta, sigma)) = seen else {
                    unread += beside.leak.powi(2);
                    break;
                };
                let (share, share_sigma, goods) = beside.share(delta * sign, sigma);
                shares.push((p, share * sign, share_sigma));
                if goods < 0.5 {
                    break;
                }
                at = p;
            }
        }
        // A silent plate between two that changed.
        for p in first + 1..last {
            if !own.contains(&p)
                && !self.is_spoken_for(p, onset, &own)
                && let Some((delta, sigma)) = weigh(p)
                && delta.abs() <= config.share_g
            {
                shares.push((p, delta, sigma));
            }
        }
        shares.sort_by_key(|(p, ..)| *p);
        if let Some((_, _, sigma)) = shares.first_mut() {
            *sigma = (*sigma * *sigma + unread).sqrt();
        }
        Some(
            shares
                .into_iter()
                .map(|(p, delta_g, sigma_g)| PlateDelta {
                    plate: PlateIx(self.plates.start + p as u32),
                    delta_g,
                    sigma_g,
                })
                .collect(),
        )
    }

    /// Whether a plate's change since `onset` is part of another step than that of the plates `own`.
    pub(super) fn is_spoken_for(&self, plate: usize, onset: i64, own: &[usize]) -> bool {
        let since = |r: &Rested| r.change >= onset - 2;
        self.ready.iter().any(|(p, r)| *p == plate && since(r))
            || self.told.iter().any(|t| {
                t.group.iter().any(|(p, r)| *p == plate && since(r))
                    && !t.group.iter().any(|(p, _)| own.contains(p))
            })
    }
}

/// The sum of the plates' shares, and its standard deviation, grams.
pub(super) fn sum(shares: &[PlateDelta]) -> (f32, f32) {
    let variance: f32 = shares.iter().map(|d| d.sigma_g.powi(2)).sum();
    (shares.iter().map(|d| d.delta_g).sum(), variance.sqrt())
}
