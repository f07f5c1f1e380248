//! The table of allowed crate edges, checked against `cargo metadata`.

use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Who may use whom. `testkit` may be a dev-dependency of anybody. Tests of a crate may use more,
/// but those of the estimators may not: they must not be able to reach the simulator's truth.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("sensors", &["model", "wire"]),
    ("perception", &["model"]),
    ("fusion", &["model"]),
    ("ledger", &["model"]),
    ("checkout", &["model", "ledger", "payment", "wire"]),
    ("payment", &["model", "ledger"]),
    ("stock", &["model", "ledger"]),
    (
        "server",
        &[
            "model", "wire", "fusion", "ledger", "payment", "checkout", "stock",
        ],
    ),
    ("simulator", &["model", "wire"]),
    (
        "bench",
        &[
            "model",
            "perception",
            "fusion",
            "simulator",
            "ledger",
            "stock",
        ],
    ),
    (
        "walkout",
        &[
            "model",
            "wire",
            "sensors",
            "perception",
            "fusion",
            "ledger",
            "payment",
            "checkout",
            "stock",
            "server",
            "simulator",
            "bench",
        ],
    ),
    ("testkit", &[]),
];

/// Crates whose tests, too, see only what devices would send.
const BLINDFOLDED: &[&str] = &["perception", "fusion"];

/// A workspace crate's uses of other workspace crates.
#[derive(Debug, Default)]
struct Uses {
    normal: BTreeSet<String>,
    dev: BTreeSet<String>,
}

/// Prints the edges and fails on one that the table does not allow.
pub fn print_and_check() -> Result<()> {
    let edges = read()?;
    for (name, uses) in &edges {
        println!(
            "{name:<11} {}",
            Vec::from_iter(uses.normal.iter().cloned()).join(" ")
        );
    }
    let wrong = violations(&edges);
    if !wrong.is_empty() {
        bail!(
            "{}\nchange ARCHITECTURE.md and this table by decision, or mend the crate",
            wrong.join("\n")
        );
    }
    Ok(())
}

fn read() -> Result<BTreeMap<String, Uses>> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(crate::root())
        .output()
        .context("start cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let mut edges = BTreeMap::new();
    for package in metadata["packages"].as_array().context("no packages")? {
        let Some(name) = package["name"].as_str().and_then(short) else {
            continue;
        };
        let uses: &mut Uses = edges.entry(name).or_default();
        for dependency in package["dependencies"]
            .as_array()
            .context("no dependencies")?
        {
            let Some(used) = dependency["name"].as_str().and_then(short) else {
                continue;
            };
            match dependency["kind"].as_str() {
                Some("dev") => uses.dev.insert(used),
                _ => uses.normal.insert(used),
            };
        }
    }
    Ok(edges)
}

/// `walkout-ledger` → `ledger`; what is not of this workspace → `None`.
fn short(package: &str) -> Option<String> {
    match package {
        "walkout" => Some(package.to_owned()),
        _ => package.strip_prefix("walkout-").map(str::to_owned),
    }
}

fn violations(edges: &BTreeMap<String, Uses>) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, uses) in edges {
        let Some(may) = allowed.get(name.as_str()) else {
            wrong.push(format!("{name} is not in the table"));
            continue;
        };
        for used in &uses.normal {
            if !may.contains(&used.as_str()) {
                wrong.push(format!("{name} must not use {used}"));
            }
        }
        if BLINDFOLDED.contains(&name.as_str()) {
            for used in &uses.dev {
                if used != "testkit" && !may.contains(&used.as_str()) {
                    wrong.push(format!("{name}'s tests must not use {used}"));
                }
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_to_the_table() {
        let edges = read().unwrap();
        assert!(
            edges.len() >= ALLOWED.len(),
            "crates are missing: {:?}",
            edges.keys()
        );
        assert_eq!(violations(&edges), Vec::<String>::new());
    }

    #[test]
    fn a_forbidden_edge_is_named() {
        let mut edges = read().unwrap();
        let fusion = edges.get_mut("fusion").unwrap();
        fusion.normal.insert("perception".into());
        fusion.dev.insert("simulator".into());
        edges.entry("stranger".into()).or_default();
        assert_eq!(
            violations(&edges),
            [
                "fusion must not use perception",
                "fusion's tests must not use simulator",
                "stranger is not in the table"
            ]
        );
    }
}
