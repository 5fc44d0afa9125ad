//! What comes in: simulations that were announced, and samples of what they measure.
//!
//! nm^-2. Not here: what is kept of them ([`super::collected`]).

use crate::error::{Result, argument, shape, value};
use crate::ids;

/// The observable that g(r) is made of: pair counts `[lipid * bins + bin]`.
pub const RDF: &str = "rdf";

/// The longest name of an observable, in bytes.
const NAME_MAX: usize = 256;

/// One micro simulation, which runs a selected patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The id of the patch.
    pub job: u64,
    /// The state of the protein that its RDFs are taken from, an index into the configured ones; `None` without a protein.
    pub state: Option<u16>,
    /// Whether that protein, or complex, is the only one of the patch.
    pub alone: bool,
    /// Number of reference beads a frame, at least 1 where there is a protein.
    pub references: u32,
    /// What g(r) = 1 stands for: the density of each lipid, nm^-2, at least 0. The number of lipids of the simulation over
    /// its area; or those of the macro model far from any protein, where patches hold what gathers around one besides.
    pub densities_nm2: Vec<f64>,
}

/// What a simulation measured in one window: raw sums over its frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    /// The id of the patch that is simulated.
    pub job: u64,
    /// What was measured, [`RDF`] for one.
    pub observable: &'a str,
    /// Number of the window, from the micro model's time.
    pub window: u64,
    /// Frames that were summed over, at least 1.
    pub frames: u64,
    /// Extents, the slowest first.
    pub shape: &'a [u32],
    /// As many as the product of the extents.
    pub sums: &'a [f64],
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It was added.
    Accepted,
    /// This window of this observable of this job was there before, and stays as it was.
    Known,
}

impl Simulation {
    /// Checks what can be checked without knowing the system.
    pub(super) fn check(&self) -> Result<()> {
        ids::check_public(self.job)?;
        if self.state.is_some() && self.references == 0 {
            return Err(argument(format!(
                "job {} has a protein but no reference beads: say how many distances are taken from",
                self.job
            )));
        }
        let bad = |density: &f64| !(*density >= 0.0 && density.is_finite());
        if let Some(lipid) = self.densities_nm2.iter().position(bad) {
            return Err(value(format!(
                "the density of lipid {lipid} in job {} is {} nm^-2: give 0 or a positive number",
                self.job, self.densities_nm2[lipid]
            )));
        }
        Ok(())
    }
}

impl Sample<'_> {
    /// Checks what can be checked without knowing what came before.
    pub(super) fn check(&self) -> Result<()> {
        let Self { job, observable, window, frames, shape: extents, sums } = *self;
        if observable.is_empty() || observable.len() > NAME_MAX {
            return Err(argument(format!(
                "a sample of job {job} has an observable's name of {} bytes: use 1 to {NAME_MAX}",
                observable.len()
            )));
        }
        let what = format_args!("window {window} of `{observable}` of job {job}");
        if frames == 0 || frames > 1 << 53 {
            return Err(value(format!("{what} has {frames} frames: sum over 1 to 2^53")));
        }
        let product = extents.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent as usize));
        if extents.is_empty() || product != Some(sums.len()) || sums.is_empty() {
            return Err(shape(format!("{what} has {} sums for the shape {extents:?}: give one a value", sums.len())));
        }
        if let Some(at) = sums.iter().position(|sum| !sum.is_finite()) {
            return Err(value(format!("{what} has the sum {} at {at}: look for a division by zero", sums[at])));
        }
        if let (RDF, Some(at)) = (observable, sums.iter().position(|&sum| sum < 0.0)) {
            return Err(value(format!("{what} has the count {} at {at}: counts are 0 or more", sums[at])));
        }
        Ok(())
    }
}
