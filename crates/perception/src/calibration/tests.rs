use super::synthetic::{Flaws, Print, Target, draw};
use super::*;
use walkout_model::layout::Camera;
use walkout_model::{Point3, View};

const BOARD: Checkerboard = Checkerboard {
    columns: 9,
    rows: 6,
    square_m: 0.03,
};

fn camera() -> Camera {
    Camera {
        name: "C".into(),
        width_px: 640,
        height_px: 360,
        focal_px: [310.0, 308.5],
        principal_px: [324.0, 177.0],
        distortion: [-0.28, 0.07, 0.0008, -0.0005, 0.0],
        position: Point3::new(0.0, 0.0, 0.0),
        yaw: 0.0,
        pitch: 0.0,
        roll: 0.0,
    }
}

/// A board ahead of a camera that looks along +x: `at` to the right, down and forward.
fn held(at: [f64; 3], tilt: [f64; 3]) -> Target {
    let turn = linear::rotation(tilt);
    // Camera axes to the frame the camera stands in.
    let out = |v: [f64; 3]| [v[2], -v[0], -v[1]];
    let axes = [0, 1].map(|j| out([turn[0][j], turn[1][j], turn[2][j]]));
    let o = out(at);
    Target {
        print: Print::Board(BOARD),
        origin: Point3::new(o[0], o[1], o[2]),
        axes,
    }
}

fn poses() -> Vec<Target> {
    let mut out = Vec::new();
    let tilts = [
        [0.5, 0.0, 0.1],
        [-0.5, 0.1, 0.0],
        [0.1, 0.6, 0.2],
        [0.0, -0.6, 1.3],
        [0.4, 0.4, -0.3],
        [-0.4, 0.4, 0.4],
        [0.4, -0.4, 3.0],
        [-0.3, -0.5, 0.0],
    ];
    let places = [
        [-0.12, -0.07, 0.28],
        [0.10, -0.12, 0.30],
        [-0.33, -0.20, 0.33],
        [0.05, 0.05, 0.36],
        [-0.30, 0.0, 0.34],
        [0.12, -0.02, 0.33],
        [0.02, 0.13, 0.34],
        [-0.15, -0.10, 0.24],
    ];
    for (tilt, place) in tilts.into_iter().zip(places) {
        out.push(held(place, tilt));
    }
    out
}

#[test]
fn a_board_is_found_to_a_fraction_of_a_pixel() {
    let camera = camera();
    let view = View::new(&camera);
    let flaws = Flaws {
        blur_px: 0.7,
        noise: 3.0,
        jpeg: Some(80),
        seed: 3,
    };
    let mut whole = 0;
    for (i, target) in poses().into_iter().enumerate() {
        let found = BOARD.find(&draw(&camera, &[target], &flaws)).unwrap();
        assert!(found.corners.len() >= 12, "{i}: {}", found.corners.len());
        let truth = |c: usize, r: usize| {
            let p = view.project(target.at(c as f64 * 0.03, r as f64 * 0.03))?;
            Some([p.u, p.v])
        };
        // Where a part is seen, counting may begin elsewhere or the other way round: each is near some corner.
        let mut off = Vec::new();
        for c in &found.corners {
            let near = (0..BOARD.columns)
                .flat_map(|i| (0..BOARD.rows).map(move |j| (i, j)))
                .filter_map(|(i, j)| truth(i, j))
                .map(|t| (t[0] - c.pixel[0]).hypot(t[1] - c.pixel[1]))
                .fold(f64::INFINITY, f64::min);
            off.push(near);
            if found.whole {
                // 9 + 6 is odd: the first corner is the first.
                let t = truth(c.column, c.row).unwrap();
                assert!(
                    (t[0] - c.pixel[0]).hypot(t[1] - c.pixel[1]) < 1.0,
                    "{i} {c:?}"
                );
            }
        }
        let rms = (off.iter().map(|d| d * d).sum::<f64>() / off.len() as f64).sqrt();
        // The third is seen at a grazing angle in the picture's corner, its squares 10 px wide.
        let limit = if i == 2 { 0.4 } else { 0.15 };
        assert!(rms < limit, "{i}: {rms:.3} px");
        whole += usize::from(found.whole);
    }
    assert!(whole >= 4, "{whole}");
}

fn views_of(board: &FoundBoard) -> BoardView {
    BoardView {
        points: board
            .corners
            .iter()
            .map(|c| ([c.column as f64 * 0.03, c.row as f64 * 0.03], c.pixel))
            .collect(),
    }
}

#[test]
fn a_lens_is_found_with_honest_deviations() {
    let camera = camera();
    let truth = Lens::of(&camera).numbers();
    let mut z = Vec::new();
    for seed in 0..4 {
        let flaws = Flaws {
            blur_px: 0.7,
            noise: 4.0,
            jpeg: Some(75),
            seed,
        };
        let mut draws = synthetic::tests_noise(seed);
        let mut views = Vec::new();
        for target in poses() {
            let mut wobble = || 0.1 * (draws() - 0.5);
            let target = Target {
                origin: target.at(wobble(), wobble()),
                ..target
            };
            if let Ok(found) = BOARD.find(&draw(&camera, &[target], &flaws)) {
                views.push(views_of(&found));
            }
        }
        let fit = calibrate_lens([640, 360], &views).unwrap();
        println!(
            "{} views, rms {:.3} px, sigma {:.3}, {:?}, {:?}, {:?}",
            views.len(),
            fit.rms_px,
            fit.sigma_px,
            fit.lens.focal_px,
            fit.lens.principal_px,
            fit.held
        );
        let numbers = fit.lens.numbers();
        for i in 0..2 {
            assert!((numbers[i] / truth[i] - 1.0).abs() < 0.005, "{numbers:?}");
        }
        for ((x, t), sd) in numbers.iter().zip(truth).zip(fit.sd) {
            if sd > 0.0 {
                z.push((x - t) / sd);
            }
        }
    }
    assert!(z.len() >= 32);
    let rms = (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt();
    println!("rms of errors over their deviations: {rms:.2}");
    assert!((0.5..1.5).contains(&rms), "{rms} {z:?}");
}

#[test]
fn pictures_that_do_not_fix_a_lens_are_refused_with_a_reason() {
    let camera = camera();
    let lens = Lens::of(&camera);
    let view_of = |tilt: [f64; 3], at: [f64; 3], line: bool| {
        let pose = TargetPose {
            rotation: linear::rotation(tilt),
            translation: at,
        };
        let mut points = Vec::new();
        for i in 0..9 {
            for j in 0..if line { 1 } else { 6 } {
                let p = [f64::from(i) * 0.03, f64::from(j) * 0.03];
                points.push((p, lens::project(&lens, &pose, [p[0], p[1], 0.0]).unwrap()));
            }
        }
        BoardView { points }
    };
    let at = |i: i32| [-0.1 + 0.03 * f64::from(i), -0.05, 0.4];
    let good = || view_of([0.5, 0.1, 0.0], at(0), false);
    let said = |views: &[BoardView]| calibrate_lens([640, 360], views).unwrap_err();
    assert_eq!(
        said(&[good(), good()]),
        LensError::TooFewViews {
            found: 2,
            needed: 3
        }
    );
    let flat: Vec<BoardView> = (0..5)
        .map(|i| view_of([0.0, 0.0, 0.2], at(i), false))
        .collect();
    assert!(matches!(said(&flat), LensError::Parallel { .. }));
    let line = view_of([0.5, 0.1, 0.0], at(0), true);
    assert_eq!(
        said(&[good(), line, good()]),
        LensError::Collinear { view: 1 }
    );
}

#[test]
fn what_is_no_board_is_said_to_be_none() {
    let camera = camera();
    let flaws = Flaws {
        blur_px: 0.7,
        noise: 3.0,
        jpeg: None,
        seed: 1,
    };
    let empty = draw(&camera, &[], &flaws);
    assert!(BOARD.find(&empty).is_err());
    let picture = draw(&camera, &poses()[..1], &flaws);
    let small = Checkerboard {
        columns: 5,
        rows: 4,
        square_m: 0.03,
    };
    assert!(matches!(
        small.find(&picture),
        Err(BoardError::TooLarge { .. })
    ));
    let tags = draw(&camera, &floor_tags(&[3, 7]), &flaws);
    assert!(BOARD.find(&tags).is_err());
    assert!(find_tags(&picture).is_empty() && find_tags(&empty).is_empty());
}

/// Tags of 24 cm, half a metre apart, on the floor below [`overhead`].
fn floor_tags(ids: &[u16]) -> Vec<Target> {
    let place = |(i, id): (usize, &u16)| {
        let at = Point3::new(1.2 + 0.7 * (i % 4) as f64, 0.9 + 0.75 * (i / 4) as f64, 0.0);
        let print = Print::Tag {
            id: *id,
            size_m: 0.24,
        };
        Target::level(print, at, 0.9 * i as f64)
    };
    ids.iter().enumerate().map(place).collect()
}

/// A camera 2.7 m above the floor.
fn overhead() -> Camera {
    Camera {
        width_px: 1280,
        height_px: 720,
        focal_px: [620.0, 620.0],
        principal_px: [640.0, 360.0],
        position: Point3::new(1.0, 1.6, 2.7),
        yaw: 0.1,
        pitch: 1.0,
        roll: 0.05,
        ..camera()
    }
}

#[test]
fn tags_are_read_and_give_the_pose_with_honest_deviations() {
    let camera = overhead();
    let view = View::new(&camera);
    let ids = [0, 1, 2, 17, 101, 300, 444, 586];
    let targets = floor_tags(&ids);
    let mut z = Vec::new();
    for seed in 0..3 {
        let flaws = Flaws {
            blur_px: 0.7,
            noise: 4.0,
            jpeg: Some(75),
            seed,
        };
        let found = find_tags(&draw(&camera, &targets, &flaws));
        let mut marks = Vec::new();
        for t in &found {
            let i = ids.iter().position(|id| *id == t.id).unwrap();
            for (corner, (x, y)) in t.corners.iter().zip([(0, 0), (1, 0), (1, 1), (0, 1)]) {
                let floor = targets[i].at(0.24 * f64::from(x), 0.24 * f64::from(y));
                let truth = view.project(floor).unwrap();
                let off = (truth.u - corner[0]).hypot(truth.v - corner[1]);
                assert!(off < 1.0, "tag {}: {off:.2} px", t.id);
                let pixel = walkout_model::Pixel {
                    u: corner[0],
                    v: corner[1],
                };
                marks.push(Mark { floor, pixel });
            }
        }
        assert!(found.len() >= 7, "{found:?}");
        // Only the lens is taken from the camera.
        let unposed = Lens::of(&camera).camera("C", [1280, 720]);
        let options = PoseOptions {
            sigma_px: 0.2,
            focal: false,
        };
        let fit = calibrate_pose(&unposed, &marks, &options).unwrap();
        println!(
            "{} tags, rms {:.3} px, {:.1} mm",
            found.len(),
            fit.rms_px,
            1e3 * fit.rms_floor_m
        );
        let at = fit.camera.position;
        assert!(at.distance(camera.position) < 0.01, "{at:?}");
        let degrees = [
            fit.camera.yaw - camera.yaw,
            fit.camera.pitch - camera.pitch,
            fit.camera.roll - camera.roll,
        ];
        assert!(
            degrees.iter().all(|d| d.to_degrees().abs() < 0.1),
            "{degrees:?}"
        );
        let off = [
            at.x - camera.position.x,
            at.y - camera.position.y,
            at.z - camera.position.z,
        ];
        z.extend(off.iter().zip(fit.position_sd_m).map(|(d, s)| d / s));
        z.extend(degrees.iter().zip(fit.angle_sd).map(|(d, s)| d / s));
    }
    let rms = (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt();
    println!("rms of errors over their deviations: {rms:.2}");
    assert!((0.4..1.8).contains(&rms), "{rms} {z:?}");
}

fn marks_of(camera: &Camera, places: &[[f64; 3]], sigma: f64, seed: u64) -> Vec<Mark> {
    let view = View::new(camera);
    let mut draws = synthetic::tests_noise(seed);
    // Twelve uniform draws make a normal one.
    let mut normal = || (0..12).map(|_| draws()).sum::<f64>() - 6.0;
    places
        .iter()
        .map(|p| {
            let floor = Point3::new(p[0], p[1], p[2]);
            let seen = view.project(floor).unwrap();
            let pixel = walkout_model::Pixel {
                u: seen.u + sigma * normal(),
                v: seen.v + sigma * normal(),
            };
            Mark { floor, pixel }
        })
        .collect()
}

const PLACES: [[f64; 3]; 10] = [
    [1.5, 0.4, 0.0],
    [2.2, 0.6, 0.0],
    [3.5, 0.3, 0.0],
    [1.6, 2.9, 0.0],
    [2.6, 2.5, 0.0],
    [3.6, 2.9, 0.0],
    [2.0, 1.5, 0.0],
    [3.0, 1.2, 0.0],
    [2.8, 2.0, 1.2],
    [3.2, 0.9, 0.9],
];

#[test]
fn a_mistyped_point_is_named_and_the_deviations_are_honest() {
    let camera = overhead();
    let options = PoseOptions {
        sigma_px: 1.0,
        focal: false,
    };
    let unposed = Lens::of(&camera).camera("C", [1280, 720]);
    let mut z = Vec::new();
    for seed in 0..60 {
        let mut marks = marks_of(&camera, &PLACES, 1.0, seed);
        let bad = seed as usize % marks.len();
        // A tape read 30 cm short, or x and y exchanged.
        if seed % 2 == 0 {
            marks[bad].floor.x -= 0.3;
        } else {
            let p = &mut marks[bad].floor;
            (p.x, p.y) = (p.y, p.x);
        }
        let fit = calibrate_pose(&unposed, &marks, &options).unwrap();
        let named: Vec<usize> = (0..marks.len()).filter(|i| fit.marks[*i].outlier).collect();
        assert_eq!(named, [bad], "seed {seed}");
        let at = fit.camera.position;
        let off = [
            at.x - camera.position.x,
            at.y - camera.position.y,
            at.z - camera.position.z,
        ];
        z.extend(off.iter().zip(fit.position_sd_m).map(|(d, s)| d / s));
    }
    let rms = (z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64).sqrt();
    println!("rms of errors over their deviations: {rms:.2}");
    assert!((0.8..1.2).contains(&rms), "{rms}");
}

#[test]
fn the_focal_length_comes_out_where_points_fix_it() {
    let camera = overhead();
    let marks = marks_of(&camera, &PLACES, 0.5, 5);
    let options = PoseOptions {
        sigma_px: 0.5,
        focal: true,
    };
    let mut guess = Lens::of(&camera);
    guess.focal_px = [900.0; 2];
    let fit = calibrate_pose(&guess.camera("C", [1280, 720]), &marks, &options).unwrap();
    let off = fit.camera.focal_px[0] - 620.0;
    assert!(
        off.abs() < 4.0 * fit.focal_sd_px && fit.focal_sd_px < 10.0,
        "{off}"
    );
    assert!(fit.camera.position.distance(camera.position) < 0.1);
    // Straight down at one plane: nearer and wider looks the same.
    let down = Camera {
        pitch: std::f64::consts::FRAC_PI_2,
        position: Point3::new(2.4, 1.6, 2.7),
        distortion: [0.0; 5],
        ..overhead()
    };
    let marks = marks_of(&down, &PLACES[..8], 0.5, 5);
    let said = calibrate_pose(&down, &marks, &options).unwrap_err();
    assert!(matches!(said, PoseError::FocalNotFixed { .. }), "{said}");
}

#[test]
fn points_that_make_no_pose_are_refused_with_a_reason() {
    let camera = overhead();
    let options = PoseOptions {
        sigma_px: 1.0,
        focal: false,
    };
    let marks = marks_of(&camera, &PLACES[..8], 0.5, 2);
    let said = |marks: &[Mark]| calibrate_pose(&camera, marks, &options).unwrap_err();
    assert!(matches!(said(&marks[..3]), PoseError::TooFew { .. }));
    let line: Vec<[f64; 3]> = (0..6)
        .map(|i| [1.5 + 0.4 * f64::from(i), 1.5, 0.0])
        .collect();
    let collinear = marks_of(&camera, &line, 0.5, 2);
    assert!(matches!(said(&collinear), PoseError::Collinear { .. }));
    // The floor drawn as a mirror sees it.
    let mirrored: Vec<Mark> = marks
        .iter()
        .map(|m| Mark {
            floor: Point3::new(m.floor.y, m.floor.x, 0.0),
            ..*m
        })
        .collect();
    assert!(matches!(said(&mirrored), PoseError::Below { .. }));
    // Every pixel with somebody else's place.
    let shuffled: Vec<Mark> = (0..8)
        .map(|i| Mark {
            floor: marks[(i * 3 + 1) % 8].floor,
            ..marks[i]
        })
        .collect();
    assert!(matches!(said(&shuffled), PoseError::NoAgreement { .. }));
}
