//! A folder of pictures, in the order of their names.

use super::error::{CameraError, Cause};
use super::open::{Pictures, TimedPicture};
use super::picture::{BYTES_MAX, decode_picture};
use std::path::{Path, PathBuf};
use walkout_model::{CameraSource, TimeDelta};

/// Most files that are read.
const FILES_MAX: usize = 1_000_000;

pub(super) struct Folder {
    files: std::vec::IntoIter<PathBuf>,
    fps: f64,
    given: u64,
}

impl Folder {
    pub(super) fn open(source: &CameraSource, path: &Path, fps: f64) -> Result<Self, CameraError> {
        let fail = |cause| CameraError::new(source, cause);
        let entries = std::fs::read_dir(path).map_err(|e| fail(e.into()))?;
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|e| e.path())
            .filter(|p| {
                let extension = p.extension().and_then(|e| e.to_str()).unwrap_or("");
                let known = ["png", "jpg", "jpeg"];
                known.iter().any(|k| extension.eq_ignore_ascii_case(k))
            })
            .take(FILES_MAX)
            .collect();
        if files.is_empty() {
            return Err(fail(Cause::Empty(
                "there is no .png or .jpg file in the folder".into(),
            )));
        }
        files.sort();
        Ok(Self {
            files: files.into_iter(),
            fps,
            given: 0,
        })
    }
}

impl Pictures for Folder {
    fn next(&mut self) -> Result<Option<TimedPicture>, CameraError> {
        let Some(path) = self.files.next() else {
            return Ok(None);
        };
        let fail = |cause| CameraError {
            from: path.display().to_string(),
            cause,
        };
        let size = std::fs::metadata(&path).map_err(|e| fail(e.into()))?.len();
        if size > BYTES_MAX {
            return Err(fail(Cause::Damaged(format!("{size} bytes are no picture"))));
        }
        let bytes = std::fs::read(&path).map_err(|e| fail(e.into()))?;
        let picture = decode_picture(&bytes).map_err(|e| fail(Cause::Damaged(e.to_string())))?;
        let t = TimeDelta::from_secs_f64(self.given as f64 / self.fps);
        self.given += 1;
        Ok(Some(TimedPicture::after_start(t, picture)))
    }

    fn damage(&self) -> (u64, u64) {
        (0, 0)
    }
}
