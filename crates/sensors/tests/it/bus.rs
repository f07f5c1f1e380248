use crate::shop::{gtin, two_plates};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use walkout_model::{GateDirection, StoreTime};
use walkout_sensors::client::{BrokerUrl, Bus, SharedClock, connect};
use walkout_sensors::device::Device;
use walkout_sensors::{Cause, EmbeddedBroker, Observation};

const NOW_S: i64 = 1_800_000_000;
const DEADLINE: Duration = Duration::from_secs(20);

struct Rig {
    broker: Option<EmbeddedBroker>,
    address: SocketAddr,
    bus: Bus,
    device: Device,
}

async fn rig() -> Rig {
    let port = walkout_testkit::free_port().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let broker = EmbeddedBroker::start(address).unwrap();
    let url: BrokerUrl = format!("mqtt://127.0.0.1:{port}").parse().unwrap();
    let clock = SharedClock::starting_at(StoreTime(NOW_S * 1_000_000));
    let bus = connect(two_plates(), &url, clock);
    let device = Device::connect("test-device", &url, &["walkout/pair/gate/+/answer".into()]);
    let rig = Rig {
        broker: Some(broker),
        address,
        bus,
        device,
    };
    device_ready(&rig.device).await;
    until(|| rig.bus.counters.snapshot().connected, "connected").await;
    rig
}

async fn device_ready(device: &Device) {
    tokio::time::timeout(DEADLINE, device.ready())
        .await
        .unwrap();
}

/// Polls a condition until it holds.
async fn until(mut holds: impl FnMut() -> bool, what: &str) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < DEADLINE,
            "not within {DEADLINE:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Rig {
    async fn next(&mut self) -> Vec<Observation> {
        let next = tokio::time::timeout(DEADLINE, self.bus.observations.recv());
        next.await
            .expect("an observation in time")
            .expect("a bus")
            .observations
    }

    /// Sends packs until one arrives: a broker that has just come may lose what is sent before the
    /// subscription stands.
    async fn until_data_flows(&mut self, offset_s: &mut i64) {
        let begun = Instant::now();
        loop {
            *offset_s += 1;
            self.load("G1", &pack("G1/S1/P01", NOW_S + *offset_s, "500"))
                .await;
            let wait =
                tokio::time::timeout(Duration::from_millis(200), self.bus.observations.recv());
            // What other messages left in the queue is passed over.
            if let Ok(Some(batch)) = wait.await
                && matches!(&batch.observations[..], [Observation::Loads(s)] if s[0].grams == 500.0)
            {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "no data");
        }
    }

    async fn load(&self, fixture: &str, body: &str) {
        let topic = format!("walkout/pair/load/{fixture}");
        self.device
            .publish(&topic, body.as_bytes().to_vec())
            .await
            .unwrap();
    }
}

fn pack(plate: &str, t_s: i64, value: &str) -> String {
    format!(r#"[{{"n":"{plate}","u":"g","t":{t_s},"v":{value}}}]"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_devices_say_arrives() {
    let mut rig = rig().await;
    let mut offset_s = 0;
    rig.until_data_flows(&mut offset_s).await;
    let t = NOW_S + offset_s + 1;
    let cross = format!(r#"{{"kind":"cross","t":{t}.25,"direction":"in"}}"#);
    let track = format!(
        r#"{{"t":{t}.5,"people":[{{"id":7,"x":1.5,"y":0.5,"sd":0.1,"wrists":[{{"x":1.2,"y":1.0,"z":1.1,"sd":0.05,"conf":0.9}}]}}]}}"#
    );
    let look = format!(
        r#"{{"looks":[{{"t":{t}.75,"track":7,"x":1.2,"y":1.0,"z":1.1,"skus":[["{}",0.8]],"foreign":0.1}}]}}"#,
        gtin()
    );
    let messages = [("gate/door", cross), ("track", track), ("look", look)];
    for (topic, body) in messages {
        let topic = format!("walkout/pair/{topic}");
        rig.device
            .publish_surely(&topic, body.into_bytes())
            .await
            .unwrap();
    }
    let mut heard = Vec::new();
    while heard.len() < 3 {
        heard.extend(rig.next().await);
    }
    let [
        Observation::Crossing(crossing),
        Observation::Track(track),
        Observation::Look(look),
    ] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!(crossing.t, StoreTime(t * 1_000_000 + 250_000));
    assert_eq!(crossing.direction, GateDirection::In);
    assert_eq!((track.track.0, track.wrists.len()), (7, 1));
    assert_eq!(look.posterior, [(walkout_model::SkuIx(0), 0.8)]);
    assert_eq!(look.foreign, Some(0.1));
    assert!(rig.bus.clock.newest() >= look.t);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_message_is_refused_by_its_cause() {
    let mut rig = rig().await;
    let mut offset_s = 0;
    rig.until_data_flows(&mut offset_s).await;
    let t = NOW_S + offset_s;
    let good = "G1/S1/P01";
    let long = format!(
        r#"{{"kind":"scan","t":{t},"code":"{}"}}"#,
        "A".repeat(100_000)
    );
    let looked = format!(
        r#"{{"looks":[{{"t":{t},"track":7,"x":1,"y":1,"z":1,"skus":[["4006381333931",0.8]]}}]}}"#
    );
    let strange = format!(
        r#"{{"looks":[{{"t":{t},"track":7,"x":1,"y":1,"z":1,"skus":[["{}",0.8]],"foreign":0.7}}]}}"#,
        gtin()
    );
    let many = format!("[{}]", vec![r#"{"n":"a","v":1}"#; 20_001].join(","));
    let cases: Vec<(&str, Vec<u8>, Cause)> = vec![
        ("load/G1", many.into(), Cause::Oversized),
        ("load/G1", b"[{\"n\":".to_vec(), Cause::Malformed),
        ("load/G1", vec![0xff, 0x00, 0x9f], Cause::Malformed),
        (
            "load/G1",
            pack(good, NOW_S + offset_s, "500").into(),
            Cause::Duplicated,
        ),
        ("load/G1", pack(good, t - 3, "501").into(), Cause::Reordered),
        ("load/G1", pack(good, t - 60, "502").into(), Cause::Stale),
        (
            "load/G1",
            pack(good, t + 86_400, "503").into(),
            Cause::ClockJump,
        ),
        (
            "load/G1",
            pack(good, t - 86_400, "503").into(),
            Cause::ClockJump,
        ),
        (
            "load/G1",
            pack("G9/S1/P01", t + 1, "1").into(),
            Cause::UnknownPlate,
        ),
        (
            "load/G1",
            pack("G2/S1/P01", t + 1, "1").into(),
            Cause::UnknownPlate,
        ),
        ("load/G1", pack(good, t + 1, "1e9").into(), Cause::Absurd),
        (
            "load/G1",
            pack(good, t + 1, "1").replace("\"g\"", "\"lb\"").into(),
            Cause::WrongUnit,
        ),
        (
            "load/G9",
            pack(good, t + 1, "1").into(),
            Cause::UnknownTopic,
        ),
        ("nonsense", b"{}".to_vec(), Cause::UnknownTopic),
        ("track", b"{}".to_vec(), Cause::Malformed),
        (
            "track",
            format!(r#"{{"t":{t},"people":[{{"id":1,"x":900,"y":0,"sd":0.1}}]}}"#).into(),
            Cause::Absurd,
        ),
        ("look", looked.into(), Cause::UnknownSku),
        ("look", strange.into(), Cause::Absurd),
        ("gate/door", b"[]".to_vec(), Cause::Malformed),
        ("gate/door", long.into(), Cause::Oversized),
        (
            "gate/door",
            br#"{"kind":"cross","t":-4,"direction":"in"}"#.to_vec(),
            Cause::ClockJump,
        ),
    ];
    for (topic, body, cause) in cases {
        let shown: String = String::from_utf8_lossy(&body).chars().take(60).collect();
        let before = rig.bus.counters.snapshot().refused(cause);
        rig.device
            .publish(&format!("walkout/pair/{topic}"), body)
            .await
            .unwrap();
        let counted = || rig.bus.counters.snapshot().refused(cause) > before;
        until(counted, &format!("{topic} {shown} refused as {cause:?}")).await;
    }
    // CBOR can carry a NaN, JSON cannot: [{n, u, t, v: NaN}].
    let mut cbor = vec![0x81, 0xa4, 0x00, 0x69];
    cbor.extend(good.as_bytes());
    cbor.extend([0x01, 0x61, b'g', 0x06, 0x1a]);
    cbor.extend(u32::try_from(t + 1).unwrap().to_be_bytes());
    cbor.extend([0x02, 0xf9, 0x7e, 0x00]);
    rig.device
        .publish("walkout/pair/load/G1", cbor)
        .await
        .unwrap();
    until(
        || rig.bus.counters.snapshot().refused(Cause::NotFinite) == 1,
        "NaN refused",
    )
    .await;
    // The bus is as well as before.
    rig.until_data_flows(&mut offset_s).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_and_comes_back() {
    let mut rig = rig().await;
    let mut offset_s = 0;
    rig.until_data_flows(&mut offset_s).await;
    rig.broker = None;
    until(
        || !rig.bus.counters.snapshot().connected,
        "the loss is seen",
    )
    .await;
    assert!(!walkout_testkit::listens(rig.address.port()));
    rig.broker = Some(EmbeddedBroker::start(rig.address).unwrap());
    until(|| rig.bus.counters.snapshot().connected, "connected again").await;
    device_ready(&rig.device).await;
    rig.until_data_flows(&mut offset_s).await;
    let counters = rig.bus.counters.snapshot();
    assert_eq!(counters.connections_lost, 1);
    assert_eq!(counters.connections, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_a_clear_error() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let error = EmbeddedBroker::start(taken.local_addr().unwrap()).unwrap_err();
    assert!(error.to_string().contains("--mqtt-port"), "{error}");
}

#[test]
fn broker_urls() {
    let url: BrokerUrl = "mqtt://shop.local".parse().unwrap();
    assert_eq!(url.to_string(), "mqtt://shop.local:1883");
    for bad in [
        "shop.local",
        "mqtt://",
        "mqtt://a:b",
        "mqtt://u@h:1",
        "http://x:1",
    ] {
        assert!(bad.parse::<BrokerUrl>().is_err(), "{bad}");
    }
}
