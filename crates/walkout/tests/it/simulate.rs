//! `walkout simulate`, the whole way from load cells to paid receipts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn simulate(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_walkout"))
        .args(["simulate", "nano", "--preset", "quiet", "--receipts", "4"])
        .args(more)
        .current_dir(folder.join("../../"))
        .output()
        .unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(name: &str) -> (serde_json::Value, String) {
    let folder = scratch(name);
    let report = folder.join("report.json");
    let truth = folder.join("truth.jsonl");
    let output = simulate(
        Path::new(env!("CARGO_MANIFEST_DIR")),
        &[
            "--report",
            report.to_str().unwrap(),
            "--truth",
            truth.to_str().unwrap(),
        ],
    );
    let shown = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}{complaint}");
    let report = std::fs::read_to_string(report).unwrap();
    (
        serde_json::from_str(&report).unwrap(),
        std::fs::read_to_string(truth).unwrap(),
    )
}

#[test]
fn a_day_ends_with_paid_receipts_and_books_that_add_up() {
    let (report, truth) = run("day");
    let books = &report["books"];
    assert_eq!(books["sound"], true);
    assert_eq!(books["skus_out_of_balance"], 0);
    assert_eq!(report["entries"]["opened"], 4);
    assert_eq!(report["entries"]["refused"], 0);
    assert_eq!(report["faults"], 0);
    let receipts = &report["receipts"];
    let count = |name: &str| receipts[name].as_u64().unwrap();
    assert_eq!(count("finals") + count("drafts"), 4);
    assert_eq!(receipts["final_minor"], receipts["captured_minor"]);
    assert_eq!(truth.matches(r#""type":"receipt""#).count(), 4);
    assert!(report["accuracy"]["f1"].as_f64().unwrap() > 0.5);
    // Four who were told rightly leave books that are right to the unit.
    assert_eq!(report["accuracy"]["stock_units_off"], 0);
    assert_eq!(report["stock"]["units_off"], 0);
    assert_eq!(report["stock"]["places_off"], 0);
    assert!(report["stock"]["units"].as_u64().unwrap() > 1_000);
}

#[test]
fn the_same_seed_gives_the_same_receipts_byte_for_byte() {
    let (first, truth) = run("first");
    let (second, again) = run("second");
    assert_eq!(first["receipts"], second["receipts"]);
    assert_eq!(first["counters"], second["counters"]);
    assert_eq!(first["stock"], second["stock"]);
    assert_eq!(truth, again);
}

#[test]
fn a_ledger_that_is_not_empty_is_refused() {
    let folder = scratch("twice");
    let url = format!("sqlite:{}", folder.join("ledger.db").display());
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(simulate(here, &["--ledger", &url]).status.success());
    let second = simulate(here, &["--ledger", &url]);
    assert!(!second.status.success());
    let complaint = String::from_utf8_lossy(&second.stderr);
    assert!(complaint.contains("is not empty"), "{complaint}");
}

#[test]
fn a_scenario_is_played_and_scored_through_the_command_line() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scenario = here.join("../../scenarios/take.scn");
    let scenario = scenario.to_str().unwrap();
    let walkout = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_walkout"))
            .args(args)
            .current_dir(here.join("../../"))
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(walkout(&["simulate", "--scenario", scenario]).contains("sums to zero"));
    let line = walkout(&[
        "bench",
        "accuracy",
        "--scenarios",
        scenario,
        "--engine",
        "walkout",
        "--json",
    ]);
    assert_eq!(line.lines().count(), 1);
    assert!(line.starts_with(r#"{"preset":"scripted","shop":"nano","receipts":"#));
    let table = walkout(&["bench", "accuracy", "--scenarios", scenario, "--errors"]);
    assert!(table.contains("reviews/1000"), "{table}");
}
