//! AprilTags of the family tag36h11: found, read, and their corners to a fraction of a pixel.
//!
//! A tag is a black square of 8 × 8 cells with a white rim; the inner 6 × 6 cells are its code. Dark four-sided patches
//! (`quads`) are read through the homography of their corners; each cell is held against planes fitted to the black frame and to
//! the white rim, so that a shadow across a tag does not matter (Olson 2011).

use super::grey::GreyPicture;
use super::linear::{Cholesky, Matrix3, homography, through};
use super::quads::{Quad, area, quads, sharpen};
use super::tag36h11::CODES;

/// Cells along the side of the black square.
pub const TAG_CELLS: usize = 8;
/// Tags of the family: 0 to 586.
pub const TAGS: usize = CODES.len();
/// Wrong cells that are put right: a random pattern is then taken for a tag once in 40,000 times.
const WRONG_MAX: u32 = 2;
/// Cells of the frame that may be unreadable.
const FRAME_WRONG_MAX: usize = 3;
/// Cells of the white rim that may be dark.
const RIM_WRONG_MAX: usize = 9;
/// White and black must differ by so much of 255.
const CONTRAST_MIN: f64 = 12.0;

/// A tag in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundTag {
    /// Its number.
    pub id: u16,
    /// Corners of its black square: upper left, upper right, lower right, lower left as printed. Pixels.
    pub corners: [[f64; 2]; 4],
    /// Cells that were read wrong and put right.
    pub wrong: u32,
}

/// Finds all tags. One number may come twice, if two such tags are in sight.
pub fn find_tags(picture: &GreyPicture) -> Vec<FoundTag> {
    let smooth = picture.smoothed(0.6);
    let mut out: Vec<FoundTag> = Vec::new();
    for quad in quads(picture) {
        let cell = area(&quad).sqrt() / TAG_CELLS as f64;
        let reach = (0.5 * cell).clamp(1.5, 8.0);
        let fine =
            sharpen(&smooth, &quad, reach).and_then(|q| sharpen(&smooth, &q, reach.min(3.0)));
        let Some(tag) = fine.and_then(|q| read(picture, &q)) else {
            continue;
        };
        let middle =
            |t: &FoundTag| [0, 1].map(|k| t.corners.iter().map(|c| c[k]).sum::<f64>() / 4.0);
        let same = out.iter_mut().find(|o| {
            let ([a, b], [c, d]) = (middle(o), middle(&tag));
            o.id == tag.id && (a - c).hypot(b - d) < 4.0 * cell
        });
        match same {
            Some(o) if tag.wrong < o.wrong => *o = tag,
            Some(_) => {}
            None => out.push(tag),
        }
    }
    out.sort_by_key(|t| (t.id, t.corners[0][0] as i64, t.corners[0][1] as i64));
    out
}

/// Whether a cell of an upright tag is white; column and row from 0 within the black square.
pub fn tag_is_white(id: u16, column: usize, row: usize) -> bool {
    let inner = 1..TAG_CELLS - 1;
    if !inner.contains(&column) || !inner.contains(&row) {
        return false;
    }
    let bit = 35 - (6 * (row - 1) + column - 1);
    CODES
        .get(usize::from(id))
        .is_some_and(|c| c >> bit & 1 == 1)
}

fn read(picture: &GreyPicture, quad: &Quad) -> Option<FoundTag> {
    let n = TAG_CELLS as f64;
    let h = homography(&[[0.0, 0.0], [n, 0.0], [n, n], [0.0, n]], quad)?;
    let cells = TAG_CELLS as i32;
    let (mut black, mut white) = (Vec::new(), Vec::new());
    for row in -1..=cells {
        for column in -1..=cells {
            let rim = [row, column].iter().any(|c| *c == -1 || *c == cells);
            let frame = !rim && [row, column].iter().any(|c| *c == 0 || *c == cells - 1);
            let list = match (rim, frame) {
                (true, _) => &mut white,
                (_, true) => &mut black,
                _ => continue,
            };
            list.push((
                [f64::from(column), f64::from(row)],
                sample(picture, &h, column, row),
            ));
        }
    }
    let (dark, bright) = (plane(&black)?, plane(&white)?);
    let at = |p: &[f64; 3], [x, y]: [f64; 2]| p[0] + p[1] * x + p[2] * y;
    let level = |c: [f64; 2]| 0.5 * (at(&dark, c) + at(&bright, c));
    let middle = [3.5; 2];
    if at(&bright, middle) - at(&dark, middle) < CONTRAST_MIN {
        return None;
    }
    let frame_wrong = black.iter().filter(|(c, v)| *v > level(*c)).count();
    let rim_wrong = white.iter().filter(|(c, v)| *v < level(*c)).count();
    if frame_wrong > FRAME_WRONG_MAX || rim_wrong > RIM_WRONG_MAX {
        return None;
    }
    let mut code = 0_u64;
    for row in 1..=6 {
        for column in 1..=6 {
            let v = sample(picture, &h, column, row);
            let white = v > level([f64::from(column), f64::from(row)]);
            code = code << 1 | u64::from(white);
        }
    }
    let mut turned = code;
    for turn in 0..4 {
        let nearest = (0_u16..)
            .zip(CODES)
            .map(|(id, c)| ((c ^ turned).count_ones(), id))
            .min()?;
        if nearest.0 <= WRONG_MAX {
            // After `turn` quarter turns clockwise the code stands upright: so stands the quad.
            let corners = std::array::from_fn(|i| quad[(i + 4 - turn) % 4]);
            return Some(FoundTag {
                id: nearest.1,
                corners,
                wrong: nearest.0,
            });
        }
        turned = quarter_turn(turned);
    }
    None
}

/// A code turned clockwise by a quarter.
fn quarter_turn(code: u64) -> u64 {
    let mut out = 0;
    for row in 0..6 {
        for column in 0..6 {
            let from = 35 - (6 * (5 - column) + row);
            out = out << 1 | (code >> from & 1);
        }
    }
    out
}

/// Mean brightness of a cell's middle.
fn sample(picture: &GreyPicture, h: &Matrix3, column: i32, row: i32) -> f64 {
    let mut sum = 0.0;
    for dy in [-0.2, 0.0, 0.2] {
        for dx in [-0.2, 0.0, 0.2] {
            let p = [f64::from(column) + 0.5 + dx, f64::from(row) + 0.5 + dy];
            let [u, v] = through(h, p);
            sum += picture.between(u, v);
        }
    }
    sum / 9.0
}

/// The plane of least squares through values over places.
fn plane(values: &[([f64; 2], f64)]) -> Option<[f64; 3]> {
    let mut m = [0.0; 9];
    let mut b = [0.0; 3];
    for ([x, y], v) in values {
        let row = [1.0, *x, *y];
        for i in 0..3 {
            for j in 0..3 {
                m[i * 3 + j] += row[i] * row[j];
            }
            b[i] += row[i] * v;
        }
    }
    let x = Cholesky::new(3, &m)?.solve(&b);
    Some([x[0], x[1], x[2]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_as_far_apart_as_the_family_promises() {
        let mut least = 36;
        for (i, a) in CODES.iter().enumerate() {
            let mut turned = *a;
            for turn in 0..4 {
                for (j, b) in CODES.iter().enumerate() {
                    if turn > 0 || i != j {
                        least = least.min((turned ^ b).count_ones());
                    }
                }
                turned = quarter_turn(turned);
            }
            assert_eq!(turned, *a);
        }
        assert_eq!(least, 11);
        assert!(CODES.iter().all(|c| *c < 1 << 36));
        // The first tag as the family's own pictures have it: 110101 011101 …
        let first: Vec<bool> = (1..7).map(|c| tag_is_white(0, c, 1)).collect();
        assert_eq!(first, [true, true, false, true, false, true]);
    }
}
