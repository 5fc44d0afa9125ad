//! The loops of the dense layers, for any [`Vector`]: one patch, bound by reading weights, and several, which share them.
//!
//! Outputs are lanes. Both add the products of an output in the same order, so a patch's point has the same bits in either.
//! Not here: how weights are packed ([`super::dense`]).

use super::dense::{Block, Dense};
use super::kernels_vector::Vector;
use super::lanes::{Lanes, WIDTH};

/// Steps that weights are asked for before several patches use them: groups lie apart, which the processor does not
/// foresee.
const FAR: usize = 16;

/// One patch: `input` holds at least `dense.reads` values, zeros after the inputs; `output` gets the outputs by 16.
#[inline(always)]
pub(super) fn one<V: Vector>(dense: &Dense, input: &[f32], output: &mut [Lanes]) {
    assert!(input.len() >= dense.reads);
    for block in &dense.blocks {
        let bias = &dense.bias[block.first..][..block.groups];
        let output = &mut output[block.first..][..block.groups];
        let weights = &dense.weights[block.start..][..block.steps * block.splits * block.groups];
        assert!(block.splits * block.steps <= dense.reads && block.splits * block.groups == V::CHAINS);
        // SAFETY: as asserted; `weights` has a line for each step, part and group.
        unsafe {
            match (block.groups, V::CHAINS) {
                (8, 8) => one_block::<V, 8, 1>(block, weights, bias, input, output, dense.floor),
                (4, 8) => one_block::<V, 4, 2>(block, weights, bias, input, output, dense.floor),
                (2, 8) => one_block::<V, 2, 4>(block, weights, bias, input, output, dense.floor),
                (1, 8) => one_block::<V, 1, 8>(block, weights, bias, input, output, dense.floor),
                (4, 4) => one_block::<V, 4, 1>(block, weights, bias, input, output, dense.floor),
                (2, 4) => one_block::<V, 2, 2>(block, weights, bias, input, output, dense.floor),
                (1, 4) => one_block::<V, 1, 4>(block, weights, bias, input, output, dense.floor),
                _ => unreachable!("a block of {} groups", block.groups),
            }
        }
    }
}

/// # Safety
/// `weights` has `steps * SPLITS * GROUPS` lines, `input` at least `steps * SPLITS` values.
#[inline(always)]
unsafe fn one_block<V: Vector, const GROUPS: usize, const SPLITS: usize>(
    block: &Block,
    weights: &[Lanes],
    bias: &[Lanes],
    input: &[f32],
    output: &mut [Lanes],
    floor: f32,
) {
    if GROUPS * SPLITS != V::CHAINS {
        return;
    }
    let mut sums = [[V::splat(0.0); GROUPS]; SPLITS];
    let mut line = weights.as_ptr();
    for step in 0..block.steps {
        for (split, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's.
            unsafe {
                let value = V::splat_at(input.as_ptr().add(split * block.steps + step));
                for sum in sums {
                    *sum = sum.add_product(value, V::load(&*line));
                    line = line.add(1);
                }
            }
        }
    }
    for (group, (bias, output)) in bias.iter().zip(output).enumerate().take(GROUPS) {
        let sum = sums.iter().fold(V::load(bias), |sum, part| sum.add(part[group]));
        V::splat(floor).max(sum).store(output);
    }
}

/// Several patches: as [`one`] for each, `input` and `output` having `pitch` values a patch.
#[inline(always)]
pub(super) fn many<V: Vector>(dense: &Dense, patches: usize, pitch: usize, input: &[f32], output: &mut [f32]) {
    assert!(dense.reads <= pitch && dense.bias.len() * WIDTH <= pitch);
    assert!(patches * pitch <= input.len() && patches * pitch <= output.len());
    let count = patches.div_ceil(V::PATCHES);
    for block in &dense.blocks {
        let lines = block.steps * block.splits * block.groups;
        assert!(block.splits * block.steps <= dense.reads && block.start + lines <= dense.weights.len());
        assert!(block.first + block.groups <= dense.bias.len());
        let together = if V::TOGETHER == 2 && block.groups > 1 { 2 } else { 1 };
        for group in (0..block.groups).step_by(together) {
            let mut first = 0;
            for nth in 0..count {
                // Tiles as equal as can be.
                let size = (patches + nth) / count;
                let (input, output) = (&input[first * pitch..], &mut output[first * pitch..]);
                macro_rules! choose {
                    ($($n:literal)*) => {
                        match (size, together) {
                            // SAFETY: as asserted, for patches `first .. first + size`; the number of groups in a block is
                            // 1 or even.
                            $(($n, 1) => unsafe { tile::<V, 1, $n>(dense, block, group, pitch, input, output) },
                            // SAFETY: as above.
                            ($n, _) => unsafe { tile::<V, 2, $n>(dense, block, group, pitch, input, output) },)*
                            _ => unreachable!("tiles have at most 8 patches"),
                        }
                    };
                }
                choose!(1 2 3 4 5 6 7 8);
                first += size;
            }
        }
    }
}

/// `GROUPS` groups of outputs from `group` of the block on, of `PATCHES` patches.
///
/// # Safety
/// `dense` has the block's weights and biases, the block these groups; `input` and `output` have `PATCHES * pitch` values,
/// and `pitch` is at least what the layer reads and writes.
#[inline(always)]
unsafe fn tile<V: Vector, const GROUPS: usize, const PATCHES: usize>(
    dense: &Dense,
    block: &Block,
    group: usize,
    pitch: usize,
    input: &[f32],
    output: &mut [f32],
) {
    if GROUPS > V::TOGETHER || PATCHES > V::PATCHES {
        return;
    }
    let mut totals = [[V::splat(0.0); PATCHES]; GROUPS];
    for (at, totals) in totals.iter_mut().enumerate() {
        *totals = [V::load(&dense.bias[block.first + group + at]); PATCHES];
    }
    for split in 0..block.splits {
        let mut sums = [[V::splat(0.0); PATCHES]; GROUPS];
        // SAFETY: the caller's.
        unsafe {
            let mut line = dense.weights.as_ptr().add(block.start + split * block.groups + group);
            let mut from = input.as_ptr().add(split * block.steps);
            for _ in 0..block.steps {
                let mut weights = [V::splat(0.0); GROUPS];
                for (at, weights) in weights.iter_mut().enumerate() {
                    *weights = V::load(&*line.add(at));
                    V::prefetch(line.wrapping_add(at + FAR * block.splits * block.groups).cast());
                }
                for patch in 0..PATCHES {
                    let value = V::splat_at(from.add(patch * pitch));
                    for (sums, weights) in sums.iter_mut().zip(weights) {
                        sums[patch] = sums[patch].add_product(value, weights);
                    }
                }
                line = line.wrapping_add(block.splits * block.groups);
                from = from.add(1);
            }
        }
        for (totals, sums) in totals.iter_mut().zip(sums) {
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = total.add(sum);
            }
        }
    }
    for (at, totals) in totals.into_iter().enumerate() {
        for (patch, total) in totals.into_iter().enumerate() {
            let to = patch * pitch + (block.first + group + at) * WIDTH;
            // SAFETY: the caller's.
            unsafe { V::splat(dense.floor).max(total).store_some(output.as_mut_ptr().add(to), WIDTH) };
        }
    }
}
