//! The world as cameras could see it.

use super::person::Person;
use super::stage::Stage;
use crate::render::{Figure, FigureHand, Held, Snapshot, Stood};
use crate::scene::Body;
use std::collections::BTreeMap;
use walkout_model::{Point2, Point3};

/// Strides a second of somebody who walks at 1 m/s.
const STRIDES_PER_M: f64 = 0.72;

/// Somebody as they are at an instant, with nothing that moves.
fn standing(body: &Body) -> Figure {
    Figure {
        person: body.person,
        position: body.position,
        velocity: Point2::default(),
        heading: body.heading,
        height_m: body.height_m,
        uniform: body.uniform,
        hands: body.hands.map(|hand| FigureHand {
            wrist: hand.wrist,
            velocity: Point3::default(),
            holds: hand.holds.map(|sku| sku.map_or(Held::Foreign, Held::Sku)),
        }),
        carries_basket: false,
        gait: 0.0,
    }
}

/// Where somebody's head is: it goes down and forward when they reach low.
pub(crate) fn head(body: &Body) -> Point3 {
    standing(body).head()
}

/// Refills a snapshot.
pub(super) fn fill(stage: &Stage, people: &[Person], snapshot: &mut Snapshot) {
    let before: BTreeMap<u32, ([Point3; 2], f64)> = snapshot
        .figures
        .iter()
        .map(|f| (f.person, (f.hands.map(|h| h.wrist), f.gait)))
        .collect();
    let dt = stage.scene.t.since(snapshot.t).as_secs_f64();
    // A pause of more than this says nothing of how fast a hand is now.
    let recent = (1e-3..0.5).contains(&dt);
    snapshot.t = stage.scene.t;
    snapshot.figures.clear();
    for (body, person) in stage.scene.people.iter().zip(people) {
        let last = before.get(&body.person).filter(|_| recent);
        let still = standing(body);
        let hands = [0, 1].map(|i| {
            let hand = still.hands[i];
            let velocity = last.map_or(Point3::default(), |(wrists, _)| {
                let (w, b) = (hand.wrist, wrists[i]);
                Point3::new((w.x - b.x) / dt, (w.y - b.y) / dt, (w.z - b.z) / dt)
            });
            FigureHand { velocity, ..hand }
        });
        let stride = std::f64::consts::TAU * STRIDES_PER_M * body.velocity.norm();
        snapshot.figures.push(Figure {
            velocity: body.velocity,
            hands,
            carries_basket: !person.bag.is_empty(),
            gait: last.map_or(f64::from(body.person), |(_, gait)| gait + stride * dt),
            ..still
        });
    }
    if snapshot.revision != stage.goods.revision {
        snapshot.revision = stage.goods.revision;
        snapshot.goods.clear();
        let stood = stage.goods.standing().map(|(sku, stand)| Stood {
            sku,
            shelf: stand.shelf,
            x_m: stand.x_m,
            y_m: stand.y_m,
            up_m: stand.up_m,
        });
        snapshot.goods.extend(stood);
    }
}
