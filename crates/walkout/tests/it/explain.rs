//! `walkout explain` on the ledger that `walkout simulate` leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn walkout(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_walkout"))
        .args(args)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../"))
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A ledger with the plain scenario in it.
fn ledger(name: &str) -> PathBuf {
    ledger_of(name, "scenarios/take.scn")
}

fn ledger_of(name: &str, scenario: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("day.sqlite");
    let url = format!("sqlite:{}", path.display());
    said(&walkout(&[
        "simulate",
        "--scenario",
        scenario,
        "--ledger",
        &url,
    ]));
    path
}

#[test]
fn every_movement_can_be_asked_why() {
    let path = ledger("explain");
    let ledger = path.to_str().unwrap();
    let list = said(&walkout(&["explain", "--ledger", ledger]));
    assert_eq!(list.lines().count(), 4, "{list}");
    // The first one was looked at by no camera.
    let id = list
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();

    let told = said(&walkout(&["explain", id, "--ledger", ledger, "--json"]));
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["movement"], id);
    assert_eq!(told["chosen"]["name_en"], "Saebyeok milk biscuits");
    let evidence = &told["evidence"];
    assert!(evidence["curve"].as_array().unwrap().len() > 10);
    assert!(evidence["hands"][0]["wrist_m"].as_f64().unwrap() < 0.5);
    // First answers seldom wait for looks; one that was superseded had some.
    let all = said(&walkout(&["explain", "--all", "--ledger", ledger]));
    assert!(all.lines().count() > 4, "{all}");
    let looked_at = all.lines().find(|line| line.contains("a camera took it"));
    let looked_at = looked_at.unwrap().split_whitespace().next().unwrap();
    let looked_at = said(&walkout(&[
        "explain", looked_at, "--ledger", ledger, "--json",
    ]));
    let looked_at: serde_json::Value = serde_json::from_str(&looked_at).unwrap();
    let looks = looked_at["evidence"]["looks"].as_array().unwrap();
    assert!(!looks.is_empty());
    let alternatives = told["alternatives"].as_array().unwrap();
    assert!(!alternatives.is_empty());
    for alternative in alternatives {
        let factors = alternative["against"].as_array().unwrap();
        let names: Vec<_> = factors
            .iter()
            .map(|f| f["name"].as_str().unwrap())
            .collect();
        assert!(
            names.contains(&"mass") && names.contains(&"reach"),
            "{names:?}"
        );
        // The factors are the odds: of two explanations that one hypothesis each says, they sum to
        // the log of the ratio of their probabilities.
        let sum: f64 = factors
            .iter()
            .map(|f| f["log_odds"].as_f64().unwrap())
            .sum();
        assert!(sum > 0.0, "{alternative}");
    }

    let english = said(&walkout(&["explain", id, "--ledger", ledger]));
    assert!(english.contains("s1 took 1 × Saebyeok milk biscuits off G2/S3 at 09:00:24"));
    assert!(english.contains("one of them weighs 145 g"), "{english}");
    assert!(
        english
            .chars()
            .any(|c| ('\u{2801}'..='\u{28ff}').contains(&c))
    );
    let svg = path.with_extension("svg");
    let korean = said(&walkout(&[
        "explain",
        id,
        "--ledger",
        ledger,
        "--lang",
        "ko",
        "--svg",
        svg.to_str().unwrap(),
    ]));
    assert!(
        korean.contains("s1 손님이 G2/S3에서 새벽 우유 비스킷 1개를 집었습니다"),
        "{korean}"
    );
    assert!(std::fs::read_to_string(svg).unwrap().contains("<polyline"));
}

#[test]
fn an_id_that_is_not_there_is_answered_with_those_that_are() {
    let path = ledger("explain-wrong");
    let ledger = path.to_str().unwrap();
    let list = said(&walkout(&["explain", "--ledger", ledger]));
    let id = list.split_whitespace().next().unwrap();
    for wrong in ["m00000000000000ff", "rubbish"] {
        let refused = walkout(&["explain", wrong, "--ledger", ledger]);
        assert!(!refused.status.success());
        let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            complaint.contains(wrong) && complaint.contains(id),
            "{complaint}"
        );
    }
    let none = walkout(&["explain", id, "--ledger", "no/such/ledger"]);
    let complaint = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(complaint.contains("there is no such ledger"), "{complaint}");
    let other = walkout(&["explain", id, "--ledger", ledger, "--shop", "corner"]);
    assert!(!other.status.success() || said(&other).contains("G1/S2"));
}

#[test]
fn what_was_handed_over_is_told_with_both_who_may_have_it() {
    let path = ledger_of("explain-handed", "scenarios/hand-over.scn");
    let ledger = path.to_str().unwrap();
    let list = said(&walkout(&["explain", "--ledger", ledger]));
    let handed = list.lines().find_map(|line| {
        let id = line.split_whitespace().next()?;
        let told = said(&walkout(&["explain", id, "--ledger", ledger, "--json"]));
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        told["evidence"]["handed"].is_array().then_some(told)
    });
    let told = handed.expect("emil hands chocolate to fay");
    let passed = &told["evidence"]["handed"][0];
    assert!(passed["probability"].as_f64().unwrap() > 0.1, "{passed}");
    let claims = [&told["chosen"]]
        .into_iter()
        .chain(told["alternatives"].as_array().unwrap());
    let who: Vec<&str> = claims.filter_map(|c| c["who"].as_str()).collect();
    assert!(who.contains(&"s1") && who.contains(&"s2"), "{who:?}");
    for alternative in told["alternatives"].as_array().unwrap() {
        let factors = alternative["against"].as_array().unwrap();
        let names: Vec<_> = factors.iter().filter_map(|f| f["name"].as_str()).collect();
        assert!(names.contains(&"handed"), "{names:?}");
    }
    let (ko, en) = (
        told["sentence"]["ko"].as_str().unwrap(),
        told["sentence"]["en"].as_str().unwrap(),
    );
    assert!(
        en.contains("which was handed over at") || en.contains("may have been handed to"),
        "{en}"
    );
    assert!(
        ko.contains("건네받았습니다") || ko.contains("건넸을 수 있습니다"),
        "{ko}"
    );
}

/// All that a ledger explains.
fn all_told(ledger: &str) -> Vec<serde_json::Value> {
    let list = said(&walkout(&["explain", "--ledger", ledger]));
    list.lines()
        .filter_map(|line| {
            let id = line.split_whitespace().next()?;
            let told = said(&walkout(&["explain", id, "--ledger", ledger, "--json"]));
            serde_json::from_str(&told).ok()
        })
        .collect()
}

/// Whether the first shopper took one and staff put one.
fn took_and_put(told: &[serde_json::Value]) -> bool {
    let moved: Vec<_> = told
        .iter()
        .map(|told| (&told["chosen"]["who"], &told["chosen"]["quantity"]))
        .collect();
    moved.contains(&(&"s2".into(), &1.into())) && moved.contains(&(&"s1".into(), &(-1).into()))
}

#[test]
fn what_came_and_went_is_told_without_a_weight() {
    let path = ledger_of("explain-came-and-went", "scenarios/put-and-taken.scn");
    let mut told = all_told(path.to_str().unwrap());
    told.retain(|told| told["evidence"]["came_and_went"].is_array());
    assert!(took_and_put(&told), "{told:?}");
    for told in told {
        let (ko, en) = (&told["sentence"]["ko"], &told["sentence"]["en"]);
        assert!(en.as_str().unwrap().contains("bears what it bore before"));
        assert!(ko.as_str().unwrap().contains("무게가 그대로"), "{ko}");
    }
}

#[test]
fn what_a_step_weighs_is_not_said_to_be_what_was_moved_where_two_acted_at_once() {
    let path = ledger_of("explain-entwined", "scenarios/restock-while-shopping.scn");
    let mut told = all_told(path.to_str().unwrap());
    told.retain(|told| told["evidence"]["steps"].as_array().unwrap().len() > 1);
    assert!(took_and_put(&told), "{told:?}");
    for told in told {
        let (ko, en) = (&told["sentence"]["ko"], &told["sentence"]["en"]);
        let said = en.as_str().unwrap();
        assert!(said.contains("came and went on the same plates"), "{en}");
        assert!(ko.as_str().unwrap().contains("함께 오간 것을 빼고"), "{ko}");
    }
}
