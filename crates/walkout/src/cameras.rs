//! `walkout cameras`.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use walkout_model::files::{load_shop, locate};
use walkout_model::{CameraFault, CameraHealth, CameraIx, CameraSource, StoreTime, TimeDelta};
use walkout_sensors::camera::{
    CameraError, CameraWatch, Grey, OpenOptions, Picture, PictureTime, WatchSettings, open,
};

/// Arguments of `walkout cameras`.
#[derive(clap::Args)]
pub struct Args {
    /// rtsp:// and http:// URLs, .mp4, .h264 and .mjpeg files, folders of pictures; or a shop, for all of its cameras
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// Write this many frames of each as PNG into --out
    #[arg(long, default_value_t = 0, value_name = "N")]
    frames: u64,
    /// The folder that frames are written to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How long a live camera is looked at; files are read to their end
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    seconds: f64,
    /// A line of JSON for each source
    #[arg(long)]
    json: bool,
}

/// Opens each source and says what comes. Fails if one gives no pictures.
pub fn run(args: Args) -> Result<ExitCode> {
    crate::logging();
    ensure!(
        (0.1..=86_400.0).contains(&args.seconds),
        "--seconds must be 0.1 to 86400"
    );
    let out = match (&args.out, args.frames) {
        (Some(out), 1..) => {
            std::fs::create_dir_all(out)
                .with_context(|| format!("make the folder {}", out.display()))?;
            Some(out.as_path())
        }
        (None, 0) => None,
        _ => anyhow::bail!("--frames N and --out DIR go together"),
    };
    let mut good = true;
    for (n, (name, source, expected)) in named(&args.sources)?.into_iter().enumerate() {
        let keep = out.map(|dir| (dir, args.frames, n));
        let limit = Duration::from_secs_f64(args.seconds);
        match look(&source, expected, limit, keep) {
            Ok(seen) => {
                good &= seen.pictures > 0;
                if args.json {
                    println!("{}", seen.json(&name));
                } else {
                    print!("{}", seen.text(&name));
                }
            }
            Err(error) => {
                good = false;
                if args.json {
                    println!(
                        "{}",
                        serde_json::json!({"source": name, "error": error.to_string()})
                    );
                } else {
                    println!("{name}\n  error: {error:#}");
                }
            }
        }
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

type Named = (String, CameraSource, Option<[u32; 2]>);

/// The sources, by what was typed; a shop stands for all of its cameras.
fn named(typed: &[String]) -> Result<Vec<Named>> {
    let mut out = Vec::new();
    for text in typed {
        let dir = locate(text)
            .ok()
            .filter(|dir| dir.join("shop.toml").is_file());
        let Some(dir) = dir else {
            let source: CameraSource = text.parse()?;
            out.push((source.to_string(), source, None));
            continue;
        };
        let shop = load_shop(&dir)?;
        let before = out.len();
        for (i, camera) in shop.layout.cameras.iter().enumerate() {
            if let Some(source) = shop.layout.source_of(CameraIx::from(i)) {
                let name = format!("{} {source}", camera.name);
                let size = [camera.width_px, camera.height_px];
                out.push((name, source.clone(), Some(size)));
            }
        }
        ensure!(
            out.len() > before,
            "no [[camera]] of {} has a source: add source = \"rtsp://…\"",
            dir.display()
        );
    }
    Ok(out)
}

/// What came from a source.
#[derive(Default)]
struct Seen {
    pictures: u64,
    size: Option<[u32; 2]>,
    /// Sizes that it changed to.
    resized: Vec<[u32; 2]>,
    first: Option<StoreTime>,
    last: Option<StoreTime>,
    open_s: f64,
    read_s: f64,
    luma: f64,
    damage: (u64, u64),
    faults: Vec<CameraFault>,
    ended: Option<String>,
    written: u64,
}

fn look(
    source: &CameraSource,
    expected: Option<[u32; 2]>,
    limit: Duration,
    keep: Option<(&Path, u64, usize)>,
) -> Result<Seen> {
    let begun = Instant::now();
    let options = OpenOptions::new(Arc::new(crate::clock::wall_now));
    let mut pictures = open(source, &options)?;
    let mut seen = Seen {
        open_s: begun.elapsed().as_secs_f64(),
        ..Seen::default()
    };
    let mut watch = CameraWatch::new(CameraIx(0), expected, WatchSettings::default());
    let reading = Instant::now();
    while !source.is_live() || reading.elapsed() < limit {
        let timed = match pictures.next() {
            Ok(Some(timed)) => timed,
            Ok(None) => break,
            Err(error) if seen.pictures == 0 => return Err(error.into()),
            Err(CameraError { cause, .. }) => {
                seen.ended = Some(cause.to_string());
                break;
            }
        };
        let t = match timed.t {
            PictureTime::At(t) => t,
            PictureTime::AfterStart(after) => StoreTime(0) + after,
        };
        if let Some((dir, frames, n)) = keep
            && seen.pictures < frames
        {
            write_png(dir, n, seen.pictures, &timed.picture)?;
            seen.written += 1;
        }
        seen.add(t, &timed.picture, &mut watch);
    }
    seen.read_s = reading.elapsed().as_secs_f64();
    seen.damage = pictures.damage();
    Ok(seen)
}

impl Seen {
    fn add(&mut self, t: StoreTime, picture: &Picture, watch: &mut CameraWatch) {
        self.pictures += 1;
        self.first.get_or_insert(t);
        self.last = Some(t);
        let size = [picture.width, picture.height];
        let now = self.resized.last().copied().or(self.size);
        match now {
            None => self.size = Some(size),
            Some(before) if before != size && self.resized.len() < 100 => self.resized.push(size),
            Some(_) => {}
        }
        let grey = Grey::of_rgb(size, &picture.rgb);
        self.luma += f64::from(grey.mean());
        self.faults.extend(watch.tick(t));
        self.faults.extend(watch.observe(t, &grey));
    }

    /// By the pictures' own times.
    fn fps(&self) -> Option<f64> {
        let span = self.last?.since(self.first?);
        (span > TimeDelta::ZERO).then(|| (self.pictures - 1) as f64 / span.as_secs_f64())
    }

    fn text(&self, name: &str) -> String {
        let size = |s: &[u32; 2]| format!("{} × {}", s[0], s[1]);
        let mut out = format!("{name}\n");
        let mut row = |what: &str, value: String| out.push_str(&format!("  {what:<9} {value}\n"));
        row("size", self.size.as_ref().map_or("none".into(), size));
        for new in &self.resized {
            row("resized", format!("to {} on the way", size(new)));
        }
        let fps = self
            .fps()
            .map_or("–".into(), |f| format!("{f:.2} a second"));
        row("pictures", format!("{}, {fps}", self.pictures));
        let rate = self.pictures as f64 / self.read_s.max(1e-3);
        row(
            "read",
            format!("opened in {:.2} s, then {rate:.0} a second", self.open_s),
        );
        row(
            "luma",
            format!("{:.1} of 255", self.luma / self.pictures.max(1) as f64),
        );
        let (damaged, skipped) = self.damage;
        row(
            "damage",
            format!("{damaged} not decoded, {skipped} left off after them"),
        );
        if self.faults.is_empty() {
            row("health", "good".into());
        }
        for fault in self.faults.iter().take(20) {
            let at = self
                .first
                .map_or(0.0, |first| fault.t.since(first).as_secs_f64());
            row("health", format!("{} at {at:.1} s", word(fault.health)));
        }
        if let Some(ended) = &self.ended {
            row("ended", ended.clone());
        }
        if self.written > 0 {
            row("written", format!("{} frames", self.written));
        }
        out
    }

    fn json(&self, name: &str) -> serde_json::Value {
        let faults: Vec<_> = self
            .faults
            .iter()
            .map(|f| serde_json::json!({"t": f.t.0, "health": f.health}))
            .collect();
        serde_json::json!({
            "source": name, "size": self.size, "resized": self.resized, "pictures": self.pictures,
            "fps": self.fps(), "open_s": self.open_s, "read_s": self.read_s,
            "luma": self.luma / self.pictures.max(1) as f64,
            "damaged": self.damage.0, "skipped": self.damage.1, "faults": faults, "ended": self.ended,
        })
    }
}

fn word(health: CameraHealth) -> String {
    walkout_server::convert::snake_case(&health)
}

fn write_png(dir: &Path, source: usize, n: u64, picture: &Picture) -> Result<()> {
    let path = dir.join(format!("{source}-{n:05}.png"));
    let bytes = crate::render::film::png_of([picture.width, picture.height], &picture.rgb)?;
    std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))
}
