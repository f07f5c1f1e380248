//! Sources of pictures: each gives every picture, in order, with its time; and what is bad says so.

use crate::footage::{TempDir, h264, jpeg, mp4, number_of, picture, png};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use walkout_model::{CameraSource, StoreTime, TimeDelta};
use walkout_sensors::camera::{CameraCause, CameraError, OpenOptions, Picture, PictureTime, open};
use walkout_testkit::{shared, skip};

pub const SIZE: [u32; 2] = [160, 96];

pub fn options() -> OpenOptions {
    let begun = std::time::Instant::now();
    let now =
        move || StoreTime(1_700_000_000_000_000) + TimeDelta(begun.elapsed().as_micros() as i64);
    OpenOptions {
        patience: Duration::from_secs(2),
        ..OpenOptions::new(Arc::new(now))
    }
}

pub fn source(path: &Path) -> CameraSource {
    path.to_str().unwrap().parse().unwrap()
}

/// Pictures and their times, and what could not be decoded.
type Given = (Vec<(TimeDelta, Picture)>, (u64, u64));

/// Everything that a file gives.
pub fn all(source: &CameraSource) -> Result<Given, CameraError> {
    let mut pictures = open(source, &options())?;
    let mut out = Vec::new();
    while let Some(timed) = pictures.next()? {
        let PictureTime::AfterStart(t) = timed.t else {
            panic!("a file has times of its own");
        };
        out.push((t, timed.picture));
    }
    Ok((out, pictures.damage()))
}

fn whole(path: &Path) -> Vec<(TimeDelta, Picture)> {
    let (pictures, damage) = all(&source(path)).unwrap();
    assert_eq!(damage, (0, 0), "{}", path.display());
    pictures
}

fn error(path: &Path) -> String {
    match all(&source(path)) {
        Ok((pictures, _)) => panic!("{}: {} pictures", path.display(), pictures.len()),
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains(path.to_str().unwrap()), "{said}");
            said
        }
    }
}

#[test]
fn every_kind_of_file_gives_every_picture_with_its_time() {
    let dir = TempDir::new("kinds");
    let units = h264(30, SIZE, 10);
    let pictures: Vec<Picture> = (0..30).map(|n| picture(n, SIZE)).collect();
    dir.write("a.mp4", &mp4(&units, SIZE));
    dir.write("a.h264", &units.concat());
    dir.write(
        "a.mjpeg",
        &pictures.iter().flat_map(jpeg).collect::<Vec<u8>>(),
    );
    std::fs::create_dir_all(dir.0.join("folder")).unwrap();
    for (n, picture) in pictures.iter().enumerate() {
        let (kind, bytes) = if n % 2 == 0 {
            ("png", png(picture))
        } else {
            ("JPG", jpeg(picture))
        };
        dir.write(&format!("folder/{n:03}.{kind}"), &bytes);
    }
    dir.write("folder/notes.txt", b"not a picture");
    for name in ["a.mp4", "a.h264?fps=25", "a.mjpeg?fps=25", "folder?fps=25"] {
        let got = whole(&dir.0.join(name));
        assert_eq!(got.len(), 30, "{name}");
        for (n, (t, picture)) in got.iter().enumerate() {
            assert_eq!([picture.width, picture.height], SIZE, "{name}");
            assert_eq!(number_of(picture), n, "{name}");
            let error_us = t.0 - n as i64 * 40_000;
            assert!(error_us.abs() <= 12, "{name}: picture {n} at {t:?}");
        }
    }
}

#[test]
fn a_change_of_resolution_on_the_way_is_followed() {
    let dir = TempDir::new("resize");
    let mut units = h264(7, SIZE, 10);
    units.extend(h264(7, [320, 192], 10));
    units.extend(h264(7, SIZE, 10));
    let got = whole(&dir.write("a.h264", &units.concat()));
    let widths: Vec<u32> = got.iter().map(|(_, p)| p.width).collect();
    assert_eq!(widths, [[160; 7], [320; 7], [160; 7]].concat());
    let numbers: Vec<usize> = got.iter().map(|(_, p)| number_of(p)).collect();
    assert_eq!(numbers, (0..7).cycle().take(21).collect::<Vec<_>>());
}

#[test]
fn after_damage_pictures_come_again_from_the_next_key_frame() {
    let dir = TempDir::new("resync");
    let mut units = h264(40, SIZE, 10);
    // Most of a picture that others refer to is gone, and another is shuffled.
    units[13].truncate(9);
    let middle = units[24].len() / 2;
    units[24][8..middle].reverse();
    let (got, (damaged, skipped)) = all(&source(&dir.write("a.h264", &units.concat()))).unwrap();
    let numbers: Vec<usize> = got.iter().map(|(_, p)| number_of(p)).collect();
    assert!(
        damaged >= 1,
        "{damaged} damaged, {skipped} skipped: {numbers:?}"
    );
    for whole in [0..13, 20..24, 30..34] {
        for n in whole {
            assert!(numbers.contains(&n), "{n} is missing: {numbers:?}");
        }
    }
    assert!(got.windows(2).all(|w| w[0].0 < w[1].0), "times must rise");
}

#[test]
fn pictures_that_wait_to_be_shown_outlive_the_damage_after_them() {
    let footage = walkout_testkit::root().join("crates/sensors/tests/footage/reordered.h264");
    let bytes = std::fs::read(&footage).unwrap();
    assert_eq!(whole(&footage).len(), 20);
    let dir = TempDir::new("reordered");
    // The last picture's bytes end in their middle.
    let last = bytes.windows(3).rposition(|w| w == [0, 0, 1]).unwrap();
    let cut = dir.write("cut.h264", &bytes[..(last + bytes.len()) / 2]);
    let (pictures, (damaged, _)) = all(&source(&cut)).unwrap();
    assert!(
        pictures.len() + damaged as usize >= 20 && damaged <= 1,
        "{damaged}"
    );
    assert!(pictures.len() >= 19, "{} pictures", pictures.len());
    let mut times: Vec<_> = pictures.iter().map(|(t, _)| *t).collect();
    times.dedup();
    assert_eq!(times.len(), pictures.len(), "each has its own time");
    // One of the first ten is spoilt: the others before it, and all after the next key frame, come.
    let mut torn = bytes.clone();
    let starts: Vec<usize> = (0..bytes.len() - 3)
        .filter(|&i| bytes[i..i + 3] == [0, 0, 1])
        .collect();
    let sixth = starts[starts.len() / 4];
    torn[sixth + 5..sixth + 25].fill(0x77);
    let torn = dir.write("torn.h264", &torn);
    let (pictures, damage) = all(&source(&torn)).unwrap();
    assert!(
        pictures.len() >= 10,
        "{} pictures, {damage:?}",
        pictures.len()
    );
}

#[test]
fn bad_files_are_refused_by_name_and_cause() {
    let dir = TempDir::new("bad");
    let film = mp4(&h264(10, SIZE, 10), SIZE);
    let said = |name: &str, bytes: &[u8]| error(&dir.write(name, bytes));
    for name in ["a.mp4", "a.h264", "a.mjpeg"] {
        let empty = said(name, b"");
        assert!(
            empty.contains("no ") || empty.contains("damaged"),
            "{name}: {empty}"
        );
        let text = said(name, b"this is no video, and nobody said that it were one");
        assert!(
            text.contains("no ") || text.contains("damaged"),
            "{name}: {text}"
        );
    }
    let missing = error(&dir.0.join("nowhere.mp4"));
    assert!(missing.contains("cannot be read"), "{missing}");
    std::fs::create_dir_all(dir.0.join("hollow")).unwrap();
    let hollow = error(&dir.0.join("hollow"));
    assert!(hollow.contains("no .png or .jpg"), "{hollow}");
    // The table of contents stands at the end of a recording.
    let at = film.windows(4).position(|w| w == b"moov").unwrap();
    if film.windows(4).position(|w| w == b"mdat").unwrap() < at {
        let cut = said("cut.mp4", &film[..at - 4]);
        assert!(cut.contains("cut off before its end"), "{cut}");
    }
    let hevc: Vec<u8> = replace(&film, b"avc1", b"hvc1");
    let other = said("hevc.mp4", &hevc);
    assert!(other.contains("hvc1") && other.contains("H.264"), "{other}");
    std::fs::create_dir_all(dir.0.join("torn")).unwrap();
    let whole = png(&picture(0, SIZE));
    dir.write("torn/0.png", &whole[..whole.len() / 2]);
    let torn = all(&source(&dir.0.join("torn"))).unwrap_err().to_string();
    assert!(
        torn.contains("0.png") && torn.contains("cut short"),
        "{torn}"
    );
}

fn replace(bytes: &[u8], from: &[u8; 4], to: &[u8; 4]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    // The file's brands may hold the same letters.
    let at = bytes.windows(4).rposition(|w| w == from).unwrap();
    out[at..at + 4].copy_from_slice(to);
    out
}

#[test]
fn unreachable_hosts_and_servers_of_other_kinds_say_so() {
    // A port that nobody listens on (one that is only free now may be another test's in a moment), and one where somebody
    // answers with something else.
    let closed = 1;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten().take(2) {
            use std::io::{Read, Write};
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    for scheme in ["rtsp", "http"] {
        let refused = |port: u16| {
            let source: CameraSource = format!("{scheme}://u:pw@127.0.0.1:{port}/x")
                .parse()
                .unwrap();
            open(&source, &options()).err().unwrap()
        };
        let error = refused(closed);
        assert!(
            matches!(error.cause, CameraCause::Unreachable(_)),
            "{error}"
        );
        assert!(!error.to_string().contains("pw"), "{error}");
        let error = refused(other);
        assert!(matches!(error.cause, CameraCause::Protocol(_)), "{error}");
    }
}

#[test]
fn a_camera_that_sends_jpeg_over_http_is_read_until_it_goes() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let n = stream.read(&mut request).unwrap();
        let head =
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n";
        stream.write_all(head).unwrap();
        for n in 0..5 {
            let bytes = jpeg(&picture(n, SIZE));
            let part = format!(
                "--b\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                bytes.len()
            );
            stream.write_all(part.as_bytes()).unwrap();
            stream.write_all(&bytes).unwrap();
        }
        String::from_utf8_lossy(&request[..n]).into_owned()
    });
    let source: CameraSource = format!("http://me:secret@127.0.0.1:{port}/mjpg?x=1")
        .parse()
        .unwrap();
    let mut pictures = open(&source, &options()).unwrap();
    let mut last = None;
    for n in 0..5 {
        let timed = pictures.next().unwrap().unwrap();
        let PictureTime::At(t) = timed.t else {
            panic!("a live camera has store time");
        };
        assert_eq!(number_of(&timed.picture), n);
        assert!(last.replace(t).is_none_or(|last| t > last));
    }
    let error = pictures.next().unwrap_err();
    assert!(matches!(error.cause, CameraCause::Ended), "{error}");
    let request = server.join().unwrap();
    assert!(
        request.starts_with("GET /mjpg?x=1 HTTP/1.0\r\n"),
        "{request}"
    );
    assert!(
        request.contains("Authorization: Basic bWU6c2VjcmV0\r\n"),
        "{request}"
    );
}

#[test]
fn a_real_video_gives_all_of_its_pictures() {
    const NAME: &str = "a_real_video_gives_all_of_its_pictures";
    let Some(path) = shared("data/video/one-by-one-person-detection.mp4") else {
        return skip(NAME, "no ../shared/data/video");
    };
    let mut pictures = open(&source(&path), &options()).unwrap();
    let (mut count, mut last) = (0, TimeDelta(-1));
    while let Some(timed) = pictures.next().unwrap() {
        let PictureTime::AfterStart(t) = timed.t else {
            panic!("a file has times of its own");
        };
        assert!(t > last, "picture {count} at {t:?} after {last:?}");
        assert_eq!([timed.picture.width, timed.picture.height], [768, 432]);
        (count, last) = (count + 1, t);
    }
    assert_eq!((count, pictures.damage()), (1_394, (0, 0)));
}
