//! One walk over the nodes of a file, in their order: constants are computed, shapes found, nodes that do nothing left
//! out, and every node that folding knows is read.
//!
//! Not here: what each operator means (`constants`, `linear`, `pointwise`, `reorder`).

use super::call::{Call, Step};
use super::{constants, linear, pointwise, reorder, shapes};
use crate::encode::onnx::{Graph, Kind, MAX_VALUES, Node, Op, Param, ValueId, count};
use crate::error::Result;

/// From how many values on that the walk has made it makes no more.
const MAX_SPENT: usize = 2 * MAX_VALUES;

/// What the walk did, in numbers.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Done {
    /// Nodes computed that read only constants, Constant itself not counted.
    pub computed: usize,
    /// Nodes left out since they do nothing.
    pub idle: usize,
    /// Batch normalisations read as a factor and a summand a channel.
    pub normalisations: usize,
}

/// Reads all nodes of `graph`.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) if a node contradicts what it reads.
pub(super) fn understand(graph: &mut Graph) -> Result<Done> {
    let versions = &graph.shell.opset_import;
    let opset = versions.iter().find(|o| matches!(o.domain.as_str(), "" | "ai.onnx")).map_or(0, |o| o.version);
    let mut walk = Walk {
        opset,
        alias: (0..graph.values.len()).collect(),
        floats: graph
            .values
            .iter()
            .map(|v| matches!(&v.param, Some(Param::Numbers(t)) if t.kind == Kind::Float32))
            .collect(),
        read: vec![false; graph.values.len()],
        spent: 0,
        done: Done::default(),
    };
    walk.floats[graph.input] = true;
    walk.read[graph.output] = true;
    graph.nodes.iter().flat_map(|n| &n.inputs).flatten().for_each(|&id| walk.read[id] = true);
    for mut node in std::mem::take(&mut graph.nodes) {
        for input in node.inputs.iter_mut().flatten() {
            *input = walk.alias[*input];
        }
        walk.node(graph, node)?;
    }
    graph.output = walk.alias[graph.output];
    // Nodes that were understood hold their params themselves.
    let mut read = vec![false; graph.values.len()];
    graph.nodes.iter().flat_map(|n| &n.inputs).flatten().chain([&graph.output]).for_each(|&id| read[id] = true);
    graph.values.iter_mut().zip(read).filter(|(_, read)| !read).for_each(|(value, _)| value.param = None);
    Ok(walk.done)
}

struct Walk {
    opset: i64,
    /// The value that each value is; another one where a node between them does nothing.
    alias: Vec<ValueId>,
    /// Whether a value is known to be float32.
    floats: Vec<bool>,
    /// Whether anything reads a value of the file.
    read: Vec<bool>,
    /// Values of all computed constants, and of the params of all nodes that were understood: a few bytes of a file may
    /// name the same large tensor any number of times.
    spent: usize,
    done: Done,
}

impl Walk {
    fn node(&mut self, graph: &mut Graph, node: Node) -> Result<()> {
        let step = self.step(graph, &node)?;
        let Some(output) = node.outputs.first().copied().flatten() else {
            graph.nodes.push(node);
            return Ok(());
        };
        match step {
            Step::Same(input) if node.inputs.get(input).copied().flatten().is_some() => {
                self.alias[output] = node.inputs[input].unwrap_or(output);
                self.done.idle += 1;
            }
            Step::Constant(tensor) => {
                self.spent += tensor.values.len();
                self.floats[output] = tensor.kind == Kind::Float32;
                self.done.computed += usize::from(!node.inputs.is_empty());
                graph.values[output].dims = Some(tensor.dims.clone());
                graph.values[output].param = Some(Param::Numbers(tensor));
            }
            Step::Nodes(input, ops) => {
                self.done.normalisations += usize::from(node.op.title() == "BatchNormalization");
                let from = node.inputs.get(input).copied().flatten().unwrap_or(output);
                let is_float = self.floats[from]
                    || ops.iter().any(|(op, _)| matches!(op, Op::Conv(_) | Op::Dense(_) | Op::Affine(_)));
                self.spent += ops.iter().map(|(op, _)| op.params()).sum::<usize>();
                self.nodes(graph, &node.name, from, output, ops);
                self.floats[output] = is_float;
            }
            Step::Same(_) | Step::Other(None) => graph.nodes.push(node),
            Step::Other(dims) => {
                graph.values[output].dims = dims;
                graph.nodes.push(node);
            }
        }
        Ok(())
    }

    /// What one node comes to.
    fn step(&self, graph: &Graph, node: &Node) -> Result<Step> {
        let Op::Other(file) = &node.op else { return Ok(Step::Other(None)) };
        if !matches!(file.domain.as_str(), "" | "ai.onnx") {
            return Ok(Step::Other(None));
        }
        let outputs = node.outputs.iter().rposition(|o| o.is_some_and(|id| self.read[id])).map_or(0, |k| k + 1);
        let (name, inputs, floats) = (&node.name, &node.inputs, &self.floats);
        let call = Call { graph, name, node: file, inputs, opset: self.opset, outputs, floats };
        if self.spent > MAX_SPENT {
            return Ok(Step::Other(None));
        }
        if let Some(tensor) = constants::read(&call)? {
            return Ok(Step::Constant(tensor));
        }
        let sane = |dims: &Vec<usize>| count(dims).is_some();
        for read in [linear::read, pointwise::read, reorder::read] {
            match read(&call)? {
                Some(Step::Nodes(_, nodes)) if !nodes.iter().all(|(_, dims)| sane(dims)) => {}
                Some(step) => return Ok(step),
                None => {}
            }
        }
        Ok(Step::Other(shapes::read(&call).filter(sane)))
    }

    /// Adds nodes one after the other, from one value to another.
    fn nodes(&mut self, graph: &mut Graph, name: &str, from: ValueId, output: ValueId, ops: Vec<(Op, Vec<usize>)>) {
        let mut at = from;
        let last = ops.len().saturating_sub(1);
        for (k, (op, dims)) in ops.into_iter().enumerate() {
            let to = if k == last {
                graph.values[output].dims = Some(dims);
                output
            } else {
                let to = graph.add_value(format!("{}/{k}", graph.values[output].name), Some(dims));
                self.alias.push(to);
                self.floats.push(true);
                self.read.push(true);
                to
            };
            graph.nodes.push(Node::new(name, op, at, to));
            at = to;
        }
    }
}
