//! Errors that travel: the numbers of `patchstream.h` for the kinds of errors.
//!
//! Not here: the C names (`ffi/src/status.rs`, whose numbers these are).

use crate::error::{Error, ErrorKind};

/// The status of a kind.
pub(super) fn number(kind: ErrorKind) -> i32 {
    match kind {
        ErrorKind::Argument => -1,
        ErrorKind::State => -2,
        ErrorKind::Shape => -3,
        ErrorKind::Value => -4,
        ErrorKind::Conflict => -5,
        ErrorKind::Unknown => -6,
        ErrorKind::Version => -7,
        ErrorKind::Model => -8,
        ErrorKind::Io => -9,
        ErrorKind::Corrupt => -10,
        ErrorKind::Busy => -11,
        ErrorKind::Fenced => -12,
        ErrorKind::Memory => -13,
        ErrorKind::Forked => -14,
        ErrorKind::Unsupported => -15,
        ErrorKind::Panic => -16,
    }
}

/// The error of a status and a sentence that came from another process.
pub(super) fn error(status: i32, sentence: &str) -> Error {
    let kinds = [
        ErrorKind::Argument,
        ErrorKind::State,
        ErrorKind::Shape,
        ErrorKind::Value,
        ErrorKind::Conflict,
        ErrorKind::Unknown,
        ErrorKind::Version,
        ErrorKind::Model,
        ErrorKind::Io,
        ErrorKind::Corrupt,
        ErrorKind::Busy,
        ErrorKind::Fenced,
        ErrorKind::Memory,
        ErrorKind::Forked,
        ErrorKind::Unsupported,
        ErrorKind::Panic,
    ];
    // A status that a newer owner knows is a refusal all the same.
    let kind = kinds.into_iter().find(|&kind| number(kind) == status).unwrap_or(ErrorKind::State);
    Error::new(kind, sentence)
}
