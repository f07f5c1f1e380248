//! ONNX files through a user's ONNX Runtime, a shared library that is found when the program runs: `ort`.

use super::tensor::{Element, Input, Numbers, Port, Ports, Tensor};
use super::{NetError, Network, check_input, onnx};
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{DynValue, Outlet, TensorElementType, TensorRef, ValueType};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A loaded ONNX Runtime. One a process: a second path is ignored by the library.
#[derive(Clone)]
pub struct OrtRuntime {
    environment: Environment,
}

/// Why there is no ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path}: no ONNX Runtime can be loaded: {cause}: name libonnxruntime.so of version 1.24 or later with \
     --onnxruntime (it is inside the Python package onnxruntime, in capi/), or take `--runtime rten`"
)]
pub struct NoRuntime {
    path: String,
    cause: String,
}

impl OrtRuntime {
    /// Loads the shared library at an absolute path.
    ///
    /// # Errors
    /// It is absent, is no ONNX Runtime, or an older one than 1.24.
    pub fn load(path: &Path) -> Result<Self, NoRuntime> {
        let fail = |cause: String| NoRuntime {
            path: path.display().to_string(),
            cause,
        };
        let builder = ort::init_from(path).map_err(|e| fail(e.to_string()))?;
        let environment = builder
            .with_name("walkout")
            .with_telemetry(false)
            .build()
            .map_err(|e| fail(e.to_string()))?;
        Ok(Self { environment })
    }

    /// A network from the bytes of an ONNX file, called `name` in messages. `threads` is how many a run
    /// may use; 1 suits a box with many cameras, 0 leaves it to the runtime.
    ///
    /// # Errors
    /// The bytes are not ONNX, or use what the runtime does not know.
    pub fn network(
        &self,
        name: &str,
        data: Vec<u8>,
        threads: usize,
    ) -> Result<OrtNetwork, NetError> {
        onnx::inspect(&data).map_err(|cause| NetError::File {
            file: name.to_owned(),
            cause,
        })?;
        self.open(name, Arc::new(data), threads)
    }

    fn open(&self, name: &str, data: Arc<Vec<u8>>, threads: usize) -> Result<OrtNetwork, NetError> {
        let session = self
            .session(&data, threads)
            .map_err(|cause| NetError::Load {
                file: name.to_owned(),
                runtime: "ONNX Runtime",
                cause,
            })?;
        Ok(OrtNetwork {
            ports: ports(name, &session)?,
            name: name.to_owned(),
            runtime: self.clone(),
            data,
            threads,
            session: Mutex::new(session),
        })
    }

    fn session(&self, data: &[u8], threads: usize) -> Result<Session, String> {
        let said = |e: &dyn std::fmt::Display| e.to_string();
        Session::builder(&self.environment)
            .map_err(|e| said(&e))?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(|e| said(&e))?
            .with_intra_threads(threads)
            .map_err(|e| said(&e))?
            .with_log_level(ort::logging::LogLevel::Error)
            .map_err(|e| said(&e))?
            .with_inter_threads(1)
            .map_err(|e| said(&e))?
            .commit_from_memory(data)
            .map_err(|e| said(&e))
    }
}

/// A network that ONNX Runtime runs. Its session runs one batch at a time.
pub struct OrtNetwork {
    name: String,
    runtime: OrtRuntime,
    /// The file, for further sessions.
    data: Arc<Vec<u8>>,
    threads: usize,
    ports: Ports,
    session: Mutex<Session>,
}

impl std::fmt::Debug for OrtNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrtNetwork")
            .field("name", &self.name)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

fn ports(name: &str, session: &Session) -> Result<Ports, NetError> {
    let wrong = |found: String, expected: &str| NetError::Ports {
        file: name.to_owned(),
        found,
        expected: expected.to_owned(),
    };
    let port = |outlet: &Outlet| Port {
        name: outlet.name().to_owned(),
        shape: outlet
            .dtype()
            .tensor_shape()
            .map(|shape| shape.iter().map(|n| usize::try_from(*n).ok()).collect())
            .unwrap_or_default(),
    };
    let [input] = session.inputs() else {
        let names: Vec<_> = session.inputs().iter().map(|i| i.name()).collect();
        return Err(wrong(
            format!("it has {} inputs {names:?}", names.len()),
            "networks with one input are run, a picture: export it with one",
        ));
    };
    if session.outputs().is_empty() {
        return Err(wrong(
            "it has no output".to_owned(),
            "one at least is needed",
        ));
    }
    let element = match input.dtype() {
        ValueType::Tensor {
            ty: TensorElementType::Float32,
            ..
        } => Element::F32,
        ValueType::Tensor {
            ty: TensorElementType::Uint8,
            ..
        } => Element::U8,
        other => {
            return Err(wrong(
                format!("its input is of type {other}"),
                "pictures are float32 or uint8: put a Cast before it",
            ));
        }
    };
    Ok(Ports {
        input: port(input),
        element,
        outputs: session.outputs().iter().map(port).collect(),
    })
}

impl Network for OrtNetwork {
    fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError> {
        check_input(&self.name, &self.ports, input)?;
        let fail = |cause: String| NetError::Run {
            file: self.name.clone(),
            shape: input.shape.clone(),
            cause,
        };
        // A run that panicked leaves nothing half done in the session that a later run could see.
        let mut session = self
            .session
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let shape = input.shape.clone();
        let values = match &input.numbers {
            Numbers::F32(v) => TensorRef::from_array_view((shape, v.as_slice()))
                .and_then(|view| session.run(ort::inputs![view])),
            Numbers::U8(v) => TensorRef::from_array_view((shape, v.as_slice()))
                .and_then(|view| session.run(ort::inputs![view])),
        }
        .map_err(|e| fail(e.to_string()))?;
        (0..self.ports.outputs.len())
            .map(|i| {
                let name = self.ports.outputs.get(i).map_or("", |p| p.name.as_str());
                let value = values.get(name);
                value.and_then(tensor).ok_or_else(|| NetError::Output {
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

    fn session(&self) -> Result<Box<dyn Network>, NetError> {
        let again = self
            .runtime
            .open(&self.name, self.data.clone(), self.threads)?;
        Ok(Box::new(again))
    }
}

fn tensor(value: &DynValue) -> Option<Tensor> {
    let made = |shape: &[i64], data: Vec<f32>| Tensor {
        shape: shape
            .iter()
            .map(|n| usize::try_from(*n).unwrap_or(0))
            .collect(),
        data,
    };
    if let Ok((shape, data)) = value.try_extract_tensor::<f32>() {
        return Some(made(shape, data.to_vec()));
    }
    if let Ok((shape, data)) = value.try_extract_tensor::<i64>() {
        return Some(made(shape, data.iter().map(|v| *v as f32).collect()));
    }
    if let Ok((shape, data)) = value.try_extract_tensor::<i32>() {
        return Some(made(shape, data.iter().map(|v| *v as f32).collect()));
    }
    let (shape, data) = value.try_extract_tensor::<u8>().ok()?;
    Some(made(shape, data.iter().map(|v| f32::from(*v)).collect()))
}
