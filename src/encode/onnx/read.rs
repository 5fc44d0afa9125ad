//! From the bytes of an ONNX file to a graph.
//!
//! Refused is what no back-end could run: bytes that are no model, more or fewer than one input or output, values that
//! nothing gives, params that are not what they say. What is sound but not for folding is said in a sentence.
//!
//! Not here: what the nodes mean.

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::graph::{Graph, Node, Op, Param, Value, ValueId};
use super::limits;
use super::params::decode;
use super::proto;
use super::tensor::MAX_VALUES;
use crate::error::{Result, model};

/// The most bytes of a file that is folded.
const MAX_BYTES: usize = 64 << 20;

/// The most nodes of a graph that is folded: some passes look at each pair.
const MAX_NODES: usize = 2000;

/// The oldest version of the operators whose meaning folding knows: it introduced broadcasting.
const MIN_OPSET: i64 = 7;

/// What became of a file.
#[derive(Debug)]
pub enum Read {
    /// A graph, no node of which is understood yet.
    Graph(Box<Graph>),
    /// A sound file that folding leaves alone, and why.
    Opaque(String),
}

/// Reads a file.
///
/// # Errors
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) with the name of what is at fault.
pub fn read(bytes: &[u8]) -> Result<Read> {
    limits::check(bytes)?;
    if bytes.len() > MAX_BYTES {
        return Ok(Read::Opaque(format!("its {} MB are more than are folded, {}", bytes.len() >> 20, MAX_BYTES >> 20)));
    }
    let mut shell = proto::Model::decode(bytes).map_err(|e| model(format!("it is no ONNX model: {e}")))?;
    let Some(graph) = &mut shell.graph else { return Err(model("it is no ONNX model: it has no graph")) };
    let nodes = std::mem::take(&mut graph.node);
    let params = std::mem::take(&mut graph.initializer);
    graph.value_info.clear();
    let graph = &*graph;
    nodes.iter().chain(shell.functions.iter().flat_map(|f| &f.node)).try_for_each(check_repeatable)?;

    let mut names = Names::default();
    let mut numbers = 0;
    for tensor in params {
        let param = decode(&tensor)?;
        if let Param::Numbers(tensor) = &param {
            numbers += tensor.values.len();
        }
        names.give(&tensor.name, Some(param))?;
    }
    for tensor in &graph.sparse_initializer {
        names.give(tensor.values.as_ref().map_or("", |v| &v.name), None)?;
    }
    // Old files list their params among the inputs too.
    let inputs: Vec<_> = graph.input.iter().filter(|i| !names.known.contains_key(&i.name)).collect();
    let (&[input], [output]) = (&inputs[..], &graph.output[..]) else {
        let (inputs, outputs) = (inputs.len(), graph.output.len());
        return Err(model(format!("it has {inputs} inputs and {outputs} outputs where one of each is needed")));
    };
    let input_id = names.give(&input.name, None)?;
    let mut read = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.into_iter().enumerate() {
        read.push(names.node(node, at)?);
    }
    let Some(&output_id) = names.known.get(&output.name) else {
        return Err(model(format!("its output `{}` is given by no node", output.name)));
    };
    if let Some(reason) = opaque(&shell, &read, numbers) {
        return Ok(Read::Opaque(reason));
    }
    let values = names.values;
    Ok(Read::Graph(Box::new(Graph { nodes: read, values, input: input_id, output: output_id, shell })))
}

/// Refuses operators that may give one patch two points: random ones, and recurrent ones, whose state a back-end may carry
/// from one patch to the next. Graphs inside a node are looked at too; how deep they go is limited.
fn check_repeatable(node: &proto::Node) -> Result<()> {
    let why = match node.op_type.as_str() {
        "RNN" | "GRU" | "LSTM" | "Scan" | "Loop" => "is recurrent",
        "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike" | "Multinomial" | "Bernoulli" => {
            "draws random numbers"
        }
        _ => {
            let graphs = node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs));
            return graphs.flat_map(|graph| &graph.node).try_for_each(check_repeatable);
        }
    };
    Err(model(format!(
        "node `{}` ({}) {why}, and a point may depend on nothing but its patch: export the network without it",
        node.name, node.op_type
    )))
}

/// Why a sound model is not for folding.
fn opaque(shell: &proto::Model, nodes: &[Node], numbers: usize) -> Option<String> {
    let graph = shell.graph.as_ref()?;
    let is_onnx = |domain: &str| matches!(domain, "" | "ai.onnx");
    let opset = shell.opset_import.iter().find(|o| is_onnx(&o.domain)).map_or(0, |o| o.version);
    let has_graph = |node: &proto::Node| node.attribute.iter().any(|a| a.g.is_some() || !a.graphs.is_empty());
    let branch = nodes.iter().find(|n| matches!(&n.op, Op::Other(node) if has_graph(node)));
    if opset < MIN_OPSET {
        Some(format!("its operators are of version {opset}, older than {MIN_OPSET}"))
    } else if let Some(function) = shell.functions.first() {
        Some(format!("it defines operators of its own, `{}`", function.name.as_deref().unwrap_or("")))
    } else if !graph.quantization_annotation.is_empty() {
        Some("it is quantised".into())
    } else if let Some(node) = branch {
        Some(format!("node `{}` ({}) holds graphs of its own", node.name, node.op.title()))
    } else if nodes.len() > MAX_NODES {
        Some(format!("its {} nodes are more than are folded, {MAX_NODES}", nodes.len()))
    } else if numbers > MAX_VALUES {
        Some(format!("its {numbers} params are more than are folded, {MAX_VALUES}"))
    } else {
        None
    }
}

/// The values of a graph by their names.
#[derive(Default)]
struct Names {
    values: Vec<Value>,
    known: HashMap<String, ValueId>,
}

impl Names {
    /// Adds what something gives under `name`.
    fn give(&mut self, name: &str, param: Option<Param>) -> Result<ValueId> {
        let id = self.values.len();
        if name.is_empty() || self.known.insert(name.into(), id).is_some() {
            return Err(model(format!("it gives the value `{name}` twice, or without a name")));
        }
        let dims = if let Some(Param::Numbers(tensor)) = &param { Some(tensor.dims.clone()) } else { None };
        self.values.push(Value { name: name.into(), dims, param });
        Ok(id)
    }

    fn node(&mut self, mut node: proto::Node, at: usize) -> Result<Node> {
        let name = if node.name.is_empty() { format!("number {at}") } else { std::mem::take(&mut node.name) };
        let read = |input: &String| match self.known.get(input) {
            _ if input.is_empty() => Ok(None),
            Some(&id) => Ok(Some(id)),
            None => {
                Err(model(format!("node `{name}` ({}) reads `{input}`, which nothing before it gives", node.op_type)))
            }
        };
        let inputs = node.input.iter().map(read).collect::<Result<Vec<_>>>();
        // Graphs inside a node may read values of this one, and name their own: such a node is left alone.
        let inputs = inputs?;
        let mut outputs = Vec::with_capacity(node.output.len());
        for output in &node.output {
            outputs.push(if output.is_empty() { None } else { Some(self.give(output, None)?) });
        }
        let unnamed = node.attribute.iter().map(|a| &a.name).collect::<HashSet<_>>().len() < node.attribute.len();
        if unnamed {
            return Err(model(format!("node `{name}` ({}) has an attribute twice", node.op_type)));
        }
        node.input.clear();
        node.output.clear();
        Ok(Node { name, op: Op::Other(Box::new(node)), inputs, outputs })
    }
}

/// The sizes of the axes of a file's only input; `None` where a file leaves one open.
///
/// # Errors
/// Those of [`read`].
pub fn input_dims(bytes: &[u8]) -> Result<Vec<Option<usize>>> {
    limits::check(bytes)?;
    let shell = proto::Model::decode(bytes).map_err(|e| model(format!("it is no ONNX model: {e}")))?;
    let graph = shell.graph.unwrap_or_default();
    let params: HashSet<&str> = graph.initializer.iter().map(|p| p.name.as_str()).collect();
    let mut inputs = graph.input.iter().filter(|i| !params.contains(i.name.as_str()));
    let (Some(input), None) = (inputs.next(), inputs.next()) else {
        return Err(model("it has not one input: give a network with one"));
    };
    let Some(proto::Kind::Tensor(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err(model(format!("its input `{}` is no tensor", input.name)));
    };
    let axes = tensor.shape.iter().flat_map(|shape| &shape.dim);
    let size = |axis: &proto::Dimension| match axis.value {
        Some(proto::Size::Value(size)) => usize::try_from(size).ok().filter(|&size| size > 0),
        _ => None,
    };
    Ok(axes.map(size).collect())
}
