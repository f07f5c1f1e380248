//! Gaps on shelves, as staff ask for them.

use crate::program::{TempDir, said};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use walkout_model::files::load_shop;
use walkout_model::{CameraIx, LaneIx, Shop};
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

#[test]
fn staff_are_told_which_facings_are_empty() {
    let dir = TempDir::new("shelves");
    let folder = dir.0.join("rack");
    std::fs::create_dir_all(folder.join("shelves")).unwrap();
    for file in ["catalogue.csv", "planogram.csv"] {
        std::fs::copy(shop_dir("rack").join(file), folder.join(file)).unwrap();
    }
    let described = std::fs::read_to_string(shop_dir("rack").join("shop.toml")).unwrap();
    std::fs::write(folder.join("shop.toml"), described + CAMERA).unwrap();
    let shop = Arc::new(load_shop(&folder).unwrap());
    let at = folder.to_str().unwrap();
    let pictures = folder.join("pictures");
    let out = pictures.to_str().unwrap();
    said(&["render", at, "--format", "catalogue", "--out", out]).unwrap();
    said(&["enrol", "--shop", at, "--from-catalogue"]).unwrap();

    let camera = shop.layout.cameras.iter().position(|c| c.name == "S1");
    let camera = CameraIx::from(camera.unwrap());
    let now = dir.0.join("now.png");
    let picture = format!("S1={}", now.display());
    // Lanes of the middle shelves, which the camera sees best.
    let sold_out: Vec<LaneIx> = shop
        .planogram
        .lanes
        .iter()
        .enumerate()
        .filter(|(_, l)| ["R1/S2", "R1/S3"].iter().any(|s| l.name.starts_with(s)))
        .map(|(i, _)| LaneIx::from(i))
        .step_by(3)
        .collect();
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
