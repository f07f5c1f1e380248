//! Where the facings of a shop's lanes fall in a camera's picture, and how much of them is to be seen.

use walkout_model::layout::{Fixture, Shelf};
use walkout_model::{LaneIx, Pixel, Point2, Point3, Product, Shop, SkuIx, View};

/// Points across and down a front by which it is told how much of it is seen.
pub(super) const PROBES: usize = 5;
/// Depths at most at which the foremost unit is looked for, and how deep, as a share of the shelf's depth: a facing with nothing before
/// that is a gap.
const DEPTHS_MAX: u32 = 5;
const DEEP_MAX: f64 = 0.5;
/// Whose foremost unit stands no deeper than this is not taken for a gap: about the half of the depth it may be either.
const SURELY: f64 = 0.4;
/// Packages are larger than this and, as pictures go, smaller, metres.
const SIZE_M: [f64; 2] = [0.02, 0.45];
/// Nodes across and down a patch between which pixels are interpolated.
pub(super) const NODES: usize = 7;

/// One column of a lane in one camera's picture.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub lane: LaneIx,
    pub facing: u32,
    pub sku: SkuIx,
    /// Least of width and height of the foremost front, pixels.
    pub px: f64,
    /// The foremost first.
    pub fronts: Vec<Front>,
}

/// The front of a unit that would stand so deep.
#[derive(Clone, Debug)]
pub(super) struct Front {
    /// Share of it that nothing hides and the picture holds.
    pub seen: f64,
    /// Which of its [`PROBES`] × [`PROBES`] parts are, rows from the bottom.
    pub open: Vec<bool>,
    /// A square around it: `NODES` × `NODES` pixels, rows from the top.
    pub square: Vec<Pixel>,
    /// What the package covers of the square: left, top, right, bottom, 0–1.
    pub package: [f64; 4],
}

impl Column {
    /// What its fronts cover of a picture of a size: left, top, right, bottom, as parts of it.
    pub fn bounds(&self, [w, h]: [f64; 2]) -> [f64; 4] {
        let all = self.fronts.iter().flat_map(|f| &f.square);
        all.fold([1.0, 1.0, 0.0, 0.0], |b, p| {
            let (x, y) = (p.u / w, p.v / h);
            [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)]
        })
    }
}

/// The columns of all lanes that a camera faces.
pub(super) fn columns(shop: &Shop, view: &View, px_min: f64, seen_min: f64) -> Vec<Column> {
    facings(shop)
        .filter_map(|(lane, facing)| column(shop, view, (lane, facing), px_min, seen_min))
        .collect()
}

/// All facings of a shop, in order.
pub(super) fn facings(shop: &Shop) -> impl Iterator<Item = (LaneIx, u32)> {
    let lanes = shop.planogram.lanes.iter().enumerate();
    lanes.flat_map(|(i, l)| (0..l.facings.max(1)).map(move |f| (LaneIx::from(i), f)))
}

/// The middle of a facing's front, in the floor frame.
pub(super) fn middle(shop: &Shop, lane: LaneIx, facing: u32) -> Option<Point3> {
    let l = shop.planogram.get(lane)?;
    let height = f64::from(shop.catalogue.get(l.sku)?.size_mm[2]) / 1_000.0;
    let up = height.clamp(SIZE_M[0], SIZE_M[1]) / 2.0;
    let x_m = l.x_m + (f64::from(facing) + 0.5) * l.width_m / f64::from(l.facings.max(1));
    Some(shop.layout.floor_from_shelf(l.shelf, x_m, 0.0, up))
}

/// A package's width, depth and height as they are looked for, metres.
pub(super) fn size_of(product: &Product) -> [f64; 3] {
    product.size_mm.map(|mm| {
        let m = f64::from(mm) / 1_000.0;
        m.clamp(SIZE_M[0], SIZE_M[1])
    })
}

/// Units of such a depth that stand one behind another on a shelf, metres.
pub(super) fn rows(shelf_m: f64, unit_m: f64) -> u32 {
    ((shelf_m / unit_m.max(0.001) + 1e-6) as u32).max(1)
}

/// Where a point lies in the picture between `side` × `side` nodes, rows from the top; 0–1 from the left and the top of what they span.
pub(super) fn between_nodes(nodes: &[Pixel], side: usize, x: f64, y: f64) -> Pixel {
    let last = (side - 1) as f64;
    let (u, v) = (x * last, y * last);
    let (i, j) = (u as usize, v as usize);
    let (a, b) = (u - i as f64, v - j as f64);
    let mut p = Pixel::default();
    for (di, dj) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let weight = (if di == 1 { a } else { 1.0 - a }) * (if dj == 1 { b } else { 1.0 - b });
        let node = nodes.get((j + dj) * side + i + di).copied();
        let node = node.unwrap_or_default();
        p.u += weight * node.u;
        p.v += weight * node.v;
    }
    p
}

/// Rows that begin in the front half.
fn front_rows(rows: u32) -> u32 {
    (f64::from(rows) * DEEP_MAX).ceil().max(1.0) as u32
}

/// Units that a column of a lane holds, and how many of them stand so near to the front that a gap has none of them.
pub(super) fn column_units(shop: &Shop, lane: LaneIx) -> Option<(u32, u32)> {
    let l = shop.planogram.get(lane)?;
    let shelf = shop.layout.shelves.get(l.shelf.usize())?;
    let deep = f64::from(shop.catalogue.get(l.sku)?.size_mm[1]) / 1_000.0;
    let rows = rows(shelf.depth_m, deep);
    let holds = l.capacity.div_ceil(l.facings.max(1)).max(rows);
    // A planogram that knows of more units than rows stacks them.
    let stacked = f64::from(holds) / f64::from(rows);
    let front = (f64::from(rows) * SURELY).floor();
    Some((holds, (front * stacked) as u32))
}

fn column(
    shop: &Shop,
    view: &View,
    (lane, facing): (LaneIx, u32),
    px_min: f64,
    seen_min: f64,
) -> Option<Column> {
    let layout = &shop.layout;
    let l = shop.planogram.get(lane)?;
    let shelf = layout.shelves.get(l.shelf.usize())?;
    let fixture = layout.fixtures.get(shelf.fixture.usize())?;
    let size = size_of(shop.catalogue.get(l.sku)?);
    let pitch = l.width_m / f64::from(l.facings.max(1));
    let (width, height) = (size[0].min(pitch), size[2]);
    let x_m = l.x_m + (f64::from(facing) + 0.5) * pitch;
    let scene = Scene::new(shop, shelf, fixture, view);
    if !scene.is_before() {
        return None;
    }
    let at = |x: f64, y: f64, up: f64| layout.floor_from_shelf(l.shelf, x, y, up);
    let px = |p: Point3| view.project(p).filter(|p| view.contains(*p));
    let length = |p: Pixel, q: Pixel| (p.u - q.u).hypot(p.v - q.v);
    let ends = [
        at(x_m - width / 2.0, 0.0, height / 2.0),
        at(x_m + width / 2.0, 0.0, height / 2.0),
        at(x_m, 0.0, 0.0),
        at(x_m, 0.0, height),
    ];
    let [left, right, low, high] = ends.map(|p| view.project(p));
    let size_px = length(left?, right?).min(length(low?, high?));
    if size_px < px_min {
        return None;
    }
    let side = width.max(height) * 1.15;
    let front = front_rows(rows(shelf.depth_m, size[1]));
    let mut depths: Vec<u32> = (0..DEPTHS_MAX.min(front))
        .map(|k| match DEPTHS_MAX.min(front) - 1 {
            0 => 0,
            last => k * (front - 1) / last,
        })
        .collect();
    depths.dedup();
    let mut fronts = Vec::new();
    for row in depths {
        let y = f64::from(row) * size[1];
        let mut open = Vec::with_capacity(PROBES * PROBES);
        for i in 0..PROBES * PROBES {
            let part = |k: usize| (k as f64 + 0.5) / PROBES as f64;
            let p = at(
                x_m + (part(i % PROBES) - 0.5) * width,
                y,
                part(i / PROBES) * height,
            );
            open.push(
                px(p).is_some()
                    && scene.is_open(p)
                    && scene.enters(p, [x_m - pitch / 2.0, x_m + pitch / 2.0]),
            );
        }
        let mut square = Vec::with_capacity(NODES * NODES);
        for j in 0..NODES {
            for i in 0..NODES {
                let part = |k: usize| k as f64 / (NODES - 1) as f64 - 0.5;
                let up = height / 2.0 - part(j) * side;
                square.push(view.project(at(x_m + part(i) * side, y, up))?);
            }
        }
        let (w, h) = (width / side / 2.0, height / side / 2.0);
        fronts.push(Front {
            seen: open.iter().filter(|o| **o).count() as f64 / (PROBES * PROBES) as f64,
            open,
            square,
            package: [0.5 - w, 0.5 - h, 0.5 + w, 0.5 + h],
        });
    }
    if fronts.first()?.seen < seen_min {
        return None;
    }
    Some(Column {
        lane,
        facing,
        sku: l.sku,
        px: size_px,
        fronts,
    })
}

/// A fixture as the camera's lines of sight cross it, in its own frame.
pub(super) struct Scene<'a> {
    shop: &'a Shop,
    shelf: &'a Shelf,
    fixture: &'a Fixture,
    eye: Point2,
    eye_z: f64,
    position: Point3,
}

impl<'a> Scene<'a> {
    pub fn new(shop: &'a Shop, shelf: &'a Shelf, fixture: &'a Fixture, view: &View) -> Self {
        let position = view.camera().position;
        Self {
            shop,
            shelf,
            fixture,
            eye: fixture.pose.local_from_floor(position.floor()),
            eye_z: position.z,
            position,
        }
    }

    /// Whether the camera hangs before the fixture: it sees fronts only from there.
    pub fn is_before(&self) -> bool {
        self.eye.y <= -0.1
    }

    /// Whether neither another board nor another fixture hides a point.
    pub fn is_open(&self, p: Point3) -> bool {
        let local = self.fixture.pose.local_from_floor(p.floor());
        let boards = self
            .shop
            .layout
            .shelves
            .get(self.fixture.shelves.start as usize..self.fixture.shelves.end as usize);
        let board_hides = boards.into_iter().flatten().any(|b| {
            // The top of a board, and its underside with the rail.
            [b.height_m - 0.001, b.height_m - 0.035]
                .into_iter()
                .any(|z| {
                    let k = (z - self.eye_z) / (p.z - self.eye_z);
                    if !(0.0..0.999).contains(&k) {
                        return false;
                    }
                    let x = self.eye.x + k * (local.x - self.eye.x);
                    let y = self.eye.y + k * (local.y - self.eye.y);
                    (b.x_m..b.x_m + b.width_m).contains(&x)
                        && (b.y_m..b.y_m + b.depth_m).contains(&y)
                })
        });
        let own = self.shelf.fixture.usize();
        let fixtures = self.shop.layout.fixtures.iter().enumerate();
        let from = self.position;
        let other_hides = fixtures.filter(|(i, _)| *i != own).any(|(_, f)| {
            (1..30).any(|k| {
                let k = f64::from(k) / 30.0;
                let z = from.z + k * (p.z - from.z);
                let q = from.floor() + (p.floor() - from.floor()) * k;
                let q = f.pose.local_from_floor(q);
                z < f.height_m && (0.0..f.width_m).contains(&q.x) && (0.0..f.depth_m).contains(&q.y)
            })
        });
        !board_hides && !other_hides
    }

    /// Whether the line of sight to a point in a column comes in by the column's own front, not behind a neighbour's.
    pub fn enters(&self, p: Point3, [left, right]: [f64; 2]) -> bool {
        let local = self.fixture.pose.local_from_floor(p.floor());
        let k = (self.shelf.y_m - self.eye.y) / (local.y - self.eye.y).max(1e-6);
        let x = self.eye.x + k.min(1.0) * (local.x - self.eye.x) - self.shelf.x_m;
        (left - 0.005..right + 0.005).contains(&x)
    }
}
