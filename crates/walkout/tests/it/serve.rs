use crate::devices::{Mosquitto, is_there, one_shopper_takes_one, somebody_takes_one};
use crate::program::{Program, TempDir, walkout};
use serde_json::json;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use walkout_model::files::load_shop;
use walkout_model::{Gtin, Shop};
use walkout_testkit::{free_port, listens, shop_dir, skip};

fn shop() -> Shop {
    load_shop(&shop_dir("nano")).unwrap()
}

fn an_item_appears_in_a_cart(program: &Program, port: u16) {
    let shop = shop();
    let mosquitto = Mosquitto { port, shop: &shop };
    let taken = one_shopper_takes_one(program, &mosquitto);
    let path = format!("/api/v1/sessions/{}", taken.session);
    let session = program.until(&path, "an item in the cart", |s| s["items"] == 1);
    let gtin: Gtin = session["lines"][0]["gtin"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(gtin, taken.gtin);
    let movement = &program.get("/api/v1/movements")[0];
    assert_eq!(movement["decision"], "accept", "{movement:#}");
    assert!(movement["curve"].as_array().unwrap().len() > 5);
    let health = program.get("/healthz");
    assert_eq!(health["bus"]["dropped"], 0);
}

#[test]
fn mosquitto_pub_puts_an_item_into_a_cart() {
    if !is_there("mosquitto_pub") {
        return skip("mosquitto_pub_puts_an_item_into_a_cart", "no mosquitto_pub");
    }
    let port = free_port().unwrap();
    let arguments = ["--mqtt-port", &port.to_string(), "--full"];
    let program = Program::serve("own-broker", "nano", &arguments);
    an_item_appears_in_a_cart(&program, port);
    assert!(program.interrupt().success());
}

/// Movements are known by their numbers, and a shop that opens again does not count from the first.
#[test]
fn after_a_restart_what_is_taken_is_not_taken_for_what_was() {
    if !is_there("mosquitto_pub") {
        return skip(
            "after_a_restart_what_is_taken_is_not_taken_for_what_was",
            "no mosquitto_pub",
        );
    }
    let folder = TempDir::new("restart");
    let ledger = format!("sqlite:{}", folder.0.join("ledger.sqlite").display());
    for day in ["first", "second"] {
        let port = free_port().unwrap();
        let port_text = port.to_string();
        let arguments = ["--mqtt-port", &port_text, "--full", "--ledger", &ledger];
        let program = Program::serve(&format!("restart-{day}"), "nano", &arguments);
        an_item_appears_in_a_cart(&program, port);
        assert!(program.interrupt().success());
    }
}

/// A shop that was killed knows who was inside: they walk out past cameras that never saw them come in, and are charged.
#[test]
fn who_was_inside_when_the_shop_was_killed_leaves_and_pays() {
    const NAME: &str = "who_was_inside_when_the_shop_was_killed_leaves_and_pays";
    if !is_there("mosquitto_pub") {
        return skip(NAME, "no mosquitto_pub");
    }
    let data = TempDir::new("killed");
    let shop = shop();
    let port = free_port().unwrap();
    let arguments = ["--mqtt-port", &port.to_string(), "--full"];
    let program = Program::serve_in(&data.0, "nano", &arguments);
    let taken = one_shopper_takes_one(&program, &Mosquitto { port, shop: &shop });
    let path = format!("/api/v1/sessions/{}", taken.session);
    program.until(&path, "an item in the cart", |s| s["items"] == 1);
    drop(program);
    let port = free_port().unwrap();
    let arguments = ["--mqtt-port", &port.to_string()];
    let program = Program::serve_in(&data.0, "nano", &arguments);
    assert_eq!(program.get(&path)["stage"], "open");
    Mosquitto { port, shop: &shop }.somebody_leaves(&program);
    program.until(&path, "paid for", |s| s["stage"] == "settled");
    let receipt = program.get(&format!("{path}/receipt"));
    assert_eq!(receipt["lines"][0]["gtin"], taken.gtin.to_string());
}

#[test]
fn the_same_over_mosquitto_as_the_broker() {
    const NAME: &str = "the_same_over_mosquitto_as_the_broker";
    if !is_there("mosquitto_pub") {
        return skip(NAME, "no mosquitto_pub");
    }
    let started = StartedMosquitto::start();
    let port = match &started {
        Some(broker) => broker.port,
        None if listens(1883) => 1883,
        None => return skip(NAME, "no mosquitto, and no broker on 127.0.0.1:1883"),
    };
    let url = format!("mqtt://127.0.0.1:{port}");
    let program = Program::serve("other-broker", "nano", &["--mqtt", &url, "--full"]);
    program.until("/healthz", "the broker is connected", |h| {
        h["bus"]["connected"] == true
    });
    an_item_appears_in_a_cart(&program, port);
    if let Some(broker) = started {
        drop(broker);
        program.until("/healthz", "the loss is seen", |h| {
            h["bus"]["connections_lost"] == 1
        });
    }
}

/// Debian's broker, for as long as the test needs it.
pub struct StartedMosquitto {
    child: Child,
    pub port: u16,
}

impl StartedMosquitto {
    pub fn start() -> Option<Self> {
        let port = free_port()?;
        let child = ["mosquitto", "/usr/sbin/mosquitto"]
            .iter()
            .find_map(|name| {
                let mut command = Command::new(name);
                command.args(["-p", &port.to_string()]);
                command
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .ok()
            })?;
        let broker = Self { child, port };
        let begun = Instant::now();
        while !listens(port) {
            if begun.elapsed() > Duration::from_secs(10) {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(broker)
    }
}

impl Drop for StartedMosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn somebody_leaves_whom_nobody_let_in() {
    const NAME: &str = "somebody_leaves_whom_nobody_let_in";
    if !is_there("mosquitto_pub") {
        return skip(NAME, "no mosquitto_pub");
    }
    let port = free_port().unwrap();
    let program = Program::serve("stray", "nano", &["--mqtt-port", &port.to_string()]);
    let shop = shop();
    let mosquitto = Mosquitto { port, shop: &shop };
    mosquitto.somebody_leaves(&program);
    program.until("/healthz", "the exit without an entry is seen", |health| {
        let refusals = health["refusals"].as_array().unwrap();
        refusals
            .iter()
            .any(|r| r["cause"] == "exit_without_entry" && r["count"] == 1)
    });
}

#[test]
fn what_somebody_takes_whom_no_code_let_in_is_settled_by_saying_who_it_was() {
    const NAME: &str = "what_somebody_takes_whom_no_code_let_in_is_settled_by_saying_who_it_was";
    if !is_there("mosquitto_pub") {
        return skip(NAME, "no mosquitto_pub");
    }
    let port = free_port().unwrap();
    let arguments = ["--mqtt-port", &port.to_string(), "--full"];
    let program = Program::serve("stranger", "nano", &arguments);
    let shop = shop();
    let mosquitto = Mosquitto { port, shop: &shop };
    let (_, gtin) = somebody_takes_one(&program, &mosquitto, false);
    let reviews = program.until("/api/v1/reviews", "a question", |r| r[0]["id"].is_string());
    let review = &reviews[0];
    assert_eq!(review["why"], "unknown_person", "{reviews:#}");
    assert_eq!(review["options"][0]["gtin"], gtin.to_string());
    // Who they are is told by when they came in.
    assert!(review["visit"].as_i64() < review["t"].as_i64());
    let path = format!("/api/v1/reviews/{}/visit", review["id"].as_str().unwrap());
    let wrong = program.post(&path, &json!({ "who": "the tall one", "reviewer": "mina" }));
    assert!(
        wrong["detail"].as_str().unwrap().contains("write s12"),
        "{wrong:#}"
    );
    let settled = program.post(&path, &json!({ "who": null, "reviewer": "mina" }));
    assert_eq!(settled["settled"], json!([review["id"]]));
    assert_eq!(program.get("/api/v1/reviews"), json!([]));
    let again = program.post(&path, &json!({ "who": null, "reviewer": "mina" }));
    assert_eq!(again["status"], 409, "{again:#}");
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let data = TempDir::new("cannot-open");
    let port = free_port().unwrap().to_string();
    let cases: [(&[&str], &str); 5] = [
        (&["nano", "--http", &taken], "choose another port"),
        (&["nano", "--http", "0.0.0.0:0"], "--allow-open"),
        (&["nano", "--mqtt", "tcp://x:1"], "mqtt://host:port"),
        (&["atlantis"], "corner, flash, nano"),
        (
            &["nano", "--ledger", "mysql://x", "--http", "127.0.0.1:0"],
            "sqlite:",
        ),
    ];
    for (arguments, wanted) in cases {
        let mut command = walkout();
        command.arg("serve").args(arguments);
        command.args(["--mqtt-port", &port, "--data"]).arg(&data.0);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
}

#[test]
fn a_demo_runs_and_its_ledger_is_sound() {
    let data = TempDir::new("demo");
    let port = free_port().unwrap().to_string();
    let mut command = walkout();
    command.args(["demo", "--port", "0", "--mqtt-port", &port]);
    command.args([
        "--preset",
        "quiet",
        "--speed",
        "10",
        "--minutes",
        "0.25",
        "--data",
    ]);
    let output = command.arg(&data.0).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let last = said.lines().rfind(|l| l.contains("movements")).unwrap();
    assert!(last.ends_with("dropped 0"), "{said}");
    let ledger = format!("sqlite:{}", data.0.join("ledger.sqlite").display());
    assert!(said.contains(&ledger), "{said}");
    let checked = walkout().args(["fsck", &ledger]).output().unwrap();
    let found = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{found}");
}
