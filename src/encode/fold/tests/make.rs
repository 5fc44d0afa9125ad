//! Small models for tests, node by node, with random params.
//!
//! Not here: files of real exporters (`tests/fixtures/networks/`).

use prost::Message;

use super::interpret::Array;
use crate::encode::onnx::proto;

/// A model in the making. The input is `x`.
pub struct Net {
    pub model: proto::Model,
    random: Random,
}

/// A stream of numbers in -1 .. 1.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(((self.0 >> 40) as f32) / (1 << 23) as f32 - 1.0)
    }

    pub fn list(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.next()).collect()
    }
}

impl Net {
    /// A model of an input of these sizes.
    pub fn new(dims: &[usize], seed: u64) -> Self {
        let dim =
            dims.iter().map(|&d| proto::Dimension { value: Some(proto::Size::Value(d as i64)), ..Default::default() });
        let tensor = proto::TensorType { elem_type: 1, shape: Some(proto::Shape { dim: dim.collect() }) };
        let kind = proto::Type { value: Some(proto::Kind::Tensor(tensor)), ..Default::default() };
        let input = proto::ValueInfo { name: "x".into(), r#type: Some(kind), ..Default::default() };
        let graph = proto::Graph { name: "test".into(), input: vec![input], ..Default::default() };
        let model = proto::Model {
            ir_version: 8,
            opset_import: vec![proto::OperatorSet { domain: String::new(), version: 17 }],
            graph: Some(graph),
            ..Default::default()
        };
        Self { model, random: Random(seed.wrapping_mul(2).wrapping_add(1)) }
    }

    pub fn graph(&mut self) -> &mut proto::Graph {
        self.model.graph.as_mut().unwrap()
    }

    /// Adds a node; what it gives.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: &[proto::Attribute]) -> String {
        let output = format!("{}_{}", op.to_lowercase(), self.graph().node.len());
        let node = proto::Node {
            name: output.clone(),
            op_type: op.into(),
            input: inputs.iter().map(|&i| i.into()).collect(),
            output: vec![output.clone()],
            attribute: attributes.to_vec(),
            ..Default::default()
        };
        self.graph().node.push(node);
        output
    }

    /// A constant of float32.
    pub fn floats(&mut self, dims: &[usize], values: &[f64]) -> String {
        let raw_data = values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect();
        self.param(proto::Tensor { data_type: 1, raw_data, dims: sizes(dims), ..Default::default() })
    }

    /// A constant list of integers.
    pub fn integers(&mut self, values: &[i64]) -> String {
        let dims = vec![values.len() as i64];
        self.param(proto::Tensor { data_type: 7, int64_data: values.to_vec(), dims, ..Default::default() })
    }

    /// A constant of random float32 in -1 .. 1.
    pub fn random(&mut self, dims: &[usize]) -> String {
        let values = self.random.list(dims.iter().product());
        self.floats(dims, &values)
    }

    /// A constant of random float32 in 0.5 .. 1.5.
    pub fn positive(&mut self, dims: &[usize]) -> String {
        let values: Vec<f64> = self.random.list(dims.iter().product()).iter().map(|v| 1.0 + v / 2.0).collect();
        self.floats(dims, &values)
    }

    pub fn param(&mut self, tensor: proto::Tensor) -> String {
        let name = format!("param_{}", self.graph().initializer.len());
        self.graph().initializer.push(proto::Tensor { name: name.clone(), ..tensor });
        name
    }

    /// A convolution with a bias: weights (outputs, own, k, k).
    pub fn conv(&mut self, x: &str, weights: [usize; 3], attributes: &[proto::Attribute]) -> String {
        let [outputs, own, k] = weights;
        let (w, b) = (self.random(&[outputs, own, k, k]), self.random(&[outputs]));
        self.node("Conv", &[x, &w, &b], attributes)
    }

    /// A dense layer with a bias.
    pub fn dense(&mut self, x: &str, inputs: usize, outputs: usize) -> String {
        let (w, b) = (self.random(&[outputs, inputs]), self.random(&[outputs]));
        self.node("Gemm", &[x, &w, &b], &[int("transB", 1)])
    }

    /// A batch normalisation with statistics that are far from 0 and 1.
    pub fn norm(&mut self, x: &str, channels: usize) -> String {
        let c = &[channels];
        let params = [self.positive(c), self.random(c), self.random(c), self.positive(c)];
        self.node("BatchNormalization", &[x, &params[0], &params[1], &params[2], &params[3]], &[float("epsilon", 1e-3)])
    }

    /// The bytes of the model that gives `output`.
    pub fn bytes(&mut self, output: &str) -> Vec<u8> {
        self.graph().output = vec![proto::ValueInfo { name: output.into(), ..Default::default() }];
        self.model.encode_to_vec()
    }
}

/// Random values in -1 .. 1 that float32 holds.
pub fn random_array(dims: &[usize], seed: u64) -> Array {
    Array::new(dims, Random(seed.wrapping_mul(2).wrapping_add(1)).list(dims.iter().product()))
}

fn sizes(dims: &[usize]) -> Vec<i64> {
    dims.iter().map(|&d| d as i64).collect()
}

pub fn int(name: &str, i: i64) -> proto::Attribute {
    proto::Attribute { name: name.into(), kind: proto::INT, i: Some(i), ..Default::default() }
}

pub fn ints(name: &str, ints: &[i64]) -> proto::Attribute {
    proto::Attribute { name: name.into(), kind: proto::INTS, ints: ints.to_vec(), ..Default::default() }
}

pub fn float(name: &str, f: f32) -> proto::Attribute {
    proto::Attribute { name: name.into(), kind: 1, f: Some(f), ..Default::default() }
}
