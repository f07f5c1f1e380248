//! Tests of the binary as a user runs it.

mod devices;
mod program;
mod serve;
mod simulate;
