//! What stands between a camera and a point: fixtures as boxes, walls as upright sheets.

use crate::layout::Fixture;
use crate::{Layout, Point2, Point3};

/// A camera may hang on a wall, and what it looks at may touch one, metres.
const SKIN_M: f64 = 0.12;

/// What hides things from cameras and does not move.
#[derive(Clone, Debug, Default)]
pub struct Obstacles {
    fixtures: Vec<Fixture>,
    walls: Vec<(Point2, Point2)>,
}

impl Obstacles {
    /// Those of a shop.
    pub fn new(layout: &Layout) -> Self {
        Self {
            fixtures: layout.fixtures.clone(),
            walls: layout.walls.clone(),
        }
    }

    /// Whether nothing stands between. The last `near_m` metres before the target are free: a hand is inside the
    /// shelf it reaches into.
    pub fn is_clear(&self, eye: Point3, target: Point3, near_m: f64) -> bool {
        let end = 1.0 - near_m / eye.distance(target).max(1e-6);
        let line = Line { eye, target, end };
        self.fixtures.iter().all(|f| !line.meets_fixture(f))
            && self.walls.iter().all(|(a, b)| !line.meets_wall(*a, *b))
    }
}

/// From an eye to a share of the way to a target.
struct Line {
    eye: Point3,
    target: Point3,
    end: f64,
}

impl Line {
    fn height(&self, u: f64) -> f64 {
        self.eye.z + u * (self.target.z - self.eye.z)
    }

    fn meets_fixture(&self, f: &Fixture) -> bool {
        if self.height(0.0).min(self.height(self.end)) >= f.height_m {
            return false;
        }
        let a = f.pose.local_from_floor(self.eye.floor());
        // What a camera is fixed to does not hide everything from it.
        let within = (0.0..=f.width_m).contains(&a.x) && (0.0..=f.depth_m).contains(&a.y);
        if within && self.eye.z < f.height_m {
            return false;
        }
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
    use crate::Pose2;

    #[test]
    fn a_gondola_hides_who_stoops_behind_it_and_not_who_stands() {
        let obstacles = Obstacles {
            fixtures: vec![Fixture {
                name: "G1".into(),
                pose: Pose2 {
                    position: Point2::new(2.0, -1.0),
                    yaw: 0.0,
                },
                width_m: 0.5,
                depth_m: 2.0,
                height_m: 1.5,
                shelves: 0..0,
            }],
            walls: vec![(Point2::new(-2.0, -3.0), Point2::new(-2.0, 3.0))],
        };
        let eye = Point3::new(0.0, 0.0, 2.8);
        let sees = |x: f64, z: f64| obstacles.is_clear(eye, Point3::new(x, 0.0, z), 0.0);
        assert!(sees(4.0, 1.6) && !sees(4.0, 0.5));
        assert!(sees(1.0, 0.1) && sees(-1.5, 1.0) && !sees(-3.0, 1.0));
        // A hand inside of it is seen.
        assert!(obstacles.is_clear(eye, Point3::new(2.1, 0.0, 1.2), 0.3));
    }
}
