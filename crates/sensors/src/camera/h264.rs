//! H.264 to pictures: openh264 behind a gate that bounds what it gets, gives pictures their times back,
//! and finds its feet again at the next key frame after damage.

use super::nal::{self, StreamShape, nal_units};
use super::picture::Picture;
use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;
use std::collections::BTreeMap;

/// Longest access unit, bytes: a key frame of 9 megapixels at the best quality stays below.
pub(super) const UNIT_BYTES_MAX: usize = 16 << 20;
/// Times that may wait for their pictures: the standard lets 16 pictures wait to be shown.
const WAITING_MAX: usize = 17;
/// Parameter sets that are kept.
const PARAMETER_SETS_MAX: usize = 32;

/// What is sent for one picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessUnit {
    /// Its units in Annex B.
    pub annex_b: Vec<u8>,
    /// When the picture is to be shown, in a unit of the caller's.
    pub pts: i64,
}

/// A stream that is not decoded at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum H264Error {
    /// Something that the decoder does not know; the words follow "the camera sends".
    #[error("{0}")]
    Unsupported(String),
    /// The decoder could not be started.
    #[error("the decoder did not start: {0}")]
    Start(String),
}

/// What became of the access units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Could not be decoded.
    pub damaged: u64,
    /// Left off while a key frame was awaited.
    pub skipped: u64,
}

/// Gives pictures the times of the units they came from. A decoder hands pictures out in the order they are
/// shown, which is the order of their times.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Times that wait, with how many units have each.
    waiting: BTreeMap<i64, u32>,
    count: usize,
    last: Option<i64>,
}

impl Times {
    /// A unit went in.
    pub fn push(&mut self, pts: i64) {
        *self.waiting.entry(pts).or_default() += 1;
        self.count += 1;
        // More than may wait: the decoder gave no picture for a unit.
        if self.count > WAITING_MAX {
            self.pop();
        }
    }

    /// A picture came out.
    pub fn pop(&mut self) -> i64 {
        let Some(mut first) = self.waiting.first_entry() else {
            let next = self.last.map_or(0, |t| t.saturating_add(1));
            self.last = Some(next);
            return next;
        };
        let pts = *first.key();
        *first.get_mut() -= 1;
        if *first.get() == 0 {
            first.remove();
        }
        self.count -= 1;
        self.last = Some(pts);
        pts
    }

    /// A unit gave no picture.
    pub fn forget(&mut self, pts: i64) {
        if let Some(n) = self.waiting.get_mut(&pts) {
            *n -= 1;
            if *n == 0 {
                self.waiting.remove(&pts);
            }
            self.count -= 1;
        }
    }

    /// What went in gives no pictures any more.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.count = 0;
    }
}

/// A decoder of one stream.
pub struct H264Decoder {
    decoder: Option<Decoder>,
    shape: Option<StreamShape>,
    /// The parameter sets in force, by kind and first bytes, to begin anew with after damage.
    sets: Vec<Vec<u8>>,
    /// Nothing can be decoded before the next key frame.
    waiting: bool,
    times: Times,
    damage: Damage,
}

impl Default for H264Decoder {
    fn default() -> Self {
        Self {
            decoder: None,
            shape: None,
            sets: Vec::new(),
            waiting: true,
            times: Times::default(),
            damage: Damage::default(),
        }
    }
}

impl std::fmt::Debug for H264Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H264Decoder")
            .field("shape", &self.shape)
            .field("waiting", &self.waiting)
            .field("damage", &self.damage)
            .finish_non_exhaustive()
    }
}

impl H264Decoder {
    /// What the stream says of its pictures, once it has.
    pub fn shape(&self) -> Option<StreamShape> {
        self.shape
    }

    /// What was damaged and left off so far.
    pub fn damage(&self) -> (u64, u64) {
        (self.damage.damaged, self.damage.skipped)
    }

    /// Units were lost on the way: what refers to them cannot be decoded. Pictures that waited to be shown come out.
    pub fn lost(&mut self, out: &mut Vec<(i64, Picture)>) {
        self.damage.damaged += 1;
        self.finish(out);
    }

    /// Decodes a unit; pictures that are ready go to `out` with their times.
    ///
    /// # Errors
    /// The stream is of a kind that is not decoded. Damage is no error: it is counted, and pictures come
    /// again from the next key frame on.
    pub fn push(
        &mut self,
        unit: &AccessUnit,
        out: &mut Vec<(i64, Picture)>,
    ) -> Result<(), H264Error> {
        if unit.annex_b.len() > UNIT_BYTES_MAX {
            self.lost(out);
            return Ok(());
        }
        let (mut is_key, mut has_slice) = (false, false);
        for nal in nal_units(&unit.annex_b) {
            match nal::kind(nal) {
                nal::SPS => self.sequence(nal, out)?,
                nal::PPS => self.keep(nal),
                nal::IDR => (is_key, has_slice) = (true, true),
                nal::SLICE => has_slice = true,
                _ => {}
            }
        }
        if !has_slice {
            self.damage.damaged += u64::from(unit.annex_b.is_empty());
            return Ok(());
        }
        let Some(shape) = self.shape.filter(|_| is_key || !self.waiting) else {
            self.damage.skipped += 1;
            return Ok(());
        };
        let mut bytes = &unit.annex_b;
        let whole;
        if self.waiting {
            // A decoder that begins needs the parameter sets, which may have come long ago.
            let mut all = Vec::new();
            self.sets
                .iter()
                .for_each(|set| nal::put_unit(&mut all, set));
            all.extend_from_slice(&unit.annex_b);
            whole = all;
            bytes = &whole;
            self.waiting = false;
        }
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(start()?),
        };
        self.times.push(unit.pts);
        // Where the order may differ, flushing breaks pictures that refer to later ones; where it may not,
        // it gives each picture without delay.
        let flush = if shape.reorders {
            Flush::NoFlush
        } else {
            Flush::Flush
        };
        let options = DecodeOptions::new().flush_after_decode(flush);
        match decoder.decode_with_options(bytes, options) {
            Ok(Some(yuv)) => {
                if let Some(picture) = rgb_of(&yuv, shape) {
                    out.push((self.times.pop(), picture));
                }
            }
            Ok(None) => {}
            // The pictures before it are whole and wait, where they are shown in another order.
            Err(_) => {
                self.times.forget(unit.pts);
                self.lost(out);
            }
        }
        Ok(())
    }

    /// The stream has ended: the pictures that waited.
    pub fn finish(&mut self, out: &mut Vec<(i64, Picture)>) {
        if let (Some(decoder), Some(shape)) = (&mut self.decoder, self.shape)
            && let Ok(rest) = decoder.flush_remaining()
        {
            // The decoder's buffers are read before the next one is asked for.
            for yuv in rest {
                if let Some(picture) = rgb_of(&yuv, shape) {
                    out.push((self.times.pop(), picture));
                }
            }
        }
        self.await_key();
    }

    fn sequence(&mut self, nal: &[u8], out: &mut Vec<(i64, Picture)>) -> Result<(), H264Error> {
        if self.sets.iter().any(|set| set == nal) {
            return Ok(());
        }
        let shape = StreamShape::of_sps(nal).map_err(H264Error::Unsupported)?;
        // A new sequence: what waited of the old one comes out first.
        if self.shape.is_some() {
            self.finish(out);
        }
        self.sets.clear();
        self.keep(nal);
        self.shape = Some(shape);
        self.await_key();
        Ok(())
    }

    fn keep(&mut self, nal: &[u8]) {
        if !self.sets.iter().any(|set| set == nal) {
            if self.sets.len() == PARAMETER_SETS_MAX {
                // The first is the sequence's own.
                self.sets.remove(1);
            }
            self.sets.push(nal.to_vec());
        }
    }

    fn await_key(&mut self) {
        self.decoder = None;
        self.waiting = true;
        self.times.clear();
    }
}

fn start() -> Result<Decoder, H264Error> {
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    Decoder::with_api_config(OpenH264API::from_source(), config)
        .map_err(|e| H264Error::Start(e.to_string()))
}

/// The picture as RGB; `None` if its size is not the one that the stream promised.
fn rgb_of(yuv: &DecodedYUV<'_>, shape: StreamShape) -> Option<Picture> {
    let (width, height) = yuv.dimensions();
    if (width, height) != (shape.width as usize, shape.height as usize) {
        return None;
    }
    let mut rgb = vec![0; width * height * 3];
    if shape.full_range {
        full_range_rgb(yuv, width, &mut rgb);
    } else {
        yuv.write_rgb8(&mut rgb);
    }
    Some(Picture {
        width: shape.width,
        height: shape.height,
        rgb,
    })
}

/// ITU-T T.871's conversion: BT.601's matrix, black 0 and white 255.
fn full_range_rgb(yuv: &DecodedYUV<'_>, width: usize, rgb: &mut [u8]) {
    let (ys, us, vs) = yuv.strides();
    for (row, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let y = yuv.y().get(row * ys..).unwrap_or_default();
        let u = yuv.u().get(row / 2 * us..).unwrap_or_default();
        let v = yuv.v().get(row / 2 * vs..).unwrap_or_default();
        for (x, pixel) in out.chunks_exact_mut(3).enumerate() {
            let at = |plane: &[u8], i: usize| i32::from(plane.get(i).copied().unwrap_or(128));
            let (y, u, v) = (at(y, x) << 16, at(u, x / 2) - 128, at(v, x / 2) - 128);
            let channel = |c: i32| ((c + 32_768) >> 16).clamp(0, 255) as u8;
            pixel.copy_from_slice(&[
                channel(y + 91_881 * v),
                channel(y - 22_554 * u - 46_802 * v),
                channel(y + 116_130 * u),
            ]);
        }
    }
}

/// Groups the units of a stream in Annex B into access units (H.264, 7.4.1.2.3, by the first slice of each
/// picture and by what stands before it).
pub fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    let mut has_slice = true;
    for unit in nal_units(stream) {
        let kind = nal::kind(unit);
        let is_slice = matches!(kind, nal::SLICE | nal::IDR);
        let begins = match kind {
            nal::SEI | nal::SPS | nal::PPS | nal::DELIMITER => true,
            _ => is_slice && nal::begins_picture(unit),
        };
        if has_slice && begins || out.is_empty() {
            out.push(Vec::new());
            has_slice = false;
        }
        has_slice |= is_slice;
        if let Some(last) = out.last_mut() {
            nal::put_unit(last, unit);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_get_the_times_of_their_units_back() {
        let mut times = Times::default();
        // Sent I P B B, shown I B B P.
        for pts in [0, 3, 1, 2] {
            times.push(pts);
        }
        assert_eq!([0; 4].map(|_| times.pop()), [0, 1, 2, 3]);
        // Nothing waits: time goes on.
        assert_eq!(times.pop(), 4);
        // A decoder that gives no pictures does not make the list grow.
        for pts in 10..100 {
            times.push(pts);
        }
        assert_eq!(times.pop(), 83);
        times.forget(84);
        times.forget(4_000);
        assert_eq!(times.pop(), 85);
    }
}
