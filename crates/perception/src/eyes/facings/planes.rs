//! What the network is shown of a facing: squares of the picture straightened out, beside what they were when the shelf was stocked
//! and when it was bare.

use super::geometry::{Column, Front, NODES, PROBES, between_nodes};
use crate::eyes::colours::{between, cells};
use crate::nets::RgbPicture;
use crate::nets::facing::{CUT, SIDE};

/// Samples a side for a pixel of a cut.
const FINE: usize = 2;
/// Cells across and down by which light is compared.
const LIGHT: [usize; 2] = [48, 36];
/// Numbers of a plane, and of one square's three.
const PLANE: usize = SIDE * SIDE;
const SQUARE: usize = 3 * PLANE;

/// What a camera sees of a facing when it is stocked and bare: planes of bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    stocked: Vec<u8>,
    bare: [Vec<u8>; 2],
}

impl Reference {
    /// From pictures of the stocked and of the bare shelf, the latter brought to the light of the former.
    pub fn of(
        column: &Column,
        (stocked, stocked_per_px): (&RgbPicture<'_>, f64),
        (bare, bare_per_px): (&RgbPicture<'_>, f64),
        gain: [f32; 3],
    ) -> Self {
        let [first, _, last] = fronts(column);
        let bare_of = |f: Option<&Front>| square(bare, f, bare_per_px, gain);
        Self {
            stocked: square(stocked, first, stocked_per_px, [1.0; 3]),
            bare: [bare_of(first), bare_of(last)],
        }
    }
}

/// The planes of a facing as it is now: see [`super::FacingCut`].
pub(super) fn planes(
    column: &Column,
    reference: &Reference,
    (picture, per_px): (&RgbPicture<'_>, f64),
    gain: [f32; 3],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(CUT);
    let all = fronts(column);
    for front in all {
        out.extend(square(picture, front, per_px, gain));
    }
    out.extend(&reference.stocked);
    reference.bare.iter().for_each(|b| out.extend(b));
    out.extend(open(all[0]));
    out.extend(open(all[2]));
    out
}

/// The foremost front, one in the middle and the deepest.
fn fronts(column: &Column) -> [Option<&Front>; 3] {
    let last = column.fronts.len().saturating_sub(1);
    [0, last.div_ceil(2), last].map(|k| column.fronts.get(k))
}

/// A front, straightened out: planes of red, green and blue.
fn square(picture: &RgbPicture<'_>, front: Option<&Front>, per_px: f64, gain: [f32; 3]) -> Vec<u8> {
    let mut planes = vec![0; SQUARE];
    let Some(front) = front else {
        return planes;
    };
    let each = 1.0 / (FINE * FINE) as f32;
    for y in 0..SIDE {
        for x in 0..SIDE {
            let mut sum = [0.0_f32; 3];
            for k in 0..FINE * FINE {
                let part =
                    |i: usize, k: usize| (i as f64 + (k as f64 + 0.5) / FINE as f64) / SIDE as f64;
                let p = between_nodes(&front.square, NODES, part(x, k % FINE), part(y, k / FINE));
                let colour = between(picture, p.u / per_px, p.v / per_px);
                (0..3).for_each(|c| sum[c] += colour[c] * each);
            }
            for c in 0..3 {
                if let Some(v) = planes.get_mut(c * PLANE + y * SIDE + x) {
                    *v = (sum[c] * gain[c]).round() as u8;
                }
            }
        }
    }
    planes
}

/// Where nothing hides a front: 255 there, and 0 where something does and beside the package.
fn open(front: Option<&Front>) -> Vec<u8> {
    let mut plane = vec![0; PLANE];
    let Some(front) = front else {
        return plane;
    };
    let [left, top, right, bottom] = front.package;
    for (k, v) in plane.iter_mut().enumerate() {
        let part = |i: usize| (i as f64 + 0.5) / SIDE as f64;
        let across = (part(k % SIDE) - left) / (right - left).max(1e-6);
        let up = (bottom - part(k / SIDE)) / (bottom - top).max(1e-6);
        if !(0.0..1.0).contains(&across) || !(0.0..1.0).contains(&up) {
            continue;
        }
        let probe = |p: f64| ((p * PROBES as f64) as usize).min(PROBES - 1);
        let seen = front.open.get(probe(up) * PROBES + probe(across));
        *v = if seen == Some(&true) { 255 } else { 0 };
    }
    plane
}

/// A front as a picture of so many pixels a side: bytes.
pub(super) fn portrait(
    picture: &RgbPicture<'_>,
    front: &Front,
    per_px: f64,
    side: usize,
) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(side * side * 3);
    for y in 0..side {
        for x in 0..side {
            let part = |i: usize| (i as f64 + 0.5) / side as f64;
            let p = between_nodes(&front.square, NODES, part(x), part(y));
            rgb.extend(between(picture, p.u / per_px, p.v / per_px).map(|c| c as u8));
        }
    }
    rgb
}

/// A picture's colours on a grid, by which two of the same scene are brought to one light.
pub(super) fn light(picture: &RgbPicture<'_>) -> Vec<[f32; 3]> {
    let mut out = Vec::new();
    cells(picture, LIGHT, &mut out);
    out
}

/// Which cells of that grid show none of these boxes (left, top, right, bottom, parts of the picture).
pub(super) fn about(boxes: &[[f64; 4]]) -> Vec<bool> {
    let [columns, rows] = LIGHT;
    let free = |k: usize| {
        let x = ((k % columns) as f64 + 0.5) / columns as f64;
        let y = ((k / columns) as f64 + 0.5) / rows as f64;
        let within = |b: &[f64; 4]| b[0] < x && x < b[2] && b[1] < y && y < b[3];
        !boxes.iter().any(within)
    };
    (0..columns * rows).map(free).collect()
}

/// What brings a picture's colours to those of another of the same scene: of each channel the median ratio over what is about the
/// goods.
pub(super) fn gain(a: &[[f32; 3]], b: &[[f32; 3]], about: &[bool]) -> [f32; 3] {
    [0, 1, 2].map(|c| {
        let pairs = a.iter().zip(b).zip(about).filter(|(_, about)| **about);
        let pairs = pairs
            .map(|(pair, _)| pair)
            .filter(|(a, b)| a[c] > 12.0 && b[c] > 12.0);
        let mut ratios: Vec<f32> = pairs.map(|(a, b)| b[c] / a[c]).collect();
        if ratios.len() < 16 {
            return 1.0;
        }
        let middle = ratios.len() / 2;
        let (_, median, _) = ratios.select_nth_unstable_by(middle, f32::total_cmp);
        median.clamp(0.3, 3.0)
    })
}
