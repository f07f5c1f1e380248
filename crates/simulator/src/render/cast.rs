//! Who is in a random room, and what they do there.

use super::art::Art;
use super::body::trolley_grip;
use super::dice::Dice;
use super::domain::Domain;
use super::figure::{Figure, FigureHand, Held};
use super::look::{Carrier, Look};
use super::people::Dressed;
use super::setting::{Rack, any_colour};
use super::space::{V3, v3};
use std::f32::consts::{PI, TAU};
use walkout_model::{Point2, Point3, SkuIx};

/// Where people can be and what there is to take.
pub(crate) struct Casting<'a> {
    pub size: [f32; 2],
    pub racks: &'a [Rack],
    pub arts: &'a [Art],
    /// Most people stand within `reach` of it.
    pub focus: V3,
    pub reach: f32,
    /// The rack that matters, if one does.
    pub rack: Option<usize>,
}

/// What somebody does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Walk,
    Stand,
    Look,
    Carry,
    Reach,
    Push,
}

impl Casting<'_> {
    /// People for one picture.
    pub fn people(&self, domain: &Domain, dice: &mut Dice) -> Vec<Dressed> {
        let [few, many] = domain.people.map(|n| n.min(40) as usize);
        let wanted = dice.whole(few, many.max(few));
        let mut people: Vec<Dressed> = Vec::new();
        for _ in 0..wanted {
            for _ in 0..6 {
                let person = self.person(dice, people.len() as u32 + 1);
                let apart = people
                    .iter()
                    .all(|p| p.figure.position.distance(person.figure.position) > 0.42);
                let p = v3(
                    person.figure.position.x as f32,
                    person.figure.position.y as f32,
                    0.0,
                );
                if apart && self.is_floor(p) {
                    people.push(person);
                    break;
                }
            }
        }
        people
    }

    fn is_floor(&self, p: V3) -> bool {
        let inside = p.x > 0.2 && p.y > 0.2 && p.x < self.size[0] - 0.2 && p.y < self.size[1] - 0.2;
        inside
            && self.racks.iter().all(|r| {
                let d = p - r.corner;
                let (x, y) = (d.dot(r.right), d.dot(r.back));
                x < -0.2 || y < -0.2 || x > r.size[0] + 0.2 || y > r.size[1] + 0.2
            })
    }

    fn person(&self, dice: &mut Dice, number: u32) -> Dressed {
        let height = if dice.chance(0.12) {
            dice.between(1.0, 1.45)
        } else {
            (1.68 + 0.085 * dice.normal()).clamp(1.45, 1.98)
        };
        let act = match dice.unit() {
            u if u < 0.24 => Act::Walk,
            u if u < 0.40 => Act::Stand,
            u if u < 0.50 => Act::Look,
            u if u < 0.62 => Act::Carry,
            u if u < 0.94 => Act::Reach,
            _ => Act::Push,
        };
        let act = if self.rack.is_some() && dice.chance(0.6) {
            Act::Reach
        } else {
            act
        };
        let uniform = dice.chance(0.08).then(|| any_colour(dice));
        let mut look = Look::draw(dice, height, uniform);
        if act == Act::Push {
            look = look.with_carrier(dice, true);
        } else if dice.chance(0.2) {
            look = look.with_carrier(dice, false);
        }
        let away = self.reach * dice.unit().sqrt() * if dice.chance(0.8) { 1.0 } else { 2.2 };
        let mut at = self.focus + V3::heading(dice.between(0.0, TAU)) * away;
        let mut heading = dice.between(-PI, PI);
        let mut goal = None;
        if act == Act::Reach && !self.racks.is_empty() {
            (at, heading, goal) = self.at_rack(dice, height);
        }
        let speed = if act == Act::Walk || act == Act::Push {
            dice.between(0.3, 1.5)
        } else {
            0.0
        };
        let mut pose = Pose {
            at: v3(at.x, at.y, 0.0),
            facing: V3::heading(heading),
            height,
            speed,
            gait: dice.between(0.0, TAU),
        };
        let (hands, held) = self.hands(dice, act, goal, &look, &mut pose);
        let velocity = pose.facing * speed;
        let figure = Figure {
            person: number,
            position: Point2::new(f64::from(at.x), f64::from(at.y)),
            velocity: Point2::new(f64::from(velocity.x), f64::from(velocity.y)),
            heading: f64::from(heading),
            height_m: f64::from(height),
            uniform: uniform.is_some(),
            hands,
            carries_basket: look.carrier.is_some(),
            gait: f64::from(pose.gait),
        };
        let held = held.map(|h| h.and_then(|i| self.arts.get(i).copied()));
        Dressed { figure, look, held }
    }

    /// Before a rack, facing it, with a place on a board to reach for.
    fn at_rack(&self, dice: &mut Dice, height: f32) -> (V3, f32, Option<V3>) {
        let near = |r: &Rack| {
            let m = r.corner + r.right * (r.size[0] / 2.0);
            (m - self.focus).norm()
        };
        let nearest = (0..self.racks.len())
            .min_by(|&a, &b| near(&self.racks[a]).total_cmp(&near(&self.racks[b])));
        let i = match (self.rack, nearest) {
            (Some(i), _) if dice.chance(0.85) => i,
            (_, Some(i)) if dice.chance(0.6) => i,
            _ => dice.below(self.racks.len()),
        };
        let r = &self.racks[i];
        let x = dice.between(0.0, 1.0) * r.size[0];
        let away = dice.between(0.3, 0.62) * (height / 1.7);
        let at = r.corner + r.right * x - r.back * away;
        let heading = r.back.y.atan2(r.back.x) + dice.normal() * 0.35;
        let boards: Vec<f32> = r
            .boards
            .iter()
            .map(|b| b.up)
            .filter(|&up| up < height * 1.1)
            .collect();
        let up = if boards.is_empty() {
            height * 0.6
        } else {
            dice.pick(&boards) + dice.between(0.03, 0.22)
        };
        let goal = r.corner
            + r.right * (x + dice.normal() * 0.2)
            + r.back * dice.between(-0.15, 0.2)
            + V3::UP * up;
        (at, heading, Some(goal))
    }

    /// Both hands, and the art that each holds.
    fn hands(
        &self,
        dice: &mut Dice,
        act: Act,
        goal: Option<V3>,
        look: &Look,
        pose: &mut Pose,
    ) -> ([FigureHand; 2], [Option<usize>; 2]) {
        let mut held = [None, None];
        let mut foreign = [false; 2];
        let swing = if pose.speed > 0.2 {
            pose.speed.min(1.2)
        } else {
            0.0
        };
        let mut at = [0, 1].map(|i| pose.hang(i, swing));
        let mut speeds = [V3::default(); 2];
        let something =
            |dice: &mut Dice| (!self.arts.is_empty()).then(|| dice.below(self.arts.len()));
        match act {
            Act::Push => {
                let [a, b] = [1.0, -1.0].map(|s| trolley_grip(pose.at, pose.facing, s));
                at = [a, b];
            }
            Act::Reach => {
                let i = dice.below(2);
                if let Some(goal) = goal {
                    // Anywhere on the way there and back.
                    let t = if dice.chance(0.5) {
                        dice.between(0.75, 1.0)
                    } else {
                        dice.between(0.2, 1.0)
                    };
                    speeds[i] = (goal - at[i]) * dice.between(-1.5, 1.5);
                    at[i] = at[i].lerp(goal, t);
                }
                if dice.chance(0.45) {
                    held[i] = something(dice);
                }
                if dice.chance(0.25) {
                    at[1 - i] = pose.front(dice, 1 - i);
                    held[1 - i] = if dice.chance(0.6) {
                        something(dice)
                    } else {
                        None
                    };
                }
            }
            Act::Carry => {
                let i = dice.below(2);
                for hand in [i, 1 - i] {
                    if hand == i || dice.chance(0.4) {
                        at[hand] = pose.front(dice, hand);
                        held[hand] = something(dice);
                    }
                }
            }
            Act::Look => {
                let i = dice.below(2);
                at[i] = pose.local(0.3, [1.0, -1.0][i] * 0.06, dice.between(0.64, 0.8));
                foreign[i] = true;
                if dice.chance(0.3) {
                    at[1 - i] = pose.local(0.28, [1.0, -1.0][1 - i] * 0.05, 0.66);
                }
            }
            Act::Stand | Act::Walk => {
                for i in 0..2 {
                    let side = [1.0, -1.0][i];
                    match dice.unit() {
                        // In a pocket, on the hip, at the chin, arms crossed, behind the back.
                        u if u < 0.06 => at[i] = pose.local(0.08, side * 0.16, 0.52),
                        u if u < 0.10 => at[i] = pose.local(0.02, side * 0.2, 0.6),
                        u if u < 0.15 => at[i] = pose.local(0.14, side * 0.05, 0.85),
                        u if u < 0.21 => at[i] = pose.local(0.2, -side * 0.08, 0.7),
                        u if u < 0.24 => at[i] = pose.local(-0.14, side * 0.04, 0.54),
                        _ => {}
                    }
                    if dice.chance(0.12) {
                        held[i] = something(dice);
                    }
                }
            }
        }
        if matches!(look.carrier, Some((Carrier::Basket | Carrier::Tote, _))) {
            at[0] = pose.local(0.05, 0.26, 0.44);
            held[0] = None;
            foreign[0] = false;
        }
        let hands = [0, 1].map(|i| {
            let p = at[i] + v3(dice.normal(), dice.normal(), dice.normal()) * 0.02;
            let velocity = pose.facing * pose.speed + speeds[i];
            FigureHand {
                wrist: p.point(),
                velocity: Point3::new(
                    f64::from(velocity.x),
                    f64::from(velocity.y),
                    f64::from(velocity.z),
                ),
                holds: match (held[i], foreign[i]) {
                    (Some(art), _) => Some(Held::Sku(SkuIx(art as u32))),
                    (None, true) => Some(Held::Foreign),
                    _ => None,
                },
            }
        });
        (hands, held)
    }
}

/// How a body stands, for hands that hang on it.
struct Pose {
    at: V3,
    facing: V3,
    height: f32,
    speed: f32,
    gait: f32,
}

impl Pose {
    fn local(&self, forward: f32, left: f32, up: f32) -> V3 {
        let k = self.height / 1.7;
        self.at
            + self.facing * (forward * k)
            + V3::UP.cross(self.facing) * (left * k)
            + V3::UP * (up * self.height)
    }

    fn hang(&self, hand: usize, swing: f32) -> V3 {
        let side = [1.0, -1.0][hand];
        let phase = self.gait + [std::f32::consts::PI, 0.0][hand];
        let s = phase.sin() * swing;
        self.local(0.05 + 0.2 * s, side * 0.24, 0.475 + 0.025 * s.abs())
    }

    fn front(&self, dice: &mut Dice, hand: usize) -> V3 {
        let side = [1.0, -1.0][hand];
        self.local(
            dice.between(0.22, 0.36),
            side * dice.between(0.02, 0.2),
            dice.between(0.57, 0.78),
        )
    }
}
