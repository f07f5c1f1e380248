//! A real RTSP server, GStreamer's, streams a real file.

use crate::camera::{SIZE, all, options, source};
use crate::footage::{TempDir, h264, mp4, number_of};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use walkout_model::{CameraSource, StoreTime};
use walkout_sensors::camera::{CameraCause, CameraError, Picture, PictureTime, open};
use walkout_testkit::skip;

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// `None` where GStreamer or its Python is missing.
    fn start(file: &std::path::Path, login: Option<&str>) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/rtsp_server.py");
        // Debian's own Python is the one that finds Debian's GStreamer.
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(file)
            .args(login)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take()?).read_line(&mut line);
        let port = read.ok().and_then(|_| line.trim().parse().ok());
        match port {
            Some(port) => Some(Self { child, port }),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                None
            }
        }
    }

    fn source(&self, login: &str, path: &str) -> CameraSource {
        let url = format!("rtsp://{login}127.0.0.1:{}/{path}", self.port);
        url.parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const MISSING: &str = "no GStreamer RTSP server (python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good and -bad)";

/// Up to `count` pictures, then whatever ends it.
fn take(source: &CameraSource, count: usize) -> Result<Vec<(StoreTime, Picture)>, CameraError> {
    let mut pictures = open(source, &options())?;
    let mut out = Vec::new();
    while out.len() < count {
        match pictures.next() {
            Ok(Some(timed)) => {
                let PictureTime::At(t) = timed.t else {
                    panic!("a live camera has store time");
                };
                out.push((t, timed.picture));
            }
            Ok(None) => break,
            Err(_) if !out.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(out)
}

#[test]
fn a_stream_gives_every_picture_of_its_file_to_the_bit() {
    let dir = TempDir::new("rtsp");
    let film = dir.write("film.mp4", &mp4(&h264(50, SIZE, 25), SIZE));
    let Some(server) = Server::start(&film, None) else {
        return skip(
            "a_stream_gives_every_picture_of_its_file_to_the_bit",
            MISSING,
        );
    };
    let (direct, _) = all(&source(&film)).unwrap();
    let streamed = take(&server.source("", "h264"), usize::MAX).unwrap();
    assert_eq!(streamed.len(), 50);
    for (n, ((t, picture), (_, same))) in streamed.iter().zip(&direct).enumerate() {
        assert!(picture == same, "picture {n} differs from the file's");
        // The square has gone round once after 34 pictures.
        assert_eq!(number_of(picture), n % 34);
        if let Some((before, _)) = n.checked_sub(1).and_then(|i| streamed.get(i)) {
            assert!(t > before, "picture {n} is not after the one before it");
        }
    }
    // By the server's clock they are 40 ms apart; its first report may come after the first pictures.
    let late = &streamed[25..];
    let span = late[24].0.since(late[0].0).as_millis_f64();
    assert!(
        (span - 24.0 * 40.0).abs() < 60.0,
        "24 pictures took {span} ms"
    );
}

#[test]
fn jpeg_over_rtp_is_decoded_too() {
    let dir = TempDir::new("rtsp-jpeg");
    let film = dir.write("film.mp4", &mp4(&h264(2, SIZE, 25), SIZE));
    let Some(server) = Server::start(&film, None) else {
        return skip("jpeg_over_rtp_is_decoded_too", MISSING);
    };
    let streamed = take(&server.source("", "jpeg"), 5).unwrap();
    assert_eq!(streamed.len(), 5);
    for (_, picture) in &streamed {
        assert_eq!([picture.width, picture.height], SIZE);
    }
}

#[test]
fn passwords_paths_and_codecs_that_are_wrong_are_told_apart() {
    let dir = TempDir::new("rtsp-wrong");
    let film = dir.write("film.mp4", &mp4(&h264(50, SIZE, 25), SIZE));
    let Some(server) = Server::start(&film, Some("me:se cret")) else {
        return skip(
            "passwords_paths_and_codecs_that_are_wrong_are_told_apart",
            MISSING,
        );
    };
    let refused = |login: &str, path: &str| take(&server.source(login, path), 1).unwrap_err();
    for login in ["", "me:wrong@", "you:se%20cret@"] {
        let error = refused(login, "h264");
        assert!(matches!(error.cause, CameraCause::Unauthorised), "{error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    let good = "me:se%20cret@";
    let error = refused(good, "nowhere");
    assert!(matches!(error.cause, CameraCause::NoSuchStream), "{error}");
    let error = refused(good, "vp8");
    assert!(
        matches!(&error.cause, CameraCause::Format(what) if what.contains("vp8")),
        "{error}"
    );
    assert_eq!(take(&server.source(good, "h264"), 3).unwrap().len(), 3);
}
