//! Units, where each stands, and what they weigh on the plates.

use crate::draw::Draw;
use walkout_model::{LaneIx, PlateIx, Point3, ShelfIx, Shop, SkuIx};

/// A unit of the shop's goods, or a thing of somebody's.
pub(crate) type UnitId = usize;

/// Two footprints may overlap by this much: packages give way.
const TOLERANCE_M: f64 = 0.004;

/// One thing with a mass.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// What it is; `None` for what the shop does not sell.
    pub sku: Option<SkuIx>,
    /// What it looks like, where that differs from `sku` (an empty package).
    pub looks_like: Option<SkuIx>,
    /// Its own mass.
    pub mass_g: f64,
    /// Width, depth, height, metres.
    pub size_m: [f64; 3],
    /// Where it stands, if on a shelf.
    pub stand: Option<Stand>,
    /// Somebody is about to take it.
    pub reserved: bool,
}

/// A place on a shelf that a unit covers.
#[derive(Clone, Debug)]
pub(crate) struct Stand {
    /// Which shelf.
    pub shelf: ShelfIx,
    /// Middle, from the shelf's left end, metres.
    pub x_m: f64,
    /// Front face, from the shelf's front edge, metres.
    pub y_m: f64,
    /// Covered width, metres.
    pub width_m: f64,
    /// Covered depth, metres.
    pub depth_m: f64,
    /// Underside above the shelf, metres.
    pub up_m: f64,
    /// What it stands on, if not the shelf itself.
    pub on: Option<UnitId>,
    /// The lane that its middle lies in.
    pub lane: Option<LaneIx>,
    /// Share of its mass on each plate; they sum to 1 where the shelf has plates.
    pub shares: Vec<(PlateIx, f64)>,
}

/// Where something is to be put.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// Its own or another lane.
    Lane(LaneIx),
    /// On a shelf, as near as can be to this distance from its left end.
    Near(ShelfIx, f64),
}

/// All units.
#[derive(Debug)]
pub(crate) struct Goods {
    units: Vec<Unit>,
    unused: Vec<UnitId>,
    standing: Vec<Vec<UnitId>>,
    /// Units of the lane's SKU that stand in it, by lane.
    on_hand: Vec<u32>,
    /// Grams at rest by plate.
    pub plate_g: Vec<f64>,
    /// Changes whenever something is put down or taken up.
    pub revision: u64,
}

impl Goods {
    /// Empty shelves.
    pub fn new(shop: &Shop) -> Self {
        Self {
            units: Vec::new(),
            unused: Vec::new(),
            standing: vec![Vec::new(); shop.layout.shelves.len()],
            on_hand: vec![0; shop.planogram.lanes.len()],
            plate_g: vec![0.0; shop.layout.plates.len()],
            revision: 1,
        }
    }

    /// Everything that stands on a shelf, with what it looks like.
    pub fn standing(&self) -> impl Iterator<Item = (Option<SkuIx>, &Stand)> + '_ {
        let ids = self.standing.iter().flatten();
        ids.filter_map(|&id| {
            let unit = &self.units[id];
            Some((unit.looks_like, unit.stand.as_ref()?))
        })
    }

    /// A new unit of a SKU, its mass drawn from the SKU's mean and spread.
    pub fn make(&mut self, shop: &Shop, sku: SkuIx, draw: &mut Draw) -> UnitId {
        let product = &shop.catalogue[sku];
        let mean = product.unit_mass.grams();
        // Beyond four deviations a package is not sold; below a tenth it would be empty.
        let deviation = draw.normal().clamp(-4.0, 4.0) * product.unit_mass_sd.grams();
        self.insert(Unit {
            sku: Some(sku),
            looks_like: Some(sku),
            mass_g: (mean + deviation).max(0.1 * mean),
            size_m: product.size_mm.map(|mm| (f64::from(mm) / 1e3).max(0.01)),
            stand: None,
            reserved: false,
        })
    }

    /// A thing that the shop does not sell, or that it does not sell any more (an empty package).
    pub fn make_foreign(
        &mut self,
        mass_g: f64,
        size_m: [f64; 3],
        looks_like: Option<SkuIx>,
    ) -> UnitId {
        self.insert(Unit {
            sku: None,
            looks_like,
            mass_g,
            size_m,
            stand: None,
            reserved: false,
        })
    }

    fn insert(&mut self, unit: Unit) -> UnitId {
        if let Some(id) = self.unused.pop() {
            self.units[id] = unit;
            return id;
        }
        self.units.push(unit);
        self.units.len() - 1
    }

    /// Forgets a unit that left the shop, so that a long run stays small.
    pub fn forget(&mut self, id: UnitId) {
        debug_assert!(self.units[id].stand.is_none());
        self.unused.push(id);
    }

    /// One unit.
    pub fn get(&self, id: UnitId) -> &Unit {
        &self.units[id]
    }

    /// Marks a unit as about to be taken, or not any more.
    pub fn reserve(&mut self, id: UnitId, reserved: bool) {
        self.units[id].reserved = reserved;
    }

    /// Units of the lane's SKU in a lane.
    pub fn on_hand(&self, lane: LaneIx) -> u32 {
        self.on_hand[lane.usize()]
    }

    /// Everything on a shelf, in the order it was put there.
    pub fn on_shelf(&self, shelf: ShelfIx) -> &[UnitId] {
        &self.standing[shelf.usize()]
    }

    /// Units of a SKU on a shelf that can be taken now (nothing on them, nobody's hand on them):
    /// the front of each column first, then by distance from `x_m`.
    pub fn takeable(&self, shelf: ShelfIx, sku: SkuIx, x_m: f64) -> Vec<UnitId> {
        let here = self.on_shelf(shelf);
        let mut found: Vec<(i64, f64, UnitId)> = here
            .iter()
            .filter(|&&id| self.units[id].sku == Some(sku) && self.is_clear(shelf, id))
            .filter_map(|&id| {
                let stand = self.units[id].stand.as_ref()?;
                // Rows count by five centimetres, so that columns of one row compare by distance.
                let row = ((stand.y_m - 0.5 * stand.up_m) / 0.05).round() as i64;
                Some((row, (stand.x_m - x_m).abs(), id))
            })
            .collect();
        found.sort_by(|a, b| {
            let row = a.0.cmp(&b.0);
            row.then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
        });
        found.into_iter().map(|(_, _, id)| id).collect()
    }

    /// As [`Goods::takeable`], but the nearest to `x_m` first.
    pub fn takeable_near(&self, shelf: ShelfIx, sku: SkuIx, x_m: f64) -> Vec<UnitId> {
        let mut found = self.takeable(shelf, sku, x_m);
        let away = |id: &UnitId| {
            let stand = self.units[*id].stand.as_ref();
            // Units of one column differ by how they were set down; a column is three centimetres.
            stand.map_or(i64::MAX, |s| ((s.x_m - x_m).abs() / 0.03).round() as i64)
        };
        found.sort_by_key(away);
        found
    }

    /// Whether a unit can be lifted: nobody reaches for it and nothing stands on it.
    pub fn is_clear(&self, shelf: ShelfIx, id: UnitId) -> bool {
        !self.units[id].reserved
            && !self.on_shelf(shelf).iter().any(|&other| {
                self.units[other]
                    .stand
                    .as_ref()
                    .is_some_and(|s| s.on == Some(id))
            })
    }

    /// Goods that stand where they do not belong, and what belongs there less.
    pub fn misplaced(&self, shop: &Shop) -> Vec<UnitId> {
        let mut found = Vec::new();
        for (i, here) in self.standing.iter().enumerate() {
            for &id in here {
                let unit = &self.units[id];
                let Some(sku) = unit.sku else { continue };
                let lane = unit.stand.as_ref().and_then(|s| s.lane);
                let home = lane.is_some_and(|l| shop.planogram.lanes[l.usize()].sku == sku);
                if !home && self.is_clear(ShelfIx::from(i), id) {
                    found.push(id);
                }
            }
        }
        found
    }

    /// Where a thing of this size would come to stand. There is always a place: what finds no room
    /// is laid on top of other goods.
    pub fn spot(&self, shop: &Shop, id: UnitId, place: Place, draw: &mut Draw) -> Stand {
        let size = self.units[id].size_m;
        match place {
            Place::Lane(lane) => self.spot_in_lane(shop, size, lane, draw),
            Place::Near(shelf, x_m) => self.spot_near(shop, size, shelf, x_m),
        }
    }

    fn spot_in_lane(&self, shop: &Shop, size: [f64; 3], ix: LaneIx, draw: &mut Draw) -> Stand {
        let lane = &shop.planogram.lanes[ix.usize()];
        let shelf = &shop.layout.shelves[lane.shelf.usize()];
        let facings = lane.facings.max(1);
        let pitch = lane.width_m / f64::from(facings);
        let (width, depth) = (size[0].min(pitch), size[1].min(shelf.depth_m));
        let rows = (shelf.depth_m / depth + 1e-6).floor().clamp(1.0, 200.0) as u32;
        let slack = (pitch - width) / 2.0;
        // Columns are filled evenly: the emptiest first, then the leftmost.
        let mut best: Option<(u32, Stand)> = None;
        for column in 0..facings {
            let middle = lane.x_m + (f64::from(column) + 0.5) * pitch;
            let x_m = middle + draw.between(-0.8, 0.8) * slack;
            let mut found = None;
            for row in 0..rows {
                let y_m = f64::from(row) * depth;
                let stand = stand_at(lane.shelf, x_m, y_m, (width, depth));
                if !self.is_vacant(&stand) {
                    break;
                }
                found = Some((rows - row - 1, stand));
            }
            if let Some((used, stand)) = found
                && best.as_ref().is_none_or(|(b, _)| used < *b)
            {
                best = Some((used, stand));
            }
        }
        let stand = best.map(|(_, stand)| stand).unwrap_or_else(|| {
            let column = draw.whole(0, facings - 1);
            let x_m = lane.x_m + (f64::from(column) + 0.5) * pitch;
            self.on_top(lane.shelf, x_m, (width, depth))
        });
        self.finish(shop, stand)
    }

    fn spot_near(&self, shop: &Shop, size: [f64; 3], shelf_ix: ShelfIx, x_m: f64) -> Stand {
        let shelf = &shop.layout.shelves[shelf_ix.usize()];
        let (width, depth) = (size[0].min(shelf.width_m), size[1].min(shelf.depth_m));
        let (low, high) = (width / 2.0, shelf.width_m - width / 2.0);
        let wanted = x_m.clamp(low, high);
        for step in 0..=10 {
            for side in [1.0, -1.0] {
                let x = (wanted + side * f64::from(step) * 0.02).clamp(low, high);
                let stand = stand_at(shelf_ix, x, 0.0, (width, depth));
                if self.is_vacant(&stand) {
                    return self.finish(shop, stand);
                }
            }
        }
        let stand = self.on_top(shelf_ix, wanted, (width, depth));
        self.finish(shop, stand)
    }

    /// On top of whatever is nearest to `x_m` at the front.
    fn on_top(&self, shelf: ShelfIx, x_m: f64, (width, depth): (f64, f64)) -> Stand {
        let below = self
            .on_shelf(shelf)
            .iter()
            .filter(|&&id| self.is_clear(shelf, id))
            .filter_map(|&id| Some((id, self.units[id].stand.as_ref()?)))
            .min_by(|(_, a), (_, b)| {
                let key = |s: &Stand| (s.x_m - x_m).abs() + 0.2 * s.y_m + 0.3 * s.up_m;
                key(a).total_cmp(&key(b))
            });
        let Some((id, base)) = below else {
            return stand_at(shelf, x_m, 0.0, (width, depth));
        };
        Stand {
            up_m: base.up_m + self.units[id].size_m[2],
            on: Some(id),
            ..stand_at(shelf, base.x_m, base.y_m, (width, depth))
        }
    }

    /// Whether nothing stands on that part of the shelf's surface.
    fn is_vacant(&self, wanted: &Stand) -> bool {
        !self.on_shelf(wanted.shelf).iter().any(|&id| {
            self.units[id].stand.as_ref().is_some_and(|s| {
                let apart = (s.width_m + wanted.width_m) / 2.0 - TOLERANCE_M;
                let deep =
                    (s.y_m + s.depth_m).min(wanted.y_m + wanted.depth_m) - s.y_m.max(wanted.y_m);
                s.on.is_none() && (s.x_m - wanted.x_m).abs() < apart && deep > TOLERANCE_M
            })
        })
    }

    /// Whether a place that was found free a moment ago still is.
    pub fn still_fits(&self, stand: &Stand) -> bool {
        match stand.on {
            None => self.is_vacant(stand),
            Some(below) => {
                let base = self.units[below].stand.as_ref();
                base.is_some_and(|b| b.shelf == stand.shelf) && self.is_clear(stand.shelf, below)
            }
        }
    }

    fn finish(&self, shop: &Shop, mut stand: Stand) -> Stand {
        stand.shares = shares(shop, &stand);
        stand.lane = lane_at(shop, stand.shelf, stand.x_m);
        stand
    }

    /// Puts a unit on a shelf; its mass rests there from now on.
    pub fn put(&mut self, shop: &Shop, id: UnitId, stand: Stand) {
        self.revision += 1;
        for &(plate, share) in &stand.shares {
            self.plate_g[plate.usize()] += share * self.units[id].mass_g;
        }
        self.standing[stand.shelf.usize()].push(id);
        if let Some(lane) = home_lane(shop, self.units[id].sku, &stand) {
            self.on_hand[lane.usize()] += 1;
        }
        self.units[id].stand = Some(stand);
    }

    /// Takes a unit off its shelf; `None` if it stands nowhere.
    pub fn take(&mut self, shop: &Shop, id: UnitId) -> Option<Stand> {
        let stand = self.units[id].stand.take()?;
        self.revision += 1;
        self.units[id].reserved = false;
        for &(plate, share) in &stand.shares {
            self.plate_g[plate.usize()] -= share * self.units[id].mass_g;
        }
        self.standing[stand.shelf.usize()].retain(|&other| other != id);
        if let Some(lane) = home_lane(shop, self.units[id].sku, &stand) {
            let count = &mut self.on_hand[lane.usize()];
            *count = count.saturating_sub(1);
        }
        // What leant on it settles where it is: nothing was on top, or it could not be taken.
        Some(stand)
    }

    /// Where a wrist must be to hold a unit that stands so: in front of its face.
    pub fn grip(&self, shop: &Shop, id: UnitId, stand: &Stand) -> Point3 {
        let height = self.units[id].size_m[2];
        shop.layout.floor_from_shelf(
            stand.shelf,
            stand.x_m,
            stand.y_m - 0.07,
            stand.up_m + 0.6 * height.min(0.3),
        )
    }
}

fn stand_at(shelf: ShelfIx, x_m: f64, y_m: f64, (width_m, depth_m): (f64, f64)) -> Stand {
    Stand {
        shelf,
        x_m,
        y_m,
        width_m,
        depth_m,
        up_m: 0.0,
        on: None,
        lane: None,
        shares: Vec::new(),
    }
}

/// The lane that covers this place of a shelf.
pub(crate) fn lane_at(shop: &Shop, shelf: ShelfIx, x_m: f64) -> Option<LaneIx> {
    shop.planogram
        .on_shelf(shelf)
        .find(|(_, lane)| (lane.x_m..lane.x_m + lane.width_m).contains(&x_m))
        .map(|(ix, _)| ix)
}

fn home_lane(shop: &Shop, sku: Option<SkuIx>, stand: &Stand) -> Option<LaneIx> {
    let lane = stand.lane?;
    (Some(shop.planogram.lanes[lane.usize()].sku) == sku).then_some(lane)
}

/// The share of each plate in what stands there: by the area that lies on it; what lies on no
/// plate at all weighs on the nearest.
fn shares(shop: &Shop, stand: &Stand) -> Vec<(PlateIx, f64)> {
    let (left, right) = (
        stand.x_m - stand.width_m / 2.0,
        stand.x_m + stand.width_m / 2.0,
    );
    let (front, back) = (stand.y_m, stand.y_m + stand.depth_m);
    let mut found = Vec::new();
    let mut nearest: Option<(f64, PlateIx)> = None;
    for plate in shop.layout.plates_of(stand.shelf) {
        let p = &shop.layout.plates[plate.usize()];
        let along = right.min(p.x_m + p.width_m) - left.max(p.x_m);
        let deep = back.min(p.y_m + p.depth_m) - front.max(p.y_m);
        if along > 0.0 && deep > 0.0 {
            found.push((plate, along * deep));
        }
        let gap = (-along).max(0.0) + (-deep).max(0.0);
        if nearest.is_none_or(|(g, _)| gap < g) {
            nearest = Some((gap, plate));
        }
    }
    let total: f64 = found.iter().map(|(_, area)| area).sum();
    if total <= 0.0 {
        return nearest.map(|(_, plate)| (plate, 1.0)).into_iter().collect();
    }
    for (_, area) in &mut found {
        *area /= total;
    }
    found
}
