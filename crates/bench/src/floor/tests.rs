use super::boxes::{DetectionModel, outdoors, run};
use super::made::{Options, make};
use super::wildtrack::{self, id_of, position_of};
use walkout_model::Point2;

fn scratch(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("walkout-floor-{name}-{}", std::process::id()))
}

#[test]
fn positions_follow_the_published_formula() {
    assert_eq!(position_of(0), Point2::new(-3.0, -9.0));
    let p = position_of(480 * 400 + 120);
    assert!((p.x - 0.0).abs() < 1e-9 && (p.y - 1.0).abs() < 1e-9);
    assert_eq!(id_of(p), Some(480 * 400 + 120));
    assert_eq!(id_of(Point2::new(9.5, 0.0)), None);
}

#[test]
fn a_made_set_is_read_back_and_tracked() {
    let dir = scratch("made");
    let options = Options {
        seed: 5,
        frames: 60,
        people: 24,
        fps: 2.0,
    };
    make(&dir, &options).unwrap();
    let data = wildtrack::read(&dir).unwrap();
    assert_eq!((data.cameras.len(), data.frames.len()), (7, 60));
    let people: usize = data.frames.iter().map(Vec::len).sum();
    assert!(people > 60 * 12, "{people}");
    // The foot of an uncut box is over the annotated position: calibration and boxes agree.
    let view = walkout_model::View::new(&data.cameras[0]);
    let mut checked = 0;
    for p in data.frames.iter().flatten() {
        if let Some(b) = p.boxes[0]
            && b.top + b.height < 1070.0
            && b.left > 5.0
            && b.left + b.width < 1910.0
        {
            let foot = view.project(p.position.at_height(0.0)).unwrap();
            assert!((foot.v - b.top - b.height).abs() < 2.0);
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
    let model = DetectionModel::default();
    let row = run(&data, &model, 2.0, &outdoors());
    assert_eq!((row.frames, row.cameras), (60, 7));
    let other = super::boxes::Row {
        fps: row.fps,
        ..run(&data, &model, 2.0, &outdoors())
    };
    assert_eq!(row, other, "the same seed gives the same result");
    println!("{row:?}");
    assert!(row.moda > 75.0 && row.idf1 > 70.0, "{row:?}");
    let worse = DetectionModel {
        drop: 0.6,
        add: 3.0,
        ..model
    };
    assert!(run(&data, &worse, 2.0, &outdoors()).moda < row.moda - 5.0);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn what_cannot_be_is_refused_with_its_file() {
    let dir = scratch("bad");
    let options = Options {
        seed: 1,
        frames: 2,
        people: 5,
        fps: 2.0,
    };
    make(&dir, &options).unwrap();
    let fails = |file: &str, text: &str| {
        let path = dir.join(file);
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text).unwrap();
        let said = wildtrack::read(&dir).unwrap_err().to_string();
        std::fs::write(&path, before).unwrap();
        assert!(said.contains(file), "{said}");
        said
    };
    let annotation = "annotations_positions/00000000.json";
    let one = |position: i64, view: i64| {
        format!(
            "[{{\"personID\":1,\"positionID\":{position},\"views\":[{{\"viewNum\":{view},\"xmin\":1,\"ymin\":1,\"xmax\":5,\"ymax\":9}}]}}]"
        )
    };
    assert!(fails(annotation, "[{").contains("EOF"));
    assert!(fails(annotation, &one(691_200, 0)).contains("is not 0 to 691199"));
    assert!(fails(annotation, &one(0, 7)).contains("there are 7 cameras"));
    let extrinsic = "calibrations/extrinsic/extr_CVLab1.xml";
    assert!(fails(extrinsic, "<rvec>1 2</rvec>").contains("<rvec> has 2 numbers, not 3"));
    let intrinsic = "calibrations/intrinsic_zero/intr_IDIAP2.xml";
    assert!(fails(intrinsic, "<x/>").contains("no element <camera_matrix>"));
    let missing = wildtrack::read(&scratch("nothing"))
        .unwrap_err()
        .to_string();
    assert!(missing.starts_with("list "), "{missing}");
    std::fs::remove_dir_all(dir).unwrap();
}
