//! Files that come to their names whole: written under `tmp/`, then renamed, or linked where exactly one may win.
//!
//! A temporary is called `HOST-PID-START-K`, so that who finds it can tell whether its writer may still live. A link
//! is exclusive on every file system that has links, NFS included: there the answer of the server can be lost, so the
//! temporary is asked how many names it has.
//! Not here: what the names mean ([`super::names`]), whose folder it is ([`super::folder`]).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{ErrorKind as Io, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::who;
use crate::error::{Result, corrupt, io};
use crate::sync::{AtomicU64, Ordering};

/// Numbers the temporaries of this process.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A file that is written and has no name yet that counts. Removed when it is dropped.
pub(super) struct Temporary {
    path: PathBuf,
    modified: SystemTime,
    sync: bool,
}

impl Temporary {
    /// Writes a file in `tmp`; with `sync` its bytes are on the disk before it gets its name, and so is the name before
    /// anybody is told.
    pub(super) fn write(tmp: &Path, bytes: &[u8], sync: bool) -> Result<Self> {
        let (mut file, path) = create(tmp)?;
        let mut temporary = Self { path, modified: SystemTime::UNIX_EPOCH, sync };
        let written = file.write_all(bytes).and_then(|()| if sync { file.sync_all() } else { Ok(()) });
        let modified = written.and_then(|()| file.metadata()).and_then(|metadata| metadata.modified());
        temporary.modified = modified.map_err(|error| failed("write", &temporary.path, &error))?;
        Ok(temporary)
    }

    /// When the file system says that it was written: the file system's own clock.
    pub(super) fn modified(&self) -> SystemTime {
        self.modified
    }

    /// Gives it the name `target`; a file that had it is gone.
    pub(super) fn rename(mut self, target: &Path) -> Result<()> {
        fs::rename(&self.path, target).map_err(|error| failed("make", target, &error))?;
        self.path = PathBuf::new();
        if self.sync { sync_folder_of(target) } else { Ok(()) }
    }

    /// Gives it the name `target` unless there is such a file; false if there is.
    pub(super) fn link(self, target: &Path) -> Result<bool> {
        let linked = fs::hard_link(&self.path, target);
        // A link that was made and is not there was removed again at once: nobody else had it.
        let has_two = fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.nlink() > 1);
        match linked {
            Err(error) if error.kind() == Io::AlreadyExists && !has_two => return Ok(false),
            Err(error) if !has_two => return Err(failed("make", target, &error)),
            _ => {}
        }
        if self.sync {
            sync_folder_of(target)?;
        }
        Ok(true)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // What is left otherwise is a temporary, which cleaning up removes.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What time it is by the clock of the file system that `tmp` is on.
pub(super) fn now(tmp: &Path) -> Result<SystemTime> {
    Ok(Temporary::write(tmp, b"", false)?.modified())
}

/// Opens a regular file and tells its length; `None` if there is none. Links are not followed, and a pipe does not
/// hold anybody up.
pub(super) fn open_to_read(path: &Path) -> Result<Option<(File, u64)>> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(corrupt(format!("{} is a symbolic link, which is not followed: remove it", path.display())));
        }
        Err(error) => return Err(failed("open", path, &error)),
    };
    let metadata = file.metadata().map_err(|error| failed("look at", path, &error))?;
    if !metadata.is_file() {
        return Err(corrupt(format!("{} is not a regular file: remove it", path.display())));
    }
    Ok(Some((file, metadata.len())))
}

/// The names in a folder that are text; how many others there are.
pub(super) fn list(folder: &Path) -> Result<(Vec<String>, u64)> {
    let entries = fs::read_dir(folder).map_err(|error| failed("list", folder, &error))?;
    let (mut names, mut others) = (Vec::new(), 0);
    for entry in entries {
        match entry.map_err(|error| failed("list", folder, &error))?.file_name().into_string() {
            Ok(name) => names.push(name),
            Err(_) => others += 1,
        }
    }
    Ok((names, others))
}

/// The same of a folder that may be missing.
pub(super) fn list_if_there(folder: &Path) -> Result<Vec<String>> {
    match look_at(folder)? {
        Some(metadata) if metadata.is_dir() => list(folder).map(|(names, _)| names),
        _ => Ok(Vec::new()),
    }
}

/// What lies under a name, links not followed; `None` for nothing.
pub(super) fn look_at(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == Io::NotFound => Ok(None),
        Err(error) => Err(failed("look at", path, &error)),
    }
}

/// Writes the first byte of a file of ours as it is: its time of change becomes the file system's now.
pub(super) fn touch(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path);
    file.and_then(|file| file.write_all_at(b"P", 0)).map_err(|error| failed("renew", path, &error))
}

/// Moves a file; false if it is not there any more.
pub(super) fn rename(from: &Path, to: &Path) -> Result<bool> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == Io::NotFound && look_at(from)?.is_none() => Ok(false),
        Err(error) => Err(failed("move", from, &error)),
    }
}

/// Gives a file a second name unless somebody has that; false if so, or if the file is gone.
pub(super) fn link(from: &Path, to: &Path) -> Result<bool> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), Io::AlreadyExists | Io::NotFound) => Ok(false),
        Err(error) => Err(failed("link", from, &error)),
    }
}

/// Removes a file; false if it is gone already, or somebody's folder.
pub(super) fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), Io::NotFound | Io::IsADirectory) => Ok(false),
        Err(error) => Err(failed("remove", path, &error)),
    }
}

/// Sleeps, on a condition that nobody signals, since this module starts and names no threads.
pub(super) fn rest(time: Duration) {
    let nobody = Mutex::new(());
    Condvar::new().wait_for(&mut nobody.lock(), time);
}

/// An error that names the file and the call, and says what to do where the cause is known.
pub(super) fn failed(what: &str, path: &Path, error: &std::io::Error) -> crate::error::Error {
    let todo = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => ": make room, then call again",
        Io::ReadOnlyFilesystem | Io::PermissionDenied => ": make the folder writable for this user",
        Io::StaleNetworkFileHandle => ": the server has lost it, call again",
        _ => "",
    };
    io(format!("cannot {what} {}: {error}{todo}", path.display()))
}

/// Has the names in the folder of `path` written to the disk, where the file system does that.
fn sync_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if error.kind() != Io::InvalidInput => Err(failed("write to the disk", folder, &error)),
        _ => Ok(()),
    }
}

/// A new file under a name that nobody has.
fn create(tmp: &Path) -> Result<(File, PathBuf)> {
    let prefix = who::prefix();
    loop {
        let path = tmp.join(format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
        match options.open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == Io::AlreadyExists => {}
            Err(error) => return Err(failed("make", &path, &error)),
        }
    }
}
