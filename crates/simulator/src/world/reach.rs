//! A hand at a shelf: it reaches, presses, the mass goes over, it comes back.
//!
//! Times and forces follow the one published trace (60 Hz, five shelves): the hand presses +40 to
//! +960 g for 0.6–1.4 s, then the mass goes from 90 to 10 % in 0.1–0.7 s, then the shelf rings.

use super::goods::{Place, Stand, UnitId};
use super::stage::Stage;
use super::task::{Job, Label};
use super::walk::DT;
use crate::draw::Draw;
use crate::scene::{Bump, Impact};
use crate::truth::{Action, Line};
use walkout_model::{PlateIx, Point3, SkuIx, StoreTime};

/// The part of a smooth transfer that lies between 10 and 90 %.
const MIDDLE_SHARE: f64 = 0.608;

/// Goods of one SKU that moved: how many units, on which plates, whether in their own lane, their grams.
type Moved = (Option<SkuIx>, u32, Vec<PlateIx>, bool, f64);

/// A reach that is under way.
#[derive(Debug)]
pub(crate) struct Reach {
    pub job: Job,
    pub hand: usize,
    kind: Kind,
    phase: Phase,
    elapsed_s: f64,
    from: Point3,
    target: Point3,
    /// Units and where each stood or will stand.
    pub goods: Vec<(UnitId, Stand)>,
    /// Where the hand presses.
    press: Vec<(PlateIx, f64)>,
    press_g: f64,
    times: Times,
    t_start: StoreTime,
    t_end: StoreTime,
    tremor: f64,
}

/// Which way the goods go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Take,
    Put,
    Press,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Fetch,
    Await,
    Extend,
    Press,
    Move,
    Release,
    Retract,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    fetch_s: f64,
    extend_s: f64,
    press_s: f64,
    move_s: f64,
    retract_s: f64,
}

/// What a reach needs to know of the person.
pub(crate) struct Reacher<'a> {
    pub wrist: &'a mut Point3,
    pub rest: Point3,
    pub draw: &'a mut Draw,
}

impl Reach {
    /// Begins. `fetch` says that the goods must first come out of the bag.
    #[allow(
        clippy::too_many_arguments,
        reason = "one caller; each is a different thing"
    )]
    pub fn begin(
        job: Job,
        hand: usize,
        kind: Kind,
        goods: Vec<(UnitId, Stand)>,
        target: Point3,
        press: Vec<(PlateIx, f64)>,
        fetch: bool,
        draw: &mut Draw,
    ) -> Self {
        let putting = kind == Kind::Put;
        let mut press_g = draw.log_normal(170.0, 0.7, (40.0, 960.0));
        let mut press_s = draw.between(0.6, 1.4);
        if putting {
            press_g *= 0.5;
            press_s *= 0.6;
        }
        if let super::task::Deed::Press { grams, seconds, .. } = job.deed {
            press_g = grams;
            press_s = seconds;
        }
        let transfer_s = job.slow_s.unwrap_or_else(|| draw.between(0.1, 0.7));
        let times = Times {
            fetch_s: if fetch { draw.between(0.5, 0.9) } else { 0.0 },
            extend_s: draw.between(0.45, 0.85),
            press_s,
            move_s: transfer_s / MIDDLE_SHARE,
            retract_s: draw.between(0.4, 0.8),
        };
        Self {
            job,
            hand,
            kind,
            phase: if fetch { Phase::Fetch } else { Phase::Await },
            elapsed_s: 0.0,
            from: Point3::default(),
            target,
            goods,
            press,
            press_g,
            times,
            t_start: StoreTime::default(),
            t_end: StoreTime::default(),
            tremor: 0.0,
        }
    }

    /// Whether the hand is so near the shelf that its camera would look at it.
    pub fn at_shelf(&self, wrist: Point3) -> bool {
        wrist.distance(self.target) < 0.4
    }

    /// Whether the hand holds the goods right now (they are neither at rest nor in the bag).
    pub fn carries(&self) -> bool {
        match self.kind {
            Kind::Take => matches!(self.phase, Phase::Release | Phase::Retract),
            Kind::Put => matches!(self.phase, Phase::Await | Phase::Extend | Phase::Move),
            Kind::Press => false,
        }
    }

    /// One tick further; true when the hand is back.
    pub fn step(&mut self, me: &mut Reacher<'_>, stage: &mut Stage) -> bool {
        self.elapsed_s += DT;
        match self.phase {
            Phase::Fetch => {
                ease(me.wrist, me.rest);
                if self.elapsed_s >= self.times.fetch_s {
                    self.enter(Phase::Await);
                }
            }
            Phase::Await => {
                ease(me.wrist, me.rest);
                if self.is_due(stage.now()) {
                    self.from = *me.wrist;
                    self.enter(Phase::Extend);
                }
            }
            Phase::Extend => {
                let u = self.elapsed_s / self.times.extend_s;
                *me.wrist = between(self.from, self.target, smooth(u));
                if u >= 1.0 {
                    self.t_start = stage.now();
                    match self.kind {
                        Kind::Put => self.begin_move(me, stage),
                        Kind::Take | Kind::Press => self.enter(Phase::Press),
                    }
                }
            }
            Phase::Press => {
                self.push(me, stage);
                if self.elapsed_s >= self.times.press_s {
                    self.after_press(me, stage);
                }
            }
            Phase::Move => {
                self.carry_over(me, stage);
                if self.elapsed_s >= self.times.move_s {
                    self.after_move(me, stage);
                }
            }
            Phase::Release => {
                self.from = *me.wrist;
                self.enter(Phase::Retract);
            }
            Phase::Retract => {
                let u = self.elapsed_s / self.times.retract_s;
                *me.wrist = between(self.from, me.rest, smooth(u));
                return u >= 1.0;
            }
        }
        false
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.elapsed_s = 0.0;
    }

    /// Whether the hand must set out now for the goods to move at the wanted instant.
    fn is_due(&self, now: StoreTime) -> bool {
        let press_s = if self.kind == Kind::Take {
            self.times.press_s
        } else {
            0.0
        };
        // What is held half lifted counts from the lift.
        let half = self.job.slow_s.map_or(0.5, |_| 0.0);
        let move_s = if self.kind == Kind::Press {
            0.0
        } else {
            half * self.times.move_s
        };
        let ahead = self.times.extend_s + press_s + move_s;
        self.job
            .at
            .is_none_or(|at| at.since(now).as_secs_f64() <= ahead)
    }

    fn push(&mut self, me: &mut Reacher<'_>, stage: &mut Stage) {
        let u = (self.elapsed_s / self.times.press_s).clamp(0.0, 1.0);
        // A long lean rises and falls within half a second; a short press is one hump.
        let edge = (0.5 / self.times.press_s).min(0.5);
        let hump = (u.min(1.0 - u) / edge).clamp(0.0, 1.0);
        self.tremor += (me.draw.normal() * 0.35 - self.tremor) * (DT / 0.2);
        let force = self.press_g * smooth(hump) * (1.0 + self.tremor).max(0.2);
        for &(plate, share) in &self.press {
            stage.scene.pushes.push((plate, share * force));
        }
        *me.wrist = self.target;
    }

    fn after_press(&mut self, me: &mut Reacher<'_>, stage: &mut Stage) {
        match self.kind {
            Kind::Take => self.begin_move(me, stage),
            Kind::Put => self.enter(Phase::Release),
            Kind::Press => {
                self.t_end = stage.now();
                self.knock(me, stage, 0.5);
                self.enter(Phase::Release);
            }
        }
    }

    /// From here on the goods count as taken or put; what of their mass has not gone over yet
    /// is a push.
    fn begin_move(&mut self, me: &mut Reacher<'_>, stage: &mut Stage) {
        let shop = stage.shop.clone();
        for (id, stand) in &mut self.goods {
            match self.kind {
                Kind::Take => {
                    stage.goods.take(&shop, *id);
                }
                Kind::Put => {
                    // Somebody may have put something there since the hand set out.
                    if !stage.goods.still_fits(stand) {
                        let beside = Place::Near(stand.shelf, stand.x_m);
                        *stand = stage.goods.spot(&shop, *id, beside, &mut stage.draw);
                    }
                    stage.goods.put(&shop, *id, stand.clone());
                    stage.goods.reserve(*id, true);
                }
                Kind::Press => {}
            }
        }
        self.enter(Phase::Move);
        // In this very instant, too, the hand holds all of it.
        self.carry_over(me, stage);
    }

    fn carry_over(&mut self, me: &mut Reacher<'_>, stage: &mut Stage) {
        let u = (self.elapsed_s / self.times.move_s).clamp(0.0, 1.0);
        let gone = match self.job.slow_s {
            None => smooth(u),
            // Half lifted, held, then lifted off.
            Some(_) => {
                self.tremor += (me.draw.normal() * 0.1 - self.tremor) * (DT / 0.5);
                let hold = 0.55 + self.tremor.clamp(-0.15, 0.15);
                let (up, off) = (smooth(u / 0.03), smooth((u - 0.97) / 0.03));
                hold * up + (1.0 - hold) * off
            }
        };
        let sign = if self.kind == Kind::Take { 1.0 } else { -1.0 };
        for (id, stand) in &self.goods {
            let missing = sign * (1.0 - gone) * stage.goods.get(*id).mass_g;
            for &(plate, share) in &stand.shares {
                stage.scene.pushes.push((plate, share * missing));
            }
        }
        let lift = 0.05
            * if self.kind == Kind::Take {
                gone
            } else {
                1.0 - gone
            };
        *me.wrist = Point3 {
            z: self.target.z + lift,
            ..self.target
        };
    }

    fn after_move(&mut self, me: &mut Reacher<'_>, stage: &mut Stage) {
        self.t_end = stage.now();
        for (id, _) in &self.goods {
            stage.goods.reserve(*id, false);
        }
        self.knock(me, stage, 1.0);
        self.enter(if self.kind == Kind::Put {
            Phase::Press
        } else {
            Phase::Release
        });
    }

    /// The shelf rings, and now and then the whole rack is bumped.
    fn knock(&mut self, me: &mut Reacher<'_>, stage: &mut Stage, scale: f64) {
        let Some(&(plate, _)) = self.press.first() else {
            return;
        };
        // Twice the σ of the ringing over its first second (5–41 g).
        let amplitude_g = 2.0 * scale * me.draw.log_normal(12.0, 0.55, (5.0, 41.0));
        stage.scene.impacts.push(Impact { plate, amplitude_g });
        if stage.draw.chance(stage.bump) {
            let shelf = stage.shop.layout.shelf_of(plate);
            let bump = Bump {
                fixture: stage.shop.layout.shelves[shelf.usize()].fixture,
                sigma_g: stage.draw.log_normal(55.0, 0.4, (29.0, 119.0)),
                seconds: stage.draw.between(1.0, 2.0),
            };
            stage.scene.bumps.push(bump);
        }
    }

    /// Writes what was done into the truth. One line per product; a press is one line.
    pub fn record(&self, person: u32, party: usize, stage: &mut Stage) {
        let shop = stage.shop.clone();
        let mut by_sku: Vec<Moved> = Vec::new();
        for (id, stand) in &self.goods {
            let sku = stage.goods.get(*id).sku;
            let home = stand
                .lane
                .is_some_and(|l| Some(shop.planogram.lanes[l.usize()].sku) == sku);
            let plates = stand
                .shares
                .iter()
                .filter(|(_, s)| *s > 0.02)
                .map(|(p, _)| *p);
            let mass_g = stage.goods.get(*id).mass_g;
            match by_sku.iter_mut().find(|(s, ..)| *s == sku) {
                Some((_, units, on, at_home, grams)) => {
                    *units += 1;
                    *grams += mass_g;
                    *at_home &= home;
                    on.extend(plates);
                }
                None => by_sku.push((sku, 1, plates.collect(), home, mass_g)),
            }
        }
        if self.kind == Kind::Press {
            let on = self.press.iter().map(|(p, _)| *p).collect();
            by_sku.push((None, 0, on, false, 0.0));
        }
        for (sku, units, mut on, home, grams) in by_sku {
            on.sort_unstable();
            on.dedup();
            let action = match (self.kind, sku, self.job.label) {
                (Kind::Press, ..) => "touch",
                (Kind::Take, None, _) => "foreign_take",
                (Kind::Put, None, _) => "foreign_put",
                (Kind::Put, _, Label::Restock) => "restock",
                (_, _, Label::Tidy) => "tidy",
                (Kind::Take, ..) => "take",
                (Kind::Put, ..) => "put",
            };
            let shelf = self
                .goods
                .first()
                .map(|(_, stand)| stand.shelf)
                .or_else(|| on.first().map(|p| shop.layout.shelf_of(*p)));
            let line = Line::Action(Action {
                action,
                t_start: self.t_start,
                t_end: self.t_end,
                person,
                phone: stage.parties[party].phone,
                to_phone: None,
                gtin: sku.map(|s| shop.catalogue[s].gtin),
                units,
                shelf: shelf.map(|s| shop.layout.shelves[s.usize()].name.as_str()),
                plates: on
                    .iter()
                    .map(|p| shop.layout.plates[p.usize()].name.as_str())
                    .collect(),
                home,
                // To the milligram: goods are weighed no finer.
                mass_g: (grams * 1e3).round() / 1e3
                    * if self.kind == Kind::Take { -1.0 } else { 1.0 },
                adversarial: self.job.adversarial,
            });
            stage.truth.write(&line);
        }
    }

    /// Where the hand goes.
    pub fn target(&self) -> Point3 {
        self.target
    }

    /// Which way the goods went.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// When the goods had moved.
    pub fn t_end(&self) -> StoreTime {
        self.t_end
    }
}

/// Smoothstep of `u` held within 0–1.
pub(crate) fn smooth(u: f64) -> f64 {
    let u = u.clamp(0.0, 1.0);
    u * u * (3.0 - 2.0 * u)
}

/// From `a` to `b`.
pub(crate) fn between(a: Point3, b: Point3, u: f64) -> Point3 {
    Point3::new(
        a.x + (b.x - a.x) * u,
        a.y + (b.y - a.y) * u,
        a.z + (b.z - a.z) * u,
    )
}

/// A hand that nothing asks for goes to its rest.
pub(crate) fn ease(wrist: &mut Point3, rest: Point3) {
    *wrist = between(*wrist, rest, (DT / 0.12).min(1.0));
}
