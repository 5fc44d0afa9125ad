//! Places in a file: written, read and checked by calls, never mapped.
//!
//! Not here: what the bytes mean ([`super::layout`]), how long the file lives ([`super::scratch`], [`super::run`]), who is in
//! which place ([`super::Arena`]).

use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::disk::{Disk, Flush, is_full};
use super::layout::{HEAD, Header, PAGE, Tag, is_whole, seal, tag};
use crate::error::{self, Result, corrupt, forked, io};

/// A file of places.
pub(super) struct PlaceFile {
    /// With its path, which is absolute or as the host gave it.
    flush: Flush,
    /// The process that opened it: a forked child neither writes to it nor reads.
    process: u32,
    /// The page's checksum.
    seed: u32,
    /// A place as it lies in the file.
    place: Box<[u8]>,
}

impl PlaceFile {
    /// Of a file that has a page like this one.
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf, header: &Header) -> Self {
        let (_, seed) = header.pack();
        let place = vec![0; header.place_bytes()].into_boxed_slice();
        let flush = Flush { disk, path, failed: Arc::new(Mutex::new(None)) };
        Self { flush, process: std::process::id(), seed, place }
    }

    /// Where the densities of the next [`write`](Self::write) go.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.place[HEAD..]
    }

    /// Writes what is in the [room](Self::room) to a place. `false`: the disk is full.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) for any other trouble,
    /// [`ErrorKind::Forked`](crate::error::ErrorKind::Forked) in a child.
    pub(super) fn write(&mut self, at: usize, tag: &Tag) -> Result<bool> {
        self.check_process()?;
        seal(&mut self.place, self.seed, tag);
        match self.flush.disk.write(&self.place, self.offset(at)) {
            Ok(()) => Ok(true),
            Err(error) if is_full(&error) => Ok(false),
            Err(error) => Err(self.failed("write to", &error)),
        }
    }

    /// Reads the densities of a patch from a place.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) if they are not what was written,
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk does not give them.
    pub(super) fn read(&mut self, at: usize, expected: &Tag) -> Result<&[u8]> {
        self.check_process()?;
        let offset = self.offset(at);
        match self.flush.disk.read(&mut self.place, offset) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(self.damaged(expected.id, "was cut short"));
            }
            Err(error) => return Err(self.failed("read from", &error)),
        }
        let found = self.place.first_chunk().and_then(tag);
        if found != Some(*expected) || !is_whole(&self.place, self.seed) {
            return Err(self.damaged(expected.id, "was changed"));
        }
        Ok(&self.place[HEAD..])
    }

    /// What a place says of itself, whole or not; none if nobody was ever in it, or it is not there.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk does not give it.
    pub(super) fn tag(&self, at: usize) -> Result<Option<Tag>> {
        let mut head = [0; HEAD];
        match self.flush.disk.read(&mut head, self.offset(at)) {
            Ok(()) => Ok(tag(&head)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(self.failed("read from", &error)),
        }
    }

    /// How many places the file has; one that was cut off within counts.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the disk does not say.
    pub(super) fn places(&self) -> Result<usize> {
        let length = self.flush.disk.length().map_err(|error| self.failed("look at", &error))?;
        let places = length.saturating_sub(PAGE).div_ceil(self.place.len() as u64);
        Ok(usize::try_from(places).unwrap_or(usize::MAX))
    }

    /// What syncs it.
    pub(super) fn flush(&self) -> Flush {
        self.flush.clone()
    }

    fn offset(&self, at: usize) -> u64 {
        PAGE + at as u64 * self.place.len() as u64
    }

    fn check_process(&self) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        let path = self.flush.path.display();
        Err(forked(format!("{path} belongs to the process that forked: open a stream of your own")))
    }

    fn damaged(&self, id: u64, what: &str) -> error::Error {
        corrupt(format!(
            "the densities of patch {id} in {} are not those that were written: the file {what}; nothing else may write \
             to it",
            self.flush.path.display()
        ))
    }

    fn failed(&self, what: &str, error: &Error) -> error::Error {
        io(format!("cannot {what} the densities in {}: {error}", self.flush.path.display()))
    }
}

#[cfg(test)]
impl PlaceFile {
    pub(super) fn set_disk_for_tests(&mut self, disk: Arc<dyn Disk>) {
        self.flush.disk = disk;
    }
}
