//! The `facing` network: whether a shelf's facing is filled, void or holds another product, from what it looks like now, stocked and
//! bare. `docs/reference/networks.md` says what goes in and what comes out.

use super::tensor::{Input, Numbers};
use super::{NetError, Network};

/// A cut's side, pixels of the network's input.
pub(crate) const SIDE: usize = 48;
/// Planes of a cut: see [`crate::eyes::FacingCut`].
pub(crate) const PLANES: usize = 20;
/// Numbers of a cut.
pub(crate) const CUT: usize = PLANES * SIDE * SIDE;
/// Cuts that go through the network in one run.
const BATCH: usize = 32;
/// What it tells apart: filled, gap, wrong.
const KINDS: usize = 3;

/// What stands in a facing: logarithms of the odds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FacingOdds {
    /// Nothing in the front half.
    pub gap: f64,
    /// Another product in front.
    pub wrong: f64,
}

/// The network that compares a facing with itself, stocked and bare.
pub struct FacingNetwork<N> {
    network: N,
}

impl<N: Network> FacingNetwork<N> {
    /// Wraps a network of cuts of 20 planes of 48 × 48.
    pub fn new(network: N) -> Self {
        Self { network }
    }

    /// Whether it is such a network.
    ///
    /// # Errors
    /// It is another one.
    pub fn check(&self) -> Result<(), NetError> {
        self.ask(std::iter::once([0; CUT].as_slice())).map(|_| ())
    }

    /// What it makes of some cuts, planes of bytes one after another.
    ///
    /// # Errors
    /// The network fails or is another one.
    pub(crate) fn ask<'a>(
        &self,
        cuts: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<FacingOdds>, NetError> {
        let cuts: Vec<&[u8]> = cuts.collect();
        let mut odds = Vec::with_capacity(cuts.len());
        for some in cuts.chunks(BATCH) {
            let mut numbers = Vec::with_capacity(some.len() * CUT);
            for cut in some {
                let whole = cut.iter().copied().chain(std::iter::repeat(0)).take(CUT);
                numbers.extend(whole.map(|v| f32::from(v) / 255.0));
            }
            let outputs = self.network.run(&Input {
                shape: vec![some.len(), PLANES, SIDE, SIDE],
                numbers: Numbers::F32(numbers),
            })?;
            let wrong = |found: &[usize]| NetError::Output {
                file: self.network.name().to_owned(),
                found: found.to_vec(),
                expected: "three numbers a facing".to_owned(),
            };
            let [told] = outputs.as_slice() else {
                return Err(wrong(&[]));
            };
            if told.shape != [some.len(), KINDS] {
                return Err(wrong(&told.shape));
            }
            odds.extend(told.data.chunks_exact(KINDS).map(of));
        }
        Ok(odds)
    }
}

/// Log-odds of each kind against the two others, from logits.
fn of(logits: &[f32]) -> FacingOdds {
    let x = |k: usize| f64::from(logits.get(k).copied().unwrap_or_default());
    let either = |a: f64, b: f64| {
        let most = a.max(b);
        most + ((a - most).exp() + (b - most).exp()).ln()
    };
    let [filled, gap, wrong] = [x(0), x(1), x(2)];
    FacingOdds {
        gap: gap - either(filled, wrong),
        wrong: wrong - either(filled, gap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_against_both_others() {
        let odds = of(&[1.0, 1.0, 1.0]);
        assert!((odds.gap + std::f64::consts::LN_2).abs() < 1e-6, "{odds:?}");
        assert!((odds.gap - odds.wrong).abs() < 1e-12);
        let odds = of(&[-900.0, 3.0, -900.0]);
        assert!(odds.gap > 900.0 && odds.wrong < -900.0, "{odds:?}");
    }
}
