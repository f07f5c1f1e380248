//! What lies where.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use walkout_ledger::{Account, Entry, Ledger, LedgerError};
use walkout_model::{Gtin, LaneIx, ShelfIx, Shop};

/// Entries read at once when catching up.
const PAGE: usize = 1_000;

/// Units of a SKU where they do not belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Misplaced {
    /// What.
    pub gtin: Gtin,
    /// How many.
    pub units: u32,
}

/// How full a lane is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LaneLevel {
    /// The lane's name.
    pub lane: String,
    /// What belongs there.
    pub gtin: Gtin,
    /// Units of it there by the books. Below zero where more was taken than the books knew of: a
    /// count is due.
    pub on_hand: i64,
    /// Most units it holds.
    pub capacity: u32,
    /// `on_hand / capacity`, within 0 and 1.
    pub fill: f64,
    /// Other SKUs in the lane, by GTIN.
    pub misplaced: Vec<Misplaced>,
}

/// How full a shelf is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShelfLevel {
    /// The shelf's name.
    pub shelf: String,
    /// Units of their own SKUs in its lanes, lanes below zero counted as empty.
    pub on_hand: u64,
    /// Most units its lanes hold.
    pub capacity: u64,
    /// `on_hand / capacity`, within 0 and 1; 0 for a shelf without lanes.
    pub fill: f64,
    /// Lanes that are empty by the books.
    pub lanes_empty: usize,
    /// What lies on it outside its own lane, by GTIN.
    pub misplaced: Vec<Misplaced>,
}

/// The levels of a shop after one entry of its ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct ShelfLevels {
    shop: Arc<Shop>,
    seq: u64,
    places: BTreeMap<String, BTreeMap<Gtin, i64>>,
    back_room: BTreeMap<Gtin, i64>,
}

impl ShelfLevels {
    /// An empty shop, before the first entry.
    pub fn new(shop: Arc<Shop>) -> Self {
        Self {
            shop,
            seq: 0,
            places: BTreeMap::new(),
            back_room: BTreeMap::new(),
        }
    }

    /// The levels after everything in the log.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn rebuild(shop: Arc<Shop>, ledger: &Ledger) -> Result<Self, LedgerError> {
        let mut levels = Self::new(shop);
        levels.catch_up(ledger).await?;
        Ok(levels)
    }

    /// Takes in what the log has beyond [`ShelfLevels::seq`].
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn catch_up(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        loop {
            let entries = ledger.entries(self.seq + 1, PAGE).await?;
            for entry in &entries {
                self.apply(entry);
            }
            if entries.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Waits for the next committed entry and takes it in, with any that the subscription missed.
    /// Says `false` when the ledger is closed. Subscribe first and [`ShelfLevels::catch_up`] then,
    /// so that nothing falls between.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn follow(
        &mut self,
        ledger: &Ledger,
        committed: &mut Receiver<Arc<Entry>>,
    ) -> Result<bool, LedgerError> {
        match committed.recv().await {
            Ok(entry) if self.apply(&entry) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => self.catch_up(ledger).await?,
            Err(RecvError::Closed) => return Ok(false),
        }
        Ok(true)
    }

    /// Takes in an entry. Says `false`, and does nothing, if entries before it are missing; one
    /// that was taken in before is ignored.
    pub fn apply(&mut self, entry: &Entry) -> bool {
        if entry.seq > self.seq + 1 {
            return false;
        }
        if entry.seq <= self.seq {
            return true;
        }
        self.seq = entry.seq;
        for movement in &entry.draft.movements {
            let units = i64::from(movement.units);
            self.add(&movement.from, movement.sku, -units);
            self.add(&movement.to, movement.sku, units);
        }
        true
    }

    fn add(&mut self, account: &Account, sku: Gtin, units: i64) {
        let place = match account {
            Account::Lane(name) => self.places.entry(name.clone()).or_default(),
            Account::BackRoom => &mut self.back_room,
            _ => return,
        };
        let on_hand = place.entry(sku).or_insert(0);
        *on_hand = on_hand.saturating_add(units);
        if *on_hand == 0 {
            place.remove(&sku);
        }
    }

    /// The last entry taken in.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Units of a SKU in the back room by the books.
    pub fn back_room(&self, sku: Gtin) -> i64 {
        self.back_room.get(&sku).copied().unwrap_or(0)
    }

    /// One lane. `None` if the planogram has no such lane.
    pub fn lane(&self, lane: LaneIx) -> Option<LaneLevel> {
        let lane = self.shop.planogram.get(lane)?;
        let gtin = self.shop.catalogue.get(lane.sku)?.gtin;
        let on_hand = self.place(&lane.name).find(|&(sku, _)| sku == gtin);
        let on_hand = on_hand.map_or(0, |(_, units)| units);
        Some(LaneLevel {
            lane: lane.name.clone(),
            gtin,
            on_hand,
            capacity: lane.capacity,
            fill: fill(on_hand, lane.capacity.into()),
            misplaced: misplaced(self.place(&lane.name).filter(|&(sku, _)| sku != gtin)),
        })
    }

    /// All lanes, in the planogram's order.
    pub fn lanes(&self) -> Vec<LaneLevel> {
        let lanes = 0..self.shop.planogram.lanes.len();
        lanes.filter_map(|i| self.lane(LaneIx::from(i))).collect()
    }

    /// One shelf. `None` if the layout has no such shelf.
    pub fn shelf(&self, shelf: ShelfIx) -> Option<ShelfLevel> {
        let name = self.shop.layout.shelves.get(shelf.usize())?.name.clone();
        let lanes = self.shop.planogram.on_shelf(shelf);
        let lanes: Vec<LaneLevel> = lanes.filter_map(|(lane, _)| self.lane(lane)).collect();
        let on_hand = lanes
            .iter()
            .map(|lane| lane.on_hand.max(0).unsigned_abs())
            .sum();
        let capacity = lanes.iter().map(|lane| u64::from(lane.capacity)).sum();
        let mut elsewhere: BTreeMap<Gtin, i64> = self.place(&name).collect();
        for found in lanes.iter().flat_map(|lane| &lane.misplaced) {
            *elsewhere.entry(found.gtin).or_insert(0) += i64::from(found.units);
        }
        Some(ShelfLevel {
            shelf: name,
            on_hand,
            capacity,
            fill: fill(i64::try_from(on_hand).unwrap_or(i64::MAX), capacity),
            lanes_empty: lanes.iter().filter(|lane| lane.on_hand <= 0).count(),
            misplaced: misplaced(elsewhere.into_iter()),
        })
    }

    /// All shelves, in the layout's order.
    pub fn shelves(&self) -> Vec<ShelfLevel> {
        let shelves = 0..self.shop.layout.shelves.len();
        shelves
            .filter_map(|i| self.shelf(ShelfIx::from(i)))
            .collect()
    }

    fn place(&self, name: &str) -> impl Iterator<Item = (Gtin, i64)> + '_ {
        let place = self.places.get(name).into_iter().flatten();
        place.map(|(&sku, &units)| (sku, units))
    }
}

fn fill(on_hand: i64, capacity: u64) -> f64 {
    if capacity == 0 {
        return 0.0;
    }
    (on_hand.max(0) as f64 / capacity as f64).min(1.0)
}

/// Only what is there: less than nothing of a foreign SKU is an error of the books, not goods.
fn misplaced(units: impl Iterator<Item = (Gtin, i64)>) -> Vec<Misplaced> {
    let found = units.filter_map(|(gtin, units)| {
        let units = u32::try_from(units).ok().filter(|&units| units > 0)?;
        Some(Misplaced { gtin, units })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use walkout_ledger::{Cause, Draft, EntryHash, Movement};
    use walkout_model::layout::Shelf;
    use walkout_model::{
        Catalogue, Currency, FixtureIx, Lane, Layout, Mass, Money, Planogram, Product, SessionId,
        SkuIx, StoreTime, TaxClass,
    };

    fn product(body: u64) -> Product {
        Product {
            gtin: gtin(body),
            name_ko: "물".into(),
            name_en: "Water".into(),
            price: Money::new(1_000, Currency::KRW),
            tax: TaxClass {
                name: "standard".into(),
                rate_bp: 1_000,
            },
            unit_mass: Mass::from_mg(500_000),
            unit_mass_sd: Mass::from_mg(1_000),
            size_mm: [60, 60, 200],
            case_pack: 12,
            age_limit: None,
        }
    }

    fn gtin(body: u64) -> Gtin {
        Gtin::from_body(body).unwrap()
    }

    /// One shelf with a lane of ten of product 1 and a lane of four of product 2.
    fn shop() -> Arc<Shop> {
        let lane = |name: &str, sku, capacity| Lane {
            name: name.into(),
            shelf: ShelfIx(0),
            x_m: 0.0,
            width_m: 0.3,
            sku: SkuIx(sku),
            facings: 1,
            capacity,
            plates: vec![],
        };
        let shelf = Shelf {
            name: "G1/S1".into(),
            fixture: FixtureIx(0),
            x_m: 0.0,
            y_m: 0.0,
            height_m: 1.0,
            width_m: 1.0,
            depth_m: 0.4,
            plates: 0..0,
        };
        Arc::new(Shop {
            name: "test".into(),
            title: "Test".into(),
            time_zone: "Asia/Seoul".into(),
            currency: Currency::KRW,
            layout: Layout {
                shelves: vec![shelf],
                ..Layout::default()
            },
            catalogue: Catalogue::new(vec![product(1), product(2)]),
            planogram: Planogram {
                lanes: vec![lane("G1/S1/L01", 0, 10), lane("G1/S1/L02", 1, 4)],
            },
        })
    }

    fn lane(name: &str) -> Account {
        Account::Lane(name.into())
    }

    fn draft(key: usize, from: Account, to: Account, body: u64, units: u32) -> Draft {
        Draft {
            key: format!("test:{key}"),
            time: StoreTime(0),
            cause: Cause {
                kind: "test".into(),
                body: serde_json::Value::Null,
            },
            evidence: None,
            movements: vec![Movement {
                from,
                to,
                sku: gtin(body),
                units,
            }],
        }
    }

    fn entry(seq: u64, from: Account, to: Account, body: u64, units: u32) -> Entry {
        Entry {
            seq,
            draft: draft(0, from, to, body, units),
            hash: EntryHash::default(),
        }
    }

    #[test]
    fn levels_follow_the_movements() {
        let mut levels = ShelfLevels::new(shop());
        let cart = Account::Cart(SessionId(1));
        let moves = [
            (Account::Supplier, lane("G1/S1/L01"), 1, 10),
            (Account::Supplier, Account::BackRoom, 2, 12),
            (lane("G1/S1/L01"), cart.clone(), 1, 4),
            (cart.clone(), lane("G1/S1/L02"), 1, 1),
            (cart, lane("G1/S1"), 1, 2),
            (lane("G1/S1/L02"), Account::Review, 2, 1),
        ];
        for (seq, (from, to, body, units)) in (1..).zip(moves) {
            assert!(levels.apply(&entry(seq, from, to, body, units)));
        }
        let lanes = levels.lanes();
        assert_eq!((lanes[0].on_hand, lanes[0].fill), (6, 0.6));
        assert_eq!((lanes[1].on_hand, lanes[1].fill), (-1, 0.0));
        let stray = |units| {
            vec![Misplaced {
                gtin: gtin(1),
                units,
            }]
        };
        assert_eq!(lanes[1].misplaced, stray(1));
        let shelf = levels.shelf(ShelfIx(0)).unwrap();
        assert_eq!(
            (shelf.on_hand, shelf.capacity, shelf.lanes_empty),
            (6, 14, 1)
        );
        assert_eq!(shelf.misplaced, stray(3));
        assert_eq!(levels.back_room(gtin(2)), 12);
        assert_eq!(levels.shelf(ShelfIx(1)), None);
        assert_eq!(levels.lane(LaneIx(2)), None);
    }

    #[test]
    fn a_gap_is_refused_and_a_repetition_ignored() {
        let mut levels = ShelfLevels::new(shop());
        let first = entry(1, Account::Supplier, lane("G1/S1/L01"), 1, 3);
        assert!(levels.apply(&first));
        assert!(levels.apply(&first));
        assert!(!levels.apply(&entry(3, Account::Supplier, lane("G1/S1/L01"), 1, 3)));
        assert_eq!((levels.lanes()[0].on_hand, levels.seq()), (3, 1));
    }

    #[tokio::test]
    async fn following_and_rebuilding_agree() {
        let ledger = Ledger::open("sqlite::memory:").await.unwrap();
        let mut committed = ledger.subscribe();
        let mut levels = ShelfLevels::rebuild(shop(), &ledger).await.unwrap();
        for key in 0..20 {
            let to = lane("G1/S1/L01");
            ledger
                .append(draft(key, Account::Supplier, to, 1, 1))
                .await
                .unwrap();
            if key % 2 == 0 {
                assert!(levels.follow(&ledger, &mut committed).await.unwrap());
            }
        }
        levels.catch_up(&ledger).await.unwrap();
        assert_eq!(levels.lanes()[0].on_hand, 20);
        assert_eq!(ShelfLevels::rebuild(shop(), &ledger).await.unwrap(), levels);
    }

    proptest! {
        #[test]
        fn levels_are_the_ledgers_balances(moves in prop::collection::vec((0..5_usize, 0..5_usize, 1..3_u64, 1..9_u32), 0..40)) {
            let accounts = [Account::Supplier, Account::BackRoom, lane("G1/S1/L01"), lane("G1/S1/L02"), Account::Sold];
            let mut levels = ShelfLevels::new(shop());
            let mut balances = walkout_ledger::Balances::default();
            let moves = moves.into_iter().filter(|(from, to, _, _)| from != to);
            for (seq, (from, to, body, units)) in (1..).zip(moves) {
                let entry = entry(seq, accounts[from].clone(), accounts[to].clone(), body, units);
                balances.apply(&entry.draft.movements[0]);
                prop_assert!(levels.apply(&entry));
            }
            for (level, body) in levels.lanes().iter().zip(1..) {
                prop_assert_eq!(level.on_hand, balances.get(&lane(&level.lane), gtin(body)));
                prop_assert_eq!(levels.back_room(gtin(body)), balances.get(&Account::BackRoom, gtin(body)));
            }
        }
    }
}
