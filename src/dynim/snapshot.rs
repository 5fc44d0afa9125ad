//! What a sampler remembers, all but coordinates: with the points in the order of adding it makes the same sampler again.
//!
//! Taking one copies little: what is said of each point is shared until it changes, the picks are copied. So it may be
//! written by another thread while the sampler goes on.
//! Not here: its bytes ([`super::pack`]), making a sampler of it ([`super::recovery`]).

use std::borrow::Cow;
use std::sync::Arc;

use super::event::Stage;
use super::history::HistoryRow;
use super::known::{CHUNK, Heads};
use super::layout::Layout;
use super::queue::Memory;
use super::random::mix;
use super::sampler::Sampler;
use super::state::Selection;
use crate::error::Result;

/// What a [`Sampler`] remembers, all but coordinates. [`Recovery`](super::Recovery) makes the sampler again.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) layout: Layout,
    pub(super) events: u64,
    pub(super) queues: Vec<Memory>,
    /// Of each S, how many of its points every unselected point was held against.
    pub(super) weighed: Vec<usize>,
    /// The selected ids of all queues, in the order in which they were selected.
    pub(super) order: Vec<u64>,
    /// In no particular order.
    pub(super) picks: Vec<Selection>,
    pub(super) history: Vec<HistoryRow>,
    pub(super) history_dropped: u64,
    /// How many points were ever added.
    pub(super) points: usize,
    pub(super) rows: Rows,
}

/// Where each point is.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    /// Shared with the sampler that it is of; step and row of what waits; and the digest, if it is known.
    Frozen(Vec<Arc<Heads>>, Vec<(i64, u32)>, Option<u64>),
    /// As it is written. Of each point that is not in S, in the order of adding, the position of the nearest of S;
    /// `u32::MAX` if that is not known.
    Listed(Lists, Vec<u32>),
}

/// Where each point is: selected or discarded, if it is not named here.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Lists {
    /// Step and id.
    pub waiting: Vec<(i64, u64)>,
    pub candidates: Vec<u64>,
    /// Of each withdrawn point, how many points were added before it: an id may have been added again.
    pub withdrawn: Vec<u32>,
    /// Of the ids of all points that are not withdrawn, in the order of adding: see [`digest`].
    pub digest: u64,
}

/// A number that follows from ids and their order.
pub(super) fn digest(before: u64, id: u64) -> u64 {
    mix(before ^ id)
}

impl Snapshot {
    /// The settings of the sampler.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How many points had been added to the sampler until then, among them those that were selected outright or
    /// withdrawn: as many it takes to make the sampler again.
    pub fn points(&self) -> usize {
        self.points
    }

    /// How many events there had been.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Where each point is.
    pub(super) fn lists(&self) -> Cow<'_, Lists> {
        match &self.rows {
            Rows::Listed(lists, _) => Cow::Borrowed(lists),
            Rows::Frozen(chunks, waiting, digest) => Cow::Owned(listed(chunks, waiting, *digest, self.points)),
        }
    }

    /// How many points are not in S.
    pub(super) fn unselected(&self, lists: &Lists) -> usize {
        match &self.rows {
            Rows::Listed(_, closest) => closest.len(),
            // Whatever is in S stands in the order.
            Rows::Frozen(..) => self.points - lists.withdrawn.len() - self.order.len(),
        }
    }

    /// Gives to `out` of each point that is not in S, in the order of adding, the position of the nearest of S, many at a
    /// time.
    ///
    /// # Errors
    /// The first of `out`.
    pub(super) fn closest(&self, mut out: impl FnMut(&[u32]) -> Result<()>) -> Result<()> {
        let chunks = match &self.rows {
            Rows::Listed(_, closest) => return out(closest),
            Rows::Frozen(chunks, ..) => chunks,
        };
        let (mut positions, mut count) = (vec![0; TOGETHER + CHUNK], 0);
        for (heads, first) in chunks.iter().zip((0..).step_by(CHUNK)) {
            let rows = (self.points - first).min(CHUNK);
            // Each is written, and stays if it counts: a branch would be mispredicted for each of S.
            for (stage, closest) in heads.stages[..rows].iter().zip(&heads.closest) {
                positions[count] = closest.position;
                count += usize::from(!matches!(stage, None | Some(Stage::Selected)));
            }
            if count >= TOGETHER {
                out(&positions[..count])?;
                count = 0;
            }
        }
        out(&positions[..count])
    }
}

/// Positions that are given away together.
const TOGETHER: usize = 16 * CHUNK;

fn listed(chunks: &[Arc<Heads>], waiting: &[(i64, u32)], known: Option<u64>, points: usize) -> Lists {
    let mut lists = Lists::default();
    for (heads, first) in chunks.iter().zip((0..).step_by(CHUNK)) {
        let stages = &heads.stages[..(points - first as usize).min(CHUNK)];
        // Of most chunks neither is true, which is soon seen of all rows at once.
        let any = |is: fn(&Option<Stage>) -> bool| stages.iter().fold(false, |any, stage| any | is(stage));
        let ids = heads.ids.iter().zip(stages).zip(first..);
        if any(|stage| stage.is_none()) {
            lists.withdrawn.extend(ids.clone().filter(|((_, stage), _)| stage.is_none()).map(|(_, row)| row));
        }
        if any(|stage| matches!(stage, Some(Stage::Candidate))) {
            let candidates = ids.clone().filter(|((_, stage), _)| **stage == Some(Stage::Candidate));
            lists.candidates.extend(candidates.map(|((id, _), _)| *id));
        }
        if known.is_none() {
            let there = ids.filter(|((_, stage), _)| stage.is_some());
            lists.digest = there.fold(lists.digest, |before, ((id, _), _)| digest(before, *id));
        }
    }
    lists.digest = known.unwrap_or(lists.digest);
    let id_at = |row: u32| chunks[row as usize / CHUNK].ids[row as usize % CHUNK];
    lists.waiting = waiting.iter().map(|&(step, row)| (step, id_at(row))).collect();
    lists
}

impl Sampler {
    /// What it remembers now, all but coordinates; a pause of milliseconds, however many points were discarded.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            layout: self.layout.clone(),
            events: self.events,
            queues: self.queues.iter().map(super::queue::Queue::memory).collect(),
            weighed: self.spaces.iter().map(|s| s.weighed).collect(),
            order: self.order.clone(),
            picks: self.picks.as_slice().to_vec(),
            history: self.history.rows().iter().copied().collect(),
            history_dropped: self.history.dropped(),
            points: self.known.rows(),
            rows: Rows::Frozen(self.known.freeze(), self.waiting.clone(), self.known.digest()),
        }
    }
}
