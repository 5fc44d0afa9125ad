//! A file that lives as long as the stream, and is removed with it.
//!
//! One stream has it: it holds the file's record lock, which a forked child does not keep. What a killed stream left is used
//! again by the next. Not here: the places in it ([`super::file`]), a file that stays ([`super::run`]).

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::PlaceFile;
use super::layout::{Header, MAGIC, PAGE};
use crate::error::{self, Result, argument, busy, io};
use crate::shm::{LockFile, OWNER};

/// How often a file may vanish between opening and locking it, since its last stream has just removed it.
const TRIES: usize = 16;

/// What removes the file in the end.
pub(super) struct Scratch {
    /// The lock's own descriptor: closing another one would let go of the lock.
    file: Arc<File>,
    /// Held for as long as the file is open.
    _lock: LockFile,
    /// Absolute, so that it is found again wherever the process has gone.
    path: PathBuf,
    /// The process that made it: a forked child does not remove it.
    process: u32,
}

/// Makes a scratch file.
///
/// # Errors
/// [`ErrorKind::Busy`](crate::error::ErrorKind::Busy) if another stream has it,
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) if it is there and no file of ours,
/// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if it cannot be made or locked.
pub(super) fn create(path: &Path, header: &Header) -> Result<(PlaceFile, Scratch)> {
    let path = std::path::absolute(path)
        .map_err(|error| io(format!("cannot tell where {} is: {error}; name it whole", path.display())))?;
    let (file, lock) = open_locked(&path)?;
    let file = Arc::new(file);
    let scratch = Scratch { file: file.clone(), _lock: lock, path: path.clone(), process: std::process::id() };
    let (bytes, _) = header.pack();
    let mut page = [0; PAGE as usize];
    page[..bytes.len()].copy_from_slice(&bytes);
    let emptied = file.set_len(0).and_then(|()| file.write_all_at(&page, 0));
    emptied.map_err(|error| io(format!("cannot write to the densities in {}: {error}", path.display())))?;
    Ok((PlaceFile::new(file, path, header), scratch))
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

/// Refuses to overwrite what is no scratch file, and what belongs to a run.
fn check_ours(file: &File, path: &Path) -> Result<()> {
    let mut start = [0; 32];
    let is_empty = file.metadata().is_ok_and(|about| about.len() == 0);
    let mut is_ours = || file.read_exact_at(&mut start, 0).is_ok() && start[..8] == *MAGIC && start[16..] == [0; 16];
    if is_empty || is_ours() {
        return Ok(());
    }
    Err(foreign(path))
}

fn foreign(path: &Path) -> error::Error {
    argument(format!(
        "{} is there already and is no scratch file of densities, it is not overwritten: name another file",
        path.display()
    ))
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), path.symlink_metadata()) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}
