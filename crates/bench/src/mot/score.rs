//! The scores of multi-object tracking, by TrackEval's definitions.
//!
//! HOTA, DetA, AssA: Luiten et al., "HOTA: a higher order metric for evaluating multi-object tracking" (IJCV
//! 2021). MOTA, MOTP: Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT
//! metrics" (2008). IDF1: Ristani et al., "Performance measures and a data set for multi-target, multi-camera
//! tracking" (2016). Where the papers leave a choice, TrackEval's is made: matching in a frame prefers, for CLEAR,
//! the pair of the frame before; several sequences are combined by their counts.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use walkout_perception::assignment::{Pair, assign};

/// Thresholds of localisation: 0.05 to 0.95.
const ALPHAS: usize = 19;
/// Similarity from which a pair is a match to CLEAR and IDF1.
const MATCH: f64 = 0.5;
const EPS: f64 = f64::EPSILON;

/// One frame: who is there, who was found, and how alike they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Numbers of the people who are there; each once.
    pub truth: Vec<i64>,
    /// Numbers of the tracks; each once.
    pub found: Vec<i64>,
    /// (index into `truth`, index into `found`, similarity above 0 and up to 1).
    pub alike: Vec<(usize, usize, f64)>,
}

/// What was counted; sums over sequences make a combined score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    frames: u64,
    truths: u64,
    founds: u64,
    /// True positives by threshold.
    hits: [u64; ALPHAS],
    /// Sum over true positives of their association score, by threshold.
    association: [f64; ALPHAS],
    matches: u64,
    switches: u64,
    similarity: f64,
    identities: u64,
}

/// The scores, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Higher-order tracking accuracy.
    pub hota: f64,
    /// Detection accuracy.
    pub deta: f64,
    /// Association accuracy.
    pub assa: f64,
    /// Multi-object tracking accuracy.
    pub mota: f64,
    /// Identification F1.
    pub idf1: f64,
}

impl Counts {
    /// Scores one sequence.
    pub fn of(frames: &[Frame]) -> Self {
        let mut counts = Self {
            frames: frames.len() as u64,
            truths: frames.iter().map(|f| f.truth.len() as u64).sum(),
            founds: frames.iter().map(|f| f.found.len() as u64).sum(),
            ..Self::default()
        };
        if counts.truths > 0 && counts.founds > 0 {
            counts.higher_order(frames);
            counts.clear(frames);
            counts.identify(frames);
        }
        counts
    }

    /// Adds another sequence.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.truths += other.truths;
        self.founds += other.founds;
        for i in 0..ALPHAS {
            self.hits[i] += other.hits[i];
            self.association[i] += other.association[i];
        }
        self.matches += other.matches;
        self.switches += other.switches;
        self.similarity += other.similarity;
        self.identities += other.identities;
    }

    /// The scores of all that was counted.
    pub fn scores(&self) -> Scores {
        let mut sums = [0.0; 3];
        for i in 0..ALPHAS {
            let hits = self.hits[i] as f64;
            let all = (self.truths + self.founds) as f64 - hits;
            let deta = hits / all.max(1.0);
            let assa = self.association[i] / hits.max(1.0);
            for (sum, x) in sums.iter_mut().zip([(deta * assa).sqrt(), deta, assa]) {
                *sum += x;
            }
        }
        let [hota, deta, assa] = sums.map(|s| 100.0 * s / ALPHAS as f64);
        let idf1 = self.identities as f64 / (0.5 * (self.truths + self.founds) as f64).max(1.0);
        let wrong = self.founds as f64 - self.matches as f64 + self.switches as f64;
        Scores {
            hota,
            deta,
            assa,
            mota: 100.0 * (self.matches as f64 - wrong) / (self.truths as f64).max(1.0),
            idf1: 100.0 * idf1,
        }
    }

    /// MODA, percent: MOTA that does not count exchanged numbers.
    pub fn moda(&self) -> f64 {
        let false_alarms = self.founds as f64 - self.matches as f64;
        100.0 * (self.matches as f64 - false_alarms) / (self.truths as f64).max(1.0)
    }

    /// Mean similarity of the matches of CLEAR, percent.
    pub fn motp(&self) -> f64 {
        100.0 * self.similarity / (self.matches as f64).max(1.0)
    }

    /// Numbers that changed.
    pub fn switches(&self) -> u64 {
        self.switches
    }

    /// Frames scored.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// People missed and tracks of nobody, as shares of the people who were there, percent.
    pub fn missed_and_false(&self) -> (f64, f64) {
        let all = (self.truths as f64).max(1.0);
        (
            100.0 * (self.truths - self.matches) as f64 / all,
            100.0 * (self.founds - self.matches) as f64 / all,
        )
    }

    fn higher_order(&mut self, frames: &[Frame]) {
        let (truth_count, found_count) = appearances(frames);
        // How well two numbers go together over all time, before anything is matched.
        let mut together: BTreeMap<(i64, i64), f64> = BTreeMap::new();
        for f in frames {
            let mut by_truth = vec![0.0; f.truth.len()];
            let mut by_found = vec![0.0; f.found.len()];
            for &(t, p, s) in &f.alike {
                by_truth[t] += s;
                by_found[p] += s;
            }
            for &(t, p, s) in &f.alike {
                let either = by_truth[t] + by_found[p] - s;
                if either > EPS {
                    *together.entry((f.truth[t], f.found[p])).or_default() += s / either;
                }
            }
        }
        let mut matched: BTreeMap<(i64, i64), [u32; ALPHAS]> = BTreeMap::new();
        for f in frames {
            let weighed = f.alike.iter().map(|&(t, p, s)| {
                let key = (f.truth[t], f.found[p]);
                let both = together.get(&key).copied().unwrap_or(0.0);
                let all = f64::from(truth_count[&key.0]) + f64::from(found_count[&key.1]);
                (t, p, s * both / (all - both))
            });
            let similarity = similarities(f);
            for (t, p) in best(f, weighed) {
                let s = similarity[&(t, p)];
                let counts = matched.entry((f.truth[t], f.found[p])).or_default();
                for (i, count) in counts.iter_mut().enumerate() {
                    if s >= alpha(i) - EPS {
                        *count += 1;
                        self.hits[i] += 1;
                    }
                }
            }
        }
        for ((truth, found), counts) in matched {
            let all = f64::from(truth_count[&truth]) + f64::from(found_count[&found]);
            for (sum, n) in self.association.iter_mut().zip(counts) {
                let n = f64::from(n);
                *sum += n * n / (all - n).max(1.0);
            }
        }
    }

    fn clear(&mut self, frames: &[Frame]) {
        let mut last: BTreeMap<i64, i64> = BTreeMap::new();
        let mut before: BTreeMap<i64, i64> = BTreeMap::new();
        for f in frames {
            if f.truth.is_empty() || f.found.is_empty() {
                continue;
            }
            let close = f.alike.iter().filter(|(_, _, s)| *s >= MATCH - EPS);
            let weighed = close.map(|&(t, p, s)| {
                let goes_on = before.get(&f.truth[t]) == Some(&f.found[p]);
                (t, p, s + if goes_on { 1000.0 } else { 0.0 })
            });
            let pairs = best(f, weighed);
            let similarity = similarities(f);
            before.clear();
            for (t, p) in pairs {
                let (truth, found) = (f.truth[t], f.found[p]);
                before.insert(truth, found);
                if last.insert(truth, found).is_some_and(|l| l != found) {
                    self.switches += 1;
                }
                self.matches += 1;
                self.similarity += similarity[&(t, p)];
            }
        }
    }

    fn identify(&mut self, frames: &[Frame]) {
        let mut together: BTreeMap<(i64, i64), u32> = BTreeMap::new();
        for f in frames {
            for &(t, p, s) in &f.alike {
                if s >= MATCH {
                    *together.entry((f.truth[t], f.found[p])).or_default() += 1;
                }
            }
        }
        let index = |ids: BTreeSet<i64>| -> BTreeMap<i64, usize> {
            ids.into_iter().enumerate().map(|(i, id)| (id, i)).collect()
        };
        let truths = index(together.keys().map(|(t, _)| *t).collect());
        let founds = index(together.keys().map(|(_, p)| *p).collect());
        let pairs: Vec<Pair> = together
            .iter()
            .map(|((t, p), n)| Pair {
                row: truths[t],
                col: founds[p],
                cost: -f64::from(*n),
            })
            .collect();
        let by_cell: BTreeMap<(usize, usize), u32> = together
            .iter()
            .map(|((t, p), n)| ((truths[t], founds[p]), *n))
            .collect();
        let matched = assign(truths.len(), founds.len(), &pairs, 0.0);
        for (t, p) in matched.into_iter().enumerate() {
            if let Some(p) = p {
                self.identities += u64::from(by_cell[&(t, p)]);
            }
        }
    }
}

fn alpha(i: usize) -> f64 {
    0.05 + i as f64 * 0.05
}

fn appearances(frames: &[Frame]) -> (BTreeMap<i64, u32>, BTreeMap<i64, u32>) {
    let (mut truths, mut founds) = (BTreeMap::new(), BTreeMap::new());
    for f in frames {
        for id in &f.truth {
            *truths.entry(*id).or_default() += 1;
        }
        for id in &f.found {
            *founds.entry(*id).or_default() += 1;
        }
    }
    (truths, founds)
}

fn similarities(f: &Frame) -> BTreeMap<(usize, usize), f64> {
    f.alike.iter().map(|&(t, p, s)| ((t, p), s)).collect()
}

/// The matching of greatest weight in a frame; pairs of weight 0 are not made.
fn best(f: &Frame, weighed: impl Iterator<Item = (usize, usize, f64)>) -> Vec<(usize, usize)> {
    let pairs: Vec<Pair> = weighed
        .map(|(row, col, weight)| Pair {
            row,
            col,
            cost: -weight,
        })
        .collect();
    let matched = assign(f.truth.len(), f.found.len(), &pairs, 0.0);
    let made = matched.into_iter().enumerate();
    made.filter_map(|(t, p)| Some((t, p?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(truth: &[i64], found: &[i64], alike: &[(usize, usize, f64)]) -> Frame {
        Frame {
            truth: truth.to_vec(),
            found: found.to_vec(),
            alike: alike.to_vec(),
        }
    }

    #[test]
    fn a_perfect_tracker_has_a_hundred_and_none_has_nothing() {
        let frames: Vec<Frame> = (0..5)
            .map(|_| frame(&[1, 2], &[7, 9], &[(0, 0, 1.0), (1, 1, 1.0), (0, 1, 0.2)]))
            .collect();
        let s = Counts::of(&frames).scores();
        for x in [s.hota, s.deta, s.assa, s.mota, s.idf1] {
            assert!((x - 100.0).abs() < 1e-9, "{s:?}");
        }
        let empty = [frame(&[1], &[], &[])];
        assert_eq!(Counts::of(&empty).scores(), Scores::default());
    }

    #[test]
    fn numbers_exchanged_half_way_cost_identity_and_not_detection() {
        let frames: Vec<Frame> = (0..10)
            .map(|i| {
                let found = if i < 5 { [7, 9] } else { [9, 7] };
                frame(&[1, 2], &found, &[(0, 0, 1.0), (1, 1, 1.0)])
            })
            .collect();
        let counts = Counts::of(&frames);
        let s = counts.scores();
        assert!((s.deta - 100.0).abs() < 1e-9);
        assert!((s.idf1 - 50.0).abs() < 1e-9);
        // Each pair: 5 together of 10 + 10 − 5.
        assert!((s.assa - 100.0 / 3.0).abs() < 1e-9, "{s:?}");
        assert_eq!(counts.switches(), 2);
        assert!((s.mota - 90.0).abs() < 1e-9);
    }
}
