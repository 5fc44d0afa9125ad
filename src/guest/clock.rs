//! The clock that all processes of a machine share.
//!
//! Not here: the time of a model, which is a patch's metadata.

/// Nanoseconds of a clock that only grows, the same for all processes of the machine; for latencies, never for decisions.
pub(crate) fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes the struct and nothing else; this clock is there on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
