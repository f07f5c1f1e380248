//! The outside of an H.264 stream (ITU-T H.264, Annex B and 7.3.2.1): units, and what a sequence parameter
//! set promises. The decoder behind is C++; it gets no stream that this file has not let through.

use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitReader, ByteReader};

/// `nal_unit_type` of a slice, of a slice of an IDR picture, and of the parameter sets.
pub(super) const SLICE: u8 = 1;
pub(super) const IDR: u8 = 5;
pub(super) const SEI: u8 = 6;
pub(super) const SPS: u8 = 7;
pub(super) const PPS: u8 = 8;
pub(super) const DELIMITER: u8 = 9;

/// Largest picture that is decoded, in macroblocks of 16 × 16: level 5.1's 4096 × 2304.
const MACROBLOCKS_MAX: u64 = 36_864;
const SIDE_MACROBLOCKS_MAX: u32 = 512;

/// What a sequence parameter set says of its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamShape {
    /// Pixels along a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Whether pictures may be shown in another order than they are sent in.
    pub reorders: bool,
    /// Whether black is 0 and white 255, instead of 16 and 235.
    pub full_range: bool,
}

/// The type of a unit; 0 for an empty one.
pub(super) fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |b| b & 0x1f)
}

/// The units of a stream in Annex B: what stands between start codes (00 00 01), without the zeros after
/// it. Bytes before the first start code are left off.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        loop {
            let body = rest?;
            let end = find_start_code(body).unwrap_or(body.len());
            let (unit, next) = body.split_at(end);
            rest = after_start_code(next);
            let length = unit.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1);
            if let Some(unit @ [_, ..]) = unit.get(..length) {
                return Some(unit);
            }
        }
    })
}

pub(super) fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|w| w == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(find_start_code(bytes)? + 3..)
}

/// Puts a unit behind a start code.
pub(super) fn put_unit(out: &mut Vec<u8>, nal: &[u8]) {
    out.extend_from_slice(&[0, 0, 0, 1]);
    out.extend_from_slice(nal);
}

/// Units with their length before them, as MP4 files hold them, into Annex B. `None` if a length points
/// past the end.
pub(super) fn annex_b_of(mut sample: &[u8], length_bytes: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(sample.len() + 16);
    while !sample.is_empty() {
        let (length, rest) = sample.split_at_checked(length_bytes)?;
        let length = length
            .iter()
            .fold(0_usize, |n, &b| (n << 8) | usize::from(b));
        let (unit, rest) = rest.split_at_checked(length)?;
        if !unit.is_empty() {
            put_unit(&mut out, unit);
        }
        sample = rest;
    }
    Some(out)
}

/// Whether a slice is the first of its picture: its first field, `first_mb_in_slice`, is 0, which is
/// written as a single 1 bit.
pub(super) fn begins_picture(nal: &[u8]) -> bool {
    nal.get(1).is_some_and(|b| b & 0x80 != 0)
}

impl StreamShape {
    /// Of a sequence parameter set with its header byte.
    ///
    /// # Errors
    /// What is not decoded, in words that follow "the camera sends …".
    pub fn of_sps(nal: &[u8]) -> Result<Self, String> {
        if nal.len() > 1_024 {
            return Err("a parameter set of more than 1,024 bytes".into());
        }
        let bits = BitReader::new(ByteReader::skipping_h264_header(nal));
        let sps = SeqParameterSet::from_bits(bits)
            .map_err(|e| format!("a parameter set that cannot be read ({e:?})"))?;
        let profile = u8::from(sps.profile_idc);
        if ![66, 77, 100].contains(&profile) {
            return Err(format!("H.264 of profile {profile}"));
        }
        let chroma = &sps.chroma_info;
        if chroma.chroma_format != ChromaFormat::YUV420
            || chroma.bit_depth_luma_minus8 != 0
            || chroma.bit_depth_chroma_minus8 != 0
        {
            return Err("H.264 with other than 8 bits and 4:2:0 colour".into());
        }
        if !matches!(sps.frame_mbs_flags, FrameMbsFlags::Frames) {
            return Err("interlaced H.264".into());
        }
        let columns = sps.pic_width_in_mbs_minus1.saturating_add(1);
        let rows = sps.pic_height_in_map_units_minus1.saturating_add(1);
        if columns.max(rows) > SIDE_MACROBLOCKS_MAX
            || u64::from(columns) * u64::from(rows) > MACROBLOCKS_MAX
        {
            return Err(format!(
                "H.264 of {} x {} pixels (more than 4096 x 2304)",
                u64::from(columns) * 16,
                u64::from(rows) * 16
            ));
        }
        let (width, height) = sps
            .pixel_dimensions()
            .map_err(|e| format!("a picture of no size ({e:?})"))?;
        if width == 0 || height == 0 {
            return Err("a picture of no size".into());
        }
        let vui = sps.vui_parameters.as_ref();
        let restrictions = vui.and_then(|v| v.bitstream_restrictions.as_ref());
        let in_order = profile == 66
            || matches!(
                sps.pic_order_cnt,
                h264_reader::nal::sps::PicOrderCntType::TypeTwo
            )
            || restrictions.is_some_and(|r| r.max_num_reorder_frames == 0);
        let signal = vui.and_then(|v| v.video_signal_type.as_ref());
        Ok(Self {
            width,
            height,
            reorders: !in_order,
            full_range: signal.is_some_and(|s| s.video_full_range_flag),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_what_stands_between_start_codes() {
        let stream = [
            9, 9, 0, 0, 1, 7, 1, 0, 0, 0, 1, 8, 0, 0, 1, 0, 0, 1, 5, 2, 0, 0,
        ];
        let units: Vec<&[u8]> = nal_units(&stream).collect();
        assert_eq!(units, [&[7, 1][..], &[8], &[5, 2]]);
        assert_eq!(nal_units(&[]).count(), 0);
        assert_eq!(nal_units(&[0, 0, 1]).count(), 0);
    }

    #[test]
    fn lengths_that_point_past_the_end_are_refused() {
        assert_eq!(
            annex_b_of(&[0, 2, 7, 1, 0, 1, 8], 2),
            Some(vec![0, 0, 0, 1, 7, 1, 0, 0, 0, 1, 8])
        );
        assert_eq!(annex_b_of(&[0, 3, 7, 1], 2), None);
        assert_eq!(annex_b_of(&[0xff, 0xff, 0xff, 0xff, 7], 4), None);
        assert_eq!(annex_b_of(&[0], 2), None);
    }
}
