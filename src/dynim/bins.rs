//! Bins over one, two or three coordinates of a point, told in words.
//!
//! `KIND:KEY=VALUE,...`, keys in any order. A coordinate is named by its index in the point, from 0.
//!
//! | bins | example | index |
//! |---|---|---|
//! | 1-d | `1d:dim=0,min=-5,max=7,bins=20` | `x` |
//! | 1-d, periodic | `1d:dim=0,min=0,max=360,bins=36,periodic` | `x` |
//! | sphere | `spherical2:theta=0,phi=1,bins=6x12` | `theta * 12 + phi` |
//! | sphere, rings of their own | `spherical2:theta=0,phi=1,rings=1/6/12/6/1,degrees` | phi bins of the rings before + `phi` |
//! | sphere with shells | `spherical3:theta=0,phi=1,r=2,bins=6x12,min=0,max=4,shells=4` | `shell * (6 * 12) + theta * 12 + phi` |
//! | box | `cartesian3:x=0,y=1,z=2,min=0/0/-1,max=4/4/1,bins=4x4x2,periodic=xy` | `(z * 4 + y) * 4 + x` |
//!
//! Bins of one axis are equally wide, and hold their lower edge. What lies below `min` or above `max` goes to the first
//! or last bin; a periodic axis wraps instead, with period `max - min`. `theta` is the polar angle, equally divided
//! from 0 to pi; `phi` is the azimuth, equally divided from -pi to pi, and wraps. Both are in radians, or in degrees if
//! `degrees` is said. `rings` gives each ring's number of phi bins, so that bins near the poles need not be slivers.
//! The arithmetic is float64 and has no transcendental function, so the bits are the same on every machine.
//! Not here: reading the words ([`super::spec`]), which bin is picked from ([`super::binned`]).

use std::f64::consts::PI;
use std::fmt;

use crate::error::{Result, argument};

/// The largest number of bins.
pub const BINS_MAX: usize = 1 << 20;

/// Where bins lie. Made from words by [`FromStr`](std::str::FromStr), which the module's table explains by examples:
///
/// ```
/// use patchstream::dynim::Bins;
///
/// let bins: Bins = "1d:dim=1,min=-5,max=7,bins=12".parse()?;
/// assert_eq!((bins.count(), bins.index(&[0.0, -4.5]), bins.index(&[0.0, 99.0])), (12, 0, 11));
/// assert!("1d:dim=1,min=7,max=-5,bins=12".parse::<Bins>().is_err());
/// # Ok::<(), patchstream::error::Error>(())
/// ```
/// - `1d:dim=0,min=-5,max=7,bins=20`, and `,periodic`
/// - `spherical2:theta=0,phi=1,bins=6x12`, or `rings=1/6/12/6/1` in place of `bins`, and `,degrees`
/// - `spherical3:theta=0,phi=1,r=2,bins=6x12,min=0,max=4,shells=4`, the same with shells of equal thickness
/// - `cartesian3:x=0,y=1,z=2,min=0/0/-1,max=4/4/1,bins=4x4x2`, and `,periodic=xy`
///
/// Beyond `min` and `max` is the first or last bin; a periodic axis wraps.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    /// As it was told.
    pub(super) text: String,
    pub(super) shape: Shape,
}

/// The kinds of bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// From the fastest index to the slowest.
    Axes(Vec<Axis>),
    Sphere {
        theta: Axis,
        /// Its `bins` differs by ring.
        phi: Axis,
        /// The number of phi bins in the rings before each ring, and at the end in all.
        before: Vec<usize>,
        r: Option<Axis>,
    },
}

/// One coordinate, cut into equal parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub dim: usize,
    pub min: f64,
    pub max: f64,
    pub bins: usize,
    pub periodic: bool,
}

impl Axis {
    /// The polar angle or, `periodic`, the azimuth, in radians or in degrees.
    pub(super) fn angle(dim: usize, bins: usize, periodic: bool, degrees: bool) -> Self {
        let half_turn = if degrees { 180.0 } else { PI };
        Self { dim, min: if periodic { -half_turn } else { 0.0 }, max: half_turn, bins, periodic }
    }

    /// The part of `0 .. bins` that `point` lies in.
    fn index(&self, point: &[f32]) -> usize {
        let x = (f64::from(point[self.dim]) - self.min) / (self.max - self.min);
        let x = if self.periodic { x - x.floor() } else { x };
        // The conversion saturates: below 0 is 0. What rounding took up to the upper edge stays in the last bin.
        ((x * self.bins as f64).floor() as usize).min(self.bins - 1)
    }
}

impl Bins {
    /// How many bins there are.
    pub fn count(&self) -> usize {
        match &self.shape {
            Shape::Axes(axes) => axes.iter().fold(1, |count, axis| count.saturating_mul(axis.bins)),
            Shape::Sphere { before, r, .. } => {
                let shells = r.map_or(1, |r| r.bins);
                before.last().map_or(0, |&on_a_shell| on_a_shell.saturating_mul(shells))
            }
        }
    }

    /// The bin of `point`, in `0 .. count`.
    ///
    /// # Panics
    /// If the point has fewer coordinates than [`check`](Self::check) was asked about.
    pub fn index(&self, point: &[f32]) -> usize {
        match &self.shape {
            Shape::Axes(axes) => axes.iter().rev().fold(0, |index, axis| index * axis.bins + axis.index(point)),
            Shape::Sphere { theta, phi, before, r } => {
                let ring = theta.index(point);
                let phi = Axis { bins: before[ring + 1] - before[ring], ..*phi };
                let shell = r.map_or(0, |r| r.index(point));
                shell * before[theta.bins] + before[ring] + phi.index(point)
            }
        }
    }

    /// Checks that a point of `coordinates` has what the bins are over.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument).
    pub fn check(&self, coordinates: usize) -> Result<()> {
        let dims: Vec<usize> = match &self.shape {
            Shape::Axes(axes) => axes.iter().map(|axis| axis.dim).collect(),
            Shape::Sphere { theta, phi, r, .. } => [theta.dim, phi.dim].into_iter().chain(r.map(|r| r.dim)).collect(),
        };
        match dims.iter().find(|&&dim| dim >= coordinates) {
            None => Ok(()),
            Some(dim) => Err(argument(format!(
                "bins {:?} are over coordinate {dim}, and points have {coordinates}, counted from 0: name another one",
                self.text
            ))),
        }
    }
}

impl fmt::Display for Bins {
    /// The words that it was made from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
