//! `walkout eyes`: cameras seen by a process, or a machine, of their own. What it sees goes over the bus; the shop
//! follows people from it.

use crate::eyes::{Opened, threads};
use crate::items::Items;
use crate::looking::{self, Feed, Pixels, Shot, Tally};
use crate::networks::{Finders, RuntimeArgs, SizeArgs};
use crate::outbox::{Outbox, Word};
use crate::serve::{find_camera, load, runtime as tokio_runtime, stop_signal};
use crate::shelves::ShelfEyes;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use walkout_model::files::locate;
use walkout_model::{CameraHealth, CameraIx, Shop, StoreTime, TimeDelta};
use walkout_sensors::camera::{CameraWatch, Clock, Grey, WatchSettings, decode_picture};
use walkout_sensors::client::BrokerUrl;
use walkout_sensors::device::Device;
use walkout_sensors::{Topic, encode};

/// Arguments of `walkout eyes`.
#[derive(clap::Args)]
pub struct Args {
    /// The shop's folder, or the name of one under shops/
    shop: String,
    /// A camera's name; may be given more than once
    #[arg(long, required = true, value_name = "C")]
    camera: Vec<String>,
    /// Instead of the camera's own source in shop.toml: where its newest picture is fetched as a JPEG, again and
    /// again; {camera} becomes its name
    #[arg(long, value_name = "URL")]
    pictures: Option<String>,
    /// The shop's bus
    #[arg(long, default_value = "mqtt://127.0.0.1:18830", value_name = "URL")]
    mqtt: BrokerUrl,
    /// Pictures a second of each camera, at most
    #[arg(long, default_value_t = 10, value_name = "N")]
    fps: u32,
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    size: SizeArgs,
    /// The folder with person.onnx and reach.onnx, item.onnx if something is enrolled, and both that and facing.onnx for shelves
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// See with your own networks instead (docs/reference/networks.md)
    #[arg(long, value_name = "FILE.toml")]
    networks: Option<PathBuf>,
    /// End by itself after so many pictures
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// Largest picture that is fetched.
const PICTURE_BYTES_MAX: u64 = 8 << 20;
/// A picture must come within this, or the camera is silent.
const TIMEOUT: Duration = Duration::from_millis(1_400);
/// A camera that does not answer is asked again after this, then after twice that.
const AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// A bus that does not answer for so long is spoken of.
const BUS_PATIENCE: Duration = Duration::from_secs(3);

/// Looks until told to stop.
pub fn run(args: Args) -> Result<ExitCode> {
    crate::logging();
    ensure!(
        (1..=60).contains(&args.fps),
        "--fps must be 1 to 60, not {}",
        args.fps
    );
    let shop = load(&args.shop)?;
    let runtime = args.runtime.open()?;
    let finders = Finders::load(&runtime, &args.models, args.networks.as_deref())?;
    let folder = locate(&args.shop)?;
    let items = Items::read(&shop, &folder.join(crate::items::FILE), &args.models)?;
    let mut named = Vec::new();
    for name in &args.camera {
        named.push(find_camera(&shop, name)?);
    }
    let with = (&runtime, args.models.as_path());
    let cameras = named.iter().copied();
    let shelves = ShelfEyes::load(&shop, &folder, cameras, with, items.clone(), Err)?;
    let finders = finders
        .with_items(items)
        .with_shelves(shelves)
        .with_eye(args.size.settings()?);
    let clock: Clock = Arc::new(crate::clock::wall_now);
    let period = TimeDelta::from_secs_f64(1.0 / f64::from(args.fps));
    // Whoever waits for a URL's answer must not keep other cameras waiting.
    let threads = match &args.pictures {
        Some(_) => args.camera.len(),
        None => threads(args.camera.len()),
    };
    let mut cameras = Vec::new();
    for (&camera, name) in named.iter().zip(&args.camera) {
        let feed: Box<dyn Feed> = match &args.pictures {
            Some(url) => Box::new(Fetched::new(camera, url.replace("{camera}", name), period)),
            None => Box::new(kept(&shop, camera, name, &clock)?),
        };
        cameras.push((camera, feed));
    }
    let lookers = looking::lookers(&shop, &finders, cameras, period, threads)?.at_most(args.count);
    let tallies: Vec<_> = lookers.all().map(looking::Looker::tally).collect();
    let told = Arc::new(Outbox::new(shop.layout.cameras.len()));
    let stop = Arc::new(AtomicBool::new(false));
    let threads = lookers.begin(&told, &stop)?;
    println!("{}: eyes of {}", shop.title, args.camera.join(", "));
    println!(
        "  bus     {}  topics walkout/{}/camera/…, shelf/…",
        args.mqtt, shop.name
    );
    println!("  Ctrl-C ends it");
    let sent = tokio_runtime()?.block_on(async {
        let ended = Arc::clone(&told);
        let joined = tokio::task::spawn_blocking(move || {
            let panics = threads.into_iter().filter_map(|t| t.join().err()).count();
            ended.close();
            panics
        });
        let sent = publish(&shop, &args.mqtt, &told).await;
        stop.store(true, Ordering::Relaxed);
        match joined.await {
            Ok(0) => sent,
            _ => bail!("an eye ended in a panic"),
        }
    });
    let sum = |of: fn(&Tally) -> &AtomicU64| -> u64 {
        let counts = tallies.iter().map(|t| of(t).load(Ordering::Relaxed));
        counts.sum()
    };
    println!(
        "{} pictures seen, {} spared, {} failed, {} words dropped",
        sum(|t| &t.seen),
        sum(|t| &t.spared),
        sum(|t| &t.failed),
        told.all_dropped()
    );
    sent.map(|()| ExitCode::SUCCESS)
}

async fn publish(shop: &Shop, broker: &BrokerUrl, told: &Outbox) -> Result<()> {
    let name = format!("eyes-{}-{}", shop.name, std::process::id());
    let device = Device::connect(&name, broker, &[]);
    let send = async {
        // While the bus is away the outbox drops what is old.
        if tokio::time::timeout(BUS_PATIENCE, device.ready())
            .await
            .is_err()
        {
            tracing::warn!(
                "no bus answers at {broker}: trying again; is the shop open, and is --mqtt right?"
            );
            device.ready().await;
        }
        while let Some(word) = told.next().await {
            let (topic, message) = match word {
                Word::Saw(sighting) => {
                    let message = encode::sighting(shop, &sighting);
                    (Topic::Camera(sighting.camera), serde_json::to_vec(&message))
                }
                Word::Shelf(sight) => {
                    let message = encode::shelf_sight(shop, &sight);
                    (Topic::Shelf(sight.camera), serde_json::to_vec(&message))
                }
                Word::Fares(fault) => {
                    let message = encode::camera_fault(&fault);
                    (Topic::Camera(fault.camera), serde_json::to_vec(&message))
                }
            };
            device.publish(&topic.text(shop), message?).await?;
            device.ready().await;
        }
        // What was published last must leave before the connection does.
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(())
    };
    tokio::select! {
        sent = send => sent,
        pressed = stop_signal() => pressed,
    }
}

/// A camera of the shop that this worker keeps open.
struct Kept(Opened);

fn kept(shop: &Shop, camera: CameraIx, name: &str, clock: &Clock) -> Result<Kept> {
    let opened = crate::eyes::start(shop, camera, clock)?.with_context(|| {
        format!(
            "camera {name} has no source: add source = \"rtsp://…\" to its table of shop.toml, or give --pictures"
        )
    })?;
    Ok(Kept(Opened {
        frames: opened.frames().clone(),
        camera: Arc::new(opened),
    }))
}

impl Feed for Kept {
    fn next(&mut self) -> Result<Option<Shot>> {
        self.0.next()
    }

    fn health(&mut self) -> CameraHealth {
        // Nobody else looks whether it is silent.
        drop(self.0.camera.tick(crate::clock::wall_now()));
        self.0.health()
    }
}

/// A camera whose newest picture is fetched again and again.
struct Fetched {
    url: String,
    agent: ureq::Agent,
    period: Duration,
    due: Instant,
    patience: Duration,
    last: Option<StoreTime>,
    watch: CameraWatch,
}

impl Fetched {
    fn new(camera: CameraIx, url: String, period: TimeDelta) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .build();
        Self {
            url,
            agent: config.into(),
            period: Duration::from_secs_f64(period.as_secs_f64()),
            due: Instant::now(),
            patience: AGAIN[0],
            last: None,
            // Another shape than the calibration's is the eye's to refuse, by name.
            watch: CameraWatch::new(camera, None, WatchSettings::default()),
        }
    }
}

impl Feed for Fetched {
    fn next(&mut self) -> Result<Option<Shot>> {
        let now = Instant::now();
        if now < self.due {
            return Ok(None);
        }
        self.due = now + self.period;
        let shot = match fetch(&self.agent, &self.url) {
            Ok(shot) => shot,
            Err(error) => {
                self.due = Instant::now() + self.patience;
                self.patience = (self.patience * 2).min(AGAIN[1]);
                return Err(error);
            }
        };
        self.patience = AGAIN[0];
        // The same picture again is no news of the camera.
        if self.last.replace(shot.t) == Some(shot.t) {
            return Ok(None);
        }
        let grey = Grey::of_rgb([shot.width, shot.height], shot.rgb.bytes());
        self.watch.observe(crate::clock::wall_now(), &grey);
        Ok(Some(shot))
    }

    fn health(&mut self) -> CameraHealth {
        self.watch.tick(crate::clock::wall_now());
        self.watch.health()
    }
}

fn fetch(agent: &ureq::Agent, url: &str) -> Result<Shot> {
    let at = || format!("GET {url}");
    let mut response = agent.get(url).call().with_context(at)?;
    let t = response
        .headers()
        .get(walkout_server::CAPTURED_AT)
        .and_then(|t| t.to_str().ok()?.parse::<f64>().ok())
        .filter(|t| (0.0..9e9).contains(t))
        .map_or_else(crate::clock::wall_now, StoreTime::from_secs_f64);
    let bytes = response
        .body_mut()
        .with_config()
        .limit(PICTURE_BYTES_MAX)
        .read_to_vec()
        .with_context(at)?;
    let picture = decode_picture(&bytes).map_err(|e| anyhow!("{url}: {e}"))?;
    Ok(Shot {
        t,
        width: picture.width,
        height: picture.height,
        rgb: Pixels::Own(picture.rgb),
    })
}
