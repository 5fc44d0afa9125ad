//! A segment as this process has it mapped, and what happens when the last handle to it goes.
//!
//! Not here: how it is made and opened ([`super::segment`]).

use std::fs::{File, remove_file, symlink_metadata};
use std::os::unix::fs::MetadataExt;
use std::ptr::NonNull;
use std::sync::Arc;

use shared_memory::Shmem;

use super::control::{ALIVE, CLOSED, CONTROL_BYTES, Description, STATE_AT, TAKEN_OVER};
use super::fork::Generation;
use super::lock::{LockFile, OWNER};
use super::name::Name;
use super::stats::{Line, STATS, Stats};
use crate::error::{Result, busy, corrupt, fenced, forked};
use crate::ring::{Backing, Region};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A mapped segment. The mapping lives as long as any ring end or handle does.
pub(super) struct Mapping {
    base: NonNull<u8>,
    /// What this process checked when it made or opened the segment; it is not read again.
    pub(super) description: Description,
    pub(super) name: Name,
    pub(super) lock: LockFile,
    pub(super) is_owner: bool,
    generation: Generation,
    /// The segment's own descriptor, for its size and its place in the file system.
    file: File,
    /// Its files stay when it ends, for another process to adopt.
    leaves: AtomicBool,
    /// It has ended.
    ended: AtomicBool,
    /// Unmaps when it goes; it never unlinks.
    _shmem: Shmem,
}

// SAFETY: a mapping is an address that stays valid, and all access to it is by atomics and copies that presume nothing.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Takes over what was mapped: `shmem` is the segment that `description` and `file` belong to, and is as long as
    /// the description says, which the caller has checked.
    pub(super) fn new(
        mut shmem: Shmem,
        description: Description,
        name: Name,
        lock: LockFile,
        file: File,
        is_owner: bool,
    ) -> Result<Self> {
        // Its owner would unlink by name when it goes, whoever has that name by then.
        shmem.set_owner(false);
        let base = NonNull::new(shmem.as_ptr()).filter(|_| shmem.len() >= description.bytes);
        let base = base.ok_or_else(|| corrupt(format!("segment {} changed its size meanwhile", name.label())))?;
        let generation = Generation::current();
        let (leaves, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { base, description, name, lock, is_owner, generation, file, leaves, ended, _shmem: shmem })
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The word that is stored last.
    pub(super) fn magic(&self) -> &AtomicU64 {
        // SAFETY: the page starts with it, aligned; any bytes are valid.
        unsafe { self.base.cast::<AtomicU64>().as_ref() }
    }

    /// The word that says who owns the segment.
    pub(super) fn state(&self) -> &AtomicU32 {
        // SAFETY: inside the first page, aligned; any bytes are valid.
        unsafe { self.base.add(STATE_AT).cast::<AtomicU32>().as_ref() }
    }

    pub(super) fn stats(&self) -> Stats<'_> {
        // SAFETY: the second page is this array of atomics, aligned; any bytes are valid.
        Stats(unsafe { self.base.add(CONTROL_BYTES).cast::<[Line; STATS]>().as_ref() })
    }

    /// The region of a part, kept by `keep`.
    pub(super) fn region(&self, part: usize, keep: Arc<dyn Backing>) -> Result<Region> {
        let label = self.name.label();
        let Some(part) = self.description.parts.get(part) else {
            let parts = self.description.parts.len();
            return Err(crate::error::unknown(format!("segment {label} has {parts} parts, there is no part {part}")));
        };
        // SAFETY: the description was checked: the part lies inside the mapping.
        let base = unsafe { self.base.add(part.offset) };
        // SAFETY: the caller's `keep` holds this mapping, and nobody makes references into it.
        unsafe { Region::new(base, part.bytes, keep) }
    }

    /// Whether it may be used and its owner has not closed it.
    pub(super) fn is_open(&self) -> Result<()> {
        self.usable()?;
        if self.state().load(Ordering::Acquire) == CLOSED {
            let (label, owner) = (self.name.label(), self.description.owner);
            return Err(fenced(format!("segment {label} was closed by {owner}: open it again when it runs")));
        }
        Ok(())
    }

    /// Says whether the files stay when the segment ends.
    pub(super) fn set_leaves(&self, leaves: bool) {
        self.leaves.store(leaves, Ordering::Relaxed);
    }

    /// Ends the segment if it is this handle's to end, once: its peers are told, and its files go. Whether it did.
    pub(super) fn end(&self) -> bool {
        // In the child of a fork nothing is its own but the mapping.
        if !self.is_owner || !self.generation.is_current() || self.ended.swap(true, Ordering::AcqRel) {
            return false;
        }
        // SYNC(state): Release pairs with Acquire in `usable`. A successor's mark stays.
        let _ = self.state().compare_exchange(ALIVE, CLOSED, Ordering::Release, Ordering::Relaxed);
        if !self.leaves.load(Ordering::Relaxed) {
            self.remove_files();
        }
        // Last: until now nobody could become a successor.
        self.lock.release(OWNER);
        true
    }

    /// Removes the files of a segment whose owner is gone and that nobody adopted or took over. False if somebody lives
    /// who owns it.
    pub(super) fn remove_left(&self) -> Result<bool> {
        if self.is_owner || self.lock.hold(OWNER)?.is_err() {
            return Ok(false);
        }
        self.remove_files();
        self.lock.release(OWNER);
        Ok(true)
    }

    /// Removes what lies under the segment's name, if that is this one. Only who holds the owner's lock may.
    fn remove_files(&self) {
        if self.is_in_place() && self.lock.is_in_place(&self.name) {
            // What cannot be removed is stale, and the next owner takes it over.
            let _ = remove_file(self.name.path());
            self.lock.remove(&self.name);
        }
    }

    /// Whether the file under the segment's name is this one.
    fn is_in_place(&self) -> bool {
        let key = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        match (symlink_metadata(self.name.path()), self.file.metadata()) {
            (Ok(there), Ok(ours)) => key(there) == key(ours),
            _ => false,
        }
    }
}

impl Backing for Mapping {
    fn usable(&self) -> Result<()> {
        let label = self.name.label();
        if !self.generation.is_current() {
            return Err(forked(format!(
                "segment {label} was opened before a fork, and this is the child: open it again here"
            )));
        }
        // SYNC(state): Acquire pairs with Release where it is made, taken over or closed.
        match self.state().load(Ordering::Acquire) {
            // What was committed before its owner closed it can still be taken.
            ALIVE | CLOSED => Ok(()),
            TAKEN_OVER => Err(fenced(format!(
                "segment {label} of epoch {} was taken over by another process: open it again",
                self.description.epoch
            ))),
            other => Err(corrupt(format!("segment {label} says it is in state {other}: something overwrote it"))),
        }
    }

    fn pulse(&self) -> Result<()> {
        self.is_open()?;
        let (label, owner) = (self.name.label(), self.description.owner);
        if self.file.metadata().is_ok_and(|metadata| metadata.len() < self.description.bytes as u64) {
            return Err(corrupt(format!("segment {label} was truncated: close it on both sides")));
        }
        if self.lock.owner()?.is_none() {
            return Err(fenced(format!("the owner of segment {label}, {owner}, is gone: wait for its successor")));
        }
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.end();
    }
}

/// One end of a ring of a segment, held by this process.
pub(super) struct Seat {
    mapping: Arc<Mapping>,
    byte: u32,
}

impl Seat {
    /// Takes the seat of one end of the ring in a part.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`](crate::error::ErrorKind::Busy) if somebody who lives has it.
    pub(super) fn take(mapping: &Arc<Mapping>, part: usize, writes: bool) -> Result<Self> {
        let byte = Self::byte(part, writes);
        if let Err(holder) = mapping.lock.hold(byte)? {
            let end = if writes { "writing" } else { "reading" };
            return Err(busy(format!(
                "the {end} end of ring {part} of segment {} is held by process {}: it has to close it first",
                mapping.name.label(),
                holder.pid
            )));
        }
        Ok(Self { mapping: mapping.clone(), byte })
    }

    /// The byte of the lock file that stands for one end of the ring in a part.
    pub(super) fn byte(part: usize, writes: bool) -> u32 {
        1 + 2 * part as u32 + u32::from(!writes)
    }
}

impl Backing for Seat {
    fn usable(&self) -> Result<()> {
        self.mapping.usable()
    }

    fn pulse(&self) -> Result<()> {
        self.mapping.pulse()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.mapping.lock.release(self.byte);
    }
}
