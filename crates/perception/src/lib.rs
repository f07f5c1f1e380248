//! Load-cell samples to weight steps, with the health of every plate. Sans-IO and deterministic:
//! samples and the time come in, [`PerceptionEvent`]s go out.
//!
//! Samples fall into bins of 50 ms, which puts late ones in order and makes gaps visible. A bin is
//! closed once late samples have had [`PerceptionConfig::delay`] to arrive; each plate then keeps a
//! level at rest and notices when it leaves it and comes to rest again. Plates of one shelf that
//! change together in place and time make one [`WeightStep`].
//!
//! The method and its limits are described in `docs/concepts/inference.md`.

pub mod assignment;
pub mod calibration;
mod clock;
mod config;
pub mod csv_trace;
pub mod eyes;
pub mod floor;
mod intake;
mod level;
mod measure;
pub mod mot;
pub mod nets;
mod plate;
mod shelf;

pub use config::PerceptionConfig;
pub use intake::IntakeCounters;

use clock::FixtureClock;
use intake::PlateIntake;
use plate::PlateState;
use shelf::ShelfState;
use walkout_model::{
    Disturbance, FixtureIx, LoadSample, PlateFault, PlateHealth, ShelfTouch, Shop, StoreTime,
    TimeDelta, WeightStep,
};

/// What perception concludes.
#[derive(Clone, Debug, PartialEq)]
pub enum PerceptionEvent {
    /// The mass on a shelf changed.
    Step(WeightStep),
    /// A shelf was disturbed and came back to its mass.
    Touch(ShelfTouch),
    /// Plates were disturbed for long and came back to what they bore.
    Disturbed(Disturbance),
    /// A plate's health changed.
    Fault(PlateFault),
    /// A fixture's clock jumped and was set right by the given amount, which is added to its times.
    ClockJump {
        /// When it was noticed.
        t: StoreTime,
        /// Whose clock.
        fixture: FixtureIx,
        /// What is now added to the fixture's times.
        correction: TimeDelta,
    },
}

/// The detector for all plates of a shop.
#[derive(Clone, Debug)]
pub struct Perception {
    config: PerceptionConfig,
    counters: IntakeCounters,
    intakes: Vec<PlateIntake>,
    plates: Vec<PlateState>,
    shelves: Vec<ShelfState>,
    clocks: Vec<FixtureClock>,
    now: Option<StoreTime>,
    serial: u64,
}

impl Perception {
    /// A detector for this shop's plates, which knows no level yet: each plate's first rest is taken
    /// as it is found.
    pub fn new(shop: &Shop, config: PerceptionConfig) -> Self {
        let layout = &shop.layout;
        let intakes = layout
            .plates
            .iter()
            .map(|p| {
                let fixture = layout
                    .shelves
                    .get(p.shelf.usize())
                    .map_or(FixtureIx(0), |s| s.fixture);
                PlateIntake::new(p, fixture)
            })
            .collect();
        let plates = layout.plates.iter().map(PlateState::new).collect();
        let shelves = layout
            .shelves
            .iter()
            .enumerate()
            .map(|(i, s)| ShelfState::new(i.into(), s.plates.clone()))
            .collect();
        let mut plates_of_fixture = vec![0_u32; layout.fixtures.len()];
        for shelf in &layout.shelves {
            if let Some(n) = plates_of_fixture.get_mut(shelf.fixture.usize()) {
                *n += shelf.plates.end.saturating_sub(shelf.plates.start);
            }
        }
        let clocks = plates_of_fixture
            .into_iter()
            .map(FixtureClock::new)
            .collect();
        Self {
            config,
            counters: IntakeCounters::default(),
            intakes,
            plates,
            shelves,
            clocks,
            now: None,
            serial: 0,
        }
    }

    /// Numbers steps from the one after `last`: what an earlier run told of is another's.
    pub fn number_after(&mut self, last: u64) {
        self.serial = self.serial.max(last);
    }

    /// Takes samples in any order. Those that cannot be used are counted ([`Self::counters`]).
    /// A fixture whose clock has jumped is set right here.
    pub fn push_loads(&mut self, samples: &[LoadSample], out: &mut Vec<PerceptionEvent>) {
        for sample in samples {
            let now = match self.now {
                Some(now) => now,
                None => {
                    if sample.grams.is_nan() || self.intakes.get(sample.plate.usize()).is_none() {
                        self.counters.unknown_plate += u64::from(!sample.grams.is_nan());
                        self.counters.not_finite += u64::from(sample.grams.is_nan());
                        continue;
                    }
                    self.start_at(sample.t);
                    sample.t
                }
            };
            self.take(sample, now, out);
        }
    }

    /// Closes all bins that have waited long enough at `now` and says what follows from them.
    pub fn advance(&mut self, now: StoreTime, out: &mut Vec<PerceptionEvent>) {
        let last = match self.now {
            Some(last) => last,
            None => {
                self.start_at(now);
                now
            }
        };
        if now < last {
            if last.since(now) < self.config.clock_jump {
                return;
            }
            // The shop's own clock was set back: start afresh in time, with the levels that are known.
            self.counters.clock_resyncs += 1;
            self.restart(now);
            return;
        }
        self.now = Some(now);
        let newest = self.bin_of(StoreTime(now.0.saturating_sub(self.config.delay.0))) - 1;
        let pause = self.shelves.iter().map(|s| newest - s.closed()).max();
        if pause.unwrap_or(0) > self.config.catch_up_bins {
            // A pause too long to walk through bin by bin; what happened in it shows in the levels.
            self.counters.clock_resyncs += 1;
            self.restart(now);
            return;
        }
        let over = self.bin_of(now) - 1;
        for shelf in &mut self.shelves {
            // A bin need not wait for late samples once every plate has sent a later one.
            let plates = self.intakes.get(shelf.plates()).unwrap_or_default();
            let complete = plates
                .iter()
                .filter_map(PlateIntake::newest)
                .min()
                .map_or(newest, |t| t.0.div_euclid(self.config.bin.0.max(1)) - 1);
            let until = newest.max(complete.min(over));
            while shelf.closed() < until {
                shelf.close_bin(
                    shelf.closed() + 1,
                    now,
                    &self.config,
                    &mut self.intakes,
                    &mut self.plates,
                    &mut self.serial,
                    out,
                );
            }
        }
    }

    /// What was taken in and what was refused, since the start.
    pub fn counters(&self) -> IntakeCounters {
        self.counters
    }

    /// How each plate fares, in the layout's order.
    pub fn health(&self) -> Vec<PlateHealth> {
        self.intakes.iter().map(PlateIntake::health).collect()
    }

    fn take(&mut self, sample: &LoadSample, now: StoreTime, out: &mut Vec<PerceptionEvent>) {
        let Some(intake) = self.intakes.get_mut(sample.plate.usize()) else {
            self.counters.unknown_plate += 1;
            return;
        };
        let Some(clock) = self.clocks.get_mut(intake.fixture().usize()) else {
            self.counters.unknown_plate += 1;
            return;
        };
        let t = clock.correct(sample.t);
        match intake.push(
            t,
            sample.grams,
            now,
            self.shelves
                .get(intake.shelf().usize())
                .map_or(i64::MIN, ShelfState::closed),
            &self.config,
            &mut self.counters,
        ) {
            intake::Taken::Good => clock.agreed(),
            intake::Taken::Refused => {}
            intake::Taken::OffTime => {
                if let Some(correction) = clock.disagreed(sample.t, t, now, &self.config) {
                    self.counters.clock_resyncs += 1;
                    out.push(PerceptionEvent::ClockJump {
                        t: now,
                        fixture: intake.fixture(),
                        correction,
                    });
                }
            }
        }
    }

    fn bin_of(&self, t: StoreTime) -> i64 {
        t.0.div_euclid(self.config.bin.0.max(1))
    }

    fn start_at(&mut self, t: StoreTime) {
        self.now = Some(t);
        let closed = self.bin_of(StoreTime(t.0.saturating_sub(self.config.delay.0))) - 1;
        for shelf in &mut self.shelves {
            shelf.start_after(closed);
        }
    }

    fn restart(&mut self, now: StoreTime) {
        self.start_at(now);
        for intake in &mut self.intakes {
            intake.forget_pending(now);
        }
        for shelf in &self.shelves {
            for plate in self.plates.get_mut(shelf.plates()).unwrap_or_default() {
                plate.interrupt(shelf.closed());
            }
        }
    }
}

#[cfg(test)]
mod tests;
