//! How densities lie in a file: a page that says what it is, then places of one size.
//!
//! ```text
//! page   0 magic "pstrmdns" | 8 format u32 | 12 header's length u32 | 16 run u128 | 32 values of a patch u64
//!        40 bytes of a place u64 | 48 bytes of a value u32: 4 float32, 2 float16 | 52 zero u64 | 60 CRC32C of bytes 0 .. 60
//!        64 zeroes up to byte 4096
//! place  0 CRC32C | 4 zero u32 | 8 id u64 | 16 content u64 | 24 step i64 | 32 densities
//! ```
//! All numbers are little-endian. A place's checksum goes on from the page's, over everything behind itself: so a place of
//! another file never passes, and neither does one that is partly of one patch and partly of another, nor zeroes. The run of
//! a scratch file is 0. Not here: reading and writing ([`super::file`]).

use std::path::Path;

use super::Format;
use crate::error::{Result, corrupt, version};

/// Bytes before the first place.
pub(super) const PAGE: u64 = 4096;
/// Bytes of the page that say something.
pub(super) const HEADER: usize = 64;
/// Bytes of a place before its densities.
pub(super) const HEAD: usize = 32;

pub(super) const MAGIC: &[u8; 8] = b"pstrmdns";
/// The most values of a patch that a file may tell: those of the largest shape that there is.
const VALUES_MAX: u64 = 1 << 26;
/// The format of these files; a reader reads its own.
const FORMAT: u32 = 1;

/// Whose densities a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag {
    /// The patch, by its public id; not 0.
    pub id: u64,
    /// The hash of its content: a patch that was withdrawn may come again with another one.
    pub content: u64,
    /// Its step.
    pub step: i64,
}

/// What the page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) run: u128,
    /// Values of a patch.
    pub(super) values: u64,
    pub(super) format: Format,
}

impl Header {
    /// Bytes of a place.
    pub(super) fn place_bytes(&self) -> usize {
        HEAD + self.format.bytes(self.values as usize)
    }

    /// The page's first bytes, and its checksum.
    pub(super) fn pack(&self) -> ([u8; HEADER], u32) {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&(HEADER as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.run.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.values.to_le_bytes());
        bytes[40..48].copy_from_slice(&(self.place_bytes() as u64).to_le_bytes());
        bytes[48..52].copy_from_slice(&(self.format.bytes(1) as u32).to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..].copy_from_slice(&sum.to_le_bytes());
        (bytes, sum)
    }

    /// Reads the page's first bytes, as many as there are.
    ///
    /// # Errors
    /// `Corrupt` for bytes that are no page of ours, or a damaged one; `Version` for one of another format.
    pub(super) fn view(path: &Path, bytes: &[u8]) -> Result<Self> {
        let name = path.display();
        let advice = "put the file back; or move it away, and what it held counts as lost";
        if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) {
            return Err(corrupt(format!("{name} holds no densities, it does not begin with \"pstrmdns\": {advice}")));
        }
        let Some(bytes) = bytes.first_chunk::<HEADER>() else {
            let has = bytes.len();
            return Err(corrupt(format!("{name} was cut short: it has {has} bytes of its first {HEADER}: {advice}")));
        };
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let long = |at: usize| u64::from(number(at)) | u64::from(number(at + 4)) << 32;
        if crc32c::crc32c(&bytes[..HEADER - 4]) != number(HEADER - 4) {
            return Err(corrupt(format!("the header of {name} is damaged, its checksum is wrong: {advice}")));
        }
        if number(8) != FORMAT {
            return Err(version(format!(
                "{name} has format {}, this build reads {FORMAT}: go on with the patchstream that wrote it",
                number(8)
            )));
        }
        let format =
            [Format::Float32, Format::Float16].into_iter().find(|format| format.bytes(1) == number(48) as usize);
        let Some(format) = format.filter(|_| long(32) <= VALUES_MAX) else {
            return Err(corrupt(format!("{name} has {} values of {} bytes: {advice}", long(32), number(48))));
        };
        let header = Self { run: u128::from(long(16)) | u128::from(long(24)) << 64, values: long(32), format };
        if header.place_bytes() as u64 != long(40) {
            return Err(corrupt(format!("{name} has places of {} bytes for {} values: {advice}", long(40), long(32))));
        }
        Ok(header)
    }
}

/// Completes a place whose densities are there: `seed` is the page's checksum.
pub(super) fn seal(place: &mut [u8], seed: u32, tag: &Tag) {
    place[4..8].fill(0);
    place[8..16].copy_from_slice(&tag.id.to_le_bytes());
    place[16..24].copy_from_slice(&tag.content.to_le_bytes());
    place[24..32].copy_from_slice(&tag.step.to_le_bytes());
    let sum = crc32c::crc32c_append(seed, &place[4..]);
    place[..4].copy_from_slice(&sum.to_le_bytes());
}

/// What a place says of itself, whole or not; none if nobody was ever in it.
pub(super) fn tag(head: &[u8; HEAD]) -> Option<Tag> {
    let long = |at: usize| head[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let tag = Tag { id: long(8), content: long(16), step: long(24) as i64 };
    (tag.id != 0).then_some(tag)
}

/// Whether a place is whole.
pub(super) fn is_whole(place: &[u8], seed: u32) -> bool {
    place.first_chunk().is_some_and(|sum| u32::from_le_bytes(*sum) == crc32c::crc32c_append(seed, &place[4..]))
}
