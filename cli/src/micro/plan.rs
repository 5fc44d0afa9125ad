//! How a simulation of a campaign goes, for its workers, and where they find their jobs.
//!
//! nm, time steps of the simulation. Not here: the simulation (`examples/md`).

use std::path::Path;

use super::options::{FRAME, MicroOptions, WINDOWS};
use crate::bridge::Ddft;
use crate::bridge_md::Plan;

/// How each simulation goes.
pub fn plan(options: &MicroOptions, seed: u64) -> Plan {
    Plan {
        seed,
        equilibration: options.md_equilibration,
        windows: WINDOWS,
        window: options.md_steps / WINDOWS,
        every: FRAME,
        bins: Ddft::BINS as u64,
        cutoff_nm: Ddft::CUTOFF_NM as u64,
    }
}

/// The transport of the campaign in a folder: the same each time, so that one that goes on takes over what an earlier one
/// left, and another one for each folder.
pub fn transport(folder: &Path) -> String {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.into());
    format!("shm:campaign-{:016x}", crate::host::fnv(whole.as_os_str().as_encoded_bytes()))
}
