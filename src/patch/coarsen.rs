//! Coarser patches: means over blocks of pixels.
//!
//! Layout `[(y * nx + x) * channels + c]` in and out. Sums in float64, row by row, then rounded to float32.
//! The block widths are those of the MuMMI workflow; they keep the centre pixel in the middle.
//! Not here: finer grids; nothing interpolates.

use super::shape::Shape;
use crate::error::{Result, shape};

/// 18 pairs, the centre row or column by itself, 18 pairs.
const WIDTHS_73_TO_37: [usize; 37] = {
    let mut widths = [2; 37];
    widths[18] = 1;
    widths
};

/// Five blocks, the middle one wider.
const WIDTHS_37_TO_5: [usize; 5] = [7, 7, 9, 7, 7];

/// Makes a 37 x 37 patch of a 73 x 73 one by means over 2 x 2 pixels, with a centre row and column of width 1.
///
/// # Errors
/// As [`coarsen`].
pub fn coarsen_73_to_37(shape: Shape, densities: &[f32], out: &mut [f32]) -> Result<Shape> {
    coarsen(shape, densities, &WIDTHS_73_TO_37, &WIDTHS_73_TO_37, out)
}

/// Makes a 5 x 5 patch of a 37 x 37 one by means over blocks of 7, 7, 9, 7 and 7 pixels along x and y.
///
/// # Errors
/// As [`coarsen`].
pub fn coarsen_37_to_5(shape: Shape, densities: &[f32], out: &mut [f32]) -> Result<Shape> {
    coarsen(shape, densities, &WIDTHS_37_TO_5, &WIDTHS_37_TO_5, out)
}

/// Writes the mean of each block of `widths_x[i] * widths_y[j]` pixels to `out`, for each channel, and returns the
/// coarse shape, `widths_x.len()` by `widths_y.len()`.
///
/// # Errors
/// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if the widths hold a 0 or do not add up to `shape`, or a buffer
/// has another length than its shape.
pub fn coarsen(
    shape: Shape,
    densities: &[f32],
    widths_x: &[usize],
    widths_y: &[usize],
    out: &mut [f32],
) -> Result<Shape> {
    check_widths("x", widths_x, shape.nx)?;
    check_widths("y", widths_y, shape.ny)?;
    let coarse = Shape::new(widths_x.len(), widths_y.len(), shape.channels)?;
    shape.expect_len(densities.len(), "densities")?;
    coarse.expect_len(out.len(), "the output")?;

    let mut blocks = out.chunks_exact_mut(shape.channels);
    let mut low_y = 0;
    for &height in widths_y {
        let mut low_x = 0;
        for &width in widths_x {
            let Some(block) = blocks.next() else { break };
            for (c, mean) in block.iter_mut().enumerate() {
                let mut sum = 0.0;
                for y in low_y..low_y + height {
                    for x in low_x..low_x + width {
                        sum += f64::from(densities[(y * shape.nx + x) * shape.channels + c]);
                    }
                }
                *mean = (sum / (width * height) as f64) as f32;
            }
            low_x += width;
        }
        low_y += height;
    }
    Ok(coarse)
}

fn check_widths(axis: &str, widths: &[usize], n: usize) -> Result<()> {
    let total = widths.iter().fold(0_usize, |total, &width| total.saturating_add(width));
    if widths.contains(&0) || total != n {
        return Err(shape(format!(
            "block widths along {axis} add up to {total} in {} blocks, but the patch has {n} pixels there: each block \
             needs 1 or more, and together they must cover it",
            widths.len()
        )));
    }
    Ok(())
}
