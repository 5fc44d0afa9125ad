//! Copies between private memory and memory that another process may write at the same moment.
//!
//! A data race is undefined behaviour to the compiler, and the other process keeps no promise. So the copy is an
//! instruction that the compiler does not look into (`rep movsb`, as fast as `memcpy` from some hundred bytes on), or
//! volatile words. What arrives may be a mixture of old and new; it is never more than that.
//! Not here: whether what arrived is whole ([`super::consumer`]).

/// Copies `bytes` bytes from `from` to `to`.
///
/// # Safety
/// - `from` is valid for reads and `to` for writes of `bytes` bytes;
/// - the two do not overlap, and the private one of the two is not used meanwhile.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, bytes: usize) {
    // SAFETY: the caller's promise; the direction flag is clear in all Rust and C code.
    unsafe {
        std::arch::asm!(
            "rep movsb",
            inout("rcx") bytes => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
    }
}

/// Copies `bytes` bytes from `from` to `to`.
///
/// # Safety
/// - `from` is valid for reads and `to` for writes of `bytes` bytes;
/// - the two do not overlap, and the private one of the two is not used meanwhile.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { copy_by_words(from, to, bytes) }
}

/// The portable twin: volatile words where both ends are aligned, otherwise volatile bytes.
///
/// # Safety
/// - as for `copy`.
#[cfg(any(test, not(all(target_arch = "x86_64", not(miri)))))]
pub(super) unsafe fn copy_by_words(from: *const u8, to: *mut u8, bytes: usize) {
    let words = if from.addr().is_multiple_of(8) && to.addr().is_multiple_of(8) { bytes / 8 } else { 0 };
    for word in 0..words {
        // SAFETY: inside both, by the caller's promise, and aligned.
        unsafe { to.cast::<u64>().add(word).write_volatile(from.cast::<u64>().add(word).read_volatile()) };
    }
    for byte in words * 8..bytes {
        // SAFETY: inside both, by the caller's promise.
        unsafe { to.add(byte).write_volatile(from.add(byte).read_volatile()) };
    }
}
