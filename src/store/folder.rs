//! The folder of a run: its names, and `run.toml`, which says what it is and is there before anything else.
//!
//! ```text
//! run.toml       format, run, created, options; its last line is the CRC32C of everything above it
//! lock           empty; its record lock says that a writer lives
//! epochs/000001  empty files, one for each writer that the run has had
//! log/000001.log segments of the log, and `.cut-OFFSET` beside one: what was cut off its end
//! checkpoint-A   the last two checkpoints, in turns
//! checkpoint-B
//! checkpoint-000001.new   the one that the writer of this epoch is writing
//! ```
//! A name that ends in `.new` is a file that is not whole yet. Not here: what is in the other files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::FORMAT;
use super::disk::{Disk, write_all};
use super::segment::check_format;
use crate::error::{Error, Result, corrupt, io, state};

/// Which run something belongs to: 128 random bits, drawn when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Run(pub u128);

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What `run.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The run.
    pub run: Run,
    /// When it was created, in seconds since 1970; no decision reads it.
    pub created_unix_s: u64,
    /// What created it, as in `patchstream 0.1.0`.
    pub writer: String,
    /// The options that it was created with, as whoever created it wrote them.
    pub options: String,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folder {
    /// Nothing, an empty folder, or what an attempt to create a run left that was killed before `run.toml` was there.
    New,
    /// A run.
    Run(Description),
}

/// Looks at what is at a path, and changes nothing.
///
/// # Errors
/// `State` for a file, or a folder with something else in it; `Version` for a run of another format; `Corrupt` for a
/// damaged `run.toml`; `Io` for what cannot be read.
pub fn look(path: &Path) -> Result<Folder> {
    let failed = |error: std::io::Error| io(format!("cannot read {}: {error}", path.display()));
    match std::fs::read(path.join("run.toml")) {
        Ok(bytes) => return Description::view(&path.join("run.toml").display().to_string(), &bytes).map(Folder::Run),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Err(state(format!("{} is a file: a run is a folder", path.display())));
        }
        Err(error) => return Err(failed(error)),
    }
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Folder::New),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        if name != "lock" && name != "run.toml.new" {
            return Err(state(format!(
                "{} is no run: it has no run.toml, but {name:?}: name a run's folder, or a new or empty one",
                path.display()
            )));
        }
    }
    Ok(Folder::New)
}

/// The names in a run's folder.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    pub(super) root: PathBuf,
}

impl Paths {
    pub(super) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub(super) fn segment(&self, number: u64) -> PathBuf {
        self.root.join(format!("log/{number:06}.log"))
    }

    pub(super) fn epochs(&self) -> PathBuf {
        self.root.join("epochs")
    }

    pub(super) fn epoch(&self, epoch: u64) -> PathBuf {
        self.root.join(format!("epochs/{epoch:06}"))
    }

    /// One of the two checkpoints.
    pub(super) fn checkpoint(&self, slot: usize) -> PathBuf {
        self.root.join(["checkpoint-A", "checkpoint-B"][slot % 2])
    }

    /// The checkpoint that a writer has not written to its end.
    pub(super) fn unfinished(&self, epoch: u64) -> PathBuf {
        self.root.join(format!("checkpoint-{epoch:06}.new"))
    }
}

impl Description {
    /// A new run's.
    pub(super) fn new(options: &str) -> Self {
        let created_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let writer = concat!("patchstream ", env!("CARGO_PKG_VERSION")).to_string();
        Self { run: Run(random()), created_unix_s, writer, options: options.into() }
    }

    /// Writes `run.toml`: either it is there whole, or not at all.
    pub(super) fn write(&self, disk: &dyn Disk, root: &Path) -> Result<()> {
        let (new, path) = (root.join("run.toml.new"), root.join("run.toml"));
        let failed = |error: std::io::Error| io(format!("cannot write {}: {error}", path.display()));
        let file = disk.replace(&new).map_err(failed)?;
        write_all(&*file, self.pack().as_bytes()).map_err(failed)?;
        file.sync().map_err(failed)?;
        disk.rename(&new, &path).map_err(failed)?;
        disk.sync_folder(root).map_err(failed)
    }

    pub(super) fn pack(&self) -> String {
        let Self { run, created_unix_s, writer, options } = self;
        let (writer, options) = (quoted(writer), quoted(options));
        let text = format!(
            "# A run of patchstream. Its options decide what it selects: they are not to be edited.\nformat = {FORMAT}\n\
             run = \"{run}\"\ncreated_unix_s = {created_unix_s}\nwriter = {writer}\noptions = {options}\n"
        );
        let checksum = crc32c::crc32c(text.as_bytes());
        format!("{text}crc32c = \"{checksum:08x}\"\n")
    }

    pub(super) fn view(name: &str, bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
            run: String,
            created_unix_s: u64,
            writer: String,
            options: String,
        }
        const LAST: usize = "crc32c = \"01234567\"\n".len();
        let damaged = |why: &str| -> Error {
            corrupt(format!("{name} is damaged or was edited ({why}): put the file back as the run wrote it"))
        };
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8"))?;
        let split = text.len().checked_sub(LAST).and_then(|at| text.split_at_checked(at));
        let (body, last) = split.ok_or_else(|| damaged("it is too short"))?;
        if last != format!("crc32c = \"{:08x}\"\n", crc32c::crc32c(body.as_bytes())) {
            return Err(damaged("its checksum is wrong"));
        }
        // A later format may have other fields, but it has this one.
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let format: Format = toml::from_str(body).map_err(|error| damaged(error.message()))?;
        check_format(name, format.format)?;
        let form: Form = toml::from_str(body).map_err(|error| damaged(error.message()))?;
        check_format(name, form.format)?;
        let run = u128::from_str_radix(&form.run, 16).map_err(|_| damaged("its run is no hexadecimal number"))?;
        let Form { created_unix_s, writer, options, .. } = form;
        Ok(Self { run: Run(run), created_unix_s, writer, options })
    }
}

/// A TOML string on one line.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// 128 bits that no other run has. Nothing that is decided depends on them.
fn random() -> u128 {
    let uuid = std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
    u128::from_str_radix(&uuid.trim().replace('-', ""), 16).unwrap_or_else(|_| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        now << 32 | u128::from(std::process::id())
    })
}
