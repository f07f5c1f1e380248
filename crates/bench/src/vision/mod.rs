//! `walkout bench vision`: what each network costs in each runtime, on one thread, and what Python's
//! onnxruntime takes for the same in turns with them.

mod python;

use python::Peer;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;
use walkout_perception::nets::{
    Axes, Element, Fit, Input, NetError, Network, Numbers, Preparation, RgbPicture, Size,
};

/// A network to time, loaded by some runtimes with one thread each.
pub struct Subject {
    /// Its name in the table.
    pub name: String,
    /// Its file, for Python.
    pub file: PathBuf,
    /// Width and height, pixels, where its file leaves them open.
    pub size: [usize; 2],
    /// The runtimes' names and what each made of the file.
    pub loaded: Vec<(&'static str, Box<dyn Network>)>,
}

/// How to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Turns of each runtime.
    pub rounds: u32,
    /// Length of a turn, seconds.
    pub turn_s: f64,
    /// The Python that has onnxruntime.
    pub python: Option<String>,
    /// Pictures a run.
    pub batch: usize,
    /// Size of the camera's frames, for the time that making them ready takes.
    pub frame: [u32; 2],
}

/// What one network costs in one runtime.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The network.
    pub network: String,
    /// The runtime.
    pub runtime: String,
    /// The input's axes.
    pub input: Vec<usize>,
    /// Median time of a run a picture, milliseconds, as a clock on the wall shows it.
    pub latency_ms: f64,
    /// Pictures that one core runs in a second, by the time that the process really ran.
    pub frames_per_core_s: f64,
    /// That beside Python's onnxruntime, one thread too, turn by turn: the median of the ratios.
    pub ratio_to_python: Option<f64>,
    /// The largest difference of an output's number from Python's, as a part of the largest number there.
    pub difference_from_python: Option<f64>,
    /// Making one camera frame ready (cut, scaled, normalised, laid out), milliseconds of a core.
    pub prepare_ms: f64,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// A network failed.
    #[error(transparent)]
    Network(#[from] NetError),
    /// Python failed.
    #[error("{python}: {cause}; it needs: pip install onnxruntime numpy; name one with --python")]
    Python {
        /// Which.
        python: String,
        /// Why.
        cause: String,
    },
}

/// Time that runs took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    wall_s: f64,
    cpu_s: f64,
}

/// Runs before the first turn, to fill caches.
const WARM_UP: u32 = 3;

/// Measures one network in all its runtimes.
///
/// # Errors
/// A network fails on a picture, or Python was asked for and fails.
pub fn measure(subject: &Subject, plan: &Plan) -> Result<Vec<Row>, VisionError> {
    let Some((_, first)) = subject.loaded.first() else {
        return Ok(Vec::new());
    };
    let input = pattern(first.as_ref(), subject.size, plan.batch);
    let mut peer = match &plan.python {
        Some(python) => {
            let bytes = matches!(input.numbers, Numbers::U8(_));
            Some(Peer::start(python, &subject.file, &input.shape, bytes)?)
        }
        None => None,
    };
    let mut turns: Vec<Turns> = Vec::new();
    for (_, network) in &subject.loaded {
        let once = timed(network.as_ref(), &input, WARM_UP)?.wall_s / f64::from(WARM_UP);
        turns.push(Turns::new(once, plan));
    }
    let mut python = Turns::default();
    if let Some(peer) = &mut peer {
        let once = peer.run(WARM_UP)?.wall_s / f64::from(WARM_UP);
        python = Turns::new(once, plan);
    }
    for _ in 0..plan.rounds {
        for ((_, network), turns) in subject.loaded.iter().zip(&mut turns) {
            turns
                .spent
                .push(timed(network.as_ref(), &input, turns.times)?);
        }
        if let Some(peer) = &mut peer {
            python.spent.push(peer.run(python.times)?);
        }
    }
    let batch = input.shape.first().copied().unwrap_or(1).max(1) as f64;
    let prepare_ms = prepare_ms(&input, plan.frame);
    let row = |runtime: String, turns: &Turns, ratio, difference| Row {
        network: subject.name.clone(),
        runtime,
        input: input.shape.clone(),
        latency_ms: median(turns.each(|s| s.wall_s)) * 1e3 / batch,
        frames_per_core_s: batch / median(turns.each(|s| s.cpu_s)),
        ratio_to_python: ratio,
        difference_from_python: difference,
        prepare_ms,
    };
    let mut rows = Vec::new();
    for ((runtime, network), turns) in subject.loaded.iter().zip(&turns) {
        let ratio = peer.as_ref().map(|_| {
            let ours = turns.each(|s| s.cpu_s);
            let theirs = python.each(|s| s.cpu_s);
            median(theirs.iter().zip(&ours).map(|(p, o)| p / o).collect())
        });
        let difference = match &peer {
            Some(peer) => Some(difference(network.as_ref(), &input, &peer.outputs)?),
            None => None,
        };
        rows.push(row((*runtime).to_owned(), turns, ratio, difference));
    }
    if let Some(peer) = &peer {
        let name = format!("Python onnxruntime {}", peer.version);
        rows.push(row(name, &python, Some(1.0), Some(0.0)));
    }
    Ok(rows)
}

/// One runtime's turns.
#[derive(Default)]
struct Turns {
    /// Runs a turn.
    times: u32,
    spent: Vec<Spent>,
}

impl Turns {
    fn new(once_s: f64, plan: &Plan) -> Self {
        Self {
            times: (plan.turn_s / once_s.max(1e-6)).clamp(1.0, 1e6) as u32,
            spent: Vec::new(),
        }
    }

    /// Seconds a run, turn by turn.
    fn each(&self, what: impl Fn(&Spent) -> f64) -> Vec<f64> {
        let times = f64::from(self.times.max(1));
        self.spent.iter().map(|s| what(s) / times).collect()
    }
}

fn timed(network: &dyn Network, input: &Input, times: u32) -> Result<Spent, NetError> {
    let (wall, cpu) = (Instant::now(), process_s());
    for _ in 0..times {
        std::hint::black_box(network.run(input)?);
    }
    Ok(Spent {
        wall_s: wall.elapsed().as_secs_f64(),
        cpu_s: process_s() - cpu,
    })
}

/// Time that all threads of this process ran: a runtime may have one of its own.
fn process_s() -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

/// The test pattern: noise, the same as `peer.py` makes.
fn pattern(network: &dyn Network, [w, h]: [usize; 2], batch: usize) -> Input {
    let ports = network.ports();
    let open = match ports.input.shape.as_slice() {
        [_, _, _, Some(3)] => [batch, h, w, 3],
        _ => [batch, 3, h, w],
    };
    let declared = ports
        .input
        .shape
        .iter()
        .copied()
        .chain(std::iter::repeat(None));
    let shape: Vec<usize> = open
        .iter()
        .zip(declared)
        .map(|(o, d)| d.unwrap_or(*o))
        .collect();
    let count: usize = shape.iter().product();
    let byte = |i: usize| (((i as u64).wrapping_mul(2_654_435_761) % (1 << 32)) >> 24) as u8;
    let numbers = match ports.element {
        Element::U8 => Numbers::U8((0..count).map(byte).collect()),
        Element::F32 => Numbers::F32((0..count).map(|i| f32::from(byte(i)) / 255.0).collect()),
    };
    Input { shape, numbers }
}

/// The largest difference of a number from Python's, beside the largest of Python's.
fn difference(network: &dyn Network, input: &Input, theirs: &[f32]) -> Result<f64, NetError> {
    let outputs = network.run(input)?;
    let ours: Vec<f32> = outputs.into_iter().flat_map(|t| t.data).collect();
    if ours.len() != theirs.len() {
        return Ok(f64::INFINITY);
    }
    let largest = theirs.iter().map(|v| v.abs()).fold(1e-12, f32::max);
    let off = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    // Not a number is as far off as can be.
    let worst = off.fold(
        0.0,
        |m: f32, d| if d.is_nan() { f32::INFINITY } else { m.max(d) },
    );
    Ok(f64::from(worst / largest))
}

/// Milliseconds of a core to make a camera's frame ready for this input; 0 where it is no picture of three colours.
fn prepare_ms(input: &Input, [w, h]: [u32; 2]) -> f64 {
    let (axes, size) = match *input.shape.as_slice() {
        [_, h, w, 3] => (Axes::Nhwc, [w, h]),
        [_, 3, h, w] => (Axes::Nchw, [w, h]),
        _ => return 0.0,
    };
    let how = Preparation {
        size: Size::Fixed(size),
        fit: Fit::Letterbox,
        axes,
        element: match input.numbers {
            Numbers::F32(_) => Element::F32,
            Numbers::U8(_) => Element::U8,
        },
        ..Preparation::default()
    };
    let rgb: Vec<u8> = (0..w as usize * h as usize * 3)
        .map(|i| (i * 7 % 251) as u8)
        .collect();
    let Ok(picture) = RgbPicture::new(w, h, &rgb) else {
        return 0.0;
    };
    let mut times = Vec::new();
    for _ in 0..15 {
        let start = process_s();
        let _ = std::hint::black_box(how.whole(&[picture]));
        times.push((process_s() - start) * 1e3);
    }
    median(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match (values.get(n.saturating_sub(1) / 2), values.get(n / 2)) {
        (Some(a), Some(b)) => (a + b) / 2.0,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests;
