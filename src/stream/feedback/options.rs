//! `[feedback]`: what a stream is told of feedback, and the settings that it makes of it.
//!
//! nm, nm^-2, kT. Not here: what the settings do ([`crate::feedback`]).

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Result, argument, io, shape, value};
use crate::feedback::{Bins, Bulk, Change, Inversion, Mixing, Prior, Settings, Table, When};
use crate::patch::{ProteinStates, Species};
use crate::wire::{self, Message};

/// `[feedback]`: how g(r) comes back. Lipids and protein states are the stream's own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedbackConfig {
    /// Bins of g(r), 1 to 2^20; 4,096 at most where an inversion smooths or has a mixing term.
    pub bins: usize,
    /// Where the last one ends, nm.
    pub cutoff_nm: f64,
    /// Reference beads a frame: those of the patch's first protein that micro simulations take distances from, at least 1.
    pub references: u32,
    /// What g(r) = 1 stands for, nm^-2, one a lipid: that of the macro model far from any protein, say. Without it the mean
    /// over each patch, where grid points on an edge count as half and negative densities as 0; densities are kept for
    /// that. Micro hosts place whole beads, half a bead more or less than a patch has: that factor of g falls out of potentials
    /// whose bulk is the `tail`.
    pub densities_nm2: Option<Vec<f64>>,
    /// Whether patches with several proteins count too, each for the state of its first one.
    pub crowded: bool,
    /// Whether the spread between windows is kept, for the error bar of a single simulation: 4 bytes more a value.
    pub blocks: bool,
    /// Whether the host takes samples of `rdf` too; they are the stream's alone otherwise. Other observables are the
    /// host's anyway.
    pub samples_to_host: bool,
    /// A table is due after so many new samples of `rdf`. Tables are made by [`Stream::select`](crate::stream::Stream::select)
    /// when they are due, and whenever the host asks.
    pub every_samples: Option<u64>,
    /// A table is due after so many steps, if there is a new sample.
    pub every_steps: Option<i64>,
    /// A table is due when g has moved by so many standard errors, root mean square.
    pub change: Option<f64>,
    /// New samples between one look at how far g has moved and the next, at least 1: a look takes a re-weighting.
    pub look_every: u64,
    /// Steps from the one that a table is due at until it is in force, 0 or more.
    pub lead_steps: i64,
    /// What is known of g(r) beforehand.
    pub prior: Option<PriorConfig>,
    /// How potentials are made; without it tables have none, and the host makes its own.
    pub inversion: Option<InversionConfig>,
}

/// `[feedback.prior]`: a table from elsewhere, as a file or as values.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriorConfig {
    /// A table's message (`patchstream.fbs`, FeedbackTable) of the same states, lipids and bins. Where it does not know its
    /// error, as for states that its run never saw, there is no prior.
    pub table: Option<PathBuf>,
    /// Without a file: g, `g[(state * lipids + lipid) * bins + bin]`.
    pub g: Vec<f64>,
    /// Its standard error, as many values; `inf` where nothing is known.
    pub standard_error: Vec<f64>,
    /// How many simulations it is worth, positive.
    pub strength: f64,
}

/// `[feedback.inversion]`: from g(r) to potentials, [`Inversion`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InversionConfig {
    /// The macro model's A_ij in nm^2, a row a lipid. Empty: it has no mixing term; with one, leaving it out counts it twice.
    pub a_nm2: Vec<Vec<f64>>,
    /// Standard deviation of its Gaussian, nm.
    pub sigma_nm: f64,
    /// Its mean densities, nm^-2, one a lipid.
    pub densities_nm2: Vec<f64>,
    /// Standard deviation by which g is smoothed, nm, at least the width of a bin; 0: none.
    pub smoothing_nm: f64,
    /// The least g, in (0, 1].
    pub floor: f64,
    /// Length of the switch before the cutoff, nm.
    pub switch_nm: f64,
    /// What g = 1 is: `as_given`; the `tail`, the mean over the switch; or `{ box = AREA }`, what is left beyond the cutoff in
    /// a periodic box of that many nm^2.
    pub bulk: Bulk,
}

impl Default for FeedbackConfig {
    fn default() -> Self {
        Self {
            bins: 60,
            cutoff_nm: 6.0,
            references: 1,
            densities_nm2: None,
            crowded: false,
            blocks: true,
            samples_to_host: false,
            every_samples: None,
            every_steps: None,
            change: None,
            look_every: 1,
            lead_steps: 0,
            prior: None,
            inversion: None,
        }
    }
}

impl Default for InversionConfig {
    fn default() -> Self {
        let Inversion { smoothing_nm, floor, switch_nm, bulk, .. } = Inversion::new(Mixing::Plain);
        Self { a_nm2: Vec::new(), sigma_nm: 0.9, densities_nm2: Vec::new(), smoothing_nm, floor, switch_nm, bulk }
    }
}

impl FeedbackConfig {
    /// Whether densities have to be kept for it.
    pub(in crate::stream) fn needs_densities(&self) -> bool {
        self.densities_nm2.is_none()
    }

    /// Its settings for a system.
    pub(super) fn settings(&self, species: &Species, states: &ProteinStates) -> Result<Settings> {
        let bins = Bins::new(self.bins, self.cutoff_nm)?;
        if self.references == 0 || self.lead_steps < 0 {
            return Err(argument(format!(
                "feedback.references = {} and lead_steps = {}: use at least 1 and 0",
                self.references, self.lead_steps
            )));
        }
        if let Some(densities) = self.densities_nm2.as_ref().filter(|densities| densities.len() != species.len()) {
            return Err(shape(format!(
                "feedback.densities_nm2 has {} values for {} lipids: give one each",
                densities.len(),
                species.len()
            )));
        }
        let bad = |density: &&f64| !(**density >= 0.0 && density.is_finite());
        if let Some(density) = self.densities_nm2.iter().flatten().find(bad) {
            return Err(value(format!("feedback.densities_nm2 has {density}: give 0 or positive numbers of nm^-2")));
        }
        let names = (0..states.len()).map(|at| states.name(at as i32).unwrap_or_default().to_owned()).collect();
        let mut settings = Settings::new(names, species.names().to_vec(), bins);
        (settings.crowded, settings.blocks) = (self.crowded, self.blocks);
        let change = self.change.map(|standard_errors| Change { standard_errors, look_every: self.look_every });
        settings.when = When { samples: self.every_samples, steps: self.every_steps, change };
        settings.inversion = self.inversion.as_ref().map(InversionConfig::inversion).transpose()?;
        settings.prior = self.prior.as_ref().map(|prior| prior.prior(&settings)).transpose()?;
        Ok(settings)
    }

    /// What has to be equal to go on with a run, as lines.
    pub(in crate::stream) fn told(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "feedback bins = {} to {:?} nm", self.bins, self.cutoff_nm);
        let _ = writeln!(text, "feedback references = {}", self.references);
        let _ = writeln!(text, "feedback densities_nm2 = {:?}", self.densities_nm2);
        let _ = writeln!(text, "feedback crowded = {}, blocks = {}", self.crowded, self.blocks);
        text
    }
}

impl InversionConfig {
    fn inversion(&self) -> Result<Inversion> {
        let Self { a_nm2, sigma_nm, densities_nm2, smoothing_nm, floor, switch_nm, bulk } = self;
        if let Some(row) = a_nm2.iter().position(|row| row.len() != a_nm2.len()) {
            return Err(shape(format!(
                "row {row} of feedback.inversion.a_nm2 has {} values in a matrix of {} rows: give a square one",
                a_nm2[row].len(),
                a_nm2.len()
            )));
        }
        let mixing = match a_nm2.is_empty() {
            true => Mixing::Plain,
            false => {
                Mixing::Gaussian { a_nm2: a_nm2.concat(), sigma_nm: *sigma_nm, densities_nm2: densities_nm2.clone() }
            }
        };
        Ok(Inversion { mixing, smoothing_nm: *smoothing_nm, floor: *floor, switch_nm: *switch_nm, bulk: *bulk })
    }
}

impl PriorConfig {
    fn prior(&self, settings: &Settings) -> Result<Prior> {
        let Self { table, g, standard_error, strength } = self.clone();
        let Some(path) = table else { return Ok(Prior { g, standard_error, strength }) };
        if !(g.is_empty() && standard_error.is_empty()) {
            return Err(argument("feedback.prior has a table and values: give it one of them"));
        }
        let table = read(&path)?;
        let radii = settings.bins.centres_nm();
        let apart = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-6 * settings.bins.width_nm();
        if (&table.states, &table.lipids) != (&settings.states, &settings.lipids)
            || table.r_nm.len() != radii.len()
            || table.r_nm.iter().zip(&radii).any(apart)
        {
            return Err(shape(format!(
                "the prior {} is of {} states, {} lipids and {} bins up to {:?} nm: it has to be of the stream's own",
                path.display(),
                table.states.len(),
                table.lipids.len(),
                table.r_nm.len(),
                table.r_nm.last()
            )));
        }
        Ok(Prior { g: table.g, standard_error: table.standard_error, strength })
    }
}

fn read(path: &Path) -> Result<Table> {
    let bytes =
        std::fs::read(path).map_err(|error| io(format!("cannot read the prior {}: {error}", path.display())))?;
    match wire::one(&bytes).map_err(|error| error.context(format!("the prior {}", path.display())))? {
        Message::FeedbackTable(table) => Ok(table),
        _ => Err(value(format!("the prior {} is another message than a table: name a FeedbackTable", path.display()))),
    }
}
