//! Unit and property tests of the patch module, against slow and obvious twins.
//!
//! Not here: whole campaigns (`tests/` at the root).

mod checks;
mod fields;
mod orients;
mod windows;
