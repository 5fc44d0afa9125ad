//! Who is in which place: patches by their ids, the bound, and what is free.
//!
//! The bound is on patches that are not selected; selected ones come on top of it, since they are kept for good.
//! Not here: what becomes of a patch for which there is no room ([`crate::stream`]).

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::disk::Flush;
use super::file::PlaceFile;
use super::format::Format;
use super::layout::{HEAD, Header, Tag};
use super::memory::Memory;
use super::run;
use super::scratch::{self, Scratch};
use crate::error::{Error, ErrorKind, Result, argument, conflict, shape, unknown};

/// How an arena is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where they lie.
    pub home: Home,
    /// How densities are written down.
    pub format: Format,
    /// The most bytes of patches that are not selected.
    pub bytes: u64,
}

/// Where densities lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In memory.
    Memory,
    /// In a file on a local disk, which is removed in the end.
    Scratch(PathBuf),
    /// In a file that stays, in the folder of a run, of which this is the writer.
    Run {
        /// The folder.
        folder: PathBuf,
        /// The run.
        run: u128,
    },
}

/// What is wanted of a patch whose densities a run's file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// It is selected.
    pub pinned: bool,
    /// All of its bytes are read, or only whose they are: then a damage is found when it is read.
    pub checked: bool,
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
    /// Places of a run that were given up, of which its log does not say so yet.
    loose: Vec<usize>,
    /// Removes a scratch file.
    scratch: Option<Scratch>,
}

/// A patch's place.
struct Place {
    at: usize,
    tag: Tag,
}

enum Places {
    Memory(Memory),
    File(PlaceFile),
}

impl Arena {
    /// An arena for patches of `densities` values. It is empty: what a run's file has comes back with
    /// [`recall`](Self::recall), which is called before anything is kept.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for patches without values, for a bound that has
    /// no room for one, or if a scratch file is there and holds something else;
    /// [`ErrorKind::Busy`](crate::error::ErrorKind::Busy) if another stream has the file,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if it cannot be made. Of a run's file also
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt), [`ErrorKind::Version`](crate::error::ErrorKind::Version)
    /// and, if it keeps densities otherwise, [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict).
    pub fn open(options: &Options, densities: usize) -> Result<Self> {
        let bytes = options.format.bytes(densities);
        let place_bytes = Self::place_bytes(options.format, options.home != Home::Memory, densities);
        let bound = usize::try_from(options.bytes / place_bytes.max(1) as u64).unwrap_or(usize::MAX);
        if densities == 0 || bound == 0 {
            return Err(argument(format!(
                "{} bytes have no room for the {densities} densities of a patch, which take {place_bytes}: give more",
                options.bytes
            )));
        }
        let header = |run: u128| Header { run, values: densities as u64, format: options.format };
        let (places, scratch) = match &options.home {
            Home::Memory => (Places::Memory(Memory::new(bytes, bound)), None),
            Home::Scratch(path) => {
                let (file, scratch) = scratch::create(path, &header(0))?;
                (Places::File(file), Some(scratch))
            }
            Home::Run { folder, run } => (Places::File(run::open(folder, &header(*run))?), None),
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
            loose: Vec::new(),
            scratch,
        })
    }

    /// Takes back what a run's file has: `wanted` says of each tag whether that patch is there; every other place is free.
    ///
    /// A patch whose place is torn is not in the arena afterwards, see [`contains`](Self::contains).
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk does not give what it has: nothing is free then.
    pub fn recall(&mut self, wanted: impl Fn(&Tag) -> Option<Wanted>) -> Result<()> {
        let Places::File(file) = &mut self.places else { return Ok(()) };
        let (made, mut free) = (file.places()?, Vec::new());
        for at in 0..made {
            let tag = file.tag(at)?.filter(|tag| !self.kept.contains_key(&tag.id));
            let Some((tag, wanted)) = tag.and_then(|tag| Some((tag, wanted(&tag)?))) else {
                free.push(at);
                continue;
            };
            if wanted.checked {
                match file.read(at, &tag) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Corrupt => {
                        free.push(at);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            self.kept.insert(tag.id, Place { at, tag });
            if !wanted.pinned {
                self.ages.insert((tag.step, tag.id));
            }
        }
        // The lowest place is the next one that is taken.
        free.reverse();
        (self.made, self.free) = (made, free);
        Ok(())
    }

    /// Bytes of a place for a patch of `densities` values, in memory or in a file.
    pub fn place_bytes(format: Format, in_file: bool, densities: usize) -> usize {
        let bytes = format.bytes(densities);
        if in_file { HEAD + bytes } else { bytes }
    }

    /// `memory`, `file` or `run`.
    pub fn place(&self) -> &'static str {
        match (&self.places, &self.scratch) {
            (Places::Memory(_), _) => "memory",
            (Places::File(_), Some(_)) => "file",
            (Places::File(_), None) => "run",
        }
    }

    /// What brings the densities of a run to its disk; none where they end with the process.
    pub fn flush(&self) -> Option<Flush> {
        match (&self.places, &self.scratch) {
            (Places::File(file), None) => Some(file.flush()),
            _ => None,
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

    /// Keeps a patch. After any answer but [`Kept::Yes`] nothing is changed.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for another number of densities,
    /// [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict) if the id is in it already,
    /// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for a density that the format does not have,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk fails.
    pub fn keep(&mut self, tag: Tag, densities: &[f32]) -> Result<Kept> {
        let id = tag.id;
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
                file.write(at, &tag)
            }
        };
        if !matches!(written, Ok(true)) {
            self.free.push(at);
            return written.map(|_| Kept::Full);
        }
        self.kept.insert(id, Place { at, tag });
        self.ages.insert((tag.step, id));
        Ok(Kept::Yes)
    }

    /// Gives up a patch, pinned or not. `false` if it is not in it. A run's place is not used again before it is
    /// [settled](Self::settle).
    pub fn forget(&mut self, id: u64) -> bool {
        let Some(Place { at, tag }) = self.kept.remove(&id) else { return false };
        self.ages.remove(&(tag.step, id));
        if self.place() == "run" {
            self.loose.push(at)
        } else {
            self.free.push(at)
        }
        true
    }

    /// The log of the run says of all patches that were given up that they were: their places are free. A place that is
    /// used again before would be missed by whoever reads a log that ends earlier.
    pub fn settle(&mut self) {
        self.free.append(&mut self.loose);
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
        let Place { at, tag } = self.kept.get(&id).ok_or_else(|| not_kept(id))?;
        self.check_shape(id, densities.len())?;
        let bytes = match &mut self.places {
            Places::Memory(memory) => memory.place(*at),
            Places::File(file) => file.read(*at, tag)?,
        };
        self.format.read(bytes, densities);
        Ok(())
    }

    /// Whether the densities of a patch can be read.
    pub fn is_readable(&mut self, id: u64) -> bool {
        let Some(place) = self.kept.get(&id) else { return false };
        match &mut self.places {
            Places::Memory(_) => true,
            Places::File(file) => file.read(place.at, &place.tag).is_ok(),
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
        let age = (self.kept.get(&id).ok_or_else(|| not_kept(id))?.tag.step, id);
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

#[cfg(test)]
impl Arena {
    /// From here on its file can be read and no longer written.
    pub(crate) fn fail_writes_for_tests(&mut self) {
        if let Some(flush) = self.flush() {
            self.set_disk_for_tests(std::sync::Arc::new(std::fs::File::open(flush.path).unwrap()));
        }
    }

    /// Puts another disk under its file.
    pub(super) fn set_disk_for_tests(&mut self, disk: std::sync::Arc<dyn super::disk::Disk>) {
        if let Places::File(file) = &mut self.places {
            file.set_disk_for_tests(disk);
        }
    }
}
