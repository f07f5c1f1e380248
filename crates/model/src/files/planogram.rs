//! `planogram.csv`: which SKU lies in which lane of which shelf.

use super::catalogue::Goods;
use super::geometry::{PLAY_M, overlap};
use super::layout::Head;
use super::mistake::{Report, did_you_mean, shown};
use super::rows::{self, Row};
use super::tables::Bounds;
use crate::{Gtin, Lane, Layout, Planogram, PlateIx, Product, ShelfIx};
use std::collections::{BTreeMap, BTreeSet};

/// The columns.
pub(super) const COLUMNS: [&str; 7] = [
    "shelf", "lane", "gtin", "x_m", "width_m", "facings", "capacity",
];

/// How far a lane may reach beyond the plates it lies on, metres.
const BESIDE_PLATES_M: f64 = 0.01;
/// Room over a top shelf that has less furniture than this above it, metres.
const OPEN_TOP_M: f64 = 0.40;

/// A lane with the byte of its row.
struct Placed {
    lane: Lane,
    byte: usize,
}

/// Reads the file. Without a `head`, shelves are not looked up.
pub(super) fn read(
    text: &str,
    head: Option<&Head>,
    goods: &Goods,
    report: &Report<'_>,
) -> Planogram {
    let mut placed: Vec<Placed> = Vec::new();
    let mut names = BTreeSet::new();
    let mut rows_seen = 0;
    let whole = rows::read(text, &COLUMNS, report, |row| {
        rows_seen += 1;
        let lane = lane(row, head, goods, &mut names);
        placed.extend(lane.map(|lane| Placed {
            lane,
            byte: row.byte,
        }));
    });
    if whole && rows_seen == 0 {
        report.file("places no goods", "add a row for each lane of a shelf");
    }
    let Some(head) = head else {
        return Planogram::default();
    };
    placed.sort_by(|a, b| {
        (a.lane.shelf.0, a.lane.x_m)
            .partial_cmp(&(b.lane.shelf.0, b.lane.x_m))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    lanes_apart(&placed, report);
    plates_bear(&placed, head, goods, report);
    Planogram {
        lanes: placed.into_iter().map(|p| p.lane).collect(),
    }
}

fn lane(
    row: &Row<'_>,
    head: Option<&Head>,
    goods: &Goods,
    names: &mut BTreeSet<String>,
) -> Option<Lane> {
    let shelf = shelf(row, head);
    let name = lane_name(row, names);
    let product = product(row, goods);
    let x = row.number("x_m", Bounds::within(0.0, 50.0));
    let width = row.number("width_m", Bounds::positive(50.0));
    let facings = row.whole("facings", 1, 1_000);
    let capacity = row.whole("capacity", 1, 10_000);

    let layout = &head?.layout;
    let (shelf, x_m, width_m) = (shelf?, x?, width?);
    let board = layout.shelves.get(shelf.usize())?;
    if x_m + width_m > board.width_m + PLAY_M {
        row.wrong(
            "x_m",
            format!(
                "the lane ends at {:.3} m, shelf {} at {:.3} m",
                x_m + width_m,
                board.name,
                board.width_m
            ),
            "move it to the left, or make it narrower",
        );
        return None;
    }
    let plates = plates_under(row, layout, shelf, x_m, width_m)?;
    let (facings, capacity) = (facings?, capacity?);
    if let Some(product) = product {
        product_fits(
            row, layout, shelf, product, &plates, width_m, facings, capacity,
        );
    }
    Some(Lane {
        name: name?,
        shelf,
        x_m,
        width_m,
        sku: goods.catalogue.find(product?.gtin)?,
        facings,
        capacity,
        plates,
    })
}

fn shelf(row: &Row<'_>, head: Option<&Head>) -> Option<ShelfIx> {
    let shelves = &head?.shelves;
    let name = row.get("shelf");
    match shelves.get(name) {
        // `None` inside: the shelf has a mistake of its own, said already.
        Some(found) => *found,
        // Where a name could not be read, that one may be meant.
        None if head?.unnamed => None,
        None => {
            row.wrong(
                "shelf",
                format!("there is no shelf \"{}\"", shown(name)),
                format!(
                    "write fixture/shelf as in shop.toml{}",
                    did_you_mean(name, shelves.keys().map(String::as_str))
                ),
            );
            None
        }
    }
}

fn lane_name(row: &Row<'_>, names: &mut BTreeSet<String>) -> Option<String> {
    let lane = row.get("lane");
    if !super::is_token(lane) {
        row.wrong(
            "lane",
            format!("\"{}\" cannot be a lane's name", shown(lane)),
            "write L01, L02, … from the left: letters, digits, - and _ only",
        );
        return None;
    }
    let name = format!("{}/{lane}", row.get("shelf"));
    if !names.insert(name.clone()) {
        row.wrong(
            "lane",
            format!("there are two lanes \"{}\"", shown(&name)),
            "give one of them another name",
        );
        return None;
    }
    Some(name)
}

fn product<'g>(row: &Row<'_>, goods: &'g Goods) -> Option<&'g Product> {
    let text = row.get("gtin");
    let gtin = text.parse::<Gtin>().ok();
    if let Some(gtin) = gtin {
        if let Some(sku) = goods.catalogue.find(gtin) {
            return goods.catalogue.get(sku);
        }
        if goods.lines.contains_key(&gtin) {
            return None;
        }
    }
    // Where the catalogue has an unreadable GTIN, that one may be meant.
    if gtin.is_none() || !goods.unsure {
        row.wrong(
            "gtin",
            format!("\"{}\" is not in catalogue.csv", shown(text)),
            "correct the GTIN, or add the product to the catalogue",
        );
    }
    None
}

/// The plates under a lane, none on a shelf that has none. `None` if they are not under all of it.
fn plates_under(
    row: &Row<'_>,
    layout: &Layout,
    shelf: ShelfIx,
    x_m: f64,
    width_m: f64,
) -> Option<Vec<PlateIx>> {
    let under: Vec<PlateIx> = layout
        .plates_of(shelf)
        .filter(|p| {
            let plate = &layout.plates[p.usize()];
            overlap(plate.x_m, plate.width_m, x_m, width_m)
        })
        .collect();
    if layout.plates_of(shelf).next().is_none() {
        return Some(Vec::new());
    }
    let edge = |pick: fn(f64, f64) -> f64, of: fn(&crate::layout::Plate) -> f64| {
        under
            .iter()
            .map(|p| of(&layout.plates[p.usize()]))
            .reduce(pick)
    };
    let left = edge(f64::min, |p| p.x_m);
    let right = edge(f64::max, |p| p.x_m + p.width_m);
    let (Some(left), Some(right)) = (left, right) else {
        row.wrong(
            "x_m",
            "the lane lies on no plate",
            "move it onto the shelf's plates, or add plates to the shelf",
        );
        return None;
    };
    if left > x_m + BESIDE_PLATES_M || right < x_m + width_m - BESIDE_PLATES_M {
        row.wrong(
            "x_m",
            format!("the lane reaches beyond its plates, which lie from {left:.3} to {right:.3} m"),
            "what stands beside the plates is not weighed: move or narrow the lane",
        );
        return None;
    }
    Some(under)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one row's values, used nowhere else"
)]
fn product_fits(
    row: &Row<'_>,
    layout: &Layout,
    shelf: ShelfIx,
    product: &Product,
    plates: &[PlateIx],
    width_m: f64,
    facings: u32,
    capacity: u32,
) {
    let [w, d, h] = product.size_mm.map(|mm| f64::from(mm) / 1_000.0);
    if f64::from(facings) * w > width_m + PLAY_M {
        row.wrong(
            "facings",
            format!(
                "{facings} × {:.0} mm side by side do not fit into {:.0} mm",
                w * 1e3,
                width_m * 1e3
            ),
            "fewer facings, or a wider lane",
        );
        return;
    }
    let depth = plates
        .iter()
        .map(|p| layout.plates[p.usize()].depth_m)
        .reduce(f64::min);
    // On a shelf without plates goods stand on the board.
    let depth = depth.unwrap_or(layout.shelves[shelf.usize()].depth_m);
    let clear = clearance_m(layout, shelf);
    let room = |space: f64, one: f64| ((space + PLAY_M) / one).floor();
    let (deep, high) = (room(depth, d), room(clear, h));
    if deep < 1.0 || high < 1.0 {
        row.wrong(
            "gtin",
            format!(
                "a package {:.0} mm deep and {:.0} mm high does not fit: there are {:.0} and {:.0} mm",
                d * 1e3,
                h * 1e3,
                depth * 1e3,
                clear * 1e3
            ),
            "put it on a deeper or higher shelf, or correct its size in catalogue.csv",
        );
        return;
    }
    let most = f64::from(facings) * deep * high;
    if f64::from(capacity) > most {
        row.wrong(
            "capacity",
            format!(
                "{capacity} units do not fit: {facings} side by side, {deep} deep and {high} high make {most}"
            ),
            "lower the capacity, or correct the package's size in catalogue.csv",
        );
    }
    let lightest = plates
        .iter()
        .map(|p| layout.plates[p.usize()].range_g)
        .fold(f64::INFINITY, f64::min);
    let mass = product.unit_mass.grams();
    if mass > lightest {
        row.wrong(
            "gtin",
            format!("one unit of {mass} g is beyond a plate's range of {lightest} g"),
            "put it on a stronger plate, or correct its mass in catalogue.csv",
        );
    }
}

/// Height between a shelf and the board over it, or the furniture's top, metres.
fn clearance_m(layout: &Layout, shelf: ShelfIx) -> f64 {
    let board = &layout.shelves[shelf.usize()];
    let fixture = &layout.fixtures[board.fixture.usize()];
    let range = fixture.shelves.start as usize..fixture.shelves.end as usize;
    let over = layout.shelves[range]
        .iter()
        .filter(|s| s.height_m > board.height_m + PLAY_M)
        .filter(|s| overlap(s.x_m, s.width_m, board.x_m, board.width_m))
        .map(|s| s.height_m - board.height_m)
        .fold(f64::INFINITY, f64::min);
    if over.is_finite() {
        over
    } else {
        (fixture.height_m - board.height_m).max(OPEN_TOP_M)
    }
}

/// Reports lanes of one shelf that overlap. `placed` is sorted by shelf and left edge.
fn lanes_apart(placed: &[Placed], report: &Report<'_>) {
    let mut reach: Option<&Placed> = None;
    for next in placed {
        if let Some(last) = reach.filter(|l| l.lane.shelf == next.lane.shelf) {
            let (a, b) = (&last.lane, &next.lane);
            if overlap(a.x_m, a.width_m, b.x_m, b.width_m) {
                report.at(
                    next.byte,
                    format!("lanes {} and {} overlap", a.name, b.name),
                    "x_m is a lane's left edge from the shelf's left end, width_m its width",
                );
            }
            if a.x_m + a.width_m > b.x_m + b.width_m {
                continue;
            }
        }
        reach = Some(next);
    }
}

/// Reports plates that full lanes would overload, the worst of each lane. A lane's mass lies evenly
/// along it.
fn plates_bear(placed: &[Placed], head: &Head, goods: &Goods, report: &Report<'_>) {
    let plates = &head.layout.plates;
    let mut loads_g: BTreeMap<PlateIx, f64> = BTreeMap::new();
    for Placed { lane, .. } in placed {
        for (plate, load_g) in full_load_g(lane, head, goods) {
            *loads_g.entry(plate).or_default() += load_g;
        }
    }
    for Placed { lane, byte } in placed {
        let excess =
            |p: &PlateIx| loads_g.get(p).copied().unwrap_or(0.0) - plates[p.usize()].range_g;
        let worst = lane
            .plates
            .iter()
            .max_by(|a, b| excess(a).total_cmp(&excess(b)));
        if let Some(worst) = worst
            && excess(worst) > 0.0
        {
            let plate = &plates[worst.usize()];
            report.at(
                *byte,
                format!(
                    "filled to capacity, plate {} bears {:.0} g, its range is {:.0} g",
                    plate.name,
                    excess(worst) + plate.range_g,
                    plate.range_g
                ),
                "lower the capacity of the lanes on it, or give the plate a wider range",
            );
        }
    }
}

/// What a full lane puts on each of its plates, grams. Nothing for goods of which one unit is too
/// heavy already, which has been said.
fn full_load_g(lane: &Lane, head: &Head, goods: &Goods) -> Vec<(PlateIx, f64)> {
    let plates = &head.layout.plates;
    let Some(product) = goods.catalogue.get(lane.sku) else {
        return Vec::new();
    };
    let unit_g = product.unit_mass.grams();
    if lane
        .plates
        .iter()
        .any(|p| unit_g > plates[p.usize()].range_g)
    {
        return Vec::new();
    }
    let under_m = |p: &PlateIx| {
        let plate = &plates[p.usize()];
        let right = (plate.x_m + plate.width_m).min(lane.x_m + lane.width_m);
        (right - plate.x_m.max(lane.x_m)).max(0.0)
    };
    let whole_m: f64 = lane.plates.iter().map(under_m).sum::<f64>().max(1e-9);
    let full_g = unit_g * f64::from(lane.capacity);
    lane.plates
        .iter()
        .map(|p| (*p, full_g * under_m(p) / whole_m))
        .collect()
}
