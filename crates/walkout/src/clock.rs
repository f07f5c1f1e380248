//! The one place that reads the machine's clock.

use walkout_model::StoreTime;

/// The wall clock, as store time.
#[expect(
    clippy::disallowed_methods,
    reason = "the hall is where time comes in; everything behind it is given the time"
)]
pub fn wall_now() -> StoreTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // Before 1970 the clock is wrong anyway.
    let micros = since.map_or(0, |d| d.as_micros());
    StoreTime(i64::try_from(micros).unwrap_or(i64::MAX))
}
