//! The passes over a graph whose nodes are understood: each a function that looks at one node and its neighbours, and
//! says whether it changed anything.
//!
//! Every one keeps what comes out the same in exact arithmetic, or leaves the graph alone. None touches a value that
//! more than one node reads.
//!
//! Not here: the order in which they run ([`super::folding`]).

mod affine;
mod backward;
mod flatten;
mod forward;
mod idle;
mod join;
mod reshape;
mod softmax;
mod transpose;

pub(super) use affine::join_affines;
pub(super) use backward::fold_backward;
pub(super) use flatten::fold_order_of_axes;
pub(super) use forward::fold_forward;
pub(super) use idle::{drop_idle, drop_unread};
pub(super) use join::join_layers;
pub(super) use reshape::{join_reshapes, sink_reshape};
pub(super) use softmax::join_softmax;
pub(super) use transpose::{join_transposes, sink_transpose};

/// Looks at the node in this place; whether the graph changed.
pub(super) type Pass = fn(&mut crate::encode::onnx::Graph, usize) -> bool;
