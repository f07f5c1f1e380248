//! `walkout bench vision`.

use crate::networks::{Networks, Runtime, RuntimeArgs};
use anyhow::{Result, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use walkout_bench::vision::{Plan, Row, Subject, measure};

/// Arguments of `walkout bench vision`.
#[derive(clap::Args)]
pub struct Args {
    /// The folder with person.onnx, reach.onnx, item.onnx and facing.onnx
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// Your own networks (docs/reference/networks.md), measured as well
    #[arg(long, value_name = "FILE.toml")]
    networks: Option<PathBuf>,
    /// Further ONNX files, measured as they are
    #[arg(value_name = "ONNX")]
    files: Vec<PathBuf>,
    /// The Python with onnxruntime that takes turns; none by default
    #[arg(long, value_name = "PROGRAM")]
    python: Option<String>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    /// Turns of each runtime
    #[arg(long, default_value_t = 9, value_name = "N")]
    rounds: u32,
    /// Length of a turn, seconds
    #[arg(long, default_value_t = 0.3, value_name = "S")]
    turn: f64,
    /// Pictures a run, for networks that take several
    #[arg(long, default_value_t = 1, value_name = "N")]
    batch: usize,
    /// Input of person.onnx, and of files that leave it open
    #[arg(long, default_value = "320x256", value_name = "WxH", value_parser = crate::render::size)]
    size: [u32; 2],
    /// A camera's frames, for the time that making them ready takes
    #[arg(long, default_value = "1280x720", value_name = "WxH", value_parser = crate::render::size)]
    frame: [u32; 2],
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
pub fn run(args: Args) -> Result<ExitCode> {
    ensure!(
        (1..=1000).contains(&args.rounds),
        "--rounds must be 1 to 1000"
    );
    ensure!(
        (0.001..=60.0).contains(&args.turn),
        "--turn must be 0.001 to 60"
    );
    ensure!((1..=64).contains(&args.batch), "--batch must be 1 to 64");
    let ort = args.runtime.open_ort();
    let mut runtimes = vec![Runtime::Rten];
    match ort {
        Ok(runtime) => runtimes.push(runtime),
        Err(why) => eprintln!("note: without ort: {why:#}"),
    }
    let mut files: Vec<PathBuf> = ["person.onnx", "reach.onnx", "item.onnx", "facing.onnx"]
        .iter()
        .map(|f| args.models.join(f))
        .collect();
    if let Some(path) = &args.networks {
        let networks = Networks::read(path)?;
        files.extend(networks.each().map(|(_, _, file)| file));
    }
    files.extend(args.files);
    let plan = Plan {
        rounds: args.rounds,
        turn_s: args.turn,
        python: args.python,
        batch: args.batch,
        frame: args.frame,
    };
    let mut rows = Vec::new();
    for file in files {
        let loaded = runtimes
            .iter()
            .map(|r| Ok((r.name(), r.load(&file, 1)?)))
            .collect::<Result<Vec<_>>>()?;
        let name = file.file_stem().unwrap_or_default();
        let subject = Subject {
            name: name.to_string_lossy().into_owned(),
            size: args.size.map(|s| s as usize),
            loaded,
            file,
        };
        let measured = measure(&subject, &plan)?;
        if !args.json {
            table(rows.is_empty(), &measured);
        }
        rows.extend(measured);
    }
    if args.json {
        println!(
            "{}",
            serde_json::json!({ "rounds": args.rounds, "threads": 1, "rows": rows })
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn table(first: bool, rows: &[Row]) {
    if first {
        println!(
            "{:<40}{:<26}{:>10}{:>10}{:>8}{:>10}{:>9}",
            "one thread", "", "ms", "a second", "ratio", "differs", "ready ms"
        );
    }
    for row in rows {
        let ratio = row
            .ratio_to_python
            .map_or(String::new(), |r| format!("{r:.2}"));
        let off = row.difference_from_python;
        println!(
            "{:<40}{:<26}{:>10.2}{:>10.1}{ratio:>8}{:>10}{:>9.2}",
            row.network,
            row.runtime,
            row.latency_ms,
            row.frames_per_core_s,
            off.map_or(String::new(), |d| format!("{d:.0e}")),
            row.prepare_ms
        );
    }
}
