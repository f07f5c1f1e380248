//! Signed rotating entry codes: what a phone shows as a QR code at the gate.
//!
//! A code is 64 characters of RFC 4648 base32 without padding. Base32 in capitals lies inside the
//! alphanumeric set of QR codes (ISO/IEC 18004, 5.5 bits a character), so a code fits a version 4
//! symbol at error level M, and it survives being typed or put in a URL. It holds 40 bytes, big endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 1 | key id |
//! | 1 | bit 7: staff; bits 0–6: people, 1–127 |
//! | 6 | issued, milliseconds since 1970 |
//! | 8 | customer |
//! | 7 | nonce |
//! | 16 | HMAC-SHA-256 over the bytes before it, its first 16 bytes (RFC 2104, section 5) |
//!
//! A MAC and not a signature: the shop that issues a code is the one that reads it, and 16 bytes
//! instead of 64 make the symbol two sizes smaller, which counts for a cracked phone in the rain.
//!
//! Time and randomness are arguments. That a code is used once is checkout's to see to: it
//! remembers each [`EntryCode::id`] while the code could still be valid.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use walkout_model::{CustomerId, PartyKind, StoreTime, TimeDelta};

/// Characters in every code.
pub const TEXT_LEN: usize = 64;

/// How long a code is good for after its issue.
pub const VALIDITY: TimeDelta = TimeDelta::from_secs(20);

/// How far the clocks of the issuer and of the gate may differ: a code is accepted this long before
/// its issue and this long after its [`VALIDITY`] ends.
pub const CLOCK_SKEW: TimeDelta = TimeDelta::from_secs(2);

const VERSION: u8 = 1;
const STAFF_BIT: u8 = 0x80;
const BODY_LEN: usize = 24;
const TAG_LEN: usize = 16;
const CODE_LEN: usize = BODY_LEN + TAG_LEN;
const MAX_ISSUED_MS: u64 = (1 << 48) - 1;
const MAX_NONCE: u64 = (1 << 56) - 1;

type HmacSha256 = Hmac<Sha256>;

/// Why a text does not let anybody in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryCodeError {
    /// Not the text of an entry code: its length, an alphabet, a version or a field is wrong.
    #[error("this is not an entry code: {0}")]
    Malformed(&'static str),
    /// Signed with a key that this shop does not hold (any more).
    #[error(
        "the entry code was signed with key {0}, which this shop does not hold: issue a new code"
    )]
    UnknownKey(u8),
    /// The signature does not belong to the content.
    #[error("the entry code is forged or damaged")]
    Forged,
    /// Too old.
    #[error("the entry code expired {} s ago: show the current one", .late.as_secs_f64())]
    Expired {
        /// Time since the end of its validity.
        late: TimeDelta,
    },
    /// Issued later than now, beyond [`CLOCK_SKEW`].
    #[error("the entry code is from {} s ahead: set the clock of the phone's server or of the gate", .ahead.as_secs_f64())]
    FromTheFuture {
        /// Time until its issue.
        ahead: TimeDelta,
    },
    /// A party of none or of more than 127.
    #[error("a party has 1 to 127 people, not {0}")]
    People(u8),
    /// The time of issue lies outside 1970 to 10889.
    #[error("the time of issue lies outside the years 1970 to 10889")]
    Issued,
}

/// Who a code lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// Whose phone shows the code.
    pub customer: CustomerId,
    /// How many people come in under it, 1 to 127.
    pub people: u8,
    /// Shoppers or staff.
    pub kind: PartyKind,
}

/// One use of one code: what must be remembered to refuse it a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryCodeId {
    /// Whose it was.
    pub customer: CustomerId,
    /// When it was issued, to the millisecond.
    pub issued: StoreTime,
    /// Its random part, 56 bits.
    pub nonce: u64,
}

/// A code that was read, whose signature was right and whose time had come. There is no other way to
/// have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryCode {
    party: Party,
    issued: StoreTime,
    nonce: u64,
}

impl EntryCode {
    /// Reads the text of a code at the instant `now`.
    ///
    /// # Errors
    /// Says what is wrong with it. The signature is looked at before any time, so that nothing is
    /// learned by trying times.
    pub fn read(text: &str, keys: &KeyRing, now: StoreTime) -> Result<Self, EntryCodeError> {
        let code = Self::verify(text, keys)?;
        let age = now.since(code.issued);
        if age < -CLOCK_SKEW {
            return Err(EntryCodeError::FromTheFuture { ahead: -age });
        }
        if age > VALIDITY + CLOCK_SKEW {
            return Err(EntryCodeError::Expired {
                late: age + -VALIDITY,
            });
        }
        Ok(code)
    }

    /// Who it lets in.
    pub fn party(&self) -> Party {
        self.party
    }

    /// When it was issued, to the millisecond.
    pub fn issued(&self) -> StoreTime {
        self.issued
    }

    /// The last instant at which [`EntryCode::read`] accepts it: how long its id must be remembered.
    pub fn last_accepted(&self) -> StoreTime {
        self.issued + VALIDITY + CLOCK_SKEW
    }

    /// What tells this code from every other.
    pub fn id(&self) -> EntryCodeId {
        EntryCodeId {
            customer: self.party.customer,
            issued: self.issued,
            nonce: self.nonce,
        }
    }

    fn verify(text: &str, keys: &KeyRing) -> Result<Self, EntryCodeError> {
        if text.len() != TEXT_LEN {
            return Err(EntryCodeError::Malformed("it has 64 characters"));
        }
        let bytes = BASE32_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| EntryCodeError::Malformed("it is written in A–Z and 2–7"))?;
        let bytes: [u8; CODE_LEN] = bytes
            .try_into()
            .map_err(|_| EntryCodeError::Malformed("it has 64 characters"))?;
        let (body, tag) = bytes.split_at(BODY_LEN);
        let [version, key_id, party, rest @ ..] = body else {
            return Err(EntryCodeError::Malformed("it has 64 characters"));
        };
        if *version != VERSION {
            return Err(EntryCodeError::Malformed("its version is not 1"));
        }
        keys.mac(*key_id, body)?
            .verify_truncated_left(tag)
            .map_err(|_| EntryCodeError::Forged)?;
        // From here on the content is our own; a party of nobody would still be our own mistake.
        let people = party & !STAFF_BIT;
        if people == 0 {
            return Err(EntryCodeError::Malformed("its party is empty"));
        }
        let kind = if party & STAFF_BIT == 0 {
            PartyKind::Shopper
        } else {
            PartyKind::Staff
        };
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |n, &b| n << 8 | u64::from(b));
        let (issued, rest) = rest.split_at(6);
        let (customer, nonce) = rest.split_at(8);
        let issued_ms = i64::try_from(number(issued)).unwrap_or(i64::MAX);
        Ok(Self {
            party: Party {
                customer: CustomerId(number(customer)),
                people,
                kind,
            },
            issued: StoreTime(issued_ms.saturating_mul(1_000)),
            nonce: number(nonce),
        })
    }
}

/// The keys that a shop signs and accepts codes with. New codes are signed with the current key;
/// codes under an older one are accepted until it is retired.
#[derive(Clone)]
pub struct KeyRing {
    current: u8,
    keys: BTreeMap<u8, [u8; 32]>,
}

impl KeyRing {
    /// A ring of one key, which signs from now on. `secret` must be 32 bytes from a good source of
    /// randomness, and the same on every box that issues or reads codes of this shop.
    pub fn new(id: u8, secret: [u8; 32]) -> Self {
        Self {
            current: id,
            keys: BTreeMap::from([(id, secret)]),
        }
    }

    /// Adds a key and signs with it from now on; the older ones are still accepted.
    pub fn rotate(&mut self, id: u8, secret: [u8; 32]) {
        self.keys.insert(id, secret);
        self.current = id;
    }

    /// Forgets a key; codes signed with it are refused from now on. The current key stays.
    pub fn retire(&mut self, id: u8) {
        if id != self.current {
            self.keys.remove(&id);
        }
    }

    /// Writes a code that is valid from `now` for [`VALIDITY`]. `nonce` must not repeat for one
    /// customer within a millisecond; its low 56 bits are used.
    ///
    /// # Errors
    /// [`EntryCodeError::People`] or [`EntryCodeError::Issued`] for what a code cannot say.
    pub fn issue(
        &self,
        party: Party,
        now: StoreTime,
        nonce: u64,
    ) -> Result<String, EntryCodeError> {
        if party.people == 0 || party.people & STAFF_BIT != 0 {
            return Err(EntryCodeError::People(party.people));
        }
        let issued_ms = u64::try_from(now.0.div_euclid(1_000))
            .ok()
            .filter(|&ms| ms <= MAX_ISSUED_MS)
            .ok_or(EntryCodeError::Issued)?;
        let staff = match party.kind {
            PartyKind::Shopper => 0,
            PartyKind::Staff => STAFF_BIT,
        };
        let mut code = Vec::with_capacity(CODE_LEN);
        code.extend([VERSION, self.current, staff | party.people]);
        code.extend_from_slice(&issued_ms.to_be_bytes()[2..]);
        code.extend_from_slice(&party.customer.0.to_be_bytes());
        code.extend_from_slice(&(nonce & MAX_NONCE).to_be_bytes()[1..]);
        let tag = self.mac(self.current, &code)?.finalize().into_bytes();
        code.extend_from_slice(&tag[..TAG_LEN]);
        Ok(BASE32_NOPAD.encode(&code))
    }

    fn mac(&self, id: u8, body: &[u8]) -> Result<HmacSha256, EntryCodeError> {
        let secret = self.keys.get(&id).ok_or(EntryCodeError::UnknownKey(id))?;
        // HMAC takes keys of any length, so this cannot fail; if it did, no code would pass.
        let mut mac = HmacSha256::new_from_slice(secret).map_err(|_| EntryCodeError::Forged)?;
        mac.update(body);
        Ok(mac)
    }
}

impl std::fmt::Debug for KeyRing {
    /// Key ids, never keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing")
            .field("current", &self.current)
            .field("keys", &self.keys.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: StoreTime = StoreTime(1_790_000_000_000_000);

    fn ring() -> KeyRing {
        KeyRing::new(7, [0x5a; 32])
    }

    fn party() -> Party {
        Party {
            customer: CustomerId(42),
            people: 3,
            kind: PartyKind::Shopper,
        }
    }

    #[test]
    fn a_code_fits_the_alphanumeric_set_of_qr() {
        let text = ring().issue(party(), NOW, 1).unwrap();
        assert_eq!(text.len(), TEXT_LEN);
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
        );
    }

    #[test]
    fn it_is_valid_for_twenty_seconds_and_the_skew() {
        let ring = ring();
        let text = ring.issue(party(), NOW, 1).unwrap();
        let read = |t| EntryCode::read(&text, &ring, t);
        let code = read(NOW).unwrap();
        assert!(read(NOW - CLOCK_SKEW).is_ok());
        assert!(read(code.last_accepted()).is_ok());
        assert_eq!(
            read(NOW + TimeDelta::from_secs(23)),
            Err(EntryCodeError::Expired {
                late: TimeDelta::from_secs(3)
            })
        );
        assert_eq!(
            read(NOW - TimeDelta::from_secs(5)),
            Err(EntryCodeError::FromTheFuture {
                ahead: TimeDelta::from_secs(5)
            })
        );
    }

    #[test]
    fn a_rotated_key_is_accepted_until_it_is_retired() {
        let mut ring = ring();
        let old = ring.issue(party(), NOW, 1).unwrap();
        ring.rotate(8, [0xa5; 32]);
        let new = ring.issue(party(), NOW, 1).unwrap();
        assert!(EntryCode::read(&old, &ring, NOW).is_ok());
        ring.retire(7);
        assert_eq!(
            EntryCode::read(&old, &ring, NOW),
            Err(EntryCodeError::UnknownKey(7))
        );
        ring.retire(8);
        assert!(EntryCode::read(&new, &ring, NOW).is_ok());
    }

    #[test]
    fn another_shops_key_forges_nothing() {
        let text = KeyRing::new(7, [1; 32]).issue(party(), NOW, 1).unwrap();
        assert_eq!(
            EntryCode::read(&text, &ring(), NOW),
            Err(EntryCodeError::Forged)
        );
    }

    #[test]
    fn keys_are_not_printed() {
        let shown = format!("{:?}", KeyRing::new(7, [0xab; 32]));
        assert_eq!(shown, "KeyRing { current: 7, keys: [7], .. }");
    }

    #[test]
    fn what_a_code_cannot_say_is_refused() {
        let none = Party {
            people: 0,
            ..party()
        };
        let many = Party {
            people: 128,
            ..party()
        };
        assert_eq!(ring().issue(none, NOW, 0), Err(EntryCodeError::People(0)));
        assert_eq!(ring().issue(many, NOW, 0), Err(EntryCodeError::People(128)));
        for t in [StoreTime(-1), StoreTime(i64::MAX)] {
            assert_eq!(ring().issue(party(), t, 0), Err(EntryCodeError::Issued));
        }
    }

    proptest! {
        #[test]
        fn round_trip(customer: u64, people in 1_u8..=127, staff: bool, ms in 0..=MAX_ISSUED_MS, nonce in 0..=MAX_NONCE) {
            let kind = if staff { PartyKind::Staff } else { PartyKind::Shopper };
            let party = Party { customer: CustomerId(customer), people, kind };
            let now = StoreTime(i64::try_from(ms).unwrap() * 1_000);
            let code = EntryCode::read(&ring().issue(party, now, nonce).unwrap(), &ring(), now).unwrap();
            prop_assert_eq!(code.party(), party);
            prop_assert_eq!(code.id(), EntryCodeId { customer: CustomerId(customer), issued: now, nonce });
        }

        #[test]
        fn any_flipped_bit_is_refused(nonce: u64, at in 0..TEXT_LEN * 8) {
            let mut bytes = ring().issue(party(), NOW, nonce).unwrap().into_bytes();
            bytes[at / 8] ^= 1 << (at % 8);
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(EntryCode::read(&text, &ring(), NOW).is_err());
            }
        }

        #[test]
        fn any_flipped_bit_of_the_content_is_refused(nonce: u64, at in 0..CODE_LEN * 8) {
            let text = ring().issue(party(), NOW, nonce).unwrap();
            let mut bytes = BASE32_NOPAD.decode(text.as_bytes()).unwrap();
            bytes[at / 8] ^= 1 << (at % 8);
            prop_assert!(EntryCode::read(&BASE32_NOPAD.encode(&bytes), &ring(), NOW).is_err());
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,80}", near in "[A-Z2-7]{64}") {
            prop_assert!(EntryCode::read(&text, &ring(), NOW).is_err());
            prop_assert!(EntryCode::read(&near, &ring(), NOW).is_err());
        }
    }
}
