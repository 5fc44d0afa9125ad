//! Nodes that change no value: other axes, another order of axes, or nothing at all.
//!
//! Source: the operators of ONNX, their older forms with attributes and the newer ones with inputs.
//! Not here: taking them out ([`super::passes`]).

use super::call::{Call, Step, axis};
use super::shapes;
use crate::encode::onnx::{Op, count, proto};
use crate::error::Result;

/// Reads such a node; `None` for any other.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) if a shape contradicts the input.
pub(super) fn read(call: &Call) -> Result<Option<Step>> {
    let op = call.node.op_type.as_str();
    let same = match op {
        "Identity" => true,
        "Dropout" => call.outputs <= 1 && (!call.has(2) || call.numbers(2).is_some_and(|t| t.scalar() == Some(0.0))),
        "Cast" => call.is_float(0) && call.int("to") == Some(i64::from(proto::FLOAT32)),
        "Pad" => call.ints("pads").map_or_else(
            || call.numbers(1).is_some_and(|t| t.values.iter().all(|&v| v == 0.0)),
            |pads| pads.iter().all(|&p| p == 0),
        ),
        "Expand" => call.dims(0).is_some() && shapes::expanded(call).as_deref() == call.dims(0),
        "Concat" | "Sum" | "Max" | "Min" => call.inputs.len() == 1,
        _ => false,
    };
    if same {
        return Ok(Some(Step::Same(0)));
    }
    let Some(dims) = call.dims(0) else { return Ok(None) };
    if op == "Transpose" {
        return Ok(Some(Step::node(Op::Transpose(order(call, dims)?), &turned(dims, &order(call, dims)?))));
    }
    let Some(shape) = reshaped(call, dims)? else { return Ok(None) };
    Ok(Some(Step::node(Op::Reshape, &shape)))
}

fn turned(dims: &[usize], order: &[usize]) -> Vec<usize> {
    order.iter().map(|&k| dims[k]).collect()
}

/// The order of axes that a Transpose gives: reversed, if it says nothing.
pub(super) fn order(call: &Call, dims: &[usize]) -> Result<Vec<usize>> {
    let rank = dims.len();
    let Some(list) = call.ints("perm").filter(|list| !list.is_empty()) else { return Ok((0..rank).rev().collect()) };
    let order: Vec<usize> = list.iter().filter_map(|&k| axis(k, rank)).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if list.len() != rank || !sorted.into_iter().eq(0..rank) {
        return Err(call.contradiction(&format!("has perm {list:?} for {rank} axes")));
    }
    Ok(order)
}

/// The shape that a node gives to values that it leaves in their order.
pub(super) fn reshaped(call: &Call, dims: &[usize]) -> Result<Option<Vec<usize>>> {
    let rank = dims.len();
    let shape = match call.node.op_type.as_str() {
        "Flatten" => {
            let first = call.int("axis").unwrap_or(1);
            let at = if first == rank as i64 { Some(rank) } else { axis(first, rank) };
            at.map(|at| vec![dims[..at].iter().product(), dims[at..].iter().product()])
        }
        "Squeeze" => squeezed(call, dims),
        "Unsqueeze" => unsqueezed(call, dims),
        "Reshape" => {
            let Some(list) = call.numbers(1).and_then(|t| t.to_integers()) else { return Ok(None) };
            let shape = asked(&list, dims, call.int("allowzero").unwrap_or(0) != 0);
            if shape.is_none() {
                return Err(call.contradiction(&format!("asks for the shape {list:?} where {dims:?} goes in")));
            }
            shape
        }
        _ => None,
    };
    Ok(shape.filter(|shape| count(shape).is_some()))
}

/// A shape with 0 for "as it is" and -1 for "what is left".
fn asked(list: &[i64], dims: &[usize], zero_is_zero: bool) -> Option<Vec<usize>> {
    let size = |(k, &v): (usize, &i64)| match v {
        -1 => Some(None),
        0 if !zero_is_zero => dims.get(k).map(|&d| Some(d)),
        _ => usize::try_from(v).ok().map(Some),
    };
    let sizes: Vec<Option<usize>> = list.iter().enumerate().map(size).collect::<Option<_>>()?;
    let known = sizes.iter().flatten().try_fold(1_usize, |product, &d| product.checked_mul(d))?;
    let all: usize = dims.iter().product();
    let open = sizes.iter().filter(|s| s.is_none()).count();
    let left = all.checked_div(known).unwrap_or(0);
    let fits = if open == 1 { known > 0 && known * left == all } else { open == 0 && known == all };
    fits.then(|| sizes.into_iter().map(|s| s.unwrap_or(left)).collect())
}

fn squeezed(call: &Call, dims: &[usize]) -> Option<Vec<usize>> {
    let named = if call.has(1) || call.ints("axes").is_some() { Some(call.axes(1)?) } else { None };
    let gone: Vec<usize> = match named {
        Some(axes) => axes.iter().map(|&a| axis(a, dims.len())).collect::<Option<_>>()?,
        None => (0..dims.len()).filter(|&k| dims[k] == 1).collect(),
    };
    let all_one = gone.iter().all(|&k| dims[k] == 1);
    all_one.then(|| (0..dims.len()).filter(|k| !gone.contains(k)).map(|k| dims[k]).collect())
}

fn unsqueezed(call: &Call, dims: &[usize]) -> Option<Vec<usize>> {
    let axes = call.axes(1)?;
    let rank = dims.len() + axes.len();
    let new: Vec<usize> = axes.iter().map(|&a| axis(a, rank)).collect::<Option<_>>()?;
    let mut old = dims.iter();
    let shape: Vec<usize> =
        (0..rank).map(|k| if new.contains(&k) { Some(1) } else { old.next().copied() }).collect::<Option<_>>()?;
    old.next().is_none().then_some(shape)
}
