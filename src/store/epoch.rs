//! Who may write: each writer of a run claims the next epoch, and from then on all earlier ones are fenced.
//!
//! Record locks are weak on parallel file systems, and a machine that was paused knows nothing of its successor. So an
//! epoch is a file that is made exclusively, which even such file systems do for one of two; a writer looks whether the
//! next one exists after each sync, before it says that anything is durable.
//! Not here: the lock, which tells a living writer on this machine ([`super::store`]).

use std::path::PathBuf;

use super::disk::Disk;
use super::folder::Paths;
use crate::error::{Result, fenced, io};

/// A claimed epoch.
#[derive(Debug, Clone)]
pub(super) struct Epoch {
    /// From 1.
    pub(super) number: u64,
    next: PathBuf,
}

impl Epoch {
    /// Claims the epoch after all that there are, and after `seen`, the highest that stands in a file of the run.
    pub(super) fn claim(disk: &dyn Disk, paths: &Paths, seen: u64) -> Result<Self> {
        let failed = |error: std::io::Error| io(format!("cannot claim {}: {error}", paths.epochs().display()));
        let mut number = highest(paths)?.max(seen);
        loop {
            number = number.checked_add(1).ok_or_else(|| io("the epochs of this run are used up"))?;
            match disk.create(&paths.epoch(number)) {
                Ok(_) => break,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        disk.sync_folder(&paths.epochs()).map_err(failed)?;
        Ok(Self { number, next: paths.epoch(number + 1) })
    }

    /// Whether this is still the last writer.
    ///
    /// # Errors
    /// `Fenced` if a later one has claimed the run.
    pub(super) fn check(&self) -> Result<()> {
        match self.next.try_exists() {
            Ok(false) => Ok(()),
            Ok(true) => Err(fenced(format!(
                "another process has taken this run over ({} is there): what it has not acknowledged here is not in the \
                 log, open the run again",
                self.next.display()
            ))),
            Err(error) => Err(io(format!("cannot look for {}: {error}", self.next.display()))),
        }
    }
}

/// The highest epoch that was claimed; 0 if none was. Names that are no numbers are nobody's.
pub(super) fn highest(paths: &Paths) -> Result<u64> {
    let failed = |error: std::io::Error| io(format!("cannot list {}: {error}", paths.epochs().display()));
    let entries = match std::fs::read_dir(paths.epochs()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed(error)),
    };
    let mut highest = 0;
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        highest = highest.max(name.to_str().and_then(|name| name.parse().ok()).unwrap_or(0));
    }
    Ok(highest)
}
