//! A segment of the log: a header of 64 bytes, then records. All numbers are little-endian.
//!
//! ```text
//! segment  0 magic "pstrmlog" | 8 format u32 | 12 header's length u32 | 16 run u128 | 32 epoch u64 | 40 number u64
//!          48 first sequence u64 | 56 zero u32 | 60 CRC32C of bytes 0 .. 60
//! record   0 CRC32C | 4 payload's length u32 | 8 sequence of its first entry u64 | 16 kind u16 | 18 entries u16 | 20 payload
//! ```
//! A record's checksum goes on from that of its segment's header, over everything behind itself: so a record of another
//! segment or run never passes, nor do zeroes. Its payload is one or more entries of one length.
//! Not here: writing ([`super::log`]), reading a whole log ([`super::read`]).

use super::bytes::{Packer, Viewer};
use super::{FORMAT, Run};
use crate::error::{Result, corrupt, version};

/// Bytes of a segment's header.
pub(super) const HEADER: usize = 64;
/// Bytes of a record's header.
pub(super) const RECORD: usize = 20;
/// The largest payload of a record, in bytes.
pub const PAYLOAD_MAX: usize = 256 << 20;

const MAGIC: &[u8; 8] = b"pstrmlog";

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) run: Run,
    /// Which of the run's writers wrote it, from 1.
    pub(super) epoch: u64,
    /// Its place among the segments, from 1, which its name tells too.
    pub(super) number: u64,
    /// The sequence of its first entry.
    pub(super) first: u64,
}

impl SegmentHeader {
    pub(super) fn pack(&self) -> [u8; HEADER] {
        let mut packer = Packer::with_capacity(HEADER);
        packer.u8s(MAGIC).u32(FORMAT).u32(HEADER as u32).u128(self.run.0);
        packer.u64(self.epoch).u64(self.number).u64(self.first).u32(0);
        packer.u32(crc32c::crc32c(packer.bytes()));
        packer.into_bytes().try_into().expect("as long as the layout says")
    }

    /// Reads a header and says what its records' checksums go on from. `name` is for the messages.
    pub(super) fn view(name: &str, bytes: &[u8; HEADER]) -> Result<(Self, u32)> {
        if &bytes[..8] != MAGIC {
            return Err(corrupt(format!("{name} is no segment of a log: it does not begin with \"pstrmlog\"")));
        }
        let mut viewer = Viewer::new(name, &bytes[8..]);
        let (format, _) = (viewer.u32()?, viewer.u32()?);
        let checksum = crc32c::crc32c(&bytes[..HEADER - 4]);
        let (run, epoch, number) = (Run(viewer.u128()?), viewer.u64()?, viewer.u64()?);
        let (first, _, stated) = (viewer.u64()?, viewer.u32()?, viewer.u32()?);
        if checksum != stated {
            return Err(corrupt(format!("the header of {name} is damaged: its checksum is wrong")));
        }
        check_format(name, format)?;
        Ok((Self { run, epoch, number, first }, stated))
    }
}

/// What a record's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) checksum: u32,
    pub(super) length: u32,
    pub(super) sequence: u64,
    pub(super) kind: u16,
    pub(super) entries: u16,
}

impl RecordHeader {
    pub(super) fn view(bytes: &[u8; RECORD]) -> Self {
        let [a, b, c, d, ..] = *bytes;
        let sequence = bytes[8..16].try_into().expect("eight bytes");
        Self {
            checksum: u32::from_le_bytes([a, b, c, d]),
            length: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            sequence: u64::from_le_bytes(sequence),
            kind: u16::from_le_bytes([bytes[16], bytes[17]]),
            entries: u16::from_le_bytes([bytes[18], bytes[19]]),
        }
    }
}

/// Completes a record whose payload stands behind room for its header: `seed` is the checksum of the segment's header.
pub(super) fn seal(record: &mut [u8], seed: u32, sequence: u64, kind: u16, entries: u16) {
    let length = (record.len() - RECORD) as u32;
    record[4..8].copy_from_slice(&length.to_le_bytes());
    record[8..16].copy_from_slice(&sequence.to_le_bytes());
    record[16..18].copy_from_slice(&kind.to_le_bytes());
    record[18..20].copy_from_slice(&entries.to_le_bytes());
    let checksum = crc32c::crc32c_append(seed, &record[4..]);
    record[..4].copy_from_slice(&checksum.to_le_bytes());
}

/// Whether this build reads a format.
pub(super) fn check_format(name: &str, format: u32) -> Result<()> {
    if format == FORMAT {
        return Ok(());
    }
    let advice = if format > FORMAT { "read it with a newer patchstream" } else { "no release wrote it" };
    Err(version(format!("{name} has format {format}, this build reads {FORMAT}: {advice}")))
}
