//! `walkout bench marks`: what the networks that ship get right, on frames drawn with seeds and
//! materials that training never saw, on rendered shops, and on real photos and frames where they are there.

mod floor;
mod items;
mod people;
mod video;

pub use floor::{FloorMarks, measure as measure_floor};
pub use items::{ItemMarks, Photo, Seen, fit, measure as measure_items, see, see_drawn, spread};
pub(crate) use items::{candidates, likeliest};
pub use people::{
    HandMarks, PeoplePlan, PersonMarks, ViewMarks, fit_hands, measure as measure_people,
};
pub use video::{Clip, VideoMarks, clips, measure as measure_video};

use serde::Serialize;
use walkout_model::files::{ShopError, ShopNotFound};
use walkout_perception::nets::{NetError, PictureError};
use walkout_simulator::SimulationError;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum MarksError {
    /// A network failed.
    #[error(transparent)]
    Network(#[from] NetError),
    /// Something was no picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A shop's folder would not load.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// There is no such shop.
    #[error(transparent)]
    NoShop(#[from] ShopNotFound),
    /// The simulation would not start.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

/// What was found of what was there.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rates {
    /// Share of what was there that was found.
    pub recall: f64,
    /// Share of what was found that was there.
    pub precision: f64,
    /// How many were there.
    pub there: u32,
    /// How many were found.
    pub found: u32,
}

/// Counts towards [`Rates`].
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    hit: u32,
    missed: u32,
    wrong: u32,
}

impl Tally {
    fn add(&mut self, o: Self) {
        self.hit += o.hit;
        self.missed += o.missed;
        self.wrong += o.wrong;
    }

    fn rates(self) -> Rates {
        let share = |n: u32| f64::from(self.hit) / f64::from(n.max(1));
        Rates {
            recall: share(self.hit + self.missed),
            precision: share(self.hit + self.wrong),
            there: self.hit + self.missed,
            found: self.hit + self.wrong,
        }
    }
}

/// What a detection may be matched with.
#[derive(Clone, Copy, Debug)]
struct Target {
    x: f64,
    y: f64,
    /// How far off a detection may be, pixels.
    within: f64,
    /// Whether missing it is a mistake. What need not be found is no mistake to find either.
    counts: bool,
}

/// Matches detections, the surest first, each to the nearest free target in reach. Gives the
/// tally and for each detection its target.
fn matched(targets: &[Target], found: &[(f64, f64)]) -> (Tally, Vec<Option<usize>>) {
    let mut free = vec![true; targets.len()];
    let mut tally = Tally::default();
    let mut pairs = Vec::with_capacity(found.len());
    for &(x, y) in found {
        let reach = |t: &Target| (t.x - x).hypot(t.y - y);
        let nearest = (0..targets.len())
            .filter(|&i| free[i] && reach(&targets[i]) <= targets[i].within)
            .min_by(|&a, &b| {
                // One that counts before one that does not.
                let key = |i: usize| (!targets[i].counts, reach(&targets[i]));
                key(a).0.cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1))
            });
        match nearest {
            Some(i) => {
                free[i] = false;
                tally.hit += u32::from(targets[i].counts);
            }
            None => tally.wrong += 1,
        }
        pairs.push(nearest);
    }
    tally.missed = (0..targets.len())
        .filter(|&i| free[i] && targets[i].counts)
        .count() as u32;
    (tally, pairs)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_found_once_and_what_need_not_be_found_is_no_mistake() {
        let target = |x: f64, counts: bool| Target {
            x,
            y: 0.0,
            within: 5.0,
            counts,
        };
        let targets = [target(0.0, true), target(20.0, false), target(40.0, true)];
        let (tally, pairs) = matched(&targets, &[(1.0, 0.0), (2.0, 0.0), (21.0, 0.0)]);
        assert_eq!((tally.hit, tally.missed, tally.wrong), (1, 1, 1));
        assert_eq!(pairs, [Some(0), None, Some(1)]);
        let rates = tally.rates();
        assert!((rates.recall - 0.5).abs() < 1e-9 && (rates.precision - 0.5).abs() < 1e-9);
    }
}
