//! What became of the jobs of a stream, and the samples that their workers handed in, in C.

use std::ffi::{CString, c_char};

use patchstream::error::{argument, state};
use patchstream::wire::RdfSample;

use crate::guard::guard;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::stream::{STREAMS, patchstream_stream};
use crate::table::Table;
use crate::types::{Sized32, put, to_first_0, write};

/// Samples that were taken from a stream. They never change; several threads may read them.
pub struct patchstream_samples {
    _private: [u8; 0],
}

/// What a worker measured in one window of a job. The pointers live until the samples are closed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_sample {
    /// sizeof(patchstream_sample), set by the caller.
    pub struct_size: u32,
    /// The attempt that measured it.
    pub attempt: u32,
    /// The job, which is the id of its patch.
    pub job: u64,
    /// Number of the window.
    pub window: u64,
    /// Frames that were summed over.
    pub frames: u64,
    /// What was measured.
    pub observable: *const c_char,
    /// dims extents, the slowest first.
    pub shape: *const u32,
    /// sum_count values: the product of the extents.
    pub sums: *const f64,
    /// Number of sums.
    pub sum_count: u64,
    /// Number of extents.
    pub dims: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_sample {
    const NAME: &'static str = "patchstream_sample";
    const OLDEST: usize = 72;
}

/// What became of the jobs of a stream.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_jobs {
    /// sizeof(patchstream_jobs), set by the caller.
    pub struct_size: u32,
    /// Workers that are attached now; 0 where the transport has none attached.
    pub workers: u32,
    /// Jobs that wait to be taken.
    pub in_line: u64,
    /// Jobs that a worker has.
    pub held: u64,
    /// Jobs that are done.
    pub done: u64,
    /// Jobs that failed three times and are not given out any more.
    pub set_aside: u64,
    /// How often a job was given out.
    pub given: u64,
    /// Workers that died with a job.
    pub deaths: u64,
    /// Samples accepted.
    pub accepted: u64,
    /// Samples of windows that were accepted before.
    pub known: u64,
    /// Messages of workers that were refused: of an attempt that is over, or damaged.
    pub refused: u64,
    /// Samples that wait for patchstream_stream_take_samples().
    pub samples: u64,
    /// Bytes of their sums. When there are as many as the configuration allows, workers are told PATCHSTREAM_FULL.
    pub sample_bytes: u64,
}

// SAFETY: as the trait asks: numbers.
unsafe impl Sized32 for patchstream_jobs {
    const NAME: &'static str = "patchstream_jobs";
    const OLDEST: usize = 96;
}

struct Opened {
    samples: Vec<RdfSample>,
    observables: Vec<CString>,
}

static SAMPLES: Table<Opened> = Table::new("list of samples", 7);

/// Takes up to most samples that workers handed in and that were accepted, oldest first; each (job, observable, window)
/// comes once. There may be none. With run_dir, what was taken before a mark is the host's, who writes its own file of it
/// after patchstream_stream_checkpoint(); what was taken later comes again after patchstream_stream_resume().
/// PATCHSTREAM_ERR_STATE: the stream has no transport.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_take_samples(
    stream: *mut patchstream_stream,
    most: usize,
    out: *mut *mut patchstream_samples,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_samples *"));
        }
        let samples = STREAMS.get(stream)?.stream.take_samples(most)?;
        let observables = samples.iter().map(|sample| to_first_0(&sample.observable)).collect();
        let handle: *mut patchstream_samples = SAMPLES.open(Opened { samples, observables });
        // SAFETY: the caller's variable.
        unsafe { put(out, handle, "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// How many there are; 0 for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_samples_count(samples: *const patchstream_samples) -> usize {
    let mut count = 0;
    if !samples.is_null() {
        guard(|| {
            count = SAMPLES.get(samples)?.samples.len();
            Ok(PATCHSTREAM_OK)
        });
    }
    count
}

/// One of them, the oldest first. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_samples_get(
    samples: *const patchstream_samples,
    index: usize,
    out: *mut patchstream_sample,
) -> patchstream_status {
    guard(|| {
        let opened = SAMPLES.get(samples)?;
        let count = opened.samples.len();
        let sample = opened
            .samples
            .get(index)
            .ok_or_else(|| argument(format!("sample {index} of {count}: they count from 0")))?;
        let plain = patchstream_sample {
            struct_size: 0,
            attempt: sample.attempt,
            job: sample.job,
            window: sample.window,
            frames: sample.frames,
            observable: opened.observables[index].as_ptr(),
            shape: sample.shape.as_ptr(),
            sums: sample.sums.as_ptr(),
            sum_count: sample.sums.len() as u64,
            dims: sample.shape.len() as u32,
            reserved: 0,
        };
        // SAFETY: the caller's struct.
        unsafe { write(&plain, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Closes them. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_samples_close(samples: *mut patchstream_samples) {
    if !samples.is_null() {
        guard(|| SAMPLES.close(samples).map(|_| PATCHSTREAM_OK));
    }
}

/// What became of the jobs so far. It waits for nothing. PATCHSTREAM_ERR_STATE: the stream has no transport. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_jobs(
    stream: *const patchstream_stream,
    out: *mut patchstream_jobs,
) -> patchstream_status {
    guard(|| {
        let opened = STREAMS.get(stream)?;
        let stats =
            opened.stream.jobs().ok_or_else(|| state("the stream has no transport, so its picks are no jobs"))?;
        let counts = stats.counts;
        let jobs = patchstream_jobs {
            struct_size: 0,
            workers: stats.workers as u32,
            in_line: counts.in_line,
            held: counts.held,
            done: counts.done,
            set_aside: counts.set_aside,
            given: counts.given,
            deaths: counts.deaths,
            accepted: counts.accepted,
            known: counts.known,
            refused: counts.refused,
            samples: stats.samples,
            sample_bytes: stats.sample_bytes,
        };
        // SAFETY: the caller's struct.
        unsafe { write(&jobs, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}
