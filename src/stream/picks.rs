//! What a host says of its picks and patches: states, returns, withdrawals; and what the sampler wrote down of them.
//!
//! Each call first takes in what was committed before it, as an event does, so that its place in the history does not
//! depend on how far a worker has come.
//! Not here: which state may follow which, and what returning does ([`Sampler::set_state`](crate::dynim::Sampler::set_state)).

use super::journal::records::{By, Why};
use super::operator::Operator;
use super::stream::{Shared, Stream};
use crate::dynim::{HistoryRow, Selection, State};
use crate::error::{Result, unknown};
use crate::ids;

impl Stream {
    /// Moves a pick to another state, as of `step`, which goes into the history only: its job was started, is done, has
    /// failed, is in line again, or was returned, which makes its patch a candidate again. `false` if it is in that state
    /// already. [`Sampler::set_state`](crate::dynim::Sampler::set_state) has the table.
    ///
    /// # Errors
    /// Nothing is changed by any of them. [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if `id` was never
    /// picked, [`ErrorKind::State`](crate::error::ErrorKind::State) if the state cannot follow the present one or the
    /// stream is closed.
    pub fn set_state(&self, id: u64, to: State, step: i64) -> Result<bool> {
        self.shared.check_open()?;
        self.shared.operate(|operator| operator.set_state(&self.shared, id, to, step))
    }

    /// A pick and where it is: of everything selected, and of what was returned until it is picked again.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if `id` was never picked,
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if the stream is closed.
    pub fn pick(&self, id: u64) -> Result<Selection> {
        self.shared.check_open()?;
        let pick = self.shared.operate(|operator| operator.sampler.selection(id).copied());
        pick.ok_or_else(|| unknown(format!("patch {id} was never picked, so it has no state: check the id")))
    }

    /// Forgets a patch that is not selected, as if it had never come: it became impossible, or its host rolled back. Its
    /// id is free for another patch, also if it was left out for an error. `step` goes into the history only. A patch that was committed after a loan which is
    /// still out is not known yet.
    ///
    /// # Errors
    /// Nothing is changed by any of them. [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is no such
    /// patch, [`ErrorKind::State`](crate::error::ErrorKind::State) if it is selected or the stream is closed.
    pub fn withdraw(&self, id: u64, step: i64) -> Result<()> {
        self.shared.check_open()?;
        self.shared.operate(|operator| operator.withdraw(&self.shared, id, step))
    }

    /// Removes up to `most` rows of the history, oldest first. Rows are kept only if
    /// [`Config::history`](super::Config::history) says how many.
    ///
    /// A run that is opened again has no rows until [`resume`](Self::resume), and then all of what lies behind the mark,
    /// each once: drain before setting a mark, and keep what was drained by then with the host's own checkpoint. The log
    /// has no ranks of discards and withdrawals, so these rows have none.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if the stream is closed.
    pub fn drain_history(&self, most: usize) -> Result<Vec<HistoryRow>> {
        self.shared.check_open()?;
        Ok(self.shared.operate(|operator| operator.drain_history(&self.shared, most)))
    }
}

impl Operator {
    fn set_state(&mut self, shared: &Shared, id: u64, to: State, step: i64) -> Result<bool> {
        self.take_in_all(shared);
        self.job_turn();
        if self.said_before(id, to) {
            return Ok(false);
        }
        let changed = self.sampler.set_state(id, to, step)?;
        self.after_state(id, to);
        if changed {
            self.write_state(id, to, step, By::Host);
            // Who has the job is told once it is written.
            self.committed()?;
            self.decide_job(id, to);
            self.job_turn();
        }
        self.committed()?;
        Ok(changed)
    }

    /// Keeps of a pick what its state asks for.
    pub(super) fn after_state(&mut self, id: u64, to: State) {
        self.retain_state(id, to);
        if to == State::Started {
            // It can never be returned from here on, and so never be picked again.
            self.forget(id);
        }
    }

    fn withdraw(&mut self, shared: &Shared, id: u64, step: i64) -> Result<()> {
        self.take_in_all(shared);
        if shared.registry.withdrawn_again(id) {
            return Ok(());
        }
        // The host may not know what others call it.
        let id = shared.registry.public(id);
        if !self.left_out.remove(&ids::host(id)) {
            self.sampler.withdraw(id, step)?;
        }
        self.let_go(id);
        shared.registry.withdraw(id);
        if let Some(journal) = &mut self.journal {
            journal.withdrawn(id, step, Why::Host);
        }
        self.committed()
    }

    fn drain_history(&mut self, shared: &Shared, most: usize) -> Vec<HistoryRow> {
        self.take_in_all(shared);
        if self.history.len() < most {
            self.history.extend(self.sampler.drain_history());
        }
        self.history.drain(..most.min(self.history.len())).collect()
    }
}
