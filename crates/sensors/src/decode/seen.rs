//! What cameras say: of people, hands and things in them, and of shelves.

use super::{Decoder, Observation, Origin, appearance, probability};
use crate::message::{
    CameraMessage, SeenColumnMessage, SeenFacingMessage, SeenHandMessage, SeenPersonMessage,
    ShelfMessage,
};
use crate::{Cause, StoreClock};
use std::time::Duration;
use walkout_model::{
    CameraFault, CameraHealth, CameraIx, LaneIx, Pixel, SeenColumn, SeenFacing, SeenHand, SeenItem,
    SeenPerson, ShelfSight, Shop, Sighting,
};

/// People, hands and held things of one picture that are looked at.
const SEEN_MAX: usize = 200;
/// Facings of one picture that are taken in.
const FACINGS_MAX: usize = 500;
/// Columns of one picture that are taken in, their rows and levels, and how much one weighs at most.
const COLUMNS_MAX: usize = 1_000;
const ROWS_MAX: usize = 64;
const LEVELS_MAX: u32 = 16;
const WEIGHT_MAX: f32 = 1_000.0;
/// No probability that is told is nearer to 0 or 1.
const SURE: f64 = 1e-6;

impl Decoder {
    pub(super) fn camera(
        &mut self,
        camera: CameraIx,
        payload: &[u8],
        origin: &Origin,
        wall: Duration,
        clock: &mut StoreClock,
        out: &mut Vec<Observation>,
    ) {
        let at = |m: &CameraMessage| m.t;
        let Some((message, t)) = self.timed(payload, origin, wall, clock, at) else {
            return;
        };
        if let Some(health) = message.health {
            out.push(Observation::Camera(CameraFault { t, camera, health }));
            if health != CameraHealth::Good {
                return;
            }
        }
        let counts = [
            message.people.len(),
            message.hands.len(),
            message.held.len(),
        ];
        if counts.iter().any(|n| *n > SEEN_MAX) {
            let why = format!("more than {SEEN_MAX} people, hands or things in one picture");
            self.refuse(origin, Cause::Oversized, &why);
        }
        let frame = Picture::of(&self.shop, camera);
        let mut sighting = Sighting::empty(camera, t);
        for p in message.people.iter().take(SEEN_MAX) {
            match frame.person(p) {
                Some(person) => sighting.people.push(person),
                None => self.refuse(origin, Cause::Absurd, "somebody outside the picture"),
            }
        }
        for h in message.hands.iter().take(SEEN_MAX) {
            match frame.hand(h) {
                Some(hand) => sighting.hands.push(hand),
                None => self.refuse(origin, Cause::Absurd, "a hand outside the picture"),
            }
        }
        for item in message.held.iter().take(SEEN_MAX) {
            let Some(skus) = self.skus(origin, &item.skus) else {
                continue;
            };
            let size = (0.0..1e6).contains(&item.px_per_m);
            match frame.pixel([item.u, item.v]).filter(|_| size) {
                Some(at) => sighting.held.push(SeenItem {
                    at,
                    px_per_m: item.px_per_m,
                    skus,
                }),
                None => self.refuse(origin, Cause::Absurd, "a thing outside the picture"),
            }
        }
        out.push(Observation::Sighting(sighting));
    }

    pub(super) fn shelf(
        &mut self,
        camera: CameraIx,
        payload: &[u8],
        origin: &Origin,
        wall: Duration,
        clock: &mut StoreClock,
        out: &mut Vec<Observation>,
    ) {
        let at = |m: &ShelfMessage| m.t;
        let Some((message, t)) = self.timed(payload, origin, wall, clock, at) else {
            return;
        };
        if message.facings.len() > FACINGS_MAX {
            let why = format!("more than {FACINGS_MAX} facings in one picture");
            self.refuse(origin, Cause::Oversized, &why);
        }
        let told = message.facings.iter().take(FACINGS_MAX);
        let facings = told.filter_map(|f| self.facing(origin, f)).collect();
        if message.columns.len() > COLUMNS_MAX {
            let why = format!("more than {COLUMNS_MAX} columns in one picture");
            self.refuse(origin, Cause::Oversized, &why);
        }
        let told = message.columns.iter().take(COLUMNS_MAX);
        let columns = told.filter_map(|c| self.column(origin, c)).collect();
        out.push(Observation::Shelf(ShelfSight {
            camera,
            t,
            facings,
            columns,
        }));
    }

    /// The lane of a facing, counted from 1, that the planogram has.
    fn lane_of(&self, origin: &Origin, lane: &str, facing: u32) -> Option<LaneIx> {
        let ix = self.lanes.get(lane).copied();
        let of = ix.and_then(|ix| self.shop.planogram.get(ix));
        let known = of.is_some_and(|l| (1..=l.facings.max(1)).contains(&facing));
        if !known {
            let why = format!(
                "the planogram has no facing {facing} of \"{}\"",
                shown(lane)
            );
            self.refuse(origin, Cause::Absurd, &why);
        }
        ix.filter(|_| known)
    }

    fn column(&self, origin: &Origin, c: &SeenColumnMessage) -> Option<SeenColumn> {
        let lane = self.lane_of(origin, &c.lane, c.facing)?;
        let weights = c.rows.iter().all(|z| z.abs() <= WEIGHT_MAX);
        let rows = (2..=ROWS_MAX).contains(&c.rows.len());
        if !weights || !rows || c.level >= LEVELS_MAX {
            let why = format!(
                "{}: a column has 2 to {ROWS_MAX} weights of {WEIGHT_MAX} at most, and is of a level below {LEVELS_MAX}",
                shown(&c.lane)
            );
            self.refuse(origin, Cause::Absurd, &why);
            return None;
        }
        Some(SeenColumn {
            lane,
            facing: c.facing - 1,
            level: c.level,
            rows: c.rows.clone(),
        })
    }

    fn facing(&self, origin: &Origin, f: &SeenFacingMessage) -> Option<SeenFacing> {
        let lane = self.lane_of(origin, &f.lane, f.facing)?;
        let log_odds = |p: f64| {
            let p = (0.0..=1.0)
                .contains(&p)
                .then(|| p.clamp(SURE, 1.0 - SURE))?;
            Some((p / (1.0 - p)).ln())
        };
        let size = (0.0..1e5).contains(&f.px);
        let (Some(gap), Some(wrong), true) = (log_odds(f.gap), log_odds(f.wrong), size) else {
            let why = format!("{}: no probability, or no size", shown(&f.lane));
            self.refuse(origin, Cause::Absurd, &why);
            return None;
        };
        Some(SeenFacing {
            lane,
            facing: f.facing - 1,
            gap,
            wrong,
            px: f.px,
            seems: self.skus(origin, &f.skus)?,
        })
    }
}

/// As much of a name as is told again.
fn shown(name: &str) -> String {
    name.chars().take(60).collect()
}

/// A camera's picture, for telling what can be in it.
struct Picture {
    size_px: [f64; 2],
}

impl Picture {
    fn of(shop: &Shop, camera: CameraIx) -> Self {
        let size = |c: &walkout_model::layout::Camera| [c.width_px, c.height_px].map(f64::from);
        let camera = shop.layout.cameras.get(camera.usize());
        Self {
            size_px: camera.map_or([0.0; 2], size),
        }
    }

    /// Feet and hands may lie beside the picture, by its own size at most.
    fn pixel(&self, [u, v]: [f64; 2]) -> Option<Pixel> {
        let [w, h] = self.size_px;
        ((-w..=2.0 * w).contains(&u) && (-h..=2.0 * h).contains(&v)).then_some(Pixel { u, v })
    }

    fn sigma(sd: f64) -> Option<f64> {
        (sd > 0.0 && sd <= 10_000.0).then_some(sd)
    }

    fn person(&self, p: &SeenPersonMessage) -> Option<SeenPerson> {
        Some(SeenPerson {
            head: self.pixel([p.u, p.v])?,
            head_sigma_px: Self::sigma(p.sd)?,
            foot: p.foot.and_then(|foot| self.pixel(foot)),
            foot_sigma_px: Self::sigma(p.foot_sd)?,
            score: probability(p.conf)?,
            look: appearance(&p.look),
        })
    }

    fn hand(&self, h: &SeenHandMessage) -> Option<SeenHand> {
        Some(SeenHand {
            at: self.pixel([h.u, h.v])?,
            sigma_px: Self::sigma(h.sd)?,
            owner: h.owner.and_then(|owner| self.pixel(owner)),
            owner_radius_px: Self::sigma(h.radius)?,
            score: probability(h.conf)?,
        })
    }
}
