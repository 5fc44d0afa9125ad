//! Everything that came in: raw sums by observable and simulation.
//!
//! A simulation has one protein state, so its sums lie under its own id and not in a grid of all states. What is kept does
//! not depend on the order in which simulations report. Sums of whole numbers depend on no order at all; others on that in
//! which one simulation's windows came.
//! Not here: means ([`super::mean`]).

use std::collections::BTreeMap;

use super::raw::Raw;
use super::sample::{RDF, Sample, Simulation, Submitted};
use crate::error::{Result, conflict, shape, unknown};

/// How many samples came, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Added.
    pub accepted: u64,
    /// There before.
    pub known: u64,
    /// Answered with an error.
    pub refused: u64,
}

/// Simulations and what they measured.
#[derive(Debug, Clone)]
pub struct Collected {
    /// Lipids and bins of [`RDF`].
    rdf_shape: [u32; 2],
    /// Whether the spread between windows is kept.
    blocks: bool,
    simulations: BTreeMap<u64, Simulation>,
    observables: BTreeMap<String, Observable>,
    counts: Counts,
}

#[derive(Debug, Clone)]
struct Observable {
    shape: Vec<u32>,
    /// By job.
    raw: BTreeMap<u64, Raw>,
}

impl Collected {
    /// Nothing yet. RDFs are of `lipids` lipids and `bins` bins; with `blocks` the spread between windows is kept, for error
    /// bars of few simulations: 4 more bytes a value.
    pub fn new(lipids: usize, bins: usize, blocks: bool) -> Self {
        Self {
            rdf_shape: [lipids as u32, bins as u32],
            blocks,
            simulations: BTreeMap::new(),
            observables: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// Makes a simulation known, whose samples are then taken; `Known` if it is there already, the same in all.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Argument` for an id that cannot be one, or a protein without reference
    /// beads; `Shape` for another number of lipids; `Value` for a density that is negative or not finite; `Conflict` if the
    /// job is known as something else.
    pub fn announce(&mut self, simulation: Simulation) -> Result<Submitted> {
        simulation.check()?;
        if simulation.densities_nm2.len() != self.rdf_shape[0] as usize {
            return Err(shape(format!(
                "job {} comes with densities of {} lipids, there are {}: give one each, in the order of the channels",
                simulation.job,
                simulation.densities_nm2.len(),
                self.rdf_shape[0]
            )));
        }
        match self.simulations.get(&simulation.job) {
            None => {
                self.simulations.insert(simulation.job, simulation);
                Ok(Submitted::Accepted)
            }
            Some(there) if *there == simulation => Ok(Submitted::Known),
            Some(there) => Err(conflict(format!(
                "job {} is known as {there:?}, and is now {simulation:?}: a job is simulated in one way, as it was first told",
                simulation.job
            ))),
        }
    }

    /// Lets go of a simulation that has no results: its patch was given up before anything was measured. Whether it did.
    pub fn forget(&mut self, job: u64) -> bool {
        let measured = self.observables.values().any(|observable| observable.raw.contains_key(&job));
        !measured && self.simulations.remove(&job).is_some()
    }

    /// Whether a sample would be taken, known ones included. One that would not is counted as refused.
    ///
    /// # Errors
    /// Those of [`submit`](Self::submit), but for sums that overflow.
    pub fn check(&mut self, sample: &Sample<'_>) -> Result<()> {
        self.fits(sample).inspect_err(|_| self.counts.refused += 1)
    }

    /// Counts a sample that was refused elsewhere.
    pub fn refuse(&mut self) {
        self.counts.refused += 1;
    }

    /// Takes in a sample. The first of a (job, observable, window) wins, a repeated one changes nothing. After an error
    /// nothing has changed but [`counts`](Self::counts).
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Unknown` for a job that was not announced; `Shape` for sums that do not
    /// fit their shape, or a shape that is not the observable's; `Value` for sums that are not finite, counts below 0, no
    /// frames; `Argument` for an observable without a name.
    pub fn submit(&mut self, sample: &Sample<'_>) -> Result<Submitted> {
        let answer = self.take(sample);
        *match answer {
            Ok(Submitted::Accepted) => &mut self.counts.accepted,
            Ok(Submitted::Known) => &mut self.counts.known,
            Err(_) => &mut self.counts.refused,
        } += 1;
        answer
    }

    /// What became of the samples so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many simulations are known.
    pub fn simulations(&self) -> usize {
        self.simulations.len()
    }

    /// What is known of a job.
    pub fn simulation(&self, job: u64) -> Option<&Simulation> {
        self.simulations.get(&job)
    }

    /// The jobs that have samples of an observable and that `of` says, in ascending order: what weights are asked for.
    pub fn jobs(&self, observable: &str, of: impl Fn(&Simulation) -> bool) -> Vec<u64> {
        let raw = self.observables.get(observable).into_iter().flat_map(|observable| observable.raw.keys());
        raw.copied().filter(|job| self.simulations.get(job).is_some_and(&of)).collect()
    }

    /// Frames and raw sums of an observable that one job measured.
    pub fn sums(&self, observable: &str, job: u64) -> Option<(u64, Vec<f64>)> {
        let raw = self.raw(observable, job)?;
        Some((raw.frames, raw.sums.to_doubles()))
    }

    /// The shape of an observable; `None` before its first sample.
    pub fn shape(&self, observable: &str) -> Option<&[u32]> {
        self.observables.get(observable).map(|observable| &observable.shape[..])
    }

    /// Bytes that the sums take on the heap.
    pub fn bytes(&self) -> usize {
        self.observables.values().flat_map(|observable| observable.raw.values()).map(Raw::bytes).sum()
    }

    pub(super) fn raw(&self, observable: &str, job: u64) -> Option<&Raw> {
        self.observables.get(observable)?.raw.get(&job)
    }

    fn fits(&self, sample: &Sample<'_>) -> Result<()> {
        sample.check()?;
        let Sample { job, observable, window, shape: extents, .. } = *sample;
        if !self.simulations.contains_key(&job) {
            return Err(unknown(format!(
                "job {job} was not given out, so its window {window} of `{observable}` is not taken: check the ticket"
            )));
        }
        let there = self.observables.get(observable);
        let expected = if observable == RDF { Some(&self.rdf_shape[..]) } else { there.map(|o| &o.shape[..]) };
        if let Some(expected) = expected.filter(|&expected| expected != extents) {
            return Err(shape(format!(
                "window {window} of `{observable}` of job {job} has the shape {extents:?}, the others {expected:?}: measure \
                 as they do, or name it otherwise"
            )));
        }
        Ok(())
    }

    fn take(&mut self, sample: &Sample<'_>) -> Result<Submitted> {
        self.fits(sample)?;
        let Sample { job, observable, window, frames, shape: extents, sums } = *sample;
        let there = self.observables.get(observable);
        let raw = there.and_then(|observable| observable.raw.get(&job));
        if raw.is_some_and(|raw| raw.has(window)) {
            return Ok(Submitted::Known);
        }
        // A new one is filled before it is kept, so that an error leaves no empty one behind.
        let mut fresh = raw.is_none().then(|| Raw::new(sums.len(), self.blocks));
        if let Some(fresh) = &mut fresh {
            fresh.add(window, frames, sums)?;
        }
        let observable = self
            .observables
            .entry(observable.to_owned())
            .or_insert_with(|| Observable { shape: extents.to_vec(), raw: BTreeMap::new() });
        match fresh {
            Some(fresh) => drop(observable.raw.insert(job, fresh)),
            None => observable.raw.get_mut(&job).map_or(Ok(()), |raw| raw.add(window, frames, sums))?,
        }
        Ok(Submitted::Accepted)
    }
}
