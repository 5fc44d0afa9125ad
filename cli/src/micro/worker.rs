//! A worker process: it takes one job after the other, simulates its patch, and hands in what it counted.
//!
//! A job's seed comes from its id, so it does not matter who simulates it, nor how often it was begun. The observable is
//! `rdf`, `sums[lipid * bins + bin]` of the patch's first protein; a patch without proteins is done at once.
//! Its options are those of `examples/md/main.cpp`, so that either program can be started.
//! Not here: who starts it ([`super::crew`]), the physics ([`crate::bridge_md`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use patchstream::dynim::State;
use patchstream::error::{Error, ErrorKind, Result, argument, shape};
use patchstream::job::{Job, Submitted, Transport};
use patchstream::ring::Wait;
use rustix::process::{Pid, getppid};

use super::options::{FRAME, WINDOWS};
use crate::bridge::Ddft;
use crate::bridge_md::{self, Patch, Plan, Protein};
use crate::clock::thread_cpu;
use crate::summary;

/// The longest wait between two looks at the stop flag.
const SLICE: Duration = Duration::from_millis(200);
/// The pause before a host that is not there is looked for again.
const PAUSE: Duration = Duration::from_millis(20);

/// The options of a worker.
#[derive(Args, Debug, Clone)]
pub struct Options {
    /// Where jobs are: shm:NAME or dir:PATH, as `patchstream ls` shows it and the stream was opened with
    pub transport: String,

    /// Start of all random numbers, together with a job's id
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,

    /// Time steps before anything is counted
    #[arg(long, value_name = "STEPS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=1 << 30))]
    pub equilibration: u64,

    /// Windows, each handed in when it is complete
    #[arg(long, value_name = "N", default_value_t = WINDOWS, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    pub windows: u64,

    /// Time steps of a window
    #[arg(long, value_name = "STEPS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    pub window: u64,

    /// Count a frame every so many steps; a window is a multiple of it
    #[arg(long, value_name = "STEPS", default_value_t = FRAME, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    pub every: u64,

    /// Bins of g(r)
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub bins: u64,

    /// Where the last bin ends, in nm
    #[arg(long = "cutoff", value_name = "NM", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub cutoff_nm: u64,

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
    let Options { seed, equilibration, windows, window, every, bins, cutoff_nm, .. } = *options;
    if !window.is_multiple_of(every) {
        return Err(argument(format!("--window {window} is no multiple of --every {every}: choose one")));
    }
    let plan = Plan { seed, equilibration, windows, window, every, bins, cutoff_nm };
    let (end, mut library) = (End { stop: Arc::clone(stop), parent: options.parent }, Duration::ZERO);
    while !end.has_come() {
        let before = thread_cpu();
        let taken = Job::next(&options.transport, &Wait { timeout: SLICE, spin: Duration::ZERO, stop: Some(stop) });
        library += thread_cpu().saturating_sub(before);
        match taken {
            Ok(Some(job)) => {
                let mut held = Held::new(job, &plan, end.clone());
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
    shape: [u32; 2],
    end: End,
    /// Why it cannot go on.
    error: Option<Error>,
    /// CPU time in the library.
    library: Duration,
}

impl Held {
    fn new(job: Job, plan: &Plan, end: End) -> Self {
        let shape = [Ddft::CHANNELS as u32, plan.bins as u32];
        Self { job, shape, end, error: None, library: Duration::ZERO }
    }

    /// The whole job, to its last word. What is wrong with its patch is that; what is wrong with its host is an error.
    fn simulate(&mut self, plan: &Plan) -> Result<()> {
        self.say(State::Started, None)?;
        let ended = self.patch().and_then(|(about, densities)| match about.proteins.is_empty() {
            true => Ok(true),
            false => bridge_md::simulate(&Patch { densities: &densities, ..about }, plan, self),
        });
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match ended {
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

    /// Whether the simulation is to end: by a signal, or because its job was taken away or its host is gone.
    pub fn stopped(&mut self) -> bool {
        if self.error.is_none() {
            let before = thread_cpu();
            self.error = self.job.alive().err();
            self.library += thread_cpu().saturating_sub(before);
        }
        self.error.is_some() || self.end.has_come()
    }

    /// Hands a window in. `false`: the simulation is to end.
    pub fn take(&mut self, window: u64, frames: u64, sums: &[f64]) -> bool {
        let before = thread_cpu();
        let Self { job, shape, end, .. } = self;
        let taken = until(&end.stop, |wait| job.submit("rdf", window, frames, shape, sums, wait));
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
