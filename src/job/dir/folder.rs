//! A job folder: its layout, its options, and whether a path is one.
//!
//! ```text
//! PATH/patchstream            the folder's own file: the options that all who share it go by; made last
//! PATH/owner/N                epoch N of the owner, the highest counts
//! PATH/jobs/ORDER-ID.job      the line: job ID for whoever claims it, the lowest ORDER first
//! PATH/claims/ID.N            attempt N of a job and who has it; ID.N.WORD: how it ended
//! PATH/inbox/ID.N.K.msg       message K of attempt N, for the owner
//! PATH/results/ID/OBS.W.msg   accepted samples
//! PATH/over/ID.done|aside     jobs that are complete, or were set aside
//! PATH/bad/                   what could not be read, moved here by the owner
//! PATH/tmp/                   what is being written
//! ```
//! Not here: who has it ([`super::claim`]).

use std::fs::{self, DirBuilder};
use std::io::ErrorKind as Io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::files::{self, Temporary, failed};
use super::frame::{Frame, Kind};
use crate::error::{ErrorKind, Result, argument, corrupt, io, state, unknown};

const MARK: &str = "patchstream";
const FOLDERS: [&str; 8] = ["owner", "jobs", "claims", "inbox", "results", "over", "bad", "tmp"];

/// What all who share a folder go by. They are written when the folder is made and stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How old a claim must be before its holder counts as dead, where nothing else tells. At least 1 s; a holder renews
    /// it with every call, at most every quarter of it. 600 s by default.
    pub lease: Duration,
    /// How often owner and waiting workers look, 1 s by default. At least 1 ms.
    pub poll: Duration,
    /// How long a file that cannot be read is taken for one that is still under way, 30 s by default.
    pub settle: Duration,
    /// Whether files and their names are on the disk before anybody is told, true by default.
    pub sync: bool,
    /// The most messages of one attempt that wait for the owner, 4096 by default; then workers see FULL.
    pub pending_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        let (lease, poll, settle) = (Duration::from_secs(600), Duration::from_secs(1), Duration::from_secs(30));
        Self { lease, poll, settle, sync: true, pending_max: 4096 }
    }
}

#[derive(Deserialize)]
struct Stored {
    lease_ms: u64,
    poll_ms: u64,
    settle_ms: u64,
    sync: bool,
    pending_max: u32,
}

impl Options {
    fn check(&self) -> Result<()> {
        let year = Duration::from_secs(366 * 86_400);
        let Self { lease, poll, settle, pending_max, .. } = *self;
        if lease < Duration::from_secs(1) || lease > year {
            return Err(argument(format!("a lease of {lease:?} is not in 1 s ..= one year: 600 s is usual")));
        }
        if poll < Duration::from_millis(1) || poll > year || settle > year {
            return Err(argument(format!(
                "an interval of {poll:?} and {settle:?} to settle are not in 1 ms ..= one year: 1 s and 30 s are usual"
            )));
        }
        if pending_max == 0 {
            return Err(argument("a worker that may have 0 messages under way could send none: 4096 is usual"));
        }
        Ok(())
    }

    fn to_text(self) -> String {
        let Self { lease, poll, settle, sync, pending_max } = self;
        let [lease, poll, settle] = [lease, poll, settle].map(|time| time.as_millis());
        format!(
            "lease_ms = {lease}\npoll_ms = {poll}\nsettle_ms = {settle}\nsync = {sync}\npending_max = {pending_max}\n"
        )
    }

    fn from_text(text: &[u8]) -> Option<Self> {
        let stored: Stored = toml::from_str(std::str::from_utf8(text).ok()?).ok()?;
        let [lease, poll, settle] = [stored.lease_ms, stored.poll_ms, stored.settle_ms].map(Duration::from_millis);
        let options = Self { lease, poll, settle, sync: stored.sync, pending_max: stored.pending_max };
        options.check().is_ok().then_some(options)
    }
}

/// A folder that is one.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    pub(super) options: Options,
}

impl Folder {
    /// Makes a folder, or opens the one that is there: then its options hold, not these.
    pub(super) fn make(path: &Path, options: Options) -> Result<Self> {
        options.check()?;
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        match builder.create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == Io::AlreadyExists => {}
            Err(error) => return Err(failed("make the folder", path, &error)),
        }
        check_folder(path)?;
        if files::look_at(&path.join(MARK))?.is_some() {
            return Self::open(path);
        }
        let (names, others) = files::list(path)?;
        if let Some(foreign) = names.iter().find(|name| !FOLDERS.contains(&name.as_str())) {
            return Err(state(format!(
                "{} holds other things, \"{}\" for one: give jobs an empty folder, or one that is not there yet",
                path.display(),
                foreign.escape_default()
            )));
        }
        if others > 0 {
            return Err(state(format!("{} holds other things: give jobs an empty folder", path.display())));
        }
        for folder in FOLDERS.map(|name| path.join(name)) {
            match builder.create(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == Io::AlreadyExists => {}
                Err(error) => return Err(failed("make the folder", &folder, &error)),
            }
        }
        let metadata = options.to_text().into_bytes();
        let frame = Frame { kind: Kind::Folder, job: 0, attempt: 0, number: 0, metadata, densities: Vec::new() };
        // Whoever is first decides about the options.
        Temporary::write(&path.join("tmp"), &frame.to_bytes(), options.sync)?.link(&path.join(MARK))?;
        Self::open(path)
    }

    /// Opens a folder.
    ///
    /// # Errors
    /// `Unknown` if it is none or not made yet, `Version` if it is of another version, `Io` if it is another user's or
    /// cannot be written to, `Corrupt` if parts of it are damaged.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let folder = Self::open_to_look(path)?;
        files::now(&folder.tmp())?;
        Ok(folder)
    }

    /// The same for who only looks.
    pub(super) fn open_to_look(path: &Path) -> Result<Self> {
        check_folder(path)?;
        let Some(frame) = Frame::read(&path.join(MARK), Kind::Folder)? else {
            return Err(unknown(format!(
                "{} is no job folder, or not yet: start its owner first, or correct the path",
                path.display()
            )));
        };
        for folder in FOLDERS.map(|name| path.join(name)) {
            if !files::look_at(&folder)?.is_some_and(|metadata| metadata.is_dir()) {
                return Err(corrupt(format!(
                    "{} is not a folder: restore it, or begin with a new job folder",
                    folder.display()
                )));
            }
        }
        let options = Options::from_text(&frame.metadata)
            .ok_or_else(|| corrupt(format!("{} has options that make no sense", path.join(MARK).display())))?;
        // Tickets name the folder, and are used elsewhere.
        let path = fs::canonicalize(path).map_err(|error| failed("open the folder", path, &error))?;
        Ok(Self { path, options })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn owner(&self) -> PathBuf {
        self.path.join("owner")
    }

    pub(super) fn jobs(&self) -> PathBuf {
        self.path.join("jobs")
    }

    pub(super) fn claims(&self) -> PathBuf {
        self.path.join("claims")
    }

    pub(super) fn inbox(&self) -> PathBuf {
        self.path.join("inbox")
    }

    pub(super) fn results(&self, id: u64) -> PathBuf {
        self.path.join("results").join(id.to_string())
    }

    pub(super) fn over(&self) -> PathBuf {
        self.path.join("over")
    }

    pub(super) fn bad(&self) -> PathBuf {
        self.path.join("bad")
    }

    pub(super) fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// Writes a frame beside all names.
    pub(super) fn write(&self, frame: &Frame) -> Result<Temporary> {
        Temporary::write(&self.tmp(), &frame.to_bytes(), self.options.sync)
    }

    /// Reads a file again for a while as long as it is damaged: on some file systems it has its name before its bytes.
    pub(super) fn settled<T>(&self, read: impl Fn() -> Result<T>) -> Result<T> {
        let (since, settle) = (Instant::now(), self.options.settle.min(Duration::from_secs(2)));
        loop {
            match read() {
                Err(error) if error.kind() == ErrorKind::Corrupt && since.elapsed() < settle => {
                    files::rest(Duration::from_millis(50));
                }
                read => return read,
            }
        }
    }

    /// Makes the folder of a job's results; fine if it is there.
    pub(super) fn make_results(&self, id: u64) -> Result<PathBuf> {
        let path = self.results(id);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == Io::AlreadyExists => {
                if !files::look_at(&path)?.is_some_and(|metadata| metadata.is_dir()) {
                    return Err(corrupt(format!("{} is not a folder: remove it", path.display())));
                }
            }
            Err(error) => return Err(failed("make the folder", &path, &error)),
        }
        Ok(path)
    }
}

/// A folder, and this user's: who else may write into it could do anything to its jobs.
fn check_folder(path: &Path) -> Result<()> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == Io::NotFound => {
            return Err(unknown(format!(
                "there is no job folder {}: start its owner first, or correct the path",
                path.display()
            )));
        }
        Err(error) => return Err(failed("open the folder", path, &error)),
    };
    if !metadata.is_dir() {
        return Err(argument(format!("{} is not a folder: correct the path", path.display())));
    }
    let own = fs::metadata("/proc/self").map_or(metadata.uid(), |own| own.uid());
    if metadata.uid() != own || metadata.mode() & 0o022 != 0 {
        return Err(io(format!(
            "the job folder {} belongs to user {} with mode {:o}, you are user {own}: take one that you alone may write to",
            path.display(),
            metadata.uid(),
            metadata.mode() & 0o777
        )));
    }
    Ok(())
}
