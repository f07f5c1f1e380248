//! Pictures from files.

use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use walkout_perception::calibration::GreyPicture;

/// Rows of red, green, blue.
#[derive(Clone, Debug)]
pub struct Rgb {
    /// Width and height.
    pub size_px: [u32; 2],
    /// Three bytes a pixel.
    pub rgb: Vec<u8>,
}

/// Largest file that is read, bytes.
const FILE_MAX: u64 = 200 << 20;
/// Largest picture, pixels.
const PIXELS_MAX: u64 = 100_000_000;

impl Rgb {
    /// A picture of one colour.
    pub fn plain(size_px: [u32; 2], colour: [u8; 3]) -> Self {
        let n = size_px[0] as usize * size_px[1] as usize;
        Self {
            size_px,
            rgb: colour.repeat(n),
        }
    }

    /// Its brightness.
    pub fn grey(&self) -> Result<GreyPicture> {
        let [w, h] = self.size_px;
        Ok(GreyPicture::from_rgb(w, h, &self.rgb)?)
    }

    /// A PNG file.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let [w, h] = self.size_px;
        let mut encoder = png::Encoder::new(&mut bytes, w, h);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().context("encode PNG")?;
        writer.write_image_data(&self.rgb).context("encode PNG")?;
        writer.finish().context("encode PNG")?;
        Ok(bytes)
    }
}

/// Reads a PNG or JPEG file.
pub fn read(path: &Path) -> Result<Rgb> {
    let name = path.display();
    let length = std::fs::metadata(path)
        .with_context(|| format!("read {name}"))?
        .len();
    ensure!(
        length <= FILE_MAX,
        "{name}: larger than {} MB",
        FILE_MAX >> 20
    );
    let bytes = std::fs::read(path).with_context(|| format!("read {name}"))?;
    let picture = match bytes.get(..4) {
        Some([0x89, b'P', b'N', b'G']) => read_png(&bytes),
        Some([0xff, 0xd8, 0xff, _]) => read_jpeg(&bytes),
        _ => bail!("{name}: neither a PNG nor a JPEG file"),
    };
    picture.with_context(|| format!("{name}: a picture that cannot be read"))
}

fn sized(size_px: [u32; 2]) -> Result<()> {
    let pixels = u64::from(size_px[0]) * u64::from(size_px[1]);
    ensure!(
        pixels > 0 && pixels <= PIXELS_MAX,
        "{} x {} pixels",
        size_px[0],
        size_px[1]
    );
    Ok(())
}

fn read_png(bytes: &[u8]) -> Result<Rgb> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let info = reader.info();
    sized([info.width, info.height])?;
    let mut data = vec![0; reader.output_buffer_size().context("too large")?];
    let frame = reader.next_frame(&mut data)?;
    data.truncate(frame.buffer_size());
    let rgb: Vec<u8> = match frame.color_type {
        png::ColorType::Rgb => data,
        png::ColorType::Rgba => data
            .chunks_exact(4)
            .flat_map(|c| [c[0], c[1], c[2]])
            .collect(),
        png::ColorType::Grayscale => data.iter().flat_map(|v| [*v; 3]).collect(),
        png::ColorType::GrayscaleAlpha => data.chunks_exact(2).flat_map(|c| [c[0]; 3]).collect(),
        png::ColorType::Indexed => bail!("indexed colours"),
    };
    Ok(Rgb {
        size_px: [frame.width, frame.height],
        rgb,
    })
}

fn read_jpeg(bytes: &[u8]) -> Result<Rgb> {
    let mut decoder = zune_jpeg::JpegDecoder::new(bytes);
    decoder.decode_headers()?;
    let (w, h) = decoder.dimensions().context("no size")?;
    let size_px = [u32::try_from(w)?, u32::try_from(h)?];
    sized(size_px)?;
    let rgb = decoder.decode()?;
    let pixels = w * h;
    let rgb = match rgb.len() / pixels.max(1) {
        1 => rgb.iter().flat_map(|v| [*v; 3]).collect(),
        _ => rgb,
    };
    ensure!(rgb.len() == 3 * pixels, "colours that are not understood");
    Ok(Rgb { size_px, rgb })
}
