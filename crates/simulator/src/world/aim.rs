//! Which units a hand goes for, and with which hand.

use super::goods::Place;
use super::goods::{Goods, Stand, UnitId};
use super::person::Person;
use super::reach::{Kind, Reach};
use super::stage::Stage;
use super::task::{Deed, Job, Own, Task, Wanted};
use walkout_model::{PlateIx, ShelfIx, Shop, SkuIx};

/// What comes of wanting to reach.
pub(super) enum Aim {
    /// The hand sets out.
    Reach(Box<Reach>),
    /// Something else must be done before.
    First(Vec<Task>),
    /// It cannot be done: nothing there, nothing in hand, no way.
    Never,
}

impl Person {
    pub(super) fn take_aim(&mut self, mut job: Job, stage: &mut Stage) -> Aim {
        let (shelf, x_m) = match job.deed {
            Deed::Take { shelf, x_m, .. } | Deed::Press { shelf, x_m, .. } => (shelf, x_m),
            Deed::Put { place, .. } => stage.spot_of(place),
        };
        // Somebody who was called away, or pushed aside, walks up to the shelf again.
        let front = stage.shop.layout.floor_from_shelf(shelf, x_m, 0.0, 0.0);
        if self.walker.position.distance(front.floor()) > 1.0 {
            if job.tries >= 2 {
                return Aim::Never;
            }
            job.tries += 1;
            return Aim::First(vec![Task::Approach { shelf, x_m }, Task::Reach(job)]);
        }
        match job.deed.clone() {
            Deed::Take { what, units, .. } => self.aim_take(job, shelf, x_m, what, units, stage),
            Deed::Put { what, units, place } => self.aim_put(job, what, units, place, stage),
            Deed::Press { .. } => {
                let hand = job.hand.unwrap_or_else(|| self.free_hand());
                let target = stage.shop.layout.floor_from_shelf(shelf, x_m, 0.03, 0.08);
                let press = plates_at(&stage.shop, shelf, x_m, 0.16);
                let draw = &mut self.draw;
                let reach = Reach::begin(
                    job,
                    hand,
                    Kind::Press,
                    Vec::new(),
                    target,
                    press,
                    false,
                    draw,
                );
                Aim::Reach(Box::new(reach))
            }
        }
    }

    pub(super) fn aim_take(
        &mut self,
        job: Job,
        shelf: ShelfIx,
        x_m: f64,
        what: Wanted,
        units: u32,
        stage: &mut Stage,
    ) -> Aim {
        let mut ids = match what {
            Wanted::Sku(sku) => stage.goods.takeable(shelf, sku, x_m),
            Wanted::Near(sku) => stage.goods.takeable_near(shelf, sku, x_m),
            Wanted::Unit(id) => {
                let here = stage.goods.get(id).stand.as_ref().map(|s| s.shelf) == Some(shelf);
                let clear = here && stage.goods.is_clear(shelf, id);
                clear.then_some(id).into_iter().collect()
            }
        };
        ids.truncate(units.max(1) as usize);
        if ids.is_empty() {
            return Aim::Never;
        }
        let hand = job.hand.unwrap_or_else(|| self.free_hand());
        if !self.arms[hand].holds.is_empty() {
            return Aim::First(vec![Task::Stow, Task::Reach(job)]);
        }
        let goods: Vec<(UnitId, Stand)> = ids
            .iter()
            .filter_map(|&id| Some((id, stage.goods.get(id).stand.clone()?)))
            .collect();
        for &id in &ids {
            stage.goods.reserve(id, true);
        }
        self.aim(job, hand, Kind::Take, goods, false, stage)
    }

    pub(super) fn aim_put(
        &mut self,
        job: Job,
        what: Own,
        units: u32,
        place: Place,
        stage: &mut Stage,
    ) -> Aim {
        let in_hand: Vec<usize> = self.arms.iter().map(|a| a.holds.len()).collect();
        let Some((hand, ids)) = self.hold_own(what, units, &stage.goods) else {
            return Aim::Never;
        };
        let fetch = self.arms[hand].holds.len() != in_hand[hand];
        let shop = stage.shop.clone();
        // Several at once stand side by side or one before the other: each finds its spot with the
        // ones before it already there.
        let mut goods: Vec<(UnitId, Stand)> = Vec::new();
        for &id in &ids {
            let stand = stage.goods.spot(&shop, id, place, &mut self.draw);
            stage.goods.put(&shop, id, stand.clone());
            goods.push((id, stand));
        }
        for &id in ids.iter().rev() {
            stage.goods.take(&shop, id);
        }
        self.aim(job, hand, Kind::Put, goods, fetch, stage)
    }

    pub(super) fn aim(
        &mut self,
        job: Job,
        hand: usize,
        kind: Kind,
        goods: Vec<(UnitId, Stand)>,
        fetch: bool,
        stage: &Stage,
    ) -> Aim {
        let Some((id, stand)) = goods.first() else {
            return Aim::Never;
        };
        let target = stage.goods.grip(&stage.shop, *id, stand);
        let press = stand.shares.clone();
        let reach = Reach::begin(job, hand, kind, goods, target, press, fetch, &mut self.draw);
        Aim::Reach(Box::new(reach))
    }

    /// Gets so many of one's own things into one hand; `None` if there are none.
    pub(super) fn hold_own(
        &mut self,
        what: Own,
        units: u32,
        goods: &Goods,
    ) -> Option<(usize, Vec<UnitId>)> {
        let matches = |id: &UnitId| match what {
            Own::Unit(unit) => *id == unit,
            Own::Sku(sku) => goods.get(*id).sku == Some(sku),
        };
        let most = (units.max(1)) as usize;
        for hand in 0..2 {
            let held: Vec<UnitId> = self.arms[hand]
                .holds
                .iter()
                .copied()
                .filter(matches)
                .collect();
            if held.len() >= most {
                return Some((hand, held.into_iter().take(most).collect()));
            }
        }
        let mut hand = usize::from(self.draw.chance(0.7));
        if !self.arms[hand].holds.is_empty() {
            hand = 1 - hand;
        }
        let own: Vec<UnitId> = self
            .belongings()
            .filter(|id| matches(id))
            .take(most)
            .collect();
        if own.is_empty() {
            return None;
        }
        for arm in &mut self.arms {
            arm.holds.retain(|id| !own.contains(id));
        }
        self.bag.retain(|id| !own.contains(id));
        self.arms[hand].holds.extend(&own);
        Some((hand, own))
    }

    pub(super) fn free_hand(&mut self) -> usize {
        let hand = usize::from(self.draw.chance(0.7));
        if self.arms[hand].holds.is_empty() {
            hand
        } else {
            1 - hand
        }
    }

    /// A SKU the person has, drawn among all units of it.
    pub fn some_own_sku(&mut self, goods: &Goods) -> Option<SkuIx> {
        let skus: Vec<SkuIx> = self
            .belongings()
            .filter_map(|id| goods.get(id).sku)
            .collect();
        self.draw.pick(&skus).copied()
    }
}

/// The plates under a stretch of a shelf, by overlap.
fn plates_at(shop: &Shop, shelf: ShelfIx, x_m: f64, width_m: f64) -> Vec<(PlateIx, f64)> {
    let (left, right) = (x_m - width_m / 2.0, x_m + width_m / 2.0);
    let mut found: Vec<(PlateIx, f64)> = shop
        .layout
        .plates_of(shelf)
        .filter_map(|plate| {
            let p = &shop.layout.plates[plate.usize()];
            let along = right.min(p.x_m + p.width_m) - left.max(p.x_m);
            (along > 0.0).then_some((plate, along))
        })
        .collect();
    let total: f64 = found.iter().map(|(_, a)| a).sum();
    for (_, along) in &mut found {
        *along /= total;
    }
    found
}
