//! What a stream writes into the log of its run: one kind of entry for each thing that was acknowledged, decided or told.
//!
//! ```text
//! OPTIONS   1   text: "key = value" lines of what has to be equal to go on; "any" where that is open
//! POINT     2   id u64 | content u64 | step i64 | time_us f64 | centre_nm f64 x, y | queue u16 | has u16 | what it has of:
//!               1 factor f32; 2 label text; 4 probabilities count u32, f32s; 8 proteins count u32, each id u64, state i32,
//!               partner i32, x_nm f64, y_nm f64 | the rest: the point, f32s; with bit 63 of the id, which is not of it, it is
//!               a plain one: id u64 | content u64 | step i32 | time_us f64 | centre_nm f64 x, y | the point; queue 0
//! LEFT_OUT  3   id u64 | content u64 | step i64
//! EVENT     4   number u64 | step i64 | n u64 | merged u64 | candidates u64 | selected u64 | discarded u64 | picks u32 |
//!               lost u32 | each pick, then each lost one: id u64, queue u16, rank f32 | the rest: ids that were discarded
//! STATE     5   id u64 | step i64 | attempt u32 | to u8 | by u8 | reason text
//! WITHDRAWN 6   id u64 | step i64 | why u8
//! MARK      7   step i64 | after u64 | last event's step i64 | sent u32 | unsent u32 | the host's ids of both | text
//! BRANCH    8   branch u64 | step i64 | after u64 | the rest: the host's ids of patches that were told and not sent again
//! SAMPLE    9   a message of `patchstream.fbs`: RdfSample
//! GIVEN     10  id u64 | attempt u32 | text: to whom
//! TAKEN     12  the entry of the last sample that the host has taken u64
//! SIMULATION, FEEDBACK    those of [`super::feedback`]
//! ```
//! Ids are public ones, but that of LEFT_OUT, which is the host's. The first entry is OPTIONS; another one follows in a run
//! that was imported, once a stream goes on with it. Kinds are never renumbered; a later version may add some.
//! Not here: when they are written ([`super`]), how entries lie in files ([`crate::store`]).

pub use super::jobs::sample;
pub use super::point::{Point, PointParts};
use crate::dynim::State;
use crate::error::{Result, corrupt};
use crate::store::bytes::{Packer, Viewer};

/// What has to be equal to go on.
pub const OPTIONS: u16 = 1;
/// A patch that was taken in.
pub const POINT: u16 = 2;
/// A patch that was not, for an error; its id stays taken.
pub const LEFT_OUT: u16 = 3;
/// An event.
pub const EVENT: u16 = 4;
/// A pick moved to another state.
pub const STATE: u16 = 5;
/// A patch was withdrawn.
pub const WITHDRAWN: u16 = 6;
/// The host set a mark.
pub const MARK: u16 = 7;
/// A host that went back to a mark computed something else.
pub const BRANCH: u16 = 8;
/// A sample was accepted.
pub const SAMPLE: u16 = 9;
/// A job was given out.
pub const GIVEN: u16 = 10;
/// How far the host had taken samples when it set the mark that follows.
pub const TAKEN: u16 = 12;

const PICK_BYTES: usize = 14;

/// A patch that was not taken in, for an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// The host's id of it.
    pub id: u64,
    /// The hash of its content.
    pub content: u64,
    /// Its step.
    pub step: i64,
}

/// A pick of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picked {
    /// The patch.
    pub id: u64,
    /// The queue that it came from.
    pub queue: u16,
    /// Its rank when it was picked.
    pub rank: f32,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// Its number, from 0; never used again.
    pub number: u64,
    /// The step that it was asked for.
    pub step: i64,
    /// How many picks it was asked for.
    pub n: u64,
    /// Points that became candidates.
    pub merged: u64,
    /// Candidates and waiting points after it.
    pub candidates: u64,
    /// Selected points after it.
    pub selected: u64,
    /// Discarded points after it.
    pub discarded: u64,
    /// What was picked, in the order of the picks.
    pub picks: Vec<Picked>,
    /// What was picked, returned and withdrawn at once, since its densities could not be read back.
    pub lost: Vec<Picked>,
    /// What it discarded.
    pub gone: Vec<u64>,
}

/// Who moved a pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum By {
    /// The host.
    Host = 1,
    /// A worker, or what became of it.
    Worker = 2,
    /// The job is set aside: it failed for the third time, or it cannot be given out.
    Aside = 3,
}

/// A pick moved to another state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The patch.
    pub id: u64,
    /// The step that it was said at.
    pub step: i64,
    /// The attempt that said so; 0 if it was none.
    pub attempt: u32,
    /// Its new state.
    pub to: State,
    /// Who said so.
    pub by: By,
    /// Why; empty without a reason.
    pub reason: String,
}

/// Why a patch was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Why {
    /// The host said so.
    Host = 1,
    /// A host that went back to a mark computed something else.
    Branch = 2,
    /// It made room for another.
    Room = 3,
    /// Its densities are lost.
    Lost = 4,
}

/// A patch was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawn {
    /// The patch.
    pub id: u64,
    /// The step that it was said at.
    pub step: i64,
    /// Why.
    pub why: Why,
}

/// A mark of the host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The step that it was set at.
    pub step: i64,
    /// The last entry that lies before it: the mark's own, unless its host was still replaying events.
    pub after: u64,
    /// The step of the last event before it; `i64::MIN` if there was none.
    pub last_step: i64,
    /// The host's ids of patches behind `after` that it had sent before the mark nevertheless.
    pub sent: Vec<u64>,
    /// The host's ids of patches up to `after` that it was still to send again.
    pub unsent: Vec<u64>,
    /// Its name.
    pub name: String,
}

/// A new branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its number, from 1.
    pub number: u64,
    /// The step of the last event that was replayed, or that was before the mark.
    pub step: i64,
    /// The entry of that event, or of the mark: events behind it are of what the host did not do again.
    pub after: u64,
    /// The host's ids of patches behind the mark that are selected and were not sent again.
    pub told: Vec<u64>,
}

/// A job was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The job.
    pub id: u64,
    /// How often it was given out with this time.
    pub attempt: u32,
    /// To whom.
    pub who: String,
}

impl LeftOut {
    /// Writes it.
    pub fn pack(&self, packer: &mut Packer) {
        packer.u64(self.id).u64(self.content).i64(self.step);
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub fn view(payload: &[u8]) -> Result<Self> {
        read("a patch left out in the log", payload, |from| {
            Ok(Self { id: from.u64()?, content: from.u64()?, step: from.i64()? })
        })
    }
}

impl Event {
    /// Its picks, each with its place among all that were selected by then.
    pub fn ordered(&self) -> impl Iterator<Item = (u64, &Picked)> {
        (self.selected.saturating_sub(self.picks.len() as u64)..).zip(&self.picks)
    }

    /// Bytes of one with so many picks and discards.
    pub fn bytes(picks: usize, gone: usize) -> usize {
        64 + PICK_BYTES * picks + 8 * gone
    }

    /// Writes it.
    pub fn pack(&self, packer: &mut Packer) {
        packer.u64(self.number).i64(self.step).u64(self.n).u64(self.merged);
        packer.u64(self.candidates).u64(self.selected).u64(self.discarded);
        packer.u32(self.picks.len() as u32).u32(self.lost.len() as u32);
        for Picked { id, queue, rank } in self.picks.iter().chain(&self.lost) {
            packer.u64(*id).u16(*queue).f32(*rank);
        }
        packer.u64s(&self.gone);
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub fn view(payload: &[u8]) -> Result<Self> {
        read("an event in the log", payload, |from| {
            let (number, step, n, merged) = (from.u64()?, from.i64()?, from.u64()?, from.u64()?);
            let (candidates, selected, discarded) = (from.u64()?, from.u64()?, from.u64()?);
            let (picks, lost) = (from.u32()? as usize, from.u32()? as usize);
            if picks.saturating_add(lost) > from.left() / PICK_BYTES {
                return Err(from.wrong(format!("{picks} and {lost} picks are announced, {} bytes follow", from.left())));
            }
            let mut all = Vec::with_capacity(picks + lost);
            for _ in 0..picks + lost {
                all.push(Picked { id: from.u64()?, queue: from.u16()?, rank: from.f32()? });
            }
            let lost = all.split_off(picks);
            let mut gone = Vec::new();
            from.u64s(from.left() / 8, &mut gone)?;
            Ok(Self { number, step, n, merged, candidates, selected, discarded, picks: all, lost, gone })
        })
    }
}

impl Moved {
    /// Writes it.
    pub fn pack(&self, packer: &mut Packer) {
        packer.u64(self.id).i64(self.step).u32(self.attempt).u8(self.to as u8).u8(self.by as u8).text(&self.reason);
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub fn view(payload: &[u8]) -> Result<Self> {
        use State::{Done, Failed, Interrupted, Issued, Returned, Started};
        read("a state in the log", payload, |from| {
            let (id, step, attempt, to, by) = (from.u64()?, from.i64()?, from.u32()?, from.u8()?, from.u8()?);
            let states = [Issued, Started, Interrupted, Done, Failed, Returned];
            let to = states.into_iter().find(|state| *state as u8 == to);
            let by = [By::Host, By::Worker, By::Aside].into_iter().find(|other| *other as u8 == by);
            let (Some(to), Some(by)) = (to, by) else { return Err(from.wrong("it has no such state, or source")) };
            Ok(Self { id, step, attempt, to, by, reason: from.text()?.to_owned() })
        })
    }
}

impl Withdrawn {
    /// Writes it.
    pub fn pack(&self, packer: &mut Packer) {
        packer.u64(self.id).i64(self.step).u8(self.why as u8);
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub fn view(payload: &[u8]) -> Result<Self> {
        read("a withdrawal in the log", payload, |from| {
            let (id, step, why) = (from.u64()?, from.i64()?, from.u8()?);
            let all = [Why::Host, Why::Branch, Why::Room, Why::Lost];
            let why = all.into_iter().find(|other| *other as u8 == why);
            Ok(Self { id, step, why: why.ok_or_else(|| from.wrong("it has no such reason"))? })
        })
    }
}

impl Mark {
    /// Its bytes.
    pub fn bytes(&self) -> usize {
        36 + 8 * (self.sent.len() + self.unsent.len()) + self.name.len()
    }

    /// Writes it.
    pub fn pack(&self, packer: &mut Packer) {
        packer.i64(self.step).u64(self.after).i64(self.last_step);
        packer.u32(self.sent.len() as u32).u32(self.unsent.len() as u32).u64s(&self.sent).u64s(&self.unsent);
        packer.text(&self.name);
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub fn view(payload: &[u8]) -> Result<Self> {
        read("a mark in the log", payload, |from| {
            let (step, after, last_step) = (from.i64()?, from.u64()?, from.i64()?);
            let counts = [from.u32()? as usize, from.u32()? as usize];
            let [mut sent, mut unsent] = [Vec::new(), Vec::new()];
            from.u64s(counts[0], &mut sent)?;
            from.u64s(counts[1], &mut unsent)?;
            Ok(Self { step, after, last_step, sent, unsent, name: from.text()?.to_owned() })
        })
    }
}

impl Branch {
    /// Bytes of one with so many told patches.
    pub fn bytes(told: usize) -> usize {
        24 + 8 * told
    }

    /// Writes it.
    pub fn pack(&self, packer: &mut Packer) {
        packer.u64(self.number).i64(self.step).u64(self.after).u64s(&self.told);
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub fn view(payload: &[u8]) -> Result<Self> {
        read("a branch in the log", payload, |from| {
            let (number, step, after) = (from.u64()?, from.i64()?, from.u64()?);
            let mut told = Vec::new();
            from.u64s(from.left() / 8, &mut told)?;
            Ok(Self { number, step, after, told })
        })
    }
}

impl Given {
    /// Writes it.
    pub fn pack(&self, packer: &mut Packer) {
        packer.u64(self.id).u32(self.attempt).text(&self.who);
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub fn view(payload: &[u8]) -> Result<Self> {
        read("a job in the log", payload, |from| {
            Ok(Self { id: from.u64()?, attempt: from.u32()?, who: from.text()?.to_owned() })
        })
    }
}

/// The options' text.
///
/// # Errors
/// `Corrupt` if it is none.
pub fn options(payload: &[u8]) -> Result<&str> {
    std::str::from_utf8(payload).map_err(|_| corrupt("the options in the log are no text: verify the run"))
}

/// The entry of the last sample that the host has taken.
///
/// # Errors
/// `Corrupt` if it is none.
pub fn taken(payload: &[u8]) -> Result<u64> {
    read("what was taken in the log", payload, |from| from.u64())
}

/// Reads all of a payload.
fn read<T>(what: &str, payload: &[u8], by: impl FnOnce(&mut Viewer<'_>) -> Result<T>) -> Result<T> {
    let mut from = Viewer::new(what, payload);
    let value = by(&mut from)?;
    from.end()?;
    Ok(value)
}
