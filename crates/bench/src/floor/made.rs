//! A made data set in WILDTRACK's layout: pedestrians on the square, seven cameras around it.

use super::wildtrack::{GRID, RawPerson, RawView, SIZE_PX, WildTrackError, id_of, position_of};
use crate::draw::Draw;
use crate::mot::walkers::{Crowd, Square};
use std::path::Path;
use walkout_model::layout::Camera;
use walkout_model::{Point2, Point3, View};

/// Half of a person's breadth, metres.
const HALF_M: f64 = 0.25;
/// Metres from the camera beyond which nobody is annotated.
const FAR_M: f64 = 45.0;

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Seed.
    pub seed: u64,
    /// Frames.
    pub frames: usize,
    /// People at once, about.
    pub people: usize,
    /// Frames a second.
    pub fps: f64,
}

/// Seven cameras as WILDTRACK's names go, 2 to 3.5 m up around the square.
#[rustfmt::skip]
const CAMERAS: [(&str, f64, f64, f64, f64); 7] = [
    ("CVLab1", -6.0, -10.0, 2.6, 1.0), ("CVLab2", 12.0, -10.5, 2.8, 1.05), ("CVLab3", -6.5, 9.0, 3.2, 0.9),
    ("CVLab4", 12.5, 8.0, 3.0, 0.9), ("IDIAP1", -6.0, 28.5, 2.4, 1.0), ("IDIAP2", 3.0, -12.0, 2.2, 1.0),
    ("IDIAP3", 11.5, 28.0, 2.7, 1.05),
];

/// Writes calibrations and annotations under `dir`.
///
/// # Errors
/// A file cannot be written.
pub fn make(dir: &Path, options: &Options) -> Result<(), WildTrackError> {
    let cameras = cameras();
    for camera in &cameras {
        let ([a, b, c], t) = camera.to_opencv_pose();
        let [x, y, z] = t.map(|m| m * 100.0);
        let text = format!(
            "<?xml version=\"1.0\"?>\n<opencv_storage>\n<rvec>\n  {a} {b} {c}</rvec>\n<tvec>\n  {x} {y} {z}</tvec>\n</opencv_storage>\n"
        );
        let path = dir
            .join("calibrations/extrinsic")
            .join(format!("extr_{}.xml", camera.name));
        write(&path, &text)?;
        let ([fx, fy], [cx, cy]) = (camera.focal_px, camera.principal_px);
        let matrix = |name: &str, rows: usize, cols: usize, data: String| {
            format!(
                "<{name} type_id=\"opencv-matrix\">\n  <rows>{rows}</rows>\n  <cols>{cols}</cols>\n  <dt>d</dt>\n  <data>\n    {data}</data></{name}>\n"
            )
        };
        let text = format!(
            "<?xml version=\"1.0\"?>\n<opencv_storage>\n{}{}</opencv_storage>\n",
            matrix(
                "camera_matrix",
                3,
                3,
                format!("{fx} 0. {cx} 0. {fy} {cy} 0. 0. 1.")
            ),
            matrix("distortion_coefficients", 5, 1, "0. 0. 0. 0. 0.".into()),
        );
        let path = dir
            .join("calibrations/intrinsic_zero")
            .join(format!("intr_{}.xml", camera.name));
        write(&path, &text)?;
    }
    let views: Vec<View> = cameras.iter().map(View::new).collect();
    let square = Square {
        near: 0.0,
        far: GRID[1] as f64 * 0.025,
        half: GRID[0] as f64 * 0.0125,
    };
    let mut crowd = Crowd::new(square, options.people, Draw::new(options.seed, 41));
    for _ in 0..200 {
        crowd.step(0.1);
    }
    for frame in 0..options.frames {
        for _ in 0..10 {
            crowd.step(0.1 / options.fps);
        }
        let people: Vec<RawPerson> = crowd
            .people
            .iter()
            .filter_map(|w| {
                // The crowd walks along its own x; the square is longer in y.
                let place = Point2::new(3.0 + w.position.y, -9.0 + w.position.x);
                let id = id_of(place)?;
                let at = position_of(id);
                Some(RawPerson {
                    person: w.id,
                    position: id,
                    views: (0_i64..)
                        .zip(&views)
                        .map(|(n, view)| box_in(view, n, at, w.height_m))
                        .collect(),
                })
            })
            .filter(|p| p.views.iter().any(|v| v.xmin != -1))
            .collect();
        let path = dir
            .join("annotations_positions")
            .join(format!("{:08}.json", frame * 5));
        let text = serde_json::to_string_pretty(&people).map_err(|e| WildTrackError::File {
            path: path.clone(),
            reason: e.to_string(),
        })?;
        write(&path, &text)?;
    }
    Ok(())
}

fn cameras() -> Vec<Camera> {
    let to = Point2::new(3.0, 9.0);
    CAMERAS
        .iter()
        .map(|&(name, x, y, z, zoom)| {
            let way = to - Point2::new(x, y);
            let focal = zoom * 1_150.0;
            Camera {
                name: name.into(),
                width_px: SIZE_PX[0],
                height_px: SIZE_PX[1],
                focal_px: [focal, focal],
                principal_px: SIZE_PX.map(|s| f64::from(s) / 2.0),
                distortion: [0.0; 5],
                position: Point3::new(x, y, z),
                yaw: way.y.atan2(way.x),
                pitch: (z - 0.9) / way.norm(),
                roll: 0.0,
            }
        })
        .collect()
}

/// The box of a person, cut at the picture's edges; −1 where too little of it is in the picture.
fn box_in(view: &View, number: i64, at: Point2, height_m: f64) -> RawView {
    let absent = RawView {
        view: number,
        xmin: -1,
        ymin: -1,
        xmax: -1,
        ymax: -1,
    };
    let depth = view.to_camera(at.at_height(0.9))[2];
    if !(1.0..FAR_M).contains(&depth) {
        return absent;
    }
    let (Some(foot), Some(head)) = (
        view.project(at.at_height(0.0)),
        view.project(at.at_height(height_m)),
    ) else {
        return absent;
    };
    let half = HALF_M * view.camera().focal_px[0] / depth;
    let middle = 0.5 * (foot.u + head.u);
    let [w, h] = SIZE_PX.map(f64::from);
    let sides = [middle - half, head.v, middle + half, foot.v];
    let cut = [
        sides[0].clamp(0.0, w - 1.0),
        sides[1].clamp(0.0, h - 1.0),
        sides[2].clamp(0.0, w - 1.0),
        sides[3].clamp(0.0, h - 1.0),
    ];
    let area = |s: [f64; 4]| (s[2] - s[0]).max(0.0) * (s[3] - s[1]).max(0.0);
    if area(cut) < 0.4 * area(sides) {
        return absent;
    }
    let [xmin, ymin, xmax, ymax] = cut.map(|x| x.round() as i64);
    RawView {
        view: number,
        xmin,
        ymin,
        xmax,
        ymax,
    }
}

fn write(path: &Path, text: &str) -> Result<(), WildTrackError> {
    let io = |source| WildTrackError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    std::fs::write(path, text).map_err(io)
}
