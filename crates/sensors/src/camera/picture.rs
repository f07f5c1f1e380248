//! Single pictures: PNG and JPEG bytes to rows of RGB, with bounds that hold before memory is taken.

use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Most pixels that a picture may have: 16 megapixels.
pub const PIXELS_MAX: u64 = 16 << 20;
/// Longest side, pixels.
const SIDE_MAX: usize = 8_192;
/// Longest file of one picture, bytes.
pub(super) const BYTES_MAX: u64 = 64 << 20;

/// A decoded picture: rows from the top, red, green, blue, 8 bits each.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels along a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 3 · width · height bytes.
    pub rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    /// Without the pixels.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture {} x {}", self.width, self.height)
    }
}

/// Why bytes are no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Nothing.
    #[error("the file is empty")]
    Empty,
    /// Neither kind.
    #[error("it is neither PNG nor JPEG: it begins with {0}")]
    Unknown(String),
    /// A picture larger than is taken.
    #[error("{width} x {height} pixels are too many: at most 8192 a side and 16 megapixels")]
    TooLarge {
        /// Pixels along a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The decoder gave up.
    #[error("the {kind} is corrupt or cut short: {why}")]
    Corrupt {
        /// PNG or JPEG.
        kind: &'static str,
        /// The decoder's words.
        why: String,
    },
}

/// Decodes a PNG or JPEG file by what its first bytes say. Grey, palettes, alpha and 16 bits become RGB
/// of 8 bits; alpha is left off.
///
/// # Errors
/// Why the bytes are no picture.
pub fn decode_picture(bytes: &[u8]) -> Result<Picture, PictureError> {
    match bytes {
        [] => Err(PictureError::Empty),
        [0xff, 0xd8, ..] => jpeg(bytes),
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        _ => {
            let start: Vec<String> = bytes.iter().take(4).map(|b| format!("{b:02x}")).collect();
            Err(PictureError::Unknown(start.join(" ")))
        }
    }
}

fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    let fits = (1..=SIDE_MAX).contains(&width)
        && (1..=SIDE_MAX).contains(&height)
        && (width * height) as u64 <= PIXELS_MAX;
    if fits {
        Ok(())
    } else {
        Err(PictureError::TooLarge { width, height })
    }
}

fn picture(width: usize, height: usize, rgb: Vec<u8>) -> Option<Picture> {
    (rgb.len() == width * height * 3).then_some(Picture {
        width: u32::try_from(width).ok()?,
        height: u32::try_from(height).ok()?,
        rgb,
    })
}

fn jpeg(bytes: &[u8]) -> Result<Picture, PictureError> {
    let corrupt = |why: String| PictureError::Corrupt { kind: "JPEG", why };
    let options = DecoderOptions::new_safe()
        .set_max_width(SIDE_MAX)
        .set_max_height(SIDE_MAX)
        // Half a picture is no picture.
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(bytes, options);
    decoder
        .decode_headers()
        .map_err(|e| corrupt(e.to_string()))?;
    let (width, height) = decoder
        .dimensions()
        .ok_or_else(|| corrupt("it has no size".into()))?;
    check_size(width, height)?;
    let rgb = decoder.decode().map_err(|e| corrupt(e.to_string()))?;
    picture(width, height, rgb).ok_or_else(|| corrupt("its pixels do not fit its size".into()))
}

fn png(bytes: &[u8]) -> Result<Picture, PictureError> {
    let corrupt = |why: String| PictureError::Corrupt { kind: "PNG", why };
    let limits = png::Limits {
        bytes: PIXELS_MAX as usize * 8,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let header = decoder
        .read_header_info()
        .map_err(|e| corrupt(e.to_string()))?;
    let (width, height) = (header.width as usize, header.height as usize);
    check_size(width, height)?;
    let mut reader = decoder.read_info().map_err(|e| corrupt(e.to_string()))?;
    let size = reader
        .output_buffer_size()
        .ok_or(PictureError::TooLarge { width, height })?;
    let mut pixels = vec![0; size];
    let info = reader
        .next_frame(&mut pixels)
        .map_err(|e| corrupt(e.to_string()))?;
    pixels.truncate(info.buffer_size());
    let grey = |pixel: &[u8]| [pixel[0]; 3];
    let rgb: Vec<u8> = match info.color_type {
        png::ColorType::Rgb => pixels,
        png::ColorType::Rgba => pixels
            .chunks_exact(4)
            .flat_map(|p| [p[0], p[1], p[2]])
            .collect(),
        png::ColorType::Grayscale => pixels.chunks_exact(1).flat_map(grey).collect(),
        png::ColorType::GrayscaleAlpha => pixels.chunks_exact(2).flat_map(grey).collect(),
        png::ColorType::Indexed => return Err(corrupt("its palette is missing".into())),
    };
    picture(width, height, rgb).ok_or_else(|| corrupt("its pixels do not fit its size".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png_of(color: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn every_kind_of_png_becomes_rgb() {
        use png::{BitDepth, ColorType};
        for (color, depth, data, rgb) in [
            (
                ColorType::Rgb,
                BitDepth::Eight,
                vec![1, 2, 3, 4, 5, 6],
                [1, 2, 3, 4, 5, 6],
            ),
            (
                ColorType::Rgba,
                BitDepth::Eight,
                vec![1, 2, 3, 9, 4, 5, 6, 9],
                [1, 2, 3, 4, 5, 6],
            ),
            (
                ColorType::Grayscale,
                BitDepth::Eight,
                vec![7, 8],
                [7, 7, 7, 8, 8, 8],
            ),
            (
                ColorType::Grayscale,
                BitDepth::Sixteen,
                vec![7, 200, 8, 1],
                [7, 7, 7, 8, 8, 8],
            ),
            (
                ColorType::GrayscaleAlpha,
                BitDepth::Eight,
                vec![7, 1, 8, 2],
                [7, 7, 7, 8, 8, 8],
            ),
            (
                ColorType::Grayscale,
                BitDepth::One,
                vec![0b0100_0000],
                [0, 0, 0, 255, 255, 255],
            ),
        ] {
            let decoded = decode_picture(&png_of(color, depth, &data)).unwrap();
            assert_eq!((decoded.width, decoded.height), (2, 1));
            assert_eq!(decoded.rgb, rgb, "{color:?} {depth:?}");
        }
    }

    #[test]
    fn what_is_no_picture_says_why() {
        assert_eq!(decode_picture(&[]), Err(PictureError::Empty));
        let error = decode_picture(b"GIF89a").unwrap_err().to_string();
        assert!(error.contains("47 49 46 38"), "{error}");
        let whole = png_of(
            png::ColorType::Rgb,
            png::BitDepth::Eight,
            &[1, 2, 3, 4, 5, 6],
        );
        let cut = decode_picture(&whole[..whole.len() / 2]).unwrap_err();
        assert!(
            matches!(cut, PictureError::Corrupt { kind: "PNG", .. }),
            "{cut}"
        );
        let mut huge = whole.clone();
        huge[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        // The header's checksum is wrong now; either word of refusal will do, memory must not be taken.
        assert!(decode_picture(&huge).is_err());
        assert!(decode_picture(&[0xff, 0xd8, 0xff, 0xe0]).is_err());
    }
}
