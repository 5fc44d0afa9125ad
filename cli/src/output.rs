//! The files of a campaign, in one folder.
//!
//! `selections.psel`: size-prefixed flatbuffers, a batch of selections per event, then the weights.
//! `selected.csv`: `event,order,id,rank`. `weights.csv`: `id,weight,normalised`. `summary.json`.
//! Not here: those of micro simulations ([`super::micro`]), how a file gets its name when it is whole ([`super::draft`]), what the summary says ([`super::summary`]).

use std::path::{Path, PathBuf};

use patchstream::error::Result;
use patchstream::stream::{Selections, Weights};

use super::draft::{self, Draft};
use super::number::format_g;

/// The names of the files; the summary comes last, it says that the others are there.
pub const NAMES: [&str; 4] = ["selections.psel", "selected.csv", "weights.csv", "summary.json"];

/// The files of a campaign that is under way.
pub struct Files {
    folder: PathBuf,
    selections: Draft,
    selected: Draft,
}

impl Files {
    /// Starts the files, in a folder that is there; those that were begun earlier are begun again.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if it cannot be written to.
    pub fn create(folder: &Path) -> Result<Self> {
        draft::prepare(folder, &NAMES)?;
        let mut selected = Draft::lasting(folder, NAMES[1])?;
        selected.write(b"event,order,id,rank\n")?;
        Ok(Self { folder: folder.into(), selections: Draft::lasting(folder, NAMES[0])?, selected })
    }

    /// Goes on with files of which so many bytes were [`written`](Self::written), whatever followed.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) if they are not there, and
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io).
    pub fn go_on(folder: &Path, written: [u64; 2]) -> Result<Self> {
        draft::prepare(folder, &NAMES)?;
        let selections = Draft::go_on(folder, NAMES[0], written[0])?;
        Ok(Self { folder: folder.into(), selections, selected: Draft::go_on(folder, NAMES[1], written[1])? })
    }

    /// Brings what was added to the disk, and says how many bytes of `selections.psel` and `selected.csv` that are.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn written(&mut self) -> Result<[u64; 2]> {
        Ok([self.selections.sync()?, self.selected.sync()?])
    }

    /// Adds what an event selected.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn add(&mut self, selections: &Selections) -> Result<()> {
        self.selections.write(selections.bytes())?;
        for s in &selections.batch.selections {
            let row = format!("{},{},{},{}\n", s.event, s.order, s.id, format_g(s.rank.into(), 9));
            self.selected.write(row.as_bytes())?;
        }
        Ok(())
    }

    /// Adds the weights and the summary, and gives all files their names, `more` of them too.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn finish(mut self, message: &Weights, summary: &str, more: impl IntoIterator<Item = Draft>) -> Result<()> {
        self.selections.write(message.bytes())?;
        let mut table = Draft::create(&self.folder, NAMES[2])?;
        table.write(b"id,weight,normalised\n")?;
        let weights = &message.weights;
        for ((id, weight), normalised) in weights.ids.iter().zip(&weights.weights).zip(&weights.normalised) {
            table.write(format!("{id},{},{}\n", format_g(*weight, 17), format_g(*normalised, 17)).as_bytes())?;
        }
        let mut last = Draft::create(&self.folder, NAMES[3])?;
        last.write(summary.as_bytes())?;
        let files = [self.selections, self.selected, table].into_iter().chain(more);
        draft::keep(files.collect(), last)
    }
}
