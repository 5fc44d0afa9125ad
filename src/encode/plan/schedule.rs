//! In what order the rows of the convolutions are made: each just before the layer after it needs it.
//!
//! So a row is still in the L1 cache when it is used, and rows that nothing needs are never made.
//! Not here: what a row is ([`super::conv`]).

use super::conv::Conv;

/// One row of one convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Which convolution, the first being 0.
    pub layer: usize,
    /// Which row of its output.
    pub row: usize,
}

/// The steps that make `rows` rows of the last of `convs`.
pub(super) fn schedule(convs: &[Conv], rows: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    // The first row of each that has not been made or passed over.
    let mut next = vec![0; convs.len()];
    if let Some(last) = convs.len().checked_sub(1) {
        (0..rows).for_each(|row| make(convs, last, row, &mut next, &mut steps));
    }
    steps
}

/// Makes a row, after the rows that it is made of.
fn make(convs: &[Conv], layer: usize, row: usize, next: &mut [usize], steps: &mut Vec<Step>) {
    let conv = &convs[layer];
    if let Some(before) = layer.checked_sub(1) {
        let first = row * conv.stride;
        for needed in first.max(next[before])..first + conv.height {
            make(convs, before, needed, next, steps);
        }
    }
    next[layer] = row + 1;
    steps.push(Step { layer, row });
}
