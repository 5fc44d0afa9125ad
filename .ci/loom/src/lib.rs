//! The library's ring, compiled with the model checker's atomics; the tests are `src/ring/model.rs`.
//!
//! `cargo test --manifest-path .ci/loom/Cargo.toml` explores every order of two threads over two slots.
//! Not here: anything of its own.

#![allow(dead_code, unused_imports, reason = "the model uses a part of what the library has")]

#[path = "../../../src/error.rs"]
pub mod error;
#[path = "../../../src/ring/mod.rs"]
pub mod ring;
#[path = "../../../src/sync.rs"]
mod sync;
