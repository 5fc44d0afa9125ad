//! The way in within one process: patches are checked, hashed and committed to this producer's ring in the host's own
//! call.
//!
//! Not here: what happens to them afterwards ([`super::operator`]), producers of other processes ([`super::remote`]).

use std::sync::Arc;

use twox_hash::XxHash3_64;

use super::producer::Pushed;
use super::registry::Taken;
use super::stats::{Stage, now_ns};
use super::stream::Shared;
use crate::error::{Error, Result, argument, shape, state};
use crate::guest::FpGuard;
use crate::patch::{Constellation, Field, Meta, check_densities, check_meta};
use crate::ring;
use crate::wire::Packer;

/// A producer of a stream in this process.
pub(super) struct Local {
    shared: Arc<Shared>,
    ring: ring::Producer,
    packer: Packer,
}

/// A slot that the host fills.
pub(super) struct Loan {
    slot: ring::Loan,
    id: u64,
    step: i64,
    metadata_bytes: usize,
    /// When the loan was asked for, and how long that took, in ns: filling is the host's time, not ours.
    spent_ns: u64,
}

impl Local {
    pub(super) fn new(shared: Arc<Shared>, ring: ring::Producer) -> Self {
        Self { shared, ring, packer: Packer::new() }
    }

    /// Converts, checks, commits.
    pub(super) fn push(&mut self, meta: &Meta<'_>, field: &Field<'_>) -> Result<Pushed> {
        let expected = self.shared.shape;
        if field.shape() != expected {
            return self.refused(shape(format!(
                "patch {} is {}, this stream takes {expected}: check the grid and the channels",
                meta.id,
                field.shape()
            )));
        }
        let _environment = FpGuard::enter();
        let Some(mut loan) = self.loan(meta)? else { return Ok(Pushed::Full) };
        let started = now_ns();
        if let Err(error) = field.copy_into(loan.densities_mut()) {
            self.abandon(loan);
            return self.refused(error);
        }
        loan.spent_ns += now_ns() - started;
        self.commit(loan)
    }

    /// Lends a slot.
    pub(super) fn loan(&mut self, meta: &Meta<'_>) -> Result<Option<Loan>> {
        let _environment = FpGuard::enter();
        let started = now_ns();
        match self.try_loan(meta, started) {
            Ok(Some(loan)) => Ok(Some(loan)),
            Ok(None) => {
                self.shared.recorder.count(&self.shared.recorder.full);
                // A loan that was dropped may have held up what the worker can take now.
                self.shared.ring_bell();
                Ok(None)
            }
            Err(error) => self.refused(error),
        }
    }

    /// Checks and commits what was filled.
    pub(super) fn commit(&mut self, loan: Loan) -> Result<Pushed> {
        let _environment = FpGuard::enter();
        let started = now_ns();
        let (loan, content) = match self.accept(loan) {
            Ok(accepted) => accepted,
            Err((loan, refusal)) => {
                self.abandon(loan);
                return match refusal {
                    None => {
                        self.shared.recorder.count(&self.shared.recorder.known);
                        Ok(Pushed::Known)
                    }
                    Some(error) => self.refused(error),
                };
            }
        };
        let (id, step, committed_ns) = (loan.id, loan.step, now_ns());
        let header =
            ring::Header { kind: ring::KIND_PATCH, id, step, committed_ns, content, ..ring::Header::default() };
        if let Err(error) = self.ring.commit(loan.slot, loan.metadata_bytes, header) {
            self.shared.registry.free(id);
            return self.refused(error);
        }
        self.shared.recorder.time(Stage::Push, loan.spent_ns + committed_ns - started);
        self.shared.recorder.count(&self.shared.recorder.pushed);
        self.shared.ring_bell();
        Ok(Pushed::Accepted)
    }

    /// Gives a loan up.
    pub(super) fn abandon(&mut self, loan: Loan) {
        self.ring.abandon(loan.slot);
        // What was committed after it need not wait any more.
        self.shared.ring_bell();
    }

    /// Counts a patch that was refused.
    pub(super) fn refuse(&self, error: &Error) {
        self.shared.recorder.reject(error.kind());
    }

    /// Whether the stream is there.
    pub(super) fn check(&self) -> Result<()> {
        self.shared.check_open()
    }

    /// Ends a step.
    pub(super) fn end_step(&mut self, step: i64) -> Result<()> {
        self.shared.check_open()?;
        if self.ring.has_loans() {
            return Err(state(format!("step {step} cannot end while a loan is out: commit or abandon it first")));
        }
        if step < self.ring.ended_step() {
            return Err(state(format!(
                "step {step} ends after step {} did: steps end in order",
                self.ring.ended_step()
            )));
        }
        self.ring.end_step(step);
        self.shared.ring_bell();
        Ok(())
    }

    fn try_loan(&mut self, meta: &Meta<'_>, started: u64) -> Result<Option<Loan>> {
        let shared = &self.shared;
        shared.check_open()?;
        check_meta(meta, &shared.states, shared.size_nm)?;
        self.check_step(meta.id, meta.step)?;
        let packed = self.packer.patch_meta(meta, Constellation::of(meta.proteins, &shared.states));
        let room = self.ring.geometry().metadata_bytes();
        if packed.len() > room {
            return Err(argument(format!(
                "patch {} has {} proteins and its metadata take {} bytes, a slot has room for {room}: send fewer",
                meta.id,
                meta.proteins.len(),
                packed.len()
            )));
        }
        let Some(mut slot) = self.ring.loan(shared.shape.len())? else { return Ok(None) };
        slot.metadata_mut()[..packed.len()].copy_from_slice(packed);
        let (id, step, metadata_bytes) = (meta.id, meta.step, packed.len());
        Ok(Some(Loan { slot, id, step, metadata_bytes, spent_ns: now_ns() - started }))
    }

    /// Checks a filled loan and takes its id. Answers with the loan and the hash of its content, or with the loan and
    /// why it is not to be committed: an error, or none where the same patch is known.
    fn accept(&self, mut loan: Loan) -> Result<(Loan, u64), (Loan, Option<Error>)> {
        let sound = || {
            check_densities(loan.densities(), self.shared.shape)
                .map_err(|error| error.context(format!("patch {}", loan.id)))
        };
        let checked =
            self.shared.check_open().and_then(|()| self.check_step(loan.id, loan.step)).and_then(|()| sound());
        if let Err(error) = checked {
            return Err((loan, Some(error)));
        }
        let content = content(&mut loan);
        loop {
            return match self.shared.registry.take(loan.id, content, loan.step) {
                Ok(Taken::New) => Ok((loan, content)),
                Ok(Taken::Known) => Err((loan, None)),
                Ok(Taken::Differs) => match self.shared.operate(|operator| operator.differ(&self.shared)) {
                    // It is no difference any more.
                    Ok(()) => continue,
                    Err(error) => Err((loan, Some(error))),
                },
                Err(error) => Err((loan, Some(error))),
            };
        }
    }

    /// Refuses a new patch of a step that has ended; a known one may be sent again at any time.
    fn check_step(&self, id: u64, step: i64) -> Result<()> {
        if step <= self.ring.ended_step() && !self.shared.registry.contains(id) {
            return Err(state(format!(
                "patch {id} is of step {step}, but this producer has ended step {}: push before end_step",
                self.ring.ended_step()
            )));
        }
        Ok(())
    }

    /// Counts an error and hands it on.
    fn refused<T>(&self, error: Error) -> Result<T> {
        self.refuse(&error);
        Err(error)
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.ring.close();
        self.shared.ring_bell();
    }
}

impl Loan {
    pub(super) fn densities(&self) -> &[f32] {
        &self.slot
    }

    pub(super) fn densities_mut(&mut self) -> &mut [f32] {
        &mut self.slot
    }
}

/// The hash of a loan's content.
fn content(loan: &mut Loan) -> u64 {
    let densities = XxHash3_64::oneshot(loan.slot.tensor_bytes());
    let bytes = loan.metadata_bytes;
    XxHash3_64::oneshot_with_seed(densities, &loan.slot.metadata_mut()[..bytes])
}

/// XXH3 of a patch's densities (little-endian), then, seeded with that, of its metadata.
pub(super) fn content_of(densities: &[u8], metadata: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(densities), metadata)
}
