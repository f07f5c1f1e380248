//! What a shop may choose.

use walkout_model::{Currency, Money, TimeDelta};
use walkout_wire::entry::KeyRing;

/// How checkout behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Signs and reads the entry codes.
    pub keys: KeyRing,
    /// Seeds the codes' nonces. They need not be secret, only different: two runs with one seed
    /// are safe because a code also holds its time of issue.
    pub seed: [u8; 32],
    /// What is held on a shopper's card at entry. Must be in the shop's currency.
    pub hold: Money,
    /// How a gateway that does not answer is tried again.
    pub retry: Retry,
    /// How long a reviewer has a task to themselves.
    pub lease: TimeDelta,
    /// An entry whose hold was not answered for this long was interrupted: it is refused and its
    /// hold let go.
    pub entry_timeout: TimeDelta,
    /// A candidate below this probability does not keep that party's receipt a draft.
    pub concern_probability: f32,
}

/// Waiting between tries: `first`, then twice as long each time, up to `longest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Before the second try.
    pub first: TimeDelta,
    /// Between later tries, at most.
    pub longest: TimeDelta,
    /// Tries in all; after the last the amount becomes a debt.
    pub tries_max: u32,
}

impl Config {
    /// The usual choices for a currency: a hold of about 50 euros, a lease of two minutes, ten tries
    /// over about an hour and a half.
    pub fn new(keys: KeyRing, seed: [u8; 32], currency: Currency) -> Self {
        let major = 10_i64.pow(currency.minor_digits());
        let hold_major = if currency == Currency::KRW {
            70_000
        } else {
            50
        };
        Self {
            keys,
            seed,
            hold: Money::new(hold_major * major, currency),
            retry: Retry {
                first: TimeDelta::from_secs(5),
                longest: TimeDelta::from_secs(1_800),
                tries_max: 10,
            },
            lease: TimeDelta::from_secs(120),
            entry_timeout: TimeDelta::from_secs(60),
            concern_probability: 0.01,
        }
    }
}

impl Retry {
    /// How long to wait after so many tries in vain.
    pub fn wait_after(&self, tries: u32) -> TimeDelta {
        let doubled = self
            .first
            .0
            .saturating_mul(1 << tries.saturating_sub(1).min(30));
        TimeDelta(doubled.min(self.longest.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = Retry {
            first: TimeDelta::from_secs(5),
            longest: TimeDelta::from_secs(60),
            tries_max: 10,
        };
        let waits: Vec<_> = (1..=6).map(|n| retry.wait_after(n).0 / 1_000_000).collect();
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        assert_eq!(retry.wait_after(u32::MAX), TimeDelta::from_secs(60));
    }
}
