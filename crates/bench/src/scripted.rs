//! Scenario files played over several seeds, and where the promise of [`crate::promise`] was broken.

use crate::accuracy::AccuracyError;
use crate::matching::compare;
use crate::promise::{Breach, Broken, breaches};
use crate::run::run;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use walkout_model::Shop;
use walkout_model::files::{load_shop, locate};
use walkout_simulator::{Plan, Scenario};

/// A scenario with the shop that it plays in.
#[derive(Clone, Debug)]
pub struct Scripted {
    /// The file's name without its ending.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
    /// The shop with the scenario's planogram.
    pub shop: Arc<Shop>,
}

/// One play of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// Index of the scenario.
    pub scenario: usize,
    /// The seed.
    pub seed: u64,
    /// Store time that passed, seconds.
    pub store_s: f64,
    /// What was broken.
    pub breaches: Vec<Breach>,
}

/// The scenarios of a folder by name, or the one in a file.
///
/// # Errors
/// A folder without scenarios, mistakes in one, or a shop that it does not fit.
pub fn load(path: &Path) -> Result<Vec<Scripted>, AccuracyError> {
    let files = crate::accuracy::scenario_files(path)?;
    files.iter().map(|file| load_one(file)).collect()
}

fn load_one(path: &Path) -> Result<Scripted, AccuracyError> {
    let wrong = |reason| AccuracyError::Scenario {
        path: path.to_owned(),
        reason,
    };
    let scenario = Scenario::load(path).map_err(wrong)?;
    let shop = load_shop(&locate(scenario.shop())?)?;
    let shop = scenario.fit(&shop).map_err(wrong)?;
    let name = path
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(Scripted {
        name,
        scenario,
        shop: Arc::new(shop),
    })
}

impl Scripted {
    /// Plays it through perception and fusion with the `nth` seed, from the scenario's own on.
    ///
    /// # Errors
    /// A run that fails.
    pub fn play(&self, scenario: usize, nth: u64) -> Result<Played, AccuracyError> {
        let mut plan = Plan::scenario(self.scenario.clone());
        plan.seed = plan.seed.wrapping_add(nth * 1_000);
        let seed = plan.seed;
        let label = || format!("{} seed {seed}", self.name);
        let recording =
            run(&self.shop, plan, false, |_| {}).map_err(|reason| AccuracyError::Run {
                label: label(),
                reason,
            })?;
        let matching = compare(&recording.run.truth, &recording.run.outcome);
        Ok(Played {
            scenario,
            seed,
            store_s: recording.store_s,
            breaches: breaches(&self.shop, &recording.run, &matching, recording.start),
        })
    }
}

/// Plays each scenario with `seeds` seeds on all cores. The same scenarios and seeds give the same
/// answer, in order of scenario and seed.
///
/// # Errors
/// The first run that fails.
pub fn play_all(scripted: &[Scripted], seeds: u64) -> Result<Vec<Played>, AccuracyError> {
    let jobs: Vec<(usize, u64)> = (0..scripted.len())
        .flat_map(|i| (0..seeds).map(move |nth| (i, nth)))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(&(i, nth)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(((i, nth), scripted[i].play(i, nth)));
        }
        done
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| match worker.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    done.sort_by_key(|(job, _)| *job);
    done.into_iter().map(|(_, played)| played).collect()
}

/// The kinds of breach of one scenario over all its plays.
pub fn kinds(played: &[Played], scenario: usize) -> BTreeSet<Broken> {
    let of = played.iter().filter(|p| p.scenario == scenario);
    of.flat_map(|p| &p.breaches).map(|b| b.broken).collect()
}
