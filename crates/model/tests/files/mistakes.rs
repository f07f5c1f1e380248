//! Every kind of mistake in a shop's files, made in a tiny shop one after another.
//!
//! `mistakes/*.txt` are the cases: `# name`, lines to replace (`- `) and what by (`+ `), in the file
//! that the list is of, or in another one after `! file`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use walkout_model::files::{Sources, load_shop, parse_shop};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/files")
        .join(path)
}

pub(crate) fn tiny() -> Sources {
    let read = |file: &str| fs::read_to_string(here("tiny").join(file)).unwrap();
    Sources {
        shop: read("shop.toml"),
        catalogue: read("catalogue.csv"),
        planogram: read("planogram.csv"),
    }
}

fn text<'s>(sources: &'s mut Sources, file: &str) -> &'s mut String {
    match file {
        "shop.toml" => &mut sources.shop,
        "catalogue.csv" => &mut sources.catalogue,
        "planogram.csv" => &mut sources.planogram,
        other => panic!("no file {other}"),
    }
}

/// Replaces the first run of lines that are `old` (leading blanks aside).
fn replace(text: &mut String, old: &[&str], new: &[&str]) {
    let lines: Vec<&str> = text.lines().collect();
    let at = (0..lines.len())
        .find(|&i| {
            let window = lines.get(i..i + old.len());
            window.is_some_and(|w| w.iter().zip(old).all(|(l, o)| l.trim_start() == *o))
        })
        .unwrap_or_else(|| panic!("not found: {old:?}"));
    let all = [&lines[..at], new, &lines[at + old.len()..]].concat();
    *text = all.join("\n") + "\n";
}

/// Applies a case to the tiny shop.
fn spoilt(case: &str, file: &str) -> Sources {
    let mut sources = tiny();
    let mut file = file.to_owned();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for line in case.lines().chain(["! shop.toml"]) {
        let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
        if !new.is_empty() && mark != "+ " || mark == "! " {
            if !old.is_empty() {
                replace(text(&mut sources, &file), &old, &new);
            }
            (old, new) = (Vec::new(), Vec::new());
        }
        match mark {
            "- " => old.push(rest),
            "+ " => new.push(rest),
            "! " => file = rest.to_owned(),
            _ => {}
        }
    }
    sources
}

/// What is said to each case of a list.
fn said(list: &str, file: &str) -> String {
    let cases = fs::read_to_string(here("mistakes").join(list)).unwrap();
    let mut out = String::new();
    for case in cases.split("# ").skip(1) {
        let (name, body) = case.split_once('\n').unwrap();
        writeln!(out, "# {name}").unwrap();
        let mistakes = parse_shop("tiny", &spoilt(body, file))
            .err()
            .unwrap_or_default();
        assert!(!mistakes.is_empty(), "nothing is said to: {name}");
        for mistake in mistakes {
            assert!(!mistake.what.is_empty() && !mistake.help.is_empty());
            writeln!(out, "{mistake}").unwrap();
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_tiny_shop_is_right() {
    let shop = load_shop(&here("tiny")).unwrap_or_else(|e| panic!("{e}"));
    let plates: Vec<_> = shop.layout.plates.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        plates[5..9],
        ["G1/S1/P06", "G1/S2/P01", "G1/S2/P02", "G1/S2/wide"]
    );
    let under: Vec<_> = shop
        .planogram
        .lanes
        .iter()
        .map(|l| l.plates.len())
        .collect();
    assert_eq!(under, [3, 3, 2, 1, 1]);
}

#[test]
fn mistakes_in_shop_toml() {
    insta::assert_snapshot!(said("shop.txt", "shop.toml"));
}

#[test]
fn mistakes_in_catalogue_csv() {
    insta::assert_snapshot!(said("catalogue.txt", "catalogue.csv"));
}

#[test]
fn mistakes_in_planogram_csv() {
    insta::assert_snapshot!(said("planogram.txt", "planogram.csv"));
}

#[test]
fn mistakes_of_all_files_come_at_once_and_in_order() {
    let mut sources = tiny();
    replace(
        &mut sources.shop,
        &["currency = \"KRW\""],
        &["currency = \"XYZ\""],
    );
    replace(&mut sources.shop, &["range_m = 1.5"], &["range_m = -1"]);
    sources.catalogue = sources.catalogue.replace("2000000000022", "2000000000021");
    sources.planogram = sources.planogram.replace("G1/S2,", "G1/S9,");
    let mistakes = parse_shop("tiny", &sources).unwrap_err();
    let places: Vec<_> = mistakes.iter().map(|m| (m.file, m.line)).collect();
    assert_eq!(
        places,
        [
            ("shop.toml", Some(3)),
            ("shop.toml", Some(83)),
            ("catalogue.csv", Some(3)),
            ("planogram.csv", Some(4)),
            ("planogram.csv", Some(5)),
        ]
    );
}

#[test]
fn an_absent_folder_and_an_odd_file_are_mistakes() {
    let absent = load_shop(&here("nowhere")).unwrap_err();
    assert_eq!(absent.mistakes.len(), 3);
    assert!(
        absent.to_string().contains("shop.toml: cannot be read"),
        "{absent}"
    );
    // The tests' folder has no shop files; its name is fine.
    assert!(load_shop(&here("")).is_err());
    let odd = parse_shop("a shop", &tiny()).unwrap_err();
    assert!(odd[0].what.contains("folder's name"), "{}", odd[0]);
}

/// The fenced block of the reference page that is in this language, the `n`-th.
fn example(page: &str, language: &str, n: usize) -> String {
    let fence = format!("```{language}\n");
    let block = page.split(&fence).nth(n + 1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn the_examples_of_the_reference_page_are_a_shop() {
    let page = walkout_testkit::root().join("docs/reference/shop-files.md");
    let page = fs::read_to_string(page).unwrap();
    let sources = Sources {
        shop: example(&page, "toml", 0),
        catalogue: example(&page, "csv", 0),
        planogram: example(&page, "csv", 1),
    };
    let shop = parse_shop("tiny", &sources).unwrap_or_else(|all| panic!("{all:#?}"));
    assert_eq!(shop.layout.plates.len(), 9);
}
