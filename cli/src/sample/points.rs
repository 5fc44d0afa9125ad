//! Points and ids from `.npy` files.
//!
//! Points are read row by row, so that a file may be larger than memory; ids are held, 8 bytes each.
//! Not here: the format ([`crate::npy`]).

use std::path::{Path, PathBuf};

use patchstream::dynim::DIM_MAX;
use patchstream::error::{Result, argument, conflict, value};
use patchstream::ids;

use crate::npy::Npy;

/// The rows of a file of shape (n, d), in order.
#[derive(Debug)]
pub struct Points {
    path: PathBuf,
    npy: Npy,
    rows: usize,
    dim: usize,
    /// Float64, or else float32.
    double: bool,
    /// Rows that were read.
    read: usize,
    /// The bytes of one row.
    bytes: Vec<u8>,
}

impl Points {
    /// Opens the file and reads all of it once, so that a bad value is found before anything is done with a good one.
    ///
    /// # Errors
    /// Those of [`Npy::open`], and by [`ErrorKind`](patchstream::error::ErrorKind) `Shape` for a shape that is not
    /// (n, d) with d in `1 ..= DIM_MAX`, `Value` for NaN, infinity and a float64 that is too large for a float32.
    pub fn open(path: &Path) -> Result<Self> {
        let wanted = "points are float32 or float64, little endian: save points.astype('<f4')";
        let npy = Npy::open(path, &[("<f4", 4), ("<f8", 8)], wanted)?;
        let &[rows, dim] = npy.shape() else {
            return Err(npy.wrong_shape("points have two axes, (n, d): save points.reshape(len(points), -1)"));
        };
        if !(1..=DIM_MAX).contains(&dim) {
            return Err(npy.wrong_shape(format!("a point has 1 to {DIM_MAX} coordinates, the second axis")));
        }
        let double = npy.descr() == "<f8";
        let bytes = vec![0; dim * if double { 8 } else { 4 }];
        let mut points = Self { path: path.into(), npy, rows, dim, double, read: 0, bytes };
        let mut point = vec![0.0; dim];
        while points.read(&mut point)? {}
        points.npy.rewind()?;
        points.read = 0;
        Ok(points)
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Coordinates of each.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Reads the next one into `point`, of `dim` coordinates; false after the last.
    ///
    /// # Errors
    /// By [`ErrorKind`](patchstream::error::ErrorKind): `Io`, and `Value` as for [`open`](Self::open).
    pub fn read(&mut self, point: &mut [f32]) -> Result<bool> {
        if self.read == self.rows {
            return Ok(false);
        }
        self.npy.read(&mut self.bytes)?;
        let mut wide = None;
        if self.double {
            for (at, (x, bytes)) in point.iter_mut().zip(self.bytes.as_chunks().0).enumerate() {
                let double = f64::from_le_bytes(*bytes);
                *x = double as f32;
                if double.is_finite() && !x.is_finite() {
                    wide = wide.or(Some((at, double)));
                }
            }
        } else {
            for (x, bytes) in point.iter_mut().zip(self.bytes.as_chunks().0) {
                *x = f32::from_le_bytes(*bytes);
            }
        }
        let (name, row) = (self.path.display(), self.read);
        if let Some((column, double)) = wide {
            return Err(value(format!(
                "{name}: row {row}, column {column} is {double:e}, too large for a float32: scale the points"
            )));
        }
        if let Some(column) = point.iter().position(|x| !x.is_finite()) {
            return Err(value(format!(
                "{name}: row {row}, column {column} is {}: leave the row out (rows count from 0)",
                point[column]
            )));
        }
        self.read += 1;
        Ok(true)
    }
}

/// The ids of the rows, as people know them: 0 is one of them.
///
/// The sampler's own start from 1: each is one higher, so their order, which ties depend on, is the same.
#[derive(Debug)]
pub enum Ids {
    /// The row's number, from 0.
    Rows,
    /// One a row, each in `0 .. ids::MAX`.
    Given(Vec<u64>),
}

impl Ids {
    /// Reads the ids of so many rows.
    ///
    /// # Errors
    /// Those of [`Npy::open`], and by [`ErrorKind`](patchstream::error::ErrorKind) `Shape` for another shape than
    /// (rows,), `Argument` for an id out of range, `Conflict` for one that two rows have.
    pub fn open(path: &Path, rows: usize) -> Result<Self> {
        let name = path.display();
        let wanted = "ids are int64 or uint64, little endian: save ids.astype('<i8')";
        let mut npy = Npy::open(path, &[("<i8", 8), ("<u8", 8)], wanted)?;
        if npy.shape() != [rows] {
            return Err(npy.wrong_shape(format!("there are {rows} points, so ids have shape ({rows},)")));
        }
        let mut given = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut bytes = [0; 8];
            npy.read(&mut bytes)?;
            let id = u64::from_le_bytes(bytes);
            if id >= ids::MAX {
                let id = if npy.descr() == "<i8" { (id as i64).to_string() } else { id.to_string() };
                return Err(argument(format!(
                    "{name}: row {row} has the id {id}, which is not in 0 ..= {}: number the points anew",
                    ids::MAX - 1
                )));
            }
            given.push(id);
        }
        let mut sorted = given.clone();
        sorted.sort_unstable();
        if let Some(&[twice, _]) = sorted.array_windows().find(|[a, b]| a == b) {
            let mut at = (0..rows).filter(|&row| given[row] == twice);
            let [first, second] = [at.next(), at.next()].map(Option::unwrap_or_default);
            return Err(conflict(format!(
                "{name}: rows {first} and {second} both have the id {twice}: give each its own"
            )));
        }
        Ok(Self::Given(given))
    }

    /// The sampler's id of a row.
    pub fn inside(&self, row: usize) -> u64 {
        1 + match self {
            Self::Rows => row as u64,
            Self::Given(ids) => ids[row],
        }
    }

    /// The people's id of a sampler's one.
    pub fn outside(inside: u64) -> u64 {
        inside - 1
    }
}
