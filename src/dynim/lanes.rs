//! Sixteen points side by side, and the arithmetic of distances and ranks on them.
//!
//! A lane is a point, never a dimension: each lane does what a plain loop over one point's dimensions would do, in the
//! same order, so the compiler may use any vector width and the bits stay the same. Rust never contracts a multiply
//! and an add. Coordinates are finite, so no result is NaN; a squared distance that overflows is +infinity.
//!
//! Layout: row `r` of element `i` is `rows[(i / 16) * height + r].0[i % 16]`. Lanes past the last element hold
//! leftovers that nobody may read.
//! Not here: which elements there are ([`super::candidates`], [`super::selected`]).

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

    /// Whether any lane is below its counterpart in `other`.
    pub(super) fn any_below(&self, other: &Lanes) -> bool {
        // Without a short circuit, so that it becomes one vector comparison.
        (0..WIDTH).fold(false, |any, lane| any | (self.0[lane] < other.0[lane]))
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

    /// How many blocks hold elements; the last may be partly filled.
    pub(super) fn blocks(&self) -> usize {
        self.len.div_ceil(WIDTH)
    }

    /// The elements that block `block` holds, as indices.
    pub(super) fn span(&self, block: usize) -> std::ops::Range<usize> {
        block * WIDTH..self.len.min((block + 1) * WIDTH)
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

/// Squared distances of the 16 points of `block` to `point`, summed over the dimensions in order.
#[inline]
pub(super) fn squared_distances(block: &[Lanes], point: &[f32]) -> Lanes {
    let mut sum = Lanes::all(0.0);
    for (row, &x) in block.iter().zip(point) {
        for lane in 0..WIDTH {
            let difference = row.0[lane] - x;
            sum.0[lane] += difference * difference;
        }
    }
    sum
}

/// Puts one value into each of the 16 ascending `lists` and drops the largest of each.
#[inline]
pub(super) fn insert(lists: &mut [Lanes], mut value: Lanes) {
    // One step of an insertion sort a row: the smaller stays, the larger goes on down.
    for row in lists {
        for lane in 0..WIDTH {
            let (kept, new) = (row.0[lane], value.0[lane]);
            row.0[lane] = if new < kept { new } else { kept };
            value.0[lane] = if new < kept { kept } else { new };
        }
    }
}

/// The mean of the roots of each of 16 lists, taken from the first row down; +infinity if there are no rows.
#[inline]
pub(super) fn mean_of_roots(lists: &[Lanes]) -> Lanes {
    if lists.is_empty() {
        return Lanes::all(f32::INFINITY);
    }
    let mut mean = Lanes::all(0.0);
    for row in lists {
        for lane in 0..WIDTH {
            mean.0[lane] += row.0[lane].sqrt();
        }
    }
    for value in &mut mean.0 {
        *value /= lists.len() as f32;
    }
    mean
}
