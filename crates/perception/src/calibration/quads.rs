//! Dark four-sided patches in a picture, their corners to a fraction of a pixel.

use super::grey::GreyPicture;

/// Upper left, upper right, lower right, lower left of some turn: clockwise as the picture shows it.
pub(super) type Quad = [[f64; 2]; 4];

/// Sides of the pieces over which bright and dark are told apart, pixels.
const TILES: [usize; 3] = [6, 16, 40];
/// Bright and dark must differ by so much of 255.
const CONTRAST_MIN: f32 = 14.0;
/// Sides shorter than this are no tag that could be read.
const SIDE_MIN_PX: f64 = 9.0;
/// Quads looked at in one picture, largest first.
const QUADS_MAX: usize = 4_000;

pub(super) fn quads(picture: &GreyPicture) -> Vec<Quad> {
    let mut out: Vec<Quad> = Vec::new();
    for tile in TILES {
        let dark = picture.darker(tile, CONTRAST_MIN);
        for border in borders(&dark, picture.width(), picture.height()) {
            let Some(quad) = quad_of(&border) else {
                continue;
            };
            let again = |q: &Quad| (0..4).all(|i| distance(q[i], quad[i]) < 1.5);
            if !out.iter().any(again) {
                out.push(quad);
            }
        }
    }
    out.sort_by(|a, b| area(b).total_cmp(&area(a)));
    out.truncate(QUADS_MAX);
    out
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

pub(super) fn area(quad: &[[f64; 2]]) -> f64 {
    let n = quad.len();
    let sum: f64 = (0..n)
        .map(|i| {
            let (a, b) = (quad[i], quad[(i + 1) % n]);
            a[0] * b[1] - a[1] * b[0]
        })
        .sum();
    0.5 * sum.abs()
}

/// For each patch of dark pixels that hang together its leftmost and rightmost pixel corners row by row.
fn borders(dark: &[Option<bool>], w: usize, h: usize) -> Vec<Vec<[f64; 2]>> {
    const NONE: u32 = u32::MAX;
    let is_dark = |i: usize| dark[i] == Some(true);
    let mut label = vec![NONE; w * h];
    let mut parent: Vec<u32> = Vec::new();
    fn root(parent: &mut [u32], mut i: u32) -> u32 {
        while parent[i as usize] != i {
            parent[i as usize] = parent[parent[i as usize] as usize];
            i = parent[i as usize];
        }
        i
    }
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            if !is_dark(i) {
                continue;
            }
            let mut mine = NONE;
            // Corners touch, too: seen small, a tag's cells do.
            let before = [
                (x > 0).then(|| i - 1),
                (y > 0).then(|| i - w),
                (y > 0 && x > 0).then(|| i - w - 1),
                (y > 0 && x + 1 < w).then(|| i - w + 1),
            ];
            for o in before.into_iter().flatten().filter(|o| is_dark(*o)) {
                let other = root(&mut parent, label[o]);
                if mine == NONE {
                    mine = other;
                } else if other != mine {
                    let (a, b) = (other.min(mine), other.max(mine));
                    parent[b as usize] = a;
                    mine = a;
                }
            }
            if mine == NONE {
                mine = parent.len() as u32;
                parent.push(mine);
            }
            label[i] = mine;
        }
    }
    let roots: Vec<u32> = (0..parent.len() as u32)
        .map(|i| root(&mut parent, i))
        .collect();
    // Bounds first: most patches are specks.
    let mut bounds = vec![[u32::MAX, u32::MAX, 0, 0]; roots.len()];
    for (i, l) in label.iter().enumerate().filter(|(_, l)| **l != NONE) {
        let (x, y) = ((i % w) as u32, (i / w) as u32);
        let b = &mut bounds[roots[*l as usize] as usize];
        *b = [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)];
    }
    let sized = |b: &[u32; 4]| {
        b[0] != u32::MAX && {
            let (bw, bh) = (f64::from(b[2] - b[0] + 1), f64::from(b[3] - b[1] + 1));
            bw.max(bh) >= SIDE_MIN_PX && bw.min(bh) >= 5.0 && bw < 0.95 * w as f64
        }
    };
    let mut out = Vec::new();
    for (number, b) in bounds.iter().enumerate() {
        if !sized(b) {
            continue;
        }
        let mut points = Vec::new();
        for y in b[1]..=b[3] {
            let row = y as usize * w;
            let mine = |x: &u32| {
                let l = label[row + *x as usize];
                l != NONE && roots[l as usize] as usize == number
            };
            let first = (b[0]..=b[2]).find(mine);
            let last = (b[0]..=b[2]).rev().find(mine);
            if let (Some(first), Some(last)) = (first, last) {
                let (left, right) = (f64::from(first), f64::from(last) + 1.0);
                for v in [f64::from(y), f64::from(y) + 1.0] {
                    points.push([left, v]);
                    points.push([right, v]);
                }
            }
        }
        out.push(points);
    }
    out
}

/// The four corners of what a patch fills, if it fills a four-sided shape.
fn quad_of(points: &[[f64; 2]]) -> Option<Quad> {
    let hull = hull(points);
    if hull.len() < 4 {
        return None;
    }
    let whole = area(&hull);
    if whole < SIDE_MIN_PX * SIDE_MIN_PX * 0.5 {
        return None;
    }
    // The corner that matters least goes, until four are left.
    let mut ring = hull.clone();
    while ring.len() > 4 {
        let n = ring.len();
        let loss = |i: usize| area(&[ring[(i + n - 1) % n], ring[i], ring[(i + 1) % n]]);
        let least = (0..n).min_by(|a, b| loss(*a).total_cmp(&loss(*b)))?;
        ring.remove(least);
    }
    let mut quad: Quad = [ring[0], ring[1], ring[2], ring[3]];
    // Blurred tips have several corners: the outermost are sought again.
    for i in (0..4).chain(0..4) {
        let wide = |p: &[f64; 2]| {
            let mut q = quad;
            q[i] = *p;
            area(&q)
        };
        let best = hull.iter().max_by(|a, b| wide(a).total_cmp(&wide(b)))?;
        if wide(best) > area(&quad) {
            quad[i] = *best;
        }
    }
    let sides: [f64; 4] = std::array::from_fn(|i| distance(quad[i], quad[(i + 1) % 4]));
    let shortest = sides.iter().copied().fold(f64::INFINITY, f64::min);
    let longest = sides.iter().copied().fold(0.0, f64::max);
    // What the corners leave off must be stairs of pixels and the bend of a lens, not a fifth corner.
    let left_off = whole - area(&quad);
    let perimeter: f64 = sides.iter().sum();
    let sound = shortest >= SIDE_MIN_PX.max(0.15 * longest)
        && left_off < 0.08 * whole + 0.5 * perimeter
        && left_off < 0.25 * whole;
    sound.then_some(quad)
}

/// The convex hull, clockwise as the picture shows it (Andrew's monotone chain).
fn hull(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut p = points.to_vec();
    p.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    p.dedup();
    if p.len() < 3 {
        return p;
    }
    let turn = |o: [f64; 2], a: [f64; 2], b: [f64; 2]| {
        (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
    };
    let half = |it: &mut dyn Iterator<Item = [f64; 2]>| {
        let mut out: Vec<[f64; 2]> = Vec::new();
        for q in it {
            while out.len() >= 2 && turn(out[out.len() - 2], out[out.len() - 1], q) <= 0.0 {
                out.pop();
            }
            out.push(q);
        }
        out.pop();
        out
    };
    let mut out = half(&mut p.iter().copied());
    out.extend(half(&mut p.iter().rev().copied()));
    out
}

/// Moves a dark quad's sides to where brightness rises most, and its corners to where they meet. `reach`: how far to
/// look on either side of a side, pixels.
pub(super) fn sharpen(picture: &GreyPicture, quad: &Quad, reach: f64) -> Option<Quad> {
    let middle: [f64; 2] = [0, 1].map(|i| quad.iter().map(|p| p[i]).sum::<f64>() / 4.0);
    let mut lines = [[0.0; 3]; 4];
    for (i, line) in lines.iter_mut().enumerate() {
        *line = side(picture, quad[i], quad[(i + 1) % 4], middle, reach)?;
    }
    let mut out = *quad;
    for i in 0..4 {
        out[i] = crossing(lines[(i + 3) % 4], lines[i])?;
    }
    let near = (0..4).all(|i| distance(out[i], quad[i]) < 2.0 * reach + 1.0);
    near.then_some(out)
}

/// The line a·u + b·v = c along an edge.
fn side(
    picture: &GreyPicture,
    from: [f64; 2],
    to: [f64; 2],
    middle: [f64; 2],
    reach: f64,
) -> Option<[f64; 3]> {
    let length = distance(from, to);
    if length.is_nan() || length < 4.0 {
        return None;
    }
    let along = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
    let mut out = [along[1], -along[0]];
    if (from[0] - middle[0]) * out[0] + (from[1] - middle[1]) * out[1] < 0.0 {
        out = out.map(|x| -x);
    }
    let count = (length.ceil() as usize).clamp(8, 120);
    let step = 0.25;
    let steps = (reach / step).ceil() as i32;
    // Light adds up in the lens, not in the code: roughly the square of what the camera encodes.
    let light = |p: [f64; 2], d: f64| {
        let v = picture.between(p[0] + d * out[0], p[1] + d * out[1]);
        v * v
    };
    let mut found = Vec::with_capacity(count);
    for i in 0..count {
        // Near the corners the other side's blur is in the way.
        let share = 0.08 + 0.84 * (i as f64 + 0.5) / count as f64;
        let p = [0, 1].map(|k| from[k] + share * (to[k] - from[k]));
        let (mut sum, mut moment) = (0.0, 0.0);
        for k in -steps..=steps {
            let d = f64::from(k) * step;
            let rise = light(p, d + 0.5) - light(p, d - 0.5);
            // Outside it is bright; what falls is another edge.
            if rise > 0.0 {
                let rise = rise * rise;
                sum += rise;
                moment += rise * d;
            }
        }
        if sum > 0.0 {
            let d = moment / sum;
            found.push([p[0] + d * out[0], p[1] + d * out[1]]);
        }
    }
    line_through(&found, count)
}

/// The line through most of the points.
fn line_through(points: &[[f64; 2]], count: usize) -> Option<[f64; 3]> {
    if points.len() < 4.max(count / 2) {
        return None;
    }
    let mut weights = vec![1.0; points.len()];
    let mut line = [0.0; 3];
    for _ in 0..4 {
        let total: f64 = weights.iter().sum();
        let mean: [f64; 2] = [0, 1].map(|k| {
            points
                .iter()
                .zip(&weights)
                .map(|(p, w)| w * p[k])
                .sum::<f64>()
                / total
        });
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (p, w) in points.iter().zip(&weights) {
            let (dx, dy) = (p[0] - mean[0], p[1] - mean[1]);
            xx += w * dx * dx;
            xy += w * dx * dy;
            yy += w * dy * dy;
        }
        let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
        let normal = [-angle.sin(), angle.cos()];
        line = [
            normal[0],
            normal[1],
            normal[0] * mean[0] + normal[1] * mean[1],
        ];
        // A corner of the tag beside it, a shadow, a hole: far points count less and less.
        for (p, w) in points.iter().zip(&mut weights) {
            let d = line[0] * p[0] + line[1] * p[1] - line[2];
            *w = 1.0 / (1.0 + (d / 0.3).powi(2));
        }
    }
    Some(line)
}

fn crossing(a: [f64; 3], b: [f64; 3]) -> Option<[f64; 2]> {
    let det = a[0] * b[1] - a[1] * b[0];
    (det.abs() > 0.05).then(|| {
        [
            (a[2] * b[1] - a[1] * b[2]) / det,
            (a[0] * b[2] - a[2] * b[0]) / det,
        ]
    })
}
