//! The table that the macro model gets: g(r), how sure it is, potentials.
//!
//! nm, kT. Layout of the grids: `value[(state * lipids + lipid) * bins + bin]`.
//! Not here: its bytes ([`crate::wire`]), when one is made ([`super::publish`]).

use std::ops::RangeInclusive;

use super::bins::Bins;
use super::collected::Collected;
use super::prior::Prior;
use super::sample::{RDF, Simulation};
use crate::error::{Result, shape};

/// Radial distribution functions and potentials. What is published does not change.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// From 1, one more for each published table; 0: not published.
    pub version: u64,
    /// The first step at which it is in force.
    pub in_force_from: i64,
    /// Names of the protein states, in order.
    pub states: Vec<String>,
    /// Names of the lipids, in the order of the channels.
    pub lipids: Vec<String>,
    /// Centres of the bins, nm.
    pub r_nm: Vec<f64>,
    /// Weighted mean of g(r), no unit; 1 where nothing is known.
    pub g: Vec<f64>,
    /// Its standard error; +infinity where it is not known.
    pub standard_error: Vec<f64>,
    /// Potentials in kT, 0 where there is none; `None` where the host inverts by itself.
    pub potential_kt: Option<Vec<f64>>,
    /// Whether a state's lipid has a potential, `[state * lipids + lipid]`: not if nothing is known of it, or too little to
    /// say what g = 1 is. The host keeps what it has for those. Empty without potentials.
    pub has_potential: Vec<bool>,
    /// Simulations that went in, one value a state. 0 without a prior: nothing is known of that state.
    pub simulations: Vec<u64>,
    /// How many equally weighted simulations they are worth, one value a state.
    pub effective_samples: Vec<f64>,
}

impl Table {
    /// Checks that the lists fit each other.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if not.
    pub fn check(&self) -> Result<()> {
        let (states, lipids, bins) = (self.states.len(), self.lipids.len(), self.r_nm.len());
        let values = states.checked_mul(lipids).and_then(|rows| rows.checked_mul(bins));
        let grids = [Some(&self.g), Some(&self.standard_error), self.potential_kt.as_ref()];
        for grid in grids.into_iter().flatten() {
            if Some(grid.len()) != values {
                return Err(shape(format!(
                    "a feedback table of {states} states, {lipids} lipids and {bins} bins has a grid of {} values: its \
                     writer is at fault",
                    grid.len()
                )));
            }
        }
        if self.has_potential.len() != self.potentials() {
            return Err(shape(format!(
                "a feedback table of {states} states and {lipids} lipids says of {} whether they have a potential, where {} \
                 could: its writer is at fault",
                self.has_potential.len(),
                self.potentials()
            )));
        }
        if self.simulations.len() != states || self.effective_samples.len() != states {
            return Err(shape(format!(
                "a feedback table of {states} states counts simulations of {} and effective ones of {}: its writer is at \
                 fault",
                self.simulations.len(),
                self.effective_samples.len()
            )));
        }
        Ok(())
    }

    /// How many rows of potentials there are, a state and lipid each.
    pub(crate) fn potentials(&self) -> usize {
        let values = self.potential_kt.as_ref().map_or(0, Vec::len);
        values.checked_div(self.r_nm.len()).unwrap_or(0)
    }

    /// g of a state's lipid, a value a bin; empty if there is none.
    pub fn g_of(&self, state: usize, lipid: usize) -> &[f64] {
        self.row(&self.g, state, lipid)
    }

    /// The standard error of the same.
    pub fn standard_error_of(&self, state: usize, lipid: usize) -> &[f64] {
        self.row(&self.standard_error, state, lipid)
    }

    /// The potential in kT of the same; empty if there is none, so that the host keeps what it has.
    pub fn potential_of(&self, state: usize, lipid: usize) -> &[f64] {
        let has = lipid < self.lipids.len() && self.has_potential.get(state * self.lipids.len() + lipid) == Some(&true);
        self.potential_kt.as_ref().filter(|_| has).map_or(&[], |potential| self.row(potential, state, lipid))
    }

    /// How far g is from that of a table before it: root mean square, in standard errors of this one, of all values whose
    /// error is known; +infinity if there is none.
    pub fn change_from(&self, before: &Self) -> f64 {
        let known = self.g.iter().zip(&before.g).zip(&self.standard_error).filter(|(_, e)| **e > 0.0 && e.is_finite());
        let (sum, count) =
            known.fold((0.0, 0_u64), |(sum, count), ((g, old), error)| (sum + ((g - old) / error).powi(2), count + 1));
        if count == 0 { f64::INFINITY } else { (sum / count as f64).sqrt() }
    }

    /// How far g is from that of somebody else, in the table's layout: root mean square over the states of at least
    /// `least_simulations`, all lipids, and the bins whose centres lie in `r_nm`; `None` if there are no such values.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for another number of values.
    pub fn rms_from(&self, g: &[f64], least_simulations: u64, r_nm: RangeInclusive<f64>) -> Result<Option<f64>> {
        if g.len() != self.g.len() {
            return Err(shape(format!(
                "g to compare with has {} values, the table {}: give one of each state, lipid and bin",
                g.len(),
                self.g.len()
            )));
        }
        let (bins, row) = (self.r_nm.len(), self.lipids.len() * self.r_nm.len());
        let counts = |at: usize| {
            self.simulations.get(at / row).is_some_and(|&n| n >= least_simulations)
                && r_nm.contains(&self.r_nm[at % bins])
        };
        let apart = self.g.iter().zip(g).enumerate().filter(|&(at, _)| counts(at));
        let (sum, count) = apart.fold((0.0, 0_u64), |(sum, count), (_, (a, b))| (sum + (a - b).powi(2), count + 1));
        Ok((count > 0).then(|| (sum / count as f64).sqrt()))
    }

    fn row<'a>(&self, grid: &'a [f64], state: usize, lipid: usize) -> &'a [f64] {
        let (lipids, bins) = (self.lipids.len(), self.r_nm.len());
        if state >= self.states.len() || lipid >= lipids {
            return &[];
        }
        grid.get((state * lipids + lipid) * bins..).and_then(|rest| rest.get(..bins)).unwrap_or(&[])
    }
}

/// One state's part of a table.
pub(super) struct StateG {
    /// `[lipid * bins + bin]`.
    pub(super) g: Vec<f64>,
    pub(super) standard_error: Vec<f64>,
    pub(super) simulations: u64,
    pub(super) effective: f64,
    /// Of each lipid, whether a simulation or a prior says anything.
    pub(super) known: Vec<bool>,
}

/// g(r) of a state from the jobs of that state, each with its weight; without jobs, from the prior.
pub(super) fn state_g(
    collected: &Collected,
    bins: Bins,
    lipids: usize,
    jobs: &[u64],
    weights: &[f64],
    prior: Option<(&Prior, usize)>,
) -> Result<StateG> {
    let count = bins.count();
    let mut all = StateG {
        g: vec![1.0; lipids * count],
        standard_error: vec![f64::INFINITY; lipids * count],
        simulations: 0,
        effective: 0.0,
        known: vec![false; lipids],
    };
    if !jobs.is_empty() {
        let pairs = |simulation: &Simulation| {
            let references = f64::from(simulation.references);
            simulation.densities_nm2.iter().map(|density| references * density).collect()
        };
        let mean = collected.mean_over(RDF, jobs, weights, |job| collected.simulation(job).map(pairs))?;
        (all.simulations, all.effective) = (mean.simulations, mean.effective);
        for lipid in 0..lipids {
            let row = lipid * count..(lipid + 1) * count;
            let g: Vec<f64> = row.clone().map(|at| mean.values[at] / bins.area_nm2(at % count)).collect();
            // Sums can be too large, or densities too small, for a quotient.
            all.known[lipid] = mean.expected[lipid] > 0.0 && g.iter().all(|g| g.is_finite());
            if !all.known[lipid] {
                continue;
            }
            for (at, g) in row.zip(g) {
                let error = if mean.between[at].is_finite() { mean.between[at] } else { mean.blocks[at] };
                all.g[at] = g;
                // Where no simulation has counted anything they all agree, but only up to a count.
                all.standard_error[at] = error.max(mean.grain[lipid]) / bins.area_nm2(at % count);
            }
        }
    }
    if let Some((prior, first)) = prior {
        for lipid in 0..lipids {
            let effective = if all.known[lipid] { all.effective } else { 0.0 };
            for at in lipid * count..(lipid + 1) * count {
                let measured = (all.g[at], all.standard_error[at]);
                (all.g[at], all.standard_error[at]) = prior.join(first + at, measured, effective);
                all.known[lipid] |= prior.knows(first + at);
            }
        }
    }
    Ok(all)
}
