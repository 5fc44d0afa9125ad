//! What a file of densities asks of its disk: the seam at which tests put faults.
//!
//! Not here: making, locking and removing files ([`super::scratch`], [`super::run`]).

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{self, io};

/// Bytes that are written and read at any place.
pub(super) trait Disk: Send + Sync {
    /// Writes all of the bytes.
    fn write(&self, bytes: &[u8], offset: u64) -> Result<()>;

    /// Fills all of the bytes.
    fn read(&self, bytes: &mut [u8], offset: u64) -> Result<()>;

    /// How many bytes there are.
    fn length(&self) -> Result<u64>;

    /// Returns once all that was written would survive a power cut.
    fn sync(&self) -> Result<()>;
}

impl Disk for File {
    fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn length(&self) -> Result<u64> {
        self.metadata().map(|about| about.len())
    }

    fn sync(&self) -> Result<()> {
        self.sync_data()
    }
}

/// Whether a write failed because there is no more room.
pub(super) fn is_full(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// What brings the densities of a run to its disk, on any thread, while others are written.
#[derive(Clone)]
pub struct Flush {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) path: PathBuf,
    /// A sync that failed may have dropped what it should have written, and the next one would not know.
    pub(super) failed: Arc<Mutex<Option<error::Error>>>,
}

impl Flush {
    /// From here on a sync fails.
    #[cfg(test)]
    pub(crate) fn fail_for_tests(&self) {
        *self.failed.lock() = Some(io("the disk is broken"));
    }

    /// Returns once everything that was kept before this call would survive a power cut.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk fails, and from then on.
    pub fn sync(&self) -> error::Result<()> {
        let mut failed = self.failed.lock();
        if let Some(error) = &*failed {
            return Err(error.clone());
        }
        self.disk.sync().map_err(|error| {
            let error = io(format!(
                "the densities in {} could not be synced: {error}; what was kept may not survive a power cut, open the \
                 run again",
                self.path.display()
            ));
            failed.insert(error).clone()
        })
    }
}
