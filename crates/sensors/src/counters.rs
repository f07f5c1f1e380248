//! What came in, what was refused and why, what was dropped. Shown at `/healthz` and on the page.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use walkout_model::{StoreTime, TimeDelta};

/// Why a message, or a record of one, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Neither valid SenML nor the JSON that the topic asks for.
    Malformed,
    /// Larger than the bus takes.
    Oversized,
    /// The same pack came twice (a redelivery at QoS 1, say).
    Duplicated,
    /// Older than the pack before it. Counted and still used: late is normal.
    Reordered,
    /// Too old to be of use. Load packs go on to perception all the same, which judges each sample.
    Stale,
    /// The device's clock is ahead of, or far behind, the shop's. Load packs go on to perception
    /// all the same, which sets a fixture's clock right.
    ClockJump,
    /// A topic that means nothing to this shop.
    UnknownTopic,
    /// A plate that the fixture does not have.
    UnknownPlate,
    /// A GTIN that is not in the catalogue.
    UnknownSku,
    /// A unit other than `g` or `kg`, or no number at all.
    WrongUnit,
    /// NaN or infinite.
    NotFinite,
    /// A mass or place that no plate or shop can have.
    Absurd,
}

/// How often one cause met one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusalCount {
    /// Why.
    pub cause: Cause,
    /// The topic's last part or the fixture: `load/G1`, `track`, `gate/door`, `other`.
    pub source: String,
    /// How often.
    pub count: u64,
    /// What the last one said.
    pub last: String,
}

/// All counters at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CountersSnapshot {
    /// Whether the broker is connected now.
    pub connected: bool,
    /// How often the connection was made.
    pub connections: u64,
    /// How often it was lost.
    pub connections_lost: u64,
    /// Messages that came in.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Load samples that passed.
    pub samples: u64,
    /// Messages dropped because the estimators did not keep up.
    pub dropped: u64,
    /// Refusals by cause and source.
    pub refusals: Vec<RefusalCount>,
}

impl CountersSnapshot {
    /// All refusals of one cause.
    pub fn refused(&self, cause: Cause) -> u64 {
        let of_cause = self.refusals.iter().filter(|r| r.cause == cause);
        of_cause.map(|r| r.count).sum()
    }
}

#[derive(Debug, Default)]
struct Refusals {
    count: u64,
    last: String,
    logged_at: Option<StoreTime>,
    unlogged: u64,
}

#[derive(Debug, Default)]
struct State {
    snapshot: CountersSnapshot,
    refusals: BTreeMap<(Cause, String), Refusals>,
}

/// The counters, shared by the bus task and whoever shows them.
#[derive(Debug, Default)]
pub struct BusCounters {
    state: Mutex<State>,
}

/// A cause that goes on is logged again after this span of store time, with what came meanwhile.
const LOG_AGAIN: TimeDelta = TimeDelta::from_secs(60);

impl BusCounters {
    /// All counters now.
    pub fn snapshot(&self) -> CountersSnapshot {
        let state = self.lock();
        let mut snapshot = state.snapshot.clone();
        snapshot.refusals = state
            .refusals
            .iter()
            .map(|((cause, source), r)| RefusalCount {
                cause: *cause,
                source: source.clone(),
                count: r.count,
                last: r.last.clone(),
            })
            .collect();
        snapshot
    }

    /// Counts a refusal; logs the first of its cause and source, then at most one line a minute.
    /// `source` must come from a bounded set.
    pub fn refuse(&self, cause: Cause, source: &str, why: &str, now: StoreTime) {
        self.refuse_many(cause, source, why, now, 1);
    }

    pub(crate) fn refuse_many(
        &self,
        cause: Cause,
        source: &str,
        why: &str,
        now: StoreTime,
        n: u64,
    ) {
        let mut state = self.lock();
        let entry = state
            .refusals
            .entry((cause, source.to_owned()))
            .or_default();
        entry.count += n;
        entry.unlogged += n;
        if entry.last != why {
            entry.last = why.chars().take(200).collect();
        }
        let due = entry.logged_at.is_none_or(|at| now.since(at) >= LOG_AGAIN);
        if due {
            let unlogged = std::mem::take(&mut entry.unlogged);
            entry.logged_at = Some(now);
            drop(state);
            tracing::warn!(?cause, source, count = unlogged, "refused: {why}");
        }
    }

    pub(crate) fn message(&self, bytes: usize) {
        let mut state = self.lock();
        state.snapshot.messages += 1;
        state.snapshot.bytes += bytes as u64;
    }

    pub(crate) fn samples(&self, n: usize) {
        self.lock().snapshot.samples += n as u64;
    }

    pub(crate) fn dropped(&self) {
        self.lock().snapshot.dropped += 1;
    }

    pub(crate) fn connected(&self) {
        let mut state = self.lock();
        state.snapshot.connected = true;
        state.snapshot.connections += 1;
    }

    /// True if the connection had stood.
    pub(crate) fn disconnected(&self) -> bool {
        let mut state = self.lock();
        let stood = std::mem::take(&mut state.snapshot.connected);
        state.snapshot.connections_lost += u64::from(stood);
        stood
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Counters stay sound whoever panicked while holding them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
