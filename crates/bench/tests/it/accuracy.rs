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
