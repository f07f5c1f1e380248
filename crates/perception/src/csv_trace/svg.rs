//! The drawing: one strip a shelf, its curve as what lay on all its plates, a band and a figure a step.

use super::{Trace, TraceStep};
use std::fmt::Write as _;

/// Width of a curve, pixels; each column shows the least and the most of its time.
const WIDTH: usize = 1_200;
const STRIP: f64 = 120.0;
const LEFT: f64 = 110.0;
const TOP: f64 = 36.0;
/// Strips at most; shelves with steps come first.
const STRIPS_MAX: usize = 80;

pub(super) fn draw(trace: &Trace, steps: &[TraceStep]) -> String {
    let seconds = |i: Option<&walkout_model::LoadSample>| i.map_or(0.0, |s| trace.seconds(s.t));
    let (from, to) = (
        seconds(trace.samples.first()),
        seconds(trace.samples.last()),
    );
    let span = (to - from).max(1e-3);
    let of_shelf = |i: usize| {
        let (gondola, shelf) = &trace.shelves[i];
        steps
            .iter()
            .filter(move |s| s.gondola == *gondola && s.shelf == *shelf)
    };
    let mut shown: Vec<usize> = (0..trace.shelves.len()).collect();
    shown.sort_by_key(|&i| of_shelf(i).next().is_none());
    shown.truncate(STRIPS_MAX);
    shown.sort_unstable();
    let height = TOP + STRIP * shown.len() as f64 + 24.0;
    let width = LEFT + WIDTH as f64 + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\">{} steps on {} shelves, {from:.1} s to {to:.1} s</text>\n",
        steps.len(),
        trace.shelves.len()
    );
    let x = |t: f64| LEFT + (t - from) / span * (WIDTH as f64 - 1.0);
    let columns = columns(trace, from, span);
    for (strip, &i) in shown.iter().enumerate() {
        let top = TOP + STRIP * strip as f64;
        let bottom = top + STRIP - 14.0;
        let (gondola, shelf) = &trace.shelves[i];
        let column = &columns[i];
        let seen = column.iter().flatten();
        let (low, high) = seen.fold((f32::MAX, f32::MIN), |(l, h), c| (l.min(c.0), h.max(c.1)));
        let (low, high) = if low > high { (0.0, 0.0) } else { (low, high) };
        let range = f64::from(high - low).max(1.0);
        let y = |g: f32| bottom - f64::from(g - low) / range * (STRIP - 34.0);
        let _ = writeln!(
            svg,
            "<text x=\"4\" y=\"{:.0}\">{} / {}</text>\n\
             <text x=\"4\" y=\"{:.0}\" fill=\"#777\">{low:.0} to {high:.0} g</text>",
            top + 44.0,
            escaped(gondola),
            escaped(shelf),
            top + 60.0
        );
        for step in of_shelf(i) {
            let (a, b) = (x(step.t_start), x(step.t_end).max(x(step.t_start) + 1.0));
            let colour = if step.grams < 0.0 { "#d43" } else { "#283" };
            let _ = writeln!(
                svg,
                "<rect x=\"{a:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\" fill-opacity=\"0.15\"/>\n\
                 <text x=\"{b:.1}\" y=\"{:.1}\" fill=\"{colour}\">{:+.1} ± {:.1} g</text>",
                b - a,
                bottom - top,
                top + 11.0,
                step.grams,
                step.sigma
            );
        }
        let mut path = String::new();
        let mut pen_down = false;
        for (k, extent) in column.iter().enumerate() {
            let Some((least, most)) = extent else {
                pen_down = false;
                continue;
            };
            let verb = if pen_down { 'L' } else { 'M' };
            let at = LEFT + k as f64;
            let _ = write!(
                path,
                "{verb}{at:.0} {:.1}L{at:.0} {:.1}",
                y(*least),
                y(*most)
            );
            pen_down = true;
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"#246\" stroke-width=\"1\"/>\n\
             <line x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\" stroke=\"#ccc\"/>",
            LEFT + WIDTH as f64
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// For each shelf and each pixel of time the least and the most of its sum; nothing where no sample
/// came.
fn columns(trace: &Trace, from: f64, span: f64) -> Vec<Vec<Option<(f32, f32)>>> {
    let mut columns = vec![vec![None; WIDTH]; trace.shelves.len()];
    let mut shows: Vec<Option<f32>> = vec![None; trace.plates.len()];
    // Sum, and how many plates have not been heard yet.
    let mut sums: Vec<(f64, usize)> = trace
        .shop
        .layout
        .shelves
        .iter()
        .map(|s| (0.0, s.plates.len()))
        .collect();
    for sample in &trace.samples {
        let plate = sample.plate.usize();
        let Some(shelf) = trace.shop.layout.plates.get(plate).map(|p| p.shelf.usize()) else {
            continue;
        };
        let (Some(shown), Some(sum)) = (shows.get_mut(plate), sums.get_mut(shelf)) else {
            continue;
        };
        match shown.replace(sample.grams) {
            Some(before) => sum.0 += f64::from(sample.grams - before),
            None => *sum = (sum.0 + f64::from(sample.grams), sum.1.saturating_sub(1)),
        }
        if sum.1 > 0 {
            continue;
        }
        let share = (trace.seconds(sample.t) - from) / span;
        let at = (share * (WIDTH as f64 - 1.0)).round() as usize;
        if let Some(extent) = columns.get_mut(shelf).and_then(|c| c.get_mut(at)) {
            let value = sum.0 as f32;
            let (least, most) = extent.unwrap_or((value, value));
            *extent = Some((least.min(value), most.max(value)));
        }
    }
    columns
}

fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars().take(60) {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
