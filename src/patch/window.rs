//! Where a patch lies in the macro model: its window of pixels, its centre, and the proteins in it.
//!
//! The macro model is a periodic box; pixel i of an axis is at `i * spacing`. Positions in nm.
//! A patch's centre is its centre pixel, so a protein at the centre is up to half a spacing away from (0, 0).
//! Not here: copying the densities of a window ([`super::cut`]).

use super::check::check_bond;
use super::types::Protein;
use crate::error::{Result, argument, shape, value};

/// A window of pixels around a position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its first pixel along x and y. May be negative or reach beyond the grid: it is periodic.
    pub low: [i64; 2],
    /// Where its centre pixel is, in nm, inside the box.
    pub center_nm: [f64; 2],
    /// How many pixels it has along x and y.
    pub n: [usize; 2],
}

/// Positions further out than this many pixels have lost their meaning.
const MAX_PIXELS: f64 = (1_u64 << 40) as f64;

/// The window of `n` pixels around `position_nm` in a periodic grid of `grid` pixels `spacing_nm` apart.
///
/// The centre pixel is the one nearest to the position (half way: away from 0), wrapped into the grid. The window begins
/// `(n - 1) / 2` pixels, rounded down, before it: an even window has one pixel more behind the centre pixel than before.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a grid without pixels or a spacing that is not a
/// positive number, [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for an empty window or one larger than the grid,
/// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for a position that is not finite, or 2^40 pixels away.
pub fn window_around(position_nm: [f64; 2], grid: [i64; 2], spacing_nm: f64, n: [usize; 2]) -> Result<Window> {
    if !(spacing_nm.is_finite() && spacing_nm > 0.0) {
        return Err(argument(format!("the spacing is {spacing_nm} nm: pass a positive number")));
    }
    let mut window = Window { low: [0; 2], center_nm: [0.0; 2], n };
    for axis in 0..2 {
        if grid[axis] < 1 {
            return Err(argument(format!("the grid has {} x {} pixels: pass at least one each way", grid[0], grid[1])));
        }
        let fits = i64::try_from(n[axis]).ok().filter(|&n| n >= 1 && n <= grid[axis]);
        let Some(size) = fits else {
            return Err(shape(format!(
                "a window of {} x {} pixels does not fit into the periodic grid of {} x {}: make it smaller",
                n[0], n[1], grid[0], grid[1]
            )));
        };
        let pixel = (position_nm[axis] / spacing_nm).round();
        if pixel.is_nan() || pixel.abs() > MAX_PIXELS {
            return Err(value(format!(
                "position ({}, {}) nm is not on a grid of {spacing_nm} nm: pass finite positions in the box",
                position_nm[0], position_nm[1]
            )));
        }
        let center = (pixel as i64).rem_euclid(grid[axis]);
        window.low[axis] = center - (size - 1) / 2;
        window.center_nm[axis] = center as f64 * spacing_nm;
    }
    Ok(window)
}

/// How many pixels, `spacing_nm` apart, a window of `size_nm` has: `int(size / spacing) + 1`, since n pixels span n - 1
/// intervals (37 for 30 nm at 30 nm / 36). A quotient that rounding left less than 1e-9 of itself under a whole number
/// counts as that number. For anything but positive numbers the answer is of no use, and [`super::Shape::new`] or
/// [`window_around`] refuses it.
pub fn window_size(size_nm: f64, spacing_nm: f64) -> usize {
    let intervals = (size_nm / spacing_nm * (1.0 + 1e-9)).floor();
    (intervals as usize).saturating_add(1)
}

/// The proteins around `center_nm`: those of `all`, absolute positions in a periodic box of `box_nm`, whose minimum
/// image lies within `reach_nm` along x and along y.
///
/// In `out` positions are relative to `center_nm`, the nearest comes first (then the smaller id, then the earlier in
/// `all`), and partners are indices into `out`, or -1 where the partner is outside. What `out` held before is dropped.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for a box, centre or reach that is not finite or not
/// positive, a reach of more than half the box (images would be ambiguous), and for bonds that are not mutual;
/// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for a position that is not finite. `out` is then as before.
pub fn proteins_near(
    all: &[Protein],
    box_nm: [f64; 2],
    center_nm: [f64; 2],
    reach_nm: f64,
    out: &mut Vec<Protein>,
) -> Result<()> {
    for axis in 0..2 {
        // Written so that a NaN fails it. A window may take all of the box, give or take rounding.
        let good = box_nm[axis].is_finite() && reach_nm > 0.0 && reach_nm <= box_nm[axis] / 2.0 * (1.0 + 1e-9);
        if !good || !center_nm[axis].is_finite() {
            return Err(argument(format!(
                "proteins within {reach_nm} nm of ({}, {}) nm in a box of {} x {} nm: pass finite numbers and a reach \
                 of at most half the box",
                center_nm[0], center_nm[1], box_nm[0], box_nm[1]
            )));
        }
    }
    let mut near: Vec<(usize, Protein)> = Vec::new();
    for (i, protein) in all.iter().enumerate() {
        if !(protein.x_nm.is_finite() && protein.y_nm.is_finite()) {
            return Err(value(format!(
                "protein {i} (id {}) is at ({}, {}) nm: pass finite positions",
                protein.id, protein.x_nm, protein.y_nm
            )));
        }
        check_bond(protein.partner, i, all.len(), |j| all[j].partner)?;
        let x_nm = minimum_image(protein.x_nm - center_nm[0], box_nm[0]);
        let y_nm = minimum_image(protein.y_nm - center_nm[1], box_nm[1]);
        if x_nm.abs() <= reach_nm && y_nm.abs() <= reach_nm {
            near.push((i, Protein { x_nm, y_nm, ..*protein }));
        }
    }
    let squared = |p: &Protein| p.x_nm * p.x_nm + p.y_nm * p.y_nm;
    near.sort_by(|(i, a), (j, b)| squared(a).total_cmp(&squared(b)).then(a.id.cmp(&b.id)).then(i.cmp(j)));

    out.clear();
    out.extend(near.iter().map(|(_, protein)| {
        Protein {
            partner: near
                .iter()
                .position(|&(i, _)| i32::try_from(i) == Ok(protein.partner))
                .and_then(|i| i32::try_from(i).ok())
                .unwrap_or(-1),
            ..*protein
        }
    }));
    Ok(())
}

/// The image of a difference that is nearest to 0, in `-box / 2 ..= box / 2`.
fn minimum_image(difference_nm: f64, box_nm: f64) -> f64 {
    difference_nm - box_nm * (difference_nm / box_nm).round()
}
