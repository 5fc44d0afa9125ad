//! Places in a file on a local disk: scratch that lives as long as the stream, and is removed with it.
//!
//! Layout, little-endian: a page of 4,096 bytes (magic of 8, then the bytes of a place as u64, then 0), then the places,
//! each `id: u64, crc: u32, 0: u32, densities`, where crc is the CRC32C of the id's bytes and of the densities'.
//! One stream has a file: it holds the file's record lock, which a forked child does not keep. What a killed stream left is used again by the next.
//! Not here: who is in which place ([`super::Arena`]).

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::{self, Result, argument, busy, corrupt, forked, io};
use crate::shm::{LockFile, OWNER};

const MAGIC: [u8; 8] = *b"PSRETN01";
/// Bytes before the first place.
const PAGE: u64 = 4096;
/// Bytes of a place before its densities.
const HEAD: usize = 16;
/// How often a file may vanish between opening and locking it, since its last stream has just removed it.
const TRIES: usize = 16;

/// A scratch file of places.
pub(super) struct Scratch {
    /// The lock's own descriptor: closing another one would let go of the lock.
    file: File,
    /// Held for as long as the file is open.
    _lock: LockFile,
    /// Absolute, so that it is found again wherever the process has gone.
    path: PathBuf,
    /// The process that made it: a forked child neither writes to it nor removes it.
    process: u32,
    /// A place as it lies in the file.
    place: Box<[u8]>,
}

impl Scratch {
    /// Makes the file, for places of `bytes` bytes of densities.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`](crate::error::ErrorKind::Busy) if another stream has it,
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if it is there and no file of ours,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if it cannot be made or locked.
    pub(super) fn create(path: &Path, bytes: usize) -> Result<Self> {
        let path = std::path::absolute(path)
            .map_err(|error| io(format!("cannot tell where {} is: {error}; name it whole", path.display())))?;
        let (file, lock) = open_locked(&path)?;
        let place = vec![0; HEAD + bytes].into_boxed_slice();
        let mut page = [0; PAGE as usize];
        page[..8].copy_from_slice(&MAGIC);
        page[8..16].copy_from_slice(&(place.len() as u64).to_le_bytes());
        let made = Self { file, _lock: lock, path, process: std::process::id(), place };
        let emptied = made.file.set_len(0).and_then(|()| made.file.write_all_at(&page, 0));
        emptied.map_err(|error| made.failed("write to", &error))?;
        Ok(made)
    }

    /// Where the densities of the next [`write`](Self::write) go.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.place[HEAD..]
    }

    /// Writes what is in the [room](Self::room) to a place, for patch `id`. `false`: the disk is full.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) for any other trouble,
    /// [`ErrorKind::Forked`](crate::error::ErrorKind::Forked) in a child.
    pub(super) fn write(&mut self, at: usize, id: u64) -> Result<bool> {
        self.check_process()?;
        self.place[..8].copy_from_slice(&id.to_le_bytes());
        let sum = checksum(id, &self.place[HEAD..]);
        self.place[8..12].copy_from_slice(&sum.to_le_bytes());
        match self.file.write_all_at(&self.place, self.offset(at)) {
            Ok(()) => Ok(true),
            Err(error) if is_full(&error) => Ok(false),
            Err(error) => Err(self.failed("write to", &error)),
        }
    }

    /// Reads the densities of patch `id` from a place.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if they are not what was written,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk does not give them.
    pub(super) fn read(&mut self, at: usize, id: u64) -> Result<&[u8]> {
        self.check_process()?;
        let offset = self.offset(at);
        match self.file.read_exact_at(&mut self.place, offset) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(self.damaged(id, "was cut short")),
            Err(error) => return Err(self.failed("read from", &error)),
        }
        let (head, densities) = self.place.split_at(HEAD);
        let mut expected = [0; HEAD];
        expected[..8].copy_from_slice(&id.to_le_bytes());
        expected[8..12].copy_from_slice(&checksum(id, densities).to_le_bytes());
        if head != expected {
            return Err(self.damaged(id, "was changed"));
        }
        Ok(&self.place[HEAD..])
    }

    /// Bytes of a place in the file.
    pub(super) fn place_bytes(bytes: usize) -> usize {
        HEAD + bytes
    }

    fn offset(&self, at: usize) -> u64 {
        PAGE + at as u64 * self.place.len() as u64
    }

    fn check_process(&self) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(forked(format!("{} belongs to the process that forked: open a stream of your own", self.path.display())))
    }

    fn damaged(&self, id: u64, what: &str) -> error::Error {
        corrupt(format!(
            "the densities of patch {id} in {} are not those that were written: the file {what}; nothing else may write \
             to it",
            self.path.display()
        ))
    }

    fn failed(&self, what: &str, error: &Error) -> error::Error {
        io(format!("cannot {what} the densities in {}: {error}", self.path.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Removed while its lock is held, and only if the name still stands for it.
        if std::process::id() == self.process && is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The file at `path`, made if there is none, and locked.
fn open_locked(path: &Path) -> Result<(File, LockFile)> {
    let failed = |error: error::Error| {
        let what = format!("{} cannot hold densities, name a file on a local disk", path.display());
        error.context(&what)
    };
    for _ in 0..TRIES {
        if path.symlink_metadata().is_ok_and(|about| !about.is_file()) {
            return Err(foreign(path));
        }
        let Some(lock) = LockFile::at(path, None, true).map_err(failed)? else { continue };
        if lock.hold(OWNER).map_err(failed)?.is_err() {
            return Err(busy(format!("another stream keeps its densities in {}: name another file", path.display())));
        }
        let file = lock.file().map_err(failed)?;
        if is_at(&file, path) {
            check_ours(&file, path)?;
            return Ok((file, lock));
        }
        // The last stream has removed it between the opening and the lock.
    }
    Err(busy(format!("{} is removed as often as it is made: name another file for densities", path.display())))
}

/// Refuses to overwrite what is no scratch file.
fn check_ours(file: &File, path: &Path) -> Result<()> {
    let mut magic = [0; MAGIC.len()];
    let is_empty = file.metadata().is_ok_and(|about| about.len() == 0);
    if is_empty || file.read_exact_at(&mut magic, 0).is_ok() && magic == MAGIC {
        return Ok(());
    }
    Err(foreign(path))
}

fn foreign(path: &Path) -> error::Error {
    argument(format!(
        "{} is there already and holds no densities, it is not overwritten: name another file",
        path.display()
    ))
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), path.symlink_metadata()) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

fn is_full(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

fn checksum(id: u64, densities: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&id.to_le_bytes()), densities)
}
