//! The z-buffer rasteriser: triangles of textured, lit vertices onto a canvas.
//!
//! Texture coordinates are corrected for perspective, light is interpolated on the picture. Colours
//! are kept as square roots of linear light, in which light times surface, and exposure, stay
//! products; 1 is [`ONE`]. A canvas also knows which thing each sample shows.

use super::lens::{Lens, NEAR_M};
use super::mesh::Mesh;
use super::space::{Rgb, V3};
use super::texture::{Atlas, Level, TextureId};

/// White, in a sample.
pub(crate) const ONE: f32 = 4080.0;

/// What a sample shows. Zero is nothing.
pub(crate) type ThingId = u16;

/// Samples of a picture: red, green, blue and the thing, and one over the depth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Canvas {
    pub width: usize,
    pub height: usize,
    pub samples: Vec<[u16; 4]>,
    pub nearness: Vec<f32>,
    /// Nothing is drawn outside: left, top, right, bottom.
    pub clip: [usize; 4],
}

/// A vertex on the picture.
#[derive(Clone, Copy, Debug, Default)]
struct Corner {
    x: f32,
    y: f32,
    /// One over the depth.
    iz: f32,
    u: f32,
    v: f32,
    light: Rgb,
}

/// A vertex in the camera frame.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    at: V3,
    uv: [f32; 2],
    light: Rgb,
}

/// Draws meshes; keeps its buffers between them.
#[derive(Debug, Default)]
pub(crate) struct Rasteriser {
    seen: Vec<Seen>,
    corners: Vec<Corner>,
}

impl Canvas {
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            samples: vec![[0; 4]; width * height],
            nearness: vec![0.0; width * height],
            clip: [0, 0, width, height],
        }
    }

    /// Empties what lies within the clip; what is beyond everything has this colour.
    pub fn clear(&mut self, beyond: Rgb) {
        let [r, g, b] = beyond.map(|c| (c.clamp(0.0, 4.0) * ONE) as u16);
        let [left, top, right, bottom] = self.clip;
        for y in top..bottom {
            let row = y * self.width + left..y * self.width + right;
            self.samples[row.clone()].fill([r, g, b, 0]);
            self.nearness[row].fill(0.0);
        }
    }

    /// Draws only inside this box from now on, which is cut to the canvas.
    pub fn clip_to(&mut self, [left, top, right, bottom]: [f32; 4]) {
        let (w, h) = (self.width as f32, self.height as f32);
        self.clip = [
            left.floor().clamp(0.0, w) as usize,
            top.floor().clamp(0.0, h) as usize,
            right.ceil().clamp(0.0, w) as usize,
            bottom.ceil().clamp(0.0, h) as usize,
        ];
    }

    /// Draws everywhere again.
    pub fn unclip(&mut self) {
        self.clip = [0, 0, self.width, self.height];
    }

    /// Takes over another canvas of the same size.
    pub fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }
}

impl Rasteriser {
    /// Draws a mesh. Gives how many samples its front would cover if nothing hid it.
    pub fn draw(
        &mut self,
        canvas: &mut Canvas,
        lens: &Lens,
        atlas: &Atlas,
        mesh: &Mesh,
        thing: ThingId,
    ) -> u32 {
        self.seen.clear();
        self.corners.clear();
        for vertex in &mesh.vertices {
            let seen = Seen {
                at: lens.view(vertex.at),
                uv: vertex.uv,
                light: vertex.light,
            };
            self.seen.push(seen);
            self.corners.push(corner(lens, &seen));
        }
        let mut covered = 0;
        for part in &mesh.parts {
            let brush = Brush {
                atlas,
                texture: part.texture,
                two_sided: part.two_sided,
                shadow: part.shadow,
                thing,
            };
            for t in &mesh.triangles[part.triangles.clone()] {
                let [a, b, c] = t.map(|i| i as usize);
                let behind = [a, b, c].map(|i| self.seen[i].at.z <= NEAR_M);
                covered += match behind {
                    [false, false, false] => {
                        let corners = [a, b, c].map(|i| self.corners[i]);
                        brush.triangle(canvas, corners)
                    }
                    [true, true, true] => 0,
                    _ => clipped(canvas, lens, &brush, [a, b, c].map(|i| self.seen[i])),
                };
            }
        }
        covered
    }
}

fn corner(lens: &Lens, seen: &Seen) -> Corner {
    if seen.at.z <= NEAR_M {
        return Corner::default();
    }
    let [x, y] = lens.project(seen.at);
    Corner {
        x,
        y,
        iz: 1.0 / seen.at.z,
        u: seen.uv[0],
        v: seen.uv[1],
        light: seen.light,
    }
}

/// Cuts a triangle at the near plane (Sutherland–Hodgman) and draws what is left of it.
fn clipped(canvas: &mut Canvas, lens: &Lens, brush: &Brush<'_>, t: [Seen; 3]) -> u32 {
    let mut kept: [Corner; 4] = Default::default();
    let mut n = 0;
    for i in 0..3 {
        let (p, q) = (t[i], t[(i + 1) % 3]);
        if p.at.z > NEAR_M {
            kept[n] = corner(lens, &p);
            n += 1;
        }
        if (p.at.z > NEAR_M) != (q.at.z > NEAR_M) {
            let k = (NEAR_M * 1.001 - p.at.z) / (q.at.z - p.at.z);
            let cut = Seen {
                at: V3 {
                    z: NEAR_M * 1.001,
                    ..p.at.lerp(q.at, k)
                },
                uv: [0, 1].map(|j| p.uv[j] + (q.uv[j] - p.uv[j]) * k),
                light: [0, 1, 2].map(|j| p.light[j] + (q.light[j] - p.light[j]) * k),
            };
            kept[n] = corner(lens, &cut);
            n += 1;
        }
    }
    (2..n)
        .map(|i| brush.triangle(canvas, [kept[0], kept[i - 1], kept[i]]))
        .sum()
}

/// How the triangles of one part are painted.
struct Brush<'a> {
    atlas: &'a Atlas,
    texture: TextureId,
    two_sided: bool,
    /// Darkens what is there instead of covering it.
    shadow: bool,
    thing: ThingId,
}

/// A quantity that is linear on the picture: its value at pixel (0, 0) and what a step adds.
#[derive(Clone, Copy)]
struct Plane {
    at: f32,
    dx: f32,
    dy: f32,
}

impl Plane {
    /// Through three corners; `inv` is one over twice the triangle's signed area.
    fn through(c: &[Corner; 3], inv: f32, value: [f32; 3]) -> Self {
        let (x1, y1) = (c[1].x - c[0].x, c[1].y - c[0].y);
        let (x2, y2) = (c[2].x - c[0].x, c[2].y - c[0].y);
        let (v1, v2) = (value[1] - value[0], value[2] - value[0]);
        let dx = (v1 * y2 - v2 * y1) * inv;
        let dy = (v2 * x1 - v1 * x2) * inv;
        Self {
            at: value[0] - dx * c[0].x - dy * c[0].y,
            dx,
            dy,
        }
    }

    fn row(&self, y: f32) -> f32 {
        self.at + self.dy * y
    }
}

/// All that changes over a triangle.
struct Planes<'a> {
    iz: Plane,
    uz: Plane,
    vz: Plane,
    light: [Plane; 3],
    level: &'a Level,
    smooth: bool,
}

impl<'a> Planes<'a> {
    /// `inv` is one over twice the triangle's signed area on the picture.
    fn new(c: &[Corner; 3], inv: f32, atlas: &'a Atlas, texture: TextureId) -> Self {
        let through = |v: [f32; 3]| Plane::through(c, inv, v);
        let light = |i: usize| {
            through([c[0].light[i], c[1].light[i], c[2].light[i]].map(|l| l * (ONE / 255.0)))
        };
        let uv = (c[1].u - c[0].u) * (c[2].v - c[0].v) - (c[2].u - c[0].u) * (c[1].v - c[0].v);
        let share = (uv * inv).abs();
        let level = atlas.get(texture).level(share);
        Self {
            iz: through([c[0].iz, c[1].iz, c[2].iz]),
            uz: through([c[0].u * c[0].iz, c[1].u * c[1].iz, c[2].u * c[2].iz]),
            vz: through([c[0].v * c[0].iz, c[1].v * c[1].iz, c[2].v * c[2].iz]),
            light: [light(0), light(1), light(2)],
            level,
            // Texels larger than about a sample and a half would show as squares.
            smooth: share * ((level.width * level.height) as f32) < 0.4 && level.texels.len() > 1,
        }
    }
}

/// One row of a triangle: where it begins, and the planes' values there.
struct Span<'a> {
    samples: &'a mut [[u16; 4]],
    nearness: &'a mut [f32],
    iz: f32,
    uz: f32,
    vz: f32,
    light: Rgb,
}

impl Brush<'_> {
    /// Gives how many samples the triangle covers, hidden or not.
    fn triangle(&self, canvas: &mut Canvas, mut c: [Corner; 3]) -> u32 {
        let [left_most, top_most, w, h] = canvas.clip.map(|v| v as f32);
        let low = |a: f32, b: f32, c: f32| a.min(b).min(c);
        let high = |a: f32, b: f32, c: f32| a.max(b).max(c);
        let (y0, y1) = (low(c[0].y, c[1].y, c[2].y), high(c[0].y, c[1].y, c[2].y));
        let (x0, x1) = (low(c[0].x, c[1].x, c[2].x), high(c[0].x, c[1].x, c[2].x));
        if !(x1 > left_most && x0 < w && y1 > top_most && y0 < h) {
            return 0;
        }
        let area = |c: &[Corner; 3]| {
            (c[1].x - c[0].x) * (c[2].y - c[0].y) - (c[2].x - c[0].x) * (c[1].y - c[0].y)
        };
        let mut twice = area(&c);
        // Anticlockwise in the shop is clockwise on a picture whose y goes down: negative.
        if twice >= 0.0 {
            if !self.two_sided {
                return 0;
            }
            c.swap(1, 2);
            twice = -twice;
        }
        if twice > -1e-6 {
            return 0;
        }
        // A sample belongs to a triangle if its middle does; casts cut off, which is a floor here.
        let first = (y0.max(top_most) + 0.5) as usize;
        let last = (y1.min(h) + 0.5) as usize;
        let last = last.min(canvas.clip[3]);
        if first >= last {
            return 0;
        }
        // x = x_at + x_dy · y on each side; the sign of its y-extent says whether it bounds on the left.
        let sides = [(0, 1), (1, 2), (2, 0)].map(|(i, j)| {
            let (p, q) = (&c[i], &c[j]);
            let dy = q.y - p.y;
            let slope = (q.x - p.x) / dy;
            (dy, p.x - slope * p.y, slope)
        });
        let mut planes = None;
        let mut covered = 0;
        for y in first..last {
            let yc = y as f32 + 0.5;
            let (mut left, mut right) = (x0, x1);
            for (dy, at, slope) in sides {
                if dy > 0.0 {
                    left = left.max(at + slope * yc);
                } else if dy < 0.0 {
                    right = right.min(at + slope * yc);
                }
            }
            let from = (left.max(left_most) + 0.5) as usize;
            let to = ((right.clamp(0.0, w) + 0.5) as usize).min(canvas.clip[2]);
            if to <= from {
                continue;
            }
            let (a, b) = (y * canvas.width + from, y * canvas.width + to);
            covered += (b - a) as u32;
            // Most triangles of small things cover no sample at all and never come here.
            let p = planes
                .get_or_insert_with(|| Planes::new(&c, 1.0 / twice, self.atlas, self.texture));
            let xc = from as f32 + 0.5;
            let at = |plane: &Plane| plane.row(yc) + plane.dx * xc;
            let mut span = Span {
                samples: &mut canvas.samples[a..b],
                nearness: &mut canvas.nearness[a..b],
                iz: at(&p.iz),
                uz: at(&p.uz),
                vz: at(&p.vz),
                light: [at(&p.light[0]), at(&p.light[1]), at(&p.light[2])],
            };
            if self.shadow {
                shade(&mut span, p.iz.dx, p.light[0].dx);
            } else {
                let d = [
                    p.iz.dx,
                    p.uz.dx,
                    p.vz.dx,
                    p.light[0].dx,
                    p.light[1].dx,
                    p.light[2].dx,
                ];
                if p.smooth {
                    paint::<true>(&mut span, d, p.level, self.thing);
                } else {
                    paint::<false>(&mut span, d, p.level, self.thing);
                }
            }
        }
        covered
    }
}

fn paint<const SMOOTH: bool>(span: &mut Span<'_>, d: [f32; 6], level: &Level, thing: ThingId) {
    let n = span.samples.len().min(span.nearness.len());
    let (wf, hf) = (level.width as f32, level.height as f32);
    let (wm, hm) = (level.width as i32 - 1, level.height as i32 - 1);
    let flat = level.texels.len() == 1;
    let white = level.texels[0];
    for i in 0..n {
        let k = i as f32;
        let iz = span.iz + d[0] * k;
        if iz <= span.nearness[i] {
            continue;
        }
        span.nearness[i] = iz;
        let light = [0, 1, 2].map(|c| span.light[c] + d[3 + c] * k);
        let texel = if flat {
            white.map(f32::from)
        } else {
            let z = 1.0 / iz;
            // Adding a whole number of repetitions makes truncation a floor.
            let mut u = (span.uz + d[1] * k) * z * wf + 4096.0 * wf;
            let mut v = (span.vz + d[2] * k) * z * hf + 4096.0 * hf;
            if SMOOTH {
                (u, v) = (u - 0.5, v - 0.5);
            }
            let (x, y) = (u as i32, v as i32);
            let at =
                |x: i32, y: i32| level.texels[(y & hm) as usize * level.width + (x & wm) as usize];
            if SMOOTH {
                let (fx, fy) = (u - x as f32, v - y as f32);
                let corners = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)];
                let weights = [
                    (1.0 - fx) * (1.0 - fy),
                    fx * (1.0 - fy),
                    (1.0 - fx) * fy,
                    fx * fy,
                ];
                [0, 1, 2, 3].map(|c| (0..4).map(|i| f32::from(corners[i][c]) * weights[i]).sum())
            } else {
                at(x, y).map(f32::from)
            }
        };
        let mix = |c: usize| (texel[c] * light[c]).clamp(0.0, 65535.0) as u16;
        span.samples[i] = [mix(0), mix(1), mix(2), thing];
    }
}

/// A shadow lies a little above what it darkens, and does not hide it.
fn shade(span: &mut Span<'_>, iz_dx: f32, light_dx: f32) {
    for i in 0..span.samples.len().min(span.nearness.len()) {
        let k = i as f32;
        if span.iz + iz_dx * k > span.nearness[i] {
            let keep = (span.light[0] + light_dx * k) * (255.0 / ONE);
            let s = &mut span.samples[i];
            for c in s.iter_mut().take(3) {
                *c = (f32::from(*c) * keep.clamp(0.0, 1.0)) as u16;
            }
        }
    }
}
