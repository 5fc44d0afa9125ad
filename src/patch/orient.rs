//! The eight orientations of a patch, and the canonical one.
//!
//! A membrane has no preferred direction: flips and quarter turns of a patch are the same situation. Positions are
//! relative to the centre pixel, so all eight act on them exactly, by swaps and changes of sign.
//! Not here: which encoders want it (their card says so, [`crate::encode`]).

use std::cmp::Ordering;

use super::shape::Shape;
use super::states::{ProteinKind, ProteinStates};
use super::types::{PatchView, Protein};
use crate::error::{Result, shape, unknown, value};

/// One of the eight flips and quarter turns of a square: x and y may change places, then each may change its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Orientation {
    /// x and y change places, first of all.
    swap: bool,
    /// Then x changes its sign.
    flip_x: bool,
    /// Then y changes its sign.
    flip_y: bool,
}

impl Orientation {
    /// The one that leaves a patch as it is.
    pub const IDENTITY: Self = Self { swap: false, flip_x: false, flip_y: false };

    /// All eight, the identity first.
    pub const ALL: [Self; 8] = {
        let mut all = [Self::IDENTITY; 8];
        let mut i = 0;
        while i < 8 {
            all[i] = Self { swap: i & 4 != 0, flip_x: i & 2 != 0, flip_y: i & 1 != 0 };
            i += 1;
        }
        all
    };

    /// Where a position or a difference of two goes. A zero comes out without a sign, so that equal means equal bits.
    pub fn point(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [x, y] = if self.swap { [y, x] } else { [x, y] };
        [if self.flip_x { 0.0 - x } else { 0.0 + x }, if self.flip_y { 0.0 - y } else { 0.0 + y }]
    }

    /// Moves proteins to where this orientation puts them; their order and all else stay.
    pub fn proteins(self, proteins: &mut [Protein]) {
        for protein in proteins {
            [protein.x_nm, protein.y_nm] = self.point([protein.x_nm, protein.y_nm]);
        }
    }

    /// Writes the densities of a square patch in this orientation to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if `nx` and `ny` differ or are even (an even patch has no
    /// pixel in its middle, so densities and positions would part), or a buffer has not `shape.len()` values.
    pub fn densities(self, shape: Shape, densities: &[f32], out: &mut [f32]) -> Result<()> {
        check_square(shape)?;
        shape.expect_len(densities.len(), "densities")?;
        shape.expect_len(out.len(), "the output")?;
        for (i, pixel) in out.chunks_exact_mut(shape.channels).enumerate() {
            pixel.copy_from_slice(self.pixel(shape, densities, i));
        }
        Ok(())
    }

    /// The channels of pixel `i = y * nx + x` in this orientation of a square patch.
    fn pixel(self, shape: Shape, densities: &[f32], i: usize) -> &[f32] {
        let last = shape.nx - 1;
        let (x, y) = (i % shape.nx, i / shape.nx);
        // Backwards through `point`: signs first, then the swap.
        let x = if self.flip_x { last - x } else { x };
        let y = if self.flip_y { last - y } else { y };
        let [x, y] = if self.swap { [y, x] } else { [x, y] };
        &densities[(y * shape.nx + x) * shape.channels..][..shape.channels]
    }
}

/// The orientation that makes one and the same patch, bit for bit, of all eight orientations of a patch.
///
/// With fewer than two proteins it is the identity. Otherwise the first protein is the RAS nearest to the centre (without
/// a RAS, the protein nearest to it); the others follow, RAS before RAF and the nearest to the first one first. The
/// vector from the first to the second is turned into `0 ..= 45` degrees, the smallest angle that it can have. Where two
/// or more orientations do that (the angle is 0 or 45 degrees, or the two proteins are in one place), the one with the
/// smallest angle of the vector from the first to the third is taken; and where that does not decide, the smallest image:
/// densities, then positions, compared value by value. Equal distances are told apart by id, equal ids by the order of
/// the list; neither depends on the orientation.
///
/// # Errors
/// With two proteins or more: [`ErrorKind::Shape`](crate::error::ErrorKind::Shape) if `nx` and `ny` differ or are even,
/// or `densities` has not `shape.len()` values; [`ErrorKind::Unknown`](crate::error::ErrorKind::Unknown) for a protein
/// whose state is not in `states`; [`ErrorKind::Value`](crate::error::ErrorKind::Value) for a position that is not finite.
pub fn canonical(view: PatchView, states: &ProteinStates) -> Result<Orientation> {
    if view.proteins.len() < 2 {
        return Ok(Orientation::IDENTITY);
    }
    check_square(view.shape)?;
    view.shape.expect_len(view.densities.len(), "densities")?;
    for (i, protein) in view.proteins.iter().enumerate() {
        if states.kind(protein.state).is_none() {
            return Err(unknown(format!(
                "protein {i} has state {}, but there are {}: pass the index of a configured state",
                protein.state,
                states.len()
            )));
        }
        if !(protein.x_nm.is_finite() && protein.y_nm.is_finite()) {
            return Err(value(format!(
                "protein {i} is at ({}, {}) nm: pass finite positions",
                protein.x_nm, protein.y_nm
            )));
        }
    }

    let first = next(view.proteins, states, [0.0, 0.0], &[]);
    let origin = position(&view.proteins[first]);
    let second = next(view.proteins, states, origin, &[first]);
    let mut left = Candidates::all();
    left.keep_smallest_angle(difference(position(&view.proteins[second]), origin));
    if left.count() > 1 && view.proteins.len() > 2 {
        let third = next(view.proteins, states, origin, &[first, second]);
        left.keep_smallest_angle(difference(position(&view.proteins[third]), origin));
    }
    // What ties here as well is one image, so any of them will do.
    let smallest = left.iter().min_by(|a, b| compare_images(view, *a, *b));
    Ok(smallest.unwrap_or(Orientation::IDENTITY))
}

/// The orientations that are still in question.
struct Candidates([bool; 8]);

impl Candidates {
    fn all() -> Self {
        Self([true; 8])
    }

    fn iter(&self) -> impl Iterator<Item = Orientation> + '_ {
        Orientation::ALL.into_iter().zip(self.0).filter_map(|(orientation, left)| left.then_some(orientation))
    }

    fn count(&self) -> usize {
        self.0.iter().filter(|&&left| left).count()
    }

    /// Keeps those that give `vector` the smallest angle. Comparing the sectors is exact: two images of one vector in
    /// the same sector are the same.
    fn keep_smallest_angle(&mut self, vector: [f64; 2]) {
        let smallest = self.iter().map(|orientation| sector(orientation.point(vector))).min();
        for (left, orientation) in self.0.iter_mut().zip(Orientation::ALL) {
            *left = *left && Some(sector(orientation.point(vector))) == smallest;
        }
    }
}

/// Where the angle of a vector lies: 0 for 0 degrees, 1 between 0 and 45, 2 for 45 degrees, and so on up to 15 between
/// 315 and 360; 0 for no vector at all. No arithmetic, so no rounding.
fn sector([x, y]: [f64; 2]) -> u8 {
    if x == 0.0 && y == 0.0 {
        return 0;
    }
    // Turned by quarters until x > 0 and y >= 0.
    let (quarters, x, y) = if x > 0.0 && y >= 0.0 {
        (0, x, y)
    } else if x <= 0.0 && y > 0.0 {
        (4, y, -x)
    } else if x < 0.0 && y <= 0.0 {
        (8, -x, -y)
    } else {
        (12, -y, x)
    };
    let within = if y == 0.0 {
        0
    } else if y < x {
        1
    } else if y == x {
        2
    } else {
        3
    };
    quarters + within
}

/// The index of the protein that comes next after those of `taken`: RAS first, then the nearest to `origin`, then the
/// smaller id, then the earlier in the list. Squares and their sum are the same bits in every orientation.
fn next(proteins: &[Protein], states: &ProteinStates, origin: [f64; 2], taken: &[usize]) -> usize {
    let key = |i: usize| {
        let [x, y] = difference(position(&proteins[i]), origin);
        (states.kind(proteins[i].state) != Some(ProteinKind::Ras), x * x + y * y, proteins[i].id)
    };
    let order = |&i: &usize, &j: &usize| {
        let (a, b) = (key(i), key(j));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)).then(i.cmp(&j))
    };
    (0..proteins.len()).filter(|i| !taken.contains(i)).min_by(order).unwrap_or(0)
}

/// Compares the images of a patch in two orientations: densities in the order of the layout, then positions.
fn compare_images(view: PatchView, a: Orientation, b: Orientation) -> Ordering {
    let pixels = view.shape.nx * view.shape.ny;
    let densities = (0..pixels).flat_map(|i| {
        let a = a.pixel(view.shape, view.densities, i);
        a.iter().zip(b.pixel(view.shape, view.densities, i))
    });
    let positions = view.proteins.iter().flat_map(|p| {
        let a = a.point(position(p));
        a.into_iter().zip(b.point(position(p)))
    });
    densities
        .map(|(a, b)| a.total_cmp(b))
        .chain(positions.map(|(a, b)| a.total_cmp(&b)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn position(protein: &Protein) -> [f64; 2] {
    [protein.x_nm, protein.y_nm]
}

fn difference(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

fn check_square(of: Shape) -> Result<()> {
    if of.nx == of.ny && of.nx % 2 == 1 {
        return Ok(());
    }
    Err(shape(format!(
        "a {of} patch cannot be turned: only square patches with an odd number of pixels each way have a centre pixel"
    )))
}
