//! Cameras: from a URL, a file or a folder to [`CameraFrame`]s with store time, and a watchdog.
//!
//! [`Pictures`] is one opened source ([`open`]); [`Camera`] keeps one open for good: it reconnects with
//! [`BackOff`], times what comes ([`RtpClock`]), watches it ([`CameraWatch`]) and hands it over by a
//! [`FrameQueue`] that drops the oldest. The parts that decide anything are sans-IO. What a source may
//! be, how times are made and what each kind of fault is, is written down in `docs/reference/cameras.md`.
//!
//! [`CameraFrame`]: walkout_model::CameraFrame

mod backoff;
mod driver;
mod error;
mod folder;
mod grey;
mod h264;
mod mjpeg;
mod mp4;
mod nal;
mod open;
mod picture;
mod queue;
mod rtp_clock;
mod rtsp;
mod watch;

pub use backoff::BackOff;
pub use driver::{Camera, CameraOptions, CameraStatus, Clock};
pub use error::{CameraError, Cause as CameraCause};
pub use grey::Grey;
pub use h264::{AccessUnit, H264Decoder, H264Error, Times, access_units};
pub use mjpeg::JpegSplitter;
pub use mp4::{Mp4, Mp4Error};
pub use nal::{StreamShape, nal_units};
pub use open::{OpenOptions, PictureTime, Pictures, TimedPicture, open};
pub use picture::{PIXELS_MAX, Picture, PictureError, decode_picture};
pub use queue::FrameQueue;
pub use rtp_clock::{RtpClock, RtpClockState};
pub use watch::{CameraWatch, WatchSettings};
