//! How a simulation of a campaign goes, for its workers, where they find their jobs, and what their samples become.
//!
//! nm, time steps of the simulation. Not here: the simulation (`examples/md`).

use std::path::Path;

use patchstream::error::Result;
use patchstream::feedback::{Inversion, Mixing};
use patchstream::stream::{FeedbackConfig, InversionConfig};

use super::options::{FRAME, MicroOptions, WINDOWS};
use crate::bridge::Ddft;
use crate::bridge_md::Plan;
use crate::campaign::PATCH_NM;
use crate::heal;

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

/// What the stream is told of feedback.
///
/// # Errors
/// Those of [`heal::settings`].
pub fn feedback() -> Result<FeedbackConfig> {
    let settings = heal::settings(PATCH_NM)?;
    let (bins, cutoff_nm) = (settings.bins.count(), settings.bins.cutoff_nm());
    let inversion = settings.inversion.map(|Inversion { mixing, smoothing_nm, floor, switch_nm, bulk }| {
        let told = InversionConfig { smoothing_nm, floor, switch_nm, bulk, ..InversionConfig::default() };
        match mixing {
            Mixing::Plain => told,
            Mixing::Gaussian { a_nm2, sigma_nm, densities_nm2 } => {
                let a_nm2 = a_nm2.chunks_exact(densities_nm2.len()).map(<[f64]>::to_vec).collect();
                InversionConfig { a_nm2, sigma_nm, densities_nm2, ..told }
            }
        }
    });
    Ok(FeedbackConfig { bins, cutoff_nm, inversion, ..FeedbackConfig::default() })
}

/// The transport of the campaign in a folder: the same each time, so that one that goes on takes over what an earlier one
/// left, and another one for each folder.
pub fn transport(folder: &Path) -> String {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.into());
    format!("shm:campaign-{:016x}", crate::host::fnv(whole.as_os_str().as_encoded_bytes()))
}
