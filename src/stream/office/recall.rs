//! Jobs of a run that is opened again: they get their messages back, and go on where they were.
//!
//! Not here: reading them in the log (`src/stream/journal/jobs.rs`), what earlier owners left in a folder ([`crate::job`]).

use std::collections::{HashMap, HashSet};

use super::{Jobs, Said};
use crate::dynim::State;
use crate::error::{ErrorKind, Result, corrupt};
use crate::job;
use crate::stream::config::LogLevel;
use crate::stream::journal::Samples;
use crate::stream::journal::records::By;
use crate::stream::operator::Operator;
use crate::wire;

impl Operator {
    /// The jobs that need their messages back.
    pub(in crate::stream) fn open_jobs(&self) -> HashSet<u64> {
        self.jobs.as_ref().map(|jobs| jobs.line.open().collect()).unwrap_or_default()
    }

    /// Takes the jobs up again, of which `picks` says what was told, and the samples that the host is still to take.
    pub(in crate::stream) fn recall_jobs(&mut self, mut picks: HashMap<u64, wire::Selection>, earlier: Samples) {
        let Some(mut jobs) = self.jobs.take() else { return };
        let out = std::mem::take(&mut jobs.store.out);
        if !jobs.office.outlives_owners() {
            self.bring_back(&mut jobs, &out);
        }
        let ids: Vec<u64> = jobs.line.waiting().chain(out.iter().map(|(id, _)| *id)).collect();
        for id in ids {
            let Some(selection) = picks.remove(&id) else { continue };
            if let Err(error) = jobs.recall(self, &selection) {
                jobs.set_aside(self, id, &error);
            }
        }
        jobs.store.earlier = (earlier.left > 0).then_some(earlier);
        self.jobs = Some(jobs);
    }

    /// Who had a job lost it with the owner: it is first in line again, what was given out first before the others.
    fn bring_back(&mut self, jobs: &mut Jobs, out: &[(u64, u32)]) {
        let mut back = 0;
        for &(id, attempt) in out.iter().rev() {
            if !jobs.line.put_back(id, attempt) {
                continue;
            }
            back += 1;
            let (step, to, by) = (self.last_step(), State::Issued, By::Worker);
            let reason = "its owner ended".to_owned();
            if let Err(error) = self.follow_job(Said { id, step, attempt, to, by, reason }) {
                self.lines.push((LogLevel::Warning, format!("job {id} is in line again, its pick is not: {error}")));
            }
        }
        if back > 0 {
            let line = format!("{back} jobs that workers had when the last owner ended are first in line again");
            self.lines.push((LogLevel::Info, line));
        }
    }
}

impl Jobs {
    /// Gives a job its message back.
    fn recall(&mut self, operator: &mut Operator, selection: &wire::Selection) -> Result<()> {
        let id = selection.id;
        let past = self.line.past(id).ok_or_else(|| corrupt(format!("job {id} is in no line: please report this")))?;
        let attempt = past.attempt;
        let is_there = match self.office.finds(selection) {
            // A server that is away: it is looked for again at each turn.
            Err(error) if error.kind() == ErrorKind::Io => false,
            found => found?,
        };
        if is_there {
            // Its densities lie with it.
            self.store.messages.insert(id, self.message(selection, attempt, 0));
            return Ok(());
        }
        operator.densities(id, &mut self.store.densities)?;
        let message = self.message(selection, attempt, job::hash(&self.store.densities));
        self.put_out(operator, message);
        Ok(())
    }
}
