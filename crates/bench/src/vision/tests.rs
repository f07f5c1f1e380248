use super::*;
use std::process::Command;
use walkout_perception::nets::RtenNetwork;
use walkout_testkit::{root, shared, skip};

fn subject(file: PathBuf) -> Subject {
    let name = file.display().to_string();
    let data = std::fs::read(&file).unwrap();
    Subject {
        loaded: vec![(
            "rten",
            Box::new(RtenNetwork::from_bytes(&name, data, 1).unwrap()),
        )],
        name,
        size: [96, 64],
        file,
    }
}

fn plan(python: Option<String>) -> Plan {
    Plan {
        rounds: 1,
        turn_s: 0.001,
        python,
        batch: 1,
        frame: [64, 48],
    }
}

#[test]
fn the_networks_that_ship_are_measured() {
    for file in ["person.onnx", "item.onnx"] {
        let rows = measure(&subject(root().join("models").join(file)), &plan(None)).unwrap();
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert!(
            row.latency_ms > 0.0 && row.frames_per_core_s > 0.0,
            "{row:?}"
        );
        assert!(row.ratio_to_python.is_none() && row.prepare_ms >= 0.0);
    }
}

/// No number differs from onnxruntime's by more than a five-hundredth of the largest.
#[test]
fn outputs_are_those_of_pythons_onnxruntime() {
    let test = "outputs_are_those_of_pythons_onnxruntime";
    let python = std::env::var("WALKOUT_PYTHON").unwrap_or_else(|_| "python3".into());
    let there = Command::new(&python)
        .args(["-c", "import onnxruntime, numpy"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !there {
        return skip(test, &format!("{python} has no onnxruntime"));
    }
    let models = root().join("models");
    let mut files = vec![models.join("person.onnx"), models.join("item.onnx")];
    for file in [
        "yolox_nano_416x416.onnx",
        "nanodet_m_416.onnx",
        "movenet_single_pose_lightning_ptq.dq.onnx",
        "person-reidentification-retail-0288.onnx",
        "mobilenet_v2_tf2_embed1280.onnx",
    ] {
        match shared(&format!("weights/{file}")) {
            Some(path) => files.push(path),
            None => skip(test, &format!("../shared/weights/{file} is absent")),
        }
    }
    for file in files {
        let rows = measure(&subject(file), &plan(Some(python.clone()))).unwrap();
        let row = &rows[0];
        assert!(row.difference_from_python.unwrap() < 2e-3, "{row:?}");
        assert!(row.ratio_to_python.unwrap() > 0.0);
    }
}

#[test]
fn a_python_without_onnxruntime_is_an_error_that_says_so() {
    let item = subject(root().join("models/item.onnx"));
    let error = measure(&item, &plan(Some("/bin/false".into()))).unwrap_err();
    assert!(
        error.to_string().contains("pip install onnxruntime"),
        "{error}"
    );
}
