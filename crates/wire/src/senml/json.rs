//! SenML in JSON (RFC 8428, section 5).

use super::resolve::{Label, Raw, Resolver};
use super::{Bases, Record, SenmlError, Value};
use data_encoding::BASE64URL_NOPAD;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

pub(super) fn decode(bytes: &[u8], resolver: Resolver) -> Result<Vec<Record>, SenmlError> {
    let mut pack = Pack {
        resolver,
        failed: None,
    };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let done = (&mut pack).deserialize(&mut json).and_then(|()| json.end());
    match (pack.failed, done) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(pack.resolver.records),
        (None, Err(error)) => Err(SenmlError::Malformed {
            record: pack.resolver.count,
            what: error.to_string(),
        }),
    }
}

/// Reads the array record by record, so that a pack of too many is not read to its end.
struct Pack {
    resolver: Resolver,
    /// What ended the reading, where it was not the parser itself.
    failed: Option<SenmlError>,
}

impl<'de> DeserializeSeed<'de> for &mut Pack {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Pack {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of SenML records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(raw) = seq.next_element_seed(RawSeed)? {
            if let Err(error) = self.resolver.push(raw) {
                self.failed = Some(error);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

struct RawSeed;

impl<'de> DeserializeSeed<'de> for RawSeed {
    type Value = Raw<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RawSeed {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SenML record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
        let mut raw = Raw::default();
        while let Some(Text(key)) = map.next_key()? {
            let Some((label, name)) = Label::of_text(&key) else {
                raw.unknown(&key);
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let twice = match label {
                Label::BaseVersion => raw.base_version.replace(map.next_value()?).is_some(),
                Label::BaseTime => raw.base_time.replace(map.next_value()?).is_some(),
                Label::BaseValue => raw.base_value.replace(map.next_value()?).is_some(),
                Label::BaseSum => raw.base_sum.replace(map.next_value()?).is_some(),
                Label::Value => raw.value.replace(map.next_value()?).is_some(),
                Label::Sum => raw.sum.replace(map.next_value()?).is_some(),
                Label::Time => raw.time.replace(map.next_value()?).is_some(),
                Label::Update => raw.update.replace(map.next_value()?).is_some(),
                Label::Bool => raw.boolean.replace(map.next_value()?).is_some(),
                Label::BaseName => raw.base_name.replace(text(&mut map)?).is_some(),
                Label::BaseUnit => raw.base_unit.replace(text(&mut map)?).is_some(),
                Label::Name => raw.name.replace(text(&mut map)?).is_some(),
                Label::Unit => raw.unit.replace(text(&mut map)?).is_some(),
                Label::Text => raw.text.replace(text(&mut map)?).is_some(),
                Label::Data => {
                    let base64 = text(&mut map)?;
                    // Padding is not allowed, but many write it.
                    let bare = base64.trim_end_matches('=');
                    let data = BASE64URL_NOPAD.decode(bare.as_bytes());
                    let data = data.map_err(|e| A::Error::custom(format!("vd: {e}")))?;
                    raw.data.replace(data).is_some()
                }
            };
            if twice {
                raw.repeated.get_or_insert(name);
            }
        }
        Ok(raw)
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Cow<'de, str>, A::Error> {
    map.next_value().map(|Text(text)| text)
}

/// A text that borrows from the pack unless it has escapes; serde's own `Cow` always copies.
struct Text<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

pub(super) fn encode(records: &[Record], bases: &Bases<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + records.len() * 40);
    out.push(b'[');
    for (i, record) in records.iter().enumerate() {
        out.extend_from_slice(if i > 0 { b",{" } else { b"{" });
        let start = out.len();
        if i == 0 {
            if !bases.name.is_empty() {
                field(&mut out, start, "bn", bases.name);
            }
            field(&mut out, start, "bt", &bases.time.as_secs_f64());
            if let Some(unit) = bases.unit {
                field(&mut out, start, "bu", unit);
            }
        }
        let rest = bases.rest(record);
        if let Some(name) = rest.name {
            field(&mut out, start, "n", name);
        }
        if let Some(unit) = rest.unit {
            field(&mut out, start, "u", unit);
        }
        match &record.value {
            Some(Value::Number(v)) => field(&mut out, start, "v", v),
            Some(Value::Text(text)) => field(&mut out, start, "vs", text),
            Some(Value::Bool(yes)) => field(&mut out, start, "vb", yes),
            Some(Value::Data(data)) => {
                field(&mut out, start, "vd", &BASE64URL_NOPAD.encode(data));
            }
            None => {}
        }
        if let Some(sum) = record.sum {
            field(&mut out, start, "s", &sum);
        }
        if let Some(t) = rest.t {
            field(&mut out, start, "t", &t);
        }
        if let Some(ut) = record.update_s {
            field(&mut out, start, "ut", &ut);
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

fn field<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, start: usize, label: &str, value: &T) {
    if out.len() > start {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(label.as_bytes());
    out.extend_from_slice(b"\":");
    // Texts, finite numbers and booleans always serialise, and a Vec takes all.
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok());
}
