//! The densities of a run: a file in its folder that stays, and is read back by the run's next writer and by tools.
//!
//! The run's own lock is what tells its writers apart; a writer that was succeeded without knowing may still write here,
//! which the checksums of the places tell. Not here: the places in it ([`super::file`]), a file that goes with its stream
//! ([`super::scratch`]).

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Format;
use super::file::PlaceFile;
use super::layout::{HEADER, Header, PAGE, Tag};
use crate::error::{Result, conflict, corrupt, io, shape};

/// The name of the file in a run's folder.
const NAME: &str = "densities";

/// Opens the file in a run's folder, or makes it: it is there whole or not at all.
///
/// # Errors
/// Those of [`Header::view`], `Corrupt` for the file of another run, `Conflict` for one that keeps densities otherwise, `Io`.
pub(super) fn open(folder: &Path, header: &Header) -> Result<PlaceFile> {
    let path = folder.join(NAME);
    let failed = |error: std::io::Error| io(format!("cannot open the densities in {}: {error}", path.display()));
    let file = match File::options().read(true).write(true).open(&path) {
        Ok(file) => {
            check(&view(&file, &path)?, header, &path)?;
            file
        }
        Err(error) if error.kind() == ErrorKind::NotFound => create(folder, &path, header).map_err(failed)?,
        Err(error) => return Err(failed(error)),
    };
    Ok(PlaceFile::new(Arc::new(file), path, header))
}

fn create(folder: &Path, path: &Path, header: &Header) -> std::io::Result<File> {
    let new = folder.join(format!("{NAME}.new"));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&new)?;
    let (bytes, _) = header.pack();
    file.write_all_at(&bytes, 0)?;
    file.set_len(PAGE)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

fn view(file: &File, path: &Path) -> Result<Header> {
    let mut bytes = Vec::with_capacity(HEADER);
    let read = (&mut &*file).take(HEADER as u64).read_to_end(&mut bytes);
    read.map_err(|error| io(format!("cannot read the densities in {}: {error}", path.display())))?;
    Header::view(path, &bytes)
}

fn check(found: &Header, wanted: &Header, path: &Path) -> Result<()> {
    if found.run != wanted.run {
        return Err(foreign(path, found.run, wanted.run));
    }
    if (found.values, found.format) == (wanted.values, wanted.format) {
        return Ok(());
    }
    let say = |header: &Header| format!("{} values as {}", header.values, header.format.name());
    Err(conflict(format!(
        "{} keeps {} of each patch, and is asked for {}: open the run as before, or begin a new one",
        path.display(),
        say(found),
        say(wanted)
    )))
}

fn foreign(path: &Path, found: u128, wanted: u128) -> crate::error::Error {
    corrupt(format!("{} belongs to the run {found:032x}, this one is {wanted:032x}: put the file back", path.display()))
}

/// The densities of a run, seen from outside: nothing is changed, and the run may be in use meanwhile.
pub struct RunDensities {
    file: PlaceFile,
    path: PathBuf,
    values: usize,
    format: Format,
    /// Where each patch may be, by id and content: one that came again is in two places, of which one may be torn.
    places: HashMap<(u64, u64), Vec<usize>>,
}

impl RunDensities {
    /// Those in the folder of the run `run`; none if it keeps none.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt), [`ErrorKind::Version`](crate::error::ErrorKind::Version) or
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) for a file that is damaged, of another run, newer, or unreadable.
    pub fn open(folder: &Path, run: u128) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let disk = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(format!("cannot open the densities in {}: {error}", path.display()))),
        };
        let header = view(&disk, &path)?;
        if header.run != run {
            return Err(foreign(&path, header.run, run));
        }
        let file = PlaceFile::new(Arc::new(disk), path.clone(), &header);
        let mut places = HashMap::new();
        for at in 0..file.places()? {
            if let Some(Tag { id, content, .. }) = file.tag(at)? {
                places.entry((id, content)).or_insert_with(Vec::new).push(at);
            }
        }
        Ok(Some(Self { file, path, values: header.values as usize, format: header.format, places }))
    }

    /// Whether the run in this folder keeps densities there.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(NAME).exists()
    }

    /// Values of a patch.
    pub fn values(&self) -> usize {
        self.values
    }

    /// How they are written down.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether a place says that it holds the densities of a patch with this content.
    pub fn contains(&self, id: u64, content: u64) -> bool {
        self.places.contains_key(&(id, content))
    }

    /// Reads the densities of a patch with this content. `false`: they are not there, and nothing was written.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for another number of values,
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if they are torn,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk does not give them.
    pub fn read(&mut self, id: u64, content: u64, densities: &mut [f32]) -> Result<bool> {
        if densities.len() != self.values {
            let (path, values, given) = (self.path.display(), self.values, densities.len());
            return Err(shape(format!("{given} values for a patch in {path}, which keeps {values}")));
        }
        let mut torn = None;
        for &at in self.places.get(&(id, content)).map_or(&[][..], Vec::as_slice) {
            // A place says its step too, which nobody has to know.
            let Some(tag) = self.file.tag(at)?.filter(|tag| (tag.id, tag.content) == (id, content)) else { continue };
            match self.file.read(at, &tag) {
                Ok(bytes) => {
                    self.format.read(bytes, densities);
                    return Ok(true);
                }
                Err(error) => torn = Some(error),
            }
        }
        torn.map_or(Ok(false), Err)
    }
}
