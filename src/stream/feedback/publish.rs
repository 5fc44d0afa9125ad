//! Tables of a stream: with which weights they are formed, when, and that they stand.
//!
//! Not here: what is in a table, versions ([`crate::feedback`]), the log ([`crate::stream::journal`]).

use std::collections::HashSet;
use std::sync::Arc;

use super::calls::no_feedback;
use super::measured::{Measured, Published};
use crate::dynim::{Member, Sampler, Stage};
use crate::error::Result;
use crate::feedback::{Due, Mean, Simulation, Table};
use crate::stream::config::LogLevel;
use crate::stream::journal::feedback::Looked;
use crate::stream::operator::Operator;
use crate::stream::stream::Shared;

impl Measured {
    /// The jobs that tables are made of.
    pub(super) fn jobs(&self) -> Vec<u64> {
        let states = 0..self.feedback.settings().states.len();
        states.flat_map(|state| self.feedback.jobs(state as u16)).collect()
    }

    /// A table of what is known so far, over the jobs that `of` says, and the patches but for those that are `gone`.
    pub(super) fn form(&self, sampler: &mut Sampler, of: impl Fn(u64) -> bool, gone: &HashSet<u64>) -> Result<Table> {
        let selected = |sampler: &Sampler, job: u64| sampler.stage(job) == Some(Stage::Selected);
        let states = 0..self.feedback.settings().states.len();
        let jobs = states.map(|state| self.feedback.jobs(state as u16));
        let jobs: Vec<Vec<u64>> =
            jobs.map(|jobs| jobs.into_iter().filter(|&job| of(job) && selected(sampler, job)).collect()).collect();
        // A pass over millions of points takes longer than all the rest: one does for all states.
        let state_of = |member: Member| self.state(member.id).filter(|_| !gone.contains(&member.id)).map(usize::from);
        let weights = sampler.weights_by(&jobs, state_of)?;
        let mut weighed = jobs.into_iter().zip(weights);
        self.feedback.form_over(|_| {
            let (jobs, weights) = weighed.next().unwrap_or_default();
            Ok((jobs, weights.iter().map(|weight| weight.weight).collect()))
        })
    }

    /// The mean of an observable over the simulations of a state and its patches, or over all.
    pub(super) fn mean(&self, sampler: &mut Sampler, observable: &str, state: Option<u16>) -> Result<Mean> {
        let counts = |s: &Simulation| state.is_none() || s.state == state && (s.alone || self.options.crowded);
        let jobs = self.feedback.collected().jobs(observable, counts).into_iter();
        let jobs: Vec<u64> = jobs.filter(|&job| sampler.stage(job) == Some(Stage::Selected)).collect();
        let weights = sampler.weights_where(&jobs, |member| state.is_none() || self.state(member.id) == state)?;
        let weights: Vec<f64> = weights.iter().map(|weight| weight.weight).collect();
        self.feedback.collected().mean(observable, &jobs, &weights)
    }

    /// A table that was published in an earlier life of the run.
    pub(in crate::stream) fn adopt(&mut self, sequence: u64, looked: Looked, table: Option<Table>) -> Result<()> {
        let Some(table) = table else {
            self.feedback.looked();
            return Ok(());
        };
        let table = self.feedback.adopt(table, looked.step)?;
        if looked.asked {
            self.remember(sequence, looked.step, &table);
        }
        Ok(())
    }

    /// The host does something else than it did after `step`, whose event is the entry `after` of the log. What it asked for
    /// up to that step has its answer.
    pub(in crate::stream) fn branch(&mut self, step: i64, after: u64) {
        self.feedback.branch(step);
        self.published.retain(|published| published.sequence <= after || published.step <= step);
    }

    /// The host said where it goes on.
    pub(in crate::stream) fn go_back(&mut self) {
        self.given = 0;
    }

    fn remember(&mut self, sequence: u64, step: i64, table: &Table) {
        let Table { in_force_from, version, .. } = *table;
        self.published.push(Published { sequence, step, in_force_from, version });
    }
}

impl Operator {
    /// The table that is in force at a step, if the host does not have it.
    pub(super) fn give_table(&mut self, step: i64) -> Result<Option<Arc<Table>>> {
        let measured = self.measured.as_mut().ok_or_else(no_feedback)?;
        let Some(table) = measured.feedback.in_force(step).cloned() else { return Ok(None) };
        if table.version <= measured.given {
            return Ok(None);
        }
        measured.given = table.version;
        measured.feedback.forget_before(step);
        Ok(Some(table))
    }

    /// Publishes a table for the host.
    pub(super) fn publish_table(&mut self, shared: &Shared, step: i64, in_force_from: i64) -> Result<Arc<Table>> {
        self.measured.as_ref().ok_or_else(no_feedback)?;
        self.take_in_all(shared);
        self.job_turn();
        let Some(measured) = &self.measured else { return Err(no_feedback()) };
        let same = |p: &&Published| (p.step, p.in_force_from) == (step, in_force_from);
        let before = measured.published.iter().rev().find(same);
        if let Some(table) = before.and_then(|published| measured.feedback.version(published.version)) {
            return Ok(table.clone());
        }
        // Before it went back the host had held more events by now, so that a branch begins. What it takes back does not
        // count, and whatever may be refused is refused before.
        let differs = self.replay.as_ref().is_some_and(|replay| replay.has_events());
        measured.feedback.may_publish(step, in_force_from, differs.then_some(self.last_step))?;
        let gone = if differs { shared.registry.unsent() } else { HashSet::new() };
        let draft = measured.form(&mut self.sampler, |_| true, &gone)?;
        if differs {
            self.differ(shared)?;
        }
        self.tell(draft, Looked { step, asked: true }, in_force_from)
    }

    /// Publishes a table if one is due at an event, before it is held. What cannot be formed is a line of the log.
    pub(in crate::stream) fn publish_if_due(&mut self, step: i64) -> Result<()> {
        if self.measured.is_none() {
            return Ok(());
        }
        self.job_turn();
        let Some(measured) = &self.measured else { return Ok(()) };
        let (looked, due) = (Looked { step, asked: false }, measured.feedback.due(step));
        if due == Due::No {
            return Ok(());
        }
        let draft = measured.form(&mut self.sampler, |_| true, &HashSet::new());
        let Some(measured) = &mut self.measured else { return Ok(()) };
        let told = match draft {
            Ok(draft) if due == Due::IfChanged && !measured.feedback.changed(&draft) => {
                if let Some(journal) = &mut self.journal {
                    journal.feedback(looked, &[]);
                }
                return self.committed();
            }
            Ok(draft) => {
                let from = measured.feedback.earliest(step.saturating_add(measured.options.lead_steps));
                self.tell(draft, looked, from).map(drop)
            }
            Err(error) => Err(error),
        };
        if let Some(failure) = self.write_failure() {
            return Err(failure);
        }
        if let Err(error) = told {
            self.lines.push((LogLevel::Warning, format!("no feedback table at step {step}: {error}")));
        }
        Ok(())
    }

    /// Publishes a draft: written down, then told.
    fn tell(&mut self, draft: Table, looked: Looked, in_force_from: i64) -> Result<Arc<Table>> {
        let Some(measured) = &mut self.measured else { return Err(no_feedback()) };
        let table = measured.feedback.publish(draft, looked.step, in_force_from)?;
        let sequence = match &mut self.journal {
            None => 0,
            Some(journal) => {
                let bytes = self.packer.feedback_table(&table);
                journal.feedback(looked, bytes)
            }
        };
        if looked.asked {
            measured.remember(sequence, looked.step, &table);
        }
        self.lines.extend(without_potential(&table).map(|line| (LogLevel::Warning, line)));
        self.committed()?;
        Ok(table)
    }
}

/// What is said of a table that lacks potentials of states with simulations.
fn without_potential(table: &Table) -> Option<String> {
    let lacks = |&(at, has): &(usize, &bool)| !has && table.simulations.get(at / table.lipids.len()) > Some(&0);
    let name =
        |(at, _)| format!("{} around {}", table.lipids[at % table.lipids.len()], table.states[at / table.lipids.len()]);
    let names: Vec<String> = table.has_potential.iter().enumerate().filter(lacks).map(name).collect();
    (!names.is_empty()).then(|| {
        format!(
            "table {} has no potential for {}: too little of it was seen far from the protein, so keep what is in force until \
             there are more simulations",
            table.version,
            names.join(", ")
        )
    })
}
