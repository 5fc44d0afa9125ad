//! A run that is made of a past: options, points and events as a stream writes them.
//!
//! Ids are the names of the rows where all of them are numbers; otherwise rows count from 1, and names are labels.
//! Not here: what happened ([`super::events`]), the bytes of an entry (`patchstream::stream::journal`).

use std::path::Path;

use patchstream::dynim::{self, Layout, Mode};
use patchstream::error::Result;
use patchstream::patch::Meta;
use patchstream::store::bytes::Packer;
use patchstream::store::{Options, Store};
use patchstream::stream::journal::layout::say;
use patchstream::stream::journal::records::{self, Event, Picked, Point, PointParts, Why, Withdrawn};

use super::events::{Happened, Past};
use super::names::Names;

/// The points, row by row.
pub struct Rows {
    pub dim: usize,
    /// `all[row * dim + i]`.
    pub all: Vec<f32>,
}

/// The settings of dynim's sampler as far as they are known: ten neighbours, picks from one ranking.
pub fn settings(past: &Past, dim: usize) -> Layout {
    let usual = dynim::QueueConfig::new("all");
    let capacity = past.capacity.map_or(usize::MAX, |capacity| capacity.max(1) as usize);
    Layout { mode: Mode::Batch, queues: vec![dynim::QueueConfig { capacity, ..usual }], ..Layout::new(dim) }
}

/// Writes the run.
///
/// # Errors
/// By [`ErrorKind`](patchstream::error::ErrorKind): `State` for a folder that is taken, `Io` if the disk is full or fails.
pub fn write(path: &Path, past: &Past, names: &Names, rows: &Rows) -> Result<()> {
    let text = say(&settings(past, rows.dim));
    let mut log = Log { store: Store::create(path, &text, &Options::default())?, packer: Packer::new() };
    log.packer.u8s(text.as_bytes());
    log.put(records::OPTIONS)?;
    let (mut waiting, mut selected, mut discarded, mut number) = (0_u64, 0_u64, 0_u64, 0_u64);
    for happened in &past.happened {
        match happened {
            Happened::Came { row, event } => {
                let (id, step) = (names.id(*row), *event as i64);
                let label = (!names.are_ids()).then(|| names.name(*row));
                let meta = Meta { id, step, label, ..Meta::default() };
                let point = &rows.all[row * rows.dim..][..rows.dim];
                Point::pack(
                    PointParts { id, content: 0, queue: 0, meta: &meta, probabilities: &[], point },
                    &mut log.packer,
                );
                log.put(records::POINT)?;
                waiting += 1;
            }
            Happened::Withdrawn { row, event } => {
                let gone = Withdrawn { id: names.id(*row), step: *event as i64, why: Why::Host };
                gone.pack(&mut log.packer);
                log.put(records::WITHDRAWN)?;
                discarded -= 1;
            }
            Happened::Event { merged, gone, picks } => {
                selected += picks.len() as u64;
                discarded += gone.len() as u64;
                waiting -= (picks.len() + gone.len()) as u64;
                let pick = |(row, rank): &(usize, f32)| Picked { id: names.id(*row), queue: 0, rank: *rank };
                let event = Event {
                    number,
                    step: number as i64,
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
                number += 1;
            }
        }
    }
    log.store.sync()?;
    log.store.close()
}

/// A log that is being written.
struct Log {
    store: Store,
    packer: Packer,
}

impl Log {
    /// Appends what was packed.
    fn put(&mut self, kind: u16) -> Result<()> {
        self.store.append(kind, self.packer.bytes())?;
        self.packer.clear();
        Ok(())
    }
}
