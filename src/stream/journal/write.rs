//! What the operator writes down, and when it may tell.
//!
//! Not here: the log itself ([`super::writer`]).

use super::records::{self, By, Moved, Picked};
use crate::dynim::{Event, Pick, State};
use crate::error::{Error, Result};
use crate::stream::config::LogLevel;
use crate::stream::operator::Operator;
use crate::wire::SelectionBatch;

impl Operator {
    /// Writes an event down, with what it picked and `lost`; afterwards it may be told.
    pub(in crate::stream) fn write_event(
        &mut self,
        event: &Event,
        n: usize,
        told: &SelectionBatch,
        lost: &[Pick],
    ) -> Result<()> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        // There are at most `QUEUES_MAX` queues.
        let picked = |pick: &Pick| Picked { id: pick.id, queue: pick.queue as u16, rank: pick.rank };
        journal.event(&records::Event {
            number: event.number,
            step: event.step,
            n: n as u64,
            merged: event.merged as u64,
            candidates: told.candidates,
            selected: told.selected,
            discarded: told.discarded,
            picks: event.picks.iter().map(picked).collect(),
            lost: lost.iter().map(picked).collect(),
            gone: event.discarded.iter().map(|gone| gone.id).collect(),
        });
        self.committed()
    }

    /// Writes down that a pick moved.
    pub(in crate::stream) fn write_state(&mut self, id: u64, to: State, step: i64, by: By) {
        if let Some(journal) = &mut self.journal {
            journal.state(&Moved { id, step, attempt: 0, to, by, reason: String::new() });
        }
    }

    /// Brings everything as far as the durability says.
    pub(in crate::stream) fn committed(&mut self) -> Result<()> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let committed = journal.commit();
        self.lines.extend(journal.untold().map(|line| (LogLevel::Warning, line)));
        if committed.is_ok() {
            self.settle_densities();
        }
        committed
    }

    /// Whether nothing may be told any more.
    pub(in crate::stream) fn has_failed(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.failure().is_some())
    }

    /// As [`committed`](Self::committed), for who tells nothing yet; a failure stays for who does.
    pub(in crate::stream) fn commit(&mut self) {
        let _ = self.committed();
    }

    /// Why nothing may be told any more.
    pub(in crate::stream) fn write_failure(&self) -> Option<Error> {
        self.journal.as_ref().and_then(|journal| journal.failure().cloned())
    }

    /// Writes what is left of the run, and lets it go.
    pub(in crate::stream) fn close_run(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.close();
            self.lines.extend(journal.untold().map(|line| (LogLevel::Warning, line)));
        }
    }
}
