//! Surfaces made of triangles, and the shapes that everything is built from.

use super::light::Light;
use super::space::{Rgb, V3, tinted, v3};
use super::texture::TextureId;
use std::ops::Range;

/// A corner of triangles.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vertex {
    pub at: V3,
    pub normal: V3,
    pub uv: [f32; 2],
    /// The surface's own colour until [`Mesh::lit`], then that times the light that falls on it.
    pub light: Rgb,
}

/// Triangles that share a texture.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub texture: TextureId,
    pub two_sided: bool,
    pub shadow: bool,
    pub triangles: Range<usize>,
}

/// A surface; triangles run anticlockwise as seen from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mesh {
    pub vertices: Vec<Vertex>,
    pub triangles: Vec<[u32; 3]>,
    pub parts: Vec<Part>,
}

/// What a surface is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    pub texture: TextureId,
    pub tint: Rgb,
    /// Repetitions of the texture around (or along x) and along (or along y).
    pub repeat: [f32; 2],
}

/// A ring of a [`Mesh::loft`]: an ellipse about a centre.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    pub centre: V3,
    /// Half-axis towards u = 0, at a right angle to the loft.
    pub across: V3,
    /// The other half-axis, a quarter turn on.
    pub along: V3,
}

/// A box: its middle and half its sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub middle: V3,
    pub half: [V3; 3],
}

impl Paint {
    pub const fn plain(tint: Rgb) -> Self {
        Self {
            texture: super::texture::WHITE,
            tint,
            repeat: [1.0, 1.0],
        }
    }

    pub const fn of(texture: TextureId, tint: Rgb, repeat: [f32; 2]) -> Self {
        Self {
            texture,
            tint,
            repeat,
        }
    }
}

impl Block {
    /// Upright: `right` and `back` are horizontal unit vectors; the size is along right, back and up.
    pub fn upright(middle: V3, right: V3, back: V3, size: [f32; 3]) -> Self {
        Self {
            middle,
            half: [
                right * (size[0] / 2.0),
                back * (size[1] / 2.0),
                V3::UP * (size[2] / 2.0),
            ],
        }
    }
}

impl Mesh {
    pub fn clear(&mut self) {
        self.vertices.clear();
        self.triangles.clear();
        self.parts.clear();
    }

    /// Begins a part; what is added from now on belongs to it.
    pub fn part(&mut self, texture: TextureId, two_sided: bool) {
        let n = self.triangles.len();
        if let Some(last) = self.parts.last_mut() {
            if last.texture == texture && last.two_sided == two_sided && !last.shadow {
                return;
            }
            last.triangles.end = n;
        }
        self.parts.push(Part {
            texture,
            two_sided,
            shadow: false,
            triangles: n..n,
        });
    }

    fn vertex(&mut self, at: V3, normal: V3, uv: [f32; 2], light: Rgb) -> u32 {
        self.vertices.push(Vertex {
            at,
            normal,
            uv,
            light,
        });
        (self.vertices.len() - 1) as u32
    }

    fn triangle(&mut self, t: [u32; 3]) {
        self.triangles.push(t);
        if let Some(part) = self.parts.last_mut() {
            part.triangles.end = self.triangles.len();
        }
    }

    /// A parallelogram from its lower left corner, seen with `x` to the right and `y` up, cut into
    /// pieces no larger than `piece_m`.
    pub fn quad(&mut self, corner: V3, x: V3, y: V3, paint: Paint, piece_m: f32) {
        let pieces = |v: V3| (v.norm() / piece_m).ceil().clamp(1.0, 64.0) as u32;
        let (nx, ny) = (pieces(x), pieces(y));
        let normal = x.cross(y).unit();
        self.part(paint.texture, false);
        let first = self.vertices.len() as u32;
        for j in 0..=ny {
            for i in 0..=nx {
                let (s, t) = (i as f32 / nx as f32, j as f32 / ny as f32);
                let uv = [s * paint.repeat[0], (1.0 - t) * paint.repeat[1]];
                self.vertex(corner + x * s + y * t, normal, uv, paint.tint);
            }
        }
        for j in 0..ny {
            for i in 0..nx {
                let a = first + j * (nx + 1) + i;
                let (b, c, d) = (a + 1, a + nx + 2, a + nx + 1);
                self.triangle([a, b, c]);
                self.triangle([a, c, d]);
            }
        }
    }

    /// The faces of a box that are asked for: front (−back), back, left, right, bottom, top. The
    /// front and back show the first paint, the others the second.
    pub fn block(&mut self, b: &Block, front: Paint, rest: Paint, faces: [bool; 6], piece_m: f32) {
        let [x, y, z] = b.half;
        let corner = |sx: f32, sy: f32, sz: f32| b.middle + x * sx + y * sy + z * sz;
        let all = [
            (corner(-1.0, -1.0, -1.0), x, z, front),
            (corner(1.0, 1.0, -1.0), -x, z, front),
            (corner(-1.0, 1.0, -1.0), -y, z, rest),
            (corner(1.0, -1.0, -1.0), y, z, rest),
            (corner(-1.0, 1.0, -1.0), x, -y, rest),
            (corner(-1.0, -1.0, 1.0), x, y, rest),
        ];
        for ((at, right, up, paint), wanted) in all.into_iter().zip(faces) {
            if wanted {
                self.quad(at, right * 2.0, up * 2.0, paint, piece_m);
            }
        }
    }

    /// A skin over rings, closed at both ends. `u` runs once around, `v` from the first to the
    /// last ring. Seen from outside, rings follow one another along `across × along`.
    pub fn loft(&mut self, rings: &[Ring], sides: u32, paint: Paint, two_sided: bool) {
        if rings.len() < 2 {
            return;
        }
        self.part(paint.texture, two_sided);
        let first = self.vertices.len() as u32;
        let n = rings.len();
        for (j, ring) in rings.iter().enumerate() {
            // The skin's slope along the loft tilts the normals.
            let (before, after) = (&rings[j.saturating_sub(1)], &rings[(j + 1).min(n - 1)]);
            let rise = after.centre - before.centre;
            let v = j as f32 / (n - 1) as f32 * paint.repeat[1];
            for i in 0..=sides {
                let a = std::f32::consts::TAU * i as f32 / sides as f32;
                let (s, c) = a.sin_cos();
                let out = ring.across * c + ring.along * s;
                let radial = |r: &Ring| r.across * c + r.along * s;
                let climb = rise + radial(after) - radial(before);
                let around = ring.along * c - ring.across * s;
                let normal = around.cross(climb);
                let normal = if normal.norm() > 1e-9 { normal } else { out };
                let u = i as f32 / sides as f32 * paint.repeat[0];
                self.vertex(ring.centre + out, normal.unit(), [u, v], paint.tint);
            }
        }
        for j in 0..(n as u32 - 1) {
            for i in 0..sides {
                let a = first + j * (sides + 1) + i;
                let (b, d) = (a + 1, a + sides + 1);
                self.triangle([a, b, d + 1]);
                self.triangle([a, d + 1, d]);
            }
        }
        for (ring, last) in [(&rings[0], false), (&rings[n - 1], true)] {
            if ring.across.norm() < 1e-4 {
                continue;
            }
            let up = ring.across.cross(ring.along).unit() * if last { 1.0 } else { -1.0 };
            let base = first
                + if last {
                    (n as u32 - 1) * (sides + 1)
                } else {
                    0
                };
            let middle = self.vertex(ring.centre, up, [0.0, 0.0], paint.tint);
            for i in 0..sides {
                let (p, q) = (base + i, base + i + 1);
                self.triangle(if last { [middle, p, q] } else { [middle, q, p] });
            }
        }
    }

    /// An ellipsoid with these half-axes (right-handed: a, b, c), from pole to pole along `c`; of
    /// its polar angle only the given part (0 at −c, 1 at +c).
    pub fn ellipsoid(&mut self, at: V3, axes: [V3; 3], part: [f32; 2], fine: u32, paint: Paint) {
        let rings: Vec<Ring> = (0..=fine)
            .map(|i| {
                let t = part[0] + (part[1] - part[0]) * i as f32 / fine as f32;
                let (s, c) = (std::f32::consts::PI * t).sin_cos();
                Ring {
                    centre: at - axes[2] * c,
                    across: axes[0] * s.max(1e-4),
                    along: axes[1] * s.max(1e-4),
                }
            })
            .collect();
        self.loft(&rings, fine * 2, paint, false);
    }

    /// A limb between two points, round, with these radii.
    pub fn limb(&mut self, from: V3, to: V3, radii: [f32; 2], sides: u32, paint: Paint) {
        let way = to - from;
        let across = way.side(v3(1.0, 0.3, 0.1));
        let along = way.unit().cross(across);
        let ring = |t: f32, r: f32, out: f32| Ring {
            centre: from.lerp(to, t) + way.unit() * out,
            across: across * r,
            along: along * r,
        };
        let [a, b] = radii;
        let rings = [
            ring(0.0, a * 0.5, -a * 0.75),
            ring(0.0, a, 0.0),
            ring(0.5, (a + b) * 0.51, 0.0),
            ring(1.0, b, 0.0),
            ring(1.0, b * 0.5, b * 0.75),
        ];
        self.loft(&rings, sides, paint, false);
    }

    /// A soft dark patch: an ellipse that darkens to `keep` in its middle.
    pub fn shadow(&mut self, at: V3, half: [V3; 2], keep: f32) {
        let n = self.triangles.len();
        self.parts.push(Part {
            texture: super::texture::WHITE,
            two_sided: true,
            shadow: true,
            triangles: n..n,
        });
        let rings = [
            (0.0, keep),
            (0.45, keep + 0.15 * (1.0 - keep)),
            (0.75, 1.0 - 0.45 * (1.0 - keep)),
            (1.0, 1.0),
        ];
        let sides = 12_u32;
        let first = self.vertices.len() as u32;
        for (r, k) in rings {
            for i in 0..sides {
                let (s, c) = (std::f32::consts::TAU * i as f32 / sides as f32).sin_cos();
                let p = at + half[0] * (r * c) + half[1] * (r * s);
                self.vertex(p, V3::UP, [0.0, 0.0], [k; 3]);
            }
        }
        for j in 0..3 {
            for i in 0..sides {
                let at = |j: u32, i: u32| first + j * sides + i % sides;
                self.triangle([at(j, i), at(j + 1, i), at(j + 1, i + 1)]);
                self.triangle([at(j, i), at(j + 1, i + 1), at(j, i + 1)]);
            }
        }
        // Nothing may be added to a shadow.
        self.parts.push(Part {
            texture: super::texture::WHITE,
            two_sided: false,
            shadow: false,
            triangles: self.triangles.len()..self.triangles.len(),
        });
    }

    /// Lets light fall on the vertices from this number on.
    pub fn lit(&mut self, from: usize, light: &Light) {
        for v in &mut self.vertices[from..] {
            v.light = tinted(v.light, light.at(v.at, v.normal));
        }
    }
}
