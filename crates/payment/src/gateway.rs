//! The seam between the shop and whoever moves the money.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use walkout_model::{CustomerId, Money, StoreTime};

/// The longest key that gateways take (Stripe: 255 characters).
const MAX_KEY_LEN: usize = 255;

/// Names one request for ever: the same key again must have no second effect. A gateway may forget
/// keys after a day; the shop derives them from its log and never reuses one for anything else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdempotencyKey(String);

/// A key that no gateway would take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an idempotency key has 1 to {MAX_KEY_LEN} printable ASCII characters; this one has {0} bytes"
)]
pub struct KeyTooLong(pub usize);

impl IdempotencyKey {
    /// A key.
    ///
    /// # Errors
    /// If it is empty, longer than 255 characters or not printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, KeyTooLong> {
        let text = text.into();
        let fits = (1..=MAX_KEY_LEN).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(KeyTooLong(text.len()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = KeyTooLong;
    fn try_from(text: String) -> Result<Self, KeyTooLong> {
        Self::new(text)
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> Self {
        key.0
    }
}

macro_rules! gateway_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub String);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

gateway_id! {
    /// The gateway's name for a hold (Stripe: a `PaymentIntent`).
    HoldId,
    /// The gateway's name for a capture (Stripe: a `Charge`).
    CaptureId,
    /// The gateway's name for a refund.
    RefundId,
}

/// Asks to set an amount aside on the customer's saved method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRequest {
    /// Whose method.
    pub customer: CustomerId,
    /// How much.
    pub amount: Money,
    /// Names this request.
    pub key: IdempotencyKey,
    /// Now, by the shop's clock.
    pub now: StoreTime,
}

/// An amount set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The gateway's name for it.
    pub id: HoldId,
    /// How much can be captured.
    pub amount: Money,
    /// When it lapses by itself (seven days online, Visa's merchant-initiated transaction rules).
    pub expires: StoreTime,
}

/// Asks to take a part of a hold, or all of it; the gateway lets go of what is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureRequest {
    /// Of which hold.
    pub hold: HoldId,
    /// How much, at most what is held.
    pub amount: Money,
    /// Names this request.
    pub key: IdempotencyKey,
    /// Now, by the shop's clock.
    pub now: StoreTime,
}

/// Money taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// The gateway's name for it.
    pub id: CaptureId,
    /// How much.
    pub amount: Money,
}

/// Asks to give money back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// Of which capture.
    pub capture: CaptureId,
    /// How much, at most what was captured and not yet refunded.
    pub amount: Money,
    /// Names this request.
    pub key: IdempotencyKey,
}

/// Money given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The gateway's name for it.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
}

/// Why the gateway did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum GatewayError {
    /// The customer's bank said no.
    #[error("the card was declined ({reason}): ask the customer for another method")]
    Declined {
        /// The bank's or gateway's code, `insufficient_funds`.
        reason: String,
    },
    /// The bank wants the customer to confirm on the phone, and nobody is there to do so.
    #[error("the bank asks the customer to confirm: send them to their bank's page")]
    AuthenticationRequired,
    /// The hold lapsed before it was captured.
    #[error("the hold lapsed: place a new one")]
    HoldExpired,
    /// More than is held, or than is left to refund.
    #[error("{asked} was asked for but only {available} is there")]
    OverAmount {
        /// What was asked for.
        asked: Money,
        /// What could be had.
        available: Money,
    },
    /// The hold was captured or released, or the gateway does not know it.
    #[error("there is no such open hold or capture at the gateway: {id}")]
    Unknown {
        /// The id that was named.
        id: String,
    },
    /// The key was used for another request.
    #[error("the idempotency key was used before for another request")]
    KeyConflict,
    /// No answer. The request may or may not have had its effect: send it again under the same key.
    #[error("the gateway does not answer: try again later")]
    Unreachable,
}

impl GatewayError {
    /// Whether the same request, under the same key, may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable)
    }
}

/// Whoever moves the money. Every call is idempotent by its key. An implementation bounds its own
/// waiting and answers [`GatewayError::Unreachable`] when time is up.
#[async_trait]
pub trait Gateway: Send + Sync + std::fmt::Debug {
    /// Sets an amount aside.
    ///
    /// # Errors
    /// Declined, to be confirmed, or unreachable.
    async fn hold(&self, request: HoldRequest) -> Result<Hold, GatewayError>;

    /// Takes a part of a hold once; the rest is let go.
    ///
    /// # Errors
    /// Declined, over the hold, lapsed, unknown or unreachable.
    async fn capture(&self, request: CaptureRequest) -> Result<Capture, GatewayError>;

    /// Lets a hold go. Releasing one that was released or has lapsed is a success.
    ///
    /// # Errors
    /// Unknown (or captured), or unreachable.
    async fn release(&self, hold: &HoldId, key: IdempotencyKey) -> Result<(), GatewayError>;

    /// Gives back a part of a capture, or all of it.
    ///
    /// # Errors
    /// Over what is left of it, unknown or unreachable.
    async fn refund(&self, request: RefundRequest) -> Result<Refund, GatewayError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_every_gateway_takes() {
        assert!(IdempotencyKey::new("corner/s12/capture/0").is_ok());
        for bad in ["", "a b", "é", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::new(bad), Err(KeyTooLong(bad.len())));
        }
    }
}
