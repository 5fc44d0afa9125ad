//! A lock file: POSIX record locks on single bytes of it say which processes live. Byte 0 is the owner's; in that of a
//! segment the others are seats, one for each end of each ring. The folder of a run has one too.
//!
//! Record locks, since flock and OFD locks stay held by a child that was forked off. Their two traps are dealt with here:
//! a process that closes any descriptor of the file loses all its locks on it, and never meets its own. So each lock file
//! is open once in a process, in a table that also knows what this process holds.
//! Not here: what ownership means ([`super::segment`]).

use std::fs::{File, Metadata, OpenOptions, remove_file, symlink_metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use super::fork::Generation;
use super::name::Name;
use crate::error::{Result, busy, fenced, io, unsupported};

/// The byte whose holder owns the segment, or the run. Who holds it *shared* clears up after a dead owner: it keeps
/// successors out for as long as that takes, and nobody takes it for an owner.
pub(crate) const OWNER: u32 = 0;
/// The byte that is held by the one process that clears up; seats stay below it.
pub(super) const SWEEPER: u32 = 4096;

/// The lock files that this process has open.
static OPEN: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

struct Entry {
    /// The process that opened it; in a child of a fork the parent's entries do not count.
    generation: Generation,
    key: (u64, u64),
    file: File,
    /// How many [`LockFile`]s there are.
    users: usize,
    /// The bytes that this process holds, and whether for itself alone.
    held: Vec<(u32, bool)>,
}

impl Entry {
    /// This process, if it holds the byte.
    fn holds(&self, byte: u32) -> Option<Holder> {
        let (_, alone) = self.held.iter().find(|(held, _)| *held == byte)?;
        Some(Holder { pid: std::process::id(), shared: !alone })
    }
}

/// A lock file, open.
pub(crate) struct LockFile {
    generation: Generation,
    /// Device and inode.
    key: (u64, u64),
}

/// Who holds a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its process id; 0 if it is hidden in another container.
    pub(crate) pid: u32,
    /// It holds the byte shared: it is no owner, it clears up.
    pub(super) shared: bool,
}

impl LockFile {
    /// Opens a segment's lock file, and makes it if `create`. `None` if there is none.
    pub(super) fn open(name: &Name, create: bool) -> Result<Option<Self>> {
        Self::at(&name.lock_path(), Some(name.uid()), create)
    }

    /// Opens the lock file at `path`, which has to belong to `uid` if one is given, and makes it if `create`. `None` if
    /// there is none.
    pub(crate) fn at(path: &Path, uid: Option<u32>, create: bool) -> Result<Option<Self>> {
        let failed = |error: &std::io::Error| io(format!("cannot open the lock file {}: {error}", path.display()));
        let generation = Generation::current();
        let mut table = lock_table()?;
        // Looked at before it is opened: closing a second descriptor would let go of the locks of the first.
        match symlink_metadata(path) {
            Ok(metadata) => {
                let key = key_of(&metadata);
                if let Some(entry) = table.iter_mut().find(|entry| entry.key == key && entry.generation == generation) {
                    entry.users += 1;
                    return Ok(Some(Self { generation, key }));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !create => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&error)),
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(create).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !create => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        if uid.is_some_and(|uid| metadata.uid() != uid) || !metadata.is_file() {
            return Err(io(format!(
                "{} is no file of user {}: it belongs to user {}; remove it, or take another name",
                path.display(),
                uid.unwrap_or_else(|| metadata.uid()),
                metadata.uid()
            )));
        }
        let key = key_of(&metadata);
        if let Some(entry) = table.iter_mut().find(|entry| entry.key == key && entry.generation == generation) {
            // It came to this name between the two looks: an open descriptor that is lost is better than a lost lock.
            std::mem::forget(file);
            entry.users += 1;
            return Ok(Some(Self { generation, key }));
        }
        table.push(Entry { generation, key, file, users: 1, held: Vec::new() });
        Ok(Some(Self { generation, key }))
    }

    /// Takes a byte for this process, or says who has it.
    pub(crate) fn hold(&self, byte: u32) -> Result<Result<(), Holder>> {
        self.take(byte, true)
    }

    /// Takes a byte shared, which keeps everybody from holding it, or says who has it.
    pub(super) fn hold_shared(&self, byte: u32) -> Result<Result<(), Holder>> {
        self.take(byte, false)
    }

    fn take(&self, byte: u32, alone: bool) -> Result<Result<(), Holder>> {
        let mut entry = self.entry()?;
        if let Some(holder) = entry.holds(byte) {
            return Ok(Err(holder));
        }
        if set(&entry.file, byte, if alone { libc::F_WRLCK } else { libc::F_RDLCK })? {
            entry.held.push((byte, alone));
            return Ok(Ok(()));
        }
        // It may have ended between the two calls; then it is nobody's, and the caller tries again.
        Ok(Err(holder(&entry.file, byte)?.unwrap_or(Holder { pid: 0, shared: false })))
    }

    /// The file itself, by the descriptor of the lock: while it is in use this has to be, since closing it lets go of all
    /// that this process holds of the file.
    pub(crate) fn file(&self) -> Result<File> {
        self.entry()?.file.try_clone().map_err(|error| io(format!("cannot share a lock file: {error}")))
    }

    /// Whether this process opened it, and not one that it was forked off from.
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.generation.is_current()
    }

    /// Lets a byte go that this process holds.
    pub(crate) fn release(&self, byte: u32) {
        let Ok(mut entry) = self.entry() else { return };
        if let Some(at) = entry.held.iter().position(|(held, _)| *held == byte) {
            entry.held.swap_remove(at);
            // Unlocking what is locked does not fail.
            let _ = set(&entry.file, byte, libc::F_UNLCK);
        }
    }

    /// Who holds a byte, shared or alone.
    pub(crate) fn holder(&self, byte: u32) -> Result<Option<Holder>> {
        let entry = self.entry()?;
        match entry.holds(byte) {
            Some(holder) => Ok(Some(holder)),
            None => holder(&entry.file, byte),
        }
    }

    /// The process that owns the segment and lives.
    pub(super) fn owner(&self) -> Result<Option<Holder>> {
        Ok(self.holder(OWNER)?.filter(|holder| !holder.shared))
    }

    /// Whether the file is still the one under the segment's name.
    pub(super) fn is_in_place(&self, name: &Name) -> bool {
        symlink_metadata(name.lock_path()).is_ok_and(|metadata| key_of(&metadata) == self.key)
    }

    /// Removes the file; only its owner may, while it owns the segment.
    pub(super) fn remove(&self, name: &Name) {
        if self.is_in_place(name) {
            // What is left is an empty file.
            let _ = remove_file(name.lock_path());
        }
    }

    fn entry(&self) -> Result<MappedMutexGuard<'static, Entry>> {
        let table = lock_table()?;
        let mine = |entry: &&mut Entry| entry.key == self.key && entry.generation == self.generation;
        if !self.generation.is_current() {
            return Err(crate::error::forked("the lock file was opened before a fork: open again what it belongs to"));
        }
        MutexGuard::try_map(table, |table| table.iter_mut().find(mine))
            .map_err(|_| fenced("the lock file is closed: open again what it belongs to"))
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // In the child of a fork the entry is the parent's; closing its copy would change nothing for the parent.
        if !self.generation.is_current() {
            return;
        }
        let Ok(mut table) = lock_table() else { return };
        let mine = |entry: &Entry| entry.key == self.key && entry.generation == self.generation;
        if let Some(at) = table.iter().position(mine) {
            table[at].users -= 1;
            if table[at].users == 0 {
                // Closed under the table's lock: nobody opens the file meanwhile and loses a lock by this.
                drop(table.swap_remove(at));
            }
        }
    }
}

/// The table. A fork while another thread held it leaves it locked in the child, so this does not wait for ever.
fn lock_table() -> Result<MutexGuard<'static, Vec<Entry>>> {
    OPEN.try_lock_for(Duration::from_secs(5))
        .ok_or_else(|| busy("the table of lock files is in use: this process was forked off in the middle of a call"))
}

fn key_of(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// A lock description of one byte.
fn byte_lock(byte: u32, kind: libc::c_int) -> libc::flock {
    // SAFETY: a flock is numbers only, valid as zeroes.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_whence) = (kind as _, libc::SEEK_SET as _);
    (lock.l_start, lock.l_len) = (libc::off_t::from(byte), 1);
    lock
}

/// Locks or unlocks a byte without waiting; false if another process has it.
fn set(file: &File, byte: u32, kind: libc::c_int) -> Result<bool> {
    let lock = byte_lock(byte, kind);
    // SAFETY: the descriptor is open, and the call reads `lock` only.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) } == 0 {
        return Ok(true);
    }
    let error = std::io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EAGAIN) => Ok(false),
        Some(libc::ENOLCK | libc::EOPNOTSUPP | libc::ENOSYS) => {
            Err(unsupported(format!("this file system has no record locks: {error}")))
        }
        _ => Err(io(format!("cannot lock byte {byte} of a lock file: {error}"))),
    }
}

/// The other process that holds a byte.
fn holder(file: &File, byte: u32) -> Result<Option<Holder>> {
    let mut lock = byte_lock(byte, libc::F_WRLCK);
    // SAFETY: the descriptor is open, and the call writes `lock` only.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) } != 0 {
        let error = std::io::Error::last_os_error();
        return Err(io(format!("cannot ask who has byte {byte} of a lock file: {error}")));
    }
    let kind = libc::c_int::from(lock.l_type);
    let holder = Holder { pid: lock.l_pid.max(0) as u32, shared: kind == libc::F_RDLCK };
    Ok((kind != libc::F_UNLCK).then_some(holder))
}
