//! Figures as a table for people and as JSON lines for programs.

use crate::baselines::Engine;
use crate::score::Score;
use serde::Serialize;
use std::fmt::Write as _;

/// One line of `walkout bench accuracy --json`. The fields up to `ece` keep their names and order;
/// what is added comes after them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Preset, or `scripted` for a folder of scenarios.
    pub preset: String,
    /// The shop.
    pub shop: String,
    /// Parties that left.
    pub receipts: usize,
    /// Mean of per-case F1, without any human.
    pub f1: f64,
    /// Share of receipts equal to the truth after review.
    pub receipts_perfect: f64,
    /// Σ |charged − true| / Σ true after review.
    pub money_error: f64,
    /// Receipts with a unit that the party did not leave with, after review, per 1,000.
    pub false_charges_per_1000: f64,
    /// Questions put to a human, per 1,000 receipts; one may settle several movements.
    pub reviews_per_1000: f64,
    /// Expected calibration error of accepted movements.
    pub ece: f64,
    /// Whose inference it is.
    pub engine: String,
    /// Cases that F1 is the mean of.
    pub cases: usize,
    /// Share of charged units that were right, without any human.
    pub precision: f64,
    /// Share of true units that were charged rightly, without any human.
    pub recall: f64,
    /// Share of receipts equal to the truth with the best guess wherever a human was asked.
    pub receipts_perfect_unaided: f64,
    /// Σ |charged − true| / Σ true with the best guess wherever a human was asked.
    pub money_error_unaided: f64,
    /// Σ (charged − true) / Σ true after review: negative when the shop loses.
    pub money_bias: f64,
    /// Share of reviews that offered the right answer.
    pub reviews_answerable: f64,
    /// Movements that such questions are about, per 1,000 receipts.
    pub in_doubt_per_1000: f64,
    /// Accepted movements.
    pub movements: usize,
    /// Units believed wrongly on the shelves at the end.
    pub stock_units_off: u64,
    /// Share of places (shelf, product) that saw goods move and are believed wrongly at the end.
    pub stock_places_off: f64,
    /// Parties that left without their exit being seen.
    pub exits_missed: usize,
    /// The first seed.
    pub seed: u64,
    /// Runs.
    pub runs: usize,
    /// Senses that did not err: with any, the figures are no shop's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flawless: Vec<&'static str>,
}

impl Row {
    /// A score under its labels.
    pub fn new(
        engine: Engine,
        preset: &str,
        shop: &str,
        seed: u64,
        runs: usize,
        score: &Score,
    ) -> Self {
        let units = score.units;
        let share = |n: u32, of: u32| f64::from(n) / f64::from(of.max(1));
        Self {
            preset: preset.to_owned(),
            shop: shop.to_owned(),
            receipts: score.receipts,
            f1: round(score.f1()),
            receipts_perfect: round(score.share(score.reviewed.perfect)),
            money_error: round(score.reviewed.money_error()),
            false_charges_per_1000: round(score.per_1000(score.reviewed.false_charges)),
            reviews_per_1000: round(score.per_1000(score.reviews)),
            ece: round(score.ece()),
            engine: engine.to_string(),
            cases: score.cases,
            precision: round(share(units.right, units.right + units.extra)),
            recall: round(share(units.right, units.right + units.missing)),
            receipts_perfect_unaided: round(score.share(score.unaided.perfect)),
            money_error_unaided: round(score.unaided.money_error()),
            money_bias: round(score.reviewed.money_bias()),
            reviews_answerable: round(
                score.reviews_answerable as f64 / score.reviews.max(1) as f64,
            ),
            in_doubt_per_1000: round(score.per_1000(score.in_doubt)),
            movements: score.predictions.len(),
            stock_units_off: score.stock_units_off,
            stock_places_off: round(
                score.stock_places_off as f64 / score.stock_places.max(1) as f64,
            ),
            exits_missed: score.exits_missed,
            seed,
            runs,
            flawless: Vec::new(),
        }
    }
}

/// To five decimals: beyond that a figure says nothing.
fn round(x: f64) -> f64 {
    (x * 1e5).round() / 1e5
}

type Column = (&'static str, fn(&Row) -> String);

const COLUMNS: &[Column] = &[
    ("preset", |r| r.preset.clone()),
    ("shop", |r| r.shop.clone()),
    ("engine", |r| r.engine.clone()),
    ("cases", |r| r.cases.to_string()),
    ("receipts", |r| r.receipts.to_string()),
    ("F1", |r| format!("{:.4}", r.f1)),
    ("precision", |r| format!("{:.4}", r.precision)),
    ("recall", |r| format!("{:.4}", r.recall)),
    ("perfect", |r| format!("{:.4}", r.receipts_perfect)),
    ("unaided", |r| format!("{:.4}", r.receipts_perfect_unaided)),
    ("money err", |r| format!("{:.4}", r.money_error)),
    ("false/1000", |r| format!("{:.1}", r.false_charges_per_1000)),
    ("reviews/1000", |r| format!("{:.1}", r.reviews_per_1000)),
    ("in doubt", |r| format!("{:.1}", r.in_doubt_per_1000)),
    ("ECE", |r| format!("{:.4}", r.ece)),
    ("stock off", |r| format!("{:.4}", r.stock_places_off)),
];

/// The rows as a table, text to the left and numbers to the right.
pub fn table(rows: &[Row]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| COLUMNS.iter().map(|(_, cell)| cell(row)).collect())
        .collect();
    let mut text = String::new();
    let mut line = |values: Vec<&str>| {
        for (i, value) in values.iter().enumerate() {
            let width = cells
                .iter()
                .map(|row| row[i].chars().count())
                .chain([COLUMNS[i].0.chars().count()])
                .max()
                .unwrap_or(0);
            let _ = if i < 3 {
                write!(text, "{value:<width$}  ")
            } else {
                write!(text, "{value:>width$}  ")
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    };
    line(COLUMNS.iter().map(|(name, _)| *name).collect());
    for row in &cells {
        line(row.iter().map(String::as_str).collect());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_fields_come_first_and_in_order() {
        let row = Row::new(Engine::Walkout, "quiet", "nano", 1, 1, &Score::default());
        let json = serde_json::to_string(&row).unwrap();
        let promised = [
            "preset",
            "shop",
            "receipts",
            "f1",
            "receipts_perfect",
            "money_error",
            "false_charges_per_1000",
            "reviews_per_1000",
            "ece",
        ];
        let mut rest = json.as_str();
        for (i, name) in promised.iter().enumerate() {
            let at = rest.find(&format!("\"{name}\":")).unwrap();
            assert!(i > 0 || at == 1, "{json}");
            assert_eq!(
                rest[..at].matches(':').count(),
                usize::from(i > 0),
                "{json}"
            );
            rest = &rest[at..];
        }
    }
}
