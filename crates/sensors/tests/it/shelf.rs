//! What cameras say of shelves, and what of it is refused.

use crate::shop::{gtin, two_plates};
use std::sync::Arc;
use std::time::Duration;
use walkout_model::layout::Camera;
use walkout_model::{
    CameraIx, Gtin, Lane, LaneIx, Point3, SeenColumn, SeenFacing, ShelfIx, ShelfSight, Shop, SkuIx,
    StoreTime,
};
use walkout_sensors::{BusCounters, Cause, Decoder, Observation, StoreClock, Topic, encode};

const NOW_S: i64 = 1_700_000_000;

/// A camera and a lane of three facings.
fn shop() -> Arc<Shop> {
    let mut shop = Shop::clone(&two_plates());
    shop.layout.cameras.push(Camera {
        name: "S1".into(),
        width_px: 1280,
        height_px: 960,
        focal_px: [600.0; 2],
        principal_px: [640.0, 480.0],
        distortion: [0.0; 5],
        position: Point3::new(1.0, 0.0, 1.0),
        yaw: 0.0,
        pitch: 0.0,
        roll: 0.0,
    });
    shop.planogram.lanes.push(Lane {
        name: "G1/S1/L1".into(),
        shelf: ShelfIx(0),
        sku: SkuIx(0),
        x_m: 0.0,
        width_m: 0.3,
        facings: 3,
        capacity: 12,
        plates: Vec::new(),
    });
    Arc::new(shop)
}

struct Rig {
    decoder: Decoder,
    clock: StoreClock,
    counters: Arc<BusCounters>,
}

impl Rig {
    fn new(shop: &Arc<Shop>) -> Self {
        let counters = Arc::new(BusCounters::default());
        Self {
            decoder: Decoder::new(Arc::clone(shop), Arc::clone(&counters)),
            clock: StoreClock::new(StoreTime(NOW_S * 1_000_000), Duration::ZERO),
            counters,
        }
    }

    fn hear(&mut self, topic: &str, body: &str) -> Vec<Observation> {
        let mut out = Vec::new();
        let wall = Duration::from_secs(1);
        self.decoder
            .decode(topic, body.as_bytes(), wall, &mut self.clock, &mut out);
        out
    }

    fn refused(&self) -> Vec<Cause> {
        let refusals = self.counters.snapshot().refusals;
        refusals.into_iter().map(|r| r.cause).collect()
    }
}

#[test]
fn what_a_camera_says_of_its_shelves_arrives() {
    let shop = shop();
    let mut rig = Rig::new(&shop);
    let facing = |facing, gap| SeenFacing {
        lane: LaneIx(0),
        facing,
        gap,
        wrong: -4.0,
        px: 61.5,
        seems: vec![(SkuIx(0), 0.75)],
    };
    let column = |facing, rows: &[f32]| SeenColumn {
        lane: LaneIx(0),
        facing,
        level: facing,
        rows: rows.to_vec(),
    };
    let sight = ShelfSight {
        camera: CameraIx(0),
        t: StoreTime(NOW_S * 1_000_000),
        facings: vec![facing(0, 3.0), facing(2, -40.0)],
        columns: vec![column(0, &[1.5, -2.25, 0.0]), column(1, &[0.0, 4.0])],
    };
    let message = serde_json::to_string(&encode::shelf_sight(&shop, &sight)).unwrap();
    assert!(message.contains("\"facing\":3"), "{message}");
    let heard = rig.hear(&Topic::Shelf(CameraIx(0)).text(&shop), &message);
    let [Observation::Shelf(heard)] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!((heard.camera, heard.t), (sight.camera, sight.t));
    let [first, last] = &heard.facings[..] else {
        panic!("{heard:?}")
    };
    assert!((first.gap - 3.0).abs() < 1e-3 && (first.wrong + 4.0).abs() < 1e-3);
    assert_eq!((last.facing, last.px), (2, 61.5));
    assert_eq!(heard.columns, sight.columns);
    // As sure as any message can be.
    assert!((-14.0..-13.0).contains(&last.gap), "{}", last.gap);
    assert_eq!(last.seems, sight.facings[1].seems);
    // A camera that has nothing new to tell.
    let heard = rig.hear(
        "walkout/pair/shelf/S1",
        &format!(r#"{{"t":{NOW_S}.5,"facings":[]}}"#),
    );
    assert!(matches!(&heard[..], [Observation::Shelf(s)] if s.facings.is_empty()));
    assert!(rig.refused().is_empty());
}

#[test]
fn of_what_is_wrong_with_it_the_rest_is_taken() {
    let shop = shop();
    let mut rig = Rig::new(&shop);
    let good = r#"{"lane":"G1/S1/L1","facing":1,"gap":0.9,"wrong":0.0,"px":60}"#;
    let bad = [
        r#"{"lane":"G9/S1/L1","facing":1,"gap":0.9,"wrong":0.0,"px":60}"#,
        r#"{"lane":"G1/S1/L1","facing":4,"gap":0.9,"wrong":0.0,"px":60}"#,
        r#"{"lane":"G1/S1/L1","facing":0,"gap":0.9,"wrong":0.0,"px":60}"#,
        r#"{"lane":"G1/S1/L1","facing":2,"gap":1.5,"wrong":0.0,"px":60}"#,
        r#"{"lane":"G1/S1/L1","facing":2,"gap":0.5,"wrong":0.0,"px":-1}"#,
    ];
    let body = format!(r#"{{"t":{NOW_S},"facings":[{},{good}]}}"#, bad.join(","));
    let heard = rig.hear("walkout/pair/shelf/S1", &body);
    assert!(matches!(&heard[..], [Observation::Shelf(s)] if s.facings.len() == 1));
    let absurd = rig.counters.snapshot().refusals;
    assert_eq!((absurd.len(), absurd[0].count), (1, bad.len() as u64));
    assert!(absurd[0].source.contains("shelf/S1"), "{absurd:?}");
    let columns = [
        r#"{"lane":"G1/S1/L1","facing":1,"rows":[0.5,-1.5]}"#,
        r#"{"lane":"G9/S1/L1","facing":1,"rows":[0.5,-1.5]}"#,
        r#"{"lane":"G1/S1/L1","facing":9,"rows":[0.5,-1.5]}"#,
        r#"{"lane":"G1/S1/L1","facing":1,"rows":[0.5]}"#,
        r#"{"lane":"G1/S1/L1","facing":1,"rows":[0.5,1e30]}"#,
        r#"{"lane":"G1/S1/L1","facing":1,"level":99,"rows":[0.5,-1.5]}"#,
    ];
    let body = format!(r#"{{"t":{NOW_S}.25,"columns":[{}]}}"#, columns.join(","));
    let heard = rig.hear("walkout/pair/shelf/S1", &body);
    assert!(matches!(&heard[..], [Observation::Shelf(s)] if s.columns.len() == 1));
    let absurd = rig.counters.snapshot().refusals[0].count;
    assert_eq!(absurd, (bad.len() + columns.len() - 1) as u64);

    let body = body.as_str();
    assert!(rig.hear("walkout/pair/shelf/S9", body).is_empty());
    assert!(rig.hear("walkout/pair/shelf/S1", "{").is_empty());
    let unknown = format!(
        r#"{{"t":{NOW_S}.5,"facings":[{{"lane":"G1/S1/L1","facing":1,"gap":0.9,"wrong":0.6,"px":60,"skus":[["{}",0.5],["{}",0.2]]}}]}}"#,
        Gtin::from_body(880_111_111_111).unwrap(),
        gtin()
    );
    let heard = rig.hear("walkout/pair/shelf/S1", &unknown);
    assert!(
        matches!(&heard[..], [Observation::Shelf(s)] if s.facings[0].seems == [(SkuIx(0), 0.2)]),
        "{heard:?}"
    );
    for cause in [
        Cause::UnknownTopic,
        Cause::Malformed,
        Cause::Absurd,
        Cause::UnknownSku,
    ] {
        assert!(rig.refused().contains(&cause), "{cause:?}");
    }
}
