//! Nodes that read only constants, computed once in float64: what exporters make of batch normalisations, and the
//! shapes that they carry along.
//!
//! Source: the operators of ONNX. Whatever is not certain is `None`, and the node stays.
//! Not here: nodes that read the input.

use super::call::{Call, axis};
use super::reorder::{order, reshaped};
use super::shapes;
use crate::encode::onnx::{Kind, Param, Tensor, count, decode_tensor, proto};
use crate::error::Result;

/// The constant that a node gives, if it is one.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) for a Constant whose values are not what its shape says.
pub(super) fn read(call: &Call) -> Result<Option<Tensor>> {
    let result = match call.node.op_type.as_str() {
        "Constant" => return constant(call),
        // The one that looks at its input's shape only.
        "Shape" => call.dims(0).and_then(|dims| shape(call, dims)),
        _ if call.inputs.is_empty() || (0..call.inputs.len()).any(|k| call.has(k) && call.numbers(k).is_none()) => None,
        _ => computed(call)?,
    };
    let sound = |t: &Tensor| count(&t.dims) == Some(t.values.len()) && t.values.iter().all(|v| v.is_finite());
    Ok(result.filter(sound))
}

fn constant(call: &Call) -> Result<Option<Tensor>> {
    if let Some(tensor) = call.attribute("value").and_then(|a| a.t.as_ref()) {
        let Param::Numbers(tensor) = decode_tensor(tensor)? else { return Ok(None) };
        return Ok(Some(tensor));
    }
    let list = |name| call.attribute(name).map(|a| a.floats.iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
    Ok(if let Some(value) = call.float("value_float") {
        Some(Tensor::floats(&[], vec![value]))
    } else if let Some(values) = list("value_floats") {
        Some(Tensor::floats(&[values.len()], values))
    } else if let Some(value) = call.int("value_int") {
        Tensor::integers([value]).reshaped(&[])
    } else {
        call.ints("value_ints").map(|values| Tensor::integers(values.iter().copied()))
    })
}

fn shape(call: &Call, dims: &[usize]) -> Option<Tensor> {
    let rank = dims.len() as i64;
    let place = |v: i64| usize::try_from(if v < 0 { v + rank } else { v }.clamp(0, rank)).unwrap_or(0);
    let (start, end) = (place(call.int("start").unwrap_or(0).max(-rank)), call.int("end").unwrap_or(rank).max(-rank));
    Some(Tensor::integers(dims.get(start..place(end))?.iter().map(|&d| d as i64)))
}

fn computed(call: &Call) -> Result<Option<Tensor>> {
    let op = call.node.op_type.as_str();
    let Some(a) = call.numbers(0) else { return Ok(None) };
    Ok(match op {
        "Identity" => Some(a.clone()),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" => call.numbers(1).and_then(|b| binary(op, a, b)),
        "Max" | "Min" => (1..call.inputs.len()).try_fold(a.clone(), |all, k| {
            let pick: fn(f64, f64) -> f64 = if op == "Max" { f64::max } else { f64::min };
            all.zip(call.numbers(k)?, pick)
        }),
        "Sqrt" | "Reciprocal" | "Exp" | "Log" | "Neg" | "Abs" | "Relu" => unary(op, a),
        "Cast" => cast(a, call.int("to")),
        "Transpose" => Some(a.permuted(&order(call, &a.dims)?)),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => reshaped(call, &a.dims)?.and_then(|dims| a.reshaped(&dims)),
        "Concat" => concat(call),
        "Gather" => gather(call, a),
        "Slice" => slice(call, a),
        "Expand" => shapes::expanded(call).and_then(|dims| a.expanded(&dims)),
        "ConstantOfShape" => filled(call, a)?,
        "ReduceProd" if a.dims.len() == 1 => {
            let keeps = call.int("keepdims").unwrap_or(1) != 0;
            Some(Tensor { dims: vec![1; usize::from(keeps)], kind: a.kind, values: vec![a.values.iter().product()] })
        }
        _ => None,
    })
}

fn binary(op: &str, a: &Tensor, b: &Tensor) -> Option<Tensor> {
    if a.kind != b.kind {
        return None;
    }
    let result = a.zip(
        b,
        match op {
            "Add" => |a, b| a + b,
            "Sub" => |a, b| a - b,
            "Mul" => |a, b| a * b,
            "Div" => |a, b| a / b,
            _ => f64::powf,
        },
    )?;
    // Integers are divided towards 0, and stay where float64 holds all of them.
    if a.is_float() {
        return Some(result);
    }
    let result = if op == "Div" { result.map(f64::trunc) } else { result };
    let exact = result.values.iter().all(|v| v.abs() < (1_i64 << 53) as f64 && v.fract() == 0.0);
    (a.kind != Kind::Bool && exact).then_some(result)
}

fn unary(op: &str, a: &Tensor) -> Option<Tensor> {
    match op {
        "Neg" => Some(a.map(|v| -v)),
        "Abs" => Some(a.map(f64::abs)),
        "Relu" => Some(a.map(|v| v.max(0.0))),
        _ if !a.is_float() => None,
        "Sqrt" => Some(a.map(f64::sqrt)),
        "Reciprocal" => Some(a.map(|v| 1.0 / v)),
        "Exp" => Some(a.map(f64::exp)),
        _ => Some(a.map(f64::ln)),
    }
}

/// Float64 to float32 is not rounded here: that happens once, when the params are written.
fn cast(a: &Tensor, to: Option<i64>) -> Option<Tensor> {
    let kind = match i32::try_from(to?).ok()? {
        proto::FLOAT32 => Kind::Float32,
        proto::FLOAT64 => Kind::Float64,
        proto::INT32 => Kind::Int32,
        proto::INT64 => Kind::Int64,
        proto::BOOL => Kind::Bool,
        _ => return None,
    };
    let values = match kind {
        Kind::Float32 | Kind::Float64 => a.values.clone(),
        Kind::Bool => a.values.iter().map(|&v| f64::from(u8::from(v != 0.0))).collect(),
        Kind::Int32 | Kind::Int64 if a.values.iter().all(|v| v.abs() < f64::from(i32::MAX)) => {
            a.values.iter().map(|v| v.trunc()).collect()
        }
        _ => return None,
    };
    Some(Tensor { dims: a.dims.clone(), kind, values })
}

fn concat(call: &Call) -> Option<Tensor> {
    let parts: Vec<&Tensor> = (0..call.inputs.len()).map(|k| call.numbers(k)).collect::<Option<_>>()?;
    let first = parts.first()?;
    let along = axis(call.int("axis")?, first.dims.len())?;
    let fits = |t: &&Tensor| {
        let others =
            |t: &Tensor| t.dims.iter().enumerate().filter(|(k, _)| *k != along).map(|(_, &d)| d).collect::<Vec<_>>();
        t.kind == first.kind && t.dims.len() == first.dims.len() && others(t) == others(first)
    };
    let mut dims = first.dims.clone();
    dims[along] = parts.iter().map(|t| t.dims.get(along).copied().unwrap_or(0)).sum();
    if !parts.iter().all(fits) || count(&dims).is_none() {
        return None;
    }
    let outer: usize = dims[..along].iter().product();
    let mut values = Vec::new();
    for at in 0..outer {
        for part in &parts {
            let block = part.values.len() / outer;
            values.extend_from_slice(&part.values[at * block..][..block]);
        }
    }
    Some(Tensor { dims, kind: first.kind, values })
}

fn gather(call: &Call, a: &Tensor) -> Option<Tensor> {
    let places = call.numbers(1)?;
    let along = axis(call.int("axis").unwrap_or(0), a.dims.len())?;
    let picked: Vec<usize> =
        places.to_integers()?.into_iter().map(|k| axis(k, a.dims[along])).collect::<Option<_>>()?;
    let mut dims = a.dims[..along].to_vec();
    dims.extend(&places.dims);
    dims.extend(&a.dims[along + 1..]);
    count(&dims)?;
    let inner: usize = a.dims[along + 1..].iter().product();
    let block = inner * a.dims[along];
    let mut values = Vec::new();
    for outer in a.values.chunks_exact(block.max(1)) {
        for &k in &picked {
            values.extend_from_slice(&outer[k * inner..][..inner]);
        }
    }
    Some(Tensor { dims, kind: a.kind, values })
}

/// Slices of lists only: what is done to shapes.
fn slice(call: &Call, a: &Tensor) -> Option<Tensor> {
    let [length] = a.dims[..] else { return None };
    let list = |k: usize, name: &str| match call.ints(name) {
        Some(list) => Some(list.to_vec()),
        None if call.has(k) => call.numbers(k)?.to_integers(),
        None => Some(vec![]),
    };
    let (&[start], &[end]) = (&list(1, "starts")?[..], &list(2, "ends")?[..]) else { return None };
    if !matches!(list(3, "axes")?[..], [] | [0] | [-1]) || !matches!(list(4, "steps")?[..], [] | [1]) {
        return None;
    }
    let rank = length as i64;
    let place = |v: i64| usize::try_from((if v < 0 { v.saturating_add(rank) } else { v }).clamp(0, rank)).ok();
    let values = a.values.get(place(start)?..place(end)?.max(place(start)?))?.to_vec();
    Some(Tensor { dims: vec![values.len()], kind: a.kind, values })
}

fn filled(call: &Call, a: &Tensor) -> Result<Option<Tensor>> {
    let value = match call.attribute("value").and_then(|v| v.t.as_ref()) {
        None => Tensor::floats(&[1], vec![0.0]),
        Some(tensor) => match decode_tensor(tensor)? {
            Param::Numbers(tensor) => tensor,
            Param::Raw(_) => return Ok(None),
        },
    };
    let dims = a.to_integers().unwrap_or_default().into_iter().map(|v| usize::try_from(v).ok());
    let dims: Option<Vec<usize>> = dims.collect();
    let of = |dims: Vec<usize>| value.reshaped(&[])?.expanded(&dims);
    Ok(dims.filter(|d| d.len() == a.values.len()).and_then(of))
}
