//! Tests of the binary as a user runs it.

#[cfg(test)]
mod simulate;
