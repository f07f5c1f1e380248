//! Card gateways: holds, captures, refunds.
//!
//! The shop holds an amount when a party enters, captures what it owes when the receipt is final
//! and releases the rest. A [`Gateway`] is the seam: the [`Sandbox`] stands behind it by default,
//! and a card processor with manual capture (Stripe's `PaymentIntent`) fits it one call to one request.
//! Card numbers never pass here: a gateway knows by [`CustomerId`](walkout_model::CustomerId) which
//! method the customer saved with it.

mod gateway;
mod sandbox;

pub use gateway::{
    Capture, CaptureId, CaptureRequest, Gateway, GatewayError, Hold, HoldId, HoldRequest,
    IdempotencyKey, KeyTooLong, Refund, RefundId, RefundRequest,
};
pub use sandbox::{Sandbox, SandboxError, SandboxHold, TestCard};
