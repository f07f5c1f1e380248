//! `walkout calibrate` on made pictures, from the printed target to the shop's file.

use super::program::{TempDir, walkout};
use serde_json::Value;
use std::path::{Path, PathBuf};
use walkout_model::files::load_shop;
use walkout_model::layout::Camera;
use walkout_model::{Point3, View};
use walkout_perception::calibration::synthetic::{Flaws, Print, Target, draw};
use walkout_perception::calibration::{Checkerboard, GreyPicture, Lens};

const BOARD: Checkerboard = Checkerboard {
    columns: 9,
    rows: 6,
    square_m: 0.03,
};
const FLAWS: Flaws = Flaws {
    blur_px: 0.7,
    noise: 3.0,
    jpeg: Some(80),
    seed: 1,
};

fn save(path: &Path, picture: &GreyPicture) {
    let [w, h] = picture.size_px();
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), w, h);
    encoder.set_color(png::ColorType::Grayscale);
    let data: Vec<u8> = (0..w * h)
        .map(|i| picture.pixel(i % w, i / w) as u8)
        .collect();
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&data)
        .unwrap();
}

/// Runs `walkout calibrate`; what it printed, or its error.
fn calibrate(args: &[&str]) -> Result<String, String> {
    let output = walkout().arg("calibrate").args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

/// A copy of a shipped shop that may be changed.
fn copy_of(name: &str, dir: &TempDir) -> PathBuf {
    let to = dir.0.join(name);
    std::fs::create_dir_all(&to).unwrap();
    for file in ["shop.toml", "catalogue.csv", "planogram.csv"] {
        std::fs::copy(walkout_testkit::shop_dir(name).join(file), to.join(file)).unwrap();
    }
    to
}

#[test]
fn a_lens_is_found_from_pictures_and_written_into_the_shop() {
    let dir = TempDir::new("calibrate-lens");
    let shop = copy_of("corner", &dir);
    let lens = Lens {
        focal_px: [430.0, 430.0],
        principal_px: [324.0, 177.0],
        distortion: [-0.2, 0.04, 0.0, 0.0, 0.0],
    };
    let camera = lens.camera("C", [640, 360]);
    // Boards before a camera that looks along +x, tilted to all sides.
    let tilts: [[f64; 2]; 5] = [
        [0.5, 0.1],
        [-0.5, 0.0],
        [0.1, 0.6],
        [0.0, -0.6],
        [-0.4, 0.4],
    ];
    let places = [
        [0.05, 0.03],
        [-0.12, 0.05],
        [0.1, -0.06],
        [-0.06, -0.04],
        [0.0, 0.08],
    ];
    for (i, ([a, b], [side, up])) in tilts.into_iter().zip(places).enumerate() {
        let ((sa, ca), (sb, cb)) = (a.sin_cos(), b.sin_cos());
        let axes = [[sb, -cb, 0.0], [sa * cb, sa * sb, -ca]];
        let middle = Point3::new(0.5, side, up);
        let at = |k: usize, m: f64| m - 0.12 * axes[0][k] - 0.075 * axes[1][k];
        let target = Target {
            print: Print::Board(BOARD),
            origin: Point3::new(at(0, middle.x), at(1, middle.y), at(2, middle.z)),
            axes,
        };
        save(
            &dir.0.join(format!("p{i}.png")),
            &draw(&camera, &[target], &FLAWS),
        );
    }
    let folder = dir.0.to_str().unwrap();
    let shown = dir.0.join("shown");
    let shop_arg = shop.to_str().unwrap();
    let said = calibrate(&[
        "lens",
        folder,
        "--square-mm",
        "30",
        "--shop",
        shop_arg,
        "--camera",
        "C02",
        "--write",
        "--json",
        "--overlay",
        shown.to_str().unwrap(),
    ])
    .unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["pictures"].as_array().unwrap().len(), 5, "{said}");
    let written = load_shop(&shop).unwrap();
    let found = &written.layout.cameras[1];
    assert_eq!((found.name.as_str(), found.width_px), ("C02", 640));
    for f in found.focal_px {
        assert!((f / 430.0 - 1.0).abs() < 0.005, "{found:?}");
    }
    // Where it hangs is as it was.
    let before = load_shop(&walkout_testkit::shop_dir("corner")).unwrap();
    assert_eq!(found.position, before.layout.cameras[1].position);
    assert_eq!(std::fs::read_dir(&shown).unwrap().count(), 5);
    // A picture of another size, one that shows no board, one that is none.
    save(
        &dir.0.join("wide.png"),
        &draw(&lens.camera("C", [320, 200]), &[], &FLAWS),
    );
    let picture = |name: &str| dir.0.join(name).to_str().unwrap().to_owned();
    let said = calibrate(&["lens", folder, "--square-mm", "30"]).unwrap_err();
    assert!(
        said.contains("all pictures must come from one stream"),
        "{said}"
    );
    save(&dir.0.join("wide.png"), &draw(&camera, &[], &FLAWS));
    let said = calibrate(&[
        "lens",
        &picture("p0.png"),
        &picture("wide.png"),
        "--square-mm",
        "30",
    ])
    .unwrap_err();
    assert!(
        said.contains("wide.png: ") && said.contains("1 pictures"),
        "{said}"
    );
    std::fs::write(
        dir.0.join("cut.png"),
        &std::fs::read(dir.0.join("p0.png")).unwrap()[..500],
    )
    .unwrap();
    let said = calibrate(&["lens", &picture("cut.png"), "--square-mm", "30"]).unwrap_err();
    assert!(
        said.contains("cut.png: a picture that cannot be read"),
        "{said}"
    );
}

#[test]
fn a_pose_is_found_from_tags_and_from_points() {
    let dir = TempDir::new("calibrate-pose");
    let shop_dir = copy_of("corner", &dir);
    let shop = load_shop(&shop_dir).unwrap();
    // The camera hangs 12 cm and some degrees from where the file has it.
    let truth = Camera {
        position: Point3::new(0.4, 0.25, 2.55),
        yaw: shop.layout.cameras[0].yaw + 0.04,
        pitch: shop.layout.cameras[0].pitch + 0.06,
        roll: 0.02,
        ..shop.layout.cameras[0].clone()
    };
    let view = View::new(&truth);
    let mut places = "id,x_m,y_m,yaw_deg,side_mm\n".to_owned();
    let mut targets = Vec::new();
    for (i, (x, y)) in [(1.6, 1.2), (1.2, 2.2), (2.4, 1.8), (2.0, 2.9), (3.0, 1.4)]
        .into_iter()
        .enumerate()
    {
        let yaw = 40.0 * i as f64;
        places.push_str(&format!("{i},{x},{y},{yaw},200\n"));
        let (s, c) = f64::to_radians(yaw).sin_cos();
        // From the middle to the upper left corner of the black square.
        let origin = Point3::new(x - 0.1 * c - 0.1 * s, y - 0.1 * s + 0.1 * c, 0.0);
        let print = Print::Tag {
            id: i as u16,
            size_m: 0.2,
        };
        targets.push(Target::level(print, origin, yaw.to_radians()));
    }
    let file = |name: &str| dir.0.join(name).to_str().unwrap().to_owned();
    std::fs::write(file("tags.csv"), &places).unwrap();
    save(&dir.0.join("floor.png"), &draw(&truth, &targets, &FLAWS));
    let shop_arg = shop_dir.to_str().unwrap();
    let camera = ["--shop", shop_arg, "--camera", "C01"];
    let mut args = vec![
        "tags",
        "floor",
        "--places",
        "tags",
        "--write",
        "--json",
        "--overlay",
        "shown",
    ];
    let (floor, tags, shown) = (file("floor.png"), file("tags.csv"), file("shown.png"));
    (args[1], args[3], args[7]) = (&floor, &tags, &shown);
    args.extend(camera);
    let said: Value = serde_json::from_str(&calibrate(&args).unwrap()).unwrap();
    let found = &load_shop(&shop_dir).unwrap().layout.cameras[0];
    assert!(found.position.distance(truth.position) < 0.01, "{said}");
    for (a, b) in [
        (found.yaw, truth.yaw),
        (found.pitch, truth.pitch),
        (found.roll, truth.roll),
    ] {
        assert!((a - b).to_degrees().abs() < 0.1, "{said}");
    }
    assert!(std::fs::metadata(&shown).unwrap().len() > 10_000);
    // The same number twice: in the file, on the floor.
    std::fs::write(file("twice.csv"), format!("{places}3,1,1,0,200\n")).unwrap();
    let twice = file("twice.csv");
    args[3] = &twice;
    let said = calibrate(&args).unwrap_err();
    assert!(
        said.contains("twice.csv:7: tag 3 has a place already"),
        "{said}"
    );
    // By hand: places by name and by number, one of them typed wrongly.
    let mut points = "u_px,v_px,x_m,y_m,z_m,at\n".to_owned();
    let mut rows = 0;
    for fixture in &shop.layout.fixtures {
        for (corner, end) in fixture
            .footprint()
            .corners
            .into_iter()
            .zip(["front-left", "front-right"])
        {
            if let Some(p) = view
                .project(corner.at_height(0.0))
                .filter(|p| view.contains(*p))
            {
                points.push_str(&format!(
                    "{:.1},{:.1},,,,{}/{end}\n",
                    p.u, p.v, fixture.name
                ));
                rows += 1;
            }
        }
    }
    for (x, y) in [
        (1.0, 1.0),
        (2.0, 1.0),
        (1.0, 2.5),
        (2.5, 2.5),
        (3.0, 1.2),
        (1.8, 1.7),
    ] {
        let p = view.project(Point3::new(x, y, 0.0)).unwrap();
        let typed = if x == 1.8 { 1.3 } else { x };
        points.push_str(&format!("{:.1},{:.1},{typed},{y},,\n", p.u, p.v));
        rows += 1;
    }
    std::fs::write(file("points.csv"), &points).unwrap();
    let csv = file("points.csv");
    let mut args = vec!["points", "--points", &csv, "--sigma", "0.5"];
    args.extend(camera);
    let said = calibrate(&args).unwrap();
    assert!(
        said.contains(&format!("{} of {rows} points", rows - 1)),
        "{said}"
    );
    assert!(
        said.contains("(1.3, 1.7, 0) does not agree with the others"),
        "{said}"
    );
    assert!(said.contains("[[camera]]\nname = \"C01\""), "{said}");
    std::fs::write(file("points.csv"), "u_px,v_px,at\n5,5,G9/front-left\n").unwrap();
    let said = calibrate(&args).unwrap_err();
    assert!(
        said.contains("points.csv:2") && said.contains("G9"),
        "{said}"
    );
}

#[test]
fn targets_are_written_to_print() {
    let dir = TempDir::new("calibrate-targets");
    let tags = dir.0.join("tags.pdf");
    let out = calibrate(&["targets", "--tags", "0-3", "--out", tags.to_str().unwrap()]).unwrap();
    assert!(out.starts_with("4 pages"), "{out}");
    assert!(std::fs::read(&tags).unwrap().starts_with(b"%PDF-1.4"));
    let board = dir.0.join("board.svg");
    calibrate(&[
        "targets",
        "--board",
        "9x6",
        "--out",
        board.to_str().unwrap(),
    ])
    .unwrap();
    assert!(std::fs::read_to_string(&board).unwrap().contains("</svg>"));
    let large = calibrate(&[
        "targets",
        "--tags",
        "1",
        "--tag-mm",
        "400",
        "--out",
        tags.to_str().unwrap(),
    ]);
    assert!(large.unwrap_err().contains("does not fit"));
}
