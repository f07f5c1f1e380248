//! ONNX files in process, in Rust: `rten`.

use super::{NetError, Network, Tensor};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::{AsView, Layout, NdTensor};
use std::sync::Arc;

/// A network that `rten` runs.
pub struct RtenNetwork {
    name: String,
    model: Model,
    input: NodeId,
    output: NodeId,
    threads: Option<Arc<ThreadPool>>,
}

impl std::fmt::Debug for RtenNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtenNetwork")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl RtenNetwork {
    /// A network from the bytes of an ONNX file, called `name` in messages. `threads` is how many a
    /// run may use; 1 suits a box with many cameras, 0 leaves it to the runtime.
    ///
    /// # Errors
    /// The bytes are not ONNX, or use what the runtime does not know.
    pub fn from_bytes(name: &str, data: Vec<u8>, threads: usize) -> Result<Self, NetError> {
        let fail = |cause: String| NetError::Load {
            file: name.to_owned(),
            cause,
        };
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options.load(data).map_err(|e| fail(e.to_string()))?;
        let ends = (model.input_ids(), model.output_ids());
        let (&[input], &[output]) = ends else {
            return Err(fail(format!(
                "{} inputs and {} outputs, and one of each is expected",
                ends.0.len(),
                ends.1.len()
            )));
        };
        Ok(Self {
            name: name.to_owned(),
            model,
            input,
            output,
            threads: (threads > 0).then(|| Arc::new(ThreadPool::with_num_threads(threads))),
        })
    }

    /// How many weights it has.
    pub fn parameters(&self) -> usize {
        self.model.total_params()
    }
}

impl Network for RtenNetwork {
    fn run(&self, input: Tensor) -> Result<Tensor, NetError> {
        let shape = input.shape;
        let fail = |cause: String| NetError::Run {
            file: self.name.clone(),
            shape,
            cause,
        };
        let array = NdTensor::<f32, 4>::try_from_data(shape, input.data)
            .map_err(|e| fail(e.to_string()))?;
        let options = self.threads.as_ref().map(|pool| {
            let mut options = RunOptions::default();
            options.thread_pool = Some(pool.clone());
            options
        });
        let inputs = vec![(self.input, ValueOrView::from(array))];
        let [value] = self
            .model
            .run_n(inputs, [self.output], options)
            .map_err(|e| fail(e.to_string()))?;
        let array: rten_tensor::Tensor<f32> = value.try_into().map_err(|_| NetError::Output {
            file: self.name.clone(),
            found: Vec::new(),
            expected: "an array of float32".to_owned(),
        })?;
        let found = array.shape().to_vec();
        let shape = match *found.as_slice() {
            [n, c, h, w] => [n, c, h, w],
            [n, c] => [n, c, 1, 1],
            _ => {
                return Err(NetError::Output {
                    file: self.name.clone(),
                    found,
                    expected: "2 or 4 axes".to_owned(),
                });
            }
        };
        Ok(Tensor {
            shape,
            data: array.to_vec(),
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}
