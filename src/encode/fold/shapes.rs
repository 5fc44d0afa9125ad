//! Shapes of what nodes give that folding does not understand, so that those after them can still be folded.
//!
//! Source: the operators of ONNX. What is not certain is `None`.
//! Not here: nodes that are understood, which say their shapes themselves.

use super::call::{Call, axis};
use crate::encode::onnx::broadcast;

/// The shape of a node's first output.
pub(super) fn read(call: &Call) -> Option<Vec<usize>> {
    let dims = call.dims(0)?;
    match call.node.op_type.as_str() {
        "Sigmoid"
        | "Tanh"
        | "Elu"
        | "Selu"
        | "Celu"
        | "LeakyRelu"
        | "PRelu"
        | "Softplus"
        | "Softsign"
        | "HardSigmoid"
        | "HardSwish"
        | "ThresholdedRelu"
        | "Gelu"
        | "Mish"
        | "Swish"
        | "Erf"
        | "Exp"
        | "Log"
        | "Sqrt"
        | "Reciprocal"
        | "Abs"
        | "Neg"
        | "Floor"
        | "Ceil"
        | "Round"
        | "Clip"
        | "Cast"
        | "Softmax"
        | "LogSoftmax"
        | "Dropout"
        | "BatchNormalization"
        | "InstanceNormalization"
        | "LayerNormalization"
        | "LRN"
        | "Relu" => Some(dims.to_vec()),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min" | "Sum" | "Mean" | "Greater" | "Less" | "Equal" => {
            (1..call.inputs.len()).try_fold(dims.to_vec(), |all, k| broadcast(&all, call.dims(k)?))
        }
        "Expand" => expanded(call),
        "MaxPool" | "AveragePool" => pool(call, dims),
        "GlobalAveragePool" | "GlobalMaxPool" => {
            Some(dims.iter().enumerate().map(|(k, &d)| if k < 2 { d } else { 1 }).collect())
        }
        "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceSum" => reduced(call, dims),
        "Gemm" => {
            let (matrix, flag) = (call.dims(1)?, |name| call.int(name).unwrap_or(0) != 0);
            let rows = dims.get(usize::from(flag("transA")))?;
            Some(vec![*rows, *matrix.get(usize::from(!flag("transB")))?])
        }
        _ => None,
    }
}

/// The shape that an Expand gives.
pub(super) fn expanded(call: &Call) -> Option<Vec<usize>> {
    let asked = call.numbers(1)?.to_integers()?;
    let asked: Vec<usize> = asked.into_iter().map(|v| usize::try_from(v).ok()).collect::<Option<_>>()?;
    broadcast(call.dims(0)?, &asked)
}

fn pool(call: &Call, dims: &[usize]) -> Option<Vec<usize>> {
    let &[batch, channels, ny, nx] = dims else { return None };
    let pair = |name: &str| match call.ints(name) {
        None => Some([1, 1]),
        Some(&[y, x]) => Some([usize::try_from(y).ok()?, usize::try_from(x).ok()?]),
        Some(_) => None,
    };
    let plain = call.int("ceil_mode").unwrap_or(0) == 0 && pair("dilations")? == [1, 1];
    let unpadded = matches!(call.text("auto_pad"), None | Some("" | "NOTSET" | "VALID"))
        && call.ints("pads").is_none_or(|p| p.iter().all(|&v| v == 0));
    let (kernel, stride) = (pair("kernel_shape")?, pair("strides")?);
    let size = |n: usize, k: usize| Some(n.checked_sub(kernel[k])?.checked_div(stride[k])? + 1);
    (plain && unpadded).then_some(vec![batch, channels, size(ny, 0)?, size(nx, 1)?])
}

fn reduced(call: &Call, dims: &[usize]) -> Option<Vec<usize>> {
    let named = if call.has(1) || call.ints("axes").is_some() { Some(call.axes(1)?) } else { None };
    let gone: Vec<usize> = match named {
        Some(axes) if !axes.is_empty() => axes.iter().map(|&a| axis(a, dims.len())).collect::<Option<_>>()?,
        _ if call.int("noop_with_empty_axes").unwrap_or(0) != 0 => vec![],
        _ => (0..dims.len()).collect(),
    };
    let keeps = call.int("keepdims").unwrap_or(1) != 0;
    let size = |(k, &d): (usize, &usize)| if gone.contains(&k) { keeps.then_some(1) } else { Some(d) };
    Some(dims.iter().enumerate().filter_map(size).collect())
}
