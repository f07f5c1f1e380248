//! The world: people, goods, actions. Refills a [`Scene`] each tick and writes the truth.

mod aim;
mod arrivals;
mod books;
mod floor;
mod goods;
mod handing;
mod mind;
mod mischief;
mod person;
mod reach;
mod script;
mod sights;
mod staff;
mod stage;
mod task;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

use crate::devices::Fault;
use crate::draw::Draw;
use crate::presets::{self, Habits, Preset};
use crate::render::Snapshot;
use crate::scenario::Script;
pub(crate) use sights::head;

use crate::scene::{Body, Scene};
use crate::truth::Truth;
use crate::{Plan, Program, SimulationError};
use floor::Floor;
use goods::Goods;
pub(crate) use goods::Place;
use mind::Demand;
use person::Person;
use stage::{GateState, Meetings, Post, Stage};
use std::sync::Arc;
use walkout_model::layout::GateKind;
use walkout_model::{GateIx, LaneIx, PartyKind, Shop, StoreTime, TimeDelta};

/// Streams of draws, by what they are for. People have 1,000 + their number.
mod stream {
    pub const STOCK: u64 = 1;
    pub const DEMAND: u64 = 2;
    pub const ARRIVALS: u64 = 3;
    pub const STAGE: u64 = 4;
    pub const PEOPLE: u64 = 1000;
}

/// The physical shop and everybody in it.
#[derive(Debug)]
pub(crate) struct World {
    stage: Stage,
    people: Vec<Person>,
    seed: u64,
    start: StoreTime,
    habits: Arc<Habits>,
    demand: Arc<Demand>,
    arrivals: Draw,
    next_arrival: StoreTime,
    next_staff: StoreTime,
    /// Shopping parties that may still be admitted.
    admit: u32,
    /// Nobody is admitted from then on.
    doors_close: StoreTime,
    next_person: u32,
    next_phone: u32,
    entry: GateIx,
    exit: GateIx,
    script: Option<Script>,
    opening: Vec<u32>,
    empty_since: Option<StoreTime>,
    closed_books: bool,
}

impl World {
    /// The shop before the first shopper.
    pub fn new(shop: Arc<Shop>, plan: &Plan) -> Result<Self, SimulationError> {
        let gate = |kind: GateKind| {
            shop.layout
                .gates
                .iter()
                .position(|g| g.kind == kind || g.kind == GateKind::Both)
                .map(GateIx::from)
                .ok_or(SimulationError::NoGate)
        };
        let (entry, exit) = (gate(GateKind::Entry)?, gate(GateKind::Exit)?);
        let g = &shop.layout.gates[entry.usize()];
        let floor = Floor::new(&shop.layout, g.middle() + g.inward() * 0.7);
        let (preset, script) = match &plan.program {
            Program::Preset(preset) => (*preset, None),
            // Those of a scenario do what it says; the preset's habits only fill the struct.
            Program::Scenario(s) => (Preset::Quiet, Some(s.resolve(&shop, plan.start)?)),
        };
        let mut habits = preset.habits(shop.layout.floor.area_m2());
        if script.is_some() {
            habits.bump = 0.0;
        }
        if let Some(people) = plan.people {
            habits.at_once = people;
        }
        if preset == Preset::Cps2020 {
            habits.actions = presets::cps_actions(plan.case);
        }
        // Cases of one seed are different runs: each has its own streams.
        let seed = plan.seed ^ u64::from(plan.case).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let admit = match preset {
            _ if script.is_some() => 0,
            Preset::Cps2020 | Preset::Aim3s => preset.shoppers(plan.case),
            _ => plan.receipts.unwrap_or(u32::MAX),
        };
        let mut stage = Stage {
            goods: Goods::new(&shop),
            floor,
            scene: Scene {
                t: plan.start,
                ..Scene::default()
            },
            truth: Truth::default(),
            parties: Vec::new(),
            gates: vec![GateState::default(); shop.layout.gates.len()],
            crowd: Vec::new(),
            posts: Vec::new(),
            meetings: Meetings::default(),
            draw: Draw::new(seed, stream::STAGE),
            bump: habits.bump,
            tick: 0,
            cast: Vec::new(),
            undone: Vec::new(),
            shop,
        };
        let mut stock = Draw::new(seed, stream::STOCK);
        fill_shelves(&mut stage, script.as_ref(), &mut stock);
        let lanes = (0..stage.shop.planogram.lanes.len()).map(LaneIx::from);
        let opening = lanes.map(|l| stage.goods.on_hand(l)).collect();
        let demand = demand(&stage, &mut Draw::new(seed, stream::DEMAND))?;
        let mut world = Self {
            people: Vec::new(),
            seed,
            start: plan.start,
            habits: Arc::new(habits),
            demand: Arc::new(demand),
            arrivals: Draw::new(seed, stream::ARRIVALS),
            next_arrival: plan.start + TimeDelta::from_millis(500),
            next_staff: plan.start,
            admit,
            doors_close: plan
                .duration
                .map_or(StoreTime(i64::MAX), |d| plan.start + d),
            next_person: 1,
            next_phone: 1,
            entry,
            exit,
            script,
            opening,
            empty_since: None,
            closed_books: false,
            stage,
        };
        world.write_stock();
        world.refill_scene();
        Ok(world)
    }

    /// The instant as the devices see it.
    pub fn scene(&self) -> &Scene {
        &self.stage.scene
    }

    /// What a camera could see now.
    pub fn snapshot(&self, snapshot: &mut Snapshot) {
        sights::fill(&self.stage, &self.people, snapshot);
    }

    /// Truth lines since the last call.
    pub fn drain_truth(&mut self) -> String {
        self.stage.truth.drain()
    }

    /// Units of its own SKU in each lane when the shop opened.
    pub fn opening_count(&self) -> &[u32] {
        &self.opening
    }

    /// Device faults that the scenario asks for.
    pub fn plate_faults(&self) -> Vec<Fault> {
        self.script
            .as_ref()
            .map_or_else(Vec::new, |s| s.faults.clone())
    }

    /// What the scenario asked for that could not be done, so far.
    pub fn undone(&self) -> &[String] {
        &self.stage.undone
    }

    /// Whether the last shopper has left and the shop has settled.
    pub fn is_over(&self) -> bool {
        self.closed_books
    }

    /// One tick.
    pub fn step(&mut self) {
        self.stage.tick += 1;
        let now = self.time_of(self.stage.tick);
        let scene = &mut self.stage.scene;
        scene.t = now;
        scene.pushes.clear();
        scene.impacts.clear();
        scene.bumps.clear();
        scene.crossings.clear();
        scene.scans.clear();
        scene.track_faults.clear();
        self.admit_people();
        self.admit_cast();
        for person in &mut self.people {
            person.step(&mut self.stage);
        }
        self.deliver();
        self.see_off();
        self.refill_scene();
        self.close_books();
    }

    fn time_of(&self, tick: u64) -> StoreTime {
        let ticks = i64::try_from(tick).unwrap_or(i64::MAX);
        self.start + TimeDelta(ticks.saturating_mul(1_000_000) / 60)
    }

    fn refill_scene(&mut self) {
        let stage = &mut self.stage;
        stage.crowd.clear();
        stage
            .crowd
            .extend(self.people.iter().map(Person::neighbour));
        stage.scene.people.clear();
        let bodies = self.people.iter().map(|p| Body {
            uniform: stage.parties[p.party].kind == PartyKind::Staff,
            ..p.body(&stage.goods)
        });
        stage.scene.people.extend(bodies);
        stage.scene.goods_g.clone_from(&stage.goods.plate_g);
    }

    fn deliver(&mut self) {
        for post in std::mem::take(&mut self.stage.posts) {
            let to = match &post {
                Post::Ask { to, .. } | Post::Hand { to, .. } => *to,
            };
            let Some(person) = self.people.iter_mut().find(|p| p.id == to) else {
                continue;
            };
            match post {
                Post::Ask { tasks, .. } => person.ask(tasks),
                Post::Hand { units, .. } => person.be_given(units),
            }
        }
    }

    fn see_off(&mut self) {
        let stage = &mut self.stage;
        for person in self.people.iter().filter(|p| p.gone) {
            let party = &mut stage.parties[person.party];
            party.inside = party.inside.saturating_sub(1);
            party.ready = party.ready.saturating_sub(1);
            for id in person.belongings() {
                if let Some(sku) = stage.goods.get(id).sku
                    && party.kind == PartyKind::Shopper
                {
                    *party.basket.entry(sku).or_default() += 1;
                }
            }
            for id in person.belongings() {
                stage.goods.forget(id);
            }
            if party.inside == 0 {
                let party = person.party;
                books::write_visit(stage, party);
            }
        }
        self.people.retain(|p| !p.gone);
    }
}

/// Opens the shop with lanes 60–100 % full, or as a scenario says.
fn fill_shelves(stage: &mut Stage, script: Option<&Script>, draw: &mut Draw) {
    let shop = stage.shop.clone();
    let mut add = |sku, place, draw: &mut Draw| {
        let id = stage.goods.make(&shop, sku, draw);
        let stand = stage.goods.spot(&shop, id, place, draw);
        stage.goods.put(&shop, id, stand);
    };
    for (i, lane) in shop.planogram.lanes.iter().enumerate() {
        let ix = LaneIx::from(i);
        let capacity = f64::from(lane.capacity);
        let units = match script {
            None => ((capacity * draw.between(0.6, 1.0)).round() as u32).max(lane.capacity.min(2)),
            Some(script) => {
                let set = script.stock.iter().rev().find(|(l, _)| *l == ix);
                set.map_or((capacity * script.fill).round() as u32, |(_, units)| *units)
            }
        };
        for _ in 0..units {
            add(lane.sku, Place::Lane(ix), draw);
        }
    }
    for &(sku, units, place) in script.iter().flat_map(|s| &s.placed) {
        for _ in 0..units {
            add(sku, place, draw);
        }
    }
}

/// Zipf-like demand (exponent 0.7) over SKUs in an order drawn by the seed; lanes that nobody can
/// reach have none.
fn demand(stage: &Stage, draw: &mut Draw) -> Result<Demand, SimulationError> {
    let shop = &stage.shop;
    let mut ranks: Vec<(f64, usize)> = (0..shop.catalogue.len())
        .map(|i| (draw.unit(), i))
        .collect();
    ranks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut weight = vec![0.0; shop.catalogue.len()];
    for (rank, (_, sku)) in ranks.into_iter().enumerate() {
        weight[sku] = (rank as f64 + 3.0).powf(-0.7);
    }
    let lanes: Vec<f64> = shop
        .planogram
        .lanes
        .iter()
        .map(|lane| {
            let x_m = lane.x_m + lane.width_m / 2.0;
            let reachable = stage.stance(u32::MAX, lane.shelf, x_m).is_some();
            if reachable {
                weight[lane.sku.usize()]
            } else {
                0.0
            }
        })
        .collect();
    if lanes.iter().all(|&w| w <= 0.0) {
        return Err(SimulationError::NothingInReach);
    }
    Ok(Demand { lanes })
}
