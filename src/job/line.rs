//! The line of jobs: who is next, who has what, what came of it. A pure state machine: no clock, no files, no memory of
//! others.
//!
//! | a job is | in line | leaves by |
//! |---|---|---|
//! | waiting | at its place | being taken: the attempt goes up by one |
//! | held | no | done, failed, interrupted, put back, its worker's death, or the host's word |
//! | over | no | nothing: it is done, or failed three times and is set aside |
//! | out | no | being issued again: its pick was returned |
//!
//! Issued jobs and failed ones go to the end; what was interrupted, put back or lost with its worker goes to the front.
//! Not here: messages and transports ([`super::transport`]), densities, the pick's state in the sampler.

use std::collections::{BTreeMap, HashMap};

use super::past::{JobCounts, Moved, Past, Want};
use super::windows::Windows;
use crate::dynim::{FAILURES_MAX, State};
use crate::error::{Result, busy, fenced, state, unknown};

/// The line.
#[derive(Default)]
pub(crate) struct Line {
    jobs: HashMap<u64, Entry>,
    /// The jobs in line by their place, the smallest first.
    places: BTreeMap<i64, u64>,
    /// Below all places so far.
    front: i64,
    /// Above all places so far, or the same.
    back: i64,
    counts: JobCounts,
}

struct Entry {
    past: Past,
    /// Its place, while it is in line.
    place: Option<i64>,
}

impl Line {
    /// A new job at the end, or one whose pick was returned and is picked again.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if it is known otherwise.
    pub(crate) fn issue(&mut self, id: u64) -> Result<()> {
        match self.jobs.get_mut(&id) {
            None => {
                let past =
                    Past { attempt: 0, failures: 0, state: State::Issued, holder: None, accepted: Windows::default() };
                self.jobs.insert(id, Entry { past, place: None });
            }
            Some(Entry { past, .. }) if past.state == State::Returned => past.state = State::Issued,
            Some(Entry { past, .. }) => {
                return Err(state(format!("job {id} is {} already: a job is issued once", past.state)));
            }
        }
        self.join_end(id);
        Ok(())
    }

    /// A job of an earlier owner, at the end if it belongs into the line.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if it is known.
    pub(crate) fn recall(&mut self, id: u64, past: Past) -> Result<()> {
        if self.jobs.contains_key(&id) {
            return Err(state(format!("job {id} is known already: a job is issued once")));
        }
        let aside = past.failures >= FAILURES_MAX;
        let waits = !aside && past.holder.is_none() && !matches!(past.state, State::Done | State::Returned);
        self.counts.done += u64::from(past.state == State::Done);
        self.counts.set_aside += u64::from(aside);
        self.counts.held += u64::from(past.holder.is_some());
        self.jobs.insert(id, Entry { past, place: None });
        if waits {
            self.join_end(id);
        }
        Ok(())
    }

    /// Gives out a job to `who`: its id and attempt. `None`: the line is empty.
    ///
    /// # Errors
    /// Of a job that was named: [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is none,
    /// [`ErrorKind::Busy`](crate::error::ErrorKind::Busy) with who has it,
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if it is over or out.
    pub(crate) fn take(&mut self, want: Want, who: &str) -> Result<Option<(u64, u32)>> {
        let id = match want {
            Want::Job(id) => id,
            Want::Oldest => match self.places.first_key_value() {
                Some((_, &id)) => id,
                None => return Ok(None),
            },
        };
        let Entry { past, place } = self.jobs.get(&id).ok_or_else(|| no_job(id))?;
        if let Some(holder) = &past.holder {
            return Err(busy(format!("job {id} is run by {holder}, attempt {}: wait until it ends", past.attempt)));
        }
        if place.is_none() {
            return Err(state(match past.state {
                State::Done => format!("job {id} is done: there is nothing left to do"),
                State::Returned => format!("job {id} was taken back by its host: drop the ticket"),
                _ => format!("job {id} failed {} times and is set aside: look at its log", past.failures),
            }));
        }
        let attempt = past.attempt + 1;
        self.taken(id, attempt, who)?;
        Ok(Some((id, attempt)))
    }

    /// Somebody took a job by himself, with this attempt, and whoever had it before has lost it.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is no such job,
    /// [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) for an attempt that is not above the last,
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if it is over or out.
    pub(crate) fn taken(&mut self, id: u64, attempt: u32, who: &str) -> Result<()> {
        let Entry { past, place } = self.jobs.get_mut(&id).ok_or_else(|| no_job(id))?;
        if attempt <= past.attempt {
            return Err(lost(id, attempt, past));
        }
        if place.is_none() && past.holder.is_none() {
            return Err(state(format!("job {id} is {} and not in line: it cannot be taken", past.state)));
        }
        past.attempt = attempt;
        self.counts.given += 1;
        self.counts.held += u64::from(past.holder.is_none());
        past.holder = Some(who.to_owned());
        if let Some(place) = place.take() {
            self.places.remove(&place);
            self.counts.in_line -= 1;
        }
        Ok(())
    }

    /// The worker that has a job died: it goes to the front. `false` if that attempt no longer has it.
    pub(crate) fn died(&mut self, id: u64, attempt: u32) -> bool {
        let back = self.put_back(id, attempt);
        self.counts.deaths += u64::from(back);
        back
    }

    /// The worker that has a job gives it back without a word: it goes to the front. `false` if that attempt no longer
    /// has it.
    pub(crate) fn put_back(&mut self, id: u64, attempt: u32) -> bool {
        self.jobs.get(&id).is_some_and(|entry| entry.past.attempt == attempt) && self.release(id) && {
            self.set(id, State::Issued);
            self.join_front(id);
            true
        }
    }

    /// A word of the worker that has a job. [`State::Issued`] puts it back.
    ///
    /// # Errors
    /// Nothing changes, and it is counted. [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is no such
    /// job, [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) if that attempt does not have it,
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) for [`State::Returned`].
    pub(crate) fn say(&mut self, id: u64, attempt: u32, to: State) -> Result<Moved> {
        let answer = self.try_say(id, attempt, to);
        self.counts.refused += u64::from(answer.is_err());
        answer
    }

    fn try_say(&mut self, id: u64, attempt: u32, to: State) -> Result<Moved> {
        let past = &self.jobs.get(&id).ok_or_else(|| no_job(id))?.past;
        if past.attempt != attempt || past.holder.is_none() {
            // Said again by who has said it: its owner may have died between hearing and answering.
            let again = past.attempt == attempt && attempt != 0 && past.state == to;
            return if again { Ok(Moved::Known) } else { Err(lost(id, attempt, past)) };
        }
        match to {
            State::Returned => Err(state(format!("job {id} cannot be returned by a worker: say failed"))),
            State::Started if past.state == State::Started => Ok(Moved::Known),
            State::Started => {
                self.set(id, State::Started);
                Ok(Moved::Kept)
            }
            State::Issued => {
                self.put_back(id, attempt);
                Ok(Moved::Back)
            }
            State::Interrupted | State::Done | State::Failed => Ok(self.settle(id, to)),
        }
    }

    /// A word of the host, which knows better than whoever has the job: who has it loses it, but for
    /// [`State::Started`].
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is no such job.
    pub(crate) fn decide(&mut self, id: u64, to: State) -> Result<Moved> {
        let past = &self.jobs.get(&id).ok_or_else(|| no_job(id))?.past;
        if matches!(past.state, State::Done | State::Returned) || past.failures >= FAILURES_MAX {
            return Ok(Moved::Known);
        }
        match to {
            State::Started => {
                self.set(id, State::Started);
                Ok(Moved::Kept)
            }
            State::Issued => {
                self.release(id);
                self.set(id, State::Issued);
                self.join_front(id);
                Ok(Moved::Back)
            }
            State::Returned => {
                self.release(id);
                self.leave(id);
                self.set(id, State::Returned);
                Ok(Moved::Out)
            }
            State::Interrupted | State::Done | State::Failed => Ok(self.settle(id, to)),
        }
    }

    /// A sample of a job. `true`: accepted; `false`: that window was accepted before.
    ///
    /// # Errors
    /// Nothing changes, and it is counted. [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if there is no such
    /// job, [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) if that attempt does not have it, and those of the
    /// observable's name.
    pub(crate) fn sample(&mut self, id: u64, attempt: u32, observable: &str, window: u64) -> Result<bool> {
        let fresh = match self.jobs.get_mut(&id) {
            None => Err(no_job(id)),
            Some(Entry { past, .. }) if past.attempt != attempt || past.holder.is_none() => {
                Err(lost(id, attempt, past))
            }
            Some(Entry { past, .. }) => past.accepted.add(observable, window),
        };
        *match fresh {
            Ok(true) => &mut self.counts.accepted,
            Ok(false) => &mut self.counts.known,
            Err(_) => &mut self.counts.refused,
        } += 1;
        fresh
    }

    /// A window that was accepted under an earlier owner, as its log says.
    ///
    /// # Errors
    /// Those of the observable's name.
    pub(crate) fn remember(&mut self, id: u64, observable: &str, window: u64) -> Result<()> {
        if let Some(Entry { past, .. }) = self.jobs.get_mut(&id)
            && past.accepted.add(observable, window)?
        {
            self.counts.accepted += 1;
        }
        Ok(())
    }

    /// What was said of a job under an earlier owner, as its log says: by whoever had it, or by somebody who knew better.
    pub(crate) fn retrace(&mut self, id: u64, to: State) {
        let held = self.past(id).filter(|past| past.holder.is_some()).map(|past| past.attempt);
        // Of a job that is not there, or where it cannot go, nothing was done then either.
        let _ = match held {
            Some(attempt) if to != State::Returned => self.try_say(id, attempt, to),
            _ => self.decide(id, to),
        };
    }

    /// A message that could not be read, or of a job that its sender does not have.
    pub(crate) fn refuse(&mut self) {
        self.counts.refused += 1;
    }

    /// A job that cannot be given out, since what belongs to it is gone: set aside.
    pub(crate) fn set_aside(&mut self, id: u64) {
        self.release(id);
        self.leave(id);
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        if entry.past.failures < FAILURES_MAX && entry.past.state != State::Done {
            entry.past.failures = FAILURES_MAX;
            entry.past.state = State::Failed;
            entry.past.accepted = Windows::default();
            self.counts.set_aside += 1;
        }
    }

    /// What is known of a job.
    pub(crate) fn past(&self, id: u64) -> Option<&Past> {
        self.jobs.get(&id).map(|entry| &entry.past)
    }

    /// Whether that attempt has the job.
    pub(crate) fn holds(&self, id: u64, attempt: u32) -> bool {
        self.past(id).is_some_and(|past| past.attempt == attempt && past.holder.is_some())
    }

    /// The jobs that wait, the next one first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = u64> + '_ {
        self.places.values().copied()
    }

    /// All jobs that are not over, in no order.
    pub(crate) fn open(&self) -> impl Iterator<Item = u64> + '_ {
        self.jobs.iter().filter(|(_, entry)| entry.past.is_open()).map(|(&id, _)| id)
    }

    /// Whether a job is one of them.
    pub(crate) fn is_open(&self, id: u64) -> bool {
        self.past(id).is_some_and(Past::is_open)
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> JobCounts {
        self.counts
    }

    /// A word after which nobody has the job.
    fn settle(&mut self, id: u64, to: State) -> Moved {
        self.release(id);
        let Some(Entry { past, .. }) = self.jobs.get_mut(&id) else { return Moved::Known };
        past.state = to;
        past.failures += u32::from(to == State::Failed);
        let aside = past.failures >= FAILURES_MAX;
        if to == State::Done || aside {
            past.accepted = Windows::default();
            self.leave(id);
            *if aside { &mut self.counts.set_aside } else { &mut self.counts.done } += 1;
            return if aside { Moved::SetAside } else { Moved::Over };
        }
        if to == State::Failed {
            self.join_end(id)
        } else {
            self.join_front(id)
        }
        Moved::Back
    }

    fn set(&mut self, id: u64, to: State) {
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.past.state = to;
        }
    }

    /// Nobody has it any more. `false`: nobody had.
    fn release(&mut self, id: u64) -> bool {
        let held = self.jobs.get_mut(&id).and_then(|entry| entry.past.holder.take()).is_some();
        self.counts.held -= u64::from(held);
        held
    }

    fn leave(&mut self, id: u64) {
        if let Some(place) = self.jobs.get_mut(&id).and_then(|entry| entry.place.take()) {
            self.places.remove(&place);
            self.counts.in_line -= 1;
        }
    }

    fn join_end(&mut self, id: u64) {
        self.back += 1;
        self.join(id, self.back);
    }

    fn join_front(&mut self, id: u64) {
        self.front -= 1;
        self.join(id, self.front);
    }

    fn join(&mut self, id: u64, place: i64) {
        self.leave(id);
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.place = Some(place);
            self.places.insert(place, id);
            self.counts.in_line += 1;
        }
    }
}

fn no_job(id: u64) -> crate::error::Error {
    unknown(format!("there is no job {id}: check the ticket, and that its stream is the one that issued it"))
}

/// Why an attempt is not listened to.
fn lost(id: u64, attempt: u32, past: &Past) -> crate::error::Error {
    let now = match (&past.holder, past.state) {
        (Some(holder), _) if past.attempt != attempt => format!("{holder} has it, attempt {}", past.attempt),
        (_, now) => format!("it is {now}, and nobody has attempt {attempt}"),
    };
    fenced(format!("attempt {attempt} of job {id} is over: {now}. Stop, and open the ticket again if it is to go on"))
}
