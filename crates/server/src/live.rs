//! The live page's event stream: one producer, many readers, bounded. Each event is serialised
//! once; a reader that is too slow loses events, is told how many, and sees the next state anyway.

use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

use crate::view::{CamerasView, FloorView, MovementView, StateView};

/// Events that may wait for a slow reader.
const EVENTS_WAITING: usize = 256;
/// Movements that are kept to be asked for.
const MOVEMENTS_KEPT: usize = 500;

/// Where the shop publishes what the page shows.
#[derive(Clone, Debug)]
pub struct Live {
    events: broadcast::Sender<Message>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Clone, Debug)]
struct Message {
    name: &'static str,
    data: Arc<str>,
}

#[derive(Debug, Default)]
struct Kept {
    state: Option<Arc<StateView>>,
    state_text: Option<Arc<str>>,
    movements: VecDeque<Arc<MovementView>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            events: broadcast::Sender::new(EVENTS_WAITING),
            kept: Arc::default(),
        }
    }
}

impl Live {
    /// Whether anybody looks: a floor that nobody sees need not be drawn.
    pub fn is_watched(&self) -> bool {
        self.events.receiver_count() > 0
    }

    /// Where everybody is. A few times a second.
    pub fn floor(&self, floor: &FloorView) {
        if self.is_watched() {
            self.send("floor", floor);
        }
    }

    /// What is found in the cameras' pictures. A few times a second.
    pub fn cameras(&self, cameras: &CamerasView) {
        if self.is_watched() {
            self.send("cameras", cameras);
        }
    }

    /// Everything else. About once a second and after changes.
    pub fn state(&self, state: StateView) {
        let text = self.send("state", &state);
        let mut kept = self.lock();
        kept.state = Some(Arc::new(state));
        kept.state_text = text;
    }

    /// A movement that was concluded.
    pub fn movement(&self, movement: MovementView) {
        self.send("movement", &movement);
        let mut kept = self.lock();
        if kept.movements.len() == MOVEMENTS_KEPT {
            kept.movements.pop_back();
        }
        kept.movements.push_front(Arc::new(movement));
    }

    /// The state published last.
    pub fn last_state(&self) -> Option<Arc<StateView>> {
        self.lock().state.clone()
    }

    /// The newest movements, newest first.
    pub fn movements(&self, limit: usize) -> Vec<Arc<MovementView>> {
        self.lock().movements.iter().take(limit).cloned().collect()
    }

    /// One movement, if it is among those kept.
    pub fn find_movement(&self, id: &str) -> Option<Arc<MovementView>> {
        self.lock().movements.iter().find(|m| m.id == id).cloned()
    }

    /// The stream for one reader: the last state first, then what happens.
    pub fn stream(
        &self,
    ) -> Sse<impl futures_core::Stream<Item = Result<Event, Infallible>> + use<>> {
        let receiver = self.events.subscribe();
        let first = self.lock().state_text.clone();
        let first = first.map(|data| Message {
            name: "state",
            data,
        });
        let stream =
            futures_util::stream::unfold((first, receiver), |(first, mut receiver)| async move {
                let message = match first {
                    Some(message) => message,
                    None => match receiver.recv().await {
                        Ok(message) => message,
                        Err(broadcast::error::RecvError::Lagged(n)) => Message {
                            name: "lagged",
                            data: n.to_string().into(),
                        },
                        Err(broadcast::error::RecvError::Closed) => return None,
                    },
                };
                let event = Event::default().event(message.name).data(&*message.data);
                Some((Ok(event), (None, receiver)))
            });
        Sse::new(stream).keep_alive(KeepAlive::default())
    }

    fn send<T: Serialize>(&self, name: &'static str, value: &T) -> Option<Arc<str>> {
        match serde_json::to_string(value) {
            Ok(text) => {
                let data: Arc<str> = text.into();
                // No reader is no error.
                let _ = self.events.send(Message {
                    name,
                    data: data.clone(),
                });
                Some(data)
            }
            Err(error) => {
                tracing::error!("{name} cannot be written as JSON: {error}");
                None
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
