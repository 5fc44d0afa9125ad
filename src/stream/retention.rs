//! Keeping the densities of patches that may be selected, and of those that were: options, policy, counts.
//!
//! A patch is kept just before it goes to the sampler, given up when it is discarded or withdrawn, and pinned when it is
//! picked. Not here: where and how densities lie ([`crate::retain`]), what a run that is opened again has of them
//! ([`super::recall`]).

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::config::{Config, LogLevel};
use super::feedback::FeedbackConfig;
use super::operator::Operator;
use super::stream::{Shared, Stream};
use crate::dynim::{Event, Pick, QueueConfig, Sampler, State};
use crate::error::{Result, argument, corrupt, state};
use crate::retain::{Arena, Flush, Format, Holding, Home, Kept, Options, Tag};

/// Patches that there is room for by default beside those that the queues hold: what comes between two events.
pub const BETWEEN_EVENTS: usize = 4096;

/// `[retention]`: what is kept of patches beside their points.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// A file on a local disk, which one stream has and removes in the end.
    pub file: Option<PathBuf>,
    /// Without a `file`: `run`, in the folder of the run, where densities outlive the process; or `memory`. Left out it is
    /// `run` for a stream with a [`run_dir`](super::Config::run_dir), `memory` for others.
    pub place: Option<RetentionPlace>,
    /// `float32`, as they came, or `float16`, half the bytes: [`Format`] states its error.
    pub format: Format,
    /// The most bytes of patches that are not selected; without it, room for the capacities of all queues and
    /// [`BETWEEN_EVENTS`] more: 39,096 patches of 37 x 37 x 14, 76,664 bytes each, are 3.0 GB. Memory is taken as it is
    /// needed. Selected patches come on top, as many as there are.
    pub bytes: Option<u64>,
    /// What happens to a patch that there is no room for.
    pub when_full: WhenFull,
    /// What happens to a run that keeps its densities elsewhere, or nowhere, when it is opened.
    pub when_moved: WhenMoved,
    /// Whether the densities of a selected patch are kept when its job is done: for good, or they make room.
    pub keep_done: bool,
}

/// Where densities lie, if not in a file of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionPlace {
    /// In memory: they end with the process. A run that is opened again withdraws the patches that were not selected.
    Memory,
    /// In the folder of the run. They survive any end of the process. A checkpoint brings them to the disk; what was kept
    /// since the last one may be torn by a power cut, whatever the durability of the run is, and is withdrawn then. With
    /// [`Buffered`](crate::store::Durability::Buffered) that may also be a patch that was discarded and whose place a newer one took,
    /// where the power cut takes the log back behind that.
    Run,
}

/// What happens to a patch that there is no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It is left out, counted, and its id is free: it may be pushed again later.
    #[default]
    Refuse,
    /// The oldest unselected patch is withdrawn, counted, and its id is free: that of the lowest step, of several the
    /// lowest id. If the new one is older than all others it is left out.
    WithdrawOldest,
}

/// What happens when a run is opened that keeps its densities in another place than it is opened with, or nowhere, so that
/// patches which may be selected have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenMoved {
    /// It is not opened.
    #[default]
    Refuse,
    /// These patches are withdrawn for good, and counted as lost.
    Withdraw,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        let (file, format, bytes, when_full) = (None, Format::default(), None, WhenFull::default());
        Self { file, place: None, format, bytes, when_full, when_moved: WhenMoved::default(), keep_done: true }
    }
}

impl RetentionConfig {
    /// Where densities lie; `run` is the folder and the number of the stream's run.
    fn home(&self, run: Option<(&Path, u128)>) -> Result<Home> {
        match (&self.file, self.place, run) {
            (Some(file), None, _) => Ok(Home::Scratch(file.clone())),
            (Some(file), Some(_), _) => {
                Err(argument(format!("a place and the file {} for densities: give one of the two", file.display())))
            }
            (None, Some(RetentionPlace::Run), None) => {
                Err(argument("densities are to lie in the run's folder, and there is no run: give a run_dir"))
            }
            (None, Some(RetentionPlace::Memory), _) | (None, None, None) => Ok(Home::Memory),
            (None, _, Some((folder, run))) => Ok(Home::Run { folder: folder.into(), run }),
        }
    }
}

/// What retention holds, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionStats {
    /// `memory`, `file` or `run`.
    pub place: &'static str,
    /// How densities are written down.
    pub format: Format,
    /// Patches and bytes.
    pub holding: Holding,
    /// Whether the last patch found no room.
    pub full: bool,
    /// Patches left out because there was no room.
    pub refused: u64,
    /// Patches withdrawn to make room.
    pub withdrawn: u64,
    /// Patches whose densities are lost. Those that were not selected are withdrawn, as the run is opened again or as they
    /// are picked; a job of the others fails.
    pub lost: u64,
}

/// The arena of a stream, and its policy.
pub(super) struct Retention {
    pub(super) arena: Arena,
    when_full: WhenFull,
    pub(super) when_moved: WhenMoved,
    pub(super) keep_done: bool,
    full: bool,
    /// The log knows that it is full; once an event.
    told: bool,
    refused: u64,
    withdrawn: u64,
    pub(super) lost: u64,
    /// The selected patches whose densities did not survive the end of an earlier process.
    pub(super) gone: HashSet<u64>,
}

impl Retention {
    /// For patches of `densities` values, these queues, and the folder and number of the run.
    fn open(
        config: &RetentionConfig,
        densities: usize,
        queues: &[QueueConfig],
        run: Option<(&Path, u128)>,
    ) -> Result<Self> {
        let home = config.home(run)?;
        let place = Arena::place_bytes(config.format, home != Home::Memory, densities) as u64;
        let room = queues.iter().fold(BETWEEN_EVENTS, |sum, queue| sum.saturating_add(queue.capacity)) as u64;
        let bytes = config.bytes.unwrap_or(room.saturating_mul(place));
        let options = Options { home, format: config.format, bytes };
        let arena = Arena::open(&options, densities).map_err(|error| error.context("retention"))?;
        let RetentionConfig { when_full, when_moved, keep_done, .. } = *config;
        let (full, told, gone) = (false, false, HashSet::new());
        Ok(Self { arena, when_full, when_moved, keep_done, full, told, refused: 0, withdrawn: 0, lost: 0, gone })
    }

    /// Keeps the densities of a patch that the sampler is about to get. One that gives way to it has left the sampler and
    /// is `gave_way`, also if there is an error afterwards.
    pub(super) fn keep(
        &mut self,
        new: Tag,
        densities: &[f32],
        sampler: &mut Sampler,
        gave_way: &mut Option<u64>,
    ) -> Result<Kept> {
        let Tag { id, step, .. } = new;
        let mut kept = self.arena.keep(new, densities)?;
        self.full = kept == Kept::Full;
        if self.full
            && self.when_full == WhenFull::WithdrawOldest
            && let Some((_, oldest)) = self.arena.oldest().filter(|oldest| *oldest < (step, id))
        {
            sampler.withdraw(oldest, step)?;
            self.arena.forget(oldest);
            self.withdrawn += 1;
            *gave_way = Some(oldest);
            kept = self.arena.keep(new, densities)?;
        }
        self.refused += u64::from(kept == Kept::Full);
        Ok(kept)
    }

    /// Gives up the densities of a patch, if they are there.
    pub(super) fn forget(&mut self, id: u64) {
        self.arena.forget(id);
        self.gone.remove(&id);
    }

    fn read(&mut self, id: u64, densities: &mut [f32]) -> Result<()> {
        if self.gone.contains(&id) {
            return Err(corrupt(format!(
                "the densities of patch {id} did not survive the end of the process that kept them: simulate it from the \
                 macro model's own files, or let its job fail"
            )));
        }
        self.arena.read(id, densities)
    }

    /// A line for the log when a patch finds no room: one an event.
    pub(super) fn full_line(&mut self) -> Option<String> {
        if !self.full || std::mem::replace(&mut self.told, true) {
            return None;
        }
        let Holding { patches, selected, bytes, bytes_bound, .. } = self.arena.holding();
        let then = match self.when_full {
            WhenFull::Refuse => "new patches are left out",
            WhenFull::WithdrawOldest => "the oldest give way to new ones",
        };
        Some(format!(
            "retention is full with {patches} patches, {selected} of them selected, {bytes} bytes; the unselected may \
             take {bytes_bound}: {then}; give it more bytes, or the queues less capacity"
        ))
    }

    fn stats(&self) -> RetentionStats {
        RetentionStats {
            place: self.arena.place(),
            format: self.arena.format(),
            holding: self.arena.holding(),
            full: self.full,
            refused: self.refused,
            withdrawn: self.withdrawn,
            lost: self.lost,
        }
    }
}

/// Whether densities are kept: somebody asked for retention, or something needs it.
pub(super) fn keeps_densities(config: &Config) -> bool {
    config.retention.is_some() || needs_densities(config)
}

/// Where the densities of a run are kept, as its options say: as in [`RetentionStats::place`], or `none`.
pub(super) fn place_of_run(config: &Config) -> &'static str {
    match &config.retention {
        Some(RetentionConfig { file: Some(_), .. }) => "file",
        Some(RetentionConfig { place: Some(RetentionPlace::Memory), .. }) => "memory",
        None if !needs_densities(config) => "none",
        _ => "run",
    }
}

/// Whether densities are kept though nobody asked for retention.
pub(super) fn needs_densities(config: &Config) -> bool {
    config.transport.is_some() || config.feedback.as_ref().is_some_and(FeedbackConfig::needs_densities)
}

impl Operator {
    /// Opens what the configuration asks for. Jobs and feedback need densities, which are kept for them anyway.
    pub(super) fn open_retention(&mut self, config: &Config, densities: usize, queues: &[QueueConfig]) -> Result<()> {
        let usual = needs_densities(config).then(RetentionConfig::default);
        if let Some(retention) = config.retention.as_ref().or(usual.as_ref()) {
            let run = self.journal.as_ref().map(|journal| journal.run());
            let run = config.run_dir.as_deref().zip(run);
            self.retention = Some(Retention::open(retention, densities, queues, run)?);
        }
        Ok(())
    }

    /// What brings the densities of a run to its disk.
    pub(super) fn densities_flush(&self) -> Option<Flush> {
        self.retention.as_ref().and_then(|retention| retention.arena.flush())
    }

    /// The log says of all densities that were given up that they were.
    pub(super) fn settle_densities(&mut self) {
        if let Some(retention) = &mut self.retention {
            retention.arena.settle();
        }
    }

    /// What retention holds; `None` without it.
    pub(super) fn retention_stats(&self) -> Option<RetentionStats> {
        self.retention.as_ref().map(Retention::stats)
    }

    /// Gives up the densities of a patch that was discarded or withdrawn.
    pub(super) fn forget_densities(&mut self, id: u64) {
        if let Some(retention) = &mut self.retention {
            retention.forget(id);
        }
    }

    /// Pins what an event picked. A pick whose densities cannot be read back is returned, its patch withdrawn, and the
    /// event picks again, up to `n` in all. Picks that followed it keep the rank that they had beside it. What was lost.
    pub(super) fn retain_picks(&mut self, shared: &Shared, event: &mut Event, n: usize) -> Result<Vec<Pick>> {
        let mut gone = Vec::new();
        if self.retention.is_none() {
            return Ok(gone);
        }
        let (mut checked, mut lost) = (0, false);
        loop {
            if checked == event.picks.len() && std::mem::take(&mut lost) {
                self.sampler.pick(event, n - checked);
            }
            let Some(pick) = event.picks.get(checked) else { break };
            let (id, step) = (pick.id, event.step);
            let Some(retention) = &mut self.retention else { break };
            if retention.arena.is_readable(id) {
                retention.arena.pin(id)?;
                checked += 1;
                continue;
            }
            retention.lost += 1;
            gone.push(event.picks.remove(checked));
            self.sampler.set_state(id, State::Returned, step)?;
            self.sampler.withdraw(id, step)?;
            self.let_go(id);
            shared.registry.lose(id);
            let line = format!("patch {id} was picked, but its densities cannot be read back: it is withdrawn");
            self.lines.push((LogLevel::Warning, line));
            lost = true;
        }
        let before = self.sampler.selected() - event.picks.len();
        event.picks.iter_mut().enumerate().for_each(|(at, pick)| pick.order = before + at);
        if let Some(retention) = &mut self.retention {
            retention.told = false;
            retention.arena.grow();
        }
        Ok(gone)
    }

    /// Follows a pick to another state.
    pub(super) fn retain_state(&mut self, id: u64, to: State) {
        let Some(retention) = &mut self.retention else { return };
        if to == State::Done && !retention.keep_done {
            retention.forget(id);
        }
        if to == State::Returned && retention.arena.contains(id) {
            // It is there, so this cannot fail.
            let _ = retention.arena.unpin(id);
        }
    }

    /// Reads the densities of a patch that is waiting, a candidate or selected.
    pub(super) fn densities(&mut self, id: u64, densities: &mut [f32]) -> Result<()> {
        let Some(retention) = &mut self.retention else {
            return Err(state("this stream keeps no densities: give its configuration a [retention]"));
        };
        retention.read(id, densities)
    }
}

impl Stream {
    /// Reads the densities of a patch that is waiting, a candidate or selected, as they were pushed, or rounded to
    /// float16 if they are kept so: `[(y * nx + x) * channels + c]`, in nm^-2.
    ///
    /// # Errors
    /// [`ErrorKind::State`](crate::error::ErrorKind::State) without [`Config::retention`](super::Config::retention) or if
    /// the stream is closed, [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) if they are not kept,
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for another number of values,
    /// [`ErrorKind::Corrupt`](crate::error::ErrorKind::Corrupt) and [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the
    /// file does not give them back, or they did not survive the end of an earlier process. `densities` are written by success only.
    pub fn densities(&self, id: u64, densities: &mut [f32]) -> Result<()> {
        self.shared.check_open()?;
        self.shared.operate(|operator| {
            operator.take_in_all(&self.shared);
            operator.densities(id, densities)
        })
    }
}
