//! Every point that was added and not withdrawn, by id: its coordinates, its queue, and the stage it is in.
//!
//! Coordinates lie as rows, `chunk.points[(i % 1024) * dim + d]`, in chunks that never move, so that two million
//! discarded points grow without a copy and one more costs the duplicate check nothing. A point takes `4 * dim + 11`
//! bytes, and its place in the index 4.6 to 9.1.
//! Not here: the order within a stage, which [`super::candidates`] and [`super::selected`] keep.

use std::collections::HashMap;

use super::event::Stage;
use super::index::Index;
use crate::error::{Result, memory};

/// Rows in a chunk.
const CHUNK: usize = 1024;

/// All points, in rows that a withdrawal frees for a later point.
#[derive(Debug, Clone)]
pub(super) struct Known {
    dim: usize,
    index: Index,
    /// Each of `CHUNK` rows; only the last is partly filled.
    chunks: Vec<Chunk>,
    /// Rows in the chunks, the free ones among them.
    rows: usize,
    /// Rows of withdrawn points.
    free: Vec<u32>,
    /// How many points are in each stage, by [`Stage`] as a number.
    counts: [usize; 4],
    /// Rank factors other than 1 of the points that may still be ranked. Never iterated, so its hasher decides nothing.
    factors: HashMap<u64, f32>,
}

#[derive(Debug, Clone)]
struct Chunk {
    ids: Vec<u64>,
    /// `None` in a free row.
    stages: Vec<Option<Stage>>,
    queues: Vec<u16>,
    points: Vec<f32>,
}

/// One point, as it lies here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub id: u64,
    pub stage: Stage,
    pub queue: usize,
    pub point: &'a [f32],
}

impl Known {
    pub(super) fn new(dim: usize) -> Self {
        Self {
            dim,
            index: Index::default(),
            chunks: Vec::new(),
            rows: 0,
            free: Vec::new(),
            counts: [0; 4],
            factors: HashMap::new(),
        }
    }

    /// Takes in a new id.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) at 2^32 - 1 points.
    pub(super) fn insert(&mut self, id: u64, queue: usize, factor: f32, stage: Stage, point: &[f32]) -> Result<()> {
        debug_assert_eq!(point.len(), self.dim);
        let row = match self.free.pop() {
            Some(row) => row,
            None => self.append()?,
        };
        let (chunk, at) = (&mut self.chunks[row as usize / CHUNK], row as usize % CHUNK);
        chunk.ids[at] = id;
        chunk.stages[at] = Some(stage);
        chunk.queues[at] = queue as u16;
        chunk.points[at * self.dim..][..self.dim].copy_from_slice(point);
        let chunks = &self.chunks;
        self.index.insert(id, row, |row| chunks[row as usize / CHUNK].ids[row as usize % CHUNK]);
        self.counts[stage as usize] += 1;
        if factor != 1.0 {
            self.factors.insert(id, factor);
        }
        Ok(())
    }

    /// Forgets `id`, if it is known.
    pub(super) fn remove(&mut self, id: u64) {
        let chunks = &self.chunks;
        let found = self.index.remove(id, |row| chunks[row as usize / CHUNK].ids[row as usize % CHUNK]);
        let Some(row) = found else { return };
        if let Some(stage) = self.chunks[row as usize / CHUNK].stages[row as usize % CHUNK].take() {
            self.counts[stage as usize] -= 1;
        }
        self.free.push(row);
        self.factors.remove(&id);
    }

    /// What is known of `id`.
    pub(super) fn get(&self, id: u64) -> Option<Row<'_>> {
        self.find(id).and_then(|row| self.row(row))
    }

    /// What is known of `id`, which must be known.
    pub(super) fn row_of(&self, id: u64) -> Row<'_> {
        self.get(id).expect("only known ids are waiting, in a queue or in S")
    }

    /// The coordinates of `id`, which must be known.
    pub(super) fn point(&self, id: u64) -> &[f32] {
        self.row_of(id).point
    }

    /// What the rank of `id` is multiplied by; 1 once it is discarded.
    pub(super) fn factor(&self, id: u64) -> f32 {
        self.factors.get(&id).copied().unwrap_or(1.0)
    }

    /// Moves `id`, which must be known, to `stage`, and gives its queue and coordinates.
    pub(super) fn advance(&mut self, id: u64, stage: Stage) -> (usize, &[f32]) {
        let row = self.find(id).expect("only known ids are in a queue or in S");
        let there = &mut self.chunks[row / CHUNK].stages[row % CHUNK];
        if let Some(before) = there.replace(stage) {
            self.counts[before as usize] -= 1;
        }
        self.counts[stage as usize] += 1;
        if stage == Stage::Discarded {
            self.factors.remove(&id);
        }
        let (chunk, at) = (&self.chunks[row / CHUNK], row % CHUNK);
        (chunk.queues[at].into(), &chunk.points[at * self.dim..][..self.dim])
    }

    /// The points that are not in S: waiting, candidates and discarded.
    pub(super) fn unselected(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.rows).filter_map(|row| self.row(row)).filter(|row| row.stage != Stage::Selected)
    }

    /// How many points are in `stage`.
    pub(super) fn count(&self, stage: Stage) -> usize {
        self.counts[stage as usize]
    }

    /// A new row, of a free one's content.
    fn append(&mut self) -> Result<u32> {
        let row = u32::try_from(self.rows)
            .ok()
            .filter(|&row| row < u32::MAX)
            .ok_or_else(|| memory("the sampler holds 2^32 - 1 points, its limit: start another one"))?;
        if self.rows.is_multiple_of(CHUNK) {
            self.chunks.push(Chunk {
                ids: Vec::with_capacity(CHUNK),
                stages: Vec::with_capacity(CHUNK),
                queues: Vec::with_capacity(CHUNK),
                points: Vec::with_capacity(CHUNK * self.dim),
            });
        }
        let chunk = &mut self.chunks[self.rows / CHUNK];
        chunk.ids.push(0);
        chunk.stages.push(None);
        chunk.queues.push(0);
        chunk.points.resize(chunk.points.len() + self.dim, 0.0);
        self.rows += 1;
        Ok(row)
    }

    fn find(&self, id: u64) -> Option<usize> {
        self.index.find(id, |row| self.chunks[row as usize / CHUNK].ids[row as usize % CHUNK]).map(|row| row as usize)
    }

    fn row(&self, row: usize) -> Option<Row<'_>> {
        let (chunk, at) = (&self.chunks[row / CHUNK], row % CHUNK);
        let point = &chunk.points[at * self.dim..][..self.dim];
        Some(Row { id: chunk.ids[at], stage: chunk.stages[at]?, queue: chunk.queues[at].into(), point })
    }
}
