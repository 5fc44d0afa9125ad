//! Every point that was ever added, by id: its coordinates, and the stage it is in.
//!
//! Coordinates lie as rows, `chunk[(i % 1024) * dim + d]`, in chunks that never move, so that two million discarded
//! points grow without a copy and one more costs the duplicate check nothing.
//! Not here: the order within a stage, which [`super::candidates`] and [`super::selected`] keep.

use std::collections::HashMap;

use crate::error::{Result, memory};

/// Rows in a chunk.
const CHUNK: usize = 1024;

/// Where a point is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Added; no event at its step or later has come.
    Waiting,
    /// Merged by an event, and ranked.
    Candidate,
    /// In S.
    Selected,
    /// Below the capacity at some event; it only counts for weights.
    Discarded,
}

/// All points, in the order in which they were added.
#[derive(Debug, Clone)]
pub(super) struct Known {
    dim: usize,
    /// Id to index. Never iterated, so its hasher's seed decides nothing.
    index: HashMap<u64, u32>,
    stages: Vec<Stage>,
    /// Each of `CHUNK` rows; only the last is partly filled.
    chunks: Vec<Vec<f32>>,
}

impl Known {
    pub(super) fn new(dim: usize) -> Self {
        Self { dim, index: HashMap::new(), stages: Vec::new(), chunks: Vec::new() }
    }

    /// Takes in a new id as waiting.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) at 2^32 points.
    pub(super) fn insert(&mut self, id: u64, point: &[f32]) -> Result<()> {
        debug_assert_eq!(point.len(), self.dim);
        let next = u32::try_from(self.stages.len())
            .map_err(|_| memory("the sampler holds 2^32 points, its limit: start another one"))?;
        if self.stages.len().is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK * self.dim));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.extend_from_slice(point);
        }
        self.stages.push(Stage::Waiting);
        self.index.insert(id, next);
        Ok(())
    }

    /// The coordinates of `id`.
    pub(super) fn point(&self, id: u64) -> Option<&[f32]> {
        self.index.get(&id).map(|&at| self.row(at as usize))
    }

    /// The stage of `id`.
    pub(super) fn stage(&self, id: u64) -> Option<Stage> {
        self.index.get(&id).map(|&at| self.stages[at as usize])
    }

    /// Moves `id`, which must be known, on to `stage`, and gives its coordinates.
    pub(super) fn advance(&mut self, id: u64, stage: Stage) -> &[f32] {
        let at = self.index[&id] as usize;
        self.stages[at] = stage;
        self.row(at)
    }

    /// The points that are not in S: waiting, candidates and discarded.
    pub(super) fn unselected(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.stages.len()).filter(|&at| self.stages[at] != Stage::Selected).map(|at| self.row(at))
    }

    /// How many points there are in all stages.
    pub(super) fn len(&self) -> usize {
        self.stages.len()
    }

    fn row(&self, at: usize) -> &[f32] {
        &self.chunks[at / CHUNK][(at % CHUNK) * self.dim..][..self.dim]
    }
}
