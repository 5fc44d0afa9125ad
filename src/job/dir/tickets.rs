//! Tickets, the owner's side: written once, found again by whoever comes after, moved within the line.
//!
//! Not here: when ([`super::office`]), reading all of them back ([`super::recall`]), taking one ([`super::desk`]).

use std::path::PathBuf;

use super::super::transport::Office;
use super::claim::{Claim, Scope};
use super::files;
use super::frame::{Frame, Kind};
use super::names::{self, Word};
use super::office::DirOffice;
use crate::error::{Result, conflict, value};
use crate::wire::{self, Job, Message, Place};

impl DirOffice {
    /// Whether a job's ticket is written, or the job over, which is told then.
    pub(super) fn find(&mut self, id: u64, is_same: impl Fn(&Job) -> bool) -> Result<bool> {
        let over = [Word::Done, Word::Failed].map(|word| (word, self.over_path(id, word)));
        let known = self.tickets.get(&id).map(|order| self.folder.jobs().join(names::ticket(*order, id)));
        let places = known.into_iter().map(|path| (None, path));
        for (word, path) in places.chain(over.map(|(word, path)| (Some(word), path))) {
            let Some(frame) = Frame::read_head(&path, Kind::Ticket)? else { continue };
            let Message::Job(known) = wire::one(&frame.metadata)? else {
                return Err(value(format!("{} holds another message: remove it", path.display())));
            };
            if !is_same(&known) {
                return Err(conflict(format!(
                    "{} is job {id} of another run, with other densities: give this run a folder of its own",
                    path.display()
                )));
            }
            self.over.extend(word.map(|word| (id, word)));
            return Ok(true);
        }
        Ok(false)
    }

    /// Writes a job's ticket, or finds it written or over.
    pub(super) fn write_ticket(&mut self, job: &Job, densities: &[f32]) -> Result<()> {
        let id = job.selection.id;
        if self.find(id, |known| known.densities.hash == job.densities.hash)? {
            return Ok(());
        }
        // A job that was given out before it was taken out of the line: the next attempt has to be above the last.
        self.end_attempt(id, job.attempt.into())?;
        let mut job = Job { attempt: 0, accepted: Vec::new(), ask: 0, lease_s: self.lease_s(), ..job.clone() };
        (job.densities.place, job.densities.path) = (Place::File, None);
        // The message is as long whatever the offset is.
        job.densities.offset = super::frame::start_of_densities(self.packer.job(&job).len()) as u64;
        let (metadata, densities) = (self.packer.job(&job).to_vec(), densities.to_vec());
        let frame = Frame { kind: Kind::Ticket, job: id, attempt: 0, number: self.next_order, metadata, densities };
        self.folder.write(&frame)?.rename(&self.folder.jobs().join(names::ticket(self.next_order, id)))?;
        self.tickets.insert(id, self.next_order);
        self.next_order += 1;
        Ok(())
    }

    pub(super) fn over_path(&self, id: u64, word: Word) -> PathBuf {
        let how = if word == Word::Done { "done" } else { "aside" };
        self.folder.over().join(format!("{id}.{how}"))
    }

    /// Moves a ticket to the end of the line.
    pub(super) fn move_to_end(&mut self, id: u64) -> Result<()> {
        let Some(order) = self.tickets.get(&id).copied() else { return Ok(()) };
        let jobs = self.folder.jobs();
        files::rename(&jobs.join(names::ticket(order, id)), &jobs.join(names::ticket(self.next_order, id)))?;
        self.tickets.insert(id, self.next_order);
        self.next_order += 1;
        Ok(())
    }

    /// Makes an attempt one that is over, so that the next one is above it. There is no attempt 0.
    pub(super) fn end_attempt(&self, id: u64, attempt: u64) -> Result<()> {
        if attempt > 0 {
            drop(Claim::make(&self.folder, Scope::Job(id), attempt)?);
            Scope::Job(id).end(&self.folder, attempt, Word::Free, b"")?;
        }
        Ok(())
    }
}
