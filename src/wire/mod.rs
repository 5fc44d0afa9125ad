//! Messages: what ring slots, `.psel` files and hosts carry beside the densities, as flatbuffers.
//!
//! `patchstream.fbs` is the format, with units and meaning of each field. [`Packer`] packs, [`messages`] and
//! [`patch_meta`] view what was packed, verified first: any bytes may come. Little-endian; every packed message is a
//! multiple of 8 bytes long, so that messages which follow each other in a file or buffer stay aligned.
//! Not here: densities (plain float32 beside the message), where messages lie ([`crate::ring`]),
//! whether a patch makes sense ([`crate::patch::check_meta`]).

mod job;
mod message;
mod pack;
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    missing_docs,
    mismatched_lifetime_syntaxes,
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    unused_imports,
    reason = "generated code"
)]
mod patchstream_generated;
mod view;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod job_tests;
#[cfg(test)]
mod tests;

pub use job::{AcceptedWindows, Ask, Densities, Job, JobState, Place, RdfSample, Refusal};
pub use message::{Message, PatchMeta, Selection, SelectionBatch, Weights};
pub use pack::Packer;
pub use view::{Messages, PatchMetaView, messages, one, patch_meta};

use patchstream_generated::patchstream::wire as fb;
