//! The jobs behind a stream: picks go into the line, workers' words to the sampler, samples wait for the host.
//!
//! Not here: what the host calls ([`super::jobs`]), the rules of the line ([`crate::job`]), jobs of a run that is opened
//! again ([`recall`]).

use std::collections::{HashMap, VecDeque};

use super::config::{Config, LogLevel};
use super::jobs::{JobReport, JobStats};
use super::journal::records::{By, Given, Moved as Said};
use super::journal::{JobsFound, Samples};
use super::operator::Operator;
use crate::dynim::State;
use crate::error::{Error, Result};
use crate::job::{self, Deliver, DirOffice, Line, Moved, Office, ShmOffice, Transport};
use crate::lane::Lane;
use crate::patch::Shape;
use crate::wire::{self, RdfSample};

pub(super) use reasons::Reasons;

/// The jobs of a stream.
pub(super) struct Jobs {
    transport: Transport,
    line: Line,
    office: Box<dyn Office>,
    store: Store,
    /// Why the transport is lost.
    lost: Option<Error>,
}

/// What belongs to jobs beside their places in the line.
struct Store {
    shape: Shape,
    size_nm: f64,
    /// What workers are told with each job.
    note: Option<String>,
    /// The messages of all jobs that are not over.
    messages: HashMap<u64, wire::Job>,
    reasons: Reasons,
    /// Accepted samples that the host has not taken yet, and their entries in the run's log, 0 without one.
    samples: VecDeque<(u64, RdfSample)>,
    /// Those before them: of a run that was opened again, in its log.
    earlier: Option<Samples>,
    /// Of such a run, the jobs that somebody had, with attempts, in the order in which they were given out.
    out: Vec<(u64, u32)>,
    sample_bytes: u64,
    sample_bytes_max: u64,
    /// The densities that are being given out.
    densities: Vec<f32>,
    packer: wire::Packer,
}

impl Jobs {
    pub(super) fn new(
        transport: Transport,
        line: Line,
        office: Box<dyn Office>,
        config: &Config,
        shape: Shape,
    ) -> Self {
        let store = Store {
            shape,
            size_nm: config.size_nm,
            note: config.jobs.note.clone(),
            messages: HashMap::new(),
            reasons: Reasons::default(),
            samples: VecDeque::new(),
            earlier: None,
            out: Vec::new(),
            sample_bytes: 0,
            sample_bytes_max: config.jobs.sample_bytes,
            densities: vec![0.0; shape.len()],
            packer: wire::Packer::new(),
        };
        Self { transport, line, office, store, lost: None }
    }

    pub(super) fn stats(&self) -> JobStats {
        JobStats {
            counts: self.line.counts(),
            workers: self.office.workers() as u64,
            samples: self.store.samples.len() as u64 + self.store.earlier.as_ref().map_or(0, |earlier| earlier.left),
            sample_bytes: self.store.sample_bytes,
        }
    }

    pub(super) fn report(&self, id: u64) -> Option<JobReport> {
        let past = self.line.past(id)?;
        Some(JobReport {
            attempt: past.attempt,
            failures: past.failures,
            state: past.state,
            holder: past.holder.clone(),
            reason: self.store.reasons.get(id).map(String::from),
        })
    }

    /// A worker came.
    pub(super) fn welcome(&mut self, lane: Lane) {
        self.office.welcome(lane);
    }

    /// The stream is closed.
    pub(super) fn close(&mut self) {
        self.office.close();
    }

    /// Whether a turn would do something.
    pub(super) fn has_work(&mut self) -> bool {
        self.lost.is_none() && self.office.has_work(&self.line)
    }
}

impl Operator {
    /// Takes in what workers sent and gives jobs out. `true` if anything happened.
    pub(super) fn job_turn(&mut self) -> bool {
        if self.awaits_host || self.has_failed() {
            return false;
        }
        let Some(mut jobs) = self.jobs.take() else { return false };
        let mut any = false;
        if jobs.lost.is_none() {
            let Jobs { line, office, store, .. } = &mut *jobs;
            match office.turn(line, &mut Behind { operator: self, store }) {
                Ok(some) => any = some,
                Err(error) => {
                    self.lines.push((LogLevel::Warning, format!("the transport {} is lost: {error}", jobs.transport)));
                    jobs.lost = Some(error);
                }
            }
        }
        if let Some(door) = &mut self.door {
            jobs.office.gone().into_iter().for_each(|lane| door.retire(lane));
        }
        self.jobs = Some(jobs);
        if any {
            self.commit();
        }
        any
    }

    /// Puts a pick into the line. One whose densities are lost is set aside: the event and its other picks stand.
    pub(super) fn issue_job(&mut self, selection: &wire::Selection) {
        let Some(mut jobs) = self.jobs.take() else { return };
        if let Err(error) = jobs.issue(self, selection) {
            jobs.set_aside(self, selection.id, &error);
        }
        self.jobs = Some(jobs);
    }

    /// The host moved a pick to another state: its job follows.
    pub(super) fn decide_job(&mut self, id: u64, to: State) {
        let Some(jobs) = &mut self.jobs else { return };
        let held = jobs.line.past(id).filter(|past| past.holder.is_some()).map(|past| past.attempt);
        if let Ok(moved) = jobs.line.decide(id, to) {
            jobs.store.follow(id, to, moved);
            jobs.office.decided(id, held, to, moved);
        }
    }
}

impl Jobs {
    fn issue(&mut self, operator: &mut Operator, selection: &wire::Selection) -> Result<()> {
        let id = selection.id;
        operator.densities(id, &mut self.store.densities)?;
        // Its pick was returned, and picked again.
        let again = self.line.past(id).filter(|past| past.state == State::Returned);
        let attempt = again.map_or(0, |past| past.attempt);
        let message = self.message(selection, attempt, job::hash(&self.store.densities));
        // One that an earlier owner of a folder issued goes on where it was.
        if self.line.past(id).is_none_or(|past| past.state == State::Returned) {
            self.line.issue(id)?;
        }
        self.put_out(operator, message);
        Ok(())
    }

    /// Puts a job whose densities were read where workers find it.
    fn put_out(&mut self, operator: &mut Operator, message: wire::Job) {
        let id = message.selection.id;
        if let Err(error) = self.office.issue(&message, &self.store.densities) {
            operator.lines.push((LogLevel::Warning, format!("job {id} is not out yet: {error}")));
        }
        self.store.messages.insert(id, message);
    }

    /// The message of a job that was given out `attempt` times; `hash` is that of its densities.
    fn message(&self, selection: &wire::Selection, attempt: u32, hash: u64) -> wire::Job {
        let Store { shape, size_nm, .. } = &self.store;
        let [nx, ny, channels] = [shape.nx, shape.ny, shape.channels].map(|extent| extent as u32);
        let (place, path) = (wire::Place::Slot, None);
        wire::Job {
            ticket: self.transport.ticket(selection.id),
            selection: selection.clone(),
            densities: wire::Densities { place, path, offset: 64, nx, ny, channels, hash },
            attempt,
            size_nm: *size_nm,
            lease_s: self.office.lease_s(),
            accepted: Vec::new(),
            ask: 0,
            note: self.store.note.clone(),
        }
    }

    /// A pick that cannot be given out is in line for as long as it takes to set it aside, so that its host sees it fail.
    fn set_aside(&mut self, operator: &mut Operator, id: u64, error: &Error) {
        // Refused where it is known already, and then it is that one.
        let _ = self.line.issue(id);
        let held = self.line.past(id).filter(|past| past.holder.is_some()).map(|past| past.attempt);
        self.line.set_aside(id);
        self.office.decided(id, held, State::Failed, Moved::SetAside);
        let mut stream = Behind { operator, store: &mut self.store };
        stream.say(format!("job {id} is set aside, since it cannot be given out: {error}"));
        stream.moved(id, State::Failed, Moved::SetAside, Some(error.message()));
    }
}

impl Store {
    /// Gives up what belongs to a job that is over: also one whose end was known before its pick came, of an earlier owner.
    fn follow(&mut self, id: u64, to: State, moved: Moved) {
        if to != State::Done && !matches!(moved, Moved::Over | Moved::SetAside | Moved::Out) {
            return;
        }
        self.messages.remove(&id);
        self.reasons.over(id);
    }
}

/// The stream, as its transport sees it.
struct Behind<'a> {
    operator: &'a mut Operator,
    store: &'a mut Store,
}

impl Deliver for Behind<'_> {
    fn job(&mut self, id: u64) -> Result<(wire::Job, &[f32])> {
        let lost = || crate::error::corrupt(format!("what belongs to job {id} is gone: please report this"));
        let message = self.store.messages.get(&id).ok_or_else(lost)?.clone();
        self.operator.densities(id, &mut self.store.densities)?;
        Ok((message, &self.store.densities))
    }

    fn given(&mut self, id: u64, attempt: u32, who: &str) -> Result<()> {
        if let Some(message) = self.store.messages.get_mut(&id) {
            message.attempt = attempt;
        }
        if let Some(journal) = &mut self.operator.journal {
            journal.given(&Given { id, attempt, who: who.to_owned() });
        }
        self.operator.committed()
    }

    fn has_room(&self, sums: usize) -> bool {
        // One sample always finds room, however large it is. Many without a sum take room too.
        let Store { samples, sample_bytes, sample_bytes_max, .. } = &*self.store;
        let beside = (samples.len() as u64 + 1) * size_of::<RdfSample>() as u64;
        samples.is_empty() || sample_bytes + 8 * sums as u64 + beside <= *sample_bytes_max
    }

    fn fits(&mut self, sample: &RdfSample) -> Result<()> {
        self.operator.measured.as_mut().map_or(Ok(()), |measured| measured.fits(sample))
    }

    fn sample(&mut self, sample: RdfSample) -> Result<()> {
        let entry = match &mut self.operator.journal {
            None => 0,
            Some(journal) => {
                let entry = journal.sample(self.store.packer.sample(&sample));
                journal.failure().cloned().map_or(Ok(entry), Err)?
            }
        };
        if let Some(measured) = &mut self.operator.measured {
            measured.take(&sample);
            if measured.own() == Some(sample.observable.as_str()) {
                return Ok(());
            }
        }
        self.store.sample_bytes += samples::bytes_of(&sample);
        self.store.samples.push_back((entry, sample));
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.operator.committed()
    }

    fn moved(&mut self, id: u64, to: State, moved: Moved, reason: Option<&str>) {
        if let Some(reason) = reason {
            self.store.reasons.give(id, reason);
        }
        if moved == Moved::SetAside {
            let why = reason.unwrap_or("no reason was given");
            let line = format!("job {id} failed three times and is set aside: {why}");
            self.operator.lines.push((LogLevel::Warning, line));
        }
        let attempt = self.store.messages.get(&id).map_or(0, |message| message.attempt);
        self.store.follow(id, to, moved);
        let by = if moved == Moved::SetAside { By::Aside } else { By::Worker };
        let reason = reason.unwrap_or_default().to_owned();
        let step = self.operator.last_step();
        if let Err(error) = self.operator.follow_job(Said { id, step, attempt, to, by, reason }) {
            self.operator.lines.push((LogLevel::Warning, format!("job {id} is {to}, its pick is not: {error}")));
        }
        // Whoever could not be told that it failed hears of it at the next call.
        self.operator.commit();
    }

    fn say(&mut self, line: String) {
        self.operator.lines.push((LogLevel::Warning, line));
    }
}

impl Operator {
    /// Moves a pick to where its job is, through *started* where the two do not follow each other: a worker may say less
    /// than all.
    fn follow_job(&mut self, mut said: Said) -> Result<()> {
        use State::{Done, Failed, Interrupted, Issued, Started};
        let from = self.sampler.selection(said.id).map(|pick| pick.state);
        match (from, said.to) {
            // Never started, so it is where it was.
            (Some(Issued), Interrupted) => said.to = Issued,
            (Some(Issued | Interrupted | Failed), Done) | (Some(Failed), Failed | Interrupted) => {
                self.move_pick(&Said { to: Started, by: By::Worker, reason: String::new(), ..said })?;
            }
            _ => {}
        }
        self.move_pick(&said)
    }

    /// Moves a pick to a state, and writes down where its job is, which may have been in line and out of it meanwhile.
    fn move_pick(&mut self, said: &Said) -> Result<()> {
        self.sampler.set_state(said.id, said.to, said.step)?;
        self.after_state(said.id, said.to);
        if let Some(journal) = &mut self.journal {
            journal.state(said);
        }
        Ok(())
    }
}

/// How other processes reach the stream.
impl Operator {
    /// Opens the transport, after which every pick is a job. A folder's name becomes one that holds anywhere.
    /// `found` are the jobs of a run that is opened again.
    pub(super) fn open_transport(
        &mut self,
        transport: &mut Transport,
        config: &Config,
        shape: Shape,
        found: JobsFound,
    ) -> Result<()> {
        config.jobs.check()?;
        let out = found.out();
        let JobsFound { mut line, reasons, .. } = found;
        let office: Box<dyn Office> = match transport {
            Transport::Shm(_) => Box::new(ShmOffice::default()),
            Transport::Dir(path) => {
                let office = DirOffice::open(path, config.jobs.folder(), &mut line)?;
                *transport = Transport::folder(office.path())?;
                Box::new(office)
            }
        };
        let mut jobs = Jobs::new(transport.clone(), line, office, config, shape);
        (jobs.store.reasons, jobs.store.out) = (reasons, out);
        self.jobs = Some(Box::new(jobs));
        Ok(())
    }
}

mod reasons;
mod recall;
mod samples;
#[cfg(test)]
mod tests;
