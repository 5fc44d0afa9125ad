//! `shm:NAME`, the worker's side: a lane to the owner's door, over which jobs are asked for and results go.
//!
//! Lanes of jobs that were closed are kept for the next job of this process, so a worker attaches once, and each of its
//! threads that hold jobs at the same time has a lane of its own.
//! Not here: the owner's side ([`super::office`]), lanes ([`crate::lane`]).

use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;

use super::office::hash;
use super::parcel::{Assembly, Parcel};
use super::past::Want;
use super::status;
use super::transport::{Desk, Given, Sent, may_come};
use crate::dynim::State;
use crate::error::{ErrorKind, Result, argument, corrupt, fenced};
use crate::ids;
use crate::lane::{Role, Visit};
use crate::ring::{Geometry, Wait, Waited};
use crate::wire::{self, Ask, Job, JobState, Message, Packer};

/// Slots for results, and the bytes of a message in one of them: a larger one takes several.
const RESULT_SLOTS: usize = 4;
const RESULT_BYTES: usize = 64 << 10;
/// Slots for jobs, and the bytes of a job's message beside its densities: hundreds of proteins and runs of windows.
const JOB_SLOTS: usize = 2;
const JOB_BYTES: usize = 32 << 10;
/// The longest wait between two looks at the stop flag while there is no door.
const SLICE: Duration = Duration::from_millis(20);

/// Lanes of this process that hold no job.
static FREE: Mutex<Vec<OwnLane>> = Mutex::new(Vec::new());

/// The free lanes. A fork while another thread held them leaves them locked in the child, so this does not wait for ever:
/// without them a lane is made, and one that is not needed ends.
fn free_lanes() -> Option<MutexGuard<'static, Vec<OwnLane>>> {
    FREE.try_lock_for(Duration::from_secs(1))
}

/// The worker's desk.
pub(super) struct ShmDesk {
    door: String,
    /// `None` once it is lost.
    lane: Option<OwnLane>,
    /// The job that is held, and its attempt.
    held: Option<(u64, u32)>,
}

struct OwnLane {
    visit: Visit,
    /// Number of the last ask.
    asks: u64,
    packer: Packer,
    assembly: Assembly,
    /// The densities that came with the message under way.
    densities: Vec<f32>,
}

/// What the owner's text must say.
#[derive(Deserialize)]
struct About {
    nx: usize,
    ny: usize,
    channels: usize,
}

impl ShmDesk {
    /// A free lane to `door`, or a new one.
    pub(super) fn attach(door: &str, wait: &Wait<'_>) -> Result<Self> {
        let lane = match take_free(door) {
            Some(lane) => lane,
            None => OwnLane {
                visit: visit(door, wait)?,
                asks: 0,
                packer: Packer::new(),
                assembly: Assembly::default(),
                densities: Vec::new(),
            },
        };
        Ok(Self { door: door.to_owned(), lane: Some(lane), held: None })
    }

    fn lane(&mut self) -> Result<&mut OwnLane> {
        let gone = || fenced(format!("the lane to door {} is lost: take the job again", self.door));
        self.lane.as_mut().ok_or_else(gone)
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, want: Want, wait: &Wait<'_>) -> Result<Option<Given>> {
        let started = Instant::now();
        let left = || Wait { timeout: wait.timeout.saturating_sub(started.elapsed()), ..*wait };
        let lane = self.lane()?;
        lane.asks += 1;
        let job = match want {
            Want::Oldest => 0,
            Want::Job(id) => id,
        };
        let ask = Ask { number: lane.asks, job, cancelled: false };
        let message = lane.packer.ask(&ask).to_vec();
        if lane.post(&message, wait)? != Sent::Out {
            return Ok(None);
        }
        loop {
            while let Some(message) = lane.receive()? {
                match message {
                    Message::Job(job) if job.ask == ask.number => {
                        let given = lane.given(*job)?;
                        self.held = Some((given.job.selection.id, given.job.attempt));
                        return Ok(Some(given));
                    }
                    Message::Refusal(no) if no.ask == ask.number => return Err(status::error(no.status, &no.sentence)),
                    // Of an earlier ask: whatever was given for it went back.
                    _ => {}
                }
            }
            let stopped = match lane.visit.wait(&left())? {
                Waited::Ready => false,
                Waited::Interrupted => wait.stopped(),
                Waited::TimedOut | Waited::Stopped => true,
            };
            if stopped {
                let message = lane.packer.ask(&Ask { cancelled: true, ..ask }).to_vec();
                if lane.post(&message, &Wait { timeout: Duration::ZERO, ..*wait })? != Sent::Out {
                    // An ask that stays open would be given a job: without its lane it is not.
                    self.lane = None;
                }
                return Ok(None);
            }
        }
    }

    /// Whether the job that is held was taken away.
    fn check_held(&mut self) -> Result<()> {
        let held = self.held;
        let lane = self.lane()?;
        lane.visit.check()?;
        while let Some(message) = lane.receive()? {
            if let Message::Refusal(no) = message
                && no.ask == 0
                && Some((no.job, no.attempt)) == held
            {
                self.held = None;
                return Err(status::error(no.status, &no.sentence));
            }
        }
        match held {
            Some(_) => Ok(()),
            None => Err(fenced(
                "the job was taken away from this worker: stop, and open its ticket again if it is to go on",
            )),
        }
    }
}

impl Desk for ShmDesk {
    fn take(&mut self, want: Want, wait: &Wait<'_>) -> Result<Option<Given>> {
        self.ask(want, wait).inspect_err(|error| {
            // Only a refusal leaves the lane as it was.
            if !matches!(error.kind(), ErrorKind::Busy | ErrorKind::Unknown | ErrorKind::State | ErrorKind::Argument) {
                self.lane = None;
            }
        })
    }

    fn send(&mut self, message: &[u8], wait: &Wait<'_>) -> Result<Sent> {
        self.check_held()?;
        self.lane()?.post(message, wait)
    }

    fn alive(&mut self) -> Result<()> {
        self.check_held()
    }

    fn put_back(&mut self, settled: bool) {
        let Some((job, attempt)) = self.held.take() else { return };
        if settled {
            return;
        }
        let Some(lane) = &mut self.lane else { return };
        let said = JobState { job, attempt, state: State::Issued as u8, reason: None };
        let message = lane.packer.job_state(&said).to_vec();
        let wait = Wait { timeout: Duration::ZERO, spin: Duration::ZERO, stop: None };
        if !matches!(lane.post(&message, &wait), Ok(Sent::Out)) {
            // A lane that ends gives its job back too.
            self.lane = None;
        }
    }
}

impl Drop for ShmDesk {
    fn drop(&mut self) {
        let Some(lane) = self.lane.take() else { return };
        let dead = free_lanes().map(|mut free| {
            let dead = take_dead(&mut free);
            free.push(lane);
            dead
        });
        // They end when nobody waits for the others.
        drop(dead);
    }
}

impl OwnLane {
    /// Sends a message, in parts if it is long, and rings.
    fn post(&mut self, message: &[u8], wait: &Wait<'_>) -> Result<Sent> {
        let started = Instant::now();
        let mut parcel = Parcel::new(message);
        loop {
            let sent = parcel.push(&mut self.visit.to_owner, &[])?;
            self.visit.ring();
            if sent {
                return Ok(Sent::Out);
            }
            let left = wait.timeout.saturating_sub(started.elapsed());
            match self.visit.wait_for_room(&Wait { timeout: left, ..*wait })? {
                Waited::Ready => {}
                Waited::TimedOut => return Ok(Sent::Full),
                Waited::Stopped => return Ok(Sent::Stopped),
                Waited::Interrupted if wait.stopped() => return Ok(Sent::Stopped),
                Waited::Interrupted => {}
            }
        }
    }

    /// The next whole message from the owner that is there.
    fn receive(&mut self) -> Result<Option<Message>> {
        let Some(ring) = &mut self.visit.from_owner else { return Ok(None) };
        loop {
            let Some(record) = ring.peek()? else { return Ok(None) };
            if !record.tensor.is_empty() {
                self.densities.clear();
                self.densities.extend_from_slice(record.tensor);
            }
            let message = self.assembly.add(&record)?.map(wire::one).transpose();
            ring.advance();
            if let Some(message) = message? {
                return Ok(Some(message));
            }
        }
    }

    /// A job with the densities that came with it, checked.
    fn given(&mut self, job: Job) -> Result<Given> {
        let densities = std::mem::take(&mut self.densities);
        let wire::Densities { nx, ny, channels, hash: told, .. } = job.densities;
        ids::check(job.selection.id)?;
        let numbers = u64::from(nx).checked_mul(u64::from(ny)).and_then(|all| all.checked_mul(u64::from(channels)));
        if numbers != Some(densities.len() as u64) || hash(&densities) != told || job.attempt == 0 {
            return Err(corrupt(format!(
                "job {} came with {} densities, where {nx} x {ny} x {channels} of hash {told:016x} belong to it",
                job.selection.id,
                densities.len()
            )));
        }
        Ok(Given { job, densities })
    }
}

/// A lane that holds no job and whose owner lives. Those of owners that are gone go.
fn take_free(door: &str) -> Option<OwnLane> {
    let (dead, lane) = {
        let mut free = free_lanes()?;
        let dead = take_dead(&mut free);
        let at = free.iter().position(|lane| lane.visit.door() == door);
        (dead, at.map(|at| free.swap_remove(at)))
    };
    drop(dead);
    lane
}

/// Takes the lanes out whose owners are gone, or which a parent process has.
fn take_dead(free: &mut Vec<OwnLane>) -> Vec<OwnLane> {
    free.extract_if(.., |lane| lane.visit.check_now().is_err()).collect()
}

fn visit(door: &str, wait: &Wait<'_>) -> Result<Visit> {
    let program = std::env::args_os().next().unwrap_or_default();
    let program = std::path::Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let label: String = program.chars().take(60).collect();
    let started = Instant::now();
    loop {
        let left = wait.timeout.saturating_sub(started.elapsed());
        match Visit::attach(door, Role::Worker, &label, rings, left.min(SLICE)) {
            Err(error) if may_come(&error) && !left.is_zero() && !wait.stopped() => {}
            answer => return answer,
        }
    }
}

/// How a worker's rings are divided, for what the owner says of its patches.
fn rings(about: &str) -> Result<(Geometry, Option<Geometry>)> {
    let About { nx, ny, channels } =
        toml::from_str(about).map_err(|error| argument(format!("what the owner says of its patches: {error}")))?;
    let numbers = nx.checked_mul(ny).and_then(|all| all.checked_mul(channels)).unwrap_or(usize::MAX);
    Ok((Geometry::compact(RESULT_SLOTS, 1, RESULT_BYTES)?, Some(Geometry::compact(JOB_SLOTS, numbers, JOB_BYTES)?)))
}

#[cfg(test)]
mod tests;
