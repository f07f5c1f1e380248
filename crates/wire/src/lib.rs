//! Pure codecs: SenML packs and entry codes.
