//! The estimators see what devices send and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use walkout_testkit::root;

const ESTIMATORS: &[&str] = &["walkout-perception", "walkout-fusion"];
/// Who knows the truth: the one writes it, the other reads it.
const KNOWING: &[&str] = &["walkout-simulator", "walkout-bench"];

/// Every package of the workspace with the packages that it and its tests use.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |v: &serde_json::Value| v["name"].as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let uses = package["dependencies"].as_array().unwrap();
            (name(package), uses.iter().map(name).collect())
        })
        .collect()
}

fn reach<'a>(from: &'a str, uses: &'a BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(package) = open.pop() {
        for used in uses.get(package).into_iter().flatten() {
            if reached.insert(used) {
                open.push(used);
            }
        }
    }
    reached
}

#[test]
fn no_path_of_crates_leads_from_the_estimators_to_the_truth() {
    let uses = uses();
    for estimator in ESTIMATORS {
        let reached = reach(estimator, &uses);
        assert!(reached.contains("walkout-model"), "the graph was not read");
        for knowing in KNOWING {
            assert!(!reached.contains(knowing), "{estimator} reaches {knowing}");
        }
    }
}

#[test]
fn the_truth_is_drained_and_read_only_where_it_may_be() {
    // The hall's headless run scores its own outcome, through the scorer.
    let allowed = [
        "crates/simulator/",
        "crates/bench/",
        "crates/walkout/src/simulate",
    ];
    let mut drained = BTreeSet::new();
    for (path, text) in sources("crates") {
        let knows = ["drain_truth", "Truth::parse", "walkout_bench::truth"]
            .iter()
            .any(|word| text.contains(word));
        if knows {
            assert!(
                allowed.iter().any(|prefix| path.starts_with(prefix)),
                "{path} reaches for the truth"
            );
            drained.insert(path);
        }
    }
    assert!(
        drained.contains("crates/simulator/src/lib.rs"),
        "{drained:?}"
    );
}

#[test]
fn what_cameras_are_drawn_from_is_named_only_where_it_may_be() {
    let allowed = [
        "crates/simulator/",
        "crates/bench/",
        "crates/walkout/src/bench",
        "crates/walkout/src/render",
        "crates/walkout/src/simulate",
        // Draws what it shows to the watchdog of cameras.
        "crates/walkout/tests/it/watch.rs",
        // Stands in for the cameras of an open shop.
        "crates/walkout/tests/it/rendered.rs",
        // Takes a shelf camera's pictures.
        "crates/walkout/tests/it/shelves.rs",
    ];
    let mut named = BTreeSet::new();
    for (path, text) in sources("crates") {
        if text.contains("walkout_simulator::render") {
            assert!(
                allowed.iter().any(|prefix| path.starts_with(prefix)),
                "{path} reaches for what the cameras are drawn from"
            );
            named.insert(path);
        }
    }
    assert!(named.contains("crates/walkout/src/render.rs"), "{named:?}");
}

#[test]
fn the_simulator_shows_nothing_of_its_world_but_the_truths_text() {
    let text = std::fs::read_to_string(root().join("crates/simulator/src/lib.rs")).unwrap();
    assert!(text.contains("pub fn drain_truth(&mut self) -> String"));
    assert!(text.contains("pub fn people_truth(&self) -> String"));
    for line in text.lines().map(str::trim) {
        // What the cameras see is typed, and guarded by where it is named (decision 0006).
        if line != "pub mod render;" {
            assert!(!line.starts_with("pub mod "), "a public module: {line}");
        }
    }
    let exported = text
        .split("pub use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .flat_map(|item| item.rsplit("::").next().unwrap_or(item).split(','))
        .map(|name| {
            name.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        });
    for name in exported {
        for hidden in [
            "truth", "scene", "world", "body", "hand", "person", "goods", "unit",
        ] {
            assert!(!name.contains(hidden), "the simulator exports {name}");
        }
    }
}

#[test]
fn the_estimators_do_no_input_of_their_own() {
    for crate_name in ["perception", "fusion"] {
        for (path, text) in sources(&format!("crates/{crate_name}/src")) {
            // Unit tests read networks that are lent to them.
            if path.ends_with("/tests.rs") {
                continue;
            }
            // What ships with the code is no input.
            let mut text = text;
            for shipped in [
                "include_bytes!(\"../../../../models/hands.bin\")",
                "include_str!(\"../../../../models/hands.example\")",
                "include_bytes!(\"../../../../models/handing.bin\")",
                "include_str!(\"../../../../models/handing.example\")",
            ] {
                text = text.replace(shipped, "");
            }
            for door in [
                "std::fs",
                "std::env",
                "std::net",
                "std::process",
                "include_str",
                "include_bytes",
            ] {
                assert!(!text.contains(door), "{path} uses {door}");
            }
        }
    }
}

/// Every Rust file under a folder, by its path from the root, tests of this file excepted.
fn sources(under: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(under)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push((shown(&path), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources under {under}");
    found
}

fn shown(path: &Path) -> String {
    let root: PathBuf = root();
    path.strip_prefix(&root)
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}
