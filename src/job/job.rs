//! What a worker holds: a job, from the moment that it is taken to its last word.
//!
//! Not here: how it gets here and where its results go ([`super::transport`]).

use super::desk::ShmDesk;
use super::dir::DirDesk;
use super::past::Want;
use super::ticket::{Ticket, Transport};
use super::transport::{Desk, Given, Sent, check_sample, may_come};
use super::windows::Windows;
use crate::dynim::State;
use crate::error::{Result, argument, state};
use crate::ring::Wait;
use crate::wire::{JobState, Packer, RdfSample, Selection};

/// A job that this process holds. Dropping it without a last word puts it back to the front of the line. One thread at a
/// time; several threads each hold jobs of their own.
pub struct Job {
    desk: Box<dyn Desk>,
    given: Given,
    /// The windows that need not be sent again.
    known: Windows,
    /// The state that was its last word.
    settled: Option<State>,
    packer: Packer,
}

/// What became of a sample or a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// The owner gets it: it counts, unless the job was taken away meanwhile.
    Accepted,
    /// That window was accepted before, or the job is in that state: nothing was sent.
    Known,
    /// There was no room in time: nothing was taken, submit it again.
    Full,
    /// A stop or a signal ended the wait for room: nothing was taken, submit it again.
    Stopped,
}

impl Job {
    /// Takes the oldest job of a transport, `shm:NAME` or `dir:PATH`. `None`: there was none in time, or a stop ended the
    /// wait.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a transport that is none,
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if nobody has opened it yet,
    /// [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) if its owner is gone: wait, and try again.
    pub fn next(transport: &str, wait: &Wait<'_>) -> Result<Option<Self>> {
        Self::take(&transport.parse()?, Want::Oldest, wait)
    }

    /// Takes the job that a ticket names; it goes on where it was left. `None`: the owner did not answer in time, or a
    /// stop ended the wait.
    ///
    /// # Errors
    /// Those of [`next`](Self::next), and [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if the owner has no
    /// such job, [`ErrorKind::Busy`](crate::error::ErrorKind::Busy) if a living worker has it, with who that is,
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if it is done, set aside or returned.
    pub fn open(ticket: &str, wait: &Wait<'_>) -> Result<Option<Self>> {
        let Ticket { transport, id } = ticket.parse()?;
        Self::take(&transport, Want::Job(id), wait)
    }

    fn take(transport: &Transport, want: Want, wait: &Wait<'_>) -> Result<Option<Self>> {
        let opened: Result<Box<dyn Desk>> = match transport {
            Transport::Shm(name) => ShmDesk::attach(name, wait).map(|desk| Box::new(desk) as _),
            Transport::Dir(path) => DirDesk::open(path, wait).map(|desk| Box::new(desk) as _),
        };
        let mut desk = match opened {
            // A stop ended the wait for an owner.
            Err(error) if may_come(&error) && wait.stopped() => return Ok(None),
            opened => opened?,
        };
        let Some(given) = desk.take(want, wait)? else { return Ok(None) };
        let known = Windows::unpack(&given.job.accepted);
        Ok(Some(Self { desk, given, known, settled: None, packer: Packer::new() }))
    }

    /// The id of its patch, which is the job's.
    pub fn id(&self) -> u64 {
        self.given.job.selection.id
    }

    /// Its ticket: the same ticket is the same job.
    pub fn ticket(&self) -> &str {
        &self.given.job.ticket
    }

    /// How often it was given out, this time included.
    pub fn attempt(&self) -> u32 {
        self.given.job.attempt
    }

    /// The selected patch but its densities.
    pub fn selection(&self) -> &Selection {
        &self.given.job.selection
    }

    /// Grid points along x and y, and densities a grid point.
    pub fn shape(&self) -> [usize; 3] {
        let densities = &self.given.job.densities;
        [densities.nx, densities.ny, densities.channels].map(|extent| extent as usize)
    }

    /// Edge length of the patch in nm: its first and its last grid point are this far apart.
    pub fn size_nm(&self) -> f64 {
        self.given.job.size_nm
    }

    /// What the host tells every worker, in words of its own: how it wants patches simulated.
    pub fn note(&self) -> Option<&str> {
        self.given.job.note.as_deref()
    }

    /// The densities, `[(y * nx + x) * channels + c]`, in nm^-2.
    pub fn densities(&self) -> &[f32] {
        &self.given.densities
    }

    /// Hands in what was measured in a window: sums over `frames` frames, of a shape whose slowest extent is first.
    /// `observable` is 1 to 32 of `A-Za-z0-9_-`. The first accepted (job, observable, window) counts, whichever attempt
    /// it is of, so number windows by simulated time. A sample that takes more room than the transport has at once needs
    /// some time to wait.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument), [`ErrorKind::Shape`](crate::error::ErrorKind::Shape)
    /// and [`ErrorKind::Value`](crate::error::ErrorKind::Value) for a sample that is none,
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) after the last word,
    /// [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) if the job was taken away or the owner is gone: stop, and
    /// open the ticket again if it is to go on.
    pub fn submit(
        &mut self,
        observable: &str,
        window: u64,
        frames: u64,
        shape: &[u32],
        sums: &[f64],
        wait: &Wait<'_>,
    ) -> Result<Submitted> {
        self.check_open()?;
        let sample = RdfSample {
            job: self.id(),
            attempt: self.attempt(),
            observable: observable.to_owned(),
            window,
            frames,
            shape: shape.to_vec(),
            sums: sums.to_vec(),
        };
        check_sample(&sample)?;
        if sums.len() > super::SUMS_MAX {
            return Err(argument(format!("a sample of {} sums: give up to {}", sums.len(), super::SUMS_MAX)));
        }
        if self.known.has(observable, window) {
            self.desk.alive()?;
            return Ok(Submitted::Known);
        }
        let sent = self.desk.send(self.packer.sample(&sample), wait)?;
        if sent == Sent::Out {
            self.known.add(observable, window)?;
        }
        Ok(submitted(sent))
    }

    /// Says where the job is: started, interrupted (the batch system ended it: it goes to the front of the line, and that
    /// is no failure), done, failed (to the end of the line; after the third time it is set aside), or issued (put back
    /// untouched). All but started are its last word.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for returned, which is the host's to say; otherwise
    /// those of [`submit`](Self::submit).
    pub fn set(&mut self, to: State, reason: Option<&str>, wait: &Wait<'_>) -> Result<Submitted> {
        if self.settled == Some(to) {
            return Ok(Submitted::Known);
        }
        self.check_open()?;
        if to == State::Returned {
            return Err(argument("a worker cannot return a job to the queue: set it to issued, or to failed"));
        }
        // A reason is for people; what would not fit into a slot tells them no more.
        let reason = reason.map(|reason| reason.chars().take(1000).collect());
        let said = JobState { job: self.id(), attempt: self.attempt(), state: to as u8, reason };
        let sent = self.desk.send(self.packer.job_state(&said), wait)?;
        if sent == Sent::Out && to != State::Started {
            self.settled = Some(to);
        }
        Ok(submitted(sent))
    }

    /// Says that the worker lives, where the transport goes by a lease; any other call does too. Otherwise it looks
    /// whether the job is still held.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) if the job was taken away or the owner is gone,
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) after the last word.
    pub fn alive(&mut self) -> Result<()> {
        self.check_open()?;
        self.desk.alive()
    }

    fn check_open(&self) -> Result<()> {
        match self.settled {
            None => Ok(()),
            Some(settled) => Err(state(format!("job {} was set to {settled}, its last word: close it", self.id()))),
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.desk.put_back(self.settled.is_some());
    }
}

fn submitted(sent: Sent) -> Submitted {
    match sent {
        Sent::Out => Submitted::Accepted,
        Sent::Full => Submitted::Full,
        Sent::Stopped => Submitted::Stopped,
    }
}
