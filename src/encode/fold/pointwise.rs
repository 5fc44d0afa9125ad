//! Nodes that treat each value by itself: batch normalisation and sums, products with constants as [`Op::Affine`],
//! and what is a relu under another name; softmax beside them.
//!
//! Source: the operators of ONNX. `BatchNormalization` is `scale (x - mean) / sqrt(variance + epsilon) + shift`.
//! Not here: folding them into other layers ([`super::passes`]).

use super::call::{Call, Step, axis};
use crate::encode::onnx::{Affine, Op, Tensor, broadcast};
use crate::error::Result;

/// Reads such a node; `None` for any other.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) if params and input contradict each other.
pub(super) fn read(call: &Call) -> Result<Option<Step>> {
    Ok(match call.node.op_type.as_str() {
        "BatchNormalization" => return batch_normalization(call),
        "Add" | "Sub" | "Mul" | "Div" => with_constant(call),
        "Neg" => call.dims(0).filter(|_| call.is_float(0)).and_then(|dims| {
            let one = |value| Tensor::floats(&vec![1; dims.len()], vec![value]);
            affine(0, dims, one(-1.0), one(0.0))
        }),
        "Relu" => call.dims(0).map(|dims| Step::node(Op::Relu, dims)),
        "Clip" => clip(call),
        "Max" => max(call),
        "LeakyRelu" if call.float("alpha") == Some(0.0) => call.dims(0).map(|dims| Step::node(Op::Relu, dims)),
        "Softmax" => softmax(call),
        _ => None,
    })
}

/// An affine of input `from`, if its constants are numbers that float32 can hold.
fn affine(from: usize, dims: &[usize], scale: Tensor, shift: Tensor) -> Option<Step> {
    let sound = |t: &Tensor| t.values.iter().all(|v| v.abs() <= f64::from(f32::MAX));
    let op = Op::Affine(Affine { scale: scale.compressed(), shift: shift.compressed() });
    (dims.len() > 1 && sound(&scale) && sound(&shift)).then(|| Step::Nodes(from, vec![(op, dims.to_vec())]))
}

fn batch_normalization(call: &Call) -> Result<Option<Step>> {
    let Some(dims) = call.dims(0).filter(|dims| dims.len() > 1) else { return Ok(None) };
    let params = [1, 2, 3, 4].map(|k| call.floats(k));
    let [Some(gamma), Some(beta), Some(mean), Some(variance)] = params else { return Ok(None) };
    let trains = call.int("training_mode").unwrap_or(0) != 0 || call.int("spatial") == Some(0);
    if trains || call.outputs > 1 {
        return Ok(None);
    }
    let channels = dims[1];
    for tensor in [gamma, beta, mean, variance] {
        if tensor.dims != [channels] {
            return Err(call.contradiction(&format!("has params of shape {:?} for {channels} channels", tensor.dims)));
        }
    }
    let epsilon = call.float("epsilon").unwrap_or(1e-5);
    let factors = gamma.values.iter().zip(&variance.values).map(|(g, v)| g / (v + epsilon).sqrt());
    let scale: Vec<f64> = factors.collect();
    let shift = scale.iter().zip(&beta.values).zip(&mean.values).map(|((s, b), m)| b - s * m).collect();
    let mut shape = vec![1; dims.len()];
    shape[1] = channels;
    Ok(affine(0, dims, Tensor::floats(&shape, scale), Tensor::floats(&shape, shift)))
}

/// A sum, difference, product or quotient of a value and a constant that does not make it larger.
fn with_constant(call: &Call) -> Option<Step> {
    let (from, constant) = match (call.floats(0), call.floats(1)) {
        (None, Some(constant)) => (0, constant),
        (Some(constant), None) => (1, constant),
        _ => return None,
    };
    let dims = call.dims(from)?;
    if call.inputs.len() != 2 || broadcast(dims, &constant.dims)? != dims || constant.dims.len() > dims.len() {
        return None;
    }
    let mut shape = vec![1; dims.len() - constant.dims.len()];
    shape.extend(&constant.dims);
    let constant = constant.reshaped(&shape)?;
    let one = |value: f64| Tensor::floats(&vec![1; dims.len()], vec![value]);
    let (scale, shift) = match (call.node.op_type.as_str(), from) {
        ("Add", _) => (one(1.0), constant),
        ("Sub", 0) => (one(1.0), constant.map(|v| -v)),
        ("Sub", _) => (one(-1.0), constant),
        ("Mul", _) => (constant, one(0.0)),
        ("Div", 0) => (constant.map(|v| 1.0 / v), one(0.0)),
        _ => return None,
    };
    affine(from, dims, scale, shift)
}

/// A clip at 0 from below and at nothing from above is a relu; at nothing at all, nothing.
fn clip(call: &Call) -> Option<Step> {
    let bound = |k: usize, name: &str, open: f64| match (call.has(k), call.numbers(k)) {
        (false, _) => Some(call.float(name).unwrap_or(open)),
        (true, Some(bound)) => bound.scalar(),
        (true, None) => None,
    };
    let low = bound(1, "min", f64::NEG_INFINITY)?;
    let high = bound(2, "max", f64::INFINITY)?;
    let is_open = high >= f64::from(f32::MAX);
    if is_open && low == 0.0 {
        return Some(Step::node(Op::Relu, call.dims(0)?));
    }
    (is_open && low <= f64::from(f32::MIN)).then_some(Step::Same(0))
}

/// The larger of a value and a constant 0; of a value and a constant below all numbers, that value.
fn max(call: &Call) -> Option<Step> {
    let (from, constant) = match (call.inputs.len(), call.floats(0), call.floats(1)) {
        (2, None, Some(constant)) => (0, constant),
        (2, Some(constant), None) => (1, constant),
        _ => return None,
    };
    let dims = call.dims(from)?;
    if broadcast(dims, &constant.dims)? != dims {
        return None;
    }
    if constant.values.iter().all(|&v| v <= f64::from(f32::MIN)) {
        return Some(Step::Same(from));
    }
    constant.values.iter().all(|&v| v == 0.0).then(|| Step::Nodes(from, vec![(Op::Relu, dims.to_vec())]))
}

/// A softmax over one axis where all others are 1, so that the versions of the operator agree.
fn softmax(call: &Call) -> Option<Step> {
    let dims = call.dims(0)?;
    let along = axis(call.int("axis").unwrap_or(if call.opset < 13 { 1 } else { -1 }), dims.len())?;
    let is_vector = dims.iter().enumerate().all(|(k, &d)| k == along || d == 1);
    is_vector.then(|| Step::node(Op::Softmax(along), dims))
}
