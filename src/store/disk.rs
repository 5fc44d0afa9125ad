//! What the store asks of a disk when it writes: the seam at which tests put faults.
//!
//! Not here: reading, where a fault is an error like any other; locks ([`crate::shm`]).

use std::fs::{File, OpenOptions, remove_file, rename};
use std::io::{ErrorKind, Result, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::ahead::write_ahead;

/// A place for files.
pub(super) trait Disk: Send + Sync {
    /// Makes a file that must not be there yet.
    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>>;

    /// Makes a file anew; one of this name that is there loses it.
    fn replace(&self, path: &Path) -> Result<Arc<dyn DiskFile>>;

    /// Opens a file to sync it.
    fn open(&self, path: &Path) -> Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, over what has that name.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Cuts a file off and syncs it.
    fn truncate(&self, path: &Path, length: u64) -> Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Syncs the names in a folder.
    fn sync_folder(&self, path: &Path) -> Result<()>;
}

/// A file that is written from its beginning to its end, but for what is overwritten.
pub(super) trait DiskFile: Send + Sync {
    /// Writes some of the bytes behind what was written, and says how many.
    fn write(&self, bytes: &[u8]) -> Result<usize>;

    /// Writes all of the bytes over others that were written, at `offset`.
    fn overwrite(&self, bytes: &[u8], offset: u64) -> Result<()>;

    /// Begins to bring bytes that were written to the disk, so that [`sync`](Self::sync) waits for less. It promises nothing.
    fn write_ahead(&self, from: u64, to: u64);

    /// Returns once all that was written would survive a power cut.
    fn sync(&self) -> Result<()>;
}

/// The disk that there is.
pub(super) struct RealDisk;

/// The disk of runs that are created or opened from here on: the one that there is, or in tests what the thread has put
/// in its place.
pub(super) fn usual() -> Arc<dyn Disk> {
    #[cfg(test)]
    if let Some(disk) = super::tests::faulty::in_place() {
        return disk;
    }
    Arc::new(RealDisk)
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().write(true).create_new(true).open(path)?))
    }

    fn replace(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        // A writer that was succeeded may still have the one that is there, and write to it.
        match remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => self.create(path),
        }
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(File::open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        rename(from, to)
    }

    fn truncate(&self, path: &Path, length: u64) -> Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_data()
    }

    fn remove(&self, path: &Path) -> Result<()> {
        remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        File::open(path)?.sync_all()
    }
}

impl DiskFile for File {
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        let mut file = self;
        Write::write(&mut file, bytes)
    }

    fn overwrite(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn write_ahead(&self, from: u64, to: u64) {
        write_ahead(self, from, to);
    }

    fn sync(&self) -> Result<()> {
        self.sync_data()
    }
}

/// Writes all of the bytes, however few the disk takes at a time.
pub(super) fn write_all(file: &dyn DiskFile, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
