//! Feedback of a stream, as its host sees it: tables to take, samples to hand in, means, counts.
//!
//! Not here: what is done for them ([`super::measured`], [`super::publish`]).

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::{Error, Result, state};
use crate::feedback::{Counts, Mean, Sample, Submitted, Table};
use crate::stream::operator::Operator;
use crate::stream::stream::Stream;
use crate::wire::RdfSample;

/// The most bytes of a sample's message beside its name, extents and sums.
const SAMPLE_BYTES: usize = 256;

/// What came back so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedbackStats {
    /// Picks that are known as simulations.
    pub simulations: u64,
    /// Samples, of all observables.
    pub samples: Counts,
    /// The version of the last table; 0 before the first.
    pub version: u64,
}

impl Stream {
    /// The table that is in force at `step`, once: `None` until there is one that is newer than the last that was given.
    /// After [`resume`](Self::resume) it is given again.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without [`Config::feedback`](crate::stream::Config::feedback)
    /// or if the stream is closed.
    pub fn feedback(&self, step: i64) -> Result<Option<Arc<Table>>> {
        self.shared.check_open()?;
        self.shared.operate(|operator| operator.give_table(step))
    }

    /// What came back so far, as it was after the operator's last step: it waits for none.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without [`Config::feedback`](crate::stream::Config::feedback).
    pub fn feedback_stats(&self) -> Result<FeedbackStats> {
        self.shared.recorder.feedback().ok_or_else(no_feedback)
    }

    /// Publishes a table of everything that came in so far, as of `step`, to be in force from `in_force_from` on. It has
    /// the next version, never changes, and is in the log of a run before it is told. [`feedback`](Self::feedback) gives it
    /// when its step has come.
    ///
    /// Its weights are those of now: over the picks of each protein state that have results, and the patches of that state.
    /// Asked again for the same two steps it answers the same table, also after the host went back to a mark.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without [`Config::feedback`](crate::stream::Config::feedback),
    /// for an `in_force_from` before `step` or not after that of the last table, or if the stream is closed; those of
    /// [`Inversion`](crate::feedback::Inversion) for a g(r) that has no potential.
    pub fn publish_feedback(&self, step: i64, in_force_from: i64) -> Result<Arc<Table>> {
        self.shared.check_open()?;
        self.shared.operate(|operator| operator.publish_table(&self.shared, step, in_force_from))
    }

    /// A table that is not published, over those jobs with results that `of` says and the patches of each state: of
    /// simulations, say, that the table in force knows nothing of. `of` is asked once of each job that has results as this is
    /// called, while no lock of the stream is held: it may ask the stream.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without [`Config::feedback`](crate::stream::Config::feedback) or
    /// if the stream is closed.
    pub fn draft_feedback(&self, of: impl Fn(u64) -> bool) -> Result<Table> {
        self.shared.check_open()?;
        let jobs = self.shared.operate(|operator| {
            operator.take_in_all(&self.shared);
            operator.job_turn();
            Ok(operator.measured.as_ref().ok_or_else(no_feedback)?.jobs())
        })?;
        let those: HashSet<u64> = jobs.into_iter().filter(|&job| of(job)).collect();
        self.shared.operate(|operator| {
            let Operator { measured, sampler, .. } = operator;
            let measured = measured.as_ref().ok_or_else(no_feedback)?;
            measured.form(sampler, |job| those.contains(&job), &HashSet::new())
        })
    }

    /// Takes in what a micro simulation in this process measured of a pick. The first of a (job, observable, window)
    /// counts; it is in the log of a run before this returns.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without [`Config::feedback`](crate::stream::Config::feedback),
    /// with a transport, whose workers do this, or if the stream is closed;
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for one that is larger than an entry of a run's log may
    /// be, [`PAYLOAD_MAX`](crate::store::PAYLOAD_MAX) bytes; those of
    /// [`Collected::submit`](crate::feedback::Collected::submit).
    pub fn submit_sample(&self, sample: &Sample<'_>) -> Result<Submitted> {
        self.shared.check_open()?;
        self.shared.operate(|operator| operator.submit_sample(sample))
    }

    /// The weighted mean of an observable over the simulations of a protein state that measured it, and the patches of that
    /// state; `None`: over all simulations and patches. Weights are those of now.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without [`Config::feedback`](crate::stream::Config::feedback) or
    /// if the stream is closed, [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if no simulation measured it.
    pub fn mean(&self, observable: &str, state: Option<u16>) -> Result<Mean> {
        self.shared.check_open()?;
        self.shared.operate(|operator| {
            operator.take_in_all(&self.shared);
            operator.job_turn();
            let Operator { measured, sampler, .. } = operator;
            measured.as_ref().ok_or_else(no_feedback)?.mean(sampler, observable, state)
        })
    }
}

impl Operator {
    fn submit_sample(&mut self, sample: &Sample<'_>) -> Result<Submitted> {
        let measured = self.measured.as_mut().ok_or_else(no_feedback)?;
        if self.jobs.is_some() {
            return Err(state(format!(
                "job {} is for the workers of the stream's transport, who hand samples in themselves: open a job there",
                sample.job
            )));
        }
        if let Some(journal) = &self.journal {
            let Sample { job, observable, window, shape, sums, .. } = *sample;
            let what = || format!("window {window} of `{observable}` of job {job}");
            let bytes = SAMPLE_BYTES + observable.len() + 4 * shape.len() + 8 * sums.len();
            let room = journal.has_room(bytes, what, "measure less in one window, or under several names");
            room.inspect_err(|_| measured.feedback.refuse())?;
        }
        let answer = measured.feedback.submit(sample)?;
        if let (Submitted::Accepted, Some(journal)) = (answer, &mut self.journal) {
            let Sample { job, observable, window, frames, shape, sums } = *sample;
            let message = self.packer.sample(&RdfSample {
                job,
                attempt: 0,
                observable: observable.to_owned(),
                window,
                frames,
                shape: shape.to_vec(),
                sums: sums.to_vec(),
            });
            journal.sample(message);
        }
        self.committed()?;
        Ok(answer)
    }
}

pub(super) fn no_feedback() -> Error {
    state("this stream has no feedback: give its configuration a [feedback]")
}
