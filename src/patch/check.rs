//! Checks of a patch that came from outside. What passes here is safe to encode, rank and store.
//!
//! Not here: ids that are known already ([`crate::stream`]), the limits of a shape ([`Shape::new`]).

use super::shape::Shape;
use super::states::ProteinStates;
use super::types::Meta;
use crate::error::{Result, argument, unknown, value};
use crate::ids;

/// The most bytes of a patch's label.
pub const MAX_LABEL_BYTES: usize = 256;

/// The most proteins of one patch.
pub const MAX_PROTEINS: usize = 4096;

/// The exponent bits of a float32; all are set in infinities and NaNs, and in nothing else.
const EXPONENT: u32 = 0x7f80_0000;

/// Checks all of a patch but its densities, for a window of `size_nm` along x and y around the centre pixel.
///
/// The id is one that a host may give; time and centre are finite; there are at most [`MAX_PROTEINS`] proteins, each in
/// a state of `states`, inside the window (`|x|, |y| <= size_nm / 2 * (1 + 1e-9)`), and bonded with nobody or mutually
/// with another one; the label has at most [`MAX_LABEL_BYTES`] bytes; the factor is positive and finite. Allocates only
/// for the message of an error.
///
/// # Errors
/// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for the id, the label, the number of proteins and bonds,
/// [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) for a state,
/// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for a number that is not finite, a position outside, or a factor.
pub fn check_meta(meta: &Meta, states: &ProteinStates, size_nm: f64) -> Result<()> {
    ids::check(meta.id)?;
    let id = meta.id;
    if !meta.time_us.is_finite() {
        return Err(value(format!("patch {id} has time {} us: pass a finite time", meta.time_us)));
    }
    let [x, y] = meta.center_nm;
    if !x.is_finite() || !y.is_finite() {
        return Err(value(format!("patch {id} has its centre at ({x}, {y}) nm: pass finite positions")));
    }
    if let Some(factor) = meta.factor.filter(|factor| !(factor.is_finite() && *factor > 0.0)) {
        return Err(value(format!(
            "patch {id} has the rank factor {factor}: pass a positive, finite one, or none for its queue's"
        )));
    }
    let label_bytes = meta.label.map_or(0, str::len);
    if label_bytes > MAX_LABEL_BYTES {
        return Err(argument(format!(
            "patch {id} has a label of {label_bytes} bytes, more than {MAX_LABEL_BYTES}: shorten it"
        )));
    }
    let count = meta.proteins.len();
    if count > MAX_PROTEINS {
        return Err(argument(format!(
            "patch {id} has {count} proteins, more than {MAX_PROTEINS}: cut a smaller window"
        )));
    }
    check_proteins(meta, states, size_nm / 2.0 * (1.0 + 1e-9)).map_err(|error| error.context(format!("patch {id}")))
}

/// Checks state, position and bond of each protein; `reach_nm` is the largest coordinate.
fn check_proteins(meta: &Meta, states: &ProteinStates, reach_nm: f64) -> Result<()> {
    for (i, protein) in meta.proteins.iter().enumerate() {
        if states.kind(protein.state).is_none() {
            return Err(unknown(format!(
                "protein {i} has state {}, but there are {}: pass the index of a configured state",
                protein.state,
                states.len()
            )));
        }
        // Written so that a NaN fails it.
        if !(protein.x_nm.abs() <= reach_nm && protein.y_nm.abs() <= reach_nm) {
            return Err(value(format!(
                "protein {i} is at ({}, {}) nm, outside +-{reach_nm} nm: pass positions relative to the centre pixel, \
                 minimum image, and only proteins inside the window",
                protein.x_nm, protein.y_nm
            )));
        }
        check_bond(protein.partner, i, meta.proteins.len(), |j| meta.proteins[j].partner)?;
    }
    Ok(())
}

/// Checks the bond of protein `i` out of `count` with `partner`; `partner_of(j)` is what protein `j` says.
pub(super) fn check_bond(partner: i32, i: usize, count: usize, partner_of: impl Fn(usize) -> i32) -> Result<()> {
    if partner == -1 {
        return Ok(());
    }
    let other = usize::try_from(partner).ok().filter(|&j| j < count && j != i);
    let Some(j) = other else {
        return Err(argument(format!(
            "protein {i} of {count} has partner {partner}: pass the index of another protein in the list, or -1"
        )));
    };
    if usize::try_from(partner_of(j)) != Ok(i) {
        return Err(argument(format!(
            "protein {i} has partner {j}, but protein {j} has partner {}: bonds are mutual",
            partner_of(j)
        )));
    }
    Ok(())
}

/// Checks that `densities` has `shape.len()` values and that each is finite. Negative ones are accepted.
///
/// # Errors
/// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) for the length,
/// [`ErrorKind::Value`](crate::error::ErrorKind::Value) for NaN or infinity, naming the first such pixel and channel.
pub fn check_densities(densities: &[f32], shape: Shape) -> Result<()> {
    shape.expect_len(densities.len(), "densities")?;
    // Integers only, without an early exit: the compiler vectorises it, and no floating-point flag is raised.
    let is_bad = |v: &f32| v.to_bits() & EXPONENT == EXPONENT;
    if !densities.iter().fold(false, |bad, v| bad | is_bad(v)) {
        return Ok(());
    }
    let i = densities.iter().position(is_bad).unwrap_or(0);
    let pixel = i / shape.channels;
    Err(value(format!(
        "the density at pixel ({}, {}), channel {} is {}: pass finite densities (has the macro model blown up?)",
        pixel % shape.nx,
        pixel / shape.nx,
        i % shape.channels,
        densities[i]
    )))
}
