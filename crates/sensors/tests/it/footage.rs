//! Footage made for the tests: a bright square walks over a grey ramp, so that each picture differs from the
//! one before it and tells its number.

use muxide::api::{MuxerBuilder, VideoCodec};
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Encoder, EncoderConfig, FrameRate, IntraFramePeriod, RateControlMode,
};
use openh264::formats::{RgbSliceU8, YUVBuffer};
use std::path::PathBuf;
use walkout_sensors::camera::Picture;

/// A folder that goes with the test.
pub struct TempDir(pub PathBuf);

impl TempDir {
    pub fn new(name: &str) -> Self {
        let name = format!("walkout-camera-{name}-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where the square's left edge is in picture `n`.
fn place(n: usize, width: u32) -> u32 {
    (n as u32 * 4) % (width - 24)
}

pub fn picture(n: usize, [width, height]: [u32; 2]) -> Picture {
    let left = place(n, width);
    let mut rgb = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let in_square = (left..left + 24).contains(&x) && (20..44).contains(&y);
            let level = if in_square { 235 } else { 40 + x * 60 / width };
            rgb.extend([level as u8; 3]);
        }
    }
    Picture { width, height, rgb }
}

/// The number of the picture that this is, up to the square's way round.
pub fn number_of(picture: &Picture) -> usize {
    let row = picture.width as usize * 32;
    let bright = (0..picture.width as usize).find(|x| picture.rgb[(row + x) * 3] > 170);
    bright.map_or(usize::MAX, |x| (x + 2) / 4)
}

/// Access units in Annex B; a key frame every `keys`.
pub fn h264(count: usize, size: [u32; 2], keys: u32) -> Vec<Vec<u8>> {
    let config = EncoderConfig::new()
        .max_frame_rate(FrameRate::from_hz(25.0))
        .bitrate(BitRate::from_bps(2_000_000))
        .rate_control_mode(RateControlMode::Quality)
        .skip_frames(false)
        .scene_change_detect(false)
        .intra_frame_period(IntraFramePeriod::from_num_frames(keys));
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).unwrap();
    let unit = |n: usize| {
        let picture = picture(n, size);
        let [w, h] = size.map(|s| s as usize);
        let yuv = YUVBuffer::from_rgb8_source(RgbSliceU8::new(&picture.rgb, (w, h)));
        encoder.encode(&yuv).unwrap().to_vec()
    };
    (0..count).map(unit).collect()
}

/// An MP4 file of these units, 25 a second.
pub fn mp4(units: &[Vec<u8>], [width, height]: [u32; 2]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut muxer = MuxerBuilder::new(&mut bytes)
        .video(VideoCodec::H264, width, height, 25.0)
        .build()
        .unwrap();
    for (n, unit) in units.iter().enumerate() {
        let is_key = walkout_sensors::camera::nal_units(unit).any(|nal| nal[0] & 31 == 5);
        muxer.write_video(n as f64 / 25.0, unit, is_key).unwrap();
    }
    muxer.finish().unwrap();
    bytes
}

pub fn jpeg(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let [w, h] = [picture.width, picture.height].map(|s| s as u16);
    jpeg_encoder::Encoder::new(&mut bytes, 95)
        .encode(&picture.rgb, w, h, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    bytes
}

pub fn png(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&picture.rgb).unwrap();
    writer.finish().unwrap();
    bytes
}
