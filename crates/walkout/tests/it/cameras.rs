//! Camera workers of another kind than ours: what they see goes over the bus by Debian's `mosquitto_pub`, and pictures
//! over HTTP.

use crate::devices::{Mosquitto, is_there};
use crate::program::{DEADLINE, Program, walkout};
use serde_json::json;
use walkout_model::files::load_shop;
use walkout_model::{Point2, Point3, Shop, View};
use walkout_sensors::device::Device;
use walkout_testkit::{free_port, shop_dir, skip};

/// What each camera sees of somebody with a hand somewhere, as `camera/<camera>` carries it.
fn seen(shop: &Shop, t_s: f64, at: Point2, wrist: Point3) -> Vec<(String, String)> {
    let views = shop.layout.cameras.iter().map(View::new);
    let looks = views.filter_map(|view| {
        let px = |p: Point3| view.project(p).filter(|p| view.contains(*p));
        let head = px(at.at_height(1.58))?;
        let hand = px(wrist).map(|h| {
            json!({ "u": h.u, "v": h.v, "sd": 8.0, "owner": [head.u, head.v], "radius": 22.0, "conf": 0.9 })
        });
        let person = json!({ "u": head.u, "v": head.v, "sd": 7.0, "conf": 0.92 });
        let body = json!({ "t": t_s, "people": [person], "hands": Vec::from_iter(hand) });
        Some((view.camera().name.clone(), body.to_string()))
    });
    looks.collect()
}

#[test]
fn what_cameras_see_becomes_people_on_the_floor() {
    if !is_there("mosquitto_pub") {
        return skip(
            "what_cameras_see_becomes_people_on_the_floor",
            "no mosquitto_pub",
        );
    }
    let shop = load_shop(&shop_dir("corner")).unwrap();
    let port = free_port().unwrap();
    let arguments = ["--mqtt-port", &port.to_string(), "--full"];
    let program = Program::serve("cameras", "corner", &arguments);
    let devices = Mosquitto { port, shop: &shop };
    let begun = program.get("/api/v1/time")["t"].as_i64().unwrap() as f64 / 1e6;
    devices.publish("camera/C99", r#"{"t":1}"#);
    devices.publish("camera/C01", r#"{"t":"yesterday"}"#);
    let far = format!(r#"{{"t":{begun},"people":[{{"u":1e9,"v":1,"sd":1,"conf":1}}]}}"#);
    devices.publish("camera/C01", &far);
    let mut cameras = 0;
    for i in 1..8 {
        let at = Point2::new(2.2 + 0.05 * f64::from(i), 1.2);
        let looks = seen(&shop, begun + 0.1 * f64::from(i), at, at.at_height(1.0));
        cameras = cameras.max(looks.len());
        for (camera, body) in looks {
            devices.publish(&format!("camera/{camera}"), &body);
        }
    }
    assert!(cameras >= 2, "{cameras} cameras see the place");
    let state = program.until("/api/v1/state", "somebody on the floor", |s| {
        s["totals"]["people"] == 1
    });
    let refused = state["health"]["bus"]["refusals"].as_array().unwrap();
    let count = |cause: &str| refused.iter().filter(|r| r["cause"] == cause).count();
    assert_eq!(count("unknown_topic"), 1, "{refused:#?}");
    assert_eq!(count("malformed"), 1, "{refused:#?}");
    assert_eq!(count("absurd"), 1, "{refused:#?}");
    assert!(program.interrupt().success());
}

#[test]
fn a_cameras_newest_picture_is_kept_for_the_page_and_nothing_else_is() {
    let port = free_port().unwrap();
    let arguments = ["--mqtt-port", &port.to_string(), "--full"];
    let program = Program::serve("pictures", "corner", &arguments);
    let picture = |name: &str| format!("/api/v1/cameras/{name}/picture");
    let put = |name: &str, body: &[u8]| program.put(&picture(name), body);
    let jpeg = |n: u8| [&[0xff, 0xd8, 0xff, n][..], &[7; 100], &[0xff, 0xd9]].concat();
    assert_eq!(program.bytes(&picture("C01")).0, 404, "nothing has come");
    assert_eq!(put("C01", &jpeg(1)), 204);
    assert_eq!(put("C01", &jpeg(2)), 204);
    assert_eq!(program.bytes(&picture("C01")), (200, jpeg(2)));
    assert_eq!(put("C01", b"GIF89a"), 422);
    assert_eq!(put("C99", &jpeg(3)), 404);
    assert_eq!(put("C02", &vec![0xff; 600 << 10]), 413);
    let cameras = program.get("/api/v1/cameras");
    assert_eq!(cameras["cameras"][0]["pictures"], 2);
    assert_eq!(cameras["cameras"][0]["live"], true);
    assert_eq!(cameras["cameras"][1]["live"], false);
}

#[test]
fn a_worker_fetches_pictures_and_tells_the_bus_what_it_sees() {
    let port = free_port().unwrap();
    let arguments = ["--mqtt-port", &port.to_string(), "--full"];
    let program = Program::serve("worker", "corner", &arguments);
    let url = format!("mqtt://127.0.0.1:{port}").parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (device, mut heard) = runtime.block_on(async {
        let topic = "walkout/corner/camera/+".to_owned();
        let device = Device::connect("listener", &url, &[topic]);
        device.ready().await;
        let heard = device.listen();
        (device, heard)
    });
    let grey = vec![120_u8; 320 * 180 * 3];
    let mut jpeg = Vec::new();
    jpeg_encoder::Encoder::new(&mut jpeg, 90)
        .encode(&grey, 320, 180, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    let t = program.get("/api/v1/time")["t"].as_i64().unwrap() as f64 / 1e6;
    assert_eq!(program.put_at("/api/v1/cameras/C02/picture", &jpeg, t), 204);
    let worker = walkout()
        .args([
            "eyes", "corner", "--camera", "C02", "--count", "1", "--fps", "20",
        ])
        .args(["--mqtt", &format!("mqtt://127.0.0.1:{port}"), "--pictures"])
        .arg(format!(
            "{}/api/v1/cameras/{{camera}}/picture",
            program.page
        ))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&worker.stdout);
    assert!(worker.status.success(), "{said}");
    assert!(said.contains("1 pictures seen"), "{said}");
    let message = runtime.block_on(async {
        let next = tokio::time::timeout(DEADLINE, heard.recv()).await;
        next.expect("a message in time").unwrap()
    });
    assert_eq!(message.topic, "walkout/corner/camera/C02");
    let body: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
    assert!((body["t"].as_f64().unwrap() - t).abs() < 1e-3, "{body}");
    drop(device);
}
