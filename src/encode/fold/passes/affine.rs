//! Two affines after each other are one: `(x s + t) s' + t' = x (s s') + (t s' + t')`.
//!
//! Not here: taking them into layers.

use crate::encode::onnx::{Affine, Graph, Op};

/// Makes one of two.
pub fn join_affines(graph: &mut Graph, at: usize) -> bool {
    let Some(next) = graph.next(at) else { return false };
    let (Op::Affine(first), Op::Affine(second)) = (&graph.nodes[at].op, &graph.nodes[next].op) else { return false };
    let joined = || {
        let scale = first.scale.zip(&second.scale, |a, b| a * b)?;
        let shift = first.shift.zip(&second.scale, |a, b| a * b)?.zip(&second.shift, |a, b| a + b)?;
        Some(Affine { scale: scale.compressed(), shift: shift.compressed() })
    };
    let Some(affine) = joined() else { return false };
    graph.nodes[next].op = Op::Affine(affine);
    graph.bypass(at);
    true
}

/// The numbers of each channel (axis 1), if they are the same over all other axes.
pub(super) fn per_channel(tensor: &crate::encode::onnx::Tensor, channels: usize) -> Option<Vec<f64>> {
    let small = tensor.compressed();
    let elsewhere = small.dims.iter().enumerate().any(|(k, &d)| k != 1 && d != 1);
    if elsewhere || small.dims.len() < 2 {
        return None;
    }
    let mut dims = vec![1; small.dims.len()];
    dims[1] = channels;
    small.expanded(&dims).map(|t| t.values)
}
