//! Every point that was added and not withdrawn, by id: its coordinates, its queue, and the stage it is in.
//!
//! Points lie in rows, `chunk.points[(row % 1024) * dim + d]`, in chunks that never move, so that two million discarded
//! points grow without a copy and one more costs the duplicate check nothing. Inside the sampler a point is its row; its
//! id is looked up once, where it comes in. A point takes `4 * dim + 19` bytes, and its place in the index 4.6 to 9.1.
//! Not here: the order within a stage, which [`super::candidates`] and [`super::selected`] keep.

use std::collections::HashMap;

use super::event::Stage;
use super::index::Index;
use super::random::Mixed;
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
    /// Rank factors other than 1 of the points that may still be ranked, by row.
    factors: HashMap<u32, f32, Mixed>,
}

#[derive(Debug, Clone)]
struct Chunk {
    ids: Vec<u64>,
    /// `None` in a free row.
    stages: Vec<Option<Stage>>,
    queues: Vec<u16>,
    closest: Vec<Closest>,
    points: Vec<f32>,
}

/// The nearest to a point of those points of S that were there when it was last looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Closest {
    /// Its position in S; of several the one with the smallest id. `u32::MAX`: not looked for since S had a point.
    pub position: u32,
    /// Its squared distance.
    pub distance: f32,
}

impl Closest {
    /// Not looked for.
    pub(super) const UNKNOWN: Self = Self { position: u32::MAX, distance: f32::INFINITY };
}

/// One point, as it lies here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// The row's number, which stands as long as the point is known.
    pub at: u32,
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
            factors: HashMap::default(),
        }
    }

    /// Takes in a new id, and gives its row.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) at 2^32 - 1 points.
    pub(super) fn insert(&mut self, id: u64, queue: usize, factor: f32, stage: Stage, point: &[f32]) -> Result<u32> {
        debug_assert_eq!(point.len(), self.dim);
        let row = match self.free.pop() {
            Some(row) => row,
            None => self.append()?,
        };
        let (chunk, at) = (&mut self.chunks[row as usize / CHUNK], row as usize % CHUNK);
        chunk.ids[at] = id;
        chunk.stages[at] = Some(stage);
        chunk.queues[at] = queue as u16;
        chunk.closest[at] = Closest::UNKNOWN;
        chunk.points[at * self.dim..][..self.dim].copy_from_slice(point);
        let chunks = &self.chunks;
        self.index.insert(id, row, |row| chunks[row as usize / CHUNK].ids[row as usize % CHUNK]);
        self.counts[stage as usize] += 1;
        if factor != 1.0 {
            self.factors.insert(row, factor);
        }
        Ok(row)
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
        self.factors.remove(&row);
    }

    /// What is known of `id`.
    pub(super) fn get(&self, id: u64) -> Option<Row<'_>> {
        self.index
            .find(id, |row| self.chunks[row as usize / CHUNK].ids[row as usize % CHUNK])
            .and_then(|row| self.at(row))
    }

    /// What is known of the point in a row that is not free.
    pub(super) fn row(&self, row: u32) -> Row<'_> {
        self.at(row).expect("what waits, is in a queue or is in S is known")
    }

    /// What the rank of the point in `row` is multiplied by; 1 once it is discarded.
    pub(super) fn factor(&self, row: u32) -> f32 {
        self.factors.get(&row).copied().unwrap_or(1.0)
    }

    /// Moves the point in `row`, which is not free, to `stage`.
    pub(super) fn advance(&mut self, row: u32, stage: Stage) {
        let there = &mut self.chunks[row as usize / CHUNK].stages[row as usize % CHUNK];
        if let Some(before) = there.replace(stage) {
            self.counts[before as usize] -= 1;
        }
        self.counts[stage as usize] += 1;
        if stage == Stage::Discarded {
            self.factors.remove(&row);
        }
    }

    /// Says which point of S is the nearest to that in `row`.
    pub(super) fn set_closest(&mut self, row: u32, closest: Closest) {
        self.chunks[row as usize / CHUNK].closest[row as usize % CHUNK] = closest;
    }

    /// The points that are not in S (waiting, candidates and discarded), and the nearest of S to each.
    pub(super) fn unselected(&self) -> impl Iterator<Item = (Row<'_>, Closest)> {
        let chunks = self.chunks.iter().zip((0_u32..).step_by(CHUNK));
        chunks.flat_map(|(chunk, first)| {
            let points = chunk.points.chunks_exact(self.dim);
            let rows = chunk.stages.iter().zip(&chunk.ids).zip(&chunk.queues).zip(points).zip(&chunk.closest);
            rows.zip(first..).filter_map(|(((((stage, &id), &queue), point), &closest), at)| {
                let stage = stage.filter(|stage| *stage != Stage::Selected)?;
                Some((Row { at, id, stage, queue: queue.into(), point }, closest))
            })
        })
    }

    /// Gives `revise` each point that is not in S, and what is told of the nearest of S to it, to change.
    pub(super) fn revise(&mut self, mut revise: impl FnMut(usize, &[f32], &mut Closest)) {
        for chunk in &mut self.chunks {
            let points = chunk.points.chunks_exact(self.dim);
            let rows = chunk.stages.iter().zip(&chunk.queues).zip(points).zip(&mut chunk.closest);
            for (((stage, &queue), point), closest) in rows {
                if stage.is_some_and(|stage| stage != Stage::Selected) {
                    revise(queue.into(), point, closest);
                }
            }
        }
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
                closest: Vec::with_capacity(CHUNK),
                points: Vec::with_capacity(CHUNK * self.dim),
            });
        }
        let chunk = &mut self.chunks[self.rows / CHUNK];
        chunk.ids.push(0);
        chunk.stages.push(None);
        chunk.queues.push(0);
        chunk.closest.push(Closest::UNKNOWN);
        chunk.points.resize(chunk.points.len() + self.dim, 0.0);
        self.rows += 1;
        Ok(row)
    }

    /// What is known of the point in `row`; `None` in a free one.
    fn at(&self, row: u32) -> Option<Row<'_>> {
        let (chunk, at) = (&self.chunks[row as usize / CHUNK], row as usize % CHUNK);
        let point = &chunk.points[at * self.dim..][..self.dim];
        Some(Row { at: row, id: chunk.ids[at], stage: chunk.stages[at]?, queue: chunk.queues[at].into(), point })
    }
}
