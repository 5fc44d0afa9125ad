//! The owner's side: the door, newcomers, and the lanes of those who came.
//!
//! Not here: the peer's side ([`super::visit`]).

use std::time::{Duration, Instant};

use super::seat::{
    ABOUT, ARRIVALS, CAME_TO, KIND_DOOR, LABEL_MAX, NAME_MAX, Role, SEATS, SEATS_OF_WORKERS, TEXT_MAX, WORDS_BYTES,
    check_label, read_text, text_bytes, words, write_text,
};
use super::watch::remove_left;
use crate::error::{ErrorKind, Result, argument, corrupt};
use crate::ring::{Consumer, Doorbell, Producer, Shared, Words};
use crate::shm::{PartSpec, Segment, Stats};

/// How often it is looked whether a peer lives, and how often a seat is looked at that nobody rang for.
const LOOK: Duration = Duration::from_millis(50);

/// The owner's end of everything: peers find it by its name. Dropped, its peers are told and its name is free.
pub struct Door {
    segment: Segment,
    bell: Doorbell,
    words: Words,
    /// How many had come when the seats were last looked at.
    arrivals: u64,
    /// What each seat's word was when what lies there was last looked at.
    seen: Box<[u64]>,
    /// Seats whose lane is held, here or by who took it.
    held: Box<[bool]>,
    /// Lanes that were given up while their peers lived, until they are gone.
    given_up: Vec<(usize, Segment)>,
    /// Seats where lies what cannot be opened, which was said once.
    refused: Box<[bool]>,
    /// The seat that is looked at next though nobody rang for it, and when the last one was.
    round: usize,
    looked: Instant,
}

/// The owner's end of one peer's lane. It ends with [`Door::retire`].
pub struct Lane {
    /// Records from the peer.
    pub from: Consumer<Shared>,
    /// Records to the peer, a worker.
    pub to: Option<Producer<Shared>>,
    segment: Segment,
    role: Role,
    seat: u16,
    label: String,
    /// Its peer was gone before the lane was opened.
    adopted: bool,
    /// Whether it lived, and when that was last looked at.
    lived: (bool, Instant),
}

impl Door {
    /// Makes the door `name` (59 bytes at most) with the text `about` for its peers, and owns it. What a dead owner left
    /// under the name is taken over, and lanes of peers that are gone are removed.
    ///
    /// # Errors
    /// Those of [`Segment::create`]: [`ErrorKind::Busy`] if its owner lives.
    pub fn create(name: &str, about: &str) -> Result<Self> {
        if name.len() > NAME_MAX || about.len() > TEXT_MAX {
            return Err(argument(format!(
                "a door with a name of {} and a text of {} bytes: {NAME_MAX} and {TEXT_MAX} are the most",
                name.len(),
                about.len()
            )));
        }
        let parts = [PartSpec::Bytes(text_bytes(about)), PartSpec::Bytes(WORDS_BYTES)];
        let segment = Segment::create(name, KIND_DOOR, &parts)?;
        // What peers of a former owner left was theirs to send again; those who still live remove theirs themselves.
        for (role, seat) in (0..SEATS).map(Role::of_index) {
            // An adopted lane goes with its handle; one that lives is not adopted.
            let _ = Segment::adopt(&role.name(name, seat));
        }
        let (bell, words) = words(&segment)?;
        // Last, since peers wait for it.
        write_text(segment.region(ABOUT)?, about)?;
        let (seen, held, refused) = (vec![0; SEATS].into(), vec![false; SEATS].into(), vec![false; SEATS].into());
        // The first round begins with the producers.
        let round = SEATS_OF_WORKERS - 1;
        let (arrivals, given_up, looked) = (0, Vec::new(), Instant::now());
        Ok(Self { segment, bell, words, arrivals, seen, held, refused, given_up, round, looked })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.segment.name()
    }

    /// How often the name was taken over, from 1.
    pub fn epoch(&self) -> u64 {
        self.segment.epoch()
    }

    /// What the owner sleeps on: every peer rings it after it has sent something.
    pub fn bell(&self) -> Doorbell {
        self.bell.clone()
    }

    /// The numbers for watchers.
    pub fn stats(&self) -> Stats<'_> {
        self.segment.stats()
    }

    /// Whether somebody has come since the last look; it costs a load.
    pub fn has_newcomers(&self) -> bool {
        self.words.get(ARRIVALS) != self.arrivals
    }

    /// The lanes that have come since the last look. An error is about one lane, which is left where it is if its peer
    /// lives and removed otherwise, and is said once.
    pub fn newcomers(&mut self) -> Vec<Result<Lane>> {
        let mut lanes = Vec::new();
        let arrivals = self.words.get(ARRIVALS);
        let seats = if arrivals == self.arrivals { 0 } else { SEATS };
        self.arrivals = arrivals;
        for seat in 0..seats {
            let word = self.words.get(seat);
            if word != self.seen[seat] && !self.held[seat] {
                self.seen[seat] = word;
                self.refused[seat] = false;
                lanes.extend(self.look(seat));
            }
        }
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.forget_given_up();
            self.round = (self.round + 1) % SEATS;
            if !self.held[self.round] {
                lanes.extend(self.look(self.round));
            }
        }
        lanes
    }

    /// Tells the peers that the owner is gone, and frees the name, though the bell may still be held. What peers left that
    /// are gone is removed; those who live remove theirs.
    pub fn close(&self) {
        // In the child of a fork, and the second time, there is nothing to close. What stands in the segment does not
        // matter: somebody may have written over it.
        if self.segment.close() {
            for (role, seat) in (0..SEATS).map(Role::of_index) {
                // What came to a successor meanwhile is left to it.
                let _ = remove_left(&role.name(self.name(), seat), false);
            }
        }
    }

    /// Gives up a lane: both its rings are closed. What a peer that is gone left is removed, after its records were taken
    /// or not; one that lives finds out at its next look, and its seat is taken until it goes.
    pub fn retire(&mut self, lane: Lane) {
        let Lane { from, to, segment, role, seat, adopted, .. } = lane;
        drop((from, to));
        let index = role.index(seat.into());
        if adopted {
            // It is this process's own, and goes with its handle.
            self.held[index] = false;
        } else {
            self.given_up.push((index, segment));
            self.forget_given_up();
        }
    }

    /// Removes what peers left whose lanes were given up, once they are gone.
    fn forget_given_up(&mut self) {
        let Self { held, given_up, arrivals, .. } = self;
        given_up.retain(|(index, segment)| {
            // What the system does not say now it is asked again.
            let stays = !segment.remove_left().unwrap_or(false);
            held[*index] = stays;
            // Somebody may have come there meanwhile.
            *arrivals = arrivals.wrapping_sub(u64::from(!stays));
            stays
        });
    }

    /// Opens what lies under a seat, if anything does.
    fn look(&mut self, index: usize) -> Option<Result<Lane>> {
        let (role, seat) = Role::of_index(index);
        let name = role.name(self.name(), seat);
        let opened = match Segment::open(&name, Duration::ZERO) {
            Ok(segment) => Ok(Some((segment, false))),
            Err(error) if error.kind() == ErrorKind::Unknown => Ok(None),
            // It is still being made; its word says so again when it is there.
            Err(error) if error.kind() == ErrorKind::State => Ok(None),
            // Its peer is gone, or that cannot be said of it: then what cannot be read goes, unless its peer lives.
            Err(error) => match Segment::adopt(&name) {
                Ok(segment) => Ok(segment.map(|segment| (segment, true))),
                Err(busy) if busy.kind() == ErrorKind::Busy => Err(error),
                Err(error) => Err(error),
            },
        };
        let came_elsewhere =
            |segment: &Segment| segment.kind() == role.kind() && segment.stats().get(CAME_TO) != self.segment.nonce();
        let lane = match opened {
            Ok(None) => return None,
            // To a former owner of the name, which a peer that lives finds out; what a dead one left goes with this handle.
            Ok(Some((segment, _))) if came_elsewhere(&segment) => return None,
            Ok(Some((segment, adopted))) => Lane::over(segment, role, seat, adopted),
            Err(error) => Err(error),
        };
        match lane {
            Ok(lane) => {
                self.held[index] = true;
                Some(Ok(lane))
            }
            // A label that is still being written: the word says so again.
            Err(error) if error.kind() == ErrorKind::State => None,
            Err(error) => {
                let said = std::mem::replace(&mut self.refused[index], true);
                (!said).then(|| Err(error.context(format!("lane {name}"))))
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}

impl Lane {
    fn over(segment: Segment, role: Role, seat: usize, adopted: bool) -> Result<Self> {
        let expected: &[bool] = match role {
            Role::Producer => &[true, false],
            Role::Worker => &[true, true, false],
        };
        if segment.kind() != role.kind()
            || !segment.parts().iter().map(|part| part.is_ring).eq(expected.iter().copied())
        {
            return Err(corrupt("it is no lane: something else made a segment of that name, remove it"));
        }
        let label = read_text(&segment.region(role.label_part())?, LABEL_MAX, "its label")?;
        check_label(&label).map_err(|error| corrupt(error.message()))?;
        let from = segment.consumer(0)?;
        let to = match role {
            Role::Producer => None,
            Role::Worker => Some(segment.producer(1)?),
        };
        let lived = (!adopted, Instant::now());
        Ok(Self { from, to, segment, role, seat: seat as u16, label, adopted, lived })
    }

    /// What its peer is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its number among those of its role.
    pub fn seat(&self) -> u16 {
        self.seat
    }

    /// What its peer calls itself.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its peer's process id as the peer sees it; for messages.
    pub fn pid(&self) -> u32 {
        self.segment.owner().pid
    }

    /// The numbers that both ends may watch.
    pub fn stats(&self) -> Stats<'_> {
        self.segment.stats()
    }

    /// Whether its peer is there: it may send more. Looked at every 50 ms at most; what a peer that is gone has
    /// committed can still be taken.
    pub fn lives(&mut self) -> bool {
        let (lived, looked) = self.lived;
        if lived && !self.adopted && looked.elapsed() >= LOOK {
            self.lived = (self.looks_alive(), Instant::now());
        }
        self.lived.0
    }

    /// As [`lives`](Self::lives), looked at now.
    pub fn lives_now(&mut self) -> bool {
        if self.lived.0 {
            self.lived = (self.looks_alive(), Instant::now());
        }
        self.lived.0
    }

    /// What the system cannot say now (no file handle is left, say) makes nobody dead: it is asked again.
    fn looks_alive(&self) -> bool {
        use ErrorKind::{Corrupt, Fenced, Forked};
        self.segment.check().err().is_none_or(|error| !matches!(error.kind(), Fenced | Corrupt | Forked))
    }
}
