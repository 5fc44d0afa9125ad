//! Takes all pages of a segment at once, so that a full file system is an error here and not a signal later.
//!
//! `ftruncate` succeeds on a full `/dev/shm`, and the first touch of a page that is not there ends the process with
//! SIGBUS. Not here: who maps what ([`super::mapping`]).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

use crate::error::{Result, memory};

/// Pieces in which pages are taken: a signal that interrupts one does not throw away the ones before.
const PIECE: usize = 16 << 20;
/// How often a piece that signals interrupt is tried again.
const TRIES: usize = 1000;

/// Takes the pages of a file's first `bytes` bytes.
///
/// # Errors
/// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) if there are not as many.
pub(super) fn take_pages(file: &File, bytes: usize, label: &str) -> Result<()> {
    for start in (0..bytes).step_by(PIECE) {
        let length = (bytes - start).min(PIECE);
        let mut tries = 0;
        loop {
            // SAFETY: the descriptor is open, and the call touches no memory of ours.
            let code = unsafe { libc::posix_fallocate(file.as_raw_fd(), start as libc::off_t, length as libc::off_t) };
            tries += 1;
            match code {
                0 => break,
                libc::EINTR if tries < TRIES => {}
                _ => {
                    return Err(memory(format!(
                        "no room for segment {label} of {bytes} bytes in /dev/shm ({}): take fewer or smaller slots, or remove what is left there",
                        io::Error::from_raw_os_error(code)
                    )));
                }
            }
        }
    }
    Ok(())
}

/// Enters the pages of a mapping into this process's table, so that the first lap is as fast as the second.
///
/// # Safety
/// - `base` is a mapping of `bytes` bytes whose pages are there, and stays so for the call.
pub(super) unsafe fn touch_pages(base: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise; populating changes no byte.
    if unsafe { libc::madvise(base.as_ptr().cast(), bytes, libc::MADV_POPULATE_WRITE) } == 0 {
        return;
    }
    // A kernel before 5.14: reading is all that can be done without disturbing who writes.
    for page in (0..bytes).step_by(4096) {
        // SAFETY: inside the mapping.
        let _ = unsafe { base.add(page).read_volatile() };
    }
}
