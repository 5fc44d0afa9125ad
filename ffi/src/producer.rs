//! Producers, in C.

use std::collections::HashMap;
use std::ffi::c_char;
use std::time::Duration;

use parking_lot::Mutex;
use patchstream::error::{Result, argument};
use patchstream::stream::{Loan, OnFull, Producer, Pushed};

use crate::field;
use crate::guard::guard;
use crate::status::{
    PATCHSTREAM_DROPPED, PATCHSTREAM_FULL, PATCHSTREAM_KNOWN, PATCHSTREAM_OK, PATCHSTREAM_STOPPED, patchstream_status,
    status_of_kind,
};
use crate::stop::{self, Stop};
use crate::stream::{STREAMS, patchstream_stream};
use crate::table::Table;
use crate::types::{Sized32, meta, patchstream_field, patchstream_patch, put, text, write};

/// One source of patches. Several threads may use one; its calls take turns.
pub struct patchstream_producer {
    _private: [u8; 0],
}

/// What became of the patches of a producer that is attached to another process's stream.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_answers {
    /// sizeof(patchstream_answers), set by the caller.
    pub struct_size: u32,
    /// Why the stream refused the last patch that it did, such as PATCHSTREAM_ERR_CONFLICT; PATCHSTREAM_OK if none.
    pub last_refused_status: patchstream_status,
    /// That patch's id, 0 if there is none.
    pub last_refused_id: u64,
    /// Patches committed. Those that are not among the next three are in the ring.
    pub sent: u64,
    /// Patches that the stream took in.
    pub taken: u64,
    /// Patches that it knew already, with the same content.
    pub known: u64,
    /// Patches that it refused, for whatever reason; those that a call here answered with an error never came to it.
    pub refused: u64,
    /// Pushes and loans that were answered with PATCHSTREAM_FULL.
    pub full: u64,
    /// Patches that were dropped.
    pub dropped: u64,
}

// SAFETY: as the trait asks: numbers.
unsafe impl Sized32 for patchstream_answers {
    const NAME: &'static str = "patchstream_answers";
    const OLDEST: usize = 64;
}

/// What an attached producer does without room: answers PATCHSTREAM_FULL. The default.
pub const PATCHSTREAM_ON_FULL_ANSWER: u32 = 0;
/// What an attached producer does without room: waits for it first.
pub const PATCHSTREAM_ON_FULL_BLOCK: u32 = 1;
/// What an attached producer does without room: drops the patch, the newest, and answers PATCHSTREAM_DROPPED.
pub const PATCHSTREAM_ON_FULL_DROP: u32 = 2;

struct Opened {
    producer: Producer,
    /// Loans that are out, by what the caller calls them.
    loans: HashMap<u64, Loan>,
    /// The name of the last loan; none is used twice.
    last: u64,
    /// What ends its waits; none waits in the stream's own process.
    stop: Option<Stop>,
}

static PRODUCERS: Table<Mutex<Opened>> = Table::new("producer", 2);

/// Opens a producer.
///
/// @param name  a label, the same after a restart; no two open producers of a stream have the same
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_producer_open(
    stream: *mut patchstream_stream,
    name: *const c_char,
    out: *mut *mut patchstream_producer,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_producer *"));
        }
        // SAFETY: the caller's string.
        let name = unsafe { text(name, "the producer's name") }?
            .ok_or_else(|| argument("the producer's name is NULL: give it a name"))?;
        let producer = STREAMS.get(stream)?.stream.producer(name)?;
        let handle: *mut patchstream_producer =
            PRODUCERS.open(Mutex::new(Opened { producer, loans: HashMap::new(), last: 0, stop: None }));
        // SAFETY: the caller's variable.
        unsafe { put(out, handle, "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Opens a producer of a stream in another process of this machine, which was opened with the same transport. All calls
/// of a producer work on it: patches are checked here, and by the stream again. A push is PATCHSTREAM_OK once the patch is
/// in the ring; whether it was known, or its id is known with other content, patchstream_producer_answers() tells. Loans
/// are filled in this process's memory, and copied as they are committed. A step that it has ended takes no patch any
/// more, known or not. When the stream's process is gone, calls are PATCHSTREAM_ERR_FENCED within a second: close the
/// producer, attach again, and send again what was not taken. A second living producer of one name is refused, which its
/// later calls say with PATCHSTREAM_ERR_STATE.
///
/// @param transport   "shm:NAME"
/// @param name        a label, the same after a restart; no two open producers of a stream have the same
/// @param timeout_ms  how long to wait for a stream that is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_producer_attach(
    transport: *const c_char,
    name: *const c_char,
    timeout_ms: u32,
    out: *mut *mut patchstream_producer,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_producer *"));
        }
        // SAFETY: the caller's string.
        let transport = unsafe { text(transport, "the transport") }?
            .ok_or_else(|| argument("the transport is NULL: give it as the stream was opened, \"shm:NAME\""))?;
        // SAFETY: the caller's string.
        let name = unsafe { text(name, "the producer's name") }?
            .ok_or_else(|| argument("the producer's name is NULL: give it a name"))?;
        let mut producer = Producer::attach(transport, name, Duration::from_millis(timeout_ms.into()))?;
        let (stop, slot) = Stop::reserve()?;
        producer.stop_flag(stop.flag());
        let handle: *mut patchstream_producer =
            PRODUCERS.open(Mutex::new(Opened { producer, loans: HashMap::new(), last: 0, stop: Some(stop) }));
        slot.belongs_to(handle);
        // SAFETY: the caller's variable.
        unsafe { put(out, handle, "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Says what an attached producer does with a patch for which there is no room.
///
/// @param policy      PATCHSTREAM_ON_FULL_ANSWER, PATCHSTREAM_ON_FULL_BLOCK or PATCHSTREAM_ON_FULL_DROP
/// @param timeout_ms  how long to wait with PATCHSTREAM_ON_FULL_BLOCK; otherwise not looked at
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_producer_on_full(
    producer: *mut patchstream_producer,
    policy: u32,
    timeout_ms: u32,
) -> patchstream_status {
    guard(|| {
        let policy = match policy {
            PATCHSTREAM_ON_FULL_ANSWER => OnFull::Answer,
            PATCHSTREAM_ON_FULL_BLOCK => OnFull::Block(Duration::from_millis(timeout_ms.into())),
            PATCHSTREAM_ON_FULL_DROP => OnFull::Drop,
            other => return Err(argument(format!("policy {other}: PATCHSTREAM_ON_FULL_ANSWER, _BLOCK or _DROP"))),
        };
        PRODUCERS.get(producer)?.lock().producer.on_full(policy)?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Ends a wait for room of an attached producer, and lets none begin: from now on its pushes and loans without room are
/// PATCHSTREAM_STOPPED instead of PATCHSTREAM_FULL; with room they go on to work. It holds until the producer is closed.
/// Thread-safe, and may be called in a signal handler. NULL, a closed producer or one of a stream in this process is
/// harmless: that one does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_producer_request_stop(producer: *const patchstream_producer) {
    stop::request(producer);
}

/// What became of the patches of an attached producer, as far as the stream has taken them up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_producer_answers(
    producer: *mut patchstream_producer,
    out: *mut patchstream_answers,
) -> patchstream_status {
    guard(|| {
        let answers = PRODUCERS.get(producer)?.lock().producer.answers()?;
        let (last_refused_id, last_refused_status) =
            answers.last_refused.map_or((0, PATCHSTREAM_OK), |(id, kind)| (id, status_of_kind(kind)));
        let answers = patchstream_answers {
            struct_size: 0,
            last_refused_status,
            last_refused_id,
            sent: answers.sent,
            taken: answers.taken,
            known: answers.known,
            refused: answers.refused,
            full: answers.full,
            dropped: answers.dropped,
        };
        // SAFETY: the caller's struct is as its comments say.
        unsafe { write(&answers, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Copies a patch into the ring: converts it to float, checks it, commits it. PATCHSTREAM_FULL: the ring is full and
/// nothing was taken; poll the stream and push it again. PATCHSTREAM_KNOWN: the same patch was there already.
/// PATCHSTREAM_ERR_CONFLICT: its id is known with other content. After an error nothing of the patch stays, it is
/// counted in the stream's statistics, and the next one can be pushed.
///
/// Of an attached producer: without room it does as patchstream_producer_on_full() said, PATCHSTREAM_DROPPED and
/// PATCHSTREAM_STOPPED (see patchstream_producer_request_stop()) are answers too, and there is no stream to poll: push it
/// again a little later. KNOWN and CONFLICT are the stream's to find, and stand in patchstream_producer_answers(), as does
/// what else it refuses. A patch that is refused here is in neither's counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_producer_push(
    producer: *mut patchstream_producer,
    patch: *const patchstream_patch,
    densities: *const patchstream_field,
) -> patchstream_status {
    guard(|| {
        let opened = PRODUCERS.get(producer)?;
        let mut opened = opened.lock();
        // SAFETY: the caller's patch is as its comments say.
        let meta = unsafe { meta(patch) }.inspect_err(|error| opened.producer.refuse(error))?;
        // SAFETY: the caller's field is as its comments say.
        let pushed = unsafe { field::with(densities, |field| opened.producer.push(&meta, field)) };
        pushed.inspect_err(|error| opened.producer.refuse(error))?.map(status)
    })
}

/// Lends a place in the ring for one patch, to be filled by the host itself and then committed. Several may be out, and
/// any thread may fill one. PATCHSTREAM_FULL: the ring is full; poll the stream and ask again. An attached producer waits
/// first if patchstream_producer_on_full() said so, and answers with PATCHSTREAM_STOPPED after a stop; it drops nothing.
///
/// @param densities  out: nx * ny * channels numbers to be written, [(y*nx+x)*channels+c] in nm^-2, with whatever was
///                   there before; they may be touched until the loan is committed or abandoned
/// @param loan       out: names the loan
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_producer_loan(
    producer: *mut patchstream_producer,
    patch: *const patchstream_patch,
    densities: *mut *mut f32,
    loan: *mut u64,
) -> patchstream_status {
    guard(|| {
        if densities.is_null() || loan.is_null() {
            return Err(argument("densities or loan is NULL: pass the addresses of a float * and a uint64_t"));
        }
        let opened = PRODUCERS.get(producer)?;
        let mut opened = opened.lock();
        // SAFETY: the caller's patch is as its comments say.
        let meta = unsafe { meta(patch) }.inspect_err(|error| opened.producer.refuse(error))?;
        let Some(mut lent) = opened.producer.loan(&meta)? else {
            let stopped = opened.stop.as_ref().is_some_and(Stop::is_requested);
            return Ok(if stopped { PATCHSTREAM_STOPPED } else { PATCHSTREAM_FULL });
        };
        opened.last += 1;
        let name = opened.last;
        // SAFETY: the caller's variables.
        unsafe {
            put(densities, lent.as_mut_ptr(), "densities")?;
            put(loan, name, "loan")?;
        }
        opened.loans.insert(name, lent);
        Ok(PATCHSTREAM_OK)
    })
}

/// Commits a patch that was filled in place; patches of later loans wait for it. The statuses are those of
/// patchstream_producer_push() but FULL, DROPPED and STOPPED; the loan has ended with any of them.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_producer_commit(producer: *mut patchstream_producer, loan: u64) -> patchstream_status {
    guard(|| {
        let opened = PRODUCERS.get(producer)?;
        let mut opened = opened.lock();
        let lent = take(&mut opened, loan)?;
        opened.producer.commit(lent).map(status)
    })
}

/// Gives a loan up.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_producer_abandon(producer: *mut patchstream_producer, loan: u64) -> patchstream_status {
    guard(|| {
        let opened = PRODUCERS.get(producer)?;
        let mut opened = opened.lock();
        let lent = take(&mut opened, loan)?;
        opened.producer.abandon(lent);
        Ok(PATCHSTREAM_OK)
    })
}

/// Says that this producer sends nothing more for steps up to step; no loan may be out. Once several producers have been
/// open at the same time an event waits until each that is open has said so; with one it need not be called.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_producer_end_step(producer: *mut patchstream_producer, step: i64) -> patchstream_status {
    guard(|| {
        let opened = PRODUCERS.get(producer)?;
        opened.lock().producer.end_step(step)?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Closes the producer; what it committed stays, loans that are out are given up. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_producer_close(producer: *mut patchstream_producer) {
    if !producer.is_null() {
        guard(|| PRODUCERS.close(producer).map(|_| PATCHSTREAM_OK));
    }
}

fn status(pushed: Pushed) -> patchstream_status {
    match pushed {
        Pushed::Accepted => PATCHSTREAM_OK,
        Pushed::Known => PATCHSTREAM_KNOWN,
        Pushed::Full => PATCHSTREAM_FULL,
        Pushed::Dropped => PATCHSTREAM_DROPPED,
        Pushed::Stopped => PATCHSTREAM_STOPPED,
    }
}

fn take(opened: &mut Opened, loan: u64) -> Result<Loan> {
    opened.loans.remove(&loan).ok_or_else(|| argument(format!("loan {loan} is not out: commit or abandon it once")))
}
