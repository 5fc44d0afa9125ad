//! An affine into the linear layer before it: `(W x + b) s + t = (s W) x + (b s + t)`, a row of W an output.
//!
//! Always exact, padded or not. Not here: affines after a relu ([`super::fold_forward`]).

use super::affine::per_channel;
use crate::encode::onnx::{Conv, Dense, Graph, Op};

/// Folds the affine after the layer in place `at`.
pub fn fold_backward(graph: &mut Graph, at: usize) -> bool {
    let Some(next) = graph.next(at) else { return false };
    let Op::Affine(affine) = &graph.nodes[next].op else { return false };
    let (Op::Conv(Conv { bias, .. }) | Op::Dense(Dense { bias, .. })) = &graph.nodes[at].op else {
        return false;
    };
    let outputs = bias.len();
    let (Some(scale), Some(shift)) = (per_channel(&affine.scale, outputs), per_channel(&affine.shift, outputs)) else {
        return false;
    };
    let (weights, bias) = match &mut graph.nodes[at].op {
        Op::Conv(conv) => (&mut conv.weights, &mut conv.bias),
        Op::Dense(dense) => (&mut dense.weights, &mut dense.bias),
        _ => return false,
    };
    let row = weights.values.len() / outputs;
    for o in 0..outputs {
        weights.values[o * row..][..row].iter_mut().for_each(|w| *w *= scale[o]);
        bias[o] = bias[o] * scale[o] + shift[o];
    }
    graph.bypass(next);
    true
}
