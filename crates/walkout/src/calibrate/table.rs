//! A camera as `shop.toml` writes it, to paste or to put there.

use anyhow::{Context, Result, bail};
use std::path::Path;
use walkout_model::files::{Sources, parse_shop};
use walkout_model::layout::Camera;

/// Which keys of a camera are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Size, focal lengths, principal point, distortion.
    Lens,
    /// Place and direction; the focal lengths, too, which may have been sought.
    Pose,
}

/// Keys and values.
pub fn entries(camera: &Camera, part: Part) -> Vec<(&'static str, String)> {
    let list = |numbers: &[f64], digits: usize| {
        let all: Vec<String> = numbers.iter().map(|x| format!("{x:.digits$}")).collect();
        format!("[{}]", all.join(", "))
    };
    let p = camera.position;
    let focal = ("focal_px", list(&camera.focal_px, 2));
    match part {
        Part::Lens => vec![
            ("width_px", camera.width_px.to_string()),
            ("height_px", camera.height_px.to_string()),
            focal,
            ("principal_px", list(&camera.principal_px, 2)),
            ("distortion", list(&camera.distortion, 6)),
        ],
        Part::Pose => vec![
            focal,
            ("position", list(&[p.x, p.y, p.z], 4)),
            ("yaw_deg", format!("{:.3}", camera.yaw.to_degrees())),
            ("pitch_deg", format!("{:.3}", camera.pitch.to_degrees())),
            ("roll_deg", format!("{:.3}", camera.roll.to_degrees())),
        ],
    }
}

/// The whole table, to paste.
pub fn text(camera: &Camera, placed: bool) -> String {
    let mut out = format!("[[camera]]\nname = \"{}\"\n", camera.name);
    let mut all = entries(camera, Part::Lens);
    if placed {
        all.extend(entries(camera, Part::Pose).into_iter().skip(1));
    }
    for (key, value) in all {
        out.push_str(&format!("{key} = {value}\n"));
    }
    if !placed {
        out.push_str(
            "# position, yaw_deg, pitch_deg, roll_deg: walkout calibrate tags or points\n",
        );
    }
    out
}

/// Changes a camera's values in the text of a `shop.toml`; all else stays as it is.
pub fn edited(text: &str, name: &str, entries: &[(&str, String)]) -> Result<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_header = |l: &str| {
        let l = l.trim_start();
        l.starts_with("[[")
            || (l.starts_with('[') && l.trim_end().ends_with(']') && !l.contains(','))
    };
    let key_of = |l: &str| l.split_once('=').map(|(k, _)| k.trim().to_owned());
    let mut start = None;
    let mut i = 0;
    while i < lines.len() {
        let header = lines[i].split('#').next().unwrap_or_default().trim();
        if header == "[[camera]]" {
            let end = (i + 1..lines.len())
                .find(|j| is_header(lines[*j]))
                .unwrap_or(lines.len());
            let named = lines[i + 1..end].iter().any(|l| {
                let value = l.split_once('=').map(|(k, v)| (k.trim(), v));
                value.is_some_and(|(k, v)| {
                    let v = v.split('#').next().unwrap_or_default().trim();
                    k == "name" && v.trim_matches(['"', '\'']) == name
                })
            });
            if named {
                start = Some((i + 1, end));
                break;
            }
        }
        i += 1;
    }
    let Some((start, end)) = start else {
        bail!(
            "no table [[camera]] with name = \"{name}\" of its own: paste what is printed without --write"
        );
    };
    let mut out: String = lines[..start].concat();
    let mut left: Vec<&(&str, String)> = entries.iter().collect();
    let mut last_value = out.len();
    let mut j = start;
    while j < end {
        let line = lines[j];
        let key = key_of(line).unwrap_or_default();
        let Some(at) = left.iter().position(|(k, _)| *k == key) else {
            out.push_str(line);
            if line.contains('=') || line.trim_start().starts_with(']') {
                last_value = out.len();
            }
            j += 1;
            continue;
        };
        // A list may go over several lines.
        let mut open = 0_i32;
        let mut comment = "";
        loop {
            let (code, after) = lines[j].split_once('#').unwrap_or((lines[j], ""));
            open += code.matches('[').count() as i32 - code.matches(']').count() as i32;
            if !after.is_empty() {
                comment = after.trim_end();
            }
            j += 1;
            if open <= 0 || j >= end {
                break;
            }
        }
        let (key, value) = left.remove(at);
        let comment = if comment.is_empty() {
            String::new()
        } else {
            format!(" #{comment}")
        };
        out.push_str(&format!("{key} = {value}{comment}\n"));
        last_value = out.len();
    }
    let fresh: String = left.iter().map(|(k, v)| format!("{k} = {v}\n")).collect();
    if !out[..last_value].ends_with('\n') && !fresh.is_empty() {
        out.insert(last_value, '\n');
        last_value += 1;
    }
    out.insert_str(last_value, &fresh);
    out.push_str(&lines[end..].concat());
    Ok(out)
}

/// Puts a camera's values into a shop's `shop.toml`, if the shop is then still without mistake.
pub fn write(dir: &Path, camera: &Camera, part: Part) -> Result<()> {
    let file = dir.join("shop.toml");
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    let mut sources = Sources {
        shop: read("shop.toml")?,
        catalogue: read("catalogue.csv")?,
        planogram: read("planogram.csv")?,
    };
    sources.shop = edited(&sources.shop, &camera.name, &entries(camera, part))
        .with_context(|| file.display().to_string())?;
    if let Err(mistakes) = parse_shop("shop", &sources) {
        let said: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        bail!(
            "{} is left as it was, since with this camera it would have mistakes:\n{}",
            file.display(),
            said.join("\n")
        );
    }
    // Whole or not at all.
    let fresh = dir.join("shop.toml.new");
    std::fs::write(&fresh, &sources.shop).with_context(|| format!("write {}", fresh.display()))?;
    std::fs::rename(&fresh, &file).with_context(|| format!("write {}", file.display()))
}
