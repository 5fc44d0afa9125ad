//! Making a segment, opening one, taking over what a dead owner left.
//!
//! Not here: what is in its first page ([`super::control`]), and how it ends ([`super::mapping`]).

use std::fs::remove_file;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::control::{ALIVE, CLOSED, Description, MAGIC, Part, PartSpec};
use super::files::{become_owner, describe, make, map, nonce, open_file, retire};
use super::lock::{LockFile, OWNER};
use super::mapping::{Mapping, Seat};
use super::name::Name;
use super::owner::Owner;
use super::reserve::touch_pages;
use super::stats::Stats;
use crate::error::{Error, ErrorKind, Result, busy, fenced, unknown};
use crate::ring::{Backing, Consumer, Producer, Region, Shared, format};
use crate::sync::Ordering;

/// A named segment, mapped. Whoever made it owns it until its last handle and ring end are dropped, and removes it then.
#[derive(Clone)]
pub struct Segment {
    mapping: Arc<Mapping>,
}

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
        Self::make_owned(name, lock, kind, parts)
    }

    /// Makes a segment as [`create`](Self::create) does, but only where nothing lies under the name, not even what a dead
    /// owner left: somebody may still want to read that.
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and [`ErrorKind::Busy`] if something is there.
    pub fn create_new(name: &str, kind: u32, parts: &[PartSpec]) -> Result<Self> {
        let name = Name::new(name)?;
        let taken = || busy(format!("segment {} is there already: take another name", name.label()));
        if name.path().symlink_metadata().is_ok() {
            return Err(taken());
        }
        let lock = become_owner(&name)?;
        if name.path().symlink_metadata().is_ok() {
            lock.release(OWNER);
            return Err(taken());
        }
        Self::make_owned(name, lock, kind, parts)
    }

    /// Takes what a dead owner left under the name as it is: this process owns it from now on, and removes it with the
    /// last handle. `None` if there is nothing. What cannot be read is removed.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] if its owner lives, and those of [`open`](Self::open).
    pub fn adopt(name: &str) -> Result<Option<Self>> {
        let name = Name::new(name)?;
        if name.path().symlink_metadata().is_err() {
            return Ok(None);
        }
        let lock = become_owner(&name)?;
        let found = open_file(&name).and_then(|file| {
            let Some(file) = file else { return Ok(None) };
            let description = describe(&name, &file, true)?;
            let shmem = map(&name, &description)?;
            Ok(Some((shmem, file, description)))
        });
        let (shmem, file, description) = match found {
            Ok(Some(found)) => found,
            other => {
                // Nobody can ever read it, and its name is wanted again. Another user's file is not removed by this.
                let kind = other.as_ref().err().map(Error::kind);
                if matches!(kind, Some(ErrorKind::Corrupt | ErrorKind::State | ErrorKind::Version)) {
                    let _ = remove_file(name.path());
                }
                lock.remove(&name);
                lock.release(OWNER);
                return other.map(|_| None);
            }
        };
        let mapping = Mapping::new(shmem, description, name, lock, file, true)?;
        mapping.usable()?;
        Ok(Some(Self { mapping: Arc::new(mapping) }))
    }

    fn make_owned(name: Name, lock: LockFile, kind: u32, parts: &[PartSpec]) -> Result<Self> {
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
        let description = match describe(name, &file, owner_lives) {
            Err(error) if error.kind() == ErrorKind::State && !owner_lives => return Err(gone()),
            answer => answer?,
        };
        if !owner_lives {
            return Err(fenced(format!(
                "the owner of segment {label}, {}, is gone: wait for its successor",
                description.owner
            )));
        }
        let shmem = map(name, &description)?;
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

    /// A number that no other segment has, not even a former one of its name.
    pub fn nonce(&self) -> u64 {
        self.mapping.description.nonce
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

    /// Ends a segment of this handle's own now, while other handles and ring ends of it are still held: its peers are
    /// told, its files are removed, and its name is free. Does nothing, and says so, on another's segment, in the child of
    /// a fork, and the second time.
    pub fn close(&self) -> bool {
        self.mapping.end()
    }

    /// Says whether the files of a segment of this handle's own stay when it ends, for another process to
    /// [`adopt`](Self::adopt).
    pub fn leave(&self, stay: bool) {
        self.mapping.set_leaves(stay);
    }

    /// Removes the files of an opened segment whose owner is gone, if nobody adopted it or took it over; whether it did.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the system does not say, [`ErrorKind::Forked`].
    pub fn remove_left(&self) -> Result<bool> {
        self.mapping.remove_left()
    }

    /// What it says of itself, in the time of two loads: that its owner has closed it, or that it was taken over. Whether
    /// the owner lives the system has to be asked ([`check`](Self::check)).
    ///
    /// # Errors
    /// Those of [`check`](Self::check), as far as the segment itself says.
    pub fn is_open(&self) -> Result<()> {
        self.mapping.is_open()
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
