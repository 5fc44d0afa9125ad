//! Where everything is that a log speaks of: each patch, without its point, in the order in which they came; S in order.
//!
//! A withdrawn patch keeps its row and is no longer there. About 70 bytes a patch.
//! Not here: why something was decided ([`super::replay`]), points, which the log is read for again ([`super::export`]).

use std::collections::{HashMap, HashSet};

use patchstream::dynim::State;
use patchstream::error::{Result, corrupt};
use patchstream::ids;
use patchstream::store::Recovered;
use patchstream::stream::journal::records::{Event, Picked, Point};

use super::entry::Entry;
use super::reading::{Read, Reading};

/// Where a patch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It may still be picked.
    Candidate,
    Selected,
    Discarded,
    Withdrawn,
}

impl Stage {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Candidate => "candidate",
            Stage::Selected => "selected",
            Stage::Discarded => "discarded",
            Stage::Withdrawn => "withdrawn",
        }
    }
}

/// A patch.
#[derive(Debug, Clone, Copy)]
pub struct Patch {
    pub id: u64,
    pub content: u64,
    pub queue: u16,
    pub stage: Stage,
}

/// A place in S.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub row: usize,
    pub event: u64,
    pub rank: f32,
    pub state: State,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Seen {
    pub options: String,
    pub patches: Vec<Patch>,
    /// Coordinates of a point; 0 before the first.
    pub dim: usize,
    /// S, in the order of the picks.
    pub selected: Vec<Place>,
    rows: HashMap<u64, usize>,
    /// The host's ids of patches that were never taken in.
    left_out: HashSet<u64>,
}

impl Seen {
    /// Reads a whole log.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) with the entry that is damaged or speaks of what is
    /// not there.
    pub fn read(found: &Recovered) -> Result<Self> {
        let mut seen = Self::default();
        let mut reading = Reading::new(found)?;
        while let Some(Read { sequence, entry, point }) = reading.next()? {
            seen.take(entry, point).map_err(|error| error.context(format!("entry {sequence}")))?;
        }
        Ok(seen)
    }

    fn take(&mut self, entry: Entry, point: &Point) -> Result<()> {
        match entry {
            Entry::Options(text) => self.options = text.into(),
            Entry::Point => self.come(point)?,
            Entry::Event(event) => self.event(&event)?,
            Entry::Moved(moved) => {
                let row = self.row(moved.id)?;
                let at = self.selected.iter().rposition(|place| place.row == row);
                let at = at.ok_or_else(|| corrupt(format!("patch {} was never picked: verify the run", moved.id)))?;
                if moved.to == State::Returned {
                    self.selected.remove(at);
                    self.patches[row].stage = Stage::Candidate;
                } else {
                    self.selected[at].state = moved.to;
                }
            }
            Entry::LeftOut(left) => drop(self.left_out.insert(left.id)),
            Entry::Withdrawn(gone) if self.left_out.remove(&ids::host(gone.id)) => {}
            Entry::Withdrawn(gone) => {
                let row = self.row(gone.id)?;
                self.patches[row].stage = Stage::Withdrawn;
                self.rows.remove(&gone.id);
            }
            _ => {}
        }
        Ok(())
    }

    fn come(&mut self, point: &Point) -> Result<()> {
        if self.patches.is_empty() {
            self.dim = point.point.len();
        }
        if point.point.len() != self.dim || self.dim == 0 {
            let (id, has, dim) = (point.id, point.point.len(), self.dim);
            return Err(corrupt(format!("patch {id} has {has} coordinates, those before have {dim}: verify the run")));
        }
        let row = self.patches.len();
        if self.rows.insert(point.id, row).is_some() {
            return Err(corrupt(format!("patch {} is there already: verify the run", point.id)));
        }
        let Point { id, content, queue, .. } = *point;
        self.patches.push(Patch { id, content, queue, stage: Stage::Candidate });
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        for id in &event.gone {
            let row = self.row(*id)?;
            self.patches[row].stage = Stage::Discarded;
        }
        for Picked { id, rank, .. } in &event.picks {
            let row = self.row(*id)?;
            self.patches[row].stage = Stage::Selected;
            self.selected.push(Place { row, event: event.number, rank: *rank, state: State::Issued });
        }
        for Picked { id, .. } in &event.lost {
            let row = self.row(*id)?;
            self.patches[row].stage = Stage::Withdrawn;
            self.rows.remove(id);
        }
        Ok(())
    }

    fn row(&self, id: u64) -> Result<usize> {
        let row = self.rows.get(&id).copied();
        row.ok_or_else(|| corrupt(format!("it speaks of patch {id}, which is not there: verify the run")))
    }
}
