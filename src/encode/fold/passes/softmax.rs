//! A softmax in its parts: `exp(x - m) / sum(exp(x - m))`, whatever one number `m` is, and whatever axes are put around
//! the sum.
//!
//! Over vectors only. Not here: the operator of that name, which is read in as it is.

use crate::encode::onnx::{Graph, Op, ValueId};

/// Makes a softmax of the quotient in place `at`.
pub fn join_softmax(graph: &mut Graph, at: usize) -> bool {
    let Some((x, axis)) = softmax(graph, at) else { return false };
    graph.nodes[at].op = Op::Softmax(axis);
    graph.nodes[at].inputs = vec![Some(x)];
    true
}

/// What the softmax is of, and its axis.
fn softmax(graph: &Graph, at: usize) -> Option<(ValueId, usize)> {
    let [exponentials, sum] = operands(graph, at, "Div")?;
    let above = giver(graph, exponentials)?;
    let &[Some(exponent)] = &graph.nodes[above].inputs[..] else { return None };
    let reduced = giver(graph, spread(graph, sum))?;
    let is_sum = graph.nodes[reduced].op.is_other("ReduceSum")
        && graph.nodes[reduced].inputs.first() == Some(&Some(exponentials))
        && count(graph, spread(graph, sum)) == Some(1);
    if !graph.nodes[above].op.is_other("Exp") || !is_sum {
        return None;
    }
    let difference = giver(graph, exponent).and_then(|node| operands(graph, node, "Sub"));
    let x = match difference {
        Some([x, m]) if count(graph, spread(graph, m)) == Some(1) => x,
        _ => exponent,
    };
    let dims = graph.dims(x)?;
    let axis = dims.iter().position(|&d| d != 1)?;
    let same = [exponent, exponentials, graph.nodes[at].outputs.first().copied().flatten()?];
    let is_vector = dims[axis + 1..].iter().all(|&d| d == 1) && same.iter().all(|&v| graph.dims(v) == Some(dims));
    is_vector.then_some((x, axis))
}

/// The two values that a node of type `op` reads.
fn operands(graph: &Graph, at: usize, op: &str) -> Option<[ValueId; 2]> {
    match graph.nodes[at].inputs[..] {
        [Some(a), Some(b)] if graph.nodes[at].op.is_other(op) => Some([a, b]),
        _ => None,
    }
}

/// The place of the node that gives a value.
fn giver(graph: &Graph, value: ValueId) -> Option<usize> {
    graph.nodes.iter().position(|n| n.outputs.contains(&Some(value)))
}

/// The value that is repeated and reshaped into this one.
fn spread(graph: &Graph, mut value: ValueId) -> ValueId {
    while let Some(node) = giver(graph, value).map(|at| &graph.nodes[at]) {
        match (&node.op, node.inputs.first()) {
            (Op::Reshape, Some(&Some(from))) => value = from,
            (Op::Other(file), Some(&Some(from))) if file.op_type == "Expand" => value = from,
            _ => break,
        }
    }
    value
}

fn count(graph: &Graph, value: ValueId) -> Option<usize> {
    graph.dims(value).map(|dims| dims.iter().product())
}
