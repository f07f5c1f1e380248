//! One shelf: plates that changed together become one step, disturbances without change a touch.

mod accounts;
mod corrections;
mod disturbed;
mod foresight;
mod groups;
mod weigh;

use crate::PerceptionConfig;
use crate::PerceptionEvent;
use crate::intake::PlateIntake;
use crate::plate::{PlateState, Rested, Seen};
use std::ops::Range;
use walkout_model::{PlateFault, PlateHealth, PlateIx, ShelfIx, ShelfTouch, StoreTime, WeightStep};

/// Bins over which a board's swing is known to go on, 0.5 s.
const SWING_BINS: f32 = 10.0;

/// The state of one shelf.
#[derive(Clone, Debug)]
pub(crate) struct ShelfState {
    shelf: ShelfIx,
    plates: Range<u32>,
    /// Plates that came to a new rest and wait for their neighbours.
    ready: Vec<(usize, Rested)>,
    /// The disturbance going on: first bin, last bin, peak.
    touch: Option<(i64, i64, f32)>,
    /// Last bin of the step emitted last.
    stepped: i64,
    /// The bin closed last.
    closed: i64,
    /// Steps told lately, which may have to be corrected.
    told: Vec<Told>,
    /// When a rest was last found to be but a pause.
    reopened: i64,
    /// Plates whose last rest was but a pause, with the step that was told of it.
    owed: Vec<(usize, u64)>,
    /// Which of these were told before they could be read.
    foretold: Vec<foresight::Foretold>,
    /// Plates of which one of these was taken back, and which way they had moved, as long as they do not rest.
    given_up: Vec<(usize, i32)>,
    /// This bin's means and swings, kept to spare allocations.
    scratch: Vec<(Option<f32>, f32, f32)>,
    departures: Vec<(f32, f32, bool)>,
    /// What the steps told add up to.
    accounts: accounts::Accounts,
    /// Plates that came back to what they bore and were not told of yet, and up to when each was.
    returned: Vec<disturbed::Returned>,
    returned_until: Vec<i64>,
    /// How strongly the board swings lately: variance of the departure per gram carried.
    swing_var: f32,
}

/// A step that was told, while it may still be corrected.
#[derive(Clone, Debug)]
struct Told {
    bin: i64,
    /// Read again so often …
    read_again: u8,
    /// … and for the last time.
    done: bool,
    group: Vec<(usize, Rested)>,
    /// The same without what was taken for an afterthought.
    before_afterthought: Option<Vec<(usize, Rested)>>,
    step: WeightStep,
}

impl ShelfState {
    pub(crate) fn new(shelf: ShelfIx, plates: Range<u32>) -> Self {
        let plates_len = plates.len();
        let accounts = accounts::Accounts::new(plates_len);
        Self {
            shelf,
            plates,
            accounts,
            ready: Vec::new(),
            touch: None,
            stepped: i64::MIN,
            closed: 0,
            told: Vec::new(),
            reopened: i64::MIN,
            owed: Vec::new(),
            foretold: Vec::new(),
            given_up: Vec::new(),
            scratch: Vec::new(),
            departures: Vec::new(),
            returned: Vec::new(),
            returned_until: vec![i64::MIN; plates_len],
            swing_var: 0.0,
        }
    }

    pub(crate) fn plates(&self) -> Range<usize> {
        self.plates.start as usize..self.plates.end as usize
    }

    /// The bin closed last.
    pub(crate) fn closed(&self) -> i64 {
        self.closed
    }

    /// Time begins anew after the bin `closed`.
    pub(crate) fn start_after(&mut self, closed: i64) {
        self.closed = closed;
        self.ready.clear();
        self.told.clear();
        self.owed.clear();
        self.foretold.clear();
        self.given_up.clear();
        self.touch = None;
        self.returned.clear();
        self.returned_until.fill(closed);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the shelf owns neither plates nor output; a struct for one call would hide that"
    )]
    pub(crate) fn close_bin(
        &mut self,
        bin: i64,
        now: StoreTime,
        config: &PerceptionConfig,
        intakes: &mut [PlateIntake],
        plates: &mut [PlateState],
        serial: &mut u64,
        out: &mut Vec<PerceptionEvent>,
    ) {
        let range = self.plates();
        let (Some(intakes), Some(plates)) = (intakes.get_mut(range.clone()), plates.get_mut(range))
        else {
            return;
        };
        let end = time_of(bin + 1, config);
        self.closed = bin;
        // Once in half a second is enough for what takes seconds; shelves take turns.
        if (bin + i64::from(self.shelf.0)).rem_euclid(10) == 0 {
            self.judge_health(end, config, intakes, plates, out);
        }
        self.read(bin, config, intakes, plates);
        let mut busy = false;
        let mut before = 0.0;
        for i in 0..plates.len() {
            let after = plates.get(i + 1).map_or(0.0, |p| p.pressed(bin - 1));
            let open = self.is_open(i, plates);
            let (Some(plate), Some(&(value, swing, doubt))) =
                (plates.get_mut(i), self.scratch.get(i))
            else {
                break;
            };
            let pressed = plate.pressed(bin - 1);
            let shadow = config.leak * after.max(before);
            let seen = Seen {
                value,
                swing,
                doubt,
                open,
            };
            let rested = plate.update(bin, seen, shadow, config);
            let reopened = plate.take_reopened();
            before = pressed;
            busy |= plate.active_since().is_some();
            if let Some(found) = reopened {
                self.reopen(i, found, bin);
            }
            if let Some(rested) = rested {
                self.note(i, rested, config, plates);
            }
        }
        if !self.ready.is_empty() {
            self.emit_ready(bin, now, config, plates, serial, out);
        }
        self.settle_debts(bin, now, plates, serial, out);
        let moves = |p: usize| plates.get(p).is_some_and(|s| s.active_since().is_some());
        self.given_up.retain(|(p, _)| moves(*p));
        if busy || !self.foretold.is_empty() {
            self.foresee(bin, now, config, plates, serial, out);
        }
        self.refine(bin, now, config, plates, serial, out);
        self.audit(bin, now, config, plates, serial, out);
        if !self.returned.is_empty() {
            self.tell_disturbed(bin, now, config, plates, serial, out);
        }
        if !busy && self.ready.is_empty() {
            self.emit_touch(config, out);
        }
    }

    /// This bin's mean of each plate, and what of it is the swing of the board: plates at rest show it in
    /// proportion to what they carry. Those that depart from the others are about to be active and have
    /// no say.
    fn read(
        &mut self,
        bin: i64,
        config: &PerceptionConfig,
        intakes: &mut [PlateIntake],
        plates: &[PlateState],
    ) {
        self.scratch.clear();
        self.departures.clear();
        for (intake, plate) in intakes.iter_mut().zip(plates) {
            let value = intake.close(bin).map(|(mean, _)| mean);
            let weight = plate.load(bin) + config.plate_g;
            if let (Some(x), Some(level)) = (value, plate.last_level()) {
                self.departures
                    .push(((x - level) / weight, weight, plate.at_rest()));
            }
            self.scratch.push((value, weight, 0.0));
        }
        let noise = plates.first().map_or(1.0, PlateState::noise);
        if self.departures.iter().filter(|d| d.2).count() >= 3 {
            self.departures.retain(|d| d.2);
        }
        self.departures.sort_by(|a, b| a.0.total_cmp(&b.0));
        let middle = self
            .departures
            .get(self.departures.len() / 2)
            .map_or(0.0, |d| d.0);
        let (mut sum, mut squares, mut n) = (0.0, 0.0, 0);
        for &(departure, weight, _) in &self.departures {
            if ((departure - middle) * weight).abs() <= 4.0 * noise {
                sum += departure * weight * weight;
                squares += weight * weight;
                n += 1;
            }
        }
        // The swing is normal about nothing, as strong as it was lately, and seen with the noise of
        // those plates; what is left unknown of it adds to every plate's noise.
        let (mut swing, mut unknown) = (0.0, self.swing_var);
        if n >= 3 {
            let seen_var = noise * noise / squares;
            let seen = sum / squares;
            let lately = self.swing_var.max(seen * seen - seen_var);
            swing = seen * lately / (lately + seen_var);
            unknown = lately * seen_var / (lately + seen_var);
            self.swing_var += ((seen * seen - seen_var).max(0.0) - self.swing_var) / SWING_BINS;
        }
        let unknown = unknown.max(0.0).sqrt();
        for (_, share, doubt) in &mut self.scratch {
            *doubt = *share * unknown;
            *share *= swing;
        }
    }

    fn emit_touch(&mut self, config: &PerceptionConfig, out: &mut Vec<PerceptionEvent>) {
        let Some((from, to, peak)) = self.touch.take() else {
            return;
        };
        if peak.abs() >= config.touch_g && from > self.stepped {
            out.push(PerceptionEvent::Touch(ShelfTouch {
                shelf: self.shelf,
                t_start: time_of(from, config),
                t_end: time_of(to, config),
                peak_g: peak,
            }));
        }
    }

    fn judge_health(
        &self,
        now: StoreTime,
        config: &PerceptionConfig,
        intakes: &mut [PlateIntake],
        plates: &mut [PlateState],
        out: &mut Vec<PerceptionEvent>,
    ) {
        let lively = |i: &PlateIntake| {
            i.health() != PlateHealth::Dead
                && now.since(i.unchanged_since()).0 < config.stuck_after.0 / 2
        };
        let varying = intakes.iter().filter(|i| lively(i)).count();
        for (i, (intake, plate)) in intakes.iter_mut().zip(plates.iter_mut()).enumerate() {
            let others = varying - usize::from(lively(intake));
            let was = intake.health();
            if was == PlateHealth::Stuck {
                plate.blind_since(bin_of(intake.unchanged_since(), config));
            }
            if let Some(health) = intake.judge(now, others >= 2, config) {
                out.push(PerceptionEvent::Fault(PlateFault {
                    t: now,
                    plate: PlateIx(self.plates.start + i as u32),
                    health,
                }));
            }
        }
    }
}

fn time_of(bin: i64, config: &PerceptionConfig) -> StoreTime {
    StoreTime(bin.saturating_mul(config.bin.0))
}

fn bin_of(t: StoreTime, config: &PerceptionConfig) -> i64 {
    t.0.div_euclid(config.bin.0.max(1))
}
