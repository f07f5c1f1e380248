//! What the tests of several crates share. Only ever a dev-dependency.

use std::io::Write;
use std::path::PathBuf;

/// Says that a test was skipped, and why, past libtest's capture, so that nobody takes a skipped
/// test for a passed one. Write `return skip("name", "no broker on 127.0.0.1:1883")`.
pub fn skip(test: &str, why: &str) {
    // `eprintln!` would be captured; the stream itself is not.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

/// The root of the checkout. Cargo says at run time where the tested crate lies, so that a build
/// folder shared by several checkouts does not lead into another one.
pub fn root() -> PathBuf {
    let tested = std::env::var_os("CARGO_MANIFEST_DIR");
    tested
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
        .join("../..")
}

/// The folder of a shipped shop.
pub fn shop_dir(name: &str) -> PathBuf {
    root().join("shops").join(name)
}

/// A file of the shared real data, or `None` where it is absent (then [`skip`] by name).
pub fn shared(path: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(path);
    path.exists().then_some(path)
}

/// Whether something listens on a local TCP port.
pub fn listens(port: u16) -> bool {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(500)).is_ok()
}

/// A local TCP port that was free a moment ago. `None` if the system gives none.
pub fn free_port() -> Option<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).ok()?;
    Some(listener.local_addr().ok()?.port())
}
