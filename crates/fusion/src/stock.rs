//! How many units stand in a lane: a distribution over counts.

/// Counts held apart; fewer and more are lumped into the first and the last.
const WIDE: usize = 9;

/// Probabilities of `base`, `base` + 1, … units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count {
    base: i32,
    p: [f64; WIDE],
}

impl Count {
    /// Counted by hand.
    pub(crate) fn known(units: u32) -> Self {
        let units = i32::try_from(units).unwrap_or(i32::MAX / 2);
        let base = (units - WIDE as i32 / 2).max(0);
        let mut p = [0.0; WIDE];
        p[((units - base) as usize).min(WIDE - 1)] = 1.0;
        Self { base, p }
    }

    pub(crate) fn mean(&self) -> f64 {
        let sum: f64 = (0..WIDE).map(|i| i as f64 * self.p[i]).sum();
        f64::from(self.base) + sum
    }

    /// Probability of at least so many.
    pub(crate) fn at_least(&self, units: i32) -> f64 {
        (0..WIDE)
            .filter(|i| self.base + *i as i32 >= units)
            .map(|i| self.p[i])
            .sum()
    }

    /// `moves` are units added (negative: taken) with their probabilities; with what is missing to 1
    /// nothing moved. Where more was taken than one count had, that count was less likely, not negative.
    pub(crate) fn shift(&mut self, moves: &[(i32, f64)]) {
        let moved: f64 = moves.iter().map(|m| m.1).sum();
        let stay = (1.0 - moved).clamp(0.0, 1.0);
        let middle = self.mean() + moves.iter().map(|(n, q)| f64::from(*n) * q).sum::<f64>();
        let base = (middle.round() as i32 - WIDE as i32 / 2).max(0);
        let mut p = [0.0; WIDE];
        let mut add = |count: i32, q: f64| {
            let at = (count - base).clamp(0, WIDE as i32 - 1);
            p[at as usize] += q;
        };
        for (i, q) in self.p.iter().enumerate().filter(|(_, q)| **q > 0.0) {
            add(self.base + i as i32, q * stay);
        }
        for (n, q) in moves {
            let able = self.at_least(-n);
            for (i, held) in self.p.iter().enumerate().filter(|(_, q)| **q > 0.0) {
                let count = self.base + i as i32 + n;
                if able < 1e-6 {
                    // The count was wrong: nothing is left.
                    add(count.max(0), q * held);
                } else if count >= 0 {
                    add(count, q * held / able);
                }
            }
        }
        let total: f64 = p.iter().sum();
        if total > 0.0 {
            p.iter_mut().for_each(|q| *q /= total);
            *self = Self { base, p };
        }
    }
}
