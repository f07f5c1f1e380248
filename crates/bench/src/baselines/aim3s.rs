//! AIM3S (Ruiz et al., *AIM3S: Autonomous Inventory Monitoring through Multi-Modal Sensing for
//! Cashier-Less Convenience Stores*, BuildSys 2019), after the paper and its published constants:
//! one product an event, named by mass × location fused with what cameras saw in the hand.

use super::gauss::overlap;
use super::grid::{Grid, WINDOW, span};
use super::mps::plates_by_sku;
use super::people::People;
use super::{Event, Rules, Verdict};
use std::sync::Arc;
use walkout_model::{ItemLook, PlateIx, ShelfIx, Shop, SkuIx, StoreTime, TimeDelta, TrackId};

/// A shelf is active while its moving mean varies by more, square grams.
const ACTIVE_G2: f64 = 500.0;
/// Fewest active windows, and then fewest quiet ones, of an event.
const HOLD: usize = 30;
/// Smallest change of an event, grams.
const CHANGE_G: f64 = 10.0;
/// Deviation of the scale, and least deviation of a product's mass, grams.
const SCALE_G: f64 = 1.0;
/// A location less probable than this is out of the question.
const LOCATION_MIN: f64 = 0.01;
/// Weight of mass × location; vision has the rest.
const ALPHA: f64 = 0.6;
/// Cameras are watched so long before a put-back and after a take.
pub const WATCHED: TimeDelta = TimeDelta::from_secs(3);
/// Ours: one track is looked at, and wrists less sure than this are not believed (as MPS).
const CONFIDENCE: f32 = 0.8;

/// What the shelves know of products: where they belong and what they weigh.
pub struct Prior {
    /// By SKU: (shelf, plate from the left) where it belongs.
    places: Vec<Vec<(ShelfIx, usize)>>,
    /// By SKU: mean and deviation, grams.
    masses: Vec<(f64, f64)>,
}

impl Prior {
    /// From the shop's files.
    pub fn new(shop: &Shop) -> Self {
        let mut places = vec![Vec::new(); shop.catalogue.len()];
        for (s, plates) in plates_by_sku(shop).iter().enumerate() {
            for (i, skus) in plates.iter().enumerate() {
                for sku in skus {
                    places[sku.usize()].push((ShelfIx::from(s), i));
                }
            }
        }
        let masses = shop
            .catalogue
            .products()
            .iter()
            .map(|p| (p.unit_mass.grams(), p.unit_mass_sd.grams().max(SCALE_G)))
            .collect();
        Self { places, masses }
    }

    /// P_L: each product's share of the change on the plates where it belongs, plates joined into
    /// bins of so many. Bins as wide as the shelf tell only which products belong on it.
    pub fn location(&self, shelf: ShelfIx, plates_g: &[f64], per_bin: usize) -> Vec<f64> {
        let per_bin = per_bin.max(1);
        let bins: Vec<f64> = plates_g
            .chunks(per_bin)
            .map(|bin| bin.iter().sum::<f64>().abs())
            .collect();
        let whole = per_bin >= plates_g.len();
        normalised(self.places.iter().map(|places| {
            let here = places.iter().filter(|(s, _)| *s == shelf);
            if whole {
                f64::from(u8::from(here.count() > 0))
            } else {
                here.map(|(_, plate)| bins[plate / per_bin]).sum()
            }
        }))
    }

    /// P_W: likeness of the change to each product's mass.
    pub fn weight(&self, delta_g: f64) -> Vec<f64> {
        let scale = (delta_g.abs(), SCALE_G);
        self.masses.iter().map(|&m| overlap(m, scale)).collect()
    }

    /// P_W · P_L, normalised.
    pub fn weight_and_location(&self, weight: &[f64], location: &[f64]) -> Vec<f64> {
        normalised(weight.iter().zip(location).map(
            |(w, &l)| {
                if l >= LOCATION_MIN { w * l } else { 0.0 }
            },
        ))
    }

    /// P_V: one minus the probability that no look saw the product.
    pub fn vision<'a>(&self, looks: impl Iterator<Item = &'a ItemLook>) -> Vec<f64> {
        let mut unseen = vec![1.0; self.masses.len()];
        for look in looks {
            for &(sku, p) in &look.posterior {
                if let Some(unseen) = unseen.get_mut(sku.usize()) {
                    *unseen *= 1.0 - f64::from(p).clamp(0.0, 1.0);
                }
            }
        }
        unseen.into_iter().map(|p| 1.0 - p).collect()
    }

    /// The fused probabilities, normalised.
    pub fn fuse(&self, fixed: &[f64], vision: &[f64]) -> Vec<f64> {
        let parts = fixed.iter().zip(vision);
        normalised(parts.map(|(f, v)| ALPHA * f + (1.0 - ALPHA) * v))
    }
}

/// Divided by their sum; all zero where that is zero.
fn normalised(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        for value in &mut values {
            *value /= sum;
        }
    }
    values
}

/// The most probable product with its probability, of equal ones the first; `None` if all are 0.
pub fn best(probabilities: &[f64]) -> Option<(SkuIx, f64)> {
    let mut best = None;
    for (i, &p) in probabilities.iter().enumerate() {
        if p > best.map_or(0.0, |(_, most)| most) {
            best = Some((SkuIx::from(i), p));
        }
    }
    best
}

/// The rules with their detector's state.
pub struct Aim3s {
    shop: Arc<Shop>,
    prior: Prior,
    shelves: Vec<Detector>,
}

/// One shelf's detector.
struct Detector {
    /// The moving means of the last window.
    means_g: [f64; WINDOW],
    sum: f64,
    squares: f64,
    origin: f64,
    seen: usize,
    state: State,
}

enum State {
    Quiet,
    /// Active since `begin`; `ticks` long so far, `quiet` of them quiet at its end.
    Active {
        begin: StoreTime,
        peak: StoreTime,
        peak_g2: f64,
        ticks: usize,
        /// Whether an active stretch was long enough to be an event.
        held: bool,
        quiet: usize,
        before_g: Vec<f64>,
    },
}

impl Detector {
    /// Variance of the moving mean over the last window, square grams.
    fn variance(&mut self, tick: usize, mean_g: f64) -> f64 {
        if self.seen == 0 {
            self.origin = mean_g;
        }
        let slot = tick % WINDOW;
        let new = mean_g - self.origin;
        if self.seen >= WINDOW {
            let old = self.means_g[slot];
            self.sum -= old;
            self.squares -= old * old;
        }
        self.means_g[slot] = new;
        self.sum += new;
        self.squares += new * new;
        self.seen += 1;
        let n = self.seen.min(WINDOW) as f64;
        (self.squares / n - (self.sum / n).powi(2)).max(0.0)
    }
}

impl Aim3s {
    /// Fresh rules over the shop's files.
    pub fn new(shop: &Arc<Shop>) -> Self {
        let detector = || Detector {
            means_g: [0.0; WINDOW],
            sum: 0.0,
            squares: 0.0,
            origin: 0.0,
            seen: 0,
            state: State::Quiet,
        };
        Self {
            shop: Arc::clone(shop),
            prior: Prior::new(shop),
            shelves: shop.layout.shelves.iter().map(|_| detector()).collect(),
        }
    }

    fn owner(&self, event: &Event, people: &People) -> Option<TrackId> {
        let plates = &self.shop.layout.shelves[event.shelf.usize()].plates;
        let plate = PlateIx(plates.start + event.main_plate() as u32);
        let place = self.shop.layout.plate_centre(plate);
        people.nearest(place, event.begin, event.end, CONFIDENCE)
    }
}

impl Rules for Aim3s {
    fn detect(&mut self, grid: &Grid, events: &mut Vec<Event>) {
        let now = grid.ticks();
        if now < 3 * WINDOW {
            return;
        }
        for (s, detector) in self.shelves.iter_mut().enumerate() {
            let shelf = ShelfIx::from(s);
            let (mean_g, _) = grid.newest(shelf);
            let variance = detector.variance(now, mean_g);
            if detector.seen < WINDOW {
                continue;
            }
            // Both windows are dated by their middle: the variance belongs to a second ago.
            let t = grid.time(now - WINDOW);
            let is_active = variance > ACTIVE_G2;
            match &mut detector.state {
                State::Quiet if is_active => {
                    detector.state = State::Active {
                        begin: t,
                        peak: t,
                        peak_g2: variance,
                        ticks: 1,
                        held: false,
                        quiet: 0,
                        // Half a second before: the window's middle is `HOLD` before `t`.
                        before_g: grid.plates_g(shelf, now - WINDOW - HOLD + WINDOW / 2),
                    };
                }
                State::Quiet => {}
                State::Active {
                    begin,
                    peak,
                    peak_g2,
                    ticks,
                    held,
                    quiet,
                    before_g,
                } => {
                    if is_active {
                        *ticks = if *quiet > 0 { 1 } else { *ticks + 1 };
                        *quiet = 0;
                        *held |= *ticks >= HOLD;
                        if variance > *peak_g2 {
                            (*peak_g2, *peak) = (variance, t);
                        }
                        continue;
                    }
                    *quiet += 1;
                    if *quiet < HOLD {
                        continue;
                    }
                    let after_g = grid.plates_g(shelf, now - WINDOW / 2);
                    let change = after_g.iter().zip(before_g.iter()).map(|(a, b)| a - b);
                    let plates_g: Vec<f64> = change.collect();
                    let delta_g: f64 = plates_g.iter().sum();
                    if *held && delta_g.abs() > CHANGE_G {
                        events.push(Event {
                            shelf,
                            begin: *begin - span(HOLD),
                            peak: *peak,
                            end: t,
                            delta_g,
                            plates_g,
                        });
                    }
                    detector.state = State::Quiet;
                }
            }
        }
    }

    fn patience(&self) -> TimeDelta {
        WATCHED + TimeDelta::from_millis(500)
    }

    fn judge(&mut self, event: &Event, people: &People, verdicts: &mut Vec<Verdict>) {
        let track = self.owner(event, people);
        let (from, to) = watched(event.delta_g, event.begin, event.end);
        let looks = track.map(|track| people.looks(track, from, to));
        let vision = self.prior.vision(looks.into_iter().flatten());
        let weight = self.prior.weight(event.delta_g);
        let location = self.prior.location(event.shelf, &event.plates_g, 1);
        let fixed = self.prior.weight_and_location(&weight, &location);
        if let Some((sku, score)) = best(&self.prior.fuse(&fixed, &vision)) {
            verdicts.push(Verdict {
                track,
                sku,
                quantity: if event.delta_g < 0.0 { 1 } else { -1 },
                score,
            });
        }
    }
}

/// When the cameras are watched: what was taken is in the hand afterwards, what is put back before.
pub fn watched(delta_g: f64, begin: StoreTime, end: StoreTime) -> (StoreTime, StoreTime) {
    if delta_g <= 0.0 {
        (begin, end + WATCHED)
    } else {
        (begin - WATCHED, end)
    }
}
