//! Who comes to a stream and who goes: producers of this process, peers at its door, lanes that are over.
//!
//! Not here: what a producer's lane is ([`super::lanes`]), workers' jobs ([`super::office`]).

use super::about::About;
use super::config::LogLevel;
use super::lanes::{BROKEN, GIVEN_UP, LABEL_TAKEN, Lane, Source};
use super::operator::Operator;
use super::stream::Shared;
use crate::error::{ErrorKind, Result, shape, state};
use crate::job::Transport;
use crate::lane::{self, Door, Role};
use crate::ring::{Consumer, Doorbell};

impl Operator {
    /// Adds a producer's ring of this process.
    ///
    /// # Errors
    /// [`ErrorKind::State`] if a producer of this name is open.
    pub(super) fn add_lane(&mut self, name: &str, ring: Consumer) -> Result<()> {
        self.introduce(name)?;
        self.has_local = true;
        self.lanes.push(Lane::local(name, ring));
        Ok(())
    }

    /// Opens the way for other processes, if there is to be one; returns the bell that everybody rings.
    ///
    /// # Errors
    /// Those of [`Door::create`].
    pub(super) fn open_door(&mut self, transport: Option<&Transport>, about: &About) -> Result<Doorbell> {
        let Some(Transport::Shm(name)) = transport else { return Ok(Doorbell::default()) };
        let door = Door::create(name, &about.text())?;
        let bell = door.bell();
        self.door = Some(door);
        Ok(bell)
    }

    /// Tells the peers that the stream is closed, and leaves the transport to another.
    pub(super) fn close_door(&mut self) {
        if let Some(door) = &self.door {
            door.close();
        }
        if let Some(jobs) = &mut self.jobs {
            jobs.close();
        }
    }

    /// Takes in the producers of other processes that have come. One that cannot be taken in is told, and holds up
    /// nobody.
    pub(super) fn welcome(&mut self, shared: &Shared) {
        let Some(door) = &mut self.door else { return };
        for newcomer in door.newcomers() {
            let told = match newcomer {
                Ok(lane) => self.welcome_remote(lane, shared),
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                shared.recorder.reject(error.kind());
                self.lines.push((LogLevel::Warning, format!("a peer is refused: {error}")));
            }
        }
    }

    fn welcome_remote(&mut self, lane: lane::Lane, shared: &Shared) -> Result<()> {
        let (label, pid, len) = (lane.label().to_owned(), lane.pid(), lane.from.geometry().tensor_len());
        if let (Role::Worker, Some(jobs)) = (lane.role(), &mut self.jobs) {
            self.lines.push((LogLevel::Info, format!("worker {label} of process {pid} has come")));
            jobs.welcome(lane);
            return Ok(());
        }
        let refused = if lane.role() != Role::Producer {
            Some(crate::error::unsupported("this stream hands out no jobs"))
        } else if len != shared.shape.len() {
            Some(shape(format!("its ring is for {len} numbers a patch, this stream has {}", shared.shape.len())))
        } else {
            None
        };
        let answer = match refused {
            Some(error) => Err(error),
            None => self.introduce(&label),
        };
        let lane = Lane::remote(lane);
        match answer {
            Ok(()) => {
                self.lines.push((LogLevel::Info, format!("producer {label} of process {pid} has come")));
                self.lanes.push(lane);
                Ok(())
            }
            Err(error) => {
                if let Source::Remote(lane) = &lane.source {
                    lane.stats().set(GIVEN_UP, if error.kind() == ErrorKind::State { LABEL_TAKEN } else { BROKEN });
                }
                self.give_up(lane);
                Err(error.context(format!("process {pid}")))
            }
        }
    }

    /// Makes sure that no producer of this name is open, and notes that it has come and whether another one is open.
    fn introduce(&mut self, name: &str) -> Result<()> {
        let mut open = 0;
        for other in &mut self.lanes {
            let is_open = !other.is_gone_now();
            if is_open && other.name == name {
                return Err(state(format!("a producer called {name} is open already: close it or take another name")));
            }
            open += usize::from(is_open);
        }
        self.several |= open > 0;
        self.awaited.come(name);
        Ok(())
    }

    /// Forgets producers that are gone and whose records were all taken, and those that are broken.
    pub(super) fn forget_gone_lanes(&mut self) {
        let mut at = 0;
        while at < self.lanes.len() {
            let lane = &mut self.lanes[at];
            // Looked at first: what one that is gone has committed is there.
            let gone = lane.is_gone();
            if !gone || lane.has_work() {
                at += 1;
                continue;
            }
            let lane = self.lanes.remove(at);
            // One of its name may have come since.
            if let Some(ended) = lane.came_up_to()
                && self.lanes.iter().all(|other| other.name != lane.name)
            {
                self.awaited.has_gone(&lane.name, ended);
            }
            if let Source::Remote(remote) = &lane.source {
                let (name, pid) = (&lane.name, remote.pid());
                let line = match (lane.broken, remote.from.is_closed()) {
                    (true, _) => (LogLevel::Warning, format!("producer {name} of process {pid} is given up")),
                    (false, true) => (LogLevel::Info, format!("producer {name} of process {pid} has closed")),
                    (false, false) => {
                        let line = format!("producer {name} of process {pid} is gone without closing");
                        let then = if self.awaited.is_told() {
                            "until it is back it counts as come for the steps that it ended, and for no later one"
                        } else {
                            "no event waits for it"
                        };
                        (LogLevel::Warning, format!("{line}: what it committed was taken in, and {then}"))
                    }
                };
                self.lines.push(line);
            }
            self.give_up(lane);
        }
    }

    fn give_up(&mut self, lane: Lane) {
        if let (Source::Remote(lane), Some(door)) = (lane.source, &mut self.door) {
            door.retire(*lane);
        }
    }
}
