//! Draws on a picture what was found, what was expected, and the shop as the camera should see it.

use super::picture::Rgb;
use walkout_model::{Layout, Pixel, Point2, Point3, View};

/// Colours: red, green, blue.
pub const FOUND: [u8; 3] = [60, 230, 60];
/// Where the camera has it.
pub const EXPECTED: [u8; 3] = [255, 60, 60];
/// Left out as wrong.
pub const WRONG: [u8; 3] = [255, 0, 255];
const GRID: [u8; 3] = [70, 150, 255];
const FIXTURE: [u8; 3] = [255, 200, 40];
const GATE: [u8; 3] = [40, 220, 220];

/// Pieces of a straight line, which a lens bends.
const PIECE_M: f64 = 0.1;
/// Lines of the floor are drawn so far from the camera, metres.
const FAR_M: f64 = 12.0;

/// What was found and what was expected, and a line between them drawn longer by this factor.
pub fn residual(picture: &mut Rgb, found: [f64; 2], expected: [f64; 2], wrong: bool, factor: f64) {
    let colour = if wrong { WRONG } else { FOUND };
    circle(picture, found, if wrong { 9.0 } else { 5.0 }, colour);
    cross(picture, expected, 4.0, EXPECTED);
    let to = [0, 1].map(|k| found[k] + factor * (expected[k] - found[k]));
    line(picture, found, to, EXPECTED);
}

/// The floor's grid of whole metres, its border, fixtures and gates.
pub fn shop(picture: &mut Rgb, view: &View, layout: &Layout) {
    let (lo, hi) = layout.floor.bounds();
    let inside = |p: Point2| layout.floor.contains(p);
    for along_x in [true, false] {
        let (a, b, c, d) = if along_x {
            (lo.x, hi.x, lo.y, hi.y)
        } else {
            (lo.y, hi.y, lo.x, hi.x)
        };
        let mut at = a.ceil();
        while at <= b {
            let steps = ((d - c) / PIECE_M).ceil().clamp(1.0, 2_000.0) as usize;
            for i in 0..steps {
                let between = |i: usize| {
                    let s = c + (d - c) * i as f64 / steps as f64;
                    if along_x {
                        Point2::new(at, s)
                    } else {
                        Point2::new(s, at)
                    }
                };
                let (p, q) = (between(i), between(i + 1));
                if inside(p) && inside(q) {
                    edge(picture, view, p.at_height(0.0), q.at_height(0.0), GRID);
                }
            }
            at += 1.0;
        }
    }
    for (a, b) in layout.floor.edges() {
        edge(picture, view, a.at_height(0.0), b.at_height(0.0), GRID);
    }
    for gate in &layout.gates {
        edge(
            picture,
            view,
            gate.a.at_height(0.0),
            gate.b.at_height(0.0),
            GATE,
        );
    }
    for fixture in &layout.fixtures {
        let foot = fixture.footprint();
        for (a, b) in foot.edges() {
            edge(picture, view, a.at_height(0.0), b.at_height(0.0), FIXTURE);
            let top = fixture.height_m;
            edge(picture, view, a.at_height(top), b.at_height(top), FIXTURE);
            edge(picture, view, a.at_height(0.0), a.at_height(top), FIXTURE);
        }
        if let Some(p) = view.project(fixture.pose.position.at_height(0.0)) {
            label(picture, [p.u + 4.0, p.v - 10.0], &fixture.name, FIXTURE);
        }
    }
}

/// A straight line of the shop.
fn edge(picture: &mut Rgb, view: &View, a: Point3, b: Point3, colour: [u8; 3]) {
    let steps = (a.distance(b) / PIECE_M).ceil().clamp(1.0, 2_000.0) as usize;
    let at = |i: usize| {
        let s = i as f64 / steps as f64;
        Point3::new(
            a.x + s * (b.x - a.x),
            a.y + s * (b.y - a.y),
            a.z + s * (b.z - a.z),
        )
    };
    let seen = |p: Point3| {
        let near = view.camera().position.distance(p) < FAR_M;
        view.project(p)
            .filter(|q| near && about(picture.size_px, *q))
    };
    let spots: Vec<Option<Pixel>> = (0..=steps).map(|i| seen(at(i))).collect();
    for pair in spots.windows(2) {
        if let [Some(p), Some(q)] = pair {
            line(picture, [p.u, p.v], [q.u, q.v], colour);
        }
    }
}

/// In the picture or not far from it.
fn about(size: [u32; 2], p: Pixel) -> bool {
    let [w, h] = size.map(f64::from);
    (-w..2.0 * w).contains(&p.u) && (-h..2.0 * h).contains(&p.v)
}

fn dot(picture: &mut Rgb, x: f64, y: f64, colour: [u8; 3]) {
    let [w, h] = picture.size_px;
    if x < 0.0 || y < 0.0 || x >= f64::from(w) || y >= f64::from(h) {
        return;
    }
    let i = 3 * (y as usize * w as usize + x as usize);
    if let Some(pixel) = picture.rgb.get_mut(i..i + 3) {
        pixel.copy_from_slice(&colour);
    }
}

pub fn line(picture: &mut Rgb, a: [f64; 2], b: [f64; 2], colour: [u8; 3]) {
    let length = (a[0] - b[0]).hypot(a[1] - b[1]);
    if !length.is_finite() || length > 20_000.0 {
        return;
    }
    let steps = (length * 1.5).ceil().max(1.0) as usize;
    for i in 0..=steps {
        let s = i as f64 / steps as f64;
        dot(
            picture,
            a[0] + s * (b[0] - a[0]),
            a[1] + s * (b[1] - a[1]),
            colour,
        );
    }
}

fn circle(picture: &mut Rgb, at: [f64; 2], radius: f64, colour: [u8; 3]) {
    let steps = (radius * 8.0) as usize;
    for i in 0..steps {
        let (s, c) = (std::f64::consts::TAU * i as f64 / steps as f64).sin_cos();
        dot(picture, at[0] + radius * c, at[1] + radius * s, colour);
    }
}

fn cross(picture: &mut Rgb, at: [f64; 2], size: f64, colour: [u8; 3]) {
    line(
        picture,
        [at[0] - size, at[1]],
        [at[0] + size, at[1]],
        colour,
    );
    line(
        picture,
        [at[0], at[1] - size],
        [at[0], at[1] + size],
        colour,
    );
}

/// Capital letters and digits, three columns of five bits each.
const FONT: [(char, [u8; 3]); 37] = [
    ('0', [0x1f, 0x11, 0x1f]),
    ('1', [0x12, 0x1f, 0x10]),
    ('2', [0x1d, 0x15, 0x17]),
    ('3', [0x15, 0x15, 0x1f]),
    ('4', [0x07, 0x04, 0x1f]),
    ('5', [0x17, 0x15, 0x1d]),
    ('6', [0x1f, 0x15, 0x1d]),
    ('7', [0x01, 0x01, 0x1f]),
    ('8', [0x1f, 0x15, 0x1f]),
    ('9', [0x17, 0x15, 0x1f]),
    ('A', [0x1e, 0x05, 0x1e]),
    ('B', [0x1f, 0x15, 0x0a]),
    ('C', [0x0e, 0x11, 0x11]),
    ('D', [0x1f, 0x11, 0x0e]),
    ('E', [0x1f, 0x15, 0x11]),
    ('F', [0x1f, 0x05, 0x01]),
    ('G', [0x0e, 0x11, 0x1d]),
    ('H', [0x1f, 0x04, 0x1f]),
    ('I', [0x11, 0x1f, 0x11]),
    ('J', [0x08, 0x10, 0x0f]),
    ('K', [0x1f, 0x04, 0x1b]),
    ('L', [0x1f, 0x10, 0x10]),
    ('M', [0x1f, 0x06, 0x1f]),
    ('N', [0x1f, 0x0e, 0x1f]),
    ('O', [0x0e, 0x11, 0x0e]),
    ('P', [0x1f, 0x05, 0x02]),
    ('Q', [0x0e, 0x19, 0x1e]),
    ('R', [0x1f, 0x05, 0x1a]),
    ('S', [0x12, 0x15, 0x09]),
    ('T', [0x01, 0x1f, 0x01]),
    ('U', [0x0f, 0x10, 0x0f]),
    ('V', [0x07, 0x18, 0x07]),
    ('W', [0x1f, 0x0c, 0x1f]),
    ('X', [0x1b, 0x04, 0x1b]),
    ('Y', [0x03, 0x1c, 0x03]),
    ('Z', [0x19, 0x15, 0x13]),
    ('-', [0x04, 0x04, 0x04]),
];

/// A short name, twice the size of its dots.
pub fn label(picture: &mut Rgb, at: [f64; 2], text: &str, colour: [u8; 3]) {
    for (k, c) in text.chars().take(24).enumerate() {
        let wanted = c.to_ascii_uppercase();
        let Some((_, columns)) = FONT.iter().find(|(f, _)| *f == wanted) else {
            continue;
        };
        for (x, bits) in columns.iter().enumerate() {
            for y in 0..5 {
                if bits >> y & 1 == 0 {
                    continue;
                }
                for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                    let px = at[0] + 8.0 * k as f64 + 2.0 * x as f64 + dx;
                    dot(picture, px, at[1] + 2.0 * f64::from(y) + dy, colour);
                }
            }
        }
    }
}
