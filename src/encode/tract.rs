//! The general back-end: an ONNX graph, run by tract one patch at a time, float32.
//!
//! In: `densities[(y * nx + x) * channels + c]`, nm^-2, and a scratch state from a pool, so that any number of threads
//! may run one network. Out: the network's output. tract can panic on a malformed graph: each call into it is caught.
//! Not here: which networks come here ([`super::network`]).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{TractErrorContext, ensure};

use super::card::Layout;
use super::fold::InputSpec;
use super::normalise::apply;
use super::pool::Pool;
use crate::error::{Result, model};

/// A graph that is ready to run.
pub(super) struct Tract {
    /// The optimised graph for a batch of one.
    plan: Arc<TypedSimplePlan>,
    /// Offset and factor of each channel.
    offset: Vec<f32>,
    factor: Vec<f32>,
    layout: Layout,
    /// Shape of the input tensor, the batch axis of 1 first.
    dims: [usize; 4],
    outputs: usize,
    idle: Pool<Scratch>,
}

/// What one run needs, kept from patch to patch.
struct Scratch {
    state: TypedSimpleState,
    /// The input tensor. Shared with `state` during a run only.
    input: Arc<Tensor>,
}

impl Tract {
    /// Builds the graph in the bytes of an `.onnx` file whose input is `(density - offset[c]) * factor[c]`.
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::error::ErrorKind::Model) with the reason.
    pub fn new(onnx: &[u8], input: &InputSpec, (offset, factor): (&[f64], &[f64])) -> Result<Self> {
        let dims = input.dims();
        let (plan, outputs) = guarded("cannot be built", || build(onnx, &dims))?;
        let single = |constants: &[f64]| constants.iter().map(|&v| v as f32).collect();
        let (offset, factor) = (single(offset), single(factor));
        Ok(Self { plan, offset, factor, layout: input.layout, dims, outputs, idle: Pool::default() })
    }

    /// Values of an output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Runs one patch, whose densities are sound, and writes its output. The lengths have been checked.
    ///
    /// # Errors
    /// [`ErrorKind::Model`](crate::error::ErrorKind::Model) if the network fails while it runs.
    pub fn run(&self, densities: &[f32], output: &mut [f32]) -> Result<()> {
        let mut scratch = match self.idle.take() {
            Some(scratch) => scratch,
            None => guarded("cannot be started", || {
                Ok(Scratch { state: self.plan.spawn()?, input: Arc::new(Tensor::zero::<f32>(&self.dims)?) })
            })?,
        };
        // If this fails the scratch is dropped: what tract left in it is unknown.
        guarded("failed while it ran", || {
            apply((&self.offset, &self.factor), self.layout, densities, scratch.input()?);
            let given = scratch.state.run(tvec!(scratch.input.clone().into_tvalue()))?;
            let values = given.first().context("no output")?.try_as_plain_ram()?;
            let values = values.as_slice::<f32>()?;
            ensure!(values.len() == output.len(), "{} values came out where {} should", values.len(), output.len());
            output.copy_from_slice(values);
            Ok(())
        })?;
        self.idle.put(scratch);
        Ok(())
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

/// Parses, checks and optimises the graph for one input of `dims`; gives the number of its outputs too.
fn build(bytes: &[u8], dims: &[usize; 4]) -> TractResult<(Arc<TypedSimplePlan>, usize)> {
    let mut bytes = bytes;
    // What a file says of the shapes within it names its batch axis, which is 1 here; tract finds them out itself.
    let reader = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
    let mut graph = reader.model_for_read(&mut bytes)?;
    let (inputs, outputs) = (graph.input_outlets()?.len(), graph.output_outlets()?.len());
    ensure!(inputs == 1 && outputs == 1, "it has {inputs} inputs and {outputs} outputs where one of each is needed");
    graph.set_input_fact(0, f32::fact(dims).into())?;
    let graph = graph.into_optimized()?;
    let output = graph.output_fact(0)?;
    let found = output.shape.as_concrete().context("its output has no fixed shape")?;
    let (&[1, outputs] | &[outputs]) = found else {
        tract_onnx::tract_hir::internal::bail!("its output has shape {found:?} where a vector is needed")
    };
    ensure!(output.datum_type == f32::datum_type(), "its output is {:?} where float32 is needed", output.datum_type);
    Ok((graph.into_runnable()?, outputs))
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
