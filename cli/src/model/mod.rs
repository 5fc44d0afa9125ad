//! `patchstream model`: what a model is and what it costs, for those who bring their own.
//!
//! Files: `options` (what it can be told), `open` (models as commands name them), `check` (what is looked at), `measure`
//! (latency, and how far back-ends differ), `say` (what people read).
//! Not here: the models themselves ([`patchstream::encode`]).

mod check;
mod measure;
mod open;
mod options;
mod say;

pub use check::check;
pub use open::{Backend, axes, open};
pub use options::{Action, Options};
