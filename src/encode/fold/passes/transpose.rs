//! Transpositions: two become one, and one moves towards the output past what treats each value by itself, until it
//! meets its inverse or a layer that can take it in.
//!
//! Not here: taking an order of axes into a dense layer ([`super::fold_order_of_axes`]).

use crate::encode::onnx::{Affine, Graph, Op};

/// Makes one of two transpositions after each other.
pub fn join_transposes(graph: &mut Graph, at: usize) -> bool {
    let Some(next) = graph.next(at) else { return false };
    let (Op::Transpose(first), Op::Transpose(second)) = (&graph.nodes[at].op, &graph.nodes[next].op) else {
        return false;
    };
    let both = second.iter().map(|&k| first[k]).collect();
    graph.nodes[next].op = Op::Transpose(both);
    graph.bypass(at);
    true
}

/// Lets a transposition and the relu or affine after it change places.
pub fn sink_transpose(graph: &mut Graph, at: usize) -> bool {
    let Some(next) = graph.next(at) else { return false };
    let Op::Transpose(order) = &graph.nodes[at].op else { return false };
    let earlier = match &graph.nodes[next].op {
        Op::Relu => Op::Relu,
        Op::Affine(affine) => {
            let mut back = vec![0; order.len()];
            order.iter().enumerate().for_each(|(k, &axis)| back[axis] = k);
            Op::Affine(Affine { scale: affine.scale.permuted(&back), shift: affine.shift.permuted(&back) })
        }
        _ => return false,
    };
    change_places(graph, at, next, earlier)
}

/// Puts `earlier`, which keeps the shape, in place `at`, and what was there in place `next`.
pub(super) fn change_places(graph: &mut Graph, at: usize, next: usize, earlier: Op) -> bool {
    let (Some(from), Some(between)) = (graph.nodes[at].input(), graph.nodes[at].output()) else { return false };
    graph.values[between].dims = graph.values[from].dims.clone();
    graph.nodes[next].op = std::mem::replace(&mut graph.nodes[at].op, earlier);
    let name = std::mem::take(&mut graph.nodes[at].name);
    graph.nodes[at].name = std::mem::replace(&mut graph.nodes[next].name, name);
    true
}
