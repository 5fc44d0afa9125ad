//! What a sampler remembers, all but coordinates: with the points in the order of adding it makes the same sampler again.
//!
//! Taking one copies little: what is said of each point is shared until it changes, the picks are copied. So it may be
//! written by another thread while the sampler goes on.
//! Not here: its bytes ([`super::pack`]), making a sampler of it ([`super::recovery`]).

use std::borrow::Cow;
use std::sync::Arc;

use super::event::Stage;
use super::history::HistoryRow;
use super::known::Heads;
use super::layout::Layout;
use super::queue::Memory;
use super::random::mix;
use super::sampler::Sampler;
use super::state::Selection;

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
    /// As it is written.
    Listed(Lists),
}

/// Where each point is: discarded, if it is not named here.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Lists {
    /// Step and id.
    pub waiting: Vec<(i64, u64)>,
    pub candidates: Vec<u64>,
    /// Of each withdrawn point, how many points were added before it: an id may have been added again.
    pub withdrawn: Vec<u32>,
    /// Of each point that is not in S, in the order of adding, the position of the nearest of S; `u32::MAX` if that is
    /// not known.
    pub closest: Vec<u32>,
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
            Rows::Listed(lists) => Cow::Borrowed(lists),
            Rows::Frozen(chunks, waiting, digest) => Cow::Owned(listed(chunks, waiting, *digest, self.points)),
        }
    }
}

fn listed(chunks: &[Arc<Heads>], waiting: &[(i64, u32)], known: Option<u64>, points: usize) -> Lists {
    let mut lists = Lists { closest: Vec::with_capacity(points), ..Lists::default() };
    let rows = chunks.iter().flat_map(|heads| heads.ids.iter().zip(&heads.stages).zip(&heads.closest));
    for (((&id, stage), closest), row) in rows.take(points).zip(0..) {
        match stage {
            None => lists.withdrawn.push(row),
            Some(Stage::Candidate) => lists.candidates.push(id),
            Some(Stage::Waiting | Stage::Selected | Stage::Discarded) => {}
        }
        if let Some(stage) = stage {
            if known.is_none() {
                lists.digest = digest(lists.digest, id);
            }
            if *stage != Stage::Selected {
                lists.closest.push(closest.position);
            }
        }
    }
    lists.digest = known.unwrap_or(lists.digest);
    let ids = chunks.first().map_or(1, |heads| heads.ids.len());
    let id_at = |row: u32| chunks[row as usize / ids].ids[row as usize % ids];
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
