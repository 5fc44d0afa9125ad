//! The numbers that a stream with a door sets for whoever watches it (`patchstream inspect`): on a page of the door's
//! segment, after each of the operator's steps, at the price of a few stores.
//!
//! Not here: what the host itself is told ([`super::Stats`], [`super::JobStats`]).

use super::lanes;
use super::operator::Operator;
use super::stats::{Recorder, SamplerCounts};
use crate::shm::STATS;
use crate::sync::Ordering;

/// What each number of a door's page is, by its place. New ones come at the end; none ever changes its place.
pub const WATCHED: [&str; 24] = [
    "patches_encoded",
    "patches_known",
    "patches_refused",
    "events",
    "patches_waiting",
    "candidates",
    "selected",
    "discarded",
    "jobs_in_line",
    "jobs_held",
    "jobs_done",
    "jobs_set_aside",
    "jobs_given_out",
    "workers",
    "workers_died",
    "samples_accepted",
    "samples_known",
    "samples_waiting",
    "samples_waiting_bytes",
    "messages_refused",
    "retained_patches",
    "retained_bytes",
    "retention_refused",
    "retention_withdrawn",
];

/// The same of a producer's lane. The last refusal's kind is an [`ErrorKind`](crate::error::ErrorKind) by its C number
/// without the sign, 0 before the first; given up is 1 for a label that another has and 2 for garbage.
pub const WATCHED_OF_PRODUCER: [&str; 6] = {
    let mut names = [""; 6];
    names[lanes::TAKEN] = "patches_taken";
    names[lanes::KNOWN] = "patches_known";
    names[lanes::REFUSED] = "patches_refused";
    names[lanes::LAST_REFUSED] = "last_refused_id";
    names[lanes::LAST_KIND] = "last_refused_kind";
    names[lanes::GIVEN_UP] = "given_up";
    names
};

const _: () = assert!(WATCHED.len() <= STATS);

impl Operator {
    /// Writes down what this step came to: for the host, and for watchers if there is a door.
    pub(super) fn publish(&self, recorder: &Recorder) {
        let mut counts = recorder.sampler.lock();
        self.count(&mut counts);
        if let Some(door) = &self.door {
            let page = door.stats();
            for (at, number) in numbers(&counts, recorder).into_iter().enumerate() {
                page.set(at, number);
            }
        }
    }
}

/// The numbers, in the order of [`WATCHED`].
fn numbers(counts: &SamplerCounts, recorder: &Recorder) -> [u64; WATCHED.len()] {
    let jobs = counts.jobs.unwrap_or_default();
    let kept = counts.retention.map_or([0; 4], |it| [it.holding.patches, it.holding.bytes, it.refused, it.withdrawn]);
    [
        recorder.encoded.load(Ordering::Relaxed),
        recorder.known.load(Ordering::Relaxed),
        recorder.rejected().total(),
        counts.events,
        counts.waiting,
        counts.candidates,
        counts.selected,
        counts.discarded,
        jobs.counts.in_line,
        jobs.counts.held,
        jobs.counts.done,
        jobs.counts.set_aside,
        jobs.counts.given,
        jobs.workers,
        jobs.counts.deaths,
        jobs.counts.accepted,
        jobs.counts.known,
        jobs.samples,
        jobs.sample_bytes,
        jobs.counts.refused,
        kept[0],
        kept[1],
        kept[2],
        kept[3],
    ]
}
