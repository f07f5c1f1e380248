//! JPEG pictures one after the other: files of them, and what cameras send over HTTP.

use super::error::{CameraError, Cause};
use super::open::{OpenOptions, Pictures, StoreStamp, TimedPicture};
use super::picture::decode_picture;
use super::rtsp::credentials_of;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use walkout_model::{CameraSource, TimeDelta};

/// Longest picture, bytes.
const JPEG_BYTES_MAX: usize = 16 << 20;
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Pictures in a row that may be corrupt before the source is given up.
const CORRUPT_MAX: u32 = 100;

/// Cuts a stream of bytes into JPEG pictures, by the marks of ITU-T T.81 B.1; whatever stands between them,
/// such as the heads of `multipart/x-mixed-replace`, is left off.
#[derive(Debug, Default)]
pub struct JpegSplitter {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were looked at.
    seen: usize,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum State {
    /// Looking for a start of image.
    #[default]
    Outside,
    /// Between segments.
    Marks,
    /// In compressed data, which has no lengths.
    Scan,
}

impl JpegSplitter {
    /// Takes bytes in and gives the pictures that are whole now. A picture longer than 16 MiB is dropped.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Vec<u8>>) {
        self.buffer.extend_from_slice(bytes);
        while self.step(out) {}
        if self.buffer.len() > JPEG_BYTES_MAX {
            self.restart(self.buffer.len());
        }
    }

    fn restart(&mut self, from: usize) {
        self.buffer.drain(..from.min(self.buffer.len()));
        self.seen = 0;
        self.state = State::Outside;
    }

    /// False when more bytes are needed.
    fn step(&mut self, out: &mut Vec<Vec<u8>>) -> bool {
        let rest = self.buffer.get(self.seen..).unwrap_or_default();
        match self.state {
            State::Outside => {
                let start = rest.windows(3).position(|w| w == [0xff, 0xd8, 0xff]);
                if let Some(start) = start {
                    self.restart(self.seen + start);
                    (self.seen, self.state) = (2, State::Marks);
                    return true;
                }
                // The last two bytes may begin a picture.
                self.restart(self.buffer.len().saturating_sub(2));
                false
            }
            State::Marks => {
                let &[mark, kind, ref after @ ..] = rest else {
                    return false;
                };
                match (mark, kind) {
                    (0xff, 0xff) => self.seen += 1,
                    (0xff, 0xd9) => self.cut(2, out),
                    // Another picture begins: this one is broken off.
                    (0xff, 0xd8) => self.restart(self.seen),
                    (0xff, 0x01 | 0xd0..=0xd7) => self.seen += 2,
                    (0xff, _) => {
                        let &[high, low, ..] = after else {
                            return false;
                        };
                        let length = usize::from(u16::from_be_bytes([high, low])).max(2);
                        if after.len() < length {
                            return false;
                        }
                        self.seen += 2 + length;
                        if kind == 0xda {
                            self.state = State::Scan;
                        }
                    }
                    // No mark where one must be: the picture is broken off.
                    _ => self.restart(self.seen),
                }
                true
            }
            State::Scan => {
                let mark = rest
                    .windows(2)
                    .position(|w| w[0] == 0xff && !matches!(w[1], 0x00 | 0xff | 0xd0..=0xd7));
                match mark {
                    Some(at) => {
                        self.seen += at;
                        self.state = State::Marks;
                        true
                    }
                    None => {
                        self.seen = self.buffer.len().saturating_sub(1).max(self.seen);
                        false
                    }
                }
            }
        }
    }

    /// The picture ends `more` bytes on.
    fn cut(&mut self, more: usize, out: &mut Vec<Vec<u8>>) {
        let end = self.seen + more;
        out.push(self.buffer.get(..end).unwrap_or_default().to_vec());
        self.restart(end);
    }
}

/// A file or stream of JPEG pictures.
pub(super) struct Mjpeg {
    source: CameraSource,
    reader: Box<dyn Read + Send>,
    splitter: JpegSplitter,
    ready: std::collections::VecDeque<Vec<u8>>,
    times: Times,
    given: u64,
    corrupt: u64,
    corrupt_run: u32,
}

enum Times {
    /// By their number, so many a second.
    Counted(f64),
    /// As they come.
    Arrival(StoreStamp),
}

impl Mjpeg {
    pub(super) fn file(source: &CameraSource, path: &Path, fps: f64) -> Result<Self, CameraError> {
        let file = std::fs::File::open(path).map_err(|e| CameraError::new(source, e.into()))?;
        Ok(Self::new(
            source,
            Box::new(BufReader::new(file)),
            Times::Counted(fps),
        ))
    }

    pub(super) fn http(
        source: &CameraSource,
        url: &str,
        options: &OpenOptions,
    ) -> Result<Self, CameraError> {
        let stream = get(url, options).map_err(|cause| CameraError::new(source, cause))?;
        let stamp = Times::Arrival(StoreStamp::new(options.clock.clone()));
        Ok(Self::new(source, Box::new(stream), stamp))
    }

    fn new(source: &CameraSource, reader: Box<dyn Read + Send>, times: Times) -> Self {
        Self {
            source: source.clone(),
            reader,
            splitter: JpegSplitter::default(),
            ready: std::collections::VecDeque::new(),
            times,
            given: 0,
            corrupt: 0,
            corrupt_run: 0,
        }
    }

    /// The next JPEG file of the stream; `None` at its end.
    fn next_jpeg(&mut self) -> Result<Option<Vec<u8>>, Cause> {
        let mut bytes = [0; 16 << 10];
        let mut found = Vec::new();
        loop {
            if let Some(jpeg) = self.ready.pop_front() {
                return Ok(Some(jpeg));
            }
            let n = match self.reader.read(&mut bytes) {
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(Cause::Protocol("nothing came for too long".into()));
                }
                Err(e) => return Err(e.into()),
            };
            if n == 0 {
                return Ok(None);
            }
            self.splitter
                .push(bytes.get(..n).unwrap_or_default(), &mut found);
            self.ready.extend(found.drain(..));
        }
    }
}

impl Pictures for Mjpeg {
    fn next(&mut self) -> Result<Option<TimedPicture>, CameraError> {
        loop {
            let jpeg = self.next_jpeg();
            let fail = |cause| CameraError::new(&self.source, cause);
            let Some(jpeg) = jpeg.map_err(fail)? else {
                return match (&self.times, self.given) {
                    (Times::Arrival(_), _) => Err(fail(Cause::Ended)),
                    (_, 0) => Err(fail(Cause::Empty(
                        "there is no whole JPEG picture in it".into(),
                    ))),
                    _ => Ok(None),
                };
            };
            let n = self.given;
            self.given += 1;
            match decode_picture(&jpeg) {
                Ok(picture) => {
                    self.corrupt_run = 0;
                    return Ok(Some(match &mut self.times {
                        Times::Counted(fps) => {
                            let t = TimeDelta::from_secs_f64(n as f64 / *fps);
                            TimedPicture::after_start(t, picture)
                        }
                        Times::Arrival(stamp) => TimedPicture::at(stamp.now(), picture),
                    }));
                }
                Err(error) => {
                    self.corrupt += 1;
                    self.corrupt_run += 1;
                    if self.corrupt_run >= CORRUPT_MAX {
                        return Err(fail(Cause::Damaged(error.to_string())));
                    }
                }
            }
        }
    }

    fn damage(&self) -> (u64, u64) {
        (self.corrupt, 0)
    }
}

/// Asks for a URL by HTTP/1.0, so that no chunks are mixed into the pictures, and reads to the body.
fn get(url: &str, options: &OpenOptions) -> Result<BufReader<TcpStream>, Cause> {
    let (url, credentials) = credentials_of(url)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let unreachable = |e: std::io::Error| Cause::Unreachable(e.to_string());
    let address = (host.as_str(), port)
        .to_socket_addrs()
        .map_err(unreachable)?
        .next()
        .ok_or_else(|| Cause::Unreachable("the name has no address".into()))?;
    let stream = TcpStream::connect_timeout(&address, options.patience).map_err(unreachable)?;
    stream.set_read_timeout(Some(options.patience))?;
    stream.set_write_timeout(Some(options.patience))?;
    let query = url.query().map_or(String::new(), |q| format!("?{q}"));
    let login = credentials.map_or(String::new(), |(user, password)| {
        format!(
            "Authorization: Basic {}\r\n",
            base64(format!("{user}:{password}").as_bytes())
        )
    });
    let request = format!(
        "GET {}{query} HTTP/1.0\r\nHost: {host}:{port}\r\nUser-Agent: walkout\r\n{login}\r\n",
        url.path()
    );
    (&stream).write_all(request.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        let mut byte = [0];
        if head.len() >= HEAD_BYTES_MAX || reader.read(&mut byte)? == 0 {
            return Err(Cause::Protocol("this is no HTTP server".into()));
        }
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.split_whitespace().nth(1).unwrap_or("");
    match status {
        "200" => Ok(reader),
        "401" | "403" => Err(Cause::Unauthorised),
        "404" => Err(Cause::NoSuchStream),
        _ => {
            let line: String = head.lines().next().unwrap_or("").chars().take(80).collect();
            Err(Cause::Protocol(format!(
                "it said \"{line}\" to a request for pictures"
            )))
        }
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |n, &b| (n << 8) | u32::from(b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_cut_out_of_what_is_around_them_however_it_comes() {
        // A segment that holds an end mark, stuffed bytes and a restart mark in the scan, then the end.
        let jpeg = [
            0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd9, 0xff, 0xda, 0, 3, 7, 1, 0xff, 0, 2, 0xff,
            0xd3, 3, 0xff, 0xd9,
        ];
        let mut stream = b"--b\r\nContent-Type: image/jpeg\r\n\r\n".to_vec();
        stream.extend(jpeg);
        stream.extend(b"\r\n--b\r\n\r\n");
        stream.extend(jpeg);
        for step in [1, 2, 3, 7, stream.len()] {
            let (mut splitter, mut out) = (JpegSplitter::default(), Vec::new());
            for piece in stream.chunks(step) {
                splitter.push(piece, &mut out);
            }
            assert_eq!(out, [jpeg.to_vec(), jpeg.to_vec()], "in steps of {step}");
        }
    }

    #[test]
    fn base64_pads() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
