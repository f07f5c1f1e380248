//! Opening a shop: books, bus, estimators, HTTP – and closing it.

use crate::clock::wall_now;
use crate::eyes::Eyes;
use crate::networks::Finders;
use crate::outbox::Outbox;
use crate::shop_task::ShopTask;
use anyhow::{Context, Result, bail};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use walkout_checkout::{Checkout, Config, OpeningStock};
use walkout_ledger::Ledger;
use walkout_model::Shop;
use walkout_payment::Sandbox;
use walkout_sensors::EmbeddedBroker;
use walkout_sensors::client::{BrokerUrl, SharedClock, connect};
use walkout_server::{AppState, Cameras, Live};
use walkout_wire::entry::KeyRing;

/// A ledger's URL, where a bare path is a SQLite file's.
pub fn ledger_url(ledger: &str) -> String {
    let known = ["sqlite:", "postgres:", "postgresql:"];
    if ledger.contains("://") || known.iter().any(|scheme| ledger.starts_with(scheme)) {
        ledger.to_owned()
    } else {
        format!("sqlite:{ledger}")
    }
}

/// Which broker the bus runs over.
#[derive(Clone, Debug)]
pub enum Broker {
    /// Our own, on this local port.
    Embedded(u16),
    /// One that is there.
    At(BrokerUrl),
}

/// How a shop is opened.
pub struct Opening {
    /// The shop's files.
    pub shop: Arc<Shop>,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// The bus.
    pub broker: Broker,
    /// The ledger's URL.
    pub ledger: String,
    /// Where keys are kept.
    pub data: PathBuf,
    /// Take every lane for full if the ledger has no opening count.
    pub full: bool,
    /// See people in the pictures of the cameras that have a source with these.
    pub finders: Option<Finders>,
}

/// An open shop.
pub struct OpenShop {
    /// Its parts.
    pub app: AppState,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where the bus is.
    pub broker: BrokerUrl,
    stop: watch::Sender<bool>,
    shop_task: JoinHandle<()>,
    http_task: JoinHandle<()>,
    /// Dropped last: devices are heard until the end.
    _embedded: Option<EmbeddedBroker>,
}

impl Opening {
    /// Opens the shop. Must be called inside a tokio runtime.
    pub async fn open(self) -> Result<OpenShop> {
        let listener = listen(self.http).await?;
        let http = listener
            .local_addr()
            .context("asking for the HTTP address")?;
        let (embedded, broker) = start_broker(self.broker).await?;
        std::fs::create_dir_all(&self.data)
            .with_context(|| format!("making the folder {}", self.data.display()))?;
        let ledger = Ledger::open(&self.ledger)
            .await
            .with_context(|| format!("opening the ledger {}", self.ledger))?;
        let keys = KeyRing::new(1, entry_key(&self.data)?);
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
        let config = Config::new(keys, seed, self.shop.currency);
        let gateway = Arc::new(Sandbox::kept_in(&self.data.join("sandbox.jsonl"))?);
        let checkout = Checkout::open(self.shop.clone(), ledger.clone(), gateway, config)
            .await
            .context("reading the ledger")?;
        if self.full {
            let stock = OpeningStock::full(&self.shop);
            checkout.seed_stock(&stock, wall_now()).await?;
        }
        let clock = SharedClock::starting_at(wall_now());
        let bus = connect(self.shop.clone(), &broker, clock.clone());
        let camera_clock = clock.clone();
        let eyes = Eyes::open(&self.shop, &(Arc::new(move || camera_clock.now()) as _))?;
        let eyes = Arc::new(eyes);
        let seen = Arc::new(Outbox::new(self.shop.layout.cameras.len()));
        if let Some(finders) = &self.finders {
            eyes.see(&self.shop, finders, &seen)?;
        }
        let (to_shop, from_api) = mpsc::channel(256);
        let app = AppState {
            cameras: Cameras::of(&self.shop).beside(eyes.clone()),
            shop: self.shop,
            checkout,
            ledger,
            live: Live::default(),
            to_shop,
            clock: Arc::new(move || clock.now()),
            concluded: Arc::default(),
        };
        let (stop, stopped) = watch::channel(false);
        let task = ShopTask::new(app.clone(), bus, (eyes, seen), broker.to_string(), from_api);
        let shop_task = tokio::spawn(task.run(stopped.clone()));
        let http_task = tokio::spawn(serve_http(listener, app.clone(), stopped));
        Ok(OpenShop {
            app,
            http,
            broker,
            stop,
            shop_task,
            http_task,
            _embedded: embedded,
        })
    }
}

impl OpenShop {
    /// Closes the shop: what has come is taken in, the ledger is flushed.
    pub async fn close(self) -> Result<()> {
        self.stop.send_replace(true);
        self.shop_task.await.context("closing the shop")?;
        // Pages that listen never hang up by themselves.
        let mut http_task = self.http_task;
        if tokio::time::timeout(Duration::from_secs(1), &mut http_task)
            .await
            .is_err()
        {
            http_task.abort();
        }
        self.app.ledger.close().await;
        Ok(())
    }
}

async fn serve_http(listener: TcpListener, app: AppState, mut stop: watch::Receiver<bool>) {
    let stopped = async move {
        // An error means that the shop is gone, which ends the server as well.
        let _ = stop.wait_for(|&stop| stop).await;
    };
    let server = axum::serve(listener, walkout_server::router(app));
    if let Err(error) = server.with_graceful_shutdown(stopped).await {
        tracing::error!("HTTP: {error}");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => bail!(
            "port {} is taken, perhaps by another walkout: end that, or choose another port",
            address.port()
        ),
        Err(error) => Err(error).with_context(|| format!("listening on {address}")),
    }
}

async fn start_broker(broker: Broker) -> Result<(Option<EmbeddedBroker>, BrokerUrl)> {
    match broker {
        Broker::At(url) => Ok((None, url)),
        Broker::Embedded(port) => {
            let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
            let started = tokio::task::spawn_blocking(move || EmbeddedBroker::start(address));
            let broker = started.await.context("starting the broker")??;
            let url = BrokerUrl {
                host: address.ip().to_string(),
                port: broker.address().port(),
            };
            Ok((Some(broker), url))
        }
    }
}

/// The key that entry codes are signed with, made at the first start.
fn entry_key(data: &Path) -> Result<[u8; 32]> {
    let path = data.join("entry.key");
    match std::fs::read(&path) {
        Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
            anyhow::anyhow!(
                "{} has {} bytes, not 32: restore it from a backup, or delete it and let codes be issued anew",
                path.display(),
                bytes.len()
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
            write_secret(&path, &key)
                .with_context(|| format!("writing the entry key {}", path.display()))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
