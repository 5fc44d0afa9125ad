//! Errors that travel: the numbers of `patchstream.h` for the kinds of errors.
//!
//! Not here: the C names (`ffi/src/status.rs`, whose numbers these are).

use crate::error::{Error, ErrorKind};

/// The status of a kind.
pub(super) fn number(kind: ErrorKind) -> i32 {
    -(kind.number() as i32)
}

/// The error of a status and a sentence that came from another process.
pub(super) fn error(status: i32, sentence: &str) -> Error {
    let number = if status < 0 { status.unsigned_abs() } else { 0 };
    // A status that a newer owner knows is a refusal all the same.
    Error::new(ErrorKind::from_number(number).unwrap_or(ErrorKind::State), sentence)
}
