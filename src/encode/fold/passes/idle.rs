//! Nodes that change nothing, and nodes that nothing reads.
//!
//! Not here: nodes of the file that do nothing by their type, such as Identity: those are never read in.

use crate::encode::onnx::{Graph, Op};

/// Takes out a transposition that keeps the order, a reshape that keeps the shape, a factor of 1 with a summand of 0.
/// A transposition that moves only axes of 1 becomes a reshape.
pub fn drop_idle(graph: &mut Graph, at: usize) -> bool {
    let node = &graph.nodes[at];
    let (Some(input), Some(output)) = (node.input(), node.output()) else { return false };
    let (Some(from), Some(to)) = (graph.dims(input), graph.dims(output)) else { return false };
    match &node.op {
        Op::Transpose(order) => {
            let moved: Vec<usize> = order.iter().copied().filter(|&k| from[k] != 1).collect();
            if !moved.is_sorted() {
                return false;
            }
            graph.nodes[at].op = Op::Reshape;
            return true;
        }
        Op::Reshape if from == to => {}
        Op::Affine(a) if a.scale.values.iter().all(|&v| v == 1.0) && a.shift.values.iter().all(|&v| v == 0.0) => {}
        _ => return false,
    }
    graph.bypass(at);
    true
}

/// Takes out a node none of whose values are read.
pub fn drop_unread(graph: &mut Graph, at: usize) -> bool {
    let outputs = graph.nodes[at].outputs.clone();
    let read = |id: usize| id == graph.output || graph.readers(id).next().is_some();
    if outputs.into_iter().flatten().any(read) {
        return false;
    }
    graph.nodes.remove(at);
    true
}
