//! From observations to messages: what a device, a gateway or a test sends.

use crate::message::{
    CameraMessage, GateMessage, LookEntry, LookMessage, PersonMessage, SeenColumnMessage,
    SeenFacingMessage, SeenHandMessage, SeenItemMessage, SeenPersonMessage, ShelfMessage,
    TrackMessage, WristMessage,
};
use walkout_model::{
    CameraFault, GateCrossing, ItemLook, LoadSample, Pixel, ShelfSight, Shop, Sighting, SkuIx,
    StoreTime, TrackPoint,
};
use walkout_wire::senml::{self, Format, Record, SenmlError};

/// A fixture's `load/<fixture>` pack. Samples of plates that the shop does not have are left out.
///
/// # Errors
/// A plate whose name SenML does not allow, a sample that is not finite.
pub fn loads(shop: &Shop, samples: &[LoadSample], format: Format) -> Result<Vec<u8>, SenmlError> {
    let record = |s: &LoadSample| {
        let plate = shop.layout.plates.get(s.plate.usize())?;
        let grams = round(f64::from(s.grams), 2);
        Some(Record::number(plate.name.as_str(), "g", grams, s.t))
    };
    let records: Vec<_> = samples.iter().filter_map(record).collect();
    senml::encode(&records, format)
}

/// A `track` message of everybody seen at `t`.
pub fn tracks(t: StoreTime, points: &[TrackPoint]) -> TrackMessage {
    let people = points.iter().map(|p| PersonMessage {
        t: (p.t != t).then(|| p.t.as_secs_f64()),
        id: p.track.0,
        x: round(p.position.x, 3),
        y: round(p.position.y, 3),
        sd: p.sigma_m,
        wrists: p
            .wrists
            .iter()
            .map(|w| WristMessage {
                x: round(w.position.x, 3),
                y: round(w.position.y, 3),
                z: round(w.position.z, 3),
                sd: w.sigma_m,
                conf: w.confidence,
            })
            .collect(),
        look: p.appearance.clone(),
    });
    TrackMessage {
        t: t.as_secs_f64(),
        people: people.collect(),
    }
}

/// A `look` message.
pub fn looks(shop: &Shop, looks: &[ItemLook]) -> LookMessage {
    let entry = |look: &ItemLook| LookEntry {
        t: look.t.as_secs_f64(),
        track: look.track.0,
        x: round(look.hand.x, 3),
        y: round(look.hand.y, 3),
        z: round(look.hand.z, 3),
        skus: gtins(shop, &look.posterior),
        foreign: look.foreign,
    };
    LookMessage {
        looks: looks.iter().map(entry).collect(),
    }
}

/// A `camera/<camera>` message of what one camera saw.
pub fn sighting(shop: &Shop, seen: &Sighting) -> CameraMessage {
    let px = |p: Pixel| [round(p.u, 1), round(p.v, 1)];
    let people = seen.people.iter().map(|p| SeenPersonMessage {
        u: round(p.head.u, 1),
        v: round(p.head.v, 1),
        sd: round(p.head_sigma_px, 2),
        foot: p.foot.map(px),
        foot_sd: round(p.foot_sigma_px, 2),
        conf: p.score,
        look: p.look.clone(),
    });
    let hands = seen.hands.iter().map(|h| SeenHandMessage {
        u: round(h.at.u, 1),
        v: round(h.at.v, 1),
        sd: round(h.sigma_px, 2),
        owner: h.owner.map(px),
        radius: round(h.owner_radius_px, 2),
        conf: h.score,
    });
    let held = seen.held.iter().map(|i| SeenItemMessage {
        u: round(i.at.u, 1),
        v: round(i.at.v, 1),
        px_per_m: i.px_per_m,
        skus: gtins(shop, &i.skus),
    });
    CameraMessage {
        t: seen.t.as_secs_f64(),
        health: None,
        people: people.collect(),
        hands: hands.collect(),
        held: held.collect(),
    }
}

/// A `camera/<camera>` message of a camera that is at fault, or well again.
pub fn camera_fault(fault: &CameraFault) -> CameraMessage {
    CameraMessage {
        t: fault.t.as_secs_f64(),
        health: Some(fault.health),
        ..CameraMessage::default()
    }
}

/// A `shelf/<camera>` message. Facings of lanes that the shop does not have are left out.
pub fn shelf_sight(shop: &Shop, seen: &ShelfSight) -> ShelfMessage {
    let probability = |log_odds: f64| round(1.0 / (1.0 + (-log_odds).exp()), 6);
    let facing = |f: &walkout_model::SeenFacing| {
        Some(SeenFacingMessage {
            lane: shop.planogram.get(f.lane)?.name.clone(),
            facing: f.facing + 1,
            gap: probability(f.gap),
            wrong: probability(f.wrong),
            px: round(f.px, 1),
            skus: gtins(shop, &f.seems),
        })
    };
    let column = |c: &walkout_model::SeenColumn| {
        Some(SeenColumnMessage {
            lane: shop.planogram.get(c.lane)?.name.clone(),
            facing: c.facing + 1,
            level: c.level,
            rows: c.rows.iter().map(|z| (z * 100.0).round() / 100.0).collect(),
        })
    };
    ShelfMessage {
        t: seen.t.as_secs_f64(),
        facings: seen.facings.iter().filter_map(facing).collect(),
        columns: seen.columns.iter().filter_map(column).collect(),
    }
}

fn gtins(shop: &Shop, skus: &[(SkuIx, f32)]) -> Vec<(walkout_model::Gtin, f32)> {
    let known = skus.iter();
    known
        .filter_map(|(sku, p)| Some((shop.catalogue.get(*sku)?.gtin, *p)))
        .collect()
}

/// A gate's word of a crossing; `n` is the gate's own count.
pub fn crossing(crossing: &GateCrossing, n: u64) -> GateMessage {
    GateMessage::Cross {
        t: crossing.t.as_secs_f64(),
        direction: crossing.direction,
        n,
    }
}

/// A gate's word of a code that a phone showed.
pub fn scan(t: StoreTime, code: String, n: u64) -> GateMessage {
    GateMessage::Scan {
        t: t.as_secs_f64(),
        code,
        n,
    }
}

fn round(v: f64, digits: i32) -> f64 {
    let k = 10_f64.powi(digits);
    (v * k).round() / k
}
