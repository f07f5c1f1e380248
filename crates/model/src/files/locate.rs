//! Finding a shop's folder from what somebody typed.

use std::path::{Path, PathBuf};

/// No folder was found for a shop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no shop \"{shop}\": name a folder with a shop.toml{known}")]
pub struct ShopNotFound {
    /// What was asked for.
    pub shop: String,
    /// `, or one of corner, flash, nano`, or nothing.
    known: String,
}

/// The folder of a shop: a path to a folder with a `shop.toml`, or the name of a folder in the
/// nearest `shops/` of the working directory, its parents, or the program's parents.
///
/// # Errors
/// If there is none.
pub fn locate(shop: &str) -> Result<PathBuf, ShopNotFound> {
    let given = PathBuf::from(shop);
    // A folder without a shop.toml is taken too: the checker then says what it lacks.
    if given.join("shop.toml").is_file() {
        return Ok(given);
    }
    let collections = collections();
    if super::is_token(shop) {
        let found = collections
            .iter()
            .map(|c| c.join(shop))
            .find(|d| d.is_dir());
        if let Some(dir) = found {
            return Ok(dir);
        }
    }
    if given.is_dir() {
        return Ok(given);
    }
    let mut names: Vec<String> = collections.first().map(|c| names(c)).unwrap_or_default();
    names.sort();
    let known = if names.is_empty() {
        String::new()
    } else {
        format!(", or one of {}", names.join(", "))
    };
    Err(ShopNotFound {
        shop: shop.to_owned(),
        known,
    })
}

/// The `shops/` folders that are looked in, nearest first.
fn collections() -> Vec<PathBuf> {
    let starts = [std::env::current_dir(), std::env::current_exe()];
    let mut out = Vec::new();
    for start in starts.iter().flatten() {
        for parent in start.ancestors() {
            let dir = parent.join("shops");
            if dir.is_dir() && !out.contains(&dir) {
                out.push(dir);
            }
        }
    }
    out
}

fn names(collection: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(collection).into_iter().flatten();
    entries
        .flatten()
        .filter(|e| e.path().join("shop.toml").is_file())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect()
}
