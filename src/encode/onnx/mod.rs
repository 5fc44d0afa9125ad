//! ONNX files: reading them into a [`Graph`] that folding can work on, and writing such a graph as a file again.
//!
//! | file | what it is |
//! |---|---|
//! | `proto` | the messages of a file |
//! | `limits` | what a file would take in memory, found out before it is decoded |
//! | `tensor` | constant tensors in float64, and the few things that are done to them |
//! | `graph` | nodes and values, wired by number |
//! | `read`, `params` | from bytes to a graph, every number of a file checked before it is used |
//! | `write` | from a graph to bytes |
//!
//! Not here: what the operators mean ([`super::fold`]).

mod graph;
mod limits;
mod params;
pub(super) mod proto;
mod read;
mod tensor;
mod write;

pub(super) use graph::{Affine, Conv, Dense, Graph, Node, Op, Param, ValueId};
pub(super) use params::decode as decode_tensor;
pub(super) use read::{Read, input_dims, read};
pub(super) use tensor::{Kind, MAX_VALUES, Tensor, broadcast, count};
pub(super) use write::write;
