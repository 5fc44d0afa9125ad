//! libpatchstream: the C ABI. Each call checks, converts, calls the Rust library and maps its answer; no logic here.
//!
//! `include/patchstream.h` is made from this package by cbindgen: the comments of the public items are the C manual.
//! Not here: the C++ face (`include/patchstream.hpp`, over the C one).

#![allow(non_camel_case_types, reason = "C names")]
#![deny(unsafe_op_in_unsafe_fn)]

mod cut;
mod feedback;
mod field;
mod guard;
mod job;
mod model;
mod options;
mod picks;
mod producer;
mod queues;
mod rdf;
mod retention;
mod run;
mod samples;
mod selections;
mod stats;
mod status;
mod stop;
mod stream;
mod table;
mod types;
mod weights;
