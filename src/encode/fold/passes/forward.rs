//! An affine into the linear layer after it: `W (x s + t) + b = (W s) x + (b + W t)`, a column of W an input.
//!
//! Exact only where the layer sees nothing but `x s + t`: zeros that a convolution puts around its grid would have to
//! be `-t / s` afterwards, so a padded one takes factors only. Transpositions and reshapes between the two are followed.
//! An affine of the densities themselves with large summands stays: folded, they would cancel in float32.
//!
//! Not here: affines right after a layer ([`super::fold_backward`]).

use super::affine::per_channel;
use crate::encode::chain::MAX_CANCELLING;
use crate::encode::onnx::{Conv, Dense, Graph, Op};

/// Folds the affine in place `at`.
pub fn fold_forward(graph: &mut Graph, at: usize) -> bool {
    let Some((layer, scale, shift)) = inputs(graph, at) else { return false };
    match &mut graph.nodes[layer].op {
        Op::Conv(conv) => into_conv(conv, &scale, &shift),
        Op::Dense(dense) => into_dense(dense, &scale, &shift),
        _ => return false,
    }
    graph.bypass(at);
    true
}

/// The place of the layer that takes the affine in, and factor and summand of each of its inputs.
fn inputs(graph: &Graph, at: usize) -> Option<(usize, Vec<f64>, Vec<f64>)> {
    let Op::Affine(affine) = &graph.nodes[at].op else { return None };
    let (mut scale, mut shift) = (affine.scale.clone(), affine.shift.clone());
    let of_densities = graph.nodes[at].inputs.contains(&Some(graph.input));
    if of_densities && shift.values.iter().any(|t| !t.is_finite() || t.abs() > MAX_CANCELLING) {
        return None;
    }
    let mut dims = graph.dims(graph.nodes[at].output()?)?;
    let mut place = at;
    loop {
        place = graph.next(place)?;
        let after = graph.dims(graph.nodes[place].output()?)?;
        match &graph.nodes[place].op {
            Op::Transpose(order) => (scale, shift) = (scale.permuted(order), shift.permuted(order)),
            Op::Reshape => {
                scale = scale.expanded(dims)?.reshaped(after)?;
                shift = shift.expanded(dims)?.reshaped(after)?;
            }
            Op::Conv(conv) => {
                let (scale, shift) = (per_channel(&scale, conv.inputs())?, per_channel(&shift, conv.inputs())?);
                let exact = conv.is_unpadded() || shift.iter().all(|&t| t == 0.0);
                return exact.then_some((place, scale, shift));
            }
            Op::Dense(_) => return Some((place, scale.expanded(dims)?.values, shift.expanded(dims)?.values)),
            _ => return None,
        }
        dims = after;
    }
}

fn into_conv(conv: &mut Conv, scale: &[f64], shift: &[f64]) {
    let (own, outputs, [ky, kx]) = (conv.weights.dims[1], conv.outputs(), conv.kernel());
    for (at, kernel) in conv.weights.values.chunks_exact_mut(ky * kx).enumerate() {
        let (o, i) = (at / own, at % own);
        let channel = o / (outputs / conv.group) * own + i;
        conv.bias[o] += shift[channel] * kernel.iter().sum::<f64>();
        kernel.iter_mut().for_each(|w| *w *= scale[channel]);
    }
}

fn into_dense(dense: &mut Dense, scale: &[f64], shift: &[f64]) {
    for (row, bias) in dense.weights.values.chunks_exact_mut(scale.len()).zip(&mut dense.bias) {
        for ((w, s), t) in row.iter_mut().zip(scale).zip(shift) {
            *bias += *w * t;
            *w *= s;
        }
    }
}
