//! A camera that is kept open: a thread opens the source, times, watches and hands over its frames, and
//! opens it again after whatever ends it.

use super::backoff::BackOff;
use super::error::{CameraError, Cause};
use super::grey::Grey;
use super::open::{OpenOptions, PictureTime, Pictures, TimedPicture, open};
use super::queue::FrameQueue;
use super::watch::{CameraWatch, WatchSettings};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use walkout_model::{
    CameraFault, CameraFrame, CameraHealth, CameraIx, CameraSource, StoreTime, TimeDelta,
};

pub use super::open::Clock;

/// The watchdog looks at most this often.
const WATCHED_EVERY: TimeDelta = TimeDelta::from_millis(90);
/// Faults that may wait to be taken.
const FAULTS_MAX: usize = 64;
/// A waiting thread looks this often whether it shall end.
const SLICE: Duration = Duration::from_millis(50);

/// How a camera is kept open.
pub struct CameraOptions {
    /// Which camera of the shop.
    pub camera: CameraIx,
    /// Where its pictures come from.
    pub source: CameraSource,
    /// The size its calibration is for: pixels along a row, rows.
    pub expected: Option<[u32; 2]>,
    /// How the source is opened.
    pub open: OpenOptions,
    /// Frames that may wait for whoever looks at them.
    pub queue: usize,
    /// When a fault is one.
    pub watch: WatchSettings,
    /// Draws a number from 0 to 1 for each wait between attempts.
    pub jitter: Box<dyn FnMut() -> f64 + Send>,
}

impl std::fmt::Debug for CameraOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CameraOptions")
            .field("camera", &self.camera)
            .field("source", &self.source.to_string())
            .finish_non_exhaustive()
    }
}

/// How a camera fares.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraStatus {
    /// The source, without its password.
    pub source: String,
    /// By the watchdog.
    pub health: CameraHealth,
    /// Since when.
    pub since: StoreTime,
    /// Whether the source is open.
    pub connected: bool,
    /// How often it was opened.
    pub connections: u64,
    /// Frames that came.
    pub frames: u64,
    /// Frames that nobody took in time.
    pub dropped: u64,
    /// Pictures that could not be decoded.
    pub damaged: u64,
    /// Pictures left off while a key frame was awaited.
    pub skipped: u64,
    /// Pixels along a row, and rows, of the newest frame.
    pub size: Option<[u32; 2]>,
    /// Frames a second lately.
    pub fps: f64,
    /// When the newest frame was taken.
    pub last: Option<StoreTime>,
    /// Why it was opened anew, or cannot be.
    pub error: Option<String>,
}

/// A camera that is kept open until it is dropped.
#[derive(Debug)]
pub struct Camera {
    shared: Arc<Shared>,
    queue: FrameQueue,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    watch: CameraWatch,
    status: CameraStatus,
    faults: Vec<CameraFault>,
    /// What the sources before this one counted.
    before: (u64, u64),
    newest: Option<CameraFrame>,
}

impl Camera {
    /// Begins to keep a camera open.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(options: CameraOptions) -> std::io::Result<Self> {
        let now = (options.open.clock)();
        let queue = FrameQueue::new(options.queue);
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            state: Mutex::new(State {
                watch: CameraWatch::new(options.camera, options.expected, options.watch),
                status: CameraStatus {
                    source: options.source.to_string(),
                    health: CameraHealth::Good,
                    since: now,
                    connected: false,
                    connections: 0,
                    frames: 0,
                    dropped: 0,
                    damaged: 0,
                    skipped: 0,
                    size: None,
                    fps: 0.0,
                    last: None,
                    error: None,
                },
                faults: Vec::new(),
                before: (0, 0),
                newest: None,
            }),
        });
        let keeper = Keeper {
            camera: options.camera,
            source: options.source,
            open: options.open,
            jitter: options.jitter,
            shared: shared.clone(),
            queue: queue.clone(),
            sequence: 0,
            back_off: BackOff::default(),
            watched: None,
        };
        std::thread::Builder::new()
            .name(format!("camera {}", options.camera.0))
            .spawn(move || keeper.run())?;
        Ok(Self { shared, queue })
    }

    /// Its frames.
    pub fn frames(&self) -> &FrameQueue {
        &self.queue
    }

    /// The newest frame, whoever takes frames from the queue.
    pub fn newest(&self) -> Option<CameraFrame> {
        self.shared.lock().newest.clone()
    }

    /// By the watchdog; the same as in [`Camera::status`].
    pub fn health(&self) -> CameraHealth {
        self.shared.lock().status.health
    }

    /// How many frames came; the same as in [`Camera::status`].
    pub fn frames_come(&self) -> u64 {
        self.shared.lock().status.frames
    }

    /// How it fares.
    pub fn status(&self) -> CameraStatus {
        let mut status = self.shared.lock().status.clone();
        status.dropped = self.queue.dropped();
        status
    }

    /// Looks for silence, and gives the changes of health since the last call. Call it twice a second.
    pub fn tick(&self, now: StoreTime) -> Vec<CameraFault> {
        let mut state = self.shared.lock();
        let fault = state.watch.tick(now);
        state.note(fault);
        std::mem::take(&mut state.faults)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        // The thread ends by itself at the next picture or when the source's patience ends.
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Counters stay sound whoever panicked while holding them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl State {
    fn note(&mut self, fault: Option<CameraFault>) {
        if let Some(fault) = fault {
            (self.status.health, self.status.since) = (fault.health, fault.t);
            if self.faults.len() == FAULTS_MAX {
                self.faults.remove(0);
            }
            self.faults.push(fault);
        }
    }
}

/// The thread of a camera.
struct Keeper {
    camera: CameraIx,
    source: CameraSource,
    open: OpenOptions,
    jitter: Box<dyn FnMut() -> f64 + Send>,
    shared: Arc<Shared>,
    queue: FrameQueue,
    sequence: u64,
    back_off: BackOff,
    watched: Option<StoreTime>,
}

impl Keeper {
    fn run(mut self) {
        while !self.shared.stopped() {
            // A decoder that panics on some stream must not take the camera away for good.
            let ended = catch_unwind(AssertUnwindSafe(|| self.session())).unwrap_or_else(|_| {
                let cause = Cause::Damaged("the decoder gave up on it".into());
                Err(CameraError::new(&self.source, cause))
            });
            let jitter = (self.jitter)();
            let wait = match &ended {
                Err(CameraError { cause, .. }) if !cause.is_absence() => {
                    self.back_off.after_failure(jitter)
                }
                _ => self.back_off.after_absence(jitter),
            };
            let said = match ended {
                Ok(()) => "the file has ended and begins anew".to_owned(),
                Err(error) => error.to_string(),
            };
            {
                let mut state = self.shared.lock();
                state.status.connected = false;
                state.before = (state.status.damaged, state.status.skipped);
                if state.status.error.as_ref() != Some(&said) {
                    tracing::warn!("camera: {said}");
                    state.status.error = Some(said);
                }
            }
            self.sleep(wait);
        }
        self.queue.close();
    }

    /// One opening of the source, until it ends.
    fn session(&mut self) -> Result<(), CameraError> {
        let mut pictures = open(&self.source, &self.open)?;
        let begun = (self.open.clock)();
        {
            let mut state = self.shared.lock();
            state.status.connected = true;
            state.status.connections += 1;
        }
        while !self.shared.stopped() {
            let Some(timed) = pictures.next()? else {
                return Ok(());
            };
            self.back_off.reset();
            self.take(timed, begun, pictures.as_ref());
        }
        Ok(())
    }

    fn take(&mut self, timed: TimedPicture, begun: StoreTime, pictures: &dyn Pictures) {
        let t = match timed.t {
            PictureTime::At(t) => t,
            PictureTime::AfterStart(after) => {
                // A file stands in for a camera: its pictures come when they are due.
                self.wait_until(begun + after);
                begun + after
            }
        };
        let picture = timed.picture;
        let size = [picture.width, picture.height];
        let frame = CameraFrame::new(self.camera, t, self.sequence, size, picture.rgb);
        let Ok(frame) = frame else {
            return;
        };
        self.sequence += 1;
        let now = (self.open.clock)();
        let due = self
            .watched
            .is_none_or(|at| now.since(at) >= WATCHED_EVERY || now < at);
        let grey = due.then(|| Grey::of_rgb(size, frame.rgb()));
        {
            let mut state = self.shared.lock();
            if let Some(grey) = grey {
                self.watched = Some(now);
                let fault = state.watch.observe(now, &grey);
                state.note(fault);
            }
            let (damaged, skipped) = pictures.damage();
            let before = state.before;
            let status = &mut state.status;
            status.frames += 1;
            status.size = Some(size);
            (status.damaged, status.skipped) = (before.0 + damaged, before.1 + skipped);
            status.error = None;
            state.newest = Some(frame.clone());
            let status = &mut state.status;
            if let Some(last) = status.last.replace(t) {
                let dt = t.since(last).as_secs_f64().clamp(1e-3, 10.0);
                // The mean of about the last ten.
                let rate = if status.fps > 0.0 {
                    0.9 / status.fps + 0.1 * dt
                } else {
                    dt
                };
                status.fps = 1.0 / rate;
            }
        }
        self.queue.push(frame);
    }

    fn wait_until(&self, t: StoreTime) {
        loop {
            let left = t.since((self.open.clock)());
            let Ok(us @ 1..) = u64::try_from(left.0) else {
                return;
            };
            if self.shared.stopped() {
                return;
            }
            std::thread::sleep(Duration::from_micros(us).min(SLICE));
        }
    }

    fn sleep(&self, mut wait: Duration) {
        while !wait.is_zero() && !self.shared.stopped() {
            let slice = wait.min(SLICE);
            std::thread::sleep(slice);
            wait -= slice;
        }
    }
}
