//! Files that were damaged anyhow are a shop or a list of mistakes, never a panic.

use crate::mistakes::tiny;
use proptest::prelude::*;
use proptest::sample::Index;
use walkout_model::files::{Sources, load_shop, parse_shop};

/// One thing that can happen to a text.
#[derive(Clone, Debug)]
enum Damage {
    /// A line goes.
    Drop(Index),
    /// A line is there twice.
    Double(Index),
    /// A line moves behind another.
    Move(Index, Index),
    /// A character becomes another.
    Change(Index, char),
    /// A run of digits becomes another number.
    Number(Index, &'static str),
    /// Everything behind a character goes.
    Cut(Index),
}

const NUMBERS: [&str; 16] = [
    "0",
    "-1",
    "1e308",
    "-1e308",
    "nan",
    "inf",
    "-inf",
    "0.000001",
    "99999999999999999999",
    "4294967296",
    "1e-320",
    "0x7fffffffffffffff",
    "true",
    "\"x\"",
    "[]",
    "{}",
];

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        1 => at().prop_map(Damage::Drop),
        1 => at().prop_map(Damage::Double),
        1 => (at(), at()).prop_map(|(a, b)| Damage::Move(a, b)),
        1 => (at(), any::<char>()).prop_map(|(i, c)| Damage::Change(i, c)),
        4 => (at(), prop::sample::select(&NUMBERS[..])).prop_map(|(i, n)| Damage::Number(i, n)),
        1 => at().prop_map(Damage::Cut),
    ]
}

fn apply(text: &mut String, damage: &Damage) {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut chars: Vec<char> = text.chars().collect();
    if lines.is_empty() || chars.is_empty() {
        return;
    }
    match damage {
        Damage::Drop(i) => drop(lines.remove(i.index(lines.len()))),
        Damage::Double(i) => {
            let i = i.index(lines.len());
            lines.insert(i, lines[i].clone());
        }
        Damage::Move(from, to) => {
            let line = lines.remove(from.index(lines.len()));
            lines.insert(to.index(lines.len() + 1), line);
        }
        Damage::Change(i, c) => {
            let i = i.index(chars.len());
            chars[i] = *c;
            *text = chars.into_iter().collect();
            return;
        }
        Damage::Number(i, number) => {
            let i = i.index(chars.len());
            let digit = |c: &char| c.is_ascii_digit() || *c == '.';
            let Some(start) = chars[i..].iter().position(digit).map(|k| i + k) else {
                return;
            };
            let length = chars[start..].iter().take_while(|c| digit(c)).count();
            chars.splice(start..start + length, number.chars());
            *text = chars.into_iter().collect();
            return;
        }
        Damage::Cut(i) => {
            chars.truncate(i.index(chars.len()));
            *text = chars.into_iter().collect();
            return;
        }
    }
    *text = lines.join("\n");
}

fn shop_or_mistakes(sources: &Sources) {
    match parse_shop("tiny", sources) {
        Ok(shop) => {
            // Every index points at something.
            let layout = &shop.layout;
            for lane in &shop.planogram.lanes {
                assert!(lane.shelf.usize() < layout.shelves.len());
                assert!(lane.sku.usize() < shop.catalogue.len());
                assert!(!lane.plates.is_empty());
                for plate in &lane.plates {
                    assert_eq!(layout.shelf_of(*plate), lane.shelf);
                }
            }
            for (i, shelf) in layout.shelves.iter().enumerate() {
                let fixture = &layout.fixtures[shelf.fixture.usize()];
                assert!(fixture.shelves.contains(&u32::try_from(i).unwrap()));
                assert!(shelf.plates.end as usize <= layout.plates.len());
            }
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            assert!(mistakes.iter().all(|m| m.line != Some(0)));
        }
    }
}

proptest! {
    #[test]
    fn a_damaged_shop_is_a_shop_or_a_list_of_mistakes(
        shop in proptest::collection::vec(damage(), 0..4),
        catalogue in proptest::collection::vec(damage(), 0..3),
        planogram in proptest::collection::vec(damage(), 0..3),
    ) {
        let mut sources = tiny();
        for (text, all) in [
            (&mut sources.shop, shop),
            (&mut sources.catalogue, catalogue),
            (&mut sources.planogram, planogram),
        ] {
            for one in &all {
                apply(text, one);
            }
        }
        shop_or_mistakes(&sources);
    }

    #[test]
    fn any_texts_are_a_list_of_mistakes(shop in "\\PC{0,200}", catalogue in "(?s).{0,100}", planogram in "[a-z0-9,\"\n\r]{0,100}") {
        shop_or_mistakes(&Sources { shop, catalogue, planogram });
    }
}

#[test]
fn files_that_are_not_text_or_too_large_are_mistakes() {
    let dir = std::env::temp_dir().join(format!("walkout-files-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let sources = tiny();
    std::fs::write(dir.join("shop.toml"), b"title = \"Tiny\"\n# \xff\n").unwrap();
    std::fs::write(dir.join("catalogue.csv"), vec![b'x'; (16 << 20) + 1]).unwrap();
    std::fs::write(dir.join("planogram.csv"), sources.planogram).unwrap();
    let error = load_shop(&dir).unwrap_err();
    std::fs::remove_dir_all(&dir).unwrap();
    let said: Vec<_> = error
        .mistakes
        .iter()
        .map(|m| (m.file, m.line, m.what.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("shop.toml", Some(2), "is not UTF-8"),
            ("catalogue.csv", None, "is larger than 16 MiB"),
        ]
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let dir = std::env::temp_dir().join(format!("walkout-bom-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let sources = tiny();
    for (file, text) in [
        ("shop.toml", sources.shop),
        ("catalogue.csv", sources.catalogue),
        ("planogram.csv", sources.planogram),
    ] {
        let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        std::fs::write(dir.join(file), text).unwrap();
    }
    let shop = load_shop(&dir);
    std::fs::remove_dir_all(&dir).unwrap();
    shop.unwrap_or_else(|error| panic!("{error}"));
}
