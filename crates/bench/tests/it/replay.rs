//! Whole shops run twice: the same seed gives the same conclusions, and so do the bytes of the
//! device stream alone.

use crate::hand_made::scrambled;
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_bench::accuracy::{Options, Size, measure, prices};
use walkout_bench::baselines::Engine;
use walkout_bench::estimators::{Arrivals, Estimators};
use walkout_bench::outcome::{Outcome, charges};
use walkout_bench::run::{Recording, run};
use walkout_bench::score::{best_guess, total};
use walkout_model::files::load_shop;
use walkout_model::{AttributedMovement, SessionId, Shop, Who};
use walkout_simulator::{Plan, Preset};
use walkout_testkit::shop_dir;

fn nano() -> Arc<Shop> {
    Arc::new(load_shop(&shop_dir("nano")).unwrap())
}

fn plan(preset: Preset) -> Plan {
    Plan {
        receipts: Some(3),
        ..Plan::preset(preset, 7)
    }
}

/// Receipts as text, one line a unit of a product, with the sum.
fn receipts(shop: &Shop, outcome: &Outcome) -> String {
    let mut text = String::new();
    for (phone, basket) in charges(outcome, |_, guess| best_guess(guess)) {
        text += &format!("party {phone}: {}\n", total(&basket, &prices(shop)));
        for (gtin, units) in basket {
            text += &format!("  {units} × {gtin}\n");
        }
    }
    text
}

/// A run together with what reached its estimators.
fn recorded(shop: &Arc<Shop>, preset: Preset) -> (Recording, Vec<Arrivals>) {
    let mut stream = Vec::new();
    let recording = run(shop, plan(preset), false, |a| stream.push(a.clone())).unwrap();
    (recording, stream)
}

#[test]
fn the_bytes_of_the_device_stream_alone_give_the_same_receipts() {
    let shop = nano();
    let (recording, stream) = recorded(&shop, Preset::Busy);
    let bytes: Vec<Vec<u8>> = stream
        .iter()
        .map(|arrivals| serde_json::to_vec(arrivals).unwrap())
        .collect();
    // Stock is counted before the shop opens and never again.
    assert!(!stream[0].counted.is_empty());
    assert!(stream[1..].iter().all(|a| a.counted.is_empty()));

    let mut estimators = Estimators::new(&shop, false);
    for line in &bytes {
        let arrivals: Arrivals = serde_json::from_slice(line).unwrap();
        estimators.take(&arrivals);
    }
    let again = estimators.finish();
    assert!(!again.movements.is_empty());
    assert_eq!(again.movements, recording.conclusions.movements);
    assert_eq!(again.exits, recording.conclusions.exits);
    let exits = again
        .exits
        .iter()
        .map(|e| (recording.phones[&e.session], (e.t, e.known_at)))
        .collect();
    let outcome = Outcome::new(&shop, &recording.phones, &again.movements, &exits);
    assert_eq!(
        receipts(&shop, &outcome),
        receipts(&shop, &recording.run.outcome)
    );
}

#[test]
fn conclusions_do_not_depend_on_how_sessions_are_numbered() {
    let shop = nano();
    let (recording, mut stream) = recorded(&shop, Preset::Busy);
    let mut estimators = Estimators::new(&shop, false);
    for arrivals in &mut stream {
        for opened in &mut arrivals.opened {
            opened.session = scrambled(opened.session);
        }
        estimators.take(arrivals);
    }
    let renamed = estimators.finish();
    let back: BTreeMap<SessionId, SessionId> = recording
        .phones
        .keys()
        .map(|&session| (scrambled(session), session))
        .collect();
    let told = |movements: &[AttributedMovement], back: &dyn Fn(SessionId) -> SessionId| {
        movements
            .iter()
            .map(|m| {
                let who = match m.best.who {
                    Who::Session(session) => Who::Session(back(session)),
                    Who::Unknown => Who::Unknown,
                };
                (m.t, m.shelf, m.decision, who, m.best.sku, m.best.quantity)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&renamed.movements, &|session| back[&session]),
        told(&recording.conclusions.movements, &|session| session),
    );
}

#[test]
fn the_same_seed_gives_the_same_receipts_in_every_preset() {
    let shop = nano();
    for preset in Preset::ALL {
        let once = run(&shop, plan(preset), false, |_| {}).unwrap();
        let twice = run(&shop, plan(preset), false, |_| {}).unwrap();
        assert_eq!(once.run.truth, twice.run.truth, "{preset}");
        assert_eq!(
            receipts(&shop, &once.run.outcome),
            receipts(&shop, &twice.run.outcome),
            "{preset}"
        );
        assert_eq!(
            once.conclusions.movements, twice.conclusions.movements,
            "{preset}"
        );
        assert!(!once.run.truth.actions.is_empty(), "{preset}");
    }
}

#[test]
fn another_seed_gives_another_day() {
    let shop = nano();
    let one = run(&shop, plan(Preset::Quiet), false, |_| {}).unwrap();
    let other = Plan {
        seed: 8,
        ..plan(Preset::Quiet)
    };
    let other = run(&shop, other, false, |_| {}).unwrap();
    assert_ne!(one.run.truth, other.run.truth);
}

#[test]
fn figures_do_not_depend_on_the_order_in_which_runs_end() {
    let options = Options {
        presets: vec![Preset::Cps2020, Preset::Quiet],
        scenarios: Vec::new(),
        shop: Some("nano".into()),
        seed: 3,
        seeds: Some(2),
        size: Size::Small,
        engines: vec![Engine::Walkout],
        errors: true,
        flawless: Vec::new(),
    };
    let once = measure(&options).unwrap();
    let twice = measure(&options).unwrap();
    for (a, b) in once.iter().zip(&twice) {
        assert_eq!(a.row, b.row);
        assert_eq!(a.listing, b.listing);
    }
    let quiet = &once[1].row;
    assert_eq!((quiet.receipts, quiet.runs), (8, 2));
}
