//! The scores against TrackEval's own.

use super::files::{read, read_results, write};
use super::frames::frames;
use super::race;
use super::score::{Counts, Scores};
use super::synth;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use walkout_perception::mot::Settings;

/// Percent.
const CLOSE: f64 = 0.001;

/// What TrackEval 1.3.0 says of the fixture: `python trackeval.py GT RESULTS`, the files of `fixture/` laid
/// out as it wants them. Sixty frames with a distractor, an unmarked person, another class, exchanged numbers,
/// a new number half way, misses and false alarms.
const EXPECTED: Scores = Scores {
    hota: 56.631523,
    deta: 55.263247,
    assa: 58.057083,
    mota: 65.266559,
    idf1: 75.600310,
};

fn assert_close(ours: Scores, theirs: [f64; 5], of: &str) {
    let ours = [ours.hota, ours.deta, ours.assa, ours.mota, ours.idf1];
    for (a, b) in ours.iter().zip(theirs) {
        assert!((a - b).abs() < CLOSE, "{of}: {ours:?} against {theirs:?}");
    }
}

#[test]
fn the_fixture_scores_as_trackeval_says() {
    let dir = scratch("fixture");
    write(&dir.join("det/det.txt"), "1,-1,0,0,1,1,0.5\n").unwrap();
    write(&dir.join("gt/gt.txt"), include_str!("fixture/gt.txt")).unwrap();
    write(&dir.join("found.txt"), include_str!("fixture/found.txt")).unwrap();
    let sequence = read(&dir).unwrap();
    let found = read_results(&dir.join("found.txt"), sequence.detections.len()).unwrap();
    let counts = Counts::of(&frames(&sequence.truth.unwrap(), &found));
    let e = EXPECTED;
    assert_close(
        counts.scores(),
        [e.hota, e.deta, e.assa, e.mota, e.idf1],
        "fixture",
    );
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn whole_films_score_as_trackeval_says() {
    let python = std::env::var("WALKOUT_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_it = Command::new(&python)
        .args(["-c", "import trackeval"])
        .output();
    if !has_it.is_ok_and(|o| o.status.success()) {
        println!(
            "skipped: whole_films_score_as_trackeval_says: {python} has no trackeval (pip install trackeval)"
        );
        return;
    }
    let dir = scratch("films");
    synth::make(&dir, 5).unwrap();
    let report = race::run(&race::Options {
        out: dir.join("results").join("t"),
        dir: dir.clone(),
        settings: Settings::default(),
        python: None,
        trackforge: false,
        laps: 1,
    })
    .unwrap();
    let output = Command::new(&python)
        .args(["-c", include_str!("trackeval.py")])
        .args([dir.join("train"), dir.join("results")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let theirs: BTreeMap<String, BTreeMap<String, f64>> = serde_json::from_str(&said)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(report.rows.len(), 9);
    for row in &report.rows {
        let scores = Scores {
            hota: row.hota.unwrap(),
            deta: row.deta.unwrap(),
            assa: row.assa.unwrap(),
            mota: row.mota.unwrap(),
            idf1: row.idf1.unwrap(),
        };
        let t = &theirs[&row.sequence];
        let theirs = ["hota", "deta", "assa", "mota", "idf1"].map(|k| t[k]);
        assert_close(scores, theirs, &row.sequence);
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_race_is_won_on_a_film_and_told_the_same_twice() {
    let dir = scratch("race");
    synth::make(&dir, 6).unwrap();
    let options = |out: &str| race::Options {
        dir: dir.clone(),
        out: dir.join(out),
        settings: Settings::default(),
        python: None,
        trackforge: true,
        laps: 1,
    };
    let (a, b) = (
        race::run(&options("a")).unwrap(),
        race::run(&options("b")).unwrap(),
    );
    let combined = |r: &race::Report| -> Vec<(String, f64, f64)> {
        let all = r.rows.iter().filter(|r| r.sequence == race::COMBINED);
        all.map(|r| (r.tracker.clone(), r.hota.unwrap(), r.idf1.unwrap()))
            .collect()
    };
    let rows = combined(&a);
    assert_eq!(rows, combined(&b));
    assert!(rows[0].1 > 68.0 && rows[0].2 > 76.0, "{rows:?}");
    for (tracker, hota, idf1) in &rows[1..] {
        assert!(
            rows[0].1 > *hota && rows[0].2 > *idf1,
            "{tracker}: {rows:?}"
        );
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn folders_that_are_none_are_refused_by_name() {
    let dir = scratch("none");
    std::fs::create_dir_all(&dir).unwrap();
    let wrong = super::files::find(&dir).unwrap_err().to_string();
    assert!(
        wrong.contains("no sequence found; expected DIR/det/det.txt"),
        "{wrong}"
    );
    write(&dir.join("det/det.txt"), "1,-1,0,0,1,1,0.5\nmud\n").unwrap();
    let wrong = read(&dir).unwrap_err().to_string();
    assert!(
        wrong.ends_with("det.txt:2: 1 fields; expected frame,id,left,top,width,height,score"),
        "{wrong}"
    );
    let wrong = read_results(Path::new("/nonexistent/x.txt"), 3)
        .unwrap_err()
        .to_string();
    assert!(wrong.starts_with("read /nonexistent/x.txt: "), "{wrong}");
    std::fs::remove_dir_all(dir).unwrap();
}

fn scratch(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("walkout-mot-{name}-{}", std::process::id()))
}
