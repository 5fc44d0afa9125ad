//! Sleeping on a word that two processes share, and waking who sleeps there.
//!
//! The futex is the shared sort, never the private one. Under `cfg(loom)` a mutex and a condition variable stand in for
//! the kernel: comparing and going to sleep is one step, and there is no time-out, so that a lost wake-up is a deadlock
//! that the model checker reports. Not here: the protocol around it ([`super::bell`]).

#[cfg(not(loom))]
pub(super) use system::{Slept, wait, wake};

#[cfg(loom)]
pub(super) use model::{Slept, wait, wake};

#[cfg(not(loom))]
mod system {
    use std::time::Duration;

    use crate::sync::AtomicU32;

    /// Why a sleep ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in super::super) enum Slept {
        /// Woken, the word had changed already, or the time is over: look again.
        LookAgain,
        /// A signal handler ran on this thread.
        Interrupted,
    }

    /// Sleeps while `word` is `expected`, up to `timeout`.
    pub(in super::super) fn wait(word: &AtomicU32, expected: u32, timeout: Duration) -> Slept {
        let timeout = libc::timespec {
            tv_sec: timeout.as_secs().min(1 << 30) as libc::time_t,
            tv_nsec: timeout.subsec_nanos() as libc::c_long,
        };
        // SAFETY: the word lives for the call, and the kernel reads it and the time-out, nothing else.
        let answer =
            unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, &raw const timeout) };
        // Only a failed call sets errno.
        if answer == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) {
            return Slept::Interrupted;
        }
        Slept::LookAgain
    }

    /// Wakes all that sleep on `word`.
    pub(in super::super) fn wake(word: &AtomicU32) {
        // SAFETY: the kernel uses the word's address as a key and does not write.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
    }
}

#[cfg(loom)]
mod model {
    use std::time::Duration;

    use loom::sync::{Condvar, Mutex};

    use crate::sync::{AtomicU32, Ordering};

    loom::lazy_static! {
        static ref QUEUE: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[allow(dead_code, reason = "the model has no signals")]
    pub(in super::super) enum Slept {
        LookAgain,
        Interrupted,
    }

    pub(in super::super) fn wait(word: &AtomicU32, expected: u32, _timeout: Duration) -> Slept {
        let (mutex, condvar) = &*QUEUE;
        let guard = mutex.lock().unwrap();
        if word.load(Ordering::Relaxed) == expected {
            drop(condvar.wait(guard).unwrap());
        }
        Slept::LookAgain
    }

    pub(in super::super) fn wake(_word: &AtomicU32) {
        let (mutex, condvar) = &*QUEUE;
        let _guard = mutex.lock().unwrap();
        condvar.notify_all();
    }
}
