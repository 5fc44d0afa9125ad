//! Every point that was ever added, by id: its coordinates, and the stage it is in.
//!
//! Points lie in chunks that never move, coordinates as rows `rows[(i % 1024) * dim + d]`, so that two million discarded
//! points grow without a copy and one more costs the duplicate check nothing. A point takes 4 dim + 9 bytes, and 5 to 10
//! in the table of ids.
//! Not here: the order within a stage, which [`super::candidates`] and [`super::selected`] keep.

use crate::error::{Result, memory};

/// Points in a chunk.
const CHUNK: usize = 1024;

/// Where a point is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
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
    len: usize,
    /// Open addressing, a power of two of places: index + 1 of the point whose id belongs there, or 0.
    table: Vec<u32>,
    /// Only the last is partly filled.
    chunks: Vec<Chunk>,
}

#[derive(Debug, Clone)]
struct Chunk {
    ids: Vec<u64>,
    stages: Vec<Stage>,
    rows: Vec<f32>,
}

impl Known {
    pub(super) fn new(dim: usize) -> Self {
        Self { dim, len: 0, table: vec![0; CHUNK], chunks: Vec::new() }
    }

    /// Takes in a new id as waiting.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) at 2^32 - 1 points.
    pub(super) fn insert(&mut self, id: u64, point: &[f32]) -> Result<()> {
        debug_assert_eq!(point.len(), self.dim);
        let next = u32::try_from(self.len + 1)
            .map_err(|_| memory("the sampler holds 2^32 - 1 points, its limit: start another one"))?;
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Chunk {
                ids: Vec::with_capacity(CHUNK),
                stages: Vec::with_capacity(CHUNK),
                rows: Vec::with_capacity(CHUNK * self.dim),
            });
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.ids.push(id);
            chunk.stages.push(Stage::Waiting);
            chunk.rows.extend_from_slice(point);
        }
        self.len += 1;
        // At most four of five places are taken, so that a search is short.
        if self.len * 5 > self.table.len() * 4 {
            self.table = vec![0; self.table.len() * 2];
            for index in 0..self.len {
                let place = self.place(self.chunks[index / CHUNK].ids[index % CHUNK]);
                self.table[place] = index as u32 + 1;
            }
        } else {
            let place = self.place(id);
            self.table[place] = next;
        }
        Ok(())
    }

    /// The coordinates of `id`.
    pub(super) fn point(&self, id: u64) -> Option<&[f32]> {
        self.index(id).map(|index| self.row(index))
    }

    /// The stage of `id`.
    pub(super) fn stage(&self, id: u64) -> Option<Stage> {
        self.index(id).map(|index| self.chunks[index / CHUNK].stages[index % CHUNK])
    }

    /// Moves `id`, which must be known, on to `stage`, and gives its coordinates.
    pub(super) fn advance(&mut self, id: u64, stage: Stage) -> &[f32] {
        let index = self.index(id).expect("the id of a point that was added");
        self.chunks[index / CHUNK].stages[index % CHUNK] = stage;
        self.row(index)
    }

    /// The points that are not in S: waiting, candidates and discarded.
    pub(super) fn unselected(&self) -> impl Iterator<Item = &[f32]> {
        self.chunks.iter().flat_map(|chunk| {
            let rows = chunk.rows.chunks_exact(self.dim).zip(&chunk.stages);
            rows.filter(|&(_, &stage)| stage != Stage::Selected).map(|(row, _)| row)
        })
    }

    /// How many points there are in all stages.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn row(&self, index: usize) -> &[f32] {
        &self.chunks[index / CHUNK].rows[(index % CHUNK) * self.dim..][..self.dim]
    }

    fn index(&self, id: u64) -> Option<usize> {
        (self.table[self.place(id)] as usize).checked_sub(1)
    }

    /// The place of the table that `id` is in, or the empty one that it belongs into.
    fn place(&self, id: u64) -> usize {
        let mask = self.table.len() - 1;
        // Fibonacci hashing: the high bits of the product spread ids that follow each other.
        let mut place = (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        loop {
            match (self.table[place] as usize).checked_sub(1) {
                Some(index) if self.chunks[index / CHUNK].ids[index % CHUNK] != id => place = (place + 1) & mask,
                _ => return place,
            }
        }
    }
}
