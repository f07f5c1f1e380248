//! Who stands between a camera and a point: people as upright elliptic cylinders with a head.

use walkout_model::{Point2, Point3};

/// Half breadth and half depth of a body, metres.
const BODY_M: [f64; 2] = [0.22, 0.13];
/// Radius of a head, metres, and the share of the height at which the shoulders are.
const HEAD_M: f64 = 0.11;
const SHOULDERS: f64 = 0.84;

/// A person as an obstacle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub at: Point2,
    pub heading: f64,
    pub height_m: f64,
}

/// Whether one of the bodies, but for `own`, stands between.
pub(super) fn is_behind(eye: Point3, target: Point3, bodies: &[Body], own: usize) -> bool {
    let line = Segment { eye, target };
    let others = bodies.iter().enumerate().filter(|(i, _)| *i != own);
    others.into_iter().any(|(_, b)| line.meets_body(b))
}

struct Segment {
    eye: Point3,
    target: Point3,
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
        let (lo, hi) = (lo.max(0.0), hi.min(1.0));
        (lo < hi).then_some([lo, hi])
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
