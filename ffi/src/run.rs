//! Runs, in C: what is written down, marks, and going on after an end of any kind.

use std::ffi::c_char;
use std::time::Duration;

use patchstream::error::argument;

use crate::guard::guard;
use crate::status::{PATCHSTREAM_AGAIN, PATCHSTREAM_OK, patchstream_status};
use crate::stream::{STREAMS, patchstream_stream};
use crate::types::{Sized32, size_given, text, write};

/// Where a host goes on.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_resume_info {
    /// sizeof(patchstream_resume_info), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The branch so far: how often a host that came back computed something else.
    pub branch: u64,
    /// The step that the mark was set at; 0 without a mark.
    pub step: i64,
    /// Patches behind the mark that the log has: the host sends them again.
    pub patches: u64,
    /// Events behind the mark, which are answered from the log.
    pub events: u64,
    /// What they selected.
    pub selections: u64,
}

// SAFETY: as the trait asks: numbers.
unsafe impl Sized32 for patchstream_resume_info {
    const NAME: &'static str = "patchstream_resume_info";
    const OLDEST: usize = 48;
}

/// Says where the host of a stream with run_dir is: at the mark that it set before it wrote its own checkpoint, or at the
/// start. On a run that was used before it is the first call: pushes, events and the others are PATCHSTREAM_ERR_STATE until
/// then. A new run needs none, and takes one with NULL.
///
/// From there on the host does again what it did: patches with equal content are PATCHSTREAM_KNOWN, events at the same step
/// for as many picks are answered from the log. Where it does something else, or leaves something out, a branch begins:
/// patches behind the mark that are not selected and were not sent again are withdrawn, what was selected stays, and the ids
/// of selections have the branch in their top 16 bits: id & 0xffffffffffff is the host's.
/// With a transport jobs go on, and no pick becomes a job twice; samples that were taken behind the mark come again from
/// patchstream_stream_take_samples(). Producers of other processes send again from the mark too, and
/// patchstream_stream_select() is PATCHSTREAM_AGAIN until they have.
/// The history begins with all that lies behind the mark: who drains it before setting a mark has each row once.
/// PATCHSTREAM_ERR_UNKNOWN: no such mark was set. PATCHSTREAM_ERR_CONFLICT: a branch began since and withdrew patches that
/// came before the mark, which its host would not send again.
///
/// @param mark  NULL: the start
/// @param out   NULL if nobody wants to know
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_resume(
    stream: *mut patchstream_stream,
    mark: *const c_char,
    out: *mut patchstream_resume_info,
) -> patchstream_status {
    guard(|| {
        // SAFETY: the caller's string.
        let mark = unsafe { text(mark, "mark") }?;
        let opened = STREAMS.get(stream)?;
        if !out.is_null() {
            // Before anything is done.
            // SAFETY: the caller's struct.
            unsafe { size_given(out) }?;
        }
        let resumed = opened.stream.resume(mark)?;
        if !out.is_null() {
            let info = patchstream_resume_info {
                struct_size: 0,
                reserved: 0,
                branch: resumed.branch,
                step: resumed.step,
                patches: resumed.patches,
                events: resumed.events,
                selections: resumed.selections,
            };
            // SAFETY: the caller's struct.
            unsafe { write(&info, out) }?;
        }
        Ok(PATCHSTREAM_OK)
    })
}

/// Sets a mark and writes a checkpoint, after taking in what was committed. PATCHSTREAM_OK: both are durable, and the host
/// writes its own file, which names the mark. PATCHSTREAM_AGAIN: another thread was writing one for all of timeout_ms, and
/// nothing was done. PATCHSTREAM_ERR_IO: it could not be written; the host does not write its file then.
///
/// @param mark  1 to 256 bytes; a name that was used before takes the new place
/// @param step  the host's own, told by patchstream_stream_resume()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_checkpoint(
    stream: *mut patchstream_stream,
    mark: *const c_char,
    step: i64,
    timeout_ms: u32,
) -> patchstream_status {
    guard(|| {
        // SAFETY: the caller's string.
        let Some(mark) = (unsafe { text(mark, "mark") })? else {
            return Err(argument("mark is NULL: give it a name"));
        };
        let timeout = Duration::from_millis(timeout_ms.into());
        let done = STREAMS.get(stream)?.stream.checkpoint(mark, step, timeout)?;
        Ok(if done { PATCHSTREAM_OK } else { PATCHSTREAM_AGAIN })
    })
}
