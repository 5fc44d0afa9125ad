//! Marks and checkpoints: the host names a moment of its own, and all that came before it is durable.
//!
//! What the sampler remembers is frozen in the operator's turn and written outside it: the stream goes on meanwhile.
//! Not here: the file ([`crate::store`]), what a mark is good for ([`super::resume`]).

use std::time::Duration;

use super::records::Mark;
use super::recover::SAMPLER;
use crate::dynim::{Packed, Snapshot};
use crate::error::{Result, argument, io, state};
use crate::retain::Flush;
use crate::store::{PendingCheckpoint, Section};
use crate::stream::operator::Operator;
use crate::stream::stream::{Shared, Stream};

/// The longest name of a mark, in bytes.
const MARK_BYTES_MAX: usize = 256;

impl Stream {
    /// Sets a mark and writes a checkpoint, after taking in what was committed. Once it is `true` both are durable, and
    /// the host writes its own file, which names the mark: what came before is the stream's, from there on the host sends
    /// it again. `step` is the host's own. A mark of the same name as an earlier one takes its place.
    ///
    /// Densities that are kept in the run's folder are durable as well.
    ///
    /// Waits up to `timeout` while another thread writes one; then it is `false`, and nothing was done.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without a [`run_dir`](super::super::Config::run_dir),
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for an empty name or one of more than 256 bytes,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if it could not be written: the host does not write its file then.
    pub fn checkpoint(&self, mark: &str, step: i64, timeout: Duration) -> Result<bool> {
        self.shared.check_open()?;
        if mark.is_empty() || mark.len() > MARK_BYTES_MAX {
            return Err(argument(format!("a mark of {} bytes: give it a name of 1 to {MARK_BYTES_MAX}", mark.len())));
        }
        let Some(_turn) = self.checkpoints.try_lock_for(timeout) else { return Ok(false) };
        let begun = self.shared.operate(|operator| operator.begin_checkpoint(&self.shared, Some((mark, step))))?;
        begun.map_or(Ok(()), Begun::write)?;
        Ok(true)
    }

    /// Writes a checkpoint if the options say that it is time, and nobody writes one.
    pub(in crate::stream) fn checkpoint_if_due(&self) {
        let Some(_turn) = self.checkpoints.try_lock() else { return };
        let begun = self.shared.operate(|operator| {
            let due = operator.journal.as_ref().is_some_and(|journal| journal.is_due());
            if due { operator.begin_checkpoint(&self.shared, None) } else { Ok(None) }
        });
        if let Err(error) = begun.and_then(|begun| begun.map_or(Ok(()), Begun::write)) {
            // The event that was due before it is told all the same: the log has it.
            self.shared
                .log(crate::stream::config::LogLevel::Warning, &format!("a checkpoint was not written: {error}"));
        }
    }
}

/// A checkpoint that is still to be written.
struct Begun {
    pending: PendingCheckpoint,
    snapshot: Snapshot,
    densities: Option<Flush>,
}

impl Begun {
    /// Writes it outside the operator's turn. It counts once the densities are durable of all that it speaks of.
    fn write(self) -> Result<()> {
        if let Some(densities) = &self.densities {
            densities.sync()?;
        }
        self.pending.write_with(SAMPLER, &self.snapshot.packed()).map(drop)
    }
}

impl Section for Packed<'_> {
    fn length(&self) -> u64 {
        Packed::length(self) as u64
    }

    fn give(&self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.write(out)
    }
}

impl Operator {
    fn begin_checkpoint(&mut self, shared: &Shared, mark: Option<(&str, i64)>) -> Result<Option<Begun>> {
        if mark.is_some() {
            self.take_in_all(shared);
        }
        let last_step = self.last_step();
        let replaying = self.replay.as_ref().map(|replay| replay.after);
        let Some(journal) = &mut self.journal else {
            return Err(state("this stream has no run, so there is no checkpoint: give its configuration a run_dir"));
        };
        if let Some((name, step)) = mark {
            let after = replaying.filter(|_| shared.registry.replays());
            let (sent, unsent) = shared.registry.sent_and_unsent(after);
            let mark = Mark { step, after: 0, last_step, sent, unsent, name: name.to_owned() };
            let what = || format!("a mark that names {} patches", mark.sent.len() + mark.unsent.len());
            journal.has_room(mark.bytes(), what, "set it once the host has sent again what the log has")?;
            journal.mark(mark, after);
        }
        let pending = journal.begin_checkpoint()?;
        if pending.is_none() && mark.is_some() {
            return Err(io("the run is not written any more, so there is no checkpoint: see the log"));
        }
        let densities = self.densities_flush();
        Ok(pending.map(|pending| Begun { pending, snapshot: self.sampler.snapshot(), densities }))
    }
}
