//! SenML in CBOR (RFC 8428, section 6).

use super::resolve::{Label, Raw, Resolver};
use super::{Bases, Record, SenmlError, Value};
use minicbor::data::{IanaTag, Tag, Type};
use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};
use std::borrow::Cow;

/// The tag that says "this is CBOR" (RFC 8949, section 3.4.6).
const SELF_DESCRIBED: u64 = 55_799;
/// Powers of ten that a decimal fraction may have.
const EXPONENT_MAX: i64 = 300;

/// Why a record could not be read.
enum Stop {
    Parser(Error),
    Refused(SenmlError),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Parser(error)
    }
}

pub(super) fn decode(bytes: &[u8], mut resolver: Resolver) -> Result<Vec<Record>, SenmlError> {
    match pack(bytes, &mut resolver) {
        Ok(()) => Ok(resolver.records),
        Err(Stop::Refused(error)) => Err(error),
        Err(Stop::Parser(error)) => Err(SenmlError::Malformed {
            record: resolver.count,
            what: error.to_string(),
        }),
    }
}

fn pack(bytes: &[u8], resolver: &mut Resolver) -> Result<(), Stop> {
    let mut cbor = Decoder::new(bytes);
    if cbor.datatype()? == Type::Tag {
        let at = cbor.position();
        if cbor.tag()? != Tag::new(SELF_DESCRIBED) {
            return Err(Error::message("a pack is an array").at(at).into());
        }
    }
    let length = cbor.array()?;
    let mut left = length;
    while more(&mut cbor, &mut left)? {
        let raw = record(&mut cbor, resolver.count)?;
        resolver.push(raw).map_err(Stop::Refused)?;
    }
    if cbor.position() < bytes.len() {
        let at = cbor.position();
        return Err(Error::message("bytes after the pack").at(at).into());
    }
    Ok(())
}

/// Whether another element follows in an array or map whose length is `left`, or unknown.
fn more(cbor: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, Error> {
    match left {
        Some(0) => Ok(false),
        Some(n) => {
            *n -= 1;
            Ok(true)
        }
        None => {
            if cbor.datatype()? != Type::Break {
                return Ok(true);
            }
            cbor.set_position(cbor.position() + 1);
            Ok(false)
        }
    }
}

fn record<'b>(cbor: &mut Decoder<'b>, index: usize) -> Result<Raw<'b>, Stop> {
    let mut raw = Raw::default();
    let mut left = cbor.map()?;
    while more(cbor, &mut left)? {
        let known = match cbor.datatype()? {
            Type::String => {
                let text = cbor.str()?;
                if let Some((_, label)) = Label::of_text(text) {
                    return Err(Stop::Refused(SenmlError::TextLabel {
                        record: index,
                        label,
                    }));
                }
                raw.unknown(text);
                None
            }
            _ => Label::of_number(cbor.i64()?),
        };
        let Some((label, name)) = known else {
            cbor.skip()?;
            continue;
        };
        let twice = match label {
            Label::BaseVersion => raw.base_version.replace(number(cbor)?).is_some(),
            Label::BaseTime => raw.base_time.replace(number(cbor)?).is_some(),
            Label::BaseValue => raw.base_value.replace(number(cbor)?).is_some(),
            Label::BaseSum => raw.base_sum.replace(number(cbor)?).is_some(),
            Label::Value => raw.value.replace(number(cbor)?).is_some(),
            Label::Sum => raw.sum.replace(number(cbor)?).is_some(),
            Label::Time => raw.time.replace(number(cbor)?).is_some(),
            Label::Update => raw.update.replace(number(cbor)?).is_some(),
            Label::Bool => raw.boolean.replace(cbor.bool()?).is_some(),
            Label::BaseName => raw.base_name.replace(text(cbor)?).is_some(),
            Label::BaseUnit => raw.base_unit.replace(text(cbor)?).is_some(),
            Label::Name => raw.name.replace(text(cbor)?).is_some(),
            Label::Unit => raw.unit.replace(text(cbor)?).is_some(),
            Label::Text => raw.text.replace(text(cbor)?).is_some(),
            Label::Data => raw.data.replace(cbor.bytes()?.to_vec()).is_some(),
        };
        if twice {
            raw.repeated.get_or_insert(name);
        }
    }
    Ok(raw)
}

fn text<'b>(cbor: &mut Decoder<'b>) -> Result<Cow<'b, str>, Error> {
    cbor.str().map(Cow::Borrowed)
}

/// An integer, a float of any width, or a decimal fraction (tag 4).
fn number(cbor: &mut Decoder<'_>) -> Result<f64, Error> {
    match cbor.datatype()? {
        Type::F16 => cbor.f16().map(f64::from),
        Type::F32 => cbor.f32().map(f64::from),
        Type::F64 => cbor.f64(),
        Type::Tag => {
            let at = cbor.position();
            let decimal = cbor.tag()? == IanaTag::Decimal.tag();
            if !decimal || cbor.array()? != Some(2) {
                return Err(Error::message("not a number").at(at));
            }
            let exponent = cbor.i64()?;
            let mantissa = cbor.i64()?;
            if exponent.abs() > EXPONENT_MAX {
                return Err(Error::message("exponent out of range").at(at));
            }
            // Through text, which is the one way that rounds once.
            format!("{mantissa}e{exponent}")
                .parse()
                .map_err(|_| Error::message("not a number").at(at))
        }
        _ => {
            let int = cbor.int()?;
            Ok(i128::from(int) as f64)
        }
    }
}

pub(super) fn encode(records: &[Record], bases: &Bases<'_>) -> Vec<u8> {
    let mut cbor = Encoder::new(Vec::with_capacity(32 + records.len() * 24));
    // A Vec takes everything, so no step can fail.
    let written = write(&mut cbor, records, bases);
    debug_assert!(written.is_ok());
    cbor.into_writer()
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(cbor: &mut Encoder<Vec<u8>>, records: &[Record], bases: &Bases<'_>) -> Written {
    cbor.array(records.len() as u64)?;
    for (i, record) in records.iter().enumerate() {
        let rest = bases.rest(record);
        let base_name = Some(bases.name).filter(|n| i == 0 && !n.is_empty());
        let base_unit = bases.unit.filter(|_| i == 0);
        let fields = [
            base_name.is_some(),
            base_unit.is_some(),
            i == 0,
            rest.name.is_some(),
            rest.unit.is_some(),
            record.value.is_some(),
            record.sum.is_some(),
            rest.t.is_some(),
            record.update_s.is_some(),
        ];
        cbor.map(fields.iter().filter(|&&f| f).count() as u64)?;
        if let Some(name) = base_name {
            cbor.i8(-2)?.str(name)?;
        }
        if i == 0 {
            cbor.i8(-3)?;
            put_number(cbor, bases.time.as_secs_f64())?;
        }
        if let Some(unit) = base_unit {
            cbor.i8(-4)?.str(unit)?;
        }
        if let Some(name) = rest.name {
            cbor.u8(0)?.str(name)?;
        }
        if let Some(unit) = rest.unit {
            cbor.u8(1)?.str(unit)?;
        }
        match &record.value {
            Some(Value::Number(v)) => {
                cbor.u8(2)?;
                put_number(cbor, *v)?;
            }
            Some(Value::Text(text)) => {
                cbor.u8(3)?.str(text)?;
            }
            Some(Value::Bool(yes)) => {
                cbor.u8(4)?.bool(*yes)?;
            }
            Some(Value::Data(data)) => {
                cbor.u8(8)?.bytes(data)?;
            }
            None => {}
        }
        for (label, number) in [(5, record.sum), (6, rest.t), (7, record.update_s)] {
            if let Some(x) = number {
                cbor.u8(label)?;
                put_number(cbor, x)?;
            }
        }
    }
    Ok(())
}

/// The shortest of integer, single and double precision that keeps the number.
fn put_number(cbor: &mut Encoder<Vec<u8>>, x: f64) -> Written {
    let negative_zero = x == 0.0 && x.is_sign_negative();
    if x.fract() == 0.0 && x.abs() < 9.0e15 && !negative_zero {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        cbor.i64(x as i64)?;
        return Ok(());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "kept only if nothing is lost"
    )]
    let single = x as f32;
    if f64::from(single).to_bits() == x.to_bits() {
        cbor.f32(single)?;
    } else {
        cbor.f64(x)?;
    }
    Ok(())
}
