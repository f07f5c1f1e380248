//! Who goes with what: the matching of least cost between two sets of which either may stay alone.
//!
//! Shortest augmenting paths with dual prices (Jonker and Volgenant, "A shortest augmenting path algorithm
//! for dense and sparse linear assignment problems", 1987; Crouse, "On implementing 2D rectangular assignment
//! algorithms", 2016), run on each connected group of possible pairs by itself: trackers gate most pairs
//! away, so groups are small whatever the crowd.

/// A row and a column that may go together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Row, from 0.
    pub row: usize,
    /// Column, from 0.
    pub col: usize,
    /// What it costs.
    pub cost: f64,
}

/// For each row its column, so that the sum of (cost − `limit`) over the pairs made is least. A pair that
/// costs `limit` or more, or NaN, or that lies outside `rows` × `cols`, is never made; neither is one that is
/// not listed. Of two listings of the same pair the cheaper counts.
pub fn assign(rows: usize, cols: usize, pairs: &[Pair], limit: f64) -> Vec<Option<usize>> {
    let mut matched = vec![None; rows];
    let usable = |p: &&Pair| p.cost < limit && p.row < rows && p.col < cols;
    let mut groups = Groups::new(rows + cols);
    for p in pairs.iter().filter(usable) {
        groups.join(p.row, rows + p.col);
    }
    let mut sorted: Vec<(usize, Pair)> = pairs
        .iter()
        .filter(usable)
        .map(|p| (groups.root(p.row), *p))
        .collect();
    sorted.sort_by(|(a, p), (b, q)| (a, p.row, p.col).cmp(&(b, q.row, q.col)));
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        if let [(_, only)] = group {
            matched[only.row] = Some(only.col);
        } else {
            solve_group(group, limit, &mut matched);
        }
    }
    matched
}

fn solve_group(group: &[(usize, Pair)], limit: f64, matched: &mut [Option<usize>]) {
    let mut rows: Vec<usize> = group.iter().map(|(_, p)| p.row).collect();
    let mut cols: Vec<usize> = group.iter().map(|(_, p)| p.col).collect();
    for list in [&mut rows, &mut cols] {
        list.sort_unstable();
        list.dedup();
    }
    let transposed = rows.len() > cols.len();
    let (few, many) = if transposed {
        (&cols, &rows)
    } else {
        (&rows, &cols)
    };
    let mut cost = vec![limit; few.len() * many.len()];
    for (_, p) in group {
        let (a, b) = if transposed {
            (p.col, p.row)
        } else {
            (p.row, p.col)
        };
        if let (Ok(i), Ok(j)) = (few.binary_search(&a), many.binary_search(&b)) {
            let slot = &mut cost[i * many.len() + j];
            *slot = slot.min(p.cost);
        }
    }
    for (i, j) in solve_dense(few.len(), many.len(), &cost)
        .into_iter()
        .enumerate()
    {
        if cost[i * many.len() + j] < limit {
            let (row, col) = if transposed {
                (many[j], few[i])
            } else {
                (few[i], many[j])
            };
            matched[row] = Some(col);
        }
    }
}

/// The column of each row in the full matching of least cost; `n` ≤ `m`, costs finite, row by row.
fn solve_dense(n: usize, m: usize, cost: &[f64]) -> Vec<usize> {
    const FREE: usize = usize::MAX;
    let mut row_price = vec![0.0; n];
    let mut col_price = vec![0.0; m];
    let mut row_of = vec![FREE; m];
    let mut came_from = vec![FREE; m];
    let mut best = vec![0.0; m];
    let mut scanned = vec![false; m];
    for start in 0..n {
        best.fill(f64::INFINITY);
        scanned.fill(false);
        let mut row = start;
        let mut via = FREE;
        let mut reached = 0.0;
        let end = loop {
            let mut next = FREE;
            let mut least = f64::INFINITY;
            for col in 0..m {
                if scanned[col] {
                    continue;
                }
                let through = reached + cost[row * m + col] - row_price[row] - col_price[col];
                if through < best[col] {
                    best[col] = through;
                    came_from[col] = via;
                }
                // Of equally near columns a free one ends the search.
                if best[col] < least || (best[col] == least && row_of[col] == FREE) {
                    least = best[col];
                    next = col;
                }
            }
            // m ≥ n and finite costs: there is always a column left.
            debug_assert!(next != FREE);
            reached = least;
            scanned[next] = true;
            if row_of[next] == FREE {
                break next;
            }
            row = row_of[next];
            via = next;
        };
        row_price[start] += reached;
        for col in 0..m {
            if scanned[col] && col != end {
                let slack = reached - best[col];
                row_price[row_of[col]] += slack;
                col_price[col] -= slack;
            }
        }
        let mut col = end;
        loop {
            let before = came_from[col];
            if before == FREE {
                row_of[col] = start;
                break;
            }
            row_of[col] = row_of[before];
            col = before;
        }
    }
    let mut col_of = vec![0; n];
    for (col, row) in row_of.into_iter().enumerate() {
        if row != FREE {
            col_of[row] = col;
        }
    }
    col_of
}

/// Disjoint sets with path halving; the least member is the root.
struct Groups(Vec<usize>);

impl Groups {
    fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gain(pairs: &[Pair], matched: &[Option<usize>], limit: f64) -> f64 {
        let cost = |row, col| {
            let same = pairs.iter().filter(|p| p.row == row && p.col == col);
            same.map(|p| p.cost).fold(f64::INFINITY, f64::min)
        };
        let made = matched.iter().enumerate();
        made.filter_map(|(r, c)| Some(limit - cost(r, (*c)?))).sum()
    }

    /// The best that can be had from row `row` on.
    fn brute(rows: usize, row: usize, used: u32, pairs: &[Pair], limit: f64) -> f64 {
        if row == rows {
            return 0.0;
        }
        let mut best = brute(rows, row + 1, used, pairs, limit);
        for p in pairs.iter().filter(|p| p.row == row && p.cost < limit) {
            if used & (1 << p.col) == 0 {
                let rest = brute(rows, row + 1, used | (1 << p.col), pairs, limit);
                best = best.max(limit - p.cost + rest);
            }
        }
        best
    }

    #[test]
    fn a_greedy_choice_is_not_made() {
        let pair = |row, col, cost| Pair { row, col, cost };
        let pairs = [pair(0, 0, 0.1), pair(0, 1, 0.2), pair(1, 0, 0.2)];
        assert_eq!(assign(2, 2, &pairs, 1.0), [Some(1), Some(0)]);
        assert_eq!(assign(2, 2, &pairs[..1], 0.1), [None, None]);
        assert_eq!(
            assign(1, 1, &[pair(0, 0, f64::NAN), pair(3, 0, 0.0)], 1.0),
            [None]
        );
        assert_eq!(assign(0, 0, &[], 1.0), []);
    }

    proptest! {
        #[test]
        fn nothing_is_better(
            rows in 0..6_usize, cols in 0..6_usize,
            all in proptest::collection::vec((0..6_usize, 0..6_usize, 0..20_u32), 0..30),
        ) {
            let pairs: Vec<Pair> = all
                .into_iter()
                .filter(|(r, c, _)| *r < rows && *c < cols)
                .map(|(row, col, cost)| Pair { row, col, cost: f64::from(cost) })
                .collect();
            let matched = assign(rows, cols, &pairs, 15.0);
            let mut taken: Vec<usize> = matched.iter().flatten().copied().collect();
            taken.sort_unstable();
            let n = taken.len();
            taken.dedup();
            prop_assert_eq!(n, taken.len());
            let found = gain(&pairs, &matched, 15.0);
            prop_assert!((found - brute(rows, 0, 0, &pairs, 15.0)).abs() < 1e-9);
        }
    }
}
