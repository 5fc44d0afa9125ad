//! Reading a log: segments in order, their records checked, entries handed out one by one.
//!
//! A stream through one large buffer: nothing is mapped, and of a record that claims to be longer than its file nothing
//! is had. Not here: what is done about an end that is torn ([`super::recover`]).

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::segment::{HEADER, PAYLOAD_MAX, RECORD, RecordHeader, SegmentHeader};
use crate::error::{Error, Result, argument, corrupt, io};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// An entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place in the log, from 1 without gaps.
    pub sequence: u64,
    /// What it is, as its writer numbered it.
    pub kind: u16,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// A segment that is there: its name, and what its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) header: SegmentHeader,
}

/// Entries of a log from a sequence on, in order.
pub struct Records {
    /// Those that are still to be read; the first is being read.
    segments: std::vec::IntoIter<(Found, Bound)>,
    reader: Option<SegmentReader>,
    from: u64,
    record: Option<Whole>,
    /// The first error is the last answer but one: nothing is read past it.
    failed: Option<Error>,
}

/// How far a segment is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    /// As far as its records are good.
    Torn,
    /// Up to this sequence, which is not wanted any more; behind it may lie what a fenced writer wrote too late.
    Before(u64),
    /// Up to this sequence, and nothing may follow.
    Exactly(u64),
}

impl Bound {
    fn end(self) -> u64 {
        match self {
            Bound::Torn => u64::MAX,
            Bound::Before(end) | Bound::Exactly(end) => end,
        }
    }
}

/// A record in the reader's buffer that was checked.
struct Whole {
    header: RecordHeader,
    payload: Range<usize>,
    entry: u16,
}

impl Records {
    /// Over `segments`, up to `last`, the last sequence that the log has.
    pub(super) fn new(segments: &[Found], from: u64, last: u64) -> Result<Self> {
        if from == 0 || from > last + 1 {
            return Err(argument(format!("entries from {from} on: the log has 1 to {last}")));
        }
        let bound = |at: usize, found: &Found| match segments.get(at + 1) {
            Some(next) if next.header.epoch == found.header.epoch => Bound::Exactly(next.header.first),
            Some(next) => Bound::Before(next.header.first),
            None => Bound::Before(last + 1),
        };
        let bounded = segments.iter().enumerate().map(|(at, found)| (found.clone(), bound(at, found)));
        let wanted: Vec<_> = bounded.filter(|(_, bound)| bound.end() > from).collect();
        Ok(Self { segments: wanted.into_iter(), reader: None, from, record: None, failed: None })
    }

    /// The next entry; none after the last one.
    ///
    /// # Errors
    /// `Corrupt` with file and offset where the log is damaged, `Io` if it cannot be read; from then on each call says so.
    // An iterator could not lend what lies in its buffer.
    #[allow(clippy::should_implement_trait, reason = "it lends")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if let Err(error) = self.advance() {
            self.failed = Some(error.clone());
            return Err(error);
        }
        let (Some(reader), Some(whole)) = (&self.reader, &self.record) else { return Ok(None) };
        let size = whole.payload.len() / usize::from(whole.header.entries);
        let start = whole.payload.start + usize::from(whole.entry) * size;
        let sequence = whole.header.sequence + u64::from(whole.entry);
        Ok(Some(Record { sequence, kind: whole.header.kind, payload: &reader.buffer[start..start + size] }))
    }

    /// Goes to the next entry at or after `from`.
    fn advance(&mut self) -> Result<()> {
        if let Some(whole) = &mut self.record {
            whole.entry += 1;
            if whole.entry < whole.header.entries {
                return Ok(());
            }
            self.record = None;
        }
        loop {
            let Some(reader) = &mut self.reader else {
                let Some((found, bound)) = self.segments.next() else { return Ok(()) };
                self.reader = Some(SegmentReader::open(&found, bound)?);
                continue;
            };
            match reader.next()? {
                Ok(Some((header, payload))) => {
                    let behind = header.sequence + u64::from(header.entries);
                    if behind > self.from {
                        let entry = self.from.saturating_sub(header.sequence) as u16;
                        self.record = Some(Whole { header, payload, entry });
                        return Ok(());
                    }
                }
                Ok(None) => self.reader = None,
                Err(Bad { offset, why }) => {
                    return Err(corrupt(format!(
                        "{} is damaged at byte {offset}, where entry {} begins: {why}; what follows cannot be trusted, take the \
                         file from a copy",
                        reader.path.display(),
                        reader.next
                    )));
                }
            }
        }
    }
}

/// The first record that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad {
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) why: String,
}

/// Reads one segment, record by record.
pub(super) struct SegmentReader {
    path: PathBuf,
    file: File,
    seed: u32,
    /// The sequence that the next record has to begin with.
    next: u64,
    bound: Bound,
    buffer: Vec<u8>,
    /// What of the buffer was not read yet, and where in the file it begins.
    ready: Range<usize>,
    offset: u64,
    /// Bytes of the file, as it was opened: what is written later is not read.
    length: u64,
}

impl SegmentReader {
    /// Opens a segment and goes to its first record.
    pub(super) fn open(found: &Found, bound: Bound) -> Result<Self> {
        let (file, length, header, seed) = open(&found.path)?;
        if header != found.header {
            return Err(corrupt(format!("{} was exchanged while it was read", found.path.display())));
        }
        Ok(Self {
            path: found.path.clone(),
            file,
            seed,
            next: header.first,
            bound,
            buffer: vec![0; BUFFER],
            ready: 0..0,
            offset: HEADER as u64,
            length,
        })
    }

    /// The sequence behind the last record that was read.
    pub(super) fn behind(&self) -> u64 {
        self.next
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The next record and where its payload is in the buffer; none at the end, or the first that is bad.
    #[allow(clippy::type_complexity, reason = "an error of the disk is not one of the bytes")]
    pub(super) fn next(&mut self) -> Result<Result<Option<(RecordHeader, Range<usize>)>, Bad>> {
        let left = self.length - self.offset;
        let bad = |offset: u64, why: String| Ok(Err(Bad { offset, why }));
        if self.next >= self.bound.end() {
            return match self.bound {
                Bound::Exactly(_) if left > 0 => bad(self.offset, format!("{left} bytes follow its last record")),
                _ => Ok(Ok(None)),
            };
        }
        if left < RECORD as u64 {
            let why = match left {
                // The last segment may end anywhere; another one has to go as far as the next begins.
                0 if matches!(self.bound, Bound::Torn) => return Ok(Ok(None)),
                0 => format!("it ends before entry {}", self.next),
                _ => format!("{left} bytes are left, a record has {RECORD} and more"),
            };
            return bad(self.offset, why);
        }
        self.fill(RECORD)?;
        let at = self.ready.start;
        let header = RecordHeader::view(self.buffer[at..at + RECORD].try_into().expect("as many bytes as were filled"));
        let size = RECORD + header.length as usize;
        if size as u64 > left || header.length as usize > PAYLOAD_MAX {
            return bad(self.offset, format!("a record claims {} bytes, {left} are left", header.length));
        }
        self.fill(size)?;
        let record = self.ready.start..self.ready.start + size;
        let checksum = crc32c::crc32c_append(self.seed, &self.buffer[record.start + 4..record.end]);
        if checksum != header.checksum {
            return bad(self.offset, "a record's checksum is wrong".into());
        }
        let uneven = header.entries == 0 || !(header.length as usize).is_multiple_of(usize::from(header.entries));
        let behind = header.sequence.saturating_add(header.entries.into());
        if header.sequence != self.next || uneven || behind > self.bound.end() {
            let RecordHeader { sequence, entries, length, .. } = header;
            let what = format!("a record of {entries} entries from {sequence} on in {length} bytes");
            return bad(self.offset, format!("{what}, where entry {} is expected", self.next));
        }
        self.next = behind;
        self.ready.start = record.end;
        self.offset += size as u64;
        Ok(Ok(Some((header, record.start + RECORD..record.end))))
    }

    /// Has `size` bytes ready, which the file has.
    fn fill(&mut self, size: usize) -> Result<()> {
        if self.ready.len() >= size {
            return Ok(());
        }
        self.buffer.copy_within(self.ready.clone(), 0);
        self.ready = 0..self.ready.len();
        if self.buffer.len() < size {
            self.buffer.resize(size, 0);
        }
        while self.ready.len() < size {
            // Never past what the file had: its end is where the last record's is.
            let left = self.length - self.offset - self.ready.len() as u64;
            let room = self.buffer.len() - self.ready.end;
            let most = room.min(usize::try_from(left).unwrap_or(room));
            match self.file.read(&mut self.buffer[self.ready.end..self.ready.end + most]) {
                Ok(0) => return Err(io(format!("{} became shorter while it was read", self.path.display()))),
                Ok(read) => self.ready.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io(format!("cannot read {}: {error}", self.path.display()))),
            }
        }
        Ok(())
    }
}

/// Opens a segment and reads its header: the file behind it, its length, what the header says, and the records' seed.
pub(super) fn open(path: &Path) -> Result<(File, u64, SegmentHeader, u32)> {
    let failed = |error: std::io::Error| io(format!("cannot read {}: {error}", path.display()));
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length < HEADER as u64 {
        return Err(corrupt(format!("{} has {length} bytes, its header alone has {HEADER}", path.display())));
    }
    let mut bytes = [0; HEADER];
    file.read_exact(&mut bytes).map_err(failed)?;
    let (header, seed) = SegmentHeader::view(&path.display().to_string(), &bytes)?;
    Ok((file, length, header, seed))
}
