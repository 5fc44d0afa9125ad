//! A disk with faults: the k-th operation fails, is short, or is the last; and what a power cut leaves of it.
//!
//! It knows what was synced: the length of each file, and the names of each folder. What was not may be gone.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::store::disk::{Disk, DiskFile, RealDisk};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One error, then all goes well again.
    Once,
    /// A write takes half of the bytes and the next says that the disk is full, and so on.
    Full,
    /// This and everything after it never happens.
    Dead,
}

/// A change of names that its folder's sync did not cover yet.
enum Name {
    Made(PathBuf),
    /// What had the new name before.
    Renamed(PathBuf, Option<Vec<u8>>),
    Removed(PathBuf, Vec<u8>),
}

#[derive(Default)]
struct State {
    operations: u64,
    fault: Option<(u64, Fault)>,
    /// Of each file, how long it was at its last sync.
    synced: HashMap<PathBuf, u64>,
    names: Vec<Name>,
}

#[derive(Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

thread_local! {
    static IN_PLACE: RefCell<Option<FaultyDisk>> = const { RefCell::new(None) };
}

/// What this thread has put in the place of the disk that there is.
pub(in crate::store) fn in_place() -> Option<Arc<dyn Disk>> {
    IN_PLACE.with_borrow(|disk| disk.clone().map(|disk| Arc::new(disk) as Arc<dyn Disk>))
}

/// Puts a disk in the place of the one that there is, for runs that this thread creates or opens in `with`: a stream's too.
pub fn put_in_place<T>(disk: &FaultyDisk, with: impl FnOnce() -> T) -> T {
    IN_PLACE.set(Some(disk.clone()));
    let result = with();
    IN_PLACE.set(None);
    result
}

impl FaultyDisk {
    /// A disk whose operation `at`, from 0, meets the fault.
    pub fn new(at: u64, fault: Fault) -> Self {
        let disk = Self::default();
        disk.0.lock().unwrap().fault = Some((at, fault));
        disk
    }

    /// From here on the operation `at`, from 0, meets the fault.
    pub fn fail_after(&self, at: u64, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.fault = Some((state.operations + at, fault));
    }

    /// Whether the fault was met.
    pub fn was_hit(&self) -> bool {
        let state = self.0.lock().unwrap();
        state.fault.is_some_and(|(at, _)| state.operations > at)
    }

    /// What is left of what was not synced: the names, or not; of bytes `kept` tells how many of so many.
    pub fn cut_power(&self, names: bool, kept: impl Fn(u64) -> u64) {
        let mut state = self.0.lock().unwrap();
        for (path, synced) in &state.synced {
            let Ok(file) = fs::OpenOptions::new().write(true).open(path) else { continue };
            let length = file.metadata().unwrap().len();
            file.set_len(*synced + kept(length.saturating_sub(*synced))).unwrap();
        }
        for name in std::mem::take(&mut state.names).into_iter().rev().filter(|_| !names) {
            match name {
                Name::Made(path) | Name::Renamed(path, None) => drop(fs::remove_file(path)),
                Name::Renamed(path, Some(bytes)) | Name::Removed(path, bytes) => fs::write(path, bytes).unwrap(),
            }
        }
    }

    /// Counts an operation, which meets the fault or does not.
    fn step(&self) -> Result<Option<Fault>> {
        let mut state = self.0.lock().unwrap();
        let now = state.operations;
        state.operations += 1;
        match state.fault {
            Some((at, Fault::Once)) if now == at => Err(Error::from_raw_os_error(libc::EIO)),
            Some((at, Fault::Dead)) if now >= at => Err(Error::from_raw_os_error(libc::EIO)),
            Some((at, Fault::Full)) if now == at => Ok(Some(Fault::Full)),
            Some((at, Fault::Full)) if now > at => Err(Error::from_raw_os_error(libc::ENOSPC)),
            _ => Ok(None),
        }
    }

    fn file(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { disk: self.clone(), path: path.into(), file })
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        self.step()?;
        let file = RealDisk.create(path)?;
        let mut state = self.0.lock().unwrap();
        state.synced.insert(path.into(), 0);
        state.names.push(Name::Made(path.into()));
        drop(state);
        Ok(self.file(path, file))
    }

    fn replace(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        self.step()?;
        let file = RealDisk.replace(path)?;
        self.0.lock().unwrap().synced.insert(path.into(), 0);
        Ok(self.file(path, file))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        self.step()?;
        Ok(self.file(path, RealDisk.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.step()?;
        let old = fs::read(to).ok();
        RealDisk.rename(from, to)?;
        let mut state = self.0.lock().unwrap();
        let synced = state.synced.remove(from).unwrap_or(0);
        state.synced.insert(to.into(), synced);
        state.names.push(Name::Renamed(to.into(), old));
        Ok(())
    }

    fn truncate(&self, path: &Path, length: u64) -> Result<()> {
        self.step()?;
        RealDisk.truncate(path, length)?;
        self.0.lock().unwrap().synced.insert(path.into(), length);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.step()?;
        let bytes = fs::read(path)?;
        RealDisk.remove(path)?;
        self.0.lock().unwrap().names.push(Name::Removed(path.into(), bytes));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        self.step()?;
        RealDisk.sync_folder(path)?;
        self.0.lock().unwrap().names.retain(|name| {
            let (Name::Made(file) | Name::Renamed(file, _) | Name::Removed(file, _)) = name;
            file.parent() != Some(path)
        });
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        match self.disk.step()? {
            Some(Fault::Full) => self.file.write(&bytes[..bytes.len() / 2]),
            _ => self.file.write(bytes),
        }
    }

    fn overwrite(&self, bytes: &[u8], offset: u64) -> Result<()> {
        match self.disk.step()? {
            Some(Fault::Full) => {
                self.file.overwrite(&bytes[..bytes.len() / 2], offset)?;
                Err(Error::from_raw_os_error(libc::ENOSPC))
            }
            _ => self.file.overwrite(bytes, offset),
        }
    }

    fn write_ahead(&self, from: u64, to: u64) {
        // What it brings to the disk may be lost all the same: this disk forgets what was not synced.
        self.file.write_ahead(from, to);
    }

    fn sync(&self) -> Result<()> {
        self.disk.step()?;
        self.file.sync()?;
        let length = fs::metadata(&self.path)?.len();
        self.disk.0.lock().unwrap().synced.insert(self.path.clone(), length);
        Ok(())
    }
}
