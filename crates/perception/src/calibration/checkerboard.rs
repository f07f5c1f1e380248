//! Finds a checkerboard, or the part of one that a picture shows.
//!
//! Saddles of brightness become a grid by walking along their edges: two neighbours lie on an edge of both, and of
//! the two what is bright on the one side of it is dark on the other. A lens needs no corner to be told from another,
//! so that a part of a board is as good as its number of corners.

use super::grey::GreyPicture;
use super::saddles::{Saddle, line_angle, refine, saddle_at, saddles};
use std::collections::{BTreeMap, VecDeque};

/// A board: where its squares meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checkerboard {
    /// Inner corners along a row: one less than squares.
    pub columns: usize,
    /// Inner corners along a column.
    pub rows: usize,
    /// Side of a square, metres.
    pub square_m: f64,
}

/// A corner of a board in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoardCorner {
    /// Column, from 0.
    pub column: usize,
    /// Row, from 0.
    pub row: usize,
    /// Where, pixels.
    pub pixel: [f64; 2],
}

/// What was found of a board.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundBoard {
    /// Its corners by row and column.
    pub corners: Vec<BoardCorner>,
    /// Every corner is there. If, besides, columns + rows is odd, corner (0, 0) is the one whose outermost square is
    /// dark, columns to the right and rows down as printed; else counting may begin at another corner.
    pub whole: bool,
}

/// Why a board was not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// Nothing looks like a crossing of squares.
    #[error(
        "no checkerboard: nothing in the picture looks like squares that meet; is it in sight, sharp and lit?"
    )]
    NoCorner,
    /// A few crossings, but no grid.
    #[error(
        "only {found} corners of squares hang together, and {needed} are needed; show more of the board, nearer and sharper"
    )]
    TooFew {
        /// How many.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// More corners in a row than the board has.
    #[error(
        "a grid of {columns} x {rows} inner corners was found, which does not fit into the board of {expected_columns} x {expected_rows}: count inner corners, one less than squares"
    )]
    TooLarge {
        /// Found.
        columns: usize,
        /// Found.
        rows: usize,
        /// Said.
        expected_columns: usize,
        /// Said.
        expected_rows: usize,
    },
}

/// Corners that a part of a board must have.
pub const CORNERS_MIN: usize = 12;
/// Pictures are looked at in full size and halved so often.
const LEVELS: usize = 4;
/// Squares whose opposite sides differ by more of the shortest side are none.
const TWIST_MAX: f64 = 0.5;
/// Squares smaller than this are not told from their neighbours, pixels.
const PITCH_MIN_PX: f64 = 5.5;
/// Corners nearer to each other than this are not known to a fraction of a pixel.
const SQUARE_MIN_PX: f64 = 8.0;
/// Least side of a picture that is looked at.
const SIDE_MIN: usize = 60;

type Cell = (i32, i32);

impl Checkerboard {
    /// Finds the board.
    ///
    /// # Errors
    /// It is not there, too little of it is, or it is another board.
    pub fn find(&self, picture: &GreyPicture) -> Result<FoundBoard, BoardError> {
        let mut best: Option<(BTreeMap<Cell, [f64; 2]>, usize)> = None;
        let mut any = false;
        let mut level_picture = picture.clone();
        for level in 0..LEVELS {
            if level > 0 {
                level_picture = level_picture.halved();
            }
            if level_picture.width().min(level_picture.height()) < SIDE_MIN {
                break;
            }
            let (grid, corners) = self.grid(&level_picture);
            any |= corners > 0;
            let size = best.as_ref().map_or(0, |b| b.0.len());
            if grid.len() > size {
                best = Some((grid, level));
            }
            if best
                .as_ref()
                .is_some_and(|b| b.0.len() >= self.columns * self.rows)
            {
                break;
            }
        }
        let Some((grid, level)) = best.filter(|_| any) else {
            return Err(BoardError::NoCorner);
        };
        let scale = (1_usize << level) as f64;
        let grid = grid
            .into_iter()
            .map(|(c, p)| (c, p.map(|x| x * scale)))
            .collect();
        let mut grid = sharpen(picture, &grid, scale);
        drop_crooked(&mut grid);
        self.placed(&grid, picture)
    }

    /// The largest grid at one size of the picture, and how many saddles there are.
    fn grid(&self, picture: &GreyPicture) -> (BTreeMap<Cell, [f64; 2]>, usize) {
        let found = saddles(picture);
        let links = links(picture, &found);
        let mut seen = vec![false; found.len()];
        let mut best = BTreeMap::new();
        let mut order: Vec<usize> = (0..found.len()).collect();
        let degree = |i: &usize| links[*i].iter().flatten().count();
        order.sort_by_key(|i| std::cmp::Reverse(degree(i)));
        for seed in order {
            if seen[seed] || degree(&seed) < 2 {
                continue;
            }
            let grid = walk(&found, &links, seed, &mut seen);
            if grid.len() > best.len() {
                best = grid;
            }
        }
        let mut grid: BTreeMap<Cell, [f64; 2]> =
            best.into_iter().map(|(c, i)| (c, found[i].at)).collect();
        drop_crooked(&mut grid);
        self.fill(picture, &mut grid);
        drop_crooked(&mut grid);
        (grid, found.len())
    }

    /// Looks where corners should be that were not seen as such.
    fn fill(&self, picture: &GreyPicture, grid: &mut BTreeMap<Cell, [f64; 2]>) {
        if grid.len() < 6 {
            return;
        }
        let softer = picture.smoothed(0.8);
        let along = |p: [f64; 2], q: [f64; 2]| (q[1] - p[1]).atan2(q[0] - p[0]);
        // Which of a saddle's two lines runs along the grid's columns alternates from corner to corner.
        let kind = |cell: Cell, saddle: &Saddle, angle: f64| {
            let [a, b] = saddle.lines.map(|l| line_angle(l, angle));
            (cell.0 + cell.1 + i32::from(b < a)).rem_euclid(2)
        };
        let mut kinds = [0_usize; 2];
        for (&(i, j), p) in grid.iter() {
            if let (Some(q), Some(saddle)) = (grid.get(&(i + 1, j)), saddle_at(&softer, *p)) {
                kinds[kind((i, j), &saddle, along(*p, *q)) as usize] += 1;
            }
        }
        let expected = i32::from(kinds[1] > kinds[0]);
        for _ in 0..self.columns + self.rows {
            let mut fresh = BTreeMap::new();
            for (&(i, j), p) in grid.iter() {
                for (di, dj) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
                    let cell = (i + di, j + dj);
                    let Some(back) = grid.get(&(i - di, j - dj)) else {
                        continue;
                    };
                    if grid.contains_key(&cell) || fresh.contains_key(&cell) {
                        continue;
                    }
                    let ahead = [2.0 * p[0] - back[0], 2.0 * p[1] - back[1]];
                    let pitch = (p[0] - back[0]).hypot(p[1] - back[1]);
                    if !inside(picture, ahead, 3.0) || !self.has_room(grid, cell) {
                        continue;
                    }
                    let reach = (0.3 * pitch).clamp(2.5, 6.0);
                    let found = refine(&softer, ahead, reach).filter(|q| {
                        let off = (q[0] - ahead[0]).hypot(q[1] - ahead[1]);
                        off < 0.25 * pitch
                    });
                    let Some(at) = found else { continue };
                    let Some(saddle) = saddle_at(&softer, at) else {
                        continue;
                    };
                    let angle = along(*back, *p);
                    // Along a row the other line is the one of the columns.
                    let kind = (kind(cell, &saddle, angle) + i32::from(di == 0)).rem_euclid(2);
                    if kind == expected && saddle.lines.iter().any(|l| line_angle(*l, angle) < 0.3)
                    {
                        fresh.insert(cell, at);
                    }
                }
            }
            if fresh.is_empty() {
                return;
            }
            grid.extend(fresh);
        }
    }

    /// Whether the grid with this cell is no larger than the board, either way round.
    fn has_room(&self, grid: &BTreeMap<Cell, [f64; 2]>, cell: Cell) -> bool {
        let span = |f: fn(&Cell) -> i32| {
            let all = || grid.keys().chain([&cell]).map(f);
            (all().max().unwrap_or(0) - all().min().unwrap_or(0) + 1) as usize
        };
        let (a, b) = (span(|c| c.0), span(|c| c.1));
        (a <= self.columns && b <= self.rows) || (a <= self.rows && b <= self.columns)
    }

    fn placed(
        &self,
        grid: &BTreeMap<Cell, [f64; 2]>,
        picture: &GreyPicture,
    ) -> Result<FoundBoard, BoardError> {
        let needed = CORNERS_MIN.min(self.columns * self.rows);
        let least = |f: fn(&Cell) -> i32| grid.keys().map(f).min().unwrap_or(0);
        let most = |f: fn(&Cell) -> i32| grid.keys().map(f).max().unwrap_or(-1);
        let (left, top) = (least(|c| c.0), least(|c| c.1));
        let wide = (most(|c| c.0) - left + 1) as usize;
        let high = (most(|c| c.1) - top + 1) as usize;
        if grid.len() < needed || wide.min(high) < 3.min(self.columns.min(self.rows)) {
            return Err(BoardError::TooFew {
                found: grid.len(),
                needed,
            });
        }
        let upright = wide <= self.columns && high <= self.rows;
        let turned = wide <= self.rows && high <= self.columns;
        if !upright && !turned {
            return Err(BoardError::TooLarge {
                columns: wide.max(high),
                rows: wide.min(high),
                expected_columns: self.columns,
                expected_rows: self.rows,
            });
        }
        let mut corners: Vec<BoardCorner> = grid
            .iter()
            .map(|((i, j), p)| {
                let (i, j) = ((i - left) as usize, (j - top) as usize);
                // A quarter turn keeps the board's face.
                let (column, row) = if upright { (i, j) } else { (j, wide - 1 - i) };
                BoardCorner {
                    column,
                    row,
                    pixel: *p,
                }
            })
            .collect();
        let whole = corners.len() == self.columns * self.rows;
        if whole && (self.columns + self.rows) % 2 == 1 {
            corners.sort_by_key(|c| (c.row, c.column));
            if !is_dark_outside(&corners, self.columns, picture) {
                for c in &mut corners {
                    c.column = self.columns - 1 - c.column;
                    c.row = self.rows - 1 - c.row;
                }
            }
        }
        corners.sort_by_key(|c| (c.row, c.column));
        Ok(FoundBoard { corners, whole })
    }
}

/// Whether the square beyond corner (0, 0) is the darker one: it has the colour of the square inside.
fn is_dark_outside(corners: &[BoardCorner], columns: usize, picture: &GreyPicture) -> bool {
    let middle = |c: usize, r: usize| -> f64 {
        let at = |c: usize, r: usize| corners[r * columns + c].pixel;
        let [p, q] = [at(c, r), at(c + 1, r + 1)];
        picture.between(0.5 * (p[0] + q[0]), 0.5 * (p[1] + q[1]))
    };
    middle(0, 0) < middle(1, 0)
}

/// For each saddle its neighbours along its first line, backwards along it, along its second, backwards.
fn links(picture: &GreyPicture, all: &[Saddle]) -> Vec<[Option<usize>; 4]> {
    let cell = 32.0;
    let (gw, gh) = (
        (picture.width() as f64 / cell) as usize + 1,
        (picture.height() as f64 / cell) as usize + 1,
    );
    let place = |p: [f64; 2]| {
        (
            ((p[0] / cell) as usize).min(gw - 1),
            ((p[1] / cell) as usize).min(gh - 1),
        )
    };
    let mut buckets = vec![Vec::new(); gw * gh];
    for (i, s) in all.iter().enumerate() {
        let (x, y) = place(s.at);
        buckets[y * gw + x].push(i);
    }
    let one = |s: &Saddle, me: usize, way: usize| -> Option<usize> {
        let angle = s.lines[way / 2]
            + if way % 2 == 1 {
                std::f64::consts::PI
            } else {
                0.0
            };
        let (sin, cos) = angle.sin_cos();
        let (cx, cy) = place(s.at);
        let mut best: Option<(f64, usize)> = None;
        for ring in 0..gw.max(gh) {
            // What lies in farther rings is farther than this.
            if best.is_some_and(|b| b.0 < (ring as f64 - 1.0) * cell) {
                break;
            }
            // Squares wider than a third of the picture are no board.
            if ring as f64 * cell > 0.4 * (picture.width().max(picture.height()) as f64) {
                break;
            }
            for (x, y) in ring_cells(cx, cy, ring, gw, gh) {
                for &o in &buckets[y * gw + x] {
                    if o == me {
                        continue;
                    }
                    let other = &all[o];
                    let d = [other.at[0] - s.at[0], other.at[1] - s.at[1]];
                    let along = d[0] * cos + d[1] * sin;
                    let aside = (d[1] * cos - d[0] * sin).abs();
                    if along < 5.0 || aside > 0.27 * along {
                        continue;
                    }
                    // On the other kind of line there: bright and dark change sides.
                    let their = other.lines[1 - way / 2];
                    if line_angle(their, d[1].atan2(d[0])) > 0.35 {
                        continue;
                    }
                    if best.is_none_or(|b| along < b.0) {
                        best = Some((along, o));
                    }
                }
            }
        }
        best.map(|b| b.1)
    };
    let ahead: Vec<[Option<usize>; 4]> = all
        .iter()
        .enumerate()
        .map(|(i, s)| std::array::from_fn(|way| one(s, i, way)))
        .collect();
    // Neighbours must think the same of each other.
    (0..all.len())
        .map(|i| ahead[i].map(|o| o.filter(|o| ahead[*o].contains(&Some(i)))))
        .collect()
}

fn ring_cells(
    cx: usize,
    cy: usize,
    ring: usize,
    gw: usize,
    gh: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let (x0, y0) = (cx as isize, cy as isize);
    let r = ring as isize;
    (-r..=r)
        .flat_map(move |dy| {
            let step = if dy.abs() == r { 1 } else { (2 * r).max(1) };
            (-r..=r).step_by(step as usize).map(move |dx| (dx, dy))
        })
        .filter_map(move |(dx, dy)| {
            let (x, y) = (x0 + dx, y0 + dy);
            let there = (0..gw as isize).contains(&x) && (0..gh as isize).contains(&y);
            there.then_some((x as usize, y as usize))
        })
}

/// Numbers the saddles that hang together with a seed.
fn walk(
    all: &[Saddle],
    links: &[[Option<usize>; 4]],
    seed: usize,
    seen: &mut [bool],
) -> BTreeMap<Cell, usize> {
    let direction = |a: f64| [a.cos(), a.sin()];
    let dot = |a: [f64; 2], b: [f64; 2]| a[0] * b[0] + a[1] * b[1];
    let first = direction(all[seed].lines[0]);
    let mut second = direction(all[seed].lines[1]);
    if first[0] * second[1] - first[1] * second[0] < 0.0 {
        second = second.map(|x| -x);
    }
    let mut grid = BTreeMap::from([((0, 0), seed)]);
    let mut queue = VecDeque::from([(seed, (0, 0), [first, second])]);
    let mut taken = BTreeMap::from([(seed, (0, 0))]);
    seen[seed] = true;
    while let Some((at, (i, j), axes)) = queue.pop_front() {
        for other in links[at].iter().flatten().copied() {
            let (p, q) = (all[at].at, all[other].at);
            let d = [q[0] - p[0], q[1] - p[1]];
            let [u, v] = [dot(d, axes[0]), dot(d, axes[1])];
            let cell = if u.abs() > v.abs() {
                (i + u.signum() as i32, j)
            } else {
                (i, j + v.signum() as i32)
            };
            if taken.contains_key(&other) || grid.contains_key(&cell) {
                continue;
            }
            // The other's axes are its own lines, the way this one's point.
            let lines = all[other].lines.map(direction);
            let along = |axis: [f64; 2]| {
                let [a, b] = lines.map(|l| dot(l, axis));
                let (line, share) = if a.abs() > b.abs() {
                    (lines[0], a)
                } else {
                    (lines[1], b)
                };
                line.map(|x| x * share.signum())
            };
            let theirs = axes.map(along);
            if dot(theirs[0], theirs[1]).abs() > 0.98 {
                continue;
            }
            seen[other] = true;
            taken.insert(other, cell);
            grid.insert(cell, other);
            queue.push_back((other, cell, theirs));
        }
    }
    grid
}

/// Takes corners out that do not lie between their neighbours.
fn drop_crooked(grid: &mut BTreeMap<Cell, [f64; 2]>) {
    loop {
        let mut worst: Option<(f64, Cell)> = None;
        for (&(i, j), p) in grid.iter() {
            for (di, dj) in [(1, 0), (0, 1)] {
                let (Some(a), Some(b)) = (grid.get(&(i - di, j - dj)), grid.get(&(i + di, j + dj)))
                else {
                    continue;
                };
                let pitch = 0.5 * (a[0] - b[0]).hypot(a[1] - b[1]);
                let off = (p[0] - 0.5 * (a[0] + b[0])).hypot(p[1] - 0.5 * (a[1] + b[1]));
                let share = off / pitch.max(1e-9);
                if share > 0.3 && worst.is_none_or(|w| share > w.0) {
                    worst = Some((share, (i, j)));
                }
            }
        }
        let Some((_, cell)) = worst else { break };
        grid.remove(&cell);
    }
    drop_twisted(grid);
    // What hangs by one corner alone is no part of a grid.
    loop {
        let lonely: Vec<Cell> = grid
            .keys()
            .filter(|(i, j)| {
                let near = [(1, 0), (-1, 0), (0, 1), (0, -1)];
                let n = near
                    .iter()
                    .filter(|(a, b)| grid.contains_key(&(i + a, j + b)));
                n.count() < 2
            })
            .copied()
            .collect();
        if lonely.is_empty() {
            break;
        }
        for cell in lonely {
            grid.remove(&cell);
        }
    }
}

/// Takes corners out that make squares which are none: opposite sides of a square seen askew are still nearly alike.
fn drop_twisted(grid: &mut BTreeMap<Cell, [f64; 2]>) {
    loop {
        let mut blame: BTreeMap<Cell, f64> = BTreeMap::new();
        for &(i, j) in grid.keys() {
            let cells = [(i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1)];
            let corners = cells.map(|c| grid.get(&c).copied());
            let [Some(a), Some(b), Some(c), Some(d)] = corners else {
                continue;
            };
            let side = |p: [f64; 2], q: [f64; 2]| (p[0] - q[0]).hypot(p[1] - q[1]);
            let least = side(a, b).min(side(c, d)).min(side(a, c)).min(side(b, d));
            let twist = (a[0] - b[0] - c[0] + d[0]).hypot(a[1] - b[1] - c[1] + d[1]);
            let share = twist / least.max(1e-9);
            if share > TWIST_MAX || least < PITCH_MIN_PX {
                for c in cells {
                    *blame.entry(c).or_default() += share.min(2.0);
                }
            }
        }
        let neighbours = |c: &Cell| {
            let near = [(1, 0), (-1, 0), (0, 1), (0, -1)];
            near.iter()
                .filter(|(a, b)| grid.contains_key(&(c.0 + a, c.1 + b)))
                .count()
        };
        let worst = blame.iter().max_by(|a, b| {
            let order = |(c, blame): (&Cell, &f64)| *blame - 0.3 * neighbours(c) as f64;
            order(*a).total_cmp(&order(*b))
        });
        let Some((cell, _)) = worst else { break };
        let cell = *cell;
        grid.remove(&cell);
    }
}

/// Corners in the full picture to a fraction of a pixel.
fn sharpen(
    picture: &GreyPicture,
    grid: &BTreeMap<Cell, [f64; 2]>,
    scale: f64,
) -> BTreeMap<Cell, [f64; 2]> {
    let smooth = picture.smoothed(0.7);
    let mut out = BTreeMap::new();
    for (&(i, j), p) in grid {
        let near = [(1, 0), (-1, 0), (0, 1), (0, -1)]
            .iter()
            .filter_map(|(a, b)| grid.get(&(i + a, j + b)))
            .map(|q| (p[0] - q[0]).hypot(p[1] - q[1]))
            .fold(f64::INFINITY, f64::min);
        // Found coarsely first: the corner may be a pixel of the small picture away.
        let reach = (0.35 * near).clamp(2.5, 10.0);
        let coarse = if scale > 1.0 {
            refine(&smooth, *p, (0.45 * near).clamp(2.5, 4.0 * scale))
        } else {
            Some(*p)
        };
        let found = coarse.and_then(|c| refine(&smooth, c, reach));
        if let Some(q) = found.filter(|q| {
            let off = (q[0] - p[0]).hypot(q[1] - p[1]);
            off < 0.4 * near && near > SQUARE_MIN_PX && inside(picture, *q, 3.0)
        }) {
            out.insert((i, j), q);
        }
    }
    out
}

fn inside(picture: &GreyPicture, p: [f64; 2], margin: f64) -> bool {
    p[0] > margin
        && p[1] > margin
        && p[0] < picture.width() as f64 - margin
        && p[1] < picture.height() as f64 - margin
}
