//! A worker process: it takes one job after the other, simulates its patch, and hands in what it counted.
//!
//! A job's seed comes from its id, so it does not matter who simulates it, nor how often it was begun. The observable is
//! `rdf`, `sums[lipid * bins + bin]` of the patch's first protein; a patch without proteins is done at once.
//! A job's note says what is to be simulated, so that it does not matter either how this was started. The options are those of
//! `examples/md/main.cpp`, so that either program can be.
//! Not here: who starts it ([`super::crew`]), the physics ([`crate::bridge_md`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use patchstream::dynim::State;
use patchstream::error::{Error, ErrorKind, Result, shape};
use patchstream::feedback::{Bins, Frame, NOT_COUNTED, RdfCounter};
use patchstream::job::{Job, Submitted, Transport};
use patchstream::ring::Wait;
use rustix::process::{Pid, getppid};

use super::plan::{PlanOptions, planned};
use crate::bridge::Ddft;
use crate::bridge_md::{self, Patch, Plan, Protein};
use crate::clock::thread_cpu;
use crate::summary;

/// The longest wait between two looks at the stop flag.
const SLICE: Duration = Duration::from_millis(200);
/// How often a transport is asked whether a job is still this worker's.
const LOOK: Duration = Duration::from_millis(100);
/// The pause before a host that is not there is looked for again.
const PAUSE: Duration = Duration::from_millis(20);

/// The options of a worker.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// Where jobs are: shm:NAME or dir:PATH, as `patchstream ls` shows it and the stream was opened with
    pub transport: String,

    /// What is simulated where a job's note does not say it; a campaign's do
    #[command(flatten)]
    pub plan: PlanOptions,

    /// End with this process, which has to be the one that started it; 0: wait for a host when one is gone
    #[arg(long, value_name = "PID", default_value_t = 0)]
    pub parent: u32,
}

/// Takes jobs until `stop` is set or its parent is gone. Returns whether it was stopped.
///
/// # Errors
/// [`ErrorKind::Argument`] for a transport that is none and a window that is no multiple of its frames; errors of the
/// transport but its owner's end.
pub fn run(options: &Options, stop: &Arc<AtomicBool>) -> Result<bool> {
    options.transport.parse::<Transport>()?;
    let plan = options.plan.plan()?;
    let (end, mut library) = (End { stop: Arc::clone(stop), parent: options.parent }, Duration::ZERO);
    while !end.has_come() {
        let before = thread_cpu();
        let taken = Job::next(&options.transport, &Wait { timeout: SLICE, spin: Duration::ZERO, stop: Some(stop) });
        library += thread_cpu().saturating_sub(before);
        match taken {
            Ok(Some(job)) => {
                let mut held = Held::new(job, end.clone());
                let ended = held.simulate(&plan);
                library += held.library;
                if let Err(error) = ended
                    && !is_gone(&error)
                {
                    return Err(error);
                }
            }
            Ok(None) => {}
            Err(error) if !is_gone(&error) => return Err(error),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    summary::print(&format!("library_us {}\n", library.as_micros()));
    Ok(stop.load(Ordering::Relaxed))
}

/// What ends a worker.
#[derive(Clone)]
struct End {
    stop: Arc<AtomicBool>,
    /// 0: none.
    parent: u32,
}

impl End {
    fn has_come(&self) -> bool {
        let orphaned = || u32::try_from(Pid::as_raw(getppid())) != Ok(self.parent);
        self.stop.load(Ordering::Relaxed) || (self.parent != 0 && orphaned())
    }
}

/// Whether the host is not there, or not any more: what was handed in is safe, and the rest is run again.
fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unknown | ErrorKind::Fenced)
}

/// A job while its patch is simulated.
pub struct Held {
    job: Job,
    /// What was counted in this window; `None` before there is anything to count.
    counter: Option<RdfCounter>,
    species: Vec<u16>,
    end: End,
    /// When the job was found to be this worker's.
    looked: Instant,
    /// Why it cannot go on: because of its host, or because of the patch.
    error: Option<Error>,
    refused: Option<Error>,
    /// CPU time in the library.
    library: Duration,
}

impl Held {
    fn new(job: Job, end: End) -> Self {
        let (counter, species, looked, library) = (None, Vec::new(), Instant::now(), Duration::ZERO);
        Self { job, counter, species, end, looked, error: None, refused: None, library }
    }

    /// The whole job, to its last word. What is wrong with its patch or note is that; what is wrong with its host is an
    /// error.
    fn simulate(&mut self, own: &Plan) -> Result<()> {
        self.say(State::Started, None)?;
        let ended = self.patch().and_then(|(about, densities)| {
            let plan = planned(own, self.job.note())?;
            if about.proteins.is_empty() {
                return Ok(true);
            }
            self.counter =
                Some(RdfCounter::new(Ddft::CHANNELS, Bins::new(plan.bins as usize, plan.cutoff_nm as f64)?)?);
            bridge_md::simulate(&Patch { densities: &densities, ..about }, &plan, self)
        });
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match self.refused.take().map_or(ended, Err) {
            Ok(true) => self.say(State::Done, None),
            Ok(false) => self.say(State::Interrupted, None),
            Err(error) => self.say(State::Failed, Some(error.message())),
        }
    }

    /// The patch, and its densities beside it.
    fn patch(&self) -> Result<(Patch<'static>, Vec<f32>)> {
        let [nx, ny, channels] = self.job.shape();
        if channels != Ddft::CHANNELS {
            return Err(shape(format!(
                "the patch has {channels} densities a point, {} lipids are simulated",
                Ddft::CHANNELS
            )));
        }
        let proteins = self.job.selection().proteins.iter();
        let proteins = proteins.map(|p| Protein { state: p.state, partner: p.partner, x_nm: p.x_nm, y_nm: p.y_nm });
        let (nx, ny) = (nx.min(1 << 20) as u32, ny.min(1 << 20) as u32);
        let (id, size_nm, proteins) = (self.job.id(), self.job.size_nm(), proteins.collect());
        Ok((Patch { id, size_nm, nx, ny, densities: &[], proteins }, self.job.densities().to_vec()))
    }

    /// Whether the simulation goes on: neither a signal ended it, nor was its job taken away, nor is its host gone.
    pub fn going(&mut self) -> bool {
        if self.looked.elapsed() >= LOOK && self.error.is_none() {
            let before = thread_cpu();
            self.error = self.job.alive().err();
            self.looked = Instant::now();
            self.library += thread_cpu().saturating_sub(before);
        }
        self.error.is_none() && self.refused.is_none() && !self.end.has_come()
    }

    /// Counts a frame: x and y of bead i at `positions[i * stride]`, its lipid at `species[i]`, below 0 if it is none.
    pub fn look(&mut self, box_nm: f64, positions: &[f64], stride: usize, species: &[i32], reference: u32) {
        let before = thread_cpu();
        self.species.clear();
        self.species.extend(species.iter().map(|&lipid| u16::try_from(lipid).unwrap_or(NOT_COUNTED)));
        let (species, references) = (&self.species, &[reference]);
        let frame = Frame { box_nm: [box_nm; 2], positions, stride, species, references, wrap: true };
        self.refused = self.counter.as_mut().and_then(|counter| counter.count(&frame).err());
        self.library += thread_cpu().saturating_sub(before);
    }

    /// Hands a window in. `false`: the simulation is to end.
    pub fn take(&mut self, window: u64) -> bool {
        let before = thread_cpu();
        let Self { job, counter, end, .. } = self;
        let Some(counter) = counter else { return false };
        let shape = [counter.species() as u32, counter.bins().count() as u32];
        let (frames, sums) = (counter.frames(), counter.sums());
        let taken = until(&end.stop, |wait| job.submit("rdf", window, frames, &shape, &sums, wait));
        counter.clear();
        self.library += thread_cpu().saturating_sub(before);
        taken.map_err(|error| self.error = Some(error)).unwrap_or(false)
    }

    fn say(&mut self, state: State, reason: Option<&str>) -> Result<()> {
        let before = thread_cpu();
        let Self { job, .. } = self;
        // A last word is said although a stop was asked for: the job is first in line at once.
        let said = until(&AtomicBool::new(false), |wait| job.set(state, reason, wait));
        self.library += thread_cpu().saturating_sub(before);
        said.map(|_| ())
    }
}

/// Sends until there was room. `false`: `stop` was set before.
fn until(stop: &AtomicBool, mut send: impl FnMut(&Wait<'_>) -> Result<Submitted>) -> Result<bool> {
    loop {
        match send(&Wait { timeout: SLICE, spin: Duration::ZERO, stop: Some(stop) })? {
            Submitted::Accepted | Submitted::Known => return Ok(true),
            Submitted::Stopped => return Ok(false),
            Submitted::Full => {}
        }
    }
}
