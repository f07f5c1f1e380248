//! Vectors in single precision: a picture needs no more, and twice as many fit into a register.

use std::ops::{Add, Mul, Neg, Sub};
use walkout_model::Point3;

/// A point or vector, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct V3 {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

/// Shorthand for [`V3`].
pub(crate) const fn v3(x: f32, y: f32, z: f32) -> V3 {
    V3 { x, y, z }
}

impl V3 {
    pub const UP: Self = v3(0.0, 0.0, 1.0);

    pub fn of(p: Point3) -> Self {
        v3(p.x as f32, p.y as f32, p.z as f32)
    }

    pub fn point(self) -> Point3 {
        Point3::new(f64::from(self.x), f64::from(self.y), f64::from(self.z))
    }

    /// A horizontal unit vector that points this way, radians from +x.
    pub fn heading(angle: f32) -> Self {
        v3(angle.cos(), angle.sin(), 0.0)
    }

    pub fn dot(self, o: Self) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    pub fn cross(self, o: Self) -> Self {
        v3(
            self.y * o.z - self.z * o.y,
            self.z * o.x - self.x * o.z,
            self.x * o.y - self.y * o.x,
        )
    }

    pub fn norm(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Of length 1; zero stays zero.
    pub fn unit(self) -> Self {
        let n = self.norm();
        if n > 1e-12 { self * (1.0 / n) } else { self }
    }

    pub fn lerp(self, o: Self, t: f32) -> Self {
        self + (o - self) * t
    }

    /// Some unit vector at a right angle to this one, as near to `hint` as can be.
    pub fn side(self, hint: Self) -> Self {
        let d = self.unit();
        let s = hint - d * hint.dot(d);
        if s.norm() > 1e-4 {
            return s.unit();
        }
        let other = if d.x.abs() < 0.8 {
            v3(1.0, 0.0, 0.0)
        } else {
            v3(0.0, 1.0, 0.0)
        };
        (other - d * other.dot(d)).unit()
    }

    /// Turned about a unit axis (Rodrigues' formula).
    pub fn turned(self, axis: Self, angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        self * c + axis.cross(self) * s + axis * (axis.dot(self) * (1.0 - c))
    }
}

impl Add for V3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        v3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl Sub for V3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        v3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for V3 {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        v3(self.x * k, self.y * k, self.z * k)
    }
}

impl Neg for V3 {
    type Output = Self;
    fn neg(self) -> Self {
        v3(-self.x, -self.y, -self.z)
    }
}

/// A colour, red, green and blue; 1 is white. In the square-root scale of [`super::raster`].
pub(crate) type Rgb = [f32; 3];

/// Component by component.
pub(crate) fn tinted(a: Rgb, b: Rgb) -> Rgb {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// All components by one factor.
pub(crate) fn scaled(a: Rgb, k: f32) -> Rgb {
    a.map(|c| c * k)
}

/// Between two colours.
pub(crate) fn mixed(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
}

/// Hue 0–1, saturation and value.
pub(crate) fn hsv(h: f32, s: f32, v: f32) -> Rgb {
    let channel = |n: f32| {
        let k = (n + h * 6.0).rem_euclid(6.0);
        v - v * s * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}
