//! Keypoint networks: outputs to the seventeen points of COCO, and those to head, hands and feet.
//!
//! RTMPose's outputs are one distribution along each axis for a point (SimCC, Li et al., "SimCC: a Simple
//! Coordinate Classification Perspective for Human Pose Estimation", 2022).

use crate::nets::{HandSpot, HeadSpot, PersonView, Spot, Tensor};

/// Points of a person, in COCO's order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles,
/// left before right.
pub const POSE_POINTS: usize = 17;
/// Of COCO's points: nose, eyes and ears.
const FACE: std::ops::Range<usize> = 0..5;
const ELBOWS: [usize; 2] = [7, 8];
const WRISTS: [usize; 2] = [9, 10];
const ANKLES: [usize; 2] = [15, 16];
/// A hand's middle lies beyond the wrist by this part of the forearm's length.
const HAND_BEYOND: f64 = 0.35;
/// Radius of a head, of a person's height.
const HEAD_RADIUS: f64 = 1.0 / 15.0;
/// A box that comes so near to the picture's lower edge is cut by it: its feet are not seen. Pixels.
const EDGE_PX: f64 = 2.0;

/// What was expected, where the outputs are something else.
type Wrong = String;

/// MoveNet for one person: [batch, 1, 17, 3] of y, x and score, as parts of the input. Gives points in
/// pixels of the input.
pub(super) fn movenet(
    outputs: &[Tensor],
    index: usize,
    input: [usize; 2],
) -> Result<Vec<Spot>, Wrong> {
    let expected = || format!("one array [batch, 1, {POSE_POINTS}, 3] (y, x, score)");
    let [output] = outputs else {
        return Err(expected());
    };
    let shape_fits = matches!(*output.shape.as_slice(), [_, 1, POSE_POINTS, 3]);
    let Some(data) = output.of_batch(index).filter(|_| shape_fits) else {
        return Err(expected());
    };
    Ok(data
        .chunks_exact(3)
        .map(|p| {
            spot(
                f64::from(p[1]) * input[0] as f64,
                f64::from(p[0]) * input[1] as f64,
                p[2],
            )
        })
        .collect())
}

/// RTMPose: two arrays, [batch, points, n · width] and [batch, points, n · height]. Gives points in pixels
/// of the input.
pub(super) fn simcc(
    outputs: &[Tensor],
    index: usize,
    input: [usize; 2],
) -> Result<Vec<Spot>, Wrong> {
    let expected = || {
        format!(
            "two arrays [batch, {POSE_POINTS}, {} · n] and [batch, {POSE_POINTS}, {} · n] (SimCC along x \
             and y)",
            input[0], input[1]
        )
    };
    let [x, y] = outputs else {
        return Err(expected());
    };
    let per_pixel = |t: &Tensor, side: usize| match *t.shape.as_slice() {
        [_, POSE_POINTS, bins] if bins > 0 && bins % side == 0 => Some(bins / side),
        _ => None,
    };
    let splits = (per_pixel(x, input[0]), per_pixel(y, input[1]));
    let (Some(sx), Some(sy)) = splits else {
        return Err(expected());
    };
    let (Some(xs), Some(ys)) = (x.of_batch(index), y.of_batch(index)) else {
        return Err(expected());
    };
    let rows = xs
        .chunks_exact(input[0] * sx)
        .zip(ys.chunks_exact(input[1] * sy));
    Ok(rows
        .map(|(x, y)| {
            let (ix, px) = highest(x);
            let (iy, py) = highest(y);
            // A point is as sure as its less sure axis.
            spot(ix as f64 / sx as f64, iy as f64 / sy as f64, px.min(py))
        })
        .collect())
}

fn spot(x: f64, y: f64, score: f32) -> Spot {
    let there = x.is_finite() && y.is_finite() && score.is_finite();
    if there {
        let score = score.clamp(0.0, 1.0);
        Spot { x, y, score }
    } else {
        Spot::default()
    }
}

/// The highest of a row, the first of equals. Not a number is never it.
fn highest(row: &[f32]) -> (usize, f32) {
    let start = (0, f32::NEG_INFINITY);
    row.iter().copied().enumerate().fold(
        start,
        |best, next| if next.1 > best.1 { next } else { best },
    )
}

/// A person's box (left, top, right, bottom), its score and, where there are any, the person's points.
pub type FoundPerson<'a> = ([f64; 4], f32, Option<&'a [Spot]>);

/// Heads, floor points and hands of people, from each one's box with its score
/// and, where there are any, its points. The order is kept: the n-th head is the n-th person's. Where a
/// point is less sure than `least`, the box stands in: a head at its top, a foot in the middle of its
/// bottom, and no hands.
pub fn person_view(people: &[FoundPerson<'_>], least: f32, picture: [f64; 2]) -> PersonView {
    let mut view = PersonView::default();
    for (i, (area, score, points)) in people.iter().enumerate() {
        let [left, top, right, bottom] = *area;
        let tall = bottom - top;
        let radius_px = (tall * HEAD_RADIUS).max(1.0);
        let middle = (left + right) / 2.0;
        let sure = |k: usize| {
            let points = (*points)?;
            points.get(k).copied().filter(|p| p.score >= least)
        };
        let face: Vec<Spot> = FACE.filter_map(sure).collect();
        let head = mean(&face).map_or(
            Spot {
                x: middle,
                y: top + radius_px,
                score: *score,
            },
            |at| Spot {
                score: *score,
                ..at
            },
        );
        let ankles: Vec<Spot> = ANKLES.into_iter().filter_map(sure).collect();
        let cut = bottom >= picture[1] - EDGE_PX;
        let foot = match mean(&ankles) {
            Some(at) => Spot {
                // An ankle is a hand's breadth above the floor.
                y: at.y + 0.04 * tall,
                ..at
            },
            None => Spot {
                x: middle,
                y: bottom,
                score: if cut { 0.0 } else { *score },
            },
        };
        if foot.score > 0.0 {
            view.floors.push(foot);
        }
        view.heads.push(HeadSpot {
            at: head,
            radius_px,
            foot,
        });
        for (wrist, elbow) in WRISTS.into_iter().zip(ELBOWS) {
            let Some(w) = sure(wrist) else { continue };
            let beyond = |w: f64, e: f64| w + HAND_BEYOND * (w - e);
            let at = match sure(elbow) {
                Some(e) => Spot {
                    x: beyond(w.x, e.x),
                    y: beyond(w.y, e.y),
                    score: w.score,
                },
                None => w,
            };
            view.hands.push(HandSpot { at, owner: Some(i) });
        }
    }
    view.floors.sort_by(|a, b| b.score.total_cmp(&a.score));
    view.hands.sort_by(|a, b| b.at.score.total_cmp(&a.at.score));
    view
}

/// The mean of points, as sure as they are on average. `None` of none.
fn mean(points: &[Spot]) -> Option<Spot> {
    if points.is_empty() {
        return None;
    }
    let n = points.len() as f64;
    Some(Spot {
        x: points.iter().map(|p| p.x).sum::<f64>() / n,
        y: points.iter().map(|p| p.y).sum::<f64>() / n,
        score: points.iter().map(|p| p.score).sum::<f32>() / n as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movenet_gives_y_before_x() {
        let mut data = vec![0.0; 51];
        data[27..30].copy_from_slice(&[0.25, 0.5, 0.8]);
        let t = Tensor {
            shape: vec![1, 1, 17, 3],
            data,
        };
        let points = movenet(&[t], 0, [192, 192]).unwrap();
        assert_eq!(points.len(), 17);
        let score = 0.8;
        assert_eq!(
            points[9],
            Spot {
                x: 96.0,
                y: 48.0,
                score
            }
        );
        let foreign = Tensor {
            shape: vec![1, 6, 56],
            data: vec![0.0; 336],
        };
        assert!(
            movenet(&[foreign], 0, [192, 192])
                .unwrap_err()
                .contains("17, 3")
        );
    }

    #[test]
    fn simcc_is_read_along_both_axes() {
        let (w, h) = (48, 64);
        let mut x = Tensor {
            shape: vec![1, 17, w * 2],
            data: vec![0.0; 17 * w * 2],
        };
        let mut y = Tensor {
            shape: vec![1, 17, h * 2],
            data: vec![0.0; 17 * h * 2],
        };
        x.data[10 * w * 2 + 31] = 0.9;
        y.data[10 * h * 2 + 80] = 0.6;
        let points = simcc(&[x.clone(), y.clone()], 0, [w, h]).unwrap();
        let score = 0.6;
        assert_eq!(
            points[10],
            Spot {
                x: 15.5,
                y: 40.0,
                score
            }
        );
        assert!(simcc(&[y, x], 0, [w, h]).is_err());
        assert_eq!(highest(&[0.1, 0.7, 0.7]), (1, 0.7));
        assert_eq!(highest(&[f32::NAN, 0.2]), (1, 0.2));
    }

    #[test]
    fn points_make_a_person_and_boxes_stand_in() {
        let at = |x, y| Spot { x, y, score: 0.9 };
        let mut points = vec![Spot::default(); 17];
        points[0] = at(50.0, 20.0);
        points[7] = at(60.0, 50.0);
        points[9] = at(70.0, 60.0);
        points[15] = at(48.0, 110.0);
        points[16] = at(52.0, 112.0);
        let area = [40.0, 10.0, 80.0, 115.0];
        let view = person_view(
            &[(area, 0.7, Some(&points)), (area, 0.6, None)],
            0.3,
            [640.0, 480.0],
        );
        assert_eq!((view.heads[0].at.x, view.heads[0].at.y), (50.0, 20.0));
        assert_eq!((view.heads[1].at.x, view.heads[1].at.y), (60.0, 17.0));
        assert_eq!(view.heads[1].foot.y, 115.0);
        assert_eq!(view.heads[0].foot.x, 50.0);
        assert_eq!(view.hands.len(), 1);
        assert_eq!(view.hands[0].owner, Some(0));
        assert!((view.hands[0].at.x - 73.5).abs() < 1e-9);
        assert_eq!(view.floors.len(), 2);
        // Cut by the picture's edge: nobody knows where the feet are.
        let view = person_view(&[(area, 0.6, None)], 0.3, [640.0, 116.0]);
        assert!(view.floors.is_empty() && view.heads[0].foot.score == 0.0);
    }
}
