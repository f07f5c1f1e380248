//! Card gateways: holds, captures, refunds.
