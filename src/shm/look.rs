//! Looking at segments without taking part: no seat is taken, nothing is mapped, nothing is written.
//!
//! The bytes are read as a file's, so that a segment that is truncated meanwhile is an error and not a signal. Whatever
//! they say was copied first and is checked; what does not add up is a sentence.
//! Not here: removing what nobody owns ([`super::sweep`]).

use std::fs::{File, Metadata, OpenOptions, read_dir, symlink_metadata};
use std::io::ErrorKind as Io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::time::{Duration, SystemTime};

use super::control::{CLOSED, CONTROL_BYTES, DESCRIPTION_BYTES, Description, PARTS_AT, Part, STATE_AT, TAKEN_OVER};
use super::lock::LockFile;
use super::mapping::Seat;
use super::name::{FOLDER, Name};
use super::owner::Owner;
use super::stats::STATS;
use crate::error::{ErrorKind, Result, corrupt, io, unknown};
use crate::ring::{GLANCE_BYTES, Glance};

/// What a segment is to who finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its owner lives.
    Owned,
    /// Its owner lives and has not finished making it.
    BeingMade,
    /// Its owner is gone: the next owner takes it over.
    Left,
    /// It is of another version of this library.
    OtherVersion,
    /// It was truncated or overwritten.
    Broken,
    /// Not a segment of this user's: another user's file, another mode, a folder, a link.
    Foreign,
    /// A lock file without a segment.
    LockOnly,
}

/// A segment, found under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What its user calls it.
    pub name: String,
    /// Size of its file; 0 for a lock file without a segment.
    pub bytes: u64,
    /// What it is.
    pub standing: Standing,
    /// Why, and what to do about it, where it is neither owned nor left.
    pub why: Option<String>,
    /// The process that owns it and lives; 0 if a container hides it.
    pub owner: Option<u32>,
    /// How long ago it was made; none if the clock was set since.
    pub age: Option<Duration>,
    /// What it says of itself; none if that cannot be read.
    pub about: Option<About>,
}

/// What a segment says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// How often its name was taken over, from 1.
    pub epoch: u64,
    /// What its owner calls it.
    pub kind: u32,
    /// Who made it.
    pub maker: Owner,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// All of a segment that can be seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// What it is.
    pub seen: Seen,
    /// The numbers for watchers; zeroes if they cannot be read.
    pub stats: [u64; STATS],
    /// Its parts, in order.
    pub parts: Vec<PartLook>,
}

/// A part, and who is at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartLook {
    /// Its size in bytes.
    pub bytes: usize,
    /// The ring in it, if it is one, or why that cannot be read.
    pub ring: Option<Result<Glance>>,
    /// The process that holds the ring's writing end and lives; 0 if a container hides it.
    pub writer: Option<u32>,
    /// The process that holds the ring's reading end and lives; 0 if a container hides it.
    pub reader: Option<u32>,
}

impl Look {
    /// A copy of the first bytes of a part, at most `most`.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`] for a part that there is not, [`ErrorKind::Io`] and [`ErrorKind::Corrupt`] if they cannot
    /// be read.
    pub fn bytes_of(&self, part: usize, most: usize) -> Result<Vec<u8>> {
        let name = &self.seen.name;
        let Some(part) = self.seen.about.as_ref().and_then(|about| about.parts.get(part)) else {
            return Err(unknown(format!("segment {name} has no part {part} that can be read")));
        };
        let file = open(&Name::new(name)?)?.ok_or_else(|| unknown(format!("segment {name} is gone: look again")))?;
        let mut bytes = vec![0; part.bytes.min(most)];
        match file.read_exact_at(&mut bytes, part.offset as u64) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(corrupt(format!("cannot read segment {name}: {error}"))),
        }
    }
}

/// All segments of this user, by name, and lock files without one.
///
/// # Errors
/// [`ErrorKind::Io`] if the system does not list them.
pub fn list() -> Result<Vec<Seen>> {
    let failed = |error: std::io::Error| io(format!("cannot list {FOLDER}: {error}"));
    let mut names = Vec::new();
    for entry in read_dir(FOLDER).map_err(failed)? {
        let file = entry.map_err(failed)?.file_name();
        names.extend(file.to_str().and_then(Name::of_file));
    }
    names.sort_by(|a, b| a.label().cmp(b.label()));
    names.dedup();
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        match see(&name) {
            Ok((seen, _)) => all.push(seen),
            // It went between the two looks.
            Err(error) if error.kind() == ErrorKind::Unknown => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Everything that can be seen of the segment `name` from outside.
///
/// # Errors
/// [`ErrorKind::Unknown`] if there is none, [`ErrorKind::Argument`] for a name that cannot be, [`ErrorKind::Io`] if the
/// system refuses. A segment that is broken is no error: the answer says what is wrong.
pub fn look(name: &str) -> Result<Look> {
    let name = Name::new(name)?;
    let (seen, file) = see(&name)?;
    let mut look = Look { seen, stats: [0; STATS], parts: Vec::new() };
    let (Some(file), Some(about)) = (file, &look.seen.about) else { return Ok(look) };
    let mut page = [0; PARTS_AT - CONTROL_BYTES];
    if file.read_exact_at(&mut page, CONTROL_BYTES as u64).is_ok() {
        for (number, line) in look.stats.iter_mut().zip(page.chunks_exact(page.len() / STATS)) {
            *number = u64::from_ne_bytes(std::array::from_fn(|byte| line[byte]));
        }
    }
    let lock = LockFile::open(&name, false)?;
    for (number, part) in about.parts.iter().enumerate() {
        let holder = |writes| -> Result<Option<u32>> {
            let Some(lock) = &lock else { return Ok(None) };
            Ok(lock.holder(Seat::byte(number, writes))?.map(|holder| holder.pid))
        };
        let ring = part.is_ring.then(|| glance(&file, part, name.label()));
        look.parts.push(PartLook { bytes: part.bytes, ring, writer: holder(true)?, reader: holder(false)? });
    }
    Ok(look)
}

/// Reads a ring's first bytes; both ends may go on meanwhile, so indices that disagree are read anew.
fn glance(file: &File, part: &Part, label: &str) -> Result<Glance> {
    let mut copy = [0; GLANCE_BYTES];
    let mut tries = 0;
    loop {
        if part.bytes < GLANCE_BYTES || file.read_exact_at(&mut copy, part.offset as u64).is_err() {
            return Err(corrupt(format!("a ring of segment {label} is cut off: close it on both sides")));
        }
        let glance = Glance::read(&copy, part.bytes)?;
        tries += 1;
        if glance.fill().is_some() || tries == 64 {
            return Ok(glance);
        }
    }
}

/// What stands under a name, and its file if that is a segment of this user's.
pub(super) fn see(name: &Name) -> Result<(Seen, Option<File>)> {
    let label = name.label();
    let mut seen = Seen {
        name: label.into(),
        bytes: 0,
        standing: Standing::LockOnly,
        why: None,
        owner: None,
        age: None,
        about: None,
    };
    let there = metadata_of(&name.path())?;
    let beside = metadata_of(&name.lock_path())?;
    let Some(metadata) = there.as_ref().or(beside.as_ref()) else {
        return Err(unknown(format!(
            "there is no segment {label} of user {}: `patchstream ls` shows those that there are",
            name.uid()
        )));
    };
    seen.age = metadata.modified().ok().and_then(|made| SystemTime::now().duration_since(made).ok());
    for (metadata, path) in [(&there, name.path()), (&beside, name.lock_path())] {
        if let Some(why) = metadata.as_ref().and_then(|metadata| foreign(metadata, name.uid())) {
            seen.bytes = metadata.as_ref().map_or(0, Metadata::len);
            (seen.standing, seen.why) = (Standing::Foreign, Some(format!("{} {why}", path.display())));
            return Ok((seen, None));
        }
    }
    if let Some(lock) = LockFile::open(name, false)? {
        seen.owner = lock.owner()?.map(|holder| holder.pid);
    }
    let Some(file) = open(name)? else {
        if seen.owner.is_some() {
            seen.standing = Standing::BeingMade;
        }
        return Ok((seen, None));
    };
    describe(&mut seen, &file)?;
    Ok((seen, Some(file)))
}

/// Fills in what the first page says.
fn describe(seen: &mut Seen, file: &File) -> Result<()> {
    let failed = |error: std::io::Error| io(format!("cannot look at segment {}: {error}", seen.name));
    seen.bytes = file.metadata().map_err(failed)?.len();
    let lives = seen.owner.is_some();
    let mut page = [0; CONTROL_BYTES];
    let whole = seen.bytes >= CONTROL_BYTES as u64 && file.read_exact_at(&mut page, 0).is_ok();
    if !whole {
        seen.standing = if lives && seen.bytes == 0 { Standing::BeingMade } else { Standing::Broken };
        seen.why = (seen.standing == Standing::Broken).then(|| format!("a file of {} bytes", seen.bytes));
        return Ok(());
    }
    let mut description = [0; DESCRIPTION_BYTES];
    description.copy_from_slice(&page[..DESCRIPTION_BYTES]);
    let (standing, why) = match Description::unpack(&description, seen.bytes, &seen.name) {
        Ok(it) => {
            seen.about = Some(About { epoch: it.epoch, kind: it.kind, maker: it.owner, parts: it.parts });
            match u32::from_le_bytes(std::array::from_fn(|byte| page[STATE_AT + byte])) {
                _ if !lives => (Standing::Left, None),
                CLOSED | TAKEN_OVER => (Standing::Owned, Some("its owner is closing it".into())),
                _ => (Standing::Owned, None),
            }
        }
        Err(error) => match error.kind() {
            ErrorKind::State if lives => (Standing::BeingMade, None),
            ErrorKind::State => (Standing::Left, None),
            ErrorKind::Version => (Standing::OtherVersion, Some(error.message().into())),
            _ => (Standing::Broken, Some(error.message().into())),
        },
    };
    (seen.standing, seen.why) = (standing, why);
    Ok(())
}

/// Why a file is no segment or lock file of user `uid`.
fn foreign(metadata: &Metadata, uid: u32) -> Option<String> {
    let mode = metadata.mode() & 0o7777;
    if !metadata.is_file() {
        return Some("is no file: it is left alone".into());
    }
    if metadata.uid() != uid {
        return Some(format!("belongs to user {}, you are user {uid}: it is left alone", metadata.uid()));
    }
    (mode & 0o177 != 0).then(|| format!("has mode {mode:o}, a segment has 600: remove it if it is not needed"))
}

fn metadata_of(path: &std::path::Path) -> Result<Option<Metadata>> {
    match symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) => Err(io(format!("cannot look at {}: {error}", path.display()))),
    }
}

/// Opens a segment's file to read it, never by a symbolic link.
fn open(name: &Name) -> Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
    match options.open(name.path()) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) => Err(io(format!("cannot open {}: {error}", name.path().display()))),
    }
}
