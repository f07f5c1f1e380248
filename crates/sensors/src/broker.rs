//! The embedded broker, so that a shop needs no other program. `rumqttd` is used here and nowhere
//! else: another broker goes in by changing this file, or by giving `--mqtt mqtt://host:port`.

use rumqttd::protocol::v4::V4;
use rumqttd::{ConnectionSettings, LinkType, Router, RouterConfig, Server, ServerSettings};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The largest packet that the bus takes, in bytes. A pack of 2,000 plates × 6 samples in JSON is
/// about half of it.
pub const PACKET_BYTES_MAX: usize = 1 << 20;

const CONNECTIONS_MAX: usize = 1_000;
const START_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the embedded broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The port is taken or not ours to take.
    #[error(
        "the embedded MQTT broker cannot listen on {address}: {source}. \
         Choose another port with --mqtt-port, or use the broker that is there with --mqtt mqtt://{address}"
    )]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread or runtime could not be made.
    #[error("the embedded MQTT broker cannot start: {0}")]
    Start(std::io::Error),
    /// It was started and does not answer.
    #[error("the embedded MQTT broker on {0} does not answer")]
    Silent(SocketAddr),
}

/// An MQTT 3.1.1 broker in a thread of its own. Stops when dropped.
#[derive(Debug)]
pub struct EmbeddedBroker {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl EmbeddedBroker {
    /// Starts a broker on `address` and waits until it answers.
    pub fn start(address: SocketAddr) -> Result<Self, BrokerError> {
        // rumqttd only logs a failed bind, so try it first.
        TcpListener::bind(address).map_err(|source| BrokerError::Bind { address, source })?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BrokerError::Start)?;
        let thread = std::thread::Builder::new()
            .name("mqtt-broker".to_owned())
            .spawn(move || {
                // The router's thread outlives the broker (rumqttd cannot end it), idle.
                let router = Router::new(0, router_config()).spawn();
                let mut server = Server::new(server_settings(address), router, V4);
                runtime.block_on(async {
                    tokio::select! {
                        end = server.start(LinkType::Remote) => {
                            if let Err(error) = end {
                                tracing::error!(%address, "embedded MQTT broker: {error}");
                            }
                        }
                        _ = stopped => {}
                    }
                });
                // Dropping the runtime closes every connection.
                runtime.shutdown_timeout(Duration::from_secs(1));
            })
            .map_err(BrokerError::Start)?;
        let broker = Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        };
        broker.wait()?;
        Ok(broker)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn wait(&self) -> Result<(), BrokerError> {
        let begun = Instant::now();
        while begun.elapsed() < START_TIMEOUT {
            if TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(BrokerError::Silent(self.address))
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn router_config() -> RouterConfig {
    RouterConfig {
        max_connections: CONNECTIONS_MAX,
        max_outgoing_packet_count: 200,
        max_segment_size: 8 << 20,
        max_segment_count: 4,
        ..RouterConfig::default()
    }
}

fn server_settings(listen: SocketAddr) -> ServerSettings {
    ServerSettings {
        name: "mqtt".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 5_000,
            max_payload_size: PACKET_BYTES_MAX,
            max_inflight_count: 200,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    }
}
