//! The demo's devices: the simulated shop, told to the open one over the bus and the HTTP API and
//! in no other way.

use crate::seeing::{Look, Seeing};
use anyhow::{Context, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use walkout_model::{LoadSample, PartyKind, Shop, StoreTime, TimeDelta};
use walkout_sensors::client::BrokerUrl;
use walkout_sensors::device::Device;
use walkout_sensors::{Topic, encode};
use walkout_simulator::{PhoneScan, Simulation, Tick};
use walkout_wire::senml::Format;

/// Ticks of 1/60 s in a pack of loads: packs go out ten times a second.
const TICKS_PER_PACK: u32 = 6;
/// How often the devices look whether the shop keeps up, wall clock.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// A phone gives up after this.
const PHONE_TIMEOUT: Duration = Duration::from_secs(5);

/// All devices and phones of a simulated shop.
pub struct Devices {
    shop: Arc<Shop>,
    simulation: Simulation,
    /// Rendered cameras, if any.
    seeing: Option<Seeing>,
    device: Device,
    api: Api,
    /// Samples of each fixture since its last pack.
    loads: Vec<Vec<LoadSample>>,
    /// Counts gate messages.
    gate_messages: u64,
}

impl Devices {
    /// Connects them. Must be called inside a tokio runtime.
    pub async fn connect(
        shop: Arc<Shop>,
        simulation: Simulation,
        seeing: Option<Seeing>,
        broker: &BrokerUrl,
        http: std::net::SocketAddr,
    ) -> Result<Self> {
        let name = format!("devices-{}-{}", shop.name, std::process::id());
        let device = Device::connect(&name, broker, &[]);
        let ready = tokio::time::timeout(Duration::from_secs(10), device.ready());
        ready
            .await
            .with_context(|| format!("the devices cannot reach the broker {broker}"))?;
        Ok(Self {
            loads: vec![Vec::new(); shop.layout.fixtures.len()],
            api: Api::new(http),
            shop,
            simulation,
            seeing,
            device,
            gate_messages: 0,
        })
    }

    /// Sends the opening count, then what happens, `speed` times as fast as the wall clock, until the
    /// simulation is over or `stop` says so.
    pub async fn run(mut self, speed: f64, stop: watch::Receiver<bool>) -> Result<()> {
        let counted = self.simulation.count_lanes();
        let lanes: serde_json::Map<_, _> = counted
            .into_iter()
            .filter_map(|(lane, units)| {
                let lane = self.shop.planogram.get(lane)?;
                Some((lane.name.clone(), units.into()))
            })
            .collect();
        let body = serde_json::json!({ "lanes": lanes });
        self.api.post("/api/v1/stock/opening", body).await?;
        let mut begun = Instant::now();
        let mut asked = begun;
        let mut tick = Tick::default();
        let mut ticks = 0_u32;
        while !self.simulation.is_over() && !*stop.borrow() {
            tokio::task::block_in_place(|| self.simulation.step(&mut tick));
            ticks = ticks.wrapping_add(1);
            let looks = match &mut self.seeing {
                Some(seeing) => {
                    let simulation = &self.simulation;
                    tokio::task::block_in_place(|| seeing.look(ticks, simulation))?
                }
                None => Vec::new(),
            };
            if self.seeing.as_ref().is_some_and(Seeing::replaces_tracker) {
                tick.tracks.clear();
                tick.looks.clear();
            }
            self.send(&tick).await?;
            self.send_looks(looks).await?;
            if ticks.is_multiple_of(TICKS_PER_PACK) {
                self.send_loads().await?;
            }
            if asked.elapsed() >= ASK_EVERY {
                let waited = Instant::now();
                self.wait_for_the_shop(tick.now, speed, &stop).await?;
                begun += waited.elapsed();
                asked = Instant::now();
            }
            let due = Duration::from_secs_f64(f64::from(ticks) / 60.0 / speed);
            let ahead = due.saturating_sub(begun.elapsed());
            // Timers are no finer than a millisecond.
            if ahead >= Duration::from_millis(1) {
                tokio::time::sleep(ahead).await;
            }
        }
        self.send_loads().await
    }

    /// Time in a simulated shop can wait, real devices cannot: on a machine that is too slow for
    /// the speed asked for, the day goes more slowly instead of losing messages.
    async fn wait_for_the_shop(
        &mut self,
        now: StoreTime,
        speed: f64,
        stop: &watch::Receiver<bool>,
    ) -> Result<()> {
        let most = TimeDelta::from_secs_f64(1.0 + 0.4 * speed);
        while !*stop.borrow() {
            let time = self.api.get("/api/v1/time").await?;
            let concluded = time.get("concluded").and_then(|t| t.as_i64());
            // Zero until the first message has come through.
            let behind = match concluded.filter(|&t| t > 0) {
                Some(concluded) => now.since(StoreTime(concluded)),
                None => break,
            };
            if behind <= most {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn send(&mut self, tick: &Tick) -> Result<()> {
        for sample in &tick.loads {
            let shelf = self.shop.layout.shelf_of(sample.plate);
            let fixture = self.shop.layout.shelves[shelf.usize()].fixture;
            self.loads[fixture.usize()].push(*sample);
        }
        for &scan in &tick.scans {
            self.hold_phone(scan).await?;
        }
        for crossing in &tick.crossings {
            self.gate_messages += 1;
            let message = encode::crossing(crossing, self.gate_messages);
            let topic = Topic::Gate(crossing.gate).text(&self.shop);
            self.device
                .publish_surely(&topic, serde_json::to_vec(&message)?)
                .await?;
        }
        if !tick.tracks.is_empty() {
            let newest = tick.tracks.iter().map(|p| p.t).max().unwrap_or(tick.now);
            let message = encode::tracks(newest, &tick.tracks);
            let topic = Topic::Track.text(&self.shop);
            self.device
                .publish(&topic, serde_json::to_vec(&message)?)
                .await?;
        }
        if !tick.looks.is_empty() {
            let message = encode::looks(&self.shop, &tick.looks);
            let topic = Topic::Look.text(&self.shop);
            self.device
                .publish(&topic, serde_json::to_vec(&message)?)
                .await?;
        }
        Ok(())
    }

    /// What cameras see goes over the bus, their pictures to the page.
    async fn send_looks(&mut self, looks: Vec<Look>) -> Result<()> {
        for look in looks {
            if let Some(sighting) = &look.sighting {
                let message = encode::sighting(&self.shop, sighting);
                let topic = Topic::Camera(look.camera).text(&self.shop);
                self.device
                    .publish(&topic, serde_json::to_vec(&message)?)
                    .await?;
            }
            if let Some(sight) = &look.shelf {
                let message = encode::shelf_sight(&self.shop, sight);
                let topic = Topic::Shelf(look.camera).text(&self.shop);
                self.device
                    .publish(&topic, serde_json::to_vec(&message)?)
                    .await?;
            }
            let camera = self.shop.layout.cameras.get(look.camera.usize());
            if let Some((camera, jpeg)) = camera.zip(look.jpeg) {
                let path = format!("/api/v1/cameras/{}/picture", camera.name);
                self.api.put(&path, jpeg, look.t).await?;
            }
        }
        Ok(())
    }

    async fn send_loads(&mut self) -> Result<()> {
        for (i, samples) in self.loads.iter_mut().enumerate() {
            if samples.is_empty() {
                continue;
            }
            // Both forms of SenML are in use: every other fixture's controller speaks CBOR.
            let format = if i % 2 == 0 {
                Format::Json
            } else {
                Format::Cbor
            };
            let pack = encode::loads(&self.shop, samples, format)?;
            samples.clear();
            let topic = Topic::Load(i.into()).text(&self.shop);
            self.device.publish(&topic, pack).await?;
        }
        Ok(())
    }

    /// The phone asks for a code and shows it to the gate, whose reader tells the bus.
    async fn hold_phone(&mut self, scan: PhoneScan) -> Result<()> {
        let body = serde_json::json!({
            "customer": format!("c{}", scan.phone),
            "people": scan.people,
            "staff": scan.kind == PartyKind::Staff,
        });
        let answer = self.api.post("/api/v1/codes", body).await?;
        let code = answer
            .get("code")
            .and_then(|c| c.as_str())
            .context("no code in the answer")?;
        self.gate_messages += 1;
        let t = StoreTime(scan.t.0);
        let message = encode::scan(t, code.to_owned(), self.gate_messages);
        let topic = Topic::Gate(scan.gate).text(&self.shop);
        self.device
            .publish_surely(&topic, serde_json::to_vec(&message)?)
            .await?;
        Ok(())
    }
}

/// The shop's HTTP API, as a phone knows it.
struct Api {
    base: String,
    agent: ureq::Agent,
}

impl Api {
    fn new(http: std::net::SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PHONE_TIMEOUT))
            .build();
        Self {
            base: format!("http://{http}"),
            agent: config.into(),
        }
    }

    async fn get(&self, path: &str) -> Result<serde_json::Value> {
        let url = format!("{}{path}", self.base);
        let agent = self.agent.clone();
        let asked = url.clone();
        let answer = tokio::task::spawn_blocking(move || -> Result<_, ureq::Error> {
            let mut response = agent.get(&asked).call()?;
            response.body_mut().read_json::<serde_json::Value>()
        });
        let answer = answer.await.context("asking the API")?;
        answer.with_context(|| format!("GET {url}"))
    }

    async fn put(&self, path: &str, body: Vec<u8>, t: StoreTime) -> Result<()> {
        let url = format!("{}{path}", self.base);
        let agent = self.agent.clone();
        let asked = url.clone();
        let taken = format!("{:.6}", t.as_secs_f64());
        let answer = tokio::task::spawn_blocking(move || {
            let request = agent.put(&asked).header(walkout_server::CAPTURED_AT, taken);
            request.send(&body[..])
        });
        answer
            .await
            .context("asking the API")?
            .with_context(|| format!("PUT {url}"))?;
        Ok(())
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> Result<serde_json::Value> {
        let url = format!("{}{path}", self.base);
        let agent = self.agent.clone();
        let asked = url.clone();
        let answer = tokio::task::spawn_blocking(move || -> Result<_, ureq::Error> {
            let mut response = agent.post(&asked).send_json(body)?;
            response.body_mut().read_json::<serde_json::Value>()
        });
        let answer = answer.await.context("asking the API")?;
        answer.with_context(|| format!("POST {url}"))
    }
}
