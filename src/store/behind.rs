//! What lies behind the place where the end of a log is cut off: after a kill nothing that is a record; where whole records
//! follow the file was damaged, or a power cut took a part of what nobody had synced.
//!
//! For people who have to decide what to do about a run; whoever goes on with one cuts off all the same.
//! Not here: finding the place ([`super::recover`]).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::read;
use super::recover::{Cut, Recovered};
use super::segment::{HEADER, RECORD, RecordHeader};
use crate::error::{Result, io};

/// Bytes behind a cut that are looked at: more than a segment and the longest record.
const LOOK_BYTES: u64 = 1 << 30;

/// Whole records behind a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Where in the file the first of them begins.
    pub offset: u64,
    /// The first entry in them.
    pub first: u64,
    /// The last entry in them.
    pub last: u64,
}

impl Recovered {
    /// Whole records behind a cut of this run; none if there are none, as after a kill.
    ///
    /// # Errors
    /// `Io` if the file cannot be read.
    pub fn behind(&self, cut: &Cut) -> Result<Option<Behind>> {
        if cut.offset < HEADER as u64 {
            return Ok(None);
        }
        let failed = |error: std::io::Error| io(format!("cannot read {}: {error}", cut.file.display()));
        let (_, _, _, seed) = read::open(&cut.file)?;
        let mut file = File::open(&cut.file).map_err(failed)?;
        file.seek(SeekFrom::Start(cut.offset)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(LOOK_BYTES).read_to_end(&mut bytes).map_err(failed)?;
        let mut found: Option<Behind> = None;
        let mut at = 0;
        while at < bytes.len() {
            let expected = found.map_or(self.last + 1, |found| found.last + 1);
            match record(&bytes[at..], seed, expected) {
                Some((header, size)) if found.is_none_or(|found| header.sequence == found.last + 1) => {
                    let last = header.sequence + u64::from(header.entries) - 1;
                    let (offset, first) = (cut.offset + at as u64, header.sequence);
                    found = Some(found.map_or(Behind { offset, first, last }, |found| Behind { last, ..found }));
                    at += size;
                }
                _ if found.is_some() => break,
                _ => at += 1,
            }
        }
        Ok(found)
    }
}

/// The record that `bytes` begin with, if it is whole and may come after `expected`, and its size.
fn record(bytes: &[u8], seed: u32, expected: u64) -> Option<(RecordHeader, usize)> {
    let header = RecordHeader::view(bytes.first_chunk::<RECORD>()?);
    let size = RECORD + header.length as usize;
    // Looked at before its checksum is: almost no place is worth one.
    let plausible =
        header.entries > 0 && header.sequence >= expected && header.sequence - expected <= bytes.len() as u64;
    let whole =
        plausible && (header.length as usize).is_multiple_of(usize::from(header.entries)) && size <= bytes.len();
    (whole && crc32c::crc32c_append(seed, &bytes[4..size]) == header.checksum).then_some((header, size))
}
