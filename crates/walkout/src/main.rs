//! The walkout binary: wires every part of the shop together.
fn main() {}
