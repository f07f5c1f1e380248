//! From a topic and a payload to observations, or to a counted refusal. Sans-IO.

mod seen;

use crate::broker::PACKET_BYTES_MAX;
use crate::message::{GateMessage, LookMessage, PersonMessage, TrackMessage, WristMessage};
use crate::{BusCounters, Cause, ClockRefusal, StoreClock, Topic};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use walkout_model::{
    APPEARANCE_MAX, CameraFault, FixtureIx, GateCrossing, GateIx, Gtin, ItemLook, LaneIx,
    LoadSample, PlateIx, Point2, Point3, ShelfSight, Shop, Sighting, SkuIx, StoreTime, TimeDelta,
    TrackId, TrackPoint, Wrist,
};
use walkout_wire::senml::{self, SenmlError, Value};

/// Something that a device said, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// Load-cell samples of one pack.
    Loads(Vec<LoadSample>),
    /// One person's track point.
    Track(TrackPoint),
    /// One look at an item.
    Look(ItemLook),
    /// What one camera saw at one instant.
    Sighting(Sighting),
    /// What a camera before a shelf saw of the facings there.
    Shelf(ShelfSight),
    /// How a camera fares that somebody else keeps open.
    Camera(CameraFault),
    /// Somebody crossed a gate.
    Crossing(GateCrossing),
    /// A phone showed a code at a gate.
    Scan {
        /// When.
        t: StoreTime,
        /// Where.
        gate: GateIx,
        /// The code's text, not yet checked.
        code: String,
    },
}

impl Observation {
    /// Whether a gate said it.
    pub fn is_gate(&self) -> bool {
        matches!(self, Self::Crossing(_) | Self::Scan { .. })
    }
}

/// Largest JSON message of any topic, in bytes.
const JSON_BYTES_MAX: usize = 64 << 10;
/// Of one pack: a tenth of a second of 2,000 plates, and a little more.
const LIMITS: senml::Limits = senml::Limits {
    bytes_max: PACKET_BYTES_MAX,
    records_max: 20_000,
    name_bytes_max: 128,
};
/// A code's text is far shorter; anything longer is not one.
const CODE_BYTES_MAX: usize = 512;
/// Packs of a topic that are remembered to tell a repetition.
const REMEMBERED: usize = 64;
/// A load beyond this many times the plate's range is no load.
const ABSURD_RANGES: f64 = 10.0;
/// A place this far outside the floor's bounds is no place, metres.
const OUTSIDE_M: f64 = 5.0;

/// Decodes the messages of one shop's bus.
#[derive(Debug)]
pub struct Decoder {
    shop: Arc<Shop>,
    counters: Arc<BusCounters>,
    plates: HashMap<String, PlateIx>,
    lanes: HashMap<String, LaneIx>,
    memory: HashMap<u32, Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    newest: Option<StoreTime>,
    digests: VecDeque<u64>,
}

/// Where a message came from, for counters and the clock.
struct Origin {
    label: String,
    source: u32,
    now: StoreTime,
}

impl Decoder {
    /// A decoder for a shop, counting into `counters`.
    pub fn new(shop: Arc<Shop>, counters: Arc<BusCounters>) -> Self {
        let named = shop.layout.plates.iter().enumerate();
        let plates = named.map(|(i, p)| (p.name.clone(), i.into())).collect();
        let named = shop.planogram.lanes.iter().enumerate();
        let lanes = named.map(|(i, l)| (l.name.clone(), i.into())).collect();
        Self {
            shop,
            counters,
            plates,
            lanes,
            memory: HashMap::new(),
        }
    }

    /// Decodes one message, appending what it says to `out`. `wall` is a monotonic clock.
    pub fn decode(
        &mut self,
        topic: &str,
        payload: &[u8],
        wall: Duration,
        clock: &mut StoreClock,
        out: &mut Vec<Observation>,
    ) {
        self.counters.message(payload.len());
        let now = clock.now(wall);
        let parsed = match Topic::parse(&self.shop, topic) {
            Ok(Topic::GateAnswer(_)) => return,
            Ok(parsed) => parsed,
            Err(error) => {
                let shown: String = topic.chars().take(80).collect();
                let why = format!("{shown}: {error}");
                self.counters
                    .refuse(Cause::UnknownTopic, "other", &why, now);
                return;
            }
        };
        let origin = Origin {
            label: label(&self.shop, parsed),
            source: source(parsed),
            now,
        };
        let is_json = !matches!(parsed, Topic::Load(_));
        if is_json && payload.len() > JSON_BYTES_MAX {
            let why = format!("{} bytes, at most {JSON_BYTES_MAX}", payload.len());
            return self.refuse(&origin, Cause::Oversized, &why);
        }
        if self.is_repeated(origin.source, payload) {
            return self.refuse(&origin, Cause::Duplicated, "the same message came before");
        }
        match parsed {
            Topic::Load(fixture) => self.loads(fixture, payload, &origin, wall, clock, out),
            Topic::Track => self.tracks(payload, &origin, wall, clock, out),
            Topic::Look => self.looks(payload, &origin, wall, clock, out),
            Topic::Camera(camera) => self.camera(camera, payload, &origin, wall, clock, out),
            Topic::Shelf(camera) => self.shelf(camera, payload, &origin, wall, clock, out),
            Topic::Gate(gate) => self.gate(gate, payload, &origin, wall, clock, out),
            Topic::GateAnswer(_) => {}
        }
    }

    fn refuse(&self, origin: &Origin, cause: Cause, why: &str) {
        self.counters.refuse(cause, &origin.label, why, origin.now);
    }

    fn is_repeated(&mut self, source: u32, payload: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        payload.hash(&mut hasher);
        let digest = hasher.finish();
        let digests = &mut self.memory.entry(source).or_default().digests;
        if digests.contains(&digest) {
            return true;
        }
        if digests.len() == REMEMBERED {
            digests.pop_front();
        }
        digests.push_back(digest);
        false
    }

    /// Shows the message's newest time to the clock; false if it was refused.
    fn admit(
        &mut self,
        origin: &Origin,
        t: StoreTime,
        wall: Duration,
        clock: &mut StoreClock,
    ) -> bool {
        if let Err(refusal) = clock.admit(origin.source, t, wall) {
            let cause = match refusal {
                ClockRefusal::Stale(_) => Cause::Stale,
                ClockRefusal::Jump(_) => Cause::ClockJump,
            };
            self.refuse(origin, cause, &refusal.to_string());
            return false;
        }
        let memory = self.memory.entry(origin.source).or_default();
        if memory.newest.is_some_and(|newest| t < newest) {
            self.refuse(origin, Cause::Reordered, "came after a newer one");
        } else {
            memory.newest = Some(t);
        }
        true
    }

    /// A message of JSON, or a refusal.
    fn read<T: DeserializeOwned>(&self, payload: &[u8], origin: &Origin) -> Option<T> {
        let read = serde_json::from_slice(payload);
        if let Err(error) = &read {
            self.refuse(origin, Cause::Malformed, &error.to_string());
        }
        read.ok()
    }

    /// A message of JSON that is of one time, and that time as the clock admits it.
    fn timed<T: DeserializeOwned>(
        &mut self,
        payload: &[u8],
        origin: &Origin,
        wall: Duration,
        clock: &mut StoreClock,
        at: impl FnOnce(&T) -> f64,
    ) -> Option<(T, StoreTime)> {
        let message = self.read(payload, origin)?;
        let t = self.time(origin, at(&message))?;
        self.admit(origin, t, wall, clock).then_some((message, t))
    }

    fn loads(
        &mut self,
        fixture: FixtureIx,
        payload: &[u8],
        origin: &Origin,
        wall: Duration,
        clock: &mut StoreClock,
        out: &mut Vec<Observation>,
    ) {
        let records = match senml::decode(payload, origin.now, &LIMITS) {
            Ok(records) => records,
            Err(error) => {
                let cause = match error {
                    SenmlError::TooLarge { .. } | SenmlError::TooManyRecords { .. } => {
                        Cause::Oversized
                    }
                    SenmlError::NotFinite { .. } => Cause::NotFinite,
                    _ => Cause::Malformed,
                };
                return self.refuse(origin, cause, &error.to_string());
            }
        };
        let Some(newest) = records.iter().map(|r| r.time).max() else {
            return;
        };
        // A fixture's wrong clock is counted and does not move the shop's; its samples go on, because
        // perception can set such a clock right and the bus cannot.
        self.admit(origin, newest, wall, clock);
        let mut samples = Vec::with_capacity(records.len());
        let mut refused: HashMap<Cause, (u64, String)> = HashMap::new();
        for record in &records {
            match self.sample(fixture, record, newest) {
                Ok(sample) => samples.push(sample),
                Err((cause, why)) => refused.entry(cause).or_insert((0, why)).0 += 1,
            }
        }
        let mut refused: Vec<_> = refused.into_iter().collect();
        refused.sort_by_key(|(cause, _)| *cause);
        for (cause, (n, why)) in refused {
            self.counters
                .refuse_many(cause, &origin.label, &why, origin.now, n);
        }
        if !samples.is_empty() {
            self.counters.samples(samples.len());
            out.push(Observation::Loads(samples));
        }
    }

    fn sample(
        &self,
        fixture: FixtureIx,
        record: &senml::Record,
        newest: StoreTime,
    ) -> Result<LoadSample, (Cause, String)> {
        let shown = || record.name.chars().take(60).collect::<String>();
        let layout = &self.shop.layout;
        let plate = self
            .plates
            .get(&record.name)
            .copied()
            .filter(|p| layout.shelves[layout.shelf_of(*p).usize()].fixture == fixture);
        let Some(plate) = plate else {
            return Err((
                Cause::UnknownPlate,
                format!("\"{}\" is no plate of this fixture", shown()),
            ));
        };
        let scale = match record.unit.as_deref() {
            Some("g") => 1.0,
            Some("kg") => 1_000.0,
            other => {
                let unit = other.unwrap_or("none");
                let why = format!("{}: unit {unit}, not g or kg", shown());
                return Err((Cause::WrongUnit, why));
            }
        };
        let Some(Value::Number(value)) = record.value else {
            return Err((Cause::WrongUnit, format!("{}: no number", shown())));
        };
        let grams = value * scale;
        // A pack holds finite numbers alone, and so is a thousandfold one unless it is absurd.
        if !grams.is_finite() || grams.abs() > ABSURD_RANGES * layout.plates[plate.usize()].range_g
        {
            return Err((Cause::Absurd, format!("{}: {grams:.0} g", shown())));
        }
        if newest.since(record.time) > TimeDelta::from_secs(10) {
            return Err((
                Cause::Stale,
                format!("{}: 10 s older than its pack", shown()),
            ));
        }
        Ok(LoadSample {
            t: record.time,
            plate,
            grams: grams as f32,
        })
    }

    fn tracks(
        &mut self,
        payload: &[u8],
        origin: &Origin,
        wall: Duration,
        clock: &mut StoreClock,
        out: &mut Vec<Observation>,
    ) {
        let at = |m: &TrackMessage| m.t;
        let Some((message, t)) = self.timed(payload, origin, wall, clock, at) else {
            return;
        };
        for person in &message.people {
            match self.person(person, t) {
                Some(point) => out.push(Observation::Track(point)),
                None => {
                    let why = format!("track {} is far outside the shop", person.id);
                    self.refuse(origin, Cause::Absurd, &why);
                }
            }
        }
    }

    fn person(&self, person: &PersonMessage, t: StoreTime) -> Option<TrackPoint> {
        let t = match person.t {
            Some(own) => seconds(own).filter(|own| {
                let off = own.since(t);
                off <= TimeDelta::from_secs(1) && off >= TimeDelta::from_secs(-10)
            })?,
            None => t,
        };
        let position = self.place(person.x, person.y)?;
        let sigma_m = sigma(person.sd)?;
        let wrist = |w: &WristMessage| {
            Some(Wrist {
                position: self.space(w.x, w.y, w.z)?,
                sigma_m: sigma(w.sd)?,
                confidence: probability(w.conf)?,
            })
        };
        Some(TrackPoint {
            t,
            track: TrackId(person.id),
            position,
            sigma_m,
            wrists: person.wrists.iter().take(2).filter_map(wrist).collect(),
            appearance: appearance(&person.look),
        })
    }

    fn looks(
        &mut self,
        payload: &[u8],
        origin: &Origin,
        wall: Duration,
        clock: &mut StoreClock,
        out: &mut Vec<Observation>,
    ) {
        let Some(message) = self.read::<LookMessage>(payload, origin) else {
            return;
        };
        for look in &message.looks {
            let Some(t) = self.time(origin, look.t) else {
                continue;
            };
            if !self.admit(origin, t, wall, clock) {
                continue;
            }
            let Some(hand) = self.space(look.x, look.y, look.z) else {
                self.refuse(origin, Cause::Absurd, "a hand far outside the shop");
                continue;
            };
            let Some(posterior) = self.skus(origin, &look.skus) else {
                continue;
            };
            let told: f32 = posterior.iter().map(|(_, p)| p).sum();
            if let Some(foreign) = look.foreign
                && (probability(foreign).is_none() || told + foreign > 1.01)
            {
                let why = "foreign is no probability, or more than what is missing to 1";
                self.refuse(origin, Cause::Absurd, why);
                continue;
            }
            out.push(Observation::Look(ItemLook {
                t,
                track: TrackId(look.track),
                hand,
                posterior,
                foreign: look.foreign,
            }));
        }
    }

    /// Known SKUs with their probabilities; `None` if these cannot be.
    fn skus(&self, origin: &Origin, told: &[(Gtin, f32)]) -> Option<Vec<(SkuIx, f32)>> {
        let mut posterior = Vec::with_capacity(told.len().min(64));
        for (gtin, p) in told.iter().take(64) {
            match (self.shop.catalogue.find(*gtin), probability(*p)) {
                (Some(sku), Some(p)) => posterior.push((sku, p)),
                (None, _) => {
                    let why = format!("GTIN {gtin} is not in the catalogue");
                    self.refuse(origin, Cause::UnknownSku, &why);
                }
                (_, None) => self.refuse(origin, Cause::Absurd, "not a probability"),
            }
        }
        let sum: f32 = posterior.iter().map(|(_, p)| p).sum();
        if sum > 1.01 {
            self.refuse(origin, Cause::Absurd, "probabilities sum to more than 1");
            return None;
        }
        Some(posterior)
    }

    fn gate(
        &mut self,
        gate: GateIx,
        payload: &[u8],
        origin: &Origin,
        wall: Duration,
        clock: &mut StoreClock,
        out: &mut Vec<Observation>,
    ) {
        let at = |m: &GateMessage| match m {
            GateMessage::Cross { t, .. } | GateMessage::Scan { t, .. } => *t,
        };
        let Some((message, t)) = self.timed(payload, origin, wall, clock, at) else {
            return;
        };
        match message {
            GateMessage::Cross { direction, .. } => {
                out.push(Observation::Crossing(GateCrossing { t, gate, direction }));
            }
            GateMessage::Scan { code, .. } if code.len() > CODE_BYTES_MAX => {
                self.refuse(origin, Cause::Oversized, "a code longer than any of ours");
            }
            GateMessage::Scan { code, .. } => out.push(Observation::Scan { t, gate, code }),
        }
    }

    fn time(&self, origin: &Origin, t: f64) -> Option<StoreTime> {
        let time = seconds(t);
        if time.is_none() {
            self.refuse(origin, Cause::ClockJump, "not a time of this epoch");
        }
        time
    }

    fn place(&self, x: f64, y: f64) -> Option<Point2> {
        let (lo, hi) = self.shop.layout.floor.bounds();
        let inside = |v: f64, lo: f64, hi: f64| v >= lo - OUTSIDE_M && v <= hi + OUTSIDE_M;
        (inside(x, lo.x, hi.x) && inside(y, lo.y, hi.y)).then_some(Point2::new(x, y))
    }

    fn space(&self, x: f64, y: f64, z: f64) -> Option<Point3> {
        let floor = self.place(x, y)?;
        (-1.0..=5.0).contains(&z).then(|| floor.at_height(z))
    }
}

/// Seconds since the epoch, between 1970 and 2255 (beyond, a double no longer holds microseconds).
fn seconds(t: f64) -> Option<StoreTime> {
    (0.0..9e9).contains(&t).then(|| StoreTime::from_secs_f64(t))
}

/// A vector of appearance; one that is too long or not finite says nothing.
fn appearance(look: &[f32]) -> Vec<f32> {
    let sane = look.len() <= APPEARANCE_MAX && look.iter().all(|x| x.is_finite());
    if sane { look.to_vec() } else { Vec::new() }
}

fn sigma(sd: f32) -> Option<f32> {
    (sd > 0.0 && sd <= 10.0).then_some(sd)
}

fn probability(p: f32) -> Option<f32> {
    (0.0..=1.0).contains(&p).then_some(p)
}

fn label(shop: &Shop, topic: Topic) -> String {
    let text = topic.text(shop);
    let prefix = format!("walkout/{}/", shop.name);
    text.strip_prefix(&prefix).unwrap_or(&text).to_owned()
}

/// A number for each topic that carries times.
fn source(topic: Topic) -> u32 {
    match topic {
        Topic::Track => 0,
        Topic::Look => 1,
        Topic::Gate(ix) | Topic::GateAnswer(ix) => 2 + 2 * ix.0,
        Topic::Load(ix) => 3 + 2 * ix.0,
        // Cameras count from the other end.
        Topic::Camera(ix) => u32::MAX - 2 * ix.0,
        Topic::Shelf(ix) => u32::MAX - 1 - 2 * ix.0,
    }
}
