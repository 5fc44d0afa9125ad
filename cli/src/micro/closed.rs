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
use super::rounds::{Round, Rounds};
use super::saved::SavedRounds;
use crate::bridge::Ddft;
use crate::draft::Draft;
use crate::progress::Progress;

/// The pause between two looks at what workers have sent.
const PAUSE: Duration = Duration::from_millis(10);

/// What closes the loop.
pub struct Closed {
    options: MicroOptions,
    crew: Crew,
    rounds: Rounds,
    /// Simulations that are not over yet.
    left: u64,
    /// Who took the processors.
    pub cpu: Cpu,
}

/// How it ended.
pub struct Ended {
    /// The file of tables, which is whole.
    pub tables: Draft,
    /// What came out of each round.
    pub results: Vec<Round>,
    /// CPU seconds of all processes, and those of them that the library took.
    pub cpu_seconds: (f64, f64),
    /// What became of the jobs.
    pub jobs: JobCounts,
}

impl Closed {
    /// Starts workers, for a campaign in `folder` that begins or goes on where it was `saved`.
    ///
    /// # Errors
    /// Those of [`Rounds::open`], and [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if no worker can be started.
    pub fn open(options: &MicroOptions, folder: &Path, transport: &str, saved: Option<&SavedRounds>) -> Result<Self> {
        let rounds = Rounds::open(folder, saved)?;
        let crew = Crew::start(options, transport)?;
        Ok(Self { options: options.clone(), crew, rounds, left: 0, cpu: Cpu::begin() })
    }

    /// Takes in what workers sent, gives jobs out, and starts workers again that have ended.
    ///
    /// # Errors
    /// Those of the stream, and of workers that end again and again.
    pub fn look(&mut self, stream: &Stream, progress: &Progress) -> Result<()> {
        stream.poll(Duration::ZERO)?;
        let counts = counts(stream);
        self.left = counts.in_line + counts.held;
        for line in self.crew.watch(counts.done)? {
            progress.say(&format!("warning: {line}"));
        }
        Ok(())
    }

    /// What was selected is simulated.
    pub fn announce(&mut self, selections: &Selections) {
        selections.batch.selections.iter().for_each(|selection| self.rounds.announce(selection));
    }

    /// Whether a round ends now that `step` was done.
    pub fn is_due(&self, step: i64) -> bool {
        step >= self.options.end_of_round(self.rounds.results().len() as u64 + 1)
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
            self.look(stream, progress)?;
            let left = self.left;
            if left == 0 || self.options.asynchronous {
                break;
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            progress.wait(|| format!("round {round} waits for {left} simulations"));
            std::thread::sleep(PAUSE);
        }
        self.rounds.close(step, stream, ddft, &mut self.cpu)?;
        if let Some(result) = self.rounds.results().last() {
            progress.say(&sentence(result));
        }
        Ok(true)
    }

    /// How far it is, after what a bar says of the membrane.
    pub fn progress(&self) -> String {
        format!(", round {}, {} simulations to go", self.rounds.results().len() + 1, self.left)
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
        Ended { tables: self.rounds.into_draft(), results, cpu_seconds: self.cpu.seconds(library), jobs }
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
