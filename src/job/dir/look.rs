//! Looking at a job folder from outside, and cleaning it, for people.
//!
//! Not here: how it is shown (the command), the folder's own processes ([`super::desk`], [`super::office`]).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::claim::{Scope, age, read_who, top_owner, tops};
use super::files;
use super::folder::{Folder, Options};
use super::names::{self, Word};
use super::who::{self, Who};
use crate::error::Result;

/// What a job folder holds just now.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The folder, without links in its path.
    pub path: PathBuf,
    /// What all who share it go by.
    pub options: Options,
    /// The owner; its attempt is its epoch. `None`: there never was one.
    pub owner: Option<Claimed>,
    /// The jobs under way, the first in line first.
    pub jobs: Vec<JobLook>,
    /// Messages that wait for the owner.
    pub messages: u64,
    /// Files that the owner could not read, in `bad`.
    pub bad: Vec<String>,
    /// Files whose names are nobody's, relative to the folder.
    pub foreign: Vec<String>,
    /// Files that are being written, or whose writer died over it.
    pub temporaries: u64,
}

/// A job under way.
#[derive(Debug, Clone, PartialEq)]
pub struct JobLook {
    /// The id of its patch.
    pub id: u64,
    /// Its place in the line; the lowest is next.
    pub order: u64,
    /// Who had it last. `None`: nobody yet.
    pub claimed: Option<Claimed>,
    /// How often it failed.
    pub failures: u32,
    /// Its messages that wait for the owner.
    pub messages: u64,
}

/// A claim that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Its number.
    pub attempt: u64,
    /// Who made it; `None` if that cannot be read.
    pub who: Option<Who>,
    /// How it ended; `None`: its holder has said nothing yet.
    pub word: Option<Word>,
    /// Time since the holder's last sign, by the file system's clock.
    pub age: Duration,
    /// Whether the holder counts as dead: it has ended, or its lease is over.
    pub is_dead: bool,
}

/// What was removed, and what was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// Temporaries of writers that are gone.
    pub temporaries: u64,
    /// Claims that were superseded.
    pub claims: u64,
    /// Temporaries that may still be written.
    pub left: u64,
}

/// Looks at the job folder at `path`. Changes nothing but a file that it makes and removes to read the file system's
/// clock, where it can.
///
/// # Errors
/// Those of a folder that is none or cannot be used.
pub fn look(path: &Path) -> Result<Look> {
    let folder = Folder::open_to_look(path)?;
    let now = files::now(&folder.tmp()).unwrap_or_else(|_| SystemTime::now());
    let mut foreign = Vec::new();
    let mut list = |name: &str, known: &dyn Fn(&str) -> bool| -> Result<Vec<String>> {
        let (names, others) = files::list(&folder.path().join(name))?;
        let (known, unknown): (Vec<_>, Vec<_>) = names.into_iter().partition(|entry| known(entry));
        foreign.extend(unknown.iter().map(|entry| format!("{name}/{}", entry.escape_default())));
        foreign.extend((0..others).map(|_| format!("{name}/(a name that is no text)")));
        Ok(known)
    };
    let tickets = list("jobs", &|name| names::parse_ticket(name).is_some())?;
    let claims = list("claims", &|name| names::parse_claim(name).is_some())?;
    let inbox = list("inbox", &|name| names::parse_message(name).is_some())?;
    list("owner", &|name| names::parse_owner(name).is_some())?;
    let bad = list("bad", &|_| true)?;
    let temporaries = list("tmp", &|_| true)?.len() as u64;
    let tops = tops(&claims);
    let mut messages: HashMap<u64, u64> = HashMap::new();
    for (id, ..) in inbox.iter().filter_map(|name| names::parse_message(name)) {
        *messages.entry(id).or_default() += 1;
    }
    let mut line: Vec<_> = tickets.iter().filter_map(|name| names::parse_ticket(name)).collect();
    line.sort_unstable();
    let mut jobs = Vec::with_capacity(line.len());
    for (order, id) in line {
        let top = tops.get(&id);
        let claimed = top.map(|top| claimed(&folder, Scope::Job(id), top.attempt, top.word, now)).transpose()?;
        let failures = top.map_or(0, |top| top.failures);
        jobs.push(JobLook { id, order, claimed, failures, messages: messages.get(&id).copied().unwrap_or(0) });
    }
    let owner = top_owner(&folder)?;
    let owner = owner.map(|top| claimed(&folder, Scope::Owner, top.attempt, top.word, now)).transpose()?;
    let (path, options) = (folder.path().to_owned(), folder.options);
    Ok(Look { path, options, owner, jobs, messages: inbox.len() as u64, bad, foreign, temporaries })
}

/// Removes what nobody needs from the job folder at `path`: temporaries older than the lease, or whose writer is known to
/// have ended, and claims that were superseded.
///
/// # Errors
/// Those of a folder that is none or cannot be used.
pub fn clean(path: &Path) -> Result<Cleaned> {
    clean_folder(&Folder::open(path)?)
}

/// The same of a folder that is open.
pub(super) fn clean_folder(folder: &Folder) -> Result<Cleaned> {
    let now = files::now(&folder.tmp())?;
    let mut cleaned = Cleaned::default();
    for name in files::list(&folder.tmp())?.0 {
        let path = folder.tmp().join(&name);
        let Some(metadata) = files::look_at(&path)? else { continue };
        let age = metadata.modified().map_or(Duration::ZERO, |then| now.duration_since(then).unwrap_or_default());
        // A writer that only seems to have ended, in another container, is given a while.
        let is_over = age >= folder.options.lease || (age >= folder.options.settle && who::writer_has_ended(&name));
        if metadata.is_file() && is_over && files::remove(&path)? {
            cleaned.temporaries += 1;
        } else {
            cleaned.left += 1;
        }
    }
    let (names, _) = files::list(&folder.claims())?;
    let tops = tops(&names);
    let mut claims: Vec<_> = names.iter().filter_map(|name| Some((names::parse_claim(name)?, name))).collect();
    // The lowest first: who finds no attempt above its own must still find that its own is gone.
    claims.sort_unstable();
    for ((id, attempt, word), name) in claims {
        let is_superseded = tops.get(&id).is_some_and(|top| attempt < top.attempt);
        if is_superseded && word != Some(Word::Failed) && files::remove(&folder.claims().join(name))? {
            cleaned.claims += 1;
        }
    }
    Ok(cleaned)
}

fn claimed(folder: &Folder, scope: Scope, attempt: u64, word: Option<Word>, now: SystemTime) -> Result<Claimed> {
    let (who, age) = (read_who(folder, scope, attempt), age(folder, scope, attempt, now)?.unwrap_or_default());
    let is_dead = age >= folder.options.lease || who.as_ref().is_some_and(Who::has_ended);
    Ok(Claimed { attempt, who, word, age, is_dead })
}
