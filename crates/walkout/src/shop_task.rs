//! The task that runs an open shop: takes what the bus and the API say, drives the pipeline, and
//! publishes what the page shows.

use crate::eyes::Eyes;
use crate::facings::Facings;
use crate::heard::Heard;
use crate::outbox::{Outbox, Word};
use crate::pipeline::{Pipeline, PipelineEvent};
use crate::show::Show;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use walkout_checkout::{Applied, CheckoutError, EntryRefused};
use walkout_model::{
    CameraFault, GateIx, SessionOpened, Sighting, StoreTime, TimeDelta, TrackPoint,
};
use walkout_perception::eyes::{Gather, GatherSettings, Watch, WatchSettings};
use walkout_sensors::Observation;
use walkout_sensors::client::{Batch, Bus};
use walkout_sensors::message::GateAnswer;
use walkout_server::{AppState, ToShop};

/// How far the estimators stay behind the newest device time, so that packs of other fixtures,
/// which hold up to a tenth of a second, are there in time.
const LATENESS: TimeDelta = TimeDelta::from_millis(150);
/// The estimators conclude in steps of this much store time.
const STRIDE: TimeDelta = TimeDelta::from_millis(15);
/// Codes that may be with the card gateway at once.
const SCANS_MAX: usize = 64;
/// Messages taken from the queue at once.
const BATCHES_MAX: usize = 256;
/// A shop whose bus says nothing for so long goes by what its own cameras see.
const QUIET: Duration = Duration::from_secs(1);
/// Then the estimators stay behind the newest picture by this: an instant waits so long for slow cameras.
const CAMERAS_LATENESS: TimeDelta = TimeDelta::from_millis(600);

/// An open shop.
pub struct ShopTask {
    app: AppState,
    pipeline: Pipeline,
    bus: Bus,
    eyes: Arc<Eyes>,
    /// What the shop's own eyes see.
    seen: Arc<Outbox>,
    /// Cameras that somebody else looks through.
    heard: Heard,
    /// The newest picture of the shop's own eyes, and when the bus last said something.
    newest: Option<StoreTime>,
    batch_at: Instant,
    from_api: mpsc::Receiver<ToShop>,
    show: Show,
    /// Cameras that tell what they see by themselves.
    gather: Gather,
    watch: Watch,
    /// What cameras before shelves tell.
    facings: Facings,
    scans: JoinSet<(GateIx, Result<SessionOpened, EntryRefused>)>,
    /// How far the estimators are.
    watermark: Option<StoreTime>,
}

impl ShopTask {
    /// A shop that is about to open.
    pub fn new(
        app: AppState,
        bus: Bus,
        (eyes, seen): (Arc<Eyes>, Arc<Outbox>),
        broker: String,
        from_api: mpsc::Receiver<ToShop>,
    ) -> Self {
        Self {
            pipeline: Pipeline::new(app.shop.clone(), app.checkout.clone()),
            show: Show::new(app.clone(), broker),
            gather: Gather::new(GatherSettings::default()),
            watch: Watch::new(&app.shop, WatchSettings::default()),
            facings: Facings::new(&app.shop),
            app,
            bus,
            eyes,
            seen,
            heard: Heard::default(),
            newest: None,
            batch_at: Instant::now(),
            from_api,
            scans: JoinSet::new(),
            watermark: None,
        }
    }

    /// Runs until told to stop; what waits is taken in first.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut floor = tokio::time::interval(Duration::from_millis(125));
        let mut state = tokio::time::interval(Duration::from_millis(500));
        let mut second = tokio::time::interval(Duration::from_secs(1));
        for interval in [&mut floor, &mut state, &mut second] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut batches = Vec::with_capacity(BATCHES_MAX);
        loop {
            tokio::select! {
                biased;
                () = told_to_stop(&mut stop) => break,
                _ = floor.tick() => {
                    self.look_after_cameras();
                    self.show.floor(&self.pipeline, self.newest());
                }
                _ = state.tick() => self.publish(),
                _ = second.tick() => {
                    let ticked = self.app.checkout.tick(self.bus.clock.now()).await;
                    self.report(ticked);
                }
                Some(told) = self.from_api.recv() => self.told(told),
                Some(word) = self.seen.next() => match word {
                    Word::Saw(sighting) => {
                        let t = sighting.t;
                        self.seen(sighting);
                        self.own(t).await;
                    }
                    Word::Shelf(sight) => {
                        let t = sight.t;
                        self.facings.push(sight);
                        self.own(t).await;
                    }
                    // The shop looks after its own cameras.
                    Word::Fares(_) => {}
                },
                Some(scanned) = self.scans.join_next() => {
                    if let Ok((gate, outcome)) = scanned {
                        self.scanned(gate, outcome);
                    }
                }
                n = self.bus.observations.recv_many(&mut batches, BATCHES_MAX) => {
                    if n == 0 {
                        tracing::error!("the bus task has ended");
                        break;
                    }
                    for batch in batches.drain(..) {
                        self.take(batch).await;
                    }
                }
            }
        }
        self.close().await;
    }

    async fn take(&mut self, batch: Batch) {
        self.batch_at = Instant::now();
        let due = batch.newest - LATENESS;
        if self.watermark.is_none_or(|at| due.since(at) >= STRIDE) {
            self.watermark = Some(due);
            self.advance(due).await;
            self.app.concluded.store(due.0, Ordering::Relaxed);
        }
        for observation in batch.observations {
            match observation {
                Observation::Loads(samples) => self.pipeline.push_loads(&samples),
                Observation::Track(point) => self.somebody(point),
                Observation::Look(look) => self.pipeline.push_look(look),
                Observation::Sighting(sighting) => {
                    let fault = self.heard.saw(&sighting);
                    self.camera_faults(fault);
                    self.seen(sighting);
                }
                Observation::Shelf(sight) => {
                    let fault = self.heard.looked(&sight);
                    self.camera_faults(fault);
                    self.facings.push(sight);
                }
                Observation::Camera(fault) => {
                    let fault = self.heard.fares(fault);
                    self.camera_faults(fault);
                }
                Observation::Crossing(crossing) => self.pipeline.push_crossing(crossing),
                Observation::Scan { t, gate, code } => self.scan(t, gate, code),
            }
        }
    }

    /// One of the shop's own cameras saw something at `t`. In a shop where nothing else speaks time goes on by its pictures.
    async fn own(&mut self, t: StoreTime) {
        self.newest = self.newest.max(Some(t));
        let due = t - CAMERAS_LATENESS;
        if self.batch_at.elapsed() >= QUIET
            && self.watermark.is_none_or(|at| due.since(at) >= STRIDE)
        {
            self.watermark = Some(due);
            self.advance(due).await;
            self.app.concluded.store(due.0, Ordering::Relaxed);
        }
    }

    /// The newest time that a device or one of the shop's own cameras told.
    fn newest(&self) -> StoreTime {
        let devices = self.bus.clock.newest();
        self.newest.map_or(devices, |seen| seen.max(devices))
    }

    /// Takes note of cameras that fail or are well again, and tells the page at once.
    fn look_after_cameras(&mut self) {
        let now = self.bus.clock.now();
        let mut faults = self.eyes.tick(now);
        faults.extend(self.heard.tick(now));
        self.camera_faults(faults);
    }

    fn camera_faults(&mut self, faults: impl IntoIterator<Item = CameraFault>) {
        let mut any = false;
        for fault in faults {
            self.show.camera_fault(fault);
            any = true;
        }
        if any {
            self.publish();
        }
    }

    /// One camera's word; when all have spoken of an instant, people follow from it.
    fn seen(&mut self, sighting: Sighting) {
        self.show.sighting(&sighting);
        self.gather.push(sighting);
        for (t, sightings) in self.gather.ready() {
            let watched = self.watch.update(t, &sightings);
            for point in watched.points {
                self.somebody(point);
            }
            for look in watched.looks {
                self.pipeline.push_look(look);
            }
            for fault in watched.calibration {
                self.show.calibration(fault);
            }
        }
    }

    fn somebody(&mut self, point: TrackPoint) {
        self.show.track(&point);
        self.facings.person(&point);
        self.pipeline.push_track(point);
    }

    async fn advance(&mut self, now: StoreTime) {
        for step in self.facings.moved(now) {
            self.pipeline.push_step(step);
        }
        let advanced = self.pipeline.advance(now).await;
        self.report(advanced);
        for event in self.pipeline.drain_events() {
            match event {
                PipelineEvent::Movement(movement, Applied::Recorded(_)) => {
                    self.show.movement(movement.id);
                }
                PipelineEvent::Movement(_, Applied::Repeated) => {}
                PipelineEvent::Exit(..) => {}
                PipelineEvent::Fault(fault) => self.show.fault(fault),
                PipelineEvent::ClockJump { t, fixture } => {
                    let said = format!("fixture {fixture}: its clock was set right at {}", t.0);
                    self.show.notice("clock_jump", "perception", &said);
                }
                PipelineEvent::Notice(notice) => self.show.fusion_notice(&notice),
            }
        }
    }

    /// The gateway may take its time: the shop goes on meanwhile.
    fn scan(&mut self, t: StoreTime, gate: GateIx, code: String) {
        if self.scans.len() >= SCANS_MAX {
            self.show.notice(
                "scans_full",
                "gate",
                "more codes at once than can be checked",
            );
            self.answer(gate, &refusal("too many codes at once: try again"));
            return;
        }
        let checkout = self.app.checkout.clone();
        self.scans
            .spawn(async move { (gate, checkout.scan(&code, gate, t).await) });
    }

    fn scanned(&mut self, gate: GateIx, outcome: Result<SessionOpened, EntryRefused>) {
        match outcome {
            Ok(opened) => {
                self.pipeline.opened(opened);
                let answer = GateAnswer {
                    open: true,
                    session: Some(opened.session.to_string()),
                    people: Some(opened.people),
                    reason: None,
                };
                self.answer(gate, &answer);
            }
            Err(refused) => {
                if let EntryRefused::Checkout(error) = &refused {
                    tracing::error!("checkout: {error}");
                }
                self.answer(gate, &refusal(&refused.to_string()));
            }
        }
    }

    fn answer(&self, gate: GateIx, answer: &GateAnswer) {
        if !self.bus.answers.send(gate, answer) {
            tracing::warn!("a gate's answer was dropped: the bus takes none");
        }
    }

    fn told(&mut self, told: ToShop) {
        match told {
            ToShop::Opened(opened) => self.pipeline.opened(opened),
            ToShop::Counted => self.pipeline.stock_counted(&self.app.ledger.balances()),
        }
    }

    fn publish(&mut self) {
        let bus = self.bus.counters.snapshot();
        let newest = self.newest();
        let lag = self
            .watermark
            .map_or(TimeDelta::ZERO, |at| newest.since(at));
        let now = self.bus.clock.now();
        self.show.cameras(self.eyes.views(), &self.heard, now);
        let (gather, watch) = (self.gather.counters(), self.watch.counters());
        self.show.eyes(&gather, &watch, &self.facings.counters());
        let balances = self.app.ledger.balances();
        let shelves = self.facings.view(&self.app.shop, &balances, newest);
        self.show.shelves(shelves);
        self.show.state(&self.pipeline, bus, now, lag, &balances);
    }

    fn report(&mut self, outcome: Result<(), CheckoutError>) {
        if let Err(error) = outcome {
            tracing::error!("checkout: {error}");
            self.show
                .notice("not_recorded", "ledger", &error.to_string());
        }
    }

    /// Takes in what has come already and lets codes that are being checked end.
    async fn close(&mut self) {
        self.seen.close();
        while let Ok(batch) = self.bus.observations.try_recv() {
            self.take(batch).await;
        }
        let checked = async {
            while let Some(scanned) = self.scans.join_next().await {
                if let Err(error) = scanned {
                    tracing::error!("a scan did not end well: {error}");
                }
            }
        };
        if tokio::time::timeout(Duration::from_secs(2), checked)
            .await
            .is_err()
        {
            tracing::warn!("codes were still being checked; the next start settles their holds");
        }
        self.publish();
    }
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could say so is gone, which says the same.
    let _ = stop.wait_for(|&stop| stop).await;
}

fn refusal(reason: &str) -> GateAnswer {
    GateAnswer {
        open: false,
        session: None,
        people: None,
        reason: Some(reason.to_owned()),
    }
}
