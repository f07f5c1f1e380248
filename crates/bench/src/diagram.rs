//! Reliability diagrams as SVG: of all that was said with some probability, how much was right.

use crate::accuracy::Measured;
use crate::calibration::{expected_calibration_error, reliability};
use std::fmt::Write as _;

/// Side of a panel's square, pixels.
const SIDE: f64 = 260.0;
/// Height of the strip of counts below it.
const STRIP: f64 = 46.0;
/// Room to the left of a panel and above it.
const LEFT: f64 = 46.0;
const TOP: f64 = 40.0;
/// A panel with its margins.
const WIDTH: f64 = LEFT + SIDE + 24.0;
const HEIGHT: f64 = TOP + SIDE + STRIP + 46.0;

/// One panel for each measured line, a row a preset. In a panel: the share that was right against
/// the mean probability of each bin with its 95 % interval (Wilson), the diagonal on which honest
/// probabilities lie, and the bins' counts below, on a logarithmic scale.
pub fn svg(measured: &[Measured]) -> String {
    let mut rows: Vec<Vec<&Measured>> = Vec::new();
    for m in measured {
        let same = |row: &&mut Vec<&Measured>| {
            row.first().is_some_and(|first| {
                (&first.row.preset, &first.row.shop) == (&m.row.preset, &m.row.shop)
            })
        };
        match rows.last_mut().filter(same) {
            Some(row) => row.push(m),
            None => rows.push(vec![m]),
        }
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let (width, height) = (columns as f64 * WIDTH, rows.len() as f64 * HEIGHT);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (r, row) in rows.iter().enumerate() {
        for (c, m) in row.iter().enumerate() {
            let (x, y) = (c as f64 * WIDTH + LEFT, r as f64 * HEIGHT + TOP);
            let _ = writeln!(text, "<g transform=\"translate({x:.0} {y:.0})\">");
            panel(&mut text, m);
            text.push_str("</g>\n");
        }
    }
    text.push_str("</svg>\n");
    text
}

fn panel(text: &mut String, m: &Measured) {
    let predictions = &m.score.predictions;
    let bins = reliability(predictions);
    let _ = writeln!(
        text,
        "<text y=\"-22\" font-size=\"13\" font-weight=\"bold\">{} · {} · {}</text>\n\
         <text y=\"-7\">{} movements, ECE {:.4}</text>\n\
         <rect width=\"{SIDE}\" height=\"{SIDE}\" fill=\"#fafafa\" stroke=\"#888\"/>\n\
         <path d=\"M0 {SIDE} L{SIDE} 0\" stroke=\"#999\" stroke-dasharray=\"4 3\"/>",
        m.row.preset,
        m.row.shop,
        m.row.engine,
        predictions.len(),
        expected_calibration_error(predictions),
    );
    for tick in 0..=5 {
        let share = f64::from(tick) / 5.0;
        let (x, y) = (share * SIDE, (1.0 - share) * SIDE);
        let below = SIDE + STRIP + 14.0;
        let _ = writeln!(
            text,
            "<text x=\"-6\" y=\"{:.1}\" text-anchor=\"end\">{share:.1}</text>\n\
             <text x=\"{x:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">{share:.1}</text>",
            y + 4.0,
        );
    }
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1) as f64;
    let step = SIDE / bins.len() as f64;
    for (i, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        let (low, high) = bin.interval();
        let (x, y) = (bin.probability * SIDE, (1.0 - bin.right) * SIDE);
        let tall = (STRIP - 12.0) * (1.0 + bin.count as f64).ln() / (1.0 + most).ln();
        let left = i as f64 * step;
        let _ = writeln!(
            text,
            "<path d=\"M{x:.1} {:.1} V{:.1}\" stroke=\"#36c\"/>\n\
             <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#36c\"><title>{} said {:.3}, right {:.3} \
             ({low:.3}–{high:.3})</title></circle>\n\
             <rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" fill=\"#9bd\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"7\">{}</text>",
            (1.0 - low) * SIDE,
            (1.0 - high) * SIDE,
            bin.count,
            bin.probability,
            bin.right,
            SIDE + STRIP - tall,
            step - 1.0,
            left + step / 2.0,
            SIDE + STRIP - tall - 2.0,
            bin.count,
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">probability said; below it, how many</text>\n\
         <text transform=\"translate(-30 {:.0}) rotate(-90)\" text-anchor=\"middle\">share that was right</text>",
        SIDE / 2.0,
        SIDE + STRIP + 30.0,
        SIDE / 2.0,
    );
}
