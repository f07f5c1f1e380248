//! Showing a shop what its goods look like, and asking it.

use crate::program::{TempDir, said};
use serde_json::Value;
use std::path::{Path, PathBuf};
use walkout_testkit::{root, shop_dir};

const GTIN: usize = 13;

/// A shop of a temporary folder with its catalogue's pictures, and pictures of the same goods in other light.
fn shop(name: &str) -> (TempDir, PathBuf, PathBuf) {
    let dir = TempDir::new(name);
    let shop = dir.0.join("goods");
    std::fs::create_dir_all(&shop).unwrap();
    for file in ["shop.toml", "catalogue.csv", "planogram.csv"] {
        std::fs::copy(shop_dir("rack").join(file), shop.join(file)).unwrap();
    }
    let other = dir.0.join("other");
    for (seed, out) in [("1", shop.join("pictures")), ("2", other.clone())] {
        let (shop, out) = (shop.to_str().unwrap(), out.to_str().unwrap());
        said(&[
            "render",
            shop,
            "--format",
            "catalogue",
            "--seed",
            seed,
            "--out",
            out,
        ])
        .unwrap();
    }
    (dir, shop, other)
}

fn enrol(shop: &Path, rest: &[&str]) -> Result<String, String> {
    let mut args = vec!["enrol", "--shop", shop.to_str().unwrap()];
    args.extend(rest);
    said(&args)
}

/// First pictures of some products, each with its GTIN.
fn pictures(folder: &Path, every: usize) -> Vec<(String, PathBuf)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .filter(|p| p.to_string_lossy().ends_with("-1.png"))
        .collect();
    files.sort();
    files
        .into_iter()
        .step_by(every)
        .map(|p| {
            (
                p.file_name().unwrap().to_str().unwrap()[..GTIN].to_owned(),
                p,
            )
        })
        .collect()
}

#[test]
fn what_is_enrolled_from_the_catalogue_is_known_again_in_other_pictures() {
    let (_dir, shop, other) = shop("enrol");
    let told = enrol(&shop, &["--from-catalogue"]).unwrap();
    assert!(told.contains("33 of 33 products enrolled"), "{told}");
    let listed = enrol(&shop, &["--list"]).unwrap();
    assert!(
        listed.contains("16 looks") && listed.contains("0 products have none"),
        "{listed}"
    );
    let asked = pictures(&other, 3);
    let others: Vec<&str> = asked.iter().map(|(gtin, _)| gtin.as_str()).collect();
    let (mut right, mut among) = (0, 0);
    for (i, (gtin, file)) in asked.iter().enumerate() {
        let look = |rest: &[&str]| -> Value {
            let shop = shop.to_str().unwrap();
            let mut args = vec![
                "look",
                file.to_str().unwrap(),
                "--shop",
                shop,
                "--fills",
                "1",
                "--json",
            ];
            args.extend(rest);
            serde_json::from_str(&said(&args).unwrap()).unwrap()
        };
        let item = &look(&[])["item"];
        right += usize::from(item["likeliest"][0]["gtin"] == gtin.as_str());
        let [a, b] = [
            others[(i + 1) % others.len()],
            others[(i + 2) % others.len()],
        ];
        let item = &look(&["--among", gtin, "--among", a, "--among", b])["item"];
        let answer = &item["answer"];
        assert!(answer.is_null() || answer.is_string());
        among += usize::from(item["likeliest"][0]["gtin"] == gtin.as_str());
        assert_eq!(item["likeliest"].as_array().unwrap().len(), 3);
    }
    // Chance would be one in 33, and one in three.
    assert!(right * 2 > asked.len(), "{right} of {}", asked.len());
    assert!(among * 4 > asked.len() * 3, "{among} of {}", asked.len());
}

#[test]
fn photos_are_added_replaced_and_looked_at_anew() {
    let (dir, shop, _) = shop("enrol-photos");
    let (gtin, picture) = pictures(&shop.join("pictures"), 1).remove(0);
    let picture = picture.to_str().unwrap();
    let told = enrol(&shop, &[&gtin, picture]).unwrap();
    assert!(told.contains("1 of 33 products enrolled"), "{told}");
    let gallery = shop.join("gallery.jsonl");
    let lines = || std::fs::read_to_string(&gallery).unwrap().lines().count();
    assert_eq!(lines(), 5);
    let again = enrol(&shop, &[&gtin, picture]).unwrap_err();
    assert!(
        again.contains("enrolled") && again.contains("--replace"),
        "{again}"
    );
    enrol(&shop, &[&gtin, picture, "--replace", "--fills", "0.9"]).unwrap();
    assert_eq!(lines(), 5);
    // Another network: what it made cannot be compared.
    let text = std::fs::read_to_string(&gallery).unwrap();
    let at = text.find("\"id\":\"").unwrap() + 6;
    let old = &text[at..at + 16];
    std::fs::write(&gallery, text.replacen(old, "0123456789abcdef", 1)).unwrap();
    let refused = enrol(&shop, &[&gtin, picture]).unwrap_err();
    assert!(refused.contains("--again"), "{refused}");
    enrol(&shop, &["--again"]).unwrap();
    assert_eq!(std::fs::read_to_string(&gallery).unwrap(), text);
    drop(dir);
}

#[test]
fn what_cannot_be_enrolled_is_said_and_nothing_is_written() {
    let (dir, shop, _) = shop("enrol-wrong");
    let (gtin, picture) = pictures(&shop.join("pictures"), 1).remove(0);
    let picture = picture.to_str().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text = file("text.png", b"hello");
    let mut small = Vec::new();
    let mut encoder = png::Encoder::new(&mut small, 40, 40);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[90; 40 * 40 * 3]).unwrap();
    writer.finish().unwrap();
    let small = file("small.png", &small);
    // A network of people where one of items should be.
    let models = dir.0.join("models");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::copy(root().join("models/person.onnx"), models.join("item.onnx")).unwrap();
    let models = models.to_str().unwrap();
    // A digit that was misread.
    let last = gtin.chars().last().and_then(|c| c.to_digit(10)).unwrap();
    let nearly = format!("{}{}", &gtin[..GTIN - 1], (last + 1) % 10);
    for (args, words) in [
        (
            vec![nearly.as_str(), picture],
            vec!["sells no", gtin.as_str()],
        ),
        (
            vec![gtin.as_str(), text.as_str()],
            vec!["text.png", "PNG or a JPEG"],
        ),
        (
            vec![gtin.as_str(), small.as_str()],
            vec!["small.png", "24 pixels", "--fills"],
        ),
        (
            vec![gtin.as_str(), picture, "--models", models],
            vec!["no network of looks"],
        ),
        (vec![gtin.as_str()], vec!["photos"]),
        (
            vec![gtin.as_str(), picture, "--fills", "3"],
            vec!["--fills"],
        ),
        (
            vec!["--from-catalogue", "--pictures", models],
            vec!["no picture of any product"],
        ),
        (vec!["--again"], vec!["nothing is enrolled"]),
    ] {
        let error = enrol(&shop, &args).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{args:?}: {error}");
        }
    }
    assert!(!shop.join("gallery.jsonl").exists());
}
