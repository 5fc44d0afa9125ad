//! patchstream: adaptive multiscale simulation inside the simulation codes.
//!
//! A macro model streams *patches* (local windows of its density fields, and the proteins in them) into an encoder; the
//! sampler hands out the candidate farthest from all that was selected, and weights say what each selected one stands
//! for. No daemon, no network, microseconds a decision.
//!
//! ```
//! use patchstream::patch::{Field, Meta, Samples};
//! use patchstream::stream::Stream;
//!
//! # fn main() -> patchstream::error::Result<()> {
//! let stream = Stream::builder().grid(5, 5).model("mean").open()?;
//! let mut producer = stream.producer("ddft")?;
//! for id in 1..=20 {
//!     let densities = vec![id as f32 / 20.0; 5 * 5 * 14];
//!     let meta = Meta { id, step: 0, center_nm: [15.0, 15.0], ..Meta::default() };
//!     producer.push(&meta, &Field::interleaved(Samples::F32(&densities), 5, 5, 14)?)?;
//! }
//! let selections = stream.select(0, 2)?.expect("one producer never has to end a step");
//! let ids: Vec<u64> = selections.batch.selections.iter().map(|selection| selection.id).collect();
//! assert_eq!(ids, [1, 20]); // nothing was selected before: the smallest id, then the farthest from it
//! # Ok(())
//! # }
//! ```
//! Start at [`stream`]. ARCHITECTURE.md says which module does what, and who may use whom.
//! Not here: the C ABI (`ffi/`), the command (`cli/`).

#![deny(unsafe_code)]

pub mod dynim;
pub mod encode;
pub mod error;
pub mod feedback;
#[allow(unsafe_code, reason = "registers, signal masks and affinity")]
pub mod guest;
pub mod ids;
pub mod job;
pub mod lane;
pub mod patch;
pub mod retain;
#[allow(unsafe_code, reason = "slots that two threads pass to each other")]
pub mod ring;
#[allow(unsafe_code, reason = "memory that two processes map")]
pub mod shm;
pub mod store;
pub mod stream;
mod sync;
pub mod wire;

/// The README's Rust program, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
