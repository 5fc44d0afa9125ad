//! Status codes: their numbers, their names, and which error becomes which.

use std::ffi::c_char;

use patchstream::error::{Error, ErrorKind};

/// 0: done. Above 0: not done, and no error. Below 0: an error, nothing has changed, and
/// patchstream_last_error() says what to do. Numbers are never used again for something else.
pub type patchstream_status = i32;

/// Done.
pub const PATCHSTREAM_OK: patchstream_status = 0;
/// Not yet: work is left, or a producer has not ended the step. Call again.
pub const PATCHSTREAM_AGAIN: patchstream_status = 1;
/// The ring is full, nothing was taken: poll the stream, then push again.
pub const PATCHSTREAM_FULL: patchstream_status = 2;
/// The same patch, or the same state, was there already: nothing changed.
pub const PATCHSTREAM_KNOWN: patchstream_status = 3;
/// A stop was requested: the call returned early.
pub const PATCHSTREAM_STOPPED: patchstream_status = 4;
/// The ring is full, and the patch was dropped, as patchstream_producer_on_full() asked for.
pub const PATCHSTREAM_DROPPED: patchstream_status = 5;
/// An argument or option is outside what the call accepts; a null pointer or a handle that is none.
pub const PATCHSTREAM_ERR_ARGUMENT: patchstream_status = -1;
/// The call does not fit the state of the object: closed, in use by another thread, a step that has ended.
pub const PATCHSTREAM_ERR_STATE: patchstream_status = -2;
/// A field, patch or point has another shape than was agreed on.
pub const PATCHSTREAM_ERR_SHAPE: patchstream_status = -3;
/// A value is not a finite number, or outside its range.
pub const PATCHSTREAM_ERR_VALUE: patchstream_status = -4;
/// An id is known already with other content.
pub const PATCHSTREAM_ERR_CONFLICT: patchstream_status = -5;
/// An id, name or protein state that nobody announced.
pub const PATCHSTREAM_ERR_UNKNOWN: patchstream_status = -6;
/// A struct, file or library of another version.
pub const PATCHSTREAM_ERR_VERSION: patchstream_status = -7;
/// A model file or its card is malformed, or the two do not belong together.
pub const PATCHSTREAM_ERR_MODEL: patchstream_status = -8;
/// The operating system refused a file operation.
pub const PATCHSTREAM_ERR_IO: patchstream_status = -9;
/// Bytes that were written whole are no longer what they were.
pub const PATCHSTREAM_ERR_CORRUPT: patchstream_status = -10;
/// Somebody who lives has it already: a segment with an owner, an end of a ring that is held.
pub const PATCHSTREAM_ERR_BUSY: patchstream_status = -11;
/// What the handle belongs to has ended or was taken over: open it again.
pub const PATCHSTREAM_ERR_FENCED: patchstream_status = -12;
/// Memory could not be had.
pub const PATCHSTREAM_ERR_MEMORY: patchstream_status = -13;
/// The handle was made before a fork, and this is the child: open it there.
pub const PATCHSTREAM_ERR_FORKED: patchstream_status = -14;
/// This build or this machine cannot do it.
pub const PATCHSTREAM_ERR_UNSUPPORTED: patchstream_status = -15;
/// A bug in the library, stopped at its edge. Please report it.
pub const PATCHSTREAM_ERR_PANIC: patchstream_status = -16;

/// The name of a status, such as "PATCHSTREAM_FULL"; "unknown status" for any other number. It lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_status_name(status: patchstream_status) -> *const c_char {
    let name = match status {
        PATCHSTREAM_OK => c"PATCHSTREAM_OK",
        PATCHSTREAM_AGAIN => c"PATCHSTREAM_AGAIN",
        PATCHSTREAM_FULL => c"PATCHSTREAM_FULL",
        PATCHSTREAM_KNOWN => c"PATCHSTREAM_KNOWN",
        PATCHSTREAM_STOPPED => c"PATCHSTREAM_STOPPED",
        PATCHSTREAM_DROPPED => c"PATCHSTREAM_DROPPED",
        PATCHSTREAM_ERR_ARGUMENT => c"PATCHSTREAM_ERR_ARGUMENT",
        PATCHSTREAM_ERR_STATE => c"PATCHSTREAM_ERR_STATE",
        PATCHSTREAM_ERR_SHAPE => c"PATCHSTREAM_ERR_SHAPE",
        PATCHSTREAM_ERR_VALUE => c"PATCHSTREAM_ERR_VALUE",
        PATCHSTREAM_ERR_CONFLICT => c"PATCHSTREAM_ERR_CONFLICT",
        PATCHSTREAM_ERR_UNKNOWN => c"PATCHSTREAM_ERR_UNKNOWN",
        PATCHSTREAM_ERR_VERSION => c"PATCHSTREAM_ERR_VERSION",
        PATCHSTREAM_ERR_MODEL => c"PATCHSTREAM_ERR_MODEL",
        PATCHSTREAM_ERR_IO => c"PATCHSTREAM_ERR_IO",
        PATCHSTREAM_ERR_CORRUPT => c"PATCHSTREAM_ERR_CORRUPT",
        PATCHSTREAM_ERR_BUSY => c"PATCHSTREAM_ERR_BUSY",
        PATCHSTREAM_ERR_FENCED => c"PATCHSTREAM_ERR_FENCED",
        PATCHSTREAM_ERR_MEMORY => c"PATCHSTREAM_ERR_MEMORY",
        PATCHSTREAM_ERR_FORKED => c"PATCHSTREAM_ERR_FORKED",
        PATCHSTREAM_ERR_UNSUPPORTED => c"PATCHSTREAM_ERR_UNSUPPORTED",
        PATCHSTREAM_ERR_PANIC => c"PATCHSTREAM_ERR_PANIC",
        _ => c"unknown status",
    };
    name.as_ptr()
}

/// The status of an error.
pub(crate) fn status_of(error: &Error) -> patchstream_status {
    status_of_kind(error.kind())
}

/// The status of a kind of error.
pub(crate) fn status_of_kind(kind: ErrorKind) -> patchstream_status {
    match kind {
        ErrorKind::Argument => PATCHSTREAM_ERR_ARGUMENT,
        ErrorKind::State => PATCHSTREAM_ERR_STATE,
        ErrorKind::Shape => PATCHSTREAM_ERR_SHAPE,
        ErrorKind::Value => PATCHSTREAM_ERR_VALUE,
        ErrorKind::Conflict => PATCHSTREAM_ERR_CONFLICT,
        ErrorKind::Unknown => PATCHSTREAM_ERR_UNKNOWN,
        ErrorKind::Version => PATCHSTREAM_ERR_VERSION,
        ErrorKind::Model => PATCHSTREAM_ERR_MODEL,
        ErrorKind::Io => PATCHSTREAM_ERR_IO,
        ErrorKind::Corrupt => PATCHSTREAM_ERR_CORRUPT,
        ErrorKind::Busy => PATCHSTREAM_ERR_BUSY,
        ErrorKind::Fenced => PATCHSTREAM_ERR_FENCED,
        ErrorKind::Memory => PATCHSTREAM_ERR_MEMORY,
        ErrorKind::Forked => PATCHSTREAM_ERR_FORKED,
        ErrorKind::Unsupported => PATCHSTREAM_ERR_UNSUPPORTED,
        ErrorKind::Panic => PATCHSTREAM_ERR_PANIC,
    }
}
