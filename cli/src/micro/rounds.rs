//! Rounds of feedback: what simulations measured becomes potentials of the membrane.
//!
//! A round ends at a step. All samples so far, in the order of their jobs and windows, make a table with the weights of that
//! moment; its potentials are in force from the next step on. How far the membrane's own g(r) was from what was measured is
//! told from simulations that the potentials in force have not seen, and how far it is afterwards from all that went in.
//! nm, kT. Not here: when a round ends ([`crate::campaign`]), the arithmetic (`patchstream::feedback`), what the
//! membrane is told ([`crate::heal`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use patchstream::error::Result;
use patchstream::feedback::{Feedback, RDF, Simulation, Submitted, Table};
use patchstream::patch::Protein;
use patchstream::stream::Stream;
use patchstream::wire::{Packer, RdfSample, Selection};
use serde::Serialize;

use super::cpu::Cpu;
use super::samples::{self, Entry, Samples};
use super::saved::SavedRounds;
use crate::bridge::Ddft;
use crate::campaign::PATCH_NM;
use crate::draft::Draft;
use crate::heal;

/// What came out of a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Round {
    /// From 1.
    pub round: u64,
    /// Root mean square of g of the membrane - g of the simulations, over the protein states with at least 5 of them, 14
    /// lipids and 0.8 nm <= r <= 6 nm, of simulations that the potential in force had not seen; `None` without any.
    pub rms_before: Option<f64>,
    /// The same with the new potential and all simulations that it was made of, those among them.
    pub rms_after: Option<f64>,
    /// Simulations that the table was made of.
    pub simulations: u64,
    /// How many of equal weight they are worth, state by state.
    pub effective_samples: f64,
}

/// The rounds of a campaign.
pub struct Rounds {
    feedback: Feedback,
    files: Samples,
    /// Samples that came since the last round, by job and window.
    came: BTreeMap<(u64, u64), RdfSample>,
    /// Jobs that the potentials in force were made of.
    seen: BTreeSet<u64>,
    results: Vec<Round>,
}

impl Rounds {
    /// None so far, in a folder that is there.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if it cannot be written to.
    pub fn create(folder: &Path) -> Result<Self> {
        Self::new(Samples::create(folder)?)
    }

    /// Those that were saved.
    ///
    /// # Errors
    /// By [`ErrorKind`](patchstream::error::ErrorKind): `Corrupt` if the files are not there or damaged, `Io`.
    pub fn go_on(folder: &Path, saved: &SavedRounds) -> Result<Self> {
        let (files, entries, tables) = Samples::go_on(folder, saved.written)?;
        let mut rounds = Self::new(files)?;
        for entry in entries {
            match entry {
                Entry::Simulation(simulation) => {
                    rounds.feedback.announce(simulation)?;
                }
                Entry::Sample(sample) => {
                    rounds.feedback.submit(&sample.sample())?;
                }
            }
        }
        for table in tables {
            let step = table.in_force_from - 1;
            let table = rounds.feedback.adopt(table, step)?;
            rounds.mark_seen(&table);
        }
        rounds.results = saved.results.clone();
        rounds.take(samples::all(&saved.came)?);
        Ok(rounds)
    }

    fn new(files: Samples) -> Result<Self> {
        let feedback = Feedback::new(heal::settings(PATCH_NM)?)?;
        let (came, seen, results) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        Ok(Self { feedback, files, came, seen, results })
    }

    /// What is to be saved of them.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io) if the disk is full or fails.
    pub fn saved(&mut self) -> Result<SavedRounds> {
        let mut packer = Packer::new();
        let came = self.came.values().flat_map(|sample| packer.sample(sample).to_vec()).collect();
        Ok(SavedRounds { written: self.files.written()?, results: self.results.clone(), came })
    }

    /// What came out of them.
    pub fn results(&self) -> &[Round] {
        &self.results
    }

    /// A patch was selected: its simulation, with the patch's `densities` at `n` x `n` points.
    ///
    /// # Errors
    /// Those of [`Feedback::announce`], and of the disk.
    pub fn announce(&mut self, selection: &Selection, densities: &[f32], n: usize) -> Result<()> {
        let simulation = simulation_of(selection, densities, n);
        self.files.simulation(&simulation)?;
        self.feedback.announce(simulation).map(|_| ())
    }

    /// Samples came from workers.
    pub fn take(&mut self, samples: Vec<RdfSample>) {
        for sample in samples.into_iter().filter(|sample| sample.observable == RDF) {
            self.came.entry((sample.job, sample.window)).or_insert(sample);
        }
    }

    /// Ends a round at `step`: the membrane gets new potentials. Returns what is to be said of samples that do not fit.
    ///
    /// # Errors
    /// Those of the stream, of the membrane and of the disk.
    pub fn close(&mut self, step: i64, stream: &Stream, ddft: &mut Ddft, cpu: &mut Cpu) -> Result<Option<String>> {
        let (mut left_out, mut why) = (0_u64, None);
        for sample in std::mem::take(&mut self.came).into_values() {
            match self.feedback.submit(&sample.sample()) {
                Ok(Submitted::Accepted) => self.files.sample(&sample)?,
                Ok(Submitted::Known) => {}
                Err(error) => {
                    left_out += 1;
                    why.get_or_insert(error);
                }
            }
        }
        let weigh = |jobs: &[u64]| stream.weights_among(jobs);
        let seen = &self.seen;
        let fresh = self.feedback.form_over(|state| {
            let jobs: Vec<u64> = self.feedback.jobs(state).into_iter().filter(|job| !seen.contains(job)).collect();
            let weights = if jobs.is_empty() { Vec::new() } else { weigh(&jobs)? };
            Ok((jobs, weights))
        })?;
        let rms_before = self.rms(&fresh, ddft, cpu)?;

        let all = self.feedback.form(|_, jobs| weigh(jobs))?;
        let table = self.feedback.publish(all, step, step + 1)?;
        self.files.table(&table)?;
        heal::heal(ddft, &table)?;
        let rms_after = self.rms(&table, ddft, cpu)?;
        self.mark_seen(&table);
        self.results.push(Round {
            round: self.results.len() as u64 + 1,
            rms_before,
            rms_after,
            simulations: table.simulations.iter().sum(),
            effective_samples: table.effective_samples.iter().sum(),
        });
        Ok(why.map(|why| format!("{left_out} samples were left out, the first since {why}")))
    }

    /// The table is in force: the potentials of states with enough simulations know all of them.
    fn mark_seen(&mut self, table: &Table) {
        let counted = table.simulations.iter().enumerate().filter(|(_, count)| **count >= heal::LEAST);
        self.seen.extend(counted.flat_map(|(state, _)| self.feedback.jobs(state as u16)));
    }

    /// How far the membrane's g(r) is from a table's; finding the membrane's is the macro model's work.
    fn rms(&self, table: &Table, ddft: &Ddft, cpu: &mut Cpu) -> Result<Option<f64>> {
        self.feedback.inversion().map_or(Ok(None), |prepared| cpu.model(|| heal::rms(ddft, prepared, table)))
    }

    /// The files, which are whole.
    pub fn into_drafts(self) -> [Draft; 2] {
        self.files.into_drafts()
    }
}

/// The simulation of a selected patch of `n` x `n` points, whose distances are taken from its first protein.
fn simulation_of(selection: &Selection, densities: &[f32], n: usize) -> Simulation {
    // As the simulation makes beads of them: points on an edge stand for half as much, and nothing is less than none.
    let (lipids, mut sums, mut area) = (Ddft::CHANNELS, vec![0.0; Ddft::CHANNELS], 0.0);
    for (at, point) in densities.chunks_exact(lipids).enumerate() {
        let edge = |place: usize| if place == 0 || place == n - 1 { 0.5 } else { 1.0 };
        let share = edge(at % n) * edge(at / n);
        sums.iter_mut().zip(point).for_each(|(sum, density)| *sum += share * f64::from(density.max(0.0)));
        area += share;
    }
    let alone = match &selection.proteins[..] {
        [_] => true,
        [Protein { partner, .. }, _] => *partner == 1,
        _ => false,
    };
    Simulation {
        job: selection.id,
        state: selection.proteins.first().and_then(|protein| u16::try_from(protein.state).ok()),
        alone,
        references: 1,
        densities_nm2: sums.into_iter().map(|sum| sum / area).collect(),
    }
}
