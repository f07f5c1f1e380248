//! Which of a shop's cameras to use, when not all: a greedy choice for seeing every place thrice.

use walkout_model::{Layout, Obstacles, Point2, View};

/// A place seen by so many cameras is seen well.
const ENOUGH: u32 = 3;
/// Height at which heads are looked for, and the grid's pitch, metres.
const HEAD_M: f64 = 1.55;
const PITCH_M: f64 = 0.5;
/// Farther than this nobody is large enough.
const FAR_M: f64 = 8.0;

/// Indices of `count` cameras, in the order of the shop's folder. Each next one adds most views of places that
/// have fewer than three; of equals the first.
pub fn choose(layout: &Layout, count: usize) -> Vec<usize> {
    let obstacles = Obstacles::new(layout);
    let places = places(layout);
    let seen: Vec<Vec<usize>> = layout
        .cameras
        .iter()
        .map(|camera| {
            let view = View::new(camera);
            let sees = |p: &Point2| {
                let head = p.at_height(HEAD_M);
                let near = camera.position.distance(head) < FAR_M;
                near && view.project(head).is_some_and(|px| view.contains(px))
                    && obstacles.is_clear(camera.position, head, 0.0)
            };
            let all = places.iter().enumerate();
            all.filter(|(_, p)| sees(p)).map(|(i, _)| i).collect()
        })
        .collect();
    let mut views = vec![0_u32; places.len()];
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < count.min(layout.cameras.len()) {
        // The third view of a place is worth less than the second, and that less than the first.
        let worth = |camera: &usize| -> u32 {
            let new = seen[*camera].iter().filter(|p| views[**p] < ENOUGH);
            new.map(|p| ENOUGH + 1 - views[*p]).sum()
        };
        let free = (0..layout.cameras.len()).filter(|c| !chosen.contains(c));
        let Some(best) = free.max_by_key(|c| (worth(c), std::cmp::Reverse(*c))) else {
            break;
        };
        if worth(&best) == 0 {
            // Everything is seen thrice: begin again, for more.
            if views.iter().all(|v| *v == 0) {
                break;
            }
            views.fill(0);
            continue;
        }
        for p in &seen[best] {
            views[*p] += 1;
        }
        chosen.push(best);
    }
    chosen.sort_unstable();
    chosen
}

/// Free places of the floor.
fn places(layout: &Layout) -> Vec<Point2> {
    let (lo, hi) = layout.floor.bounds();
    let blocked: Vec<_> = layout.fixtures.iter().map(|f| f.footprint()).collect();
    let steps = |a: f64, b: f64| ((b - a) / PITCH_M).floor().clamp(0.0, 1_000.0) as usize;
    let mut out = Vec::new();
    for i in 0..steps(lo.x, hi.x) {
        for j in 0..steps(lo.y, hi.y) {
            let p = Point2::new(
                lo.x + (i as f64 + 0.5) * PITCH_M,
                lo.y + (j as f64 + 0.5) * PITCH_M,
            );
            if layout.floor.contains(p) && blocked.iter().all(|b| !b.contains(p)) {
                out.push(p);
            }
        }
    }
    out
}
