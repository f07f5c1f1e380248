//! Bytes that were not made by a camera, or not left as it made them: nothing panics, nothing grows without
//! bound, and what comes out is a picture of the size that was promised. The fuzz targets `video` and
//! `pictures` hold the same properties with other bytes.

use crate::camera::SIZE;
use crate::footage::{h264, jpeg, mp4, picture, png};
use proptest::prelude::*;
use std::io::Cursor;
use std::sync::LazyLock;
use walkout_sensors::camera::{
    AccessUnit, H264Decoder, JpegSplitter, Mp4, StreamShape, access_units, decode_picture,
    nal_units,
};

static UNITS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| h264(12, SIZE, 4));
static FILM: LazyLock<Vec<u8>> = LazyLock::new(|| mp4(&UNITS, SIZE));
static JPEG: LazyLock<Vec<u8>> = LazyLock::new(|| jpeg(&picture(3, SIZE)));
static PNG: LazyLock<Vec<u8>> = LazyLock::new(|| png(&picture(3, SIZE)));

/// What may happen to bytes: at (a share of the length), what.
#[derive(Clone, Debug)]
enum Harm {
    Set(f64, u8),
    Flip(f64, u8),
    Cut(f64),
    Drop(f64, usize),
    Repeat(f64, usize),
    Words(f64, u32),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = 0.0..1.0_f64;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(a, b)| Harm::Set(a, b)),
        (at.clone(), 0..8_u8).prop_map(|(a, b)| Harm::Flip(a, 1 << b)),
        at.clone().prop_map(Harm::Cut),
        (at.clone(), 1..64_usize).prop_map(|(a, n)| Harm::Drop(a, n)),
        (at.clone(), 1..64_usize).prop_map(|(a, n)| Harm::Repeat(a, n)),
        (
            at,
            prop_oneof![Just(0), Just(u32::MAX), Just(1 << 31), any::<u32>()]
        )
            .prop_map(|(a, w)| Harm::Words(a, w)),
    ]
}

fn harmed(bytes: &[u8], harms: &[Harm]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for harm in harms {
        if out.is_empty() {
            break;
        }
        let at = |share: f64| ((share * out.len() as f64) as usize).min(out.len() - 1);
        match *harm {
            Harm::Set(a, b) => {
                let i = at(a);
                out[i] = b;
            }
            Harm::Flip(a, b) => {
                let i = at(a);
                out[i] ^= b;
            }
            Harm::Cut(a) => out.truncate(at(a)),
            Harm::Drop(a, n) => {
                let i = at(a);
                out.drain(i..(i + n).min(out.len()));
            }
            Harm::Repeat(a, n) => {
                let i = at(a);
                let piece = out[i..(i + n).min(out.len())].to_vec();
                out.splice(i..i, piece);
            }
            Harm::Words(a, w) => {
                let i = at(a);
                for (slot, byte) in out[i..].iter_mut().zip(w.to_be_bytes()) {
                    *slot = byte;
                }
            }
        }
    }
    out
}

/// Decodes a stream; gives how many pictures came.
fn decode(stream: &[u8]) -> usize {
    let mut decoder = H264Decoder::default();
    let (mut out, mut count) = (Vec::new(), 0);
    for (n, annex_b) in access_units(stream).into_iter().enumerate() {
        let unit = AccessUnit {
            annex_b,
            pts: n as i64,
        };
        if decoder.push(&unit, &mut out).is_err() {
            break;
        }
        for (_, picture) in out.drain(..) {
            let pixels = u64::from(picture.width) * u64::from(picture.height);
            assert!(pixels <= 4_096 * 2_304 && picture.rgb.len() as u64 == pixels * 3);
            count += 1;
        }
    }
    decoder.finish(&mut out);
    count + out.len()
}

#[test]
fn whole_streams_decode_whole() {
    assert_eq!(decode(&UNITS.concat()), 12);
    let mut film = Cursor::new(FILM.as_slice());
    assert_eq!(Mp4::read(&mut film).unwrap().samples.len(), 12);
}

/// Found by the property below: the codes of a JPEG run out in the middle of a picture.
#[test]
fn a_jpeg_whose_codes_run_out_is_a_picture_or_refused() {
    for at in 0..200 {
        let harms = [Harm::Words(f64::from(at) / 200.0, u32::MAX)];
        if let Ok(picture) = decode_picture(&harmed(&JPEG, &harms)) {
            assert_eq!([picture.width, picture.height], SIZE);
        }
    }
}

proptest! {
    #[test]
    fn harmed_h264_never_panics(harms in prop::collection::vec(harm(), 1..12)) {
        let count = decode(&harmed(&UNITS.concat(), &harms));
        // Harm repeats at most 64 bytes at a time, so it makes few pictures of its own.
        prop_assert!(count <= 40, "{count} pictures of 12");
    }

    #[test]
    fn any_bytes_are_no_danger_to_the_h264_gate(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut stream = vec![0, 0, 1, 0x67];
        stream.extend(&bytes);
        decode(&stream);
        for nal in nal_units(&stream) {
            if let Ok(shape) = StreamShape::of_sps(nal) {
                prop_assert!(u64::from(shape.width) * u64::from(shape.height) <= 4_096 * 2_304);
            }
        }
    }

    #[test]
    fn harmed_mp4_tables_point_into_the_file(harms in prop::collection::vec(harm(), 1..12)) {
        let film = harmed(&FILM, &harms);
        if let Ok(table) = Mp4::read(&mut Cursor::new(film.as_slice())) {
            for sample in &table.samples {
                prop_assert!(sample.offset + u64::from(sample.size) <= film.len() as u64);
            }
            prop_assert!(table.samples.len() <= film.len());
        }
    }

    #[test]
    fn harmed_pictures_are_pictures_or_refused(
        harms in prop::collection::vec(harm(), 1..6),
        is_png in any::<bool>(),
    ) {
        let whole = if is_png { &PNG } else { &JPEG };
        if let Ok(picture) = decode_picture(&harmed(whole, &harms)) {
            prop_assert_eq!(picture.rgb.len() as u64, u64::from(picture.width) * u64::from(picture.height) * 3);
        }
    }

    #[test]
    fn a_harmed_stream_of_jpegs_is_cut_into_pieces_that_begin_and_end_as_pictures(
        harms in prop::collection::vec(harm(), 0..8),
        step in 1..5_000_usize,
    ) {
        let stream = harmed(&[JPEG.as_slice(), &JPEG, &JPEG].concat(), &harms);
        let (mut splitter, mut out) = (JpegSplitter::default(), Vec::new());
        for piece in stream.chunks(step) {
            splitter.push(piece, &mut out);
        }
        prop_assert!(out.iter().map(Vec::len).sum::<usize>() <= stream.len());
        for jpeg in &out {
            prop_assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.ends_with(&[0xff, 0xd9]));
        }
        if harms.is_empty() {
            prop_assert_eq!(out.len(), 3);
        }
    }
}
