//! HTTP API and the live page.
