//! `shm:NAME`, the owner's side: a counter for each worker's lane, where asks wait until there is a job, and at most one
//! job is out.
//!
//! Not here: the worker's side ([`super::desk`]), who opens lanes (`crate::stream`).

use std::collections::VecDeque;
use std::hash::Hasher;

use twox_hash::XxHash3_64;

use super::line::Line;
use super::parcel::{Assembly, KIND_MESSAGE};
use super::past::{Moved, Want};
use super::status;
use super::transport::{Applied, Deliver, Office, apply};
use crate::dynim::State;
use crate::error::{Error, ErrorKind, Result, corrupt, fenced};
use crate::lane::Lane;
use crate::ring::{Header, OnFull, Sent};
use crate::wire::{self, Ask, Job, Message, Packer, Refusal};

/// The most refusals that wait for room in one lane.
const NOTES_MAX: usize = 4;

/// The owner's office.
#[derive(Default)]
pub(crate) struct ShmOffice {
    counters: Vec<Counter>,
    /// How many asks have come.
    asked: u64,
    packer: Packer,
    /// Lanes that were given up.
    gone: Vec<Lane>,
}

/// A worker, seen from the owner.
struct Counter {
    lane: Lane,
    /// As a second one is told: its process and program.
    who: String,
    /// The ask that waits, and its number among all.
    ask: Option<(u64, Ask)>,
    /// The job that it has.
    held: Option<Held>,
    /// Refusals that wait for room.
    notes: VecDeque<Refusal>,
    assembly: Assembly,
    /// Its next message has to wait until there is room for its sample.
    blocked: bool,
    /// There was no room for the job that it asks for.
    full: bool,
}

#[derive(Clone, Copy)]
struct Held {
    id: u64,
    attempt: u32,
    /// The ask that it was given for.
    ask: u64,
}

impl ShmOffice {
    /// Gives jobs to those who ask, the longest waiting first.
    fn serve(&mut self, line: &mut Line, stream: &mut dyn Deliver) -> bool {
        let has_jobs = line.waiting().next().is_some();
        let mut asking: Vec<(u64, usize)> = Vec::new();
        for (at, counter) in self.counters.iter().enumerate() {
            // Idle workers cost nothing while there is no job.
            let ask = counter.ask.filter(|(_, ask)| ask.job != 0 || has_jobs);
            asking.extend(ask.map(|(order, _)| (order, at)));
        }
        asking.sort_unstable();
        let mut any = false;
        for (_, at) in asking {
            if self.counters[at].ask.is_some_and(|(_, ask)| ask.job == 0) && line.waiting().next().is_none() {
                continue;
            }
            match self.counters[at].serve(&mut self.packer, line, stream) {
                Ok(served) => any |= served,
                Err(error) => {
                    self.give_up(at, line, stream, Some(error));
                    // Places have moved; the others have their turn next time.
                    return true;
                }
            }
        }
        any
    }

    /// A worker is gone, or its lane is spoilt.
    fn give_up(&mut self, at: usize, line: &mut Line, stream: &mut dyn Deliver, spoilt: Option<Error>) {
        let counter = self.counters.swap_remove(at);
        let died = spoilt.is_none() && !counter.lane.from.is_closed();
        if let Some(error) = &spoilt {
            line.refuse();
            stream.say(format!("{}: its lane is given up: {error}", counter.who));
        }
        if let Some(Held { id, attempt, .. }) = counter.held {
            if died {
                stream.say(format!("{} died with job {id}, attempt {attempt}: the job is first in line", counter.who));
            }
            let back = if died { line.died(id, attempt) } else { line.put_back(id, attempt) };
            if back {
                stream.moved(id, State::Issued, Moved::Back, Some("its worker is gone"));
            }
        }
        self.gone.push(counter.lane);
    }
}

impl Office for ShmOffice {
    fn issue(&mut self, _: &Job, _: &[f32]) -> Result<()> {
        Ok(())
    }

    fn decided(&mut self, id: u64, attempt: Option<u32>, _: State, moved: Moved) {
        if matches!(moved, Moved::Known | Moved::Kept) {
            // Whoever has it keeps it.
            return;
        }
        for counter in &mut self.counters {
            if let Some(held) = counter.held.take_if(|held| held.id == id && Some(held.attempt) == attempt) {
                counter.note(held.id, held.attempt, "its host took it away");
            }
        }
    }

    fn turn(&mut self, line: &mut Line, stream: &mut dyn Deliver) -> Result<bool> {
        let (mut any, mut at) = (false, 0);
        while at < self.counters.len() {
            let counter = &mut self.counters[at];
            let mut drained = counter.drain(line, stream, &mut self.asked);
            let mut gone = false;
            if drained.is_ok() && (counter.lane.from.is_closed() || !counter.lane.lives()) {
                // What it sent before it went comes first.
                drained = counter.drain(line, stream, &mut self.asked).map(|more| more | true);
                gone = !counter.blocked;
            }
            match drained {
                Ok(some) => any |= some,
                Err(error) => {
                    self.give_up(at, line, stream, Some(error));
                    any = true;
                    continue;
                }
            }
            if gone {
                self.give_up(at, line, stream, None);
                continue;
            }
            at += 1;
        }
        for counter in &mut self.counters {
            counter.send_notes(&mut self.packer);
        }
        Ok(self.serve(line, stream) | any)
    }

    fn has_work(&mut self, line: &Line) -> bool {
        let waits = line.waiting().next().is_some();
        self.counters.iter_mut().any(|counter| {
            let wanted = |ask: &(u64, Ask)| ask.1.job != 0 || waits;
            let from = &mut counter.lane.from;
            !counter.full && counter.ask.as_ref().is_some_and(wanted)
                || !counter.blocked && from.refresh() != from.position()
        })
    }

    fn welcome(&mut self, lane: Lane) {
        let who = format!("process {} ({})", lane.pid(), lane.label());
        self.counters.push(Counter {
            lane,
            who,
            ask: None,
            held: None,
            notes: VecDeque::new(),
            assembly: Assembly::default(),
            blocked: false,
            full: false,
        });
    }

    fn gone(&mut self) -> Vec<Lane> {
        std::mem::take(&mut self.gone)
    }

    fn workers(&self) -> usize {
        self.counters.len()
    }

    fn lease_s(&self) -> f64 {
        0.0
    }
}

impl Counter {
    /// Takes in all that the worker has sent.
    fn drain(&mut self, line: &mut Line, stream: &mut dyn Deliver, asked: &mut u64) -> Result<bool> {
        let mut any = false;
        self.blocked = false;
        // No more than what is there now, so that one worker cannot keep the owner.
        let end = self.lane.from.refresh();
        loop {
            let Some(record) = self.lane.from.peek()? else { return Ok(any) };
            let before = self.assembly.len();
            if let Some(bytes) = self.assembly.add(&record)? {
                let message = wire::one(bytes)?;
                if !self.hear(message, line, stream, asked)? {
                    // The last part stays in its slot and is added again.
                    self.assembly.truncate(before);
                    self.blocked = true;
                    return Ok(any);
                }
                self.assembly.clear();
            }
            any = true;
            self.lane.from.advance();
            if self.lane.from.position() >= end {
                return Ok(true);
            }
        }
    }

    /// One message. `false`: there is no room for its sample yet.
    fn hear(&mut self, message: Message, line: &mut Line, stream: &mut dyn Deliver, asked: &mut u64) -> Result<bool> {
        let (id, attempt) = match &message {
            Message::Ask(ask) => {
                self.hear_ask(*ask, line, stream, asked);
                return Ok(true);
            }
            Message::RdfSample(sample) => (sample.job, sample.attempt),
            Message::JobState(said) => (said.job, said.attempt),
            _ => return Err(corrupt("a message came that no worker sends")),
        };
        if self.held.is_none_or(|held| (held.id, held.attempt) != (id, attempt)) {
            line.refuse();
            self.note(id, attempt, "this worker does not have it");
            return Ok(true);
        }
        match apply(line, stream, message) {
            Applied::Later => return Ok(false),
            Applied::Taken(Moved::Known | Moved::Kept) => {}
            Applied::Taken(_) => self.held = None,
            Applied::Refused(error) => {
                stream.say(format!("{}, job {id}: {error}", self.who));
                if error.kind() == ErrorKind::Fenced {
                    self.held = None;
                    self.note(id, attempt, "its host took it away");
                }
            }
        }
        Ok(true)
    }

    fn hear_ask(&mut self, ask: Ask, line: &mut Line, stream: &mut dyn Deliver, asked: &mut u64) {
        // Cancelled, what was given for it comes back; a new one gives back whatever the worker had.
        let back = self.held.take_if(|held| !ask.cancelled || held.ask == ask.number);
        if let Some(Held { id, attempt, .. }) = back
            && line.put_back(id, attempt)
        {
            stream.moved(id, State::Issued, Moved::Back, None);
        }
        if ask.cancelled {
            self.ask.take_if(|open| open.1.number == ask.number);
        } else {
            *asked += 1;
            self.ask = Some((*asked, ask));
        }
    }

    /// Gives a job for the ask that waits.
    fn serve(&mut self, packer: &mut Packer, line: &mut Line, stream: &mut dyn Deliver) -> Result<bool> {
        let (Some((_, ask)), Some(to)) = (self.ask, &mut self.lane.to) else { return Ok(false) };
        let want = if ask.job == 0 { Want::Oldest } else { Want::Job(ask.job) };
        // A worker that reads nothing is looked at again, but nobody waits for it.
        let room = to.loan(0)?;
        self.full = room.is_none();
        let Some(room) = room else { return Ok(false) };
        to.abandon(room);
        let (id, attempt) = match line.take(want, &self.who) {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(false),
            Err(error) => {
                self.ask = None;
                let (status, sentence) = (status::number(error.kind()), error.message().to_owned());
                self.notes.push_back(Refusal { ask: ask.number, job: ask.job, attempt: 0, status, sentence });
                self.send_notes(packer);
                return Ok(true);
            }
        };
        // An attempt that was told counts, whatever happens to this process.
        if stream.given(id, attempt, &self.who).is_err() {
            line.put_back(id, attempt);
            return Ok(false);
        }
        let (mut job, densities) = match stream.job(id) {
            Ok(found) => found,
            Err(error) => {
                line.set_aside(id);
                stream.say(format!("job {id} is set aside, since it cannot be given out: {error}"));
                stream.moved(id, State::Failed, Moved::SetAside, Some(error.message()));
                return Ok(true);
            }
        };
        (job.attempt, job.ask) = (attempt, ask.number);
        job.accepted = line.past(id).map(|past| past.accepted.pack()).unwrap_or_default();
        let room = to.geometry().metadata_bytes();
        if packer.job(&job).len() > room {
            // Windows that the worker is not told of are known when they come.
            job.accepted.clear();
        }
        let message = packer.job(&job);
        let header = Header { kind: KIND_MESSAGE, id: message.len() as u64, ..Header::default() };
        let sent = to.send(header, densities, message, &OnFull::Answer);
        match sent {
            Ok(Sent::Committed) => {
                self.ask = None;
                self.held = Some(Held { id, attempt, ask: ask.number });
                Ok(true)
            }
            Ok(_) => {
                line.put_back(id, attempt);
                Ok(false)
            }
            Err(error) => {
                line.put_back(id, attempt);
                Err(error)
            }
        }
    }

    /// Tells the worker that it does not have a job, once there is room.
    fn note(&mut self, job: u64, attempt: u32, why: &str) {
        if self.notes.len() < NOTES_MAX {
            let error = fenced(format!(
                "attempt {attempt} of job {job} is over: {why}. Stop, and open the ticket again if it is to go on"
            ));
            let (status, sentence) = (status::number(error.kind()), error.message().to_owned());
            self.notes.push_back(Refusal { ask: 0, job, attempt, status, sentence });
        }
    }

    fn send_notes(&mut self, packer: &mut Packer) {
        let Some(to) = &mut self.lane.to else { return };
        while let Some(note) = self.notes.front() {
            let message = packer.refusal(note);
            let header = Header { kind: KIND_MESSAGE, id: message.len() as u64, ..Header::default() };
            // An error is told when the lane is looked at next.
            if !matches!(to.send(header, &[], message, &OnFull::Answer), Ok(Sent::Committed)) {
                return;
            }
            self.notes.pop_front();
        }
    }
}

/// XXH3 of densities, as little-endian bytes.
pub(crate) fn hash(densities: &[f32]) -> u64 {
    let mut hasher = XxHash3_64::new();
    let mut bytes = [0; 4096];
    for part in densities.chunks(bytes.len() / 4) {
        for (place, value) in bytes.chunks_exact_mut(4).zip(part) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        hasher.write(&bytes[..part.len() * 4]);
    }
    hasher.finish()
}
