//! The jobs of a run that is opened again: the line as the log tells it, and the samples that its host has not taken.
//!
//! The line of a log is the line that wrote it: each entry does to it what was done then. Of samples the line keeps which
//! windows were accepted; sums stay in the log until somebody asks for them.
//! Not here: giving the jobs out again (`src/stream/office/recall.rs`), the line's rules ([`crate::job`]).

use std::collections::HashMap;

use super::records::{self, By, Event, Given, Moved};
use crate::error::{Result, corrupt};
use crate::job::Line;
use crate::store::{Records, Recovered};
use crate::stream::office::Reasons;
use crate::wire::{self, Message, RdfSample};

/// The jobs of a log.
#[derive(Default)]
pub(in crate::stream) struct JobsFound {
    pub(in crate::stream) line: Line,
    pub(in crate::stream) reasons: Reasons,
    /// The entry by which a job was given out last.
    given: HashMap<u64, u64>,
}

impl JobsFound {
    /// What was picked came into the line.
    pub(super) fn event(&mut self, event: &Event) {
        for pick in &event.picks {
            // A pick that was returned comes again; of another one there is a job.
            let _ = self.line.issue(pick.id);
        }
    }

    pub(super) fn given(&mut self, sequence: u64, given: &Given) {
        // Refused only of a job that was over, and then nobody had it.
        if self.line.taken(given.id, given.attempt, &given.who).is_ok() {
            self.given.insert(given.id, sequence);
        }
    }

    pub(super) fn moved(&mut self, moved: Moved) {
        let Moved { id, to, by, reason, .. } = moved;
        match by {
            By::Aside => self.line.set_aside(id),
            By::Host | By::Worker => self.line.retrace(id, to),
        }
        if !reason.is_empty() {
            self.reasons.give(id, &reason);
        }
        if !self.line.is_open(id) {
            self.reasons.over(id);
        }
    }

    pub(super) fn sample(&mut self, sample: &RdfSample) -> Result<()> {
        let RdfSample { job, attempt, observable, window, .. } = sample;
        match self.line.remember(*job, observable, *window) {
            // What the host handed in itself may have a name, and as many gaps, as nothing has that a worker hands in.
            Err(_) if *attempt == 0 => Ok(()),
            remembered => remembered,
        }
    }

    /// All entries were read.
    pub(super) fn finish(mut self) -> Self {
        let open: std::collections::HashSet<u64> = self.line.open().collect();
        self.given.retain(|id, _| open.contains(id));
        self
    }

    /// The jobs that somebody has, in the order in which they were given out.
    pub(in crate::stream) fn out(&self) -> Vec<(u64, u32)> {
        let held = self.given.iter().filter_map(|(&id, &sequence)| {
            let past = self.line.past(id).filter(|past| past.holder.is_some())?;
            Some((sequence, (id, past.attempt)))
        });
        let mut held: Vec<_> = held.collect();
        held.sort_unstable();
        held.into_iter().map(|(_, job)| job).collect()
    }
}

/// Accepted samples of a log, in the order in which they were accepted. They are read as they are asked for: at no time is
/// there more than one in memory.
pub(in crate::stream) struct Samples {
    records: Records,
    /// The observable that is left out.
    without: Option<&'static str>,
    /// How many are still to come.
    pub(in crate::stream) left: u64,
}

impl Samples {
    /// Those behind entry `after`, but for the observable `without`, of which there are `left`.
    pub(in crate::stream) fn behind(
        found: &Recovered,
        after: u64,
        without: Option<&'static str>,
        left: u64,
    ) -> Result<Self> {
        Ok(Self { records: found.records(after.min(found.last) + 1)?, without, left })
    }

    /// The next one and its entry.
    ///
    /// # Errors
    /// Those of reading the log; each call has the same from then on.
    pub(in crate::stream) fn next(&mut self) -> Result<Option<(u64, RdfSample)>> {
        if self.left == 0 {
            return Ok(None);
        }
        while let Some(record) = self.records.next()? {
            if record.kind != records::SAMPLE {
                continue;
            }
            let sample = sample(record.payload)?;
            if self.without != Some(sample.observable.as_str()) {
                self.left -= 1;
                return Ok(Some((record.sequence, sample)));
            }
        }
        self.left = 0;
        Ok(None)
    }
}

/// Reads a sample, which the log has as the message that it is.
///
/// # Errors
/// `Corrupt` if it is none.
pub fn sample(payload: &[u8]) -> Result<RdfSample> {
    match wire::one(payload) {
        Ok(Message::RdfSample(sample)) => Ok(sample),
        Ok(_) => Err(corrupt("a sample in the log is another message: verify the run")),
        Err(error) => Err(corrupt(format!("a sample in the log: {error}"))),
    }
}
