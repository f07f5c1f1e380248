//! Whether the things of a layout fit together: inside one another where they must be, and
//! nowhere through one another.

use super::layout::Head;
use super::mistake::Report;
use super::walkable;
use crate::layout::{Fixture, Gate, Plate, Shelf};
use crate::{Point2, Polygon};
use std::collections::BTreeSet;

/// Play that a tape measure has, metres.
pub(super) const PLAY_M: f64 = 0.002;
/// How far inside the floor's border a gate may lie, metres.
const GATE_TO_EDGE_M: f64 = 1.0;
/// Least height between two boards over one another, metres.
const BOARD_GAP_M: f64 = 0.03;

/// Reports everything that does not fit. Shelves with such a mistake count as unreadable after it,
/// so that the lanes on them are not blamed for it.
pub(super) fn check(head: &mut Head, report: &Report<'_>) {
    let mut misfits = shelves(head, report);
    misfits.extend(plates(head, report));
    for shelf in head.layout.shelves.iter().enumerate() {
        if misfits.contains(&shelf.0) {
            head.shelves.insert(shelf.1.name.clone(), None);
        }
    }
    let head = &*head;
    let floor_is_good = floor(head, report);
    if !floor_is_good {
        return;
    }
    let fixtures_fit = fixtures(head, report);
    let gates_fit = gates(head, report);
    devices(head, report);
    if fixtures_fit && gates_fit && !head.incomplete {
        walkable::check(head, report);
    }
}

fn floor(head: &Head, report: &Report<'_>) -> bool {
    let floor = &head.layout.floor;
    if floor.corners.is_empty() {
        return false;
    }
    let edges: Vec<_> = floor.edges().collect();
    if let Some(i) = edges.iter().position(|(a, b)| a.distance(*b) < PLAY_M) {
        report.at(
            head.floor_byte,
            format!(
                "corners {} and {} of the floor are the same",
                i + 1,
                (i + 1) % edges.len() + 1
            ),
            "remove one; the last corner joins the first by itself",
        );
        return false;
    }
    for (i, &(a, b)) in edges.iter().enumerate() {
        for (j, &(c, d)) in edges.iter().enumerate().skip(i + 2) {
            let neighbours = i == 0 && j + 1 == edges.len();
            if !neighbours && segments_meet((a, b), (c, d)) {
                report.at(
                    head.floor_byte,
                    format!("sides {} and {} of the floor cross", i + 1, j + 1),
                    "list the corners in order along the border",
                );
                return false;
            }
        }
    }
    let area = floor.area_m2();
    if !(1.0..=10_000.0).contains(&area) {
        report.at(
            head.floor_byte,
            format!("the floor has {area:.2} m²"),
            "corners are in metres; a shop has 1 to 10,000 m²",
        );
        return false;
    }
    true
}

fn gates(head: &Head, report: &Report<'_>) -> bool {
    let mut good = true;
    for (gate, &byte) in head.layout.gates.iter().zip(&head.gate_bytes) {
        if let Err((what, help)) = gate_fits(gate, head) {
            report.at(byte, format!("gate {}: {what}", gate.name), help);
            good = false;
        }
    }
    good
}

fn gate_fits(gate: &Gate, head: &Head) -> Result<(), (String, &'static str)> {
    let floor = &head.layout.floor;
    let length = gate.a.distance(gate.b);
    if !(0.4..=10.0).contains(&length) {
        return Err((
            format!("it is {length:.2} m wide"),
            "a gate is a line of 0.4 to 10 m, from a to b",
        ));
    }
    let middle = gate.middle();
    let to_edge = floor
        .edges()
        .map(|(a, b)| middle.distance_to_segment(a, b))
        .fold(f64::INFINITY, f64::min);
    if to_edge > GATE_TO_EDGE_M {
        return Err((
            format!("it lies {to_edge:.2} m from the floor's border"),
            "a gate lies on the border, or at most 1 m inside",
        ));
    }
    let inside = middle + gate.inward() * 0.3;
    if !floor.contains(inside) {
        return Err((
            "the shop is not to its left".to_owned(),
            "swap a and b: walking from a to b, the shop lies to the left",
        ));
    }
    let half_m = length / 2.0;
    let walled = |w: &&(Point2, Point2)| middle.distance_to_segment(w.0, w.1) < half_m * 0.9;
    if head.layout.walls.iter().any(|w| walled(&w)) {
        return Err((
            "a wall goes through it".to_owned(),
            "end the walls at the ends of the gate",
        ));
    }
    let blocked = head
        .layout
        .fixtures
        .iter()
        .find(|f| f.footprint().contains(inside));
    match blocked {
        Some(fixture) => Err((
            format!("fixture {} stands in it", fixture.name),
            "move one of the two",
        )),
        None => Ok(()),
    }
}

fn fixtures(head: &Head, report: &Report<'_>) -> bool {
    let layout = &head.layout;
    let mut good = true;
    for (i, (fixture, &byte)) in layout.fixtures.iter().zip(&head.fixture_bytes).enumerate() {
        let name = &fixture.name;
        // Shrunk by the play, so that what touches does not overlap.
        let footprint = shrunk_footprint(fixture);
        let outside = footprint.corners.iter().any(|&c| !layout.floor.contains(c))
            || footprint
                .edges()
                .any(|e| layout.floor.edges().any(|f| segments_meet(e, f)));
        if outside {
            report.at(
                byte,
                format!("fixture {name} does not stand wholly on the floor"),
                "move it: position is its front-left corner as a shopper facing it sees it",
            );
            good = false;
        }
        for other in layout.fixtures.iter().take(i) {
            if convex_overlap(&footprint, &shrunk_footprint(other)) {
                report.at(
                    byte,
                    format!("fixture {name} stands in fixture {}", other.name),
                    "move or turn one of them",
                );
                good = false;
            }
        }
        for (k, wall) in layout.walls.iter().enumerate() {
            let through = footprint.contains(wall.0)
                || footprint.contains(wall.1)
                || footprint.edges().any(|e| segments_meet(e, *wall));
            if through {
                let line = head.wall_bytes.get(k).map_or(0, |&b| report.line_of(b));
                report.at(
                    byte,
                    format!("the wall of line {line} goes through fixture {name}"),
                    "move one of them",
                );
                good = false;
            }
        }
    }
    good
}

/// Reports shelves that do not fit and says which they are.
fn shelves(head: &Head, report: &Report<'_>) -> BTreeSet<usize> {
    let layout = &head.layout;
    let mut misfits = BTreeSet::new();
    for (i, (shelf, &byte)) in layout.shelves.iter().zip(&head.shelf_bytes).enumerate() {
        let Some(fixture) = layout.fixtures.get(shelf.fixture.usize()) else {
            continue;
        };
        let right = shelf.x_m + shelf.width_m;
        let back = shelf.y_m + shelf.depth_m;
        if right > fixture.width_m + PLAY_M
            || back > fixture.depth_m + PLAY_M
            || shelf.height_m > fixture.height_m + PLAY_M
        {
            misfits.insert(i);
            report.at(
                byte,
                format!(
                    "shelf {} ends at {right:.3} × {back:.3} × {:.3} m, its fixture at {:.3} × {:.3} × {:.3} m",
                    shelf.name, shelf.height_m, fixture.width_m, fixture.depth_m, fixture.height_m
                ),
                "make the shelf smaller or the fixture larger",
            );
        }
    }
    for fixture in &layout.fixtures {
        let range = fixture.shelves.start as usize..fixture.shelves.end as usize;
        let all = layout.shelves.get(range.clone()).unwrap_or_default();
        let bytes = head.shelf_bytes.get(range).unwrap_or_default();
        for (i, (shelf, &byte)) in all.iter().zip(bytes).enumerate() {
            let clash = all.iter().take(i).find(|below| {
                shelf.height_m - below.height_m < BOARD_GAP_M && boards_overlap(shelf, below)
            });
            if let Some(below) = clash {
                let first = fixture.shelves.start as usize;
                misfits.extend(first..=first + i);
                report.at(
                    byte,
                    format!("shelves {} and {} are in one place", below.name, shelf.name),
                    "shelves over one another are at least 3 cm apart",
                );
            }
        }
    }
    misfits
}

fn boards_overlap(a: &Shelf, b: &Shelf) -> bool {
    overlap(a.x_m, a.width_m, b.x_m, b.width_m) && overlap(a.y_m, a.depth_m, b.y_m, b.depth_m)
}

/// Reports plates that do not fit and says on which shelves.
fn plates(head: &Head, report: &Report<'_>) -> BTreeSet<usize> {
    let layout = &head.layout;
    let mut misfits = BTreeSet::new();
    for (shelf_ix, shelf) in layout.shelves.iter().enumerate() {
        let range = shelf.plates.start as usize..shelf.plates.end as usize;
        let all = layout.plates.get(range.clone()).unwrap_or_default();
        let bytes = head.plate_bytes.get(range).unwrap_or_default();
        // A row of plates is one thing in the file: its first plate that does not fit is enough.
        let (mut outside_row, mut clash_row) = (None, None);
        for (i, (plate, &byte)) in all.iter().zip(bytes).enumerate() {
            let right = plate.x_m + plate.width_m;
            let back = plate.y_m + plate.depth_m;
            let outside = right > shelf.width_m + PLAY_M || back > shelf.depth_m + PLAY_M;
            if outside && outside_row.replace(byte) != Some(byte) {
                misfits.insert(shelf_ix);
                report.at(
                    byte,
                    format!(
                        "plate {} ends at {right:.3} × {back:.3} m, its shelf at {:.3} × {:.3} m",
                        plate.name, shelf.width_m, shelf.depth_m
                    ),
                    "fewer or narrower plates, or a wider shelf",
                );
            }
            if plate.resolution_g > plate.range_g || plate.noise_g > plate.range_g {
                report.at(
                    byte,
                    format!(
                        "plate {} has more noise or coarser steps than range",
                        plate.name
                    ),
                    "range_g, noise_g and resolution_g are all in grams",
                );
            }
            let clash = all.iter().take(i).find(|o| plates_overlap(plate, o));
            if let Some(other) = clash
                && clash_row.replace(byte) != Some(byte)
            {
                misfits.insert(shelf_ix);
                report.at(
                    byte,
                    format!("plates {} and {} overlap", other.name, plate.name),
                    "widen pitch_m, or move one of them",
                );
            }
        }
    }
    misfits
}

fn plates_overlap(a: &Plate, b: &Plate) -> bool {
    overlap(a.x_m, a.width_m, b.x_m, b.width_m) && overlap(a.y_m, a.depth_m, b.y_m, b.depth_m)
}

/// Whether two stretches overlap by more than the play.
pub(super) fn overlap(a: f64, a_length: f64, b: f64, b_length: f64) -> bool {
    (a + a_length).min(b + b_length) - a.max(b) > PLAY_M
}

fn devices(head: &Head, report: &Report<'_>) {
    let (lo, hi) = head.layout.floor.bounds();
    let cameras = head
        .layout
        .cameras
        .iter()
        .map(|c| ("camera", &c.name, c.position));
    let antennas = head
        .layout
        .antennas
        .iter()
        .map(|a| ("antenna", &a.name, a.position));
    let bytes = head.camera_bytes.iter().chain(&head.antenna_bytes);
    for ((kind, name, at), &byte) in cameras.chain(antennas).zip(bytes) {
        let over =
            (lo.x - 2.0..=hi.x + 2.0).contains(&at.x) && (lo.y - 2.0..=hi.y + 2.0).contains(&at.y);
        if !over || !(0.0..=20.0).contains(&at.z) {
            report.at(
                byte,
                format!("{kind} {name} is not in the shop"),
                "position is [x, y, height] in metres in the frame of the floor",
            );
        }
    }
}

fn shrunk_footprint(fixture: &Fixture) -> Polygon {
    let (l, r) = (PLAY_M, fixture.width_m - PLAY_M);
    let (f, b) = (PLAY_M, fixture.depth_m - PLAY_M);
    let corners = [(l, f), (r, f), (r, b), (l, b)];
    Polygon {
        corners: corners
            .iter()
            .map(|&(x, y)| fixture.pose.floor_from_local(Point2::new(x, y)))
            .collect(),
    }
}

/// Whether two convex polygons share more than a border, by separating axes.
fn convex_overlap(a: &Polygon, b: &Polygon) -> bool {
    a.edges().chain(b.edges()).all(|(p, q)| {
        let axis = Point2::new(-(q.y - p.y), q.x - p.x);
        let span = |polygon: &Polygon| {
            polygon
                .corners
                .iter()
                .map(|c| c.dot(axis))
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| {
                    (lo.min(v), hi.max(v))
                })
        };
        let ((a_lo, a_hi), (b_lo, b_hi)) = (span(a), span(b));
        a_hi > b_lo && b_hi > a_lo
    })
}

/// Whether two segments have a point in common.
fn segments_meet((a, b): (Point2, Point2), (c, d): (Point2, Point2)) -> bool {
    let side = |p: Point2, q: Point2, r: Point2| (q - p).cross(r - p);
    let (c_side, d_side) = (side(a, b, c), side(a, b, d));
    let (a_side, b_side) = (side(c, d, a), side(c, d, b));
    if c_side * d_side < 0.0 && a_side * b_side < 0.0 {
        return true;
    }
    let on = |p: Point2, s: (Point2, Point2)| p.distance_to_segment(s.0, s.1) < 1e-9;
    on(a, (c, d)) || on(b, (c, d)) || on(c, (a, b)) || on(d, (a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_touch_meet() {
        let p = Point2::new;
        let a = (p(0.0, 0.0), p(2.0, 0.0));
        assert!(segments_meet(a, (p(1.0, -1.0), p(1.0, 1.0))));
        assert!(segments_meet(a, (p(2.0, 0.0), p(3.0, 1.0))));
        assert!(!segments_meet(a, (p(2.1, 0.0), p(3.0, 0.0))));
        assert!(!segments_meet(a, (p(0.0, 1.0), p(2.0, 1.0))));
    }
}
