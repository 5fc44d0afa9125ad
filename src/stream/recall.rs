//! The densities of a run that is opened again: they are read back, and what did not survive is withdrawn or told.
//!
//! The log says which patches may be selected and which are; each place of the file says whose densities it holds. A patch
//! that is not selected and has none cannot become a job: it is withdrawn, which is written down, and counted. One that is
//! selected stays, and is counted; whoever asks for its densities is told. Where patches would be withdrawn only since the
//! run kept its densities elsewhere, or nowhere, its host has to confirm that.
//! Not here: the file ([`crate::retain`]), what keeps and gives up densities ([`super::retention`]).

use std::collections::HashMap;

use super::config::LogLevel;
use super::journal::records::Why;
use super::operator::Operator;
use super::registry::Registry;
use super::retention::{Retention, WhenMoved};
use crate::dynim::{Sampler, Stage, State};
use crate::error::{Error, Result, conflict};
use crate::retain::{Tag, Wanted};

/// Where a run kept its densities, and where it is to keep them: `none`, `memory`, `file` or `run`.
pub(super) struct Moved {
    /// As far as the run tells.
    pub(super) then: Option<String>,
    pub(super) now: &'static str,
    /// The options of the stream.
    pub(super) told: String,
}

impl Operator {
    /// Reads back what the run's file has. `contents` are those of all patches that the log has, but for discarded and
    /// withdrawn ones; of a new run, none.
    ///
    /// # Errors
    /// `Conflict` if patches would be withdrawn since densities are to be kept in another place; none is then.
    pub(super) fn recall_densities(
        &mut self,
        registry: &Registry,
        contents: &HashMap<u64, u64>,
        moved: &Moved,
    ) -> Result<()> {
        if moved.now == "none" && moved.then.as_deref() == Some("run") {
            let line = "the run keeps densities in its folder, this stream keeps none: patches that come will have none when \
                        it is opened with [retention] again";
            self.lines.push((LogLevel::Warning, line.into()));
        }
        self.recall_kept(registry, contents, moved)?;
        let Some(journal) = &mut self.journal else { return Ok(()) };
        // What an imported run leaves open is told once its host goes on.
        if moved.then.as_deref() != Some(moved.now) && journal.untold_options.is_none() {
            journal.options(&moved.told);
            journal.begun = journal.appended();
        }
        self.committed()
    }

    fn recall_kept(&mut self, registry: &Registry, contents: &HashMap<u64, u64>, moved: &Moved) -> Result<()> {
        let Self { sampler, retention: Some(retention), .. } = self else { return Ok(()) };
        let keep_done = retention.keep_done;
        let wanted = |tag: &Tag| {
            let is_there = contents.get(&tag.id) == Some(&tag.content);
            wanted(sampler, tag.id, keep_done).filter(|_| is_there)
        };
        retention.arena.recall(wanted).map_err(|error| error.context("retention"))?;
        let missing = |id: &u64| wanted_and_missing(sampler, retention, *id);
        let mut lost: Vec<u64> = contents.keys().copied().filter(missing).collect();
        if lost.is_empty() {
            return Ok(());
        }
        // In an order that does not depend on how they are kept.
        lost.sort_unstable();
        let when_moved = retention.when_moved;
        let step = self.last_step();
        let (selected, others): (Vec<u64>, Vec<u64>) =
            lost.into_iter().partition(|id| self.sampler.stage(*id) == Some(Stage::Selected));
        if let Some(error) = moved.refusal(others.len()).filter(|_| when_moved == WhenMoved::Refuse) {
            return Err(error);
        }
        for &id in &others {
            self.sampler.withdraw(id, step)?;
            self.let_go(id);
            registry.lose(id);
            if let Some(journal) = &mut self.journal {
                journal.withdrawn(id, step, Why::Lost);
            }
        }
        self.committed()?;
        let line = format!(
            "the densities of {} patches did not survive: {} that were not selected are withdrawn{}, {} are selected{}",
            others.len() + selected.len(),
            others.len(),
            first_of(&others),
            selected.len(),
            first_of(&selected),
        );
        self.lines.push((LogLevel::Warning, line));
        if let Some(retention) = &mut self.retention {
            retention.lost += (others.len() + selected.len()) as u64;
            retention.gone.extend(selected);
        }
        Ok(())
    }
}

impl Moved {
    /// Why so many patches are not withdrawn for want of densities. There is no reason if they are nowhere else: those in
    /// memory, and in a file that goes with its stream, ended with the process, and a file that is gone is gone.
    fn refusal(&self, lost: usize) -> Option<Error> {
        let then = self.then.as_deref().filter(|then| *then != self.now && lost > 0)?;
        let (was, instead) = match then {
            "run" => ("keeps its densities in its folder", "give [retention] place = \"run\" and no file"),
            "none" => ("keeps no densities", "leave out [retention], and the transport or feedback that needs it"),
            _ => return None,
        };
        Some(conflict(format!(
            "the run {was}, and is opened with [retention] in the place {:?}, where {lost} patches that may be selected have \
             none and would be withdrawn for good: {instead}, or confirm it with when_moved = \"withdraw\"",
            self.now
        )))
    }
}

/// What is wanted of a patch's densities.
fn wanted(sampler: &Sampler, id: u64, keep_done: bool) -> Option<Wanted> {
    match sampler.stage(id)? {
        Stage::Waiting | Stage::Candidate => Some(Wanted { pinned: false, checked: true }),
        // Nobody waits for those of a job that is done, however many there are.
        Stage::Selected if is_done(sampler, id) => keep_done.then_some(Wanted { pinned: true, checked: false }),
        Stage::Selected => Some(Wanted { pinned: true, checked: true }),
        Stage::Discarded => None,
    }
}

fn wanted_and_missing(sampler: &Sampler, retention: &Retention, id: u64) -> bool {
    let is_wanted = wanted(sampler, id, retention.keep_done).is_some();
    is_wanted && !retention.arena.contains(id) && !is_done(sampler, id)
}

fn is_done(sampler: &Sampler, id: u64) -> bool {
    sampler.selection(id).is_some_and(|pick| pick.state == State::Done)
}

/// The first few ids of a list.
fn first_of(ids: &[u64]) -> String {
    const FEW: usize = 5;
    let few: Vec<String> = ids.iter().take(FEW).map(u64::to_string).collect();
    let more = if ids.len() > FEW { ", .." } else { "" };
    if few.is_empty() { String::new() } else { format!(" ({}{more})", few.join(", ")) }
}
