//! Scenario files do what they say, and mistakes in them are named.

use super::Scenario;
use crate::world::tests::{actions, run, units_are_conserved};
use crate::{Plan, Simulation, SimulationError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use walkout_model::files::load_shop;

/// A scenario's actions as `time person action gtin units first plate`, and its whole truth.
fn play(scenario: &Scenario) -> (Vec<String>, String) {
    let shop = load_shop(&walkout_testkit::shop_dir(scenario.shop())).unwrap();
    let shop = Arc::new(scenario.fit(&shop).unwrap());
    let plan = Plan::scenario(scenario.clone());
    let (world, truth) = run(&shop, &plan, 600, |_| {});
    assert_eq!(world.undone(), &[] as &[String], "{}", scenario.title());
    units_are_conserved(&truth).unwrap();
    let lines = actions(&truth)
        .iter()
        .map(|v| {
            let half_s = (v["t_end"].as_i64().unwrap() - plan.start.0) as f64 / 1e6;
            format!(
                "{half_s:.0} s, person {}: {} {} x{} {}{}",
                v["person"],
                v["action"].as_str().unwrap(),
                v["gtin"].as_str().unwrap_or("-"),
                v["units"],
                v["shelf"].as_str().unwrap_or("-"),
                if v["home"] == true { " home" } else { "" },
            )
        })
        .collect();
    (lines, truth)
}

#[test]
fn the_shipped_scenarios_happen_as_written() {
    let mut report = String::new();
    let dir = walkout_testkit::root().join("scenarios");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "scn"))
        .collect();
    files.sort();
    assert!(files.len() >= 6);
    for file in files {
        let scenario = Scenario::load(&file).unwrap();
        let (lines, _) = play(&scenario);
        report += &format!("{}\n  {}\n", scenario.title(), lines.join("\n  "));
    }
    insta::assert_snapshot!(report);
}

#[test]
fn goods_move_within_half_a_second_of_the_time_asked_for() {
    let text = "shop nano\n2 a enter\n20 a take 2000000011035 from G1/S2/P03\n\
                40 a put 2000000011035 on G1/S2/L02\n60 a exit\n";
    let (_, truth) = play(&Scenario::parse(text).unwrap());
    let ends: Vec<f64> = actions(&truth)
        .iter()
        .map(|v| (v["t_end"].as_i64().unwrap() % 1_000_000_000) as f64 / 1e6)
        .collect();
    let start = (crate::DEFAULT_START.0 % 1_000_000_000) as f64 / 1e6;
    // The end of the transfer is up to 0.6 s after its middle.
    assert!((ends[0] - start - 20.0).abs() < 0.7, "{ends:?}");
    assert!((ends[1] - start - 40.0).abs() < 0.7, "{ends:?}");
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let text = "seed x\n10 anna take 123 from P1\n2 ben enter soon\n1 ben exit\nhello world\n\
                5 plate G1/S1/P01 mute until 9\n6 cho enter\n7 cho lean G1/S1/P01 for 0\n\
                9 cho fly to moon\n8 cho take 2000000011035 x99 from G1/S2/P03\n";
    let error = Scenario::parse(text).unwrap_err();
    insta::assert_snapshot!(error.to_string());
}

#[test]
fn names_that_the_shop_does_not_know_are_mistakes_too() {
    let text = "shop nano\nlane G9/S1/L01 holds 2000000011035\nstock G1/S2/L01 900\n1 a enter\n\
                3 a take 2000000011035 from G1/S2/P03,G1/S1/P01\n4 a take 4006381333931 from G1/S2/P03\n\
                5 a put 2000000011035 on G7/S2/P03\n6 a walk to G99\n9 a exit\n";
    let scenario = Scenario::parse(text).unwrap();
    let shop = load_shop(&walkout_testkit::shop_dir("nano")).unwrap();
    let fit = scenario.fit(&shop).unwrap_err();
    let Err(SimulationError::Scenario(new)) =
        Simulation::new(Arc::new(shop), Plan::scenario(scenario))
    else {
        panic!("it must not begin");
    };
    insta::assert_snapshot!(format!("fit:\n{fit}\n\nnew:\n{new}"));
}

#[test]
fn an_overridden_lane_is_sold_from() {
    let text = "shop nano\nlane G1/S2/L02 holds 2000000141039\n1 a enter\n\
                15 a take 2000000141039 from G1/S2/L02\n30 a exit\n";
    let (lines, truth) = play(&Scenario::parse(text).unwrap());
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].contains("2000000141039 x1 G1/S2 home"),
        "{lines:?}"
    );
    assert!(truth.contains("\"lines\":[{\"gtin\":\"2000000141039\",\"units\":1}]"));
}

#[test]
fn the_example_converter_writes_scenarios() {
    let events = r#"[
        {"time": 30.0, "shopper": "B", "product": "2000000141039", "quantity": 1, "gondola": 2, "shelf": 3, "plates": [3]},
        {"time": 14.2, "shopper": "A", "product": "2000000011035", "quantity": 2, "gondola": 1, "shelf": 2, "plates": [3, 4]},
        {"time": 40.0, "shopper": "A", "product": "2000000011035", "quantity": -1, "gondola": 1, "shelf": 2, "plates": [3, 4]}
    ]"#;
    let script = walkout_testkit::root().join("scenarios/convert_example.py");
    let python = Command::new("python3")
        .arg(script)
        .arg("nano")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        return walkout_testkit::skip("the_example_converter_writes_scenarios", "no python3");
    };
    python
        .stdin
        .take()
        .unwrap()
        .write_all(events.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, truth) = play(&Scenario::parse(&text).unwrap());
    let mut receipts = BTreeMap::new();
    for line in truth.lines() {
        let v: Value = serde_json::from_str(line).unwrap();
        if v["type"] == "receipt" {
            let item = &v["lines"][0];
            receipts.insert(
                item["gtin"].as_str().unwrap().to_owned(),
                item["units"].as_u64().unwrap(),
            );
        }
    }
    let wanted = [
        ("2000000011035".to_owned(), 1),
        ("2000000141039".to_owned(), 1),
    ];
    assert_eq!(receipts, BTreeMap::from(wanted));
}
