//! A column before and after somebody was at it: what two looks say of what was moved.

use super::verdict::logistic;
use std::collections::BTreeMap;
use walkout_model::{CameraIx, StoreTime};

/// How often something is moved in a column while somebody is before the shelf, and while a hand is seen at it.
const MOVED: [f64; 2] = [0.01, 0.08];
/// Of what is moved, the share that is taken; and of either, how often one more unit goes than the one.
const TAKEN: f64 = 0.75;
const ONE_MORE: f64 = 0.3;
/// How much more probable two looks are if something was moved: a constant, what the largest difference of a row's log weight counts,
/// as a power, and the probability that they are of two rows. Fitted to rendered shelves, a third of whose
/// columns were sold from between two pictures (`training/fit_rows.py`).
const MOVED_BY: [f64; 3] = [2.22, 1.82, 0.86];
/// Of a column that was left in one row for another, the one explains the look of before the better and the other that of now, whatever
/// is wrong with both: so far the gain and the loss of each count, beside what each look says by itself.
const GAINED: f64 = 0.5;
/// Pictures in which nothing was moved differ by less, nearly always.
const ALIKE_PICTURES: f64 = 0.4;
/// Differences are at least so large.
const ALIKE: f64 = 0.03;
/// How often one unit stood before an empty row, so that one that goes looks like several.
const HOLE: f64 = 0.02;
/// Most of what differs by chance differs because something was moved beside it. Where that is held against it apart, a difference is
/// so much more telling, natural log.
const BY_ITSELF: f64 = 2.0;
/// How often a camera cannot see what was moved.
const BLIND: f64 = 0.5;
/// Several cameras err together: the log weights of so many count like those of its square root.
const TOGETHER: f64 = 0.5;

/// Who was at a column in some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Visit {
    /// Nobody.
    None,
    /// Somebody stood before it.
    Body,
    /// A hand was at it.
    Hand,
}

/// One column.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    /// What is known of the row without the looks below, natural log.
    carried: Vec<f64>,
    /// Whether it is of what stands upon other units.
    stacked: bool,
    /// What was seen before somebody was there last, and since.
    pub was: Look,
    pub is: Look,
    /// Since when it has looked otherwise with nobody there.
    pub strange: Look,
    /// A look that something was moved before, until it is known what else was.
    pub pending: Option<Pending>,
}

/// What seems to have been moved.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub is: Look,
    pub moved: Moved,
    /// When it was.
    pub t_change: StoreTime,
    /// It is told not before this.
    pub due: StoreTime,
}

/// What cameras saw of a column in a quiet time.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    by: BTreeMap<CameraIx, Mean>,
    pub first: StoreTime,
    pub last: StoreTime,
}

#[derive(Clone, Debug, Default)]
struct Mean {
    rows: Vec<f64>,
    n: f64,
}

/// What was moved in a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    /// Units towards whoever took them, and their standard deviation.
    pub units: f64,
    pub sigma: f64,
    /// That anything was: if nothing was moved beside it, and if something was.
    pub probability: f64,
    pub beside_others: f64,
}

impl Look {
    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.by.is_empty()
    }

    /// Another picture of it.
    pub fn add(&mut self, (camera, t, rows): (CameraIx, StoreTime, &[f32])) {
        if self.by.is_empty() {
            self.first = t;
        }
        self.last = self.last.max(t);
        let mean = self.by.entry(camera).or_default();
        if mean.rows.len() != rows.len() {
            mean.rows = vec![0.0; rows.len()];
        }
        // Light changes over a day: older pictures count less and less.
        mean.n = (mean.n + 1.0).min(20.0);
        for (m, z) in mean.rows.iter_mut().zip(rows) {
            *m += (f64::from(*z) - *m) / mean.n;
        }
    }

    /// Whether a camera's pictures are in it.
    pub fn knows(&self, camera: CameraIx) -> bool {
        self.by.contains_key(&camera)
    }

    /// Whether another picture by one of its cameras shows nothing new.
    pub fn resembles(&self, (camera, _, rows): (CameraIx, StoreTime, &[f32])) -> bool {
        let Some(mean) = self.by.get(&camera) else {
            return false;
        };
        let pairs = mean.rows.iter().zip(rows);
        pairs
            .map(|(m, z)| (m - f64::from(*z)).abs())
            .fold(0.0, f64::max)
            < ALIKE_PICTURES
    }

    /// What was seen in another time in which nothing was moved.
    pub fn merge(&mut self, other: Self) {
        self.last = self.last.max(other.last);
        for (camera, newer) in other.by {
            let mean = self.by.entry(camera).or_default();
            if mean.rows.len() != newer.rows.len() {
                *mean = newer;
                continue;
            }
            let n = mean.n + newer.n;
            for (m, z) in mean.rows.iter_mut().zip(&newer.rows) {
                *m += (z - *m) * newer.n / n;
            }
            mean.n = n.min(20.0);
        }
    }

    /// Log probability of each row by all cameras.
    fn rows(&self, n: usize) -> Vec<f64> {
        let mut sum = vec![0.0; n];
        for mean in self.by.values() {
            for (s, z) in sum.iter_mut().zip(normal(&mean.rows)) {
                *s += z;
            }
        }
        let k = (self.by.len() as f64).powf(-TOGETHER);
        normal(&sum.iter().map(|s| s * k).collect::<Vec<_>>())
    }
}

impl Column {
    /// One of so many rows, of which nothing is known.
    pub fn new(rows: usize, stacked: bool) -> Self {
        Self {
            stacked,
            carried: vec![0.0; rows],
            ..Self::default()
        }
    }

    /// How many rows it has, none among them.
    pub fn rows(&self) -> usize {
        self.carried.len()
    }

    /// When it was seen last.
    pub fn last_look(&self) -> StoreTime {
        let pending = self.pending.as_ref().map(|p| p.is.last);
        match self.is.is_empty() {
            true => pending.unwrap_or(self.was.last),
            false => self.is.last,
        }
    }

    /// Goes on from a look of which nobody knows how it came about.
    pub fn begin_again(&mut self, look: Look) {
        *self = Self {
            was: look,
            ..Self::new(self.rows(), self.stacked)
        };
    }

    /// What was moved between the look before and another.
    pub fn compare(&self, is: &Look, visit: Visit) -> Moved {
        let joint = self.joint(is);
        let mut moved: BTreeMap<i64, f64> = BTreeMap::new();
        let rows = self.rows();
        for (before, row) in joint.chunks(rows.max(1)).enumerate() {
            for (after, p) in row.iter().enumerate() {
                let n = units(before, after, rows, self.stacked);
                if n == 0 {
                    continue;
                }
                let [one, all] = [HOLE * usual(n.signum()), (1.0 - HOLE) * usual(n)];
                *moved.entry(n.signum()).or_default() += p.exp() * one / (one + all);
                *moved.entry(n).or_default() += p.exp() * all / (one + all);
            }
        }
        let likeliest = moved.iter().max_by(|a, b| a.1.total_cmp(b.1));
        let likeliest = likeliest.map_or(0, |u| *u.0);
        let own = || {
            moved
                .iter()
                .filter(|(u, _)| u.signum() == likeliest.signum())
        };
        let total: f64 = own().map(|(_, p)| p).sum();
        let spread = |(u, p): (&i64, &f64)| p * ((u - likeliest) as f64).powi(2);
        let prior = MOVED[usize::from(visit == Visit::Hand)];
        let odds = (prior / (1.0 - prior)).ln();
        Moved {
            units: likeliest as f64,
            sigma: (own().map(spread).sum::<f64>() / total.max(1e-12)).sqrt(),
            probability: logistic(odds + self.unlike(is, BY_ITSELF)),
            beside_others: logistic(odds + self.unlike(is, 0.0)),
        }
    }

    /// Log probabilities of the rows before and after if something was moved, row by row of before.
    fn joint(&self, is: &Look) -> Vec<f64> {
        let n = self.rows();
        let (was, now) = (self.was.rows(n), is.rows(n));
        let was: Vec<f64> = was.iter().zip(&self.carried).map(|(w, c)| w + c).collect();
        normal(&pairs(&was, &now, &self.gain(is), self.stacked))
    }

    /// What each row's weight has gained since, by the cameras of both looks.
    fn gain(&self, is: &Look) -> Vec<f64> {
        let mut gain = vec![0.0; self.rows()];
        let mut cameras = 0;
        for (camera, now) in &is.by {
            let Some(was) = self.was.by.get(camera) else {
                continue;
            };
            for (g, (a, b)) in gain.iter_mut().zip(was.rows.iter().zip(&now.rows)) {
                *g += b - a;
            }
            cameras += 1;
        }
        let k = f64::from(cameras.max(1)).powf(-TOGETHER);
        gain.iter_mut().for_each(|g| *g *= k);
        gain
    }

    /// The log of how much more probable the looks are if something was moved.
    fn unlike(&self, is: &Look, more: f64) -> f64 {
        let (mut sum, mut cameras) = (0.0, 0);
        for (camera, now) in &is.by {
            let Some(was) = self.was.by.get(camera) else {
                continue;
            };
            let off = was.rows.iter().zip(&now.rows).map(|(a, b)| (a - b).abs());
            let off = off.fold(0.0, f64::max);
            let gain: Vec<f64> = was.rows.iter().zip(&now.rows).map(|(a, b)| b - a).collect();
            let (before, after) = (normal(&was.rows), normal(&now.rows));
            let two = log_sum(&pairs(&before, &after, &gain, self.stacked));
            let [base, apart, rows] = MOVED_BY;
            let told = base + more + apart * (off + ALIKE).ln() + rows * two;
            sum += (BLIND + (1.0 - BLIND) * told.exp()).ln();
            cameras += 1;
        }
        sum * f64::from(cameras.max(1)).powf(-TOGETHER)
    }

    /// What was moved is told: what is known of the row now follows from what was before.
    pub fn go_on(&mut self, is: Look) {
        let n = self.rows();
        let joint = self.joint(&is);
        let now = is.rows(n);
        let carried = (0..n).map(|after| {
            let from: Vec<f64> = joint.iter().skip(after).step_by(n).copied().collect();
            log_sum(&from) - now[after]
        });
        self.carried = normal(&carried.collect::<Vec<_>>());
        // It is never quite sure.
        self.carried.iter_mut().for_each(|c| *c = c.max(-8.0));
        self.was = is;
    }
}

/// How usual it is that so many units go.
fn usual(units: i64) -> f64 {
    (1.0 - ONE_MORE) * ONE_MORE.powf(units.unsigned_abs() as f64 - 1.0)
}

/// How usual it is that the foremost row goes back by so many of `n`, natural log; out of the question that it does not.
fn way(rows: i64, n: usize) -> f64 {
    if rows == 0 {
        return f64::NEG_INFINITY;
    }
    let way = if rows > 0 { TAKEN } else { 1.0 - TAKEN };
    let units = (1.0 - HOLE) * usual(rows) + HOLE * usual(1);
    way.ln() + (units + 0.01 / n as f64).ln()
}

/// Units that go where the foremost row becomes another of `n`, none the last. Behind what stands upon others there need be none.
fn units(before: usize, after: usize, n: usize, stacked: bool) -> i64 {
    let last = n.saturating_sub(1);
    match (before, after) {
        (a, b) if stacked && a != b && b == last => 1,
        (a, b) if stacked && a != b && a == last => -1,
        (a, b) => b as i64 - a as i64,
    }
}

/// Log weights of two rows, by what each look says by itself and by what has changed between them, row by row of before.
fn pairs(was: &[f64], now: &[f64], gain: &[f64], stacked: bool) -> Vec<f64> {
    let n = was.len();
    let mut out = Vec::with_capacity(n * n);
    for (before, a) in was.iter().enumerate() {
        for (after, b) in now.iter().enumerate() {
            let gained = GAINED * (gain[after] - gain[before]);
            out.push(a + b + gained + way(units(before, after, n, stacked), n));
        }
    }
    out
}

/// Log weights as log probabilities.
fn normal(logs: &[f64]) -> Vec<f64> {
    let all = log_sum(logs);
    logs.iter().map(|l| l - all).collect()
}

fn log_sum(logs: &[f64]) -> f64 {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return 0.0;
    }
    top + logs.iter().map(|l| (l - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(t: i64, rows: &[f32]) -> Look {
        let mut look = Look::default();
        look.add((CameraIx(0), StoreTime(t), rows));
        look
    }

    #[test]
    fn a_unit_that_comes_to_stand_deeper_than_the_one_that_went_was_put_back() {
        let mut column = Column::new(8, false);
        column.was = look(1, &[-2.7, 0.2, 7.7, 3.0, 2.8, 2.8, 2.8, 4.1]);
        // The row behind was empty, and what stands deeper is hardly seen.
        let gone = look(2, &[-2.4, 0.2, 2.8, 4.5, 4.3, 4.3, 4.3, 5.5]);
        let took = column.compare(&gone, Visit::Hand);
        assert!(took.probability > 0.9 && took.units > 0.0, "{took:?}");
        column.go_on(gone);
        let back = look(3, &[-2.4, 0.1, 2.8, 6.3, 3.8, 3.7, 3.7, 5.0]);
        let put = column.compare(&back, Visit::Hand);
        assert!(put.probability > 0.5 && put.units < 0.0, "{put:?}");
    }
}
