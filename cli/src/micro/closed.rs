//! The loop of a campaign: selected patches go to workers, rounds of feedback end, the membrane heals.
//!
//! A round ends at a fixed step. Unless the options say otherwise it waits there for all jobs that were issued before: what
//! comes out then depends on no worker and no clock.
//! Not here: workers ([`super::crew`]), what a round computes ([`super::rounds`]), patches ([`crate::campaign`]).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use patchstream::error::Result;
use patchstream::job::JobCounts;
use patchstream::stream::{Selections, Stream};

use super::cpu::Cpu;
use super::crew::Crew;
use super::options::MicroOptions;
use super::plan::plan;
use super::rounds::{Round, Rounds};
use super::saved::SavedRounds;
use crate::bridge::Ddft;
use crate::draft::Draft;
use crate::progress::Progress;

/// The pause between two looks at what workers have sent.
const PAUSE: Duration = Duration::from_millis(2);
/// The most samples that are taken at once.
const SAMPLES: usize = 1024;

/// What closes the loop.
pub struct Closed {
    options: MicroOptions,
    crew: Crew,
    rounds: Rounds,
    /// Who took the processors.
    pub cpu: Cpu,
    /// Grid points of a patch, each way.
    n: usize,
    /// The densities of one.
    densities: Vec<f32>,
}

/// How it ended.
pub struct Ended {
    /// Files that are whole.
    pub drafts: [Draft; 2],
    /// What came out of each round.
    pub results: Vec<Round>,
    /// CPU seconds of all processes, and those of them that the library took.
    pub cpu_seconds: (f64, f64),
    /// What became of the jobs.
    pub jobs: JobCounts,
}

impl Closed {
    /// Starts workers, for a campaign in `folder` of patches of `n` x `n` points that begins or goes on where it was `saved`.
    ///
    /// # Errors
    /// Those of [`Rounds::go_on`], and [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if no worker can be started.
    pub fn open(
        options: &MicroOptions,
        seed: u64,
        folder: &Path,
        transport: &str,
        saved: Option<&SavedRounds>,
        n: usize,
    ) -> Result<Self> {
        let rounds = match saved {
            None => Rounds::create(folder)?,
            Some(saved) => Rounds::go_on(folder, saved)?,
        };
        let crew = Crew::start(options, &plan(options, seed), transport)?;
        let (options, cpu, densities) = (options.clone(), Cpu::default(), vec![0.0; n * n * Ddft::CHANNELS]);
        Ok(Self { options, crew, rounds, cpu, n, densities })
    }

    /// Takes in what workers sent, gives jobs out, and starts workers again that have ended.
    ///
    /// # Errors
    /// Those of the stream, and of workers that end again and again.
    pub fn look(&mut self, stream: &Stream, progress: &Progress) -> Result<JobCounts> {
        stream.poll(Duration::ZERO)?;
        let counts = counts(stream);
        for line in self.crew.watch(counts.done)? {
            progress.say(&format!("warning: {line}"));
        }
        Ok(counts)
    }

    /// What was selected is simulated; a patch whose densities were lost is not, as its job says too.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn announce(&mut self, stream: &Stream, selections: &Selections, progress: &Progress) -> Result<()> {
        for selection in &selections.batch.selections {
            match stream.densities(selection.id, &mut self.densities) {
                Ok(()) => self.rounds.announce(selection, &self.densities, self.n)?,
                Err(error) => progress.say(&format!("warning: patch {} is not simulated: {error}", selection.id)),
            }
        }
        Ok(())
    }

    /// Whether a round ends now that `step` was done.
    pub fn is_due(&self, step: i64) -> bool {
        step / self.options.feedback_every > self.rounds.results().len() as i64
    }

    /// Ends a round. `false`: `stop` was set before everything was there, and nothing has changed.
    ///
    /// # Errors
    /// Those of [`look`](Self::look), and of [`Rounds::close`].
    pub fn end_round(
        &mut self,
        step: i64,
        stream: &Stream,
        ddft: &mut Ddft,
        progress: &Progress,
        stop: &AtomicBool,
    ) -> Result<bool> {
        let round = self.rounds.results().len() + 1;
        loop {
            let counts = self.look(stream, progress)?;
            let samples = stream.take_samples(SAMPLES)?;
            let none = samples.is_empty();
            self.rounds.take(samples);
            let left = if self.options.asynchronous { 0 } else { counts.in_line + counts.held };
            if left == 0 && none {
                break;
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if none {
                progress.wait(|| format!("round {round} waits for {left} simulations"));
                std::thread::sleep(PAUSE);
            }
        }
        if let Some(line) = self.rounds.close(step, stream, ddft, &mut self.cpu)? {
            progress.say(&format!("warning: {line}"));
        }
        if let Some(result) = self.rounds.results().last() {
            progress.say(&sentence(result));
        }
        Ok(true)
    }

    /// What is to be saved of it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn saved(&mut self) -> Result<SavedRounds> {
        self.rounds.saved()
    }

    /// Ends the workers.
    pub fn end(self, stream: &Stream) -> Ended {
        let jobs = counts(stream);
        let library = self.crew.end();
        let results = self.rounds.results().to_vec();
        Ended { drafts: self.rounds.into_drafts(), results, cpu_seconds: self.cpu.seconds(library), jobs }
    }
}

/// A round in a line.
fn sentence(result: &Round) -> String {
    let rms = |rms: Option<f64>| rms.map_or("unknown".into(), |rms| format!("{rms:.4}"));
    format!(
        "round {}: {} simulations, g(r) is off by {} before it, by {} after it",
        result.round,
        result.simulations,
        rms(result.rms_before),
        rms(result.rms_after)
    )
}

fn counts(stream: &Stream) -> JobCounts {
    stream.jobs().map(|jobs| jobs.counts).unwrap_or_default()
}
