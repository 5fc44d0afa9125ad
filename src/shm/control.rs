//! A segment's first page: what it says of itself, and how that is checked before any of it is used.
//!
//! Little-endian, at these offsets:
//! ```text
//!    0 u64 magic, written last     8 u32 version    12 u32 layout hash    16 u64 epoch     24 u64 bytes of the segment
//!   32 u64 nonce                  40 u32 owner pid  44 u32 owner uid      48 u64 start     56 u128 boot id
//!   72 u32 kind                   76 u32 number of parts
//!   80 a table of parts, 24 bytes each: u64 offset, u64 bytes, u32 kind, u32 zero
//! 2044 u32 CRC32C of the bytes from 8 to here
//! 2048 u32 state, alone on its line: 0 being made, 1 alive, 2 closed, 3 taken over
//! ```
//! Not here: the rings inside, which describe themselves ([`crate::ring`]).

use super::owner::Owner;
use crate::error::{Result, argument, corrupt, state, version};
use crate::ring::{Geometry, LAYOUT_HASH};

/// Bytes of the control page; the page of statistics follows.
pub(super) const CONTROL_BYTES: usize = 4096;
/// Where the parts begin.
pub(super) const PARTS_AT: usize = 2 * CONTROL_BYTES;
/// Bytes that are described by the checksum, and the checksum.
pub(super) const DESCRIPTION_BYTES: usize = 2048;
/// Where the state is.
pub(super) const STATE_AT: usize = DESCRIPTION_BYTES;
/// "PSSHM" and a format.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"PSSHM\0\0\x01");
/// The version of this page.
const VERSION: u32 = 1;
/// The most parts of a segment.
const PARTS_MAX: usize = 80;
/// The most bytes of a segment: 1 TiB.
const BYTES_MAX: u64 = 1 << 40;

/// The states. Any other number is a page that was overwritten.
pub(super) const ALIVE: u32 = 1;
pub(super) const CLOSED: u32 = 2;
pub(super) const TAKEN_OVER: u32 = 3;

/// A part that a new segment is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartSpec {
    /// A ring of records, made empty.
    Ring(Geometry),
    /// Zeroed bytes, for a [`TypedRing`](crate::ring::TypedRing) for example.
    Bytes(usize),
}

/// A part of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where it begins, a multiple of 4096.
    pub(super) offset: usize,
    /// Its size in bytes.
    pub bytes: usize,
    /// Whether it is a ring of records.
    pub is_ring: bool,
}

/// A control page, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) epoch: u64,
    pub(super) bytes: usize,
    pub(super) nonce: u64,
    pub(super) owner: Owner,
    pub(super) kind: u32,
    pub(super) parts: Vec<Part>,
}

impl Description {
    /// Lays out a new segment.
    pub(super) fn plan(specs: &[PartSpec], kind: u32, epoch: u64, nonce: u64, owner: Owner) -> Result<Self> {
        if specs.len() > PARTS_MAX {
            return Err(argument(format!("a segment of {} parts: {PARTS_MAX} are the most", specs.len())));
        }
        let mut parts = Vec::with_capacity(specs.len());
        let mut end = PARTS_AT as u64;
        for spec in specs {
            let (bytes, is_ring) = match spec {
                PartSpec::Ring(geometry) => (geometry.bytes(), true),
                PartSpec::Bytes(bytes) => (*bytes, false),
            };
            let offset = end as usize;
            end = end.saturating_add(bytes as u64).saturating_add(4095) & !4095;
            if bytes == 0 || end > BYTES_MAX {
                return Err(argument(format!("a part of {bytes} bytes in a segment of {end}: give 1 byte to 1 TiB")));
            }
            parts.push(Part { offset, bytes, is_ring });
        }
        Ok(Self { epoch, bytes: end as usize, nonce, owner, kind, parts })
    }

    /// The page's described bytes, but for the magic.
    pub(super) fn pack(&self) -> [u8; DESCRIPTION_BYTES] {
        let mut page = [0; DESCRIPTION_BYTES];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(8, &VERSION.to_le_bytes());
        put(12, &LAYOUT_HASH.to_le_bytes());
        put(16, &self.epoch.to_le_bytes());
        put(24, &(self.bytes as u64).to_le_bytes());
        put(32, &self.nonce.to_le_bytes());
        put(40, &self.owner.pid.to_le_bytes());
        put(44, &self.owner.uid.to_le_bytes());
        put(48, &self.owner.start_ticks.to_le_bytes());
        put(56, &self.owner.boot_id.to_le_bytes());
        put(72, &self.kind.to_le_bytes());
        put(76, &(self.parts.len() as u32).to_le_bytes());
        for (number, part) in self.parts.iter().enumerate() {
            let at = 80 + 24 * number;
            put(at, &(part.offset as u64).to_le_bytes());
            put(at + 8, &(part.bytes as u64).to_le_bytes());
            put(at + 16, &u32::from(part.is_ring).to_le_bytes());
        }
        let crc = crc32c::crc32c(&page[8..DESCRIPTION_BYTES - 4]);
        page[DESCRIPTION_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        page
    }

    /// Reads a private copy of a page of the segment `label`, which is a file of `file_bytes` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) while it is being made,
    /// [`ErrorKind::Version`](crate::error::ErrorKind::Version),
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt).
    pub(super) fn unpack(page: &[u8; DESCRIPTION_BYTES], file_bytes: u64, label: &str) -> Result<Self> {
        let magic = word(page, 0);
        let (version_read, layout) = (half(page, 8), half(page, 12));
        if magic == 0 {
            return Err(state(format!("segment {label} is still being made: try again")));
        }
        let of_this_build = magic == MAGIC && version_read == VERSION && layout == LAYOUT_HASH;
        let sound = half(page, DESCRIPTION_BYTES - 4) == crc32c::crc32c(&page[8..DESCRIPTION_BYTES - 4]);
        let broken = |why: &str| corrupt(format!("segment {label} is overwritten ({why}): close it on both sides"));
        // A foreign format may have its checksum elsewhere, so what is not of ours and does not add up is the former.
        if !of_this_build && (sound || magic != MAGIC) {
            return Err(version(format!(
                "segment {label} has magic {magic:#x}, format {version_read} and layout {layout:#x}, this build reads {MAGIC:#x}, {VERSION} and {LAYOUT_HASH:#x}: build both sides with one version, or remove it"
            )));
        }
        if !sound {
            return Err(broken("its checksum differs"));
        }
        let bytes = word(page, 24);
        if bytes != file_bytes {
            return Err(corrupt(format!(
                "segment {label} is a file of {file_bytes} bytes and says {bytes}: somebody truncated it, close it on both sides"
            )));
        }
        let mut parts = Vec::new();
        let count = half(page, 76) as usize;
        if count > PARTS_MAX || bytes > BYTES_MAX {
            return Err(broken("its table of parts"));
        }
        for at in (0..count).map(|number| 80 + 24 * number) {
            let (offset, part_bytes, kind) = (word(page, at), word(page, at + 8), half(page, at + 16));
            let end = offset.checked_add(part_bytes);
            if offset < PARTS_AT as u64 || offset % 4096 != 0 || end.is_none_or(|end| end > bytes) || kind > 1 {
                return Err(broken("its table of parts"));
            }
            parts.push(Part { offset: offset as usize, bytes: part_bytes as usize, is_ring: kind == 1 });
        }
        let owner = Owner {
            pid: half(page, 40),
            uid: half(page, 44),
            start_ticks: word(page, 48),
            boot_id: u128::from(word(page, 56)) | u128::from(word(page, 64)) << 64,
        };
        let (epoch, nonce, kind) = (word(page, 16), word(page, 32), half(page, 72));
        Ok(Self { epoch, bytes: bytes as usize, nonce, owner, kind, parts })
    }
}

fn word(page: &[u8; DESCRIPTION_BYTES], at: usize) -> u64 {
    u64::from(half(page, at)) | u64::from(half(page, at + 4)) << 32
}

fn half(page: &[u8; DESCRIPTION_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]])
}
