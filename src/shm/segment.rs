//! Making a segment, opening one, taking over what a dead owner left.
//!
//! Not here: what is in its first page ([`super::control`]), and how it ends ([`super::mapping`]).

use std::fs::{File, OpenOptions, Permissions, remove_file};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::ErrorKind as Io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared_memory::{ShmemConf, ShmemError};

use super::control::{
    ALIVE, CLOSED, CONTROL_BYTES, DESCRIPTION_BYTES, Description, MAGIC, Part, PartSpec, STATE_AT, TAKEN_OVER,
};
use super::lock::{LockFile, OWNER};
use super::mapping::{Mapping, Seat};
use super::name::Name;
use super::owner::Owner;
use super::reserve::{take_pages, touch_pages};
use super::stats::Stats;
use crate::error::{Error, ErrorKind, Result, busy, corrupt, fenced, io, state, unknown};
use crate::ring::{Backing, Consumer, Producer, Region, Shared, format};
use crate::sync::Ordering;

/// A named segment, mapped. Whoever made it owns it until its last handle and ring end are dropped, and removes it then.
#[derive(Clone)]
pub struct Segment {
    mapping: Arc<Mapping>,
}

/// How long a new owner waits for who clears up after a former one; it ends in microseconds unless it was stopped.
const SWEEP_WAIT: Duration = Duration::from_secs(2);

impl Segment {
    /// Makes the segment `name` with these parts, all pages reserved, and owns it. What a dead owner left under the name
    /// is taken over: its peers are told, and the new segment's epoch is one higher. `kind` is for the two sides to
    /// recognise each other by.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] if its owner lives, with its process id; [`ErrorKind::Memory`] if there is not enough of it;
    /// [`ErrorKind::Argument`] for a name or parts that cannot be; [`ErrorKind::Io`] if another user has the name, or
    /// the system refuses.
    pub fn create(name: &str, kind: u32, parts: &[PartSpec]) -> Result<Self> {
        let name = Name::new(name)?;
        let lock = become_owner(&name)?;
        let made = retire(&name).and_then(|epoch| {
            let owner = Owner::this_process(name.uid());
            let description = Description::plan(parts, kind, epoch, nonce(), owner)?;
            make(&name, &description).map(|made| (made, description))
        });
        let ((shmem, file), description) = match made {
            Ok(made) => made,
            Err(error) => {
                lock.remove(&name);
                lock.release(OWNER);
                return Err(error);
            }
        };
        // From here on dropping the mapping removes what was made.
        let mapping = Arc::new(Mapping::new(shmem, description, name, lock, file, true)?);
        mapping.state().store(ALIVE, Ordering::Relaxed);
        for (number, spec) in parts.iter().enumerate() {
            if let PartSpec::Ring(geometry) = spec {
                format(mapping.region(number, mapping.clone())?, *geometry)?;
            }
        }
        // SYNC(magic): Release: the rings are seen first by who reads the page.
        mapping.magic().store(MAGIC, Ordering::Release);
        Ok(Self { mapping })
    }

    /// Opens a segment that another process (or this one) owns; waits up to `timeout` for one that is being made.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`] if there is none; [`ErrorKind::Fenced`] if its owner is gone; [`ErrorKind::State`] if it
    /// was not ready in time; [`ErrorKind::Version`], [`ErrorKind::Corrupt`] (truncated or overwritten);
    /// [`ErrorKind::Io`] if it is another user's, not of mode 0600, or the system refuses.
    pub fn open(name: &str, timeout: Duration) -> Result<Self> {
        let name = Name::new(name)?;
        let started = Instant::now();
        loop {
            match Self::try_open(&name) {
                Err(error) if error.kind() == ErrorKind::State && started.elapsed() < timeout => {
                    std::thread::sleep(Duration::from_micros(200));
                }
                answer => return answer,
            }
        }
    }

    fn try_open(name: &Name) -> Result<Self> {
        let label = name.label();
        let Some(file) = open_file(name)? else {
            return Err(unknown(format!("there is no segment {label}: start its owner first, under the same user")));
        };
        let gone = || fenced(format!("segment {label} was left by an owner that is gone: wait for its successor"));
        let Some(lock) = LockFile::open(name, false)? else { return Err(gone()) };
        let owner_lives = lock.owner()?.is_some();
        let mut page = [0; DESCRIPTION_BYTES];
        let bytes = file.metadata().map_err(|error| refused("look at", name, &error))?.len();
        let short = bytes < CONTROL_BYTES as u64;
        if short || file.read_exact_at(&mut page, 0).is_err() {
            return Err(match (bytes, owner_lives) {
                (0, true) => state(format!("segment {label} is still being made: try again")),
                _ => corrupt(format!("segment {label} is a file of {bytes} bytes: close it on both sides")),
            });
        }
        let description = match Description::unpack(&page, bytes, label) {
            Err(error) if error.kind() == ErrorKind::State && !owner_lives => return Err(gone()),
            answer => answer?,
        };
        if !owner_lives {
            return Err(fenced(format!(
                "the owner of segment {label}, {}, is gone: wait for its successor",
                description.owner
            )));
        }
        let shmem = ShmemConf::new().os_id(name.os_id()).open().map_err(|error| map_refused(name, error))?;
        let ours = shmem.len() == description.bytes && !shmem.as_ptr().is_null();
        // SAFETY: the mapping has a control page.
        if !ours || unsafe { shmem.as_ptr().add(32).cast::<u64>().read_volatile() }.to_le() != description.nonce {
            return Err(state(format!("segment {label} was made anew meanwhile: try again")));
        }
        let mapping = Mapping::new(shmem, description, name.clone(), lock, file, false)?;
        mapping.usable()?;
        if mapping.state().load(Ordering::Acquire) == CLOSED {
            return Err(fenced(format!("segment {label} was closed by its owner: open it again when it runs")));
        }
        // SAFETY: mapped just now, and kept by `mapping`; its owner has reserved the pages.
        unsafe { touch_pages(mapping.base(), mapping.description.bytes) };
        Ok(Self { mapping: Arc::new(mapping) })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.mapping.name.label()
    }

    /// How often the name was taken over, from 1.
    pub fn epoch(&self) -> u64 {
        self.mapping.description.epoch
    }

    /// What the owner calls it.
    pub fn kind(&self) -> u32 {
        self.mapping.description.kind
    }

    /// Bytes of the whole segment.
    pub fn bytes(&self) -> usize {
        self.mapping.description.bytes
    }

    /// Who made it.
    pub fn owner(&self) -> Owner {
        self.mapping.description.owner
    }

    /// Whether this handle is the owner's.
    pub fn is_owner(&self) -> bool {
        self.mapping.is_owner
    }

    /// Its parts, as they were when it was opened.
    pub fn parts(&self) -> &[Part] {
        &self.mapping.description.parts
    }

    /// The numbers for watchers.
    pub fn stats(&self) -> Stats<'_> {
        self.mapping.stats()
    }

    /// Whether it may still be used and its owner lives.
    ///
    /// # Errors
    /// [`ErrorKind::Forked`] in the child of a fork; [`ErrorKind::Fenced`] if its owner is gone, has closed it, or it
    /// was taken over; [`ErrorKind::Corrupt`] if it was truncated or overwritten.
    pub fn check(&self) -> Result<()> {
        self.mapping.pulse()
    }

    /// The memory of a part.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`] for a part that there is not.
    pub fn region(&self, part: usize) -> Result<Region> {
        self.mapping.region(part, self.mapping.clone())
    }

    /// The writing end of the ring in a part, for this process alone until it is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] if somebody who lives holds it, [`ErrorKind::Unknown`] for a part that there is not, and
    /// those of [`Producer::attach`].
    pub fn producer(&self, part: usize) -> Result<Producer<Shared>> {
        Producer::attach(self.seated(part, true)?)
    }

    /// The reading end of the ring in a part, for this process alone until it is dropped.
    ///
    /// # Errors
    /// Those of [`producer`](Self::producer).
    pub fn consumer(&self, part: usize) -> Result<Consumer<Shared>> {
        Consumer::attach(self.seated(part, false)?)
    }

    /// The process that holds the writing end of the ring in a part and lives; 0 if it is hidden in another container.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the system does not say, [`ErrorKind::Forked`].
    pub fn writer(&self, part: usize) -> Result<Option<u32>> {
        Ok(self.mapping.lock.holder(Seat::byte(part, true))?.map(|holder| holder.pid))
    }

    /// The process that holds the reading end of the ring in a part and lives; 0 if it is hidden in another container.
    ///
    /// # Errors
    /// Those of [`writer`](Self::writer).
    pub fn reader(&self, part: usize) -> Result<Option<u32>> {
        Ok(self.mapping.lock.holder(Seat::byte(part, false))?.map(|holder| holder.pid))
    }

    fn seated(&self, part: usize, writes: bool) -> Result<Region> {
        self.mapping.usable()?;
        // Looked for before its seat is taken.
        self.region(part)?;
        self.mapping.region(part, Arc::new(Seat::take(&self.mapping, part, writes)?))
    }
}

/// Takes the lock that makes this process the owner.
fn become_owner(name: &Name) -> Result<LockFile> {
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
fn retire(name: &Name) -> Result<u64> {
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
fn make(name: &Name, description: &Description) -> Result<(shared_memory::Shmem, File)> {
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
fn open_file(name: &Name) -> Result<Option<File>> {
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
fn map_refused(name: &Name, error: ShmemError) -> Error {
    match error {
        ShmemError::MappingIdExists => busy(format!("segment {} was made by somebody else just now", name.label())),
        ShmemError::MapCreateFailed(code) | ShmemError::MapOpenFailed(code) | ShmemError::UnknownOsError(code) => {
            refused("map", name, &std::io::Error::from_raw_os_error(code as i32))
        }
        other => io(format!("cannot map segment {}: {other}", name.label())),
    }
}

/// A number that no other segment has, so that a mapping and a file are known to be of one.
fn nonce() -> u64 {
    RandomState::new().build_hasher().finish()
}
