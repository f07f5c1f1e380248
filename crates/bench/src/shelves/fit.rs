//! Weights of the clues of a gap, by maximum likelihood.

use super::{Example, Stand};
use walkout_perception::eyes::{CLUES, ClueWeights};

/// Steps of the descent, and its rate.
const STEPS: usize = 3_000;
const RATE: f64 = 0.5;
/// Weight of the squares of the (standardised) weights: clues that say the same share what they say.
const RIDGE: f64 = 1e-2;

/// The logistic functions of clues that make the gaps and the wrong items of the examples likeliest.
pub fn fit(examples: &[Example]) -> [ClueWeights; 2] {
    [
        logistic(examples, Stand::is_gap),
        logistic(examples, |s| matches!(s, Stand::Other(_))),
    ]
}

/// By gradient descent on standardised clues.
fn logistic(examples: &[Example], is: fn(Stand) -> bool) -> ClueWeights {
    let rows: Vec<([f64; CLUES], bool)> = examples
        .iter()
        .filter(|e| e.stand != Stand::Between)
        .map(|e| (e.sight.clues.numbers(), is(e.stand)))
        .collect();
    let n = rows.len().max(1) as f64;
    let mut mean = [0.0; CLUES];
    let mut sd = [0.0; CLUES];
    for (x, _) in &rows {
        (0..CLUES).for_each(|k| mean[k] += x[k] / n);
    }
    for (x, _) in &rows {
        (0..CLUES).for_each(|k| sd[k] += (x[k] - mean[k]).powi(2) / n);
    }
    let sd = sd.map(|v| v.sqrt().max(1e-6));
    let standard: Vec<([f64; CLUES], f64)> = rows
        .iter()
        .map(|(x, gap)| {
            let z = std::array::from_fn(|k| (x[k] - mean[k]) / sd[k]);
            (z, f64::from(u8::from(*gap)))
        })
        .collect();
    let (mut bias, mut w) = (0.0, [0.0; CLUES]);
    for _ in 0..STEPS {
        let (mut db, mut dw) = (0.0, [0.0; CLUES]);
        for (z, y) in &standard {
            let x = bias + (0..CLUES).map(|k| w[k] * z[k]).sum::<f64>();
            let error = (1.0 / (1.0 + (-x).exp()) - y) / n;
            db += error;
            (0..CLUES).for_each(|k| dw[k] += error * z[k]);
        }
        bias -= RATE * db;
        (0..CLUES).for_each(|k| w[k] -= RATE * (dw[k] + RIDGE * w[k]));
    }
    let weights: [f64; CLUES] = std::array::from_fn(|k| w[k] / sd[k]);
    let bias = bias - (0..CLUES).map(|k| weights[k] * mean[k]).sum::<f64>();
    ClueWeights { bias, weights }
}
