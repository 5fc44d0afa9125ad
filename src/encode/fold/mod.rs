//! Folding: from an ONNX file as an exporter leaves it to one that does the same with fewer operations, and to a chain
//! of layers, if it is one.
//!
//! First each node is read: constants are computed, and what is understood holds its params in float64 from then on
//! (`understand`). Then passes run until none finds anything (`passes`). What comes out is the same in exact
//! arithmetic; float64 keeps the difference below that of one float32 rounding.
//!
//! | file | what it is |
//! |---|---|
//! | `folding` | the entry: what goes in, what became of it, the order of the passes |
//! | `understand` | the one walk over the nodes of a file |
//! | `call` | a node that is being read |
//! | `constants`, `linear`, `pointwise`, `reorder`, `shapes` | what the operators of ONNX mean |
//! | `passes/` | the algebra |
//! | `layers` | from a folded graph to a chain |
//!
//! Not here: the file format ([`super::onnx`]), running anything.

mod call;
mod constants;
mod folding;
mod layers;
mod linear;
mod passes;
mod pointwise;
mod reorder;
mod shapes;
#[cfg(test)]
mod tests;
mod understand;

pub(super) use folding::{Folded, InputSpec, fold};
