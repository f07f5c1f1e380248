//! One opened source of pictures.

use super::error::{CameraError, Cause};
use super::folder::Folder;
use super::h264::{AccessUnit, H264Decoder, H264Error, access_units};
use super::mjpeg::Mjpeg;
use super::mp4::Mp4;
use super::nal;
use super::picture::Picture;
use super::rtsp::Rtsp;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use walkout_model::{CameraSource, StoreTime, TimeDelta};

/// Largest file of bare H.264 that is read: it is held in memory.
const H264_BYTES_MAX: u64 = 512 << 20;

/// Tells store time.
pub type Clock = Arc<dyn Fn() -> StoreTime + Send + Sync>;

/// How sources are opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// Store time, for what is live.
    pub clock: Clock,
    /// How long a live source may say nothing before it is given up.
    pub patience: Duration,
    /// What the fastest frames take from the shutter to here, where a camera does not tell its own time.
    pub delay: TimeDelta,
}

impl OpenOptions {
    /// Five seconds of patience, and no delay.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            patience: Duration::from_secs(5),
            delay: TimeDelta::ZERO,
        }
    }
}

impl std::fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenOptions")
            .field("patience", &self.patience)
            .field("delay", &self.delay)
            .finish_non_exhaustive()
    }
}

/// When a picture was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureTime {
    /// So long after the source's first.
    AfterStart(TimeDelta),
    /// At this time.
    At(StoreTime),
}

/// A picture and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedPicture {
    /// When.
    pub t: PictureTime,
    /// What.
    pub picture: Picture,
}

impl TimedPicture {
    pub(super) fn after_start(t: TimeDelta, picture: Picture) -> Self {
        let t = PictureTime::AfterStart(t);
        Self { t, picture }
    }

    pub(super) fn at(t: StoreTime, picture: Picture) -> Self {
        let t = PictureTime::At(t);
        Self { t, picture }
    }
}

/// Pictures, one after the other.
pub trait Pictures: Send {
    /// The next picture; waits for it where the source is live. `None`: a file has ended.
    ///
    /// # Errors
    /// The source gives no more pictures. Damage that passes is no error: see [`Pictures::damage`].
    fn next(&mut self) -> Result<Option<TimedPicture>, CameraError>;

    /// Pictures that could not be decoded, and those left off while a key frame was awaited.
    fn damage(&self) -> (u64, u64);
}

/// Opens a source.
///
/// # Errors
/// Why it gives no pictures.
pub fn open(
    source: &CameraSource,
    options: &OpenOptions,
) -> Result<Box<dyn Pictures>, CameraError> {
    Ok(match source {
        CameraSource::Rtsp(url) => Box::new(Rtsp::open(source, url, options)?),
        CameraSource::HttpMjpeg(url) => Box::new(Mjpeg::http(source, url, options)?),
        CameraSource::Mjpeg { path, fps } => Box::new(Mjpeg::file(source, path, *fps)?),
        CameraSource::Folder { path, fps } => Box::new(Folder::open(source, path, *fps)?),
        CameraSource::Mp4(path) => Box::new(open_mp4(source, path)?),
        CameraSource::H264 { path, fps } => Box::new(open_h264(source, path, *fps)?),
    })
}

/// Strictly rising store time of arrival.
pub(super) struct StoreStamp {
    clock: Clock,
    last: Option<StoreTime>,
}

impl StoreStamp {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, last: None }
    }

    pub(super) fn now(&mut self) -> StoreTime {
        let now = (self.clock)();
        let t = self.last.map_or(now, |last| now.max(last + TimeDelta(1)));
        self.last = Some(t);
        t
    }
}

/// H.264 out of a file.
struct H264File<U> {
    source: CameraSource,
    units: U,
    decoder: H264Decoder,
    ready: VecDeque<(i64, Picture)>,
    given: u64,
    ended: bool,
}

fn open_mp4(
    source: &CameraSource,
    path: &Path,
) -> Result<H264File<impl Iterator<Item = AccessUnit> + Send + use<>>, CameraError> {
    let fail = |cause| CameraError::new(source, cause);
    let mut file = File::open(path).map_err(|e| fail(e.into()))?;
    let table = Mp4::read(&mut file).map_err(|e| {
        fail(match e {
            super::Mp4Error::Io(e) => Cause::Read(e),
            super::Mp4Error::NotH264(what) => Cause::Format(format!("video of kind {what}")),
            other => Cause::Damaged(other.to_string()),
        })
    })?;
    let mut head = Vec::new();
    table
        .parameter_sets
        .iter()
        .for_each(|set| nal::put_unit(&mut head, set));
    let mut file = BufReader::new(file);
    let length = table.length_bytes;
    let units = table
        .samples
        .into_iter()
        .enumerate()
        .map(move |(i, sample)| {
            let mut bytes = Vec::new();
            let read = file.seek(SeekFrom::Start(sample.offset)).and_then(|_| {
                (&mut file)
                    .take(u64::from(sample.size))
                    .read_to_end(&mut bytes)
            });
            // What cannot be read or is out of joint reaches the decoder as an empty unit, and counts.
            let body = read.ok().and_then(|_| nal::annex_b_of(&bytes, length));
            let mut annex_b = if i == 0 { head.clone() } else { Vec::new() };
            annex_b.extend(body.unwrap_or_default());
            AccessUnit {
                annex_b,
                pts: sample.pts_us,
            }
        });
    Ok(H264File::new(source, units))
}

fn open_h264(
    source: &CameraSource,
    path: &Path,
    fps: f64,
) -> Result<H264File<impl Iterator<Item = AccessUnit> + Send + use<>>, CameraError> {
    let fail = |cause| CameraError::new(source, cause);
    let size = std::fs::metadata(path).map_err(|e| fail(e.into()))?.len();
    if size > H264_BYTES_MAX {
        return Err(fail(Cause::Damaged(
            "more than 512 MiB of bare H.264: put it into an MP4 file".into(),
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| fail(e.into()))?;
    let units = access_units(&bytes);
    if units.is_empty() {
        return Err(fail(Cause::Damaged("there is no H.264 in it".into())));
    }
    let timed = units
        .into_iter()
        .enumerate()
        .map(move |(i, annex_b)| AccessUnit {
            annex_b,
            pts: TimeDelta::from_secs_f64(i as f64 / fps).0,
        });
    Ok(H264File::new(source, timed))
}

impl<U: Iterator<Item = AccessUnit>> H264File<U> {
    fn new(source: &CameraSource, units: U) -> Self {
        Self {
            source: source.clone(),
            units,
            decoder: H264Decoder::default(),
            ready: VecDeque::new(),
            given: 0,
            ended: false,
        }
    }
}

impl<U: Iterator<Item = AccessUnit> + Send> Pictures for H264File<U> {
    fn next(&mut self) -> Result<Option<TimedPicture>, CameraError> {
        let mut out = Vec::new();
        loop {
            if let Some((pts, picture)) = self.ready.pop_front() {
                self.given += 1;
                return Ok(Some(TimedPicture::after_start(TimeDelta(pts), picture)));
            }
            if self.ended {
                if self.given == 0 {
                    let (damaged, skipped) = self.decoder.damage();
                    let why = format!(
                        "none of its {} pictures could be decoded",
                        damaged + skipped
                    );
                    return Err(CameraError::new(&self.source, Cause::Damaged(why)));
                }
                return Ok(None);
            }
            match self.units.next() {
                Some(unit) => self
                    .decoder
                    .push(&unit, &mut out)
                    .map_err(|e| CameraError::new(&self.source, cause_of(e)))?,
                None => {
                    self.decoder.finish(&mut out);
                    self.ended = true;
                }
            }
            self.ready.extend(out.drain(..));
        }
    }

    fn damage(&self) -> (u64, u64) {
        self.decoder.damage()
    }
}

pub(super) fn cause_of(error: H264Error) -> Cause {
    match error {
        H264Error::Unsupported(what) => Cause::Format(what),
        H264Error::Start(why) => Cause::Protocol(why),
    }
}
