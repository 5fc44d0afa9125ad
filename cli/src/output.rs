//! The files of a campaign, in one folder.
//!
//! `selections.psel`: size-prefixed flatbuffers, a batch of selections per event, then the weights.
//! `selected.csv`: `event,order,id,rank`. `weights.csv`: `id,weight,normalised`. `summary.json`.
//! Each is written as NAME.part and renamed when it is whole, so that a name never stands for half a file.
//! Not here: what the summary says ([`super::summary`]).

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use patchstream::error::{Error, Result, io};
use patchstream::stream::{Selections, Weights};

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
    /// Makes the folder and starts the files.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if it cannot be made or written to.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| failed("make the output folder", folder, &error))?;
        for name in NAMES {
            let path = folder.join(name);
            if path.is_dir() {
                return Err(io(format!(
                    "cannot write {}, it is a folder: choose another output folder with --out",
                    path.display()
                )));
            }
        }
        let mut selected = Draft::create(folder, NAMES[1])?;
        selected.write(b"event,order,id,rank\n")?;
        Ok(Self { folder: folder.into(), selections: Draft::create(folder, NAMES[0])?, selected })
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

    /// Adds the weights and the summary, and gives all files their names.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn finish(mut self, message: &Weights, summary: &str) -> Result<()> {
        self.selections.write(message.bytes())?;
        let mut table = Draft::create(&self.folder, NAMES[2])?;
        table.write(b"id,weight,normalised\n")?;
        let weights = &message.weights;
        for ((id, weight), normalised) in weights.ids.iter().zip(&weights.weights).zip(&weights.normalised) {
            table.write(format!("{id},{},{}\n", format_g(*weight, 17), format_g(*normalised, 17)).as_bytes())?;
        }
        let mut last = Draft::create(&self.folder, NAMES[3])?;
        last.write(summary.as_bytes())?;
        // An earlier campaign's summary goes first, so that none ever lies beside files of another run.
        match fs::remove_file(self.folder.join(NAMES[3])) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed("replace", &last.path, &error));
            }
            _ => {}
        }
        for draft in [self.selections, self.selected, table, last] {
            draft.keep()?;
        }
        Ok(())
    }
}

/// A file that has not got its name yet.
struct Draft {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
}

impl Draft {
    fn create(folder: &Path, name: &str) -> Result<Self> {
        let part = folder.join(format!("{name}.part"));
        let file = File::create(&part).map_err(|error| failed("write", &part, &error))?;
        Ok(Self { path: folder.join(name), part, file: BufWriter::new(file) })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| failed("write", &self.part, &error))
    }

    /// The bytes reach the disk before the name does.
    fn keep(mut self) -> Result<()> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let named = written.and_then(|()| fs::rename(&self.part, &self.path));
        named.map_err(|error| failed("write", &self.path, &error))
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    io(format!("cannot {what} {}: {error}: make room for it or choose another folder with --out", path.display()))
}
