//! A shop of two shelves, and words to tell its day with.

use std::sync::Arc;
use walkout_checkout::{Applied, Checkout, Config, Outcome, ReviewId};
use walkout_ledger::{Account, Ledger};
use walkout_model::layout::{Gate, GateKind, Shelf};
use walkout_model::{
    Alternative, AttributedMovement, Catalogue, Currency, CustomerId, Decision, Evidence,
    FixtureIx, GateIx, Gtin, Lane, LaneIx, Layout, Mass, Money, MovementId, Planogram, Point2,
    Product, SessionExit, SessionId, ShelfIx, Shop, SkuIx, StoreTime, TaxClass, TimeDelta, Who,
};
use walkout_payment::{Gateway, Sandbox};
use walkout_wire::entry::KeyRing;

/// 2026-11-23 09:00:00 in Seoul.
pub const OPENING: StoreTime = StoreTime(1_795_392_000_000_000);

pub const WATER: SkuIx = SkuIx(0);
pub const MILK: SkuIx = SkuIx(1);
pub const SOJU: SkuIx = SkuIx(2);
pub const TOP: ShelfIx = ShelfIx(0);
pub const BOTTOM: ShelfIx = ShelfIx(1);
pub const DOOR: GateIx = GateIx(0);
pub const WAY_OUT: GateIx = GateIx(1);

pub fn won(minor: i64) -> Money {
    Money::new(minor, Currency::KRW)
}

pub fn at(seconds: i64) -> StoreTime {
    OPENING + TimeDelta::from_secs(seconds)
}

fn product(
    body: u64,
    names: (&str, &str),
    price: i64,
    class: (&str, u32),
    age: Option<u8>,
) -> Product {
    Product {
        gtin: Gtin::from_body(body).unwrap(),
        name_ko: names.0.into(),
        name_en: names.1.into(),
        price: won(price),
        tax: TaxClass {
            name: class.0.into(),
            rate_bp: class.1,
        },
        unit_mass: Mass::from_mg(500_000),
        unit_mass_sd: Mass::from_mg(2_000),
        size_mm: [60, 60, 200],
        case_pack: 12,
        age_limit: age,
    }
}

fn shelf(name: &str) -> Shelf {
    Shelf {
        name: name.into(),
        fixture: FixtureIx(0),
        x_m: 0.0,
        y_m: 0.0,
        height_m: 1.0,
        width_m: 1.0,
        depth_m: 0.4,
        plates: 0..0,
    }
}

fn lane(name: &str, shelf: ShelfIx, sku: SkuIx) -> Lane {
    Lane {
        name: name.into(),
        shelf,
        x_m: 0.0,
        width_m: 0.3,
        sku,
        facings: 2,
        capacity: 20,
        plates: vec![],
    }
}

fn gate(name: &str, kind: GateKind) -> Gate {
    Gate {
        name: name.into(),
        kind,
        a: Point2::new(0.0, 0.0),
        b: Point2::new(1.0, 0.0),
    }
}

/// Water (taxed) and milk (exempt) on the top shelf, soju (taxed, from 19) on the bottom one.
pub fn shop() -> Arc<Shop> {
    let standard = ("standard", 1_000);
    Arc::new(Shop {
        name: "corner".into(),
        title: "Corner".into(),
        time_zone: "Asia/Seoul".into(),
        currency: Currency::KRW,
        layout: Layout {
            gates: vec![
                gate("door", GateKind::Both),
                gate("way out", GateKind::Exit),
            ],
            shelves: vec![shelf("G1/S1"), shelf("G1/S2")],
            ..Layout::default()
        },
        catalogue: Catalogue::new(vec![
            product(
                880_100_000_001,
                ("생수 500ml", "Spring water 500 ml"),
                1_100,
                standard,
                None,
            ),
            product(
                880_100_000_002,
                ("우유 900ml", "Milk 900 ml"),
                2_850,
                ("exempt", 0),
                None,
            ),
            product(
                880_100_000_003,
                ("소주 360ml", "Soju 360 ml"),
                1_950,
                standard,
                Some(19),
            ),
        ]),
        planogram: Planogram {
            lanes: vec![
                lane("G1/S1/L01", TOP, WATER),
                lane("G1/S1/L02", TOP, MILK),
                lane("G1/S2/L01", BOTTOM, SOJU),
            ],
        },
    })
}

pub fn gtin(sku: SkuIx) -> Gtin {
    shop().catalogue[sku].gtin
}

pub fn lane_of(sku: SkuIx) -> Account {
    Account::Lane(shop().planogram.lanes[sku.usize()].name.clone())
}

/// A checkout with the things around it that outlive it.
pub struct Bench {
    pub ledger: Ledger,
    pub sandbox: Arc<Sandbox>,
    pub checkout: Checkout,
}

pub fn config() -> Config {
    Config::new(KeyRing::new(1, [7; 32]), [9; 32], Currency::KRW)
}

impl Bench {
    pub async fn new() -> Self {
        let ledger = Ledger::open("sqlite::memory:").await.unwrap();
        let sandbox = Arc::new(Sandbox::new());
        let checkout = open(&ledger, sandbox.clone()).await;
        let stock = walkout_checkout::OpeningStock::full(&shop());
        assert!(checkout.seed_stock(&stock, OPENING).await.unwrap());
        Self {
            ledger,
            sandbox,
            checkout,
        }
    }

    /// Another checkout rebuilt from the same log.
    pub async fn reopened(&self) -> Checkout {
        open(&self.ledger, self.sandbox.clone()).await
    }

    pub async fn enter(&self, customer: u64, now: StoreTime) -> SessionId {
        let code = self
            .checkout
            .issue_code(CustomerId(customer), 1, now)
            .unwrap();
        self.checkout.scan(&code, DOOR, now).await.unwrap().session
    }

    pub async fn enter_staff(&self, member: u64, now: StoreTime) -> SessionId {
        let code = self
            .checkout
            .issue_staff_code(CustomerId(member), 1, now)
            .unwrap();
        self.checkout.scan(&code, DOOR, now).await.unwrap().session
    }

    pub async fn apply(&self, movement: AttributedMovement) -> Outcome {
        match self.checkout.apply(&movement).await.unwrap() {
            Applied::Recorded(outcome) => outcome,
            Applied::Repeated => panic!("{} was there before", movement.id),
        }
    }

    pub async fn review(&self, movement: AttributedMovement) -> ReviewId {
        match self.apply(movement).await {
            Outcome::Review { review, .. } => review,
            other => panic!("no review but {other:?}"),
        }
    }

    pub fn units(&self, account: &Account, sku: SkuIx) -> i64 {
        self.checkout.balances().get(account, gtin(sku))
    }
}

pub async fn open(ledger: &Ledger, gateway: Arc<dyn Gateway>) -> Checkout {
    Checkout::open(shop(), ledger.clone(), gateway, config())
        .await
        .unwrap()
}

/// `units` of a SKU to a party (negative: put back) at its own lane, accepted.
pub fn moved(id: u64, who: Who, sku: SkuIx, units: i32, t: StoreTime) -> AttributedMovement {
    let lane = shop().planogram.lanes[sku.usize()].clone();
    AttributedMovement {
        id: MovementId(id),
        t,
        known_at: t + TimeDelta::from_secs(1),
        shelf: lane.shelf,
        lane: Some(LaneIx(sku.0)),
        best: Alternative {
            who,
            sku: Some(sku),
            quantity: units,
            probability: 0.95,
        },
        alternatives: vec![],
        decision: Decision::Accept,
        supersedes: None,
        evidence: Evidence {
            steps: vec![id],
            delta_mg: -500_000 * i64::from(units),
            sigma_mg: 4_000,
            factors: vec![],
            curve: vec![(-100, 0.0), (900, f32::NAN)],
            ..Evidence::default()
        },
    }
}

/// The same in doubt, with another explanation.
pub fn doubted(
    movement: AttributedMovement,
    alternative: Option<Alternative>,
) -> AttributedMovement {
    AttributedMovement {
        decision: Decision::Review,
        alternatives: alternative.into_iter().collect(),
        ..movement
    }
}

pub fn left(session: SessionId, t: StoreTime) -> SessionExit {
    SessionExit {
        session,
        t,
        known_at: t + TimeDelta::from_secs(1),
        probability: 0.99,
    }
}
