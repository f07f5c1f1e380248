use super::*;
use crate::nets::{
    Element, Eyes, Input, NetError, Network, NetworksConfig, Numbers, Port, Ports, RgbPicture,
    RtenNetwork, Tensor,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use walkout_model::layout::Camera;
use walkout_model::{
    CameraIx, Pixel, Point2, Point3, Polygon, SeenHand, SeenItem, SeenPerson, Sighting, SkuIx,
    StoreTime, View,
};

fn seen_by(person: Arc<dyn Network>, reach: Option<Arc<dyn Network>>) -> PeopleNetworks {
    PeopleNetworks { person, reach }
}

/// A camera in a corner, looking down into a room of 5 × 4 m.
fn camera() -> Camera {
    Camera {
        name: "C1".into(),
        width_px: 1280,
        height_px: 720,
        focal_px: [620.0; 2],
        principal_px: [640.0, 360.0],
        distortion: [0.0; 5],
        position: Point3::new(0.0, 0.0, 2.6),
        yaw: 0.6,
        pitch: 0.7,
        roll: 0.0,
    }
}

fn room() -> Polygon {
    let corners = [(0.0, 0.0), (5.0, 0.0), (5.0, 4.0), (0.0, 4.0)];
    Polygon {
        corners: corners.iter().map(|(x, y)| Point2::new(*x, *y)).collect(),
    }
}

/// Finds a head wherever the picture is red, and stands it 60 input pixels lower.
struct RedHeads(AtomicUsize, Ports);

fn red_heads() -> RedHeads {
    let port = |name: &str| Port {
        name: name.into(),
        shape: Vec::new(),
    };
    let ports = Ports {
        input: port("image"),
        element: Element::F32,
        outputs: vec![port("maps")],
    };
    RedHeads(AtomicUsize::new(0), ports)
}

impl Network for RedHeads {
    fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let (h, w) = (input.shape[2], input.shape[3]);
        let Numbers::F32(pixels) = &input.numbers else {
            panic!("floats are taken");
        };
        let (mh, mw) = (h / 4, w / 4);
        let mut data = vec![0.0; 8 * mh * mw];
        for y in 0..mh {
            for x in 0..mw {
                let at = |c: usize| pixels[(c * h + y * 4 + 2) * w + x * 4 + 2];
                let i = y * mw + x;
                data[i] = if at(0) > 0.8 && at(1) < 0.3 { 0.7 } else { 0.0 };
                data[4 * mh * mw + i] = 60.0 / 32.0;
                data[mh * mw + i] = 0.5;
            }
        }
        Ok(vec![Tensor {
            shape: vec![1, 8, mh, mw],
            data,
        }])
    }

    fn ports(&self) -> &Ports {
        &self.1
    }

    fn session(&self) -> Result<Box<dyn Network>, NetError> {
        Ok(Box::new(red_heads()))
    }

    fn name(&self) -> &str {
        "red heads"
    }
}

fn grey(w: u32, h: u32) -> Vec<u8> {
    vec![120; (w * h * 3) as usize]
}

/// A red square, middle and half a side in pixels.
fn with_red(mut rgb: Vec<u8>, w: u32, (x, y, half): (u32, u32, u32)) -> Vec<u8> {
    for row in y - half..y + half {
        for column in x - half..x + half {
            let i = ((row * w + column) * 3) as usize;
            rgb[i..i + 3].copy_from_slice(&[250, 20, 20]);
        }
    }
    rgb
}

fn at(ms: i64) -> StoreTime {
    StoreTime(1_000_000_000 + ms * 1_000)
}

#[test]
fn people_are_as_tall_in_the_networks_input_as_it_was_trained_on() {
    for pitch in [0.5_f64, 0.9, 1.5] {
        let mut described = camera();
        described.pitch = pitch;
        described.position = Point3::new(2.5, 2.0, 2.6);
        let settings = EyeSettings::default();
        let eye = CameraEye::new(CameraIx(0), &described, &room(), settings);
        let [w, h] = eye.input_px();
        assert!((96..=640).contains(&w) && h < w, "{w} x {h} at {pitch}");
    }
}

#[test]
fn a_picture_of_any_size_tells_the_same_place_in_the_calibrations_pixels() {
    let networks = seen_by(Arc::new(red_heads()), None);
    let mut told = Vec::new();
    for k in [1, 2, 4] {
        let settings = EyeSettings::default();
        let mut eye = CameraEye::new(CameraIx(0), &camera(), &room(), settings);
        let (w, h) = (320 * k, 180 * k);
        let empty = grey(w, h);
        let picture = RgbPicture::new(w, h, &empty).unwrap();
        let none = eye.look(at(0), &picture, &networks).unwrap();
        assert!(none.people.is_empty());
        assert_eq!(eye.looked_and_skipped(), (0, 1), "nothing moved");
        let red = with_red(grey(w, h), w, (160 * k, 60 * k, 9 * k));
        let picture = RgbPicture::new(w, h, &red).unwrap();
        let seen = eye.look(at(100), &picture, &networks).unwrap();
        let head = seen.people[0].head;
        told.push(head);
        assert!((head.u - 640.0).hypot(head.v - 240.0) < 60.0, "{head:?}");
    }
    assert!((told[0].u - told[2].u).hypot(told[0].v - told[2].v) < 25.0);
}

#[test]
fn what_never_moved_is_told_with_less_certainty_than_what_did() {
    let networks = seen_by(Arc::new(red_heads()), None);
    let (w, h) = (320, 180);
    let score = |first: &[u8], then: &[u8]| {
        let settings = EyeSettings {
            skip_still: false,
            ..EyeSettings::default()
        };
        let mut eye = CameraEye::new(CameraIx(0), &camera(), &room(), settings);
        let first = RgbPicture::new(w, h, first).unwrap();
        eye.look(at(0), &first, &networks).unwrap();
        let then = RgbPicture::new(w, h, then).unwrap();
        let seen = eye.look(at(100), &then, &networks).unwrap();
        seen.people.first().map_or(0.0, |p| p.score)
    };
    let red = with_red(grey(w, h), w, (160, 60, 9));
    let came = score(&grey(w, h), &red);
    let stood = score(&red, &red);
    assert!(came > 0.5 && stood < 0.3, "{came} {stood}");
}

#[test]
fn the_backdrop_takes_in_what_stays_and_not_who_is_found() {
    let (w, h) = (320, 180);
    let size = [1280.0, 720.0];
    let (empty, red) = (grey(w, h), with_red(grey(w, h), w, (160, 60, 9)));
    let empty = RgbPicture::new(w, h, &empty).unwrap();
    let red = RgbPicture::new(w, h, &red).unwrap();
    let middle = Pixel { u: 640.0, v: 240.0 };
    let after = |people: &[(Pixel, f64)]| {
        let mut backdrop = Backdrop::default();
        backdrop.compare(&empty, size);
        backdrop.learn(at(0), &[]);
        for s in 1..90 {
            backdrop.compare(&red, size);
            assert!(s > 1 || backdrop.share(middle, 20.0) > 0.9);
            backdrop.learn(at(s * 1_000), people);
        }
        backdrop.compare(&red, size);
        backdrop.share(middle, 20.0)
    };
    assert!(after(&[]) < 0.1, "a thing left there becomes the backdrop");
    assert!(after(&[(middle, 80.0)]) > 0.9, "somebody does not");
}

#[test]
fn pictures_of_another_shape_and_foreign_networks_are_refused_with_the_cameras_name() {
    let networks = seen_by(Arc::new(red_heads()), None);
    let mut eye = CameraEye::new(CameraIx(0), &camera(), &room(), EyeSettings::default());
    let rgb = grey(320, 240);
    let picture = RgbPicture::new(320, 240, &rgb).unwrap();
    let error = eye
        .look(at(0), &picture, &networks)
        .unwrap_err()
        .to_string();
    assert!(error.contains("C1") && error.contains("320"), "{error}");
}

#[test]
fn a_users_networks_find_people_and_their_looks_take_the_place_of_clothes() {
    let text = r#"
        [people]
        file = "boxes.onnx"
        kind = "yolov8"
        classes = ["nothing", "red"]
        people = ["red"]
        [appearance]
        file = "mean_of_bytes.onnx"
        kind = "vector"
    "#;
    let folder = walkout_testkit::root().join("crates/perception/tests/networks");
    let config = NetworksConfig::parse("networks.toml", text).unwrap();
    let eyes = Eyes::new(&config, 1.0, |_, network| {
        let data = std::fs::read(folder.join(&network.file)).unwrap();
        let network = RtenNetwork::from_bytes(&network.file, data, 1)?;
        Ok::<Box<dyn Network>, NetError>(Box::new(network))
    })
    .unwrap();
    let mut finder = Finder::Users(Box::new(eyes));
    let settings = EyeSettings {
        // The network's boxes are larger than its squares, and the head lies beside.
        still: 1.0,
        ..EyeSettings::default()
    };
    let mut eye = CameraEye::new(CameraIx(0), &camera(), &room(), settings);
    let (w, h) = (320, 180);
    let empty = grey(w, h);
    let picture = RgbPicture::new(w, h, &empty).unwrap();
    let none = eye.look_by(at(0), &picture, &mut finder).unwrap();
    assert!(none.people.is_empty());
    // The network sees a fifth of the size, and the mean of 17 of its pixels.
    let red = with_red(grey(w, h), w, (160, 90, 45));
    let picture = RgbPicture::new(w, h, &red).unwrap();
    let mut looks = 0;
    for i in 1..40 {
        let seen = eye.look_by(at(100 * i), &picture, &mut finder).unwrap();
        let person = seen
            .people
            .first()
            .unwrap_or_else(|| panic!("nobody in picture {i}"));
        // Calibration pixels, four times the picture's.
        assert!((person.head.u - 640.0).abs() < 120.0, "{person:?}");
        assert!((0.0..720.0).contains(&person.head.v), "{person:?}");
        looks += usize::from(person.look.len() == 16);
        // Who is alone and never changes is what everybody has in common.
        assert!(person.look.iter().all(|x| x.abs() < 0.01), "{person:?}");
    }
    // The red is found more than once a picture, so that twenty looks take fewer pictures.
    assert!(
        (20..39).contains(&looks),
        "none while it is not known what people have in common: {looks}"
    );
    assert_eq!(eye.looked_and_skipped(), (39, 1));
}

#[test]
fn a_look_goes_to_the_wrist_it_shows_and_the_larger_of_two_is_believed() {
    let shop = walkout_model::files::load_shop(&walkout_testkit::shop_dir("corner")).unwrap();
    let mut watch = Watch::new(&shop, WatchSettings::default());
    let place = Point2::new(2.5, 1.5);
    let wrist = Point3::new(2.7, 1.7, 1.1);
    let views: Vec<View> = shop.layout.cameras.iter().map(View::new).collect();
    let mut last = Watched::default();
    for i in 0..10 {
        let sightings: Vec<Sighting> = views
            .iter()
            .enumerate()
            .filter_map(|(c, view)| {
                let head = view.project(place.at_height(1.6))?;
                let hand = view.project(wrist)?;
                if !(view.contains(head) && view.contains(hand)) {
                    return None;
                }
                let mut s = Sighting::empty(CameraIx(c as u32), at(i * 100));
                s.people.push(SeenPerson {
                    head,
                    head_sigma_px: 6.0,
                    foot: None,
                    foot_sigma_px: 10.0,
                    score: 0.9,
                    look: Vec::new(),
                });
                s.hands.push(SeenHand {
                    at: hand,
                    sigma_px: 6.0,
                    owner: Some(head),
                    owner_radius_px: 20.0,
                    score: 0.9,
                });
                s.held.push(SeenItem {
                    at: hand,
                    px_per_m: 100.0 + c as f32,
                    skus: vec![(SkuIx(c as u32), 0.9)],
                });
                Some(s)
            })
            .collect();
        assert!(sightings.len() >= 2);
        last = watch.update(at(i * 100), &sightings);
        let largest = sightings.last().unwrap().camera.0;
        if let Some(look) = last.looks.first() {
            assert_eq!(look.posterior[0].0.0, largest);
        }
    }
    assert_eq!((last.points.len(), last.looks.len()), (1, 1), "{last:?}");
    assert!(last.looks[0].hand.distance(wrist) < 0.05);
}
