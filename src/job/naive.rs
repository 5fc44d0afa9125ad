//! Tests: the line of jobs in its most obvious form. A list for the line, a set for the windows, a pass for each look.
//!
//! Not here: errors' sentences; only their kinds are compared.

use std::collections::HashSet;

use super::past::{JobCounts, Moved};
use crate::dynim::State;
use crate::error::ErrorKind;

#[derive(Default)]
pub(super) struct NaiveLine {
    pub(super) jobs: Vec<NaiveJob>,
    /// Ids in line, the next one first.
    pub(super) line: Vec<u64>,
    pub(super) events: JobCounts,
}

pub(super) struct NaiveJob {
    pub(super) id: u64,
    pub(super) attempt: u32,
    pub(super) failures: u32,
    pub(super) state: State,
    pub(super) held: bool,
    windows: HashSet<(String, u64)>,
}

impl NaiveLine {
    fn job(&mut self, id: u64) -> Result<&mut NaiveJob, ErrorKind> {
        self.jobs.iter_mut().find(|job| job.id == id).ok_or(ErrorKind::Unknown)
    }

    fn move_to(&mut self, id: u64, front: bool) {
        self.line.retain(|&other| other != id);
        if front { self.line.insert(0, id) } else { self.line.push(id) }
    }

    pub(super) fn issue(&mut self, id: u64) -> Result<(), ErrorKind> {
        match self.job(id) {
            Err(_) => self.jobs.push(NaiveJob {
                id,
                attempt: 0,
                failures: 0,
                state: State::Issued,
                held: false,
                windows: HashSet::new(),
            }),
            Ok(job) if job.state == State::Returned => job.state = State::Issued,
            Ok(_) => return Err(ErrorKind::State),
        }
        self.move_to(id, false);
        Ok(())
    }

    pub(super) fn take(&mut self, id: Option<u64>) -> Result<Option<(u64, u32)>, ErrorKind> {
        let Some(id) = id.or(self.line.first().copied()) else { return Ok(None) };
        let in_line = self.line.contains(&id);
        let job = self.job(id)?;
        if job.held {
            return Err(ErrorKind::Busy);
        }
        if !in_line {
            return Err(ErrorKind::State);
        }
        job.held = true;
        job.attempt += 1;
        let attempt = job.attempt;
        self.line.retain(|&other| other != id);
        self.events.given += 1;
        Ok(Some((id, attempt)))
    }

    pub(super) fn died(&mut self, id: u64, attempt: u32) -> bool {
        match self.job(id) {
            Ok(job) if job.held && job.attempt == attempt => {
                job.held = false;
                job.state = State::Issued;
                self.move_to(id, true);
                self.events.deaths += 1;
                true
            }
            _ => false,
        }
    }

    pub(super) fn say(&mut self, id: u64, attempt: u32, to: State) -> Result<Moved, ErrorKind> {
        let answer = self.try_say(id, attempt, to);
        self.events.refused += u64::from(answer.is_err());
        answer
    }

    fn try_say(&mut self, id: u64, attempt: u32, to: State) -> Result<Moved, ErrorKind> {
        let job = self.job(id)?;
        if !job.held || job.attempt != attempt {
            let again = job.attempt == attempt && attempt > 0 && job.state == to;
            return if again { Ok(Moved::Known) } else { Err(ErrorKind::Fenced) };
        }
        match to {
            State::Returned => Err(ErrorKind::State),
            State::Started if job.state == State::Started => Ok(Moved::Known),
            _ => Ok(self.put(id, to)),
        }
    }

    pub(super) fn decide(&mut self, id: u64, to: State) -> Result<Moved, ErrorKind> {
        let job = self.job(id)?;
        if job.failures >= 3 || matches!(job.state, State::Done | State::Returned) {
            return Ok(Moved::Known);
        }
        Ok(self.put(id, to))
    }

    fn put(&mut self, id: u64, to: State) -> Moved {
        let job = self.job(id).expect("looked up before");
        job.state = to;
        if to == State::Started {
            return Moved::Kept;
        }
        job.held = false;
        if to == State::Failed {
            job.failures += 1;
        }
        let aside = job.failures == 3;
        self.line.retain(|&other| other != id);
        match to {
            State::Returned => return Moved::Out,
            State::Done => return Moved::Over,
            State::Failed if aside => return Moved::SetAside,
            State::Failed => self.move_to(id, false),
            _ => self.move_to(id, true),
        }
        Moved::Back
    }

    pub(super) fn sample(&mut self, id: u64, attempt: u32, name: &str, window: u64) -> Result<bool, ErrorKind> {
        let fresh = match self.job(id) {
            Err(kind) => Err(kind),
            Ok(job) if !job.held || job.attempt != attempt => Err(ErrorKind::Fenced),
            Ok(_) if name.is_empty() => Err(ErrorKind::Argument),
            Ok(job) => Ok(job.windows.insert((name.to_owned(), window))),
        };
        match fresh {
            Ok(true) => self.events.accepted += 1,
            Ok(false) => self.events.known += 1,
            Err(_) => self.events.refused += 1,
        }
        fresh
    }

    pub(super) fn counts(&self) -> JobCounts {
        let count = |what: &dyn Fn(&NaiveJob) -> bool| self.jobs.iter().filter(|job| what(job)).count() as u64;
        JobCounts {
            in_line: self.line.len() as u64,
            held: count(&|job| job.held),
            done: count(&|job| job.state == State::Done),
            set_aside: count(&|job| job.failures == 3),
            ..self.events
        }
    }
}
