//! Being a good guest in a simulation code: its floating-point environment is kept, and threads of ours take none of
//! its signals.
//!
//! Not here: panics, which `ffi` stops at the C edge.

mod clock;
mod fpenv;
mod thread;

pub(crate) use clock::monotonic_ns;
pub use fpenv::Guard as FpGuard;
pub(crate) use thread::spawn;
