use super::geometry::columns;
use super::*;
use crate::nets::{Element, Input, Numbers, Port, Ports, Tensor};
use walkout_model::Pixel;
use walkout_model::layout::Camera;

/// A shop with a camera before its first fixture, 1.2 m away and up to `up`.
fn before_a_fixture(up: f64) -> (Shop, CameraIx) {
    let mut shop = walkout_model::files::load_shop(&walkout_testkit::shop_dir("corner")).unwrap();
    let f = &shop.layout.fixtures[0];
    let at = f.pose.floor_from_local(Point2::new(f.width_m / 2.0, -1.2));
    let way = f.pose.floor_from_local(Point2::new(f.width_m / 2.0, 0.0)) - at;
    let camera = Camera {
        name: "S1".into(),
        width_px: 1280,
        height_px: 960,
        focal_px: [560.0; 2],
        principal_px: [640.0, 480.0],
        distortion: [0.0; 5],
        position: at.at_height(up),
        yaw: way.y.atan2(way.x),
        pitch: (up - 1.0).atan2(1.2),
        roll: 0.0,
    };
    let ix = CameraIx::from(shop.layout.cameras.len());
    shop.layout.cameras.push(camera);
    (shop, ix)
}

/// Tells pictures by the mean of their colours.
struct Mean(Ports);

fn mean() -> Arc<dyn Network> {
    let port = |name: &str| Port {
        name: name.into(),
        shape: Vec::new(),
    };
    Arc::new(Mean(Ports {
        input: port("image"),
        element: Element::F32,
        outputs: vec![port("look")],
    }))
}

impl Network for Mean {
    fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError> {
        let Numbers::F32(pixels) = &input.numbers else {
            panic!("floats are taken");
        };
        let plane = input.shape[2] * input.shape[3];
        let mut data = Vec::new();
        for planes in pixels.chunks_exact(3 * plane) {
            let mean =
                |c: usize| planes[c * plane..(c + 1) * plane].iter().sum::<f32>() / plane as f32;
            let v = [mean(0) - 0.4, mean(1) - 0.4, mean(2) - 0.4];
            let n = v.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
            data.extend(v.map(|x| x / n));
        }
        Ok(vec![Tensor {
            shape: vec![input.shape[0], 3],
            data,
        }])
    }

    fn ports(&self) -> &Ports {
        &self.0
    }

    fn session(&self) -> Result<Box<dyn Network>, NetError> {
        Ok(Box::new(Mean(self.0.clone())))
    }

    fn name(&self) -> &str {
        "mean"
    }
}

#[test]
fn a_camera_faces_the_fixture_before_it_and_not_the_backs_of_others() {
    let (shop, camera) = before_a_fixture(1.3);
    let view = View::new(&shop.layout.cameras[camera.usize()]);
    let seen = columns(&shop, &view, 14.0, 0.5);
    let own = |lane: LaneIx| {
        shop.planogram.lanes[lane.usize()]
            .name
            .starts_with(&shop.layout.fixtures[0].name)
    };
    let of_own = seen.iter().filter(|c| own(c.lane)).count();
    let all: u32 = shop
        .planogram
        .lanes
        .iter()
        .filter(|l| l.name.starts_with(&shop.layout.fixtures[0].name))
        .map(|l| l.facings)
        .sum();
    assert!(of_own * 10 >= all as usize * 6, "{of_own} of {all}");
    for c in &seen {
        let shelf = &shop.layout.shelves[shop.planogram.lanes[c.lane.usize()].shelf.usize()];
        let fixture = &shop.layout.fixtures[shelf.fixture.usize()];
        let eye = fixture
            .pose
            .local_from_floor(view.camera().position.floor());
        assert!(eye.y < 0.0);
        assert!(c.fronts[0].seen >= 0.5 && c.px >= 14.0);
    }
}

#[test]
fn the_deeper_a_unit_stands_the_less_a_board_above_lets_see_of_it() {
    let (shop, camera) = before_a_fixture(2.0);
    let view = View::new(&shop.layout.cameras[camera.usize()]);
    let seen = columns(&shop, &view, 10.0, 0.3);
    let lowest = seen.iter().filter(|c| {
        let shelf = shop.planogram.lanes[c.lane.usize()].shelf;
        shop.layout.shelves[shelf.usize()].height_m < 0.6 && c.fronts.len() > 1
    });
    let mut some = 0;
    for c in lowest {
        some += 1;
        let parts: Vec<f64> = c.fronts.iter().map(|f| f.seen).collect();
        assert!(parts.windows(2).all(|p| p[1] <= p[0]), "{parts:?}");
    }
    assert!(some > 0);
}

#[test]
fn who_stands_before_a_facing_hides_it() {
    let (shop, camera) = before_a_fixture(1.3);
    let mut gallery = Gallery::default();
    let look = Look {
        vector: vec![1.0, 0.0, 0.0],
        colours: vec![0.0; 320],
    };
    for i in 0..shop.catalogue.len() {
        gallery.enrol(SkuIx::from(i), look.clone());
    }
    let mut scan = ShelfScan::new(&shop, &[camera], mean(), gallery, ScanSettings::default());
    let rgb = vec![90; 1280 * 960 * 3];
    let picture = RgbPicture::new(1280, 960, &rgb).unwrap();
    assert!(
        scan.look(camera, &picture, &[]).unwrap().is_empty(),
        "nothing was learnt"
    );
    scan.learn(camera, &picture, &picture).unwrap();
    let all = scan.look(camera, &picture, &[]).unwrap().len();
    let f = &shop.layout.fixtures[0];
    let somebody = f.pose.floor_from_local(Point2::new(f.width_m / 2.0, -0.4));
    let fewer = scan.look(camera, &picture, &[somebody]).unwrap().len();
    assert!(all > 0 && fewer < all / 2, "{fewer} of {all}");
    assert_eq!(
        scan.judge(&scan.look(camera, &picture, &[]).unwrap()).len(),
        scan.watched().len()
    );
    let wrong = vec![0; 640 * 640 * 3];
    let wrong = RgbPicture::new(640, 640, &wrong).unwrap();
    assert!(matches!(
        scan.look(camera, &wrong, &[]),
        Err(ScanError::Shape { .. })
    ));
}

#[test]
fn what_became_bare_differs_from_the_stocked_shelf_and_other_light_does_not() {
    let front = geometry::Front {
        seen: 1.0,
        open: vec![true; 25],
        square: (0..49)
            .map(|k| Pixel {
                u: f64::from(k % 7) * 10.0 + 2.0,
                v: f64::from(k / 7) * 10.0 + 2.0,
            })
            .collect(),
        package: [0.1, 0.05, 0.9, 0.95],
    };
    let patch = |of: &dyn Fn(usize, usize) -> [u8; 3]| {
        let rgb: Vec<u8> = (0..64 * 64).flat_map(|i| of(i % 64, i / 64)).collect();
        let picture = RgbPicture::new(64, 64, &rgb).unwrap();
        Patch::cut(&picture, &front, 1.0)
    };
    let label = |x: usize, y: usize| match (x / 12 + y / 9) % 3 {
        0 => [190, 60, 50],
        1 => [220, 210, 190],
        _ => [40, 70, 140],
    };
    let template = patch(&label).template();
    // Darker, warmer, and four pixels beside its place.
    let same = patch(&|x, y| {
        let [r, g, b] = label(x + 4, y);
        [r / 2 + 10, g / 2, b / 3]
    });
    let bare = patch(&|_, y| [120, 110, 90].map(|c: u8| c - y as u8));
    let other = patch(&|x, y| label(y * 2 + 5, x));
    let gain = [2.0, 2.0, 3.0];
    let like = |p: &Patch, gain| p.matched(&template, &front, gain);
    let (same, bare, other) = (
        like(&same, gain),
        like(&bare, [1.0; 3]),
        like(&other, [1.0; 3]),
    );
    assert!(same.correlation > 0.8 && same.colour < 0.1, "{same:?}");
    assert!(bare.correlation < 0.4, "{bare:?}");
    assert!(other.correlation < 0.6, "{other:?}");
    assert!(bare.difference > 2.0 * same.difference, "{bare:?} {same:?}");
}

#[test]
fn a_bare_column_is_like_itself_in_other_light() {
    let bare: Vec<[f32; 3]> = (0..12).map(|k| [90.0 + k as f32, 80.0, 70.0]).collect();
    let dim: Vec<[f32; 3]> = bare.iter().map(|c| c.map(|v| v / 2.0)).collect();
    let goods: Vec<[f32; 3]> = bare.iter().map(|c| [c[2], c[0] * 0.3, 200.0]).collect();
    let [same, other] = [dim, goods].map(|now| clues::unlike_bare(&now, &bare, [2.0; 3]));
    assert!(same.iter().all(|d| *d < -4.0), "{same:?}");
    assert!(other.iter().all(|d| *d > -1.5), "{other:?}");
    // Of too little nothing is said.
    assert_eq!(clues::unlike_bare(&[], &[], [1.0; 3]), [-1.0; 2]);
}

#[test]
fn a_unit_that_stands_deep_covers_some_of_what_is_seen_through_the_front() {
    let bare = vec![[90.0, 80.0, 70.0]; 14];
    let mut deep = bare.clone();
    deep[10..].fill([20.0, 150.0, 30.0]);
    let [middle, most] = clues::unlike_bare(&deep, &bare, [1.0; 3]);
    assert!(middle < -4.0 && most > -1.5, "{middle} {most}");
}

#[test]
fn what_is_like_the_stocked_facing_is_no_gap_and_what_is_like_the_bare_one_is() {
    let [gap, _] = clues::fitted();
    // Correlation, colour, difference, own, any - own, busy, bare front, bare through (middle, most).
    let filled = [0.85, 0.09, 0.14, 0.61, 0.04, -1.82, -0.85, -0.93, -0.7];
    let empty = [0.36, 0.28, 0.37, 0.46, 0.2, -3.13, -2.32, -2.46, -2.2];
    let odds = |numbers| gap.log_odds(&Clues::from_numbers(numbers));
    assert!(
        odds(filled) < -2.0 && odds(empty) > 1.0,
        "{} {}",
        odds(filled),
        odds(empty)
    );
}
