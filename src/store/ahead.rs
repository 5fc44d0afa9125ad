//! Having the kernel write ahead: what a file has goes to the disk while more is made, and a later sync waits for less.
//!
//! It promises nothing, and that it fails means nothing: only a sync makes anything durable, or says that it is not.
//! Not here: syncs ([`super::disk`]).

use std::fs::File;

/// Begins to write the bytes of `file` from `from` to `to` to the disk, if the kernel knows how to.
#[cfg(target_os = "linux")]
pub(super) fn write_ahead(file: &File, from: u64, to: u64) {
    use std::os::fd::AsRawFd;
    let (Ok(at), Ok(bytes)) = (i64::try_from(from), i64::try_from(to.saturating_sub(from))) else { return };
    // Zero bytes would mean all that follow.
    if bytes > 0 {
        // SAFETY: the descriptor is open as long as `file` is borrowed; no memory is passed.
        unsafe { libc::sync_file_range(file.as_raw_fd(), at, bytes, libc::SYNC_FILE_RANGE_WRITE) };
    }
}

/// Elsewhere the sync does all of it.
#[cfg(not(target_os = "linux"))]
pub(super) fn write_ahead(_: &File, _: u64, _: u64) {}
