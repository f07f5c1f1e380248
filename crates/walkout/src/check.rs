//! `walkout check`.

use anyhow::Result;
use std::collections::BTreeSet;
use std::process::ExitCode;
use walkout_model::files::{load_shop, locate};
use walkout_model::{CameraIx, LaneIx, Shop};
use walkout_perception::eyes::{ScanSettings, ShelfCuts};

/// Lanes that are named at most.
const NAMED: usize = 6;

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
    out + &unweighed(shop)
}

/// What is to be said of lanes that no plate bears.
fn unweighed(shop: &Shop) -> String {
    let lanes = shop.planogram.lanes.iter().enumerate();
    let unweighed = lanes.filter(|(_, l)| l.plates.is_empty());
    let unweighed: BTreeSet<LaneIx> = unweighed.map(|(i, _)| LaneIx::from(i)).collect();
    if unweighed.is_empty() {
        return String::new();
    }
    let cameras: Vec<CameraIx> = (0..shop.layout.cameras.len()).map(CameraIx::from).collect();
    let cuts = ShelfCuts::new(shop, &cameras, &ScanSettings::default());
    let seen = cameras.iter().flat_map(|c| cuts.lanes_before(*c));
    let seen: BTreeSet<LaneIx> = seen.collect();
    let unseen = unweighed.difference(&seen);
    let names: Vec<&str> = unseen
        .filter_map(|l| Some(shop.planogram.get(*l)?.name.as_str()))
        .collect();
    let mut out = format!(
        "  {} lanes lie on no plate: what moves there is for cameras before them to see, and {} of them could be seen well enough\n",
        unweighed.len(),
        unweighed.len() - names.len()
    );
    if !names.is_empty() {
        let some = names.iter().take(NAMED).copied().collect::<Vec<_>>();
        let more = match names.len() - some.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        out += &format!(
            "  no camera could see what moves at {}{more}: hang a camera before them, or give their shelves plates\n",
            some.join(", ")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_that_nothing_watches_are_named() {
        let shop = load_shop(&walkout_testkit::shop_dir("corner")).unwrap();
        assert_eq!(unweighed(&shop), "");
        let off = BTreeSet::from([shop.planogram.lanes[0].shelf]);
        let mut bare = shop.without_plates(&off);
        bare.layout.cameras.clear();
        let text = unweighed(&bare);
        let first = &bare.planogram.lanes[0].name;
        assert!(
            text.contains("0 of them could be seen") && text.contains(first.as_str()),
            "{text}"
        );
    }

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
