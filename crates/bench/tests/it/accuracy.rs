//! What the shop promises, measured.

use walkout_bench::accuracy::{Options, Size, measure};
use walkout_bench::baselines::Engine;
use walkout_bench::table::table;
use walkout_simulator::Preset;

fn options() -> Options {
    Options {
        presets: Vec::new(),
        scenarios: Vec::new(),
        shop: None,
        seed: 1,
        seeds: None,
        size: Size::Quick,
        engines: vec![Engine::Walkout],
        errors: false,
        flawless: Vec::new(),
    }
}

#[test]
fn one_shopper_at_a_time_is_charged_rightly() {
    let measured = measure(&Options {
        presets: vec![Preset::Quiet],
        ..options()
    })
    .unwrap();
    let row = &measured[0].row;
    let shown = table(std::slice::from_ref(row));
    assert_eq!(row.receipts, 80, "{shown}");
    assert!(row.f1 >= 0.97, "{shown}");
    assert_eq!(row.exits_missed, 0, "{shown}");
}

#[test]
fn better_senses_are_played_with_the_same_shoppers_and_say_so() {
    let busy = Options {
        presets: vec![Preset::Adversarial],
        seed: 61,
        seeds: Some(1),
        ..options()
    };
    let plain = measure(&busy).unwrap();
    let better = measure(&Options {
        flawless: vec!["people".parse().unwrap(), "hands".parse().unwrap()],
        errors: true,
        ..busy
    })
    .unwrap();
    let (plain, row) = (&plain[0].row, &better[0].row);
    assert_eq!(row.receipts, plain.receipts);
    assert!(row.f1 > plain.f1, "{row:?} {plain:?}");
    assert!(plain.flawless.is_empty());
    assert_eq!(row.flawless, ["people", "hands"]);
    // Each receipt that is still wrong is listed, and each question.
    let listing = &better[0].listing;
    let asked = listing.lines().filter(|l| *l == "  question").count();
    let per_1000 = 1e3 * asked as f64 / row.receipts as f64;
    assert!(
        (per_1000 - row.reviews_per_1000).abs() < 1e-3,
        "{asked} {row:?}"
    );
    let wrong = listing.contains("receipts that are wrong after review");
    assert_eq!(wrong, row.receipts_perfect < 1.0, "{listing}");
    assert!("eyes".parse::<walkout_simulator::Sense>().is_err());
}

#[test]
fn every_shipped_scenario_is_scored() {
    let folder = walkout_testkit::root().join("scenarios");
    let files = std::fs::read_dir(&folder).unwrap();
    let scenarios = files
        .filter(|file| {
            let path = file.as_ref().unwrap().path();
            path.extension().is_some_and(|extension| extension == "scn")
        })
        .count();
    let measured = measure(&Options {
        scenarios: vec![folder],
        ..options()
    })
    .unwrap();
    let row = &measured[0].row;
    assert_eq!((row.preset.as_str(), row.runs), ("scripted", scenarios));
    assert!(row.receipts >= scenarios, "{row:?}");
}

#[test]
fn a_folder_without_scenarios_is_named() {
    let folder = walkout_testkit::root().join("crates/bench/src");
    let error = measure(&Options {
        scenarios: vec![folder],
        ..options()
    })
    .unwrap_err();
    assert!(error.to_string().contains("no scenario"), "{error}");
}
