//! A picture of a camera on its way from the driver to the networks.

use crate::{CameraIx, StoreTime};
use std::sync::Arc;

/// Longest side of a picture, pixels.
pub const SIDE_MAX: u32 = 16_384;

/// One decoded picture of one camera. Cloning shares the pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct CameraFrame {
    /// Which camera.
    pub camera: CameraIx,
    /// When the shutter was open, as well as the camera's clock tells.
    pub t: StoreTime,
    /// Counts the frames that this camera gave since the shop opened, from 0; a gap is a frame that was
    /// dropped on the way.
    pub sequence: u64,
    width: u32,
    height: u32,
    rgb: Arc<[u8]>,
}

/// Why bytes are no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a picture of {width} x {height} needs sides of 1 to {SIDE_MAX} and 3 bytes a pixel, and {bytes} bytes were given"
)]
pub struct FrameError {
    /// Pixels along a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes that came.
    pub bytes: usize,
}

impl CameraFrame {
    /// A frame of these pixels: rows from the top, pixels from the left, red, green, blue, 8 bits each.
    ///
    /// # Errors
    /// The number of bytes is not 3 · width · height, or a side is 0 or longer than [`SIDE_MAX`].
    pub fn new(
        camera: CameraIx,
        t: StoreTime,
        sequence: u64,
        [width, height]: [u32; 2],
        rgb: impl Into<Arc<[u8]>>,
    ) -> Result<Self, FrameError> {
        let rgb = rgb.into();
        let sides = 1..=SIDE_MAX;
        let sane = sides.contains(&width) && sides.contains(&height);
        if !sane || u64::from(width) * u64::from(height) * 3 != rgb.len() as u64 {
            return Err(FrameError {
                width,
                height,
                bytes: rgb.len(),
            });
        }
        Ok(Self {
            camera,
            t,
            sequence,
            width,
            height,
            rgb,
        })
    }

    /// Pixels along a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Rows of red, green, blue: 3 · width · height bytes.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

impl std::fmt::Debug for CameraFrame {
    /// Without the pixels.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CameraFrame")
            .field("camera", &self.camera)
            .field("t", &self.t)
            .field("sequence", &self.sequence)
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_do_not_fit_the_size_are_no_frame() {
        let frame =
            |size, bytes| CameraFrame::new(CameraIx(0), StoreTime(0), 0, size, vec![0_u8; bytes]);
        let good = frame([4, 2], 24).unwrap();
        assert_eq!((good.width(), good.height(), good.rgb().len()), (4, 2, 24));
        for (size, bytes) in [
            ([4, 2], 23),
            ([4, 2], 25),
            ([0, 2], 0),
            ([16_385, 1], 49_155),
        ] {
            let error = frame(size, bytes).unwrap_err();
            assert_eq!(([error.width, error.height], error.bytes), (size, bytes));
        }
        assert!(frame([u32::MAX, u32::MAX], 3).is_err());
    }

    #[test]
    fn a_clone_shares_its_pixels() {
        let a = CameraFrame::new(CameraIx(1), StoreTime(5), 7, [1, 1], vec![1, 2, 3]).unwrap();
        assert!(std::ptr::eq(a.rgb(), a.clone().rgb()));
    }
}
