//! Gaps on shelves, as staff ask for them.

use crate::program::{Program, TempDir, said, walkout};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use walkout_model::files::load_shop;
use walkout_model::{CameraIx, LaneIx, Shop, StoreTime};
use walkout_simulator::render::{Frame, RenderConfig, Renderer, Snapshot, Stood};
use walkout_testkit::shop_dir;

const SIZE: [u32; 2] = [1280, 960];
const CAMERA: &str = r#"
[[camera]]
name = "S1"
width_px = 1280
height_px = 960
focal_px = [640.0, 640.0]
distortion = [0.0, 0.0, 0.0, 0.0, 0.0]
position = [2.0, 2.35, 0.9]
yaw_deg = 90
pitch_deg = 0
"#;

/// The front row of every lane but these.
fn goods(shop: &Shop, without: &[LaneIx]) -> Vec<Stood> {
    let mut goods = Vec::new();
    for (i, lane) in shop.planogram.lanes.iter().enumerate() {
        if without.contains(&LaneIx::from(i)) {
            continue;
        }
        let pitch = lane.width_m / f64::from(lane.facings.max(1));
        for facing in 0..lane.facings.max(1) {
            goods.push(Stood {
                sku: Some(lane.sku),
                shelf: lane.shelf,
                x_m: lane.x_m + (f64::from(facing) + 0.5) * pitch,
                y_m: 0.0,
                up_m: 0.0,
            });
        }
    }
    goods.sort_by_key(|g| g.shelf);
    goods
}

fn photograph(shop: &Arc<Shop>, camera: CameraIx, goods: Vec<Stood>, moment: u64, file: &Path) {
    let config = RenderConfig {
        size_px: SIZE,
        oversampling: 1,
        ..RenderConfig::default()
    };
    let mut frame = Frame::default();
    let snapshot = Snapshot {
        goods,
        revision: moment,
        // Noise follows from the time.
        t: StoreTime(moment as i64),
        ..Snapshot::default()
    };
    let seen = Renderer::new(Arc::clone(shop), config).render(camera, &snapshot, &mut frame);
    assert!(seen);
    let to = std::fs::File::create(file).unwrap();
    let mut encoder = png::Encoder::new(to, frame.picture.width, frame.picture.height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&frame.picture.rgb).unwrap();
}

/// A copy of the rack with a camera before it, and with its goods enrolled if asked for.
fn rack(dir: &TempDir, source: &str, enrolled: bool) -> (PathBuf, Arc<Shop>, CameraIx) {
    let folder = dir.0.join("rack");
    std::fs::create_dir_all(folder.join("shelves")).unwrap();
    for file in ["catalogue.csv", "planogram.csv"] {
        std::fs::copy(shop_dir("rack").join(file), folder.join(file)).unwrap();
    }
    let described = std::fs::read_to_string(shop_dir("rack").join("shop.toml")).unwrap();
    std::fs::write(folder.join("shop.toml"), described + CAMERA + source).unwrap();
    let shop = Arc::new(load_shop(&folder).unwrap());
    if enrolled {
        let at = folder.to_str().unwrap();
        let pictures = folder.join("pictures");
        let out = pictures.to_str().unwrap();
        said(&["render", at, "--format", "catalogue", "--out", out]).unwrap();
        said(&["enrol", "--shop", at, "--from-catalogue"]).unwrap();
    }
    let camera = shop.layout.cameras.iter().position(|c| c.name == "S1");
    (folder, shop, CameraIx::from(camera.unwrap()))
}

/// Lanes of the middle shelves, which the camera sees best: every third.
fn sold_out(shop: &Shop) -> Vec<LaneIx> {
    let lanes = shop.planogram.lanes.iter().enumerate();
    let middle = |l: &walkout_model::Lane| ["R1/S2", "R1/S3"].iter().any(|s| l.name.starts_with(s));
    lanes
        .filter(|(_, l)| middle(l))
        .map(|(i, _)| LaneIx::from(i))
        .step_by(3)
        .collect()
}

#[test]
fn staff_are_told_which_facings_are_empty() {
    let dir = TempDir::new("shelves");
    let (folder, shop, camera) = rack(&dir, "", true);
    let at = folder.to_str().unwrap();
    let now = dir.0.join("now.png");
    let picture = format!("S1={}", now.display());
    let sold_out = sold_out(&shop);
    photograph(&shop, camera, goods(&shop, &sold_out), 3, &now);
    let error = said(&["shelves", at, &picture]).unwrap_err();
    assert!(error.contains("S1-bare.png"), "{error}");
    let reference = |how: &str| folder.join(format!("shelves/S1-{how}.png"));
    photograph(&shop, camera, Vec::new(), 1, &reference("bare"));
    photograph(&shop, camera, goods(&shop, &[]), 2, &reference("stocked"));

    let told = said(&["shelves", at, &picture, "--all", "--json"]).unwrap();
    let (mut right, mut wrong) = (0, Vec::new());
    for line in told.lines() {
        let facing: Value = serde_json::from_str(line).unwrap();
        let lane = facing["lane"].as_str().unwrap();
        let empty = sold_out
            .iter()
            .any(|l| shop.planogram.lanes[l.usize()].name == lane);
        match empty == (facing["verdict"] == "gap") {
            true => right += 1,
            false => wrong.push(line.to_owned()),
        }
    }
    assert!(
        right >= 20 && wrong.len() * 20 <= right,
        "{right}, {wrong:#?}"
    );
    let summary = said(&["shelves", at, &picture]).unwrap();
    assert!(summary.contains("facings seen"), "{summary}");

    // A network of another kind, and a camera that faces no shelf.
    let models = dir.0.join("models");
    std::fs::create_dir_all(&models).unwrap();
    let shipped = walkout_testkit::root().join("models");
    for (from, to) in [("item", "item"), ("item", "facing")] {
        let to = models.join(format!("{to}.onnx"));
        std::fs::copy(shipped.join(format!("{from}.onnx")), to).unwrap();
    }
    let error = said(&[
        "shelves",
        at,
        &picture,
        "--models",
        models.to_str().unwrap(),
    ])
    .unwrap_err();
    assert!(error.contains("facing.onnx"), "{error}");
}

/// These lanes hold one unit more than there is room for behind what a gap shows to be void.
fn deepened(folder: &Path, shop: &Shop, lanes: &[LaneIx]) {
    let mut csv = "shelf,lane,gtin,x_m,width_m,facings,capacity\n".to_owned();
    for (i, lane) in shop.planogram.lanes.iter().enumerate() {
        let shelf = &shop.layout.shelves[lane.shelf.usize()];
        let product = &shop.catalogue[lane.sku];
        let rows = (shelf.depth_m * 1_000.0 / f64::from(product.size_mm[1])) as u32;
        let capacity = match lanes.contains(&LaneIx::from(i)) {
            true => lane.facings * (rows - rows * 2 / 5 + 1).min(rows),
            false => lane.capacity,
        };
        let (_, name) = lane.name.rsplit_once('/').unwrap();
        let row = format!(
            "{},{name},{},{},{},{},{}\n",
            shelf.name, product.gtin, lane.x_m, lane.width_m, lane.facings, capacity
        );
        csv.push_str(&row);
    }
    std::fs::write(folder.join("planogram.csv"), csv).unwrap();
}

/// The worker, for as long as it is wanted.
struct Worker(std::process::Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In an open shop whose books take every lane for full: the shop itself looks, or a worker does.
fn open_shop(test: &str, by_worker: bool) {
    let dir = TempDir::new(test);
    let (folder, shop, camera) = rack(&dir, "source = \"film?fps=4\"\n", false);
    let at = folder.to_str().unwrap();
    let sold_out = sold_out(&shop);
    deepened(&folder, &shop, &sold_out);
    let reference = |how: &str| folder.join(format!("shelves/S1-{how}.png"));
    photograph(&shop, camera, Vec::new(), 1, &reference("bare"));
    photograph(&shop, camera, goods(&shop, &[]), 2, &reference("stocked"));
    let film = folder.join("film");
    std::fs::create_dir_all(&film).unwrap();
    for n in 0..8 {
        let now = goods(&shop, &sold_out);
        photograph(&shop, camera, now, 3 + n, &film.join(format!("{n}.png")));
    }
    let port = walkout_testkit::free_port().unwrap().to_string();
    let broker = format!("mqtt://127.0.0.1:{port}");
    let mut arguments = vec!["--full", "--mqtt-port", &port];
    if !by_worker {
        arguments.push("--eyes");
    }
    let program = Program::serve(test, at, &arguments);
    let _worker = by_worker.then(|| {
        let mut command = walkout();
        command.args(["eyes", at, "--camera", "S1", "--mqtt", &broker]);
        Worker(command.stdout(Stdio::null()).spawn().unwrap())
    });
    let named = |l: &LaneIx| shop.planogram.lanes[l.usize()].name.clone();
    let wanted: Vec<String> = sold_out.iter().map(named).collect();
    let lanes = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|v| v["lane"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let seen = program.until("/api/v1/shelves", "lanes to count", |seen| {
        seen["counts"].as_array().is_some_and(|c| !c.is_empty())
    });
    let gaps = lanes(&seen["facings"]);
    let right = |told: &[String]| told.iter().filter(|l| wanted.contains(l)).count();
    assert!(seen["watched"].as_u64() >= Some(20), "{seen:#}");
    assert!(right(&gaps) * 20 >= gaps.len() * 19, "{seen:#}");
    let found = wanted.iter().filter(|l| gaps.contains(l)).count();
    assert!(
        found * 10 >= wanted.len() * 9,
        "{found} of {wanted:?}: {seen:#}"
    );
    let counts = lanes(&seen["counts"]);
    assert_eq!(right(&counts), counts.len(), "{seen:#}");
    for count in seen["counts"].as_array().unwrap() {
        assert!(
            count["units"].as_i64() > count["most"].as_i64(),
            "{count:#}"
        );
    }
    // The page and its stream show the same.
    assert_eq!(
        program.get("/api/v1/state")["shelves"]["watched"],
        seen["watched"]
    );
    let camera = &program.get("/healthz")["cameras"][0];
    assert_eq!(camera["camera"], "S1");
}

#[test]
fn an_open_shop_tells_of_gaps_and_of_books_that_cannot_be_right() {
    open_shop("shelves-open", false);
}

#[test]
fn a_worker_looks_at_shelves_and_tells_the_shop_over_the_bus() {
    open_shop("shelves-worker", true);
}

#[test]
fn a_shelf_that_was_shown_bare_alone_is_named() {
    let dir = TempDir::new("shelves-half");
    let (folder, shop, camera) = rack(&dir, "source = \"film?fps=4\"\n", false);
    let bare = folder.join("shelves/S1-bare.png");
    photograph(&shop, camera, Vec::new(), 1, &bare);
    let error = said(&["eyes", folder.to_str().unwrap(), "--camera", "S1"]).unwrap_err();
    assert!(error.contains("S1-stocked.png"), "{error}");
}
