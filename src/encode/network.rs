//! The network back-end: an ONNX graph, checked against its card, run by tract one patch at a time, float32.
//!
//! In: `densities[(y * nx + x) * channels + c]`, nm^-2, and a scratch state from a pool, so that any number of threads
//! may run one network. Out: the latent point. tract can panic on a malformed graph: each call into it is caught.
//!
//! Not here: finding and reading the files ([`super::model`]).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;
use tract_onnx::pb::{TensorProto, tensor_proto::DataType};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{TractErrorContext, ensure};

use super::card::{Card, Layout};
use super::normalise::Normaliser;
use crate::error::{Error, Result, model, value};

/// A network that has passed every check and is ready to run.
pub(super) struct Network {
    /// The optimised graph for a batch of one.
    plan: Arc<TypedSimplePlan>,
    normaliser: Normaliser,
    /// Names of the channels, for messages.
    channels: Vec<String>,
    /// Grid points along x.
    nx: usize,
    /// Shape of the input tensor, the batch axis of 1 first.
    dims: [usize; 4],
    /// Scratch states that no thread is using; as many as ever ran at once.
    idle: Mutex<Vec<Scratch>>,
}

/// What one run needs, kept from patch to patch.
struct Scratch {
    state: TypedSimpleState,
    /// The input tensor. Shared with `state` during a run only.
    input: Arc<Tensor>,
}

impl Network {
    /// Builds the network in the bytes of an `.onnx` file and checks it against its card: one float32 input of the
    /// card's shape, one output of (1, latent) or (latent) values, finite for a patch of average densities.
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::error::ErrorKind::Model) with the reason.
    pub fn load(bytes: &[u8], card: &Card) -> Result<Self> {
        let (channels, ny, nx) = (card.input.channels.len(), card.input.ny, card.input.nx);
        let dims = match card.input.layout {
            Layout::Chw => [1, channels, ny, nx],
            Layout::Hwc => [1, ny, nx, channels],
        };
        let plan = guarded("cannot be built", || build(bytes, &dims, card.latent_dimension))?;
        let network = Self {
            plan,
            normaliser: Normaliser::new(card),
            channels: card.input.channels.clone(),
            nx,
            dims,
            idle: Mutex::new(Vec::new()),
        };
        let mut point = vec![0.0; card.latent_dimension];
        network.finish(network.take()?, &mut point)?;
        if let Some(j) = point.iter().position(|v| !v.is_finite()) {
            return Err(model(format!(
                "the network's output {j} is {} for a patch of average densities: its params are too large, export it again",
                point[j]
            )));
        }
        Ok(network)
    }

    /// Normalises one patch, runs it, and writes its point. The lengths have been checked.
    ///
    /// # Errors
    /// - [`ErrorKind::Value`](crate::error::ErrorKind::Value): a normalised density is beyond 10^6 or not a number.
    ///   A network must not see it: relu turns what is not a number into 0, and the point would look sound.
    /// - [`ErrorKind::Model`](crate::error::ErrorKind::Model): the network fails while it runs.
    pub fn run(&self, densities: &[f32], point: &mut [f32]) -> Result<()> {
        let mut scratch = self.take()?;
        let input = guarded("gave no room for its input", || scratch.input())?;
        let sound = self.normaliser.apply(densities, input);
        if !sound {
            self.idle.lock().push(scratch);
            return Err(self.unsound(densities));
        }
        self.finish(scratch, point)
    }

    /// A scratch state that nobody else uses; a new one's input is all 0.
    fn take(&self) -> Result<Scratch> {
        if let Some(scratch) = self.idle.lock().pop() {
            return Ok(scratch);
        }
        guarded("cannot be started", || {
            Ok(Scratch { state: self.plan.spawn()?, input: Arc::new(Tensor::zero::<f32>(&self.dims)?) })
        })
    }

    /// Runs the input that `scratch` holds. If that fails `scratch` is dropped: what tract left in it is unknown.
    fn finish(&self, mut scratch: Scratch, point: &mut [f32]) -> Result<()> {
        guarded("failed while it ran", || {
            let output = scratch.state.run(tvec!(scratch.input.clone().into_tvalue()))?;
            let values = output.first().context("no output")?.try_as_plain_ram()?;
            let values = values.as_slice::<f32>()?;
            ensure!(values.len() == point.len(), "{} values came out where {} should", values.len(), point.len());
            point.copy_from_slice(values);
            Ok(())
        })?;
        self.idle.lock().push(scratch);
        Ok(())
    }

    /// The error for the first density that the network must not see.
    #[cold]
    fn unsound(&self, densities: &[f32]) -> Error {
        let i = self.normaliser.first_unsound(densities).unwrap_or(0);
        let (pixel, c) = (i / self.channels.len(), i % self.channels.len());
        value(format!(
            "density {} of channel {} at pixel ({}, {}) is not within 10^6 deviations of the training data: check its unit, nm^-2, and the channel order",
            densities[i],
            self.channels[c],
            pixel % self.nx,
            pixel / self.nx
        ))
    }
}

impl Scratch {
    /// The input tensor's values. A network that answers its own input may keep that: then it gets a new one.
    fn input(&mut self) -> TractResult<&mut [f32]> {
        if Arc::get_mut(&mut self.input).is_none() {
            self.input = Arc::new(Tensor::zero::<f32>(self.input.shape())?);
        }
        let input = Arc::get_mut(&mut self.input).context("the input is still in use")?;
        input.to_plain_array_view_mut::<f32>()?.into_slice().context("the input is not contiguous")
    }
}

/// Parses, checks and optimises the graph for one input of `dims`.
fn build(bytes: &[u8], dims: &[usize; 4], latent: usize) -> TractResult<Arc<TypedSimplePlan>> {
    let mut bytes = bytes;
    let onnx = tract_onnx::onnx();
    let file = onnx.proto_model_for_read(&mut bytes)?;
    for tensor in file.graph.iter().flat_map(|g| &g.initializer) {
        // A scalar may well be infinite, the bound of a clip say; relu would hide any other value like that.
        ensure!(tensor.dims.is_empty() || all_finite(tensor), "its params `{}` are not all finite", tensor.name);
    }
    let mut graph = onnx.model_for_proto_model(&file)?;
    let (inputs, outputs) = (graph.input_outlets()?.len(), graph.output_outlets()?.len());
    ensure!(inputs == 1 && outputs == 1, "it has {inputs} inputs and {outputs} outputs where one of each is needed");

    let declared = graph.input_fact(0)?;
    if let Some(kind) = declared.datum_type.concretize() {
        ensure!(kind == f32::datum_type(), "its input is {kind:?} where float32 is needed");
    }
    let sizes: Vec<Option<i64>> = declared.shape.dims().map(|d| d.concretize().and_then(|d| d.to_i64().ok())).collect();
    // An axis of unknown size, and the batch axis, fit whatever the card says.
    let fits = sizes.iter().zip(dims).skip(1).all(|(size, &dim)| size.is_none_or(|s| s == dim as i64));
    if let Some(rank) = declared.shape.rank().concretize() {
        ensure!(rank == dims.len() as i64 && fits, "its input is {:?}, its card says {dims:?}", declared.shape);
    }

    graph.set_input_fact(0, f32::fact(dims).into())?;
    let graph = graph.into_optimized()?;
    let output = graph.output_fact(0)?;
    let found = output.shape.as_concrete().context("its output has no fixed shape")?;
    ensure!(
        found == [1, latent] || found == [latent],
        "its output has shape {found:?} where the card says a point of {latent} coordinates"
    );
    ensure!(output.datum_type == f32::datum_type(), "its output is {:?} where float32 is needed", output.datum_type);
    graph.into_runnable()
}

/// Whether all float32 values of an initializer are finite numbers.
fn all_finite(tensor: &TensorProto) -> bool {
    let raw = tensor.raw_data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    tensor.data_type != DataType::Float as i32 || tensor.float_data.iter().copied().chain(raw).all(f32::is_finite)
}

/// Runs `work` and turns both its errors and its panics into an error that begins with what the network did.
pub(super) fn guarded<T>(what: &str, work: impl FnOnce() -> TractResult<T>) -> Result<T> {
    // Unwind safety: what `work` had in its hands is dropped or overwritten on every path that goes on.
    let reason = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.chain().map(|e| e.to_string()).collect::<Vec<_>>().join(": "),
        Err(panic) => format!("panic, {}", panic_text(&*panic)),
    };
    // tract prints whole tensors and protobuf messages into some reasons; the beginning tells enough.
    let short: String = reason.chars().take(400).collect();
    Err(model(format!("the network {what}: {short}")))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a text")
}
