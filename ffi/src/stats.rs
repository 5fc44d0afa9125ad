//! What a stream has done so far, in C.

use std::ffi::c_char;

use patchstream::stream::{RetentionStats, Stage, Stats};

use crate::guard::guard;
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::stream::{Opened, STREAMS, patchstream_stream};
use crate::types::{Sized32, write};

/// How long a part of the way took, over everything so far.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct patchstream_latency {
    /// How often it was timed.
    pub count: u64,
    /// Half took no longer, in us.
    pub p50_us: f64,
    /// 99 of 100 took no longer, in us.
    pub p99_us: f64,
}

/// What a stream has done since it was opened. Events, waiting, candidates, selected and discarded are what there is, of the
/// whole run where there is one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_stats {
    /// sizeof(patchstream_stats), set by the caller.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Patches committed.
    pub pushed: u64,
    /// Pushes of a known id with the same content.
    pub known: u64,
    /// Pushes that were answered with PATCHSTREAM_FULL.
    pub full: u64,
    /// Patches refused, for all reasons together.
    pub rejected: u64,
    /// Refused for a density, position or time that is not finite.
    pub rejected_value: u64,
    /// Refused for another size or number of channels.
    pub rejected_shape: u64,
    /// Refused for anything else wrong with the call.
    pub rejected_argument: u64,
    /// Refused for a known id with other content.
    pub rejected_conflict: u64,
    /// Left out because the encoder or the classifier failed on it.
    pub rejected_model: u64,
    /// Left out because its slot was overwritten after the commit.
    pub rejected_corrupt: u64,
    /// Patches encoded and given to the sampler.
    pub encoded: u64,
    /// Events so far.
    pub events: u64,
    /// Encoded patches that no event has ranked yet.
    pub waiting: u64,
    /// Candidates in all queues.
    pub candidates: u64,
    /// Patches selected so far.
    pub selected: u64,
    /// Patches discarded so far.
    pub discarded: u64,
    /// Converting, checking and hashing a patch, in the producer's call.
    pub push: patchstream_latency,
    /// From commit until the operator takes it up.
    pub wait: patchstream_latency,
    /// Patch to latent point.
    pub encode: patchstream_latency,
    /// From commit to candidate.
    pub total: patchstream_latency,
    /// One event.
    pub select: patchstream_latency,
    /// All weights.
    pub weights: patchstream_latency,
    /// How many queues there are: 1 without any in the configuration file.
    pub queues: u64,
    /// Rows of history that were dropped because nobody took them in time.
    pub history_dropped: u64,
    /// Patches classified and given to the sampler; 0 without a classifier, as are the next two.
    pub classified: u64,
    /// Those of them with a known class: one RAS and no RAF, or one RAS-RAF complex, in a state that a class stands for.
    pub comparable: u64,
    /// Those of them that were classified as that.
    pub agreed: u64,
    /// Patch to class probabilities, where there is a classifier.
    pub classify: patchstream_latency,
    /// What runs the encoder: "fused-avx512", "fused-avx2", "fused-portable", "tract" or "builtin". It lives until the
    /// stream is closed.
    pub backend: *const c_char,
    /// What runs the classifier, as above; NULL without one.
    pub classifier_backend: *const c_char,
    /// Patches whose densities are kept; 0 without retention, as is all that follows.
    pub retained: u64,
    /// Those of them that are selected.
    pub retained_selected: u64,
    /// Bytes that their densities take, in memory or in the file.
    pub retained_bytes: u64,
    /// Bytes that were taken for densities so far: room that is free again is used again.
    pub retained_bytes_made: u64,
    /// The most bytes of densities of patches that are not selected.
    pub retained_bytes_bound: u64,
    /// Patches left out because there was no room for their densities.
    pub retention_refused: u64,
    /// Patches withdrawn to make room for newer ones.
    pub retention_withdrawn: u64,
    /// Patches whose densities are lost. Those that were not selected are withdrawn, as the run is opened again or as they
    /// are picked; a job of the others fails.
    pub retention_lost: u64,
    /// 1 if the last patch found no room.
    pub retention_full: u32,
    /// 0.
    pub reserved_end: u32,
    /// The last entry of the run's log that was made; 0 without run_dir, as is all that follows.
    pub run_appended: u64,
    /// The last entry that is as safe as the durability says: everything up to it is acknowledged.
    pub run_acknowledged: u64,
    /// The last entry that survives a power cut.
    pub run_durable: u64,
    /// How often a host that came back computed something else.
    pub run_branch: u64,
    /// Entries that were not written, since the stream goes on from memory.
    pub run_lost: u64,
}

// SAFETY: as the trait asks: numbers and pointers.
unsafe impl Sized32 for patchstream_stats {
    const NAME: &'static str = "patchstream_stats";
    const OLDEST: usize = 280;
}

/// What was done so far. Thread-safe; it waits for nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_stream_stats(
    stream: *const patchstream_stream,
    out: *mut patchstream_stats,
) -> patchstream_status {
    guard(|| {
        let opened = STREAMS.get(stream)?;
        let stats = stats_of(&opened, &opened.stream.stats());
        // SAFETY: the caller's struct.
        unsafe { write(&stats, out) }?;
        Ok(PATCHSTREAM_OK)
    })
}

fn stats_of(opened: &Opened, stats: &Stats) -> patchstream_stats {
    let run = stats.store.unwrap_or_default();
    let latency = |stage: Stage| {
        let latency = stats.latency[stage as usize];
        patchstream_latency { count: latency.count, p50_us: latency.p50_us, p99_us: latency.p99_us }
    };
    let retention = stats.retention;
    let retained = |of: fn(&RetentionStats) -> u64| retention.as_ref().map_or(0, of);
    patchstream_stats {
        struct_size: 0,
        reserved: 0,
        pushed: stats.pushed,
        known: stats.known,
        full: stats.full,
        rejected: stats.rejected.total(),
        rejected_value: stats.rejected.value,
        rejected_shape: stats.rejected.shape,
        rejected_argument: stats.rejected.argument,
        rejected_conflict: stats.rejected.conflict,
        rejected_model: stats.rejected.model,
        rejected_corrupt: stats.rejected.corrupt,
        encoded: stats.encoded,
        events: stats.events,
        waiting: stats.waiting,
        candidates: stats.candidates,
        selected: stats.selected,
        discarded: stats.discarded,
        push: latency(Stage::Push),
        wait: latency(Stage::Wait),
        encode: latency(Stage::Encode),
        total: latency(Stage::Total),
        select: latency(Stage::Select),
        weights: latency(Stage::Weights),
        queues: stats.queues.len() as u64,
        history_dropped: stats.history_dropped,
        classified: stats.classified,
        comparable: stats.comparable,
        agreed: stats.agreed,
        classify: latency(Stage::Classify),
        backend: opened.backend.as_ptr(),
        classifier_backend: opened.classifier_backend.as_ref().map_or(std::ptr::null(), |name| name.as_ptr()),
        retained: retained(|of| of.holding.patches),
        retained_selected: retained(|of| of.holding.selected),
        retained_bytes: retained(|of| of.holding.bytes),
        retained_bytes_made: retained(|of| of.holding.bytes_made),
        retained_bytes_bound: retained(|of| of.holding.bytes_bound),
        retention_refused: retained(|of| of.refused),
        retention_withdrawn: retained(|of| of.withdrawn),
        retention_lost: retained(|of| of.lost),
        retention_full: retained(|of| of.full.into()) as u32,
        reserved_end: 0,
        run_appended: run.appended,
        run_acknowledged: run.acknowledged,
        run_durable: run.durable,
        run_branch: run.branch,
        run_lost: run.lost,
    }
}
