//! Which plates carry an item that stands at a place, and how well a step's shares agree.

use walkout_model::layout::Shelf;
use walkout_model::{Lane, Layout, Product, ShelfIx, Shop, WeightStep};

/// Edges of a shelf's plates, metres from its left end.
pub(crate) fn plate_edges(layout: &Layout, shelf: ShelfIx) -> Vec<(f64, f64)> {
    let Some(s) = layout.shelves.get(shelf.usize()) else {
        return Vec::new();
    };
    plates_of(layout, s)
        .iter()
        .map(|p| (p.x_m, p.x_m + p.width_m))
        .collect()
}

/// Those that a step says something of: none if cameras saw it, who say themselves where it was.
pub(crate) fn edges_of(layout: &Layout, step: &WeightStep) -> Vec<(f64, f64)> {
    match step.seen {
        Some(_) => Vec::new(),
        None => plate_edges(layout, step.shelf),
    }
}

fn plates_of<'a>(layout: &'a Layout, s: &Shelf) -> &'a [walkout_model::layout::Plate] {
    layout
        .plates
        .get(s.plates.start as usize..s.plates.end as usize)
        .unwrap_or_default()
}

/// Steps in which places within a lane are tried, metres.
const UNTIDY_M: f64 = 0.015;

/// Share of a plate's load that each neighbour shows, through board and frame.
const LEAK: f64 = 0.02;

/// Share of the load on each plate of an item `width_m` wide about `x_m`, resting evenly.
pub(crate) fn shares(edges: &[(f64, f64)], x_m: f64, width_m: f64) -> Vec<f64> {
    let half = (width_m / 2.0).max(0.002);
    let mut shares: Vec<f64> = edges
        .iter()
        .map(|(lo, hi)| ((x_m + half).min(*hi) - (x_m - half).max(*lo)).max(0.0))
        .collect();
    let total: f64 = shares.iter().sum();
    if total > 0.0 {
        for s in &mut shares {
            *s /= total;
        }
    } else if let Some(nearest) = (0..edges.len()).min_by(|a, b| {
        let d = |i: usize| ((edges[i].0 + edges[i].1) / 2.0 - x_m).abs();
        d(*a).total_cmp(&d(*b))
    }) {
        shares[nearest] = 1.0;
    }
    (0..shares.len())
        .map(|i| {
            let left = i.checked_sub(1).map_or(0.0, |j| shares[j]);
            let right = shares.get(i + 1).copied().unwrap_or(0.0);
            shares[i] * (1.0 - 2.0 * LEAK) + LEAK * (left + right)
        })
        .collect()
}

/// The shares on all plates of the shelf for each way in which `units` may come off or go onto a lane.
pub(crate) fn lane_shares(
    edges: &[(f64, f64)],
    lane: &Lane,
    product: &Product,
    units: u32,
) -> Vec<Vec<f64>> {
    let columns = lane.facings.clamp(1, 12);
    let pitch = lane.width_m / f64::from(columns);
    let width = f64::from(product.size_mm[0]) / 1_000.0;
    let width = width.min(lane.width_m);
    let at = |x: f64| shares(edges, x, width);
    let single: Vec<Vec<f64>> = (0..columns)
        .map(|c| at(lane.x_m + (f64::from(c) + 0.5) * pitch))
        .collect();
    // Shoppers leave columns untidy: an item may as well stand anywhere in the lane.
    let room = lane.width_m - width;
    let spots = ((room / UNTIDY_M).ceil() as u32).clamp(1, 16);
    let mut ways = single.clone();
    ways.extend(
        (0..=spots).map(|k| at(lane.x_m + width / 2.0 + room * f64::from(k) / f64::from(spots))),
    );
    if units < 2 || columns < 2 {
        return ways;
    }
    // Several units: from one column, from two, or from all over the lane.
    let mean = |parts: &[&Vec<f64>]| -> Vec<f64> {
        (0..edges.len())
            .map(|i| parts.iter().map(|p| p[i]).sum::<f64>() / parts.len() as f64)
            .collect()
    };
    for a in 0..single.len() {
        for b in a + 1..single.len() {
            ways.push(mean(&[&single[a], &single[b]]));
        }
    }
    if units > 2 && columns > 2 {
        ways.push(mean(&single.iter().collect::<Vec<_>>()));
    }
    ways
}

/// What a step shows of its place: the share of the change on each plate of the shelf and how sure
/// it is, and where its middle lies.
#[derive(Clone, Debug)]
pub(crate) struct SeenShares {
    shares: Vec<f64>,
    variances: Vec<f64>,
    /// Number of the shelf's first plate.
    first: u32,
    /// Middle of the change, metres from the shelf's left end.
    pub x_m: f64,
    /// Left and right edge of the plates that changed most.
    pub span: (f64, f64),
}

impl SeenShares {
    pub(crate) fn new(
        shop: &Shop,
        step: &WeightStep,
        edges: &[(f64, f64)],
        share_sigma: f64,
    ) -> Self {
        let first = shop
            .layout
            .shelves
            .get(step.shelf.usize())
            .map_or(0, |s| s.plates.start);
        if let Some(seen) = &step.seen {
            let half = seen.width_m / 2.0;
            return Self {
                shares: Vec::new(),
                variances: Vec::new(),
                first,
                x_m: seen.x_m,
                span: (seen.x_m - half, seen.x_m + half),
            };
        }
        let mut deltas = vec![0.0; edges.len()];
        let mut variances = vec![share_sigma * share_sigma; edges.len()];
        let total: f64 = step.plates.iter().map(|p| f64::from(p.delta_g)).sum();
        let scale = if total.abs() > 1.0 { total } else { 1.0 };
        for p in &step.plates {
            if let Some(i) = p.plate.0.checked_sub(first).map(|i| i as usize)
                && i < deltas.len()
            {
                deltas[i] += f64::from(p.delta_g) / scale;
                variances[i] += (f64::from(p.sigma_g) / scale).powi(2);
            }
        }
        for v in &mut variances {
            // A share too small to be noticed on its plate is not known to be 0.
            *v += (1.5 / scale).powi(2);
        }
        let weight: f64 = deltas.iter().map(|d| d.max(0.0)).sum();
        let x_m = if weight > 0.0 {
            deltas
                .iter()
                .zip(edges)
                .map(|(d, (lo, hi))| d.max(0.0) * (lo + hi) / 2.0)
                .sum::<f64>()
                / weight
        } else {
            0.0
        };
        let changed = || {
            deltas
                .iter()
                .zip(edges)
                .filter(|(d, _)| d.abs() > 0.15)
                .map(|(_, e)| *e)
        };
        let lo = changed().map(|e| e.0).fold(f64::INFINITY, f64::min);
        let hi = changed().map(|e| e.1).fold(f64::NEG_INFINITY, f64::max);
        let span = if lo < hi { (lo, hi) } else { (x_m, x_m) };
        Self {
            shares: deltas,
            variances,
            first,
            x_m,
            span,
        }
    }

    /// The shares of another step on the same shelf.
    pub(crate) fn of_other(&self, other: &WeightStep) -> Vec<f64> {
        let mut shares = vec![0.0; self.shares.len()];
        let total: f64 = other.plates.iter().map(|p| f64::from(p.delta_g)).sum();
        let scale = if total.abs() > 1.0 { total } else { 1.0 };
        for p in &other.plates {
            if let Some(i) = p.plate.0.checked_sub(self.first)
                && let Some(share) = shares.get_mut(i as usize)
            {
                *share += f64::from(p.delta_g) / scale;
            }
        }
        shares
    }

    /// How much of the change is on the plates of another one.
    pub(crate) fn on_plates_of(&self, other: &[f64]) -> f64 {
        let both = self.shares.iter().zip(other);
        let on: f64 = both.filter(|(_, x)| **x > 0.02).map(|(x, _)| x).sum();
        on.clamp(0.0, 1.0)
    }

    /// Log likelihood against a perfect agreement, floored: shares are never wholly trusted.
    pub(crate) fn agreement(&self, expected: &[f64]) -> f64 {
        let chi2: f64 = self
            .shares
            .iter()
            .zip(&self.variances)
            .zip(expected)
            .map(|((seen, var), want)| (seen - want).powi(2) / var)
            .sum();
        (-0.5 * chi2).max(-14.0)
    }
}
