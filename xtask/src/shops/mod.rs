//! `cargo xtask shops`: writes the three shops under `shops/`. Deterministic: no clock, no chance.

mod goods;
mod plans;
mod shelving;
mod write;

use anyhow::{Context, Result};
use std::path::Path;

/// A file of a shop, its path under `shops/` and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

/// Writes all files of all shops.
pub fn run(root: &Path) -> Result<()> {
    for file in files() {
        let path = root.join("shops").join(&file.path);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        }
        std::fs::write(&path, file.text).with_context(|| format!("write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// All files of all shops.
pub fn files() -> Vec<File> {
    [plans::corner(), plans::nano(), plans::flash()]
        .iter()
        .flat_map(write::files)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_shops_are_what_the_generator_writes() {
        for file in files() {
            let path = crate::root().join("shops").join(&file.path);
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == file.text,
                "shops/{} differs: run cargo xtask shops",
                file.path
            );
        }
    }
}
