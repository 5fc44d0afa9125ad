//! What a stream counts and times.
//!
//! Times are for people: nothing decides by them. Not here: the clock of the model, which is the step.

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use super::classify::Tally;
use super::feedback::FeedbackStats;
use super::jobs::JobStats;
use super::journal::StoreStats;
use super::retention::RetentionStats;
use crate::error::ErrorKind;
use crate::guest::monotonic_ns;
use crate::sync::{AtomicU64, Ordering};

/// A part of a patch's way that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// Convert, check and hash a patch, in the producer's call.
    Push,
    /// From commit until the operator takes the patch up.
    Wait,
    /// Patch to latent point.
    Encode,
    /// Patch to class probabilities, where there is a classifier.
    Classify,
    /// From commit to candidate.
    Total,
    /// One event: take in the rest, rank, discard, pick, pack.
    Select,
    /// All weights.
    Weights,
}

impl Stage {
    /// All stages, in the order of a patch's way.
    pub const ALL: [Stage; 7] =
        [Stage::Push, Stage::Wait, Stage::Encode, Stage::Classify, Stage::Total, Stage::Select, Stage::Weights];

    /// Its name: `push`, `wait`, `encode`, `classify`, `total`, `select`, `weights`.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Push => "push",
            Stage::Wait => "wait",
            Stage::Encode => "encode",
            Stage::Classify => "classify",
            Stage::Total => "total",
            Stage::Select => "select",
            Stage::Weights => "weights",
        }
    }
}

/// How long a stage took, over everything so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Latency {
    /// How often it was timed.
    pub count: u64,
    /// Half took no longer, in us.
    pub p50_us: f64,
    /// 99 of 100 took no longer, in us.
    pub p99_us: f64,
}

/// Patches that were refused, by reason. Each was answered with an error or written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rejected {
    /// A density, position or time that is not finite.
    pub value: u64,
    /// A field of another size or another number of channels.
    pub shape: u64,
    /// Anything else wrong with the call: an id out of range, an unknown protein state, a step that has ended.
    pub argument: u64,
    /// A known id with other content.
    pub conflict: u64,
    /// The encoder or the classifier failed on it.
    pub model: u64,
    /// Its slot was overwritten after it was committed.
    pub corrupt: u64,
}

impl Rejected {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.value + self.shape + self.argument + self.conflict + self.model + self.corrupt
    }
}

/// What a stream has done since it was opened. What there is counts the whole run where there is one, as often as it was
/// opened: `events`, `waiting`, `candidates`, `selected`, `discarded`, the queues, and `store` but for what it lost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stats {
    /// Patches committed.
    pub pushed: u64,
    /// Pushes of a known id with the same content.
    pub known: u64,
    /// Pushes that were answered with "full".
    pub full: u64,
    /// Patches refused.
    pub rejected: Rejected,
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
    /// Rows of history that were dropped because nobody drained them in time, or that lay behind the mark at which its
    /// host went on and were more than are kept.
    pub history_dropped: u64,
    /// Patches classified and given to the sampler; 0 without a classifier, as are the next two.
    pub classified: u64,
    /// Those of them with a known class: one RAS and no RAF, or one RAS-RAF complex, in a state that a class stands for.
    pub comparable: u64,
    /// Those of them that were classified as that.
    pub agreed: u64,
    /// The densities that are kept; none without [`Config::retention`](super::Config::retention).
    pub retention: Option<RetentionStats>,
    /// What came back; none without [`Config::feedback`](super::Config::feedback).
    pub feedback: Option<FeedbackStats>,
    /// How far the run is written; none without [`Config::run_dir`](super::Config::run_dir).
    pub store: Option<StoreStats>,
    /// What runs the encoder, as [`Model::backend`](crate::encode::Model::backend) says it.
    pub backend: &'static str,
    /// What runs the classifier; empty without one.
    pub classifier_backend: &'static str,
    /// Each queue.
    pub queues: Vec<QueueStats>,
    /// Latencies by [`Stage`], in the order of [`Stage::ALL`].
    pub latency: [Latency; Stage::ALL.len()],
}

/// What a queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueStats {
    /// Its candidates.
    pub candidates: u64,
    /// Its patches in S.
    pub selected: u64,
}

/// What only the operator can count, as it was after its last step.
#[derive(Debug, Clone, Default)]
pub(super) struct SamplerCounts {
    pub(super) events: u64,
    pub(super) waiting: u64,
    pub(super) candidates: u64,
    pub(super) selected: u64,
    pub(super) discarded: u64,
    pub(super) history_dropped: u64,
    pub(super) tally: Tally,
    pub(super) retention: Option<RetentionStats>,
    pub(super) queues: Vec<QueueStats>,
    pub(super) jobs: Option<JobStats>,
    pub(super) store: Option<StoreStats>,
    pub(super) feedback: Option<FeedbackStats>,
}

/// Counters and histograms that all threads of a stream write.
pub(super) struct Recorder {
    pub(super) pushed: AtomicU64,
    pub(super) known: AtomicU64,
    pub(super) full: AtomicU64,
    pub(super) encoded: AtomicU64,
    pub(super) sampler: Mutex<SamplerCounts>,
    rejected: [AtomicU64; 6],
    latency: [Mutex<Histogram<u64>>; Stage::ALL.len()],
}

/// The longest time that a histogram tells apart: an hour, in ns.
const LONGEST_NS: u64 = 3_600_000_000_000;

impl Recorder {
    pub(super) fn new() -> Self {
        Self {
            pushed: AtomicU64::new(0),
            known: AtomicU64::new(0),
            full: AtomicU64::new(0),
            encoded: AtomicU64::new(0),
            sampler: Mutex::default(),
            rejected: Default::default(),
            latency: std::array::from_fn(|_| {
                Mutex::new(Histogram::new_with_bounds(1, LONGEST_NS, 2).expect("constant bounds that are valid"))
            }),
        }
    }

    pub(super) fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a patch that was refused with an error of this kind.
    pub(super) fn reject(&self, kind: ErrorKind) {
        let reason = match kind {
            ErrorKind::Value => 0,
            ErrorKind::Shape => 1,
            ErrorKind::Argument
            | ErrorKind::State
            | ErrorKind::Unknown
            | ErrorKind::Version
            | ErrorKind::Busy
            | ErrorKind::Fenced
            | ErrorKind::Forked => 2,
            ErrorKind::Conflict => 3,
            ErrorKind::Model | ErrorKind::Unsupported | ErrorKind::Io | ErrorKind::Memory | ErrorKind::Panic => 4,
            ErrorKind::Corrupt => 5,
        };
        self.count(&self.rejected[reason]);
    }

    pub(super) fn time(&self, stage: Stage, nanoseconds: u64) {
        self.latency[stage as usize].lock().saturating_record(nanoseconds.max(1));
    }

    /// The patches that were refused.
    pub(super) fn rejected(&self) -> Rejected {
        let [value, shape, argument, conflict, model, corrupt] =
            std::array::from_fn(|reason| self.rejected[reason].load(Ordering::Relaxed));
        Rejected { value, shape, argument, conflict, model, corrupt }
    }

    /// What became of the jobs, as it was after the operator's last step.
    pub(super) fn jobs(&self) -> Option<JobStats> {
        self.sampler.lock().jobs
    }

    /// What came back, as it was after the operator's last step.
    pub(super) fn feedback(&self) -> Option<FeedbackStats> {
        self.sampler.lock().feedback
    }

    /// Everything counted and timed so far; of the back-ends it knows nothing.
    pub(super) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let sampler = self.sampler.lock().clone();
        Stats {
            pushed: read(&self.pushed),
            known: read(&self.known),
            full: read(&self.full),
            encoded: read(&self.encoded),
            rejected: self.rejected(),
            latency: std::array::from_fn(|i| {
                let histogram = self.latency[i].lock();
                let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
                match histogram.len() {
                    0 => Latency::default(),
                    count => Latency { count, p50_us: at(0.5), p99_us: at(0.99) },
                }
            }),
            events: sampler.events,
            waiting: sampler.waiting,
            candidates: sampler.candidates,
            selected: sampler.selected,
            discarded: sampler.discarded,
            history_dropped: sampler.history_dropped,
            classified: sampler.tally.classified,
            comparable: sampler.tally.comparable,
            agreed: sampler.tally.agreed,
            retention: sampler.retention,
            store: sampler.store,
            feedback: sampler.feedback,
            backend: "",
            classifier_backend: "",
            queues: sampler.queues,
        }
    }
}

/// Nanoseconds of a clock that only grows, the same for all processes of the machine.
pub(super) fn now_ns() -> u64 {
    monotonic_ns()
}
