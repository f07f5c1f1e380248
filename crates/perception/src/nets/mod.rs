//! Networks: pictures in, people, hands and looks of items out.
//!
//! [`Network`] is the seam to a runtime: [`RtenNetwork`] is always there, `OrtNetwork` with the feature
//! `ort`. [`PersonNetwork`] and [`ItemNetwork`] read the networks that ship. What goes in and comes out
//! of each is described in `docs/reference/networks.md`.

mod colours;
pub(crate) mod facing;
mod gallery_file;
mod hand_odds;
mod heat;
mod item;
mod onnx;
#[cfg(feature = "ort")]
mod ort_runtime;
mod person;
mod picture;
mod prepare;
mod queue;
mod reach;
mod reach_cuts;
mod resample;
mod rten_runtime;
mod scale;
mod tensor;
mod users;

pub use facing::{FacingNetwork, FacingOdds};
pub use gallery_file::{EnrolledLook, GALLERY_VERSION, GalleryError, GalleryFile, GalleryNetwork};
pub use hand_odds::{HAND_TERMS, HandOdds, HandScores};
pub use item::{Calibration, Gallery, ItemNetwork, ItemPosterior, Likeness, Look};
#[cfg(feature = "ort")]
pub use ort_runtime::{NoRuntime, OrtNetwork, OrtRuntime};
pub use person::{HandSpot, HeadSpot, PersonConfig, PersonNetwork, PersonView, Spot};
pub use picture::{PictureError, RgbPicture};
pub use prepare::{Area, Axes, Channels, Fit, Placement, Preparation, PrepareError, Size};
pub use queue::FrameQueue;
pub use reach::{MaybeHand, ReachConfig, ReachNetwork};
pub use rten_runtime::RtenNetwork;
pub use scale::{InputScale, input_scale};
pub use tensor::{Element, Input, Numbers, Port, Ports, Tensor};
pub use users::{
    Answer, BoxSpot, Classes, ConfigError, Eyes, InputConfig, Kind, NetworkConfig, NetworksConfig,
    POSE_POINTS, Role, SeenPerson, Sight, UserNetwork, person_view, suppress,
};

/// A loaded network with one input and any number of outputs. Shared between threads; where several
/// run at once, each should have a session of its own.
pub trait Network: Send + Sync {
    /// Runs a batch.
    ///
    /// # Errors
    /// The network does not take this shape, or gives something that is no array of numbers.
    fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError>;

    /// What it takes and gives.
    fn ports(&self) -> &Ports;

    /// Its file or name, for messages.
    fn name(&self) -> &str;

    /// The same network with a thread of its own, for another worker.
    ///
    /// # Errors
    /// The runtime has no room for another.
    fn session(&self) -> Result<Box<dyn Network>, NetError>;
}

impl Network for Box<dyn Network> {
    fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError> {
        (**self).run(input)
    }

    fn ports(&self) -> &Ports {
        (**self).ports()
    }

    fn name(&self) -> &str {
        (**self).name()
    }

    fn session(&self) -> Result<Box<dyn Network>, NetError> {
        (**self).session()
    }
}

impl<N: Network + ?Sized> Network for std::sync::Arc<N> {
    fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError> {
        (**self).run(input)
    }

    fn ports(&self) -> &Ports {
        (**self).ports()
    }

    fn name(&self) -> &str {
        (**self).name()
    }

    fn session(&self) -> Result<Box<dyn Network>, NetError> {
        (**self).session()
    }
}

/// Why a network cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The file is no network.
    #[error("{file}: {cause}")]
    File {
        /// The file.
        file: String,
        /// What it is instead, and what to do.
        cause: onnx::FileError,
    },
    /// The file is a network that the runtime does not know.
    #[error(
        "{file}: {runtime} cannot load it: {cause}: export it as ONNX with opset 17 and float32 weights, \
         or take another runtime"
    )]
    Load {
        /// The file.
        file: String,
        /// Who tried.
        runtime: &'static str,
        /// What the runtime says.
        cause: String,
    },
    /// It takes or gives something that nothing here can use.
    #[error("{file}: {found}, and {expected}")]
    Ports {
        /// The file.
        file: String,
        /// What it has.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The network refused its input.
    #[error("{file}: cannot run on an input of {shape:?}: {cause}")]
    Run {
        /// The network.
        file: String,
        /// The input's axes.
        shape: Vec<usize>,
        /// What the runtime says.
        cause: String,
    },
    /// The output is not what the decoder expects.
    #[error(
        "{file}: its output is {found:?}, and {expected} was expected: is it the right network?"
    )]
    Output {
        /// The network.
        file: String,
        /// The output's shape.
        found: Vec<usize>,
        /// What was expected, in words.
        expected: String,
    },
    /// The pictures make no input.
    #[error("{file}: {cause}")]
    Pictures {
        /// The network.
        file: String,
        /// Why not.
        cause: PrepareError,
    },
}

pub use onnx::FileError;

/// Compares an input with what the file declares, so that the message is the same with every runtime.
fn check_input(name: &str, ports: &Ports, input: &Input) -> Result<(), NetError> {
    let fail = |cause: String| {
        Err(NetError::Run {
            file: name.to_owned(),
            shape: input.shape.clone(),
            cause,
        })
    };
    let product = input
        .shape
        .iter()
        .try_fold(1_usize, |n, s| n.checked_mul(*s));
    if product != Some(input.numbers.len()) {
        return fail(format!("it has {} numbers", input.numbers.len()));
    }
    let element = match input.numbers {
        Numbers::F32(_) => Element::F32,
        Numbers::U8(_) => Element::U8,
    };
    if element != ports.element {
        return fail(format!("it takes {:?}, not {element:?}", ports.element));
    }
    let declared = &ports.input.shape;
    let fits = |(want, got): (&Option<usize>, &usize)| want.is_none_or(|want| want == *got);
    if !declared.is_empty()
        && (declared.len() != input.shape.len() || !declared.iter().zip(&input.shape).all(fits))
    {
        return fail(format!("it takes {}", ports.input));
    }
    Ok(())
}
