//! From pixels, as a user runs it: a worker of its own over somebody else's broker, `serve --eyes`, and what becomes of cameras
//! that fail or lie.

use crate::program::{Program, TempDir, walkout};
use crate::rendered::Shop;
use crate::serve::StartedMosquitto;
use openh264::OpenH264API;
use openh264::encoder::{Encoder, EncoderConfig, IntraFramePeriod};
use openh264::formats::{RgbSliceU8, YUVBuffer};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use walkout_testkit::{free_port, root, skip};

/// A worker for as long as the test needs it.
struct Worker(Child);

impl Worker {
    fn start(shop: &Shop, broker: &str, more: &[&str]) -> Self {
        let mut command = walkout();
        command
            .args(["eyes", shop.name(), "--mqtt", broker])
            .args(more);
        for camera in &shop.cameras {
            command.args(["--camera", camera]);
        }
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn camera<'a>(health: &'a Value, name: &str) -> &'a Value {
    // A shop that has just opened names none yet.
    let mut cameras = health["cameras"].as_array().into_iter().flatten();
    let found = cameras.find(|c| c["camera"] == name);
    found.unwrap_or(&Value::Null)
}

#[test]
fn a_worker_sees_people_over_mosquitto_and_its_end_is_noticed() {
    const NAME: &str = "a_worker_sees_people_over_mosquitto_and_its_end_is_noticed";
    let Some(mosquitto) = StartedMosquitto::start() else {
        return skip(NAME, "no mosquitto");
    };
    let shop = Shop::new("worker-shop", 3, 8, &[]);
    let broker = format!("mqtt://127.0.0.1:{}", mosquitto.port);
    let arguments = ["--mqtt", &broker, "--full"];
    // The shop itself keeps no camera open: its files name none.
    let program = Program::serve("worker-pixels", "corner", &arguments);
    let worker = Worker::start(&shop, &broker, &[]);
    program.until("/api/v1/state", "somebody on the floor", |s| {
        s["totals"]["people"].as_u64() >= Some(1)
    });
    let health = program.until("/healthz", "all cameras are heard", |h| {
        shop.cameras
            .iter()
            .all(|c| camera(h, c)["health"] == "good")
    });
    assert_eq!(camera(&health, &shop.cameras[0])["source"], "bus");
    let ended = Instant::now();
    drop(worker);
    program.until("/healthz", "they are silent", |h| {
        shop.cameras
            .iter()
            .all(|c| camera(h, c)["health"] == "silent")
    });
    // 1.5 s of silence, an eighth to look, and what a busy machine adds.
    assert!(
        ended.elapsed() < Duration::from_secs(4),
        "{:?}",
        ended.elapsed()
    );
    let _again = Worker::start(&shop, &broker, &[]);
    program.until("/healthz", "they are back", |h| {
        shop.cameras
            .iter()
            .all(|c| camera(h, c)["health"] == "good")
    });
}

#[test]
fn a_worker_says_what_is_wrong_with_its_camera() {
    let shop = Shop::new("worker-faults", 1, 4, &[]);
    let port = free_port().unwrap();
    let program = Program::serve(
        "worker-fault",
        "corner",
        &["--mqtt-port", &port.to_string()],
    );
    // One picture, again and again.
    let folder = shop.path.join(&shop.cameras[0]);
    let first = std::fs::read(folder.join("00000.jpg")).unwrap();
    for n in 0..20 {
        std::fs::write(folder.join(format!("{n:05}.jpg")), &first).unwrap();
    }
    let _worker = Worker::start(&shop, &format!("mqtt://127.0.0.1:{port}"), &[]);
    program.until("/healthz", "the camera is frozen", |h| {
        camera(h, &shop.cameras[0])["health"] == "frozen"
    });
}

/// A film with the encoder's own bytes: noise on grey, so that it does not stand still.
fn h264(size: [usize; 2], pictures: u32) -> Vec<Vec<u8>> {
    let config = EncoderConfig::new()
        .skip_frames(false)
        .intra_frame_period(IntraFramePeriod::from_num_frames(10));
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).unwrap();
    let [w, h] = size;
    let film = (0..pictures).map(|n| {
        let mut state = n.wrapping_mul(2_654_435_761) | 1;
        let rgb: Vec<u8> = (0..w * h * 3)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (60 + i / 3 % w / 9 * 11 % 90) as u8 + (state >> 28) as u8
            })
            .collect();
        let yuv = YUVBuffer::from_rgb8_source(RgbSliceU8::new(&rgb, (w, h)));
        encoder.encode(&yuv).unwrap().to_vec()
    });
    film.collect()
}

/// Whole pictures, then one whose bytes were overwritten, whole ones again, the end in the middle of one; and then another
/// resolution, of another shape.
fn torn_and_resized(path: &Path) {
    let mut film = h264([320, 180], 40);
    let middle = film[15].len() / 2;
    film[15][middle..].fill(0x5a);
    film[16].truncate(9);
    let half = film[39].len() / 2;
    film[39].truncate(half);
    film.extend(h264([240, 240], 60));
    std::fs::write(path, film.concat()).unwrap();
}

#[test]
fn a_shop_sees_with_its_good_cameras_whatever_another_sends() {
    let shop = Shop::new("bad-camera-shop", 3, 8, &["torn.h264?fps=10"]);
    torn_and_resized(&shop.path.join("torn.h264"));
    let port = free_port().unwrap().to_string();
    let program = Program::serve("bad-camera", shop.name(), &["--mqtt-port", &port, "--eyes"]);
    let torn = shop.others[0].as_str();
    program.until("/healthz", "damage is counted", |h| {
        camera(h, torn)["damaged"].as_u64() > Some(0)
            && camera(h, torn)["frames"].as_u64() > Some(25)
    });
    let health = program.until("/healthz", "the other shape is seen", |h| {
        camera(h, torn)["health"] == "misshapen"
    });
    assert_eq!(camera(&health, torn)["width"], 240, "{health:#}");
    program.until("/api/v1/state", "somebody on the floor", |s| {
        s["totals"]["people"].as_u64() >= Some(1)
    });
    for name in &shop.cameras {
        let (status, jpeg) = program.bytes(&format!("/api/v1/cameras/{name}/picture"));
        assert_eq!((status, &jpeg[..3]), (200, &[0xff, 0xd8, 0xff][..]));
    }
    assert!(program.interrupt().success());
}

#[test]
fn networks_that_will_not_do_are_refused_by_name_before_the_shop_opens() {
    let dir = TempDir::new("bad-networks");
    let tests = root().join("crates/perception/tests/networks");
    let models = |file: &str| {
        let folder = dir.0.join(file);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(tests.join(file), folder.join("person.onnx")).unwrap();
        folder
    };
    let toml = dir.0.join("networks.toml");
    let text = "[appearance]\nfile = \"mean_of_bytes.onnx\"\nkind = \"vector\"\n";
    std::fs::write(&toml, text).unwrap();
    let port = free_port().unwrap().to_string();
    let shape = models("four_channels.onnx");
    let opset = models("boxes_opset_99.onnx");
    let html = dir.0.join("html");
    std::fs::create_dir_all(&html).unwrap();
    std::fs::write(html.join("person.onnx"), "<html>404</html>").unwrap();
    let empty = dir.0.join("empty");
    for (what, path, words) in [
        ("--eyes", &shape, ["person.onnx", "channels"]),
        ("--eyes", &opset, ["person.onnx", "99"]),
        ("--eyes", &html, ["person.onnx", "web page"]),
        ("--eyes", &empty, ["person.onnx", "cannot be read"]),
        ("--networks", &toml, ["networks.toml", "[people]"]),
    ] {
        for command in ["serve", "eyes"] {
            let mut program = walkout();
            program.arg(command).arg("corner");
            match command {
                "serve" => {
                    program.args(["--http", "127.0.0.1:0", "--mqtt-port", &port]);
                    program.arg(what).arg(path).arg("--data").arg(&dir.0);
                }
                _ => {
                    program.args(["--camera", "C01", "--pictures", "http://127.0.0.1:9/"]);
                    let what = if what == "--eyes" { "--models" } else { what };
                    program.arg(what).arg(path);
                }
            }
            let output = program.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{command} {path:?}");
            for word in words {
                assert!(said.contains(word), "{command} {path:?} {word}: {said}");
            }
        }
    }
}

#[test]
fn a_picture_that_is_none_does_not_end_a_worker() {
    let port = free_port().unwrap();
    let program = Program::serve("no-picture", "corner", &["--mqtt-port", &port.to_string()]);
    let broker = format!("mqtt://127.0.0.1:{port}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_walkout"));
    command.current_dir(root());
    // The shop's own page is no picture; the worker goes on all the same.
    command.args(["eyes", "corner", "--camera", "C01", "--mqtt", &broker]);
    command.args(["--pictures", &format!("{}/", program.page)]);
    let worker = Worker(command.stdout(Stdio::null()).spawn().unwrap());
    let health = program.until("/healthz", "the shop is told", |h| {
        camera(h, "C01")["health"] == "silent"
    });
    assert_eq!(camera(&health, "C01")["source"], "bus");
    drop(worker);
}
