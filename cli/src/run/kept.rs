//! The densities that a run keeps, as an array: `patches.npy` (n, ny, nx, channels) float32 in nm^-2, with `patches_ids.npy`.
//!
//! Of candidates and selected patches, in the order in which they came. A run that keeps none has no such files.
//! Not here: points and tables ([`super::export`]).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use patchstream::error::{ErrorKind, Result, io};
use patchstream::retain::RunDensities;
use patchstream::store::Recovered;
use patchstream::stream::journal::patches::patches;

use super::seen::{Patch, Seen, Stage};
use crate::draft::Draft;
use crate::npy;

/// The names of the files.
pub const NAMES: [&str; 2] = ["patches.npy", "patches_ids.npy"];

/// The files, and how many patches are in them.
pub struct Kept {
    pub files: Vec<Draft>,
    pub count: usize,
    /// Patches whose densities are torn: they are left out.
    pub torn: usize,
}

/// Writes the densities of the run in the folder `path` to drafts in the folder `to`; `None` if it was interrupted.
///
/// # Errors
/// A file of densities that is damaged as a whole or not read, and drafts that cannot be written.
pub fn write(found: &Recovered, seen: &Seen, path: &Path, to: &Path, stop: &AtomicBool) -> Result<Option<Kept>> {
    let mut kept = Kept { files: Vec::new(), count: 0, torn: 0 };
    let Some(mut densities) = RunDensities::open(path, found.description.run.0)? else {
        NAMES.iter().try_for_each(|name| remove(&to.join(name)))?;
        return Ok(Some(kept));
    };
    let shape = patches(&seen.options)?.shape;
    let mut values = vec![0.0; shape.len()];
    let mut read = |patch: &Patch, values: &mut [f32]| match densities.read(patch.id, patch.content, values) {
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
        read => read.map(Some),
    };
    // Once to see how many there are, which stands before them.
    let mut whole = Vec::new();
    for patch in seen.patches.iter().filter(|patch| matches!(patch.stage, Stage::Candidate | Stage::Selected)) {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match read(patch, &mut values)? {
            Some(true) => whole.push(patch),
            Some(false) => {}
            None => kept.torn += 1,
        }
    }
    kept.count = whole.len();
    let [mut array, mut ids] = [Draft::create(to, NAMES[0])?, Draft::create(to, NAMES[1])?];
    array.write(&npy::header("<f4", &[whole.len(), shape.ny, shape.nx, shape.channels]))?;
    ids.write(&npy::header("<u8", &[whole.len()]))?;
    let mut bytes = Vec::with_capacity(4 * values.len());
    for patch in whole {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if read(patch, &mut values)? != Some(true) {
            return Err(io(format!("the densities of patch {} changed meanwhile: export again", patch.id)));
        }
        bytes.clear();
        values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        array.write(&bytes)?;
        ids.write(&patch.id.to_le_bytes())?;
    }
    kept.files = vec![array, ids];
    Ok(Some(kept))
}

/// Those of an earlier export would belong to another run.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io(format!("cannot remove {}, of an earlier export: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
