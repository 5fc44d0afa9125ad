//! The stream, in C.

use std::ffi::{CString, c_char};
use std::time::Duration;

use patchstream::error::argument;
use patchstream::stream::{Polled, Stream};

use crate::guard::guard;
use crate::options::{builder, patchstream_options};
use crate::selections::{self, patchstream_selections};
use crate::status::{PATCHSTREAM_AGAIN, PATCHSTREAM_OK, PATCHSTREAM_STOPPED, patchstream_status};
use crate::stop::{self, Stop};
use crate::table::Table;
use crate::types::{array, buffer, put, to_first_0};
use crate::weights::{self, patchstream_weights};

/// The operator: rings, encoder, sampler. One thread at a time may use it, any thread; calls marked thread-safe also
/// while another is under way.
pub struct patchstream_stream {
    _private: [u8; 0],
}

pub(crate) struct Opened {
    pub(crate) stream: Stream,
    /// The queues' names.
    pub(crate) queues: Vec<CString>,
    class_labels: Vec<CString>,
    pub(crate) backend: CString,
    pub(crate) classifier_backend: Option<CString>,
    _stop: Stop,
}

pub(crate) static STREAMS: Table<Opened> = Table::new("stream", 1);

/// Opens a stream.
///
/// @param options  NULL: all defaults
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_open(
    options: *const patchstream_options,
    out: *mut *mut patchstream_stream,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_stream *"));
        }
        // SAFETY: the caller's options are as their comments say.
        let builder = unsafe { builder(options) }?;
        let (stop, slot) = Stop::reserve()?;
        let stream = builder.stop_flag(stop.flag()).open()?;
        let handle: *mut patchstream_stream = STREAMS.open(Opened::new(stream, stop));
        slot.belongs_to(handle);
        // SAFETY: the caller's variable.
        unsafe { put(out, handle, "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Takes in what was committed, for about budget_us, one patch at least: encodes it and gives it to the sampler.
/// PATCHSTREAM_OK: nothing is left; PATCHSTREAM_AGAIN: work is left; PATCHSTREAM_STOPPED: a stop was requested. With a
/// worker there is no need for it, but it helps.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_stream_poll(stream: *mut patchstream_stream, budget_us: u32) -> patchstream_status {
    guard(|| {
        let polled = STREAMS.get(stream)?.stream.poll(Duration::from_micros(budget_us.into()))?;
        Ok(match polled {
            Polled::Idle => PATCHSTREAM_OK,
            Polled::Again => PATCHSTREAM_AGAIN,
            Polled::Stopped => PATCHSTREAM_STOPPED,
        })
    })
}

/// One event: takes in everything committed for steps up to step, ranks it, discards what is over the capacity and
/// selects up to n. PATCHSTREAM_AGAIN: one of several producers has not ended the step yet, or not all have come that the
/// configuration awaits (producers = N), of which the log says how many have. Steps of events never fall.
/// A patch that was committed after a loan which is still out waits for that loan.
///
/// @param out  close it with patchstream_selections_close()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_select(
    stream: *mut patchstream_stream,
    step: i64,
    n: usize,
    out: *mut *mut patchstream_selections,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_selections *"));
        }
        let opened = STREAMS.get(stream)?;
        let Some(selected) = opened.stream.select(step, n)? else { return Ok(PATCHSTREAM_AGAIN) };
        let handle = selections::open(selected, |id| opened.stream.ticket(id));
        // SAFETY: the caller's variable.
        unsafe { put(out, handle, "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// The weights of all selected: how many of all patches, the unselected ones counted at their nearest selected one,
/// each stands for.
///
/// @param out  close it with patchstream_weights_close()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_weights(
    stream: *mut patchstream_stream,
    out: *mut *mut patchstream_weights,
) -> patchstream_status {
    guard(|| {
        if out.is_null() {
            return Err(argument("out is NULL: pass the address of a patchstream_weights *"));
        }
        let all = STREAMS.get(stream)?.stream.weights()?;
        // SAFETY: the caller's variable.
        unsafe { put(out, weights::open(all), "out") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// The weights of some of the selected: every unselected patch counts at its nearest among exactly these.
///
/// @param ids      count ids, all selected, none twice
/// @param weights  out: count numbers, in the order of ids
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_weights_among(
    stream: *mut patchstream_stream,
    ids: *const u64,
    count: usize,
    weights: *mut f64,
) -> patchstream_status {
    guard(|| {
        // SAFETY: the caller's `count` ids.
        let found = STREAMS.get(stream)?.stream.weights_among(unsafe { array(ids, count, "ids") }?)?;
        // SAFETY: the caller's `count` numbers.
        unsafe { buffer(weights, count, "weights") }?.copy_from_slice(&found);
        Ok(PATCHSTREAM_OK)
    })
}

/// What people call a class, by its number from 0, UTF-8: selections have a probability of each, in this order.
/// PATCHSTREAM_ERR_ARGUMENT: there is no such class, or no classifier. Thread-safe.
///
/// @param label  out: it lives until the stream is closed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_class_label(
    stream: *const patchstream_stream,
    class_index: u32,
    label: *mut *const c_char,
) -> patchstream_status {
    guard(|| {
        let opened = STREAMS.get(stream)?;
        let labels = &opened.class_labels;
        let text = labels
            .get(class_index as usize)
            .ok_or_else(|| argument(format!("class {class_index} of {}: they count from 0", labels.len())))?;
        // SAFETY: the caller's variable.
        unsafe { put(label, text.as_ptr(), "label") }?;
        Ok(PATCHSTREAM_OK)
    })
}

/// Makes a poll that is under way, and every later one, return PATCHSTREAM_STOPPED after the next patch. Selecting goes
/// on to work.
/// Thread-safe, and may be called in a signal handler. NULL or a closed stream is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_stream_request_stop(stream: *const patchstream_stream) {
    stop::request(stream);
}

/// Closes the stream and its worker; its producers answer with PATCHSTREAM_ERR_STATE from then on, and are closed by
/// calls of their own. PATCHSTREAM_AGAIN: the worker was still at work after timeout_ms; the stream takes nothing
/// more, call again. NULL is harmless.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_stream_close(stream: *mut patchstream_stream, timeout_ms: u32) -> patchstream_status {
    if stream.is_null() {
        return PATCHSTREAM_OK;
    }
    guard(|| {
        let opened = STREAMS.get(stream)?;
        if !opened.stream.close_within(Duration::from_millis(timeout_ms.into()))? {
            return Ok(PATCHSTREAM_AGAIN);
        }
        STREAMS.close(stream)?;
        Ok(PATCHSTREAM_OK)
    })
}

impl Opened {
    fn new(stream: Stream, stop: Stop) -> Self {
        let classes = stream.classifier().and_then(|classifier| classifier.card().classes.as_ref());
        Self {
            queues: stream.queues().iter().map(|queue| to_first_0(&queue.name)).collect(),
            class_labels: classes.iter().flat_map(|classes| &classes.labels).map(|label| to_first_0(label)).collect(),
            backend: to_first_0(stream.model().backend()),
            classifier_backend: stream.classifier().map(|classifier| to_first_0(classifier.backend())),
            stream,
            _stop: stop,
        }
    }
}
