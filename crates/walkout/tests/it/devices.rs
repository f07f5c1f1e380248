//! Devices that are no part of this project: every message goes out by Debian's `mosquitto_pub`.

use crate::program::Program;
use serde_json::json;
use std::process::{Command, Stdio};
use walkout_model::layout::{Gate, GateKind};
use walkout_model::{Gtin, LaneIx, Point2, Point3, Shop};

/// Whether a program of this name can be started.
pub fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--help")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok()
}

pub struct Mosquitto<'a> {
    pub port: u16,
    pub shop: &'a Shop,
}

impl Mosquitto<'_> {
    pub fn publish(&self, topic: &str, body: &str) {
        // A machine that is short of everything lets a connection time out now and then; devices try again.
        let mut said = String::new();
        for _ in 0..3 {
            let outcome = Command::new("mosquitto_pub")
                .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1"])
                .args([
                    "-t",
                    &format!("walkout/{}/{topic}", self.shop.name),
                    "-m",
                    body,
                ])
                .output()
                .unwrap();
            if outcome.status.success() {
                return;
            }
            said = String::from_utf8_lossy(&outcome.stderr).into_owned();
        }
        panic!("mosquitto_pub {topic}: {said}");
    }

    /// A tenth of a second of one fixture: six samples of each plate, as an SenML pack in JSON.
    /// `reading` gives the grams of a plate at an instant.
    fn loads(&self, fixture: &str, t_s: f64, reading: impl Fn(&str, f64) -> f64) {
        let mut records = vec![json!({ "bu": "g", "bt": t_s })];
        let plates = self.shop.layout.plates.iter();
        for plate in plates.filter(|p| p.name.starts_with(&format!("{fixture}/"))) {
            for k in 0..6 {
                let t = f64::from(k) / 60.0;
                let grams = reading(&plate.name, t_s + t);
                records.push(json!({ "n": plate.name, "t": t, "v": grams }));
            }
        }
        self.publish(&format!("load/{fixture}"), &json!(records).to_string());
    }

    fn person(&self, t_s: f64, at: Point2, hand: Option<Point3>) {
        let wrist = |p: Point3| json!({ "x": p.x, "y": p.y, "z": p.z, "sd": 0.04, "conf": 0.95 });
        let wrists: Vec<_> = hand.into_iter().map(wrist).collect();
        let person = json!({ "id": 7, "x": at.x, "y": at.y, "sd": 0.06, "wrists": wrists });
        self.publish(
            "track",
            &json!({ "t": t_s, "people": [person] }).to_string(),
        );
    }

    /// Somebody whom the cameras did not see come in walks out; plates go on for ten seconds.
    pub fn somebody_leaves(&self, program: &Program) {
        let gates = &self.shop.layout.gates;
        let gate = gates.iter().find(|g| g.kind != GateKind::Entry).unwrap();
        let begun = program.get("/api/v1/time")["t"].as_i64().unwrap() as f64 / 1e6;
        let fixture = &self.shop.layout.fixtures[0].name;
        for tenth in 0..120 {
            let s = f64::from(tenth) / 10.0;
            let along = 0.9 - 0.6 * s;
            if along > -0.9 {
                self.person(begun + s, gate.middle() + gate.inward() * along, None);
            }
            if tenth == 15 {
                let cross = json!({ "kind": "cross", "t": begun + s, "direction": "out" });
                self.publish(&format!("gate/{}", gate.name), &cross.to_string());
            }
            self.loads(fixture, begun + s, |_, t| 500.0 + (t * 977.0).sin() * 0.3);
        }
    }

    fn look(&self, t_s: f64, hand: Point3, gtin: Gtin) {
        let look = json!({ "t": t_s, "track": 7, "x": hand.x, "y": hand.y, "z": hand.z,
            "skus": [[gtin, 0.95]] });
        self.publish("look", &json!({ "looks": [look] }).to_string());
    }
}

/// What the shopper will have taken.
pub struct Taken {
    pub session: String,
    pub gtin: Gtin,
}

/// A shopper comes in, walks to a lane, takes one unit and stays. All that the shop learns of it
/// comes from `mosquitto_pub`, but for the code, which the phone asks of the API.
pub fn one_shopper_takes_one(program: &Program, mosquitto: &Mosquitto<'_>) -> Taken {
    let (session, gtin) = somebody_takes_one(program, mosquitto, true);
    let session = session.expect("a code was shown");
    Taken { session, gtin }
}

/// The same of somebody who shows no code, if so. Gives their session and the product.
pub fn somebody_takes_one(
    program: &Program,
    mosquitto: &Mosquitto<'_>,
    has_code: bool,
) -> (Option<String>, Gtin) {
    let shop = mosquitto.shop;
    let lane = lane_to_shop_from(shop);
    let lane = shop.planogram.get(lane).unwrap();
    let product = &shop.catalogue[lane.sku];
    let gate = entry(&shop.layout.gates);
    let shelf = &shop.layout.shelves[lane.shelf.usize()];
    let fixture = &shop.layout.fixtures[shelf.fixture.usize()];
    let (x_m, y_m) = (lane.x_m + lane.width_m / 2.0, shelf.depth_m / 2.0);
    let unit = shop.layout.floor_from_shelf(lane.shelf, x_m, y_m, 0.05);
    let front = fixture
        .pose
        .floor_from_local(Point2::new(shelf.x_m + x_m, -0.45));
    let outside = gate.middle() + gate.inward() * -0.6;
    let inside = gate.middle() + gate.inward() * 0.6;

    let begun = program.get("/api/v1/time")["t"].as_i64().unwrap() as f64 / 1e6 + 0.5;
    let mass = product.unit_mass.grams();
    let (takes_at, over_at) = (begun + 8.0, begun + 13.0);
    let plates = &lane.plates;
    let reading = |plate: &str, t: f64| {
        let ix = shop
            .layout
            .plates
            .iter()
            .position(|p| p.name == plate)
            .unwrap();
        let held = plates.iter().any(|p| p.usize() == ix);
        let share = if held { 1.0 / plates.len() as f64 } else { 0.0 };
        let gone = ((t - takes_at) / 0.3).clamp(0.0, 1.0);
        // Noise of a few tenths of a gram, the same in every run.
        let noise = ((t * 977.0 + ix as f64 * 31.7).sin() * 43_758.5).fract() * 0.4;
        600.0 + 300.0 * share - mass * share * gone + noise
    };
    let mut session = None;
    let mut t = begun;
    while t < over_at {
        let (at, hand) = match t - begun {
            s if s < 3.0 => (None, None),
            s if s < 4.5 => (Some(outside + (inside - outside) * ((s - 3.0) / 1.5)), None),
            s if s < 7.0 => (Some(inside + (front - inside) * ((s - 4.5) / 2.5)), None),
            s if !(7.6..=8.8).contains(&s) => (Some(front), None),
            _ => (Some(front), Some(unit)),
        };
        if has_code && t - begun >= 2.0 && session.is_none() {
            session = Some(show_code(program, mosquitto, gate, t));
        }
        let was_outside = t - 0.1 - begun < 3.75;
        if was_outside && t - begun >= 3.75 {
            let cross = json!({ "kind": "cross", "t": t, "direction": "in", "n": 2 });
            mosquitto.publish(&format!("gate/{}", gate.name), &cross.to_string());
        }
        if let Some(at) = at {
            mosquitto.person(t, at, hand);
        }
        if let Some(hand) = hand {
            mosquitto.look(t, hand, product.gtin);
        }
        mosquitto.loads(&fixture.name, t, reading);
        t += 0.1;
    }
    (session, product.gtin)
}

/// The phone asks for a code, the gate's reader tells the bus, the shop opens a session.
fn show_code(program: &Program, mosquitto: &Mosquitto<'_>, gate: &Gate, t: f64) -> String {
    let code = program.post("/api/v1/codes", &json!({ "customer": "c41" }));
    let scan = json!({ "kind": "scan", "t": t, "code": code["code"], "n": 1 });
    mosquitto.publish(&format!("gate/{}", gate.name), &scan.to_string());
    let opened = program.until("/api/v1/sessions", "a session opens", |sessions| {
        sessions[0]["stage"] == "open"
    });
    assert_eq!(opened[0]["customer"], "c41");
    opened[0]["id"].as_str().unwrap().to_owned()
}

fn entry(gates: &[Gate]) -> &Gate {
    gates.iter().find(|g| g.kind != GateKind::Exit).unwrap()
}

/// A lane on one plate whose product weighs enough to be told from its neighbours.
fn lane_to_shop_from(shop: &Shop) -> LaneIx {
    let lanes = shop.planogram.lanes.iter().enumerate();
    let heavy = lanes.filter(|(_, lane)| {
        let grams = shop.catalogue[lane.sku].unit_mass.grams();
        let height = shop.layout.shelves[lane.shelf.usize()].height_m;
        (150.0..500.0).contains(&grams) && (0.5..1.6).contains(&height)
    });
    let fewest = heavy.min_by_key(|(_, lane)| lane.plates.len());
    fewest.map(|(i, _)| i.into()).expect("such a lane")
}
