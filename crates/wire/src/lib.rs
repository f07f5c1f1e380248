//! Pure codecs: SenML packs and entry codes.

pub mod entry;
pub mod senml;
