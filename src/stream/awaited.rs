//! Producers that a stream was told to await: an event that the log does not answer is held once all have come and ended its
//! step.
//!
//! A producer counts by its name. One that closes has come for good; one that ends without closing is awaited again behind
//! the last step that it ended, since it lacks what it had still to send. Whether it was forgotten meanwhile is all one.
//! Not here: who comes and goes ([`super::door`]), what an event does ([`super::event`]).

use std::collections::{BTreeMap, BTreeSet};

use super::config::LogLevel;
use super::lanes::Lane;
use super::operator::Operator;

/// Producers that are awaited.
#[derive(Default)]
pub(super) struct Awaited {
    /// How many; 0: nobody said.
    count: usize,
    /// Names of those that are gone and up to which step they have come, no more than are awaited.
    gone: BTreeMap<String, i64>,
    /// Step and number of producers of which the log was told last.
    said: Option<(i64, usize)>,
}

/// What an event waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waits {
    /// Nothing.
    No,
    /// A producer that has not ended the step.
    ForStep,
    /// Producers, beside these.
    ForProducers(Vec<String>),
}

impl Awaited {
    pub(super) fn new(count: usize) -> Self {
        Self { count, ..Self::default() }
    }

    /// Whether anybody is awaited.
    pub(super) fn is_told(&self) -> bool {
        self.count > 0
    }

    /// A producer of this name has come, also if it was here before.
    pub(super) fn come(&mut self, name: &str) {
        self.gone.remove(name);
    }

    /// A producer of this name is gone, and counts as come for steps up to `ended`.
    pub(super) fn has_gone(&mut self, name: &str, ended: i64) {
        self.gone.insert(name.into(), ended);
        if self.gone.len() > self.count {
            // For any step as many are left as are awaited, or as many as there were.
            let least = self.gone.iter().min_by_key(|(_, ended)| **ended).map(|(name, _)| name.clone());
            least.and_then(|name| self.gone.remove(&name));
        }
    }

    /// What an event of `step` waits for; `lanes` as they are before they are emptied.
    fn waits(&self, lanes: &mut [Lane], step: i64) -> Waits {
        if !self.is_told() {
            return Waits::No;
        }
        let gone = self.gone.iter().filter(|(_, ended)| **ended >= step);
        let mut come: BTreeSet<&str> = gone.map(|(name, _)| name.as_str()).collect();
        let mut holds_up = false;
        for lane in lanes {
            holds_up |= lane.holds_up(step);
            if !lane.is_cut_short(step) {
                come.insert(&lane.name);
            }
        }
        if come.len() < self.count {
            Waits::ForProducers(come.into_iter().map(str::to_owned).collect())
        } else if self.count > 1 && holds_up {
            Waits::ForStep
        } else {
            Waits::No
        }
    }
}

impl Operator {
    /// What an event of `step` waits for that the log does not answer. To be asked before the rings are emptied: a step
    /// that has ended is in its ring whole.
    pub(super) fn waits(&mut self, step: i64) -> Waits {
        self.awaited.waits(&mut self.lanes, step)
    }

    /// Says in the log who is awaited, once for each step and number of them.
    pub(super) fn say_who_is_awaited(&mut self, step: i64, waits: &Waits) {
        let Waits::ForProducers(come) = waits else { return };
        if self.awaited.said.replace((step, come.len())) != Some((step, come.len())) {
            let names = if come.is_empty() { String::new() } else { format!(" ({})", come.join(", ")) };
            let (come, count) = (come.len(), self.awaited.count);
            let line = format!(
                "an event of step {step} waits for producers: {come} of {count} have come{names}; start the others, or \
                 open the stream for fewer"
            );
            self.lines.push((LogLevel::Info, line));
        }
    }
}
