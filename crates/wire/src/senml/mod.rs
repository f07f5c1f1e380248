//! SenML packs (RFC 8428), JSON and CBOR, to resolved records and back.
//!
//! A pack comes from the network: its size, its number of records and the length of names are
//! bounded by [`Limits`], and whatever is wrong with it is a [`SenmlError`]. A pack is taken wholly
//! or not at all, as the RFC demands for a field that is not understood.
//!
//! Stricter than the RFC in three points: only version 10 is read; a record with neither a value
//! nor a sum is a mistake unless it holds base fields alone; and a label that is there twice is a
//! mistake.

mod cbor;
mod json;
mod resolve;

use walkout_model::StoreTime;

/// Media type of a pack in JSON.
pub const MEDIA_TYPE_JSON: &str = "application/senml+json";
/// Media type of a pack in CBOR.
pub const MEDIA_TYPE_CBOR: &str = "application/senml+cbor";

/// Times below this many seconds are relative to now (RFC 8428, section 4.5.3).
pub const RELATIVE_BELOW_S: f64 = 268_435_456.0;
/// The end of the year 9999, seconds since 1970: later times are a mistake.
const TIME_MAX_S: f64 = 253_402_300_800.0;
/// The version of RFC 8428, the only one read.
const VERSION: f64 = 10.0;
/// Longest unit, bytes; the longest registered one has 10.
const UNIT_BYTES_MAX: usize = 32;

/// What a pack may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the pack.
    pub bytes_max: usize,
    /// Records in it.
    pub records_max: usize,
    /// Bytes of a resolved name.
    pub name_bytes_max: usize,
}

impl Default for Limits {
    /// 1 MiB, 20,000 records (a second of 333 plates), names of 128 bytes.
    fn default() -> Self {
        Self {
            bytes_max: 1 << 20,
            records_max: 20_000,
            name_bytes_max: 128,
        }
    }
}

/// How a pack is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text, larger, readable.
    Json,
    /// Bytes, smaller, faster.
    Cbor,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// A text.
    Text(String),
    /// A yes or no.
    Bool(bool),
    /// Opaque bytes.
    Data(Vec<u8>),
}

/// A resolved record: base fields are worked in, the time is absolute.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Base name and name.
    pub name: String,
    /// Unit, as `g`.
    pub unit: Option<String>,
    /// The value, base value added. `None` only where there is a sum.
    pub value: Option<Value>,
    /// Integrated sum of the values over time, base sum added.
    pub sum: Option<f64>,
    /// When it was measured.
    pub time: StoreTime,
    /// Seconds within which the next reading is due.
    pub update_s: Option<f64>,
}

impl Record {
    /// A number with a unit.
    pub fn number(name: impl Into<String>, unit: &str, value: f64, time: StoreTime) -> Self {
        Self {
            name: name.into(),
            unit: Some(unit.to_owned()),
            value: Some(Value::Number(value)),
            sum: None,
            time,
            update_s: None,
        }
    }
}

/// Why a pack was refused, or could not be written. Records are counted from 0.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SenmlError {
    /// More bytes than [`Limits::bytes_max`].
    #[error("the pack has {bytes} bytes, at most {max} are read: send smaller packs")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        max: usize,
    },
    /// More records than [`Limits::records_max`].
    #[error("the pack has more than {max} records: send smaller packs")]
    TooManyRecords {
        /// How many it may have.
        max: usize,
    },
    /// Neither a JSON nor a CBOR array.
    #[error("not a SenML pack: it must begin as a JSON or CBOR array, not with byte 0x{first:02x}")]
    NotAPack {
        /// The first byte; 0 for none.
        first: u8,
    },
    /// The text or bytes end early, or are not well formed, or a field has the wrong type.
    #[error("record {record}: {what}")]
    Malformed {
        /// The record that was being read.
        record: usize,
        /// What the parser says.
        what: String,
    },
    /// A field that must be understood (its label ends in `_`) is not.
    #[error("record {record}: field \"{label}\" must be understood and is not")]
    Mandatory {
        /// The record.
        record: usize,
        /// The field.
        label: String,
    },
    /// A label twice in one record.
    #[error("record {record}: there are two fields {label}")]
    Repeated {
        /// The record.
        record: usize,
        /// The field.
        label: &'static str,
    },
    /// A known field under its JSON name in a CBOR pack.
    #[error("record {record}: field \"{label}\" must have its integer label in CBOR")]
    TextLabel {
        /// The record.
        record: usize,
        /// The field.
        label: &'static str,
    },
    /// Another version than 10.
    #[error("record {record}: version {version} is not read, only 10 is")]
    Version {
        /// The record.
        record: usize,
        /// Its version.
        version: f64,
    },
    /// Neither a name nor a base name.
    #[error("record {record} has no name")]
    NoName {
        /// The record.
        record: usize,
    },
    /// A resolved name that is too long, begins wrongly, or has a character that is not allowed.
    #[error(
        "record {record}: a name has 1 to {max} characters of A–Z a–z 0–9 - : . / _ and begins with a letter or digit"
    )]
    Name {
        /// The record.
        record: usize,
        /// Most bytes of a name.
        max: usize,
    },
    /// A unit that is empty, too long, or not printable ASCII.
    #[error("record {record}: a unit has 1 to {UNIT_BYTES_MAX} printable ASCII characters")]
    Unit {
        /// The record.
        record: usize,
    },
    /// Neither a value nor a sum.
    #[error("record {record} has no value")]
    NoValue {
        /// The record.
        record: usize,
    },
    /// More than one of `v`, `vs`, `vb`, `vd`.
    #[error("record {record} has more than one value")]
    ManyValues {
        /// The record.
        record: usize,
    },
    /// NaN, an infinity, or a sum of two numbers that is one.
    #[error("record {record}: {label} is not a finite number")]
    NotFinite {
        /// The record.
        record: usize,
        /// The field.
        label: &'static str,
    },
    /// A time that is no date from 1970 to 9999, or a negative update time.
    #[error("record {record}: time {seconds} is out of range")]
    Time {
        /// The record.
        record: usize,
        /// Seconds as resolved.
        seconds: f64,
    },
}

/// Reads a pack in JSON or CBOR, told apart by its first byte. `now` is what relative times are
/// relative to.
///
/// # Errors
/// The first thing that is wrong with the pack. None of its records is given then.
pub fn decode(bytes: &[u8], now: StoreTime, limits: &Limits) -> Result<Vec<Record>, SenmlError> {
    if bytes.len() > limits.bytes_max {
        return Err(SenmlError::TooLarge {
            bytes: bytes.len(),
            max: limits.bytes_max,
        });
    }
    let resolver = resolve::Resolver::new(now, *limits);
    let first = bytes.iter().copied().find(|b| !b.is_ascii_whitespace());
    match (first, bytes.first()) {
        (Some(b'['), _) => json::decode(bytes, resolver),
        // An array of known or unknown length, or the tag that says "this is CBOR" (RFC 8949, 3.4.6).
        (_, Some(0x80..=0x9b | 0x9f | 0xd9)) => cbor::decode(bytes, resolver),
        (_, first) => Err(SenmlError::NotAPack {
            first: first.copied().unwrap_or(0),
        }),
    }
}

/// Writes records as one pack: what their names begin with, their unit and the first one's time
/// become base fields.
///
/// # Errors
/// For a record that [`decode`] would refuse, or whose time lies before July 1978, where SenML
/// times are relative.
pub fn encode(records: &[Record], format: Format) -> Result<Vec<u8>, SenmlError> {
    for (record, r) in records.iter().enumerate() {
        resolve::check(record, r, Limits::default().name_bytes_max)?;
    }
    let bases = Bases::of(records);
    Ok(match format {
        Format::Json => json::encode(records, &bases),
        Format::Cbor => cbor::encode(records, &bases),
    })
}

/// What the records of a pack have in common.
#[derive(Debug, Default)]
struct Bases<'r> {
    name: &'r str,
    unit: Option<&'r str>,
    time: StoreTime,
}

impl<'r> Bases<'r> {
    fn of(records: &'r [Record]) -> Self {
        let Some(first) = records.first() else {
            return Self::default();
        };
        let mut name = first.name.as_str();
        for record in records {
            let common = name
                .bytes()
                .zip(record.name.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            // Names are ASCII, so any byte is a boundary.
            name = name.get(..common).unwrap_or("");
        }
        // Whole parts of a path read better, and a base name must begin as a name does.
        if records.iter().any(|r| r.name != name) {
            name = name
                .get(..name.rfind('/').map_or(0, |i| i + 1))
                .unwrap_or("");
        }
        let unit = first.unit.as_deref();
        let same_unit = records.iter().all(|r| r.unit.as_deref() == unit);
        Self {
            name,
            unit: unit.filter(|_| same_unit),
            time: first.time,
        }
    }

    /// What is left to write of a record.
    fn rest<'a>(&self, record: &'a Record) -> Rest<'a> {
        let name = record.name.get(self.name.len()..).unwrap_or("");
        let delta = record.time.since(self.time);
        Rest {
            name: Some(name).filter(|n| !n.is_empty()),
            unit: record.unit.as_deref().filter(|_| self.unit.is_none()),
            t: Some(delta.as_secs_f64()).filter(|_| delta.0 != 0),
        }
    }
}

/// A record's own fields beside the base fields.
struct Rest<'a> {
    name: Option<&'a str>,
    unit: Option<&'a str>,
    t: Option<f64>,
}

#[cfg(test)]
mod tests;
