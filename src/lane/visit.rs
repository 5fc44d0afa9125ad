//! A peer's side: it finds the door, makes its lane, and goes when the owner does.
//!
//! Not here: the owner's side ([`super::door`]).

use std::time::{Duration, Instant};

use super::seat::{
    ABOUT, ARRIVALS, KIND_DOOR, NAME_MAX, Role, TEXT_MAX, check_label, read_text, text_bytes, words, write_text,
};
use super::watch::remove_left;
use crate::error::{Error, ErrorKind, Result, argument, busy};
use crate::ring::{Consumer, Doorbell, Geometry, Producer, Shared, Wait, Waited};
use crate::shm::{PartSpec, Segment, Stats};

/// The longest sleep before it is looked again whether the owner lives.
const SLICE: Duration = Duration::from_millis(50);
/// For how long the answer of a look at the owner holds.
const LOOK: Duration = Duration::from_millis(10);

/// A peer's end of its lane. Dropped, it is gone: what it sent can still be taken.
pub struct Visit {
    /// Records to the owner.
    pub to_owner: Producer<Shared>,
    /// Records from the owner, to a worker.
    pub from_owner: Option<Consumer<Shared>>,
    lane: Segment,
    door: Segment,
    bell: Doorbell,
    about: String,
    role: Role,
    seat: u16,
    /// When it was last looked whether the owner lives.
    looked: Instant,
}

impl Visit {
    /// Comes to the door `door` as `label`. `rings` says, for what the owner says, how the ring to the owner and, of a
    /// worker, the one from it are divided. Waits up to `timeout` for a door that is not there, not ready, or left by an
    /// owner that is gone.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`] if there is none, [`ErrorKind::Fenced`] if its owner is gone, [`ErrorKind::State`] if it
    /// was not ready in time; [`ErrorKind::Busy`] if all seats are taken; [`ErrorKind::Argument`] for a worker without
    /// the second ring or a producer with one; [`ErrorKind::Memory`], and those of [`Segment::open`].
    pub fn attach(
        door: &str,
        role: Role,
        label: &str,
        rings: impl Fn(&str) -> Result<(Geometry, Option<Geometry>)>,
        timeout: Duration,
    ) -> Result<Self> {
        check_label(label)?;
        if door.len() > NAME_MAX {
            return Err(argument(format!("the name of a door has {NAME_MAX} bytes at most, not {}", door.len())));
        }
        let started = Instant::now();
        loop {
            let error = match find(door) {
                Ok((door, about)) => {
                    let rings = rings(&about)?;
                    match Self::sit(door, about, role, label, rings) {
                        Err(error) if error.kind() == ErrorKind::Fenced => error,
                        answer => return answer,
                    }
                }
                Err(error) => error,
            };
            let comes = matches!(error.kind(), ErrorKind::Unknown | ErrorKind::Fenced | ErrorKind::State);
            if !comes || started.elapsed() >= timeout {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(2).min(timeout.saturating_sub(started.elapsed())));
        }
    }

    fn sit(
        door: Segment,
        about: String,
        role: Role,
        label: &str,
        (to_owner, from_owner): (Geometry, Option<Geometry>),
    ) -> Result<Self> {
        if from_owner.is_some() != (role == Role::Worker) {
            return Err(argument("a worker's lane has a ring each way, a producer's one to the owner"));
        }
        let rings = [Some(to_owner), from_owner].into_iter().flatten().map(PartSpec::Ring);
        let parts: Vec<PartSpec> = rings.chain([PartSpec::Bytes(text_bytes(label))]).collect();
        let (lane, seat) = make_lane(door.name(), role, &parts)?;
        // Until the owner is told of it nobody else would remove it.
        write_text(lane.region(role.label_part())?, label)?;
        let to_owner = lane.producer(0)?;
        let from_owner = from_owner.map(|_| lane.consumer(1)).transpose()?;
        let (bell, words) = words(&door)?;
        door.check()?;
        lane.leave(true);
        words.add(role.index(seat), 1);
        words.add(ARRIVALS, 1);
        bell.ring();
        let (looked, seat) = (Instant::now(), seat as u16);
        Ok(Self { to_owner, from_owner, lane, door, bell, about, role, seat, looked })
    }

    /// What the owner says that its peers have to know.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What this peer is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its number among those of its role.
    pub fn seat(&self) -> u16 {
        self.seat
    }

    /// The door's name.
    pub fn door(&self) -> &str {
        self.door.name()
    }

    /// How often the door's name was taken over, from 1.
    pub fn epoch(&self) -> u64 {
        self.door.epoch()
    }

    /// The owner's process id as it sees it; for messages.
    pub fn owner_pid(&self) -> u32 {
        self.door.owner().pid
    }

    /// The numbers of the lane that both ends may watch.
    pub fn stats(&self) -> Stats<'_> {
        self.lane.stats()
    }

    /// Whether the owner lives and the lane may be used. It looks at the system at most every 10 ms, and at what the
    /// owner itself says each time.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] if the owner is gone, has closed, or has given this lane up: attach again.
    /// [`ErrorKind::Forked`], [`ErrorKind::Corrupt`].
    pub fn check(&mut self) -> Result<()> {
        let now = Instant::now();
        if now.duration_since(self.looked) >= LOOK || self.to_owner.is_closed() {
            return self.check_now();
        }
        // It fails once the door says that it was closed or taken over.
        self.door.is_open()
    }

    /// As [`check`](Self::check), looked at now.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn check_now(&mut self) -> Result<()> {
        self.door.check()?;
        self.lane.check()?;
        if self.to_owner.is_closed() {
            let name = self.lane.name();
            return Err(crate::error::fenced(format!("the owner has given up lane {name}: attach again")));
        }
        self.looked = Instant::now();
        Ok(())
    }

    /// Rings for the owner: after everything that was sent.
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// Waits for a record from the owner.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), within 50 ms of the owner's end; [`ErrorKind::State`] for a producer.
    pub fn wait(&mut self, wait: &Wait<'_>) -> Result<Waited> {
        self.in_slices(wait, |visit, wait| match &mut visit.from_owner {
            Some(ring) => ring.wait(wait),
            None => Err(crate::error::state("a producer is sent nothing: only a worker waits")),
        })
    }

    /// Waits for room for a record to the owner.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), within 50 ms of the owner's end.
    pub fn wait_for_room(&mut self, wait: &Wait<'_>) -> Result<Waited> {
        self.in_slices(wait, |visit, wait| visit.to_owner.wait(wait))
    }

    fn in_slices(
        &mut self,
        wait: &Wait<'_>,
        mut slice: impl FnMut(&mut Self, &Wait<'_>) -> Result<Waited>,
    ) -> Result<Waited> {
        let started = Instant::now();
        let mut spin = wait.spin;
        loop {
            self.check()?;
            let left = wait.timeout.saturating_sub(started.elapsed());
            let waited = slice(self, &Wait { timeout: left.min(SLICE), spin, stop: wait.stop })?;
            // A ring counts as ready when its other end is closed.
            self.check()?;
            if waited != Waited::TimedOut || left <= SLICE {
                return Ok(waited);
            }
            spin = Duration::ZERO;
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        // An owner that lives drains the lane and removes it; otherwise nobody would.
        let stays = self.door.check().is_ok();
        self.lane.leave(stays);
        self.to_owner.close();
        self.lane.close();
        // An owner that closed in this very moment may have looked too early.
        if stays && self.door.is_open().is_err_and(|error| error.kind() == ErrorKind::Fenced) {
            let _ = remove_left(self.lane.name(), false);
        }
        // The owner may wait for this peer.
        self.bell.ring();
    }
}

/// The door, opened, and what it says.
fn find(name: &str) -> Result<(Segment, String)> {
    let door = Segment::open(name, Duration::ZERO)?;
    if door.kind() != KIND_DOOR {
        return Err(argument(format!("segment {name} is no door of a stream: give the name that its owner gave")));
    }
    let about = read_text(&door.region(ABOUT)?, TEXT_MAX, &format!("what door {name} says"))?;
    Ok((door, about))
}

/// Makes a lane under the first seat that nothing lies under.
fn make_lane(door: &str, role: Role, parts: &[PartSpec]) -> Result<(Segment, usize)> {
    for seat in 0..role.seats() {
        match Segment::create_new(&role.name(door, seat), role.kind(), parts) {
            Err(error) if error.kind() == ErrorKind::Busy => {}
            answer => return answer.map(|lane| (lane, seat)).map_err(|error: Error| error.context("a new lane")),
        }
    }
    Err(busy(format!("all {} seats of door {door} are taken: close another peer first", role.seats())))
}
