//! What a run's folder holds after any end: the newest good checkpoint, the log as far as it is good, what was cut off.
//!
//! The last segment may end in the middle of a record, since a kill or a power cut may: what follows its last good record
//! is cut off, and kept beside it. Damage anywhere else is an error with file and offset; nothing is guessed.
//! Not here: writing on ([`super::store`]).

use std::path::{Path, PathBuf};

use super::checkpoint::{self, Checkpoint};
use super::disk::{Disk, write_all};
use super::epoch;
use super::folder::{Description, Folder, Paths, look};
use super::read::{self, Bound, Found, Records, SegmentReader};
use super::segment::HEADER;
use crate::error::{Error, Result, corrupt, io, state};

/// What was cut off the end of the log: a write that was in flight when the writer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub file: PathBuf,
    /// Where in it the cut is; 0 if not even its header is there.
    pub offset: u64,
    /// How many bytes follow. A writer that goes on keeps them in a file beside it, [`Cut::kept`].
    pub bytes: u64,
    /// What is wrong with them.
    pub why: String,
}

impl Cut {
    /// The file that a writer keeps them in.
    pub fn kept(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(format!(".cut-{}", self.offset));
        name.into()
    }
}

/// A run as it was found.
pub struct Recovered {
    /// What the run is.
    pub description: Description,
    /// The newest good checkpoint; none if there is none.
    pub checkpoint: Option<Checkpoint>,
    /// Why checkpoints that are there were not taken.
    pub skipped: Vec<Error>,
    /// What was cut off the end of the log: nothing, or one write, or a segment without a header and the end before it.
    pub cut: Vec<Cut>,
    /// The last entry of the log; 0 if it has none.
    pub last: u64,
    /// How many writers the run has had, this one not counted.
    pub epoch: u64,
    pub(super) segments: Vec<Found>,
    pub(super) slots: [u64; 2],
}

impl Recovered {
    /// The entries of the log from `from` on, which is at least 1 and at most one behind the last.
    ///
    /// # Errors
    /// `Argument` for another place.
    pub fn records(&self, from: u64) -> Result<Records> {
        Records::new(&self.segments, from, self.last)
    }
}

/// Reads a run and changes nothing, whether it is in use or not: the end of one in use may be seen half written.
///
/// # Errors
/// `State` for a folder that is no run; `Corrupt`, `Version` and `Io` with the file at fault.
pub fn read(path: &Path) -> Result<Recovered> {
    match look(path)? {
        Folder::Run(description) => scan(&Paths { root: path.into() }, description),
        Folder::New => Err(state(format!(
            "{} is no run, {}: name the folder that a run was made in",
            path.display(),
            if path.exists() { "but an empty folder" } else { "there is no such folder" }
        ))),
    }
}

pub(super) fn scan(paths: &Paths, description: Description) -> Result<Recovered> {
    let (segments, torn) = segments(paths, &description)?;
    let (last, tail) = match segments.last() {
        Some(found) => tail(found)?,
        None => (0, None),
    };
    let seen = segments.last().map_or(0, |found| found.header.epoch);
    let mut recovered = Recovered {
        epoch: epoch::highest(paths)?.max(seen),
        description,
        checkpoint: None,
        skipped: Vec::new(),
        cut: tail.into_iter().chain(torn).collect(),
        last,
        segments,
        slots: [0; 2],
    };
    for slot in 0..2 {
        match checkpoint_in(paths, slot, &recovered) {
            Ok(None) => {}
            Ok(Some(checkpoint)) => {
                recovered.slots[slot] = checkpoint.serial;
                if recovered.checkpoint.as_ref().is_none_or(|other| other.serial < checkpoint.serial) {
                    recovered.checkpoint = Some(checkpoint);
                }
            }
            Err(error) => recovered.skipped.push(error),
        }
    }
    if let Some(checkpoint) = recovered.checkpoint.as_ref().filter(|checkpoint| checkpoint.sequence > last) {
        let sequence = checkpoint.sequence;
        let cut = recovered.cut.iter();
        let cut: String =
            cut.map(|cut| format!("; {} is damaged at byte {}: {}", cut.file.display(), cut.offset, cut.why)).collect();
        return Err(corrupt(format!(
            "the log of {} ends at entry {last}, and was synced up to {sequence} before the last checkpoint: entries were \
             lost{cut}; take its log from a copy",
            paths.root.display()
        )));
    }
    Ok(recovered)
}

/// The segments that are there, in order, and the last one if it has no header yet.
fn segments(paths: &Paths, description: &Description) -> Result<(Vec<Found>, Option<Cut>)> {
    let numbers = numbers(paths)?;
    let mut segments: Vec<Found> = Vec::new();
    for (at, number) in numbers.iter().enumerate() {
        let path = paths.segment(at as u64 + 1);
        if *number != at as u64 + 1 {
            return Err(corrupt(format!("{} is missing, later ones are there: take it from a copy", path.display())));
        }
        if at + 1 == numbers.len() {
            let failed = |error| io(format!("cannot read {}: {error}", path.display()));
            let bytes = std::fs::metadata(&path).map_err(failed)?.len();
            if bytes < HEADER as u64 {
                let why = format!("it has {bytes} bytes, its header alone has {HEADER}");
                return Ok((segments, Some(Cut { file: path, offset: 0, bytes, why })));
            }
        }
        let (_, _, header, _) = read::open(&path)?;
        if header.run != description.run {
            let (of, run) = (header.run, description.run);
            return Err(corrupt(format!("{} belongs to the run {of}, this one is {run}", path.display())));
        }
        let before = segments.last().map_or((0, 1), |found| (found.header.epoch, found.header.first));
        let in_order = header.epoch >= before.0.max(1) && header.first >= before.1 && (at > 0 || header.first == 1);
        if header.number != *number || !in_order {
            return Err(corrupt(format!(
                "{} is out of place: it is segment {} of writer {} and begins at entry {}",
                path.display(),
                header.number,
                header.epoch,
                header.first
            )));
        }
        segments.push(Found { path, header });
    }
    Ok((segments, None))
}

/// The numbers of the files that are called like segments, in order.
fn numbers(paths: &Paths) -> Result<Vec<u64>> {
    let failed = |error: std::io::Error| io(format!("cannot list {}: {error}", paths.log().display()));
    let entries = match std::fs::read_dir(paths.log()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let number: Option<u64> = name.to_str().and_then(|name| name.strip_suffix(".log")?.parse().ok());
        numbers.extend(number.filter(|number| paths.segment(*number).file_name() == Some(&name)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How far the last segment is good, and what follows.
fn tail(found: &Found) -> Result<(u64, Option<Cut>)> {
    let mut reader = SegmentReader::open(found, Bound::Torn)?;
    loop {
        match reader.next()? {
            Ok(Some(_)) => {}
            Ok(None) => return Ok((reader.behind() - 1, None)),
            Err(bad) => {
                let bytes = reader.length() - bad.offset;
                let cut = Cut { file: found.path.clone(), offset: bad.offset, bytes, why: bad.why };
                return Ok((reader.behind() - 1, Some(cut)));
            }
        }
    }
}

/// A checkpoint, if it is there, good, and not a fenced writer's.
fn checkpoint_in(paths: &Paths, slot: usize, recovered: &Recovered) -> Result<Option<Checkpoint>> {
    let path = paths.checkpoint(slot);
    let Some(checkpoint) = checkpoint::read(&path, recovered.description.run)? else { return Ok(None) };
    let Checkpoint { epoch, sequence, .. } = checkpoint;
    let mut later = recovered.segments.iter().filter(|found| found.header.epoch > epoch);
    match later.find(|found| found.header.first <= sequence) {
        None => Ok(Some(checkpoint)),
        Some(found) => Err(corrupt(format!(
            "{} holds entries up to {sequence} of writer {epoch}, whom a later one succeeded at entry {}: it was fenced",
            path.display(),
            found.header.first
        ))),
    }
}

/// Cuts the end of the log off, after it was copied to a file beside it.
pub(super) fn cut_off(disk: &dyn Disk, paths: &Paths, cut: &Cut) -> Result<()> {
    let failed = |error: std::io::Error| io(format!("cannot cut off the end of {}: {error}", cut.file.display()));
    let bytes = std::fs::read(&cut.file).map_err(failed)?;
    let rest = bytes.get(cut.offset as usize..).unwrap_or_default();
    let kept = disk.replace(&cut.kept()).map_err(failed)?;
    write_all(&*kept, rest).map_err(failed)?;
    kept.sync().map_err(failed)?;
    disk.sync_folder(&paths.log()).map_err(failed)?;
    if cut.offset == 0 {
        disk.remove(&cut.file).map_err(failed)?;
        return disk.sync_folder(&paths.log()).map_err(failed);
    }
    disk.truncate(&cut.file, cut.offset).map_err(failed)
}
