//! What can be wrong with a source of pictures.

use walkout_model::CameraSource;

/// A source gave no pictures, or gives none any more.
#[derive(Debug, thiserror::Error)]
#[error("{from}: {cause}")]
pub struct CameraError {
    /// The source as it was named, without its password.
    pub from: String,
    /// What is wrong.
    pub cause: Cause,
}

impl CameraError {
    pub(super) fn new(source: &CameraSource, cause: Cause) -> Self {
        Self {
            from: source.to_string(),
            cause,
        }
    }
}

/// What is wrong with a source.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// A file or folder cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Nothing answers at the address.
    #[error("nothing answers there ({0}): check the address, the cable and that the camera is on")]
    Unreachable(String),
    /// User or password are wrong or missing.
    #[error(
        "refuses us (401): write the camera's user and password, as in rtsp://user:password@host/…"
    )]
    Unauthorised,
    /// The path does not exist on the camera.
    #[error(
        "has no such stream (404): the camera's manual says which path to write after the host"
    )]
    NoSuchStream,
    /// It answers, but not as a camera.
    #[error("does not answer as it should: {0}")]
    Protocol(String),
    /// It has pictures, in a form that is not decoded.
    #[error(
        "sends {0}, which is not decoded: set the camera to H.264 (baseline, main or high; 8 bit; not interlaced) or to MJPEG"
    )]
    Format(String),
    /// It has no pictures at all.
    #[error("has no pictures: {0}")]
    Empty(String),
    /// The bytes are not what they claim to be.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// Nothing came for so long.
    #[error("sent nothing for {0:.1} s")]
    Silent(f64),
    /// A live source ended its stream.
    #[error("ended the stream")]
    Ended,
    /// This program cannot do it.
    #[error("cannot be opened: this walkout was built without {0}")]
    NotBuilt(&'static str),
}

impl Cause {
    /// Whether the source is only away and may be back any moment; else somebody must do something about it.
    pub(super) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::Silent(_) | Self::Ended | Self::Read(_)
        )
    }
}
