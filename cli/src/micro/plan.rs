//! How a simulation of a campaign goes, for its workers, where they find their jobs, and what their samples become.
//!
//! nm, time steps of the simulation. Not here: the simulation (`examples/md`).

use std::path::Path;

use clap::{Args, Parser};
use patchstream::error::{Result, argument};
use patchstream::feedback::{Inversion, Mixing};
use patchstream::stream::{FeedbackConfig, InversionConfig};

use super::options::{FRAME, MicroOptions, WINDOWS};
use crate::bridge::Ddft;
use crate::bridge_md::Plan;
use crate::campaign::PATCH_NM;
use crate::heal;

/// What a simulation is, as options of a worker and as the note of a campaign's jobs, which has them all. The C++ hosts have
/// the same (`examples/md/md_run.hpp`).
#[derive(Args, Debug, Clone)]
pub struct PlanOptions {
    /// Start of all random numbers, together with a job's id
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,

    /// Time steps before anything is counted
    #[arg(long, value_name = "STEPS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(0..=1 << 30))]
    equilibration: u64,

    /// Windows, each handed in when it is complete
    #[arg(long, value_name = "N", default_value_t = WINDOWS, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    windows: u64,

    /// Time steps of a window
    #[arg(long, value_name = "STEPS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    window: u64,

    /// Count a frame every so many steps; a window is a multiple of it
    #[arg(long, value_name = "STEPS", default_value_t = FRAME, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    every: u64,

    /// Bins of g(r)
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    bins: u64,

    /// Where the last bin ends, in nm
    #[arg(long = "cutoff", value_name = "NM", default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=1000))]
    cutoff_nm: u64,
}

/// A note by itself.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct Note {
    #[command(flatten)]
    plan: PlanOptions,
}

impl PlanOptions {
    /// What a note says, with defaults for what it leaves out.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for one that is no plan.
    pub fn told(note: &str) -> Result<Self> {
        Note::try_parse_from(note.split_whitespace()).map(|told| told.plan).map_err(|error| {
            argument(format!(
                "the note \"{}\" is no plan of a simulation ({}): its host has to name --seed --equilibration --windows \
                 --window --every --bins --cutoff",
                note.escape_debug(),
                error.kind()
            ))
        })
    }

    /// How simulations go.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for a window that is no multiple of its frames.
    pub fn plan(&self) -> Result<Plan> {
        let Self { seed, equilibration, windows, window, every, bins, cutoff_nm } = *self;
        if !window.is_multiple_of(every) {
            return Err(argument(format!("--window {window} is no multiple of --every {every}: choose one")));
        }
        Ok(Plan { seed, equilibration, windows, window, every, bins, cutoff_nm })
    }
}

/// What workers are told with each job of a campaign, so that it does not matter how they were started.
pub fn note(options: &MicroOptions, seed: u64) -> String {
    let plan = [
        ("seed", seed),
        ("equilibration", options.md_equilibration),
        ("windows", WINDOWS),
        ("window", options.md_steps / WINDOWS),
        ("every", FRAME),
        ("bins", Ddft::BINS as u64),
        ("cutoff", Ddft::CUTOFF_NM as u64),
    ];
    plan.map(|(name, value)| format!("--{name} {value}")).join(" ")
}

/// How a job's simulation goes: by its note, or else by the worker's own options.
///
/// # Errors
/// [`ErrorKind::Argument`](patchstream::error::ErrorKind::Argument) for a note that is no plan.
pub fn planned(own: &Plan, note: Option<&str>) -> Result<Plan> {
    note.map_or(Ok(*own), |note| PlanOptions::told(note)?.plan())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_the_whole_plan_whatever_the_workers_own_options() {
        let options = MicroOptions { md_equilibration: 70, md_steps: 400, ..MicroOptions::default() };
        let own = PlanOptions::told("--seed 5 --bins 7").unwrap().plan().unwrap();
        let told = planned(&own, Some(&note(&options, u64::MAX))).unwrap();
        let wanted = Plan {
            seed: u64::MAX,
            equilibration: 70,
            windows: WINDOWS,
            window: 400 / WINDOWS,
            every: FRAME,
            bins: Ddft::BINS as u64,
            cutoff_nm: Ddft::CUTOFF_NM as u64,
        };
        assert_eq!(told, wanted);
        assert_eq!(planned(&own, None).unwrap(), own);
    }

    #[test]
    fn a_note_that_is_no_plan_is_refused_with_a_sentence() {
        let own = PlanOptions::told("").unwrap().plan().unwrap();
        for note in ["--windows many", "--windows", "--colour 3", "four windows", "--window 7 --every 2", "--help"] {
            let error = planned(&own, Some(note)).unwrap_err();
            assert!(error.message().contains("--window"), "{note}: {}", error.message());
        }
    }
}
