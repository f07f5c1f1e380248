//! Units by account and SKU.

use crate::{Account, Movement};
use std::collections::BTreeMap;
use walkout_model::Gtin;

/// How many units of which SKU each account holds. Accounts and SKUs that hold none are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    units: BTreeMap<Account, BTreeMap<Gtin, i64>>,
}

impl Balances {
    /// Units of a SKU in an account.
    pub fn get(&self, account: &Account, sku: Gtin) -> i64 {
        self.units
            .get(account)
            .and_then(|skus| skus.get(&sku))
            .copied()
            .unwrap_or(0)
    }

    /// What an account holds, by SKU.
    pub fn of(&self, account: &Account) -> impl Iterator<Item = (Gtin, i64)> + '_ {
        self.units
            .get(account)
            .into_iter()
            .flatten()
            .map(|(sku, units)| (*sku, *units))
    }

    /// Everything, by account, then SKU.
    pub fn iter(&self) -> impl Iterator<Item = (&Account, Gtin, i64)> + '_ {
        self.units.iter().flat_map(|(account, skus)| {
            skus.iter().map(move |(sku, units)| (account, *sku, *units))
        })
    }

    /// The sum over all accounts of each SKU that any account holds; zero for each, or the books are
    /// wrong.
    pub fn sums(&self) -> BTreeMap<Gtin, i64> {
        let mut sums = BTreeMap::new();
        for (_, sku, units) in self.iter() {
            *sums.entry(sku).or_insert(0) += units;
        }
        sums
    }

    /// Applies a movement. Views that follow the log keep their own balances with it.
    pub fn apply(&mut self, movement: &Movement) {
        let units = i64::from(movement.units);
        self.add(&movement.from, movement.sku, -units);
        self.add(&movement.to, movement.sku, units);
    }

    /// Adds units to an account. Panics beyond ±2⁶³, which 10¹² movements of the most units allowed
    /// do not reach: wrong stock would be worse.
    pub(crate) fn add(&mut self, account: &Account, sku: Gtin, units: i64) {
        if !self.units.contains_key(account) {
            self.units.insert(account.clone(), BTreeMap::new());
        }
        let Some(skus) = self.units.get_mut(account) else {
            return;
        };
        let sum = skus.get(&sku).copied().unwrap_or(0).checked_add(units);
        assert!(sum.is_some(), "{account} holds too many of {sku} to count");
        match sum {
            Some(0) | None => {
                skus.remove(&sku);
                if skus.is_empty() {
                    self.units.remove(account);
                }
            }
            Some(sum) => {
                skus.insert(sku, sum);
            }
        }
    }
}
