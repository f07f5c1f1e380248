//! `walkout serve`.

use crate::items::Items;
use crate::networks::{Finders, RuntimeArgs, SizeArgs};
use crate::open::{Broker, Opening};
use crate::shelves::ShelfEyes;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use walkout_model::files::{load_shop, locate};
use walkout_model::{CameraIx, Shop};

/// The port of the embedded broker: not 1883, where another broker may be.
pub const MQTT_PORT: u16 = 18_830;

/// Arguments of `walkout serve`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/
    shop: String,
    /// Where the API and the page listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Listen on other than a loopback address although nobody signs in yet
    #[arg(long)]
    allow_open: bool,
    /// `embedded`, or any MQTT 3.1.1 broker as mqtt://host:port
    #[arg(long, default_value = "embedded")]
    mqtt: String,
    /// Local port of the embedded broker
    #[arg(long, default_value_t = MQTT_PORT)]
    mqtt_port: u16,
    /// sqlite:PATH or postgres://…; a SQLite file in the data folder if not given
    #[arg(long)]
    ledger: Option<String>,
    /// Where keys and the ledger are kept
    #[arg(long, default_value = "walkout-data")]
    data: PathBuf,
    /// Take every lane for full if the ledger holds no opening count
    #[arg(long)]
    full: bool,
    /// See people in the pictures of the cameras that have a source, with person.onnx and reach.onnx of this folder; and, with its facing.onnx and
    /// item.onnx, the shelves before those whose shelves are shown bare and stocked in the shop's folder
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "models")]
    eyes: Option<PathBuf>,
    /// See with your own networks instead (docs/reference/networks.md)
    #[arg(long, value_name = "FILE.toml")]
    networks: Option<PathBuf>,
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    size: SizeArgs,
}

/// Opens a shop and keeps it open until Ctrl-C.
pub fn run(args: Args) -> Result<ExitCode> {
    crate::logging();
    if !args.http.ip().is_loopback() && !args.allow_open {
        bail!(
            "{} can be reached from other machines and nobody signs in yet: add --allow-open if the network is yours alone, or use 127.0.0.1",
            args.http
        );
    }
    let shop = load(&args.shop)?;
    let broker = match args.mqtt.as_str() {
        "embedded" => Broker::Embedded(args.mqtt_port),
        url => Broker::At(url.parse()?),
    };
    let ledger = match args.ledger {
        Some(url) => url,
        None => sqlite_url(&args.data.join(format!("{}.sqlite", shop.name))),
    };
    let finders = match (&args.eyes, &args.networks) {
        (None, None) => None,
        (models, networks) => {
            let models = models.clone().unwrap_or_default();
            let runtime = args.runtime.open()?;
            let finders = Finders::load(&runtime, &models, networks.as_deref())?;
            let folder = locate(&args.shop)?;
            let gallery = folder.join(crate::items::FILE);
            let items = Items::read(&shop, &gallery, &models).unwrap_or_else(|error| {
                // Hands are not looked at then; the rest of the shop runs on.
                tracing::warn!("what hands hold is not looked at: {error:#}");
                None
            });
            let sources = (0..shop.layout.cameras.len()).map(CameraIx::from);
            let sources = sources.filter(|ix| shop.layout.source_of(*ix).is_some());
            let with = (&runtime, models.as_path());
            let warn = |error: anyhow::Error| {
                tracing::warn!("shelves of one camera are not looked at: {error:#}");
                Ok(())
            };
            let shelves = ShelfEyes::load(&shop, &folder, sources, with, items.clone(), warn)
                .unwrap_or_else(|error| {
                    tracing::warn!("shelves are not looked at: {error:#}");
                    None
                });
            let finders = finders.with_items(items).with_shelves(shelves);
            Some(finders.with_eye(args.size.settings()?))
        }
    };
    let opening = Opening {
        shop: shop.clone(),
        http: args.http,
        broker,
        ledger: ledger.clone(),
        data: args.data,
        full: args.full,
        finders,
    };
    runtime()?.block_on(async {
        let open = opening.open().await?;
        println!("{} is open", shop.title);
        println!("  page    http://{}/", open.http);
        println!("  bus     {}  topics walkout/{}/…", open.broker, shop.name);
        println!("  ledger  {ledger}");
        println!("  Ctrl-C closes it");
        stop_signal().await?;
        println!("closing");
        open.close().await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Loads a shop by folder or name; its mistakes are `walkout check`'s to list.
pub fn load(name: &str) -> Result<Arc<Shop>> {
    let dir = locate(name)?;
    let shop = load_shop(&dir).with_context(|| {
        format!(
            "{} has mistakes: `walkout check {name}` lists them",
            dir.display()
        )
    })?;
    Ok(Arc::new(shop))
}

/// The camera that somebody names.
pub fn find_camera(shop: &Shop, name: &str) -> Result<CameraIx> {
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

/// The URL of a SQLite file.
pub fn sqlite_url(path: &std::path::Path) -> String {
    format!("sqlite:{}", path.display())
}

/// The runtime that everything runs on.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
}

/// Returns at Ctrl-C, or when the system asks the program to end.
pub async fn stop_signal() -> Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.context("listening for Ctrl-C"),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c()
        .await
        .context("listening for Ctrl-C")
}
