//! The loops of the convolutions, for any [`Vector`].
//!
//! A block of neighbouring pixels of one output row is summed in registers: each weight is loaded once a block, each
//! input value is spread over the lanes as it is read.
//! Not here: when which row is made ([`super::kernels`]), how weights are packed ([`super::conv`]).

use super::conv::Conv;
use super::kernels_vector::Vector;
use super::lanes::WIDTH;

/// Rows that a convolution reads: row `y` begins at `values[(y % rows) * row_floats]`.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub values: &'a [f32],
    pub row_floats: usize,
    pub rows: usize,
}

/// Makes row `row` of the output, and stores it at `output[(row % conv.rows) * conv.row_floats]`.
#[inline(always)]
pub(super) fn make_row<V: Vector>(conv: &Conv, input: Rows<'_>, row: usize, output: &mut [f32]) {
    // What the unsafe code below relies on.
    assert!(conv.width > 0 && conv.taps > 0 && conv.height > 0 && conv.height <= input.rows);
    assert!((conv.width - 1) * conv.pitch + conv.taps <= input.row_floats);
    assert!(input.rows * input.row_floats <= input.values.len());
    assert!(conv.row_floats >= conv.width * conv.outputs);
    let first = row * conv.stride % input.rows;
    let output = &mut output[(row % conv.rows) * conv.row_floats..];
    if conv.paired {
        assert!(conv.width >= 2 && conv.pitch == conv.inputs && conv.outputs <= 8);
        assert!(output.len() >= conv.row_floats + 8 && conv.weights.len() == conv.inputs / 2);
        let from = &input.values[first * input.row_floats..];
        // SAFETY: the widths have been checked above.
        unsafe {
            match conv.inputs {
                14 => pairs::<V, 14>(conv, from.as_ptr(), output.as_mut_ptr()),
                _ => pairs::<V, 0>(conv, from.as_ptr(), output.as_mut_ptr()),
            }
        }
    } else {
        assert!(output.len() >= conv.row_floats && conv.bias.len() == conv.outputs.div_ceil(WIDTH));
        assert!(conv.weights.len() == conv.bias.len() * conv.height * conv.taps);
        // SAFETY: the widths have been checked above.
        unsafe {
            match conv.pitch {
                12 => blocks::<V, 12>(conv, input, first, output.as_mut_ptr()),
                16 => blocks::<V, 16>(conv, input, first, output.as_mut_ptr()),
                32 => blocks::<V, 32>(conv, input, first, output.as_mut_ptr()),
                _ => blocks::<V, 0>(conv, input, first, output.as_mut_ptr()),
            }
        }
    }
}

/// A row of a paired convolution, whose inputs are `INPUTS` if that is not 0.
///
/// # Safety
/// `width * inputs` values can be read at `from`, `width * outputs + 8` written at `to`; width is at least 2.
#[inline(always)]
unsafe fn pairs<V: Vector, const INPUTS: usize>(conv: &Conv, from: *const f32, to: *mut f32) {
    // Without a constant number of inputs each pixel takes an address register.
    let most = if INPUTS == 0 { V::PAIRS.min(4) } else { V::PAIRS };
    let mut x = 0;
    while x < conv.width {
        // An odd row ends with a block that begins one pixel early.
        let size = (conv.width - x).div_ceil(2).min(conv.width / 2).min(most);
        let first = x.min(conv.width - 2 * size);
        // SAFETY: pixels up to `width - 1` are read and written, and eight values from the first of each on.
        unsafe {
            let (from, to) = (from.add(first * conv.inputs), to.add(first * conv.outputs));
            macro_rules! choose {
                ($($n:literal)*) => {
                    match size {
                        $($n => pair_block::<V, $n, INPUTS>(conv, from, to),)*
                        _ => unreachable!("blocks have at most 8 pairs"),
                    }
                };
            }
            choose!(1 2 3 4 5 6 7 8);
        }
        x = first + 2 * size;
    }
}

/// The outputs of `PAIRS` pairs of pixels.
///
/// # Safety
/// `2 * PAIRS` pixels can be read at `from`, so many written at `to`, and what is left of eight values after the last.
#[inline(always)]
unsafe fn pair_block<V: Vector, const PAIRS: usize, const INPUTS: usize>(conv: &Conv, from: *const f32, to: *mut f32) {
    if PAIRS > V::PAIRS || INPUTS == 0 && PAIRS > 4 {
        return;
    }
    let inputs = if INPUTS == 0 { conv.inputs } else { INPUTS };
    let mut sums = [[V::load(&conv.bias[0]); 2]; PAIRS];
    // SAFETY: the caller's; there are `inputs / 2` weights. Pixels are written in ascending order, so that each overwrites
    // what the one before wrote too much.
    unsafe {
        for i in 0..inputs / 2 {
            let weights = V::load(conv.weights.get_unchecked(i));
            for (pixel, sum) in sums.as_flattened_mut().iter_mut().enumerate() {
                *sum = sum.add_product(weights, V::splat_pair_at(from.add(pixel * inputs + 2 * i)));
            }
        }
        for (pair, [first, second]) in sums.into_iter().enumerate() {
            let outputs = V::splat(conv.floor).max(first.pair_sums(second));
            let to = to.add(2 * pair * conv.outputs);
            outputs.store_halves(to, to.add(conv.outputs));
        }
    }
}

/// A row of any convolution, whose pitch is `PITCH` if that is not 0.
///
/// # Safety
/// As [`make_row`] checks: each tap of each pixel can be read in rows `first ..` of `input`, `row_floats` values can be
/// written at `to`.
#[inline(always)]
unsafe fn blocks<V: Vector, const PITCH: usize>(conv: &Conv, input: Rows<'_>, first: usize, to: *mut f32) {
    // Without a constant pitch each pixel takes an address register.
    let most = if PITCH == 0 { V::SUMS.min(8) } else { V::SUMS };
    let count = conv.width.div_ceil(most);
    for group in 0..conv.bias.len() {
        let mut x = 0;
        for nth in 0..count {
            // Blocks as equal as can be.
            let pixels = (conv.width + nth) / count;
            macro_rules! choose {
                ($($n:literal)*) => {
                    match pixels {
                        // SAFETY: the caller's; pixels `x .. x + pixels` are in the row.
                        $($n => unsafe { block::<V, $n, PITCH>(conv, input, first, group, x, to) },)*
                        _ => unreachable!("blocks have at most 18 pixels"),
                    }
                };
            }
            choose!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18);
            x += pixels;
        }
    }
}

/// Sixteen outputs of `PIXELS` pixels from pixel `x` on.
///
/// # Safety
/// As [`blocks`].
#[inline(always)]
unsafe fn block<V: Vector, const PIXELS: usize, const PITCH: usize>(
    conv: &Conv,
    input: Rows<'_>,
    first: usize,
    group: usize,
    x: usize,
    to: *mut f32,
) {
    if PIXELS > V::SUMS || PITCH == 0 && PIXELS > 8 {
        return;
    }
    let pitch = if PITCH == 0 { conv.pitch } else { PITCH };
    // With few pixels, neighbouring taps go into sums of their own, so that the latency of an addition is hidden.
    let splits = if 4 * PIXELS <= V::SUMS {
        4
    } else if 2 * PIXELS <= V::SUMS {
        2
    } else {
        1
    };
    let mut sums = [[V::splat(0.0); PIXELS]; 4];
    sums[0] = [V::load(&conv.bias[group]); PIXELS];
    let mut slot = first;
    for y in 0..conv.height {
        // SAFETY: slot < rows, and each tap of each pixel is within a row; there are `height * taps` weights a group.
        unsafe {
            let mut weights = conv.weights.as_ptr().add((group * conv.height + y) * conv.taps);
            let mut from = input.values.as_ptr().add(slot * input.row_floats + x * conv.pitch);
            for _ in 0..conv.taps / splits {
                for (split, sums) in sums.iter_mut().enumerate().take(splits) {
                    let weight = V::load(&*weights.add(split));
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        *sum = sum.add_product(weight, V::splat_at(from.add(split + pixel * pitch)));
                    }
                }
                weights = weights.add(splits);
                from = from.add(splits);
            }
            for _ in 0..conv.taps % splits {
                let weight = V::load(&*weights);
                for (pixel, sum) in sums[0].iter_mut().enumerate() {
                    *sum = sum.add_product(weight, V::splat_at(from.add(pixel * pitch)));
                }
                weights = weights.add(1);
                from = from.add(1);
            }
        }
        slot += 1;
        if slot == input.rows {
            slot = 0;
        }
    }
    let lanes = (conv.outputs - group * WIDTH).min(WIDTH);
    for pixel in 0..PIXELS {
        let mut sum = sums[0][pixel];
        for sums in sums.iter().take(splits).skip(1) {
            sum = sum.add(sums[pixel]);
        }
        // SAFETY: `lanes` outputs from `16 * group` on are of this pixel.
        unsafe { V::splat(conv.floor).max(sum).store_some(to.add((x + pixel) * conv.outputs + group * WIDTH), lanes) };
    }
}
