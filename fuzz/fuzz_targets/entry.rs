//! Any text shown to the gate is refused in order or read, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walkout_model::StoreTime;
use walkout_wire::entry::{EntryCode, KeyRing};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // No input of a fuzzer carries a right signature, so none is ever let in.
    let keys = KeyRing::new(1, [0x5a; 32]);
    assert!(EntryCode::read(text, &keys, StoreTime(1_790_000_000_000_000)).is_err());
});
