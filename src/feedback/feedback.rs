//! The feedback of one system: samples in, versions of a table out.
//!
//! A table is formed with the weights that the caller gives for the jobs it is told, then published: from then on it has a
//! version and is never changed. At a step the newest table is in force whose `in_force_from` has come.
//! Not here: weights, and writing down what was published ([`crate::stream`]).

use std::sync::Arc;

use super::bins::{Bins, VALUES_MAX, room};
use super::collected::{Collected, Counts};
use super::invert::{Inversion, Prepared};
use super::prior::Prior;
use super::publish::{Due, Since, When};
use super::sample::{RDF, Sample, Simulation, Submitted};
use super::table::{StateG, Table, state_g};
use crate::error::{Result, argument, conflict, shape, state, unknown};

/// What a system's feedback is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Names of the protein states.
    pub states: Vec<String>,
    /// Names of the lipids, in the order of the channels.
    pub lipids: Vec<String>,
    /// The bins of g(r).
    pub bins: Bins,
    /// Whether patches with several proteins count too: there g(r) shows what the others draw near.
    pub crowded: bool,
    /// Whether the spread between windows is kept, for the error bar of a single simulation.
    pub blocks: bool,
    /// What is known beforehand.
    pub prior: Option<Prior>,
    /// How potentials are made; `None`: tables have none.
    pub inversion: Option<Inversion>,
    /// When a table is due.
    pub when: When,
}

impl Settings {
    /// Single-protein patches, spreads kept, no prior, no potentials, never due.
    pub fn new(states: Vec<String>, lipids: Vec<String>, bins: Bins) -> Self {
        let (prior, inversion, when) = (None, None, When::default());
        Self { states, lipids, bins, crowded: false, blocks: true, prior, inversion, when }
    }
}

/// Feedback of one system.
///
/// ```
/// use patchstream::feedback::{Bins, Feedback, RDF, Sample, Settings, Simulation};
///
/// let settings = Settings::new(vec!["RASa".into()], vec!["POPC".into()], Bins::new(2, 1.0)?);
/// let mut feedback = Feedback::new(settings)?;
/// for job in [7, 9] {
///     let densities_nm2 = vec![2.0];
///     feedback.announce(Simulation { job, state: Some(0), alone: true, references: 1, densities_nm2 })?;
///     let sums = [job as f64, 400.0];
///     feedback.submit(&Sample { job, observable: RDF, window: 0, frames: 100, shape: &[1, 2], sums: &sums })?;
/// }
/// // The sampler's `weights_where` goes here.
/// let draft = feedback.form(|_state, jobs| Ok(vec![1.0; jobs.len()]))?;
/// let table = feedback.publish(draft, 1000, 1200)?;
/// assert_eq!((table.version, table.in_force_from, table.simulations[0]), (1, 1200, 2));
/// let circle = std::f64::consts::PI * 0.25; // of radius 0.5 nm
/// assert!((table.g[0] - 0.08 / (2.0 * circle)).abs() < 1e-12);
/// assert!(feedback.in_force(1199).is_none());
/// # Ok::<(), patchstream::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Feedback {
    settings: Settings,
    inversion: Option<Prepared>,
    collected: Collected,
    since: Since,
    /// In the order of their versions, and of their steps.
    published: Vec<Arc<Table>>,
    /// The version of the last one; 0 before the first.
    version: u64,
    /// The first step of the last one.
    last_from: Option<i64>,
}

impl Feedback {
    /// Feedback without samples.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Argument` for no states or lipids, too many values, or a field of the
    /// settings out of its range; `Shape` and `Value` for a prior or a mixing term that does not fit.
    pub fn new(settings: Settings) -> Result<Self> {
        let (states, lipids) = (settings.states.len(), settings.lipids.len());
        let values = states.saturating_mul(lipids).saturating_mul(settings.bins.count());
        if values == 0 || values > VALUES_MAX || states > usize::from(u16::MAX) {
            return Err(argument(format!(
                "{states} protein states, {lipids} lipids and {} bins: use at least 1 of each, and {VALUES_MAX} values at most",
                settings.bins.count()
            )));
        }
        settings.when.check()?;
        settings.prior.as_ref().map_or(Ok(()), |prior| prior.check(values))?;
        let prepare = |inversion: &Inversion| inversion.prepare(lipids, settings.bins);
        Ok(Self {
            inversion: settings.inversion.as_ref().map(prepare).transpose()?,
            collected: Collected::new(lipids, settings.bins.count(), settings.blocks),
            since: Since::default(),
            published: Vec::new(),
            version: 0,
            last_from: None,
            settings,
        })
    }

    /// Makes a simulation known; see [`Collected::announce`].
    ///
    /// # Errors
    /// Those of [`Collected::announce`], and [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) for a state that is
    /// not configured.
    pub fn announce(&mut self, simulation: Simulation) -> Result<Submitted> {
        if let Some(at) = simulation.state.filter(|&at| usize::from(at) >= self.settings.states.len()) {
            return Err(unknown(format!(
                "job {} is of protein state {at}, there are {}, from 0: configure it",
                simulation.job,
                self.settings.states.len()
            )));
        }
        self.collected.announce(simulation)
    }

    /// Takes in a sample; see [`Collected::submit`].
    ///
    /// # Errors
    /// Those of [`Collected::submit`].
    pub fn submit(&mut self, sample: &Sample<'_>) -> Result<Submitted> {
        let answer = self.collected.submit(sample)?;
        if answer == Submitted::Accepted && sample.observable == RDF {
            self.since.samples += 1;
            self.since.looked += 1;
        }
        Ok(answer)
    }

    /// Whether a sample would be taken; see [`Collected::check`].
    ///
    /// # Errors
    /// Those of [`Collected::check`].
    pub fn check(&mut self, sample: &Sample<'_>) -> Result<()> {
        self.collected.check(sample)
    }

    /// A sample was refused before it came here.
    pub fn refuse(&mut self) {
        self.collected.refuse();
    }

    /// Lets go of a simulation that has no results; see [`Collected::forget`].
    pub fn forget(&mut self, job: u64) -> bool {
        self.collected.forget(job)
    }

    /// What became of the samples so far.
    pub fn counts(&self) -> Counts {
        self.collected.counts()
    }

    /// Everything that came in.
    pub fn collected(&self) -> &Collected {
        &self.collected
    }

    /// What it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How potentials are made, worked out for this system.
    pub fn inversion(&self) -> Option<&Prepared> {
        self.inversion.as_ref()
    }

    /// The jobs whose RDFs count for a state, in ascending order.
    pub fn jobs(&self, state: u16) -> Vec<u64> {
        let counts = |s: &Simulation| s.state == Some(state) && (s.alone || self.settings.crowded);
        self.collected.jobs(RDF, counts)
    }

    /// A table of everything so far, with the weights that `weigh` gives for each state and the jobs that have results of
    /// it: the sampler's, over those jobs and the patches of that state. It is not asked for states without results.
    ///
    /// # Errors
    /// `weigh`'s own; by [`ErrorKind`](crate::error::ErrorKind) `Argument` for another number of weights or none that is
    /// positive, `Value` for one that is negative or not finite.
    pub fn form(&self, mut weigh: impl FnMut(u16, &[u64]) -> Result<Vec<f64>>) -> Result<Table> {
        self.form_over(|at| {
            let jobs = self.jobs(at);
            let weights = if jobs.is_empty() { Vec::new() } else { weigh(at, &jobs)? };
            Ok((jobs, weights))
        })
    }

    /// The same over jobs of the caller's choice: those, say, that ran before a table was in force. `choose` gives the jobs
    /// of a state, each with its weight.
    ///
    /// # Errors
    /// Those of [`form`](Self::form), and `Unknown` for a job without results, `Argument` for one of another state.
    pub fn form_over(&self, mut choose: impl FnMut(u16) -> Result<(Vec<u64>, Vec<f64>)>) -> Result<Table> {
        let Settings { states, lipids, bins, prior, .. } = &self.settings;
        let row = lipids.len() * bins.count();
        let grid = || room(states.len() * row, "a table");
        let mut table = Table {
            version: 0,
            in_force_from: 0,
            states: states.clone(),
            lipids: lipids.clone(),
            r_nm: bins.centres_nm(),
            g: grid()?,
            standard_error: grid()?,
            potential_kt: self.inversion.as_ref().map(|_| grid()).transpose()?,
            has_potential: Vec::new(),
            simulations: Vec::new(),
            effective_samples: Vec::new(),
        };
        for (at, name) in states.iter().enumerate() {
            let (jobs, weights) = choose(at as u16)?;
            if jobs.len() != weights.len() {
                return Err(argument(format!("{} jobs and {} weights: give one a job", jobs.len(), weights.len())));
            }
            let of_other = |job: &&u64| self.collected.simulation(**job).is_some_and(|s| s.state != Some(at as u16));
            if let Some(job) = jobs.iter().find(of_other) {
                return Err(argument(format!("job {job} is not of the state `{name}`: leave it out")));
            }
            let prior = prior.as_ref().map(|prior| (prior, at * row));
            let all = state_g(&self.collected, *bins, lipids.len(), &jobs, &weights, prior)?;
            if let (Some(inversion), Some(potential)) = (&self.inversion, &mut table.potential_kt) {
                let (kt, has) = potentials(inversion, &all)?;
                potential.extend(kt);
                table.has_potential.extend(has);
            }
            table.g.extend(all.g);
            table.standard_error.extend(all.standard_error);
            table.simulations.push(all.simulations);
            table.effective_samples.push(all.effective);
        }
        Ok(table)
    }

    /// Whether a table is due at a step.
    pub fn due(&self, step: i64) -> Due {
        self.since.due(&self.settings.when, step)
    }

    /// Whether g has moved far enough from the last table for this one to be published; always, before the first. The next
    /// look is due after as many samples as configured.
    pub fn changed(&mut self, draft: &Table) -> bool {
        self.looked();
        let enough = self.settings.when.change.map_or(0.0, |change| change.standard_errors);
        self.published.last().is_none_or(|last| draft.change_from(last) >= enough)
    }

    /// Somebody has looked whether g has moved: the next look is due after as many samples as configured.
    pub fn looked(&mut self) {
        self.since.looked = 0;
    }

    /// The macro model went back to `step` and goes another way. What was published stands, each table from its step on; but
    /// a new one may be in force earlier than those behind `step`, and then takes their place.
    pub fn branch(&mut self, step: i64) {
        self.last_from = self.last_from_in(Some(step));
        self.since.step = self.since.step.min(step.max(0));
    }

    /// The first step, `step` or later, from which a new table can be in force.
    pub fn earliest(&self, step: i64) -> i64 {
        self.last_from.map_or(step, |last| step.max(last.saturating_add(1)))
    }

    /// Whether a table may be published at `step`, to be in force from `in_force_from`; with `branch`, once the macro model
    /// went back to that step and goes another way.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) if that step lies before `step`, or not after that of the last
    /// table.
    pub fn may_publish(&self, step: i64, in_force_from: i64, branch: Option<i64>) -> Result<()> {
        if in_force_from < step {
            return Err(state(format!(
                "a table cannot be in force from step {in_force_from} when the step is {step}: name a step that has not \
                 passed"
            )));
        }
        check_from(in_force_from, self.last_from_in(branch))
    }

    /// Gives a table its version, at `step`, to be in force from `in_force_from`.
    ///
    /// # Errors
    /// Those of [`may_publish`](Self::may_publish); `Shape` for a table of another system.
    pub fn publish(&mut self, draft: Table, step: i64, in_force_from: i64) -> Result<Arc<Table>> {
        self.may_publish(step, in_force_from, None)?;
        self.adopt(Table { version: self.version + 1, in_force_from, ..draft }, step)
    }

    /// Takes in a table that was published at `step` in an earlier life of the run, as it was.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict) if it is not the next version, and those of
    /// [`publish`](Self::publish).
    pub fn adopt(&mut self, table: Table, step: i64) -> Result<Arc<Table>> {
        table.check()?;
        let Settings { states, lipids, bins, .. } = &self.settings;
        if (&table.states, &table.lipids, table.r_nm.len()) != (states, lipids, bins.count()) {
            return Err(shape("the table is of other states, lipids or bins than this feedback: open it as it was"));
        }
        if table.version != self.version + 1 {
            return Err(conflict(format!(
                "a table of version {} after version {}: publish them in order, each once",
                table.version, self.version
            )));
        }
        check_from(table.in_force_from, self.last_from)?;
        (self.version, self.last_from) = (table.version, Some(table.in_force_from));
        self.since = Since { samples: 0, looked: 0, step };
        let table = Arc::new(table);
        self.published.push(Arc::clone(&table));
        Ok(table)
    }

    /// The table that is in force at a step: the last that was published of those whose step has come.
    pub fn in_force(&self, step: i64) -> Option<&Arc<Table>> {
        self.published.iter().rev().find(|table| table.in_force_from <= step)
    }

    /// A table by its version, unless it was let go of.
    pub fn version(&self, version: u64) -> Option<&Arc<Table>> {
        self.published.iter().find(|table| table.version == version)
    }

    /// The last table, in force or to be.
    pub fn last(&self) -> Option<&Arc<Table>> {
        self.published.last()
    }

    /// Lets go of the tables that a later one had replaced at `step`.
    pub fn forget_before(&mut self, step: i64) {
        let current = self.published.iter().rposition(|table| table.in_force_from <= step).unwrap_or(0);
        self.published.drain(..current);
    }

    /// The first step of the last table; with `branch`, once the macro model went back to that step.
    fn last_from_in(&self, branch: Option<i64>) -> Option<i64> {
        branch.map_or(self.last_from, |step| self.in_force(step).map(|table| table.in_force_from))
    }
}

/// The potentials of a state, and which lipids have one: those that something is known of, and that have a bulk.
fn potentials(inversion: &Prepared, all: &StateG) -> Result<(Vec<f64>, Vec<bool>)> {
    if !all.known.contains(&true) {
        return Ok((vec![0.0; all.g.len()], vec![false; all.known.len()]));
    }
    let mut potential = inversion.potential_kt(&all.g)?;
    let mut has = inversion.has_bulk(&all.g)?;
    let rows = potential.chunks_exact_mut(all.g.len() / all.known.len());
    for ((row, has), known) in rows.zip(&mut has).zip(&all.known) {
        *has &= known;
        if !known {
            row.fill(0.0);
        }
    }
    Ok((potential, has))
}

/// Tables are in force one after the other.
fn check_from(in_force_from: i64, last: Option<i64>) -> Result<()> {
    match last.filter(|&last| in_force_from <= last) {
        None => Ok(()),
        Some(last) => Err(state(format!(
            "a table in force from step {in_force_from} after one in force from {last}: name a later step"
        ))),
    }
}
