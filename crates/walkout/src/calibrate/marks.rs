//! Places in a picture and in the shop, from files.

use super::picture::Rgb;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use walkout_model::layout::Camera;
use walkout_model::{Pixel, Point2, Point3, Shop};
use walkout_perception::calibration::{Mark, find_tags};

/// A mark and what to call it.
#[derive(Clone, Debug)]
pub struct Named {
    /// `line 3`, `tag 7 upper left`.
    pub name: String,
    /// Where.
    pub mark: Mark,
}

/// Rows of a file, at most.
const ROWS_MAX: usize = 10_000;

/// A mark of these places.
pub fn mark(floor: Point3, [u, v]: [f64; 2]) -> Mark {
    Mark {
        floor,
        pixel: Pixel { u, v },
    }
}

/// A CSV file with a header; values have no commas in them.
struct Table {
    name: String,
    columns: Vec<String>,
    rows: Vec<(usize, Vec<String>)>,
}

impl Table {
    fn read(path: &Path, known: &[&str]) -> Result<Self> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("read {name}"))?;
        let mut lines = (1..).zip(text.lines()).filter(|(_, l)| {
            let l = l.trim();
            !l.is_empty() && !l.starts_with('#')
        });
        let cells = |l: &str| -> Vec<String> {
            l.trim_start_matches('\u{feff}')
                .split(',')
                .map(|c| c.trim().to_owned())
                .collect()
        };
        let Some((_, header)) = lines.next() else {
            bail!(
                "{name}: empty; its first line names the columns: {}",
                known.join(",")
            );
        };
        let columns = cells(header);
        for c in &columns {
            ensure!(
                known.contains(&c.as_str()),
                "{name}: column \"{c}\" is not known; there are {}",
                known.join(", ")
            );
        }
        let rows: Vec<(usize, Vec<String>)> = lines
            .map(|(n, l)| (n, cells(l)))
            .take(ROWS_MAX + 1)
            .collect();
        ensure!(rows.len() <= ROWS_MAX, "{name}: more than {ROWS_MAX} rows");
        for (n, row) in &rows {
            ensure!(
                row.len() == columns.len(),
                "{name}:{n}: {} values for {} columns",
                row.len(),
                columns.len()
            );
        }
        Ok(Self {
            name,
            columns,
            rows,
        })
    }

    fn cell<'a>(&self, row: &'a [String], column: &str) -> Option<&'a str> {
        let i = self.columns.iter().position(|c| c == column)?;
        row.get(i).map(String::as_str).filter(|c| !c.is_empty())
    }

    fn number(&self, n: usize, row: &[String], column: &str) -> Result<Option<f64>> {
        let Some(text) = self.cell(row, column) else {
            return Ok(None);
        };
        match text.parse::<f64>() {
            Ok(v) if v.is_finite() => Ok(Some(v)),
            _ => bail!("{}:{n}: {column} \"{text}\" is no number", self.name),
        }
    }

    fn needed(&self, n: usize, row: &[String], column: &str) -> Result<f64> {
        self.number(n, row, column)?
            .with_context(|| format!("{}:{n}: {column} is missing", self.name))
    }
}

/// Marked points of a file.
pub fn from_csv(path: &Path, shop: &Shop, camera: &Camera) -> Result<Vec<Named>> {
    let table = Table::read(path, &["u_px", "v_px", "x_m", "y_m", "z_m", "at"])?;
    let size = [camera.width_px, camera.height_px].map(f64::from);
    let mut out: Vec<Named> = Vec::new();
    for (n, row) in &table.rows {
        let n = *n;
        let [u, v] = [table.needed(n, row, "u_px")?, table.needed(n, row, "v_px")?];
        ensure!(
            (0.0..=size[0]).contains(&u) && (0.0..=size[1]).contains(&v),
            "{}:{n}: pixel {u}, {v} lies outside the picture of {} x {}",
            table.name,
            size[0],
            size[1]
        );
        let named = table.cell(row, "at");
        let floor = match named {
            Some(at) => corner_of(shop, at).with_context(|| format!("{}:{n}", table.name))?,
            None => Point3::new(
                table.needed(n, row, "x_m")?,
                table.needed(n, row, "y_m")?,
                table.number(n, row, "z_m")?.unwrap_or(0.0),
            ),
        };
        let name = match named {
            Some(at) => format!("line {n} ({at})"),
            None => format!("line {n} ({}, {}, {})", floor.x, floor.y, floor.z),
        };
        if let Some(same) = out.iter().find(|m| m.mark.floor == floor) {
            bail!("{}:{n}: the same place as {}", table.name, same.name);
        }
        out.push(Named {
            name,
            mark: mark(floor, [u, v]),
        });
    }
    Ok(out)
}

/// A corner of a fixture or an end of a gate, by name.
fn corner_of(shop: &Shop, name: &str) -> Result<Point3> {
    let mut parts: Vec<&str> = name.split('/').collect();
    let top = parts.len() > 2 && parts.last() == Some(&"top");
    if top {
        parts.pop();
    }
    let (Some(corner), owner) = (parts.pop(), parts.join("/")) else {
        bail!("\"{name}\" names no place");
    };
    if let Some(f) = shop.layout.fixtures.iter().find(|f| f.name == owner) {
        let (w, d) = (f.width_m, f.depth_m);
        let local = match corner {
            "front-left" => (0.0, 0.0),
            "front-right" => (w, 0.0),
            "back-right" => (w, d),
            "back-left" => (0.0, d),
            _ => bail!(
                "\"{name}\": fixture {owner} has front-left, front-right, back-left and back-right, each also with /top"
            ),
        };
        let p = f.pose.floor_from_local(Point2::new(local.0, local.1));
        return Ok(p.at_height(if top { f.height_m } else { 0.0 }));
    }
    if let Some(g) = shop.layout.gates.iter().find(|g| g.name == owner) {
        return Ok(match corner {
            "a" => g.a,
            "b" => g.b,
            _ => bail!("\"{name}\": gate {owner} has the ends a and b"),
        }
        .at_height(0.0));
    }
    bail!(
        "\"{name}\": shop {} has no fixture or gate \"{owner}\"",
        shop.name
    )
}

/// Where a tag lies.
struct TagPlace {
    middle: Point3,
    yaw: f64,
    side_m: f64,
}

/// The corners of all tags in a picture whose places a file gives.
pub fn from_tags(places: &Path, file: &Path, picture: &Rgb) -> Result<Vec<Named>> {
    let table = Table::read(places, &["id", "x_m", "y_m", "z_m", "yaw_deg", "side_mm"])?;
    let mut known: BTreeMap<u16, TagPlace> = BTreeMap::new();
    for (n, row) in &table.rows {
        let n = *n;
        let id = table.needed(n, row, "id")?;
        ensure!(
            (0.0..=586.0).contains(&id) && id.fract() == 0.0,
            "{}:{n}: tag36h11 has tags 0 to 586, not {id}",
            table.name
        );
        let side_mm = table.needed(n, row, "side_mm")?;
        ensure!(
            (5.0..=2000.0).contains(&side_mm),
            "{}:{n}: side_mm must be 5 to 2000: the side of the black square",
            table.name
        );
        let place = TagPlace {
            middle: Point3::new(
                table.needed(n, row, "x_m")?,
                table.needed(n, row, "y_m")?,
                table.number(n, row, "z_m")?.unwrap_or(0.0),
            ),
            yaw: table.number(n, row, "yaw_deg")?.unwrap_or(0.0).to_radians(),
            side_m: side_mm / 1000.0,
        };
        ensure!(
            known.insert(id as u16, place).is_none(),
            "{}:{n}: tag {id} has a place already: each number may lie in one place only",
            table.name
        );
    }
    let found = find_tags(&picture.grey()?);
    let ids: Vec<String> = found.iter().map(|t| t.id.to_string()).collect();
    for pair in found.windows(2) {
        ensure!(
            pair[0].id != pair[1].id || !known.contains_key(&pair[0].id),
            "{}: tag {} is in sight twice, near pixels {:.0}, {:.0} and {:.0}, {:.0}: take one of them away",
            file.display(),
            pair[0].id,
            pair[0].corners[0][0],
            pair[0].corners[0][1],
            pair[1].corners[0][0],
            pair[1].corners[0][1]
        );
    }
    let mut out = Vec::new();
    for tag in &found {
        let Some(place) = known.get(&tag.id) else {
            continue;
        };
        let (s, c) = place.yaw.sin_cos();
        let half = 0.5 * place.side_m;
        let corners = [
            ("upper left", -half, half),
            ("upper right", half, half),
            ("lower right", half, -half),
            ("lower left", -half, -half),
        ];
        for (pixel, (which, x, y)) in tag.corners.iter().zip(corners) {
            let p = place.middle;
            let floor = Point3::new(p.x + x * c - y * s, p.y + x * s + y * c, p.z);
            out.push(Named {
                name: format!("tag {} {which}", tag.id),
                mark: mark(floor, *pixel),
            });
        }
    }
    ensure!(
        !out.is_empty(),
        "{}: {}; {} gives places for {}",
        file.display(),
        if ids.is_empty() {
            "no tag of tag36h11 is in sight: are they sharp, lit, with their white rim, and 10 pixels a side or more?".to_owned()
        } else {
            format!("tags {} are in sight", ids.join(", "))
        },
        table.name,
        known
            .keys()
            .map(u16::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(out)
}
