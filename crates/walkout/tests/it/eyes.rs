//! A shop with cameras, and the command that looks at cameras.

use crate::program::{Program, TempDir, said, walkout};
use std::path::Path;
use walkout_testkit::shop_dir;

/// A folder of pictures that are all the same.
fn still(dir: &Path, count: usize) {
    std::fs::create_dir_all(dir).unwrap();
    let rgb: Vec<u8> = (0..320 * 180 * 3)
        .map(|i| (i / 7 % 200 + 30) as u8)
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 320, 180);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&rgb).unwrap();
    writer.finish().unwrap();
    for n in 0..count {
        std::fs::write(dir.join(format!("{n:03}.png")), &bytes).unwrap();
    }
}

/// The nano shop with sources for its first two cameras: pictures that stand still, and none at all.
fn shop_with_eyes(dir: &Path) {
    for file in ["shop.toml", "catalogue.csv", "planogram.csv"] {
        std::fs::copy(shop_dir("nano").join(file), dir.join(file)).unwrap();
    }
    let path = dir.join("shop.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replacen("[[camera]]\n", "[[camera]]\nsource = \"still?fps=20\"\n", 1);
    let (before, after) = text.rsplit_once("[[camera]]\n").unwrap();
    let text = format!("{before}[[camera]]\nsource = \"gone.mp4\"\n{after}");
    std::fs::write(path, text).unwrap();
    still(&dir.join("still"), 200);
}

#[test]
fn an_open_shop_tells_which_of_its_cameras_are_at_fault() {
    let dir = TempDir::new("eyes-shop");
    let shop = dir.0.join("eyes");
    std::fs::create_dir_all(&shop).unwrap();
    shop_with_eyes(&shop);
    let port = walkout_testkit::free_port().unwrap().to_string();
    let program = Program::serve("eyes", shop.to_str().unwrap(), &["--mqtt-port", &port]);
    let health = program.until("/healthz", "both faults", |h| {
        h["cameras"][0]["health"] == "frozen" && h["cameras"][1]["health"] == "silent"
    });
    let [still, gone] = [&health["cameras"][0], &health["cameras"][1]];
    assert_eq!(
        (&still["width"], &still["height"]),
        (&320.into(), &180.into()),
        "{still:#}"
    );
    assert!(
        still["frames"].as_u64() > Some(20) && still["connected"] == true,
        "{still:#}"
    );
    assert!(
        gone["error"].as_str().unwrap().contains("gone.mp4"),
        "{gone:#}"
    );
    assert_eq!(gone["connected"], false);
    let counted = health["refusals"].as_array().unwrap();
    for cause in ["camera_frozen", "camera_silent"] {
        assert!(
            counted.iter().any(|r| r["cause"] == cause),
            "{cause}: {counted:#?}"
        );
    }
    let metrics = program.text("/metrics");
    assert!(metrics.contains("walkout_camera_good{camera="), "{metrics}");
}

#[test]
fn cameras_are_looked_at_and_their_frames_written() {
    let dir = TempDir::new("looked-at");
    still(&dir.0.join("still"), 30);
    let source = format!("{}?fps=10", dir.0.join("still").display());
    let out = dir.0.join("out");
    let run = |arguments: &[&str]| walkout().arg("cameras").args(arguments).output().unwrap();
    let done = run(&[&source, "--frames", "2", "--out", out.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}");
    for part in [
        "320 × 180",
        "30, 10.00 a second",
        "frozen at 1.6 s",
        "2 frames",
    ] {
        assert!(said.contains(part), "{part} is missing:\n{said}");
    }
    assert!(out.join("0-00001.png").exists() && !out.join("0-00002.png").exists());
    let missing = dir.0.join("none.mp4");
    let failed = run(&[&source, missing.to_str().unwrap(), "--json"]);
    assert!(!failed.status.success());
    let lines: Vec<serde_json::Value> = String::from_utf8_lossy(&failed.stdout)
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines[0]["pictures"], 30);
    assert!(
        lines[1]["error"].as_str().unwrap().contains("none.mp4"),
        "{}",
        lines[1]
    );
}

#[test]
fn nobody_is_as_small_as_five_pixels() {
    let eyes = ["eyes", "corner", "--camera", "C01"];
    let error = said(&[&eyes[..], &["--person-px", "5", "260"]].concat()).unwrap_err();
    assert!(
        error.contains("--person-px must be 20 to 1000 pixels each"),
        "{error}"
    );
    let error = said(&[&eyes[..], &["--person-px", "130"]].concat()).unwrap_err();
    assert!(error.contains("--person-px"), "{error}");
}
