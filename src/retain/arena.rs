//! Who is in which place: patches by their ids, the bound, and what is free.
//!
//! The bound is on patches that are not selected; selected ones come on top of it, since they are kept for good.
//! Not here: what becomes of a patch for which there is no room ([`crate::stream`]).

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::file::Scratch;
use super::format::Format;
use super::memory::Memory;
use crate::error::{Error, Result, argument, conflict, shape, unknown};

/// How an arena is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A file on a local disk; in memory without one.
    pub file: Option<PathBuf>,
    /// How densities are written down.
    pub format: Format,
    /// The most bytes of patches that are not selected.
    pub bytes: u64,
}

/// Whether a patch was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is in its place.
    Yes,
    /// The bound is reached, or memory or disk are used up: nothing was changed.
    Full,
}

/// How much an arena holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Patches in it.
    pub patches: u64,
    /// Those of them that are pinned: selected.
    pub selected: u64,
    /// Bytes of the places that these patches are in.
    pub bytes: u64,
    /// Bytes of all places made so far: freed ones are used again, never given back.
    pub bytes_made: u64,
    /// The most bytes of patches that are not selected.
    pub bytes_bound: u64,
}

/// Densities of patches, by id, in places of one size.
pub struct Arena {
    /// Values of a patch.
    densities: usize,
    format: Format,
    places: Places,
    place_bytes: usize,
    /// The most patches that are not pinned.
    bound: usize,
    kept: HashMap<u64, Place>,
    /// `(step, id)` of all that are not pinned.
    ages: BTreeSet<(i64, u64)>,
    /// Places made, and those of them that nobody is in.
    made: usize,
    free: Vec<usize>,
}

/// A patch's place.
struct Place {
    at: usize,
    step: i64,
}

enum Places {
    Memory(Memory),
    File(Scratch),
}

impl Arena {
    /// An empty arena for patches of `densities` values.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for patches without values, for a bound that has
    /// no room for one, or if the file is there and holds something else;
    /// [`ErrorKind::Busy`](crate::error::ErrorKind::Busy) if another stream has the file,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if it cannot be made.
    pub fn open(options: &Options, densities: usize) -> Result<Self> {
        let bytes = options.format.bytes(densities);
        let place_bytes = Self::place_bytes(options.format, options.file.is_some(), densities);
        let bound = usize::try_from(options.bytes / place_bytes.max(1) as u64).unwrap_or(usize::MAX);
        if densities == 0 || bound == 0 {
            return Err(argument(format!(
                "{} bytes have no room for the {densities} densities of a patch, which take {place_bytes}: give more",
                options.bytes
            )));
        }
        let places = match &options.file {
            None => Places::Memory(Memory::new(bytes, bound)),
            Some(path) => Places::File(Scratch::create(path, bytes)?),
        };
        Ok(Self {
            densities,
            format: options.format,
            places,
            place_bytes,
            bound,
            kept: HashMap::new(),
            ages: BTreeSet::new(),
            made: 0,
            free: Vec::new(),
        })
    }

    /// Bytes of a place for a patch of `densities` values, in memory or in a file.
    pub fn place_bytes(format: Format, in_file: bool, densities: usize) -> usize {
        let bytes = format.bytes(densities);
        if in_file { Scratch::place_bytes(bytes) } else { bytes }
    }

    /// `memory` or `file`.
    pub fn place(&self) -> &'static str {
        match self.places {
            Places::Memory(_) => "memory",
            Places::File(_) => "file",
        }
    }

    /// How densities are written down.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether a patch is in it.
    pub fn contains(&self, id: u64) -> bool {
        self.kept.contains_key(&id)
    }

    /// Whether the bound leaves room for one more patch.
    pub fn has_room(&self) -> bool {
        self.ages.len() < self.bound
    }

    /// Step and id of the oldest patch that is not pinned: of the lowest step, of several the lowest id.
    pub fn oldest(&self) -> Option<(i64, u64)> {
        self.ages.first().copied()
    }

    /// Keeps a patch of step `step`. After any answer but [`Kept::Yes`] nothing is changed.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for another number of densities,
    /// [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict) if the id is in it already,
    /// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for a density that the format does not have,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk fails.
    pub fn keep(&mut self, id: u64, step: i64, densities: &[f32]) -> Result<Kept> {
        self.check_shape(id, densities.len())?;
        if self.contains(id) {
            return Err(conflict(format!("the densities of patch {id} are kept already: forget them first")));
        }
        self.format.check(densities)?;
        if !self.has_room() || !self.grow() {
            return Ok(Kept::Full);
        }
        let Some(at) = self.free.pop() else { return Ok(Kept::Full) };
        let written = match &mut self.places {
            Places::Memory(memory) => {
                self.format.write(densities, memory.place_mut(at));
                Ok(true)
            }
            Places::File(file) => {
                self.format.write(densities, file.room());
                file.write(at, id)
            }
        };
        if !matches!(written, Ok(true)) {
            self.free.push(at);
            return written.map(|_| Kept::Full);
        }
        self.kept.insert(id, Place { at, step });
        self.ages.insert((step, id));
        Ok(Kept::Yes)
    }

    /// Gives up a patch, pinned or not. `false` if it is not in it.
    pub fn forget(&mut self, id: u64) -> bool {
        let Some(place) = self.kept.remove(&id) else { return false };
        self.ages.remove(&(place.step, id));
        self.free.push(place.at);
        true
    }

    /// Keeps a patch for good: it does not count for the bound any more.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if it is not in it.
    pub fn pin(&mut self, id: u64) -> Result<()> {
        self.set_pinned(id, true)
    }

    /// Takes a pin back, even if the bound is exceeded by that; then nothing more is kept until there is room.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if it is not in it.
    pub fn unpin(&mut self, id: u64) -> Result<()> {
        self.set_pinned(id, false)
    }

    /// Reads the densities of a patch.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if it is not in it,
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for another number of densities,
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if the file is not what was written,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk fails. `densities` are written by success only.
    pub fn read(&mut self, id: u64, densities: &mut [f32]) -> Result<()> {
        let at = self.kept.get(&id).ok_or_else(|| not_kept(id))?.at;
        self.check_shape(id, densities.len())?;
        let bytes = match &mut self.places {
            Places::Memory(memory) => memory.place(at),
            Places::File(file) => file.read(at, id)?,
        };
        self.format.read(bytes, densities);
        Ok(())
    }

    /// Whether the densities of a patch can be read.
    pub fn is_readable(&mut self, id: u64) -> bool {
        let Some(place) = self.kept.get(&id) else { return false };
        match &mut self.places {
            Places::Memory(_) => true,
            Places::File(file) => file.read(place.at, id).is_ok(),
        }
    }

    /// Makes places if none is free, so that the next patch need not wait for them. `false`: memory is used up.
    pub fn grow(&mut self) -> bool {
        if self.free.is_empty() {
            let more = match &mut self.places {
                // The disk is asked when a place is first written.
                Places::File(_) => 1,
                Places::Memory(memory) => memory.grow(),
            };
            // The lowest place is the next one that is taken.
            self.free.extend((self.made..self.made + more).rev());
            self.made += more;
        }
        !self.free.is_empty()
    }

    /// How much it holds.
    pub fn holding(&self) -> Holding {
        let bytes = |places: usize| places as u64 * self.place_bytes as u64;
        Holding {
            patches: self.kept.len() as u64,
            selected: (self.kept.len() - self.ages.len()) as u64,
            bytes: bytes(self.kept.len()),
            bytes_made: bytes(self.made),
            bytes_bound: bytes(self.bound),
        }
    }

    fn set_pinned(&mut self, id: u64, pinned: bool) -> Result<()> {
        let age = (self.kept.get(&id).ok_or_else(|| not_kept(id))?.step, id);
        match pinned {
            true => self.ages.remove(&age),
            false => self.ages.insert(age),
        };
        Ok(())
    }

    fn check_shape(&self, id: u64, given: usize) -> Result<()> {
        if given == self.densities {
            return Ok(());
        }
        Err(shape(format!("{given} values for the densities of patch {id}, which are {}", self.densities)))
    }
}

fn not_kept(id: u64) -> Error {
    unknown(format!("the densities of patch {id} are not kept: it never came, was discarded or was withdrawn"))
}
