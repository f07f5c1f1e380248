//! ONNX files in process, in Rust: `rten`.

use super::tensor::{Element, Input, Numbers, Port, Ports, Tensor};
use super::{NetError, Network, check_input, onnx};
use rten::{DataType, Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten::{Value, ValueOrView, ValueType, ValueView};
use rten_tensor::{AsView, Layout};
use std::sync::Arc;

/// A network that `rten` runs.
#[derive(Clone)]
pub struct RtenNetwork {
    name: String,
    model: Arc<Model>,
    input: NodeId,
    outputs: Vec<NodeId>,
    ports: Ports,
    threads: usize,
    pool: Option<Arc<ThreadPool>>,
}

impl std::fmt::Debug for RtenNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtenNetwork")
            .field("name", &self.name)
            .field("ports", &self.ports)
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
        onnx::inspect(&data).map_err(|cause| NetError::File {
            file: name.to_owned(),
            cause,
        })?;
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options.load(data).map_err(|e| NetError::Load {
            file: name.to_owned(),
            runtime: "rten",
            cause: e.to_string(),
        })?;
        let (input, outputs, ports) = ends(name, &model)?;
        Ok(Self {
            name: name.to_owned(),
            model: Arc::new(model),
            input,
            outputs,
            ports,
            threads,
            pool: pool(threads),
        })
    }

    /// How many weights it has.
    pub fn parameters(&self) -> usize {
        self.model.total_params()
    }
}

fn pool(threads: usize) -> Option<Arc<ThreadPool>> {
    (threads > 0).then(|| Arc::new(ThreadPool::with_num_threads(threads)))
}

/// Its one input and its outputs, by the runtime's ids and as declared.
fn ends(name: &str, model: &Model) -> Result<(NodeId, Vec<NodeId>, Ports), NetError> {
    let wrong = |found: String, expected: &str| NetError::Ports {
        file: name.to_owned(),
        found,
        expected: expected.to_owned(),
    };
    let port = |id: NodeId| {
        let info = model.node_info(id);
        let shape = info.as_ref().and_then(|i| i.shape()).unwrap_or_default();
        Port {
            name: info.and_then(|i| i.name()).unwrap_or_default().to_owned(),
            shape: shape
                .iter()
                .map(|d| match d {
                    Dimension::Fixed(n) => Some(*n),
                    Dimension::Symbolic(_) => None,
                })
                .collect(),
        }
    };
    let &[input] = model.input_ids() else {
        let names: Vec<_> = model.input_ids().iter().map(|id| port(*id).name).collect();
        return Err(wrong(
            format!("it has {} inputs {names:?}", names.len()),
            "networks with one input are run, a picture: export it with one",
        ));
    };
    let outputs = model.output_ids().to_vec();
    if outputs.is_empty() {
        return Err(wrong(
            "it has no output".to_owned(),
            "one at least is needed",
        ));
    }
    let element = match model.node_info(input).and_then(|i| i.dtype()) {
        None | Some(ValueType::Tensor(DataType::Float)) => Element::F32,
        Some(ValueType::Tensor(DataType::UInt8)) => Element::U8,
        Some(other) => {
            return Err(wrong(
                format!("its input is of type {other}"),
                "pictures are float32 or uint8: put a Cast before it",
            ));
        }
    };
    let ports = Ports {
        input: port(input),
        element,
        outputs: outputs.iter().map(|id| port(*id)).collect(),
    };
    Ok((input, outputs, ports))
}

impl Network for RtenNetwork {
    fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError> {
        check_input(&self.name, &self.ports, input)?;
        let fail = |cause: String| NetError::Run {
            file: self.name.clone(),
            shape: input.shape.clone(),
            cause,
        };
        let view = match &input.numbers {
            Numbers::F32(v) => ValueView::from_shape(&input.shape, v).map_err(|e| e.to_string()),
            Numbers::U8(v) => ValueView::from_shape(&input.shape, v).map_err(|e| e.to_string()),
        }
        .map_err(fail)?;
        let options = self.pool.as_ref().map(|pool| {
            let mut options = RunOptions::default();
            options.thread_pool = Some(pool.clone());
            options
        });
        let inputs = vec![(self.input, ValueOrView::View(view))];
        let values = self
            .model
            .run(inputs, &self.outputs, options)
            .map_err(|e| fail(e.to_string()))?;
        values
            .into_iter()
            .map(|value| {
                tensor(value).ok_or_else(|| NetError::Output {
                    file: self.name.clone(),
                    found: Vec::new(),
                    expected: "an array of numbers".to_owned(),
                })
            })
            .collect()
    }

    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Shares the weights.
    fn session(&self) -> Result<Box<dyn Network>, NetError> {
        Ok(Box::new(Self {
            pool: pool(self.threads),
            ..self.clone()
        }))
    }
}

fn tensor(value: Value) -> Option<Tensor> {
    match value {
        Value::FloatTensor(t) => Some(Tensor {
            shape: t.shape().to_vec(),
            // Without a copy where the runtime laid it out in order.
            data: t.into_data(),
        }),
        Value::Int32Tensor(t) => Some(Tensor {
            shape: t.shape().to_vec(),
            data: t.iter().map(|v| *v as f32).collect(),
        }),
        Value::UInt8Tensor(t) => Some(Tensor {
            shape: t.shape().to_vec(),
            data: t.iter().map(|v| f32::from(*v)).collect(),
        }),
        Value::Int8Tensor(t) => Some(Tensor {
            shape: t.shape().to_vec(),
            data: t.iter().map(|v| f32::from(*v)).collect(),
        }),
        _ => None,
    }
}
