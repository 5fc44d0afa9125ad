//! A network as folding sees it: nodes in the order in which they run, and values, which nodes name by number.
//!
//! A node that was understood holds its params itself, in float64, so that changing one never changes another. Any
//! other node stays as the file has it. Axes of a grid are batch (1), channel, y, x.
//!
//! Not here: how a node of a file comes to be understood ([`crate::encode`]'s `fold`).

use super::proto;
use super::tensor::Tensor;

/// The place of a value in [`Graph::values`].
pub type ValueId = usize;

/// A network with one input and one output.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Each after those whose values it reads.
    pub nodes: Vec<Node>,
    /// All values by their number; some may belong to nodes that are gone.
    pub values: Vec<Value>,
    /// What goes in.
    pub input: ValueId,
    /// What comes out.
    pub output: ValueId,
    /// The rest of the file: names, versions, the declared input and output. No nodes, no params.
    pub shell: proto::Model,
}

/// What a node reads or gives.
#[derive(Debug, Clone)]
pub struct Value {
    /// Its name in the file.
    pub name: String,
    /// Its shape for a batch of 1, where known.
    pub dims: Option<Vec<usize>>,
    /// What it always is, for a constant.
    pub param: Option<Param>,
}

/// A constant.
#[derive(Debug, Clone)]
pub enum Param {
    /// Its numbers.
    Numbers(Tensor),
    /// Of a type that folding does not compute with: as the file has it.
    Raw(Box<proto::Tensor>),
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name in messages.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// What it reads; `None` is an input that was left out. One value unless `op` is `Other`.
    pub inputs: Vec<Option<ValueId>>,
    /// What it gives. One value unless `op` is `Other`.
    pub outputs: Vec<Option<ValueId>>,
}

/// What a node does.
#[derive(Debug, Clone)]
pub enum Op {
    /// A convolution of a grid.
    Conv(Conv),
    /// A matrix on a vector, (1, inputs) to (1, outputs).
    Dense(Dense),
    /// A factor and a summand for each value.
    Affine(Affine),
    /// The larger of a value and 0.
    Relu,
    /// Exponentials over their sum along this axis; all others are 1.
    Softmax(usize),
    /// Axis `k` of what comes out is axis `order[k]` of what goes in.
    Transpose(Vec<usize>),
    /// The same values under the axes of what comes out.
    Reshape,
    /// Not understood: type and attributes as in the file, without inputs and outputs.
    Other(Box<proto::Node>),
}

/// The params of a convolution.
#[derive(Debug, Clone)]
pub struct Conv {
    /// (outputs, inputs / group, y, x).
    pub weights: Tensor,
    /// One an output.
    pub bias: Vec<f64>,
    /// Parts that the channels are split into; each reads its own inputs only.
    pub group: usize,
    /// Pixels from one place of the kernel to the next, y and x.
    pub stride: [usize; 2],
    /// Pixels between neighbours of the kernel, y and x.
    pub dilation: [usize; 2],
    /// Zeros that are put around the grid: top, left, bottom, right.
    pub pads: [usize; 4],
}

/// The params of a dense layer.
#[derive(Debug, Clone)]
pub struct Dense {
    /// (outputs, inputs).
    pub weights: Tensor,
    /// One an output.
    pub bias: Vec<f64>,
}

/// `value * scale + shift`; both have the value's rank, and axes of its size or 1.
#[derive(Debug, Clone)]
pub struct Affine {
    pub scale: Tensor,
    pub shift: Tensor,
}

impl Conv {
    /// Number of channels that go in.
    pub fn inputs(&self) -> usize {
        self.weights.dims[1] * self.group
    }

    /// Number of channels that come out.
    pub fn outputs(&self) -> usize {
        self.weights.dims[0]
    }

    /// Points of the kernel along y and x.
    pub fn kernel(&self) -> [usize; 2] {
        [self.weights.dims[2], self.weights.dims[3]]
    }

    /// Whether no zeros are put around the grid.
    pub fn is_unpadded(&self) -> bool {
        self.pads == [0; 4]
    }

    /// Whether a pixel that comes out is made of one pixel.
    pub fn is_pointwise(&self) -> bool {
        self.kernel() == [1, 1] && self.is_unpadded()
    }

    /// The kernel as one group: `weights[((o * inputs + i) * ky + y) * kx + x]`, 0 between groups.
    pub fn full_weights(&self) -> Vec<f64> {
        let [outputs, own, ky, kx] = [0, 1, 2, 3].map(|k| self.weights.dims[k]);
        let size = own * ky * kx;
        let mut full = vec![0.0; outputs * self.group * size];
        for (o, kernel) in self.weights.values.chunks_exact(size.max(1)).enumerate().take(outputs) {
            let group = o / (outputs / self.group);
            full[(o * self.group + group) * size..][..size].copy_from_slice(kernel);
        }
        full
    }
}

impl Node {
    /// A node with one input and one output.
    pub fn new(name: &str, op: Op, input: ValueId, output: ValueId) -> Self {
        Self { name: name.into(), op, inputs: vec![Some(input)], outputs: vec![Some(output)] }
    }

    /// The one value that it reads, unless it is not understood.
    pub fn input(&self) -> Option<ValueId> {
        if matches!(self.op, Op::Other(_)) { None } else { self.inputs.first().copied().flatten() }
    }

    /// The one value that it gives, unless it is not understood.
    pub fn output(&self) -> Option<ValueId> {
        if matches!(self.op, Op::Other(_)) { None } else { self.outputs.first().copied().flatten() }
    }
}

impl Op {
    /// Number of its params.
    pub fn params(&self) -> usize {
        match self {
            Self::Conv(Conv { weights, bias, .. }) | Self::Dense(Dense { weights, bias }) => {
                weights.values.len() + bias.len()
            }
            Self::Affine(Affine { scale, shift }) => scale.values.len() + shift.values.len(),
            _ => 0,
        }
    }

    /// What it is called in messages: the operator of ONNX.
    pub fn title(&self) -> &str {
        match self {
            Self::Conv(_) => "Conv",
            Self::Dense(_) => "Gemm",
            Self::Affine(_) => "Mul and Add",
            Self::Relu => "Relu",
            Self::Softmax(_) => "Softmax",
            Self::Transpose(_) => "Transpose",
            Self::Reshape => "Reshape",
            Self::Other(node) => &node.op_type,
        }
    }

    /// Whether it is the operator `op` of ONNX itself that nobody has understood.
    pub fn is_other(&self, op: &str) -> bool {
        matches!(self, Self::Other(node) if node.op_type == op && matches!(&*node.domain, "" | "ai.onnx"))
    }
}

impl Graph {
    /// A new value; its name is only for messages until the graph is written.
    pub fn add_value(&mut self, name: String, dims: Option<Vec<usize>>) -> ValueId {
        self.values.push(Value { name, dims, param: None });
        self.values.len() - 1
    }

    /// The shape of a value, where known.
    pub fn dims(&self, value: ValueId) -> Option<&[usize]> {
        self.values[value].dims.as_deref()
    }

    /// How often nodes read `value`.
    pub fn readers(&self, value: ValueId) -> impl Iterator<Item = usize> {
        let places = self.nodes.iter().enumerate();
        places.flat_map(move |(at, node)| node.inputs.iter().filter(move |&&v| v == Some(value)).map(move |_| at))
    }

    /// The node that reads what node `at` gives, if both are understood and nothing else reads it.
    pub fn next(&self, at: usize) -> Option<usize> {
        let value = self.nodes[at].output()?;
        let mut readers = self.readers(value);
        let reader = readers.next()?;
        let sole = readers.next().is_none() && value != self.output;
        (sole && self.nodes[reader].input().is_some()).then_some(reader)
    }

    /// Takes node `at` out: whatever read what it gives reads what it read.
    pub fn bypass(&mut self, at: usize) {
        let node = self.nodes.remove(at);
        let (Some(from), Some(to)) = (node.input(), node.output()) else { return };
        for input in self.nodes.iter_mut().flat_map(|n| &mut n.inputs) {
            if *input == Some(to) {
                *input = Some(from);
            }
        }
        if self.output == to {
            self.output = from;
        }
    }
}

#[test]
fn groups_are_spread_over_a_full_kernel() {
    let weights = Tensor::floats(&[4, 1, 1, 2], (1..=8).map(f64::from).collect());
    let conv = Conv { weights, bias: vec![0.0; 4], group: 2, stride: [1; 2], dilation: [1; 2], pads: [0; 4] };
    assert_eq!((conv.inputs(), conv.outputs(), conv.kernel()), (2, 4, [1, 2]));
    let rows = [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 5, 6], [0, 0, 7, 8]];
    assert_eq!(conv.full_weights(), rows.concat().into_iter().map(f64::from).collect::<Vec<_>>());
}
