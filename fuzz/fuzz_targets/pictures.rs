//! PNG, JPEG and streams of JPEG: a picture of its size, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walkout_sensors::camera::{JpegSplitter, decode_picture};

fuzz_target!(|data: &[u8]| {
    if let Ok(picture) = decode_picture(data) {
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        assert_eq!(picture.rgb.len() as u64, pixels * 3);
    }
    let (mut splitter, mut out) = (JpegSplitter::default(), Vec::new());
    for piece in data.chunks(97) {
        splitter.push(piece, &mut out);
    }
    assert!(out.iter().map(Vec::len).sum::<usize>() <= data.len());
});
