//! `catalogue.csv`: what the shop sells.

use super::layout::Head;
use super::mistake::{Report, did_you_mean, shown};
use super::rows::{self, Row};
use super::tables::Bounds;
use crate::{Catalogue, Currency, Gtin, Mass, Money, Product, TaxClass};
use std::collections::BTreeMap;

/// The columns.
pub(super) const COLUMNS: [&str; 12] = [
    "gtin",
    "name_ko",
    "name_en",
    "price",
    "tax",
    "mass_g",
    "mass_sd_g",
    "width_mm",
    "depth_mm",
    "height_mm",
    "case_pack",
    "age_limit",
];

/// The dearest unit, minor units.
const PRICE_MAX: i64 = 1_000_000_000_000;
/// The heaviest unit, grams.
const MASS_MAX_G: f64 = 100_000.0;

/// What `catalogue.csv` says.
#[derive(Debug, Default)]
pub(super) struct Goods {
    pub(super) catalogue: Catalogue,
    /// Every GTIN that is listed and the line it is on, those with other mistakes too.
    pub(super) lines: BTreeMap<Gtin, usize>,
    /// Whether some row's GTIN could not be read, or the whole file could not.
    pub(super) unsure: bool,
}

/// Reads the file. Without a `head`, tax classes and prices cannot be checked.
pub(super) fn read(text: &str, head: Option<&Head>, report: &Report<'_>) -> Goods {
    let mut goods = Goods::default();
    let mut products = Vec::new();
    let mut rows_seen = 0;
    let whole = rows::read(text, &COLUMNS, report, |row| {
        rows_seen += 1;
        let gtin = gtin(row);
        match gtin {
            None => goods.unsure = true,
            Some(gtin) => {
                let line = report.line_of(row.byte);
                if let Some(first) = goods.lines.get(&gtin) {
                    row.wrong(
                        "gtin",
                        format!("{gtin} is listed already, in line {first}"),
                        "remove one of the two rows",
                    );
                } else {
                    goods.lines.insert(gtin, line);
                }
            }
        }
        products.extend(product(row, gtin, head));
    });
    goods.unsure |= !whole;
    if whole && rows_seen == 0 {
        report.file("lists no goods", "add a row for each SKU");
    }
    goods.catalogue = Catalogue::new(products);
    goods
}

fn gtin(row: &Row<'_>) -> Option<Gtin> {
    match row.get("gtin").parse::<Gtin>() {
        Ok(gtin) => Some(gtin),
        Err(crate::gtin::GtinError::CheckDigit { text, expected }) => {
            row.wrong(
                "gtin",
                format!("\"{text}\" has a wrong check digit"),
                format!("its last digit must be {expected}, or another digit is mistyped"),
            );
            None
        }
        Err(crate::gtin::GtinError::Shape(text)) => {
            row.wrong(
                "gtin",
                format!("\"{}\" is not a GTIN", shown(&text)),
                "write the 8, 12, 13 or 14 digits under the bar code",
            );
            None
        }
    }
}

fn product(row: &Row<'_>, gtin: Option<Gtin>, head: Option<&Head>) -> Option<Product> {
    let name_ko = name(row, "name_ko");
    let name_en = name(row, "name_en");
    let price = price(row, head);
    let tax = tax(row, head);
    let mass = row.number("mass_g", Bounds::positive(MASS_MAX_G));
    let sd = row.number("mass_sd_g", Bounds::within(0.0, MASS_MAX_G));
    if let (Some(mass), Some(sd)) = (mass, sd)
        && sd > mass / 2.0
    {
        row.wrong(
            "mass_sd_g",
            format!("units of {mass} g cannot spread by {sd} g"),
            "write the standard deviation of one unit's mass in grams",
        );
    }
    let sizes = ["width_mm", "depth_mm", "height_mm"].map(|c| row.whole(c, 1, 5_000));
    let case_pack = row.whole("case_pack", 1, 10_000);
    let age_limit = if row.get("age_limit").is_empty() {
        Some(None)
    } else {
        row.whole("age_limit", 1, 99)
            .and_then(|age| u8::try_from(age).ok())
            .map(Some)
    };
    let [width, depth, height] = sizes;
    Some(Product {
        gtin: gtin?,
        name_ko: name_ko?,
        name_en: name_en?,
        price: price?,
        tax: tax?,
        unit_mass: Mass::from_grams(mass?)?,
        unit_mass_sd: Mass::from_grams(sd?)?,
        size_mm: [width?, depth?, height?],
        case_pack: case_pack?,
        age_limit: age_limit?,
    })
}

fn name(row: &Row<'_>, column: &'static str) -> Option<String> {
    let text = row.get(column);
    if text.is_empty() || text.chars().nth(200).is_some() || text.chars().any(char::is_control) {
        row.wrong(
            column,
            format!("{column} is empty, too long or has control characters"),
            "write 1 to 200 printable characters",
        );
        return None;
    }
    Some(text.to_owned())
}

fn price(row: &Row<'_>, head: Option<&Head>) -> Option<Money> {
    let currency = head?.currency?;
    let text = row.get("price");
    let minor = minor_units(text, currency).filter(|p| (1..=PRICE_MAX).contains(p));
    if minor.is_none() {
        let like = match currency.minor_digits() {
            0 => "1200".to_owned(),
            n => format!("3.{}", "40000".get(..n as usize).unwrap_or("40")),
        };
        row.wrong(
            "price",
            format!("\"{}\" is not a price in {currency}", shown(text)),
            format!("write the price with tax in figures, as {like}"),
        );
    }
    minor.map(|minor| Money::new(minor, currency))
}

/// The minor units of a price that has exactly the decimals of its currency.
fn minor_units(text: &str, currency: Currency) -> Option<i64> {
    let digits = currency.minor_digits() as usize;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |s: &str| s.len() <= 12 && s.bytes().all(|b| b.is_ascii_digit());
    let shape = !whole.is_empty() && plain(whole) && plain(fraction) && fraction.len() == digits;
    let dot = text.contains('.') == (digits > 0);
    (shape && dot).then(|| format!("{whole}{fraction}").parse().ok())?
}

fn tax(row: &Row<'_>, head: Option<&Head>) -> Option<TaxClass> {
    let taxes = &head?.taxes;
    let name = row.get("tax");
    if let Some(class) = taxes.get(name) {
        return Some(class.clone());
    }
    row.wrong(
        "tax",
        format!("there is no tax class \"{}\"", shown(name)),
        format!(
            "add a [[tax]] to shop.toml, or use one of {}{}",
            taxes.keys().cloned().collect::<Vec<_>>().join(", "),
            did_you_mean(name, taxes.keys().map(String::as_str))
        ),
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_have_the_decimals_of_their_currency() {
        let eur = Currency::EUR;
        assert_eq!(minor_units("3.40", eur), Some(340));
        for bad in ["3", "3.4", "3.400", "3,40", "-3.40", ".40", "3.", "1e2", ""] {
            assert_eq!(minor_units(bad, eur), None, "{bad}");
        }
        assert_eq!(minor_units("1200", Currency::KRW), Some(1200));
        for bad in ["1200.", "1200.0", "1,200", "₩1200"] {
            assert_eq!(minor_units(bad, Currency::KRW), None, "{bad}");
        }
    }
}
