//! Where people can walk, and the way from one place to another.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use walkout_model::{Layout, Point2, Polygon};

/// Side of a grid cell, metres.
const CELL_M: f64 = 0.1;
/// A body's centre keeps this far from fixtures, metres (half of a shoulder's depth).
const FIXTURE_CLEARANCE_M: f64 = 0.2;
/// And this far from walls.
const WALL_CLEARANCE_M: f64 = 0.15;
/// A path prefers cells this far from fixtures.
const COMFORT_M: f64 = 0.38;

/// The free floor as a grid.
#[derive(Debug)]
pub(crate) struct Floor {
    origin: Point2,
    nx: usize,
    ny: usize,
    /// Cells that can be stood on and be reached from the entry.
    free: Vec<bool>,
    /// Cells so near a fixture that a walker would rather go round.
    tight: Vec<bool>,
}

impl Floor {
    /// The free floor that can be reached from `entry`.
    pub fn new(layout: &Layout, entry: Point2) -> Self {
        let (low, high) = layout.floor.bounds();
        let nx = ((high.x - low.x) / CELL_M).ceil().clamp(1.0, 2000.0) as usize;
        let ny = ((high.y - low.y) / CELL_M).ceil().clamp(1.0, 2000.0) as usize;
        let footprints: Vec<Polygon> = layout.fixtures.iter().map(|f| f.footprint()).collect();
        let mut floor = Self {
            origin: low,
            nx,
            ny,
            free: vec![false; nx * ny],
            tight: vec![false; nx * ny],
        };
        for cell in 0..nx * ny {
            let p = floor.centre(cell);
            let fixture = footprints
                .iter()
                .map(|f| if f.contains(p) { 0.0 } else { to_edge(f, p) })
                .fold(f64::INFINITY, f64::min);
            let wall = layout
                .walls
                .iter()
                .map(|&(a, b)| p.distance_to_segment(a, b))
                .fold(to_edge(&layout.floor, p), f64::min);
            floor.free[cell] = layout.floor.contains(p)
                && fixture >= FIXTURE_CLEARANCE_M
                && wall >= WALL_CLEARANCE_M;
            floor.tight[cell] = fixture < COMFORT_M;
        }
        floor.keep_reachable(entry);
        floor
    }

    /// Whether a body can stand there.
    pub fn is_free(&self, p: Point2) -> bool {
        self.cell(p).is_some_and(|c| self.free[c])
    }

    /// The nearest place to stand within `max_m`.
    pub fn nearest_free(&self, p: Point2, max_m: f64) -> Option<Point2> {
        if self.is_free(p) {
            return Some(p);
        }
        let reach = (max_m / CELL_M).ceil() as i64;
        let (cx, cy) = self.coordinates(p);
        let mut best: Option<(f64, Point2)> = None;
        for y in cy - reach..=cy + reach {
            for x in cx - reach..=cx + reach {
                let Some(cell) = self.at(x, y) else { continue };
                let centre = self.centre(cell);
                let d = centre.distance(p);
                if self.free[cell] && d <= max_m && best.is_none_or(|(b, _)| d < b) {
                    best = Some((d, centre));
                }
            }
        }
        best.map(|(_, p)| p)
    }

    /// Whether the straight way from `a` to `b` is free.
    pub fn sees(&self, a: Point2, b: Point2) -> bool {
        let steps = (a.distance(b) / (CELL_M / 2.0)).ceil().max(1.0) as usize;
        (0..=steps).all(|i| self.is_free(a + (b - a) * (i as f64 / steps as f64)))
    }

    /// Corners of a way from `from` to `to`, without `from`; `None` if there is none.
    /// A* over the eight neighbours, then corners that can be seen past are left out.
    pub fn path(&self, from: Point2, to: Point2) -> Option<Vec<Point2>> {
        let start = self.nearest_free(from, 1.5)?;
        if self.sees(start, to) {
            return Some(vec![to]);
        }
        let (source, goal) = (self.cell(start)?, self.cell(to).filter(|&c| self.free[c])?);
        let mut cost = vec![u32::MAX; self.free.len()];
        let mut previous = vec![usize::MAX; self.free.len()];
        let mut open = BinaryHeap::new();
        cost[source] = 0;
        open.push((Reverse(self.guess(source, goal)), source));
        while let Some((_, cell)) = open.pop() {
            if cell == goal {
                break;
            }
            for (next, step) in self.neighbours(cell) {
                let extra = if self.tight[next] { 6 } else { 0 };
                let through = cost[cell] + step + extra;
                if through < cost[next] {
                    cost[next] = through;
                    previous[next] = cell;
                    open.push((Reverse(through + self.guess(next, goal)), next));
                }
            }
        }
        if cost[goal] == u32::MAX {
            return None;
        }
        let mut cells = vec![to];
        let mut cell = previous[goal];
        while cell != usize::MAX && cell != source {
            cells.push(self.centre(cell));
            cell = previous[cell];
        }
        cells.reverse();
        Some(self.straighten(start, &cells))
    }

    fn straighten(&self, from: Point2, cells: &[Point2]) -> Vec<Point2> {
        let mut corners = Vec::new();
        let mut here = from;
        let mut i = 0;
        while i < cells.len() {
            let mut far = i;
            while far + 1 < cells.len() && self.sees(here, cells[far + 1]) {
                far += 1;
            }
            here = cells[far];
            corners.push(here);
            i = far + 1;
        }
        corners
    }

    /// Free neighbours with the cost of the step; corners of fixtures are not cut.
    fn neighbours(&self, cell: usize) -> impl Iterator<Item = (usize, u32)> + '_ {
        let (x, y) = ((cell % self.nx) as i64, (cell / self.nx) as i64);
        const STEPS: [(i64, i64, u32); 8] = [
            (1, 0, 10),
            (-1, 0, 10),
            (0, 1, 10),
            (0, -1, 10),
            (1, 1, 14),
            (1, -1, 14),
            (-1, 1, 14),
            (-1, -1, 14),
        ];
        let open = move |x, y| self.at(x, y).filter(|&c| self.free[c]);
        STEPS.iter().filter_map(move |&(dx, dy, step)| {
            let diagonal = dx != 0 && dy != 0;
            if diagonal && (open(x + dx, y).is_none() || open(x, y + dy).is_none()) {
                return None;
            }
            open(x + dx, y + dy).map(|c| (c, step))
        })
    }

    fn keep_reachable(&mut self, entry: Point2) {
        let mut reached = vec![false; self.free.len()];
        let start = self.nearest_free(entry, 2.0).and_then(|p| self.cell(p));
        let mut stack: Vec<usize> = start.into_iter().collect();
        while let Some(cell) = stack.pop() {
            if !reached[cell] {
                reached[cell] = true;
                stack.extend(
                    self.neighbours(cell)
                        .map(|(c, _)| c)
                        .filter(|&c| !reached[c]),
                );
            }
        }
        self.free = reached;
    }

    fn guess(&self, a: usize, b: usize) -> u32 {
        let dx = (a % self.nx).abs_diff(b % self.nx) as u32;
        let dy = (a / self.nx).abs_diff(b / self.nx) as u32;
        10 * dx.max(dy) + 4 * dx.min(dy)
    }

    fn coordinates(&self, p: Point2) -> (i64, i64) {
        let d = p - self.origin;
        ((d.x / CELL_M).floor() as i64, (d.y / CELL_M).floor() as i64)
    }

    fn cell(&self, p: Point2) -> Option<usize> {
        let (x, y) = self.coordinates(p);
        self.at(x, y)
    }

    fn at(&self, x: i64, y: i64) -> Option<usize> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.nx && y < self.ny).then_some(y * self.nx + x)
    }

    fn centre(&self, cell: usize) -> Point2 {
        let (x, y) = ((cell % self.nx) as f64, (cell / self.nx) as f64);
        self.origin + Point2::new((x + 0.5) * CELL_M, (y + 0.5) * CELL_M)
    }
}

fn to_edge(polygon: &Polygon, p: Point2) -> f64 {
    polygon
        .edges()
        .map(|(a, b)| p.distance_to_segment(a, b))
        .fold(f64::INFINITY, f64::min)
}
