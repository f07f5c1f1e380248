//! What a classifier says of things in hands near a shelf, and in hands that meet another's.
//!
//! Every SKU has a place in a space of appearance (package size, mass, words of the name, colours).
//! A look is that place plus noise, and the posterior is Bayes' rule for exactly that noise: so
//! like packages are confused with one another, and the probabilities are calibrated by
//! construction. The noise is scaled so that the first guess is right as often as was asked for.

use super::config::LooksConfig;
use super::noise::Noise;
use super::tracker::HandSeen;
use crate::Tick;
use crate::scene::{Hand, Scene};
use std::collections::{BTreeMap, VecDeque};
use walkout_model::{Catalogue, ItemLook, Product, SkuIx, StoreTime, TimeDelta};

/// Dimensions of the space of appearance: three of size, one of mass, six each of words and colours.
const DIMENSIONS: usize = 16;
/// Ticks of 1/60 s between two looks at one hand: every second frame of the tracker.
const LOOK_TICKS: u64 = 12;
/// Spread of the quality of holds (blur, fingers over the label), as a natural logarithm.
const QUALITY_SPREAD: f64 = 0.3;
/// Holds tried to set the noise; the first guess is then within a point of what was asked for.
const TRIALS: usize = 2_000;
/// Guesses below this are left off.
const SMALLEST_GUESS: f64 = 0.002;

type Appearance = [f32; DIMENSIONS];

pub(super) struct Looks {
    config: LooksConfig,
    noise: Noise,
    space: Space,
    sigma: f64,
    holds: BTreeMap<(u32, usize), Hold>,
    /// People's own things, by person.
    things: BTreeMap<u32, Appearance>,
    /// Until when a hand that met another person's is looked at.
    met: BTreeMap<(u32, usize), StoreTime>,
    outbox: VecDeque<(StoreTime, ItemLook)>,
    ticks: u64,
}

/// What is in a hand, as far as it matters to a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Nothing.
    Empty,
    /// A thing outside the catalogue.
    Foreign,
    /// Units of a SKU.
    Sku(SkuIx),
}

/// One hold of one thing: what the classifier's error keeps while it lasts.
struct Hold {
    content: Content,
    /// Where the thing seems to be in the space of appearance, without the fresh noise of a frame.
    seems: Appearance,
    sigma: f64,
    is_taken_for_something: bool,
}

impl Looks {
    pub fn new(catalogue: &Catalogue, config: LooksConfig, seed: u64) -> Self {
        let mut noise = Noise::new(seed, 3);
        let space = Space::new(catalogue, config.foreign_prior);
        let sigma = space.sigma_for(config.top1, &mut noise);
        Self {
            config,
            noise,
            space,
            sigma,
            holds: BTreeMap::new(),
            things: BTreeMap::new(),
            met: BTreeMap::new(),
            outbox: VecDeque::new(),
            ticks: 0,
        }
    }

    /// Reports on the hands that the tracker found in this frame.
    pub fn observe(&mut self, scene: &Scene, hands: &[HandSeen], tick: &mut Tick) {
        self.follow(scene);
        if self.ticks.is_multiple_of(LOOK_TICKS) {
            let latency = TimeDelta::from_secs_f64(self.noise.between(self.config.latency_s));
            let earliest = self.outbox.back().map_or(scene.t, |(due, _)| *due);
            let due = (scene.t + latency).max(earliest);
            let mut looks: Vec<ItemLook> = hands
                .iter()
                .filter_map(|hand| self.look(scene, hand))
                .collect();
            // By number, so that the order tells nothing about who is who.
            looks.sort_by_key(|look| look.track);
            self.outbox.extend(looks.into_iter().map(|l| (due, l)));
        }
        self.ticks += 1;
        while let Some((due, _)) = self.outbox.front() {
            if *due > scene.t {
                break;
            }
            if let Some((_, look)) = self.outbox.pop_front() {
                tick.looks.push(look);
            }
        }
    }

    /// Notices hands that are near another person's.
    fn meet(&mut self, scene: &Scene) {
        let until = scene.t + TimeDelta::from_secs_f64(self.config.meeting_s);
        for (i, a) in scene.people.iter().enumerate() {
            for b in scene.people.iter().skip(i + 1) {
                // Two arms' length apart, no hands meet.
                if a.position.distance(b.position) > 2.0 {
                    continue;
                }
                for (j, left) in a.hands.iter().enumerate() {
                    for (k, right) in b.hands.iter().enumerate() {
                        if left.wrist.distance(right.wrist) < self.config.meeting_m {
                            self.met.insert((a.person, j), until);
                            self.met.insert((b.person, k), until);
                        }
                    }
                }
            }
        }
        self.met.retain(|_, until| *until >= scene.t);
    }

    /// Begins and ends holds.
    fn follow(&mut self, scene: &Scene) {
        self.meet(scene);
        let mut still = BTreeMap::new();
        for body in &scene.people {
            for (i, hand) in body.hands.iter().enumerate() {
                let content = Content::of(hand);
                let key = (body.person, i);
                let is_watched = hand.at_shelf || self.met.contains_key(&key);
                if content == Content::Empty && !is_watched {
                    continue;
                }
                let hold = match self.holds.remove(&key) {
                    Some(hold) if hold.content == content => hold,
                    _ => self.begin(content, body.person),
                };
                still.insert(key, hold);
            }
        }
        self.holds = still;
    }

    fn begin(&mut self, content: Content, person: u32) -> Hold {
        let sigma = self.sigma * (QUALITY_SPREAD * self.noise.normal()).exp();
        let place = match content {
            Content::Sku(sku) => self.space.place(sku, &mut self.noise),
            Content::Foreign => self.thing_of(person),
            Content::Empty => self.space.anything(&mut self.noise),
        };
        let is_taken_for_something =
            content != Content::Empty || self.noise.chance(self.config.empty_hand);
        let lasting = sigma * self.config.persistence.sqrt();
        Hold {
            content,
            seems: displaced(&place, lasting, &mut self.noise),
            sigma,
            is_taken_for_something,
        }
    }

    /// Where somebody's own thing is: the same in all of their holds.
    fn thing_of(&mut self, person: u32) -> Appearance {
        let Self { noise, space, .. } = self;
        let like_goods = self.config.sold_here_too;
        *self.things.entry(person).or_insert_with(|| {
            if noise.chance(like_goods) {
                space.one_of_them(noise)
            } else {
                space.anything(noise)
            }
        })
    }

    fn look(&mut self, scene: &Scene, seen: &HandSeen) -> Option<ItemLook> {
        let body = scene.people.get(seen.body)?;
        let key = (body.person, seen.hand);
        if !body.hands[seen.hand].at_shelf && !self.met.contains_key(&key) {
            return None;
        }
        let hold = self.holds.get(&key)?;
        if !hold.is_taken_for_something {
            return None;
        }
        let fresh = hold.sigma * (1.0 - self.config.persistence).sqrt();
        let appearance = displaced(&hold.seems, fresh, &mut self.noise);
        let posterior = self.space.posterior(&appearance, hold.sigma);
        let known: f64 = posterior.iter().map(|(_, p)| p).sum();
        Some(ItemLook {
            t: scene.t,
            track: seen.track,
            hand: seen.position,
            posterior: best(posterior, self.config.guesses),
            foreign: Some((1.0 - known).clamp(0.0, 1.0) as f32),
        })
    }
}

impl Content {
    fn of(hand: &Hand) -> Self {
        match hand.holds {
            None => Self::Empty,
            Some(None) => Self::Foreign,
            Some(Some(sku)) => Self::Sku(sku),
        }
    }
}

/// Where all SKUs are in the space of appearance, and where other things may be.
struct Space {
    skus: Vec<Appearance>,
    middle: Appearance,
    spread: Appearance,
    foreign_prior: f64,
}

impl Space {
    fn new(catalogue: &Catalogue, foreign_prior: f64) -> Self {
        let skus: Vec<Appearance> = catalogue.products().iter().map(appearance).collect();
        let n = skus.len().max(1) as f32;
        let mut middle = [0.0; DIMENSIONS];
        let mut spread = [0.0; DIMENSIONS];
        for d in 0..DIMENSIONS {
            middle[d] = skus.iter().map(|a| a[d]).sum::<f32>() / n;
            let variance = skus.iter().map(|a| (a[d] - middle[d]).powi(2)).sum::<f32>() / n;
            spread[d] = variance.sqrt().max(0.1);
        }
        Self {
            skus,
            middle,
            spread,
            foreign_prior,
        }
    }

    fn place(&self, sku: SkuIx, noise: &mut Noise) -> Appearance {
        match self.skus.get(sku.usize()) {
            Some(place) => *place,
            None => self.anything(noise),
        }
    }

    /// The place of any of the SKUs.
    fn one_of_them(&self, noise: &mut Noise) -> Appearance {
        let at = noise.between([0.0, self.skus.len() as f64]) as usize;
        match self.skus.get(at) {
            Some(place) => *place,
            None => self.anything(noise),
        }
    }

    /// The place of a thing outside the catalogue.
    fn anything(&self, noise: &mut Noise) -> Appearance {
        let mut place = self.middle;
        for (x, spread) in place.iter_mut().zip(&self.spread) {
            *x += spread * noise.normal() as f32;
        }
        place
    }

    /// Bayes' rule over all SKUs, each as likely as the other, and "something else", whose places
    /// are normal about the catalogue's middle. The last is what is missing to 1.
    fn posterior(&self, x: &Appearance, sigma: f64) -> Vec<(SkuIx, f64)> {
        let precision = 1.0 / (sigma * sigma);
        let mut other = self.foreign_prior.max(1e-9).ln();
        for ((x, middle), spread) in x.iter().zip(&self.middle).zip(&self.spread) {
            let variance = f64::from(*spread).powi(2) + sigma * sigma;
            let off = f64::from(x - middle);
            // Relative to the SKUs' own normalisation σ^−D.
            other += 0.5 * (sigma * sigma / variance).ln() - 0.5 * off * off / variance;
        }
        let each = ((1.0 - self.foreign_prior) / self.skus.len().max(1) as f64).ln();
        let mut weights: Vec<(SkuIx, f64)> = self
            .skus
            .iter()
            .enumerate()
            .map(|(i, sku)| {
                let log = each - 0.5 * precision * f64::from(distance2(x, sku));
                (SkuIx::from(i), log)
            })
            .collect();
        let top = weights.iter().map(|w| w.1).fold(other, f64::max);
        let mut total = (other - top).exp();
        for (_, log) in &mut weights {
            *log = (*log - top).exp();
            total += *log;
        }
        for (_, weight) in &mut weights {
            *weight /= total;
        }
        weights
    }

    /// The noise with which this share of first guesses is right, by bisection over one fixed set
    /// of trials. The holds' quality is drawn as it is in the run.
    fn sigma_for(&self, top1: f64, noise: &mut Noise) -> f64 {
        if self.skus.len() < 2 {
            return 1.0;
        }
        let trials: Vec<(usize, f64, Appearance)> = (0..TRIALS)
            .map(|i| {
                let quality = (QUALITY_SPREAD * noise.normal()).exp();
                let unit = displaced(&[0.0; DIMENSIONS], 1.0, noise);
                (i % self.skus.len(), quality, unit)
            })
            .collect();
        let (mut low, mut high) = (0.001_f64.ln(), 10.0_f64.ln());
        for _ in 0..12 {
            let middle = 0.5 * (low + high);
            let right = trials
                .iter()
                .filter(|(sku, quality, unit)| {
                    let scale = (middle.exp() * quality) as f32;
                    let mut x = self.skus[*sku];
                    for (a, b) in x.iter_mut().zip(unit) {
                        *a += scale * b;
                    }
                    let own = distance2(&x, &self.skus[*sku]);
                    self.skus.iter().all(|other| distance2(&x, other) >= own)
                })
                .count();
            if right as f64 > top1 * TRIALS as f64 {
                low = middle;
            } else {
                high = middle;
            }
        }
        (0.5 * (low + high)).exp()
    }
}

/// The likeliest guesses, likeliest first.
fn best(mut posterior: Vec<(SkuIx, f64)>, guesses: usize) -> Vec<(SkuIx, f32)> {
    posterior.retain(|(_, p)| *p >= SMALLEST_GUESS);
    posterior.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    posterior
        .into_iter()
        .take(guesses)
        .map(|(sku, p)| (sku, p as f32))
        .collect()
}

/// Where a product is in the space of appearance.
fn appearance(product: &Product) -> Appearance {
    let mut place = [0.0; DIMENSIONS];
    for (x, mm) in place.iter_mut().zip(product.size_mm) {
        *x = 1.5 * (f64::from(mm.max(1)).ln() as f32);
    }
    place[3] = 0.5 * (product.unit_mass.grams().max(1.0).ln() as f32);
    // Words: products of one brand or kind share some, and lie near one another.
    let words: Vec<&str> = product.name_en.split_whitespace().collect();
    let scale = 0.8 / (words.len().max(1) as f32).sqrt();
    for word in &words {
        let mut draw = Noise::new(hash(word.to_lowercase().as_bytes()), 11);
        for x in &mut place[4..10] {
            *x += scale * draw.normal32();
        }
    }
    // Colours: one of eight groups, and a shade of its own.
    let number = product.gtin.number();
    let mut group = Noise::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61, 12);
    let mut shade = Noise::new(number, 13);
    for x in &mut place[10..16] {
        *x = 0.7 * group.normal32() + 0.3 * shade.normal32();
    }
    place
}

fn displaced(place: &Appearance, sigma: f64, noise: &mut Noise) -> Appearance {
    let mut out = *place;
    for x in &mut out {
        *x += (sigma * noise.normal()) as f32;
    }
    out
}

fn distance2(a: &Appearance, b: &Appearance) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::super::bed::{at, body, hall};
    use super::*;
    use walkout_model::{Point2, Point3, TrackId};

    const CONFIDENCE_BINS: usize = 10;

    struct Measured {
        top1: f64,
        ece: f64,
        /// Share of looks whose first guess equals that of the hold's look before.
        repeats: f64,
        /// The same where both are wrong.
        repeated_mistakes: f64,
    }

    /// Holds of every SKU in turn, two looks each (a look a tenth of a second after the other).
    fn measure(config: LooksConfig, holds: usize) -> Measured {
        let shop = hall();
        let mut looks = Looks::new(&shop.catalogue, config, 21);
        let mut person = body(1, Point2::new(1.0, 1.0));
        person.hands[0].at_shelf = true;
        let seen = HandSeen {
            body: 0,
            hand: 0,
            track: TrackId(3),
            position: Point3::new(1.0, 1.4, 1.0),
        };
        let mut scene = Scene::default();
        let mut bins = [(0.0, 0.0, 0.0); CONFIDENCE_BINS];
        let (mut repeats, mut mistakes, mut repeated) = (0, 0, 0);
        for i in 0..holds {
            let sku = SkuIx::from(i % shop.catalogue.len());
            person.hands[0].holds = None;
            person.hands[0].at_shelf = false;
            scene.people = vec![person.clone()];
            looks.follow(&scene);
            person.hands[0].holds = Some(Some(sku));
            person.hands[0].at_shelf = true;
            scene.people = vec![person.clone()];
            looks.follow(&scene);
            scene.t = at(i as u64);
            let first = looks.look(&scene, &seen).expect("a held thing is seen");
            let second = looks.look(&scene, &seen).expect("and seen again");
            assert!(first.posterior.len() <= 8);
            let total: f32 = first.posterior.iter().map(|(_, p)| p).sum();
            assert!((0.0..=1.0001).contains(&total), "{total}");
            // A very poor look may name nobody; it is then wrong with confidence 0.
            let top = first.posterior.first().copied();
            let (guess, p) = top.map_or((None, 0.0), |(guess, p)| (Some(guess), f64::from(p)));
            let right = f64::from(u8::from(guess == Some(sku)));
            let bin = ((p * CONFIDENCE_BINS as f64) as usize).min(CONFIDENCE_BINS - 1);
            bins[bin].0 += 1.0;
            bins[bin].1 += p;
            bins[bin].2 += right;
            let again = second.posterior.first().map(|(sku, _)| *sku);
            repeats += usize::from(again == guess);
            if right == 0.0 {
                mistakes += 1;
                repeated += usize::from(again == guess);
            }
        }
        let n = holds as f64;
        Measured {
            top1: bins.iter().map(|b| b.2).sum::<f64>() / n,
            ece: bins.iter().map(|b| (b.1 - b.2).abs()).sum::<f64>() / n,
            repeats: repeats as f64 / n,
            repeated_mistakes: f64::from(repeated as u32) / f64::from(mistakes.max(1)),
        }
    }

    #[test]
    fn first_guesses_are_right_as_often_as_asked_and_probabilities_mean_what_they_say() {
        for top1 in [0.6, 0.8, 0.9] {
            let config = LooksConfig {
                top1,
                ..LooksConfig::default()
            };
            let m = measure(config, 5_400);
            println!(
                "asked {top1}: top-1 {:.3}, ECE {:.3}, the next look agrees {:.2}, repeats a \
                 mistake {:.2}",
                m.top1, m.ece, m.repeats, m.repeated_mistakes
            );
            assert!((m.top1 - top1).abs() <= 0.02, "{} for {top1}", m.top1);
            assert!(m.ece <= 0.05, "ECE {}", m.ece);
            assert!(m.repeated_mistakes > 0.4, "{}", m.repeated_mistakes);
        }
    }

    #[test]
    fn like_packages_are_confused() {
        let shop = hall();
        let mut looks = Looks::new(&shop.catalogue, LooksConfig::default(), 5);
        let space = &looks.space;
        // The nearer half of each SKU's fellows should take nearly all of its confusions.
        let (mut near, mut all) = (0, 0);
        for (i, own) in space.skus.iter().enumerate().step_by(3) {
            let mut fellows: Vec<f32> = space.skus.iter().map(|s| distance2(s, own)).collect();
            fellows.sort_by(f32::total_cmp);
            let x = displaced(own, looks.sigma, &mut looks.noise);
            let guess = best(space.posterior(&x, looks.sigma), 1);
            let Some(&(guess, _)) = guess.first() else {
                continue;
            };
            if guess.usize() != i {
                all += 1;
                let tenth = fellows[fellows.len() / 10];
                near += usize::from(distance2(&space.skus[guess.usize()], own) <= tenth);
            }
        }
        assert!(all > 20, "{all}");
        assert!(near * 10 >= all * 9, "{near} of {all}");
    }

    #[test]
    fn hands_that_meet_are_looked_at_for_a_while_and_others_are_not() {
        let shop = hall();
        let mut looks = Looks::new(&shop.catalogue, LooksConfig::default(), 5);
        let mut giver = body(1, Point2::new(1.0, 1.0));
        giver.hands[0].holds = Some(Some(SkuIx(0)));
        let far = body(2, Point2::new(3.5, 1.0));
        let mut near = body(2, Point2::new(1.6, 1.0));
        near.hands[1].wrist = giver.hands[0].wrist;
        let seen = HandSeen {
            body: 0,
            hand: 0,
            track: TrackId(3),
            position: giver.hands[0].wrist,
        };
        let mut told = |t: u64, other: &crate::scene::Body| {
            let scene = Scene {
                t: at(t),
                people: vec![giver.clone(), other.clone()],
                ..Scene::default()
            };
            looks.follow(&scene);
            looks.look(&scene, &seen).is_some()
        };
        assert!(!told(0, &far), "nobody is near");
        assert!(told(1, &near), "the hands meet");
        assert!(told(60, &far), "they met a second ago");
        assert!(!told(120, &far), "they parted long ago");
    }

    #[test]
    fn empty_hands_and_foreign_things_are_rarely_named() {
        let shop = hall();
        let mut looks = Looks::new(&shop.catalogue, LooksConfig::default(), 6);
        let (mut named, mut known) = (0.0, 0.0);
        let trials = 500;
        for person in 0..trials {
            let hold = looks.begin(Content::Foreign, person);
            let x = displaced(&hold.seems, 0.28 * hold.sigma, &mut looks.noise);
            let all = looks.space.posterior(&x, hold.sigma);
            known += 1.0 - all.iter().map(|(_, p)| p).sum::<f64>();
            let posterior = best(all, 8);
            named += f64::from(posterior.first().map_or(0.0, |(_, p)| *p));
        }
        let named = named / f64::from(trials);
        println!("a foreign thing's first guess is believed {named:.2}");
        assert!(named < 0.5, "{named}");
        let known = known / f64::from(trials);
        println!("and it is called none of the goods with {known:.2}");
        // Three of ten look like goods.
        assert!((0.4..0.75).contains(&known), "{known}");
        let taken = (0..4_000)
            .filter(|_| looks.begin(Content::Empty, 0).is_taken_for_something)
            .count();
        assert!((60..=180).contains(&taken), "{taken} of 4000");
    }
}
