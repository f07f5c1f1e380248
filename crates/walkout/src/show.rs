//! What the page is told, gathered from all parts of an open shop.

use crate::heard::Heard;
use crate::pipeline::Pipeline;
use std::collections::BTreeMap;
use walkout_fusion::Notice;
use walkout_ledger::{Account, Balances};
use walkout_model::{
    CalibrationFault, CameraFault, CameraHealth, CameraIx, MovementId, PartyKind, Pixel,
    PlateFault, PlateHealth, PlateIx, Point3, Sighting, StoreTime, TimeDelta, TrackId, TrackPoint,
    View, Who,
};
use walkout_perception::eyes::{FacingCounters, GatherCounters, WatchCounters};
use walkout_sensors::CountersSnapshot;
use walkout_server::view::{
    BusView, CameraView, CamerasView, FaultView, FloorView, HealthView, PersonView, PictureView,
    RefusalView, SeenTrackView, SeenView, ShelvesView, StateView, TotalsView,
};
use walkout_server::{AppState, convert, inside};

/// A track that was not seen for this long is not shown.
const SHOWN: TimeDelta = TimeDelta::from_millis(1_200);
/// Tracks that are remembered at most.
const TRACKS_MAX: usize = 1_000;
/// A head's height where a track has none of its own, metres.
const HEAD_M: f64 = 1.6;
const RECEIPTS_SHOWN: usize = 30;
const REVIEWS_SHOWN: usize = 30;
const FAULTS_SHOWN: usize = 100;

/// Gathers and publishes.
pub struct Show {
    app: AppState,
    broker: String,
    tracks: BTreeMap<TrackId, TrackPoint>,
    views: Vec<View>,
    /// The last word of each camera that tells what it sees.
    sightings: BTreeMap<CameraIx, Sighting>,
    /// What eyes dropped and refused.
    eyes: Vec<RefusalView>,
    shelves: ShelvesView,
    faults: BTreeMap<PlateIx, PlateFault>,
    notices: BTreeMap<(String, String), (u64, String)>,
    cameras: BTreeMap<CameraIx, CameraView>,
    /// Cameras whose calibration does not hold.
    off: BTreeMap<CameraIx, CalibrationFault>,
    movements: u64,
}

impl Show {
    /// For a shop whose bus is `broker`.
    pub fn new(app: AppState, broker: String) -> Self {
        Self {
            views: app.shop.layout.cameras.iter().map(View::new).collect(),
            app,
            broker,
            tracks: BTreeMap::new(),
            sightings: BTreeMap::new(),
            eyes: Vec::new(),
            shelves: ShelvesView::default(),
            faults: BTreeMap::new(),
            notices: BTreeMap::new(),
            cameras: BTreeMap::new(),
            off: BTreeMap::new(),
            movements: 0,
        }
    }

    /// Somebody was seen.
    pub fn track(&mut self, point: &TrackPoint) {
        if self.tracks.len() < TRACKS_MAX || self.tracks.contains_key(&point.track) {
            self.tracks.insert(point.track, point.clone());
        }
    }

    /// A camera told what it sees.
    pub fn sighting(&mut self, sighting: &Sighting) {
        self.sightings.insert(sighting.camera, sighting.clone());
    }

    /// What was dropped and refused on the way from cameras to people and facings.
    pub fn eyes(
        &mut self,
        gather: &GatherCounters,
        watch: &WatchCounters,
        facings: &FacingCounters,
    ) {
        self.eyes = counted("eyes", gather);
        self.eyes.extend(counted("floor", &watch.floor));
        self.eyes.extend(counted("shelves", facings));
    }

    /// What shelf cameras see.
    pub fn shelves(&mut self, shelves: ShelvesView) {
        self.shelves = shelves;
    }

    /// A plate's health changed.
    pub fn fault(&mut self, fault: PlateFault) {
        if fault.health == PlateHealth::Good {
            self.faults.remove(&fault.plate);
        } else {
            self.faults.insert(fault.plate, fault);
        }
    }

    /// How the cameras fare: the shop's own, those heard over the bus, and those of which only pictures come.
    pub fn cameras(&mut self, own: Vec<(CameraIx, CameraView)>, heard: &Heard, now: StoreTime) {
        self.cameras = own.into_iter().collect();
        let layout = &self.app.shop.layout;
        for (i, camera) in layout.cameras.iter().enumerate() {
            let ix = CameraIx::from(i);
            if self.cameras.contains_key(&ix) {
                continue;
            }
            let (pictures, live) = self.app.cameras.state(ix);
            let told = heard.cameras().find(|(heard, _)| *heard == ix);
            if told.is_none() && pictures == 0 {
                continue;
            }
            let told = told.map(|(_, heard)| heard);
            let health = match told {
                Some(heard) => heard.health,
                None if live => CameraHealth::Good,
                None => CameraHealth::Silent,
            };
            let view = CameraView {
                camera: camera.name.clone(),
                source: if told.is_some() { "bus" } else { "page" }.to_owned(),
                health: convert::snake_case(&health),
                since: told.map_or(now, |heard| heard.since).0,
                connected: health != CameraHealth::Silent,
                connections: 0,
                frames: told.map_or(pictures, |heard| heard.pictures),
                dropped: 0,
                damaged: 0,
                skipped: 0,
                width: None,
                height: None,
                fps: told.map_or(0.0, |heard| (heard.fps * 10.0).round() / 10.0),
                last: told.map(|heard| heard.last.0),
                error: None,
                off_deg: None,
                off_m: None,
            };
            self.cameras.insert(ix, view);
        }
        for (ix, off) in &self.off {
            let Some(view) = self.cameras.get_mut(ix) else {
                continue;
            };
            (view.off_deg, view.off_m) = (Some(off.angle_deg), Some(off.miss_m));
            view.error.get_or_insert_with(|| off.message(&view.camera));
        }
    }

    /// A camera's calibration does not hold, or holds again.
    pub fn calibration(&mut self, fault: CalibrationFault) {
        let camera = self.camera_name(fault.camera);
        if fault.off {
            let said = format!(
                "{}/shop.toml: {}",
                self.app.shop.name,
                fault.message(&camera)
            );
            self.notice("calibration_off", &format!("camera/{camera}"), &said);
            self.off.insert(fault.camera, fault);
        } else {
            tracing::info!("{}", fault.message(&camera));
            self.off.remove(&fault.camera);
        }
    }

    fn camera_name(&self, camera: CameraIx) -> String {
        let camera = self.app.shop.layout.cameras.get(camera.usize());
        camera.map_or_else(String::new, |c| c.name.clone())
    }

    /// A camera's health changed.
    pub fn camera_fault(&mut self, fault: CameraFault) {
        let camera = self.camera_name(fault.camera);
        let (cause, said) = match fault.health {
            CameraHealth::Good => return,
            CameraHealth::Silent => ("camera_silent", "no pictures come"),
            CameraHealth::Frozen => ("camera_frozen", "the picture stands still"),
            CameraHealth::Dark => ("camera_dark", "the picture is black"),
            CameraHealth::Bright => ("camera_bright", "the picture is white"),
            CameraHealth::Moved => (
                "camera_moved",
                "it does not show what it showed: it was turned or is covered; put it back or calibrate it anew",
            ),
            CameraHealth::Misshapen => (
                "camera_misshapen",
                "the picture has another shape than width_px and height_px say",
            ),
        };
        self.notice(cause, &format!("camera/{camera}"), said);
    }

    /// Something that staff should see, counted by cause and source.
    pub fn notice(&mut self, cause: &str, source: &str, said: &str) {
        let key = (cause.to_owned(), source.to_owned());
        let entry = self.notices.entry(key).or_default();
        entry.0 += 1;
        if entry.1 != said {
            tracing::warn!(cause, source, "{said}");
            said.clone_into(&mut entry.1);
        }
    }

    /// What fusion noticed.
    pub fn fusion_notice(&mut self, notice: &Notice) {
        let (cause, said, gate) = match notice {
            Notice::Tailgater { gate, .. } => {
                ("tailgater", "somebody came in without a code", gate)
            }
            Notice::ExitWithoutEntry { gate, .. } => (
                "exit_without_entry",
                "somebody left whom no code had let in",
                gate,
            ),
        };
        let gate = self.app.shop.layout.gates.get(gate.usize());
        let source = gate.map_or_else(String::new, |g| format!("gate/{}", g.name));
        self.notice(cause, &source, said);
    }

    /// A movement was recorded.
    pub fn movement(&mut self, id: MovementId) {
        self.movements += 1;
        if let Some(record) = self.app.checkout.movement(id) {
            let who = record.candidates.first().map(|c| c.who);
            let staff = match who {
                Some(Who::Session(session)) => {
                    let session = self.app.checkout.session(session);
                    session.is_some_and(|s| s.kind == PartyKind::Staff)
                }
                _ => false,
            };
            let view = convert::movement(&self.app.shop, &record, staff);
            self.app.live.movement(view);
        }
    }

    /// Where everybody is.
    pub fn floor(&mut self, pipeline: &Pipeline, newest: StoreTime) {
        self.tracks.retain(|_, p| newest.since(p.t) <= SHOWN);
        if !self.app.live.is_watched() {
            return;
        }
        let centimetres = |v: f64| (v * 100.0).round() / 100.0;
        let person = |p: &TrackPoint| PersonView {
            id: p.track.0,
            x: centimetres(p.position.x),
            y: centimetres(p.position.y),
            session: pipeline.session_of(p.track).map(|s| s.to_string()),
            wrists: p
                .wrists
                .iter()
                .map(|w| [centimetres(w.position.x), centimetres(w.position.y)])
                .collect(),
        };
        self.app.live.floor(&FloorView {
            t: newest.0,
            people: self.tracks.values().map(person).collect(),
        });
        if !self.cameras.is_empty() {
            self.app.live.cameras(&self.pictures(pipeline, newest));
        }
    }

    /// What is in the pictures of the cameras that send any.
    fn pictures(&self, pipeline: &Pipeline, newest: StoreTime) -> CamerasView {
        let mut cameras = Vec::new();
        for (i, view) in self.views.iter().enumerate() {
            let ix = CameraIx::from(i);
            let (pictures, live) = self.app.cameras.state(ix);
            let fares = self.cameras.get(&ix);
            if pictures == 0 && fares.is_none() {
                continue;
            }
            // A camera before shelves sends a picture every few seconds.
            let heard = fares.is_some_and(|c| c.source == "bus" && c.connected);
            let camera = view.camera();
            let share = |p: Pixel| {
                let thousandths = |x: f64| (x * 1_000.0).round() / 1_000.0;
                [
                    thousandths(p.u / f64::from(camera.width_px)),
                    thousandths(p.v / f64::from(camera.height_px)),
                ]
            };
            let at = |p: Point3| view.project(p).map(share);
            let recent = |s: &&Sighting| newest.since(s.t) <= SHOWN;
            let sighting = self.sightings.get(&ix).filter(recent);
            let people = sighting.map_or(&[][..], |s| &s.people);
            let hands = sighting.map_or(&[][..], |s| &s.hands);
            let track = |p: &TrackPoint| {
                let head = view.project(p.position.at_height(HEAD_M))?;
                if !view.contains(head) {
                    return None;
                }
                Some(SeenTrackView {
                    id: p.track.0,
                    session: pipeline.session_of(p.track).map(|s| s.to_string()),
                    head: share(head),
                    foot: at(p.position.at_height(0.0)).unwrap_or(share(head)),
                    wrists: p.wrists.iter().filter_map(|w| at(w.position)).collect(),
                })
            };
            cameras.push(SeenView {
                camera: PictureView {
                    name: camera.name.clone(),
                    width_px: camera.width_px,
                    height_px: camera.height_px,
                    pictures,
                    live: live || heard,
                },
                health: fares.map_or_else(|| "good".to_owned(), |c| c.health.clone()),
                off_deg: fares.and_then(|c| c.off_deg),
                error: fares.and_then(|c| c.error.clone()),
                heads: people
                    .iter()
                    .map(|p| {
                        let [u, v] = share(p.head);
                        // A head's own error grows with its size.
                        let radius = 2.0 * p.head_sigma_px / f64::from(camera.width_px);
                        [u, v, radius, f64::from(p.score)]
                    })
                    .collect(),
                hands: hands
                    .iter()
                    .map(|h| {
                        let [u, v] = share(h.at);
                        [u, v, f64::from(h.score)]
                    })
                    .collect(),
                tracks: self.tracks.values().filter_map(track).collect(),
            });
        }
        CamerasView {
            t: newest.0,
            simulated: self.sightings.is_empty(),
            cameras,
        }
    }

    /// Everything else.
    pub fn state(
        &mut self,
        pipeline: &Pipeline,
        bus: CountersSnapshot,
        now: StoreTime,
        lag: TimeDelta,
        balances: &Balances,
    ) {
        let checkout = &self.app.checkout;
        let shop = &self.app.shop;
        let reviews = checkout.reviews(now);
        let receipts = checkout.receipts(RECEIPTS_SHOWN).unwrap_or_else(|error| {
            tracing::error!("checkout: {error}");
            Vec::new()
        });
        let lane_units = |lane: &walkout_model::Lane| {
            let sku = shop.catalogue[lane.sku].gtin;
            balances.get(&Account::Lane(lane.name.clone()), sku)
        };
        let health = self.health(pipeline, bus, lag);
        self.app.live.state(StateView {
            t: now.0,
            totals: TotalsView {
                people: self.tracks.len(),
                movements: self.movements,
                receipts: checkout.counters().receipts,
                drafts: receipts.iter().filter(|r| r.number.is_none()).count(),
                reviews_open: reviews.len(),
            },
            sessions: inside(&self.app),
            receipts: receipts
                .iter()
                .map(|r| convert::receipt(r, checkout.session(r.session).as_ref()))
                .collect(),
            reviews: reviews
                .iter()
                .take(REVIEWS_SHOWN)
                .map(|r| convert::review(shop, r))
                .collect(),
            questions: checkout
                .questions(now)
                .iter()
                .filter_map(|q| convert::question(shop, q))
                .collect(),
            lanes: shop.planogram.lanes.iter().map(lane_units).collect(),
            shelves: self.shelves.clone(),
            health,
        });
    }

    fn health(&self, pipeline: &Pipeline, bus: CountersSnapshot, lag: TimeDelta) -> HealthView {
        let plate = |ix: &PlateIx| {
            let plate = self.app.shop.layout.plates.get(ix.usize());
            plate.map_or_else(String::new, |p| p.name.clone())
        };
        let health = pipeline.plate_health();
        let good = health.iter().filter(|h| **h == PlateHealth::Good).count();
        let faults = self.faults.values().take(FAULTS_SHOWN);
        HealthView {
            bus: self.bus_view(bus),
            plates_good: good,
            plates_faulty: self.faults.len(),
            faults: faults
                .map(|f| FaultView {
                    plate: plate(&f.plate),
                    health: convert::snake_case(&f.health),
                    since: f.t.0,
                })
                .collect(),
            cameras: self.cameras.values().cloned().collect(),
            entries: self.app.ledger.head().seq,
            lag_s: lag.as_secs_f64(),
            refusals: self.refusals(pipeline),
        }
    }

    fn bus_view(&self, bus: CountersSnapshot) -> BusView {
        let refusals = bus.refusals.into_iter();
        BusView {
            connected: bus.connected,
            broker: self.broker.clone(),
            connections_lost: bus.connections_lost,
            messages: bus.messages,
            bytes: bus.bytes,
            samples: bus.samples,
            dropped: bus.dropped,
            refusals: refusals
                .map(|r| RefusalView {
                    cause: convert::snake_case(&r.cause),
                    source: r.source,
                    count: r.count,
                    last: r.last,
                })
                .collect(),
        }
    }

    /// What each part counts as refused, and the notices.
    fn refusals(&self, pipeline: &Pipeline) -> Vec<RefusalView> {
        let (mut perception, fusion) = pipeline.counters();
        perception.accepted = 0;
        let mut out = counted("perception", &perception);
        out.extend(counted("fusion", &fusion));
        out.extend(self.eyes.iter().cloned());
        out.extend(counted("checkout", &self.app.checkout.refusals()));
        let notices = self.notices.iter();
        out.extend(notices.map(|((cause, source), (count, said))| RefusalView {
            cause: cause.clone(),
            source: source.clone(),
            count: *count,
            last: said.clone(),
        }));
        out
    }
}

/// The counters of a struct that are not zero, by their names.
fn counted<T: serde::Serialize>(source: &str, counters: &T) -> Vec<RefusalView> {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(counters) else {
        return Vec::new();
    };
    let counts = fields.into_iter().filter_map(|(cause, count)| {
        let count = count.as_u64().filter(|&n| n > 0)?;
        Some(RefusalView {
            cause,
            source: source.to_owned(),
            count,
            last: String::new(),
        })
    });
    counts.collect()
}
