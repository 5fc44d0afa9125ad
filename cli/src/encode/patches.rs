//! Patches in a `.npy` file, block by block, so that a file may be larger than memory.
//!
//! In the file: float32, C order, the axes of the model's own input behind n. For the encoder: `values[(y * nx + x) *
//! channels + c]` of each patch in turn.
//! Not here: the format ([`crate::npy`]), threads ([`super::run`]).

use std::path::Path;

use patchstream::encode::{Layout, Model};
use patchstream::error::{Error, Result, value};

use crate::model::axes;
use crate::npy::{Npy, Shape};

/// What a block holds at least, in bytes, unless the file ends: much less than a read costs would be lost on others, and
/// much more would not stay in a cache.
const BLOCK_BYTES: usize = 1 << 20;

/// What the patches of one call hold at most, in bytes, unless one alone holds more.
const CALL_BYTES: usize = 64 << 20;

/// Pixels that are turned from planes together.
const BLOCK_PIXELS: usize = 64;

/// A file of patches, which is read from its start to its end.
pub struct Patches {
    npy: Npy,
    /// How many there are.
    count: usize,
    /// Axes of one patch.
    axes: Vec<usize>,
    /// Patches that were read.
    read: usize,
}

/// Some patches that follow each other in the file.
#[derive(Default)]
pub struct Block {
    /// The first one's number in the file, from 0.
    pub first: usize,
    /// How many there are.
    pub count: usize,
    /// As an encoder takes them, one patch after another.
    pub values: Vec<f32>,
    /// As they are in the file.
    bytes: Vec<u8>,
}

/// What becomes of a patch's values on their way from the file to the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They stay in their places.
    Kept,
    /// So many planes, (c, y, x), become pixels, (y, x, c).
    Planes(usize),
}

impl Patches {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Those of [`Npy::open`], and [`ErrorKind::Shape`](patchstream::error::ErrorKind::Shape) for an array of one number
    /// a patch or of patches without values.
    pub fn open(path: &Path) -> Result<Self> {
        let wanted = "patches are float32, little endian: save patches.astype('<f4')";
        let npy = Npy::open(path, &[("<f4", 4)], wanted)?;
        match npy.shape() {
            &[count, ref axes @ ..] if !axes.is_empty() && !axes.contains(&0) => {
                Ok(Self { axes: axes.to_vec(), npy, count, read: 0 })
            }
            _ => Err(npy.wrong_shape("patches have shape (n, c, y, x) or (n, y, x, c), as the model's input has it")),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The axes of one.
    pub fn axes(&self) -> &[usize] {
        &self.axes
    }

    /// How these patches get to `model`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](patchstream::error::ErrorKind::Shape) if it takes others.
    pub fn order_for(&self, model: &Model) -> Result<Order> {
        let own @ [a, b, c] = axes(model);
        if self.axes != own {
            return Err(self.npy.wrong_shape(format!(
                "model {} takes patches of shape (n, {a}, {b}, {c}): transpose or cut them so, or use another model",
                model.card().name
            )));
        }
        Ok(match model.card().input.layout {
            Layout::Chw => Order::Planes(model.shape().channels),
            Layout::Hwc => Order::Kept,
        })
    }

    /// Patches of one call if `most` were asked for: fewer where those would not stay within bounds of memory.
    pub fn batch(&self, most: usize) -> usize {
        most.min(CALL_BYTES / self.bytes_of_one()).max(1)
    }

    /// Patches that a block holds if calls are of `batch` patches: a whole number of calls.
    pub fn block(&self, batch: usize) -> usize {
        batch * (BLOCK_BYTES / self.bytes_of_one().saturating_mul(batch)).max(1)
    }

    fn bytes_of_one(&self) -> usize {
        self.axes.iter().fold(4, |bytes, &n| bytes.saturating_mul(n))
    }

    /// Reads the next patches, up to `most`, into `block`, of which nothing but their bytes is good then; false after
    /// the last.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](patchstream::error::ErrorKind::Io); `block` says which patches they would have been.
    pub fn read(&mut self, block: &mut Block, most: usize) -> Result<bool> {
        (block.first, block.count) = (self.read, most.min(self.count - self.read));
        block.bytes.resize(block.count * self.bytes_of_one(), 0);
        self.npy.read(&mut block.bytes)?;
        self.read += block.count;
        Ok(block.count > 0)
    }
}

impl Block {
    /// Makes `values` of what was read. A NaN or an infinity is an error that says where it is, and ends the block: the
    /// patches before that one remain.
    pub fn decode(&mut self, order: Order, axes: &[usize], path: &Path) -> Option<Error> {
        let bytes = self.bytes.as_chunks::<4>().0;
        self.values.resize(bytes.len(), 0.0);
        let length: usize = axes.iter().product();
        let patches = self.values.chunks_exact_mut(length).zip(bytes.chunks_exact(length));
        match order {
            Order::Kept => patches.for_each(|(to, from)| copy(from, to)),
            Order::Planes(channels) => patches.for_each(|(to, from)| interleave(from, to, channels)),
        }
        if self.values.iter().fold(true, |sound, value| sound & value.is_finite()) {
            return None;
        }
        let floats = bytes.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let (at, bad) = floats.enumerate().find(|(_, value)| !value.is_finite())?;
        self.count = at / length;
        Some(value(format!(
            "{}: patch {} holds {bad}, at {} of it: leave the patch out (all counts are from 0)",
            path.display(),
            self.first + self.count,
            Shape(&place(at % length, axes))
        )))
    }
}

fn copy(from: &[[u8; 4]], to: &mut [f32]) {
    for (value, bytes) in to.iter_mut().zip(from) {
        *value = f32::from_le_bytes(*bytes);
    }
}

/// `to[p * channels + c]` becomes `from[c * pixels + p]`. Some pixels at a time, so that what is written stays in the
/// nearest cache, and four planes at a time, so that it is written less often.
fn interleave(from: &[[u8; 4]], to: &mut [f32], channels: usize) {
    for (block, to) in to.chunks_mut(BLOCK_PIXELS * channels).enumerate() {
        let mut c = 0;
        while c + 4 <= channels {
            interleave_some::<4>(from, to, block * BLOCK_PIXELS, c, channels);
            c += 4;
        }
        for c in c..channels {
            interleave_some::<1>(from, to, block * BLOCK_PIXELS, c, channels);
        }
    }
}

/// N planes from `c` on, for the pixels of `to`, of which `first` is the first one.
fn interleave_some<const N: usize>(from: &[[u8; 4]], to: &mut [f32], first: usize, c: usize, channels: usize) {
    let (pixels, count) = (from.len() / channels, to.len() / channels);
    let planes: [_; N] = std::array::from_fn(|i| &from[(c + i) * pixels + first..][..count]);
    for (p, pixel) in to.chunks_exact_mut(channels).enumerate() {
        for (value, plane) in pixel[c..c + N].iter_mut().zip(planes) {
            *value = f32::from_le_bytes(plane[p]);
        }
    }
}

/// The index of the value `at` of an array with these axes.
fn place(mut at: usize, axes: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = Vec::new();
    for &axis in axes.iter().rev() {
        index.push(at % axis);
        at /= axis;
    }
    index.reverse();
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(values: &[f32], order: Order) -> (Block, Option<Error>) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut block = Block { first: 10, count: 2, values: vec![9.0; 3], bytes };
        let error = block.decode(order, &[2, 2, 3], Path::new("X.npy"));
        (block, error)
    }

    #[test]
    fn interleave_matches_naive() {
        for channels in [1, 2, 3, 4, 5, 8, 14] {
            for pixels in [1, 9, BLOCK_PIXELS, 2 * BLOCK_PIXELS + 5] {
                let from: Vec<f32> = (0..channels * pixels).map(|i| i as f32).collect();
                let bytes: Vec<[u8; 4]> = from.iter().map(|value| value.to_le_bytes()).collect();
                let mut to = vec![-1.0; from.len()];
                interleave(&bytes, &mut to, channels);
                let naive = |i: usize| from[i % channels * pixels + i / channels];
                assert_eq!(to, (0..to.len()).map(naive).collect::<Vec<_>>(), "{channels} planes of {pixels}");
            }
        }
    }

    #[test]
    fn patches_are_turned_one_by_one_or_stay() {
        let values: Vec<f32> = (0..24).map(|i| i as f32).collect();
        assert_eq!(decoded(&values, Order::Kept).0.values, values);
        // Value i is in plane i / 6 of its patch, at pixel i % 6.
        let expected: Vec<f32> = (0..24).map(|i| (i / 12 * 12 + i % 2 * 6 + i % 12 / 2) as f32).collect();
        let (block, error) = decoded(&values, Order::Planes(2));
        assert_eq!((block.values, block.count, error), (expected, 2, None));
    }

    #[test]
    fn what_is_no_number_is_named_by_its_place() {
        for (bad, text) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            for order in [Order::Kept, Order::Planes(2)] {
                let mut values = vec![f32::MAX; 24];
                values[12 + 6 + 3 + 2] = bad;
                values[23] = bad;
                let (block, error) = decoded(&values, order);
                let error = error.unwrap();
                assert_eq!(block.count, 1, "the patch before remains");
                let expected = format!("X.npy: patch 11 holds {text}, at (1, 1, 2) of it:");
                assert!(error.message().starts_with(&expected), "{error}");
            }
        }
    }
}
