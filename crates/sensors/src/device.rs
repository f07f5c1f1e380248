//! The other end of the bus: how a fixture's controller, a tracker or a gate publishes. Used by
//! the simulated devices and by tests.

use crate::broker::PACKET_BYTES_MAX;
use crate::client::{BACK_OFF_MAX, BACK_OFF_MIN, BrokerUrl};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// Messages that may wait to be sent; then [`Device::publish`] waits.
const QUEUE: usize = 256;
/// Messages heard that may wait for a slow listener.
const HEARD: usize = 64;

/// A message that a device subscribed to.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its topic.
    pub topic: String,
    /// Its body.
    pub payload: Arc<[u8]>,
}

/// A client that publishes, and hears what it subscribed to.
#[derive(Debug)]
pub struct Device {
    client: AsyncClient,
    connected: watch::Receiver<bool>,
    heard: broadcast::Sender<Heard>,
    task: tokio::task::JoinHandle<()>,
}

/// The bus took no message.
#[derive(Debug, thiserror::Error)]
#[error("the bus took no message: {0}")]
pub struct PublishError(#[from] rumqttc::ClientError);

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Device {
    /// Connects, and reconnects for as long as the device lives. `name` must be unique on the bus.
    /// Must be called inside a tokio runtime.
    pub fn connect(name: &str, broker: &BrokerUrl, subscribe: &[String]) -> Self {
        let mut options = MqttOptions::new(name, broker.host.clone(), broker.port);
        options
            .set_keep_alive(Duration::from_secs(10))
            .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        let (client, mut events) = AsyncClient::new(options, QUEUE);
        let (tell, connected) = watch::channel(false);
        let heard = broadcast::Sender::new(HEARD);
        let (subscriber, filters, hear) = (client.clone(), subscribe.to_vec(), heard.clone());
        let task = tokio::spawn(async move {
            let mut back_off = BACK_OFF_MIN;
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        back_off = BACK_OFF_MIN;
                        for filter in &filters {
                            if subscriber.try_subscribe(filter, QoS::AtMostOnce).is_err() {
                                tracing::warn!(filter, "the subscription could not be queued");
                            }
                        }
                        tell.send_replace(true);
                    }
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        // Nobody listening is no error.
                        let _ = hear.send(Heard {
                            topic: message.topic,
                            payload: message.payload.to_vec().into(),
                        });
                    }
                    Ok(_) => {}
                    Err(_) => {
                        tell.send_replace(false);
                        tokio::time::sleep(back_off).await;
                        back_off = (back_off * 2).min(BACK_OFF_MAX);
                    }
                }
            }
        });
        Self {
            client,
            connected,
            heard,
            task,
        }
    }

    /// Waits until the bus is there.
    pub async fn ready(&self) {
        let mut connected = self.connected.clone();
        // An error means that the task ended, which only dropping the device does.
        let _ = connected.wait_for(|&there| there).await;
    }

    /// Whether the bus is there now.
    pub fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Sends at most once (QoS 0): for what is stale when it would be sent again.
    ///
    /// # Errors
    /// When the client has ended.
    pub async fn publish(&self, topic: &str, body: Vec<u8>) -> Result<(), PublishError> {
        let sent = self.client.publish(topic, QoS::AtMostOnce, false, body);
        Ok(sent.await?)
    }

    /// Sends at least once (QoS 1): for what happens at a gate.
    ///
    /// # Errors
    /// When the client has ended.
    pub async fn publish_surely(&self, topic: &str, body: Vec<u8>) -> Result<(), PublishError> {
        let sent = self.client.publish(topic, QoS::AtLeastOnce, false, body);
        Ok(sent.await?)
    }

    /// What is heard from now on.
    pub fn listen(&self) -> broadcast::Receiver<Heard> {
        self.heard.subscribe()
    }
}
