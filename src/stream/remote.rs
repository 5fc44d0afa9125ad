//! The way in from another process: patches are checked, hashed and committed to a ring in shared memory, and the stream
//! checks them again.
//!
//! A step that this producer has ended takes no patch any more, known or not: attached anew, everything can be sent again.
//! Not here: the stream's side ([`super::lanes`]), doors and lanes themselves ([`crate::lane`]).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::about::About;
use super::lanes::{self, refusal_of};
use super::local::content_of;
use super::producer::{Answers, OnFull, Pushed};
use super::stats::now_ns;
use crate::error::{Result, argument, shape, state};
use crate::guest::FpGuard;
use crate::lane::{Role, Visit};
use crate::patch::{Constellation, Field, Meta, ProteinStates, Shape, check_densities, check_meta};
use crate::ring::{self, Geometry, Header, KIND_PATCH, Wait, Waited, bytes_of};
use crate::sync::{AtomicBool, Ordering};
use crate::wire::Packer;

/// A producer of a stream in another process.
pub(super) struct Remote {
    visit: Visit,
    label: String,
    shape: Shape,
    size_nm: f64,
    states: ProteinStates,
    policy: OnFull,
    /// Ends a wait for room.
    stop: Arc<AtomicBool>,
    packer: Packer,
    /// Buffers of loans that have ended.
    spare: Vec<Box<[f32]>>,
    /// How often there was no room, and how many patches were dropped.
    full: u64,
    dropped: u64,
    /// Patches committed.
    sent: u64,
}

/// A slot that is taken, and the memory that the host fills: no reference into shared memory is given out.
pub(super) struct Loan {
    slot: ring::Loan<ring::Shared>,
    densities: Box<[f32]>,
    metadata: Vec<u8>,
    id: u64,
    step: i64,
}

impl Loan {
    pub(super) fn densities(&self) -> &[f32] {
        &self.densities
    }

    pub(super) fn densities_mut(&mut self) -> &mut [f32] {
        &mut self.densities
    }
}

impl Remote {
    pub(super) fn attach(name: &str, label: &str, timeout: Duration) -> Result<Self> {
        let rings = |about: &str| {
            let about = About::read(about)?;
            Ok((Geometry::new(about.slots, about.shape()?.len())?, None))
        };
        let visit = Visit::attach(name, Role::Producer, label, rings, timeout)?;
        let about = About::read(visit.about())?;
        let (shape, states) = (about.shape()?, about.protein_states()?);
        Ok(Self {
            visit,
            label: label.into(),
            shape,
            size_nm: about.size_nm,
            states,
            policy: OnFull::Answer,
            stop: Arc::default(),
            packer: Packer::new(),
            spare: Vec::new(),
            full: 0,
            dropped: 0,
            sent: 0,
        })
    }

    /// Converts, checks, commits.
    pub(super) fn push(&mut self, meta: &Meta<'_>, field: &Field<'_>) -> Result<Pushed> {
        if field.shape() != self.shape {
            return Err(shape(format!(
                "patch {} is {}, this stream takes {}: check the grid and the channels",
                meta.id,
                field.shape(),
                self.shape
            )));
        }
        let _environment = FpGuard::enter();
        let Some(mut loan) = self.lend(meta)? else {
            return Ok(match self.policy {
                OnFull::Drop => {
                    self.dropped += 1;
                    self.visit.to_owner.without_room(&ring::OnFull::Drop);
                    Pushed::Dropped
                }
                OnFull::Answer | OnFull::Block(_) => self.no_room(),
            });
        };
        if let Err(error) = field.copy_into(&mut loan.densities) {
            self.abandon(loan);
            return Err(error);
        }
        self.commit(loan)
    }

    /// Lends a slot.
    pub(super) fn loan(&mut self, meta: &Meta<'_>) -> Result<Option<Loan>> {
        let _environment = FpGuard::enter();
        let loan = self.lend(meta)?;
        if loan.is_none() {
            self.no_room();
        }
        Ok(loan)
    }

    /// Checks and commits what was filled.
    pub(super) fn commit(&mut self, mut loan: Loan) -> Result<Pushed> {
        let _environment = FpGuard::enter();
        let id = loan.id;
        let ready = self.check().and_then(|()| self.check_step(id, loan.step)).and_then(|()| {
            check_densities(&loan.densities, self.shape).map_err(|error| error.context(format!("patch {id}")))
        });
        if let Err(error) = ready {
            self.abandon(loan);
            return Err(error);
        }
        let content = content_of(bytes_of(&loan.densities), &loan.metadata);
        let written = loan.slot.write_tensor(&loan.densities).and_then(|()| loan.slot.write_metadata(&loan.metadata));
        if let Err(error) = written {
            self.abandon(loan);
            return Err(error);
        }
        let Loan { slot, densities, metadata, step, .. } = loan;
        self.spare.push(densities);
        let header = Header { kind: KIND_PATCH, id, step, committed_ns: now_ns(), content, ..Header::default() };
        self.visit.to_owner.commit(slot, metadata.len(), header)?;
        self.sent += 1;
        self.visit.ring();
        Ok(Pushed::Accepted)
    }

    /// Gives a loan up.
    pub(super) fn abandon(&mut self, loan: Loan) {
        self.visit.to_owner.abandon(loan.slot);
        self.spare.push(loan.densities);
        // What was committed after it need not wait any more.
        self.visit.ring();
    }

    /// Ends a step.
    pub(super) fn end_step(&mut self, step: i64) -> Result<()> {
        self.check()?;
        let ring = &mut self.visit.to_owner;
        if ring.has_loans() {
            return Err(state(format!("step {step} cannot end while a loan is out: commit or abandon it first")));
        }
        let ended = ring.ended_step();
        if step < ended {
            return Err(state(format!("step {step} ends after step {ended} did: steps end in order")));
        }
        ring.end_step(step);
        self.visit.ring();
        Ok(())
    }

    pub(super) fn on_full(&mut self, policy: OnFull) {
        self.policy = policy;
    }

    pub(super) fn stop_flag(&mut self, stop: Arc<AtomicBool>) {
        self.stop = stop;
    }

    /// What the stream says of this producer's patches.
    pub(super) fn answers(&self) -> Answers {
        let stats = self.visit.stats();
        // Counted after it is said which it was, so looked at before.
        let refused = stats.get(lanes::REFUSED);
        Answers {
            sent: self.sent,
            taken: stats.get(lanes::TAKEN),
            known: stats.get(lanes::KNOWN),
            refused,
            last_refused: refusal_of(stats.get(lanes::LAST)),
            full: self.full,
            dropped: self.dropped,
        }
    }

    /// Whether the stream is there.
    pub(super) fn check(&mut self) -> Result<()> {
        self.visit.check().map_err(|error| match self.visit.stats().get(lanes::GIVEN_UP) {
            lanes::LABEL_TAKEN => {
                state(format!("a producer called {} is open already: close it or take another name", self.label))
            }
            _ => error,
        })
    }

    fn lend(&mut self, meta: &Meta<'_>) -> Result<Option<Loan>> {
        self.check()?;
        check_meta(meta, &self.states, self.size_nm)?;
        self.check_step(meta.id, meta.step)?;
        let packed = self.packer.patch_meta(meta, Constellation::of(meta.proteins, &self.states));
        let room = self.visit.to_owner.geometry().metadata_bytes();
        if packed.len() > room {
            return Err(argument(format!(
                "patch {} has {} proteins and its metadata take {} bytes, a slot has room for {room}: send fewer",
                meta.id,
                meta.proteins.len(),
                packed.len()
            )));
        }
        let metadata = packed.to_vec();
        let Some(slot) = self.slot()? else { return Ok(None) };
        let densities = self.spare.pop().unwrap_or_else(|| vec![0.0; self.shape.len()].into());
        Ok(Some(Loan { slot, densities, metadata, id: meta.id, step: meta.step }))
    }

    /// A slot, waited for as the policy says.
    fn slot(&mut self) -> Result<Option<ring::Loan<ring::Shared>>> {
        let len = self.shape.len();
        let slot = self.visit.to_owner.loan(len)?;
        let OnFull::Block(timeout) = self.policy else { return Ok(slot) };
        if slot.is_some() {
            return Ok(slot);
        }
        // A loan that was dropped may have held up what the stream can take now.
        self.visit.ring();
        let started = Instant::now();
        loop {
            let left = timeout.saturating_sub(started.elapsed());
            let wait = Wait { stop: Some(&self.stop), ..Wait::up_to(left) };
            match self.visit.wait_for_room(&wait)? {
                Waited::Ready => return self.visit.to_owner.loan(len),
                Waited::TimedOut | Waited::Stopped => return Ok(None),
                // A signal that has set no stop.
                Waited::Interrupted => {}
            }
        }
    }

    fn no_room(&mut self) -> Pushed {
        if self.stop.load(Ordering::Relaxed) {
            return Pushed::Stopped;
        }
        self.full += 1;
        self.visit.to_owner.without_room(&ring::OnFull::Answer);
        self.visit.ring();
        Pushed::Full
    }

    /// Refuses a patch of a step that has ended.
    fn check_step(&self, id: u64, step: i64) -> Result<()> {
        let ended = self.visit.to_owner.ended_step();
        if step <= ended {
            return Err(state(format!(
                "patch {id} is of step {step}, but this producer has ended step {ended}: push before end_step"
            )));
        }
        Ok(())
    }
}
