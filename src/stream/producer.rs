//! The way in, whether the stream is in this process or in another.
//!
//! Not here: what happens in the calls ([`super::local`] in one process, [`super::remote`] from another).

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use super::local::{self, Local};
use super::remote::{self, Remote};
use crate::error::{Error, ErrorKind, Result, argument, state};
use crate::patch::{Field, Meta};
use crate::sync::AtomicBool;

/// What became of a patch that a host pushed. A patch that is refused is an error instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is in the ring.
    Accepted,
    /// It was there already, with the same content: nothing changed. An attached producer is told by
    /// [`Producer::answers`].
    Known,
    /// The ring is full, nothing was taken: call [`Stream::poll`](super::Stream::poll), or from another process wait,
    /// then push it again.
    Full,
    /// The ring is full, and the patch was dropped as [`OnFull::Drop`] says.
    Dropped,
    /// There is no room, nothing was taken, and [`Producer::stop_flag`] asks to wait no longer.
    Stopped,
}

/// What an attached producer does with a patch for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFull {
    /// Says so: [`Pushed::Full`], and no loan.
    #[default]
    Answer,
    /// Waits for room this long first.
    Block(Duration),
    /// Drops the patch, the newest, and counts it: [`Pushed::Dropped`]. A loan is still refused.
    Drop,
}

/// What an attached producer's patches came to so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    /// Patches that this producer committed. Those that are not among the next three are still in the ring.
    pub sent: u64,
    /// Patches that the stream took in.
    pub taken: u64,
    /// Patches that it knew already, with the same content.
    pub known: u64,
    /// Patches that it refused: their ids are known with other content, or they failed a check.
    pub refused: u64,
    /// The last patch that it refused, and why.
    pub last_refused: Option<(u64, ErrorKind)>,
    /// How often there was no room and this producer said so.
    pub full: u64,
    /// Patches that this producer dropped.
    pub dropped: u64,
}

/// One source of patches: one thread at a time, any thread. Dropped, it ends; what it committed stays, and loans that are
/// out are given up.
pub struct Producer(Inner);

enum Inner {
    Local(Box<Local>),
    Remote(Box<Remote>),
}

/// A patch's place in the ring, being filled: its densities as a slice, `[(y * nx + x) * channels + c]`, with
/// whatever was there before. Several may be out, and any thread may fill one; patches of later loans wait for it. Give
/// it up with [`Producer::abandon`]; dropped, it is given up at the producer's next call.
pub struct Loan(Lent);

enum Lent {
    Local(local::Loan),
    Remote(remote::Loan),
}

impl Producer {
    pub(super) fn local(producer: Local) -> Self {
        Self(Inner::Local(Box::new(producer)))
    }

    /// A producer of a stream in another process of this machine, which was opened with the
    /// [`transport`](super::Config::transport) `shm:NAME`. `label` is the same after a restart; no two producers that
    /// live have the same. Waits up to `timeout` for the stream to be there.
    ///
    /// Patches are checked here, and by the stream again. A push answers once the patch is in the ring; what became of
    /// it there [`answers`](Self::answers) tells. When the stream's process is gone, calls are errors
    /// ([`ErrorKind::Fenced`]) within a second: attach again, and send again what was not taken.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`] if there is no such stream, [`ErrorKind::Fenced`] if its process is gone,
    /// [`ErrorKind::Busy`] if it has 64 producers already, [`ErrorKind::Argument`], [`ErrorKind::Memory`],
    /// [`ErrorKind::Version`], [`ErrorKind::Io`].
    pub fn attach(transport: &str, label: &str, timeout: Duration) -> Result<Self> {
        let name = transport.strip_prefix("shm:").filter(|name| !name.is_empty()).ok_or_else(|| {
            argument(format!("transport {transport:?}: a producer attaches to shm:NAME, as the stream was opened"))
        })?;
        Ok(Self(Inner::Remote(Box::new(Remote::attach(name, label, timeout)?))))
    }

    /// Copies a patch into the ring: `field` is converted to float32 as it is read.
    ///
    /// # Errors
    /// Those of [`loan`](Self::loan) and [`commit`](Self::commit), and [`ErrorKind::Shape`] for a field of another size.
    /// Nothing of the patch stays, and the next one can be pushed. Each is counted by a stream in this process; one in
    /// another learns nothing of what was refused here, counts what it refuses itself, and says so in
    /// [`answers`](Self::answers).
    pub fn push(&mut self, meta: &Meta<'_>, field: &Field<'_>) -> Result<Pushed> {
        match &mut self.0 {
            Inner::Local(local) => local.push(meta, field),
            Inner::Remote(remote) => remote.push(meta, field),
        }
    }

    /// A place in the ring for one patch, to be filled in place and committed; `None` while the ring is full, which
    /// [`on_full`](Self::on_full) may have waited for, or once [`stop_flag`](Self::stop_flag) ended that wait. From
    /// another process it is filled in this one's memory, and copied as it is committed.
    ///
    /// # Errors
    /// Those of [`check_meta`](crate::patch::check_meta); [`ErrorKind::State`] for a step that has ended or a stream that
    /// is closed; [`ErrorKind::Argument`] for more proteins than a slot has room for; [`ErrorKind::Fenced`] if the
    /// stream was in another process that is gone.
    pub fn loan(&mut self, meta: &Meta<'_>) -> Result<Option<Loan>> {
        Ok(match &mut self.0 {
            Inner::Local(local) => local.loan(meta)?.map(|loan| Loan(Lent::Local(loan))),
            Inner::Remote(remote) => remote.loan(meta)?.map(|loan| Loan(Lent::Remote(loan))),
        })
    }

    /// Commits a patch that was filled in place: [`Pushed::Accepted`] or, in one process, [`Pushed::Known`].
    ///
    /// # Errors
    /// [`ErrorKind::Value`] for a density that is not finite, [`ErrorKind::Conflict`] for an id that is known with other
    /// content, in one process; [`ErrorKind::State`] if the step has ended meanwhile, [`ErrorKind::Fenced`] as for
    /// [`loan`](Self::loan), [`ErrorKind::Argument`] for a loan of another producer. The loan is given up.
    pub fn commit(&mut self, loan: Loan) -> Result<Pushed> {
        match (&mut self.0, loan.0) {
            (Inner::Local(local), Lent::Local(loan)) => local.commit(loan),
            (Inner::Remote(remote), Lent::Remote(loan)) => remote.commit(loan),
            _ => Err(argument("a loan of another producer: commit it to the one that lent it")),
        }
    }

    /// Gives a loan up, as dropping it does; its slot is free again at once if it is the newest.
    pub fn abandon(&mut self, loan: Loan) {
        match (&mut self.0, loan.0) {
            (Inner::Local(local), Lent::Local(loan)) => local.abandon(loan),
            (Inner::Remote(remote), Lent::Remote(loan)) => remote.abandon(loan),
            _ => {}
        }
    }

    /// Counts a patch that was refused before it got here: one that a foreign interface could not even read. A stream in
    /// another process is not told.
    pub fn refuse(&self, error: &Error) {
        if let Inner::Local(local) = &self.0 {
            local.refuse(error);
        }
    }

    /// Says that this producer sends nothing more for steps up to `step`. With several producers an event waits until
    /// each has said so.
    ///
    /// # Errors
    /// [`ErrorKind::State`] if a later step has ended already, a loan is out, or the stream is closed;
    /// [`ErrorKind::Fenced`] as for [`loan`](Self::loan).
    pub fn end_step(&mut self, step: i64) -> Result<()> {
        match &mut self.0 {
            Inner::Local(local) => local.end_step(step),
            Inner::Remote(remote) => remote.end_step(step),
        }
    }

    /// What to do from now on where there is no room.
    ///
    /// # Errors
    /// [`ErrorKind::State`] for anything but [`OnFull::Answer`] where the stream is in this process: who waited there
    /// might wait for itself.
    pub fn on_full(&mut self, policy: OnFull) -> Result<()> {
        match &mut self.0 {
            Inner::Local(_) if policy == OnFull::Answer => Ok(()),
            Inner::Local(_) => Err(state("a producer in the stream's own process is told FULL: poll the stream then")),
            Inner::Remote(remote) => {
                remote.on_full(policy);
                Ok(())
            }
        }
    }

    /// A flag that ends a wait for room within 50 ms, and at once in the thread whose signal handler sets it. While it is
    /// set, a push without room is [`Pushed::Stopped`] instead of [`Pushed::Full`]; with room all goes on to work. Where
    /// the stream is in this process nothing waits, and the flag is not looked at.
    pub fn stop_flag(&mut self, stop: Arc<AtomicBool>) {
        if let Inner::Remote(remote) = &mut self.0 {
            remote.stop_flag(stop);
        }
    }

    /// What became of this producer's patches in the other process.
    ///
    /// # Errors
    /// [`ErrorKind::State`] where the stream is in this process: there each push has its answer at once.
    pub fn answers(&self) -> Result<Answers> {
        match &self.0 {
            Inner::Local(_) => Err(state("a producer in the stream's own process has its answers at each push")),
            Inner::Remote(remote) => Ok(remote.answers()),
        }
    }

    /// Whether the stream is there.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if its process is gone or has given this producer up, [`ErrorKind::State`] if it is closed,
    /// or if another producer of this one's label lives.
    pub fn check(&mut self) -> Result<()> {
        match &mut self.0 {
            Inner::Local(local) => local.check(),
            Inner::Remote(remote) => remote.check(),
        }
    }
}

impl Deref for Loan {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match &self.0 {
            Lent::Local(loan) => loan.densities(),
            Lent::Remote(loan) => loan.densities(),
        }
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [f32] {
        match &mut self.0 {
            Lent::Local(loan) => loan.densities_mut(),
            Lent::Remote(loan) => loan.densities_mut(),
        }
    }
}
