//! Removing what dead owners left, and nothing else.
//!
//! The lock decides: while the owner's byte is held shared nobody becomes owner, and whoever owns the segment or makes it
//! keeps that byte from being taken. One process at a time sweeps a name, so none removes a file that came after its look.
//! Not here: taking over what is left under a name ([`super::segment`]).

use std::fs::{OpenOptions, remove_file};
use std::io::ErrorKind as Io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use super::control::{CONTROL_BYTES, MAGIC, STATE_AT, TAKEN_OVER};
use super::lock::{LockFile, OWNER, SWEEPER};
use super::look::{Seen, Standing, see};
use super::name::Name;
use crate::error::{Result, io};

/// What became of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swept {
    /// The segment was removed, with its lock file: so many bytes are free.
    Removed(u64),
    /// A lock file without a segment was removed.
    Lock,
    /// Nothing was removed, for this reason.
    Left(String),
}

/// What says of a segment why it has to stay, if it has to.
type Wanted<'a> = &'a dyn Fn(&Seen) -> Result<Option<String>>;

/// Removes the segment `name` and its lock file if no living process owns it or makes it. Whoever still has it mapped is
/// told as by a successor. With `dry` nothing is removed, and the answer is what would be.
///
/// # Errors
/// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is nothing under that name,
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a name that cannot be,
/// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the system refuses.
pub fn remove_left(name: &str, dry: bool) -> Result<Swept> {
    remove_left_unless(name, dry, &|_| Ok(None))
}

/// The same, but for a segment of which `wanted` says why it has to stay. It is asked again when nobody can come to own
/// the segment any more.
///
/// # Errors
/// Those of [`remove_left`], and of `wanted`.
pub fn remove_left_unless(name: &str, dry: bool, wanted: Wanted<'_>) -> Result<Swept> {
    let name = Name::new(name)?;
    let (seen, _) = see(&name)?;
    if let Some(why) = reason_to_stay(&name, &seen).map_or_else(|| wanted(&seen), |why| Ok(Some(why)))? {
        return Ok(Swept::Left(why));
    }
    if dry {
        return Ok(removed(&seen));
    }
    // Without its lock file a dead owner's segment may be somebody's next moment: so it is made, and held.
    let Some(lock) = LockFile::open(&name, true)? else { return Ok(Swept::Left("it is in use".into())) };
    if let Err(holder) = lock.hold(SWEEPER)? {
        return Ok(Swept::Left(format!("process {} is clearing it up", holder.pid)));
    }
    let answer = match lock.hold_shared(OWNER) {
        Ok(Ok(())) => {
            let answer = remove(&name, &lock, wanted);
            lock.release(OWNER);
            answer
        }
        Ok(Err(holder)) => Ok(Swept::Left(format!("process {} owns it and lives", holder.pid))),
        Err(error) => Err(error),
    };
    lock.release(SWEEPER);
    answer
}

/// Looks again and removes, with the lock in hand.
fn remove(name: &Name, lock: &LockFile, wanted: Wanted<'_>) -> Result<Swept> {
    if !lock.is_in_place(name) {
        return Ok(Swept::Left("it changed hands just now".into()));
    }
    let (seen, _) = see(name)?;
    if let Some(why) = reason_to_stay(name, &seen).map_or_else(|| wanted(&seen), |why| Ok(Some(why)))? {
        return Ok(Swept::Left(why));
    }
    if seen.standing != Standing::LockOnly {
        tell(name);
        match remove_file(name.path()) {
            Err(error) if error.kind() != Io::NotFound => {
                return Err(io(format!("cannot remove {}: {error}", name.path().display())));
            }
            _ => {}
        }
    }
    lock.remove(name);
    Ok(removed(&seen))
}

fn removed(seen: &Seen) -> Swept {
    if seen.standing == Standing::LockOnly { Swept::Lock } else { Swept::Removed(seen.bytes) }
}

/// Marks a segment for who has it mapped. One that is too short has nobody to tell.
fn tell(name: &Name) {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
    let Ok(file) = options.open(name.path()) else { return };
    if file.metadata().is_ok_and(|metadata| metadata.len() >= CONTROL_BYTES as u64) {
        // Its users find out by the lock too, only later.
        let _ = file.write_all_at(&TAKEN_OVER.to_le_bytes(), STATE_AT as u64);
    }
}

/// Why what stands under a name is not to be removed.
fn reason_to_stay(name: &Name, seen: &Seen) -> Option<String> {
    if let Some(pid) = seen.owner {
        return Some(match pid {
            0 => "a process of another container owns it and lives".into(),
            pid => format!("process {pid} owns it and lives"),
        });
    }
    if seen.standing == Standing::Foreign {
        return Some(seen.why.clone().unwrap_or_else(|| "it is not a segment of yours".into()));
    }
    if seen.standing == Standing::LockOnly || name.lock_path().exists() {
        return None;
    }
    // Somebody removed the lock file: then it does not say who lives.
    match &seen.about {
        Some(about) if about.maker.seems_to_live() => {
            Some(format!("its lock file is gone, and {} which made it runs: end that first", about.maker))
        }
        None if !has_magic(name) => {
            Some(format!("nothing says that it is a segment: remove {} by hand", name.path().display()))
        }
        _ => None,
    }
}

/// Whether a file begins as segments of any version do.
fn has_magic(name: &Name) -> bool {
    let mut start = [0; 8];
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
    let read = options.open(name.path()).is_ok_and(|file| file.read_exact_at(&mut start, 0).is_ok());
    read && start[..5] == MAGIC.to_le_bytes()[..5]
}
