//! Threads that look at cameras' pictures, in an open shop and in a worker of its own alike: at most one picture of each
//! camera a period, none of a camera that is at fault, and no failure of one camera ends another.

use crate::networks::Finders;
use crate::outbox::{Outbox, Word};
use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use walkout_model::{
    CameraFault, CameraFrame, CameraHealth, CameraIx, Layout, ShelfSight, Shop, StoreTime,
    TimeDelta,
};
use walkout_perception::eyes::{CameraEye, EyeSettings, Finder, ItemEye, ShelfScan};
use walkout_perception::nets::RgbPicture;

/// A thread without a new picture looks for one after this.
const IDLE: Duration = Duration::from_millis(4);
/// A camera at fault says so again after this, for whoever did not hear.
const AGAIN: Duration = Duration::from_secs(1);

/// Shelves are looked at this often.
pub const SHELVES_EVERY: TimeDelta = TimeDelta::from_secs(5);
/// Those where cameras have to see what moves, for there are no plates, this often.
pub const MOVES_EVERY: TimeDelta = TimeDelta::from_secs(1);
/// How far apart the looks of cameras that follow one another are, whole periods aside.
const APART: TimeDelta = TimeDelta::from_millis(1_300);
/// A shelf camera that has nothing new to tell says that it is well this often.
const WELL: Duration = Duration::from_millis(700);

/// A picture that is older by more periods than this is no second one of its instant: the clock was set back.
const CLOCK_SET_BACK: i64 = 100;

/// Where one camera's pictures come from.
pub trait Feed: Send {
    /// The next picture, if there is a new one.
    fn next(&mut self) -> Result<Option<Shot>>;

    /// How the camera fares.
    fn health(&mut self) -> CameraHealth;
}

/// A picture.
pub struct Shot {
    /// When it was taken.
    pub t: StoreTime,
    /// Pixels along a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Three bytes a pixel.
    pub rgb: Pixels,
}

/// Bytes of red, green and blue.
pub enum Pixels {
    /// Shared with the camera's driver.
    Shared(CameraFrame),
    /// Its own.
    Own(Vec<u8>),
}

impl Pixels {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Shared(frame) => frame.rgb(),
            Self::Own(bytes) => bytes,
        }
    }
}

impl From<CameraFrame> for Shot {
    fn from(frame: CameraFrame) -> Self {
        Self {
            t: frame.t,
            width: frame.width(),
            height: frame.height(),
            rgb: Pixels::Shared(frame),
        }
    }
}

/// What became of one camera's pictures.
#[derive(Debug, Default)]
pub struct Tally {
    /// Looked at.
    pub seen: AtomicU64,
    /// Left out: another of the same period was looked at, or it is the same as before.
    pub spared: AtomicU64,
    /// Did not come, or could not be looked at.
    pub failed: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Tally {
    /// Why the last picture could not be looked at; none since one could.
    pub fn error(&self) -> Option<String> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.clone()
    }

    fn went(&self, camera: &str, error: Option<&anyhow::Error>) {
        let said = error.map(|e| format!("{e:#}"));
        let mut last = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != said {
            if let Some(said) = &said {
                tracing::warn!("camera {camera}: {said}");
            }
            *last = said;
        }
    }
}

/// What is looked for.
enum Eye {
    /// People, their hands and what is in these.
    People {
        eye: Box<CameraEye>,
        finder: Finder,
        items: Option<Arc<ItemEye>>,
    },
    /// What stands on shelves.
    Shelves {
        scan: Arc<ShelfScan>,
        said: Option<Instant>,
    },
}

/// One camera with its eye.
pub struct Looker {
    camera: CameraIx,
    name: String,
    feed: Box<dyn Feed>,
    eye: Eye,
    period: TimeDelta,
    /// How far its instants lie from whole periods: not all cameras are looked through at once.
    phase: TimeDelta,
    /// The period that was looked at last.
    last: Option<i64>,
    health: CameraHealth,
    told: Option<Instant>,
    left: Option<u64>,
    tally: Arc<Tally>,
}

impl Looker {
    /// An eye of a shop's camera that looks for people in one picture a period, and into their hands if there is an eye for items.
    pub fn new(
        layout: &Layout,
        camera: CameraIx,
        feed: Box<dyn Feed>,
        (finder, items): (Finder, Option<Arc<ItemEye>>),
        settings: EyeSettings,
        period: TimeDelta,
    ) -> Option<Self> {
        let description = layout.cameras.get(camera.usize())?;
        let eye = CameraEye::new(camera, description, &layout.floor, settings);
        let eye = Eye::People {
            eye: Box::new(eye),
            finder,
            items,
        };
        Some(Self::with(&description.name, camera, feed, eye, period))
    }

    /// An eye that looks at the shelves before a camera, every few seconds, or every second if some have no plates.
    pub fn of_shelves(
        layout: &Layout,
        camera: CameraIx,
        feed: Box<dyn Feed>,
        scan: Arc<ShelfScan>,
    ) -> Option<Self> {
        let description = layout.cameras.get(camera.usize())?;
        let every = match scan.sees_unweighed(camera) {
            true => MOVES_EVERY,
            false => SHELVES_EVERY,
        };
        let eye = Eye::Shelves { scan, said: None };
        let looker = Self::with(&description.name, camera, feed, eye, every);
        let phase = TimeDelta(i64::from(camera.0) * APART.0 % every.0);
        Some(Self { phase, ..looker })
    }

    fn with(
        name: &str,
        camera: CameraIx,
        feed: Box<dyn Feed>,
        eye: Eye,
        period: TimeDelta,
    ) -> Self {
        Self {
            name: name.to_owned(),
            eye,
            camera,
            feed,
            period,
            phase: TimeDelta::ZERO,
            last: None,
            health: CameraHealth::Good,
            told: None,
            left: None,
            tally: Arc::default(),
        }
    }

    /// Which camera's.
    pub fn camera(&self) -> CameraIx {
        self.camera
    }

    /// What becomes of its pictures.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// Looks at the next picture, if there is one; whether there was.
    fn step(&mut self, told: &Outbox) -> bool {
        let shot = self.feed.next();
        // After the picture: the first one after silence is a good camera's.
        self.tell_health(told);
        match shot {
            Ok(None) => false,
            Ok(Some(shot)) => {
                let period = self.period.0.max(1);
                // As `Gather` rounds: pictures about one instant are of one instant.
                let t = shot.t.0.saturating_sub(self.phase.0);
                let instant = t.saturating_add(period / 2).div_euclid(period);
                let again = |last: i64| (last - CLOCK_SET_BACK..=last).contains(&instant);
                if self.last.is_some_and(again) {
                    self.tally.spared.fetch_add(1, Ordering::Relaxed);
                    self.tell_well(shot.t, told);
                    return true;
                }
                self.last = Some(instant);
                // What a camera at fault shows is not what is there now.
                if self.health == CameraHealth::Good {
                    self.look(&shot, told);
                }
                true
            }
            Err(error) => {
                self.tally.failed.fetch_add(1, Ordering::Relaxed);
                self.tally.went(&self.name, Some(&error));
                false
            }
        }
    }

    fn look(&mut self, shot: &Shot, told: &Outbox) {
        let picture = RgbPicture::new(shot.width, shot.height, shot.rgb.bytes());
        let seen = match picture {
            Ok(picture) => self.sight(shot.t, &picture),
            Err(error) => Err(error.into()),
        };
        self.tally.went(&self.name, seen.as_ref().err());
        match seen {
            Ok(word) => {
                self.tally.seen.fetch_add(1, Ordering::Relaxed);
                self.left = self.left.map(|n| n.saturating_sub(1));
                told.push(self.camera, word);
            }
            Err(_) => {
                self.tally.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// What is in a picture.
    fn sight(&mut self, t: StoreTime, picture: &RgbPicture<'_>) -> Result<Word> {
        Ok(match &mut self.eye {
            Eye::People { eye, finder, items } => {
                let mut sighting = eye.look_by(t, picture, finder)?;
                if let Some(items) = items {
                    eye.inspect(&mut sighting, picture, items)?;
                }
                Word::Saw(sighting)
            }
            Eye::Shelves { scan, said } => {
                let sight = scan.look(self.camera, t, picture)?;
                *said = Some(Instant::now());
                Word::Shelf(sight)
            }
        })
    }

    /// Between two looks at shelves, whoever listens hears that the camera is well.
    fn tell_well(&mut self, t: StoreTime, told: &Outbox) {
        let Eye::Shelves { said, .. } = &mut self.eye else {
            return;
        };
        // Whose pictures cannot be looked at is not well.
        let well = self.health == CameraHealth::Good && self.tally.error().is_none();
        if well && said.is_none_or(|at| at.elapsed() >= WELL) {
            *said = Some(Instant::now());
            let sight = ShelfSight::empty(self.camera, t);
            told.push(self.camera, Word::Shelf(sight));
        }
    }

    fn tell_health(&mut self, told: &Outbox) {
        let health = self.feed.health();
        let again = self.told.is_none_or(|at| at.elapsed() >= AGAIN);
        if health == self.health && (health == CameraHealth::Good || !again) {
            return;
        }
        self.health = health;
        self.told = Some(Instant::now());
        let t = crate::clock::wall_now();
        let camera = self.camera;
        told.push(camera, Word::Fares(CameraFault { t, camera, health }));
    }
}

/// All cameras that one process looks through.
pub struct Lookers {
    people: Vec<Looker>,
    /// A look at shelves takes too long for those who look for people to wait.
    shelves: Vec<Looker>,
    threads: usize,
}

/// Eyes for some cameras: one that hangs before shelves looks at these, the others look for people, on so many threads at most, in one picture
/// a period.
pub fn lookers(
    shop: &Shop,
    finders: &Finders,
    cameras: Vec<(CameraIx, Box<dyn Feed>)>,
    period: TimeDelta,
    threads: usize,
) -> Result<Lookers> {
    let (mut people, mut shelves) = (Vec::new(), Vec::new());
    let threads = threads.clamp(1, cameras.len().max(1));
    let mut shares = Vec::new();
    for (camera, feed) in cameras {
        if let Some(scan) = finders.shelf_scan(camera) {
            shelves.extend(Looker::of_shelves(&shop.layout, camera, feed, scan));
            continue;
        }
        let at = people.len() % threads;
        if at >= shares.len() {
            shares.push((finders.share()?, finders.items(shop)?));
        }
        let (share, items) = &shares[at];
        let finds = (share.finder()?, items.clone());
        let settings = finders.eye().clone();
        people.extend(Looker::new(
            &shop.layout,
            camera,
            feed,
            finds,
            settings,
            period,
        ));
    }
    Ok(Lookers {
        people,
        shelves,
        threads,
    })
}

impl Lookers {
    /// Each camera's.
    pub fn all(&self) -> impl Iterator<Item = &Looker> {
        self.people.iter().chain(&self.shelves)
    }

    /// End after so many pictures of each.
    #[must_use]
    pub fn at_most(mut self, count: Option<u64>) -> Self {
        for looker in self.people.iter_mut().chain(&mut self.shelves) {
            looker.left = count;
        }
        self
    }

    /// Begins to look. The threads end when told to, when the outbox is closed, or when all have looked as often as they should.
    pub fn begin(self, told: &Arc<Outbox>, stop: &Arc<AtomicBool>) -> Result<Vec<JoinHandle<()>>> {
        let mut shares = spread(self.people, self.threads);
        shares.extend(spread(self.shelves, self.threads));
        let shares = shares.into_iter().filter(|share| !share.is_empty());
        let begun = shares.enumerate().map(|(i, share)| {
            let (told, stop) = (Arc::clone(told), Arc::clone(stop));
            std::thread::Builder::new()
                .name(format!("eyes {i}"))
                .spawn(move || run(share, &told, &stop))
                .context("starting a thread that looks")
        });
        begun.collect()
    }
}

fn spread(lookers: Vec<Looker>, threads: usize) -> Vec<Vec<Looker>> {
    let threads = threads.clamp(1, lookers.len().max(1));
    let mut shares: Vec<Vec<Looker>> = (0..threads).map(|_| Vec::new()).collect();
    for (i, looker) in lookers.into_iter().enumerate() {
        shares[i % threads].push(looker);
    }
    shares
}

fn run(mut share: Vec<Looker>, told: &Outbox, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) && !told.is_closed() {
        let mut idle = true;
        for looker in &mut share {
            idle &= !looker.step(told);
        }
        share.retain(|looker| !looker.is_done());
        if share.is_empty() {
            return;
        }
        if idle {
            std::thread::sleep(IDLE);
        }
    }
}
