//! Re-deriving a log: every stored entry is decoded, checked and linked to the one before it.

use crate::canonical::{content, link};
use crate::reader::{RawEntry, RawMovement, gtin_of};
use crate::{BODY_BYTES_MAX, Cause, Draft, Entry, EntryHash, Head, Movement};
use walkout_model::StoreTime;

/// What a stored entry turned out to be: the entry, or what is wrong with it.
pub(crate) type Decoded = Result<Entry, String>;

/// Checks that the stored entry is the one that follows `head`.
pub(crate) fn follow(head: &Head, raw: &RawEntry) -> Decoded {
    let expected = head.seq + 1;
    if u64::try_from(raw.seq) != Ok(expected) {
        return Err(format!(
            "entry {expected} is missing: {} follows {}",
            raw.seq, head.seq
        ));
    }
    let entry = decode(raw)?;
    let derived = link(&head.hash, entry.seq, &content(&entry.draft, &raw.body));
    if derived != entry.hash {
        return Err(format!(
            "its content and the entry before it give the hash {derived}, stored is {}",
            entry.hash
        ));
    }
    Ok(entry)
}

/// Decodes a stored entry without looking at the chain.
pub(crate) fn decode(raw: &RawEntry) -> Decoded {
    let seq = u64::try_from(raw.seq).map_err(|_| format!("its place is {}", raw.seq))?;
    if raw.body.len() > BODY_BYTES_MAX {
        return Err(format!("its cause has {} bytes", raw.body.len()));
    }
    let body =
        serde_json::from_str(&raw.body).map_err(|e| format!("its cause is not JSON: {e}"))?;
    let hash: EntryHash = raw.hash.parse().map_err(|e| format!("its hash: {e}"))?;
    let movements = raw.movements.iter().enumerate().map(decode_movement);
    let draft = Draft {
        key: raw.key.clone(),
        time: StoreTime(raw.time_us),
        cause: Cause {
            kind: raw.kind.clone(),
            body,
        },
        evidence: raw.evidence.clone(),
        movements: movements.collect::<Result<_, _>>()?,
    };
    draft.check().map_err(|e| e.to_string())?;
    Ok(Entry { seq, draft, hash })
}

fn decode_movement((index, raw): (usize, &RawMovement)) -> Result<Movement, String> {
    let said = |what: String| format!("its movement {index}: {what}");
    if usize::try_from(raw.line) != Ok(index) {
        return Err(said(format!("line {} stands there", raw.line)));
    }
    Ok(Movement {
        from: raw.from.parse().map_err(|e| said(format!("{e}")))?,
        to: raw.to.parse().map_err(|e| said(format!("{e}")))?,
        sku: gtin_of(raw.gtin).ok_or_else(|| said(format!("{} is not a GTIN", raw.gtin)))?,
        units: u32::try_from(raw.units).map_err(|_| said(format!("{} units", raw.units)))?,
    })
}
