//! Receipts: what a party took, what it costs, what tax is in it.

use crate::session::CartLine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use walkout_ledger::{Account, Balances};
use walkout_model::money::MoneyError;
use walkout_model::{CustomerId, Gtin, Money, SessionId, Shop, StoreTime};

/// How a receipt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    /// It may still change: the party is in the shop or a review is open. Nothing is captured.
    Draft,
    /// It will not change.
    Final,
}

/// What is left to say of a class of tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxLine {
    /// The class's name.
    pub class: String,
    /// Rate in basis points of the net price.
    pub rate_bp: u32,
    /// What the lines of the class sum to, tax included.
    pub gross: Money,
    /// The tax in it.
    pub tax: Money,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The shop's running number, from 1; only a final receipt has one.
    pub number: Option<u64>,
    /// Whether it may change.
    pub status: ReceiptStatus,
    /// Whose visit.
    pub session: SessionId,
    /// Whose code.
    pub customer: CustomerId,
    /// What the shop calls itself.
    pub shop: String,
    /// When the code was scanned.
    pub entered: StoreTime,
    /// When they left.
    pub left: Option<StoreTime>,
    /// When it became final.
    pub finalised: Option<StoreTime>,
    /// IANA name of the zone to show times in.
    pub time_zone: String,
    /// What was taken, by GTIN.
    pub lines: Vec<CartLine>,
    /// The tax by class.
    pub taxes: Vec<TaxLine>,
    /// Sum of the lines.
    pub total: Money,
    /// What was held on the card at entry.
    pub held: Money,
    /// What was captured so far; the log's copy of a final receipt is older than its capture and
    /// says nothing.
    pub captured: Money,
}

/// The tax contained in an amount that includes it: `gross × rate / (1 + rate)`, rounded half up to
/// the minor unit. Done once per class on its sum, so that a receipt is never more than half a
/// minor unit off per class.
pub fn tax_included(gross: Money, rate_bp: u32) -> Money {
    let rate = i128::from(rate_bp);
    let whole = 10_000 + rate;
    let doubled = 2 * i128::from(gross.minor) * rate;
    let rounded = (doubled + whole).div_euclid(2 * whole);
    // At most `gross`, so it fits.
    let minor = i64::try_from(rounded).unwrap_or(gross.minor);
    Money::new(minor, gross.currency)
}

/// The lines of a cart at the catalogue's prices. A SKU that the catalogue does not know costs
/// nothing: nobody is charged a price that was not on the shelf.
pub(crate) fn cart_lines(
    shop: &Shop,
    balances: &Balances,
    session: SessionId,
) -> Result<Vec<CartLine>, MoneyError> {
    let cart = Account::Cart(session);
    let held = balances.of(&cart).filter(|&(_, units)| units > 0);
    held.map(|(gtin, units)| cart_line(shop, gtin, units))
        .collect()
}

fn cart_line(shop: &Shop, gtin: Gtin, units: i64) -> Result<CartLine, MoneyError> {
    let product = shop.catalogue.find(gtin).map(|sku| &shop.catalogue[sku]);
    let unit_price = product.map_or(Money::new(0, shop.currency), |product| product.price);
    Ok(CartLine {
        gtin,
        name_ko: product.map_or_else(|| gtin.to_string(), |product| product.name_ko.clone()),
        name_en: product.map_or_else(|| gtin.to_string(), |product| product.name_en.clone()),
        units: u32::try_from(units).map_err(|_| MoneyError::Overflow)?,
        unit_price,
        total: unit_price.checked_mul(units)?,
        age_limit: product.and_then(|product| product.age_limit),
    })
}

/// The sum of lines.
pub(crate) fn total(shop: &Shop, lines: &[CartLine]) -> Result<Money, MoneyError> {
    let zero = Money::new(0, shop.currency);
    lines
        .iter()
        .try_fold(zero, |sum, line| sum.checked_add(line.total))
}

/// The tax by class, the classes by name.
pub(crate) fn taxes(shop: &Shop, lines: &[CartLine]) -> Result<Vec<TaxLine>, MoneyError> {
    let mut classes: BTreeMap<(&str, u32), Money> = BTreeMap::new();
    for line in lines {
        let Some(sku) = shop.catalogue.find(line.gtin) else {
            continue;
        };
        let tax = &shop.catalogue[sku].tax;
        let gross = classes
            .entry((&tax.name, tax.rate_bp))
            .or_insert(Money::new(0, shop.currency));
        *gross = gross.checked_add(line.total)?;
    }
    let line = |((class, rate_bp), gross): ((&str, u32), Money)| TaxLine {
        class: class.to_owned(),
        rate_bp,
        gross,
        tax: tax_included(gross, rate_bp),
    };
    Ok(classes.into_iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use walkout_model::Currency;

    fn won(minor: i64) -> Money {
        Money::new(minor, Currency::KRW)
    }

    #[test]
    fn the_tax_in_a_price_is_an_eleventh_at_ten_per_cent() {
        for (gross, tax) in [
            (0, 0),
            (1_100, 100),
            (1_500, 136),
            (5, 0),
            (6, 1),
            (16, 1),
            (17, 2),
        ] {
            assert_eq!(tax_included(won(gross), 1_000), won(tax), "{gross}");
        }
        assert_eq!(tax_included(won(i64::MAX), 0), won(0));
    }

    proptest! {
        #[test]
        fn the_tax_is_within_half_a_unit(gross in 0..=i64::MAX, rate_bp in 0_u32..=10_000) {
            let tax = i128::from(tax_included(won(gross), rate_bp).minor);
            let whole = 10_000 + i128::from(rate_bp);
            let off = 2 * (tax * whole - i128::from(gross) * i128::from(rate_bp));
            prop_assert!(-whole < off && off <= whole);
        }
    }
}
