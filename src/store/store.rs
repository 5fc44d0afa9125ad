//! The one writer of a run: creates it or goes on with it, appends to its log, writes its checkpoints.
//!
//! Not here: reading ([`super::recover`], [`super::read`]).

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::checkpoint::{self, PendingCheckpoint, Sections};
use super::disk::{Disk, usual};
use super::epoch::Epoch;
use super::folder::{Description, Folder, Paths, look};
use super::log::{Begin, Log};
use super::recover::{Recovered, cut_off, scan};
use super::{Durability, Options};
use crate::error::{ErrorKind, Result, busy, forked, io, state};
use crate::shm::{LockFile, OWNER};

/// A run that is open for writing. Closing it writes what is left; dropping it tries to.
pub struct Store {
    disk: Arc<dyn Disk>,
    paths: Paths,
    description: Description,
    log: Log,
    slots: Arc<Slots>,
    /// Held as long as this lives.
    lock: Lock,
}

/// The serials of the two checkpoints; 0 for none, or one that is of no use.
pub(super) struct Slots(Mutex<[u64; 2]>);

impl Slots {
    /// The slot that the next checkpoint goes to.
    pub(super) fn older(&self) -> usize {
        let serials = self.0.lock();
        usize::from(serials[1] < serials[0])
    }

    /// Says that the checkpoint `serial` is in that slot.
    pub(super) fn written(&self, serial: u64) {
        let older = self.older();
        self.0.lock()[older] = serial;
    }

    fn newest(&self) -> u64 {
        let serials = self.0.lock();
        serials[0].max(serials[1])
    }
}

impl Store {
    /// Creates a run in a new or empty folder; `options_text` goes into its `run.toml`, which is there before all else.
    ///
    /// # Errors
    /// `State` for a folder that holds a run, or anything else; `Busy` while another process creates one there; `Io`.
    pub fn create(path: &Path, options_text: &str, options: &Options) -> Result<Self> {
        Self::create_on(usual(), path, options_text, options)
    }

    /// Goes on with a run, after whatever end it had: takes its lock, fences whoever may still write it, cuts off what a
    /// write in flight left at its end, and says what there is.
    ///
    /// # Errors
    /// `State` for a folder that is no run; `Busy` if a process of this machine writes it; as [`super::read()`] otherwise.
    pub fn open(path: &Path, options: &Options) -> Result<(Self, Recovered)> {
        Self::open_on(usual(), path, options)
    }

    pub(super) fn create_on(disk: Arc<dyn Disk>, path: &Path, options_text: &str, options: &Options) -> Result<Self> {
        options.check()?;
        let failed = |error: std::io::Error| {
            io(format!("cannot create {}: {error}: choose a place that can be written", path.display()))
        };
        if let Folder::Run(_) = look(path)? {
            return Err(used(path));
        }
        std::fs::create_dir_all(path).map_err(failed)?;
        let paths = Paths { root: path.into() };
        let lock = Lock::take(&paths)?;
        // Another process may have been quicker before the lock was this one's.
        if let Folder::Run(_) = look(path)? {
            return Err(used(path));
        }
        let description = Description::new(options_text);
        description.write(&*disk, path)?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            disk.sync_folder(parent).map_err(failed)?;
        }
        folders(&*disk, &paths)?;
        let epoch = Epoch::claim(&*disk, &paths, 0)?;
        let begin = Begin { options: options.clone(), number: 1, last: 0 };
        let log = Log::begin(Arc::clone(&disk), paths.clone(), description.run, epoch, begin)?;
        Ok(Self { disk, paths, description, log, slots: Arc::new(Slots(Mutex::new([0; 2]))), lock })
    }

    pub(super) fn open_on(disk: Arc<dyn Disk>, path: &Path, options: &Options) -> Result<(Self, Recovered)> {
        options.check()?;
        let paths = Paths { root: path.into() };
        if look(path)? == Folder::New {
            return Err(state(format!("{} is no run: it has no run.toml, so create one there", path.display())));
        }
        let lock = Lock::take(&paths)?;
        let Folder::Run(description) = look(path)? else {
            return Err(state(format!("{} was removed meanwhile", path.display())));
        };
        folders(&*disk, &paths)?;
        // Nothing that a damaged run holds is touched, nor its epoch used up.
        scan(&paths, description.clone())?;
        let mut epoch = Epoch::claim(&*disk, &paths, 0)?;
        // Read after the claim: whoever wrote later than this finds out that he is fenced.
        let mut recovered = scan(&paths, description.clone())?;
        if recovered.segments.last().is_some_and(|found| found.header.epoch >= epoch.number) {
            // The claims were lost, the log knows better.
            epoch = Epoch::claim(&*disk, &paths, recovered.epoch)?;
            recovered = scan(&paths, description.clone())?;
        }
        recovered.epoch = epoch.number - 1;
        checkpoint::remove_unfinished(&*disk, &paths, epoch.number);
        for cut in &recovered.cut {
            cut_off(&*disk, &paths, cut)?;
        }
        // The last writer may have left its entries in the memory of the operating system.
        let held = recovered.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence);
        let ends = recovered.segments.iter().skip(1).map(|next| next.header.first).chain([recovered.last + 1]);
        for (found, end) in recovered.segments.iter().zip(ends).filter(|(_, end)| *end > held + 1) {
            let synced = disk.open(&found.path).and_then(|file| file.sync());
            synced.map_err(|error| {
                io(format!("{} could not be synced before entry {end}: {error}", found.path.display()))
            })?;
        }
        let number = recovered.segments.len() as u64 + 1;
        let begin = Begin { options: options.clone(), number, last: recovered.last };
        let log = Log::begin(Arc::clone(&disk), paths.clone(), description.run, epoch, begin)?;
        let slots = Arc::new(Slots(Mutex::new(recovered.slots)));
        Ok((Self { disk, paths, description, log, slots, lock }, recovered))
    }

    /// What the run is.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Which of the run's writers this is, from 1.
    pub fn epoch(&self) -> u64 {
        self.log.epoch().number
    }

    /// Appends an entry and returns its sequence: from 1, without gaps. It is acknowledged after the next
    /// [`commit`](Self::commit).
    ///
    /// # Errors
    /// `Argument` for more than [`super::PAYLOAD_MAX`] bytes; `Io` and `Fenced` as [`check`](Self::check) has them from then on.
    #[inline]
    pub fn append(&mut self, kind: u16, payload: &[u8]) -> Result<u64> {
        self.lock.check()?;
        self.log.append(kind, payload)
    }

    /// Brings what was appended as far as the durability says; then it is acknowledged.
    ///
    /// # Errors
    /// As [`check`](Self::check) has them from then on.
    pub fn commit(&mut self) -> Result<()> {
        match self.log.options().durability {
            Durability::None => self.check(),
            Durability::Buffered => self.flush(),
            Durability::Batch | Durability::Record if self.durable() == self.appended() => self.check(),
            Durability::Batch | Durability::Record => self.sync(),
        }
    }

    /// Gives everything that was appended to the operating system, in one write.
    ///
    /// # Errors
    /// As [`check`](Self::check) has them from then on.
    pub fn flush(&mut self) -> Result<()> {
        self.lock.check()?;
        self.log.flush()
    }

    /// Returns once everything that was appended would survive a power cut.
    ///
    /// # Errors
    /// As [`check`](Self::check) has them from then on.
    pub fn sync(&mut self) -> Result<()> {
        self.lock.check()?;
        self.log.sync()
    }

    /// Whether the run can be written. After a failed write or sync, or when another writer took over, it cannot, and each
    /// call says why; whoever can go on from memory may do so.
    ///
    /// # Errors
    /// `Io` or `Fenced` with the first failure; `Forked` in a child of the process that opened it.
    pub fn check(&self) -> Result<()> {
        self.lock.check()?;
        self.log.shared().check()
    }

    /// The last sequence that was appended; 0 for none.
    pub fn appended(&self) -> u64 {
        self.log.appended()
    }

    /// The last sequence that any end of this process leaves in the log.
    pub fn written(&self) -> u64 {
        self.log.written()
    }

    /// The last sequence that a power cut leaves in the log.
    pub fn durable(&self) -> u64 {
        self.log.durable()
    }

    /// The last sequence that is as safe as the durability says.
    pub fn acknowledged(&self) -> u64 {
        match self.log.options().durability {
            Durability::None => self.appended(),
            Durability::Buffered => self.written(),
            Durability::Batch | Durability::Record => self.durable(),
        }
    }

    /// Writes a checkpoint that holds everything appended so far; it is durable once this returns. Its sequence.
    ///
    /// # Errors
    /// As [`begin_checkpoint`](Self::begin_checkpoint) and [`PendingCheckpoint::write`].
    pub fn checkpoint(&mut self, sections: Sections) -> Result<u64> {
        self.begin_checkpoint(sections)?.write()
    }

    /// A checkpoint that holds everything appended so far, still to be written, on any thread: the log goes on meanwhile.
    ///
    /// # Errors
    /// `State` while another one is; as [`flush`](Self::flush).
    pub fn begin_checkpoint(&mut self, sections: Sections) -> Result<PendingCheckpoint> {
        self.flush()?;
        if Arc::strong_count(&self.slots) > 1 {
            return Err(state("a checkpoint is being written already: wait for it"));
        }
        Ok(PendingCheckpoint {
            disk: Arc::clone(&self.disk),
            paths: self.paths.clone(),
            run: self.description.run,
            epoch: self.log.epoch().clone(),
            dirty: self.log.dirty(),
            shared: Arc::clone(self.log.shared()),
            slots: Arc::clone(&self.slots),
            serial: self.slots.newest() + 1,
            sections,
        })
    }

    /// Writes what is left, as far as the durability says, and lets the run go.
    ///
    /// # Errors
    /// As [`check`](Self::check); the run is let go all the same.
    pub fn close(mut self) -> Result<()> {
        self.flush()?;
        self.commit()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Whoever wants to know closes it.
        let _ = self.flush();
    }
}

/// The process of this machine that writes a run at this moment, as far as locks tell.
///
/// # Errors
/// `Io` if the run's lock cannot be looked at.
pub fn writer(path: &Path) -> Result<Option<u32>> {
    let Some(file) = LockFile::at(&path.join("lock"), None, false)? else { return Ok(None) };
    Ok(file.holder(OWNER)?.map(|holder| holder.pid))
}

/// The run's lock, taken.
struct Lock {
    file: LockFile,
    held: bool,
}

impl Lock {
    fn take(paths: &Paths) -> Result<Self> {
        let path = paths.root.join("lock");
        let file = LockFile::at(&path, None, true);
        let file = file.map_err(|error| error.context(format!("{} cannot be written", paths.root.display())))?;
        let Some(file) = file else { return Err(io("a lock file that is not there")) };
        match file.hold(OWNER) {
            Ok(Ok(())) => Ok(Self { file, held: true }),
            Ok(Err(holder)) => Err(busy(format!(
                "{} is in use by process {}: a run has one writer, wait for its end",
                paths.root.display(),
                holder.pid
            ))),
            // The epochs alone have to do.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Self { file, held: false }),
            Err(error) => Err(error),
        }
    }

    #[inline]
    fn check(&self) -> Result<()> {
        if self.file.is_of_this_process() {
            return Ok(());
        }
        Err(forked("the run was opened before a fork, and this is the child: open it in one of the two only"))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.held {
            self.file.release(OWNER);
        }
    }
}

/// The folders of a run. Whoever was killed while creating it may not have come as far.
fn folders(disk: &dyn Disk, paths: &Paths) -> Result<()> {
    let failed = |error: std::io::Error| io(format!("cannot make the folders of {}: {error}", paths.root.display()));
    for folder in [paths.log(), paths.epochs()] {
        match std::fs::create_dir(&folder) {
            Ok(()) => disk.sync_folder(&paths.root).map_err(failed)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

fn used(path: &Path) -> crate::error::Error {
    state(format!("{} holds a run already: resume it, or name another folder", path.display()))
}
