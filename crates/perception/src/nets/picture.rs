//! Pictures as they come from a camera.

use super::prepare::Area;

/// Longest side of a picture.
const SIDE_MAX: u32 = 16_384;

/// A picture: rows of red, green, blue. Borrowed, so that a frame is not copied on the way.
#[derive(Clone, Copy, Debug)]
pub struct RgbPicture<'a> {
    width: u32,
    height: u32,
    rgb: &'a [u8],
}

/// Why bytes are no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// A side is 0 or absurd.
    #[error("a picture of {width} x {height} pixels: each side must have 1 to {SIDE_MAX}")]
    Size {
        /// Pixels along a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The bytes do not fit the size.
    #[error("a picture of {width} x {height} needs {needed} bytes of RGB, and {found} were given")]
    Bytes {
        /// Pixels along a row.
        width: u32,
        /// Rows.
        height: u32,
        /// Three a pixel.
        needed: u64,
        /// What came.
        found: usize,
    },
}

impl<'a> RgbPicture<'a> {
    /// A picture of these bytes.
    ///
    /// # Errors
    /// Their number does not fit the size, or a side is 0 or longer than 16,384 pixels.
    pub fn new(width: u32, height: u32, rgb: &'a [u8]) -> Result<Self, PictureError> {
        let sane = (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height);
        if !sane {
            return Err(PictureError::Size { width, height });
        }
        let needed = u64::from(width) * u64::from(height) * 3;
        if needed != rgb.len() as u64 {
            return Err(PictureError::Bytes {
                width,
                height,
                needed,
                found: rgb.len(),
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// Pixels along a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Its bytes, three a pixel, row by row.
    pub fn bytes(&self) -> &'a [u8] {
        self.rgb
    }

    /// All of it.
    pub fn area(&self) -> Area {
        [0.0, 0.0, f64::from(self.width), f64::from(self.height)]
    }
}
