//! The project's automation, `cargo xtask <command>`: the only scripts there are.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to its terminal"
)]

use anyhow::{Result, bail};
use std::process::ExitCode;

mod ci;
mod edges;
mod shops;
mod train;

const USAGE: &str = "\
cargo xtask <command>

  ci      all checks, as .ci/run does them: fmt, clippy, doc, tests, deny
  edges   print which crate uses which, and check it against the table
  shops   write the shops under shops/ anew
  train   train a network from nothing: train person|item [--minutes N]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("ci") => ci::run(),
        Some("edges") => edges::print_and_check(),
        Some("shops") => shops::run(&root()),
        Some("train") => train::run(args),
        Some(other) => bail!("unknown command \"{other}\"\n\n{USAGE}"),
        None => bail!("which command?\n\n{USAGE}"),
    }
}

/// The root of the checkout.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
