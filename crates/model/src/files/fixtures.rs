//! The `[[fixture]]` part of `shop.toml`: furniture, shelves and load-cell plates.

use super::layout::{ANGLE_DEG, Head, twice};
use super::mistake::{Report, did_you_mean, shown};
use super::tables::{Bounds, Table};
use crate::layout::{Fixture, Plate, Shelf};
use crate::{FixtureIx, Pose2, ShelfIx};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeValue;

/// Sizes of furniture, metres.
const SIZE_M: Bounds = Bounds::positive(50.0);
/// Offsets inside furniture, metres.
const OFFSET_M: Bounds = Bounds::within(0.0, 50.0);
/// Bounds on counts; a shop far outside them is a typing mistake.
const FIXTURES_MAX: usize = 1_000;
const SHELVES_MAX: usize = 40;
const ROWS_MAX: usize = 100;
const PLATES_ON_SHELF_MAX: usize = 100;
const PLATES_MAX: usize = 20_000;

/// What a plate is like, from `[plate_type.…]` or from the row itself.
#[derive(Clone, Copy, Debug, Default)]
struct PlateType {
    width_m: Option<f64>,
    depth_m: Option<f64>,
    range_g: Option<f64>,
    noise_g: Option<f64>,
    resolution_g: Option<f64>,
}

const TYPE_KEYS: [(&str, Bounds); 5] = [
    ("width_m", SIZE_M),
    ("depth_m", SIZE_M),
    ("range_g", Bounds::positive(1e6)),
    ("noise_g", Bounds::within(0.0, 1e4)),
    ("resolution_g", Bounds::positive(1e4)),
];

impl PlateType {
    fn read(table: &mut Table<'_, '_>, base: Self, good: &mut bool) -> Self {
        let mut values = [
            base.width_m,
            base.depth_m,
            base.range_g,
            base.noise_g,
            base.resolution_g,
        ];
        for ((key, bounds), value) in TYPE_KEYS.into_iter().zip(&mut values) {
            if !table.has(key) {
                table.get(key);
                continue;
            }
            *value = table.number(key, bounds);
            *good &= value.is_some();
        }
        let [width_m, depth_m, range_g, noise_g, resolution_g] = values;
        Self {
            width_m,
            depth_m,
            range_g,
            noise_g,
            resolution_g,
        }
    }
}

/// A plate type by name; `None` for one that has a mistake of its own.
type PlateTypes = BTreeMap<String, Option<PlateType>>;

/// Reads `[plate_type]` and `[[fixture]]`.
pub(super) fn read(top: &mut Table<'_, '_>, head: &mut Head, report: &Report<'_>) {
    let types = plate_types(top, report);
    let mut names = BTreeSet::new();
    let fixtures = top.tables("fixture", "[[fixture]]", FIXTURES_MAX);
    if fixtures.is_empty() {
        report.at(
            0,
            "the shop has no fixture",
            "add a [[fixture]] with [[fixture.shelf]]",
        );
    }
    for mut table in fixtures {
        let name = table.name();
        head.unnamed |= name.is_none();
        if let Some(name) = name
            && !names.insert(name.to_owned())
        {
            twice(report, table.byte_of("name"), "fixture", name);
            head.unnamed = true;
        }
        let position = table.point("position");
        let yaw = table.number_or("yaw_deg", ANGLE_DEG, 0.0);
        let width = table.number("width_m", SIZE_M);
        let depth = table.number("depth_m", SIZE_M);
        let height = table.number("height_m", SIZE_M);
        let fixture = match (name, position, yaw, width, depth, height) {
            (Some(name), Some(position), Some(yaw), Some(width_m), Some(depth_m), Some(height)) => {
                Some(Fixture {
                    name: name.to_owned(),
                    pose: Pose2 {
                        position,
                        yaw: yaw.to_radians(),
                    },
                    width_m,
                    depth_m,
                    height_m: height,
                    shelves: 0..0,
                })
            }
            _ => None,
        };
        shelves(&mut table, name, fixture, &types, head, report);
        table.done();
    }
}

fn plate_types(top: &mut Table<'_, '_>, report: &Report<'_>) -> PlateTypes {
    let mut out = PlateTypes::new();
    let Some(all) = top.table("plate_type", "[plate_type.NAME]") else {
        return out;
    };
    for (name, value) in all.entries() {
        let Some(table) = value.get_ref().as_table() else {
            all.wrong_kind(name, value, "a table: [plate_type.NAME]");
            out.insert(name.to_owned(), None);
            continue;
        };
        let mut table = Table::new(table, value.span().start, "[plate_type.NAME]", report);
        let mut good = true;
        let read = PlateType::read(&mut table, PlateType::default(), &mut good);
        table.done();
        out.insert(name.to_owned(), good.then_some(read));
    }
    out
}

/// One shelf as read, its plates left to right.
struct Board {
    shelf: Shelf,
    byte: usize,
    plates: Vec<(Plate, usize)>,
}

fn shelves(
    table: &mut Table<'_, '_>,
    fixture_name: Option<&str>,
    fixture: Option<Fixture>,
    types: &PlateTypes,
    head: &mut Head,
    report: &Report<'_>,
) {
    let mut boards = Vec::new();
    let mut names = BTreeSet::new();
    let tables = table.tables("shelf", "[[fixture.shelf]]", SHELVES_MAX);
    for mut table in tables {
        let name = table.name();
        head.unnamed |= name.is_none();
        if let Some(name) = name
            && !names.insert(name)
        {
            twice(report, table.byte_of("name"), "shelf", name);
            head.unnamed = true;
        }
        let full_name = fixture_name.zip(name).map(|(f, s)| format!("{f}/{s}"));
        if let Some(full_name) = &full_name {
            head.shelves.insert(full_name.clone(), None);
        }
        let board = shelf(&mut table, full_name, fixture.as_ref(), types, report);
        match board {
            Some(board) => boards.push(board),
            None => head.incomplete = true,
        }
        table.done();
    }
    let Some(mut fixture) = fixture else {
        head.incomplete = true;
        return;
    };
    boards.sort_by(|a, b| a.shelf.height_m.total_cmp(&b.shelf.height_m));
    let fixture_ix = FixtureIx::from(head.layout.fixtures.len());
    let first_shelf = ShelfIx::from(head.layout.shelves.len()).0;
    for mut board in boards {
        let shelf_ix = ShelfIx::from(head.layout.shelves.len());
        if head.layout.plates.len() + board.plates.len() > PLATES_MAX {
            report.at(
                board.byte,
                format!("the shop has more than {PLATES_MAX} plates"),
                "split the shop",
            );
            head.incomplete = true;
            return;
        }
        let first_plate = u32::try_from(head.layout.plates.len()).unwrap_or(u32::MAX);
        for (mut plate, byte) in board.plates {
            plate.shelf = shelf_ix;
            head.layout.plates.push(plate);
            head.plate_bytes.push(byte);
        }
        let end_plate = u32::try_from(head.layout.plates.len()).unwrap_or(u32::MAX);
        board.shelf.fixture = fixture_ix;
        board.shelf.plates = first_plate..end_plate;
        // A name that two shelves share stands for neither.
        let named = head.shelves.entry(board.shelf.name.clone()).or_default();
        *named = if named.is_some() {
            None
        } else {
            Some(shelf_ix)
        };
        head.layout.shelves.push(board.shelf);
        head.shelf_bytes.push(board.byte);
    }
    fixture.shelves = first_shelf..ShelfIx::from(head.layout.shelves.len()).0;
    head.layout.fixtures.push(fixture);
    head.fixture_bytes.push(table.byte);
}

fn shelf(
    table: &mut Table<'_, '_>,
    name: Option<String>,
    fixture: Option<&Fixture>,
    types: &PlateTypes,
    report: &Report<'_>,
) -> Option<Board> {
    let height = table.number("height_m", OFFSET_M);
    let x = table.number_or("x_m", OFFSET_M, 0.0);
    let y = table.number_or("y_m", OFFSET_M, 0.0);
    let full_width = fixture.map_or(f64::INFINITY, |f| f.width_m) - x.unwrap_or(0.0);
    let full_depth = fixture.map_or(f64::INFINITY, |f| f.depth_m) - y.unwrap_or(0.0);
    let width = table.number_or("width_m", SIZE_M, full_width);
    let depth = table.number_or("depth_m", SIZE_M, full_depth);
    let plates = plates(table, name.as_deref(), width, depth, types, report);
    fixture?;
    Some(Board {
        byte: table.byte,
        plates: plates?,
        shelf: Shelf {
            name: name?,
            fixture: FixtureIx(0),
            x_m: x?,
            y_m: y?,
            height_m: height?,
            width_m: width?,
            depth_m: depth?,
            plates: 0..0,
        },
    })
}

/// The plates of a shelf, left to right. `None` only after a mistake.
fn plates(
    shelf: &mut Table<'_, '_>,
    shelf_name: Option<&str>,
    shelf_width: Option<f64>,
    shelf_depth: Option<f64>,
    types: &PlateTypes,
    report: &Report<'_>,
) -> Option<Vec<(Plate, usize)>> {
    let Some(value) = shelf.get("plates") else {
        return Some(Vec::new());
    };
    let rows = match value.get_ref() {
        DeValue::Table(row) => vec![Table::new(row, value.span().start, "plates", report)],
        DeValue::Array(_) => shelf.tables("plates", "plates", ROWS_MAX),
        _ => {
            shelf.wrong_kind(
                "plates",
                value,
                "{ type = \"…\", count = 12 }, or a list of such",
            );
            return None;
        }
    };
    let mut good = true;
    let mut out = Vec::new();
    for mut row in rows {
        let one = plate_row(&mut row, shelf_width, shelf_depth, types, report);
        match one {
            Some(plates) => out.extend(plates),
            None => good = false,
        }
        row.done();
    }
    if out.len() > PLATES_ON_SHELF_MAX {
        report.at(
            value.span().start,
            format!("{} plates lie on one shelf", out.len()),
            format!("a shelf has at most {PLATES_ON_SHELF_MAX}"),
        );
        return None;
    }
    out.sort_by(|(a, _), (b, _)| a.x_m.total_cmp(&b.x_m).then(a.y_m.total_cmp(&b.y_m)));
    let mut names = BTreeSet::new();
    for (i, (plate, byte)) in out.iter_mut().enumerate() {
        if plate.name.is_empty() {
            plate.name = format!("P{:02}", i + 1);
        }
        if !names.insert(plate.name.clone()) {
            twice(report, *byte, "plate", &plate.name);
        }
        plate.name = format!("{}/{}", shelf_name.unwrap_or("?"), plate.name);
    }
    good.then_some(out)
}

fn plate_row(
    row: &mut Table<'_, '_>,
    shelf_width: Option<f64>,
    shelf_depth: Option<f64>,
    types: &PlateTypes,
    report: &Report<'_>,
) -> Option<Vec<(Plate, usize)>> {
    let mut good = true;
    let mut base = PlateType::default();
    if let Some(name) = row.text_if("type") {
        match types.get(name) {
            Some(Some(found)) => base = *found,
            // Its own mistake has been said already.
            Some(None) => good = false,
            None => {
                good = false;
                report.at(
                    row.byte_of("type"),
                    format!("there is no plate type \"{}\"", shown(name)),
                    format!(
                        "add [plate_type.{}]{}",
                        shown(name),
                        did_you_mean(name, types.keys().map(String::as_str))
                    ),
                );
            }
        }
    }
    let like = PlateType::read(row, base, &mut good);
    let count = if row.has("count") {
        row.whole("count", 1, 100)
    } else {
        row.get("count");
        Some(1)
    };
    let name = if row.has("name") {
        row.name()
    } else {
        row.text_if("name")
    };
    if name.is_some() && count.is_some_and(|n| n > 1) {
        report.at(
            row.byte_of("name"),
            "one name is given to several plates",
            "remove the name (plates are called P01, P02, … from the left), or give each its own row",
        );
        good = false;
    }
    let pitch = match like.width_m {
        Some(width) => row.number_or("pitch_m", SIZE_M, width),
        None => row.number_or("pitch_m", SIZE_M, 1.0),
    };
    let mut missing: Vec<&str> = Vec::new();
    for (key, value) in TYPE_KEYS.map(|(k, _)| k).into_iter().zip([
        like.width_m,
        like.depth_m,
        like.range_g,
        like.noise_g,
        like.resolution_g,
    ]) {
        // A key that is there with a bad value has been reported.
        if value.is_none() && !row.has(key) {
            missing.push(key);
        }
    }
    if good && !missing.is_empty() {
        report.at(
            row.byte,
            format!("the plates have no {}", missing.join(", ")),
            "give them here or in the [plate_type] they are of",
        );
    }
    // Left out, the row stands in the middle of the shelf.
    let row_width = like
        .width_m
        .zip(pitch)
        .zip(count)
        .map(|((width, pitch), count)| width + pitch * f64::from(count - 1));
    let middle = |outer: Option<f64>, inner: Option<f64>| {
        let spare = outer.zip(inner).map_or(0.0, |(outer, inner)| outer - inner);
        (spare / 2.0).max(0.0)
    };
    let x = row.number_or("x_m", OFFSET_M, middle(shelf_width, row_width));
    let y = row.number_or("y_m", OFFSET_M, middle(shelf_depth, like.depth_m));
    let (count, pitch) = (count?, pitch?);
    let plate = Plate {
        name: name.unwrap_or_default().to_owned(),
        shelf: ShelfIx(0),
        x_m: x?,
        y_m: y?,
        width_m: like.width_m?,
        depth_m: like.depth_m?,
        range_g: like.range_g?,
        noise_g: like.noise_g?,
        resolution_g: like.resolution_g?,
    };
    good.then(|| {
        (0..count)
            .map(|i| {
                let x_m = plate.x_m + pitch * f64::from(i);
                (
                    Plate {
                        x_m,
                        ..plate.clone()
                    },
                    row.byte,
                )
            })
            .collect()
    })
}
