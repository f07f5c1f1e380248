//! `walkout demo`.

use crate::devices::Devices;
use crate::open::{Broker, OpenShop, Opening};
use crate::seeing::{Seeing, ShelfSeeing, Wanted};
use crate::serve::{MQTT_PORT, load, runtime, sqlite_url, stop_signal};
use anyhow::{Context, Result, bail};
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::watch;
use walkout_bench::floor::selection::choose;
use walkout_model::StoreTime;
use walkout_model::files::locate;
use walkout_server::view::StateView;
use walkout_simulator::{Plan, Preset, Simulation};

/// Arguments of `walkout demo`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/
    #[arg(long, default_value = "nano")]
    shop: String,
    /// quiet, busy, adversarial or cps2020
    #[arg(long, default_value = "busy")]
    preset: Preset,
    /// Most people in the shop at once; the preset's own figure if 0
    #[arg(long, default_value_t = 4)]
    people: u32,
    /// How many times faster than the wall clock
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Another day in the same shop
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Local port of the page and the API; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Local port of the embedded MQTT broker
    #[arg(long, default_value_t = MQTT_PORT)]
    mqtt_port: u16,
    /// Show so many of the shop's cameras on the page, rendered; chosen to see every place thrice
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "4")]
    cameras: Option<usize>,
    /// Hang so many cameras before the shelves, rendered: the page tells of gaps, wrong items and what to count
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "2")]
    shelf_cameras: Option<usize>,
    /// Take the plates off the shelves that these cameras see: they tell what moves there
    #[arg(long, requires = "shelf_cameras")]
    no_plates: bool,
    /// Pictures a second of each camera
    #[arg(long, default_value_t = 5, value_name = "N", requires = "cameras")]
    fps: u32,
    /// See people in the pictures instead of simulating a tracker; the shop slows down if the machine is too slow
    #[arg(long, requires = "cameras")]
    from_pixels: bool,
    /// Simulate no tracker: `walkout eyes` sees people in the pictures and tells the bus
    #[arg(long, requires = "cameras", conflicts_with = "from_pixels")]
    from_workers: bool,
    /// The folder with person.onnx and reach.onnx, and facing.onnx and item.onnx for shelves
    #[arg(long, default_value = "models", value_name = "FOLDER")]
    models: PathBuf,
    /// End by itself after so many minutes of the wall clock
    #[arg(long)]
    minutes: Option<f64>,
    /// Where the demo's ledger is kept; a new folder among the system's temporary ones if not given
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Opens a shop and lets simulated people shop in it.
pub fn run(args: Args) -> Result<ExitCode> {
    crate::logging();
    if !(0.1..=100.0).contains(&args.speed) {
        bail!("--speed {} is out of range: give 0.1 to 100", args.speed);
    }
    let limit = args.minutes.map(|m| (m * 60.0).clamp(0.0, 1e9));
    let mut shop = load(&args.shop)?;
    if !(1..=30).contains(&args.fps) || 60 % args.fps != 0 {
        bail!("--fps {} must divide 60 and be 30 at most", args.fps);
    }
    let chosen = args.cameras.map(|n| choose(&shop.layout, n.clamp(1, 64)));
    if chosen.as_ref().is_some_and(Vec::is_empty) {
        bail!(
            "{} has no camera: add [[camera]] to its shop.toml",
            args.shop
        );
    }
    let mut shelves = None;
    if let Some(n) = args.shelf_cameras {
        let hung = ShelfSeeing::new(
            &shop,
            n.clamp(1, 16),
            args.no_plates,
            args.seed,
            &args.models,
        )?;
        shop = hung.shop();
        shelves = Some(hung);
    }
    let now = crate::clock::wall_now();
    let data = match args.data {
        Some(data) => data,
        None => std::env::temp_dir().join(format!("walkout-demo-{}", now.0 / 1_000_000)),
    };
    let ledger = sqlite_url(&data.join("ledger.sqlite"));
    let mut plan = Plan::preset(args.preset, args.seed);
    plan.start = now;
    if args.people > 0 {
        plan.people = Some(args.people);
    }
    let simulation = Simulation::new(shop.clone(), plan)
        .with_context(|| format!("nobody can shop in {}", args.shop))?;
    let seeing = match (chosen, shelves) {
        (None, None) => None,
        (chosen, shelves) => {
            let cameras = chosen.unwrap_or_default();
            let gallery = locate(&args.shop)?.join(crate::items::FILE);
            let wanted = Wanted {
                cameras: &cameras,
                fps: args.fps,
                width_px: 480,
                seed: args.seed,
                workers: args.from_workers,
                models: args.from_pixels.then_some(args.models.as_path()),
                gallery: &gallery,
            };
            Some(Seeing::new(&shop, &wanted)?.with_shelves(shelves))
        }
    };
    let opening = Opening {
        shop: shop.clone(),
        http: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), args.port),
        broker: Broker::Embedded(args.mqtt_port),
        ledger: ledger.clone(),
        data,
        full: false,
        finders: None,
    };
    runtime()?.block_on(async {
        let open = opening.open().await?;
        println!(
            "{} is open, with simulated shoppers ({}, seed {}, {}×)",
            shop.title,
            args.preset.name(),
            args.seed,
            args.speed
        );
        println!("  page    http://{}/", open.http);
        println!("  bus     {}  topics walkout/{}/…", open.broker, shop.name);
        println!("  ledger  {ledger}");
        println!("  Ctrl-C ends it");
        let devices = Devices::connect(shop, simulation, seeing, &open.broker, open.http).await?;
        let (stop, stopped) = watch::channel(false);
        let mut devices = tokio::spawn(devices.run(args.speed, stopped));
        let mut ended = false;
        let outcome = tokio::select! {
            run = &mut devices => { ended = true; run.context("the simulated devices")? }
            pressed = stop_signal() => pressed,
            () = progress(&open, args.speed) => Ok(()),
            () = after(limit) => Ok(()),
        };
        stop.send_replace(true);
        if !ended {
            devices.await.context("the simulated devices")??;
        }
        let state = open.app.live.last_state();
        open.close().await?;
        if let Some(state) = state {
            println!("\n{}", line(&state, args.speed, 0.0));
        }
        println!("check what was recorded: walkout fsck {ledger}");
        outcome.map(|()| ExitCode::SUCCESS)
    })
}

async fn after(limit_s: Option<f64>) {
    match limit_s {
        Some(seconds) => tokio::time::sleep(Duration::from_secs_f64(seconds)).await,
        None => std::future::pending().await,
    }
}

/// One line that renews itself in a terminal; elsewhere a line every ten seconds. Never ends.
async fn progress(open: &OpenShop, speed: f64) {
    let terminal = std::io::stdout().is_terminal();
    let period = Duration::from_secs(if terminal { 1 } else { 10 });
    let mut messages = 0;
    loop {
        tokio::time::sleep(period).await;
        let Some(state) = open.app.live.last_state() else {
            continue;
        };
        let came = state.health.bus.messages - messages;
        messages = state.health.bus.messages;
        let line = line(&state, speed, came as f64 / period.as_secs_f64());
        if terminal {
            print!("\r\x1b[2K{line}");
            // A terminal that cannot be written to is no reason to end.
            let _ = std::io::stdout().flush();
        } else {
            println!("{line}");
        }
    }
}

fn line(state: &StateView, speed: f64, rate: f64) -> String {
    let totals = &state.totals;
    let bus = &state.health.bus;
    format!(
        "{}  {speed}×  people {}  carts {}  movements {}  receipts {} ({} drafts)  to review {}  {rate:.0} msg/s  behind {:.1} s  dropped {}",
        time_of_day(StoreTime(state.t)),
        totals.people,
        state.sessions.len(),
        totals.movements,
        totals.receipts,
        totals.drafts,
        totals.reviews_open,
        state.health.lag_s,
        bus.dropped,
    )
}

/// UTC, without a calendar.
fn time_of_day(t: StoreTime) -> String {
    let s = t.0.div_euclid(1_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}Z", s / 3_600, s / 60 % 60, s % 60)
}
