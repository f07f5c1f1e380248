//! An open shop whose clock the test turns.

use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use walkout_checkout::{Checkout, Config, OpeningStock};
use walkout_ledger::Ledger;
use walkout_model::files::load_shop;
use walkout_model::{GateIx, Shop, StoreTime};
use walkout_payment::Sandbox;
use walkout_server::{AppState, Live, ToShop};
use walkout_wire::entry::KeyRing;

pub struct Open {
    pub runtime: Runtime,
    pub app: AppState,
    pub told: mpsc::Receiver<ToShop>,
    base: String,
    agent: ureq::Agent,
    now: Arc<AtomicI64>,
}

pub struct Reply {
    pub status: u16,
    pub kind: String,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The end of a problem's type, after checking that it is a proper one.
    pub fn problem(&self) -> String {
        assert_eq!(self.kind, "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(problem["detail"].as_str().unwrap().len() > 5);
        let kind = problem["type"].as_str().unwrap();
        kind.strip_prefix("urn:walkout:problem:")
            .unwrap()
            .to_owned()
    }
}

impl Open {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let now = Arc::new(AtomicI64::new(1_800_000_000_000_000));
        let (to_shop, told) = mpsc::channel(16);
        let clock = now.clone();
        let (app, base) = runtime.block_on(async {
            let shop = Arc::new(load_shop(&walkout_testkit::shop_dir("corner")).unwrap());
            let ledger = Ledger::open("sqlite::memory:").await.unwrap();
            let config = Config::new(KeyRing::new(1, [7; 32]), [9; 32], shop.currency);
            let gateway = Arc::new(Sandbox::new());
            let checkout = Checkout::open(shop.clone(), ledger.clone(), gateway, config).await;
            let app = AppState {
                cameras: walkout_server::Cameras::of(&shop),
                shop,
                checkout: checkout.unwrap(),
                ledger,
                live: Live::default(),
                to_shop,
                clock: Arc::new(move || StoreTime(clock.load(Ordering::SeqCst))),
                concluded: Arc::default(),
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = format!("http://{}", listener.local_addr().unwrap());
            let router = walkout_server::router(app.clone());
            tokio::spawn(async move { axum::serve(listener, router).await });
            (app, base)
        });
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A connection may end with a refused body, so each request has its own.
            .max_idle_connections(0)
            .timeout_global(Some(std::time::Duration::from_secs(10)))
            .build();
        Self {
            runtime,
            app,
            told,
            base,
            agent: config.into(),
            now,
        }
    }

    pub fn shop(&self) -> &Shop {
        &self.app.shop
    }

    pub fn now(&self) -> StoreTime {
        StoreTime(self.now.load(Ordering::SeqCst))
    }

    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub fn fill(&self) {
        let stock = OpeningStock::full(self.shop());
        let seeded = self.app.checkout.seed_stock(&stock, self.now());
        assert!(self.runtime.block_on(seeded).unwrap());
    }

    /// The name of a gate that people may enter at.
    pub fn entry(&self) -> String {
        let gates = &self.shop().layout.gates;
        let may_enter =
            |g: &&walkout_model::layout::Gate| g.kind != walkout_model::layout::GateKind::Exit;
        gates.iter().find(may_enter).unwrap().name.clone()
    }

    pub fn entry_ix(&self) -> GateIx {
        let name = self.entry();
        let gates = &self.shop().layout.gates;
        gates.iter().position(|g| g.name == name).unwrap().into()
    }

    pub fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.call().unwrap())
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_text(path, "application/json", &body.to_string())
    }

    pub fn post_text(&self, path: &str, kind: &str, body: &str) -> Reply {
        let request = self.agent.post(format!("{}{path}", self.base));
        read(request.header("content-type", kind).send(body).unwrap())
    }

    /// Announces a JSON body of `announced` bytes, sends `sent` of them, and gives the answer as it
    /// came.
    pub fn post_begun(&self, path: &str, announced: usize, sent: usize) -> String {
        use std::io::{Read, Write};
        let host = self.base.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        let limit = std::time::Duration::from_secs(10);
        stream.set_read_timeout(Some(limit)).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {announced}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'['; sent]).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Opens a stream and gives its first `bytes_max` bytes up to and with `until`.
    pub fn stream_until(&self, path: &str, until: &str) -> String {
        use std::io::Read;
        let response = self
            .agent
            .get(format!("{}{path}", self.base))
            .call()
            .unwrap();
        let mut reader = response.into_body().into_reader();
        let (mut seen, mut byte) = (Vec::new(), [0]);
        while seen.len() < 1 << 20 && reader.read(&mut byte).unwrap() == 1 {
            seen.push(byte[0]);
            if seen.ends_with(until.as_bytes()) {
                break;
            }
        }
        String::from_utf8(seen).unwrap()
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Reply {
    let kind = response.headers().get("content-type");
    Reply {
        status: response.status().as_u16(),
        kind: kind.map_or_else(String::new, |v| v.to_str().unwrap().to_owned()),
        text: response.body_mut().read_to_string().unwrap(),
    }
}
