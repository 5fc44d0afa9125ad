//! The files of a segment: the object itself and the lock beside it, made, found, checked, retired.
//!
//! Not here: what a handle does with them ([`super::segment`]), and what is in the first page ([`super::control`]).

use std::fs::{File, OpenOptions, Permissions, remove_file};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::ErrorKind as Io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::time::{Duration, Instant};

use shared_memory::{Shmem, ShmemConf, ShmemError};

use super::control::{CONTROL_BYTES, DESCRIPTION_BYTES, Description, STATE_AT, TAKEN_OVER};
use super::lock::{LockFile, OWNER};
use super::name::Name;
use super::reserve::{take_pages, touch_pages};
use crate::error::{Error, Result, busy, corrupt, io, state, unknown};

/// What the first page of a segment says, checked.
pub(super) fn describe(name: &Name, file: &File, owner_lives: bool) -> Result<Description> {
    let label = name.label();
    let mut page = [0; DESCRIPTION_BYTES];
    let bytes = file.metadata().map_err(|error| refused("look at", name, &error))?.len();
    if bytes < CONTROL_BYTES as u64 || file.read_exact_at(&mut page, 0).is_err() {
        return Err(match (bytes, owner_lives) {
            (0, true) => state(format!("segment {label} is still being made: try again")),
            _ => corrupt(format!("segment {label} is a file of {bytes} bytes: close it on both sides")),
        });
    }
    Description::unpack(&page, bytes, label)
}

/// Maps the segment that was described.
pub(super) fn map(name: &Name, description: &Description) -> Result<Shmem> {
    let shmem = ShmemConf::new().os_id(name.os_id()).open().map_err(|error| map_refused(name, error))?;
    let ours = shmem.len() == description.bytes && !shmem.as_ptr().is_null();
    // SAFETY: the mapping has a control page.
    if !ours || unsafe { shmem.as_ptr().add(32).cast::<u64>().read_volatile() }.to_le() != description.nonce {
        return Err(state(format!("segment {} was made anew meanwhile: try again", name.label())));
    }
    Ok(shmem)
}

/// How long a new owner waits for who clears up after a former one; it ends in microseconds unless it was stopped.
const SWEEP_WAIT: Duration = Duration::from_secs(2);

/// Takes the lock that makes this process the owner.
pub(super) fn become_owner(name: &Name) -> Result<LockFile> {
    let label = name.label();
    let started = Instant::now();
    let mut tries = 0;
    while tries < 64 {
        tries += 1;
        let Some(lock) = LockFile::open(name, true)? else { continue };
        match lock.hold(OWNER)? {
            // A former owner may have removed the file between the two calls; then the lock is on nothing.
            Ok(()) if lock.is_in_place(name) => return Ok(lock),
            Ok(()) => lock.release(OWNER),
            // Somebody clears up after a former owner, which takes microseconds.
            Err(holder) if holder.shared && started.elapsed() < SWEEP_WAIT => {
                std::thread::sleep(Duration::from_micros(200));
                tries = 0;
            }
            Err(holder) if holder.pid == 0 && lock.holder(OWNER)?.is_none() => {}
            Err(holder) if holder.shared => {
                return Err(busy(format!(
                    "process {} has been clearing up segment {label} for {SWEEP_WAIT:?}: end it, or take another name",
                    holder.pid
                )));
            }
            Err(holder) => {
                return Err(busy(format!(
                    "segment {label} belongs to process {}, which lives: end it, or take another name",
                    if holder.pid == 0 { owner_in_file(name).unwrap_or(0) } else { holder.pid }
                )));
            }
        }
    }
    Err(busy(format!("the lock of segment {label} changes hands all the time: look who makes segments of that name")))
}

/// What the segment itself says of its owner's process id, for one that a container hides.
fn owner_in_file(name: &Name) -> Option<u32> {
    let mut pid = [0; 4];
    open_file(name).ok()??.read_exact_at(&mut pid, 40).ok()?;
    Some(u32::from_le_bytes(pid))
}

/// Marks and removes what a dead owner left; returns the epoch of the successor, 1 if there was nothing to succeed.
pub(super) fn retire(name: &Name) -> Result<u64> {
    let Some(file) = open_file(name)? else { return Ok(1) };
    let mut page = [0; DESCRIPTION_BYTES];
    let bytes = file.metadata().map_err(|error| refused("look at", name, &error))?.len();
    let mut epoch = 0;
    if bytes >= CONTROL_BYTES as u64 {
        let read = file.read_exact_at(&mut page, 0).map_err(|error| refused("read", name, &error));
        epoch = read.and_then(|()| Description::unpack(&page, bytes, name.label())).map_or(0, |old| old.epoch);
        // Whoever has it mapped is told; what they write goes nowhere.
        file.write_all_at(&TAKEN_OVER.to_le_bytes(), STATE_AT as u64)
            .map_err(|error| refused("take over", name, &error))?;
    }
    remove_file(name.path()).map_err(|error| refused("remove the old", name, &error))?;
    Ok(epoch.wrapping_add(1).max(1))
}

/// Makes and maps the object, reserves its pages, and writes its description but for the magic.
pub(super) fn make(name: &Name, description: &Description) -> Result<(Shmem, File)> {
    let conf = ShmemConf::new().os_id(name.os_id()).size(description.bytes);
    let mut shmem = conf.create().map_err(|error| map_refused(name, error))?;
    let reserved = || {
        let file = open_any(name)?.ok_or_else(|| state("it was removed as it was made: try again"))?;
        let failed = |error: std::io::Error| refused("set the mode of", name, &error);
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
        take_pages(&file, description.bytes, name.label())?;
        let page = description.pack();
        file.write_all_at(&page[8..], 8).map_err(|error| refused("write", name, &error))?;
        Ok(file)
    };
    // Until `set_owner` the mapping removes what it made when it goes.
    let file = reserved()?;
    let base = std::ptr::NonNull::new(shmem.as_ptr());
    // SAFETY: the mapping has a control page.
    let nonce = base.map(|base| unsafe { base.add(32).cast::<u64>().read_volatile() }.to_le());
    let Some(base) = base.filter(|_| nonce == Some(description.nonce)) else {
        return Err(state(format!("segment {} was replaced as it was made: try again", name.label())));
    };
    // SAFETY: mapped just now, and all its pages are reserved.
    unsafe { touch_pages(base, description.bytes) };
    shmem.set_owner(false);
    Ok((shmem, file))
}

/// Opens the file of a segment and checks that it is a file of this user's, of mode 0600. `None` if there is none.
pub(super) fn open_file(name: &Name) -> Result<Option<File>> {
    let Some(file) = open_any(name)? else { return Ok(None) };
    let metadata = file.metadata().map_err(|error| refused("look at", name, &error))?;
    let (uid, mode, path) = (metadata.uid(), metadata.mode() & 0o7777, name.path());
    if !metadata.is_file() || uid != name.uid() || mode != 0o600 {
        return Err(io(format!(
            "{} belongs to user {uid} with mode {mode:o}, a segment of yours belongs to user {} with mode 600: remove it, or take another name",
            path.display(),
            name.uid()
        )));
    }
    Ok(Some(file))
}

/// Opens the file of a segment, never by a symbolic link.
fn open_any(name: &Name) -> Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
    match options.open(name.path()) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) => Err(refused("open", name, &error)),
    }
}

fn refused(what: &str, name: &Name, error: &std::io::Error) -> Error {
    io(format!("cannot {what} segment {} ({}): {error}", name.label(), name.path().display()))
}

/// An error of the mapping itself, whose number is the system's.
pub(super) fn map_refused(name: &Name, error: ShmemError) -> Error {
    match error {
        // It was there when it was looked at: its owner has closed it since, or a successor replaces it.
        ShmemError::MapOpenFailed(code) if code as i32 == libc::ENOENT => {
            unknown(format!("segment {} went just now: wait for its owner's successor", name.label()))
        }
        ShmemError::MappingIdExists => busy(format!("segment {} was made by somebody else just now", name.label())),
        ShmemError::MapCreateFailed(code) | ShmemError::MapOpenFailed(code) | ShmemError::UnknownOsError(code) => {
            refused("map", name, &std::io::Error::from_raw_os_error(code as i32))
        }
        other => io(format!("cannot map segment {}: {other}", name.label())),
    }
}

/// A number that no other segment has, so that a mapping and a file are known to be of one.
pub(super) fn nonce() -> u64 {
    RandomState::new().build_hasher().finish()
}
