//! The owner's side of a job folder: writes tickets, notices who has claimed what, takes messages in, moves what is over.
//!
//! Workers claim jobs by themselves, so nothing waits for the owner but the results. One turn, at most one every
//! [`Options::poll`], lists `claims`, then `inbox`, in this order: a last word that is seen came after every message of
//! its attempt, so these are all in the list. A dead worker's job is freed in one turn and goes back into the line in the
//! next, for the same reason. A job that comes back keeps its place, a failed one goes to the end; the line in memory goes
//! by its own rule and follows what workers take.
//!
//! | what | operations on the file system |
//! |---|---|
//! | a turn | list two folders, look at two names, read one file |
//! | issuing a job | look at four names, read one file, write and rename one file |
//! | a claim that is new | read it; once a lease: look at its age |
//! | a sample | read it, link it to `results/ID`, remove its name in `inbox`; for the first of a job make the folder |
//! | a job that is over | read the last word, move the ticket, remove its claims |
//!
//! `jobs`, `claims` and `inbox` hold what is under way only; `over` and `results` grow with the campaign and are not
//! listed, but for `results/ID` of a job.
//! Not here: tickets ([`super::tickets`]) and reading them back after a restart ([`super::recall`]), messages
//! ([`super::inbox`]), last words ([`super::words`]), workers ([`super::desk`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::super::line::Line;
use super::super::past::Moved;
use super::super::transport::{Deliver, Office};
use super::claim::{Claim, Judge, Life, Scope, Top, claim_folder, describe, read_who, top_owner, tops};
use super::files;
use super::folder::{Folder, Options};
use super::look::clean_folder;
use super::names::{self, Word};
use crate::dynim::State;
use crate::error::{Error, ErrorKind, Result, busy};
use crate::wire::{Job, Packer, Selection};

/// The owner's side.
pub(crate) struct DirOffice {
    pub(super) folder: Folder,
    claim: Claim,
    pub(super) judge: Judge,
    /// The jobs whose tickets lie in `jobs`, with their places there.
    pub(super) tickets: BTreeMap<u64, u64>,
    /// Above all places so far.
    pub(super) next_order: u64,
    /// Jobs whose tickets could not be written yet.
    unwritten: BTreeSet<u64>,
    /// Jobs that an earlier owner saw the end of, to be told.
    pub(super) over: Vec<(u64, Word)>,
    /// What is still to be done in the folder after a word of the host.
    pub(super) todo: Vec<(u64, Todo)>,
    /// Since when a file could not be read or placed.
    pub(super) doubtful: HashMap<PathBuf, Instant>,
    pub(super) moved_bad: u64,
    pub(super) next_look: Instant,
    /// What was said last of a folder that cannot be used just now.
    last_error: Option<Error>,
    pub(super) packer: Packer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Todo {
    Free {
        attempt: u64,
    },
    /// The host said that it failed: written down as a worker's word is, for whoever owns the folder next.
    Failed,
    Over(Word),
    Out,
}

impl DirOffice {
    /// Makes the folder at `path`, or opens the one that is there and tells `line` what it holds.
    ///
    /// # Errors
    /// `Busy` if another owner has it and lives, those of a folder that cannot be used, `State` for one that holds other
    /// things.
    pub(crate) fn open(path: &Path, options: Options, line: &mut Line) -> Result<Self> {
        let folder = Folder::make(path, options)?;
        let mut judge = Judge::default();
        let top = top_owner(&folder)?;
        if let Some(Top { attempt, word: None, .. }) = top
            && let Life::Lives { who, at_most } = judge.life(&folder, Scope::Owner, attempt)?
        {
            let what = format!("the job folder {}", folder.path().display());
            return Err(busy(describe(&what, attempt, who.as_ref(), at_most)));
        }
        let epoch = top.map_or(0, |top| top.attempt) + 1;
        let claim = claim_folder(&folder, epoch)?;
        let mut office = Self {
            folder,
            claim,
            judge,
            tickets: BTreeMap::new(),
            next_order: 1,
            unwritten: BTreeSet::new(),
            over: Vec::new(),
            todo: Vec::new(),
            doubtful: HashMap::new(),
            moved_bad: 0,
            next_look: Instant::now(),
            last_error: None,
            packer: Packer::new(),
        };
        office.remove_earlier_owners(epoch)?;
        clean_folder(&office.folder, false)?;
        office.recall(line)?;
        Ok(office)
    }

    /// The folder, without links in its path.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The time until the next look into the folder.
    #[cfg(test)]
    pub(super) fn rest(&self) -> std::time::Duration {
        self.next_look.saturating_duration_since(Instant::now())
    }

    /// How many files that could not be read were moved to `bad`.
    #[cfg(test)]
    pub(crate) fn bad_files(&self) -> u64 {
        self.moved_bad
    }

    fn remove_earlier_owners(&self, epoch: u64) -> Result<()> {
        for name in files::list(&self.folder.owner())?.0 {
            if names::parse_owner(&name).is_some_and(|(earlier, _)| earlier < epoch) {
                files::remove(&self.folder.owner().join(name))?;
            }
        }
        Ok(())
    }

    /// Does what a word asks of the folder.
    pub(super) fn tidy(&mut self, id: u64, todo: Todo) -> Result<()> {
        let claims = self.folder.claims();
        match todo {
            Todo::Free { attempt } => return Scope::Job(id).end(&self.folder, attempt, Word::Free, b""),
            Todo::Failed => {
                let attempt = tops(&files::list(&claims)?.0).get(&id).map(|top| top.attempt);
                let end = |word| attempt.map_or(Ok(()), |attempt| Scope::Job(id).end(&self.folder, attempt, word, b""));
                end(Word::Failed)?;
                end(Word::Free)?;
                return self.move_to_end(id);
            }
            Todo::Over(word) => {
                if let Some(order) = self.tickets.get(&id) {
                    files::rename(&self.folder.jobs().join(names::ticket(*order, id)), &self.over_path(id, word))?;
                }
            }
            Todo::Out => {
                if let Some(order) = self.tickets.get(&id) {
                    files::remove(&self.folder.jobs().join(names::ticket(*order, id)))?;
                }
            }
        }
        self.tickets.remove(&id);
        // Whoever still has it finds its claim gone and is fenced.
        for name in files::list(&claims)?.0 {
            if names::parse_claim(&name).is_some_and(|(job, _, _)| job == id) {
                files::remove(&claims.join(name))?;
            }
        }
        Ok(())
    }

    /// Notices claims that are new.
    fn notice(&mut self, line: &mut Line, stream: &mut dyn Deliver, tops: &HashMap<u64, Top>) -> Result<bool> {
        let mut happened = false;
        for &id in self.tickets.keys() {
            let Some(past) = line.past(id) else { continue };
            let (attempt, at) = (u64::from(past.attempt), tops.get(&id).map_or(0, |top| top.attempt));
            if at > attempt {
                let scope = Scope::Job(id);
                let who = read_who(&self.folder, scope, at).map_or("somebody".into(), |who| who.to_string());
                // Refused only of a job that is over, whose claims go with it.
                if line.taken(id, at as u32, &who).is_ok() {
                    happened = true;
                    // One that cannot be written down is noticed again by the next owner.
                    let _ = stream.given(id, at as u32, &who);
                }
            } else if at < attempt {
                // Its claims were removed by somebody.
                self.end_attempt(id, attempt)?;
            }
        }
        Ok(happened)
    }

    /// Writes what could not be written before, and tells the stream what earlier owners saw the end of.
    fn catch_up(&mut self, line: &mut Line, stream: &mut dyn Deliver) -> Result<bool> {
        for id in self.unwritten.clone() {
            let written = match stream.job(id) {
                Ok((job, densities)) => self.write_ticket(&job, densities),
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                if error.kind() == ErrorKind::Io {
                    // Told when it was issued; tried again at each turn, and nothing else waits for it.
                    continue;
                }
                stream.say(format!("job {id} is set aside: {error}"));
                line.set_aside(id);
                stream.moved(id, State::Failed, Moved::SetAside, Some(error.message()));
            }
            self.unwritten.remove(&id);
        }
        let mut happened = false;
        for (id, word) in std::mem::take(&mut self.over) {
            let reason = Some("an earlier owner of the job folder saw its end");
            happened = true;
            if word == Word::Done {
                let moved = line.decide(id, State::Done)?;
                stream.moved(id, State::Done, moved, reason);
            } else {
                line.set_aside(id);
                stream.moved(id, State::Failed, Moved::SetAside, reason);
            }
        }
        while let Some(&(id, todo)) = self.todo.last() {
            self.tidy(id, todo)?;
            self.todo.pop();
        }
        Ok(happened)
    }

    /// Removes claims that were superseded, and those of jobs that are not in line any more. A failure is kept: they
    /// are counted.
    fn remove_old_claims(&self, listed: &[String], tops: &HashMap<u64, Top>) -> Result<()> {
        let old = |&(id, attempt, word): &(u64, u64, Option<Word>)| {
            let is_superseded = tops.get(&id).is_some_and(|top| attempt < top.attempt) && word != Some(Word::Failed);
            is_superseded || !self.tickets.contains_key(&id)
        };
        let mut old: Vec<_> = listed.iter().filter_map(|name| names::parse_claim(name)).filter(old).collect();
        // The lowest first: who finds no attempt above its own must still find that its own is gone.
        old.sort_unstable_by_key(|&(id, attempt, word)| (id, attempt, word));
        for (id, attempt, word) in old {
            let scope = Scope::Job(id);
            let path =
                word.map_or(scope.path(&self.folder, attempt), |word| scope.word_path(&self.folder, attempt, word));
            files::remove(&path)?;
        }
        Ok(())
    }
}

impl Office for DirOffice {
    fn outlives_owners(&self) -> bool {
        true
    }

    fn finds(&mut self, job: &Selection) -> Result<bool> {
        self.find(job.id, |known| {
            let Selection { event, step, point, .. } = &known.selection;
            (*event, *step, point) == (job.event, job.step, &job.point)
        })
    }

    fn issue(&mut self, job: &Job, densities: &[f32]) -> Result<()> {
        // Who was superseded must not write into the folder of another owner.
        let written = self.claim.check(&self.folder).and_then(|()| self.write_ticket(job, densities));
        if written.is_err() {
            self.unwritten.insert(job.selection.id);
        }
        written
    }

    fn decided(&mut self, id: u64, attempt: Option<u32>, to: State, moved: Moved) {
        let todo = match (moved, attempt) {
            (Moved::Known | Moved::Kept, _) => return,
            (Moved::Back, _) if to == State::Failed => Todo::Failed,
            (Moved::Back, None) => return,
            (Moved::Back, Some(attempt)) => Todo::Free { attempt: attempt.into() },
            (Moved::Over, _) => Todo::Over(Word::Done),
            (Moved::SetAside, _) => Todo::Over(Word::Failed),
            (Moved::Out, _) => Todo::Out,
        };
        self.unwritten.remove(&id);
        if self.claim.check(&self.folder).and_then(|()| self.tidy(id, todo)).is_err() {
            self.todo.push((id, todo));
        }
    }

    fn turn(&mut self, line: &mut Line, stream: &mut dyn Deliver) -> Result<bool> {
        if Instant::now() < self.next_look {
            return Ok(false);
        }
        self.next_look = Instant::now() + self.folder.options.poll;
        let turned = self.claim.check(&self.folder).and_then(|()| self.look(line, stream));
        match turned {
            Err(error) if !matches!(error.kind(), ErrorKind::Fenced | ErrorKind::Forked) => {
                // A full disk or a server that is away: each step is done again until it went well. Said once.
                if self.last_error.as_ref() != Some(&error) {
                    stream.say(format!("the job folder {}: {error}", self.folder.path().display()));
                    self.last_error = Some(error);
                }
                Ok(false)
            }
            turned => {
                self.last_error = None;
                turned
            }
        }
    }

    fn has_work(&mut self, _: &Line) -> bool {
        Instant::now() >= self.next_look
    }

    fn lease_s(&self) -> f64 {
        self.folder.options.lease.as_secs_f64()
    }

    fn close(&mut self) {
        // An owner that was superseded, closed or cannot write leaves its claim to the lease.
        if self.claim.check(&self.folder).is_ok() {
            let _ = self.claim.end(&self.folder, Word::Free, b"");
        }
    }
}

impl DirOffice {
    /// One look at the folder, and what follows from it.
    fn look(&mut self, line: &mut Line, stream: &mut dyn Deliver) -> Result<bool> {
        let mut happened = self.catch_up(line, stream)?;
        let (claims, _) = files::list(&self.folder.claims())?;
        let tops = tops(&claims);
        self.judge.keep(&tops);
        happened |= self.notice(line, stream, &tops)?;
        let (taken, waiting) = self.take_in(line, stream, &tops)?;
        happened |= taken;
        happened |= self.words(line, stream, &tops, &waiting)?;
        self.remove_old_claims(&claims, &tops)?;
        Ok(happened)
    }
}

impl Drop for DirOffice {
    fn drop(&mut self) {
        self.close();
    }
}
