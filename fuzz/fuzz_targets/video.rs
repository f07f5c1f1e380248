//! Bare H.264 and MP4: nothing panics or reads where it must not, sizes stay bounded, and an MP4's samples lie
//! in the file. The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Cursor;
use walkout_sensors::camera::{AccessUnit, H264Decoder, Mp4, access_units};

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    if choice % 2 == 0 {
        if let Ok(table) = Mp4::read(&mut Cursor::new(data)) {
            for sample in &table.samples {
                assert!(sample.offset + u64::from(sample.size) <= data.len() as u64);
            }
        }
        return;
    }
    let mut decoder = H264Decoder::default();
    let mut out = Vec::new();
    for (n, annex_b) in access_units(data).into_iter().enumerate() {
        let unit = AccessUnit { annex_b, pts: n as i64 };
        if decoder.push(&unit, &mut out).is_err() {
            return;
        }
        for (_, picture) in out.drain(..) {
            let pixels = u64::from(picture.width) * u64::from(picture.height);
            assert!(pixels <= 4_096 * 2_304 && picture.rgb.len() as u64 == pixels * 3);
        }
    }
    decoder.finish(&mut out);
});
