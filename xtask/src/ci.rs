//! `cargo xtask ci`: every check that a change must pass, quickest first.

use anyhow::{Context, Result, bail};
use std::process::Command;
use std::time::Instant;

struct Check {
    name: &'static str,
    args: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
}

const CHECKS: &[Check] = &[
    Check {
        name: "fmt",
        args: &["fmt", "--all", "--check"],
        env: &[],
    },
    Check {
        name: "clippy",
        args: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
        env: &[],
    },
    Check {
        name: "test",
        args: &["test", "--workspace", "--locked"],
        env: &[],
    },
    Check {
        name: "doc",
        args: &["doc", "--workspace", "--no-deps", "--locked"],
        env: &[("RUSTDOCFLAGS", "-D warnings")],
    },
];

/// Runs all checks, stops at the first that fails, and names what could not be run.
pub fn run() -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut summary = Vec::new();
    for check in CHECKS {
        println!("== {}: cargo {}", check.name, check.args.join(" "));
        let start = Instant::now();
        let status = Command::new(&cargo)
            .args(check.args)
            .envs(check.env.iter().copied())
            .current_dir(crate::root())
            .status()
            .with_context(|| format!("start cargo for {}", check.name))?;
        if !status.success() {
            bail!(
                "{} failed; run `cargo {}` to see it alone",
                check.name,
                check.args.join(" ")
            );
        }
        summary.push(format!(
            "{:<8} ok       {:>5.0} s",
            check.name,
            start.elapsed().as_secs_f64()
        ));
    }
    summary.push(deny(&cargo)?);
    println!("\n{}", summary.join("\n"));
    Ok(())
}

/// Licences, sources and duplicate crates by cargo-deny, where it is installed.
fn deny(cargo: &str) -> Result<String> {
    let there = Command::new(cargo)
        .args(["deny", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        return Ok(
            "deny     skipped  cargo-deny is not installed (cargo install cargo-deny)".into(),
        );
    }
    // Advisories need the network at run time; they have their own schedule.
    let status = Command::new(cargo)
        .args([
            "deny",
            "--all-features",
            "check",
            "bans",
            "licenses",
            "sources",
        ])
        .current_dir(crate::root())
        .status()
        .context("start cargo deny")?;
    if !status.success() {
        bail!("deny failed; run `cargo deny check bans licenses sources` to see it alone");
    }
    Ok("deny     ok".into())
}
