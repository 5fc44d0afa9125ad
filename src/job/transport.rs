//! What a transport is: the *desk* where a worker takes jobs and hands in results, and the *office* behind it, where the
//! owner gives them out.
//!
//! Every transport calls [`apply`] for what workers say, so that all keep the same rules.
//! Not here: the transports ([`super::desk`] and [`super::office`], [`super::dir`]), the line ([`super::line`]), the handle of a worker.

use super::line::Line;
use super::past::{Moved, Want};
use crate::dynim::State;
use crate::error::{Error, ErrorKind, Result, argument, value};
use crate::lane::Lane;
use crate::ring::Wait;
use crate::wire::{Job, JobState, Message, RdfSample, Selection};

/// A job as a worker gets it.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// Its message.
    pub(crate) job: Job,
    /// `nx * ny * channels` densities, whose hash was checked.
    pub(crate) densities: Vec<f32>,
}

/// What became of a message that a worker sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The owner will see it.
    Out,
    /// There is no room, and there was none in time: send it again.
    Full,
    /// A stop or a signal ended the wait for room: send it again.
    Stopped,
}

/// The worker's side of a transport. It holds at most one job.
pub(crate) trait Desk: Send {
    /// Takes a job. `None`: there was none in time, or a stop ended the wait.
    ///
    /// # Errors
    /// Those of [`Line::take`] as the owner told them, and [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) if the
    /// owner is gone.
    fn take(&mut self, want: Want, wait: &Wait<'_>) -> Result<Option<Given>>;

    /// Sends a packed [`RdfSample`] or [`JobState`] of the job that is held. A state that ends the job ends it here too.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) if the job or the owner is lost.
    fn send(&mut self, message: &[u8], wait: &Wait<'_>) -> Result<Sent>;

    /// Renews the claim to the job.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`](crate::error::ErrorKind::Fenced) if the job or the owner is lost.
    fn alive(&mut self) -> Result<()>;

    /// The job is not held any more. Unless `settled` (its last word was sent), it goes back to the front of the line.
    fn put_back(&mut self, settled: bool);
}

/// What the owner's office needs of the stream behind it.
pub(crate) trait Deliver {
    /// A job's message and densities, to be given out; attempt, accepted windows and ask are filled in by the office.
    ///
    /// # Errors
    /// The densities cannot be read any more: the job is set aside.
    fn job(&mut self, id: u64) -> Result<(Job, &[f32])>;

    /// A job is about to be given out, or was found to be taken: written down before whoever has it is told.
    ///
    /// # Errors
    /// It could not be: the job is not given out.
    fn given(&mut self, id: u64, attempt: u32, who: &str) -> Result<()>;

    /// Whether a sample of that many sums can be kept now.
    fn has_room(&self, sums: usize) -> bool;

    /// Whether a new sample is what the stream can use; otherwise it is refused, and its window may come again.
    ///
    /// # Errors
    /// What is wrong with it.
    fn fits(&mut self, _: &RdfSample) -> Result<()> {
        Ok(())
    }

    /// Keeps a sample that was accepted.
    ///
    /// # Errors
    /// It could not be written down, and nothing can be any more.
    fn sample(&mut self, sample: RdfSample) -> Result<()>;

    /// Has all that was kept written down, before what it came from is thrown away.
    ///
    /// # Errors
    /// It could not be.
    fn settle(&mut self) -> Result<()>;

    /// A job moved on: `to` is what was said of it, [`State::Issued`] if its worker died or put it back. It is written down
    /// when this returns.
    fn moved(&mut self, id: u64, to: State, moved: Moved, reason: Option<&str>);

    /// A line for the log: something was refused, or somebody died.
    fn say(&mut self, line: String);
}

/// The owner's side of a transport.
pub(crate) trait Office: Send {
    /// A job came to the end of the line. `job.attempt` is its last one if it comes again, since its pick was returned;
    /// 0 otherwise.
    ///
    /// # Errors
    /// It could not be put where workers find it; it is in line nevertheless, and told again at the next turn.
    fn issue(&mut self, job: &Job, densities: &[f32]) -> Result<()>;

    /// Whether who had a job under an earlier owner has it still.
    fn outlives_owners(&self) -> bool {
        false
    }

    /// Whether a job of an earlier owner lies where workers find it, or lay there and is over: then it needs not be issued.
    ///
    /// # Errors
    /// Another run's job lies there; what is there cannot be read.
    fn finds(&mut self, job: &Selection) -> Result<bool> {
        let _ = job;
        Ok(false)
    }

    /// The host decided that a job is `to` ([`Line::decide`], whose answer is `moved`): `attempt` had it, if any did,
    /// and is told that it has lost it, unless nothing changed or it keeps it.
    fn decided(&mut self, id: u64, attempt: Option<u32>, to: State, moved: Moved);

    /// Takes in what workers sent, finds the dead, gives jobs out. `true` if anything happened.
    ///
    /// # Errors
    /// The transport itself is lost; one worker's garbage is counted and logged, not an error.
    fn turn(&mut self, line: &mut Line, stream: &mut dyn Deliver) -> Result<bool>;

    /// Whether a turn would do something, as far as can be said without a turn.
    fn has_work(&mut self, line: &Line) -> bool;

    /// A worker came, over a lane. A transport without lanes drops it.
    fn welcome(&mut self, lane: Lane) {
        drop(lane);
    }

    /// The lanes that were given up since the last call, for their door to retire.
    fn gone(&mut self) -> Vec<Lane> {
        Vec::new()
    }

    /// Workers that are attached, where the transport knows.
    fn workers(&self) -> usize {
        0
    }

    /// Seconds for which a claim lasts that nobody renews; 0: the transport knows who lives.
    fn lease_s(&self) -> f64;

    /// The stream is closed: another may have the transport, though this one is not dropped yet.
    fn close(&mut self) {}
}

/// What became of a worker's message.
#[derive(Debug)]
pub(crate) enum Applied {
    /// It counts, or did before.
    Taken(Moved),
    /// There is no room for its sample: leave it where it is, and everything behind it.
    Later,
    /// It is refused, counted, and can be thrown away.
    Refused(Error),
}

/// Applies a worker's message, which was viewed from bytes that stay.
pub(crate) fn apply(line: &mut Line, stream: &mut dyn Deliver, message: Message) -> Applied {
    match message {
        Message::RdfSample(sample) => apply_sample(line, stream, sample),
        Message::JobState(said) => match apply_state(line, &said) {
            Err(error) => Applied::Refused(error),
            Ok((to, moved)) => {
                if moved != Moved::Known {
                    stream.moved(said.job, to, moved, said.reason.as_deref());
                }
                Applied::Taken(moved)
            }
        },
        other => {
            line.refuse();
            let kind = match other {
                Message::Job(_) => "a job",
                Message::Ask(_) => "an ask",
                _ => "another message",
            };
            Applied::Refused(value(format!("{kind} came where a sample or a state was expected")))
        }
    }
}

fn apply_sample(line: &mut Line, stream: &mut dyn Deliver, sample: RdfSample) -> Applied {
    if let Err(error) = check_sample(&sample) {
        line.refuse();
        return Applied::Refused(error);
    }
    // What will be refused or is known needs no room.
    let known = line.past(sample.job).is_some_and(|past| past.accepted.has(&sample.observable, sample.window));
    if line.holds(sample.job, sample.attempt) && !known {
        if !stream.has_room(sample.sums.len()) {
            return Applied::Later;
        }
        if let Err(error) = stream.fits(&sample) {
            line.refuse();
            return Applied::Refused(error);
        }
    }
    match line.sample(sample.job, sample.attempt, &sample.observable, sample.window) {
        Ok(true) => match stream.sample(sample) {
            Ok(()) => Applied::Taken(Moved::Kept),
            // The stream has stopped.
            Err(_) => Applied::Later,
        },
        Ok(false) => Applied::Taken(Moved::Known),
        Err(error) => Applied::Refused(error),
    }
}

fn apply_state(line: &mut Line, said: &JobState) -> Result<(State, Moved)> {
    let to = match state_of(said.state) {
        Ok(to) => to,
        Err(error) => {
            line.refuse();
            return Err(error);
        }
    };
    line.say(said.job, said.attempt, to).map(|moved| (to, moved))
}

/// Whether who cannot get in only has to wait for an owner.
pub(super) fn may_come(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unknown | ErrorKind::Fenced | ErrorKind::State)
}

/// The state of a number, as messages and C have it.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a number that is none.
pub(crate) fn state_of(number: u8) -> Result<State> {
    use State::{Done, Failed, Interrupted, Issued, Returned, Started};
    [Issued, Started, Interrupted, Done, Failed, Returned]
        .into_iter()
        .find(|state| *state as u8 == number)
        .ok_or_else(|| argument(format!("{number} is no state of a job: give 1 to 6")))
}

/// Checks a sample's values, on both sides.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for the observable's name,
/// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for sums that are not as many as the shape says,
/// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for one that is not finite.
pub(crate) fn check_sample(sample: &RdfSample) -> Result<()> {
    super::windows::check_observable(&sample.observable)?;
    let extents = sample.shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent as usize));
    if extents != Some(sample.sums.len()) || sample.shape.len() > 8 {
        return Err(crate::error::shape(format!(
            "a sample of shape {:?} has {} sums: give as many as the product of up to 8 extents",
            sample.shape,
            sample.sums.len()
        )));
    }
    match sample.sums.iter().position(|sum| !sum.is_finite()) {
        None => Ok(()),
        Some(at) => Err(value(format!("sum {at} of observable {:?} is {}", sample.observable, sample.sums[at]))),
    }
}
