//! Every point that was added, by id: its coordinates, its queue, and the stage it is in.
//!
//! Points lie in rows, `chunk.points[(row % 1024) * dim + d]`, in chunks that never move, so that two million discarded
//! points grow without a copy and one more costs the duplicate check nothing. Inside the sampler a point is its row; its
//! id is looked up once, where it comes in. Rows stand in the order of adding, and a withdrawn point leaves its row
//! empty: so a list by row is one by the order of adding. A point takes `4 * dim + 19` bytes, and its place in the index
//! 4.6 to 9.1. What a row says but its coordinates is shared with snapshots, and copied when it changes meanwhile.
//! Not here: the order within a stage, which [`super::candidates`] and [`super::selected`] keep.

use std::collections::HashMap;
use std::sync::Arc;

use super::event::Stage;
use super::index::Index;
use super::random::Mixed;
use super::snapshot::digest;
use crate::error::{Result, memory};

/// Rows in a chunk.
pub(super) const CHUNK: usize = 1024;

/// All points, row by row.
#[derive(Debug, Clone)]
pub(super) struct Known {
    dim: usize,
    index: Index,
    /// Each of `CHUNK` rows; only the last is partly filled.
    chunks: Vec<Chunk>,
    /// Rows in the chunks, those of withdrawn points among them.
    rows: usize,
    /// How many points are in each stage, by [`Stage`] as a number.
    counts: [usize; 4],
    /// Rank factors other than 1 of the points that may still be ranked, by row.
    factors: HashMap<u32, f32, Mixed>,
    /// The [`digest`] of [`ids`](Self::ids), which takes a snapshot of millions longer than all the rest; none from the
    /// first withdrawal on.
    digest: Option<u64>,
}

#[derive(Debug, Clone)]
struct Chunk {
    heads: Arc<Heads>,
    points: Vec<f32>,
}

/// What a chunk says of its rows but their coordinates.
#[derive(Debug, Clone)]
pub(super) struct Heads {
    /// Also of withdrawn points.
    pub ids: [u64; CHUNK],
    /// `None` in a row that is not filled, or whose point was withdrawn.
    pub stages: [Option<Stage>; CHUNK],
    queues: [u16; CHUNK],
    pub closest: [Closest; CHUNK],
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
        let (index, factors) = (Index::default(), HashMap::default());
        Self { dim, index, chunks: Vec::new(), rows: 0, counts: [0; 4], factors, digest: Some(0) }
    }

    /// Makes room in the index for so many points.
    pub(super) fn reserve(&mut self, points: usize) {
        self.index.reserve(points);
    }

    /// Takes in a new id, and gives its row.
    ///
    /// # Errors
    /// [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) at 2^32 - 1 points.
    pub(super) fn insert(&mut self, id: u64, queue: usize, factor: f32, stage: Stage, point: &[f32]) -> Result<u32> {
        debug_assert_eq!(point.len(), self.dim);
        let row = self.append(id, queue, stage, point)?;
        let chunks = &self.chunks;
        self.index.insert(id, row, |row| chunks[row as usize / CHUNK].heads.ids[row as usize % CHUNK]);
        if factor != 1.0 {
            self.factors.insert(row, factor);
        }
        Ok(row)
    }

    /// Takes in an id that may be there already: then its former row is empty from now on. Gives its row.
    ///
    /// # Errors
    /// Those of [`insert`](Self::insert).
    pub(super) fn insert_last(&mut self, id: u64, queue: usize, stage: Stage, point: &[f32]) -> Result<u32> {
        self.remove(id);
        self.insert(id, queue, 1.0, stage, point)
    }

    /// Forgets `id`, if it is known. Its row stays, empty.
    pub(super) fn remove(&mut self, id: u64) {
        let chunks = &self.chunks;
        let found = self.index.remove(id, |row| chunks[row as usize / CHUNK].heads.ids[row as usize % CHUNK]);
        let Some(row) = found else { return };
        self.digest = None;
        if let Some(stage) = self.heads(row).stages[row as usize % CHUNK].take() {
            self.counts[stage as usize] -= 1;
        }
        self.factors.remove(&row);
    }

    /// Forgets the point in `row`, if there is one.
    pub(super) fn remove_row(&mut self, row: u32) {
        if (row as usize) < self.rows
            && let Some(Row { id, .. }) = self.at(row)
        {
            self.remove(id);
        }
    }

    /// What is known of `id`.
    pub(super) fn get(&self, id: u64) -> Option<Row<'_>> {
        self.index
            .find(id, |row| self.chunks[row as usize / CHUNK].heads.ids[row as usize % CHUNK])
            .and_then(|row| self.at(row))
    }

    /// What is known of the point in a row that is not empty.
    pub(super) fn row(&self, row: u32) -> Row<'_> {
        self.at(row).expect("what waits, is in a queue or is in S is known")
    }

    /// What the rank of the point in `row` is multiplied by; 1 once it is discarded.
    pub(super) fn factor(&self, row: u32) -> f32 {
        self.factors.get(&row).copied().unwrap_or(1.0)
    }

    /// Moves the point in `row`, which is not empty, to `stage`.
    pub(super) fn advance(&mut self, row: u32, stage: Stage) {
        if let Some(before) = self.heads(row).stages[row as usize % CHUNK].replace(stage) {
            self.counts[before as usize] -= 1;
        }
        self.counts[stage as usize] += 1;
        if stage == Stage::Discarded {
            self.factors.remove(&row);
        }
    }

    /// Says what the rank of the point in `row` is multiplied by, which was 1.
    pub(super) fn set_factor(&mut self, row: u32, factor: f32) {
        if factor != 1.0 {
            self.factors.insert(row, factor);
        }
    }

    /// Says which point of S is the nearest to that in `row`.
    pub(super) fn set_closest(&mut self, row: u32, closest: Closest) {
        self.heads(row).closest[row as usize % CHUNK] = closest;
    }

    /// Whether the point in `row` is there and not discarded.
    pub(super) fn is_ranked(&self, row: u32) -> bool {
        self.at(row).is_some_and(|row| row.stage != Stage::Discarded)
    }

    /// The ids of all points, in the order of adding.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        let rows = self.chunks.iter().flat_map(|chunk| chunk.heads.ids.iter().zip(&chunk.heads.stages));
        rows.filter(|(_, stage)| stage.is_some()).map(|(&id, _)| id)
    }

    /// The digest of these ids, if it is known.
    pub(super) fn digest(&self) -> Option<u64> {
        self.digest
    }

    /// How many rows there are: points that were added, withdrawn ones included.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// All rows as they are now, but for coordinates, [`CHUNK`] a part: they stand while this goes on changing.
    pub(super) fn freeze(&self) -> Vec<Arc<Heads>> {
        self.chunks.iter().map(|chunk| chunk.heads.clone()).collect()
    }

    /// The points in `stage`, in the order of adding.
    pub(super) fn in_stage(&self, stage: Stage) -> Vec<u32> {
        let rows = self.chunks.iter().flat_map(|chunk| &chunk.heads.stages);
        (0..).zip(rows).filter(|(_, there)| **there == Some(stage)).map(|(row, _)| row).collect()
    }

    /// The points that are not in S (waiting, candidates and discarded), and the nearest of S to each.
    pub(super) fn unselected(&self) -> impl Iterator<Item = (Row<'_>, Closest)> {
        let chunks = self.chunks.iter().zip((0_u32..).step_by(CHUNK));
        chunks.flat_map(|(Chunk { heads, points }, first)| {
            let points = points.chunks_exact(self.dim);
            let rows = heads.stages.iter().zip(&heads.ids).zip(&heads.queues).zip(points).zip(&heads.closest);
            rows.zip(first..).filter_map(|(((((stage, &id), &queue), point), &closest), at)| {
                let stage = stage.filter(|stage| *stage != Stage::Selected)?;
                Some((Row { at, id, stage, queue: queue.into(), point }, closest))
            })
        })
    }

    /// Gives `revise` each point that is not in S, in the order of adding, and what is told of the nearest of S to it, to
    /// change.
    pub(super) fn revise(&mut self, mut revise: impl FnMut(usize, &[f32], &mut Closest)) {
        for Chunk { heads, points } in &mut self.chunks {
            let Heads { stages, queues, closest, .. } = Arc::make_mut(heads);
            let rows = stages.iter().zip(queues).zip(points.chunks_exact(self.dim)).zip(closest);
            for (((stage, queue), point), closest) in rows {
                if stage.is_some_and(|stage| stage != Stage::Selected) {
                    revise((*queue).into(), point, closest);
                }
            }
        }
    }

    /// How many points are in `stage`.
    pub(super) fn count(&self, stage: Stage) -> usize {
        self.counts[stage as usize]
    }

    /// A new row.
    fn append(&mut self, id: u64, queue: usize, stage: Stage, point: &[f32]) -> Result<u32> {
        let row = u32::try_from(self.rows)
            .ok()
            .filter(|&row| row < u32::MAX)
            .ok_or_else(|| memory("the sampler holds 2^32 - 1 points, its limit: start another one"))?;
        let at = self.rows % CHUNK;
        if at == 0 {
            let heads = Arc::new(Heads {
                ids: [0; CHUNK],
                stages: [None; CHUNK],
                queues: [0; CHUNK],
                closest: [Closest::UNKNOWN; CHUNK],
            });
            self.chunks.push(Chunk { heads, points: Vec::with_capacity(CHUNK * self.dim) });
        }
        self.chunks[self.rows / CHUNK].points.extend_from_slice(point);
        let heads = self.heads(row);
        heads.ids[at] = id;
        heads.stages[at] = Some(stage);
        heads.queues[at] = queue as u16;
        self.rows += 1;
        self.counts[stage as usize] += 1;
        self.digest = self.digest.map(|before| digest(before, id));
        Ok(row)
    }

    /// What a row's chunk says, to change.
    fn heads(&mut self, row: u32) -> &mut Heads {
        Arc::make_mut(&mut self.chunks[row as usize / CHUNK].heads)
    }

    /// What is known of the point in `row`; `None` in an empty one.
    fn at(&self, row: u32) -> Option<Row<'_>> {
        let (Chunk { heads, points }, at) = (&self.chunks[row as usize / CHUNK], row as usize % CHUNK);
        let point = &points[at * self.dim..][..self.dim];
        Some(Row { at: row, id: heads.ids[at], stage: heads.stages[at]?, queue: heads.queues[at].into(), point })
    }
}
