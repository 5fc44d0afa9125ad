//! Jobs that a worker takes, in C.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use patchstream::error::{Result, argument, state};
use patchstream::job::{Job, Submitted};
use patchstream::ring::Wait;

use crate::guard::guard;
use crate::picks::state_of;
use crate::status::{
    PATCHSTREAM_AGAIN, PATCHSTREAM_FULL, PATCHSTREAM_KNOWN, PATCHSTREAM_OK, PATCHSTREAM_STOPPED, patchstream_status,
};
use crate::table::Table;
use crate::types::{Sized32, array, patchstream_patch, patchstream_protein, put, text, to_first_0, write};

/// A job that this process holds. One thread at a time; several threads each hold jobs of their own. In the child of a
/// fork its calls answer PATCHSTREAM_ERR_FORKED.
pub struct patchstream_job {
    _private: [u8; 0],
}

/// What a job is. The pointers live until it is closed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_job_about {
    /// sizeof(patchstream_job_about), set by the caller.
    pub struct_size: u32,
    /// How often the job was given out, this time included: 1 for the first worker.
    pub attempt: u32,
    /// Its id, which is that of its patch.
    pub id: u64,
    /// Grid points of the patch along x.
    pub nx: u32,
    /// Grid points of the patch along y.
    pub ny: u32,
    /// Densities a grid point.
    pub channels: u32,
    /// Dimensions of the latent space.
    pub dim: u32,
    /// Edge of the patch in nm: its first and its last grid point are this far apart.
    pub size_nm: f64,
    /// Mean distance to its nearest selected points when it was picked, times its factor; infinity where there were none.
    pub rank: f64,
    /// Its name: patchstream_job_open() of it is this job.
    pub ticket: *const c_char,
    /// Its latent point, dim numbers.
    pub point: *const f32,
    /// What the macro host's classifier calls it, UTF-8; NULL without one.
    pub class_label: *const c_char,
    /// What the macro host tells every worker, in words of its own, UTF-8: how it wants patches simulated; NULL for nothing.
    pub note: *const c_char,
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_job_about {
    const NAME: &'static str = "patchstream_job_about";
    const OLDEST: usize = 72;
}

struct Opened {
    /// Locked for each call: two threads at once are an error of the second.
    job: Mutex<Job>,
    proteins: Vec<patchstream_protein>,
    label: Option<CString>,
    class_label: Option<CString>,
    note: Option<CString>,
    ticket: CString,
}

static JOBS: Table<Opened> = Table::new("job", 6);

/// The waits of this process's jobs are to end.
static STOP: AtomicBool = AtomicBool::new(false);

/// Takes the job that a ticket names, waiting up to timeout_ms for its owner; run again with the same ticket, it goes on
/// where it was left. PATCHSTREAM_AGAIN: the owner did not answer in time. PATCHSTREAM_STOPPED: see
/// patchstream_jobs_request_stop(). PATCHSTREAM_ERR_BUSY: a worker that lives has it, and the error says who.
/// PATCHSTREAM_ERR_STATE: it is done, was set aside after three failures, or was returned.
/// PATCHSTREAM_ERR_UNKNOWN: there is no such owner, or it has no such job. PATCHSTREAM_ERR_FENCED: its owner is gone.
///
/// @param ticket  as patchstream_selection has it
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_job_open(
    ticket: *const c_char,
    timeout_ms: u32,
    out: *mut *mut patchstream_job,
) -> patchstream_status {
    // SAFETY: the caller's string and variable.
    unsafe { take(ticket, "the ticket", timeout_ms, out, Job::open) }
}

/// Takes the oldest job of a transport, waiting up to timeout_ms for one. PATCHSTREAM_AGAIN: there was none.
/// PATCHSTREAM_STOPPED: see patchstream_jobs_request_stop(). PATCHSTREAM_ERR_UNKNOWN: nobody has opened the transport
/// yet. PATCHSTREAM_ERR_FENCED: its owner is gone; call again to wait for its successor.
///
/// @param transport  "shm:NAME" or "dir:PATH", as the stream's options have it
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_job_next(
    transport: *const c_char,
    timeout_ms: u32,
    out: *mut *mut patchstream_job,
) -> patchstream_status {
    // SAFETY: the caller's string and variable.
    unsafe { take(transport, "the transport", timeout_ms, out, Job::next) }
}

/// The job's patch. Its pointers, and those of its densities, live until the job is closed.
///
/// @param patch      out: all but the densities; its struct_size is set by the caller
/// @param densities  out: nx * ny * channels values, [(y*nx+x)*channels+c], nm^-2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_job_patch(
    job: *const patchstream_job,
    patch: *mut patchstream_patch,
    densities: *mut *const f32,
) -> patchstream_status {
    guard(|| {
        let opened = JOBS.get(job)?;
        let held = opened.lock()?;
        let selection = held.selection();
        let plain = patchstream_patch {
            struct_size: 0,
            protein_count: opened.proteins.len() as u32,
            id: selection.id,
            step: selection.step,
            time_us: selection.time_us,
            center_nm: selection.center_nm,
            proteins: if opened.proteins.is_empty() { ptr::null() } else { opened.proteins.as_ptr() },
            label: pointer(&opened.label),
            factor: 0.0,
            reserved: 0,
        };
        if densities.is_null() {
            return Err(argument("densities is NULL: pass the address of a const float *"));
        }
        // SAFETY: the caller's struct and variable.
        unsafe {
            write(&plain, patch)?;
            put(densities, held.densities().as_ptr(), "densities")?;
        }
        Ok(PATCHSTREAM_OK)
    })
}

/// What the job is, but for its patch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_job_get_about(
    job: *const patchstream_job,
    out: *mut patchstream_job_about,
) -> patchstream_status {
    guard(|| {
        let opened = JOBS.get(job)?;
        let held = opened.lock()?;
        let [nx, ny, channels] = held.shape().map(|extent| extent as u32);
        let about = patchstream_job_about {
            struct_size: 0,
            attempt: held.attempt(),
            id: held.id(),
            nx,
            ny,
            channels,
            dim: held.selection().point.len() as u32,
            size_nm: held.size_nm(),
            rank: f64::from(held.selection().rank),
            ticket: opened.ticket.as_ptr(),
            point: held.selection().point.as_ptr(),
            class_label: pointer(&opened.class_label),
            note: pointer(&opened.note),
        };
        // SAFETY: the caller's struct.
        unsafe { write(&about, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Hands in what was measured in a window, waiting up to timeout_ms for room. The first accepted (job, observable,
/// window) counts, whichever attempt it is of, so number windows by simulated time. PATCHSTREAM_KNOWN: that window was
/// accepted before. PATCHSTREAM_FULL: there is no room; hand it in again. A sample that takes more room than there ever
/// is at once (256 KiB is always fine) needs a time to wait. PATCHSTREAM_STOPPED: a stop ended the wait; hand it in again.
/// PATCHSTREAM_ERR_FENCED: the job was taken away, or the owner is gone: stop, and open the ticket again if it is to go on.
///
/// @param observable  what was measured: 1 to 32 of A-Z a-z 0-9 _ -
/// @param frames      how many frames were summed over
/// @param shape       dims extents, the slowest first, at most 8
/// @param sums        sum_count of them, as many as the product of the extents
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_job_submit(
    job: *mut patchstream_job,
    observable: *const c_char,
    window: u64,
    frames: u64,
    shape: *const u32,
    dims: usize,
    sums: *const f64,
    sum_count: usize,
    timeout_ms: u32,
) -> patchstream_status {
    guard(|| {
        let opened = JOBS.get(job)?;
        let mut held = opened.lock()?;
        // SAFETY: the caller's string.
        let observable = unsafe { text(observable, "the observable") }?
            .ok_or_else(|| argument("the observable is NULL: name what was measured"))?;
        // SAFETY: the caller's extents.
        let shape = unsafe { array(shape, dims, "shape") }?;
        // SAFETY: the caller's sums.
        let sums = unsafe { array(sums, sum_count, "sums") }?;
        Ok(status(held.submit(observable, window, frames, shape, sums, &wait(timeout_ms))?))
    })
}

/// Says where the job is, waiting up to timeout_ms for room: PATCHSTREAM_STARTED; PATCHSTREAM_INTERRUPTED, the batch
/// system ended it, so it is first in line and that is no failure; PATCHSTREAM_DONE; PATCHSTREAM_FAILED, it goes to the end
/// of the line, and is set aside after the third time; PATCHSTREAM_ISSUED, it was not touched and is first in line again.
/// All but PATCHSTREAM_STARTED are the last word: close it then. Statuses as with patchstream_job_submit().
///
/// @param reason  why, for people; NULL for none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_job_set(
    job: *mut patchstream_job,
    state: i32,
    reason: *const c_char,
    timeout_ms: u32,
) -> patchstream_status {
    guard(|| {
        let opened = JOBS.get(job)?;
        let mut held = opened.lock()?;
        // SAFETY: the caller's string.
        let reason = unsafe { text(reason, "the reason") }?;
        Ok(status(held.set(state_of(state)?, reason, &wait(timeout_ms))?))
    })
}

/// Says that the worker lives, where the transport goes by a lease ("dir:"; any other call on the job says so too), and
/// looks whether the job is still held: PATCHSTREAM_ERR_FENCED if not.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_job_alive(job: *mut patchstream_job) -> patchstream_status {
    guard(|| {
        JOBS.get(job)?.lock()?.alive()?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Closes the job. Without a last word it goes back to the front of the line. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_job_close(job: *mut patchstream_job) {
    if !job.is_null() {
        guard(|| JOBS.close(job).map(|_| PATCHSTREAM_OK));
    }
}

/// Makes every wait of a job call in this process, and every later one, end with PATCHSTREAM_STOPPED; what needs no wait
/// goes on to work, so that a job can still say that it was interrupted. Thread-safe, and may be called in a signal
/// handler. It holds until patchstream_jobs_clear_stop().
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_jobs_request_stop() {
    // A store only: no lock, no allocation, no error text.
    STOP.store(true, Ordering::Relaxed);
}

/// Takes a stop back. Thread-safe, and may be called in a signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_jobs_clear_stop() {
    STOP.store(false, Ordering::Relaxed);
}

/// Takes a job by one of the two calls.
///
/// # Safety
/// - `from` is null or ends in 0; `out` is null or may be written.
unsafe fn take(
    from: *const c_char,
    what: &str,
    timeout_ms: u32,
    out: *mut *mut patchstream_job,
    call: impl FnOnce(&str, &Wait<'_>) -> Result<Option<Job>>,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_job *"));
        }
        // SAFETY: the caller's promise.
        let from = unsafe { text(from, what) }?.ok_or_else(|| argument(format!("{what} is NULL: give it")))?;
        let Some(job) = call(from, &wait(timeout_ms))? else {
            return Ok(if STOP.load(Ordering::Relaxed) { PATCHSTREAM_STOPPED } else { PATCHSTREAM_AGAIN });
        };
        let handle: *mut patchstream_job = JOBS.open(Opened::new(job));
        // SAFETY: the caller's promise.
        unsafe { put(out, handle, "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

impl Opened {
    fn new(job: Job) -> Self {
        let selection = job.selection();
        Self {
            proteins: selection.proteins.iter().map(patchstream_protein::from).collect(),
            label: selection.label.as_deref().map(to_first_0),
            class_label: selection.class_label.as_deref().map(to_first_0),
            note: job.note().map(to_first_0),
            ticket: to_first_0(job.ticket()),
            job: Mutex::new(job),
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, Job>> {
        self.job.try_lock().ok_or_else(|| state("the job is in use by another thread: one at a time"))
    }
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

fn wait(timeout_ms: u32) -> Wait<'static> {
    Wait { stop: Some(&STOP), ..Wait::up_to(Duration::from_millis(timeout_ms.into())) }
}

fn status(submitted: Submitted) -> patchstream_status {
    match submitted {
        Submitted::Accepted => PATCHSTREAM_OK,
        Submitted::Known => PATCHSTREAM_KNOWN,
        Submitted::Full => PATCHSTREAM_FULL,
        Submitted::Stopped => PATCHSTREAM_STOPPED,
    }
}
