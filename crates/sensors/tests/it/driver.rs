//! Cameras that are kept open.

use crate::camera::{SIZE, options, source};
use crate::footage::{TempDir, h264, mp4, number_of};
use std::path::Path;
use std::time::Duration;
use walkout_model::CameraIx;
use walkout_sensors::camera::{Camera, CameraOptions, Picture, WatchSettings};

const PATIENCE: Duration = Duration::from_secs(30);

fn start(path: &Path) -> Camera {
    let options = CameraOptions {
        camera: CameraIx(7),
        source: source(path),
        expected: Some(SIZE),
        open: options(),
        queue: 4,
        watch: WatchSettings::default(),
        jitter: Box::new(|| 0.0),
    };
    Camera::start(options).unwrap()
}

#[test]
fn a_file_that_ends_begins_anew_and_frames_go_on_counting() {
    let dir = TempDir::new("again");
    let camera = start(&dir.write("film.mp4", &mp4(&h264(8, SIZE, 10), SIZE)));
    let mut last = None;
    for n in 0..20 {
        let frame = camera.frames().pop(PATIENCE).unwrap();
        assert_eq!((frame.camera, frame.sequence), (CameraIx(7), n));
        assert!(last.replace(frame.t).is_none_or(|last| frame.t > last));
        let picture = Picture {
            width: frame.width(),
            height: frame.height(),
            rgb: frame.rgb().to_vec(),
        };
        assert_eq!(number_of(&picture), n as usize % 8);
    }
    let status = camera.status();
    assert!(status.connections >= 3 && status.frames >= 20, "{status:?}");
    assert_eq!(
        (status.dropped, status.damaged, status.size),
        (0, 0, Some(SIZE))
    );
}

#[test]
fn a_source_that_is_not_there_yet_is_opened_when_it_is() {
    let dir = TempDir::new("later");
    let path = dir.0.join("film.mp4");
    let camera = start(&path);
    let begun = std::time::Instant::now();
    let error = loop {
        if let Some(error) = camera.status().error {
            break error;
        }
        assert!(begun.elapsed() < PATIENCE, "no error was told");
        std::thread::yield_now();
    };
    assert!(
        error.contains("film.mp4") && error.contains("cannot be read"),
        "{error}"
    );
    dir.write("other.mp4", &mp4(&h264(8, SIZE, 10), SIZE));
    std::fs::rename(dir.0.join("other.mp4"), &path).unwrap();
    assert!(camera.frames().pop(PATIENCE).is_some());
    assert_eq!(camera.status().error, None);
}
