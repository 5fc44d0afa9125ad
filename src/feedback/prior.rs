//! What is known of g(r) before a simulation has reported.
//!
//! Layout `g[(state * lipids + lipid) * bins + bin]`. Not here: what it is joined with ([`super::table`]).

use crate::error::{Result, argument, shape, value};

/// A table from elsewhere, and how much it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// g(r), at least 0.
    pub g: Vec<f64>,
    /// Its standard error, at least 0; +infinity where the prior knows nothing, so that g there is never joined.
    pub standard_error: Vec<f64>,
    /// How many equally weighted simulations it is worth, positive: with n effective ones measured, it has the share
    /// strength / (strength + n).
    pub strength: f64,
}

impl Prior {
    pub(super) fn check(&self, values: usize) -> Result<()> {
        if self.g.len() != values || self.standard_error.len() != values {
            return Err(shape(format!(
                "the prior has {} values and {} standard errors, the table {values}: give one of each",
                self.g.len(),
                self.standard_error.len()
            )));
        }
        if !(self.strength > 0.0 && self.strength.is_finite()) {
            return Err(argument(format!(
                "a prior of strength {}: use a positive number of simulations, or no prior",
                self.strength
            )));
        }
        let bad = |(g, error): (&f64, &f64)| !(*g >= 0.0 && g.is_finite() && *error >= 0.0);
        if let Some(at) = self.g.iter().zip(&self.standard_error).position(bad) {
            return Err(value(format!(
                "value {at} of the prior is {} with the standard error {}: give numbers of at least 0, and +infinity as the \
                 error of what is not known",
                self.g[at], self.standard_error[at]
            )));
        }
        Ok(())
    }

    /// Whether it says anything of the value at `at`.
    pub(super) fn knows(&self, at: usize) -> bool {
        self.standard_error[at].is_finite()
    }

    /// The mean of a measured value, worth `effective` simulations, and the prior's at `at`; and its standard error.
    pub(super) fn join(&self, at: usize, (g, error): (f64, f64), effective: f64) -> (f64, f64) {
        if !self.knows(at) {
            return (g, error);
        }
        if effective <= 0.0 {
            return (self.g[at], self.standard_error[at]);
        }
        let share = effective / (effective + self.strength);
        let rest = 1.0 - share;
        (share * g + rest * self.g[at], (share * error).hypot(rest * self.standard_error[at]))
    }
}
