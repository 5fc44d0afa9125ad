//! A file that is written from its beginning to its end, in pieces of any size: small ones are gathered, and a few bytes
//! that are known late, such as a checksum, may be set while the rest is written.
//!
//! Not here: what is in it ([`super::checkpoint`]).

use std::io::Result;

use super::disk::{DiskFile, write_all};

/// Small pieces are gathered up to so many bytes.
const TOGETHER: usize = 64 << 10;
/// The disk begins to write whenever it is so many bytes behind: fewer would be many small requests.
const AHEAD: u64 = 2 << 20;

/// A file, and what is to be written to it next.
pub(super) struct Pieces<'a> {
    file: &'a dyn DiskFile,
    /// Bytes that the file has.
    written: u64,
    /// Bytes that the disk was told to write.
    ahead: u64,
    gathered: Vec<u8>,
}

impl<'a> Pieces<'a> {
    /// Of a file that is empty.
    pub(super) fn new(file: &'a dyn DiskFile) -> Self {
        Self { file, written: 0, ahead: 0, gathered: Vec::with_capacity(TOGETHER) }
    }

    /// How many bytes were added.
    pub(super) fn length(&self) -> u64 {
        self.written + self.gathered.len() as u64
    }

    /// Adds bytes at the end.
    pub(super) fn add(&mut self, piece: &[u8]) -> Result<()> {
        if self.gathered.len() + piece.len() <= TOGETHER {
            self.gathered.extend_from_slice(piece);
            return Ok(());
        }
        self.end()?;
        if piece.len() < TOGETHER / 2 {
            self.gathered.extend_from_slice(piece);
            return Ok(());
        }
        self.write(piece)
    }

    /// Sets bytes that were added together before, from `at` on, to others.
    pub(super) fn set(&mut self, at: u64, bytes: [u8; 4]) -> Result<()> {
        match at.checked_sub(self.written) {
            Some(at) => self.gathered[at as usize..][..bytes.len()].copy_from_slice(&bytes),
            None => self.file.overwrite(&bytes, at)?,
        }
        Ok(())
    }

    /// Writes what was gathered.
    pub(super) fn end(&mut self) -> Result<()> {
        let gathered = std::mem::take(&mut self.gathered);
        self.write(&gathered)?;
        self.gathered = gathered;
        self.gathered.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        write_all(self.file, bytes)?;
        self.written += bytes.len() as u64;
        if self.written - self.ahead >= AHEAD {
            self.file.write_ahead(self.ahead, self.written);
            self.ahead = self.written;
        }
        Ok(())
    }
}
