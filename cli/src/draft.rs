//! Files that get their names when they are whole: a run writes `NAME.part`, and renames all of them at its end.
//!
//! A file that is dropped before is taken away again, so a run that fails leaves nothing; but those of a campaign stay,
//! since it goes on.
//! The summary is the last of a run's files. It says that the others are there and belong together.
//! Not here: what the files hold ([`super::output`], [`super::sample`], [`super::encode`]).

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use patchstream::error::{Error, Result, corrupt, io};

/// A file that has not got its name yet.
pub struct Draft {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    /// It has its name, or stays without it when it is dropped.
    kept: bool,
}

impl Draft {
    /// Starts the file that is to be called `name`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the folder cannot be written to.
    pub fn create(folder: &Path, name: &str) -> Result<Self> {
        let part = part(folder, name);
        let file = File::create(&part).map_err(|error| failed("write", &part, &error))?;
        Ok(Self { path: folder.join(name), part, file: BufWriter::new(file), kept: false })
    }

    /// Starts the file that is to be called `name`; dropped before it has its name it stays, for a run that goes on.
    ///
    /// # Errors
    /// Those of [`create`](Self::create).
    pub fn lasting(folder: &Path, name: &str) -> Result<Self> {
        let mut draft = Self::create(folder, name)?;
        draft.kept = true;
        Ok(draft)
    }

    /// Goes on with a [`lasting`](Self::lasting) file after its first `bytes`, whether it has its name by now or not.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](patchstream::error::ErrorKind::Corrupt) if so many are not there, and
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io).
    pub fn go_on(folder: &Path, name: &str, bytes: u64) -> Result<Self> {
        let (path, part) = (folder.join(name), part(folder, name));
        let has = |path: &Path| fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() >= bytes);
        let whole = |error| failed("write", &part, &error);
        let file = if has(&part) {
            let mut file = File::options().write(true).open(&part).map_err(whole)?;
            file.set_len(bytes).and_then(|()| file.seek(SeekFrom::End(0))).map_err(whole)?;
            file
        } else if has(&path) {
            let mut from = File::open(&path).map_err(|error| failed("read", &path, &error))?.take(bytes);
            let mut file = File::create(&part).map_err(whole)?;
            io::copy(&mut from, &mut file).map_err(whole)?;
            file
        } else {
            return Err(corrupt(format!(
                "neither {} nor {} has the {bytes} bytes that were written before: put the file back as it was, or \
                 begin a new campaign",
                part.display(),
                path.display()
            )));
        };
        Ok(Self { path, part, file: BufWriter::new(file), kept: true })
    }

    /// Brings what was written to the disk, and says how many bytes that are.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn sync(&mut self) -> Result<u64> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let written = written.and_then(|()| self.file.get_mut().stream_position());
        written.map_err(|error| failed("write", &self.part, &error))
    }

    /// Starts the file that is to be called `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if something other than a plain file is there, or its folder
    /// is missing or cannot be written to.
    pub fn at(path: &Path) -> Result<Self> {
        let refused = |why: &dyn fmt::Display| io(format!("cannot write {}: {why}", path.display()));
        // A rename would replace a device or a pipe as it does a file.
        if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
            return Err(refused(&"it is a folder, a device or a pipe: give the name of a file"));
        }
        let name = path.file_name().ok_or_else(|| refused(&"it has no name: give the name of a file"))?;
        let mut part = name.to_owned();
        part.push(".part");
        let part = path.with_file_name(part);
        let file = File::create(&part).map_err(|error| refused(&format!("{error}: choose another place for it")))?;
        Ok(Self { path: path.into(), part, file: BufWriter::new(file), kept: false })
    }

    /// Writes `bytes` so many bytes after its start.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn write_at(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        let written = self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.write_all(bytes));
        written.map_err(|error| failed("write", &self.part, &error))
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

    /// Gives it its name. The bytes reach the disk before.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn keep(mut self) -> Result<()> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let named = written.and_then(|()| fs::rename(&self.part, &self.path));
        self.kept |= named.is_ok();
        named.map_err(|error| failed("write", &self.path, &error))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed stays; the run's own error is the one to tell.
            let _ = fs::remove_file(&self.part);
        }
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
            return Err(io(format!("cannot write {}, it is a folder: choose another output folder", path.display())));
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

fn part(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.part"))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room for it",
        _ => "choose another folder",
    };
    io(format!("cannot {what} {}: {error}: {advice}", path.display()))
}
