//! The floating-point environment of a guest: default while our code runs, the host's own again afterwards.
//!
//! Simulation codes trap invalid operations or flush denormals. Vectorised code of ours may raise flags that mean
//! nothing, and points must not depend on the host's rounding or flushing. [`Guard`] sets the control register to its
//! default and puts back what was there, sticky flags included, so none of ours is left behind.
//! Not here: the x87 unit, which no code of ours uses.

/// Holds the default floating-point environment of this thread until it is dropped.
#[derive(Debug)]
pub struct Guard {
    /// The host's MXCSR (x86-64) or FPCR (aarch64, low half) and FPSR (high half).
    saved: u64,
    /// The register is this thread's.
    not_send: std::marker::PhantomData<*const ()>,
}

impl Guard {
    /// Saves this thread's environment and sets the default: round to nearest, nothing trapped, no flag, denormals kept.
    #[must_use]
    pub fn enter() -> Self {
        Self { saved: swap_in_default(), not_send: std::marker::PhantomData }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        put_back(self.saved);
    }
}

#[cfg(target_arch = "x86_64")]
fn swap_in_default() -> u64 {
    let mut saved = 0_u32;
    let default = 0x1f80_u32;
    // SAFETY: both only touch MXCSR and the two locals; 0x1f80 is its reset value.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut saved, options(nostack, preserves_flags));
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const default, options(nostack, preserves_flags, readonly));
    }
    u64::from(saved)
}

#[cfg(target_arch = "x86_64")]
fn put_back(saved: u64) {
    let saved = saved as u32;
    // SAFETY: the value came out of MXCSR on this thread, so it has no reserved bit.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const saved, options(nostack, preserves_flags, readonly)) };
}

#[cfg(target_arch = "aarch64")]
fn swap_in_default() -> u64 {
    let (control, status): (u64, u64);
    // SAFETY: only FPCR and FPSR are touched; 0 is the default of both.
    unsafe {
        std::arch::asm!("mrs {}, fpcr", "mrs {}, fpsr", out(reg) control, out(reg) status, options(nostack, nomem));
        std::arch::asm!("msr fpcr, xzr", "msr fpsr, xzr", options(nostack, nomem));
    }
    control & 0xffff_ffff | status << 32
}

#[cfg(target_arch = "aarch64")]
fn put_back(saved: u64) {
    let (control, status) = (saved & 0xffff_ffff, saved >> 32);
    // SAFETY: the values came out of these registers on this thread.
    unsafe {
        std::arch::asm!("msr fpcr, {}", "msr fpsr, {}", in(reg) control, in(reg) status, options(nostack, nomem))
    };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("patchstream keeps the host's floating-point environment, and knows how on x86-64 and aarch64 only");
