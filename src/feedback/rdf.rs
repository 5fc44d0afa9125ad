//! Counting pairs for g(r): distances in the plane, to the nearest periodic image, by species.
//!
//! nm. Positions are `values[bead * stride]`, `values[bead * stride + 1]`, in a box from 0 to `box_nm` each way, so that
//! a code's own array serves as it lies. Counts are `counts[species * bins + bin]`, raw: pairs over all frames. A pair
//! is a reference bead and another bead, so a reference bead does not see itself.
//! Not here: what g(r) is made of them ([`super::table`]), which beads are near ([`super::cells`]).

use super::bins::{Bins, VALUES_MAX, room};
use super::cells::Cells;
use crate::error::{Result, argument, shape, value};

/// The species of a bead that is not counted; it may be a reference bead.
pub const NOT_COUNTED: u16 = u16::MAX;

/// How many box lengths outside a bead may be where beads are to be wrapped.
const FAR: f64 = 1e6;

/// Where the beads are at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The periodic box, from 0 to these, nm.
    pub box_nm: [f64; 2],
    /// Coordinates in nm, x and y first of each bead's `stride` values.
    pub positions: &'a [f64],
    /// Values a bead, at least 2.
    pub stride: usize,
    /// The species of each bead, or [`NOT_COUNTED`].
    pub species: &'a [u16],
    /// The beads that distances are taken from, by index. One that is named twice counts twice.
    pub references: &'a [u32],
    /// Whether a bead outside the box is taken into it; otherwise it is an error.
    pub wrap: bool,
}

/// Counts pairs, frame by frame.
///
/// ```
/// use patchstream::feedback::{Bins, Frame, NOT_COUNTED, RdfCounter};
///
/// let mut counter = RdfCounter::new(2, Bins::new(60, 6.0)?)?;
/// let positions = [0.5, 0.0, 29.8, 0.0, 3.0, 0.0]; // a protein and two lipids
/// let species = [NOT_COUNTED, 0, 1];
/// counter.count(&Frame {
///     box_nm: [30.0, 30.0],
///     positions: &positions,
///     stride: 2,
///     species: &species,
///     references: &[0],
///     wrap: false,
/// })?;
/// assert_eq!(counter.counts().iter().sum::<u64>(), 2);
/// assert_eq!(counter.counts()[6], 1); // 0.7 nm, across the edge: species 0, bin 6 or 7 by rounding
/// # Ok::<(), patchstream::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RdfCounter {
    species: usize,
    bins: Bins,
    /// `counts[species * bins + bin]`, then a row for what is not counted.
    counts: Vec<u64>,
    frames: u64,
    cells: Cells,
    /// Squared distances of one run of beads.
    squares: Vec<f64>,
}

impl RdfCounter {
    /// A counter for `species` species, with all counts 0.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::error::ErrorKind::Argument) for no species, 65,535 and more, or more than 2^26 counts
    /// with one row to spare; [`ErrorKind::Memory`](crate::error::ErrorKind::Memory) if there is none for them.
    pub fn new(species: usize, bins: Bins) -> Result<Self> {
        if species == 0 || species >= usize::from(NOT_COUNTED) {
            return Err(argument(format!("{species} species to count: use 1 to {}", NOT_COUNTED - 1)));
        }
        let values = (species + 1) * bins.count();
        if values > VALUES_MAX {
            return Err(argument(format!(
                "{species} species, what is not counted, and {} bins are {values} counts: use fewer bins, {VALUES_MAX} counts \
                 are the most",
                bins.count()
            )));
        }
        let mut counts = room(values, "a pair counter")?;
        counts.resize(values, 0);
        Ok(Self { species, bins, counts, frames: 0, cells: Cells::default(), squares: Vec::new() })
    }

    /// Adds the pairs of one frame. After an error the counts are what they were.
    ///
    /// # Errors
    /// By [`ErrorKind`](crate::error::ErrorKind): `Argument` for a box that is not positive, a cutoff over half of it, no
    /// reference beads or one that is not there; `Shape` if the arrays do not fit each other; `Value` for a coordinate that
    /// is not finite or outside the box, and for a species that is not there.
    pub fn count(&mut self, frame: &Frame<'_>) -> Result<()> {
        self.check(frame)?;
        self.cells.load(frame, self.species as u16, self.bins.cutoff_nm())?;
        let (bins, cutoff) = (self.bins.count(), self.bins.cutoff_nm());
        let (square, per_nm) = (cutoff * cutoff, bins as f64 / cutoff);
        for &reference in frame.references {
            let [x, y] = self.cells.place(reference as usize);
            for run in self.cells.runs(x, y) {
                let (xs, ys, species) = self.cells.run(run);
                self.squares.clear();
                self.squares.extend(xs.iter().zip(ys).map(|(&bx, &by)| square_distance(bx - x, by - y, frame.box_nm)));
                for (&squared, &species) in self.squares.iter().zip(species) {
                    if squared < square {
                        let bin = (squared.sqrt() * per_nm) as usize;
                        // A distance that rounds to the cutoff is outside, as the cutoff itself is.
                        if bin < bins {
                            self.counts[usize::from(species) * bins + bin] += 1;
                        }
                    }
                }
            }
            // The bead has met itself, at distance 0.
            self.counts[self.cells.species(reference as usize) * bins] -= 1;
        }
        self.frames += 1;
        Ok(())
    }

    /// The pairs counted so far, `counts[species * bins + bin]`.
    pub fn counts(&self) -> &[u64] {
        &self.counts[..self.species * self.bins.count()]
    }

    /// The same as a sample has them.
    pub fn sums(&self) -> Vec<f64> {
        self.counts().iter().map(|&count| count as f64).collect()
    }

    /// How many frames were counted.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The bins.
    pub fn bins(&self) -> Bins {
        self.bins
    }

    /// How many species are counted.
    pub fn species(&self) -> usize {
        self.species
    }

    /// Sets counts and frames back to 0, for the next window.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.frames = 0;
    }

    fn check(&self, frame: &Frame<'_>) -> Result<()> {
        let Frame { box_nm, positions, stride, species, references, wrap } = *frame;
        for (axis, length) in ["x", "y"].into_iter().zip(box_nm) {
            if !(length > 0.0 && length.is_finite()) {
                return Err(argument(format!("the box is {length} nm long in {axis}: give a positive length")));
            }
            if self.bins.cutoff_nm() > 0.5 * length {
                return Err(argument(format!(
                    "the cutoff of {} nm is over half of the box, {length} nm in {axis}: a bead would be met twice, use a \
                     smaller cutoff",
                    self.bins.cutoff_nm()
                )));
            }
        }
        if stride < 2 || species.len().checked_mul(stride) != Some(positions.len()) {
            return Err(shape(format!(
                "{} coordinates at {stride} a bead do not fit {} species: give every bead x and y, and a species",
                positions.len(),
                species.len()
            )));
        }
        if references.is_empty() {
            return Err(argument("no reference beads: name at least one bead that distances are taken from"));
        }
        if let Some(bead) = references.iter().find(|&&bead| bead as usize >= species.len()) {
            return Err(argument(format!("reference bead {bead} is not there: {} beads, from 0", species.len())));
        }
        // All are looked at without a branch; which one it is is asked only if there is one.
        let is_strange = |s: &u16| usize::from(*s) >= self.species && *s != NOT_COUNTED;
        if species.iter().fold(false, |any, s| any | is_strange(s))
            && let Some(bead) = species.iter().position(is_strange)
        {
            return Err(value(format!(
                "bead {bead} is of species {}, where {} are counted, from 0: use {NOT_COUNTED} for one that is not",
                species[bead], self.species
            )));
        }
        let allowed = |x: f64, length: f64| {
            if wrap { x.abs() <= FAR * length } else { (0.0 <= x) & (x < length) }
        };
        let inside = |at: &[f64]| allowed(at[0], box_nm[0]) & allowed(at[1], box_nm[1]);
        if !positions.chunks_exact(stride).fold(true, |all, at| all & inside(at))
            && let Some(bead) = positions.chunks_exact(stride).position(|at| !inside(at))
        {
            let (x, y) = (positions[bead * stride], positions[bead * stride + 1]);
            return Err(value(format!(
                "bead {bead} is at ({x}, {y}) nm, outside the box of {} nm x {} nm: wrap positions, or look for what blew up",
                box_nm[0], box_nm[1]
            )));
        }
        Ok(())
    }
}

/// The squared distance to the nearest image, of two places in the box that are `dx`, `dy` apart.
#[inline]
pub(super) fn square_distance(dx: f64, dy: f64, box_nm: [f64; 2]) -> f64 {
    let (dx, dy) = (dx.abs(), dy.abs());
    let (wrapped_x, wrapped_y) = (box_nm[0] - dx, box_nm[1] - dy);
    let dx = if wrapped_x < dx { wrapped_x } else { dx };
    let dy = if wrapped_y < dy { wrapped_y } else { dy };
    dx * dx + dy * dy
}
