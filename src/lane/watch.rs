//! Doors and lanes seen from outside, for people: what a segment is, what it says, and whether it may be cleared up.
//!
//! Not here: segments as such ([`crate::shm`]), the numbers that a stream sets for watchers (`crate::stream`).

use super::seat::{ABOUT, KIND_DOOR, LABEL_MAX, Role, TEXT_MAX, text_of};
use crate::error::{ErrorKind, Result};
use crate::shm::{self, About, Look, Seen, Standing, Swept};

/// What a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// Where an owner is found.
    Door,
    /// A peer's.
    Lane(Role),
}

impl Thing {
    /// What a segment is by what it says of itself; none if it is neither.
    pub fn of(about: &About) -> Option<Self> {
        (about.kind == KIND_DOOR).then_some(Self::Door).or_else(|| Role::of_kind(about.kind).map(Self::Lane))
    }

    /// `door`, `lane of a producer`, `lane of a worker`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Door => "door",
            Self::Lane(Role::Producer) => "lane of a producer",
            Self::Lane(Role::Worker) => "lane of a worker",
        }
    }
}

/// The text of a door or the label of a lane; none for any other segment.
///
/// # Errors
/// [`ErrorKind::State`] while it is being written, [`ErrorKind::Corrupt`] if it was overwritten.
pub fn text(look: &Look) -> Option<Result<String>> {
    let (part, most, what) = match Thing::of(look.seen.about.as_ref()?)? {
        Thing::Door => (ABOUT, TEXT_MAX, "what the door says"),
        Thing::Lane(role) => (role.label_part(), LABEL_MAX, "the lane's label"),
    };
    Some(look.bytes_of(part, 8 + most).and_then(|copy| text_of(&copy, what)))
}

/// The door, role and seat of a lane that a segment's name says: `run7.w12` is seat 12 of `run7`, a worker's.
pub fn lane_of(name: &str) -> Option<(&str, Role, u16)> {
    let (door, lane) = name.rsplit_once('.')?;
    let roles = [Role::Producer, Role::Worker].into_iter();
    let mut seats = roles.filter_map(|role| Some((role, lane.strip_prefix(role.letter())?.parse::<u16>().ok()?)));
    // Spelt otherwise it is another segment.
    let is_lane = |(role, seat): &(Role, u16)| {
        usize::from(*seat) < role.seats() && role.name(door, usize::from(*seat)) == name && !door.is_empty()
    };
    seats.find(is_lane).map(|(role, seat)| (door, role, seat))
}

/// Removes what a dead owner left as [`shm::remove_left`] does, but for lanes whose door's owner lives: it still takes
/// what was committed there, and removes them itself.
///
/// # Errors
/// Those of [`shm::remove_left`].
pub fn remove_left(name: &str, dry: bool) -> Result<Swept> {
    shm::remove_left_unless(name, dry, &|seen| is_wanted(seen))
}

fn is_wanted(seen: &Seen) -> Result<Option<String>> {
    let Some((door, ..)) = lane_of(&seen.name) else { return Ok(None) };
    if seen.about.as_ref().is_some_and(|about| Role::of_kind(about.kind).is_none()) {
        return Ok(None);
    }
    let there = match shm::look(door) {
        Err(error) if error.kind() == ErrorKind::Unknown => return Ok(None),
        answer => answer?.seen,
    };
    let is_door = there.about.as_ref().is_none_or(|about| about.kind == KIND_DOOR);
    let lives = matches!(there.standing, Standing::Owned | Standing::BeingMade) && is_door;
    Ok(lives.then(|| format!("{door} takes what is in it, and then removes it")))
}
