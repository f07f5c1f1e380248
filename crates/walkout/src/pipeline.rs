//! Perception, fusion and checkout joined: what devices say goes in, what the shop concludes comes
//! out. Reads no clock and opens nothing; `serve` and `simulate` both run on it.

use std::sync::Arc;
use walkout_checkout::{Applied, Checkout, CheckoutError, EntryRefused, Exited, Stage};
use walkout_fusion::{
    Fusion, FusionConfig, FusionCounters, FusionEvent, Notice, first_of, step_of,
};
use walkout_ledger::{Account, Balances};
use walkout_model::{
    AttributedMovement, GateCrossing, GateIx, ItemLook, LaneIx, LoadSample, MovementId, PlateFault,
    PlateHealth, SessionExit, SessionId, SessionOpened, Shop, StoreTime, TrackId, TrackPoint,
    WeightStep, Who,
};
use walkout_perception::{IntakeCounters, Perception, PerceptionConfig, PerceptionEvent};

/// What the shop concluded.
#[derive(Clone, Debug, PartialEq)]
pub enum PipelineEvent {
    /// Goods moved; what checkout made of it.
    Movement(Box<AttributedMovement>, Applied),
    /// A party left; what became of its receipt.
    Exit(SessionExit, Exited),
    /// A plate's health changed.
    Fault(PlateFault),
    /// A fixture's clock jumped and was set right.
    ClockJump {
        /// When it was noticed.
        t: StoreTime,
        /// The fixture's name.
        fixture: String,
    },
    /// Something that staff should know of.
    Notice(Notice),
}

/// Steps that cameras see are numbered from here on, above those of plates.
const SEEN: u64 = 1 << 40;

/// The estimators and the checkout of one shop.
pub struct Pipeline {
    shop: Arc<Shop>,
    perception: Perception,
    fusion: Fusion,
    checkout: Checkout,
    /// Cameras' own numbers of steps are counted from here.
    seen: u64,
    told: Vec<PerceptionEvent>,
    concluded: Vec<FusionEvent>,
    events: Vec<PipelineEvent>,
}

impl Pipeline {
    /// Fresh estimators over a checkout. They know the shop's files, and of its state what the
    /// ledger says stands in the lanes.
    pub fn new(shop: Arc<Shop>, checkout: Checkout) -> Self {
        Self::with(shop, checkout, FusionConfig::default())
    }

    /// The same with other settings of fusion.
    pub fn with(shop: Arc<Shop>, checkout: Checkout, fusion: FusionConfig) -> Self {
        // A movement is known by its step's number, so that one that comes again is not counted twice: those of an earlier run must not
        // be met again.
        let last = |below| checkout.last_movement(below).map_or(0, step_of);
        let mut perception = Perception::new(&shop, PerceptionConfig::default());
        perception.number_after(last(first_of(SEEN)));
        let seen = last(MovementId(u64::MAX)).max(SEEN);
        let mut pipeline = Self {
            perception,
            seen,
            fusion: Fusion::new(Arc::clone(&shop), fusion),
            checkout,
            shop,
            told: Vec::new(),
            concluded: Vec::new(),
            events: Vec::new(),
        };
        let balances = pipeline.checkout.balances();
        pipeline.stock_counted(&balances);
        pipeline.resume();
        pipeline
    }

    /// Parties that the books say are inside are, with what their carts hold.
    fn resume(&mut self) {
        let gates = &self.shop.layout.gates;
        let sessions = self.checkout.sessions();
        let known = self.checkout.last_recorded();
        for session in sessions.iter().filter(|s| s.stage == Stage::Open) {
            // A gate that is no longer there matters to nobody who has passed it.
            let gate = gates.iter().position(|g| g.name == session.gate);
            let opened = SessionOpened {
                t: session.entered,
                gate: GateIx::from(gate.unwrap_or(0)),
                session: session.id,
                people: session.people,
                kind: session.kind,
            };
            let sku = |gtin| self.shop.catalogue.find(gtin);
            let held = session.cart.iter();
            let held: Vec<_> = held
                .filter_map(|line| Some((sku(line.gtin)?, line.units)))
                .collect();
            self.fusion.session_resumed(opened, &held, known);
        }
    }

    /// Load-cell samples, in any order.
    pub fn push_loads(&mut self, samples: &[LoadSample]) {
        self.perception.push_loads(samples, &mut self.told);
    }

    /// A track point.
    pub fn push_track(&mut self, point: TrackPoint) {
        self.fusion.track(point);
    }

    /// A look at an item.
    pub fn push_look(&mut self, look: ItemLook) {
        self.fusion.look(look);
    }

    /// Goods moved, as others than load cells tell it.
    pub fn push_step(&mut self, mut step: WeightStep) {
        step.serial += self.seen;
        self.fusion.step(step);
    }

    /// Somebody crossed a gate.
    pub fn push_crossing(&mut self, crossing: GateCrossing) {
        self.fusion.crossing(crossing);
    }

    /// Checkout let a party in.
    pub fn opened(&mut self, opened: SessionOpened) {
        self.fusion.session_opened(opened);
    }

    /// A phone showed a code: asks checkout and tells fusion.
    ///
    /// # Errors
    /// Why the party may not come in.
    pub async fn scan(
        &mut self,
        code: &str,
        gate: GateIx,
        t: StoreTime,
    ) -> Result<SessionOpened, EntryRefused> {
        let opened = self.checkout.scan(code, gate, t).await?;
        self.opened(opened);
        Ok(opened)
    }

    /// The books of the lanes were set. Lanes that the books do not know, or hold at less than
    /// nothing, stay as fusion believes them to be.
    pub fn stock_counted(&mut self, balances: &Balances) {
        for (i, lane) in self.shop.planogram.lanes.iter().enumerate() {
            let Some(product) = self.shop.catalogue.get(lane.sku) else {
                continue;
            };
            let units = balances.get(&Account::Lane(lane.name.clone()), product.gtin);
            if let Ok(units @ 1..) = u32::try_from(units) {
                self.fusion.stock_counted(LaneIx::from(i), units);
            }
        }
    }

    /// Concludes what can be concluded at `now` and has it recorded. If the ledger fails, what was
    /// concluded is kept and recorded by the next call.
    ///
    /// # Errors
    /// If the ledger fails.
    pub async fn advance(&mut self, now: StoreTime) -> Result<(), CheckoutError> {
        self.perception.advance(now, &mut self.told);
        for event in self.told.drain(..) {
            match event {
                PerceptionEvent::Step(step) => self.fusion.step(step),
                PerceptionEvent::Disturbed(disturbance) => self.fusion.disturbed(disturbance),
                PerceptionEvent::Touch(_) => {}
                PerceptionEvent::Fault(fault) => {
                    self.fusion.fault(fault);
                    self.events.push(PipelineEvent::Fault(fault));
                }
                PerceptionEvent::ClockJump { t, fixture, .. } => {
                    let fixture = self.shop.layout.fixtures.get(fixture.usize());
                    let fixture = fixture.map_or_else(String::new, |f| f.name.clone());
                    self.events.push(PipelineEvent::ClockJump { t, fixture });
                }
            }
        }
        self.fusion.advance(now, &mut self.concluded);
        let mut recorded = 0;
        let mut outcome = Ok(());
        for event in &self.concluded {
            let event = match record(&self.checkout, event).await {
                Ok(event) => event,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            };
            self.events.push(event);
            recorded += 1;
        }
        self.concluded.drain(..recorded);
        outcome
    }

    /// What was concluded since the last call.
    pub fn drain_events(&mut self) -> Vec<PipelineEvent> {
        std::mem::take(&mut self.events)
    }

    /// The session a track most probably belongs to.
    pub fn session_of(&self, track: TrackId) -> Option<SessionId> {
        match self.fusion.likely_party(track)?.0 {
            Who::Session(session) => Some(session),
            Who::Unknown => None,
        }
    }

    /// How each plate fares, in the layout's order.
    pub fn plate_health(&self) -> Vec<PlateHealth> {
        self.perception.health()
    }

    /// What perception and fusion refused since the start.
    pub fn counters(&self) -> (IntakeCounters, FusionCounters) {
        (self.perception.counters(), self.fusion.counters())
    }
}

async fn record(checkout: &Checkout, event: &FusionEvent) -> Result<PipelineEvent, CheckoutError> {
    Ok(match event {
        FusionEvent::Movement(movement) => {
            let applied = checkout.apply(movement).await?;
            PipelineEvent::Movement(Box::new(movement.clone()), applied)
        }
        FusionEvent::Exit(exit) => PipelineEvent::Exit(*exit, checkout.exit(exit).await?),
        FusionEvent::Notice(notice) => PipelineEvent::Notice(*notice),
    })
}
