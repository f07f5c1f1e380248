//! Detectors: outputs to boxes.
//!
//! YOLOX after Ge et al., "YOLOX: Exceeding YOLO Series in 2021"; YOLOv8-style heads as exported with
//! decoded boxes; NanoDet's distributions after Li et al., "Generalized Focal Loss" (2020): a side of a box
//! is the mean of a distribution over 0…n cells.

use crate::nets::{Placement, Tensor};

/// Most boxes that are kept of a picture.
const BOXES_MAX: usize = 300;
/// Most boxes that overlap is looked for among.
const CANDIDATES_MAX: usize = 3000;

/// Something that a detector found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxSpot {
    /// Index of its class.
    pub class: usize,
    /// 0–1.
    pub score: f32,
    /// Left, top, right, bottom, pixels of the picture.
    pub area: [f64; 4],
}

/// One picture's outputs, and how its input was made.
pub(super) struct Raw<'a> {
    pub outputs: &'a [Tensor],
    /// Which picture of the batch.
    pub index: usize,
    /// Width and height of the input, pixels.
    pub input: [usize; 2],
    pub classes: usize,
    /// Least score.
    pub score: f32,
}

/// A box in pixels of the input.
type Found = BoxSpot;
/// What was expected, where the outputs are something else.
type Wrong = String;

/// YOLOX without its last step: rows of centre, logarithmic size, objectness and classes, for the cells of
/// three strides.
pub(super) fn yolox(raw: &Raw<'_>) -> Result<Vec<Found>, Wrong> {
    let grids = Grids::new(raw.input, &[8, 16, 32], 0.0);
    let width = 5 + raw.classes;
    let expected = || {
        format!(
            "one array [batch, {}, {width}] (cells of strides 8, 16 and 32; 4 numbers of a box, 1 of an \
             object, {} classes)",
            grids.cells(),
            raw.classes
        )
    };
    let [output] = raw.outputs else {
        return Err(expected());
    };
    let (Some(data), Some([_, cells, numbers])) = (output.of_batch(raw.index), three_axes(output))
    else {
        return Err(expected());
    };
    if cells != grids.cells() || numbers != width {
        return Err(expected());
    }
    let mut found = Vec::new();
    for (row, cell) in data.chunks_exact(width).zip(grids.iter()) {
        let (geometry, scores) = row.split_at(4);
        let (object, classes) = scores.split_at(1);
        if object[0] < raw.score {
            continue;
        }
        if let Some((class, best)) = best_class(classes)? {
            let score = best * object[0];
            let centre = [
                (f64::from(geometry[0]) + cell.x) * cell.stride,
                (f64::from(geometry[1]) + cell.y) * cell.stride,
            ];
            let size = [geometry[2], geometry[3]].map(|v| f64::from(v).exp() * cell.stride);
            push(&mut found, raw.score, class, score, centred(centre, size));
        }
    }
    Ok(found)
}

/// YOLOv8's way: columns of centre, size and classes, decoded, in pixels of the input.
pub(super) fn yolov8(raw: &Raw<'_>) -> Result<Vec<Found>, Wrong> {
    let rows = 4 + raw.classes;
    let expected = || {
        format!(
            "one array [batch, {rows}, boxes] (4 numbers of a box, {} classes)",
            raw.classes
        )
    };
    let [output] = raw.outputs else {
        return Err(expected());
    };
    let (Some(data), Some([_, numbers, boxes])) = (output.of_batch(raw.index), three_axes(output))
    else {
        return Err(expected());
    };
    if numbers != rows || boxes == 0 {
        return Err(expected());
    }
    // The best class of each box, row by row as the numbers lie.
    let mut best = vec![(0_usize, f32::NEG_INFINITY); boxes];
    for (class, row) in data.chunks_exact(boxes).skip(4).enumerate() {
        for (b, score) in best.iter_mut().zip(row) {
            if *score > b.1 {
                *b = (class, *score);
            }
        }
    }
    let at =
        |row: usize, i: usize| f64::from(data.get(row * boxes + i).copied().unwrap_or(f32::NAN));
    let mut found = Vec::new();
    for (i, (class, score)) in best.into_iter().enumerate() {
        if score > 1.001 {
            return Err(format!("scores of 0 to 1, and {score} was found"));
        }
        let (centre, size) = ([at(0, i), at(1, i)], [at(2, i), at(3, i)]);
        push(&mut found, raw.score, class, score, centred(centre, size));
    }
    Ok(found)
}

/// NanoDet: for each cell the classes' scores and, for each side, a distribution over its distance. Either
/// two arrays a stride (three strides, cells' middles), or one array of both for four strides (cells'
/// corners, as NanoDet-Plus has them).
pub(super) fn nanodet(raw: &Raw<'_>) -> Result<Vec<Found>, Wrong> {
    let classes = raw.classes;
    if let [both] = raw.outputs {
        let grids = Grids::new(raw.input, &[8, 16, 32, 64], 0.0);
        let expected = || {
            format!(
                "one array [batch, {}, {classes} + 4 · bins] (cells of strides 8 to 64)",
                grids.cells()
            )
        };
        let (Some(data), Some([_, cells, numbers])) = (both.of_batch(raw.index), three_axes(both))
        else {
            return Err(expected());
        };
        let sides = numbers.saturating_sub(classes);
        if cells != grids.cells() || sides < 8 || sides % 4 != 0 {
            return Err(expected());
        }
        let mut found = Vec::new();
        for (row, cell) in data.chunks_exact(numbers).zip(grids.iter()) {
            let (scores, sides) = row.split_at(classes);
            distributed(&mut found, raw.score, scores, sides, cell)?;
        }
        return Ok(found);
    }
    let expected = || {
        format!(
            "for strides 8, 16 and 32 of an input of {:?} two arrays each, [batch, cells, {classes}] and \
             [batch, cells, 4 · bins]",
            raw.input
        )
    };
    let mut found = Vec::new();
    for stride in [8, 16, 32] {
        let grid = Grids::new(raw.input, &[stride], 0.5);
        let of = |wanted: &dyn Fn(usize) -> bool| {
            raw.outputs.iter().find_map(|t| match *t.shape.as_slice() {
                [_, cells, numbers] if cells == grid.cells() && wanted(numbers) => {
                    Some((t.of_batch(raw.index)?, numbers))
                }
                _ => None,
            })
        };
        let scores = of(&|n| n == classes);
        let sides = of(&|n| n != classes && n >= 8 && n % 4 == 0);
        let (Some((scores, _)), Some((sides, width))) = (scores, sides) else {
            return Err(expected());
        };
        let rows = scores.chunks_exact(classes).zip(sides.chunks_exact(width));
        for ((scores, sides), cell) in rows.zip(grid.iter()) {
            distributed(&mut found, raw.score, scores, sides, cell)?;
        }
    }
    Ok(found)
}

fn three_axes(tensor: &Tensor) -> Option<[usize; 3]> {
    tensor.shape.as_slice().try_into().ok()
}

/// One cell of a NanoDet.
fn distributed(
    found: &mut Vec<Found>,
    least: f32,
    scores: &[f32],
    sides: &[f32],
    cell: Cell,
) -> Result<(), Wrong> {
    let Some((class, score)) = best_class(scores)? else {
        return Ok(());
    };
    if score < least {
        return Ok(());
    }
    let mut distance = [0.0; 4];
    for (d, logits) in distance.iter_mut().zip(sides.chunks_exact(sides.len() / 4)) {
        *d = mean_of(logits) * cell.stride;
    }
    let (x, y) = (cell.x * cell.stride, cell.y * cell.stride);
    let [left, top, right, bottom] = distance;
    push(
        found,
        least,
        class,
        score,
        [x - left, y - top, x + right, y + bottom],
    );
    Ok(())
}

/// The mean of the softmax of these over 0, 1, 2, ….
fn mean_of(logits: &[f32]) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut mean) = (0.0, 0.0);
    for (i, logit) in logits.iter().enumerate() {
        let weight = f64::from(logit - most).exp();
        sum += weight;
        mean += weight * i as f64;
    }
    mean / sum
}

/// The class of the highest score. Fails if it is no probability.
fn best_class(scores: &[f32]) -> Result<Option<(usize, f32)>, Wrong> {
    let best = scores
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1));
    match best {
        Some((_, score)) if score > 1.001 => Err(format!(
            "scores of 0 to 1 (with the sigmoid in the file), and {score} was found"
        )),
        other => Ok(other),
    }
}

fn centred([x, y]: [f64; 2], [w, h]: [f64; 2]) -> [f64; 4] {
    [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]
}

/// Adds a box that is one.
fn push(found: &mut Vec<Found>, least: f32, class: usize, score: f32, area: [f64; 4]) {
    let [left, top, right, bottom] = area;
    // Not a number is never sure enough.
    let sure = score >= least;
    if sure && area.iter().all(|v| v.is_finite()) && right > left && bottom > top {
        found.push(Found { class, score, area });
    }
}

#[derive(Clone, Copy)]
struct Cell {
    /// In cells of its stride.
    x: f64,
    y: f64,
    stride: f64,
}

/// The cells of some strides, row by row, stride after stride.
struct Grids {
    input: [usize; 2],
    strides: Vec<usize>,
    /// Added to a cell's column and row.
    shift: f64,
}

impl Grids {
    fn new(input: [usize; 2], strides: &[usize], shift: f64) -> Self {
        Self {
            input,
            strides: strides.to_vec(),
            shift,
        }
    }

    fn size(&self, stride: usize) -> [usize; 2] {
        self.input.map(|s| s.div_ceil(stride))
    }

    fn cells(&self) -> usize {
        let area = |s: &usize| self.size(*s).iter().product::<usize>();
        self.strides.iter().map(area).sum()
    }

    fn iter(&self) -> impl Iterator<Item = Cell> + '_ {
        self.strides.iter().flat_map(move |&stride| {
            let [w, h] = self.size(stride);
            (0..h).flat_map(move |y| {
                (0..w).map(move |x| Cell {
                    x: x as f64 + self.shift,
                    y: y as f64 + self.shift,
                    stride: stride as f64,
                })
            })
        })
    }
}

/// Removes boxes that overlap a surer one of their class by more than `overlap` (intersection over union):
/// greedy non-maximum suppression. The surest come first; 300 are kept at most.
pub fn suppress(mut boxes: Vec<BoxSpot>, overlap: f64) -> Vec<BoxSpot> {
    boxes.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.class.cmp(&b.class)));
    boxes.truncate(CANDIDATES_MAX);
    let mut kept: Vec<BoxSpot> = Vec::new();
    for spot in boxes {
        if kept.len() >= BOXES_MAX {
            break;
        }
        let apart = |k: &BoxSpot| k.class != spot.class || shared(k.area, spot.area) <= overlap;
        if kept.iter().all(apart) {
            kept.push(spot);
        }
    }
    kept
}

/// Intersection over union.
fn shared(a: [f64; 4], b: [f64; 4]) -> f64 {
    let along = |low: usize, high: usize| (a[high].min(b[high]) - a[low].max(b[low])).max(0.0);
    let size = |a: [f64; 4]| (a[2] - a[0]) * (a[3] - a[1]);
    let both = along(0, 2) * along(1, 3);
    both / (size(a) + size(b) - both).max(1e-9)
}

/// The box in pixels of the picture, cut at its edges. `None`: it lies outside.
pub(super) fn in_picture(spot: BoxSpot, placed: &Placement, size: [f64; 2]) -> Option<BoxSpot> {
    let [left, top, right, bottom] = spot.area;
    let [x0, y0] = placed.picture_from_input(left, top);
    let [x1, y1] = placed.picture_from_input(right, bottom);
    let area = [
        x0.clamp(0.0, size[0]),
        y0.clamp(0.0, size[1]),
        x1.clamp(0.0, size[0]),
        y1.clamp(0.0, size[1]),
    ];
    (area[2] - area[0] >= 1.0 && area[3] - area[1] >= 1.0).then_some(BoxSpot { area, ..spot })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[usize]) -> Tensor {
        Tensor {
            shape: shape.to_vec(),
            data: vec![0.0; shape.iter().product()],
        }
    }

    fn raw<'a>(outputs: &'a [Tensor], input: [usize; 2], classes: usize) -> Raw<'a> {
        Raw {
            outputs,
            index: 0,
            input,
            classes,
            score: 0.3,
        }
    }

    fn close(a: [f64; 4], b: [f64; 4]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3)
    }

    #[test]
    fn yolox_cells_become_boxes() {
        // 64 × 32: 8 × 4 cells of 8, 4 × 2 of 16, 2 × 1 of 32.
        let mut t = tensor(&[1, 42, 7]);
        // Column 3, row 1 of stride 16: centre (3.5, 1.25) cells, size 2 × 1 cells.
        let i = 32 + 4 + 3;
        t.data[i * 7..][..7].copy_from_slice(&[0.5, 0.25, 2.0_f32.ln(), 0.0, 0.9, 0.1, 0.8]);
        let found = yolox(&raw(&[t], [64, 32], 2)).unwrap();
        assert_eq!(found.len(), 1);
        assert!((found[0].score - 0.72).abs() < 1e-6 && found[0].class == 1);
        assert!(close(found[0].area, [40.0, 12.0, 72.0, 28.0]), "{found:?}");
        let error = yolox(&raw(&[tensor(&[1, 41, 7])], [64, 32], 2)).unwrap_err();
        assert!(error.contains("[batch, 42, 7]"), "{error}");
    }

    #[test]
    fn yolov8_columns_become_boxes() {
        let mut t = tensor(&[2, 7, 5]);
        // The second picture's box 3: centre (20, 30), size 10 × 40, class 2.
        for (row, v) in [
            (0, 20.0),
            (1, 30.0),
            (2, 10.0),
            (3, 40.0),
            (5, 0.4),
            (6, 0.6),
        ] {
            t.data[35 + row * 5 + 3] = v;
        }
        let outputs = [t];
        let mut second = raw(&outputs, [64, 64], 3);
        assert!(yolov8(&second).unwrap().is_empty());
        second.index = 1;
        let found = yolov8(&second).unwrap();
        assert_eq!((found.len(), found[0].class), (1, 2));
        assert!(close(found[0].area, [15.0, 10.0, 25.0, 50.0]), "{found:?}");
        second.classes = 80;
        assert!(yolov8(&second).unwrap_err().contains("[batch, 84, boxes]"));
        let mut logits = tensor(&[1, 7, 5]);
        logits.data[30] = 8.0;
        assert!(
            yolov8(&raw(&[logits], [64, 64], 3))
                .unwrap_err()
                .contains("0 to 1")
        );
    }

    #[test]
    fn nanodet_distributions_become_sides() {
        let cells = [32, 8, 2];
        let mut outputs: Vec<Tensor> = cells.iter().map(|n| tensor(&[1, *n, 3])).collect();
        outputs.extend(cells.iter().map(|n| tensor(&[1, *n, 32])));
        // Stride 16, column 2, row 1; sides 1, 2, 3 and 4 cells long, all but certain.
        let i = 6;
        outputs[1].data[i * 3 + 2] = 0.7;
        for side in 0..4 {
            outputs[4].data[i * 32 + side * 8 + side + 1] = 40.0;
        }
        let found = nanodet(&raw(&outputs, [64, 32], 3)).unwrap();
        assert_eq!((found.len(), found[0].class), (1, 2));
        let (x, y) = (2.5 * 16.0, 1.5 * 16.0);
        assert!(
            close(found[0].area, [x - 16.0, y - 32.0, x + 48.0, y + 64.0]),
            "{found:?}"
        );
        // The one array of NanoDet-Plus: cells' corners, four strides.
        let mut both = tensor(&[1, 32 + 8 + 2 + 1, 3 + 32]);
        let row = &mut both.data[(32 + i) * 35..][..35];
        row[0] = 0.7;
        for side in 0..4 {
            row[3 + side * 8 + side + 1] = 40.0;
        }
        let found = nanodet(&raw(&[both], [64, 32], 3)).unwrap();
        assert!(close(found[0].area, [16.0, -16.0, 80.0, 80.0]), "{found:?}");
        assert!(nanodet(&raw(&outputs[..5], [64, 32], 3)).is_err());
    }

    #[test]
    fn of_boxes_that_overlap_the_surest_stays() {
        let spot = |class, score, left: f64| BoxSpot {
            class,
            score,
            area: [left, 0.0, left + 10.0, 10.0],
        };
        let kept = suppress(
            vec![
                spot(0, 0.5, 2.0),
                spot(0, 0.9, 0.0),
                spot(1, 0.4, 1.0),
                spot(0, 0.3, 9.0),
                spot(0, f32::NAN, 40.0),
            ],
            0.5,
        );
        let scores: Vec<_> = kept
            .iter()
            .map(|b| b.score)
            .filter(|s| !s.is_nan())
            .collect();
        assert_eq!(scores, [0.9, 0.4, 0.3]);
    }

    #[test]
    fn broken_numbers_are_no_boxes() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut t = tensor(&[1, 42, 7]);
            t.data.fill(value);
            if let Ok(found) = yolox(&raw(&[t], [64, 32], 2)) {
                assert!(found.is_empty());
            }
            let mut t = tensor(&[1, 7, 5]);
            t.data.fill(value);
            if let Ok(found) = yolov8(&raw(&[t], [64, 32], 3)) {
                assert!(found.is_empty());
            }
        }
    }
}
