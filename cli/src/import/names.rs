//! What the history calls each point: integers or text from a `.npy` file. Objects, which are pickles, are refused.
//!
//! NumPy pads text with NULs: `<U7` is 7 characters of 4 bytes each, `|S7` 7 bytes.
//! Not here: the format ([`crate::npy`]), ids of a run ([`super::events`]).

use std::collections::HashMap;
use std::path::Path;

use patchstream::error::{Result, conflict, unsupported, value};
use patchstream::ids;

use crate::npy::Npy;

/// Characters that a name may have.
const TEXT_MAX: usize = 1024;

/// Reads a name from an item's bytes; none if they hold no text.
type Read = fn(&[u8]) -> Option<String>;

/// The names of the rows, and the ids that a run has for them.
#[derive(Debug)]
pub struct Names {
    /// Row by name.
    rows: HashMap<String, usize>,
    /// Name by row.
    names: Vec<String>,
    /// All names are numbers that can be ids as they are.
    numbers: bool,
}

impl Names {
    /// Reads the names of so many rows.
    ///
    /// # Errors
    /// Those of [`Npy::open`], and by [`ErrorKind`](patchstream::error::ErrorKind) `Shape` for another shape than
    /// (rows,), `Value` for text that is none, `Conflict` for a name that two rows have.
    pub fn open(path: &Path, rows: usize) -> Result<Self> {
        let descr = Npy::descr_of(path)?;
        let wanted = "ids are int64, uint64 or text, little endian: save numpy.array(ids, dtype=str) of them; objects are \
                      never read";
        let text = |size: usize| descr.get(2..)?.parse().ok().filter(|n: &usize| *n <= TEXT_MAX).map(|n| n * size);
        let (size, read): (usize, Read) = match descr.get(..2) {
            Some("<i") if descr == "<i8" => (8, |b| Some(i64::from_le_bytes(b.try_into().ok()?).to_string())),
            Some("<u") if descr == "<u8" => (8, |b| Some(u64::from_le_bytes(b.try_into().ok()?).to_string())),
            Some("<U") => (text(4).unwrap_or(0), utf32),
            Some("|S") => (text(1).unwrap_or(0), utf8),
            _ => (0, utf8),
        };
        if size == 0 {
            return Err(unsupported(format!("{} holds items of type {descr:?}: {wanted}", path.display())));
        }
        let mut npy = Npy::open(path, &[(&descr, size)], wanted)?;
        if npy.shape() != [rows] {
            return Err(npy.wrong_shape(format!("there are {rows} points, so ids have shape ({rows},)")));
        }
        let (mut names, mut by_name) = (Vec::with_capacity(rows), HashMap::with_capacity(rows));
        let mut bytes = vec![0; size];
        for row in 0..rows {
            npy.read(&mut bytes)?;
            // dynim's own reader takes blanks off.
            let name = read(&bytes).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
            let name =
                name.ok_or_else(|| value(format!("{}: row {row} holds no text: name the point", path.display())))?;
            if let Some(first) = by_name.insert(name.clone(), row) {
                let path = path.display();
                return Err(conflict(format!(
                    "{path}: rows {first} and {row} both have the id {name:?}: give each its own"
                )));
            }
            names.push(name);
        }
        let numbers = names.iter().all(|name| number(name).is_some());
        Ok(Self { rows: by_name, names, numbers })
    }

    /// The row of a name.
    pub fn row(&self, name: &str) -> Option<usize> {
        self.rows.get(name).copied()
    }

    /// The name of a row.
    pub fn name(&self, row: usize) -> &str {
        &self.names[row]
    }

    /// The run's id of a row: its name, if all are numbers that may be ids, otherwise its place from 1.
    pub fn id(&self, row: usize) -> u64 {
        match number(&self.names[row]) {
            Some(id) if self.numbers => id,
            _ => row as u64 + 1,
        }
    }

    /// Whether names are ids.
    pub fn are_ids(&self) -> bool {
        self.numbers
    }
}

/// A name that is an id, written as numbers are.
fn number(name: &str) -> Option<u64> {
    let id = name.parse::<u64>().ok().filter(|id| ids::check(*id).is_ok())?;
    (id.to_string() == name).then_some(id)
}

fn utf32(bytes: &[u8]) -> Option<String> {
    let text: Option<String> = bytes.as_chunks().0.iter().map(|b| char::from_u32(u32::from_le_bytes(*b))).collect();
    Some(text?.trim_end_matches('\0').to_owned()).filter(|text| !text.contains('\0'))
}

fn utf8(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
    (!text.contains('\0')).then(|| text.to_owned())
}
