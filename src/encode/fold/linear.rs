//! Convolutions and dense layers of a file, read as [`Op::Conv`] and [`Op::Dense`] with their params in float64.
//!
//! Source: the operators Conv, Gemm, MatMul and Einsum of ONNX.
//! Not here: joining them ([`super::passes`]).

use super::call::{Call, Step};
use crate::encode::onnx::{Conv, Dense, Op, Tensor, count};
use crate::error::Result;

/// Reads a linear layer whose params are constants; `None` for any other node.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) if params and input contradict each other.
pub(super) fn read(call: &Call) -> Result<Option<Step>> {
    match call.node.op_type.as_str() {
        "Conv" => conv(call),
        "Gemm" => gemm(call),
        "MatMul" => matmul(call),
        "Einsum" => Ok(einsum(call)),
        _ => Ok(None),
    }
}

/// Two numbers of an attribute, y and x, each 1 or more.
fn pair(call: &Call, name: &str) -> Result<[usize; 2]> {
    let Some(list) = call.ints(name) else { return Ok([1, 1]) };
    match list.iter().map(|&v| usize::try_from(v).unwrap_or(0)).collect::<Vec<_>>()[..] {
        [y, x] if (1..=1 << 20).contains(&y) && (1..=1 << 20).contains(&x) => Ok([y, x]),
        _ => Err(call.contradiction(&format!("has {name} {list:?} where two numbers above 0 are needed"))),
    }
}

fn conv(call: &Call) -> Result<Option<Step>> {
    let (Some(&[batch, channels, ny, nx]), Some(weights)) = (call.dims(0), call.floats(1)) else { return Ok(None) };
    let [outputs, own, ky, kx] = weights.dims[..] else { return Ok(None) };
    if call.has(2) && call.floats(2).is_none() || weights.values.is_empty() || batch != 1 {
        return Ok(None);
    }
    let group = usize::try_from(call.int("group").unwrap_or(1)).unwrap_or(0);
    if group == 0 || own.checked_mul(group) != Some(channels) || outputs % group != 0 {
        let what = format!("has weights of shape {:?} in {group} groups for {channels} channels", weights.dims);
        return Err(call.contradiction(&what));
    }
    let bias = call.floats(2).map_or_else(|| vec![0.0; outputs], |b| b.values.clone());
    if bias.len() != outputs {
        return Err(call.contradiction(&format!("has {} biases for {outputs} channels", bias.len())));
    }
    if call.ints("kernel_shape").is_some_and(|k| k != [ky as i64, kx as i64]) {
        return Err(call.contradiction(&format!("has a kernel_shape that its weights {:?} have not", weights.dims)));
    }
    let (stride, dilation) = (pair(call, "strides")?, pair(call, "dilations")?);
    let reach = [0, 1].map(|k| dilation[k] * ([ky, kx][k] - 1) + 1);
    let pads = pads(call, [ny, nx], reach, stride)?;
    let size = |k: usize| ([ny, nx][k] + pads[k] + pads[k + 2]).checked_sub(reach[k]).map(|rest| rest / stride[k] + 1);
    let (Some(oy), Some(ox)) = (size(0), size(1)) else {
        return Err(call.contradiction(&format!("has a kernel of {ky} x {kx} for a grid of {ny} x {nx}")));
    };
    let dims = [1, outputs, oy, ox];
    if count(&dims).is_none() || count(&[outputs, channels, ky, kx]).is_none() {
        return Ok(None);
    }
    let weights = weights.clone();
    Ok(Some(Step::node(Op::Conv(Conv { weights, bias, group, stride, dilation, pads }), &dims)))
}

/// Zeros around the grid: top, left, bottom, right.
fn pads(call: &Call, grid: [usize; 2], reach: [usize; 2], stride: [usize; 2]) -> Result<[usize; 4]> {
    match call.text("auto_pad").unwrap_or("NOTSET") {
        "" | "NOTSET" => {}
        "VALID" => return Ok([0; 4]),
        same @ ("SAME_UPPER" | "SAME_LOWER") => {
            // As many as make the grid that comes out the one that goes in, divided by the stride.
            let all = [0, 1]
                .map(|k| ((grid[k].div_ceil(stride[k]).max(1) - 1) * stride[k] + reach[k]).saturating_sub(grid[k]));
            let [y, x] = all.map(|n| if same == "SAME_LOWER" { n.div_ceil(2) } else { n / 2 });
            return Ok([y, x, all[0] - y, all[1] - x]);
        }
        other => return Err(call.contradiction(&format!("has auto_pad `{other}`, which is none"))),
    }
    let Some(list) = call.ints("pads") else { return Ok([0; 4]) };
    match list.iter().map(|&v| usize::try_from(v).unwrap_or(usize::MAX)).collect::<Vec<_>>()[..] {
        [top, left, bottom, right] if top.max(left).max(bottom).max(right) <= 1 << 20 => Ok([top, left, bottom, right]),
        _ => Err(call.contradiction(&format!("has pads {list:?} where four numbers from 0 are needed"))),
    }
}

fn gemm(call: &Call) -> Result<Option<Step>> {
    let (Some(&[1, inputs]), Some(matrix)) = (call.dims(0), call.floats(1)) else { return Ok(None) };
    let flag = |name| call.int(name).unwrap_or(0) != 0;
    if flag("transA") || matrix.dims.len() != 2 || call.has(2) && call.floats(2).is_none() {
        return Ok(None);
    }
    let weights = if flag("transB") { matrix.clone() } else { matrix.permuted(&[1, 0]) };
    if weights.dims[1] != inputs {
        return Err(call.contradiction(&format!("has weights of shape {:?} for {inputs} inputs", matrix.dims)));
    }
    let outputs = weights.dims[0];
    let (alpha, beta) = (call.float("alpha").unwrap_or(1.0), call.float("beta").unwrap_or(1.0));
    if !alpha.is_finite() || !beta.is_finite() || weights.values.is_empty() {
        return Ok(None);
    }
    let bias = match call.floats(2) {
        None => vec![0.0; outputs],
        Some(bias) => match bias.expanded(&[1, outputs]) {
            Some(bias) => bias.values.iter().map(|v| beta * v).collect(),
            None => {
                return Err(call.contradiction(&format!("has biases of shape {:?} for {outputs} outputs", bias.dims)));
            }
        },
    };
    let weights = if alpha == 1.0 { weights } else { weights.map(|v| alpha * v) };
    let dense = Dense { weights, bias };
    Ok(Some(Step::node(Op::Dense(dense), &[1, outputs])))
}

fn matmul(call: &Call) -> Result<Option<Step>> {
    let (Some(dims), Some(matrix)) = (call.dims(0), call.floats(1)) else { return Ok(None) };
    let (Some(&last), [inputs, _]) = (dims.last(), &matrix.dims[..]) else { return Ok(None) };
    if last != *inputs {
        return Err(call.contradiction(&format!("has weights of shape {:?} for {last} inputs", matrix.dims)));
    }
    Ok(on_last_axis(dims, &matrix.permuted(&[1, 0])).map(|nodes| Step::Nodes(0, nodes)))
}

/// A matrix on one axis, such as `nyxc,cd->nyxd`: the axis is moved to the end, and what comes out to where it is asked.
fn einsum(call: &Call) -> Option<Step> {
    let (dims, matrix) = (call.dims(0)?, call.floats(1)?);
    let equation: String = call.text("equation")?.chars().filter(|c| !c.is_whitespace()).collect();
    let (given, asked) = equation.split_once("->")?;
    let (left, right) = given.split_once(',')?;
    let [left, right, asked] = [left, right, asked].map(|s| s.chars().collect::<Vec<char>>());
    let lengths = [left.len(), right.len(), asked.len()] == [dims.len(), 2, dims.len()] && matrix.dims.len() == 2;
    let distinct =
        |list: &[char]| list.iter().all(|c| c.is_alphabetic() && list.iter().filter(|d| *d == c).count() == 1);
    // The letter that is summed over stands in both; the other one of the matrix only in what is asked for.
    let along = left.iter().position(|c| right.contains(c))?;
    let (sum, new) = (left[along], *right.iter().find(|c| !left.contains(c))?);
    if !lengths || ![&left, &right, &asked].iter().all(|list| distinct(list)) || asked.contains(&sum) {
        return None;
    }
    let weights = if right[0] == sum { matrix.permuted(&[1, 0]) } else { matrix.clone() };
    let mut order: Vec<usize> = (0..dims.len()).filter(|&k| k != along).collect();
    let letters: Vec<char> = order.iter().map(|&k| left[k]).chain([new]).collect();
    order.push(along);
    let moved: Vec<usize> = order.iter().map(|&k| dims[k]).collect();
    if moved.last() != weights.dims.last() {
        return None;
    }
    let mut nodes = vec![(Op::Transpose(order), moved.clone())];
    nodes.extend(on_last_axis(&moved, &weights)?);
    let back: Vec<usize> = asked.iter().map(|c| letters.iter().position(|l| l == c)).collect::<Option<_>>()?;
    let given = nodes.last()?.1.clone();
    let dims = back.iter().map(|&k| given[k]).collect();
    nodes.push((Op::Transpose(back), dims));
    Some(Step::Nodes(0, nodes))
}

/// A matrix (outputs, inputs) on the last axis: a dense layer where that axis is all there is, a 1 x 1 convolution
/// where it is the channels of a grid that holds them last.
fn on_last_axis(dims: &[usize], weights: &Tensor) -> Option<Vec<(Op, Vec<usize>)>> {
    let (&inputs, before) = dims.split_last()?;
    let outputs = weights.dims[0];
    let mut after = before.to_vec();
    after.push(outputs);
    count(&after).filter(|&values| values > 0 && inputs > 0)?;
    let (weights, bias) = (weights.clone(), vec![0.0; outputs]);
    Some(match *before {
        [1] => vec![(Op::Dense(Dense { weights, bias }), after)],
        _ if before.iter().product::<usize>() == 1 => vec![
            (Op::Reshape, vec![1, inputs]),
            (Op::Dense(Dense { weights, bias }), vec![1, outputs]),
            (Op::Reshape, after),
        ],
        [1, ny, nx] => {
            let weights = Tensor { dims: vec![outputs, inputs, 1, 1], ..weights };
            let (stride, dilation) = ([1, 1], [1, 1]);
            vec![
                (Op::Transpose(vec![0, 3, 1, 2]), vec![1, inputs, ny, nx]),
                (Op::Conv(Conv { weights, bias, group: 1, stride, dilation, pads: [0; 4] }), vec![1, outputs, ny, nx]),
                (Op::Transpose(vec![0, 2, 3, 1]), after),
            ]
        }
        _ => return None,
    })
}
