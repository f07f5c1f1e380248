//! Reads a shop's folder — `shop.toml`, `catalogue.csv`, `planogram.csv` — into a [`Shop`], or
//! says every mistake in it at once. The schema is `docs/reference/shop-files.md`.
//!
//! The only module of this crate that touches the file system, and only in [`load_shop`] and
//! [`locate`]; [`parse_shop`] works on texts.

mod catalogue;
mod fixtures;
mod geometry;
mod layout;
mod locate;
mod mistake;
mod planogram;
mod rows;
mod tables;
mod walkable;

pub use locate::{ShopNotFound, locate};
pub use mistake::{Mistake, ShopError};

use crate::Shop;
use mistake::{Found, Report};
use std::io::Read;
use std::path::Path;

/// Largest `shop.toml` that is read, bytes.
pub const SHOP_TOML_BYTES_MAX: usize = 4 << 20;
/// Largest `catalogue.csv` or `planogram.csv` that is read, bytes.
pub const CSV_BYTES_MAX: usize = 16 << 20;

/// The texts of a shop's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// `shop.toml`.
    pub shop: String,
    /// `catalogue.csv`.
    pub catalogue: String,
    /// `planogram.csv`.
    pub planogram: String,
}

/// Reads the shop in a folder.
///
/// # Errors
/// Every mistake found in its files, by file and line; an absent or unreadable file is one too.
pub fn load_shop(dir: &Path) -> Result<Shop, ShopError> {
    let failed = |mistakes| ShopError {
        dir: dir.to_owned(),
        mistakes,
    };
    let found = Found::default();
    let sources = Sources {
        shop: read(dir, "shop.toml", SHOP_TOML_BYTES_MAX, &found),
        catalogue: read(dir, "catalogue.csv", CSV_BYTES_MAX, &found),
        planogram: read(dir, "planogram.csv", CSV_BYTES_MAX, &found),
    };
    let unread = found.into_sorted();
    if !unread.is_empty() {
        return Err(failed(unread));
    }
    let name = dir
        .canonicalize()
        .ok()
        .and_then(|path| path.file_name().map(|n| n.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "shop".to_owned());
    let mut shop = parse_shop(&name, &sources).map_err(failed)?;
    for source in &mut shop.layout.camera_sources {
        // Files are found from the shop's folder.
        *source = source.take().map(|s| s.relative_to(dir));
    }
    Ok(shop)
}

/// Makes a shop of the texts of its files; `name` is the folder's.
///
/// # Errors
/// Every mistake, sorted by file and line.
pub fn parse_shop(name: &str, sources: &Sources) -> Result<Shop, Vec<Mistake>> {
    let found = Found::default();
    let shop_report = Report::new("shop.toml", &sources.shop, &found);
    let catalogue_report = Report::new("catalogue.csv", &sources.catalogue, &found);
    let planogram_report = Report::new("planogram.csv", &sources.planogram, &found);
    if !is_token(name) {
        shop_report.file(
            format!("the folder's name \"{name}\" cannot be the shop's name"),
            "rename the folder: letters, digits, - and _ only, at most 32",
        );
    }

    let mut head = layout::read(&sources.shop, &shop_report);
    if let Some(head) = &mut head {
        geometry::check(head, &shop_report);
    }
    let catalogue = catalogue::read(&sources.catalogue, head.as_ref(), &catalogue_report);
    let planogram = planogram::read(
        &sources.planogram,
        head.as_ref(),
        &catalogue,
        &planogram_report,
    );

    let mistakes = found.into_sorted();
    match head {
        Some(head) if mistakes.is_empty() => Ok(Shop {
            name: name.to_owned(),
            title: head.title,
            time_zone: head.time_zone,
            currency: head.currency.unwrap_or(crate::Currency::KRW),
            layout: head.layout,
            catalogue: catalogue.catalogue,
            planogram,
        }),
        _ => Err(mistakes),
    }
}

/// Whether a text can be (a part of) a name: it goes into MQTT topics and SenML names.
fn is_token(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn read(dir: &Path, file: &'static str, bytes_max: usize, found: &Found) -> String {
    let report = Report::new(file, "", found);
    let mut bytes = Vec::new();
    let got = std::fs::File::open(dir.join(file))
        .and_then(|f| f.take(bytes_max as u64 + 1).read_to_end(&mut bytes));
    if let Err(error) = got {
        report.file(
            format!("cannot be read: {error}"),
            "a shop's folder holds shop.toml, catalogue.csv and planogram.csv",
        );
        return String::new();
    }
    if bytes.len() > bytes_max {
        report.file(
            format!("is larger than {} MiB", bytes_max >> 20),
            "split the shop, or shorten the file",
        );
        return String::new();
    }
    match String::from_utf8(bytes) {
        // Spreadsheets like to begin a file with a byte order mark.
        Ok(text) => match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        },
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = 1 + error
                .as_bytes()
                .iter()
                .take(good)
                .filter(|&&b| b == b'\n')
                .count();
            report.line(line, "is not UTF-8", "save the file as UTF-8");
            String::new()
        }
    }
}

#[cfg(test)]
mod tests;
