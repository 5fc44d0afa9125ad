//! A checkpoint: sections of bytes that belong to one sequence of the log, in a file that replaces another at once.
//!
//! ```text
//! header   0 magic "pstrmcpt" | 8 format u32 | 12 header's length u32 | 16 run u128 | 32 epoch u64 | 40 serial u64
//!          48 sequence u64 | 56 file's length u64 | 64 sections u32 | 68 CRC32C of bytes 0 .. 68
//! section  0 CRC32C | 4 id u32 | 8 length u64 | 16 bytes; the checksum goes on from the header's, over all behind itself
//! ```
//! All numbers are little-endian. Written beside, synced, renamed over the older of two, the folder synced: at any moment
//! there is a whole one. Not here: what is in a section, which of two is taken ([`super::recover`]).

use std::path::Path;
use std::sync::Arc;

use super::FORMAT;
use super::bytes::{Packer, Viewer};
use super::disk::{Disk, DiskFile};
use super::epoch::Epoch;
use super::folder::{Paths, Run};
use super::log::{Dirty, Shared};
use super::pieces::Pieces;
use super::segment::check_format;
use super::store::Slots;
use crate::error::{Error, Result, argument, corrupt, io, state};

const MAGIC: &[u8; 8] = b"pstrmcpt";
const HEADER: usize = 72;
const SECTION: usize = 16;
/// The most sections: a few are usual, and each is looked for one by one.
const SECTIONS_MAX: usize = 1000;
/// Bytes that are checksummed and written before the next are looked at: they are in a core's own cache meanwhile.
const PIECE: usize = 256 << 10;

/// What a checkpoint holds: bytes by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sections {
    sections: Vec<(u32, Vec<u8>)>,
}

impl Sections {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a section.
    ///
    /// # Errors
    /// `Argument` for an id that is there already, and past 1000 of them.
    pub fn add(&mut self, id: u32, bytes: Vec<u8>) -> Result<&mut Self> {
        self.check(id)?;
        self.sections.push((id, bytes));
        Ok(self)
    }

    fn check(&self, id: u32) -> Result<()> {
        if self.sections.len() == SECTIONS_MAX {
            return Err(argument(format!("a checkpoint of more than {SECTIONS_MAX} sections: put several into one")));
        }
        if self.get(id).is_some() {
            return Err(argument(format!("section {id} of a checkpoint is there already: give each its own id")));
        }
        Ok(())
    }

    /// The bytes of a section, if it is there.
    pub fn get(&self, id: u32) -> Option<&[u8]> {
        self.sections.iter().find(|(other, _)| *other == id).map(|(_, bytes)| &bytes[..])
    }

    /// All of them, in the order that they were added.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.sections.iter().map(|(id, bytes)| (*id, &bytes[..]))
    }
}

/// A section that is made as it is written.
pub trait Section {
    /// How many bytes it has.
    fn length(&self) -> u64;

    /// Gives them to `out`, piece by piece.
    ///
    /// # Errors
    /// The first of `out`, and those of its own.
    fn give(&self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;
}

impl Section for Vec<u8> {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn give(&self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.chunks(PIECE).try_for_each(out)
    }
}

/// A checkpoint that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// It holds everything up to this entry of the log, which goes on behind it.
    pub sequence: u64,
    /// Of two, the one with the higher serial is newer.
    pub serial: u64,
    /// The writer that wrote it.
    pub epoch: u64,
    /// What it holds.
    pub sections: Sections,
}

/// A checkpoint that is still to be written, by any thread: the log may go on meanwhile. Dropped, it is none.
#[must_use = "write it"]
pub struct PendingCheckpoint {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) paths: Paths,
    pub(super) run: Run,
    pub(super) epoch: Epoch,
    pub(super) dirty: Dirty,
    pub(super) shared: Arc<Shared>,
    pub(super) slots: Arc<Slots>,
    pub(super) serial: u64,
    pub(super) sections: Sections,
}

impl PendingCheckpoint {
    /// The last entry of the log that it holds.
    pub fn sequence(&self) -> u64 {
        self.dirty.last
    }

    /// Writes it, and syncs the log as far as it goes. It is durable once this returns.
    ///
    /// # Errors
    /// `Io` if the log cannot be synced, after which the run is not written any more; `Io` if the checkpoint cannot be
    /// written, which leaves the old ones as they are and the log usable; `Fenced`.
    pub fn write(self) -> Result<u64> {
        self.finish(None)
    }

    /// The same with one section more, which is made as it is written, of what was there when this was begun.
    ///
    /// # Errors
    /// Those of [`write`](Self::write), `Argument` for an id that is there already, and those of `section`, which leave
    /// everything as it is.
    pub fn write_with(self, id: u32, section: &dyn Section) -> Result<u64> {
        self.sections.check(id)?;
        self.finish(Some((id, section)))
    }

    fn finish(self, made: Option<(u32, &dyn Section)>) -> Result<u64> {
        self.shared.check()?;
        // Nor is anything written where a successor writes.
        self.epoch.check().map_err(|error| self.shared.fail(error))?;
        self.dirty.write_ahead(&self.shared);
        // A name of its own: a writer that was succeeded without knowing it may write one, too.
        let new = self.paths.unfinished(self.epoch.number);
        let path = self.paths.checkpoint(self.slots.older());
        let failed = |error: std::io::Error| {
            // What is left of it is written over by the next one, or removed by the next writer.
            let _ = self.disk.remove(&new);
            let advice = "the ones before it are still there; make room or look after the disk, then try again";
            io(format!("the checkpoint {} could not be written: {error}; {advice}", path.display()))
        };
        let file = self.disk.replace(&new).map_err(failed)?;
        self.fill(&*file, made).map_err(|stopped| match stopped {
            Stopped::Disk(error) => failed(error),
            Stopped::Section(error) => {
                let _ = self.disk.remove(&new);
                error
            }
        })?;
        // The log goes first: a checkpoint of what it does not have would be damage.
        self.dirty.sync(&self.shared, &self.epoch)?;
        file.sync().map_err(failed)?;
        // A successor's checkpoints are not to be replaced.
        self.epoch.check().map_err(|error| self.shared.fail(error))?;
        self.disk.rename(&new, &path).map_err(failed)?;
        self.disk.sync_folder(&self.paths.root).map_err(failed)?;
        self.slots.written(self.serial);
        Ok(self.sequence())
    }

    /// Writes everything that the file has.
    fn fill(&self, file: &dyn DiskFile, made: Option<(u32, &dyn Section)>) -> std::result::Result<(), Stopped> {
        let held = self.sections.sections.iter().map(|(id, bytes)| (*id, bytes as &dyn Section));
        let sections: Vec<(u32, &dyn Section)> = held.chain(made).collect();
        let lengths = sections.iter().map(|(_, section)| SECTION as u64 + section.length());
        let length = HEADER as u64 + lengths.sum::<u64>();
        let mut header = Packer::with_capacity(HEADER);
        header.u8s(MAGIC).u32(FORMAT).u32(HEADER as u32).u128(self.run.0).u64(self.epoch.number);
        header.u64(self.serial).u64(self.sequence()).u64(length).u32(sections.len() as u32);
        let seed = crc32c::crc32c(header.bytes());
        let mut out = Pieces::new(file);
        out.add(header.u32(seed).bytes())?;
        for (id, section) in sections {
            let mut head = Packer::with_capacity(SECTION);
            head.u32(0).u32(id).u64(section.length());
            let (at, mut checksum) = (out.length(), crc32c::crc32c_append(seed, &head.bytes()[4..]));
            out.add(head.bytes())?;
            let mut stopped = None;
            let given = section.give(&mut |piece| {
                checksum = crc32c::crc32c_append(checksum, piece);
                out.add(piece).map_err(|error| {
                    // It is told by what the disk said, not by what the section makes of it.
                    stopped = Some(error);
                    io("the disk")
                })
            });
            if let Some(error) = stopped {
                return Err(Stopped::Disk(error));
            }
            given.map_err(Stopped::Section)?;
            if out.length() != at + SECTION as u64 + section.length() {
                let (said, given) = (section.length(), out.length() - at - SECTION as u64);
                let what = format!("section {id} of a checkpoint said {said} bytes and gave {given}");
                return Err(Stopped::Section(state(what)));
            }
            out.set(at, checksum.to_le_bytes())?;
        }
        out.end()?;
        Ok(())
    }
}

/// Why a checkpoint was not written to its end.
enum Stopped {
    Disk(std::io::Error),
    Section(Error),
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error)
    }
}

/// Removes what writers before `epoch` left that is not whole.
pub(super) fn remove_unfinished(disk: &dyn Disk, paths: &Paths, epoch: u64) {
    let entries = std::fs::read_dir(&paths.root).into_iter().flatten().flatten();
    for name in entries.map(|entry| entry.file_name()) {
        let of = name.to_str().and_then(|name| name.strip_prefix("checkpoint-")?.strip_suffix(".new")?.parse().ok());
        if of.is_some_and(|of: u64| of < epoch) {
            // Nobody reads it: one that stays takes up room, and no more.
            let _ = disk.remove(&paths.root.join(&name));
        }
    }
}

/// Reads a checkpoint of a run. None if there is no such file.
pub(super) fn read(path: &Path, run: Run) -> Result<Option<Checkpoint>> {
    let name = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(format!("cannot read {name}: {error}"))),
    };
    let Some((header, rest)) = bytes.split_at_checked(HEADER) else {
        return Err(corrupt(format!("{name} has {} bytes, its header alone has {HEADER}", bytes.len())));
    };
    if &header[..8] != MAGIC {
        return Err(corrupt(format!("{name} is no checkpoint: it does not begin with \"pstrmcpt\"")));
    }
    let mut viewer = Viewer::new(&name, &header[8..]);
    let (format, _, of_run) = (viewer.u32()?, viewer.u32()?, Run(viewer.u128()?));
    let (epoch, serial, sequence) = (viewer.u64()?, viewer.u64()?, viewer.u64()?);
    let (length, count, seed) = (viewer.u64()?, viewer.u32()?, viewer.u32()?);
    if crc32c::crc32c(&header[..HEADER - 4]) != seed {
        return Err(corrupt(format!("the header of {name} is damaged: its checksum is wrong")));
    }
    check_format(&name, format)?;
    if of_run != run {
        return Err(corrupt(format!("{name} belongs to the run {of_run}, this one is {run}")));
    }
    if length != bytes.len() as u64 {
        return Err(corrupt(format!("{name} has {} bytes and was written with {length}", bytes.len())));
    }
    let mut viewer = Viewer::new(&name, rest);
    let mut sections = Sections::new();
    for _ in 0..count {
        let checksum = viewer.u32()?;
        let covered = viewer.clone().take(SECTION - 4)?;
        let (id, length) = (viewer.u32()?, viewer.u64()?);
        let bytes = viewer.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        if crc32c::crc32c_append(crc32c::crc32c_append(seed, covered), bytes) != checksum {
            return Err(viewer.wrong(format!("the checksum of section {id} is wrong")));
        }
        sections.add(id, bytes.to_vec()).map_err(|error| viewer.wrong(error))?;
    }
    viewer.end()?;
    Ok(Some(Checkpoint { sequence, serial, epoch, sections }))
}
