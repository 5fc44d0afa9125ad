//! Claims: who has a job, or the folder, by numbered files of which the highest counts.
//!
//! A claim is made by a link, so of any number of processes exactly one gets attempt N. It is a lease: its holder renews
//! it with its calls, at most every quarter of the lease. A holder that is known to have ended is superseded at once, any
//! other when its claim is older than the lease by the file system's own clock: no two machines' clocks are compared.
//! Who was superseded finds attempt N + 1, or that N was freed, and is fenced.
//! Not here: what a claim entitles to ([`super::desk`], [`super::office`]).

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::files;
use super::folder::Folder;
use super::frame::{Frame, Kind};
use super::names::{self, Word};
use super::who::Who;
use crate::error::{ErrorKind, Result, busy, fenced, forked};
use crate::sync::{AtomicU64, Ordering};

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// The folder.
    Owner,
    /// A job.
    Job(u64),
}

impl Scope {
    fn id(self) -> u64 {
        match self {
            Self::Owner => 0,
            Self::Job(id) => id,
        }
    }

    /// The claim's file.
    pub(super) fn path(self, folder: &Folder, attempt: u64) -> PathBuf {
        match self {
            Self::Owner => folder.owner().join(attempt.to_string()),
            Self::Job(id) => folder.claims().join(format!("{id}.{attempt}")),
        }
    }

    /// The file that says how it ended.
    pub(super) fn word_path(self, folder: &Folder, attempt: u64, word: Word) -> PathBuf {
        let mut path = self.path(folder, attempt).into_os_string();
        path.push(".");
        path.push(word.name());
        path.into()
    }

    /// Says how an attempt ended, with a message for the owner; nothing if that was said already.
    pub(super) fn end(self, folder: &Folder, attempt: u64, word: Word, message: &[u8]) -> Result<()> {
        let metadata = message.to_vec();
        let frame = Frame { kind: Kind::Word, job: self.id(), attempt, number: 0, metadata, densities: Vec::new() };
        folder.write(&frame)?.link(&self.word_path(folder, attempt, word))?;
        Ok(())
    }
}

/// The claim that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Top {
    pub(super) attempt: u64,
    /// How it ended: done whatever else is said, free if the owner has dealt with a failure.
    pub(super) word: Option<Word>,
    /// How many attempts of it failed.
    pub(super) failures: u32,
}

/// The claims that count, by job.
pub(super) fn tops(names: &[String]) -> HashMap<u64, Top> {
    let mut tops: HashMap<u64, Top> = HashMap::new();
    for (id, attempt, word) in names.iter().filter_map(|name| names::parse_claim(name)) {
        let top = tops.entry(id).or_insert(Top { attempt, word: None, failures: 0 });
        if attempt > top.attempt {
            (top.attempt, top.word) = (attempt, None);
        }
        if attempt == top.attempt {
            top.word = top.word.max(word);
        }
        top.failures += u32::from(word == Some(Word::Failed));
    }
    tops
}

/// The owner's claim that counts.
pub(super) fn top_owner(folder: &Folder) -> Result<Option<Top>> {
    let (names, _) = files::list(&folder.owner())?;
    let epochs = names.iter().filter_map(|name| names::parse_owner(name));
    // The closed one of two equal epochs is the greater.
    Ok(epochs.max().map(|(attempt, is_free)| Top { attempt, word: is_free.then_some(Word::Free), failures: 0 }))
}

/// Claims an epoch of the folder.
///
/// # Errors
/// `Busy` if somebody else has it, or a higher one: what was looked at may be so old that later owners had come, and this
/// epoch was free again.
pub(super) fn claim_folder(folder: &Folder, epoch: u64) -> Result<Claim> {
    let what = || {
        let path = folder.path().display();
        busy(format!("another process took the job folder {path} just now: wait until it ends"))
    };
    let claim = Claim::make(folder, Scope::Owner, epoch)?.ok_or_else(what)?;
    if top_owner(folder)?.is_some_and(|top| top.attempt > epoch) {
        claim.unmake(folder)?;
        return Err(what());
    }
    Ok(claim)
}

/// A claim that this process made.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) scope: Scope,
    pub(super) attempt: u64,
    who: Who,
    /// What its file says, and its number among the claims of this process: no other claim has both.
    said: (Vec<u8>, u64),
    renewed: Instant,
}

/// Numbers the claims of this process.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Claim {
    /// Claims attempt `attempt`; `None` if somebody else has it.
    pub(super) fn make(folder: &Folder, scope: Scope, attempt: u64) -> Result<Option<Self>> {
        let (who, renewed) = (Who::this_process(), Instant::now());
        let (metadata, number) = (who.to_text().into_bytes(), NEXT.fetch_add(1, Ordering::Relaxed));
        let frame = Frame { kind: Kind::Claim, job: scope.id(), attempt, number, metadata, densities: Vec::new() };
        let is_made = folder.write(&frame)?.link(&scope.path(folder, attempt))?;
        Ok(is_made.then_some(Self { scope, attempt, who, said: (frame.metadata, number), renewed }))
    }

    /// Whether it still counts; renews it when a quarter of the lease has gone by.
    ///
    /// # Errors
    /// `Fenced` if it was superseded, freed or removed, `Forked` in a child.
    pub(super) fn check(&mut self, folder: &Folder) -> Result<()> {
        self.check_process()?;
        let Self { scope, attempt, .. } = *self;
        let next = scope.path(folder, attempt + 1);
        if files::look_at(&next)?.is_some() {
            let who = read_who(folder, scope, attempt + 1).map_or("somebody else".into(), |who| who.to_string());
            return Err(fenced(format!("{who} has {self} by now, as attempt {}: give it up", attempt + 1)));
        }
        let is_freed = files::look_at(&scope.word_path(folder, attempt, Word::Free))?.is_some();
        if is_freed || !self.is_there(folder)? {
            return Err(fenced(format!("attempt {attempt} of {self} was taken away, or it is over: give it up")));
        }
        if self.renewed.elapsed() >= folder.options.lease / 4 {
            files::touch(&scope.path(folder, attempt))?;
            self.renewed = Instant::now();
        }
        Ok(())
    }

    /// Whether its file is there, and this one: all claims of a job go when it is taken out of the line, and a job that
    /// comes into it again may be claimed under the same number.
    fn is_there(&self, folder: &Folder) -> Result<bool> {
        match Frame::read(&self.scope.path(folder, self.attempt), Kind::Claim) {
            Ok(frame) => Ok(frame.is_some_and(|frame| (frame.metadata, frame.number) == self.said)),
            // Damaged by whomever, it is a claim all the same.
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Says how it ended.
    pub(super) fn end(&self, folder: &Folder, word: Word, message: &[u8]) -> Result<()> {
        self.check_process()?;
        self.scope.end(folder, self.attempt, word, message)
    }

    /// Takes back a claim under which nothing was done.
    pub(super) fn unmake(self, folder: &Folder) -> Result<()> {
        files::remove(&self.scope.path(folder, self.attempt)).map(drop)
    }

    fn check_process(&self) -> Result<()> {
        if self.who.is_this_process() {
            return Ok(());
        }
        Err(forked(format!("{self} was claimed before a fork, and this is the child: the parent has it")))
    }
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.scope {
            Scope::Owner => f.write_str("the job folder"),
            Scope::Job(id) => write!(f, "job {id}"),
        }
    }
}

/// Who made a claim, if its file says so.
pub(super) fn read_who(folder: &Folder, scope: Scope, attempt: u64) -> Option<Who> {
    Who::from_text(&Frame::read(&scope.path(folder, attempt), Kind::Claim).ok()??.metadata)
}

/// How old a claim is by the file system's clock; `None` if it is gone.
pub(super) fn age(folder: &Folder, scope: Scope, attempt: u64, now: SystemTime) -> Result<Option<Duration>> {
    let Some(metadata) = files::look_at(&scope.path(folder, attempt))? else { return Ok(None) };
    Ok(Some(metadata.modified().map_or(Duration::ZERO, |then| now.duration_since(then).unwrap_or_default())))
}

/// Whether holders live, remembered, so that a claim's age is asked for once a lease and not once a look.
#[derive(Debug, Default)]
pub(super) struct Judge {
    seen: HashMap<(Scope, u64), Seen>,
}

#[derive(Debug, Clone)]
struct Seen {
    who: Option<Who>,
    /// Before this its lease cannot be over.
    until: Instant,
}

/// Whether a holder lives, as far as can be told.
#[derive(Debug, Clone)]
pub(super) enum Life {
    /// It has ended, or its lease is over.
    Ended,
    /// It may live.
    Lives {
        /// Who it is, if its claim can be read.
        who: Option<Who>,
        /// After how long without a sign it counts as dead.
        at_most: Duration,
    },
}

impl Judge {
    /// Whether the holder of an attempt that has no last word lives.
    pub(super) fn life(&mut self, folder: &Folder, scope: Scope, attempt: u64) -> Result<Life> {
        let now = Instant::now();
        let seen = self.seen.entry((scope, attempt)).or_insert_with(|| Seen { who: None, until: now });
        if seen.who.is_none() {
            seen.who = read_who(folder, scope, attempt);
        }
        if seen.who.as_ref().is_some_and(Who::has_ended) {
            return Ok(Life::Ended);
        }
        if seen.until <= now {
            let lease = folder.options.lease;
            match age(folder, scope, attempt, files::now(&folder.tmp())?)? {
                Some(age) if age < lease => seen.until = now + (lease - age),
                // A claim that went is somebody else's to judge, who looks anew.
                _ => return Ok(Life::Ended),
            }
        }
        Ok(Life::Lives { who: seen.who.clone(), at_most: seen.until - now })
    }

    /// Forgets all but the claims that count.
    pub(super) fn keep(&mut self, tops: &HashMap<u64, Top>) {
        self.seen.retain(|(scope, attempt), _| tops.get(&scope.id()).is_some_and(|top| top.attempt == *attempt));
    }
}

/// The sentence about a holder that lives.
pub(super) fn describe(what: &dyn std::fmt::Display, attempt: u64, who: Option<&Who>, at_most: Duration) -> String {
    let who = who.map_or("somebody".into(), Who::to_string);
    format!(
        "{who} has {what} (attempt {attempt}) and lives: wait until it is done, or {} s after its last sign",
        at_most.as_secs() + 1
    )
}
