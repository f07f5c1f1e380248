//! The shop's fixed things as the page draws them.

use serde::Serialize;
use utoipa::ToSchema;
use walkout_model::{Point2, Shop};

/// A shop for drawing. Metres in the floor frame; references are positions in the lists.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// Short name.
    pub name: String,
    /// What the receipts call it.
    pub title: String,
    /// ISO 4217 code of the prices.
    pub currency: String,
    /// Digits after the point of the major unit.
    pub minor_digits: u32,
    /// IANA time zone.
    pub time_zone: String,
    /// Corners of the floor.
    pub floor: Vec<[f64; 2]>,
    /// Walls: x, y of one end and of the other.
    pub walls: Vec<[f64; 4]>,
    /// Gate lines.
    pub gates: Vec<GateView>,
    /// Fixtures.
    pub fixtures: Vec<FixtureView>,
    /// Shelves.
    pub shelves: Vec<ShelfView>,
    /// Lanes.
    pub lanes: Vec<LaneView>,
    /// Products.
    pub products: Vec<ProductView>,
}

/// A gate line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GateView {
    /// Name, as in `/api/v1/gates/{gate}/scan`.
    pub name: String,
    /// One end.
    pub a: [f64; 2],
    /// The other end.
    pub b: [f64; 2],
}

/// A fixture from above.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FixtureView {
    /// Name.
    pub name: String,
    /// Along the front, metres.
    pub width_m: f64,
    /// Front left, front right, back right, back left.
    pub corners: Vec<[f64; 2]>,
    /// Its shelves, bottom to top.
    pub shelves: Vec<u32>,
}

/// A shelf.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShelfView {
    /// Name.
    pub name: String,
    /// Left end along the fixture, metres.
    pub x_m: f64,
    /// Length, metres.
    pub width_m: f64,
    /// Its middle on the floor.
    pub middle: [f64; 2],
    /// Its lanes, left to right.
    pub lanes: Vec<u32>,
}

/// A lane.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LaneView {
    /// Name.
    pub name: String,
    /// Left edge from the shelf's left end, metres.
    pub x_m: f64,
    /// Along the shelf, metres.
    pub width_m: f64,
    /// Which product.
    pub sku: u32,
    /// Columns side by side.
    pub facings: u32,
    /// Most units it holds.
    pub capacity: u32,
}

/// A product.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProductView {
    /// GTIN.
    pub gtin: String,
    /// Korean name.
    pub name_ko: String,
    /// English name.
    pub name_en: String,
    /// Price in minor units, tax included.
    pub price_minor: i64,
}

impl PlanView {
    /// Of a shop.
    pub fn new(shop: &Shop) -> Self {
        let layout = &shop.layout;
        let point = |p: Point2| [p.x, p.y];
        Self {
            name: shop.name.clone(),
            title: shop.title.clone(),
            currency: shop.currency.code().to_owned(),
            minor_digits: shop.currency.minor_digits(),
            time_zone: shop.time_zone.clone(),
            floor: layout.floor.corners.iter().copied().map(point).collect(),
            walls: layout
                .walls
                .iter()
                .map(|(a, b)| [a.x, a.y, b.x, b.y])
                .collect(),
            gates: layout
                .gates
                .iter()
                .map(|g| GateView {
                    name: g.name.clone(),
                    a: point(g.a),
                    b: point(g.b),
                })
                .collect(),
            fixtures: layout
                .fixtures
                .iter()
                .map(|f| FixtureView {
                    name: f.name.clone(),
                    width_m: f.width_m,
                    corners: f.footprint().corners.into_iter().map(point).collect(),
                    shelves: f.shelves.clone().collect(),
                })
                .collect(),
            shelves: shelves(shop),
            lanes: shop
                .planogram
                .lanes
                .iter()
                .map(|l| LaneView {
                    name: l.name.clone(),
                    x_m: l.x_m,
                    width_m: l.width_m,
                    sku: l.sku.0,
                    facings: l.facings.max(1),
                    capacity: l.capacity,
                })
                .collect(),
            products: shop
                .catalogue
                .products()
                .iter()
                .map(|p| ProductView {
                    gtin: p.gtin.to_string(),
                    name_ko: p.name_ko.clone(),
                    name_en: p.name_en.clone(),
                    price_minor: p.price.minor,
                })
                .collect(),
        }
    }
}

fn shelves(shop: &Shop) -> Vec<ShelfView> {
    let of = |(i, shelf): (usize, &walkout_model::layout::Shelf)| {
        let ix = i.into();
        let middle =
            shop.layout
                .floor_from_shelf(ix, shelf.width_m / 2.0, shelf.depth_m / 2.0, 0.0);
        ShelfView {
            name: shelf.name.clone(),
            x_m: shelf.x_m,
            width_m: shelf.width_m,
            middle: [middle.x, middle.y],
            lanes: shop
                .planogram
                .on_shelf(ix)
                .map(|(lane, _)| lane.0)
                .collect(),
        }
    };
    shop.layout.shelves.iter().enumerate().map(of).collect()
}
