//! Places in a file on a local disk: scratch that lives as long as the stream, and is removed with it.
//!
//! Layout, little-endian: a page of 4,096 bytes (magic of 8, then the bytes of a place as u64, then 0), then the places,
//! each `id: u64, crc: u32, 0: u32, densities`, where crc is the CRC32C of the id's bytes and of the densities'.
//! One stream has a file: it holds the file's lock. What a killed stream left is used again by the next.
//! Not here: who is in which place ([`super::Arena`]).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{self, Result, argument, busy, corrupt, forked, io};

const MAGIC: [u8; 8] = *b"PSRETN01";
/// Bytes before the first place.
const PAGE: u64 = 4096;
/// Bytes of a place before its densities.
const HEAD: usize = 16;
/// How often a file may vanish between opening and locking it, since its last stream has just removed it.
const TRIES: usize = 16;

/// A scratch file of places.
pub(super) struct Scratch {
    file: File,
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
        let file = open_locked(path)?;
        let place = vec![0; HEAD + bytes].into_boxed_slice();
        let mut page = [0; PAGE as usize];
        page[..8].copy_from_slice(&MAGIC);
        page[8..16].copy_from_slice(&(place.len() as u64).to_le_bytes());
        let made = Self { file, path: path.into(), process: std::process::id(), place };
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
fn open_locked(path: &Path) -> Result<File> {
    let failed = |what: &str, error: &Error| {
        io(format!("cannot {what} {} for densities: {error}; name a file on a local disk", path.display()))
    };
    for _ in 0..TRIES {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
        let mut file = file.map_err(|error| failed("open", &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(busy(format!(
                    "another stream keeps its densities in {}: name another file",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &error)),
        }
        if !is_at(&file, path) {
            continue;
        }
        check_ours(&mut file, path)?;
        return Ok(file);
    }
    Err(busy(format!("{} is removed as often as it is made: name another file for densities", path.display())))
}

/// Refuses to overwrite what is no scratch file.
fn check_ours(file: &mut File, path: &Path) -> Result<()> {
    let mut magic = Vec::new();
    let is_file = file.metadata().is_ok_and(|about| about.is_file());
    let read = is_file && file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic).is_ok();
    if read && (magic.is_empty() || magic == MAGIC) {
        return Ok(());
    }
    Err(argument(format!(
        "{} is there already and holds no densities, it is not overwritten: name another file",
        path.display()
    )))
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
