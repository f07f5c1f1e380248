//! Networks that users bring: small files of our own making (`tests/networks/make.py`), and well-known ones
//! where they lie beside the checkout.

use std::path::PathBuf;
use std::process::Command;
use walkout_perception::nets::*;
use walkout_testkit::{shared, skip};

pub(crate) fn own(file: &str) -> Vec<u8> {
    let folder = walkout_testkit::root().join("crates/perception/tests/networks");
    std::fs::read(folder.join(file)).unwrap()
}

pub(crate) fn config(role: &str, text: &str) -> NetworkConfig {
    let text = format!("[{role}]\nfile = \"x.onnx\"\n{text}");
    let config = NetworksConfig::parse("networks.toml", &text).unwrap();
    let (_, network) = config.each().next().unwrap();
    network.clone()
}

fn open(file: &str, data: Vec<u8>, config: &NetworkConfig) -> Result<UserNetwork, NetError> {
    let network = RtenNetwork::from_bytes(file, data, 1)?;
    UserNetwork::new(Box::new(network), config)
}

/// Grey, with a red square of 16 pixels whose middle is here.
fn red_square([w, h]: [u32; 2], [x, y]: [u32; 2]) -> Vec<u8> {
    let red = |px: u32, py: u32| px.abs_diff(x) <= 8 && py.abs_diff(y) <= 8;
    (0..h)
        .flat_map(|py| (0..w).map(move |px| (px, py)))
        .flat_map(|(px, py)| {
            if red(px, py) {
                [255, 0, 0]
            } else {
                [90, 90, 90]
            }
        })
        .collect()
}

#[test]
fn boxes_are_found_where_they_are_drawn_whatever_the_pictures_shape() {
    let text = "kind = \"yolov8\"\nclasses = [\"nothing\", \"red\"]\npeople = [\"red\"]";
    let network = open("boxes.onnx", own("boxes.onnx"), &config("people", text)).unwrap();
    // Twice as wide as high: scaled by a half, padded above and below.
    let (first, second) = (
        red_square([128, 64], [40, 24]),
        red_square([128, 64], [96, 40]),
    );
    let pictures = [&first, &second].map(|rgb| RgbPicture::new(128, 64, rgb).unwrap());
    let answers = network.look(&pictures).unwrap();
    assert_eq!(answers.len(), 2);
    for (answer, middle) in answers.iter().zip([[40.0, 24.0], [96.0, 40.0]]) {
        let Answer::Boxes(boxes) = answer else {
            panic!("{answer:?}")
        };
        let best = boxes.first().unwrap();
        let [left, top, right, bottom] = best.area;
        assert_eq!(best.class, 1);
        assert!(((left + right) / 2.0 - middle[0]).abs() <= 8.0, "{boxes:?}");
        assert!(((top + bottom) / 2.0 - middle[1]).abs() <= 8.0, "{boxes:?}");
        assert!((right - left - 24.0).abs() < 1e-3, "{boxes:?}");
    }
}

#[test]
fn people_get_points_in_their_boxes_and_looks() {
    let text = r#"
        [people]
        file = "boxes.onnx"
        kind = "yolov8"
        classes = ["nothing", "red"]
        people = ["red"]
        [pose]
        file = "points.onnx"
        kind = "rtmpose"
        margin = 4.0
        input = { mean = [0, 0, 0], deviation = [255, 255, 255] }
        [appearance]
        file = "mean_of_bytes.onnx"
        kind = "vector"
    "#;
    let networks = NetworksConfig::parse("networks.toml", text).unwrap();
    let eyes = Eyes::new(&networks, 1.0, |_, network| {
        let network = RtenNetwork::from_bytes(&network.file, own(&network.file), 1)?;
        Ok::<Box<dyn Network>, NetError>(Box::new(network))
    })
    .unwrap();
    let rgb = red_square([64, 64], [28, 36]);
    let picture = RgbPicture::new(64, 64, &rgb).unwrap();
    let sights = eyes.look(&[picture]).unwrap();
    let sight = &sights[0];
    assert!(!sight.people.is_empty() && sight.others.is_empty());
    assert_eq!(sight.people.len(), sight.view.heads.len());
    let person = &sight.people[0];
    let points = person.points.as_ref().unwrap();
    assert_eq!(points.len(), POSE_POINTS);
    for point in points {
        let off = (point.x - 28.0).hypot(point.y - 36.0);
        assert!(off < 6.0 && point.score > 0.8, "{point:?}");
    }
    // Two wrists at the red square, and its head too, since all points lie there.
    assert_eq!(
        sight
            .view
            .hands
            .iter()
            .filter(|h| h.owner == Some(0))
            .count(),
        2
    );
    let look = person.look.as_ref().unwrap();
    assert!(look[0] > look[1] && look.len() == 3, "{look:?}");
}

#[test]
fn bytes_and_the_other_order_of_axes_are_taken() {
    let items = config("items", "kind = \"vector\"");
    let network = open("mean.onnx", own("mean_of_bytes.onnx"), &items).unwrap();
    let rgb = [200, 100, 50].repeat(16 * 16);
    let picture = RgbPicture::new(16, 16, &rgb).unwrap();
    let Answer::Vector(look) = &network.look(&[picture]).unwrap()[0] else {
        panic!("a vector")
    };
    let length = (200.0_f32.powi(2) + 100.0 * 100.0 + 50.0 * 50.0).sqrt();
    for (v, c) in look.iter().zip([200.0, 100.0, 50.0]) {
        assert!((v - c / length).abs() < 1e-4, "{look:?}");
    }
    // A session of another worker says the same.
    let again = network.session().unwrap().look(&[picture]).unwrap();
    assert_eq!(again[0], Answer::Vector(look.clone()));
}

#[test]
fn a_wrong_file_is_refused_with_its_name_the_cause_and_what_to_do() {
    let boxes = config("people", "kind = \"yolov8\"\nclasses = [\"a\", \"person\"]");
    let coco = config("people", "kind = \"yolov8\"");
    let yolox = config("people", "kind = \"yolox\"");
    let look = config("items", "kind = \"vector\"");
    let whole = own("boxes.onnx");
    let half = whole[..whole.len() / 2].to_vec();
    let said = |data: Vec<u8>, config: &NetworkConfig| {
        let error = open("shop/net.onnx", data, config).unwrap_err().to_string();
        assert!(error.starts_with("shop/net.onnx: "), "{error}");
        error
    };
    for (data, config, words) in [
        (Vec::new(), &boxes, ["empty", "copy it anew"]),
        (half, &boxes, ["cut short", "copy it anew"]),
        (
            b"\x89PNG\r\n\x1a\n".to_vec(),
            &boxes,
            ["a picture", "export"],
        ),
        (
            b"not a network".to_vec(),
            &boxes,
            ["no ONNX file", "export"],
        ),
        (
            own("boxes_opset_99.onnx"),
            &boxes,
            ["operator set 99", "opset 17"],
        ),
        (
            own("unknown_operator.onnx"),
            &look,
            ["Frobnicate", "opset 17"],
        ),
        (own("takes_longs.onnx"), &look, ["type", "float32 or uint8"]),
        (
            own("two_inputs.onnx"),
            &look,
            ["2 inputs", "export it with one"],
        ),
        (
            own("four_channels.onnx"),
            &look,
            ["[1, 4, 8, 8]", "[batch, 3, height, width]"],
        ),
        (
            own("gives_a_picture.onnx"),
            &look,
            ["[1, 3, 64, 64]", "a vector a picture"],
        ),
        (
            own("boxes_any_size.onnx"),
            &boxes,
            ["any", "size = [width, height]"],
        ),
        (
            own("boxes.onnx"),
            &coco,
            ["[1, 6, 64]", "[batch, 84, boxes]"],
        ),
        (own("boxes.onnx"), &yolox, ["[1, 6, 64]", "kind \"yolox\""]),
        (
            own("points.onnx"),
            &yolox,
            ["[1, 17, 128", "[batch, 84, 85]"],
        ),
    ] {
        let error = said(data, config);
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
    }
    // An input of open size works once the configuration says it, and then takes no other.
    let text = "kind = \"yolov8\"\nclasses = [\"a\", \"person\"]\ninput = { size = [64, 64] }";
    let sized = config("people", text);
    assert!(open("a", own("boxes_any_size.onnx"), &sized).is_ok());
    let text = "kind = \"yolov8\"\nclasses = [\"a\", \"person\"]\ninput = { size = [32, 64] }";
    let other = config("people", text);
    assert!(said(own("boxes.onnx"), &other).contains("input.size"));
    assert!(said(own("boxes_any_size.onnx"), &other).contains("[1, 3, 64, 32]"));
}

/// A file of the folder of well-known networks.
pub(crate) fn known(test: &str, file: &str) -> Option<Vec<u8>> {
    let Some(path) = shared(&format!("weights/{file}")) else {
        skip(test, &format!("../shared/weights/{file} is absent"));
        return None;
    };
    Some(std::fs::read(path).unwrap())
}

/// A frame of a video beside the checkout, as RGB.
fn frame(test: &str, file: &str, select: &str, [w, h]: [u32; 2]) -> Option<Vec<u8>> {
    let Some(path) = shared(&format!("data/video/{file}")) else {
        skip(test, &format!("../shared/data/video/{file} is absent"));
        return None;
    };
    let output = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-i"])
        .arg::<&PathBuf>(&path)
        .args([
            "-vf",
            select,
            "-frames:v",
            "1",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-",
        ])
        .output();
    match output {
        Ok(output) if output.stdout.len() == (w * h * 3) as usize => Some(output.stdout),
        _ => {
            skip(test, "ffmpeg is absent or gives no frame");
            None
        }
    }
}

/// Where people stand in the first frame of the aisle, read off the picture by eye.
const AISLE: ([u32; 2], [[f64; 4]; 2]) = (
    [480, 270],
    [[240.0, 62.0, 320.0, 235.0], [346.0, 86.0, 417.0, 270.0]],
);

fn overlap(a: [f64; 4], b: [f64; 4]) -> f64 {
    let along = |i: usize, j: usize| (a[j].min(b[j]) - a[i].max(b[i])).max(0.0);
    let size = |a: [f64; 4]| (a[2] - a[0]) * (a[3] - a[1]);
    let both = along(0, 2) * along(1, 3);
    both / (size(a) + size(b) - both)
}

#[test]
fn known_detectors_find_the_people_of_a_real_aisle() {
    let test = "known_detectors_find_the_people_of_a_real_aisle";
    let (size, people) = AISLE;
    let Some(rgb) = frame(test, "store-aisle-detection.gif", "select=eq(n\\,0)", size) else {
        return;
    };
    let picture = RgbPicture::new(size[0], size[1], &rgb).unwrap();
    for (file, kind) in [
        ("yolox_nano_416x416.onnx", "yolox"),
        ("nanodet_m_416.onnx", "nanodet"),
    ] {
        let Some(data) = known(test, file) else {
            continue;
        };
        let config = config("people", &format!("kind = \"{kind}\"\nscore = 0.45"));
        let network = open(file, data, &config).unwrap();
        let Answer::Boxes(boxes) = &network.look(&[picture]).unwrap()[0] else {
            panic!("boxes")
        };
        let found: Vec<_> = boxes.iter().filter(|b| b.class == 0).collect();
        for person in people {
            let best = found.iter().map(|b| overlap(b.area, person));
            let best = best.fold(0.0, f64::max);
            assert!(best > 0.6, "{file}: {person:?} by {best:.2} of {found:?}");
        }
        assert_eq!(found.len(), people.len(), "{file}: {found:?}");
    }
}

#[test]
fn known_keypoints_and_looks_make_sense() {
    let test = "known_keypoints_and_looks_make_sense";
    let (size, people) = AISLE;
    let Some(rgb) = frame(test, "store-aisle-detection.gif", "select=eq(n\\,0)", size) else {
        return;
    };
    let picture = RgbPicture::new(size[0], size[1], &rgb).unwrap();
    if let Some(data) = known(test, "movenet_single_pose_lightning_ptq.dq.onnx") {
        let config = config("pose", "kind = \"movenet\"");
        let network = open("movenet", data, &config).unwrap();
        let area = network.around(people[1]);
        let Answer::Pose(points) = &network.look_at(&[(picture, area)]).unwrap()[0] else {
            panic!("points")
        };
        // The woman in green, seen from behind: shoulders above hips above knees, all inside her box.
        let mean_y = |a: usize, b: usize| (points[a].y + points[b].y) / 2.0;
        let (shoulders, hips, knees) = (mean_y(5, 6), mean_y(11, 12), mean_y(13, 14));
        assert!(shoulders + 20.0 < hips && hips + 20.0 < knees, "{points:?}");
        let [left, top, right, bottom] = people[1];
        for k in [5, 6, 11, 12] {
            let p = points[k];
            let inside = p.x > left && p.x < right && p.y > top && p.y < bottom;
            assert!(inside && p.score > 0.3, "{k}: {p:?}");
        }
    }
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    for (file, text, width) in [
        (
            "person-reidentification-retail-0288.onnx",
            "kind = \"vector\"\ninput = { channels = \"bgr\", deviation = [1, 1, 1] }",
            256,
        ),
        ("mobilenet_v2_tf2_embed1280.onnx", "kind = \"vector\"", 1280),
    ] {
        let Some(data) = known(test, file) else {
            continue;
        };
        let network = open(file, data, &config("appearance", text)).unwrap();
        let nudged = people[1].map(|v| v + 3.0);
        let areas = [people[0], people[1], nudged].map(|a| (picture, a));
        let looks: Vec<_> = network
            .look_at(&areas)
            .unwrap()
            .into_iter()
            .map(|answer| match answer {
                Answer::Vector(look) => look,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(looks[0].len(), width);
        let (other, same) = (cosine(&looks[0], &looks[1]), cosine(&looks[1], &looks[2]));
        assert!(same > other + 0.1, "{file}: same {same}, other {other}");
    }
}
