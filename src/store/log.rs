//! Writing the log: entries go into a buffer that was had beforehand, and reach the disk as the durability says.
//!
//! Entries of one kind and length that follow each other without a write between share a record, and so its header and
//! its checksum; nobody who reads them sees that. After a failed write or sync nothing more is written, ever: what the
//! disk then holds is for the next reader to find out, not for this writer to guess.
//! Not here: the layout ([`super::segment`]), who may write ([`super::epoch`]).

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::disk::{Disk, DiskFile, write_all};
use super::epoch::Epoch;
use super::folder::{Paths, Run};
use super::segment::{HEADER, PAYLOAD_MAX, RECORD, SegmentHeader, seal};
use super::{Durability, Options};
use crate::error::{Error, Result, argument, io};
use crate::sync::{AtomicU64, Ordering};

/// Payload of a shared record, in bytes: as much as a kill in the middle of a write can cost at most.
const SHARED_MAX: usize = 64 << 10;
/// After so many bytes a writer that never syncs looks whether it is fenced.
const LOOK_BYTES: usize = 64 << 10;

/// What the log and a checkpoint that is being written elsewhere both know.
#[derive(Default)]
pub(super) struct Shared {
    /// The first failure, after which nothing is written.
    pub(super) failed: OnceLock<Error>,
    /// The last sequence that would survive a power cut.
    pub(super) durable: AtomicU64,
}

impl Shared {
    /// The first failure, as an error of each later call.
    pub(super) fn check(&self) -> Result<()> {
        self.failed.get().map_or(Ok(()), |error| {
            Err(Error::new(error.kind(), format!("this run is not written any more, since {}", error.message())))
        })
    }

    /// Keeps the first failure; the error for this call.
    pub(super) fn fail(&self, error: Error) -> Error {
        self.failed.get_or_init(|| error.clone());
        error
    }
}

/// A file of the log that may not be synced yet.
#[derive(Clone)]
struct Segment {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    /// The last sequence in it; for the current one, the last that was written.
    last: u64,
}

/// The record at the end of the buffer, which the next entry may join.
struct Open {
    at: usize,
    first: u64,
    kind: u16,
    length: usize,
    entries: u16,
}

/// Where a writer goes on.
pub(super) struct Begin {
    pub(super) options: Options,
    /// Of the segment that it begins.
    pub(super) number: u64,
    /// The last sequence that the log has; all of it is synced.
    pub(super) last: u64,
}

/// The end of a log.
pub(super) struct Log {
    disk: Arc<dyn Disk>,
    paths: Paths,
    run: Run,
    epoch: Epoch,
    options: Options,
    shared: Arc<Shared>,
    /// Segments before the current one that were not synced yet.
    earlier: Vec<Segment>,
    current: Segment,
    number: u64,
    seed: u32,
    /// Bytes of the current segment that were written.
    offset: u64,
    buffer: Vec<u8>,
    open: Option<Open>,
    /// The sequence of the next entry.
    next: u64,
    unlooked: usize,
}

impl Log {
    /// Begins a segment behind those that the log has.
    pub(super) fn begin(disk: Arc<dyn Disk>, paths: Paths, run: Run, epoch: Epoch, begin: Begin) -> Result<Self> {
        let Begin { options, number, last } = begin;
        let header = SegmentHeader { run, epoch: epoch.number, number, first: last + 1 };
        let (path, seed, file) = new_segment(&*disk, &paths, header)?;
        let shared = Arc::new(Shared::default());
        shared.durable.store(last, Ordering::Release);
        Ok(Self {
            disk,
            paths,
            run,
            epoch,
            shared,
            earlier: Vec::new(),
            current: Segment { path, file, last },
            number,
            seed,
            offset: HEADER as u64,
            buffer: Vec::with_capacity(options.buffer_bytes.max(4096)),
            options,
            open: None,
            next: last + 1,
            unlooked: 0,
        })
    }

    pub(super) fn append(&mut self, kind: u16, payload: &[u8]) -> Result<u64> {
        self.shared.check()?;
        if payload.len() > PAYLOAD_MAX {
            return Err(argument(format!(
                "a record of {} bytes: {PAYLOAD_MAX} are the most, write several",
                payload.len()
            )));
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let joins = self.open.as_ref().is_some_and(|open| {
            let long = self.buffer.len() - open.at - RECORD + payload.len() > SHARED_MAX;
            open.kind == kind
                && open.length == payload.len()
                && open.entries < u16::MAX
                && !long
                && payload.len() <= room
        });
        if !joins {
            self.seal();
            if self.buffer.len() + RECORD + payload.len() > self.buffer.capacity() {
                self.write_out()?;
            }
            if self.offset + self.buffer.len() as u64 >= self.options.segment_bytes {
                self.write_out()?;
                self.roll()?;
            }
            let open = Open { at: self.buffer.len(), first: self.next, kind, length: payload.len(), entries: 0 };
            self.buffer.extend_from_slice(&[0; RECORD]);
            self.open = Some(open);
        }
        self.buffer.extend_from_slice(payload);
        if let Some(open) = &mut self.open {
            open.entries += 1;
        }
        self.next += 1;
        if self.options.durability == Durability::Record {
            self.sync()?;
        }
        Ok(self.next - 1)
    }

    /// Gives everything to the operating system.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.shared.check()?;
        self.seal();
        self.write_out()
    }

    /// Returns once everything would survive a power cut.
    pub(super) fn sync(&mut self) -> Result<()> {
        self.flush()?;
        let segments = self.earlier.iter().chain([&self.current]);
        sync(segments, self.written(), &self.shared, &self.epoch)?;
        self.earlier.clear();
        self.unlooked = 0;
        Ok(())
    }

    /// The files that a sync has to reach, to be synced here or by whoever writes a checkpoint.
    pub(super) fn dirty(&mut self) -> Dirty {
        let durable = self.durable();
        self.earlier.retain(|segment| segment.last > durable);
        let segments = self.earlier.iter().chain([&self.current]).cloned().collect();
        Dirty { segments, last: self.written() }
    }

    /// What this writer and its checkpoints share.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    pub(super) fn appended(&self) -> u64 {
        self.next - 1
    }

    pub(super) fn written(&self) -> u64 {
        self.current.last
    }

    pub(super) fn durable(&self) -> u64 {
        self.shared.durable.load(Ordering::Acquire)
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Completes the record at the end of the buffer.
    fn seal(&mut self) {
        if let Some(open) = self.open.take() {
            seal(&mut self.buffer[open.at..], self.seed, open.first, open.kind, open.entries);
        }
    }

    /// One write of everything in the buffer, whose records are complete.
    fn write_out(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let Segment { path, file, .. } = &self.current;
        if let Err(error) = write_all(&**file, &self.buffer) {
            let (bytes, path) = (self.buffer.len(), path.display());
            let advice = match error.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "make room on the disk",
                _ => "look after the disk",
            };
            let what = format!(
                "{bytes} bytes could not be written to {path} at {}: {error}; {advice}, then open the run again",
                self.offset
            );
            return Err(self.shared.fail(io(what)));
        }
        self.offset += self.buffer.len() as u64;
        self.unlooked += self.buffer.len();
        self.buffer.clear();
        self.current.last = self.next - 1;
        if self.unlooked >= LOOK_BYTES {
            self.look()?;
        }
        Ok(())
    }

    /// Whether this is still the last writer; if not, nothing more is written.
    fn look(&mut self) -> Result<()> {
        self.unlooked = 0;
        self.epoch.check().map_err(|error| self.shared.fail(error))
    }

    /// Goes on in a new segment. The one before is synced first, or a power cut could leave a gap in the middle of the
    /// log, where only its end may be torn; without durability a gap is accepted.
    fn roll(&mut self) -> Result<()> {
        match self.options.durability {
            Durability::None => self.look()?,
            _ => self.sync()?,
        }
        let header =
            SegmentHeader { run: self.run, epoch: self.epoch.number, number: self.number + 1, first: self.next };
        let made = new_segment(&*self.disk, &self.paths, header);
        let (path, seed, file) = made.map_err(|error| {
            // A successor may have been quicker with this name.
            let error = self.epoch.check().err().unwrap_or(error);
            self.shared.fail(error)
        })?;
        let new = Segment { path, file, last: self.current.last };
        self.earlier.push(std::mem::replace(&mut self.current, new));
        (self.number, self.seed, self.offset) = (header.number, seed, HEADER as u64);
        Ok(())
    }
}

/// Files that are written and not synced.
pub(super) struct Dirty {
    segments: Vec<Segment>,
    /// The last sequence in them.
    pub(super) last: u64,
}

impl Dirty {
    /// Has the disk begin with what a sync would wait for.
    pub(super) fn write_ahead(&self, shared: &Shared) {
        let unsynced = shared.durable.load(Ordering::Acquire) < self.last;
        for Segment { file, .. } in self.segments.iter().filter(|_| unsynced) {
            file.write_ahead(0, i64::MAX as u64);
        }
    }

    /// Syncs them, as the log itself does.
    pub(super) fn sync(&self, shared: &Shared, epoch: &Epoch) -> Result<()> {
        shared.check()?;
        sync(self.segments.iter(), self.last, shared, epoch)
    }
}

/// Syncs segments, and calls what is in them durable if this is still the last writer: had another one read the log before,
/// it would not have seen all of it.
fn sync<'a>(segments: impl Iterator<Item = &'a Segment>, last: u64, shared: &Shared, epoch: &Epoch) -> Result<()> {
    let unsynced = shared.durable.load(Ordering::Acquire) < last;
    for Segment { path, file, .. } in segments.filter(|_| unsynced) {
        file.sync().map_err(|error| {
            let advice = "look after the disk, then open the run again";
            shared.fail(io(format!("{} could not be synced: {error}; {advice}", path.display())))
        })?;
    }
    epoch.check().map_err(|error| shared.fail(error))?;
    shared.durable.fetch_max(last, Ordering::AcqRel);
    Ok(())
}

/// Makes a segment whose header is durable before anything follows it: its path, seed and file.
fn new_segment(disk: &dyn Disk, paths: &Paths, header: SegmentHeader) -> Result<(PathBuf, u32, Arc<dyn DiskFile>)> {
    let path = paths.segment(header.number);
    let failed = |error: std::io::Error| {
        io(format!("cannot begin {}: {error}; make room on the disk, then open the run again", path.display()))
    };
    let bytes = header.pack();
    let file = disk.create(&path).map_err(failed)?;
    write_all(&*file, &bytes).map_err(failed)?;
    file.sync().map_err(failed)?;
    disk.sync_folder(&paths.log()).map_err(failed)?;
    let (_, seed) = SegmentHeader::view("a new header", &bytes)?;
    Ok((path, seed, file))
}
