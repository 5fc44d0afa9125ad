//! Reshapes: two become one, and one moves towards the output past what treats each value by itself.
//!
//! Not here: reshapes that change nothing ([`super::drop_idle`]).

use super::transpose::change_places;
use crate::encode::onnx::{Affine, Graph, Op};

/// Makes one of two reshapes after each other.
pub fn join_reshapes(graph: &mut Graph, at: usize) -> bool {
    let Some(next) = graph.next(at) else { return false };
    let both = matches!((&graph.nodes[at].op, &graph.nodes[next].op), (Op::Reshape, Op::Reshape));
    if both {
        graph.bypass(at);
    }
    both
}

/// Lets a reshape and the relu or affine after it change places.
pub fn sink_reshape(graph: &mut Graph, at: usize) -> bool {
    let Some(next) = graph.next(at) else { return false };
    let node = &graph.nodes[at];
    let (Op::Reshape, Some(input), Some(output)) = (&node.op, node.input(), node.output()) else { return false };
    let (Some(from), Some(to)) = (graph.dims(input), graph.dims(output)) else { return false };
    let earlier = match &graph.nodes[next].op {
        Op::Relu => Op::Relu,
        Op::Affine(affine) => {
            let moved = [&affine.scale, &affine.shift].map(|t| Some(t.expanded(to)?.reshaped(from)?.compressed()));
            let [Some(scale), Some(shift)] = moved else { return false };
            Op::Affine(Affine { scale, shift })
        }
        _ => return false,
    };
    change_places(graph, at, next, earlier)
}
