//! Entries and what they are made of.

use crate::{Account, AccountError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use walkout_model::{Gtin, StoreTime};

/// Longest idempotency key, bytes.
pub const KEY_BYTES_MAX: usize = 200;
/// Longest kind of a cause, bytes.
pub const KIND_BYTES_MAX: usize = 64;
/// Longest body of a cause as canonical JSON, bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Longest evidence reference, bytes.
pub const EVIDENCE_BYTES_MAX: usize = 4 * 1024;
/// Most movements of one entry.
pub const MOVEMENTS_MAX: usize = 4_096;
/// Most units of one movement.
pub const UNITS_MAX: u32 = 1_000_000;

/// Units of one SKU go from one account to another; what one loses the other gains, so that the
/// sum over all accounts stays zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The account that loses them.
    pub from: Account,
    /// The account that gains them; never the same.
    pub to: Account,
    /// What.
    pub sku: Gtin,
    /// How many, 1 to [`UNITS_MAX`].
    pub units: u32,
}

/// Why an entry was made: a word for the reader's `match`, and whatever that kind of cause says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// `take`, `put_back`, `session_opened` …; 1 to [`KIND_BYTES_MAX`] bytes.
    pub kind: String,
    /// The details as JSON, at most [`BODY_BYTES_MAX`] bytes.
    pub body: serde_json::Value,
}

/// An entry before it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Names the event for good: a second append under it with the same content changes nothing.
    /// 1 to [`KEY_BYTES_MAX`] bytes.
    pub key: String,
    /// When it happened, by the shop's clock; entries need not come in this order.
    pub time: StoreTime,
    /// Why.
    pub cause: Cause,
    /// Where the proof is kept (a recording and an instant, a frame), if there is one; 1 to
    /// [`EVIDENCE_BYTES_MAX`] bytes.
    pub evidence: Option<String>,
    /// What moved; empty for a note such as the opening of a session. At most [`MOVEMENTS_MAX`].
    pub movements: Vec<Movement>,
}

/// A recorded entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the log, from 1 without gaps.
    pub seq: u64,
    /// What was recorded.
    #[serde(flatten)]
    pub draft: Draft,
    /// SHA-256 over the hash before it and its canonical bytes.
    pub hash: EntryHash,
}

/// What an append gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// The entry's place in the log.
    pub seq: u64,
    /// The entry's hash.
    pub hash: EntryHash,
    /// Whether it stood there already, from an earlier append under the same key.
    pub duplicate: bool,
}

/// The end of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry's place, which is also how many there are; 0 for an empty log.
    pub seq: u64,
    /// The last entry's hash; all zero for an empty log.
    pub hash: EntryHash,
}

/// A SHA-256 link of the chain; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryHash(pub [u8; 32]);

/// A text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a hash: write its 64 hexadecimal digits in lower case")]
pub struct EntryHashError(String);

/// Why a draft cannot be recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A text is empty, too long or has control characters.
    #[error(
        "the {field} has {bytes} bytes or control characters: give 1 to {limit} bytes without any"
    )]
    Text {
        /// `key`, `kind` or `evidence`.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The cause's body is too long.
    #[error("the cause has {0} bytes of JSON: give at most {BODY_BYTES_MAX}")]
    Body(usize),
    /// The cause's body is nested too deep to be read again.
    #[error("the cause is nested more than {0} deep: make it flatter")]
    Depth(usize),
    /// Too many movements.
    #[error("the entry has {0} movements: give at most {MOVEMENTS_MAX}")]
    Movements(usize),
    /// No units, or absurdly many.
    #[error("movement {index} is of {units} units: give 1 to {UNITS_MAX}")]
    Units {
        /// Which movement, from 0.
        index: usize,
        /// What it says.
        units: u32,
    },
    /// From an account to itself.
    #[error("movement {index} goes from {account} to itself")]
    Same {
        /// Which movement, from 0.
        index: usize,
        /// The account.
        account: Account,
    },
    /// An account that cannot be written.
    #[error("movement {index}: {source}")]
    Account {
        /// Which movement, from 0.
        index: usize,
        /// Why.
        source: AccountError,
    },
}

impl Draft {
    /// Checks every limit but those of the body, which are checked where it is encoded.
    ///
    /// # Errors
    /// The first thing wrong.
    pub(crate) fn check(&self) -> Result<(), DraftError> {
        check_text("key", &self.key, KEY_BYTES_MAX)?;
        check_text("kind", &self.cause.kind, KIND_BYTES_MAX)?;
        if let Some(evidence) = &self.evidence {
            check_text("evidence", evidence, EVIDENCE_BYTES_MAX)?;
        }
        if self.movements.len() > MOVEMENTS_MAX {
            return Err(DraftError::Movements(self.movements.len()));
        }
        for (index, movement) in self.movements.iter().enumerate() {
            movement.check(index)?;
        }
        Ok(())
    }
}

impl Entry {
    /// The log's head when this was its last entry.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash,
        }
    }
}

impl Movement {
    fn check(&self, index: usize) -> Result<(), DraftError> {
        if self.units == 0 || self.units > UNITS_MAX {
            let units = self.units;
            return Err(DraftError::Units { index, units });
        }
        if self.from == self.to {
            let account = self.from.clone();
            return Err(DraftError::Same { index, account });
        }
        self.from
            .check()
            .and_then(|()| self.to.check())
            .map_err(|source| DraftError::Account { index, source })
    }
}

fn check_text(field: &'static str, text: &str, limit: usize) -> Result<(), DraftError> {
    if text.is_empty() || text.len() > limit || text.chars().any(char::is_control) {
        let bytes = text.len();
        return Err(DraftError::Text {
            field,
            bytes,
            limit,
        });
    }
    Ok(())
}

impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Formatting byte by byte would take as long as the hashing.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
        let text: String = self
            .0
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
            .collect();
        f.write_str(&text)
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EntryHash {
    type Err = EntryHashError;

    fn from_str(text: &str) -> Result<Self, EntryHashError> {
        let bad = || EntryHashError(text.chars().take(80).collect());
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        if text.len() != 64 {
            return Err(bad());
        }
        let mut hash = [0; 32];
        for (out, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(digit);
            *out = high.ok_or_else(bad)? << 4 | low.ok_or_else(bad)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for EntryHash {
    type Error = EntryHashError;
    fn try_from(text: String) -> Result<Self, EntryHashError> {
        text.parse()
    }
}

impl From<EntryHash> for String {
    fn from(hash: EntryHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_have_one_text() {
        let hash = EntryHash(std::array::from_fn(|i| i as u8 * 7));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!(
            hash.to_string()
                .to_uppercase()
                .parse::<EntryHash>()
                .is_err()
        );
        assert!("00".parse::<EntryHash>().is_err());
        assert!("é".repeat(32).parse::<EntryHash>().is_err());
    }
}
