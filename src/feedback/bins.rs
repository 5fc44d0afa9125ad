//! Radii: bins of one width from 0 to a cutoff, and their areas in the plane.
//!
//! nm and nm^2. Bin b holds distances from `b * width` up to, not including, `(b + 1) * width`.
//! Not here: counting ([`super::rdf`]).

use crate::error::{Result, argument, memory};

/// The most bins of one g(r).
const BINS_MAX: usize = 1 << 20;

/// The most values of a table, and of a counter.
pub(super) const VALUES_MAX: usize = 1 << 26;

/// An empty list with room for as many values as somebody outside asks for: too many are an error, not the host's end.
pub(super) fn room<T>(values: usize, what: &str) -> Result<Vec<T>> {
    let mut list = Vec::new();
    let reserved = list.try_reserve_exact(values);
    reserved.map_err(|_| memory(format!("no memory for the {values} values of {what}: use fewer bins")))?;
    Ok(list)
}

/// Bins of one width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bins {
    count: usize,
    cutoff_nm: f64,
}

impl Bins {
    /// `count` bins, 1 to 2^20, from 0 to `cutoff_nm`.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for no bins, too many, or a cutoff that is not a positive
    /// finite number.
    pub fn new(count: usize, cutoff_nm: f64) -> Result<Self> {
        if count == 0 || count > BINS_MAX {
            return Err(argument(format!("{count} bins of g(r): use 1 to {BINS_MAX}")));
        }
        if !(cutoff_nm > 0.0 && cutoff_nm.is_finite()) {
            return Err(argument(format!("a cutoff of {cutoff_nm} nm for g(r): use a positive number")));
        }
        Ok(Self { count, cutoff_nm })
    }

    /// How many there are, at least 1.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Where the last one ends, nm.
    pub fn cutoff_nm(&self) -> f64 {
        self.cutoff_nm
    }

    /// The width of each, nm.
    pub fn width_nm(&self) -> f64 {
        self.cutoff_nm / self.count as f64
    }

    /// The middle of each, nm.
    pub fn centres_nm(&self) -> Vec<f64> {
        (0..self.count).map(|bin| (bin as f64 + 0.5) * self.width_nm()).collect()
    }

    /// The area within the cutoff in the plane, nm^2.
    pub fn disc_nm2(&self) -> f64 {
        std::f64::consts::PI * self.cutoff_nm * self.cutoff_nm
    }

    /// The area of the ring that a bin is in the plane, pi (outer^2 - inner^2), nm^2.
    pub fn area_nm2(&self, bin: usize) -> f64 {
        let width = self.width_nm();
        std::f64::consts::PI * width * width * (2 * bin + 1) as f64
    }
}
