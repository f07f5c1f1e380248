//! ONNX Runtime beside rten. The library is the user's: `ORT_DYLIB_PATH` names it, else the tests are skipped.

use super::users::{config, known, own};
use std::path::Path;
use walkout_perception::nets::*;
use walkout_testkit::skip;

fn runtime(test: &str) -> Option<OrtRuntime> {
    let Some(path) = std::env::var_os("ORT_DYLIB_PATH") else {
        skip(test, "ORT_DYLIB_PATH names no ONNX Runtime");
        return None;
    };
    Some(OrtRuntime::load(Path::new(&path)).unwrap())
}

/// Smooth and colourful, so that networks have something to say.
fn waves(shape: &[usize], element: Element) -> Input {
    let value = |i: usize| {
        let t = i as f32;
        0.5 + 0.3 * (t * 0.013).sin() + 0.2 * (t * 0.0007).cos()
    };
    let count = shape.iter().product();
    let numbers = match element {
        Element::F32 => Numbers::F32((0..count).map(value).collect()),
        Element::U8 => Numbers::U8((0..count).map(|i| (value(i) * 255.0) as u8).collect()),
    };
    Input {
        shape: shape.to_vec(),
        numbers,
    }
}

#[test]
fn both_runtimes_say_the_same() {
    let test = "both_runtimes_say_the_same";
    let Some(runtime) = runtime(test) else { return };
    let models = walkout_testkit::root().join("models");
    let shipped = |file: &str| Some(std::fs::read(models.join(file)).unwrap());
    for (file, data, open_shape) in [
        ("person.onnx", shipped("person.onnx"), [2, 3, 96, 128]),
        ("item.onnx", shipped("item.onnx"), [3, 3, 96, 96]),
        ("boxes.onnx", Some(own("boxes.onnx")), [2, 3, 64, 64]),
        ("points.onnx", Some(own("points.onnx")), [1, 3, 64, 64]),
        ("mean", Some(own("mean_of_bytes.onnx")), [1, 16, 16, 3]),
        (
            "yolox",
            known(test, "yolox_nano_416x416.onnx"),
            [1, 3, 416, 416],
        ),
        (
            "nanodet",
            known(test, "nanodet_m_416.onnx"),
            [1, 3, 416, 416],
        ),
        (
            "movenet",
            known(test, "movenet_single_pose_lightning_ptq.dq.onnx"),
            [1, 192, 192, 3],
        ),
        (
            "person-reidentification",
            known(test, "person-reidentification-retail-0288.onnx"),
            [1, 256, 128, 3],
        ),
        (
            "mobilenet",
            known(test, "mobilenet_v2_tf2_embed1280.onnx"),
            [1, 224, 224, 3],
        ),
    ] {
        let Some(data) = data else { continue };
        let rten = RtenNetwork::from_bytes(file, data.clone(), 1).unwrap();
        let ort = runtime.network(file, data, 1).unwrap();
        assert_eq!(rten.ports().element, ort.ports().element, "{file}");
        assert_eq!(rten.ports().input, ort.ports().input, "{file}");
        let input = waves(&open_shape, rten.ports().element);
        let again = ort.session().unwrap().run(&input).unwrap();
        let (ours, theirs) = (rten.run(&input).unwrap(), ort.run(&input).unwrap());
        assert_eq!(again, theirs, "{file}: another session");
        assert_eq!(ours.len(), theirs.len(), "{file}");
        for (a, b) in ours.iter().zip(&theirs) {
            assert_eq!(a.shape, b.shape, "{file}");
            let largest = b.data.iter().map(|v| v.abs()).fold(1e-6, f32::max);
            let off = a.data.iter().zip(&b.data).map(|(a, b)| (a - b).abs());
            let worst = off.fold(0.0, f32::max) / largest;
            assert!(worst < 2e-3, "{file}: {worst} of the largest number");
        }
    }
}

#[test]
fn a_wrong_file_or_library_is_refused_alike() {
    let error = OrtRuntime::load(Path::new("/nowhere/libonnxruntime.so"));
    let error = error.err().unwrap().to_string();
    assert!(
        error.contains("/nowhere/libonnxruntime.so") && error.contains("--onnxruntime"),
        "{error}"
    );
    let test = "a_wrong_file_or_library_is_refused_alike";
    let Some(runtime) = runtime(test) else { return };
    let look = config("items", "kind = \"vector\"");
    for (file, word) in [
        ("unknown_operator.onnx", "Frobnicate"),
        ("takes_longs.onnx", "float32 or uint8"),
        ("two_inputs.onnx", "2 inputs"),
        ("four_channels.onnx", "[1, 4, 8, 8]"),
        ("gives_a_picture.onnx", "a vector a picture"),
        ("boxes_opset_99.onnx", "operator set 99"),
    ] {
        let made = runtime
            .network(file, own(file), 1)
            .and_then(|n| UserNetwork::new(Box::new(n), &look));
        let error = made.err().unwrap().to_string();
        assert!(error.starts_with(file) && error.contains(word), "{error}");
    }
}
