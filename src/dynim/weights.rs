//! Weights: how many unselected points each selected one stands for.
//!
//! Every unselected point is held against every one of Q, sixteen unselected points at a time.
//! Source: dynim paper, Methods, "Reconstruction of the true distribution", w = 1 + |RNN|; ties and the normalisation
//! are those of [`super`].
//! Not here: which points make up Q and which are unselected ([`super::Sampler`]).

use super::event::Weight;
use super::kernels::{Isa, first_nearest};
use super::lanes::{Lanes, WIDTH};

/// The weights of Q over `unselected`, in the order of `q`: pairs of an id and its point of `dim` coordinates, no id
/// twice.
pub(super) fn weigh<'a>(
    isa: Isa,
    dim: usize,
    unselected: impl Iterator<Item = &'a [f32]>,
    q: &[(u64, &[f32])],
) -> Vec<Weight> {
    if q.is_empty() {
        return Vec::new();
    }
    // By ascending id, so that the first of the nearest is the one with the smaller id.
    let mut by_id: Vec<usize> = (0..q.len()).collect();
    by_id.sort_unstable_by_key(|&place| q[place].0);
    let points: Vec<f32> = by_id.iter().flat_map(|&place| q[place].1.iter().copied()).collect();

    let mut counts = vec![1_u64; q.len()];
    let mut block = vec![Lanes::all(0.0); dim];
    let mut unselected = unselected.peekable();
    while unselected.peek().is_some() {
        let mut filled = 0;
        for point in unselected.by_ref().take(WIDTH) {
            for (row, &x) in block.iter_mut().zip(point) {
                row.0[filled] = x;
            }
            filled += 1;
        }
        for &first in &first_nearest(isa, &block, &points)[..filled] {
            counts[by_id[first as usize]] += 1;
        }
    }
    let sum = counts.iter().sum::<u64>() as f64;
    let normalise = |weight: f64| weight * q.len() as f64 / sum;
    q.iter()
        .zip(counts)
        .map(|(&(id, _), count)| Weight { id, weight: count as f64, normalised: normalise(count as f64) })
        .collect()
}
