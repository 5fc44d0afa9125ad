//! What simulations measured, and the tables that it becomes, in C.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use patchstream::error::{Result, argument, shape};
use patchstream::feedback::{Sample, Submitted, Table as Values};
use patchstream::wire::Packer;

use crate::guard::guard;
use crate::selections::put_bytes;
use crate::status::{PATCHSTREAM_AGAIN, PATCHSTREAM_KNOWN, PATCHSTREAM_OK, patchstream_status};
use crate::stream::{STREAMS, patchstream_stream};
use crate::table::Table;
use crate::types::{Sized32, array, buffer, put, size_given, text, to_first_0, write};

/// A feedback table. It never changes; several threads may read it.
pub struct patchstream_feedback {
    _private: [u8; 0],
}

/// A feedback table: grids are [(state*lipids+lipid)*bins+bin]. The pointers live until it is closed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_feedback_table {
    /// sizeof(patchstream_feedback_table), set by the caller.
    pub struct_size: u32,
    /// Number of protein states.
    pub states: u32,
    /// Number of lipids.
    pub lipids: u32,
    /// Number of bins.
    pub bins: u32,
    /// From 1, one more for each published table.
    pub version: u64,
    /// The first step at which it is in force.
    pub in_force_from: i64,
    /// A name of each protein state.
    pub state_names: *const *const c_char,
    /// A name of each lipid, in the order of the channels.
    pub lipid_names: *const *const c_char,
    /// The centre of each bin, nm.
    pub r_nm: *const f64,
    /// Weighted means of g(r); 1 where nothing is known.
    pub g: *const f64,
    /// Their standard errors; +infinity where they are not known.
    pub standard_error: *const f64,
    /// Potentials in kT, 0 where has_potential says 0; NULL unless the configuration says [feedback.inversion].
    pub potential_kt: *const f64,
    /// Simulations of each state that went in. 0 without a prior: nothing is known of that state.
    pub simulations: *const u64,
    /// How many equally weighted simulations those of each state are worth.
    pub effective_samples: *const f64,
    /// [state*lipids+lipid]: 1 for a potential; 0 if nothing is known of that lipid there, or too little to say what g = 1
    /// is: keep what you have. NULL where potential_kt is.
    pub has_potential: *const u8,
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_feedback_table {
    const NAME: &'static str = "patchstream_feedback_table";
    const OLDEST: usize = 96;
}

/// What came back so far.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_feedback_counts {
    /// sizeof(patchstream_feedback_counts), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Picks that are known as simulations.
    pub simulations: u64,
    /// Samples that were added, of all observables.
    pub accepted: u64,
    /// Samples that were there before.
    pub known: u64,
    /// Samples that were refused.
    pub refused: u64,
    /// The version of the last table; 0 before the first.
    pub version: u64,
}

// SAFETY: as the trait asks: numbers.
unsafe impl Sized32 for patchstream_feedback_counts {
    const NAME: &'static str = "patchstream_feedback_counts";
    const OLDEST: usize = 48;
}

struct Opened {
    table: Arc<Values>,
    /// What the pointers of the lists point to.
    _names: Vec<CString>,
    /// Addresses of the names of states, then of lipids.
    names: Vec<Name>,
    bytes: Vec<u8>,
}

/// The address of a text that its table owns.
#[repr(transparent)]
struct Name(*const c_char);

// SAFETY: the text behind it never changes, and lives as long.
unsafe impl Send for Name {}
// SAFETY: the same.
unsafe impl Sync for Name {}

static FEEDBACK: Table<Opened> = Table::new("feedback table", 8);

/// The table that is in force at step, if it is newer than the last that was given: PATCHSTREAM_AGAIN if there is none.
/// After patchstream_stream_resume() it is given again. PATCHSTREAM_ERR_STATE: the configuration has no [feedback].
///
/// @param out  close it with patchstream_feedback_close()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_feedback(
    stream: *mut patchstream_stream,
    step: i64,
    out: *mut *mut patchstream_feedback,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_feedback *"));
        }
        let Some(table) = STREAMS.get(stream)?.stream.feedback(step)? else { return Ok(PATCHSTREAM_AGAIN) };
        // SAFETY: the caller's variable.
        unsafe { put(out, open(table), "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Publishes a table of everything that came in so far, as of step, to be in force from in_force_from on, which is step or
/// later, and later than that of the last table. It never changes, and is in the log of a run before it is told. Its weights
/// are those of now: over the picks of each protein state that have results, and the patches of that state. Asked again for
/// the same two steps it answers the same table, also after the host went back to a mark.
///
/// @param out  NULL if nobody wants to know; otherwise close it with patchstream_feedback_close()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_publish_feedback(
    stream: *mut patchstream_stream,
    step: i64,
    in_force_from: i64,
    out: *mut *mut patchstream_feedback,
) -> patchstream_status {
    guard(|| {
        let table = STREAMS.get(stream)?.stream.publish_feedback(step, in_force_from)?;
        if !out.is_null() {
            // SAFETY: the caller's variable.
            unsafe { put(out, open(table), "out") }?;
        }
        Ok(PATCHSTREAM_OK)
    })
}

/// Takes in what a micro simulation in the host's own process measured of a pick: PATCHSTREAM_KNOWN for a window that was
/// there before. The observable "rdf" has lipids * bins pair counts. PATCHSTREAM_ERR_STATE: the configuration has no
/// [feedback], or the stream has a transport, whose workers hand samples in themselves. PATCHSTREAM_ERR_UNKNOWN: no such
/// pick.
///
/// @param job        the id of the selected patch
/// @param window     number of the window, from the micro model's time
/// @param frames     frames that were summed over, at least 1
/// @param shape      dims extents, the slowest first
/// @param sums       sum_count of them, as many as the product of the extents
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_submit(
    stream: *mut patchstream_stream,
    job: u64,
    observable: *const c_char,
    window: u64,
    frames: u64,
    shape: *const u32,
    dims: usize,
    sums: *const f64,
    sum_count: usize,
) -> patchstream_status {
    guard(|| {
        let opened = STREAMS.get(stream)?;
        // SAFETY: the caller's string.
        let observable = unsafe { name(observable) }?;
        // SAFETY: the caller's extents.
        let shape = unsafe { array(shape, dims, "shape") }?;
        // SAFETY: the caller's sums.
        let sums = unsafe { array(sums, sum_count, "sums") }?;
        Ok(match opened.stream.submit_sample(&Sample { job, observable, window, frames, shape, sums })? {
            Submitted::Accepted => PATCHSTREAM_OK,
            Submitted::Known => PATCHSTREAM_KNOWN,
        })
    })
}

/// The weighted mean of an observable over the simulations of a protein state that measured it, and the patches of that
/// state; rates, sum over frames. Weights are those of now. PATCHSTREAM_ERR_ARGUMENT: no simulation measured it.
///
/// @param state           from 0; -1: over all simulations and patches
/// @param values          out: count numbers, in the observable's layout
/// @param standard_error  out: as many, from the differences between simulations, of a single one between its windows,
///                        +infinity where neither is known; NULL if nobody wants to know
/// @param simulations     out: how many went in; NULL if nobody wants to know
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_mean(
    stream: *mut patchstream_stream,
    observable: *const c_char,
    state: i32,
    values: *mut f64,
    standard_error: *mut f64,
    count: usize,
    simulations: *mut u64,
) -> patchstream_status {
    guard(|| {
        let opened = STREAMS.get(stream)?;
        let state = match state {
            -1 => None,
            state => Some(
                u16::try_from(state).map_err(|_| argument(format!("{state} is no protein state: use -1 for all")))?,
            ),
        };
        // SAFETY: the caller's string.
        let mean = opened.stream.mean(unsafe { name(observable) }?, state)?;
        if count != mean.values.len() {
            return Err(shape(format!("room for {count} numbers, the observable has {}", mean.values.len())));
        }
        let pairs = mean.between.iter().zip(&mean.blocks);
        let errors = pairs.map(|(&between, &blocks)| if between.is_finite() { between } else { blocks });
        // SAFETY: the caller's `count` numbers.
        let values = unsafe { buffer(values, count, "values") }?;
        if !standard_error.is_null() {
            // SAFETY: the caller's `count` numbers.
            let to = unsafe { buffer(standard_error, count, "standard_error") }?;
            to.iter_mut().zip(errors).for_each(|(to, error)| *to = error);
        }
        values.copy_from_slice(&mean.values);
        if !simulations.is_null() {
            // SAFETY: the caller's variable.
            unsafe { put(simulations, mean.simulations, "simulations") }?;
        }
        Ok(PATCHSTREAM_OK)
    })
}

/// What came back so far. It waits for nothing. PATCHSTREAM_ERR_STATE: the configuration has no [feedback]. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_feedback_counts(
    stream: *const patchstream_stream,
    out: *mut patchstream_feedback_counts,
) -> patchstream_status {
    guard(|| {
        let opened = STREAMS.get(stream)?;
        let stats = opened.stream.feedback_stats()?;
        let counts = patchstream_feedback_counts {
            struct_size: 0,
            reserved: 0,
            simulations: stats.simulations,
            accepted: stats.samples.accepted,
            known: stats.samples.known,
            refused: stats.samples.refused,
            version: stats.version,
        };
        // SAFETY: the caller's struct.
        unsafe { write(&counts, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// What is in the table. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_feedback_get(
    feedback: *const patchstream_feedback,
    out: *mut patchstream_feedback_table,
) -> patchstream_status {
    guard(|| {
        let opened = FEEDBACK.get(feedback)?;
        // SAFETY: the caller's struct.
        unsafe { size_given(out) }?;
        let table = &opened.table;
        let (states, lipids) = (table.states.len(), table.lipids.len());
        let names = opened.names.as_ptr().cast::<*const c_char>();
        let plain = patchstream_feedback_table {
            struct_size: 0,
            states: states as u32,
            lipids: lipids as u32,
            bins: table.r_nm.len() as u32,
            version: table.version,
            in_force_from: table.in_force_from,
            state_names: names,
            lipid_names: names.wrapping_add(states),
            r_nm: table.r_nm.as_ptr(),
            g: table.g.as_ptr(),
            standard_error: table.standard_error.as_ptr(),
            potential_kt: table.potential_kt.as_ref().map_or(std::ptr::null(), |potential| potential.as_ptr()),
            has_potential: table
                .potential_kt
                .as_ref()
                .map_or(std::ptr::null(), |_| table.has_potential.as_ptr().cast()),
            simulations: table.simulations.as_ptr(),
            effective_samples: table.effective_samples.as_ptr(),
        };
        // SAFETY: the caller's struct.
        unsafe { write(&plain, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// The whole message as a size-prefixed flatbuffer (patchstream.fbs, FeedbackTable): written to a file it can be another
/// run's prior. The bytes live until the table is closed. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_feedback_bytes(
    feedback: *const patchstream_feedback,
    bytes: *mut *const u8,
    count: *mut usize,
) -> patchstream_status {
    guard(|| {
        let opened = FEEDBACK.get(feedback)?;
        // SAFETY: the caller's variables.
        unsafe { put_bytes(&opened.bytes, bytes, count) }
    })
}

/// Closes it. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_feedback_close(feedback: *mut patchstream_feedback) {
    if !feedback.is_null() {
        guard(|| FEEDBACK.close(feedback).map(|_| PATCHSTREAM_OK));
    }
}

fn open(table: Arc<Values>) -> *mut patchstream_feedback {
    let texts: Vec<CString> = table.states.iter().chain(&table.lipids).map(|name| to_first_0(name)).collect();
    // A text's bytes stay where they are when the list moves.
    let names = texts.iter().map(|text| Name(text.as_ptr())).collect();
    let bytes = Packer::new().feedback_table(&table).to_vec();
    FEEDBACK.open(Opened { table, _names: texts, names, bytes })
}

/// The name of an observable.
///
/// # Safety
/// - as for [`text`].
unsafe fn name<'a>(observable: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { text(observable, "the observable") }?
        .ok_or_else(|| argument("the observable is NULL: name what was measured"))
}
