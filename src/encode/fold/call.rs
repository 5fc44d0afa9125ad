//! A node that is being read: its attributes, and what is known of its inputs.
//!
//! Not here: what the operators mean.

use crate::encode::onnx::{Graph, Op, Param, Tensor, ValueId, proto};
use crate::error::{Error, model};

/// A node of the file beside what is known of the values that it reads.
pub(super) struct Call<'a> {
    pub graph: &'a Graph,
    pub name: &'a str,
    pub node: &'a proto::Node,
    pub inputs: &'a [Option<ValueId>],
    /// Version of the operators of ONNX.
    pub opset: i64,
    /// Number of outputs up to the last that something reads.
    pub outputs: usize,
    /// Whether each value is known to be float32.
    pub floats: &'a [bool],
}

/// What a node comes to.
pub(super) enum Step {
    /// Nothing: what it gives is its input of this number.
    Same(usize),
    /// Nodes one after the other, the first of which reads the input of this number, and the shape that each gives.
    Nodes(usize, Vec<(Op, Vec<usize>)>),
    /// A constant.
    Constant(Tensor),
    /// Not understood; the shape of its first output, where known.
    Other(Option<Vec<usize>>),
}

impl Step {
    /// One node that reads the first input.
    pub fn node(op: Op, dims: &[usize]) -> Self {
        Self::Nodes(0, vec![(op, dims.to_vec())])
    }
}

impl<'a> Call<'a> {
    /// Whether input `k` is given.
    pub fn has(&self, k: usize) -> bool {
        self.inputs.get(k).copied().flatten().is_some()
    }

    /// The shape of input `k`, where known.
    pub fn dims(&self, k: usize) -> Option<&'a [usize]> {
        self.graph.dims(self.inputs.get(k).copied().flatten()?)
    }

    /// The numbers of input `k`, if it is a constant.
    pub fn numbers(&self, k: usize) -> Option<&'a Tensor> {
        match &self.graph.values[self.inputs.get(k).copied().flatten()?].param {
            Some(Param::Numbers(tensor)) => Some(tensor),
            _ => None,
        }
    }

    /// The numbers of input `k`, if it is a constant of float32.
    pub fn floats(&self, k: usize) -> Option<&'a Tensor> {
        self.numbers(k).filter(|t| t.kind == crate::encode::onnx::Kind::Float32)
    }

    /// Whether input `k` is known to be float32.
    pub fn is_float(&self, k: usize) -> bool {
        self.inputs.get(k).copied().flatten().is_some_and(|id| self.floats[id])
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        // A writer may leave a 0 out.
        self.attribute(name).map(|a| a.i.unwrap_or(0))
    }

    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|a| &a.ints[..])
    }

    pub fn float(&self, name: &str) -> Option<f64> {
        self.attribute(name).map(|a| f64::from(a.f.unwrap_or(0.0)))
    }

    pub fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.attribute(name)?.s.as_ref()?).ok()
    }

    pub fn attribute(&self, name: &str) -> Option<&'a proto::Attribute> {
        self.node.attribute.iter().find(|a| a.name == name)
    }

    /// The axes that a node names: an input since version 13, an attribute before.
    pub fn axes(&self, input: usize) -> Option<Vec<i64>> {
        self.ints("axes").map(<[i64]>::to_vec).or_else(|| self.numbers(input)?.to_integers())
    }

    /// The error of a node that contradicts what it reads.
    pub fn contradiction(&self, what: &str) -> Error {
        model(format!("node `{}` ({}) {what}", self.name, self.node.op_type))
    }
}

/// An axis that may be counted from the end.
pub(super) fn axis(axis: i64, rank: usize) -> Option<usize> {
    let positive = if axis < 0 { axis.checked_add(i64::try_from(rank).ok()?)? } else { axis };
    usize::try_from(positive).ok().filter(|&a| a < rank)
}
