//! Mass of goods, in whole milligrams with checked arithmetic. Raw load readings are noisy
//! floats in grams and stay so inside perception; what is declared or recorded is a [`Mass`].

use serde::{Deserialize, Serialize};

/// A mass in milligrams.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Mass {
    mg: i64,
}

impl Mass {
    /// Nothing.
    pub const ZERO: Self = Self { mg: 0 };

    /// From milligrams.
    pub const fn from_mg(mg: i64) -> Self {
        Self { mg }
    }

    /// From grams, rounded to a milligram. `None` if not finite or beyond ±1,000 t.
    pub fn from_grams(grams: f64) -> Option<Self> {
        (grams.is_finite() && grams.abs() < 1e9).then(|| Self {
            mg: (grams * 1e3).round() as i64,
        })
    }

    /// In milligrams.
    pub const fn mg(self) -> i64 {
        self.mg
    }

    /// In grams.
    pub fn grams(self) -> f64 {
        self.mg as f64 / 1e3
    }

    /// The sum, or `None` on overflow.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.mg.checked_add(other.mg) {
            Some(mg) => Some(Self { mg }),
            None => None,
        }
    }

    /// `n` of these, or `None` on overflow.
    pub const fn checked_mul(self, n: i64) -> Option<Self> {
        match self.mg.checked_mul(n) {
            Some(mg) => Some(Self { mg }),
            None => None,
        }
    }
}
