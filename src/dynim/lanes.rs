//! Sixteen points side by side, a lane each.
//!
//! Layout: row `r` of element `i` is `rows[(i / 16) * height + r].0[i % 16]`. Lanes past the last element hold
//! leftovers that nobody may read.
//! Not here: arithmetic on them ([`super::kernels`]), which elements there are ([`super::candidates`],
//! [`super::selected`]).

/// Points in a block.
pub(super) const WIDTH: usize = 16;

/// One number of each of 16 points.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub [f32; WIDTH]);

impl Lanes {
    /// All lanes the same.
    pub(super) const fn all(value: f32) -> Self {
        Self([value; WIDTH])
    }
}

/// A growable sequence of elements of `height` numbers each, stored in blocks of 16.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    height: usize,
    len: usize,
    rows: Vec<Lanes>,
}

impl Blocks {
    pub(super) fn new(height: usize) -> Self {
        Self { height, len: 0, rows: Vec::new() }
    }

    /// Appends an element of exactly `height` numbers.
    pub(super) fn push(&mut self, element: &[f32]) {
        debug_assert_eq!(element.len(), self.height);
        let (block, lane) = (self.len / WIDTH, self.len % WIDTH);
        // After removals the block may exist already.
        self.rows.resize(self.rows.len().max((block + 1) * self.height), Lanes::all(0.0));
        self.len += 1;
        for (row, &value) in self.block_mut(block).iter_mut().zip(element) {
            row.0[lane] = value;
        }
    }

    /// Removes element `at` and puts the last one in its place.
    pub(super) fn swap_remove(&mut self, at: usize) {
        let last = self.len - 1;
        for row in 0..self.height {
            let moved = self.rows[(last / WIDTH) * self.height + row].0[last % WIDTH];
            self.rows[(at / WIDTH) * self.height + row].0[at % WIDTH] = moved;
        }
        self.len = last;
    }

    /// Overwrites element `at`.
    pub(super) fn set(&mut self, at: usize, element: &[f32]) {
        for (row, &value) in self.block_mut(at / WIDTH).iter_mut().zip(element) {
            row.0[at % WIDTH] = value;
        }
    }

    /// How many blocks hold elements; the last may be partly filled.
    pub(super) fn blocks(&self) -> usize {
        self.len.div_ceil(WIDTH)
    }

    /// All rows, block after block.
    pub(super) fn rows(&self) -> &[Lanes] {
        &self.rows[..self.blocks() * self.height]
    }

    /// All rows, to change.
    pub(super) fn rows_mut(&mut self) -> &mut [Lanes] {
        let rows = self.blocks() * self.height;
        &mut self.rows[..rows]
    }

    /// Removes all elements.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// The numbers of element `at`, from row 0 down.
    pub(super) fn element(&self, at: usize) -> impl Iterator<Item = f32> {
        self.block(at / WIDTH).iter().map(move |row| row.0[at % WIDTH])
    }

    /// The `height` rows of a block.
    pub(super) fn block(&self, block: usize) -> &[Lanes] {
        &self.rows[block * self.height..][..self.height]
    }

    /// The `height` rows of a block, to change.
    pub(super) fn block_mut(&mut self, block: usize) -> &mut [Lanes] {
        &mut self.rows[block * self.height..][..self.height]
    }
}

/// The mean of the roots of an ascending list; +infinity if it is empty.
pub(super) fn mean_of_roots_of(list: &[f32]) -> f32 {
    if list.is_empty() {
        return f32::INFINITY;
    }
    list.iter().fold(0.0_f32, |sum, squared| sum + squared.sqrt()) / list.len() as f32
}
