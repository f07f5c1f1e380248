//! Any pack is refused in order or read, and what is read and written again reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walkout_model::StoreTime;
use walkout_wire::senml::{Format, Limits, decode, encode};

fuzz_target!(|data: &[u8]| {
    let now = StoreTime(1_790_000_000_000_000);
    let limits = Limits::default();
    let Ok(records) = decode(data, now, &limits) else {
        return;
    };
    for format in [Format::Json, Format::Cbor] {
        // Times in the seventies are read but cannot be written: they would be relative.
        let Ok(pack) = encode(&records, format) else {
            continue;
        };
        if pack.len() > limits.bytes_max {
            continue;
        }
        let again = decode(&pack, now, &limits).expect("what was written is read");
        assert_eq!(again.len(), records.len());
        for (a, b) in again.iter().zip(&records) {
            assert_eq!((&a.name, &a.unit, &a.value), (&b.name, &b.unit, &b.value));
        }
    }
});
