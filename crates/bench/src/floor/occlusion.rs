//! What stands between a camera and a point: fixtures as boxes, walls as upright sheets, people as upright
//! elliptic cylinders with a head.

use walkout_model::layout::Fixture;
use walkout_model::{Layout, Point2, Point3};

/// Half breadth and half depth of a body, metres.
const BODY_M: [f64; 2] = [0.22, 0.13];
/// Radius of a head, metres, and the share of the height at which the shoulders are.
const HEAD_M: f64 = 0.11;
const SHOULDERS: f64 = 0.84;
/// A camera may hang on a wall, and what it looks at may touch one.
const SKIN_M: f64 = 0.12;

/// A person as an obstacle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub at: Point2,
    pub heading: f64,
    pub height_m: f64,
}

/// The fixed obstacles of a shop.
pub(super) struct Obstacles<'a> {
    fixtures: &'a [Fixture],
    walls: &'a [(Point2, Point2)],
}

impl<'a> Obstacles<'a> {
    pub(super) fn new(layout: &'a Layout) -> Self {
        Self {
            fixtures: &layout.fixtures,
            walls: &layout.walls,
        }
    }

    /// Whether nothing fixed stands between. The last `near_m` before the target are free: a hand is inside the
    /// shelf it reaches into.
    pub(super) fn is_clear(&self, eye: Point3, target: Point3, near_m: f64) -> bool {
        let end = 1.0 - near_m / eye.distance(target).max(1e-6);
        let line = Segment { eye, target, end };
        self.fixtures.iter().all(|f| !line.meets_fixture(f))
            && self.walls.iter().all(|(a, b)| !line.meets_wall(*a, *b))
    }
}

/// Whether one of the bodies, but for `own`, stands between.
pub(super) fn is_behind(eye: Point3, target: Point3, bodies: &[Body], own: usize) -> bool {
    let line = Segment {
        eye,
        target,
        end: 1.0,
    };
    let others = bodies.iter().enumerate().filter(|(i, _)| *i != own);
    others.into_iter().any(|(_, b)| line.meets_body(b))
}

struct Segment {
    eye: Point3,
    target: Point3,
    end: f64,
}

impl Segment {
    fn height(&self, u: f64) -> f64 {
        self.eye.z + u * (self.target.z - self.eye.z)
    }

    fn meets_body(&self, body: &Body) -> bool {
        let far = body
            .at
            .distance_to_segment(self.eye.floor(), self.target.floor());
        if far > BODY_M[0].max(HEAD_M) {
            return false;
        }
        let shoulders = SHOULDERS * body.height_m;
        let trunk = self.inside_ellipse(body, BODY_M);
        let head = self.inside_ellipse(body, [HEAD_M, HEAD_M]);
        let below = |part: Option<[f64; 2]>, top: f64| {
            part.is_some_and(|[a, b]| self.height(a).min(self.height(b)) < top)
        };
        below(trunk, shoulders) || below(head, body.height_m)
    }

    /// The part of the line above an ellipse on the floor, as shares.
    fn inside_ellipse(&self, body: &Body, half: [f64; 2]) -> Option<[f64; 2]> {
        let (sin, cos) = body.heading.sin_cos();
        let scaled = |p: Point2| {
            let d = p - body.at;
            Point2::new(
                (cos * d.x + sin * d.y) / half[1],
                (cos * d.y - sin * d.x) / half[0],
            )
        };
        let from = scaled(self.eye.floor());
        let way = scaled(self.target.floor()) - from;
        let (a, b, c) = (way.dot(way), from.dot(way), from.dot(from) - 1.0);
        let root = b * b - a * c;
        if root <= 0.0 || a <= 0.0 {
            return None;
        }
        let (lo, hi) = ((-b - root.sqrt()) / a, (-b + root.sqrt()) / a);
        let (lo, hi) = (lo.max(0.0), hi.min(self.end));
        (lo < hi).then_some([lo, hi])
    }

    fn meets_fixture(&self, f: &Fixture) -> bool {
        if self.height(0.0).min(self.height(self.end)) >= f.height_m {
            return false;
        }
        let a = f.pose.local_from_floor(self.eye.floor());
        let b = f.pose.local_from_floor(self.target.floor());
        let (mut enter, mut leave) = (0.0_f64, self.end);
        for (p, q, size) in [(a.x, b.x, f.width_m), (a.y, b.y, f.depth_m)] {
            let d = q - p;
            if d.abs() < 1e-9 {
                if p <= 0.0 || p >= size {
                    return false;
                }
                continue;
            }
            let (u, v) = (-p / d, (size - p) / d);
            enter = enter.max(u.min(v));
            leave = leave.min(u.max(v));
        }
        enter < leave && self.height(enter).min(self.height(leave)) < f.height_m - 0.01
    }

    fn meets_wall(&self, a: Point2, b: Point2) -> bool {
        let from = self.eye.floor();
        let (r, s) = (self.target.floor() - from, b - a);
        let cross = r.cross(s);
        if cross.abs() < 1e-9 {
            return false;
        }
        let u = (a - from).cross(s) / cross;
        let v = (a - from).cross(r) / cross;
        let skin = SKIN_M / r.norm().max(SKIN_M);
        (0.0..=1.0).contains(&v) && u > skin && u < self.end - skin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tall_person_hides_a_short_one_and_not_the_other_way() {
        let body = |x, height_m| Body {
            at: Point2::new(x, 0.0),
            heading: 0.0,
            height_m,
        };
        let eye = Point3::new(-4.0, 0.0, 2.0);
        let hidden = |front: f64, back: f64| {
            let bodies = [body(0.0, front), body(0.6, back)];
            is_behind(eye, bodies[1].at.at_height(0.93 * back), &bodies, 1)
        };
        assert!(hidden(1.85, 1.5));
        assert!(!hidden(1.5, 1.9));
    }
}
