//! What a new owner reads in a folder that another one left: tickets, claims, results.
//!
//! An attempt that has no last word, or one that was not dealt with, is held as far as the line knows, and so is one whose
//! messages wait: the first turns then take these in, and its end. A failure that was counted and not dealt with is counted then.
//! What a run's log told the line before stays as it is: it knows more.
//! Not here: the turns ([`super::office`]).

use std::collections::HashSet;

use super::super::line::Line;
use super::super::past::Past;
use super::super::windows::Windows;
use super::claim::{Scope, Top, read_who, tops};
use super::files;
use super::frame::{Frame, Kind};
use super::names::{self, Word};
use super::office::{DirOffice, Todo};
use crate::dynim::{FAILURES_MAX, State};
use crate::error::{ErrorKind, Result, corrupt};
use crate::wire::{self, Message};

impl DirOffice {
    /// Tells `line` of the jobs that are under way; those that it knows already stay as they are.
    pub(super) fn recall(&mut self, line: &mut Line) -> Result<()> {
        let (names, _) = files::list(&self.folder.jobs())?;
        let mut tickets: Vec<_> = names.iter().filter_map(|name| names::parse_ticket(name)).collect();
        tickets.sort_unstable();
        let tops = tops(&files::list(&self.folder.claims())?.0);
        let (inbox, _) = files::list(&self.folder.inbox())?;
        let messages = inbox.iter().filter_map(|name| names::parse_message(name));
        let waiting: HashSet<_> = messages.map(|(id, attempt, _)| (id, attempt)).collect();
        for (order, id) in tickets {
            let path = self.folder.jobs().join(names::ticket(order, id));
            // Two tickets of one job: the owner before never leaves that, so somebody copied one.
            let read = if self.tickets.contains_key(&id) {
                Err(corrupt("the job has an earlier ticket"))
            } else {
                self.folder.settled(|| Frame::read_head(&path, Kind::Ticket))
            };
            let job = match read {
                Ok(None) => continue,
                Ok(Some(frame)) => match wire::one(&frame.metadata) {
                    Ok(Message::Job(job)) if job.selection.id == id && frame.job == id => Some(job),
                    _ => None,
                },
                Err(error) if error.kind() == ErrorKind::Io => return Err(error),
                Err(_) => None,
            };
            if job.is_none() {
                self.move_to_bad(&path)?;
                continue;
            }
            // Of tickets only: a foreign file must not have the line go on beyond the highest place.
            self.next_order = self.next_order.max(order + 1);
            self.tickets.insert(id, order);
            match line.past(id) {
                None => line.recall(id, self.past(id, tops.get(&id), &waiting)?)?,
                // A run's log knows that it is over, and its owner ended before it moved the ticket.
                Some(past) if past.failures >= FAILURES_MAX => self.todo.push((id, Todo::Over(Word::Failed))),
                Some(past) if past.state == State::Done => self.todo.push((id, Todo::Over(Word::Done))),
                Some(past) if past.state == State::Returned => self.todo.push((id, Todo::Out)),
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn past(&self, id: u64, top: Option<&Top>, waiting: &HashSet<(u64, u64)>) -> Result<Past> {
        let mut accepted = Windows::default();
        for name in files::list_if_there(&self.folder.results(id))? {
            if let Some((observable, window)) = names::parse_result(&name) {
                // Files beyond what one job may have are nobody's.
                let _ = accepted.add(observable, window);
            }
        }
        let Some(&Top { attempt, word, failures }) = top else {
            return Ok(Past { attempt: 0, failures: 0, state: State::Issued, holder: None, accepted });
        };
        let is_held = word != Some(Word::Free) || waiting.contains(&(id, attempt));
        let failures = failures - u32::from(word == Some(Word::Failed));
        let who = || read_who(&self.folder, Scope::Job(id), attempt).map_or("somebody".into(), |who| who.to_string());
        let state = match () {
            () if is_held => State::Started,
            () if failures > 0 => State::Failed,
            () => State::Issued,
        };
        Ok(Past { attempt: attempt as u32, failures, state, holder: is_held.then(who), accepted })
    }
}
