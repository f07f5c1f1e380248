//! Shelves stocked at random: full, half sold, sold out, and with goods that somebody put into the wrong lane.

use crate::draw::Draw;
use std::collections::BTreeMap;
use walkout_model::{Lane, LaneIx, Shop, SkuIx};
use walkout_simulator::render::Stood;

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Nothing.
    Empty,
    /// Units of the lane's SKU, one of them in the front half.
    Filled,
    /// Units of the lane's SKU, the foremost about half as deep as the shelf: neither a gap nor none.
    Between,
    /// Units of the lane's SKU in the rear half only.
    RearOnly,
    /// In front, a unit of another SKU.
    Other(SkuIx),
}

impl Stand {
    /// Whether the front half is void.
    pub fn is_gap(self) -> bool {
        matches!(self, Self::Empty | Self::RearOnly)
    }
}

/// All columns of a shop.
#[derive(Clone, Debug, Default)]
pub(super) struct Stock {
    pub goods: Vec<Stood>,
    pub stands: BTreeMap<(LaneIx, u32), Stand>,
    /// The row of each column in which its foremost unit stands, as many as there are rows for none.
    pub rows: BTreeMap<(LaneIx, u32), u32>,
}

/// Share of lanes that are sold out, of columns that are in the others, and of columns with a wrong item in front.
const LANES_OUT: f64 = 0.08;
const COLUMNS_OUT: f64 = 0.08;
const WRONG: f64 = 0.04;
/// Share of columns that are sold from between two pictures, and of these two units at once.
const SOLD: f64 = 0.3;
const SOLD_TWO: f64 = 0.2;
/// Share of lanes that staff have faced up: what is left stands in front. Else it stands at the back.
const FACED_UP: f64 = 0.6;
/// Depths of the foremost unit, as shares of the shelf's, that are neither in front nor at the back.
const BETWEEN: [f64; 2] = [0.4, 0.6];
/// Room that a package needs above it, metres.
const ABOVE_M: f64 = 0.02;

impl Stock {
    pub fn draw(shop: &Shop, draw: &mut Draw) -> Self {
        let mut stock = Self::default();
        for (i, lane) in shop.planogram.lanes.iter().enumerate() {
            let out = draw.chance(LANES_OUT);
            let faced_up = draw.chance(FACED_UP);
            for facing in 0..lane.facings.max(1) {
                let empty = out || draw.chance(COLUMNS_OUT);
                let at = (LaneIx::from(i), facing);
                let stand = if empty {
                    stock.rows.insert(at, column(shop, lane).2);
                    Stand::Empty
                } else {
                    stock.fill(shop, at, faced_up, draw)
                };
                stock.stands.insert(at, stand);
            }
        }
        stock.goods.sort_by_key(|g| g.shelf);
        stock
    }

    /// As staff leave it: every column full.
    pub fn full(shop: &Shop, draw: &mut Draw) -> Self {
        let mut stock = Self::default();
        for lane in &shop.planogram.lanes {
            for facing in 0..lane.facings.max(1) {
                stock.put(shop, lane, facing, (0, u32::MAX), None, draw);
            }
        }
        stock.goods.sort_by_key(|g| g.shelf);
        stock
    }

    /// Takes the foremost unit or two of some columns of the lanes' own goods.
    pub fn sell(&mut self, shop: &Shop, draw: &mut Draw) {
        for (&(ix, facing), row) in &mut self.rows {
            let lane = &shop.planogram.lanes[ix.usize()];
            let stand = self.stands.get(&(ix, facing));
            let own = matches!(
                stand,
                Some(Stand::Filled | Stand::Between | Stand::RearOnly)
            );
            let units = 1 + u32::from(draw.chance(SOLD_TWO));
            if !draw.chance(SOLD) || !own {
                continue;
            }
            let pitch = lane.width_m / f64::from(lane.facings.max(1));
            let middle = lane.x_m + (f64::from(facing) + 0.5) * pitch;
            let rows = column(shop, lane).2;
            for _ in 0..units {
                let here =
                    |g: &Stood| g.shelf == lane.shelf && (g.x_m - middle).abs() < pitch / 2.0;
                let all = self.goods.iter().enumerate().filter(|(_, g)| here(g));
                let first = all.min_by(|a, b| a.1.y_m.total_cmp(&b.1.y_m)).map(|a| a.0);
                let Some(first) = first else { break };
                self.goods.remove(first);
                *row = match self.goods.iter().any(here) {
                    true => *row + 1,
                    false => rows,
                };
            }
        }
    }

    fn fill(
        &mut self,
        shop: &Shop,
        (ix, facing): (LaneIx, u32),
        faced_up: bool,
        draw: &mut Draw,
    ) -> Stand {
        let lane = &shop.planogram.lanes[ix.usize()];
        let shelf = &shop.layout.shelves[lane.shelf.usize()];
        let (_, depth, rows) = column(shop, lane);
        let units = (1 + (draw.unit() * f64::from(rows)) as u32).min(rows);
        let first = if faced_up { 0 } else { rows - units };
        let pitch = lane.width_m / f64::from(lane.facings.max(1));
        let wrong = draw.chance(WRONG).then(|| other(shop, lane, pitch, draw));
        let wrong = wrong.flatten();
        self.rows.insert((ix, facing), first);
        self.put(shop, lane, facing, (first, units), wrong, draw);
        match wrong {
            Some(sku) => Stand::Other(sku),
            None => match f64::from(first) * depth / shelf.depth_m {
                d if d < BETWEEN[0] => Stand::Filled,
                d if d < BETWEEN[1] => Stand::Between,
                _ => Stand::RearOnly,
            },
        }
    }

    /// Sets units down in rows of a column, the first perhaps of another SKU.
    fn put(
        &mut self,
        shop: &Shop,
        lane: &Lane,
        facing: u32,
        (first, units): (u32, u32),
        other: Option<SkuIx>,
        draw: &mut Draw,
    ) {
        let (width, depth, rows) = column(shop, lane);
        let pitch = lane.width_m / f64::from(lane.facings.max(1));
        let middle = lane.x_m + (f64::from(facing) + 0.5) * pitch;
        let slack = (pitch - width).max(0.0) / 2.0;
        for k in 0..units.min(rows - first) {
            self.goods.push(Stood {
                sku: Some(other.filter(|_| k == 0).unwrap_or(lane.sku)),
                shelf: lane.shelf,
                x_m: middle + draw.between(-0.8, 0.8) * slack,
                y_m: f64::from(first + k) * depth + draw.between(0.0, 0.004),
                up_m: 0.0,
            });
        }
    }
}

/// Width and depth of a unit in its column, and the rows of units.
fn column(shop: &Shop, lane: &Lane) -> (f64, f64, u32) {
    let shelf = &shop.layout.shelves[lane.shelf.usize()];
    let size = shop.catalogue[lane.sku]
        .size_mm
        .map(|mm| f64::from(mm) / 1e3);
    let pitch = lane.width_m / f64::from(lane.facings.max(1));
    let depth = size[1].clamp(0.01, shelf.depth_m);
    let rows = ((shelf.depth_m / depth + 1e-6) as u32).clamp(1, 60);
    (size[0].min(pitch), depth, rows)
}

/// Another SKU that fits into a column.
fn other(shop: &Shop, lane: &Lane, pitch: f64, draw: &mut Draw) -> Option<SkuIx> {
    let layout = &shop.layout;
    let shelf = &layout.shelves[lane.shelf.usize()];
    let fixture = &layout.fixtures[shelf.fixture.usize()];
    let above = layout.shelves[fixture.shelves.start as usize..fixture.shelves.end as usize]
        .iter()
        .map(|s| s.height_m)
        .filter(|h| *h > shelf.height_m + 0.01)
        .fold(shelf.height_m + 0.45, f64::min);
    let depth = f64::from(shop.catalogue[lane.sku].size_mm[1]) / 1e3;
    let fits = |i: &usize| {
        let size = shop.catalogue[SkuIx::from(*i)]
            .size_mm
            .map(|mm| f64::from(mm) / 1e3);
        SkuIx::from(*i) != lane.sku
            && size[0] <= pitch + 0.01
            && size[1] <= depth + 0.02
            && size[2] <= above - shelf.height_m - ABOVE_M
    };
    let some: Vec<usize> = (0..shop.catalogue.len()).filter(fits).collect();
    let pick = (draw.unit() * some.len() as f64) as usize;
    some.get(pick).copied().map(SkuIx::from)
}
