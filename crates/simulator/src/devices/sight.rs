//! What each camera can see: field of view, and fixtures, walls and bodies in between.

use crate::scene::Body;
use walkout_model::layout::{Camera, Fixture};
use walkout_model::{Layout, Point2, Point3};

/// A person must fill this many pixels from head to foot for the networks to find them.
const SMALLEST_PERSON_PX: f64 = 40.0;

/// Half width and half depth of the torso that hides what is behind it, metres.
const TORSO_M: [f64; 2] = [0.23, 0.13];

/// Square of the tangent of the widest angle from the axis (63°) at which the distortion's
/// polynomial is believed: farther out it folds back into the picture.
const WIDEST_TAN2: f64 = 4.0;

/// More views than this add nothing to what the tracker does with them.
pub(super) const ENOUGH_VIEWS: usize = 3;

/// Which cameras see a point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Views {
    /// How many, counted up to [`ENOUGH_VIEWS`].
    pub count: usize,
    /// Optical centre of the first that does.
    pub from: Option<Point3>,
}

struct Eye {
    camera: Camera,
    forward: [f64; 3],
    right: [f64; 3],
    down: [f64; 3],
}

/// A fixture as an opaque box.
struct Block {
    corner: Point2,
    cos: f64,
    sin: f64,
    size_m: Point2,
    height_m: f64,
    /// The circle about it, to see at once that a line misses it.
    middle: Point2,
    radius2_m2: f64,
}

impl Block {
    fn new(fixture: &Fixture) -> Self {
        let (sin, cos) = fixture.pose.yaw.sin_cos();
        let half = Point2::new(fixture.width_m, fixture.depth_m) * 0.5;
        Self {
            middle: fixture.pose.floor_from_local(half),
            radius2_m2: half.dot(half),
            corner: fixture.pose.position,
            cos,
            sin,
            size_m: Point2::new(fixture.width_m, fixture.depth_m),
            height_m: fixture.height_m,
        }
    }

    /// As [`walkout_model::Pose2::local_from_floor`], with the turn computed once.
    fn local_from_floor(&self, p: Point2) -> Point2 {
        let d = p - self.corner;
        Point2::new(
            self.cos * d.x + self.sin * d.y,
            self.cos * d.y - self.sin * d.x,
        )
    }
}

/// All cameras, and what stands in their way.
pub(super) struct Sight {
    eyes: Vec<Eye>,
    blocks: Vec<Block>,
    walls: Vec<(Point2, Point2)>,
    sees_all: bool,
}

impl Sight {
    /// `sees_all` makes everything visible to everyone, as does a shop without cameras, where the
    /// tracks come from elsewhere.
    pub fn new(layout: &Layout, sees_all: bool) -> Self {
        Self {
            eyes: layout.cameras.iter().map(Eye::new).collect(),
            blocks: layout.fixtures.iter().map(Block::new).collect(),
            walls: layout.walls.clone(),
            sees_all: sees_all || layout.cameras.is_empty(),
        }
    }

    /// The cameras that see a point of the body `own`. The last `near_m` of each sight line are
    /// taken to be free: a hand is inside the shelf it reaches into.
    pub fn views(&self, target: Point3, near_m: f64, torsos: &[Torso], own: usize) -> Views {
        if self.sees_all {
            return Views {
                count: ENOUGH_VIEWS,
                from: self.eyes.first().map(|eye| eye.camera.position),
            };
        }
        let mut views = Views::default();
        for eye in &self.eyes {
            if eye.frames(target) && self.is_clear(eye.camera.position, target, near_m, torsos, own)
            {
                views.from.get_or_insert(eye.camera.position);
                views.count += 1;
                if views.count == ENOUGH_VIEWS {
                    break;
                }
            }
        }
        views
    }

    fn is_clear(
        &self,
        eye: Point3,
        target: Point3,
        near_m: f64,
        torsos: &[Torso],
        own: usize,
    ) -> bool {
        let length = eye.distance(target).max(1e-6);
        let line = Line {
            from: eye.floor(),
            way: target.floor() - eye.floor(),
            from_z: eye.z,
            rise: target.z - eye.z,
            end: (1.0 - near_m / length).max(0.0),
        };
        let hidden_by_body = torsos.iter().enumerate().any(|(i, torso)| {
            // One's own head does not hide itself, but one's torso may hide one's hand.
            let is_own_head = i == own && near_m < 0.1;
            !is_own_head && line.meets_torso(torso)
        });
        !hidden_by_body
            && !self.blocks.iter().any(|block| line.meets_block(block))
            && !self.walls.iter().any(|&(a, b)| line.meets_wall(a, b))
    }
}

/// What of a person hides others: an ellipse on the floor, broad across the heading, up to the
/// person's height.
pub(super) struct Torso {
    position: Point2,
    cos: f64,
    sin: f64,
    height_m: f64,
}

impl Torso {
    pub fn of(body: &Body) -> Self {
        let (sin, cos) = body.heading.sin_cos();
        Self {
            position: body.position,
            cos,
            sin,
            height_m: body.height_m,
        }
    }

    /// In the torso's own axes, each scaled so that the ellipse is the unit circle.
    fn scaled(&self, p: Point2) -> Point2 {
        let [half_width, half_depth] = TORSO_M;
        Point2::new(
            (self.cos * p.x + self.sin * p.y) / half_depth,
            (self.cos * p.y - self.sin * p.x) / half_width,
        )
    }
}

struct Line {
    from: Point2,
    way: Point2,
    from_z: f64,
    rise: f64,
    /// The part of the line that must be clear, as a share from `from`.
    end: f64,
}

impl Line {
    fn height(&self, u: f64) -> f64 {
        self.from_z + self.rise * u
    }

    fn meets_torso(&self, torso: &Torso) -> bool {
        let from = torso.scaled(self.from - torso.position);
        let d = torso.scaled(self.way);
        // u = −from·d / d² is where the line is nearest to the middle; all is compared by products,
        // because most lines miss most people.
        let (length2, along) = (d.dot(d), -from.dot(d));
        if along <= 0.0 || along >= self.end * length2 {
            return false;
        }
        let miss = from.cross(d);
        miss * miss < length2 && self.height(along / length2) < torso.height_m
    }

    fn meets_block(&self, block: &Block) -> bool {
        if self.from_z + self.rise.min(0.0) >= block.height_m {
            return false;
        }
        let miss = self.way.cross(block.middle - self.from);
        if miss * miss > block.radius2_m2 * self.way.dot(self.way) {
            return false;
        }
        let from = block.local_from_floor(self.from);
        let to = block.local_from_floor(self.from + self.way);
        let (mut enter, mut leave) = (0.0_f64, self.end);
        for (a, b, size) in [
            (from.x, to.x, block.size_m.x),
            (from.y, to.y, block.size_m.y),
        ] {
            let d = b - a;
            if d.abs() < 1e-9 {
                if a <= 0.0 || a >= size {
                    return false;
                }
                continue;
            }
            let (u0, u1) = (-a / d, (size - a) / d);
            enter = enter.max(u0.min(u1));
            leave = leave.min(u0.max(u1));
        }
        enter < leave && self.height(enter).min(self.height(leave)) < block.height_m - 0.01
    }

    fn meets_wall(&self, a: Point2, b: Point2) -> bool {
        let (p, r) = (self.from, self.way);
        let s = b - a;
        let cross = r.cross(s);
        if cross.abs() < 1e-9 {
            return false;
        }
        let u = (a - p).cross(s) / cross;
        let v = (a - p).cross(r) / cross;
        // A camera may hang on the wall itself.
        if !(0.0..=1.0).contains(&v) {
            return false;
        }
        let skin = 0.15 / r.norm().max(0.15);
        u > skin && u < self.end - skin
    }
}

impl Eye {
    fn new(camera: &Camera) -> Self {
        let (sy, cy) = camera.yaw.sin_cos();
        let (sp, cp) = camera.pitch.sin_cos();
        let forward = [cp * cy, cp * sy, -sp];
        let level_right = [sy, -cy, 0.0];
        let level_down = cross(forward, level_right);
        let (sr, cr) = camera.roll.sin_cos();
        let turn = |k: f64, l: f64| {
            [
                k * level_right[0] + l * level_down[0],
                k * level_right[1] + l * level_down[1],
                k * level_right[2] + l * level_down[2],
            ]
        };
        Self {
            camera: camera.clone(),
            forward,
            right: turn(cr, sr),
            down: turn(-sr, cr),
        }
    }

    /// Whether the point falls into the picture, large enough.
    fn frames(&self, target: Point3) -> bool {
        let c = &self.camera;
        let d = [
            target.x - c.position.x,
            target.y - c.position.y,
            target.z - c.position.z,
        ];
        let depth = dot(d, self.forward);
        if depth < 0.1 || c.focal_px[0] * 1.7 / depth < SMALLEST_PERSON_PX {
            return false;
        }
        let (x, y) = (dot(d, self.right) / depth, dot(d, self.down) / depth);
        let r2 = x * x + y * y;
        if r2 > WIDEST_TAN2 {
            return false;
        }
        // Brown–Conrady, in OpenCV's order.
        let [k1, k2, p1, p2, k3] = c.distortion;
        let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
        let xd = x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x);
        let yd = y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y;
        let u = c.focal_px[0] * xd + c.principal_px[0];
        let v = c.focal_px[1] * yd + c.principal_px[1];
        (0.0..=f64::from(c.width_px)).contains(&u) && (0.0..=f64::from(c.height_px)).contains(&v)
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

#[cfg(test)]
mod tests {
    use super::super::bed::{body, hall, rack};
    use super::*;

    #[test]
    fn a_person_is_seen_unless_something_stands_between() {
        let mut layout = rack().layout;
        // Ten metres up the y axis from a camera at eye height that looks along it.
        let camera = &mut layout.cameras[0];
        camera.position = Point3::new(0.5, 0.5, 1.6);
        (camera.yaw, camera.pitch) = (std::f64::consts::FRAC_PI_2, 0.0);
        let sight = Sight::new(&layout, false);
        let me = body(1, Point2::new(0.5, 3.0));
        let head = me.position.at_height(1.6);
        let seen = |people: &[Body]| {
            let torsos: Vec<Torso> = people.iter().map(Torso::of).collect();
            sight.views(head, 0.0, &torsos, 0).count
        };
        assert_eq!(seen(std::slice::from_ref(&me)), 1);
        let before_me = body(2, Point2::new(0.5, 2.0));
        assert_eq!(seen(&[me.clone(), before_me.clone()]), 0);
        let mut child = before_me;
        child.height_m = 1.1;
        assert_eq!(seen(&[me.clone(), child]), 1);
        assert_eq!(seen(&[me.clone(), body(2, Point2::new(1.0, 2.0))]), 1);
        assert_eq!(
            sight.views(Point3::new(0.5, 0.2, 1.6), 0.0, &[], 0).count,
            0
        );
    }

    #[test]
    fn racks_and_walls_hide_what_is_behind_them() {
        let mut layout = rack().layout;
        let camera = &mut layout.cameras[0];
        camera.position = Point3::new(2.0, 0.2, 1.0);
        (camera.yaw, camera.pitch) = (std::f64::consts::FRAC_PI_2, 0.0);
        let behind_rack = Point3::new(2.0, 3.95, 1.0);
        let in_front = Point3::new(2.0, 3.2, 1.0);
        let on_shelf = Point3::new(2.0, 3.7, 1.0);
        let count =
            |layout: &Layout, p, near| Sight::new(layout, false).views(p, near, &[], 0).count;
        assert_eq!(count(&layout, behind_rack, 0.0), 0);
        assert_eq!(count(&layout, in_front, 0.0), 1);
        // A hand in the shelf is seen from the front.
        assert_eq!(count(&layout, on_shelf, 0.45), 1);
        layout
            .walls
            .push((Point2::new(0.0, 1.5), Point2::new(4.0, 1.5)));
        assert_eq!(count(&layout, in_front, 0.0), 0);
    }

    #[test]
    fn a_ceiling_of_cameras_sees_nearly_everybody_thrice() {
        let sight = Sight::new(&hall().layout, false);
        let mut thrice = 0;
        for i in 0..400 {
            let p = Point2::new(
                0.5 + 0.35 * f64::from(i % 20),
                0.5 + 0.325 * f64::from(i / 20),
            );
            let me = body(1, p);
            let views = sight.views(p.at_height(1.6), 0.0, &[Torso::of(&me)], 0);
            thrice += usize::from(views.count == ENOUGH_VIEWS);
        }
        assert!(thrice > 360, "{thrice} of 400");
    }
}
