//! WILDTRACK's layout: seven cameras around a square, annotated twice a second (Chavdarova et al., "WILDTRACK:
//! a multi-camera HD dataset for dense unscripted pedestrian detection", CVPR 2018).
//!
//! `calibrations/extrinsic/extr_NAME.xml` has `rvec` and `tvec` (centimetres), `calibrations/intrinsic_zero/intr_NAME.xml`
//! the camera matrix and distortion, both as OpenCV writes them; views are numbered by the files' names in order.
//! `annotations_positions/*.json` has, by frame, people with a `positionID` on a grid of 480 × 1440 cells of 2.5 cm
//! and a box in each view, −1 where they are not in it.

use super::xml;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use walkout_model::layout::Camera;
use walkout_model::{OpenCvCalibration, Point2, Polygon};
use walkout_perception::mot::Bounds;

/// Cells across the grid, and along it.
pub const GRID: [i64; 2] = [480, 1440];
/// Metres a cell.
pub const CELL_M: f64 = 0.025;
/// Where the grid begins.
pub const ORIGIN_M: [f64; 2] = [-3.0, -9.0];
/// The pictures' size, which the calibrations do not tell.
pub const SIZE_PX: [u32; 2] = [1920, 1080];
/// Frames at most.
const FRAMES_MAX: usize = 100_000;

/// A data set as read.
#[derive(Clone, Debug, PartialEq)]
pub struct WildTrack {
    /// The cameras, in the order of their view numbers.
    pub cameras: Vec<Camera>,
    /// Frames in order of their names.
    pub frames: Vec<Vec<Annotated>>,
}

/// A person in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotated {
    /// Number.
    pub person: i64,
    /// On the floor.
    pub position: Point2,
    /// Boxes by view.
    pub boxes: Vec<Option<Bounds>>,
}

/// Why a data set was refused.
#[derive(Debug, thiserror::Error)]
pub enum WildTrackError {
    /// A file or folder could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// Read, list or write.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file says what cannot be.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong and what is expected.
        reason: String,
    },
}

/// A person as the annotation files have it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawPerson {
    #[serde(rename = "personID")]
    pub person: i64,
    #[serde(rename = "positionID")]
    pub position: i64,
    pub views: Vec<RawView>,
}

/// A box as the annotation files have it.
#[derive(Serialize, Deserialize)]
pub(super) struct RawView {
    #[serde(rename = "viewNum")]
    pub view: i64,
    pub xmin: i64,
    pub ymin: i64,
    pub xmax: i64,
    pub ymax: i64,
}

/// The rectangle that is annotated.
pub fn region() -> Polygon {
    let [x, y] = ORIGIN_M;
    let (w, h) = (GRID[0] as f64 * CELL_M, GRID[1] as f64 * CELL_M);
    Polygon {
        corners: [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
            .iter()
            .map(|(x, y)| Point2::new(*x, *y))
            .collect(),
    }
}

/// The place of a cell, by the published formula.
pub fn position_of(id: i64) -> Point2 {
    Point2::new(
        ORIGIN_M[0] + CELL_M * (id % GRID[0]) as f64,
        ORIGIN_M[1] + CELL_M * (id / GRID[0]) as f64,
    )
}

/// The cell of a place; `None` beside the grid.
pub fn id_of(p: Point2) -> Option<i64> {
    let col = ((p.x - ORIGIN_M[0]) / CELL_M).round() as i64;
    let row = ((p.y - ORIGIN_M[1]) / CELL_M).round() as i64;
    ((0..GRID[0]).contains(&col) && (0..GRID[1]).contains(&row)).then_some(row * GRID[0] + col)
}

/// Reads a data set.
///
/// # Errors
/// A folder is missing or empty, a file is unreadable, or says what cannot be.
pub fn read(dir: &Path) -> Result<WildTrack, WildTrackError> {
    let calibrations = dir.join("calibrations");
    let extrinsics = list(&calibrations.join("extrinsic"), "extr_", "xml")?;
    let mut cameras = Vec::new();
    for path in &extrinsics {
        cameras.push(read_camera(path, &calibrations.join("intrinsic_zero"))?);
    }
    let mut frames = Vec::new();
    for path in list(&dir.join("annotations_positions"), "", "json")? {
        if frames.len() >= FRAMES_MAX {
            return Err(file(&path, format!("more than {FRAMES_MAX} frames")));
        }
        frames.push(read_frame(&path, cameras.len())?);
    }
    Ok(WildTrack { cameras, frames })
}

fn read_camera(extrinsic: &Path, intrinsics: &Path) -> Result<Camera, WildTrackError> {
    let name = extrinsic
        .file_stem()
        .map_or(String::new(), |s| s.to_string_lossy().into_owned());
    let name = name.trim_start_matches("extr_").to_owned();
    let text = load(extrinsic)?;
    let wrong = |reason| file(extrinsic, reason);
    let rvec = xml::exactly::<3>(&text, "rvec").map_err(wrong)?;
    let tvec = xml::exactly::<3>(&text, "tvec").map_err(wrong)?;
    let path = intrinsics.join(format!("intr_{name}.xml"));
    let text = load(&path)?;
    let wrong = |reason| file(&path, reason);
    let k = xml::exactly::<9>(&text, "camera_matrix").map_err(wrong)?;
    let coefficients = xml::numbers(&text, "distortion_coefficients").map_err(wrong)?;
    let mut distortion = [0.0; 5];
    if !matches!(coefficients.len(), 4 | 5) {
        let n = coefficients.len();
        return Err(wrong(format!(
            "{n} distortion coefficients; expected k1 k2 p1 p2 and k3"
        )));
    }
    distortion[..coefficients.len()].copy_from_slice(&coefficients);
    Camera::from_opencv(OpenCvCalibration {
        name,
        width_px: SIZE_PX[0],
        height_px: SIZE_PX[1],
        focal_px: [k[0], k[4]],
        principal_px: [k[2], k[5]],
        distortion,
        rvec,
        tvec_m: tvec.map(|x| x / 100.0),
    })
    .map_err(|e| wrong(e.to_string()))
}

fn read_frame(path: &Path, views: usize) -> Result<Vec<Annotated>, WildTrackError> {
    let raw: Vec<RawPerson> =
        serde_json::from_str(&load(path)?).map_err(|e| file(path, e.to_string()))?;
    let mut people: Vec<Annotated> = Vec::with_capacity(raw.len());
    for p in raw {
        let cells = GRID[0] * GRID[1];
        if !(0..cells).contains(&p.position) {
            let reason = format!(
                "positionID {} of person {} is not 0 to {}",
                p.position,
                p.person,
                cells - 1
            );
            return Err(file(path, reason));
        }
        if people.iter().any(|q| q.person == p.person) {
            return Err(file(path, format!("person {} is there twice", p.person)));
        }
        let mut boxes = vec![None; views];
        for v in &p.views {
            let slot = usize::try_from(v.view).ok().and_then(|i| boxes.get_mut(i));
            let Some(slot) = slot else {
                let reason = format!(
                    "viewNum {} of person {}: there are {views} cameras",
                    v.view, p.person
                );
                return Err(file(path, reason));
            };
            let absent = [v.xmin, v.ymin, v.xmax, v.ymax].contains(&-1)
                || v.xmax <= v.xmin
                || v.ymax <= v.ymin;
            if !absent {
                *slot = Some(Bounds {
                    left: v.xmin as f64,
                    top: v.ymin as f64,
                    width: (v.xmax - v.xmin) as f64,
                    height: (v.ymax - v.ymin) as f64,
                });
            }
        }
        people.push(Annotated {
            person: p.person,
            position: position_of(p.position),
            boxes,
        });
    }
    Ok(people)
}

fn list(dir: &Path, prefix: &str, extension: &str) -> Result<Vec<PathBuf>, WildTrackError> {
    let io = |source| WildTrackError::Io {
        action: "list",
        path: dir.to_owned(),
        source,
    };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path
            .file_name()
            .map_or(String::new(), |n| n.to_string_lossy().into_owned());
        if name.starts_with(prefix) && path.extension().is_some_and(|e| e == extension) {
            all.push(path);
        }
    }
    all.sort();
    if all.is_empty() {
        return Err(file(dir, format!("no file {prefix}*.{extension} in it")));
    }
    Ok(all)
}

fn load(path: &Path) -> Result<String, WildTrackError> {
    std::fs::read_to_string(path).map_err(|source| WildTrackError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

fn file(path: &Path, reason: String) -> WildTrackError {
    WildTrackError::File {
        path: path.to_owned(),
        reason,
    }
}
