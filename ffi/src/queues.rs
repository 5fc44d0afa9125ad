//! Queues, in C: which patch goes to which by the host's own function, and what each has.

use std::ffi::{c_char, c_void};

use patchstream::error::argument;
use patchstream::patch::{Constellation, Meta};

use crate::guard::guard;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::stream::{STREAMS, patchstream_stream};
use crate::types::{Sized32, patchstream_protein, put, write};
use crate::weights::{self, patchstream_weights};

/// A patch on its way to a queue, as the function that routes patches sees it. Everything lives during the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_arrival {
    /// sizeof(patchstream_arrival) of the library: a newer one may have more behind what is here.
    pub struct_size: u32,
    /// Number of proteins.
    pub protein_count: u32,
    /// Its id.
    pub id: u64,
    /// The macro model's step that it was cut at.
    pub step: i64,
    /// Where in the macro model the centre pixel is, x and y in nm.
    pub center_nm: [f64; 2],
    /// Its protein_count proteins, NULL if there is none.
    pub proteins: *const patchstream_protein,
    /// How many of them are RAS.
    pub ras: u32,
    /// How many of them are RAF.
    pub raf: u32,
}

/// Routes patches: the number of the queue that a patch goes to, from 0 in the order of the configuration file. A patch
/// with any other number is left out, counted as rejected_argument, and logged. The same patch has to get the same answer
/// every time, or decisions are not reproducible.
/// Called once a patch, before it is encoded, by the thread that takes it in: one in a call of the stream (poll, select,
/// weights and the like), or the stream's worker. The stream is locked meanwhile: the function must return and throw
/// nothing, must not wait for another thread that uses the stream, and every call of its own on a stream or a producer
/// is answered with PATCHSTREAM_ERR_STATE. The floating-point environment is the default one.
pub type patchstream_route_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, patch: *const patchstream_arrival) -> u32>;

/// What a queue has.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_queue_stats {
    /// sizeof(patchstream_queue_stats), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Its name in the configuration file, "all" without one. It lives until the stream is closed.
    pub name: *const c_char,
    /// Its candidates.
    pub candidates: u64,
    /// Its patches that are selected.
    pub selected: u64,
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_queue_stats {
    const NAME: &'static str = "patchstream_queue_stats";
    const OLDEST: usize = 32;
}

/// What one queue has; patchstream_stats.queues says how many there are, and they count from 0. Thread-safe; it waits for
/// nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_queue_stats(
    stream: *const patchstream_stream,
    queue: u32,
    out: *mut patchstream_queue_stats,
) -> patchstream_status {
    guard(|| {
        let opened = STREAMS.get(stream)?;
        let at = queue as usize;
        let name = opened.queues.get(at).ok_or_else(|| {
            argument(format!("queue {queue} is not there: this stream has {}, counted from 0", opened.queues.len()))
        })?;
        let counts = opened.stream.stats().queues.get(at).copied().unwrap_or_default();
        let stats = patchstream_queue_stats {
            struct_size: 0,
            reserved: 0,
            name: name.as_ptr(),
            candidates: counts.candidates,
            selected: counts.selected,
        };
        // SAFETY: the caller's struct.
        unsafe { write(&stats, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// The weights of what was selected from one queue, over that queue's patches alone. They compare with those of other
/// queues: each is a number of patches. normalised has the mean 1 over the queue.
///
/// @param out  close it with patchstream_weights_close()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_weights_of(
    stream: *mut patchstream_stream,
    queue: u32,
    out: *mut *mut patchstream_weights,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_weights *"));
        }
        let weights = STREAMS.get(stream)?.stream.weights_of(queue as usize)?;
        // SAFETY: the caller's variable.
        unsafe { put(out, weights::open(weights), "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// A caller's function that routes.
pub(crate) struct Route {
    pub(crate) function: unsafe extern "C" fn(*mut c_void, *const patchstream_arrival) -> u32,
    pub(crate) user: *mut c_void,
}

// SAFETY: the header says that the worker may call the function.
unsafe impl Send for Route {}
// SAFETY: as above; the stream's lock lets one thread at a time.
unsafe impl Sync for Route {}

impl Route {
    pub(crate) fn queue(&self, meta: &Meta<'_>, Constellation { ras, raf }: Constellation) -> usize {
        let arrival = patchstream_arrival {
            struct_size: size_of::<patchstream_arrival>() as u32,
            protein_count: meta.proteins.len() as u32,
            id: meta.id,
            step: meta.step,
            center_nm: meta.center_nm,
            proteins: if meta.proteins.is_empty() { std::ptr::null() } else { meta.proteins.as_ptr().cast() },
            ras: ras.into(),
            raf: raf.into(),
        };
        // SAFETY: the caller's function and what belongs to it; the list of proteins has C's layout, and lives on.
        unsafe { (self.function)(self.user, &raw const arrival) as usize }
    }
}
