//! A transposition before a grid is flattened for a dense layer: the layer takes its inputs in the other order instead.
//!
//! Not here: moving transpositions there ([`super::sink_transpose`]).

use crate::encode::onnx::{Graph, Op, Tensor};

/// Takes the transposition in place `at` into the dense layer after the reshape after it.
pub fn fold_order_of_axes(graph: &mut Graph, at: usize) -> bool {
    let Some((place, order)) = order(graph, at) else { return false };
    let Op::Dense(dense) = &mut graph.nodes[place].op else { return false };
    for row in dense.weights.values.chunks_exact_mut(order.len()) {
        let old = row.to_vec();
        order.iter().zip(old).for_each(|(&k, w)| row[k] = w);
    }
    graph.bypass(at);
    true
}

/// The place of the dense layer, and which value of the grid before the transposition each of its inputs is.
fn order(graph: &Graph, at: usize) -> Option<(usize, Vec<usize>)> {
    let Op::Transpose(axes) = &graph.nodes[at].op else { return None };
    let flatten = graph.next(at)?;
    let dense = graph.next(flatten)?;
    let (Op::Reshape, Op::Dense(_)) = (&graph.nodes[flatten].op, &graph.nodes[dense].op) else { return None };
    let dims = graph.dims(graph.nodes[at].input()?)?;
    let places = Tensor::floats(dims, (0..dims.iter().product()).map(|k: usize| k as f64).collect());
    Some((dense, places.permuted(axes).values.into_iter().map(|k| k as usize).collect()))
}
