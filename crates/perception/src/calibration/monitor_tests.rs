use super::synthetic::tests_noise;
use super::{CalibrationMonitor, MonitorSettings};
use crate::floor::{CameraFrame, PersonDetection, PixelPoint};
use walkout_model::layout::Camera;
use walkout_model::{
    CalibrationFault, CameraIx, Pixel, Point2, Point3, StoreTime, TrackId, TrackPoint, View,
};

/// Six cameras under the ceiling of a room of 8 × 6 m, at its sides, that look at its middle.
fn cameras() -> Vec<Camera> {
    let places = [
        (0.3, 0.3),
        (4.0, 0.3),
        (7.7, 0.3),
        (7.7, 5.7),
        (4.0, 5.7),
        (0.3, 5.7),
    ];
    let camera = |(i, (x, y)): (usize, (f64, f64))| Camera {
        name: format!("C{i}"),
        width_px: 1280,
        height_px: 720,
        focal_px: [620.0; 2],
        principal_px: [640.0, 360.0],
        distortion: [-0.28, 0.07, 0.0, 0.0, 0.0],
        position: Point3::new(x, y, 2.8),
        yaw: (3.0 - y).atan2(4.0 - x),
        pitch: 0.6,
        roll: 0.0,
    };
    places.into_iter().enumerate().map(camera).collect()
}

/// What `seconds` of some people walking about give, told by cameras that hang as `really` and are thought to hang as `said`.
fn run(
    really: &[Camera],
    said: &[Camera],
    seconds: i64,
    seed: u64,
) -> (CalibrationMonitor, Vec<CalibrationFault>) {
    let mut monitor = CalibrationMonitor::new(said, MonitorSettings::default());
    let mut draws = tests_noise(seed);
    let mut normal = move || (0..12).map(|_| draws()).sum::<f64>() - 6.0;
    let mut people: Vec<(Point2, f64)> = (0..5)
        .map(|i| {
            (
                Point2::new(1.5 + f64::from(i), 3.0),
                1.6 + 0.03 * f64::from(i),
            )
        })
        .collect();
    let views: Vec<View> = really.iter().map(View::new).collect();
    let mut out = Vec::new();
    for k in 0..seconds * 5 {
        let t = StoreTime(k * 200_000);
        for (p, _) in &mut people {
            p.x = (p.x + 0.15 * normal()).clamp(0.8, 7.2);
            p.y = (p.y + 0.15 * normal()).clamp(0.8, 5.2);
        }
        let mut frames = Vec::new();
        for (c, view) in (0_u32..).zip(&views) {
            let mut detections = Vec::new();
            for (p, height) in &people {
                let mut spot = |q: Point3, metres: f64| {
                    let px_per_m = 620.0 / view.to_camera(q)[2].max(0.5);
                    let seen = view.project(q).filter(|s| view.contains(*s))?;
                    let sigma = metres * px_per_m;
                    let pixel = Pixel {
                        u: seen.u + sigma * normal(),
                        v: seen.v + sigma * normal(),
                    };
                    Some(PixelPoint::new(pixel, sigma))
                };
                detections.push(PersonDetection {
                    head: spot(p.at_height(*height), 0.06),
                    foot: spot(p.at_height(0.0), 0.12),
                    score: 0.9,
                    appearance: Vec::new(),
                });
            }
            detections.retain(|d| d.head.is_some());
            frames.push(CameraFrame {
                camera: CameraIx(c),
                detections,
                hands: Vec::new(),
            });
        }
        let points: Vec<TrackPoint> = (1..)
            .zip(&people)
            .map(|(i, (p, _))| TrackPoint {
                t,
                track: TrackId(i),
                position: *p,
                sigma_m: 0.1,
                wrists: Vec::new(),
                appearance: Vec::new(),
            })
            .collect();
        out.extend(monitor.update(t, &frames, &points));
    }
    (monitor, out)
}

#[test]
fn the_camera_that_was_turned_is_named_and_by_how_much() {
    let right = cameras();
    for (which, [yaw, pitch]) in [(1, [2.0, 0.0]), (4, [0.0, -2.0])] {
        let mut said = right.clone();
        said[which].yaw += f64::to_radians(yaw);
        said[which].pitch += f64::to_radians(pitch);
        let (monitor, faults) = run(&right, &said, 60, 3);
        for a in monitor.alignments() {
            println!("{a:?}");
        }
        println!("{faults:?}");
        let named: Vec<usize> = faults.iter().map(|f| f.camera.usize()).collect();
        assert_eq!(named, [which]);
        let all = monitor.alignments();
        let size = all[which].unwrap().size_deg();
        let expected = f64::hypot(yaw, pitch);
        assert!((size - expected).abs() < 0.3, "{size} {expected}");
        assert!(faults[0].message("C07").starts_with("camera C07 is off by"));
    }
}

#[test]
fn right_cameras_are_left_alone() {
    let right = cameras();
    for seed in 0..4 {
        let (monitor, faults) = run(&right, &right, 60, seed);
        assert_eq!(faults, [], "{:?}", monitor.alignments());
    }
    // Nobody, and then the clock set back.
    let mut monitor = CalibrationMonitor::new(&right, MonitorSettings::default());
    assert_eq!(monitor.update(StoreTime(9_000_000), &[], &[]), []);
    assert_eq!(monitor.update(StoreTime(1_000_000), &[], &[]), []);
}
