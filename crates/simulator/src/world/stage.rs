//! What all people share: the shop, its goods, the gates, the parties, and who stands where.

use super::floor::Floor;
use super::goods::{Goods, Place};
use super::task::Task;
use crate::draw::Draw;
use crate::scene::Scene;
use crate::truth::Truth;
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_model::{GateIx, PartyKind, Point2, ShelfIx, Shop, SkuIx, StoreTime};

/// Nobody waits longer than this for another person, seconds.
pub(crate) const PATIENCE_S: f64 = 25.0;

/// Everything that a person can see and touch.
#[derive(Debug)]
pub(crate) struct Stage {
    pub shop: Arc<Shop>,
    pub floor: Floor,
    pub goods: Goods,
    pub scene: Scene,
    pub truth: Truth,
    pub parties: Vec<Party>,
    pub gates: Vec<GateState>,
    pub crowd: Vec<Neighbour>,
    pub posts: Vec<Post>,
    pub meetings: Meetings,
    /// Draws that belong to nobody in particular: bumps, knocks.
    pub draw: Draw,
    /// Chance that an action knocks the whole rack.
    pub bump: f64,
    pub tick: u64,
    /// A scenario's people by their place in its list, once they came in.
    pub cast: Vec<Option<u32>>,
    /// What a scenario asked for that could not be done.
    pub undone: Vec<String>,
}

/// Who came under one code, or a tailgater who came under none.
#[derive(Debug)]
pub(crate) struct Party {
    /// `None` for a tailgater.
    pub phone: Option<u32>,
    pub kind: PartyKind,
    pub people: u8,
    /// How many have not left yet.
    pub inside: u8,
    /// How many want to go.
    pub ready: u8,
    pub t_in: Option<StoreTime>,
    pub t_out: Option<StoreTime>,
    /// What those who left had with them.
    pub basket: BTreeMap<SkuIx, u32>,
}

/// One party at a time passes a gate, so that the gate can tell whom a code lets in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GateState {
    /// The party that passes and how many of its people still have to.
    pub passing: Option<(usize, u32)>,
    /// The gate stays closed until then.
    pub closed_until: StoreTime,
}

/// A person as the others see them, at the end of the last tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neighbour {
    pub person: u32,
    pub party: usize,
    pub position: Point2,
    pub velocity: Point2,
    /// Where they stand and mean to stay, or where they are going to.
    pub claims: Option<Point2>,
    /// A shopper who could be asked to take part in something.
    pub free: bool,
    /// Waits for this person to hand something over.
    pub receives_from: Option<u32>,
}

/// What one person does to another; delivered at the end of the tick.
#[derive(Debug)]
pub(crate) enum Post {
    /// Do this now.
    Ask { to: u32, tasks: Vec<Task> },
    /// Here, hold this.
    Hand { to: u32, units: Vec<usize> },
}

/// Points in time that several people wait for together.
#[derive(Debug, Default)]
pub(crate) struct Meetings {
    next: u32,
    open: BTreeMap<u32, (u32, u32)>,
}

impl Meetings {
    /// A meeting of so many.
    pub fn call(&mut self, need: u32) -> u32 {
        self.next += 1;
        self.open.insert(self.next, (need, 0));
        // Meetings that somebody missed would pile up; the oldest have long been given up.
        while self.open.len() > 256 {
            self.open.pop_first();
        }
        self.next
    }

    /// One more has come.
    pub fn arrive(&mut self, meeting: u32) {
        if let Some((_, arrived)) = self.open.get_mut(&meeting) {
            *arrived += 1;
        }
    }

    /// Whether all have come (or it was given up).
    pub fn is_complete(&self, meeting: u32) -> bool {
        self.open
            .get(&meeting)
            .is_none_or(|(need, arrived)| arrived >= need)
    }
}

impl Stage {
    /// Now.
    pub fn now(&self) -> StoreTime {
        self.scene.t
    }

    /// Where to stand to reach for this place of a shelf, away from others if possible; `None` if
    /// no free floor is near.
    pub fn stance(&self, me: u32, shelf: ShelfIx, x_m: f64) -> Option<Point2> {
        let mut best: Option<(f64, Point2)> = None;
        for (i, side) in [0.0, 0.2, -0.2, 0.4, -0.4].into_iter().enumerate() {
            for (j, away) in [0.42, 0.55, 0.34].into_iter().enumerate() {
                let p = self
                    .shop
                    .layout
                    .floor_from_shelf(shelf, x_m + side, -away, 0.0);
                let p = p.floor();
                if !self.floor.is_free(p) {
                    continue;
                }
                let crowd: f64 = self
                    .crowd
                    .iter()
                    .filter(|n| n.person != me)
                    .filter_map(|n| n.claims)
                    .map(|place| (0.55 - place.distance(p)).max(0.0) * 6.0)
                    .sum();
                let cost = crowd + 0.3 * i as f64 + 0.1 * j as f64;
                if best.is_none_or(|(b, _)| cost < b) {
                    best = Some((cost, p));
                }
            }
        }
        best.map(|(_, p)| p)
    }

    /// The middle of a place, along its shelf.
    pub fn spot_of(&self, place: Place) -> (ShelfIx, f64) {
        match place {
            Place::Near(shelf, x_m) => (shelf, x_m),
            Place::Lane(lane) => {
                let lane = &self.shop.planogram.lanes[lane.usize()];
                (lane.shelf, lane.x_m + lane.width_m / 2.0)
            }
        }
    }

    /// A free place just inside a gate.
    pub fn inside_of(&self, gate: GateIx) -> Point2 {
        let g = &self.shop.layout.gates[gate.usize()];
        let p = g.middle() + g.inward() * 0.7;
        self.floor.nearest_free(p, 2.0).unwrap_or(p)
    }

    /// Whether the party may begin to pass the gate; if so it holds the gate.
    pub fn acquire(&mut self, gate: GateIx, party: usize) -> bool {
        let now = self.now();
        let state = &mut self.gates[gate.usize()];
        match &mut state.passing {
            Some((holder, count)) if *holder == party => {
                *count += 1;
                true
            }
            None if now >= state.closed_until => {
                state.passing = Some((party, 1));
                true
            }
            _ => false,
        }
    }

    /// One of the party is through.
    pub fn release(&mut self, gate: GateIx) {
        let reopen = self.now() + walkout_model::TimeDelta::from_millis(900);
        let state = &mut self.gates[gate.usize()];
        if let Some((_, count)) = &mut state.passing {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.passing = None;
                state.closed_until = reopen;
            }
        }
    }

    /// Another person, as seen at the end of the last tick.
    pub fn neighbour(&self, person: u32) -> Option<&Neighbour> {
        self.crowd.iter().find(|n| n.person == person)
    }
}
