use super::*;

#[test]
fn arguments_are_parsed_or_refused_with_a_reason() {
    assert_eq!(counts("9x6"), Ok([9, 6]));
    assert_eq!(place("1.5, -2,90"), Ok([1.5, -2.0, 90.0]));
    assert_eq!(targets::ids("0-2, 7").unwrap(), [0, 1, 2, 7]);
    for wrong in ["9", "2x6", "x", "9x-6"] {
        assert!(counts(wrong).unwrap_err().contains(wrong));
    }
    for wrong in ["1,2", "1,2,x", "1,2,nan", "1,2,3,4"] {
        assert!(place(wrong).is_err(), "{wrong}");
    }
    for wrong in ["", "3-1", "0-600", "a"] {
        assert!(targets::ids(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_camera_is_changed_in_place_and_all_else_stays() {
    let text = "\
title = \"T\" # mine

[[camera]] # at the door
name = \"C1\"
width_px = 640
focal_px = [
    300.0, # x
    300.0,
]
position = [1.0, 2.0, 3.0] # by tape

# the next one
[[camera]]
name = \"C2\"
yaw_deg = 3
[floor]
corners = [[0.0, 0.0]]
";
    let entries = [
        ("focal_px", "[310.00, 310.00]".to_owned()),
        ("position", "[1.1, 2.0, 3.0]".to_owned()),
        ("yaw_deg", "12.5".to_owned()),
    ];
    let out = table::edited(text, "C1", &entries).unwrap();
    assert_eq!(
        out,
        "\
title = \"T\" # mine

[[camera]] # at the door
name = \"C1\"
width_px = 640
focal_px = [310.00, 310.00] # x
position = [1.1, 2.0, 3.0] # by tape
yaw_deg = 12.5

# the next one
[[camera]]
name = \"C2\"
yaw_deg = 3
[floor]
corners = [[0.0, 0.0]]
"
    );
    let other = table::edited(text, "C2", &entries[2..]).unwrap();
    assert_eq!(other, text.replace("yaw_deg = 3", "yaw_deg = 12.5"));
    assert!(table::edited(text, "C3", &entries).is_err());
}

#[test]
fn every_camera_of_the_shipped_shops_can_be_changed() {
    for name in ["corner", "nano", "flash"] {
        let dir = walkout_testkit::shop_dir(name);
        let shop = load_shop(&dir).unwrap();
        let text = std::fs::read_to_string(dir.join("shop.toml")).unwrap();
        for camera in &shop.layout.cameras {
            let mut moved = camera.clone();
            moved.position.x += 0.01;
            let entries = table::entries(&moved, table::Part::Pose);
            let out = table::edited(&text, &camera.name, &entries).unwrap();
            let sources = walkout_model::files::Sources {
                shop: out,
                catalogue: std::fs::read_to_string(dir.join("catalogue.csv")).unwrap(),
                planogram: std::fs::read_to_string(dir.join("planogram.csv")).unwrap(),
            };
            let again = walkout_model::files::parse_shop(name, &sources).unwrap();
            for (a, b) in shop.layout.cameras.iter().zip(&again.layout.cameras) {
                let expected = if a.name == camera.name { 0.01 } else { 0.0 };
                assert!(
                    (b.position.x - a.position.x - expected).abs() < 1e-4,
                    "{}",
                    a.name
                );
            }
        }
    }
}
