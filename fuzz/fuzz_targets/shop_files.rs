//! Any three texts are a shop or a list of mistakes. The texts are parted by zero bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walkout_model::files::{Sources, parse_shop};

fuzz_target!(|data: &[u8]| {
    let mut texts = data
        .splitn(3, |&b| b == 0)
        .map(|part| String::from_utf8_lossy(part).into_owned());
    let sources = Sources {
        shop: texts.next().unwrap_or_default(),
        catalogue: texts.next().unwrap_or_default(),
        planogram: texts.next().unwrap_or_default(),
    };
    if let Err(mistakes) = parse_shop("fuzz", &sources) {
        assert!(!mistakes.is_empty());
    }
});
