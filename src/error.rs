//! The one public error: a kind that programs branch on and a sentence that tells a person what to do.
//!
//! Not here: the C status codes (`ffi/src/status.rs` maps each [`ErrorKind`] to one, exhaustively).

use std::fmt;

/// What sort of thing went wrong. After any error the state is what it was before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// An argument or option is outside what the call accepts.
    Argument,
    /// The call does not fit the state of the object: closed, already open, a step that has ended.
    State,
    /// A patch, field, point or tensor has another shape than was agreed on.
    Shape,
    /// A value is not a finite number, or outside its range.
    Value,
    /// An id is known already with other content.
    Conflict,
    /// An id, name, species or state that nobody announced.
    Unknown,
    /// Data or a library of another version.
    Version,
    /// A model file or its card is malformed, or the two do not belong together.
    Model,
    /// The operating system refused a file operation.
    Io,
    /// Bytes that were written whole are no longer what they were.
    Corrupt,
    /// Somebody who lives has it already: a segment with an owner, an end of a ring that is held.
    Busy,
    /// What this handle belongs to has ended or was taken over: open it again.
    Fenced,
    /// Memory could not be had.
    Memory,
    /// The handle was made before a `fork`, and this is the child.
    Forked,
    /// This build or this machine cannot do it.
    Unsupported,
    /// A bug in the library: a panic that was caught at its edge.
    Panic,
}

impl ErrorKind {
    /// All kinds, in the order of their numbers.
    const ALL: [Self; 16] = [
        Self::Argument,
        Self::State,
        Self::Shape,
        Self::Value,
        Self::Conflict,
        Self::Unknown,
        Self::Version,
        Self::Model,
        Self::Io,
        Self::Corrupt,
        Self::Busy,
        Self::Fenced,
        Self::Memory,
        Self::Forked,
        Self::Unsupported,
        Self::Panic,
    ];

    /// Its number, 1 to 16, by which it is told to another process. It never changes: the C status is minus that.
    pub fn number(self) -> u32 {
        self as u32 + 1
    }

    /// The kind of a number; `None` for one that there is not.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number.checked_sub(1)? as usize).copied()
    }
}

const _: () = {
    let mut at = 0;
    while at < ErrorKind::ALL.len() {
        assert!(ErrorKind::ALL[at] as usize == at, "the list has the order of the kinds");
        at += 1;
    }
};

/// An error: its kind, and a sentence with the values at fault and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` that reads `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What sort of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error with `what` put before its sentence, as in `what: sentence`.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// One constructor a kind: `error::shape(format!(..))`.
macro_rules! constructors {
    ($($name:ident => $kind:ident),* $(,)?) => {$(
        #[doc = concat!("An [`ErrorKind::", stringify!($kind), "`] error.")]
        pub fn $name(message: impl Into<String>) -> Error {
            Error::new(ErrorKind::$kind, message)
        }
    )*};
}

constructors! {
    argument => Argument, state => State, shape => Shape, value => Value, conflict => Conflict,
    unknown => Unknown, version => Version, model => Model, io => Io, corrupt => Corrupt, busy => Busy,
    fenced => Fenced, memory => Memory, forked => Forked, unsupported => Unsupported, panic => Panic,
}
