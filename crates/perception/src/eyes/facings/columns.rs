//! Columns of lanes whose moves are told: where they are, who was at them, and what a move in one weighs.

use super::bystanders::{Bystander, Bystanders};
use super::compare::{Moved, Visit};
use super::geometry;
use super::rows::Rows;
use walkout_model::{
    FixtureIx, LaneIx, PlateDelta, PlateIx, Point3, SeenMove, ShelfIx, Shop, StoreTime, TimeDelta,
    WeightStep,
};

/// Who moves goods stands no farther from their front, metres.
const AT_SHELF_M: f64 = 1.1;
/// A hand so near to a column's front was at it, metres.
const AT_COLUMN_M: f64 = 0.35;
/// A change of mass is that of units, give or take so much of one.
const MASS_SHARE: f64 = 0.05;

/// A lane.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    ix: LaneIx,
    shelf: ShelfIx,
    pub fixture: FixtureIx,
    /// Where the shelf begins along it, metres.
    x_m: f64,
    pub grams: f64,
    /// How many weights each of its columns has.
    pub weights: usize,
    /// None where plates tell what moves.
    pub fronts: Vec<Front>,
}

/// Where a column is.
#[derive(Clone, Debug)]
pub(super) struct Front {
    pub middle: Point3,
    /// From the shelf's left end, and how wide, metres.
    x_m: f64,
    width_m: f64,
    /// The plates under it, with their shares.
    plates: Vec<(PlateIx, f32)>,
}

impl Lane {
    /// A lane of a shop. Its columns are told of where no plate is, or `beside_plates` as well.
    pub fn new(shop: &Shop, ix: LaneIx, beside_plates: bool) -> Option<Self> {
        let l = shop.planogram.get(ix)?;
        let shelf = shop.layout.shelves.get(l.shelf.usize())?;
        let columns = l.facings.max(1);
        let width_m = l.width_m / f64::from(columns);
        let front = |f: u32| {
            let x_m = l.x_m + (f64::from(f) + 0.5) * width_m;
            Some(Front {
                middle: geometry::middle(shop, ix, f)?,
                x_m,
                width_m,
                plates: plates_under(shop, l.shelf, x_m, width_m),
            })
        };
        let told = beside_plates || l.plates.is_empty();
        Some(Self {
            ix,
            shelf: l.shelf,
            fixture: shelf.fixture,
            x_m: shelf.x_m,
            grams: shop.catalogue.get(l.sku)?.unit_mass.grams(),
            weights: Rows::weights(shop, ix),
            fronts: match told {
                true => (0..columns).filter_map(front).collect(),
                false => Vec::new(),
            },
        })
    }

    /// Where a column is along the fixture, metres.
    pub fn along(&self, front: &Front) -> f64 {
        self.x_m + front.x_m
    }

    /// The step that a move in one of its columns is.
    pub fn step(
        &self,
        serial: u64,
        front: &Front,
        moved: Moved,
        (t_change, now): (StoreTime, StoreTime),
    ) -> WeightStep {
        let delta_g = (-moved.units * self.grams) as f32;
        let sigma_g = (self.grams * MASS_SHARE.hypot(moved.sigma)) as f32;
        let plates = front.plates.iter().map(|&(plate, share)| PlateDelta {
            plate,
            delta_g: delta_g * share,
            sigma_g: sigma_g * share,
        });
        WeightStep {
            serial,
            replaces: None,
            shelf: self.shelf,
            t_start: t_change - TimeDelta::from_millis(300),
            t_change,
            t_end: t_change + TimeDelta::from_millis(300),
            known_at: now,
            delta_g,
            sigma_g,
            plates: plates.collect(),
            curve: Vec::new(),
            seen: Some(SeenMove {
                lane: self.ix,
                x_m: front.x_m,
                width_m: front.width_m,
            }),
        }
    }
}

impl Front {
    /// Who was at it between two instants.
    pub fn visited(&self, people: &Bystanders, from: StoreTime, to: StoreTime) -> Visit {
        let mut visit = Visit::None;
        for p in people.between(from, to) {
            let hand = p
                .wrists
                .iter()
                .any(|w| w.distance(self.middle) < AT_COLUMN_M);
            if hand {
                return Visit::Hand;
            }
            if p.at.distance(self.middle.floor()) < AT_SHELF_M {
                visit = Visit::Body;
            }
        }
        visit
    }

    /// When a hand, or else a body, was nearest to it. `None`: nobody was there.
    pub fn when(&self, people: &Bystanders, from: StoreTime, to: StoreTime) -> Option<StoreTime> {
        let middle = self.middle;
        let there = people.between(from, to);
        let there = there.filter(|p| p.at.distance(middle.floor()) < AT_SHELF_M);
        let key = |p: &Bystander| {
            let hand = p
                .wrists
                .iter()
                .map(|w| w.distance(middle))
                .fold(9.0, f64::min);
            // A hand that is seen says more than a body that is near.
            match hand < AT_COLUMN_M {
                true => hand,
                false => 1.0 + p.at.distance(middle.floor()),
            }
        };
        let keyed = there.map(|p| (key(p), p.t));
        keyed.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, t)| t)
    }
}

/// The plates under a column, each with the share of it that lies there.
fn plates_under(shop: &Shop, shelf: ShelfIx, x_m: f64, width_m: f64) -> Vec<(PlateIx, f32)> {
    let (left, right) = (x_m - width_m / 2.0, x_m + width_m / 2.0);
    let over = shop.layout.plates_of(shelf).filter_map(|ix| {
        let plate = shop.layout.plates.get(ix.usize())?;
        let over = right.min(plate.x_m + plate.width_m) - left.max(plate.x_m);
        (over > 0.0).then_some((ix, over))
    });
    let over: Vec<(PlateIx, f64)> = over.collect();
    let all: f64 = over.iter().map(|o| o.1).sum();
    over.into_iter()
        .map(|(ix, o)| (ix, (o / all) as f32))
        .collect()
}
