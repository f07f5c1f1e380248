//! The bytes that are hashed. `docs/reference/ledger.md` describes them for other programs.

use crate::{BODY_BYTES_MAX, Draft, DraftError, EntryHash};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// First bytes of every entry; the digit is the format.
const MAGIC: &[u8; 4] = b"WLE1";

/// serde_json reads at most 128 levels back.
const DEPTH_MAX: usize = 100;

/// A checked draft with the texts that go into the store and the bytes that say all of it.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    /// The draft.
    pub draft: Draft,
    /// The cause's body as canonical JSON.
    pub body: String,
    /// Everything but the place in the log.
    pub content: Vec<u8>,
}

impl Sealed {
    /// Checks and encodes a draft.
    ///
    /// # Errors
    /// The first limit that it breaks.
    pub(crate) fn new(draft: Draft) -> Result<Self, DraftError> {
        draft.check()?;
        let body = canonical_json(&draft.cause.body)?;
        let content = content(&draft, &body);
        Ok(Self {
            draft,
            body,
            content,
        })
    }
}

/// The hash of an entry: SHA-256(previous hash ‖ `WLE1` ‖ seq ‖ content).
pub(crate) fn link(previous: &EntryHash, seq: u64, content: &[u8]) -> EntryHash {
    let mut hasher = Sha256::new();
    hasher.update(previous.0);
    hasher.update(MAGIC);
    hasher.update(seq.to_be_bytes());
    hasher.update(content);
    EntryHash(hasher.finalize().into())
}

/// Time, key, kind, body, evidence and movements; integers big-endian, texts after their length.
pub(crate) fn content(draft: &Draft, body: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + body.len() + 64 * draft.movements.len());
    out.extend_from_slice(&draft.time.0.to_be_bytes());
    text(&mut out, &draft.key);
    text(&mut out, &draft.cause.kind);
    text(&mut out, body);
    match &draft.evidence {
        None => out.push(0),
        Some(evidence) => {
            out.push(1);
            text(&mut out, evidence);
        }
    }
    length(&mut out, draft.movements.len());
    for movement in &draft.movements {
        text(&mut out, &movement.from.to_string());
        text(&mut out, &movement.to.to_string());
        out.extend_from_slice(&movement.sku.number().to_be_bytes());
        out.extend_from_slice(&movement.units.to_be_bytes());
    }
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn length(out: &mut Vec<u8>, length: usize) {
    // The limits of a draft keep every length far below 2³².
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
}

/// JSON without spaces, members in the order of their names' bytes, so that the same value always
/// has the same text, whichever map serde_json was built with.
fn canonical_json(value: &Value) -> Result<String, DraftError> {
    let mut out = String::new();
    write_json(value, 0, &mut out)?;
    if out.len() > BODY_BYTES_MAX {
        return Err(DraftError::Body(out.len()));
    }
    Ok(out)
}

fn write_json(value: &Value, depth: usize, out: &mut String) -> Result<(), DraftError> {
    if depth > DEPTH_MAX {
        return Err(DraftError::Depth(DEPTH_MAX));
    }
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_json(item, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            out.push('{');
            for (i, name) in names.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write_json(&members[name], depth + 1, out)?;
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, Cause, Movement};
    use walkout_model::{Gtin, SessionId, StoreTime};

    #[test]
    fn the_documented_entry_has_the_documented_hash() {
        let draft = Draft {
            key: "m00000000000000a1".into(),
            time: StoreTime(1_790_000_000_000_000),
            cause: Cause {
                kind: "take".into(),
                body: serde_json::json!({ "shelf": "G1/S3", "p": 0.984 }),
            },
            evidence: Some("run:7#42".into()),
            movements: vec![Movement {
                from: Account::Lane("G1/S3/L02".into()),
                to: Account::Cart(SessionId(12)),
                sku: Gtin::from_body(880_100_000_001).unwrap(),
                units: 2,
            }],
        };
        let sealed = Sealed::new(draft).unwrap();
        // Computed from the table of docs/reference/ledger.md by another program.
        assert_eq!(
            link(&EntryHash::default(), 1, &sealed.content).to_string(),
            "6a9195ae2ad6eb42d24a91ed5d9d2118c35223758351c08f6f470642f019e955"
        );
    }

    #[test]
    fn one_value_has_one_text() {
        let value =
            serde_json::json!({ "나": [1, 2.5, "\"\n"], "b": null, "a": { "z": true, "y": -0.0 } });
        let text = canonical_json(&value).unwrap();
        assert_eq!(
            text,
            r#"{"a":{"y":-0.0,"z":true},"b":null,"나":[1,2.5,"\"\n"]}"#
        );
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(again, value);
        assert_eq!(canonical_json(&again).unwrap(), text);
    }
}
