//! The squares that the `reach` network looks at: where they lie in a camera's picture, and how they are laid out for it.

use super::person::{HeadSpot, Spot};
use super::picture::RgbPicture;
use super::prepare::{Fit, Preparation, Size};
use super::tensor::{Input, Numbers};

/// A cut's side, pixels of the network's input.
pub(super) const SIDE: usize = 128;
/// Red, green, blue, and the plane that says whose hands are asked for.
pub(super) const PLANES: usize = 4;
/// Cells of a map's side.
pub(super) const CELLS: usize = SIDE / 4;
/// A cut's side in head radii: so much, and so much more a radius from the head to the foot.
const SPAN: [f64; 2] = [11.0, 0.2];
/// Where a cut's middle lies on the way from the head to the foot.
const MIDDLE: f64 = 0.3;
/// A foot farther from its head is a mistake, head radii.
const FOOT_MAX: f64 = 18.0;
/// The side of a cut around a place whose person is not known, usual head radii.
const AROUND: f64 = 13.0;
/// Half the width of the mark on a person, head radii; and what is left of it at the foot.
const MARK: (f64, f64) = (1.5, 0.4);
/// What of a cut's side counts as not covered by it, at each edge.
const EDGE: f64 = 0.06;

/// A square of a picture, pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cut {
    left: f64,
    top: f64,
    side: f64,
    /// Whose, an index into the view's heads, and the way from the head to the foot.
    pub owner: Option<(usize, Mark)>,
    /// The radius of the head, or of a usual one.
    pub radius: f64,
}

/// A person in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    head: [f64; 2],
    to_foot: [f64; 2],
}

impl Cut {
    pub(super) fn of_head(index: usize, h: &HeadSpot) -> Self {
        let head = [h.at.x, h.at.y];
        let way = [h.foot.x - h.at.x, h.foot.y - h.at.y];
        let far = way[0].hypot(way[1]);
        let keep = match far.is_finite() && far > 0.0 {
            true => (FOOT_MAX * h.radius_px / far).min(1.0),
            false => 0.0,
        };
        let to_foot = way.map(|v| if keep > 0.0 { v * keep } else { 0.0 });
        let side = SPAN[0] * h.radius_px + SPAN[1] * to_foot[0].hypot(to_foot[1]);
        Self {
            left: head[0] + MIDDLE * to_foot[0] - side / 2.0,
            top: head[1] + MIDDLE * to_foot[1] - side / 2.0,
            side,
            owner: Some((index, Mark { head, to_foot })),
            radius: h.radius_px,
        }
    }

    pub(super) fn around(at: &Spot, radius: f64) -> Self {
        let side = AROUND * radius;
        Self {
            left: at.x - side / 2.0,
            top: at.y - side / 2.0,
            side,
            owner: None,
            radius,
        }
    }

    pub(super) fn covers(&self, at: &Spot) -> bool {
        let inside = |v: f64| (EDGE * self.side..(1.0 - EDGE) * self.side).contains(&v);
        inside(at.x - self.left) && inside(at.y - self.top)
    }

    /// A spot of the network's input in the picture.
    pub(super) fn in_picture(&self, spot: &Spot) -> Spot {
        let k = self.side / SIDE as f64;
        Spot {
            x: self.left + spot.x * k,
            y: self.top + spot.y * k,
            score: spot.score,
        }
    }

    /// The maps' cell that shows a point of the picture, if it is not at their edge.
    pub(super) fn cell(&self, at: &Spot) -> Option<[usize; 2]> {
        let k = CELLS as f64 / self.side;
        let cell = [(at.x - self.left) * k, (at.y - self.top) * k];
        let inside = |v: f64| (1.0..CELLS as f64 - 1.0).contains(&v);
        cell.into_iter()
            .all(inside)
            .then(|| cell.map(|v| v as usize))
    }

    /// Fills the plane that marks the person: a ridge from the head to the foot.
    fn mark(&self, plane: &mut [f32]) {
        let Some((_, mark)) = &self.owner else {
            plane.fill(0.0);
            return;
        };
        let k = SIDE as f64 / self.side;
        let [vx, vy] = mark.to_foot.map(|v| (v * k) as f32);
        let (hx, hy) = (
            ((mark.head[0] - self.left) * k) as f32,
            ((mark.head[1] - self.top) * k) as f32,
        );
        let per_length2 = 1.0 / (vx * vx + vy * vy).max(1e-6);
        let per_width = 1.0 / ((MARK.0 * self.radius * k) as f32).max(1e-6);
        let fall = 1.0 - MARK.1 as f32;
        for (row, line) in plane.chunks_exact_mut(SIDE).enumerate() {
            let y = row as f32 + 0.5 - hy;
            for (column, out) in line.iter_mut().enumerate() {
                let x = column as f32 + 0.5 - hx;
                let t = ((x * vx + y * vy) * per_length2).clamp(0.0, 1.0);
                let (dx, dy) = (x - t * vx, y - t * vy);
                let off = (dx * dx + dy * dy).sqrt() * per_width;
                *out = (1.0 - off).max(0.0) * (1.0 - fall * t);
            }
        }
    }
}

/// The cuts of a picture, laid out for the network.
pub(super) fn input(picture: &RgbPicture<'_>, cuts: &[Cut]) -> Input {
    let how = Preparation {
        size: Size::Fixed([SIDE; 2]),
        fit: Fit::Stretch,
        ..Preparation::default()
    };
    let area = SIDE * SIDE;
    let mut data = vec![0.0_f32; cuts.len() * PLANES * area];
    for (cut, planes) in cuts.iter().zip(data.chunks_exact_mut(PLANES * area)) {
        let (colours, mark) = planes.split_at_mut((PLANES - 1) * area);
        let part = [cut.left, cut.top, cut.left + cut.side, cut.top + cut.side];
        how.lay(picture, part, [SIDE; 2], colours, |v| v);
        cut.mark(mark);
    }
    Input {
        shape: vec![cuts.len(), PLANES, SIDE, SIDE],
        numbers: Numbers::F32(data),
    }
}
