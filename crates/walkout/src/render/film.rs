//! Files of pictures: PNG, JPEG, and H.264 in MP4 where the feature `h264` is built.

use anyhow::{Context, Result};
use walkout_simulator::render::Picture;

/// A PNG file.
pub fn png(picture: &Picture) -> Result<Vec<u8>> {
    png_of([picture.width, picture.height], &picture.rgb)
}

/// A PNG file of width and height, and red, green and blue in rows.
pub fn png_of([width, height]: [u32; 2], rgb: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().context("encode PNG")?;
    writer.write_image_data(rgb).context("encode PNG")?;
    writer.finish().context("encode PNG")?;
    Ok(bytes)
}

/// A JPEG file.
pub fn jpeg(picture: &Picture) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (w, h) = (
        u16::try_from(picture.width)?,
        u16::try_from(picture.height)?,
    );
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder
        .encode(&picture.rgb, w, h, jpeg_encoder::ColorType::Rgb)
        .context("encode JPEG")?;
    Ok(bytes)
}

#[cfg(feature = "h264")]
pub use with::Video;
#[cfg(not(feature = "h264"))]
pub use without::Video;

#[cfg(not(feature = "h264"))]
mod without {
    use super::{Picture, Result};
    use anyhow::bail;
    use std::path::Path;

    /// A video that this build cannot write.
    pub enum Video {}

    impl Video {
        pub fn create(_: &Path, _: [u32; 2], _: f64) -> Result<Self> {
            bail!(
                "this walkout was built without H.264: build it with `--features h264`, or use --format png"
            )
        }

        pub fn add(&mut self, _: u64, _: &Picture) -> Result<()> {
            match *self {}
        }

        pub fn close(self) -> Result<()> {
            match self {}
        }
    }
}

#[cfg(feature = "h264")]
mod with {
    use super::{Context, Picture, Result};
    use anyhow::{anyhow, ensure};
    use muxide::api::{Muxer, MuxerBuilder, VideoCodec};
    use openh264::OpenH264API;
    use openh264::encoder::{
        BitRate, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode,
    };
    use openh264::formats::{RgbSliceU8, YUVBuffer};
    use std::fs::File;
    use std::path::Path;

    /// An MP4 file in the making.
    pub struct Video {
        file: String,
        encoder: Encoder,
        muxer: Muxer<File>,
        fps: f64,
    }

    impl Video {
        pub fn create(path: &Path, size_px: [u32; 2], fps: f64) -> Result<Self> {
            let [w, h] = size_px;
            ensure!(
                w % 2 == 0 && h % 2 == 0,
                "H.264 wants even sizes, and {w}x{h} is not: use --size {}x{}",
                w & !1,
                h & !1
            );
            let file = path.display().to_string();
            let config = EncoderConfig::new()
                .max_frame_rate(FrameRate::from_hz(fps as f32))
                .bitrate(BitRate::from_bps(
                    ((f64::from(w * h) * fps * 0.14) as u32).max(200_000),
                ))
                .rate_control_mode(RateControlMode::Quality)
                .skip_frames(false)
                .intra_frame_period(IntraFramePeriod::from_num_frames(
                    (fps * 2.0).round().max(1.0) as u32,
                ));
            let encoder = Encoder::with_api_config(OpenH264API::from_source(), config)
                .context("start the H.264 encoder")?;
            let out = File::create(path).with_context(|| format!("write {file}"))?;
            let muxer = MuxerBuilder::new(out)
                .video(VideoCodec::H264, w, h, fps)
                .build()
                .map_err(|e| anyhow!("start {file}: {e}"))?;
            Ok(Self {
                file,
                encoder,
                muxer,
                fps,
            })
        }

        /// Adds frame number `n`.
        pub fn add(&mut self, n: u64, picture: &Picture) -> Result<()> {
            let size = (picture.width as usize, picture.height as usize);
            let yuv = YUVBuffer::from_rgb8_source(RgbSliceU8::new(&picture.rgb, size));
            let bits = self
                .encoder
                .encode(&yuv)
                .with_context(|| format!("encode frame {n} of {}", self.file))?;
            let key = matches!(bits.frame_type(), FrameType::IDR | FrameType::I);
            let bytes = bits.to_vec();
            self.muxer
                .write_video(n as f64 / self.fps, &bytes, key)
                .map_err(|e| anyhow!("write frame {n} of {}: {e}", self.file))
        }

        pub fn close(self) -> Result<()> {
            let file = self.file;
            self.muxer
                .finish()
                .map_err(|e| anyhow!("finish {file}: {e}"))
        }
    }
}
