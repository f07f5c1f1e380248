//! People as a picture needs them: where they are, and the joints that follow from it.

use super::space::{V3, v3};
use walkout_model::{Point2, Point3, SkuIx};

/// A person at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Stable over the visit; the appearance follows from it.
    pub person: u32,
    /// On the floor.
    pub position: Point2,
    /// Velocity, m/s.
    pub velocity: Point2,
    /// Facing, radians from +x.
    pub heading: f64,
    /// Height, metres.
    pub height_m: f64,
    /// Whether they wear the shop's clothes.
    pub uniform: bool,
    /// Left, right.
    pub hands: [FigureHand; 2],
    /// Has a basket, bag or trolley for the goods.
    pub carries_basket: bool,
    /// Where in a stride, radians.
    pub gait: f64,
}

/// A hand of a [`Figure`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FigureHand {
    /// The wrist in the floor frame.
    pub wrist: Point3,
    /// The wrist's velocity, m/s.
    pub velocity: Point3,
    /// What it holds: a SKU, or something that the shop does not sell.
    pub holds: Option<Held>,
}

/// What a hand holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A unit of the shop's goods (or what looks like one).
    Sku(SkuIx),
    /// A thing of one's own, such as a phone.
    Foreign,
}

/// Joints in the floor frame; pairs are left, right.
#[derive(Clone, Debug)]
pub(crate) struct Skeleton {
    pub height: f32,
    pub facing: V3,
    pub right: V3,
    /// Along the spine, upwards.
    pub spine: V3,
    pub pelvis: V3,
    pub neck: V3,
    pub head: V3,
    pub head_up: V3,
    pub face: V3,
    pub shoulders: [V3; 2],
    pub elbows: [V3; 2],
    pub wrists: [V3; 2],
    /// Unit vectors along the hands.
    pub hand_way: [V3; 2],
    /// Middles of the hands.
    pub hands: [V3; 2],
    pub hips: [V3; 2],
    pub knees: [V3; 2],
    pub ankles: [V3; 2],
    /// The point on the floor that the person stands on.
    pub floor: V3,
}

/// Lengths as shares of the height (after Drillis and Contini 1966, rounded).
const UPPER_ARM: f32 = 0.182;
const FOREARM: f32 = 0.157;
const THIGH: f32 = 0.245;
const SHANK: f32 = 0.246;
const ANKLE: f32 = 0.04;
const HIP: f32 = 0.525;
const TRUNK: f32 = 0.305;
const HEAD: f32 = 0.098;
/// Half of the shoulders' width, of somebody of whom no more is known.
const SHOULDERS: f32 = 0.12;
/// From the wrist to the middle of the hand.
const PALM: f32 = 0.045;

/// How the trunk is held.
#[derive(Clone, Copy, Debug, Default)]
struct Stoop {
    lean: f32,
    twist: f32,
    crouch: f32,
}

impl Figure {
    /// The same person a moment later, moving on in a straight line.
    pub fn after(&self, seconds: f64) -> Self {
        let mut moved = self.clone();
        moved.position = self.position + self.velocity * seconds;
        for hand in &mut moved.hands {
            let (w, v) = (&mut hand.wrist, hand.velocity);
            w.x += v.x * seconds;
            w.y += v.y * seconds;
            w.z += v.z * seconds;
        }
        moved.gait += seconds * 11.0 * self.velocity.norm().min(1.5);
        moved
    }

    /// The head's middle.
    pub(crate) fn head(&self) -> Point3 {
        let head = self.skeleton(SHOULDERS).head;
        Point3::new(f64::from(head.x), f64::from(head.y), f64::from(head.z))
    }

    /// The joints, such that the wrists are where they are said to be, if arms can reach there.
    pub(crate) fn skeleton(&self, shoulder_share: f32) -> Skeleton {
        let h = self.height_m as f32;
        let facing = V3::heading(self.heading as f32);
        let left = V3::UP.cross(facing);
        let floor = v3(self.position.x as f32, self.position.y as f32, 0.0);
        let wrists = self.hands.map(|hand| V3::of(hand.wrist));
        let reach = (UPPER_ARM + FOREARM) * h * 0.985;
        let trunk = |s: Stoop| {
            let crouch_back = facing * (-0.35 * s.crouch);
            let pelvis = floor + V3::UP * (HIP * h - s.crouch) - facing * (0.1 * h * s.lean.sin())
                + crouch_back;
            let spine = V3::UP.turned(left, s.lean);
            let across = left.turned(spine, s.twist);
            let neck = pelvis + spine * (TRUNK * h);
            let shoulder = |side: f32| {
                neck - spine * (0.034 * h) + across * (side * shoulder_share * h * 0.88)
            };
            (pelvis, spine, neck, [shoulder(1.0), shoulder(-1.0)])
        };
        let cost = |s: Stoop| {
            let (.., shoulders) = trunk(s);
            let beyond: f32 = (0..2)
                .map(|i| ((wrists[i] - shoulders[i]).norm() - reach).max(0.0))
                .map(|over| over * over)
                .sum();
            s.lean * s.lean * 0.05
                + s.twist * s.twist * 0.03
                + (s.crouch / h).powi(2) * 2.0
                + beyond * 120.0
        };
        let mut best = Stoop::default();
        let mut least = cost(best);
        if least > 1e-6 {
            for lean in 0..13 {
                for crouch in 0..8 {
                    for twist in [-0.6, -0.3, 0.0, 0.3, 0.6] {
                        let s = Stoop {
                            lean: lean as f32 * 0.1,
                            twist,
                            crouch: crouch as f32 * 0.05 * h,
                        };
                        let c = cost(s);
                        if c < least {
                            (best, least) = (s, c);
                        }
                    }
                }
            }
        }
        let (pelvis, spine, neck, shoulders) = trunk(best);
        let mut elbows = [V3::default(); 2];
        let mut at = wrists;
        for i in 0..2 {
            let side = if i == 0 { left } else { -left };
            let pole = -V3::UP * 0.7 - facing * 0.5 + side * 0.45;
            let most = 1.2 * reach;
            let d = at[i] - shoulders[i];
            if d.norm() > most {
                at[i] = shoulders[i] + d.unit() * most;
            }
            elbows[i] = bent(shoulders[i], at[i], UPPER_ARM * h, FOREARM * h, pole);
        }
        let hand_way = [0, 1].map(|i| {
            let fore = (at[i] - elbows[i]).unit();
            // A hand that holds something before the body points forward.
            let straight = if self.hands[i].holds.is_some() {
                0.6
            } else {
                0.1
            };
            (fore + facing * straight).unit()
        });
        let stride = (0.24 * self.velocity.norm() as f32).min(0.34) * (h / 1.7);
        let hips =
            [1.0, -1.0].map(|side| pelvis + left * (side * 0.052 * h) - V3::UP * (0.015 * h));
        let ankles = [0, 1].map(|i| {
            let side = [1.0, -1.0][i];
            let phase = self.gait as f32 + [0.0, std::f32::consts::PI][i];
            let lift = if stride > 0.02 {
                0.07 * h * phase.cos().max(0.0)
            } else {
                0.0
            };
            let way = if self.velocity.norm() > 0.05 {
                v3(self.velocity.x as f32, self.velocity.y as f32, 0.0).unit()
            } else {
                facing
            };
            floor
                + left * (side * 0.055 * h)
                + way * (stride * phase.sin())
                + V3::UP * (ANKLE * h + lift)
        });
        let knees = [0, 1].map(|i| bent(hips[i], ankles[i], THIGH * h, SHANK * h, facing));
        // The head follows the gaze: down when both hands are low or the trunk leans.
        let gaze = best.lean * 0.75
            + if self.hands.iter().any(|h| h.holds.is_some()) {
                0.25
            } else {
                0.08
            };
        let head_up = V3::UP.turned(left, (gaze).min(1.0));
        let face = facing.turned(left, gaze.min(1.0));
        Skeleton {
            height: h,
            facing,
            right: -left,
            spine,
            pelvis,
            neck,
            head: neck + (spine + head_up).unit() * (HEAD * h) + face * (0.015 * h),
            head_up,
            face,
            shoulders,
            elbows,
            wrists: at,
            hand_way,
            hands: [0, 1].map(|i| at[i] + hand_way[i] * (PALM * h)),
            hips,
            knees,
            ankles,
            floor,
        }
    }
}

/// The middle joint of two bones between two points, bent towards `pole` (law of cosines). Bones
/// that are too short are stretched.
fn bent(from: V3, to: V3, first: f32, second: f32, pole: V3) -> V3 {
    let d = to - from;
    let length = d.norm().max(1e-4);
    let stretch = (length / (first + second) * 1.0005).max(1.0);
    let (a, b) = (first * stretch, second * stretch);
    let along = ((a * a - b * b + length * length) / (2.0 * length)).clamp(-a, a);
    let out = (a * a - along * along).max(0.0).sqrt();
    from + d.unit() * along + d.side(pole) * out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(wrists: [Point3; 2]) -> Figure {
        Figure {
            person: 1,
            position: Point2::new(1.0, 1.0),
            velocity: Point2::default(),
            heading: 0.0,
            height_m: 1.75,
            uniform: false,
            hands: wrists.map(|wrist| FigureHand {
                wrist,
                velocity: Point3::default(),
                holds: None,
            }),
            carries_basket: false,
            gait: 0.0,
        }
    }

    #[test]
    fn arms_reach_high_and_low_shelves_with_bones_of_the_right_length() {
        let rest = Point3::new(1.06, 1.24, 0.82);
        for target in [
            Point3::new(1.06, 0.76, 0.82),
            Point3::new(1.6, 0.9, 1.3),
            Point3::new(1.5, 0.9, 1.85),
            Point3::new(1.62, 0.85, 0.35),
        ] {
            let s = figure([rest, target]).skeleton(0.12);
            let wrist = s.wrists[1];
            assert!(
                (wrist - V3::of(target)).norm() < 1e-3,
                "{target:?} {wrist:?}"
            );
            let upper = (s.elbows[1] - s.shoulders[1]).norm() / 1.75;
            let fore = (s.elbows[1] - wrist).norm() / 1.75;
            assert!(
                (upper - UPPER_ARM).abs() < 0.035 && (fore - FOREARM).abs() < 0.035,
                "{target:?}: {upper} {fore}"
            );
            assert!(s.head.z > 0.7 && s.head.z < 1.75, "{}", s.head.z);
        }
    }

    #[test]
    fn somebody_upright_has_the_head_over_the_feet() {
        let s = figure([Point3::new(1.1, 1.24, 0.82), Point3::new(1.1, 0.76, 0.82)]).skeleton(0.12);
        assert!((s.head.x - 1.0).abs() < 0.08 && (s.head.y - 1.0).abs() < 0.02);
        assert!((s.head.z / 1.75 - 0.93).abs() < 0.015, "{}", s.head.z);
    }
}
