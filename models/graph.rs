//! Writes ONNX files: nodes and params in the order in which they are added, and their protobuf encoding.
//!
//! Field numbers and types are those of ONNX's `onnx.proto3`. The same calls give the same bytes.
//! Not here: which nodes a network has, reading.

use super::params::{EPSILON, Norm};

/// ONNX's numbers of its types.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// A graph that is being put together.
#[derive(Default)]
pub struct Graph {
    nodes: Message,
    tensors: Message,
    ends: Message,
}

/// A node's attribute: its name and value.
pub enum Attribute<'a> {
    Float(&'a str, f32),
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
}

impl Graph {
    /// Adds the input, or with `output` the output: float32 of these dims, 0 for a batch of any size. Input first.
    pub fn end(&mut self, output: bool, name: &str, dims: &[i64]) {
        let mut shape = Message::default();
        for &dim in dims {
            let mut dimension = Message::default();
            match dim {
                0 => dimension.text(2, "batch"),
                _ => dimension.int(1, dim),
            }
            shape.message(1, &dimension);
        }
        let mut tensor = Message::default();
        tensor.int(1, FLOAT);
        tensor.message(2, &shape);
        let mut kind = Message::default();
        kind.message(1, &tensor);
        let mut value = Message::default();
        value.text(1, name);
        value.message(2, &kind);
        self.ends.message(if output { 12 } else { 11 }, &value);
    }

    /// Adds params.
    pub fn tensor(&mut self, name: &str, dims: &[i64], values: &[f32]) {
        assert_eq!(dims.iter().product::<i64>(), values.len() as i64, "{name} has another number of params");
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(name, FLOAT, dims, &raw);
    }

    /// Adds a list of whole numbers, such as the shape that a node takes.
    pub fn numbers(&mut self, name: &str, values: &[i64]) {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(name, INT64, &[values.len() as i64], &raw);
    }

    fn initializer(&mut self, name: &str, kind: i64, dims: &[i64], raw: &[u8]) {
        let mut tensor = Message::default();
        tensor.ints(1, dims);
        tensor.int(2, kind);
        tensor.text(8, name);
        tensor.bytes(9, raw);
        self.tensors.message(5, &tensor);
    }

    /// Adds a node, which is named after its output.
    pub fn node(&mut self, op: &str, inputs: &[&str], output: &str, attributes: &[Attribute]) {
        let mut node = Message::default();
        inputs.iter().for_each(|input| node.text(1, input));
        node.text(2, output);
        node.text(3, output);
        node.text(4, op);
        attributes.iter().for_each(|attribute| node.message(5, &attribute.message()));
        self.nodes.message(1, &node);
    }

    /// Adds a batch normalisation and its params.
    pub fn norm(&mut self, input: &str, output: &str, norm: &Norm) {
        let lists =
            [("scale", &norm.scale), ("shift", &norm.shift), ("mean", &norm.mean), ("variance", &norm.variance)];
        let names = lists.map(|(what, values)| {
            let name = format!("{output}_{what}");
            self.tensor(&name, &[values.len() as i64], values);
            name
        });
        let inputs: Vec<&str> = std::iter::once(input).chain(names.iter().map(String::as_str)).collect();
        self.node("BatchNormalization", &inputs, output, &[Attribute::Float("epsilon", EPSILON)]);
    }

    /// Adds an unpadded convolution of a square kernel.
    pub fn conv(&mut self, inputs: &[&str], output: &str, kernel: i64, stride: i64, group: i64) {
        let attributes = [
            Attribute::Ints("kernel_shape", &[kernel, kernel]),
            Attribute::Ints("strides", &[stride, stride]),
            Attribute::Ints("pads", &[0; 4]),
            Attribute::Ints("dilations", &[1, 1]),
            Attribute::Int("group", group),
        ];
        self.node("Conv", inputs, output, &attributes);
    }

    /// The bytes of the `.onnx` file: the graph `name`, and what `doc` says about the model.
    pub fn onnx(&self, name: &str, doc: &str) -> Vec<u8> {
        let mut graph = Message::default();
        graph.0.extend(&self.nodes.0);
        graph.text(2, name);
        graph.0.extend(&self.tensors.0);
        graph.0.extend(&self.ends.0);
        let mut operators = Message::default();
        operators.int(2, 13);
        let mut model = Message::default();
        model.int(1, 8);
        model.text(2, "patchstream");
        model.text(6, doc);
        model.message(7, &graph);
        model.message(8, &operators);
        model.0
    }
}

impl Attribute<'_> {
    fn message(&self) -> Message {
        let mut message = Message::default();
        let kind = match *self {
            Self::Float(name, value) => {
                message.text(1, name);
                message.float(2, value);
                1
            }
            Self::Int(name, value) => {
                message.text(1, name);
                message.int(3, value);
                2
            }
            Self::Ints(name, values) => {
                message.text(1, name);
                message.ints(8, values);
                7
            }
        };
        message.int(20, kind);
        message
    }
}

/// Protobuf's encoding: fields, each a key (`number << 3 | wire type`) and a value.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn int(&mut self, field: u64, value: i64) {
        self.varint(field << 3);
        self.varint(value as u64);
    }

    fn float(&mut self, field: u64, value: f32) {
        self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    fn message(&mut self, field: u64, value: &Self) {
        self.bytes(field, &value.0);
    }

    /// A packed list.
    fn ints(&mut self, field: u64, values: &[i64]) {
        let mut packed = Self::default();
        values.iter().for_each(|&value| packed.varint(value as u64));
        self.message(field, &packed);
    }

    /// Seven bits a byte, the lowest first; all but the last byte have the top bit set.
    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
