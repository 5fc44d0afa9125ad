//! Whether this process is the one that made a handle, in the time of one load.
//!
//! A page that the kernel empties in the child of a fork (`MADV_WIPEONFORK`, Linux 4.14) holds the process's generation:
//! each process writes a number there that none of its ancestors had. Handles keep the number they were made under.
//! `getpid` would be a system call on each use, and `pthread_atfork` would run code of ours in the host's fork and miss
//! a bare `clone`. Where the page cannot be had, `getpid` it is.
//! Not here: what a handle then answers ([`super::mapping`]).

use std::ptr::NonNull;
use std::sync::OnceLock;

use crate::sync::{AtomicU64, Ordering};

/// The generation of a process; two processes that a fork lies between have different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl Generation {
    /// That of this process.
    pub(super) fn current() -> Self {
        let Some(Page(page)) = page() else { return Self(std::process::id().into()) };
        // SAFETY: the page is mapped for good, aligned, and only ever used as this atomic.
        let word = unsafe { page.as_ref() };
        match word.load(Ordering::Relaxed) {
            0 => {
                // What the parent counted was copied by the fork, so the number is new to this line of processes.
                static NEXT: AtomicU64 = AtomicU64::new(1);
                let next = NEXT.fetch_add(1, Ordering::Relaxed);
                // Another thread may have been first; then its number counts.
                Self(word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed).err().unwrap_or(next))
            }
            known => Self(known),
        }
    }

    /// Whether this process is of this generation.
    #[inline]
    pub(super) fn is_current(self) -> bool {
        Self::current() == self
    }
}

/// The page, mapped for good.
struct Page(NonNull<AtomicU64>);

// SAFETY: it is the address of an atomic that is never unmapped.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

/// The page that is empty in a child; none on kernels that do not know how.
fn page() -> Option<&'static Page> {
    static PAGE: OnceLock<Option<Page>> = OnceLock::new();
    PAGE.get_or_init(|| {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new private mapping, at an address of the kernel's choice.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the page was mapped just now, and nobody else knows it.
        if unsafe { libc::madvise(page, 4096, libc::MADV_WIPEONFORK) } != 0 {
            // SAFETY: as above.
            unsafe { libc::munmap(page, 4096) };
            return None;
        }
        NonNull::new(page.cast()).map(Page)
    })
    .as_ref()
}
