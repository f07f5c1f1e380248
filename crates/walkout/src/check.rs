//! `walkout check`.

use anyhow::Result;
use std::process::ExitCode;
use walkout_model::Shop;
use walkout_model::files::{load_shop, locate};

/// Arguments of `walkout check`.
#[derive(clap::Args)]
pub struct Args {
    /// A shop's folder, or the name of one under shops/
    shop: String,
}

/// Lists every mistake in a shop's folder, or sums the shop up.
pub fn run(args: Args) -> Result<ExitCode> {
    let dir = locate(&args.shop)?;
    match load_shop(&dir) {
        Ok(shop) => {
            print!("{}", summary(&shop));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            for mistake in &error.mistakes {
                println!("{}/{mistake}", dir.display());
            }
            let n = error.mistakes.len();
            let s = if n == 1 { "" } else { "s" };
            println!("{}: {n} mistake{s}", dir.display());
            Ok(ExitCode::FAILURE)
        }
    }
}

fn summary(shop: &Shop) -> String {
    let layout = &shop.layout;
    let mut masses: Vec<f64> = shop
        .catalogue
        .products()
        .iter()
        .map(|p| p.unit_mass.grams())
        .collect();
    masses.sort_by(f64::total_cmp);
    let mass = |share: usize| {
        let last = masses.len().saturating_sub(1);
        masses.get(last * share / 2).copied().unwrap_or_default()
    };
    let rows = [
        ("area", format!("{:.1} m²", layout.floor.area_m2())),
        ("gates", layout.gates.len().to_string()),
        ("fixtures", layout.fixtures.len().to_string()),
        ("shelves", layout.shelves.len().to_string()),
        ("plates", layout.plates.len().to_string()),
        ("cameras", layout.cameras.len().to_string()),
        ("antennas", layout.antennas.len().to_string()),
        ("SKUs", shop.catalogue.len().to_string()),
        ("lanes", shop.planogram.lanes.len().to_string()),
        (
            "unit mass",
            format!("{} to {} g, median {} g", mass(0), mass(2), mass(1)),
        ),
        ("currency", shop.currency.to_string()),
        ("time zone", shop.time_zone.clone()),
    ];
    let mut out = format!("{}: {} – no mistakes\n", shop.name, shop.title);
    for (what, value) in rows {
        out.push_str(&format!("  {what:<10} {value}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_shop_is_summed_up() {
        let dir = walkout_testkit::shop_dir("nano");
        let text = summary(&load_shop(&dir).unwrap());
        for line in [
            "nano: 나노 스토어 / Nano store – no mistakes",
            "  area       31.0 m²",
            "  plates     306",
            "  SKUs       85",
            "  unit mass  15 to 1600 g, median 145 g",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
