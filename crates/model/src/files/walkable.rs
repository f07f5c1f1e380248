//! Whether a shopper can walk from the entry to the front of every shelf and to the exit.

use super::layout::Head;
use super::mistake::Report;
use crate::Point2;
use crate::layout::{Gate, GateKind};

/// Half the way that a person needs, metres.
const HALF_WAY_M: f64 = 0.25;
/// How far in front of a fixture a person stands who takes from it, metres.
const STAND_M: f64 = 0.35;
/// Finest grid, metres.
const CELL_M: f64 = 0.05;
/// Most cells along one side.
const CELLS_MAX: f64 = 1_000.0;

/// Reports the fixtures and exits that cannot be reached.
pub(super) fn check(head: &Head, report: &Report<'_>) {
    let layout = &head.layout;
    let is_entry = |g: &&Gate| g.kind != GateKind::Exit;
    let grid = Grid::reached_from(head, layout.gates.iter().filter(is_entry));
    for (fixture, &byte) in layout.fixtures.iter().zip(&head.fixture_bytes) {
        let seen = |share: f64| {
            let stand = Point2::new(fixture.width_m * share, -STAND_M);
            grid.near(fixture.pose.floor_from_local(stand), 0.25)
        };
        // A corner may be tight; whoever reaches the middle and one more place reaches the goods.
        if !seen(0.5) || !(seen(0.2) || seen(0.8)) {
            report.at(
                byte,
                format!(
                    "nobody can walk from the entry to the front of fixture {}",
                    fixture.name
                ),
                "leave a way at least 0.5 m wide, and turn its front to the aisle",
            );
        }
    }
    let exits = layout.gates.iter().zip(&head.gate_bytes);
    for (gate, &byte) in exits.filter(|(g, _)| g.kind != GateKind::Entry) {
        if !grid.near(gate.middle() + gate.inward() * STAND_M, 0.25) {
            report.at(
                byte,
                format!("nobody can walk from the entry to gate {}", gate.name),
                "leave a way at least 0.5 m wide",
            );
        }
    }
}

/// Which cells of the floor a person's middle can be in.
struct Grid {
    origin: Point2,
    cell_m: f64,
    columns: usize,
    rows: usize,
    reached: Vec<bool>,
}

impl Grid {
    fn reached_from<'g>(head: &Head, gates: impl Iterator<Item = &'g Gate>) -> Self {
        let (lo, hi) = head.layout.floor.bounds();
        let extent = (hi.x - lo.x).max(hi.y - lo.y);
        let cell_m = CELL_M.max(extent / CELLS_MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most CELLS_MAX + 1 by the choice of the cell"
        )]
        let count = |from: f64, to: f64| ((to - from) / cell_m).ceil() as usize + 1;
        let (columns, rows) = (count(lo.x, hi.x), count(lo.y, hi.y));
        let mut grid = Self {
            origin: lo,
            cell_m,
            columns,
            rows,
            reached: vec![false; columns * rows],
        };
        let free = grid.free(head);
        let mut stack = Vec::new();
        for gate in gates {
            let start = gate.middle() + gate.inward() * STAND_M;
            stack.extend(grid.cells_near(start, 0.25).filter(|&c| free[c]));
        }
        while let Some(cell) = stack.pop() {
            if std::mem::replace(&mut grid.reached[cell], true) {
                continue;
            }
            let (x, y) = (cell % columns, cell / columns);
            let left = (x > 0).then(|| cell - 1);
            let right = (x + 1 < columns).then_some(cell + 1);
            let down = (y > 0).then(|| cell - columns);
            let up = (y + 1 < rows).then_some(cell + columns);
            let next = [left, right, down, up].into_iter().flatten();
            stack.extend(next.filter(|&c| free[c] && !grid.reached[c]));
        }
        grid
    }

    /// Cells that are on the floor and far enough from walls and fixtures.
    fn free(&self, head: &Head) -> Vec<bool> {
        let layout = &head.layout;
        let mut free: Vec<bool> = (0..self.columns * self.rows)
            .map(|cell| layout.floor.contains(self.centre(cell)))
            .collect();
        let mut block = |a: Point2, b: Point2| {
            let reach = Point2::new(HALF_WAY_M, HALF_WAY_M);
            let lo = Point2::new(a.x.min(b.x), a.y.min(b.y)) - reach;
            let hi = Point2::new(a.x.max(b.x), a.y.max(b.y)) + reach;
            for cell in self.cells_in(lo, hi) {
                if self.centre(cell).distance_to_segment(a, b) < HALF_WAY_M {
                    free[cell] = false;
                }
            }
        };
        for &(a, b) in &layout.walls {
            block(a, b);
        }
        for fixture in &layout.fixtures {
            for (a, b) in fixture.footprint().edges() {
                block(a, b);
            }
        }
        for fixture in &layout.fixtures {
            let footprint = fixture.footprint();
            let (lo, hi) = footprint.bounds();
            for cell in self.cells_in(lo, hi) {
                if footprint.contains(self.centre(cell)) {
                    free[cell] = false;
                }
            }
        }
        free
    }

    fn near(&self, p: Point2, within_m: f64) -> bool {
        self.cells_near(p, within_m).any(|cell| self.reached[cell])
    }

    fn cells_near(&self, p: Point2, within_m: f64) -> impl Iterator<Item = usize> + use<'_> {
        let reach = Point2::new(within_m, within_m);
        self.cells_in(p - reach, p + reach)
            .filter(move |&cell| self.centre(cell).distance(p) <= within_m)
    }

    fn cells_in(&self, lo: Point2, hi: Point2) -> impl Iterator<Item = usize> + use<> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the grid first"
        )]
        let clamp = |x: f64, n: usize| (x / self.cell_m).clamp(0.0, n as f64) as usize;
        let (x0, x1) = (
            clamp(lo.x - self.origin.x, self.columns),
            clamp(hi.x - self.origin.x + self.cell_m, self.columns),
        );
        let (y0, y1) = (
            clamp(lo.y - self.origin.y, self.rows),
            clamp(hi.y - self.origin.y + self.cell_m, self.rows),
        );
        let columns = self.columns;
        (y0..y1).flat_map(move |y| (x0..x1).map(move |x| y * columns + x))
    }

    fn centre(&self, cell: usize) -> Point2 {
        let half = 0.5;
        let x = (cell % self.columns) as f64 + half;
        let y = (cell / self.columns) as f64 + half;
        self.origin + Point2::new(x, y) * self.cell_m
    }
}
