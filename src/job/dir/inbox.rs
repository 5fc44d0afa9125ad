//! Taking in what workers sent: messages in the order of job, attempt and number, results moved, what cannot be read put
//! out of the way.
//!
//! A message counts under the attempt that its name says: the attempt that its writer had, or the one that adopted it.
//! Not here: which message counts ([`super::super::transport::apply`]), last words ([`super::words`]).

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Instant;

use super::super::line::Line;
use super::super::transport::{Applied, Deliver, apply};
use super::claim::Top;
use super::files;
use super::frame::{Frame, Kind};
use super::names;
use super::office::DirOffice;
use crate::error::{Error, ErrorKind, Result, value};
use crate::wire::{self, Message};

/// The most messages of one turn, and their bytes but for the last: whoever waits for the owner has its turn between.
const MESSAGES_MAX: usize = 256;
const BYTES_MAX: usize = 8 << 20;

/// What became of one file.
enum Became {
    /// It is gone from the inbox; so many bytes of message were in it.
    Taken(usize),
    /// It stays, and what is behind it of the same job.
    Waits,
    /// Somebody else moved it: it may have another name.
    Gone,
}

impl DirOffice {
    /// Takes in what can be taken, as much as one turn may; with more there the next turn is due at once. Whether anything
    /// happened, and the jobs that have messages which stay or were moved.
    pub(super) fn take_in(
        &mut self,
        line: &mut Line,
        stream: &mut dyn Deliver,
        tops: &HashMap<u64, Top>,
    ) -> Result<(bool, HashSet<u64>)> {
        let (listed, _) = files::list(&self.folder.inbox())?;
        let mut messages: Vec<_> = listed.iter().filter_map(|name| names::parse_message(name)).collect();
        messages.sort_unstable();
        let (mut taken, mut bytes, mut waiting) = (0, 0, HashSet::new());
        for (id, attempt, number) in messages {
            if waiting.contains(&id) {
                continue;
            }
            if taken >= MESSAGES_MAX || bytes >= BYTES_MAX {
                waiting.insert(id);
                self.next_look = Instant::now();
                continue;
            }
            let top = tops.get(&id).map_or(0, |top| top.attempt);
            match self.one(line, stream, (id, attempt, number), top)? {
                Became::Taken(read) => (taken, bytes) = (taken + 1, bytes + read),
                // One that is gone was adopted by the next attempt, and comes under its number: a last word waits for it too.
                Became::Waits | Became::Gone => drop(waiting.insert(id)),
            }
        }
        let inbox = self.folder.inbox();
        let (there, jobs): (HashSet<String>, _) = (listed.into_iter().collect(), self.folder.jobs());
        self.doubtful.retain(|path, _| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            path.starts_with(&jobs) || (path.starts_with(&inbox) && there.contains(name))
        });
        Ok((taken > 0, waiting))
    }

    fn one(
        &mut self,
        line: &mut Line,
        stream: &mut dyn Deliver,
        (id, attempt, number): (u64, u64, u64),
        top: u64,
    ) -> Result<Became> {
        let path = self.folder.inbox().join(names::message(id, attempt, number));
        if attempt > top && self.tickets.contains_key(&id) {
            // Its claim came after the list was made; a file that nobody claimed for goes in time.
            return self.doubt(line, stream, &path, &value("nobody has claimed that attempt: it is misplaced"));
        }
        let (mut message, bytes) = match Frame::read(&path, Kind::Message) {
            Ok(Some(frame)) => match view(&frame, id, attempt) {
                Ok(message) => (message, frame.metadata.len()),
                Err(error) => {
                    // Its checksums fit, so it was written like this.
                    self.put_away(line, stream, &path, &error)?;
                    return Ok(Became::Taken(frame.metadata.len()));
                }
            },
            Ok(None) => return Ok(Became::Gone),
            Err(error) => return self.doubt(line, stream, &path, &error),
        };
        let mut result = None;
        match &mut message {
            Message::RdfSample(sample) => {
                sample.attempt = attempt as u32;
                result = Some(names::result(&sample.observable, sample.window));
            }
            Message::JobState(said) => said.attempt = attempt as u32,
            _ => {}
        }
        match apply(line, stream, message) {
            Applied::Later => return Ok(Became::Waits),
            Applied::Refused(error) => stream.say(format!("a message of job {id} was refused: {error}")),
            Applied::Taken(_) => {
                if stream.settle().is_err() {
                    return Ok(Became::Waits);
                }
                if let Some(name) = result {
                    // The first one stays; what was accepted before an owner ended may only now come to its place.
                    match self.folder.make_results(id) {
                        Ok(results) => drop(files::link(&path, &results.join(name))?),
                        Err(error) if error.kind() == ErrorKind::Corrupt => {
                            return self.doubt(line, stream, &path, &error);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        files::remove(&path)?;
        Ok(Became::Taken(bytes))
    }

    /// A file that cannot be read or placed: left for a while, since it may be under way, then put away.
    fn doubt(&mut self, line: &mut Line, stream: &mut dyn Deliver, path: &Path, error: &Error) -> Result<Became> {
        // Never at first sight: the list of claims is older than that of messages.
        match self.doubtful.get(path) {
            Some(since) if since.elapsed() >= self.folder.options.settle => {}
            Some(_) => return Ok(Became::Waits),
            None => {
                self.doubtful.insert(path.to_owned(), Instant::now());
                return Ok(Became::Waits);
            }
        }
        self.put_away(line, stream, path, error)?;
        Ok(Became::Taken(0))
    }

    fn put_away(&mut self, line: &mut Line, stream: &mut dyn Deliver, path: &Path, error: &Error) -> Result<()> {
        line.refuse();
        stream.say(format!("{} is put into bad/: {error}", path.display()));
        self.move_to_bad(path)
    }

    /// Moves a file into `bad`, under a name that says where it was.
    pub(super) fn move_to_bad(&mut self, path: &Path) -> Result<()> {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut target = self.folder.bad().join(format!("{folder}.{name}"));
        while files::look_at(&target)?.is_some() {
            target = self.folder.bad().join(format!("{folder}.{name}.{}", self.moved_bad));
            self.moved_bad += 1;
        }
        files::rename(path, &target)?;
        self.doubtful.remove(path);
        self.moved_bad += 1;
        Ok(())
    }
}

/// The message of a file, if it is of the job that its name says.
fn view(frame: &Frame, id: u64, attempt: u64) -> Result<Message> {
    let message = wire::one(&frame.metadata)?;
    let (job, by) = match &message {
        Message::RdfSample(sample) => (sample.job, sample.attempt),
        Message::JobState(said) => (said.job, said.attempt),
        _ => return Err(value("it holds another message than a sample or a state")),
    };
    if job != id || frame.job != id || u64::from(by) != frame.attempt || frame.attempt > attempt {
        return Err(value(format!("it is of job {job}, attempt {by}, and lies under another name")));
    }
    Ok(message)
}
