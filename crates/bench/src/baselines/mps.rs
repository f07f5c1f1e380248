//! MPS, the winner of the CPS-IoT Week 2020 AutoCheckout competition (Carnegie Mellon), after its
//! public report and notes: location and mass are scored, the nearest hand or head pays, and a
//! put-back comes from the payer's own cart and joins the planogram.

use super::gauss::overlap;
use super::grid::{Grid, WINDOW};
use super::people::People;
use super::{Event, Rules, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use walkout_model::{SessionId, ShelfIx, Shop, SkuIx, StoreTime, TimeDelta, TrackId};

/// A shelf is active while it scatters more, grams.
const ACTIVE_G: f64 = 20.0;
/// Fewest active windows of an event.
const ACTIVE_TICKS: usize = 30;
/// Smallest change of an event, grams.
const CHANGE_G: f64 = 10.0;
/// A plate takes part if it changes by this share of the lightest SKU on its shelf.
const PLATE_SHARE: f64 = 1.0 / 3.0;
/// Deviation of an event's and of a product's mass, grams.
const SIGMA_G: f64 = 10.0;
/// Weight of the location's score; the mass has the rest.
const LOCATION: f64 = 0.8;
/// A take of less than this share of the product's mass is none.
const TAKE_SHARE: f64 = 0.4;
/// A put-back of less than this share of the product's mass is none.
const PUT_SHARE: f64 = 0.75;
/// Wrists seen with less are not believed.
const CONFIDENCE: f32 = 0.8;
/// Plates that bear at least this share of a put-back join the product's places. Ours: the report
/// says only that the plates are added.
const JOIN_SHARE: f64 = 0.2;
/// Most units in one put-back. Ours, as a bound.
const UNITS_MAX: u32 = 20;

/// The rules with their state: planogram and carts.
pub struct Mps {
    shop: Arc<Shop>,
    /// Plates of each shelf, by their number from the left, with the SKUs that are there.
    planogram: Vec<Vec<BTreeSet<SkuIx>>>,
    carts: BTreeMap<Payer, BTreeMap<SkuIx, u32>>,
    active: Vec<Option<Active>>,
}

/// Whose cart: a session, or a track that belongs to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Payer {
    Session(SessionId),
    Track(TrackId),
}

struct Active {
    begin: StoreTime,
    peak: StoreTime,
    peak_g: f64,
    ticks: usize,
    plates_g: Vec<f64>,
}

impl Mps {
    /// Fresh rules over the shop's planogram.
    pub fn new(shop: &Arc<Shop>) -> Self {
        Self {
            shop: Arc::clone(shop),
            planogram: plates_by_sku(shop),
            carts: BTreeMap::new(),
            active: shop.layout.shelves.iter().map(|_| None).collect(),
        }
    }

    /// Goods taken: one verdict for each group of plates that share products.
    fn take(&mut self, event: &Event, people: &People, verdicts: &mut Vec<Verdict>) {
        for group in self.groups(event) {
            let mut part = event.clone();
            for (i, grams) in part.plates_g.iter_mut().enumerate() {
                if !group.contains(&i) {
                    *grams = 0.0;
                }
            }
            part.delta_g = part.plates_g.iter().sum();
            let Some(track) = self.owner(&part, people) else {
                continue;
            };
            if part.delta_g > 0.0 {
                verdicts.extend(self.put(&part, track, people));
                continue;
            }
            let Some((sku, score)) = self.best(&part) else {
                continue;
            };
            let unit_g = self.shop.catalogue[sku].unit_mass.grams();
            if part.delta_g.abs() < TAKE_SHARE * unit_g {
                continue;
            }
            let units = (part.delta_g.abs() / unit_g).round().clamp(1.0, 1e3) as u32;
            let cart = self.carts.entry(payer(track, people)).or_default();
            *cart.entry(sku).or_default() += units;
            verdicts.push(Verdict {
                track: Some(track),
                sku,
                quantity: units as i32,
                score,
            });
        }
    }

    /// Plates that changed enough, joined where the planogram has a product on both.
    fn groups(&self, event: &Event) -> Vec<Vec<usize>> {
        let places = &self.planogram[event.shelf.usize()];
        let masses = places.iter().flatten();
        let lightest = masses
            .map(|&sku| self.shop.catalogue[sku].unit_mass.grams())
            .fold(f64::INFINITY, f64::min);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut products: BTreeSet<SkuIx> = BTreeSet::new();
        for (i, grams) in event.plates_g.iter().enumerate() {
            if grams.abs() < PLATE_SHARE * lightest {
                continue;
            }
            let here = &places[i];
            match groups.last_mut() {
                Some(group) if !products.is_disjoint(here) => group.push(i),
                _ => {
                    products.clear();
                    groups.push(vec![i]);
                }
            }
            products.extend(here.iter().copied());
        }
        groups
    }

    /// The product with the highest score, and the score.
    fn best(&self, event: &Event) -> Option<(SkuIx, f64)> {
        let total: f64 = event.plates_g.iter().sum();
        let mut location: BTreeMap<SkuIx, f64> = BTreeMap::new();
        for (here, grams) in self.planogram[event.shelf.usize()]
            .iter()
            .zip(&event.plates_g)
        {
            for &sku in here {
                *location.entry(sku).or_default() += grams / total;
            }
        }
        let products = self.shop.catalogue.products().iter().enumerate();
        products
            .map(|(i, product)| {
                let sku = SkuIx::from(i);
                let mass = overlap(
                    (event.delta_g.abs(), SIGMA_G),
                    (product.unit_mass.grams(), SIGMA_G),
                );
                let location = location.get(&sku).copied().unwrap_or(0.0);
                (sku, LOCATION * location + (1.0 - LOCATION) * mass)
            })
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    }

    /// Goods put back: of the payer's own cart what is nearest in mass.
    fn put(&mut self, event: &Event, track: TrackId, people: &People) -> Option<Verdict> {
        let cart = self.carts.get_mut(&payer(track, people))?;
        let mass = |sku: SkuIx| self.shop.catalogue[sku].unit_mass.grams();
        let (sku, units) = cart
            .iter()
            .flat_map(|(&sku, &held)| (1..=held.min(UNITS_MAX)).map(move |n| (sku, n)))
            .min_by(|a, b| {
                let off =
                    |&(sku, n): &(SkuIx, u32)| (f64::from(n) * mass(sku) - event.delta_g).abs();
                off(a).total_cmp(&off(b))
            })?;
        if event.delta_g < PUT_SHARE * mass(sku) {
            return None;
        }
        let score = overlap(
            (event.delta_g, SIGMA_G),
            (f64::from(units) * mass(sku), SIGMA_G),
        );
        match cart.get_mut(&sku) {
            Some(held) if *held > units => *held -= units,
            _ => {
                cart.remove(&sku);
            }
        }
        let places = &mut self.planogram[event.shelf.usize()];
        for (here, grams) in places.iter_mut().zip(&event.plates_g) {
            if grams.abs() >= JOIN_SHARE * event.delta_g.abs() {
                here.insert(sku);
            }
        }
        Some(Verdict {
            track: Some(track),
            sku,
            quantity: -(units as i32),
            score,
        })
    }

    /// Who was nearest to the plate that changed most, in the first half of the event.
    fn owner(&self, event: &Event, people: &People) -> Option<TrackId> {
        let plates = &self.shop.layout.shelves[event.shelf.usize()].plates;
        let plate = walkout_model::PlateIx(plates.start + event.main_plate() as u32);
        let half = TimeDelta((event.end - event.begin).0 / 2);
        let place = self.shop.layout.plate_centre(plate);
        people.nearest(place, event.begin, event.begin + half, CONFIDENCE)
    }
}

impl Rules for Mps {
    fn detect(&mut self, grid: &Grid, events: &mut Vec<Event>) {
        let now = grid.ticks();
        if now < WINDOW {
            return;
        }
        for (s, state) in self.active.iter_mut().enumerate() {
            let shelf = ShelfIx::from(s);
            let (_, sigma_g) = grid.newest(shelf);
            // A window is dated by its middle.
            let t = grid.time(now - WINDOW / 2);
            match (sigma_g > ACTIVE_G, state.as_mut()) {
                (true, None) => {
                    *state = Some(Active {
                        begin: t,
                        peak: t,
                        peak_g: sigma_g,
                        ticks: 1,
                        plates_g: grid.plates_g(shelf, now),
                    });
                }
                (true, Some(active)) => {
                    active.ticks += 1;
                    if sigma_g > active.peak_g {
                        (active.peak_g, active.peak) = (sigma_g, t);
                    }
                }
                (false, Some(_)) => {
                    let Some(active) = state.take() else { continue };
                    if active.ticks < ACTIVE_TICKS {
                        continue;
                    }
                    // The last active window is the one before this.
                    let after = grid.plates_g(shelf, now - 1);
                    let change = after.iter().zip(&active.plates_g).map(|(a, b)| a - b);
                    let plates_g: Vec<f64> = change.collect();
                    let delta_g: f64 = plates_g.iter().sum();
                    if delta_g.abs() > CHANGE_G {
                        events.push(Event {
                            shelf,
                            begin: active.begin,
                            peak: active.peak,
                            end: t,
                            delta_g,
                            plates_g,
                        });
                    }
                }
                (false, None) => {}
            }
        }
    }

    fn patience(&self) -> TimeDelta {
        TimeDelta::from_secs(1)
    }

    fn judge(&mut self, event: &Event, people: &People, verdicts: &mut Vec<Verdict>) {
        if event.delta_g < 0.0 {
            self.take(event, people, verdicts);
        } else if let Some(track) = self.owner(event, people) {
            verdicts.extend(self.put(event, track, people));
        }
    }
}

fn payer(track: TrackId, people: &People) -> Payer {
    people
        .session_of(track)
        .map_or(Payer::Track(track), Payer::Session)
}

/// The planogram by plates: which products a shelf's plates bear, left to right.
pub fn plates_by_sku(shop: &Shop) -> Vec<Vec<BTreeSet<SkuIx>>> {
    let shelves = &shop.layout.shelves;
    let mut places: Vec<Vec<BTreeSet<SkuIx>>> = shelves
        .iter()
        .map(|shelf| vec![BTreeSet::new(); shelf.plates.len()])
        .collect();
    for lane in &shop.planogram.lanes {
        let first = shelves[lane.shelf.usize()].plates.start;
        for plate in &lane.plates {
            places[lane.shelf.usize()][(plate.0 - first) as usize].insert(lane.sku);
        }
    }
    places
}
