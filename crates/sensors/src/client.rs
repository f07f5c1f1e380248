//! The shop's own connection to the bus: kept alive, bounded, counted.

use crate::broker::PACKET_BYTES_MAX;
use crate::message::GateAnswer;
use crate::{BusCounters, Cause, Decoder, Observation, StoreClock, Topic};
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, QoS, StateError,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use walkout_model::{GateIx, Shop, StoreTime};

/// Batches of observations that may wait for the estimators; a batch is what one message held.
const QUEUE_BATCHES: usize = 8_192;
pub(crate) const BACK_OFF_MIN: Duration = Duration::from_millis(100);
pub(crate) const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// A broker's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Why a text is not a broker's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a broker: write mqtt://host:port, or embedded")]
pub struct BrokerUrlError(String);

impl std::str::FromStr for BrokerUrl {
    type Err = BrokerUrlError;

    fn from_str(text: &str) -> Result<Self, BrokerUrlError> {
        let refused = || BrokerUrlError(text.to_owned());
        let rest = text.strip_prefix("mqtt://").ok_or_else(refused)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| refused())?),
            None => (rest, 1883),
        };
        if host.is_empty() || host.contains(['/', '@']) {
            return Err(refused());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mqtt://{}:{}", self.host, self.port)
    }
}

/// What one message said.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The shop's clock by the devices when it came: how far the estimators may go.
    pub newest: StoreTime,
    /// What it said.
    pub observations: Vec<Observation>,
}

/// The shop's end of the bus.
#[derive(Debug)]
pub struct Bus {
    /// What devices said, a message at a time, in the order the broker gave them.
    pub observations: mpsc::Receiver<Batch>,
    /// What came, what was refused, what was dropped.
    pub counters: Arc<BusCounters>,
    /// Store time, by the devices.
    pub clock: SharedClock,
    /// For telling gates to open.
    pub answers: GateAnswers,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The store clock, shared between the bus task and the shop's own.
#[derive(Clone, Debug)]
pub struct SharedClock {
    clock: Arc<Mutex<StoreClock>>,
    begun: Instant,
}

impl SharedClock {
    /// A clock that shows `store` now.
    pub fn starting_at(store: StoreTime) -> Self {
        Self {
            clock: Arc::new(Mutex::new(StoreClock::new(store, Duration::ZERO))),
            begun: Instant::now(),
        }
    }

    /// Store time now.
    pub fn now(&self) -> StoreTime {
        self.lock().now(self.begun.elapsed())
    }

    /// The newest time that a device told.
    pub fn newest(&self) -> StoreTime {
        self.lock().newest()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, StoreClock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells gates what became of a scan.
#[derive(Clone, Debug)]
pub struct GateAnswers {
    client: AsyncClient,
    shop: Arc<Shop>,
}

impl GateAnswers {
    /// Publishes an answer; false if the bus took none (a gate then falls back to its own time-out).
    pub fn send(&self, gate: GateIx, answer: &GateAnswer) -> bool {
        let topic = Topic::GateAnswer(gate).text(&self.shop);
        serde_json::to_vec(answer).is_ok_and(|body| {
            self.client
                .try_publish(topic, QoS::AtMostOnce, false, body)
                .is_ok()
        })
    }
}

/// Subscribes to everything of a shop and keeps the subscription through outages of the broker.
/// Must be called inside a tokio runtime.
pub fn connect(shop: Arc<Shop>, broker: &BrokerUrl, clock: SharedClock) -> Bus {
    let client_id = format!("walkout-{}-{}", shop.name, std::process::id());
    let mut options = MqttOptions::new(client_id, broker.host.clone(), broker.port);
    options
        .set_keep_alive(Duration::from_secs(10))
        .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    let (client, events) = AsyncClient::new(options, 64);
    let (sender, observations) = mpsc::channel(QUEUE_BATCHES);
    let counters = Arc::new(BusCounters::default());
    let reader = Reader {
        decoder: Decoder::new(shop.clone(), counters.clone()),
        client: client.clone(),
        filter: Topic::filter(&shop),
        sender,
        counters: counters.clone(),
        clock: clock.clone(),
        broker: broker.clone(),
    };
    Bus {
        observations,
        counters,
        clock,
        answers: GateAnswers { client, shop },
        task: tokio::spawn(reader.run(events)),
    }
}

struct Reader {
    decoder: Decoder,
    client: AsyncClient,
    filter: String,
    sender: mpsc::Sender<Batch>,
    counters: Arc<BusCounters>,
    clock: SharedClock,
    broker: BrokerUrl,
}

impl Reader {
    async fn run(mut self, mut events: EventLoop) {
        let mut back_off = BACK_OFF_MIN;
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    back_off = BACK_OFF_MIN;
                    self.counters.connected();
                    tracing::info!(broker = %self.broker, "bus connected");
                    if self
                        .client
                        .try_subscribe(&self.filter, QoS::AtLeastOnce)
                        .is_err()
                    {
                        tracing::warn!("the subscription could not be queued");
                    }
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    if !self.take(&message.topic, &message.payload).await {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    if let ConnectionError::MqttState(StateError::Deserialization(problem)) = &error
                    {
                        let now = self.clock.now();
                        self.counters
                            .refuse(Cause::Oversized, "bus", &problem.to_string(), now);
                    }
                    if self.counters.disconnected() {
                        tracing::warn!(broker = %self.broker, "bus lost: {error}");
                    }
                    tokio::time::sleep(back_off).await;
                    back_off = (back_off * 2).min(BACK_OFF_MAX);
                }
            }
        }
    }

    /// False when nobody listens any more.
    async fn take(&mut self, topic: &str, payload: &[u8]) -> bool {
        let mut out = Vec::new();
        let newest = {
            let wall = self.clock.begun.elapsed();
            let mut clock = self.clock.lock();
            self.decoder
                .decode(topic, payload, wall, &mut clock, &mut out);
            clock.newest()
        };
        if out.is_empty() {
            return true;
        }
        let is_gate = out.iter().any(Observation::is_gate);
        let batch = Batch {
            newest,
            observations: out,
        };
        match self.sender.try_send(batch) {
            Ok(()) => true,
            // What happens at a gate is rare and dear: let the broker wait instead.
            Err(mpsc::error::TrySendError::Full(batch)) if is_gate => {
                self.sender.send(batch).await.is_ok()
            }
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.counters.dropped();
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}
