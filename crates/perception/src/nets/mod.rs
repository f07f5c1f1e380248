//! Networks: pictures in, people, hands and looks of items out.
//!
//! [`Network`] is the seam to a runtime; [`RtenNetwork`] is the one that is always there. What goes
//! in and comes out of the networks that ship is described in `docs/reference/networks.md`.

mod item;
mod person;
mod picture;
mod rten_runtime;

pub use item::{Gallery, ItemNetwork, Likeness};
pub use person::{HandSpot, HeadSpot, PersonConfig, PersonNetwork, PersonView, Spot};
pub use picture::{PictureError, RgbPicture};
pub use rten_runtime::RtenNetwork;

/// Numbers in rows: batch, channels, height, width (or batch, channels, 1, 1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Batch, channels, height, width.
    pub shape: [usize; 4],
    /// `shape`'s product of numbers, the last axis fastest.
    pub data: Vec<f32>,
}

/// A loaded network with one input and one output. Shared between threads.
pub trait Network: Send + Sync {
    /// Runs a batch.
    ///
    /// # Errors
    /// The network does not take this shape, or gives something that is no array of numbers.
    fn run(&self, input: Tensor) -> Result<Tensor, NetError>;

    /// Its file or name, for messages.
    fn name(&self) -> &str;
}

/// Why a network cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The file cannot be read or is no network that the runtime knows.
    #[error("{file}: {cause}: export it as ONNX (opset 17) with float32 weights")]
    Load {
        /// The file.
        file: String,
        /// What the runtime says.
        cause: String,
    },
    /// The network refused its input.
    #[error("{file}: cannot run on an input of {shape:?}: {cause}")]
    Run {
        /// The network.
        file: String,
        /// Batch, channels, height, width.
        shape: [usize; 4],
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
}
