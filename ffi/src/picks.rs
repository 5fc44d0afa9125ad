//! What a host says of its picks and patches, and the history, in C.

use patchstream::dynim::{HistoryRow, State, What};
use patchstream::error::{Result, argument};

use crate::guard::guard;
use crate::status::{PATCHSTREAM_KNOWN, PATCHSTREAM_OK, patchstream_status};
use crate::stream::{STREAMS, patchstream_stream};
use crate::types::{Sized32, buffer, put, write};

/// A pick whose job waits to be started, or is back in line.
pub const PATCHSTREAM_ISSUED: i32 = 1;
/// Its job runs.
pub const PATCHSTREAM_STARTED: i32 = 2;
/// The batch system ended its job, which can go on.
pub const PATCHSTREAM_INTERRUPTED: i32 = 3;
/// Its job is complete.
pub const PATCHSTREAM_DONE: i32 = 4;
/// Its job failed. After three failures it is set aside: nothing follows, and it stays selected.
pub const PATCHSTREAM_FAILED: i32 = 5;
/// It was never started, is not selected any more, and is a candidate again.
pub const PATCHSTREAM_RETURNED: i32 = 6;

/// In the history, beside the states: a patch is new.
pub const PATCHSTREAM_ADDED: i32 = 7;
/// In the history: a candidate fell out of its queue.
pub const PATCHSTREAM_DISCARDED: i32 = 8;
/// In the history: a candidate was picked.
pub const PATCHSTREAM_SELECTED: i32 = 9;
/// In the history: a patch is no longer there.
pub const PATCHSTREAM_WITHDRAWN: i32 = 10;

/// A pick and where it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_pick {
    /// sizeof(patchstream_pick), set by the caller.
    pub struct_size: u32,
    /// PATCHSTREAM_ISSUED to PATCHSTREAM_RETURNED.
    pub state: i32,
    /// The patch's id.
    pub id: u64,
    /// The event that picked it, from 0.
    pub event: i64,
    /// Its rank when it was picked; infinity where nothing was selected before.
    pub rank: f64,
    /// The queue that it was picked from, from 0.
    pub queue: u32,
    /// How often it went to PATCHSTREAM_FAILED.
    pub failures: u32,
    /// 1 if it ever was PATCHSTREAM_STARTED, 0 if not: then it can be returned.
    pub was_started: i32,
    /// 0.
    pub reserved: i32,
}

// SAFETY: as the trait asks: numbers.
unsafe impl Sized32 for patchstream_pick {
    const NAME: &'static str = "patchstream_pick";
    const OLDEST: usize = 48;
}

/// One row of the history: what happened to a patch. Its layout never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_history_row {
    /// The event that it was part of; otherwise the last one before it, -1 if there was none.
    pub event: i64,
    /// The step of the event or, outside of events, the patch's own or the one that the call named.
    pub step: i64,
    /// The patch's id.
    pub id: u64,
    /// The rank of a discard or pick, of a pick's later states that of the pick, of a withdrawn candidate its last one; a
    /// NaN where there is none.
    pub rank: f64,
    /// PATCHSTREAM_ADDED, PATCHSTREAM_DISCARDED, PATCHSTREAM_SELECTED, PATCHSTREAM_WITHDRAWN, or the state that a pick went
    /// to.
    pub what: i32,
    /// 0.
    pub reserved: i32,
}

/// Moves a pick to another state. PATCHSTREAM_KNOWN: it is in that state already. PATCHSTREAM_ERR_UNKNOWN: it was never
/// picked. PATCHSTREAM_ERR_STATE: that state cannot follow its present one:
/// from issued: started, failed and, if it was never started, returned; from started: interrupted, done, failed, issued;
/// from interrupted: started, failed, issued; from failed, up to two times: started, issued; from done: none.
/// Returning takes as long as if all candidates came anew; what was discarded meanwhile stays so.
///
/// @param state  PATCHSTREAM_ISSUED to PATCHSTREAM_RETURNED
/// @param step   for the history only
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_stream_set_state(
    stream: *mut patchstream_stream,
    id: u64,
    state: i32,
    step: i64,
) -> patchstream_status {
    guard(|| {
        let opened = STREAMS.get(stream)?;
        let changed = opened.stream.set_state(id, state_of(state)?, step)?;
        Ok(if changed { PATCHSTREAM_OK } else { PATCHSTREAM_KNOWN })
    })
}

/// A pick and where it is: of everything selected, and of what was returned until it is picked again.
/// PATCHSTREAM_ERR_UNKNOWN: it was never picked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_get_pick(
    stream: *mut patchstream_stream,
    id: u64,
    out: *mut patchstream_pick,
) -> patchstream_status {
    guard(|| {
        let pick = STREAMS.get(stream)?.stream.pick(id)?;
        let pick = patchstream_pick {
            struct_size: 0,
            state: pick.state as i32,
            id: pick.id,
            event: pick.event,
            rank: pick.rank.map_or(f64::NAN, f64::from),
            queue: pick.queue as u32,
            failures: pick.failures,
            was_started: pick.was_started.into(),
            reserved: 0,
        };
        // SAFETY: the caller's struct.
        unsafe { write(&pick, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Forgets a patch that is not selected, as if it had never come: it became impossible, or the host went back to an
/// earlier step. It counts for no weight any more, and its id is free for another patch. PATCHSTREAM_ERR_UNKNOWN: there is
/// no such patch; one that was committed after a loan which is still out is not known yet. PATCHSTREAM_ERR_STATE: it is
/// selected; return it first if it was never started.
///
/// @param step  for the history only
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_stream_withdraw(
    stream: *mut patchstream_stream,
    id: u64,
    step: i64,
) -> patchstream_status {
    guard(|| {
        STREAMS.get(stream)?.stream.withdraw(id, step)?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Takes rows out of the history, oldest first; as long as count comes back as capacity there may be more. Rows are kept
/// only if patchstream_options.history says how many; patchstream_stats.history_dropped counts those beyond. A run
/// that is opened again has none until patchstream_stream_resume(), then all of what lies behind the mark, of which discards
/// and withdrawals have no rank.
///
/// @param rows   room for capacity rows
/// @param count  out: how many were written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_history(
    stream: *mut patchstream_stream,
    rows: *mut patchstream_history_row,
    capacity: usize,
    count: *mut usize,
) -> patchstream_status {
    guard(|| {
        if count.is_null() {
            return Err(argument("count is NULL: pass the address of a size_t"));
        }
        // SAFETY: the caller's room.
        let room = unsafe { buffer(rows, capacity, "rows") }?;
        let drained = STREAMS.get(stream)?.stream.drain_history(capacity)?;
        for (place, row) in room.iter_mut().zip(&drained) {
            *place = row_of(row);
        }
        // SAFETY: the caller's variable.
        unsafe { put(count, drained.len(), "count") }?;
        Ok(PATCHSTREAM_OK)
    })
}

pub(crate) fn state_of(number: i32) -> Result<State> {
    use State::{Done, Failed, Interrupted, Issued, Returned, Started};
    [Issued, Started, Interrupted, Done, Failed, Returned].into_iter().find(|state| *state as i32 == number).ok_or_else(
        || argument(format!("state {number} is none: pass PATCHSTREAM_ISSUED (1) to PATCHSTREAM_RETURNED (6)")),
    )
}

fn row_of(row: &HistoryRow) -> patchstream_history_row {
    patchstream_history_row {
        event: row.event,
        step: row.step,
        id: row.id,
        rank: row.rank.map_or(f64::NAN, f64::from),
        what: match row.what {
            What::Added => PATCHSTREAM_ADDED,
            What::Discarded => PATCHSTREAM_DISCARDED,
            What::Selected => PATCHSTREAM_SELECTED,
            What::Withdrawn => PATCHSTREAM_WITHDRAWN,
            What::Became(state) => state as i32,
        },
        reserved: 0,
    }
}

const _: () = {
    assert!(State::Issued as i32 == PATCHSTREAM_ISSUED && State::Started as i32 == PATCHSTREAM_STARTED);
    assert!(State::Interrupted as i32 == PATCHSTREAM_INTERRUPTED && State::Done as i32 == PATCHSTREAM_DONE);
    assert!(State::Failed as i32 == PATCHSTREAM_FAILED && State::Returned as i32 == PATCHSTREAM_RETURNED);
};
