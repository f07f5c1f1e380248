//! `cargo xtask train person|reach|item|facing|hands|handing`: trains a network from nothing, on what the simulator draws or plays for it.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

const USAGE: &str = "\
cargo xtask train person|reach|item|facing|hands|handing [--minutes N] [--frames N] [--seed N] [--grocery FOLDER] [--out FILE]

  --minutes   how long to train (60); 2 is enough to see that it works
  --frames    frames drawn for `person` (20000) and `reach` (7000), packages for `item` (500), stockings of shelves for `facing` (24), days of each preset for `hands` (40) and `handing` (120)
  --seed      seed of the frames and of the training (101; 701 for `reach`), the first stocking's for `facing` (1001), the first day's for `hands` and `handing` (301)
  --grocery   the Grocery Store data set, for `item`; without it on drawn packages alone
  --out       models/person.onnx, models/reach.onnx, models/item.onnx, models/facing.onnx, models/hands.bin or models/handing.bin";

/// Size of the frames that `reach` is trained on: it looks at cuts of a camera's own picture.
const REACH_PX: &str = "640x480";
/// Shots of each drawn package.
const SHOTS: u64 = 16;

struct Plan {
    network: String,
    minutes: f64,
    frames: u64,
    seed: u64,
    grocery: Option<PathBuf>,
    out: PathBuf,
}

/// Draws, trains and writes the network.
pub fn run(mut args: impl Iterator<Item = String>) -> Result<()> {
    let plan = Plan::parse(&mut args)?;
    let python = python()?;
    let root = crate::root();
    let data = root
        .join("target/training")
        .join(format!("{}-{}-{}", plan.network, plan.seed, plan.frames));
    match plan.yardstick() {
        Some(yardstick) => play(&plan, yardstick, &data)?,
        None => draw(&plan, &data)?,
    }
    let mut command = Command::new(&python);
    let minutes = plan.minutes.to_string();
    command
        .current_dir(root.join("training"))
        .arg(format!("train_{}.py", plan.network));
    command
        .arg("--data")
        .arg(absolute(&data)?)
        .args(["--minutes", &minutes]);
    command.arg("--out").arg(absolute(&plan.out)?);
    command.args(["--seed", &plan.seed.to_string()]);
    if plan.network == "reach" {
        command.args(["--size", REACH_PX]);
    }
    if plan.network == "item" {
        command.args(["--shots", &SHOTS.to_string()]);
        if let Some(grocery) = &plan.grocery {
            command.arg("--grocery").arg(absolute(grocery)?);
        }
    }
    let status = command
        .status()
        .with_context(|| format!("start {python}"))?;
    ensure!(status.success(), "training failed");
    println!("written: {}", plan.out.display());
    Ok(())
}

impl Plan {
    /// The yardstick that writes its lessons, if it does not learn from frames of random rooms.
    fn yardstick(&self) -> Option<&'static str> {
        match self.network.as_str() {
            "hands" => Some("makers"),
            "handing" => Some("handovers"),
            "facing" => Some("shelves"),
            _ => None,
        }
    }

    fn parse(args: &mut impl Iterator<Item = String>) -> Result<Self> {
        let network = args
            .next()
            .with_context(|| format!("which network?\n\n{USAGE}"))?;
        ensure!(
            matches!(
                network.as_str(),
                "person" | "reach" | "item" | "facing" | "hands" | "handing"
            ),
            "unknown network \"{network}\"\n\n{USAGE}"
        );
        let mut plan = Self {
            minutes: 60.0,
            frames: match network.as_str() {
                "person" => 20_000,
                "reach" => 7_000,
                "item" => 500,
                "facing" => 24,
                "hands" => 40,
                _ => 120,
            },
            seed: match network.as_str() {
                "hands" | "handing" => 301,
                "reach" => 701,
                "facing" => 1001,
                _ => 101,
            },
            grocery: None,
            out: crate::root().join(match network.as_str() {
                "hands" | "handing" => format!("models/{network}.bin"),
                _ => format!("models/{network}.onnx"),
            }),
            network,
        };
        while let Some(key) = args.next() {
            let value = args
                .next()
                .with_context(|| format!("{key} needs a value\n\n{USAGE}"))?;
            let wrong = || format!("{key} {value}: no number");
            match key.as_str() {
                "--minutes" => plan.minutes = value.parse().with_context(wrong)?,
                "--frames" => plan.frames = value.parse().with_context(wrong)?,
                "--seed" => plan.seed = value.parse().with_context(wrong)?,
                "--grocery" => plan.grocery = Some(value.into()),
                "--out" => plan.out = value.into(),
                _ => bail!("unknown option {key}\n\n{USAGE}"),
            }
        }
        ensure!(
            (0.05..=10_000.0).contains(&plan.minutes),
            "--minutes must be 0.05 to 10000"
        );
        ensure!(
            (1..=10_000_000).contains(&plan.frames),
            "--frames must be 1 to 10000000"
        );
        Ok(plan)
    }
}

/// A Python that has PyTorch.
fn python() -> Result<String> {
    let name = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&name)
        .args(["-c", "import torch, numpy, onnx, PIL"])
        .output()
        .with_context(|| {
            format!("start {name}: install Python 3.10 or later, or name one in PYTHON")
        })?;
    if !there.status.success() {
        let said = String::from_utf8_lossy(&there.stderr);
        let last = said.lines().last().unwrap_or_default();
        bail!(
            "{name} cannot train ({last}): make an environment with\n  python3 -m venv venv && venv/bin/pip install -r training/requirements.txt\nand run PYTHON=$PWD/venv/bin/python cargo xtask train …"
        );
    }
    Ok(name)
}

/// Plays days, or stocks shelves, and keeps their lessons, unless they are there from the last time.
fn play(plan: &Plan, yardstick: &str, lessons: &Path) -> Result<()> {
    if lessons.exists() {
        println!(
            "lessons: {} (delete the file to play them anew)",
            lessons.display()
        );
        return Ok(());
    }
    let unfinished = lessons.with_extension("part");
    if let Some(folder) = lessons.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.current_dir(crate::root());
    command.args(["run", "--release", "--locked", "-p", "walkout", "--"]);
    command.args(["bench", yardstick, "--seed", &plan.seed.to_string()]);
    command.args(["--seeds", &plan.frames.to_string(), "--lessons"]);
    command.arg(&unfinished);
    ensure!(
        command.status().context("start cargo")?.success(),
        "playing failed"
    );
    std::fs::rename(&unfinished, lessons).with_context(|| lessons.display().to_string())
}

/// Draws the frames, unless they are there from the last time.
fn draw(plan: &Plan, data: &Path) -> Result<()> {
    let done = data.join("done");
    if done.exists() {
        println!(
            "frames: {} (delete the folder to draw them anew)",
            data.display()
        );
        return Ok(());
    }
    let (seed, frames) = (plan.seed.to_string(), plan.frames.to_string());
    let shots = SHOTS.to_string();
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.current_dir(crate::root());
    command.args([
        "run",
        "--release",
        "--locked",
        "-p",
        "walkout-simulator",
        "--example",
        "shards",
        "--",
    ]);
    match plan.network.as_str() {
        "person" => command.arg("people").arg(data).args([&seed, &frames]),
        "reach" => {
            command
                .arg("people")
                .arg(data)
                .args([&seed, &frames, &format!("size={REACH_PX}")])
        }
        _ => command
            .arg("items")
            .arg(data)
            .args([&seed, &frames, &shots]),
    };
    println!("drawing {frames} into {}", data.display());
    ensure!(
        command.status().context("start cargo")?.success(),
        "drawing failed"
    );
    std::fs::write(&done, "").with_context(|| format!("write {}", done.display()))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Plan> {
        Plan::parse(&mut words.iter().map(ToString::to_string))
    }

    #[test]
    fn options_are_read_and_mistakes_are_named() {
        let plan = parse(&["person", "--minutes", "2", "--frames", "64"]).unwrap();
        assert_eq!((plan.minutes, plan.frames), (2.0, 64));
        for (words, named) in [
            (vec![], "which network"),
            (vec!["cat"], "cat"),
            (vec!["item", "--minutes"], "--minutes"),
            (vec!["item", "--minutes", "x"], "x"),
            (vec!["item", "--speed", "1"], "--speed"),
            (vec!["item", "--minutes", "0"], "--minutes"),
        ] {
            let error = parse(&words)
                .err()
                .map(|e| format!("{e:#}"))
                .unwrap_or_default();
            assert!(error.contains(named), "{words:?}: {error}");
        }
    }

    /// The smoke run: draws a few frames, trains for seconds and expects the loss to fall and a
    /// file to come out. Its loading in Rust is a test of perception.
    #[test]
    fn a_short_training_writes_a_network() {
        trained("person", "0.5", "96", 4_000_000..5_000_000);
    }

    /// The same for the network that looks from closer by.
    #[test]
    fn a_short_training_writes_a_network_of_hands_from_closer_by() {
        trained("reach", "0.4", "48", 1_200_000..1_700_000);
    }

    fn trained(network: &str, minutes: &str, frames: &str, expected: std::ops::Range<usize>) {
        if python().is_err() {
            use std::io::Write;
            let _ = writeln!(
                std::io::stderr(),
                "skipped: a short training of {network}: no Python with torch (PYTHON)"
            );
            return;
        }
        let out = std::env::temp_dir().join(format!(
            "walkout-train-{}/{network}.onnx",
            std::process::id()
        ));
        let (minutes, frames) = (["--minutes", minutes], ["--frames", frames]);
        let out_text = out.display().to_string();
        let words = [network, "--seed", "7", "--out", &out_text];
        let words = words.into_iter().chain(minutes).chain(frames);
        run(words.map(str::to_owned)).unwrap();
        let bytes = std::fs::read(&out).unwrap();
        assert!(expected.contains(&bytes.len()), "{} bytes", bytes.len());
        let _ = std::fs::remove_file(&out);
    }
}
