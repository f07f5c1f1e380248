use super::*;
use std::sync::Arc;
use walkout_model::files::load_shop;

#[test]
fn random_lenses_come_out() {
    let rows = lenses(7, 1, 8, None).unwrap();
    println!("{rows:?}");
    let row = &rows[0];
    assert_eq!(row.lenses, [1, 1]);
    assert!(row.found > 80.0 && row.corner_rms_px < 0.2, "{row:?}");
    assert!(row.focal_percent[1] < 0.5, "{row:?}");
    assert!(row.z_rms.unwrap() < 2.5, "{row:?}");
}

#[test]
fn tags_on_random_floors_are_found() {
    let rows = tags(7, 2, None).unwrap();
    println!("{rows:?}");
    let row = &rows[0];
    assert!(row.found[2] > 90.0 && row.wrong == 0, "{row:?}");
    assert_eq!(row.poses[0], row.poses[1]);
    assert!(row.place_mm[0] < 10.0 && row.turn_deg[0] < 0.1, "{row:?}");
}

#[test]
fn a_camera_turned_by_two_degrees_is_noticed_and_no_right_one() {
    let shop = Arc::new(load_shop(&walkout_testkit::shop_dir("flash")).unwrap());
    let turned = watch(&shop, 1, 20, 16, 90.0, Some((3, 2.0))).unwrap();
    println!("{turned:?}");
    assert!(turned.noticed_s.is_some(), "{turned:?}");
    assert!((turned.said_deg.unwrap() - 2.0).abs() < 0.7, "{turned:?}");
    assert!(turned.false_alarms.is_empty(), "{turned:?}");
    let right = watch(&shop, 3, 20, 16, 60.0, None).unwrap();
    println!("{right:?}");
    assert!(right.false_alarms.is_empty(), "{right:?}");
}
