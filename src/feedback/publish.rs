//! When a new table is due: by samples, by steps of the macro model, by how far g has moved. No clock.
//!
//! Not here: what is in it ([`super::table`]), versions ([`super::feedback`]).

use crate::error::{Result, argument};

/// When a table is due: whatever is given, and whichever comes first. Without a new sample, never.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct When {
    /// After so many new samples of RDFs, at least 1.
    pub samples: Option<u64>,
    /// After so many steps of the macro model, at least 1; before the first table counted from step 0.
    pub steps: Option<i64>,
    /// When g has moved by so many standard errors, root mean square, more than 0.
    pub change: Option<Change>,
}

/// Publishing by how far g has moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Root mean square of the difference over the standard error, more than 0.
    pub standard_errors: f64,
    /// New samples between one look and the next, at least 1: a look takes a re-weighting.
    pub look_every: u64,
}

/// Whether a table is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Not yet.
    No,
    /// If it differs enough: form it, and ask [`changed`](super::Feedback::changed).
    IfChanged,
    /// Yes.
    Yes,
}

impl When {
    pub(super) fn check(&self) -> Result<()> {
        if self.samples == Some(0) || self.steps.is_some_and(|steps| steps < 1) {
            return Err(argument(format!(
                "publishing every {:?} samples or {:?} steps: use at least 1, or leave it out",
                self.samples, self.steps
            )));
        }
        match self.change {
            Some(Change { standard_errors, look_every })
                if standard_errors.is_nan() || standard_errors <= 0.0 || look_every == 0 =>
            {
                Err(argument(format!(
                    "publishing on a change of {standard_errors} standard errors, looked for every {look_every} samples: \
                     use positive numbers"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// What happened since the last table, and since the last look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Since {
    /// New samples since the last table.
    pub(super) samples: u64,
    /// New samples since somebody last looked whether g has changed.
    pub(super) looked: u64,
    /// The step of the last table; 0 before the first.
    pub(super) step: i64,
}

impl Since {
    pub(super) fn due(&self, when: &When, step: i64) -> Due {
        if self.samples == 0 {
            return Due::No;
        }
        let by_samples = when.samples.is_some_and(|samples| self.samples >= samples);
        let by_steps = when.steps.is_some_and(|steps| step.saturating_sub(self.step) >= steps);
        if by_samples || by_steps {
            return Due::Yes;
        }
        match when.change {
            Some(change) if self.looked >= change.look_every => Due::IfChanged,
            _ => Due::No,
        }
    }
}
