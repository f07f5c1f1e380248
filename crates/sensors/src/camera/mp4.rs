//! The H.264 track of an MP4 file (ISO/IEC 14496-12 and -15): where its samples lie and when they are
//! shown. Eight kinds of boxes are read, everything else is stepped over; nothing is taken from the file's
//! own counts before the bytes for it are there.

use std::io::{Read, Seek, SeekFrom};

/// Largest `moov` box: a day at 30 frames a second has about 40 MB of tables.
const MOOV_BYTES_MAX: u64 = 64 << 20;
/// Most samples of a track.
const SAMPLES_MAX: u32 = 10_000_000;
/// Top-level boxes before `moov` that are stepped over.
const BOXES_MAX: usize = 10_000;

/// An MP4 file's H.264 track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mp4 {
    /// The track's samples in decoding order.
    pub samples: Vec<Sample>,
    /// Parameter sets, with their header bytes.
    pub parameter_sets: Vec<Vec<u8>>,
    /// Bytes of the length before each unit in a sample, 1 to 4.
    pub length_bytes: usize,
}

/// One access unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Byte of the file where it begins.
    pub offset: u64,
    /// Its bytes.
    pub size: u32,
    /// When it is shown, microseconds after the earliest.
    pub pts_us: i64,
}

/// Why a file gives no H.264 track.
#[derive(Debug, thiserror::Error)]
pub enum Mp4Error {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is not one at all.
    #[error("this is no MP4 file")]
    NotMp4,
    /// The tables are not there: the recording was cut off.
    #[error("it has no table of contents (moov box): the recording was cut off before its end")]
    NoMoov,
    /// Tables in pieces.
    #[error(
        "it is a fragmented MP4: write it anew in one piece, as with `ffmpeg -i FILE -c copy OUT.mp4`"
    )]
    Fragmented,
    /// Something else than H.264.
    #[error("its video is {0}")]
    NotH264(String),
    /// No video track.
    #[error("it has no video")]
    NoVideo,
    /// A table contradicts itself or the file.
    #[error("the table {0} is damaged")]
    Table(&'static str),
}

impl Mp4 {
    /// Reads the tables of a file.
    ///
    /// # Errors
    /// Why the file has no H.264 that could be read.
    pub fn read<F: Read + Seek>(file: &mut F) -> Result<Self, Mp4Error> {
        let length = file.seek(SeekFrom::End(0))?;
        let mut at = 0;
        let mut is_mp4 = false;
        for _ in 0..BOXES_MAX {
            if length.saturating_sub(at) < 8 {
                break;
            }
            file.seek(SeekFrom::Start(at))?;
            let mut head = [0; 16];
            let known = (length - at).min(16) as usize;
            let start = head.get_mut(..known).unwrap_or_default();
            file.read_exact(start)?;
            let Some(found) = BoxHead::of(start, length - at) else {
                break;
            };
            is_mp4 |= matches!(&found.kind, b"ftyp" | b"moov" | b"mdat" | b"free" | b"wide");
            if !is_mp4 {
                return Err(Mp4Error::NotMp4);
            }
            if &found.kind == b"moov" {
                let size = found.size.min(length - at) - found.head;
                if size > MOOV_BYTES_MAX {
                    return Err(Mp4Error::Table("moov"));
                }
                let mut moov = Vec::new();
                file.seek(SeekFrom::Start(at + found.head))?;
                file.take(size).read_to_end(&mut moov)?;
                return Self::of_moov(&moov, length);
            }
            at = at.saturating_add(found.size);
        }
        Err(if is_mp4 {
            Mp4Error::NoMoov
        } else {
            Mp4Error::NotMp4
        })
    }

    /// The track that the body of a `moov` box describes, in a file of so many bytes.
    ///
    /// # Errors
    /// As [`Mp4::read`].
    pub fn of_moov(moov: &[u8], file_bytes: u64) -> Result<Self, Mp4Error> {
        let mut refused = None;
        for trak in children(moov).filter(|b| &b.kind == b"trak") {
            let Some(mdia) = child(trak.body, b"mdia") else {
                continue;
            };
            let handler = child(mdia, b"hdlr").and_then(|h| h.get(8..12));
            if handler != Some(b"vide".as_slice()) {
                continue;
            }
            match Self::of_mdia(mdia, file_bytes) {
                Ok(track) if track.samples.is_empty() => {
                    let pieces = child(moov, b"mvex").is_some();
                    refused = Some(if pieces {
                        Mp4Error::Fragmented
                    } else {
                        Mp4Error::NoVideo
                    });
                }
                Ok(track) => return Ok(track),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or(Mp4Error::NoVideo))
    }

    fn of_mdia(mdia: &[u8], file_bytes: u64) -> Result<Self, Mp4Error> {
        let table = |name: &'static str| move || Mp4Error::Table(name);
        let timescale = child(mdia, b"mdhd")
            .and_then(|mdhd| {
                let at = if mdhd.first() == Some(&1) { 20 } else { 12 };
                u32_at(mdhd, at).filter(|&t| t > 0)
            })
            .ok_or_else(table("mdhd"))?;
        let stbl = child(mdia, b"minf")
            .and_then(|minf| child(minf, b"stbl"))
            .ok_or_else(table("stbl"))?;
        let mut track = Self::default();
        track.description(child(stbl, b"stsd").ok_or_else(table("stsd"))?)?;
        let sizes = sizes(stbl, file_bytes).ok_or_else(table("stsz"))?;
        let offsets = offsets(stbl, &sizes).ok_or_else(table("stsc"))?;
        let times = times(stbl, sizes.len()).ok_or_else(table("stts"))?;
        let first = times.iter().copied().min().unwrap_or(0);
        let us = |t: i64| i128::from(t - first) * 1_000_000 / i128::from(timescale);
        for ((size, offset), t) in sizes.into_iter().zip(offsets).zip(times) {
            // A file that was cut off: what lies past its end is not there.
            if offset.saturating_add(u64::from(size)) > file_bytes {
                continue;
            }
            track.samples.push(Sample {
                offset,
                size,
                pts_us: i64::try_from(us(t)).map_err(|_| Mp4Error::Table("stts"))?,
            });
        }
        Ok(track)
    }

    /// The `stsd` box: what the samples are.
    fn description(&mut self, stsd: &[u8]) -> Result<(), Mp4Error> {
        let entry = stsd
            .get(8..)
            .and_then(|entries| children(entries).next())
            .ok_or(Mp4Error::Table("stsd"))?;
        if !matches!(&entry.kind, b"avc1" | b"avc3") {
            let name: String = entry.kind.iter().map(|&b| printable(b)).collect();
            return Err(Mp4Error::NotH264(name));
        }
        // The visual sample entry has 78 bytes before its own boxes.
        let avcc = entry
            .body
            .get(78..)
            .and_then(|boxes| child(boxes, b"avcC"))
            .ok_or(Mp4Error::Table("avcC"))?;
        let damaged = Mp4Error::Table("avcC");
        let [1, _, _, _, lengths, sets, rest @ ..] = avcc else {
            return Err(damaged);
        };
        self.length_bytes = usize::from(lengths & 3) + 1;
        let rest = self
            .take_sets(rest, sets & 0x1f)
            .ok_or(Mp4Error::Table("avcC"))?;
        let (&count, rest) = rest.split_first().ok_or(Mp4Error::Table("avcC"))?;
        self.take_sets(rest, count).ok_or(damaged)?;
        Ok(())
    }

    /// Takes parameter sets, each with 16 bits of length before it, and gives what follows.
    fn take_sets<'a>(&mut self, mut rest: &'a [u8], count: u8) -> Option<&'a [u8]> {
        for _ in 0..count {
            let (&[high, low], after) = rest.split_first_chunk()?;
            let (set, after) =
                after.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
            self.parameter_sets.push(set.to_vec());
            rest = after;
        }
        Some(rest)
    }
}

struct BoxHead {
    kind: [u8; 4],
    /// With its head.
    size: u64,
    head: u64,
}

impl BoxHead {
    /// Of a box that has at most `room` bytes. `None` if its size cannot be.
    fn of(start: &[u8], room: u64) -> Option<Self> {
        let kind = start.get(4..8)?.try_into().ok()?;
        let (size, head) = match u32_at(start, 0)? {
            0 => (room, 8),
            1 => (u64::from_be_bytes(start.get(8..16)?.try_into().ok()?), 16),
            n => (u64::from(n), 8),
        };
        (size >= head).then_some(Self { kind, size, head })
    }
}

struct Child<'a> {
    kind: [u8; 4],
    body: &'a [u8],
}

/// The boxes in a box's body. A box that ends after the body ends the list.
fn children(mut body: &[u8]) -> impl Iterator<Item = Child<'_>> {
    std::iter::from_fn(move || {
        let found = BoxHead::of(body, body.len() as u64)?;
        let size = usize::try_from(found.size).ok()?;
        let (this, rest) = body.split_at_checked(size)?;
        body = rest;
        Some(Child {
            kind: found.kind,
            body: this.get(usize::try_from(found.head).ok()?..)?,
        })
    })
}

fn child<'a>(body: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(body).find(|b| &b.kind == kind).map(|b| b.body)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

/// The rows of a full box's table of `N` 32-bit words a row, after `skip` bytes of head; all of them must be
/// there.
fn rows<const N: usize>(body: &[u8], skip: usize) -> Option<impl Iterator<Item = [u32; N]>> {
    let count = u32_at(body, skip)? as usize;
    let table = body.get(skip + 4..)?.get(..count.checked_mul(4 * N)?)?;
    Some(table.chunks_exact(4 * N).map(|row| {
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(row.chunks_exact(4)) {
            *word = bytes.iter().fold(0, |n, &b| (n << 8) | u32::from(b));
        }
        words
    }))
}

/// `stsz`: the bytes of each sample.
fn sizes(stbl: &[u8], file_bytes: u64) -> Option<Vec<u32>> {
    let stsz = child(stbl, b"stsz")?;
    match u32_at(stsz, 4)? {
        0 => Some(rows::<1>(stsz, 8)?.map(|[size]| size).collect()),
        size => {
            let count = u32_at(stsz, 8)?;
            let fits = u64::from(count) * u64::from(size) <= file_bytes;
            (fits && count <= SAMPLES_MAX).then(|| vec![size; count as usize])
        }
    }
}

/// `stsc` with `stco` or `co64`: where each sample begins.
fn offsets(stbl: &[u8], sizes: &[u32]) -> Option<Vec<u64>> {
    let chunks: Vec<u64> = match child(stbl, b"stco") {
        Some(stco) => rows::<1>(stco, 4)?.map(|[o]| u64::from(o)).collect(),
        None => rows::<2>(child(stbl, b"co64")?, 4)?
            .map(|[high, low]| u64::from(high) << 32 | u64::from(low))
            .collect(),
    };
    let runs: Vec<[u32; 3]> = rows::<3>(child(stbl, b"stsc")?, 4)?.collect();
    let mut out = Vec::with_capacity(sizes.len());
    let mut sizes = sizes.iter();
    for (i, run) in runs.iter().enumerate() {
        let from = (run[0] as usize).checked_sub(1)?;
        let to = runs.get(i + 1).map_or(chunks.len(), |next| {
            next[0] as usize - usize::from(next[0] > 0)
        });
        for &chunk in chunks.get(from..to.max(from))? {
            let mut at = chunk;
            for size in sizes.by_ref().take(run[1] as usize) {
                out.push(at);
                at = at.checked_add(u64::from(*size))?;
            }
        }
    }
    sizes.next().is_none().then_some(out)
}

/// `stts` and `ctts`: when each of `count` samples is shown, in the track's own ticks.
fn times(stbl: &[u8], count: usize) -> Option<Vec<i64>> {
    let mut out = Vec::with_capacity(count);
    let mut t = 0_i64;
    for [n, delta] in rows::<2>(child(stbl, b"stts")?, 4)? {
        for _ in 0..(n as usize).min(count - out.len()) {
            out.push(t);
            t = t.checked_add(i64::from(delta))?;
        }
    }
    if out.len() != count {
        return None;
    }
    if let Some(ctts) = child(stbl, b"ctts") {
        let mut shown = out.iter_mut();
        for [n, offset] in rows::<2>(ctts, 4)? {
            for t in shown.by_ref().take(n as usize) {
                // Version 0 says unsigned; files of it with negative offsets are common, and none is of 2³¹.
                *t = t.checked_add(i64::from(offset.cast_signed()))?;
            }
        }
    }
    Some(out)
}

fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() {
        char::from(byte)
    } else {
        '?'
    }
}
