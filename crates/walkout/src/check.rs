//! `walkout check`.

use anyhow::Result;
use std::process::ExitCode;

/// Arguments of `walkout check`.
#[derive(clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_args: Args) -> Result<ExitCode> {
    anyhow::bail!("not there yet")
}
