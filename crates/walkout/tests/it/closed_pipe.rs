//! What becomes of a command whose reader goes away.

use std::io::Read as _;
use std::process::{Command, Stdio};

#[test]
fn a_command_whose_reader_has_gone_ends_without_a_word() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_walkout"))
        .arg("check")
        .arg(walkout_testkit::shop_dir("nano"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(said, "");
    assert_eq!(status.code(), Some(141), "128 and SIGPIPE's number");
}
