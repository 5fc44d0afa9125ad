//! The shape of a patch's densities: grid points along x and y, and channels.
//!
//! Layout: `densities[(y * nx + x) * channels + c]`.
//! Not here: where a host keeps its values ([`super::Field`]).

use std::fmt;

use crate::error::{Result, shape};

/// How many values a patch has along each of its axes. [`Shape::new`] holds the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Grid points along x, `1 ..= 4096`.
    pub nx: usize,
    /// Grid points along y, `1 ..= 4096`.
    pub ny: usize,
    /// Channels of each grid point, `1 ..= 4096`.
    pub channels: usize,
}

impl Shape {
    /// The most grid points along an axis, and the most channels.
    pub const MAX_AXIS: usize = 4096;
    /// The most values of one patch: 2^26, 256 MiB.
    pub const MAX_LEN: usize = 1 << 26;

    /// A shape of `nx * ny` grid points with `channels` values each.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if one of the three is not in `1 ..= 4096`, or their product
    /// is above 2^26.
    pub fn new(nx: usize, ny: usize, channels: usize) -> Result<Self> {
        let this = Self { nx, ny, channels };
        let limit = Self::MAX_AXIS;
        if [nx, ny, channels].iter().any(|n| !(1..=limit).contains(n)) {
            return Err(shape(format!("shape {this} (nx x ny x channels): each must be in 1 ..= {limit}")));
        }
        if this.len() > Self::MAX_LEN {
            return Err(shape(format!(
                "shape {this} has {} values, more than {}: use a coarser or smaller window",
                this.len(),
                Self::MAX_LEN
            )));
        }
        Ok(this)
    }

    /// The number of values, `nx * ny * channels`; `usize::MAX` if that does not fit.
    #[allow(clippy::len_without_is_empty, reason = "no shape is empty")]
    pub fn len(&self) -> usize {
        self.nx.saturating_mul(self.ny).saturating_mul(self.channels)
    }

    /// Refuses a buffer of `len` values, called `what` in the message, that is not exactly this shape's.
    pub(super) fn expect_len(&self, len: usize, what: &str) -> Result<()> {
        if len == self.len() {
            return Ok(());
        }
        Err(shape(format!("{what} has {len} values, but {self} needs {}: check the grid and the channels", self.len())))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.nx, self.ny, self.channels)
    }
}
