//! What a segment is called, and where it and its lock file lie.
//!
//! Not here: what is in them ([`super::control`], [`super::lock`]).

use std::path::PathBuf;

use crate::error::{Result, argument};

/// Where named shared memory lives on Linux.
pub(super) const FOLDER: &str = "/dev/shm";
/// What the name of a segment's lock file ends in.
const LOCK: &str = ".lock";

/// A checked name, of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    label: String,
    uid: u32,
}

impl Name {
    /// Checks a name: 1 to 64 of `A-Z a-z 0-9 . _ -`, not beginning with a dot and not ending in `.lock`.
    pub(super) fn new(label: &str) -> Result<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if label.is_empty()
            || label.len() > 64
            || !label.chars().all(fits)
            || label.starts_with('.')
            || label.ends_with(LOCK)
        {
            return Err(argument(format!(
                "a segment called {label:?}: take 1 to 64 of A-Z a-z 0-9 . _ - that neither begin with a dot nor end in .lock"
            )));
        }
        Ok(Self { label: label.into(), uid: user() })
    }

    /// The name that a file of the folder stands for, be it a segment of this user's or the lock file of one.
    pub(super) fn of_file(file: &str) -> Option<Self> {
        let label = file.strip_prefix(&format!("ps-{}-", user()))?;
        Self::new(label.strip_suffix(LOCK).unwrap_or(label)).ok()
    }

    /// What its user calls it.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The user.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// What the operating system calls it.
    pub(super) fn os_id(&self) -> String {
        format!("/ps-{}-{}", self.uid, self.label)
    }

    /// The file that it is.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("{FOLDER}{}", self.os_id()))
    }

    /// The file whose lock says who owns it.
    pub(super) fn lock_path(&self) -> PathBuf {
        PathBuf::from(format!("{FOLDER}{}{LOCK}", self.os_id()))
    }
}

/// The user that this process acts for.
fn user() -> u32 {
    // SAFETY: geteuid has no precondition and cannot fail.
    unsafe { libc::geteuid() }
}
