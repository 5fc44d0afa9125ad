//! Cell lists: the beads of a frame sorted by square cells, row by row, so that what is near a place is a few runs.
//!
//! nm. Cell (cx, cy) is number `cy * nx + cx`; the beads of a row of cells that follow each other are one run. With few
//! reference beads sorting costs more than it saves: then there is one cell.
//! Not here: which of the beads in reach are within the cutoff ([`super::rdf`]).

use std::ops::Range;

use super::rdf::{Frame, NOT_COUNTED};
use crate::error::{Result, memory};

/// Reference beads from which on sorting pays.
const SORT_FROM: usize = 6;
/// Cells in a cutoff, about.
const FINENESS: f64 = 4.0;
/// The most cells each way.
const CELLS_MAX: f64 = 512.0;

/// The beads of one frame.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells {
    /// Coordinates and species of the beads, sorted by cell. Beads that are not counted have the last species.
    xs: Vec<f64>,
    ys: Vec<f64>,
    kinds: Vec<u16>,
    /// Where each bead went.
    sorted: Vec<u32>,
    /// First bead of each cell, and the end.
    starts: Vec<u32>,
    cells: [usize; 2],
    per_nm: [f64; 2],
    /// How many cells away a bead within the cutoff can be.
    reach: [usize; 2],
    /// The cell of each bead, as given.
    homes: Vec<u32>,
}

impl Cells {
    /// Takes in a frame that was checked. Beads that are not counted become species `rest`.
    pub(super) fn load(&mut self, frame: &Frame<'_>, rest: u16, cutoff_nm: f64) -> Result<()> {
        let count = frame.species.len();
        if u32::try_from(count).is_err() {
            return Err(memory(format!("{count} beads in a frame, 2^32 - 1 are the most: count parts of it")));
        }
        for axis in 0..2 {
            let length = frame.box_nm[axis];
            let cells = if frame.references.len() < SORT_FROM { 1.0 } else { (FINENESS * length / cutoff_nm).floor() };
            let cells = cells.clamp(1.0, CELLS_MAX);
            self.cells[axis] = cells as usize;
            self.per_nm[axis] = cells / length;
            // Rounding may put a bead that lies on a border into either cell: the reach is a little too long.
            self.reach[axis] = (cutoff_nm * self.per_nm[axis] * (1.0 + 1e-9)) as usize + 1;
        }
        let inside = |x: f64, length: f64| {
            if !frame.wrap || (0.0..length).contains(&x) {
                return x;
            }
            let x = x - length * (x / length).floor();
            if (0.0..length).contains(&x) { x } else { 0.0 }
        };
        let [nx, ny] = self.cells;
        let places = frame.positions.chunks_exact(frame.stride);
        let places = places.map(|at| [inside(at[0], frame.box_nm[0]), inside(at[1], frame.box_nm[1])]);
        let kinds = frame.species.iter().map(|&kind| if kind == NOT_COUNTED { rest } else { kind });
        if nx * ny == 1 {
            self.sorted.clear();
            self.sorted.extend(0..count as u32);
            self.starts.clear();
            self.starts.extend([0, count as u32]);
            self.xs.clear();
            self.xs.extend(places.clone().map(|[x, _]| x));
            self.ys.clear();
            self.ys.extend(places.map(|[_, y]| y));
            self.kinds.clear();
            self.kinds.extend(kinds);
            return Ok(());
        }
        self.homes.clear();
        self.starts.clear();
        self.starts.resize(nx * ny + 1, 0);
        for [x, y] in places.clone() {
            let home = self.cell(y, 1) * nx + self.cell(x, 0);
            self.homes.push(home as u32);
            self.starts[home + 1] += 1;
        }
        for cell in 0..nx * ny {
            self.starts[cell + 1] += self.starts[cell];
        }
        self.sorted.resize(count, 0);
        self.xs.resize(count, 0.0);
        self.ys.resize(count, 0.0);
        self.kinds.resize(count, 0);
        for (bead, ([x, y], kind)) in places.zip(kinds).enumerate() {
            // The start of a cell moves up as it fills, and is put back below.
            let start = &mut self.starts[self.homes[bead] as usize];
            let to = *start as usize;
            *start += 1;
            (self.xs[to], self.ys[to], self.kinds[to], self.sorted[bead]) = (x, y, kind, to as u32);
        }
        self.starts.copy_within(0..nx * ny, 1);
        self.starts[0] = 0;
        Ok(())
    }

    /// Where a bead is, in the box.
    pub(super) fn place(&self, bead: usize) -> [f64; 2] {
        let at = self.sorted[bead] as usize;
        [self.xs[at], self.ys[at]]
    }

    /// The species of a bead.
    pub(super) fn species(&self, bead: usize) -> usize {
        self.kinds[self.sorted[bead] as usize].into()
    }

    /// The runs of beads that hold everything within the cutoff of a place, each bead once.
    pub(super) fn runs(&self, x: f64, y: f64) -> impl Iterator<Item = Range<usize>> + use<> {
        let [nx, ny] = self.cells;
        let (columns, rows) = (around(self.cell(x, 0), self.reach[0], nx), around(self.cell(y, 1), self.reach[1], ny));
        let mut runs = Vec::with_capacity(2 * ny.min(2 * self.reach[1] + 1));
        for row in rows.into_iter().flatten() {
            for columns in columns.clone() {
                if !columns.is_empty() {
                    let at = |column: usize| self.starts[row * nx + column] as usize;
                    runs.push(at(columns.start)..at(columns.end));
                }
            }
        }
        runs.into_iter()
    }

    /// Coordinates and species of a run.
    pub(super) fn run(&self, run: Range<usize>) -> (&[f64], &[f64], &[u16]) {
        (&self.xs[run.clone()], &self.ys[run.clone()], &self.kinds[run])
    }

    fn cell(&self, x: f64, axis: usize) -> usize {
        ((x * self.per_nm[axis]) as usize).min(self.cells[axis] - 1)
    }
}

/// The cells at most `reach` away from `home` among `count` in a ring, as one or two rows of them, each once.
fn around(home: usize, reach: usize, count: usize) -> [Range<usize>; 2] {
    if 2 * reach + 1 >= count {
        return [0..count, 0..0];
    }
    if home < reach {
        [0..home + reach + 1, home + count - reach..count]
    } else if home + reach >= count {
        [home - reach..count, 0..home + reach + 1 - count]
    } else {
        [home - reach..home + reach + 1, 0..0]
    }
}
