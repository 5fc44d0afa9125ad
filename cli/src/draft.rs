//! Files that get their names when they are whole: a run writes `NAME.part`, and renames all of them at its end.
//!
//! The summary is the last of a run's files. It says that the others are there and belong together.
//! Not here: what the files hold ([`super::output`], [`super::sample`]).

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use patchstream::error::{Error, Result, io};

/// A file that has not got its name yet.
pub struct Draft {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
}

impl Draft {
    /// Starts the file that is to be called `name`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the folder cannot be written to.
    pub fn create(folder: &Path, name: &str) -> Result<Self> {
        let part = part(folder, name);
        let file = File::create(&part).map_err(|error| failed("write", &part, &error))?;
        Ok(Self { path: folder.join(name), part, file: BufWriter::new(file) })
    }

    /// Appends to it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| failed("write", &self.part, &error))
    }

    /// Appends a line, which ends here: `draft.line(format_args!(..))`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn line(&mut self, line: fmt::Arguments) -> Result<()> {
        writeln!(self.file, "{line}").map_err(|error| failed("write", &self.part, &error))
    }

    /// The bytes reach the disk before the name does.
    fn keep(mut self) -> Result<()> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let named = written.and_then(|()| fs::rename(&self.part, &self.path));
        named.map_err(|error| failed("write", &self.path, &error))
    }
}

/// Makes the folder, and sees that no folder stands where one of the files will be.
///
/// # Errors
/// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if it cannot be made, or if one does.
pub fn prepare(folder: &Path, names: &[&str]) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| failed("make the output folder", folder, &error))?;
    for path in names.iter().map(|name| folder.join(name)) {
        if path.is_dir() {
            return Err(io(format!(
                "cannot write {}, it is a folder: choose another output folder with --out",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Gives all files their names, the summary's last.
///
/// # Errors
/// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
pub fn keep(files: Vec<Draft>, summary: Draft) -> Result<()> {
    // An earlier run's summary goes first, so that none ever lies beside files of another run.
    match fs::remove_file(&summary.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("replace", &summary.path, &error)),
        _ => {}
    }
    files.into_iter().chain([summary]).try_for_each(Draft::keep)
}

/// Takes away what a run that failed has left of its files.
pub fn remove(folder: &Path, names: &[&str]) {
    for name in names {
        // What cannot be removed stays; the run's own error is the one to tell.
        let _ = fs::remove_file(part(folder, name));
    }
}

fn part(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.part"))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    io(format!("cannot {what} {}: {error}: make room for it or choose another folder with --out", path.display()))
}
