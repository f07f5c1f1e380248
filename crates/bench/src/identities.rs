//! Who is who: how often the party of a track is told wrongly while the shop is full, and how surely.
//!
//! Once a second each track is asked for, as it is shown on the floor plan, beside whose it is by the simulator.

use crate::estimators::{Arrivals, Estimators};
use crate::makers::MakersError;
use crate::run::Doorkeeper;
use crate::truth::Truth;
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_model::files::{load_shop, locate};
use walkout_model::{SessionId, Shop, StoreTime, TimeDelta, TrackId, Who};
use walkout_simulator::{Plan, Preset, Simulation, Tick};

/// How often all tracks are asked for.
const EACH: TimeDelta = TimeDelta::from_secs(1);
/// From this probability on a party is told surely.
const SURELY: f64 = 0.9;
/// Who comes in is settled a little after they crossed the line; for so long they are not asked for.
const COMES_IN: TimeDelta = TimeDelta::from_secs(4);
/// Wrong seconds of one track that are no farther apart are one mistake.
const GAP: TimeDelta = TimeDelta::from_secs(3);

/// How identities are told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Seconds of tracks of people who were let in by a code and did something with goods, from four seconds after they were first
    /// seen.
    pub seconds: usize,
    /// Of which another party, or nobody known, was thought the likeliest.
    pub wrong: usize,
    /// Of which surely: with 0.9 or more.
    pub surely_wrong: usize,
    /// When which track was whose, and who it was taken for.
    pub mistakes: Vec<Mistake>,
}

/// A track that was taken for another's for a while.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// The day.
    pub seed: u64,
    /// The track.
    pub track: TrackId,
    /// From when to when, since the shop opened.
    pub seconds: (f64, f64),
    /// Whose it was, by session.
    pub of: SessionId,
    /// Who it was taken for at first.
    pub taken_for: Who,
    /// The most with which that was told.
    pub most: f64,
}

/// Plays days of a preset and asks whose each track is.
///
/// # Errors
/// A shop that is not there, or a day that cannot be played.
pub fn measure(
    preset: Preset,
    seeds: impl Iterator<Item = u64>,
    receipts: u32,
) -> Result<Told, MakersError> {
    let shop = Arc::new(load_shop(&locate(preset.default_shop())?)?);
    let mut told = Told::default();
    for seed in seeds {
        for plan in preset.plans(seed, receipts) {
            let day = Day::play(&shop, plan)?;
            told.add(seed, &day);
        }
    }
    let order = |m: &Mistake| (m.seed, m.seconds.0);
    told.mistakes.sort_by(|a, b| {
        let ((seed, from), (other, later)) = (order(a), order(b));
        seed.cmp(&other).then(from.total_cmp(&later))
    });
    Ok(told)
}

/// What was said of a track in one second.
struct Asked {
    t: StoreTime,
    track: TrackId,
    person: u32,
    said: (Who, f64),
}

/// A day that was played.
struct Day {
    start: StoreTime,
    asked: Vec<Asked>,
    /// The session of everybody who was let in by a code and did something.
    sessions: BTreeMap<u32, SessionId>,
}

impl Day {
    fn play(shop: &Arc<Shop>, plan: Plan) -> Result<Self, MakersError> {
        let mut simulation = Simulation::new(Arc::clone(shop), plan)?;
        let mut estimators = Estimators::new(shop, false);
        let mut doorkeeper = Doorkeeper::default();
        let mut tick = Tick::default();
        let mut arrivals = Arrivals {
            counted: simulation.count_lanes(),
            ..Arrivals::default()
        };
        let mut truth = String::new();
        let mut asked: Vec<Asked> = Vec::new();
        let mut times: Option<(StoreTime, StoreTime)> = None;
        while !simulation.is_over() {
            simulation.step(&mut tick);
            arrivals.take(&mut tick, &mut doorkeeper);
            estimators.take(&arrivals);
            arrivals.clear();
            truth += &simulation.drain_truth();
            let (_, next) = times.get_or_insert((tick.now, tick.now));
            if tick.now < *next {
                continue;
            }
            *next += EACH;
            for (track, person) in simulation.whose_tracks() {
                asked.extend(estimators.likely_party(track).map(|said| Asked {
                    t: tick.now,
                    track,
                    person,
                    said,
                }));
            }
        }
        truth += &simulation.drain_truth();
        let phones = doorkeeper.into_phones().into_iter();
        let of_phone: BTreeMap<u32, SessionId> = phones.map(|(session, p)| (p, session)).collect();
        let truth = Truth::parse(&truth)?;
        let acted = truth.actions.iter();
        Ok(Self {
            start: times.map_or(StoreTime::default(), |t| t.0),
            asked,
            sessions: acted
                .filter_map(|a| Some((a.person, *of_phone.get(&a.phone?)?)))
                .collect(),
        })
    }
}

impl Told {
    fn add(&mut self, seed: u64, day: &Day) {
        let since = |t: StoreTime| t.since(day.start).as_secs_f64();
        let mut open: BTreeMap<(TrackId, u32), (StoreTime, Mistake)> = BTreeMap::new();
        let mut came: BTreeMap<u32, StoreTime> = BTreeMap::new();
        for a in &day.asked {
            let came = *came.entry(a.person).or_insert(a.t);
            let Some(&of) = day.sessions.get(&a.person) else {
                continue;
            };
            if a.t.since(came) < COMES_IN {
                continue;
            }
            self.seconds += 1;
            let (who, p) = a.said;
            if who == Who::Session(of) {
                continue;
            }
            self.wrong += 1;
            self.surely_wrong += usize::from(p >= SURELY);
            let begin = || {
                let mistake = Mistake {
                    seed,
                    track: a.track,
                    seconds: (since(a.t), since(a.t)),
                    of,
                    taken_for: who,
                    most: p,
                };
                (a.t, mistake)
            };
            let (last, mistake) = open.entry((a.track, a.person)).or_insert_with(begin);
            if a.t.since(*last) > GAP {
                self.mistakes.push(mistake.clone());
                (*last, *mistake) = begin();
            }
            *last = a.t;
            mistake.seconds.1 = since(a.t);
            mistake.most = mistake.most.max(p);
        }
        self.mistakes.extend(open.into_values().map(|(_, m)| m));
    }
}
