//! Jobs of a stream, as its host sees them: options, counts, samples to take, tickets to hand to a scheduler.
//!
//! With a [`transport`](super::Config::transport) each pick becomes a job. Workers' words and samples are taken in where
//! patches are: in [`poll`](Stream::poll) and [`select`](Stream::select), or by the stream's own thread.
//! Not here: what is done at each turn ([`super::office`]), the line and its rules ([`crate::job`]).

use std::time::Duration;

use serde::Deserialize;

use super::stream::Stream;
use crate::dynim::State;
use crate::error::{Result, argument, state, unknown};
use crate::job::{JobCounts, dir};
use crate::wire::RdfSample;

/// The longest note, in bytes: each job carries it.
const NOTE_MAX: usize = 4096;

/// `[jobs]`: options of jobs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// The most bytes of samples that wait to be taken, some for each beside its sums. When they are reached, samples stay where their workers put
    /// them, who are told "full"; nothing is lost.
    pub sample_bytes: u64,
    /// Of `dir:`: seconds after which a worker that says nothing counts as dead, 1 at least. The options of a folder are
    /// those that it was made with.
    pub lease_s: f64,
    /// Of `dir:`: seconds between two looks into the folder.
    pub poll_s: f64,
    /// What every worker is told with its job, in words of the host's own: how it wants patches simulated. At most 4096
    /// bytes.
    pub note: Option<String>,
}

/// What became of the jobs of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobStats {
    /// The line.
    pub counts: JobCounts,
    /// Workers that are attached now; 0 where the transport has none attached.
    pub workers: u64,
    /// Samples that wait to be taken by the host, those included that a run's log has of an earlier process.
    pub samples: u64,
    /// Bytes of the sums of those that wait in memory.
    pub sample_bytes: u64,
}

/// What is known of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReport {
    /// How often it was given out.
    pub attempt: u32,
    /// How often it failed.
    pub failures: u32,
    /// What was said of it last.
    pub state: State,
    /// Who has it.
    pub holder: Option<String>,
    /// The reason that was given with the last word that had one.
    pub reason: Option<String>,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self { sample_bytes: 64 << 20, lease_s: 600.0, poll_s: 1.0, note: None }
    }
}

impl JobsConfig {
    /// The same for a folder.
    pub(super) fn folder(&self) -> dir::Options {
        let [lease, poll] = [self.lease_s, self.poll_s].map(Duration::from_secs_f64);
        dir::Options { lease, poll, ..dir::Options::default() }
    }

    pub(super) fn check(&self) -> Result<()> {
        for (name, value) in [("lease_s", self.lease_s), ("poll_s", self.poll_s)] {
            if !(value > 0.0 && value <= 1e9) {
                return Err(argument(format!("jobs.{name} = {value}: give seconds, more than 0")));
            }
        }
        match &self.note {
            Some(note) if !(1..=NOTE_MAX).contains(&note.len()) || note.contains('\0') => Err(argument(format!(
                "jobs.note has {} bytes: give 1 to {NOTE_MAX}, none of them 0, or no note",
                note.len()
            ))),
            _ => Ok(()),
        }
    }
}

impl Stream {
    /// Removes up to `most` samples that workers handed in and that were accepted, oldest first. Each (job, observable,
    /// window) comes once. With a [`run_dir`](super::Config::run_dir) each is in the run's log before: what was taken before
    /// a [`checkpoint`](Self::checkpoint) belongs to its mark, so the host writes its own file of them after the call;
    /// what was taken later, or never, comes again once the run is [resumed](Self::resume) at that mark.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without a transport or if the stream is closed, and the error
    /// by which the transport was lost, once its samples are taken.
    pub fn take_samples(&self, most: usize) -> Result<Vec<RdfSample>> {
        self.shared.check_open()?;
        self.shared.operate(|operator| {
            // Taken first, so that what waited for room comes in before the next call.
            let taken = operator.take_samples(most);
            operator.job_turn();
            taken
        })
    }

    /// What became of the jobs so far; `None` without a transport. It waits for nothing.
    pub fn jobs(&self) -> Option<JobStats> {
        self.shared.recorder.jobs()
    }

    /// What is known of a job.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without a transport or if the stream is closed,
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is no such job.
    pub fn job(&self, id: u64) -> Result<JobReport> {
        self.shared.check_open()?;
        self.shared.operate(|operator| {
            operator.job_turn();
            let jobs = operator.jobs.as_ref().ok_or_else(no_transport)?;
            jobs.report(id).ok_or_else(|| unknown(format!("there is no job {id}: check the id")))
        })
    }

    /// The ticket of a pick's job, which a scheduler hands to a worker; `None` without a transport.
    pub fn ticket(&self, id: u64) -> Option<String> {
        self.transport.as_ref().map(|transport| transport.ticket(id))
    }
}

pub(super) fn no_transport() -> crate::error::Error {
    state("this stream has no transport, so its picks are no jobs: give its configuration one, shm:NAME or dir:PATH")
}
