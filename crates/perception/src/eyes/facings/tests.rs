use super::geometry::columns;
use super::*;
use crate::nets::{Element, Input, Look, Numbers, Port, Ports, Tensor};
use walkout_model::layout::Camera;
use walkout_model::{Point2, View};

/// A shop with a camera before its first fixture, 1.2 m away and up to `up`.
pub(super) fn before_a_fixture(up: f64) -> (Shop, CameraIx) {
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
    Arc::new(Mean(ports("image", "look")))
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

fn ports(input: &str, output: &str) -> Ports {
    let port = |name: &str| Port {
        name: name.into(),
        shape: Vec::new(),
    };
    Ports {
        input: port(input),
        element: Element::F32,
        outputs: vec![port(output)],
    }
}

/// Takes for a gap what is more like the bare facing than like the stocked one.
struct Nearer(Ports);

impl Network for Nearer {
    fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError> {
        let Numbers::F32(numbers) = &input.numbers else {
            panic!("floats are taken");
        };
        assert_eq!(input.shape[1..], [20, 48, 48]);
        let square = 3 * 48 * 48;
        let mut data = Vec::new();
        for cut in numbers.chunks_exact(20 * 48 * 48) {
            let off = |k: usize| {
                let pairs = cut[..square].iter().zip(&cut[k * square..]);
                pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / square as f32
            };
            data.extend([0.0, 100.0 * (off(3) - off(4)), -9.0]);
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
        Ok(Box::new(Nearer(self.0.clone())))
    }

    fn name(&self) -> &str {
        "nearer"
    }
}

/// A wall of stripes, lit as strongly as told.
fn wall(stripe: usize, light: f64) -> Vec<u8> {
    let level = |i: usize| {
        let (x, y) = (i % 1280, i / 1280);
        // What is about the goods stays as it is.
        let about = !(300..980).contains(&x);
        if about || (x / stripe + y / stripe).is_multiple_of(2) {
            150.0
        } else {
            60.0
        }
    };
    let pixels = (0..1280 * 960).map(|i| (level(i) * light) as u8);
    pixels.flat_map(|v| [v, v, v]).collect()
}

#[test]
fn a_facing_is_shown_beside_what_it_was_in_the_same_light() {
    let (shop, camera) = before_a_fixture(1.3);
    let mut cuts = ShelfCuts::new(&shop, &[camera], &ScanSettings::default());
    let [bare, stocked] = [wall(7, 1.0), wall(31, 0.8)];
    let picture = |rgb| RgbPicture::new(1280, 960, rgb).unwrap();
    cuts.learn(camera, &picture(&bare), &picture(&stocked))
        .unwrap();
    // The stocked shelf again, in half the light.
    let dim = wall(31, 0.4);
    let seen = cuts.of(camera, &picture(&dim)).unwrap();
    assert_eq!(seen.len(), cuts.watched().len());
    let square = 3 * 48 * 48;
    for cut in &seen {
        assert_eq!(cut.planes.len(), 20 * 48 * 48);
        let off = |k: usize| {
            let was = cut.planes[k * square..].iter();
            let pairs = cut.planes[..square].iter().zip(was);
            pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / square as f64
        };
        let (stocked, bare) = (off(3), off(4));
        assert!(stocked < 4.0 && bare > 10.0, "{stocked} {bare}");
        let open = cut.planes[18 * 48 * 48..19 * 48 * 48].iter();
        assert!(open.filter(|v| **v == 255).count() > 300);
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
fn a_camera_tells_of_its_facings_once_it_has_learnt_what_they_look_like() {
    let (shop, camera) = before_a_fixture(1.3);
    let mut gallery = Gallery::default();
    let look = Look {
        vector: vec![1.0, 0.0, 0.0],
        colours: vec![0.0; 320],
    };
    for i in 0..shop.catalogue.len() {
        gallery.enrol(SkuIx::from(i), look.clone());
    }
    let settings = ScanSettings::default();
    let networks =
        ScanNetworks::new(Arc::new(Nearer(ports("cut", "kinds"))), mean(), gallery).unwrap();
    let mut scan = ShelfScan::new(&shop, &[camera], networks, &settings);
    let rgb = vec![90; 1280 * 960 * 3];
    let picture = RgbPicture::new(1280, 960, &rgb).unwrap();
    let t = StoreTime(7);
    let sight = scan.look(camera, t, &picture).unwrap();
    assert!(sight.facings.is_empty(), "nothing was learnt");
    scan.learn(camera, &picture, &picture).unwrap();
    let sight = scan.look(camera, t, &picture).unwrap();
    assert_eq!((sight.camera, sight.t), (camera, t));
    let told = |f: &SeenFacing| (f.lane, f.facing);
    let told: Vec<_> = sight.facings.iter().map(told).collect();
    assert_eq!(told, scan.watched());
    let states = judge(&shop.planogram, &[sight.clone(), sight], &settings);
    assert_eq!(states.len(), told.len());
    let wrong = vec![0; 640 * 640 * 3];
    let wrong = RgbPicture::new(640, 640, &wrong).unwrap();
    assert!(matches!(
        scan.look(camera, t, &wrong),
        Err(ScanError::Shape { .. })
    ));
}

/// A picture of a fixture's column: its own foremost front in a row, if any, and the board before it.
fn column_in_row(shop: &Shop, camera: CameraIx, lane: LaneIx, row: Option<u32>) -> Vec<u8> {
    let view = View::new(&shop.layout.cameras[camera.usize()]);
    let l = &shop.planogram.lanes[lane.usize()];
    let size = super::geometry::size_of(&shop.catalogue[l.sku]);
    let pitch = l.width_m / f64::from(l.facings.max(1));
    let middle = l.x_m + pitch / 2.0;
    let mut rgb = vec![90_u8; 1280 * 960 * 3];
    let mut dot = |x: f64, y: f64, up: f64, colour: [u8; 3]| {
        let at = shop.layout.floor_from_shelf(l.shelf, x, y, up);
        if let Some(p) = view.project(at)
            && view.contains(p)
        {
            let i = (p.v as usize * 1280 + p.u as usize) * 3;
            rgb[i..i + 3].copy_from_slice(&colour);
        }
    };
    let parts = || (0..=300).map(|k| f64::from(k) / 300.0);
    for a in parts() {
        for b in parts() {
            let deep = shop.layout.shelves[l.shelf.usize()].depth_m;
            dot(middle + (a - 0.5) * pitch, b * deep, 0.0, [160, 150, 140]);
        }
    }
    if let Some(row) = row {
        let y = f64::from(row) * size[1];
        let width = size[0].min(pitch);
        for a in parts() {
            for b in parts() {
                let red = ((a * 4.0) as usize + (b * 5.0) as usize).is_multiple_of(2);
                let colour = if red { [200, 40, 30] } else { [240, 220, 60] };
                dot(middle + (a - 0.5) * width, y, b * size[2], colour);
            }
        }
    }
    rgb
}

#[test]
fn the_row_of_a_columns_foremost_unit_is_read_from_a_picture() {
    let (shop, camera) = before_a_fixture(1.3);
    let settings = ScanSettings::default();
    let mut cuts = ShelfCuts::new(&shop, &[camera], &settings);
    let empty = vec![90_u8; 1280 * 960 * 3];
    fn picture(rgb: &[u8]) -> RgbPicture<'_> {
        RgbPicture::new(1280, 960, rgb).unwrap()
    }
    assert!(
        cuts.columns(camera, &picture(&empty)).unwrap().is_empty(),
        "before it is shown them"
    );
    // A column before the middle of the fixture, about as high as the camera, and wide enough for a look.
    let first = &shop.layout.fixtures[0];
    let own = |(_, l): &(usize, &walkout_model::Lane)| {
        let shelf = &shop.layout.shelves[l.shelf.usize()];
        l.name.starts_with(first.name.as_str())
            && (0.6..1.15).contains(&shelf.height_m)
            && (l.x_m - first.width_m / 2.0).abs() < 0.25
    };
    let (lane, _) = shop.planogram.lanes.iter().enumerate().find(own).unwrap();
    let lane = LaneIx::from(lane);
    let [bare, stocked] = [None, Some(0)].map(|row| column_in_row(&shop, camera, lane, row));
    cuts.learn(camera, &picture(&bare), &picture(&stocked))
        .unwrap();
    for row in [Some(0), Some(1), Some(2), None] {
        let seen = column_in_row(&shop, camera, lane, row);
        let columns = cuts.columns(camera, &picture(&seen)).unwrap();
        let own = |c: &&walkout_model::SeenColumn| (c.lane, c.facing, c.level) == (lane, 0, 0);
        let rows = &columns.iter().find(own).unwrap().rows;
        let told = (0..rows.len()).max_by(|a, b| rows[*a].total_cmp(&rows[*b]));
        let right = row.map_or(rows.len() - 1, |r| r as usize);
        assert_eq!(told, Some(right), "{rows:?}");
    }
}
