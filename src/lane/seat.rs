//! Seats: what a lane is called, where its parts are, and texts that lie in shared memory.
//!
//! Not here: who takes a seat ([`super::visit`]), and who opens what lies there ([`super::door`]).

use crate::error::{Result, argument, corrupt, state};
use crate::ring::{Doorbell, Region, Words};
use crate::shm::{STATS, Segment};

/// Seats of workers that a door has.
pub const SEATS_OF_WORKERS: usize = 256;
/// Seats of producers that a door has.
pub const SEATS_OF_PRODUCERS: usize = 64;
/// All of them: workers first, then producers.
pub(super) const SEATS: usize = SEATS_OF_WORKERS + SEATS_OF_PRODUCERS;

/// The kinds of the segments.
pub(super) const KIND_DOOR: u32 = u32::from_le_bytes(*b"DOOR");
/// The word behind those of the seats: one more with each peer that came.
pub(super) const ARRIVALS: usize = SEATS;
/// Bytes of the door's words: the bell, one number a seat, and the arrivals.
pub(super) const WORDS_BYTES: usize = Doorbell::BYTES + 8 * (SEATS + 1);
/// The part of the door that holds the text, and the one that holds the words.
pub(super) const ABOUT: usize = 0;
pub(super) const WORDS: usize = 1;
/// The number of a lane that says which door its peer came to: that segment's own number.
pub const CAME_TO: usize = STATS - 1;
/// The most bytes of a door's name, so that those of its lanes fit too.
pub(super) const NAME_MAX: usize = 64 - ".w255".len();
/// The most bytes of a text.
pub(super) const TEXT_MAX: usize = 1 << 20;
/// The most bytes of a label.
pub(super) const LABEL_MAX: usize = 256;

/// What a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It sends.
    Producer,
    /// It sends and is sent to.
    Worker,
}

impl Role {
    /// What its lane's segment calls itself.
    pub(super) fn kind(self) -> u32 {
        u32::from_le_bytes(match self {
            Role::Producer => *b"LNEP",
            Role::Worker => *b"LNEW",
        })
    }

    /// How many seats there are for it.
    pub(super) fn seats(self) -> usize {
        match self {
            Role::Producer => SEATS_OF_PRODUCERS,
            Role::Worker => SEATS_OF_WORKERS,
        }
    }

    /// The part that holds the label, behind the rings.
    pub(super) fn label_part(self) -> usize {
        match self {
            Role::Producer => 1,
            Role::Worker => 2,
        }
    }

    /// The number of one of its seats among all.
    pub(super) fn index(self, seat: usize) -> usize {
        match self {
            Role::Worker => seat,
            Role::Producer => SEATS_OF_WORKERS + seat,
        }
    }

    /// Role and seat of a number among all.
    pub(super) fn of_index(index: usize) -> (Self, usize) {
        match index.checked_sub(SEATS_OF_WORKERS) {
            None => (Role::Worker, index),
            Some(seat) => (Role::Producer, seat),
        }
    }

    /// The name of a lane's segment.
    pub(super) fn name(self, door: &str, seat: usize) -> String {
        format!("{door}.{}{seat}", self.letter())
    }

    /// What stands before a seat's number.
    pub(super) fn letter(self) -> char {
        match self {
            Role::Producer => 'p',
            Role::Worker => 'w',
        }
    }

    /// The role that a lane's segment of this kind has.
    pub(super) fn of_kind(kind: u32) -> Option<Self> {
        [Role::Producer, Role::Worker].into_iter().find(|role| role.kind() == kind)
    }
}

/// The bell and the seat words of a door.
pub(super) fn words(door: &Segment) -> Result<(Doorbell, Words)> {
    let region = door.region(WORDS)?;
    Ok((Doorbell::over(region.clone())?, Words::over(region, Doorbell::BYTES, SEATS + 1)?))
}

/// Bytes of a part that holds a text.
pub(super) fn text_bytes(text: &str) -> usize {
    8 + text.len()
}

/// Writes a text: its length and CRC32C last, so that nobody reads half of it.
pub(super) fn write_text(region: Region, text: &str) -> Result<()> {
    region.write(8, text.as_bytes())?;
    Words::over(region, 0, 1)?.set(0, (text.len() as u64 + 1) | u64::from(crc32c::crc32c(text.as_bytes())) << 32);
    Ok(())
}

/// Reads a text of at most `most` bytes, of a copy.
///
/// # Errors
/// [`ErrorKind::State`](crate::error::ErrorKind::State) while it is not there yet,
/// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt).
pub(super) fn read_text(region: &Region, most: usize, what: &str) -> Result<String> {
    let word = Words::over(region.clone(), 0, 1)?.get(0);
    let mut text = vec![0; length_of(word, most.min(region.bytes().saturating_sub(8)), what)?];
    region.read(8, &mut text)?;
    checked(word, text, what)
}

/// The same of a copy of a part, or of as much of it as a text may have.
///
/// # Errors
/// Those of [`read_text`].
pub(super) fn text_of(copy: &[u8], what: &str) -> Result<String> {
    let Some((word, rest)) = copy.split_first_chunk() else {
        return Err(corrupt(format!("{what} has {} bytes, too few to be there", copy.len())));
    };
    let word = u64::from_ne_bytes(*word);
    checked(word, rest[..length_of(word, rest.len(), what)?].to_vec(), what)
}

/// The length that a text's first word says, at most `most`.
fn length_of(word: u64, most: usize, what: &str) -> Result<usize> {
    let Some(length) = (word as u32 as usize).checked_sub(1) else {
        return Err(state(format!("{what} is still being written: try again")));
    };
    if length > most {
        return Err(corrupt(format!("{what} says that it has {length} bytes: something overwrote it")));
    }
    Ok(length)
}

fn checked(word: u64, text: Vec<u8>, what: &str) -> Result<String> {
    if crc32c::crc32c(&text) != (word >> 32) as u32 {
        return Err(corrupt(format!("{what} does not have the checksum that it says: something overwrote it")));
    }
    String::from_utf8(text).map_err(|_| corrupt(format!("{what} is not UTF-8: something overwrote it")))
}

/// Checks a peer's label.
pub(super) fn check_label(label: &str) -> Result<()> {
    if label.len() > LABEL_MAX {
        return Err(argument(format!("a label of {} bytes: {LABEL_MAX} are the most", label.len())));
    }
    // It stands in logs and on terminals.
    if label.contains(char::is_control) {
        return Err(argument(format!("the label {label:?} has control characters: leave them out")));
    }
    Ok(())
}
