//! Which windows of a job were accepted: a set of (observable, window) as runs, since windows come mostly in order.
//!
//! Not here: who may add to it ([`super::line`]).

use std::collections::BTreeMap;

use crate::error::{Result, argument};
use crate::wire::AcceptedWindows;

/// The most observables of one job.
const OBSERVABLES_MAX: usize = 64;
/// The most runs of windows of one observable: 1 MiB on the wire.
const RUNS_MAX: usize = 1 << 16;
/// The longest name of an observable.
const NAME_MAX: usize = 32;

/// The accepted windows of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    /// First to last window of each run, by observable. Runs neither overlap nor touch.
    runs: BTreeMap<String, BTreeMap<u64, u64>>,
}

impl Windows {
    /// Adds a window. `false`: it was there.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a name that is none, and for more observables or
    /// gaps than one job can have.
    pub(crate) fn add(&mut self, observable: &str, window: u64) -> Result<bool> {
        check_observable(observable)?;
        if self.has(observable, window) {
            return Ok(false);
        }
        if !self.runs.contains_key(observable) && self.runs.len() == OBSERVABLES_MAX {
            return Err(argument(format!("observable {observable:?} is one over {OBSERVABLES_MAX}: join some")));
        }
        let runs = self.runs.entry(observable.to_owned()).or_default();
        let before = runs.range(..window).next_back().filter(|run| *run.1 + 1 == window).map(|run| *run.0);
        let after = window.checked_add(1).and_then(|next| runs.remove(&next));
        if before.is_none() && after.is_none() && runs.len() == RUNS_MAX {
            return Err(argument(format!("the windows of {observable:?} have {RUNS_MAX} gaps: number them in order")));
        }
        runs.insert(before.unwrap_or(window), after.unwrap_or(window));
        Ok(true)
    }

    /// Whether a window was accepted.
    pub(crate) fn has(&self, observable: &str, window: u64) -> bool {
        let Some(runs) = self.runs.get(observable) else { return false };
        runs.range(..=window).next_back().is_some_and(|run| window <= *run.1)
    }

    /// As a job's message has them.
    pub(crate) fn pack(&self) -> Vec<AcceptedWindows> {
        let one = |(name, runs): (&String, &BTreeMap<u64, u64>)| AcceptedWindows {
            observable: name.clone(),
            runs: runs.iter().map(|(&first, &last)| (first, last)).collect(),
        };
        self.runs.iter().map(one).collect()
    }

    /// From a job's message, whose runs ascend and are disjoint.
    pub(crate) fn unpack(accepted: &[AcceptedWindows]) -> Self {
        let mut windows = Self::default();
        for AcceptedWindows { observable, runs } in accepted {
            let known = windows.runs.entry(observable.clone()).or_default();
            let mut open: Option<(u64, u64)> = None;
            for &(first, last) in runs {
                open = match open {
                    Some((start, end)) if end.checked_add(1) == Some(first) => Some((start, last)),
                    Some((start, end)) => {
                        known.insert(start, end);
                        Some((first, last))
                    }
                    None => Some((first, last)),
                };
            }
            known.extend(open);
        }
        windows
    }
}

/// Checks the name of an observable: it becomes part of a file's name.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument).
pub(crate) fn check_observable(name: &str) -> Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(fits) {
        let shown: String = name.chars().take(NAME_MAX + 1).collect();
        return Err(argument(format!("observable {shown:?}: give 1 to {NAME_MAX} of A-Z a-z 0-9 _ -")));
    }
    Ok(())
}
