//! The operator's state and its steps: take a record out of a ring, encode it, classify it, give it to the
//! sampler.
//!
//! One thread at a time, whichever holds the lock: the host's in [`super::Stream`]'s calls, or the worker.
//! Not here: events ([`super::event`]), locks and threads ([`super::stream`], [`super::worker`]).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::awaited::Awaited;
use super::classify::{Classifier, Tally, most_likely};
use super::config::LogLevel;
use super::feedback::Measured;
use super::journal::records::{LeftOut, PointParts, Why};
use super::journal::{Journal, Replay};
use super::lanes::{Lane, Outcome};
use super::office::Jobs;
use super::registry::Taken;
use super::retention::Retention;
use super::route::Router;
use super::stats::{QueueStats, SamplerCounts, Stage, now_ns};
use super::stream::Shared;
use crate::dynim::{HistoryRow, Sampler};
use crate::encode::Model;
use crate::error::{Error, ErrorKind, Result, corrupt};
use crate::lane::Door;
use crate::patch::{PatchView, Protein};
use crate::retain;
use crate::ring::KIND_PATCH;
use crate::wire::{self, Packer};

/// How often producers that are gone are looked for while there is work.
const FORGET: Duration = Duration::from_millis(50);

/// What the lock of a stream guards.
pub(super) struct Operator {
    pub(super) lanes: Vec<Lane>,
    /// Where other processes come in.
    pub(super) door: Option<Door>,
    pub(super) sampler: Sampler,
    model: Model,
    classifier: Option<Arc<Classifier>>,
    /// What the classifier made of the patches so far.
    tally: Tally,
    router: Router,
    /// What belongs to every patch that may still be selected, by id: picks that were never started may be returned.
    pub(super) kept: HashMap<u64, Kept>,
    /// Buffers of patches that were selected or discarded, for the next ones.
    spare: Vec<Kept>,
    /// The densities of all patches that may still be selected, and of those that were; not kept without it.
    pub(super) retention: Option<Retention>,
    /// What is written down; `None` without a run.
    pub(super) journal: Option<Box<Journal>>,
    /// What is answered from the log, once the host said where it goes on.
    pub(super) replay: Option<Box<Replay>>,
    /// A run was used, and its host has not said yet where it goes on: nothing is taken in before.
    pub(super) awaits_host: bool,
    /// A producer of this process was added.
    pub(super) has_local: bool,
    /// Picks as jobs; `None` without a transport.
    pub(super) jobs: Option<Box<Jobs>>,
    /// What the picks' simulations measured; `None` without feedback.
    pub(super) measured: Option<Box<Measured>>,
    /// Rows that were drained from the sampler and did not go to the host yet, oldest first.
    pub(super) history: VecDeque<HistoryRow>,
    /// Rows of what lay behind the mark that were more than the history keeps.
    pub(super) history_dropped: u64,
    /// Ids of patches that were left out for an error, which stay taken until they are withdrawn.
    pub(super) left_out: HashSet<u64>,
    /// When producers that are gone were last looked for.
    forgot: Instant,
    /// Step of the last event.
    pub(super) last_step: i64,
    /// Two producers have been open at once: from then on each has to end its steps.
    pub(super) several: bool,
    /// Producers that events wait for.
    pub(super) awaited: Awaited,
    /// Lines for the log, which is called when the lock is free again.
    pub(super) lines: Vec<(LogLevel, String)>,
    /// The latent point that is being made, `model.dim()` values.
    point: Vec<f32>,
    /// The proteins of the patch that is being encoded.
    proteins: Vec<Protein>,
    pub(super) packer: Packer,
}

/// What is kept of a patch beside its point.
#[derive(Default)]
pub(super) struct Kept {
    /// Its packed metadata.
    pub(super) metadata: Vec<u8>,
    /// The probability of each class; empty without a classifier.
    pub(super) probabilities: Vec<f32>,
}

impl Operator {
    pub(super) fn new(model: Model, classifier: Option<Arc<Classifier>>, sampler: Sampler, router: Router) -> Self {
        let point = vec![0.0; model.dim()];
        Self {
            lanes: Vec::new(),
            door: None,
            sampler,
            model,
            classifier,
            tally: Tally::default(),
            router,
            kept: HashMap::new(),
            spare: Vec::new(),
            retention: None,
            journal: None,
            replay: None,
            awaits_host: false,
            has_local: false,
            jobs: None,
            measured: None,
            left_out: HashSet::new(),
            history: VecDeque::new(),
            history_dropped: 0,
            forgot: Instant::now(),
            last_step: i64::MIN,
            several: false,
            awaited: Awaited::default(),
            lines: Vec::new(),
            point,
            proteins: Vec::new(),
            packer: Packer::new(),
        }
    }

    /// The step of the last event; `i64::MIN` before the first.
    pub(super) fn last_step(&self) -> i64 {
        self.last_step
    }

    /// What people call the class that a patch was found to be of; none without a classifier.
    pub(super) fn class_label(&self, probabilities: &[f32]) -> Option<String> {
        // A patch that was imported has none.
        let classifier = self.classifier.as_ref().filter(|_| !probabilities.is_empty());
        classifier.map(|classifier| classifier.label(most_likely(probabilities)).to_owned())
    }

    /// Writes down what the sampler counts.
    pub(super) fn count(&self, counts: &mut SamplerCounts) {
        let sampler = &self.sampler;
        counts.events = sampler.events();
        counts.waiting = sampler.waiting() as u64;
        counts.candidates = sampler.candidates() as u64;
        counts.selected = sampler.selected() as u64;
        counts.discarded = sampler.discarded() as u64;
        counts.history_dropped = self.history_dropped + sampler.history_dropped();
        counts.tally = self.tally;
        counts.retention = self.retention_stats();
        counts.jobs = self.jobs.as_ref().map(|jobs| jobs.stats());
        counts.feedback = self.measured.as_ref().map(|measured| measured.stats());
        counts.store = self.journal.as_ref().map(|journal| journal.stats());
        counts.queues.resize(sampler.layout().queues.len(), QueueStats::default());
        for (at, queue) in counts.queues.iter_mut().enumerate() {
            *queue =
                QueueStats { candidates: sampler.candidates_of(at) as u64, selected: sampler.selected_of(at) as u64 };
        }
    }

    /// Whether a record waits in some ring, or somebody has come.
    pub(super) fn has_work(&mut self) -> bool {
        if self.awaits_host {
            return false;
        }
        self.lanes.iter_mut().any(Lane::has_work)
            || self.door.as_ref().is_some_and(Door::has_newcomers)
            || !self.has_failed() && self.jobs.as_mut().is_some_and(|jobs| jobs.has_work())
    }

    /// Takes in one record of each ring that has one. Returns whether there was any.
    pub(super) fn take_in_some(&mut self, shared: &Shared) -> bool {
        if self.awaits_host {
            return false;
        }
        self.welcome(shared);
        let mut any = false;
        for lane in 0..self.lanes.len() {
            any |= self.take_in_one(lane, shared);
        }
        any |= self.job_turn();
        if !any || self.forgot.elapsed() >= FORGET {
            self.forgot = Instant::now();
            self.forget_gone_lanes();
        }
        if !any || self.journal.as_ref().is_some_and(|journal| journal.is_behind()) {
            self.commit();
        }
        any
    }

    /// Takes in everything that was committed before this call.
    pub(super) fn take_in_all(&mut self, shared: &Shared) {
        if self.awaits_host {
            return;
        }
        self.welcome(shared);
        for lane in 0..self.lanes.len() {
            let ended = self.lanes[lane].ended_step();
            let committed = self.lanes[lane].committed();
            while self.lanes[lane].position() < committed && self.take_in_one(lane, shared) {}
            self.lanes[lane].emptied(ended);
        }
        self.forget_gone_lanes();
        self.commit();
    }

    /// Gives up what is kept of a patch that will not be selected, or not again.
    pub(super) fn forget(&mut self, id: u64) {
        self.spare.extend(self.kept.remove(&id));
    }

    /// Gives up everything that is kept of a patch that was withdrawn.
    pub(super) fn let_go(&mut self, id: u64) {
        self.forget(id);
        self.forget_densities(id);
        if let Some(measured) = &mut self.measured {
            measured.withdrawn(id);
        }
    }

    /// Breaks the oldest record of the first ring, as a host does that writes beyond a loan.
    #[cfg(test)]
    pub(super) fn overwrite_header_for_tests(&mut self) {
        self.lanes[0].overwrite_header_for_tests();
    }

    /// The packer, for what goes back to the host.
    pub(super) fn packer(&mut self) -> &mut Packer {
        &mut self.packer
    }

    /// Takes in the oldest record of one ring. A record that cannot be taken in is counted and logged, and the next one
    /// is not held up by it. Its id stays taken, so that an answer never depends on how far the operator has come.
    pub(super) fn take_in_one(&mut self, lane: usize, shared: &Shared) -> bool {
        let (started, at) = (now_ns(), lane);
        let lane = &mut self.lanes[at];
        let doubt = lane.doubt();
        let record = match lane.peek() {
            Ok(None) => return false,
            Ok(Some(record)) => record,
            Err(error) => {
                shared.recorder.reject(error.kind());
                self.lines.push((LogLevel::Warning, format!("producer {}: {error}", lane.name)));
                lane.unreadable();
                return true;
            }
        };
        let (id, committed) = (record.header.id, record.header.committed_ns);
        let (step, content) = (record.header.step, record.header.content);
        // What everybody but its producer calls it.
        let mut public = id;
        shared.recorder.time(Stage::Wait, started.saturating_sub(committed));
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.metadata.clear();
        let mut gave_way = None;
        // Whether the id is this patch's: a producer of this process has taken it.
        let (mut taken, mut differs) = (doubt.is_none(), false);
        let mut take_in = || -> Result<Option<retain::Kept>> {
            if record.header.kind != KIND_PATCH {
                return Err(corrupt(format!("a record of the unknown kind {}", record.header.kind)));
            }
            // Copied first: what was checked is what is kept.
            kept.metadata.extend_from_slice(record.metadata);
            let unreadable = |error: Error| corrupt(format!("its metadata were overwritten: {error}"));
            let view = wire::patch_meta(&kept.metadata).map_err(unreadable)?;
            let meta = view.meta(&mut self.proteins);
            if let Some(doubt) = doubt {
                let became = doubt.admit(shared, &record, &kept.metadata, &meta, view.constellation)?;
                (taken, differs) = (became == Taken::New, became == Taken::Differs);
                if !taken {
                    return Ok(None);
                }
            }
            public = shared.registry.public(id);
            let queue = self.router.queue(&meta, view.constellation)?;
            let patch = PatchView { shape: shared.shape, densities: record.tensor, proteins: meta.proteins };
            let failed = |error: Error| Error::new(ErrorKind::Model, error.message());
            self.model.encode(patch, &mut self.point).map_err(failed)?;
            let encoded = now_ns();
            let mut classified = None;
            if let Some(classifier) = &self.classifier {
                classifier.classify(patch, &mut kept.probabilities).map_err(failed)?;
                classified = Some(now_ns());
            }
            if let Some(retention) = &mut self.retention {
                let tag = retain::Tag { id: public, content, step };
                let retained = retention.keep(tag, record.tensor, &mut self.sampler, &mut gave_way);
                // Also if the disk failed afterwards: the sampler has let go of it.
                if let (Some(journal), Some(gave_way)) = (&mut self.journal, gave_way) {
                    journal.withdrawn(gave_way, step, Why::Room);
                }
                if retained? == retain::Kept::Full {
                    // A host that goes back sends it again, and does nothing else by that.
                    if let Some(journal) = &mut self.journal {
                        journal.left_out(LeftOut { id, content, step });
                        journal.withdrawn(public, step, Why::Room);
                    }
                    return Ok(Some(retain::Kept::Full));
                }
            }
            let added = self.sampler.add_to(queue, public, step, &self.point, view.factor);
            added.inspect_err(|_| self.retention.iter_mut().for_each(|retention| retention.forget(public)))?;
            if let Some(measured) = &mut self.measured {
                measured.patch(public, meta.proteins);
            }
            if let Some(journal) = &mut self.journal {
                let (probabilities, point) = (&kept.probabilities[..], &self.point[..]);
                // There are at most `QUEUES_MAX` of them.
                let queue = queue as u16;
                journal.point(PointParts { id: public, content, queue, meta: &meta, probabilities, point });
            }
            shared.recorder.time(Stage::Encode, encoded - started);
            if let Some(classified) = classified {
                shared.recorder.time(Stage::Classify, classified - encoded);
            }
            Ok(Some(retain::Kept::Yes))
        };
        let outcome = match take_in() {
            Ok(None) if differs => {
                self.spare.push(kept);
                // It stays in its ring, and is the first of the branch.
                if let Err(error) = self.differ(shared) {
                    let lane = &mut self.lanes[at];
                    lane.tell(id, Outcome::Refused(error.kind()));
                    lane.advance();
                    shared.recorder.reject(error.kind());
                    let line = format!("patch {id} of producer {} is left out: {error}", lane.name);
                    self.lines.push((LogLevel::Warning, line));
                }
                return true;
            }
            Ok(None) => {
                self.spare.push(kept);
                shared.recorder.count(&shared.recorder.known);
                Outcome::Known
            }
            // Its id is free again, so that it may come when there is room.
            Ok(Some(retain::Kept::Full)) => {
                self.spare.push(kept);
                shared.registry.free(id);
                Outcome::Refused(ErrorKind::Memory)
            }
            Ok(Some(retain::Kept::Yes)) => {
                if let Some(classifier) = &self.classifier {
                    self.tally.count(most_likely(&kept.probabilities), classifier.known(&self.proteins));
                }
                self.kept.insert(public, kept);
                shared.recorder.count(&shared.recorder.encoded);
                shared.recorder.time(Stage::Total, now_ns().saturating_sub(committed));
                Outcome::Taken
            }
            Err(error) => {
                if taken {
                    self.left_out.insert(id);
                    if let Some(journal) = &mut self.journal {
                        journal.left_out(LeftOut { id, content, step });
                    }
                }
                self.spare.push(kept);
                shared.recorder.reject(error.kind());
                let line = format!("patch {id} of producer {} is left out: {error}", lane.name);
                self.lines.push((LogLevel::Warning, line));
                Outcome::Refused(error.kind())
            }
        };
        if doubt.is_some() && taken {
            shared.recorder.count(&shared.recorder.pushed);
        }
        lane.tell(id, outcome);
        lane.advance();
        if let Some(gave_way) = gave_way {
            self.let_go(gave_way);
            shared.registry.make_room(gave_way);
        }
        self.lines.extend(self.retention.as_mut().and_then(Retention::full_line).map(|line| (LogLevel::Warning, line)));
        true
    }
}
