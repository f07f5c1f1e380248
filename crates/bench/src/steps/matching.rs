//! Which step tells of which action. `docs/reference/bench.md` defines it; the constants are here.

use crate::truth::{Action, ActionKind, Truth};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use walkout_model::{ShelfTouch, Shop, StoreTime, TimeDelta, WeightStep};

/// A step's instant of change may lie this long before the hand arrived or after the goods had moved.
pub const SLACK: TimeDelta = TimeDelta::from_millis(500);
/// A step's mass may be off by so many grams …
pub const OFF_G: f64 = 4.0;
/// … and this share of the mass more.
pub const OFF_SHARE: f64 = 0.02;
/// Goods of which less moved than this are nothing that a scale of this class can tell.
pub const LEAST_G: f64 = 5.0;
/// Actions whose goods had moved within this time of each other may share a step, if they share plates.
pub const SAME_INSTANT: TimeDelta = TimeDelta::from_secs(1);
/// An action that takes longer than this may be told in pieces.
pub const SLOW: TimeDelta = TimeDelta::from_secs(4);
/// Most actions in a step, and most steps of an action.
const MOST: usize = 3;
/// What happens so shortly before a run's end is not scored.
const TAIL: TimeDelta = TimeDelta::from_secs(4);
/// Plates this far beyond an action's own may show it: boards bend.
const BESIDE: u32 = 1;

/// A span of store time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: StoreTime,
    /// Its end.
    pub to: StoreTime,
}

impl Window {
    /// From end to end.
    pub fn length(self) -> TimeDelta {
        self.to.since(self.from)
    }
}

/// Why an action was missed, or a step is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Nothing was said at that place and time.
    Silent,
    /// It was told as a touch.
    ToldAsTouch,
    /// A step was there, and its mass is another.
    WrongMass,
    /// Actions at different places or instants were told as one.
    Merged,
    /// A press or a lean of which nothing came was told as a step.
    Press,
    /// The hand of an action nearby in time was told apart from its goods, or rung for a step.
    BesideAction,
    /// Nobody did anything there.
    Nothing,
}

/// A miss or a false step.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Why.
    pub cause: Cause,
    /// Seconds after the run's start.
    pub at_s: f64,
    /// What it was and what was around it.
    pub text: String,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:.2} s: {:?}: {}", self.at_s, self.cause, self.text)
    }
}

/// A step beside the one action that it tells of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Off {
    /// When the goods had moved.
    pub t_end: StoreTime,
    /// The action's mass, grams; negative if taken.
    pub true_g: f64,
    /// The step's standard deviation, grams.
    pub sigma_g: f64,
    /// (step − truth)/sigma.
    pub z: f64,
    /// The same of the step's first version.
    pub z_first: f64,
    /// How long after the action's end the step was known, milliseconds.
    pub delay_ms: f64,
    /// Whether another hand was at the shelf within two seconds of the action.
    pub overlapped: bool,
}

/// Nobody else's hand at the shelf for this long before and after an action: it was a clean one.
pub const ALONE: TimeDelta = TimeDelta::from_secs(2);
/// Goods of less are light, grams.
pub const LIGHT_G: f64 = 100.0;

/// The kinds of pairs whose errors are told apart.
pub const KINDS: [&str; 6] = ["light", "heavy", "takes", "puts", "clean", "overlapped"];

impl Off {
    fn is(&self, kind: &str) -> bool {
        match kind {
            "light" => self.true_g.abs() < LIGHT_G,
            "heavy" => self.true_g.abs() >= LIGHT_G,
            "takes" => self.true_g < 0.0,
            "puts" => self.true_g > 0.0,
            "clean" => !self.overlapped,
            _ => self.overlapped,
        }
    }
}

/// Root mean square of what `z` says of each; 0 of none.
pub fn rms<'a>(offs: impl Iterator<Item = &'a Off>, z: impl Fn(&Off) -> f64) -> f64 {
    let (mut sum, mut n) = (0.0, 0_usize);
    for off in offs {
        sum += z(off).powi(2);
        n += 1;
    }
    (sum / n.max(1) as f64).sqrt()
}

/// [`rms`] of the final errors of each of [`KINDS`].
pub fn rms_by_kind(offs: &[Off]) -> [f64; 6] {
    KINDS.map(|kind| rms(offs.iter().filter(|o| o.is(kind)), |o| o.z))
}

/// A scored run, or several.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// Actions that changed a shelf's mass.
    pub actions: usize,
    /// Of these, found.
    pub found: usize,
    /// Steps that stand at the end.
    pub steps: usize,
    /// Of these, explained.
    pub right: usize,
    /// Steps that a later one replaced.
    pub replaced: usize,
    /// Steps that were taken back.
    pub retracted: usize,
    /// Presses and leans of which nothing came.
    pub touches: usize,
    /// Delay of each found take, milliseconds.
    pub falls_ms: Vec<f64>,
    /// Delay of each found put, milliseconds.
    pub rises_ms: Vec<f64>,
    /// Delay until the mass was within the tolerance, milliseconds.
    pub read_ms: Vec<f64>,
    /// How far plain pairs lie apart.
    pub offs: Vec<Off>,
    /// What went wrong.
    pub incidents: Vec<Incident>,
}

impl Scored {
    /// Adds another run.
    pub fn merge(&mut self, other: Self) {
        self.actions += other.actions;
        self.found += other.found;
        self.steps += other.steps;
        self.right += other.right;
        self.replaced += other.replaced;
        self.retracted += other.retracted;
        self.touches += other.touches;
        self.falls_ms.extend(other.falls_ms);
        self.rises_ms.extend(other.rises_ms);
        self.read_ms.extend(other.read_ms);
        self.offs.extend(other.offs);
        self.incidents.extend(other.incidents);
    }

    /// How often each cause occurred.
    pub fn causes(&self) -> BTreeMap<Cause, usize> {
        let mut causes = BTreeMap::new();
        for incident in &self.incidents {
            *causes.entry(incident.cause).or_default() += 1;
        }
        causes
    }
}

/// An action at a shelf, in the numbers of the layout.
struct Deed<'a> {
    action: &'a Action,
    plates: Vec<u32>,
    grams: f64,
    /// Too near to the end to be counted; it may still explain a step.
    late: bool,
}

/// A step that stands, with all that it replaced, first one first.
struct Told<'a> {
    step: &'a WeightStep,
    versions: Vec<&'a WeightStep>,
    late: bool,
}

/// What explains what on one shelf.
#[derive(Default)]
struct Pairs {
    /// Steps of each deed.
    of_deed: Vec<Vec<usize>>,
    /// Deeds of each step.
    of_step: Vec<Vec<usize>>,
}

/// Scores the steps of a run.
pub fn score(
    shop: &Shop,
    truth: &Truth,
    steps: &[WeightStep],
    touches: &[ShelfTouch],
    span: Window,
) -> Scored {
    let plate_of: BTreeMap<&str, u32> = (0_u32..)
        .zip(&shop.layout.plates)
        .map(|(i, plate)| (plate.name.as_str(), i))
        .collect();
    let end = StoreTime(span.to.0.saturating_sub(TAIL.0));
    let mut scored = Scored::default();
    let stand = standing(steps, &mut scored);
    for (i, shelf) in shop.layout.shelves.iter().enumerate() {
        let here: Vec<&Action> = truth
            .actions
            .iter()
            .filter(|a| a.shelf.as_deref() == Some(shelf.name.as_str()))
            .collect();
        let deeds: Vec<Deed<'_>> = here
            .iter()
            .filter(|a| a.mass_g.abs() >= LEAST_G)
            .map(|action| Deed {
                action,
                plates: action
                    .plates
                    .iter()
                    .filter_map(|name| plate_of.get(name.as_str()).copied())
                    .collect(),
                grams: action.mass_g,
                late: action.t_end > end,
            })
            .collect();
        let told: Vec<Told<'_>> = stand
            .iter()
            .filter(|versions| versions.last().is_some_and(|s| s.shelf.usize() == i))
            .filter_map(|versions| {
                let step = *versions.last()?;
                Some(Told {
                    step,
                    versions: versions.clone(),
                    late: step.t_change > end,
                })
            })
            .collect();
        scored.touches += here.iter().filter(|a| a.kind == ActionKind::Touch).count();
        let pairs = pair(&deeds, &told);
        count(&here, &deeds, &told, &pairs, &mut scored);
        let around = Around {
            shelf: &shelf.name,
            here: &here,
            deeds: &deeds,
            told: &told,
            pairs: &pairs,
            touches: &touches
                .iter()
                .filter(|t| t.shelf.usize() == i)
                .collect::<Vec<_>>(),
            start: span.from,
        };
        around.tell(&mut scored.incidents);
    }
    scored.incidents.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    scored
}

/// The steps that nothing replaced and that were not taken back, each with what it replaced.
fn standing<'a>(steps: &'a [WeightStep], scored: &mut Scored) -> Vec<Vec<&'a WeightStep>> {
    let by_serial: BTreeMap<u64, &WeightStep> = steps.iter().map(|s| (s.serial, s)).collect();
    let replaced: BTreeSet<u64> = steps.iter().filter_map(|s| s.replaces).collect();
    scored.replaced += replaced.len();
    let mut stand = Vec::new();
    for step in steps.iter().filter(|s| !replaced.contains(&s.serial)) {
        if step.replaces.is_some() && step.plates.is_empty() {
            scored.retracted += 1;
            continue;
        }
        let mut versions = vec![step];
        let mut last = step;
        // A version points at an earlier serial, so this ends.
        while let Some(&before) = last
            .replaces
            .filter(|serial| *serial < last.serial)
            .and_then(|serial| by_serial.get(&serial))
        {
            versions.push(before);
            last = before;
        }
        versions.reverse();
        stand.push(versions);
    }
    stand
}

fn pair(deeds: &[Deed<'_>], told: &[Told<'_>]) -> Pairs {
    let mut pairs = Pairs {
        of_deed: vec![Vec::new(); deeds.len()],
        of_step: vec![Vec::new(); told.len()],
    };
    one_to_one(deeds, told, &mut pairs);
    shared(deeds, told, &mut pairs);
    in_pieces(deeds, told, &mut pairs);
    pairs
}

/// As many pairs of one action and one step as there can be (Kuhn's augmenting paths), the likeliest first.
fn one_to_one(deeds: &[Deed<'_>], told: &[Told<'_>], pairs: &mut Pairs) {
    let candidates: Vec<Vec<usize>> = deeds
        .iter()
        .map(|deed| {
            let mut fitting: Vec<usize> = (0..told.len())
                .filter(|&s| {
                    let step = told[s].step;
                    in_time(deed, step)
                        && in_place(deed, step)
                        && mass_agrees(f64::from(step.delta_g), deed.grams)
                })
                .collect();
            fitting.sort_by_key(|&s| told[s].step.t_change.since(deed.action.t_end).0.abs());
            fitting
        })
        .collect();
    let mut deed_of: Vec<Option<usize>> = vec![None; told.len()];
    for deed in 0..deeds.len() {
        let mut seen = vec![false; told.len()];
        augment(deed, &candidates, &mut seen, &mut deed_of);
    }
    for (step, deed) in deed_of.into_iter().enumerate() {
        if let Some(deed) = deed {
            pairs.of_deed[deed].push(step);
            pairs.of_step[step].push(deed);
        }
    }
}

fn augment(
    deed: usize,
    candidates: &[Vec<usize>],
    seen: &mut [bool],
    deed_of: &mut [Option<usize>],
) -> bool {
    for &step in &candidates[deed] {
        if std::mem::replace(&mut seen[step], true) {
            continue;
        }
        let free = match deed_of[step] {
            None => true,
            Some(other) => augment(other, candidates, seen, deed_of),
        };
        if free {
            deed_of[step] = Some(deed);
            return true;
        }
    }
    false
}

/// Actions of one instant on the same plates, told as their sum: no scale can tell them apart.
fn shared(deeds: &[Deed<'_>], told: &[Told<'_>], pairs: &mut Pairs) {
    for (s, told) in told.iter().enumerate() {
        if !pairs.of_step[s].is_empty() {
            continue;
        }
        let near: Vec<usize> = (0..deeds.len())
            .filter(|&d| pairs.of_deed[d].is_empty())
            .filter(|&d| in_time(&deeds[d], told.step) && in_place(&deeds[d], told.step))
            .collect();
        let fits = subsets(&near).find(|some| {
            let sum = some.iter().map(|&d| deeds[d].grams).sum();
            let ends = || some.iter().map(|&d| deeds[d].action.t_end);
            let (Some(first), Some(last)) = (ends().min(), ends().max()) else {
                return false;
            };
            last.since(first) <= SAME_INSTANT
                && some
                    .windows(2)
                    .all(|two| touching(&deeds[two[0]], &deeds[two[1]]))
                && mass_agrees(f64::from(told.step.delta_g), sum)
        });
        for d in fits.unwrap_or_default() {
            pairs.of_deed[d].push(s);
            pairs.of_step[s].push(d);
        }
    }
}

/// Slow actions told in pieces that sum to the whole.
fn in_pieces(deeds: &[Deed<'_>], told: &[Told<'_>], pairs: &mut Pairs) {
    for (d, deed) in deeds.iter().enumerate() {
        if !pairs.of_deed[d].is_empty() || deed.action.t_end.since(deed.action.t_start) < SLOW {
            continue;
        }
        let near: Vec<usize> = (0..told.len())
            .filter(|&s| pairs.of_step[s].is_empty())
            .filter(|&s| in_time(deed, told[s].step) && in_place(deed, told[s].step))
            .collect();
        let sum = |some: &[usize]| some.iter().map(|&s| f64::from(told[s].step.delta_g)).sum();
        let all = (mass_agrees(sum(&near), deed.grams)).then(|| near.clone());
        let fits = all.or_else(|| subsets(&near).find(|some| mass_agrees(sum(some), deed.grams)));
        for s in fits.unwrap_or_default() {
            pairs.of_deed[d].push(s);
            pairs.of_step[s].push(d);
        }
    }
}

/// All sets of two to [`MOST`] of these, small ones first.
fn subsets(of: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    // Beyond so many at one place and time nothing is told apart anyway.
    let of = &of[..of.len().min(12)];
    (2..=MOST as u32).flat_map(move |size| {
        (0_u32..1 << of.len())
            .filter(move |bits| bits.count_ones() == size)
            .map(move |bits| {
                (0..of.len())
                    .filter(|i| bits >> i & 1 == 1)
                    .map(|i| of[i])
                    .collect()
            })
    })
}

fn in_time(deed: &Deed<'_>, step: &WeightStep) -> bool {
    step.t_change >= StoreTime(deed.action.t_start.0.saturating_sub(SLACK.0))
        && step.t_change <= deed.action.t_end + SLACK
}

fn in_place(deed: &Deed<'_>, step: &WeightStep) -> bool {
    let heaviest = step
        .plates
        .iter()
        .max_by(|a, b| a.delta_g.abs().total_cmp(&b.delta_g.abs()));
    heaviest.is_some_and(|h| {
        deed.plates.is_empty() || deed.plates.iter().any(|p| p.abs_diff(h.plate.0) <= BESIDE)
    })
}

fn touching(a: &Deed<'_>, b: &Deed<'_>) -> bool {
    let near = |p: &u32| b.plates.iter().any(|q| p.abs_diff(*q) <= BESIDE);
    a.plates.iter().any(near)
}

fn mass_agrees(told_g: f64, true_g: f64) -> bool {
    (told_g - true_g).abs() <= OFF_G + OFF_SHARE * true_g.abs()
}

fn count(
    here: &[&Action],
    deeds: &[Deed<'_>],
    told: &[Told<'_>],
    pairs: &Pairs,
    scored: &mut Scored,
) {
    for (deed, steps) in deeds.iter().zip(&pairs.of_deed) {
        if deed.late {
            continue;
        }
        scored.actions += 1;
        if steps.is_empty() {
            continue;
        }
        scored.found += 1;
        let alone = steps.len() == 1 && pairs.of_step[steps[0]].len() == 1;
        if alone {
            let told = &told[steps[0]];
            let z = |step: &WeightStep| {
                (f64::from(step.delta_g) - deed.grams) / f64::from(step.sigma_g.max(1e-3))
            };
            scored.offs.push(Off {
                t_end: deed.action.t_end,
                true_g: deed.grams,
                sigma_g: f64::from(told.step.sigma_g),
                z: z(told.step),
                z_first: told.versions.first().map_or(0.0, |first| z(first)),
                delay_ms: known_at(told, deed.grams, true).map_or(0.0, |known| {
                    known.since(deed.action.t_end).as_secs_f64() * 1e3
                }),
                overlapped: here.iter().any(|a| {
                    !std::ptr::eq(*a, deed.action)
                        && a.t_start <= deed.action.t_end + ALONE
                        && deed.action.t_start <= a.t_end + ALONE
                }),
            });
        }
        let known = steps
            .iter()
            .filter_map(|&s| known_at(&told[s], deed.grams, alone));
        if let Some(known) = known.max() {
            let ms = known.since(deed.action.t_end).as_secs_f64() * 1e3;
            match deed.grams < 0.0 {
                true => scored.falls_ms.push(ms),
                false => scored.rises_ms.push(ms),
            }
        }
        let read = steps.iter().map(|&s| {
            let of_it = |v: &&&WeightStep| alone && mass_agrees(f64::from(v.delta_g), deed.grams);
            let version = told[s].versions.iter().find(of_it);
            version.copied().unwrap_or(told[s].step).known_at
        });
        if let Some(read) = read.max() {
            let ms = read.since(deed.action.t_end).as_secs_f64() * 1e3;
            scored.read_ms.push(ms);
        }
    }
    for (told, deeds) in told.iter().zip(&pairs.of_step) {
        if told.late && deeds.is_empty() {
            continue;
        }
        scored.steps += 1;
        scored.right += usize::from(!deeds.is_empty());
    }
}

/// When the first version of the step that was right within its own three sigmas was known.
fn known_at(told: &Told<'_>, true_g: f64, alone: bool) -> Option<StoreTime> {
    let right = |s: &&&WeightStep| {
        let off = (f64::from(s.delta_g) - true_g).abs();
        alone
            && f64::from(s.delta_g) * true_g > 0.0
            && (mass_agrees(f64::from(s.delta_g), true_g) || off <= 3.0 * f64::from(s.sigma_g))
    };
    let first = told.versions.iter().find(right);
    Some(first.copied().unwrap_or(told.step).known_at)
}

/// All that may say why something went wrong on a shelf.
struct Around<'a> {
    shelf: &'a str,
    here: &'a [&'a Action],
    deeds: &'a [Deed<'a>],
    told: &'a [Told<'a>],
    pairs: &'a Pairs,
    touches: &'a [&'a ShelfTouch],
    start: StoreTime,
}

/// How far around an incident a listing looks.
const AROUND: TimeDelta = TimeDelta::from_secs(3);

impl Around<'_> {
    fn tell(&self, into: &mut Vec<Incident>) {
        for (deed, steps) in self.deeds.iter().zip(&self.pairs.of_deed) {
            if steps.is_empty() && !deed.late {
                into.push(self.miss(deed));
            }
        }
        for (told, deeds) in self.told.iter().zip(&self.pairs.of_step) {
            if deeds.is_empty() && !told.late {
                into.push(self.false_step(told.step));
            }
        }
    }

    fn miss(&self, deed: &Deed<'_>) -> Incident {
        let wrong: Vec<_> = self
            .told
            .iter()
            .zip(&self.pairs.of_step)
            .filter(|(t, deeds)| {
                deeds.is_empty() && in_time(deed, t.step) && in_place(deed, t.step)
            })
            .collect();
        let merged = wrong.iter().any(|(t, _)| {
            self.deeds.iter().any(|other| {
                !std::ptr::eq(other, deed)
                    && near(other.action.t_end, deed.action.t_end)
                    && mass_agrees(f64::from(t.step.delta_g), deed.grams + other.grams)
            })
        });
        let touch = self.touches.iter().any(|t| {
            t.t_start <= deed.action.t_end + SLACK && t.t_end + SLACK >= deed.action.t_start
        });
        let cause = match (merged, wrong.is_empty(), touch) {
            (true, ..) => Cause::Merged,
            (_, false, _) => Cause::WrongMass,
            (.., true) => Cause::ToldAsTouch,
            _ => Cause::Silent,
        };
        self.incident(
            cause,
            deed.action.t_end,
            format!("missed {}", self.act(deed.action)),
        )
    }

    fn false_step(&self, step: &WeightStep) -> Incident {
        let of =
            |a: &&&Action| a.t_start <= step.t_change + AROUND && a.t_end + AROUND >= step.t_change;
        let lost = |d: &Deed<'_>| in_time(d, step) && in_place(d, step);
        let unpaired = self
            .deeds
            .iter()
            .zip(&self.pairs.of_deed)
            .any(|(d, steps)| steps.is_empty() && lost(d));
        let cause = if unpaired {
            Cause::WrongMass
        } else if self.here.iter().filter(of).any(|a| a.mass_g != 0.0) {
            Cause::BesideAction
        } else if self.here.iter().any(|a| of(&a)) {
            Cause::Press
        } else {
            Cause::Nothing
        };
        self.incident(cause, step.t_change, format!("false {}", self.step(step)))
    }

    fn incident(&self, cause: Cause, at: StoreTime, what: String) -> Incident {
        let mut text = format!("{} {what}", self.shelf);
        for action in self.here.iter().filter(|a| near(a.t_end, at)) {
            text += &format!("\n      action {}", self.act(action));
        }
        for told in self.told.iter().filter(|t| near(t.step.t_change, at)) {
            for version in &told.versions {
                text += &format!("\n      step   {}", self.step(version));
            }
        }
        for touch in self.touches.iter().filter(|t| near(t.t_end, at)) {
            text += &format!(
                "\n      touch  {:.2}–{:.2} s, {:+.0} g at most",
                self.seconds(touch.t_start),
                self.seconds(touch.t_end),
                touch.peak_g
            );
        }
        Incident {
            cause,
            at_s: self.seconds(at),
            text,
        }
    }

    fn act(&self, action: &Action) -> String {
        let plates: Vec<_> = action
            .plates
            .iter()
            .filter_map(|p| p.rsplit('/').next())
            .collect();
        format!(
            "{:?} of {:+.1} g at {:.2}–{:.2} s on {}",
            action.kind,
            action.mass_g,
            self.seconds(action.t_start),
            self.seconds(action.t_end),
            plates.join(" ")
        )
    }

    fn step(&self, step: &WeightStep) -> String {
        let first = step.plates.first().map_or(0, |p| p.plate.0);
        let plates: Vec<_> = step
            .plates
            .iter()
            .map(|p| format!("+{}:{:+.1}", p.plate.0 - first, p.delta_g))
            .collect();
        let replaces = step
            .replaces
            .map_or(String::new(), |r| format!(" for #{r}"));
        let base = self
            .here
            .first()
            .and(step.plates.first())
            .map_or(0, |p| p.plate.0);
        format!(
            "#{}{replaces} {:+.1} ± {:.1} g, left rest {:.2}, changed {:.2}, rested {:.2}, known {:.2} s, from plate {base}: {}",
            step.serial,
            step.delta_g,
            step.sigma_g,
            self.seconds(step.t_start),
            self.seconds(step.t_change),
            self.seconds(step.t_end),
            self.seconds(step.known_at),
            plates.join(" ")
        )
    }

    fn seconds(&self, t: StoreTime) -> f64 {
        t.since(self.start).as_secs_f64()
    }
}

fn near(a: StoreTime, b: StoreTime) -> bool {
    a.since(b).0.abs() <= AROUND.0
}
