//! From a graph to the bytes of an ONNX file.
//!
//! Nodes that were understood are written in the plainest form: convolutions with all attributes, dense layers as Gemm
//! with the matrix transposed, factors and summands as Mul and Add. Params are float32, rounded once.
//!
//! Not here: any change to the graph.

use std::collections::HashSet;

use prost::Message;

use super::graph::{Affine, Conv, Dense, Graph, Node, Op, Param, ValueId};
use super::params::encode;
use super::proto;
use super::tensor::Tensor;

/// The bytes of a model that does what `graph` does, for a batch of 1.
pub fn write(graph: &Graph) -> Vec<u8> {
    let mut shell = graph.shell.clone();
    // Before this version params had to be listed among the inputs.
    shell.ir_version = shell.ir_version.max(4);
    let mut file = shell.graph.take().unwrap_or_default();
    let mut writer = Writer::new(graph, &file);
    for node in &graph.nodes {
        writer.node(node);
    }
    writer.output();
    writer.params();
    let input = file.input.iter().find(|i| i.name == graph.values[graph.input].name).cloned();
    file.input = input.into_iter().map(|input| fixed(input, graph.dims(graph.input))).collect();
    file.node = writer.nodes;
    file.initializer = writer.params;
    shell.graph = Some(file);
    shell.encode_to_vec()
}

struct Writer<'a> {
    graph: &'a Graph,
    /// The name of each value.
    names: Vec<String>,
    /// All names that are in use.
    used: HashSet<String>,
    nodes: Vec<proto::Node>,
    params: Vec<proto::Tensor>,
}

impl<'a> Writer<'a> {
    /// Names each value that something still reads or gives: as the file does, with a number behind it where two would
    /// be called the same. The output keeps the name that the file declares.
    fn new(graph: &'a Graph, file: &proto::Graph) -> Self {
        let mut writer = Self { graph, names: vec![], used: HashSet::new(), nodes: vec![], params: vec![] };
        let declared = file.output.first().map_or("", |o| &o.name);
        writer.used.extend(file.sparse_initializer.iter().filter_map(|s| s.values.as_ref()).map(|v| v.name.clone()));
        writer.used.extend([declared.to_owned(), graph.values[graph.input].name.clone()]);
        let sparse = writer.used.clone();
        let live: HashSet<ValueId> =
            graph.nodes.iter().flat_map(|n| n.inputs.iter().chain(&n.outputs)).copied().flatten().collect();
        for (id, value) in graph.values.iter().enumerate() {
            let name = if id == graph.output && graph.nodes.iter().any(|n| n.outputs.contains(&Some(id))) {
                declared.to_owned()
            } else if id == graph.input || sparse.contains(&value.name) && value.name != declared {
                value.name.clone()
            } else if live.contains(&id) || id == graph.output {
                writer.unused(&value.name)
            } else {
                String::new()
            };
            writer.names.push(name);
        }
        writer
    }

    fn unused(&mut self, name: &str) -> String {
        let mut unused = name.to_owned();
        let mut number = 1;
        while !self.used.insert(unused.clone()) {
            number += 1;
            unused = format!("{name}.{number}");
        }
        unused
    }

    fn node(&mut self, node: &Node) {
        let name = |id: &Option<ValueId>| id.map_or(String::new(), |id| self.names[id].clone());
        let inputs: Vec<String> = node.inputs.iter().map(name).collect();
        let outputs: Vec<String> = node.outputs.iter().map(name).collect();
        if let Op::Other(other) = &node.op {
            let node = proto::Node { name: node.name.clone(), input: inputs, output: outputs, ..(**other).clone() };
            self.nodes.push(node);
            return;
        }
        let (input, output) = (inputs.concat(), outputs.concat());
        match &node.op {
            Op::Conv(conv) => self.conv(conv, input, output),
            Op::Dense(dense) => self.dense(dense, input, output),
            Op::Affine(affine) => self.affine(affine, input, output),
            Op::Relu => self.push("Relu", vec![input], output, vec![]),
            Op::Softmax(axis) => self.push("Softmax", vec![input], output, vec![int("axis", *axis as i64)]),
            Op::Transpose(order) => self.push("Transpose", vec![input], output, vec![ints("perm", order)]),
            Op::Reshape => {
                let dims = node.output().and_then(|id| self.graph.dims(id)).unwrap_or_default();
                let shape = self.param(&output, "shape", &Tensor::integers(dims.iter().map(|&d| d as i64)));
                self.push("Reshape", vec![input, shape], output, vec![]);
            }
            Op::Other(_) => {}
        }
    }

    fn conv(&mut self, conv: &Conv, input: String, output: String) {
        let weights = self.param(&output, "weights", &conv.weights);
        let bias = self.param(&output, "bias", &Tensor::floats(&[conv.bias.len()], conv.bias.clone()));
        let attributes = vec![
            ints("kernel_shape", &conv.kernel()),
            ints("strides", &conv.stride),
            ints("pads", &conv.pads),
            ints("dilations", &conv.dilation),
            int("group", conv.group as i64),
        ];
        self.push("Conv", vec![input, weights, bias], output, attributes);
    }

    fn dense(&mut self, dense: &Dense, input: String, output: String) {
        let weights = self.param(&output, "weights", &dense.weights);
        let bias = self.param(&output, "bias", &Tensor::floats(&[dense.bias.len()], dense.bias.clone()));
        self.push("Gemm", vec![input, weights, bias], output, vec![int("transB", 1)]);
    }

    fn affine(&mut self, affine: &Affine, input: String, output: String) {
        let scale = self.param(&output, "scale", &affine.scale);
        let shift = self.param(&output, "shift", &affine.shift);
        let scaled = self.unused(&format!("{output}/scaled"));
        self.push("Mul", vec![input, scale], scaled.clone(), vec![]);
        self.push("Add", vec![scaled, shift], output, vec![]);
    }

    /// Where the output is no node's, an Identity gives it its name.
    fn output(&mut self) {
        let id = self.graph.output;
        if !self.graph.nodes.iter().any(|n| n.outputs.contains(&Some(id))) {
            let file = self.graph.shell.graph.as_ref();
            let declared = file.and_then(|g| g.output.first()).map_or(String::new(), |o| o.name.clone());
            self.push("Identity", vec![self.names[id].clone()], declared, vec![]);
        }
    }

    /// Adds the constants that nodes read which were not understood, and an output that is a constant.
    fn params(&mut self) {
        for (id, value) in self.graph.values.iter().enumerate() {
            let name = &self.names[id];
            match &value.param {
                _ if name.is_empty() => {}
                Some(Param::Numbers(tensor)) => self.params.push(encode(name, tensor)),
                Some(Param::Raw(raw)) => self.params.push(proto::Tensor { name: name.clone(), ..(**raw).clone() }),
                None => {}
            }
        }
    }

    fn param(&mut self, output: &str, what: &str, tensor: &Tensor) -> String {
        let name = self.unused(&format!("{output}/{what}"));
        self.params.push(encode(&name, tensor));
        name
    }

    fn push(&mut self, op: &str, input: Vec<String>, output: String, attribute: Vec<proto::Attribute>) {
        let name = format!("{op} {output}");
        self.nodes.push(proto::Node {
            op_type: op.into(),
            name,
            input,
            output: vec![output],
            attribute,
            ..Default::default()
        });
    }
}

/// The declared input with the shape for which the graph was folded.
fn fixed(mut input: proto::ValueInfo, dims: Option<&[usize]>) -> proto::ValueInfo {
    let size = |&d: &usize| proto::Dimension { value: Some(proto::Size::Value(d as i64)), ..Default::default() };
    let shape = dims.map(|dims| proto::Shape { dim: dims.iter().map(size).collect() });
    let tensor = proto::TensorType { elem_type: proto::FLOAT32, shape };
    input.r#type = Some(proto::Type { value: Some(proto::Kind::Tensor(tensor)), ..Default::default() });
    input
}

fn int(name: &str, value: i64) -> proto::Attribute {
    proto::Attribute { name: name.into(), kind: proto::INT, i: Some(value), ..Default::default() }
}

fn ints(name: &str, values: &[usize]) -> proto::Attribute {
    let ints = values.iter().map(|&v| v as i64).collect();
    proto::Attribute { name: name.into(), kind: proto::INTS, ints, ..Default::default() }
}
