//! What shelf cameras see: gaps and wrong items, held beside the books, and what moves where no plates are.

use walkout_ledger::{Account, Balances};
use walkout_model::{
    Lane, LaneIx, ShelfSight, Shop, SkuIx, StoreTime, TimeDelta, TrackPoint, WeightStep,
};
use walkout_perception::eyes::{
    FacingCounters, FacingWatch, MoveSettings, MoveWatch, ScanSettings, Verdict, WatchedFacing,
    WatchedLane,
};
use walkout_server::view::{FacingView, LaneCountView, NamedView, ShelvesView};

/// The books of a lane are held against what is seen of it so long after they last changed: what was taken a moment ago may not be
/// seen to be gone yet, and the other way about.
const AFTER: TimeDelta = TimeDelta::from_secs(12);

/// The facings of an open shop.
pub struct Facings {
    watch: FacingWatch,
    /// What moves on shelves without plates.
    moves: MoveWatch,
    /// Units of each lane by the books, and since when.
    books: Vec<(i64, StoreTime)>,
}

impl Facings {
    /// Of a shop whose shelves nobody has seen yet.
    pub fn new(shop: &Shop) -> Self {
        Self {
            watch: FacingWatch::new(shop, ScanSettings::default()),
            moves: MoveWatch::new(shop, MoveSettings::default()),
            books: Vec::new(),
        }
    }

    /// Somebody was seen somewhere.
    pub fn person(&mut self, point: &TrackPoint) {
        self.watch.person(point);
        self.moves.person(point);
    }

    /// A shelf camera told what it sees.
    pub fn push(&mut self, mut sight: ShelfSight) {
        let columns = std::mem::take(&mut sight.columns);
        self.moves.push(sight.camera, sight.t, columns);
        self.watch.push(sight);
    }

    /// What moved on shelves without plates, as far as it is known at `now`.
    pub fn moved(&mut self, now: StoreTime) -> Vec<WeightStep> {
        self.moves.advance(now)
    }

    /// What was dropped so far.
    pub fn counters(&self) -> FacingCounters {
        let (watch, moves) = (self.watch.counters(), self.moves.counters());
        FacingCounters {
            late: watch.late + moves.late,
            crowded: watch.crowded + moves.crowded,
        }
    }

    /// What is known at `now`.
    pub fn view(&mut self, shop: &Shop, balances: &Balances, now: StoreTime) -> ShelvesView {
        self.watch.advance(now);
        let units = |lane: &Lane| {
            let sku = shop.catalogue[lane.sku].gtin;
            balances.get(&Account::Lane(lane.name.clone()), sku)
        };
        let lanes = &shop.planogram.lanes;
        self.books.resize(lanes.len(), (i64::MIN, now));
        for (book, lane) in self.books.iter_mut().zip(lanes) {
            let units = units(lane);
            // A clock that was set back is no reason to wait for.
            if book.0 != units || book.1 > now {
                *book = (units, now);
            }
        }
        let facings = self.watch.facings();
        ShelvesView {
            watched: self.watch.facings().count(),
            facings: facings.filter_map(|f| facing(shop, f)).collect(),
            counts: self
                .watch
                .lanes()
                .iter()
                .filter_map(|seen| self.count(shop, seen))
                .collect(),
        }
    }

    /// The lane, if its books cannot be right.
    fn count(&self, shop: &Shop, seen: &WatchedLane) -> Option<LaneCountView> {
        let (units, since) = *self.books.get(seen.lane.usize())?;
        if !contradicted(units, since, seen) {
            return None;
        }
        let (lane, shelf) = named(shop, seen.lane)?;
        Some(LaneCountView {
            lane: lane.name.clone(),
            shelf,
            product: product(shop, lane.sku)?,
            units,
            least: *seen.units.start(),
            most: *seen.units.end(),
        })
    }
}

/// Whether the books of a lane, so since then, cannot be right by what has been seen of it for long enough.
fn contradicted(units: i64, since: StoreTime, seen: &WatchedLane) -> bool {
    let fits = u32::try_from(units).is_ok_and(|n| seen.units.contains(&n));
    !fits && seen.seen.since(since) >= AFTER
}

/// A facing, if it is not as it should be.
fn facing(shop: &Shop, f: &WatchedFacing) -> Option<FacingView> {
    let state = &f.state;
    let (verdict, probability, seems) = match state.verdict {
        Verdict::Filled => return None,
        Verdict::Gap => ("gap", state.gap, None),
        Verdict::Wrong => ("wrong", state.wrong, state.seems),
    };
    let (lane, shelf) = named(shop, state.lane)?;
    Some(FacingView {
        lane: lane.name.clone(),
        shelf,
        facing: state.facing + 1,
        product: product(shop, state.sku)?,
        verdict: verdict.to_owned(),
        probability: (probability * 1e3).round() / 1e3,
        seems: seems.and_then(|sku| product(shop, sku)),
        since: f.since.0,
        seen: f.seen.0,
    })
}

fn named(shop: &Shop, lane: LaneIx) -> Option<(&Lane, String)> {
    let lane = shop.planogram.get(lane)?;
    let shelf = shop.layout.shelves.get(lane.shelf.usize())?;
    Some((lane, shelf.name.clone()))
}

fn product(shop: &Shop, sku: SkuIx) -> Option<NamedView> {
    shop.catalogue.get(sku).map(|p| NamedView {
        gtin: p.gtin.to_string(),
        name_ko: p.name_ko.clone(),
        name_en: p.name_en.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_are_doubted_when_what_is_seen_has_long_been_otherwise() {
        let lane = |seen_s: i64| WatchedLane {
            lane: LaneIx(0),
            units: 2..=9,
            seen: StoreTime(seen_s * 1_000_000),
        };
        let since = StoreTime(100_000_000);
        for units in [2, 5, 9] {
            assert!(!contradicted(units, since, &lane(1_000)), "{units}");
        }
        for units in [-1, 0, 1, 10] {
            assert!(contradicted(units, since, &lane(112)), "{units}");
            assert!(!contradicted(units, since, &lane(111)), "too soon: {units}");
            assert!(!contradicted(units, since, &lane(90)), "before: {units}");
        }
    }
}
