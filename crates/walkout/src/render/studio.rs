//! `walkout render --format training`: frames of random rooms as plain records.

use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use walkout_simulator::render::{Domain, Frame, Studio, shards};

pub(super) fn run(out: &Path, seed: u64, frames: u64, size_px: [u32; 2]) -> Result<ExitCode> {
    ensure!(
        (1..=10_000_000).contains(&frames),
        "--frames must be 1 to 10000000"
    );
    let create = |name: &str| -> Result<BufWriter<File>> {
        let path = out.join(name);
        let file = File::create(&path).with_context(|| format!("write {}", path.display()))?;
        Ok(BufWriter::with_capacity(1 << 20, file))
    };
    let (mut pictures, mut labels) = (create("images.u8")?, create("labels.f32")?);
    let domain = Domain {
        size_px,
        ..Domain::default()
    };
    let mut studio = Studio::new(domain, seed, Vec::new());
    let (mut frame, mut record) = (Frame::default(), Vec::new());
    for n in 0..frames {
        let camera = studio.frame(n, &mut frame);
        record.clear();
        shards::label_bytes(&frame, &camera, &mut record);
        let written = pictures
            .write_all(&frame.picture.rgb)
            .and_then(|()| labels.write_all(&record));
        written.with_context(|| format!("write {}", out.display()))?;
    }
    pictures
        .flush()
        .and_then(|()| labels.flush())
        .with_context(|| format!("write {}", out.display()))?;
    println!("{frames} frames in {}", out.display());
    Ok(ExitCode::SUCCESS)
}
