//! A run that is made of a past: options, points, events and states as a stream writes them, and a mark at their end.
//!
//! Ids are the names of the rows where all of them are numbers; otherwise rows count from 1, and names are labels. The
//! events have the steps before 0, so that a host of any kind goes on at a step that is free. A run gets its name when it
//! is whole. Not here: what happened ([`super::events`]), the bytes of an entry (`patchstream::stream::journal`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use patchstream::dynim::State;
use patchstream::error::{Error, ErrorKind, Result, argument, busy, io, state};
use patchstream::patch::Meta;
use patchstream::store::bytes::Packer;
use patchstream::store::{self, Folder, Options, Store};
use patchstream::stream::journal;
use patchstream::stream::journal::records::{self, By, Event, Mark, Moved, Picked, Point, PointParts, Why, Withdrawn};

use super::events::{Happened, Past};
use super::names::Names;

/// The mark at the end of what was imported.
pub const MARK: &str = "imported";

/// The points, row by row.
pub struct Rows {
    pub dim: usize,
    /// `all[row * dim + i]`.
    pub all: Vec<f32>,
}

/// What is in the run.
pub struct Written {
    /// The highest id; 0 without points.
    pub last_id: u64,
}

/// Writes the run, whole or not at all; `None` if it was stopped.
///
/// # Errors
/// By [`ErrorKind`](patchstream::error::ErrorKind): `State` for a folder that is taken, `Busy` while another import writes
/// it, `Io` if the disk is full or fails.
pub fn write(
    path: &Path,
    text: &str,
    past: &Past,
    names: &Names,
    rows: &Rows,
    stop: &AtomicBool,
) -> Result<Option<Written>> {
    let part = Part::new(path)?;
    let store = Store::create(&part.0, text, &Options::default());
    let store = store.map_err(|error| error.context("choose another folder with --out"))?;
    let mut log = Log { store, packer: Packer::new(), last_id: 0 };
    log.packer.u8s(text.as_bytes());
    log.put(records::OPTIONS)?;
    // Of the first event.
    let first = -(past.events as i64);
    let (mut waiting, mut selected, mut discarded, mut number) = (0_u64, 0_u64, 0_u64, 0_u64);
    for happened in &past.happened {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match happened {
            Happened::Came { row, event } => {
                log.point(*row, first + *event as i64, names, rows)?;
                waiting += 1;
            }
            Happened::Withdrawn { row, event } => {
                let gone = Withdrawn { id: names.id(*row), step: first + *event as i64, why: Why::Host };
                gone.pack(&mut log.packer);
                log.put(records::WITHDRAWN)?;
                discarded -= 1;
            }
            Happened::Event { merged, gone, picks } => {
                selected += picks.len() as u64;
                discarded += gone.len() as u64;
                waiting -= (picks.len() + gone.len()) as u64;
                let pick = |(row, rank): &(usize, f32)| Picked { id: names.id(*row), queue: 0, rank: *rank };
                let step = first + number as i64;
                let event = Event {
                    number,
                    step,
                    n: picks.len() as u64,
                    merged: *merged,
                    candidates: waiting,
                    selected,
                    discarded,
                    picks: picks.iter().map(pick).collect(),
                    lost: Vec::new(),
                    gone: gone.iter().map(|row| names.id(*row)).collect(),
                };
                event.pack(&mut log.packer);
                log.put(records::EVENT)?;
                // Jobs of theirs would have no densities: whoever ran dynim ran them.
                for pick in &event.picks {
                    log.state(pick.id, step, State::Started)?;
                    log.state(pick.id, step, State::Done)?;
                }
                number += 1;
            }
        }
    }
    let last_step = if number > 0 { -1 } else { i64::MIN };
    let after = log.store.appended() + 1;
    let mark = Mark { step: -1, after, last_step, sent: Vec::new(), unsent: Vec::new(), name: MARK.into() };
    mark.pack(&mut log.packer);
    log.put(records::MARK)?;
    let written = Written { last_id: log.last_id };
    log.store.sync()?;
    log.store.close()?;
    part.keep(path)?;
    Ok(Some(written))
}

/// A log that is being written.
struct Log {
    store: Store,
    packer: Packer,
    last_id: u64,
}

impl Log {
    fn point(&mut self, row: usize, step: i64, names: &Names, rows: &Rows) -> Result<()> {
        let id = names.id(row);
        let label = (!names.are_ids()).then(|| names.name(row));
        let meta = Meta { id, step, label, ..Meta::default() };
        let point = &rows.all[row * rows.dim..][..rows.dim];
        let parts = PointParts { id, content: 0, queue: 0, meta: &meta, probabilities: &[], point };
        Point::pack(parts, &mut self.packer);
        self.last_id = self.last_id.max(id);
        self.put(records::POINT)
    }

    fn state(&mut self, id: u64, step: i64, to: State) -> Result<()> {
        let moved = Moved { id, step, attempt: 0, to, by: By::Host, reason: MARK.into() };
        moved.pack(&mut self.packer);
        self.put(records::STATE)
    }

    /// Appends what was packed.
    fn put(&mut self, kind: u16) -> Result<()> {
        self.store.append(kind, self.packer.bytes())?;
        self.packer.clear();
        Ok(())
    }
}

/// A folder that has not got its name yet; dropped before, it is removed.
struct Part(PathBuf);

impl Part {
    /// Beside `path`, which it is to be. What an import left that was killed is removed, and nothing else.
    fn new(path: &Path) -> Result<Self> {
        let name = path.file_name().ok_or_else(|| {
            argument(format!("{} is no name for a new folder: give another one with --out", path.display()))
        })?;
        let part = path.with_file_name(format!(".{}.import", name.to_string_lossy()));
        if fs::symlink_metadata(&part).is_ok() && !is_left(&part) {
            return Err(state(format!(
                "{} is in the way, where the run is made until it is whole, and is nothing that an import left: move it, or \
                 choose another folder with --out",
                part.display()
            )));
        }
        match Store::open(&part, &Options::default()) {
            Err(error) if error.kind() == ErrorKind::Busy => {
                return Err(busy(format!("another import writes {}: wait for it, or stop it", path.display())));
            }
            // Half a run, or none.
            _ => {}
        }
        match fs::remove_dir_all(&part) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(&part, &error)),
            _ => Ok(Self(part)),
        }
    }

    /// Gives it its name.
    fn keep(self, path: &Path) -> Result<()> {
        fs::rename(&self.0, path).map_err(|error| failed(path, &error))?;
        // So that the name survives a power cut; what cannot be synced is there all the same.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let _ = fs::File::open(parent).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there any more once it has its name.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether a folder is what an import left: a run that tells so, or what comes before its first file is whole.
fn is_left(part: &Path) -> bool {
    let is_folder = fs::symlink_metadata(part).is_ok_and(|about| about.is_dir());
    is_folder
        && match store::look(part) {
            Ok(Folder::New) => true,
            Ok(Folder::Run(about)) => journal::is_imported(&about.options),
            Err(_) => false,
        }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    io(format!("cannot write {}: {error}: choose another folder with --out", path.display()))
}
