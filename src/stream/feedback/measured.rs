//! Simulations that a stream's picks are, and what they measured.
//!
//! A simulation's protein is the first of its patch; where the library cuts patches that is the one in the centre. Its
//! patch counts as one with a single protein if that one is alone, or is one half of the only complex.
//! nm, nm^-2. Not here: tables ([`super::publish`]).

use std::collections::HashMap;

use super::calls::FeedbackStats;
use super::options::FeedbackConfig;
use crate::dynim::Mixed;
use crate::error::{ErrorKind, Result};
use crate::feedback::{Feedback, RDF, Settings, Simulation, Submitted};
use crate::patch::{Protein, ProteinStates, Shape, Species};
use crate::stream::config::LogLevel;
use crate::stream::operator::Operator;
use crate::wire::{self, RdfSample};

/// The feedback of a stream.
pub(in crate::stream) struct Measured {
    pub(super) feedback: Feedback,
    pub(super) options: FeedbackConfig,
    shape: Shape,
    /// The protein state of every patch that counts for one, by public id: the population of that state's weights.
    states: HashMap<u64, u16, Mixed>,
    /// The version of the table that the host was given last.
    pub(super) given: u64,
    /// What the host had published in this branch.
    pub(super) published: Vec<Published>,
    /// The densities that are being looked at.
    densities: Vec<f32>,
}

/// A table that the host asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    /// Its entry in the log; 0 without a run.
    pub(super) sequence: u64,
    pub(super) step: i64,
    pub(super) in_force_from: i64,
    pub(super) version: u64,
}

impl Measured {
    pub(in crate::stream) fn new(
        options: &FeedbackConfig,
        shape: Shape,
        species: &Species,
        states: &ProteinStates,
    ) -> Result<Self> {
        Ok(Self {
            feedback: Feedback::new(options.settings(species, states)?)?,
            options: options.clone(),
            shape,
            states: HashMap::default(),
            given: 0,
            published: Vec::new(),
            densities: vec![0.0; shape.len()],
        })
    }

    /// The most bytes of a table's message: three grids, which rows have a potential, a mean and a count for each state,
    /// names, bins.
    pub(in crate::stream) fn table_bytes(&self) -> usize {
        let Settings { states, lipids, bins, .. } = self.feedback.settings();
        let names: usize = states.iter().chain(lipids).map(|name| name.len() + 16).sum();
        let grid = states.len() * lipids.len() * bins.count();
        24 * grid + states.len() * lipids.len() + 16 * states.len() + 8 * bins.count() + names + 1024
    }

    /// A patch has come.
    pub(in crate::stream) fn patch(&mut self, id: u64, proteins: &[Protein]) {
        let counts = self.options.crowded || is_alone(proteins);
        match state_of(proteins).filter(|_| counts) {
            Some(state) => self.states.insert(id, state),
            // It may have come before, as another.
            None => self.states.remove(&id),
        };
    }

    /// A patch was withdrawn: it counts for nothing, and may come again.
    pub(in crate::stream) fn withdrawn(&mut self, id: u64) {
        self.states.remove(&id);
    }

    /// Patches whose states are remembered.
    #[cfg(test)]
    pub(in crate::stream) fn remembered(&self) -> usize {
        self.states.len()
    }

    /// The state that a patch counts for.
    pub(super) fn state(&self, id: u64) -> Option<u16> {
        self.states.get(&id).copied()
    }

    /// Makes a simulation known: also one whose patch was given up before anything was measured, and came again as another.
    pub(in crate::stream) fn announce(&mut self, simulation: Simulation) -> Result<Submitted> {
        match self.feedback.announce(simulation.clone()) {
            Err(error) if error.kind() == ErrorKind::Conflict && self.feedback.forget(simulation.job) => {
                self.feedback.announce(simulation)
            }
            answer => answer,
        }
    }

    /// Whether a worker's sample is what can be used. Of other observables than g(r)'s the host is the judge.
    pub(in crate::stream) fn fits(&mut self, sample: &RdfSample) -> Result<()> {
        if sample.observable == RDF { self.feedback.check(&sample.sample()) } else { Ok(()) }
    }

    /// Adds a sample that a worker hands in, or that was accepted in an earlier life of the run.
    pub(in crate::stream) fn take(&mut self, sample: &RdfSample) {
        // What does not fit is counted there.
        let _ = self.feedback.submit(&sample.sample());
    }

    /// The observable whose samples are the stream's alone, if there is one.
    pub(in crate::stream) fn own(&self) -> Option<&'static str> {
        (!self.options.samples_to_host).then_some(RDF)
    }

    pub(in crate::stream) fn stats(&self) -> FeedbackStats {
        FeedbackStats {
            simulations: self.feedback.collected().simulations() as u64,
            samples: self.feedback.counts(),
            version: self.feedback.last().map_or(0, |table| table.version),
        }
    }

    /// Mean densities over the patch that is being looked at.
    fn means(&self) -> Vec<f64> {
        let Shape { nx, ny, channels } = self.shape;
        let share = |at: usize, count: usize| if at == 0 || at == count - 1 { 0.5 } else { 1.0 };
        let (mut sums, mut area) = (vec![0.0; channels], 0.0);
        for (at, densities) in self.densities.chunks_exact(channels).enumerate() {
            let share = share(at % nx, nx) * share(at / nx, ny);
            sums.iter_mut().zip(densities).for_each(|(sum, &density)| *sum += share * f64::from(density.max(0.0)));
            area += share;
        }
        sums.iter_mut().for_each(|sum| *sum /= area);
        sums
    }
}

impl Operator {
    /// Announces a pick as a simulation, and writes that down.
    pub(in crate::stream) fn announce(&mut self, selection: &wire::Selection) {
        let Some(mut measured) = self.measured.take() else { return };
        if let Err(error) = self.announce_to(&mut measured, selection) {
            let line = format!("what is measured of patch {} will not come back as feedback: {error}", selection.id);
            self.lines.push((LogLevel::Warning, line));
        }
        self.measured = Some(measured);
    }

    fn announce_to(&mut self, measured: &mut Measured, selection: &wire::Selection) -> Result<()> {
        let densities_nm2 = match &measured.options.densities_nm2 {
            Some(densities) => densities.clone(),
            None => {
                self.densities(selection.id, &mut measured.densities)?;
                measured.means()
            }
        };
        let simulation = Simulation {
            job: selection.id,
            state: state_of(&selection.proteins),
            alone: is_alone(&selection.proteins),
            references: measured.options.references,
            densities_nm2,
        };
        let answer = measured.announce(simulation.clone())?;
        if let (Submitted::Accepted, Some(journal)) = (answer, &mut self.journal) {
            journal.simulation(&simulation);
        }
        Ok(())
    }
}

fn state_of(proteins: &[Protein]) -> Option<u16> {
    proteins.first().and_then(|protein| u16::try_from(protein.state).ok())
}

fn is_alone(proteins: &[Protein]) -> bool {
    match proteins {
        [_] => true,
        [one, other] => (one.partner, other.partner) == (1, 0),
        _ => false,
    }
}
