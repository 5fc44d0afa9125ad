//! The one format of all files of a folder: a header of 64 bytes, metadata, densities, each under a checksum.
//!
//! | bytes | what, little-endian |
//! |---|---|
//! | 0..8 | magic, `PSTRDIR` and a line feed |
//! | 8..12, 12..16 | version of the format; [`Kind`] |
//! | 16..24, 24..32 | bytes of metadata, bytes of densities |
//! | 32..40, 40..48, 48..56 | id of the job, attempt, number; 0 where the kind has none |
//! | 56..60 | CRC32C of the densities |
//! | 60..64 | CRC32C of bytes 0..60 and of the metadata with its padding |
//! | 64.. | metadata, zeroes up to the next multiple of 64, densities as float32 |
//!
//! The file is exactly as long as its header says. Any bytes may come: lengths are held against the file's own before
//! anything is allocated for them.
//! Not here: how a file comes to its name whole ([`super::files`]), what metadata mean ([`crate::wire`]).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::files;
use crate::error::{Error, Result, corrupt, io, version};

/// The version of the format that this build writes and reads.
pub(super) const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"PSTRDIR\n";
const HEADER: usize = 64;
/// The most metadata: a sample of eight million sums.
const METADATA_MAX: u64 = 64 << 20;
/// The most densities: 1024 x 1024 points of 256 channels.
const DENSITIES_MAX: u64 = 1 << 30;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    /// The folder's own: its options.
    Folder = 1,
    /// A job for whoever claims it.
    Ticket = 2,
    /// Who has a job, or the folder.
    Claim = 3,
    /// A sample or a state, for the owner.
    Message = 4,
    /// How an attempt ended.
    Word = 5,
}

/// A file's content.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// The job's id, 0 for the owner's files.
    pub(super) job: u64,
    /// The attempt, or the owner's epoch.
    pub(super) attempt: u64,
    /// The message's number, or the job's place in the line.
    pub(super) number: u64,
    pub(super) metadata: Vec<u8>,
    pub(super) densities: Vec<f32>,
}

impl Frame {
    /// The file's bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let start = start_of_densities(self.metadata.len());
        let mut bytes = Vec::with_capacity(start + self.densities.len() * 4);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.kind as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.metadata.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(self.densities.len() as u64 * 4).to_le_bytes());
        for word in [self.job, self.attempt, self.number] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.resize(HEADER, 0);
        bytes.extend_from_slice(&self.metadata);
        bytes.resize(start, 0);
        for density in &self.densities {
            bytes.extend_from_slice(&density.to_le_bytes());
        }
        let densities = crc32c::crc32c(&bytes[start..]);
        bytes[56..60].copy_from_slice(&densities.to_le_bytes());
        let head = crc32c::crc32c_append(crc32c::crc32c(&bytes[..60]), &bytes[HEADER..start]);
        bytes[60..64].copy_from_slice(&head.to_le_bytes());
        bytes
    }

    /// Reads a whole file and checks all of it; `None` if there is none.
    pub(super) fn read(path: &Path, kind: Kind) -> Result<Option<Self>> {
        Self::read_file(path, kind, true)
    }

    /// The same without the densities, which are neither read nor checked.
    pub(super) fn read_head(path: &Path, kind: Kind) -> Result<Option<Self>> {
        Self::read_file(path, kind, false)
    }

    fn read_file(path: &Path, kind: Kind, densities: bool) -> Result<Option<Self>> {
        let Some((file, length)) = files::open_to_read(path)? else { return Ok(None) };
        Self::read_from(file, length, kind, densities).map(Some).map_err(|error| error.context(path.display()))
    }

    fn read_from(mut file: File, length: u64, kind: Kind, densities: bool) -> Result<Self> {
        let mut header = [0; HEADER];
        fill(&mut file, &mut header, length)?;
        let word = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        let half = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
        if header[..8] != MAGIC {
            return Err(corrupt("it does not begin as a file of a job folder: it is damaged or somebody else's"));
        }
        if half(8) != VERSION {
            return Err(version(format!(
                "it has format {}, this build reads {VERSION}: use one version of the library for all who share a folder",
                half(8)
            )));
        }
        let (metadata_bytes, densities_bytes) = (word(16), word(24));
        if metadata_bytes > METADATA_MAX || densities_bytes > DENSITIES_MAX || densities_bytes % 4 != 0 {
            return Err(corrupt(format!(
                "it claims {metadata_bytes} bytes of metadata and {densities_bytes} of densities, {METADATA_MAX} and {DENSITIES_MAX} are the most: it is damaged"
            )));
        }
        let start = start_of_densities(metadata_bytes as usize);
        let expected = start as u64 + densities_bytes;
        if length != expected {
            return Err(corrupt(format!("it is {length} bytes long, its header says {expected}: it is damaged")));
        }
        let mut metadata = vec![0; start - HEADER];
        fill(&mut file, &mut metadata, length)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..60]), &metadata);
        if crc != half(60) {
            return Err(corrupt("the checksum of its header and metadata does not fit: it is damaged"));
        }
        metadata.truncate(metadata_bytes as usize);
        let mut bytes = vec![0; if densities { densities_bytes as usize } else { 0 }];
        fill(&mut file, &mut bytes, length)?;
        if densities && crc32c::crc32c(&bytes) != half(56) {
            return Err(corrupt("the checksum of its densities does not fit: it is damaged"));
        }
        if half(12) != kind as u32 {
            return Err(corrupt(format!("it is of kind {}, {} was expected: it is misplaced", half(12), kind as u32)));
        }
        let value = |four: &[u8]| f32::from_le_bytes(four.try_into().expect("four bytes"));
        let densities = bytes.chunks_exact(4).map(value).collect();
        Ok(Self { kind, job: word(32), attempt: word(40), number: word(48), metadata, densities })
    }
}

pub(super) fn start_of_densities(metadata: usize) -> usize {
    (HEADER + metadata).next_multiple_of(64)
}

/// Reads exactly as much as `bytes` takes.
fn fill(file: &mut File, bytes: &mut [u8], length: u64) -> Result<()> {
    file.read_exact(bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            corrupt(format!("it is cut short at {length} bytes: it is damaged, or still being written"))
        }
        _ => unreadable(&error),
    })
}

fn unreadable(error: &std::io::Error) -> Error {
    io(format!("cannot read it: {error}"))
}
