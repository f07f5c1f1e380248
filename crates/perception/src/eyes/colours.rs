//! Colours of pictures, red, green, blue in 0–255.

use crate::nets::RgbPicture;

/// Mean colours of a grid of cells, row by row.
pub(super) fn cells(
    picture: &RgbPicture<'_>,
    [columns, rows]: [usize; 2],
    out: &mut Vec<[f32; 3]>,
) {
    out.clear();
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let range = |i: usize, n: usize, of: usize| {
        let from = (i * of / n.max(1)).min(of - 1);
        from..((i + 1) * of / n.max(1)).clamp(from + 1, of)
    };
    for row in 0..rows {
        for column in 0..columns {
            let (mut sum, mut n) = ([0_u32; 3], 0_u32);
            for y in range(row, rows, h) {
                let across = range(column, columns, w);
                let pixels = &picture.bytes()[(y * w + across.start) * 3..(y * w + across.end) * 3];
                for p in pixels.chunks_exact(3) {
                    for (s, v) in sum.iter_mut().zip(p) {
                        *s += u32::from(*v);
                    }
                    n += 1;
                }
            }
            out.push(sum.map(|s| s as f32 / n.max(1) as f32));
        }
    }
}

/// The colour of the pixel that holds a point, or of the nearest.
pub(super) fn at(picture: &RgbPicture<'_>, x: f64, y: f64) -> [f32; 3] {
    let within = |v: f64, n: u32| (v.max(0.0) as usize).min(n as usize - 1);
    let (x, y) = (within(x, picture.width()), within(y, picture.height()));
    let i = (y * picture.width() as usize + x) * 3;
    [0, 1, 2].map(|k| f32::from(picture.bytes()[i + k]))
}

/// The colour between four pixels.
pub(super) fn between(picture: &RgbPicture<'_>, x: f64, y: f64) -> [f32; 3] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (i, j) = (x.floor(), y.floor());
    let (a, b) = ((x - i) as f32, (y - j) as f32);
    let [p, q, r, s] = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
        .map(|(di, dj)| at(picture, i + di, j + dj));
    [0, 1, 2].map(|k| {
        let top = p[k] + a * (q[k] - p[k]);
        let low = r[k] + a * (s[k] - r[k]);
        top + b * (low - top)
    })
}
