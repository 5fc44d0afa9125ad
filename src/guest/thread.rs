//! Starts a thread that a host does not notice: every signal blocked, the default floating-point environment, bound to
//! a processor on request.
//!
//! Not here: what the thread does.

use std::mem::MaybeUninit;
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};

use super::FpGuard;
use crate::error::{Result, argument, io};

/// Runs `body` on a new thread called `name`, bound to processor `cpu` if one is given.
///
/// # Errors
/// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if no thread can be had,
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if the thread cannot run on that processor.
pub(crate) fn spawn(name: &str, cpu: Option<usize>, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let (report, reported) = sync_channel(1);
    let main = move || {
        let _environment = FpGuard::enter();
        let bound = cpu.map_or(Ok(()), bind);
        let go = bound.is_ok();
        // The receiver waits below; if it is gone nobody needs the answer.
        let _ = report.send(bound);
        if go {
            body();
        }
    };
    // A new thread inherits the mask, so there is no moment at which it could take a signal.
    let thread = with_signals_blocked(|| Builder::new().name(name.into()).spawn(main))
        .map_err(|error| io(format!("cannot start the thread {name}: {error}")))?;
    match reported.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => {
            // It has nothing left to do.
            let _ = thread.join();
            Err(error)
        }
        Err(_) => Err(io(format!("the thread {name} ended before it began"))),
    }
}

/// Runs `f` with all signals of this thread blocked.
fn with_signals_blocked<T>(f: impl FnOnce() -> T) -> T {
    let (mut all, mut before) = (MaybeUninit::<libc::sigset_t>::uninit(), MaybeUninit::<libc::sigset_t>::uninit());
    // SAFETY: sigfillset initialises the set that it is given.
    // SAFETY: pthread_sigmask reads that set and writes the old mask; with a valid `how` it cannot fail.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let result = f();
    // SAFETY: `before` was written by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    result
}

/// Binds this thread to processor `cpu`.
fn bind(cpu: usize) -> Result<()> {
    let refused = |why: String| argument(format!("the worker cannot be bound to processor {cpu}: {why}"));
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(refused(format!("numbers end at {}", libc::CPU_SETSIZE - 1)));
    }
    // SAFETY: a cpu_set_t is a bit field, valid as zeroes.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `cpu` is inside the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: pid 0 is this thread, and the set is as large as is said.
    if unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) } != 0 {
        return Err(refused(std::io::Error::last_os_error().to_string()));
    }
    Ok(())
}
