//! Where a camera's pictures come from.

use std::path::{Path, PathBuf};

/// Frames a second of what carries no times of its own, unless it says otherwise.
const FPS_DEFAULT: f64 = 10.0;

/// A source of pictures.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraSource {
    /// A camera on the network that speaks RTSP: H.264 or JPEG over RTP.
    Rtsp(String),
    /// A camera that sends JPEG pictures one after the other over HTTP (`multipart/x-mixed-replace`).
    HttpMjpeg(String),
    /// An MP4 file with H.264.
    Mp4(PathBuf),
    /// A file of H.264 as the encoder wrote it (Annex B).
    H264 {
        /// The file.
        path: PathBuf,
        /// Frames a second.
        fps: f64,
    },
    /// A file of JPEG pictures one after the other.
    Mjpeg {
        /// The file.
        path: PathBuf,
        /// Frames a second.
        fps: f64,
    },
    /// A folder of PNG and JPEG pictures, in the order of their names.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Frames a second.
        fps: f64,
    },
}

/// Why a text names no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{shown}\" names no pictures: {why}")]
pub struct CameraSourceError {
    /// What was written, cut short and without its password.
    pub shown: String,
    /// What is wrong, and what to write.
    pub why: String,
}

impl std::str::FromStr for CameraSource {
    type Err = CameraSourceError;

    fn from_str(text: &str) -> Result<Self, CameraSourceError> {
        let refused = |why: &str| CameraSourceError {
            shown: without_password(text).chars().take(80).collect(),
            why: why.to_owned(),
        };
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err(refused("write a URL, a file or a folder"));
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            check_authority(rest).map_err(|why| refused(&why))?;
            return match scheme {
                "rtsp" => Ok(Self::Rtsp(text.to_owned())),
                "http" => Ok(Self::HttpMjpeg(text.to_owned())),
                "rtsps" | "https" => Err(refused(
                    "TLS is not spoken to cameras: keep them on a network of their own and write rtsp:// or http://",
                )),
                _ => Err(refused("a URL begins with rtsp:// or http://")),
            };
        }
        let (path, fps) = match text.rsplit_once("?fps=") {
            None => (text, None),
            Some((path, fps)) => match fps.parse::<f64>() {
                Ok(fps) if (0.01..=240.0).contains(&fps) => (path, Some(fps)),
                _ => return Err(refused("write ?fps= with a number from 0.01 to 240")),
            },
        };
        let path = PathBuf::from(path);
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        let rate = fps.unwrap_or(FPS_DEFAULT);
        match extension.to_ascii_lowercase().as_str() {
            "mp4" | "m4v" | "mov" if fps.is_some() => Err(refused(
                "an MP4 file has times of its own: leave ?fps= away",
            )),
            "mp4" | "m4v" | "mov" => Ok(Self::Mp4(path)),
            "264" | "h264" => Ok(Self::H264 { path, fps: rate }),
            "mjpeg" | "mjpg" => Ok(Self::Mjpeg { path, fps: rate }),
            "avi" | "mkv" | "webm" | "ts" | "gif" | "png" | "jpg" | "jpeg" => Err(refused(
                "only .mp4, .h264 and .mjpeg files and folders of PNG or JPEG pictures are read",
            )),
            _ => Ok(Self::Folder { path, fps: rate }),
        }
    }
}

impl CameraSource {
    /// The same, with a relative path taken from `base`.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        if let Some(path) = self.path_mut() {
            *path = base.join(&*path);
        }
        self
    }

    /// Whether it gives pictures as they are taken, for ever; a file ends.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Rtsp(_) | Self::HttpMjpeg(_))
    }

    fn path_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Rtsp(_) | Self::HttpMjpeg(_) => None,
            Self::Mp4(path)
            | Self::H264 { path, .. }
            | Self::Mjpeg { path, .. }
            | Self::Folder { path, .. } => Some(path),
        }
    }
}

impl std::fmt::Display for CameraSource {
    /// As it was written, without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rtsp(url) | Self::HttpMjpeg(url) => f.write_str(&without_password(url)),
            Self::Mp4(path)
            | Self::H264 { path, .. }
            | Self::Mjpeg { path, .. }
            | Self::Folder { path, .. } => path.display().fmt(f),
        }
    }
}

/// The URL with `***` for its password.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or("");
            format!("{scheme}://{name}:***@{host}{path}")
        }
        None => url.to_owned(),
    }
}

fn check_authority(rest: &str) -> Result<(), String> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    // An IPv6 address stands in brackets.
    let (host, port) = match host_port.strip_prefix('[').and_then(|r| r.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => match host_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, None),
        },
    };
    if host.is_empty() || rest.contains(char::is_whitespace) {
        return Err("after :// comes a host, as in rtsp://192.168.1.20/stream".into());
    }
    if port.is_some_and(|p| p.parse::<u16>().map_or(true, |p| p == 0)) {
        return Err("a port is a number from 1 to 65535".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CameraSource, CameraSourceError> {
        text.parse()
    }

    #[test]
    fn urls_files_and_folders_are_told_apart() {
        let url = "rtsp://user:pa:ss@10.0.0.2:8554/s?x=1";
        assert_eq!(parse(url), Ok(CameraSource::Rtsp(url.into())));
        assert!(parse("rtsp://[fe80::1]:554/s").unwrap().is_live());
        assert!(parse("http://10.0.0.2/mjpg").unwrap().is_live());
        assert_eq!(parse("a/B.MP4"), Ok(CameraSource::Mp4("a/B.MP4".into())));
        let folder = CameraSource::Folder {
            path: "frames".into(),
            fps: 25.0,
        };
        assert_eq!(parse("frames?fps=25"), Ok(folder.clone()));
        let base = CameraSource::Folder {
            path: "shop/frames".into(),
            fps: 25.0,
        };
        assert_eq!(folder.relative_to(Path::new("shop")), base);
    }

    #[test]
    fn what_names_no_pictures_is_refused_and_passwords_are_not_shown() {
        for (wrong, says) in [
            ("", "write a URL"),
            ("ftp://x/y", "rtsp:// or http://"),
            ("rtsp://", "host"),
            ("rtsp://h:99999/s", "port"),
            ("rtsp://h:0/s", "port"),
            ("rtsps://h/s", "TLS"),
            ("a.mp4?fps=5", "leave ?fps= away"),
            ("a.mkv", ".mp4"),
            ("frames?fps=x", "?fps="),
            ("frames?fps=nan", "?fps="),
        ] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.contains(says), "{wrong}: {error}");
        }
        let shown = parse("rtsp://me:s3cret@h/s").unwrap().to_string();
        assert_eq!(shown, "rtsp://me:***@h/s");
        let error = parse("ftp://me:s3cret@h/s").unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
