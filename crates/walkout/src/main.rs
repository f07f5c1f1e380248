//! The walkout binary: wires every part of the shop together. One module a command, no logic of
//! its own.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to its terminal"
)]

use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod bench;
mod calibrate;
mod cameras;
mod check;
mod clock;
mod demo;
mod devices;
mod enrol;
mod explain;
mod eyes;
mod facings;
mod fsck;
mod heard;
mod items;
mod look;
mod looking;
mod networks;
mod open;
mod outbox;
mod pipeline;
mod render;
mod seeing;
mod serve;
mod shelves;
mod shop_task;
mod show;
mod simulate;
mod steps;
mod worker;

/// Runs a shop without tills.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a whole simulated shop on this machine, page on http://127.0.0.1:8080
    Demo(demo::Args),
    /// Run a real shop: broker, sensors, inference, ledger, checkout, HTTP
    Serve(serve::Args),
    /// Run a simulated shop headless, as fast as it can, and print a table
    Simulate(simulate::Args),
    /// Draw what a shop's cameras see: pictures with labels, video, or training data
    Render(render::Args),
    /// Open cameras or video files and say what comes: the first check at a new site
    Cameras(cameras::Args),
    /// Say what networks see in pictures: those that ship, or your own
    Look(look::Args),
    /// Show a shop what a product looks like, from photos or the catalogue's pictures, without training
    Enrol(enrol::Args),
    /// Say where shelves are empty or hold another product, from pictures of shelf cameras
    Shelves(shelves::Args),
    /// See with some of a shop's cameras, in a process of their own; what is seen goes over the bus
    Eyes(worker::Args),
    /// Check a shop's folder and list every mistake in it
    Check(check::Args),
    /// Find a camera's lens and where it hangs, from a checkerboard, AprilTags or marked points
    Calibrate(calibrate::Args),
    /// Find the steps in a trace of load cells (CSV) and draw them
    Steps(steps::Args),
    /// Measure
    Bench(bench::Args),
    /// Say why a movement was concluded, from a shop's ledger
    Explain(explain::Args),
    /// Re-derive a ledger from its entries and name the first bad one
    Fsck(fsck::Args),
}

/// How a program ends whose reader has gone: 128 and the number of the signal.
const NOBODY_READS: i32 = 128 + 13;

fn main() -> ExitCode {
    end_quietly_when_nobody_reads();
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Render(args) => render::run(args),
        Command::Cameras(args) => cameras::run(args),
        Command::Look(args) => look::run(args),
        Command::Enrol(args) => enrol::run(args),
        Command::Shelves(args) => shelves::run(args),
        Command::Eyes(args) => worker::run(args),
        Command::Check(args) => check::run(args),
        Command::Calibrate(args) => calibrate::run(args),
        Command::Steps(args) => steps::run(args),
        Command::Bench(args) => bench::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Fsck(args) => fsck::run(args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever reads what a command prints may stop (`walkout explain … | head`), which is nobody's fault. `println!` panics
/// then, in whichever thread; such a panic ends the program without a word, as the signal ends others.
fn end_quietly_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload().downcast_ref::<String>();
        if said.is_some_and(|s| s.starts_with("failed printing to") && s.contains("Broken pipe")) {
            std::process::exit(NOBODY_READS);
        }
        usual(panic);
    }));
}

/// Warnings and errors go to the terminal's error stream.
fn logging() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    // The embedded broker calls every client that hangs up an error.
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("rumqttd", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    // A second call changes nothing.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .try_init();
}
