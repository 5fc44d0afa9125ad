//! The way in: patches are checked, hashed and committed to this producer's ring in the host's own call.
//!
//! Not here: what happens to them afterwards ([`super::operator`]).

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use twox_hash::XxHash3_64;

use super::stats::{Stage, now_ns};
use super::stream::Shared;
use crate::error::{Result, argument, shape, state};
use crate::patch::{Constellation, Field, Meta, check_densities, check_meta};
use crate::ring;
use crate::wire::Packer;

/// What became of a patch that a host pushed. A patch that is refused is an error instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is in the ring.
    Accepted,
    /// It was there already, with the same content: nothing changed.
    Known,
    /// The ring is full, nothing was taken: call [`Stream::poll`](super::Stream::poll), then push it again.
    Full,
}

/// One source of patches: one thread at a time, any thread. Dropped, it ends; what it committed stays.
pub struct Producer {
    shared: Arc<Shared>,
    ring: ring::Producer,
    packer: Packer,
}

/// A patch's place in the ring, being filled: its densities as a slice, `[(y * nx + x) * channels + c]`, with
/// whatever was there before. Several may be out, and any thread may fill one. Dropped, it is given up.
pub struct Loan {
    slot: ring::Loan,
    id: u64,
    step: i64,
    metadata_bytes: usize,
    /// When the loan was asked for, and how long that took, in ns: filling is the host's time, not ours.
    spent_ns: u64,
}

impl Producer {
    pub(super) fn new(shared: Arc<Shared>, ring: ring::Producer) -> Self {
        Self { shared, ring, packer: Packer::new() }
    }

    /// Copies a patch into the ring: `field` is converted to float32 as it is read.
    ///
    /// # Errors
    /// Those of [`loan`](Self::loan) and [`commit`](Self::commit), and
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for a field of another size. Each is counted, nothing of
    /// the patch stays, and the next one can be pushed.
    pub fn push(&mut self, meta: &Meta<'_>, field: &Field<'_>) -> Result<Pushed> {
        let expected = self.shared.shape;
        if field.shape() != expected {
            return self.refused(shape(format!(
                "patch {} is {}, this stream takes {expected}: check the grid and the channels",
                meta.id,
                field.shape()
            )));
        }
        let Some(mut loan) = self.loan(meta)? else { return Ok(Pushed::Full) };
        let started = now_ns();
        if let Err(error) = field.copy_into(&mut loan) {
            return self.refused(error);
        }
        loan.spent_ns += now_ns() - started;
        self.commit(loan)
    }

    /// A place in the ring for one patch, to be filled in place and committed; `None` while the ring is full.
    ///
    /// # Errors
    /// Those of [`check_meta`]; [`ErrorKind::State`](crate::error::ErrorKind::State) for a step that has ended or a
    /// stream that is closed; [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for more proteins than a slot
    /// has room for.
    pub fn loan(&mut self, meta: &Meta<'_>) -> Result<Option<Loan>> {
        let started = now_ns();
        match self.try_loan(meta, started) {
            Ok(Some(loan)) => Ok(Some(loan)),
            Ok(None) => {
                self.shared.recorder.count(&self.shared.recorder.full);
                Ok(None)
            }
            Err(error) => self.refused(error),
        }
    }

    /// Commits a patch that was filled in place: [`Pushed::Accepted`] or [`Pushed::Known`].
    ///
    /// # Errors
    /// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for a density that is not finite,
    /// [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict) for an id that is known with other content,
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if the step has ended meanwhile. The loan is given up.
    pub fn commit(&mut self, loan: Loan) -> Result<Pushed> {
        let started = now_ns();
        match self.try_commit(loan, started) {
            Ok(Pushed::Accepted) => {
                self.shared.recorder.count(&self.shared.recorder.pushed);
                self.shared.ring_doorbell();
                Ok(Pushed::Accepted)
            }
            Ok(pushed) => {
                self.shared.recorder.count(&self.shared.recorder.known);
                self.ring.publish();
                Ok(pushed)
            }
            Err(error) => self.refused(error),
        }
    }

    /// Says that this producer sends nothing more for steps up to `step`. With several producers an event waits until
    /// each has said so.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if a later step has ended already.
    pub fn end_step(&mut self, step: i64) -> Result<()> {
        if step < self.ring.ended_step() {
            return Err(state(format!(
                "step {step} ends after step {} did: steps end in order",
                self.ring.ended_step()
            )));
        }
        self.ring.end_step(step);
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

    fn try_commit(&mut self, mut loan: Loan, started: u64) -> Result<Pushed> {
        self.shared.check_open()?;
        self.check_step(loan.id, loan.step)?;
        check_densities(&loan, self.shared.shape).map_err(|error| error.context(format!("patch {}", loan.id)))?;
        let content = content(&mut loan);
        if !self.shared.registry.take(loan.id, content)? {
            return Ok(Pushed::Known);
        }
        let committed_ns = now_ns();
        self.shared.recorder.time(Stage::Push, loan.spent_ns + committed_ns - started);
        let (id, step) = (loan.id, loan.step);
        let header =
            ring::Header { kind: ring::KIND_PATCH, id, step, committed_ns, content, ..ring::Header::default() };
        self.ring.commit(loan.slot, loan.metadata_bytes, header).inspect_err(|_| self.shared.registry.free(id))?;
        Ok(Pushed::Accepted)
    }

    fn check_step(&self, id: u64, step: i64) -> Result<()> {
        if step <= self.ring.ended_step() {
            return Err(state(format!(
                "patch {id} is of step {step}, but this producer has ended step {}: push before end_step",
                self.ring.ended_step()
            )));
        }
        Ok(())
    }

    /// Counts an error and hands it on; slots that were given up go to the reader.
    fn refused<T>(&mut self, error: crate::error::Error) -> Result<T> {
        self.shared.recorder.reject(error.kind());
        self.ring.publish();
        Err(error)
    }
}

impl Loan {
    /// Names the loan among those that are out.
    pub fn index(&self) -> u64 {
        self.slot.index()
    }
}

impl Deref for Loan {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.slot
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.slot
    }
}

/// XXH3 of a patch's densities (little-endian), then, seeded with that, of its metadata.
fn content(loan: &mut Loan) -> u64 {
    let densities = XxHash3_64::oneshot(loan.slot.tensor_bytes());
    let bytes = loan.metadata_bytes;
    XxHash3_64::oneshot_with_seed(densities, &loan.slot.metadata_mut()[..bytes])
}
