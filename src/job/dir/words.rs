//! How attempts end, as the owner deals with it: last words, and workers that died without one.
//!
//! The name of the file counts: `.done`, `.failed` or `.free`. What is in it adds the reason, and whether a job was
//! interrupted or put back; a free one with nothing in it was freed by the owner, since its worker is gone.
//! Not here: the turns ([`super::office`]), messages ([`super::inbox`]).

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::super::line::Line;
use super::super::past::Moved;
use super::super::transport::{Applied, Deliver, apply};
use super::claim::{Life, Scope, Top};
use super::frame::{Frame, Kind};
use super::names::Word;
use super::office::{DirOffice, Todo};
use crate::dynim::{FAILURES_MAX, State};
use crate::error::Result;
use crate::wire::{self, JobState, Message};

impl DirOffice {
    /// Applies last words, and frees the jobs of the dead. Jobs that have messages waiting keep theirs.
    pub(super) fn words(
        &mut self,
        line: &mut Line,
        stream: &mut dyn Deliver,
        tops: &HashMap<u64, Top>,
        waiting: &HashSet<u64>,
    ) -> Result<bool> {
        let mut happened = false;
        let ids: Vec<u64> = self.tickets.keys().copied().filter(|id| !waiting.contains(id)).collect();
        for id in ids {
            let Some(&Top { attempt, word, .. }) = tops.get(&id) else { continue };
            let holds = line.holds(id, attempt as u32);
            match word {
                Some(word) if holds => self.last_word(line, stream, id, attempt, word)?,
                // It was freed as dead, and then said that it had done it.
                Some(Word::Done) => {
                    let moved = line.decide(id, State::Done)?;
                    if moved != Moved::Known {
                        stream.moved(id, State::Done, moved, None);
                    }
                    self.tidy(id, Todo::Over(Word::Done))?;
                }
                // An earlier owner counted it, and ended before it put the job back.
                Some(Word::Failed) => self.put_back_failed(line, id, attempt)?,
                None if holds && matches!(self.judge.life(&self.folder, Scope::Job(id), attempt)?, Life::Ended) => {
                    Scope::Job(id).end(&self.folder, attempt, Word::Free, b"")?;
                    self.next_look = Instant::now();
                }
                _ => continue,
            }
            happened = true;
        }
        Ok(happened)
    }

    fn last_word(
        &mut self,
        line: &mut Line,
        stream: &mut dyn Deliver,
        id: u64,
        attempt: u64,
        word: Word,
    ) -> Result<()> {
        let path = Scope::Job(id).word_path(&self.folder, attempt, word);
        // The name counts; what cannot be read is a reason that is lost.
        let message = Frame::read(&path, Kind::Word).ok().flatten().filter(|frame| !frame.metadata.is_empty());
        let said = message.and_then(|frame| match wire::one(&frame.metadata) {
            Ok(Message::JobState(said)) => Some(said),
            _ => None,
        });
        let fits = |state: u8| match word {
            Word::Done => state == State::Done as u8,
            Word::Failed => state == State::Failed as u8,
            Word::Free => state == State::Interrupted as u8 || state == State::Issued as u8,
        };
        let state = match (&said, word) {
            (Some(said), _) if fits(said.state) => said.state,
            (_, Word::Done) => State::Done as u8,
            (_, Word::Failed) => State::Failed as u8,
            (_, Word::Free) => {
                // Freed by the owner: its worker died.
                line.died(id, attempt as u32);
                stream.say(format!("the worker of job {id}, attempt {attempt}, is gone: the job is in line again"));
                stream.moved(id, State::Issued, Moved::Back, None);
                return Ok(());
            }
        };
        let said = JobState { job: id, attempt: attempt as u32, state, reason: said.and_then(|said| said.reason) };
        match apply(line, stream, Message::JobState(said)) {
            Applied::Taken(Moved::Over) => self.tidy(id, Todo::Over(Word::Done)),
            Applied::Taken(_) if word == Word::Failed => self.put_back_failed(line, id, attempt),
            _ => Ok(()),
        }
    }

    /// Puts a failed job to the end of the line, or aside.
    pub(super) fn put_back_failed(&mut self, line: &Line, id: u64, attempt: u64) -> Result<()> {
        if line.past(id).is_some_and(|past| past.failures >= FAILURES_MAX) {
            return self.tidy(id, Todo::Over(Word::Failed));
        }
        self.move_to_end(id)?;
        self.tidy(id, Todo::Free { attempt })
    }
}
