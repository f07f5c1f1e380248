//! Plane and space geometry. Metres, right-handed, z up, floor at z = 0; angles in radians,
//! anticlockwise from +x.

use serde::{Deserialize, Serialize};

/// A point or vector on the floor plane, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point2 {
    /// East, in the shop's own frame.
    pub x: f64,
    /// North, in the shop's own frame.
    pub y: f64,
}

/// A point or vector in space, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point3 {
    /// East.
    pub x: f64,
    /// North.
    pub y: f64,
    /// Up from the floor.
    pub z: f64,
}

impl Point2 {
    /// A point.
    #[inline]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Euclidean length.
    #[inline]
    pub fn norm(self) -> f64 {
        self.x.hypot(self.y)
    }

    /// Distance to another point.
    #[inline]
    pub fn distance(self, other: Self) -> f64 {
        (self - other).norm()
    }

    /// Dot product.
    #[inline]
    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    /// z of the cross product: positive if `other` lies to the left of `self`.
    #[inline]
    pub fn cross(self, other: Self) -> f64 {
        self.x * other.y - self.y * other.x
    }

    /// The point at height `z`.
    #[inline]
    pub const fn at_height(self, z: f64) -> Point3 {
        Point3 {
            x: self.x,
            y: self.y,
            z,
        }
    }

    /// Distance to the segment `a`–`b`.
    pub fn distance_to_segment(self, a: Self, b: Self) -> f64 {
        let ab = b - a;
        let length2 = ab.dot(ab);
        let t = if length2 > 0.0 {
            ((self - a).dot(ab) / length2).clamp(0.0, 1.0)
        } else {
            0.0
        };
        self.distance(a + ab * t)
    }
}

impl std::ops::Add for Point2 {
    type Output = Self;
    #[inline]
    fn add(self, o: Self) -> Self {
        Self::new(self.x + o.x, self.y + o.y)
    }
}

impl std::ops::Sub for Point2 {
    type Output = Self;
    #[inline]
    fn sub(self, o: Self) -> Self {
        Self::new(self.x - o.x, self.y - o.y)
    }
}

impl std::ops::Mul<f64> for Point2 {
    type Output = Self;
    #[inline]
    fn mul(self, k: f64) -> Self {
        Self::new(self.x * k, self.y * k)
    }
}

impl Point3 {
    /// A point.
    #[inline]
    pub const fn new(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    /// Dropped to the floor.
    #[inline]
    pub const fn floor(self) -> Point2 {
        Point2 {
            x: self.x,
            y: self.y,
        }
    }

    /// Distance to another point.
    #[inline]
    pub fn distance(self, o: Self) -> f64 {
        ((self.x - o.x).powi(2) + (self.y - o.y).powi(2) + (self.z - o.z).powi(2)).sqrt()
    }
}

/// A position and heading on the floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pose2 {
    /// Where.
    pub position: Point2,
    /// Radians, anticlockwise from +x.
    pub yaw: f64,
}

impl Pose2 {
    /// `floor_from_local` applied to a local point.
    pub fn floor_from_local(&self, local: Point2) -> Point2 {
        let (s, c) = self.yaw.sin_cos();
        self.position + Point2::new(c * local.x - s * local.y, s * local.x + c * local.y)
    }

    /// The inverse: a floor point in the local frame.
    pub fn local_from_floor(&self, floor: Point2) -> Point2 {
        let (s, c) = self.yaw.sin_cos();
        let d = floor - self.position;
        Point2::new(c * d.x + s * d.y, -s * d.x + c * d.y)
    }
}

/// A simple polygon, corners in order (either way round), not closed explicitly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Polygon {
    /// The corners.
    pub corners: Vec<Point2>,
}

impl Polygon {
    /// Area in m², by the shoelace formula; never negative.
    pub fn area_m2(&self) -> f64 {
        self.edges().map(|(a, b)| a.cross(b)).sum::<f64>().abs() / 2.0
    }

    /// Each side, the closing one included.
    pub fn edges(&self) -> impl Iterator<Item = (Point2, Point2)> + '_ {
        let n = self.corners.len();
        (0..n).map(move |i| (self.corners[i], self.corners[(i + 1) % n]))
    }

    /// Whether the point lies inside (even–odd rule; the border may fall either way).
    pub fn contains(&self, p: Point2) -> bool {
        let mut inside = false;
        for (a, b) in self.edges() {
            if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
                inside = !inside;
            }
        }
        inside
    }

    /// Smallest and largest corner of the bounding box; zero for an empty polygon.
    pub fn bounds(&self) -> (Point2, Point2) {
        let mut it = self.corners.iter();
        let first = it.next().copied().unwrap_or_default();
        it.fold((first, first), |(lo, hi), p| {
            (
                Point2::new(lo.x.min(p.x), lo.y.min(p.y)),
                Point2::new(hi.x.max(p.x), hi.y.max(p.y)),
            )
        })
    }
}
