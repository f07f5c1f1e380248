//! Somebody's own trace as CSV.

use super::trace::{Noise, press, ramp, ring};
use crate::csv_trace::Trace;
use proptest::prelude::*;
use std::fmt::Write as _;

/// A minute like the published one: five whole-shelf scales, five takes, bursts on all shelves.
fn published_like() -> String {
    let takes = [
        (8.0, 0, 326.0),
        (17.0, 2, 709.0),
        (27.0, 1, 394.0),
        (38.0, 4, 412.0),
        (50.0, 3, 466.0),
    ];
    let mut noise = Noise(5);
    let mut text = String::from("gondola,shelf,plate,timestamp,grams\n");
    for k in 0..60 * 62_u32 {
        let t = f64::from(k) / 60.0;
        // Somebody bumps the rack: all shelves at once.
        let burst = [23.0, 45.0]
            .iter()
            .map(|at| {
                if (*at..at + 1.5).contains(&t) {
                    60.0 * (-(t - at)).exp()
                } else {
                    0.0
                }
            })
            .sum::<f64>();
        for shelf in 0..5_usize {
            let hz = 4.0 + 0.4 * shelf as f64;
            let mut grams = 9_000.0
                + 100.0 * shelf as f64
                + 1.9 * noise.normal()
                + burst * (std::f64::consts::TAU * hz * t).sin();
            for (at, of, mass) in takes {
                if of == shelf {
                    grams += 240.0 * press(t, at - 1.1, 1.0) - mass * ramp(t, at)
                        + 24.0 * ring(t, at + 0.1);
                }
            }
            let _ = writeln!(text, "R1,{},,{t:.4},{grams:.1}", shelf + 1);
        }
    }
    text
}

#[test]
fn five_takes_of_a_minute_are_found_on_whole_shelves() {
    let steps = Trace::parse(&published_like()).unwrap().steps();
    let brief: Vec<(String, i64, bool)> = steps
        .iter()
        .map(|s| (s.shelf.clone(), s.grams.round() as i64, s.plates.is_empty()))
        .collect();
    let near = |grams: i64, shelf: &str, mass: i64| {
        brief
            .iter()
            .any(|b| b.0 == shelf && (b.1 + mass).abs() <= 6 && b.2)
            && grams < 0
    };
    assert_eq!(steps.len(), 5, "{brief:?}");
    for (shelf, mass) in [("1", 326), ("3", 709), ("2", 394), ("5", 412), ("4", 466)] {
        assert!(near(-mass, shelf, mass), "{shelf}: {brief:?}");
    }
}

#[test]
fn order_of_rows_and_columns_does_not_matter() {
    let text = published_like();
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.reverse();
    let turned: Vec<String> = rows
        .iter()
        .map(|r| r.split(',').rev().collect::<Vec<_>>().join(","))
        .collect();
    let other = format!(
        "\u{feff}Grams,\"timestamp\",plate,shelf,gondola\r\n{}\r\n",
        turned.join("\r\n")
    );
    let (a, b) = (Trace::parse(&text).unwrap(), Trace::parse(&other).unwrap());
    assert_eq!(a.steps(), b.steps());
    assert_eq!(a.svg(), b.svg());
}

#[test]
fn plates_are_named_left_to_right_and_gaps_and_slow_cells_are_borne() {
    let mut text = String::from("timestamp,grams,gondola,shelf,plate,remark\n");
    // Ten samples a second, half a minute missing.
    for k in (0..200).chain(500..700) {
        let t = 1.7e9 + 0.1 * f64::from(k);
        for plate in 9..12 {
            let taken = if plate > 9 && k >= 620 { 120.0 } else { 0.0 };
            let wobble = f64::from((k * 7 + plate * 3) % 5) - 2.0;
            let _ = writeln!(
                text,
                "{t:.3},{},A,low,P{plate},",
                900.0 - taken + 0.3 * wobble
            );
        }
    }
    let steps = Trace::parse(&text).unwrap().steps();
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert_eq!(steps[0].plates, ["P10", "P11"]);
    assert!((steps[0].grams + 240.0).abs() < 2.0);
    assert!((steps[0].t_end - 1.7e9 - 62.0).abs() < 1.5, "{steps:?}");
}

#[test]
fn mistakes_are_named_with_their_line_and_remedy() {
    let said = |text: &str| Trace::parse(text).unwrap_err().to_string();
    for (text, parts) in [
        ("", ["line 1", "empty"]),
        ("timestamp,grams,shelf,plate\n", ["line 1", "\"gondola\""]),
        (
            "timestamp,grams,gondola,shelf,plate,grams\n",
            ["line 1", "twice"],
        ),
        (
            "timestamp,grams,gondola,shelf,plate\n",
            ["line 1", "no sample"],
        ),
        (
            "timestamp,grams,gondola,shelf,plate\n0,1,A,1,\n1,x,A,1,\n",
            ["line 3", "\"x\""],
        ),
        (
            "timestamp,grams,gondola,shelf,plate\n\n0,NaN,A,1,\n",
            ["line 3", "leave the row out"],
        ),
        (
            "timestamp,grams,gondola,shelf,plate\n0,inf,A,1,\n",
            ["line 2", "leave the row out"],
        ),
        (
            "timestamp,grams,gondola,shelf,plate\n1e18,1,A,1,\n",
            ["line 2", "in seconds"],
        ),
        (
            "timestamp,grams,gondola,shelf,plate\n0,1,A\n",
            ["line 2", "column 4"],
        ),
        (
            "timestamp,grams,gondola,shelf,plate\n0,1,,1,\n",
            ["line 2", "gondola is empty"],
        ),
        (
            "timestamp,grams,gondola,shelf,plate\n0,1,A,1,\n0,1,A,1,P1\n",
            ["line 3", "in none"],
        ),
    ] {
        let said = said(text);
        assert!(parts.iter().all(|p| said.contains(p)), "{text:?}: {said}");
    }
}

/// Two takes from a shelf that is one scale, rows as `row` writes them.
fn two_takes(row: impl Fn(f64, f64) -> String) -> String {
    let mut noise = Noise(3);
    (0..60 * 30_u32)
        .map(|k| {
            let t = f64::from(k) / 60.0;
            let grams = 4_000.0 - 250.0 * ramp(t, 10.0) - 410.0 * ramp(t, 20.0) + noise.normal();
            row(t, grams)
        })
        .collect()
}

fn grams_of(text: &str) -> Vec<i64> {
    let steps = Trace::parse(text).unwrap().steps();
    steps.iter().map(|s| s.grams.round() as i64).collect()
}

fn are_the_two(grams: &[i64]) -> bool {
    matches!(grams, [a, b] if (a + 250).abs() <= 3 && (b + 410).abs() <= 3)
}

#[test]
fn every_row_twice_is_every_row_once() {
    let header = "timestamp,grams,gondola,shelf,plate\n";
    let once = two_takes(|t, grams| format!("{t:.4},{grams:.1},A,1,\n"));
    let twice = two_takes(|t, grams| format!("{t:.4},{grams:.1},A,1,\n").repeat(2));
    let (once, twice) = (format!("{header}{once}"), format!("{header}{twice}"));
    assert!(are_the_two(&grams_of(&once)), "{:?}", grams_of(&once));
    assert_eq!(grams_of(&once), grams_of(&twice));
}

#[test]
fn readings_that_contradict_each_other_at_an_instant_do_no_harm() {
    let rows = two_takes(|t, grams| {
        let other = grams + 0.4;
        format!("{t:.4},{grams:.1},A,1,\n{t:.4},{other:.1},A,1,\n")
    });
    let grams = grams_of(&format!("timestamp,grams,gondola,shelf,plate\n{rows}"));
    assert!(are_the_two(&grams), "{grams:?}");
}

#[test]
fn a_wild_reading_is_no_step() {
    // A converter that hiccups: one sample of 90 tonnes, one far below nothing.
    let rows = two_takes(|t, grams| {
        let grams = match (t * 60.0).round() as u32 {
            300 => 9e7,
            900 => -9e7,
            _ => grams,
        };
        format!("{t:.4},{grams:.1},A,1,\n")
    });
    let grams = grams_of(&format!("timestamp,grams,gondola,shelf,plate\n{rows}"));
    assert!(are_the_two(&grams), "{grams:?}");
}

#[test]
fn spreadsheets_quotes_and_separators_are_read() {
    let plain =
        two_takes(|t, grams| format!("{t:.4},{grams:.1},\"Rack 1, left\",\"the \"\"top\"\"\",\n"));
    let text = format!("timestamp,grams,gondola,shelf,plate\r\n{plain}").replace('\n', "\r\n");
    let steps = Trace::parse(&text).unwrap().steps();
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert_eq!(steps[0].gondola, "Rack 1, left");
    assert_eq!(steps[0].shelf, "the \"top\"");
    for separator in [';', '\t'] {
        let rows = two_takes(|t, grams| format!("{t:.4},{grams:.1},A,1,\n"));
        let text = format!("timestamp,grams,gondola,shelf,plate\n{rows}")
            .replace(',', &separator.to_string());
        assert!(are_the_two(&grams_of(&text)));
    }
}

#[test]
fn one_sample_is_no_step() {
    let trace = Trace::parse("timestamp,grams,gondola,shelf,plate\n5,100,A,1,\n").unwrap();
    assert_eq!(trace.steps(), []);
    assert!(trace.svg().ends_with("</svg>\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the text is: steps or an error with its line.
    #[test]
    fn no_text_panics(rows in prop::collection::vec(
        (prop_oneof![-1e11_f64..1e11, 0.0_f64..5.0, Just(f64::NAN), Just(3.0)],
         prop_oneof![-1e8_f64..1e8, 0.0_f64..900.0, Just(f64::INFINITY)],
         "[A-C,\"<]{0,2}", 0_u8..3, "[P1-3]{0,2}"), 0..60), garbage in "\\PC{0,40}") {
        let mut text = String::from("timestamp,grams,gondola,shelf,plate\n");
        for (t, grams, gondola, shelf, plate) in &rows {
            let _ = writeln!(text, "{t},{grams},{gondola},{shelf},{plate}");
        }
        for text in [text.clone(), garbage.clone(), text + &garbage] {
            if let Ok(trace) = Trace::parse(&text) {
                prop_assert!(trace.steps().iter().all(|s| s.grams.is_finite() && s.sigma.is_finite()));
                prop_assert!(trace.svg().contains("</svg>"));
            }
        }
    }

    /// Rows that are all in order of form: any times, twice the same, far apart.
    #[test]
    fn no_times_panic(rows in prop::collection::vec(
        (prop_oneof![-1e10_f64..1e10, 0.0_f64..20.0, Just(3.0)], -1e7_f64..1e7, 0_u8..4), 1..80)) {
        let mut text = String::from("timestamp,grams,gondola,shelf,plate\n");
        for (t, grams, plate) in &rows {
            let _ = writeln!(text, "{t},{grams},A,1,P{plate}");
        }
        let trace = Trace::parse(&text).unwrap();
        prop_assert!(trace.steps().iter().all(|s| s.t_start <= s.t_end));
        prop_assert!(trace.svg().contains("</svg>"));
    }
}
