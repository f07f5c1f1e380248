//! `walkout eyes`: cameras seen by a process, or a machine, of their own. What it sees goes over the bus; the shop
//! follows people from it.

use crate::eyes::sight_in;
use crate::items::Items;
use crate::networks::RuntimeArgs;
use crate::serve::{load, runtime, stop_signal};
use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use walkout_model::files::locate;
use walkout_model::{CameraFrame, CameraIx, Shop, Sighting, StoreTime};
use walkout_perception::eyes::{CameraEye, EyeSettings, ItemEye};
use walkout_perception::nets::{Network, RgbPicture};
use walkout_sensors::camera::{Camera, Clock};
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
    /// The folder with person.onnx, and item.onnx if something is enrolled
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// End by itself after so many pictures
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// Sightings that may wait for the bus; then the newest is dropped and counted.
const WAITING: usize = 64;
/// How long a camera's next picture is waited for before the worker looks whether it should end.
const PATIENCE: Duration = Duration::from_millis(500);
/// Largest picture that is fetched.
const PICTURE_BYTES_MAX: u64 = 8 << 20;
/// A picture must come within this.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A camera that does not answer is asked again after this, then after twice that.
const AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];

#[derive(Default)]
struct Tally {
    seen: AtomicU64,
    /// Pictures that were fetched twice and looked at once.
    same: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

/// Looks until told to stop.
pub fn run(args: Args) -> Result<ExitCode> {
    crate::logging();
    ensure!(
        (1..=60).contains(&args.fps),
        "--fps must be 1 to 60, not {}",
        args.fps
    );
    let shop = load(&args.shop)?;
    let networks = args.runtime.open()?;
    let clock: Clock = Arc::new(crate::clock::wall_now);
    let gallery = locate(&args.shop)?.join(crate::items::FILE);
    let known = Items::read(&shop, &gallery, &args.models)?;
    let mut eyes = Vec::new();
    for name in &args.camera {
        let camera = find(&shop, name)?;
        let network = networks.load(&args.models.join("person.onnx"), 1)?;
        let feed = match &args.pictures {
            Some(url) => Feed::Url(url.replace("{camera}", name)),
            None => Feed::Source(crate::eyes::start(&shop, camera, &clock)?.with_context(|| {
                format!(
                    "camera {name} has no source: add source = \"rtsp://…\" to its table of shop.toml, or give --pictures"
                )
            })?),
        };
        eyes.push(Worker {
            camera,
            feed,
            shop: Arc::clone(&shop),
            // One network a camera: their threads do not wait for one another.
            network: Arc::from(network),
            items: match &known {
                Some(items) => Some(items.eye(&shop, &networks)?),
                None => None,
            },
            period: Duration::from_secs_f64(1.0 / f64::from(args.fps)),
            count: args.count,
        });
    }
    let tally = Arc::new(Tally::default());
    let stop = Arc::new(AtomicBool::new(false));
    let (told, sightings) = mpsc::channel(WAITING);
    let threads: Vec<_> = eyes
        .into_iter()
        .map(|worker| {
            let (told, tally, stop) = (told.clone(), Arc::clone(&tally), Arc::clone(&stop));
            std::thread::spawn(move || worker.run(&told, &tally, &stop))
        })
        .collect();
    drop(told);
    println!("{}: eyes of {}", shop.title, args.camera.join(", "));
    println!(
        "  bus     {}  topics walkout/{}/camera/…",
        args.mqtt, shop.name
    );
    println!("  Ctrl-C ends it");
    let sent = runtime()?.block_on(publish(&shop, &args.mqtt, sightings));
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        match thread.join() {
            Ok(ended) => ended?,
            Err(_) => bail!("an eye ended in a panic"),
        }
    }
    let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
    println!(
        "{} pictures seen, {} fetched again before there was a newer one, {} not fetched, {} dropped",
        of(&tally.seen),
        of(&tally.same),
        of(&tally.failed),
        of(&tally.dropped)
    );
    sent.map(|()| ExitCode::SUCCESS)
}

fn find(shop: &Shop, name: &str) -> Result<CameraIx> {
    let cameras = &shop.layout.cameras;
    match cameras.iter().position(|c| c.name == name) {
        Some(i) => Ok(CameraIx::from(i)),
        None => {
            let names: Vec<&str> = cameras.iter().map(|c| c.name.as_str()).collect();
            bail!(
                "shop {} has no camera \"{name}\": it has {}",
                shop.name,
                names.join(", ")
            )
        }
    }
}

async fn publish(
    shop: &Shop,
    broker: &BrokerUrl,
    mut sightings: mpsc::Receiver<Sighting>,
) -> Result<()> {
    let name = format!("eyes-{}-{}", shop.name, std::process::id());
    let device = Device::connect(&name, broker, &[]);
    let send = async {
        while let Some(sighting) = sightings.recv().await {
            let topic = Topic::Camera(sighting.camera).text(shop);
            let message = serde_json::to_vec(&encode::sighting(shop, &sighting))?;
            device.publish(&topic, message).await?;
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

/// Where pictures come from.
enum Feed {
    /// A driver that keeps the camera open.
    Source(Camera),
    /// Fetched one by one.
    Url(String),
}

/// One camera's thread.
struct Worker {
    camera: CameraIx,
    feed: Feed,
    shop: Arc<Shop>,
    network: Arc<dyn Network>,
    items: Option<ItemEye>,
    period: Duration,
    count: Option<u64>,
}

impl Worker {
    fn run(self, told: &mpsc::Sender<Sighting>, tally: &Tally, stop: &AtomicBool) -> Result<()> {
        let layout = &self.shop.layout;
        let camera = &layout.cameras[self.camera.usize()];
        let settings = EyeSettings::default();
        let mut eye = CameraEye::new(self.camera, camera, &layout.floor, settings);
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .build();
        let agent: ureq::Agent = config.into();
        let (mut last, mut patience) = (None, AGAIN[0]);
        let mut seen = 0;
        while !stop.load(Ordering::Relaxed) && self.count.is_none_or(|n| seen < n) {
            let begun = Instant::now();
            match self.next(&agent) {
                Ok(None) => continue,
                Ok(Some(shot)) if last == Some(shot.t) => {
                    tally.same.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Some(shot)) => {
                    patience = AGAIN[0];
                    last = Some(shot.t);
                    let picture = RgbPicture::new(shot.width, shot.height, shot.rgb.bytes())?;
                    let items = self.items.as_ref();
                    let sighting = sight_in(&mut eye, shot.t, &picture, &self.network, items)?;
                    seen += 1;
                    tally.seen.fetch_add(1, Ordering::Relaxed);
                    match told.try_send(sighting) {
                        Ok(()) => {}
                        Err(mpsc::error::TrySendError::Full(_)) => {
                            tally.dropped.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(mpsc::error::TrySendError::Closed(_)) => return Ok(()),
                    }
                }
                Err(error) => {
                    if tally.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                        tracing::warn!("{error:#}");
                    }
                    std::thread::sleep(patience);
                    patience = (patience * 2).min(AGAIN[1]);
                }
            }
            std::thread::sleep(self.period.saturating_sub(begun.elapsed()));
        }
        Ok(())
    }

    /// The next picture; `None` if none has come in a while.
    fn next(&self, agent: &ureq::Agent) -> Result<Option<Shot>> {
        match &self.feed {
            Feed::Url(url) => fetch(agent, url).map(Some),
            Feed::Source(camera) => {
                let frame = camera.frames().pop(PATIENCE);
                Ok(frame.map(|frame| Shot {
                    t: frame.t,
                    width: frame.width(),
                    height: frame.height(),
                    rgb: Pixels::Shared(frame),
                }))
            }
        }
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
    let mut decoder = zune_jpeg::JpegDecoder::new(&bytes);
    let rgb = decoder
        .decode()
        .with_context(|| format!("{url}: no JPEG"))?;
    let (width, height) = decoder
        .dimensions()
        .with_context(|| format!("{url}: no size"))?;
    Ok(Shot {
        t,
        width: u32::try_from(width)?,
        height: u32::try_from(height)?,
        rgb: Pixels::Own(rgb),
    })
}

struct Shot {
    t: StoreTime,
    width: u32,
    height: u32,
    rgb: Pixels,
}

enum Pixels {
    Shared(CameraFrame),
    Own(Vec<u8>),
}

impl Pixels {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Shared(frame) => frame.rgb(),
            Self::Own(bytes) => bytes,
        }
    }
}
