//! Cutting a window out of a periodic field, of which a rank may own only a part.
//!
//! Pixels are copied as they are, without interpolation; `out[(y * nx + x) * channels + c]`.
//! Not here: where a window lies around a protein ([`super::window_around`]).

use super::field::Field;
use super::shape::Shape;
use crate::error::{Result, argument, shape};

/// Cuts a window of `window` pixels (nx, ny) with its first pixel at `window_low` out of a periodic grid of `grid`
/// pixels, of which this rank owns `owned`, the box from pixel `owned_low` on. Returns how many pixels were filled.
///
/// Fills those pixels of `out` that lie in the box and leaves the others untouched: zeroed windows of ranks that own the
/// grid between them add up to the whole one, exactly. Whoever owns everything passes `owned_low` `[0, 0]` and the whole
/// grid. `window_low` and `owned_low` may be any integers: they wrap around, and so may the box.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a grid without pixels,
/// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for a window or a box that is larger than the grid, an empty
/// window, or an `out` that has not a value for each pixel and channel.
pub fn cut(
    owned: &Field,
    owned_low: [i64; 2],
    grid: [i64; 2],
    window_low: [i64; 2],
    window: [usize; 2],
    out: &mut [f32],
) -> Result<usize> {
    let channels = owned.shape().channels;
    let owned_n = [owned.shape().nx, owned.shape().ny];
    check_fits("window", window, grid)?;
    check_fits("owned box", owned_n, grid)?;
    Shape { nx: window[0], ny: window[1], channels }.expect_len(out.len(), "the output")?;

    let out_row = window[0] * channels;
    let along = |axis: usize| runs(window_low[axis], window[axis], owned_low[axis], owned_n[axis], grid[axis]);
    let mut filled = 0;
    for y in along(1) {
        for x in along(0) {
            if x.len == 0 || y.len == 0 {
                continue;
            }
            let out = &mut out[y.window * out_row + x.window * channels..];
            owned.copy_block([x.owned, y.owned], [x.len, y.len], out, out_row)?;
            filled += x.len * y.len;
        }
    }
    Ok(filled)
}

/// Neighbouring pixels along one axis that are in both the window and the owned box.
struct Run {
    /// The first one, counted from the window's first.
    window: usize,
    /// The first one, counted from the box's first.
    owned: usize,
    /// How many, 0 for an empty run.
    len: usize,
}

/// The at most two runs along an axis: window and box are no longer than the grid, so the window enters the box once
/// before and once after the place where the box's own count wraps around.
fn runs(window_low: i64, window: usize, owned_low: i64, owned: usize, grid: i64) -> [Run; 2] {
    // Where the window begins, counted from the box's first pixel; in 0 .. grid. Both were checked to fit into the grid.
    let start = (window_low.rem_euclid(grid) - owned_low.rem_euclid(grid)).rem_euclid(grid) as usize;
    let to_wrap = grid as usize - start;
    [
        Run { window: 0, owned: start, len: owned.saturating_sub(start).min(window) },
        Run { window: to_wrap, owned: 0, len: window.saturating_sub(to_wrap).min(owned) },
    ]
}

fn check_fits(what: &str, n: [usize; 2], grid: [i64; 2]) -> Result<()> {
    if grid[0] < 1 || grid[1] < 1 {
        return Err(argument(format!("the grid has {} x {} pixels: pass at least one each way", grid[0], grid[1])));
    }
    let fits = |axis: usize| n[axis] >= 1 && i64::try_from(n[axis]).is_ok_and(|n| n <= grid[axis]);
    if fits(0) && fits(1) {
        return Ok(());
    }
    Err(shape(format!(
        "a {what} of {} x {} pixels does not fit into the periodic grid of {} x {}: each way it has 1 pixel to the \
         grid's number",
        n[0], n[1], grid[0], grid[1]
    )))
}
