//! `patchstream gc`: removes what no living process owns, and says what it removed, what it left, and why.
//!
//! Not here: how it is made sure that nobody owns it ([`patchstream::lane::remove_left`]).

use patchstream::error::{ErrorKind, Result, io};
use patchstream::lane::remove_left;
use patchstream::shm::Swept;

use super::list::those_of;
use super::options::SweepOptions;
use super::target::Target;
use super::units::{size, table};
use crate::summary;

/// Clears up what the options name.
///
/// # Errors
/// [`ErrorKind::Unknown`] for a name under which nothing is; [`ErrorKind::Io`] if something could not be removed that
/// should have been, after everything else was done.
pub fn sweep(options: &SweepOptions) -> Result<()> {
    if options.targets.is_empty() {
        return segments(None, options.dry_run);
    }
    for target in &options.targets {
        match target {
            Target::Segment(name) => segments(Some(name), options.dry_run)?,
            Target::Folder(path) => super::folder::sweep(path, options.dry_run)?,
        }
    }
    Ok(())
}

fn segments(name: Option<&str>, dry: bool) -> Result<()> {
    let all = those_of(name)?;
    let mut rows = Vec::new();
    let (mut freed, mut removed, mut failed) = (0, 0, 0);
    let did = if dry { "would remove" } else { "removed" };
    for seen in &all {
        let (what, why) = match remove_left(&seen.name, dry) {
            Ok(Swept::Removed(bytes)) => {
                (freed, removed) = (freed + bytes, removed + 1);
                (did, format!("{}, no living process owns it", size(bytes)))
            }
            Ok(Swept::Lock) => {
                removed += 1;
                (did, "a lock file without a segment".into())
            }
            Ok(Swept::Left(why)) => ("left", why),
            // It went meanwhile.
            Err(error) if error.kind() == ErrorKind::Unknown => continue,
            Err(error) => {
                failed += 1;
                ("left", error.message().into())
            }
        };
        rows.push([what, &seen.name, &why].map(String::from).to_vec());
    }
    let left = rows.len() - removed;
    summary::print(&format!("{}{did} {removed}, {}; left {left}\n", table(&rows), size(freed)));
    match failed {
        0 => Ok(()),
        _ => Err(io(format!("{failed} of {} segments could not be cleared up: see above", all.len()))),
    }
}
