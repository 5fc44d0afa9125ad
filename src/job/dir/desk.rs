//! The worker's side of a job folder: claims the oldest job that nobody has, and hands in messages by writing files.
//!
//! | what | operations on the file system |
//! |---|---|
//! | opening the folder, once a job | look at ten names, read one file, make and remove one |
//! | a look while waiting, one every [`Options::poll`] | list `jobs` and `claims`; once a lease and held job: read its claim, look at its age |
//! | taking a job | write and link a claim; list `claims`, `inbox` and `results/ID`; read the ticket |
//! | any call on it | look at three names; at most every quarter of the lease: write one byte |
//! | a message, one a window | as above, and write and rename one file |
//! | the last word | as above, and write and link one file |
//!
//! With [`Options::sync`] each file that is written is two calls more that wait for the disk.
//!
//! [`Options::poll`]: super::Options::poll
//! [`Options::sync`]: super::Options::sync
//!
//! A job that comes back keeps its place in the line. Messages that an earlier attempt left are adopted: they get names
//! of the new attempt, so that the owner takes them in, and their windows are known.
//! Not here: the owner ([`super::office`]), claims as such ([`super::claim`]).

use std::path::Path;
use std::time::{Duration, Instant};

use super::super::hash;
use super::super::past::Want;
use super::super::transport::{Desk, Given, Sent, check_sample, state_of};
use super::super::windows::Windows;
use super::claim::{Claim, Judge, Life, Scope, Top, describe, tops};
use super::files;
use super::folder::Folder;
use super::frame::{Frame, Kind};
use super::names::{self, Word};
use crate::dynim::State;
use crate::error::{Error, ErrorKind, Result, argument, busy, corrupt, state, unknown, value};
use crate::ring::Wait;
use crate::wire::{self, JobState, Message, Packer};

/// The longest sleep before the stop flag is looked at again.
const SLICE: Duration = Duration::from_millis(50);

/// The worker's side.
pub(crate) struct DirDesk {
    folder: Folder,
    judge: Judge,
    held: Option<Held>,
    packer: Packer,
}

/// The job that is held.
struct Held {
    id: u64,
    claim: Claim,
    /// The number of the next message, from 1.
    next: u64,
}

impl DirDesk {
    /// Opens the folder at `path`; for as long as `wait` says it may still have to come.
    ///
    /// # Errors
    /// `Unknown` if there is no job folder, `Version`, `Io` or `Corrupt` if it cannot be used.
    pub(crate) fn open(path: &Path, wait: &Wait<'_>) -> Result<Self> {
        let since = Instant::now();
        loop {
            match Folder::open(path) {
                Err(error) if error.kind() == ErrorKind::Unknown && rest_until(SLICE, since, wait) => {}
                folder => {
                    let (judge, packer) = (Judge::default(), Packer::new());
                    return Ok(Self { folder: folder?, judge, held: None, packer });
                }
            }
        }
    }

    /// Looks once for a job.
    fn look(&mut self, want: Want) -> Result<Option<Given>> {
        let (names, _) = files::list(&self.folder.jobs())?;
        let mut line: Vec<(u64, u64)> = names.iter().filter_map(|name| names::parse_ticket(name)).collect();
        line.sort_unstable();
        if let Want::Job(id) = want {
            line.retain(|(_, job)| *job == id);
            if line.is_empty() {
                return Err(self.not_in_line(id));
            }
        }
        let tops = tops(&files::list(&self.folder.claims())?.0);
        self.judge.keep(&tops);
        for (order, id) in line {
            let top = tops.get(&id);
            let free = self.is_free(id, top);
            match (want, free) {
                (_, Ok(true)) => {
                    if let Some(given) = self.claim(order, id, top.map_or(0, |top| top.attempt) + 1, want)? {
                        return Ok(Some(given));
                    }
                }
                (Want::Oldest, Err(error)) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::State) => {}
                (_, Err(error)) => return Err(error),
                (_, Ok(false)) => {}
            }
        }
        Ok(None)
    }

    /// Whether a job may be claimed; why not, otherwise.
    fn is_free(&mut self, id: u64, top: Option<&Top>) -> Result<bool> {
        let Some(&Top { attempt, word, .. }) = top else { return Ok(true) };
        match word {
            Some(Word::Free) => Ok(true),
            Some(Word::Done) => Err(state(format!("job {id} is done: there is nothing left to do"))),
            Some(Word::Failed) => {
                Err(state(format!("job {id} failed, and its owner has not put it back into the line: try again later")))
            }
            None => match self.judge.life(&self.folder, Scope::Job(id), attempt)? {
                Life::Ended => Ok(true),
                Life::Lives { who, at_most } => {
                    Err(busy(describe(&format_args!("job {id}"), attempt, who.as_ref(), at_most)))
                }
            },
        }
    }

    /// Claims a job and reads it; `None` if somebody was faster, or the job is not there any more.
    fn claim(&mut self, order: u64, id: u64, attempt: u64, want: Want) -> Result<Option<Given>> {
        if u32::try_from(attempt).is_err() {
            let error = corrupt(format!("job {id} was claimed {attempt} times, which nobody did: clean its claims"));
            return if want == Want::Oldest { Ok(None) } else { Err(error) };
        }
        let Some(claim) = Claim::make(&self.folder, Scope::Job(id), attempt)? else { return Ok(None) };
        let top = tops(&files::list(&self.folder.claims())?.0).get(&id).map_or(0, |top| top.attempt);
        if top > attempt {
            // What was looked at was so old that later claims had come and this one's number was free again.
            claim.unmake(&self.folder)?;
            return Ok(None);
        }
        match self.read(order, id, attempt) {
            Ok(Some((given, next))) => {
                self.held = Some(Held { id, claim, next });
                Ok(Some(given))
            }
            Ok(None) => claim.end(&self.folder, Word::Free, b"").map(|()| None),
            Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Version) => {
                // Not the job's fault: another worker may do better.
                claim.end(&self.folder, Word::Free, b"")?;
                Err(error)
            }
            Err(error) => {
                // The ticket is damaged: the owner counts it as a failure, and sets the job aside after the third.
                let reason = Some(error.message().to_owned());
                let said = JobState { job: id, attempt: attempt as u32, state: State::Failed as u8, reason };
                claim.end(&self.folder, Word::Failed, self.packer.job_state(&said))?;
                if want == Want::Oldest { Ok(None) } else { Err(error) }
            }
        }
    }

    /// The job as its ticket has it, and the number of the next message; `None` if it is no longer in line.
    fn read(&self, order: u64, id: u64, attempt: u64) -> Result<Option<(Given, u64)>> {
        let Some(frame) = self.read_ticket(order, id)? else { return Ok(None) };
        let Message::Job(mut job) = wire::one(&frame.metadata)? else {
            return Err(value(format!("the ticket of job {id} holds another message: its owner is at fault")));
        };
        let (wire::Densities { nx, ny, channels, hash: named, .. }, got) =
            (&job.densities, frame.densities.len() as u64);
        let expected = [*nx, *ny, *channels].iter().try_fold(1u64, |product, &n| product.checked_mul(n.into()));
        if job.selection.id != id || frame.job != id || expected != Some(got) {
            return Err(value(format!(
                "the ticket of job {id} is that of job {} with {nx} x {ny} x {channels} densities, and holds {got}: its owner is at fault",
                job.selection.id
            )));
        }
        if hash(&frame.densities) != *named {
            return Err(corrupt(format!("the densities of job {id} are not those that its ticket names")));
        }
        let (known, next) = self.known(id, attempt)?;
        (job.attempt, job.accepted) = (attempt as u32, known.pack());
        job.lease_s = self.folder.options.lease.as_secs_f64();
        Ok(Some((Given { job: *job, densities: frame.densities }, next)))
    }

    /// A ticket, which the owner may have moved to the end of the line just now, and which may be under way on its file
    /// system.
    fn read_ticket(&self, order: u64, id: u64) -> Result<Option<Frame>> {
        let mut name = names::ticket(order, id);
        loop {
            let read = || Frame::read(&self.folder.jobs().join(&name), Kind::Ticket);
            if let Some(frame) = self.folder.settled(read)? {
                return Ok(Some(frame));
            }
            let (all, _) = files::list(&self.folder.jobs())?;
            let of_job = |name: &String| names::parse_ticket(name).is_some_and(|(_, job)| job == id);
            match all.into_iter().find(of_job) {
                Some(moved) if moved != name => name = moved,
                _ => return Ok(None),
            }
        }
    }

    /// The windows that need not be measured again, and the number of the next message. Adopts what earlier attempts
    /// left for the owner.
    fn known(&self, id: u64, attempt: u64) -> Result<(Windows, u64)> {
        let (inbox, mut next, mut known) = (self.folder.inbox(), 1, Windows::default());
        let (names, _) = files::list(&inbox)?;
        let mut left: Vec<_> = names.iter().filter_map(|name| names::parse_message(name)).collect();
        left.retain(|(job, by, _)| *job == id && *by < attempt);
        left.sort_unstable();
        for (_, by, number) in left {
            let adopted = inbox.join(names::message(id, attempt, next));
            // The owner may take it in meanwhile; then it is a result.
            if !files::rename(&inbox.join(names::message(id, by, number)), &adopted)? {
                continue;
            }
            next += 1;
            // One that cannot be read is the owner's to deal with, and its window is measured again.
            let Ok(Some(frame)) = Frame::read(&adopted, Kind::Message) else { continue };
            if let Ok(Message::RdfSample(sample)) = wire::one(&frame.metadata) {
                let _ = known.add(&sample.observable, sample.window);
            }
        }
        for name in files::list_if_there(&self.folder.results(id))? {
            if let Some((observable, window)) = names::parse_result(&name) {
                // Files beyond what one job may have are nobody's.
                let _ = known.add(observable, window);
            }
        }
        Ok((known, next))
    }

    /// Why a job that was named is not in line.
    fn not_in_line(&self, id: u64) -> Error {
        let is_over =
            |how: &str| matches!(files::look_at(&self.folder.over().join(format!("{id}.{how}"))), Ok(Some(_)));
        if is_over("done") {
            return state(format!("job {id} is done: there is nothing left to do"));
        }
        if is_over("aside") {
            return state(format!("job {id} failed too often and was set aside: look at its log"));
        }
        unknown(format!("there is no job {id} in {}: check the ticket", self.folder.path().display()))
    }

    fn held(&mut self) -> Result<&mut Held> {
        self.held.as_mut().ok_or_else(|| state("no job is held: take one first"))
    }
}

impl Desk for DirDesk {
    fn take(&mut self, want: Want, wait: &Wait<'_>) -> Result<Option<Given>> {
        self.put_back(false);
        let since = Instant::now();
        loop {
            if stopped(wait) {
                return Ok(None);
            }
            if let Some(given) = self.look(want)? {
                return Ok(Some(given));
            }
            if !rest_until(self.folder.options.poll, since, wait) {
                return Ok(None);
            }
        }
    }

    fn send(&mut self, message: &[u8], wait: &Wait<'_>) -> Result<Sent> {
        let folder = self.folder.clone();
        let Held { id, claim, next } = self.held()?;
        let viewed = wire::one(message)?;
        let (job, attempt) = match &viewed {
            Message::RdfSample(sample) => {
                check_sample(sample)?;
                (sample.job, sample.attempt)
            }
            Message::JobState(said) => (said.job, said.attempt),
            _ => return Err(argument("a worker sends samples and states of its job, nothing else")),
        };
        if (job, u64::from(attempt)) != (*id, claim.attempt) {
            return Err(argument(format!(
                "the message is of job {job}, attempt {attempt}, where job {id}, attempt {} is held",
                claim.attempt
            )));
        }
        claim.check(&folder)?;
        let word = match &viewed {
            Message::JobState(said) => match state_of(said.state)? {
                State::Started => None,
                State::Done => Some(Word::Done),
                State::Failed => Some(Word::Failed),
                State::Interrupted | State::Issued => Some(Word::Free),
                State::Returned => return Err(state(format!("job {id} cannot be returned by a worker: say failed"))),
            },
            _ => None,
        };
        if let Some(word) = word {
            claim.end(&folder, word, message)?;
            self.held = None;
            return Ok(Sent::Out);
        }
        let (since, most) = (Instant::now(), u64::from(folder.options.pending_max));
        // The owner takes a job's messages in order, so this one tells whether so many wait.
        while *next > most
            && files::look_at(&folder.inbox().join(names::message(*id, claim.attempt, *next - most)))?.is_some()
        {
            if stopped(wait) {
                return Ok(Sent::Stopped);
            }
            if !rest_until(folder.options.poll, since, wait) {
                return Ok(if stopped(wait) { Sent::Stopped } else { Sent::Full });
            }
            claim.check(&folder)?;
        }
        let (attempt, number, metadata) = (claim.attempt, *next, message.to_vec());
        let frame = Frame { kind: Kind::Message, job, attempt, number, metadata, densities: Vec::new() };
        folder.write(&frame)?.rename(&folder.inbox().join(names::message(job, attempt, number)))?;
        *next += 1;
        Ok(Sent::Out)
    }

    fn alive(&mut self) -> Result<()> {
        let folder = self.folder.clone();
        self.held()?.claim.check(&folder)
    }

    fn put_back(&mut self, settled: bool) {
        let Some(Held { id, mut claim, .. }) = self.held.take() else { return };
        // A fenced one has nothing to give back; one that cannot be written comes back when the lease is over.
        if !settled && claim.check(&self.folder).is_ok() {
            let attempt = claim.attempt as u32;
            let said = JobState { job: id, attempt, state: State::Issued as u8, reason: None };
            let _ = claim.end(&self.folder, Word::Free, self.packer.job_state(&said));
        }
    }
}

impl Drop for DirDesk {
    fn drop(&mut self) {
        self.put_back(false);
    }
}

fn stopped(wait: &Wait<'_>) -> bool {
    wait.stop.is_some_and(|stop| stop.load(std::sync::atomic::Ordering::Relaxed))
}

/// Sleeps for `poll`, less if the time of `wait` is over before or it is stopped; then false.
fn rest_until(poll: Duration, since: Instant, wait: &Wait<'_>) -> bool {
    let until = Instant::now() + poll;
    loop {
        let left = wait.timeout.saturating_sub(since.elapsed());
        if left.is_zero() || stopped(wait) {
            return false;
        }
        let pause = until.saturating_duration_since(Instant::now());
        if pause.is_zero() {
            return true;
        }
        files::rest(pause.min(left).min(SLICE));
    }
}
